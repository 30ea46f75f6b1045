//! What the simulated ERP reads and writes, as `docs/rest-protocol.md` describes it. Written apart from the connector's
//! types on purpose: a mistake that both sides share would show nowhere.

use chrono::{DateTime, NaiveDate, Utc};
use domain::item::ItemRules;
use domain::order::OrderStatus;
use domain::tolerance::Tolerances;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// A purchase order as the ERP has it. Decimals are text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// E.g. `4500012345`.
    pub number: String,
    /// Grows by one with every change; set by the ERP.
    #[serde(default)]
    pub version: i64,
    /// When it changed last; set by the ERP, never twice the same.
    #[serde(default)]
    pub changed_at: DateTime<Utc>,
    /// Whether it runs.
    pub status: OrderStatus,
    /// Who supplies.
    pub supplier: Supplier,
    /// Where to.
    pub plant: Plant,
    /// The buyer's name.
    pub buyer: Option<String>,
    /// ISO 4217.
    pub currency: String,
    /// E.g. `DAP Lindau`.
    pub incoterm: Option<String>,
    /// What.
    pub lines: Vec<Line>,
}

/// A supplier in the ERP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Supplier {
    /// E.g. `100234`.
    pub number: String,
    /// Name.
    pub name: String,
}

/// A plant in the ERP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plant {
    /// E.g. `DE10`.
    pub code: String,
    /// Name.
    pub name: String,
}

/// A line of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// E.g. `0010`.
    pub number: String,
    /// What.
    pub item: Item,
    /// The supplier's number for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supplier_item: Option<String>,
    /// Of the quantities.
    pub unit: String,
    /// For one unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<Decimal>,
    /// Limits on the line.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tolerances: Tolerances,
    /// When and how much.
    pub schedule: Vec<Schedule>,
}

fn is_default(tolerances: &Tolerances) -> bool {
    *tolerances == Tolerances::default()
}

/// An item in the ERP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// E.g. `0012-00A`.
    pub number: String,
    /// What it is called.
    pub description: String,
    /// Drawing revision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// How it must be handled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<ItemRules>,
}

/// So much on that day, as requested.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// From 1 within the line.
    pub number: i32,
    /// How much.
    pub quantity: Decimal,
    /// For when.
    pub requested_on: NaiveDate,
}

/// A change of one schedule line, for the control door; what is left out stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Change {
    /// Which line.
    pub line: String,
    /// Which of its schedule lines; none changes the line itself.
    pub schedule: Option<i32>,
    /// Another quantity.
    pub quantity: Option<Decimal>,
    /// Another day.
    pub requested_on: Option<NaiveDate>,
    /// Another price.
    pub price: Option<Decimal>,
    /// Takes the schedule line away, or the line where none is named.
    pub remove: bool,
}

/// A confirmation as it comes in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// The event behind it.
    pub event: String,
    /// Which order.
    pub order: String,
    /// Our own key, where the sender learned one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_ref: Option<String>,
    /// The sender's count of what changed for the supplier.
    pub revision: i32,
    /// Grows within an order.
    pub sequence: i64,
    /// When the promise was made.
    pub at: DateTime<Utc>,
    /// From the supplier's form to here.
    pub correlation: String,
    /// Plant.
    pub plant: Option<String>,
    /// Supplier.
    pub supplier: Option<String>,
    /// Promises.
    pub lines: Vec<ConfirmedLine>,
}

/// What is promised for a schedule line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfirmedLine {
    /// Which line.
    pub line: String,
    /// Which schedule line.
    pub schedule: i32,
    /// Item.
    pub item: String,
    /// Of the quantities.
    pub unit: String,
    /// What was asked for.
    pub requested: Part,
    /// What is promised; empty: nothing will come.
    pub commitments: Vec<Part>,
}

/// So much on that day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// How much.
    pub quantity: Decimal,
    /// None: no date yet.
    pub deliver_on: Option<NaiveDate>,
    /// When it leaves the supplier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ship_on: Option<NaiveDate>,
    /// Another price than ordered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Decimal>,
}

/// A confirmation that took effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// 1, 2, 3 … in the order in which they took effect.
    pub position: u64,
    /// The ERP's document number.
    pub document: String,
    /// When, by the ERP's clock.
    pub accepted_at: DateTime<Utc>,
    /// The key it came with.
    pub idempotency_key: String,
    /// Its sequence is above all that were seen for the order before.
    pub in_order: bool,
    /// How often it came again afterwards, without effect.
    pub repeats: u32,
    /// What it says.
    pub confirmation: Confirmation,
}
