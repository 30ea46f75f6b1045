//! An item as the ERP knows it. Mirrored, never edited here.

use serde::{Deserialize, Serialize};

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
}
