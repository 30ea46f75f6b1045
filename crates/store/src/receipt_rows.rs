//! The rows behind receipts: what is expected of a delivery, what was told of it, and which of that counts.
//!
//! [`recount`] is the one place where goods get into stock and out of it by receiving: it asks `domain` what counts among
//! everything told of the delivery, takes into lots what counts now and did not before, takes back what does not count any
//! more, and brings the ship notice's sums and status up to it. It may be called as often as one likes.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, NaiveDate, Utc};
use domain::Decimal;
use domain::calendar::ZoneName;
use domain::event::{Subject, SubjectKind};
use domain::id::{ConnectionId, DocumentId, ItemId, PlantId, ReceiptId, ReceiptLineId, ShipNoticeId, SupplierId};
use domain::quantity::Unit;
use domain::receipt::difference::{Came, Delivery, DueLine};
use domain::receipt::matching::{Counting, Told, ToldLine, count, lot_key};
use domain::receipt::{Receipt, ReceiptChannel, ReceivedLine};
use domain::shipment::{ShipStatus, ShippedLot};
use serde_json::Value;
use uuid::Uuid;

use crate::error::{CommandError, StoreError};
use crate::events::About;
use crate::lot_receiving::receive_all;
use crate::lots::{self, Received};
use crate::orders::{read_json, read_word};
use crate::tx::Tx;

/// Told to no system of its own: what an ERP knows better than we do is not sent back to it. Connections that take
/// everything still hear of it.
const NOBODY: ConnectionId = ConnectionId(Uuid::nil());

/// A delivery that goods are received against.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// The ship notice; none for goods that nobody announced.
    pub notice_id: Option<ShipNoticeId>,
    pub supplier_id: SupplierId,
    pub plant_id: PlantId,
    /// The ERP that its orders live in.
    pub home: Option<ConnectionId>,
    pub zone: ZoneName,
    /// What is expected, and what came of it and counts.
    pub delivery: Delivery,
    /// The rows behind the lines of `delivery`, in the same order.
    pub due: Vec<DueRow>,
    departed: bool,
    arrived: bool,
}

/// The keys of a line that is expected.
#[derive(Debug, Clone)]
pub(crate) struct DueRow {
    pub ship_line_id: Option<Uuid>,
    pub order_line_id: Uuid,
    pub item_id: Uuid,
}

impl Place {
    /// Where events about it belong: the shipment, or the receipt where nobody announced anything.
    pub fn about(&self, receipt_id: ReceiptId, told_home: bool) -> About {
        let subject = match self.notice_id {
            Some(id) => Subject { kind: SubjectKind::Shipment, id: id.0 },
            None => Subject { kind: SubjectKind::Receipt, id: receipt_id.0 },
        };
        About {
            subject,
            plant_id: Some(self.plant_id),
            supplier_id: Some(self.supplier_id),
            home: Some(if told_home { self.home.unwrap_or(NOBODY) } else { NOBODY }),
        }
    }
}

/// The delivery of a ship notice, locked until the end of the transaction.
pub(crate) async fn lock_notice(tx: &mut Tx, notice_id: ShipNoticeId) -> Result<Place, CommandError> {
    // The lock alone, before anything is read.
    sqlx::query!("select ship_notice_id from ship_notice where ship_notice_id = $1 for update", notice_id.0)
        .fetch_optional(tx.sql())
        .await?;
    load_notice(tx, notice_id).await
}

/// The delivery of a ship notice.
pub(crate) async fn load_notice(tx: &mut Tx, notice_id: ShipNoticeId) -> Result<Place, CommandError> {
    let head = sqlx::query!(
        r#"
        select n.number, n.version, n.status, n.delivery_note, n.connection_id, n.supplier_id, n.plant_id,
               n.departed_at, n.arrived_at, p.zone
        from ship_notice n join plant p using (plant_id)
        where n.ship_notice_id = $1
        "#,
        notice_id.0
    )
    .fetch_optional(tx.sql())
    .await?
    .ok_or(CommandError::NotFound { what: "ship notice" })?;
    let rows = sqlx::query!(
        r#"
        select l.ship_line_id, l.number, o.number as order_number, ol.number as line, l.order_line_id, l.item_id,
               l.item_number, ol.description, l.unit, l.quantity, coalesce(i.lots, false) as "lots!"
        from ship_notice_line l
        join order_line ol using (order_line_id)
        join purchase_order o on o.order_id = l.order_id
        left join item i on i.item_id = l.item_id
        where l.ship_notice_id = $1 and l.is_live
        order by l.number
        "#,
        notice_id.0
    )
    .fetch_all(tx.sql())
    .await?;
    let mut lots: HashMap<Uuid, Vec<ShippedLot>> = HashMap::new();
    let lot_rows = sqlx::query!(
        r#"
        select t.ship_line_id, t.lot, t.quantity, t.expires_on, t.produced_on, t.origin
        from ship_notice_lot t join ship_notice_line l using (ship_line_id)
        where l.ship_notice_id = $1
        order by t.ship_line_id, t.lot
        "#,
        notice_id.0
    )
    .fetch_all(tx.sql())
    .await?;
    for row in lot_rows {
        lots.entry(row.ship_line_id).or_default().push(ShippedLot {
            lot: row.lot,
            quantity: row.quantity,
            expires_on: row.expires_on,
            produced_on: row.produced_on,
            origin: row.origin,
            serials: Vec::new(),
        });
    }
    let mut place = Place {
        notice_id: Some(notice_id),
        supplier_id: SupplierId(head.supplier_id),
        plant_id: PlantId(head.plant_id),
        home: Some(ConnectionId(head.connection_id)),
        zone: read_word("zone", &head.zone)?,
        delivery: Delivery {
            notice: Some((head.number, head.version)),
            status: Some(read_word("ship status", &head.status)?),
            delivery_note: Some(head.delivery_note),
            lines: Vec::new(),
            came: Vec::new(),
        },
        due: Vec::new(),
        departed: head.departed_at.is_some(),
        arrived: head.arrived_at.is_some(),
    };
    for row in rows {
        place.delivery.lines.push(DueLine {
            notice_line: Some(row.number),
            order: row.order_number,
            line: row.line,
            item: row.item_number,
            description: row.description,
            unit: Unit::new(&row.unit),
            has_lots: row.lots,
            quantity: row.quantity,
            lots: lots.remove(&row.ship_line_id).unwrap_or_default(),
        });
        place.due.push(DueRow {
            ship_line_id: Some(row.ship_line_id),
            order_line_id: row.order_line_id,
            item_id: row.item_id,
        });
    }
    place.delivery.came = came(tx, &place).await?;
    Ok(place)
}

/// The lines of orders as a delivery that nobody announced, locked until the end of the transaction. What is expected of a
/// line is what is ordered; what came of it on ship notices counts too.
pub(crate) async fn lock_orders(tx: &mut Tx, order_ids: &[Uuid]) -> Result<Place, CommandError> {
    sqlx::query!(
        "select order_id from purchase_order where order_id = any($1) order by order_id for update",
        order_ids
    )
    .fetch_all(tx.sql())
    .await?;
    load_orders(tx, order_ids).await
}

/// The lines of orders of one supplier and plant as a delivery that nobody announced.
pub(crate) async fn load_orders(tx: &mut Tx, order_ids: &[Uuid]) -> Result<Place, CommandError> {
    let head = sqlx::query!(
        r#"
        select o.connection_id, o.supplier_id, o.plant_id, p.zone
        from purchase_order o join plant p using (plant_id)
        where o.order_id = any($1)
        order by o.order_id
        limit 1
        "#,
        order_ids
    )
    .fetch_optional(tx.sql())
    .await?
    .ok_or(CommandError::NotFound { what: "order" })?;
    let mut place = nowhere(SupplierId(head.supplier_id), PlantId(head.plant_id), read_word("zone", &head.zone)?);
    place.home = Some(ConnectionId(head.connection_id));
    let rows = sqlx::query!(
        r#"
        select o.number as order_number, l.order_line_id, l.number, l.item_id, l.item_number, l.description, l.unit,
               coalesce(i.lots, false) as "lots!",
               (select coalesce(sum(s.quantity), 0) from schedule_line s
                where s.order_line_id = l.order_line_id and s.state <> 'cancelled') as "quantity!"
        from order_line l
        join purchase_order o using (order_id)
        left join item i on i.item_id = l.item_id
        where l.order_id = any($1)
        order by o.number, l.number
        limit 5000
        "#,
        order_ids
    )
    .fetch_all(tx.sql())
    .await?;
    for row in rows {
        place.delivery.lines.push(DueLine {
            notice_line: None,
            order: row.order_number,
            line: row.number,
            item: row.item_number,
            description: row.description,
            unit: Unit::new(&row.unit),
            has_lots: row.lots,
            quantity: row.quantity,
            lots: Vec::new(),
        });
        place.due.push(DueRow { ship_line_id: None, order_line_id: row.order_line_id, item_id: row.item_id });
    }
    place.delivery.came = came(tx, &place).await?;
    Ok(place)
}

/// A delivery of which nothing is known but where it came from and to.
pub(crate) const fn nowhere(supplier_id: SupplierId, plant_id: PlantId, zone: ZoneName) -> Place {
    Place {
        notice_id: None,
        supplier_id,
        plant_id,
        home: None,
        zone,
        delivery: Delivery { notice: None, status: None, delivery_note: None, lines: Vec::new(), came: Vec::new() },
        due: Vec::new(),
        departed: false,
        arrived: false,
    }
}

/// What came of a delivery and counts.
async fn came(tx: &mut Tx, place: &Place) -> Result<Vec<Came>, StoreError> {
    let lines: Vec<Uuid> = place.due.iter().map(|row| row.order_line_id).collect();
    let rows = sqlx::query!(
        r#"
        select s.number as "notice_line?", o.number as "order_number?", ol.number as "line?", l.item_number, l.supplier_lot,
               l.unit, l.accepted, l.damaged
        from receipt_line l
        join receipt r using (receipt_id)
        left join ship_notice_line s using (ship_line_id)
        left join order_line ol on ol.order_line_id = l.order_line_id
        left join purchase_order o on o.order_id = ol.order_id
        where l.counted
          and ($1::uuid is not null and r.ship_notice_id = $1 or $1::uuid is null and l.order_line_id = any($2))
        order by r.received_at, l.number
        "#,
        place.notice_id.map(|id| id.0),
        &lines
    )
    .fetch_all(tx.sql())
    .await?;
    let announced = place.notice_id.is_some();
    Ok(rows
        .into_iter()
        .map(|row| Came {
            notice_line: row.notice_line.filter(|_| announced),
            order_line: row.order_number.zip(row.line).filter(|_| !announced),
            item: row.item_number,
            lot: row.supplier_lot,
            unit: Unit::new(&row.unit),
            accepted: row.accepted,
            damaged: row.damaged,
        })
        .collect())
}

/// A receipt that is about to be stored.
#[derive(Debug, Clone)]
pub(crate) struct NewReceipt {
    pub receipt: Receipt,
    pub connection_id: Option<ConnectionId>,
    pub lines: Vec<NewLine>,
}

/// The keys of one of its lines, in the order of `receipt.lines`.
#[derive(Debug, Clone)]
pub(crate) struct NewLine {
    pub ship_line_id: Option<Uuid>,
    pub order_line_id: Option<Uuid>,
    pub item_id: Uuid,
    pub document_id: Option<DocumentId>,
}

pub(crate) async fn next_number(tx: &mut Tx) -> Result<String, StoreError> {
    let next = sqlx::query_scalar!(r#"select nextval('receipt_number') as "next!""#).fetch_one(tx.sql()).await?;
    Ok(format!("GR-{next:06}"))
}

/// Writes a receipt; nothing of it counts yet.
pub(crate) async fn add(tx: &mut Tx, place: &Place, new: &NewReceipt) -> Result<(), CommandError> {
    let actor = serde_json::to_value(tx.actor()).map_err(|error| StoreError::unreadable("actor", error))?;
    let (now, receipt) = (tx.now(), &new.receipt);
    sqlx::query!(
        r#"
        insert into receipt (receipt_id, number, channel, connection_id, their_ref, ship_notice_id, delivery_note,
                             supplier_id, plant_id, received_at, recorded_at, complete, actor)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
        "#,
        receipt.receipt_id.0,
        receipt.number,
        receipt.channel.as_str(),
        new.connection_id.map(|id| id.0),
        receipt.their_ref,
        place.notice_id.map(|id| id.0),
        receipt.delivery_note,
        place.supplier_id.0,
        place.plant_id.0,
        receipt.received_at,
        now,
        receipt.complete,
        actor
    )
    .execute(tx.sql())
    .await?;
    let mut rows = LineRows::default();
    for (line, keys) in receipt.lines.iter().zip(&new.lines) {
        rows.push(line, keys);
    }
    sqlx::query!(
        r#"
        insert into receipt_line (receipt_line_id, receipt_id, number, ship_line_id, order_line_id, item_id, item_number, unit,
                                  supplier_lot, expires_on, accepted, damaged, oddities, note, document_id, supplier_id, plant_id)
        select n.id, $1, n.number::integer, n.ship_line, n.order_line, n.item, n.item_number, n.unit, n.lot, n.expires_on,
               n.accepted, n.damaged, coalesce(string_to_array(nullif(n.oddities, ''), ','), '{}'), n.note, n.document, $14, $15
        from unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::text[], $8::text[], $9::date[],
                    $10::numeric[], $11::numeric[], $12::text[], $13::text[], $16::uuid[])
            with ordinality as n (id, ship_line, order_line, item, item_number, unit, lot, expires_on,
                                  accepted, damaged, oddities, note, document, number)
        "#,
        receipt.receipt_id.0,
        &rows.ids,
        &rows.ship_lines as _,
        &rows.order_lines as _,
        &rows.items,
        &rows.item_numbers,
        &rows.units,
        &rows.lots as _,
        &rows.expires_on as _,
        &rows.accepted,
        &rows.damaged,
        &rows.oddities,
        &rows.notes as _,
        place.supplier_id.0,
        place.plant_id.0,
        &rows.documents as _,
    )
    .execute(tx.sql())
    .await?;
    Ok(())
}

#[derive(Default)]
struct LineRows {
    ids: Vec<Uuid>,
    ship_lines: Vec<Option<Uuid>>,
    order_lines: Vec<Option<Uuid>>,
    items: Vec<Uuid>,
    item_numbers: Vec<String>,
    units: Vec<String>,
    lots: Vec<Option<String>>,
    expires_on: Vec<Option<NaiveDate>>,
    accepted: Vec<Decimal>,
    damaged: Vec<Decimal>,
    oddities: Vec<String>,
    notes: Vec<Option<String>>,
    documents: Vec<Option<Uuid>>,
}

impl LineRows {
    fn push(&mut self, line: &ReceivedLine, keys: &NewLine) {
        self.ids.push(line.receipt_line_id.0);
        self.ship_lines.push(keys.ship_line_id);
        self.order_lines.push(keys.order_line_id);
        self.items.push(keys.item_id);
        self.item_numbers.push(line.item.clone());
        self.units.push(line.unit.code().to_owned());
        self.lots.push(line.supplier_lot.clone());
        self.expires_on.push(line.expires_on);
        self.accepted.push(line.accepted);
        self.damaged.push(line.damaged);
        self.oddities.push(line.oddities.iter().map(|odd| odd.as_str()).collect::<Vec<_>>().join(","));
        self.notes.push(line.note.clone());
        self.documents.push(keys.document_id.map(|id| id.0));
    }
}

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

/// A receipt as it is told to others.
pub(crate) async fn read(tx: &mut Tx, receipt_id: ReceiptId) -> Result<Receipt, CommandError> {
    let head = sqlx::query!(
        r#"
        select r.number, r.channel, r.their_ref, r.delivery_note, r.received_at, r.complete, n.number as "notice?",
               m.number as "same_as?"
        from receipt r
        left join ship_notice n using (ship_notice_id)
        left join receipt m on m.receipt_id = r.matches_id
        where r.receipt_id = $1
        "#,
        receipt_id.0
    )
    .fetch_optional(tx.sql())
    .await?
    .ok_or(CommandError::NotFound { what: "receipt" })?;
    let rows = sqlx::query!(
        r#"
        select l.receipt_line_id, s.number as "notice_line?", o.number as "order_number?", ol.number as "line?",
               l.item_number, l.unit, l.lot_id, l.supplier_lot, l.expires_on, l.accepted, l.damaged,
               to_jsonb(l.oddities) as "oddities!: Value", l.note
        from receipt_line l
        left join ship_notice_line s using (ship_line_id)
        left join order_line ol on ol.order_line_id = l.order_line_id
        left join purchase_order o on o.order_id = ol.order_id
        where l.receipt_id = $1
        order by l.number
        "#,
        receipt_id.0
    )
    .fetch_all(tx.sql())
    .await?;
    let mut lines = Vec::with_capacity(rows.len());
    for row in rows {
        lines.push(ReceivedLine {
            receipt_line_id: row.receipt_line_id.into(),
            notice_line: row.notice_line,
            order: row.order_number,
            line: row.line,
            item: row.item_number,
            unit: Unit::new(&row.unit),
            lot_id: row.lot_id.map(Into::into),
            supplier_lot: row.supplier_lot,
            expires_on: row.expires_on,
            accepted: row.accepted,
            damaged: row.damaged,
            oddities: read_json("oddities", row.oddities)?,
            note: row.note,
        });
    }
    Ok(Receipt {
        receipt_id,
        number: head.number,
        channel: read_word("receipt channel", &head.channel)?,
        their_ref: head.their_ref,
        notice: head.notice,
        delivery_note: head.delivery_note,
        received_at: head.received_at,
        complete: head.complete,
        same_as: head.same_as,
        lines,
    })
}
