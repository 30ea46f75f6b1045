//! `POST /api/v1/arrivals/{connection}`: what other systems push to us.
//!
//! The connector of the connection says whether the message is from whom it says. It is stored raw before anybody acts on
//! it; what becomes of it is the worker's. The same message again gets the first outcome.
//!
//! | Answer | Means |
//! |---|---|
//! | 202 | stored; `arrival_id` is its name from now on |
//! | 200 | came before; with what became of it so far |
//! | 400, 413, 415 | not JSON, too large, or without an id |
//! | 401 | not from whom it says |
//! | 404 | there is no such connection |
//! | 409 | another content came under this id before; both are kept |

use app::error::AppError;
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use connectors::{Connector, Fault, Raw};
use domain::access::{Actor, Scope};
use domain::command::Command;
use domain::id::{ConnectionId, CorrelationId};
use http::{HeaderMap, StatusCode, header};
use serde::de::IgnoredAny;
use serde_json::json;
use store::arrivals::{self, Incoming};
use store::connections::{self, Connection};
use store::{CommandError, StoreError, Who};

use crate::answers::refuse;
use crate::api::Entry;

/// The largest message, in bytes. An order of two thousand lines has about half of it.
const LARGEST: usize = 1024 * 1024;
/// Names a message at its sender (Standard Webhooks).
const ID: &str = "webhook-id";
/// When we got it, by our clock; whatever came in under this name is thrown away.
const RECEIVED_AT: &str = "x-received-at";

/// Takes one message.
pub async fn take(State(entry): State<Entry>, Path(connection): Path<String>, request: Request) -> Response {
    let correlation =
        request.extensions().get::<CorrelationId>().copied().unwrap_or_else(|| entry.store.new_correlation());
    let (parts, body) = request.into_parts();
    match taken(&entry, correlation, &connection, &parts.headers, body).await {
        Ok(response) => response,
        Err(error) => refuse(error),
    }
}

async fn taken(
    entry: &Entry,
    correlation: CorrelationId,
    connection: &str,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, AppError> {
    let content_type = json_only(headers)?;
    let body = read(headers, body).await?;
    let connection = find(entry, correlation, connection).await?;
    let connector = entry.systems.connector(&connection).map_err(|problem| {
        tracing::warn!(
            connection.name = connection.configured.name, error = %problem,
            "A message could not be taken: the connection's settings must be mended"
        );
        malformed(503, "This connection is not ready to take messages. Send it again later.")
    })?;
    let raw = message(entry, headers, content_type, body)?;
    connector.verify(&raw).map_err(|fault| unproven(&connection, correlation, &fault))?;
    serde_json::from_str::<IgnoredAny>(&raw.body).map_err(|error| {
        malformed(400, format!("The body is not JSON: {error}. Nothing was stored; send it again mended."))
    })?;
    store(entry, correlation, &connection, &*connector, raw).await
}

fn malformed(status: u16, message: impl Into<String>) -> AppError {
    AppError::Malformed { status, message: message.into() }
}

fn json_only(headers: &HeaderMap) -> Result<String, AppError> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = given.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("application/json") {
        return Ok(kind.to_ascii_lowercase());
    }
    Err(malformed(415, "Send JSON, with the header content-type: application/json."))
}

async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes, AppError> {
    let too_large = || AppError::Malformed {
        status: 413,
        message: format!("The message is larger than {} KiB. Send each order as a message of its own.", LARGEST / 1024),
    };
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > LARGEST) {
        return Err(too_large());
    }
    match http_body_util::BodyExt::collect(http_body_util::Limited::new(body, LARGEST)).await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => Err(too_large()),
        Err(_) => Err(malformed(400, "The request broke off before its end. Send it again.")),
    }
}

/// By its id, or by its name.
async fn find(entry: &Entry, correlation: CorrelationId, connection: &str) -> Result<Connection, AppError> {
    let found = async {
        let mut tx = entry.store.read(Who::program("arrivals", correlation)).await?;
        let id = match connection.parse::<ConnectionId>() {
            Ok(id) => id,
            Err(_) => connections::named(&mut tx, connection).await?,
        };
        connections::get(&mut tx, id).await
    };
    found.await.map_err(|error| match error {
        CommandError::NotFound { .. } => AppError::NotFound { what: format!("A connection {connection:?}") },
        CommandError::Store(problem) => unwell(correlation, &problem),
        other => AppError::Invalid { message: other.to_string() },
    })
}

fn message(entry: &Entry, headers: &HeaderMap, content_type: String, body: Bytes) -> Result<Raw, AppError> {
    let external_key =
        headers.get(ID).and_then(|value| value.to_str().ok()).map(str::trim).unwrap_or_default().to_owned();
    if external_key.is_empty() {
        let words =
            "Give each message an id of its own in the header webhook-id; the same id again is the same message.";
        return Err(malformed(400, words));
    }
    let body = String::from_utf8(body.into())
        .map_err(|_| malformed(400, "The body is not UTF-8. Nothing was stored; send it again mended."))?;
    let mut headers: Vec<(String, String)> = headers
        .iter()
        .filter(|(name, _)| name.as_str() != RECEIVED_AT)
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
        .collect();
    headers.push((RECEIVED_AT.to_owned(), entry.store.clock().now().to_rfc3339()));
    let subject = external_key.clone();
    Ok(Raw { external_key, subject, channel: "push".to_owned(), content_type, body, headers })
}

fn unproven(connection: &Connection, correlation: CorrelationId, fault: &Fault) -> AppError {
    tracing::warn!(
        connection.name = connection.configured.name, correlation.id = %correlation, fault.class = %fault.class(),
        fault.message = %fault, "A pushed message was turned away"
    );
    let status = match fault {
        Fault::Credentials { .. } => 401,
        Fault::Temporary { .. } | Fault::Down { .. } => 503,
        Fault::Contract { .. } | Fault::Permanent { .. } => 400,
    };
    malformed(status, fault.to_string())
}

async fn store(
    entry: &Entry,
    correlation: CorrelationId,
    connection: &Connection,
    connector: &dyn Connector,
    raw: Raw,
) -> Result<Response, AppError> {
    let incoming = Incoming {
        subject: subject(connector, &raw),
        external_key: raw.external_key,
        channel: raw.channel,
        content_type: raw.content_type,
        body: raw.body,
        correlation,
    };
    let who = Who {
        actor: Actor::System { connection_id: connection.connection_id, name: connection.configured.name.clone() },
        scope: Scope::All,
        correlation,
        address: None,
    };
    let accepted = async {
        let mut tx = entry.store.begin(who).await?;
        let accepted = arrivals::accept(&mut tx, connection.connection_id, &[incoming]).await?;
        tx.commit().await?;
        accepted.into_iter().next().ok_or_else(|| StoreError::unreadable("arrival", "nothing was accepted"))
    };
    let accepted = accepted.await.map_err(|problem| unwell(correlation, &problem))?;
    if let Some(other) = accepted.conflicts_with {
        return Err(AppError::Conflict {
            message: format!(
                "Another content came under this webhook-id before, as arrival {other}. This one is kept as arrival {} and \
                 not applied. Send changed content under a new id.",
                accepted.arrival_id
            ),
        });
    }
    let status = if accepted.is_new { StatusCode::ACCEPTED } else { StatusCode::OK };
    let answer = json!({
        "arrival_id": accepted.arrival_id, "state": accepted.state, "outcome": accepted.outcome, "correlation_id": correlation,
    });
    Ok((status, Json(answer)).into_response())
}

/// What a message is about, so that messages about one order keep their order. One that is not understood is about itself.
fn subject(connector: &dyn Connector, raw: &Raw) -> String {
    let commands = connector.interpret(raw).unwrap_or_default();
    commands.first().map_or(raw.external_key.as_str(), Command::subject).to_owned()
}

fn unwell(correlation: CorrelationId, problem: &StoreError) -> AppError {
    tracing::error!(
        correlation.id = %correlation, error = problem as &dyn std::error::Error,
        "A pushed message could not be stored; its sender was asked to send it again"
    );
    AppError::Unavailable { correlation: correlation.to_string() }
}

#[cfg(test)]
mod tests;
