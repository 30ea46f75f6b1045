//! What Tryton received: supplier shipments whose goods are in, as receipts. One shipment is one document; Tryton receives it
//! in one go, and what did not come is an open move of the order again.
//!
//! The message holds only what stays as it is once goods are in, so that the put-away that follows is no news. A shipment that
//! is cancelled after its goods were in takes its receipt back: its moves keep the day on which they came.

use chrono::NaiveDate;
use domain::command::{ReceiptSnapshot, ReceivedSnapshot};
use domain::quantity::Unit;
use domain::receipt::ReceiptChannel;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::{Value, json};

use super::changes::{id, raw};
use super::translate::{digest, line_number, problem, read};
use super::wire::{self, Query, Symbol, Wire};
use crate::outcome::{Fault, NotUnderstood};
use crate::{Feed, Raw};

/// What is asked of a shipment.
pub const FIELDS: &[&str] = &[
    "number",
    "reference",
    "supplier.code",
    "warehouse.code",
    "incoming_moves.state",
    "incoming_moves.effective_date",
    "incoming_moves.origin",
    "incoming_moves.quantity",
    "incoming_moves.unit.symbol",
    "incoming_moves.product.code",
    "incoming_moves.lot.number",
    "incoming_moves.lot.shelf_life_expiration_date",
];

#[derive(Deserialize)]
struct Reading {
    shipment: Shipment,
    /// The purchase lines that its moves come from, with their order.
    lines: Vec<Line>,
    /// It was received by a receipt of ours.
    #[serde(default)]
    at_our_dock: bool,
}

#[derive(Deserialize)]
struct Shipment {
    id: i64,
    number: Option<String>,
    reference: Option<String>,
    supplier: Coded,
    warehouse: Coded,
    #[serde(default)]
    incoming_moves: Vec<Move>,
}

#[derive(Deserialize)]
struct Coded {
    id: i64,
    code: Option<String>,
}

impl Coded {
    fn name(&self) -> String {
        self.code.clone().filter(|code| !code.trim().is_empty()).unwrap_or_else(|| format!("#{}", self.id))
    }
}

#[derive(Deserialize)]
struct Move {
    state: String,
    /// The shipment has a day of its own only once its goods are put away.
    #[serde(default, deserialize_with = "wire::date")]
    effective_date: Option<NaiveDate>,
    origin: Option<String>,
    #[serde(default, deserialize_with = "wire::float")]
    quantity: Option<Decimal>,
    unit: Symbol,
    product: Coded,
    lot: Option<Lot>,
}

impl Move {
    fn line(&self) -> Option<i64> {
        self.origin.as_deref()?.strip_prefix("purchase.line,")?.parse().ok()
    }
}

#[derive(Deserialize)]
struct Lot {
    number: String,
    #[serde(default, deserialize_with = "wire::date")]
    shelf_life_expiration_date: Option<NaiveDate>,
}

#[derive(Deserialize)]
struct Line {
    id: i64,
    purchase: Purchase,
}

#[derive(Deserialize)]
struct Purchase {
    number: Option<String>,
}

/// Shipments as messages, each with the orders of its moves: Tryton does not answer through an origin.
pub async fn messages(wire: &Wire, feed: Feed, shipments: &[Value]) -> Result<Vec<Raw>, Fault> {
    let origin = |each: &Value| {
        each["origin"].as_str().and_then(|origin| origin.strip_prefix("purchase.line,")?.parse::<i64>().ok())
    };
    let moves = |shipment: &Value| shipment["incoming_moves"].as_array().cloned().unwrap_or_default();
    let shipments: Vec<&Value> = shipments.iter().filter(|shipment| came_in(shipment)).collect();
    let mut ids: Vec<i64> =
        shipments.iter().flat_map(|shipment| moves(shipment)).filter_map(|each| origin(&each)).collect();
    ids.sort_unstable();
    ids.dedup();
    let query = Query {
        model: "purchase.line",
        fields: &["purchase.number"],
        domain: json!([["id", "in", ids]]),
        order: json!([["id", "ASC"]]),
        limit: ids.len().max(1),
    };
    let lines: Vec<Value> = if ids.is_empty() { Vec::new() } else { wire.list(&query).await? };
    let resources: Vec<String> =
        shipments.iter().map(|shipment| format!("stock.shipment.in,{}", id(shipment))).collect();
    let ours = super::dock::stand_for_receipts(wire, &resources).await?;
    Ok(shipments
        .iter()
        .map(|shipment| {
            let own: Vec<i64> = moves(shipment).iter().filter_map(origin).collect();
            let lines: Vec<&Value> = lines.iter().filter(|line| own.contains(&id(line))).collect();
            let mut body = json!({"shipment": shipment, "lines": lines});
            if ours.contains(&format!("stock.shipment.in,{}", id(shipment))) {
                body["at_our_dock"] = json!(true);
            }
            let subject =
                shipment["reference"].as_str().or(shipment["number"].as_str()).unwrap_or("shipment").to_owned();
            let key =
                format!("stock.shipment.in,{}@{}", id(shipment), digest(&super::translate::sorted(&body).to_string()));
            raw(feed, key, subject, &super::translate::sorted(&body))
        })
        .collect())
}

/// Whether goods were ever in by a shipment: a draft that is withdrawn is no news here.
fn came_in(shipment: &Value) -> bool {
    shipment["incoming_moves"].as_array().is_some_and(|moves| {
        moves
            .iter()
            .any(|each| each["state"] == "done" || each["state"] == "cancelled" && !each["effective_date"].is_null())
    })
}

/// What came, or that it was taken back; none where nothing of an order did.
pub fn snapshot(body: &str) -> Result<Option<ReceiptSnapshot>, NotUnderstood> {
    let Reading { shipment, lines: purchased, at_our_dock } = read(body)?;
    // Tryton cancels all moves of a shipment together.
    let in_stock = shipment.incoming_moves.iter().any(|each| each.state == "done");
    let counts = |each: &&Move| match each.state.as_str() {
        "done" => true,
        "cancelled" => !in_stock && each.effective_date.is_some(),
        _ => false,
    };
    let mut lines = Vec::new();
    for each in shipment.incoming_moves.iter().filter(counts) {
        let Some(line) = each.line() else { continue };
        let order = purchased.iter().find(|known| known.id == line).and_then(|known| known.purchase.number.clone());
        let quantity = each.quantity.unwrap_or_default();
        if quantity.is_zero() {
            continue;
        }
        lines.push(ReceivedSnapshot {
            order,
            line: Some(line_number(line)),
            item: each.product.name(),
            unit: Unit::new(&each.unit.symbol),
            lot: each.lot.as_ref().map(|lot| lot.number.clone()),
            supplier_lot: each.lot.as_ref().map(|lot| lot.number.clone()),
            expires_on: each.lot.as_ref().and_then(|lot| lot.shelf_life_expiration_date),
            accepted: quantity,
            damaged: Decimal::ZERO,
            note: None,
        });
    }
    if lines.is_empty() {
        return Ok(None);
    }
    let Some(on) = shipment.incoming_moves.iter().filter(counts).filter_map(|each| each.effective_date).max() else {
        return Err(problem(
            "$.shipment.incoming_moves",
            "A move that is done has a day; none of these has.".to_owned(),
        ));
    };
    let number = shipment.number.unwrap_or_else(|| format!("#{}", shipment.id));
    Ok(Some(ReceiptSnapshot {
        their_ref: if in_stock { number.clone() } else { format!("cancellation of {number}") },
        channel: ReceiptChannel::Erp,
        plant: shipment.warehouse.name(),
        supplier: shipment.supplier.name(),
        notice: None,
        delivery_note: shipment.reference,
        // Tryton keeps the day only: its beginning is never after the receipt.
        received_at: on.and_time(chrono::NaiveTime::MIN).and_utc(),
        // What did not come is an open move of the order again, in no shipment; but of what came in at our dock in several
        // receipts, each is a shipment, and the dock says which is the last.
        complete: !at_our_dock,
        reverses: (!in_stock).then_some(number),
        lines,
    }))
}
