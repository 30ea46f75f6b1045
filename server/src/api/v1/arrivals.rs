//! `POST /api/v1/arrivals/{connection}`: what other systems push to us.
//!
//! The connector of the connection says whether the message is from whom it says. It is stored raw before anybody acts on
//! it; what becomes of it is the worker's. The same message again gets the first outcome. A shop floor may send many messages
//! in one call; then the answer has a line for each.
//!
//! | Answer | Means |
//! |---|---|
//! | 202 | stored; `arrival_id` is its name from now on |
//! | 200 | came before; with what became of it so far |
//! | 400, 413, 415 | not JSON (or XML, where the connector reads it), too large, or without an id |
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
use domain::id::{ConnectionId, CorrelationId};
use http::{HeaderMap, StatusCode, header};
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use store::arrivals::{self, Incoming};
use store::connections::{self, Connection};
use store::{CommandError, StoreError, Who};

use crate::answers::refuse;
use crate::api::Entry;

const JSON: &str = "application/json";
const XML: &str = "application/xml";
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
    let content_type = content_type(headers);
    let body = read(headers, body).await?;
    let connection = find(entry, correlation, connection).await?;
    let connector = entry.systems.connector(&connection).map_err(|problem| {
        tracing::warn!(
            connection.name = connection.configured.name, error = %problem,
            "A message could not be taken: the connection's settings must be mended"
        );
        malformed(503, "This connection is not ready to take messages. Send it again later.")
    })?;
    if !connector.takes(&content_type) {
        return Err(malformed(415, words_for_type(&*connector)));
    }
    let raw = message(entry, headers, content_type, body)?;
    let messages = connector.verify(&raw).map_err(|fault| unproven(&connection, correlation, &fault))?;
    if raw.content_type == JSON {
        serde_json::from_str::<IgnoredAny>(&raw.body).map_err(|error| {
            malformed(400, format!("The body is not JSON: {error}. Nothing was stored; send it again mended."))
        })?;
    }
    store(entry, correlation, &connection, messages).await
}

fn malformed(status: u16, message: impl Into<String>) -> AppError {
    AppError::Malformed { status, message: message.into() }
}

/// Without its parameters.
fn content_type(headers: &HeaderMap) -> String {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn words_for_type(connector: &dyn Connector) -> &'static str {
    if connector.takes(XML) {
        "Send JSON or B2MML, with the header content-type: application/json or application/xml."
    } else {
        "Send JSON, with the header content-type: application/json."
    }
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
    // Whoever sends reports with his own key names each message inside.
    if external_key.is_empty() && !headers.contains_key(header::AUTHORIZATION) {
        let words =
            "Give each message an id of its own in the header webhook-id; the same id again is the same message.";
        return Err(malformed(400, words));
    }
    let body = String::from_utf8(body.into())
        .map_err(|_| malformed(400, "The body is not UTF-8. Nothing was stored; send it again mended."))?;
    let external_key = if external_key.is_empty() { hash(&body) } else { external_key };
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

/// Stores what came, in one transaction, and says what became of each so far.
async fn store(
    entry: &Entry,
    correlation: CorrelationId,
    connection: &Connection,
    messages: Vec<Raw>,
) -> Result<Response, AppError> {
    let single = messages.len() == 1;
    let ids: Vec<String> = messages.iter().map(|raw| raw.external_key.clone()).collect();
    let incoming: Vec<Incoming> = messages
        .into_iter()
        .map(|raw| Incoming {
            subject: raw.subject,
            external_key: raw.external_key,
            channel: raw.channel,
            content_type: raw.content_type,
            body: raw.body,
            correlation,
        })
        .collect();
    let who = Who {
        actor: Actor::System { connection_id: connection.connection_id, name: connection.configured.name.clone() },
        scope: Scope::All,
        correlation,
        address: None,
    };
    let accepted = async {
        let mut tx = entry.store.begin(who).await?;
        let accepted = arrivals::accept(&mut tx, connection.connection_id, &incoming).await?;
        tx.commit().await?;
        Ok::<_, StoreError>(accepted)
    };
    let accepted = accepted.await.map_err(|problem| unwell(correlation, &problem))?;
    if let (true, Some((first, other))) =
        (single, accepted.first().and_then(|first| Some((first, first.conflicts_with?))))
    {
        return Err(AppError::Conflict {
            message: format!(
                "Another content came under this id before, as arrival {other}. This one is kept as arrival {} and not \
                 applied. Send changed content under a new id.",
                first.arrival_id
            ),
        });
    }
    let status = if accepted.iter().any(|one| one.is_new) { StatusCode::ACCEPTED } else { StatusCode::OK };
    let told = ids.iter().zip(&accepted).map(|(id, one)| {
        json!({
            "id": id, "arrival_id": one.arrival_id, "state": one.state, "outcome": one.outcome,
            "correlation_id": correlation, "conflicts_with": one.conflicts_with,
        })
    });
    let told: Vec<Value> = told.collect();
    let answer = match told.as_slice() {
        [one] if single => one.clone(),
        all => json!({ "messages": all, "correlation_id": correlation }),
    };
    Ok((status, Json(answer)).into_response())
}

fn hash(body: &str) -> String {
    let digest = Sha256::digest(body);
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
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
