//! Quality holds: placed, told to everybody, ended by two.
//!
//! A hold needs no row per lot. What is under it follows from its scope at the moment it is asked for, so that a lot that
//! arrives later under a hold on its item is held from its arrival; [`crate::lots`] then tells the other systems again,
//! with the lot that came. Events of a hold have no home: every system that carries holds is told, and
//! [`confirmations`] says who has confirmed it and who has not, and since when.

use chrono::{DateTime, Utc};
use domain::access::{Action, Actor, may};
use domain::event::{Event, EventKind, Subject, SubjectKind};
use domain::exchange::DeliveryState;
use domain::hold::{self, Disposition, Hold, HoldReason, HoldScope, HoldState, Standing, Step};
use domain::id::{ConnectionId, HoldId, ItemId, LotId, PlantId, SupplierId};
use domain::lot::LotRef;
use domain::quantity::Unit;
use domain::refusal::Finding;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::audit;
use crate::error::{CommandError, StoreError};
use crate::events::{self, About};
use crate::lots::lock_item;
use crate::orders::{read_json, read_word};
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

/// What a command on a hold came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldOutcome {
    /// Its number.
    pub number: String,
    /// Where it stands.
    pub state: HoldState,
    /// It had been sent before; this is the first result.
    #[serde(default)]
    pub already: bool,
}

/// A hold with what stands around it.
#[derive(Debug, Clone)]
pub struct HoldRecord {
    /// Its id.
    pub hold_id: HoldId,
    /// Its number.
    pub number: String,
    /// What it covers.
    pub scope: HoldScope,
    /// The item.
    pub item_id: ItemId,
    /// The item's number.
    pub item: String,
    /// The plant's id and code; none where it counts in every plant.
    pub plant: Option<(PlantId, String)>,
    /// The supplier's id, number and name, where it is about one.
    pub supplier: Option<(SupplierId, String, String)>,
    /// The lot's number, where it is about one.
    pub lot: Option<String>,
    /// Where it stands.
    pub state: HoldState,
    /// Why.
    pub reason: HoldReason,
    /// In words.
    pub note: String,
    /// Who sees to it.
    pub owner: String,
    /// It takes two persons to end.
    pub two_persons: bool,
    /// Who placed it.
    pub placed_by: Actor,
    /// When.
    pub placed_at: DateTime<Utc>,
    /// Who asked for its release, and when.
    pub requested: Option<(Actor, DateTime<Utc>)>,
    /// Who released it, and when.
    pub released: Option<(Actor, DateTime<Utc>)>,
    /// What becomes of the material.
    pub disposition: Option<Disposition>,
    /// Why it may end.
    pub release_note: Option<String>,
}

impl HoldRecord {
    /// For the rules of its end.
    pub fn standing(&self) -> Standing {
        Standing {
            state: self.state,
            two_persons: self.two_persons,
            requested_by: self.requested.as_ref().map(|(actor, _)| actor.clone()),
        }
    }

    fn about(&self) -> About {
        About {
            subject: Subject { kind: SubjectKind::Hold, id: self.hold_id.0 },
            plant_id: self.plant.as_ref().map(|(id, _)| *id),
            supplier_id: self.supplier.as_ref().map(|(id, _, _)| *id),
            home: None,
        }
    }

    async fn in_full(&self, tx: &mut Tx) -> Result<Hold, StoreError> {
        Ok(Hold {
            hold_id: self.hold_id,
            number: self.number.clone(),
            scope: self.scope.clone(),
            item: self.item.clone(),
            reason: self.reason,
            note: self.note.clone(),
            lots: lots_under(tx, self.hold_id).await?,
        })
    }
}

/// All lots under a hold, in every plant, as other systems are told.
async fn lots_under(tx: &mut Tx, hold_id: HoldId) -> Result<Vec<LotRef>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select lot_id as "lot_id!", item_number as "item!", number as "number!", supplier_lot, unit as "unit!", expires_on
        from hold_lots($1)
        "#,
        hold_id.0
    )
    .fetch_all(tx.sql())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| LotRef {
            lot_id: LotId(row.lot_id),
            item: row.item,
            lot: row.number,
            supplier_lot: row.supplier_lot,
            unit: Unit::new(&row.unit),
            expires_on: row.expires_on,
        })
        .collect())
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
    let target = target(tx, &placing.scope).await?;
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

async fn target(tx: &mut Tx, scope: &HoldScope) -> Result<Target, CommandError> {
    match scope {
        HoldScope::Lot { lot_id } | HoldScope::Serial { lot_id, .. } => {
            let lot = sqlx::query!(
                r#"
                select l.lot_id, l.item_id, l.item_number, l.plant_id, l.supplier_id, p.two_person_release
                from lot l join plant p using (plant_id) where l.lot_id = $1
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
                two_persons: lot.two_person_release,
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
                "select i.number, p.two_person_release from item i, plant p where i.item_id = $1 and p.plant_id = $2",
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
                two_persons: row.two_person_release,
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

/// One person wants to end a hold: asks for it, or ends it where the policy lets one person do so.
pub async fn request_release(
    tx: &mut Tx,
    number: &str,
    disposition: Option<Disposition>,
    reason: &str,
    submission: Uuid,
) -> Result<HoldOutcome, CommandError> {
    let record = locked(tx, number).await?;
    let sent = Sent { submission, action: "hold.request_release", object: record.hold_id.0 };
    if let Some(first) = first_outcome::<HoldOutcome>(tx, &sent).await? {
        return Ok(HoldOutcome { already: true, ..first });
    }
    let actor = tx.actor().clone();
    let step = hold::request_release(&record.standing(), &actor, disposition, reason)?;
    let disposition = disposition.unwrap_or(Disposition::UseAsIs);
    let state = match step {
        Step::Released => {
            end(tx, &record, disposition, reason.trim()).await?;
            HoldState::Released
        }
        Step::Requested => {
            let who = serde_json::to_value(&actor).map_err(|error| StoreError::unreadable("actor", error))?;
            let now = tx.now();
            sqlx::query!(
                r#"
                update hold set state = 'release_requested', release_requested_by = $2, release_requested_at = $3,
                                disposition = $4, release_note = $5
                where hold_id = $1
                "#,
                record.hold_id.0,
                who,
                now,
                disposition.as_str(),
                reason.trim()
            )
            .execute(tx.sql())
            .await?;
            let reason = reason.trim().to_owned();
            let event = Event::HoldReleaseRequested { hold: record.number.clone(), disposition, reason };
            events::append(tx, record.about(), &[event], None).await?;
            HoldState::ReleaseRequested
        }
    };
    note(tx, &record, "hold.request_release", Some(reason.to_owned())).await?;
    let outcome = HoldOutcome { number: record.number, state, already: false };
    keep_outcome(tx, &sent, &outcome).await?;
    Ok(outcome)
}

/// The second person says yes: the hold ends as the first one asked for.
pub async fn release(tx: &mut Tx, number: &str, submission: Uuid) -> Result<HoldOutcome, CommandError> {
    let record = locked(tx, number).await?;
    let sent = Sent { submission, action: "hold.release", object: record.hold_id.0 };
    if let Some(first) = first_outcome::<HoldOutcome>(tx, &sent).await? {
        return Ok(HoldOutcome { already: true, ..first });
    }
    let actor = tx.actor().clone();
    hold::release(&record.standing(), &actor)?;
    let (disposition, reason) = (record.disposition.unwrap_or(Disposition::UseAsIs), record.release_note.clone());
    end(tx, &record, disposition, reason.as_deref().unwrap_or_default()).await?;
    note(tx, &record, "hold.release", reason).await?;
    let outcome = HoldOutcome { number: record.number, state: HoldState::Released, already: false };
    keep_outcome(tx, &sent, &outcome).await?;
    Ok(outcome)
}

/// Ends it. Unless the material may be used as it is, what lay free under it lies blocked from the same moment: the end of
/// a hold makes nothing usable by accident.
async fn end(tx: &mut Tx, record: &HoldRecord, disposition: Disposition, reason: &str) -> Result<(), CommandError> {
    let who = serde_json::to_value(tx.actor()).map_err(|error| StoreError::unreadable("actor", error))?;
    let now = tx.now();
    if disposition != Disposition::UseAsIs {
        let why = format!("Hold {} ended: {}. {reason}", record.number, disposition.words());
        sqlx::query!("select block_hold_lots($1, $2, $3, $4)", record.hold_id.0, why, who, now)
            .fetch_one(tx.sql())
            .await?;
    }
    let hold = Box::new(record.in_full(tx).await?);
    sqlx::query!(
        r#"
        update hold set state = 'released', released_by = $2, released_at = $3, disposition = $4, release_note = $5
        where hold_id = $1
        "#,
        record.hold_id.0,
        who,
        now,
        disposition.as_str(),
        reason
    )
    .execute(tx.sql())
    .await?;
    let event = Event::HoldReleased { hold, disposition, reason: reason.to_owned() };
    events::append(tx, record.about(), &[event], None).await?;
    Ok(())
}

async fn note(tx: &mut Tx, record: &HoldRecord, action: &str, reason: Option<String>) -> Result<(), StoreError> {
    let after = load(tx, record.hold_id, false).await.ok().map(|it| {
        json!({ "state": it.state, "disposition": it.disposition, "scope": it.scope, "item": it.item, "reason": it.reason })
    });
    audit::append(
        tx,
        audit::Entry {
            action,
            object_kind: "hold",
            object_id: record.number.clone(),
            before: Some(json!({ "state": record.state })),
            after,
            reason,
            plant_id: record.plant.as_ref().map(|(id, _)| *id),
            supplier_id: record.supplier.as_ref().map(|(id, _, _)| *id),
        },
    )
    .await
}

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
async fn locked(tx: &mut Tx, number: &str) -> Result<HoldRecord, CommandError> {
    let record = get(tx, number).await?;
    lock_item(tx, record.item_id).await?;
    load(tx, record.hold_id, true).await
}

async fn load(tx: &mut Tx, hold_id: HoldId, for_update: bool) -> Result<HoldRecord, CommandError> {
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

/// What one system made of a hold's placing or release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// Which system.
    pub connection_id: ConnectionId,
    /// Its name.
    pub system: String,
    /// Its kind, e.g. `tryton`.
    pub kind: String,
    /// The news: [`EventKind::HoldPlaced`] or [`EventKind::HoldReleased`].
    pub news: EventKind,
    /// When the news happened: it waits since then.
    pub since: DateTime<Utc>,
    /// How far it is.
    pub how: Hearing,
}

/// How far one piece of news is with one system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hearing {
    /// It said that it has it.
    Confirmed {
        /// When.
        at: DateTime<Utc>,
        /// Its document.
        their_ref: Option<String>,
    },
    /// Not told yet: the log has not been read that far, or the system cannot be reached.
    Waiting {
        /// Why, where something is known.
        why: Option<String>,
    },
    /// Tried and tried again.
    Retrying {
        /// Tries so far.
        attempts: i32,
        /// Next try.
        next_at: Option<DateTime<Utc>>,
        /// What came back, for insiders.
        fault: Option<String>,
    },
    /// A person has to look.
    Refused {
        /// What came back, for insiders.
        fault: Option<String>,
    },
    /// Left out: by a decision, or because the connection takes only what is its own.
    NotTold,
}

/// Which systems have heard of a hold: one row per connection that carries holds (`carriers` are their kinds) and piece of
/// news. For the house only; the caller has loaded the hold in his own scope.
pub async fn confirmations(tx: &mut Tx, hold_id: HoldId, carriers: &[String]) -> Result<Vec<Heard>, CommandError> {
    may(tx.actor(), Action::SeeQuality)?;
    let rows = sqlx::query!(
        r#"
        select connection_id as "connection_id!", name as "name!", kind as "kind!", event_kind as "event_kind!",
               told_at as "told_at!", state, finished_at, their_ref, attempts, next_attempt_at, fault,
               is_behind as "is_behind!", paused_at, circuit as "circuit!"
        from hold_hearers($1, $2)
        "#,
        hold_id.0,
        carriers
    )
    .fetch_all(tx.sql())
    .await?;
    rows.into_iter()
        .map(|row| {
            let state: Option<DeliveryState> =
                row.state.as_deref().map(|word| read_word("delivery state", word)).transpose()?;
            let how = match state {
                Some(DeliveryState::Delivered) => {
                    Hearing::Confirmed { at: row.finished_at.unwrap_or(row.told_at), their_ref: row.their_ref }
                }
                Some(DeliveryState::Retrying) => Hearing::Retrying {
                    attempts: row.attempts.unwrap_or_default(),
                    next_at: row.next_attempt_at,
                    fault: row.fault,
                },
                Some(DeliveryState::Parked) => Hearing::Refused { fault: row.fault },
                Some(DeliveryState::Held) => {
                    Hearing::Waiting { why: Some("behind an earlier message of this hold".to_owned()) }
                }
                Some(DeliveryState::Skipped | DeliveryState::Superseded) => Hearing::NotTold,
                None if !row.is_behind => Hearing::NotTold,
                None => Hearing::Waiting {
                    why: match (row.paused_at, row.circuit.as_str()) {
                        (Some(_), _) => Some("the connection is paused".to_owned()),
                        (None, "open") => Some("the system cannot be reached".to_owned()),
                        _ => None,
                    },
                },
            };
            Ok(Heard {
                connection_id: ConnectionId(row.connection_id),
                system: row.name,
                kind: row.kind,
                news: read_word("event kind", &row.event_kind)?,
                since: row.told_at,
                how,
            })
        })
        .collect()
}
