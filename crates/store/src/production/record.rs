//! The row of a report, its event, and how far it takes its work order; and all of that undone.

use chrono::{DateTime, Utc};
use domain::Decimal;
use domain::command::ReportSnapshot;
use domain::event::Event;
use domain::id::{ConnectionId, EventId, ItemId, LotId, ReportId};
use domain::production::intake::remarks;
use domain::production::posting::Cause;
use domain::production::{Report, Reported};
use domain::quantity::{Quantity, Unit};
use domain::work_order::WorkOrderStatus;

use super::Taken;
use super::material::{Effect, before_completion, before_consumption, material, place};
use super::stock::{bring, judge, put_back, take, take_away};
use crate::error::{CommandError, StoreError};
use crate::events::{self, About};
use crate::lots::lock_item;
use crate::orders::read_json;
use crate::tx::Tx;
use crate::work_orders::Known;

pub(super) async fn record(
    tx: &mut Tx,
    connection_id: ConnectionId,
    order: &Known,
    snapshot: &ReportSnapshot,
    hash: &[u8],
    corrects: Option<ReportId>,
) -> Result<Taken, CommandError> {
    let report_id = ReportId(tx.new_id());
    let mut what = snapshot.what.clone();
    // Its row stands before its movements, which name it; what they came to is added below.
    let mut effect = match &mut what {
        Reported::Consumed(it) => Box::pin(before_consumption(tx, order, snapshot, it)).await?,
        Reported::Completed(it) => before_completion(tx, order, snapshot, it).await?,
        Reported::Started { .. } | Reported::Stopped { .. } => {
            Effect { remarks: remarks(&place(order, snapshot, None, false, tx.now())), ..Effect::default() }
        }
        Reported::Inspected(it) => Effect {
            lot: it.lot.clone(),
            remarks: remarks(&place(order, snapshot, None, false, tx.now())),
            ..Effect::default()
        },
    };
    let event_id = append(tx, order, &what, snapshot, report_id, effect.booked.clone()).await?;
    insert(tx, connection_id, order, snapshot, hash, corrects, report_id, event_id, &what, &effect).await?;
    match &what {
        Reported::Consumed(it) => {
            if let (Some(lot_id), Some(booked)) = (effect.lot_id, &effect.booked) {
                effect.uncovered = take(tx, lot_id, report_id, booked.value, snapshot.at).await?;
            } else if let (Some(booked), true) = (&effect.booked, effect.lot.is_some()) {
                effect.uncovered = booked.value;
            }
            if let (Some(lot), Some((item_id, _)), Some(_), None) =
                (&effect.lot, &effect.item, &effect.booked, &effect.stop)
            {
                let place = (order.plant_id, *item_id);
                effect.stop = judge(tx, place, effect.lot_id, lot, &it.serials, effect.uncovered).await?;
            }
        }
        Reported::Completed(_) => {
            if let (Some(lot_id), Some(booked)) = (effect.lot_id, &effect.booked) {
                bring(tx, lot_id, report_id, order, booked.value, snapshot.at).await?;
            }
        }
        Reported::Started { .. } | Reported::Stopped { .. } | Reported::Inspected(_) => {}
    }
    let (cause, words) = effect.stop.clone().unzip();
    sqlx::query!(
        "update production_report set uncovered = $2, stop = $3, stop_reason = $4 where report_id = $1 and ($2::numeric > 0 or $3::text is not null)",
        report_id.0,
        effect.uncovered,
        cause.map(Cause::as_str),
        words
    )
    .execute(tx.sql())
    .await?;
    progress(tx, order, snapshot, &what, &effect, 1).await?;
    Ok(Taken { report_id: Some(report_id), already: false, stop: effect.stop, remarks: effect.remarks })
}

async fn append(
    tx: &mut Tx,
    order: &Known,
    what: &Reported,
    snapshot: &ReportSnapshot,
    report_id: ReportId,
    booked: Option<Quantity>,
) -> Result<EventId, CommandError> {
    let report = Box::new(Report {
        report_id,
        their_ref: snapshot.their_ref.clone(),
        work_order: order.order.number.clone(),
        at: snapshot.at,
        station: snapshot.station.clone(),
        operator: snapshot.operator.clone(),
        corrects: snapshot.corrects.clone(),
        booked,
        what: what.clone(),
    });
    let event = match what {
        Reported::Consumed(_) => Event::MaterialConsumed { report },
        Reported::Completed(_) => Event::OutputCompleted { report },
        Reported::Started { .. } | Reported::Stopped { .. } => Event::OperationMoved { report },
        Reported::Inspected(_) => Event::InProcessInspected { report },
    };
    let ids = events::append(tx, posted_about(order), &[event], None).await?;
    ids.first().copied().ok_or(CommandError::NotFound { what: "event" })
}

/// What was reported is posted by the ERP that the work order lives in, and by no other.
const fn posted_about(order: &Known) -> About {
    About { home: Some(order.connection_id), ..order.about() }
}

#[expect(clippy::too_many_arguments, reason = "one row, written in one place")]
async fn insert(
    tx: &mut Tx,
    connection_id: ConnectionId,
    order: &Known,
    snapshot: &ReportSnapshot,
    hash: &[u8],
    corrects: Option<ReportId>,
    report_id: ReportId,
    event_id: EventId,
    what: &Reported,
    effect: &Effect,
) -> Result<(), CommandError> {
    let now = tx.now();
    let body = serde_json::to_value(what).map_err(|error| StoreError::unreadable("report", error))?;
    let odd = serde_json::to_value(&effect.remarks).map_err(|error| StoreError::unreadable("remarks", error))?;
    sqlx::query!(
        r#"
        insert into production_report (report_id, connection_id, their_ref, content_hash, work_order_id, plant_id, kind, component,
                                       item_id, item_number, lot_id, lot, serials, quantity, unit, stock_quantity, stock_unit,
                                       scrap, scrap_reason, station, operator, body, at, recorded_at, event_id, corrects, remarks)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24,
                $25, $26, $27)
        "#,
        report_id.0,
        connection_id.0,
        snapshot.their_ref,
        hash,
        order.order.work_order_id.0,
        order.plant_id.0,
        what.kind().as_str(),
        effect.component,
        effect.item.as_ref().map(|(id, _)| id.0),
        effect.item.as_ref().map(|(_, number)| number.as_str()),
        effect.lot_id.map(|id| id.0),
        effect.lot,
        &effect.serials,
        effect.quantity.as_ref().map(|it| it.value),
        effect.quantity.as_ref().map(|it| it.unit.code()),
        effect.booked.as_ref().map(|it| it.value),
        effect.booked.as_ref().map(|it| it.unit.code()),
        effect.scrap,
        effect.scrap_reason,
        snapshot.station,
        snapshot.operator,
        body,
        snapshot.at,
        now,
        event_id.0,
        corrects.map(|id| id.0),
        odd
    )
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// Counts a report (`sign` 1) or its reversal (−1) on its work order.
async fn progress(
    tx: &mut Tx,
    order: &Known,
    snapshot: &ReportSnapshot,
    what: &Reported,
    effect: &Effect,
    sign: i8,
) -> Result<(), CommandError> {
    let sign = Decimal::from(sign);
    let (mut good, mut bad, mut last) = (Decimal::ZERO, Decimal::ZERO, false);
    match what {
        Reported::Consumed(it) => {
            let part = order.order.components.iter().find(|part| effect.component.as_ref() == Some(&part.number));
            if let Some(part) = part
                && let Some(more) = material(tx, &it.item).await?.convert(it.quantity, &it.unit, &part.unit)
            {
                sqlx::query!(
                    "update work_order_component set consumed = consumed + $3 where work_order_id = $1 and number = $2",
                    order.order.work_order_id.0,
                    part.number,
                    more * sign
                )
                .execute(tx.sql())
                .await?;
            }
        }
        Reported::Completed(it) => {
            let material = material(tx, &order.order.item).await?;
            let in_order = |value| material.convert(value, &it.unit, &order.order.unit).unwrap_or_default();
            (good, bad, last) =
                (in_order(it.quantity) * sign, in_order(it.scrap) * sign, it.last && sign.is_sign_positive());
        }
        Reported::Started { .. } => {}
        // Nothing is begun by the end of an operation or by a measured value alone.
        Reported::Stopped { .. } | Reported::Inspected(_) => return Ok(()),
    }
    let now = tx.now();
    let complete = last || order.completed + good >= order.order.quantity;
    let status = match order.order.status {
        WorkOrderStatus::Closed | WorkOrderStatus::Cancelled => order.order.status,
        _ if complete => WorkOrderStatus::Completed,
        _ if sign.is_sign_positive() || order.begun => WorkOrderStatus::InProcess,
        same => same,
    };
    sqlx::query!(
        r#"
        update work_order
        set completed = completed + $2, scrapped = scrapped + $3, status = $4,
            begun_at = case when $7 then least(coalesce(begun_at, $5), $5) else begun_at end,
            finished_at = case when $4 in ('completed', 'closed') then coalesce(finished_at, $5) end,
            changed_at = $6
        where work_order_id = $1
        "#,
        order.order.work_order_id.0,
        good,
        bad,
        status.as_str(),
        snapshot.at,
        now,
        sign.is_sign_positive()
    )
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// Undoes what a report did: stock, progress, and the ERP by an event of its own.
pub(super) async fn undo(
    tx: &mut Tx,
    order: &Known,
    report_id: ReportId,
    their_ref: &str,
    at: DateTime<Utc>,
    reason: &str,
) -> Result<(), CommandError> {
    let item = sqlx::query_scalar!("select item_id from production_report where report_id = $1", report_id.0)
        .fetch_optional(tx.sql())
        .await?;
    if let Some(Some(item_id)) = item {
        lock_item(tx, ItemId(item_id)).await?;
    }
    let row = sqlx::query!(
        r#"
        select their_ref, body, at, station, operator, lot_id, component, stock_quantity, stock_unit, uncovered
        from production_report where report_id = $1 and reversed_at is null
        "#,
        report_id.0
    )
    .fetch_optional(tx.sql())
    .await?;
    let Some(row) = row else { return Ok(()) };
    let what: Reported = read_json("report", row.body)?;
    let mut owed = Decimal::ZERO;
    if let (Some(lot_id), Some(booked)) = (row.lot_id.map(LotId), row.stock_quantity) {
        match &what {
            Reported::Consumed(_) => put_back(tx, lot_id, report_id, booked - row.uncovered, at, reason).await?,
            Reported::Completed(_) => owed = take_away(tx, lot_id, report_id, booked, at, reason).await?,
            Reported::Started { .. } | Reported::Stopped { .. } | Reported::Inspected(_) => {}
        }
    }
    let booked = row.stock_quantity.zip(row.stock_unit).map(|(value, unit)| Quantity::new(value, Unit::new(&unit)));
    let snapshot = ReportSnapshot {
        their_ref: row.their_ref.clone(),
        plant: order.order.plant.clone(),
        work_order: order.order.number.clone(),
        at: row.at,
        station: row.station.clone(),
        operator: row.operator.clone(),
        corrects: None,
        what: what.clone(),
    };
    let effect = Effect { component: row.component, ..Effect::default() };
    progress(tx, order, &snapshot, &what, &effect, -1).await?;
    let report = Box::new(Report {
        report_id,
        their_ref: row.their_ref,
        work_order: order.order.number.clone(),
        at: row.at,
        station: row.station,
        operator: row.operator,
        corrects: None,
        booked,
        what,
    });
    let event = Event::ReportReversed { report, their_ref: their_ref.to_owned(), at, reason: reason.to_owned() };
    let ids = events::append(tx, posted_about(order), &[event], None).await?;
    sqlx::query!(
        r#"
        update production_report
        set reversed_at = $2, reversed_reason = $3, reversal_event_id = $4, uncovered = $5
        where report_id = $1
        "#,
        report_id.0,
        at,
        reason,
        ids.first().map(|id| id.0),
        owed
    )
    .execute(tx.sql())
    .await?;
    Ok(())
}
