//! Taking a production into work without consuming anything.
//!
//! Tryton's `run` consumes whatever is planned. So what is planned is noted on the production first, for the work order's
//! components stay what was planned; then the reservation is given up and the planned inputs are taken out, and an empty
//! production runs. From then on its inputs are what was really consumed, one report at a time. A person who wants more to
//! be consumed at once takes the production back to `waiting` there and adds an input: that one is left alone, and consumed
//! when the next report takes the production into work again.

use std::collections::BTreeMap;

use domain::production::posting::Cause;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::super::wire::{Query, Wire};
use super::feed::{Input, Planned, planned};
use super::order::Order;
use super::{Blocked, Posting};
use crate::outcome::Fault;
use crate::tryton::remark;

/// Starts the line that is for us, in the note on a production.
const MARK: &str = "interlock-plan: ";

/// What was planned when we began to post.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    pub components: Vec<Planned>,
    /// The inputs that said so.
    moves: Vec<i64>,
}

/// What we noted on productions, by their ids.
pub async fn plans(wire: &Wire, productions: &[i64]) -> Result<BTreeMap<i64, Plan>, Fault> {
    let resources: Vec<String> = productions.iter().map(|id| format!("production,{id}")).collect();
    let mut plans = BTreeMap::new();
    for (resource, plan) in remark::read(wire, &resources, MARK).await? {
        // The first one is the plan; a try that did not hear that it was written may have written it twice.
        if let Some(id) = resource.strip_prefix("production,").and_then(|id| id.parse().ok()) {
            plans.entry(id).or_insert(plan);
        }
    }
    Ok(plans)
}

impl Posting<'_> {
    /// The production as it stands once it runs.
    pub async fn started(&self, order: Order) -> Result<Order, Blocked> {
        order.takes_postings()?;
        if order.state == "running" {
            return Ok(order);
        }
        let plan = match plans(self.wire, &[order.id]).await?.remove(&order.id) {
            Some(plan) => plan,
            None => self.note_the_plan(&order).await?,
        };
        if order.state == "assigned" {
            self.wire.press("production", order.id, "wait").await?;
        }
        let open: Vec<i64> = order
            .inputs
            .iter()
            .filter(|input| input.is_open() && plan.moves.contains(&input.id))
            .map(|input| input.id)
            .collect();
        if !open.is_empty() {
            self.wire.write("production", order.id, json!({"inputs": [["delete", open]]})).await?;
        }
        self.wire.press("production", order.id, "assign_try").await?;
        let order = self.look().await?;
        if order.state != "assigned" {
            return Err(Blocked::By(
                Cause::StockMissing,
                format!(
                    "Production {} cannot run in Tryton: an input that was added there is not in stock, or is reserved for \
                     something else.",
                    order.number
                ),
            ));
        }
        // Less than the bill of materials asks for is what we want here, and nothing to warn of.
        self.wire.press_past_warnings("production", order.id, "run").await?;
        let order = self.look().await?;
        match order.state.as_str() {
            "running" => Ok(order),
            other => Err(Fault::Temporary {
                message: format!("Production {} is {other} although it was told to run.", order.number),
                after: None,
            }
            .into()),
        }
    }

    async fn note_the_plan(&self, order: &Order) -> Result<Plan, Blocked> {
        #[derive(Deserialize)]
        struct Inputs {
            #[serde(default)]
            inputs: Vec<Input>,
        }
        let query = Query {
            model: "production",
            fields: &[
                "inputs.state",
                "inputs.quantity",
                "inputs.internal_quantity",
                "inputs.unit.symbol",
                "inputs.unit.digits",
                "inputs.product.code",
                "inputs.product.name",
                "inputs.product.default_uom.symbol",
                "inputs.last_modified_at",
            ],
            domain: json!([["id", "=", order.id]]),
            order: json!([["id", "ASC"]]),
            limit: 1,
        };
        let inputs = self.wire.list::<Inputs>(&query).await?.pop().map(|found| found.inputs).unwrap_or_default();
        let moves = inputs.iter().filter(|input| !matches!(input.state.as_str(), "done" | "cancelled"));
        let plan = Plan { components: planned(&inputs), moves: moves.map(|input| input.id).collect() };
        let mut words =
            "Taken into work by Interlock: from now on its inputs are what the shop floor reports. Planned were:"
                .to_owned();
        for part in &plan.components {
            words.push_str(&format!("\n{part}"));
        }
        remark::write(self.wire, &format!("production,{}", order.id), &words, MARK, &plan).await?;
        Ok(plan)
    }
}
