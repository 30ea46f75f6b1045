//! Where material came from and where it went: supplier lot → ship notice → receipt → our lot, read from either end.
//!
//! A trace is the set of its steps: what was announced and what was received of each supplier lot. Work orders join it
//! where material is consumed.

use chrono::{DateTime, NaiveDate, Utc};
use domain::Decimal;
use domain::hold::HoldScope;
use domain::id::{CertificateId, ItemId, LotId, SupplierId};
use domain::quantity::Unit;
use domain::shipment::ShipStatus;
use uuid::Uuid;

use crate::error::{CommandError, StoreError};
use crate::holds::{HoldRecord, contains};
use crate::lot_list::{self, LotRecord};
use crate::orders::read_word;
use crate::tx::Tx;

/// The most steps of one trace.
pub const MOST: i64 = 500;

/// Where a trace begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// One of our lots.
    Lot(LotId),
    /// A supplier's lot or heat, by its number.
    SupplierLot(String),
    /// A ship notice, by its number.
    Notice(String),
    /// An order, by its number.
    Order(String),
    /// A serial.
    Serial(String),
}

/// What a supplier announced of one line and lot.
#[derive(Debug, Clone)]
pub struct Announced {
    /// The ship notice.
    pub notice: String,
    /// Where it is.
    pub status: ShipStatus,
    /// The supplier's delivery note.
    pub delivery_note: String,
    /// Its line.
    pub line: i32,
    /// The order's number and line.
    pub order: (String, String),
    /// The item's number.
    pub item: String,
    /// The supplier's number and name.
    pub supplier: (String, String),
    /// The plant's code.
    pub plant: String,
    /// The supplier's lot; none for an item without lots.
    pub supplier_lot: Option<String>,
    /// How much.
    pub quantity: Decimal,
    /// Its unit.
    pub unit: Unit,
    /// When it left.
    pub ship_on: NaiveDate,
    /// When it is expected.
    pub arrive_on: NaiveDate,
    /// What of the whole line was taken into stock.
    pub received: Decimal,
}

/// What was received of one line and lot.
#[derive(Debug, Clone)]
pub struct ReceivedStep {
    /// The receipt.
    pub receipt: String,
    /// When.
    pub received_at: DateTime<Utc>,
    /// Taken back, and not counted any more.
    pub reversed: bool,
    /// The ship notice it is against.
    pub notice: Option<String>,
    /// The order's number and line.
    pub order: Option<(String, String)>,
    /// The item's number.
    pub item: String,
    /// The supplier's lot.
    pub supplier_lot: Option<String>,
    /// Taken into stock.
    pub accepted: Decimal,
    /// Came damaged.
    pub damaged: Decimal,
    /// Their unit.
    pub unit: Unit,
    /// Our lot.
    pub lot_id: Option<LotId>,
    /// Our lot's number.
    pub lot: Option<String>,
}

/// A certificate of a supplier's lot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateStep {
    /// Its id.
    pub certificate_id: CertificateId,
    /// Its number on the paper.
    pub number: String,
    /// Its type.
    pub kind: domain::certificate::CertificateKind,
    /// Where it stands.
    pub status: domain::certificate::CertificateStatus,
    /// The supplier's lot; none where it counts for a delivery or for everything.
    pub supplier_lot: Option<String>,
}

/// Everything that hangs together.
#[derive(Debug, Clone, Default)]
pub struct Trace {
    /// What was announced, the newest first.
    pub announced: Vec<Announced>,
    /// What was received, the newest first.
    pub received: Vec<ReceivedStep>,
    /// Our lots, with where they are.
    pub lots: Vec<LotRecord>,
    /// Certificates of the lots.
    pub certificates: Vec<CertificateStep>,
}

impl Trace {
    /// Nothing is known.
    pub const fn is_empty(&self) -> bool {
        self.announced.is_empty() && self.received.is_empty() && self.lots.is_empty()
    }
}

/// Follows material from where it is asked for, in both directions, within the scope.
pub async fn follow(tx: &mut Tx, start: &Start) -> Result<Trace, CommandError> {
    let (lots, ship_lines, receipt_lines) = seeds(tx, start).await?;
    let narrow = match start {
        Start::SupplierLot(lot) => Some(lot.clone()),
        _ => None,
    };
    let announced = announced(tx, &ship_lines, narrow.as_deref()).await?;
    let received = received(tx, &receipt_lines).await?;
    let mut ids: Vec<Uuid> =
        lots.into_iter().chain(received.iter().filter_map(|step| step.lot_id.map(|id| id.0))).collect();
    ids.sort_unstable();
    ids.dedup();
    let lots = lot_list::by_ids(tx, &ids).await?;
    let certificates = certificates(tx, &ids).await?;
    Ok(Trace { announced, received, lots, certificates })
}

/// Lots, lines of ship notices and lines of receipts that belong to the start.
async fn seeds(tx: &mut Tx, start: &Start) -> Result<(Vec<Uuid>, Vec<Uuid>, Vec<Uuid>), CommandError> {
    let lots: Vec<Uuid> = match start {
        Start::Lot(lot_id) => vec![lot_id.0],
        Start::SupplierLot(lot) => {
            sqlx::query_scalar!("select lot_id from lot where supplier_lot = $1 or number = $1 limit $2", lot, MOST)
                .fetch_all(tx.sql())
                .await?
        }
        Start::Serial(serial) => {
            sqlx::query_scalar!("select lot_id from lot_serial where serial = $1 limit $2", serial, MOST)
                .fetch_all(tx.sql())
                .await?
        }
        Start::Notice(_) | Start::Order(_) => Vec::new(),
    };
    let (ship_lines, receipt_lines) = match start {
        Start::Notice(number) => (
            sqlx::query_scalar!(
                "select ship_line_id from ship_notice_line join ship_notice n using (ship_notice_id) where n.number = $1 limit $2",
                number,
                MOST
            )
            .fetch_all(tx.sql())
            .await?,
            sqlx::query_scalar!(
                r#"
                select rl.receipt_line_id
                from receipt_line rl
                join receipt r using (receipt_id)
                join ship_notice n using (ship_notice_id)
                where n.number = $1 and r.matches_id is null
                limit $2
                "#,
                number,
                MOST
            )
            .fetch_all(tx.sql())
            .await?,
        ),
        Start::Order(number) => (
            sqlx::query_scalar!(
                "select ship_line_id from ship_notice_line join purchase_order o using (order_id) where o.number = $1 limit $2",
                number,
                MOST
            )
            .fetch_all(tx.sql())
            .await?,
            sqlx::query_scalar!(
                r#"
                select rl.receipt_line_id
                from receipt_line rl
                join receipt r using (receipt_id)
                join order_line l using (order_line_id)
                join purchase_order o using (order_id)
                where o.number = $1 and r.matches_id is null
                limit $2
                "#,
                number,
                MOST
            )
            .fetch_all(tx.sql())
            .await?,
        ),
        Start::Lot(_) | Start::SupplierLot(_) | Start::Serial(_) => {
            let text = match start {
                Start::SupplierLot(lot) => Some(lot.as_str()),
                _ => None,
            };
            (
                sqlx::query_scalar!(
                    r#"
                    select n.ship_line_id as "id!"
                    from lot l
                    join receipt_line rl using (lot_id)
                    join ship_notice_line n on n.ship_line_id = rl.ship_line_id
                    where l.lot_id = any($1)
                    union
                    select n.ship_line_id
                    from lot l
                    join ship_notice_lot n on n.lot = l.supplier_lot and n.supplier_id = l.supplier_id and n.plant_id = l.plant_id
                    join ship_notice_line s on s.ship_line_id = n.ship_line_id and s.item_id = l.item_id
                    where l.lot_id = any($1)
                    union
                    select ship_line_id from ship_notice_lot where lot = $2
                    limit $3
                    "#,
                    &lots,
                    text,
                    MOST
                )
                .fetch_all(tx.sql())
                .await?,
                sqlx::query_scalar!(
                    r#"
                    select receipt_line_id as "id!" from receipt_line where lot_id = any($1)
                    union
                    select receipt_line_id from receipt_line where supplier_lot = $2
                    limit $3
                    "#,
                    &lots,
                    text,
                    MOST
                )
                .fetch_all(tx.sql())
                .await?,
            )
        }
    };
    Ok((lots, ship_lines, receipt_lines))
}

async fn announced(tx: &mut Tx, ship_lines: &[Uuid], lot: Option<&str>) -> Result<Vec<Announced>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select n.number as notice, n.status, n.delivery_note, n.ship_on, n.arrive_on, l.number as line, o.number as "order",
               ol.number as order_line, l.item_number, s.number as supplier_number, s.name as supplier_name, p.code as plant,
               x.lot as "lot?", coalesce(x.quantity, l.quantity) as "quantity!", l.unit, l.received
        from ship_notice_line l
        join ship_notice n using (ship_notice_id)
        join purchase_order o on o.order_id = l.order_id
        join order_line ol on ol.order_line_id = l.order_line_id
        join supplier s on s.supplier_id = l.supplier_id
        join plant p on p.plant_id = l.plant_id
        left join ship_notice_lot x on x.ship_line_id = l.ship_line_id
        where l.ship_line_id = any($1) and l.is_live and ($2::text is null or x.lot = $2)
        order by n.announced_at desc, n.number, l.number, x.lot
        limit $3
        "#,
        ship_lines,
        lot,
        MOST
    )
    .fetch_all(tx.sql())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Announced {
                notice: row.notice,
                status: read_word("ship status", &row.status)?,
                delivery_note: row.delivery_note,
                line: row.line,
                order: (row.order, row.order_line),
                item: row.item_number,
                supplier: (row.supplier_number, row.supplier_name),
                plant: row.plant,
                supplier_lot: row.lot,
                quantity: row.quantity,
                unit: Unit::new(&row.unit),
                ship_on: row.ship_on,
                arrive_on: row.arrive_on,
                received: row.received,
            })
        })
        .collect()
}

async fn received(tx: &mut Tx, receipt_lines: &[Uuid]) -> Result<Vec<ReceivedStep>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select r.number as receipt, r.received_at, r.reversed_at is not null as "reversed!", n.number as "notice?",
               o.number as "order?", ol.number as "order_line?", l.item_number, l.supplier_lot, l.accepted, l.damaged, l.unit,
               l.lot_id, t.number as "lot?"
        from receipt_line l
        join receipt r using (receipt_id)
        left join ship_notice n on n.ship_notice_id = r.ship_notice_id
        left join order_line ol on ol.order_line_id = l.order_line_id
        left join purchase_order o on o.order_id = ol.order_id
        left join lot t on t.lot_id = l.lot_id
        where l.receipt_line_id = any($1) and r.matches_id is null
        order by r.received_at desc, r.number, l.number
        limit $2
        "#,
        receipt_lines,
        MOST
    )
    .fetch_all(tx.sql())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| ReceivedStep {
            receipt: row.receipt,
            received_at: row.received_at,
            reversed: row.reversed,
            notice: row.notice,
            order: row.order.zip(row.order_line),
            item: row.item_number,
            supplier_lot: row.supplier_lot,
            accepted: row.accepted,
            damaged: row.damaged,
            unit: Unit::new(&row.unit),
            lot_id: row.lot_id.map(LotId),
            lot: row.lot,
        })
        .collect())
}

/// The certificates that name these lots' supplier lots, and standing ones of their items.
pub async fn certificates(tx: &mut Tx, lots: &[Uuid]) -> Result<Vec<CertificateStep>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select distinct c.certificate_id as "certificate_id!", c.number as "number!", c.kind as "kind!", c.status as "status!",
               n.lot as "lot?"
        from lot l
        join certificate_lot n on n.supplier_id = l.supplier_id and n.item_id = l.item_id and n.lot in (l.supplier_lot, l.number)
        join certificate c using (certificate_id)
        where l.lot_id = any($1)
        union
        select c.certificate_id, c.number, c.kind, c.status, null
        from lot l
        join certificate c on c.item_id = l.item_id and c.supplier_id = l.supplier_id and c.per = 'standing'
        where l.lot_id = any($1) and c.status <> 'replaced'
        order by 3, 2
        limit $2
        "#,
        lots,
        MOST
    )
    .fetch_all(tx.sql())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(CertificateStep {
                certificate_id: CertificateId(row.certificate_id),
                number: row.number,
                kind: read_word("certificate kind", &row.kind)?,
                status: read_word("certificate status", &row.status)?,
                supplier_lot: row.lot,
            })
        })
        .collect()
}

/// Where material under a hold went, beyond the lots that lie in a plant.
#[derive(Debug, Clone, Default)]
pub struct Reach {
    /// Announced and not fully received: on its way, or not shipped yet.
    pub on_the_way: Vec<Announced>,
    /// Lots of ours that it covers.
    pub lots: Vec<LotRecord>,
    /// What of them was taken for production, sent back or thrown away: lot, quantity.
    pub gone: Vec<(LotId, Decimal)>,
}

/// Where the material under a hold went, within the scope.
pub async fn reach(tx: &mut Tx, hold: &HoldRecord) -> Result<Reach, CommandError> {
    let lots = lot_list::under_hold(tx, hold.hold_id).await?;
    let ids: Vec<Uuid> = lots.iter().map(|lot| lot.lot_id.0).collect();
    let gone = sqlx::query!(
        r#"
        select lot_id, sum(quantity) as "quantity!" from lot_movement
        where lot_id = any($1) and to_status is null and kind in ('issue', 'return', 'scrap')
        group by lot_id
        "#,
        &ids
    )
    .fetch_all(tx.sql())
    .await?;
    let lines = coming(tx, hold).await?;
    let narrow = match &hold.scope {
        HoldScope::Lot { .. } | HoldScope::Serial { .. } => lots.first().and_then(|lot| lot.supplier_lot.clone()),
        _ => None,
    };
    let on_the_way = announced(tx, &lines, narrow.as_deref()).await?;
    Ok(Reach { on_the_way, lots, gone: gone.into_iter().map(|row| (LotId(row.lot_id), row.quantity)).collect() })
}

/// Lines of ship notices that bring more of what is held.
async fn coming(tx: &mut Tx, hold: &HoldRecord) -> Result<Vec<Uuid>, StoreError> {
    let (supplier_id, plant_id) = match &hold.scope {
        HoldScope::SupplierItem { supplier_id, .. } => (Some(supplier_id.0), None),
        HoldScope::PlantItem { plant_id, .. } => (None, Some(plant_id.0)),
        HoldScope::Lot { lot_id } | HoldScope::Serial { lot_id, .. } => {
            return Ok(sqlx::query_scalar!(
                r#"
                select s.ship_line_id
                from lot l
                join ship_notice_lot x on x.lot = l.supplier_lot and x.supplier_id = l.supplier_id
                join ship_notice_line s on s.ship_line_id = x.ship_line_id and s.item_id = l.item_id and s.is_live
                join ship_notice n using (ship_notice_id)
                where l.lot_id = $1 and n.status in ('announced', 'in_transit', 'arrived', 'partly_received')
                limit $2
                "#,
                lot_id.0,
                MOST
            )
            .fetch_all(tx.sql())
            .await?);
        }
    };
    Ok(sqlx::query_scalar!(
        r#"
        select s.ship_line_id
        from ship_notice_line s
        join ship_notice n using (ship_notice_id)
        where s.is_live and s.item_id = $1 and ($2::uuid is null or s.supplier_id = $2) and ($3::uuid is null or s.plant_id = $3)
          and n.status in ('announced', 'in_transit', 'arrived', 'partly_received')
        limit $4
        "#,
        hold.item_id.0,
        supplier_id,
        plant_id,
        MOST
    )
    .fetch_all(tx.sql())
    .await?)
}

/// Something a trace can begin at, found by words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundStart {
    /// `lot`, `supplier-lot` or `serial`: a step of the address.
    pub kind: &'static str,
    /// What stands in the address.
    pub id: String,
    /// What to call it.
    pub name: String,
    /// The item's number.
    pub item: String,
    /// Where or from whom.
    pub beside: String,
}

/// Lots, suppliers' lots and serials whose number has these words, at most `most` of each.
pub async fn find(tx: &mut Tx, words: &str, most: i64) -> Result<Vec<FoundStart>, StoreError> {
    let words = words.trim();
    if words.is_empty() {
        return Ok(Vec::new());
    }
    let like = contains(words);
    let lots = sqlx::query!(
        r#"
        select l.lot_id, l.number, l.item_number, p.code
        from lot l join plant p using (plant_id)
        where l.number ilike $1
        order by l.number = $2 desc, l.created_at desc
        limit $3
        "#,
        like,
        words,
        most
    )
    .fetch_all(tx.sql())
    .await?;
    let theirs = sqlx::query!(
        r#"
        select distinct x.lot, s.item_number, p.name
        from ship_notice_lot x
        join ship_notice_line s using (ship_line_id)
        join supplier p on p.supplier_id = x.supplier_id
        where x.lot ilike $1 and s.is_live
        order by x.lot
        limit $2
        "#,
        like,
        most
    )
    .fetch_all(tx.sql())
    .await?;
    let serials = sqlx::query!(
        r#"
        select x.serial, l.item_number, l.number
        from lot_serial x join lot l using (lot_id)
        where x.serial = $1
        limit $2
        "#,
        words,
        most
    )
    .fetch_all(tx.sql())
    .await?;
    let lots = lots.into_iter().map(|row| FoundStart {
        kind: "lot",
        id: row.lot_id.to_string(),
        name: row.number,
        item: row.item_number,
        beside: format!("lot in plant {}", row.code),
    });
    let theirs = theirs.into_iter().map(|row| FoundStart {
        kind: "supplier-lot",
        id: row.lot.clone(),
        name: row.lot,
        item: row.item_number,
        beside: format!("lot of {}", row.name),
    });
    let serials = serials.into_iter().map(|row| FoundStart {
        kind: "serial",
        id: row.serial.clone(),
        name: row.serial,
        item: row.item_number,
        beside: format!("serial of lot {}", row.number),
    });
    Ok(lots.chain(theirs).chain(serials).collect())
}

/// For choosing what a hold covers: the item of this number and the supplier of this number.
pub async fn item_and_supplier(
    tx: &mut Tx,
    item: &str,
    supplier: Option<&str>,
) -> Result<(Option<ItemId>, Option<SupplierId>), StoreError> {
    let item =
        sqlx::query_scalar!("select item_id from item where number = $1", item.trim()).fetch_optional(tx.sql()).await?;
    let supplier = match supplier {
        Some(number) => {
            sqlx::query_scalar!("select supplier_id from supplier where number = $1", number.trim())
                .fetch_optional(tx.sql())
                .await?
        }
        None => None,
    };
    Ok((item.map(ItemId), supplier.map(SupplierId)))
}
