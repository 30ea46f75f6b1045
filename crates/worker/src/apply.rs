//! Applies arrivals: a raw message is understood by its connector, carried out by the store, and its row says what it came
//! to, all in one transaction.
//!
//! ```text
//!   arrival ──interpret──► commands ──perform──► applied
//!      │           │                     ├── a rule says no ──────────────► refused
//!      │           └── not understood ───┼── cannot be stored as it is ───► not understood
//!      └────────────── tried again ◄─────┘ a fault of ours, for the moment (deadlock, no connection), or about something
//!                                          that another system has not told yet
//! ```
//!
//! Order is kept per subject and nothing else: one message that has to wait holds those behind it about the same thing, and
//! no others. Any number of workers may apply at once (`store::arrivals::lease`).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use chrono::TimeDelta;
use connectors::{Connector, NotUnderstood, Raw};
use domain::command::Command;
use domain::id::ConnectionId;
use futures::StreamExt as _;
use store::arrivals::{self, Arrival, End};
use store::connections::{self, Connection};
use store::perform::perform;
use store::signal::Topic;
use store::{CommandError, StoreError, Tx};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use crate::collect::acting;
use crate::retry::Backoff;
use crate::run::Means;
use crate::wake::Wake;

/// Subjects taken up in one look.
const SUBJECTS: i64 = 200;
/// Messages of one subject in a row before others get their turn.
const IN_A_ROW: usize = 100;
/// The longest outcome that is kept, in characters.
const LONGEST_OUTCOME: usize = 500;
/// A fault of ours: 0.1 s, 0.2 s … 5 min; the twelfth failed try is the last.
const BACKOFF: Backoff =
    Backoff { first: TimeDelta::milliseconds(100), ceiling: TimeDelta::minutes(5), tries: 12, spread_percent: 20 };
/// What it is about has not come from another system yet: 1 s, 2 s … 5 min, for about three days.
const PATIENCE: Backoff =
    Backoff { first: TimeDelta::seconds(1), ceiling: TimeDelta::minutes(5), tries: 870, spread_percent: 20 };

/// Applies until it is time to stop.
pub(crate) async fn run(means: &Means, stop: &CancellationToken) -> Result<(), StoreError> {
    let mut wake = Wake::new(means.store.signals().subscribe(Topic::Arrivals), means.settings.pace);
    loop {
        wake.look();
        if round(means, stop).await? > 0 {
            wake.found();
            if stop.is_cancelled() {
                return Ok(());
            }
        } else if !wake.wait(None, stop).await {
            return Ok(());
        }
    }
}

/// Applies what is due now, to the end, and says how many tries that were. For tests that move a clock.
pub async fn once(means: &Means) -> Result<usize, StoreError> {
    let stop = CancellationToken::new();
    let mut tries = 0;
    loop {
        match round(means, &stop).await? {
            0 => return Ok(tries),
            more => tries += more,
        }
    }
}

/// One look at every connection.
async fn round(means: &Means, stop: &CancellationToken) -> Result<usize, StoreError> {
    let mut tx = means.begin("apply").await?;
    let waiting = arrivals::waiting(&mut tx).await?;
    tx.commit().await?;
    // Shared, so that a connection with a mountain of messages does not keep the others waiting.
    let permits = Semaphore::new(means.settings.appliers.max(1));
    let looks = waiting.into_iter().map(|id| connection(means, id, &permits, stop));
    futures::future::join_all(looks).await.into_iter().sum()
}

async fn connection(
    means: &Means,
    connection_id: ConnectionId,
    permits: &Semaphore,
    stop: &CancellationToken,
) -> Result<usize, StoreError> {
    let permit = permits.acquire().await;
    let mut tx = means.begin("apply").await?;
    let connection = match connections::get(&mut tx, connection_id).await {
        Ok(connection) => connection,
        Err(CommandError::Store(problem)) => return Err(problem),
        Err(_) => return Ok(0), // Removed a moment ago.
    };
    let subjects = arrivals::due(&mut tx, connection_id, SUBJECTS).await?;
    tx.commit().await?;
    drop(permit);
    let connector = match means.systems.connector(&connection) {
        Ok(connector) => connector,
        Err(problem) => {
            debug!(connection.name = connection.configured.name, error = %problem, "Messages wait for settings to be mended");
            return Ok(0);
        }
    };
    let lanes = futures::stream::iter(
        subjects.into_iter().map(|subject| lane(means, &connection, &connector, subject, permits, stop)),
    );
    let tries: Vec<Result<usize, StoreError>> = lanes.buffer_unordered(means.settings.appliers.max(1)).collect().await;
    tries.into_iter().sum()
}

/// The messages of one subject, one after the other.
async fn lane(
    means: &Means,
    connection: &Connection,
    connector: &Arc<dyn Connector>,
    subject: String,
    permits: &Semaphore,
    stop: &CancellationToken,
) -> Result<usize, StoreError> {
    let mut tries = 0;
    while tries < IN_A_ROW && !stop.is_cancelled() {
        // Per message, so that lanes take turns. The semaphore is never closed.
        let _permit = permits.acquire().await;
        let mut tx = means.store.begin(acting(means, connection)).await?;
        let Some(arrival) = arrivals::lease(&mut tx, connection.connection_id, &subject).await? else {
            tx.rollback().await?;
            break;
        };
        tries += 1;
        let end = apply(means, tx, &**connector, &arrival).await?;
        tell(connection, &arrival, &end);
        if matches!(end, End::Retrying { .. }) {
            break;
        }
    }
    Ok(tries)
}

/// One try. What cannot be carried out leaves nothing behind but the word on its row.
async fn apply(means: &Means, mut tx: Tx, connector: &dyn Connector, arrival: &Arrival) -> Result<End, StoreError> {
    let end = match understood(connector, arrival) {
        Err(problem) => End::NotUnderstood(shortened(problem.to_string())),
        Ok(commands) => match carry_out(&mut tx, arrival, &commands).await {
            Ok(outcome) => {
                let end = End::Applied(outcome);
                match arrivals::finish(&mut tx, arrival.arrival_id, &end).await {
                    Ok(_) => match tx.commit().await {
                        Ok(()) => return Ok(end),
                        Err(problem) => return after_failure(means, arrival, problem.into()).await,
                    },
                    Err(problem) => {
                        drop(tx);
                        return after_failure(means, arrival, problem.into()).await;
                    }
                }
            }
            Err(problem) => {
                // Lets go of the lock, if the connection still lives; otherwise it is gone anyway.
                let _ = tx.rollback().await;
                return after_failure(means, arrival, problem).await;
            }
        },
    };
    arrivals::finish(&mut tx, arrival.arrival_id, &end).await?;
    tx.commit().await?;
    Ok(end)
}

fn understood(connector: &dyn Connector, arrival: &Arrival) -> Result<Vec<Command>, NotUnderstood> {
    let raw = Raw {
        external_key: arrival.external_key.clone(),
        subject: arrival.subject.clone(),
        channel: arrival.channel.clone(),
        content_type: arrival.content_type.clone(),
        body: arrival.body.clone(),
        headers: Vec::new(),
    };
    // One message must not end the loop for all others, whatever is in it.
    catch_unwind(AssertUnwindSafe(|| connector.interpret(&raw))).unwrap_or_else(|_| {
        error!(arrival.id = %arrival.arrival_id, "A connector broke off over a message; this is a fault in the program");
        Err(NotUnderstood { at: "$".to_owned(), problem: "our own program broke off over it".to_owned() })
    })
}

async fn carry_out(tx: &mut Tx, arrival: &Arrival, commands: &[Command]) -> Result<String, CommandError> {
    let mut outcomes = Vec::with_capacity(commands.len());
    for command in commands {
        outcomes.push(perform(tx, arrival.connection_id, command).await?);
    }
    Ok(if outcomes.is_empty() { "nothing in it concerns us".to_owned() } else { shortened(outcomes.join("; ")) })
}

/// Writes down in a transaction of its own why a message was not carried out, and what happens next.
async fn after_failure(means: &Means, arrival: &Arrival, problem: CommandError) -> Result<End, StoreError> {
    let end = match problem {
        CommandError::Store(problem) => {
            let why = shortened(chain(&problem));
            let failed = arrival.attempts + 1;
            let jitter = arrival.arrival_id.0.as_u64_pair().1 ^ u64::from(failed);
            match BACKOFF.after(failed, None, jitter) {
                Some(wait) if !problem.is_about_the_data() => {
                    End::Retrying { at: means.store.clock().now() + wait, why }
                }
                _ => End::NotUnderstood(shortened(format!("cannot be stored as it is: {why}"))),
            }
        }
        CommandError::NotYet { .. } => {
            let failed = arrival.attempts + 1;
            let jitter = arrival.arrival_id.0.as_u64_pair().1 ^ u64::from(failed);
            let why = shortened(format!("waits: {problem}"));
            match PATIENCE.after(failed, None, jitter) {
                Some(wait) => End::Retrying { at: means.store.clock().now() + wait, why },
                None => End::Refused(why),
            }
        }
        refusal => End::Refused(shortened(refusal.to_string())),
    };
    let mut tx = means.begin("apply").await?;
    arrivals::finish(&mut tx, arrival.arrival_id, &end).await?;
    tx.commit().await?;
    Ok(end)
}

fn tell(connection: &Connection, arrival: &Arrival, end: &End) {
    let (name, id, correlation) = (&connection.configured.name, arrival.arrival_id, arrival.correlation);
    match end {
        End::Applied(outcome) => {
            debug!(connection.name = name, arrival.id = %id, correlation.id = %correlation, arrival.outcome = outcome, "A message was applied");
        }
        End::Refused(_) => {
            warn!(connection.name = name, arrival.id = %id, correlation.id = %correlation, "A message was refused; its page says why");
        }
        End::NotUnderstood(_) => {
            warn!(connection.name = name, arrival.id = %id, correlation.id = %correlation, "A message was not understood; it is kept");
        }
        End::Retrying { at, why } => {
            info!(
                connection.name = name, arrival.id = %id, correlation.id = %correlation, arrival.next_attempt_at = %at,
                error = why, "A message could not be applied now; it is tried again"
            );
        }
    }
}

fn shortened(text: String) -> String {
    match text.char_indices().nth(LONGEST_OUTCOME) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}
