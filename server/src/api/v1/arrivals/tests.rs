//! Knocks at the door as a system would, with a real database and a real signature.

use std::sync::Arc;

use app::error::AppError;
use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use connectors::settings::{Secrets, SettingsProblem};
use domain::exchange::{ArrivalState, Stage};
use hmac::{Hmac, Mac as _};
use http::{Request, StatusCode};
use serde_json::{Value, json};
use sha2::Sha256;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use store::arrivals::{self, End};
use store::connections::{Configured, Takes};
use store::files::Files;
use store::{Clock, Store, Who, connections};
use tower::ServiceExt as _;
use worker::systems::Systems;

use crate::api::{Entry, router};
use crate::intake::Intake;

/// 2026-12-01T08:00:00Z.
const NOW: i64 = 1_796_112_000;

struct Known;

impl Secrets for Known {
    fn read(&self, reference: &str) -> Result<String, SettingsProblem> {
        Ok(format!("the secret behind {reference}"))
    }
}

async fn entry(pool: PgPoolOptions, options: PgConnectOptions) -> Entry {
    let now = chrono::DateTime::from_timestamp(NOW, 0).expect("a time");
    let store = Store::for_test(pool, options, Clock::standing_at(now)).await.expect("the database answers");
    let mut tx = store.begin(Who::program("test", store.new_correlation())).await.expect("a transaction");
    let configured = Configured {
        name: "ERP".to_owned(),
        plant_id: None,
        takes: Takes::Own,
        stage: Stage::Test,
        settings: json!({ "base_url": "http://127.0.0.1:9", "api_key": "env:KEY", "push_secret": "env:PUSH" }),
        in_flight_limit: 8,
    };
    connections::add(&mut tx, "rest", &configured, &["orders"]).await.expect("a connection");
    tx.commit().await.expect("a commit");
    Entry { store, systems: Arc::new(Systems::new(Arc::new(Known))) }
}

/// A message as the ERP would sign it.
fn pushed(id: &str, body: &str) -> http::request::Builder {
    let mut mac = Hmac::<Sha256>::new_from_slice(b"the secret behind env:PUSH").expect("a key");
    mac.update(format!("{id}.{NOW}.{body}").as_bytes());
    Request::post("/api/v1/arrivals/ERP")
        .header("content-type", "application/json; charset=utf-8")
        .header("webhook-id", id)
        .header("webhook-timestamp", NOW.to_string())
        .header("webhook-signature", format!("v1,{}", BASE64.encode(mac.finalize().into_bytes())))
}

/// The status, what is told when it is a no, and the body when it is a yes.
async fn knock(entry: &Entry, request: Request<Body>) -> (StatusCode, Option<AppError>, Value) {
    // Nobody sends files here.
    let files = Files::in_folder(&std::env::temp_dir().join("interlock-arrivals-tests")).expect("a folder");
    let doors = router(entry.clone(), Intake::new(files, None, 0));
    let mut response = doors.oneshot(request).await.expect("an answer");
    let error = response.extensions_mut().remove::<AppError>();
    let status = response.status();
    let body = axum::body::to_bytes(response.into_body(), 65_536).await.expect("a body");
    (status, error, serde_json::from_slice(&body).unwrap_or_default())
}

fn acknowledgement(order: &str) -> String {
    json!({ "type": "confirmation_acknowledged", "order": order, "document": "AB-1", "at": "2026-12-01T07:59:00Z" })
        .to_string()
}

#[sqlx::test(migrations = "../migrations")]
async fn a_signed_message_is_stored_and_sent_again_it_gets_the_first_outcome(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let entry = entry(pool, options).await;
    let body = acknowledgement("4500001");
    let send = || pushed("msg-1", &body).body(Body::from(body.clone())).expect("a request");
    let (status, _, first) = knock(&entry, send()).await;
    assert_eq!((status, &first["state"]), (StatusCode::ACCEPTED, &json!("received")));
    assert!(first["correlation_id"].is_string());

    // It is filed under its order, so that messages about one order keep their order.
    let mut tx = entry.store.begin(Who::program("test", entry.store.new_correlation())).await.expect("a transaction");
    let erp = connections::named(&mut tx, "ERP").await.expect("the connection");
    let arrival = arrivals::lease(&mut tx, erp, "4500001").await.expect("asked").expect("the message");
    assert_eq!(arrival.body, body);
    assert_eq!(json!(arrival.correlation), first["correlation_id"]);
    let end = End::Refused("order was not found".to_owned());
    arrivals::finish(&mut tx, arrival.arrival_id, &end).await.expect("finished");
    tx.commit().await.expect("a commit");

    let (status, _, again) = knock(&entry, send()).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(again["arrival_id"], first["arrival_id"]);
    assert_eq!((&again["state"], &again["outcome"]), (&json!(ArrivalState::Refused), &json!("order was not found")));

    let other = acknowledgement("4500002");
    let (status, error, _) =
        knock(&entry, pushed("msg-1", &other).body(Body::from(other.clone())).expect("a request")).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(error.expect("words").to_string().contains("under a new id"));
}

#[sqlx::test(migrations = "../migrations")]
async fn what_cannot_be_taken_is_told_how_to_mend_it_and_not_stored(pool: PgPoolOptions, options: PgConnectOptions) {
    let entry = entry(pool, options).await;
    let body = acknowledgement("4500001");
    let good = || pushed("msg-1", &body);
    let torn = "{\"type\": ";
    let large = "x".repeat(super::LARGEST + 1);
    let build =
        |builder: http::request::Builder, body: &str| builder.body(Body::from(body.to_owned())).expect("a request");
    let strip = |name: &str| {
        let mut request = build(good(), &body);
        request.headers_mut().remove(name);
        request
    };
    let retarget = |path: &str| {
        let mut request = build(good(), &body);
        *request.uri_mut() = path.parse().expect("a path");
        request
    };
    let mut text = build(good(), &body);
    text.headers_mut().insert("content-type", http::HeaderValue::from_static("text/plain"));
    // Our own header cannot be brought along to make an old message look fresh.
    let mut old = build(good(), &body);
    old.headers_mut().insert("webhook-timestamp", http::HeaderValue::from_static("1796000000"));
    old.headers_mut().insert("x-received-at", http::HeaderValue::from_static("2026-11-30T00:53:20Z"));
    for (request, status, says) in [
        (text, 415, "application/json"),
        (strip("content-type"), 415, "application/json"),
        (build(pushed("msg-1", &large), &large), 413, "1024 KiB"),
        (strip("webhook-id"), 400, "webhook-id"),
        (strip("webhook-signature"), 401, "webhook-signature"),
        (build(good(), &body.replace("4500001", "4500002")), 401, "signature"),
        (old, 401, "five minutes"),
        (build(pushed("msg-1", torn), torn), 400, "not JSON: EOF"),
        (retarget("/api/v1/arrivals/nobody"), 404, "A connection \"nobody\" was not found"),
        (retarget("/api/v1/arrivals/01935d1e-7a3c-7000-8000-000000000000"), 404, "was not found"),
    ] {
        let (given, error, _) = knock(&entry, request).await;
        let words = error.expect("words").to_string();
        assert_eq!(given.as_u16(), status, "{words}");
        assert!(words.contains(says), "{words}");
    }
    let mut tx = entry.store.begin(Who::program("test", entry.store.new_correlation())).await.expect("a transaction");
    assert_eq!(arrivals::waiting(&mut tx).await.expect("asked"), []);
}
