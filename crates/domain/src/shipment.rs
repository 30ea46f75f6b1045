//! The ship notice (ASN): what a supplier announces that he ships, in which lots and packages, before it arrives.
//!
//! A ship notice is from one supplier to one plant, for one or many orders of one ERP. Each sending of it is a version that
//! is kept for ever. Where the goods are ([`ShipStatus`]) and whether the ERP knows (its deliveries) are separate facts.
//!
//! Here are the types that cross systems. What a supplier writes and the facts it is checked against are in [`content`], the
//! check in [`check`] and [`packing`], what follows from a command in [`steps`].

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::id::{HandlingUnitId, OrderLineId, ScheduleLineId, ShipLineId, ShipNoticeId};
use crate::quantity::Unit;
use crate::text::text_enum;

pub mod check;
pub mod content;
pub mod countries;
pub mod packing;
pub mod serials;
pub mod steps;

text_enum! {
    /// Where the goods of a ship notice are: the logistics axis. Follows from milestones and receipts; kept for lists.
    pub enum ShipStatus {
        /// Sent to the buyer, goods still at the supplier.
        Announced = "announced",
        /// On the way.
        InTransit = "in_transit",
        /// At the gate of the plant.
        Arrived = "arrived",
        /// Received in part.
        PartlyReceived = "partly_received",
        /// Received; nothing more is expected.
        Received = "received",
        /// Withdrawn before anything was received.
        Cancelled = "cancelled",
    }
}

text_enum! {
    /// A thing that happens to goods on their way, told by the supplier, a carrier, the gate or another system.
    pub enum Milestone {
        /// The carrier has them.
        PickedUp = "picked_up",
        /// They left the supplier.
        Departed = "departed",
        /// A new expected time of arrival, with the same place.
        Delayed = "delayed",
        /// They stand at the gate.
        ArrivedAtGate = "arrived_at_gate",
        /// Unloading has begun.
        Receiving = "receiving",
    }
}

text_enum! {
    /// What kind of package a handling unit is.
    pub enum PackageKind {
        /// Carries others (EDI: tare).
        Pallet = "pallet",
        /// Holds items (EDI: pack).
        Carton = "carton",
        /// A crate, wire box, drum, coil …
        Other = "other",
    }
}

/// A whole ship notice as it was last sent: self-contained, for whoever is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShipNotice {
    /// Our id.
    pub ship_notice_id: ShipNoticeId,
    /// Our number, e.g. `SN-000017`. Unique.
    pub number: String,
    /// 1 for the first sending; an amendment is the next.
    pub version: i32,
    /// The supplier's delivery note. Unique per supplier while the notice is not cancelled.
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
    /// What is in it, by number.
    pub lines: Vec<ShipLine>,
    /// How it is packed; empty where the supplier does not say. A parent stands before its children.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub units: Vec<HandlingUnit>,
}

/// So much of one schedule line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShipLine {
    /// Our id; stays over amendments.
    pub ship_line_id: ShipLineId,
    /// From 1 within the notice; stays over amendments.
    pub number: i32,
    /// The order's number in its ERP.
    pub order: String,
    /// Its line.
    pub order_line_id: OrderLineId,
    /// The line's number, e.g. `0010`.
    pub line: String,
    /// Which promise it fulfils.
    pub schedule_line_id: ScheduleLineId,
    /// The schedule line's number.
    pub schedule: i32,
    /// The item's number.
    pub item: String,
    /// What it is called.
    pub description: String,
    /// Unit of all quantities of the line.
    pub unit: Unit,
    /// How much; above zero. The sum of its lots where there are any.
    pub quantity: Decimal,
    /// By lot; empty where the item has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lots: Vec<ShippedLot>,
    /// Serials of an item that has serials but no lots.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub serials: Vec<String>,
}

/// So much of one of the supplier's lots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShippedLot {
    /// The supplier's lot or heat.
    pub lot: String,
    /// How much, in the line's unit.
    pub quantity: Decimal,
    /// Last day on which it may be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_on: Option<NaiveDate>,
    /// Day of production.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub produced_on: Option<NaiveDate>,
    /// Country of origin, ISO 3166-1 alpha-2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// One for each piece, where the item is serial-controlled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub serials: Vec<String>,
}

/// A package with its number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandlingUnit {
    /// Our id; stays over amendments.
    pub handling_unit_id: HandlingUnitId,
    /// Serial Shipping Container Code, 18 digits with check digit (GS1 General Specifications, AI 00).
    pub sscc: String,
    /// What kind.
    pub kind: PackageKind,
    /// The one it stands in or on; none at the top.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<HandlingUnitId>,
    /// Gross weight in kilograms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gross_kg: Option<Decimal>,
    /// What lies directly in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contents: Vec<Packed>,
}

/// So much of a line (and lot) in one package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packed {
    /// The line of the notice, see [`ShipLine::number`].
    pub line: i32,
    /// Which lot of it, where it has lots.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lot: Option<String>,
    /// How much, in the line's unit.
    pub quantity: Decimal,
}

/// A milestone as it was told: when it happened and, separately, what is expected now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// What happened.
    pub milestone: Milestone,
    /// When, at its place. Not when we learned it.
    pub happened_at: Timestamp,
    /// The day now expected, in the plant's calendar, where it changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrive_on: Option<NaiveDate>,
    /// In the teller's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}
