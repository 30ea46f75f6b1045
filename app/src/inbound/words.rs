//! The words of the dock.

use domain::quantity::grouped;
use domain::receipt::{CaseState, Difference, Outcome, ReceiptChannel};
use store::inbound::Column;

use crate::orders::inbound::oddity;
use crate::ui::tone::Tone;

/// A column of the board.
pub const fn column(column: Column) -> &'static str {
    match column {
        Column::Late => "Late",
        Column::Due => "Due",
        Column::AtGate => "At the gate",
        Column::Receiving => "Receiving",
        Column::Received => "Received",
    }
}

/// What stands where a column has nothing.
pub const fn nothing(column: Column) -> &'static str {
    match column {
        Column::Late => "Nothing is late.",
        Column::Due => "Nothing is expected on this day.",
        Column::AtGate => "Nobody waits at the gate.",
        Column::Receiving => "Nothing is being unloaded.",
        Column::Received => "Nothing was received on this day.",
    }
}

/// How urgent a column is when something stands in it.
pub const fn tone(column: Column) -> Tone {
    match column {
        Column::Late => Tone::Crit,
        Column::Due => Tone::Neutral,
        Column::AtGate => Tone::Warn,
        Column::Receiving => Tone::Info,
        Column::Received => Tone::Ok,
    }
}

/// How we learned of a receipt.
pub const fn channel(channel: ReceiptChannel) -> &'static str {
    match channel {
        ReceiptChannel::Dock => "at the dock",
        ReceiptChannel::Api => "through the API",
        ReceiptChannel::Erp => "told by the ERP",
        ReceiptChannel::Wms => "told by the warehouse",
    }
}

/// How a difference was settled.
pub const fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::SupplierShipsRest => "Supplier ships the rest",
        Outcome::Credit => "Supplier credits it",
        Outcome::AcceptedAsReceived => "Accepted as received",
        Outcome::CountedAgain => "Counted again, no difference",
        Outcome::Returned => "Goes back to the supplier",
    }
}

/// Where a case stands, for whoever looks.
pub fn case_state(state: CaseState, supplier: bool) -> (Tone, &'static str) {
    match (state, supplier) {
        (CaseState::Open, true) => (Tone::Warn, "needs your answer"),
        (CaseState::Open, false) => (Tone::Warn, "with the supplier"),
        (CaseState::Answered, true) => (Tone::Info, "with the buyer"),
        (CaseState::Answered, false) => (Tone::Warn, "to be settled"),
        (CaseState::Closed, _) => (Tone::Ok, "settled"),
    }
}

/// What differs on one line, in a few words: `4711 short 10 PCE`.
pub fn difference(line: &Difference) -> String {
    let came = line.received.saturating_add(line.damaged);
    let amount = match line.oddity {
        domain::receipt::Oddity::Damaged => line.damaged,
        _ => came.saturating_sub(line.announced).abs(),
    };
    let lot = line.lot.as_deref().map(|lot| format!(", lot {lot}")).unwrap_or_default();
    match line.told {
        Some(told) => format!(
            "{}{lot}: another system counted {} {}, here {}",
            line.item,
            grouped(told, 0),
            line.unit,
            grouped(came, 0)
        ),
        None => format!("{}{lot}: {} {} {}", line.item, oddity(line.oddity), grouped(amount, 0), line.unit),
    }
}
