//! The audit log: who changed what, when, from where, before and after. Append-only.

use domain::id::{PlantId, SupplierId};
use serde_json::Value;

use crate::error::StoreError;
use crate::tx::Tx;

/// One change to be noted.
#[derive(Debug, Clone)]
pub struct Entry<'a> {
    /// What was done, e.g. `order.confirm`.
    pub action: &'a str,
    /// What kind of thing, e.g. `order`.
    pub object_kind: &'a str,
    /// Which, as a person would look for it.
    pub object_id: String,
    /// Before; only what changed.
    pub before: Option<Value>,
    /// After; only what changed.
    pub after: Option<Value>,
    /// Why, where a reason is asked for.
    pub reason: Option<String>,
    /// The plant it concerns.
    pub plant_id: Option<PlantId>,
    /// The supplier it concerns.
    pub supplier_id: Option<SupplierId>,
}

/// Notes a change in the transaction that makes it.
pub async fn append(tx: &mut Tx, entry: Entry<'_>) -> Result<(), StoreError> {
    let actor = serde_json::to_value(tx.actor()).map_err(|error| StoreError::unreadable("actor", error))?;
    let (now, correlation) = (tx.now(), tx.correlation().0);
    let address = tx.address().map(str::to_owned);
    sqlx::query!(
        r#"
        insert into audit_entry
            (at, actor, address, action, object_kind, object_id, before, after, reason, correlation_id, plant_id, supplier_id)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        "#,
        now,
        actor,
        address,
        entry.action,
        entry.object_kind,
        entry.object_id,
        entry.before,
        entry.after,
        entry.reason,
        correlation,
        entry.plant_id.map(|id| id.0),
        entry.supplier_id.map(|id| id.0),
    )
    .execute(tx.sql())
    .await?;
    Ok(())
}
