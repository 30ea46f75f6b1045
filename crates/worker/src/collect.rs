//! Polls the inbound feeds: what is new at the other system becomes arrivals.
//!
//! A feed is leased before it is asked (`store::feeds`), so that two workers never read it at once, and no transaction is
//! open while the other system takes its time. What was read and the cursor behind it are stored in one transaction: after
//! a crash the same stretch is read again and recognised by its keys.
//!
//! Whatever the other system does wrong is noted on the feed, with the time of the next try; feeds of other systems do not
//! notice. A paused connection, or one whose circuit is open, is not asked.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use connectors::{Connector, Cursor, Fault, Feed, Polled, Raw};
use domain::access::{Actor, Scope};
use store::arrivals::{self, Incoming};
use store::connections::{self, Connection};
use store::feeds::{self, Lease};
use store::signal::Topic;
use store::{CommandError, StoreError, Who};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::retry::Backoff;
use crate::run::Means;
use crate::wake::Wake;

/// Feeds that one process reads at once.
const AT_ONCE: usize = 8;
/// A lease ends this long after its poller was last heard of.
const LEASE: TimeDelta = TimeDelta::seconds(30);
/// How often a poller is heard of.
const RENEWED_EVERY: Duration = Duration::from_secs(10);
/// Pages read in a row before others get their turn.
const MOST_PAGES: usize = 50;
/// Down or busy: 5 s, 10 s … 5 min. Its `tries` are not used: a feed is never given up.
const QUICK: Backoff =
    Backoff { first: TimeDelta::seconds(5), ceiling: TimeDelta::minutes(5), tries: u32::MAX, spread_percent: 20 };
/// A wrong log-in or a wrong answer, which a person mends (saving the connection asks again at once): 1 min … 15 min.
const SLOW: Backoff =
    Backoff { first: TimeDelta::minutes(1), ceiling: TimeDelta::minutes(15), tries: u32::MAX, spread_percent: 20 };

/// Polls until it is time to stop.
pub(crate) async fn run(means: &Means, stop: &CancellationToken) -> Result<(), StoreError> {
    let mut wake = Wake::new(means.store.signals().subscribe(Topic::Connections), means.settings.pace);
    let mut polls = JoinSet::new();
    loop {
        wake.look();
        let leases = lease(means, AT_ONCE.saturating_sub(polls.len())).await?;
        if !leases.is_empty() {
            wake.found();
        }
        for lease in leases {
            let (means, stop) = (means.clone(), stop.clone());
            let _ = polls.spawn(async move { poll(&means, lease, &stop).await });
        }
        let go_on = tokio::select! {
            Some(_) = polls.join_next() => !stop.is_cancelled(),
            go_on = wake.wait(None, stop) => go_on,
        };
        if !go_on {
            // Each gives its lease back first.
            while polls.join_next().await.is_some() {}
            return Ok(());
        }
    }
}

/// Polls what is due now, to the end, and says how many feeds that were. For tests that move a clock.
pub async fn once(means: &Means) -> Result<usize, StoreError> {
    let leases = lease(means, 1_000).await?;
    let (count, stop) = (leases.len(), CancellationToken::new());
    futures::future::join_all(leases.into_iter().map(|lease| poll(means, lease, &stop))).await;
    Ok(count)
}

async fn lease(means: &Means, most: usize) -> Result<Vec<Lease>, StoreError> {
    if most == 0 {
        return Ok(Vec::new());
    }
    let mut tx = means.begin("collect").await?;
    let until = tx.now() + LEASE;
    let leases = feeds::lease(&mut tx, until, i64::try_from(most).unwrap_or(i64::MAX)).await?;
    // Most looks find nothing; a read-only end is cheaper for the database than for the reader of this line.
    tx.commit().await?;
    Ok(leases)
}

async fn poll(means: &Means, lease: Lease, stop: &CancellationToken) {
    let (connection_id, feed) = (lease.connection_id, lease.name.clone());
    if let Err(problem) = read(means, lease, stop).await {
        warn!(
            connection.id = %connection_id, feed.name = feed, error = &problem as &dyn std::error::Error,
            "What was read of a feed could not be stored; it is read again when its lease ends"
        );
    }
}

/// Reads a feed page by page until there is no more.
async fn read(means: &Means, mut lease: Lease, stop: &CancellationToken) -> Result<(), CommandError> {
    let mut tx = means.begin("collect").await?;
    let connection = connections::get(&mut tx, lease.connection_id).await?;
    tx.commit().await?;
    let (connector, feed) = match open(means, &connection, &lease.name) {
        Ok(opened) => opened,
        Err(fault) => return Ok(failed(means, &connection, &lease, &fault).await?),
    };
    for page in 1..=MOST_PAGES {
        let polled = tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(release(means, &lease).await?),
            polled = poll_page(means, &*connector, feed, &mut lease) => polled?,
        };
        let polled = match polled {
            Some(Ok(polled)) => polled,
            Some(Err(fault)) => return Ok(failed(means, &connection, &lease, &fault).await?),
            None => break, // The lease is lost: somebody else reads on.
        };
        let more = polled.more;
        let next = match (more, page == MOST_PAGES) {
            (true, false) => means.store.clock().now() + LEASE,
            (true, true) => means.store.clock().now(),
            (false, _) => means.store.clock().now() + TimeDelta::seconds(i64::from(feed.every_seconds)),
        };
        if !store(means, &connection, &mut lease, polled, next).await? || !more {
            break;
        }
    }
    Ok(())
}

fn open(means: &Means, connection: &Connection, name: &str) -> Result<(std::sync::Arc<dyn Connector>, Feed), Fault> {
    let connector =
        means.systems.connector(connection).map_err(|problem| Fault::Contract { message: problem.to_string() })?;
    let feed = connector.feeds().iter().copied().find(|feed| feed.name == name).ok_or_else(|| Fault::Contract {
        message: format!("This version cannot poll {name:?} of a system of kind {}.", connection.kind),
    })?;
    Ok((connector, feed))
}

/// Asks the other system and stays on the lease meanwhile. None: the lease is lost.
async fn poll_page(
    means: &Means,
    connector: &dyn Connector,
    feed: Feed,
    lease: &mut Lease,
) -> Result<Option<Result<Polled, Fault>>, StoreError> {
    let cursor = Cursor(lease.cursor.clone());
    let mut asked = connector.poll(feed, &cursor);
    loop {
        tokio::select! {
            polled = &mut asked => return Ok(Some(polled)),
            () = tokio::time::sleep(RENEWED_EVERY) => {
                let mut tx = means.begin("collect").await?;
                let until = tx.now() + LEASE;
                if !feeds::renew(&mut tx, lease, until).await? {
                    return Ok(None);
                }
                tx.commit().await?;
            }
        }
    }
}

/// Stores what was read with the cursor behind it. False: the lease was lost, and nothing is stored.
async fn store(
    means: &Means,
    connection: &Connection,
    lease: &mut Lease,
    polled: Polled,
    next_poll_at: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let mut tx = means.store.begin(acting(means, connection)).await?;
    if lease.failures > 0 {
        info!(connection.name = connection.configured.name, feed.name = lease.name, "The feed can be read again");
        lease.failures = 0;
    }
    if !feeds::advance(&mut tx, lease, polled.cursor.0, next_poll_at).await? {
        tx.rollback().await?;
        return Ok(false);
    }
    let messages: Vec<Incoming> = polled.messages.into_iter().map(|raw| incoming(means, raw)).collect();
    let mut fresh = 0;
    if !messages.is_empty() {
        let accepted = arrivals::accept(&mut tx, connection.connection_id, &messages).await?;
        fresh = accepted.iter().filter(|one| one.is_new).count();
    }
    tx.commit().await?;
    debug!(
        connection.name = connection.configured.name,
        feed.name = lease.name,
        arrivals.read = messages.len(),
        arrivals.new = fresh,
        "A feed was read"
    );
    Ok(true)
}

fn incoming(means: &Means, raw: Raw) -> Incoming {
    Incoming {
        external_key: raw.external_key,
        subject: raw.subject,
        channel: raw.channel,
        content_type: raw.content_type,
        body: raw.body,
        correlation: means.store.new_correlation(),
    }
}

/// The other system itself, as whoever acts on its messages.
pub(crate) fn acting(means: &Means, connection: &Connection) -> Who {
    Who {
        actor: Actor::System { connection_id: connection.connection_id, name: connection.configured.name.clone() },
        scope: Scope::All,
        correlation: means.store.new_correlation(),
        address: None,
    }
}

async fn failed(means: &Means, connection: &Connection, lease: &Lease, fault: &Fault) -> Result<(), StoreError> {
    let (backoff, asked) = match fault {
        Fault::Temporary { after, .. } | Fault::Down { after, .. } => (QUICK, *after),
        Fault::Credentials { .. } | Fault::Contract { .. } | Fault::Permanent { .. } => (SLOW, None),
    };
    let asked = asked.and_then(|after| TimeDelta::from_std(after).ok());
    let wait =
        backoff.wait(lease.failures + 1, asked, lease.connection_id.0.as_u64_pair().1 ^ u64::from(lease.failures));
    let mut tx = means.begin("collect").await?;
    let next = tx.now() + wait;
    feeds::failed(&mut tx, lease, &fault.to_string(), next).await?;
    tx.commit().await?;
    // The page shows each try; the log tells when it began.
    if lease.failures == 0 {
        warn!(
            connection.name = connection.configured.name, feed.name = lease.name, fault.class = %fault.class(),
            fault.message = %fault, "The feed cannot be read; it is tried again later"
        );
    }
    Ok(())
}

async fn release(means: &Means, lease: &Lease) -> Result<(), StoreError> {
    let mut tx = means.begin("collect").await?;
    feeds::release(&mut tx, lease).await?;
    tx.commit().await
}
