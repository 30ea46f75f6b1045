//! What somebody typed and has not sent, with what was wrong with it.
//!
//! A draft belongs to one person; row-level security shows it to nobody else. Keyed by form and object, e.g. (`confirm`,
//! the order's id): the latest replaces the one before.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::error::StoreError;
use crate::tx::Tx;

/// What was typed.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The form's fields, as the form itself understands them.
    pub data: Value,
    /// What was wrong with them when they were sent; an empty list where nobody sent them.
    pub problems: Value,
    /// When it was kept.
    pub updated_at: DateTime<Utc>,
}

/// Keeps what was typed. Does nothing for systems and loops, which type nothing.
pub async fn keep(tx: &mut Tx, form: &str, object: &str, data: &Value, problems: &Value) -> Result<(), StoreError> {
    let Some(person) = tx.actor().person() else { return Ok(()) };
    let now = tx.now();
    sqlx::query!(
        r#"
        insert into draft (person_id, form, object, data, problems, updated_at)
        values ($1, $2, $3, $4, $5, $6)
        on conflict (person_id, form, object) do update
            set data = excluded.data, problems = excluded.problems, updated_at = excluded.updated_at
        "#,
        person.0,
        form,
        object,
        data,
        problems,
        now,
    )
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// What the person typed, if anything is kept.
pub async fn get(tx: &mut Tx, form: &str, object: &str) -> Result<Option<Draft>, StoreError> {
    let Some(person) = tx.actor().person() else { return Ok(None) };
    let row = sqlx::query!(
        "select data, problems, updated_at from draft where person_id = $1 and form = $2 and object = $3",
        person.0,
        form,
        object
    )
    .fetch_optional(tx.sql())
    .await?;
    Ok(row.map(|row| Draft { data: row.data, problems: row.problems, updated_at: row.updated_at }))
}

/// Forgets it, because it was sent or is not wanted any more.
pub async fn forget(tx: &mut Tx, form: &str, object: &str) -> Result<(), StoreError> {
    let Some(person) = tx.actor().person() else { return Ok(()) };
    sqlx::query!("delete from draft where person_id = $1 and form = $2 and object = $3", person.0, form, object)
        .execute(tx.sql())
        .await?;
    Ok(())
}

/// Which objects the person has drafts of under this form, the latest first, at most 50: key, what was typed, and when.
pub async fn of_form(tx: &mut Tx, form: &str) -> Result<Vec<(String, Draft)>, StoreError> {
    let Some(person) = tx.actor().person() else { return Ok(Vec::new()) };
    let rows = sqlx::query!(
        r#"
        select object, data, problems, updated_at from draft
        where person_id = $1 and form = $2 order by updated_at desc limit 50
        "#,
        person.0,
        form
    )
    .fetch_all(tx.sql())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.object, Draft { data: row.data, problems: row.problems, updated_at: row.updated_at }))
        .collect())
}
