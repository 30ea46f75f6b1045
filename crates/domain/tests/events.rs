//! The JSON of every kind of event, which is a promise to other systems, and the negotiation table as a drawing. A change
//! of a snapshot here is a change of what others read: additive, or a new version of the kind.

use chrono::TimeDelta;
use domain::access::{Actor, Role};
use domain::certificate::{Certificate, CertificateKind, CertificatePer, Measured};
use domain::confirmation::{AnswerKind, Channel};
use domain::event::{Answered, Envelope, Event, EventKind, Promised, RevisedLine, Subject, SubjectKind};
use domain::hold::{Disposition, Hold, HoldReason, HoldScope};
use domain::id::{
    CertificateId, ConnectionId, CorrelationId, DocumentId, EventId, HandlingUnitId, HoldId, LotId, OrderLineId,
    PersonId, PlantId, ReceiptId, ReceiptLineId, ReportId, ScheduleLineId, ShipLineId, ShipNoticeId, SupplierId,
    WorkOrderId,
};
use domain::lot::{LotRef, StatusMove, StockStatus};
use domain::negotiation::{Negotiation, Step, TABLE};
use domain::order::{Change, Reason};
use domain::production::{Completion, Consumption, InProcess, Report, Reported};
use domain::quantity::Unit;
use domain::receipt::{Difference, Oddity, Receipt, ReceiptChannel, ReceivedLine};
use domain::shipment::{HandlingUnit, Milestone, Moved, PackageKind, Packed, ShipLine, ShipNotice, ShippedLot};
use domain::tolerance::{Deviation, DeviationKind, Limit, Outside, Source};
use domain::work_order::{Component, Operation, WorkOrder, WorkOrderChange, WorkOrderStatus};
use uuid::Uuid;

use crate::orders::*;

fn at() -> domain::Timestamp {
    "2026-12-09T13:40:00Z".parse().expect("an instant")
}

fn notice(version: i32) -> ShipNotice {
    let unit = |id: u128, sscc: &str, kind, parent: Option<u128>, contents| HandlingUnit {
        handling_unit_id: HandlingUnitId(Uuid::from_u128(id)),
        sscc: sscc.to_owned(),
        kind,
        parent: parent.map(|id| HandlingUnitId(Uuid::from_u128(id))),
        gross_kg: Some(number("212.5")),
        contents,
    };
    ShipNotice {
        ship_notice_id: ShipNoticeId(Uuid::from_u128(0x2001)),
        number: "SN-000017".to_owned(),
        version,
        delivery_note: "LS-88120".to_owned(),
        ship_on: date("12-08"),
        arrive_on: date("12-10"),
        carrier: Some("Spedition Halm".to_owned()),
        tracking: Some("HALM 7782".to_owned()),
        bill_of_lading: Some("CMR 5512".to_owned()),
        note: Some("Tail lift needed.".to_owned()),
        lines: vec![ShipLine {
            ship_line_id: ShipLineId(Uuid::from_u128(0x2002)),
            number: 1,
            order: "4500001".to_owned(),
            order_line_id: OrderLineId(Uuid::from_u128(0x1001)),
            line: "0010".to_owned(),
            schedule_line_id: ScheduleLineId(Uuid::from_u128(0x1002)),
            schedule: 1,
            item: "0012-010".to_owned(),
            description: "Bearing housing".to_owned(),
            unit: Unit::new("PCE"),
            quantity: number("60"),
            lots: vec![ShippedLot {
                lot: "H-4711".to_owned(),
                quantity: number("60"),
                expires_on: Some(date("12-31")),
                produced_on: Some(date("12-01")),
                origin: Some("DE".to_owned()),
                serials: vec!["A0001".to_owned()],
            }],
            serials: vec!["A0002".to_owned()],
        }],
        units: vec![
            unit(0x2003, "340123450000000017", PackageKind::Pallet, None, Vec::new()),
            unit(
                0x2004,
                "340123450000000024",
                PackageKind::Carton,
                Some(0x2003),
                vec![Packed { line: 1, lot: Some("H-4711".to_owned()), quantity: number("60") }],
            ),
        ],
    }
}

fn receipt() -> Receipt {
    Receipt {
        receipt_id: ReceiptId(Uuid::from_u128(0x4001)),
        number: "GR-000042".to_owned(),
        channel: ReceiptChannel::Dock,
        their_ref: Some("5000124".to_owned()),
        notice: Some("SN-000017".to_owned()),
        delivery_note: Some("LS-88120".to_owned()),
        received_at: at(),
        complete: true,
        same_as: None,
        lines: vec![ReceivedLine {
            receipt_line_id: ReceiptLineId(Uuid::from_u128(0x4002)),
            notice_line: Some(1),
            order: Some("4500001".to_owned()),
            line: Some("0010".to_owned()),
            item: "0012-010".to_owned(),
            unit: Unit::new("PCE"),
            lot_id: Some(LotId(Uuid::from_u128(0x5001))),
            supplier_lot: Some("H-4711".to_owned()),
            expires_on: Some(date("12-31")),
            accepted: number("55"),
            damaged: number("1"),
            oddities: vec![Oddity::Short, Oddity::Damaged],
            note: Some("One carton is missing.".to_owned()),
        }],
    }
}

fn certificate() -> Certificate {
    Certificate {
        certificate_id: CertificateId(Uuid::from_u128(0x3001)),
        number: "Z-2026-118".to_owned(),
        kind: CertificateKind::En31,
        per: CertificatePer::Lot,
        item: "0012-010".to_owned(),
        lots: vec!["H-4711".to_owned()],
        delivery_note: Some("LS-88120".to_owned()),
        issuer: "Brennholt Präzision, works inspector".to_owned(),
        issued_on: date("12-07"),
        valid_until: Some(date("12-31")),
        documents: vec![DocumentId(Uuid::from_u128(0x3002))],
        values: vec![Measured {
            characteristic: "Tensile strength".to_owned(),
            lot: Some("H-4711".to_owned()),
            method: Some("ISO 6892-1".to_owned()),
            unit: Some("MPa".to_owned()),
            value: number("912"),
        }],
    }
}

fn lot() -> LotRef {
    LotRef {
        lot_id: LotId(Uuid::from_u128(0x5001)),
        item: "0012-010".to_owned(),
        lot: "DE10-000881".to_owned(),
        supplier_lot: Some("H-4711".to_owned()),
        unit: Unit::new("PCE"),
        expires_on: Some(date("12-31")),
    }
}

fn hold() -> Hold {
    Hold {
        hold_id: HoldId(Uuid::from_u128(0x6001)),
        number: "QH-000003".to_owned(),
        scope: HoldScope::Lot { lot_id: LotId(Uuid::from_u128(0x5001)) },
        item: "0012-010".to_owned(),
        reason: HoldReason::OutOfLimits,
        note: "Tensile strength 868 MPa, at least 900 MPa.".to_owned(),
        lots: vec![lot()],
    }
}

/// One of each kind, every optional field filled in somewhere.
fn one_of_each() -> Vec<Event> {
    let (order, line, schedule) = ("4500001".to_owned(), "0010".to_owned(), 1);
    let note = Some("We need it for the assembly line.".to_owned());
    let schedule_line_id = ScheduleLineId(Uuid::from_u128(0x1002));
    let lateness = Deviation {
        kind: DeviationKind::Late,
        by: number("4"),
        limit: Limit { up_to: number("2"), outside: Outside::Review },
        source: Source::Supplier,
    };
    let promise = || parts("60 on 12-10 + 40 on 12-14 shipped 12-12 at 10.50");
    vec![
        Event::OrderPublished { order: order.clone(), revision: 1, lines: 2 },
        Event::OrderRevised {
            order: order.clone(),
            revision: 2,
            lines: vec![
                RevisedLine {
                    schedule_line_id,
                    line: line.clone(),
                    schedule,
                    change: Some(Change {
                        quantity: Some(number("100")),
                        requested_on: Some(date("12-10")),
                        price: Some(number("10.00")),
                        item_number: Some("0012-010".to_owned()),
                        ..Change::at(2)
                    }),
                    quantity: number("120"),
                    requested_on: date("12-12"),
                },
                RevisedLine {
                    schedule_line_id: ScheduleLineId(Uuid::from_u128(0x1004)),
                    line: "0020".to_owned(),
                    schedule,
                    change: None,
                    quantity: number("50"),
                    requested_on: date("12-11"),
                },
            ],
        },
        Event::OrderCancelled { order: order.clone() },
        Event::OrderClosed { order: order.clone() },
        Event::OrderOpened { order: order.clone(), revision: 1 },
        Event::LinesConfirmed {
            order: order.clone(),
            revision: 1,
            confirmation_id: confirmation(1),
            channel: Channel::Portal,
            lines: vec![
                Answered {
                    schedule_line_id,
                    line: line.clone(),
                    schedule,
                    kind: AnswerKind::Change,
                    commitments: promise(),
                    reason: Some(Reason::Capacity),
                    note: Some("Second furnace is back on the 12th.".to_owned()),
                    deviations: vec![lateness],
                    by_rule: false,
                },
                Answered {
                    schedule_line_id: ScheduleLineId(Uuid::from_u128(0x1004)),
                    line: "0020".to_owned(),
                    schedule,
                    kind: AnswerKind::Backorder,
                    commitments: parts("30 on 12-11 + 20 open"),
                    reason: None,
                    note: None,
                    deviations: vec![],
                    by_rule: true,
                },
            ],
        },
        Event::DeviationAccepted { order: order.clone(), line: line.clone(), schedule, note: None },
        Event::DeviationCountered {
            order: order.clone(),
            line: line.clone(),
            schedule,
            commitments: parts("100 on 12-12"),
            note: note.clone(),
        },
        Event::DeviationRejected { order: order.clone(), line: line.clone(), schedule, note: note.clone() },
        Event::PromiseMade {
            order: order.clone(),
            revision: 1,
            lines: vec![Promised {
                schedule_line_id,
                line,
                schedule,
                item: "0012-010".to_owned(),
                unit: Unit::new("PCE"),
                requested: number("100"),
                requested_on: date("12-10"),
                price: Some(number("10.00")),
                commitments: promise(),
            }],
        },
        Event::ConfirmationAcknowledged { order, their_ref: "OC-2026-118".to_owned(), their_time: now() },
        Event::ShipmentAnnounced { notice: Box::new(notice(1)) },
        Event::ShipmentAmended { notice: Box::new(notice(2)), reason: Some("One carton less.".to_owned()) },
        Event::ShipmentCancelled {
            notice: "SN-000017".to_owned(),
            version: 2,
            delivery_note: "LS-88120".to_owned(),
            reason: "The truck broke down.".to_owned(),
        },
        Event::ShipmentMoved {
            notice: "SN-000017".to_owned(),
            moved: Moved {
                milestone: Milestone::Delayed,
                happened_at: at(),
                arrive_on: Some(date("12-11")),
                note: Some("Traffic".to_owned()),
            },
        },
        Event::CertificateWaived {
            notice: "SN-000017".to_owned(),
            item: "0012-010".to_owned(),
            certificate: CertificateKind::En31,
            lot: Some("H-4711".to_owned()),
            reason: "The paper follows by post; the heat is known.".to_owned(),
        },
        Event::ReceiptPosted { receipt: Box::new(receipt()) },
        Event::ReceiptReversed {
            receipt: "GR-000042".to_owned(),
            their_ref: Some("5000124".to_owned()),
            reason: "Booked on the wrong plant.".to_owned(),
        },
        Event::DifferenceOpened {
            case: "DC-000003".to_owned(),
            notice: Some("SN-000017".to_owned()),
            receipt: "GR-000042".to_owned(),
            lines: vec![Difference {
                notice_line: Some(1),
                item: "0012-010".to_owned(),
                lot: Some("H-4711".to_owned()),
                oddity: Oddity::Short,
                unit: Unit::new("PCE"),
                announced: number("60"),
                received: number("55"),
                damaged: number("1"),
                told: None,
            }],
        },
        Event::DifferenceAnswered { case: "DC-000003".to_owned(), note: "One carton stayed behind.".to_owned() },
        Event::DifferenceClosed { case: "DC-000003".to_owned(), outcome: "supplier_ships_rest".to_owned() },
        Event::CertificateSubmitted { certificate: Box::new(certificate()) },
        Event::CertificateAccepted {
            certificate_id: CertificateId(Uuid::from_u128(0x3001)),
            number: "Z-2026-118".to_owned(),
            item: "0012-010".to_owned(),
            lots: vec!["H-4711".to_owned()],
            note,
        },
        Event::CertificateRejected {
            certificate_id: CertificateId(Uuid::from_u128(0x3001)),
            number: "Z-2026-118".to_owned(),
            item: "0012-010".to_owned(),
            lots: vec!["H-4711".to_owned()],
            reason: "Tensile strength is missing.".to_owned(),
        },
        Event::LotDecided {
            lot: lot(),
            moves: vec![StatusMove {
                from: StockStatus::Inspection,
                to: StockStatus::Unrestricted,
                quantity: number("50"),
            }],
            reason: Some("Sample of five, all within limits.".to_owned()),
        },
        Event::HoldPlaced { hold: Box::new(hold()) },
        Event::HoldReleaseRequested {
            hold: "QH-000003".to_owned(),
            disposition: Disposition::Sort,
            reason: "Sorted, 3 pieces scrapped.".to_owned(),
        },
        Event::HoldReleased {
            hold: Box::new(hold()),
            disposition: Disposition::Sort,
            reason: "Checked again.".to_owned(),
        },
        Event::WorkOrderReleased { work_order: Box::new(work_order(1)) },
        Event::WorkOrderChanged {
            work_order: Box::new(work_order(2)),
            changes: vec![
                WorkOrderChange::Quantity { from: number("30"), to: number("40") },
                WorkOrderChange::DueAt { from: at() + TimeDelta::days(1), to: at() + TimeDelta::days(2) },
            ],
        },
        Event::WorkOrderCancelled { work_order: "1000123".to_owned(), plant: "DE10".to_owned(), revision: 3 },
        Event::WorkOrderClosed { work_order: "1000123".to_owned(), plant: "DE10".to_owned(), revision: 3 },
        Event::MaterialConsumed { report: Box::new(report(Reported::Consumed(consumption()))) },
        Event::OutputCompleted {
            report: Box::new(report(Reported::Completed(Completion {
                quantity: number("9"),
                unit: Unit::new("PCE"),
                scrap: number("1"),
                scrap_reason: Some("bore too wide".to_owned()),
                lot: Some("P-2026-77".to_owned()),
                serials: vec!["S-9001".to_owned()],
                last: false,
            }))),
        },
        Event::OperationMoved {
            report: Box::new(report(Reported::Stopped {
                operation: "0010".to_owned(),
                done: false,
                reason: Some("tool broken".to_owned()),
            })),
        },
        Event::InProcessInspected {
            report: Box::new(report(Reported::Inspected(InProcess {
                operation: Some("0020".to_owned()),
                lot: Some("P-2026-77".to_owned()),
                serial: None,
                values: certificate().values,
                passed: true,
            }))),
        },
        Event::ReportReversed {
            report: Box::new(report(Reported::Consumed(consumption()))),
            their_ref: "mes-78".to_owned(),
            at: at(),
            reason: "Booked on the wrong work order.".to_owned(),
        },
        Event::StockRequested { plant: "DE10".to_owned(), item: "0012-010".to_owned() },
        Event::ProbeRequested { connection: "Tryton DE10".to_owned() },
    ]
}

fn work_order(revision: i32) -> WorkOrder {
    WorkOrder {
        work_order_id: WorkOrderId(Uuid::from_u128(0x4001)),
        number: "1000123".to_owned(),
        plant: "DE10".to_owned(),
        revision,
        item: "0900-01".to_owned(),
        description: "Pump".to_owned(),
        unit: Unit::new("PCE"),
        quantity: number("40"),
        status: WorkOrderStatus::Released,
        starts_at: at(),
        due_at: at() + TimeDelta::days(2),
        components: vec![Component {
            number: "0010".to_owned(),
            item: "0012-010".to_owned(),
            description: "Bearing housing".to_owned(),
            unit: Unit::new("PCE"),
            quantity: number("40"),
            backflush: false,
            operation: Some("0010".to_owned()),
        }],
        operations: vec![Operation {
            number: "0010".to_owned(),
            name: "Assemble".to_owned(),
            station: Some("A-12".to_owned()),
        }],
    }
}

fn report(what: Reported) -> Report {
    Report {
        report_id: ReportId(Uuid::from_u128(0x4002)),
        their_ref: "mes-77".to_owned(),
        work_order: "1000123".to_owned(),
        at: at(),
        station: Some("A-12".to_owned()),
        operator: Some("2207".to_owned()),
        corrects: Some("mes-71".to_owned()),
        booked: Some(domain::quantity::Quantity::new(number("10"), Unit::new("PCE"))),
        what,
    }
}

fn consumption() -> Consumption {
    Consumption {
        item: "0012-010".to_owned(),
        component: Some("0010".to_owned()),
        lot: Some("H-4711".to_owned()),
        serials: vec!["S-1".to_owned()],
        backflush: false,
        quantity: number("10"),
        unit: Unit::new("PCE"),
    }
}

#[test]
fn the_json_of_every_kind_is_what_was_promised() {
    let events = one_of_each();
    let kinds: Vec<_> = events.iter().map(Event::kind).collect();
    assert_eq!(kinds, EventKind::ALL, "one of each kind, in the order of the list");
    for event in events {
        let name = format!("{}.v{}", event.kind(), event.kind().version());
        insta::assert_json_snapshot!(name, event);
    }
}

#[test]
fn the_kind_in_the_json_is_the_word_in_the_list_and_every_event_is_read_back() {
    for event in one_of_each() {
        let json = serde_json::to_value(&event).expect("JSON");
        assert_eq!(json["kind"], event.kind().as_str());
        assert_eq!(json["order"].as_str(), event.order(), "the order it is about");
        assert_eq!(serde_json::from_value::<Event>(json).expect("read back"), event);
    }
}

#[test]
fn a_reader_of_today_understands_what_was_written_before_a_field_was_added() {
    let json = r#"{"kind":"order.revised","order":"1","revision":2,"lines":[{"schedule_line_id":"00000000-0000-0000-0000-000000000001","line":"0010","schedule":1,"change":{"revision":2,"quantity":"5"},"quantity":"6","requested_on":"2026-12-10","added_later":true}]}"#;
    let Event::OrderRevised { lines, .. } = serde_json::from_str(json).expect("readable") else { panic!("a revision") };
    assert_eq!(lines[0].change, Some(Change { quantity: Some(number("5")), ..Change::at(2) }));
}

#[test]
fn the_envelope_carries_order_isolation_and_origin() {
    let person_id = PersonId(Uuid::from_u128(0x51));
    let person = Actor::Person { person_id, name: "Jonas Weber".to_owned(), roles: vec![Role::SupplierAdmin] };
    let system = Actor::System { connection_id: ConnectionId(Uuid::from_u128(1)), name: "Tryton DE10".to_owned() };
    let envelope = |actor, causation_id| Envelope {
        event_id: EventId(Uuid::from_u128(0xe1)),
        subject: Subject { kind: SubjectKind::Order, id: Uuid::from_u128(4) },
        subject_version: 3,
        at: now(),
        plant_id: Some(PlantId(Uuid::from_u128(3))),
        supplier_id: Some(SupplierId(Uuid::from_u128(2))),
        actor,
        correlation_id: CorrelationId(Uuid::from_u128(0xcc)),
        causation_id,
        event: Event::OrderClosed { order: "4500001".to_owned() },
    };
    let envelopes = [
        envelope(person, Some(EventId(Uuid::from_u128(0xe0)))),
        envelope(system, None),
        envelope(Actor::Loop { name: "demo".to_owned() }, None),
    ];
    insta::assert_json_snapshot!("envelope", envelopes);
    for envelope in envelopes {
        let json = serde_json::to_string(&envelope).expect("JSON");
        assert_eq!(serde_json::from_str::<Envelope>(&json).expect("read back"), envelope);
    }
}

#[test]
fn the_negotiation_table_is_drawn() {
    let mut drawing = format!("{:<20}", "");
    for from in Negotiation::ALL {
        drawing += &format!("{:<11}", from.as_str());
    }
    for step in Step::ALL {
        drawing += &format!("\n{:<20}", step.as_str());
        for from in Negotiation::ALL {
            let to =
                TABLE.iter().find(|(state, by, _)| state == from && by == step).map_or("·", |(_, _, to)| to.as_str());
            drawing += &format!("{to:<11}");
        }
    }
    let drawing = drawing.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!("negotiation", drawing);
}
