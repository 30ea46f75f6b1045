//! The way in, step by step with a clock that is moved by hand: a pretend ERP that misbehaves, messages that nobody can
//! understand, two workers at once.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use connectors::settings::{Secrets, SettingsProblem};
use domain::exchange::Stage;
use domain::id::ConnectionId;
use domain::order::OrderStatus;
use serde_json::json;
use simulators::rest::{Fault, Item, Line, Order, Plant, Schedule, Supplier};
use simulators::{RunningErp, SimulatedErp};
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use store::arrivals::{self, Incoming};
use store::connections::{self, Configured, Takes};
use store::{Clock, Store, Tx, Who, orders};
use worker::systems::Systems;
use worker::{Means, Settings, apply, collect};

struct Key(String);

impl Secrets for Key {
    fn read(&self, _reference: &str) -> Result<String, SettingsProblem> {
        Ok(self.0.clone())
    }
}

struct House {
    means: Means,
    owner: PgPool,
    connection: ConnectionId,
    erp: RunningErp,
}

impl House {
    async fn new(pool: PgPoolOptions, options: PgConnectOptions) -> Self {
        let owner =
            PgPoolOptions::new().max_connections(1).connect_with(options.clone()).await.expect("the owner connects");
        let clock = Clock::standing_at("2026-12-01T08:00:00Z".parse().expect("a time"));
        let its = clock.clone();
        let settings = simulators::Settings {
            clock: simulators::Clock::new(move || its.now()),
            ..simulators::Settings::default()
        };
        let erp = SimulatedErp::start(settings).await.expect("the ERP starts");
        let store = Store::for_test(pool, options, clock).await.expect("the application connects");
        let mut tx = store.begin(Who::program("test", store.new_correlation())).await.expect("a transaction");
        let configured = Configured {
            name: "ERP".to_owned(),
            plant_id: None,
            takes: Takes::Own,
            stage: Stage::Test,
            settings: json!({ "base_url": erp.base_url(), "api_key": "env:KEY" }),
            in_flight_limit: 8,
        };
        let connection = connections::add(&mut tx, "rest", &configured, &["orders"]).await.expect("a connection");
        tx.commit().await.expect("a commit");
        let systems = Arc::new(Systems::new(Arc::new(Key(erp.api_key().to_owned()))));
        Self { means: Means::new(store, systems, Settings::default()), owner, connection, erp }
    }

    async fn tx(&self) -> Tx {
        let who = Who::program("test", self.means.store.new_correlation());
        self.means.store.begin(who).await.expect("a transaction")
    }

    fn advance(&self, seconds: i64) {
        self.means.store.clock().advance(TimeDelta::seconds(seconds));
    }

    async fn push(&self, key: &str, subject: &str, body: &str) {
        let message = Incoming {
            external_key: key.to_owned(),
            subject: subject.to_owned(),
            channel: "push".to_owned(),
            content_type: "application/json".to_owned(),
            body: body.to_owned(),
            correlation: self.means.store.new_correlation(),
        };
        let mut tx = self.tx().await;
        arrivals::accept(&mut tx, self.connection, &[message]).await.expect("accepted");
        tx.commit().await.expect("a commit");
    }

    /// What became of each message, by its key.
    async fn outcomes(&self) -> Vec<(String, String)> {
        sqlx::query_as("select state, coalesce(outcome, '') from arrival order by sequence")
            .fetch_all(&self.owner)
            .await
            .expect("the arrivals")
    }

    /// Failures, problem, and when the feed is read next.
    async fn feed(&self) -> (i32, Option<String>, DateTime<Utc>) {
        sqlx::query_as("select failures, problem, next_poll_at from feed")
            .fetch_one(&self.owner)
            .await
            .expect("the feed")
    }
}

fn order(number: &str) -> Order {
    Order {
        number: number.to_owned(),
        version: 0,
        changed_at: DateTime::default(),
        status: OrderStatus::Open,
        supplier: Supplier { number: "100234".to_owned(), name: "Brennholt".to_owned() },
        plant: Plant { code: "DE10".to_owned(), name: "Lindau".to_owned() },
        buyer: None,
        currency: "EUR".to_owned(),
        incoterm: None,
        lines: vec![Line {
            number: "0010".to_owned(),
            item: Item { number: "0012-00A".to_owned(), description: "Shaft".to_owned(), revision: None, rules: None },
            supplier_item: None,
            unit: "PCE".to_owned(),
            price: None,
            tolerances: Default::default(),
            schedule: vec![Schedule {
                number: 1,
                quantity: 100.into(),
                requested_on: "2026-12-10".parse().expect("a day"),
            }],
        }],
    }
}

#[sqlx::test(migrations = "../../migrations")]
async fn an_order_of_the_erp_reaches_the_supplier_and_overlapping_reads_change_nothing(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let house = House::new(pool, options).await;
    house.erp.publish(order("4500001")).expect("issued");
    assert_eq!(collect::once(&house.means).await.expect("polled"), 1);
    assert_eq!(collect::once(&house.means).await.expect("polled"), 0, "not due again yet");
    assert_eq!(apply::once(&house.means).await.expect("applied"), 1);
    let mut tx = house.tx().await;
    assert_eq!(orders::get(&mut tx, "4500001").await.expect("it is there").order.lines.len(), 1);
    drop(tx);
    for _ in 0..3 {
        house.advance(15);
        assert_eq!(collect::once(&house.means).await.expect("polled"), 1);
    }
    assert_eq!(apply::once(&house.means).await.expect("applied"), 0);
    let outcome = ("applied".to_owned(), "order 4500001: published with 1 lines".to_owned());
    assert_eq!(house.outcomes().await, [outcome]);
    // The event belongs to the message that brought it.
    let joined: i64 = sqlx::query_scalar("select count(*) from event join arrival using (correlation_id)")
        .fetch_one(&house.owner)
        .await
        .expect("a count");
    assert_eq!(joined, 1);
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_feed_waits_longer_with_each_failure_and_loses_nothing(pool: PgPoolOptions, options: PgConnectOptions) {
    let house = House::new(pool, options).await;
    let fault = house.erp.fault(Fault::ServerError);
    let mut waits = Vec::new();
    for failures in 1..=3 {
        house.erp.publish(order(&format!("450000{failures}"))).expect("issued");
        assert_eq!(collect::once(&house.means).await.expect("polled"), 1);
        let (counted, problem, next) = house.feed().await;
        assert_eq!(counted, failures);
        assert!(problem.is_some_and(|problem| problem.contains("500")));
        let wait = next - house.means.store.clock().now();
        waits.push(wait.num_seconds());
        assert_eq!(collect::once(&house.means).await.expect("polled"), 0, "not before its time");
        house.means.store.clock().advance(wait);
    }
    assert!((4..=6).contains(&waits[0]) && (8..=12).contains(&waits[1]) && (16..=24).contains(&waits[2]), "{waits:?}");
    assert!(house.erp.mend(fault));
    collect::once(&house.means).await.expect("polled");
    let (failures, problem, next) = house.feed().await;
    assert_eq!((failures, problem), (0, None));
    assert_eq!((next - house.means.store.clock().now()).num_seconds(), 15);
    assert_eq!(apply::once(&house.means).await.expect("applied"), 3);
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_wrong_log_in_is_not_tried_in_a_hurry_and_a_broken_setting_is_told(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let house = House::new(pool, options).await;
    house.erp.fault(Fault::WrongCredentials);
    collect::once(&house.means).await.expect("polled");
    let (_, problem, next) = house.feed().await;
    assert!(problem.is_some());
    assert!((next - house.means.store.clock().now()).num_seconds() >= 48);

    let mut tx = house.tx().await;
    let connection = connections::get(&mut tx, house.connection).await.expect("it");
    let broken = Configured { settings: json!({ "colour": "red" }), ..connection.configured };
    connections::save(&mut tx, house.connection, 1, &broken).await.expect("saved");
    tx.commit().await.expect("a commit");
    house.push("k1", "4500001", "{}").await;
    assert_eq!(collect::once(&house.means).await.expect("polled"), 1, "whoever saves need not wait");
    assert!(house.feed().await.1.expect("a problem").contains("colour"));
    assert_eq!(apply::once(&house.means).await.expect("looked"), 0);
    assert_eq!(house.outcomes().await, [("received".to_owned(), String::new())], "it waits until somebody mends it");
}

#[sqlx::test(migrations = "../../migrations")]
async fn what_cannot_be_applied_is_kept_with_its_reason_and_stops_nothing_else(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let house = House::new(pool, options).await;
    let acknowledged = |order: &str| {
        json!({ "type": "confirmation_acknowledged", "order": order, "document": "AB-1", "at": "2026-12-01T07:59:00Z" })
            .to_string()
    };
    let good = |number: &str| {
        let mut order = order(number);
        order.version = 1;
        serde_json::to_string(&order).expect("text")
    };
    // Understood by everybody, and yet nothing that the database can keep.
    let mut odd: serde_json::Value = serde_json::from_str(&good("4500009")).expect("an order");
    odd["buyer"] = json!("\u{0}");
    house.push("k1", "4500001", "{\"type\": \"order\"}").await;
    house.push("k2", "4500001", &good("4500001")).await;
    house.push("k3", "4599999", &acknowledged("4599999")).await;
    house.push("k4", "4500009", &odd.to_string()).await;
    house.push("k5", "4500002", &good("4500002")).await;
    assert_eq!(apply::once(&house.means).await.expect("applied"), 5);
    let outcomes = house.outcomes().await;
    let states: Vec<&str> = outcomes.iter().map(|(state, _)| state.as_str()).collect();
    assert_eq!(states, ["not_understood", "applied", "refused", "not_understood", "applied"], "{outcomes:?}");
    assert!(outcomes[0].1.contains("order"), "{outcomes:?}");
    assert_eq!(outcomes[2].1, "order was not found");
    assert!(outcomes[3].1.starts_with("cannot be stored as it is"), "{outcomes:?}");
    // Nothing of the ones that failed is left.
    let left: i64 =
        sqlx::query_scalar("select count(*) from purchase_order").fetch_one(&house.owner).await.expect("a count");
    assert_eq!(left, 2);
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_fault_of_ours_is_tried_again_in_order_and_then_left_to_a_person(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let house = House::new(pool, options).await;
    let mut first = order("4500001");
    first.version = 1;
    house.push("k1", "4500001", &serde_json::to_string(&first).expect("text")).await;
    first.version = 2;
    house.push("k2", "4500001", &serde_json::to_string(&first).expect("text")).await;
    let run = |sql: &'static str| sqlx::raw_sql(sql).execute(&house.owner);
    run("alter table purchase_order rename to misplaced").await.expect("a fault");
    let mut tries = Vec::new();
    while house.outcomes().await[0].0 != "not_understood" {
        tries.push(apply::once(&house.means).await.expect("tried"));
        house.advance(400);
    }
    let alone = [1; 11];
    assert_eq!(tries, [&alone[..], &[2]].concat(), "the second waits behind the first, until that is given up");
    run("alter table misplaced rename to purchase_order").await.expect("mended");
    assert_eq!(apply::once(&house.means).await.expect("applied"), 1);
    assert_eq!(house.outcomes().await[1].0, "applied");

    let mut tx = house.tx().await;
    let id: uuid::Uuid = sqlx::query_scalar("select arrival_id from arrival where external_key = 'k1'")
        .fetch_one(&house.owner)
        .await
        .expect("it");
    arrivals::reapply(&mut tx, id.into(), "the table is back").await.expect("again");
    tx.commit().await.expect("a commit");
    assert_eq!(apply::once(&house.means).await.expect("applied"), 1);
    let outcome = ("applied".to_owned(), "order 4500001: ignored, older than what is known".to_owned());
    assert_eq!(house.outcomes().await[0], outcome);
}

#[sqlx::test(migrations = "../../migrations")]
async fn two_workers_at_once_read_and_apply_everything_once_and_in_order(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let house = House::new(pool, options).await;
    for number in 1..=20 {
        house.erp.publish(order(&format!("45000{number:02}"))).expect("issued");
    }
    let other = Means::new(house.means.store.clone(), Arc::clone(&house.means.systems), Settings::default());
    let (one, two) = tokio::join!(collect::once(&house.means), collect::once(&other));
    assert_eq!(one.expect("polled") + two.expect("polled"), 1);
    for version in 2..=4 {
        for number in 1..=20 {
            let mut order = order(&format!("45000{number:02}"));
            order.version = version;
            order.lines[0].schedule[0].quantity = (100 * version).into();
            let body = serde_json::to_string(&order).expect("text");
            house.push(&format!("{number}@{version}"), &order.number, &body).await;
        }
    }
    let (one, two) = tokio::join!(apply::once(&house.means), apply::once(&other));
    assert_eq!(one.expect("applied") + two.expect("applied"), 80);
    let in_order: i64 = sqlx::query_scalar(
        "select count(*) from purchase_order join schedule_line using (order_id)
         where their_version = 4 and revision = 4 and quantity = 400",
    )
    .fetch_one(&house.owner)
    .await
    .expect("a count");
    assert_eq!(in_order, 20);
}
