//! The broom: once a day, and at every start. Makes the partitions of the coming months and throws away what ended long
//! ago. Any number of workers may sweep at once.

use std::time::Duration;

use chrono::TimeDelta;
use store::StoreError;
use store::retention::{self, Before};
use tokio_util::sync::CancellationToken;
use tracing::info;

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
}

impl Default for Kept {
    fn default() -> Self {
        Self { ended: TimeDelta::days(7), submissions: TimeDelta::days(90), drafts: TimeDelta::days(90) }
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
