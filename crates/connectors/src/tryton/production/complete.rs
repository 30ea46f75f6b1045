//! A completion: an output that is done by itself, and the end of the production with the last one.
//!
//! The planned output is what is still to come: it shrinks by what was made and grows by what is taken back. When the work
//! order is finished, by the report's word or because all of it is made, what is left of the plan goes, the works are
//! finished, and Tryton's `do` reckons the cost of what was made. Scrap has no place there and is not posted; a serial is a
//! lot of one piece.

use domain::production::Completion;
use domain::production::posting::Cause;
use domain::quantity::Quantity;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::lot;
use super::super::wire::{Query, day, quantity};
use super::order::{Move, Order, Product, UnitOf};
use super::{Blocked, Posting};
use crate::outcome::{Fault, Outcome};

/// So much of a lot that was made.
struct Piece<'a> {
    lot: Option<&'a str>,
    quantity: Decimal,
}

/// Posts a completion.
pub async fn post(posting: &Posting<'_>, it: &Completion) -> Result<Outcome, Blocked> {
    let order = posting.look().await?;
    let made = posting.report.booked.clone().unwrap_or_else(|| Quantity { value: it.quantity, unit: it.unit.clone() });
    let posted = posting.posted(&order).await?;
    let known = covers(&posted, made.value);
    let over = matches!(order.state.as_str(), "done" | "cancelled");
    if known && (over || order.state != "running" && !it.last) {
        return Ok(posting.accepted(&order, &posted, true));
    }
    let order = if known { posting.started(order).await? } else { bring_in(posting, it, order, &made).await? };
    if !covers(&posting.posted(&order).await?, made.value) {
        return Ok(Outcome::Pending {
            seen: format!("Production {} does not show all of the completion; it is looked at again.", order.number),
        });
    }
    let left = level(posting, &order, it.last).await?;
    let ends = it.last || left <= Decimal::ZERO;
    if ends {
        finish(posting, &order).await?;
    }
    let order = posting.look().await?;
    let posted = posting.posted(&order).await?;
    Ok(posting.accepted(&order, &posted, known && !ends))
}

fn covers(posted: &[&Move], made: Decimal) -> bool {
    let done: Decimal = posted.iter().filter_map(|each| each.quantity).sum();
    done >= made && (!posted.is_empty() || made.is_zero())
}

async fn produced(posting: &Posting<'_>, order: &Order) -> Result<Product, Blocked> {
    match order.product {
        Some(id) => posting.product(json!(["id", "=", id]), &format!("#{id}")).await,
        None => {
            let words = format!("Production {} makes no product in Tryton.", order.number);
            Err(Blocked::By(Cause::Other, words))
        }
    }
}

/// The moves that a completion needs: one, or one for each serial.
fn pieces<'a>(it: &'a Completion, product: &Product, made: &Quantity) -> Result<Vec<Piece<'a>>, Blocked> {
    if made.value.is_zero() {
        return Ok(Vec::new());
    }
    if it.lot.is_none() && Decimal::from(it.serials.len()) == made.value {
        return Ok(it.serials.iter().map(|serial| Piece { lot: Some(serial), quantity: Decimal::ONE }).collect());
    }
    if it.lot.is_none() && product.needs_a_lot() {
        let words = "Tryton keeps what was made by lots, and the report names none. Correct the report.";
        return Err(Blocked::By(Cause::Other, words.to_owned()));
    }
    Ok(vec![Piece { lot: it.lot.as_deref(), quantity: made.value }])
}

/// Makes and does the outputs of a completion; the production as it stands after that.
async fn bring_in(posting: &Posting<'_>, it: &Completion, order: Order, made: &Quantity) -> Result<Order, Blocked> {
    order.takes_postings()?;
    posting.period_is_open(posting.day()).await?;
    let product = produced(posting, &order).await?;
    let unit = posting.unit(&product, made).await?;
    let pieces = pieces(it, &product, made)?;
    let order = posting.started(order).await?;
    posting.clear(&left_behind(&order)).await?;
    for piece in &pieces {
        do_piece(posting, &order, &product, &unit, piece).await?;
    }
    posting.look().await
}

fn left_behind(order: &Order) -> Vec<&Move> {
    order.outputs.iter().filter(|output| output.is_left_behind()).collect()
}

async fn do_piece(
    posting: &Posting<'_>,
    order: &Order,
    product: &Product,
    unit: &UnitOf,
    piece: &Piece<'_>,
) -> Result<(), Blocked> {
    let lot = match piece.lot {
        Some(number) => Some(lot::make(posting.wire, product.id, number, None).await?),
        None => None,
    };
    // Of a try that broke off between two serials, what is there is there.
    let posted = posting.posted(order).await?;
    let there: Decimal = posted.iter().filter(|each| each.lot == lot).filter_map(|each| each.quantity).sum();
    let rest = piece.quantity - there;
    if rest <= Decimal::ZERO {
        return Ok(());
    }
    let mut values = output(posting, order, product.id, unit.id, rest).await?;
    values["lot"] = json!(lot);
    values["effective_date"] = day(Some(posting.day()));
    let id = posting.wire.create("stock.move", values).await?;
    posting.note(id, "What the shop floor completed.").await?;
    if let Err(refused) = posting.wire.press("stock.move", id, "do").await {
        let order = posting.look().await?;
        posting.clear(&left_behind(&order)).await?;
        return Err(refused.into());
    }
    Ok(())
}

/// Nothing is filled in by itself through the API; the price is reckoned when the production is done.
async fn output(posting: &Posting<'_>, order: &Order, product: i64, unit: i64, of: Decimal) -> Result<Value, Blocked> {
    #[derive(Deserialize)]
    struct Company {
        currency: i64,
    }
    let query = Query {
        model: "company.company",
        fields: &["currency"],
        domain: json!([["id", "=", posting.settings.company]]),
        order: json!([["id", "ASC"]]),
        limit: 1,
    };
    let currency = posting.wire.list::<Company>(&query).await?.pop().map(|company| company.currency);
    Ok(json!({
        "product": product, "unit": unit, "quantity": quantity(of), "from_location": order.location,
        "to_location": order.brings_to(), "company": posting.settings.company, "production_output": order.id,
        "currency": currency, "unit_price": {"__class__": "Decimal", "decimal": "0"},
    }))
}

/// Makes the planned output what is still to come; how much that is.
pub async fn level(posting: &Posting<'_>, order: &Order, last: bool) -> Result<Decimal, Blocked> {
    let (Some(unit), Some(wanted)) = (&order.unit, order.quantity) else { return Ok(Decimal::ONE) };
    let product = produced(posting, order).await?;
    let own = order.outputs.iter().filter(|output| output.product == product.id);
    let done: Decimal =
        own.clone().filter(|output| output.state == "done").filter_map(|output| output.internal_quantity).sum();
    let left = wanted.round_dp(unit.digits) - product.default_uom.turned(done, unit);
    let keep = if last { Decimal::ZERO } else { left.max(Decimal::ZERO) };
    let mut planned: Vec<&Move> = own.filter(|output| output.is_open() && output.effective_date.is_none()).collect();
    if keep.is_zero() {
        posting.clear(&planned).await?;
        return Ok(left);
    }
    if planned.is_empty() {
        let values = output(posting, order, product.id, unit.id, keep).await?;
        posting.wire.create("stock.move", values).await?;
        return Ok(left);
    }
    let first = planned.remove(0);
    if first.quantity != Some(keep) || first.unit != unit.id {
        let values = json!({"quantity": quantity(keep), "unit": unit.id});
        posting.wire.write("stock.move", first.id, values).await?;
    }
    posting.clear(&planned).await?;
    Ok(left)
}

#[derive(Deserialize)]
struct Work {
    id: i64,
    state: String,
    #[serde(default)]
    cycles: Vec<Cycle>,
}

#[derive(Deserialize)]
struct Cycle {
    id: i64,
    state: String,
}

/// Ends the production. Its works must be finished: what runs is ended, and a work that nobody began is a cycle that took no
/// time, for the times of the shop floor are not told to Tryton.
async fn finish(posting: &Posting<'_>, order: &Order) -> Result<(), Blocked> {
    const CYCLE: &str = "production.work.cycle";
    let wire = posting.wire;
    for work in works(posting, order.id).await? {
        if matches!(work.state.as_str(), "finished" | "done") {
            continue;
        }
        if work.cycles.iter().all(|cycle| cycle.state == "cancelled") {
            let id = wire.create(CYCLE, json!({"work": work.id})).await?;
            wire.press(CYCLE, id, "run").await?;
            wire.press(CYCLE, id, "do").await?;
        }
        for cycle in &work.cycles {
            if cycle.state == "draft" {
                wire.press(CYCLE, cycle.id, "run").await?;
            }
            if matches!(cycle.state.as_str(), "draft" | "running") {
                wire.press(CYCLE, cycle.id, "do").await?;
            }
        }
    }
    // More or less than the bill of materials says is what was made.
    match wire.press_past_warnings("production", order.id, "do").await.map_err(Blocked::from) {
        Err(Blocked::By(cause, said)) => Err(Blocked::By(
            cause,
            format!(
                "What was made is in stock, but production {} cannot be completed in Tryton: {said} Complete it there, or \
                 mend that and retry.",
                order.number
            ),
        )),
        other => other,
    }
}

async fn works(posting: &Posting<'_>, production: i64) -> Result<Vec<Work>, Fault> {
    let query = Query {
        model: "production.work",
        fields: &["state", "cycles.state"],
        domain: json!([["production", "=", production]]),
        order: json!([["id", "ASC"]]),
        limit: 1_000,
    };
    match posting.wire.list(&query).await {
        // A Tryton without the module production_work has none.
        Err(Fault::Contract { .. }) => Ok(Vec::new()),
        other => other,
    }
}
