//! The protocol itself: three doors, each of which asks the faults first and then tells the truth.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use axum::routing::{get, post};
use axum::{Json, Router};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};
use tracing::info;

use super::book::Verdict;
use super::faults::{Door, Fault, Loss};
use super::wire::Confirmation;
use super::{Erp, Request};

/// The version of the protocol.
const PROTOCOL: &str = "interlock-rest/1";
/// The most orders in one answer.
const PAGE: usize = 500;

/// Marks an answer that is never sent: the connection is broken off instead.
#[derive(Debug, Clone, Copy)]
pub struct HangUp;

pub fn routes() -> Router<Erp> {
    Router::new()
        .route("/health", get(health))
        .route("/orders", get(orders))
        .route("/confirmations", post(confirmations))
}

async fn health(State(erp): State<Erp>, headers: HeaderMap) -> Response<Body> {
    let struck = erp.struck(Door::Health, Method::GET, &headers, None);
    if let Some(answer) = erp.before(&struck, &headers).await {
        return answer;
    }
    erp.answer(
        StatusCode::OK,
        json!({"name": "Simulated ERP", "version": env!("CARGO_PKG_VERSION"), "protocol": PROTOCOL, "time": erp.clock.now()}),
    )
}

#[derive(Debug, Deserialize)]
struct Listing {
    changed_since: Option<DateTime<Utc>>,
    after: Option<String>,
    plant: Option<String>,
    limit: Option<usize>,
}

async fn orders(
    State(erp): State<Erp>,
    headers: HeaderMap,
    listing: Result<Query<Listing>, axum::extract::rejection::QueryRejection>,
) -> Response<Body> {
    let struck = erp.struck(Door::Orders, Method::GET, &headers, None);
    if let Some(answer) = erp.before(&struck, &headers).await {
        return answer;
    }
    let listing = match listing {
        Ok(Query(listing)) => listing,
        Err(problem) => return erp.error(StatusCode::BAD_REQUEST, "bad_query", &problem.body_text()),
    };
    let limit = listing.limit.unwrap_or(PAGE).clamp(1, PAGE);
    let page = erp.book().page(listing.changed_since, listing.after.as_deref(), listing.plant.as_deref(), limit);
    let mut list = page.orders;
    if struck.contains(&Fault::Duplicate) {
        list = list.into_iter().flat_map(|order| [order.clone(), order]).collect();
    }
    if struck.contains(&Fault::Reorder) {
        erp.faults().shuffle(&mut list);
    }
    erp.answer(StatusCode::OK, json!({"orders": list, "next": page.next}))
}

async fn confirmations(State(erp): State<Erp>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let confirmation = serde_json::from_slice::<Confirmation>(&body);
    let struck = erp.struck(Door::Confirmations, Method::POST, &headers, confirmation.as_ref().ok());
    if let Some(answer) = erp.before(&struck, &headers).await {
        return answer;
    }
    let Some(key) = idempotency_key(&headers) else {
        return erp.error(StatusCode::BAD_REQUEST, "no_key", "The header Idempotency-Key must be there.");
    };
    let confirmation = match confirmation {
        Ok(confirmation) => confirmation,
        Err(problem) => return erp.error(StatusCode::BAD_REQUEST, "bad_body", &problem.to_string()),
    };
    for fault in &struck {
        match fault {
            Fault::ErrorBodyWith200 => {
                return erp.error(StatusCode::OK, "internal", "The posting ended in a dump.");
            }
            Fault::UnknownStatus => {
                return erp.answer(StatusCode::OK, json!({"status": "in_workflow_4711", "document": null}));
            }
            Fault::Locked => return erp.error(StatusCode::CONFLICT, "locked", "The order is locked by user HBRANDT."),
            Fault::Refuse { reason, .. } => return erp.refusal(reason),
            Fault::Forget => {
                return erp.answer(
                    StatusCode::OK,
                    json!({"status": "accepted", "document": "5999999", "already": false, "reason": null}),
                );
            }
            _ => {}
        }
    }
    let order = confirmation.order.clone();
    let verdict = erp.book().confirm(&key, confirmation, erp.clock.now());
    let answer = match verdict {
        Ok(Verdict::Accepted { document, already }) => {
            info!(order.number = order, document, already, "Simulator: a confirmation is accepted.");
            erp.answer(
                StatusCode::OK,
                json!({"status": "accepted", "document": document, "already": already, "reason": null}),
            )
        }
        Ok(Verdict::Refused { reason }) => erp.refusal(&reason),
        Ok(Verdict::KeyReused) => {
            erp.error(StatusCode::CONFLICT, "key_reused", "The Idempotency-Key was used for another confirmation.")
        }
        Err(problem) => erp.error(StatusCode::INTERNAL_SERVER_ERROR, "state", &format!("{problem:#}")),
    };
    for fault in &struck {
        if let Fault::LoseAnswers { how } = fault {
            return match how {
                Loss::Drop => hang_up(),
                Loss::Error => erp.error(StatusCode::INTERNAL_SERVER_ERROR, "lost", "The answer got lost."),
                Loss::Hang => erp.silence().await,
            };
        }
    }
    answer
}

fn idempotency_key(headers: &HeaderMap) -> Option<String> {
    let key = headers.get("idempotency-key")?.to_str().ok()?.trim();
    (!key.is_empty()).then(|| key.to_owned())
}

fn hang_up() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    response.extensions_mut().insert(HangUp);
    response
}

impl Erp {
    fn struck(
        &self,
        door: Door,
        method: Method,
        headers: &HeaderMap,
        confirmation: Option<&Confirmation>,
    ) -> Vec<Fault> {
        let struck = self.faults().strike(door, confirmation);
        info!(http.method = %method, door = ?door, faults = struck.len(), "Simulator: a request came.");
        self.note(Request {
            at: self.clock.now(),
            door,
            idempotency_key: idempotency_key(headers),
            order: confirmation.map(|confirmation| confirmation.order.clone()),
            faults: struck.clone(),
        });
        struck
    }

    /// The faults that come before anything happens, and the key.
    async fn before(&self, struck: &[Fault], headers: &HeaderMap) -> Option<Response<Body>> {
        for fault in struck {
            match fault {
                Fault::Slow { ms } => tokio::time::sleep(Duration::from_millis(*ms)).await,
                Fault::Hang => return Some(self.silence().await),
                Fault::Down | Fault::LoseRequests => return Some(hang_up()),
                Fault::Maintenance { retry_after } => {
                    let answer = self.error(StatusCode::SERVICE_UNAVAILABLE, "maintenance", "Closed for maintenance.");
                    return Some(wait(answer, *retry_after));
                }
                Fault::RateLimit { retry_after } => {
                    let answer = self.error(StatusCode::TOO_MANY_REQUESTS, "rate_limited", "Too many calls.");
                    return Some(wait(answer, *retry_after));
                }
                Fault::ServerError => {
                    return Some(self.error(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something broke."));
                }
                Fault::BadRequest => {
                    return Some(self.error(StatusCode::BAD_REQUEST, "bad_request", "This is not understood."));
                }
                Fault::WrongCredentials => return Some(self.who_are_you()),
                _ => {}
            }
        }
        let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        (given.strip_prefix("Bearer ") != Some(&*self.api_key)).then(|| self.who_are_you())
    }

    /// No answer until the faults are cleared or the simulator ends; at most a few minutes, so that nothing piles up.
    async fn silence(&self) -> Response<Body> {
        let _ = tokio::time::timeout(Duration::from_secs(600), self.calmed.notified()).await;
        hang_up()
    }

    fn who_are_you(&self) -> Response<Body> {
        self.error(StatusCode::UNAUTHORIZED, "unauthorized", "The API key is not known.")
    }

    fn refusal(&self, reason: &str) -> Response<Body> {
        info!(reason, "Simulator: a confirmation is refused.");
        self.answer(
            StatusCode::UNPROCESSABLE_ENTITY,
            json!({"status": "refused", "document": null, "already": false, "reason": reason}),
        )
    }

    pub(super) fn error(&self, status: StatusCode, code: &str, message: &str) -> Response<Body> {
        self.answer(status, json!({"error": {"code": code, "message": message}}))
    }

    /// Every answer says what it comes from and what time it is there.
    pub(super) fn answer(&self, status: StatusCode, mut body: Value) -> Response<Body> {
        if let Value::Object(fields) = &mut body {
            fields.insert("simulated".to_owned(), Value::Bool(true));
        }
        let (mut parts, body) = axum::response::IntoResponse::into_response(Json(body)).into_parts();
        parts.status = status;
        parts.headers.insert("x-simulated", HeaderValue::from_static("interlock-simulator"));
        let date = self.clock.now().format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        if let Ok(date) = HeaderValue::from_str(&date) {
            parts.headers.insert(header::DATE, date);
        }
        Response::from_parts(parts, body)
    }
}

fn wait(mut answer: Response<Body>, seconds: u64) -> Response<Body> {
    answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    answer
}
