//! Systems at the door for what is pushed: what they tell of goods is kept as an arrival, applied to what it is about, and
//! counted once however often it is sent; what is not signed by the connection's own secret is not even kept.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use connectors::settings::HostSecrets;
use domain::access::{Actor, Role, Scope};
use domain::confirmation::{Answer, AnswerKind, Channel, ConfirmLines};
use domain::exchange::Stage;
use domain::id::{PersonId, SupplierId};
use domain::shipment::content::{LineContent, SendShipNotice, ShipContent};
use domain::shipment::{Milestone, ShipStatus};
use hmac::{Hmac, Mac as _};
use http::StatusCode;
use reqwest::{Client, Response};
use serde_json::{Value, json};
use sha2::Sha256;
use store::connections::{self, Configured, Takes};
use store::{Who, orders, receipts, reference, ship_notices};
use uuid::Uuid;
use worker::apply;
use worker::run::{Means, Settings};
use worker::systems::Systems;

use crate::machines::{order, supplier};
use crate::portal::{Portal, noon};

const ERP_SECRET: &str = "what the ERP signs with";
const WMS_SECRET: &str = "what the warehouse signs with";

/// Supplier A announced the order PO-1; an ERP and a warehouse system may push.
struct Yard {
    portal: Portal,
    means: Means,
    client: Client,
    notice: String,
    _data: tempfile::TempDir,
}

fn configured(name: &str, system: &str, secret: &str) -> Configured {
    Configured {
        name: name.to_owned(),
        plant_id: None,
        takes: Takes::Own,
        stage: Stage::Test,
        settings: json!({
            "base_url": "http://127.0.0.1:9", "api_key": format!("file:{secret}"), "push_secret": format!("file:{secret}"),
            "system": system,
        }),
        in_flight_limit: 8,
    }
}

impl Yard {
    async fn open() -> Self {
        let data = tempfile::tempdir().expect("a folder");
        let secrets = data.path().join("secrets");
        std::fs::create_dir(&secrets).expect("a folder");
        std::fs::write(secrets.join("erp"), ERP_SECRET).expect("a secret");
        std::fs::write(secrets.join("wms"), WMS_SECRET).expect("a secret");
        let folder = data.path().to_string_lossy().into_owned();
        let portal = Portal::open_with(&[("data_dir", folder.as_str())]).await;
        let mut tx = portal.store.begin(portal.who()).await.expect("a transaction");
        let erp =
            connections::add(&mut tx, "rest", &configured("ERP", "erp", "erp"), &["orders"]).await.expect("the ERP");
        connections::add(&mut tx, "rest", &configured("WMS", "wms", "wms"), &[]).await.expect("the warehouse");
        let a = reference::mirror_supplier(&mut tx, &supplier("A")).await.expect("supplier A");
        orders::mirror(&mut tx, erp, &order("PO-1", "A")).await.expect("an order of A");
        tx.commit().await.expect("committed");
        let notice = announced(&portal, a).await;
        let secrets = HostSecrets { variable_prefix: "INTERLOCK_SECRET_".to_owned(), directory: Some(secrets) };
        let means = Means::new(portal.store.clone(), Arc::new(Systems::new(Arc::new(secrets))), Settings::default());
        let client = Client::builder().no_proxy().build().expect("a client");
        Self { portal, means, client, notice, _data: data }
    }

    async fn push(&self, connection: &str, secret: &str, id: &str, body: &Value) -> Response {
        let (body, sent_at) = (body.to_string(), noon().timestamp());
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key");
        mac.update(format!("{id}.{sent_at}.{body}").as_bytes());
        self.client
            .post(format!("{}/api/v1/arrivals/{connection}", self.portal.address))
            .header("content-type", "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", sent_at.to_string())
            .header("webhook-signature", format!("v1,{}", BASE64.encode(mac.finalize().into_bytes())))
            .body(body)
            .send()
            .await
            .expect("an answer")
    }

    /// Pushes by the warehouse and applies what is there; then asks under the same id what became of it.
    async fn told(&self, id: &str, body: &Value) -> Value {
        let taken = self.push("WMS", WMS_SECRET, id, body).await;
        assert_eq!(taken.status(), StatusCode::ACCEPTED, "{id}");
        let taken: Value = taken.json().await.expect("an answer");
        assert_eq!(apply::once(&self.means).await.expect("applied"), 1, "{id}");
        let again = self.push("WMS", WMS_SECRET, id, body).await;
        assert_eq!(again.status(), StatusCode::OK, "{id}: came before");
        let again: Value = again.json().await.expect("an answer");
        assert_eq!(again["arrival_id"], taken["arrival_id"], "{id}: the same message is the same arrival");
        assert_eq!(apply::once(&self.means).await.expect("nothing is left"), 0, "{id}");
        again
    }

    fn messages(&self) -> [(&'static str, Value); 3] {
        [
            (
                "milestone",
                json!({"type": "milestone", "milestone": {
                    "delivery_note": "LS-1", "supplier": "A", "milestone": "arrived_at_gate", "happened_at": "2026-12-01T11:00:00Z"
                }}),
            ),
            (
                "receipt",
                json!({"type": "receipt", "receipt": {
                    "number": "W1", "changed_at": "2026-12-01T11:31:00Z", "plant": "DE10", "supplier": "A", "notice": self.notice,
                    "received_at": "2026-12-01T11:30:00Z", "complete": true,
                    "lines": [{"order": "PO-1", "line": "0010", "item": "4711", "unit": "PCE", "accepted": "60"}]
                }}),
            ),
            (
                "stock",
                json!({"type": "stock", "stock": {
                    "plant": "DE10", "item": "4711", "unit": "PCE", "as_of": "2026-12-01T11:40:00Z", "lots": [{"on_hand": "60"}]
                }}),
            ),
        ]
    }

    /// Arrivals, milestones, receipts that count, and pieces in stock.
    async fn counts(&self) -> [i64; 4] {
        [
            self.portal.count("select count(*) from arrival").await,
            self.portal.count("select count(*) from ship_milestone").await,
            self.portal.count("select count(*) from receipt r where exists (select from receipt_line l where l.receipt_id = r.receipt_id and l.counted)").await,
            self.portal.count("select coalesce(sum(on_hand), 0)::bigint from stock").await,
        ]
    }
}

/// A ship notice of supplier A over 60 of the order's 100 pieces, with the delivery note LS-1.
async fn announced(portal: &Portal, a: SupplierId) -> String {
    let sam = Who {
        actor: Actor::Person {
            person_id: PersonId(portal.store.new_id()),
            name: "Sam".to_owned(),
            roles: vec![Role::Supplier],
        },
        scope: Scope::Suppliers(vec![a]),
        correlation: portal.store.new_correlation(),
        address: None,
    };
    let mut tx = portal.store.begin(sam).await.expect("a transaction");
    let record = orders::get(&mut tx, "PO-1").await.expect("his order");
    let schedule = &record.order.lines[0].schedule[0];
    let yes = Answer {
        schedule_line_id: schedule.schedule_line_id,
        version: schedule.version,
        kind: AnswerKind::Accept,
        commitments: Vec::new(),
        reason: None,
        note: None,
    };
    let answer = ConfirmLines {
        revision: record.order.revision,
        answers: vec![yes],
        channel: Channel::Portal,
        submission: Uuid::now_v7(),
    };
    orders::confirm(&mut tx, "PO-1", &answer).await.expect("confirmed");
    let content = ShipContent {
        delivery_note: "LS-1".to_owned(),
        ship_on: "2026-12-01".parse().expect("a day"),
        arrive_on: "2026-12-02".parse().expect("a day"),
        carrier: None,
        tracking: None,
        bill_of_lading: None,
        note: None,
        lines: vec![LineContent {
            schedule_line_id: schedule.schedule_line_id,
            quantity: 60.into(),
            lots: Vec::new(),
            serials: Vec::new(),
        }],
        units: Vec::new(),
    };
    let sent = ship_notices::send(&mut tx, &SendShipNotice { content, submission: Uuid::now_v7() }).await;
    let number = sent.expect("announced").number;
    tx.commit().await.expect("committed");
    number
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_a_system_pushes_of_goods_is_applied_to_what_it_is_about_and_counts_once() {
    let yard = Yard::open().await;
    let mut outcomes = Vec::new();
    for (id, body) in yard.messages() {
        let came_to = yard.told(id, &body).await;
        assert_eq!(came_to["state"], "applied", "{id}: {came_to}");
        outcomes.push(came_to["outcome"].as_str().expect("words").to_owned());
    }
    let notice = &yard.notice;
    assert_eq!(outcomes[0], format!("ship notice {notice}: arrived at the gate"));
    assert_eq!(outcomes[2], "stock of 4711 in DE10");
    assert_eq!(yard.counts().await, [3, 1, 1, 60]);

    let mut tx = yard.portal.store.begin(yard.portal.who()).await.expect("a transaction");
    let record = ship_notices::get(&mut tx, notice).await.expect("the notice");
    assert_eq!(record.status, ShipStatus::Received);
    let line = record.notice.lines[0].ship_line_id;
    assert_eq!(record.received.get(&line), Some(&(60.into(), 0.into())));
    let way = ship_notices::milestones(&mut tx, record.notice.ship_notice_id).await.expect("its way");
    let way: Vec<Milestone> = way.iter().map(|told| told.moved.milestone).collect();
    assert_eq!(way, [Milestone::ArrivedAtGate]);
    let came = receipts::of_notice(&mut tx, notice).await.expect("its receipts");
    let [receipt] = came.as_slice() else { panic!("one receipt: {came:?}") };
    assert_eq!((receipt.their_ref.as_deref(), receipt.counts), (Some("W1"), true));
    assert!(outcomes[1].contains(&receipt.number), "{}", outcomes[1]);
    drop(tx);

    // The same said in another message: kept as a message, and no more goods for it.
    for (id, body) in yard.messages() {
        let came_to = yard.told(&format!("{id} again"), &body).await;
        assert_eq!(came_to["state"], "applied", "{id}: {came_to}");
    }
    assert_eq!(yard.counts().await, [6, 1, 1, 60]);
    yard.portal.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_signed_with_another_systems_secret_is_turned_away_and_not_kept() {
    let yard = Yard::open().await;
    for (id, body) in yard.messages() {
        for (connection, secret) in [("WMS", ERP_SECRET), ("ERP", WMS_SECRET), ("WMS", "")] {
            let answer = yard.push(connection, secret, id, &body).await;
            assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{id} at {connection} with {secret:?}");
        }
        let unsigned = yard
            .client
            .post(format!("{}/api/v1/arrivals/WMS", yard.portal.address))
            .header("webhook-id", id)
            .json(&body)
            .send();
        assert_eq!(unsigned.await.expect("an answer").status(), StatusCode::UNAUTHORIZED, "{id} unsigned");
        let nowhere = yard.push("NOBODY", WMS_SECRET, id, &body).await;
        assert_eq!(nowhere.status(), StatusCode::NOT_FOUND, "{id} for a connection that does not exist");
    }
    assert_eq!(apply::once(&yard.means).await.expect("nothing to do"), 0);
    assert_eq!(yard.counts().await, [0, 0, 0, 0]);
    yard.portal.close().await;
}
