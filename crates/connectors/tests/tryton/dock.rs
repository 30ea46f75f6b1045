//! What becomes of a ship notice on its way and at the dock, against the real Tryton: milestones, receipts in parts, receipts
//! that are taken back; and the traps on the way (delivery notes that are not unique, amendments that remake moves).

use connectors::{Link, LinkKind, Outgoing};
use domain::command::ReceiptSnapshot;
use domain::event::Event;
use domain::revision::Mirrored;
use domain::shipment::{Milestone, Moved};
use reqwest::Method;
use serde_json::{Value, json};

use super::buyer::{Erp, Wanted, day};
use super::material::{announced, delivery, notice, open, receipt, receipts, row, shipments};
use super::portal::{Portal, connector, now};
use super::{BRACKETS, MORE_BRACKETS, ordered};

/// The shipment with the order's delivery note: its id.
async fn shipment(erp: &Erp, number: &str) -> i64 {
    let of = json!([["reference", "=", format!("LS {number}")]]);
    let found = erp.call(Method::GET, "stock.shipment.in", &["id"], of, None).await;
    found[0]["id"].as_i64().expect("a shipment")
}

fn milestone(portal: &mut Portal, number: &str, id: i64, milestone: Milestone, arrives_in: Option<i64>) -> Outgoing {
    let moved = Moved {
        milestone,
        happened_at: now(),
        arrive_on: arrives_in.map(day),
        note: Some("Snow on the pass".to_owned()),
    };
    let notice = format!("SN-{number}");
    let mut told = delivery(portal, number, Event::ShipmentMoved { notice: notice.clone(), moved });
    told.links.push(Link { kind: LinkKind::Shipment, key: notice, their_ref: format!("stock.shipment.in,{id}") });
    told
}

async fn planned(erp: &Erp, id: i64) -> (Value, Vec<Value>, usize) {
    let fields = ["planned_date", "incoming_moves.planned_date"];
    let found = erp.call(Method::GET, &format!("stock.shipment.in/{id}"), &fields, Value::Null, None).await;
    let moves = found["incoming_moves"].as_array().expect("moves").iter();
    let of = json!([["resource", "=", format!("stock.shipment.in,{id}")]]);
    let notes = erp.call(Method::GET, "ir.note", &["message"], of, None).await;
    let moves = moves.map(|each| each["planned_date"]["day"].clone()).collect();
    (found["planned_date"]["day"].clone(), moves, notes.as_array().expect("notes").len())
}

fn day_of_month(days: i64) -> Value {
    use chrono::Datelike;
    json!(day(days).day())
}

#[tokio::test]
async fn a_milestone_is_noted_and_a_new_day_of_arrival_is_what_tryton_plans_with() {
    let erp = erp!();
    let (mut portal, _, number) = ordered(&erp, &[BRACKETS]).await;
    let unknown = delivery(
        &mut portal,
        &number,
        Event::ShipmentMoved {
            notice: format!("SN-{number}"),
            moved: Moved { milestone: Milestone::PickedUp, happened_at: now(), arrive_on: None, note: None },
        },
    );
    let (_, said) = portal.accepted(&unknown).await;
    assert_eq!(said, format!("not carried: SN-{number} is not in Tryton"));

    let first = announced(&mut portal, &number, &[("M-1", "40"), ("M-2", "30")]);
    portal.accepted(&first).await;
    let id = shipment(&erp, &number).await;
    let departed = milestone(&mut portal, &number, id, Milestone::Departed, None);
    assert!(!portal.accepted(&departed).await.0);
    assert!(portal.accepted(&departed).await.0, "noted once");
    let (on, moves, notes) = planned(&erp, id).await;
    assert_eq!((&on, &moves, notes), (&day_of_month(10), &vec![day_of_month(10); 2], 1));

    let later = milestone(&mut portal, &number, id, Milestone::Delayed, Some(12));
    let latest = milestone(&mut portal, &number, id, Milestone::Delayed, Some(15));
    assert!(!portal.accepted(&later).await.0);
    assert!(!portal.accepted(&latest).await.0);
    assert!(portal.accepted(&later).await.0, "an earlier one that comes again does not undo a later one");
    let (on, moves, notes) = planned(&erp, id).await;
    assert_eq!((&on, &moves, notes), (&day_of_month(15), &vec![day_of_month(15); 2], 3));
    assert!(matches!(portal.news_of(&number).await, Mirrored::Unchanged), "no new request");

    let came = received(&mut portal, &number, &format!("GR-M{number}"), &[("M-1", "40", "0")], true);
    portal.accepted(&came).await;
    let gate = milestone(&mut portal, &number, id, Milestone::ArrivedAtGate, Some(16));
    portal.accepted(&gate).await;
    assert_eq!(planned(&erp, id).await.0, day_of_month(15), "what is in is expected no more");
}

fn received(portal: &mut Portal, order: &str, number: &str, came: &[(&str, &str, &str)], complete: bool) -> Outgoing {
    let mut receipt = Box::new(receipt(portal, order, number, came));
    receipt.complete = complete;
    delivery(portal, order, Event::ReceiptPosted { receipt })
}

fn taken_back(portal: &mut Portal, order: &str, receipt: &str) -> Outgoing {
    let reason = "Counted on the wrong dock".to_owned();
    delivery(portal, order, Event::ReceiptReversed { receipt: receipt.to_owned(), their_ref: None, reason })
}

async fn read_back(portal: &Portal, number: &str) -> Vec<ReceiptSnapshot> {
    let mut found = receipts(portal).await;
    found.retain(|receipt| receipt.delivery_note.as_deref() == Some(format!("LS {number}").as_str()));
    found
}

#[tokio::test]
async fn a_ship_notice_that_comes_in_two_receipts_is_received_in_two_shipments_and_nothing_twice() {
    let erp = erp!();
    let (mut portal, _, number) = ordered(&erp, &[BRACKETS]).await;
    let both = announced(&mut portal, &number, &[("P-1", "60"), ("P-2", "40")]);
    portal.accepted(&both).await;
    let first = received(&mut portal, &number, &format!("GR-A{number}"), &[("P-1", "60", "0")], false);
    let second = received(&mut portal, &number, &format!("GR-B{number}"), &[("P-2", "40", "0")], true);
    assert!(!portal.accepted(&first).await.0);
    assert_eq!(open(&erp, &portal, &number).await, ["40.0"], "the rest is expected");
    assert!(!portal.accepted(&second).await.0);
    assert!(portal.accepted(&first).await.0);
    assert!(portal.accepted(&second).await.0);
    let mut there = shipments(&erp, &number).await;
    there.sort();
    let done = |lot: &str, quantity: &str| ("done".to_owned(), vec![row(quantity, Some(lot), "done")]);
    assert_eq!(there, [done("P-2", "40.0"), done("P-1", "60.0")]);
    assert!(open(&erp, &portal, &number).await.is_empty());
    let told = read_back(&portal, &number).await;
    assert!(told.iter().all(|receipt| !receipt.complete), "the dock says which receipt is the last: {told:?}");
    let mut told: Vec<String> = told.iter().map(|receipt| receipt.lines[0].accepted.normalize().to_string()).collect();
    told.sort();
    assert_eq!(told, ["40", "60"]);
}

#[tokio::test]
async fn what_a_buyer_received_in_tryton_himself_is_not_received_once_more() {
    let erp = erp!();
    let (mut portal, _, number) = ordered(&erp, &[BRACKETS]).await;
    let all = announced(&mut portal, &number, &[("B-1", "100")]);
    portal.accepted(&all).await;
    let id = shipment(&erp, &number).await;
    erp.press("stock.shipment.in", id, "receive").await;
    let came = received(&mut portal, &number, &format!("GR-C{number}"), &[("B-1", "100", "0")], true);
    assert!(portal.accepted(&came).await.0);
    assert_eq!(shipments(&erp, &number).await.len(), 1);
    assert!(read_back(&portal, &number).await[0].complete, "Tryton receives a shipment in one go");
}

#[tokio::test]
async fn a_receipt_that_is_taken_back_is_cancelled_expected_again_and_read_back_as_taken_back() {
    let erp = erp!();
    let (mut portal, order, number) = ordered(&erp, &[BRACKETS]).await;
    let all = announced(&mut portal, &number, &[("R-1", "60"), ("R-2", "40")]);
    portal.accepted(&all).await;
    let gr = format!("GR-R{number}");
    let mut back = taken_back(&mut portal, &number, &gr);
    let (_, said) = portal.accepted(&back).await;
    assert_eq!(said, format!("not carried: {gr} is not in Tryton"));

    let came = received(&mut portal, &number, &gr, &[("R-1", "60", "0"), ("R-2", "25", "15")], true);
    back.links = portal.links(&came).await;
    let told = read_back(&portal, &number).await;
    let [first] = told.as_slice() else { panic!("one receipt: {told:?}") };
    assert_eq!(first.reverses, None);

    // Without the right to cancel what is done, it stays and says why.
    let buyer = connector(&erp.url, &erp.database, erp.buyer_key());
    let outcome = std::mem::replace(&mut portal.connector, buyer);
    let reason = portal.refused(&back).await;
    assert!(reason.contains("group Stock Cancellation"), "{reason}");
    portal.connector = outcome;

    let (already, said) = portal.accepted(&back).await;
    assert!(!already && said.ends_with(" cancelled"), "{said}");
    assert!(portal.accepted(&back).await.0, "once");
    let there = shipments(&erp, &number).await;
    assert_eq!(there.len(), 1);
    assert_eq!(there[0].0, "cancelled");
    let sum = |open: Vec<String>| open.iter().map(|text| text.parse::<f64>().expect("a number")).sum::<f64>();
    assert_eq!(sum(open(&erp, &portal, &number).await), 100.0, "all of it is expected again");
    let path = format!("purchase.purchase/{order}");
    let state = erp.call(Method::GET, &path, &["shipment_state"], Value::Null, None).await;
    assert_eq!(state["shipment_state"], "waiting", "no exception is left on the buyer's desk");
    let told = read_back(&portal, &number).await;
    let [back] = told.as_slice() else { panic!("its reversal: {told:?}") };
    assert_eq!(back.reverses.as_deref(), Some(first.their_ref.as_str()));
    assert_ne!(back.their_ref, first.their_ref);
    assert!(matches!(portal.news_of(&number).await, Mirrored::Unchanged), "no new request");

    // And it comes again: in a shipment of its own.
    let again = received(&mut portal, &number, &format!("{gr}-2"), &[("R-1", "60", "0")], true);
    assert!(!portal.accepted(&again).await.0);
    let mut there: Vec<String> = shipments(&erp, &number).await.into_iter().map(|(state, _)| state).collect();
    there.sort();
    assert_eq!(there, ["cancelled", "done"]);
    assert_eq!(sum(open(&erp, &portal, &number).await), 40.0);
}

#[tokio::test]
async fn a_receipt_whose_goods_are_elsewhere_is_not_taken_out_of_stock() {
    let erp = erp!();
    let (mut portal, _, number) = ordered(&erp, &[BRACKETS]).await;
    let lot = format!("E-{number}");
    let gr = format!("GR-E{number}");
    let came = received(&mut portal, &number, &gr, &[(&lot, "60", "0")], true);
    let links = portal.links(&came).await;
    let hold = super::quality::hold(&number, "CMP-BRACKET", &[&lot]);
    let held = delivery(&mut portal, &number, Event::HoldPlaced { hold: Box::new(hold) });
    portal.accepted(&held).await;
    let mut back = taken_back(&mut portal, &number, &gr);
    back.links = links;
    let reason = portal.refused(&back).await;
    assert!(reason.contains("60 of a lot should lie") && reason.contains("0 do"), "{reason}");
    assert_eq!(shipments(&erp, &number).await[0].0, "done");
}

#[tokio::test]
async fn another_suppliers_shipment_with_the_same_delivery_note_is_left_alone() {
    let erp = erp!();
    let (mut portal, _, number) = ordered(&erp, &[BRACKETS]).await;
    let plant = erp.seed["plants"]["P1"].as_i64().expect("a plant");
    let zones = ["input_location", "storage_location"];
    let zones = erp.call(Method::GET, &format!("stock.location/{plant}"), &zones, Value::Null, None).await;
    let body = json!({
        "supplier": erp.seed["suppliers"]["S-BETA"]["id"], "company": erp.seed["company"], "warehouse": plant,
        "warehouse_input": zones["input_location"], "warehouse_storage": zones["storage_location"],
        "reference": format!("LS {number}"),
    });
    erp.call(Method::POST, "stock.shipment.in", &["id"], Value::Null, Some(body)).await;
    let ours = announced(&mut portal, &number, &[("U-1", "100")]);
    portal.accepted(&ours).await;
    assert!(portal.accepted(&ours).await.0);
    let both = [("draft".to_owned(), vec![]), ("draft".to_owned(), vec![row("100.0", Some("U-1"), "draft")])];
    let mut there = shipments(&erp, &number).await;
    there.sort();
    assert_eq!(there, both);
    let withdrawn = Event::ShipmentCancelled {
        notice: format!("SN-{number}"),
        version: 1,
        delivery_note: format!("LS {number}"),
        reason: "The truck broke down".to_owned(),
    };
    let withdrawn = delivery(&mut portal, &number, withdrawn);
    portal.accepted(&withdrawn).await;
    let mut there: Vec<String> = shipments(&erp, &number).await.into_iter().map(|(state, _)| state).collect();
    there.sort();
    assert_eq!(there, ["cancelled", "draft"]);
}

#[tokio::test]
async fn an_amendment_of_the_buyer_that_remakes_the_moves_leaves_the_announced_ones_and_the_sums_right() {
    let erp = erp!();
    let (mut portal, order, number) =
        ordered(&erp, &[BRACKETS, MORE_BRACKETS, Wanted("RM-STEEL", "kg", 10, "2.60", 9)]).await;
    let split = portal.promise(&number, &[(0, &[("60", Some(day(14))), ("40", Some(day(28)))])]);
    portal.accepted(&split).await;
    let first = announced(&mut portal, &number, &[("A-1", "70")]);
    portal.accepted(&first).await;
    let (line, other) = (erp.ids(order).await[0].0, erp.ids(order).await[1].0);
    erp.amend(order, other, 70).await;
    erp.amend(order, line, 120).await;
    let sum = |open: Vec<String>| open.iter().map(|text| text.parse::<f64>().expect("a number")).sum::<f64>();
    assert_eq!(sum(open(&erp, &portal, &number).await), 50.0, "Tryton makes the rest anew");
    assert_eq!(shipments(&erp, &number).await, [("draft".to_owned(), vec![row("70.0", Some("A-1"), "draft")])]);

    portal.read().await;
    let amended = Box::new(notice(&portal, &number, 2, &[("A-1", "70"), ("A-2", "30")]));
    let amended = delivery(&mut portal, &number, Event::ShipmentAmended { notice: amended, reason: None });
    assert!(!portal.accepted(&amended).await.0);
    assert!(portal.accepted(&amended).await.0);
    assert_eq!(sum(open(&erp, &portal, &number).await), 20.0);
    let came =
        received(&mut portal, &number, &format!("GR-D{number}"), &[("A-1", "70", "0"), ("A-2", "30", "0")], true);
    portal.accepted(&came).await;
    erp.amend(order, other, 60).await;
    assert!(portal.accepted(&came).await.0, "received once, whatever was amended since");
    assert_eq!(sum(open(&erp, &portal, &number).await), 20.0);
}
