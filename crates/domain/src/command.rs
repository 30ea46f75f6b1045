//! What can be asked for from outside a page: the commands that arrivals from other systems turn into.
//!
//! Connectors speak only these. Keys are the other system's own (order number, supplier number, plant code); the store
//! resolves them through links and the mirrored reference data.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::confirmation::ConfirmLines;
use crate::item::ItemRules;
use crate::lot::StockStatus;
use crate::order::OrderStatus;
use crate::production::Reported;
use crate::quantity::Unit;
use crate::receipt::ReceiptChannel;
use crate::shipment::Moved;
use crate::tolerance::Tolerances;
use crate::work_order::{Operation, WorkOrderStatus};

/// Everything another system can ask for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// The ERP tells how an order looks now. New: published. Known: revised where it differs. Older than known: ignored.
    MirrorOrder(OrderSnapshot),
    /// The ERP tells about a supplier.
    MirrorSupplier(SupplierSnapshot),
    /// The ERP tells about a plant.
    MirrorPlant(PlantSnapshot),
    /// The ERP tells about an item.
    MirrorItem(ItemSnapshot),
    /// A supplier's answer that came through a machine.
    ConfirmLines {
        /// The order's number in the ERP of the arrival's connection.
        order: String,
        /// The supplier's number, so that nobody answers for another.
        supplier: String,
        /// The answer.
        answer: ConfirmLines,
    },
    /// The ERP says that it has read a confirmation: received, which is not yet promised (DOMAIN: acknowledgement).
    AcknowledgeConfirmation {
        /// The order's number.
        order: String,
        /// The ERP's document.
        their_ref: String,
        /// When it took it.
        at: Timestamp,
    },
    /// Goods were received, in the ERP or in a warehouse system.
    PostReceipt(ReceiptSnapshot),
    /// Something happened to a shipment on its way.
    MoveShipment {
        /// Our ship notice's number, or the supplier's delivery note together with the supplier.
        notice: String,
        /// The supplier's number, for a delivery note.
        supplier: Option<String>,
        /// What happened.
        moved: Moved,
    },
    /// The other system says how much there is.
    MirrorStock(StockSnapshot),
    /// The ERP tells how a work order looks now. Older than known: ignored.
    MirrorWorkOrder(WorkOrderSnapshot),
    /// The shop floor tells what happened. The same report again has no second effect, whenever it comes.
    Report(ReportSnapshot),
    /// The shop floor takes a report back. May come before what it takes back.
    ReverseReport(ReversalSnapshot),
}

impl Command {
    /// What it is about at its sender: commands about one thing are carried out in the order in which they came.
    pub fn subject(&self) -> &str {
        match self {
            Self::MirrorOrder(order) => &order.number,
            Self::MirrorSupplier(supplier) => &supplier.number,
            Self::MirrorPlant(plant) => &plant.code,
            Self::MirrorItem(item) => &item.number,
            Self::ConfirmLines { order, .. } | Self::AcknowledgeConfirmation { order, .. } => order,
            Self::PostReceipt(receipt) => {
                receipt.delivery_note.as_ref().or(receipt.notice.as_ref()).unwrap_or(&receipt.their_ref)
            }
            Self::MoveShipment { notice, .. } => notice,
            Self::MirrorStock(stock) => &stock.item,
            Self::MirrorWorkOrder(order) => &order.number,
            Self::Report(report) => &report.work_order,
            Self::ReverseReport(reversal) => &reversal.work_order,
        }
    }

    /// The word in logs and on pages.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::MirrorOrder(_) => "mirror_order",
            Self::MirrorSupplier(_) => "mirror_supplier",
            Self::MirrorPlant(_) => "mirror_plant",
            Self::MirrorItem(_) => "mirror_item",
            Self::ConfirmLines { .. } => "confirm_lines",
            Self::AcknowledgeConfirmation { .. } => "acknowledge_confirmation",
            Self::PostReceipt(_) => "post_receipt",
            Self::MoveShipment { .. } => "move_shipment",
            Self::MirrorStock(_) => "mirror_stock",
            Self::MirrorWorkOrder(_) => "mirror_work_order",
            Self::Report(_) => "report",
            Self::ReverseReport(_) => "reverse_report",
        }
    }
}

/// A whole order as the ERP has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderSnapshot {
    /// The ERP's number.
    pub number: String,
    /// Grows with every change in the ERP (a revision, or the microseconds of its last change). Orders late news.
    pub their_version: i64,
    /// The ERP's own key, for the link.
    pub their_ref: String,
    /// Who supplies.
    pub supplier: SupplierSnapshot,
    /// Where to.
    pub plant: PlantSnapshot,
    /// The buyer's name.
    pub buyer: Option<String>,
    /// ISO 4217.
    pub currency: String,
    /// E.g. `DAP Lindau`.
    pub incoterm: Option<String>,
    /// Whether it still runs.
    pub status: OrderStatus,
    /// Its lines; a line that was there and is not any more is cancelled.
    pub lines: Vec<LineSnapshot>,
}

/// A line as the ERP has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineSnapshot {
    /// E.g. `0010`.
    pub number: String,
    /// The ERP's own key, for the link.
    pub their_ref: String,
    /// What.
    pub item: ItemSnapshot,
    /// The supplier's number for it.
    pub supplier_item: Option<String>,
    /// Unit of the quantities.
    pub unit: Unit,
    /// For one unit.
    pub price: Option<Decimal>,
    /// Limits on the line itself.
    #[serde(default)]
    pub tolerances: Tolerances,
    /// When and how much.
    pub schedule: Vec<ScheduleSnapshot>,
}

/// A schedule line as the ERP has it: what is *requested*, never what we wrote back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleSnapshot {
    /// From 1 within the line.
    pub number: i32,
    /// How much.
    pub quantity: Decimal,
    /// Requested day in the plant's calendar.
    pub requested_on: NaiveDate,
}

/// A supplier as the ERP has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SupplierSnapshot {
    /// The ERP's number.
    pub number: String,
    /// Name.
    pub name: String,
}

/// A plant as the ERP has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlantSnapshot {
    /// Code.
    pub code: String,
    /// Name.
    pub name: String,
}

/// An item as the ERP has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemSnapshot {
    /// Number.
    pub number: String,
    /// Description.
    pub description: String,
    /// Base unit.
    pub unit: Unit,
    /// Drawing revision.
    #[serde(default)]
    pub revision: Option<String>,
    /// How it must be handled; none where this system does not say, and what is known stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<ItemRules>,
}

/// A receipt as the ERP or a warehouse system has it. Quantities of one document and lot are given once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptSnapshot {
    /// The other system's document. Unique in it; the same document again is the same receipt.
    pub their_ref: String,
    /// An ERP or a warehouse system.
    pub channel: ReceiptChannel,
    /// The plant's code.
    pub plant: String,
    /// The supplier's number.
    pub supplier: String,
    /// Our ship notice's number, where the other system knows it.
    #[serde(default)]
    pub notice: Option<String>,
    /// The supplier's delivery note, where the other system knows it.
    #[serde(default)]
    pub delivery_note: Option<String>,
    /// When the goods were received.
    pub received_at: Timestamp,
    /// Nothing more is expected of that delivery.
    #[serde(default)]
    pub complete: bool,
    /// The document takes back an earlier one.
    #[serde(default)]
    pub reverses: Option<String>,
    /// What came.
    pub lines: Vec<ReceivedSnapshot>,
}

/// What came of one line and lot, as the other system has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceivedSnapshot {
    /// The order's number.
    #[serde(default)]
    pub order: Option<String>,
    /// Its line.
    #[serde(default)]
    pub line: Option<String>,
    /// The item's number.
    pub item: String,
    /// Unit of the quantities.
    pub unit: Unit,
    /// The lot's number in the plant; the supplier's where the other system keeps only one.
    #[serde(default)]
    pub lot: Option<String>,
    /// The supplier's lot.
    #[serde(default)]
    pub supplier_lot: Option<String>,
    /// Last day on which it may be used.
    #[serde(default)]
    pub expires_on: Option<NaiveDate>,
    /// Taken into stock.
    pub accepted: Decimal,
    /// Came damaged.
    #[serde(default)]
    pub damaged: Decimal,
    /// In their words.
    #[serde(default)]
    pub note: Option<String>,
}

/// How much there is, as the ERP or a warehouse system has it at one moment. Replaces what the same system said before about
/// the same plant and item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockSnapshot {
    /// The plant's code.
    pub plant: String,
    /// The item's number.
    pub item: String,
    /// Unit of the quantities.
    pub unit: Unit,
    /// The moment for which it is true there.
    pub as_of: Timestamp,
    /// By lot; one without a lot number for an item that has none.
    pub lots: Vec<StockOfLot>,
}

/// How much there is of one lot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockOfLot {
    /// The lot's number in the plant.
    #[serde(default)]
    pub lot: Option<String>,
    /// Stock status, where the other system has one.
    #[serde(default)]
    pub status: Option<StockStatus>,
    /// Where it lies, in their words.
    #[serde(default)]
    pub location: Option<String>,
    /// What lies there.
    pub on_hand: Decimal,
    /// What of it is promised to somebody.
    #[serde(default)]
    pub reserved: Decimal,
}

/// A work order as the ERP has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkOrderSnapshot {
    /// The ERP's number.
    pub number: String,
    /// Grows with every change in the ERP. Orders late news.
    pub their_version: i64,
    /// The ERP's own key, for the link.
    pub their_ref: String,
    /// Where it is made.
    pub plant: PlantSnapshot,
    /// What is made.
    pub item: ItemSnapshot,
    /// Unit of the quantity.
    pub unit: Unit,
    /// How much is to be made.
    pub quantity: Decimal,
    /// Where it stands in the ERP.
    pub status: WorkOrderStatus,
    /// Scheduled begin.
    pub starts_at: Timestamp,
    /// Scheduled end.
    pub due_at: Timestamp,
    /// Out of what; a component that was there and is not any more is removed.
    pub components: Vec<ComponentSnapshot>,
    /// In which steps.
    #[serde(default)]
    pub operations: Vec<Operation>,
}

/// A component as the ERP has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComponentSnapshot {
    /// Its place in the work order.
    pub number: String,
    /// The ERP's own key, for the link.
    pub their_ref: String,
    /// What.
    pub item: ItemSnapshot,
    /// Unit of the quantity.
    pub unit: Unit,
    /// How much the whole work order takes.
    pub quantity: Decimal,
    /// The ERP books it by itself from what was completed.
    #[serde(default)]
    pub backflush: bool,
    /// The operation that takes it.
    #[serde(default)]
    pub operation: Option<String>,
}

/// What happened on the shop floor, as its system tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportSnapshot {
    /// The sender's key. Unique at the sender: the same again is the same report.
    pub their_ref: String,
    /// The plant's code.
    pub plant: String,
    /// The work order's number.
    pub work_order: String,
    /// When it happened, by the clock at the machine.
    pub at: Timestamp,
    /// Where.
    #[serde(default)]
    pub station: Option<String>,
    /// Who.
    #[serde(default)]
    pub operator: Option<String>,
    /// The key of an earlier report that this one stands for instead.
    #[serde(default)]
    pub corrects: Option<String>,
    /// What.
    #[serde(flatten)]
    pub what: Reported,
}

/// A report taken back, as the shop floor's system tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReversalSnapshot {
    /// The sender's key of the reversal itself.
    pub their_ref: String,
    /// The plant's code.
    pub plant: String,
    /// The work order's number.
    pub work_order: String,
    /// The key of the report that is taken back.
    pub of: String,
    /// When it was taken back.
    pub at: Timestamp,
    /// Why.
    pub reason: String,
}
