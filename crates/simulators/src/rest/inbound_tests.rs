//! Material in the simulated system: what is announced, received, held and counted.

use domain::hold::{Disposition, HoldReason};
use domain::lot::StockStatus;
use rust_decimal::Decimal;

use super::Role;
use super::book::{Book, Verdict};
use super::material::{Count, DeliveredLot, Delivery, DeliveryLine, Head, Hold, Lot, Told};
use crate::demo;

fn now() -> chrono::DateTime<chrono::Utc> {
    "2026-12-03T13:20:00Z".parse().expect("an instant")
}

fn book() -> Book {
    let mut book = Book::in_memory();
    for order in demo::orders(now().date_naive()) {
        book.put(order, now()).expect("kept");
    }
    book
}

fn head(sequence: i64) -> Head {
    Head {
        event: format!("event-{sequence}"),
        sequence,
        at: now(),
        plant: Some("DE10".to_owned()),
        supplier: Some("100234".to_owned()),
    }
}

/// 600 inspected shafts in two lots.
fn shafts(version: i32) -> Delivery {
    let lot = |lot: &str, quantity: i64| DeliveredLot {
        lot: lot.to_owned(),
        quantity: quantity.into(),
        expires_on: None,
        serials: Vec::new(),
    };
    Delivery {
        notice: "SN-000017".to_owned(),
        version,
        delivery_note: "LS 8841".to_owned(),
        ship_on: "2026-12-04".parse().expect("a day"),
        arrive_on: "2026-12-07".parse().expect("a day"),
        carrier: None,
        lines: vec![DeliveryLine {
            number: 1,
            order: "4500012345".to_owned(),
            line: "0040".to_owned(),
            schedule: 1,
            item: "0107-45B".to_owned(),
            unit: "PCE".to_owned(),
            quantity: 600.into(),
            lots: vec![lot("H-1", 400), lot("H-2", 200)],
            serials: Vec::new(),
        }],
        units: Vec::new(),
    }
}

fn tell(book: &mut Book, key: &str, sequence: i64, told: Told) -> Verdict {
    book.take(Role::Erp, key, (head(sequence), told), now()).expect("an answer")
}

fn refusal(verdict: Verdict) -> String {
    match verdict {
        Verdict::Refused { reason, .. } => reason,
        other => panic!("{other:?}"),
    }
}

/// Lot, status and quantity of the shafts.
fn shafts_there(book: &Book) -> Vec<(String, StockStatus, Decimal)> {
    let figure = book.material().figure("DE10", "0107-45B", now());
    let lots = figure.map(|figure| figure.lots).unwrap_or_default();
    lots.into_iter().map(|there| (there.lot.unwrap_or_default(), there.status, there.on_hand)).collect()
}

#[test]
fn an_amended_ship_notice_keeps_its_document_and_an_older_version_has_no_effect() {
    let mut book = book();
    let first = tell(&mut book, "a", 1, Told::Delivery(shafts(1)));
    let Verdict::Accepted { document, already: false } = first else { panic!("{first:?}") };
    let second = tell(&mut book, "b", 3, Told::Delivery(shafts(3)));
    assert_eq!(second, Verdict::Accepted { document: document.clone(), already: false });
    let older = tell(&mut book, "c", 2, Told::Delivery(shafts(2)));
    assert_eq!(older, Verdict::Accepted { document, already: true });
    let versions: Vec<i32> = book.material().expected().map(|expected| expected.delivery.version).collect();
    assert_eq!(versions, [3]);
    assert_eq!(tell(&mut book, "a", 1, Told::Delivery(shafts(2))), Verdict::KeyReused);
}

#[test]
fn what_the_orders_do_not_know_is_refused_by_the_erp_and_taken_by_a_warehouse() {
    let mut strange = shafts(1);
    strange.lines[0].order = "4711".to_owned();
    let reason = refusal(tell(&mut book(), "a", 1, Told::Delivery(strange.clone())));
    assert_eq!(reason, "Order 4711 does not exist.");
    let taken = Book::in_memory().take(Role::Wms, "a", (head(1), Told::Delivery(strange)), now());
    assert!(matches!(taken, Ok(Verdict::Accepted { already: false, .. })), "{taken:?}");

    let mut without = shafts(1);
    without.lines[0].lots.clear();
    assert!(refusal(tell(&mut book(), "a", 1, Told::Delivery(without))).contains("is kept in lots"));
    let mut short = shafts(1);
    short.lines[0].lots.truncate(1);
    assert_eq!(refusal(tell(&mut book(), "a", 1, Told::Delivery(short))), "The lots of line 1 are 400, not 600.");
}

#[test]
fn goods_are_received_as_counted_once_and_a_reversal_takes_them_out_again() {
    let mut book = book();
    tell(&mut book, "a", 1, Told::Delivery(shafts(1)));
    let count = Count { line: 1, lot: Some("H-2".to_owned()), accepted: 175.into(), damaged: 25.into() };
    let receipt = book.receive(Role::Erp, "SN-000017", &[count], true, now()).expect("received");
    assert_eq!(
        shafts_there(&book),
        [
            ("H-1".to_owned(), StockStatus::Inspection, 400.into()),
            ("H-2".to_owned(), StockStatus::Inspection, 175.into()),
            ("H-2".to_owned(), StockStatus::Blocked, 25.into()),
        ]
    );
    let again = book.receive(Role::Erp, "SN-000017", &[], true, now()).expect_err("nothing more comes");
    assert_eq!(again.to_string(), "Inbound delivery SN-000017 was received in full.");
    assert!(refusal(tell(&mut book, "b", 2, Told::Delivery(shafts(2)))).contains(&receipt.number));

    let taken_back = book.reverse(Role::Erp, &receipt.number, now()).expect("taken back");
    assert_eq!(taken_back.reverses.as_ref(), Some(&receipt.number));
    assert_eq!(shafts_there(&book), []);
    assert!(book.reverse(Role::Erp, &receipt.number, now()).is_err(), "once");
}

#[test]
fn a_hold_blocks_a_lot_until_its_disposition_says_what_becomes_of_it() {
    for (disposition, left) in [
        (Disposition::UseAsIs, Some(StockStatus::Inspection)),
        (Disposition::Sort, Some(StockStatus::Inspection)),
        (Disposition::Scrap, None),
    ] {
        let mut book = book();
        tell(&mut book, "a", 1, Told::Delivery(shafts(1)));
        book.receive(Role::Erp, "SN-000017", &[], true, now()).expect("received");
        let lot =
            Lot { item: "0107-45B".to_owned(), lot: "H-1".to_owned(), supplier_lot: None, unit: "PCE".to_owned() };
        let hold = Hold {
            hold: "QH-000003".to_owned(),
            scope: "lot".to_owned(),
            item: "0107-45B".to_owned(),
            reason: HoldReason::OutOfLimits,
            note: "Too soft".to_owned(),
            lots: vec![lot],
        };
        let of = |book: &Book| -> Vec<(StockStatus, Decimal)> {
            let there = shafts_there(book).into_iter().filter(|(lot, ..)| lot == "H-1");
            there.map(|(_, status, quantity)| (status, quantity)).collect()
        };
        tell(&mut book, "h", 1, Told::Hold(hold.clone()));
        tell(&mut book, "h", 1, Told::Hold(hold));
        assert_eq!(of(&book), [(StockStatus::Blocked, 400.into())]);
        let release = Told::Release { hold: "QH-000003".to_owned(), disposition, reason: "Measured again".to_owned() };
        tell(&mut book, "r", 2, release);
        assert_eq!(of(&book), left.map(|status| (status, 400.into())).into_iter().collect::<Vec<_>>(), "{disposition}");
    }
}

#[test]
fn material_outlives_the_simulator() {
    let room = tempfile::tempdir().expect("a directory");
    let path = room.path().join("erp.jsonl");
    let before = {
        let mut book = Book::open(&path).expect("a new state");
        for order in demo::orders(now().date_naive()) {
            book.put(order, now()).expect("kept");
        }
        for stock in demo::stock(now()) {
            book.open_stock(stock).expect("kept");
        }
        tell(&mut book, "a", 1, Told::Delivery(shafts(1)));
        book.receive(Role::Erp, "SN-000017", &[], true, now()).expect("received");
        shafts_there(&book)
    };
    assert_eq!(before.len(), 4, "two lots lay there, two came");
    let mut book = Book::open(&path).expect("the state");
    assert_eq!(shafts_there(&book), before);
    let again = tell(&mut book, "a", 1, Told::Delivery(shafts(1)));
    assert!(matches!(again, Verdict::Accepted { already: true, .. }), "{again:?}");
}
