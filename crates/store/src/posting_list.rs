//! Postings that did not go through, grouped by cause, and one of them to decide on.

use chrono::{DateTime, Utc};
use domain::access::{Action, may};
use domain::id::{DeliveryId, ReportId, WorkOrderId};
use domain::production::Reported;
use domain::production::posting::Cause;
use uuid::Uuid;

use crate::error::CommandError;
use crate::orders::{read_json, read_word};
use crate::tx::Tx;

/// What waits for one cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Why.
    pub cause: Cause,
    /// Postings.
    pub count: i64,
    /// Work orders behind them.
    pub orders: i64,
    /// Since when the oldest one waits.
    pub oldest: DateTime<Utc>,
}

/// Every cause that something waits for, the most first. Those held behind another one of their work order are not counted:
/// they wait for it, and for nothing else.
pub async fn groups(tx: &mut Tx) -> Result<Vec<Group>, CommandError> {
    may(tx.actor(), Action::SeeProduction)?;
    let rows = sqlx::query!(
        r#"
        select coalesce(d.cause, 'other') as "cause!", count(*) as "count!", count(distinct d.subject_id) as "orders!",
               min(r.recorded_at) as "oldest!"
        from delivery d
        join production_report r on r.event_id = d.event_id
        where d.state = 'parked' and d.subject_kind = 'work_order'
        group by 1
        order by 2 desc, 1
        "#
    )
    .fetch_all(tx.sql())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Group {
                cause: read_word("cause", &row.cause)?,
                count: row.count,
                orders: row.orders,
                oldest: row.oldest,
            })
        })
        .collect()
}

/// A posting that waits.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// The report behind it.
    pub report_id: ReportId,
    /// What was reported.
    pub what: Reported,
    /// The report's sender's key.
    pub their_ref: String,
    /// Its work order: id, number, plant code.
    pub order: (WorkOrderId, String, String),
    /// Its delivery.
    pub delivery_id: DeliveryId,
    /// Why it waits.
    pub cause: Cause,
    /// In words.
    pub reason: String,
    /// By a rule of ours, and not because the ERP refused it.
    pub ours: bool,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// When we learned it.
    pub recorded_at: DateTime<Utc>,
    /// Postings held behind it.
    pub behind: i64,
    /// Taken back meanwhile.
    pub reversed: bool,
}

/// Where a page begins: behind this report.
pub type Key = (DateTime<Utc>, Uuid);

/// Postings that wait, the oldest first, for one cause or all; at most so many. `one` looks for one report.
pub async fn list(
    tx: &mut Tx,
    cause: Option<Cause>,
    one: Option<ReportId>,
    after: Option<Key>,
    most: i64,
) -> Result<Vec<Waiting>, CommandError> {
    may(tx.actor(), Action::SeeProduction)?;
    let rows = sqlx::query!(
        r#"
        select r.report_id, r.body, r.their_ref, r.at, r.recorded_at, r.stop is not null as "ours!", w.work_order_id, w.number,
               p.code as plant, d.delivery_id, coalesce(d.cause, 'other') as "cause!",
               coalesce(r.stop_reason, d.fault_message, '') as "reason!", r.reversed_at is not null as "reversed!",
               (select count(*) from delivery b
                where b.connection_id = d.connection_id and b.subject_id = d.subject_id and b.state = 'held') as "behind!"
        from delivery d
        join production_report r on r.event_id = d.event_id
        join work_order w on w.work_order_id = r.work_order_id
        join plant p on p.plant_id = w.plant_id
        where d.state = 'parked' and d.subject_kind = 'work_order'
          and ($1::text is null or coalesce(d.cause, 'other') = $1)
          and ($2::uuid is null or r.report_id = $2)
          and ($3::timestamptz is null or (r.recorded_at, r.report_id) > ($3, $4))
        order by r.recorded_at, r.report_id
        limit $5
        "#,
        cause.map(Cause::as_str),
        one.map(|id| id.0),
        after.map(|key| key.0),
        after.map(|key| key.1),
        most
    )
    .fetch_all(tx.sql())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Waiting {
                report_id: ReportId(row.report_id),
                what: read_json("report", row.body)?,
                their_ref: row.their_ref,
                order: (WorkOrderId(row.work_order_id), row.number, row.plant),
                delivery_id: DeliveryId(row.delivery_id),
                cause: read_word("cause", &row.cause)?,
                reason: row.reason,
                ours: row.ours,
                at: row.at,
                recorded_at: row.recorded_at,
                behind: row.behind,
                reversed: row.reversed,
            })
        })
        .collect()
}
