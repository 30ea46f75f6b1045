//! The answer form as people fill it in.

use std::collections::HashMap;

use domain::command::{ItemSnapshot, LineSnapshot, OrderSnapshot, PlantSnapshot, ScheduleSnapshot, SupplierSnapshot};
use domain::id::{ConnectionId, ItemId, OrderId, PlantId, SupplierId};
use domain::order::OrderStatus;
use domain::quantity::Unit;
use domain::revision::Resolved;
use domain::tolerance::{Limit, Outside, Tolerances};
use uuid::Uuid;

use super::*;

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a day")
}

fn today() -> NaiveDate {
    day("2026-12-01")
}

/// One line of 1,250 pieces for 4 December at 10.00; tolerance 1 d late and 5 % short.
fn order() -> PurchaseOrder {
    let limit = |up_to: i64| Some(Limit { up_to: up_to.into(), outside: Outside::Review });
    let snapshot = OrderSnapshot {
        number: "4500001".to_owned(),
        their_version: 1,
        their_ref: "77".to_owned(),
        supplier: SupplierSnapshot { number: "100234".to_owned(), name: "Rhein Guss".to_owned() },
        plant: PlantSnapshot { code: "DE10".to_owned(), name: "Lindau".to_owned() },
        buyer: None,
        currency: "EUR".to_owned(),
        incoterm: None,
        status: OrderStatus::Open,
        lines: vec![LineSnapshot {
            number: "0010".to_owned(),
            their_ref: "1".to_owned(),
            item: ItemSnapshot {
                number: "0012-00A".to_owned(),
                description: "Bearing bracket".to_owned(),
                unit: Unit::new("PCE"),
                revision: None,
                rules: None,
            },
            supplier_item: None,
            unit: Unit::new("PCE"),
            price: Some(Decimal::TEN),
            tolerances: Tolerances { late: limit(1), short: limit(5), ..Tolerances::default() },
            schedule: vec![ScheduleSnapshot { number: 1, quantity: 1250.into(), requested_on: day("2026-12-04") }],
        }],
    };
    let resolved = Resolved {
        connection_id: ConnectionId(Uuid::from_u128(1)),
        supplier_id: SupplierId(Uuid::from_u128(2)),
        plant_id: PlantId(Uuid::from_u128(3)),
        items: HashMap::from([("0012-00A".to_owned(), ItemId(Uuid::from_u128(4)))]),
        supplier_tolerances: Tolerances::default(),
        plant_tolerances: Tolerances::default(),
        may_change_price: false,
    };
    let mut next = 100_u128;
    let mut new_id = || {
        next += 1;
        Uuid::from_u128(next)
    };
    let now = "2026-12-01T09:30:00Z".parse().expect("an instant");
    PurchaseOrder::publish(OrderId(Uuid::from_u128(9)), &snapshot, &resolved, now, &mut new_id).0
}

/// The form of that order with this said about its line: `kind | quantity on day | … | because reason`.
fn typed(order: &PurchaseOrder, said: &str) -> (TypedLine, Fields) {
    let (line, schedule) = order.schedule_lines().next().expect("a line");
    let mut typed = TypedLine::untouched(line, schedule);
    let mut words = said.split('|').map(str::trim);
    typed.answer = words.next().unwrap_or_default().to_owned();
    let (mut parts, mut reason) = (Vec::new(), String::new());
    for word in words {
        match word.strip_prefix("because ") {
            Some(why) => why.clone_into(&mut reason),
            None => {
                let (quantity, deliver_on) = word.split_once(" on ").unwrap_or((word, ""));
                parts.push(TypedPart {
                    quantity: quantity.to_owned(),
                    deliver_on: deliver_on.to_owned(),
                    ..TypedPart::default()
                });
            }
        }
    }
    typed.reason = reason;
    if !parts.is_empty() {
        typed.parts = parts;
    }
    let mut fields = Fields::new();
    typed.write(&mut fields, schedule.schedule_line_id);
    (typed, fields)
}

fn hinted(said: &str) -> Hint {
    let order = order();
    let (typed, _) = typed(&order, said);
    let (line, schedule) = order.schedule_lines().next().expect("a line");
    hint(&order, line, schedule, &typed, today())
}

#[test]
fn what_happens_is_said_while_it_is_typed() {
    for (said, outcome, words) in [
        ("", Outcome::NotAnswered, "not answered"),
        ("accept", Outcome::AsRequested, "as requested"),
        ("change | 1,250 on 04 Dec 2026", Outcome::AsRequested, "as requested"),
        ("change | 1,250 on 5.12.26", Outcome::ByRule, "accepted by rule"),
        ("change | 1 200 on 2026-12-04", Outcome::ByRule, "accepted by rule"),
        ("change | 1,250 on +3 | because machine_breakdown", Outcome::ToBuyer, "goes to the buyer"),
        ("change | 1,250 on 07 Dec 2026", Outcome::ToBuyer, "goes to the buyer"),
        ("reject | because discontinued", Outcome::ToBuyer, "goes to the buyer"),
        ("change | 1,250 on 31 Nov 2026", Outcome::Faulty, "1 error"),
        ("change | many on soon", Outcome::Faulty, "2 errors"),
        ("change | 1,250 on 30 Nov 2026 | because transport", Outcome::Faulty, "1 error"),
        ("perhaps", Outcome::Faulty, "1 error"),
    ] {
        let hint = hinted(said);
        assert_eq!((hint.outcome, hint.words.as_str()), (outcome, words), "{said}");
    }
}

#[test]
fn another_day_means_a_change_whatever_the_select_says() {
    let order = order();
    for select in ["", "accept"] {
        let (_, fields) = typed(&order, &format!("{select} | 1,250 on 05 Dec 2026"));
        let answers = answers(&order, &fields, today()).expect("readable");
        assert_eq!(answers.iter().map(|answer| answer.kind).collect::<Vec<_>>(), [AnswerKind::Change], "“{select}”");
    }
    let (line, schedule) = order.schedule_lines().next().expect("a line");
    assert_eq!(typed(&order, "| 1,250 on 05 Dec 2026").0.settled(line, schedule).answer, "change");
    assert_eq!(typed(&order, "").0.settled(line, schedule).answer, "");
    let (_, untouched) = typed(&order, "");
    assert_eq!(answers(&order, &untouched, today()), Ok(Vec::new()));
}

#[test]
fn the_notes_stand_under_the_input_that_deviates_and_name_the_limit() {
    let hint = hinted("change | 600 on 04 Dec 2026 | 600 on 05 Dec 2026");
    let notes: Vec<String> = hint.notes.iter().map(|(field, _, words)| format!("{} {words}", &field[37..])).collect();
    assert_eq!(
        notes,
        ["1-deliver_on 1 day later: within tolerance (1 d)", "0-quantity 4 % short: within tolerance (5 %)"]
    );
    assert_eq!(hint.left, Some((Tone::Warn, "50 left".to_owned())));

    let late = hinted("change | 1,250 on 07 Dec 2026 | because transport");
    assert_eq!(late.notes[0].2, "3 days later than requested: goes to the buyer");
    assert_eq!(late.left, None);
}

#[test]
fn blank_rows_among_parts_are_left_out_and_problems_stay_on_their_row() {
    let order = order();
    let (typed, fields) = typed(&order, "change | 600 on 04 Dec 2026 | | 650 on 02 Nov 2026");
    assert_eq!(typed.parts.len(), 3);
    let problems = answers(&order, &fields, today()).expect_err("a day in the past");
    assert!(problems[0].field.ends_with("-2-deliver_on"), "{}", problems[0].field);
    assert_eq!(problems[0].message, "Line 0010: 02 Nov 2026 is in the past. Today is 01 Dec 2026.");
}

#[test]
fn unreadable_text_is_refused_with_the_line_it_stands_in() {
    let order = order();
    let (_, fields) = typed(&order, "change | 1,250 on 31 Nov 2026");
    let problems = answers(&order, &fields, today()).expect_err("no such day");
    assert_eq!(
        problems[0].message,
        "Line 0010: “31 Nov 2026”: November 2026 has 30 days. Did you mean 30 Nov or 01 Dec?"
    );
}

#[test]
fn a_part_is_added_with_what_is_left_and_the_last_one_stays() {
    let order = order();
    let (line, schedule) = order.schedule_lines().next().expect("a line");
    let mut typed = TypedLine::untouched(line, schedule);
    "1,000".clone_into(&mut typed.parts[0].quantity);
    typed.add_part(line, schedule);
    assert_eq!((typed.answer.as_str(), typed.parts[1].quantity.as_str()), ("change", "250"));
    typed.remove_part(0);
    typed.remove_part(0);
    assert_eq!(typed.parts.len(), 1);
}

#[test]
fn writing_and_reading_the_form_gives_the_same_line() {
    let order = order();
    let (typed, mut fields) = typed(&order, "change | 600 on 04 Dec 2026 | 650 on 05 Dec 2026 | because capacity");
    let id = order.lines[0].schedule[0].schedule_line_id;
    assert_eq!(TypedLine::read(&fields, id), Some(typed.clone()));
    let fewer = TypedLine { parts: typed.parts[..1].to_vec(), ..typed };
    fewer.write(&mut fields, id);
    assert_eq!(TypedLine::read(&fields, id), Some(fewer));
}

#[test]
fn the_bar_at_the_bottom_counts_what_will_happen() {
    let mut sum = Sum::default();
    for outcome in [Outcome::AsRequested, Outcome::ByRule, Outcome::ToBuyer, Outcome::NotAnswered] {
        sum.add(outcome);
    }
    assert_eq!(sum.answered_words(), "3 of 4 lines answered");
    assert_eq!(sum.outcome_words(), "2 as requested or inside tolerance, 1 goes to the buyer");
    assert_eq!(sum.button_words(), "Check and send 3 answers");
}
