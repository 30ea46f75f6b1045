//! How far each inbound feed has been read, and who reads it now.
//!
//! A poll takes as long as the other system takes, so no transaction is held meanwhile. Instead a feed is leased: its
//! `next_poll_at` moves to the end of the lease, and whoever comes back shows that value to prove that he still has it. A
//! poller that was away for too long finds another value there and stores nothing. One that died is followed when its
//! lease ends.

use chrono::{DateTime, Utc};
use domain::id::ConnectionId;
use serde_json::Value;

use crate::connections;
use crate::error::StoreError;
use crate::tx::Tx;

/// A feed that is ours to poll until the lease ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Whose feed.
    pub connection_id: ConnectionId,
    /// Its name, see `connectors::Feed`.
    pub name: String,
    /// How far it has been read, in the connector's words.
    pub cursor: Value,
    /// Polls that failed since the last good one.
    pub failures: u32,
    /// The end of the lease, and the proof of it.
    until: DateTime<Utc>,
}

/// Makes rows for feeds that have none yet; they are due at once.
pub async fn ensure(tx: &mut Tx, connection_id: ConnectionId, names: &[&str]) -> Result<(), StoreError> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let now = tx.now();
    sqlx::query!(
        r#"
        insert into feed (connection_id, name, next_poll_at)
        select $1, name, $3 from unnest($2::text[]) as name
        on conflict (connection_id, name) do nothing
        "#,
        connection_id.0,
        &names,
        now
    )
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// Makes rows for these feeds, and forgets those that are polled no more, because the connection's settings changed.
pub async fn keep(tx: &mut Tx, connection_id: ConnectionId, names: &[&str]) -> Result<(), StoreError> {
    ensure(tx, connection_id, names).await?;
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    sqlx::query!("delete from feed where connection_id = $1 and name <> all($2)", connection_id.0, &names)
        .execute(tx.sql())
        .await?;
    Ok(())
}

/// Takes feeds that are due, of connections that are neither paused nor cut off, the longest due first.
pub async fn lease(tx: &mut Tx, until: DateTime<Utc>, most: i64) -> Result<Vec<Lease>, StoreError> {
    let now = tx.now();
    let rows = sqlx::query!(
        r#"
        with due as (
            select f.connection_id, f.name
            from feed f
            join connection c using (connection_id)
            where f.next_poll_at <= $1 and c.paused_at is null and (c.circuit <> 'open' or c.circuit_retry_at <= $1)
            order by f.next_poll_at
            limit $3
            for update of f skip locked
        )
        update feed f
        set next_poll_at = $2
        from due
        where f.connection_id = due.connection_id and f.name = due.name
        returning f.connection_id, f.name, f.cursor, f.failures
        "#,
        now,
        until,
        most
    )
    .fetch_all(tx.sql())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Lease {
            connection_id: ConnectionId(row.connection_id),
            name: row.name,
            cursor: row.cursor,
            failures: u32::try_from(row.failures).unwrap_or(0),
            until,
        })
        .collect())
}

/// When the next feed becomes due, as far as is known now.
pub async fn next_due(tx: &mut Tx) -> Result<Option<DateTime<Utc>>, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"
        select min(f.next_poll_at) from feed f join connection c using (connection_id)
        where c.paused_at is null and (c.circuit <> 'open' or c.circuit_retry_at <= f.next_poll_at)
        "#
    )
    .fetch_one(tx.sql())
    .await?)
}

/// Stays on a long poll. False: the lease is lost, and what is read must not be stored.
pub async fn renew(tx: &mut Tx, lease: &mut Lease, until: DateTime<Utc>) -> Result<bool, StoreError> {
    let renewed = sqlx::query!(
        "update feed set next_poll_at = $4 where connection_id = $1 and name = $2 and next_poll_at = $3",
        lease.connection_id.0,
        lease.name,
        lease.until,
        until
    )
    .execute(tx.sql())
    .await?;
    lease.until = until;
    Ok(renewed.rows_affected() == 1)
}

/// Moves the cursor, in the transaction that stores what was read, and says when to poll again. False: the lease is lost
/// and the transaction must not be committed.
pub async fn advance(
    tx: &mut Tx,
    lease: &mut Lease,
    cursor: Value,
    next_poll_at: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let now = tx.now();
    let moved = sqlx::query!(
        r#"
        update feed
        set cursor = $4, polled_at = $5, next_poll_at = $6, failures = 0, problem = null
        where connection_id = $1 and name = $2 and next_poll_at = $3
        "#,
        lease.connection_id.0,
        lease.name,
        lease.until,
        cursor,
        now,
        next_poll_at
    )
    .execute(tx.sql())
    .await?;
    lease.until = next_poll_at;
    lease.cursor = cursor;
    connections::answered(tx, lease.connection_id).await?;
    Ok(moved.rows_affected() == 1)
}

/// Notes why a poll failed and when it is tried again.
pub async fn failed(tx: &mut Tx, lease: &Lease, problem: &str, next_poll_at: DateTime<Utc>) -> Result<(), StoreError> {
    let now = tx.now();
    sqlx::query!(
        r#"
        update feed
        set polled_at = $4, next_poll_at = $5, failures = failures + 1, problem = $6
        where connection_id = $1 and name = $2 and next_poll_at = $3
        "#,
        lease.connection_id.0,
        lease.name,
        lease.until,
        now,
        next_poll_at,
        problem
    )
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// Gives a feed back unread, so that somebody else may poll it at once.
pub async fn release(tx: &mut Tx, lease: &Lease) -> Result<(), StoreError> {
    let now = tx.now();
    sqlx::query!(
        "update feed set next_poll_at = $4 where connection_id = $1 and name = $2 and next_poll_at = $3",
        lease.connection_id.0,
        lease.name,
        lease.until,
        now
    )
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// Polls all feeds now, because somebody does not want to wait. One that is being polled at this moment loses its lease and
/// is read again from where it stood.
pub(crate) async fn read_now(tx: &mut Tx, connection_id: ConnectionId) -> Result<u64, StoreError> {
    let now = tx.now();
    let read = sqlx::query!(
        "update feed set next_poll_at = $2 where connection_id = $1 and next_poll_at > $2",
        connection_id.0,
        now
    )
    .execute(tx.sql())
    .await?;
    Ok(read.rows_affected())
}

/// Polls feeds that failed again now, because somebody mended something.
pub(crate) async fn retry_now(tx: &mut Tx, connection_id: ConnectionId) -> Result<(), StoreError> {
    let now = tx.now();
    sqlx::query!(
        "update feed set next_poll_at = $2 where connection_id = $1 and failures > 0 and next_poll_at > $2",
        connection_id.0,
        now
    )
    .execute(tx.sql())
    .await?;
    Ok(())
}
