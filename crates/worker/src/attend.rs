//! Attends to the connections: one way out ([`crate::deliver`]) for each, opened when it is added, shut while it is
//! paused, opened anew when its settings change.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::exchange::CircuitState;
use domain::id::ConnectionId;
use store::connections::{self, Connection};
use store::signal::Topic;
use store::{CommandError, StoreError};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::core::{Gate, Settings};
use crate::deliver::{self, Lane};
use crate::run::Means;
use crate::wake::{Pace, Wake};

/// Connections change seldom; what another process changes is seen within a second.
const PACE: Pace = Pace { quickest: std::time::Duration::from_millis(250), slowest: std::time::Duration::from_secs(1) };

/// A way out that is open.
struct Open {
    version: i32,
    gate: watch::Sender<Gate>,
    try_now: watch::Sender<u64>,
    /// The time to try an open circuit again that was passed on last.
    tried: Option<DateTime<Utc>>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// Whoever drops the worker means it: a way out does not go on by itself. What was on its way is sent again by the next.
impl Drop for Open {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What is wrong with the settings of a connection, so that it is told once and not each second.
type Told = HashMap<ConnectionId, (i32, String)>;

/// The ways out of this process.
#[derive(Default)]
struct Ways {
    open: HashMap<ConnectionId, Open>,
    /// Finish what is on its way, which may take as long as the other system takes. Nobody waits for them: the next way out
    /// of the same connection waits for their lock.
    leaving: Vec<Open>,
}

impl Ways {
    fn close(&mut self, id: ConnectionId) {
        if let Some(way) = self.open.remove(&id) {
            way.stop.cancel();
            self.leaving.push(way);
        }
    }

    async fn close_all(mut self) {
        let ids: Vec<ConnectionId> = self.open.keys().copied().collect();
        for id in ids {
            self.close(id);
        }
        for way in &mut self.leaving {
            // One that broke off has said so itself.
            let _ = (&mut way.task).await;
        }
    }
}

/// Attends until it is time to stop; then everything under way is finished first.
pub(crate) async fn run(means: &Means, stop: &CancellationToken) -> Result<(), StoreError> {
    let mut wake = Wake::new(means.store.signals().subscribe(Topic::Connections), PACE);
    let (mut ways, mut told) = (Ways::default(), Told::new());
    loop {
        wake.look();
        let result = look(means, &mut ways, &mut told).await;
        // A house without a database for a moment keeps its ways out: they know themselves what to do.
        if let Err(problem) = result {
            warn!(
                error = &problem as &dyn std::error::Error,
                "The list of connections could not be read; it is tried again"
            );
        }
        if !wake.wait(None, stop).await {
            break;
        }
    }
    ways.close_all().await;
    Ok(())
}

async fn look(means: &Means, ways: &mut Ways, told: &mut Told) -> Result<(), CommandError> {
    let mut tx = means.begin("attend").await?;
    let now = tx.now();
    let connections = connections::list(&mut tx).await?;
    for connection in &connections {
        let known = ways.open.get(&connection.connection_id);
        if known.is_none_or(|way| way.version != connection.settings_version)
            && let Ok(connector) = means.systems.connector(connection)
        {
            // A newer version of the program, or other settings, may poll what was not polled before.
            let names: Vec<&str> = connector.feeds().iter().map(|feed| feed.name).collect();
            store::feeds::keep(&mut tx, connection.connection_id, &names).await?;
        }
    }
    tx.commit().await?;
    ways.leaving.retain(|way| !way.task.is_finished());
    let gone: Vec<ConnectionId> = ways
        .open
        .keys()
        .copied()
        .filter(|id| !connections.iter().any(|connection| connection.connection_id == *id))
        .collect();
    for id in gone {
        ways.close(id);
    }
    for connection in connections {
        let id = connection.connection_id;
        let known = ways.open.get(&id);
        if known.is_some_and(|way| way.version != connection.settings_version || way.task.is_finished()) {
            ways.close(id);
        }
        let gate = if connection.pause.is_some() { Gate::Paused } else { Gate::Open };
        if let Some(way) = ways.open.get_mut(&id) {
            let changed = way.gate.send_if_modified(|before| std::mem::replace(before, gate) != gate);
            // A person has moved the time to now, or it has come by itself; the owner knows only the one that it wrote.
            let due =
                connection.circuit.retry_at.filter(|at| connection.circuit.state == CircuitState::Open && *at <= now);
            let asked = due.is_some() && way.tried != due;
            way.tried = due.or(way.tried);
            // Whoever resumes wants to see whether it works, not to wait for an open circuit.
            if gate == Gate::Open && (changed || asked) {
                way.try_now.send_modify(|count| *count += 1);
            }
            continue;
        }
        match means.systems.connector(&connection) {
            Ok(connector) => {
                told.remove(&id);
                let way = open(means, &connection, connector, gate);
                ways.open.insert(id, way);
            }
            Err(problem) => {
                let news = (connection.settings_version, problem.to_string());
                if told.insert(id, news.clone()).as_ref() != Some(&news) {
                    warn!(
                        connection.name = connection.configured.name, error = %problem,
                        "A connection cannot be used until its settings are mended; everything for it waits"
                    );
                }
            }
        }
    }
    Ok(())
}

fn open(means: &Means, connection: &Connection, connector: Arc<dyn connectors::Connector>, gate: Gate) -> Open {
    let (gate, gates) = watch::channel(gate);
    let (try_now, tries) = watch::channel(0);
    let stop = CancellationToken::new();
    let max_in_flight = usize::try_from(connection.configured.in_flight_limit).unwrap_or(1);
    let lane = Lane {
        store: means.store.clone(),
        connection: connection.connection_id,
        name: connection.configured.name.clone(),
        connector,
        settings: Settings { max_in_flight, ..means.settings.delivery },
        wake: means.store.signals().subscribe(Topic::Deliveries),
        gate: gates,
        try_now: tries,
        owner: means.settings.owner.clone(),
    };
    let task = tokio::spawn(deliver::run(lane, stop.clone()));
    Open { version: connection.settings_version, gate, try_now, tried: None, stop, task }
}
