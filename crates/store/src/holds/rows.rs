//! A hold as it is stored, and locked for a command.

use chrono::{DateTime, Utc};
use domain::access::Actor;
use domain::hold::HoldScope;
use domain::id::{HoldId, ItemId, LotId, PlantId, SupplierId};
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Postgres, QueryBuilder, Row as _};
use uuid::Uuid;

use super::HoldRecord;
use crate::error::{CommandError, StoreError};
use crate::lots::lock_item;
use crate::orders::{read_json, read_word};
use crate::tx::Tx;

/// A hold by its number, within the scope.
pub async fn get(tx: &mut Tx, number: &str) -> Result<HoldRecord, CommandError> {
    let hold_id = find(tx, number).await?;
    load(tx, hold_id, false).await
}

async fn find(tx: &mut Tx, number: &str) -> Result<HoldId, CommandError> {
    sqlx::query_scalar!("select hold_id from hold where number = $1", number)
        .fetch_optional(tx.sql())
        .await?
        .map(HoldId)
        .ok_or(CommandError::NotFound { what: "hold" })
}

/// The item's lock is taken before the hold's row, as when a lot arrives under it.
pub(super) async fn locked(tx: &mut Tx, number: &str) -> Result<HoldRecord, CommandError> {
    let record = get(tx, number).await?;
    lock_item(tx, record.item_id).await?;
    load(tx, record.hold_id, true).await
}

pub(super) async fn load(tx: &mut Tx, hold_id: HoldId, for_update: bool) -> Result<HoldRecord, CommandError> {
    if for_update {
        sqlx::query!("select hold_id from hold where hold_id = $1 for update", hold_id.0)
            .fetch_optional(tx.sql())
            .await?;
    }
    let mut sql = QueryBuilder::<Postgres>::new(COLUMNS);
    sql.push(TABLES).push(" where h.hold_id = ").push_bind(hold_id.0);
    sql.build_query_as().fetch_optional(tx.sql()).await?.ok_or(CommandError::NotFound { what: "hold" })
}

/// What is read of a hold.
pub(super) const COLUMNS: &str = "
    select h.hold_id, h.number, h.scope, h.lot_id, h.serial, h.supplier_id, h.plant_id, h.item_id, h.item_number, h.state,
           h.reason, h.note, h.owner, h.two_persons, h.placed_by, h.placed_at, h.release_requested_by,
           h.release_requested_at, h.released_by, h.released_at, h.disposition, h.release_note,
           p.code as plant_code, s.number as supplier_number, s.name as supplier_name, l.number as lot_number";
/// And from where.
pub(super) const TABLES: &str = "
    from hold h
    left join plant p on p.plant_id = h.plant_id
    left join supplier s on s.supplier_id = h.supplier_id
    left join lot l on l.lot_id = h.lot_id";

impl FromRow<'_, PgRow> for HoldRecord {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        read(row).map_err(|error| match error {
            StoreError::Database(error) => error,
            other => sqlx::Error::Decode(Box::new(other)),
        })
    }
}

/// An actor and a moment that are there together or not at all.
fn who(row: &PgRow, actor: &str, at: &str) -> Result<Option<(Actor, DateTime<Utc>)>, StoreError> {
    let (actor, at): (Option<serde_json::Value>, Option<DateTime<Utc>>) = (row.try_get(actor)?, row.try_get(at)?);
    actor.zip(at).map(|(actor, at)| Ok((read_json("actor", actor)?, at))).transpose()
}

fn read(row: &PgRow) -> Result<HoldRecord, StoreError> {
    let word: String = row.try_get("scope")?;
    let incomplete = || StoreError::unreadable("hold scope", &word);
    let item_id = ItemId(row.try_get("item_id")?);
    let lot_id: Option<Uuid> = row.try_get("lot_id")?;
    let lot_id = || lot_id.map(LotId).ok_or_else(incomplete);
    let serial: Option<String> = row.try_get("serial")?;
    let plant_id = row.try_get::<Option<Uuid>, _>("plant_id")?.map(PlantId);
    let supplier_id = row.try_get::<Option<Uuid>, _>("supplier_id")?.map(SupplierId);
    let scope = match word.as_str() {
        "lot" => HoldScope::Lot { lot_id: lot_id()? },
        "serial" => HoldScope::Serial { lot_id: lot_id()?, serial: serial.ok_or_else(incomplete)? },
        "supplier_item" => HoldScope::SupplierItem { supplier_id: supplier_id.ok_or_else(incomplete)?, item_id },
        "plant_item" => HoldScope::PlantItem { plant_id: plant_id.ok_or_else(incomplete)?, item_id },
        _ => return Err(incomplete()),
    };
    let (state, reason): (String, String) = (row.try_get("state")?, row.try_get("reason")?);
    let disposition: Option<String> = row.try_get("disposition")?;
    let named: Option<(String, String)> = Option::zip(row.try_get("supplier_number")?, row.try_get("supplier_name")?);
    Ok(HoldRecord {
        hold_id: HoldId(row.try_get("hold_id")?),
        number: row.try_get("number")?,
        scope,
        item_id,
        item: row.try_get("item_number")?,
        plant: plant_id.zip(row.try_get("plant_code")?),
        supplier: supplier_id.zip(named).map(|(id, (number, name))| (id, number, name)),
        lot: row.try_get("lot_number")?,
        state: read_word("hold state", &state)?,
        reason: read_word("hold reason", &reason)?,
        note: row.try_get("note")?,
        owner: row.try_get("owner")?,
        two_persons: row.try_get("two_persons")?,
        placed_by: read_json("actor", row.try_get("placed_by")?)?,
        placed_at: row.try_get("placed_at")?,
        requested: who(row, "release_requested_by", "release_requested_at")?,
        released: who(row, "released_by", "released_at")?,
        disposition: disposition.as_deref().map(|word| read_word("disposition", word)).transpose()?,
        release_note: row.try_get("release_note")?,
    })
}
