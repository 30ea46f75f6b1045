//! Connector `mes_http`: a shop-floor system of one plant over HTTP, with our own JSON (`docs/shop-floor-protocol.md`) or
//! B2MML.
//!
//! In: it pushes reports, one or many in a call, with a key of its own ([`crate::floor`]). Out, where an address is given: it
//! is told which work orders it may begin, what changed and what was taken back, and what of the material may not be used.
//! Every call says the whole of a thing and may come twice.

mod settings;

use async_trait::async_trait;
use domain::command::Command;
use domain::event::{Event, EventKind};
use domain::work_order::{WorkOrder, WorkOrderChange};
use serde::Serialize;
use serde_json::Value;
use subtle::ConstantTimeEq as _;

pub use settings::{MesSettings, SETTINGS};

use crate::floor::{self, b2mml};
use crate::http::{Call, Http, Limits};
use crate::outcome::{Fault, Health, NotUnderstood, Outcome};
use crate::registry::Kind;
use crate::rest::{material, outcome};
use crate::settings::{Secrets, SettingsProblem};
use crate::{Connector, Cursor, Feed, Outgoing, Polled, Raw};

/// Its line in the registry.
pub const KIND: Kind = Kind {
    name: "mes_http",
    title: "Shop floor (MES) over HTTP",
    carries: CARRIES,
    feeds: &[],
    settings: SETTINGS,
    build,
};

/// What a shop floor is told.
const CARRIES: &[EventKind] = &[
    EventKind::WorkOrderReleased,
    EventKind::WorkOrderChanged,
    EventKind::WorkOrderCancelled,
    EventKind::WorkOrderClosed,
    EventKind::LotDecided,
    EventKind::HoldPlaced,
    EventKind::HoldReleased,
];

/// A connection to a shop floor.
#[derive(Debug)]
pub struct Mes {
    /// None: it only reports.
    http: Option<Http>,
    settings: MesSettings,
}

fn build(given: &Value, secrets: &dyn Secrets) -> Result<Box<dyn Connector>, SettingsProblem> {
    let settings = MesSettings::read(given, secrets)?;
    let http = match &settings.out {
        Some(out) => Some(
            Http::new(KIND.name, &out.base_url, Limits::with_total(settings.timeout))?
                .bearer("api_key", &out.api_key)?
                .hiding(settings.report_key.clone()),
        ),
        None => None,
    };
    Ok(Box::new(Mes { http, settings }))
}

/// A work order as it is now, whole, or the end of one.
#[derive(Debug, Serialize)]
struct Told<'a> {
    event: String,
    /// Grows within the work order, so that a swap shows.
    sequence: i64,
    at: domain::Timestamp,
    #[serde(flatten)]
    body: Body<'a>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Body<'a> {
    Whole {
        work_order: &'a WorkOrder,
        #[serde(skip_serializing_if = "slice_is_empty")]
        changes: &'a [WorkOrderChange],
    },
    End {
        work_order: &'a str,
        revision: i32,
    },
}

fn slice_is_empty(list: &&[WorkOrderChange]) -> bool {
    list.is_empty()
}

fn work_order(delivery: &Outgoing) -> Option<(reqwest::Method, String, Body<'_>)> {
    let whole = |order, changes| Body::Whole { work_order: order, changes };
    let at = |number: &str, rest: &str| format!("/work-orders/{number}{rest}");
    Some(match &delivery.envelope.event {
        Event::WorkOrderReleased { work_order } => {
            (reqwest::Method::PUT, at(&work_order.number, ""), whole(work_order, &[]))
        }
        Event::WorkOrderChanged { work_order, changes } => {
            (reqwest::Method::PUT, at(&work_order.number, ""), whole(work_order, changes))
        }
        Event::WorkOrderCancelled { work_order, revision, .. } => {
            (reqwest::Method::POST, at(work_order, "/cancellation"), Body::End { work_order, revision: *revision })
        }
        Event::WorkOrderClosed { work_order, revision, .. } => {
            (reqwest::Method::POST, at(work_order, "/closure"), Body::End { work_order, revision: *revision })
        }
        _ => return None,
    })
}

#[async_trait]
impl Connector for Mes {
    fn carries(&self) -> &'static [EventKind] {
        if self.http.is_some() { CARRIES } else { &[] }
    }

    fn feeds(&self) -> &'static [Feed] {
        &[]
    }

    async fn probe(&self) -> Result<Health, Fault> {
        let Some(http) = &self.http else {
            return Ok(Health {
                system: format!("Shop floor of {}", self.settings.plant),
                clock_skew: None,
                remarks: vec!["It only reports: no address is given, so there is nothing to call.".to_owned()],
            });
        };
        crate::rest::health(http).await
    }

    async fn deliver(&self, delivery: &Outgoing) -> Result<Outcome, Fault> {
        let not_carried = || Fault::Permanent {
            message: format!("Events of kind {} are not carried.", delivery.envelope.event.kind()),
        };
        let http = self.http.as_ref().ok_or_else(not_carried)?;
        let key = delivery.idempotency_key();
        if let Some((method, path, body)) = work_order(delivery) {
            let told = Told {
                event: delivery.envelope.event_id.to_string(),
                sequence: delivery.envelope.subject_version,
                at: delivery.envelope.at,
                body,
            };
            let call = Call::new(method, &path).idempotency_key(key).body(&told)?;
            return outcome(http.send(call).await?.check()?);
        }
        if delivery.is_echo() {
            return Ok(Outcome::accepted(None, true));
        }
        let message = material::message(delivery).ok_or_else(not_carried)?;
        let call = Call::new(message.method.clone(), &message.path).idempotency_key(key).body(&message)?;
        outcome(http.send(call).await?.check()?)
    }

    async fn poll(&self, feed: Feed, _cursor: &Cursor) -> Result<Polled, Fault> {
        Err(Fault::Permanent { message: format!("There is no feed {:?}: a shop floor pushes.", feed.name) })
    }

    fn takes(&self, content_type: &str) -> bool {
        content_type == "application/json" || b2mml::is_xml(content_type)
    }

    fn verify(&self, pushed: &Raw) -> Result<Vec<Raw>, Fault> {
        let given = pushed.headers.iter().find(|(name, _)| name == "authorization").map(|(_, value)| value.as_str());
        let key = given.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
        if key.as_bytes().ct_eq(self.settings.report_key.expose().as_bytes()).unwrap_u8() != 1 {
            let message = "The header authorization must be “Bearer” and the report key of this connection.".to_owned();
            return Err(Fault::Credentials { message });
        }
        let messages = if b2mml::is_xml(&pushed.content_type) {
            b2mml::message(pushed, &pushed.external_key).map(|message| vec![message])
        } else {
            floor::split(pushed, &pushed.external_key)
        };
        messages.map_err(|problem| Fault::Permanent { message: problem.to_string() })
    }

    fn interpret(&self, raw: &Raw) -> Result<Vec<Command>, NotUnderstood> {
        if b2mml::is_xml(&raw.content_type) {
            return b2mml::commands(&raw.body, &raw.external_key, &self.settings.plant);
        }
        Ok(vec![floor::command(&raw.body, &self.settings.plant)?])
    }
}

#[cfg(test)]
mod tests;
