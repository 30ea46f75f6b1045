//! Purchase lines with their stock moves, and what is to be done to the moves so that a shipment holds exactly what is said of
//! them.
//!
//! The sum of a line's moves is kept at its quantity ([`balance`]), because Tryton adds what is missing by itself when
//! something is deleted.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::stock::Warehouse;
use super::super::wire::{self, Coded, Query, Trouble, Unit, Wire, day, quantity};
use crate::outcome::Fault;

/// A purchase line with what a shipment needs of it.
#[derive(Debug, Clone, Deserialize)]
pub struct Line {
    pub id: i64,
    #[serde(default, deserialize_with = "wire::float")]
    pub quantity: Option<Decimal>,
    pub unit: Unit,
    pub product: Coded,
    pub unit_price: Value,
    pub from_location: i64,
    pub to_location: i64,
    pub purchase: Purchase,
    #[serde(default)]
    pub moves: Vec<Move>,
    /// Cancelled moves that Tryton has made, or is to make, another one for.
    #[serde(default)]
    pub moves_recreated: Vec<i64>,
    /// The day on which Tryton expects the line: as requested, or as we wrote when it was promised.
    #[serde(default, deserialize_with = "wire::date")]
    delivery_date_store: Option<NaiveDate>,
}

impl Line {
    /// The day of what is not announced: where it stood, else where the line is expected. The day of a ship notice is no
    /// answer and no request, so nothing of it may stay behind on moves that are not in its shipment.
    pub fn day_of_the_rest(&self) -> Option<NaiveDate> {
        let free = self.moves.iter().filter(|each| each.state == "draft" && each.shipment.is_none());
        let original = || self.moves.iter().filter_map(|each| each.origin_planned_date).max();
        free.filter_map(|each| each.planned_date).max().or(self.delivery_date_store).or_else(original)
    }

    /// The number of its order.
    pub fn order(&self) -> &str {
        self.purchase.number.as_deref().unwrap_or("without number")
    }
}

#[derive(Debug, Clone, Deserialize)]
pub struct Purchase {
    pub id: i64,
    pub number: Option<String>,
    pub currency: i64,
    pub company: i64,
    pub party: Coded,
    pub warehouse: Option<Warehouse>,
    #[serde(default)]
    pub shipment_state: Option<String>,
}

/// A move of a line, with its lot.
#[derive(Debug, Clone, Deserialize)]
pub struct Move {
    pub id: i64,
    #[serde(default, deserialize_with = "wire::float")]
    pub quantity: Option<Decimal>,
    pub state: String,
    pub shipment: Option<String>,
    pub lot: Option<i64>,
    #[serde(default, deserialize_with = "wire::date")]
    pub planned_date: Option<NaiveDate>,
    #[serde(default, deserialize_with = "wire::date")]
    origin_planned_date: Option<NaiveDate>,
}

const FIELDS: &[&str] = &[
    "quantity",
    "unit.symbol",
    "unit.digits",
    "product.code",
    "unit_price",
    "from_location",
    "to_location",
    "purchase.number",
    "purchase.currency",
    "purchase.company",
    "purchase.party.code",
    "purchase.shipment_state",
    "purchase.warehouse.code",
    "purchase.warehouse.input_location",
    "purchase.warehouse.storage_location",
    "moves_recreated",
    "moves.quantity",
    "moves.state",
    "moves.shipment",
    "moves.lot",
    "moves.planned_date",
    "moves.origin_planned_date",
    "delivery_date_store",
];

/// So much of a line and lot, by the ids of Tryton.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    pub line: i64,
    pub lot: Option<i64>,
    pub quantity: Decimal,
}

/// One thing to do to the moves of a line for a shipment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// An open move becomes part of the shipment, or one of the shipment gets another quantity.
    Take { id: i64, wanted: Wanted },
    /// Another move is needed.
    Add(Wanted),
    /// Not announced any more.
    Leave { id: i64 },
}

/// What is left to do until the shipment holds exactly what is wanted of these lines. Pure.
pub fn steps(lines: &[Line], shipment: Option<&str>, wanted: &[Wanted]) -> Vec<Step> {
    let mut steps = Vec::new();
    for line in lines {
        let open = || line.moves.iter().filter(|each| each.state == "draft");
        let mut inside: Vec<&Move> =
            open().filter(|each| shipment.is_some() && each.shipment.as_deref() == shipment).collect();
        let mut free: Vec<&Move> = open().filter(|each| each.shipment.is_none()).collect();
        free.sort_by_key(|each| (each.planned_date.is_none(), each.planned_date, each.id));
        let mut left = Vec::new();
        for part in wanted.iter().filter(|part| part.line == line.id) {
            match inside.iter().position(|each| each.lot == part.lot) {
                Some(index) => {
                    let each = inside.remove(index);
                    if each.quantity != Some(part.quantity) {
                        steps.push(Step::Take { id: each.id, wanted: *part });
                    }
                }
                None => left.push(*part),
            }
        }
        for part in left {
            // A move of the shipment whose lot is not wanted any more is as good as an open one.
            if let Some(each) = inside.pop() {
                steps.push(Step::Take { id: each.id, wanted: part });
            } else if free.is_empty() {
                steps.push(Step::Add(part));
            } else {
                steps.push(Step::Take { id: free.remove(0).id, wanted: part });
            }
        }
        steps.extend(inside.iter().map(|each| Step::Leave { id: each.id }));
    }
    steps
}

/// What keeps the moves of a line at its quantity: what is missing is one more open move, what is too much is taken off the
/// open moves, the latest first. Pure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Balance {
    Add(Decimal),
    Shrink { id: i64, to: Decimal },
    Remove { id: i64 },
}

/// See [`Balance`].
pub fn balance(line: &Line) -> Vec<Balance> {
    let there: Decimal =
        line.moves.iter().filter(|each| each.state != "cancelled").filter_map(|each| each.quantity).sum();
    let asked = line.quantity.unwrap_or_default();
    if there < asked {
        return vec![Balance::Add(asked - there)];
    }
    let mut excess = there - asked;
    let mut free: Vec<&Move> =
        line.moves.iter().filter(|each| each.state == "draft" && each.shipment.is_none()).collect();
    free.sort_by_key(|each| std::cmp::Reverse((each.planned_date.is_none(), each.planned_date, each.id)));
    let mut found = Vec::new();
    for each in free {
        let quantity = each.quantity.unwrap_or_default();
        if excess.is_zero() {
            break;
        }
        if quantity <= excess {
            excess -= quantity;
            found.push(Balance::Remove { id: each.id });
        } else {
            found.push(Balance::Shrink { id: each.id, to: quantity - excess });
            excess = Decimal::ZERO;
        }
    }
    found
}

/// The lines with these ids.
pub async fn read(wire: &Wire, ids: &[i64]) -> Result<Vec<Line>, Fault> {
    let query = Query {
        model: "purchase.line",
        fields: FIELDS,
        domain: json!([["id", "in", ids]]),
        order: json!([["id", "ASC"]]),
        limit: ids.len().max(1),
    };
    wire.list(&query).await
}

/// The lines that these moves come from.
pub async fn of_moves(wire: &Wire, moves: &[i64]) -> Result<Vec<Line>, Fault> {
    #[derive(Deserialize)]
    struct From {
        origin: Option<String>,
    }
    let query = Query {
        model: "stock.move",
        fields: &["origin"],
        domain: json!([["id", "in", moves]]),
        order: json!([["id", "ASC"]]),
        limit: moves.len().max(1),
    };
    let found: Vec<From> = wire.list(&query).await?;
    let line = |from: &From| from.origin.as_deref()?.strip_prefix("purchase.line,")?.parse::<i64>().ok();
    let ids: std::collections::BTreeSet<i64> = found.iter().filter_map(line).collect();
    read(wire, &ids.into_iter().collect::<Vec<_>>()).await
}

/// The steps as Tryton's list of commands on the shipment's moves.
pub fn commands(steps: &[Step], lines: &[Line]) -> Value {
    let mut commands = Vec::new();
    for step in steps {
        match step {
            Step::Take { id, wanted } => {
                commands.push(json!(["write", [id], {"quantity": quantity(wanted.quantity), "lot": wanted.lot}]));
                commands.push(json!(["add", [id]]));
            }
            Step::Add(wanted) => {
                if let Some(line) = lines.iter().find(|line| line.id == wanted.line) {
                    commands.push(json!(["create", [new_move(line, wanted.quantity, wanted.lot)]]));
                }
            }
            Step::Leave { id } => {
                let line = lines.iter().find(|line| line.moves.iter().any(|each| each.id == *id));
                commands.extend(leave(*id, line));
            }
        }
    }
    Value::Array(commands)
}

/// Takes a move off its shipment, as open as it was before.
pub fn leave(id: i64, line: Option<&Line>) -> [Value; 2] {
    let mut values = json!({"lot": null});
    // By itself it would keep the day of the shipment, which reads like a request for another day.
    if let Some(on) = line.and_then(Line::day_of_the_rest) {
        values["planned_date"] = day(Some(on));
    }
    [json!(["write", [id], values]), json!(["remove", [id]])]
}

/// One more open move of a line; nothing is filled in by itself through the API.
pub fn new_move(line: &Line, so_much: Decimal, lot: Option<i64>) -> Value {
    json!({
        "origin": format!("purchase.line,{}", line.id), "quantity": quantity(so_much), "lot": lot,
        "product": line.product.id, "unit": line.unit.id, "company": line.purchase.company,
        "from_location": line.from_location, "to_location": line.to_location,
        "unit_price": line.unit_price, "currency": line.purchase.currency,
    })
}

/// Brings the moves of a line back to its quantity; what is missing is expected on this day.
pub async fn carry_out(wire: &Wire, line: &Line, change: &Balance, on: Option<NaiveDate>) -> Result<(), Trouble> {
    match change {
        Balance::Add(missing) => {
            let mut values = new_move(line, *missing, None);
            values["planned_date"] = day(on);
            wire.create("stock.move", values).await.map(|_| ())
        }
        Balance::Shrink { id, to } => wire.write("stock.move", *id, json!({"quantity": quantity(*to)})).await,
        Balance::Remove { id } => wire.delete("stock.move", *id).await,
    }
}

#[cfg(test)]
mod tests;
