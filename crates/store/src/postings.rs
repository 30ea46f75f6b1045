//! Postings that wait, and how they go again: by themselves once their cause is gone, or because a person corrects, cancels
//! or lets go what was reported.
//!
//! What waits is little, so the loop that calls [`go_again`] looks at all of it, in pages; nothing else in the program has to
//! remember to wake a posting. A posting that waits by a rule of ours is a report with a `stop`; one that the ERP refused is
//! a parked delivery with a `cause`. Both are parked deliveries of the report's event, and go again through the ordinary
//! retry.

use std::collections::HashMap;

use domain::Decimal;
use domain::access::{Action, may};
use domain::command::{ReportSnapshot, ReversalSnapshot};
use domain::conversion::{ItemUnit, convert};
use domain::id::{ConnectionId, DeliveryId, ItemId, LotId, ReportId};
use domain::production::Reported;
use domain::production::intake::stop;
use domain::quantity::Unit;
use serde_json::json;
use uuid::Uuid;

use crate::error::{CommandError, StoreError};
use crate::lots::lock_item;
use crate::orders::read_json;
use crate::production::{self, Taken};
use crate::tx::Tx;
use crate::{audit, deliveries, lot_facts};

/// Reports looked at in one transaction.
const PAGE: i64 = 200;

/// What one look came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Again {
    /// Reports whose missing quantity came.
    pub covered: usize,
    /// Reports that wait no more.
    pub freed: usize,
    /// Deliveries that are tried again.
    pub retried: usize,
    /// Deliveries whose report was taken back before the other side had it.
    pub superseded: usize,
}

/// Takes what was reported before it had come from the stock that has come since, the oldest first; at most some hundred
/// reports. Called until it gives 0.
pub async fn cover(tx: &mut Tx) -> Result<usize, CommandError> {
    let rows = sqlx::query!(
        r#"
        select r.report_id, l.lot_id, l.item_id
        from production_report r
        join lot l on l.plant_id = r.plant_id and l.item_id = r.item_id and l.number = r.lot
        join lot_stock s on s.lot_id = l.lot_id and s.status = 'unrestricted' and s.quantity > 0
        where r.uncovered > 0
        order by l.item_id, r.at, r.report_id
        limit $1
        "#,
        PAGE
    )
    .fetch_all(tx.sql())
    .await?;
    let mut covered = 0;
    for row in &rows {
        lock_item(tx, ItemId(row.item_id)).await?;
        let Some(now) = sqlx::query!(
            "select uncovered, at from production_report where report_id = $1 and uncovered > 0 for update",
            row.report_id
        )
        .fetch_optional(tx.sql())
        .await?
        else {
            continue;
        };
        let left = production::take(tx, LotId(row.lot_id), ReportId(row.report_id), now.uncovered, now.at).await?;
        if left < now.uncovered {
            covered += 1;
            sqlx::query!(
                "update production_report set uncovered = $2, lot_id = $3 where report_id = $1",
                row.report_id,
                left,
                row.lot_id
            )
            .execute(tx.sql())
            .await?;
        }
    }
    Ok(covered)
}

/// Looks again at a page of the reports whose posting waits by a rule of ours, after `after`; gives how many wait no more and
/// where to go on, none at the end.
pub async fn look_again(tx: &mut Tx, after: Option<Uuid>) -> Result<(usize, Option<Uuid>), CommandError> {
    let rows = sqlx::query!(
        r#"
        select r.report_id, r.plant_id, r.item_id, coalesce(r.lot_id, l.lot_id) as lot_id, r.lot, r.serials, r.uncovered, r.stop,
               r.stop_reason, r.quantity, r.unit, coalesce(l.unit, i.base_unit) as stock_unit, i.base_unit as "base_unit?",
               (l.lot_id is null and exists (
                   select from stock k
                   where k.plant_id = r.plant_id and k.item_id = r.item_id and k.lot = r.lot and k.on_hand > 0
               )) as "elsewhere!"
        from production_report r
        left join item i on i.item_id = r.item_id
        left join lot l on l.plant_id = r.plant_id and l.item_id = r.item_id and l.number = r.lot
        where r.stop is not null and r.reversed_at is null and ($1::uuid is null or r.report_id > $1)
        order by r.report_id
        limit $2
        "#,
        after,
        PAGE
    )
    .fetch_all(tx.sql())
    .await?;
    let lots: Vec<Uuid> = rows.iter().filter_map(|row| row.lot_id).collect();
    let facts = lot_facts::of(tx, &lots).await?;
    let items: Vec<Uuid> =
        rows.iter().filter(|row| row.stop.as_deref() == Some("unit_unknown")).filter_map(|row| row.item_id).collect();
    let units = units_of(tx, &items).await?;
    let mut freed = 0;
    for row in &rows {
        let Some(lot) = &row.lot else { continue };
        let mut uncovered = row.uncovered;
        if row.stop.as_deref() == Some("unit_unknown") {
            let known = row.item_id.and_then(|item| units.get(&item)).map_or(&[][..], Vec::as_slice);
            let Some(booked) = converted(row.quantity, &row.unit, &row.stock_unit, &row.base_unit, known) else {
                continue;
            };
            // From here on it is like any other that was taken before it came.
            uncovered = booked;
            sqlx::query!(
                "update production_report set stock_quantity = $2, stock_unit = $3, uncovered = $2 where report_id = $1",
                row.report_id,
                booked,
                row.stock_unit
            )
            .execute(tx.sql())
            .await?;
        }
        let known = row.lot_id.and_then(|lot| facts.get(&lot));
        let today = known.map_or_else(|| tx.now().date_naive(), |known| known.today);
        match stop(lot, known.map(|known| &known.facts), row.elsewhere, &row.serials, uncovered, today) {
            None => {
                freed += 1;
                free(tx, ReportId(row.report_id)).await?;
            }
            Some((cause, words)) if row.stop_reason.as_ref() != Some(&words) => {
                sqlx::query!(
                    "update production_report set stop = $2, stop_reason = $3 where report_id = $1",
                    row.report_id,
                    cause.as_str(),
                    words
                )
                .execute(tx.sql())
                .await?;
            }
            Some(_) => {}
        }
    }
    let next = rows.last().map(|row| row.report_id).filter(|_| i64::try_from(rows.len()) == Ok(PAGE));
    Ok((freed, next))
}

async fn units_of(tx: &mut Tx, items: &[Uuid]) -> Result<HashMap<Uuid, Vec<ItemUnit>>, StoreError> {
    let mut units: HashMap<Uuid, Vec<ItemUnit>> = HashMap::new();
    if items.is_empty() {
        return Ok(units);
    }
    let rows = sqlx::query!("select item_id, unit, of_base, of_unit from item_unit where item_id = any($1)", items)
        .fetch_all(tx.sql())
        .await?;
    for row in rows {
        let unit = ItemUnit { unit: Unit::new(&row.unit), times: row.of_base, over: row.of_unit };
        units.entry(row.item_id).or_default().push(unit);
    }
    Ok(units)
}

fn converted(
    quantity: Option<Decimal>,
    from: &Option<String>,
    to: &Option<String>,
    base: &Option<String>,
    units: &[ItemUnit],
) -> Option<Decimal> {
    let unit = |code: &Option<String>| code.as_deref().map(Unit::new);
    convert(quantity?, &unit(from)?, &unit(to)?, &unit(base)?, units)
}

async fn free(tx: &mut Tx, report_id: ReportId) -> Result<(), StoreError> {
    sqlx::query!(
        "update production_report set freed_reason = stop_reason, stop = null, stop_reason = null where report_id = $1",
        report_id.0
    )
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// Tries again what was parked for a cause that is gone, and lays aside what was taken back before it was told. What the ERP
/// gave as cause is gone when something has happened since that may have mended it; where nothing of the kind can be seen
/// from here, it is asked again after a while.
pub async fn go_again(tx: &mut Tx) -> Result<Again, CommandError> {
    let now = tx.now();
    let rows = sqlx::query!(
        r#"
        select d.delivery_id, r.reversed_at is not null and d.event_id = r.event_id as "taken_back!", d.cause as "cause!"
        from delivery d
        cross join lateral (
            select * from production_report r where r.event_id = d.event_id
            union all
            select * from production_report r where r.reversal_event_id = d.event_id
        ) r
        cross join lateral (
            select coalesce(max(a.at), d.created_at) as at from attempt a where a.delivery_id = d.delivery_id
        ) t
        where d.state = 'parked' and d.cause is not null
          and (
            (r.reversed_at is not null and d.event_id = r.event_id and d.fault_class in ('refused', 'permanent'))
            or (r.stop is null and case
                when r.freed_reason = d.fault_message then true
                when d.cause = 'order_locked' then t.at < $1::timestamptz - interval '1 minute'
                when d.cause = 'period_closed' then t.at < $1::timestamptz - interval '1 hour'
                when d.cause = 'unit_unknown' then t.at < $1::timestamptz - interval '1 hour'
                when d.cause = 'order_closed' then exists (
                    select from work_order w
                    where w.work_order_id = r.work_order_id and w.changed_at > t.at and w.status not in ('closed', 'cancelled'))
                when d.cause in ('stock_missing', 'lot_blocked') then
                    t.at < $1::timestamptz - interval '1 hour'
                    or exists (select from lot_movement m
                               where m.lot_id = r.lot_id and m.to_status is not null and m.recorded_at > t.at)
                    or exists (select from stock k
                               where k.item_id = r.item_id and k.plant_id = r.plant_id and k.learned_at > t.at)
                else false
            end)
          )
        order by d.created_at
        limit $2
        "#,
        now,
        PAGE
    )
    .fetch_all(tx.sql())
    .await?;
    let mut again = Again::default();
    for row in rows {
        let delivery = DeliveryId(row.delivery_id);
        if row.taken_back {
            deliveries::supersede(tx, delivery, "The report was taken back before it was posted.").await?;
            again.superseded += 1;
        } else {
            let reason = format!("Goes again by itself: {} may be mended.", row.cause.replace('_', " "));
            deliveries::retry(tx, delivery, &reason).await?;
            again.retried += 1;
        }
    }
    Ok(again)
}

/// What a person changes of a report whose posting is blocked. What is none stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Correction {
    /// Another quantity.
    pub quantity: Option<Decimal>,
    /// In another unit.
    pub unit: Option<Unit>,
    /// Of another lot.
    pub lot: Option<String>,
}

struct Original {
    connection_id: ConnectionId,
    their_ref: String,
    before: serde_json::Value,
    plant: String,
    work_order: String,
    what: Reported,
    row: Row,
}

struct Row {
    at: domain::Timestamp,
    station: Option<String>,
    operator: Option<String>,
}

async fn original(tx: &mut Tx, report_id: ReportId) -> Result<Original, CommandError> {
    may(tx.actor(), Action::ManagePostings)?;
    let row = sqlx::query!(
        r#"
        select r.connection_id, r.their_ref, r.body, r.at, r.station, r.operator, r.stop, r.stop_reason, r.reversed_at,
               p.code as plant, w.number as work_order
        from production_report r join plant p using (plant_id) join work_order w using (work_order_id)
        where r.report_id = $1
        "#,
        report_id.0
    )
    .fetch_optional(tx.sql())
    .await?
    .ok_or(CommandError::NotFound { what: "report" })?;
    if row.reversed_at.is_some() {
        return Err(CommandError::Invalid(
            "This report was taken back already; there is nothing to decide.".to_owned(),
        ));
    }
    Ok(Original {
        connection_id: ConnectionId(row.connection_id),
        before: json!({ "report": row.body, "stop": row.stop, "stop_reason": row.stop_reason }),
        their_ref: row.their_ref,
        plant: row.plant,
        work_order: row.work_order,
        what: read_json("report", row.body)?,
        row: Row { at: row.at, station: row.station, operator: row.operator },
    })
}

fn explained(reason: &str) -> Result<String, CommandError> {
    let reason = reason.trim();
    match reason.chars().count() {
        0 => Err(CommandError::Invalid("Say why in a few words; it stays with the report.".to_owned())),
        501.. => Err(CommandError::Invalid("Keep the reason under 500 characters.".to_owned())),
        _ => Ok(reason.to_owned()),
    }
}

/// A person puts another report in the place of one whose posting is blocked. The original is kept; its stock effect and, where
/// it got so far, its posting are taken back. The same key twice is the same correction.
pub async fn correct(
    tx: &mut Tx,
    report_id: ReportId,
    submission: Uuid,
    correction: &Correction,
    reason: &str,
) -> Result<Taken, CommandError> {
    let reason = explained(reason)?;
    let key = format!("correction-{submission}");
    if let Some(known) = known(tx, &key).await? {
        return Ok(Taken { report_id: Some(known), already: true, stop: None, remarks: Vec::new() });
    }
    let original = original(tx, report_id).await?;
    let mut what = original.what.clone();
    match &mut what {
        Reported::Consumed(it) => {
            it.quantity = correction.quantity.unwrap_or(it.quantity);
            it.unit = correction.unit.clone().unwrap_or_else(|| it.unit.clone());
            it.lot = correction.lot.clone().or_else(|| it.lot.clone());
        }
        Reported::Completed(it) => {
            it.quantity = correction.quantity.unwrap_or(it.quantity);
            it.unit = correction.unit.clone().unwrap_or_else(|| it.unit.clone());
            it.lot = correction.lot.clone().or_else(|| it.lot.clone());
        }
        Reported::Started { .. } | Reported::Stopped { .. } | Reported::Inspected(_) => {
            return Err(CommandError::Invalid(
                "Only a consumption or a completion is posted and can be corrected.".to_owned(),
            ));
        }
    }
    if what == original.what {
        return Err(CommandError::Invalid("Nothing was changed. Change the quantity, the unit or the lot.".to_owned()));
    }
    let snapshot = ReportSnapshot {
        their_ref: key,
        plant: original.plant.clone(),
        work_order: original.work_order.clone(),
        at: original.row.at,
        station: original.row.station.clone(),
        operator: original.row.operator.clone(),
        corrects: Some(original.their_ref.clone()),
        what,
    };
    let taken = production::report(tx, original.connection_id, &snapshot).await?;
    let after = json!({ "report": snapshot.what, "corrected_by": taken.report_id });
    note(tx, "production_report.correct", report_id, original, after, reason).await?;
    Ok(taken)
}

/// A person says that what was reported did not happen: its stock effect and, where it got so far, its posting are taken back.
pub async fn cancel(tx: &mut Tx, report_id: ReportId, submission: Uuid, reason: &str) -> Result<(), CommandError> {
    let reason = explained(reason)?;
    let key = format!("cancellation-{submission}");
    let again =
        sqlx::query_scalar!(r#"select exists (select from production_reversal where their_ref = $1) as "again!""#, key)
            .fetch_one(tx.sql())
            .await?;
    if again {
        return Ok(());
    }
    let original = original(tx, report_id).await?;
    let snapshot = ReversalSnapshot {
        their_ref: key,
        plant: original.plant.clone(),
        work_order: original.work_order.clone(),
        of: original.their_ref.clone(),
        at: tx.now(),
        reason: reason.clone(),
    };
    production::reverse(tx, original.connection_id, &snapshot).await?;
    note(tx, "production_report.cancel", report_id, original, json!({ "cancelled": true }), reason).await
}

/// A person sends a posting that a rule of ours keeps back: what happened is booked although the lot is not free.
pub async fn let_go(tx: &mut Tx, report_id: ReportId, reason: &str) -> Result<(), CommandError> {
    let reason = explained(reason)?;
    let original = original(tx, report_id).await?;
    if original.before["stop"].is_null() {
        return Err(CommandError::Invalid(
            "No rule keeps this posting back. Where the ERP refused it, retry its delivery.".to_owned(),
        ));
    }
    free(tx, report_id).await?;
    note(tx, "production_report.let_go", report_id, original, json!({ "stop": null }), reason).await
}

async fn known(tx: &mut Tx, key: &str) -> Result<Option<ReportId>, StoreError> {
    let found = sqlx::query_scalar!("select report_id from production_report where their_ref = $1", key)
        .fetch_optional(tx.sql())
        .await?;
    Ok(found.map(ReportId))
}

async fn note(
    tx: &mut Tx,
    action: &str,
    report_id: ReportId,
    original: Original,
    after: serde_json::Value,
    reason: String,
) -> Result<(), CommandError> {
    let plant_id = sqlx::query_scalar!("select plant_id from production_report where report_id = $1", report_id.0)
        .fetch_one(tx.sql())
        .await?;
    audit::append(
        tx,
        audit::Entry {
            action,
            object_kind: "production_report",
            object_id: report_id.to_string(),
            before: Some(original.before),
            after: Some(after),
            reason: Some(reason),
            plant_id: Some(domain::id::PlantId(plant_id)),
            supplier_id: None,
        },
    )
    .await?;
    Ok(())
}
