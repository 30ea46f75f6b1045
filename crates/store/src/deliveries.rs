//! The way out, as the tables keep it: reading the log for one connection, writing what became of it, and what a person
//! decides on it.
//!
//! The rules are the delivery core's (`worker::core`); this file executes its requests. Everything is written under the
//! owner's fence number: a worker that was replaced without noticing gets [`StoreError::Deposed`] and changes nothing.
//! Whatever touches the rows of a subject settles its lane in the same transaction, see [`settle`].

use chrono::{DateTime, Utc};
use domain::access::{Action, may};
use domain::event::{Envelope, Event, Subject, SubjectKind};
use domain::exchange::{CircuitState, DeliveryState, FaultClass, TriggeredBy};
use domain::id::{ConnectionId, CorrelationId, DeliveryId, EventId, PlantId, SupplierId};
use serde_json::{Value, json};
use sqlx::Connection as _;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use crate::error::{CommandError, StoreError};
use crate::events::{self, About};
use crate::orders::{read_json, read_word};
use crate::signal::Topic;
use crate::tx::{Store, Tx, Who};
use crate::{audit, tx};

/// Spreads our advisory locks apart from other programs' in the same database.
const LOCK_CLASS: i32 = 0x1a7e;

/// Proof that this process alone works for a connection: a lock that lives as long as its own database connection, so
/// that it is free within moments after a crash.
#[derive(Debug)]
pub struct Ownership {
    held_by: PgConnection,
}

impl Ownership {
    /// Whether the lock's connection still lives. When it does not, somebody else may own the work already.
    pub async fn check(&mut self) -> Result<(), StoreError> {
        self.held_by.ping().await?;
        Ok(())
    }

    /// Lets go at once instead of when the process ends.
    pub async fn release(self) {
        // A failure means the connection is gone, and the lock with it.
        let _ = self.held_by.close().await;
    }
}

/// Tries to become the owner of a connection's deliveries; none while another process is.
pub async fn own(store: &Store, connection: ConnectionId) -> Result<Option<Ownership>, StoreError> {
    let mut held_by = PgConnection::connect_with(&store.pool().connect_options()).await?;
    let locked = sqlx::query_scalar!(
        r#"select pg_try_advisory_lock($1, hashtext($2)) as "locked!""#,
        LOCK_CLASS,
        connection.to_string()
    )
    .fetch_one(&mut held_by)
    .await?;
    if locked {
        return Ok(Some(Ownership { held_by }));
    }
    held_by.close().await?;
    Ok(None)
}

/// A run of positions that were missing, see `worker::core::Gap`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// First missing.
    pub first: i64,
    /// Last missing, inclusive.
    pub last: i64,
    /// Above every transaction that may still fill it.
    pub horizon: u64,
}

/// How a connection stands when a new owner begins.
#[derive(Debug, Clone)]
pub struct Standing {
    /// The new owner's number.
    pub fence: i64,
    /// Up to where the log is done with.
    pub cursor: i64,
    /// What was missing below.
    pub gaps: Vec<Gap>,
    /// Subjects with an unfinished row.
    pub troubled: Vec<Uuid>,
    /// Events above the cursor or in a gap that have a row.
    pub settled: Vec<Uuid>,
    /// The circuit as last noted: state, until when, class and words.
    pub circuit: Option<Circuit>,
}

/// A circuit as the connection's row keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Circuit {
    /// State.
    pub state: CircuitState,
    /// When it may be tried again.
    pub retry_at: Option<DateTime<Utc>>,
    /// Class of the fault that opened it.
    pub class: Option<FaultClass>,
    /// What opened it.
    pub reason: Option<String>,
}

/// An event for a connection, with what its connector needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outbound {
    /// Its place in the log.
    pub position: i64,
    /// The event.
    pub envelope: Envelope,
    /// Plant code.
    pub plant: Option<String>,
    /// Supplier number.
    pub supplier: Option<String>,
    /// Kind, our key, their key.
    pub links: Vec<(String, String, String)>,
}

/// A row of the log as one connection sees it.
#[derive(Debug, Clone)]
pub struct LogRow {
    /// Its place.
    pub position: i64,
    /// The event, where the connection takes it.
    pub wanted: Option<Outbound>,
}

/// What one statement saw of the log.
#[derive(Debug, Clone)]
pub struct LogPage {
    /// Rows in the gaps that were asked about.
    pub found: Vec<LogRow>,
    /// Rows beyond.
    pub beyond: Vec<LogRow>,
    /// Every lower transaction has ended.
    pub xmin: u64,
    /// Above every transaction that had an id when the statement looked.
    pub horizon: u64,
}

/// A delivery row with its event.
#[derive(Debug, Clone)]
pub struct StoredDelivery {
    /// The row.
    pub delivery_id: DeliveryId,
    /// What made it.
    pub triggered_by: TriggeredBy,
    /// Its state.
    pub state: DeliveryState,
    /// Whether its time has come.
    pub due: bool,
    /// Tries since it was made or a person asked for a retry.
    pub attempts: i32,
    /// The event.
    pub outbound: Outbound,
}

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
    /// Keys that were learned: order, kind, our key, their key.
    pub links: Vec<(String, String, String, String)>,
}

/// Takes the fence, settles every lane, and loads how things stand, in one transaction.
pub async fn begin_ownership(tx: &mut Tx, connection: ConnectionId, owner: &str) -> Result<Standing, StoreError> {
    let now = tx.now();
    let row = sqlx::query!(
        r#"
        insert into connection_reader (connection_id, fence, owner, owner_since) values ($1, 1, $2, $3)
        on conflict (connection_id) do update
            set fence = connection_reader.fence + 1, owner = excluded.owner, owner_since = excluded.owner_since
        returning fence, cursor_position, gaps
        "#,
        connection.0,
        owner,
        now
    )
    .fetch_one(tx.sql())
    .await?;
    let gaps = read_gaps(row.gaps)?;
    let troubled = sqlx::query_scalar!(
        r#"
        select distinct subject_id from delivery
        where connection_id = $1 and state in ('retrying', 'parked', 'held') and triggered_by = 'event'
        "#,
        connection.0
    )
    .fetch_all(tx.sql())
    .await?;
    let by_people = sqlx::query_scalar!(
        r#"
        select distinct subject_id from delivery
        where connection_id = $1 and state in ('retrying', 'parked', 'held') and triggered_by <> 'event'
        "#,
        connection.0
    )
    .fetch_all(tx.sql())
    .await?;
    settle(tx, connection, &troubled).await?;
    settle(tx, connection, &by_people).await?;
    let (firsts, lasts): (Vec<i64>, Vec<i64>) = gaps.iter().map(|gap| (gap.first, gap.last)).unzip();
    let settled = sqlx::query_scalar!(
        r#"
        select event_id from delivery
        where connection_id = $1 and triggered_by = 'event' and event_position > $2
        union
        select d.event_id
        from unnest($3::bigint[], $4::bigint[]) as g (first, last)
        join delivery d on d.connection_id = $1 and d.triggered_by = 'event' and d.event_position between g.first and g.last
        "#,
        connection.0,
        row.cursor_position,
        &firsts,
        &lasts
    )
    .fetch_all(tx.sql())
    .await?;
    let circuit = sqlx::query!("select circuit, circuit_retry_at, circuit_reason from connection where connection_id = $1", connection.0)
        .fetch_one(tx.sql())
        .await?;
    let state: CircuitState = read_word("circuit", &circuit.circuit)?;
    Ok(Standing {
        fence: row.fence,
        cursor: row.cursor_position,
        gaps,
        troubled,
        settled: settled.into_iter().flatten().collect(),
        circuit: (state != CircuitState::Closed).then_some(Circuit {
            state,
            retry_at: circuit.circuit_retry_at,
            class: None,
            reason: circuit.circuit_reason,
        }),
    })
}

/// What to read of the log.
#[derive(Debug, Clone, Default)]
pub struct ReadLog {
    /// The owner's number.
    pub fence: i64,
    /// Exclusive.
    pub after: i64,
    /// Where rows were missing.
    pub gaps: Vec<Gap>,
    /// Rows of each at the most.
    pub limit: i64,
    /// The kinds that the connection carries.
    pub kinds: Vec<String>,
}

/// Reads the log for one connection, everything in one statement and so in one snapshot.
pub async fn read_log(tx: &mut Tx, connection: ConnectionId, read: &ReadLog) -> Result<LogPage, StoreError> {
    let (firsts, lasts): (Vec<i64>, Vec<i64>) = read.gaps.iter().map(|gap| (gap.first, gap.last)).unzip();
    // The horizon is this statement's own transaction id, which is assigned after its snapshot; it is taken only when
    // positions are missing, so that a quiet reader uses up no ids.
    let rows = sqlx::query!(
        r#"
        with
        me as (
            select c.plant_id, c.takes, r.fence
            from connection c join connection_reader r using (connection_id)
            where c.connection_id = $1
        ),
        beyond as (
            select e.* from event e where e.position > $2 order by e.position limit $3
        ),
        found as (
            select e.*
            from unnest($4::bigint[], $5::bigint[]) as g (first, last)
            join event e on e.position between g.first and g.last
            order by e.position
            limit $3
        ),
        seen as (
            select true as is_beyond, * from beyond
            union all
            select false, * from found
        )
        select
            me.fence as "fence!",
            pg_snapshot_xmin(pg_current_snapshot())::text as "xmin!",
            case
                when (select max(position) - $2 > count(*) from beyond) then pg_current_xact_id()::text
            end as horizon,
            seen.is_beyond,
            seen.position as "position?",
            (seen.kind = any($6)
                and (me.takes = 'all' or seen.home_connection_id = $1)
                and (me.plant_id is null or seen.plant_id = me.plant_id)) as wanted,
            seen.event_id as "event_id?", seen.subject_kind as "subject_kind?", seen.subject_id as "subject_id?",
            seen.subject_version as "subject_version?", seen.plant_id, seen.supplier_id,
            seen.correlation_id as "correlation_id?", seen.causation_id,
            case when seen.kind = any($6) then seen.actor end as actor,
            seen.at as "at?",
            case when seen.kind = any($6) then seen.data end as data,
            p.code as "plant_code?", s.number as "supplier_number?"
        from me
        left join seen on true
        left join plant p on p.plant_id = seen.plant_id
        left join supplier s on s.supplier_id = seen.supplier_id
        order by seen.position
        "#,
        connection.0,
        read.after,
        read.limit,
        &firsts,
        &lasts,
        &read.kinds,
    )
    .fetch_all(tx.sql())
    .await?;
    let mut page = LogPage { found: Vec::new(), beyond: Vec::new(), xmin: 0, horizon: 0 };
    for row in rows {
        if row.fence != read.fence {
            return Err(StoreError::Deposed);
        }
        let number = |text: &str| text.parse::<u64>().map_err(|error| StoreError::unreadable("transaction id", error));
        page.xmin = number(&row.xmin)?;
        page.horizon = row.horizon.as_deref().map(number).transpose()?.unwrap_or(page.xmin);
        let Some(position) = row.position else { continue };
        let wanted = match (row.wanted, row.event_id, row.subject_kind, row.subject_id, row.actor, row.data, row.correlation_id, row.at) {
            (Some(true), Some(event_id), Some(kind), Some(id), Some(actor), Some(data), Some(correlation), Some(at)) => Some(Outbound {
                position,
                envelope: Envelope {
                    event_id: EventId(event_id),
                    subject: Subject { kind: read_word("subject kind", &kind)?, id },
                    subject_version: row.subject_version.unwrap_or_default(),
                    at,
                    plant_id: row.plant_id.map(PlantId),
                    supplier_id: row.supplier_id.map(SupplierId),
                    actor: read_json("actor", actor)?,
                    correlation_id: CorrelationId(correlation),
                    causation_id: row.causation_id.map(EventId),
                    event: read_json("event", data)?,
                },
                plant: row.plant_code,
                supplier: row.supplier_number,
                links: Vec::new(),
            }),
            _ => None,
        };
        let row = LogRow { position, wanted };
        if row_is_beyond(position, read.after) { page.beyond.push(row) } else { page.found.push(row) }
    }
    let outbound = page.found.iter_mut().chain(&mut page.beyond).filter_map(|row| row.wanted.as_mut());
    add_links(tx, connection, outbound.collect()).await?;
    Ok(page)
}

const fn row_is_beyond(position: i64, after: i64) -> bool {
    position > after
}

async fn add_links(tx: &mut Tx, connection: ConnectionId, outbound: Vec<&mut Outbound>) -> Result<(), StoreError> {
    let mut orders: Vec<String> = outbound.iter().filter_map(|out| out.envelope.event.order().map(str::to_owned)).collect();
    orders.sort_unstable();
    orders.dedup();
    if orders.is_empty() {
        return Ok(());
    }
    let rows = sqlx::query!(
        "select group_key, kind, key, their_ref from link where connection_id = $1 and group_key = any($2) order by group_key, kind, key",
        connection.0,
        &orders
    )
    .fetch_all(tx.sql())
    .await?;
    for out in outbound {
        let Some(order) = out.envelope.event.order().map(str::to_owned) else { continue };
        let start = rows.partition_point(|row| row.group_key < order);
        out.links = rows[start..]
            .iter()
            .take_while(|row| row.group_key == order)
            .map(|row| (row.kind.clone(), row.key.clone(), row.their_ref.clone()))
            .collect();
    }
    Ok(())
}

/// Rows that are due, the longest due first.
pub async fn due(tx: &mut Tx, connection: ConnectionId, limit: i64) -> Result<Vec<StoredDelivery>, StoreError> {
    let now = tx.now();
    let ids = sqlx::query_scalar!(
        r#"
        select delivery_id from delivery
        where connection_id = $1 and state = 'retrying' and next_attempt_at <= $2
        order by next_attempt_at, event_position
        limit $3
        "#,
        connection.0,
        now,
        limit
    )
    .fetch_all(tx.sql())
    .await?;
    load(tx, connection, &ids).await
}

/// The first unfinished rows of each of these lanes, in lane order.
pub async fn lanes(tx: &mut Tx, connection: ConnectionId, subjects: &[Uuid], limit: i64) -> Result<Vec<StoredDelivery>, StoreError> {
    let ids = sqlx::query_scalar!(
        r#"
        select d.delivery_id
        from unnest($2::uuid[]) with ordinality as s (subject_id, number)
        cross join lateral (
            select delivery_id, event_position from delivery
            where connection_id = $1 and subject_id = s.subject_id and state in ('retrying', 'parked', 'held') and triggered_by = 'event'
            order by event_position
            limit $3
        ) d
        order by s.number, d.event_position
        "#,
        connection.0,
        subjects,
        limit
    )
    .fetch_all(tx.sql())
    .await?;
    load(tx, connection, &ids).await
}

async fn load(tx: &mut Tx, connection: ConnectionId, ids: &[Uuid]) -> Result<Vec<StoredDelivery>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let now = tx.now();
    let rows = sqlx::query!(
        r#"
        select d.delivery_id, d.triggered_by, d.state, d.attempts, coalesce(d.next_attempt_at <= $3, false) as "due!",
               e.position, e.event_id, e.subject_kind, e.subject_id, e.subject_version, e.plant_id, e.supplier_id,
               e.correlation_id, e.causation_id, e.actor, e.at, e.data,
               p.code as "plant_code?", s.number as "supplier_number?"
        from unnest($2::uuid[]) with ordinality as w (delivery_id, number)
        join delivery d on d.delivery_id = w.delivery_id
        join event e on e.position = d.event_position
        left join plant p on p.plant_id = e.plant_id
        left join supplier s on s.supplier_id = e.supplier_id
        where d.connection_id = $1
        order by w.number
        "#,
        connection.0,
        ids,
        now
    )
    .fetch_all(tx.sql())
    .await?;
    let mut loaded = rows
        .into_iter()
        .map(|row| {
            Ok(StoredDelivery {
                delivery_id: DeliveryId(row.delivery_id),
                triggered_by: read_word("trigger", &row.triggered_by)?,
                state: read_word("delivery state", &row.state)?,
                due: row.due,
                attempts: row.attempts,
                outbound: Outbound {
                    position: row.position,
                    envelope: Envelope {
                        event_id: EventId(row.event_id),
                        subject: Subject { kind: read_word("subject kind", &row.subject_kind)?, id: row.subject_id },
                        subject_version: row.subject_version,
                        at: row.at,
                        plant_id: row.plant_id.map(PlantId),
                        supplier_id: row.supplier_id.map(SupplierId),
                        actor: read_json("actor", row.actor)?,
                        correlation_id: CorrelationId(row.correlation_id),
                        causation_id: row.causation_id.map(EventId),
                        event: read_json("event", row.data)?,
                    },
                    plant: row.plant_code,
                    supplier: row.supplier_number,
                    links: Vec::new(),
                },
            })
        })
        .collect::<Result<Vec<_>, StoreError>>()?;
    add_links(tx, connection, loaded.iter_mut().map(|stored| &mut stored.outbound).collect()).await?;
    Ok(loaded)
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
        if batch.outcomes.iter().any(|outcome| outcome.state != DeliveryState::Delivered || outcome.delivery_id.is_some()) {
            settle(tx, connection, &batch.subjects).await?;
        }
    }
    let heard = batch.outcomes.iter().filter(|outcome| outcome.state == DeliveryState::Delivered).map(|outcome| outcome.at).max();
    if let Some(circuit) = &batch.circuit {
        let reason = (circuit.state != CircuitState::Closed).then(|| circuit.reason.clone().unwrap_or_else(|| "being tried again".to_owned()));
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
    Ok(())
}

async fn write_outcomes(tx: &mut Tx, connection: ConnectionId, outcomes: &[OutcomeRow]) -> Result<(), StoreError> {
    let now = tx.now();
    let ids: Vec<Uuid> = outcomes.iter().map(|outcome| outcome.delivery_id.unwrap_or_else(|| tx::new_id(now))).collect();
    let is_new: Vec<bool> = outcomes.iter().map(|outcome| outcome.delivery_id.is_none()).collect();
    let positions: Vec<i64> = outcomes.iter().map(|outcome| outcome.position).collect();
    let attempts: Vec<i32> = outcomes.iter().map(|outcome| outcome.attempts).collect();
    let states: Vec<String> = outcomes.iter().map(|outcome| outcome.state.to_string()).collect();
    let next: Vec<Option<DateTime<Utc>>> = outcomes.iter().map(|outcome| outcome.next_attempt_at).collect();
    let classes: Vec<Option<String>> = outcomes.iter().map(|outcome| outcome.fault.as_ref().map(|(class, _)| class.to_string())).collect();
    let messages: Vec<Option<String>> = outcomes.iter().map(|outcome| outcome.fault.as_ref().map(|(_, message)| message.clone())).collect();
    let refs: Vec<Option<String>> = outcomes.iter().map(|outcome| outcome.their_ref.clone()).collect();
    let finished: Vec<Option<DateTime<Utc>>> = outcomes.iter().map(|outcome| outcome.state.is_final().then_some(outcome.at)).collect();
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
    let failed: Vec<(Uuid, &OutcomeRow)> = ids.iter().copied().zip(outcomes).filter(|(_, outcome)| outcome.failure.is_some()).collect();
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

struct Locked {
    connection: ConnectionId,
    subject: Uuid,
    state: DeliveryState,
    before: Value,
    plant_id: Option<PlantId>,
    supplier_id: Option<SupplierId>,
    event_id: Uuid,
    event_position: i64,
    subject_kind: String,
    subject_version: i64,
}

async fn lock(tx: &mut Tx, delivery: DeliveryId) -> Result<Locked, CommandError> {
    may(tx.actor(), Action::ManageExchange)?;
    // The reader's row first, as the worker's write does: otherwise a batch that adds a row behind this one and a person
    // who skips it could miss each other, and the new row would be held behind nothing.
    sqlx::query!(
        r#"
        select r.fence from connection_reader r
        where r.connection_id = (select d.connection_id from delivery d where d.delivery_id = $1)
        for update
        "#,
        delivery.0
    )
    .fetch_optional(tx.sql())
    .await?;
    let row = sqlx::query!(
        r#"
        select connection_id, subject_id, state, attempts, fault_class, fault_message, plant_id, supplier_id, event_id, event_position,
               subject_kind, subject_version
        from delivery where delivery_id = $1 for update
        "#,
        delivery.0
    )
    .fetch_optional(tx.sql())
    .await?
    .ok_or(CommandError::NotFound { what: "delivery" })?;
    Ok(Locked {
        connection: ConnectionId(row.connection_id),
        subject: row.subject_id,
        state: read_word("delivery state", &row.state)?,
        before: json!({ "state": row.state, "attempts": row.attempts, "fault": row.fault_class, "message": row.fault_message }),
        plant_id: row.plant_id.map(PlantId),
        supplier_id: row.supplier_id.map(SupplierId),
        event_id: row.event_id,
        event_position: row.event_position,
        subject_kind: row.subject_kind,
        subject_version: row.subject_version,
    })
}

async fn note(tx: &mut Tx, action: &str, delivery: DeliveryId, locked: &Locked, after: Value, reason: &str) -> Result<(), StoreError> {
    tx.wrote(Topic::Deliveries);
    audit::append(
        tx,
        audit::Entry {
            action,
            object_kind: "delivery",
            object_id: delivery.to_string(),
            before: Some(locked.before.clone()),
            after: Some(after),
            reason: Some(reason.to_owned()),
            plant_id: locked.plant_id,
            supplier_id: locked.supplier_id,
        },
    )
    .await
}

fn explained(reason: &str) -> Result<&str, CommandError> {
    let reason = reason.trim();
    if reason.is_empty() {
        return Err(CommandError::Invalid("Say why in a few words; it goes into the audit log.".to_owned()));
    }
    if reason.chars().count() > 500 {
        return Err(CommandError::Invalid("Keep the reason under 500 characters.".to_owned()));
    }
    Ok(reason)
}

/// A person wants a parked or retrying delivery to be tried now. Its tries start from zero again.
pub async fn retry(tx: &mut Tx, delivery: DeliveryId, reason: &str) -> Result<(), CommandError> {
    let reason = explained(reason)?;
    let locked = lock(tx, delivery).await?;
    if !matches!(locked.state, DeliveryState::Parked | DeliveryState::Retrying) {
        return Err(CommandError::Invalid(format!(
            "This delivery is {}, so there is nothing to retry. Use “Resend” to send a finished one again.",
            locked.state
        )));
    }
    let (now, who) = (tx.now(), tx.actor().name().to_owned());
    sqlx::query!(
        "update delivery set state = 'retrying', attempts = 0, next_attempt_at = $2, decided_by = $3, reason = $4 where delivery_id = $1",
        delivery.0,
        now,
        who,
        reason
    )
    .execute(tx.sql())
    .await?;
    settle(tx, locked.connection, &[locked.subject]).await?;
    note(tx, "delivery.retry", delivery, &locked, json!({ "state": "retrying" }), reason).await?;
    Ok(())
}

/// A person leaves a delivery out. What waited behind it goes on.
pub async fn skip(tx: &mut Tx, delivery: DeliveryId, reason: &str) -> Result<(), CommandError> {
    let reason = explained(reason)?;
    let locked = lock(tx, delivery).await?;
    if locked.state.is_final() {
        return Err(CommandError::Invalid(format!("This delivery is {}; there is nothing to skip.", locked.state)));
    }
    let (now, who) = (tx.now(), tx.actor().name().to_owned());
    sqlx::query!(
        r#"
        update delivery set state = 'skipped', next_attempt_at = null, finished_at = $2, decided_by = $3, reason = $4
        where delivery_id = $1
        "#,
        delivery.0,
        now,
        who,
        reason
    )
    .execute(tx.sql())
    .await?;
    settle(tx, locked.connection, &[locked.subject]).await?;
    note(tx, "delivery.skip", delivery, &locked, json!({ "state": "skipped" }), reason).await?;
    Ok(())
}

/// A person sends a finished event once more: another delivery with the same idempotency key.
pub async fn resend(tx: &mut Tx, delivery: DeliveryId, reason: &str) -> Result<DeliveryId, CommandError> {
    let reason = explained(reason)?;
    let locked = lock(tx, delivery).await?;
    if !locked.state.is_final() {
        return Err(CommandError::Invalid(format!("This delivery is still {}. Use “Retry” instead.", locked.state)));
    }
    let id = add_by_person(tx, &locked, TriggeredBy::Resend, reason).await?;
    note(tx, "delivery.resend", delivery, &locked, json!({ "delivery": id }), reason).await?;
    Ok(id)
}

async fn add_by_person(tx: &mut Tx, locked: &Locked, by: TriggeredBy, reason: &str) -> Result<DeliveryId, CommandError> {
    let (id, now, who) = (DeliveryId(tx.new_id()), tx.now(), tx.actor().name().to_owned());
    sqlx::query!(
        r#"
        insert into delivery
            (delivery_id, connection_id, event_position, event_id, subject_kind, subject_id, subject_version, state, triggered_by,
             decided_by, reason, created_at, plant_id, supplier_id)
        values ($1, $2, $3, $4, $5, $6, $7, 'held', $8, $9, $10, $11, $12, $13)
        "#,
        id.0,
        locked.connection.0,
        locked.event_position,
        locked.event_id,
        locked.subject_kind,
        locked.subject,
        locked.subject_version,
        by.as_str(),
        who,
        reason,
        now,
        locked.plant_id.map(|id| id.0),
        locked.supplier_id.map(|id| id.0),
    )
    .execute(tx.sql())
    .await?;
    settle(tx, locked.connection, &[locked.subject]).await?;
    Ok(id)
}

/// A person wants to know whether a connection works: a delivery like any other, answered by the connector's probe.
pub async fn probe(tx: &mut Tx, connection: ConnectionId) -> Result<DeliveryId, CommandError> {
    may(tx.actor(), Action::ManageExchange)?;
    let row = sqlx::query!("select name, plant_id from connection where connection_id = $1", connection.0)
        .fetch_optional(tx.sql())
        .await?
        .ok_or(CommandError::NotFound { what: "connection" })?;
    let plant_id = row.plant_id.map(PlantId);
    // A subject of its own, so that a probe waits for nobody and nobody waits for it.
    let subject = Subject { kind: SubjectKind::Connection, id: tx.new_id() };
    let about = About { subject, plant_id, supplier_id: None, home: Some(connection) };
    let ids = events::append(tx, about, &[Event::ProbeRequested { connection: row.name }], None).await?;
    let event_id = ids.first().map(|id| id.0).ok_or(CommandError::NotFound { what: "event" })?;
    let position = sqlx::query_scalar!("select position from event where event_id = $1", event_id).fetch_one(tx.sql()).await?;
    let locked = Locked {
        connection,
        subject: subject.id,
        state: DeliveryState::Held,
        before: Value::Null,
        plant_id,
        supplier_id: None,
        event_id,
        event_position: position,
        subject_kind: subject.kind.to_string(),
        subject_version: 1,
    };
    let id = add_by_person(tx, &locked, TriggeredBy::Probe, "test of the connection").await?;
    note(tx, "connection.probe", id, &locked, json!({ "connection": connection }), "test of the connection").await?;
    Ok(id)
}

/// The transaction of a loop that works for one connection.
pub fn worker(store: &Store) -> Who {
    Who::program("deliver", store.new_correlation())
}

fn read_gaps(value: Value) -> Result<Vec<Gap>, StoreError> {
    let runs: Vec<(i64, i64, u64)> = read_json("gaps", value)?;
    Ok(runs.into_iter().map(|(first, last, horizon)| Gap { first, last, horizon }).collect())
}
