//! From a promise and a purchase as it stands to the differences that are left to write. Pure.
//!
//! Rules, each because of how Tryton works (tried on 8.2):
//! - Quantity and price of a confirmed line change only by an amendment, which deletes and remakes the open moves of the
//!   *whole* order. So: note first (it says what everything should be), amend second, arrange moves last, of all lines that
//!   have a promise.
//! - Deleting a move makes Tryton add what is missing to the line's quantity. So: grow and add before deleting.
//! - Moves that are received or announced in a shipment are facts. The promise covers the whole line, so they are taken off
//!   its earliest parts; a promise of less than is there already is refused.
//! - One line has one price: parts at different prices are refused.
//! - A cancelled move that nobody decided about keeps its quantity from being planned again: refused until somebody does.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use domain::event::Promised;
use rust_decimal::Decimal;

use super::note::{Aside, Kept, Part, Record, Request, asked, promises, total};
use super::translate::{line_number, unit};
use super::wire::{Line, Order};

/// Why a promise is not written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cannot {
    /// In words for the buyer.
    Refuse(String),
    /// Tryton has to finish something first.
    Wait(String),
}

/// What a delivery wants of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What is noted in the order; from an earlier try where there is one.
    pub record: Record,
    /// Quantities and prices to amend.
    pub amend: Vec<Amend>,
}

/// A line whose quantity or price has to become another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Amend {
    /// The id of the purchase line.
    pub line: i64,
    /// Its quantity after it.
    pub quantity: Decimal,
    /// Its price after it.
    pub price: Option<Decimal>,
}

/// One thing to do to the moves of a line, in the order in which they are to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The day from which Tryton remakes the line's moves when somebody amends the order later.
    Store { line: i64, on: NaiveDate },
    /// Another quantity or day.
    Move { id: i64, part: Part },
    /// A part that has no move yet.
    Add { line: i64, part: Part },
    /// A move that is not needed any more.
    Remove { id: i64 },
}

/// Whether and how the promise can be written. Nothing is written when any of its lines cannot.
pub fn plan(
    order: &Order,
    records: &[Record],
    key: &str,
    version: i64,
    promised: &[&Promised],
) -> Result<Plan, Cannot> {
    let number = order.number.as_deref().unwrap_or("without number");
    match order.state.as_str() {
        "processing" | "done" => {}
        "confirmed" => return Err(Cannot::Wait(format!("Order {number} is still being processed by Tryton."))),
        other => {
            return Err(Cannot::Refuse(format!(
                "Order {number} is in state {other:?} in Tryton and takes no confirmation."
            )));
        }
    }
    let earlier = records.iter().find(|record| record.key == key);
    let mut lines = Vec::new();
    let mut amend = Vec::new();
    for promise in promised {
        let name = &promise.line;
        let Some(line) = order.lines.iter().find(|line| line_number(line.id) == **name) else {
            return Err(Cannot::Refuse(format!("Line {name} of order {number} does not exist in Tryton any more.")));
        };
        if superseded(line.id, records, version) {
            continue;
        }
        let kept = keep(line, records, promise)
            .map_err(|why| Cannot::Refuse(format!("Line {name} of order {number}: {why}")))?;
        let price = kept.price.or(line.unit_price_asked(records));
        let quantity = total(&kept.parts);
        if quantity != line.asked_quantity() || price != line.unit_price {
            amend.push(Amend { line: line.id, quantity, price });
        }
        lines.push(kept);
    }
    let record = match earlier {
        Some(record) => record.clone(),
        None => {
            let aside = if amend.is_empty() { Vec::new() } else { by_hand(order, records, &lines) };
            Record { key: key.to_owned(), version, lines, aside }
        }
    };
    Ok(Plan { record, amend })
}

/// A later promise for this line is noted already.
fn superseded(line: i64, records: &[Record], version: i64) -> bool {
    records.iter().any(|record| record.version > version && record.lines.iter().any(|kept| kept.line == line))
}

/// Checks one line of the promise.
fn keep(line: &Line, records: &[Record], promise: &Promised) -> Result<Kept, String> {
    let code = unit(line);
    if promise.schedule != 1 {
        return Err(format!("Tryton has one schedule line per line, the answer is to number {}.", promise.schedule));
    }
    if code != promise.unit {
        return Err(format!(
            "its unit in Tryton is {code} now, the answer is in {}. Skip this confirmation; the supplier is asked again.",
            promise.unit
        ));
    }
    let now = asked(line, records);
    let same_price = promise.price.is_none() || now.price == promise.price;
    if now.quantity != promise.requested || now.on != Some(promise.requested_on) || !same_price {
        let on = now.on.map_or_else(|| "no day".to_owned(), |on| on.to_string());
        let at = |price: Option<Decimal>| price.map(|price| format!(" at {}", price.normalize())).unwrap_or_default();
        return Err(format!(
            "it was changed in Tryton after the supplier had read it. It now asks for {} {code} on {on}{}; the answer is to {} {code} on {}{}. Skip this confirmation; the supplier is asked again.",
            now.quantity.normalize(),
            at(now.price),
            promise.requested.normalize(),
            promise.requested_on,
            at(promise.price),
        ));
    }
    let digits = line.unit.as_ref().map_or(0, |unit| unit.digits);
    let mut parts: Vec<Part> = Vec::new();
    for commitment in &promise.commitments {
        let quantity = commitment.quantity.normalize();
        if quantity.scale() > digits {
            return Err(format!("Tryton keeps {code} with {digits} decimals, so {quantity} {code} cannot be written."));
        }
        // Two parts on one day are one move.
        match parts.iter_mut().find(|part| part.on == commitment.deliver_on) {
            Some(part) => part.quantity += quantity,
            None => parts.push(Part { quantity, on: commitment.deliver_on }),
        }
    }
    parts.retain(|part| !part.quantity.is_zero());
    parts.sort_by_key(Part::order);
    let mut prices: Vec<Option<Decimal>> =
        promise.commitments.iter().map(|part| part.price.or(promise.price).map(|price| price.normalize())).collect();
    prices.dedup();
    if prices.len() > 1 {
        return Err(
            "Tryton has one price per line, the promise has several. Split the line in Tryton first.".to_owned()
        );
    }
    let price = prices.pop().flatten().filter(|price| Some(*price) != promise.price);
    if let Some(reason) = unfit(line) {
        return Err(reason);
    }
    let there = fixed(line);
    if there > total(&parts) {
        return Err(format!(
            "{} {code} are received or announced already, the supplier promises {} {code}.",
            there.normalize(),
            total(&parts).normalize()
        ));
    }
    let requested = Request { quantity: promise.requested, on: promise.requested_on, price: now.price };
    Ok(Kept { line: line.id, requested, parts, price })
}

/// Why the moves of a line are not ours to arrange.
fn unfit(line: &Line) -> Option<String> {
    if let Some(other) = line.moves.iter().find(|each| Some(each.unit) != line.unit.as_ref().map(|unit| unit.id)) {
        return Some(format!("its stock move {} is in another unit than the line; confirm it in Tryton.", other.id));
    }
    let undecided = |id: i64| !line.moves_recreated.contains(&id);
    let gone = line.moves.iter().find(|each| each.state == "cancelled" && undecided(each.id))?;
    Some(format!("its stock move {} was cancelled. Recreate it in Tryton, or close the line by an amendment.", gone.id))
}

/// What is received, announced or being handled.
fn fixed(line: &Line) -> Decimal {
    line.round(line.fixed_moves().filter_map(|each| each.quantity).sum())
}

/// Lines without a promise whose open moves stand otherwise than Tryton would remake them.
fn by_hand(order: &Order, records: &[Record], promised: &[Kept]) -> Vec<Aside> {
    order
        .lines
        .iter()
        .filter(|line| !promised.iter().any(|kept| kept.line == line.id) && promises(line.id, records).is_empty())
        .filter(|line| line.free_moves().count() > 1 || !line.untouched())
        .map(|line| Aside { line: line.id, parts: line.free_parts() })
        .collect()
}

/// What is left to do to the moves, once quantities and prices are right: for the lines of this promise, and for all other
/// lines of the order whose moves an amendment (ours or a buyer's) put back to where Tryton remakes them.
pub fn changes(order: &Order, records: &[Record], record: &Record) -> Vec<Change> {
    let mut found = Vec::new();
    for line in &order.lines {
        let latest = promises(line.id, records).first().copied();
        let of_this =
            record.lines.iter().any(|kept| kept.line == line.id) && !superseded(line.id, records, record.version);
        let aside = record.aside.iter().find(|aside| aside.line == line.id);
        let wanted = match (latest, aside) {
            (Some(kept), _) if of_this || still_stands(line, records, kept) => Some(&kept.parts),
            (None, Some(aside)) if line.untouched() && total(&aside.parts) == total(&line.free_parts()) => {
                found.extend(arrange(line, aside.parts.clone()));
                None
            }
            _ => None,
        };
        let Some(parts) = wanted else { continue };
        if let Some(first) = parts.iter().filter_map(|part| part.on).min()
            && line.delivery_date_edit
            && line.delivery_date_store != Some(first)
        {
            found.push(Change::Store { line: line.id, on: first });
        }
        found.extend(arrange(line, after(parts, fixed(line))));
    }
    found
}

/// The line asks for what the promise answers, and has the promised quantity.
fn still_stands(line: &Line, records: &[Record], kept: &Kept) -> bool {
    let now = asked(line, records);
    let requested = &kept.requested;
    now.quantity == requested.quantity
        && now.on == Some(requested.on)
        && now.price == requested.price
        && line.asked_quantity() == total(&kept.parts)
        && unfit(line).is_none()
}

/// The parts that are still to come when so much is there: the earliest are served first.
fn after(parts: &[Part], mut there: Decimal) -> Vec<Part> {
    let mut left = Vec::new();
    for part in parts {
        let served = there.min(part.quantity);
        there -= served;
        if part.quantity > served {
            left.push(Part { quantity: part.quantity - served, on: part.on });
        }
    }
    left
}

/// The difference between the open moves of a line and the parts wanted. Several moves that make up a day's part are right:
/// somebody split them for a reason of his own.
fn arrange(line: &Line, mut wanted: Vec<Part>) -> Vec<Change> {
    if by_day(&line.free_parts()) == by_day(&wanted) {
        return Vec::new();
    }
    let mut moves: Vec<_> = line.free_moves().collect();
    moves.sort_by_key(|free| free.id);
    // Those that are right already stay as they are.
    moves.retain(|free| {
        let here = Part { quantity: line.round(free.quantity.unwrap_or_default()), on: free.planned_date };
        let right = wanted.iter().position(|part| *part == here);
        right.map(|index| wanted.remove(index)).is_none()
    });
    let mut found = Vec::new();
    let mut moves = moves.into_iter();
    for part in wanted {
        found.push(match moves.next() {
            Some(free) => Change::Move { id: free.id, part },
            None => Change::Add { line: line.id, part },
        });
    }
    found.extend(moves.map(|free| Change::Remove { id: free.id }));
    found
}

fn by_day(parts: &[Part]) -> BTreeMap<Option<NaiveDate>, Decimal> {
    let mut days = BTreeMap::new();
    for part in parts {
        *days.entry(part.on).or_default() += part.quantity;
    }
    days
}

impl Line {
    /// The price asked for, under a price that we wrote.
    fn unit_price_asked(&self, records: &[Record]) -> Option<Decimal> {
        asked(self, records).price
    }
}
