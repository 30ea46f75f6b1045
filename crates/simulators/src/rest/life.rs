//! The simulated system moves by itself, so that a newcomer sees life: trucks leave and arrive, some late, and what they
//! bring is received, sometimes counted wrong. One step of one shipment at a time, chosen by the seed.
//!
//! Every third shipment waits at the gate for a clerk of the portal; a warehouse system leaves milestones to the ERP, so
//! that two simulators do not drive the same truck.

use std::time::Duration;

use chrono::{DateTime, Days, NaiveDate, Utc};
use domain::shipment::Milestone;
use rust_decimal::Decimal;
use tracing::{info, warn};

use super::book::Book;
use super::inbound::next_milestone;
use super::material::{Count, Expected, Seen};
use super::{Erp, Role};
use crate::dice::Dice;

/// Lives until the task is ended.
pub async fn live(erp: Erp, pace: Duration, seed: u64) {
    let mut dice = Dice::new(seed);
    let mut beat = tokio::time::interval(pace);
    // The first beat comes at once.
    let _ = beat.tick().await;
    loop {
        let _ = beat.tick().await;
        let now = erp.clock.now();
        if let Some(problem) = step(&mut erp.book(), erp.role, &mut dice, now).err() {
            warn!(error = format!("{problem:#}"), "Simulator: a shipment did not move.");
        }
    }
}

/// Moves one shipment on.
fn step(book: &mut Book, role: Role, dice: &mut Dice, now: DateTime<Utc>) -> anyhow::Result<()> {
    let moving: Vec<(Expected, Step)> = book
        .material()
        .expected()
        .filter_map(|expected| Some((expected.clone(), next(role, expected, now.date_naive())?)))
        .collect();
    let Some((expected, step)) = usize::try_from(dice.below(moving.len() as u64)).ok().and_then(|one| moving.get(one))
    else {
        return Ok(());
    };
    let notice = &expected.delivery.notice;
    match step {
        Step::Move(Milestone::ArrivedAtGate)
            if expected.milestone == Some(Milestone::Departed) && dice.below(3) == 0 =>
        {
            let late = expected.delivery.arrive_on.checked_add_days(Days::new(1 + dice.below(3)));
            info!(notice, "Simulator: a truck is late.");
            let seen = Seen {
                note: Some("Stands in a traffic jam".to_owned()),
                ..Seen::now(notice, Milestone::Delayed, late, now)
            };
            book.see(seen, now)
        }
        Step::Move(milestone) => {
            info!(notice, milestone = %milestone, "Simulator: a truck moves.");
            book.see(Seen::now(notice, *milestone, None, now), now)
        }
        Step::Receive => {
            let counts = miscount(expected, dice);
            let receipt = book.receive(role, notice, &counts, true, now)?;
            info!(
                notice,
                receipt = receipt.number,
                counted_wrong = !counts.is_empty(),
                "Simulator: goods are received."
            );
            Ok(())
        }
    }
}

enum Step {
    Move(Milestone),
    Receive,
}

/// What a shipment does next by itself, if anything.
fn next(role: Role, expected: &Expected, today: NaiveDate) -> Option<Step> {
    if expected.cancelled || expected.complete || !expected.receipts.is_empty() {
        return None;
    }
    let milestone = next_milestone(expected.milestone);
    // The carrier and the gate tell the ERP; the warehouse begins when the truck stands there.
    match (role, milestone) {
        (Role::Erp, Some(Milestone::PickedUp | Milestone::Departed)) if expected.delivery.ship_on > today => None,
        (Role::Wms, Some(Milestone::Receiving)) if waits_for_a_clerk(expected) => None,
        (Role::Erp, Some(milestone @ (Milestone::PickedUp | Milestone::Departed | Milestone::ArrivedAtGate))) => {
            Some(Step::Move(milestone))
        }
        (Role::Wms, Some(Milestone::Receiving)) => Some(Step::Move(Milestone::Receiving)),
        (Role::Wms, None) => Some(Step::Receive),
        _ => None,
    }
}

/// Every third shipment, always the same ones.
fn waits_for_a_clerk(expected: &Expected) -> bool {
    let sum: u64 = expected.delivery.notice.bytes().map(u64::from).sum();
    sum.is_multiple_of(3)
}

/// Now and then a line is counted short, or something of it is damaged.
fn miscount(expected: &Expected, dice: &mut Dice) -> Vec<Count> {
    if dice.below(3) != 0 {
        return Vec::new();
    }
    let lines = &expected.delivery.lines;
    let Some(line) = usize::try_from(dice.below(lines.len() as u64)).ok().and_then(|one| lines.get(one)) else {
        return Vec::new();
    };
    let lot = line.lots.first();
    let quantity = lot.map_or(line.quantity, |lot| lot.quantity);
    // A carton of twenty-five is the usual mistake; of less, a single piece.
    let carton = Decimal::from(25);
    let missing = if quantity > carton { carton } else { Decimal::ONE.min(quantity) };
    let damaged = if dice.below(2) == 0 { missing } else { Decimal::ZERO };
    vec![Count { line: line.number, lot: lot.map(|lot| lot.lot.clone()), accepted: quantity - missing, damaged }]
}

#[cfg(test)]
#[path = "life_tests.rs"]
mod tests;
