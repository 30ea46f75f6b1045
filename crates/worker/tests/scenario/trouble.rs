//! What goes wrong at the other system, in our database, or with one order, and what everybody else notices of it: nothing.

use chrono::TimeDelta;
use simulators::rest::{Door, Fault, Loss, Rule};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use store::connections;

use super::house::Scenario;

fn refuse(order: &str) -> Fault {
    Fault::Refuse { order: Some(order.to_owned()), line: None, reason: "The period is closed.".to_owned() }
}

/// Orders that are published, answered and told, so that later promises of theirs need nothing else.
async fn told(scenario: &Scenario, orders: &[&str]) {
    for order in orders {
        scenario.order(order).await;
        scenario.accept(order, &[]).await;
        scenario.until_accepted(order, 1).await;
    }
}

#[sqlx::test(migrations = "../../migrations")]
async fn an_erp_that_is_down_for_hours_uses_up_no_try_and_then_gets_everything_in_order(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let mut scenario = Scenario::start(pool, options).await;
    told(&scenario, &["4500001", "4500002"]).await;
    scenario.erp.unplug().await;
    for _ in 0..5 {
        scenario.promise_again("4500001", 2).await;
        scenario.promise_again("4500002", 2).await;
        scenario.until("the circuit is open", || async { scenario.circuit().await == "open" }).await;
        scenario.advance(TimeDelta::hours(1));
    }
    assert_eq!(
        scenario.number("select count(*) from delivery where state <> 'delivered'").await,
        0,
        "no rows, no tries"
    );
    scenario.erp.plug_in().await.expect("it is back");
    // A probe that was under way in the last moments of the outage fails late and makes the circuit wait anew, so time
    // goes on until one gets through.
    scenario
        .until("the circuit is closed again", || async {
            scenario.advance(TimeDelta::minutes(1));
            scenario.circuit().await == "closed"
        })
        .await;
    for order in ["4500001", "4500002"] {
        scenario.until_accepted(order, 11).await;
        assert!(scenario.rows(order).await.iter().all(|row| row.attempts == 1), "the outage was nobody's fault here");
    }
    assert_eq!(scenario.number("select count(*) from attempt").await, 0);
    scenario.finish().await;
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_refused_confirmation_is_parked_and_holds_what_follows_of_its_order_while_others_go_on(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let scenario = Scenario::start(pool, options).await;
    told(&scenario, &["4500001", "4500002"]).await;
    scenario.erp.fault(refuse("4500001"));
    scenario.promise_again("4500001", 1).await;
    scenario.until("it is parked", || async { scenario.states("4500001").await == ["delivered", "parked"] }).await;
    scenario.promise_again("4500001", 1).await;
    scenario.until("the next is held", || async { scenario.states("4500001").await.len() == 3 }).await;
    scenario.meanwhile("4500002").await;

    let rows = scenario.rows("4500001").await;
    assert_eq!(rows[1].message.as_deref(), Some("The period is closed."));
    assert_eq!((rows[1].fault.as_deref(), rows[1].attempts), (Some("refused"), 1));
    scenario.finish_leaving(&[("4500001", "parked"), ("4500001", "held")]).await;
}

#[sqlx::test(migrations = "../../migrations")]
async fn once_mended_a_retry_lets_it_and_everything_behind_it_go(pool: PgPoolOptions, options: PgConnectOptions) {
    let scenario = Scenario::start(pool, options).await;
    told(&scenario, &["4500001"]).await;
    scenario.erp.fault(refuse("4500001"));
    scenario.promise_again("4500001", 100).await;
    scenario.until("all are there", || async { scenario.states("4500001").await.len() == 101 }).await;
    scenario.erp.calm();
    scenario.retry(&scenario.rows("4500001").await[1]).await;
    scenario.until_accepted("4500001", 101).await;
    scenario.finish().await;
}

#[sqlx::test(migrations = "../../migrations")]
async fn what_is_skipped_with_a_reason_lets_the_rest_go(pool: PgPoolOptions, options: PgConnectOptions) {
    let scenario = Scenario::start(pool, options).await;
    told(&scenario, &["4500001"]).await;
    scenario.erp.fault(Rule::times(refuse("4500001"), 1));
    scenario.promise_again("4500001", 3).await;
    scenario.until("the rest is held", || async { scenario.states("4500001").await.len() == 4 }).await;
    scenario.skip(&scenario.rows("4500001").await[1]).await;
    scenario.until_accepted("4500001", 3).await;
    assert_eq!(scenario.states("4500001").await, ["delivered", "skipped", "delivered", "delivered"]);
    scenario.finish().await;
}

#[sqlx::test(migrations = "../../migrations")]
async fn an_answer_whose_acknowledgement_was_lost_has_one_effect(pool: PgPoolOptions, options: PgConnectOptions) {
    let scenario = Scenario::start(pool, options).await;
    told(&scenario, &["4500001", "4500002"]).await;
    for how in [Loss::Drop, Loss::Error, Loss::Hang] {
        let had = scenario.accepted("4500001");
        scenario.erp.fault(Rule::times(Fault::LoseAnswers { how }, 1).at(Door::Confirmations));
        scenario.promise_again("4500001", 1).await;
        scenario.until("it has taken effect there", || async { scenario.accepted("4500001") == had + 1 }).await;
        // Whatever our side made of the silence, it asks again in its time and with the same key.
        scenario
            .until("and is known here", || async {
                scenario.advance(TimeDelta::seconds(1));
                let states = scenario.states("4500001").await;
                states.len() == had + 1 && states.iter().all(|state| state == "delivered")
            })
            .await;
        assert_eq!(scenario.accepted("4500001"), had + 1, "{how:?}: once");
    }
    let repeats: Vec<u32> = scenario.erp.accepted().iter().map(|taken| taken.repeats).collect();
    assert_eq!(repeats.iter().sum::<u32>(), 3, "each was asked for again: {repeats:?}");
    scenario.finish().await;
}

#[sqlx::test(migrations = "../../migrations")]
async fn maintenance_does_not_use_up_tries(pool: PgPoolOptions, options: PgConnectOptions) {
    let scenario = Scenario::start(pool, options).await;
    told(&scenario, &["4500001"]).await;
    scenario.erp.fault(Rule::from(Fault::Maintenance { retry_after: 1800 }).at(Door::Confirmations));
    scenario.promise_again("4500001", 2).await;
    for _ in 0..12 {
        scenario.until("the circuit is open", || async { scenario.circuit().await == "open" }).await;
        scenario.advance(TimeDelta::minutes(31));
    }
    scenario.erp.calm();
    scenario
        .until("it is over", || async {
            scenario.advance(TimeDelta::minutes(1));
            scenario.states("4500001").await == ["delivered"; 3]
        })
        .await;
    assert!(scenario.rows("4500001").await.iter().all(|row| row.attempts == 1));
    scenario.finish().await;
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_paused_connection_queues_and_goes_on_where_it_stopped(pool: PgPoolOptions, options: PgConnectOptions) {
    let mut scenario = Scenario::start(pool, options).await;
    told(&scenario, &["4500001"]).await;
    scenario.rest().await;
    let ida = scenario.ida();
    let mut tx = scenario.store.begin(ida.clone()).await.expect("a transaction");
    connections::pause(&mut tx, scenario.connection, "their inventory count").await.expect("paused");
    tx.commit().await.expect("a commit");
    scenario.work();
    scenario.promise_again("4500001", 5).await;
    scenario
        .until("the new owner has looked at the log", || async {
            scenario.advance(TimeDelta::seconds(2));
            scenario.number("select cursor_position from connection_reader").await
                >= scenario.number("select max(position) from event").await
        })
        .await;
    assert_eq!(scenario.accepted("4500001"), 1, "nothing is sent");
    assert_eq!(scenario.number("select count(*) from delivery").await, 1, "and nothing is failed");

    let mut tx = scenario.store.begin(ida).await.expect("a transaction");
    connections::resume(&mut tx, scenario.connection, None).await.expect("resumed");
    tx.commit().await.expect("a commit");
    scenario.until_accepted("4500001", 6).await;
    scenario.finish().await;
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_dead_circuit_is_tried_now_when_a_person_says_so(pool: PgPoolOptions, options: PgConnectOptions) {
    let scenario = Scenario::start(pool, options).await;
    told(&scenario, &["4500001"]).await;
    let wrong = scenario.erp.fault(Rule::from(Fault::WrongCredentials).at(Door::Confirmations));
    scenario.promise_again("4500001", 1).await;
    scenario.until("the circuit is open", || async { scenario.circuit().await == "open" }).await;
    scenario.erp.mend(wrong);
    assert_eq!(scenario.accepted("4500001"), 1, "it would wait for a quarter of an hour");
    let mut tx = scenario.store.begin(scenario.ida()).await.expect("a transaction");
    connections::try_now(&mut tx, scenario.connection, "the key is right now").await.expect("tried");
    tx.commit().await.expect("a commit");
    scenario.until_accepted("4500001", 2).await;
    assert_eq!(scenario.rows("4500001").await[1].attempts, 1, "a wrong key is not the document's fault");
    scenario.finish().await;
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_delivery_whose_time_has_not_come_is_not_sent(pool: PgPoolOptions, options: PgConnectOptions) {
    let scenario = Scenario::start(pool, options).await;
    told(&scenario, &["4500001", "4500002"]).await;
    scenario.erp.fault(Rule::times(Fault::Locked, 1));
    scenario.promise_again("4500001", 1).await;
    scenario.until("it is to be tried again", || async { scenario.states("4500001").await.len() == 2 }).await;
    let row = scenario.rows("4500001").await.remove(1);
    assert_eq!((row.state.as_str(), row.fault.as_deref(), row.attempts), ("retrying", Some("temporary"), 1));
    scenario.meanwhile("4500002").await;
    let wait = row.next_attempt_at.expect("a time") - scenario.clock.now();
    scenario.advance(wait - TimeDelta::milliseconds(1));
    scenario.meanwhile("4500002").await;
    assert_eq!(scenario.accepted("4500001"), 1, "a millisecond too early");
    scenario.advance(TimeDelta::milliseconds(1));
    scenario.until_accepted("4500001", 2).await;
    assert_eq!(scenario.rows("4500001").await[1].attempts, 2);
    scenario.finish().await;
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_document_that_stays_locked_is_parked_after_eight_tries_and_others_go_on(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let scenario = Scenario::start(pool, options).await;
    told(&scenario, &["4500001", "4500002"]).await;
    for tries in 1..=8 {
        scenario.erp.fault(Rule::times(Fault::Locked, 1));
        match tries {
            1 => scenario.promise_again("4500001", 1).await,
            _ => scenario.advance(TimeDelta::minutes(10)),
        }
        scenario
            .until("the next try has failed", || async {
                scenario.rows("4500001").await.get(1).is_some_and(|row| row.attempts == tries)
            })
            .await;
    }
    assert_eq!(scenario.number("select count(*) from attempt").await, 8);
    scenario.meanwhile("4500002").await;
    scenario.finish_leaving(&[("4500001", "parked")]).await;
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_poisoned_order_with_thousands_of_events_stops_nobody_else(pool: PgPoolOptions, options: PgConnectOptions) {
    const POISON: usize = 2_000;
    let scenario = Scenario::start(pool, options).await;
    told(&scenario, &["4500001", "4500002"]).await;
    let poison = scenario.erp.fault(refuse("4500001"));
    scenario.promise_again("4500001", POISON).await;
    let parked = || scenario.number("select count(*) from delivery where state = 'parked'");
    scenario.until("its head is parked", || async { parked().await == 1 }).await;
    scenario.meanwhile("4500002").await;
    let held = || scenario.number("select count(*) from delivery where state = 'held'");
    scenario.until("the rest has rows", || async { held().await == POISON as i64 - 1 }).await;
    scenario.meanwhile("4500002").await;

    scenario.erp.mend(poison);
    scenario.retry(&scenario.rows("4500001").await[1]).await;
    scenario.until("the first half is drained", || async { held().await < POISON as i64 / 2 }).await;
    scenario.until("all of it", || async { held().await == 0 }).await;
    scenario.finish().await;
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_forgotten_open_transaction_stops_nothing_and_its_late_event_is_delivered(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let scenario = Scenario::start(pool, options).await;
    told(&scenario, &["4500001", "4500002"]).await;
    let mut forgotten = scenario.program().await;
    scenario.append_promises(&mut forgotten, "4500001", 2).await;
    let mut rolled_back = scenario.program().await;
    scenario.order("4500003").await;
    scenario.accept("4500003", &[]).await;
    scenario.until_accepted("4500003", 1).await;
    scenario.append_promises(&mut rolled_back, "4500003", 1).await;
    for _ in 0..5 {
        scenario.meanwhile("4500002").await;
        scenario.advance(TimeDelta::minutes(10));
    }
    rolled_back.rollback().await.expect("given up");
    scenario.meanwhile("4500002").await;
    assert_eq!(scenario.accepted("4500001"), 1, "it is not committed");
    forgotten.commit().await.expect("a commit");
    scenario.until_accepted("4500001", 3).await;
    scenario
        .until("no gap is left", || async {
            scenario.advance(TimeDelta::seconds(2));
            scenario.number("select jsonb_array_length(gaps)::bigint from connection_reader").await == 0
        })
        .await;
    scenario.finish().await;
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_probe_says_what_it_found_and_waits_for_nobody(pool: PgPoolOptions, options: PgConnectOptions) {
    let scenario = Scenario::start(pool, options).await;
    told(&scenario, &["4500001"]).await;
    scenario.erp.fault(refuse("4500001"));
    scenario.promise_again("4500001", 1).await;
    scenario.until("it is parked", || async { scenario.states("4500001").await.len() == 2 }).await;
    let mut tx = scenario.store.begin(scenario.ida()).await.expect("a transaction");
    store::deliveries::probe(&mut tx, scenario.connection).await.expect("asked");
    tx.commit().await.expect("a commit");
    scenario
        .until("the probe is answered", || async {
            scenario
                .number("select count(*) from delivery where triggered_by = 'probe' and state = 'delivered' and their_ref like 'Simulated ERP%'")
                .await
                == 1
        })
        .await;
    scenario.finish_leaving(&[("4500001", "parked")]).await;
}
