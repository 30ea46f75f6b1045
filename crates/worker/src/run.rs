//! Starts and stops the loops. What runs is listed in [`Worker::start`] and nowhere else.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use connectors::settings::Secrets;
use store::files::Files;
use store::{Store, StoreError, Tx, Who};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, error, info, info_span, warn};

use crate::sweep::Kept;
use crate::systems::Systems;
use crate::wake::Pace;
use crate::{apply, attend, collect, core, sweep, unblock};

/// After a loop has failed, it starts over when it has caught its breath.
const BREATH: Duration = Duration::from_millis(500);

/// How the loops work.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How quickly they look for what other processes committed.
    pub pace: Pace,
    /// Messages applied at once, each about another subject.
    pub appliers: usize,
    /// How long things are kept.
    pub kept: Kept,
    /// Where the content of documents lies; none leaves documents alone.
    pub files: Option<Files>,
    /// The delivery core's; the connection's own limit is put in.
    pub delivery: core::Settings,
    /// Names this process on the page of a connection.
    pub owner: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            pace: Pace::default(),
            appliers: 4,
            kept: Kept::default(),
            files: None,
            delivery: core::Settings::default(),
            owner: format!("process {}", std::process::id()),
        }
    }
}

/// What a loop works with.
#[derive(Debug, Clone)]
pub struct Means {
    /// The database.
    pub store: Store,
    /// The connectors.
    pub systems: Arc<Systems>,
    /// How to work.
    pub settings: Arc<Settings>,
}

impl Means {
    /// For loops that are driven by hand, as tests do.
    pub fn new(store: Store, systems: Arc<Systems>, settings: Settings) -> Self {
        Self { store, systems, settings: Arc::new(settings) }
    }

    /// A transaction of the loop with this name.
    pub(crate) async fn begin(&self, name: &str) -> Result<Tx, StoreError> {
        self.store.begin(Who::program(name, self.store.new_correlation())).await
    }
}

/// All loops of one process.
#[derive(Debug)]
pub struct Worker {
    stop: CancellationToken,
    loops: JoinSet<()>,
    systems: Arc<Systems>,
}

impl Worker {
    /// Starts every loop. They end with [`Worker::stop`], or at once when this is dropped; both are safe at any moment.
    pub fn start(store: Store, secrets: Arc<dyn Secrets>, settings: Settings) -> Self {
        let means = Means::new(store, Arc::new(Systems::new(secrets)), settings);
        let mut worker =
            Self { stop: CancellationToken::new(), loops: JoinSet::new(), systems: Arc::clone(&means.systems) };
        worker.run("collect", &means, |means, stop| Box::pin(collect::run(means, stop)));
        worker.run("apply", &means, |means, stop| Box::pin(apply::run(means, stop)));
        worker.run("attend", &means, |means, stop| Box::pin(attend::run(means, stop))); // deliver.rs, per connection
        worker.run("unblock", &means, |means, stop| Box::pin(unblock::run(means, stop)));
        worker.run("sweep", &means, |means, stop| Box::pin(sweep::run(means, stop)));
        info!(worker.owner = means.settings.owner, "The loops have started");
        worker
    }

    /// The connectors that the loops use, for the door that takes pushed messages.
    pub const fn systems(&self) -> &Arc<Systems> {
        &self.systems
    }

    /// Finishes what is under way and ends. Whoever has no patience drops the future: what is left is done again.
    pub async fn stop(mut self) {
        self.stop.cancel();
        while self.loops.join_next().await.is_some() {}
        info!("The loops have stopped");
    }

    /// Keeps a loop running: an error, or even a fault in the program, makes it start over from the tables.
    fn run(&mut self, name: &'static str, means: &Means, body: Body) {
        let (means, stop) = (means.clone(), self.stop.clone());
        let keep = async move {
            while !stop.is_cancelled() {
                let (its, stopping) = (means.clone(), stop.clone());
                let once = tokio::spawn(async move { body(&its, &stopping).await }.in_current_span());
                match AbortOnDrop(once).await {
                    Ok(Ok(())) => return,
                    Ok(Err(problem)) => {
                        warn!(error = &problem as &dyn std::error::Error, "A loop has failed and starts over");
                    }
                    Err(problem) => {
                        error!(error = %problem, "A loop broke off and starts over; this is a fault in the program")
                    }
                }
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(BREATH) => {}
                }
            }
        };
        let _ = self.loops.spawn(keep.instrument(info_span!("loop", loop.name = name)));
    }
}

/// One loop's body.
type Body =
    for<'a> fn(&'a Means, &'a CancellationToken) -> Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send + 'a>>;

/// A task that ends with whoever waits for it.
struct AbortOnDrop<T>(tokio::task::JoinHandle<T>);

impl<T> Future for AbortOnDrop<T> {
    type Output = Result<T, tokio::task::JoinError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut std::task::Context<'_>) -> std::task::Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context)
    }
}

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
