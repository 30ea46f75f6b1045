//! Writing what became of deliveries: whole batches, under the owner's fence, with their lanes settled.

use chrono::{DateTime, Utc};
use domain::exchange::{CircuitState, DeliveryState, FaultClass};
use domain::id::ConnectionId;
use domain::production::posting::Cause;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Circuit, Gap};
use crate::arrivals::{self, Incoming};
use crate::error::StoreError;
use crate::tx::{self, Tx};

/// What became of one delivery; the words are those of the table.
#[derive(Debug, Clone)]
pub struct OutcomeRow {
    /// Its row; none makes one.
    pub delivery_id: Option<Uuid>,
    /// The event's place.
    pub position: i64,
    /// The event.
    pub event_id: Uuid,
    /// Tries.
    pub attempts: i32,
    /// When.
    pub at: DateTime<Utc>,
    /// New state.
    pub state: DeliveryState,
    /// Next try.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// What went wrong.
    pub fault: Option<(FaultClass, String)>,
    /// Their document.
    pub their_ref: Option<String>,
    /// How long the successful call took.
    pub duration_ms: Option<i32>,
    /// The failed try, with how long it took.
    pub failure: Option<(FaultClass, String, i32)>,
}

/// Everything since the last write; lands whole or not at all.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// The owner's number.
    pub fence: i64,
    /// New cursor.
    pub cursor: i64,
    /// Gaps below it.
    pub gaps: Vec<Gap>,
    /// What became of deliveries.
    pub outcomes: Vec<OutcomeRow>,
    /// Subjects of the outcomes.
    pub subjects: Vec<Uuid>,
    /// The circuit, where it changed.
    pub circuit: Option<Circuit>,
    /// Keys that were learned: the document that they belong to (see `Event::documents`), kind, our key, their key.
    pub links: Vec<(String, String, String, String)>,
    /// What the other side told in its answers; from here on arrivals like any other.
    pub told: Vec<Incoming>,
    /// Why postings among the outcomes were refused, by event.
    pub causes: Vec<(Uuid, Cause)>,
}

/// Writes what happened since the last time, if the fence is still the owner's.
pub async fn write(tx: &mut Tx, connection: ConnectionId, batch: &Batch) -> Result<(), StoreError> {
    let now = tx.now();
    let gaps = Value::from(batch.gaps.iter().map(|gap| json!([gap.first, gap.last, gap.horizon])).collect::<Vec<_>>());
    sqlx::query!(
        r#"
        update connection_reader set cursor_position = $3, gaps = $4, moved_at = $5
        where connection_id = $1 and fence = $2
        returning fence
        "#,
        connection.0,
        batch.fence,
        batch.cursor,
        gaps,
        now
    )
    .fetch_optional(tx.sql())
    .await?
    .ok_or(StoreError::Deposed)?;
    if !batch.outcomes.is_empty() {
        write_outcomes(tx, connection, &batch.outcomes).await?;
        if batch
            .outcomes
            .iter()
            .any(|outcome| outcome.state != DeliveryState::Delivered || outcome.delivery_id.is_some())
        {
            settle(tx, connection, &batch.subjects).await?;
        }
    }
    if !batch.causes.is_empty() {
        let (events, causes): (Vec<Uuid>, Vec<String>) =
            batch.causes.iter().map(|(event, cause)| (*event, cause.as_str().to_owned())).unzip();
        sqlx::query!(
            r#"
            update delivery d set cause = n.cause
            from unnest($2::uuid[], $3::text[]) as n (event_id, cause)
            where d.connection_id = $1 and d.event_id = n.event_id and d.state = 'parked'
            "#,
            connection.0,
            &events,
            &causes
        )
        .execute(tx.sql())
        .await?;
    }
    let heard = batch
        .outcomes
        .iter()
        .filter(|outcome| outcome.state == DeliveryState::Delivered)
        .map(|outcome| outcome.at)
        .max();
    if let Some(circuit) = &batch.circuit {
        let reason = (circuit.state != CircuitState::Closed)
            .then(|| circuit.reason.clone().unwrap_or_else(|| "being tried again".to_owned()));
        sqlx::query!(
            r#"
            update connection
            set circuit = $2, circuit_reason = coalesce($3, case when $2 = 'half_open' then circuit_reason end),
                circuit_retry_at = $4, circuit_since = case when circuit = $2 then circuit_since else $5 end
            where connection_id = $1
            "#,
            connection.0,
            circuit.state.as_str(),
            reason,
            circuit.retry_at,
            now
        )
        .execute(tx.sql())
        .await?;
    }
    if let Some(heard) = heard {
        // At most once a second: the row is read by pages, not by the loop.
        sqlx::query!(
            "update connection set last_ok_at = $2::timestamptz where connection_id = $1 and (last_ok_at is null or last_ok_at < $2::timestamptz - interval '1 second')",
            connection.0,
            heard
        )
        .execute(tx.sql())
        .await?;
    }
    for (order, kind, key, their_ref) in &batch.links {
        crate::reference::save_links(
            tx,
            connection,
            order,
            std::slice::from_ref(kind),
            std::slice::from_ref(key),
            std::slice::from_ref(their_ref),
        )
        .await?;
    }
    if !batch.told.is_empty() {
        arrivals::accept(tx, connection, &batch.told).await?;
    }
    Ok(())
}

async fn write_outcomes(tx: &mut Tx, connection: ConnectionId, outcomes: &[OutcomeRow]) -> Result<(), StoreError> {
    let now = tx.now();
    let ids: Vec<Uuid> =
        outcomes.iter().map(|outcome| outcome.delivery_id.unwrap_or_else(|| tx::new_id(now))).collect();
    let is_new: Vec<bool> = outcomes.iter().map(|outcome| outcome.delivery_id.is_none()).collect();
    let positions: Vec<i64> = outcomes.iter().map(|outcome| outcome.position).collect();
    let attempts: Vec<i32> = outcomes.iter().map(|outcome| outcome.attempts).collect();
    let states: Vec<String> = outcomes.iter().map(|outcome| outcome.state.to_string()).collect();
    let next: Vec<Option<DateTime<Utc>>> = outcomes.iter().map(|outcome| outcome.next_attempt_at).collect();
    let classes: Vec<Option<String>> =
        outcomes.iter().map(|outcome| outcome.fault.as_ref().map(|(class, _)| class.to_string())).collect();
    let messages: Vec<Option<String>> =
        outcomes.iter().map(|outcome| outcome.fault.as_ref().map(|(_, message)| message.clone())).collect();
    let refs: Vec<Option<String>> = outcomes.iter().map(|outcome| outcome.their_ref.clone()).collect();
    let finished: Vec<Option<DateTime<Utc>>> =
        outcomes.iter().map(|outcome| outcome.state.is_final().then_some(outcome.at)).collect();
    let durations: Vec<Option<i32>> = outcomes.iter().map(|outcome| outcome.duration_ms).collect();
    sqlx::query!(
        r#"
        insert into delivery
            (delivery_id, connection_id, event_position, event_id, subject_kind, subject_id, subject_version, state, attempts,
             next_attempt_at, fault_class, fault_message, their_ref, finished_at, duration_ms, created_at, plant_id, supplier_id)
        select o.id, $1, e.position, e.event_id, e.subject_kind, e.subject_id, e.subject_version, o.state, o.attempts,
               o.next_attempt_at, o.fault_class, o.fault_message, o.their_ref, o.finished_at, o.duration_ms, $2, e.plant_id, e.supplier_id
        from unnest($3::uuid[], $4::boolean[], $5::bigint[], $6::text[], $7::integer[], $8::timestamptz[], $9::text[], $10::text[],
                    $11::text[], $12::timestamptz[], $13::integer[])
            as o (id, is_new, position, state, attempts, next_attempt_at, fault_class, fault_message, their_ref, finished_at, duration_ms)
        join event e on e.position = o.position
        where o.is_new
        "#,
        connection.0,
        now,
        &ids,
        &is_new,
        &positions,
        &states,
        &attempts,
        &next as _,
        &classes as _,
        &messages as _,
        &refs as _,
        &finished as _,
        &durations as _,
    )
    .execute(tx.sql())
    .await?;
    if is_new.iter().any(|new| !new) {
        // A person may have skipped it while it was on its way: only the news that it arrived after all overrules him.
        sqlx::query!(
            r#"
            update delivery d
            set state = o.state, attempts = o.attempts, next_attempt_at = o.next_attempt_at,
                fault_class = coalesce(o.fault_class, d.fault_class), fault_message = coalesce(o.fault_message, d.fault_message),
                their_ref = o.their_ref, finished_at = o.finished_at, duration_ms = o.duration_ms
            from unnest($2::uuid[], $3::boolean[], $4::text[], $5::integer[], $6::timestamptz[], $7::text[], $8::text[], $9::text[],
                        $10::timestamptz[], $11::integer[])
                as o (id, is_new, state, attempts, next_attempt_at, fault_class, fault_message, their_ref, finished_at, duration_ms)
            where d.delivery_id = o.id and d.connection_id = $1 and not o.is_new
              and (d.state not in ('skipped', 'superseded') or o.state = 'delivered')
            "#,
            connection.0,
            &ids,
            &is_new,
            &states,
            &attempts,
            &next as _,
            &classes as _,
            &messages as _,
            &refs as _,
            &finished as _,
            &durations as _,
        )
        .execute(tx.sql())
        .await?;
    }
    let failed: Vec<(Uuid, &OutcomeRow)> =
        ids.iter().copied().zip(outcomes).filter(|(_, outcome)| outcome.failure.is_some()).collect();
    if failed.is_empty() {
        return Ok(());
    }
    let of: Vec<Uuid> = failed.iter().map(|(id, _)| *id).collect();
    let at: Vec<DateTime<Utc>> = failed.iter().map(|(_, outcome)| outcome.at).collect();
    let failure = |outcome: &OutcomeRow| outcome.failure.clone().unwrap_or((FaultClass::Unknown, String::new(), 0));
    let classes: Vec<String> = failed.iter().map(|(_, outcome)| failure(outcome).0.to_string()).collect();
    let messages: Vec<String> = failed.iter().map(|(_, outcome)| failure(outcome).1).collect();
    let took: Vec<i32> = failed.iter().map(|(_, outcome)| failure(outcome).2).collect();
    sqlx::query!(
        r#"
        insert into attempt (delivery_id, number, at, duration_ms, fault_class, fault_message, plant_id, supplier_id)
        select f.id, coalesce((select max(a.number) from attempt a where a.delivery_id = f.id), 0) + 1,
               f.at, f.took, f.class, f.message, d.plant_id, d.supplier_id
        from unnest($1::uuid[], $2::timestamptz[], $3::integer[], $4::text[], $5::text[]) as f (id, at, took, class, message)
        join delivery d on d.delivery_id = f.id
        "#,
        &of,
        &at,
        &took,
        &classes,
        &messages
    )
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// Restores the order of lanes: among the unfinished rows of a subject that come from the log, the first is retrying or
/// parked and all others are held; a first row found held becomes retrying, due now. Rows that a person made wait while
/// there is such a row and are due otherwise.
pub(crate) async fn settle(tx: &mut Tx, connection: ConnectionId, subjects: &[Uuid]) -> Result<(), StoreError> {
    if subjects.is_empty() {
        return Ok(());
    }
    let now = tx.now();
    sqlx::query!(
        r#"
        update delivery d
        set state = 'retrying', next_attempt_at = $3
        from (select distinct subject_id from unnest($2::uuid[]) as s (subject_id)) s
        cross join lateral (
            select delivery_id, state from delivery
            where connection_id = $1 and subject_id = s.subject_id and state in ('retrying', 'parked', 'held') and triggered_by = 'event'
            order by event_position
            limit 1
        ) first
        where d.delivery_id = first.delivery_id and first.state = 'held'
        "#,
        connection.0,
        subjects,
        now
    )
    .execute(tx.sql())
    .await?;
    sqlx::query!(
        r#"
        update delivery d
        set state = 'held', next_attempt_at = null
        where d.connection_id = $1 and d.subject_id = any($2) and d.state = 'retrying' and d.triggered_by <> 'event'
          and exists (
              select from delivery other
              where other.connection_id = $1 and other.subject_id = d.subject_id
                and other.state in ('retrying', 'parked', 'held') and other.triggered_by = 'event'
          )
        "#,
        connection.0,
        subjects
    )
    .execute(tx.sql())
    .await?;
    sqlx::query!(
        r#"
        update delivery d
        set state = 'retrying', next_attempt_at = $3
        where d.connection_id = $1 and d.subject_id = any($2) and d.state = 'held' and d.triggered_by <> 'event'
          and not exists (
              select from delivery other
              where other.connection_id = $1 and other.subject_id = d.subject_id
                and other.state in ('retrying', 'parked', 'held') and other.triggered_by = 'event'
          )
        "#,
        connection.0,
        subjects,
        now
    )
    .execute(tx.sql())
    .await?;
    Ok(())
}
