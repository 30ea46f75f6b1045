//! The history of one thing, of an order with everything that came of it, or of everything with one correlation id: what
//! happened, and what each system made of it.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::access::Actor;
use domain::event::{Echo, Event, SubjectKind};
use domain::exchange::{DeliveryState, FaultClass, TriggeredBy};
use domain::id::{ConnectionId, CorrelationId, DeliveryId, EventId, OrderId};
use serde_json::Value;
use uuid::Uuid;

use crate::error::StoreError;
use crate::orders::{read_json, read_word};
use crate::tx::Tx;

/// The most events one timeline shows; older ones are reached by the log.
pub const MOST: i64 = 300;

/// Something that happened, with its trips to other systems.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its id.
    pub event_id: EventId,
    /// What it is about.
    pub subject_kind: SubjectKind,
    /// Which.
    pub subject_id: Uuid,
    /// Its number within the subject.
    pub subject_version: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    pub actor: Actor,
    /// Where it was heard, if another system told it.
    pub heard_from: Option<Place>,
    /// What it belongs to.
    pub correlation: CorrelationId,
    /// What.
    pub event: Event,
    /// Where it went.
    pub deliveries: Vec<Trip>,
}

/// What kind of system is at the other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum System {
    /// It issues the orders and keeps the books.
    Erp,
    /// It moves the goods.
    Warehouse,
}

/// A system as the reader may know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its kind.
    pub system: System,
    /// The connection's name; suppliers are not told.
    pub name: Option<String>,
}

/// One trip of an event to another system.
#[derive(Debug, Clone)]
pub struct Trip {
    /// Its id.
    pub delivery_id: DeliveryId,
    /// Where to.
    pub connection_id: ConnectionId,
    /// What that is.
    pub to: Place,
    /// How far.
    pub state: DeliveryState,
    /// Why nothing was sent although it counts as delivered: somebody told us, and nobody needs to tell him.
    pub echo: Option<Echo>,
    /// Tries so far.
    pub attempts: i32,
    /// Next try.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// Class of the last fault.
    pub fault_class: Option<FaultClass>,
    /// The last fault, for insiders.
    pub fault: Option<String>,
    /// The other system's document.
    pub their_ref: Option<String>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// How long the successful call took, in milliseconds.
    pub duration_ms: Option<i32>,
    /// What made it.
    pub triggered_by: TriggeredBy,
    /// Who decided, and why.
    pub decided_by: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// Failed tries, the newest first.
    pub tries: Vec<Try>,
}

/// One failed try.
#[derive(Debug, Clone)]
pub struct Try {
    /// Its number.
    pub number: i32,
    /// When.
    pub at: DateTime<Utc>,
    /// How long, in milliseconds.
    pub duration_ms: i32,
    /// Class of the fault.
    pub fault_class: FaultClass,
    /// What came back.
    pub fault: String,
}

/// The history of one subject, the newest first.
pub async fn of_subject(tx: &mut Tx, subject_id: Uuid) -> Result<Vec<Entry>, StoreError> {
    let rows = sqlx::query_as!(
        EventRow,
        r#"
        select event_id, subject_kind, subject_id, subject_version, at, actor, correlation_id, data
        from event
        where subject_id = $1
        order by subject_version desc
        limit $2
        "#,
        subject_id,
        MOST
    )
    .fetch_all(tx.sql())
    .await?;
    with_trips(tx, rows).await
}

/// The history of an order and of what came of it, the newest first: its ship notices, their receipts, the lots in which the
/// material lies, the certificates of these lots and the holds on them. Only what the reader's scope lets through.
pub async fn of_order(tx: &mut Tx, order_id: OrderId) -> Result<Vec<Entry>, StoreError> {
    let rows = sqlx::query_as!(
        EventRow,
        r#"
        with shipped as (
            select ship_line_id, ship_notice_id, supplier_id, item_id from ship_notice_line where order_id = $1
        ),
        received as (
            select l.receipt_id, l.lot_id from receipt_line l join shipped using (ship_line_id)
            union
            select l.receipt_id, l.lot_id from receipt_line l join order_line using (order_line_id) where order_line.order_id = $1
        ),
        stored as (
            select lot.* from lot where lot_id in (select lot_id from received)
        )
        select event_id, subject_kind, subject_id, subject_version, at, actor, correlation_id, data
        from event
        where subject_id = any (array(
            select $1
            union select ship_notice_id from shipped
            union select receipt_id from received
            union select lot_id from stored
            union
            select c.certificate_id
            from shipped
            join ship_notice_lot s using (ship_line_id)
            join certificate_lot c on c.supplier_id = shipped.supplier_id and c.item_id = shipped.item_id and c.lot = s.lot
            union
            select h.hold_id
            from stored l
            join hold h on h.item_id = l.item_id and coalesce(h.released_at >= l.created_at, true) and case
                when h.lot_id is not null then h.lot_id = l.lot_id
                when h.scope = 'supplier_item' then h.supplier_id = l.supplier_id
                else h.plant_id = l.plant_id
              end
        ))
        order by at desc, position desc
        limit $2
        "#,
        order_id.0,
        MOST
    )
    .fetch_all(tx.sql())
    .await?;
    with_trips(tx, rows).await
}

/// Everything with one correlation id, the newest first.
pub async fn of_correlation(tx: &mut Tx, correlation: CorrelationId) -> Result<Vec<Entry>, StoreError> {
    let rows = sqlx::query_as!(
        EventRow,
        r#"
        select event_id, subject_kind, subject_id, subject_version, at, actor, correlation_id, data
        from event
        where correlation_id = $1
        order by position desc
        limit $2
        "#,
        correlation.0,
        MOST
    )
    .fetch_all(tx.sql())
    .await?;
    with_trips(tx, rows).await
}

struct EventRow {
    event_id: Uuid,
    subject_kind: String,
    subject_id: Uuid,
    subject_version: i64,
    at: DateTime<Utc>,
    actor: Value,
    correlation_id: Uuid,
    data: Value,
}

/// What is behind the connections, as the reader may know it.
async fn places(tx: &mut Tx, connections: &[Uuid]) -> Result<HashMap<Uuid, Place>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select connection_id as "connection_id!", system as "system!",
               case when current_setting('interlock.scope', true) in ('all', 'plants') then name end as name
        from connection_systems($1)
        "#,
        connections
    )
    .fetch_all(tx.sql())
    .await?;
    let place =
        |system: &str, name| Place { system: if system == "wms" { System::Warehouse } else { System::Erp }, name };
    Ok(rows.into_iter().map(|row| (row.connection_id, place(&row.system, row.name))).collect())
}

async fn with_trips(tx: &mut Tx, rows: Vec<EventRow>) -> Result<Vec<Entry>, StoreError> {
    let rows = rows
        .into_iter()
        .map(|mut row| Ok((read_json::<Actor>("actor", row.actor.take())?, row)))
        .collect::<Result<Vec<_>, StoreError>>()?;
    let ids: Vec<Uuid> = rows.iter().map(|(_, row)| row.event_id).collect();
    let trips = sqlx::query!(
        r#"
        select delivery_id, connection_id, event_id, state, attempts, next_attempt_at, fault_class, fault_message, their_ref,
               finished_at, duration_ms, triggered_by, decided_by, reason
        from delivery
        where event_id = any($1)
        order by created_at desc
        limit 2000
        "#,
        &ids
    )
    .fetch_all(tx.sql())
    .await?;
    let trip_ids: Vec<Uuid> = trips.iter().map(|trip| trip.delivery_id).collect();
    let tries = sqlx::query!(
        r#"
        select delivery_id, number, at, duration_ms, fault_class, fault_message
        from attempt
        where delivery_id = any($1)
        order by delivery_id, number desc
        limit 5000
        "#,
        &trip_ids
    )
    .fetch_all(tx.sql())
    .await?;

    let mut connections: Vec<Uuid> = trips.iter().map(|trip| trip.connection_id).collect();
    connections.extend(rows.iter().filter_map(|(actor, _)| Some(told_by(actor)?.0)));
    connections.sort_unstable();
    connections.dedup();
    let places = places(tx, &connections).await?;
    // A connection is never deleted: none is unknown but by a fault in the data, and then it is told as what most are.
    let place =
        |connection: Uuid| places.get(&connection).cloned().unwrap_or(Place { system: System::Erp, name: None });

    let mut by_event: HashMap<Uuid, Vec<Trip>> = HashMap::new();
    for trip in trips {
        let own = tries.iter().filter(|one| one.delivery_id == trip.delivery_id);
        by_event.entry(trip.event_id).or_default().push(Trip {
            delivery_id: DeliveryId(trip.delivery_id),
            connection_id: ConnectionId(trip.connection_id),
            to: place(trip.connection_id),
            state: read_word("delivery state", &trip.state)?,
            echo: None,
            attempts: trip.attempts,
            next_attempt_at: trip.next_attempt_at,
            fault_class: trip.fault_class.as_deref().map(|word| read_word("fault class", word)).transpose()?,
            fault: trip.fault_message,
            their_ref: trip.their_ref,
            finished_at: trip.finished_at,
            duration_ms: trip.duration_ms,
            triggered_by: read_word("trigger", &trip.triggered_by)?,
            decided_by: trip.decided_by,
            reason: trip.reason,
            tries: own
                .map(|one| {
                    Ok(Try {
                        number: one.number,
                        at: one.at,
                        duration_ms: one.duration_ms,
                        fault_class: read_word("fault class", &one.fault_class)?,
                        fault: one.fault_message.clone(),
                    })
                })
                .collect::<Result<_, StoreError>>()?,
        });
    }
    rows.into_iter()
        .map(|(actor, row)| {
            let event: Event = read_json("event", row.data)?;
            let mut deliveries = by_event.remove(&row.event_id).unwrap_or_default();
            // Whoever has a document of ours was sent something.
            for trip in
                deliveries.iter_mut().filter(|it| it.state == DeliveryState::Delivered && it.their_ref.is_none())
            {
                trip.echo = event.echo(&actor, trip.connection_id);
            }
            Ok(Entry {
                event_id: EventId(row.event_id),
                subject_kind: read_word("subject kind", &row.subject_kind)?,
                subject_id: row.subject_id,
                subject_version: row.subject_version,
                at: row.at,
                heard_from: told_by(&actor).map(|connection| place(connection.0)),
                actor,
                correlation: CorrelationId(row.correlation_id),
                event,
                deliveries,
            })
        })
        .collect()
}

/// The connection through which something was told.
const fn told_by(actor: &Actor) -> Option<ConnectionId> {
    match actor {
        Actor::System { connection_id, .. } => Some(*connection_id),
        Actor::Person { .. } | Actor::Machine { .. } | Actor::Loop { .. } => None,
    }
}
