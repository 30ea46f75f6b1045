//! A production as it stands while we post on it, and what its moves need.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use domain::production::posting::Cause;
use domain::quantity::{Quantity, Unit};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::super::wire::{self, Query};
use super::super::{remark, stock};
use super::{Blocked, Posting};
use crate::LinkKind;
use crate::outcome::Fault;

/// Starts the line that is for us, in the note on a move.
const MARK: &str = "interlock-report: ";

/// Which report a move was made for.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    report: String,
}

/// A production.
#[derive(Debug, Deserialize)]
pub struct Order {
    pub id: i64,
    pub number: String,
    pub state: String,
    #[serde(default, deserialize_with = "wire::float")]
    pub quantity: Option<Decimal>,
    pub unit: Option<UnitOf>,
    pub product: Option<i64>,
    pub location: i64,
    pub warehouse: Warehouse,
    #[serde(default)]
    pub inputs: Vec<Move>,
    #[serde(default)]
    pub outputs: Vec<Move>,
}

/// Where its material comes from, and where goes what it makes.
#[derive(Debug, Deserialize)]
pub struct Warehouse {
    #[serde(flatten)]
    pub zones: stock::Warehouse,
    production_picking_location: Option<i64>,
    production_output_location: Option<i64>,
}

/// An input or an output.
#[derive(Debug, Clone, Deserialize)]
pub struct Move {
    pub id: i64,
    pub state: String,
    pub product: i64,
    pub lot: Option<i64>,
    pub unit: i64,
    pub to_location: i64,
    #[serde(default, deserialize_with = "wire::float")]
    pub quantity: Option<Decimal>,
    /// In the product's unit.
    #[serde(default, deserialize_with = "wire::float")]
    pub internal_quantity: Option<Decimal>,
    #[serde(default, deserialize_with = "wire::date")]
    pub effective_date: Option<NaiveDate>,
}

impl Move {
    /// Nothing of it has happened yet.
    pub fn is_open(&self) -> bool {
        matches!(self.state.as_str(), "staging" | "draft" | "assigned")
    }

    /// Left behind by a try that broke off: what is planned has no day on which it happened.
    pub fn is_left_behind(&self) -> bool {
        self.is_open() && self.effective_date.is_some()
    }
}

/// A unit of measure; `factor` turns it into the reference unit of its category.
#[derive(Debug, Clone, Deserialize)]
pub struct UnitOf {
    pub id: i64,
    symbol: String,
    pub digits: u32,
    category: i64,
    #[serde(default, deserialize_with = "wire::float")]
    factor: Option<Decimal>,
}

impl UnitOf {
    /// So much of this unit in another one of its category.
    pub fn turned(&self, quantity: Decimal, into: &Self) -> Decimal {
        match (self.factor, into.factor) {
            (Some(from), Some(to)) if self.id != into.id && !to.is_zero() => {
                (quantity * from / to).round_dp(into.digits)
            }
            _ => quantity,
        }
    }
}

/// What is taken or made, by what a move needs of it.
#[derive(Debug, Deserialize)]
pub struct Product {
    pub id: i64,
    pub default_uom: UnitOf,
    #[serde(default)]
    lot_required: Option<Vec<String>>,
}

impl Product {
    /// It cannot be moved into or out of production without a lot.
    pub fn needs_a_lot(&self) -> bool {
        self.lot_required.iter().flatten().any(|place| place == "production" || place == "storage")
    }
}

impl Order {
    /// Where its inputs are taken from.
    pub fn picks_from(&self) -> i64 {
        self.warehouse.production_picking_location.unwrap_or(self.warehouse.zones.storage_location)
    }

    /// Where its outputs go.
    pub fn brings_to(&self) -> i64 {
        self.warehouse.production_output_location.unwrap_or(self.warehouse.zones.storage_location)
    }

    /// Inputs and outputs.
    pub fn moves(&self) -> impl Iterator<Item = &Move> {
        self.inputs.iter().chain(&self.outputs)
    }

    /// Refuses what comes for a production that takes no postings (any more, or yet).
    pub fn takes_postings(&self) -> Result<(), Blocked> {
        let number = &self.number;
        match self.state.as_str() {
            "waiting" | "assigned" | "running" => Ok(()),
            "done" | "cancelled" => Err(Blocked::By(
                Cause::OrderClosed,
                format!("Production {number} is {} in Tryton, which takes no more postings for it.", self.state),
            )),
            _ => Err(Blocked::By(
                Cause::OrderLocked,
                format!("Production {number} is a {} in Tryton: somebody is still planning it there.", self.state),
            )),
        }
    }
}

const FIELDS: &[&str] = &[
    "number",
    "state",
    "quantity",
    "unit.symbol",
    "unit.digits",
    "unit.category",
    "unit.factor",
    "product",
    "location",
    "warehouse.code",
    "warehouse.input_location",
    "warehouse.storage_location",
    "warehouse.production_picking_location",
    "warehouse.production_output_location",
    "inputs.state",
    "inputs.product",
    "inputs.lot",
    "inputs.unit",
    "inputs.to_location",
    "inputs.quantity",
    "inputs.internal_quantity",
    "inputs.effective_date",
    "outputs.state",
    "outputs.product",
    "outputs.lot",
    "outputs.unit",
    "outputs.to_location",
    "outputs.quantity",
    "outputs.internal_quantity",
    "outputs.effective_date",
];

impl Posting<'_> {
    /// The production, by its id where a link knows it, else by its number.
    pub async fn look(&self) -> Result<Order, Blocked> {
        let number = &self.report.work_order;
        let linked = self.delivery.their_ref(LinkKind::WorkOrder, number);
        let id = linked.and_then(|link| link.strip_prefix("production,")).and_then(|id| id.parse::<i64>().ok());
        let which = id.map_or_else(|| json!(["number", "=", number]), |id| json!(["id", "=", id]));
        let query = Query {
            model: "production",
            fields: FIELDS,
            domain: json!([which, ["company", "=", self.settings.company]]),
            order: json!([["id", "DESC"]]),
            limit: 1,
        };
        let found = self.wire.list::<Order>(&query).await?.pop();
        found.ok_or_else(|| {
            Blocked::By(Cause::OrderClosed, format!("Production {number} does not exist in Tryton (any more)."))
        })
    }

    /// Which of its moves stand for this report: they were done, whether or not they were cancelled since.
    pub async fn posted<'a>(&self, order: &'a Order) -> Result<Vec<&'a Move>, Fault> {
        // A move that was never done is no posting: `effective_date` stays on one that is cancelled.
        let happened: Vec<&Move> = order
            .moves()
            .filter(|each| each.state == "done" || each.state == "cancelled" && each.effective_date.is_some())
            .collect();
        let resources: Vec<String> = happened.iter().map(|each| resource(each.id)).collect();
        let report = self.report.report_id.to_string();
        let ours: BTreeSet<String> = remark::read::<Record>(self.wire, &resources, MARK)
            .await?
            .into_iter()
            .filter(|(_, record)| record.report == report)
            .map(|(resource, _)| resource)
            .collect();
        Ok(happened.into_iter().filter(|each| ours.contains(&resource(each.id))).collect())
    }

    /// Notes on a move that it is this report's.
    pub async fn note(&self, id: i64, words: &str) -> Result<(), Blocked> {
        let record = Record { report: self.report.report_id.to_string() };
        let words = format!("{words}\nReported to Interlock as {} at {}.", self.report.their_ref, self.report.at);
        Ok(remark::write(self.wire, &resource(id), &words, MARK, &record).await?)
    }

    /// Clears away moves of which nothing has happened.
    pub async fn clear(&self, moves: &[&Move]) -> Result<(), Blocked> {
        for each in moves {
            if each.state == "assigned" {
                self.wire.press("stock.move", each.id, "draft").await?;
            }
            self.wire.delete("stock.move", each.id).await?;
        }
        Ok(())
    }

    /// Refuses a day whose books are closed: Tryton loses its own words for that.
    pub async fn period_is_open(&self, on: NaiveDate) -> Result<(), Blocked> {
        #[derive(Deserialize)]
        struct Period {
            #[serde(deserialize_with = "wire::date")]
            date: Option<NaiveDate>,
        }
        let query = Query {
            model: "stock.period",
            fields: &["date"],
            domain: json!([["state", "=", "closed"], ["company", "=", self.settings.company]]),
            order: json!([["date", "DESC"]]),
            limit: 1,
        };
        let closed = self.wire.list::<Period>(&query).await?.pop().and_then(|period| period.date);
        match closed.filter(|until| on <= *until) {
            Some(until) => Err(Blocked::By(
                Cause::PeriodClosed,
                format!("Tryton's stock periods are closed until {until}, and this happened on {on}."),
            )),
            None => Ok(()),
        }
    }

    /// An item by its number.
    pub async fn product(&self, which: serde_json::Value, named: &str) -> Result<Product, Blocked> {
        let query = Query {
            model: "product.product",
            fields: &[
                "default_uom.symbol",
                "default_uom.digits",
                "default_uom.category",
                "default_uom.factor",
                "lot_required",
            ],
            domain: json!([which]),
            order: json!([["id", "ASC"]]),
            limit: 1,
        };
        let found = self.wire.list::<Product>(&query).await?.pop();
        found.ok_or_else(|| Blocked::By(Cause::Other, format!("There is no item {named} in Tryton.")))
    }

    /// The unit of a quantity, which must be one that the product can be counted in.
    pub async fn unit(&self, product: &Product, quantity: &Quantity) -> Result<UnitOf, Blocked> {
        let base = &product.default_uom;
        let same = |unit: &UnitOf| Unit::new(&unit.symbol) == quantity.unit;
        let unit = if same(base) {
            base.clone()
        } else {
            let query = Query {
                model: "product.uom",
                fields: &["symbol", "digits", "category", "factor"],
                domain: json!([["category", "=", base.category]]),
                order: json!([["id", "ASC"]]),
                limit: 1_000,
            };
            let known: Vec<UnitOf> = self.wire.list(&query).await?;
            known.into_iter().find(same).ok_or_else(|| {
                let (unit, base) = (quantity.unit.code(), Unit::new(&base.symbol));
                Blocked::By(
                    Cause::UnitUnknown,
                    format!("Tryton keeps this item in {} and cannot turn {unit} into it.", base.code()),
                )
            })?
        };
        if quantity.value.normalize().scale() > unit.digits {
            return Err(Blocked::By(
                Cause::Other,
                format!(
                    "Tryton keeps {} with {} decimals, so {} cannot be posted.",
                    quantity.unit.code(),
                    unit.digits,
                    quantity.value.normalize()
                ),
            ));
        }
        Ok(unit)
    }
}

fn resource(id: i64) -> String {
    format!("stock.move,{id}")
}
