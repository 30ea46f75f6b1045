//! The history of one order, or of everything with one correlation id: what happened, and what each system made of it.

use chrono::{DateTime, Utc};
use domain::access::Actor;
use domain::event::{Event, SubjectKind};
use domain::exchange::{DeliveryState, FaultClass, TriggeredBy};
use domain::id::{ConnectionId, CorrelationId, DeliveryId, EventId};
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
    /// What it belongs to.
    pub correlation: CorrelationId,
    /// What.
    pub event: Event,
    /// Where it went.
    pub deliveries: Vec<Trip>,
}

/// One trip of an event to another system.
#[derive(Debug, Clone)]
pub struct Trip {
    /// Its id.
    pub delivery_id: DeliveryId,
    /// Where to.
    pub connection_id: ConnectionId,
    /// How far.
    pub state: DeliveryState,
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

async fn with_trips(tx: &mut Tx, rows: Vec<EventRow>) -> Result<Vec<Entry>, StoreError> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.event_id).collect();
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

    let mut by_event: std::collections::HashMap<Uuid, Vec<Trip>> = std::collections::HashMap::new();
    for trip in trips {
        let own = tries.iter().filter(|one| one.delivery_id == trip.delivery_id);
        by_event.entry(trip.event_id).or_default().push(Trip {
            delivery_id: DeliveryId(trip.delivery_id),
            connection_id: ConnectionId(trip.connection_id),
            state: read_word("delivery state", &trip.state)?,
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
        .map(|row| {
            Ok(Entry {
                event_id: EventId(row.event_id),
                subject_kind: read_word("subject kind", &row.subject_kind)?,
                subject_id: row.subject_id,
                subject_version: row.subject_version,
                at: row.at,
                actor: read_json("actor", row.actor)?,
                correlation: CorrelationId(row.correlation_id),
                event: read_json("event", row.data)?,
                deliveries: by_event.remove(&row.event_id).unwrap_or_default(),
            })
        })
        .collect()
}
