//! The connector `tryton` against a real Tryton, in both directions. `scripts/erp.sh test` starts one and runs this; without
//! it each test says that it was skipped.
//!
//! The tests share one ERP, each with orders of its own, and one of them stops it: run them one at a time.

#[path = "tryton/buyer.rs"]
mod buyer;
#[path = "tryton/cut.rs"]
mod cut;
#[macro_use]
#[path = "tryton/running.rs"]
mod running;
#[path = "tryton/dock.rs"]
mod dock;
#[path = "tryton/material.rs"]
mod material;
#[path = "tryton/portal.rs"]
mod portal;
#[path = "tryton/quality.rs"]
mod quality;

use buyer::{Erp, Stand, Wanted, day};
use connectors::Fault;
use domain::event::Event;
use domain::exchange::FaultClass;
use domain::revision::Mirrored;
use portal::{Portal, connector, decimal};

fn stand(quantity: f64, moves: &[(f64, i64)]) -> Stand {
    let moves = moves.iter().map(|(quantity, days)| (*quantity, Some(day(*days)), "draft".to_owned())).collect();
    Stand { quantity, price: "4.10".to_owned(), moves }
}

/// An order of brackets, read into the portal.
async fn ordered(erp: &Erp, lines: &[Wanted]) -> (Portal, i64, String) {
    let id = erp.order(lines).await;
    let mut portal = Portal::new(erp);
    portal.read().await;
    let number = portal.number(id);
    (portal, id, number)
}

const BRACKETS: Wanted = Wanted("CMP-BRACKET", "u", 100, "4.10", 14);
const MORE_BRACKETS: Wanted = Wanted("CMP-BRACKET", "u", 50, "4.10", 20);

#[tokio::test]
async fn a_probe_tells_the_version_and_what_is_missing() {
    let erp = erp!();
    let health = connector(&erp.url, &erp.database, &erp.key).probe().await.expect("healthy");
    assert_eq!((health.system.as_str(), health.remarks), ("Tryton 8.2", vec![]));

    let clerk = erp.seed["clerk_key"].as_str().expect("a key");
    let health = connector(&erp.url, &erp.database, clerk).probe().await.expect("healthy");
    assert!(health.remarks.iter().any(|remark| remark.contains("group Purchase Amendment")), "{:?}", health.remarks);

    let fault = connector(&erp.url, &erp.database, "wrong").probe().await.expect_err("a wrong key");
    assert_eq!(fault.class(), FaultClass::Credentials, "{fault}");
    assert!(!fault.to_string().contains("wrong"), "{fault}");
    let fault = connector(&erp.url, "nowhere", &erp.key).probe().await.expect_err("a wrong database");
    assert_eq!(fault.class(), FaultClass::Contract, "{fault}");
    assert!(fault.to_string().contains("nowhere"), "{fault}");
}

#[tokio::test]
async fn suppliers_items_and_plants_are_read_once_and_again_when_they_change() {
    let erp = erp!();
    let connector = connector(&erp.url, &erp.database, &erp.key);
    for (name, expected) in [
        ("suppliers", vec!["S-ALFA", "S-BETA"]),
        ("items", vec!["CMP-BRACKET", "CMP-SEAL", "RM-STEEL"]),
        ("plants", vec!["P1", "P2"]),
    ] {
        let feed = *connector.feeds().iter().find(|feed| feed.name == name).expect("the feed");
        let first = connector.poll(feed, &connectors::Cursor::default()).await.expect("read");
        let mut subjects: Vec<&str> = first.messages.iter().map(|raw| raw.subject.as_str()).collect();
        subjects.sort_unstable();
        assert_eq!(subjects, expected);
        for raw in &first.messages {
            assert_eq!(connector.interpret(raw).expect("understood").len(), 1);
        }
        let again = connector.poll(feed, &first.cursor).await.expect("read");
        let keys = |polled: &connectors::Polled| {
            polled.messages.iter().map(|raw| raw.external_key.clone()).collect::<std::collections::BTreeSet<_>>()
        };
        assert!(keys(&again).is_subset(&keys(&first)), "the same content has the same key");
        let third = connector.poll(feed, &again.cursor).await.expect("read");
        assert_eq!(third.messages, vec![], "what was seen is not read again");
    }
}

#[tokio::test]
async fn an_order_arrives_with_what_is_requested() {
    let erp = erp!();
    let (mut portal, id, number) = ordered(&erp, &[BRACKETS, Wanted("RM-STEEL", "kg", 500, "2.4567", 21)]).await;
    let order = &portal.said[&number];
    assert_eq!(order.their_ref, format!("purchase.purchase,{id}"));
    assert_eq!((order.supplier.number.as_str(), order.plant.code.as_str()), ("S-ALFA", "P1"));
    assert_eq!(order.currency, "EUR");
    assert_eq!(order.buyer.as_deref(), Some("Bea Buyer"));
    let [brackets, steel] = order.lines.as_slice() else { panic!("two lines: {order:?}") };
    assert_eq!((brackets.item.number.as_str(), brackets.unit.code()), ("CMP-BRACKET", "U"));
    assert_eq!((steel.unit.code(), steel.price), ("KG", Some(decimal("2.4567"))));
    assert_eq!(steel.schedule[0].quantity, decimal("500"));
    assert_eq!(steel.schedule[0].requested_on, day(21));
    assert!(brackets.number < steel.number, "lines keep their order");
    portal.read().await;
    assert_eq!(portal.read().await, vec![], "a quiet ERP brings nothing");
}

#[tokio::test]
async fn confirmed_as_requested_leaves_a_note_and_changes_nothing_else() {
    let erp = erp!();
    let (mut portal, id, number) = ordered(&erp, &[BRACKETS]).await;
    let before = erp.stands(id).await;
    let delivery = portal.promise(&number, &[(0, &[("100", Some(day(14)))])]);
    let (already, their_ref) = portal.accepted(&delivery).await;
    assert!(!already && their_ref.starts_with(&format!("{number} revision 0, note ")), "{their_ref}");
    let after = erp.stands(id).await;
    assert_eq!((after.0, after.1, &after.2), (0, 1, &before.2));

    assert_eq!(portal.accepted(&delivery).await, (true, their_ref), "the second delivery finds it");
    assert_eq!(erp.stands(id).await, after);
    assert_eq!(portal.news_of(&number).await, Mirrored::Unchanged);
}

#[tokio::test]
async fn another_date_is_written_and_is_not_a_new_request() {
    let erp = erp!();
    let (mut portal, id, number) = ordered(&erp, &[BRACKETS, MORE_BRACKETS]).await;
    let delivery = portal.promise(&number, &[(0, &[("100", Some(day(30)))])]);
    portal.accepted(&delivery).await;
    let (_, notes, lines) = erp.stands(id).await;
    assert_eq!((notes, lines), (1, vec![stand(100.0, &[(100.0, 30)]), stand(50.0, &[(50.0, 20)])]));
    assert_eq!(portal.news_of(&number).await, Mirrored::Unchanged);
    assert_eq!(portal.said[&number].lines[0].schedule[0].requested_on, day(14));
}

#[tokio::test]
async fn a_split_becomes_moves_and_a_later_promise_joins_them_again() {
    let erp = erp!();
    let (mut portal, id, number) = ordered(&erp, &[BRACKETS]).await;
    let split = portal.promise(&number, &[(0, &[("60", Some(day(14))), ("40", Some(day(28)))])]);
    portal.accepted(&split).await;
    assert_eq!(erp.stands(id).await.2, vec![stand(100.0, &[(60.0, 14), (40.0, 28)])]);
    assert!(portal.accepted(&split).await.0);
    assert_eq!(portal.news_of(&number).await, Mirrored::Unchanged);

    let undated = portal.promise(&number, &[(0, &[("70", Some(day(21))), ("30", None)])]);
    portal.accepted(&undated).await;
    let moves = erp.stands(id).await.2.remove(0).moves;
    assert_eq!(moves, vec![(70.0, Some(day(21)), "draft".to_owned()), (30.0, None, "draft".to_owned())]);
    assert_eq!(portal.news_of(&number).await, Mirrored::Unchanged);

    let joined = portal.promise(&number, &[(0, &[("100", Some(day(35)))])]);
    portal.accepted(&joined).await;
    assert_eq!(erp.stands(id).await.2, vec![stand(100.0, &[(100.0, 35)])]);
    assert_eq!(portal.news_of(&number).await, Mirrored::Unchanged);

    let (already, _) = portal.accepted(&split).await;
    assert!(already, "an earlier promise that comes again does not undo a later one");
    assert_eq!(erp.stands(id).await.2, vec![stand(100.0, &[(100.0, 35)])]);
}

#[tokio::test]
async fn a_short_quantity_is_amended_once_and_spares_the_other_lines() {
    let erp = erp!();
    let (mut portal, id, number) = ordered(&erp, &[BRACKETS, MORE_BRACKETS, BRACKETS]).await;
    let split = portal.promise(&number, &[(1, &[("30", Some(day(20))), ("20", Some(day(27)))])]);
    portal.accepted(&split).await;
    // A line that nobody answered, arranged by the buyer: on another day.
    let third = erp.ids(id).await[2].1[0];
    erp.drag(third, day(17)).await;
    portal.read().await;

    let short = portal.promise(&number, &[(0, &[("50", Some(day(16))), ("30", Some(day(23)))])]);
    let (_, their_ref) = portal.accepted(&short).await;
    assert!(their_ref.starts_with(&format!("{number} revision 1, ")), "{their_ref}");
    let after = erp.stands(id).await;
    let lines = vec![
        stand(80.0, &[(50.0, 16), (30.0, 23)]),
        stand(50.0, &[(30.0, 20), (20.0, 27)]),
        stand(100.0, &[(100.0, 17)]),
    ];
    assert_eq!((after.0, &after.2), (1, &lines));
    assert!(portal.accepted(&short).await.0);
    assert_eq!(erp.stands(id).await, after, "the second delivery has no effect");
    assert_eq!(portal.news_of(&number).await, Mirrored::Unchanged, "what we wrote is not a new request");
    assert_eq!(portal.said[&number].lines[0].schedule[0].quantity, decimal("100"));
}

#[tokio::test]
async fn another_price_and_a_rejected_line_are_amended() {
    let erp = erp!();
    let (mut portal, id, number) = ordered(&erp, &[BRACKETS, MORE_BRACKETS]).await;
    let dearer = portal.promise_at(&number, &[(0, &[("100", Some(day(14)))])], Some("4.25"));
    portal.accepted(&dearer).await;
    assert_eq!(erp.stands(id).await.2[0].price, "4.25");
    let rejected = portal.promise(&number, &[(1, &[])]);
    portal.accepted(&rejected).await;
    let (revision, _, lines) = erp.stands(id).await;
    assert_eq!((revision, &lines[1]), (2, &stand(0.0, &[])));
    assert_eq!(portal.news_of(&number).await, Mirrored::Unchanged);
    assert_eq!(portal.said[&number].lines[0].price, Some(decimal("4.1")));
    assert_eq!(portal.said[&number].lines[1].schedule[0].quantity, decimal("50"));
}

#[tokio::test]
async fn what_the_buyer_changes_after_an_answer_is_a_new_request_and_the_old_answer_is_refused() {
    let erp = erp!();
    let (mut portal, id, number) = ordered(&erp, &[BRACKETS, MORE_BRACKETS]).await;
    let answer = portal.promise(&number, &[(0, &[("60", Some(day(14))), ("40", Some(day(28)))])]);
    portal.accepted(&answer).await;
    assert_eq!(portal.news_of(&number).await, Mirrored::Unchanged);

    let line = erp.ids(id).await[0].0;
    erp.amend(id, line, 120).await;
    let late = portal.promise(&number, &[(0, &[("90", Some(day(14)))])]);
    let before = erp.stands(id).await;
    let reason = portal.refused(&late).await;
    assert!(reason.contains("It now asks for 120 U") && reason.contains("the answer is to 100 U"), "{reason}");
    assert_eq!(erp.stands(id).await, before, "a refused answer writes nothing");

    let Mirrored::Changed(events) = portal.news_of(&number).await else { panic!("the change was not noticed") };
    let Some(Event::OrderRevised { lines, .. }) = events.first() else { panic!("{events:?}") };
    let [revised] = lines.as_slice() else { panic!("the other line did not change: {lines:?}") };
    assert_eq!((revised.quantity, revised.requested_on), (decimal("120"), day(14)));

    // The answer to it; then the buyer drags the goods to another day, which is the only way that Tryton has.
    let answer = portal.promise(&number, &[(0, &[("120", Some(day(30)))])]);
    portal.accepted(&answer).await;
    assert_eq!(portal.news_of(&number).await, Mirrored::Unchanged);
    let moved = erp.ids(id).await[0].1[0];
    erp.drag(moved, day(18)).await;
    let Mirrored::Changed(_) = portal.news_of(&number).await else { panic!("the change was not noticed") };
    assert_eq!(portal.said[&number].lines[0].schedule[0].requested_on, day(18));
    assert_eq!(portal.said[&number].lines[0].schedule[0].quantity, decimal("120"));

    // And back again: three arrivals, not one.
    erp.amend(id, line, 100).await;
    portal.read().await;
    assert_eq!(portal.said[&number].lines[0].schedule[0].quantity, decimal("100"));
}

#[tokio::test]
async fn moves_that_a_buyers_amendment_put_back_are_arranged_again_with_the_next_promise() {
    let erp = erp!();
    let (mut portal, id, number) = ordered(&erp, &[BRACKETS, MORE_BRACKETS]).await;
    let split = portal.promise(&number, &[(0, &[("60", Some(day(15))), ("40", Some(day(28)))])]);
    portal.accepted(&split).await;
    let other = erp.ids(id).await[1].0;
    erp.amend(id, other, 70).await;
    assert_eq!(erp.stands(id).await.2[0], stand(100.0, &[(100.0, 15)]), "the split is gone, its first day stays");
    portal.read().await;
    assert_eq!(portal.said[&number].lines[0].schedule[0].requested_on, day(14), "nobody asked for anything of it");
    let answer = portal.promise(&number, &[(1, &[("70", Some(day(20)))])]);
    portal.accepted(&answer).await;
    assert_eq!(erp.stands(id).await.2, vec![stand(100.0, &[(60.0, 15), (40.0, 28)]), stand(70.0, &[(70.0, 20)])]);
}

#[tokio::test]
async fn what_is_received_already_is_taken_off_the_earliest_part() {
    let erp = erp!();
    let (mut portal, id, number) = ordered(&erp, &[BRACKETS]).await;
    let first = erp.ids(id).await[0].1[0];
    erp.receive(first, 30).await;
    portal.read().await;
    assert_eq!(portal.said[&number].lines[0].schedule[0].requested_on, day(14));
    let answer = portal.promise(&number, &[(0, &[("60", Some(day(14))), ("40", Some(day(28)))])]);
    portal.accepted(&answer).await;
    let moves = erp.stands(id).await.2.remove(0).moves;
    let open: Vec<_> = moves.iter().filter(|each| each.2 == "draft").map(|each| (each.0, each.1)).collect();
    assert_eq!(open, vec![(30.0, Some(day(14))), (40.0, Some(day(28)))]);
    assert_eq!(portal.news_of(&number).await, Mirrored::Unchanged);
    let reason = portal.promise(&number, &[(0, &[("20", Some(day(14)))])]);
    let reason = portal.refused(&reason).await;
    assert!(reason.contains("30 U are received or announced already"), "{reason}");
}

#[tokio::test]
async fn a_refusal_of_tryton_is_told_in_its_words() {
    let erp = erp!();
    let (mut portal, id, number) = ordered(&erp, &[BRACKETS]).await;
    let before = erp.stands(id).await;
    let clerk = erp.seed["clerk_key"].as_str().expect("a key");
    let short = portal.promise(&number, &[(0, &[("80", Some(day(14)))])]);
    portal.connector = connector(&erp.url, &erp.database, clerk);
    let reason = portal.refused(&short).await;
    assert!(reason.contains("not allowed") && reason.contains("Purchase Amendment"), "{reason}");
    assert_eq!(erp.stands(id).await.2, before.2);
    assert_eq!(erp.draft_amendments(id).await, 0, "nothing half done is left for the buyer");

    // Once the right is there, the same delivery goes through.
    portal.connector = connector(&erp.url, &erp.database, &erp.key);
    portal.accepted(&short).await;
    let (revision, notes, lines) = erp.stands(id).await;
    assert_eq!((revision, notes, lines), (1, 1, vec![stand(80.0, &[(80.0, 14)])]));

    let reason = portal.promise(&number, &[(0, &[("80.5", Some(day(14)))])]);
    let reason = portal.refused(&reason).await;
    assert!(reason.contains("0 decimals"), "{reason}");
}

#[tokio::test]
async fn a_cancelled_move_is_the_buyers_to_decide() {
    let erp = erp!();
    let (mut portal, id, number) = ordered(&erp, &[BRACKETS]).await;
    let only = erp.ids(id).await[0].1[0];
    erp.cancel(only).await;
    let answer = portal.promise(&number, &[(0, &[("100", Some(day(14)))])]);
    let reason = portal.refused(&answer).await;
    assert!(reason.contains(&format!("stock move {only} was cancelled")), "{reason}");
    assert_eq!(erp.stands(id).await.1, 0, "no note either");
}

#[tokio::test]
async fn a_delivery_that_is_cut_off_anywhere_has_one_effect() {
    let erp = erp!();
    let mut cut_off = 0;
    for allowed in 0..20 {
        let (mut portal, id, number) = ordered(&erp, &[BRACKETS, MORE_BRACKETS]).await;
        let split = portal.promise(&number, &[(1, &[("30", Some(day(21))), ("20", Some(day(27)))])]);
        portal.accepted(&split).await;
        let both = portal.promise(&number, &[(0, &[("50", Some(day(16))), ("30", Some(day(23)))])]);
        let proxy = cut::Proxy::start(&erp.url, allowed).await;
        let whole = connector(&proxy.url, &erp.database, &erp.key).deliver(&both).await.is_ok();
        cut_off += usize::from(!whole);
        // Read in the middle of it: what is half written is not a new request.
        assert_eq!(portal.news_of(&number).await, Mirrored::Unchanged, "after {allowed} writes");
        portal.accepted(&both).await;
        let (revision, notes, lines) = erp.stands(id).await;
        let expected = vec![stand(80.0, &[(50.0, 16), (30.0, 23)]), stand(50.0, &[(30.0, 21), (20.0, 27)])];
        assert_eq!((revision, notes, lines), (1, 2, expected), "cut off after {allowed} writes");
        assert_eq!(portal.news_of(&number).await, Mirrored::Unchanged, "after {allowed} writes");
        if whole {
            break;
        }
    }
    assert!(cut_off >= 5, "note, amendment, its validation and some moves: {cut_off}");
}

#[tokio::test]
async fn nothing_is_lost_while_orders_change_between_polls() {
    let erp = erp!();
    let mut portal = Portal::new(&erp);
    let writer = {
        let erp = erp.clone();
        tokio::spawn(async move {
            let mut ids = Vec::new();
            for round in 1..=6 {
                let id = erp.order(&[BRACKETS, MORE_BRACKETS]).await;
                let lines = erp.ids(id).await;
                // A move alone, then a line of an earlier order: neither touches its purchase.
                erp.drag(lines[0].1[0], day(40 + round)).await;
                if let Some(earlier) = ids.last() {
                    let lines = erp.ids(*earlier).await;
                    erp.amend(*earlier, lines[1].0, 50 + round).await;
                }
                ids.push(id);
            }
            ids
        })
    };
    while !writer.is_finished() {
        portal.read().await;
    }
    let ids = writer.await.expect("the buyer finished");
    portal.read().await;
    for (index, id) in ids.iter().enumerate() {
        let order = &portal.said[&portal.number(*id)];
        let round = i64::try_from(index).expect("small") + 1;
        let last = index + 1 == ids.len();
        // An amendment puts the moves back to their original day.
        assert_eq!(order.lines[0].schedule[0].requested_on, if last { day(40 + round) } else { day(14) }, "order {id}");
        let quantity = if last { 50 } else { 51 + round };
        assert_eq!(order.lines[1].schedule[0].quantity, decimal(&quantity.to_string()), "order {id}");
    }
}

#[tokio::test]
async fn an_erp_that_is_down_gets_the_promise_when_it_is_back() {
    let erp = erp!();
    let (mut portal, id, number) = ordered(&erp, &[BRACKETS]).await;
    let delivery = portal.promise(&number, &[(0, &[("100", Some(day(25)))])]);
    erp.script("stop-server");
    let fault = portal.connector.deliver(&delivery).await.expect_err("it is down");
    let feed = portal.connector.feeds()[0];
    let unread = portal.connector.poll(feed, &portal.cursor).await.expect_err("it is down");
    erp.script("start-server");
    assert!(matches!((&fault, &unread), (Fault::Down { .. }, Fault::Down { .. })), "{fault} / {unread}");
    portal.accepted(&delivery).await;
    assert_eq!(erp.stands(id).await.2, vec![stand(100.0, &[(100.0, 25)])]);
    assert_eq!(portal.news_of(&number).await, Mirrored::Unchanged);
}
