//! The ERP's newer word: only what changed needs a new answer, and promises made stay in history.

use domain::command::OrderSnapshot;
use domain::confirmation::ConfirmLines;
use domain::event::{Event, RevisedLine};
use domain::negotiation::{Negotiation, Turn};
use domain::order::{Change, OrderStatus, PurchaseOrder};
use domain::quantity::Unit;
use domain::revision::Mirrored;

use crate::orders::*;

/// Two lines, the first split in two, all promised as requested.
fn promised_order() -> (PurchaseOrder, OrderSnapshot) {
    let snapshot = snapshot(&["100 on 12-10 + 60 on 12-20", "50 on 12-11"]);
    let mut order = publish(&snapshot, &resolved());
    let command = sent(&order, order.as_requested(today()));
    order.confirm(&command, confirmation(1), &supplier(), now(), today()).expect("taken");
    (order, snapshot)
}

fn revised(mirrored: &Mirrored) -> Vec<RevisedLine> {
    let Mirrored::Changed(events) = mirrored else { panic!("something changed: {mirrored:?}") };
    let [Event::OrderRevised { lines, .. }] = &events[..] else { panic!("a revision and nothing else: {events:?}") };
    lines.clone()
}

fn states(order: &PurchaseOrder) -> Vec<Negotiation> {
    order.schedule_lines().map(|(_, schedule)| schedule.state).collect()
}

use Negotiation::{Accepted, Cancelled, Published};

#[test]
fn the_same_word_again_changes_nothing() {
    let (mut order, mut snapshot) = promised_order();
    let before = order.clone();
    assert_eq!(order.revise(&snapshot, &resolved(), &mut ids(1)), Mirrored::Unchanged);
    assert_eq!(order, before);
    assert_eq!(erp_says(&mut order, &mut snapshot, |_| ()), Mirrored::Unchanged);
    assert_eq!((order.revision, order.their_version), (1, 2));
    let same_value = erp_says(&mut order, &mut snapshot, |order| order.lines[0].price = Some(number("10.000")));
    assert_eq!(same_value, Mirrored::Unchanged, "10.00 and 10.000 are one price");
}

#[test]
fn older_news_is_never_applied_over_newer() {
    let (mut order, mut snapshot) = promised_order();
    let old = snapshot.clone();
    erp_says(&mut order, &mut snapshot, |order| order.lines[0].schedule[0].quantity = number("120"));
    let before = order.clone();
    assert_eq!(order.revise(&old, &resolved(), &mut ids(1)), Mirrored::Stale);
    assert_eq!(order, before);
}

#[test]
fn only_what_changed_needs_a_new_answer_and_shows_the_old_value() {
    type Edit = fn(&mut OrderSnapshot);
    let none = || Change::at(2);
    let table: [(&str, Edit, [Negotiation; 3], Change); 7] = [
        (
            "quantity of one schedule line",
            |order| order.lines[0].schedule[0].quantity = number("120"),
            [Published, Accepted, Accepted],
            Change { quantity: Some(number("100")), ..none() },
        ),
        (
            "requested day of one schedule line",
            |order| order.lines[0].schedule[1].requested_on = date("12-18"),
            [Accepted, Published, Accepted],
            Change { requested_on: Some(date("12-20")), ..none() },
        ),
        (
            "price of a line, and so of each schedule line in it",
            |order| order.lines[0].price = Some(number("10.80")),
            [Published, Published, Accepted],
            Change { price: Some(number("10.00")), ..none() },
        ),
        (
            "price that is no longer shared",
            |order| order.lines[1].price = None,
            [Accepted, Accepted, Published],
            Change { price: Some(number("10.00")), ..none() },
        ),
        (
            "item",
            |order| order.lines[1].item.number = "0012-090".to_owned(),
            [Accepted, Accepted, Published],
            Change { item_number: Some("0012-020".to_owned()), ..none() },
        ),
        (
            "unit: a hundred kilograms are not a hundred pieces",
            |order| order.lines[1].unit = Unit::new("KG"),
            [Accepted, Accepted, Published],
            none(),
        ),
        (
            "currency, and so every price",
            |order| order.currency = "CHF".to_owned(),
            [Published, Published, Published],
            Change { price: Some(number("10.00")), ..none() },
        ),
    ];
    for (what, edit, expected, change) in table {
        let (mut order, mut snapshot) = promised_order();
        let before = order.clone();
        let lines = revised(&erp_says(&mut order, &mut snapshot, edit));
        assert_eq!(states(&order), expected, "{what}");
        assert_eq!(order.revision, 2, "{what}");
        for (index, state) in expected.iter().enumerate() {
            let (was, is) = (nth(&before, index), nth(&order, index));
            if *state == Accepted {
                assert_eq!(was, is, "{what}: untouched");
            } else {
                assert_eq!(is.change.as_ref(), Some(&change), "{what}");
                assert_eq!(is.version, was.version + 1, "{what}");
                assert_eq!(
                    (&is.promise, &is.first_promise),
                    (&was.promise, &was.first_promise),
                    "{what}: history stays"
                );
                assert!(lines.iter().any(|line| line.schedule_line_id == is.schedule_line_id), "{what}: told");
            }
        }
        assert_eq!(lines.len(), expected.iter().filter(|state| **state == Published).count(), "{what}");
    }
}

#[test]
fn what_the_mirror_shows_follows_the_erp() {
    let (mut order, mut snapshot) = promised_order();
    erp_says(&mut order, &mut snapshot, |order| {
        order.currency = "CHF".to_owned();
        order.buyer = Some("Lin Chen".to_owned());
        order.lines[1].unit = Unit::new("KG");
        order.lines[1].item.number = "0012-090".to_owned();
        order.lines[1].item.description = "Bearing cover".to_owned();
    });
    let line = &order.lines[1];
    assert_eq!((order.currency.as_str(), order.buyer.as_deref()), ("CHF", Some("Lin Chen")));
    assert_eq!(
        (line.unit.code(), line.item_number.as_str(), line.description.as_str()),
        ("KG", "0012-090", "Bearing cover")
    );
    assert_eq!(line.item_id, resolved().items["0012-090"]);
}

#[test]
fn words_that_promise_nothing_change_without_a_new_answer() {
    let (mut order, mut snapshot) = promised_order();
    let unchanged = erp_says(&mut order, &mut snapshot, |order| {
        order.buyer = None;
        order.incoterm = Some("FCA Lindau".to_owned());
        order.lines[0].item.description = "Bearing housing, left".to_owned();
        order.lines[0].tolerances = limits("late 3");
    });
    assert_eq!(unchanged, Mirrored::Unchanged);
    assert_eq!((order.revision, order.lines[0].description.as_str()), (1, "Bearing housing, left"));
    assert_eq!(order.lines[0].agreed.line, limits("late 3"));
}

#[test]
fn an_added_line_waits_for_an_answer_and_is_marked_as_added() {
    let (mut order, mut snapshot) = promised_order();
    let lines = revised(&erp_says(&mut order, &mut snapshot, |order| {
        order.lines.insert(0, line(5, "7 on 12-15"));
        let mut more = line(20, "50 on 12-11 + 9 on 12-30").schedule;
        order.lines[2].schedule.append(&mut more.split_off(1));
    }));
    assert_eq!(order.lines.iter().map(|line| line.number.as_str()).collect::<Vec<_>>(), ["0005", "0010", "0020"]);
    assert_eq!(states(&order), [Published, Accepted, Accepted, Accepted, Published]);
    let added: Vec<_> = lines.iter().map(|line| (line.line.as_str(), line.schedule)).collect();
    assert_eq!(added, [("0005", 1), ("0020", 2)]);
    assert!(lines.iter().all(|line| line.change == Some(Change { added: true, ..Change::at(2) })));
}

#[test]
fn a_line_that_is_gone_is_cancelled_and_comes_back_as_a_question() {
    let (mut order, mut snapshot) = promised_order();
    let gone = snapshot.lines[0].schedule.remove(0);
    let told = revised(&erp_says(&mut order, &mut snapshot, |order| drop(order.lines.pop())));
    assert_eq!(states(&order), [Cancelled, Accepted, Cancelled]);
    assert!(told.iter().all(|line| line.change.is_none()), "taken back, not changed");
    assert_eq!(nth(&order, 0).promise, Some(parts("100 on 12-10")), "what was promised stays in history");
    assert_eq!(erp_says(&mut order, &mut snapshot, |_| ()), Mirrored::Unchanged, "gone once, told once");

    let told = revised(&erp_says(&mut order, &mut snapshot, |order| order.lines[0].schedule.insert(0, gone)));
    assert_eq!(states(&order), [Published, Accepted, Cancelled]);
    assert_eq!((told.len(), told[0].schedule), (1, 1));
    says(&mut order, 0, "no");
    decides(&mut order, 0, domain::confirmation::Verdict::Reject);
    assert_eq!(states(&order)[0], Published, "an old promise does not answer a new question");
}

#[test]
fn a_schedule_line_of_nothing_asks_for_nothing() {
    let mut snapshot = snapshot(&["100 on 12-10 + 0 on 12-20", "-5 on 12-11"]);
    let mut order = publish(&snapshot, &resolved());
    assert_eq!(states(&order), [Published], "neither nothing nor a return can be promised");
    erp_says(&mut order, &mut snapshot, |order| order.lines[0].schedule[0].quantity = number("0"));
    assert_eq!(states(&order), [Cancelled]);
}

#[test]
fn whatever_waits_on_either_side_falls_to_a_revision() {
    for countered in [false, true] {
        let (mut order, mut snapshot) = promised_order();
        says(&mut order, 0, "100 on 12-25");
        if countered {
            decides(&mut order, 0, domain::confirmation::Verdict::Counter(parts("100 on 12-12")));
        }
        erp_says(&mut order, &mut snapshot, |order| order.lines[0].schedule[0].quantity = number("90"));
        let line = nth(&order, 0);
        assert_eq!((line.state, &line.proposal, &line.counter), (Published, &None, &None));
        assert_eq!(line.asked(), parts("90 on 12-10"));
    }
}

#[test]
fn an_answer_written_against_the_old_revision_is_refused_and_the_line_says_what_changed_until_it_is_answered() {
    let (mut order, mut snapshot) = promised_order();
    let written = sent(&order, vec![answer(&order, 2, "50 on 12-15")]);
    erp_says(&mut order, &mut snapshot, |order| order.lines[0].schedule[0].quantity = number("120"));
    let before = order.clone();
    assert_eq!(
        words(order.confirm(&written, confirmation(2), &supplier(), now(), today())),
        [
            "The order changed while you were editing: it is now revision 2, you answered revision 1. Your entries are kept. Look at what changed and send again."
        ]
    );
    assert_eq!(order, before);
    let again = ConfirmLines { revision: 2, ..written };
    order.confirm(&again, confirmation(2), &supplier(), now(), today()).expect("its own line did not change");

    assert!(nth(&order, 0).change.is_some());
    says(&mut order, 0, "yes");
    let line = nth(&order, 0);
    assert_eq!((line.state, &line.change), (Accepted, &None));
    assert_eq!(line.first_promise, Some(parts("100 on 12-10")));
    assert_eq!(line.promise, Some(parts("120 on 12-10")));
}

#[test]
fn a_cancelled_order_stays_cancelled_however_often_the_erp_says_so() {
    let (mut order, mut snapshot) = promised_order();
    let told = erp_says(&mut order, &mut snapshot, |order| order.status = OrderStatus::Cancelled);
    assert_eq!(told, Mirrored::Changed(vec![Event::OrderCancelled { order: "4500001".to_owned() }]));
    assert_eq!(states(&order), [Cancelled; 3]);
    let revision = order.revision;
    for _ in 0..2 {
        let told = erp_says(&mut order, &mut snapshot, |order| order.lines[0].schedule[0].quantity = number("1"));
        assert_eq!((told, states(&order)), (Mirrored::Unchanged, vec![Cancelled; 3]));
    }
    let told = erp_says(&mut order, &mut snapshot, |order| order.status = OrderStatus::Closed);
    assert_eq!(told, Mirrored::Changed(vec![Event::OrderClosed { order: "4500001".to_owned() }]));
    assert_eq!(states(&order)[1..], [Cancelled; 2], "what was cancelled is not asked for by closing");
    assert!(order.revision >= revision);
}

#[test]
fn a_new_order_that_is_already_cancelled_asks_nobody() {
    let mut snapshot = snapshot(&["100 on 12-10", "50 on 12-11"]);
    snapshot.status = OrderStatus::Cancelled;
    let order = publish(&snapshot, &resolved());
    assert_eq!(states(&order), [Cancelled; 2]);
    assert_eq!(order.as_requested(today()), []);
}

#[test]
fn a_cancelled_order_that_runs_again_asks_for_every_line_anew() {
    let (mut order, mut snapshot) = promised_order();
    erp_says(&mut order, &mut snapshot, |order| order.status = OrderStatus::Cancelled);
    let told = revised(&erp_says(&mut order, &mut snapshot, |order| order.status = OrderStatus::Open));
    assert_eq!((told.len(), states(&order)), (3, vec![Published; 3]));
    assert!(
        order.schedule_lines().all(|(_, line)| line.state.turn() == Turn::Supplier && line.first_promise.is_some())
    );
}

#[test]
fn closing_and_reopening_keeps_the_promises() {
    let (mut order, mut snapshot) = promised_order();
    let told = erp_says(&mut order, &mut snapshot, |order| order.status = OrderStatus::Closed);
    assert_eq!(told, Mirrored::Changed(vec![Event::OrderClosed { order: "4500001".to_owned() }]));
    assert_eq!((states(&order), order.revision), (vec![Accepted; 3], 1));
    let told = revised(&erp_says(&mut order, &mut snapshot, |order| order.status = OrderStatus::Open));
    assert_eq!((told, states(&order), order.revision), (vec![], vec![Accepted; 3], 2));
}
