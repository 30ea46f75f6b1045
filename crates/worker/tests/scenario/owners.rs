//! Several processes on one database: who works for a connection, and what happens when he is gone, cut off or shut down.
//!
//! Each process here is a runtime of its own with a pool of its own. Killed, its tasks end where they stand and its sockets
//! close, as after kill -9. These stories need time to pass: the clock runs, from the same morning on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use connectors::settings::Secrets;
use simulators::rest::{Door, Fault, Rule};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use store::{Clock, Store};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;
use worker::Worker;

use super::house::{Scenario, settings};

// Class 6782 (0x1a7e) in pg_locks: the owners' locks, see `store::deliveries::own`.

/// A process that works until it is killed.
struct Process(Option<Runtime>);

impl Process {
    fn start(name: &'static str, options: &PgConnectOptions, clock: &Clock, secrets: Arc<dyn Secrets>) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let (options, clock) = (options.clone(), clock.clone());
        runtime.spawn(async move {
            let pool = PgPoolOptions::new().max_connections(6);
            let store = Store::for_test(pool, options, clock).await.expect("the application connects");
            let _working = Worker::start(store, secrets, settings(name));
            std::future::pending::<()>().await;
        });
        Self(Some(runtime))
    }

    fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// The clock runs with the machine's until this is dropped.
struct Running(JoinHandle<()>);

impl Running {
    fn start(clock: &Clock) -> Self {
        let clock = clock.clone();
        Self(tokio::spawn(async move {
            let mut before = Instant::now();
            loop {
                tokio::time::sleep(Duration::from_millis(5)).await;
                let now = Instant::now();
                clock.advance(TimeDelta::from_std(now - before).unwrap_or_default());
                before = now;
            }
        }))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn owner(scenario: &Scenario) -> Option<String> {
    sqlx::query_scalar("select owner from connection_reader").fetch_one(&scenario.owner).await.expect("the reader")
}

async fn fence(scenario: &Scenario) -> i64 {
    scenario.number("select fence from connection_reader").await
}

/// One order that is told already, in a house whose worker has gone home.
async fn told(pool: PgPoolOptions, options: PgConnectOptions) -> Scenario {
    let mut scenario = Scenario::start(pool, options).await;
    scenario.order("4500001").await;
    scenario.accept("4500001", &[]).await;
    scenario.until_accepted("4500001", 1).await;
    scenario.rest().await;
    scenario
}

#[sqlx::test(migrations = "../../migrations")]
async fn when_one_of_two_workers_dies_the_other_moves_its_events_within_a_second(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let scenario = told(pool, options.clone()).await;
    let _running = Running::start(&scenario.clock);
    let start = |name| Process::start(name, &options, &scenario.clock, scenario.secrets());
    let mut working = start("worker 0");
    scenario.until("it owns the connection", || async { owner(&scenario).await.as_deref() == Some("worker 0") }).await;
    scenario.erp.fault(Rule::from(Fault::Slow { ms: 20 }).at(Door::Confirmations));
    let mut waits = Vec::new();
    for name in ["worker 1", "worker 2", "worker 3"] {
        let next = start(name);
        let had = scenario.accepted("4500001");
        scenario.promise_again("4500001", 20).await;
        scenario.until("it is in the middle of it", || async { scenario.accepted("4500001") > had + 3 }).await;
        let before = fence(&scenario).await;
        working.kill();
        let killed = Instant::now();
        let had = scenario.accepted("4500001");
        scenario
            .until("the other one goes on", || async {
                fence(&scenario).await > before && scenario.accepted("4500001") > had
            })
            .await;
        waits.push(killed.elapsed());
        scenario.until("and brings it to its end", || async { scenario.accepted("4500001") % 20 == 1 }).await;
        working = next;
    }
    waits.sort();
    assert!(waits[1] < Duration::from_secs(1), "from the death to the next effect: {waits:?}");
    working.kill();
    let mut scenario = scenario;
    scenario.work();
    scenario.finish().await;
}

#[sqlx::test(migrations = "../../migrations")]
async fn an_owner_whose_lock_is_cut_off_is_followed_by_another_and_harms_nothing(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let mut scenario = told(pool, options.clone()).await;
    let running = Running::start(&scenario.clock);
    let _one = Process::start("one", &options, &scenario.clock, scenario.secrets());
    scenario.until("the first owns it", || async { owner(&scenario).await.as_deref() == Some("one") }).await;
    let _two = Process::start("two", &options, &scenario.clock, scenario.secrets());
    scenario.erp.fault(Rule::from(Fault::Slow { ms: 10 }).at(Door::Confirmations));
    for round in 1..=3 {
        let before = fence(&scenario).await;
        scenario.promise_again("4500001", 30).await;
        let cut = scenario
            .number(
                "select count(pg_terminate_backend(pid)) from pg_locks
                 where locktype = 'advisory' and classid = 6782 and granted
                   and database = (select oid from pg_database where datname = current_database())",
            )
            .await;
        assert_eq!(cut, 1, "one lock, held by one owner");
        scenario.until("somebody owns it anew", || async { fence(&scenario).await > before }).await;
        scenario.until_accepted("4500001", 1 + 30 * round).await;
    }
    drop((_one, _two, running));
    scenario.work();
    scenario.finish().await;
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_worker_that_is_dropped_lets_go_of_its_connections(pool: PgPoolOptions, options: PgConnectOptions) {
    let scenario = told(pool, options).await;
    let worker = Worker::start(scenario.store.clone(), scenario.secrets(), settings("dropped"));
    scenario.until("it owns the connection", || async { owner(&scenario).await.as_deref() == Some("dropped") }).await;
    drop(worker);
    let after = fence(&scenario).await;
    scenario
        .until("its lock is free", || async {
            scenario
                .number(
                    "select count(*) from pg_locks where locktype = 'advisory' and classid = 6782
                     and database = (select oid from pg_database where datname = current_database())",
                )
                .await
                == 0
        })
        .await;
    let mut scenario = scenario;
    scenario.work();
    scenario.promise_again("4500001", 1).await;
    scenario.until_accepted("4500001", 2).await;
    assert_eq!(fence(&scenario).await, after + 1, "nobody but the new one has owned it since");
    scenario.finish().await;
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_shutdown_finishes_what_is_on_its_way(pool: PgPoolOptions, options: PgConnectOptions) {
    let mut scenario = told(pool, options).await;
    scenario.work();
    scenario.erp.fault(Rule::from(Fault::Slow { ms: 200 }).at(Door::Confirmations));
    let asked = scenario.erp.requests().len();
    scenario.promise_again("4500001", 3).await;
    scenario.until("one is on its way", || async { scenario.erp.requests().len() > asked }).await;
    scenario.rest().await;
    let taken = scenario.accepted("4500001");
    assert_eq!(scenario.states("4500001").await, vec!["delivered"; taken], "what was answered is written");
    assert_eq!(taken, 2, "and nothing new was begun");
    scenario.erp.calm();
    scenario.work();
    scenario.until_accepted("4500001", 4).await;
    scenario.finish().await;
}
