//! The way out, as the tables keep it: reading the log for one connection, writing what became of it, and what a person
//! decides on it.
//!
//! The rules are the delivery core's (`worker::core`); this file executes its requests. Everything is written under the
//! owner's fence number: a worker that was replaced without noticing gets [`StoreError::Deposed`] and changes nothing.
//! Whatever touches the rows of a subject settles its lane in the same transaction, see [`settle`].
//!
//! Ownership and how a connection stands are here; reading the log is in [`log`], writing what happened in [`write`], and
//! what people decide in [`decide`].

mod decide;
mod log;
mod write;

use chrono::{DateTime, Utc};
use domain::event::Envelope;
use domain::exchange::{CircuitState, DeliveryState, FaultClass, TriggeredBy};
use domain::id::{ConnectionId, DeliveryId};
use domain::production::posting::Cause;
use serde_json::Value;
use sqlx::Connection as _;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

pub(crate) use self::decide::supersede;
pub use self::decide::{probe, resend, retry, skip};
pub use self::log::{ReadLog, due, lanes, read_log};
use self::write::settle;
pub use self::write::{Batch, OutcomeRow, write};
use crate::error::StoreError;
use crate::orders::{read_json, read_word};
use crate::tx::{Store, Tx, Who};

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
    /// Why it may not be sent yet by a rule of ours, with the cause.
    pub stop: Option<(Cause, String)>,
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
    let circuit = sqlx::query!(
        "select circuit, circuit_retry_at, circuit_reason from connection where connection_id = $1",
        connection.0
    )
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

/// The transaction of a loop that works for one connection.
pub fn worker(store: &Store) -> Who {
    Who::program("deliver", store.new_correlation())
}

fn read_gaps(value: Value) -> Result<Vec<Gap>, StoreError> {
    let runs: Vec<(i64, i64, u64)> = read_json("gaps", value)?;
    Ok(runs.into_iter().map(|(first, last, horizon)| Gap { first, last, horizon }).collect())
}
