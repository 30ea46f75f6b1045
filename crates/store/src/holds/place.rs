//! A hold comes into force: on exactly one lot, serial, item of a supplier or item of a plant, once.

use domain::access::{Action, may};
use domain::event::Event;
use domain::hold::{self, HoldReason, HoldScope, HoldState};
use domain::id::{ConnectionId, HoldId, ItemId, LotId, PlantId, SupplierId};
use domain::refusal::Finding;
use uuid::Uuid;

use super::rows::load;
use super::{HoldOutcome, HoldRecord, note, policy};
use crate::error::{CommandError, StoreError};
use crate::events;
use crate::lots::lock_item;
use crate::submissions::{Sent, first_outcome, keep_outcome};
use crate::tx::Tx;

/// What somebody wants to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placing {
    /// What it covers.
    pub scope: HoldScope,
    /// Why; asked for as it was chosen.
    pub reason: Option<HoldReason>,
    /// In words.
    pub note: String,
    /// Who sees to it; the one who places it where nobody is named.
    pub owner: Option<String>,
    /// The system that placed it, where it was one.
    pub connection_id: Option<ConnectionId>,
    /// The form's or call's key.
    pub submission: Uuid,
}

/// What a scope is about, as the reader may see it.
struct Target {
    item_id: ItemId,
    item: String,
    plant_id: Option<PlantId>,
    supplier_id: Option<SupplierId>,
    lot_id: Option<LotId>,
    serial: Option<String>,
    word: &'static str,
    two_persons: bool,
}

/// Places a hold and tells everybody.
pub async fn place(tx: &mut Tx, placing: &Placing) -> Result<HoldOutcome, CommandError> {
    may(tx.actor(), Action::ManageHolds)?;
    let reason = hold::check_placing(placing.reason, &placing.note)?;
    let target = target(tx, &placing.scope, reason).await?;
    lock_item(tx, target.item_id).await?;
    let sent = Sent { submission: placing.submission, action: "hold.place", object: target.item_id.0 };
    if let Some(first) = first_outcome::<HoldOutcome>(tx, &sent).await? {
        return Ok(HoldOutcome { already: true, ..first });
    }
    if let Some(number) = same_hold(tx, &target).await? {
        let message = format!("Hold {number} covers the same already. Open it, or wait until it is released.");
        return Err(vec![Finding::stops("", "held_already", message)].into());
    }
    let (hold_id, now) = (HoldId(tx.new_id()), tx.now());
    let number = next_number(tx).await?;
    let actor = serde_json::to_value(tx.actor()).map_err(|error| StoreError::unreadable("actor", error))?;
    let owner = placing.owner.as_deref().map(str::trim).filter(|owner| !owner.is_empty());
    let owner = owner.unwrap_or_else(|| tx.actor().name()).to_owned();
    sqlx::query!(
        r#"
        insert into hold (hold_id, number, scope, lot_id, serial, supplier_id, plant_id, item_id, item_number, state, reason,
                          note, owner, two_persons, placed_by, placed_at, connection_id)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'active', $10, $11, $12, $13, $14, $15, $16)
        "#,
        hold_id.0,
        number,
        target.word,
        target.lot_id.map(|id| id.0),
        target.serial,
        target.supplier_id.map(|id| id.0),
        target.plant_id.map(|id| id.0),
        target.item_id.0,
        target.item,
        reason.as_str(),
        placing.note.trim(),
        owner,
        target.two_persons,
        actor,
        now,
        placing.connection_id.map(|id| id.0)
    )
    .execute(tx.sql())
    .await?;
    let record = load(tx, hold_id, false).await?;
    tell_placed(tx, &record).await?;
    note(tx, &record, "hold.place", Some(placing.note.clone())).await?;
    let outcome = HoldOutcome { number, state: HoldState::Active, already: false };
    keep_outcome(tx, &sent, &outcome).await?;
    Ok(outcome)
}

async fn tell_placed(tx: &mut Tx, record: &HoldRecord) -> Result<(), StoreError> {
    let hold = Box::new(record.in_full(tx).await?);
    events::append(tx, record.about(), &[Event::HoldPlaced { hold }], None).await?;
    Ok(())
}

/// Lots came that fall under holds on their items: whoever was told of them is told again, with the lots.
pub(crate) async fn tell_of_new_lots(tx: &mut Tx, lots: &[LotId]) -> Result<(), CommandError> {
    let ids: Vec<Uuid> = lots.iter().map(|lot| lot.0).collect();
    let holds = sqlx::query_scalar!(
        r#"
        select distinct h.hold_id
        from lot l join hold h on h.item_id = l.item_id
        where l.lot_id = any($1) and h.state <> 'released'
          and (h.scope = 'supplier_item' and h.supplier_id = l.supplier_id or h.scope = 'plant_item' and h.plant_id = l.plant_id)
        order by h.hold_id
        "#,
        &ids
    )
    .fetch_all(tx.sql())
    .await?;
    for hold_id in holds {
        let record = load(tx, HoldId(hold_id), true).await?;
        tell_placed(tx, &record).await?;
    }
    Ok(())
}

async fn target(tx: &mut Tx, scope: &HoldScope, reason: HoldReason) -> Result<Target, CommandError> {
    match scope {
        HoldScope::Lot { lot_id } | HoldScope::Serial { lot_id, .. } => {
            let lot = sqlx::query!(
                r#"
                select lot_id, item_id, item_number, plant_id, supplier_id from lot where lot_id = $1
                "#,
                lot_id.0
            )
            .fetch_optional(tx.sql())
            .await?
            .ok_or(CommandError::NotFound { what: "lot" })?;
            let serial = match scope {
                HoldScope::Serial { serial, .. } => Some(serial.trim().to_owned()),
                _ => None,
            };
            if let Some(serial) = &serial {
                let known = sqlx::query_scalar!(
                    r#"select exists (select from lot_serial where lot_id = $1 and serial = $2) as "known!""#,
                    lot_id.0,
                    serial
                );
                if !known.fetch_one(tx.sql()).await? {
                    let message = format!("Serial “{serial}” is not known in this lot. Check the number.");
                    return Err(vec![Finding::stops("serial", "unknown_serial", message)].into());
                }
            }
            Ok(Target {
                item_id: ItemId(lot.item_id),
                item: lot.item_number,
                plant_id: Some(PlantId(lot.plant_id)),
                supplier_id: lot.supplier_id.map(SupplierId),
                lot_id: Some(*lot_id),
                word: if serial.is_some() { "serial" } else { "lot" },
                serial,
                two_persons: policy::two_persons(tx, PlantId(lot.plant_id), reason).await?,
            })
        }
        HoldScope::SupplierItem { supplier_id, item_id } => {
            let row = sqlx::query!(
                "select i.number from item i, supplier s where i.item_id = $1 and s.supplier_id = $2",
                item_id.0,
                supplier_id.0
            )
            .fetch_optional(tx.sql())
            .await?
            .ok_or(CommandError::NotFound { what: "supplier or item" })?;
            Ok(Target {
                item_id: *item_id,
                item: row.number,
                plant_id: None,
                supplier_id: Some(*supplier_id),
                lot_id: None,
                serial: None,
                word: "supplier_item",
                two_persons: true,
            })
        }
        HoldScope::PlantItem { plant_id, item_id } => {
            let row = sqlx::query!(
                "select i.number from item i, plant p where i.item_id = $1 and p.plant_id = $2",
                item_id.0,
                plant_id.0
            )
            .fetch_optional(tx.sql())
            .await?
            .ok_or(CommandError::NotFound { what: "plant or item" })?;
            Ok(Target {
                item_id: *item_id,
                item: row.number,
                plant_id: Some(*plant_id),
                supplier_id: None,
                lot_id: None,
                serial: None,
                word: "plant_item",
                two_persons: policy::two_persons(tx, *plant_id, reason).await?,
            })
        }
    }
}

/// A hold in force on exactly the same: a second one would only make two to release.
async fn same_hold(tx: &mut Tx, target: &Target) -> Result<Option<String>, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"
        select number from hold
        where state <> 'released' and scope = $1 and item_id = $2 and lot_id is not distinct from $3
          and serial is not distinct from $4 and plant_id is not distinct from $5 and supplier_id is not distinct from $6
        limit 1
        "#,
        target.word,
        target.item_id.0,
        target.lot_id.map(|id| id.0),
        target.serial,
        target.plant_id.map(|id| id.0),
        target.supplier_id.map(|id| id.0)
    )
    .fetch_optional(tx.sql())
    .await?)
}

async fn next_number(tx: &mut Tx) -> Result<String, StoreError> {
    let number = sqlx::query_scalar!(r#"select nextval('hold_number') as "number!""#).fetch_one(tx.sql()).await?;
    Ok(format!("QH-{number:06}"))
}
