//! How much there is, as it is listed: by item, plant, system, lot and place, cut by key.

use chrono::{DateTime, Utc};
use domain::Decimal;
use domain::access::{Action, Scope, may};
use domain::id::{ConnectionId, ItemId, PlantId};
use domain::lot::StockStatus;
use domain::quantity::Unit;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Postgres, QueryBuilder, Row as _};

use crate::error::{CommandError, StoreError};
use crate::holds::contains;
use crate::order_list::COUNTED;
use crate::orders::read_word;
use crate::paging::{NoPlace, Page};
use crate::tx::Tx;

/// What lies of one lot in one place, as one system says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lying {
    /// The system.
    pub connection_id: ConnectionId,
    /// The plant.
    pub plant_id: PlantId,
    /// The plant's code.
    pub plant: String,
    /// The item.
    pub item_id: ItemId,
    /// The item's number.
    pub item: String,
    /// What it is called.
    pub description: String,
    /// The lot's number; empty for an item without lots.
    pub lot: String,
    /// Where, in their words.
    pub location: String,
    /// Its status there, where they have one.
    pub status: Option<StockStatus>,
    /// The unit.
    pub unit: Unit,
    /// What lies there.
    pub on_hand: Decimal,
    /// What of it is promised to somebody.
    pub reserved: Decimal,
    /// The moment for which it is true there.
    pub as_of: DateTime<Utc>,
    /// When we learned it.
    pub learned_at: DateTime<Utc>,
}

impl Lying {
    /// Its place in the list.
    pub fn place(&self) -> Place {
        Place {
            item: self.item.clone(),
            plant: self.plant.clone(),
            connection_id: self.connection_id,
            lot: self.lot.clone(),
            location: self.location.clone(),
        }
    }
}

/// A place in the list: each row's own, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The item's number.
    pub item: String,
    /// The plant's code.
    pub plant: String,
    /// The system.
    pub connection_id: ConnectionId,
    /// The lot, or empty.
    pub lot: String,
    /// Where, or empty.
    pub location: String,
}

/// Between the parts of a place in an address: nobody has it in a number or name.
const SEPARATOR: char = '\u{1f}';

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { item, plant, connection_id, lot, location } = self;
        // The id first: an address drops space at its ends, and a number may begin or end with some.
        write!(f, "{connection_id}{SEPARATOR}{item}{SEPARATOR}{plant}{SEPARATOR}{lot}{SEPARATOR}{location}{SEPARATOR}.")
    }
}

impl std::str::FromStr for Place {
    type Err = NoPlace;

    fn from_str(text: &str) -> Result<Self, NoPlace> {
        let mut parts = text.split(SEPARATOR);
        let mut next = || parts.next().ok_or(NoPlace);
        let connection_id = next()?.parse().map_err(|_| NoPlace)?;
        let (item, plant) = (next()?.to_owned(), next()?.to_owned());
        let (lot, location) = (next()?.to_owned(), next()?.to_owned());
        Ok(Self { item, plant, connection_id, lot, location })
    }
}

/// Which stock.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StockFilter {
    /// Item number, description or lot contains these words.
    pub text: Option<String>,
    /// In this plant.
    pub plant: Option<String>,
    /// Exactly this item.
    pub item: Option<String>,
}

const TABLES: &str = "
    from stock s
    join plant p using (plant_id)
    join item i using (item_id)";

/// One page of what the systems say, by item, plant, system, lot and place.
pub async fn page(tx: &mut Tx, filter: &StockFilter, at: &Page<Place>) -> Result<Vec<Lying>, CommandError> {
    may(tx.actor(), Action::SeeStock)?;
    let mut sql = QueryBuilder::<Postgres>::new(
        "select s.connection_id, s.plant_id, p.code, s.item_id, i.number, i.description, s.lot, s.location, s.status, s.unit,
                s.on_hand, s.reserved, s.as_of, s.learned_at",
    );
    sql.push(TABLES);
    conditions(&mut sql, tx.scope(), filter);
    if let Some(key) = at.key() {
        let side = at.side(false);
        // The item alone says it again, because its index is what finds the place.
        let from = if at.backwards() { " and i.number <= " } else { " and i.number >= " };
        sql.push(from).push_bind(key.item.clone());
        sql.push(" and (i.number, p.code, s.connection_id, s.lot, s.location)").push(side).push("(");
        sql.push_bind(key.item.clone()).push(", ").push_bind(key.plant.clone()).push(", ");
        sql.push_bind(key.connection_id.0).push(", ").push_bind(key.lot.clone()).push(", ");
        sql.push_bind(key.location.clone()).push(")");
    }
    at.push_order(&mut sql, &["i.number", "p.code", "s.connection_id", "s.lot", "s.location"], false);
    Ok(at.in_order(sql.build_query_as().fetch_all(tx.sql()).await?))
}

/// The first `most` of [`page`].
pub async fn list(tx: &mut Tx, filter: &StockFilter, most: i64) -> Result<Vec<Lying>, CommandError> {
    page(tx, filter, &Page::first(most)).await
}

/// How many rows a filter matches, at most one more than [`COUNTED`].
pub async fn count(tx: &mut Tx, filter: &StockFilter) -> Result<i64, CommandError> {
    may(tx.actor(), Action::SeeStock)?;
    let mut sql = QueryBuilder::<Postgres>::new("select count(*) from (select 1 ");
    sql.push(TABLES);
    conditions(&mut sql, tx.scope(), filter);
    sql.push(" limit ").push_bind(COUNTED + 1).push(") matching");
    Ok(sql.build_query_scalar().fetch_one(tx.sql()).await?)
}

fn conditions(sql: &mut QueryBuilder<Postgres>, scope: &Scope, filter: &StockFilter) {
    sql.push(" where true");
    if let Scope::Plants(plants) = scope {
        sql.push(" and s.plant_id = any(").push_bind(plants.iter().map(|id| id.0).collect::<Vec<_>>()).push(")");
    }
    if let Some(text) = &filter.text {
        sql.push(" and concat_ws(' ', i.number, i.description, s.lot) ilike ").push_bind(contains(text));
    }
    if let Some(plant) = &filter.plant {
        sql.push(" and p.code = ").push_bind(plant.clone());
    }
    if let Some(item) = &filter.item {
        sql.push(" and i.number = ").push_bind(item.clone());
    }
}

impl FromRow<'_, PgRow> for Lying {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let bad = |error: StoreError| sqlx::Error::Decode(Box::new(error));
        let (status, unit): (Option<String>, String) = (row.try_get("status")?, row.try_get("unit")?);
        Ok(Self {
            connection_id: ConnectionId(row.try_get("connection_id")?),
            plant_id: PlantId(row.try_get("plant_id")?),
            plant: row.try_get("code")?,
            item_id: ItemId(row.try_get("item_id")?),
            item: row.try_get("number")?,
            description: row.try_get("description")?,
            lot: row.try_get("lot")?,
            location: row.try_get("location")?,
            status: status.as_deref().map(|word| read_word("stock status", word)).transpose().map_err(bad)?,
            unit: Unit::new(&unit),
            on_hand: row.try_get("on_hand")?,
            reserved: row.try_get("reserved")?,
            as_of: row.try_get("as_of")?,
            learned_at: row.try_get("learned_at")?,
        })
    }
}
