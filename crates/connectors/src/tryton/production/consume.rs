//! A consumption: an input that is reserved and done by itself.
//!
//! The reservation is Tryton's own check: of the lot, in the bins of the picking location, besides what others have reserved.
//! It splits the input where the lot lies in several bins. What it does not find is refused with where the lot lies instead.

use domain::production::Consumption;
use domain::production::posting::Cause;
use domain::quantity::{Quantity, Unit};
use rust_decimal::Decimal;
use serde_json::json;

use super::super::wire::{day, quantity};
use super::super::{lot, stock};
use super::order::{Move, Order, Product};
use super::{Blocked, Posting};
use crate::outcome::Outcome;

/// Posts a consumption.
pub async fn post(posting: &Posting<'_>, it: &Consumption) -> Result<Outcome, Blocked> {
    let order = posting.look().await?;
    let wanted =
        posting.report.booked.clone().unwrap_or_else(|| Quantity { value: it.quantity, unit: it.unit.clone() });
    let posted = posting.posted(&order).await?;
    let done: Decimal = posted.iter().filter_map(|each| each.quantity).sum();
    if done >= wanted.value {
        return Ok(posting.accepted(&order, &posted, true));
    }
    order.takes_postings()?;
    let on = posting.day();
    posting.period_is_open(on).await?;
    let product = posting.product(stock::by_code(&it.item), &it.item).await?;
    let unit = posting.unit(&product, &wanted).await?;
    let lot = lot_of(posting, &product, it).await?;

    let order = posting.started(order).await?;
    posting.clear(&left_behind(&order)).await?;
    let rest = wanted.value - done;
    let values = json!({
        "product": product.id, "lot": lot, "unit": unit.id, "quantity": quantity(rest), "from_location": order.picks_from(),
        "to_location": order.location, "company": posting.settings.company, "production_input": order.id,
        "effective_date": day(Some(on)),
    });
    posting.wire.create("stock.move", values).await?;
    posting.wire.press("production", order.id, "assign_try").await?;
    let order = posting.look().await?;
    let pieces = left_behind(&order);
    let reserved: Decimal =
        pieces.iter().filter(|piece| piece.state == "assigned").filter_map(|piece| piece.quantity).sum();
    if reserved != rest {
        posting.clear(&pieces).await?;
        return Err(missing(posting, &order, it, lot, &Quantity { value: rest, unit: wanted.unit }, reserved).await?);
    }
    for piece in &pieces {
        posting.note(piece.id, "What the shop floor consumed.").await?;
        if let Err(refused) = posting.wire.press("stock.move", piece.id, "do").await {
            let order = posting.look().await?;
            posting.clear(&left_behind(&order)).await?;
            return Err(refused.into());
        }
    }
    // What was done is looked at once more: only what Tryton shows counts.
    let order = posting.look().await?;
    let posted = posting.posted(&order).await?;
    let done: Decimal = posted.iter().filter_map(|each| each.quantity).sum();
    if done < wanted.value {
        return Ok(Outcome::Pending {
            seen: format!("Production {} does not show all of the consumption; it is looked at again.", order.number),
        });
    }
    Ok(posting.accepted(&order, &posted, false))
}

fn left_behind(order: &Order) -> Vec<&Move> {
    order.inputs.iter().filter(|input| input.is_left_behind()).collect()
}

/// The lot by its id; none for an item without.
async fn lot_of(posting: &Posting<'_>, product: &Product, it: &Consumption) -> Result<Option<i64>, Blocked> {
    match &it.lot {
        Some(number) => match lot::known(posting.wire, product.id, number).await? {
            Some(id) => Ok(Some(id)),
            None if !product.needs_a_lot() => Ok(None),
            None => Err(Blocked::By(
                Cause::StockMissing,
                format!("Tryton knows no lot {number} of {}: its receipt has not been posted there.", it.item),
            )),
        },
        None if product.needs_a_lot() => Err(Blocked::By(
            Cause::Other,
            format!("Tryton keeps {} by lots, and the report names none. Correct the report.", it.item),
        )),
        None => Ok(None),
    }
}

/// Why Tryton did not find what was consumed: it lies where it may not be used, or there is not so much of it.
async fn missing(
    posting: &Posting<'_>,
    order: &Order,
    it: &Consumption,
    lot: Option<i64>,
    wanted: &Quantity,
    reserved: Decimal,
) -> Result<Blocked, Blocked> {
    let (wire, today) = (posting.wire, posting.delivery.now.date_naive());
    let warehouse = &order.warehouse.zones;
    let (of, unit) = match &it.lot {
        Some(number) => (format!("lot {number} of {}", it.item), wanted.unit.code()),
        None => (it.item.clone(), wanted.unit.code()),
    };
    if let Some(product) = stock::product(wire, &it.item).await? {
        let base = Unit::new(&product.symbol);
        let plant = warehouse.name();
        let special: Vec<String> = [
            Some(posting.settings.places.hold(&plant)),
            posting.settings.places.inspection(&plant),
            posting.settings.places.blocked(&plant),
        ]
        .into_iter()
        .flatten()
        .collect();
        let mut elsewhere = Vec::new();
        for place in stock::places(wire, warehouse, &product, today).await? {
            let Some(code) = place.code.as_ref().filter(|code| special.contains(code)) else { continue };
            let there = match lot {
                None => place.quantity,
                Some(lot) => {
                    let lots = stock::lots(wire, product.id, place.id, today).await?;
                    lots.iter().find(|found| found.lot == lot).map_or(Decimal::ZERO, |found| found.quantity)
                }
            };
            if there > Decimal::ZERO {
                elsewhere.push(format!("{} {} of it lie in {code}", there.normalize(), base.code()));
            }
        }
        if !elsewhere.is_empty() {
            return Ok(Blocked::By(
                Cause::LotBlocked,
                format!(
                    "{} {unit} of {of} were consumed, but in Tryton {} where it may not be used.",
                    wanted.value.normalize(),
                    elsewhere.join(" and ")
                ),
            ));
        }
    }
    Ok(Blocked::By(
        Cause::StockMissing,
        format!(
            "{} {unit} of {of} were consumed, but {} {unit} are free where production takes from in Tryton.",
            wanted.value.normalize(),
            reserved.normalize()
        ),
    ))
}
