//! An item as the ERP knows it. Mirrored, never edited here.

use serde::{Deserialize, Serialize};

use crate::conversion::ItemUnit;
use crate::id::ItemId;
use crate::quantity::Unit;

/// A material or part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Our id.
    pub item_id: ItemId,
    /// The buyer's number, e.g. `0012-00A`; leading zeros matter.
    pub number: String,
    /// What it is called.
    pub description: String,
    /// Revision of the drawing, where the ERP keeps one.
    pub revision: Option<String>,
    /// The unit stock is kept in.
    pub base_unit: Unit,
    /// How it must be handled.
    pub rules: ItemRules,
}

/// How an item must be handled between supplier and shop floor, as its ERP says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ItemRules {
    /// Every quantity belongs to a lot.
    pub lots: bool,
    /// Every piece has a serial.
    pub serials: bool,
    /// Goes into inspection stock on arrival.
    pub inspection: bool,
    /// Days from production to the last day of use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shelf_life_days: Option<u32>,
    /// How many of them must be left on arrival.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days_left_on_arrival: Option<u32>,
    /// Units that it is also counted in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub units: Vec<ItemUnit>,
}
