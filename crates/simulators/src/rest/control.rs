//! The back door `/_control`: what a test or a person does to the simulated ERP, and what he may look at.

use axum::body::Body;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::{Response, StatusCode};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use chrono::NaiveDate;
use domain::order::OrderStatus;
use domain::shipment::Milestone;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Erp;
use super::faults::Rule;
use super::material::{Count, Expected, OwnReceipt, Seen};
use super::production::WorkOrder;
use super::wire::{Change, Order};

pub fn routes() -> Router<Erp> {
    Router::new()
        .route("/accepted", get(accepted))
        .route("/requests", get(requests))
        .route("/orders", get(orders).post(put))
        .route("/orders/{number}", get(order))
        .route("/orders/{number}/changes", post(change))
        .route("/orders/{number}/{status}", post(set_status))
        .route("/work-orders", get(work_orders).post(plan))
        .route("/taken", get(taken))
        .route("/inbound-deliveries", get(expected))
        .route("/inbound-deliveries/{notice}/receive", post(receive))
        .route("/inbound-deliveries/{notice}/milestones", post(see))
        .route("/receipts", get(receipts))
        .route("/receipts/{number}/reverse", post(reverse))
        .route("/holds", get(holds))
        .route("/faults", get(faults).post(add).delete(clear))
        .route("/faults/{id}", delete(remove))
}

async fn accepted(State(erp): State<Erp>) -> Response<Body> {
    let accepted = erp.book().accepted().to_vec();
    erp.answer(StatusCode::OK, json!({"accepted": accepted}))
}

async fn requests(State(erp): State<Erp>) -> Response<Body> {
    let requests = erp.requests();
    erp.answer(StatusCode::OK, json!({"requests": requests}))
}

async fn orders(State(erp): State<Erp>) -> Response<Body> {
    let orders: Vec<Order> = erp.book().orders().cloned().collect();
    erp.answer(StatusCode::OK, json!({"orders": orders}))
}

async fn work_orders(State(erp): State<Erp>) -> Response<Body> {
    let orders: Vec<WorkOrder> = erp.book().work_orders().values().cloned().collect();
    erp.answer(StatusCode::OK, json!({"work_orders": orders}))
}

async fn plan(State(erp): State<Erp>, order: Result<Json<WorkOrder>, JsonRejection>) -> Response<Body> {
    match order {
        Ok(Json(order)) => match erp.book().put_work_order(order, erp.clock.now()) {
            Ok(order) => erp.answer(StatusCode::OK, json!({"work_order": order})),
            Err(problem) => erp.error(StatusCode::INTERNAL_SERVER_ERROR, "state", &format!("{problem:#}")),
        },
        Err(problem) => erp.error(StatusCode::BAD_REQUEST, "bad_body", &problem.body_text()),
    }
}

async fn order(State(erp): State<Erp>, Path(number): Path<String>) -> Response<Body> {
    let order = erp.book().order(&number).cloned();
    match order {
        Some(order) => erp.answer(StatusCode::OK, json!({"order": order})),
        None => erp.error(StatusCode::NOT_FOUND, "unknown", &format!("There is no order {number}.")),
    }
}

async fn put(State(erp): State<Erp>, order: Result<Json<Order>, JsonRejection>) -> Response<Body> {
    match order {
        Ok(Json(order)) => {
            let kept = erp.book().put(order, erp.clock.now());
            erp.told(kept)
        }
        Err(problem) => erp.error(StatusCode::BAD_REQUEST, "bad_body", &problem.body_text()),
    }
}

async fn change(
    State(erp): State<Erp>,
    Path(number): Path<String>,
    changes: Result<Json<Vec<Change>>, JsonRejection>,
) -> Response<Body> {
    match changes {
        Ok(Json(changes)) => {
            let kept = erp.book().change(&number, &changes, erp.clock.now());
            erp.told(kept)
        }
        Err(problem) => erp.error(StatusCode::BAD_REQUEST, "bad_body", &problem.body_text()),
    }
}

async fn set_status(State(erp): State<Erp>, Path((number, verb)): Path<(String, String)>) -> Response<Body> {
    let status = match verb.as_str() {
        "cancel" => OrderStatus::Cancelled,
        "close" => OrderStatus::Closed,
        "reopen" => OrderStatus::Open,
        _ => return erp.error(StatusCode::NOT_FOUND, "unknown", "Say changes, cancel, close or reopen."),
    };
    let kept = erp.book().set_status(&number, status, erp.clock.now());
    erp.told(kept)
}

async fn taken(State(erp): State<Erp>) -> Response<Body> {
    let taken = erp.book().material().taken().to_vec();
    erp.answer(StatusCode::OK, json!({"taken": taken}))
}

async fn expected(State(erp): State<Erp>) -> Response<Body> {
    let expected: Vec<Expected> = erp.book().material().expected().cloned().collect();
    erp.answer(StatusCode::OK, json!({"inbound_deliveries": expected}))
}

async fn receipts(State(erp): State<Erp>) -> Response<Body> {
    let receipts = erp.book().material().receipts().to_vec();
    erp.answer(StatusCode::OK, json!({"receipts": receipts}))
}

async fn holds(State(erp): State<Erp>) -> Response<Body> {
    let holds: Vec<Value> =
        erp.book().material().holds().map(|(hold, active)| json!({"hold": hold, "active": active})).collect();
    erp.answer(StatusCode::OK, json!({"holds": holds}))
}

/// How a ship notice is received.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Receiving {
    /// What is counted otherwise than announced.
    counts: Vec<Count>,
    /// Nothing more comes.
    complete: bool,
}

impl Default for Receiving {
    fn default() -> Self {
        Self { counts: Vec::new(), complete: true }
    }
}

async fn receive(
    State(erp): State<Erp>,
    Path(notice): Path<String>,
    receiving: Result<Json<Receiving>, JsonRejection>,
) -> Response<Body> {
    match receiving {
        Ok(Json(it)) => {
            let posted = erp.book().receive(erp.role, &notice, &it.counts, it.complete, erp.clock.now());
            erp.posted(posted)
        }
        Err(problem) => erp.error(StatusCode::BAD_REQUEST, "bad_body", &problem.body_text()),
    }
}

async fn reverse(State(erp): State<Erp>, Path(number): Path<String>) -> Response<Body> {
    let posted = erp.book().reverse(erp.role, &number, erp.clock.now());
    erp.posted(posted)
}

/// A milestone that the system sees.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sight {
    milestone: Milestone,
    #[serde(default)]
    arrive_on: Option<NaiveDate>,
}

async fn see(
    State(erp): State<Erp>,
    Path(notice): Path<String>,
    sight: Result<Json<Sight>, JsonRejection>,
) -> Response<Body> {
    match sight {
        Ok(Json(sight)) => {
            let now = erp.clock.now();
            let seen = erp.book().see(Seen::now(&notice, sight.milestone, sight.arrive_on, now), now);
            match seen {
                Ok(()) => erp.answer(StatusCode::OK, json!({"notice": notice})),
                Err(problem) => erp.error(StatusCode::CONFLICT, "not_possible", &format!("{problem:#}")),
            }
        }
        Err(problem) => erp.error(StatusCode::BAD_REQUEST, "bad_body", &problem.body_text()),
    }
}

async fn faults(State(erp): State<Erp>) -> Response<Body> {
    let rules = erp.faults().rules().to_vec();
    erp.answer(StatusCode::OK, json!({"faults": rules}))
}

async fn add(State(erp): State<Erp>, rule: Result<Json<Rule>, JsonRejection>) -> Response<Body> {
    match rule {
        Ok(Json(rule)) => {
            let id = erp.faults().add(rule);
            erp.answer(StatusCode::OK, json!({"id": id}))
        }
        Err(problem) => erp.error(StatusCode::BAD_REQUEST, "bad_body", &problem.body_text()),
    }
}

async fn clear(State(erp): State<Erp>) -> Response<Body> {
    erp.calm();
    erp.answer(StatusCode::OK, json!({"faults": []}))
}

async fn remove(State(erp): State<Erp>, Path(id): Path<u64>) -> Response<Body> {
    if erp.faults().remove(id) {
        // Whoever hangs because of it is let go.
        erp.calmed.notify_waiters();
        erp.answer(StatusCode::OK, json!({"id": id}))
    } else {
        erp.error(StatusCode::NOT_FOUND, "unknown", &format!("There is no fault {id}."))
    }
}

impl Erp {
    fn posted(&self, posted: anyhow::Result<OwnReceipt>) -> Response<Body> {
        match posted {
            Ok(receipt) => self.answer(StatusCode::OK, json!({"receipt": receipt})),
            Err(problem) => self.error(StatusCode::CONFLICT, "not_possible", &format!("{problem:#}")),
        }
    }

    fn told(&self, kept: anyhow::Result<Order>) -> Response<Body> {
        match kept {
            Ok(order) => self.answer(StatusCode::OK, json!({"order": order})),
            Err(problem) => self.error(StatusCode::NOT_FOUND, "unknown", &format!("{problem:#}.")),
        }
    }
}
