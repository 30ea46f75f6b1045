//! Quality holds: one object for everybody that says what may not be used, why, and who has heard of it.

use serde::{Deserialize, Serialize};

use crate::id::{HoldId, ItemId, LotId, PlantId, SupplierId};
use crate::lot::LotRef;
use crate::text::text_enum;

/// What a hold covers. Lots that arrive later and fall under it are held from their arrival.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "scope", rename_all = "snake_case")]
pub enum HoldScope {
    /// One lot.
    Lot {
        /// Which.
        lot_id: LotId,
    },
    /// One serial of a lot.
    Serial {
        /// Of which lot.
        lot_id: LotId,
        /// Which.
        serial: String,
    },
    /// Everything of an item from one supplier, in every plant.
    SupplierItem {
        /// From whom.
        supplier_id: SupplierId,
        /// What.
        item_id: ItemId,
    },
    /// Everything of an item in one plant.
    PlantItem {
        /// Where.
        plant_id: PlantId,
        /// What.
        item_id: ItemId,
    },
}

text_enum! {
    /// Why material is held.
    pub enum HoldReason {
        /// A measured value is outside its limits.
        OutOfLimits = "out_of_limits",
        /// A certificate is missing or wrong.
        Certificate = "certificate",
        /// Damaged on the way.
        Damage = "damage",
        /// Found on the shop floor.
        ProductionFinding = "production_finding",
        /// The supplier warned of it.
        SupplierNotice = "supplier_notice",
        /// A customer complained.
        CustomerComplaint = "customer_complaint",
        /// Identity or origin not clear.
        Identity = "identity",
        /// Something else; said in the note.
        Other = "other",
    }
}

text_enum! {
    /// What becomes of the material when a hold ends.
    pub enum Disposition {
        /// Use it as it is.
        UseAsIs = "use_as_is",
        /// Mend it.
        Rework = "rework",
        /// Pick out what is good.
        Sort = "sort",
        /// Throw it away.
        Scrap = "scrap",
        /// Send it back.
        Return = "return",
    }
}

text_enum! {
    /// Where a hold stands.
    pub enum HoldState {
        /// Nothing under it may be used.
        Active = "active",
        /// One person wants to release it; a second one must.
        ReleaseRequested = "release_requested",
        /// Ended.
        Released = "released",
    }
}

/// A hold in full: self-contained, for whoever is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Our id.
    pub hold_id: HoldId,
    /// Our number, e.g. `QH-000003`. Unique.
    pub number: String,
    /// What it covers.
    #[serde(flatten)]
    pub scope: HoldScope,
    /// The item's number.
    pub item: String,
    /// Why.
    pub reason: HoldReason,
    /// In words.
    pub note: String,
    /// The lots under it at this moment.
    pub lots: Vec<LotRef>,
}
