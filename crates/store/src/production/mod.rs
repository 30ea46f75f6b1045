//! Taking in what the shop floor reports: a fact is recorded, stock follows, the event tells the ERP.
//!
//! The same report again has no second effect, whenever it comes; a correction takes back what it stands for; a reversal may
//! come before what it takes back, and waits for it. Everything about one work order happens one after the other: its row is
//! locked first, then the lots of the item ([`crate::lots::lock_item`]).
//!
//! What is known of a report's material is in `material`, what it does to stock in `stock`, and its row, its event and the
//! work order's progress in `record`.

mod material;
mod record;
mod stock;

use chrono::{DateTime, Utc};
use domain::Decimal;
use domain::command::{ReportSnapshot, ReversalSnapshot};
use domain::id::{ConnectionId, PlantId, ReportId};
use domain::production::Reported;
use domain::production::intake::Stop;
use domain::refusal::Finding;
use sha2::{Digest as _, Sha256};

use self::record::{record, undo};
pub(crate) use self::stock::take;
use crate::error::{CommandError, StoreError};
use crate::tx::Tx;
use crate::work_orders::{self, Known};

/// What became of a report or a reversal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The report; for a reversal that came first, none yet.
    pub report_id: Option<ReportId>,
    /// It was known already.
    pub already: bool,
    /// Why its posting waits.
    pub stop: Option<Stop>,
    /// What is odd about it.
    pub remarks: Vec<Finding>,
}

/// Takes in a report.
pub async fn report(
    tx: &mut Tx,
    connection_id: ConnectionId,
    snapshot: &ReportSnapshot,
) -> Result<Taken, CommandError> {
    check(snapshot)?;
    let plant_id = plant(tx, &snapshot.plant).await?;
    let order = work_orders::find(tx, plant_id, &snapshot.work_order, true).await?;
    let order = order.ok_or_else(|| unknown_order(&snapshot.work_order, &snapshot.plant))?;
    let hash = content_hash(snapshot)?;
    if let Some(row) = sqlx::query!(
        "select report_id, content_hash from production_report where connection_id = $1 and their_ref = $2",
        connection_id.0,
        snapshot.their_ref
    )
    .fetch_optional(tx.sql())
    .await?
    {
        if row.content_hash == hash {
            return Ok(Taken {
                report_id: Some(ReportId(row.report_id)),
                already: true,
                stop: None,
                remarks: Vec::new(),
            });
        }
        return Err(CommandError::Invalid(format!(
            "Report {} came before with other content. A report is never changed: send a new one that corrects it.",
            snapshot.their_ref
        )));
    }
    let corrects = match &snapshot.corrects {
        Some(of) => {
            let reason = format!("corrected by {}", snapshot.their_ref);
            take_back(tx, connection_id, &order, &snapshot.their_ref, of, snapshot.at, &reason).await?
        }
        None => None,
    };
    let order = match corrects {
        Some(_) => work_orders::find(tx, plant_id, &snapshot.work_order, true).await?.unwrap_or(order),
        None => order,
    };
    let taken = record(tx, connection_id, &order, snapshot, &hash, corrects).await?;
    if let Some(report_id) = taken.report_id {
        reverse_at_once(tx, connection_id, &order, snapshot, report_id).await?;
    }
    Ok(taken)
}

/// Takes a report back. Where the report has not come yet, it is taken back the moment it comes.
pub async fn reverse(
    tx: &mut Tx,
    connection_id: ConnectionId,
    snapshot: &ReversalSnapshot,
) -> Result<Taken, CommandError> {
    if snapshot.their_ref.trim().is_empty() || snapshot.of.trim().is_empty() || snapshot.reason.trim().is_empty() {
        let words = "A reversal needs a key of its own, the key of what it takes back, and a reason.";
        return Err(CommandError::Invalid(words.to_owned()));
    }
    let plant_id = plant(tx, &snapshot.plant).await?;
    let order = work_orders::find(tx, plant_id, &snapshot.work_order, true).await?;
    let order = order.ok_or_else(|| unknown_order(&snapshot.work_order, &snapshot.plant))?;
    let known = sqlx::query!(
        "select of_ref, report_id from production_reversal where connection_id = $1 and their_ref = $2",
        connection_id.0,
        snapshot.their_ref
    )
    .fetch_optional(tx.sql())
    .await?;
    if let Some(known) = known {
        if known.of_ref != snapshot.of {
            return Err(CommandError::Invalid(format!(
                "Reversal {} came before, and took back {}.",
                snapshot.their_ref, known.of_ref
            )));
        }
        let report_id = known.report_id.map(ReportId);
        return Ok(Taken { report_id, already: true, stop: None, remarks: Vec::new() });
    }
    let report_id =
        take_back(tx, connection_id, &order, &snapshot.their_ref, &snapshot.of, snapshot.at, &snapshot.reason).await?;
    Ok(Taken { report_id, already: false, stop: None, remarks: Vec::new() })
}

fn unknown_order(number: &str, plant: &str) -> CommandError {
    CommandError::NotYet { what: format!("work order {number} of plant {plant}") }
}

fn check(snapshot: &ReportSnapshot) -> Result<(), CommandError> {
    let words = match &snapshot.what {
        _ if snapshot.their_ref.trim().is_empty() => "A report needs a key that is unique at its sender.",
        Reported::Consumed(it) if it.quantity <= Decimal::ZERO => {
            "A consumption needs a quantity above 0. What is put back is a reversal of the report."
        }
        Reported::Completed(it) if it.quantity < Decimal::ZERO || it.scrap < Decimal::ZERO => {
            "A completion needs quantities of 0 or more. What is taken back is a reversal of the report."
        }
        Reported::Completed(it) if it.quantity.is_zero() && it.scrap.is_zero() && !it.last => {
            "A completion needs a good or a scrapped quantity above 0."
        }
        Reported::Completed(it) if it.scrap > Decimal::ZERO && it.scrap_reason.as_deref().is_none_or(str::is_empty) => {
            "Scrap needs its reason."
        }
        _ => return Ok(()),
    };
    Err(CommandError::Invalid(words.to_owned()))
}

async fn plant(tx: &mut Tx, code: &str) -> Result<PlantId, CommandError> {
    sqlx::query_scalar!("select plant_id from plant where code = $1", code)
        .fetch_optional(tx.sql())
        .await?
        .map(PlantId)
        .ok_or_else(|| CommandError::NotYet { what: format!("plant {code}") })
}

fn content_hash(snapshot: &ReportSnapshot) -> Result<Vec<u8>, StoreError> {
    let text = serde_json::to_vec(snapshot).map_err(|error| StoreError::unreadable("report", error))?;
    Ok(Sha256::digest(text).to_vec())
}

/// Takes a report back, or remembers to do so when it comes. Gives the report where it is known.
async fn take_back(
    tx: &mut Tx,
    connection_id: ConnectionId,
    order: &Known,
    their_ref: &str,
    of: &str,
    at: DateTime<Utc>,
    reason: &str,
) -> Result<Option<ReportId>, CommandError> {
    let now = tx.now();
    let row = sqlx::query!(
        "select report_id, work_order_id, reversed_at from production_report where connection_id = $1 and their_ref = $2",
        connection_id.0,
        of
    )
    .fetch_optional(tx.sql())
    .await?;
    let report_id = row.as_ref().map(|row| ReportId(row.report_id));
    if let Some(row) = &row
        && row.work_order_id != order.order.work_order_id.0
    {
        return Err(CommandError::Invalid(format!(
            "Report {of} belongs to another work order than {}.",
            order.order.number
        )));
    }
    sqlx::query!(
        r#"
        insert into production_reversal (connection_id, their_ref, of_ref, work_order_id, plant_id, reason, at, recorded_at, report_id)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        "#,
        connection_id.0,
        their_ref,
        of,
        order.order.work_order_id.0,
        order.plant_id.0,
        reason,
        at,
        now,
        report_id.map(|id| id.0)
    )
    .execute(tx.sql())
    .await?;
    if let Some(report_id) = report_id
        && row.is_some_and(|row| row.reversed_at.is_none())
    {
        undo(tx, order, report_id, their_ref, at, reason).await?;
    }
    Ok(report_id)
}

/// A reversal that came before this report takes it back now.
async fn reverse_at_once(
    tx: &mut Tx,
    connection_id: ConnectionId,
    order: &Known,
    snapshot: &ReportSnapshot,
    report_id: ReportId,
) -> Result<(), CommandError> {
    let waiting = sqlx::query!(
        r#"
        update production_reversal set report_id = $3
        where connection_id = $1 and of_ref = $2 and report_id is null
        returning their_ref, at, reason
        "#,
        connection_id.0,
        snapshot.their_ref,
        report_id.0
    )
    .fetch_all(tx.sql())
    .await?;
    let Some(first) = waiting.into_iter().min_by_key(|it| it.at) else { return Ok(()) };
    let order = work_orders::find(tx, order.plant_id, &order.order.number, true)
        .await?
        .ok_or(CommandError::NotFound { what: "work order" })?;
    undo(tx, &order, report_id, &first.their_ref, first.at, &first.reason).await
}
