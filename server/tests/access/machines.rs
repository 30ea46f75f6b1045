//! Machines at the real doors: every endpoint turns away who has no key, another supplier's, or not the right; what is sent
//! twice has one effect, a dry run none, and nobody overwrites what he has not seen.

use chrono::TimeDelta;
use domain::access::{Right, Scope};
use domain::command::{ItemSnapshot, LineSnapshot, OrderSnapshot, PlantSnapshot, ScheduleSnapshot, SupplierSnapshot};
use domain::exchange::Stage;
use domain::id::SupplierId;
use domain::order::OrderStatus;
use domain::quantity::Unit;
use http::{StatusCode, header};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};
use store::api_keys::{self, Made, NewKey, Owner};
use store::connections::{self, Configured, Takes};
use store::{orders, reference};

use crate::portal::Portal;

/// Every operation: method, address, and the right that it takes.
const OPERATIONS: &[(&str, &str, Right)] = &[
    ("GET", "/api/v1/orders", Right::ReadOrders),
    ("GET", "/api/v1/orders/PO-1", Right::ReadOrders),
    ("POST", "/api/v1/orders/PO-1/confirmations", Right::AnswerOrders),
    ("GET", "/api/v1/ship-notices", Right::ReadShipNotices),
    ("GET", "/api/v1/ship-notices/SN-1", Right::ReadShipNotices),
    ("POST", "/api/v1/ship-notices", Right::SendShipNotices),
    ("PUT", "/api/v1/ship-notices/SN-1", Right::SendShipNotices),
    ("POST", "/api/v1/ship-notices/SN-1/cancellation", Right::SendShipNotices),
    ("POST", "/api/v1/ship-notices/SN-1/milestones", Right::TellMilestones),
    ("POST", "/api/v1/receipts", Right::PostReceipts),
    ("GET", "/api/v1/receipts/GR-1", Right::ReadReceipts),
    ("GET", "/api/v1/stock", Right::ReadStock),
    ("POST", "/api/v1/quality/release-checks", Right::CheckRelease),
    ("POST", "/api/v1/certificates", Right::HandInCertificates),
    ("GET", "/api/v1/certificates/01890000-0000-7000-8000-000000000000", Right::ReadCertificates),
];

/// A body that each of them understands.
fn body_of(path: &str) -> Value {
    match path.rsplit('/').next() {
        Some("confirmations") => json!({"answers": []}),
        Some("cancellation") => json!({"reason": "wrong truck"}),
        Some("milestones") => json!({"milestone": "departed", "happened_at": "2026-12-01T10:00:00Z"}),
        Some("receipts") => json!({"notice": "SN-1", "received_at": "2026-12-01T10:00:00Z"}),
        Some("release-checks") => json!({"checks": []}),
        Some("certificates") => json!({
            "number": "C-1", "kind": "coc", "per": "lot", "item": "4711", "lots": ["L1"], "issuer": "A", "issued_on": "2026-11-30"
        }),
        _ => json!({"delivery_note": "LS-1", "ship_on": "2026-12-01", "arrive_on": "2026-12-10", "lines": []}),
    }
}

pub struct Machines {
    pub portal: Portal,
    client: Client,
    pub a: SupplierId,
    pub b: SupplierId,
}

pub fn supplier(number: &str) -> SupplierSnapshot {
    SupplierSnapshot { number: number.to_owned(), name: format!("Supplier {number}") }
}

pub fn order(number: &str, of: &str) -> OrderSnapshot {
    let item = ItemSnapshot {
        number: "4711".to_owned(),
        description: "Shaft".to_owned(),
        unit: Unit::new("PCE"),
        revision: None,
        rules: None,
    };
    OrderSnapshot {
        number: number.to_owned(),
        their_version: 1,
        their_ref: format!("ref-{number}"),
        supplier: supplier(of),
        plant: PlantSnapshot { code: "DE10".to_owned(), name: "Lindau".to_owned() },
        buyer: None,
        currency: "EUR".to_owned(),
        incoterm: None,
        status: OrderStatus::Open,
        lines: vec![LineSnapshot {
            number: "0010".to_owned(),
            their_ref: format!("{number}-0010"),
            item,
            supplier_item: None,
            unit: Unit::new("PCE"),
            price: None,
            tolerances: Default::default(),
            schedule: vec![ScheduleSnapshot {
                number: 1,
                quantity: 100.into(),
                requested_on: "2026-12-10".parse().expect("a day"),
            }],
        }],
    }
}

impl Machines {
    /// Suppliers A and B, each with an order.
    async fn open() -> Self {
        Self::open_with(&[]).await
    }

    /// With these settings besides the usual ones.
    pub async fn open_with(settings: &[(&'static str, &str)]) -> Self {
        let portal = Portal::open_with(settings).await;
        let mut tx = portal.store.begin(portal.who()).await.expect("a transaction");
        let erp = Configured {
            name: "ERP".to_owned(),
            plant_id: None,
            takes: Takes::Own,
            stage: Stage::Test,
            settings: json!({ "base_url": "https://erp.example.com", "api_key": "env:INTERLOCK_SECRET_ERP" }),
            in_flight_limit: 8,
        };
        let erp = connections::add(&mut tx, "rest", &erp, &["orders"]).await.expect("a connection");
        let a = reference::mirror_supplier(&mut tx, &supplier("A")).await.expect("supplier A");
        let b = reference::mirror_supplier(&mut tx, &supplier("B")).await.expect("supplier B");
        orders::mirror(&mut tx, erp, &order("PO-1", "A")).await.expect("an order of A");
        orders::mirror(&mut tx, erp, &order("PO-2", "B")).await.expect("an order of B");
        tx.commit().await.expect("committed");
        let client = Client::builder().no_proxy().build().expect("a client");
        Self { portal, client, a, b }
    }

    async fn key(&self, owner: Owner, rights: &[Right]) -> Made {
        let mut tx = self.portal.store.begin(self.portal.who()).await.expect("a transaction");
        let new = NewKey { name: "M".to_owned(), rights: rights.to_vec(), owner, lasts: TimeDelta::days(30) };
        let made = api_keys::make(&mut tx, &new).await.expect("a key");
        tx.commit().await.expect("committed");
        made
    }

    /// A key of that side with every right that it can have.
    pub async fn full(&self, owner: Owner) -> String {
        let suppliers = matches!(owner, Owner::Supplier(_));
        let may = |right: &&Right| if suppliers { right.is_suppliers() } else { right.is_houses() };
        let rights: Vec<Right> = Right::ALL.iter().filter(may).copied().collect();
        self.key(owner, &rights).await.key
    }

    fn call(&self, method: &str, path: &str, key: &str) -> RequestBuilder {
        self.call_as(method, path, key, "call-1")
    }

    /// With this name for the sending, the Idempotency-Key.
    pub fn call_as(&self, method: &str, path: &str, key: &str, name: &str) -> RequestBuilder {
        let method: Method = method.parse().expect("a method");
        let changes = method != Method::GET;
        let request = self.client.request(method, format!("{}{path}", self.portal.address));
        let request = if key.is_empty() { request } else { request.bearer_auth(key) };
        if !changes {
            return request;
        }
        request.header("idempotency-key", name).header(header::IF_MATCH, "\"1\"").json(&body_of(path))
    }

    pub async fn send(&self, request: RequestBuilder) -> Response {
        request.send().await.expect("an answer")
    }
}

pub async fn json_of(response: Response) -> Value {
    let text = response.text().await.expect("a body");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_operation_is_in_this_test_and_takes_a_key_with_its_right() {
    let machines = Machines::open().await;
    let documented = json_of(machines.send(machines.call("GET", "/api/openapi.json", "")).await).await;
    let paths = documented["paths"].as_object().expect("paths");
    let count: usize = paths.values().map(|item| item.as_object().map_or(0, serde_json::Map::len)).sum();
    assert_eq!(count, OPERATIONS.len(), "an operation is new: add it here");
    let (of_a, of_house) = (machines.full(Owner::Supplier(machines.a)).await, machines.full(Owner::House).await);
    let revoked = machines.key(Owner::Supplier(machines.a), &[Right::ReadOrders]).await;
    let mut tx = machines.portal.store.begin(machines.portal.who()).await.expect("a transaction");
    api_keys::revoke(&mut tx, revoked.api_key_id).await.expect("revoked");
    tx.commit().await.expect("committed");
    for (method, path, right) in OPERATIONS {
        for key in ["", "ilk_0000000000_00", revoked.key.as_str()] {
            let answer = machines.send(machines.call(method, path, key)).await;
            assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{method} {path} with {key:?}");
            assert_eq!(answer.headers()["content-type"], "application/problem+json");
            assert!(answer.headers().get("set-cookie").is_none(), "no cookie");
        }
        let other = Right::ALL.iter().find(|other| *other != right && other.is_houses() == right.is_houses());
        let owner = if right.is_houses() { Owner::House } else { Owner::Supplier(machines.a) };
        let other = other.filter(|other| right.is_houses() || other.is_suppliers()).expect("another right");
        let lesser = machines.key(owner, &[*other]).await.key;
        let answer = machines.send(machines.call(method, path, &lesser)).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{method} {path} with {other}");
        let full = if right.is_suppliers() { &of_a } else { &of_house };
        let answer = machines.send(machines.call(method, path, full)).await;
        assert!(!matches!(answer.status().as_u16(), 401 | 403 | 500..), "{method} {path}: {}", answer.status());
        assert!(answer.headers().contains_key("ratelimit"), "{method} {path} says how much is left");
        if *method != "GET" {
            let as_text = machines.call(method, path, full).header(header::CONTENT_TYPE, "text/plain");
            let plain = as_text.build().map(|mut request| {
                request.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/plain"));
                request
            });
            let answer = machines.client.execute(plain.expect("a request")).await.expect("an answer");
            assert_eq!(answer.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "{method} {path} as text");
            // Certificates come with their files.
            let most = if path.ends_with("/certificates") { 36 } else { 4 };
            let large = machines.call(method, path, full).body(vec![b' '; (most + 1) * 1024 * 1024]);
            match large.send().await {
                Ok(answer) => assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE, "{method} {path} too large"),
                // The door was closed while the rest was still being sent.
                Err(error) => assert!(error.is_request(), "{error}"),
            }
        }
    }
    machines.portal.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_key_reaches_only_what_its_scope_has() {
    let machines = Machines::open().await;
    let of_b = machines.full(Owner::Supplier(machines.b)).await;
    let listed = json_of(machines.send(machines.call("GET", "/api/v1/orders", &of_b)).await).await;
    let numbers: Vec<&str> =
        listed["lines"].as_array().expect("lines").iter().filter_map(|it| it["order"].as_str()).collect();
    assert_eq!(numbers, ["PO-2"]);
    for (method, path, right) in
        OPERATIONS.iter().filter(|(_, path, right)| path.contains("PO-1") && right.is_suppliers())
    {
        let answer = machines.send(machines.call(method, path, &of_b)).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{method} {path} of another supplier with {right}");
    }
    let mut tx = machines.portal.store.begin(machines.portal.who()).await.expect("a transaction");
    let view = api_keys::authenticate(&mut tx, &of_b).await.expect("an answer").expect("it works");
    assert_eq!(view.scope(), Scope::Suppliers(vec![machines.b]));
    drop(tx);
    machines.portal.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_answer_is_tried_sent_once_and_never_over_what_was_not_seen() {
    let machines = Machines::open().await;
    let key = machines.full(Owner::Supplier(machines.a)).await;
    let read = machines.send(machines.call("GET", "/api/v1/orders/PO-1", &key)).await;
    assert_eq!(read.headers()[header::ETAG], "\"1\"");
    let order = json_of(read).await;
    let line = &order["lines"][0]["schedule"][0];
    let answer = json!({"answers": [{"schedule_line_id": line["schedule_line_id"], "version": line["version"], "kind": "accept"}]});
    let path = "/api/v1/orders/PO-1/confirmations";
    let post =
        |path: &str| machines.client.post(format!("{}{path}", machines.portal.address)).bearer_auth(&key).json(&answer);

    let without = machines.send(post(path).header("idempotency-key", "1")).await;
    assert_eq!(without.status(), StatusCode::PRECONDITION_REQUIRED);
    let nameless = machines.send(post(path).header(header::IF_MATCH, "\"1\"")).await;
    assert_eq!(nameless.status(), StatusCode::BAD_REQUEST);
    for at in [path.to_owned(), format!("{path}?dry_run=true")] {
        let old = machines.send(post(&at).header("idempotency-key", "0").header(header::IF_MATCH, "\"7\"")).await;
        assert_eq!(old.status(), StatusCode::PRECONDITION_FAILED, "{at}");
    }

    let before = machines.portal.fingerprint().await;
    let tried = post(&format!("{path}?dry_run=true")).header(header::IF_MATCH, "\"1\"");
    let tried = machines.send(tried).await;
    assert_eq!(tried.status(), StatusCode::OK);
    assert_eq!(json_of(tried).await["by_rule"], 1);
    assert_eq!(machines.portal.fingerprint().await, before, "a dry run changes nothing");

    for already in [false, true] {
        let sent = post(path).header("idempotency-key", "1").header(header::IF_MATCH, "\"1\"");
        let sent = machines.send(sent).await;
        assert_eq!(sent.status(), StatusCode::OK);
        let came_to = json_of(sent).await;
        assert_eq!((&came_to["already"], &came_to["number"]), (&json!(already), &json!(1)));
    }
    let stale = post(path).header("idempotency-key", "2").header(header::IF_MATCH, "\"1\"");
    let stale = machines.send(stale).await;
    assert!(stale.status().is_client_error(), "{}", stale.status());
    let problem = json_of(stale).await;
    assert!(problem["findings"][0]["rule"].is_string() && problem["correlation_id"].is_string(), "{problem}");
    machines.portal.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_key_stands_for_one_request_and_another_body_under_it_is_refused() {
    let machines = Machines::open().await;
    let key = machines.full(Owner::Supplier(machines.a)).await;
    let order = json_of(machines.send(machines.call("GET", "/api/v1/orders/PO-1", &key)).await).await;
    let line = &order["lines"][0]["schedule"][0];
    let path = "/api/v1/orders/PO-1/confirmations";
    let answer = |note: &str| json!({"answers": [{"schedule_line_id": line["schedule_line_id"], "version": line["version"], "kind": "accept", "note": note}]});
    let send = |note: &str| machines.call_as("POST", path, &key, "answer-1").json(&answer(note));
    assert_eq!(machines.send(send("as ordered")).await.status(), StatusCode::OK);
    let before = machines.portal.fingerprint().await;
    let other = machines.send(send("as ordered, by truck")).await;
    assert_eq!(other.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(other.headers()["content-type"], "application/problem+json");
    let problem = json_of(other).await;
    assert_eq!(problem["findings"][0]["rule"], "key_used", "{problem}");
    assert!(problem["detail"].as_str().is_some_and(|words| words.contains("used for another request")), "{problem}");
    assert_eq!(machines.portal.fingerprint().await, before, "nothing was changed");
    let elsewhere = machines.call_as("POST", "/api/v1/ship-notices", &key, "answer-1");
    let elsewhere = json_of(machines.send(elsewhere).await).await;
    assert_eq!(elsewhere["status"], 422, "the same key at another address: {elsewhere}");
    let again = machines.send(send("as ordered")).await;
    assert_eq!(again.status(), StatusCode::OK, "the first request still has its answer");
    assert_eq!(json_of(again).await["already"], true);
    machines.portal.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_key_of_a_call_from_another_machine_is_another_call() {
    let machines = Machines::open().await;
    for (owner, order) in [(machines.a, "PO-1"), (machines.b, "PO-2")] {
        let key = machines.full(Owner::Supplier(owner)).await;
        let read = json_of(machines.send(machines.call("GET", &format!("/api/v1/orders/{order}"), &key)).await).await;
        let line = &read["lines"][0]["schedule"][0];
        let answer = json!({"answers": [{"schedule_line_id": line["schedule_line_id"], "version": line["version"], "kind": "accept"}]});
        let sent = machines.call("POST", &format!("/api/v1/orders/{order}/confirmations"), &key).json(&answer);
        let sent = machines.send(sent).await;
        assert_eq!(sent.status(), StatusCode::OK, "{order}");
        assert_eq!(json_of(sent).await["already"], false);
    }
    machines.portal.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_ship_notice_is_tried_announced_once_read_amended_and_withdrawn() {
    let machines = Machines::open().await;
    let key = machines.full(Owner::Supplier(machines.a)).await;
    let order = json_of(machines.send(machines.call("GET", "/api/v1/orders/PO-1", &key)).await).await;
    let line = order["lines"][0]["schedule"][0].clone();
    let answer = json!({"answers": [{"schedule_line_id": line["schedule_line_id"], "version": line["version"], "kind": "accept"}]});
    machines.send(machines.call_as("POST", "/api/v1/orders/PO-1/confirmations", &key, "confirm-1").json(&answer)).await;
    let mut content = json!({
        "delivery_note": "LS-1", "ship_on": "2026-12-08", "arrive_on": "2026-12-10",
        "lines": [{"schedule_line_id": line["schedule_line_id"], "quantity": "60"}]
    });
    let path = "/api/v1/ship-notices";
    let send = |path: &str, content: &Value, call: &str| {
        let post = machines.client.post(format!("{}{path}", machines.portal.address)).bearer_auth(&key);
        post.header("idempotency-key", call).header(header::IF_MATCH, "\"1\"").json(content)
    };
    let before = machines.portal.fingerprint().await;
    let tried = machines.send(send(&format!("{path}?dry_run=true"), &content, "x")).await;
    assert_eq!(tried.status(), StatusCode::OK);
    let tried = json_of(tried).await;
    assert_eq!(tried["dry_run"], true);
    assert!(tried["findings"].as_array().expect("findings").iter().all(|it| it["stops"] == false), "{tried}");
    assert_eq!(machines.portal.fingerprint().await, before, "a dry run changes nothing");

    let mut numbers = Vec::new();
    for status in [StatusCode::CREATED, StatusCode::OK] {
        let sent = machines.send(send(path, &content, "ship-1")).await;
        assert_eq!(sent.status(), status);
        numbers.push(json_of(sent).await["number"].clone());
    }
    assert_eq!(numbers[0], numbers[1], "sent twice, announced once");
    let number = numbers[0].as_str().expect("a number");
    let read = machines.send(machines.call("GET", &format!("{path}/{number}"), &key)).await;
    assert_eq!(read.headers()[header::ETAG], "\"1\"");
    assert_eq!(json_of(read).await["content"]["lines"][0]["quantity"], "60");

    content["lines"][0]["quantity"] = json!("900");
    let reused = machines.call_as("PUT", &format!("{path}/{number}"), &key, "confirm-1").json(&content);
    let reused = machines.send(reused).await;
    assert_eq!(reused.status(), StatusCode::UNPROCESSABLE_ENTITY, "the key of another call");
    assert!(json_of(reused).await["detail"].as_str().expect("words").contains("new key"));
    let too_much = machines.send(machines.call("PUT", &format!("{path}/{number}"), &key).json(&content)).await;
    assert_eq!(too_much.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let problem = json_of(too_much).await;
    let findings = problem["findings"].as_array().unwrap_or_else(|| panic!("no findings: {problem}"));
    let stops = |at: &str| findings.iter().any(|it| it["stops"] == true && it["at"] == at);
    assert!(stops("lines.0.quantity"), "{problem}");
    content["lines"][0]["quantity"] = json!("40");
    let amended = machines.send(machines.call("PUT", &format!("{path}/{number}"), &key).json(&content)).await;
    assert_eq!((amended.status(), amended.headers()[header::ETAG].to_str().ok()), (StatusCode::OK, Some("\"2\"")));
    let late = send(&format!("{path}/{number}/cancellation"), &json!({"reason": "wrong truck"}), "cancel-1");
    assert_eq!(machines.send(late).await.status(), StatusCode::PRECONDITION_FAILED, "version 2 was not seen");
    let foreign = machines.full(Owner::Supplier(machines.b)).await;
    for (method, at) in [("GET", ""), ("PUT", ""), ("POST", "/cancellation"), ("POST", "/milestones")] {
        let answer = machines.send(machines.call(method, &format!("{path}/{number}{at}"), &foreign)).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{method} {at} by another supplier");
    }
    machines.portal.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_calls_too_often_is_told_when_to_come_back() {
    let machines = Machines::open().await;
    let key = machines.full(Owner::Supplier(machines.a)).await;
    let mut last = None;
    for _ in 0..=120 {
        last = Some(machines.send(machines.call("GET", "/api/v1/orders", &key)).await);
    }
    let last = last.expect("an answer");
    assert_eq!(last.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(last.headers().contains_key(header::RETRY_AFTER));
    assert!(last.headers()["ratelimit"].to_str().is_ok_and(|left| left.contains("r=0")));
    machines.portal.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_description_needs_no_key_and_nothing_from_another_origin() {
    let machines = Machines::open().await;
    let page = machines.send(machines.call("GET", "/api/docs", "")).await;
    assert_eq!(page.status(), StatusCode::OK);
    assert!(
        page.headers()["content-security-policy"].to_str().is_ok_and(|policy| policy.contains("default-src 'none'"))
    );
    let page = page.text().await.expect("a page");
    assert!(
        page.contains("/api/v1/ship-notices/{number}") && !page.contains("http") && !page.contains("<script"),
        "{page}"
    );
    machines.portal.close().await;
}
