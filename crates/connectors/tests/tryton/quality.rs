//! Holds, usage decisions and stock against the real Tryton, both ways: what is moved is read back as Tryton answers our
//! question about its stock.

use connectors::{Outcome, Outgoing};
use domain::command::{Command, StockSnapshot};
use domain::event::Event;
use domain::hold::{Disposition, Hold, HoldReason, HoldScope};
use domain::lot::{LotRef, StatusMove, StockStatus};
use domain::quantity::Unit;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::buyer::Wanted;
use super::material::{delivery, receipt};
use super::ordered;
use super::portal::{Portal, connector_with, decimal};

const TEN: Wanted = Wanted("CMP-BRACKET", "u", 10, "4.10", 14);
const ITEM: &str = "CMP-SEAL";

fn lot(item: &str, number: &str) -> LotRef {
    LotRef {
        lot_id: Uuid::from_u128(6).into(),
        item: item.to_owned(),
        lot: number.to_owned(),
        supplier_lot: None,
        unit: Unit::new("U"),
        expires_on: None,
    }
}

/// A hold of one lot, or of the first of several.
pub fn hold(number: &str, item: &str, lots: &[&str]) -> Hold {
    Hold {
        hold_id: Uuid::from_u128(5).into(),
        number: format!("QH-{number}"),
        scope: HoldScope::Lot { lot_id: Uuid::from_u128(6).into() },
        item: item.to_owned(),
        reason: HoldReason::OutOfLimits,
        note: "Too soft".to_owned(),
        lots: lots.iter().map(|number| lot(item, number)).collect(),
    }
}

fn placed(portal: &mut Portal, number: &str, hold: &Hold, plant: Option<&str>) -> Outgoing {
    let mut told = delivery(portal, number, Event::HoldPlaced { hold: Box::new(hold.clone()) });
    told.plant = plant.map(str::to_owned);
    told
}

fn released(portal: &mut Portal, number: &str, hold: &Hold, plant: Option<&str>, disposition: Disposition) -> Outgoing {
    let reason = "Measured again".to_owned();
    let event = Event::HoldReleased { hold: Box::new(hold.clone()), disposition, reason };
    let mut told = delivery(portal, number, event);
    told.plant = plant.map(str::to_owned);
    told
}

/// How much of an item lies where in a plant, as Tryton answers our question.
async fn stock(portal: &mut Portal, number: &str, plant: &str, item: &str) -> StockSnapshot {
    let question = Event::StockRequested { plant: plant.to_owned(), item: item.to_owned() };
    let question = delivery(portal, number, question);
    let outcome = portal.connector.deliver(&question).await;
    let Ok(Outcome::Accepted { told, .. }) = &outcome else { panic!("{outcome:?}") };
    let commands = portal.connector.interpret(&told[0]).expect("understood");
    let [Command::MirrorStock(stock)] = commands.as_slice() else { panic!("{commands:?}") };
    stock.clone()
}

/// Where a lot lies: place, status, quantity.
type Places = Vec<(String, Option<StockStatus>, String)>;

async fn places(portal: &mut Portal, number: &str, plant: &str, lot: &str) -> Places {
    let stock = stock(portal, number, plant, ITEM).await;
    let of_lot = stock.lots.into_iter().filter(|there| there.lot.as_deref() == Some(lot));
    let mut places: Places = of_lot
        .map(|there| (there.location.unwrap_or_default(), there.status, there.on_hand.normalize().to_string()))
        .collect();
    places.sort_by(|a, b| a.0.cmp(&b.0));
    places
}

fn at(place: &str, status: Option<StockStatus>, quantity: &str) -> (String, Option<StockStatus>, String) {
    (place.to_owned(), status, quantity.to_owned())
}

const BLOCKED: Option<StockStatus> = Some(StockStatus::Blocked);

#[tokio::test]
async fn a_held_lot_is_moved_to_the_hold_location_and_back_and_the_stock_says_so() {
    let erp = erp!();
    let (mut portal, _, number) = ordered(&erp, &[TEN]).await;
    let lot = format!("HELD-{number}");
    erp.found(&lot, 12, &erp.seed["storage"]).await;
    let free = [at("STO", None, "12")];
    assert_eq!(places(&mut portal, &number, "P1", &lot).await, free);

    let hold = hold(&number, ITEM, &[&lot]);
    let told = placed(&mut portal, &number, &hold, Some("P1"));
    let (already, their_ref) = portal.accepted(&told).await;
    assert!(!already);
    assert_eq!(portal.accepted(&told).await, (true, their_ref));
    let held = [at("HOLD-P1", BLOCKED, "12")];
    assert_eq!(places(&mut portal, &number, "P1", &lot).await, held);

    let scrapped = released(&mut portal, &number, &hold, Some("P1"), Disposition::Scrap);
    assert_eq!(portal.accepted(&scrapped).await.1, "stays on hold: scrap");
    assert_eq!(places(&mut portal, &number, "P1", &lot).await, held);
    let usable = released(&mut portal, &number, &hold, Some("P1"), Disposition::UseAsIs);
    assert!(!portal.accepted(&usable).await.0);
    assert!(portal.accepted(&usable).await.0);
    assert_eq!(places(&mut portal, &number, "P1", &lot).await, free);
    // A copy of the beginning that comes after the end.
    assert!(portal.accepted(&told).await.0);
    assert_eq!(places(&mut portal, &number, "P1", &lot).await, free);
}

#[tokio::test]
async fn a_hold_of_a_suppliers_item_places_every_lot_in_every_plant_and_those_that_come_later() {
    let erp = erp!();
    let (mut portal, _, number) = ordered(&erp, &[TEN]).await;
    let lots = ["A", "B", "C"].map(|letter| format!("SUP-{letter}-{number}"));
    let [first, second, late] = &lots;
    erp.found(first, 5, &erp.seed["zones"]["P1"]).await;
    erp.found(first, 7, &erp.seed["zones"]["P2"]).await;
    erp.found(second, 9, &erp.seed["zones"]["P2"]).await;
    let scope = HoldScope::SupplierItem { supplier_id: Uuid::from_u128(7).into(), item_id: Uuid::from_u128(8).into() };
    let mut of_item = Hold { scope, ..hold(&number, ITEM, &[first, second]) };
    let told = placed(&mut portal, &number, &of_item, None);
    assert!(!portal.accepted(&told).await.0);
    assert!(portal.accepted(&told).await.0);
    assert_eq!(places(&mut portal, &number, "P1", first).await, [at("HOLD-P1", BLOCKED, "5")]);
    assert_eq!(places(&mut portal, &number, "P2", first).await, [at("HOLD-P2", BLOCKED, "7")]);
    assert_eq!(places(&mut portal, &number, "P2", second).await, [at("HOLD-P2", BLOCKED, "9")]);

    erp.found(late, 3, &erp.seed["zones"]["P1"]).await;
    of_item.lots.push(lot(ITEM, late));
    let again = placed(&mut portal, &number, &of_item, None);
    assert!(!portal.accepted(&again).await.0, "a lot that came later");
    assert_eq!(places(&mut portal, &number, "P1", late).await, [at("HOLD-P1", BLOCKED, "3")]);

    let usable = released(&mut portal, &number, &of_item, None, Disposition::UseAsIs);
    assert!(!portal.accepted(&usable).await.0);
    assert!(portal.accepted(&usable).await.0);
    assert_eq!(places(&mut portal, &number, "P1", first).await, [at("STO", None, "5")]);
    assert_eq!(places(&mut portal, &number, "P2", first).await, [at("P2-STO", None, "7")]);
    assert_eq!(places(&mut portal, &number, "P2", second).await, [at("P2-STO", None, "9")]);
    assert_eq!(places(&mut portal, &number, "P1", late).await, [at("STO", None, "3")]);
}

#[tokio::test]
async fn a_hold_of_a_plants_item_empties_bins_too_and_leaves_the_other_plant_alone() {
    let erp = erp!();
    let (mut portal, _, number) = ordered(&erp, &[TEN]).await;
    let bin = &erp.seed["bin"];
    let (first, second) = (format!("PL-A-{number}"), format!("PL-B-{number}"));
    erp.found(&first, 5, &erp.seed["zones"]["P1"]).await;
    erp.found(&first, 6, bin).await;
    erp.found(&first, 7, &erp.seed["zones"]["P2"]).await;
    erp.found(&second, 8, bin).await;
    assert_eq!(
        places(&mut portal, &number, "P1", &first).await,
        [at("BIN-P1", None, "6"), at("STO", None, "5")],
        "what lies in a bin is not counted in its zone again"
    );
    let scope = HoldScope::PlantItem { plant_id: Uuid::from_u128(7).into(), item_id: Uuid::from_u128(8).into() };
    let of_item = Hold { scope, ..hold(&number, ITEM, &[&first, &second]) };
    let told = placed(&mut portal, &number, &of_item, Some("P1"));
    assert!(!portal.accepted(&told).await.0);
    assert!(portal.accepted(&told).await.0);
    assert_eq!(places(&mut portal, &number, "P1", &first).await, [at("HOLD-P1", BLOCKED, "11")]);
    assert_eq!(places(&mut portal, &number, "P1", &second).await, [at("HOLD-P1", BLOCKED, "8")]);
    assert_eq!(places(&mut portal, &number, "P2", &first).await, [at("P2-STO", None, "7")]);
}

#[tokio::test]
async fn a_lot_under_two_holds_stays_until_both_end() {
    let erp = erp!();
    let (mut portal, _, number) = ordered(&erp, &[TEN]).await;
    let lot = format!("TWO-{number}");
    erp.found(&lot, 4, &erp.seed["storage"]).await;
    let (one, two) = (hold(&format!("1-{number}"), ITEM, &[&lot]), hold(&format!("2-{number}"), ITEM, &[&lot]));
    for each in [&one, &two] {
        let told = placed(&mut portal, &number, each, Some("P1"));
        portal.accepted(&told).await;
    }
    let ended = released(&mut portal, &number, &one, Some("P1"), Disposition::UseAsIs);
    assert_eq!(portal.accepted(&ended).await.1, format!("kept by {}", two.number));
    assert_eq!(places(&mut portal, &number, "P1", &lot).await, [at("HOLD-P1", BLOCKED, "4")]);
    let ended = released(&mut portal, &number, &two, Some("P1"), Disposition::UseAsIs);
    portal.accepted(&ended).await;
    assert_eq!(places(&mut portal, &number, "P1", &lot).await, [at("STO", None, "4")]);
}

#[tokio::test]
async fn goods_of_a_lot_on_hold_go_from_the_dock_to_the_hold_location() {
    let erp = erp!();
    let (mut portal, _, number) = ordered(&erp, &[TEN]).await;
    let lot = format!("LATE-{number}");
    // The hold is told before the goods: Tryton does not know the lot yet.
    let hold = hold(&number, "CMP-BRACKET", &[&lot]);
    let told = placed(&mut portal, &number, &hold, Some("P1"));
    assert_eq!(portal.accepted(&told).await.1, "nothing of it is there");
    let came = Box::new(receipt(&portal, &number, &format!("GR-L{number}"), &[(&lot, "10", "0")]));
    let came = delivery(&mut portal, &number, Event::ReceiptPosted { receipt: came });
    portal.accepted(&came).await;
    assert!(portal.accepted(&came).await.0);
    let id = erp.call(Method::GET, "stock.lot", &["id"], json!([["number", "=", lot]]), None).await[0]["id"].clone();
    let moves = json!([["lot", "=", id], ["to_location", "=", erp.seed["hold"]]]);
    let moves = erp.call(Method::GET, "stock.move", &["quantity", "state"], moves, None).await;
    assert_eq!((&moves[0]["quantity"], &moves[0]["state"]), (&json!(10.0), &json!("done")), "{moves}");
    assert_eq!(moves.as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn what_waits_to_be_put_away_is_asked_for_again() {
    let erp = erp!();
    let (mut portal, _, number) = ordered(&erp, &[TEN]).await;
    let lot = format!("GATE-{number}");
    let plant = erp.seed["plants"]["P1"].as_i64().expect("a plant");
    let zones = erp.call(Method::GET, &format!("stock.location/{plant}"), &["input_location"], Value::Null, None).await;
    erp.found(&lot, 4, &zones["input_location"]).await;
    let hold = hold(&number, ITEM, &[&lot]);
    let told = placed(&mut portal, &number, &hold, Some("P1"));
    let fault = portal.connector.deliver(&told).await.expect_err("not yet");
    assert!(fault.to_string().contains("not put away yet"), "{fault}");
}

fn decided(portal: &mut Portal, number: &str, of: &str, moves: &[(StockStatus, StockStatus, &str)]) -> Outgoing {
    let moves =
        moves.iter().map(|(from, to, quantity)| StatusMove { from: *from, to: *to, quantity: decimal(quantity) });
    let event = Event::LotDecided { lot: lot(ITEM, of), moves: moves.collect(), reason: None };
    delivery(portal, number, event)
}

#[tokio::test]
async fn a_usage_decision_moves_the_lot_between_inspection_blocked_and_storage() {
    use StockStatus::{Blocked, Inspection, Unrestricted};
    let erp = erp!();
    let (mut portal, _, number) = ordered(&erp, &[TEN]).await;
    let settings = [("inspection_location", "INSP-{plant}"), ("blocked_location", "BLOCK-P1")];
    portal.connector = connector_with(&erp.url, &erp.database, &erp.key, &settings);
    let lot = format!("DEC-{number}");
    let inspection = erp.call(Method::GET, "stock.location", &["id"], json!([["code", "=", "INSP-P1"]]), None).await;
    erp.found(&lot, 8, &inspection[0]["id"]).await;
    erp.found(&lot, 4, &erp.seed["storage"]).await;
    assert_eq!(
        places(&mut portal, &number, "P1", &lot).await,
        [at("INSP-P1", Some(Inspection), "8"), at("STO", None, "4")]
    );
    // Ten of twelve are decided against: what lies in storage already is among them.
    let partly = [(Inspection, Unrestricted, "2"), (Inspection, Blocked, "10")];
    let partly = decided(&mut portal, &number, &lot, &partly);
    assert!(!portal.accepted(&partly).await.0);
    assert!(portal.accepted(&partly).await.0, "the second time it is there already");
    let after = places(&mut portal, &number, "P1", &lot).await;
    assert_eq!(after, [at("BLOCK-P1", BLOCKED, "10"), at("STO", None, "2")]);

    let better = decided(&mut portal, &number, &lot, &[(Blocked, Unrestricted, "3")]);
    portal.accepted(&better).await;
    let after = places(&mut portal, &number, "P1", &lot).await;
    assert_eq!(after, [at("BLOCK-P1", BLOCKED, "7"), at("STO", None, "5")]);

    // Under a hold what may be used by decision waits in the hold location.
    let hold = hold(&number, ITEM, &[&lot]);
    let told = placed(&mut portal, &number, &hold, Some("P1"));
    portal.accepted(&told).await;
    let rest = decided(&mut portal, &number, &lot, &[(Blocked, Unrestricted, "7")]);
    portal.accepted(&rest).await;
    assert_eq!(places(&mut portal, &number, "P1", &lot).await, [at("HOLD-P1", BLOCKED, "12")]);
}

#[tokio::test]
async fn a_usage_decision_without_a_location_for_it_is_answered_as_not_carried() {
    use StockStatus::{Blocked, Inspection, Unrestricted};
    let erp = erp!();
    let (mut portal, _, number) = ordered(&erp, &[TEN]).await;
    let lot = format!("NOT-{number}");
    erp.found(&lot, 4, &erp.seed["storage"]).await;
    let against = decided(&mut portal, &number, &lot, &[(Inspection, Blocked, "4")]);
    let (_, said) = portal.accepted(&against).await;
    assert_eq!(said, "not carried: no location for blocked stock is set for this connection");
    let usable = decided(&mut portal, &number, &lot, &[(Inspection, Unrestricted, "4")]);
    let (_, said) = portal.accepted(&usable).await;
    assert!(said.starts_with("not carried: in Tryton the lot lies where it may be used"), "{said}");
    assert_eq!(places(&mut portal, &number, "P1", &lot).await, [at("STO", None, "4")]);

    let settings = [("blocked_location", "NOWHERE-{plant}")];
    portal.connector = connector_with(&erp.url, &erp.database, &erp.key, &settings);
    let reason = portal.refused(&against).await;
    assert!(reason.contains("no storage location NOWHERE-P1 in warehouse P1"), "{reason}");
}
