//! What goods are received against: a ship notice, or the lines of orders that nobody announced anything for, with what is
//! expected of it and what came. Receipts ([`crate::receipts`], `receipt_mirror.rs`) lock it first, so that two of them over
//! the same delivery wait for one another.

use std::collections::HashMap;

use domain::calendar::ZoneName;
use domain::event::{Subject, SubjectKind};
use domain::id::{ConnectionId, PlantId, ReceiptId, ShipNoticeId, SupplierId};
use domain::quantity::Unit;
use domain::receipt::difference::{Came, Delivery, DueLine};
use domain::shipment::ShippedLot;
use uuid::Uuid;

use crate::error::{CommandError, StoreError};
use crate::events::About;
use crate::orders::read_word;
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
    /// It left, and it came to the gate, as told.
    pub departed: bool,
    pub arrived: bool,
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
pub(crate) async fn came(tx: &mut Tx, place: &Place) -> Result<Vec<Came>, StoreError> {
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
