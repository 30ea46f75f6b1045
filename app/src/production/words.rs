//! The words of production: states with their tones, reports and postings in plain words, for its pages and for timelines.

use domain::event::Event;
use domain::exchange::DeliveryState;
use domain::production::posting::Cause;
use domain::production::{Report, Reported};
use domain::quantity::grouped;
use domain::work_order::{WorkOrder, WorkOrderChange, WorkOrderStatus};

use crate::ui::tone::Tone;

/// Where a work order stands.
pub const fn status(status: WorkOrderStatus, is_late: bool) -> (Tone, &'static str) {
    match status {
        _ if is_late => (Tone::Crit, "late"),
        WorkOrderStatus::Planned => (Tone::Neutral, "planned"),
        WorkOrderStatus::Released => (Tone::Info, "released"),
        WorkOrderStatus::InProcess => (Tone::Info, "in process"),
        WorkOrderStatus::Completed => (Tone::Ok, "completed"),
        WorkOrderStatus::Closed => (Tone::Ok, "closed"),
        WorkOrderStatus::Cancelled => (Tone::Neutral, "cancelled"),
    }
}

/// How far a posting is in the ERP.
pub const fn posting(delivery: Option<DeliveryState>, cause: Option<Cause>) -> (Tone, &'static str) {
    match (delivery, cause) {
        (_, Some(Cause::StockMissing)) => (Tone::Crit, "stock missing"),
        (_, Some(Cause::LotBlocked)) => (Tone::Hold, "lot blocked"),
        (_, Some(Cause::PeriodClosed)) => (Tone::Crit, "period closed"),
        (_, Some(Cause::UnitUnknown)) => (Tone::Crit, "unit not known"),
        (_, Some(Cause::OrderLocked)) => (Tone::Warn, "order locked"),
        (_, Some(Cause::OrderClosed)) => (Tone::Crit, "order closed"),
        (Some(DeliveryState::Parked), _) => (Tone::Crit, "refused"),
        (None, _) => (Tone::Info, "pending"),
        (Some(DeliveryState::Delivered), _) => (Tone::Ok, "in the ERP"),
        (Some(DeliveryState::Retrying), _) => (Tone::Warn, "retrying"),
        (Some(DeliveryState::Held), _) => (Tone::Neutral, "waits its turn"),
        (Some(DeliveryState::Skipped), _) => (Tone::Neutral, "left out"),
        (Some(DeliveryState::Superseded), _) => (Tone::Neutral, "not needed"),
    }
}

/// The address of a work order's page.
pub fn href(work_order: impl std::fmt::Display) -> String {
    format!("/production/{work_order}")
}

/// A report in a few words: `10 PCE of 0107-45B, lot SH-26-0871`.
pub fn reported(what: &Reported) -> String {
    let of_lot = |lot: &Option<String>| lot.as_ref().map(|lot| format!(", lot {lot}")).unwrap_or_default();
    match what {
        Reported::Consumed(it) => {
            format!("{} {} of {}{}", grouped(it.quantity, 0), it.unit, it.item, of_lot(&it.lot))
        }
        Reported::Completed(it) => {
            let scrap = match it.scrap.is_zero() {
                true => String::new(),
                false => {
                    format!(
                        ", {} {} scrap: {}",
                        grouped(it.scrap, 0),
                        it.unit,
                        it.scrap_reason.as_deref().unwrap_or("no reason")
                    )
                }
            };
            format!("{} {} good{}{scrap}", grouped(it.quantity, 0), it.unit, of_lot(&it.lot))
        }
        Reported::Started { operation } => format!("operation {operation} began"),
        Reported::Stopped { operation, done: true, .. } => format!("operation {operation} is done"),
        Reported::Stopped { operation, reason, .. } => {
            let why = reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
            format!("operation {operation} stopped{why}")
        }
        Reported::Inspected(it) => {
            let of = it.serial.as_ref().or(it.lot.as_ref()).map(|of| format!(" of {of}")).unwrap_or_default();
            format!("{} values measured{of}: {}", it.values.len(), if it.passed { "passed" } else { "failed" })
        }
    }
}

/// What is reported, as a heading.
pub const fn kind(what: &Reported) -> &'static str {
    match what {
        Reported::Consumed(_) => "Consumption",
        Reported::Completed(_) => "Completion",
        Reported::Started { .. } | Reported::Stopped { .. } => "Operation",
        Reported::Inspected(_) => "Inspection",
    }
}

/// What happened, with its tone; none for an event of another part of the story.
pub fn event(event: &Event) -> Option<(Tone, String)> {
    Some(match event {
        Event::WorkOrderReleased { work_order } => {
            (Tone::Info, format!("Work order {} released: {}", work_order.number, made(work_order)))
        }
        Event::WorkOrderChanged { work_order, changes } => {
            (Tone::Warn, format!("Work order {} changed: {}", work_order.number, changed(changes, work_order)))
        }
        Event::WorkOrderCancelled { work_order, .. } => (Tone::Crit, format!("Work order {work_order} cancelled")),
        Event::WorkOrderClosed { work_order, .. } => (Tone::Ok, format!("Work order {work_order} closed")),
        Event::MaterialConsumed { report } => (Tone::Info, format!("Consumed: {}", reported(&report.what))),
        Event::OutputCompleted { report } => (Tone::Ok, format!("Made: {}", reported(&report.what))),
        Event::OperationMoved { report } => (Tone::Neutral, sentence(&reported(&report.what))),
        Event::InProcessInspected { report } => (inspected(report), sentence(&reported(&report.what))),
        Event::ReportReversed { report, .. } => (Tone::Warn, format!("Taken back: {}", reported(&report.what))),
        _ => return None,
    })
}

fn inspected(report: &Report) -> Tone {
    match &report.what {
        Reported::Inspected(it) if !it.passed => Tone::Crit,
        _ => Tone::Ok,
    }
}

fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn made(order: &WorkOrder) -> String {
    format!("{} {} of {}", grouped(order.quantity, 0), order.unit, order.item)
}

fn changed(changes: &[WorkOrderChange], order: &WorkOrder) -> String {
    let words: Vec<String> = changes
        .iter()
        .map(|change| match change {
            WorkOrderChange::Quantity { from, to } => {
                format!("{} instead of {} {}", grouped(*to, 0), grouped(*from, 0), order.unit)
            }
            WorkOrderChange::StartsAt { .. } => "another begin".to_owned(),
            WorkOrderChange::DueAt { .. } => "another end".to_owned(),
            WorkOrderChange::ComponentAdded { component } => format!("{} added", component.item),
            WorkOrderChange::ComponentRemoved { component } => format!("{} removed", component.item),
            WorkOrderChange::ComponentChanged { to, .. } => {
                format!("{} {} of {}", grouped(to.quantity, 0), to.unit, to.item)
            }
            WorkOrderChange::Operations => "other operations".to_owned(),
        })
        .collect();
    match words.len() {
        0..=3 => words.join(", "),
        more => format!("{} and {} more", words[..2].join(", "), more - 2),
    }
}

/// What was carried, for a sentence.
pub fn cargo(event: &Event) -> Option<String> {
    Some(match event {
        Event::WorkOrderReleased { work_order } => format!("Work order {}", work_order.number),
        Event::WorkOrderChanged { work_order, .. } => format!("Change of work order {}", work_order.number),
        Event::WorkOrderCancelled { work_order, .. } => format!("Cancellation of work order {work_order}"),
        Event::WorkOrderClosed { work_order, .. } => format!("Closure of work order {work_order}"),
        Event::MaterialConsumed { report } => format!("Goods issue, {}", reported(&report.what)),
        Event::OutputCompleted { report } => format!("Production receipt, {}", reported(&report.what)),
        Event::ReportReversed { report, .. } => format!("Reversal, {}", reported(&report.what)),
        _ => return None,
    })
}

/// In whose own words, where there are some.
pub fn quote(event: &Event) -> Option<String> {
    match event {
        Event::ReportReversed { reason, .. } => Some(reason.clone()),
        _ => None,
    }
}

/// The work order that an event is about.
pub fn document(event: &Event) -> Option<String> {
    Some(match event {
        Event::WorkOrderReleased { work_order } | Event::WorkOrderChanged { work_order, .. } => {
            work_order.number.clone()
        }
        Event::WorkOrderCancelled { work_order, .. } | Event::WorkOrderClosed { work_order, .. } => work_order.clone(),
        Event::MaterialConsumed { report }
        | Event::OutputCompleted { report }
        | Event::OperationMoved { report }
        | Event::InProcessInspected { report }
        | Event::ReportReversed { report, .. } => report.work_order.clone(),
        _ => return None,
    })
}
