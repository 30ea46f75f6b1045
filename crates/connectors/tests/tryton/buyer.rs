//! A buyer at work in the real Tryton, with a key of his own, and what a test needs to look over his shoulder.

use chrono::{Datelike, NaiveDate, TimeDelta, Utc};
use reqwest::{Client, Method};
use serde_json::{Value, json};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;

/// The running instance that `scripts/erp.sh` tells about; none where the tests run without it.
#[derive(Debug, Clone)]
pub struct Erp {
    pub url: String,
    pub database: String,
    pub key: String,
    pub seed: Value,
    pub script: String,
    client: Client,
}

/// One line to order: item, unit, quantity, price, days from today.
pub struct Wanted(pub &'static str, pub &'static str, pub i64, pub &'static str, pub i64);

/// A day so many days from now.
pub fn day(days: i64) -> NaiveDate {
    (chrono::DateTime::<Utc>::from(std::time::SystemTime::now()) + TimeDelta::days(days)).date_naive()
}

fn date(on: NaiveDate) -> Value {
    json!({"__class__": "date", "year": on.year(), "month": on.month(), "day": on.day()})
}

/// A line as it stands: quantity, price, moves by day.
#[derive(Debug, Clone, PartialEq)]
pub struct Stand {
    pub quantity: f64,
    pub price: String,
    pub moves: Vec<(f64, Option<NaiveDate>, String)>,
}

impl Erp {
    pub fn running() -> Option<Self> {
        let var = |name: &str| std::env::var(format!("INTERLOCK_TRYTON_{name}")).ok();
        let url = var("URL")?;
        let dir = var("DIR").expect("INTERLOCK_TRYTON_DIR beside INTERLOCK_TRYTON_URL");
        let seed = std::fs::read_to_string(format!("{dir}/seed.json")).expect("the seed of the running Tryton");
        // Plain HTTP to this machine: no certificates, no proxy; but the client wants to know who would do TLS.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().no_proxy().tls_certs_only([]).build().expect("a client");
        Some(Self {
            url,
            database: var("DATABASE").expect("INTERLOCK_TRYTON_DATABASE"),
            key: var("KEY").expect("INTERLOCK_TRYTON_KEY"),
            seed: serde_json::from_str(&seed).expect("the seed is JSON"),
            script: var("SCRIPT").expect("INTERLOCK_TRYTON_SCRIPT"),
            client,
        })
    }

    pub fn buyer_key(&self) -> &str {
        self.seed["buyer_key"].as_str().expect("the buyer's key")
    }

    /// A call with the buyer's key.
    pub async fn call(&self, method: Method, path: &str, fields: &[&str], domain: Value, body: Option<Value>) -> Value {
        let mut url =
            url::Url::parse(&format!("{}/{}/rest/model/{path}", self.url, self.database)).expect("an address");
        for field in fields {
            url.query_pairs_mut().append_pair("f", field);
        }
        if !domain.is_null() {
            url.query_pairs_mut().append_pair("d", &URL_SAFE.encode(domain.to_string()));
        }
        let context = URL_SAFE.encode(json!({"company": self.seed["company"], "_skip_warnings": true}).to_string());
        let mut request = self
            .client
            .request(method.clone(), url)
            .header("authorization", format!("bearer {}", self.buyer_key()))
            .header("x-tryton-context", context);
        if let Some(body) = &body {
            request = request.json(body);
        }
        let answer = request.send().await.expect("Tryton answers the buyer");
        let status = answer.status();
        let text = answer.text().await.expect("an answer");
        assert!(status.is_success(), "{method} {path}: {status}: {text}");
        if text.is_empty() { Value::Null } else { serde_json::from_str(&text).expect("JSON") }
    }

    /// The buyer presses a button of a record.
    pub async fn press(&self, model: &str, id: i64, button: &str) {
        self.call(Method::POST, &format!("{model}/{id}/{button}"), &["id"], Value::Null, Some(json!({}))).await;
    }

    /// Orders of the first supplier's brackets and steel; returns the purchase's id.
    pub async fn order(&self, lines: &[Wanted]) -> i64 {
        let supplier = &self.seed["suppliers"]["S-ALFA"];
        let lines: Vec<Value> = lines
            .iter()
            .map(|Wanted(item, unit, quantity, price, days)| {
                json!({
                    "type": "line", "product": self.seed["items"][item], "unit": self.seed["units"][unit],
                    "quantity": quantity, "unit_price": {"__class__": "Decimal", "decimal": price},
                    "delivery_date_edit": true, "delivery_date_store": date(day(*days)),
                })
            })
            .collect();
        let purchase = json!({
            "party": supplier["id"], "invoice_party": supplier["id"], "invoice_address": supplier["address"],
            "company": self.seed["company"], "currency": self.seed["currency"], "warehouse": self.seed["plants"]["P1"],
            "invoice_method": "fulfillment", "purchase_date": date(day(0)), "lines": [["create", lines]],
        });
        let made = self.call(Method::POST, "purchase.purchase", &["id"], Value::Null, Some(purchase)).await;
        let id = made["id"].as_i64().expect("an id");
        self.press("purchase.purchase", id, "quote").await;
        self.press("purchase.purchase", id, "confirm").await;
        id
    }

    /// The lines as they stand, with revision and number of notes.
    pub async fn stands(&self, order: i64) -> (i64, usize, Vec<Stand>) {
        let fields = [
            "revision",
            "lines.quantity",
            "lines.unit_price",
            "lines.moves.quantity",
            "lines.moves.planned_date",
            "lines.moves.state",
        ];
        let found = self.call(Method::GET, &format!("purchase.purchase/{order}"), &fields, Value::Null, None).await;
        let resource = json!([["resource", "in", [format!("purchase.purchase,{order}")]]]);
        let notes = self.call(Method::GET, "ir.note", &["id"], resource, None).await;
        let lines = found["lines"].as_array().expect("lines").iter().map(|line| {
            let mut moves: Vec<_> = line["moves"]
                .as_array()
                .expect("moves")
                .iter()
                .map(|each| {
                    let on = &each["planned_date"];
                    let part = |name: &str| on[name].as_u64().and_then(|number| u32::try_from(number).ok());
                    let on = on["year"].as_i64().and_then(|year| {
                        NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, part("month")?, part("day")?)
                    });
                    let state = each["state"].as_str().expect("a state").to_owned();
                    (each["quantity"].as_f64().expect("a quantity"), on, state)
                })
                .collect();
            moves
                .sort_by(|a, b| (a.1.is_none(), a.1, a.0).partial_cmp(&(b.1.is_none(), b.1, b.0)).expect("comparable"));
            Stand {
                quantity: line["quantity"].as_f64().expect("a quantity"),
                price: line["unit_price"]["decimal"].as_str().expect("a price").to_owned(),
                moves,
            }
        });
        (found["revision"].as_i64().expect("a revision"), notes.as_array().expect("notes").len(), lines.collect())
    }

    /// Ids of the lines, and of their moves.
    pub async fn ids(&self, order: i64) -> Vec<(i64, Vec<i64>)> {
        let path = format!("purchase.purchase/{order}");
        let found = self.call(Method::GET, &path, &["lines.moves.id"], Value::Null, None).await;
        let id = |value: &Value| value["id"].as_i64().expect("an id");
        let lines = found["lines"].as_array().expect("lines").iter();
        lines.map(|line| (id(line), line["moves"].as_array().expect("moves").iter().map(id).collect())).collect()
    }

    /// The buyer wants another quantity.
    pub async fn amend(&self, order: i64, line: i64, quantity: i64) {
        let fields = ["product", "unit", "unit_price", "description"];
        let mut values = self.call(Method::GET, &format!("purchase.line/{line}"), &fields, Value::Null, None).await;
        let party = &self.seed["suppliers"]["S-ALFA"]["id"];
        values = json!({
            "action": "line", "line": line, "party": party, "product": values["product"], "unit": values["unit"],
            "unit_price": values["unit_price"], "description": values["description"], "quantity": quantity,
        });
        let body = json!({"purchase": order, "date": date(day(0)), "lines": [["create", [values]]]});
        let made = self.call(Method::POST, "purchase.amendment", &["id"], Value::Null, Some(body)).await;
        self.press("purchase.amendment", made["id"].as_i64().expect("an id"), "validate_amendment").await;
    }

    /// The buyer drags a stock move to another day.
    pub async fn drag(&self, id: i64, on: NaiveDate) {
        let body = json!({"planned_date": date(on)});
        self.call(Method::PUT, &format!("stock.move/{id}"), &["id"], Value::Null, Some(body)).await;
    }

    /// The buyer cancels a move and does not say what becomes of its quantity.
    pub async fn cancel(&self, id: i64) {
        self.press("stock.move", id, "cancel").await;
    }

    /// How many amendments wait to be validated.
    pub async fn draft_amendments(&self, order: i64) -> usize {
        let drafts = json!([["purchase", "=", order], ["state", "=", "draft"]]);
        self.call(Method::GET, "purchase.amendment", &["id"], drafts, None).await.as_array().expect("a list").len()
    }

    /// So much of a move is received at the gate.
    pub async fn receive(&self, id: i64, quantity: i64) {
        let plant = self.seed["plants"]["P1"].as_i64().expect("a plant");
        let fields = ["input_location", "storage_location"];
        let zones = self.call(Method::GET, &format!("stock.location/{plant}"), &fields, Value::Null, None).await;
        let body = json!({
            "supplier": self.seed["suppliers"]["S-ALFA"]["id"], "company": self.seed["company"], "warehouse": plant,
            "warehouse_input": zones["input_location"], "warehouse_storage": zones["storage_location"],
            "planned_date": date(day(0)),
            "incoming_moves": [["write", [id], {"quantity": quantity}], ["add", [id]]],
        });
        let made = self.call(Method::POST, "stock.shipment.in", &["id"], Value::Null, Some(body)).await;
        self.press("stock.shipment.in", made["id"].as_i64().expect("an id"), "receive").await;
    }

    /// A lot of seals found in a place, so much of it; its number.
    pub async fn found(&self, lot: &str, quantity: i64, place: &Value) {
        let body = json!({"number": lot, "product": self.seed["items"]["CMP-SEAL"]});
        let known = json!([["number", "=", lot]]);
        let known = self.call(Method::GET, "stock.lot", &["id"], known, None).await[0]["id"].clone();
        let id = match known {
            Value::Null => self.call(Method::POST, "stock.lot", &["id"], Value::Null, Some(body)).await["id"].clone(),
            known => known,
        };
        let lost = json!([["type", "=", "lost_found"]]);
        let lost = self.call(Method::GET, "stock.location", &["id"], lost, None).await[0]["id"].clone();
        let body = json!({
            "product": self.seed["items"]["CMP-SEAL"], "lot": id, "quantity": quantity, "unit": self.seed["units"]["u"],
            "from_location": lost, "to_location": place, "company": self.seed["company"],
        });
        let moved = self.call(Method::POST, "stock.move", &["id"], Value::Null, Some(body)).await;
        self.press("stock.move", moved["id"].as_i64().expect("an id"), "do").await;
    }

    /// `scripts/erp.sh` with one word, e.g. `stop-server`.
    pub fn script(&self, word: &str) {
        let status = std::process::Command::new(&self.script).arg(word).status().expect("scripts/erp.sh runs");
        assert!(status.success(), "scripts/erp.sh {word}: {status}");
    }
}
