//! What we left in Tryton, and what was asked for before we did. Pure.
//!
//! Tryton has no field for "confirmed by the supplier": a confirmed date overwrites the planned date of the stock move, and a
//! confirmed quantity or price overwrites the line's. So each promise that we take over also becomes a note on the purchase:
//! words for the buyer, then one line for us. Tryton lets nobody change the text of a note, which makes it a record.
//!
//! From the notes [`asked`] tells what is *requested* now: what stands on the line, unless it is we who put it there. A buyer
//! who changes the order afterwards leaves a value that no note explains, and that is a new request.

use chrono::{NaiveDate, Utc};
use domain::event::Promised;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::wire::{Line, Move, Note};

/// Starts the line that is for us.
const MARK: &str = "interlock-promise: ";

/// One promise as it was written into Tryton.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The idempotency key of the delivery.
    pub key: String,
    /// The event's version within its order: a later promise for a line is not undone by an earlier one that comes again.
    pub version: i64,
    /// The lines it is about.
    pub lines: Vec<Kept>,
    /// Other lines whose moves somebody arranged by hand and which an amendment of ours was about to put back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aside: Vec<Aside>,
}

/// What was promised for one line, beside what was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The id of the purchase line.
    pub line: i64,
    /// What the supplier answered to.
    pub requested: Request,
    /// What he promised; empty where there will be no supply.
    pub parts: Vec<Part>,
    /// The price that was promised, where it is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Decimal>,
}

/// How the moves of a line stood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Aside {
    /// The id of the purchase line.
    pub line: i64,
    /// Its open moves.
    pub parts: Vec<Part>,
}

/// What is asked of the supplier for one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// How much.
    pub quantity: Decimal,
    /// For which day.
    pub on: NaiveDate,
    /// For one unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Decimal>,
}

/// So much on that day; without a day where none is known yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// How much.
    pub quantity: Decimal,
    /// When.
    pub on: Option<NaiveDate>,
}

impl Part {
    /// Sorts by day, undated ones last.
    pub fn order(&self) -> (bool, Option<NaiveDate>, Decimal) {
        (self.on.is_none(), self.on, self.quantity)
    }
}

/// What the parts add up to.
pub fn total(parts: &[Part]) -> Decimal {
    parts.iter().map(|part| part.quantity).sum()
}

/// Our records among the notes of a purchase, oldest promise first. A note of somebody else is none.
pub fn records(notes: &[Note]) -> Vec<Record> {
    let mut found: Vec<Record> = notes.iter().filter_map(record).collect();
    found.sort_by_key(|record| record.version);
    found
}

/// Our record in this note.
pub fn record(note: &Note) -> Option<Record> {
    let line = note.message.as_deref()?.lines().rev().find_map(|line| line.trim().strip_prefix(MARK))?;
    serde_json::from_str(line).ok()
}

/// The text of the note: words for the buyer, then our line.
pub fn text(record: &Record, promised: &[&Promised], at: chrono::DateTime<Utc>) -> String {
    let mut text = format!(
        "Supplier's confirmation, taken over by Interlock. Binding since {} UTC.\n",
        at.format("%Y-%m-%d %H:%M")
    );
    for line in promised {
        let unit = &line.unit;
        let parts: Vec<String> = line
            .commitments
            .iter()
            .map(|part| {
                let when = part.deliver_on.map_or_else(|| "without a date yet".to_owned(), |on| format!("on {on}"));
                let price = part.price.map(|price| format!(" at {price}")).unwrap_or_default();
                format!("{} {unit} {when}{price}", part.quantity.normalize())
            })
            .collect();
        let promise = if parts.is_empty() { "no supply".to_owned() } else { parts.join(", ") };
        let (requested, on) = (line.requested.normalize(), line.requested_on);
        text.push_str(&format!(
            "Line {}, {}: {promise} (requested: {requested} {unit} on {on}).\n",
            line.line, line.item
        ));
    }
    // Serialising plain data cannot fail; were it to, the note would still tell the buyer.
    let ours = serde_json::to_string(record).unwrap_or_default();
    format!("{text}\n{MARK}{ours}")
}

/// The latest promise for a line and the earlier ones to the same request, newest first.
pub fn promises(line: i64, records: &[Record]) -> Vec<&Kept> {
    let mut kept = records.iter().rev().flat_map(|record| &record.lines).filter(|kept| kept.line == line).peekable();
    let Some(latest) = kept.peek().map(|kept| kept.requested.clone()) else { return Vec::new() };
    kept.take_while(|kept| kept.requested == latest).collect()
}

/// What a line asks for now. The day is missing where Tryton has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// How much.
    pub quantity: Decimal,
    /// For which day.
    pub on: Option<NaiveDate>,
    /// For one unit.
    pub price: Option<Decimal>,
}

/// What a line asks for, with everything taken off that we put there.
///
/// Earlier promises to the same request count as ours too: between the note of a new promise and its moves, the moves are
/// still those of the promise before.
pub fn asked(line: &Line, records: &[Record]) -> Asked {
    let quantity = line.asked_quantity();
    let promises = promises(line.id, records);
    let Some(latest) = promises.first() else {
        return Asked { quantity, on: unanswered_day(line), price: line.unit_price };
    };
    let requested = &latest.requested;
    let ours = |quantity: Decimal| {
        quantity == requested.quantity || promises.iter().any(|kept| total(&kept.parts) == quantity)
    };
    let our_price = |price: Option<Decimal>| {
        price == requested.price || promises.iter().any(|kept| kept.price.is_some() && kept.price == price)
    };
    let our_day = |on: NaiveDate| {
        on == requested.on || promises.iter().flat_map(|kept| &kept.parts).any(|part| part.on == Some(on))
    };
    // A move that Tryton made anew stands at its original day; only a hand moves it away from there.
    let by_hand = line.free_moves().filter(|free| free.planned_date != free.origin_planned_date);
    let new_day = by_hand.filter_map(|free| free.planned_date).filter(|on| !our_day(*on)).min();
    Asked {
        quantity: if ours(quantity) { requested.quantity } else { quantity },
        on: Some(new_day.unwrap_or(requested.on)),
        price: if our_price(line.unit_price) { requested.price } else { line.unit_price },
    }
}

/// The requested day of a line that nobody answered: where its open moves stand, which is what Tryton's client shows and the
/// only place where a buyer can change the day of a confirmed order; else what the line says.
fn unanswered_day(line: &Line) -> Option<NaiveDate> {
    let open = line.free_moves().filter_map(|free| free.planned_date).min();
    let original = || line.moves.iter().filter_map(|each| each.origin_planned_date).min();
    open.or_else(original).or(line.delivery_date_store).or(line.delivery_date)
}

impl Line {
    /// The line's quantity with its unit's digits.
    pub fn asked_quantity(&self) -> Decimal {
        self.round(self.quantity.unwrap_or_default())
    }

    /// Rounded to the digits of the line's unit: what the float meant.
    pub fn round(&self, quantity: Decimal) -> Decimal {
        self.unit.as_ref().map_or(quantity, |unit| quantity.round_dp(unit.digits)).normalize()
    }

    /// Moves that can still be arranged: neither done, nor cancelled, nor announced in a shipment.
    pub fn free_moves(&self) -> impl Iterator<Item = &Move> {
        self.moves.iter().filter(|each| each.state == "draft" && each.shipment.is_none())
    }

    /// Moves that are received, announced or being handled: facts, which we leave alone.
    pub fn fixed_moves(&self) -> impl Iterator<Item = &Move> {
        self.moves
            .iter()
            .filter(|each| each.state != "cancelled" && !(each.state == "draft" && each.shipment.is_none()))
    }

    /// The open moves as parts, by day.
    pub fn free_parts(&self) -> Vec<Part> {
        let mut parts: Vec<Part> = self
            .free_moves()
            .map(|free| Part { quantity: self.round(free.quantity.unwrap_or_default()), on: free.planned_date })
            .collect();
        parts.sort_by_key(Part::order);
        parts
    }

    /// No hand was laid on the open moves since Tryton made them.
    pub fn untouched(&self) -> bool {
        self.free_moves().all(|free| free.planned_date == free.origin_planned_date)
    }
}
