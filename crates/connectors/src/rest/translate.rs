//! The two pure translations: a binding promise into a confirmation, an order or an acknowledgement into a command.

use std::collections::BTreeSet;

use domain::command::{
    Command, ItemSnapshot, LineSnapshot, OrderSnapshot, PlantSnapshot, ScheduleSnapshot, SupplierSnapshot,
};
use domain::event::{Event, Promised};
use domain::quantity::Unit;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::wire;
use crate::{LinkKind, NotUnderstood, Outgoing};

/// The confirmation for a promise; none for any other event.
pub fn confirmation(delivery: &Outgoing) -> Option<wire::Confirmation<'_>> {
    let Event::PromiseMade { order, revision, lines } = &delivery.envelope.event else { return None };
    Some(wire::Confirmation {
        event: delivery.envelope.event_id.to_string(),
        order,
        order_ref: delivery.their_ref(LinkKind::Order, order),
        revision: *revision,
        sequence: delivery.envelope.subject_version,
        at: delivery.envelope.at,
        correlation: delivery.envelope.correlation_id.to_string(),
        plant: delivery.plant.as_deref(),
        supplier: delivery.supplier.as_deref(),
        lines: lines.iter().map(confirmed_line).collect(),
    })
}

fn confirmed_line(line: &Promised) -> wire::ConfirmedLine<'_> {
    wire::ConfirmedLine {
        line: &line.line,
        schedule: line.schedule,
        item: &line.item,
        unit: line.unit.code(),
        requested: wire::Part {
            quantity: wire::Exact(line.requested),
            deliver_on: Some(line.requested_on),
            ship_on: None,
            price: line.price.map(wire::Exact),
        },
        commitments: line
            .commitments
            .iter()
            .map(|part| wire::Part {
                quantity: wire::Exact(part.quantity),
                deliver_on: part.deliver_on,
                ship_on: part.ship_on,
                price: part.price.map(wire::Exact),
            })
            .collect(),
    }
}

/// What a message asks for. Something with a `type` was pushed, anything else is an order of the feed.
pub fn commands(body: &str) -> Result<Vec<Command>, NotUnderstood> {
    let value: Value = read(body, "$")?;
    if value.get("type").is_none() {
        return Ok(vec![Command::MirrorOrder(snapshot(read(body, "$")?, "$")?)]);
    }
    match read(body, "$")? {
        wire::Pushed::Order { order } => Ok(vec![Command::MirrorOrder(snapshot(*order, "$.order")?)]),
        wire::Pushed::ConfirmationAcknowledged { order, document, at } => {
            named(&order, "$.order")?;
            named(&document, "$.document")?;
            Ok(vec![Command::AcknowledgeConfirmation { order, their_ref: document, at }])
        }
    }
}

fn read<T: DeserializeOwned>(body: &str, root: &str) -> Result<T, NotUnderstood> {
    let mut reader = serde_json::Deserializer::from_str(body);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let at = if path == "." { root.to_owned() } else { format!("{root}.{path}") };
        NotUnderstood { at, problem: error.inner().to_string() }
    })?;
    reader.end().map_err(|error| NotUnderstood { at: root.to_owned(), problem: error.to_string() })?;
    Ok(value)
}

fn snapshot(order: wire::Order, at: &str) -> Result<OrderSnapshot, NotUnderstood> {
    named(&order.number, &format!("{at}.number"))?;
    named(&order.supplier.number, &format!("{at}.supplier.number"))?;
    named(&order.plant.code, &format!("{at}.plant.code"))?;
    if order.currency.len() != 3 || !order.currency.bytes().all(|letter| letter.is_ascii_uppercase()) {
        return wrong(format!("{at}.currency"), format!("{:?} is not a code of ISO 4217, e.g. EUR", order.currency));
    }
    let mut seen = BTreeSet::new();
    let mut lines = Vec::with_capacity(order.lines.len());
    for (index, line) in order.lines.into_iter().enumerate() {
        let at = format!("{at}.lines[{index}]");
        if !seen.insert(line.number.clone()) {
            return wrong(format!("{at}.number"), format!("line {} is there twice", line.number));
        }
        lines.push(line_snapshot(line, &order.number, &at)?);
    }
    Ok(OrderSnapshot {
        their_version: order.version,
        their_ref: order.their_ref.unwrap_or_else(|| order.number.clone()),
        number: order.number,
        supplier: SupplierSnapshot { number: order.supplier.number, name: order.supplier.name },
        plant: PlantSnapshot { code: order.plant.code, name: order.plant.name },
        buyer: order.buyer,
        currency: order.currency,
        incoterm: order.incoterm,
        status: order.status,
        lines,
    })
}

fn line_snapshot(line: wire::Line, order: &str, at: &str) -> Result<LineSnapshot, NotUnderstood> {
    named(&line.number, &format!("{at}.number"))?;
    named(&line.item.number, &format!("{at}.item.number"))?;
    named(&line.unit, &format!("{at}.unit"))?;
    if line.price.is_some_and(|price| price.0.is_sign_negative() && !price.0.is_zero()) {
        return wrong(format!("{at}.price"), "a price below zero".to_owned());
    }
    if line.schedule.is_empty() {
        return wrong(format!("{at}.schedule"), "no schedule line: say when and how much".to_owned());
    }
    let mut seen = BTreeSet::new();
    for (index, schedule) in line.schedule.iter().enumerate() {
        let at = format!("{at}.schedule[{index}]");
        if schedule.number < 1 || !seen.insert(schedule.number) {
            return wrong(
                format!("{at}.number"),
                format!("{} is not a new number from 1 within the line", schedule.number),
            );
        }
        if schedule.quantity.0.is_sign_negative() || schedule.quantity.0.is_zero() {
            return wrong(format!("{at}.quantity"), format!("{} is not above zero", schedule.quantity.0));
        }
    }
    let unit = Unit::new(&line.unit);
    Ok(LineSnapshot {
        their_ref: line.their_ref.unwrap_or_else(|| format!("{order}/{}", line.number)),
        number: line.number,
        item: ItemSnapshot {
            number: line.item.number,
            description: line.item.description,
            unit: line.item.unit.as_deref().map_or_else(|| unit.clone(), Unit::new),
            revision: line.item.revision,
            rules: None,
        },
        supplier_item: line.supplier_item,
        unit,
        price: line.price.map(|price| price.0),
        tolerances: line.tolerances.unwrap_or_default(),
        schedule: line
            .schedule
            .into_iter()
            .map(|schedule| ScheduleSnapshot {
                number: schedule.number,
                quantity: schedule.quantity.0,
                requested_on: schedule.requested_on,
            })
            .collect(),
    })
}

fn named(text: &str, at: &str) -> Result<(), NotUnderstood> {
    if text.trim().is_empty() { wrong(at.to_owned(), "is empty".to_owned()) } else { Ok(()) }
}

fn wrong<T>(at: String, problem: String) -> Result<T, NotUnderstood> {
    Err(NotUnderstood { at, problem })
}
