//! How other systems speak. Each kind of system is one folder with the same files; each configured system is a
//! *connection* (a row), built here into a [`Connector`].
//!
//! A connector keeps no state and cannot see the database: what it needs (the event, the other side's keys) is handed in,
//! what it learns (an outcome, new keys, raw messages) is handed back. That is what makes replay always safe.
//! The standard that every connector follows is `docs/connectors.md`; `tests/conformance.rs` checks it for all in the
//! [`registry`].

pub mod floor;
pub mod http;
pub mod mes_http;
pub mod outcome;
pub mod registry;
pub mod rest;
pub mod settings;
pub mod tryton;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::command::Command;
use domain::event::{Envelope, EventKind};
use domain::id::ConnectionId;
use serde::{Deserialize, Serialize};

pub use outcome::{Fault, Health, NotUnderstood, Outcome};

/// Code for a kind of system. Seven methods; what it can do is data (`carries`, `feeds`), so there is no method that
/// quietly does nothing.
#[async_trait]
pub trait Connector: Send + Sync + std::fmt::Debug {
    /// The kinds of events it can deliver. What is not listed is never delivered. May depend on the settings; the kind's line
    /// in the registry lists them all.
    fn carries(&self) -> &'static [EventKind];

    /// What can be polled. May depend on the settings, as above.
    fn feeds(&self) -> &'static [Feed];

    /// Whether the system is reachable, lets us in, and speaks the version we expect.
    async fn probe(&self) -> Result<Health, Fault>;

    /// Takes one event to the system. Called again with the same delivery after a crash or an unknown outcome: must have
    /// one effect there, by the other side's idempotency key or by looking before writing.
    async fn deliver(&self, delivery: &Outgoing) -> Result<Outcome, Fault>;

    /// Reads what is new since `cursor`, overlapping rather than losing; at most about a hundred messages a call. The same
    /// content must get the same [`Raw::external_key`] each time, other content another one.
    async fn poll(&self, feed: Feed, cursor: &Cursor) -> Result<Polled, Fault>;

    /// Whether it can be pushed messages of this content type (lower case, without parameters).
    fn takes(&self, content_type: &str) -> bool {
        content_type == "application/json"
    }

    /// Checks the signature or key of what was pushed to us, before anything is stored, and gives the messages in it: one, or
    /// those of a batch, each with its key and subject.
    fn verify(&self, pushed: &Raw) -> Result<Vec<Raw>, Fault>;

    /// Understands a message. Pure; unknown fields are ignored.
    fn interpret(&self, raw: &Raw) -> Result<Vec<Command>, NotUnderstood>;
}

/// One thing that can be polled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Feed {
    /// Its name in tables and pages, e.g. `orders`.
    pub name: &'static str,
    /// Seconds between polls.
    pub every_seconds: u32,
}

/// How far a feed has been read, in the connector's own words. Starts as JSON null.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(pub serde_json::Value);

/// The result of one poll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Polled {
    /// What was read, oldest first.
    pub messages: Vec<Raw>,
    /// Where to go on once these are stored.
    pub cursor: Cursor,
    /// There is more to read right now.
    pub more: bool,
}

/// A message as it came, before anybody tries to understand it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Raw {
    /// Identifies this content at its sender: the same key twice is the same message.
    pub external_key: String,
    /// What it is about at its sender (e.g. an order number): messages about one thing are applied in order.
    pub subject: String,
    /// Which feed or push channel it came through.
    pub channel: String,
    /// E.g. `application/json`.
    pub content_type: String,
    /// The body as received.
    pub body: String,
    /// Headers of a push that matter for [`Connector::verify`], lower case names. Never stored.
    #[serde(skip)]
    pub headers: Vec<(String, String)>,
}

/// An event on its way to one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Where to.
    pub connection_id: ConnectionId,
    /// The event with its subject, version and correlation. Its `event_id` is the idempotency key.
    pub envelope: Envelope,
    /// 1 for the first try.
    pub attempt: u32,
    /// What the other side calls the things in the event.
    pub links: Vec<Link>,
    /// The plant's code, where the event concerns one.
    pub plant: Option<String>,
    /// The supplier's number in the other system, where the event concerns one.
    pub supplier: Option<String>,
    /// When this try starts.
    pub now: DateTime<Utc>,
}

impl Outgoing {
    /// What the other side calls `key` of `kind`.
    pub fn their_ref(&self, kind: LinkKind, key: &str) -> Option<&str> {
        self.links.iter().find(|link| link.kind == kind && link.key == key).map(|link| link.their_ref.as_str())
    }

    /// Whether the receiver need not be told, see [`domain::event::Event::echo`]: then nothing is sent, and the timeline says
    /// who told us instead.
    pub fn is_echo(&self) -> bool {
        self.envelope.event.echo(&self.envelope.actor, self.connection_id).is_some()
    }

    /// Sent along wherever the other side has a place for it; the same on every try.
    pub fn idempotency_key(&self) -> String {
        format!("{}-{}", self.connection_id.0.simple(), self.envelope.event_id.0.simple())
    }
}

/// What kind of thing a link is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkKind {
    /// Key: order number.
    Order,
    /// Key: order number `/` line number.
    OrderLine,
    /// Key: order number `/` line number `/` schedule number.
    ScheduleLine,
    /// Key: the number of our ship notice.
    Shipment,
    /// Key: the number of our receipt.
    Receipt,
    /// Key: the number of our hold.
    Hold,
    /// Key: the number of a work order.
    WorkOrder,
    /// Key: work order number `/` component number.
    Component,
    /// Key: work order number `/` the id of our report; theirs is the document that it was posted as.
    Posting,
}

impl LinkKind {
    /// All kinds.
    pub const ALL: &[Self] = &[
        Self::Order,
        Self::OrderLine,
        Self::ScheduleLine,
        Self::Shipment,
        Self::Receipt,
        Self::Hold,
        Self::WorkOrder,
        Self::Component,
        Self::Posting,
    ];

    /// The number of the document that a key of this kind belongs to, among those of an event
    /// ([`domain::event::Event::documents`]). Links of one document are read together.
    pub fn document<'a>(self, key: &str, documents: &[&'a str]) -> Option<&'a str> {
        let belongs = |document: &&&str| match self {
            Self::Order | Self::Shipment | Self::Receipt | Self::Hold | Self::WorkOrder => **document == key,
            Self::OrderLine | Self::ScheduleLine | Self::Component | Self::Posting => {
                key.strip_prefix(**document).is_some_and(|rest| rest.starts_with('/'))
            }
        };
        documents.iter().find(belongs).copied()
    }

    /// The word in the table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::OrderLine => "order_line",
            Self::ScheduleLine => "schedule_line",
            Self::Shipment => "shipment",
            Self::Receipt => "receipt",
            Self::Hold => "hold",
            Self::WorkOrder => "work_order",
            Self::Component => "component",
            Self::Posting => "posting",
        }
    }
}

/// Our key ↔ their key, per connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// What it is about.
    pub kind: LinkKind,
    /// Our key, see [`LinkKind`].
    pub key: String,
    /// Theirs.
    pub their_ref: String,
}
