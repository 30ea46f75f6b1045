//! Productions as work orders: what is read of them, and what it means. Pure but for the reading itself.
//!
//! - A production is a work order of the same number once Tryton has given it one. Disassemblies, and productions of no
//!   product, are none.
//! - `request` and `draft` are planned. `waiting` is released: somebody has decided to make it, and whether its material is
//!   there is what we check ourselves; `assigned` is the same with a reservation. `running` is in process, `done` completed.
//! - All inputs of one product are one component: a reservation splits them by lot and bin, and makes new ones. Its number is
//!   the product's id, at least four digits, because the ids of inputs do not stay. From our first posting on the plan is
//!   what we noted then ([`super::start`]): the inputs are what was consumed.
//! - Tryton plans by days: a work order begins with the first of its days and is due at the end of the last, UTC.
//! - The steps are its works; a Tryton without the module production_work has none.

use std::collections::BTreeMap;

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use domain::command::{ComponentSnapshot, ItemSnapshot, WorkOrderSnapshot};
use domain::quantity::Unit;
use domain::work_order::{Operation, WorkOrderStatus};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::changes::{id, raw};
use super::super::translate::{self, digest, micros, problem, read, sorted};
use super::super::wire::{self, Named, Product, Query, Symbol, Wire};
use super::start::{self, Plan};
use crate::outcome::{Fault, NotUnderstood};
use crate::{Feed, Raw};

/// What is asked of a production.
pub const FIELDS: &[&str] = &[
    "number",
    "state",
    "type",
    "quantity",
    "unit.symbol",
    "unit.digits",
    "planned_start_date",
    "planned_date",
    "last_modified_at",
    "warehouse.code",
    "warehouse.name",
    "product.code",
    "product.name",
    "product.default_uom.symbol",
    "product.lot_required",
    "product.shelf_life_state",
    "product.shelf_life_time",
    "inputs.state",
    "inputs.quantity",
    "inputs.internal_quantity",
    "inputs.unit.symbol",
    "inputs.unit.digits",
    "inputs.product.code",
    "inputs.product.name",
    "inputs.product.default_uom.symbol",
    "inputs.last_modified_at",
];

#[derive(Debug, Deserialize)]
struct Reading {
    /// The newest change that was known when it was read, in microseconds since 1970.
    as_of: i64,
    production: Production,
    /// Its steps.
    #[serde(default)]
    works: Vec<Work>,
    /// What was planned when we began to post.
    plan: Option<Plan>,
}

#[derive(Debug, Deserialize)]
struct Production {
    id: i64,
    number: Option<String>,
    state: String,
    #[serde(default, deserialize_with = "wire::float")]
    quantity: Option<Decimal>,
    unit: Option<wire::Unit>,
    #[serde(default, deserialize_with = "wire::date")]
    planned_start_date: Option<NaiveDate>,
    #[serde(default, deserialize_with = "wire::date")]
    planned_date: Option<NaiveDate>,
    #[serde(deserialize_with = "wire::moment")]
    last_modified_at: NaiveDateTime,
    warehouse: Named,
    product: Option<Product>,
    #[serde(default)]
    inputs: Vec<Input>,
}

/// An input as it is planned.
#[derive(Debug, Clone, Deserialize)]
pub struct Input {
    pub id: i64,
    pub state: String,
    #[serde(default, deserialize_with = "wire::float")]
    quantity: Option<Decimal>,
    /// In the product's unit.
    #[serde(default, deserialize_with = "wire::float")]
    internal_quantity: Option<Decimal>,
    unit: wire::Unit,
    product: InputProduct,
    #[serde(deserialize_with = "wire::moment")]
    last_modified_at: NaiveDateTime,
}

#[derive(Debug, Clone, Deserialize)]
struct InputProduct {
    id: i64,
    code: Option<String>,
    name: String,
    default_uom: Symbol,
}

/// What is planned of one product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    product: i64,
    item: String,
    name: String,
    /// The product's unit.
    base: String,
    /// The unit of the quantity.
    unit: String,
    quantity: Decimal,
}

#[derive(Debug, Deserialize)]
struct Work {
    id: i64,
    operation: Name,
    work_center: Option<Name>,
}

#[derive(Debug, Deserialize)]
struct Name {
    name: String,
}

/// What inputs plan, product by product.
pub fn planned(inputs: &[Input]) -> Vec<Planned> {
    let mut products: BTreeMap<i64, Vec<&Input>> = BTreeMap::new();
    for input in inputs.iter().filter(|input| input.state != "cancelled") {
        products.entry(input.product.id).or_default().push(input);
    }
    let planned = products.into_values().filter_map(|inputs| {
        let first = inputs.first()?;
        let product = &first.product;
        // Where they are in several units, Tryton's own sum is in the product's.
        let alike = inputs.iter().all(|input| input.unit.id == first.unit.id);
        let (unit, quantity): (&str, Decimal) = if alike {
            let sum: Decimal = inputs.iter().filter_map(|input| input.quantity).sum();
            (&first.unit.symbol, sum.round_dp(first.unit.digits))
        } else {
            (&product.default_uom.symbol, inputs.iter().filter_map(|input| input.internal_quantity).sum())
        };
        Some(Planned {
            product: product.id,
            item: product.code.clone().unwrap_or_else(|| format!("#{}", product.id)),
            name: product.name.clone(),
            base: product.default_uom.symbol.clone(),
            unit: unit.to_owned(),
            quantity: quantity.normalize(),
        })
    });
    planned.collect()
}

/// Productions as messages, each with its steps and with what we noted of its plan.
pub async fn messages(wire: &Wire, feed: Feed, productions: &[Value], as_of: i64) -> Result<Vec<Raw>, Fault> {
    let wanted: Vec<&Value> = productions
        .iter()
        .filter(|each| each["number"].is_string() && !each["product"].is_null() && each["type"] != "disassembly")
        .collect();
    let ids: Vec<i64> = wanted.iter().map(|production| id(production)).collect();
    let plans = start::plans(wire, &ids).await?;
    let works = works(wire, &ids).await?;
    wanted
        .into_iter()
        .map(|production| {
            let own: Vec<&Value> = works.iter().filter(|work| work["production"] == production["id"]).collect();
            let body =
                json!({"as_of": as_of, "production": production, "works": own, "plan": plans.get(&id(production))});
            let number = production["number"].as_str().unwrap_or_default().to_owned();
            let reading = Reading::deserialize(&body).map_err(|error| Fault::Contract {
                message: format!("Production {number} does not look like one of Tryton 8: {error}."),
            })?;
            Ok(raw(feed, reading.key(), number, &sorted(&body)))
        })
        .collect()
}

/// The steps of productions, in their order. Whether there are any is a module's business.
async fn works(wire: &Wire, productions: &[i64]) -> Result<Vec<Value>, Fault> {
    if productions.is_empty() {
        return Ok(Vec::new());
    }
    let query = Query {
        model: "production.work",
        fields: &["production", "operation.name", "work_center.name"],
        domain: json!([["production", "in", productions]]),
        order: json!([["sequence", "ASC NULLS FIRST"], ["id", "ASC"]]),
        limit: 10_000,
    };
    match wire.list(&query).await {
        Err(Fault::Contract { .. }) => Ok(Vec::new()),
        other => other,
    }
}

impl Reading {
    /// The newest change of what a work order is made of, in microseconds since 1970. From our first posting on its inputs
    /// are no part of it, so that what we post is no news.
    fn newest(&self) -> i64 {
        let inputs = self.production.inputs.iter().filter(|_| self.plan.is_none()).map(|input| input.last_modified_at);
        micros(inputs.fold(self.production.last_modified_at, NaiveDateTime::max))
    }

    /// The same content has the same key; what is changed and changed back has arrived three times.
    fn key(&self) -> String {
        let content = match self.snapshot() {
            Ok(order) => serde_json::to_string(&order.map(|order| WorkOrderSnapshot { their_version: 0, ..order })),
            Err(problem) => Ok(problem.to_string()),
        };
        format!("production,{}@{}-{}", self.production.id, self.newest(), digest(&content.unwrap_or_default()))
    }

    fn snapshot(&self) -> Result<Option<WorkOrderSnapshot>, NotUnderstood> {
        let production = &self.production;
        let (Some(number), Some(product)) = (production.number.clone(), &production.product) else { return Ok(None) };
        let status = match production.state.as_str() {
            "request" | "draft" => WorkOrderStatus::Planned,
            "waiting" | "assigned" => WorkOrderStatus::Released,
            "running" => WorkOrderStatus::InProcess,
            "done" => WorkOrderStatus::Completed,
            "cancelled" => WorkOrderStatus::Cancelled,
            other => {
                return Err(problem("$.production.state", format!("{other:?} is not a state of a production.")));
            }
        };
        let quantity = production.quantity.unwrap_or_default();
        let Some(unit) = production.unit.as_ref().filter(|_| quantity > Decimal::ZERO) else {
            return Err(problem(
                "$.production.quantity",
                format!("Production {number} has no quantity in Tryton. Enter one there."),
            ));
        };
        let Some(ends) = production.planned_date.or(production.planned_start_date) else {
            return Err(problem(
                "$.production.planned_date",
                format!("Production {number} has no planned date in Tryton. Enter one there."),
            ));
        };
        let begins = production.planned_start_date.unwrap_or(ends).min(ends);
        let end_of_day = NaiveTime::from_hms_opt(23, 59, 59).unwrap_or_default();
        let planned = self.plan.as_ref().map_or_else(|| planned(&production.inputs), |plan| plan.components.clone());
        Ok(Some(WorkOrderSnapshot {
            their_version: self.newest().max(self.as_of),
            their_ref: format!("production,{}", production.id),
            plant: translate::plant(&production.warehouse),
            item: translate::item(product),
            unit: Unit::new(&unit.symbol),
            quantity: quantity.round_dp(unit.digits).normalize(),
            status,
            starts_at: begins.and_time(NaiveTime::MIN).and_utc(),
            due_at: ends.and_time(end_of_day).and_utc(),
            components: planned.iter().map(|part| part.component(production.id)).collect(),
            operations: self.works.iter().map(Work::operation).collect(),
            number,
        }))
    }
}

impl std::fmt::Display for Planned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {}", self.quantity, self.unit, self.item)
    }
}

impl Planned {
    fn component(&self, production: i64) -> ComponentSnapshot {
        ComponentSnapshot {
            number: format!("{:04}", self.product),
            their_ref: format!("production,{production}/product.product,{}", self.product),
            item: ItemSnapshot {
                number: self.item.clone(),
                description: self.name.clone(),
                unit: Unit::new(&self.base),
                revision: None,
                rules: None,
            },
            unit: Unit::new(&self.unit),
            quantity: self.quantity,
            backflush: false,
            operation: None,
        }
    }
}

impl Work {
    fn operation(&self) -> Operation {
        Operation {
            number: format!("{:04}", self.id),
            name: self.operation.name.clone(),
            station: self.work_center.as_ref().map(|center| center.name.clone()),
        }
    }
}

/// What a message means; nothing where there is nothing to make.
pub fn snapshot(body: &str) -> Result<Option<WorkOrderSnapshot>, NotUnderstood> {
    read::<Reading>(body)?.snapshot()
}
