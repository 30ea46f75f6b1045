//! Lots in a plant: what came makes them, decisions move quantities between stock statuses, and every change is a movement.
//!
//! One rule holds all of it together: what lies in a status (`lot_stock`) is the sum of the lot's movements, and never
//! below zero. Whatever changes a lot holds the lock of its item first ([`lock_item`]), so that the plan of inspections
//! counts every lot once and a hold placed on the item meets every lot that comes at the same moment.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, Utc};
use domain::Decimal;
use domain::id::{ConnectionId, ItemId, LotId, PlantId, ReceiptLineId, ReportId, SupplierId};
use domain::lot::{MovementKind, StockStatus};
use domain::quantity::{Unit, grouped};
use domain::refusal::Finding;
use uuid::Uuid;

use crate::error::{CommandError, StoreError};
use crate::lot_receiving::receive_all;
use crate::orders::read_word;
use crate::tx::Tx;

/// What came of one lot by one receipt line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The line of the receipt; it must be stored already, and is told its lot.
    pub receipt_line_id: ReceiptLineId,
    /// Where.
    pub plant_id: PlantId,
    /// What.
    pub item_id: ItemId,
    /// From whom.
    pub supplier_id: Option<SupplierId>,
    /// The ERP whose orders it came for.
    pub connection_id: Option<ConnectionId>,
    /// The plant's number for it; the supplier's lot where none is given.
    pub number: Option<String>,
    /// The supplier's lot or heat.
    pub supplier_lot: Option<String>,
    /// Unit of the quantities.
    pub unit: Unit,
    /// Last day on which it may be used; computed from the production date and the item's shelf life where none is given.
    pub expires_on: Option<NaiveDate>,
    /// When it was made.
    pub produced_on: Option<NaiveDate>,
    /// Country of origin, two letters.
    pub origin: Option<String>,
    /// Where it lies, in the words of the warehouse.
    pub location: Option<String>,
    /// Taken into stock.
    pub accepted: Decimal,
    /// Came damaged; lies blocked.
    pub damaged: Decimal,
    /// Serials that came.
    pub serials: Vec<String>,
    /// When it was received.
    pub received_at: DateTime<Utc>,
}

/// Takes what came into stock: makes the lot or adds to it, puts the quantity into inspection stock where the plan says so
/// (and opens the inspection), else lets it be used; what came damaged lies blocked. Holds on the item count from arrival.
/// For items with lots only. Called once per receipt line; the caller keeps receipts from being counted twice.
pub async fn receive(tx: &mut Tx, received: &Received) -> Result<LotId, CommandError> {
    let lots = receive_all(tx, std::slice::from_ref(received)).await?;
    lots.first().copied().ok_or(CommandError::NotFound { what: "lot" })
}

/// Takes back what a receipt line brought, from the status it went to first and from the others then. Refused where so much
/// is not there any more, because it was used or sent on. What was taken back before is left alone; a line may come and go
/// several times, as systems contradict one another.
pub async fn take_back(
    tx: &mut Tx,
    receipt_line_id: ReceiptLineId,
    at: DateTime<Utc>,
    reason: &str,
) -> Result<(), CommandError> {
    let Some(lot) = sqlx::query!(
        r#"
        select l.lot_id, l.item_id, l.item_number, l.number, l.unit
        from receipt_line r join lot l using (lot_id) where r.receipt_line_id = $1
        "#,
        receipt_line_id.0
    )
    .fetch_optional(tx.sql())
    .await?
    else {
        return Ok(());
    };
    let lot_id = LotId(lot.lot_id);
    lock_item(tx, ItemId(lot.item_id)).await?;
    let brought = sqlx::query!(
        r#"
        select m.to_status as "to_status!", sum(m.quantity) as "quantity!"
        from lot_movement m
        where m.receipt_line_id = $1 and m.kind = 'receipt' and m.to_status is not null
          and m.number > coalesce((select max(r.number) from lot_movement r
                                   where r.receipt_line_id = $1 and r.kind = 'reversal'), 0)
        group by m.to_status
        order by m.to_status
        "#,
        receipt_line_id.0
    )
    .fetch_all(tx.sql())
    .await?;
    let mut there = stock_of(tx, lot_id).await?;
    let mut taken = Vec::new();
    for part in &brought {
        let went_to: StockStatus = read_word("stock status", &part.to_status)?;
        let mut missing = part.quantity;
        for (status, quantity) in in_order_of_return(&mut there, went_to) {
            let take = missing.min(*quantity);
            if take > Decimal::ZERO {
                *quantity -= take;
                missing -= take;
                taken.push((status, take));
            }
        }
        if missing > Decimal::ZERO {
            let message = format!(
                "{} {} of lot {} of item {} are not in stock any more, so the receipt cannot be taken back whole. Correct the stock of the lot first.",
                grouped(missing, 0),
                lot.unit,
                lot.number,
                lot.item_number
            );
            return Err(vec![Finding::stops("", "not_in_stock_any_more", message)].into());
        }
    }
    for (from, quantity) in taken {
        let movement = Movement {
            kind: MovementKind::Reversal,
            from: Some(from),
            to: None,
            quantity,
            at,
            receipt_line_id: Some(receipt_line_id),
            report_id: None,
            reason: Some(reason.to_owned()),
        };
        move_stock(tx, lot_id, &movement).await?;
    }
    let now = tx.now();
    sqlx::query!(
        r#"
        update inspection i set state = 'skipped', decided_at = $2, note = $3
        where i.lot_id = $1 and i.state = 'due'
          and not exists (select from lot_stock s where s.lot_id = $1 and s.status = 'inspection' and s.quantity > 0)
        "#,
        lot_id.0,
        now,
        reason
    )
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// The status it went to first; else what is least missed last.
fn in_order_of_return(
    there: &mut [(StockStatus, Decimal)],
    went_to: StockStatus,
) -> impl Iterator<Item = (StockStatus, &mut Decimal)> {
    there.sort_by_key(|(status, _)| (*status != went_to, *status));
    there.iter_mut().map(|(status, quantity)| (*status, quantity))
}

/// Whoever changes the lots of an item, or what is held of it, waits here for whoever does so already.
pub(crate) async fn lock_item(tx: &mut Tx, item_id: ItemId) -> Result<(), StoreError> {
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('lots of ' || $1::text, 0))", item_id.to_string())
        .fetch_one(tx.sql())
        .await?;
    Ok(())
}

/// The same for several items: in the order of their ids, so that two who need several never wait for one another.
pub(crate) async fn lock_items(tx: &mut Tx, items: impl IntoIterator<Item = Uuid>) -> Result<(), StoreError> {
    for item in items.into_iter().collect::<BTreeSet<_>>() {
        lock_item(tx, ItemId(item)).await?;
    }
    Ok(())
}

/// One change of a lot's quantities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Movement {
    pub kind: MovementKind,
    /// Out of this status; none when it comes from outside.
    pub from: Option<StockStatus>,
    /// Into this status; none when it leaves.
    pub to: Option<StockStatus>,
    pub quantity: Decimal,
    pub at: DateTime<Utc>,
    pub receipt_line_id: Option<ReceiptLineId>,
    pub report_id: Option<ReportId>,
    pub reason: Option<String>,
}

/// Writes a movement and what it does to the stock, or neither.
pub(crate) async fn move_stock(tx: &mut Tx, lot_id: LotId, movement: &Movement) -> Result<(), StoreError> {
    let actor = serde_json::to_value(tx.actor()).map_err(|error| StoreError::unreadable("actor", error))?;
    let now = tx.now();
    for (status, change) in [(movement.from, -movement.quantity), (movement.to, movement.quantity)] {
        let Some(status) = status else { continue };
        // A new row that would be below zero is refused by its check, as is an old one that would become so.
        sqlx::query!(
            r#"
            with known as (
                update lot_stock set quantity = quantity + $3 where lot_id = $1 and status = $2 returning lot_id
            )
            insert into lot_stock (lot_id, status, quantity, plant_id, supplier_id)
            select lot_id, $2, $3, plant_id, supplier_id from lot
            where lot_id = $1 and not exists (select from known)
            "#,
            lot_id.0,
            status.as_str(),
            change
        )
        .execute(tx.sql())
        .await?;
    }
    sqlx::query!(
        r#"
        insert into lot_movement (lot_id, kind, from_status, to_status, quantity, at, recorded_at, receipt_line_id, actor,
                                  reason, report_id, plant_id, supplier_id)
        select lot_id, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, plant_id, supplier_id from lot where lot_id = $1
        "#,
        lot_id.0,
        movement.kind.as_str(),
        movement.from.map(StockStatus::as_str),
        movement.to.map(StockStatus::as_str),
        movement.quantity,
        movement.at,
        now,
        movement.receipt_line_id.map(|id| id.0),
        actor,
        movement.reason,
        movement.report_id.map(|id| id.0)
    )
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// How much lies in each status, where any does.
pub(crate) async fn stock_of(tx: &mut Tx, lot_id: LotId) -> Result<Vec<(StockStatus, Decimal)>, StoreError> {
    let rows = sqlx::query!(
        "select status, quantity from lot_stock where lot_id = $1 and quantity > 0 order by status",
        lot_id.0
    )
    .fetch_all(tx.sql())
    .await?;
    rows.into_iter().map(|row| Ok((read_word("stock status", &row.status)?, row.quantity))).collect()
}
