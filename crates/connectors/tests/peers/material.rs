//! Deliveries about material, for the peers: each with numbers of its own, so that each is another delivery.

use connectors::{Link, Outgoing};
use domain::event::{Event, EventKind, Subject, SubjectKind};
use domain::hold::{Disposition, Hold, HoldReason, HoldScope};
use domain::id::{
    HoldId, LotId, OrderLineId, ReceiptId, ReceiptLineId, ReportId, ScheduleLineId, ShipLineId, ShipNoticeId,
    WorkOrderId,
};
use domain::lot::{LotRef, StatusMove, StockStatus};
use domain::production::{Completion, Consumption, Report, Reported};
use domain::quantity::Unit;
use domain::receipt::{Receipt, ReceiptChannel, ReceivedLine};
use domain::shipment::{Milestone, Moved, ShipLine, ShipNotice, ShippedLot};
use domain::work_order::{WorkOrder, WorkOrderChange, WorkOrderStatus};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::{now, promise};

/// What a delivery is about at its peer.
#[derive(Debug, Clone, Copy)]
pub struct Thing<'a> {
    pub order: &'a str,
    pub line: &'a str,
    pub item: &'a str,
    pub unit: &'a str,
    pub plant: &'a str,
    pub supplier: &'a str,
    /// The supplier's lot; none for an item without.
    pub lot: Option<&'a str>,
}

/// Kinds whose messages hold quantities.
pub const WITH_QUANTITIES: &[EventKind] = &[
    EventKind::PromiseMade,
    EventKind::ShipmentAnnounced,
    EventKind::ShipmentAmended,
    EventKind::ReceiptPosted,
    EventKind::LotDecided,
    EventKind::OutputCompleted,
    EventKind::WorkOrderReleased,
];

/// A ship notice of one line.
pub fn notice(thing: Thing<'_>, serial: i64, version: i32, number: Decimal) -> ShipNotice {
    let day = |text: &str| text.parse().expect("a day");
    let lots = thing.lot.map(|lot| ShippedLot {
        lot: lot.to_owned(),
        quantity: number,
        expires_on: None,
        produced_on: Some(day("2026-11-20")),
        origin: Some("DE".to_owned()),
        serials: Vec::new(),
    });
    ShipNotice {
        ship_notice_id: ShipNoticeId(id(1, serial)),
        number: notice_number(serial),
        version,
        delivery_note: format!("LS-{serial}"),
        ship_on: day("2026-12-04"),
        arrive_on: day("2026-12-07"),
        carrier: Some("Alpentrans".to_owned()),
        tracking: None,
        bill_of_lading: None,
        note: None,
        lines: vec![ShipLine {
            ship_line_id: ShipLineId(id(2, serial)),
            number: 1,
            order: thing.order.to_owned(),
            order_line_id: OrderLineId(Uuid::from_u128(3)),
            line: thing.line.to_owned(),
            schedule_line_id: ScheduleLineId(Uuid::from_u128(4)),
            schedule: 1,
            item: thing.item.to_owned(),
            description: "Bearing bracket".to_owned(),
            unit: Unit::new(thing.unit),
            quantity: number,
            lots: lots.into_iter().collect(),
            serials: Vec::new(),
        }],
        units: Vec::new(),
    }
}

/// The number of the ship notice with this serial.
pub fn notice_number(serial: i64) -> String {
    format!("SN-{serial:06}")
}

fn id(salt: u128, serial: i64) -> Uuid {
    Uuid::from_u128((salt << 64) | u128::from(serial.unsigned_abs()))
}

fn lot(thing: Thing<'_>) -> LotRef {
    LotRef {
        lot_id: LotId(Uuid::from_u128(8)),
        item: thing.item.to_owned(),
        lot: thing.lot.unwrap_or("L-1").to_owned(),
        supplier_lot: thing.lot.map(str::to_owned),
        unit: Unit::new(thing.unit),
        expires_on: None,
    }
}

fn receipt(thing: Thing<'_>, serial: i64, number: Decimal) -> Receipt {
    Receipt {
        receipt_id: ReceiptId(id(5, serial)),
        number: format!("GR-{serial:06}"),
        channel: ReceiptChannel::Dock,
        their_ref: None,
        same_as: None,
        notice: Some(notice_number(serial)),
        delivery_note: Some(format!("LS-{serial}")),
        received_at: now(),
        complete: true,
        lines: vec![ReceivedLine {
            receipt_line_id: ReceiptLineId(id(6, serial)),
            notice_line: Some(1),
            order: Some(thing.order.to_owned()),
            line: Some(thing.line.to_owned()),
            item: thing.item.to_owned(),
            unit: Unit::new(thing.unit),
            lot_id: None,
            supplier_lot: thing.lot.map(str::to_owned),
            expires_on: None,
            accepted: number,
            damaged: Decimal::ZERO,
            oddities: Vec::new(),
            note: None,
        }],
    }
}

fn hold(thing: Thing<'_>, serial: i64) -> Hold {
    Hold {
        hold_id: HoldId(id(7, serial)),
        number: format!("QH-{serial:06}"),
        scope: HoldScope::Lot { lot_id: LotId(Uuid::from_u128(8)) },
        item: thing.item.to_owned(),
        reason: HoldReason::OutOfLimits,
        note: "Tensile strength is below its limit.".to_owned(),
        lots: vec![lot(thing)],
    }
}

fn work_order(thing: Thing<'_>, number: Decimal) -> WorkOrder {
    WorkOrder {
        work_order_id: WorkOrderId(id(10, 1)),
        number: "1000123".to_owned(),
        plant: thing.plant.to_owned(),
        revision: 1,
        item: "0900-01".to_owned(),
        description: "Pump".to_owned(),
        unit: Unit::new("PCE"),
        quantity: number,
        status: WorkOrderStatus::Released,
        starts_at: now(),
        due_at: now(),
        components: Vec::new(),
        operations: Vec::new(),
    }
}

fn report(serial: i64, what: Reported) -> Report {
    Report {
        report_id: ReportId(id(11, serial)),
        their_ref: format!("mes-{serial}"),
        work_order: "1000123".to_owned(),
        at: now(),
        station: None,
        operator: None,
        corrects: None,
        booked: None,
        what,
    }
}

fn consumption(thing: Thing<'_>, serial: i64, number: Decimal) -> Report {
    let what = Consumption {
        item: thing.item.to_owned(),
        component: Some("0010".to_owned()),
        lot: thing.lot.map(str::to_owned),
        serials: Vec::new(),
        backflush: false,
        quantity: number,
        unit: Unit::new(thing.unit),
    };
    report(serial, Reported::Consumed(what))
}

fn completion(serial: i64, number: Decimal) -> Report {
    let what = Completion {
        quantity: number,
        unit: Unit::new("PCE"),
        scrap: Decimal::ZERO,
        scrap_reason: None,
        lot: None,
        serials: Vec::new(),
        last: false,
    };
    report(serial, Reported::Completed(what))
}

/// An event about material; none for one that is about something else.
pub fn event(kind: EventKind, thing: Thing<'_>, serial: i64, number: Decimal) -> Option<Event> {
    Some(match kind {
        EventKind::ShipmentAnnounced => Event::ShipmentAnnounced { notice: Box::new(notice(thing, serial, 1, number)) },
        EventKind::ShipmentAmended => Event::ShipmentAmended {
            notice: Box::new(notice(thing, serial, 2, number)),
            reason: Some("Counted again".to_owned()),
        },
        EventKind::ShipmentCancelled => Event::ShipmentCancelled {
            notice: notice_number(serial),
            version: 1,
            delivery_note: format!("LS-{serial}"),
            reason: "The truck broke down.".to_owned(),
        },
        EventKind::ShipmentMoved => Event::ShipmentMoved {
            notice: notice_number(serial),
            moved: Moved { milestone: Milestone::Departed, happened_at: now(), arrive_on: None, note: None },
        },
        EventKind::ReceiptPosted => Event::ReceiptPosted { receipt: Box::new(receipt(thing, serial, number)) },
        EventKind::ReceiptReversed => Event::ReceiptReversed {
            receipt: format!("GR-{serial:06}"),
            their_ref: None,
            reason: "Booked on the wrong order.".to_owned(),
        },
        EventKind::LotDecided => Event::LotDecided {
            lot: lot(thing),
            moves: vec![StatusMove { from: StockStatus::Inspection, to: StockStatus::Unrestricted, quantity: number }],
            reason: None,
        },
        EventKind::HoldPlaced => Event::HoldPlaced { hold: Box::new(hold(thing, serial)) },
        EventKind::HoldReleased => Event::HoldReleased {
            hold: Box::new(hold(thing, serial)),
            disposition: Disposition::UseAsIs,
            reason: "Measured again.".to_owned(),
        },
        EventKind::WorkOrderReleased => Event::WorkOrderReleased { work_order: Box::new(work_order(thing, number)) },
        EventKind::WorkOrderChanged => Event::WorkOrderChanged {
            changes: vec![WorkOrderChange::Quantity { from: Decimal::ONE, to: number }],
            work_order: Box::new(work_order(thing, number)),
        },
        EventKind::WorkOrderCancelled => {
            Event::WorkOrderCancelled { work_order: "1000123".to_owned(), plant: thing.plant.to_owned(), revision: 2 }
        }
        EventKind::WorkOrderClosed => {
            Event::WorkOrderClosed { work_order: "1000123".to_owned(), plant: thing.plant.to_owned(), revision: 2 }
        }
        EventKind::MaterialConsumed => Event::MaterialConsumed { report: Box::new(consumption(thing, serial, number)) },
        EventKind::OutputCompleted => Event::OutputCompleted { report: Box::new(completion(serial, number)) },
        EventKind::ReportReversed => Event::ReportReversed {
            report: Box::new(consumption(thing, serial, number)),
            their_ref: format!("mes-x-{serial}"),
            at: now(),
            reason: "Scanned twice.".to_owned(),
        },
        EventKind::StockRequested => {
            Event::StockRequested { plant: thing.plant.to_owned(), item: thing.item.to_owned() }
        }
        _ => return None,
    })
}

/// The delivery of an event about material.
pub fn delivery(event: Event, thing: Thing<'_>, serial: i64, links: Vec<Link>) -> Outgoing {
    let kind = match &event {
        Event::HoldPlaced { .. } | Event::HoldReleased { .. } => SubjectKind::Hold,
        Event::LotDecided { .. } => SubjectKind::Lot,
        Event::WorkOrderReleased { .. }
        | Event::WorkOrderChanged { .. }
        | Event::WorkOrderCancelled { .. }
        | Event::WorkOrderClosed { .. }
        | Event::MaterialConsumed { .. }
        | Event::OutputCompleted { .. }
        | Event::ReportReversed { .. } => SubjectKind::WorkOrder,
        Event::StockRequested { .. } => SubjectKind::Connection,
        _ => SubjectKind::Shipment,
    };
    let mut outgoing = promise(thing.order, serial, Vec::new(), links);
    outgoing.envelope.subject = Subject { kind, id: id(9, serial) };
    outgoing.envelope.event = event;
    outgoing.plant = Some(thing.plant.to_owned());
    outgoing.supplier = Some(thing.supplier.to_owned());
    outgoing
}
