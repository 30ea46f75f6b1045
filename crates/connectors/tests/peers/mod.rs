//! The other side of each kind of connector, for the conformance test: a simulator, or a small server that answers as the
//! real system does. A kind without a peer fails the test.

pub mod material;
mod rest;
mod tryton;

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use connectors::settings::{Secrets, SettingsProblem};
use connectors::{Link, Outgoing, Raw};
use domain::access::Actor;
use domain::event::{Envelope, Event, EventKind, Promised, Subject, SubjectKind};
use domain::id::{ConnectionId, CorrelationId, EventId, ScheduleLineId};
use domain::order::Commitment;
use domain::quantity::Unit;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use simulators::Role;
use uuid::Uuid;

/// Starts the peers of a kind: one for each sort of system that it speaks with. Together they are told of everything that
/// the kind carries.
pub async fn start(kind: &str) -> Vec<Box<dyn Peer>> {
    match kind {
        "rest" => {
            vec![Box::new(rest::RestPeer::start(Role::Erp).await), Box::new(rest::RestPeer::start(Role::Wms).await)]
        }
        "mes_http" => vec![Box::new(rest::RestPeer::start(Role::Mes).await)],
        "tryton" => vec![Box::new(tryton::TrytonPeer::start().await)],
        _ => Vec::new(),
    }
}

/// Something the peer does until it is calmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// Breaks every connection off.
    Down,
    /// 503 with this `Retry-After` in seconds, or however the system says that it is closed.
    Maintenance { seconds: u64 },
    /// 429 with this `Retry-After` in seconds.
    RateLimited { seconds: u64 },
    /// 500.
    ServerError,
    /// 400, or however the system says that it does not understand a message.
    BadRequest,
    /// Answers after the time-out [`SHORT`].
    Slow,
    /// Does what is asked and breaks the connection off before it says so.
    LostAnswer,
    /// 200 with an error inside; nothing is done.
    ErrorInside200,
    /// Says something that is not in its own documentation.
    UnknownStatus,
    /// Its business rules say no, for this reason.
    Refuses { reason: String },
}

/// The time-out of calls that are meant to fail by it.
pub const SHORT: Duration = Duration::from_millis(250);
/// The time-out of all others; long, because tests share a machine.
pub const LONG: Duration = Duration::from_secs(20);

/// The other side of one kind of connector.
#[async_trait]
pub trait Peer: Send + Sync {
    /// Settings of a connection to it, with this time-out for a call.
    fn settings(&self, timeout: Duration) -> Value;

    /// Tells the snapshots of a second peer of the same kind from the first one's.
    fn variant(&self) -> &'static str {
        ""
    }

    /// Whether it can play the other side of such an event. What it cannot is asked of the real system in another test, which
    /// the peer's description names.
    fn plays(&self, _: EventKind) -> bool {
        true
    }

    /// The secrets that the settings name: reference and value.
    fn secrets(&self) -> Vec<(String, String)>;

    /// The same settings, with an address where nobody listens.
    fn settings_of_a_wrong_host(&self) -> Value {
        let mut settings = self.settings(LONG);
        settings["base_url"] = json!("http://127.0.0.1:9");
        settings
    }

    /// A delivery that it takes; another one each time.
    fn outgoing(&self, kind: EventKind) -> Outgoing {
        self.outgoing_with(kind, Decimal::new(12_505, 1))
    }

    /// A delivery with this quantity and price.
    fn outgoing_with(&self, kind: EventKind, number: Decimal) -> Outgoing;

    /// A message of it, understood as a `MirrorOrder` whose first line has this quantity and price, or as a report of this
    /// quantity.
    fn message_with(&self, number: &str) -> Raw;

    /// Decimals that must survive both ways.
    fn decimals(&self) -> &'static [&'static str] {
        &["0.000000000001", "12345678901234.5678", "1840.500", "79228162514264337593543950335"]
    }

    /// From now on it makes this trouble.
    async fn trouble(&self, trouble: Trouble);

    /// It behaves again.
    async fn calm(&self);

    /// Something in it changes that a feed must bring.
    async fn change(&self);

    /// How many deliveries took effect in it.
    async fn effects(&self) -> usize;

    /// How many calls it got.
    async fn calls(&self) -> usize;

    /// The quantities of the last delivery of a kind that took effect, as text.
    async fn quantities(&self, kind: EventKind) -> Vec<String>;
}

/// Secrets by their reference.
#[derive(Debug, Clone, Default)]
pub struct KnownSecrets(pub HashMap<String, String>);

impl Secrets for KnownSecrets {
    fn read(&self, reference: &str) -> Result<String, SettingsProblem> {
        self.0
            .get(reference)
            .cloned()
            .ok_or_else(|| SettingsProblem::new("secret", format!("{reference} is not known.")))
    }
}

/// The time of the tests.
pub fn now() -> DateTime<Utc> {
    "2026-12-03T13:20:00Z".parse().expect("an instant")
}

/// A delivery of a binding promise.
pub fn promise(order: &str, version: i64, lines: Vec<Promised>, links: Vec<Link>) -> Outgoing {
    // Ids are told apart by the order's number and version, so that each call with others is another delivery.
    let id = |salt: u128| {
        let number = order.bytes().fold(0_u128, |sum, byte| sum * 251 + u128::from(byte));
        Uuid::from_u128((number << 64) ^ (salt << 48) ^ u128::from(version.unsigned_abs()))
    };
    Outgoing {
        connection_id: ConnectionId(Uuid::from_u128(7)),
        envelope: Envelope {
            event_id: EventId(id(1)),
            subject: Subject { kind: SubjectKind::Order, id: id(0) },
            subject_version: version,
            at: now(),
            plant_id: None,
            supplier_id: None,
            actor: Actor::Loop { name: "test".to_owned() },
            correlation_id: CorrelationId(id(2)),
            causation_id: None,
            event: Event::PromiseMade { order: order.to_owned(), revision: 1, lines },
        },
        attempt: 1,
        links,
        plant: Some("DE10".to_owned()),
        supplier: Some("100234".to_owned()),
        now: now(),
    }
}

/// A promise for a whole schedule line.
pub fn promised(line: &str, item: &str, unit: &str, number: Decimal) -> Promised {
    let day = "2026-12-07".parse().expect("a day");
    Promised {
        schedule_line_id: ScheduleLineId(Uuid::from_u128(1)),
        line: line.to_owned(),
        schedule: 1,
        item: item.to_owned(),
        unit: Unit::new(unit),
        requested: number,
        requested_on: day,
        price: Some(number),
        commitments: vec![Commitment { quantity: number, deliver_on: Some(day), ship_on: None, price: None }],
    }
}
