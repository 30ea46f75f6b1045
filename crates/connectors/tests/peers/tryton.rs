//! A pretend Tryton as the peer of `tryton`: a few models in memory behind the REST API, with the behaviour that the real one
//! showed (`tests/tryton_real.rs`): fields and domains, an amendment that remakes the open moves of its order, a deleted
//! move that comes back as what is missing, notes that nobody changes. It answers all fields, whatever is asked for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use connectors::{Outgoing, Raw};
use domain::event::EventKind;
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::{Peer, SHORT, Trouble, promise, promised};

const KEY: &str = "tryton-key-that-nobody-may-see";

pub struct TrytonPeer {
    url: String,
    erp: Arc<Mutex<Erp>>,
    task: tokio::task::JoinHandle<()>,
}

type Record = Map<String, Value>;

#[derive(Default)]
struct Erp {
    models: BTreeMap<String, BTreeMap<i64, Record>>,
    last_id: i64,
    clock: u32,
    /// Writes that arrived, whatever became of them.
    writes: usize,
    trouble: Option<Trouble>,
}

impl TrytonPeer {
    pub async fn start() -> Self {
        let mut erp = Erp::default();
        erp.put("company.company", json!({"name": "ACME"}));
        erp.put("party.party", json!({"code": "S-1", "name": "Alfa"}));
        erp.put("purchase.product_supplier", json!({"party": 2}));
        erp.put(
            "product.product",
            json!({"code": "A-1", "name": "Bracket", "default_uom": {"id": 1, "symbol": "kg"}, "purchasable": 1}),
        );
        erp.put("stock.location", json!({"code": "P1", "name": "Plant 1", "type": "warehouse"}));
        erp.production();
        let (_, line) = erp.order("10".parse().expect("a decimal"));
        erp.put(
            "stock.shipment.in",
            json!({
                "company": 1, "state": "done", "moves.purchase.state": "processing", "number": "7", "reference": "LS 1",
                "supplier": {"id": 2, "code": "S-1"}, "warehouse": {"id": 5, "code": "P1"},
                "incoming_moves": [{
                    "id": 1, "state": "done", "effective_date": day(), "origin": format!("purchase.line,{line}"), "quantity": 2.5,
                    "unit": {"symbol": "kg"}, "product": {"id": 4, "code": "A-1"}, "lot": null,
                }],
            }),
        );
        let erp = Arc::new(Mutex::new(erp));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let app = Router::new().fallback(answer).with_state(erp.clone());
        let task = tokio::spawn(async move { axum::serve(listener, app).await.expect("serving") });
        Self { url, erp, task }
    }

    fn erp(&self) -> MutexGuard<'_, Erp> {
        self.erp.lock().expect("nobody panicked")
    }
}

impl Drop for TrytonPeer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn float(number: Decimal) -> Value {
    json!(number.to_string().parse::<f64>().expect("a float"))
}

fn price(number: Decimal) -> Value {
    json!({"__class__": "Decimal", "decimal": number.to_string()})
}

fn day() -> Value {
    json!({"__class__": "date", "year": 2026, "month": 12, "day": 7})
}

impl Erp {
    fn table(&mut self, model: &str) -> &mut BTreeMap<i64, Record> {
        self.models.entry(model.to_owned()).or_default()
    }

    fn stamp(&mut self) -> Value {
        self.clock += 1;
        json!({
            "__class__": "datetime", "year": 2026, "month": 12, "day": 3, "hour": 10, "minute": self.clock / 60 % 60,
            "second": self.clock % 60, "microsecond": self.clock,
        })
    }

    fn put(&mut self, model: &str, values: Value) -> i64 {
        let id = self.last_id + 1;
        self.last_id = id;
        let stamp = self.stamp();
        let Value::Object(mut record) = values else { panic!("a record is an object") };
        record.insert("id".to_owned(), json!(id));
        record.insert("create_date".to_owned(), stamp.clone());
        record.insert("last_modified_at".to_owned(), stamp);
        self.table(model).insert(id, record);
        id
    }

    fn set(&mut self, model: &str, id: i64, values: &Value) {
        let stamp = self.stamp();
        let record = self.table(model).get_mut(&id).expect("the record");
        for (name, value) in values.as_object().expect("an object") {
            record.insert(name.clone(), value.clone());
        }
        record.insert("last_modified_at".to_owned(), stamp);
    }

    /// A production of two brackets out of one.
    fn production(&mut self) {
        let stamp = self.stamp();
        let bracket = json!({"id": 4, "code": "A-1", "name": "Bracket", "default_uom": {"id": 1, "symbol": "kg"}});
        let id = self.put(
            "production",
            json!({
                "company": 1, "number": "12", "state": "waiting", "type": "assembly", "quantity": 2.0,
                "unit": {"id": 1, "symbol": "kg", "digits": 2}, "planned_start_date": day(), "planned_date": day(),
                "warehouse": {"id": 5, "code": "P1", "name": "Plant 1"}, "product": bracket,
                "inputs": [{
                    "id": 1, "state": "draft", "quantity": 1.0, "internal_quantity": 1.0, "last_modified_at": stamp,
                    "unit": {"id": 1, "symbol": "kg", "digits": 2}, "product": bracket,
                }],
            }),
        );
        self.put(
            "production.work",
            json!({"production": id, "operation": {"id": 1, "name": "Saw"}, "work_center": {"id": 1, "name": "Line 1"}}),
        );
    }

    /// An order of this quantity at this price; its number and its line's id.
    fn order(&mut self, number: Decimal) -> (String, i64) {
        let order = self.put(
            "purchase.purchase",
            json!({
                "state": "processing", "revision": 0, "company": 1, "confirmed_by": null, "quoted_by": null,
                "party": {"id": 2, "code": "S-1", "name": "Alfa"}, "currency": {"id": 1, "code": "EUR"},
                "warehouse": {"id": 5, "code": "P1", "name": "Plant 1"},
            }),
        );
        let name = format!("PO-{order}");
        self.set("purchase.purchase", order, &json!({"number": name}));
        let line = self.put(
            "purchase.line",
            json!({
                "purchase": order, "purchase.company": 1, "type": "line", "quantity": float(number), "unit_price": price(number),
                "unit": {"id": 1, "symbol": "kg", "digits": 12}, "movable": true, "description": null,
                "product": {"id": 4, "code": "A-1", "name": "Bracket", "default_uom": {"id": 1, "symbol": "kg"}},
                "product_supplier": null, "delivery_date": day(), "delivery_date_edit": 1, "delivery_date_store": day(),
                "from_location": 6, "to_location": 1, "moves_recreated": [],
            }),
        );
        self.process(order);
        (name, line)
    }

    fn of<'a>(&'a self, model: &str, field: &'a str, id: i64) -> impl Iterator<Item = &'a Record> {
        let records = self.models.get(model).into_iter().flat_map(BTreeMap::values);
        records.filter(move |record| record.get(field) == Some(&json!(id)))
    }

    /// Adds what the moves of each line lack to its quantity.
    fn process(&mut self, order: i64) {
        let lines: Vec<Record> = self.of("purchase.line", "purchase", order).cloned().collect();
        for line in lines {
            let id = line["id"].as_i64().expect("an id");
            let wanted = decimal(&line["quantity"]);
            let planned: Decimal = self.of("stock.move", "line", id).map(|each| decimal(&each["quantity"])).sum();
            if wanted > planned {
                let on = &line["delivery_date_store"];
                self.put(
                    "stock.move",
                    json!({
                        "line": id, "purchase": order, "company": 1, "origin": format!("purchase.line,{id}"), "unit": 1,
                        "state": "draft", "shipment": null, "quantity": float(wanted - planned), "planned_date": on,
                        "origin_planned_date": on,
                    }),
                );
            }
        }
    }

    fn validate(&mut self, amendment: i64) {
        let found = self.models["purchase.amendment"][&amendment].clone();
        let order = found["purchase"].as_i64().expect("a purchase");
        for line in found["lines"].as_array().expect("lines") {
            let id = line["line"].as_i64().expect("a line");
            self.set("purchase.line", id, &json!({"quantity": line["quantity"], "unit_price": line["unit_price"]}));
        }
        let revision = self.models["purchase.purchase"][&order]["revision"].as_i64().expect("a number") + 1;
        self.set("purchase.purchase", order, &json!({"revision": revision}));
        self.table("stock.move").retain(|_, each| each["purchase"] != json!(order));
        self.process(order);
        self.set("purchase.amendment", amendment, &json!({"state": "validated"}));
    }

    /// A record as it is read: an order with its lines and their moves.
    fn whole(&self, model: &str, record: &Record) -> Value {
        let mut record = record.clone();
        let id = record["id"].as_i64().expect("an id");
        if model == "purchase.purchase" {
            let lines = self.of("purchase.line", "purchase", id).map(|line| self.whole("purchase.line", line));
            record.insert("lines".to_owned(), lines.collect());
        } else if model == "purchase.line" {
            let moves = self.of("stock.move", "line", id).map(|each| Value::Object(each.clone()));
            record.insert("moves".to_owned(), moves.collect());
        }
        Value::Object(record)
    }

    fn list(&self, model: &str, query: &BTreeMap<String, String>) -> Value {
        let decoded = |name: &str| -> Value {
            let text = URL_SAFE.decode(query.get(name).map_or("W10=", String::as_str)).expect("base64 with padding");
            serde_json::from_slice(&text).expect("JSON")
        };
        let (domain, order) = (decoded("d"), decoded("o"));
        let records = self.models.get(model).into_iter().flat_map(BTreeMap::values);
        let mut found: Vec<&Record> = records.filter(|record| matches(record, &domain)).collect();
        for by in order.as_array().expect("a list").iter().rev() {
            let field = by[0].as_str().expect("a field");
            found.sort_by_key(|record| sortable(record.get(field).unwrap_or(&Value::Null)));
            if by[1] == "DESC" {
                found.reverse();
            }
        }
        let limit = query.get("s").map_or(usize::MAX, |limit| limit.parse().expect("a number"));
        let mut found: Vec<Value> = found.into_iter().take(limit).map(|record| self.whole(model, record)).collect();
        if query.get("f").is_some_and(|field| field == "purchase.number") {
            for line in &mut found {
                let order = line["purchase"].as_i64().expect("an order");
                let number = &self.models["purchase.purchase"][&order]["number"];
                line["purchase"] = json!({"id": order, "number": number});
            }
        }
        Value::Array(found)
    }
}

fn decimal(value: &Value) -> Decimal {
    value.to_string().parse().or_else(|_| Decimal::from_scientific(&value.to_string())).expect("a quantity")
}

/// Numbers, dates and instants in an order that text keeps.
fn sortable(value: &Value) -> String {
    match value {
        Value::Object(parts) => ["year", "month", "day", "hour", "minute", "second", "microsecond"]
            .iter()
            .map(|part| format!("{:06}", parts.get(*part).and_then(Value::as_u64).unwrap_or_default()))
            .collect(),
        Value::Number(number) => format!("{:020}", number.as_i64().unwrap_or_default()),
        Value::Bool(flag) => format!("{:020}", i64::from(*flag)),
        other => other.as_str().unwrap_or_default().to_owned(),
    }
}

/// The part of Tryton's domains that a connector needs.
fn matches(record: &Record, domain: &Value) -> bool {
    let Some(parts) = domain.as_array() else { panic!("not a domain: {domain}") };
    if let [Value::String(field), Value::String(operator), wanted] = parts.as_slice()
        && field != "OR"
    {
        let here = record.get(field).unwrap_or(&Value::Null);
        return match operator.as_str() {
            "=" => sortable(here) == sortable(wanted),
            ">" => sortable(here) > sortable(wanted),
            ">=" => sortable(here) >= sortable(wanted),
            "in" => wanted.as_array().expect("a list").contains(here),
            "like" => here.as_str().unwrap_or_default().contains(wanted.as_str().expect("text").trim_matches('%')),
            other => panic!("the operator {other} is not known here"),
        };
    }
    match parts.split_first() {
        Some((Value::String(or), rest)) if or == "OR" => rest.iter().any(|part| matches(record, part)),
        _ => parts.iter().all(|part| matches(record, part)),
    }
}

fn refusal(message: &str) -> Response {
    (StatusCode::BAD_REQUEST, json!({"status": 400, "message": message, "description": ""}).to_string()).into_response()
}

fn json_answer(value: &Value) -> Response {
    value.to_string().into_response()
}

/// Ends the task of the connection, and with it the connection, before anything is said. Not a panic that anybody reports.
fn hang_up() -> ! {
    std::panic::resume_unwind(Box::new("hung up"))
}

async fn answer(
    State(erp): State<Arc<Mutex<Erp>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let trouble = erp.lock().expect("nobody panicked").trouble.clone();
    let status = |status: StatusCode, seconds: u64| (status, [("retry-after", seconds.to_string())]).into_response();
    match trouble {
        Some(Trouble::Down) => hang_up(),
        Some(Trouble::Maintenance { seconds }) => return status(StatusCode::SERVICE_UNAVAILABLE, seconds),
        Some(Trouble::RateLimited { seconds }) => return status(StatusCode::TOO_MANY_REQUESTS, seconds),
        Some(Trouble::ServerError) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Some(Trouble::Slow) => tokio::time::sleep(SHORT * 20).await,
        _ => {}
    }
    if uri.path() == "/rpc/" {
        return json_answer(&json!({"id": 1, "result": "8.2"}));
    }
    if headers.get("authorization").is_none_or(|given| given != &format!("Bearer {KEY}")) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let mut parts = uri.path().trim_start_matches("/erp/rest/model/").split('/');
    let model = parts.next().unwrap_or_default().to_owned();
    let id: Option<i64> = parts.next().and_then(|id| id.parse().ok());
    let button = parts.next();
    let mut erp = erp.lock().expect("nobody panicked");
    if method == Method::GET {
        let url = url::Url::parse(&format!("http://erp{uri}")).expect("an address");
        return json_answer(&erp.list(&model, &url.query_pairs().into_owned().collect()));
    }
    erp.writes += 1;
    match trouble {
        Some(Trouble::BadRequest) => {
            return (StatusCode::BAD_REQUEST, "<p>Unable to read JSON request</p>").into_response();
        }
        Some(Trouble::Refuses { reason }) => return refusal(&reason),
        Some(Trouble::ErrorInside200) => return json_answer(&json!({"error": ["UserError", ["No", "", null]]})),
        // Taken, it says, and nothing comes of it.
        Some(Trouble::UnknownStatus) => return json_answer(&json!({"id": 1, "state": "queued"})),
        _ => {}
    }
    let values: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let done = erp.change(&method, &model, id, button, values);
    drop(erp);
    if trouble == Some(Trouble::LostAnswer) { hang_up() } else { done }
}

impl Erp {
    fn change(
        &mut self,
        method: &Method,
        model: &str,
        id: Option<i64>,
        button: Option<&str>,
        values: Value,
    ) -> Response {
        match (method.as_str(), id, button) {
            ("POST", None, _) if values.as_object().is_some_and(Map::is_empty) => {
                refusal("A value is required for a field of the record.")
            }
            ("POST", None, _) => {
                let mut values = values;
                if model == "purchase.amendment" {
                    values["lines"] = values["lines"][0][1].clone();
                    values["state"] = json!("draft");
                }
                if let Some(line) = values["origin"].as_str().and_then(|origin| origin.strip_prefix("purchase.line,")) {
                    let line: i64 = line.parse().expect("an id");
                    values["purchase"] = self.models["purchase.line"][&line]["purchase"].clone();
                    values["line"] = json!(line);
                    values["state"] = json!("draft");
                }
                let id = self.put(model, values);
                json_answer(&json!({"id": id}))
            }
            ("POST", Some(id), Some("validate_amendment")) => {
                self.validate(id);
                json_answer(&json!({"id": id}))
            }
            ("PUT", Some(id), _) => {
                self.set(model, id, &values);
                json_answer(&json!({"id": id}))
            }
            ("DELETE", Some(id), _) => {
                let gone = self.table(model).remove(&id).expect("the record");
                self.process(gone["purchase"].as_i64().expect("an order"));
                StatusCode::NO_CONTENT.into_response()
            }
            other => panic!("not known here: {other:?}"),
        }
    }
}

#[async_trait]
impl Peer for TrytonPeer {
    fn settings(&self, timeout: Duration) -> Value {
        let timeout = u64::try_from(timeout.as_millis()).expect("a short time");
        json!({"base_url": self.url, "database": "erp", "rest_key": "env:TRYTON_KEY", "timeout_ms": timeout})
    }

    /// What goes through shipments, locations and productions is asked of the real Tryton only (`tests/tryton_real.rs`).
    fn plays(&self, kind: EventKind) -> bool {
        kind == EventKind::PromiseMade
    }

    fn secrets(&self) -> Vec<(String, String)> {
        vec![("env:TRYTON_KEY".to_owned(), KEY.to_owned())]
    }

    fn outgoing_with(&self, _: EventKind, number: Decimal) -> Outgoing {
        let (order, line) = self.erp().order(number);
        promise(&order, 1, vec![promised(&format!("{line:04}"), "A-1", "KG", number)], Vec::new())
    }

    fn message_with(&self, number: &str) -> Raw {
        let mut erp = Erp::default();
        let (subject, _) = erp.order(number.parse().expect("a decimal"));
        let order = erp.models["purchase.purchase"].values().next().expect("the order");
        let body = json!({"as_of": 0, "order": erp.whole("purchase.purchase", order), "notes": []});
        Raw {
            external_key: "test".to_owned(),
            subject,
            channel: "orders".to_owned(),
            content_type: "application/json".to_owned(),
            body: body.to_string(),
            headers: Vec::new(),
        }
    }

    /// Tryton keeps quantities as floats: 15 digits survive.
    fn decimals(&self) -> &'static [&'static str] {
        &["0.000000000001", "12345678901.2345", "1840.500", "123456789012345"]
    }

    async fn trouble(&self, trouble: Trouble) {
        self.erp().trouble = Some(trouble);
    }

    async fn calm(&self) {
        self.erp().trouble = None;
    }

    async fn change(&self) {
        let mut erp = self.erp();
        for (model, values) in [
            ("purchase.line", json!({"quantity": 11.5})),
            ("party.party", json!({"name": "Alfa Castings"})),
            ("product.product", json!({"name": "Bracket, left"})),
            ("stock.location", json!({"name": "Plant One"})),
            ("stock.shipment.in", json!({"reference": "LS 1 b"})),
            ("production", json!({"quantity": 3.0})),
        ] {
            let id = *erp.models[model].keys().next().expect("a record");
            erp.set(model, id, &values);
        }
    }

    /// A promise that took effect has its note.
    async fn effects(&self) -> usize {
        self.erp().models.get("ir.note").map_or(0, BTreeMap::len)
    }

    async fn calls(&self) -> usize {
        self.erp().writes
    }

    async fn quantities(&self, _: EventKind) -> Vec<String> {
        let erp = self.erp();
        let line = erp.models["purchase.line"].keys().next_back().expect("a line");
        erp.of("stock.move", "line", *line).map(|each| decimal(&each["quantity"]).to_string()).collect()
    }
}
