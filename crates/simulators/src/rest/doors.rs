//! The protocol itself: doors, each of which asks the faults first and then tells the truth. Those for material are in
//! [`super::yard`].

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use axum::routing::{get, post};
use axum::{Json, Router};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};
use tracing::info;

use super::book::{Book, Verdict, Wanted};
use super::faults::{Door, Fault, Loss};
use super::wire::Confirmation;
use super::{Erp, Request, Role};

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
    let struck = erp.struck(&Asked::listing(Door::Health, &headers));
    if let Some(answer) = erp.before(&struck, &headers).await {
        return answer;
    }
    erp.answer(
        StatusCode::OK,
        json!({"name": erp.role.name(), "version": env!("CARGO_PKG_VERSION"), "protocol": PROTOCOL, "time": erp.clock.now()}),
    )
}

/// What a caller wants of a list.
#[derive(Debug, Default, Deserialize)]
pub struct Listing {
    changed_since: Option<DateTime<Utc>>,
    after: Option<String>,
    plant: Option<String>,
    limit: Option<usize>,
}

impl Listing {
    pub fn wanted(&self) -> Wanted<'_> {
        Wanted {
            since: self.changed_since,
            after: self.after.as_deref(),
            plant: self.plant.as_deref(),
            limit: self.limit.unwrap_or(PAGE).clamp(1, PAGE),
        }
    }
}

/// A request, as far as faults and the record of requests care.
pub struct Asked<'a> {
    pub door: Door,
    pub method: Method,
    pub headers: &'a HeaderMap,
    /// The document it is about, where it is about one.
    pub about: &'a str,
    pub confirmation: Option<&'a Confirmation>,
}

impl<'a> Asked<'a> {
    /// A request for a list.
    pub const fn listing(door: Door, headers: &'a HeaderMap) -> Self {
        Self { door, method: Method::GET, headers, about: "", confirmation: None }
    }
}

async fn orders(
    State(erp): State<Erp>,
    headers: HeaderMap,
    listing: Result<Query<Listing>, QueryRejection>,
) -> Response<Body> {
    if erp.role != Role::Erp {
        return erp.error(StatusCode::NOT_FOUND, "unknown", "A warehouse system has no orders.");
    }
    let struck = erp.struck(&Asked::listing(Door::Orders, &headers));
    erp.listed(&struck, &headers, listing, |erp, listing| {
        let page = erp.book().page(&listing.wanted());
        let mut list = page.list;
        if struck.contains(&Fault::Duplicate) {
            list = list.into_iter().flat_map(|order| [order.clone(), order]).collect();
        }
        if struck.contains(&Fault::Reorder) {
            erp.faults().shuffle(&mut list);
        }
        json!({"orders": list, "next": page.next})
    })
    .await
}

async fn confirmations(State(erp): State<Erp>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let confirmation = serde_json::from_slice::<Confirmation>(&body).map_err(|problem| problem.to_string());
    let about = confirmation.as_ref().map(|it| it.order.clone()).unwrap_or_default();
    let seen = confirmation.as_ref().ok().cloned();
    let asked = Asked {
        door: Door::Confirmations,
        method: Method::POST,
        headers: &headers,
        about: &about,
        confirmation: seen.as_ref(),
    };
    erp.take(&asked, confirmation, |book, key, confirmation| book.confirm(key, confirmation, erp.clock.now())).await
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
    fn struck(&self, asked: &Asked<'_>) -> Vec<Fault> {
        let struck = self.faults().strike(asked.door, asked.confirmation);
        info!(http.method = %asked.method, door = ?asked.door, faults = struck.len(), "Simulator: a request came.");
        self.note(Request {
            at: self.clock.now(),
            door: asked.door,
            idempotency_key: idempotency_key(asked.headers),
            order: (!asked.about.is_empty()).then(|| asked.about.to_owned()),
            faults: struck.clone(),
        });
        struck
    }

    /// Answers with a part of a list.
    pub(super) async fn list(
        &self,
        door: Door,
        headers: &HeaderMap,
        listing: Result<Query<Listing>, QueryRejection>,
        list: impl FnOnce(&Self, &Listing) -> Value,
    ) -> Response<Body> {
        let struck = self.struck(&Asked::listing(door, headers));
        self.listed(&struck, headers, listing, list).await
    }

    async fn listed(
        &self,
        struck: &[Fault],
        headers: &HeaderMap,
        listing: Result<Query<Listing>, QueryRejection>,
        list: impl FnOnce(&Self, &Listing) -> Value,
    ) -> Response<Body> {
        if let Some(answer) = self.before(struck, headers).await {
            return answer;
        }
        match listing {
            Ok(Query(listing)) => self.answer(StatusCode::OK, list(self, &listing)),
            Err(problem) => self.error(StatusCode::BAD_REQUEST, "bad_query", &problem.body_text()),
        }
    }

    /// Takes what is told, once for each key.
    pub(super) async fn take<T>(
        &self,
        asked: &Asked<'_>,
        told: Result<T, String>,
        take: impl FnOnce(&mut Book, &str, T) -> anyhow::Result<Verdict>,
    ) -> Response<Body> {
        let key = idempotency_key(asked.headers);
        self.reply(asked, told, |told| {
            let Some(key) = key else {
                return self.error(StatusCode::BAD_REQUEST, "no_key", "The header Idempotency-Key must be there.");
            };
            let verdict = take(&mut self.book(), &key, told);
            match verdict {
                Ok(Verdict::Accepted { document, already }) => {
                    info!(door = ?asked.door, about = asked.about, document, already, "Simulator: it is accepted.");
                    self.answer(
                        StatusCode::OK,
                        json!({"status": "accepted", "document": document, "already": already, "reason": null}),
                    )
                }
                Ok(Verdict::Refused { reason, code }) => self.refused(&reason, code),
                Ok(Verdict::KeyReused) => {
                    self.error(StatusCode::CONFLICT, "key_reused", "The Idempotency-Key was used for another message.")
                }
                Err(problem) => self.error(StatusCode::INTERNAL_SERVER_ERROR, "state", &format!("{problem:#}")),
            }
        })
        .await
    }

    /// Answers a request, with everything that can go wrong before and after.
    pub(super) async fn reply<T>(
        &self,
        asked: &Asked<'_>,
        request: Result<T, String>,
        reply: impl FnOnce(T) -> Response<Body>,
    ) -> Response<Body> {
        let struck = self.struck(asked);
        if let Some(answer) = self.before(&struck, asked.headers).await {
            return answer;
        }
        let request = match request {
            Ok(request) => request,
            Err(problem) => return self.error(StatusCode::BAD_REQUEST, "bad_body", &problem),
        };
        for fault in &struck {
            match fault {
                Fault::ErrorBodyWith200 => {
                    return self.error(StatusCode::OK, "internal", "The posting ended in a dump.");
                }
                Fault::UnknownStatus => {
                    return self.answer(StatusCode::OK, json!({"status": "in_workflow_4711", "document": null}));
                }
                Fault::Locked => {
                    return self.error(StatusCode::CONFLICT, "locked", "The order is locked by user HBRANDT.");
                }
                Fault::Refuse { reason, .. } => return self.refusal(reason),
                Fault::Forget => {
                    return self.answer(
                        StatusCode::OK,
                        json!({"status": "accepted", "document": "5999999", "already": false, "reason": null}),
                    );
                }
                _ => {}
            }
        }
        let answer = reply(request);
        for fault in &struck {
            if let Fault::LoseAnswers { how } = fault {
                return match how {
                    Loss::Drop => hang_up(),
                    Loss::Error => self.error(StatusCode::INTERNAL_SERVER_ERROR, "lost", "The answer got lost."),
                    Loss::Hang => self.silence().await,
                };
            }
        }
        answer
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

    pub(super) fn refusal(&self, reason: &str) -> Response<Body> {
        self.refused(reason, "refused")
    }

    /// A no with its word, by which postings are grouped.
    fn refused(&self, reason: &str, code: &str) -> Response<Body> {
        info!(reason, code, "Simulator: it is refused.");
        self.answer(
            StatusCode::UNPROCESSABLE_ENTITY,
            json!({
                "status": "refused", "document": null, "already": false, "reason": reason,
                "error": {"code": code, "message": reason},
            }),
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
