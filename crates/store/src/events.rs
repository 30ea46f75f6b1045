//! Appending what happened. State and event are written in the same transaction, or neither is.

use domain::event::{Event, EventKind, Subject};
use domain::id::{ConnectionId, EventId, PlantId, SupplierId};
use serde_json::Value;
use uuid::Uuid;

use crate::error::StoreError;
use crate::signal::Topic;
use crate::tx::Tx;

/// Where the events of one change belong.
#[derive(Debug, Clone, Copy)]
pub struct About {
    /// The ordering key.
    pub subject: Subject,
    /// The plant it concerns; none when it concerns all.
    pub plant_id: Option<PlantId>,
    /// The supplier it concerns.
    pub supplier_id: Option<SupplierId>,
    /// The system it lives in, which alone is told of it; none when everybody who carries its kind is.
    pub home: Option<ConnectionId>,
}

/// Appends events in order and gives their ids. The subject's row lock makes its versions 1, 2, 3 … in the order of
/// commit; it is taken before any position, as the gap list of the readers needs.
pub async fn append(
    tx: &mut Tx,
    about: About,
    events: &[Event],
    causation: Option<EventId>,
) -> Result<Vec<EventId>, StoreError> {
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Uuid> = events.iter().map(|_| tx.new_id()).collect();
    let kinds: Vec<String> = events.iter().map(|event| event.kind().to_string()).collect();
    let versions: Vec<i32> = events.iter().map(|event| event.kind().version()).collect();
    let data: Vec<Value> = events
        .iter()
        .map(|event| serde_json::to_value(event).map_err(|error| StoreError::unreadable("event", error)))
        .collect::<Result<_, _>>()?;
    let actor = serde_json::to_value(tx.actor()).map_err(|error| StoreError::unreadable("actor", error))?;
    let (correlation, now) = (tx.correlation().0, tx.now());
    let count = i64::try_from(events.len()).unwrap_or(i64::MAX);
    sqlx::query!(
        r#"
        with counted as (
            insert into subject (subject_id, kind, version)
            values ($1, $2, $3)
            on conflict (subject_id) do update set version = subject.version + excluded.version
            returning version - $3 as before
        )
        insert into event
            (event_id, kind, version, subject_kind, subject_id, subject_version, plant_id, supplier_id,
             correlation_id, causation_id, actor, at, data, home_connection_id)
        select new.event_id, new.kind, new.version, $2, $1, counted.before + new.number, $4, $5, $6, $7, $8, $9, new.data, $14
        from counted,
             unnest($10::uuid[], $11::text[], $12::integer[], $13::jsonb[]) with ordinality
                as new (event_id, kind, version, data, number)
        order by new.number
        "#,
        about.subject.id,
        about.subject.kind.as_str(),
        count,
        about.plant_id.map(|id| id.0),
        about.supplier_id.map(|id| id.0),
        correlation,
        causation.map(|id| id.0),
        actor,
        now,
        &ids,
        &kinds,
        &versions,
        &data,
        about.home.map(|id| id.0),
    )
    .execute(tx.sql())
    .await?;
    tx.wrote(Topic::Deliveries);
    Ok(ids.into_iter().map(EventId).collect())
}

/// Whether an event of this kind whose data has `field` = `value` is in the subject's history. For what may be told to us
/// twice; the subject's row is locked first, so that nobody appends it meanwhile.
pub(crate) async fn happened(
    tx: &mut Tx,
    subject: Subject,
    kind: EventKind,
    field: &str,
    value: &str,
) -> Result<bool, StoreError> {
    sqlx::query!("select subject_id from subject where subject_id = $1 for update", subject.id)
        .fetch_optional(tx.sql())
        .await?;
    let known = sqlx::query_scalar!(
        r#"select exists (select from event where subject_id = $1 and kind = $2 and data ->> $3 = $4) as "known!""#,
        subject.id,
        kind.as_str(),
        field,
        value
    )
    .fetch_one(tx.sql())
    .await?;
    Ok(known)
}
