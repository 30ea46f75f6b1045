//! What items need: which certificates, and which values a certificate must show. Kept by quality engineers; suppliers see
//! what concerns them.

use chrono::{DateTime, NaiveDate, Utc};
use domain::access::{Action, may};
use domain::certificate::requirement::Requirement;
use domain::certificate::specification::{Characteristic, Specification};
use domain::certificate::{CertificateKind, CertificatePer};
use domain::id::{ItemId, PlantId, SpecificationId, SupplierId};
use domain::refusal::Finding;
use serde_json::json;
use uuid::Uuid;

use crate::documents::actor_name;
use crate::error::{CommandError, StoreError, constraint};
use crate::orders::{read_json, read_word};
use crate::tx::Tx;
use crate::{audit, submissions};

/// An item, as far as pages about quality name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemName {
    /// Which.
    pub item_id: ItemId,
    /// Its number.
    pub number: String,
    /// What it is called.
    pub description: String,
}

/// A rule with who made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequirementRow {
    /// Which.
    pub requirement_id: Uuid,
    /// The rule.
    pub rule: Requirement,
    /// The item's number.
    pub item: String,
    /// The supplier's number and name, where it is for one.
    pub supplier: Option<(String, String)>,
    /// The plant's code, where it is for one.
    pub plant: Option<String>,
    /// By whom.
    pub created_by: String,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// A version of a specification with who made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpecificationRow {
    /// Which.
    pub specification_id: SpecificationId,
    /// The version and its characteristics.
    pub specification: Specification,
    /// From which day it counts.
    pub valid_from: NaiveDate,
    /// Why, and where its limits are from.
    pub note: Option<String>,
    /// By whom.
    pub created_by: String,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// A new rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRequirement {
    /// The item's number.
    pub item: String,
    /// The supplier's number, for one supplier only.
    pub supplier: Option<String>,
    /// The plant's code, for one plant only.
    pub plant: Option<String>,
    /// Which certificate.
    pub kind: CertificateKind,
    /// What one covers.
    pub per: CertificatePer,
}

/// A new version of a specification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSpecification {
    /// The item's number.
    pub item: String,
    /// The version that was read; another one meanwhile is told.
    pub read: i32,
    /// From which day it counts.
    pub valid_from: NaiveDate,
    /// Its characteristics.
    pub characteristics: Vec<Characteristic>,
    /// Why, and where its limits are from.
    pub note: Option<String>,
    /// Sent twice, the first result counts.
    pub submission: Uuid,
}

/// An item by its number. For suppliers only those that they were ever ordered.
pub async fn item(tx: &mut Tx, number: &str) -> Result<ItemName, CommandError> {
    let row = if tx.scope().is_supplier() {
        sqlx::query_as!(
            ItemRow,
            "select i.item_id, i.number, i.description from item i where i.number = $1 and exists (select from order_line l where l.item_id = i.item_id)",
            number
        )
        .fetch_optional(tx.sql())
        .await?
    } else {
        sqlx::query_as!(ItemRow, "select item_id, number, description from item where number = $1", number)
            .fetch_optional(tx.sql())
            .await?
    };
    row.map(ItemName::from).ok_or(CommandError::NotFound { what: "item" })
}

struct ItemRow {
    item_id: Uuid,
    number: String,
    description: String,
}

impl From<ItemRow> for ItemName {
    fn from(row: ItemRow) -> Self {
        Self { item_id: ItemId(row.item_id), number: row.number, description: row.description }
    }
}

/// Items that a supplier was ordered, for choosing; of the whole house for its people. By number, from behind `after`.
pub async fn items(tx: &mut Tx, after: &str, most: i64) -> Result<Vec<ItemName>, StoreError> {
    let rows = sqlx::query_as!(
        ItemRow,
        r#"
        select i.item_id, i.number, i.description
        from item i
        where i.number > $1 and exists (select from order_line l where l.item_id = i.item_id)
        order by i.number
        limit $2
        "#,
        after,
        most
    )
    .fetch_all(tx.sql())
    .await?;
    Ok(rows.into_iter().map(ItemName::from).collect())
}

/// The rules in force: of one item, or of all. Suppliers see those for all and for themselves.
pub async fn requirements(tx: &mut Tx, item_id: Option<ItemId>) -> Result<Vec<RequirementRow>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select r.requirement_id, r.item_id, r.supplier_id, r.plant_id, r.kind, r.per, r.created_by, r.created_at,
               i.number as item_number, s.number as "supplier_number?", s.name as "supplier_name?", p.code as "plant_code?"
        from certificate_requirement r
        join item i using (item_id)
        left join supplier s on s.supplier_id = r.supplier_id
        left join plant p on p.plant_id = r.plant_id
        where r.ended_at is null and ($1::uuid is null or r.item_id = $1)
        order by i.number, r.kind, r.created_at
        limit 1000
        "#,
        item_id.map(|id| id.0)
    )
    .fetch_all(tx.sql())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(RequirementRow {
                requirement_id: row.requirement_id,
                rule: Requirement {
                    item_id: ItemId(row.item_id),
                    supplier_id: row.supplier_id.map(SupplierId),
                    plant_id: row.plant_id.map(PlantId),
                    kind: read_word("certificate kind", &row.kind)?,
                    per: read_word("certificate scope", &row.per)?,
                },
                item: row.item_number,
                supplier: row.supplier_number.zip(row.supplier_name),
                plant: row.plant_code,
                created_by: actor_name(&row.created_by),
                created_at: row.created_at,
            })
        })
        .collect()
}

/// Adds a rule.
pub async fn add_requirement(tx: &mut Tx, new: &NewRequirement) -> Result<(), CommandError> {
    may(tx.actor(), Action::ManageSpecifications)?;
    let item = item(tx, new.item.trim()).await?;
    let (mut supplier_id, mut plant_id) = (None, None);
    if let Some(number) = &new.supplier {
        let found = sqlx::query_scalar!("select supplier_id from supplier where number = $1", number.trim())
            .fetch_optional(tx.sql())
            .await?;
        let problem = || Finding::stops("supplier", "supplier_unknown", format!("There is no supplier {number}."));
        supplier_id = Some(found.ok_or_else(|| CommandError::from(vec![problem()]))?);
    }
    if let Some(code) = &new.plant {
        let found = sqlx::query_scalar!("select plant_id from plant where code = $1", code.trim())
            .fetch_optional(tx.sql())
            .await?;
        let problem = || Finding::stops("plant", "plant_unknown", format!("There is no plant {code}."));
        plant_id = Some(found.ok_or_else(|| CommandError::from(vec![problem()]))?);
    }
    let (id, now) = (tx.new_id(), tx.now());
    let by = serde_json::to_value(tx.actor()).map_err(|error| StoreError::unreadable("actor", error))?;
    sqlx::query!(
        r#"
        insert into certificate_requirement (requirement_id, item_id, supplier_id, plant_id, kind, per, created_by, created_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        "#,
        id,
        item.item_id.0,
        supplier_id,
        plant_id,
        new.kind.as_str(),
        new.per.as_str(),
        by,
        now,
    )
    .execute(tx.sql())
    .await
    .map_err(|error| match constraint(&error) {
        Some("certificate_requirement_key") => {
            let message = "This certificate is required already in the same way. End that rule first to change it.";
            vec![Finding::stops("kind", "required_already", message)].into()
        }
        _ => CommandError::from(error),
    })?;
    let after = json!({ "kind": new.kind, "per": new.per, "supplier": new.supplier, "plant": new.plant });
    note(tx, "certificate_requirement.add", &item.number, None, Some(after), None).await?;
    Ok(())
}

/// Ends a rule from now on. Ended already is as good.
pub async fn end_requirement(tx: &mut Tx, requirement_id: Uuid, reason: &str) -> Result<String, CommandError> {
    may(tx.actor(), Action::ManageSpecifications)?;
    let now = tx.now();
    let ended = sqlx::query!(
        r#"
        update certificate_requirement r set ended_at = coalesce(r.ended_at, $2)
        from item i
        where r.requirement_id = $1 and i.item_id = r.item_id
        returning i.number, r.kind, r.per, r.ended_at
        "#,
        requirement_id,
        now
    )
    .fetch_optional(tx.sql())
    .await?
    .ok_or(CommandError::NotFound { what: "requirement" })?;
    let before = json!({ "kind": ended.kind, "per": ended.per });
    note(tx, "certificate_requirement.end", &ended.number, Some(before), None, Some(reason.to_owned())).await?;
    Ok(ended.number)
}

/// All versions of an item's specification, the newest first.
pub async fn versions(tx: &mut Tx, item_id: ItemId) -> Result<Vec<SpecificationRow>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select specification_id, version, valid_from, characteristics, note, created_by, created_at
        from specification where item_id = $1 order by version desc limit 200
        "#,
        item_id.0
    )
    .fetch_all(tx.sql())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(SpecificationRow {
                specification_id: SpecificationId(row.specification_id),
                specification: Specification {
                    version: row.version,
                    characteristics: read_json("specification", row.characteristics)?,
                },
                valid_from: row.valid_from,
                note: row.note,
                created_by: actor_name(&row.created_by),
                created_at: row.created_at,
            })
        })
        .collect()
}

/// The version that counts on a day: the newest that has begun.
pub async fn in_force(tx: &mut Tx, item_id: ItemId, on: NaiveDate) -> Result<Option<SpecificationRow>, StoreError> {
    Ok(versions(tx, item_id).await?.into_iter().find(|version| version.valid_from <= on))
}

/// One version, for a certificate that was checked against it.
pub async fn version(tx: &mut Tx, id: SpecificationId) -> Result<Option<SpecificationRow>, StoreError> {
    let item = sqlx::query_scalar!("select item_id from specification where specification_id = $1", id.0)
        .fetch_optional(tx.sql())
        .await?;
    let Some(item) = item else { return Ok(None) };
    Ok(versions(tx, ItemId(item)).await?.into_iter().find(|version| version.specification_id == id))
}

/// Saves the next version of an item's specification and gives its number.
pub async fn save(tx: &mut Tx, new: &NewSpecification) -> Result<i32, CommandError> {
    may(tx.actor(), Action::ManageSpecifications)?;
    let item = item(tx, &new.item).await?;
    // The item's row is locked, so that versions count 1, 2, 3.
    sqlx::query!("select item_id from item where item_id = $1 for update", item.item_id.0).fetch_one(tx.sql()).await?;
    let sent = submissions::Sent { submission: new.submission, action: "specification.save", object: item.item_id.0 };
    if let Some(first) = submissions::first_outcome::<i32>(tx, &sent).await? {
        return Ok(first);
    }
    let newest = versions(tx, item.item_id).await?.into_iter().next();
    let before = newest.as_ref().map_or(0, |row| row.specification.version);
    let specification = Specification { version: before + 1, characteristics: new.characteristics.clone() };
    let mut findings = specification.check();
    if before != new.read {
        let message =
            format!("Somebody saved version {before} meanwhile. Your entries are kept; look at it and save again.");
        findings.push(Finding::stops("", "newer_version", message));
    }
    if Finding::any_stops(&findings) {
        return Err(findings.into());
    }
    let (id, now) = (tx.new_id(), tx.now());
    let unreadable = |error| StoreError::unreadable("specification", error);
    let by = serde_json::to_value(tx.actor()).map_err(unreadable)?;
    let characteristics = serde_json::to_value(&new.characteristics).map_err(unreadable)?;
    sqlx::query!(
        r#"
        insert into specification (specification_id, item_id, version, valid_from, characteristics, note, created_by, created_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        "#,
        id,
        item.item_id.0,
        specification.version,
        new.valid_from,
        characteristics,
        new.note,
        by,
        now,
    )
    .execute(tx.sql())
    .await?;
    let after =
        json!({ "version": specification.version, "valid_from": new.valid_from, "characteristics": characteristics });
    note(tx, "specification.save", &item.number, None, Some(after), new.note.clone()).await?;
    submissions::keep_outcome(tx, &sent, &specification.version).await?;
    Ok(specification.version)
}

async fn note(
    tx: &mut Tx,
    action: &str,
    item: &str,
    before: Option<serde_json::Value>,
    after: Option<serde_json::Value>,
    reason: Option<String>,
) -> Result<(), StoreError> {
    let object_id = item.to_owned();
    let entry = audit::Entry {
        action,
        object_kind: "item",
        object_id,
        before,
        after,
        reason,
        plant_id: None,
        supplier_id: None,
    };
    audit::append(tx, entry).await
}
