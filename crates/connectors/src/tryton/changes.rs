//! Reading what is new, with overlap and without loss.
//!
//! Every stored record of Tryton has `last_modified_at`. A purchase does not change when its line or its stock move does, so
//! a feed watches several models (its *sources*) and re-reads the whole thing that a changed record belongs to.
//! On PostgreSQL the stamp is the start of the transaction: a record can become visible after a newer one was seen. So each
//! sweep goes back two minutes before what it saw last, and forgets nothing that it saw there: what is read again is only
//! what was not there before. A transaction that is open for longer than that and commits nothing newer elsewhere is lost to
//! the feed until the order changes again; Tryton's own time-out for requests is far below it.
//!
//! The first reading goes through all targets by id; it starts the stamps at the newest one of its own beginning.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDateTime};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::translate::{Reading, digest, micros, record_key};
use super::wire::{self, ORDER_FIELDS, Query, Wire, instant};
use crate::outcome::Fault;
use crate::{Cursor, Feed, Polled, Raw};

pub const ORDERS: Feed = Feed { name: "orders", every_seconds: 20 };
const SUPPLIERS: Feed = Feed { name: "suppliers", every_seconds: 300 };
const ITEMS: Feed = Feed { name: "items", every_seconds: 300 };
const PLANTS: Feed = Feed { name: "plants", every_seconds: 900 };
const RECEIPTS: Feed = Feed { name: "receipts", every_seconds: 20 };
pub const WORK_ORDERS: Feed = Feed { name: "work_orders", every_seconds: 20 };
/// What can be polled.
pub const FEEDS: &[Feed] = &[ORDERS, WORK_ORDERS, RECEIPTS, SUPPLIERS, ITEMS, PLANTS];
/// The same of a Tryton that nothing is made with.
pub const WITHOUT_PRODUCTION: &[Feed] = &[ORDERS, RECEIPTS, SUPPLIERS, ITEMS, PLANTS];

/// How far each sweep goes back, in microseconds: two minutes.
const OVERLAP: i64 = 120_000_000;
/// Things read in one poll.
const BATCH: usize = 20;
/// New stamps after which a sweep stops and goes on next time.
const SWEEP: usize = 500;
/// Stamps in one call.
const PAGE: usize = 1_000;

/// How far a feed has been read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Position {
    /// The newest stamp seen, in microseconds; none until the first reading is done.
    since: Option<i64>,
    /// Records seen within the overlap, each with its stamp, as numbers.
    seen: BTreeSet<u64>,
    /// Found by the last sweep and not read yet.
    pending: Vec<i64>,
    /// The last sweep was cut off: another one follows at once.
    cut_off: bool,
    /// While the first reading runs: where `since` starts after it, and the last id read.
    first: Option<First>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct First {
    since: i64,
    after: i64,
}

/// A model whose changes matter to a feed, and the field that leads to the thing to read.
struct Source {
    model: &'static str,
    target: &'static str,
    domain: Value,
}

/// What a feed reads.
struct Target {
    feed: Feed,
    model: &'static str,
    fields: &'static [&'static str],
    /// Of each reading.
    domain: Value,
    /// Of the first reading, besides.
    at_first: Value,
    sources: Vec<Source>,
}

fn target(feed: Feed, company: i64, order_filter: &Value) -> Result<Target, Fault> {
    let source = |model, target, domain| Source { model, target, domain };
    Ok(match feed.name {
        "orders" => Target {
            feed: ORDERS,
            model: "purchase.purchase",
            fields: ORDER_FIELDS,
            // An order is `confirmed` only until Tryton's queue has made its stock moves, and can be taken back until then;
            // one that was processed cannot be cancelled any more, only amended to nothing.
            domain: json!([["company", "=", company], ["state", "in", ["processing", "done"]], order_filter]),
            at_first: json!([["state", "=", "processing"]]),
            sources: vec![
                source("purchase.purchase", "id", json!([["company", "=", company]])),
                source("purchase.line", "purchase", json!([["purchase.company", "=", company]])),
                source(
                    "stock.move",
                    "purchase",
                    json!([["company", "=", company], ["origin", "like", "purchase.line,%"]]),
                ),
            ],
        },
        "suppliers" => Target {
            feed: SUPPLIERS,
            model: "party.party",
            fields: &["code", "name", "last_modified_at"],
            domain: json!([]),
            at_first: json!([]),
            sources: vec![
                source("party.party", "id", json!([])),
                source("purchase.product_supplier", "party", json!([])),
            ],
        },
        "items" => Target {
            feed: ITEMS,
            model: "product.product",
            fields: &[
                "code",
                "name",
                "default_uom.symbol",
                "lot_required",
                "shelf_life_state",
                "shelf_life_time",
                "last_modified_at",
                "template.last_modified_at",
            ],
            domain: json!([["purchasable", "=", true]]),
            at_first: json!([]),
            sources: vec![
                source("product.product", "id", json!([])),
                source("product.template", "products", json!([])),
            ],
        },
        "plants" => Target {
            feed: PLANTS,
            model: "stock.location",
            fields: &["code", "name", "last_modified_at"],
            domain: json!([["type", "=", "warehouse"]]),
            at_first: json!([]),
            sources: vec![source("stock.location", "id", json!([["type", "=", "warehouse"]]))],
        },
        "receipts" => Target {
            feed: RECEIPTS,
            model: "stock.shipment.in",
            fields: super::receipt::FIELDS,
            domain: json!([["company", "=", company], ["state", "in", ["received", "done", "cancelled"]]]),
            // What came for orders that are done is no news to anybody.
            at_first: json!([["moves.purchase.state", "=", "processing"]]),
            sources: vec![source("stock.shipment.in", "id", json!([["company", "=", company]]))],
        },
        "work_orders" => Target {
            feed: WORK_ORDERS,
            model: "production",
            fields: super::production::feed::FIELDS,
            domain: json!([["company", "=", company], order_filter]),
            at_first: json!([["state", "in", ["request", "draft", "waiting", "assigned", "running"]]]),
            sources: vec![
                source("production", "id", json!([["company", "=", company]])),
                source("stock.move", "production_input", json!([["production_input.company", "=", company]])),
            ],
        },
        other => return Err(Fault::Permanent { message: format!("There is no feed {other:?}.") }),
    })
}

/// One poll: a batch of what a sweep found, or of the first reading. The filter is that of orders or work orders.
pub async fn poll(wire: &Wire, feed: Feed, cursor: &Cursor, company: i64, filter: &Value) -> Result<Polled, Fault> {
    let target = target(feed, company, filter)?;
    let mut position: Position = match &cursor.0 {
        Value::Null => Position::default(),
        stored => Position::deserialize(stored)
            .map_err(|error| Fault::Permanent { message: format!("The stored position is not ours: {error}.") })?,
    };
    let mut more = false;
    let (ids, as_of) = match position.since {
        None => {
            let first = match position.first.take() {
                Some(first) => first,
                None => First { since: newest(wire, &target).await?, after: 0 },
            };
            let ids = next_ids(wire, &target, first.after).await?;
            match ids.last().filter(|_| ids.len() == BATCH) {
                Some(last) => {
                    position.first = Some(First { since: first.since, after: *last });
                    more = true;
                }
                None => position.since = Some(first.since),
            }
            (ids, first.since)
        }
        Some(since) => {
            if position.pending.is_empty() {
                sweep(wire, &target, since, &mut position).await?;
            }
            let ids: Vec<i64> = position.pending.drain(..position.pending.len().min(BATCH)).collect();
            more = position.cut_off || !position.pending.is_empty();
            (ids, position.since.unwrap_or(since))
        }
    };
    let messages = read(wire, &target, &ids, as_of).await?;
    let cursor = serde_json::to_value(&position)
        .map_err(|error| Fault::Permanent { message: format!("The position cannot be written: {error}.") })?;
    Ok(Polled { messages, cursor: Cursor(cursor), more })
}

#[derive(Deserialize)]
struct Stamp {
    id: i64,
    #[serde(deserialize_with = "wire::moment")]
    last_modified_at: NaiveDateTime,
    #[serde(flatten)]
    rest: serde_json::Map<String, Value>,
}

impl Stamp {
    /// What it belongs to: itself, one record, or several.
    fn targets(&self, field: &str) -> Vec<i64> {
        match self.rest.get(field) {
            None if field == "id" => vec![self.id],
            Some(Value::Array(ids)) => ids.iter().filter_map(Value::as_i64).collect(),
            Some(Value::Number(id)) => id.as_i64().into_iter().collect(),
            _ => Vec::new(),
        }
    }
}

/// The newest stamp of the target's own model; 0 where there is none.
async fn newest(wire: &Wire, target: &Target) -> Result<i64, Fault> {
    let query = Query {
        model: target.model,
        fields: &["last_modified_at"],
        domain: json!([]),
        order: json!([["last_modified_at", "DESC"], ["id", "DESC"]]),
        limit: 1,
    };
    Ok(wire.list::<Stamp>(&query).await?.first().map_or(0, |stamp| micros(stamp.last_modified_at)))
}

async fn next_ids(wire: &Wire, target: &Target, after: i64) -> Result<Vec<i64>, Fault> {
    let query = Query {
        model: target.model,
        fields: &["id"],
        domain: json!([["id", ">", after], target.domain, target.at_first]),
        order: json!([["id", "ASC"]]),
        limit: BATCH,
    };
    Ok(wire.list::<wire::Id>(&query).await?.into_iter().map(|record| record.id).collect())
}

/// Looks for records that were not seen yet; leaves what they belong to in `pending`.
async fn sweep(wire: &Wire, target: &Target, since: i64, position: &mut Position) -> Result<(), Fault> {
    let from = since.saturating_sub(OVERLAP);
    let mut found: Vec<(i64, u64, Vec<i64>)> = Vec::new();
    // Where a source was cut off, nothing newer counts as seen in any of them.
    let mut horizon = i64::MAX;
    for source in &target.sources {
        let mut unseen = 0;
        let mut last: Option<(NaiveDateTime, i64)> = None;
        loop {
            let after = match last {
                None => json!(["last_modified_at", ">=", instant(at(from))]),
                Some((stamp, id)) => json!([
                    "OR",
                    [["last_modified_at", ">", instant(stamp)]],
                    [["last_modified_at", "=", instant(stamp)], ["id", ">", id]]
                ]),
            };
            let query = Query {
                model: source.model,
                fields: if source.target == "id" {
                    &["last_modified_at"]
                } else {
                    &["last_modified_at", source.target]
                },
                domain: json!([after, source.domain]),
                order: json!([["last_modified_at", "ASC"], ["id", "ASC"]]),
                limit: PAGE,
            };
            let page: Vec<Stamp> = wire.list(&query).await?;
            last = page.last().map(|stamp| (stamp.last_modified_at, stamp.id));
            let whole = page.len() < PAGE;
            for stamp in page {
                let at = micros(stamp.last_modified_at);
                let mark = mark(source.model, stamp.id, at);
                unseen += usize::from(!position.seen.contains(&mark));
                found.push((at, mark, stamp.targets(source.target)));
            }
            if whole {
                break;
            }
            if unseen >= SWEEP {
                horizon = horizon.min(last.map_or(i64::MAX, |(stamp, _)| micros(stamp)));
                break;
            }
        }
    }
    found.retain(|(at, ..)| *at <= horizon);
    found.sort_by_key(|(at, ..)| *at);
    let until = found.last().map_or(since, |(at, ..)| since.max(*at));
    let keep_from = until.saturating_sub(OVERLAP);
    let mut seen = BTreeSet::new();
    for (at, mark, targets) in found {
        if !position.seen.contains(&mark) {
            for id in targets {
                if !position.pending.contains(&id) {
                    position.pending.push(id);
                }
            }
        }
        if at >= keep_from {
            seen.insert(mark);
        }
    }
    position.seen = seen;
    position.since = Some(until);
    position.cut_off = horizon != i64::MAX;
    Ok(())
}

/// A record at a stamp as a number of 48 bits, which JSON carries exactly.
fn mark(model: &str, id: i64, at: i64) -> u64 {
    u64::from_str_radix(&digest(&format!("{model},{id}@{at}")), 16).unwrap_or_default()
}

fn at(micros: i64) -> NaiveDateTime {
    DateTime::from_timestamp_micros(micros.max(0)).unwrap_or_default().naive_utc()
}

async fn read(wire: &Wire, target: &Target, ids: &[i64], as_of: i64) -> Result<Vec<Raw>, Fault> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let query = Query {
        model: target.model,
        fields: target.fields,
        domain: json!([["id", "in", ids], target.domain]),
        order: json!([["id", "ASC"]]),
        limit: ids.len(),
    };
    let records: Vec<Value> = wire.list(&query).await?;
    match target.feed.name {
        "orders" => orders(wire, records, as_of).await,
        "suppliers" => {
            let suppliers = suppliers_among(wire, &records).await?;
            Ok(references(target, records.into_iter().filter(|party| suppliers.contains(&id(party)))))
        }
        "receipts" => super::receipt::messages(wire, RECEIPTS, &records).await,
        "work_orders" => super::production::feed::messages(wire, WORK_ORDERS, &records, as_of).await,
        _ => Ok(references(target, records)),
    }
}

/// Orders with their notes. The notes are read after the orders: a note that explains a change is written before it.
async fn orders(wire: &Wire, orders: Vec<Value>, as_of: i64) -> Result<Vec<Raw>, Fault> {
    let notes = notes(wire, &orders.iter().map(id).collect::<Vec<_>>()).await?;
    orders
        .into_iter()
        .map(|order| {
            let resource = format!("purchase.purchase,{}", id(&order));
            let number = order["number"].as_str().unwrap_or(&resource).to_owned();
            let own: Vec<&Value> = notes.iter().filter(|note| note["resource"] == *resource).collect();
            let body = json!({"as_of": as_of, "order": order, "notes": own});
            let reading = Reading::deserialize(&body).map_err(|error| Fault::Contract {
                message: format!("Order {number} does not look like an order of Tryton 8: {error}."),
            })?;
            Ok(raw(ORDERS, reading.key(), number, &body))
        })
        .collect()
}

/// The notes of purchases, oldest first.
pub async fn notes(wire: &Wire, orders: &[i64]) -> Result<Vec<Value>, Fault> {
    if orders.is_empty() {
        return Ok(Vec::new());
    }
    let resources: Vec<String> = orders.iter().map(|id| format!("purchase.purchase,{id}")).collect();
    let query = Query {
        model: "ir.note",
        fields: &["message", "resource", "create_date"],
        domain: json!([["resource", "in", resources]]),
        order: json!([["id", "ASC"]]),
        limit: 10_000,
    };
    wire.list(&query).await
}

/// Tryton does not say of a party that it is a supplier; those are that have supplier prices. Suppliers without come with
/// their orders.
async fn suppliers_among(wire: &Wire, parties: &[Value]) -> Result<BTreeSet<i64>, Fault> {
    let query = Query {
        model: "purchase.product_supplier",
        fields: &["party"],
        domain: json!([["party", "in", parties.iter().map(id).collect::<Vec<_>>()]]),
        order: json!([["id", "ASC"]]),
        limit: 10_000,
    };
    let found: Vec<Value> = wire.list(&query).await?;
    Ok(found.iter().filter_map(|supplier| supplier["party"].as_i64()).collect())
}

fn references(target: &Target, records: impl IntoIterator<Item = Value>) -> Vec<Raw> {
    records
        .into_iter()
        .map(|record| {
            let key = record_key(target.model, id(&record), &record);
            let subject = record["code"].as_str().map_or_else(|| format!("#{}", id(&record)), str::to_owned);
            raw(target.feed, key, subject, &record)
        })
        .collect()
}

pub(super) fn raw(feed: Feed, external_key: String, subject: String, body: &Value) -> Raw {
    Raw {
        external_key,
        subject,
        channel: feed.name.to_owned(),
        content_type: "application/json".to_owned(),
        body: body.to_string(),
        headers: Vec::new(),
    }
}

pub(super) fn id(record: &Value) -> i64 {
    record["id"].as_i64().unwrap_or_default()
}

#[cfg(test)]
mod tests;
