//! The words of the exchange: states with their tones, classes of faults, kinds of events.

use domain::event::EventKind;
use domain::exchange::{ArrivalState, CircuitState, DeliveryState, FaultClass, Stage, TriggeredBy};
use store::connections::Connection;

use crate::ui::time::Reading;
use crate::ui::tone::Tone;

/// How far a delivery is.
pub const fn delivery(state: DeliveryState) -> (Tone, &'static str) {
    match state {
        DeliveryState::Delivered => (Tone::Ok, "delivered"),
        DeliveryState::Retrying => (Tone::Warn, "retrying"),
        DeliveryState::Parked => (Tone::Crit, "parked"),
        DeliveryState::Held => (Tone::Neutral, "held back"),
        DeliveryState::Skipped => (Tone::Neutral, "skipped"),
        DeliveryState::Superseded => (Tone::Neutral, "superseded"),
    }
}

/// What the state means for the reader, in a sentence.
pub const fn delivery_meaning(state: DeliveryState) -> &'static str {
    match state {
        DeliveryState::Delivered => "The other system has it.",
        DeliveryState::Retrying => "It failed for now and is tried again by itself.",
        DeliveryState::Parked => "It needs a person: the other system refused it, or all tries are used up.",
        DeliveryState::Held => "It waits behind an earlier one of the same order, so that their order is kept.",
        DeliveryState::Skipped => "A person left it out. The other system was not told.",
        DeliveryState::Superseded => "A later one made it needless.",
    }
}

/// What became of a message received.
pub const fn arrival(state: ArrivalState) -> (Tone, &'static str) {
    match state {
        ArrivalState::Received => (Tone::Info, "waiting"),
        ArrivalState::Applied => (Tone::Ok, "applied"),
        ArrivalState::Refused => (Tone::Crit, "refused"),
        ArrivalState::NotUnderstood => (Tone::Crit, "not understood"),
        ArrivalState::Retrying => (Tone::Warn, "retrying"),
    }
}

/// How a connection stands: paused by a person, or as its circuit says.
pub fn connection(connection: &Connection, reading: &Reading) -> (Tone, String) {
    if let Some(pause) = &connection.pause {
        return (Tone::Neutral, format!("paused since {}", reading.short(pause.at)));
    }
    let again = connection.circuit.retry_at.map(|at| {
        if at <= reading.now {
            ", tried again any moment".to_owned()
        } else {
            format!(", tried again {}", reading.short(at))
        }
    });
    match connection.circuit.state {
        CircuitState::Closed => (Tone::Ok, "running".to_owned()),
        CircuitState::HalfOpen => (Tone::Warn, "being tried".to_owned()),
        CircuitState::Open => (Tone::Crit, format!("not called{}", again.unwrap_or_default())),
    }
}

/// Why a connection is not running, in words of whoever paused it or of the fault.
pub fn connection_reason(connection: &Connection) -> Option<String> {
    match &connection.pause {
        Some(pause) if pause.reason.is_empty() => Some(format!("by {}", pause.by)),
        Some(pause) => Some(format!("by {}: {}", pause.by, pause.reason)),
        None => connection.circuit.reason.clone().filter(|_| connection.circuit.state != CircuitState::Closed),
    }
}

/// The class of a fault for somebody who mends it.
pub const fn fault(class: FaultClass) -> &'static str {
    match class {
        FaultClass::Temporary => "temporary",
        FaultClass::Down => "system down",
        FaultClass::Credentials => "log-in not accepted",
        FaultClass::Contract => "unexpected answer",
        FaultClass::Permanent => "can never work",
        FaultClass::Refused => "refused by its rules",
        FaultClass::Unknown => "outcome unknown",
    }
}

/// Whether a fault may pass by itself or needs a person.
pub const fn fault_tone(class: FaultClass) -> Tone {
    match class {
        FaultClass::Temporary | FaultClass::Down | FaultClass::Unknown => Tone::Warn,
        FaultClass::Credentials | FaultClass::Contract | FaultClass::Permanent | FaultClass::Refused => Tone::Crit,
    }
}

/// How serious a connection is.
pub const fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Test => "test",
        Stage::Pilot => "pilot",
        Stage::Live => "live",
    }
}

/// What made a delivery.
pub const fn trigger(by: TriggeredBy) -> &'static str {
    match by {
        TriggeredBy::Event => "the event itself",
        TriggeredBy::Resend => "a person, again",
        TriggeredBy::Probe => "a test of the connection",
        TriggeredBy::Query => "a question for fresh data",
    }
}

/// A kind of event as a person would say it.
pub const fn event(kind: EventKind) -> &'static str {
    match kind {
        EventKind::OrderPublished => "Order published",
        EventKind::OrderRevised => "Order revised",
        EventKind::OrderCancelled => "Order cancelled",
        EventKind::OrderClosed => "Order closed",
        EventKind::OrderOpened => "Order opened",
        EventKind::LinesConfirmed => "Lines answered",
        EventKind::DeviationAccepted => "Deviation accepted",
        EventKind::DeviationCountered => "Deviation countered",
        EventKind::DeviationRejected => "Deviation rejected",
        EventKind::PromiseMade => "Promise made",
        EventKind::ConfirmationAcknowledged => "Confirmation acknowledged",
        EventKind::ShipmentAnnounced => "Ship notice",
        EventKind::ShipmentAmended => "Ship notice amended",
        EventKind::ShipmentCancelled => "Ship notice withdrawn",
        EventKind::ShipmentMoved => "Shipment moved",
        EventKind::CertificateWaived => "Certificate waived",
        EventKind::ReceiptPosted => "Receipt",
        EventKind::ReceiptReversed => "Receipt taken back",
        EventKind::DifferenceOpened => "Difference opened",
        EventKind::DifferenceAnswered => "Difference answered",
        EventKind::DifferenceClosed => "Difference settled",
        EventKind::CertificateSubmitted => "Certificate handed in",
        EventKind::CertificateAccepted => "Certificate accepted",
        EventKind::CertificateRejected => "Certificate rejected",
        EventKind::LotDecided => "Usage decision",
        EventKind::HoldPlaced => "Hold placed",
        EventKind::HoldReleaseRequested => "Release of a hold asked for",
        EventKind::HoldReleased => "Hold released",
        EventKind::WorkOrderReleased => "Work order released",
        EventKind::WorkOrderChanged => "Work order changed",
        EventKind::WorkOrderCancelled => "Work order cancelled",
        EventKind::WorkOrderClosed => "Work order closed",
        EventKind::MaterialConsumed => "Consumption",
        EventKind::OutputCompleted => "Completion",
        EventKind::OperationMoved => "Operation",
        EventKind::InProcessInspected => "In-process inspection",
        EventKind::ReportReversed => "Report taken back",
        EventKind::StockRequested => "Question for stock",
        EventKind::ProbeRequested => "Test of the connection",
    }
}
