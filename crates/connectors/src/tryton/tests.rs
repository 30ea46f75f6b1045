//! The pure rules, on an order that a real Tryton answered: 100 and 150 brackets (`0001`, `0002`) and 500 kg of steel (`0003`).

use chrono::NaiveDate;
use domain::event::Promised;
use domain::order::Commitment;
use domain::quantity::Unit;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use uuid::Uuid;

use super::note::{self, Asked, Part, Record, asked, records};
use super::plan::{Amend, Cannot, Change, changes, plan};
use super::translate::Reading;
use super::wire::{Note, Order};

const KEY: &str = "connection-event";

fn reading() -> Value {
    serde_json::from_str(include_str!("fixtures/orders.as_requested.json")).expect("a fixture")
}

fn order(value: &Value) -> Order {
    serde_json::from_value(value["order"].clone()).expect("an order")
}

fn number(text: &str) -> Decimal {
    text.parse().expect("a decimal")
}

fn on(day: &str) -> NaiveDate {
    day.parse().expect("a day")
}

fn date(day: &str) -> Value {
    super::wire::day(Some(on(day)))
}

/// A promise for line `0001`, which asks for 100 on 7 December at 4.10.
fn promised(parts: &[(&str, Option<&str>)]) -> Promised {
    let part = |(quantity, day): &(&str, Option<&str>)| Commitment {
        quantity: number(quantity),
        deliver_on: day.map(on),
        ship_on: None,
        price: None,
    };
    Promised {
        schedule_line_id: Uuid::from_u128(1).into(),
        line: "0001".to_owned(),
        schedule: 1,
        item: "CMP-BRACKET".to_owned(),
        unit: Unit::new("u"),
        requested: number("100"),
        requested_on: on("2026-12-07"),
        price: Some(number("4.1")),
        commitments: parts.iter().map(part).collect(),
    }
}

/// What would be noted and done for a promise, moves as they are now.
fn planned(value: &Value, records: &[Record], promise: &Promised) -> Result<(Record, Vec<Amend>, Vec<Change>), Cannot> {
    let order = order(value);
    let plan = plan(&order, records, KEY, 7, &[promise])?;
    let mut noted = records.to_vec();
    noted.push(plan.record.clone());
    let left = changes(&order, &noted, &plan.record);
    Ok((plan.record, plan.amend, left))
}

/// What an earlier delivery noted.
fn noted(promise: &Promised) -> Vec<Record> {
    let record = planned(&reading(), &[], promise).expect("a promise that can be written").0;
    vec![Record { key: "connection-earlier-event".to_owned(), version: 6, ..record }]
}

#[test]
fn a_promise_as_requested_leaves_nothing_to_do_but_the_note() {
    let promise = promised(&[("100", Some("2026-12-07"))]);
    let (record, amend, left) = planned(&reading(), &[], &promise).expect("a plan");
    assert_eq!((amend, left), (vec![], vec![]));
    let text = note::text(&record, &[&promise], "2026-11-23T06:10:00Z".parse().expect("an instant"));
    assert_eq!(
        text.lines().take(2).collect::<Vec<_>>(),
        [
            "Supplier's confirmation, taken over by Interlock. Binding since 2026-11-23 06:10 UTC.",
            "Line 0001, CMP-BRACKET: 100 U on 2026-12-07 (requested: 100 U on 2026-12-07).",
        ]
    );
    let stamp = json!({"__class__": "datetime", "year": 2026, "month": 11, "day": 23});
    let note: Note = serde_json::from_value(json!({"id": 1, "message": text, "create_date": stamp})).expect("a note");
    let other = Note { message: Some("Call them about the pallets.".to_owned()), ..note.clone() };
    assert_eq!(records(&[other, note]), vec![record], "what is noted is read again");
}

#[test]
fn a_split_grows_before_it_shrinks_and_only_the_difference_is_written() {
    let split = promised(&[("60", Some("2026-12-07")), ("40", Some("2026-12-21"))]);
    let (.., left) = planned(&reading(), &[], &split).expect("a plan");
    let part = |quantity, day: &str| Part { quantity: number(quantity), on: Some(on(day)) };
    assert_eq!(
        left,
        vec![
            Change::Move { id: 4, part: part("60", "2026-12-07") },
            Change::Add { line: 1, part: part("40", "2026-12-21") },
        ]
    );

    // As it stands after that; the second promise joins it again.
    let mut value = reading();
    let moves = &mut value["order"]["lines"][0]["moves"];
    moves[0]["quantity"] = json!(60.0);
    let mut second = moves[0].clone();
    second["id"] = json!(90);
    second["quantity"] = json!(40.0);
    second["planned_date"] = date("2026-12-21");
    second["origin_planned_date"] = Value::Null;
    moves.as_array_mut().expect("moves").push(second);
    let joined = promised(&[("100", Some("2026-12-21"))]);
    let (.., left) = planned(&value, &noted(&split), &joined).expect("a plan");
    assert_eq!(
        left,
        vec![
            Change::Store { line: 1, on: on("2026-12-21") },
            Change::Move { id: 4, part: part("100", "2026-12-21") },
            Change::Remove { id: 90 },
        ],
        "deleted last: Tryton would add what is missing"
    );
}

#[test]
fn parts_of_one_day_are_one_move_and_several_moves_of_one_day_are_left() {
    let twice = promised(&[("30", Some("2026-12-07")), ("70", Some("2026-12-07"))]);
    let (.., left) = planned(&reading(), &[], &twice).expect("a plan");
    assert_eq!(left, vec![]);

    let mut value = reading();
    let moves = &mut value["order"]["lines"][0]["moves"];
    moves[0]["quantity"] = json!(55.0);
    let mut second = moves[0].clone();
    second["id"] = json!(90);
    second["quantity"] = json!(45.0);
    moves.as_array_mut().expect("moves").push(second);
    let (.., left) = planned(&value, &[], &promised(&[("100", Some("2026-12-07"))])).expect("a plan");
    assert_eq!(left, vec![]);
}

#[test]
fn another_quantity_and_another_price_are_amended_and_a_rejection_is_nothing() {
    let short = promised(&[("80", Some("2026-12-07"))]);
    let amend = |quantity, price| vec![Amend { line: 1, quantity: number(quantity), price: Some(number(price)) }];
    assert_eq!(planned(&reading(), &[], &short).expect("a plan").1, amend("80", "4.1"));
    assert_eq!(planned(&reading(), &[], &promised(&[])).expect("a plan").1, amend("0", "4.1"));

    let mut dearer = promised(&[("100", Some("2026-12-07"))]);
    dearer.commitments[0].price = Some(number("4.2567"));
    assert_eq!(planned(&reading(), &[], &dearer).expect("a plan").1, amend("100", "4.2567"));
}

#[test]
fn what_cannot_be_written_is_refused_in_words_for_the_buyer() {
    let refused = |value: &Value, promise: &Promised| match planned(value, &[], promise) {
        Err(Cannot::Refuse(reason)) => reason,
        other => panic!("not refused: {other:?}"),
    };
    let whole = promised(&[("100", Some("2026-12-07"))]);

    let mut fraction = whole.clone();
    fraction.commitments[0].quantity = number("99.5");
    let mut prices = promised(&[("50", Some("2026-12-07")), ("50", Some("2026-12-08"))]);
    prices.commitments[1].price = Some(number("5"));
    let mut gone = whole.clone();
    gone.line = "0009".to_owned();
    let mut unit = whole.clone();
    unit.unit = Unit::new("box");
    let mut second = whole.clone();
    second.schedule = 2;
    for (promise, says) in [
        (fraction, "keeps U with 0 decimals, so 99.5 U cannot be written"),
        (prices, "one price per line"),
        (gone, "does not exist in Tryton any more"),
        (unit, "its unit in Tryton is U now"),
        (second, "the answer is to number 2"),
    ] {
        let reason = refused(&reading(), &promise);
        assert!(reason.contains(says), "{reason}");
    }

    let with = |path: &str, new: Value| {
        let mut value = reading();
        *value.pointer_mut(path).expect("a place in the fixture") = new;
        value
    };
    for (value, says) in [
        (with("/order/state", json!("draft")), "is in state \"draft\""),
        (with("/order/lines/0/quantity", json!(120.0)), "It now asks for 120 U on 2026-12-07 at 4.1;"),
        (with("/order/lines/0/moves/0/planned_date", date("2026-12-09")), "for 100 U on 2026-12-09"),
        (with("/order/lines/0/moves/0/state", json!("cancelled")), "move 4 was cancelled"),
        (with("/order/lines/0/moves/0/unit", json!(9)), "is in another unit"),
    ] {
        let reason = refused(&value, &whole);
        assert!(reason.contains(says), "{reason}");
    }
    let waits = planned(&with("/order/state", json!("confirmed")), &[], &whole);
    assert!(matches!(waits, Err(Cannot::Wait(_))), "{waits:?}");

    let received = with("/order/lines/0/moves/0/shipment", json!("stock.shipment.in,1"));
    let reason = refused(&received, &promised(&[("80", Some("2026-12-07"))]));
    assert!(reason.contains("100 U are received or announced already, the supplier promises 80 U"), "{reason}");
}

#[test]
fn what_stands_on_a_line_is_the_request_unless_we_put_it_there() {
    let split = promised(&[("60", Some("2026-12-07")), ("30", Some("2026-12-21"))]);
    let records = noted(&split);
    let line = |quantity: f64, price: &str, moves: &[(&str, Option<&str>)]| {
        let mut value = reading();
        let line = &mut value["order"]["lines"][0];
        line["quantity"] = json!(quantity);
        line["unit_price"]["decimal"] = json!(price);
        let template = line["moves"][0].clone();
        let moves = moves.iter().map(|(planned, origin)| {
            let mut each = template.clone();
            each["planned_date"] = date(planned);
            each["origin_planned_date"] = origin.map_or(Value::Null, date);
            each
        });
        line["moves"] = moves.collect();
        order(&value).lines.remove(0)
    };
    let asks =
        |quantity, day, price| Asked { quantity: number(quantity), on: Some(on(day)), price: Some(number(price)) };
    let (seventh, later) = ("2026-12-07", "2026-12-21");
    for (name, line, expected) in [
        ("as it was", line(100.0, "4.1000", &[(seventh, Some(seventh))]), asks("100", seventh, "4.1")),
        (
            "as we wrote it",
            line(90.0, "4.1000", &[(seventh, Some(seventh)), (later, None)]),
            asks("100", seventh, "4.1"),
        ),
        ("half written", line(90.0, "4.1000", &[(later, Some(seventh))]), asks("100", seventh, "4.1")),
        ("amended by the buyer", line(120.0, "4.1000", &[(seventh, Some(seventh))]), asks("120", seventh, "4.1")),
        ("dearer by the buyer", line(90.0, "4.5000", &[(seventh, Some(seventh))]), asks("100", seventh, "4.5")),
        (
            "dragged by the buyer",
            line(90.0, "4.1000", &[("2026-12-10", Some(seventh))]),
            asks("100", "2026-12-10", "4.1"),
        ),
        ("remade by Tryton elsewhere", line(90.0, "4.1000", &[(later, Some(later))]), asks("100", seventh, "4.1")),
        ("without a move", line(90.0, "4.1000", &[]), asks("100", seventh, "4.1")),
    ] {
        assert_eq!(asked(&line, &records), expected, "{name}");
    }
    let unanswered = line(100.0, "4.1000", &[("2026-12-10", Some(seventh))]);
    assert_eq!(asked(&unanswered, &[]), asks("100", "2026-12-10", "4.1"), "before an answer the moves say it");
}

#[test]
fn a_promise_to_an_earlier_request_does_not_explain_a_later_value() {
    // 100 asked, 80 promised; then 90 asked and promised; then the buyer amends to 80: that is his, not ours.
    let mut first = noted(&promised(&[("80", Some("2026-12-07"))])).remove(0);
    first.version = 1;
    let mut second = first.clone();
    second.version = 2;
    second.lines[0].requested.quantity = number("90");
    second.lines[0].parts[0].quantity = number("90");
    let mut value = reading();
    value["order"]["lines"][0]["quantity"] = json!(80.0);
    let line = order(&value).lines.remove(0);
    assert_eq!(asked(&line, &[first, second]).quantity, number("80"));
}

#[test]
fn the_key_of_an_order_is_its_content_and_when_it_changed() {
    let key = |value: &Value| serde_json::from_value::<Reading>(value.clone()).expect("a reading").key();
    let value = reading();
    let mut later = value.clone();
    later["as_of"] = json!(later["as_of"].as_i64().expect("a number") + 1);
    assert_eq!(key(&value), key(&later), "when it was read does not matter");
    let mut touched = value.clone();
    touched["order"]["lines"][0]["moves"][0]["last_modified_at"]["year"] = json!(2027);
    let same_content = |key: &str| key.rsplit('-').next().map(str::to_owned);
    assert_ne!(key(&value), key(&touched));
    assert_eq!(same_content(&key(&value)), same_content(&key(&touched)));
    let mut changed = value.clone();
    changed["order"]["lines"][0]["quantity"] = json!(101.0);
    assert_ne!(same_content(&key(&value)), same_content(&key(&changed)));
}

#[test]
fn floats_mean_the_decimal_that_was_entered() {
    for (float, text) in [(100.0, "100"), (0.1, "0.1"), (12.345, "12.345"), (1e-6, "0.000001")] {
        let mut value = reading();
        value["order"]["lines"][2]["unit"]["digits"] = json!(6);
        value["order"]["lines"][2]["quantity"] = json!(float);
        assert_eq!(order(&value).lines[2].asked_quantity(), number(text));
        assert_eq!(super::wire::quantity(number(text)), json!(float));
    }
    // The sum of floats that Tryton may have made is rounded to the unit's two digits.
    let mut value = reading();
    value["order"]["lines"][2]["quantity"] = json!(0.300_000_000_000_000_04);
    assert_eq!(order(&value).lines[2].asked_quantity(), number("0.3"));
}
