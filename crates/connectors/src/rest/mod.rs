//! Connector `rest`: our own JSON protocol, for systems that have no standard of their own to offer
//! (`docs/rest-protocol.md`, spoken by the simulated ERP).
//!
//! Out: a binding promise becomes `POST /confirmations`; ship notices, receipts at our dock, decisions on lots and holds,
//! and what the shop floor reported have a call each ([`material`]). The `Idempotency-Key` header makes a second try harmless; the body is the same on each
//! try. Nobody is told what he told us. A question about stock is answered in the call and comes back as a message.
//! In: orders, work orders, receipts and stock are polled ([`feeds`]), or pushed and signed ([`push`]).
//!
//! The setting `system` says whether an ERP or a warehouse system is at the other end; a warehouse system has no orders.
//!
//! Retry-class words, beyond what [`crate::http::Answer::check`] says for everybody: 409 with the code `locked` is temporary,
//! any other 409 is pending (the first try may still be running there), 422 is a refusal.

mod feeds;
pub(crate) mod material;
mod push;
mod settings;
mod translate;
pub(crate) mod wire;

use async_trait::async_trait;
use chrono::TimeDelta;
use domain::command::Command;
use domain::event::{Event, EventKind};
use domain::production::Reported;
use serde_json::Value;

pub use settings::{RestSettings, SETTINGS, System};

use crate::http::{Answer, Call, Http, Limits, now};
use crate::outcome::{Fault, Health, NotUnderstood, Outcome};
use crate::registry::Kind;
use crate::settings::{Secrets, SettingsProblem};
use crate::{Connector, Cursor, Feed, Outgoing, Polled, Raw};

/// Its line in the registry.
pub const KIND: Kind = Kind {
    name: "rest",
    title: "ERP or warehouse with Interlock's REST protocol",
    carries: CARRIES,
    feeds: feeds::FEEDS,
    settings: SETTINGS,
    build,
};

/// What an ERP is told: everything there is.
const CARRIES: &[EventKind] = &[
    EventKind::PromiseMade,
    EventKind::ShipmentAnnounced,
    EventKind::ShipmentAmended,
    EventKind::ShipmentCancelled,
    EventKind::ShipmentMoved,
    EventKind::ReceiptPosted,
    EventKind::ReceiptReversed,
    EventKind::LotDecided,
    EventKind::HoldPlaced,
    EventKind::HoldReleased,
    EventKind::MaterialConsumed,
    EventKind::OutputCompleted,
    EventKind::ReportReversed,
    EventKind::StockRequested,
];
/// What a warehouse system is told: what comes, what came, what may be used. The book of stock is the ERP's.
const TO_A_WMS: &[EventKind] = &[
    EventKind::ShipmentAnnounced,
    EventKind::ShipmentAmended,
    EventKind::ShipmentCancelled,
    EventKind::ShipmentMoved,
    EventKind::ReceiptPosted,
    EventKind::ReceiptReversed,
    EventKind::LotDecided,
    EventKind::HoldPlaced,
    EventKind::HoldReleased,
];
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

#[async_trait]
impl Connector for Rest {
    fn carries(&self) -> &'static [EventKind] {
        match self.settings.system {
            System::Erp => CARRIES,
            System::Wms => TO_A_WMS,
        }
    }

    fn feeds(&self) -> &'static [Feed] {
        feeds::of(self.settings.system)
    }

    async fn probe(&self) -> Result<Health, Fault> {
        health(&self.http).await
    }

    async fn deliver(&self, delivery: &Outgoing) -> Result<Outcome, Fault> {
        let key = delivery.idempotency_key();
        let call = match &delivery.envelope.event {
            Event::StockRequested { plant, item } => return feeds::ask_stock(self, plant, item).await,
            _ if delivery.is_echo() || books_itself(&delivery.envelope.event) => {
                return Ok(Outcome::accepted(None, true));
            }
            Event::PromiseMade { .. } => translate::confirmation(delivery)
                .map(|confirmation| Call::post("/confirmations").idempotency_key(key).body(&confirmation)),
            _ => None,
        };
        if let Some(call) = call {
            return outcome(self.http.send(call?).await?.check()?);
        }
        let Some(message) = material::message(delivery) else {
            let kind = delivery.envelope.event.kind();
            return Err(Fault::Permanent { message: format!("Events of kind {kind} are not carried.") });
        };
        let call = Call::new(message.method.clone(), &message.path)
            .idempotency_key(delivery.idempotency_key())
            .body(&message)?;
        outcome(self.http.send(call).await?.check()?)
    }

    async fn poll(&self, feed: Feed, cursor: &Cursor) -> Result<Polled, Fault> {
        feeds::poll(self, feed, cursor).await
    }

    fn verify(&self, pushed: &Raw) -> Result<Vec<Raw>, Fault> {
        push::verify(&self.settings, pushed)?;
        Ok(vec![self.filed(pushed)])
    }

    fn interpret(&self, raw: &Raw) -> Result<Vec<Command>, NotUnderstood> {
        translate::commands(&raw.channel, &raw.body, self.settings.system)
    }
}

/// What the ERP books by itself from what was completed is recorded with us, and not told.
fn books_itself(event: &Event) -> bool {
    let (Event::MaterialConsumed { report } | Event::ReportReversed { report, .. }) = event else { return false };
    matches!(&report.what, Reported::Consumed(it) if it.backflush) || !report.what.kind().is_posted()
}

impl Rest {
    /// A pushed message, filed under what it is about, so that messages about one order keep their order. One that is not
    /// understood is about itself.
    fn filed(&self, pushed: &Raw) -> Raw {
        let commands = self.interpret(pushed).unwrap_or_default();
        let subject = commands.first().map_or(pushed.subject.as_str(), Command::subject).to_owned();
        Raw { subject, ..pushed.clone() }
    }
}

/// Whether somebody who speaks the protocol answers, and what he says of himself.
pub(crate) async fn health(http: &Http) -> Result<Health, Fault> {
    let health: wire::HealthAnswer = http.send(Call::get("/health")).await?.check()?.json()?;
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

/// Reads yes, no, or neither from an answer. Only the word `accepted` is a yes.
pub(crate) fn outcome(answer: Answer) -> Result<Outcome, Fault> {
    let said: wire::ToldAnswer = match answer.json() {
        Ok(said) => said,
        // A proxy's page instead of the ERP's answer: it may have been taken or not.
        Err(_) => return Ok(Outcome::Pending { seen: answer.says() }),
    };
    let reason = |said: wire::ToldAnswer| {
        let reason = said.reason.or(said.error.map(|error| error.message)).unwrap_or_default();
        answer.redact(if reason.trim().is_empty() { "It was refused without a reason." } else { reason.trim() })
    };
    match (answer.status, said.status.as_deref()) {
        (409, _) if said.error.as_ref().is_some_and(|error| error.code == "locked") => {
            Err(Fault::Temporary { message: answer.says(), after: answer.retry_after() })
        }
        (409, status) if status != Some("refused") => Ok(Outcome::Pending { seen: answer.says() }),
        (422, _) | (_, Some("refused")) => {
            let cause = said.error.as_ref().and_then(|error| error.code.parse().ok());
            Ok(Outcome::Refused { reason: reason(said), cause })
        }
        (_, Some("accepted")) if said.error.is_none() => Ok(Outcome::accepted(said.document, said.already)),
        _ => Ok(Outcome::Pending { seen: answer.says() }),
    }
}

#[cfg(test)]
mod tests;
