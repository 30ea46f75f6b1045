//! Tryton's records in the domain's words. Pure.
//!
//! - One purchase line is one line with one schedule line, number 1, for its whole quantity. A split promise lives in several
//!   stock moves and never becomes several requests.
//! - A line's number is its id in Tryton, at least four digits: `0042`. Its sequence is renumbered by dragging lines about and
//!   its position shifts when a line is deleted; the id does neither.
//! - The unit is Tryton's symbol in capitals: `u` is `U`, `kg` is `KG`.
//! - Lines of goods only: comments and subtotals, services (which no stock move follows) and returns have nothing to confirm.

use chrono::NaiveDateTime;
use domain::command::{
    Command, ItemSnapshot, LineSnapshot, OrderSnapshot, PlantSnapshot, ScheduleSnapshot, SupplierSnapshot,
};
use domain::item::ItemRules;
use domain::order::OrderStatus;
use domain::quantity::Unit;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::note::{Record, asked, records};
use super::wire::{Line, Named, Note, Order, Product};
use crate::Raw;
use crate::outcome::NotUnderstood;

/// What an arrival of the feed `orders` holds: the order and its notes as Tryton answered.
#[derive(Debug, Clone, Deserialize)]
pub struct Reading {
    /// The newest change that was known when it was read, in microseconds since 1970.
    pub as_of: i64,
    /// The purchase.
    pub order: Order,
    /// Its notes.
    #[serde(default)]
    pub notes: Vec<Note>,
}

impl Reading {
    /// The newest change of the order or anything that belongs to it, in microseconds since 1970.
    pub fn newest(&self) -> i64 {
        let lines = self.order.lines.iter();
        let moves = lines.clone().flat_map(|line| &line.moves).map(|each| each.last_modified_at);
        let notes = self.notes.iter().map(|note| note.create_date);
        let stamps = lines.map(|line| line.last_modified_at).chain(moves).chain(notes);
        micros(stamps.fold(self.order.last_modified_at, NaiveDateTime::max))
    }

    /// The same content has the same key. The newest change is part of it: an order that is changed and changed back has
    /// arrived three times.
    pub fn key(&self) -> String {
        let content = match snapshot(self) {
            Ok(order) => serde_json::to_string(&order.map(|order| OrderSnapshot { their_version: 0, ..order })),
            Err(problem) => Ok(problem.to_string()),
        };
        format!("purchase.purchase,{}@{}-{}", self.order.id, self.newest(), digest(&content.unwrap_or_default()))
    }
}

/// What we understand in an arrival.
pub fn interpret(raw: &Raw) -> Result<Vec<Command>, NotUnderstood> {
    match raw.channel.as_str() {
        "orders" => {
            let reading: Reading = read(&raw.body)?;
            Ok(snapshot(&reading)?.map(Command::MirrorOrder).into_iter().collect())
        }
        "suppliers" => Ok(vec![Command::MirrorSupplier(supplier(&read(&raw.body)?))]),
        "items" => Ok(vec![Command::MirrorItem(item(&read(&raw.body)?))]),
        "receipts" => Ok(super::receipt::snapshot(&raw.body)?.map(Command::PostReceipt).into_iter().collect()),
        super::stock::CHANNEL => Ok(vec![Command::MirrorStock(super::stock::snapshot(&raw.body)?)]),
        "work_orders" => {
            Ok(super::production::feed::snapshot(&raw.body)?.map(Command::MirrorWorkOrder).into_iter().collect())
        }
        "plants" => Ok(vec![Command::MirrorPlant(plant(&read(&raw.body)?))]),
        other => Err(problem("$", format!("Messages of the channel {other:?} are not known here."))),
    }
}

pub(super) fn read<T: DeserializeOwned>(body: &str) -> Result<T, NotUnderstood> {
    let mut reader = serde_json::Deserializer::from_str(body);
    serde_path_to_error::deserialize(&mut reader)
        .map_err(|error| problem(format!("$.{}", error.path()), error.inner().to_string()))
}

/// The order as it is asked for now; nothing where none of its lines is for goods.
fn snapshot(reading: &Reading) -> Result<Option<OrderSnapshot>, NotUnderstood> {
    let order = &reading.order;
    let Some(number) = order.number.clone() else {
        return Err(problem("$.order.number", "A confirmed purchase has a number; this has none.".to_owned()));
    };
    let status = match order.state.as_str() {
        "processing" => OrderStatus::Open,
        "done" => OrderStatus::Closed,
        "cancelled" => OrderStatus::Cancelled,
        other => {
            return Err(problem("$.order.state", format!("{other:?} is not a state of a confirmed purchase.")));
        }
    };
    let Some(warehouse) = &order.warehouse else {
        return Err(problem(
            "$.order.warehouse",
            format!("Order {number} has no warehouse in Tryton. Enter one there."),
        ));
    };
    let Some(currency) = order.currency.code.clone() else {
        return Err(problem("$.order.currency.code", "The currency has no code in Tryton. Enter it there.".to_owned()));
    };
    let records = records(&reading.notes);
    let mut lines = Vec::new();
    for (index, line) in order.lines.iter().enumerate() {
        if let Some(line) = line_snapshot(index, line, &number, &records)? {
            lines.push(line);
        }
    }
    if lines.is_empty() && !order.lines.iter().any(goods) {
        return Ok(None);
    }
    let buyer = order.confirmed_by.as_ref().or(order.quoted_by.as_ref()).map(|person| person.rec_name.clone());
    Ok(Some(OrderSnapshot {
        number,
        their_version: reading.newest().max(reading.as_of),
        their_ref: format!("purchase.purchase,{}", order.id),
        supplier: supplier(&order.party),
        plant: plant(warehouse),
        buyer,
        currency,
        incoterm: None,
        status,
        lines,
    }))
}

fn goods(line: &Line) -> bool {
    line.r#type == "line" && line.movable && line.product.is_some() && line.asked_quantity() >= Decimal::ZERO
}

/// A line; none where there is nothing to supply: no goods, or set to nothing by the buyer.
fn line_snapshot(
    index: usize,
    line: &Line,
    order: &str,
    records: &[Record],
) -> Result<Option<LineSnapshot>, NotUnderstood> {
    let Some(product) = line.product.as_ref().filter(|_| goods(line)) else { return Ok(None) };
    let asked = asked(line, records);
    if asked.quantity.is_zero() {
        return Ok(None);
    }
    let number = line_number(line.id);
    let Some(requested_on) = asked.on else {
        return Err(problem(
            format!("$.order.lines[{index}].delivery_date"),
            format!(
                "Line {number} of order {order} has no delivery date in Tryton. Enter a planned date on its stock move, or \
                 a lead time of the supplier."
            ),
        ));
    };
    Ok(Some(LineSnapshot {
        number,
        their_ref: format!("purchase.line,{}", line.id),
        item: item(product),
        supplier_item: line.product_supplier.as_ref().and_then(|item| item.code.clone()),
        unit: unit(line),
        price: asked.price,
        tolerances: Default::default(),
        schedule: vec![ScheduleSnapshot { number: 1, quantity: asked.quantity, requested_on }],
    }))
}

/// The number of a line.
pub fn line_number(id: i64) -> String {
    format!("{id:04}")
}

/// The unit of a line.
pub fn unit(line: &Line) -> Unit {
    Unit::new(line.unit.as_ref().map_or("", |unit| &unit.symbol))
}

/// A party without a code is known by its id.
fn supplier(party: &Named) -> SupplierSnapshot {
    SupplierSnapshot { number: code(party), name: party.name.clone() }
}

pub(super) fn plant(warehouse: &Named) -> PlantSnapshot {
    PlantSnapshot { code: code(warehouse), name: warehouse.name.clone() }
}

fn code(record: &Named) -> String {
    record.code.clone().filter(|code| !code.trim().is_empty()).unwrap_or_else(|| format!("#{}", record.id))
}

pub(super) fn item(product: &Product) -> ItemSnapshot {
    ItemSnapshot {
        number: product
            .code
            .clone()
            .filter(|code| !code.trim().is_empty())
            .unwrap_or_else(|| format!("#{}", product.id)),
        description: product.name.clone(),
        unit: Unit::new(&product.default_uom.symbol),
        revision: None,
        rules: rules(product),
    }
}

/// How an item is handled, where Tryton was asked: an order does not say, so that it takes away nothing.
fn rules(product: &Product) -> Option<ItemRules> {
    let lots = product.lot_required.as_ref()?;
    let ages = product.shelf_life_state.as_deref().is_some_and(|state| state != "none");
    Some(ItemRules {
        lots: lots.iter().any(|place| place == "supplier" || place == "storage"),
        shelf_life_days: product.shelf_life_time.filter(|_| ages),
        ..ItemRules::default()
    })
}

/// Microseconds since 1970.
pub fn micros(at: NaiveDateTime) -> i64 {
    at.and_utc().timestamp_micros()
}

/// The beginning of a hash: enough to tell one content of a record from the next.
pub fn digest(content: &str) -> String {
    Sha256::digest(content).iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// The key of a reference record: its content, which includes when it was changed.
pub fn record_key(model: &str, id: i64, record: &Value) -> String {
    format!("{model},{id}@{}", digest(&sorted(record).to_string()))
}

/// The same with its keys in order: Tryton answers them in any.
pub(super) fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let ordered: std::collections::BTreeMap<_, _> = map.iter().collect();
            Value::Object(ordered.into_iter().map(|(key, value)| (key.clone(), sorted(value))).collect())
        }
        Value::Array(list) => Value::Array(list.iter().map(sorted).collect()),
        plain => plain.clone(),
    }
}

pub(super) fn problem(at: impl Into<String>, problem: String) -> NotUnderstood {
    NotUnderstood { at: at.into(), problem }
}
