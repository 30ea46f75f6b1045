//! The simulated ERP as somebody sees it who compares both sides.

use domain::order::OrderStatus;
use rust_decimal::Decimal;

use super::book::{Book, Verdict, Wanted};
use super::wire::{Change, Confirmation, ConfirmedLine, Part};
use crate::demo;

fn now() -> chrono::DateTime<chrono::Utc> {
    "2026-12-03T13:20:00Z".parse().expect("an instant")
}

fn fill(book: &mut Book) {
    for order in demo::orders(now().date_naive()) {
        book.put(order, now()).expect("kept");
    }
}

fn book() -> Book {
    let mut book = Book::in_memory();
    fill(&mut book);
    book
}

fn confirmation(sequence: i64) -> Confirmation {
    let part = Part { quantity: Decimal::new(1250, 0), deliver_on: None, ship_on: None, price: None };
    Confirmation {
        event: format!("event-{sequence}"),
        order: "4500012345".to_owned(),
        order_ref: None,
        revision: 1,
        sequence,
        at: now(),
        correlation: "c".to_owned(),
        plant: Some("DE10".to_owned()),
        supplier: Some("100234".to_owned()),
        lines: vec![ConfirmedLine {
            line: "0010".to_owned(),
            schedule: 1,
            item: "0012-00A".to_owned(),
            unit: "PCE".to_owned(),
            requested: part.clone(),
            commitments: vec![part],
        }],
    }
}

#[test]
fn the_same_key_has_one_effect_and_gets_the_first_document_again() {
    let mut book = book();
    let first = book.confirm("k1", confirmation(3), now()).expect("an answer");
    let Verdict::Accepted { document, already: false } = first else { panic!("{first:?}") };
    let again = Confirmation { order_ref: Some("learned meanwhile".to_owned()), ..confirmation(3) };
    let again = book.confirm("k1", again, now()).expect("an answer");
    assert_eq!(again, Verdict::Accepted { document, already: true });
    assert_eq!((book.accepted().len(), book.accepted()[0].repeats), (1, 1));
    assert_eq!(book.confirm("k1", confirmation(4), now()).expect("an answer"), Verdict::KeyReused);
}

#[test]
fn a_swap_within_an_order_is_taken_and_marked() {
    let mut book = book();
    for (key, sequence) in [("a", 3), ("b", 7), ("c", 5)] {
        book.confirm(key, confirmation(sequence), now()).expect("an answer");
    }
    let in_order: Vec<bool> = book.accepted().iter().map(|accepted| accepted.in_order).collect();
    assert_eq!(in_order, [true, true, false]);
}

#[test]
fn what_cannot_be_is_refused_in_words_and_may_succeed_later() {
    let mut book = book();
    let refused = |verdict: Verdict| match verdict {
        Verdict::Refused { reason, .. } => reason,
        other => panic!("{other:?}"),
    };
    let unknown = Confirmation { order: "4711".to_owned(), ..confirmation(1) };
    assert_eq!(refused(book.confirm("k", unknown, now()).expect("an answer")), "Order 4711 does not exist.");
    let stranger = Confirmation { supplier: Some("100377".to_owned()), ..confirmation(1) };
    let reason = refused(book.confirm("k", stranger, now()).expect("an answer"));
    assert_eq!(reason, "Order 4500012345 is with supplier 100234, not 100377.");
    book.set_status("4500012345", OrderStatus::Cancelled, now()).expect("cancelled");
    let reason = refused(book.confirm("k", confirmation(1), now()).expect("an answer"));
    assert_eq!(reason, "Order 4500012345 is cancelled.");
    book.set_status("4500012345", OrderStatus::Open, now()).expect("open");
    assert!(matches!(book.confirm("k", confirmation(1), now()), Ok(Verdict::Accepted { already: false, .. })));
}

#[test]
fn every_page_size_lists_every_order_once_and_changes_come_last() {
    let mut book = book();
    for limit in [1, 7, 39, 40, 41] {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = book.page(&Wanted { after: after.as_deref(), limit, ..Wanted::default() });
            seen.extend(page.list.into_iter().map(|order| order.number));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen.len(), 40, "{limit} a page");
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 40, "{limit} a page");
    }
    let before = book
        .page(&Wanted { limit: 100, ..Wanted::default() })
        .list
        .last()
        .map(|order| order.changed_at)
        .expect("orders");
    let change = Change {
        line: "0020".to_owned(),
        schedule: Some(1),
        quantity: Some(Decimal::new(300, 0)),
        ..Change::default()
    };
    let changed = book.change("4500012345", &[change], now()).expect("changed");
    assert_eq!((changed.version, changed.lines[1].schedule[0].quantity), (2, Decimal::new(300, 0)));
    assert!(changed.changed_at > before, "never the same instant twice, even when the clock stands");
    assert_eq!(book.page(&Wanted { since: Some(changed.changed_at), limit: 100, ..Wanted::default() }).list.len(), 1);
}

#[test]
fn what_it_accepted_outlives_it_and_a_torn_line_is_forgotten() {
    let room = tempfile::tempdir().expect("a directory");
    let path = room.path().join("erp.jsonl");
    {
        let mut book = Book::open(&path).expect("a new state");
        fill(&mut book);
        book.confirm("k1", confirmation(3), now()).expect("an answer");
        book.confirm("k1", confirmation(3), now()).expect("an answer");
    }
    let mut torn = std::fs::read_to_string(&path).expect("the state");
    torn.push_str("{\"accepted\":{\"position\":2,");
    std::fs::write(&path, torn).expect("a torn line");

    for _ in 0..2 {
        let mut book = Book::open(&path).expect("the state");
        assert_eq!((book.orders().count(), book.accepted().len()), (40, 1));
        let again = book.confirm("k1", confirmation(3), now()).expect("an answer");
        assert!(matches!(again, Verdict::Accepted { already: true, .. }), "{again:?}");
    }
    let book = Book::open(&path).expect("the state");
    assert_eq!(book.accepted()[0].repeats, 3);
}
