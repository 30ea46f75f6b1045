//! The lifecycle of an order as far as this portal knows it.
//!
//! Published, confirmed, in the ERP, shipped and received are followed line by line. What comes after (inspection, release,
//! consumption) is followed lot by lot on the pages of quality, and the rail says only what is known of the order.

use chrono::{DateTime, Utc};
use domain::Decimal;
use domain::event::Event;
use domain::exchange::DeliveryState;
use domain::negotiation::Negotiation;
use domain::order::total;
use domain::shipment::ShipStatus;
use leptos::prelude::*;
use store::ship_notices::ShippedOf;

use crate::ui::lifecycle::{Stop, StopState};
use crate::ui::tag::stamp;
use crate::ui::time::{Reading, duration, instant};

use super::order::OrderView;

/// The eight stops.
pub(super) fn of(order: &OrderView, reading: &Reading) -> Vec<Stop> {
    let mut stops = vec![
        released(order, reading),
        confirmed(order, reading),
        in_erp(order, reading),
        shipped(order, reading),
        received(order),
    ];
    stops.extend(
        [
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

/// How many lines are in ship notices in full, and in part.
fn shipped(order: &OrderView, reading: &Reading) -> Stop {
    let (mut whole, mut full, mut some) = (0, 0, 0);
    for (_, schedule) in order.record.order.schedule_lines() {
        if matches!(schedule.state, Negotiation::Cancelled | Negotiation::Declined) {
            continue;
        }
        whole += 1;
        let promised = schedule.promise.as_deref().map_or(schedule.quantity, total);
        let of = order.shipped.iter().filter(|one| one.schedule_line_id == schedule.schedule_line_id);
        let gone: Decimal = of.map(ShippedOf::counts).sum();
        full += usize::from(gone >= promised);
        some += usize::from(gone > Decimal::ZERO);
    }
    let last = order.shipped.last();
    let late = order.shipped.iter().filter(|one| {
        matches!(one.status, ShipStatus::Announced | ShipStatus::InTransit)
            && one.arrive_on < order.record.today(reading.now)
    });
    let late = late.count();
    Stop {
        state: match (some, full) {
            (0, _) => StopState::Future,
            (_, full) if full == whole => StopState::Done,
            _ => StopState::Partly,
        },
        name: "Shipped",
        system: "Supplier",
        document: last.map(|one| stamp(one.notice.clone(), Some(format!("/shipments/{}", one.notice)))),
        part: (some > 0).then(|| fraction(full, whole)),
        lag: Some(last.map_or_else(|| "not announced yet".into_any(), |one| lag(one.announced_at, None, reading))),
        note: (late > 0).then(|| "late on its way".to_owned()),
    }
}

/// How much of what was shipped has come.
fn received(order: &OrderView) -> Stop {
    let came = order.shipped.iter().filter(|one| one.received > Decimal::ZERO).count();
    let done = order.shipped.iter().filter(|one| one.status == ShipStatus::Received).count();
    let all = order.shipped.len();
    Stop {
        state: match (came, done) {
            (0, 0) => StopState::Future,
            (_, done) if done == all => StopState::Done,
            _ => StopState::Partly,
        },
        name: "Receipt",
        system: "WMS",
        document: None,
        part: (came > 0).then(|| format!("{done} of {all} shipped")),
        lag: (came == 0).then(|| "not reported yet".into_any()),
        note: None,
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
