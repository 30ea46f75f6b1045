//! Lots in a plant: what came makes them, decisions move quantities between stock statuses, and every change is a movement.
//!
//! One rule holds all of it together: what lies in a status (`lot_stock`) is the sum of the lot's movements, and never
//! below zero. Whatever changes a lot holds the lock of its item first ([`lock_item`]), so that the plan of inspections
//! counts every lot once and a hold placed on the item meets every lot that comes at the same moment.

use chrono::{DateTime, Days, NaiveDate, Utc};
use domain::Decimal;
use domain::calendar::{ZoneName, today};
use domain::id::{ConnectionId, ItemId, LotId, PlantId, ReceiptLineId, SupplierId};
use domain::inspection::{Earlier, Next, Plan};
use domain::lot::{MovementKind, StockStatus};
use domain::quantity::{Unit, grouped};
use domain::refusal::Finding;

use crate::error::{CommandError, StoreError};
use crate::holds;
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
    if received.accepted < Decimal::ZERO || received.damaged < Decimal::ZERO {
        return Err(CommandError::Invalid("A received quantity cannot be below zero.".to_owned()));
    }
    lock_item(tx, received.item_id).await?;
    let item = sqlx::query!(
        r#"
        select i.number, i.inspection, i.shelf_life_days, p.zone
        from item i, plant p where i.item_id = $1 and p.plant_id = $2
        "#,
        received.item_id.0,
        received.plant_id.0
    )
    .fetch_optional(tx.sql())
    .await?
    .ok_or(CommandError::NotFound { what: "item" })?;
    let zone: ZoneName = read_word("zone", &item.zone)?;
    let (lot_id, is_new) = find_or_add(tx, received, &item.number, item.shelf_life_days).await?;

    let next = what_next(tx, received, lot_id, item.inspection).await?;
    let status = if next == Next::Inspect { StockStatus::Inspection } else { StockStatus::Unrestricted };
    for (to, quantity) in [(status, received.accepted), (StockStatus::Blocked, received.damaged)] {
        if quantity > Decimal::ZERO {
            let movement = Movement {
                kind: MovementKind::Receipt,
                from: None,
                to: Some(to),
                quantity,
                at: received.received_at,
                receipt_line_id: Some(received.receipt_line_id),
                reason: None,
            };
            move_stock(tx, lot_id, &movement).await?;
        }
    }
    if received.accepted > Decimal::ZERO && next != Next::Nothing {
        open_inspection(tx, received, lot_id, next, today(received.received_at, zone.0)).await?;
    }
    if !received.serials.is_empty() {
        sqlx::query!(
            r#"
            insert into lot_serial (lot_id, serial, plant_id, supplier_id)
            select $1, serial, $3, $4 from unnest($2::text[]) as serial
            on conflict do nothing
            "#,
            lot_id.0,
            &received.serials,
            received.plant_id.0,
            received.supplier_id.map(|id| id.0)
        )
        .execute(tx.sql())
        .await?;
    }
    sqlx::query!(
        "update receipt_line set lot_id = $2 where receipt_line_id = $1",
        received.receipt_line_id.0,
        lot_id.0
    )
    .execute(tx.sql())
    .await?;
    if is_new {
        holds::tell_of_new_lot(tx, lot_id).await?;
    }
    tracing::debug!(lot.id = %lot_id, lot.is_new = is_new, lot.status = %status, "Took a receipt into stock");
    Ok(lot_id)
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

async fn find_or_add(
    tx: &mut Tx,
    received: &Received,
    item_number: &str,
    shelf_life_days: Option<i32>,
) -> Result<(LotId, bool), CommandError> {
    let wanted = received.number.as_deref().or(received.supplier_lot.as_deref()).map(str::trim).unwrap_or_default();
    if wanted.is_empty() {
        return Err(CommandError::Invalid(format!("Item {item_number} is received by lot: give the lot's number.")));
    }
    let shelf_life = shelf_life_days.and_then(|days| u64::try_from(days).ok());
    let expires_on = received
        .expires_on
        .or_else(|| received.produced_on.zip(shelf_life).and_then(|(day, days)| day.checked_add_days(Days::new(days))));
    let supplier_id = received.supplier_id.map(|id| id.0);
    // The plant's number decides; without one, the supplier's lot of the same supplier.
    let known = sqlx::query!(
        r#"
        select lot_id, unit from lot
        where plant_id = $1 and item_id = $2
          and (number = $3 and supplier_id is not distinct from $4 and (supplier_lot is null or $5::text is null or supplier_lot = $5)
               or $6 and supplier_lot = $5 and supplier_id is not distinct from $4)
        order by number = $3 desc, created_at
        limit 1
        for update
        "#,
        received.plant_id.0,
        received.item_id.0,
        wanted,
        supplier_id,
        received.supplier_lot,
        received.number.is_none()
    )
    .fetch_optional(tx.sql())
    .await?;
    if let Some(known) = known {
        if known.unit != received.unit.code() {
            return Err(CommandError::Invalid(format!(
                "Lot {wanted} of item {item_number} is kept in {}, not in {}. Enter the quantity in {}.",
                known.unit, received.unit, known.unit
            )));
        }
        // Of two expiry dates for one lot the earlier one is the safe one.
        sqlx::query!(
            r#"
            update lot
            set expires_on = least(expires_on, $2), produced_on = coalesce(produced_on, $3), origin = coalesce(origin, $4),
                location = coalesce($5, location), supplier_lot = coalesce(supplier_lot, $6),
                connection_id = coalesce(connection_id, $7)
            where lot_id = $1
            "#,
            known.lot_id,
            expires_on,
            received.produced_on,
            received.origin,
            received.location,
            received.supplier_lot,
            received.connection_id.map(|id| id.0)
        )
        .execute(tx.sql())
        .await?;
        return Ok((LotId(known.lot_id), false));
    }
    let number = free_number(tx, received, wanted).await?;
    let (lot_id, now) = (tx.new_id(), tx.now());
    sqlx::query!(
        r#"
        insert into lot (lot_id, plant_id, item_id, item_number, number, supplier_id, supplier_lot, unit, produced_on,
                         expires_on, origin, location, connection_id, created_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
        "#,
        lot_id,
        received.plant_id.0,
        received.item_id.0,
        item_number,
        number,
        supplier_id,
        received.supplier_lot,
        received.unit.code(),
        received.produced_on,
        expires_on,
        received.origin,
        received.location,
        received.connection_id.map(|id| id.0),
        now
    )
    .execute(tx.sql())
    .await?;
    Ok((LotId(lot_id), true))
}

/// Two suppliers may use one number for what is not one lot: the second gets his supplier number behind it.
async fn free_number(tx: &mut Tx, received: &Received, wanted: &str) -> Result<String, StoreError> {
    let taken: Vec<String> = sqlx::query_scalar!(
        "select number from lot where plant_id = $1 and item_id = $2 and (number = $3 or starts_with(number, $3 || '/'))",
        received.plant_id.0,
        received.item_id.0,
        wanted
    )
    .fetch_all(tx.sql())
    .await?;
    if !taken.iter().any(|number| number == wanted) {
        return Ok(wanted.to_owned());
    }
    let supplier = match received.supplier_id {
        Some(id) => sqlx::query_scalar!("select number from supplier where supplier_id = $1", id.0)
            .fetch_optional(tx.sql())
            .await?
            .unwrap_or_default(),
        None => String::new(),
    };
    let own = format!("{wanted}/{supplier}");
    if !supplier.is_empty() && !taken.contains(&own) {
        return Ok(own);
    }
    Ok((2..).map(|number| format!("{own}/{number}")).find(|number| !taken.contains(number)).unwrap_or(own))
}

/// Whether this lot is inspected: an inspection that is due already takes what comes in addition.
async fn what_next(
    tx: &mut Tx,
    received: &Received,
    lot_id: LotId,
    item_inspection: bool,
) -> Result<Next, CommandError> {
    let is_due = sqlx::query_scalar!(
        r#"select exists (select from inspection where lot_id = $1 and state = 'due') as "is_due!""#,
        lot_id.0
    )
    .fetch_one(tx.sql())
    .await?;
    if is_due {
        return Ok(Next::Inspect);
    }
    let supplier_id = received.supplier_id.map(|id| id.0);
    let plan = plan_for(tx, received.item_id, received.supplier_id, item_inspection).await?;
    let earlier = sqlx::query!(
        r#"
        select i.state, i.result
        from inspection i join lot l using (lot_id)
        where l.item_id = $1 and l.plant_id = $2 and l.supplier_id is not distinct from $3
        order by i.opened_at desc, i.inspection_id desc
        limit $4
        "#,
        received.item_id.0,
        received.plant_id.0,
        supplier_id,
        i64::from(plan.looks_back())
    )
    .fetch_all(tx.sql())
    .await?;
    let earlier: Vec<Earlier> = earlier
        .into_iter()
        .map(|row| match (row.state.as_str(), row.result.as_deref()) {
            ("skipped", _) => Earlier::Skipped,
            (_, Some("failed")) => Earlier::Failed,
            (_, Some(_)) => Earlier::Passed,
            _ => Earlier::Due,
        })
        .collect();
    Ok(plan.next(&earlier))
}

/// The plan in force: the supplier's own, else the item's, else what the item's ERP says.
pub async fn plan_for(
    tx: &mut Tx,
    item_id: ItemId,
    supplier_id: Option<SupplierId>,
    item_inspection: bool,
) -> Result<Plan, StoreError> {
    let row = sqlx::query!(
        r#"
        select plan, good_before_skip, skip from inspection_plan
        where item_id = $1 and (supplier_id is null or supplier_id = $2)
        order by supplier_id nulls last
        limit 1
        "#,
        item_id.0,
        supplier_id.map(|id| id.0)
    )
    .fetch_optional(tx.sql())
    .await?;
    let number = |value: Option<i32>| value.and_then(|value| u32::try_from(value).ok()).unwrap_or(1);
    Ok(match row {
        Some(row) if row.plan == "skip_lot" => {
            Plan::SkipLot { good_before_skip: number(row.good_before_skip), skip: number(row.skip) }
        }
        Some(row) if row.plan == "none" => Plan::None,
        Some(_) => Plan::Every,
        None if item_inspection => Plan::Every,
        None => Plan::None,
    })
}

async fn open_inspection(
    tx: &mut Tx,
    received: &Received,
    lot_id: LotId,
    next: Next,
    due_on: NaiveDate,
) -> Result<(), StoreError> {
    let (inspection_id, now) = (tx.new_id(), tx.now());
    let skipped = next == Next::Skip;
    sqlx::query!(
        r#"
        insert into inspection (inspection_id, lot_id, state, due_on, opened_at, decided_at, note, plant_id, supplier_id)
        select $1, $2, $3, $4, $5, $6, $7, $8, $9
        where not exists (select from inspection where lot_id = $2 and state = 'due')
        "#,
        inspection_id,
        lot_id.0,
        if skipped { "skipped" } else { "due" },
        due_on,
        now,
        skipped.then_some(now),
        skipped.then_some("Let go by the inspection plan."),
        received.plant_id.0,
        received.supplier_id.map(|id| id.0)
    )
    .execute(tx.sql())
    .await?;
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
                                  reason, plant_id, supplier_id)
        select lot_id, $2, $3, $4, $5, $6, $7, $8, $9, $10, plant_id, supplier_id from lot where lot_id = $1
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
        movement.reason
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
