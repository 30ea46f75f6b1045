//! Lists of schedule lines: every order's lines for its supplier, and what waits for a buyer.
//!
//! Filters are optional and so the statement is put together; values are always bound. Each ordering has an index that
//! starts with the scope, and pages are cut by key, never by offset.

use chrono::{DateTime, NaiveDate, Utc};
use domain::Decimal;
use domain::access::Scope;
use domain::exchange::DeliveryState;
use domain::id::{EventId, OrderId, ScheduleLineId};
use domain::negotiation::Negotiation;
use domain::order::{Change, Commitment, Counter, Proposal};
use domain::quantity::Unit;
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Postgres, QueryBuilder, Row};
use uuid::Uuid;

use crate::error::StoreError;
use crate::orders::{read_json, read_word};
use crate::tx::Tx;

/// Counting stops here; a page then says "10,000+".
pub const COUNTED: i64 = 10_000;

/// Which lines, in the words of the URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Bucket {
    /// Waiting for the supplier's answer.
    NeedsSupplier,
    /// Waiting for the buyer's decision.
    WithBuyer,
    /// Promised.
    Confirmed,
    /// Promised later than requested.
    ConfirmedLate,
    /// Changed by the buyer since the last answer.
    Changed,
    /// Waiting for the supplier, and the requested day has passed or is today.
    Overdue,
    /// Promised, and the ERP does not have it yet.
    NotInErp,
    /// Declined or cancelled.
    Closed,
}

impl Bucket {
    /// All of them, in the order of the page.
    pub const ALL: [Self; 8] = [
        Self::NeedsSupplier,
        Self::WithBuyer,
        Self::Confirmed,
        Self::ConfirmedLate,
        Self::Changed,
        Self::Overdue,
        Self::NotInErp,
        Self::Closed,
    ];

    /// The word in the URL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NeedsSupplier => "open",
            Self::WithBuyer => "review",
            Self::Confirmed => "confirmed",
            Self::ConfirmedLate => "late",
            Self::Changed => "changed",
            Self::Overdue => "overdue",
            Self::NotInErp => "not_in_erp",
            Self::Closed => "closed",
        }
    }

    /// By its word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|bucket| bucket.as_str() == word)
    }

    fn condition(self) -> &'static str {
        match self {
            Self::NeedsSupplier => "s.state in ('published', 'countered')",
            Self::WithBuyer => "s.state = 'in_review'",
            Self::Confirmed => "s.state = 'accepted'",
            Self::ConfirmedLate => "(s.state = 'accepted' and s.last_confirmed_on > s.requested_on)",
            Self::Changed => "(s.change is not null and s.state <> 'cancelled')",
            // Today is a day of the plant's calendar, so this one needs the time: see [`push_bucket`].
            Self::Overdue => "s.state in ('published', 'countered')",
            Self::NotInErp => {
                "(s.promise_event_id is not null and coalesce(d.state, 'pending') not in ('delivered', 'skipped', 'superseded'))"
            }
            Self::Closed => "s.state in ('declined', 'cancelled')",
        }
    }
}

/// In which order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sort {
    /// By requested day, the next first.
    #[default]
    DueFirst,
    /// By requested day, the furthest first.
    DueLast,
}

/// Where a page starts: the key of the row before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// Requested day.
    pub day: NaiveDate,
    /// Schedule line.
    pub id: Uuid,
}

/// What to list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Any of these.
    pub buckets: Vec<Bucket>,
    /// Plant codes, any of these.
    pub plants: Vec<String>,
    /// Supplier numbers, any of these.
    pub suppliers: Vec<String>,
    /// Requested from this day.
    pub due_from: Option<NaiveDate>,
    /// Requested up to this day.
    pub due_to: Option<NaiveDate>,
    /// Order number, item number (from the start) or words of the description.
    pub text: Option<String>,
    /// In which order.
    pub sort: Sort,
}

/// A page of rows.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// From this key on, in the direction of the sort.
    pub after: Option<Key>,
    /// Up to this key, for going back.
    pub before: Option<Key>,
    /// Rows at the most.
    pub size: i64,
}

/// A schedule line in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineRow {
    /// Its order.
    pub order_id: OrderId,
    /// The order's number.
    pub order: String,
    /// The order's revision.
    pub revision: i32,
    /// Line number.
    pub line: String,
    /// Schedule line.
    pub schedule_line_id: ScheduleLineId,
    /// Its number within the line.
    pub schedule: i32,
    /// Its version, for a decision made from the list.
    pub version: i64,
    /// Item number.
    pub item: String,
    /// Item description.
    pub description: String,
    /// The supplier's own number.
    pub supplier_item: Option<String>,
    /// Requested.
    pub quantity: Decimal,
    /// Its unit.
    pub unit: Unit,
    /// Ordered price.
    pub price: Option<Decimal>,
    /// The order's currency.
    pub currency: String,
    /// Requested day.
    pub requested_on: NaiveDate,
    /// Day of the first promise.
    pub first_confirmed_on: Option<NaiveDate>,
    /// Day of the promise in force.
    pub last_confirmed_on: Option<NaiveDate>,
    /// Parts of the promise in force.
    pub promise: Option<Vec<Commitment>>,
    /// Where the negotiation stands.
    pub state: Negotiation,
    /// What waits for the buyer.
    pub proposal: Option<Proposal>,
    /// What the buyer proposed.
    pub counter: Option<Counter>,
    /// What the last revision changed.
    pub change: Option<Change>,
    /// Since when it waits for the buyer.
    pub in_review_since: Option<DateTime<Utc>>,
    /// Supplier number and name.
    pub supplier: (String, String),
    /// Plant code.
    pub plant: String,
    /// The buyer's name.
    pub buyer: Option<String>,
    /// The event that told the ERP.
    pub promise_event: Option<EventId>,
    /// How far that is: none while it is pending.
    pub delivery: Option<InErp>,
}

/// How far the ERP is with a promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InErp {
    /// State.
    pub state: DeliveryState,
    /// The ERP's document.
    pub their_ref: Option<String>,
    /// When it was taken.
    pub finished_at: Option<DateTime<Utc>>,
    /// Tries so far.
    pub attempts: i32,
    /// Next try.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// What went wrong last.
    pub fault: Option<String>,
}

const COLUMNS: &str = "
    select s.order_id, o.number as order_number, o.revision, l.number as line_number, s.schedule_line_id, s.number, s.version,
           l.item_number, l.description, l.supplier_item, s.quantity, l.unit, l.price, o.currency, s.requested_on,
           s.first_confirmed_on, s.last_confirmed_on, s.promise, s.state, s.proposal, s.counter, s.change, s.in_review_since,
           v.number as supplier_number, v.name as supplier_name, p.code as plant_code, o.buyer, s.promise_event_id,
           d.state as delivery_state, d.their_ref, d.finished_at, d.attempts, d.next_attempt_at, d.fault_message";
const TABLES: &str = "
    from schedule_line s
    join order_line l using (order_line_id)
    join purchase_order o on o.order_id = s.order_id
    join supplier v on v.supplier_id = s.supplier_id
    join plant p on p.plant_id = s.plant_id
    left join delivery d on d.event_id = s.promise_event_id and d.connection_id = o.connection_id and d.triggered_by = 'event'";

/// One page of schedule lines, in the filter's order.
pub async fn page(tx: &mut Tx, filter: &Filter, page: &Page) -> Result<Vec<LineRow>, StoreError> {
    let mut sql = QueryBuilder::<Postgres>::new(COLUMNS);
    sql.push(TABLES);
    conditions(&mut sql, tx.scope(), filter, tx.now());
    let backwards = page.before.is_some();
    let ascending = (filter.sort == Sort::DueFirst) != backwards;
    if let Some(key) = page.before.or(page.after) {
        sql.push(if ascending {
            " and (s.requested_on, s.schedule_line_id) > ("
        } else {
            " and (s.requested_on, s.schedule_line_id) < ("
        });
        sql.push_bind(key.day).push(", ").push_bind(key.id).push(")");
    }
    sql.push(if ascending {
        " order by s.requested_on, s.schedule_line_id"
    } else {
        " order by s.requested_on desc, s.schedule_line_id desc"
    });
    sql.push(" limit ").push_bind(page.size.clamp(1, 500));
    let mut rows: Vec<LineRow> = sql.build_query_as().fetch_all(tx.sql()).await?;
    if backwards {
        rows.reverse();
    }
    Ok(rows)
}

/// How many lines a filter matches, at most one more than [`COUNTED`].
pub async fn count(tx: &mut Tx, filter: &Filter) -> Result<i64, StoreError> {
    let mut sql = QueryBuilder::<Postgres>::new("select count(*) from (select 1 ");
    sql.push(TABLES);
    conditions(&mut sql, tx.scope(), filter, tx.now());
    sql.push(" limit ").push_bind(COUNTED + 1).push(") matching");
    Ok(sql.build_query_scalar().fetch_one(tx.sql()).await?)
}

/// How many lines there are in each of these buckets (none: in all), each at most one more than [`COUNTED`], in one
/// statement and with no more joins than each needs. The same numbers as [`count`] with that bucket alone.
pub async fn counts<const N: usize>(tx: &mut Tx, buckets: [Option<Bucket>; N]) -> Result<[i64; N], StoreError> {
    let now = tx.now();
    let mut sql = QueryBuilder::<Postgres>::new("select array[");
    for (index, bucket) in buckets.into_iter().enumerate() {
        sql.push(if index > 0 { ", (" } else { "(" });
        sql.push("select count(*) from (select 1 from schedule_line s");
        match bucket {
            Some(Bucket::Overdue) => sql.push(" join plant p on p.plant_id = s.plant_id"),
            Some(Bucket::NotInErp) => sql.push(
                " join purchase_order o on o.order_id = s.order_id
                  left join delivery d on d.event_id = s.promise_event_id and d.connection_id = o.connection_id
                    and d.triggered_by = 'event'",
            ),
            _ => &mut sql,
        };
        in_scope(&mut sql, tx.scope());
        if let Some(bucket) = bucket {
            sql.push(" and ");
            push_bucket(&mut sql, bucket, now);
        }
        sql.push(" limit ").push_bind(COUNTED + 1).push(") matching)");
    }
    sql.push("]::bigint[]");
    let found: Vec<i64> = sql.build_query_scalar().fetch_one(tx.sql()).await?;
    let mut counts = [0; N];
    for (count, found) in counts.iter_mut().zip(found) {
        *count = found;
    }
    Ok(counts)
}

/// Since when the longest waiting deviation waits for a buyer.
pub async fn oldest_review(tx: &mut Tx) -> Result<Option<DateTime<Utc>>, StoreError> {
    let mut sql = QueryBuilder::<Postgres>::new("select min(s.in_review_since) from schedule_line s");
    in_scope(&mut sql, tx.scope());
    sql.push(" and s.state = 'in_review'");
    Ok(sql.build_query_scalar().fetch_one(tx.sql()).await?)
}

/// What waits for a buyer, the longest waiting first.
pub async fn in_review(tx: &mut Tx, filter: &Filter, size: i64) -> Result<Vec<LineRow>, StoreError> {
    let mut sql = QueryBuilder::<Postgres>::new(COLUMNS);
    sql.push(TABLES);
    conditions(&mut sql, tx.scope(), filter, tx.now());
    sql.push(" and s.state = 'in_review' order by s.in_review_since, s.schedule_line_id limit ")
        .push_bind(size.clamp(1, 500));
    Ok(sql.build_query_as().fetch_all(tx.sql()).await?)
}

/// How far the ERP is with the promised lines of one order; a line without a row here is still pending.
pub async fn in_erp(tx: &mut Tx, order_id: OrderId) -> Result<Vec<(ScheduleLineId, InErp)>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select s.schedule_line_id, d.state, d.their_ref, d.finished_at, d.attempts, d.next_attempt_at, d.fault_message
        from schedule_line s
        join purchase_order o on o.order_id = s.order_id
        join delivery d on d.event_id = s.promise_event_id and d.connection_id = o.connection_id and d.triggered_by = 'event'
        where s.order_id = $1
        limit 10000
        "#,
        order_id.0
    )
    .fetch_all(tx.sql())
    .await?;
    rows.into_iter()
        .map(|row| {
            let in_erp = InErp {
                state: read_word("delivery state", &row.state)?,
                their_ref: row.their_ref,
                finished_at: row.finished_at,
                attempts: row.attempts,
                next_attempt_at: row.next_attempt_at,
                fault: row.fault_message,
            };
            Ok((ScheduleLineId(row.schedule_line_id), in_erp))
        })
        .collect()
}

fn conditions(sql: &mut QueryBuilder<Postgres>, scope: &Scope, filter: &Filter, now: DateTime<Utc>) {
    in_scope(sql, scope);
    if !filter.buckets.is_empty() {
        sql.push(" and (");
        for (index, bucket) in filter.buckets.iter().enumerate() {
            if index > 0 {
                sql.push(" or ");
            }
            push_bucket(sql, *bucket, now);
        }
        sql.push(")");
    }
    if !filter.plants.is_empty() {
        sql.push(" and p.code = any(").push_bind(filter.plants.clone()).push(")");
    }
    if !filter.suppliers.is_empty() {
        sql.push(" and v.number = any(").push_bind(filter.suppliers.clone()).push(")");
    }
    if let Some(from) = filter.due_from {
        sql.push(" and s.requested_on >= ").push_bind(from);
    }
    if let Some(to) = filter.due_to {
        sql.push(" and s.requested_on <= ").push_bind(to);
    }
    if let Some(text) = filter.text.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
        let escaped = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        sql.push(" and (o.number = ").push_bind(text.to_owned());
        sql.push(" or l.item_number ilike ").push_bind(format!("{escaped}%"));
        sql.push(" or l.supplier_item ilike ").push_bind(format!("{escaped}%"));
        sql.push(" or l.description ilike ").push_bind(format!("%{escaped}%")).push(")");
    }
}

/// The scope as an ordinary condition, so that lists stay on their index; the policy below repeats it.
fn in_scope(sql: &mut QueryBuilder<Postgres>, scope: &Scope) {
    match scope {
        Scope::All => sql.push(" where true"),
        Scope::Plants(plants) => {
            sql.push(" where s.plant_id = any(").push_bind(plants.iter().map(|id| id.0).collect::<Vec<_>>()).push(")")
        }
        // One supplier is the rule; an equality keeps the list in the order of its index.
        Scope::Suppliers(suppliers) if suppliers.len() == 1 => {
            sql.push(" where s.supplier_id = ").push_bind(suppliers[0].0)
        }
        Scope::Suppliers(suppliers) => sql
            .push(" where s.supplier_id = any(")
            .push_bind(suppliers.iter().map(|id| id.0).collect::<Vec<_>>())
            .push(")"),
    };
}

fn push_bucket(sql: &mut QueryBuilder<Postgres>, bucket: Bucket, now: DateTime<Utc>) {
    if bucket == Bucket::Overdue {
        sql.push("(").push(bucket.condition()).push(" and s.requested_on <= (");
        sql.push_bind(now).push(" at time zone p.zone)::date)");
    } else {
        sql.push(bucket.condition());
    }
}

impl<'r> FromRow<'r, PgRow> for LineRow {
    fn from_row(row: &'r PgRow) -> Result<Self, sqlx::Error> {
        let json = |column: &str| row.try_get::<Option<Value>, _>(column);
        let bad = |error: StoreError| sqlx::Error::Decode(Box::new(error));
        let delivery: Option<String> = row.try_get("delivery_state")?;
        Ok(Self {
            order_id: OrderId(row.try_get("order_id")?),
            order: row.try_get("order_number")?,
            revision: row.try_get("revision")?,
            line: row.try_get("line_number")?,
            schedule_line_id: ScheduleLineId(row.try_get("schedule_line_id")?),
            schedule: row.try_get("number")?,
            version: row.try_get("version")?,
            item: row.try_get("item_number")?,
            description: row.try_get("description")?,
            supplier_item: row.try_get("supplier_item")?,
            quantity: row.try_get("quantity")?,
            unit: Unit::new(row.try_get("unit")?),
            price: row.try_get("price")?,
            currency: row.try_get("currency")?,
            requested_on: row.try_get("requested_on")?,
            first_confirmed_on: row.try_get("first_confirmed_on")?,
            last_confirmed_on: row.try_get("last_confirmed_on")?,
            promise: json("promise")?.map(|value| read_json("promise", value)).transpose().map_err(bad)?,
            state: read_word("negotiation state", row.try_get("state")?).map_err(bad)?,
            proposal: json("proposal")?.map(|value| read_json("proposal", value)).transpose().map_err(bad)?,
            counter: json("counter")?.map(|value| read_json("counter", value)).transpose().map_err(bad)?,
            change: json("change")?.map(|value| read_json("change", value)).transpose().map_err(bad)?,
            in_review_since: row.try_get("in_review_since")?,
            supplier: (row.try_get("supplier_number")?, row.try_get("supplier_name")?),
            plant: row.try_get("plant_code")?,
            buyer: row.try_get("buyer")?,
            promise_event: row.try_get::<Option<Uuid>, _>("promise_event_id")?.map(EventId),
            delivery: match delivery {
                None => None,
                Some(state) => Some(InErp {
                    state: read_word("delivery state", &state).map_err(bad)?,
                    their_ref: row.try_get("their_ref")?,
                    finished_at: row.try_get("finished_at")?,
                    attempts: row.try_get("attempts")?,
                    next_attempt_at: row.try_get("next_attempt_at")?,
                    fault: row.try_get("fault_message")?,
                }),
            },
        })
    }
}
