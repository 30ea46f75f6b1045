//! Goods receipts: what really came. Entered at the dock, or told by the ERP or a warehouse system; both ways end in the same
//! facts and are matched, never counted twice.
//!
//! What a person or machine asks for is checked and made into a receipt in [`post`]; what came is held against what was
//! announced in [`difference`]; which of several tellings of the same goods counts is decided in [`matching`].

pub mod difference;
pub mod matching;
pub mod post;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::id::{LotId, ReceiptId, ReceiptLineId};
use crate::quantity::Unit;
use crate::text::text_enum;

text_enum! {
    /// Where we learned of a receipt.
    pub enum ReceiptChannel {
        /// A clerk on our pages.
        Dock = "dock",
        /// A machine through our API.
        Api = "api",
        /// The ERP.
        Erp = "erp",
        /// A warehouse system.
        Wms = "wms",
    }
}

text_enum! {
    /// What is odd about what came.
    pub enum Oddity {
        /// Less than announced.
        Short = "short",
        /// More than announced.
        Over = "over",
        /// Came damaged.
        Damaged = "damaged",
        /// Another item than announced.
        WrongItem = "wrong_item",
        /// A lot that was not announced.
        UnknownLot = "unknown_lot",
    }
}

/// A receipt in full: self-contained, for whoever is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Our id.
    pub receipt_id: ReceiptId,
    /// Our number, e.g. `GR-000042`. Unique.
    pub number: String,
    /// How we learned of it.
    pub channel: ReceiptChannel,
    /// The other system's document, where it came from one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub their_ref: Option<String>,
    /// The ship notice it is against; none for a blind receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<String>,
    /// The supplier's delivery note.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery_note: Option<String>,
    /// When the goods were received, at the dock.
    pub received_at: Timestamp,
    /// Nothing more is expected of the ship notice: what is missing is short.
    pub complete: bool,
    /// The receipt of another way (dock, ERP, warehouse) that tells of the same goods: whoever has that one does not add this
    /// one to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_as: Option<String>,
    /// What came.
    pub lines: Vec<ReceivedLine>,
}

/// What came of one line and lot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceivedLine {
    /// Our id.
    pub receipt_line_id: ReceiptLineId,
    /// The line of the ship notice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice_line: Option<i32>,
    /// The order's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// Its line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// The item's number.
    pub item: String,
    /// Unit of the quantities.
    pub unit: Unit,
    /// Our lot, where the item has lots.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lot_id: Option<LotId>,
    /// The supplier's lot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supplier_lot: Option<String>,
    /// Last day on which it may be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_on: Option<NaiveDate>,
    /// Taken into stock.
    pub accepted: Decimal,
    /// Came damaged; not taken into usable stock.
    pub damaged: Decimal,
    /// What was odd.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub oddities: Vec<Oddity>,
    /// In the clerk's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Announced and received, side by side, for one line and lot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The line of the ship notice, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice_line: Option<i32>,
    /// The item's number.
    pub item: String,
    /// The supplier's lot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lot: Option<String>,
    /// What is odd.
    pub oddity: Oddity,
    /// Unit of the quantities.
    pub unit: Unit,
    /// What the supplier says he shipped.
    pub announced: Decimal,
    /// What came, undamaged.
    pub received: Decimal,
    /// What came damaged.
    pub damaged: Decimal,
    /// What another system counted of the same goods, where it does not agree with `received` and `damaged` together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<Decimal>,
}

text_enum! {
    /// Where a case about a difference stands.
    pub enum CaseState {
        /// Nobody has said anything about it.
        Open = "open",
        /// A side has said how it sees it.
        Answered = "answered",
        /// Settled.
        Closed = "closed",
    }
}

text_enum! {
    /// How a difference was settled.
    pub enum Outcome {
        /// The supplier ships what is missing.
        SupplierShipsRest = "supplier_ships_rest",
        /// The supplier credits it.
        Credit = "credit",
        /// What came is right as it is.
        AcceptedAsReceived = "accepted_as_received",
        /// A new count found no difference.
        CountedAgain = "counted_again",
        /// What was wrong goes back.
        Returned = "returned",
    }
}

text_enum! {
    /// Whose words an entry of a case is in.
    pub enum Side {
        /// The supplier.
        Supplier = "supplier",
        /// The house: buyer, clerk, quality engineer.
        House = "house",
    }
}
