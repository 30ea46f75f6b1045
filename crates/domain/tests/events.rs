//! The JSON of every kind of event, which is a promise to other systems, and the negotiation table as a drawing. A change
//! of a snapshot here is a change of what others read: additive, or a new version of the kind.

use domain::access::{Actor, Role};
use domain::confirmation::{AnswerKind, Channel};
use domain::event::{Answered, Envelope, Event, EventKind, Promised, RevisedLine, Subject, SubjectKind};
use domain::id::{ConnectionId, CorrelationId, EventId, PersonId, PlantId, ScheduleLineId, SupplierId};
use domain::negotiation::{Negotiation, Step, TABLE};
use domain::order::{Change, Reason};
use domain::quantity::Unit;
use domain::tolerance::{Deviation, DeviationKind, Limit, Outside, Source};
use uuid::Uuid;

use crate::orders::*;

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
        Event::DeviationRejected { order: order.clone(), line: line.clone(), schedule, note },
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
        Event::ProbeRequested { connection: "Tryton DE10".to_owned() },
    ]
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
