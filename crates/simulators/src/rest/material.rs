//! Material as the simulated system reads and writes it, as `docs/rest-protocol.md` describes it. Written apart from the
//! connector's types on purpose, like [`super::wire`].

use chrono::{DateTime, NaiveDate, Utc};
use domain::hold::{Disposition, HoldReason};
use domain::lot::StockStatus;
use domain::shipment::{Milestone, PackageKind};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::production::Posting;

/// What every message about material says besides what it is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The event behind it.
    pub event: String,
    /// Grows within what it is about.
    pub sequence: i64,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// The plant's code.
    pub plant: Option<String>,
    /// The supplier's number.
    pub supplier: Option<String>,
}

/// A message about material.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Told {
    /// A ship notice, new or amended.
    Delivery(Delivery),
    /// A ship notice was withdrawn.
    Cancellation {
        /// Which.
        #[serde(default)]
        notice: String,
        /// Its last version.
        version: i32,
        /// The supplier's number for it.
        delivery_note: String,
        /// Why.
        reason: String,
    },
    /// Something happened on its way.
    Moved {
        /// Which ship notice.
        #[serde(default)]
        notice: String,
        /// What.
        milestone: Milestone,
        /// When.
        happened_at: DateTime<Utc>,
        /// Expected now.
        #[serde(default)]
        arrive_on: Option<NaiveDate>,
    },
    /// Goods were received at the portal's dock.
    Receipt(Goods),
    /// Such a receipt was taken back.
    Reversal {
        /// Which.
        #[serde(default)]
        receipt: String,
        /// Why.
        reason: String,
    },
    /// Quantities of a lot go to another stock status.
    Decision {
        /// Which lot.
        lot: Lot,
        /// What goes where.
        moves: Vec<Decided>,
        /// Why.
        #[serde(default)]
        reason: Option<String>,
    },
    /// Material may not be used.
    Hold(Hold),
    /// The shop floor's report is booked, or taken back.
    Posting(Posting),
    /// A work order as it is now, for a shop floor.
    WorkOrder {
        /// Which.
        #[serde(default)]
        number: String,
        /// All of it, in the sender's words.
        work_order: serde_json::Value,
    },
    /// A work order that ends, for a shop floor.
    WorkOrderEnds {
        /// Which.
        #[serde(default)]
        number: String,
        /// Taken back by the ERP, and not only closed.
        #[serde(default)]
        cancelled: bool,
        /// The sender's count.
        revision: i32,
    },
    /// It may again, or is disposed of.
    Release {
        /// Which hold.
        #[serde(default)]
        hold: String,
        /// What becomes of it.
        disposition: Disposition,
        /// Why.
        reason: String,
    },
}

impl Told {
    /// The document it is about: what grows in sequence, and where swaps show.
    pub fn about(&self) -> String {
        match self {
            Self::Delivery(Delivery { notice, .. })
            | Self::Cancellation { notice, .. }
            | Self::Moved { notice, .. } => notice.clone(),
            Self::Receipt(Goods { receipt, .. }) | Self::Reversal { receipt, .. } => receipt.clone(),
            Self::Posting(posting) => posting.work_order.clone(),
            Self::WorkOrder { number, .. } | Self::WorkOrderEnds { number, .. } => number.clone(),
            Self::Decision { lot, .. } => format!("{} {}", lot.item, lot.lot),
            Self::Hold(Hold { hold, .. }) | Self::Release { hold, .. } => hold.clone(),
        }
    }

    /// Every quantity in it, in its order.
    pub fn quantities(&self) -> Vec<Decimal> {
        match self {
            Self::Delivery(delivery) => delivery.lines.iter().map(|line| line.quantity).collect(),
            Self::Posting(posting) => vec![posting.quantity],
            Self::WorkOrder { work_order, .. } => {
                work_order["quantity"].as_str().and_then(|text| text.parse().ok()).into_iter().collect()
            }
            Self::Receipt(goods) => goods.lines.iter().map(|line| line.accepted).collect(),
            Self::Decision { moves, .. } => moves.iter().map(|moved| moved.quantity).collect(),
            _ => Vec::new(),
        }
    }
}

/// A ship notice as it is now, whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The portal's number.
    pub notice: String,
    /// Grows with each sending.
    pub version: i32,
    /// The supplier's number.
    pub delivery_note: String,
    /// When it leaves.
    pub ship_on: NaiveDate,
    /// When it is expected.
    pub arrive_on: NaiveDate,
    /// Who carries it.
    #[serde(default)]
    pub carrier: Option<String>,
    /// What is in it.
    pub lines: Vec<DeliveryLine>,
    /// How it is packed.
    #[serde(default)]
    pub units: Vec<Package>,
}

/// A line of a ship notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryLine {
    /// From 1.
    pub number: i32,
    /// Of which order.
    pub order: String,
    /// Its line.
    pub line: String,
    /// The line's schedule line.
    pub schedule: i32,
    /// What.
    pub item: String,
    /// Of the quantities.
    pub unit: String,
    /// How much.
    pub quantity: Decimal,
    /// By lot.
    #[serde(default)]
    pub lots: Vec<DeliveredLot>,
    /// Serials without lots.
    #[serde(default)]
    pub serials: Vec<String>,
}

/// So much of one of the supplier's lots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveredLot {
    /// His number.
    pub lot: String,
    /// How much.
    pub quantity: Decimal,
    /// Last day of use.
    #[serde(default)]
    pub expires_on: Option<NaiveDate>,
    /// One for each piece.
    #[serde(default)]
    pub serials: Vec<String>,
}

/// A package of a ship notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// Its number.
    pub sscc: String,
    /// What kind.
    pub kind: PackageKind,
    /// The SSCC of the one it stands on.
    #[serde(default)]
    pub parent: Option<String>,
    /// What lies directly in it.
    #[serde(default)]
    pub contents: Vec<Content>,
}

/// So much of a line in a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// Which line.
    pub line: i32,
    /// Which lot.
    #[serde(default)]
    pub lot: Option<String>,
    /// How much.
    pub quantity: Decimal,
}

/// Goods that were received at the portal's dock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Goods {
    /// The portal's number.
    pub receipt: String,
    /// Of which ship notice.
    #[serde(default)]
    pub notice: Option<String>,
    /// The supplier's number for it.
    #[serde(default)]
    pub delivery_note: Option<String>,
    /// When.
    pub received_at: DateTime<Utc>,
    /// Nothing more comes.
    pub complete: bool,
    /// What came.
    pub lines: Vec<ReceivedLine>,
}

/// What came of a line and lot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceivedLine {
    /// Of which order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// Its line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// What.
    pub item: String,
    /// Of the quantities.
    pub unit: String,
    /// The supplier's lot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supplier_lot: Option<String>,
    /// Last day of use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_on: Option<NaiveDate>,
    /// Taken into stock.
    pub accepted: Decimal,
    /// Came damaged.
    #[serde(default)]
    pub damaged: Decimal,
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Names a lot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lot {
    /// Of which item.
    pub item: String,
    /// The plant's number.
    pub lot: String,
    /// The supplier's.
    #[serde(default)]
    pub supplier_lot: Option<String>,
    /// Of its quantities.
    pub unit: String,
}

/// So much from one stock status to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// From.
    pub from: StockStatus,
    /// To.
    pub to: StockStatus,
    /// How much.
    pub quantity: Decimal,
}

/// What may not be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// The portal's number.
    pub hold: String,
    /// `lot`, `serial`, `supplier_item` or `plant_item`.
    pub scope: String,
    /// What.
    pub item: String,
    /// Why.
    pub reason: HoldReason,
    /// In words.
    pub note: String,
    /// Lots under it.
    pub lots: Vec<Lot>,
}

/// A receipt of the system's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnReceipt {
    /// Its document.
    pub number: String,
    /// When it was posted; never twice the same.
    pub changed_at: DateTime<Utc>,
    /// Where.
    pub plant: String,
    /// From whom.
    pub supplier: String,
    /// Of which ship notice.
    pub notice: Option<String>,
    /// The supplier's number for it.
    pub delivery_note: Option<String>,
    /// When.
    pub received_at: DateTime<Utc>,
    /// Nothing more comes.
    pub complete: bool,
    /// Takes this one back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reverses: Option<String>,
    /// What came.
    pub lines: Vec<ReceivedLine>,
}

/// A milestone that the system saw, at its gate or from a carrier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Grows; names it.
    pub number: String,
    /// When it was noted; never twice the same.
    pub changed_at: DateTime<Utc>,
    /// Where.
    pub plant: String,
    /// Of which ship notice.
    pub notice: String,
    /// What.
    pub milestone: Milestone,
    /// When.
    pub happened_at: DateTime<Utc>,
    /// Expected now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrive_on: Option<NaiveDate>,
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Seen {
    /// A milestone that happens now.
    pub fn now(notice: &str, milestone: Milestone, arrive_on: Option<NaiveDate>, now: DateTime<Utc>) -> Self {
        Self {
            number: String::new(),
            changed_at: now,
            plant: String::new(),
            notice: notice.to_owned(),
            milestone,
            happened_at: now,
            arrive_on,
            note: None,
        }
    }
}

/// How much of an item there is in a plant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figure {
    /// Where.
    pub plant: String,
    /// What.
    pub item: String,
    /// Of the quantities.
    pub unit: String,
    /// When that was so.
    pub as_of: DateTime<Utc>,
    /// By lot, status and place.
    pub lots: Vec<OnHand>,
}

/// So much of a lot, in one status, in one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnHand {
    /// Which lot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lot: Option<String>,
    /// In which status.
    pub status: StockStatus,
    /// Where it lies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// How much.
    pub on_hand: Decimal,
    /// Of it, promised to somebody.
    #[serde(default)]
    pub reserved: Decimal,
}

/// What is counted otherwise than announced, for the control door; everything else is received as announced.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Count {
    /// The line of the ship notice.
    pub line: i32,
    /// Which lot of it; none for all.
    pub lot: Option<String>,
    /// What was counted as good.
    pub accepted: Decimal,
    /// What came damaged.
    pub damaged: Decimal,
}

/// A ship notice with what became of it; in a warehouse system its receiving task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Expected {
    /// The system's own number for it.
    pub document: String,
    /// As it was told last.
    pub delivery: Delivery,
    /// Where to.
    pub plant: String,
    /// From whom.
    pub supplier: String,
    /// What happened last on its way.
    pub milestone: Option<Milestone>,
    /// Withdrawn.
    pub cancelled: bool,
    /// Receipts, ours and the portal's, that are not taken back.
    pub receipts: Vec<String>,
    /// Nothing more comes.
    pub complete: bool,
}

/// A message that took effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// 1, 2, 3 … in the order in which they took effect.
    pub position: u64,
    /// The system's number for it.
    pub document: String,
    /// When, by its clock.
    pub accepted_at: DateTime<Utc>,
    /// The key it came with.
    pub idempotency_key: String,
    /// Its sequence is above all that were seen about the same thing before.
    pub in_order: bool,
    /// How often it came again afterwards, without effect.
    pub repeats: u32,
    /// Its head.
    pub head: Head,
    /// What it says.
    pub told: Told,
}
