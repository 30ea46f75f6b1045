//! Documents that were uploaded and never attached to anything. They take room that their supplier may need, so the daily
//! sweep removes them once they are older than a day, and their content where nobody else handed in the same.
//!
//! What refers to a document stands in the SQL function `stray_document` and nowhere else. One document is removed in one
//! transaction: it holds the content's lock ([`crate::documents::add`] takes it too) until the content is gone, so that
//! whoever sends the same file at that moment keeps it anew after that.

use chrono::{DateTime, Utc};
use domain::id::{DocumentId, SupplierId};
use serde_json::json;
use uuid::Uuid;

use crate::audit;
use crate::error::StoreError;
use crate::tx::Tx;

/// The most of one sweep; the rest has its turn on the next day.
pub const MOST: i64 = 2_000;

/// A document that was removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// The name of its content.
    pub sha256: String,
    /// No other document has the same content: it is to be removed before the commit.
    pub was_last: bool,
}

/// Stray documents that were sent before this, the oldest first.
pub async fn older_than(tx: &mut Tx, before: DateTime<Utc>) -> Result<Vec<DocumentId>, StoreError> {
    let ids = sqlx::query_scalar!(
        r#"select document_id as "document_id!" from stray_document() where uploaded_at < $1 order by uploaded_at limit $2"#,
        before,
        MOST
    )
    .fetch_all(tx.sql())
    .await?;
    Ok(ids.into_iter().map(DocumentId).collect())
}

/// Removes a document, if it is still stray and older than this. None where it is not, or where somebody is at it.
pub async fn remove(tx: &mut Tx, id: DocumentId, before: DateTime<Utc>) -> Result<Option<Removed>, StoreError> {
    let content = sqlx::query_scalar!("select sha256 from document where document_id = $1", id.0)
        .fetch_optional(tx.sql())
        .await?;
    let Some(content) = content else { return Ok(None) };
    lock_content(tx, &content, true).await?;
    // Locked first, looked at in the next statement: what referred to it meanwhile is seen, and nothing can any more.
    let locked =
        sqlx::query_scalar!("select document_id from document where document_id = $1 for update skip locked", id.0)
            .fetch_optional(tx.sql())
            .await?;
    if locked.is_none() {
        return Ok(None);
    }
    let gone = sqlx::query!(
        r#"
        delete from document
        where document_id = (select document_id from stray_document() where document_id = $1 and uploaded_at < $2)
        returning name, size, supplier_id, uploaded_by, uploaded_at
        "#,
        id.0,
        before
    )
    .fetch_optional(tx.sql())
    .await?;
    let Some(gone) = gone else { return Ok(None) };
    let was_last =
        sqlx::query_scalar!(r#"select not exists (select from document where sha256 = $1) as "was_last!""#, content)
            .fetch_one(tx.sql())
            .await?;
    audit::append(
        tx,
        audit::Entry {
            action: "document.remove",
            object_kind: "document",
            object_id: gone.name,
            before: Some(json!({
                "document_id": id, "sha256": content, "size": gone.size, "uploaded_by": gone.uploaded_by,
                "uploaded_at": gone.uploaded_at,
            })),
            after: None,
            reason: Some("It was attached to nothing.".to_owned()),
            plant_id: None,
            supplier_id: gone.supplier_id.map(SupplierId),
        },
    )
    .await?;
    Ok(Some(Removed { sha256: content, was_last }))
}

/// Holds the content of this name until the transaction ends: alone, to remove it, or with others, to keep it.
pub(crate) async fn lock_content(tx: &mut Tx, sha256: &str, alone: bool) -> Result<(), StoreError> {
    let name = format!("content/{sha256}");
    if alone {
        sqlx::query!("select pg_advisory_xact_lock(hashtextextended($1, 0))", name).fetch_one(tx.sql()).await?;
    } else {
        sqlx::query!("select pg_advisory_xact_lock_shared(hashtextextended($1, 0))", name).fetch_one(tx.sql()).await?;
    }
    Ok(())
}

/// Makes a stray document that is sent again as young as it is now.
pub(crate) async fn renew(tx: &mut Tx, id: Uuid) -> Result<(), StoreError> {
    let now = tx.now();
    sqlx::query!(
        "update document set uploaded_at = $2 where document_id = (select document_id from stray_document() where document_id = $1)",
        id,
        now
    )
    .execute(tx.sql())
    .await?;
    Ok(())
}
