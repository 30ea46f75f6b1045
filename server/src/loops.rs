//! What runs beside the doors: the work that happens after commit, and the broom.

use std::time::Duration;

use connectors::settings::HostSecrets;
use store::{Store, StoreError, Who, sessions};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Config;

/// Once a stop was asked for, what is under way gets this long.
const PATIENCE: Duration = Duration::from_secs(3);
/// How often sessions that ran out are removed.
const SWEPT_EVERY: Duration = Duration::from_secs(300);
/// What environment variables that connections may name begin with.
const SECRET_PREFIX: &str = "INTERLOCK_SECRET_";

/// Loops under way.
#[derive(Debug)]
pub struct Loops {
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// Starts them. `work`: with the work that happens after commit.
pub fn start(store: &Store, config: &Config, work: bool) -> anyhow::Result<Loops> {
    let loops = Loops { stop: CancellationToken::new(), tasks: TaskTracker::new() };
    loops.tasks.spawn(sweep(store.clone(), loops.stop.clone()));
    let _ = (work, config);
    Ok(loops)
}

impl Loops {
    /// Stops them; whatever does not listen in time is given up, and is done again by whoever comes next.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(PATIENCE, self.tasks.wait()).await.is_err() {
            tracing::warn!("Some work was still under way and was given up; it is done again by the next start");
        }
    }
}

/// Where connections find their secrets.
pub fn secrets(config: &Config) -> HostSecrets {
    HostSecrets { variable_prefix: SECRET_PREFIX.to_owned(), directory: Some(config.secrets_dir()) }
}

async fn sweep(store: Store, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(SWEPT_EVERY) => {}
        }
        match sweep_once(&store).await {
            Ok(0) => {}
            Ok(swept) => tracing::debug!(swept, "Sessions that ran out were removed"),
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "Sessions could not be swept; tried again later"
            ),
        }
    }
}

async fn sweep_once(store: &Store) -> Result<u64, StoreError> {
    let mut tx = store.begin(Who::program("sweep", store.new_correlation())).await?;
    let swept = sessions::sweep(&mut tx).await?;
    tx.commit().await?;
    Ok(swept)
}
