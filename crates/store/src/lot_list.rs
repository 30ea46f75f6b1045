//! Lots as pages and machines read them: one, many, those under a hold, and how their quantities came about.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use domain::Decimal;
use domain::access::{Action, Actor, may};
use domain::hold::{HoldReason, HoldState};
use domain::id::{HoldId, ItemId, LotId, PlantId, SupplierId};
use domain::lot::usability::{Verdict, may_use};
use domain::lot::{MovementKind, StockStatus};
use domain::quantity::Unit;
use uuid::Uuid;

use crate::error::{CommandError, StoreError};
use crate::holds::contains;
use crate::lot_facts;
use crate::orders::{read_json, read_word};
use crate::tx::Tx;

/// A lot with where its quantity lies.
#[derive(Debug, Clone)]
pub struct LotRecord {
    /// Its id.
    pub lot_id: LotId,
    /// The plant's number for it.
    pub number: String,
    /// The supplier's lot.
    pub supplier_lot: Option<String>,
    /// The item.
    pub item_id: ItemId,
    /// The item's number.
    pub item: String,
    /// What it is called.
    pub description: String,
    /// The plant.
    pub plant_id: PlantId,
    /// The plant's code and name.
    pub plant: (String, String),
    /// The supplier's id, number and name.
    pub supplier: Option<(SupplierId, String, String)>,
    /// Unit of the quantities.
    pub unit: Unit,
    /// When it was made.
    pub produced_on: Option<NaiveDate>,
    /// Last day on which it may be used.
    pub expires_on: Option<NaiveDate>,
    /// Country of origin.
    pub origin: Option<String>,
    /// Where it lies, in the words of the warehouse.
    pub location: Option<String>,
    /// When it came first.
    pub created_at: DateTime<Utc>,
    /// How much lies in each status, where any does.
    pub stock: Vec<(StockStatus, Decimal)>,
}

impl LotRecord {
    /// What lies in one status.
    pub fn in_status(&self, status: StockStatus) -> Decimal {
        self.stock.iter().find(|(known, _)| *known == status).map_or(Decimal::ZERO, |(_, quantity)| *quantity)
    }

    /// All of it.
    pub fn total(&self) -> Decimal {
        self.stock.iter().map(|(_, quantity)| *quantity).sum()
    }
}

/// Which lots.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LotFilter {
    /// Number, supplier lot, item or supplier contains these words.
    pub text: Option<String>,
    /// Only with something in this status.
    pub status: Option<StockStatus>,
}

/// Lots within the scope, the newest first, at most `most`.
pub async fn list(tx: &mut Tx, filter: &LotFilter, most: i64) -> Result<Vec<LotRecord>, StoreError> {
    let ids = sqlx::query_scalar!(
        r#"
        select l.lot_id
        from lot l
        left join supplier s using (supplier_id)
        where ($1::text is null or concat_ws(' ', l.number, l.supplier_lot, l.item_number, s.name) ilike $1)
          and ($2::text is null or exists (
            select from lot_stock k where k.lot_id = l.lot_id and k.status = $2 and k.quantity > 0))
        order by l.created_at desc, l.lot_id
        limit $3
        "#,
        filter.text.as_deref().map(contains),
        filter.status.map(StockStatus::as_str),
        most
    )
    .fetch_all(tx.sql())
    .await?;
    by_ids(tx, &ids).await
}

/// One lot, within the scope.
pub async fn get(tx: &mut Tx, lot_id: LotId) -> Result<LotRecord, CommandError> {
    by_ids(tx, &[lot_id.0]).await?.into_iter().next().ok_or(CommandError::NotFound { what: "lot" })
}

/// These lots as far as they are within the scope, the newest first.
pub async fn by_ids(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<LotRecord>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select l.lot_id, l.number, l.supplier_lot, l.item_id, l.item_number, i.description, l.plant_id, p.code as plant_code,
               p.name as plant_name, l.supplier_id, s.number as "supplier_number?", s.name as "supplier_name?", l.unit,
               l.produced_on, l.expires_on, l.origin, l.location, l.created_at
        from lot l
        join item i using (item_id)
        join plant p using (plant_id)
        left join supplier s using (supplier_id)
        where l.lot_id = any($1)
        order by l.created_at desc, l.lot_id
        "#,
        ids
    )
    .fetch_all(tx.sql())
    .await?;
    let stock = sqlx::query!(
        "select lot_id, status, quantity from lot_stock where lot_id = any($1) and quantity > 0 order by lot_id, status",
        ids
    )
    .fetch_all(tx.sql())
    .await?;
    let mut by_lot: HashMap<Uuid, Vec<(StockStatus, Decimal)>> = HashMap::new();
    for row in stock {
        by_lot.entry(row.lot_id).or_default().push((read_word("stock status", &row.status)?, row.quantity));
    }
    Ok(rows
        .into_iter()
        .map(|row| LotRecord {
            stock: by_lot.remove(&row.lot_id).unwrap_or_default(),
            lot_id: LotId(row.lot_id),
            number: row.number,
            supplier_lot: row.supplier_lot,
            item_id: ItemId(row.item_id),
            item: row.item_number,
            description: row.description,
            plant_id: PlantId(row.plant_id),
            plant: (row.plant_code, row.plant_name),
            supplier: match (row.supplier_id, row.supplier_number, row.supplier_name) {
                (Some(id), Some(number), Some(name)) => Some((SupplierId(id), number, name)),
                _ => None,
            },
            unit: Unit::new(&row.unit),
            produced_on: row.produced_on,
            expires_on: row.expires_on,
            origin: row.origin,
            location: row.location,
            created_at: row.created_at,
        })
        .collect())
}

/// The lots of exactly this number, or with this lot of the supplier, within the scope.
pub async fn named(tx: &mut Tx, number: &str) -> Result<Vec<LotRecord>, StoreError> {
    let ids = sqlx::query_scalar!(
        "select lot_id from lot where number = $1 or supplier_lot = $1 order by number = $1 desc limit 20",
        number
    )
    .fetch_all(tx.sql())
    .await?;
    by_ids(tx, &ids).await
}

/// The lots under a hold, as far as they are within the scope.
pub async fn under_hold(tx: &mut Tx, hold_id: HoldId) -> Result<Vec<LotRecord>, StoreError> {
    let ids = sqlx::query_scalar!(
        r#"
        select l.lot_id from hold_lots($1) h join lot l on l.lot_id = h.lot_id order by l.created_at desc limit 1000
        "#,
        hold_id.0
    )
    .fetch_all(tx.sql())
    .await?;
    by_ids(tx, &ids).await
}

/// One change of a lot's quantities.
#[derive(Debug, Clone)]
pub struct MovementRow {
    /// Why.
    pub kind: MovementKind,
    /// Out of this status; none when it came from outside.
    pub from: Option<StockStatus>,
    /// Into this status; none when it left.
    pub to: Option<StockStatus>,
    /// How much.
    pub quantity: Decimal,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// When we learned it.
    pub recorded_at: DateTime<Utc>,
    /// Who.
    pub actor: Actor,
    /// In words.
    pub reason: Option<String>,
    /// The receipt's number, where it came or was taken back with one.
    pub receipt: Option<String>,
}

/// How a lot's quantities came about, the newest first, at most 200.
pub async fn movements(tx: &mut Tx, lot_id: LotId) -> Result<Vec<MovementRow>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select m.kind, m.from_status, m.to_status, m.quantity, m.at, m.recorded_at, m.actor, m.reason, r.number as "receipt?"
        from lot_movement m
        left join receipt_line rl using (receipt_line_id)
        left join receipt r using (receipt_id)
        where m.lot_id = $1
        order by m.number desc
        limit 200
        "#,
        lot_id.0
    )
    .fetch_all(tx.sql())
    .await?;
    let status = |word: Option<String>| word.map(|word| read_word("stock status", &word)).transpose();
    rows.into_iter()
        .map(|row| {
            Ok(MovementRow {
                kind: read_word("movement", &row.kind)?,
                from: status(row.from_status)?,
                to: status(row.to_status)?,
                quantity: row.quantity,
                at: row.at,
                recorded_at: row.recorded_at,
                actor: read_json("actor", row.actor)?,
                reason: row.reason,
                receipt: row.receipt,
            })
        })
        .collect()
}

/// Serials of a lot, at most `most` of them that begin like `begins`.
pub async fn serials(tx: &mut Tx, lot_id: LotId, begins: &str, most: i64) -> Result<Vec<String>, StoreError> {
    Ok(sqlx::query_scalar!(
        "select serial from lot_serial where lot_id = $1 and starts_with(serial, $2) order by serial limit $3",
        lot_id.0,
        begins,
        most
    )
    .fetch_all(tx.sql())
    .await?)
}

/// Whether so much of a lot may be used now, and every reason why not.
pub async fn usability(tx: &mut Tx, lot_id: LotId, quantity: Decimal) -> Result<Verdict, CommandError> {
    let known = lot_facts::of(tx, &[lot_id.0]).await?.remove(&lot_id.0);
    let known = known.ok_or(CommandError::NotFound { what: "lot" })?;
    Ok(may_use(&known.facts, quantity, known.today))
}

/// A hold that a lot is or was under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldOverLot {
    /// Its number.
    pub number: String,
    /// Why.
    pub reason: HoldReason,
    /// Where it stands.
    pub state: HoldState,
    /// The one serial it is about, where it is.
    pub serial: Option<String>,
    /// Since when.
    pub placed_at: DateTime<Utc>,
}

/// The holds over a lot, those in force first.
pub async fn holds_over(tx: &mut Tx, lot_id: LotId) -> Result<Vec<HoldOverLot>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select h.number, h.reason, h.state, h.serial, h.placed_at
        from lot l
        join hold h on h.item_id = l.item_id and case
            when h.lot_id is not null then h.lot_id = l.lot_id
            when h.scope = 'supplier_item' then h.supplier_id = l.supplier_id
            else h.plant_id = l.plant_id
          end
        where l.lot_id = $1 and (h.state <> 'released' or h.released_at >= l.created_at)
        order by h.state = 'released', h.placed_at desc
        limit 50
        "#,
        lot_id.0
    )
    .fetch_all(tx.sql())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(HoldOverLot {
                number: row.number,
                reason: read_word("hold reason", &row.reason)?,
                state: read_word("hold state", &row.state)?,
                serial: row.serial,
                placed_at: row.placed_at,
            })
        })
        .collect()
}

/// What is counted on the quality engineer's home.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QualityCounts {
    /// Inspections that are due.
    pub inspections: i64,
    /// Holds in force.
    pub holds: i64,
    /// Holds whose release waits for a second person.
    pub releases: i64,
    /// Certificates that wait to be looked at.
    pub certificates: i64,
}

/// What waits for quality within the scope; each number stops at `most` + 1.
pub async fn counts(tx: &mut Tx, most: i64) -> Result<QualityCounts, CommandError> {
    may(tx.actor(), Action::SeeQuality)?;
    let row = sqlx::query!(
        r#"
        select (select count(*) from (select from inspection where state = 'due' limit $1) x) as "inspections!",
               (select count(*) from (select from hold where state <> 'released' limit $1) x) as "holds!",
               (select count(*) from (select from hold where state = 'release_requested' limit $1) x) as "releases!",
               (select count(*) from (select from certificate where status = 'submitted' limit $1) x) as "certificates!"
        "#,
        most + 1
    )
    .fetch_one(tx.sql())
    .await?;
    Ok(QualityCounts {
        inspections: row.inspections,
        holds: row.holds,
        releases: row.releases,
        certificates: row.certificates,
    })
}
