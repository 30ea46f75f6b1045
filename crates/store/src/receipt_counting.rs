//! Which of everything that was told of a delivery counts, and what follows from it.
//!
//! [`recount`] is the one place where goods get into stock and out of it by receiving: it asks `domain` what counts among
//! everything told of the delivery, takes into lots what counts now and did not before, takes back what does not count any
//! more, and brings the ship notice's sums and status up to it. It may be called as often as one likes.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, NaiveDate, Utc};
use domain::Decimal;
use domain::id::{ConnectionId, ItemId, ReceiptId, ReceiptLineId, ShipNoticeId};
use domain::quantity::Unit;
use domain::receipt::ReceiptChannel;
use domain::receipt::matching::{Counting, Told, ToldLine, count, lot_key};
use domain::shipment::ShipStatus;
use uuid::Uuid;

use crate::error::{CommandError, StoreError};
use crate::lot_receiving::receive_all;
use crate::lots::{self, Received, lock_items};
use crate::receipt_place::{Place, came};
use crate::tx::Tx;

/// A line as it was told, with what it takes to move it into stock.
struct ToldRow {
    receipt_id: Uuid,
    channel: String,
    connection_id: Option<Uuid>,
    received_at: DateTime<Utc>,
    complete: bool,
    receipt_line_id: Uuid,
    ship_line_id: Option<Uuid>,
    item_id: Uuid,
    item_number: String,
    unit: String,
    supplier_lot: Option<String>,
    expires_on: Option<NaiveDate>,
    accepted: Decimal,
    damaged: Decimal,
    counted: bool,
    produced_on: Option<NaiveDate>,
    origin: Option<String>,
    announced: Option<Decimal>,
}

/// What counts after a recount.
pub(crate) struct Recounted {
    pub counting: Counting,
    /// One of the receipts says that nothing more is expected.
    pub complete: bool,
}

/// Brings stock, sums and status up to what was told of the delivery. `place.delivery.came` is read anew.
pub(crate) async fn recount(tx: &mut Tx, place: &mut Place, reason: &str) -> Result<Recounted, CommandError> {
    let rows = told(tx, place).await?;
    lock_items(tx, rows.iter().map(|row| row.item_id)).await?;
    let mut receipts: BTreeMap<Uuid, Told> = BTreeMap::new();
    for row in &rows {
        let told = receipts.entry(row.receipt_id).or_insert_with(|| Told {
            receipt_id: ReceiptId(row.receipt_id),
            // An unknown channel cannot be written: the table has the same list.
            channel: row.channel.parse().unwrap_or(ReceiptChannel::Api),
            source: row.connection_id.map(ConnectionId),
            received_at: row.received_at,
            complete: row.complete,
            lines: Vec::new(),
        });
        told.lines.push(ToldLine {
            receipt_line_id: ReceiptLineId(row.receipt_line_id),
            item: row.item_number.clone(),
            lot: row.supplier_lot.clone(),
            accepted: row.accepted,
            damaged: row.damaged,
            counted: row.counted,
        });
    }
    let receipts: Vec<Told> = receipts.into_values().collect();
    let counting = count(&receipts);
    let complete = receipts.iter().any(|told| told.complete);
    // First in, then out: between the two there is never less than there should be.
    let counts_now: Vec<&ToldRow> = rows
        .iter()
        .filter(|row| !row.counted && counting.lines.contains(&ReceiptLineId(row.receipt_line_id)))
        .collect();
    into_stock(tx, place, &counts_now).await?;
    let now = tx.now();
    for row in rows.iter().filter(|row| row.counted && !counting.lines.contains(&ReceiptLineId(row.receipt_line_id))) {
        lots::take_back(tx, ReceiptLineId(row.receipt_line_id), now, reason).await?;
    }
    save_counting(tx, &receipts, &counting).await?;
    if let Some(notice_id) = place.notice_id {
        adopt(tx, notice_id, &receipts).await?;
        save_sums(tx, place, notice_id, complete).await?;
    } else {
        place.delivery.came = came(tx, place).await?;
    }
    Ok(Recounted { counting, complete })
}

/// Everything told of the delivery that was not taken back. A system that names neither notice nor delivery note is heard
/// by the order's lines, and so is all that nobody announced.
async fn told(tx: &mut Tx, place: &Place) -> Result<Vec<ToldRow>, StoreError> {
    let order_lines: Vec<Uuid> = place.due.iter().map(|row| row.order_line_id).collect();
    Ok(sqlx::query_as!(
        ToldRow,
        r#"
        select r.receipt_id, r.channel, r.connection_id, r.received_at, r.complete,
               l.receipt_line_id, l.ship_line_id, l.item_id, l.item_number, l.unit, l.supplier_lot, l.expires_on,
               l.accepted, l.damaged, l.counted,
               t.produced_on as "produced_on?", t.origin as "origin?", t.quantity as "announced?"
        from receipt r
        join receipt_line l using (receipt_id)
        left join ship_notice_lot t on t.ship_line_id = l.ship_line_id and t.lot = l.supplier_lot
        where r.reversed_at is null and r.supplier_id = $1 and r.plant_id = $2
          and (r.ship_notice_id = $3
               or r.ship_notice_id is null and lower(r.delivery_note) = lower($4)
               or r.ship_notice_id is null and (r.delivery_note is null or $3::uuid is null)
                  and exists (select from receipt_line o where o.receipt_id = r.receipt_id and o.order_line_id = any($5)))
        order by r.received_at, r.receipt_id, l.number
        "#,
        place.supplier_id.0,
        place.plant_id.0,
        place.notice_id.map(|id| id.0),
        place.delivery.delivery_note,
        &order_lines
    )
    .fetch_all(tx.sql())
    .await?)
}

/// Locks the items of everything told of the delivery and of a receipt that is about to be taken back, so that it is not
/// locked line by line.
pub(crate) async fn lock_told(tx: &mut Tx, place: &Place, receipt_id: ReceiptId) -> Result<(), StoreError> {
    let own = sqlx::query_scalar!("select distinct item_id from receipt_line where receipt_id = $1", receipt_id.0)
        .fetch_all(tx.sql())
        .await?;
    let others = told(tx, place).await?;
    lock_items(tx, own.into_iter().chain(others.iter().map(|row| row.item_id))).await
}

async fn into_stock(tx: &mut Tx, place: &Place, rows: &[&ToldRow]) -> Result<(), CommandError> {
    // Without a lot there is nothing to keep apart: how much there is of the item is the ERP's to say.
    let rows: Vec<&ToldRow> = rows
        .iter()
        .copied()
        .filter(|row| lot_key(row.supplier_lot.as_deref()).is_some())
        .filter(|row| !(row.accepted.is_zero() && row.damaged.is_zero()))
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    let mut serials = announced_serials(tx, &rows).await?;
    let received: Vec<Received> = rows
        .iter()
        .map(|row| Received {
            receipt_line_id: ReceiptLineId(row.receipt_line_id),
            plant_id: place.plant_id,
            item_id: ItemId(row.item_id),
            supplier_id: Some(place.supplier_id),
            connection_id: place.home,
            number: None,
            supplier_lot: row.supplier_lot.clone(),
            unit: Unit::new(&row.unit),
            expires_on: row.expires_on,
            produced_on: row.produced_on,
            origin: row.origin.clone(),
            location: None,
            accepted: row.accepted,
            damaged: row.damaged,
            serials: row
                .ship_line_id
                .filter(|_| row.is_whole())
                .and_then(|line| serials.remove(&(line, row.supplier_lot.clone())))
                .unwrap_or_default(),
            received_at: row.received_at,
        })
        .collect();
    receive_all(tx, &received).await?;
    Ok(())
}

impl ToldRow {
    /// All that was announced came. Which pieces of a part came is not known.
    fn is_whole(&self) -> bool {
        self.announced.is_some_and(|announced| self.accepted + self.damaged >= announced)
    }
}

type SerialsOf = HashMap<(Uuid, Option<String>), Vec<String>>;

/// The serials that were announced for what came whole.
async fn announced_serials(tx: &mut Tx, rows: &[&ToldRow]) -> Result<SerialsOf, StoreError> {
    let mut lines: Vec<Uuid> = rows.iter().filter(|row| row.is_whole()).filter_map(|row| row.ship_line_id).collect();
    lines.sort_unstable();
    lines.dedup();
    let found = sqlx::query!(
        r#"
        select ship_line_id, lot, serial from ship_notice_serial
        where ship_line_id = any($1)
        order by ship_line_id, lot, serial
        "#,
        &lines
    )
    .fetch_all(tx.sql())
    .await?;
    let mut serials = SerialsOf::new();
    for row in found {
        serials.entry((row.ship_line_id, row.lot)).or_default().push(row.serial);
    }
    Ok(serials)
}

async fn save_counting(tx: &mut Tx, receipts: &[Told], counting: &Counting) -> Result<(), StoreError> {
    let all: Vec<Uuid> = receipts.iter().map(|told| told.receipt_id.0).collect();
    let counted: Vec<Uuid> = counting.lines.iter().map(|id| id.0).collect();
    sqlx::query!(
        r#"
        update receipt_line set counted = (receipt_line_id = any($2))
        where receipt_id = any($1) and counted <> (receipt_line_id = any($2))
        "#,
        &all,
        &counted
    )
    .execute(tx.sql())
    .await?;
    let same: Vec<Option<Uuid>> =
        receipts.iter().map(|told| counting.same_as.get(&told.receipt_id).map(|id| id.0)).collect();
    let now = tx.now();
    sqlx::query!(
        r#"
        update receipt r set matches_id = n.same, matched_at = case when n.same is null then null else $3::timestamptz end
        from unnest($1::uuid[], $2::uuid[]) as n (id, same)
        where r.receipt_id = n.id and r.matches_id is distinct from n.same
        "#,
        &all,
        &same as _,
        now
    )
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// Receipts that turned out to be of this notice.
async fn adopt(tx: &mut Tx, notice_id: ShipNoticeId, receipts: &[Told]) -> Result<(), StoreError> {
    let all: Vec<Uuid> = receipts.iter().map(|told| told.receipt_id.0).collect();
    let adopted = sqlx::query_scalar!(
        "update receipt set ship_notice_id = $2 where receipt_id = any($1) and ship_notice_id is null returning receipt_id",
        &all,
        notice_id.0
    )
    .fetch_all(tx.sql())
    .await?;
    if adopted.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        r#"
        update receipt_line l set ship_line_id = (
            select s.ship_line_id from ship_notice_line s
            left join ship_notice_lot t on t.ship_line_id = s.ship_line_id and t.lot = l.supplier_lot
            where s.ship_notice_id = $2 and s.is_live and s.item_id = l.item_id
              and (l.order_line_id is null or s.order_line_id = l.order_line_id)
            order by (t.lot is not null) desc, s.number
            limit 1)
        where l.receipt_id = any($1) and l.ship_line_id is null
        "#,
        &adopted,
        notice_id.0
    )
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// The sums on the notice's lines, and where the shipment stands.
async fn save_sums(
    tx: &mut Tx,
    place: &mut Place,
    notice_id: ShipNoticeId,
    complete: bool,
) -> Result<(), CommandError> {
    sqlx::query!(
        r#"
        update ship_notice_line s set received = n.received, damaged = n.damaged
        from (
            select s.ship_line_id, coalesce(sum(l.accepted) filter (where l.item_id = s.item_id), 0) as received,
                   coalesce(sum(l.damaged) filter (where l.item_id = s.item_id), 0) as damaged
            from ship_notice_line s
            left join receipt_line l on l.ship_line_id = s.ship_line_id and l.counted
            where s.ship_notice_id = $1
            group by s.ship_line_id
        ) n
        where s.ship_line_id = n.ship_line_id and (s.received, s.damaged) <> (n.received, n.damaged)
        "#,
        notice_id.0
    )
    .execute(tx.sql())
    .await?;
    place.delivery.came = came(tx, place).await?;
    let on_its_way = match (place.arrived, place.departed) {
        (true, _) => ShipStatus::Arrived,
        (_, true) => ShipStatus::InTransit,
        _ => ShipStatus::Announced,
    };
    let status = place.delivery.ship_status(complete).unwrap_or(on_its_way);
    if place.delivery.status == Some(ShipStatus::Cancelled) || place.delivery.status == Some(status) {
        return Ok(());
    }
    let now = tx.now();
    sqlx::query!(
        r#"
        update ship_notice
        set status = $2, received_at = case when $2 = 'received' then $3::timestamptz end
        where ship_notice_id = $1
        "#,
        notice_id.0,
        status.as_str(),
        now
    )
    .execute(tx.sql())
    .await?;
    place.delivery.status = Some(status);
    Ok(())
}
