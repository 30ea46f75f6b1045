//! Work orders: what a plant makes, out of what, and when. They live in the ERP; the shop floor carries them out, and the
//! portal keeps both in step.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::id::WorkOrderId;
use crate::quantity::Unit;
use crate::text::text_enum;

text_enum! {
    /// Where a work order stands. The ERP plans, releases, closes and cancels; the first report of the shop floor takes it
    /// into process, and the last one completes it.
    pub enum WorkOrderStatus {
        /// Known, not yet to be worked on.
        Planned = "planned",
        /// The shop floor may begin.
        Released = "released",
        /// The shop floor has begun.
        InProcess = "in_process",
        /// As much as was ordered was made.
        Completed = "completed",
        /// The ERP takes no more postings.
        Closed = "closed",
        /// Taken back by the ERP.
        Cancelled = "cancelled",
    }
}

impl WorkOrderStatus {
    /// Somebody may still work on it.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Planned | Self::Released | Self::InProcess)
    }

    /// The shop floor knows of it.
    pub const fn is_on_the_floor(self) -> bool {
        matches!(self, Self::Released | Self::InProcess | Self::Completed)
    }

    /// As people call it.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Released => "released",
            Self::InProcess => "in process",
            Self::Completed => "completed",
            Self::Closed => "closed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Where it stands after the ERP has said `theirs`. The ERP hears of progress from us, later than the shop floor does:
    /// its "released" does not take back what has begun. What it closes or cancels is closed or cancelled, and what it opens
    /// again is open again as far as it had come.
    pub fn told(self, theirs: Self, begun: bool, complete: bool) -> Self {
        match theirs {
            Self::Closed | Self::Cancelled => theirs,
            Self::Planned if begun => Self::InProcess,
            Self::Released | Self::InProcess | Self::Completed if complete => Self::Completed,
            Self::Released if begun => Self::InProcess,
            _ => theirs,
        }
    }
}

/// A work order in full: self-contained, for whoever is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkOrder {
    /// Our id.
    pub work_order_id: WorkOrderId,
    /// The ERP's number. Unique in the plant.
    pub number: String,
    /// The plant's code.
    pub plant: String,
    /// Grows with every change that the shop floor is told of, from 1.
    pub revision: i32,
    /// What is made.
    pub item: String,
    /// Its description.
    pub description: String,
    /// Unit of the quantity.
    pub unit: Unit,
    /// How much is to be made.
    pub quantity: Decimal,
    /// Where it stands.
    pub status: WorkOrderStatus,
    /// Scheduled begin.
    pub starts_at: Timestamp,
    /// Scheduled end.
    pub due_at: Timestamp,
    /// Out of what.
    pub components: Vec<Component>,
    /// In which steps.
    pub operations: Vec<Operation>,
}

/// What goes into a work order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Component {
    /// Its place in the work order, e.g. `0010`. Unique there.
    pub number: String,
    /// The item's number.
    pub item: String,
    /// Its description.
    pub description: String,
    /// Unit of the quantity.
    pub unit: Unit,
    /// How much the whole work order takes.
    pub quantity: Decimal,
    /// The ERP books it by itself from what was completed; a consumption of it is recorded and not posted.
    #[serde(default)]
    pub backflush: bool,
    /// The operation that takes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
}

/// A step of a work order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// E.g. `0010`. Unique in the work order.
    pub number: String,
    /// What is done.
    pub name: String,
    /// Where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub station: Option<String>,
}

/// One difference between a work order as it was and as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "changed", rename_all = "snake_case")]
pub enum WorkOrderChange {
    /// How much is to be made.
    Quantity {
        /// Before.
        from: Decimal,
        /// Now.
        to: Decimal,
    },
    /// Scheduled begin.
    StartsAt {
        /// Before.
        from: Timestamp,
        /// Now.
        to: Timestamp,
    },
    /// Scheduled end.
    DueAt {
        /// Before.
        from: Timestamp,
        /// Now.
        to: Timestamp,
    },
    /// A component that was not there.
    ComponentAdded {
        /// Which.
        component: Component,
    },
    /// A component that is not there any more.
    ComponentRemoved {
        /// Which.
        component: Component,
    },
    /// A component that is asked for differently.
    ComponentChanged {
        /// Before.
        from: Component,
        /// Now.
        to: Component,
    },
    /// Other steps.
    Operations,
}

/// What differs, in the order of the list above; empty where the shop floor need not be told.
pub fn differences(before: &WorkOrder, now: &WorkOrder) -> Vec<WorkOrderChange> {
    let mut changes = Vec::new();
    if before.quantity != now.quantity {
        changes.push(WorkOrderChange::Quantity { from: before.quantity, to: now.quantity });
    }
    if before.starts_at != now.starts_at {
        changes.push(WorkOrderChange::StartsAt { from: before.starts_at, to: now.starts_at });
    }
    if before.due_at != now.due_at {
        changes.push(WorkOrderChange::DueAt { from: before.due_at, to: now.due_at });
    }
    let known = |list: &[Component], number: &str| list.iter().find(|part| part.number == number).cloned();
    for component in &now.components {
        match known(&before.components, &component.number) {
            None => changes.push(WorkOrderChange::ComponentAdded { component: component.clone() }),
            Some(from) if from != *component => {
                changes.push(WorkOrderChange::ComponentChanged { from, to: component.clone() });
            }
            Some(_) => {}
        }
    }
    for component in &before.components {
        if known(&now.components, &component.number).is_none() {
            changes.push(WorkOrderChange::ComponentRemoved { component: component.clone() });
        }
    }
    if before.operations != now.operations {
        changes.push(WorkOrderChange::Operations);
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order() -> WorkOrder {
        WorkOrder {
            work_order_id: WorkOrderId(uuid::Uuid::from_u128(1)),
            number: "1000123".to_owned(),
            plant: "DE10".to_owned(),
            revision: 1,
            item: "0900-01".to_owned(),
            description: "Pump".to_owned(),
            unit: Unit::new("PCE"),
            quantity: Decimal::from(40),
            status: WorkOrderStatus::Released,
            starts_at: "2026-12-14T05:00:00Z".parse().expect("an instant"),
            due_at: "2026-12-15T13:00:00Z".parse().expect("an instant"),
            components: vec![Component {
                number: "0010".to_owned(),
                item: "0012-010".to_owned(),
                description: "Bearing housing".to_owned(),
                unit: Unit::new("PCE"),
                quantity: Decimal::from(40),
                backflush: false,
                operation: None,
            }],
            operations: Vec::new(),
        }
    }

    #[test]
    fn a_change_names_what_the_floor_must_do_differently_and_nothing_else() {
        let before = order();
        assert_eq!(differences(&before, &before), Vec::new());
        let mut now = WorkOrder { quantity: Decimal::from(60), revision: 2, ..order() };
        now.components[0].quantity = Decimal::from(60);
        now.components.push(Component {
            number: "0020".to_owned(),
            item: "0444-1".to_owned(),
            ..now.components[0].clone()
        });
        let changes = differences(&before, &now);
        assert!(
            matches!(
                changes.as_slice(),
                [
                    WorkOrderChange::Quantity { .. },
                    WorkOrderChange::ComponentChanged { .. },
                    WorkOrderChange::ComponentAdded { .. }
                ]
            ),
            "{changes:?}"
        );
        assert!(matches!(differences(&now, &before).last(), Some(WorkOrderChange::ComponentRemoved { .. })));
    }

    #[test]
    fn late_news_of_the_erp_does_not_take_back_what_the_floor_has_done() {
        use WorkOrderStatus::{Closed, Completed, InProcess, Planned, Released};
        for (ours, theirs, begun, complete, now) in [
            (Released, Released, false, false, Released),
            (InProcess, Released, true, false, InProcess),
            (InProcess, Planned, true, false, InProcess),
            (Completed, Released, true, true, Completed),
            (Completed, InProcess, true, true, Completed),
            (InProcess, Closed, true, false, Closed),
            (Closed, Released, true, false, InProcess),
            (Planned, Released, false, false, Released),
            (Released, Planned, false, false, Planned),
        ] {
            assert_eq!(ours.told(theirs, begun, complete), now, "{ours} told {theirs}");
        }
    }
}
