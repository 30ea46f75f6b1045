//! How far the certificates that material needs are there: for what is about to be shipped, for schedule lines from the
//! moment of confirmation, and for lots. The rule is [`domain::certificate::requirement`]; here are the facts for it, read
//! for many at once.

use std::collections::HashMap;

use chrono::NaiveDate;
use domain::certificate::requirement::{Covered, Held, Requirement, Supplied, Waiver, cover, each_once, needs};
use domain::id::{CertificateId, ItemId, PlantId, ScheduleLineId, ShipNoticeId, SupplierId};
use uuid::Uuid;

use crate::error::StoreError;
use crate::orders::read_word;
use crate::tx::Tx;

/// What to look for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// What is supplied.
    pub supplied: Supplied,
    /// The schedule lines it is for; waivers hang on them.
    pub schedule_lines: Vec<ScheduleLineId>,
    /// The ship notice, where it was sent already: for what was let go for a whole one.
    pub ship_notice_id: Option<ShipNoticeId>,
    /// The day on which standing ones must count.
    pub on: NaiveDate,
}

/// How far the needs of each are met, in the order given.
pub async fn of(tx: &mut Tx, wanted: &[Wanted]) -> Result<Vec<Vec<Covered>>, StoreError> {
    let items: Vec<Uuid> = distinct(wanted.iter().map(|one| one.supplied.item_id.0));
    let rules = rules(tx, &items).await?;
    if rules.is_empty() {
        return Ok(wanted.iter().map(|_| Vec::new()).collect());
    }
    let needed: Vec<Vec<_>> = wanted.iter().map(|one| needs(&rules, &one.supplied)).collect();
    let suppliers = distinct(wanted.iter().filter_map(|one| one.supplied.supplier_id).map(|id| id.0));
    let typed = |text: &String| text.trim().to_lowercase();
    let lots: Vec<String> = distinct(wanted.iter().flat_map(|one| &one.supplied.lots).map(typed));
    let notes: Vec<String> = distinct(wanted.iter().filter_map(|one| one.supplied.delivery_note.as_ref()).map(typed));
    let held = held(tx, &suppliers, &items, &lots, &notes).await?;
    let waivers = waivers(tx, wanted).await?;
    Ok(wanted
        .iter()
        .zip(needed)
        .map(|(one, needed)| {
            let from = one.supplied.supplier_id.map(|supplier| (supplier, one.supplied.item_id));
            let own: &[Held] = from.and_then(|from| held.get(&from)).map(Vec::as_slice).unwrap_or_default();
            let let_go: Vec<Waiver> =
                waivers.iter().filter(|(on, _)| on.is_for(one)).map(|(_, waiver)| waiver.clone()).collect();
            cover(needed, own, &let_go, one.on)
        })
        .collect())
}

fn distinct<T: Ord>(list: impl Iterator<Item = T>) -> Vec<T> {
    let mut list: Vec<T> = list.collect();
    list.sort_unstable();
    list.dedup();
    list
}

async fn rules(tx: &mut Tx, items: &[Uuid]) -> Result<Vec<Requirement>, StoreError> {
    let rows = sqlx::query!(
        "select item_id, supplier_id, plant_id, kind, per from certificate_requirement where item_id = any($1) and ended_at is null",
        items
    )
    .fetch_all(tx.sql())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Requirement {
                item_id: ItemId(row.item_id),
                supplier_id: row.supplier_id.map(SupplierId),
                plant_id: row.plant_id.map(PlantId),
                kind: read_word("certificate kind", &row.kind)?,
                per: read_word("certificate scope", &row.per)?,
            })
        })
        .collect()
}

/// Certificates of these suppliers and items that may meet a need: standing ones, those for one of the lots, and those for
/// one of the delivery notes. By supplier and item.
async fn held(
    tx: &mut Tx,
    suppliers: &[Uuid],
    items: &[Uuid],
    lots: &[String],
    notes: &[String],
) -> Result<HashMap<(SupplierId, ItemId), Vec<Held>>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select c.certificate_id, c.supplier_id, c.item_id, c.number, c.kind, c.per, c.status, c.delivery_note, c.valid_until,
               coalesce((select array_agg(l.lot) from certificate_lot l where l.certificate_id = c.certificate_id), '{}') as "lots!: Vec<String>"
        from certificate c
        where c.supplier_id = any($1) and c.item_id = any($2) and c.status <> 'replaced'
          and (c.per = 'standing'
               or lower(btrim(c.delivery_note)) = any($4)
               or exists (select from certificate_lot l where l.certificate_id = c.certificate_id and lower(btrim(l.lot)) = any($3)))
        "#,
        suppliers,
        items,
        lots,
        notes
    )
    .fetch_all(tx.sql())
    .await?;
    let mut held: HashMap<(SupplierId, ItemId), Vec<Held>> = HashMap::new();
    for row in rows {
        held.entry((SupplierId(row.supplier_id), ItemId(row.item_id))).or_default().push(Held {
            certificate_id: CertificateId(row.certificate_id),
            number: row.number,
            item_id: ItemId(row.item_id),
            kind: read_word("certificate kind", &row.kind)?,
            per: read_word("certificate scope", &row.per)?,
            status: read_word("certificate status", &row.status)?,
            lots: row.lots,
            delivery_note: row.delivery_note,
            valid_until: row.valid_until,
        });
    }
    Ok(held)
}

struct LetGo {
    schedule_line_id: Option<Uuid>,
    ship_notice_id: Option<Uuid>,
}

impl LetGo {
    fn is_for(&self, wanted: &Wanted) -> bool {
        match self.schedule_line_id {
            // The notice that it travelled on has other lines too, which nobody let go.
            Some(id) => wanted.schedule_lines.iter().any(|line| line.0 == id),
            None => self.ship_notice_id.is_some() && self.ship_notice_id == wanted.ship_notice_id.map(|id| id.0),
        }
    }
}

async fn waivers(tx: &mut Tx, wanted: &[Wanted]) -> Result<Vec<(LetGo, Waiver)>, StoreError> {
    let lines = distinct(wanted.iter().flat_map(|one| &one.schedule_lines).map(|line| line.0));
    let notices = distinct(wanted.iter().filter_map(|one| one.ship_notice_id).map(|id| id.0));
    let rows = sqlx::query!(
        r#"
        select schedule_line_id, ship_notice_id, item_id, kind, lot
        from certificate_waiver where schedule_line_id = any($1) or ship_notice_id = any($2)
        "#,
        &lines,
        &notices
    )
    .fetch_all(tx.sql())
    .await?;
    rows.into_iter()
        .map(|row| {
            let on = LetGo { schedule_line_id: row.schedule_line_id, ship_notice_id: row.ship_notice_id };
            let kind = read_word("certificate kind", &row.kind)?;
            Ok((on, Waiver { item_id: ItemId(row.item_id), kind, lot: row.lot }))
        })
        .collect()
}

/// A schedule line with the certificates that it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineCoverage {
    /// Which.
    pub schedule_line_id: ScheduleLineId,
    /// The order's number.
    pub order: String,
    /// Line number.
    pub line: String,
    /// Schedule number.
    pub schedule: i32,
    /// Item number.
    pub item: String,
    /// What it is called.
    pub description: String,
    /// The supplier's number and name.
    pub supplier: (String, String),
    /// The plant's code.
    pub plant: String,
    /// Day on which it is promised, or was asked for.
    pub due: NaiveDate,
    /// Its needs and how far each is met.
    pub covered: Vec<Covered>,
}

impl LineCoverage {
    /// Those that keep a ship notice from being sent.
    pub fn missing(&self) -> impl Iterator<Item = &Covered> {
        self.covered.iter().filter(|one| !one.coverage.lets_ship())
    }
}

/// Which schedule lines.
#[derive(Debug, Clone, Copy)]
pub enum Lines<'a> {
    /// These.
    These(&'a [ScheduleLineId]),
    /// All of an order.
    OfOrder(domain::id::OrderId),
    /// Those with a promise in force in open orders whose item needs a certificate, the earliest due first.
    Promised {
        /// At most so many are looked at.
        most: i64,
    },
}

/// The certificates that schedule lines need, with the lots announced for them so far.
pub async fn of_schedule_lines(tx: &mut Tx, which: Lines<'_>) -> Result<Vec<LineCoverage>, StoreError> {
    let today = tx.now().date_naive();
    let (ids, order, most) = match which {
        Lines::These(ids) => (Some(ids.iter().map(|id| id.0).collect::<Vec<_>>()), None, 10_000),
        Lines::OfOrder(order) => (None, Some(order.0), 10_000),
        Lines::Promised { most } => (None, None, most),
    };
    let promised = matches!(which, Lines::Promised { .. });
    let rows = sqlx::query!(
        r#"
        select s.schedule_line_id, o.number as order_number, l.number as line, s.number as schedule, l.item_id, l.item_number,
               l.description, s.supplier_id, s.plant_id, u.number as supplier_number, u.name as supplier_name, p.code as plant_code,
               coalesce(s.last_confirmed_on, s.requested_on) as "due!",
               coalesce((select array_agg(distinct t.lot)
                         from ship_notice_line n join ship_notice_lot t using (ship_line_id)
                         where n.schedule_line_id = s.schedule_line_id and n.is_live), '{}') as "lots!: Vec<String>",
               (select max(h.delivery_note)
                from ship_notice_line n join ship_notice h using (ship_notice_id)
                where n.schedule_line_id = s.schedule_line_id and n.is_live) as delivery_note
        from schedule_line s
        join order_line l using (order_line_id)
        join purchase_order o on o.order_id = s.order_id
        join supplier u on u.supplier_id = s.supplier_id
        join plant p on p.plant_id = s.plant_id
        where ($1::uuid[] is null or s.schedule_line_id = any($1))
          and ($2::uuid is null or s.order_id = $2)
          and (not $3 or (s.promise is not null and s.state <> 'cancelled' and o.status = 'open'))
          and exists (select from certificate_requirement r where r.item_id = l.item_id and r.ended_at is null)
        order by "due!", o.number, l.number, s.number
        limit $4
        "#,
        ids.as_deref() as Option<&[Uuid]>,
        order,
        promised,
        most
    )
    .fetch_all(tx.sql())
    .await?;
    let wanted: Vec<Wanted> = rows
        .iter()
        .map(|row| Wanted {
            supplied: Supplied {
                item_id: ItemId(row.item_id),
                supplier_id: Some(SupplierId(row.supplier_id)),
                plant_id: PlantId(row.plant_id),
                lots: row.lots.clone(),
                delivery_note: row.delivery_note.clone(),
            },
            schedule_lines: vec![ScheduleLineId(row.schedule_line_id)],
            ship_notice_id: None,
            on: row.due.max(today),
        })
        .collect();
    let covered = of(tx, &wanted).await?;
    Ok(rows
        .into_iter()
        .zip(covered)
        .filter(|(_, covered)| !covered.is_empty())
        .map(|(row, covered)| LineCoverage {
            schedule_line_id: ScheduleLineId(row.schedule_line_id),
            order: row.order_number,
            line: row.line,
            schedule: row.schedule,
            item: row.item_number,
            description: row.description,
            supplier: (row.supplier_number, row.supplier_name),
            plant: row.plant_code,
            due: row.due,
            covered,
        })
        .collect())
}

/// One line of what is about to be shipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shipping {
    /// Which promise; waivers hang on it.
    pub schedule_line_id: ScheduleLineId,
    /// What is supplied, with its lots and the delivery note.
    pub supplied: Supplied,
}

/// The certificates that a shipment needs on the day of its arrival; each need once, however many lines share it.
pub async fn of_shipment(tx: &mut Tx, lines: &[Shipping], arrive_on: NaiveDate) -> Result<Vec<Covered>, StoreError> {
    let wanted: Vec<Wanted> = lines
        .iter()
        .map(|line| Wanted {
            supplied: line.supplied.clone(),
            schedule_lines: vec![line.schedule_line_id],
            ship_notice_id: None,
            on: arrive_on,
        })
        .collect();
    Ok(each_once(of(tx, &wanted).await?.into_iter().flatten()))
}

/// The certificates that lots need, by lot, on the day of each. A lot that came with several deliveries needs those of each,
/// for the material lies together.
pub async fn of_lots(tx: &mut Tx, days: &HashMap<Uuid, NaiveDate>) -> Result<HashMap<Uuid, Vec<Covered>>, StoreError> {
    let lots: Vec<Uuid> = distinct(days.keys().copied());
    let rows = sqlx::query!(
        r#"
        select distinct l.lot_id, l.item_id, l.supplier_id, l.plant_id, coalesce(l.supplier_lot, l.number) as "lot!",
               g.delivery_note as "delivery_note?", g.ship_notice_id as "ship_notice_id?", s.schedule_line_id as "schedule_line_id?"
        from lot l
        left join (receipt_line r join receipt g on g.receipt_id = r.receipt_id and g.reversed_at is null)
          on r.lot_id = l.lot_id
        left join ship_notice_line s on s.ship_line_id = r.ship_line_id
        where l.lot_id = any($1)
          and exists (select from certificate_requirement q where q.item_id = l.item_id and q.ended_at is null)
        "#,
        &lots
    )
    .fetch_all(tx.sql())
    .await?;
    let (mut of_lot, mut wanted) = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()));
    for row in rows {
        let Some(on) = days.get(&row.lot_id) else { continue };
        of_lot.push(row.lot_id);
        wanted.push(Wanted {
            supplied: Supplied {
                item_id: ItemId(row.item_id),
                supplier_id: row.supplier_id.map(SupplierId),
                plant_id: PlantId(row.plant_id),
                lots: vec![row.lot],
                delivery_note: row.delivery_note,
            },
            schedule_lines: row.schedule_line_id.map(ScheduleLineId).into_iter().collect(),
            ship_notice_id: row.ship_notice_id.map(ShipNoticeId),
            on: *on,
        });
    }
    let mut all: HashMap<Uuid, Vec<Covered>> = HashMap::new();
    for (lot, covered) in of_lot.into_iter().zip(of(tx, &wanted).await?) {
        all.entry(lot).or_default().extend(covered);
    }
    Ok(all.into_iter().map(|(lot, covered)| (lot, each_once(covered))).collect())
}
