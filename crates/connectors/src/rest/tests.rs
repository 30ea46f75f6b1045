//! What the conformance test does not ask, because only this protocol has it: what exactly is sent, how a listing is read
//! with its faults, and whose pushes are believed.

use std::collections::{BTreeSet, HashMap};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, Utc};
use domain::access::Actor;
use domain::event::{Envelope, Event, Promised, Subject, SubjectKind};
use domain::id::{ConnectionId, CorrelationId, EventId, ScheduleLineId};
use domain::order::Commitment;
use domain::quantity::Unit;
use hmac::{Hmac, Mac};
use rust_decimal::Decimal;
use serde_json::json;
use sha2::Sha256;
use simulators::rest::{Door, Fault as Trouble, Loss, Rule};
use simulators::{Clock, RunningErp, Settings, SimulatedErp, demo};
use uuid::Uuid;

use super::feeds::{ORDERS, Position, file};
use super::push::verify;
use super::*;
use crate::settings::SettingsProblem;
use crate::{Link, LinkKind};

struct Known(HashMap<&'static str, &'static str>);

impl Secrets for Known {
    fn read(&self, reference: &str) -> Result<String, SettingsProblem> {
        let found = self.0.get(reference).map(|secret| (*secret).to_owned());
        found.ok_or_else(|| SettingsProblem::new("secret", "not there"))
    }
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("an instant")
}

fn received() -> DateTime<Utc> {
    at("2026-12-03T13:02:00Z")
}

async fn erp() -> RunningErp {
    let orders = demo::orders(received().date_naive());
    let settings = Settings { orders, clock: Clock::new(received), ..Settings::default() };
    SimulatedErp::start(settings).await.expect("a simulated ERP")
}

fn connect(erp: &RunningErp, more: Value) -> Box<dyn Connector> {
    let mut settings = json!({"base_url": erp.base_url(), "api_key": "env:KEY", "timeout_ms": 20_000});
    if let (Value::Object(settings), Value::Object(more)) = (&mut settings, more) {
        settings.extend(more);
    }
    build(&settings, &Known(HashMap::from([("env:KEY", "simulated-key")]))).expect("right settings")
}

fn delivery() -> Outgoing {
    let number = |text: &str| text.parse::<Decimal>().expect("a decimal");
    let day = |text: &str| text.parse().expect("a day");
    Outgoing {
        connection_id: ConnectionId(Uuid::from_u128(1)),
        envelope: Envelope {
            event_id: EventId(Uuid::from_u128(2)),
            subject: Subject { kind: SubjectKind::Order, id: Uuid::from_u128(3) },
            subject_version: 7,
            at: received(),
            plant_id: None,
            supplier_id: None,
            actor: Actor::Loop { name: "test".to_owned() },
            correlation_id: CorrelationId(Uuid::from_u128(4)),
            causation_id: None,
            event: Event::PromiseMade {
                order: "4500012345".to_owned(),
                revision: 2,
                lines: vec![
                    Promised {
                        schedule_line_id: ScheduleLineId(Uuid::from_u128(5)),
                        line: "0040".to_owned(),
                        schedule: 1,
                        item: "0107-45B".to_owned(),
                        unit: Unit::new("PCE"),
                        requested: number("1250"),
                        requested_on: day("2026-12-09"),
                        price: Some(number("9.65")),
                        commitments: vec![
                            Commitment {
                                quantity: number("600"),
                                deliver_on: Some(day("2026-12-09")),
                                ship_on: Some(day("2026-12-08")),
                                price: None,
                            },
                            Commitment {
                                quantity: number("400.0"),
                                deliver_on: Some(day("2026-12-16")),
                                ship_on: None,
                                price: Some(number("9.80")),
                            },
                            Commitment { quantity: number("250"), deliver_on: None, ship_on: None, price: None },
                        ],
                    },
                    Promised {
                        schedule_line_id: ScheduleLineId(Uuid::from_u128(6)),
                        line: "0050".to_owned(),
                        schedule: 1,
                        item: "0220-08".to_owned(),
                        unit: Unit::new("SET"),
                        requested: number("80"),
                        requested_on: day("2026-12-11"),
                        price: None,
                        commitments: Vec::new(),
                    },
                ],
            },
        },
        attempt: 1,
        links: vec![Link { kind: LinkKind::Order, key: "4500012345".to_owned(), their_ref: "0x4af1".to_owned() }],
        plant: Some("DE10".to_owned()),
        supplier: Some("100234".to_owned()),
        now: received(),
    }
}

#[test]
fn a_split_a_backorder_and_a_rejection_are_written_as_the_protocol_says() {
    insta::assert_json_snapshot!(translate::confirmation(&delivery()));
}

#[tokio::test]
async fn what_a_system_told_is_not_told_back_to_it() {
    let erp = erp().await;
    let connector = connect(&erp, json!({}));
    let mut echo = delivery();
    echo.envelope.actor = Actor::System { connection_id: echo.connection_id, name: "ERP".to_owned() };
    let moved = domain::shipment::Moved {
        milestone: domain::shipment::Milestone::ArrivedAtGate,
        happened_at: received(),
        arrive_on: None,
        note: None,
    };
    echo.envelope.event = Event::ShipmentMoved { notice: "SN-000017".to_owned(), moved };
    assert_eq!(connector.deliver(&echo).await, Ok(Outcome::accepted(None, true)));
    assert!(erp.requests().is_empty(), "nothing is sent");

    echo.connection_id = ConnectionId(Uuid::from_u128(99));
    assert!(matches!(connector.deliver(&echo).await, Ok(Outcome::Accepted { already: false, .. })));
    assert_eq!(erp.requests().len(), 1, "another system is told");
}

#[tokio::test]
async fn a_warehouse_is_told_of_no_promises_and_has_no_orders_and_no_book_of_stock() {
    let erp = erp().await;
    let warehouse = connect(&erp, json!({"system": "wms"}));
    let not_told = [EventKind::PromiseMade, EventKind::StockRequested];
    assert!(not_told.iter().all(|kind| !warehouse.carries().contains(kind)));
    assert!(warehouse.carries().iter().all(|kind| CARRIES.contains(kind)));
    let feeds: Vec<&str> = warehouse.feeds().iter().map(|feed| feed.name).collect();
    assert_eq!(feeds, ["receipts", "milestones"]);
}

#[tokio::test]
async fn a_confirmation_arrives_with_its_key_and_everything_that_was_promised() {
    let erp = erp().await;
    let outcome = connect(&erp, json!({})).deliver(&delivery()).await.expect("an answer");
    assert_eq!(outcome, Outcome::accepted(Some("5000123".to_owned()), false));
    let accepted = &erp.accepted()[0];
    assert_eq!(accepted.idempotency_key, delivery().idempotency_key());
    assert_eq!((accepted.confirmation.revision, accepted.confirmation.sequence), (2, 7));
    let parts: Vec<String> =
        accepted.confirmation.lines[0].commitments.iter().map(|part| part.quantity.to_string()).collect();
    assert_eq!(parts, ["600", "400.0", "250"]);
    assert!(accepted.confirmation.lines[1].commitments.is_empty(), "nothing will come");
}

#[tokio::test]
async fn a_lock_is_temporary_and_a_key_in_doubt_is_pending() {
    let erp = erp().await;
    let connector = connect(&erp, json!({}));
    erp.fault(Rule::times(Trouble::Locked, 1));
    let fault = connector.deliver(&delivery()).await.expect_err("locked");
    assert!(matches!(&fault, Fault::Temporary { message, .. } if message.contains("HBRANDT")), "{fault:?}");

    connector.deliver(&delivery()).await.expect("accepted");
    let mut other = delivery();
    other.envelope.subject_version = 8;
    let outcome = connector.deliver(&other).await.expect("an answer");
    assert!(matches!(&outcome, Outcome::Pending { seen } if seen.contains("key_reused")), "{outcome:?}");
    assert_eq!(erp.accepted().len(), 1);
}

#[tokio::test]
async fn an_answer_lost_by_error_or_silence_is_found_again_by_its_key() {
    for how in [Loss::Error, Loss::Hang] {
        let erp = erp().await;
        let connector = connect(&erp, json!({"timeout_ms": 400}));
        erp.fault(Rule::times(Trouble::LoseAnswers { how }, 1));
        let fault = connector.deliver(&delivery()).await.expect_err("lost");
        assert!(matches!(fault, Fault::Temporary { .. }), "{how:?}: {fault:?}");
        let patient = connect(&erp, json!({}));
        let outcome = patient.deliver(&delivery()).await.expect("an answer");
        assert!(matches!(outcome, Outcome::Accepted { already: true, .. }), "{how:?}: {outcome:?}");
        assert_eq!((erp.accepted().len(), erp.accepted()[0].repeats), (1, 1), "{how:?}");
    }
}

#[tokio::test]
async fn an_unplugged_system_is_down_and_remembers_after_it_is_back() {
    let mut erp = erp().await;
    let connector = connect(&erp, json!({}));
    connector.deliver(&delivery()).await.expect("accepted");
    erp.unplug().await;
    let fault = connector.deliver(&delivery()).await.expect_err("nobody is there");
    assert!(matches!(fault, Fault::Down { .. }), "{fault:?}");
    erp.plug_in().await.expect("the same port");
    let outcome = connector.deliver(&delivery()).await.expect("an answer");
    assert!(matches!(outcome, Outcome::Accepted { already: true, .. }), "{outcome:?}");
}

#[tokio::test]
async fn orders_listed_twice_and_in_disorder_are_the_same_messages() {
    let erp = erp().await;
    let connector = connect(&erp, json!({}));
    let keys =
        |polled: &Polled| -> BTreeSet<String> { polled.messages.iter().map(|raw| raw.external_key.clone()).collect() };
    let calm = connector.poll(ORDERS, &Cursor::default()).await.expect("a poll");
    erp.fault(Trouble::Duplicate);
    erp.fault(Trouble::Reorder);
    let wild = connector.poll(ORDERS, &Cursor::default()).await.expect("a poll");
    assert_eq!((calm.messages.len(), wild.messages.len()), (40, 80));
    assert_eq!(keys(&calm), keys(&wild));
    assert_eq!(calm.cursor, wild.cursor);
}

#[tokio::test]
async fn a_long_listing_is_read_page_by_page_and_only_its_end_moves_the_position() {
    let erp = erp().await;
    for index in 0..230 {
        let mut order = erp.order("4500012348").expect("the order");
        order.number = format!("46{index:08}");
        erp.publish(order).expect("published");
    }
    let connector = connect(&erp, json!({}));
    let (mut cursor, mut seen, mut pages) = (Cursor::default(), BTreeSet::new(), 0);
    loop {
        let polled = connector.poll(ORDERS, &cursor).await.expect("a poll");
        assert!(polled.messages.len() <= 100);
        seen.extend(polled.messages.into_iter().map(|raw| raw.subject));
        pages += 1;
        let position: Position = serde_json::from_value(polled.cursor.0.clone()).expect("a position");
        assert_eq!(position.since.is_some(), !polled.more, "moves at the end only");
        cursor = polled.cursor;
        if !polled.more {
            break;
        }
    }
    assert_eq!((seen.len(), pages), (270, 3));
}

#[tokio::test]
async fn one_plant_takes_only_its_orders() {
    let erp = erp().await;
    let polled = connect(&erp, json!({"plant": "CZ20"})).poll(ORDERS, &Cursor::default()).await.expect("a poll");
    assert!(!polled.messages.is_empty() && polled.messages.len() < 40);
    assert!(polled.messages.iter().all(|raw| raw.body.contains("CZ20")));
}

#[test]
fn an_order_is_known_by_its_content_and_an_unreadable_one_is_a_message_of_its_own() {
    let key = |text: &str| file(ORDERS, text).external_key;
    assert!(key(r#"{"number": 12}"#).starts_with("unreadable@"));
    let order = r#"{"number":"1","version":2,"changed_at":"2026-12-03T10:00:00Z","x":"a"}"#;
    let same = r#"{ "x":"a", "changed_at":"2026-12-03T10:00:00Z", "version":2,"number":"1" }"#;
    let other = r#"{"number":"1","version":2,"changed_at":"2026-12-03T10:00:00Z","x":"b"}"#;
    assert_eq!(key(order), key(same), "blanks and sequence of keys do not matter");
    assert_ne!(key(order), key(other), "the same version with another content does not hide");
    assert!(key(order).starts_with("1@2@"));
}

#[tokio::test]
async fn a_change_dated_in_the_future_does_not_hide_everything_until_then() {
    let page = json!({"orders": [{"number": "1", "version": 1, "changed_at": "2099-01-01T00:00:00Z"}], "next": null});
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("its address");
    let router = axum::Router::new().fallback(move || {
        let page = page.clone();
        async move { ([("date", "Thu, 03 Dec 2026 13:02:00 GMT")], axum::Json(page)) }
    });
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });
    let secrets = Known(HashMap::from([("env:KEY", "k")]));
    let settings = json!({"base_url": format!("http://{address}"), "api_key": "env:KEY"});
    let connector = build(&settings, &secrets).expect("right settings");
    let polled = connector.poll(ORDERS, &Cursor::default()).await.expect("a poll");
    let position: Position = serde_json::from_value(polled.cursor.0).expect("a position");
    assert_eq!(position.since, Some(received()), "their own clock is the latest that can be");
    serving.abort();
}

#[tokio::test]
async fn a_wrong_position_and_another_protocol_are_told() {
    let erp = erp().await;
    let connector = connect(&erp, json!({}));
    let fault = connector.poll(ORDERS, &Cursor(json!("tomorrow"))).await.expect_err("not a position");
    assert!(matches!(fault, Fault::Permanent { .. }), "{fault:?}");
    let fault = connect(&erp, json!({"base_url": format!("{}/_control", erp.base_url())})).probe().await;
    assert!(matches!(fault, Err(Fault::Contract { .. })), "{fault:?}");
    let health = connector.probe().await.expect("all is well");
    assert!(health.system.starts_with("Simulated ERP "), "{health:?}");
    assert_eq!(health.remarks.len(), 1, "its clock stands in December: {health:?}");
    erp.fault(Rule::from(Trouble::WrongCredentials).at(Door::Health));
    let fault = connector.probe().await.expect_err("refused");
    assert!(matches!(fault, Fault::Credentials { .. }), "{fault:?}");
}

/// A push, signed by hand with the secret `push` over id 1 at 13:00:00.
fn push() -> Raw {
    let body = include_str!("fixtures/push.confirmation_acknowledged.json");
    let sent = at("2026-12-03T13:00:00Z").timestamp();
    let mac = Hmac::<Sha256>::new_from_slice(b"push").expect("a key").chain_update(format!("msg_1.{sent}.{body}"));
    let signature = BASE64.encode(mac.finalize().into_bytes());
    Raw {
        external_key: "msg_1".to_owned(),
        subject: "4500012345".to_owned(),
        channel: "push".to_owned(),
        content_type: "application/json".to_owned(),
        body: body.to_owned(),
        headers: [
            ("webhook-id", "msg_1".to_owned()),
            ("webhook-timestamp", sent.to_string()),
            ("webhook-signature", format!("v1,AAAA v1,{signature}")),
            ("x-received-at", received().to_rfc3339()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec(),
    }
}

fn settings(push_secret: Option<&str>) -> RestSettings {
    RestSettings {
        system: System::Erp,
        base_url: "http://127.0.0.1:9".parse().expect("an address"),
        api_key: crate::settings::Secret::new("k"),
        plant: None,
        push_secret: push_secret.map(crate::settings::Secret::new),
        timeout: None,
    }
}

#[test]
fn a_signed_fresh_push_is_believed_and_everything_else_is_not() {
    let good = push();
    assert_eq!(verify(&settings(Some("push")), &good), Ok(()));
    // The same secret in the form that Standard Webhooks tools make: whsec_ and base64.
    assert_eq!(verify(&settings(Some("whsec_cHVzaA==")), &good), Ok(()));

    let with = |name: &str, value: &str| {
        let mut raw = push();
        raw.headers.iter_mut().filter(|(key, _)| key == name).for_each(|(_, old)| *old = value.to_owned());
        raw
    };
    let without =
        |name: &str| Raw { headers: push().headers.into_iter().filter(|(key, _)| key != name).collect(), ..push() };
    for (what, secret, raw) in [
        ("no secret is set", None, push()),
        ("another secret", Some("other"), push()),
        ("a secret that is no base64", Some("whsec_%%%"), push()),
        ("another body", Some("push"), Raw { body: push().body.replace("5000123", "5000124"), ..push() }),
        ("another id", Some("push"), with("webhook-id", "msg_2")),
        ("another time", Some("push"), with("webhook-timestamp", &at("2026-12-03T13:01:00Z").timestamp().to_string())),
        ("no time", Some("push"), with("webhook-timestamp", "yesterday")),
        ("received six minutes later", Some("push"), with("x-received-at", "2026-12-03T13:06:01Z")),
        ("received six minutes before", Some("push"), with("x-received-at", "2026-12-03T12:53:59Z")),
        ("no time of receipt", Some("push"), without("x-received-at")),
        ("no signature", Some("push"), without("webhook-signature")),
        ("no id", Some("push"), without("webhook-id")),
        ("filed under another key", Some("push"), Raw { external_key: "msg_9".to_owned(), ..push() }),
    ] {
        let fault = verify(&settings(secret), &raw).expect_err(what);
        assert!(matches!(fault, Fault::Credentials { .. }), "{what}: {fault:?}");
    }
}
