//! What the shop floor tells, in our own JSON (`docs/shop-floor-protocol.md`): the same messages whether they come over HTTP,
//! a broker or a log. A message is one report; a batch is a list of them under `messages`.
//!
//! Every message has an `id` that its sender never uses again: the same id is the same message, however often it comes.

pub mod b2mml;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::certificate::Measured;
use domain::command::{Command, ReportSnapshot, ReversalSnapshot};
use domain::production::{Completion, Consumption, InProcess, Reported};
use domain::quantity::Unit;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::rest::wire::Exact;
use crate::{NotUnderstood, Raw};

/// The most messages in one batch.
pub const MOST: usize = 1_000;

/// What stands in every message.
#[derive(Debug, Deserialize)]
struct Head {
    id: String,
    work_order: String,
}

/// A message of the shop floor. What does not belong to its type is ignored.
#[derive(Debug, Deserialize)]
struct Message {
    id: String,
    #[serde(rename = "type")]
    kind: Kind,
    #[serde(default)]
    plant: Option<String>,
    work_order: String,
    at: DateTime<Utc>,
    #[serde(default)]
    station: Option<String>,
    #[serde(default)]
    operator: Option<String>,
    #[serde(default)]
    corrects: Option<String>,
    #[serde(default)]
    item: Option<String>,
    #[serde(default)]
    component: Option<String>,
    #[serde(default)]
    lot: Option<String>,
    #[serde(default)]
    serial: Option<String>,
    #[serde(default)]
    serials: Vec<String>,
    #[serde(default)]
    quantity: Option<Exact>,
    #[serde(default)]
    unit: Option<String>,
    #[serde(default)]
    scrap: Option<Exact>,
    #[serde(default)]
    scrap_reason: Option<String>,
    #[serde(default)]
    last: bool,
    #[serde(default)]
    operation: Option<String>,
    #[serde(default)]
    done: bool,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    of: Option<String>,
    #[serde(default)]
    values: Vec<Measured>,
    #[serde(default)]
    passed: Option<bool>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Consumption,
    Completion,
    OperationStarted,
    OperationStopped,
    Inspection,
    Reversal,
}

/// The messages of a batch, or the one message that it is, each under its own id and filed under its work order. What has no
/// readable id is filed under `fallback` and stopped by nobody: it is kept, and found not understood.
pub fn split(pushed: &Raw, fallback: &str) -> Result<Vec<Raw>, NotUnderstood> {
    #[derive(Deserialize)]
    struct Batch {
        messages: Vec<Box<RawValue>>,
    }
    let is_batch = serde_json::from_str::<Value>(&pushed.body)
        .map_err(|error| NotUnderstood { at: "$".to_owned(), problem: error.to_string() })?
        .get("messages")
        .is_some();
    let texts: Vec<String> = if is_batch {
        let batch: Batch = serde_json::from_str(&pushed.body)
            .map_err(|error| NotUnderstood { at: "$.messages".to_owned(), problem: error.to_string() })?;
        if batch.messages.len() > MOST {
            let problem = format!("holds {} messages; the most in one batch is {MOST}", batch.messages.len());
            return Err(NotUnderstood { at: "$.messages".to_owned(), problem });
        }
        batch.messages.iter().map(|text| text.get().to_owned()).collect()
    } else {
        vec![pushed.body.clone()]
    };
    let mut seen = BTreeSet::new();
    let mut messages = Vec::with_capacity(texts.len());
    for (index, body) in texts.into_iter().enumerate() {
        let head = serde_json::from_str::<Head>(&body).ok().filter(|head| !head.id.trim().is_empty());
        let (external_key, subject) = match head {
            Some(head) => (head.id, head.work_order),
            None => (format!("{fallback}#{index}"), fallback.to_owned()),
        };
        if !seen.insert(external_key.clone()) {
            let problem = format!("the id {external_key} is there twice");
            return Err(NotUnderstood { at: format!("$.messages[{index}].id"), problem });
        }
        messages.push(Raw { external_key, subject, body, ..pushed.clone() });
    }
    Ok(messages)
}

/// What a message asks for. `plant` is the one that the connection speaks for: a message may name it, and no other.
pub fn command(body: &str, plant: &str) -> Result<Command, NotUnderstood> {
    let mut reader = serde_json::Deserializer::from_str(body);
    let message: Message = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let at = if path == "." { "$".to_owned() } else { format!("$.{path}") };
        NotUnderstood { at, problem: error.inner().to_string() }
    })?;
    if let Some(other) = message.plant.as_ref().filter(|code| !code.eq_ignore_ascii_case(plant)) {
        return wrong("$.plant", format!("{other} is not the plant of this connection, which is {plant}"));
    }
    named(&message.id, "$.id")?;
    named(&message.work_order, "$.work_order")?;
    if let Kind::Reversal = message.kind {
        return Ok(Command::ReverseReport(ReversalSnapshot {
            of: needed(message.of, "$.of")?,
            reason: needed(message.reason, "$.reason")?,
            their_ref: message.id,
            plant: plant.to_owned(),
            work_order: message.work_order,
            at: message.at,
        }));
    }
    let quantity = |given: Option<Exact>, at: &str| match given {
        Some(Exact(value)) if value.is_sign_negative() && !value.is_zero() => {
            wrong(at, format!("{value} is below zero; what is taken back is a message of the type reversal"))
        }
        given => Ok(given.map(|it| it.0)),
    };
    let what = match message.kind {
        Kind::Consumption => Reported::Consumed(Consumption {
            item: needed(message.item, "$.item")?,
            component: message.component,
            lot: message.lot,
            serials: message.serials,
            backflush: false,
            quantity: needed(quantity(message.quantity, "$.quantity")?, "$.quantity")?,
            unit: Unit::new(&needed(message.unit, "$.unit")?),
        }),
        Kind::Completion => Reported::Completed(Completion {
            quantity: quantity(message.quantity, "$.quantity")?.unwrap_or(Decimal::ZERO),
            unit: Unit::new(&needed(message.unit, "$.unit")?),
            scrap: quantity(message.scrap, "$.scrap")?.unwrap_or(Decimal::ZERO),
            scrap_reason: message.scrap_reason,
            lot: message.lot,
            serials: message.serials,
            last: message.last,
        }),
        Kind::OperationStarted => Reported::Started { operation: needed(message.operation, "$.operation")? },
        Kind::OperationStopped => Reported::Stopped {
            operation: needed(message.operation, "$.operation")?,
            done: message.done,
            reason: message.reason,
        },
        Kind::Inspection => Reported::Inspected(InProcess {
            operation: message.operation,
            lot: message.lot,
            serial: message.serial,
            values: message.values,
            passed: needed(message.passed, "$.passed")?,
        }),
        Kind::Reversal => return wrong("$.type", "is handled above".to_owned()),
    };
    Ok(Command::Report(ReportSnapshot {
        their_ref: message.id,
        plant: plant.to_owned(),
        work_order: message.work_order,
        at: message.at,
        station: message.station,
        operator: message.operator,
        corrects: message.corrects,
        what,
    }))
}

fn needed<T>(given: Option<T>, at: &str) -> Result<T, NotUnderstood> {
    given.ok_or_else(|| NotUnderstood { at: at.to_owned(), problem: "is missing".to_owned() })
}

fn named(text: &str, at: &str) -> Result<(), NotUnderstood> {
    if text.trim().is_empty() { wrong(at, "is empty".to_owned()) } else { Ok(()) }
}

fn wrong<T>(at: &str, problem: String) -> Result<T, NotUnderstood> {
    Err(NotUnderstood { at: at.to_owned(), problem })
}

#[cfg(test)]
mod tests;
