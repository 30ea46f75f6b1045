//! Documents that were handed in: whose they are, what they are, and under which name their content lies in
//! [`crate::files`]. Row-level security decides who may have one.

use chrono::{DateTime, Utc};
use domain::document::{MediaType, download_name, shown_name};
use domain::id::{DocumentId, SupplierId};
use serde_json::Value;

use crate::error::{CommandError, StoreError};
use crate::orders::read_word;
use crate::stray_documents;
use crate::tx::Tx;

/// A file that was checked and whose content is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDocument {
    /// The name of its content.
    pub sha256: String,
    /// As the person called it.
    pub name: String,
    /// What its content is.
    pub media_type: MediaType,
    /// In bytes.
    pub size: u64,
    /// Whose it is; none for people of the house.
    pub supplier_id: Option<SupplierId>,
}

/// A document as it is shown and given out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Which.
    pub document_id: DocumentId,
    /// The name of its content.
    pub sha256: String,
    /// What to call it.
    pub name: String,
    /// What it is.
    pub media_type: MediaType,
    /// In bytes.
    pub size: u64,
    /// By whom, by name.
    pub uploaded_by: String,
    /// When.
    pub uploaded_at: DateTime<Utc>,
}

impl Document {
    /// The name it is downloaded under.
    pub fn download_name(&self) -> String {
        download_name(&self.name, self.media_type)
    }
}

/// Adds a document. `quota`: how many bytes one supplier may keep here; the same content counts once, and what a plant handed
/// over to him ([`crate::receipt_photos`]) not at all. The same file sent again under the same name by the same supplier is
/// the same document. The caller keeps the content before he commits.
pub async fn add(tx: &mut Tx, new: &NewDocument, quota: u64) -> Result<DocumentId, CommandError> {
    let name = shown_name(&new.name);
    let supplier = new.supplier_id.map(|id| id.0);
    let lock = supplier.map_or_else(|| "document/house".to_owned(), |id| format!("document/{id}"));
    // One after another per supplier, or two at once would each see room for one.
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended($1, 0))", lock).fetch_one(tx.sql()).await?;
    // Nobody throws the content away before the commit, see stray_documents.
    stray_documents::lock_content(tx, &new.sha256, false).await?;
    let known = sqlx::query_scalar!(
        r#"
        select document_id from document
        where sha256 = $1 and name = $2 and supplier_id is not distinct from $3 and plant_id is null
        limit 1
        "#,
        new.sha256,
        name,
        supplier
    )
    .fetch_optional(tx.sql())
    .await?;
    if let Some(known) = known {
        stray_documents::renew(tx, known).await?;
        return Ok(DocumentId(known));
    }
    if let Some(supplier) = supplier {
        let kept = sqlx::query_scalar!(
            r#"
            select coalesce(sum(size), 0)::bigint as "kept!"
            from (select distinct on (sha256) sha256, size from document
                  where supplier_id = $1 and plant_id is null and sha256 <> $2) as one
            "#,
            supplier,
            new.sha256
        )
        .fetch_one(tx.sql())
        .await?;
        if u64::try_from(kept).unwrap_or(0).saturating_add(new.size) > quota {
            let megabytes = quota / (1024 * 1024);
            return Err(CommandError::Invalid(format!(
                "There is no room for this file: your company keeps {megabytes} MB of documents here at most. Ask the buyer for more."
            )));
        }
    }
    let (id, now) = (tx.new_id(), tx.now());
    let by = serde_json::to_value(tx.actor()).map_err(|error| StoreError::unreadable("actor", error))?;
    let size = i64::try_from(new.size).unwrap_or(i64::MAX);
    sqlx::query!(
        r#"
        insert into document (document_id, sha256, name, media_type, size, supplier_id, uploaded_by, uploaded_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        "#,
        id,
        new.sha256,
        name,
        new.media_type.as_str(),
        size,
        supplier,
        by,
        now,
    )
    .execute(tx.sql())
    .await?;
    Ok(DocumentId(id))
}

/// A document, within the scope.
pub async fn get(tx: &mut Tx, id: DocumentId) -> Result<Document, CommandError> {
    some(tx, &[id]).await?.pop().ok_or(CommandError::NotFound { what: "document" })
}

/// Those of these documents that the scope shows, in the order of their sending.
pub async fn some(tx: &mut Tx, ids: &[DocumentId]) -> Result<Vec<Document>, StoreError> {
    let ids: Vec<uuid::Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        r#"
        select document_id, sha256, name, media_type, size, uploaded_by, uploaded_at
        from document where document_id = any($1) order by uploaded_at, name collate "C", document_id limit 500
        "#,
        &ids
    )
    .fetch_all(tx.sql())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Document {
                document_id: DocumentId(row.document_id),
                sha256: row.sha256,
                name: row.name,
                media_type: read_word("media type", &row.media_type)?,
                size: u64::try_from(row.size).unwrap_or_default(),
                uploaded_by: actor_name(&row.uploaded_by),
                uploaded_at: row.uploaded_at,
            })
        })
        .collect()
}

/// The name of a stored actor, for pages.
pub(crate) fn actor_name(actor: &Value) -> String {
    actor.get("name").and_then(Value::as_str).unwrap_or("–").to_owned()
}
