//! Lots in a plant: how much of each lies in which stock status, and whether production may take it ([`usability`]).

pub mod usability;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::id::LotId;
use crate::quantity::Unit;
use crate::text::text_enum;

text_enum! {
    /// The stock status of a quantity of a lot. Only unrestricted stock may be used.
    pub enum StockStatus {
        /// Waits for its inspection.
        Inspection = "inspection",
        /// May be used.
        Unrestricted = "unrestricted",
        /// May be used only as its decision says.
        Restricted = "restricted",
        /// May not be used.
        Blocked = "blocked",
    }
}

text_enum! {
    /// Why a lot's quantities changed.
    pub enum MovementKind {
        /// It came.
        Receipt = "receipt",
        /// A receipt was taken back.
        Reversal = "reversal",
        /// A usage decision.
        Decision = "decision",
        /// A count said otherwise.
        Correction = "correction",
        /// Taken for production.
        Issue = "issue",
        /// Made by production.
        Output = "output",
        /// Sent back to the supplier.
        Return = "return",
        /// Thrown away.
        Scrap = "scrap",
    }
}

/// So much of a lot goes from one status to another by somebody's decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusMove {
    /// From.
    pub from: StockStatus,
    /// To.
    pub to: StockStatus,
    /// How much, in the lot's unit.
    pub quantity: Decimal,
}

/// What names a lot for other systems.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LotRef {
    /// Our id.
    pub lot_id: LotId,
    /// The item's number.
    pub item: String,
    /// The lot's number in the plant.
    pub lot: String,
    /// The supplier's lot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supplier_lot: Option<String>,
    /// Unit of its quantities.
    pub unit: Unit,
    /// Last day on which it may be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_on: Option<NaiveDate>,
}
