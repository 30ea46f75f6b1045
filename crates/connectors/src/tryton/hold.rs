//! Holds. Tryton has no status of a lot: what is held is moved by an internal shipment to a hold location beside the storage
//! zone, where neither production nor shipping looks for it, and back when it may be used again.
//!
//! The shipment's reference is the number of our hold; it is looked for before another one is made, and a try that broke off
//! is gone on with from the state that it left.

use domain::hold::{Disposition, Hold};
use domain::lot::LotRef;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::{Value, json};

use super::shipment::{Warehouse, known_lot};
use super::stock::{self, Plant};
use super::wire::{Id, Query, Trouble, Wire, day, quantity};
use crate::outcome::{Fault, Outcome};
use crate::{Link, LinkKind, Outgoing};

#[derive(Debug, Clone, Deserialize)]
struct Internal {
    id: i64,
    number: Option<String>,
    state: String,
}

/// From one place to the other.
struct Way {
    from: i64,
    to: i64,
    reference: String,
}

/// Takes the lots of a hold out of the storage zone.
pub async fn place(
    wire: &Wire,
    company: i64,
    hold_code: Option<&str>,
    delivery: &Outgoing,
    hold: &Hold,
) -> Result<Outcome, Trouble> {
    let Some((warehouse, there)) = places(wire, hold_code, delivery).await? else { return Ok(nowhere()) };
    let way = Way { from: warehouse.storage_location, to: there, reference: hold.number.clone() };
    carry(wire, company, delivery, hold, &way).await
}

/// Brings them back where they may be used as they are; everything else stays in the hold location until somebody in Tryton
/// does with it what was decided.
pub async fn release(
    wire: &Wire,
    company: i64,
    hold_code: Option<&str>,
    delivery: &Outgoing,
    hold: &Hold,
    disposition: Disposition,
) -> Result<Outcome, Trouble> {
    let Some((warehouse, there)) = places(wire, hold_code, delivery).await? else { return Ok(nowhere()) };
    if disposition != Disposition::UseAsIs {
        return Ok(Outcome::accepted(Some(format!("stays on hold: {disposition}")), true));
    }
    let way = Way { from: there, to: warehouse.storage_location, reference: format!("{} release", hold.number) };
    carry(wire, company, delivery, hold, &way).await
}

/// A hold that concerns no plant has no lots there either.
fn nowhere() -> Outcome {
    Outcome::accepted(None, true)
}

async fn places(
    wire: &Wire,
    hold_code: Option<&str>,
    delivery: &Outgoing,
) -> Result<Option<(Warehouse, i64)>, Trouble> {
    let Some(code) = &delivery.plant else { return Ok(None) };
    let Some(Plant { warehouse, .. }) = stock::plant(wire, code).await? else {
        return Err(Trouble::Refused(format!("There is no warehouse {code} in Tryton.")));
    };
    let wanted = hold_code.map_or_else(|| format!("HOLD-{code}"), str::to_owned);
    let query = Query {
        model: "stock.location",
        fields: &["id"],
        domain: json!([["code", "=", wanted], ["type", "=", "storage"], ["parent", "child_of", [warehouse.id]]]),
        order: json!([["id", "ASC"]]),
        limit: 1,
    };
    match wire.list::<Id>(&query).await?.pop() {
        Some(location) => Ok(Some((warehouse, location.id))),
        None => Err(Trouble::Refused(format!(
            "There is no storage location {wanted} in warehouse {code}. Make one in Tryton beside the storage zone, or name \
             another one in the connection's settings."
        ))),
    }
}

async fn carry(wire: &Wire, company: i64, delivery: &Outgoing, hold: &Hold, way: &Way) -> Result<Outcome, Trouble> {
    let mut already = true;
    let shipment = match find(wire, company, way).await? {
        Some(known) => known,
        None => {
            let moves = moves(wire, company, delivery, &hold.lots, way).await?;
            if moves.is_empty() {
                return Ok(Outcome::accepted(Some("nothing of it is there".to_owned()), true));
            }
            already = false;
            let today = day(Some(delivery.now.date_naive()));
            let values = json!({
                "company": company, "from_location": way.from, "to_location": way.to, "reference": way.reference,
                "planned_date": today, "planned_start_date": today, "moves": [["create", moves]],
            });
            let id = wire.create("stock.shipment.internal", values).await?;
            Internal { id, number: None, state: "draft".to_owned() }
        }
    };
    let mut state = shipment.state.clone();
    for (from, button) in [("draft", "wait"), ("waiting", "assign_try"), ("assigned", "do")] {
        if state == from {
            already = false;
            wire.press("stock.shipment.internal", shipment.id, button).await?;
            state = find(wire, company, way).await?.map_or(state, |now| now.state);
        }
    }
    if state != "done" {
        return Err(Trouble::Refused(format!(
            "The lots of {} could not be moved in Tryton (the shipment is {state}): something of them is reserved. Release \
             the reservation there, then retry.",
            way.reference
        )));
    }
    let number = find(wire, company, way).await?.and_then(|done| done.number);
    let their_ref = number.unwrap_or_else(|| format!("#{}", shipment.id));
    let link = Link {
        kind: LinkKind::Hold,
        key: hold.number.clone(),
        their_ref: format!("stock.shipment.internal,{}", shipment.id),
    };
    Ok(Outcome::Accepted { their_ref: Some(their_ref), links: vec![link], already, told: Vec::new() })
}

async fn find(wire: &Wire, company: i64, way: &Way) -> Result<Option<Internal>, Fault> {
    let query = Query {
        model: "stock.shipment.internal",
        fields: &["number", "state"],
        domain: json!([["company", "=", company], ["reference", "=", way.reference], ["state", "!=", "cancelled"]]),
        order: json!([["id", "ASC"]]),
        limit: 1,
    };
    Ok(wire.list::<Internal>(&query).await?.pop())
}

/// What lies of these lots where the way begins.
async fn moves(
    wire: &Wire,
    company: i64,
    delivery: &Outgoing,
    lots: &[LotRef],
    way: &Way,
) -> Result<Vec<Value>, Trouble> {
    let mut moves = Vec::new();
    for lot in lots {
        let Some(product) = stock::product(wire, &lot.item).await? else { continue };
        let mut id = known_lot(wire, product.id, &lot.lot).await?;
        if let (None, Some(number)) = (id, &lot.supplier_lot) {
            id = known_lot(wire, product.id, number).await?;
        }
        let Some(id) = id else { continue };
        let there = stock::lots(wire, &product, way.from, delivery.now.date_naive()).await?;
        let Some(found) = there.iter().find(|found| found.lot == id && found.quantity > Decimal::ZERO) else {
            continue;
        };
        moves.push(json!({
            "product": product.id, "lot": id, "quantity": quantity(found.quantity), "unit": product.unit,
            "from_location": way.from, "to_location": way.to, "company": company,
        }));
    }
    Ok(moves)
}
