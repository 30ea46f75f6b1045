//! What events say into Tryton; here a promise: look, note, amend, arrange, look again.
//!
//! Tryton has no place for an idempotency key, so each try begins by reading the order and writes only the difference. The
//! key stands in the note, which is written first: whatever a try that broke off has left behind, the next one reads what
//! was wanted and goes on from there.

use domain::event::{Event, Promised};
use serde_json::{Value, json};
use tracing::info;

use super::note::{self, Part, Record, records};
use super::plan::{Amend, Cannot, Change, changes, plan};
use super::settings::TrytonSettings;
use super::wire::{self, Amendment, Line, Note, ORDER_FIELDS, Order, Query, Trouble, Wire};
use super::{decision, dock, hold, milestone, production, shipment, stock};
use crate::outcome::{Fault, Outcome};
use crate::{LinkKind, Outgoing};

/// Writes what an event says; what Tryton does not allow is a refusal.
pub async fn deliver(wire: &Wire, settings: &TrytonSettings, delivery: &Outgoing) -> Result<Outcome, Fault> {
    let company = settings.company;
    let written = match &delivery.envelope.event {
        // Nobody is told what he told us.
        Event::StockRequested { plant, item } => stock::ask(wire, &settings.places, delivery, plant, item).await,
        _ if delivery.is_echo() => Ok(Outcome::accepted(None, true)),
        Event::ShipmentAnnounced { notice } | Event::ShipmentAmended { notice, .. } => {
            shipment::announce(wire, company, delivery, notice).await
        }
        Event::ShipmentCancelled { notice, delivery_note, .. } => {
            shipment::cancel(wire, company, delivery, notice, delivery_note).await
        }
        Event::ShipmentMoved { notice, moved } => milestone::tell(wire, delivery, notice, moved).await,
        Event::ReceiptPosted { receipt } => dock::receive(wire, settings, delivery, receipt).await,
        Event::ReceiptReversed { receipt, reason, .. } => dock::reverse(wire, delivery, receipt, reason).await,
        Event::LotDecided { lot, moves, .. } => decision::carry_out(wire, settings, delivery, lot, moves).await,
        Event::MaterialConsumed { .. } | Event::OutputCompleted { .. } | Event::ReportReversed { .. } => {
            return production::deliver(wire, settings, delivery).await;
        }
        Event::HoldPlaced { hold } => hold::place(wire, settings, delivery, hold).await,
        Event::HoldReleased { hold, disposition, reason } => {
            hold::release(wire, settings, delivery, hold, *disposition, reason).await
        }
        _ => write(wire, company, delivery).await,
    };
    match written {
        Ok(outcome) => Ok(outcome),
        Err(Trouble::Refused(reason)) => Ok(Outcome::refused(reason)),
        Err(Trouble::Fault(fault)) => Err(fault),
    }
}

impl From<Cannot> for Trouble {
    fn from(cannot: Cannot) -> Self {
        match cannot {
            Cannot::Refuse(reason) => Self::Refused(reason),
            Cannot::Wait(message) => Self::Fault(Fault::Temporary { message, after: None }),
        }
    }
}

/// An order as it stands, with what we noted in it.
struct Found {
    order: Order,
    notes: Vec<Note>,
    records: Vec<Record>,
}

impl Found {
    /// The note that we wrote for this key.
    fn note(&self, key: &str) -> Option<i64> {
        self.notes.iter().find(|note| note::record(note).is_some_and(|record| record.key == key)).map(|note| note.id)
    }

    /// What a buyer finds in Tryton: the order, its revision and our note.
    fn their_ref(&self, key: &str) -> String {
        let number = self.order.number.as_deref().unwrap_or_default();
        let note = self.note(key).map(|id| format!(", note {id}")).unwrap_or_default();
        format!("{number} revision {}{note}", self.order.revision)
    }
}

async fn write(wire: &Wire, company: i64, delivery: &Outgoing) -> Result<Outcome, Trouble> {
    let Event::PromiseMade { order: number, lines, .. } = &delivery.envelope.event else {
        let kind = delivery.envelope.event.kind();
        return Err(Fault::Permanent { message: format!("Events of kind {kind} are not carried.") }.into());
    };
    let (key, version) = (delivery.idempotency_key(), delivery.envelope.subject_version);
    let promised: Vec<&Promised> = lines.iter().collect();

    let mut found = look(wire, company, delivery, number).await?;
    let id = found.order.id;
    let plan = plan(&found.order, &found.records, &key, version, &promised)?;
    let mut record = plan.record;
    if record.lines.is_empty() {
        // Each line has a later promise already, which this one must not undo.
        return Ok(Outcome::accepted(Some(found.their_ref(&key)), true));
    }
    let mut already = true;
    if found.note(&key).is_none() {
        let text = note::text(&record, &promised, delivery.envelope.at);
        wire.create("ir.note", json!({"resource": format!("purchase.purchase,{id}"), "message": text})).await?;
        already = false;
    }
    if !plan.amend.is_empty() {
        amend(wire, &found.order, &plan.amend, &key).await?;
        already = false;
    }
    if !already {
        found = look(wire, company, delivery, number).await?;
        record = found.records.iter().find(|found| found.key == key).cloned().unwrap_or(record);
    }
    let left = changes(&found.order, &found.records, &record);
    if !left.is_empty() {
        already = false;
        for change in &left {
            carry_out(wire, &found.order, change).await?;
        }
        found = look(wire, company, delivery, number).await?;
    }

    // What was written is looked at once more: a buyer may have been at work on the same order.
    let again = super::plan::plan(&found.order, &found.records, &key, version, &promised)?;
    let left = changes(&found.order, &found.records, &record).len() + again.amend.len();
    if left > 0 || found.note(&key).is_none() {
        return Ok(Outcome::Pending {
            seen: format!("Order {number} looks otherwise than it was written; it is looked at again."),
        });
    }
    info!(order.number = number, delivery.already = already, "The promise is in Tryton.");
    Ok(Outcome::accepted(Some(found.their_ref(&key)), already))
}

/// Reads the order: by its id where a link knows it, else by its number.
async fn look(wire: &Wire, company: i64, delivery: &Outgoing, number: &str) -> Result<Found, Trouble> {
    let linked = delivery.their_ref(LinkKind::Order, number);
    let id = linked.and_then(|link| link.strip_prefix("purchase.purchase,")).and_then(|id| id.parse::<i64>().ok());
    let which = id.map_or_else(|| json!(["number", "=", number]), |id| json!(["id", "=", id]));
    let query = Query {
        model: "purchase.purchase",
        fields: ORDER_FIELDS,
        domain: json!([which, ["company", "=", company]]),
        order: json!([["id", "DESC"]]),
        limit: 1,
    };
    let Some(order) = wire.list::<Order>(&query).await?.pop() else {
        return Err(Trouble::Refused(format!("Order {number} does not exist in Tryton (any more).")));
    };
    let notes = super::changes::notes(wire, &[order.id]).await?;
    let notes = serde_json::from_value::<Vec<Note>>(Value::Array(notes)).map_err(|error| Fault::Contract {
        message: format!("The notes of order {number} are not as agreed: {error}."),
    })?;
    let records = records(&notes);
    Ok(Found { order, notes, records })
}

/// Changes quantities and prices, with an amendment that an earlier try left unvalidated where there is one.
async fn amend(wire: &Wire, order: &Order, wanted: &[Amend], key: &str) -> Result<(), Trouble> {
    let query = Query {
        model: "purchase.amendment",
        fields: &["lines.line", "lines.quantity", "lines.unit_price"],
        domain: json!([
            ["purchase", "=", order.id],
            ["state", "=", "draft"],
            ["description", "like", format!("%{key}%")]
        ]),
        order: json!([["id", "DESC"]]),
        limit: 1,
    };
    let left: Option<Amendment> = wire.list(&query).await?.pop();
    let fitting = left.as_ref().filter(|amendment| amends(amendment, wanted)).map(|amendment| amendment.id);
    let id = match fitting {
        Some(id) => id,
        None => {
            if let Some(stale) = left {
                wire.delete("purchase.amendment", stale.id).await?;
            }
            let mut lines = Vec::new();
            for amend in wanted {
                let Some(line) = order.lines.iter().find(|line| line.id == amend.line) else { continue };
                lines.push(json!({
                    "action": "line",
                    "line": line.id,
                    "party": order.party.id,
                    "product": line.product.as_ref().map(|product| product.id),
                    "product_supplier": line.product_supplier.as_ref().map(|item| item.id),
                    "description": line.description,
                    "unit": line.unit.as_ref().map(|unit| unit.id),
                    "quantity": wire::quantity(amend.quantity),
                    "unit_price": amend.price.map(wire::price),
                }));
            }
            let values = json!({
                "purchase": order.id,
                "description": format!("Supplier's confirmation ({key})"),
                "lines": [["create", lines]],
            });
            wire.create("purchase.amendment", values).await?
        }
    };
    let validated = wire.press("purchase.amendment", id, "validate_amendment").await;
    if matches!(validated, Err(Trouble::Refused(_))) {
        // A draft that nobody validates is litter on the buyer's desk. Where it cannot go either, the refusal says enough.
        let _ = wire.delete("purchase.amendment", id).await;
    }
    validated
}

fn amends(amendment: &Amendment, wanted: &[Amend]) -> bool {
    amendment.lines.len() == wanted.len()
        && wanted.iter().all(|wanted| {
            amendment.lines.iter().any(|line| {
                line.line == Some(wanted.line)
                    && line.quantity == Some(wanted.quantity)
                    && line.unit_price == wanted.price
            })
        })
}

async fn carry_out(wire: &Wire, order: &Order, change: &Change) -> Result<(), Trouble> {
    match change {
        Change::Store { line, on } => {
            wire.write("purchase.line", *line, json!({"delivery_date_store": wire::day(Some(*on))})).await
        }
        Change::Move { id, part } => wire.write("stock.move", *id, move_of(part)).await,
        Change::Remove { id } => wire.delete("stock.move", *id).await,
        Change::Add { line, part } => {
            let Some(line) = order.lines.iter().find(|found| found.id == *line) else { return Ok(()) };
            wire.create("stock.move", new_move(order, line, part)).await.map(|_| ())
        }
    }
}

fn move_of(part: &Part) -> Value {
    json!({"quantity": wire::quantity(part.quantity), "planned_date": wire::day(part.on)})
}

/// Nothing is filled in by itself through the API.
fn new_move(order: &Order, line: &Line, part: &Part) -> Value {
    let mut values = move_of(part);
    values["origin"] = json!(format!("purchase.line,{}", line.id));
    values["product"] = json!(line.product.as_ref().map(|product| product.id));
    values["unit"] = json!(line.unit.as_ref().map(|unit| unit.id));
    values["from_location"] = json!(line.from_location);
    values["to_location"] = json!(line.to_location);
    values["unit_price"] = json!(line.unit_price.map(wire::price));
    values["currency"] = json!(order.currency.id);
    values["company"] = json!(order.company);
    values
}
