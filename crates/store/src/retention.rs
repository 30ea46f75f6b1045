//! What is made ahead of its time and what is thrown away after it: partitions of the log, and rows nobody needs any more.
//!
//! Each statement takes at most some thousand rows, so that a first sweep over a long-neglected table does not hold locks
//! for minutes; whoever calls goes on until nothing was left.

use chrono::{DateTime, Utc};

use crate::error::StoreError;
use crate::tx::Tx;

/// The most rows of each kind in one sweep.
pub const MOST: i64 = 5_000;

/// Up to when things are thrown away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Before {
    /// Log-ins and one-time links that ended before this.
    pub ended: DateTime<Utc>,
    /// Outcomes of forms and calls; a second click after this is not recognised any more.
    pub submissions: DateTime<Utc>,
    /// What was typed and not sent.
    pub drafts: DateTime<Utc>,
}

/// How many rows went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Log-ins.
    pub sessions: u64,
    /// One-time links.
    pub tokens: u64,
    /// Outcomes of forms and calls.
    pub submissions: u64,
    /// Drafts.
    pub drafts: u64,
}

impl Swept {
    /// Some of it may be left.
    pub fn is_more(&self) -> bool {
        let most = MOST.unsigned_abs();
        [self.sessions, self.tokens, self.submissions, self.drafts].into_iter().any(|count| count >= most)
    }
}

/// Makes the partitions of this month and the next ones. Two programs may do it at the same moment.
pub async fn ensure_partitions(tx: &mut Tx) -> Result<i32, StoreError> {
    // One at a time: both would find the partition missing, and one would fail to make it.
    sqlx::query!("select pg_advisory_xact_lock(hashtext('interlock.event_partitions'))").fetch_one(tx.sql()).await?;
    Ok(sqlx::query_scalar!("select ensure_event_partitions()").fetch_one(tx.sql()).await?.unwrap_or(0))
}

/// Throws away what ended long ago, at most [`MOST`] rows of each kind.
pub async fn sweep(tx: &mut Tx, before: &Before) -> Result<Swept, StoreError> {
    let sessions = sqlx::query!(
        r#"
        delete from session where session_id in
            (select session_id from session where expires_at < $1 order by expires_at limit $2 for update skip locked)
        "#,
        before.ended,
        MOST
    )
    .execute(tx.sql())
    .await?
    .rows_affected();
    let tokens = sqlx::query!(
        r#"
        delete from access_token where token_hash in
            (select token_hash from access_token where coalesce(used_at, expires_at) < $1 limit $2 for update skip locked)
        "#,
        before.ended,
        MOST
    )
    .execute(tx.sql())
    .await?
    .rows_affected();
    let submissions = sqlx::query!(
        r#"
        delete from submission where submission_id in
            (select submission_id from submission where at < $1 order by at limit $2)
        "#,
        before.submissions,
        MOST
    )
    .execute(tx.sql())
    .await?
    .rows_affected();
    let drafts = sqlx::query!(
        r#"
        delete from draft where (person_id, form, object) in
            (select person_id, form, object from draft where updated_at < $1 order by updated_at limit $2 for update skip locked)
        "#,
        before.drafts,
        MOST
    )
    .execute(tx.sql())
    .await?
    .rows_affected();
    Ok(Swept { sessions, tokens, submissions, drafts })
}
