//! Read models of the exchange: each connection with what waits on it, lists of deliveries and arrivals, and one of each
//! with everything around it. Queries only.
//!
//! Lists go state by state through the index that begins with it and merge a page from them, so that a page costs the same
//! among a hundred rows and a hundred million. Whatever row-level security hides is missing here too: a plant manager sees
//! the connections of his plants, and of these no cursor and no feed.

pub mod arrivals;
pub mod deliveries;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::event::EventKind;
use domain::id::ConnectionId;
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use crate::connections::{self, Connection};
use crate::error::{CommandError, StoreError};
use crate::tx::Tx;

/// Counting what is still in the log stops here.
pub const COUNTED: i64 = 1_000;

/// A connection with what waits on it.
#[derive(Debug, Clone)]
pub struct Flow {
    /// The connection itself.
    pub connection: Connection,
    /// Code of its plant.
    pub plant: Option<String>,
    /// Events in the log that were not taken up yet, at most one more than [`COUNTED`], and the time of the oldest; none
    /// where the cursor is not for the reader.
    pub pending: Option<(i64, Option<DateTime<Utc>>)>,
    /// Deliveries that are tried again.
    pub retrying: i64,
    /// Deliveries that need a person.
    pub parked: i64,
    /// Deliveries that wait behind another of their subject.
    pub held: i64,
    /// Since when the oldest of all these waits.
    pub oldest: Option<DateTime<Utc>>,
    /// Its inbound feeds.
    pub feeds: Vec<FeedView>,
    /// Messages that are not applied yet.
    pub arrivals_waiting: i64,
    /// Messages that nobody understood.
    pub not_understood: i64,
    /// Messages that a rule refused.
    pub refused: i64,
}

impl Flow {
    /// Everything that has not reached the other system yet.
    pub fn depth(&self) -> i64 {
        self.pending.map_or(0, |(count, _)| count) + self.retrying + self.parked + self.held
    }
}

/// How far an inbound feed has been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedView {
    /// Its name.
    pub name: String,
    /// Last poll, good or bad.
    pub polled_at: Option<DateTime<Utc>>,
    /// Next poll.
    pub next_poll_at: DateTime<Utc>,
    /// Polls that failed since the last good one.
    pub failures: i32,
    /// Why the last one failed.
    pub problem: Option<String>,
}

/// All connections within the scope, by name, with what waits on each. `carried` gives the events that a kind of connector
/// is told of.
pub async fn flows(tx: &mut Tx, carried: impl Fn(&str) -> Vec<EventKind>) -> Result<Vec<Flow>, CommandError> {
    let connections = connections::list(tx).await?;
    around(tx, connections, carried).await
}

/// One connection with what waits on it.
pub async fn flow(
    tx: &mut Tx,
    connection: ConnectionId,
    carried: impl Fn(&str) -> Vec<EventKind>,
) -> Result<Flow, CommandError> {
    let connection = connections::get(tx, connection).await?;
    around(tx, vec![connection], carried).await?.pop().ok_or(CommandError::NotFound { what: "connection" })
}

async fn around(
    tx: &mut Tx,
    connections: Vec<Connection>,
    carried: impl Fn(&str) -> Vec<EventKind>,
) -> Result<Vec<Flow>, CommandError> {
    let ids: Vec<Uuid> = connections.iter().map(|connection| connection.connection_id.0).collect();
    let mut plants: HashMap<Uuid, String> = HashMap::new();
    for row in sqlx::query!("select plant_id, code from plant order by code limit 1000").fetch_all(tx.sql()).await? {
        plants.insert(row.plant_id, row.code);
    }
    let waiting = sqlx::query!(
        r#"
        select connection_id, state, count(*) as "count!", min(created_at) as oldest
        from delivery
        where state in ('retrying', 'parked', 'held') and connection_id = any($1)
        group by connection_id, state
        "#,
        &ids
    )
    .fetch_all(tx.sql())
    .await?;
    let received = sqlx::query!(
        r#"
        select connection_id, state, count(*) as "count!"
        from arrival
        where state in ('received', 'retrying', 'not_understood', 'refused') and connection_id = any($1)
        group by connection_id, state
        "#,
        &ids
    )
    .fetch_all(tx.sql())
    .await?;
    let feeds = sqlx::query!(
        r#"
        select connection_id, name, polled_at, next_poll_at, failures, problem
        from feed
        where connection_id = any($1)
        order by connection_id, name
        limit 2000
        "#,
        &ids
    )
    .fetch_all(tx.sql())
    .await?;

    let mut flows = Vec::with_capacity(connections.len());
    for connection in connections {
        let id = connection.connection_id.0;
        let pending = pending(tx, id, &carried(&connection.kind)).await?;
        let of = |state: &str| waiting.iter().find(|row| row.connection_id == id && row.state == state);
        let count = |state: &str| of(state).map_or(0, |row| row.count);
        let arrived = |states: &[&str]| {
            received
                .iter()
                .filter(|row| row.connection_id == id && states.contains(&row.state.as_str()))
                .map(|row| row.count)
                .sum()
        };
        let oldest = ["retrying", "parked", "held"].into_iter().filter_map(|state| of(state)?.oldest);
        flows.push(Flow {
            plant: connection.configured.plant_id.and_then(|plant| plants.get(&plant.0).cloned()),
            oldest: oldest.chain(pending.and_then(|(_, oldest)| oldest)).min(),
            pending,
            retrying: count("retrying"),
            parked: count("parked"),
            held: count("held"),
            feeds: feeds
                .iter()
                .filter(|feed| feed.connection_id == id)
                .map(|feed| FeedView {
                    name: feed.name.clone(),
                    polled_at: feed.polled_at,
                    next_poll_at: feed.next_poll_at,
                    failures: feed.failures,
                    problem: feed.problem.clone(),
                })
                .collect(),
            arrivals_waiting: arrived(&["received", "retrying"]),
            not_understood: arrived(&["not_understood"]),
            refused: arrived(&["refused"]),
            connection,
        });
    }
    Ok(flows)
}

/// What the log holds for a connection beyond its cursor and has no row yet.
async fn pending(
    tx: &mut Tx,
    connection: Uuid,
    carried: &[EventKind],
) -> Result<Option<(i64, Option<DateTime<Utc>>)>, StoreError> {
    let kinds: Vec<String> = carried.iter().map(|kind| kind.as_str().to_owned()).collect();
    let row = sqlx::query!(
        r#"
        select waiting.count as "count!", waiting.oldest
        from connection_reader r
        join connection c using (connection_id)
        cross join lateral (
            select count(*) as count, min(at) as oldest
            from (
                select e.at
                from event e
                where e.position > r.cursor_position and e.kind = any($2)
                  and (c.takes = 'all' or e.home_connection_id = c.connection_id)
                  and (c.plant_id is null or e.plant_id = c.plant_id)
                  and not exists (
                      select from delivery d where d.connection_id = c.connection_id and d.event_id = e.event_id
                  )
                order by e.position
                limit $3
            ) beyond
        ) waiting
        where r.connection_id = $1
        "#,
        connection,
        &kinds,
        COUNTED + 1
    )
    .fetch_optional(tx.sql())
    .await?;
    Ok(row.map(|row| (row.count, row.oldest)))
}

/// Where a page starts: the key of the row beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// When the row was made.
    pub at: DateTime<Utc>,
    /// Its id.
    pub id: Uuid,
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.at.timestamp_micros(), self.id)
    }
}

impl std::str::FromStr for Key {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a place in this list");
        let (at, id) = text.split_once('.').ok_or_else(wrong)?;
        let at = at.parse().ok().and_then(DateTime::from_timestamp_micros).ok_or_else(wrong)?;
        Ok(Self { at, id: id.parse().map_err(|_| wrong())? })
    }
}

/// Which part of a list, newest first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Page {
    /// Older than this row.
    pub after: Option<Key>,
    /// Newer than this row, for going back.
    pub before: Option<Key>,
    /// Rows at the most.
    pub size: i64,
}

/// A table that is listed state by state.
struct Source {
    table: &'static str,
    id: &'static str,
    at: &'static str,
    states: Vec<&'static str>,
    connection: Option<ConnectionId>,
    /// Only rows whose column, here named, holds one of these.
    only: Option<(&'static str, Vec<Uuid>)>,
}

impl Source {
    fn conditions(&self, sql: &mut QueryBuilder<Postgres>) {
        if let Some(connection) = self.connection {
            sql.push(" and connection_id = ").push_bind(connection.0);
        }
        if let Some((column, ids)) = &self.only {
            sql.push(format!(" and {column} = any(")).push_bind(ids.clone()).push(")");
        }
    }
}

/// The rows of a page: so many from each state in the order of its index, and of these the first.
fn merged(sql: &mut QueryBuilder<Postgres>, source: &Source, page: &Page) {
    let Source { table, id, at, .. } = source;
    let order = if page.before.is_some() { format!("{at}, {id} desc") } else { format!("{at} desc, {id}") };
    let size = page.size.clamp(1, 500);
    sql.push("select rows.* from unnest(")
        .push_bind(source.states.iter().map(|state| (*state).to_owned()).collect::<Vec<_>>())
        .push(format!(
            "::text[]) as wanted (state) cross join lateral (select * from {table} where {table}.state = wanted.state"
        ));
    source.conditions(sql);
    match (page.before, page.after) {
        (Some(key), _) => {
            sql.push(format!(" and {at} >= ")).push_bind(key.at);
            sql.push(format!(" and ({at} > ")).push_bind(key.at);
            sql.push(format!(" or {id} < ")).push_bind(key.id).push(")");
        }
        (None, Some(key)) => {
            sql.push(format!(" and {at} <= ")).push_bind(key.at);
            sql.push(format!(" and ({at} < ")).push_bind(key.at);
            sql.push(format!(" or {id} > ")).push_bind(key.id).push(")");
        }
        (None, None) => {}
    }
    sql.push(format!(" order by {order} limit ")).push_bind(size);
    sql.push(format!(") rows order by {order} limit ")).push_bind(size);
}

async fn count(tx: &mut Tx, source: &Source) -> Result<i64, CommandError> {
    let mut sql = QueryBuilder::<Postgres>::new("select count(*) from (select 1 from ");
    sql.push(source.table)
        .push(" where state = any(")
        .push_bind(source.states.iter().map(|state| (*state).to_owned()).collect::<Vec<_>>())
        .push(")");
    source.conditions(&mut sql);
    sql.push(" limit ").push_bind(COUNTED + 1).push(") matching");
    Ok(sql.build_query_scalar().fetch_one(tx.sql()).await?)
}

fn undecoded(error: StoreError) -> sqlx::Error {
    sqlx::Error::Decode(Box::new(error))
}

/// The orders with this number within the scope; ERPs may share one.
async fn orders_numbered(tx: &mut Tx, number: &str) -> Result<Vec<Uuid>, StoreError> {
    Ok(sqlx::query_scalar!("select order_id from purchase_order where number = $1 limit 100", number)
        .fetch_all(tx.sql())
        .await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_a_list_survives_its_address() {
        let at = DateTime::from_timestamp_micros(1_796_000_000_123_456).expect("an instant");
        let key = Key { at, id: Uuid::from_u128(7) };
        assert_eq!(key.to_string().parse(), Ok(key));
        assert!("yesterday.7".parse::<Key>().is_err());
    }
}
