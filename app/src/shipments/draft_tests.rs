use domain::Decimal;

use super::*;

const LINE: &str = "019ae4c2-6c1e-7a40-9f3b-5d1c2e8ab7f0";

fn today() -> NaiveDate {
    "2026-12-01".parse().expect("a day")
}

fn posted(pairs: &[(&str, &str)]) -> Fields {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn ready() -> Draft {
    let mut draft = Draft::default();
    draft.take_lines(&posted(&[
        ("lines.0.id", LINE),
        ("lines.0.quantity", "100"),
        ("lines.0.lots.0.lot", "H-1"),
        ("lines.0.lots.0.quantity", "60"),
        ("lines.0.lots.0.origin", "de"),
        ("lines.0.lots.1.lot", ""),
        ("lines.0.lots.1.quantity", ""),
        ("lines.0.lots.2.lot", "H-2"),
        ("lines.0.lots.2.quantity", "40"),
        ("lines.0.lots.2.expires_on", "4 Dec 2027"),
    ]));
    draft.take_transport(&posted(&[("delivery_note", " LS-1 "), ("ship_on", "2026-12-01"), ("arrive_on", "+2")]));
    draft
}

#[test]
fn what_was_typed_becomes_content_and_empty_rows_do_not() {
    let content = ready().content(today()).expect("readable");
    let lots: Vec<_> = content.lines[0].lots.iter().map(|lot| (lot.lot.as_str(), lot.quantity)).collect();
    assert_eq!(lots, [("H-1", Decimal::from(60)), ("H-2", Decimal::from(40))]);
    assert_eq!(content.lines[0].lots[0].origin.as_deref(), Some("DE"));
    assert_eq!(content.delivery_note, "LS-1");
    assert_eq!(content.arrive_on.to_string(), "2026-12-03");
}

#[test]
fn everything_that_cannot_be_read_is_said_at_its_input() {
    let mut draft = ready();
    draft.lines[0].quantity = "many".to_owned();
    draft.lines[0].lots[1].expires_on = "12/4/27".to_owned();
    draft.fields.insert("arrive_on".to_owned(), String::new());
    let problems = draft.content(today()).expect_err("unreadable");
    let fields: Vec<&str> = problems.iter().map(|problem| problem.field.as_str()).collect();
    assert_eq!(fields, ["lines.0.lots.1.expires_on", "lines.0.quantity", "arrive_on"]);
}

#[test]
fn lots_alone_say_how_much_it_is() {
    let mut draft = ready();
    draft.lines[0].quantity = String::new();
    assert_eq!(draft.content(today()).expect("readable").lines[0].quantity, Decimal::from(100));
}

#[test]
fn a_pasted_table_becomes_rows_and_an_added_row_has_what_is_left() {
    let mut draft = ready();
    draft.lines[0].lots.clear();
    draft.lines[0].paste = "A\t30\t04 Dec 2027\t\tDE\nB;20".to_owned();
    draft.take_paste(0).expect("room");
    draft.add_lot(0).expect("room");
    let lots: Vec<_> = draft.lines[0].lots.iter().map(|lot| (lot.lot.as_str(), lot.quantity.as_str())).collect();
    assert_eq!(lots, [("A", "30"), ("B", "20"), ("", "50")]);
    assert!(draft.lines[0].paste.is_empty());
}

#[test]
fn packing_alike_comes_back_from_the_form_as_it_went() {
    let mut draft = ready();
    draft.take_units(&posted(&[("per_carton", "25"), ("per_pallet", "2")]));
    draft.pack(today()).expect("packed");
    let before = draft.content(today()).expect("readable");
    assert_eq!(before.units.iter().filter(|unit| unit.kind == PackageKind::Pallet).count(), 3);
    assert_eq!(before.units.len(), 8, "60 and 40 in cartons of 25 are five cartons on three pallets");

    let mut form = Fields::new();
    for (k, unit) in draft.units.iter().enumerate() {
        form.insert(format!("units.{k}.number"), unit.number.to_string());
        form.insert(format!("units.{k}.kind"), unit.kind.clone());
        form.insert(format!("units.{k}.parent"), unit.parent.clone());
        for (m, part) in unit.contents.iter().enumerate() {
            form.insert(format!("units.{k}.contents.{m}.what"), part.what.clone());
            form.insert(format!("units.{k}.contents.{m}.quantity"), part.quantity.clone());
        }
    }
    draft.take_units(&form);
    assert_eq!(draft.content(today()).expect("readable"), before);
}

#[test]
fn a_draft_of_content_says_the_same_content() {
    let mut content = ready().content(today()).expect("readable");
    content.lines[0].lots[0].serials = (1..=60).map(|n| format!("S{n:03}")).collect();
    content.note = Some("Side gate".to_owned());
    let draft = Draft::of_content(&content, String::new(), "DE10");
    assert_eq!(draft.content(today()).expect("readable"), content);
}

#[test]
fn a_finding_leads_to_an_input_that_stands_on_a_step() {
    for (at, input, step) in [
        ("lines.0.quantity", "lines.0.quantity", "lines"),
        ("lines.2", "lines.2.quantity", "lines"),
        ("lines.2.lots", "lines.2.add", "lines"),
        ("units.3.sscc", "units.3.kind", "packing"),
        ("units.3.contents.1", "units.3.contents.1.what", "packing"),
        ("delivery_note", "delivery_note", "transport"),
    ] {
        assert_eq!(input_of(at), input, "{at}");
        assert_eq!(step_of(&input_of(at)), step, "{at}");
    }
}

#[test]
fn a_day_typed_as_a_distance_stays_the_day_that_was_meant() {
    let mut draft = ready();
    draft.lines[0].lots[0].expires_on = "someday".to_owned();
    draft.settle_days(today());
    assert_eq!(draft.text("arrive_on"), "03 Dec 2026");
    assert_eq!(draft.lines[0].lots[1].expires_on, "04 Dec 2027");
    assert_eq!(draft.lines[0].lots[0].expires_on, "someday", "what cannot be read is kept");
}
