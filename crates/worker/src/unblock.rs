//! Postings that wait go again by themselves: looks every few seconds whether what they wait for has come.
//!
//! What has to happen is in [`store::postings`]; it is safe to be done by several workers at once, and to break off at any
//! moment.

use std::time::Duration;

use store::postings::{self, Again};
use store::{CommandError, StoreError};
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::run::Means;

/// Between two looks.
const EVERY: Duration = Duration::from_secs(2);

/// Looks until it is time to stop.
pub(crate) async fn run(means: &Means, stop: &CancellationToken) -> Result<(), StoreError> {
    loop {
        once(means).await?;
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// One look, to the end. For tests that move a clock, too.
pub async fn once(means: &Means) -> Result<Again, StoreError> {
    let mut all = Again::default();
    loop {
        let mut tx = means.begin("unblock").await?;
        let covered = postings::cover(&mut tx).await.map_err(of_store)?;
        tx.commit().await?;
        all.covered += covered;
        if covered == 0 {
            break;
        }
    }
    let mut after = None;
    loop {
        let mut tx = means.begin("unblock").await?;
        let (freed, next) = postings::look_again(&mut tx, after).await.map_err(of_store)?;
        tx.commit().await?;
        all.freed += freed;
        after = next;
        if after.is_none() {
            break;
        }
    }
    loop {
        let mut tx = means.begin("unblock").await?;
        let again = postings::go_again(&mut tx).await.map_err(of_store)?;
        tx.commit().await?;
        all.retried += again.retried;
        all.superseded += again.superseded;
        if again == Again::default() {
            break;
        }
    }
    if all != Again::default() {
        info!(
            postings.covered = all.covered,
            postings.freed = all.freed,
            postings.retried = all.retried,
            postings.superseded = all.superseded,
            "Postings that waited go again"
        );
    }
    Ok(all)
}

/// A loop is never refused anything; what is no fault of the store is a fault in the program.
fn of_store(problem: CommandError) -> StoreError {
    match problem {
        CommandError::Store(problem) => problem,
        other => StoreError::unreadable("posting", other),
    }
}
