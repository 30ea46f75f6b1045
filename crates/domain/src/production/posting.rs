//! Postings that did not go through, by their cause. The cause decides what has to happen until they go again.

use crate::text::text_enum;

text_enum! {
    /// Why a posting is not in the ERP. The words are a promise of the API: never renamed.
    pub enum Cause {
        /// There is less of it than was taken: a receipt is missing, or not posted yet.
        StockMissing = "stock_missing",
        /// The lot may not be used: a hold, an inspection, a certificate, its expiry.
        LotBlocked = "lot_blocked",
        /// The ERP's books of that day are closed.
        PeriodClosed = "period_closed",
        /// The unit cannot be turned into the item's.
        UnitUnknown = "unit_unknown",
        /// Somebody works on the order in the ERP.
        OrderLocked = "order_locked",
        /// The ERP takes no more postings for the order.
        OrderClosed = "order_closed",
        /// Anything else the ERP said.
        Other = "other",
    }
}

impl Cause {
    /// As a heading.
    pub const fn title(self) -> &'static str {
        match self {
            Self::StockMissing => "Stock missing",
            Self::LotBlocked => "Lot may not be used",
            Self::PeriodClosed => "Period closed",
            Self::UnitUnknown => "Unit not known",
            Self::OrderLocked => "Order locked",
            Self::OrderClosed => "Order closed",
            Self::Other => "Refused by the ERP",
        }
    }

    /// What has to happen, and whether somebody has to do anything about the posting itself.
    pub const fn way_out(self) -> &'static str {
        match self {
            Self::StockMissing => "Goes again by itself when the receipt is posted or the stock is corrected.",
            Self::LotBlocked => "Goes again by itself when the lot is released.",
            Self::PeriodClosed => "Goes again every hour; ask accounting to open the period, or correct the day.",
            Self::UnitUnknown => "Goes again when the item has the unit; or correct the report.",
            Self::OrderLocked => "Goes again every minute until whoever works on the order lets go of it.",
            Self::OrderClosed => "Goes again when the ERP opens the order; or correct or cancel the posting.",
            Self::Other => "Read what the ERP said, mend it there or correct the posting, then send it again.",
        }
    }
}
