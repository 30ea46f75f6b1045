//! The back door `/_control`: what a test or a person does to the simulated ERP, and what he may look at.

use axum::body::Body;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::{Response, StatusCode};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use domain::order::OrderStatus;
use serde_json::json;

use super::Erp;
use super::faults::Rule;
use super::wire::{Change, Order};

pub fn routes() -> Router<Erp> {
    Router::new()
        .route("/accepted", get(accepted))
        .route("/requests", get(requests))
        .route("/orders", get(orders).post(put))
        .route("/orders/{number}", get(order))
        .route("/orders/{number}/changes", post(change))
        .route("/orders/{number}/{status}", post(set_status))
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
    fn told(&self, kept: anyhow::Result<Order>) -> Response<Body> {
        match kept {
            Ok(order) => self.answer(StatusCode::OK, json!({"order": order})),
            Err(problem) => self.error(StatusCode::NOT_FOUND, "unknown", &format!("{problem:#}.")),
        }
    }
}
