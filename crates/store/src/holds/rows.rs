//! Holds as they are stored: one, locked for a command, and the lists of them.

use chrono::{DateTime, Utc};
use domain::access::Actor;
use domain::hold::HoldScope;
use domain::id::{HoldId, ItemId, LotId, PlantId, SupplierId};
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
    let row = sqlx::query_as!(
        Row,
        r#"
        select h.hold_id, h.number, h.scope, h.lot_id, h.serial, h.supplier_id, h.plant_id, h.item_id, h.item_number, h.state,
               h.reason, h.note, h.owner, h.two_persons, h.placed_by, h.placed_at, h.release_requested_by,
               h.release_requested_at, h.released_by, h.released_at, h.disposition, h.release_note,
               p.code as "plant_code?", s.number as "supplier_number?", s.name as "supplier_name?", l.number as "lot_number?"
        from hold h
        left join plant p on p.plant_id = h.plant_id
        left join supplier s on s.supplier_id = h.supplier_id
        left join lot l on l.lot_id = h.lot_id
        where h.hold_id = $1
        "#,
        hold_id.0
    )
    .fetch_optional(tx.sql())
    .await?
    .ok_or(CommandError::NotFound { what: "hold" })?;
    Ok(row.read()?)
}

struct Row {
    hold_id: Uuid,
    number: String,
    scope: String,
    lot_id: Option<Uuid>,
    serial: Option<String>,
    supplier_id: Option<Uuid>,
    plant_id: Option<Uuid>,
    item_id: Uuid,
    item_number: String,
    state: String,
    reason: String,
    note: String,
    owner: String,
    two_persons: bool,
    placed_by: serde_json::Value,
    placed_at: DateTime<Utc>,
    release_requested_by: Option<serde_json::Value>,
    release_requested_at: Option<DateTime<Utc>>,
    released_by: Option<serde_json::Value>,
    released_at: Option<DateTime<Utc>>,
    disposition: Option<String>,
    release_note: Option<String>,
    plant_code: Option<String>,
    supplier_number: Option<String>,
    supplier_name: Option<String>,
    lot_number: Option<String>,
}

impl Row {
    fn read(self) -> Result<HoldRecord, StoreError> {
        let incomplete = || StoreError::unreadable("hold scope", &self.scope);
        let item_id = ItemId(self.item_id);
        let lot_id = || self.lot_id.map(LotId).ok_or_else(incomplete);
        let scope = match self.scope.as_str() {
            "lot" => HoldScope::Lot { lot_id: lot_id()? },
            "serial" => HoldScope::Serial { lot_id: lot_id()?, serial: self.serial.clone().ok_or_else(incomplete)? },
            "supplier_item" => HoldScope::SupplierItem {
                supplier_id: self.supplier_id.map(SupplierId).ok_or_else(incomplete)?,
                item_id,
            },
            "plant_item" => {
                HoldScope::PlantItem { plant_id: self.plant_id.map(PlantId).ok_or_else(incomplete)?, item_id }
            }
            _ => return Err(incomplete()),
        };
        let who = |actor: Option<serde_json::Value>, at: Option<DateTime<Utc>>| -> Result<_, StoreError> {
            Ok(match (actor, at) {
                (Some(actor), Some(at)) => Some((read_json::<Actor>("actor", actor)?, at)),
                _ => None,
            })
        };
        Ok(HoldRecord {
            hold_id: HoldId(self.hold_id),
            number: self.number,
            scope,
            item_id,
            item: self.item_number,
            plant: self.plant_id.map(PlantId).zip(self.plant_code),
            supplier: match (self.supplier_id, self.supplier_number, self.supplier_name) {
                (Some(id), Some(number), Some(name)) => Some((SupplierId(id), number, name)),
                _ => None,
            },
            lot: self.lot_number,
            state: read_word("hold state", &self.state)?,
            reason: read_word("hold reason", &self.reason)?,
            note: self.note,
            owner: self.owner,
            two_persons: self.two_persons,
            placed_by: read_json("actor", self.placed_by)?,
            placed_at: self.placed_at,
            requested: who(self.release_requested_by, self.release_requested_at)?,
            released: who(self.released_by, self.released_at)?,
            disposition: self.disposition.as_deref().map(|word| read_word("disposition", word)).transpose()?,
            release_note: self.release_note,
        })
    }
}

/// Which holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HoldFilter {
    /// Those in force, or those that ended.
    pub released: bool,
    /// Only those whose release waits for a second person.
    pub requested_only: bool,
    /// Number, item, lot, owner or supplier contains these words.
    pub text: Option<String>,
}

/// Holds within the scope. Those in force: the longest standing first; ended ones: the newest first. At most `most`.
pub async fn list(tx: &mut Tx, filter: &HoldFilter, most: i64) -> Result<Vec<HoldRecord>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        select h.hold_id, h.number, h.scope, h.lot_id, h.serial, h.supplier_id, h.plant_id, h.item_id, h.item_number, h.state,
               h.reason, h.note, h.owner, h.two_persons, h.placed_by, h.placed_at, h.release_requested_by,
               h.release_requested_at, h.released_by, h.released_at, h.disposition, h.release_note,
               p.code as "plant_code?", s.number as "supplier_number?", s.name as "supplier_name?", l.number as "lot_number?"
        from hold h
        left join plant p on p.plant_id = h.plant_id
        left join supplier s on s.supplier_id = h.supplier_id
        left join lot l on l.lot_id = h.lot_id
        where (h.state = 'released') = $1 and (not $2 or h.state = 'release_requested')
          and ($3::text is null or concat_ws(' ', h.number, h.item_number, l.number, h.serial, h.owner, s.name) ilike $3)
        order by case when $1 then h.placed_at end desc, h.placed_at, h.hold_id
        limit $4
        "#,
        filter.released,
        filter.requested_only,
        filter.text.as_deref().map(contains),
        most
    )
    .fetch_all(tx.sql())
    .await?;
    rows.into_iter().map(Row::read).collect()
}

/// For `ilike`: contains these words as they are.
pub(crate) fn contains(words: &str) -> String {
    format!("%{}%", words.trim().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"))
}
