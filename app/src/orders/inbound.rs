//! What happened to material on its way in, in plain words for the timeline: shipments, receipts, certificates, lots, holds.

use domain::calendar::day;
use domain::certificate::CertificateKind;
use domain::event::Event;
use domain::lot::{StatusMove, StockStatus};
use domain::quantity::{Unit, grouped};
use domain::receipt::{Difference, Oddity, Receipt, ReceiptChannel};
use domain::shipment::{Milestone, Moved, ShipNotice};

use crate::production::words as production;
use crate::ui::tone::Tone;

/// What happened, with its tone; none for an event of another part of the story.
pub fn event(event: &Event) -> Option<(Tone, String)> {
    Some(match event {
        Event::ShipmentAnnounced { notice } => {
            (Tone::Info, format!("Ship notice {}: {}", notice.number, shipped(notice)))
        }
        Event::ShipmentAmended { notice, .. } => (
            Tone::Warn,
            format!("Ship notice {} amended, version {}: {}", notice.number, notice.version, shipped(notice)),
        ),
        Event::ShipmentCancelled { notice, .. } => (Tone::Crit, format!("Ship notice {notice} withdrawn")),
        Event::ShipmentMoved { notice, moved } => {
            (milestone_tone(moved.milestone), format!("{notice}: {}", moved_words(moved)))
        }
        Event::CertificateWaived { notice, item, certificate, .. } => {
            (Tone::Warn, format!("{} for {item} waived on {notice}", certificate_words(*certificate)))
        }
        Event::ReceiptPosted { receipt } => (receipt_tone(receipt), received(receipt)),
        Event::ReceiptReversed { receipt, .. } => (Tone::Warn, format!("Receipt {receipt} taken back")),
        Event::DifferenceOpened { case, lines, .. } => {
            (Tone::Crit, format!("Difference {case} opened: {}", differs(lines)))
        }
        Event::DifferenceAnswered { case, .. } => (Tone::Info, format!("Difference {case} answered")),
        Event::DifferenceClosed { case, outcome } => {
            (Tone::Ok, format!("Difference {case} settled: {}", outcome.replace('_', " ")))
        }
        Event::CertificateSubmitted { certificate } => (
            Tone::Info,
            format!(
                "{} {} handed in for {}{}",
                certificate_words(certificate.kind),
                certificate.number,
                certificate.item,
                of_lots(&certificate.lots)
            ),
        ),
        Event::CertificateAccepted { number, lots, .. } => {
            (Tone::Ok, format!("Certificate {number} accepted{}", of_lots(lots)))
        }
        Event::CertificateRejected { number, lots, .. } => {
            (Tone::Crit, format!("Certificate {number} rejected{}", of_lots(lots)))
        }
        Event::LotDecided { lot, moves, .. } => {
            (decided_tone(moves), format!("Lot {}: {}", lot.lot, moved_stock(moves, &lot.unit)))
        }
        Event::HoldPlaced { hold } => {
            (Tone::Hold, format!("Hold {} on {}: {}", hold.number, hold.item, hold.reason.words()))
        }
        Event::HoldReleaseRequested { hold, disposition, .. } => {
            (Tone::Hold, format!("Release of hold {hold} asked for: {}", disposition.words()))
        }
        Event::HoldReleased { hold, disposition, .. } => {
            (Tone::Ok, format!("Hold {} released: {}", hold.number, disposition.words()))
        }
        Event::StockRequested { plant, item } => (Tone::Info, format!("Stock of {item} in {plant} asked for")),
        _ => return production::event(event),
    })
}

/// In whose own words, where there are some.
pub fn quote(event: &Event) -> Option<String> {
    match event {
        Event::ShipmentAnnounced { notice } => notice.note.clone(),
        Event::ShipmentAmended { reason, notice } => reason.clone().or_else(|| notice.note.clone()),
        Event::ShipmentMoved { moved, .. } => moved.note.clone(),
        Event::ShipmentCancelled { reason, .. }
        | Event::CertificateWaived { reason, .. }
        | Event::ReceiptReversed { reason, .. }
        | Event::CertificateRejected { reason, .. }
        | Event::HoldReleaseRequested { reason, .. }
        | Event::HoldReleased { reason, .. } => Some(reason.clone()),
        Event::DifferenceAnswered { note, .. } => Some(note.clone()),
        Event::CertificateAccepted { note, .. } => note.clone(),
        Event::LotDecided { reason, .. } => reason.clone(),
        Event::HoldPlaced { hold } => Some(hold.note.clone()),
        _ => production::quote(event),
    }
}

/// What was carried, for a sentence: `Ship notice SN-000017`.
pub fn cargo(event: &Event) -> Option<String> {
    Some(match event {
        Event::ShipmentAnnounced { notice } | Event::ShipmentAmended { notice, .. } => {
            format!("Ship notice {}", notice.number)
        }
        Event::ShipmentCancelled { notice, .. } => format!("Withdrawal of {notice}"),
        Event::ShipmentMoved { notice, moved } => format!("News of {notice} ({})", milestone(moved.milestone)),
        Event::ReceiptPosted { receipt } => format!("Receipt {}", receipt.number),
        Event::ReceiptReversed { receipt, .. } => format!("Reversal of receipt {receipt}"),
        Event::LotDecided { lot, .. } => format!("Decision on lot {}", lot.lot),
        Event::HoldPlaced { hold } => format!("Hold {}", hold.number),
        Event::HoldReleased { hold, .. } => format!("Release of hold {}", hold.number),
        Event::StockRequested { item, .. } => format!("Question for stock of {item}"),
        _ => return production::cargo(event),
    })
}

/// The number of the document that an event is about, as people know it.
pub fn document(event: &Event) -> Option<String> {
    Some(match event {
        Event::ShipmentAnnounced { notice } | Event::ShipmentAmended { notice, .. } => notice.number.clone(),
        Event::ShipmentCancelled { notice, .. }
        | Event::ShipmentMoved { notice, .. }
        | Event::CertificateWaived { notice, .. } => notice.clone(),
        Event::ReceiptPosted { receipt } => receipt.number.clone(),
        Event::ReceiptReversed { receipt, .. } => receipt.clone(),
        Event::DifferenceOpened { case, .. }
        | Event::DifferenceAnswered { case, .. }
        | Event::DifferenceClosed { case, .. } => case.clone(),
        Event::CertificateSubmitted { certificate } => certificate.number.clone(),
        Event::CertificateAccepted { number, .. } | Event::CertificateRejected { number, .. } => number.clone(),
        Event::LotDecided { lot, .. } => lot.lot.clone(),
        Event::HoldPlaced { hold } | Event::HoldReleased { hold, .. } => hold.number.clone(),
        Event::HoldReleaseRequested { hold, .. } => hold.clone(),
        _ => return production::document(event),
    })
}

/// Under which address the pages of such documents lie, where they go by their number.
pub const fn shelf(event: &Event) -> Option<&'static str> {
    Some(match event {
        Event::ShipmentAnnounced { .. }
        | Event::ShipmentAmended { .. }
        | Event::ShipmentCancelled { .. }
        | Event::ShipmentMoved { .. }
        | Event::CertificateWaived { .. } => "shipments",
        Event::ReceiptPosted { .. } | Event::ReceiptReversed { .. } => "receipts",
        Event::DifferenceOpened { .. } | Event::DifferenceAnswered { .. } | Event::DifferenceClosed { .. } => {
            "differences"
        }
        Event::HoldPlaced { .. } | Event::HoldReleaseRequested { .. } | Event::HoldReleased { .. } => "holds",
        _ => return None,
    })
}

/// As people call it.
pub const fn certificate_words(kind: CertificateKind) -> &'static str {
    match kind {
        CertificateKind::Coc => "Certificate of conformity",
        CertificateKind::Coa => "Certificate of analysis",
        CertificateKind::En21 => "Declaration of compliance 2.1",
        CertificateKind::En22 => "Test report 2.2",
        CertificateKind::En31 => "Inspection certificate 3.1",
        CertificateKind::En32 => "Inspection certificate 3.2",
    }
}

/// As people say it.
pub const fn milestone(milestone: Milestone) -> &'static str {
    match milestone {
        Milestone::PickedUp => "picked up",
        Milestone::Departed => "departed",
        Milestone::Delayed => "expected on another day",
        Milestone::ArrivedAtGate => "at the gate",
        Milestone::Receiving => "being unloaded",
    }
}

/// As people say it.
pub const fn stock_status(status: StockStatus) -> &'static str {
    match status {
        StockStatus::Inspection => "in inspection",
        StockStatus::Unrestricted => "released",
        StockStatus::Restricted => "restricted",
        StockStatus::Blocked => "blocked",
    }
}

/// As people say it.
pub const fn oddity(oddity: Oddity) -> &'static str {
    match oddity {
        Oddity::Short => "short",
        Oddity::Over => "over",
        Oddity::Damaged => "damaged",
        Oddity::WrongItem => "wrong item",
        Oddity::UnknownLot => "unknown lot",
    }
}

fn shipped(notice: &ShipNotice) -> String {
    let what = match notice.lines.as_slice() {
        [line] => format!("{} {} of {}", grouped(line.quantity, 0), line.unit, line.item),
        lines => format!("{} lines", lines.len()),
    };
    format!("{what}, delivery note {}, expected {}", notice.delivery_note, day(notice.arrive_on))
}

fn moved_words(moved: &Moved) -> String {
    match moved.arrive_on {
        Some(on) => format!("{}, expected {}", milestone(moved.milestone), day(on)),
        None => milestone(moved.milestone).to_owned(),
    }
}

const fn milestone_tone(milestone: Milestone) -> Tone {
    match milestone {
        Milestone::Delayed => Tone::Warn,
        Milestone::ArrivedAtGate => Tone::Ok,
        _ => Tone::Info,
    }
}

fn received(receipt: &Receipt) -> String {
    let by = match receipt.channel {
        ReceiptChannel::Dock => "at the dock",
        ReceiptChannel::Api => "through the API",
        ReceiptChannel::Erp => "in the ERP",
        ReceiptChannel::Wms => "in the warehouse system",
    };
    let odd: Vec<&str> = {
        let mut odd: Vec<_> = receipt.lines.iter().flat_map(|line| line.oddities.iter().copied()).collect();
        odd.sort_unstable();
        odd.dedup();
        odd.into_iter().map(oddity).collect()
    };
    let what = match receipt.lines.as_slice() {
        [line] => format!("{} {} of {}", grouped(line.accepted, 0), line.unit, line.item),
        lines => format!("{} lines", lines.len()),
    };
    let odd = if odd.is_empty() { String::new() } else { format!("; {}", odd.join(", ")) };
    format!("Received {by} as {}: {what}{odd}", receipt.number)
}

fn receipt_tone(receipt: &Receipt) -> Tone {
    if receipt.lines.iter().any(|line| !line.oddities.is_empty()) { Tone::Warn } else { Tone::Ok }
}

fn differs(lines: &[Difference]) -> String {
    lines
        .iter()
        .map(|line| {
            format!(
                "{} {}, announced {}, received {} {}",
                line.item,
                oddity(line.oddity),
                grouped(line.announced, 0),
                grouped(line.received, 0),
                line.unit
            )
        })
        .collect::<Vec<_>>()
        .join("; ")
}

fn of_lots(lots: &[String]) -> String {
    match lots {
        [] => String::new(),
        [lot] => format!(", lot {lot}"),
        lots => format!(", {} lots", lots.len()),
    }
}

fn moved_stock(moves: &[StatusMove], unit: &Unit) -> String {
    moves
        .iter()
        .map(|part| {
            format!("{} {unit} {} → {}", grouped(part.quantity, 0), stock_status(part.from), stock_status(part.to))
        })
        .collect::<Vec<_>>()
        .join(", ")
}

fn decided_tone(moves: &[StatusMove]) -> Tone {
    if moves.iter().any(|part| part.to == StockStatus::Blocked) {
        Tone::Crit
    } else if moves.iter().any(|part| part.to == StockStatus::Restricted) {
        Tone::Warn
    } else {
        Tone::Ok
    }
}
