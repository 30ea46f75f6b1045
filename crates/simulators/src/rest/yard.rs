//! The doors for material: what is announced, received, decided and held comes in; own receipts, milestones and stock go out.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, Method, Response, StatusCode};
use axum::routing::{get, post, put};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Erp;
use super::doors::{Asked, Listing};
use super::faults::Door;
use super::material::{Decided, Delivery, Goods, Head, Hold, Lot, Told};
use super::production::{Movement, Posting};

pub fn routes() -> Router<Erp> {
    Router::new()
        .route("/inbound-deliveries/{notice}", put(delivery))
        .route("/inbound-deliveries/{notice}/cancellation", post(cancellation))
        .route("/inbound-deliveries/{notice}/milestones", post(milestone))
        .route("/receipts", get(receipts).post(receipt))
        .route("/receipts/{receipt}/reversal", post(reversal))
        .route("/milestones", get(milestones))
        .route("/lot-decisions", post(decision))
        .route("/holds/{hold}", put(hold))
        .route("/holds/{hold}/release", post(release))
        .route("/work-orders", get(work_orders))
        .route("/work-orders/{number}", put(work_order))
        .route("/work-orders/{number}/cancellation", post(work_order_cancelled))
        .route("/work-orders/{number}/closure", post(work_order_closed))
        .route("/production/consumptions", post(consumption))
        .route("/production/completions", post(completion))
        .route("/production/reversals", post(taken_back))
        .route("/stock", get(stock))
        .route("/stock/changes", get(stock_changes))
}

fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|problem| problem.to_string())
}

/// The head and the rest of a body, as a message.
fn told<T: DeserializeOwned>(body: &Bytes, make: impl FnOnce(T) -> Told) -> Result<(Head, Told), String> {
    Ok((read(body)?, make(read(body)?)))
}

async fn delivery(
    State(erp): State<Erp>,
    Path(notice): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let told = told(&body, Told::Delivery).and_then(|(head, told)| match &told {
        Told::Delivery(Delivery { notice: named, .. }) if *named != notice => {
            Err(format!("The body is about {named}, the address about {notice}."))
        }
        _ => Ok((head, told)),
    });
    take(&erp, Door::InboundDeliveries, Method::PUT, &headers, told).await
}

#[derive(Debug, Deserialize)]
struct Cancellation {
    version: i32,
    delivery_note: String,
    reason: String,
}

async fn cancellation(
    State(erp): State<Erp>,
    Path(notice): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let told = told(&body, |it: Cancellation| Told::Cancellation {
        notice,
        version: it.version,
        delivery_note: it.delivery_note,
        reason: it.reason,
    });
    take(&erp, Door::InboundDeliveries, Method::POST, &headers, told).await
}

#[derive(Debug, Deserialize)]
struct Moved {
    milestone: domain::shipment::Milestone,
    happened_at: chrono::DateTime<chrono::Utc>,
    #[serde(default)]
    arrive_on: Option<chrono::NaiveDate>,
}

async fn milestone(
    State(erp): State<Erp>,
    Path(notice): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let told = told(&body, |it: Moved| Told::Moved {
        notice,
        milestone: it.milestone,
        happened_at: it.happened_at,
        arrive_on: it.arrive_on,
    });
    take(&erp, Door::InboundDeliveries, Method::POST, &headers, told).await
}

async fn receipt(State(erp): State<Erp>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let told = told(&body, |it: Goods| Told::Receipt(it));
    take(&erp, Door::Receipts, Method::POST, &headers, told).await
}

#[derive(Debug, Deserialize)]
struct Because {
    reason: String,
}

async fn reversal(
    State(erp): State<Erp>,
    Path(receipt): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let told = told(&body, |it: Because| Told::Reversal { receipt, reason: it.reason });
    take(&erp, Door::Receipts, Method::POST, &headers, told).await
}

#[derive(Debug, Deserialize)]
struct Decision {
    lot: Lot,
    moves: Vec<Decided>,
    #[serde(default)]
    reason: Option<String>,
}

async fn decision(State(erp): State<Erp>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let told = told(&body, |it: Decision| Told::Decision { lot: it.lot, moves: it.moves, reason: it.reason });
    take(&erp, Door::LotDecisions, Method::POST, &headers, told).await
}

async fn hold(State(erp): State<Erp>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let told = told(&body, |it: Hold| Told::Hold(it));
    take(&erp, Door::Holds, Method::PUT, &headers, told).await
}

#[derive(Debug, Deserialize)]
struct Release {
    disposition: domain::hold::Disposition,
    reason: String,
}

async fn release(State(erp): State<Erp>, Path(hold): Path<String>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let told = told(&body, |it: Release| Told::Release { hold, disposition: it.disposition, reason: it.reason });
    take(&erp, Door::Holds, Method::POST, &headers, told).await
}

async fn consumption(State(erp): State<Erp>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    posting(&erp, Movement::Consumption, &headers, &body).await
}

async fn completion(State(erp): State<Erp>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    posting(&erp, Movement::Completion, &headers, &body).await
}

async fn taken_back(State(erp): State<Erp>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    posting(&erp, Movement::Reversal, &headers, &body).await
}

async fn posting(erp: &Erp, movement: Movement, headers: &HeaderMap, body: &Bytes) -> Response<Body> {
    let told = told(body, |it: Posting| Told::Posting(Posting { movement, ..it }));
    take(erp, Door::Postings, Method::POST, headers, told).await
}

#[derive(Debug, Deserialize)]
struct Whole {
    work_order: Value,
}

async fn work_order(
    State(erp): State<Erp>,
    Path(number): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let told = told(&body, |it: Whole| Told::WorkOrder { number, work_order: it.work_order });
    take(&erp, Door::WorkOrders, Method::PUT, &headers, told).await
}

#[derive(Debug, Deserialize)]
struct End {
    revision: i32,
}

async fn work_order_cancelled(
    State(erp): State<Erp>,
    Path(number): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let told = told(&body, |it: End| Told::WorkOrderEnds { number, cancelled: true, revision: it.revision });
    take(&erp, Door::WorkOrders, Method::POST, &headers, told).await
}

async fn work_order_closed(
    State(erp): State<Erp>,
    Path(number): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let told = told(&body, |it: End| Told::WorkOrderEnds { number, cancelled: false, revision: it.revision });
    take(&erp, Door::WorkOrders, Method::POST, &headers, told).await
}

async fn work_orders(
    State(erp): State<Erp>,
    headers: HeaderMap,
    listing: Result<Query<Listing>, QueryRejection>,
) -> Response<Body> {
    erp.list(Door::Changes, &headers, listing, |erp, listing| {
        let page = erp.book().work_order_page(&listing.wanted());
        json!({"work_orders": page.list, "next": page.next})
    })
    .await
}

async fn take(
    erp: &Erp,
    door: Door,
    method: Method,
    headers: &HeaderMap,
    told: Result<(Head, Told), String>,
) -> Response<Body> {
    let about = told.as_ref().map(|(_, told)| told.about()).unwrap_or_default();
    let asked = Asked { door, method, headers, about: &about, confirmation: None };
    erp.take(&asked, told, |book, key, told| book.take(erp.role, key, told, erp.clock.now())).await
}

#[derive(Debug, Deserialize)]
struct Question {
    plant: String,
    item: String,
}

async fn stock(
    State(erp): State<Erp>,
    headers: HeaderMap,
    question: Result<Query<Question>, QueryRejection>,
) -> Response<Body> {
    let asked = Asked { door: Door::Stock, method: Method::GET, headers: &headers, about: "", confirmation: None };
    let question = question.map(|Query(question)| question).map_err(|problem| problem.body_text());
    erp.reply(&asked, question, |question| {
        let Question { plant, item } = question;
        match erp.book().material().figure(&plant, &item, erp.clock.now()) {
            Some(figure) => erp.answer(StatusCode::OK, json!({"stock": [figure]})),
            None => erp.refusal(&format!("Item {item} is not kept in plant {plant}.")),
        }
    })
    .await
}

async fn receipts(
    State(erp): State<Erp>,
    headers: HeaderMap,
    listing: Result<Query<Listing>, QueryRejection>,
) -> Response<Body> {
    erp.list(Door::Changes, &headers, listing, |erp, listing| {
        let page = erp.book().receipts(&listing.wanted());
        json!({"receipts": page.list, "next": page.next})
    })
    .await
}

async fn milestones(
    State(erp): State<Erp>,
    headers: HeaderMap,
    listing: Result<Query<Listing>, QueryRejection>,
) -> Response<Body> {
    erp.list(Door::Changes, &headers, listing, |erp, listing| {
        let page = erp.book().milestones(&listing.wanted());
        json!({"milestones": page.list, "next": page.next})
    })
    .await
}

async fn stock_changes(
    State(erp): State<Erp>,
    headers: HeaderMap,
    listing: Result<Query<Listing>, QueryRejection>,
) -> Response<Body> {
    erp.list(Door::Changes, &headers, listing, |erp, listing| -> Value {
        let page = erp.book().stock(&listing.wanted());
        json!({"stock": page.list, "next": page.next})
    })
    .await
}
