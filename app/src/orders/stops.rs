//! The lifecycle of an order as far as this portal knows it.
//!
//! Published, confirmed and in the ERP are followed line by line. What comes after (shipping, receipt, inspection, release,
//! consumption) no system has announced here yet, and the rail says exactly that.

use chrono::{DateTime, Utc};
use domain::event::Event;
use domain::exchange::DeliveryState;
use domain::negotiation::Negotiation;
use leptos::prelude::*;

use crate::ui::lifecycle::{Stop, StopState};
use crate::ui::tag::stamp;
use crate::ui::time::{Reading, duration, instant};

use super::order::OrderView;

/// The eight stops.
pub(super) fn of(order: &OrderView, reading: &Reading) -> Vec<Stop> {
    let mut stops = vec![released(order, reading), confirmed(order, reading), in_erp(order, reading)];
    stops.extend(
        [
            ("Shipped", "Supplier", "not announced yet"),
            ("Receipt", "WMS", "not reported yet"),
            ("Inspection", "QMS", "not reported yet"),
            ("Released", "QMS", "not reported yet"),
            ("Consumed", "MES", "not reported yet"),
        ]
        .map(|(name, system, lag)| Stop {
            state: StopState::Future,
            name,
            system,
            document: None,
            part: None,
            lag: Some(lag.into_any()),
            note: None,
        }),
    );
    stops
}

/// When something happened, and how long after the stop before it.
fn lag(at: DateTime<Utc>, before: Option<DateTime<Utc>>, reading: &Reading) -> AnyView {
    let after = before.filter(|before| *before < at).map(|before| format!(" · +{}", duration(at - before)));
    view! { {instant(at, reading)}{after} }.into_any()
}

fn released(order: &OrderView, reading: &Reading) -> Stop {
    let record = &order.record;
    let cancelled = record.order.status == domain::order::OrderStatus::Cancelled;
    Stop {
        state: StopState::Done,
        name: "PO released",
        system: "ERP",
        document: Some(stamp(record.order.number.clone(), None)),
        part: None,
        lag: Some(instant(record.order.published_at, reading)),
        note: cancelled.then(|| "cancelled since".to_owned()),
    }
}

/// `7 of 8 lines`, in lines that are not cancelled.
fn fraction(part: usize, whole: usize) -> String {
    format!("{part} of {whole} {}", if whole == 1 { "line" } else { "lines" })
}

fn confirmed(order: &OrderView, reading: &Reading) -> Stop {
    let whole = order.count(|state| state != Negotiation::Cancelled);
    let binding = order.count(|state| matches!(state, Negotiation::Accepted | Negotiation::Declined));
    let review = order.count(|state| state == Negotiation::InReview);
    let last =
        order.history.iter().find(|entry| matches!(entry.event, Event::LinesConfirmed { .. })).map(|entry| entry.at);
    let state = match binding {
        _ if whole == 0 => StopState::Skipped,
        binding if binding == whole => StopState::Done,
        0 if review == 0 => StopState::Current,
        _ => StopState::Partly,
    };
    Stop {
        state,
        name: "Confirmed",
        system: "Portal",
        document: None,
        part: (whole > 0).then(|| fraction(binding, whole)),
        lag: Some(last.map_or_else(
            || "not answered yet".into_any(),
            |at| lag(at, Some(order.record.order.published_at), reading),
        )),
        note: (review > 0).then(|| format!("{review} with the buyer")),
    }
}

fn in_erp(order: &OrderView, reading: &Reading) -> Stop {
    let schedules: Vec<_> = order.record.order.schedule_lines().map(|(_, schedule)| schedule).collect();
    let told = |schedule: &&&domain::order::ScheduleLine| {
        order.record.promise_events.contains_key(&schedule.schedule_line_id.0)
    };
    let whole = schedules.iter().filter(|schedule| schedule.state != Negotiation::Cancelled).count();
    let known: Vec<_> =
        schedules.iter().filter(told).filter_map(|schedule| order.in_erp.get(&schedule.schedule_line_id)).collect();
    let promised = schedules.iter().filter(told).count();
    let taken: Vec<_> = known.iter().filter(|erp| erp.state == DeliveryState::Delivered).collect();
    let parked = known.iter().filter(|erp| erp.state == DeliveryState::Parked).count();
    let waiting = promised
        .saturating_sub(known.iter().filter(|erp| erp.state.is_final() || erp.state == DeliveryState::Parked).count());
    let newest = taken.iter().max_by_key(|erp| erp.finished_at);
    let answered =
        order.history.iter().find(|entry| matches!(entry.event, Event::PromiseMade { .. })).map(|entry| entry.at);
    let state = match taken.len() {
        _ if parked > 0 => StopState::Failed,
        0 if promised == 0 => StopState::Future,
        0 => StopState::Current,
        taken if taken >= whole => StopState::Done,
        _ => StopState::Partly,
    };
    let note = match (parked, waiting) {
        (0, 0) => None,
        (0, waiting) => Some(format!("{waiting} on the way")),
        (parked, 0) => Some(format!("{parked} not taken")),
        (parked, waiting) => Some(format!("{parked} not taken, {waiting} on the way")),
    };
    Stop {
        state,
        name: "In ERP",
        system: "ERP",
        document: newest.and_then(|erp| erp.their_ref.clone()).map(|number| stamp(number, None)),
        part: (promised > 0).then(|| fraction(taken.len(), whole)),
        lag: match newest.and_then(|erp| erp.finished_at) {
            Some(at) => Some(lag(at, answered, reading)),
            None if promised == 0 => Some("after the answer".into_any()),
            None => None,
        },
        note,
    }
}
