//! The protocol's own types, as `docs/rest-protocol.md` describes them. Decimals are text, days are ISO dates, instants are
//! RFC 3339 with a zone. Reading ignores what it does not know; what is `Option` may be left out.

use chrono::{DateTime, NaiveDate, Utc};
use domain::item::ItemRules;
use domain::lot::StockStatus;
use domain::order::OrderStatus;
use domain::shipment::Milestone;
use domain::tolerance::Tolerances;
use domain::work_order::{Operation, WorkOrderStatus};
use rust_decimal::Decimal;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// The version of the protocol that we speak.
pub const PROTOCOL: &str = "interlock-rest/1";

/// A decimal as text. A JSON number is refused: most programs on the way turn it into a float and lose digits without a
/// word. So is text with more digits than we can keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exact(pub Decimal);

impl Serialize for Exact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)
            .map_err(|error| D::Error::custom(format!("{error}; write decimals as text, e.g. \"1250.5\"")))?;
        Decimal::from_str_exact(&text)
            .map(Self)
            .map_err(|_| D::Error::custom(format!("{text:?} is not a decimal of at most 28 digits, e.g. \"1250.5\"")))
    }
}

/// Answer of `GET /health`.
#[derive(Debug, Deserialize)]
pub struct HealthAnswer {
    pub name: String,
    pub version: String,
    pub protocol: String,
    pub time: DateTime<Utc>,
}

/// Answer of a listing. Which of the lists must be there is the feed's business.
#[derive(Debug, Deserialize)]
pub struct Listing {
    /// Of `GET /orders`. Kept to the letter, like the others: a message is stored as it came.
    #[serde(default)]
    pub orders: Option<Vec<Box<RawValue>>>,
    /// Of `GET /work-orders`.
    #[serde(default)]
    pub work_orders: Option<Vec<Box<RawValue>>>,
    /// Of `GET /receipts`.
    #[serde(default)]
    pub receipts: Option<Vec<Box<RawValue>>>,
    /// Of `GET /milestones`.
    #[serde(default)]
    pub milestones: Option<Vec<Box<RawValue>>>,
    /// Of `GET /stock` and `GET /stock/changes`.
    #[serde(default)]
    pub stock: Option<Vec<Box<RawValue>>>,
    /// Goes on with the same listing; none at its end.
    #[serde(default)]
    pub next: Option<String>,
}

/// What must be known of an order or a work order to file it, before anybody tries to understand it.
#[derive(Debug, Deserialize)]
pub struct OrderHead {
    pub number: String,
    pub version: i64,
    pub changed_at: DateTime<Utc>,
    #[serde(default)]
    pub plant: Option<PlantHead>,
}

/// See [`OrderHead`].
#[derive(Debug, Deserialize)]
pub struct PlantHead {
    pub code: String,
}

/// What must be known of a receipt to file it.
#[derive(Debug, Deserialize)]
pub struct ReceiptHead {
    pub number: String,
    pub changed_at: DateTime<Utc>,
    pub plant: String,
    #[serde(default)]
    pub notice: Option<String>,
    #[serde(default)]
    pub delivery_note: Option<String>,
}

/// What must be known of a milestone to file it.
#[derive(Debug, Deserialize)]
pub struct MilestoneHead {
    pub changed_at: DateTime<Utc>,
    #[serde(default)]
    pub plant: Option<String>,
    #[serde(default)]
    pub notice: Option<String>,
    #[serde(default)]
    pub delivery_note: Option<String>,
}

/// What must be known of a stock figure to file it.
#[derive(Debug, Deserialize)]
pub struct StockHead {
    pub plant: String,
    pub item: String,
    pub as_of: DateTime<Utc>,
}

/// A whole order.
#[derive(Debug, Deserialize)]
pub struct Order {
    pub number: String,
    pub version: i64,
    #[serde(default, rename = "ref")]
    pub their_ref: Option<String>,
    pub status: OrderStatus,
    pub supplier: Supplier,
    pub plant: Plant,
    #[serde(default)]
    pub buyer: Option<String>,
    pub currency: String,
    #[serde(default)]
    pub incoterm: Option<String>,
    pub lines: Vec<Line>,
}

#[derive(Debug, Deserialize)]
pub struct Supplier {
    pub number: String,
    pub name: String,
}

#[derive(Debug, Deserialize)]
pub struct Plant {
    pub code: String,
    pub name: String,
}

#[derive(Debug, Deserialize)]
pub struct Line {
    pub number: String,
    #[serde(default, rename = "ref")]
    pub their_ref: Option<String>,
    pub item: Item,
    #[serde(default)]
    pub supplier_item: Option<String>,
    pub unit: String,
    #[serde(default)]
    pub price: Option<Exact>,
    #[serde(default)]
    pub tolerances: Option<Tolerances>,
    pub schedule: Vec<Schedule>,
}

#[derive(Debug, Deserialize)]
pub struct Item {
    pub number: String,
    pub description: String,
    /// The item's base unit where it is not the line's.
    #[serde(default)]
    pub unit: Option<String>,
    #[serde(default)]
    pub revision: Option<String>,
    /// How it must be handled; left out where the system does not say.
    #[serde(default)]
    pub rules: Option<ItemRules>,
}

#[derive(Debug, Deserialize)]
pub struct Schedule {
    pub number: i32,
    pub quantity: Exact,
    pub requested_on: NaiveDate,
}

/// A whole work order.
#[derive(Debug, Deserialize)]
pub struct WorkOrder {
    pub number: String,
    pub version: i64,
    #[serde(default, rename = "ref")]
    pub their_ref: Option<String>,
    pub status: WorkOrderStatus,
    pub plant: Plant,
    pub item: Item,
    pub unit: String,
    pub quantity: Exact,
    pub starts_at: DateTime<Utc>,
    pub due_at: DateTime<Utc>,
    #[serde(default)]
    pub components: Vec<Component>,
    #[serde(default)]
    pub operations: Vec<Operation>,
}

#[derive(Debug, Deserialize)]
pub struct Component {
    pub number: String,
    #[serde(default, rename = "ref")]
    pub their_ref: Option<String>,
    pub item: Item,
    pub unit: String,
    pub quantity: Exact,
    #[serde(default)]
    pub backflush: bool,
    #[serde(default)]
    pub operation: Option<String>,
}

/// Goods that were received there.
#[derive(Debug, Deserialize)]
pub struct Receipt {
    /// The document; the same number again is the same receipt.
    pub number: String,
    pub plant: String,
    pub supplier: String,
    #[serde(default)]
    pub notice: Option<String>,
    #[serde(default)]
    pub delivery_note: Option<String>,
    pub received_at: DateTime<Utc>,
    #[serde(default)]
    pub complete: bool,
    /// The document that this one takes back.
    #[serde(default)]
    pub reverses: Option<String>,
    pub lines: Vec<Received>,
}

#[derive(Debug, Deserialize)]
pub struct Received {
    #[serde(default)]
    pub order: Option<String>,
    #[serde(default)]
    pub line: Option<String>,
    pub item: String,
    pub unit: String,
    #[serde(default)]
    pub lot: Option<String>,
    #[serde(default)]
    pub supplier_lot: Option<String>,
    #[serde(default)]
    pub expires_on: Option<NaiveDate>,
    pub accepted: Exact,
    #[serde(default)]
    pub damaged: Option<Exact>,
    #[serde(default)]
    pub note: Option<String>,
}

/// Something happened to a shipment on its way. It is named by our ship notice, or by the supplier and his delivery note.
#[derive(Debug, Deserialize)]
pub struct Sight {
    #[serde(default)]
    pub notice: Option<String>,
    #[serde(default)]
    pub delivery_note: Option<String>,
    #[serde(default)]
    pub supplier: Option<String>,
    pub milestone: Milestone,
    pub happened_at: DateTime<Utc>,
    #[serde(default)]
    pub arrive_on: Option<NaiveDate>,
    #[serde(default)]
    pub note: Option<String>,
}

/// How much there is of an item in a plant at one moment.
#[derive(Debug, Deserialize)]
pub struct Stock {
    pub plant: String,
    pub item: String,
    pub unit: String,
    pub as_of: DateTime<Utc>,
    pub lots: Vec<StockOfLot>,
}

#[derive(Debug, Deserialize)]
pub struct StockOfLot {
    #[serde(default)]
    pub lot: Option<String>,
    #[serde(default)]
    pub status: Option<StockStatus>,
    #[serde(default)]
    pub location: Option<String>,
    pub on_hand: Exact,
    #[serde(default)]
    pub reserved: Option<Exact>,
}

/// Body of `POST /confirmations`. The same for every try of a delivery, so that the receiver may compare.
#[derive(Debug, Serialize)]
pub struct Confirmation<'a> {
    pub event: String,
    pub order: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_ref: Option<&'a str>,
    pub revision: i32,
    /// The event's place in the order's history: grows, so that a swap shows. Not every number comes, because not
    /// everything that happens to an order concerns the ERP.
    pub sequence: i64,
    pub at: DateTime<Utc>,
    pub correlation: String,
    pub plant: Option<&'a str>,
    pub supplier: Option<&'a str>,
    pub lines: Vec<ConfirmedLine<'a>>,
}

#[derive(Debug, Serialize)]
pub struct ConfirmedLine<'a> {
    pub line: &'a str,
    pub schedule: i32,
    pub item: &'a str,
    pub unit: &'a str,
    pub requested: Part,
    pub commitments: Vec<Part>,
}

/// So much on that day.
#[derive(Debug, Serialize)]
pub struct Part {
    pub quantity: Exact,
    /// None: no date yet.
    pub deliver_on: Option<NaiveDate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ship_on: Option<NaiveDate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<Exact>,
}

/// Answer to whatever we tell. Everything may be missing, because an error body can come with any status.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ToldAnswer {
    pub status: Option<String>,
    pub document: Option<String>,
    pub reason: Option<String>,
    pub already: bool,
    pub error: Option<ErrorAnswer>,
}

/// What went wrong, for programs and for people.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ErrorAnswer {
    pub code: String,
    pub message: String,
}

/// A message that the system pushes to us.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Pushed {
    /// An order as it is now; the same as in the feed.
    Order { order: Box<Order> },
    /// A confirmation was received and read.
    ConfirmationAcknowledged { order: String, document: String, at: DateTime<Utc> },
    /// Goods were received; the same as in the feed.
    Receipt { receipt: Receipt },
    /// How much there is; the same as in the feed.
    Stock { stock: Stock },
    /// Something happened to a shipment; the same as in the feed.
    Milestone { milestone: Sight },
    /// A work order as it is now; the same as in the feed.
    WorkOrder { work_order: Box<WorkOrder> },
}
