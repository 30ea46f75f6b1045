//! Connector `tryton`: Tryton 8.2, a free ERP (<https://www.tryton.org>), through its built-in REST API.
//!
//! In: purchases that are being processed, with what is *requested* of the supplier ([`note`] tells it from what we wrote
//! back), and suppliers, items and plants ([`changes`]).
//! Out: binding promises, as dates and splits of stock moves and, where quantity or price differ, as an amendment
//! ([`plan`], [`write`]); ship notices as draft supplier shipments ([`shipment`]), whose milestones move their planned date or
//! are noted on them ([`milestone`]), and which a receipt at our dock receives and its reversal cancels ([`dock`]); holds and
//! usage decisions as internal shipments ([`relocation`]) between the storage zone and the locations for what is on hold
//! ([`hold`]), in inspection or blocked ([`decision`]). Receipts come back ([`receipt`]), and questions about stock are
//! answered ([`stock`]). Productions are work orders, on which each report of the shop floor is a stock move ([`production`]).
//! Tryton has no place for an idempotency key: we look before we write, and what leaves no other trace
//! leaves a note that holds the key ([`note`], [`remark`]). Decided in `docs/decisions/0010-tryton-write-back.md`.
//!
//! The key's user needs the groups Purchase, Purchase Amendment, Stock and Production, and Stock Cancellation where receipts or
//! reports are taken back; no administrator, no password.

mod changes;
mod decision;
mod dock;
mod hold;
mod lot;
mod milestone;
mod note;
mod plan;
mod production;
mod receipt;
mod relocation;
mod remark;
mod settings;
mod shipment;
mod stock;
mod translate;
mod wire;
mod write;

use async_trait::async_trait;
use chrono::TimeDelta;
use domain::command::Command;
use domain::event::EventKind;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

pub use settings::{SETTINGS, TrytonSettings};

use crate::outcome::{Fault, Health, NotUnderstood, Outcome};
use crate::registry::Kind;
use crate::settings::{Secrets, SettingsProblem};
use crate::{Connector, Cursor, Feed, Outgoing, Polled, Raw};

/// Its line in the registry.
pub const KIND: Kind =
    Kind { name: "tryton", title: "Tryton ERP", carries: CARRIES, feeds: changes::FEEDS, settings: SETTINGS, build };

const CARRIES: &[EventKind] = &[
    EventKind::PromiseMade,
    EventKind::ShipmentAnnounced,
    EventKind::ShipmentAmended,
    EventKind::ShipmentCancelled,
    EventKind::ShipmentMoved,
    EventKind::ReceiptPosted,
    EventKind::ReceiptReversed,
    EventKind::LotDecided,
    EventKind::HoldPlaced,
    EventKind::HoldReleased,
    EventKind::MaterialConsumed,
    EventKind::OutputCompleted,
    EventKind::ReportReversed,
    EventKind::StockRequested,
];
/// The same of a Tryton that nothing is made with.
const WITHOUT_PRODUCTION: &[EventKind] = &[
    EventKind::PromiseMade,
    EventKind::ShipmentAnnounced,
    EventKind::ShipmentAmended,
    EventKind::ShipmentCancelled,
    EventKind::ShipmentMoved,
    EventKind::ReceiptPosted,
    EventKind::ReceiptReversed,
    EventKind::LotDecided,
    EventKind::HoldPlaced,
    EventKind::HoldReleased,
    EventKind::StockRequested,
];
/// The version that this was tried with; another one may work.
const TRIED: &str = "8.2";
/// From here on a difference of clocks is worth a word.
const CLOCKS_DIFFER: TimeDelta = TimeDelta::minutes(1);
/// What is read, and what fails where it cannot be.
const NEEDED: &[(&str, &str)] = &[
    ("purchase.line", "orders cannot be read. Give the key's user the group Purchase."),
    ("stock.move", "dates cannot be read. Give the key's user the group Stock."),
    ("product.product", "items cannot be read."),
    ("party.party", "suppliers cannot be read."),
    ("stock.location", "plants cannot be read."),
    (
        "purchase.amendment",
        "confirmations with another quantity or price than ordered will be refused. Activate the module \
         purchase_amendment.",
    ),
];
/// The same for production.
const FOR_PRODUCTION: (&str, &str) = (
    "production",
    "work orders cannot be read, and what the shop floor reports is not posted. Give the key's user the group Production, or \
     set production to no.",
);
/// A connection to a Tryton.
#[derive(Debug)]
pub struct Tryton {
    wire: wire::Wire,
    settings: TrytonSettings,
}

fn build(given: &Value, secrets: &dyn Secrets) -> Result<Box<dyn Connector>, SettingsProblem> {
    let settings = TrytonSettings::read(given, secrets)?;
    Ok(Box::new(Tryton { wire: wire::Wire::new(KIND.name, &settings)?, settings }))
}

#[async_trait]
impl Connector for Tryton {
    fn carries(&self) -> &'static [EventKind] {
        if self.settings.production { CARRIES } else { WITHOUT_PRODUCTION }
    }

    fn feeds(&self) -> &'static [Feed] {
        if self.settings.production { changes::FEEDS } else { changes::WITHOUT_PRODUCTION }
    }

    async fn probe(&self) -> Result<Health, Fault> {
        let (version, skew) = self.wire.version().await?;
        let mut remarks = Vec::new();
        if version != TRIED && !version.starts_with(&format!("{TRIED}.")) {
            remarks.push(format!("This was tried with Tryton {TRIED}; here is {version}."));
        }
        // Whoever cannot read purchases cannot do anything here: this one is a fault, the others are remarks.
        let filter = &self.settings.order_filter;
        self.one("purchase.purchase", json!([["company", "=", self.settings.company], filter])).await?;
        let made = self.settings.production.then_some(FOR_PRODUCTION);
        for (model, without) in NEEDED.iter().copied().chain(made) {
            match self.one(model, json!([])).await {
                Ok(_) => {}
                Err(Fault::Credentials { .. } | Fault::Contract { .. }) => {
                    remarks.push(format!("{model} is not readable: {without}"));
                }
                Err(other) => return Err(other),
            }
        }
        remarks.extend(self.missing_rights().await?);
        match self.one("company.company", json!([["id", "=", self.settings.company]])).await {
            Ok(true) => {}
            Ok(false) => remarks.push(format!("The key's user sees no company with the id {}.", self.settings.company)),
            Err(Fault::Credentials { .. } | Fault::Contract { .. }) => {
                remarks.push("The company cannot be read.".to_owned());
            }
            Err(other) => return Err(other),
        }
        if let Some(skew) = skew.filter(|skew| skew.abs() >= CLOCKS_DIFFER) {
            remarks.push(format!(
                "Its clock differs from ours by {} s; set both by the same time server.",
                skew.num_seconds()
            ));
        }
        Ok(Health { system: format!("Tryton {version}"), clock_skew: skew, remarks })
    }

    async fn deliver(&self, delivery: &Outgoing) -> Result<Outcome, Fault> {
        write::deliver(&self.wire, &self.settings, delivery).await
    }

    async fn poll(&self, feed: Feed, cursor: &Cursor) -> Result<Polled, Fault> {
        let filter =
            if feed == changes::WORK_ORDERS { &self.settings.work_order_filter } else { &self.settings.order_filter };
        changes::poll(&self.wire, feed, cursor, self.settings.company, filter).await
    }

    /// Tryton has no webhooks (8.2): nothing that claims to come from it was sent by it.
    fn verify(&self, _pushed: &Raw) -> Result<Vec<Raw>, Fault> {
        Err(Fault::Contract { message: "Tryton pushes nothing; its orders are polled.".to_owned() })
    }

    fn interpret(&self, raw: &Raw) -> Result<Vec<Command>, NotUnderstood> {
        translate::interpret(raw)
    }
}

impl Tryton {
    /// Rights to write that the key's user lacks, as far as he can see them himself.
    async fn missing_rights(&self) -> Result<Vec<String>, Fault> {
        let keys: Vec<wire::Application> = self.all("res.user.application", &["user.groups"], json!([])).await?;
        // An administrator sees the keys of everybody and lacks nothing.
        let [wire::Application { user }, rest @ ..] = keys.as_slice() else { return Ok(Vec::new()) };
        if rest.iter().any(|other| other.user.id != user.id) {
            return Ok(Vec::new());
        }
        let member = |group: &i64| user.groups.contains(group);
        let mut missing = Vec::new();
        let access: Vec<wire::ModelAccess> =
            self.all("ir.model.access", &["group", "perm_write"], json!([["model", "=", "stock.move"]])).await?;
        let applies = |access: &&wire::ModelAccess| access.group.as_ref().is_none_or(member);
        if !access.is_empty() && !access.iter().filter(applies).any(|access| access.perm_write) {
            missing.push("Confirmed dates will be refused: give the key's user the group Stock.".to_owned());
        }
        let amend = json!([["model", "=", "purchase.amendment"], ["name", "=", "validate_amendment"]]);
        let buttons: Vec<wire::Groups> = self.all("ir.model.button", &["groups"], amend).await?;
        if buttons.iter().any(|button| !button.groups.is_empty() && !button.groups.iter().any(member)) {
            missing.push(
                "Confirmations with another quantity or price than ordered will be refused: give the key's user the group \
                 Purchase Amendment."
                    .to_owned(),
            );
        }
        Ok(missing)
    }

    async fn all<T: DeserializeOwned>(&self, model: &str, fields: &[&str], domain: Value) -> Result<Vec<T>, Fault> {
        let query = wire::Query { model, fields, domain, order: json!([["id", "ASC"]]), limit: 100 };
        match self.wire.list(&query).await {
            // Rights that cannot be read cannot be told.
            Err(Fault::Credentials { .. }) => Ok(Vec::new()),
            other => other,
        }
    }

    /// Whether there is a record, which also shows whether the model may be read.
    async fn one(&self, model: &str, domain: Value) -> Result<bool, Fault> {
        let query = wire::Query { model, fields: &["id"], domain, order: json!([["id", "ASC"]]), limit: 1 };
        Ok(!self.wire.list::<wire::Id>(&query).await?.is_empty())
    }
}

#[cfg(test)]
mod tests;
