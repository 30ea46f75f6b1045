//! A report that is taken back: its moves are cancelled, and the material is where it was before.
//!
//! Only while the production is open: what a done production cost is reckoned, and Tryton itself takes back only all of it.

use std::collections::BTreeMap;

use domain::production::posting::Cause;
use rust_decimal::Decimal;

use super::super::stock;
use super::super::wire::Trouble;
use super::order::{Move, Order};
use super::{Blocked, Posting, complete};
use crate::outcome::Outcome;

/// Takes a report back.
pub async fn take_back(posting: &Posting<'_>, reason: &str) -> Result<Outcome, Blocked> {
    let order = posting.look().await?;
    let posted = posting.posted(&order).await?;
    if posted.is_empty() {
        // It was never posted there, so there is nothing to take back.
        return Ok(Outcome::accepted(Some("not carried: it was never posted in Tryton".to_owned()), true));
    }
    let standing: Vec<&Move> = posted.iter().copied().filter(|each| each.state == "done").collect();
    let already = standing.is_empty();
    if !already {
        order.takes_postings()?;
        for each in &standing {
            posting.period_is_open(each.effective_date.unwrap_or_else(|| posting.day())).await?;
        }
        still_there(posting, &order, &standing).await?;
    }
    for each in &standing {
        posting.note(each.id, &format!("Taken back: {reason}")).await?;
        match posting.wire.press("stock.move", each.id, "cancel").await {
            Err(Trouble::Refused(said)) => {
                return Err(Blocked::By(
                    Cause::Other,
                    format!(
                        "Tryton does not let move {} of production {} be taken back: {said} Give the key's user the group \
                         Stock Cancellation, then retry.",
                        each.id, order.number
                    ),
                ));
            }
            other => other?,
        }
    }
    let ids: Vec<String> = posted.iter().map(|each| each.id.to_string()).collect();
    let order = posting.look().await?;
    if order.state == "running" && posted.iter().any(|each| order.outputs.iter().any(|output| output.id == each.id)) {
        // What was taken back is to be made again.
        complete::level(posting, &order, false).await?;
    }
    let which = if ids.len() == 1 { "move" } else { "moves" };
    let their_ref = format!("production {}, {which} {} cancelled", order.number, ids.join(", "));
    Ok(Outcome::accepted(Some(their_ref), already))
}

/// Refuses to take outputs back that are not where they were brought any more: Tryton would go below zero.
async fn still_there(posting: &Posting<'_>, order: &Order, moves: &[&Move]) -> Result<(), Blocked> {
    let mut needed: BTreeMap<(i64, i64, i64), Decimal> = BTreeMap::new();
    for each in moves.iter().filter(|each| order.outputs.iter().any(|output| output.id == each.id)) {
        let (Some(lot), Some(quantity)) = (each.lot, each.internal_quantity) else { continue };
        *needed.entry((each.product, each.to_location, lot)).or_default() += quantity;
    }
    for ((product, location, lot), quantity) in needed {
        let lots = stock::lots(posting.wire, product, location, posting.delivery.now.date_naive()).await?;
        let there = lots.iter().find(|found| found.lot == lot).map_or(Decimal::ZERO, |found| found.quantity);
        if there < quantity {
            return Err(Blocked::By(
                Cause::StockMissing,
                format!(
                    "{} of what was made should lie where production {} brought it in Tryton, but {} do: the rest is used, \
                     on hold or elsewhere.",
                    quantity.normalize(),
                    order.number,
                    there.normalize()
                ),
            ));
        }
    }
    Ok(())
}
