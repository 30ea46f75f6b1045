//! Ship notices and receipts against the real Tryton, both ways.

use connectors::{Cursor, Outcome, Outgoing};
use domain::command::{Command, ReceiptSnapshot};
use domain::event::Event;
use domain::quantity::Unit;
use domain::receipt::{Receipt, ReceiptChannel, ReceivedLine};
use domain::shipment::{ShipLine, ShipNotice, ShippedLot};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::buyer::{Erp, Wanted, day};
use super::portal::{Portal, decimal, now};
use super::{BRACKETS, ordered};

/// A delivery of another event about the same order.
pub fn delivery(portal: &mut Portal, number: &str, event: Event) -> Outgoing {
    let mut delivery = portal.promise(number, &[]);
    delivery.envelope.event = event;
    delivery.plant = Some("P1".to_owned());
    delivery.supplier = Some("S-ALFA".to_owned());
    delivery
}

/// A ship notice of the order's first line: lots with their quantities, or one quantity without a lot.
pub fn notice(portal: &Portal, number: &str, version: i32, lots: &[(&str, &str)]) -> ShipNotice {
    let line = &portal.orders[number].lines[0];
    let quantity = lots.iter().map(|(_, quantity)| decimal(quantity)).sum();
    let lots = lots.iter().filter(|(lot, _)| !lot.is_empty()).map(|(lot, quantity)| ShippedLot {
        lot: (*lot).to_owned(),
        quantity: decimal(quantity),
        expires_on: Some(day(400)),
        produced_on: None,
        origin: None,
        serials: Vec::new(),
    });
    ShipNotice {
        ship_notice_id: Uuid::from_u128(1).into(),
        number: format!("SN-{number}"),
        version,
        delivery_note: format!("LS {number}"),
        ship_on: day(8),
        arrive_on: day(10),
        carrier: None,
        tracking: None,
        bill_of_lading: None,
        note: None,
        lines: vec![ShipLine {
            ship_line_id: Uuid::from_u128(2).into(),
            number: 1,
            order: number.to_owned(),
            order_line_id: line.order_line_id,
            line: line.number.clone(),
            schedule_line_id: line.schedule[0].schedule_line_id,
            schedule: 1,
            item: line.item_number.clone(),
            description: String::new(),
            unit: line.unit.clone(),
            quantity,
            lots: lots.collect(),
            serials: Vec::new(),
        }],
        units: Vec::new(),
    }
}

pub fn announced(portal: &mut Portal, number: &str, lots: &[(&str, &str)]) -> Outgoing {
    let notice = Box::new(notice(portal, number, 1, lots));
    delivery(portal, number, Event::ShipmentAnnounced { notice })
}

/// A receipt of the order's first line at our dock, against its ship notice: lots with what is accepted and damaged.
pub fn receipt(portal: &Portal, order: &str, number: &str, came: &[(&str, &str, &str)]) -> Receipt {
    let line = &portal.orders[order].lines[0];
    let came = came.iter().map(|(lot, accepted, damaged)| ReceivedLine {
        receipt_line_id: Uuid::from_u128(3).into(),
        notice_line: Some(1),
        order: Some(order.to_owned()),
        line: Some(line.number.clone()),
        item: line.item_number.clone(),
        unit: line.unit.clone(),
        lot_id: None,
        supplier_lot: Some((*lot).to_owned()),
        expires_on: None,
        accepted: decimal(accepted),
        damaged: decimal(damaged),
        oddities: Vec::new(),
        note: None,
    });
    Receipt {
        receipt_id: Uuid::from_u128(4).into(),
        number: number.to_owned(),
        channel: ReceiptChannel::Dock,
        their_ref: None,
        notice: Some(format!("SN-{order}")),
        delivery_note: Some(format!("LS {order}")),
        received_at: now(),
        complete: true,
        same_as: None,
        lines: came.collect(),
    }
}

/// The shipments with the delivery note of an order: state, and moves as (quantity, lot, state).
pub type Moves = Vec<(String, Option<String>, String)>;

pub async fn shipments(erp: &Erp, number: &str) -> Vec<(String, Moves)> {
    let fields = ["state", "incoming_moves.quantity", "incoming_moves.state", "incoming_moves.lot.number"];
    let of = json!([["reference", "=", format!("LS {number}")]]);
    let found = erp.call(Method::GET, "stock.shipment.in", &fields, of, None).await;
    let shipment = |shipment: &Value| {
        let moves = shipment["incoming_moves"].as_array().expect("moves").iter();
        let mut moves: Moves = moves
            .map(|each| {
                let lot = each["lot"]["number"].as_str().map(str::to_owned);
                (each["quantity"].to_string(), lot, each["state"].as_str().expect("a state").to_owned())
            })
            .collect();
        moves.sort();
        (shipment["state"].as_str().expect("a state").to_owned(), moves)
    };
    found.as_array().expect("a list").iter().map(shipment).collect()
}

/// The open moves of the order's first line that are in no shipment.
pub async fn open(erp: &Erp, portal: &Portal, number: &str) -> Vec<String> {
    let line = portal.orders[number].lines[0].number.parse::<i64>().expect("an id");
    let of = json!([["origin", "=", format!("purchase.line,{line}")], ["state", "=", "draft"]]);
    let found = erp.call(Method::GET, "stock.move", &["quantity", "shipment"], of, None).await;
    let moves = found.as_array().expect("a list").iter().filter(|each| each["shipment"].is_null());
    moves.map(|each| each["quantity"].to_string()).collect()
}

pub fn row(quantity: &str, lot: Option<&str>, state: &str) -> (String, Option<String>, String) {
    (quantity.to_owned(), lot.map(str::to_owned), state.to_owned())
}

/// Everything that the feed of receipts tells.
pub async fn receipts(portal: &Portal) -> Vec<ReceiptSnapshot> {
    let feed = *portal.connector.feeds().iter().find(|feed| feed.name == "receipts").expect("the feed receipts");
    let (mut cursor, mut found) = (Cursor::default(), Vec::new());
    loop {
        let polled = portal.connector.poll(feed, &cursor).await.expect("a poll");
        for raw in &polled.messages {
            for command in portal.connector.interpret(raw).expect("understood") {
                let Command::PostReceipt(receipt) = command else { panic!("{command:?}") };
                found.push(receipt);
            }
        }
        cursor = polled.cursor;
        if !polled.more {
            return found;
        }
    }
}

#[tokio::test]
async fn a_ship_notice_becomes_a_draft_shipment_with_a_move_for_each_lot_and_the_rest_stays_open() {
    let erp = erp!();
    let (mut portal, _, number) = ordered(&erp, &[BRACKETS]).await;
    let announced = announced(&mut portal, &number, &[("H-1", "40"), ("H-2", "30")]);
    let (already, their_ref) = portal.accepted(&announced).await;
    assert!(!already);
    let both = vec![row("30.0", Some("H-2"), "draft"), row("40.0", Some("H-1"), "draft")];
    assert_eq!(shipments(&erp, &number).await, [("draft".to_owned(), both.clone())]);
    assert_eq!(open(&erp, &portal, &number).await, ["30.0"]);

    // Tryton knows no uniqueness of a delivery note: we look before we write.
    assert_eq!(portal.accepted(&announced).await, (true, their_ref));
    assert_eq!(shipments(&erp, &number).await, [("draft".to_owned(), both)]);
    assert_eq!(open(&erp, &portal, &number).await, ["30.0"]);
    assert!(matches!(portal.news_of(&number).await, domain::revision::Mirrored::Unchanged), "no new request");
}

#[tokio::test]
async fn an_amended_ship_notice_is_brought_in_line_and_a_withdrawn_one_gives_its_moves_back() {
    let erp = erp!();
    let (mut portal, _, number) = ordered(&erp, &[BRACKETS]).await;
    let first = announced(&mut portal, &number, &[("H-3", "100")]);
    portal.accepted(&first).await;
    let amended = Box::new(notice(&portal, &number, 2, &[("H-3", "20"), ("H-4", "50")]));
    let amended = delivery(&mut portal, &number, Event::ShipmentAmended { notice: amended, reason: None });
    assert!(!portal.accepted(&amended).await.0);
    let both = vec![row("20.0", Some("H-3"), "draft"), row("50.0", Some("H-4"), "draft")];
    assert_eq!(shipments(&erp, &number).await, [("draft".to_owned(), both)]);
    assert_eq!(open(&erp, &portal, &number).await, ["30.0"]);
    assert!(portal.accepted(&amended).await.0, "the second time it is there already");

    let withdrawn = Event::ShipmentCancelled {
        notice: format!("SN-{number}"),
        version: 2,
        delivery_note: format!("LS {number}"),
        reason: "The truck broke down".to_owned(),
    };
    let withdrawn = delivery(&mut portal, &number, withdrawn);
    assert!(!portal.accepted(&withdrawn).await.0);
    assert_eq!(shipments(&erp, &number).await, [("cancelled".to_owned(), Vec::new())]);
    let mut left: Vec<f64> =
        open(&erp, &portal, &number).await.iter().map(|text| text.parse().expect("a number")).collect();
    left.sort_by(f64::total_cmp);
    assert_eq!(left.iter().sum::<f64>(), 100.0, "{left:?}");
    assert!(matches!(portal.connector.deliver(&withdrawn).await, Ok(Outcome::Accepted { already: true, .. })));
    assert!(matches!(portal.news_of(&number).await, domain::revision::Mirrored::Unchanged), "no new request");
}

#[tokio::test]
async fn a_receipt_at_our_dock_is_received_in_tryton_short_as_it_came_and_read_back() {
    let erp = erp!();
    let (mut portal, _, number) = ordered(&erp, &[BRACKETS]).await;
    let announced = announced(&mut portal, &number, &[("H-5", "60"), ("H-6", "40")]);
    portal.accepted(&announced).await;
    let line = portal.orders[&number].lines[0].clone();
    let came = [("H-5", "60", "0"), ("H-6", "15", "25")];
    let receipt = receipt(&portal, &number, &format!("GR-{number}"), &came);
    let receipt = delivery(&mut portal, &number, Event::ReceiptPosted { receipt: Box::new(receipt) });
    assert!(!portal.accepted(&receipt).await.0);
    let both = vec![row("15.0", Some("H-6"), "done"), row("60.0", Some("H-5"), "done")];
    assert_eq!(shipments(&erp, &number).await, [("done".to_owned(), both)]);
    assert_eq!(open(&erp, &portal, &number).await, ["25.0"], "what did not come is open again");
    assert!(portal.accepted(&receipt).await.0, "received once");

    let told: Vec<ReceiptSnapshot> = receipts(&portal).await;
    let told: Vec<_> =
        told.iter().filter(|told| told.delivery_note.as_deref() == Some(&format!("LS {number}"))).collect();
    let [told] = told.as_slice() else { panic!("one document: {told:?}") };
    assert_eq!((told.plant.as_str(), told.supplier.as_str()), ("P1", "S-ALFA"));
    let mut lines: Vec<_> = told
        .lines
        .iter()
        .map(|line| (line.lot.clone(), line.accepted.normalize().to_string(), line.order.clone(), line.line.clone()))
        .collect();
    lines.sort();
    let wanted = |lot: &str, quantity: &str| {
        (Some(lot.to_owned()), quantity.to_owned(), Some(number.clone()), Some(line.number.clone()))
    };
    assert_eq!(lines, [wanted("H-5", "60"), wanted("H-6", "15")]);

    let late = Box::new(notice(&portal, &number, 2, &[("H-5", "60")]));
    let late = delivery(&mut portal, &number, Event::ShipmentAmended { notice: late, reason: None });
    assert!(portal.refused(&late).await.contains("is done in Tryton"));
}

#[tokio::test]
async fn a_line_that_is_gone_and_a_wrong_unit_are_refused_in_words() {
    let erp = erp!();
    let (mut portal, _, number) = ordered(&erp, &[Wanted("CMP-BRACKET", "u", 10, "4.10", 14)]).await;
    let mut gone = notice(&portal, &number, 1, &[("", "10")]);
    gone.lines[0].line = "999999".to_owned();
    let gone = delivery(&mut portal, &number, Event::ShipmentAnnounced { notice: Box::new(gone) });
    assert!(portal.refused(&gone).await.contains("Line 999999 of order"));
    let mut other = notice(&portal, &number, 1, &[("", "10")]);
    other.lines[0].unit = Unit::new("KG");
    let other = delivery(&mut portal, &number, Event::ShipmentAnnounced { notice: Box::new(other) });
    assert!(portal.refused(&other).await.contains("is in U in Tryton, not in KG"));
    assert_eq!(shipments(&erp, &number).await, [], "nothing is written");
}
