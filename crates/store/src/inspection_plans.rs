//! Inspection plans: which lots of an item are looked at, for one supplier or all, in one plant or all.
//!
//! A plan is a row of versions, each with who made it and why; the newest counts. Ending a plan is a version too, and so is
//! putting an earlier one back: nothing is lost or overwritten. The rule itself is [`domain::inspection::Plan`];
//! [`in_force`] is asked when a lot arrives.

use chrono::{DateTime, Utc};
use domain::access::{Action, Scope, may};
use domain::id::{ItemId, PlantId, SupplierId};
use domain::inspection::{Plan, check_plan};
use domain::refusal::Finding;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Postgres, QueryBuilder, Row};
use uuid::Uuid;

use crate::audit;
use crate::documents::actor_name;
use crate::error::{CommandError, StoreError, constraint};
use crate::holds::contains;
use crate::lots::lock_item;
use crate::paging::{NoPlace, Page};
use crate::submissions::{Sent, first_outcome, keep_outcome};
use crate::tx::Tx;

/// One version of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanRow {
    /// The same for all versions.
    pub plan_id: Uuid,
    /// Counts 1, 2, 3.
    pub version: i32,
    /// The item's id.
    pub item_id: ItemId,
    /// The item's number.
    pub item: String,
    /// What it is called.
    pub description: String,
    /// The supplier's number and name, where it is for one.
    pub supplier: Option<(String, String)>,
    /// The plant's id and code, where it is for one.
    pub plant: Option<(PlantId, String)>,
    /// Which lots are inspected; none where this version ended the plan.
    pub plan: Option<Plan>,
    /// Why.
    pub reason: String,
    /// By whom.
    pub created_by: String,
    /// When.
    pub created_at: DateTime<Utc>,
}

impl PlanRow {
    /// The place in the list.
    pub fn place(&self) -> Place {
        Place { item: self.item.clone(), plan_id: self.plan_id }
    }

    /// Whether somebody with this scope may change it: a plan for all plants is changed by whoever sees all of them.
    pub fn is_within(&self, scope: &Scope) -> bool {
        is_within(scope, self.plant.as_ref().map(|(id, _)| *id))
    }
}

fn is_within(scope: &Scope, plant: Option<PlantId>) -> bool {
    match (scope, plant) {
        (Scope::All, _) => true,
        (Scope::Plants(own), Some(plant)) => own.contains(&plant),
        (Scope::Plants(_), None) | (Scope::Suppliers(_), _) => false,
    }
}

impl FromRow<'_, PgRow> for PlanRow {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let word: String = row.try_get("plan")?;
        let plan = read_plan(&word, row.try_get("good_before_skip")?, row.try_get("skip")?);
        let ended: bool = row.try_get("ended")?;
        let named: (Option<String>, Option<String>) = (row.try_get("supplier_number")?, row.try_get("supplier_name")?);
        let plant: (Option<Uuid>, Option<String>) = (row.try_get("plant_id")?, row.try_get("plant_code")?);
        Ok(Self {
            plan_id: row.try_get("plan_id")?,
            version: row.try_get("version")?,
            item_id: ItemId(row.try_get("item_id")?),
            item: row.try_get("item_number")?,
            description: row.try_get("description")?,
            supplier: named.0.zip(named.1),
            plant: plant.0.map(PlantId).zip(plant.1),
            plan: (!ended).then_some(plan),
            reason: row.try_get("reason")?,
            created_by: actor_name(&row.try_get("created_by")?),
            created_at: row.try_get("created_at")?,
        })
    }
}

fn read_plan(word: &str, good_before_skip: Option<i32>, skip: Option<i32>) -> Plan {
    let number = |value: Option<i32>| value.and_then(|value| u32::try_from(value).ok()).unwrap_or(1);
    match word {
        "skip_lot" => Plan::SkipLot { good_before_skip: number(good_before_skip), skip: number(skip) },
        "none" => Plan::None,
        _ => Plan::Every,
    }
}

/// How a plan stands in its columns.
const fn columns(plan: Plan) -> (&'static str, Option<u32>, Option<u32>) {
    match plan {
        Plan::Every => ("every", None, None),
        Plan::SkipLot { good_before_skip, skip } => ("skip_lot", Some(good_before_skip), Some(skip)),
        Plan::None => ("none", None, None),
    }
}

/// The plan that counts for lots of an item that arrive now: the supplier's own in this plant, else the supplier's own, else
/// the plant's, else the item's, else what the item's ERP says (`item_inspection`).
pub async fn in_force(
    tx: &mut Tx,
    item_id: ItemId,
    supplier_id: Option<SupplierId>,
    plant_id: PlantId,
    item_inspection: bool,
) -> Result<Plan, StoreError> {
    let row = sqlx::query!(
        r#"
        select plan, good_before_skip, skip from inspection_plan
        where item_id = $1 and (supplier_id is null or supplier_id = $2) and (plant_id is null or plant_id = $3)
          and replaced_at is null and not ended
        order by supplier_id nulls last, plant_id nulls last
        limit 1
        "#,
        item_id.0,
        supplier_id.map(|id| id.0),
        plant_id.0
    )
    .fetch_optional(tx.sql())
    .await?;
    Ok(match row {
        Some(row) => read_plan(&row.plan, row.good_before_skip, row.skip),
        None if item_inspection => Plan::Every,
        None => Plan::None,
    })
}

/// Which plans.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlanFilter {
    /// Item, description, supplier or plant contains these words.
    pub text: Option<String>,
    /// Those that were ended, instead of those that count.
    pub ended: bool,
}

/// The place of a plan in the list: by item, then by id. In an address: the id, a dot, the item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The item's number.
    pub item: String,
    /// Which.
    pub plan_id: Uuid,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.plan_id, self.item)
    }
}

impl std::str::FromStr for Place {
    type Err = NoPlace;

    fn from_str(text: &str) -> Result<Self, NoPlace> {
        let (id, item) = text.split_once('.').ok_or(NoPlace)?;
        Ok(Self { item: item.to_owned(), plan_id: id.parse().map_err(|_| NoPlace)? })
    }
}

const VERSIONS: &str = "
    select n.plan_id, n.version, n.item_id, i.number as item_number, i.description, s.number as supplier_number,
           s.name as supplier_name, n.plant_id, p.code as plant_code, n.plan, n.good_before_skip, n.skip, n.ended, n.reason,
           n.created_by, n.created_at
    from inspection_plan n
    join item i on i.item_id = n.item_id
    left join supplier s on s.supplier_id = n.supplier_id
    left join plant p on p.plant_id = n.plant_id
    where ";

/// One page of the plans within the scope, by item: those of all plants and those of the own ones.
pub async fn page(tx: &mut Tx, filter: &PlanFilter, at: &Page<Place>) -> Result<Vec<PlanRow>, CommandError> {
    may(tx.actor(), Action::SeeQuality)?;
    let mut sql = QueryBuilder::<Postgres>::new(VERSIONS);
    sql.push("n.replaced_at is null and n.ended = ").push_bind(filter.ended);
    if let Some(text) = &filter.text {
        sql.push(" and concat_ws(' ', i.number, i.description, s.number, s.name, p.code) ilike ");
        sql.push_bind(contains(text));
    }
    if let Some(key) = at.key() {
        sql.push(" and (i.number, n.plan_id)").push(at.side(false)).push("(").push_bind(key.item.clone());
        sql.push(", ").push_bind(key.plan_id).push(")");
    }
    at.push_order(&mut sql, &["i.number", "n.plan_id"], false);
    Ok(at.in_order(sql.build_query_as().fetch_all(tx.sql()).await?))
}

/// All versions of a plan within the scope, the newest first: it is the one that counts.
pub async fn versions(tx: &mut Tx, plan_id: Uuid) -> Result<Vec<PlanRow>, CommandError> {
    may(tx.actor(), Action::SeeQuality)?;
    let mut sql = QueryBuilder::<Postgres>::new(VERSIONS);
    sql.push("n.plan_id = ").push_bind(plan_id).push(" order by n.version desc limit 200");
    let rows: Vec<PlanRow> = sql.build_query_as().fetch_all(tx.sql()).await?;
    if rows.is_empty() { Err(CommandError::NotFound { what: "inspection plan" }) } else { Ok(rows) }
}

/// What somebody wants of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The item's number.
    pub item: String,
    /// The supplier's number, for one supplier only.
    pub supplier: Option<String>,
    /// The plant's code, for one plant only.
    pub plant: Option<String>,
    /// What counts from now on; none ends the plan.
    pub plan: Option<Plan>,
    /// Why.
    pub reason: String,
    /// The version that was read, 0 for a plan that did not exist; another one meanwhile is told.
    pub read: i32,
    /// The form's or call's key.
    pub submission: Uuid,
}

/// What it came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanOutcome {
    /// The plan.
    pub plan_id: Uuid,
    /// Its version now.
    pub version: i32,
    /// It had been sent before; this is the first result.
    #[serde(default)]
    pub already: bool,
}

/// Sets, changes or ends a plan. It counts for lots that arrive from now on; what waits for its inspection already, waits.
pub async fn set(tx: &mut Tx, setting: &Setting) -> Result<PlanOutcome, CommandError> {
    may(tx.actor(), Action::ManageQualityRules)?;
    let mut findings = check_plan(setting.plan, &setting.reason);
    let about = about(tx, setting, &mut findings).await?;
    let (Some(item_id), true) = (about.item_id, findings.is_empty()) else { return Err(findings.into()) };
    if !is_within(tx.scope(), about.plant_id.map(PlantId)) {
        let message = "Choose one of your plants: a plan for all of them is made by somebody who sees all of them.";
        return Err(vec![Finding::stops("plant", "plant_not_yours", message)].into());
    }
    // As when a lot arrives: it meets the old plan or the new one.
    lock_item(tx, ItemId(item_id)).await?;
    let sent = Sent { submission: setting.submission, action: "inspection_plan.set", object: item_id };
    if let Some(first) = first_outcome::<PlanOutcome>(tx, &sent).await? {
        return Ok(PlanOutcome { already: true, ..first });
    }
    let known = newest(tx, item_id, &about).await?;
    let version = known.as_ref().map_or(0, |row| row.version);
    if version != setting.read {
        let message = match setting.read {
            0 => "There is a plan for this already. Open it from the list and change it there.".to_owned(),
            _ => format!("Somebody saved version {version} meanwhile. Look at it and save again."),
        };
        return Err(vec![Finding::stops("", "newer_version", message)].into());
    }
    let before = known.as_ref().and_then(|row| row.plan);
    if before == setting.plan {
        return Err(vec![Finding::stops("plan", "nothing_changed", "This is what counts already.")].into());
    }
    let (plan_id, now) = (known.as_ref().map_or_else(|| tx.new_id(), |row| row.plan_id), tx.now());
    sqlx::query!(
        "update inspection_plan set replaced_at = $2 where plan_id = $1 and replaced_at is null",
        plan_id,
        now
    )
    .execute(tx.sql())
    .await?;
    let outcome = PlanOutcome { plan_id, version: version + 1, already: false };
    insert(tx, item_id, &about, setting, &outcome).await?;
    let words = |plan: Option<Plan>| json!({ "plan": plan, "supplier": setting.supplier, "plant": setting.plant });
    audit::append(
        tx,
        audit::Entry {
            action: if setting.plan.is_some() { "inspection_plan.set" } else { "inspection_plan.end" },
            object_kind: "item",
            object_id: setting.item.trim().to_owned(),
            before: known.as_ref().map(|row| words(row.plan)),
            after: Some(words(setting.plan)),
            reason: Some(setting.reason.trim().to_owned()),
            plant_id: about.plant_id.map(PlantId),
            supplier_id: about.supplier_id.map(SupplierId),
        },
    )
    .await?;
    keep_outcome(tx, &sent, &outcome).await?;
    Ok(outcome)
}

/// What a plan is about, by its names.
struct About {
    item_id: Option<Uuid>,
    supplier_id: Option<Uuid>,
    plant_id: Option<Uuid>,
}

async fn about(tx: &mut Tx, setting: &Setting, findings: &mut Vec<Finding>) -> Result<About, StoreError> {
    let (item, supplier, plant) = (setting.item.trim(), &setting.supplier, &setting.plant);
    let row = sqlx::query!(
        r#"
        select (select item_id from item where number = $1) as item_id,
               (select supplier_id from supplier where number = $2) as supplier_id,
               (select plant_id from plant where code = $3) as plant_id
        "#,
        item,
        supplier.as_deref().map(str::trim),
        plant.as_deref().map(str::trim)
    )
    .fetch_one(tx.sql())
    .await?;
    if item.is_empty() {
        findings.push(Finding::stops("item", "item_missing", "Enter the item's number."));
    } else if row.item_id.is_none() {
        let message = format!("Item “{item}” is not known. Check the number.");
        findings.push(Finding::stops("item", "item_unknown", message));
    }
    if let (Some(number), None) = (supplier, row.supplier_id) {
        findings.push(Finding::stops("supplier", "supplier_unknown", format!("There is no supplier {number}.")));
    }
    if let (Some(code), None) = (plant, row.plant_id) {
        findings.push(Finding::stops("plant", "plant_unknown", format!("There is no plant {code}.")));
    }
    Ok(About { item_id: row.item_id, supplier_id: row.supplier_id, plant_id: row.plant_id })
}

struct Known {
    plan_id: Uuid,
    version: i32,
    plan: Option<Plan>,
}

async fn newest(tx: &mut Tx, item_id: Uuid, about: &About) -> Result<Option<Known>, StoreError> {
    let row = sqlx::query!(
        r#"
        select plan_id, version, plan, good_before_skip, skip, ended from inspection_plan
        where item_id = $1 and supplier_id is not distinct from $2 and plant_id is not distinct from $3
          and replaced_at is null
        "#,
        item_id,
        about.supplier_id,
        about.plant_id
    )
    .fetch_optional(tx.sql())
    .await?;
    Ok(row.map(|row| Known {
        plan_id: row.plan_id,
        version: row.version,
        plan: (!row.ended).then(|| read_plan(&row.plan, row.good_before_skip, row.skip)),
    }))
}

async fn insert(
    tx: &mut Tx,
    item_id: Uuid,
    about: &About,
    setting: &Setting,
    outcome: &PlanOutcome,
) -> Result<(), CommandError> {
    let (word, good_before_skip, skip) = columns(setting.plan.unwrap_or(Plan::Every));
    let number = |value: Option<u32>| value.and_then(|value| i32::try_from(value).ok());
    let by = serde_json::to_value(tx.actor()).map_err(|error| StoreError::unreadable("actor", error))?;
    let now = tx.now();
    sqlx::query!(
        r#"
        insert into inspection_plan (plan_id, version, item_id, supplier_id, plant_id, plan, good_before_skip, skip, ended, reason,
                                     created_by, created_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        "#,
        outcome.plan_id,
        outcome.version,
        item_id,
        about.supplier_id,
        about.plant_id,
        word,
        number(good_before_skip),
        number(skip),
        setting.plan.is_none(),
        setting.reason.trim(),
        by,
        now
    )
    .execute(tx.sql())
    .await
    .map_err(|error| match constraint(&error) {
        // Not seen from here, and there all the same.
        Some("inspection_plan_key" | "inspection_plan_pkey") => {
            let message = "There is a plan for this already. Open it from the list and change it there.";
            vec![Finding::stops("", "newer_version", message)].into()
        }
        _ => CommandError::from(error),
    })?;
    Ok(())
}
