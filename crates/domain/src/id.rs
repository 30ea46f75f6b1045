//! Every typed id, from one list. An order's id cannot be handed in where a supplier's is asked for.
//!
//! Ids are UUIDs version 7 (RFC 9562): sortable by creation, made by the store from its clock and randomness, never here.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$meta:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    )+};
}

ids! {
    /// A person who can sign in.
    PersonId,
    /// A supplier, the party that promises and ships.
    SupplierId,
    /// A plant, the unit of rollout and of offline autonomy.
    PlantId,
    /// An item (material, part).
    ItemId,
    /// A purchase order of one ERP.
    OrderId,
    /// A line of a purchase order: what.
    OrderLineId,
    /// A schedule line: when and how much. The unit of promise.
    ScheduleLineId,
    /// One immutable version of a supplier's answer to an order.
    ConfirmationId,
    /// One configured system that we speak with.
    ConnectionId,
    /// One thing that happened.
    EventId,
    /// One event's trip to one connection.
    DeliveryId,
    /// One message received.
    ArrivalId,
    /// What belongs together, from the form to the ERP's document.
    CorrelationId,
    /// A ship notice: what a supplier announces that he ships.
    ShipNoticeId,
    /// A line of a ship notice.
    ShipLineId,
    /// A handling unit: shipment, pallet, carton.
    HandlingUnitId,
    /// A quality certificate.
    CertificateId,
    /// A stored file.
    DocumentId,
    /// What a certificate must show of an item: one version of its specification.
    SpecificationId,
    /// A goods receipt.
    ReceiptId,
    /// A line of a goods receipt.
    ReceiptLineId,
    /// A difference between what was announced and what was received, open between supplier and buyer.
    CaseId,
    /// A lot of an item in a plant.
    LotId,
    /// An inspection of a lot.
    InspectionId,
    /// A quality hold.
    HoldId,
    /// A key with which a machine calls us.
    ApiKeyId,
    /// A work order.
    WorkOrderId,
    /// One report of the shop floor.
    ReportId,
}
