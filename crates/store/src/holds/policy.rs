//! The policy of who ends a hold: one person or two, by plant and by the reason of the hold.
//!
//! It counts for holds that are placed from then on; a hold keeps what counted when it was placed, so that nobody makes the
//! policy fit first and ends it alone. A hold on an item of a supplier counts in every plant and always takes two, whatever
//! the plants say. Kept in versions, as inspection plans are.

use chrono::{DateTime, Utc};
use domain::access::{Action, Scope, may};
use domain::hold::{HoldReason, check_policy};
use domain::id::PlantId;
use domain::refusal::Finding;
use serde_json::json;
use uuid::Uuid;

use crate::audit;
use crate::documents::actor_name;
use crate::error::{CommandError, StoreError};
use crate::orders::read_word;
use crate::submissions::{Sent, first_outcome, keep_outcome};
use crate::tx::Tx;

/// The word for all reasons without a policy of their own.
const ANY: &str = "any";

/// One version of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyRow {
    /// The plant's id.
    pub plant_id: PlantId,
    /// Its code and name.
    pub plant: (String, String),
    /// For holds with this reason; none for all reasons without a policy of their own.
    pub about: Option<HoldReason>,
    /// Counts 1, 2, 3; 0 where nobody ever set it.
    pub version: i32,
    /// Whether it takes two persons; none where this reason has no policy of its own (any more).
    pub two_persons: Option<bool>,
    /// Why.
    pub reason: String,
    /// By whom and when; none where nobody ever set it.
    pub set: Option<(String, DateTime<Utc>)>,
}

fn word(about: Option<HoldReason>) -> &'static str {
    about.map_or(ANY, HoldReason::as_str)
}

fn read_about(word: &str) -> Result<Option<HoldReason>, StoreError> {
    if word == ANY { Ok(None) } else { Ok(Some(read_word("hold reason", word)?)) }
}

/// Whose policies somebody reads and writes: codes and names of plants are no secret, how they work is their own business.
/// None: of all.
fn plants_in(scope: &Scope) -> Option<Vec<Uuid>> {
    match scope {
        Scope::All => None,
        Scope::Plants(plants) => Some(plants.iter().map(|id| id.0).collect()),
        Scope::Suppliers(_) => Some(Vec::new()),
    }
}

/// Whether a hold that is placed now takes two persons to end: by the policy of its reason, else the plant's for any reason.
pub(super) async fn two_persons(tx: &mut Tx, plant_id: PlantId, reason: HoldReason) -> Result<bool, StoreError> {
    let counts = sqlx::query_scalar!(
        r#"
        select coalesce(
          (select two_persons from hold_policy
           where plant_id = p.plant_id and hold_reason in ($2, 'any') and replaced_at is null and not ended
           order by hold_reason = 'any'
           limit 1),
          p.two_person_release) as "two_persons!"
        from plant p where p.plant_id = $1
        "#,
        plant_id.0,
        reason.as_str()
    )
    .fetch_optional(tx.sql())
    .await?;
    Ok(counts.unwrap_or(true))
}

/// What counts in each plant of the scope, by plant: the policy for any reason, then those of single reasons.
pub async fn list(tx: &mut Tx) -> Result<Vec<PolicyRow>, CommandError> {
    may(tx.actor(), Action::SeeQuality)?;
    let plants = plants_in(tx.scope());
    let rows = sqlx::query!(
        r#"
        select p.plant_id, p.code, p.name, p.two_person_release, h.hold_reason as "hold_reason?", h.version as "version?",
               h.two_persons as "two_persons?", h.reason as "reason?", h.created_by as "created_by?", h.created_at as "created_at?"
        from plant p
        left join hold_policy h on h.plant_id = p.plant_id and h.replaced_at is null and not h.ended
        where $1::uuid[] is null or p.plant_id = any($1)
        order by p.code, h.hold_reason <> 'any', h.hold_reason
        limit 5000
        "#,
        plants.as_deref() as Option<&[Uuid]>
    )
    .fetch_all(tx.sql())
    .await?;
    let mut all: Vec<PolicyRow> = Vec::with_capacity(rows.len());
    for row in rows {
        let plant_id = PlantId(row.plant_id);
        let plant = (row.code, row.name);
        let is_first = all.last().is_none_or(|last| last.plant_id != plant_id);
        if is_first && row.hold_reason.as_deref() != Some(ANY) {
            all.push(unset(plant_id, plant.clone(), None, Some(row.two_person_release)));
        }
        if let (Some(about), Some(version), Some(by), Some(at)) =
            (row.hold_reason, row.version, row.created_by, row.created_at)
        {
            all.push(PolicyRow {
                plant_id,
                plant,
                about: read_about(&about)?,
                version,
                two_persons: row.two_persons,
                reason: row.reason.unwrap_or_default(),
                set: Some((actor_name(&by), at)),
            });
        }
    }
    Ok(all)
}

const fn unset(
    plant_id: PlantId,
    plant: (String, String),
    about: Option<HoldReason>,
    two_persons: Option<bool>,
) -> PolicyRow {
    PolicyRow { plant_id, plant, about, version: 0, two_persons, reason: String::new(), set: None }
}

/// All versions of one policy, the newest first, never none: one of version 0 where nobody ever set it.
pub async fn versions(tx: &mut Tx, plant: &str, about: Option<HoldReason>) -> Result<Vec<PolicyRow>, CommandError> {
    may(tx.actor(), Action::SeeQuality)?;
    let target = plant_of(tx, plant).await?;
    let rows = sqlx::query!(
        r#"
        select version, two_persons, ended, reason, created_by, created_at from hold_policy
        where plant_id = $1 and hold_reason = $2 order by version desc limit 200
        "#,
        target.plant_id.0,
        word(about)
    )
    .fetch_all(tx.sql())
    .await?;
    let named = (target.code, target.name);
    if rows.is_empty() {
        let two_persons = about.is_none().then_some(target.two_person_release);
        return Ok(vec![unset(target.plant_id, named, about, two_persons)]);
    }
    Ok(rows
        .into_iter()
        .map(|row| PolicyRow {
            plant_id: target.plant_id,
            plant: named.clone(),
            about,
            version: row.version,
            two_persons: (!row.ended).then_some(row.two_persons),
            reason: row.reason,
            set: Some((actor_name(&row.created_by), row.created_at)),
        })
        .collect())
}

struct Plant {
    plant_id: PlantId,
    code: String,
    name: String,
    two_person_release: bool,
}

/// A plant of the scope, by its code.
async fn plant_of(tx: &mut Tx, code: &str) -> Result<Plant, CommandError> {
    let plants = plants_in(tx.scope());
    let row = sqlx::query!(
        r#"
        select plant_id, code, name, two_person_release from plant
        where code = $1 and ($2::uuid[] is null or plant_id = any($2))
        "#,
        code,
        plants.as_deref() as Option<&[Uuid]>
    )
    .fetch_optional(tx.sql())
    .await?
    .ok_or(CommandError::NotFound { what: "plant" })?;
    Ok(Plant {
        plant_id: PlantId(row.plant_id),
        code: row.code,
        name: row.name,
        two_person_release: row.two_person_release,
    })
}

/// What somebody wants of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The plant's code.
    pub plant: String,
    /// For holds with this reason; none for all without a policy of their own.
    pub about: Option<HoldReason>,
    /// Whether it takes two persons; none ends the policy of one reason, so that the plant's for any reason counts.
    pub two_persons: Option<bool>,
    /// Why.
    pub reason: String,
    /// The version that was read, 0 where there was none; another one meanwhile is told.
    pub read: i32,
    /// The form's or call's key.
    pub submission: Uuid,
}

/// Sets or ends a policy for holds that are placed from now on, and gives its version.
pub async fn set(tx: &mut Tx, setting: &Setting) -> Result<i32, CommandError> {
    may(tx.actor(), Action::ManageQualityRules)?;
    check_policy(setting.about, setting.two_persons, &setting.reason)?;
    let plant = plant_of(tx, &setting.plant).await?;
    let (plant_id, about) = (plant.plant_id, word(setting.about));
    // There may be no row to lock.
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended('hold policy of ' || $1::text, 0))",
        plant_id.to_string()
    )
    .fetch_one(tx.sql())
    .await?;
    let sent = Sent { submission: setting.submission, action: "hold_policy.set", object: plant_id.0 };
    if let Some(first) = first_outcome::<i32>(tx, &sent).await? {
        return Ok(first);
    }
    let newest = versions(tx, &setting.plant, setting.about).await?.into_iter().next();
    let newest = newest.ok_or(CommandError::NotFound { what: "plant" })?;
    if newest.version != setting.read {
        let message = format!("Somebody saved version {} meanwhile. Look at it and save again.", newest.version);
        return Err(vec![Finding::stops("", "newer_version", message)].into());
    }
    if newest.two_persons == setting.two_persons {
        return Err(vec![Finding::stops("persons", "nothing_changed", "This is what counts already.")].into());
    }
    let (now, version) = (tx.now(), newest.version + 1);
    let by = serde_json::to_value(tx.actor()).map_err(|error| StoreError::unreadable("actor", error))?;
    sqlx::query!(
        "update hold_policy set replaced_at = $3 where plant_id = $1 and hold_reason = $2 and replaced_at is null",
        plant_id.0,
        about,
        now
    )
    .execute(tx.sql())
    .await?;
    sqlx::query!(
        r#"
        insert into hold_policy (plant_id, hold_reason, version, two_persons, ended, reason, created_by, created_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        "#,
        plant_id.0,
        about,
        version,
        setting.two_persons.unwrap_or(true),
        setting.two_persons.is_none(),
        setting.reason.trim(),
        by,
        now
    )
    .execute(tx.sql())
    .await?;
    let words = |two_persons: Option<bool>| json!({ "hold_reason": about, "two_persons": two_persons });
    let entry = audit::Entry {
        action: "hold_policy.set",
        object_kind: "plant",
        object_id: plant.code,
        before: Some(words(newest.two_persons)),
        after: Some(words(setting.two_persons)),
        reason: Some(setting.reason.trim().to_owned()),
        plant_id: Some(plant_id),
        supplier_id: None,
    };
    audit::append(tx, entry).await?;
    keep_outcome(tx, &sent, &version).await?;
    Ok(version)
}
