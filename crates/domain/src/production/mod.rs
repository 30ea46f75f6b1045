//! What the shop floor reports, and what becomes of it in the ERP.
//!
//! A report is a fact that happened: it is recorded whatever it says, with the time at the machine and the time at which it
//! was learned ([`Report`]). Its posting in the ERP is the delivery of its event to the work order's ERP; where that may not
//! or cannot go yet, the delivery is parked with a [`Cause`](posting::Cause) and goes again by itself once the cause is gone.
//! What a report does when it comes is in [`intake`].

pub mod intake;
pub mod posting;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::certificate::Measured;
use crate::id::ReportId;
use crate::quantity::{Quantity, Unit};
use crate::text::text_enum;

text_enum! {
    /// What is reported.
    pub enum ReportKind {
        /// Material was taken for a work order.
        Consumed = "consumed",
        /// Something was made.
        Completed = "completed",
        /// An operation began.
        Started = "started",
        /// An operation stopped or ended.
        Stopped = "stopped",
        /// Something was measured between operations.
        Inspected = "inspected",
    }
}

impl ReportKind {
    /// Whether the ERP gets a posting of it.
    pub const fn is_posted(self) -> bool {
        matches!(self, Self::Consumed | Self::Completed)
    }
}

/// One report of the shop floor, self-contained for whoever is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Our id.
    pub report_id: ReportId,
    /// Its sender's key. Unique at the sender.
    pub their_ref: String,
    /// The work order's number.
    pub work_order: String,
    /// When it happened, by the clock at the machine.
    pub at: Timestamp,
    /// Where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub station: Option<String>,
    /// Who, as the shop floor names him.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// The report that this one stands for instead, by its sender's key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrects: Option<String>,
    /// What was taken or made in the unit that stock is kept in: what is posted. None where nothing is posted, or while the
    /// unit cannot be turned into it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub booked: Option<Quantity>,
    /// What happened.
    #[serde(flatten)]
    pub what: Reported,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Reported {
    /// Material was taken.
    Consumed(Consumption),
    /// Something was made.
    Completed(Completion),
    /// An operation began.
    Started {
        /// Its number.
        operation: String,
    },
    /// An operation stopped.
    Stopped {
        /// Its number.
        operation: String,
        /// It is done, and not only interrupted.
        #[serde(default)]
        done: bool,
        /// Why it was interrupted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Something was measured.
    Inspected(InProcess),
}

impl Reported {
    /// Its kind.
    pub const fn kind(&self) -> ReportKind {
        match self {
            Self::Consumed(_) => ReportKind::Consumed,
            Self::Completed(_) => ReportKind::Completed,
            Self::Started { .. } => ReportKind::Started,
            Self::Stopped { .. } => ReportKind::Stopped,
            Self::Inspected(_) => ReportKind::Inspected,
        }
    }
}

/// Material that was taken for a work order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consumption {
    /// The item's number.
    pub item: String,
    /// The component of the work order; found by its item where the sender does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<String>,
    /// The lot's number in the plant; none for an item without lots.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lot: Option<String>,
    /// The serials, where the item has them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub serials: Vec<String>,
    /// The ERP books it by itself from what was completed: recorded, not posted. Said by the work order, not by the sender.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub backflush: bool,
    /// How much, as reported. Above zero: what is put back is a reversal.
    pub quantity: Decimal,
    /// The unit of the report, which need not be the item's.
    pub unit: Unit,
}

/// Something that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Completion {
    /// Good.
    pub quantity: Decimal,
    /// The unit of the report.
    pub unit: Unit,
    /// Bad.
    #[serde(default)]
    pub scrap: Decimal,
    /// Why it is bad; needed where there is scrap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scrap_reason: Option<String>,
    /// The lot that was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lot: Option<String>,
    /// The serials that were made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub serials: Vec<String>,
    /// The work order is finished, whatever was ordered.
    #[serde(default)]
    pub last: bool,
}

/// Values that were measured on the shop floor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InProcess {
    /// At which operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// Of which produced lot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lot: Option<String>,
    /// Of which produced serial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// What was measured.
    #[serde(default)]
    pub values: Vec<Measured>,
    /// In the words of the shop floor's own limits.
    pub passed: bool,
}
