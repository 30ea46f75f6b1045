//! Our side in small: a connector with its cursor, the orders it mirrored, and the promises it makes. What the store and the
//! worker do with tables is done here with maps, by the same rules of `domain`.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, NaiveDate, Utc};
use connectors::settings::{Secrets, SettingsProblem};
use connectors::{Connector, Cursor, Fault, Link, Outcome, Outgoing, Raw, registry};
use domain::access::Actor;
use domain::command::{Command, OrderSnapshot};
use domain::event::{Envelope, Event, Promised, Subject, SubjectKind};
use domain::order::{Commitment, PurchaseOrder};
use domain::revision::{Mirrored, Resolved};
use domain::tolerance::Tolerances;
use rust_decimal::Decimal;
use serde_json::json;
use uuid::Uuid;

use super::buyer::Erp;

struct Known(String);

impl Secrets for Known {
    fn read(&self, _: &str) -> Result<String, SettingsProblem> {
        Ok(self.0.clone())
    }
}

/// A connector for the database at `url`.
pub fn connector(url: &str, database: &str, key: &str) -> Box<dyn Connector> {
    connector_with(url, database, key, &[])
}

/// The same with more settings.
pub fn connector_with(url: &str, database: &str, key: &str, more: &[(&str, &str)]) -> Box<dyn Connector> {
    let kind = registry::kind("tryton").expect("the connector is in the registry");
    let mut settings = json!({"base_url": url, "database": database, "rest_key": "env:KEY", "timeout_ms": 20_000});
    for (name, value) in more {
        settings[*name] = json!(value);
    }
    (kind.build)(&settings, &Known(key.to_owned())).expect("right settings")
}

pub struct Portal {
    pub connector: Box<dyn Connector>,
    pub cursor: Cursor,
    pub orders: BTreeMap<String, PurchaseOrder>,
    /// The last that the ERP said of each order.
    pub said: BTreeMap<String, OrderSnapshot>,
    arrived: HashSet<String>,
    ids: u128,
    versions: HashMap<String, i64>,
}

/// One part of a promise: so much in so many days; none without a day.
pub type Parts<'a> = &'a [(&'a str, Option<NaiveDate>)];

impl Portal {
    pub fn new(erp: &Erp) -> Self {
        let connector = connector(&erp.url, &erp.database, &erp.key);
        // Different in each test: ids of events must be.
        let ids = u128::from(std::process::id()) << 64;
        Self {
            connector,
            cursor: Cursor::default(),
            orders: BTreeMap::new(),
            said: BTreeMap::new(),
            arrived: HashSet::new(),
            ids,
            versions: HashMap::new(),
        }
    }

    fn id(&mut self) -> Uuid {
        self.ids += 1;
        Uuid::from_u128(self.ids)
    }

    /// Polls until there is nothing more; what became of each order that arrived.
    pub async fn read(&mut self) -> Vec<(String, Mirrored)> {
        let feed = *self.connector.feeds().iter().find(|feed| feed.name == "orders").expect("the feed orders");
        let mut news = Vec::new();
        loop {
            let polled = match self.connector.poll(feed, &self.cursor).await {
                Ok(polled) => polled,
                // What the worker does too: a record was deleted while Tryton listed it.
                Err(Fault::Temporary { .. }) => continue,
                Err(fault) => panic!("the orders cannot be read: {fault}"),
            };
            // As it is stored between two polls.
            let stored = serde_json::to_string(&polled.cursor).expect("a cursor is JSON");
            self.cursor = serde_json::from_str(&stored).expect("a cursor is JSON");
            for raw in polled.messages {
                if !self.arrived.insert(raw.external_key.clone()) {
                    continue;
                }
                keep(&raw);
                for command in self.connector.interpret(&raw).expect("an order that is understood") {
                    let Command::MirrorOrder(order) = command else { panic!("orders only: {command:?}") };
                    assert_eq!(raw.subject, order.number);
                    news.push((order.number.clone(), self.mirror(order)));
                }
            }
            if !polled.more {
                return news;
            }
        }
    }

    fn mirror(&mut self, order: OrderSnapshot) -> Mirrored {
        self.said.insert(order.number.clone(), order.clone());
        let resolved = Resolved {
            connection_id: Uuid::from_u128(1).into(),
            supplier_id: Uuid::from_u128(2).into(),
            plant_id: Uuid::from_u128(3).into(),
            items: HashMap::new(),
            supplier_tolerances: Tolerances::default(),
            plant_tolerances: Tolerances::default(),
            may_change_price: true,
        };
        let mut ids = self.ids;
        let mut new_id = || {
            ids += 1;
            Uuid::from_u128(ids)
        };
        let result = match self.orders.get_mut(&order.number) {
            Some(known) => known.revise(&order, &resolved, &mut new_id),
            None => {
                let id = new_id().into();
                let (new, events) = PurchaseOrder::publish(id, &order, &resolved, now(), &mut new_id);
                self.orders.insert(order.number.clone(), new);
                Mirrored::Changed(events)
            }
        };
        self.ids = ids;
        result
    }

    /// What became of one order at this reading; unchanged where it did not arrive.
    pub async fn news_of(&mut self, number: &str) -> Mirrored {
        self.read().await.into_iter().rfind(|(of, _)| of == number).map_or(Mirrored::Unchanged, |(_, news)| news)
    }

    /// The number of the order that the ERP knows by this id.
    pub fn number(&self, id: i64) -> String {
        let their_ref = format!("purchase.purchase,{id}");
        self.said.values().find(|order| order.their_ref == their_ref).expect("the order was read").number.clone()
    }

    /// A binding promise for lines by index.
    pub fn promise(&mut self, number: &str, lines: &[(usize, Parts<'_>)]) -> Outgoing {
        self.promise_at(number, lines, None)
    }

    /// The same at another price.
    pub fn promise_at(&mut self, number: &str, lines: &[(usize, Parts<'_>)], price: Option<&str>) -> Outgoing {
        let order = &self.orders[number];
        let promised = lines
            .iter()
            .map(|(index, parts)| {
                let line = &order.lines[*index];
                let schedule = &line.schedule[0];
                let commitments = parts.iter().map(|(quantity, on)| Commitment {
                    quantity: decimal(quantity),
                    deliver_on: *on,
                    ship_on: None,
                    price: price.map(decimal),
                });
                Promised {
                    schedule_line_id: schedule.schedule_line_id,
                    line: line.number.clone(),
                    schedule: schedule.number,
                    item: line.item_number.clone(),
                    unit: line.unit.clone(),
                    requested: schedule.quantity,
                    requested_on: schedule.requested_on,
                    price: line.price,
                    commitments: commitments.collect(),
                }
            })
            .collect();
        let event = Event::PromiseMade { order: number.to_owned(), revision: order.revision, lines: promised };
        let order_id = order.order_id;
        let version = self.versions.entry(number.to_owned()).or_default();
        *version += 1;
        let subject_version = *version;
        Outgoing {
            connection_id: Uuid::from_u128(1).into(),
            envelope: Envelope {
                event_id: self.id().into(),
                subject: Subject { kind: SubjectKind::Order, id: order_id.into() },
                subject_version,
                at: now(),
                plant_id: None,
                supplier_id: None,
                actor: Actor::Loop { name: "test".to_owned() },
                correlation_id: self.id().into(),
                causation_id: None,
                event,
            },
            attempt: 1,
            links: Vec::new(),
            plant: None,
            supplier: None,
            now: now(),
        }
    }

    /// Delivers and expects that it is taken; whether it was there already, and under which reference.
    pub async fn accepted(&self, delivery: &Outgoing) -> (bool, String) {
        match self.connector.deliver(delivery).await {
            Ok(Outcome::Accepted { their_ref: Some(their_ref), already, .. }) => (already, their_ref),
            other => panic!("not accepted: {other:?}"),
        }
    }

    /// Delivers and expects that it is taken; what Tryton calls the things in it.
    pub async fn links(&self, delivery: &Outgoing) -> Vec<Link> {
        match self.connector.deliver(delivery).await {
            Ok(Outcome::Accepted { links, .. }) => links,
            other => panic!("not accepted: {other:?}"),
        }
    }

    /// Delivers and expects a refusal; its words.
    pub async fn refused(&self, delivery: &Outgoing) -> String {
        match self.connector.deliver(delivery).await {
            Ok(Outcome::Refused { reason, .. }) => reason,
            other => panic!("not refused: {other:?}"),
        }
    }
}

/// Keeps what the real Tryton said, where a directory is named: this is how `src/tryton/fixtures` were recorded.
fn keep(raw: &Raw) {
    if let Ok(directory) = std::env::var("INTERLOCK_TRYTON_RECORD") {
        let name = raw.external_key.replace([',', '@'], "-");
        std::fs::write(format!("{directory}/{}.{name}.json", raw.channel), &raw.body)
            .expect("the recording is written");
    }
}

pub fn now() -> DateTime<Utc> {
    std::time::SystemTime::now().into()
}

pub fn decimal(text: &str) -> Decimal {
    text.parse().expect("a decimal")
}
