//! Photos of damage, taken at the dock.
//!
//! A photo is the house's while its receipt is being entered. Posting hands it over: from then on there is a document of the
//! delivery's supplier at the delivery's plant, which that supplier and the people of that plant have and nobody else, by the
//! row-level security of documents. It stays as long as its receipt; the house's own is stray then and swept away
//! ([`crate::stray_documents`]). What is handed over takes none of the supplier's room ([`crate::documents::add`]).

use std::collections::HashMap;

use domain::id::{DocumentId, PlantId, ReceiptId, ShipNoticeId, SupplierId};
use domain::receipt::post::PostLine;
use domain::refusal::Finding;
use uuid::Uuid;

use crate::documents::{self, Document};
use crate::error::{CommandError, StoreError};
use crate::stray_documents;
use crate::tx::Tx;

/// A photo with what it shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Photo {
    /// The file.
    pub document: Document,
    /// The item, by number.
    pub item: String,
    /// The lot, as its supplier calls it.
    pub lot: Option<String>,
    /// The receipt that it was taken for, by number.
    pub receipt: String,
}

/// What stands against the photos of these lines: only an image that the house attached can become one, never a document
/// that somebody handed in.
pub(crate) async fn check(tx: &mut Tx, lines: &[PostLine]) -> Result<Vec<Finding>, StoreError> {
    let asked: Vec<Uuid> = lines.iter().filter_map(|line| line.document_id).map(|id| id.0).collect();
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let known = sqlx::query_scalar!(
        r#"
        select document_id from document
        where document_id = any($1) and supplier_id is null and plant_id is null and media_type in ('image/png', 'image/jpeg')
        "#,
        &asked
    )
    .fetch_all(tx.sql())
    .await?;
    let unknown = |id: &DocumentId| !known.contains(&id.0);
    Ok(lines
        .iter()
        .enumerate()
        .filter(|(_, line)| line.document_id.as_ref().is_some_and(unknown))
        .map(|(index, _)| {
            let message = "This photo is not there any more, or it is no photo. Attach it again.";
            Finding::stops(format!("lines.{index}.photo"), "photo_unknown", message)
        })
        .collect())
}

/// The same content as a document of this supplier at this plant. The caller has checked it, see [`check`].
pub(crate) async fn hand_over(
    tx: &mut Tx,
    id: DocumentId,
    supplier_id: SupplierId,
    plant_id: PlantId,
) -> Result<DocumentId, CommandError> {
    const GONE: CommandError = CommandError::NotFound { what: "photo" };
    let content = sqlx::query_scalar!("select sha256 from document where document_id = $1", id.0)
        .fetch_optional(tx.sql())
        .await?
        .ok_or(GONE)?;
    // Nobody throws the content away before the commit.
    stray_documents::lock_content(tx, &content, false).await?;
    let known = sqlx::query_scalar!(
        r#"
        select k.document_id from document d
        join document k on k.sha256 = d.sha256 and k.name = d.name and k.supplier_id = $2 and k.plant_id = $3
        where d.document_id = $1
        limit 1
        "#,
        id.0,
        supplier_id.0,
        plant_id.0
    )
    .fetch_optional(tx.sql())
    .await?;
    if let Some(known) = known {
        return Ok(DocumentId(known));
    }
    let theirs = tx.new_id();
    let added = sqlx::query!(
        r#"
        insert into document (document_id, sha256, name, media_type, size, supplier_id, plant_id, uploaded_by, uploaded_at)
        select $2, sha256, name, media_type, size, $3, $4, uploaded_by, uploaded_at from document where document_id = $1
        "#,
        id.0,
        theirs,
        supplier_id.0,
        plant_id.0
    )
    .execute(tx.sql())
    .await?;
    if added.rows_affected() == 1 { Ok(DocumentId(theirs)) } else { Err(GONE) }
}

/// Photos of a delivery, of receipts that were not taken back: of its ship notice, or of the receipt alone where nobody
/// announced the goods.
pub(crate) async fn of_delivery(
    tx: &mut Tx,
    notice_id: Option<ShipNoticeId>,
    receipt_id: ReceiptId,
) -> Result<Vec<Photo>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select l.document_id as "document_id!", l.item_number, l.supplier_lot, r.number as receipt
        from receipt r join receipt_line l using (receipt_id)
        where (r.ship_notice_id = $1 or $1::uuid is null and r.receipt_id = $2)
          and r.reversed_at is null and l.document_id is not null
        order by r.received_at, r.number, l.number
        limit 200
        "#,
        notice_id.map(|id| id.0),
        receipt_id.0
    )
    .fetch_all(tx.sql())
    .await?;
    let documents = by_id(tx, &rows.iter().map(|row| DocumentId(row.document_id)).collect::<Vec<_>>()).await?;
    Ok(rows
        .into_iter()
        .filter_map(|row| {
            let document = documents.get(&DocumentId(row.document_id))?.clone();
            Some(Photo { document, item: row.item_number, lot: row.supplier_lot, receipt: row.receipt })
        })
        .collect())
}

/// Those of these documents that the scope shows.
pub(crate) async fn by_id(tx: &mut Tx, ids: &[DocumentId]) -> Result<HashMap<DocumentId, Document>, StoreError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    Ok(documents::some(tx, ids).await?.into_iter().map(|document| (document.document_id, document)).collect())
}
