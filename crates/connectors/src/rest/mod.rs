//! Connector `rest`: our own JSON protocol, for systems that have no standard of their own to offer
//! (`docs/rest-protocol.md`, spoken by the simulated ERP).
//!
//! Out: a binding promise becomes `POST /confirmations`. The `Idempotency-Key` header makes a second try harmless; the body
//! is the same on each try. In: orders are polled with `GET /orders`, or pushed and signed.
//!
//! Retry-class words, beyond what [`crate::http::Answer::check`] says for everybody: 409 with the code `locked` is temporary,
//! any other 409 is pending (the first try may still be running there), 422 is a refusal.

mod settings;
mod translate;
mod wire;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, TimeDelta, Utc};
use domain::command::Command;
use domain::event::EventKind;
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

pub use settings::{RestSettings, SETTINGS};

use crate::http::{Answer, Call, Http, Limits, now};
use crate::outcome::{Fault, Health, NotUnderstood, Outcome};
use crate::registry::Kind;
use crate::settings::{Secrets, SettingsProblem};
use crate::{Connector, Cursor, Feed, Outgoing, Polled, Raw};

/// Its line in the registry.
pub const KIND: Kind = Kind {
    name: "rest",
    title: "ERP with Interlock's REST protocol",
    carries: CARRIES,
    feeds: FEEDS,
    settings: SETTINGS,
    build,
};

const CARRIES: &[EventKind] = &[EventKind::PromiseMade];
const ORDERS: Feed = Feed { name: "orders", every_seconds: 15 };
const FEEDS: &[Feed] = &[ORDERS];
/// Orders in one poll.
const PAGE: u32 = 100;
/// How far each listing goes back before what was seen last. A change that becomes visible later than this after its
/// `changed_at` would be lost; the protocol forbids it.
const OVERLAP: TimeDelta = TimeDelta::minutes(2);
/// How old a pushed message may be (Standard Webhooks), so that nobody plays an old one again.
const FRESH: TimeDelta = TimeDelta::minutes(5);
/// From here on a difference of clocks is worth a word.
const CLOCKS_DIFFER: TimeDelta = TimeDelta::minutes(1);

/// A connection to a system that speaks the protocol.
#[derive(Debug)]
pub struct Rest {
    http: Http,
    settings: RestSettings,
}

fn build(given: &Value, secrets: &dyn Secrets) -> Result<Box<dyn Connector>, SettingsProblem> {
    let settings = RestSettings::read(given, secrets)?;
    let mut http = Http::new(KIND.name, &settings.base_url, Limits::with_total(settings.timeout))?
        .bearer("api_key", &settings.api_key)?;
    if let Some(secret) = &settings.push_secret {
        http = http.hiding(secret.clone());
    }
    Ok(Box::new(Rest { http, settings }))
}

/// How far the orders have been read.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
struct Position {
    /// Everything changed before this was read, except for the overlap.
    since: Option<DateTime<Utc>>,
    /// In the middle of a listing: its token.
    after: Option<String>,
    /// The newest change seen in the listing so far.
    newest: Option<DateTime<Utc>>,
}

#[async_trait]
impl Connector for Rest {
    fn carries(&self) -> &'static [EventKind] {
        CARRIES
    }

    fn feeds(&self) -> &'static [Feed] {
        FEEDS
    }

    async fn probe(&self) -> Result<Health, Fault> {
        let health: wire::HealthAnswer = self.http.send(Call::get("/health")).await?.check()?.json()?;
        if health.protocol != wire::PROTOCOL {
            return Err(Fault::Contract {
                message: format!(
                    "{} {} speaks {:?}; we speak {:?}.",
                    health.name,
                    health.version,
                    health.protocol,
                    wire::PROTOCOL
                ),
            });
        }
        let skew = TimeDelta::seconds((health.time - now()).num_seconds());
        let remarks = if skew.abs() < CLOCKS_DIFFER {
            Vec::new()
        } else {
            vec![format!("Its clock differs from ours by {} s; set both by the same time server.", skew.num_seconds())]
        };
        Ok(Health { system: format!("{} {}", health.name, health.version), clock_skew: Some(skew), remarks })
    }

    async fn deliver(&self, delivery: &Outgoing) -> Result<Outcome, Fault> {
        let Some(confirmation) = translate::confirmation(delivery) else {
            let kind = delivery.envelope.event.kind();
            return Err(Fault::Permanent { message: format!("Events of kind {kind} are not carried.") });
        };
        let call = Call::post("/confirmations").idempotency_key(delivery.idempotency_key()).body(&confirmation)?;
        outcome(self.http.send(call).await?.check()?)
    }

    async fn poll(&self, feed: Feed, cursor: &Cursor) -> Result<Polled, Fault> {
        if feed.name != ORDERS.name {
            return Err(Fault::Permanent { message: format!("There is no feed {:?}.", feed.name) });
        }
        let position: Position = match &cursor.0 {
            Value::Null => Position::default(),
            stored => Position::deserialize(stored)
                .map_err(|error| Fault::Permanent { message: format!("The stored position is not ours: {error}.") })?,
        };
        let mut call = Call::get("/orders").query("limit", PAGE);
        if let Some(since) = position.since {
            let from = since.checked_sub_signed(OVERLAP).unwrap_or(since);
            call = call.query("changed_since", from.to_rfc3339_opts(chrono::SecondsFormat::Micros, true));
        }
        if let Some(after) = &position.after {
            call = call.query("after", after);
        }
        if let Some(plant) = &self.settings.plant {
            call = call.query("plant", plant);
        }
        self.page(self.http.send(call).await?.check()?, position)
    }

    fn verify(&self, pushed: &Raw) -> Result<(), Fault> {
        verify(&self.settings, pushed)
    }

    fn interpret(&self, raw: &Raw) -> Result<Vec<Command>, NotUnderstood> {
        translate::commands(&raw.body)
    }
}

impl Rest {
    fn page(&self, answer: Answer, position: Position) -> Result<Polled, Fault> {
        if !answer.is_success() {
            return Err(Fault::Contract { message: answer.says() });
        }
        let page: wire::OrdersAnswer = answer.json()?;
        // A wrong date in the future would make us skip everything until then.
        let latest = answer.date().unwrap_or_else(now);
        let mut messages = Vec::with_capacity(page.orders.len());
        let mut newest = position.newest.max(position.since);
        for order in &page.orders {
            let head = serde_json::from_str::<wire::OrderHead>(order.get()).ok();
            newest = newest.max(head.as_ref().map(|head| head.changed_at.min(latest)));
            let elsewhere = match (&self.settings.plant, head.as_ref().and_then(|head| head.plant.as_ref())) {
                (Some(wanted), Some(plant)) => !plant.code.eq_ignore_ascii_case(wanted),
                _ => false,
            };
            if !elsewhere {
                messages.push(message(head.as_ref(), order.get()));
            }
        }
        let more = page.next.is_some();
        let next = if more {
            if page.next == position.after {
                return Err(Fault::Contract {
                    message: "GET /orders: the listing goes on with the token that it was asked with.".to_owned(),
                });
            }
            Position { since: position.since, after: page.next, newest }
        } else {
            Position { since: newest, after: None, newest: None }
        };
        let cursor = serde_json::to_value(next)
            .map(Cursor)
            .map_err(|error| Fault::Permanent { message: format!("The position cannot be written: {error}.") })?;
        Ok(Polled { messages, cursor, more })
    }
}

/// An order as a message. Its key is made of what it says: number, version, and a hash that does not depend on blanks or on
/// the order of keys, so that overlapping reads find it again and a changed content under the same version does not hide.
///
/// An order without a readable head is a message too: it is stored, not understood, and stops no other.
fn message(head: Option<&wire::OrderHead>, text: &str) -> Raw {
    let canonical = serde_json::from_str::<Value>(text).map(|mut value| {
        value.sort_all_objects();
        value.to_string()
    });
    let digest = Sha256::digest(canonical.as_deref().unwrap_or(text));
    let hash: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let (external_key, subject) = match head {
        Some(head) => (format!("{}@{}@{hash}", head.number, head.version), head.number.clone()),
        None => (format!("unreadable@{hash}"), "unreadable".to_owned()),
    };
    Raw {
        external_key,
        subject,
        channel: ORDERS.name.to_owned(),
        content_type: "application/json".to_owned(),
        body: text.to_owned(),
        headers: Vec::new(),
    }
}

/// Reads yes, no, or neither from an answer. Only the word `accepted` is a yes.
fn outcome(answer: Answer) -> Result<Outcome, Fault> {
    let said: wire::ConfirmationAnswer = match answer.json() {
        Ok(said) => said,
        // A proxy's page instead of the ERP's answer: it may have been taken or not.
        Err(_) => return Ok(Outcome::Pending { seen: answer.says() }),
    };
    let reason = |said: wire::ConfirmationAnswer| {
        let reason = said.reason.or(said.error.map(|error| error.message)).unwrap_or_default();
        answer.redact(if reason.trim().is_empty() {
            "The ERP refused it without giving a reason."
        } else {
            reason.trim()
        })
    };
    match (answer.status, said.status.as_deref()) {
        (409, _) if said.error.as_ref().is_some_and(|error| error.code == "locked") => {
            Err(Fault::Temporary { message: answer.says(), after: answer.retry_after() })
        }
        (409, status) if status != Some("refused") => Ok(Outcome::Pending { seen: answer.says() }),
        (422, _) | (_, Some("refused")) => Ok(Outcome::Refused { reason: reason(said) }),
        (_, Some("accepted")) if said.error.is_none() => {
            Ok(Outcome::Accepted { their_ref: said.document, links: Vec::new(), already: said.already })
        }
        _ => Ok(Outcome::Pending { seen: answer.says() }),
    }
}

/// The signature of a pushed message, as Standard Webhooks define it: HMAC-SHA256 over `id.timestamp.body`.
///
/// `x-received-at` (RFC 3339) is not the sender's: the server that took the message sets it from its clock and removes any
/// header of that name that came in.
fn verify(settings: &RestSettings, pushed: &Raw) -> Result<(), Fault> {
    let refused = |message: &str| Err(Fault::Credentials { message: message.to_owned() });
    let Some(secret) = &settings.push_secret else {
        return refused("Pushes are not set up: the connection has no push_secret.");
    };
    let header = |name: &str| pushed.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let (Some(id), Some(sent), Some(signatures)) =
        (header("webhook-id"), header("webhook-timestamp"), header("webhook-signature"))
    else {
        return refused("The headers webhook-id, webhook-timestamp and webhook-signature must be there.");
    };
    let Some(received_at) = header("x-received-at").and_then(|text| text.parse::<DateTime<Utc>>().ok()) else {
        return refused("The time of receipt is not known.");
    };
    let Some(sent_at) = sent.parse().ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0)) else {
        return refused("webhook-timestamp is not a number of seconds since 1970.");
    };
    if received_at.signed_duration_since(sent_at).abs() > FRESH {
        return refused("The message is older or newer than five minutes; check the clock of the sender.");
    }
    let text = secret.expose();
    let key = match text.strip_prefix("whsec_").map(|encoded| BASE64.decode(encoded)) {
        Some(Ok(key)) => key,
        Some(Err(_)) => return refused("The push_secret starts with whsec_ and does not go on in base64."),
        None => text.as_bytes().to_vec(),
    };
    let signed = format!("{id}.{sent}.{}", pushed.body);
    // Several signatures may be there while a secret is being changed. `verify_slice` takes the same time for each.
    let good = signatures.split_whitespace().filter_map(|one| one.strip_prefix("v1,")).any(|one| {
        let Ok(given) = BASE64.decode(one) else { return false };
        Hmac::<Sha256>::new_from_slice(&key)
            .is_ok_and(|mac| mac.chain_update(signed.as_bytes()).verify_slice(&given).is_ok())
    });
    if !good {
        return refused("The signature does not belong to this message and secret.");
    }
    if pushed.external_key != id {
        return refused("The message is filed under another key than its webhook-id.");
    }
    Ok(())
}

#[cfg(test)]
mod tests;
