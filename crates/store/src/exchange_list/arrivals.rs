//! Arrivals as the exchange pages list them, and one with everything around it.

use chrono::{DateTime, Utc};
use domain::access::{Action, may};
use domain::event::EventKind;
use domain::exchange::ArrivalState;
use domain::id::{ArrivalId, ConnectionId, CorrelationId, OrderId};
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Postgres, QueryBuilder, Row};
use uuid::Uuid;

use super::{Key, Page, Source, count, merged, orders_numbered, undecoded};
use crate::error::{CommandError, StoreError};
use crate::orders::read_word;
use crate::tx::Tx;

/// Which arrivals.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ArrivalFilter {
    /// Any of these; all where it is empty.
    pub states: Vec<ArrivalState>,
    /// From this connection.
    pub connection: Option<ConnectionId>,
    /// That changed the order with this number, or have this key.
    pub text: Option<String>,
}

/// A message received, in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArrivalRow {
    /// Its id.
    pub arrival_id: ArrivalId,
    /// Where from.
    pub connection_id: ConnectionId,
    /// That connection's name.
    pub connection: String,
    /// Identifies its content at the sender.
    pub external_key: String,
    /// What it is about at the sender.
    pub subject: String,
    /// Which feed or push channel it came through.
    pub channel: String,
    /// When it came first.
    pub received_at: DateTime<Utc>,
    /// How often it came again.
    pub repeats: i32,
    /// What became of it.
    pub state: ArrivalState,
    /// Tries to apply it.
    pub attempts: i32,
    /// Next try.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// The same in words.
    pub outcome: Option<String>,
    /// What everything that followed from it belongs to.
    pub correlation: CorrelationId,
}

impl ArrivalRow {
    /// Its place in the list.
    pub const fn key(&self) -> Key {
        Key { at: self.received_at, id: self.arrival_id.0 }
    }
}

const ARRIVAL: &str = "
    select a.arrival_id, a.connection_id, c.name as connection, a.external_key, a.subject, a.channel, a.received_at, a.repeats,
           a.state, a.attempts, a.next_attempt_at, a.finished_at, a.outcome, a.correlation_id";

/// One page of arrivals, the newest first.
pub async fn page(tx: &mut Tx, filter: &ArrivalFilter, page: &Page) -> Result<Vec<ArrivalRow>, CommandError> {
    may(tx.actor(), Action::SeeExchange)?;
    let mut sql = QueryBuilder::<Postgres>::new(ARRIVAL);
    sql.push(" from (");
    merged(&mut sql, &source(tx, filter).await?, page);
    sql.push(") a join connection c using (connection_id) order by a.received_at desc, a.arrival_id");
    Ok(sql.build_query_as().fetch_all(tx.sql()).await?)
}

/// How many arrivals a filter matches, at most one more than [`COUNTED`].
pub async fn counted(tx: &mut Tx, filter: &ArrivalFilter) -> Result<i64, CommandError> {
    may(tx.actor(), Action::SeeExchange)?;
    let source = source(tx, filter).await?;
    count(tx, &source).await
}

async fn source(tx: &mut Tx, filter: &ArrivalFilter) -> Result<Source, StoreError> {
    let states = if filter.states.is_empty() { ArrivalState::ALL } else { &filter.states };
    let only = match filter.text.as_deref() {
        None => None,
        Some(text) => Some(("arrival_id", found(tx, text).await?)),
    };
    Ok(Source {
        table: "arrival",
        id: "arrival_id",
        at: "received_at",
        states: states.iter().map(|state| state.as_str()).collect(),
        connection: filter.connection,
        only,
    })
}

/// Messages with this key, and those from which something happened to the order with this number.
async fn found(tx: &mut Tx, text: &str) -> Result<Vec<Uuid>, StoreError> {
    let orders = orders_numbered(tx, text).await?;
    Ok(sqlx::query_scalar!(
        r#"
        select arrival_id as "arrival_id!"
        from (
            select a.arrival_id, a.received_at
            from connection c
            join arrival a on a.connection_id = c.connection_id and a.external_key = $1
            union
            select a.arrival_id, a.received_at
            from event e
            join arrival a on a.correlation_id = e.correlation_id
            where e.subject_id = any($2)
        ) found
        order by received_at desc
        limit 1000
        "#,
        text,
        &orders
    )
    .fetch_all(tx.sql())
    .await?)
}

/// A message received with everything around it.
#[derive(Debug, Clone)]
pub struct ArrivalView {
    /// The row itself.
    pub row: ArrivalRow,
    /// E.g. `application/json`.
    pub content_type: String,
    /// As received; only for who may see payloads.
    pub body: Option<String>,
    /// Its size in bytes.
    pub bytes: i64,
    /// What came of it: kind, subject, order number, when.
    pub events: Vec<Consequence>,
}

/// Something that happened because of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consequence {
    /// What.
    pub kind: EventKind,
    /// The order, where it is about one.
    pub order: Option<(OrderId, String)>,
    /// When.
    pub at: DateTime<Utc>,
}

/// One arrival.
pub async fn get(tx: &mut Tx, arrival: ArrivalId) -> Result<ArrivalView, CommandError> {
    may(tx.actor(), Action::SeeExchange)?;
    let mut sql = QueryBuilder::<Postgres>::new(ARRIVAL);
    sql.push(" from arrival a join connection c using (connection_id) where a.arrival_id = ").push_bind(arrival.0);
    let row: ArrivalRow =
        sql.build_query_as().fetch_optional(tx.sql()).await?.ok_or(CommandError::NotFound { what: "arrival" })?;
    let see = may(tx.actor(), Action::SeePayload).is_ok();
    let raw = sqlx::query!(
        r#"
        select content_type, case when $2 then body end as body, octet_length(body)::bigint as "bytes!"
        from arrival
        where arrival_id = $1
        "#,
        arrival.0,
        see
    )
    .fetch_one(tx.sql())
    .await?;
    let events = sqlx::query!(
        r#"
        select e.kind, e.at, e.subject_id, o.number as "number?"
        from event e
        left join purchase_order o on o.order_id = e.subject_id
        where e.correlation_id = $1
        order by e.position
        limit 100
        "#,
        row.correlation.0
    )
    .fetch_all(tx.sql())
    .await?
    .into_iter()
    .map(|event| {
        let order = event.number.map(|number| (OrderId(event.subject_id), number));
        Ok(Consequence { kind: read_word("event kind", &event.kind)?, order, at: event.at })
    })
    .collect::<Result<Vec<_>, StoreError>>()?;
    Ok(ArrivalView { row, content_type: raw.content_type, body: raw.body, bytes: raw.bytes, events })
}

impl<'r> FromRow<'r, PgRow> for ArrivalRow {
    fn from_row(row: &'r PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            arrival_id: ArrivalId(row.try_get("arrival_id")?),
            connection_id: ConnectionId(row.try_get("connection_id")?),
            connection: row.try_get("connection")?,
            external_key: row.try_get("external_key")?,
            subject: row.try_get("subject")?,
            channel: row.try_get("channel")?,
            received_at: row.try_get("received_at")?,
            repeats: row.try_get("repeats")?,
            state: read_word("arrival state", row.try_get("state")?).map_err(undecoded)?,
            attempts: row.try_get("attempts")?,
            next_attempt_at: row.try_get("next_attempt_at")?,
            finished_at: row.try_get("finished_at")?,
            outcome: row.try_get("outcome")?,
            correlation: CorrelationId(row.try_get("correlation_id")?),
        })
    }
}
