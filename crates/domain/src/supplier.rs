//! A supplier: the party that promises and ships.

use serde::{Deserialize, Serialize};

use crate::id::SupplierId;
use crate::tolerance::Tolerances;

/// A supplier as the ERP knows it, with what was agreed with him.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Supplier {
    /// Our id.
    pub supplier_id: SupplierId,
    /// The ERP's number, e.g. `100234`.
    pub number: String,
    /// Name.
    pub name: String,
    /// What deviates by less is accepted by rule, where the line does not say otherwise.
    pub tolerances: Tolerances,
    /// Whether an answer may propose another price.
    pub may_change_price: bool,
}
