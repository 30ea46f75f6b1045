//! What is agreed with suppliers and plants: how far an answer may deviate before a person has to look.

use domain::id::{PlantId, SupplierId};
use domain::tolerance::Tolerances;
use serde_json::{Value, json};

use crate::audit::{self, Entry};
use crate::error::{CommandError, StoreError};
use crate::tx::Tx;

/// Saves a plant's limits. Orders take them as they arrive or are answered the next time.
pub async fn save_plant_tolerances(tx: &mut Tx, plant: PlantId, limits: &Tolerances) -> Result<(), CommandError> {
    let after = written(limits)?;
    let before = sqlx::query_scalar!("select tolerances from plant where plant_id = $1 for update", plant.0)
        .fetch_optional(tx.sql())
        .await?;
    let Some(before) = before else { return Err(CommandError::NotFound { what: "the plant" }) };
    if before == after {
        return Ok(());
    }
    sqlx::query!("update plant set tolerances = $2 where plant_id = $1", plant.0, after).execute(tx.sql()).await?;
    let entry = note("plant.tolerances", "plant", plant.to_string(), before, after);
    Ok(audit::append(tx, Entry { plant_id: Some(plant), ..entry }).await?)
}

/// Saves what is agreed with a supplier: his limits, and whether answers may propose another price.
pub async fn save_supplier_agreement(
    tx: &mut Tx,
    supplier: SupplierId,
    limits: &Tolerances,
    may_change_price: bool,
) -> Result<(), CommandError> {
    let limits = written(limits)?;
    let row =
        sqlx::query!("select tolerances, may_change_price from supplier where supplier_id = $1 for update", supplier.0)
            .fetch_optional(tx.sql())
            .await?;
    let Some(row) = row else { return Err(CommandError::NotFound { what: "the supplier" }) };
    if row.tolerances == limits && row.may_change_price == may_change_price {
        return Ok(());
    }
    sqlx::query!(
        "update supplier set tolerances = $2, may_change_price = $3 where supplier_id = $1",
        supplier.0,
        limits,
        may_change_price,
    )
    .execute(tx.sql())
    .await?;
    let before = json!({"tolerances": row.tolerances, "may_change_price": row.may_change_price});
    let after = json!({"tolerances": limits, "may_change_price": may_change_price});
    let entry = note("supplier.agreement", "supplier", supplier.to_string(), before, after);
    Ok(audit::append(tx, Entry { supplier_id: Some(supplier), ..entry }).await?)
}

fn written(limits: &Tolerances) -> Result<Value, StoreError> {
    serde_json::to_value(limits).map_err(|error| StoreError::unreadable("tolerances", error))
}

fn note<'a>(action: &'a str, kind: &'a str, id: String, before: Value, after: Value) -> Entry<'a> {
    Entry {
        action,
        object_kind: kind,
        object_id: id,
        before: Some(before),
        after: Some(after),
        reason: None,
        plant_id: None,
        supplier_id: None,
    }
}
