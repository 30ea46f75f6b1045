//! What a supplier writes into a ship notice, the commands that carry it, and the facts that it is checked against.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::certificate::requirement::Covered;
use crate::id::{ConnectionId, ItemId, OrderId, OrderLineId, PlantId, ScheduleLineId, SupplierId};
use crate::item::ItemRules;
use crate::negotiation::Negotiation;
use crate::order::{Commitment, OrderStatus, Submission, last_day, total};
use crate::quantity::Unit;
use crate::shipment::{Moved, PackageKind, ShipNotice, ShippedLot};
use crate::tolerance::{Agreed, DeviationKind, Limit, Source};

/// What is in a ship notice, as its supplier writes it: everything but the numbers that we give.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShipContent {
    /// The supplier's delivery note.
    pub delivery_note: String,
    /// Day it leaves the supplier.
    pub ship_on: NaiveDate,
    /// Day on which it is expected, in the plant's calendar.
    pub arrive_on: NaiveDate,
    /// Who carries it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carrier: Option<String>,
    /// The carrier's number for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracking: Option<String>,
    /// Bill of lading or waybill.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bill_of_lading: Option<String>,
    /// In the supplier's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What is in it; a schedule line at most once.
    pub lines: Vec<LineContent>,
    /// How it is packed; empty where the supplier does not say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub units: Vec<UnitContent>,
}

/// So much of one schedule line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineContent {
    /// Which promise it fulfils.
    pub schedule_line_id: ScheduleLineId,
    /// How much, in the line's unit.
    pub quantity: Decimal,
    /// By lot; empty where the item has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lots: Vec<ShippedLot>,
    /// Serials of an item that has serials but no lots.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub serials: Vec<String>,
}

/// A package, numbered by its supplier within the notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitContent {
    /// From 1, each number once.
    pub number: i32,
    /// What kind.
    pub kind: PackageKind,
    /// The number of the one it stands in or on; none at the top.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<i32>,
    /// Gross weight in kilograms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gross_kg: Option<Decimal>,
    /// The SSCC that it got in an earlier version of the same notice, so that labels already printed stay true. New
    /// packages get theirs from us.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sscc: Option<String>,
    /// What lies directly in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contents: Vec<PackedContent>,
}

/// So much of a line (and lot) in one package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackedContent {
    /// The line of the notice.
    pub schedule_line_id: ScheduleLineId,
    /// Which lot of it, where it has lots.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lot: Option<String>,
    /// How much, in the line's unit.
    pub quantity: Decimal,
}

/// Announce what is shipped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendShipNotice {
    /// What is in it.
    pub content: ShipContent,
    /// Sent twice, the first result counts.
    pub submission: Submission,
}

/// Send a newer version of a ship notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AmendShipNotice {
    /// The version that was read.
    pub version: i32,
    /// Everything that is in it now; what is left out is out.
    pub content: ShipContent,
    /// Why.
    #[serde(default)]
    pub reason: Option<String>,
    /// Sent twice, the first result counts.
    pub submission: Submission,
}

/// Withdraw a ship notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelShipNotice {
    /// The version that was read.
    pub version: i32,
    /// Why.
    pub reason: String,
    /// Sent twice, the first result counts.
    pub submission: Submission,
}

/// Tell what happened to a shipment on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TellMilestone {
    /// What happened.
    pub moved: Moved,
    /// Sent twice, the first result counts.
    pub submission: Submission,
}

/// A schedule line as a ship notice sees it: what is promised, what other ship notices already took of it, how its item
/// must be handled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shippable {
    /// Its order.
    pub order_id: OrderId,
    /// The order's number in its ERP.
    pub order: String,
    /// Whether the order still runs.
    pub order_status: OrderStatus,
    /// The order's ERP.
    pub connection_id: ConnectionId,
    /// Who supplies.
    pub supplier_id: SupplierId,
    /// Where to.
    pub plant_id: PlantId,
    /// The line.
    pub order_line_id: OrderLineId,
    /// The line's number, e.g. `0010`.
    pub line: String,
    /// The schedule line.
    pub schedule_line_id: ScheduleLineId,
    /// Its number within the line.
    pub schedule: i32,
    /// What.
    pub item_id: ItemId,
    /// The item's number.
    pub item: String,
    /// What it is called.
    pub description: String,
    /// The supplier's own number for it.
    pub supplier_item: Option<String>,
    /// Unit of the quantities.
    pub unit: Unit,
    /// How the item must be handled.
    pub rules: ItemRules,
    /// The limits that apply.
    pub agreed: Agreed,
    /// Where the negotiation stands.
    pub state: Negotiation,
    /// What is asked for.
    pub ordered: Decimal,
    /// The binding promise in force.
    pub promise: Option<Vec<Commitment>>,
    /// In other ship notices that are not cancelled.
    pub shipped: Decimal,
}

impl Shippable {
    /// `4500012345 line 0010`, with the schedule number where it is not the first.
    pub fn name(&self) -> String {
        if self.schedule > 1 {
            format!("{} line {}/{}", self.order, self.line, self.schedule)
        } else {
            format!("{} line {}", self.order, self.line)
        }
    }

    /// What is promised.
    pub fn promised(&self) -> Decimal {
        self.promise.as_deref().map(total).unwrap_or_default()
    }

    /// Promised and in no other ship notice yet; never below zero.
    pub fn open(&self) -> Decimal {
        self.promised().saturating_sub(self.shipped).max(Decimal::ZERO)
    }

    /// The limit on over-delivery, and who set it.
    pub fn over(&self) -> (Limit, Source) {
        self.agreed.limit(DeviationKind::Over)
    }

    /// The most that one more ship notice may hold: what is ordered (or promised, where the buyer took more), and the
    /// over-delivery allowed on it, less what other notices hold. Never below zero.
    pub fn most(&self) -> Decimal {
        let base = self.ordered.max(self.promised());
        let over = base.saturating_mul(self.over().0.up_to) / Decimal::ONE_HUNDRED;
        let most = base.saturating_add(over).trunc_with_scale(self.unit.decimals().max(base.scale()));
        most.saturating_sub(self.shipped).max(Decimal::ZERO)
    }

    /// The day by which everything of it is promised.
    pub fn promised_on(&self) -> Option<NaiveDate> {
        self.promise.as_deref().and_then(last_day)
    }

    /// Whether something of it can be announced at all.
    pub fn is_open(&self) -> bool {
        self.order_status == OrderStatus::Open
            && self.promise.is_some()
            && !matches!(self.state, Negotiation::Cancelled | Negotiation::Declined)
    }
}

/// A serial that another ship notice has announced already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenSerial {
    /// Of which item.
    pub item_id: ItemId,
    /// The serial.
    pub serial: String,
    /// The number of the notice.
    pub notice: String,
}

/// What the content of a ship notice is checked against, as it is at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShipFacts {
    /// Today in the plant's calendar.
    pub today: NaiveDate,
    /// The schedule lines that the content names, as far as its sender may see them.
    pub lines: Vec<Shippable>,
    /// The number of another notice of the same supplier that has the same delivery note and is not cancelled.
    pub delivery_note_in: Option<String>,
    /// Serials of the content that stand in other notices.
    pub taken_serials: Vec<TakenSerial>,
    /// The certificates that the content needs, and how far each is there.
    pub certificates: Vec<Covered>,
    /// The version in force, where this is to be the next.
    pub before: Option<ShipNotice>,
}

impl ShipFacts {
    /// One of its lines.
    pub fn line(&self, id: ScheduleLineId) -> Option<&Shippable> {
        self.lines.iter().find(|line| line.schedule_line_id == id)
    }
}

/// A line that could go into the next ship notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposed {
    /// Which.
    pub schedule_line_id: ScheduleLineId,
    /// Promised and not yet in a ship notice.
    pub quantity: Decimal,
    /// The first day on which some of it is promised.
    pub due_on: Option<NaiveDate>,
    /// Day on which that part was to leave the supplier, where he said so.
    pub ship_on: Option<NaiveDate>,
}

/// The lines of binding promises that are not yet shipped, the first due first. Earlier parts of a promise count as shipped
/// before later ones.
pub fn propose(lines: &[Shippable]) -> Vec<Proposed> {
    let mut proposed: Vec<Proposed> = lines
        .iter()
        .filter(|line| line.is_open() && line.open() > Decimal::ZERO)
        .map(|line| {
            let mut parts = line.promise.clone().unwrap_or_default();
            parts.sort_by_key(|part| part.deliver_on.unwrap_or(NaiveDate::MAX));
            let mut gone = line.shipped;
            let next = parts.iter().find(|part| {
                let here = gone < part.quantity;
                gone = (gone - part.quantity).max(Decimal::ZERO);
                here
            });
            Proposed {
                schedule_line_id: line.schedule_line_id,
                quantity: line.open(),
                due_on: next.and_then(|part| part.deliver_on),
                ship_on: next.and_then(|part| part.ship_on),
            }
        })
        .collect();
    let place = |id| lines.iter().position(|line| line.schedule_line_id == id);
    proposed.sort_by_key(|line| (line.due_on.unwrap_or(NaiveDate::MAX), place(line.schedule_line_id)));
    proposed
}

/// A line whose promise a shipment will not keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Threatened {
    /// `4500012345 line 0010`.
    pub name: String,
    /// The day promised last.
    pub promised_on: NaiveDate,
    /// Days after it.
    pub days: i64,
}

/// Which promises an arrival on this day misses. Both days are of the plant's calendar.
pub fn threatened(
    lines: impl IntoIterator<Item = (String, Option<NaiveDate>)>,
    arrive_on: NaiveDate,
) -> Vec<Threatened> {
    lines
        .into_iter()
        .filter_map(|(name, promised_on)| {
            let promised_on = promised_on?;
            let days = (arrive_on - promised_on).num_days();
            (days > 0).then_some(Threatened { name, promised_on, days })
        })
        .collect()
}
