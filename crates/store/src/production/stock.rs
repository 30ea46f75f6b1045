//! What a report does to the stock of its lot.

use chrono::{DateTime, Utc};
use domain::Decimal;
use domain::id::{ItemId, LotId, PlantId, ReportId};
use domain::lot::usability::Facts;
use domain::lot::{MovementKind, StockStatus};
use domain::production::intake::{Stop, stop};

use crate::error::{CommandError, StoreError};
use crate::lot_facts;
use crate::lots::{Movement, move_stock, stock_of};
use crate::tx::Tx;
use crate::work_orders::Known;

/// Takes so much from what may be used of a lot; gives what was not there.
pub(crate) async fn take(
    tx: &mut Tx,
    lot_id: LotId,
    report_id: ReportId,
    wanted: Decimal,
    at: DateTime<Utc>,
) -> Result<Decimal, StoreError> {
    let there = stock_of(tx, lot_id).await?;
    let free = there.iter().find(|(status, _)| *status == StockStatus::Unrestricted).map_or(Decimal::ZERO, |it| it.1);
    let taken = free.min(wanted);
    if taken > Decimal::ZERO {
        let movement = Movement {
            kind: MovementKind::Issue,
            from: Some(StockStatus::Unrestricted),
            to: None,
            quantity: taken,
            at,
            receipt_line_id: None,
            report_id: Some(report_id),
            reason: None,
        };
        move_stock(tx, lot_id, &movement).await?;
    }
    Ok(wanted - taken)
}

/// Puts what was made into stock: to be inspected where an inspection is due, else to be used.
pub(super) async fn bring(
    tx: &mut Tx,
    lot_id: LotId,
    report_id: ReportId,
    order: &Known,
    quantity: Decimal,
    at: DateTime<Utc>,
) -> Result<(), CommandError> {
    if quantity <= Decimal::ZERO {
        return Ok(());
    }
    let due = sqlx::query_scalar!(
        r#"select exists (select from inspection where lot_id = $1 and state = 'due') as "due!""#,
        lot_id.0
    )
    .fetch_one(tx.sql())
    .await?;
    let to = if due { StockStatus::Inspection } else { StockStatus::Unrestricted };
    let movement = Movement {
        kind: MovementKind::Output,
        from: None,
        to: Some(to),
        quantity,
        at,
        receipt_line_id: None,
        report_id: Some(report_id),
        reason: Some(format!("work order {}", order.order.number)),
    };
    move_stock(tx, lot_id, &movement).await?;
    Ok(())
}

/// Whether the posting of a consumption of this lot may be sent as things stand.
pub(super) async fn judge(
    tx: &mut Tx,
    place: (PlantId, ItemId),
    lot_id: Option<LotId>,
    lot: &str,
    serials: &[String],
    uncovered: Decimal,
) -> Result<Option<Stop>, StoreError> {
    let known = match lot_id {
        Some(lot_id) => lot_facts::of(tx, &[lot_id.0]).await?.remove(&lot_id.0),
        None => None,
    };
    let today = known.as_ref().map_or_else(|| tx.now().date_naive(), |known| known.today);
    let facts: Option<&Facts> = known.as_ref().map(|known| &known.facts);
    let elsewhere = match (lot_id, place) {
        (None, (plant_id, item_id)) => there_elsewhere(tx, plant_id, item_id, lot).await?,
        (Some(_), _) => false,
    };
    Ok(stop(lot, facts, elsewhere, serials, uncovered, today))
}

/// A lot that did not come through us is there all the same, as the plant's ERP or warehouse says.
async fn there_elsewhere(tx: &mut Tx, plant_id: PlantId, item_id: ItemId, lot: &str) -> Result<bool, StoreError> {
    let there = sqlx::query_scalar!(
        r#"
        select exists (
            select from stock where plant_id = $1 and item_id = $2 and lot = $3 and on_hand > 0
        ) as "there!"
        "#,
        plant_id.0,
        item_id.0,
        lot
    )
    .fetch_one(tx.sql())
    .await?;
    Ok(there)
}

pub(super) async fn put_back(
    tx: &mut Tx,
    lot_id: LotId,
    report_id: ReportId,
    quantity: Decimal,
    at: DateTime<Utc>,
    reason: &str,
) -> Result<(), StoreError> {
    if quantity <= Decimal::ZERO {
        return Ok(());
    }
    let movement = Movement {
        kind: MovementKind::Reversal,
        from: None,
        to: Some(StockStatus::Unrestricted),
        quantity,
        at,
        receipt_line_id: None,
        report_id: Some(report_id),
        reason: Some(reason.to_owned()),
    };
    move_stock(tx, lot_id, &movement).await
}

/// Takes away what was made by mistake, wherever it lies; gives what is not there any more because it was used meanwhile.
pub(super) async fn take_away(
    tx: &mut Tx,
    lot_id: LotId,
    report_id: ReportId,
    quantity: Decimal,
    at: DateTime<Utc>,
    reason: &str,
) -> Result<Decimal, StoreError> {
    let mut missing = quantity;
    for (status, there) in stock_of(tx, lot_id).await? {
        let taken = there.min(missing);
        if taken > Decimal::ZERO {
            missing -= taken;
            let movement = Movement {
                kind: MovementKind::Reversal,
                from: Some(status),
                to: None,
                quantity: taken,
                at,
                receipt_line_id: None,
                report_id: Some(report_id),
                reason: Some(reason.to_owned()),
            };
            move_stock(tx, lot_id, &movement).await?;
        }
    }
    Ok(missing)
}
