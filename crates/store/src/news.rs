//! What is new in the log, for open pages that show that they are no longer the latest.
//!
//! A hint, not a feed: it says *that* something happened to a thing, never what, and a page that misses it is merely older
//! than it could be. Nothing that matters may depend on it; what matters reads the log with a gap list (`crate::deliveries`).

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::error::StoreError;
use crate::tx::Tx;

/// How far back each look reaches before what was seen last, for positions that became visible late.
const OVERLAP: i64 = 200;
/// Events of one look at the most; more are left to the next.
const MOST: i64 = 2_000;

/// Something happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// Where it stands in the log.
    pub position: i64,
    /// The kind of thing it happened to, e.g. `order`.
    pub subject_kind: String,
    /// The thing.
    pub subject_id: Uuid,
    /// The plant it concerns.
    pub plant_id: Option<Uuid>,
    /// The supplier it concerns.
    pub supplier_id: Option<Uuid>,
}

/// The end of the log at this moment.
pub async fn end(tx: &mut Tx) -> Result<i64, StoreError> {
    let end = sqlx::query_scalar!(r#"select position from event order by position desc limit 1"#)
        .fetch_optional(tx.sql())
        .await?;
    Ok(end.unwrap_or(0))
}

/// What stands after `position`, and a little before it, in the order of the log. Whoever calls drops what he has seen.
pub async fn since(tx: &mut Tx, position: i64) -> Result<Vec<News>, StoreError> {
    Ok(sqlx::query_as!(
        News,
        r#"
        select position, subject_kind, subject_id, plant_id, supplier_id
        from event
        where position > $1
        order by position
        limit $2
        "#,
        position.saturating_sub(OVERLAP),
        MOST + OVERLAP,
    )
    .fetch_all(tx.sql())
    .await?)
}

/// When any connection's deliveries last moved: a page that shows what other systems know may be older than that.
pub async fn deliveries_moved_at(tx: &mut Tx) -> Result<Option<DateTime<Utc>>, StoreError> {
    Ok(sqlx::query_scalar!("select max(moved_at) from connection_reader").fetch_one(tx.sql()).await?)
}

/// Something that changes whenever a delivery about this thing does; within the scope of whoever asks.
pub async fn deliveries_of(tx: &mut Tx, subject: Uuid) -> Result<String, StoreError> {
    let seen = sqlx::query_scalar!(
        r#"
        select string_agg(state || attempts::text, ',' order by event_position, delivery_id) as seen
        from (
            select state, attempts, event_position, delivery_id from delivery
            where subject_id = $1
            order by event_position desc
            limit 200
        ) latest
        "#,
        subject
    )
    .fetch_one(tx.sql())
    .await?;
    Ok(seen.unwrap_or_default())
}
