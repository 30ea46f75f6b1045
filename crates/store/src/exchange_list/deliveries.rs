//! Deliveries as the exchange pages list them, and one with everything around it.

use chrono::{DateTime, Utc};
use domain::access::{Action, Actor, may};
use domain::event::{EventKind, SubjectKind};
use domain::exchange::{DeliveryState, FaultClass, TriggeredBy};
use domain::id::{ConnectionId, CorrelationId, DeliveryId, EventId};
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Postgres, QueryBuilder, Row};
use uuid::Uuid;

use super::{Key, Page, Source, count, merged, undecoded};
use crate::error::{CommandError, StoreError};
use crate::orders::{read_json, read_word};
use crate::timeline::Try;
use crate::tx::Tx;

/// Which deliveries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// Any of these; all where it is empty.
    pub states: Vec<DeliveryState>,
    /// To this connection.
    pub connection: Option<ConnectionId>,
    /// About what has this number: an order, a ship notice, a receipt, a lot or a hold.
    pub document: Option<String>,
}

/// A delivery in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryRow {
    /// Its id.
    pub delivery_id: DeliveryId,
    /// Where to.
    pub connection_id: ConnectionId,
    /// That connection's name.
    pub connection: String,
    /// What is delivered; none where the event has left the log.
    pub kind: Option<EventKind>,
    /// The event.
    pub event_id: EventId,
    /// What it belongs to.
    pub correlation: Option<CorrelationId>,
    /// What it is about.
    pub subject_kind: SubjectKind,
    /// Which.
    pub subject_id: Uuid,
    /// The event's number within it.
    pub subject_version: i64,
    /// The order's number, where it is about one.
    pub order: Option<String>,
    /// The number of what it is about, where that has one.
    pub document: Option<String>,
    /// How far.
    pub state: DeliveryState,
    /// Tries.
    pub attempts: i32,
    /// Next try.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// Class of the last fault.
    pub fault_class: Option<FaultClass>,
    /// The last fault.
    pub fault: Option<String>,
    /// The other system's document.
    pub their_ref: Option<String>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// How long the successful call took, in milliseconds.
    pub duration_ms: Option<i32>,
    /// What made it.
    pub triggered_by: TriggeredBy,
    /// Who decided on it.
    pub decided_by: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// Since when there is something to say about it.
    pub created_at: DateTime<Utc>,
}

impl DeliveryRow {
    /// Its place in the list.
    pub const fn key(&self) -> Key {
        Key { at: self.created_at, id: self.delivery_id.0 }
    }
}

// Who watches one plant sees its deliveries, but not the systems of all plants that they go to.
const DELIVERY: &str = "
    select d.delivery_id, d.connection_id, coalesce(c.name, 'a system of all plants') as connection, e.kind, d.event_id, e.correlation_id, d.subject_kind, d.subject_id,
           d.subject_version, o.number as order_number,
           coalesce(o.number, sn.number, r.number, cert.number, l.number, h.number) as document, d.state, d.attempts, d.next_attempt_at, d.fault_class, d.fault_message,
           d.their_ref, d.finished_at, d.duration_ms, d.triggered_by, d.decided_by, d.reason, d.created_at";
const BESIDE_DELIVERY: &str = "
    left join connection c using (connection_id)
    left join event e on e.position = d.event_position
    left join purchase_order o on o.order_id = d.subject_id
    left join ship_notice sn on sn.ship_notice_id = d.subject_id
    left join receipt r on r.receipt_id = d.subject_id
    left join certificate cert on cert.certificate_id = d.subject_id
    left join lot l on l.lot_id = d.subject_id
    left join hold h on h.hold_id = d.subject_id";

/// One page of deliveries, the newest first.
pub async fn page(tx: &mut Tx, filter: &DeliveryFilter, page: &Page) -> Result<Vec<DeliveryRow>, CommandError> {
    may(tx.actor(), Action::SeeExchange)?;
    let mut sql = QueryBuilder::<Postgres>::new(DELIVERY);
    sql.push(" from (");
    merged(&mut sql, &source(tx, filter).await?, page);
    sql.push(") d").push(BESIDE_DELIVERY).push(" order by d.created_at desc, d.delivery_id");
    Ok(sql.build_query_as().fetch_all(tx.sql()).await?)
}

/// How many deliveries a filter matches, at most one more than [`COUNTED`].
pub async fn counted(tx: &mut Tx, filter: &DeliveryFilter) -> Result<i64, CommandError> {
    may(tx.actor(), Action::SeeExchange)?;
    let source = source(tx, filter).await?;
    count(tx, &source).await
}

async fn source(tx: &mut Tx, filter: &DeliveryFilter) -> Result<Source, StoreError> {
    let states = if filter.states.is_empty() { DeliveryState::ALL } else { &filter.states };
    let only = match filter.document.as_deref() {
        None => None,
        Some(number) => Some(("subject_id", subjects_numbered(tx, number).await?)),
    };
    Ok(Source {
        table: "delivery",
        id: "delivery_id",
        at: "created_at",
        states: states.iter().map(|state| state.as_str()).collect(),
        connection: filter.connection,
        only,
    })
}

/// What has this number within the scope. A receipt against a ship notice is told as part of its shipment.
async fn subjects_numbered(tx: &mut Tx, number: &str) -> Result<Vec<Uuid>, StoreError> {
    let found = sqlx::query_scalar!(
        r#"
        (select order_id as "id!" from purchase_order where number = $1 limit 100)
        union (select ship_notice_id from ship_notice where number = $1)
        union (select coalesce(ship_notice_id, receipt_id) from receipt where number = $1)
        union (select lot_id from lot where number = $1 limit 100)
        union (select hold_id from hold where number = $1)
        "#,
        number
    );
    Ok(found.fetch_all(tx.sql()).await?)
}

/// A delivery with everything around it.
#[derive(Debug, Clone)]
pub struct DeliveryView {
    /// The row itself.
    pub row: DeliveryRow,
    /// When it happened and who did it; none where the event has left the log.
    pub happened: Option<(DateTime<Utc>, Actor)>,
    /// The event's place in the log.
    pub position: i64,
    /// What is delivered, as JSON: everything the other system is told.
    pub data: Option<Value>,
    /// Failed tries, the newest first.
    pub tries: Vec<Try>,
    /// Unfinished deliveries of the same subject to the same connection that come after it.
    pub behind: Vec<DeliveryRow>,
    /// Other trips of the same event, the newest first.
    pub others: Vec<DeliveryRow>,
    /// Supplier and plant it concerns, by number and code.
    pub concerns: (Option<String>, Option<String>),
}

/// One delivery.
pub async fn get(tx: &mut Tx, delivery: DeliveryId) -> Result<DeliveryView, CommandError> {
    may(tx.actor(), Action::SeeExchange)?;
    let row = some_deliveries(tx, "d.delivery_id = ", delivery.0, None)
        .await?
        .pop()
        .ok_or(CommandError::NotFound { what: "delivery" })?;
    let around = sqlx::query!(
        r#"
        select d.event_position, e.at as "at?", e.actor as "actor?", e.data as "data?", s.number as "supplier?", p.code as "plant?"
        from delivery d
        left join event e on e.position = d.event_position
        left join supplier s on s.supplier_id = d.supplier_id
        left join plant p on p.plant_id = d.plant_id
        where d.delivery_id = $1
        "#,
        delivery.0
    )
    .fetch_one(tx.sql())
    .await?;
    let tries = sqlx::query!(
        r#"
        select number, at, duration_ms, fault_class, fault_message
        from attempt
        where delivery_id = $1
        order by number desc
        limit 200
        "#,
        delivery.0
    )
    .fetch_all(tx.sql())
    .await?
    .into_iter()
    .map(|row| {
        Ok(Try {
            number: row.number,
            at: row.at,
            duration_ms: row.duration_ms,
            fault_class: read_word("fault class", &row.fault_class)?,
            fault: row.fault_message,
        })
    })
    .collect::<Result<Vec<_>, StoreError>>()?;
    let lane = some_deliveries(tx, "d.subject_id = ", row.subject_id, Some(row.connection_id)).await?;
    let behind = lane
        .iter()
        .filter(|other| other.state == DeliveryState::Held && other.delivery_id != row.delivery_id)
        .filter(|_| !row.state.is_final())
        .cloned()
        .collect();
    let others = some_deliveries(tx, "d.event_id = ", row.event_id.0, None).await?;
    let others = others.into_iter().filter(|other| other.delivery_id != row.delivery_id).collect();
    let actor = around.actor.map(|actor| read_json("actor", actor)).transpose()?;
    Ok(DeliveryView {
        happened: around.at.zip(actor),
        position: around.event_position,
        data: around.data,
        tries,
        behind,
        others,
        concerns: (around.supplier, around.plant),
        row,
    })
}

async fn some_deliveries(
    tx: &mut Tx,
    condition: &'static str,
    id: Uuid,
    connection: Option<ConnectionId>,
) -> Result<Vec<DeliveryRow>, StoreError> {
    let mut sql = QueryBuilder::<Postgres>::new(DELIVERY);
    sql.push(" from delivery d").push(BESIDE_DELIVERY).push(" where ").push(condition).push_bind(id);
    if let Some(connection) = connection {
        sql.push(" and d.connection_id = ").push_bind(connection.0);
    }
    sql.push(" order by d.created_at desc, d.delivery_id limit 100");
    Ok(sql.build_query_as().fetch_all(tx.sql()).await?)
}

impl<'r> FromRow<'r, PgRow> for DeliveryRow {
    fn from_row(row: &'r PgRow) -> Result<Self, sqlx::Error> {
        let word = |column: &str| row.try_get::<Option<String>, _>(column);
        Ok(Self {
            delivery_id: DeliveryId(row.try_get("delivery_id")?),
            connection_id: ConnectionId(row.try_get("connection_id")?),
            connection: row.try_get("connection")?,
            kind: word("kind")?.map(|kind| read_word("event kind", &kind)).transpose().map_err(undecoded)?,
            event_id: EventId(row.try_get("event_id")?),
            correlation: row.try_get::<Option<Uuid>, _>("correlation_id")?.map(CorrelationId),
            subject_kind: read_word("subject kind", row.try_get("subject_kind")?).map_err(undecoded)?,
            subject_id: row.try_get("subject_id")?,
            subject_version: row.try_get("subject_version")?,
            order: row.try_get("order_number")?,
            document: row.try_get("document")?,
            state: read_word("delivery state", row.try_get("state")?).map_err(undecoded)?,
            attempts: row.try_get("attempts")?,
            next_attempt_at: row.try_get("next_attempt_at")?,
            fault_class: word("fault_class")?.map(|it| read_word("fault class", &it)).transpose().map_err(undecoded)?,
            fault: row.try_get("fault_message")?,
            their_ref: row.try_get("their_ref")?,
            finished_at: row.try_get("finished_at")?,
            duration_ms: row.try_get("duration_ms")?,
            triggered_by: read_word("trigger", row.try_get("triggered_by")?).map_err(undecoded)?,
            decided_by: row.try_get("decided_by")?,
            reason: row.try_get("reason")?,
            created_at: row.try_get("created_at")?,
        })
    }
}
