//! What can be asked for from outside a page: the commands that arrivals from other systems turn into.
//!
//! Connectors speak only these. Keys are the other system's own (order number, supplier number, plant code); the store
//! resolves them through links and the mirrored reference data.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::confirmation::ConfirmLines;
use crate::order::OrderStatus;
use crate::quantity::Unit;
use crate::tolerance::Tolerances;

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
}

impl Command {
    /// The word in logs and on pages.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::MirrorOrder(_) => "mirror_order",
            Self::MirrorSupplier(_) => "mirror_supplier",
            Self::MirrorPlant(_) => "mirror_plant",
            Self::MirrorItem(_) => "mirror_item",
            Self::ConfirmLines { .. } => "confirm_lines",
            Self::AcknowledgeConfirmation { .. } => "acknowledge_confirmation",
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
}
