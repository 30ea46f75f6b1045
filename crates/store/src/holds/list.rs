//! Lists of holds, cut by key.

use chrono::{DateTime, Utc};
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use super::HoldRecord;
use super::rows::{COLUMNS, TABLES};
use crate::error::StoreError;
use crate::order_list::COUNTED;
use crate::paging::{NoPlace, Page};
use crate::tx::Tx;

/// Which holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HoldFilter {
    /// Those in force, or those that ended.
    pub released: bool,
    /// Only those whose release waits for a second person.
    pub requested_only: bool,
    /// Number, item, lot, owner or supplier contains these words.
    pub text: Option<String>,
}

/// A place in the list: when it was placed, and which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// When it was placed.
    pub at: DateTime<Utc>,
    /// Which.
    pub id: Uuid,
}

/// As in an address: microseconds, a dot, the id.
impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.at.timestamp_micros(), self.id)
    }
}

impl std::str::FromStr for Place {
    type Err = NoPlace;

    fn from_str(text: &str) -> Result<Self, NoPlace> {
        let (at, id) = text.split_once('.').ok_or(NoPlace)?;
        let at = at.parse().ok().and_then(DateTime::from_timestamp_micros).ok_or(NoPlace)?;
        Ok(Self { at, id: id.parse().map_err(|_| NoPlace)? })
    }
}

impl HoldRecord {
    /// Its place in the list.
    pub const fn place(&self) -> Place {
        Place { at: self.placed_at, id: self.hold_id.0 }
    }
}

/// One page of the holds within the scope. Those in force: the longest standing first; ended ones: the last placed first.
pub async fn page(tx: &mut Tx, filter: &HoldFilter, at: &Page<Place>) -> Result<Vec<HoldRecord>, StoreError> {
    let mut sql = QueryBuilder::<Postgres>::new(COLUMNS);
    sql.push(TABLES);
    conditions(&mut sql, filter);
    let order = ["h.placed_at", "h.hold_id"];
    if let Some(key) = at.key() {
        at.push_key(&mut sql, order, (key.at, key.id), filter.released);
    }
    at.push_order(&mut sql, &order, filter.released);
    Ok(at.in_order(sql.build_query_as().fetch_all(tx.sql()).await?))
}

/// The first `most` of [`page`].
pub async fn list(tx: &mut Tx, filter: &HoldFilter, most: i64) -> Result<Vec<HoldRecord>, StoreError> {
    page(tx, filter, &Page::first(most)).await
}

/// How many a filter matches, at most one more than [`COUNTED`].
pub async fn count(tx: &mut Tx, filter: &HoldFilter) -> Result<i64, StoreError> {
    let mut sql = QueryBuilder::<Postgres>::new("select count(*) from (select 1 ");
    sql.push(TABLES);
    conditions(&mut sql, filter);
    sql.push(" limit ").push_bind(COUNTED + 1).push(") matching");
    Ok(sql.build_query_scalar().fetch_one(tx.sql()).await?)
}

/// The policy below is the scope: a hold without a plant counts in each, which no list of plants says.
fn conditions(sql: &mut QueryBuilder<Postgres>, filter: &HoldFilter) {
    sql.push(if filter.released { " where h.state = 'released'" } else { " where h.state <> 'released'" });
    if filter.requested_only {
        sql.push(" and h.state = 'release_requested'");
    }
    if let Some(text) = &filter.text {
        sql.push(" and concat_ws(' ', h.number, h.item_number, l.number, h.serial, h.owner, s.name) ilike ");
        sql.push_bind(contains(text));
    }
}

/// For `ilike`: contains these words as they are.
pub(crate) fn contains(words: &str) -> String {
    format!("%{}%", words.trim().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"))
}
