//! A transaction that carries who acts, what he may see, and one `now`.
//!
//! The scope is set with `set local` in the same round trip as the begin, so that it ends with the transaction and cannot
//! leak to the next user of a pooled connection. The connection works as `interlock_app`, a role that owns nothing and
//! cannot bypass row-level security.
//!
//! The commit wakes the loops of this process that wait for what was written, see [`crate::signal`].

use std::fmt::Write as _;
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::access::{Actor, Scope};
use domain::id::CorrelationId;
use sha2::{Digest as _, Sha256};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::{AssertSqlSafe, PgPool, Postgres, Transaction};
use uuid::Uuid;

use crate::clock::Clock;
use crate::error::StoreError;
use crate::signal::{Signals, Topic, Written};

/// The role that every query runs as.
pub const APP_ROLE: &str = "interlock_app";

/// Who begins a transaction.
#[derive(Debug, Clone)]
pub struct Who {
    /// Who acts.
    pub actor: Actor,
    /// What he may see.
    pub scope: Scope,
    /// What this belongs to.
    pub correlation: CorrelationId,
    /// The network address it came from, for the audit log.
    pub address: Option<String>,
}

impl Who {
    /// One of our own loops or commands: sees everything.
    pub fn program(name: &str, correlation: CorrelationId) -> Self {
        Self { actor: Actor::Loop { name: name.to_owned() }, scope: Scope::All, correlation, address: None }
    }
}

/// The database.
#[derive(Debug, Clone)]
pub struct Store {
    pool: PgPool,
    clock: Clock,
    signals: Signals,
}

impl Store {
    /// Connects. Connections take the application's role as they open; the log-in role must be a member of it, or a
    /// superuser, and must have run the migrations.
    pub async fn connect(url: &str, connections: u32, clock: Clock) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(url)?;
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(Duration::from_secs(5))
            .connect_with(options.options([
                ("role", APP_ROLE),
                ("statement_timeout", "30s"),
                ("idle_in_transaction_session_timeout", "60s"),
            ]))
            .await?;
        Ok(Self::on(pool, clock))
    }

    /// For tests: the options that `#[sqlx::test]` hands in.
    pub async fn for_test(pool: PgPoolOptions, options: PgConnectOptions, clock: Clock) -> Result<Self, StoreError> {
        let pool = pool.connect_with(options.options([("role", APP_ROLE)])).await?;
        Ok(Self::on(pool, clock))
    }

    /// On a pool whose connections have taken the application's role already; for tests that look at the pool itself.
    pub fn on(pool: PgPool, clock: Clock) -> Self {
        Self { pool, clock, signals: Signals::default() }
    }

    /// Runs the migrations as the log-in role, before anything else connects.
    pub async fn migrate(url: &str) -> Result<(), MigrateError> {
        let pool = PgPoolOptions::new().max_connections(1).connect(url).await?;
        crate::MIGRATIONS.run(&pool).await?;
        sqlx::query!("select ensure_event_partitions()").fetch_one(&pool).await?;
        pool.close().await;
        Ok(())
    }

    /// The clock that all of it runs by.
    pub const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// What commits of this process tell those who wait. All clones of a store share it.
    pub const fn signals(&self) -> &Signals {
        &self.signals
    }

    /// The pool, for the few places in this room that work outside a scope on purpose.
    pub(crate) const fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// A new id: UUID version 7 from the clock's time.
    pub fn new_id(&self) -> Uuid {
        new_id(self.clock.now())
    }

    /// A new correlation id.
    pub fn new_correlation(&self) -> CorrelationId {
        CorrelationId(self.new_id())
    }

    /// Begins a transaction with this scope.
    pub async fn begin(&self, who: Who) -> Result<Tx, StoreError> {
        let now = self.clock.now();
        let inner = self.pool.begin_with(AssertSqlSafe(opening("begin", &who))).await?;
        Ok(Tx { inner, who, now, request: None, written: Written::default(), signals: self.signals.clone() })
    }

    /// Begins a transaction that can only read.
    pub async fn read(&self, who: Who) -> Result<Tx, StoreError> {
        let now = self.clock.now();
        let inner = self.pool.begin_with(AssertSqlSafe(opening("begin read only", &who))).await?;
        Ok(Tx { inner, who, now, request: None, written: Written::default(), signals: self.signals.clone() })
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query!("select 1 as one").fetch_one(&self.pool).await?;
        Ok(())
    }

    /// Closes all connections.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// The begin and its settings as one statement. Only ids and our own words are written into it.
fn opening(begin: &str, who: &Who) -> String {
    let mut sql = String::with_capacity(160);
    sql.push_str(begin);
    let list = |ids: Vec<Uuid>| ids.iter().map(Uuid::to_string).collect::<Vec<_>>().join(",");
    let (scope, suppliers, plants) = match &who.scope {
        Scope::All => ("all", String::new(), String::new()),
        Scope::Plants(plants) => ("plants", String::new(), list(plants.iter().map(|id| id.0).collect())),
        Scope::Suppliers(suppliers) => ("suppliers", list(suppliers.iter().map(|id| id.0).collect()), String::new()),
    };
    let person = who.actor.sender().map(|id| id.to_string()).unwrap_or_default();
    for (name, value) in [("scope", scope), ("suppliers", &suppliers), ("plants", &plants), ("person", &person)] {
        // Writing to a String cannot fail.
        let _ = write!(sql, "; set local interlock.{name} = '{value}'");
    }
    sql
}

pub(crate) fn new_id(now: DateTime<Utc>) -> Uuid {
    let seconds = u64::try_from(now.timestamp()).unwrap_or(0);
    Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, now.timestamp_subsec_nanos()))
}

/// A request of a machine, known by the SHA-256 of its method, path and body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request([u8; 32]);

impl Request {
    /// `path` with its query. The body counts byte for byte: whoever tries again sends what he sent.
    pub fn of(method: &str, path: &str, body: &[u8]) -> Self {
        let mut hash = Sha256::new();
        // Neither a method nor a path has a line end in it, so that nothing can move from one to the other.
        hash.update(format!("{method}\n{path}\n"));
        hash.update(body);
        Self(hash.finalize().into())
    }

    /// As it is kept.
    pub(crate) const fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A transaction under way.
#[derive(Debug)]
pub struct Tx {
    inner: Transaction<'static, Postgres>,
    who: Who,
    now: DateTime<Utc>,
    request: Option<Request>,
    written: Written,
    signals: Signals,
}

impl Tx {
    /// The connection, for a query.
    pub(crate) fn sql(&mut self) -> &mut PgConnection {
        &mut self.inner
    }

    /// The time at which all of this transaction happens.
    pub const fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// Who acts.
    pub const fn actor(&self) -> &Actor {
        &self.who.actor
    }

    /// What he may see.
    pub const fn scope(&self) -> &Scope {
        &self.who.scope
    }

    /// What this belongs to.
    pub const fn correlation(&self) -> CorrelationId {
        self.who.correlation
    }

    /// Where it came from.
    pub fn address(&self) -> Option<&str> {
        self.who.address.as_deref()
    }

    /// A new id.
    pub fn new_id(&self) -> Uuid {
        new_id(self.now)
    }

    /// Notes which request of a machine this carries out: its key then counts for this request only, see
    /// `crate::submissions`.
    pub const fn carries_out(&mut self, request: Request) {
        self.request = Some(request);
    }

    /// The machine's request that this carries out; none for forms and for loops.
    pub(crate) const fn request(&self) -> Option<Request> {
        self.request
    }

    /// Notes that the commit is to wake those who wait for `topic`.
    pub(crate) fn wrote(&mut self, topic: Topic) {
        self.written.note(topic);
    }

    /// Goes on under another correlation: that of the message whose turn it is.
    pub(crate) fn belongs_to(&mut self, correlation: CorrelationId) {
        self.who.correlation = correlation;
    }

    /// Gives it up and lets go of its locks now. A transaction that is merely dropped does so a moment later.
    pub async fn rollback(self) -> Result<(), StoreError> {
        self.inner.rollback().await?;
        Ok(())
    }

    /// Makes it last, and wakes the loops that wait for what was written.
    pub async fn commit(self) -> Result<(), StoreError> {
        let Self { inner, written, signals, .. } = self;
        inner.commit().await?;
        written.raise(&signals);
        Ok(())
    }
}

/// The migrations could not be applied.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// No connection.
    #[error("the database cannot be reached")]
    Connect(#[from] sqlx::Error),
    /// A migration failed or was changed after it was applied.
    #[error("the migrations could not be applied")]
    Migrate(#[from] sqlx::migrate::MigrateError),
}
