//! The house that stories happen in: one ERP, one supplier, a worker, and a clock that stands until it is moved.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use connectors::settings::{Secrets, SettingsProblem};
use domain::access::{Actor, Role, Scope};
use domain::confirmation::{Answer, AnswerKind, Channel, ConfirmLines, DecideDeviations, Decision, Verdict};
use domain::event::{Event, Subject, SubjectKind};
use domain::exchange::Stage;
use domain::id::{ConnectionId, DeliveryId, PersonId};
use domain::order::{Commitment, OrderStatus, Reason};
use serde_json::json;
use simulators::rest::{Item, Line, Order, Plant, Schedule, Supplier};
use simulators::{RunningErp, SimulatedErp};
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use store::connections::{self, Configured, Takes};
use store::events::About;
use store::orders::{self, OrderRecord};
use store::signal::Topic;
use store::{Clock, Store, Tx, Who};
use uuid::Uuid;
use worker::{Settings, Worker};

/// Real time that anything here may take before it counts as never.
const LONG_ENOUGH: Duration = Duration::from_secs(30);
/// Feeds are polled every 15 s.
const A_POLL: TimeDelta = TimeDelta::seconds(16);

pub struct Scenario {
    pub store: Store,
    pub clock: Clock,
    pub erp: RunningErp,
    pub connection: ConnectionId,
    /// Sees past all policies; only to look, and to play the database's administrator.
    pub owner: PgPool,
    secrets: Arc<Keys>,
    worker: Option<Worker>,
    finished: bool,
}

/// What stands in a delivery's row, in the words of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub id: DeliveryId,
    pub order: String,
    pub version: i64,
    pub state: String,
    pub attempts: i32,
    pub fault: Option<String>,
    pub message: Option<String>,
    pub their_ref: Option<String>,
    pub next_attempt_at: Option<DateTime<Utc>>,
}

pub struct Keys(String);

impl Secrets for Keys {
    fn read(&self, _: &str) -> Result<String, SettingsProblem> {
        Ok(self.0.clone())
    }
}

impl Scenario {
    /// With all loops running, on the morning of 1 December 2026.
    pub async fn start(pool: PgPoolOptions, options: PgConnectOptions) -> Self {
        let mut scenario = Self::quiet(pool, options).await;
        scenario.work();
        scenario
    }

    /// Without a worker yet.
    pub async fn quiet(pool: PgPoolOptions, options: PgConnectOptions) -> Self {
        Self::at(pool, options, Clock::standing_at(time("2026-12-01T08:00:00Z"))).await
    }

    /// Without a worker yet, by this clock.
    pub async fn at(pool: PgPoolOptions, options: PgConnectOptions, clock: Clock) -> Self {
        let owner = PgPoolOptions::new().max_connections(3).connect_with(options.clone()).await.expect("the owner");
        let store = Store::for_test(pool.max_connections(8), options, clock.clone()).await.expect("the application");
        let its = clock.clone();
        let settings = simulators::Settings {
            clock: simulators::Clock::new(move || its.now()),
            ..simulators::Settings::default()
        };
        let erp = SimulatedErp::start(settings).await.expect("a simulated ERP");
        let secrets = Arc::new(Keys(erp.api_key().to_owned()));
        let mut tx = store.begin(program(&store)).await.expect("a transaction");
        let connection = connections::add(&mut tx, "rest", &configured(&erp), &["orders"]).await.expect("a connection");
        tx.commit().await.expect("a commit");
        Self { store, clock, erp, connection, owner, secrets, worker: None, finished: false }
    }

    /// Starts the loops.
    pub fn work(&mut self) {
        assert!(self.worker.is_none(), "one worker is enough here");
        self.worker = Some(Worker::start(self.store.clone(), self.secrets(), settings("the worker")));
    }

    /// Where connectors find the ERP's key.
    pub fn secrets(&self) -> Arc<dyn Secrets> {
        Arc::<Keys>::clone(&self.secrets)
    }

    /// Ends the loops as a shutdown does.
    pub async fn rest(&mut self) {
        if let Some(worker) = self.worker.take() {
            worker.stop().await;
        }
    }

    // ---- time --------------------------------------------------------------------------------------------------

    /// Moves the clock, and tells whoever waits by it.
    pub fn advance(&self, by: TimeDelta) {
        self.clock.advance(by);
        self.poke();
    }

    fn poke(&self) {
        // A poll by a clock that stands never comes; these are what it would notice.
        for topic in [Topic::Deliveries, Topic::Arrivals, Topic::Connections] {
            self.store.signals().raise(topic);
        }
    }

    /// Waits until something holds, by looking again and again; never longer than `LONG_ENOUGH`.
    pub async fn until<F, Fut>(&self, what: &str, mut holds: F)
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = bool>,
    {
        let begun = Instant::now();
        while !holds().await {
            assert!(begun.elapsed() < LONG_ENOUGH, "never: {what}\n{}", self.picture().await);
            self.poke();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Gives the owner every chance to do what it must not: three times an event of another order, promised before,
    /// goes all the way, and for that the log and the due rows are looked at.
    pub async fn meanwhile(&self, other: &str) {
        for _ in 0..3 {
            let had = self.accepted(other);
            self.promise_again(other, 1).await;
            self.until_accepted(other, had + 1).await;
        }
    }

    // ---- the ERP -----------------------------------------------------------------------------------------------

    /// The ERP issues an order with lines 0010 and 0020 of 100 pieces each, and the portal has it.
    pub async fn order(&self, number: &str) -> OrderRecord {
        self.erp.publish(order(number)).expect("the ERP issues it");
        self.next_poll().await;
        self.until("the order arrives", || async { self.is_known(number).await }).await;
        self.record(number).await
    }

    /// The next poll of the ERP, and what came of it applied.
    pub async fn next_poll(&self) {
        self.advance(A_POLL);
        let now = self.clock.now();
        self.until("the ERP was polled", || async {
            self.polled_at().await.is_some_and(|at| at >= now) && self.arrivals_waiting().await == 0
        })
        .await;
    }

    async fn polled_at(&self) -> Option<DateTime<Utc>> {
        sqlx::query_scalar("select polled_at from feed where name = 'orders'")
            .fetch_one(&self.owner)
            .await
            .expect("the feed")
    }

    async fn is_known(&self, number: &str) -> bool {
        let known: Option<Uuid> = sqlx::query_scalar("select order_id from purchase_order where number = $1")
            .bind(number)
            .fetch_optional(&self.owner)
            .await
            .expect("orders");
        known.is_some()
    }

    async fn arrivals_waiting(&self) -> i64 {
        self.number("select count(*) from arrival where state in ('received', 'retrying')").await
    }

    // ---- people ------------------------------------------------------------------------------------------------

    /// A transaction of one of our own loops.
    pub async fn program(&self) -> Tx {
        self.store.begin(program(&self.store)).await.expect("a transaction")
    }

    /// Somebody who looks after connections.
    pub fn ida(&self) -> Who {
        self.person("Ida", Role::IntegrationAdmin, Scope::All)
    }

    fn person(&self, name: &str, role: Role, scope: Scope) -> Who {
        Who {
            actor: Actor::Person { person_id: PersonId(self.store.new_id()), name: name.to_owned(), roles: vec![role] },
            scope,
            correlation: self.store.new_correlation(),
            address: Some("203.0.113.7".to_owned()),
        }
    }

    /// The order as the portal has it.
    pub async fn record(&self, number: &str) -> OrderRecord {
        let mut tx = self.program().await;
        let record = orders::get(&mut tx, number).await.expect("the order is there");
        tx.commit().await.expect("a commit");
        record
    }

    /// The supplier says yes to these lines of an order; no lines: to all that wait.
    pub async fn accept(&self, number: &str, lines: &[&str]) {
        let record = self.record(number).await;
        let answers = record
            .order
            .lines
            .iter()
            .filter(|line| lines.is_empty() || lines.contains(&line.number.as_str()))
            .flat_map(|line| &line.schedule)
            .filter(|schedule| schedule.needs_supplier())
            .map(|schedule| Answer {
                schedule_line_id: schedule.schedule_line_id,
                version: schedule.version,
                kind: AnswerKind::Accept,
                commitments: Vec::new(),
                reason: None,
                note: None,
            })
            .collect();
        self.answer(&record, answers).await;
    }

    /// The supplier answers one line with these parts, for want of capacity.
    pub async fn split(&self, number: &str, line: &str, parts: &[(i64, &str)]) {
        let record = self.record(number).await;
        let line = record.order.lines.iter().find(|known| known.number == line).expect("the line");
        let schedule = line.schedule.first().expect("a schedule line");
        let commitments = parts
            .iter()
            .map(|(quantity, on)| Commitment {
                quantity: (*quantity).into(),
                deliver_on: Some(day(on)),
                ship_on: None,
                price: None,
            })
            .collect();
        let answer = Answer {
            schedule_line_id: schedule.schedule_line_id,
            version: schedule.version,
            kind: AnswerKind::Change,
            commitments,
            reason: Some(Reason::Capacity),
            note: None,
        };
        self.answer(&record, vec![answer]).await;
    }

    async fn answer(&self, record: &OrderRecord, answers: Vec<Answer>) {
        assert!(!answers.is_empty(), "there is something to answer");
        let command = ConfirmLines {
            revision: record.order.revision,
            answers,
            channel: Channel::Portal,
            submission: self.store.new_id(),
        };
        let who = self.person("Sam", Role::Supplier, Scope::Suppliers(vec![record.order.supplier_id]));
        let mut tx = self.store.begin(who).await.expect("a transaction");
        orders::confirm(&mut tx, &record.order.number, &command).await.expect("the answer is taken");
        tx.commit().await.expect("a commit");
    }

    /// The buyer takes what is in review.
    pub async fn take_deviations(&self, number: &str) {
        let record = self.record(number).await;
        let decisions = record
            .order
            .schedule_lines()
            .filter(|(_, schedule)| schedule.proposal.is_some())
            .map(|(_, schedule)| Decision {
                schedule_line_id: schedule.schedule_line_id,
                version: schedule.version,
                verdict: Verdict::Accept,
                note: None,
            })
            .collect();
        let who = self.person("Bea", Role::Buyer, Scope::Plants(vec![record.order.plant_id]));
        let mut tx = self.store.begin(who).await.expect("a transaction");
        let command = DecideDeviations { decisions, submission: self.store.new_id() };
        orders::decide(&mut tx, number, &command).await.expect("the decision is taken");
        tx.commit().await.expect("a commit");
    }

    /// Tells the promise of an accepted order `times` more, in one transaction: a burst that no person could type.
    pub async fn promise_again(&self, number: &str, times: usize) {
        let mut tx = self.program().await;
        self.append_promises(&mut tx, number, times).await;
        tx.commit().await.expect("a commit");
    }

    /// The same in a transaction that somebody else ends.
    pub async fn append_promises(&self, tx: &mut Tx, number: &str, times: usize) {
        let record = self.record(number).await;
        let data: serde_json::Value = sqlx::query_scalar(
            "select data from event where kind = 'order.promise_made' and subject_id = $1 order by position limit 1",
        )
        .bind(record.order.order_id.0)
        .fetch_one(&self.owner)
        .await
        .expect("a promise was made");
        let event: Event = serde_json::from_value(data).expect("an event");
        store::events::append(tx, about(&record), &vec![event; times], None).await.expect("appended");
    }

    /// Ida retries what is parked or waits of an order.
    pub async fn retry(&self, row: &Row) {
        let mut tx = self.store.begin(self.ida()).await.expect("a transaction");
        store::deliveries::retry(&mut tx, row.id, "the cause is gone").await.expect("it can be retried");
        tx.commit().await.expect("a commit");
    }

    /// Ida leaves a delivery out.
    pub async fn skip(&self, row: &Row) {
        let mut tx = self.store.begin(self.ida()).await.expect("a transaction");
        store::deliveries::skip(&mut tx, row.id, "told by telephone").await.expect("it can be skipped");
        tx.commit().await.expect("a commit");
    }

    // ---- looking -----------------------------------------------------------------------------------------------

    /// A number from the database, past all policies.
    pub async fn number(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.owner).await.expect("a number")
    }

    /// The deliveries of an order that have rows, in the order of its events.
    pub async fn rows(&self, order: &str) -> Vec<Row> {
        self.all_rows().await.into_iter().filter(|row| row.order == order).collect()
    }

    /// The states of an order's deliveries, in order.
    pub async fn states(&self, order: &str) -> Vec<String> {
        self.rows(order).await.into_iter().map(|row| row.state).collect()
    }

    async fn all_rows(&self) -> Vec<Row> {
        #[derive(sqlx::FromRow)]
        struct Read {
            delivery_id: Uuid,
            number: Option<String>,
            subject_version: i64,
            state: String,
            attempts: i32,
            fault_class: Option<String>,
            fault_message: Option<String>,
            their_ref: Option<String>,
            next_attempt_at: Option<DateTime<Utc>>,
        }
        let rows: Vec<Read> = sqlx::query_as(
            "select d.delivery_id, e.data ->> 'order' as number, d.subject_version, d.state, d.attempts, d.fault_class,
                    d.fault_message, d.their_ref, d.next_attempt_at
             from delivery d join event e on e.position = d.event_position
             order by d.event_position, d.created_at",
        )
        .fetch_all(&self.owner)
        .await
        .expect("deliveries");
        rows.into_iter()
            .map(|row| Row {
                id: DeliveryId(row.delivery_id),
                order: row.number.unwrap_or_default(),
                version: row.subject_version,
                state: row.state,
                attempts: row.attempts,
                fault: row.fault_class,
                message: row.fault_message,
                their_ref: row.their_ref,
                next_attempt_at: row.next_attempt_at,
            })
            .collect()
    }

    /// How many confirmations the ERP has of an order.
    pub fn accepted(&self, order: &str) -> usize {
        self.erp.accepted().iter().filter(|accepted| accepted.confirmation.order == order).count()
    }

    /// Waits until the ERP has so many of an order, and the portal knows.
    pub async fn until_accepted(&self, order: &str, count: usize) {
        self.until(&format!("the ERP has {count} of {order}"), || async {
            let rows = self.rows(order).await;
            self.accepted(order) == count && rows.iter().filter(|row| row.state == "delivered").count() >= count
        })
        .await;
    }

    /// The circuit's word on the connection's row.
    pub async fn circuit(&self) -> String {
        sqlx::query_scalar("select circuit from connection").fetch_one(&self.owner).await.expect("the connection")
    }

    /// Everything that matters, to be shown when something is wrong and compared when nothing is to change.
    async fn picture(&self) -> String {
        let mut picture = String::new();
        for (state, count) in self.counted_states().await {
            let _ = writeln!(picture, "{count} deliveries {state}");
        }
        for row in self.all_rows().await.into_iter().filter(|row| row.state != "delivered").take(20) {
            let _ = writeln!(picture, "{row:?}");
        }
        let accepted = self.erp.accepted();
        let repeats: u32 = accepted.iter().map(|accepted| accepted.repeats).sum();
        let _ = writeln!(
            picture,
            "the ERP took {} confirmations and {repeats} repeats; circuit {}, {} messages wait",
            accepted.len(),
            self.circuit().await,
            self.arrivals_waiting().await
        );
        picture
    }

    async fn counted_states(&self) -> BTreeMap<String, i64> {
        let rows: Vec<(String, i64)> = sqlx::query_as("select state, count(*) from delivery group by state")
            .fetch_all(&self.owner)
            .await
            .expect("deliveries");
        rows.into_iter().collect()
    }

    // ---- the end -----------------------------------------------------------------------------------------------

    /// The end of a story in which everything landed.
    pub async fn finish(self) {
        self.finish_leaving(&[]).await;
    }

    /// The end of a story that leaves these deliveries to a person: order and state, in the order of their events.
    pub async fn finish_leaving(mut self, expected: &[(&str, &str)]) {
        self.finished = true;
        let expected: Vec<(String, String)> =
            expected.iter().map(|(order, state)| ((*order).to_owned(), (*state).to_owned())).collect();
        self.until("nothing is left over but what was named", || async {
            self.left_over().await == expected && self.arrivals_waiting().await == 0
        })
        .await;
        self.rest().await;
        let not_applied = self.number("select count(*) from arrival where state <> 'applied'").await;
        assert_eq!(not_applied, 0, "messages of the ERP were not applied");
        self.both_sides_agree().await;
        let Self { store, owner, .. } = &self;
        store.close().await;
        owner.close().await;
    }

    /// Events for the ERP that are neither there nor skipped: with the state of their row, or `pending` without one.
    async fn left_over(&self) -> Vec<(String, String)> {
        sqlx::query_as(
            "select coalesce(e.data ->> 'order', e.kind), coalesce(d.state, 'pending')
             from event e
             left join delivery d on d.event_id = e.event_id and d.connection_id = $1 and d.triggered_by = 'event'
             where e.kind = 'order.promise_made' and e.home_connection_id = $1
               and coalesce(d.state, 'pending') not in ('delivered', 'skipped', 'superseded')
             union all
             select e.data ->> 'order', d.state
             from delivery d join event e on e.position = d.event_position
             where d.triggered_by <> 'event' and d.state not in ('delivered', 'skipped', 'superseded')",
        )
        .bind(self.connection.0)
        .fetch_all(&self.owner)
        .await
        .expect("what is left over")
    }

    /// What the portal calls delivered is what the ERP took, once each, in order, under the same number.
    async fn both_sides_agree(&self) {
        let accepted = self.erp.accepted();
        let mut last: BTreeMap<&str, i64> = BTreeMap::new();
        for taken in &accepted {
            let (order, sequence) = (taken.confirmation.order.as_str(), taken.confirmation.sequence);
            let before = last.insert(order, sequence).unwrap_or_default();
            assert!(taken.in_order && sequence > before, "order {order}: {sequence} came after {before}");
        }
        let mut theirs: Vec<(String, Option<String>)> =
            accepted.iter().map(|taken| (taken.confirmation.event.clone(), Some(taken.document.clone()))).collect();
        let mut ours: Vec<(String, Option<String>)> = sqlx::query_as(
            "select event_id::text, their_ref from delivery where state = 'delivered' and subject_kind = 'order' and triggered_by = 'event'",
        )
        .fetch_all(&self.owner)
        .await
        .expect("deliveries");
        theirs.sort();
        ours.sort();
        assert_eq!(ours, theirs, "what we call delivered is what the ERP has");
    }
}

impl Drop for Scenario {
    fn drop(&mut self) {
        if !self.finished && !std::thread::panicking() {
            panic!("a story without an end: call finish()");
        }
    }
}

/// How the loops work in a story: with a quick look into the tables.
pub fn settings(owner: &str) -> Settings {
    Settings { owner: owner.to_owned(), ..Settings::default() }
}

pub fn program(store: &Store) -> Who {
    Who::program("test", store.new_correlation())
}

fn configured(erp: &RunningErp) -> Configured {
    Configured {
        name: "ERP".to_owned(),
        plant_id: None,
        takes: Takes::Own,
        stage: Stage::Test,
        settings: json!({ "base_url": erp.base_url(), "api_key": "env:INTERLOCK_SECRET_ERP", "timeout_ms": "1000" }),
        in_flight_limit: 8,
    }
}

/// Where the events of an order belong.
pub fn about(record: &OrderRecord) -> About {
    About {
        subject: Subject { kind: SubjectKind::Order, id: record.order.order_id.0 },
        plant_id: Some(record.order.plant_id),
        supplier_id: Some(record.order.supplier_id),
        home: Some(record.order.connection_id),
    }
}

/// An order of two lines with 100 pieces each, for 10 and 20 December.
pub fn order(number: &str) -> Order {
    let line = |line: &str, item: &str, on: &str| Line {
        number: line.to_owned(),
        item: Item { number: item.to_owned(), description: format!("Part {item}"), revision: None, rules: None },
        supplier_item: None,
        unit: "PCE".to_owned(),
        price: None,
        tolerances: Default::default(),
        schedule: vec![Schedule { number: 1, quantity: 100.into(), requested_on: day(on) }],
    };
    Order {
        number: number.to_owned(),
        version: 0,
        changed_at: DateTime::UNIX_EPOCH,
        status: OrderStatus::Open,
        supplier: Supplier { number: "100234".to_owned(), name: "Kern Precision".to_owned() },
        plant: Plant { code: "DE10".to_owned(), name: "Lindau".to_owned() },
        buyer: None,
        currency: "EUR".to_owned(),
        incoterm: None,
        lines: vec![line("0010", "4711", "2026-12-10"), line("0020", "4712", "2026-12-20")],
    }
}

pub fn day(text: &str) -> NaiveDate {
    text.parse().expect("a day")
}

pub fn time(text: &str) -> DateTime<Utc> {
    text.parse().expect("a time")
}
