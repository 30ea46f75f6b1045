//! Production in the simulated ERP: its work orders, and the rules by which it books what the shop floor reported. Written
//! apart from the connector's types on purpose, like [`super::wire`].

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::lot::StockStatus;
use domain::work_order::{Operation, WorkOrderStatus};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::stock::Stock;
use super::wire::{Item, Plant};

/// A work order as the ERP has it. Decimals are text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkOrder {
    /// E.g. `1000123`.
    pub number: String,
    /// Grows by one with every change; set by the ERP.
    #[serde(default)]
    pub version: i64,
    /// When it changed last; set by the ERP, never twice the same.
    #[serde(default)]
    pub changed_at: DateTime<Utc>,
    /// Where it stands.
    pub status: WorkOrderStatus,
    /// Where it is made.
    pub plant: Plant,
    /// What is made.
    pub item: Item,
    /// Of the quantity.
    pub unit: String,
    /// How much.
    pub quantity: Decimal,
    /// Scheduled begin.
    pub starts_at: DateTime<Utc>,
    /// Scheduled end.
    pub due_at: DateTime<Utc>,
    /// Out of what.
    pub components: Vec<Component>,
    /// In which steps.
    #[serde(default)]
    pub operations: Vec<Operation>,
}

/// What goes into it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Component {
    /// E.g. `0010`.
    pub number: String,
    /// What.
    pub item: Item,
    /// Of the quantity.
    pub unit: String,
    /// For the whole work order.
    pub quantity: Decimal,
    /// Booked from what is completed.
    #[serde(default)]
    pub backflush: bool,
}

/// What is booked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Movement {
    /// A goods issue to a work order.
    Consumption,
    /// A goods receipt from one.
    Completion,
    /// Either taken back.
    Reversal,
}

/// What the shop floor reported, to be booked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posting {
    /// What; from the address.
    #[serde(default = "reversal")]
    pub movement: Movement,
    /// For which work order.
    pub work_order: String,
    /// The report; a reversal names the same.
    pub report: String,
    /// When it happened.
    pub happened_at: DateTime<Utc>,
    /// What was taken; none where the work order's own item was made.
    #[serde(default)]
    pub item: Option<String>,
    /// Of which lot.
    #[serde(default)]
    pub lot: Option<String>,
    /// How much.
    pub quantity: Decimal,
    /// Of the quantity.
    pub unit: String,
    /// Bad.
    #[serde(default)]
    pub scrap: Option<Decimal>,
    /// Why it is taken back.
    #[serde(default)]
    pub reason: Option<String>,
}

const fn reversal() -> Movement {
    Movement::Reversal
}

/// A refusal with its word.
pub type No = (&'static str, String);

/// Whether a posting can be booked. What was never booked is taken back without a word.
pub fn check(orders: &BTreeMap<String, WorkOrder>, stock: &Stock, plant: Option<&str>, it: &Posting) -> Result<(), No> {
    if it.movement == Movement::Reversal {
        return Ok(());
    }
    let number = &it.work_order;
    let order = orders.get(number).ok_or_else(|| ("other", format!("Work order {number} does not exist.")))?;
    match order.status {
        WorkOrderStatus::Closed | WorkOrderStatus::Cancelled => {
            return Err(("order_closed", format!("Work order {number} is {}.", order.status.words())));
        }
        WorkOrderStatus::Planned => return Err(("other", format!("Work order {number} is not released."))),
        WorkOrderStatus::Released | WorkOrderStatus::InProcess | WorkOrderStatus::Completed => {}
    }
    let (Movement::Consumption, Some(item)) = (it.movement, &it.item) else { return Ok(()) };
    let plant = plant.unwrap_or(&order.plant.code);
    let there = stock.of(plant, item, it.lot.as_deref());
    let usable: Decimal = there.iter().filter(|(status, _)| *status == StockStatus::Unrestricted).map(|it| it.1).sum();
    if usable >= it.quantity {
        return Ok(());
    }
    let of = it.lot.as_ref().map_or_else(|| item.clone(), |lot| format!("{item}, lot {lot}"));
    if there.iter().map(|it| it.1).sum::<Decimal>() >= it.quantity {
        return Err((
            "lot_blocked",
            format!("{usable} {} of {of} are unrestricted, {} are needed.", it.unit, it.quantity),
        ));
    }
    Err(("stock_missing", format!("{usable} {} of {of} are in stock, {} are needed.", it.unit, it.quantity)))
}
