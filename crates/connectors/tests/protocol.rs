//! `docs/rest-openapi.json` against what both sides really say: the simulated ERP's answers, the connector's confirmation,
//! and the examples of `docs/rest-protocol.md`.
//!
//! The checker below knows the few words of JSON Schema that the document uses and fails on any other, so that the document
//! cannot say more than is checked.

use std::collections::HashMap;
use std::path::PathBuf;

use chrono::{DateTime, NaiveDate, Utc};
use connectors::http::{Call, Http, Limits};
use connectors::settings::Secret;
use reqwest::Method;
use serde_json::{Value, json};
use simulators::rest::{Fault, Rule};
use simulators::{Clock, RunningErp, Settings, SimulatedErp, demo};
use uuid::Uuid;

fn now() -> DateTime<Utc> {
    "2026-12-03T13:20:00Z".parse().expect("an instant")
}

fn doc(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn document() -> Value {
    serde_json::from_str(&doc("rest-openapi.json")).expect("JSON")
}

/// Everything in `value` that is not as `schema` says.
fn differences(document: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (word, rule) in schema.as_object().expect("a schema is an object") {
        match word.as_str() {
            "$ref" => {
                let target = rule.as_str().and_then(|path| document.pointer(&path[1..])).expect("a reference");
                found.extend(differences(document, target, value, at));
            }
            "type" => {
                let kinds = rule.as_array().cloned().unwrap_or_else(|| vec![rule.clone()]);
                if !kinds.iter().any(|kind| is_a(value, kind.as_str().unwrap_or_default())) {
                    found.push(format!("{at}: {value} is not a {rule}"));
                }
            }
            "required" => {
                for name in rule.as_array().expect("names") {
                    if value.get(name.as_str().expect("a name")).is_none() {
                        found.push(format!("{at}: {name} is missing"));
                    }
                }
            }
            "properties" => {
                for (name, schema) in rule.as_object().expect("properties") {
                    if let Some(value) = value.get(name) {
                        found.extend(differences(document, schema, value, &format!("{at}.{name}")));
                    }
                }
            }
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    found.extend(differences(document, rule, item, &format!("{at}[{index}]")));
                }
            }
            "enum" if !rule.as_array().is_some_and(|words| words.contains(value)) => {
                found.push(format!("{at}: {value} is none of {rule}"));
            }
            "format" if value.as_str().is_some_and(|text| !is_written_as(text, rule.as_str().unwrap_or_default())) => {
                found.push(format!("{at}: {value} is not written as a {rule}"));
            }
            "pattern" if value.as_str().is_some_and(|text| !fits(text, rule.as_str().unwrap_or_default())) => {
                found.push(format!("{at}: {value} does not fit {rule}"));
            }
            "minItems" | "minimum" => {
                let size = value.as_array().map_or_else(|| value.as_u64(), |list| u64::try_from(list.len()).ok());
                if size < rule.as_u64() {
                    found.push(format!("{at}: {value} is too small"));
                }
            }
            "enum" | "format" | "pattern" | "description" => {}
            other => panic!("{at}: the checker does not know {other:?}"),
        }
    }
    found
}

fn is_a(value: &Value, kind: &str) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("the checker does not know the type {other:?}"),
    }
}

fn is_written_as(text: &str, format: &str) -> bool {
    match format {
        "date-time" => DateTime::parse_from_rfc3339(text).is_ok(),
        "date" => text.parse::<NaiveDate>().is_ok(),
        "uuid" => text.parse::<Uuid>().is_ok(),
        other => panic!("the checker does not know the format {other:?}"),
    }
}

/// The document's two patterns.
fn fits(text: &str, pattern: &str) -> bool {
    match pattern {
        "^[A-Z]{3}$" => text.len() == 3 && text.bytes().all(|letter| letter.is_ascii_uppercase()),
        r"^-?[0-9]+(\.[0-9]+)?$" => {
            let digits = |part: &str| !part.is_empty() && part.bytes().all(|digit| digit.is_ascii_digit());
            let text = text.strip_prefix('-').unwrap_or(text);
            text.split_once('.').map_or_else(|| digits(text), |(whole, rest)| digits(whole) && digits(rest))
        }
        other => panic!("the checker does not know the pattern {other:?}"),
    }
}

fn schema(document: &Value, name: &str) -> Value {
    document["components"]["schemas"][name].clone()
}

/// What the document promises for an answer.
fn answer_schema(document: &Value, path: &str, method: &str, status: u16) -> Value {
    let answer = &document["paths"][path][method]["responses"][status.to_string()];
    assert!(answer.is_object(), "{method} {path} {status} is not documented");
    answer["content"]["application/json"]["schema"].clone()
}

async fn erp() -> RunningErp {
    let orders = demo::orders(now().date_naive());
    let stock = demo::stock(now());
    let work_orders = demo::work_orders(now());
    SimulatedErp::start(Settings { orders, work_orders, stock, clock: Clock::new(now), ..Settings::default() })
        .await
        .expect("an ERP")
}

fn client(erp: &RunningErp, key: &str) -> Http {
    let base = erp.base_url().parse().expect("an address");
    Http::new("test", &base, Limits::default())
        .and_then(|http| http.bearer("api_key", &Secret::new(key)))
        .expect("a client")
}

/// The JSON blocks of `rest-protocol.md` that have this key at their top.
fn examples(key: &str) -> Vec<Value> {
    let page = doc("rest-protocol.md");
    let blocks = page.split("```json\n").skip(1).filter_map(|rest| rest.split("```").next());
    let found: Vec<Value> = blocks
        .map(|block| serde_json::from_str::<Value>(block).expect("an example is JSON"))
        .filter(|value| value.get(key).is_some())
        .collect();
    assert!(!found.is_empty(), "no example with {key}");
    found
}

const DELIVERY: &str = "/inbound-deliveries/{notice}";
const WITHDRAWN: &str = "/inbound-deliveries/{notice}/cancellation";
const MOVED: &str = "/inbound-deliveries/{notice}/milestones";
const REVERSED: &str = "/receipts/{receipt}/reversal";
const CONSUMED: &str = "/production/consumptions";
const COMPLETED: &str = "/production/completions";
const TAKEN_BACK: &str = "/production/reversals";
const RELEASED: &str = "/holds/{hold}/release";

/// A body of the common head and what is its own.
fn with(head: &Value, more: Value) -> Value {
    let mut body = head.clone();
    if let (Value::Object(fields), Value::Object(more)) = (&mut body, more) {
        fields.extend(more);
    }
    body
}

#[tokio::test]
async fn the_simulated_erp_answers_as_documented() {
    let document = document();
    let erp = erp().await;
    let (good, stranger) = (client(&erp, erp.api_key()), client(&erp, "another-key"));
    let confirmation = examples("revision").remove(0);
    let mut unknown = confirmation.clone();
    unknown["order"] = json!("4711");
    let confirm = |key: &str, body: &Value| Call::post("/confirmations").idempotency_key(key).json(body.clone());
    let (delivery, receipt, hold) =
        (examples("ship_on").remove(0), examples("receipt").remove(0), examples("hold").remove(0));
    let mut stranger_to_it = delivery.clone();
    stranger_to_it["lines"][0]["order"] = json!("4711");
    let head = json!({
        "event": delivery["event"], "sequence": 9, "at": delivery["at"], "correlation": delivery["correlation"],
        "plant": "DE10", "supplier": "100234",
    });
    let moved = with(&head, json!({"milestone": "departed", "happened_at": "2026-12-04T07:00:00Z"}));
    let withdrawn = with(&head, json!({"version": 1, "delivery_note": "LS 8841", "reason": "The truck broke down"}));
    let lot = hold["lots"][0].clone();
    let moves = json!([{"from": "inspection", "to": "unrestricted", "quantity": "375"}]);
    let decision = with(&head, json!({"lot": lot, "moves": moves}));
    let released = with(&head, json!({"disposition": "use_as_is", "reason": "Measured again", "lots": [lot]}));
    let report = |more: Value| {
        let what = json!({
            "work_order": "1000118", "report": "m-1", "happened_at": "2026-12-04T07:00:00Z", "quantity": "5", "unit": "PCE"
        });
        with(&with(&head, what), more)
    };
    let consumed = report(json!({"component": "0010", "item": "0107-45B", "lot": "SH-26-0871"}));
    let missing = report(json!({"report": "m-2", "item": "0107-45B", "lot": "SH-26-0902", "quantity": "5000"}));
    let completed = report(json!({"report": "m-3", "lot": "G-1", "scrap": "1", "scrap_reason": "Scratched"}));
    let reversed = report(json!({"item": "0107-45B", "lot": "SH-26-0871", "reason": "Wrong lot scanned"}));
    let tell = |method: Method, path: &'static str, key: &str, body: &Value| {
        Call::new(method, path).idempotency_key(key).json(body.clone())
    };
    let mut seen = HashMap::new();
    for (http, fault, path, method, call, status) in [
        (&good, None, "/health", "get", Call::get("/health"), 200),
        (&stranger, None, "/health", "get", Call::get("/health"), 401),
        (&good, None, "/orders", "get", Call::get("/orders"), 200),
        (&good, None, "/orders", "get", Call::get("/orders").query("limit", 3), 200),
        (&stranger, None, "/orders", "get", Call::get("/orders"), 401),
        (&good, Some(Fault::RateLimit { retry_after: 1 }), "/orders", "get", Call::get("/orders"), 429),
        (&good, Some(Fault::Maintenance { retry_after: 1 }), "/health", "get", Call::get("/health"), 503),
        (&good, None, "/confirmations", "post", confirm("k1", &confirmation), 200),
        (&good, None, "/confirmations", "post", confirm("k1", &confirmation), 200),
        (&good, None, "/confirmations", "post", confirm("k1", &unknown), 409),
        (&good, None, "/confirmations", "post", confirm("k2", &unknown), 422),
        (&good, Some(Fault::Locked), "/confirmations", "post", confirm("k3", &confirmation), 409),
        (&good, None, "/confirmations", "post", confirm("k4", &json!({"order": 1})), 400),
        (&good, None, "/confirmations", "post", Call::post("/confirmations").json(confirmation.clone()), 400),
        (&stranger, None, "/confirmations", "post", confirm("k5", &confirmation), 401),
        (&good, None, DELIVERY, "put", tell(Method::PUT, "/inbound-deliveries/SN-000017", "d1", &delivery), 200),
        (&good, None, DELIVERY, "put", tell(Method::PUT, "/inbound-deliveries/SN-000017", "d1", &stranger_to_it), 409),
        (&good, None, DELIVERY, "put", tell(Method::PUT, "/inbound-deliveries/SN-000017", "d2", &stranger_to_it), 422),
        (&good, None, DELIVERY, "put", tell(Method::PUT, "/inbound-deliveries/SN-000018", "d3", &delivery), 400),
        (&good, None, MOVED, "post", tell(Method::POST, "/inbound-deliveries/SN-000017/milestones", "m1", &moved), 200),
        (&good, None, "/receipts", "post", tell(Method::POST, "/receipts", "r1", &receipt), 200),
        (
            &good,
            None,
            WITHDRAWN,
            "post",
            tell(Method::POST, "/inbound-deliveries/SN-000017/cancellation", "c1", &withdrawn),
            422,
        ),
        (
            &good,
            None,
            REVERSED,
            "post",
            tell(Method::POST, "/receipts/GR-000042/reversal", "r2", &with(&head, json!({"reason": "Wrong order"}))),
            200,
        ),
        (&good, None, "/lot-decisions", "post", tell(Method::POST, "/lot-decisions", "l1", &decision), 200),
        (&good, None, "/holds/{hold}", "put", tell(Method::PUT, "/holds/QH-000003", "h1", &hold), 200),
        (&good, None, RELEASED, "post", tell(Method::POST, "/holds/QH-000003/release", "h2", &released), 200),
        (&good, None, "/work-orders", "get", Call::get("/work-orders"), 200),
        (&stranger, None, "/work-orders", "get", Call::get("/work-orders"), 401),
        (&good, None, CONSUMED, "post", tell(Method::POST, CONSUMED, "p1", &consumed), 200),
        (&good, None, CONSUMED, "post", tell(Method::POST, CONSUMED, "p2", &missing), 422),
        (&good, None, COMPLETED, "post", tell(Method::POST, COMPLETED, "p3", &completed), 200),
        (&good, None, TAKEN_BACK, "post", tell(Method::POST, TAKEN_BACK, "p4", &reversed), 200),
        (&good, None, "/receipts", "get", Call::get("/receipts"), 200),
        (&good, None, "/milestones", "get", Call::get("/milestones"), 200),
        (&good, None, "/stock/changes", "get", Call::get("/stock/changes").query("limit", 2), 200),
        (&good, None, "/stock", "get", Call::get("/stock").query("plant", "DE10").query("item", "0107-45B"), 200),
        (&good, None, "/stock", "get", Call::get("/stock").query("plant", "DE10").query("item", "4711"), 422),
        (&stranger, None, "/stock", "get", Call::get("/stock").query("plant", "DE10").query("item", "0107-45B"), 401),
    ] {
        if let Some(fault) = fault {
            erp.fault(Rule::times(fault, 1));
        }
        let answer = http.send(call).await.expect("an answer");
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.body);
        let body: Value = answer.json().expect("JSON");
        assert_eq!(body["simulated"], json!(true), "it says what it is");
        assert_eq!(answer.header("x-simulated"), Some("interlock-simulator"));
        let found = differences(&document, &answer_schema(&document, path, method, status), &body, "$");
        assert!(found.is_empty(), "{method} {path} {status}: {found:#?}");
        *seen.entry(path).or_insert(0) += 1;
    }
    for path in document["paths"].as_object().expect("paths").keys() {
        assert!(seen.contains_key(path.as_str()), "{path} is documented and not asked here");
    }
}

#[tokio::test]
async fn what_the_connector_sends_is_as_documented() {
    let sent = include_str!(
        "../src/rest/snapshots/connectors__rest__tests__a_split_a_backorder_and_a_rejection_are_written_as_the_protocol_says.snap"
    );
    let body = sent.splitn(3, "---\n").nth(2).expect("the body of the snapshot");
    let document = document();
    let sent: Value = serde_json::from_str(body).expect("JSON");
    let found = differences(&document, &schema(&document, "Confirmation"), &sent, "$");
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn the_examples_of_the_documentation_are_as_documented() {
    let document = document();
    for (key, name) in [
        ("protocol", "Health"),
        ("orders", "Orders"),
        ("revision", "Confirmation"),
        ("already", "Taken"),
        ("ship_on", "Delivery"),
        ("receipt", "DockReceipt"),
        ("hold", "Hold"),
        ("receipts", "Receipts"),
        ("milestones", "Milestones"),
        ("stock", "Stock"),
    ] {
        for example in examples(key) {
            let found = differences(&document, &schema(&document, name), &example, "$");
            assert!(found.is_empty(), "{name}: {found:#?}");
        }
    }
    let pushed = examples("type").remove(0);
    let found = differences(&document, &schema(&document, "ConfirmationAcknowledged"), &pushed, "$");
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn the_checker_sees_what_is_wrong() {
    let document = document();
    let mut order = examples("orders").remove(0);
    assert!(differences(&document, &schema(&document, "Orders"), &order, "$").is_empty());
    order["orders"][0]["lines"][0]["price"] = json!(14.8);
    order["orders"][0]["status"] = json!("parked");
    order["orders"][0]["lines"][0]["schedule"][0]["requested_on"] = json!("04.12.2026");
    if let Some(fields) = order["orders"][0].as_object_mut() {
        fields.remove("currency");
    }
    let found = differences(&document, &schema(&document, "Orders"), &order, "$");
    assert_eq!(found.len(), 4, "{found:#?}");
}
