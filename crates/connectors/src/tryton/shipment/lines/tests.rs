//! What is left to do to a shipment and to the moves of its lines, by table.

use rust_decimal::Decimal;
use serde_json::json;

use super::{Balance, Line, Step, Wanted, balance, steps};

const SHIPMENT: &str = "stock.shipment.in,1";

fn number(text: &str) -> Decimal {
    text.parse().expect("a decimal")
}

/// A line of 100 with moves of (id, quantity, lot, in the shipment, state).
fn line(moves: &[(i64, f64, Option<i64>, bool, &str)]) -> Line {
    let moves: Vec<_> = moves
        .iter()
        .map(|(id, quantity, lot, inside, state)| {
            json!({
                "id": id, "quantity": quantity, "lot": lot, "shipment": inside.then_some(SHIPMENT), "state": state,
                "planned_date": {"__class__": "date", "year": 2026, "month": 12, "day": id},
            })
        })
        .collect();
    serde_json::from_value(json!({
        "id": 4, "quantity": 100.0, "unit": {"id": 1, "symbol": "u", "digits": 0}, "product": {"id": 3, "code": "CMP-SEAL"},
        "unit_price": null, "from_location": 6, "to_location": 1, "moves": moves,
        "purchase": {
            "id": 2, "number": "2", "currency": 1, "company": 1, "party": {"id": 5, "code": "S-ALFA"},
            "warehouse": {"id": 5, "input_location": 1, "storage_location": 3},
        },
    }))
    .expect("a line")
}

fn wanted(lot: Option<i64>, quantity: &str) -> Wanted {
    Wanted { line: 4, lot, quantity: number(quantity) }
}

#[test]
fn the_open_move_is_taken_for_the_first_lot_and_another_one_is_made_for_the_second() {
    let line = line(&[(7, 100.0, None, false, "draft")]);
    let (first, second) = (wanted(Some(2), "60"), wanted(Some(3), "40"));
    assert_eq!(steps(&[line], None, &[first, second]), [Step::Take { id: 7, wanted: first }, Step::Add(second)]);
}

#[test]
fn the_earliest_open_move_is_taken_first() {
    let line = line(&[(9, 50.0, None, false, "draft"), (7, 50.0, None, false, "draft")]);
    let part = wanted(None, "50");
    assert_eq!(steps(&[line], None, &[part]), [Step::Take { id: 7, wanted: part }]);
}

#[test]
fn what_is_as_announced_is_left_alone_and_received_moves_are_no_concern() {
    let line = line(&[(7, 60.0, Some(2), true, "draft"), (8, 40.0, None, false, "done")]);
    assert_eq!(steps(&[line], Some(SHIPMENT), &[wanted(Some(2), "60.0")]), []);
}

#[test]
fn another_quantity_is_written_another_lot_takes_the_place_and_the_rest_leaves() {
    let inside = line(&[
        (7, 60.0, Some(2), true, "draft"),
        (8, 20.0, Some(3), true, "draft"),
        (9, 20.0, Some(4), true, "draft"),
    ]);
    let (less, new) = (wanted(Some(2), "50"), wanted(Some(5), "20"));
    assert_eq!(
        steps(&[inside], Some(SHIPMENT), &[less, new]),
        [Step::Take { id: 7, wanted: less }, Step::Take { id: 9, wanted: new }, Step::Leave { id: 8 }]
    );
}

#[test]
fn moves_always_add_up_to_the_line() {
    let cases: [(&str, Line, Vec<Balance>); 4] = [
        ("announced in part", line(&[(7, 60.0, Some(2), true, "draft")]), vec![Balance::Add(number("40"))]),
        ("all of it", line(&[(7, 60.0, Some(2), true, "draft"), (8, 40.0, None, false, "draft")]), vec![]),
        (
            "grown beyond what is open",
            line(&[(7, 70.0, Some(2), true, "draft"), (8, 40.0, None, false, "draft")]),
            vec![Balance::Shrink { id: 8, to: number("30") }],
        ),
        (
            "the latest goes first, a cancelled one does not count",
            line(&[
                (7, 90.0, Some(2), true, "draft"),
                (8, 15.0, None, false, "draft"),
                (9, 5.0, None, false, "draft"),
                (10, 5.0, None, false, "cancelled"),
            ]),
            vec![Balance::Remove { id: 9 }, Balance::Shrink { id: 8, to: number("10") }],
        ),
    ];
    for (what, line, expected) in cases {
        assert_eq!(balance(&line), expected, "{what}");
    }
}

#[test]
fn more_than_was_ordered_is_left_to_the_shipment() {
    // Nothing is open that could be taken off; Tryton itself warns when it is received.
    assert_eq!(balance(&line(&[(7, 110.0, Some(2), true, "draft")])), []);
}
