//! The words for where goods are and what the ERP makes of a ship notice.

use domain::exchange::DeliveryState;
use domain::shipment::ShipStatus;
use store::order_list::InErp;

use crate::orders::words::tries;
use crate::ui::time::Reading;
use crate::ui::tone::Tone;

/// Where the goods are, for a tag.
pub fn status(status: ShipStatus, late: bool) -> (Tone, &'static str) {
    match status {
        ShipStatus::Announced | ShipStatus::InTransit if late => (Tone::Crit, "late"),
        ShipStatus::Announced => (Tone::Info, "announced"),
        ShipStatus::InTransit => (Tone::Info, "in transit"),
        ShipStatus::Arrived => (Tone::Info, "at the gate"),
        ShipStatus::PartlyReceived => (Tone::Warn, "partly received"),
        ShipStatus::Received => (Tone::Ok, "received"),
        ShipStatus::Cancelled => (Tone::Neutral, "withdrawn"),
    }
}

/// What the ERP made of it, for a badge in a list.
pub fn sync_short(state: Option<DeliveryState>) -> (Tone, &'static str) {
    match state {
        None => (Tone::Info, "on its way"),
        Some(DeliveryState::Delivered) => (Tone::Ok, "in ERP"),
        Some(DeliveryState::Retrying) => (Tone::Warn, "retrying"),
        Some(DeliveryState::Held) => (Tone::Warn, "waits"),
        Some(DeliveryState::Parked) => (Tone::Crit, "not taken"),
        Some(DeliveryState::Skipped) => (Tone::Neutral, "left out"),
        Some(DeliveryState::Superseded) => (Tone::Neutral, "replaced"),
    }
}

/// What the ERP made of it, and what the reader can do about it.
pub fn sync(erp: Option<&InErp>, reading: &Reading, insider: bool, cancelled: bool) -> (Tone, String, Option<String>) {
    let what = if cancelled { "withdrawal" } else { "ship notice" };
    let Some(erp) = erp else {
        return (
            Tone::Info,
            format!("The {what} is stored here and on its way to the ERP."),
            Some("Nothing to do: it is carried over as soon as the ERP answers.".to_owned()),
        );
    };
    match erp.state {
        DeliveryState::Delivered => {
            let number = erp.their_ref.as_deref().map(|number| format!(" as {number}")).unwrap_or_default();
            let since = erp.finished_at.map(|at| format!(" since {}", reading.with_zone(at))).unwrap_or_default();
            (Tone::Ok, format!("The ERP has the {what}{number}{since}."), None)
        }
        DeliveryState::Retrying => {
            let next = erp.next_attempt_at.map(|at| format!(", next {}", reading.short(at))).unwrap_or_default();
            let fault =
                erp.fault.as_deref().filter(|_| insider).map(|it| format!(" It said: {it}")).unwrap_or_default();
            (
                Tone::Warn,
                format!("The ERP did not take the {what} yet: {}{next}.{fault}", tries(erp.attempts)),
                Some("Nothing to do: it is tried again by itself. The goods can leave.".to_owned()),
            )
        }
        DeliveryState::Held => (
            Tone::Warn,
            format!("The {what} waits behind an earlier message about this shipment."),
            Some("Nothing to do: it follows as soon as the earlier one is through.".to_owned()),
        ),
        DeliveryState::Parked => {
            let fault = erp.fault.as_deref().filter(|_| insider).map(|it| format!(": {it}")).unwrap_or_default();
            (
                Tone::Crit,
                format!("The ERP refused the {what}{fault}."),
                Some(if insider {
                    "The integration team sees it under Deliveries and sends it again when the cause is gone."
                        .to_owned()
                } else {
                    "Check orders, lines and quantities; if something is wrong, amend the ship notice and it is sent anew. If all is right, the buyer's integration team is looking at it: the goods can leave, the dock sees this notice here.".to_owned()
                }),
            )
        }
        DeliveryState::Skipped => {
            (Tone::Neutral, format!("The {what} was left out of the ERP by decision of the buyer's team."), None)
        }
        DeliveryState::Superseded => (Tone::Neutral, "A newer version took its place.".to_owned(), None),
    }
}
