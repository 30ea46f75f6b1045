//! A simulated shop floor at work: it carries out the work orders that it was told of and reports what happens, in the
//! protocol of `docs/shop-floor-protocol.md`. Like a real one it sends some messages twice, swaps others, and is offline for a
//! while now and then; what it could not send it keeps and sends when it is back.
//!
//! It takes lots as they lie in the simulated ERP, the way a storeman hands them out: nobody asks whether they may be used,
//! so that a hold placed meanwhile shows in the portal.

use std::collections::VecDeque;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::lot::StockStatus;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use tracing::{info, warn};

use crate::dice::Dice;
use crate::rest::material::Told;
use crate::rest::production::Movement;
use crate::rest::{RunningErp, WorkOrder};

/// Pieces made in one step.
const PIECES: i64 = 5;
/// Messages in one call.
const BATCH: usize = 100;

/// Where a shop floor reports to.
#[derive(Debug, Clone)]
pub struct Reporting {
    /// The arrivals address of its connection.
    pub url: String,
    /// Its report key.
    pub key: String,
    /// One step of one work order in each of these times.
    pub pace: Duration,
    /// Chooses what goes wrong.
    pub seed: u64,
}

/// What happens on the floor, and what of it is not sent yet.
#[derive(Debug)]
struct Floor {
    dice: Dice,
    unsent: VecDeque<Value>,
    /// Steps for which it stays offline.
    offline: u32,
}

/// Works until the task is ended. `mes` was told of the work orders, `erp` keeps the stock.
pub async fn work(mes: &RunningErp, erp: &RunningErp, reporting: Reporting, clock: crate::Clock) {
    let Ok(client) = reqwest::Client::builder().timeout(Duration::from_secs(10)).build() else {
        warn!("Simulator: the shop floor has no way to report.");
        return;
    };
    let mut floor = Floor { dice: Dice::new(reporting.seed), unsent: VecDeque::new(), offline: 0 };
    let mut beat = tokio::time::interval(reporting.pace);
    loop {
        let _ = beat.tick().await;
        floor.step(mes, erp, clock.now());
        if floor.offline > 0 {
            floor.offline -= 1;
            continue;
        }
        while !floor.unsent.is_empty() {
            let batch: Vec<&Value> = floor.unsent.iter().take(BATCH).collect();
            let sent = client
                .post(&reporting.url)
                .bearer_auth(&reporting.key)
                .json(&json!({ "messages": batch }))
                .send()
                .await
                .and_then(reqwest::Response::error_for_status);
            match sent {
                Ok(_) => {
                    let count = batch.len();
                    floor.unsent.drain(..count);
                }
                Err(problem) => {
                    warn!(waiting = floor.unsent.len(), %problem, "Simulator: the shop floor could not report; it keeps it.");
                    break;
                }
            }
        }
    }
}

impl Floor {
    /// One step of one work order that may be worked on.
    fn step(&mut self, mes: &RunningErp, erp: &RunningErp, now: DateTime<Utc>) {
        let told = mes.told_work_orders();
        let open: Vec<WorkOrder> = erp
            .work_orders()
            .into_iter()
            .filter(|order| told.contains_key(&order.number) && order.starts_at <= now)
            .filter(|order| made(erp, &order.number) < order.quantity)
            .collect();
        let Some(order) = usize::try_from(self.dice.below(open.len() as u64)).ok().and_then(|one| open.get(one)) else {
            return;
        };
        let pieces = Decimal::from(PIECES).min(order.quantity - made(erp, &order.number));
        let mut messages: Vec<Value> = order
            .components
            .iter()
            .filter(|component| !component.backflush)
            .map(|component| {
                let quantity = (component.quantity * pieces / order.quantity).round_dp(3).normalize();
                let lot = self.lot(erp, &order.plant.code, &component.item.number, quantity);
                json!({
                    "id": self.id(now), "type": "consumption", "work_order": order.number, "at": now, "station": station(order),
                    "component": component.number, "item": component.item.number, "lot": lot,
                    "quantity": quantity.to_string(), "unit": component.unit,
                })
            })
            .collect();
        let scrap = if self.dice.below(12) == 0 { Decimal::ONE } else { Decimal::ZERO };
        let lot = format!("L{}-{}", order.number, now.format("%m%d"));
        messages.push(json!({
            "id": self.id(now), "type": "completion", "work_order": order.number, "at": now, "station": station(order),
            "quantity": (pieces - scrap).to_string(), "unit": order.unit, "scrap": scrap.to_string(),
            "scrap_reason": (scrap > Decimal::ZERO).then_some("bore too wide"), "lot": lot,
        }));
        info!(work_order = order.number, pieces = %pieces, "Simulator: the shop floor makes something.");
        if self.dice.below(6) == 0 {
            messages.reverse();
        }
        if self.dice.below(5) == 0
            && let Some(again) = messages.first().cloned()
        {
            // In a call of its own later on: the same message twice.
            self.unsent.push_back(again);
            messages.remove(0);
        }
        self.unsent.extend(messages);
        if self.offline == 0 && self.dice.below(25) == 0 {
            info!("Simulator: the shop floor is offline for a while.");
            self.offline = 4;
        }
    }

    /// A lot as the storeman hands it out: the first with enough in it, in whatever way it may be used.
    fn lot(&mut self, erp: &RunningErp, plant: &str, item: &str, quantity: Decimal) -> Option<String> {
        let figure = erp.stock(plant, item)?;
        let usable = |status| status != StockStatus::Inspection;
        let enough = figure.lots.iter().find(|lot| usable(lot.status) && lot.on_hand >= quantity);
        enough.or_else(|| figure.lots.first()).and_then(|lot| lot.lot.clone())
    }

    fn id(&mut self, now: DateTime<Utc>) -> String {
        format!("floor-{}-{:08x}", now.timestamp_micros(), self.dice.below(1 << 32))
    }
}

fn station(order: &WorkOrder) -> Option<String> {
    order.operations.last().and_then(|operation| operation.station.clone())
}

/// What of a work order is booked as made.
fn made(erp: &RunningErp, number: &str) -> Decimal {
    let booked = erp.taken();
    let of_order = booked.iter().filter_map(|taken| match &taken.told {
        Told::Posting(posting) if posting.movement == Movement::Completion && posting.work_order == number => {
            Some(posting.quantity + posting.scrap.unwrap_or_default())
        }
        _ => None,
    });
    of_order.sum()
}
