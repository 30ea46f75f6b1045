//! Quality holds: placed, told to everybody, ended by two.
//!
//! A hold needs no row per lot. What is under it follows from its scope at the moment it is asked for, so that a lot that
//! arrives later under a hold on its item is held from its arrival; [`crate::lots`] then tells the other systems again,
//! with the lot that came. Events of a hold have no home: every system that carries holds is told, and
//! [`confirmations`] says who has confirmed it and who has not, and since when.
//!
//! `place` puts one in force, `release` ends it, `policy` says how many people that takes, `rows` reads
//! one, `list` many, `hearing` says who knows.

mod hearing;
mod list;
mod place;
pub mod policy;
mod release;
mod rows;

use chrono::{DateTime, Utc};
use domain::access::Actor;
use domain::event::{Subject, SubjectKind};
use domain::hold::{Disposition, Hold, HoldReason, HoldScope, HoldState, Standing};
use domain::id::{HoldId, ItemId, LotId, PlantId, SupplierId};
use domain::lot::LotRef;
use domain::quantity::Unit;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::audit;
use crate::error::StoreError;
use crate::events::About;
use crate::tx::Tx;

pub use hearing::{Heard, Hearing, confirmations};
pub(crate) use list::contains;
pub use list::{HoldFilter, Place, count, list, page};
pub(crate) use place::tell_of_new_lots;
pub use place::{Placing, place};
pub use release::{release, request_release};
pub use rows::get;

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

async fn note(tx: &mut Tx, record: &HoldRecord, action: &str, reason: Option<String>) -> Result<(), StoreError> {
    let after = rows::load(tx, record.hold_id, false).await.ok().map(|it| {
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
