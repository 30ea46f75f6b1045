//! What happens to goods on their way. A new day of arrival becomes the planned date of the shipment and with it of its moves,
//! which is what Tryton plans with; everything else has no field there and is a note on the shipment.

use domain::shipment::{Milestone, Moved};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tracing::info;

use super::remark;
use super::shipment;
use super::wire::{Trouble, Wire, day};
use crate::Outgoing;
use crate::outcome::Outcome;

/// Starts the line that is for us.
const MARK: &str = "interlock-milestone: ";

#[derive(Debug, Serialize, Deserialize)]
struct Record {
    key: String,
    /// The event's version within its shipment: an earlier milestone that comes again does not undo a later one.
    version: i64,
    /// It told another day of arrival.
    arrives: bool,
}

/// Tells Tryton of a milestone.
pub async fn tell(wire: &Wire, delivery: &Outgoing, notice: &str, moved: &Moved) -> Result<Outcome, Trouble> {
    let Some(shipment) = shipment::linked(wire, delivery, notice).await? else {
        return Ok(Outcome::accepted(Some(format!("not carried: {notice} is not in Tryton")), true));
    };
    let (resource, key) = (shipment.resource(), delivery.idempotency_key());
    let records: Vec<(String, Record)> = remark::read(wire, std::slice::from_ref(&resource), MARK).await?;
    let version = delivery.envelope.subject_version;
    let mut already = true;
    if !records.iter().any(|(_, record)| record.key == key) {
        let record = Record { key, version, arrives: moved.arrive_on.is_some() };
        remark::write(wire, &resource, &words(moved), MARK, &record).await?;
        already = false;
    }
    let later = records.iter().any(|(_, record)| record.arrives && record.version > version);
    // Once goods are in, the day on which they were expected is history, and Tryton lets nobody change it.
    let open = shipment.state == "draft" && !later;
    if let Some(arrive_on) = moved.arrive_on.filter(|on| open && shipment.planned_date != Some(*on)) {
        wire.write("stock.shipment.in", shipment.id, json!({"planned_date": day(Some(arrive_on))})).await?;
        already = false;
    }
    info!(notice, delivery.already = already, "The milestone is in Tryton.");
    Ok(Outcome::accepted(Some(shipment.their_ref()), already))
}

fn words(moved: &Moved) -> String {
    let what = match moved.milestone {
        Milestone::PickedUp => "Picked up by the carrier",
        Milestone::Departed => "Left the supplier",
        Milestone::Delayed => "Delayed",
        Milestone::ArrivedAtGate => "At the gate",
        Milestone::Receiving => "Unloading has begun",
    };
    let mut words = format!("{what}: {} UTC.", moved.happened_at.format("%Y-%m-%d %H:%M"));
    if let Some(arrive_on) = moved.arrive_on {
        words.push_str(&format!(" Now expected on {arrive_on}."));
    }
    if let Some(note) = &moved.note {
        words.push_str(&format!(" {note}"));
    }
    words
}
