//! The simulator's own life, with a clock that stands until it is moved and dice that fall the same every time.

use super::super::book::Verdict;
use super::super::material::{DeliveredLot, Delivery, DeliveryLine, Head, Told};
use super::*;
use crate::demo;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("an instant")
}

/// When all trucks are announced: the evening before they leave.
fn evening() -> DateTime<Utc> {
    at("2026-12-03T18:00:00Z")
}

/// The day on which they leave.
fn morning() -> DateTime<Utc> {
    at("2026-12-04T07:00:00Z")
}

/// A system to which ten shipments of shafts are announced.
fn book(role: Role) -> Book {
    let mut book = Book::in_memory();
    for order in demo::orders(evening().date_naive()) {
        book.put(order, evening()).expect("kept");
    }
    for number in 1..=10 {
        let lot = format!("H-{number}");
        let delivery = Delivery {
            notice: format!("SN-{number:06}"),
            version: 1,
            delivery_note: format!("LS {number}"),
            ship_on: morning().date_naive(),
            arrive_on: "2026-12-07".parse().expect("a day"),
            carrier: None,
            lines: vec![DeliveryLine {
                number: 1,
                order: "4500012345".to_owned(),
                line: "0040".to_owned(),
                schedule: 1,
                item: "0107-45B".to_owned(),
                unit: "PCE".to_owned(),
                quantity: 60.into(),
                lots: vec![DeliveredLot { lot, quantity: 60.into(), expires_on: None, serials: Vec::new() }],
                serials: Vec::new(),
            }],
            units: Vec::new(),
        };
        let head = Head {
            event: format!("event-{number}"),
            sequence: number,
            at: evening(),
            plant: Some("DE10".to_owned()),
            supplier: Some("100234".to_owned()),
        };
        let verdict = book.take(role, &format!("key-{number}"), (head, Told::Delivery(delivery)), evening());
        assert!(matches!(verdict, Ok(Verdict::Accepted { already: false, .. })), "{verdict:?}");
    }
    book
}

fn live_on(book: &mut Book, role: Role, steps: usize, now: DateTime<Utc>) {
    let mut dice = Dice::new(7);
    for _ in 0..steps {
        step(book, role, &mut dice, now).expect("it moves");
    }
}

fn milestones(book: &Book) -> Vec<Option<Milestone>> {
    book.material().expected().map(|expected| expected.milestone).collect()
}

#[test]
fn no_truck_leaves_before_its_day_and_then_all_come_to_the_gate_some_late() {
    let mut erp = book(Role::Erp);
    live_on(&mut erp, Role::Erp, 20, evening());
    assert_eq!(milestones(&erp), [None; 10], "the evening before");
    live_on(&mut erp, Role::Erp, 100, morning());
    assert_eq!(milestones(&erp), [Some(Milestone::ArrivedAtGate); 10]);
    let late = erp.material().seen().iter().filter(|seen| seen.milestone == Milestone::Delayed).count();
    assert!((1..10).contains(&late), "{late} of ten trucks were late");
    assert!(erp.material().receipts().is_empty(), "the ERP receives nothing by itself");
}

#[test]
fn the_warehouse_receives_what_stands_at_the_gate_once_counts_some_wrong_and_leaves_some_for_a_clerk() {
    let mut warehouse = book(Role::Wms);
    live_on(&mut warehouse, Role::Wms, 20, morning());
    assert_eq!(milestones(&warehouse), [None; 10], "no truck is there");
    let notices: Vec<String> =
        warehouse.material().expected().map(|expected| expected.delivery.notice.clone()).collect();
    for notice in &notices {
        warehouse.see(Seen::now(notice, Milestone::ArrivedAtGate, None, morning()), morning()).expect("at the gate");
    }
    live_on(&mut warehouse, Role::Wms, 100, morning());
    let left = warehouse.material().expected().filter(|expected| expected.receipts.is_empty()).count();
    assert!((1..10).contains(&left), "{left} of ten wait for a clerk");
    let receipts = warehouse.material().receipts();
    assert_eq!(receipts.len() + left, 10, "nothing is received twice");
    let counted: Vec<Decimal> = receipts.iter().flat_map(|receipt| &receipt.lines).map(|line| line.accepted).collect();
    assert!(counted.iter().any(|counted| *counted == Decimal::from(60)), "{counted:?}");
    assert!(counted.iter().any(|counted| *counted < Decimal::from(60)), "{counted:?}");
}

#[test]
fn the_same_dice_tell_the_same_story() {
    let story = || {
        let mut erp = book(Role::Erp);
        live_on(&mut erp, Role::Erp, 30, morning());
        erp.material().seen().iter().map(|seen| (seen.notice.clone(), seen.milestone)).collect::<Vec<_>>()
    };
    assert_eq!(story(), story());
}
