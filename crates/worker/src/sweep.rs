//! The broom: once a day, and at every start. Makes the partitions of the coming months and throws away what ended long
//! ago, documents that belong to nothing among it. Any number of workers may sweep at once.

use std::time::Duration;

use chrono::TimeDelta;
use store::files::Files;
use store::retention::{self, Before};
use store::{StoreError, stray_documents};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::run::Means;

/// How long things are kept after they are of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// Log-ins and one-time links after their end.
    pub ended: TimeDelta,
    /// Outcomes of forms and calls: as long as somebody might send the same form again.
    pub submissions: TimeDelta,
    /// What was typed and not sent.
    pub drafts: TimeDelta,
    /// Documents that were uploaded and attached to nothing.
    pub stray_documents: TimeDelta,
}

impl Default for Kept {
    fn default() -> Self {
        Self {
            ended: TimeDelta::days(7),
            submissions: TimeDelta::days(90),
            drafts: TimeDelta::days(90),
            stray_documents: TimeDelta::days(1),
        }
    }
}

/// Sweeps until it is time to stop.
pub(crate) async fn run(means: &Means, stop: &CancellationToken) -> Result<(), StoreError> {
    loop {
        once(means).await?;
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(Duration::from_secs(24 * 60 * 60)) => {}
        }
    }
}

/// One sweep, to the end.
pub async fn once(means: &Means) -> Result<(), StoreError> {
    let mut tx = means.begin("sweep").await?;
    let made = retention::ensure_partitions(&mut tx).await?;
    tx.commit().await?;
    if made > 0 {
        info!(partitions.made = made, "Partitions of the event log were made ahead");
    }
    what_ended(means).await?;
    // After the drafts: one that nobody sent names documents.
    match &means.settings.files {
        Some(files) => documents(means, files).await,
        None => Ok(()),
    }
}

async fn what_ended(means: &Means) -> Result<(), StoreError> {
    loop {
        let mut tx = means.begin("sweep").await?;
        let (now, kept) = (tx.now(), means.settings.kept);
        let before = Before { ended: now - kept.ended, submissions: now - kept.submissions, drafts: now - kept.drafts };
        let swept = retention::sweep(&mut tx, &before).await?;
        tx.commit().await?;
        if swept != retention::Swept::default() {
            info!(
                swept.sessions = swept.sessions,
                swept.tokens = swept.tokens,
                swept.submissions = swept.submissions,
                swept.drafts = swept.drafts,
                "What ended long ago was thrown away"
            );
        }
        if !swept.is_more() {
            return Ok(());
        }
    }
}

/// Removes documents that were attached to nothing, one by one.
async fn documents(means: &Means, files: &Files) -> Result<(), StoreError> {
    let mut tx = means.begin("sweep").await?;
    let before = tx.now() - means.settings.kept.stray_documents;
    let strays = stray_documents::older_than(&mut tx, before).await?;
    tx.commit().await?;
    let mut removed = 0_u64;
    for stray in strays {
        let mut tx = means.begin("sweep").await?;
        let Some(gone) = stray_documents::remove(&mut tx, stray, before).await? else { continue };
        // Before the commit: what cannot be removed keeps its row, and is tried again on the next day.
        if gone.was_last
            && let Err(problem) = files.remove(&gone.sha256).await
        {
            warn!(
                error = &problem as &dyn std::error::Error,
                document.id = %stray,
                "The content of a document that belongs to nothing could not be removed; it is tried again tomorrow"
            );
            break;
        }
        tx.commit().await?;
        removed += 1;
    }
    if removed > 0 {
        info!(documents.removed = removed, "Documents that were attached to nothing were removed");
    }
    Ok(())
}
