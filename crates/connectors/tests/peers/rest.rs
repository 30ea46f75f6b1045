//! The simulated ERP, and the simulated warehouse system, as the peers of `rest`.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use connectors::{Outgoing, Raw};
use domain::event::EventKind;
use domain::shipment::Milestone;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use simulators::rest::{Change, Fault, Loss, Rule, WorkOrder};
use simulators::{Clock, Role, RunningErp, Settings, SimulatedErp, demo};

use super::material::{Thing, delivery, event, notice_number};
use super::{KnownSecrets, Peer, SHORT, Trouble, now, promise, promised};

const ORDER: &str = "4500012345";

/// An item without lots, which is in stock.
const THING: Thing<'_> =
    Thing { order: ORDER, line: "0010", item: "0012-00A", unit: "PCE", plant: "DE10", supplier: "100234", lot: None };

pub struct RestPeer {
    role: Role,
    erp: RunningErp,
    /// Of the last delivery. The first is the ship notice that is received and moves.
    version: AtomicI64,
}

impl RestPeer {
    pub async fn start(role: Role) -> Self {
        let (orders, mut stock) = match role {
            Role::Erp => (demo::orders(now().date_naive()), demo::stock(now())),
            Role::Wms | Role::Mes => (Vec::new(), Vec::new()),
        };
        // Enough for whatever is consumed.
        for opening in stock.iter_mut().filter(|opening| opening.item == THING.item) {
            opening.quantity = Decimal::from(10_000_000);
        }
        let settings = Settings {
            role,
            api_key: "key-that-nobody-may-see".to_owned(),
            orders,
            work_orders: if role == Role::Erp { vec![work_order()] } else { Vec::new() },
            stock,
            clock: Clock::new(now),
            ..Settings::default()
        };
        let erp = SimulatedErp::start(settings).await.expect("a simulated system");
        let peer = Self { role, erp, version: AtomicI64::new(0) };
        if role == Role::Mes {
            return peer;
        }
        let announced = peer.outgoing(EventKind::ShipmentAnnounced);
        let secrets = KnownSecrets(peer.secrets().into_iter().collect());
        let connector = (connectors::rest::KIND.build)(&peer.settings(super::LONG), &secrets).expect("right settings");
        connector.deliver(&announced).await.expect("the first ship notice is taken");
        peer.happen();
        peer
    }

    /// A truck arrives, and something of it is received.
    fn happen(&self) {
        let notice = notice_number(1);
        self.erp.see(&notice, Milestone::ArrivedAtGate, None).expect("it arrives");
        self.erp.receive(&notice, &[], false).expect("it is received");
    }
}

fn raw(channel: &str, body: &Value) -> Raw {
    Raw {
        external_key: "test".to_owned(),
        subject: ORDER.to_owned(),
        channel: channel.to_owned(),
        content_type: "application/json".to_owned(),
        body: body.to_string(),
        headers: Vec::new(),
    }
}

/// The one that deliveries are about, see [`super::material`].
fn work_order() -> WorkOrder {
    let body = json!({
        "number": "1000123", "status": "released", "plant": {"code": THING.plant, "name": "Lindau"},
        "item": {"number": "0900-01", "description": "Pump"}, "unit": "PCE", "quantity": "40",
        "starts_at": "2026-12-04T05:00:00Z", "due_at": "2026-12-05T13:00:00Z",
        "components": [{
            "number": "0010", "item": {"number": THING.item, "description": "Bracket"}, "unit": THING.unit, "quantity": "40",
        }],
    });
    serde_json::from_value(body).expect("a work order")
}

#[async_trait]
impl Peer for RestPeer {
    fn settings(&self, timeout: Duration) -> Value {
        let mut settings = json!({
            "base_url": self.erp.base_url(),
            "api_key": "env:ERP_KEY",
            "timeout_ms": u64::try_from(timeout.as_millis()).expect("a short time"),
        });
        match self.role {
            Role::Mes => {
                settings["plant"] = json!(THING.plant);
                settings["report_key"] = json!("env:ERP_PUSH");
            }
            Role::Erp | Role::Wms => {
                settings["push_secret"] = json!("env:ERP_PUSH");
                settings["system"] = json!(if self.role == Role::Erp { "erp" } else { "wms" });
            }
        }
        settings
    }

    fn variant(&self) -> &'static str {
        match self.role {
            Role::Erp | Role::Mes => "",
            Role::Wms => "-wms",
        }
    }

    fn secrets(&self) -> Vec<(String, String)> {
        vec![
            ("env:ERP_KEY".to_owned(), self.erp.api_key().to_owned()),
            ("env:ERP_PUSH".to_owned(), "push-secret-that-nobody-may-see".to_owned()),
        ]
    }

    fn outgoing_with(&self, kind: EventKind, number: Decimal) -> Outgoing {
        let version = self.version.fetch_add(1, Ordering::Relaxed) + 1;
        if let Some(event) = event(kind, THING, version, number) {
            return delivery(event, THING, version, Vec::new());
        }
        promise(ORDER, version, vec![promised("0010", "0012-00A", "PCE", number)], Vec::new())
    }

    fn message_with(&self, number: &str) -> Raw {
        if self.role == Role::Mes {
            let message = json!({
                "id": "test", "type": "consumption", "work_order": "1000123", "at": now(), "item": THING.item,
                "unit": THING.unit, "quantity": number,
            });
            return raw("push", &message);
        }
        let orders = demo::orders(now().date_naive());
        let mut order = serde_json::to_value(&orders[0]).expect("JSON");
        order["lines"][0]["price"] = json!(number);
        order["lines"][0]["schedule"][0]["quantity"] = json!(number);
        raw("orders", &order)
    }

    async fn trouble(&self, trouble: Trouble) {
        let slow = u64::try_from(SHORT.as_millis()).expect("a short time") * 20;
        let rule: Rule = match trouble {
            Trouble::Down => Fault::Down.into(),
            Trouble::Maintenance { seconds } => Fault::Maintenance { retry_after: seconds }.into(),
            Trouble::RateLimited { seconds } => Fault::RateLimit { retry_after: seconds }.into(),
            Trouble::ServerError => Fault::ServerError.into(),
            Trouble::BadRequest => Fault::BadRequest.into(),
            Trouble::Slow => Fault::Slow { ms: slow }.into(),
            Trouble::LostAnswer => Fault::LoseAnswers { how: Loss::Drop }.into(),
            Trouble::ErrorInside200 => Fault::ErrorBodyWith200.into(),
            Trouble::UnknownStatus => Fault::UnknownStatus.into(),
            Trouble::Refuses { reason } => Fault::Refuse { order: None, line: None, reason }.into(),
        };
        self.erp.fault(rule);
    }

    async fn calm(&self) {
        self.erp.calm();
    }

    async fn change(&self) {
        if self.role != Role::Mes {
            self.happen();
        }
        if self.role != Role::Erp {
            return;
        }
        let change = Change {
            line: "0020".to_owned(),
            schedule: Some(1),
            quantity: Some(Decimal::new(350, 0)),
            ..Change::default()
        };
        self.erp.change(ORDER, &[change]).expect("the order changes");
        self.erp.plan(WorkOrder { quantity: Decimal::from(50), ..work_order() }).expect("the work order changes");
    }

    async fn effects(&self) -> usize {
        self.erp.accepted().len() + self.erp.taken().len()
    }

    async fn calls(&self) -> usize {
        self.erp.requests().len()
    }

    async fn quantities(&self, kind: EventKind) -> Vec<String> {
        if kind != EventKind::PromiseMade {
            let taken = self.erp.taken();
            let quantities = taken.last().map(|taken| taken.told.quantities()).unwrap_or_default();
            return quantities.iter().map(ToString::to_string).collect();
        }
        let accepted = self.erp.accepted();
        let lines = accepted.last().map(|accepted| accepted.confirmation.lines.clone()).unwrap_or_default();
        lines.iter().flat_map(|line| &line.commitments).map(|part| part.quantity.to_string()).collect()
    }
}
