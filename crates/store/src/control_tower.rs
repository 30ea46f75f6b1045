//! Read models for the rail, the homes and the exchange pages. Queries only.

use chrono::{DateTime, Utc};

use crate::error::StoreError;
use crate::order_list::{self, Bucket, Filter};
use crate::tx::Tx;

/// What waits for whom, within the scope; the numbers beside the rail's entries. Each is the count of the list that it
/// links to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Lines that the supplier has to answer.
    pub needs_supplier: i64,
    /// Of these, requested for today or earlier.
    pub overdue: i64,
    /// Lines that the buyer changed.
    pub changed: i64,
    /// Lines that a buyer has to decide.
    pub with_buyer: i64,
    /// Promises that the ERP does not have yet.
    pub not_in_erp: i64,
    /// All lines.
    pub lines: i64,
    /// Since when the oldest deviation waits.
    pub oldest_review: Option<DateTime<Utc>>,
}

/// Counts what waits.
pub async fn waiting(tx: &mut Tx) -> Result<Waiting, StoreError> {
    let mut counts = [0_i64; 6];
    let buckets = [Some(Bucket::NeedsSupplier), Some(Bucket::Overdue), Some(Bucket::Changed), Some(Bucket::WithBuyer), Some(Bucket::NotInErp), None];
    for (count, bucket) in counts.iter_mut().zip(buckets) {
        *count = order_list::count(tx, &Filter { buckets: bucket.into_iter().collect(), ..Filter::default() }).await?;
    }
    let oldest = order_list::in_review(tx, &Filter::default(), 1).await?;
    let [needs_supplier, overdue, changed, with_buyer, not_in_erp, lines] = counts;
    Ok(Waiting {
        needs_supplier,
        overdue,
        changed,
        with_buyer,
        not_in_erp,
        lines,
        oldest_review: oldest.first().and_then(|row| row.in_review_since),
    })
}
