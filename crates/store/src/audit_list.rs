//! The audit log as administrators read it: newest first, filtered by object, actor, action and correlation.

use chrono::{DateTime, Utc};
use domain::access::{Action, Actor, may};
use domain::id::CorrelationId;
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Postgres, QueryBuilder, Row};

use crate::error::{CommandError, StoreError};
use crate::orders::read_json;
use crate::tx::Tx;

/// Which entries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// E.g. `order`.
    pub object_kind: Option<String>,
    /// Which, as it was noted.
    pub object: Option<String>,
    /// Words of the actor's name.
    pub actor: Option<String>,
    /// The beginning of the action: `order.` or `order.confirm`.
    pub action: Option<String>,
    /// Everything of one request.
    pub correlation: Option<CorrelationId>,
}

/// Which part of the list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Page {
    /// Older than this position.
    pub after: Option<i64>,
    /// Newer than this position, for going back.
    pub before: Option<i64>,
    /// Rows at the most.
    pub size: i64,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// Its place in the log.
    pub position: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    pub actor: Actor,
    /// From where.
    pub address: Option<String>,
    /// What was done.
    pub action: String,
    /// To what kind of thing.
    pub object_kind: String,
    /// Which.
    pub object: String,
    /// A name for it, where the id says nothing to a person.
    pub name: Option<String>,
    /// Before; only what changed.
    pub before: Option<Value>,
    /// After; only what changed.
    pub after: Option<Value>,
    /// Why.
    pub reason: Option<String>,
    /// What it belongs to.
    pub correlation: CorrelationId,
}

/// One page, the newest first.
pub async fn page(tx: &mut Tx, filter: &Filter, page: &Page) -> Result<Vec<AuditRow>, CommandError> {
    may(tx.actor(), Action::SeeAudit)?;
    let mut sql = QueryBuilder::<Postgres>::new(
        "
        select a.position, a.at, a.actor, a.address, a.action, a.object_kind, a.object_id, a.before, a.after, a.reason, a.correlation_id,
               coalesce(p.name, c.name, s.name, t.name) as name
        from audit_entry a
        left join person p on a.object_kind = 'person' and p.person_id::text = a.object_id
        left join connection c on a.object_kind = 'connection' and c.connection_id::text = a.object_id
        left join supplier s on a.object_kind = 'supplier' and s.supplier_id::text = a.object_id
        left join plant t on a.object_kind = 'plant' and t.plant_id::text = a.object_id
        where true",
    );
    let FilterParts { kind, object, actor, action } = FilterParts::of(filter);
    if let Some(kind) = kind {
        sql.push(" and a.object_kind = ").push_bind(kind);
    }
    if let Some(object) = object {
        sql.push(" and a.object_id = ").push_bind(object);
    }
    if let Some(actor) = actor {
        sql.push(" and a.actor ->> 'name' ilike ").push_bind(format!("%{actor}%"));
    }
    if let Some(action) = action {
        sql.push(" and a.action like ").push_bind(format!("{action}%"));
    }
    if let Some(correlation) = filter.correlation {
        sql.push(" and a.correlation_id = ").push_bind(correlation.0);
    }
    let backwards = page.before.is_some();
    if let Some(position) = page.before {
        sql.push(" and a.position > ").push_bind(position);
    } else if let Some(position) = page.after {
        sql.push(" and a.position < ").push_bind(position);
    }
    sql.push(if backwards { " order by a.position limit " } else { " order by a.position desc limit " });
    sql.push_bind(page.size.clamp(1, 500));
    let mut rows: Vec<AuditRow> = sql.build_query_as().fetch_all(tx.sql()).await?;
    if backwards {
        rows.reverse();
    }
    Ok(rows)
}

/// The filter's words, escaped for `like` where they are patterns.
struct FilterParts {
    kind: Option<String>,
    object: Option<String>,
    actor: Option<String>,
    action: Option<String>,
}

impl FilterParts {
    fn of(filter: &Filter) -> Self {
        let escaped = |text: &Option<String>| {
            text.as_ref().map(|text| text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"))
        };
        Self {
            kind: filter.object_kind.clone(),
            object: filter.object.clone(),
            actor: escaped(&filter.actor),
            action: escaped(&filter.action),
        }
    }
}

impl<'r> FromRow<'r, PgRow> for AuditRow {
    fn from_row(row: &'r PgRow) -> Result<Self, sqlx::Error> {
        let bad = |error: StoreError| sqlx::Error::Decode(Box::new(error));
        Ok(Self {
            position: row.try_get("position")?,
            at: row.try_get("at")?,
            actor: read_json("actor", row.try_get("actor")?).map_err(bad)?,
            address: row.try_get("address")?,
            action: row.try_get("action")?,
            object_kind: row.try_get("object_kind")?,
            object: row.try_get("object_id")?,
            name: row.try_get("name")?,
            before: row.try_get("before")?,
            after: row.try_get("after")?,
            reason: row.try_get("reason")?,
            correlation: CorrelationId(row.try_get("correlation_id")?),
        })
    }
}
