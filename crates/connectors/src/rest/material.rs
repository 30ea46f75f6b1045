//! What we tell of material on its way, at the dock and in stock: the protocol's types and the pure translation into them.
//!
//! Each message is one call with a path of its own. All have the same head, and a body that is the same on every try.

use chrono::{DateTime, NaiveDate, Utc};
use domain::event::Event;
use domain::hold::{Disposition, Hold, HoldReason, HoldScope};
use domain::lot::{LotRef, StatusMove, StockStatus};
use domain::production::{Report, Reported};
use domain::receipt::{Receipt, ReceivedLine};
use domain::shipment::{HandlingUnit, Milestone, Moved, PackageKind, ShipLine, ShipNotice};
use reqwest::Method;
use serde::Serialize;

use super::wire::Exact;
use crate::Outgoing;

/// A message on its way: how it is sent, and what it says.
#[derive(Debug, Serialize)]
pub struct Message<'a> {
    #[serde(skip)]
    pub method: Method,
    #[serde(skip)]
    pub path: String,
    /// The event behind it.
    event: String,
    /// Grows within what it is about, so that a swap shows.
    sequence: i64,
    at: DateTime<Utc>,
    correlation: String,
    plant: Option<&'a str>,
    supplier: Option<&'a str>,
    #[serde(flatten)]
    body: Body<'a>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Body<'a> {
    Delivery(Box<Delivery<'a>>),
    Cancellation { version: i32, delivery_note: &'a str, reason: &'a str },
    Moved(Milestones<'a>),
    Receipt(Goods<'a>),
    Reversal { reason: &'a str },
    Decision(Decision<'a>),
    Hold(Held<'a>),
    Release { disposition: Disposition, reason: &'a str, lots: Vec<Lot<'a>> },
    Posting(Posting<'a>),
}

/// What the shop floor reported, to be booked; or such a posting taken back.
#[derive(Debug, Serialize)]
struct Posting<'a> {
    work_order: &'a str,
    /// Names the report: a reversal names the same one.
    report: String,
    happened_at: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    component: Option<&'a str>,
    item: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lot: Option<&'a str>,
    #[serde(skip_serializing_if = "slice_is_empty")]
    serials: &'a [String],
    quantity: Exact,
    unit: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    scrap: Option<Exact>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scrap_reason: Option<&'a str>,
    /// Why it is taken back.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

/// A ship notice as it is now, whole.
#[derive(Debug, Serialize)]
struct Delivery<'a> {
    notice: &'a str,
    version: i32,
    delivery_note: &'a str,
    ship_on: NaiveDate,
    arrive_on: NaiveDate,
    #[serde(skip_serializing_if = "Option::is_none")]
    carrier: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tracking: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bill_of_lading: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
    /// Why it was amended.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    lines: Vec<Line<'a>>,
    units: Vec<Unit<'a>>,
}

#[derive(Debug, Serialize)]
struct Line<'a> {
    number: i32,
    order: &'a str,
    line: &'a str,
    schedule: i32,
    item: &'a str,
    description: &'a str,
    unit: &'a str,
    quantity: Exact,
    lots: Vec<Shipped<'a>>,
    #[serde(skip_serializing_if = "slice_is_empty")]
    serials: &'a [String],
}

#[derive(Debug, Serialize)]
struct Shipped<'a> {
    lot: &'a str,
    quantity: Exact,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_on: Option<NaiveDate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    produced_on: Option<NaiveDate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<&'a str>,
    #[serde(skip_serializing_if = "slice_is_empty")]
    serials: &'a [String],
}

fn slice_is_empty(list: &&[String]) -> bool {
    list.is_empty()
}

/// A package; `parent` is the SSCC of the one it stands in or on.
#[derive(Debug, Serialize)]
struct Unit<'a> {
    sscc: &'a str,
    kind: PackageKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gross_kg: Option<Exact>,
    contents: Vec<Content<'a>>,
}

#[derive(Debug, Serialize)]
struct Content<'a> {
    line: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    lot: Option<&'a str>,
    quantity: Exact,
}

#[derive(Debug, Serialize)]
struct Milestones<'a> {
    milestone: Milestone,
    happened_at: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    arrive_on: Option<NaiveDate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
}

/// Goods that were received with us, at the dock.
#[derive(Debug, Serialize)]
struct Goods<'a> {
    receipt: &'a str,
    notice: Option<&'a str>,
    delivery_note: Option<&'a str>,
    received_at: DateTime<Utc>,
    complete: bool,
    lines: Vec<Received<'a>>,
}

#[derive(Debug, Serialize)]
struct Received<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    notice_line: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<&'a str>,
    item: &'a str,
    unit: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    supplier_lot: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_on: Option<NaiveDate>,
    accepted: Exact,
    damaged: Exact,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
}

/// A usage decision.
#[derive(Debug, Serialize)]
struct Decision<'a> {
    lot: Lot<'a>,
    moves: Vec<Move>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct Move {
    from: StockStatus,
    to: StockStatus,
    quantity: Exact,
}

#[derive(Debug, Serialize)]
struct Lot<'a> {
    item: &'a str,
    lot: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    supplier_lot: Option<&'a str>,
    unit: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_on: Option<NaiveDate>,
}

/// What may not be used from now on.
#[derive(Debug, Serialize)]
struct Held<'a> {
    hold: &'a str,
    /// `lot`, `serial`, `supplier_item` or `plant_item`.
    scope: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    serial: Option<&'a str>,
    item: &'a str,
    reason: HoldReason,
    note: &'a str,
    /// Under it at this moment.
    lots: Vec<Lot<'a>>,
}

/// The call for an event; none for an event that is not about material.
pub fn message(delivery: &Outgoing) -> Option<Message<'_>> {
    let (method, path, body) = match &delivery.envelope.event {
        Event::ShipmentAnnounced { notice } => announced(notice, None),
        Event::ShipmentAmended { notice, reason } => announced(notice, reason.as_deref()),
        Event::ShipmentCancelled { notice, version, delivery_note, reason } => (
            Method::POST,
            format!("/inbound-deliveries/{notice}/cancellation"),
            Body::Cancellation { version: *version, delivery_note, reason },
        ),
        Event::ShipmentMoved { notice, moved } => {
            (Method::POST, format!("/inbound-deliveries/{notice}/milestones"), Body::Moved(milestone(moved)))
        }
        Event::ReceiptPosted { receipt } => (Method::POST, "/receipts".to_owned(), Body::Receipt(goods(receipt))),
        Event::ReceiptReversed { receipt, reason, .. } => {
            (Method::POST, format!("/receipts/{receipt}/reversal"), Body::Reversal { reason })
        }
        Event::LotDecided { lot: of, moves, reason } => {
            let decision =
                Decision { lot: lot(of), moves: moves.iter().map(moved_status).collect(), reason: reason.as_deref() };
            (Method::POST, "/lot-decisions".to_owned(), Body::Decision(decision))
        }
        Event::HoldPlaced { hold } => (Method::PUT, format!("/holds/{}", hold.number), Body::Hold(held(hold))),
        Event::HoldReleased { hold, disposition, reason } => (
            Method::POST,
            format!("/holds/{}/release", hold.number),
            Body::Release { disposition: *disposition, reason, lots: hold.lots.iter().map(lot).collect() },
        ),
        Event::MaterialConsumed { report } => {
            (Method::POST, "/production/consumptions".to_owned(), Body::Posting(posting(report, None)?))
        }
        Event::OutputCompleted { report } => {
            (Method::POST, "/production/completions".to_owned(), Body::Posting(posting(report, None)?))
        }
        Event::ReportReversed { report, reason, .. } => {
            (Method::POST, "/production/reversals".to_owned(), Body::Posting(posting(report, Some(reason))?))
        }
        _ => return None,
    };
    Some(Message {
        method,
        path,
        event: delivery.envelope.event_id.to_string(),
        sequence: delivery.envelope.subject_version,
        at: delivery.envelope.at,
        correlation: delivery.envelope.correlation_id.to_string(),
        plant: delivery.plant.as_deref(),
        supplier: delivery.supplier.as_deref(),
        body,
    })
}

/// What is booked for a report: in the unit of stock where it is known, else as it was reported. None for a report that is
/// not booked at all.
fn posting<'a>(report: &'a Report, reason: Option<&'a str>) -> Option<Posting<'a>> {
    let posting = |quantity, unit: &'a str| Posting {
        work_order: &report.work_order,
        report: report.report_id.to_string(),
        happened_at: report.at,
        component: None,
        item: None,
        lot: None,
        serials: &[],
        quantity: Exact(quantity),
        unit,
        scrap: None,
        scrap_reason: None,
        reason,
    };
    let booked = |quantity, unit: &'a domain::quantity::Unit| match &report.booked {
        Some(booked) => posting(booked.value, booked.unit.code()),
        None => posting(quantity, unit.code()),
    };
    Some(match &report.what {
        Reported::Consumed(it) => Posting {
            component: it.component.as_deref(),
            item: Some(&it.item),
            lot: it.lot.as_deref(),
            serials: &it.serials,
            ..booked(it.quantity, &it.unit)
        },
        Reported::Completed(it) => Posting {
            lot: it.lot.as_deref(),
            serials: &it.serials,
            scrap: Some(Exact(it.scrap)),
            scrap_reason: it.scrap_reason.as_deref(),
            ..booked(it.quantity, &it.unit)
        },
        Reported::Started { .. } | Reported::Stopped { .. } | Reported::Inspected(_) => return None,
    })
}

fn announced<'a>(notice: &'a ShipNotice, reason: Option<&'a str>) -> (Method, String, Body<'a>) {
    let delivery = Delivery {
        notice: &notice.number,
        version: notice.version,
        delivery_note: &notice.delivery_note,
        ship_on: notice.ship_on,
        arrive_on: notice.arrive_on,
        carrier: notice.carrier.as_deref(),
        tracking: notice.tracking.as_deref(),
        bill_of_lading: notice.bill_of_lading.as_deref(),
        note: notice.note.as_deref(),
        reason,
        lines: notice.lines.iter().map(line).collect(),
        units: notice.units.iter().map(|unit| package(unit, &notice.units)).collect(),
    };
    (Method::PUT, format!("/inbound-deliveries/{}", notice.number), Body::Delivery(Box::new(delivery)))
}

fn line(line: &ShipLine) -> Line<'_> {
    Line {
        number: line.number,
        order: &line.order,
        line: &line.line,
        schedule: line.schedule,
        item: &line.item,
        description: &line.description,
        unit: line.unit.code(),
        quantity: Exact(line.quantity),
        lots: line
            .lots
            .iter()
            .map(|lot| Shipped {
                lot: &lot.lot,
                quantity: Exact(lot.quantity),
                expires_on: lot.expires_on,
                produced_on: lot.produced_on,
                origin: lot.origin.as_deref(),
                serials: &lot.serials,
            })
            .collect(),
        serials: &line.serials,
    }
}

fn package<'a>(unit: &'a HandlingUnit, all: &'a [HandlingUnit]) -> Unit<'a> {
    let parent = unit.parent.and_then(|id| all.iter().find(|other| other.handling_unit_id == id));
    Unit {
        sscc: &unit.sscc,
        kind: unit.kind,
        parent: parent.map(|parent| parent.sscc.as_str()),
        gross_kg: unit.gross_kg.map(Exact),
        contents: unit
            .contents
            .iter()
            .map(|packed| Content { line: packed.line, lot: packed.lot.as_deref(), quantity: Exact(packed.quantity) })
            .collect(),
    }
}

fn milestone(moved: &Moved) -> Milestones<'_> {
    Milestones {
        milestone: moved.milestone,
        happened_at: moved.happened_at,
        arrive_on: moved.arrive_on,
        note: moved.note.as_deref(),
    }
}

fn goods(receipt: &Receipt) -> Goods<'_> {
    Goods {
        receipt: &receipt.number,
        notice: receipt.notice.as_deref(),
        delivery_note: receipt.delivery_note.as_deref(),
        received_at: receipt.received_at,
        complete: receipt.complete,
        lines: receipt.lines.iter().map(received).collect(),
    }
}

fn received(line: &ReceivedLine) -> Received<'_> {
    Received {
        notice_line: line.notice_line,
        order: line.order.as_deref(),
        line: line.line.as_deref(),
        item: &line.item,
        unit: line.unit.code(),
        supplier_lot: line.supplier_lot.as_deref(),
        expires_on: line.expires_on,
        accepted: Exact(line.accepted),
        damaged: Exact(line.damaged),
        note: line.note.as_deref(),
    }
}

const fn moved_status(moved: &StatusMove) -> Move {
    Move { from: moved.from, to: moved.to, quantity: Exact(moved.quantity) }
}

fn lot(lot: &LotRef) -> Lot<'_> {
    Lot {
        item: &lot.item,
        lot: &lot.lot,
        supplier_lot: lot.supplier_lot.as_deref(),
        unit: lot.unit.code(),
        expires_on: lot.expires_on,
    }
}

fn held(hold: &Hold) -> Held<'_> {
    let (scope, serial) = match &hold.scope {
        HoldScope::Lot { .. } => ("lot", None),
        HoldScope::Serial { serial, .. } => ("serial", Some(serial.as_str())),
        HoldScope::SupplierItem { .. } => ("supplier_item", None),
        HoldScope::PlantItem { .. } => ("plant_item", None),
    };
    Held {
        hold: &hold.number,
        scope,
        serial,
        item: &hold.item,
        reason: hold.reason,
        note: &hold.note,
        lots: hold.lots.iter().map(lot).collect(),
    }
}
