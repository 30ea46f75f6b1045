//! The simulated ERP as the peer of `rest`.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use connectors::{Outgoing, Raw};
use domain::event::EventKind;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use simulators::rest::{Change, Door, Fault, Loss, Rule};
use simulators::{Clock, RunningErp, Settings, SimulatedErp, demo};

use super::{Peer, SHORT, Trouble, now, promise, promised};

const ORDER: &str = "4500012345";

pub struct RestPeer {
    erp: RunningErp,
    version: AtomicI64,
}

impl RestPeer {
    pub async fn start() -> Self {
        let settings = Settings {
            api_key: "key-that-nobody-may-see".to_owned(),
            orders: demo::orders(now().date_naive()),
            clock: Clock::new(now),
            ..Settings::default()
        };
        Self { erp: SimulatedErp::start(settings).await.expect("a simulated ERP"), version: AtomicI64::new(0) }
    }
}

#[async_trait]
impl Peer for RestPeer {
    fn settings(&self, timeout: Duration) -> Value {
        json!({
            "base_url": self.erp.base_url(),
            "api_key": "env:ERP_KEY",
            "push_secret": "env:ERP_PUSH",
            "timeout_ms": u64::try_from(timeout.as_millis()).expect("a short time"),
        })
    }

    fn secrets(&self) -> Vec<(String, String)> {
        vec![
            ("env:ERP_KEY".to_owned(), self.erp.api_key().to_owned()),
            ("env:ERP_PUSH".to_owned(), "push-secret-that-nobody-may-see".to_owned()),
        ]
    }

    fn outgoing_with(&self, _: EventKind, number: Decimal) -> Outgoing {
        let version = self.version.fetch_add(1, Ordering::Relaxed) + 1;
        promise(ORDER, version, vec![promised("0010", "0012-00A", "PCE", number)], Vec::new())
    }

    fn message_with(&self, number: &str) -> Raw {
        let mut order = serde_json::to_value(self.erp.order(ORDER).expect("the order")).expect("JSON");
        order["lines"][0]["price"] = json!(number);
        order["lines"][0]["schedule"][0]["quantity"] = json!(number);
        Raw {
            external_key: "test".to_owned(),
            subject: ORDER.to_owned(),
            channel: "orders".to_owned(),
            content_type: "application/json".to_owned(),
            body: order.to_string(),
            headers: Vec::new(),
        }
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
            Trouble::Refuses { reason } => {
                Rule::from(Fault::Refuse { order: None, line: None, reason }).at(Door::Confirmations)
            }
        };
        self.erp.fault(rule);
    }

    async fn calm(&self) {
        self.erp.calm();
    }

    async fn change(&self) {
        let change = Change {
            line: "0020".to_owned(),
            schedule: Some(1),
            quantity: Some(Decimal::new(350, 0)),
            ..Change::default()
        };
        self.erp.change(ORDER, &[change]).expect("the order changes");
    }

    async fn effects(&self) -> usize {
        self.erp.accepted().len()
    }

    async fn calls(&self) -> usize {
        self.erp.requests().len()
    }

    async fn quantities(&self) -> Vec<String> {
        let accepted = self.erp.accepted();
        let lines = accepted.last().map(|accepted| accepted.confirmation.lines.clone()).unwrap_or_default();
        lines.iter().flat_map(|line| &line.commitments).map(|part| part.quantity.to_string()).collect()
    }
}
