//! The pure translations: a binding promise into a confirmation (the rest of what we tell is in [`super::material`]), and
//! each of their messages into a command.

use std::collections::BTreeSet;

use domain::command::{
    Command, ComponentSnapshot, ItemSnapshot, LineSnapshot, OrderSnapshot, PlantSnapshot, ReceiptSnapshot,
    ReceivedSnapshot, ScheduleSnapshot, StockOfLot, StockSnapshot, SupplierSnapshot, WorkOrderSnapshot,
};
use domain::event::{Event, Promised};
use domain::quantity::Unit;
use domain::receipt::ReceiptChannel;
use domain::shipment::Moved;
use rust_decimal::Decimal;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::settings::System;
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

/// What a message asks for. Something with a `type` was pushed; anything else is of the feed whose name the channel is.
pub fn commands(channel: &str, body: &str, system: System) -> Result<Vec<Command>, NotUnderstood> {
    let value: Value = read(body, "$")?;
    let command = match (value.get("type"), channel) {
        (Some(_), _) => pushed(read(body, "$")?, system)?,
        (None, "work_orders") => Command::MirrorWorkOrder(work_order(read(body, "$")?, "$")?),
        (None, "receipts") => Command::PostReceipt(receipt(read(body, "$")?, "$", system)?),
        (None, "milestones") => sight(read(body, "$")?, "$")?,
        (None, "stock") => Command::MirrorStock(stock(read(body, "$")?, "$")?),
        (None, _) => Command::MirrorOrder(snapshot(read(body, "$")?, "$")?),
    };
    Ok(vec![command])
}

fn pushed(message: wire::Pushed, system: System) -> Result<Command, NotUnderstood> {
    match message {
        wire::Pushed::Order { order } => Ok(Command::MirrorOrder(snapshot(*order, "$.order")?)),
        wire::Pushed::ConfirmationAcknowledged { order, document, at } => {
            named(&order, "$.order")?;
            named(&document, "$.document")?;
            Ok(Command::AcknowledgeConfirmation { order, their_ref: document, at })
        }
        wire::Pushed::Receipt { receipt: goods } => Ok(Command::PostReceipt(receipt(goods, "$.receipt", system)?)),
        wire::Pushed::Stock { stock: figures } => Ok(Command::MirrorStock(stock(figures, "$.stock")?)),
        wire::Pushed::Milestone { milestone } => sight(milestone, "$.milestone"),
        wire::Pushed::WorkOrder { work_order: order } => {
            Ok(Command::MirrorWorkOrder(work_order(*order, "$.work_order")?))
        }
    }
}

fn work_order(order: wire::WorkOrder, at: &str) -> Result<WorkOrderSnapshot, NotUnderstood> {
    named(&order.number, &format!("{at}.number"))?;
    named(&order.plant.code, &format!("{at}.plant.code"))?;
    named(&order.item.number, &format!("{at}.item.number"))?;
    named(&order.unit, &format!("{at}.unit"))?;
    if order.quantity.0 <= Decimal::ZERO {
        return wrong(format!("{at}.quantity"), format!("{} is not above zero", order.quantity.0));
    }
    if order.due_at < order.starts_at {
        return wrong(format!("{at}.due_at"), "is before starts_at".to_owned());
    }
    let mut seen = BTreeSet::new();
    let mut components = Vec::with_capacity(order.components.len());
    for (index, component) in order.components.into_iter().enumerate() {
        let at = format!("{at}.components[{index}]");
        named(&component.number, &format!("{at}.number"))?;
        named(&component.item.number, &format!("{at}.item.number"))?;
        named(&component.unit, &format!("{at}.unit"))?;
        if !seen.insert(component.number.clone()) {
            return wrong(format!("{at}.number"), format!("component {} is there twice", component.number));
        }
        let unit = Unit::new(&component.unit);
        components.push(ComponentSnapshot {
            their_ref: component.their_ref.unwrap_or_else(|| format!("{}/{}", order.number, component.number)),
            number: component.number,
            item: item(component.item, &unit),
            quantity: not_negative(component.quantity, &format!("{at}.quantity"))?,
            unit,
            backflush: component.backflush,
            operation: component.operation,
        });
    }
    let unit = Unit::new(&order.unit);
    Ok(WorkOrderSnapshot {
        their_version: order.version,
        their_ref: order.their_ref.unwrap_or_else(|| order.number.clone()),
        number: order.number,
        plant: PlantSnapshot { code: order.plant.code, name: order.plant.name },
        item: item(order.item, &unit),
        unit,
        quantity: order.quantity.0,
        status: order.status,
        starts_at: order.starts_at,
        due_at: order.due_at,
        components,
        operations: order.operations,
    })
}

/// An item; its base unit is that of its line where it is not given.
fn item(item: wire::Item, unit: &Unit) -> ItemSnapshot {
    ItemSnapshot {
        number: item.number,
        description: item.description,
        unit: item.unit.as_deref().map_or_else(|| unit.clone(), Unit::new),
        revision: item.revision,
        rules: item.rules,
    }
}

fn sight(seen: wire::Sight, at: &str) -> Result<Command, NotUnderstood> {
    let (notice, supplier) = match (seen.notice, seen.delivery_note, seen.supplier) {
        (Some(notice), _, _) => (notice, None),
        (None, Some(delivery_note), Some(supplier)) => (delivery_note, Some(supplier)),
        _ => {
            let problem = "is missing, and there is no delivery_note with its supplier either";
            return wrong(format!("{at}.notice"), problem.to_owned());
        }
    };
    named(&notice, &format!("{at}.notice"))?;
    let moved =
        Moved { milestone: seen.milestone, happened_at: seen.happened_at, arrive_on: seen.arrive_on, note: seen.note };
    Ok(Command::MoveShipment { notice, supplier, moved })
}

fn receipt(receipt: wire::Receipt, at: &str, system: System) -> Result<ReceiptSnapshot, NotUnderstood> {
    named(&receipt.number, &format!("{at}.number"))?;
    named(&receipt.plant, &format!("{at}.plant"))?;
    named(&receipt.supplier, &format!("{at}.supplier"))?;
    let mut lines = Vec::with_capacity(receipt.lines.len());
    for (index, line) in receipt.lines.into_iter().enumerate() {
        lines.push(received(line, &format!("{at}.lines[{index}]"))?);
    }
    Ok(ReceiptSnapshot {
        their_ref: receipt.number,
        channel: match system {
            System::Erp => ReceiptChannel::Erp,
            System::Wms => ReceiptChannel::Wms,
        },
        plant: receipt.plant,
        supplier: receipt.supplier,
        notice: receipt.notice,
        delivery_note: receipt.delivery_note,
        received_at: receipt.received_at,
        complete: receipt.complete,
        reverses: receipt.reverses,
        lines,
    })
}

fn received(line: wire::Received, at: &str) -> Result<ReceivedSnapshot, NotUnderstood> {
    named(&line.item, &format!("{at}.item"))?;
    named(&line.unit, &format!("{at}.unit"))?;
    Ok(ReceivedSnapshot {
        order: line.order,
        line: line.line,
        item: line.item,
        unit: Unit::new(&line.unit),
        lot: line.lot,
        supplier_lot: line.supplier_lot,
        expires_on: line.expires_on,
        accepted: not_negative(line.accepted, &format!("{at}.accepted"))?,
        damaged: line.damaged.map_or(Ok(Decimal::ZERO), |it| not_negative(it, &format!("{at}.damaged")))?,
        note: line.note,
    })
}

fn stock(stock: wire::Stock, at: &str) -> Result<StockSnapshot, NotUnderstood> {
    named(&stock.plant, &format!("{at}.plant"))?;
    named(&stock.item, &format!("{at}.item"))?;
    named(&stock.unit, &format!("{at}.unit"))?;
    let mut lots = Vec::with_capacity(stock.lots.len());
    for (index, lot) in stock.lots.into_iter().enumerate() {
        // Stock below zero is what some ERPs have until somebody counts; it is told as it is.
        let at = format!("{at}.lots[{index}].reserved");
        lots.push(StockOfLot {
            lot: lot.lot,
            status: lot.status,
            location: lot.location,
            on_hand: lot.on_hand.0,
            reserved: lot.reserved.map_or(Ok(Decimal::ZERO), |reserved| not_negative(reserved, &at))?,
        });
    }
    Ok(StockSnapshot { plant: stock.plant, item: stock.item, unit: Unit::new(&stock.unit), as_of: stock.as_of, lots })
}

fn not_negative(number: wire::Exact, at: &str) -> Result<Decimal, NotUnderstood> {
    if number.0.is_sign_negative() && !number.0.is_zero() {
        return wrong(at.to_owned(), format!("{} is below zero", number.0));
    }
    Ok(number.0)
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
        item: item(line.item, &unit),
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
