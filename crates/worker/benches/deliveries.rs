//! Single rounds of measurements around the way out, each printed as one line of JSON. `end2end/load/compare.mjs` runs them
//! in turn with other programs on the same PostgreSQL and compares; `docs/benchmarks.md` says what came of it.
//!
//! ```text
//! DATABASE_URL=… deliveries noop 40000 2000          events, subjects: the whole way out, into a connector that does nothing
//! DATABASE_URL=… deliveries post 5000 500 URL KEY    the same into the simulated ERP, one POST an event
//! DATABASE_URL=… deliveries state 8 2                clients, seconds: a state change alone, and with its event
//! DATABASE_URL=… deliveries latency 300              commits, one at a time: until the connector is called
//! ```
//! The database named in the URL is made when it is missing, and emptied: give it a name of its own.

#![expect(clippy::float_arithmetic, reason = "rates and times of a measurement")]

use std::error::Error;
use std::str::FromStr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use connectors::settings::{Secrets, SettingsProblem};
use connectors::{Connector, Cursor, Fault, Feed, Health, NotUnderstood, Outcome, Outgoing, Polled, Raw, registry};
use domain::command::Command;
use domain::event::{Event, EventKind, Subject, SubjectKind};
use domain::exchange::{CircuitState, Stage};
use domain::id::ConnectionId;
use serde_json::{Value, json};
use sqlx::migrate::MigrateDatabase as _;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{PgPool, Postgres};
use store::connections::{Configured, Takes};
use store::signal::Topic;
use store::{Clock, Store, Who, connections, events};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use worker::core::{Gate, Settings};
use worker::deliver::{self, Lane};

type Outcomes<T> = Result<T, Box<dyn Error>>;

/// No round may take longer.
const LONGEST: Duration = Duration::from_secs(120);
/// The most that a connection may have under way, see the table `connection`.
const IN_FLIGHT: usize = 64;

/// Says yes to everything.
#[derive(Debug, Default)]
struct Nothing {
    called: Notify,
}

#[async_trait]
impl Connector for Nothing {
    fn carries(&self) -> &'static [EventKind] {
        &[EventKind::PromiseMade]
    }

    fn feeds(&self) -> &'static [Feed] {
        &[]
    }

    async fn probe(&self) -> Result<Health, Fault> {
        Ok(Health { system: "nothing".to_owned(), clock_skew: None, remarks: Vec::new() })
    }

    async fn deliver(&self, delivery: &Outgoing) -> Result<Outcome, Fault> {
        self.called.notify_one();
        let number = delivery.envelope.subject_version;
        Ok(Outcome::accepted(Some(number.to_string()), false))
    }

    async fn poll(&self, feed: Feed, _: &Cursor) -> Result<Polled, Fault> {
        Err(Fault::Permanent { message: format!("there is no feed {}", feed.name) })
    }

    fn verify(&self, pushed: &Raw) -> Result<Vec<Raw>, Fault> {
        Ok(vec![pushed.clone()])
    }

    fn interpret(&self, _: &Raw) -> Result<Vec<Command>, NotUnderstood> {
        Ok(Vec::new())
    }
}

/// Another connector, and how often it was answered: so that the end of a round can be seen without asking the database.
#[derive(Debug)]
struct Counted {
    connector: Arc<dyn Connector>,
    answers: AtomicI64,
}

#[async_trait]
impl Connector for Counted {
    fn carries(&self) -> &'static [EventKind] {
        self.connector.carries()
    }

    fn feeds(&self) -> &'static [Feed] {
        self.connector.feeds()
    }

    async fn probe(&self) -> Result<Health, Fault> {
        self.connector.probe().await
    }

    async fn deliver(&self, delivery: &Outgoing) -> Result<Outcome, Fault> {
        let answer = self.connector.deliver(delivery).await;
        self.answers.fetch_add(1, Ordering::Relaxed);
        answer
    }

    async fn poll(&self, feed: Feed, cursor: &Cursor) -> Result<Polled, Fault> {
        self.connector.poll(feed, cursor).await
    }

    fn verify(&self, pushed: &Raw) -> Result<Vec<Raw>, Fault> {
        self.connector.verify(pushed)
    }

    fn interpret(&self, raw: &Raw) -> Result<Vec<Command>, NotUnderstood> {
        self.connector.interpret(raw)
    }
}

struct Key(String);

impl Secrets for Key {
    fn read(&self, _: &str) -> Result<String, SettingsProblem> {
        Ok(self.0.clone())
    }
}

struct Bench {
    store: Store,
    /// Past all policies: fills and empties.
    owner: PgPool,
}

impl Bench {
    async fn new() -> Outcomes<Self> {
        let url = std::env::var("DATABASE_URL").map_err(|_| "set DATABASE_URL to a database of its own")?;
        if !Postgres::database_exists(&url).await? {
            Postgres::create_database(&url).await?;
        }
        Store::migrate(&url).await?;
        let owner = PgPoolOptions::new().max_connections(2).connect_with(PgConnectOptions::from_str(&url)?).await?;
        // A throw-away database: what the last round left is gone, and its statistics with it.
        sqlx::raw_sql("truncate connection, event, subject, delivery, attempt, arrival, audit_entry cascade")
            .execute(&owner)
            .await?;
        Ok(Self { store: Store::connect(&url, 16, Clock::system()).await?, owner })
    }

    fn program(&self) -> Who {
        Who::program("bench", self.store.new_correlation())
    }

    async fn connection(&self, name: &str, settings: Value) -> Outcomes<ConnectionId> {
        let configured = Configured {
            name: name.to_owned(),
            plant_id: None,
            takes: Takes::Own,
            stage: Stage::Test,
            settings,
            in_flight_limit: IN_FLIGHT as i32,
        };
        let mut tx = self.store.begin(self.program()).await?;
        let id = connections::add(&mut tx, "rest", &configured, &[]).await?;
        tx.commit().await?;
        Ok(id)
    }

    /// Puts events into the log as commits would have left them: version after version of `subjects` orders.
    async fn fill(&self, connection: ConnectionId, events: i64, subjects: i64) -> Outcomes<()> {
        sqlx::query(
            "insert into event (event_id, kind, version, subject_kind, subject_id, subject_version, home_connection_id,
                                correlation_id, actor, at, data)
             select gen_random_uuid(), 'order.promise_made', 1, 'order', md5('bench' || i % $3)::uuid, 1 + i / $3, $1,
                    gen_random_uuid(), '{\"is\": \"loop\", \"name\": \"bench\"}', now(),
                    jsonb_build_object('kind', 'order.promise_made', 'order', 'B' || i % $3, 'revision', 1, 'lines',
                      jsonb_build_array(jsonb_build_object('schedule_line_id', gen_random_uuid(), 'line', '0010', 'schedule', 1,
                        'item', '4711', 'unit', 'PCE', 'requested', '100', 'requested_on', '2031-03-01', 'price', null,
                        'commitments', jsonb_build_array(jsonb_build_object('quantity', '100', 'deliver_on', '2031-03-01',
                          'ship_on', null, 'price', null)))))
             from generate_series(0, $2 - 1) i order by i",
        )
        .bind(connection.0)
        .bind(events)
        .bind(subjects)
        .execute(&self.owner)
        .await?;
        sqlx::raw_sql("analyze event; analyze delivery; checkpoint").execute(&self.owner).await?;
        Ok(())
    }

    fn lane(&self, connection: ConnectionId, connector: Arc<dyn Connector>) -> (Lane, watch::Sender<Gate>) {
        let (gate, gates) = watch::channel(Gate::Open);
        let lane = Lane {
            store: self.store.clone(),
            connection,
            name: "bench".to_owned(),
            connector,
            settings: Settings { max_in_flight: IN_FLIGHT, ..Settings::default() },
            wake: self.store.signals().subscribe(Topic::Deliveries),
            gate: gates,
            try_now: watch::channel(0).1,
            owner: "bench".to_owned(),
        };
        (lane, gate)
    }

    /// Everything in the log, from the lock to the commit of the last outcome.
    async fn drain(&self, connection: ConnectionId, connector: Arc<dyn Connector>, events: i64) -> Outcomes<Duration> {
        let counted = Arc::new(Counted { connector, answers: AtomicI64::new(0) });
        let (lane, _gate) = self.lane(connection, Arc::<Counted>::clone(&counted));
        let stop = CancellationToken::new();
        let begun = Instant::now();
        let working = tokio::spawn(deliver::run(lane, stop.clone()));
        let mut looks = tokio::time::interval(Duration::from_millis(2));
        let mut delivered = 0;
        while delivered < events {
            looks.tick().await;
            // The database is left alone until the last answer is there.
            if counted.answers.load(Ordering::Relaxed) >= events {
                let rows = sqlx::query_scalar("select count(*) from delivery where state = 'delivered'");
                delivered = rows.fetch_one(&self.owner).await?;
            }
            if begun.elapsed() > LONGEST {
                return Err(format!("the round takes too long; {delivered} of {events} were delivered").into());
            }
        }
        let took = begun.elapsed();
        stop.cancel();
        working.await?;
        Ok(took)
    }
}

fn rate(count: i64, took: Duration) -> Value {
    json!({ "count": count, "seconds": took.as_secs_f64(), "per_second": count as f64 / took.as_secs_f64() })
}

/// Into a connector that does nothing.
async fn noop(events: i64, subjects: i64) -> Outcomes<Value> {
    let bench = Bench::new().await?;
    let connection = bench.connection("bench", json!({})).await?;
    bench.fill(connection, events, subjects).await?;
    Ok(rate(events, bench.drain(connection, Arc::new(Nothing::default()), events).await?))
}

/// Into the simulated ERP, which must know the orders B0, B1, … already.
async fn post(events: i64, subjects: i64, url: &str, key: &str) -> Outcomes<Value> {
    let bench = Bench::new().await?;
    let settings = json!({ "base_url": url, "api_key": "env:KEY" });
    let connection = bench.connection("bench", settings.clone()).await?;
    bench.fill(connection, events, subjects).await?;
    let kind = registry::kind("rest").ok_or("no connector rest")?;
    let connector: Arc<dyn Connector> = Arc::from((kind.build)(&settings, &Key(key.to_owned()))?);
    Ok(rate(events, bench.drain(connection, connector, events).await?))
}

fn promise(number: usize) -> Event {
    Event::PromiseMade { order: format!("B{number}"), revision: 1, lines: Vec::new() }
}

/// One client: changes a row of its own in one transaction after the other, with an event or without.
async fn client(bench: Arc<Bench>, number: usize, connection: ConnectionId, with_event: bool, until: Instant) -> usize {
    let subject = Subject { kind: SubjectKind::Order, id: bench.store.new_id() };
    let about = events::About { subject, plant_id: None, supplier_id: None, home: None };
    let mut commits = 0;
    let once = async || -> Outcomes<()> {
        let mut tx = bench.store.begin(bench.program()).await?;
        connections::save_circuit(&mut tx, connection, CircuitState::Closed, None, None).await?;
        if with_event {
            events::append(&mut tx, about, &[promise(number)], None).await?;
        }
        Ok(tx.commit().await?)
    };
    while Instant::now() < until {
        match once().await {
            Ok(()) => commits += 1,
            Err(problem) => panic!("a client failed: {problem}"),
        }
    }
    commits
}

/// The change of one row alone, and the same with its event; both for so long.
async fn state(clients: usize, seconds: f64) -> Outcomes<Value> {
    let bench = Arc::new(Bench::new().await?);
    let mut rows = Vec::new();
    for number in 0..clients {
        rows.push(bench.connection(&format!("bench {number}"), json!({})).await?);
    }
    let mut rates = Vec::new();
    for with_event in [false, true] {
        let until = Instant::now() + Duration::from_secs_f64(seconds);
        let all = rows
            .iter()
            .enumerate()
            .map(|(number, row)| tokio::spawn(client(Arc::clone(&bench), number, *row, with_event, until)));
        let mut commits = 0;
        for one in all.collect::<Vec<_>>() {
            commits += one.await?;
        }
        rates.push(commits as f64 / seconds);
    }
    Ok(json!({ "alone_per_second": rates[0], "with_event_per_second": rates[1], "ratio": rates[1] / rates[0] }))
}

/// From the begin of a transaction with an event to the call of the connector, beside the commit alone.
async fn latency(commits: usize) -> Outcomes<Value> {
    let bench = Bench::new().await?;
    let connection = bench.connection("bench", json!({})).await?;
    let nothing = Arc::new(Nothing::default());
    let (lane, _gate) = bench.lane(connection, Arc::<Nothing>::clone(&nothing));
    let stop = CancellationToken::new();
    let working = tokio::spawn(deliver::run(lane, stop.clone()));
    let (to_commit, to_call) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    for number in 0..commits {
        let subject = Subject { kind: SubjectKind::Order, id: bench.store.new_id() };
        let about = events::About { subject, plant_id: None, supplier_id: None, home: Some(connection) };
        let begun = Instant::now();
        let mut tx = bench.store.begin(bench.program()).await?;
        events::append(&mut tx, about, &[promise(number)], None).await?;
        tx.commit().await?;
        let committed = begun.elapsed();
        tokio::time::timeout(LONGEST, nothing.called.notified()).await?;
        if let (Ok(mut commit), Ok(mut call)) = (to_commit.lock(), to_call.lock()) {
            commit.push(committed);
            call.push(begun.elapsed());
        }
        // Not in step with the poll.
        tokio::time::sleep(Duration::from_millis(3 + (number as u64 * 7) % 60)).await;
    }
    stop.cancel();
    working.await?;
    let milliseconds = |times: Mutex<Vec<Duration>>| {
        let mut times = times.into_inner().unwrap_or_default();
        times.sort();
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1000.0;
        json!({ "p50_ms": at(0.5), "p99_ms": at(0.99) })
    };
    Ok(json!({ "commit": milliseconds(to_commit), "called": milliseconds(to_call) }))
}

async fn measure(arguments: &[&str]) -> Outcomes<Value> {
    match arguments {
        ["noop", events, subjects] => noop(events.parse()?, subjects.parse()?).await,
        ["post", events, subjects, url, key] => post(events.parse()?, subjects.parse()?, url, key).await,
        ["state", clients, seconds] => state(clients.parse()?, seconds.parse()?).await,
        ["latency", commits] => latency(commits.parse()?).await,
        _ => {
            Err("say noop, post, state or latency, as the first lines of crates/worker/benches/deliveries.rs do".into())
        }
    }
}

fn main() -> Outcomes<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    println!("{}", runtime.block_on(measure(&arguments))?);
    Ok(())
}
