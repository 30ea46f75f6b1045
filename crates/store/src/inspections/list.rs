//! Inspections as they are read: one, and the lists of them, cut by key.

use chrono::{DateTime, NaiveDate, Utc};
use domain::Decimal;
use domain::access::{Action, Actor, Scope, may};
use domain::certificate::Measured;
use domain::id::{InspectionId, ItemId, LotId, PlantId, SpecificationId, SupplierId};
use domain::inspection::{InspectionResult, InspectionState};
use domain::quantity::Unit;
use domain::refusal::Finding;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Postgres, QueryBuilder, Row as _};
use uuid::Uuid;

use crate::error::{CommandError, StoreError};
use crate::holds::contains;
use crate::order_list::COUNTED;
use crate::orders::{read_json, read_word};
use crate::paging::{NoPlace, Page};
use crate::tx::Tx;

/// An inspection with its lot.
#[derive(Debug, Clone)]
pub struct InspectionRecord {
    /// Its id.
    pub inspection_id: InspectionId,
    /// Where it stands.
    pub state: InspectionState,
    /// The lot.
    pub lot_id: LotId,
    /// The lot's number.
    pub lot: String,
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
    /// The plant's code.
    pub plant: String,
    /// The supplier's id, number and name.
    pub supplier: Option<(SupplierId, String, String)>,
    /// Unit of the quantities.
    pub unit: Unit,
    /// What lies in inspection stock.
    pub quantity: Decimal,
    /// The day on which the lot came.
    pub due_on: Option<NaiveDate>,
    /// What was measured.
    pub measured: Vec<Measured>,
    /// What the check of the values said.
    pub findings: Vec<Finding>,
    /// Against which specification.
    pub specification_id: Option<SpecificationId>,
    /// What it came to.
    pub result: Option<InspectionResult>,
    /// When it was opened.
    pub opened_at: DateTime<Utc>,
    /// Who decided, and when.
    pub decided: Option<(Option<Actor>, DateTime<Utc>)>,
    /// In words.
    pub note: Option<String>,
}

impl InspectionRecord {
    /// Its place in the list that it is in.
    pub fn place(&self) -> Place {
        match &self.decided {
            Some((_, at)) => Place::Decided(*at, self.inspection_id.0),
            None => Place::Due(self.due_on.unwrap_or(DAY_UNKNOWN), self.inspection_id.0),
        }
    }
}

/// Where one without a day stands: last.
const DAY_UNKNOWN: NaiveDate = match NaiveDate::from_ymd_opt(9999, 12, 31) {
    Some(day) => day,
    None => NaiveDate::MAX,
};

/// A place in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Among those that are due: day, inspection.
    Due(NaiveDate, Uuid),
    /// Among those that were decided or let go: moment, inspection.
    Decided(DateTime<Utc>, Uuid),
}

/// As in an address: the day or the microseconds of the moment, a dot, the id.
impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Due(day, id) => write!(f, "{day}.{id}"),
            Self::Decided(at, id) => write!(f, "{}.{id}", at.timestamp_micros()),
        }
    }
}

impl std::str::FromStr for Place {
    type Err = NoPlace;

    fn from_str(text: &str) -> Result<Self, NoPlace> {
        let (when, id) = text.split_once('.').ok_or(NoPlace)?;
        let id = id.parse().map_err(|_| NoPlace)?;
        if let Ok(day) = when.parse() {
            return Ok(Self::Due(day, id));
        }
        let at = when.parse().ok().and_then(DateTime::from_timestamp_micros).ok_or(NoPlace)?;
        Ok(Self::Decided(at, id))
    }
}

/// Which inspections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InspectionFilter {
    /// In this state.
    pub state: InspectionState,
    /// Item, lot, supplier or plant contains these words.
    pub text: Option<String>,
}

const COLUMNS: &str = "
    select n.inspection_id, n.state, n.lot_id, l.number as lot, l.supplier_lot, l.item_id, l.item_number as item,
           i.description, l.plant_id, p.code as plant, l.supplier_id, s.number as supplier_number, s.name as supplier_name,
           l.unit, coalesce((select quantity from lot_stock k where k.lot_id = l.lot_id and k.status = 'inspection'), 0) as quantity,
           n.due_on, n.measured, n.findings, n.specification_id, n.result, n.opened_at, n.decided_by, n.decided_at, n.note";
const TABLES: &str = "
    from inspection n
    join lot l using (lot_id)
    join item i on i.item_id = l.item_id
    join plant p on p.plant_id = l.plant_id
    left join supplier s on s.supplier_id = l.supplier_id";

/// One page of the inspections within the scope: due ones by their day, the longest due first; others the newest first.
pub async fn page(
    tx: &mut Tx,
    filter: &InspectionFilter,
    at: &Page<Place>,
) -> Result<Vec<InspectionRecord>, CommandError> {
    may(tx.actor(), Action::SeeQuality)?;
    let mut sql = QueryBuilder::<Postgres>::new(COLUMNS);
    sql.push(TABLES);
    conditions(&mut sql, tx.scope(), filter);
    let due = filter.state == InspectionState::Due;
    // As the index has it; the key is compared with both columns at once.
    let order: [&str; 2] = if due {
        ["coalesce(n.due_on, date '9999-12-31')", "n.inspection_id"]
    } else {
        ["n.decided_at", "n.inspection_id"]
    };
    match at.key() {
        Some(Place::Due(day, id)) if due => at.push_key(&mut sql, order, (*day, *id), false),
        Some(Place::Decided(moment, id)) if !due => at.push_key(&mut sql, order, (*moment, *id), true),
        _ => {}
    }
    at.push_order(&mut sql, &order, !due);
    Ok(at.in_order(sql.build_query_as().fetch_all(tx.sql()).await?))
}

/// The first `most` of [`page`].
pub async fn list(tx: &mut Tx, filter: &InspectionFilter, most: i64) -> Result<Vec<InspectionRecord>, CommandError> {
    page(tx, filter, &Page::first(most)).await
}

/// How many a filter matches, at most one more than [`COUNTED`].
pub async fn count(tx: &mut Tx, filter: &InspectionFilter) -> Result<i64, CommandError> {
    may(tx.actor(), Action::SeeQuality)?;
    let mut sql = QueryBuilder::<Postgres>::new("select count(*) from (select 1 ");
    sql.push(TABLES);
    conditions(&mut sql, tx.scope(), filter);
    sql.push(" limit ").push_bind(COUNTED + 1).push(") matching");
    Ok(sql.build_query_scalar().fetch_one(tx.sql()).await?)
}

fn conditions(sql: &mut QueryBuilder<Postgres>, scope: &Scope, filter: &InspectionFilter) {
    // The state as a word of the statement, so that the index of that state is taken.
    sql.push(" where n.state = '").push(filter.state.as_str()).push("'");
    if let Scope::Plants(plants) = scope {
        sql.push(" and n.plant_id = any(").push_bind(plants.iter().map(|id| id.0).collect::<Vec<_>>()).push(")");
    }
    if let Some(text) = &filter.text {
        sql.push(" and concat_ws(' ', l.number, l.supplier_lot, l.item_number, i.description, s.name, s.number, p.code) ilike ");
        sql.push_bind(contains(text));
    }
}

/// One inspection, within the scope.
pub async fn get(tx: &mut Tx, inspection_id: InspectionId) -> Result<InspectionRecord, CommandError> {
    may(tx.actor(), Action::SeeQuality)?;
    let mut sql = QueryBuilder::<Postgres>::new(COLUMNS);
    sql.push(TABLES).push(" where n.inspection_id = ").push_bind(inspection_id.0);
    sql.build_query_as().fetch_optional(tx.sql()).await?.ok_or(CommandError::NotFound { what: "inspection" })
}

impl FromRow<'_, PgRow> for InspectionRecord {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        read(row).map_err(|error| match error {
            StoreError::Database(error) => error,
            other => sqlx::Error::Decode(Box::new(other)),
        })
    }
}

fn read(row: &PgRow) -> Result<InspectionRecord, StoreError> {
    let (state, unit): (String, String) = (row.try_get("state")?, row.try_get("unit")?);
    let result: Option<String> = row.try_get("result")?;
    let supplier_id: Option<Uuid> = row.try_get("supplier_id")?;
    let (decided_by, decided_at): (Option<serde_json::Value>, Option<DateTime<Utc>>) =
        (row.try_get("decided_by")?, row.try_get("decided_at")?);
    let supplier_name: Option<(String, String)> =
        Option::zip(row.try_get("supplier_number")?, row.try_get("supplier_name")?);
    Ok(InspectionRecord {
        inspection_id: InspectionId(row.try_get("inspection_id")?),
        state: read_word("inspection state", &state)?,
        lot_id: LotId(row.try_get("lot_id")?),
        lot: row.try_get("lot")?,
        supplier_lot: row.try_get("supplier_lot")?,
        item_id: ItemId(row.try_get("item_id")?),
        item: row.try_get("item")?,
        description: row.try_get("description")?,
        plant_id: PlantId(row.try_get("plant_id")?),
        plant: row.try_get("plant")?,
        supplier: supplier_id.zip(supplier_name).map(|(id, (number, name))| (SupplierId(id), number, name)),
        unit: Unit::new(&unit),
        quantity: row.try_get("quantity")?,
        due_on: row.try_get("due_on")?,
        measured: read_json("measured values", row.try_get("measured")?)?,
        findings: read_json("findings", row.try_get("findings")?)?,
        specification_id: row.try_get::<Option<Uuid>, _>("specification_id")?.map(SpecificationId),
        result: result.as_deref().map(|word| read_word("inspection result", word)).transpose()?,
        opened_at: row.try_get("opened_at")?,
        decided: match decided_at {
            Some(at) => Some((decided_by.map(|actor| read_json("actor", actor)).transpose()?, at)),
            None => None,
        },
        note: row.try_get("note")?,
    })
}
