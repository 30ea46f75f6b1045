//! The purchase order: header, lines (what), schedule lines (when and how much).
//!
//! The schedule line is the unit of promise. What was requested, first promised and last promised are separate facts and
//! none of them is ever overwritten by another.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Timestamp;
use crate::confirmation::{Answer, AnswerKind};
use crate::id::{
    ConfirmationId, ConnectionId, ItemId, OrderId, OrderLineId, PersonId, PlantId, ScheduleLineId, SupplierId,
};
use crate::negotiation::{Negotiation, Turn};
use crate::quantity::{Quantity, Unit};
use crate::text::text_enum;
use crate::tolerance::{Agreed, Deviation};

text_enum! {
    /// Whether the order as a whole still runs.
    pub enum OrderStatus {
        /// Runs.
        Open = "open",
        /// Everything arrived or was closed short in the ERP.
        Closed = "closed",
        /// Taken back by the ERP.
        Cancelled = "cancelled",
    }
}

/// A purchase order as we know it from one ERP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PurchaseOrder {
    /// Our id.
    pub order_id: OrderId,
    /// The ERP it comes from.
    pub connection_id: ConnectionId,
    /// The ERP's number. Unique per ERP.
    pub number: String,
    /// Counts what changed for the supplier, from 1. An answer names the revision it was written against.
    pub revision: i32,
    /// Orders changes of the ERP in time; an older one is never applied over a newer one.
    pub their_version: i64,
    /// Who is to supply.
    pub supplier_id: SupplierId,
    /// Where to.
    pub plant_id: PlantId,
    /// The buyer's name in the ERP.
    pub buyer: Option<String>,
    /// ISO 4217 code of all prices.
    pub currency: String,
    /// E.g. `DAP Lindau`.
    pub incoterm: Option<String>,
    /// Whether it runs.
    pub status: OrderStatus,
    /// When the supplier could first see it.
    pub published_at: Timestamp,
    /// Whether answers may propose another price.
    pub may_change_price: bool,
    /// Lines by number.
    pub lines: Vec<OrderLine>,
}

/// A line: what is ordered, at which price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderLine {
    /// Our id.
    pub order_line_id: OrderLineId,
    /// As the ERP numbers it, e.g. `0010`.
    pub number: String,
    /// What.
    pub item_id: ItemId,
    /// The item's number.
    pub item_number: String,
    /// What it is called.
    pub description: String,
    /// The supplier's own number for it.
    pub supplier_item: Option<String>,
    /// The unit of every quantity of the line.
    pub unit: Unit,
    /// Price for one unit, in the order's currency; none where prices are not shared.
    pub price: Option<Decimal>,
    /// The limits that apply, all three levels.
    pub agreed: Agreed,
    /// Schedule lines by number.
    pub schedule: Vec<ScheduleLine>,
}

/// When and how much: what a supplier answers to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleLine {
    /// Our id.
    pub schedule_line_id: ScheduleLineId,
    /// From 1 within the line.
    pub number: i32,
    /// How much is asked for.
    pub quantity: Decimal,
    /// For which day of the plant's calendar.
    pub requested_on: NaiveDate,
    /// Where the negotiation stands.
    pub state: Negotiation,
    /// Counts every change of this row; a form that read an older one is told so.
    pub version: i64,
    /// The first binding promise, kept for ever.
    pub first_promise: Option<Vec<Commitment>>,
    /// The binding promise now in force; the last confirmed one.
    pub promise: Option<Vec<Commitment>>,
    /// What waits for the buyer.
    pub proposal: Option<Proposal>,
    /// What the buyer proposed instead.
    pub counter: Option<Counter>,
    /// What the last revision changed, until it is answered.
    pub change: Option<Change>,
}

/// So much on that day: one part of a promise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commitment {
    /// How much, in the line's unit.
    pub quantity: Decimal,
    /// Delivery day in the plant's calendar; none for the part that is backordered.
    pub deliver_on: Option<NaiveDate>,
    /// Day it leaves the supplier, where he says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ship_on: Option<NaiveDate>,
    /// Another price than ordered, where that is allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Decimal>,
}

/// An answer outside tolerance, waiting for the buyer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// The confirmation it came with.
    pub confirmation_id: ConfirmationId,
    /// What kind of answer.
    pub kind: AnswerKind,
    /// What is proposed; empty for a rejection.
    pub commitments: Vec<Commitment>,
    /// Why.
    pub reason: Option<Reason>,
    /// In the supplier's words.
    pub note: Option<String>,
    /// How it differs, with the rules used.
    pub deviations: Vec<Deviation>,
    /// Who proposed; nobody approves the own change.
    pub by: Option<PersonId>,
    /// Since when it waits.
    pub at: Timestamp,
}

/// The buyer's proposal back to the supplier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counter {
    /// What the buyer would take.
    pub commitments: Vec<Commitment>,
    /// In the buyer's words.
    pub note: Option<String>,
    /// Who proposed it; nobody takes the own counter on the supplier's behalf.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<PersonId>,
    /// Since when it waits.
    pub at: Timestamp,
}

/// What a revision changed on a schedule line, old values beside the new ones on the line itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The revision that brought it.
    pub revision: i32,
    /// Quantity before.
    pub quantity: Option<Decimal>,
    /// Requested day before.
    pub requested_on: Option<NaiveDate>,
    /// Price before.
    pub price: Option<Decimal>,
    /// Item number before.
    pub item_number: Option<String>,
    /// The line did not exist before.
    #[serde(default)]
    pub added: bool,
}

text_enum! {
    /// Why an answer differs. One list for answers, scorecards and partners.
    pub enum Reason {
        /// A machine is down.
        MachineBreakdown = "machine_breakdown",
        /// Own supply is late.
        MaterialShortage = "material_shortage",
        /// No capacity.
        Capacity = "capacity",
        /// Lot size or packaging unit.
        LotSize = "lot_size",
        /// Public holiday or shutdown.
        Holiday = "holiday",
        /// Transport.
        Transport = "transport",
        /// Quality problem at the supplier.
        Quality = "quality",
        /// Price has changed.
        Price = "price",
        /// No longer made.
        Discontinued = "discontinued",
        /// Something else; say it in the note.
        Other = "other",
    }
}

impl Reason {
    /// As shown in a list.
    pub const fn words(self) -> &'static str {
        match self {
            Self::MachineBreakdown => "Machine breakdown",
            Self::MaterialShortage => "Material shortage",
            Self::Capacity => "No capacity",
            Self::LotSize => "Minimum lot size",
            Self::Holiday => "Public holiday",
            Self::Transport => "Transport",
            Self::Quality => "Quality problem",
            Self::Price => "Price change",
            Self::Discontinued => "No longer made",
            Self::Other => "Other, see note",
        }
    }
}

impl PurchaseOrder {
    /// A schedule line with its line.
    pub fn find(&self, id: ScheduleLineId) -> Option<(&OrderLine, &ScheduleLine)> {
        self.schedule_lines().find(|(_, schedule)| schedule.schedule_line_id == id)
    }

    /// The same, to be changed by a decision of this crate.
    pub(crate) fn find_mut(&mut self, id: ScheduleLineId) -> Option<&mut ScheduleLine> {
        self.lines.iter_mut().flat_map(|line| line.schedule.iter_mut()).find(|schedule| schedule.schedule_line_id == id)
    }

    /// All schedule lines with their lines, in order.
    pub fn schedule_lines(&self) -> impl Iterator<Item = (&OrderLine, &ScheduleLine)> {
        self.lines.iter().flat_map(|line| line.schedule.iter().map(move |schedule| (line, schedule)))
    }

    /// The answers of "confirm as requested": every line that waits for the supplier, as the buyer wants it. Lines asked for
    /// a day before `today` (plant calendar) are left out: nobody can promise the past, they need a new date.
    pub fn as_requested(&self, today: NaiveDate) -> Vec<Answer> {
        self.schedule_lines()
            .filter(|(_, schedule)| schedule.state.turn() == Turn::Supplier && !schedule.asked_before(today))
            .map(|(_, schedule)| Answer {
                schedule_line_id: schedule.schedule_line_id,
                version: schedule.version,
                kind: AnswerKind::Accept,
                commitments: Vec::new(),
                reason: None,
                note: None,
            })
            .collect()
    }
}

impl ScheduleLine {
    /// What is asked of the supplier now: the buyer's counter where there is one, else the request.
    pub fn asked(&self) -> Vec<Commitment> {
        match (&self.state, &self.counter) {
            (Negotiation::Countered, Some(counter)) => counter.commitments.clone(),
            _ => vec![Commitment {
                quantity: self.quantity,
                deliver_on: Some(self.requested_on),
                ship_on: None,
                price: None,
            }],
        }
    }

    /// What is asked for lies, at least in part, before `today`: it can no longer be promised as it is.
    pub fn asked_before(&self, today: NaiveDate) -> bool {
        self.asked().iter().filter_map(|part| part.deliver_on).any(|day| day < today)
    }

    /// The quantity with its unit.
    pub fn quantity_in(&self, unit: &Unit) -> Quantity {
        Quantity::new(self.quantity, unit.clone())
    }
}

/// The last delivery day among the parts; the day by which everything is there.
pub fn last_day(commitments: &[Commitment]) -> Option<NaiveDate> {
    commitments.iter().filter_map(|part| part.deliver_on).max()
}

/// What the parts add up to.
pub fn total(commitments: &[Commitment]) -> Decimal {
    commitments.iter().fold(Decimal::ZERO, |sum, part| sum.saturating_add(part.quantity))
}

/// Identifies one sending of a form or a call: sent twice, the first result counts.
pub type Submission = Uuid;
