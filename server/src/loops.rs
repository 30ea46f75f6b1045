//! What runs beside the doors: the loops that do the work after a commit.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use connectors::settings::HostSecrets;
use store::Store;
use worker::run::{Settings, Worker};

use crate::config::Config;
use crate::storage;

/// Once a stop was asked for, what is under way gets this long.
const PATIENCE: Duration = Duration::from_secs(3);
/// What environment variables that connections may name begin with.
const SECRET_PREFIX: &str = "INTERLOCK_SECRET_";

/// Loops under way.
#[derive(Debug)]
pub struct Loops(Option<Worker>);

/// Starts them. `work`: with the work that happens after commit.
///
/// # Errors
/// If documents cannot be kept where they should be.
pub fn start(store: &Store, config: &Config, work: bool) -> anyhow::Result<Loops> {
    if !work {
        return Ok(Loops(None));
    }
    let settings =
        Settings { files: Some(storage::open(config).context("documents cannot be kept")?), ..Settings::default() };
    Ok(Loops(Some(Worker::start(store.clone(), Arc::new(secrets(config)), settings))))
}

impl Loops {
    /// Stops them; whatever does not listen in time is given up, and is done again by whoever comes next.
    pub async fn stop(self) {
        let Some(worker) = self.0 else { return };
        if tokio::time::timeout(PATIENCE, worker.stop()).await.is_err() {
            tracing::warn!("Some work was still under way and was given up; it is done again by the next start");
        }
    }
}

/// Where connections find their secrets.
pub fn secrets(config: &Config) -> HostSecrets {
    HostSecrets { variable_prefix: SECRET_PREFIX.to_owned(), directory: Some(config.secrets_dir()) }
}
