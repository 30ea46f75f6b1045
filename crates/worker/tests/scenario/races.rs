//! `store::deliveries` and the log alone: two transactions at a time, in the sequences that have gone wrong in systems of
//! this kind. The owner is played by the test; afterwards the real one has to bring everything to its end.

use std::future::Future;
use std::time::{Duration, Instant};

use domain::exchange::{DeliveryState, FaultClass};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use store::deliveries::{self, Batch, LogPage, OutcomeRow, ReadLog};
use store::{CommandError, StoreError, Tx};
use uuid::Uuid;
use worker::core::{GapList, Position, Snapshot};

use super::house::{Row, Scenario};

/// One order whose first promise is told; `more` others are in the log, and the worker has gone home.
async fn told(pool: PgPoolOptions, options: PgConnectOptions, more: usize) -> Scenario {
    let mut scenario = Scenario::start(pool, options).await;
    scenario.order("4500001").await;
    scenario.accept("4500001", &[]).await;
    scenario.until_accepted("4500001", 1).await;
    scenario.rest().await;
    if more > 0 {
        scenario.promise_again("4500001", more).await;
    }
    scenario
}

/// Position, event and subject of the promises that are not told yet.
async fn untold(scenario: &Scenario) -> Vec<(i64, Uuid, Uuid)> {
    sqlx::query_as(
        "select position, event_id, subject_id from event e
         where kind = 'order.promise_made' and not exists (select from delivery d where d.event_id = e.event_id)
         order by position",
    )
    .fetch_all(&scenario.owner)
    .await
    .expect("the log")
}

async fn own(scenario: &Scenario, name: &str) -> i64 {
    let mut tx = scenario.program().await;
    let standing = deliveries::begin_ownership(&mut tx, scenario.connection, name).await.expect("a fence");
    tx.commit().await.expect("a commit");
    standing.fence
}

fn outcome(scenario: &Scenario, of: (i64, Uuid, Uuid), row: Option<Uuid>, state: DeliveryState) -> OutcomeRow {
    let fault = match state {
        DeliveryState::Parked => Some((FaultClass::Refused, "no".to_owned())),
        DeliveryState::Retrying => Some((FaultClass::Temporary, "later".to_owned())),
        _ => None,
    };
    let now = scenario.clock.now();
    OutcomeRow {
        delivery_id: row,
        position: of.0,
        event_id: of.1,
        attempts: 1,
        at: now,
        state,
        next_attempt_at: (state == DeliveryState::Retrying).then_some(now),
        failure: fault.clone().map(|(class, message)| (class, message, 1)),
        fault,
        their_ref: None,
        duration_ms: None,
    }
}

fn batch(fence: i64, of: (i64, Uuid, Uuid), outcome: OutcomeRow) -> Batch {
    Batch { fence, cursor: of.0, outcomes: vec![outcome], subjects: vec![of.2], ..Batch::default() }
}

async fn write(scenario: &Scenario, batch: &Batch) -> Result<(), StoreError> {
    let mut tx = scenario.program().await;
    deliveries::write(&mut tx, scenario.connection, batch).await?;
    tx.commit().await
}

async fn ida(scenario: &Scenario) -> Tx {
    scenario.store.begin(scenario.ida()).await.expect("a transaction")
}

/// Ends `first` once `second` waits for one of its locks, and lets `second` go on.
async fn one_after_the_other<T>(scenario: &Scenario, first: Tx, second: impl Future<Output = T>) -> T {
    let end_first = async {
        scenario
            .until("the second waits for the first", || async {
                scenario
                    .number(
                        "select count(*) from pg_stat_activity
                         where datname = current_database() and wait_event_type = 'Lock'",
                    )
                    .await
                    > 0
            })
            .await;
        first.commit().await.expect("a commit");
    };
    tokio::join!(end_first, second).1
}

async fn states(scenario: &Scenario) -> Vec<String> {
    scenario.states("4500001").await
}

async fn parked(scenario: &Scenario) -> Row {
    scenario.rows("4500001").await.into_iter().find(|row| row.state == "parked").expect("a parked one")
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_row_that_is_held_while_a_person_skips_what_it_waits_for_is_promoted(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let mut scenario = told(pool, options, 2).await;
    let events = untold(&scenario).await;
    let fence = own(&scenario, "the test").await;
    write(&scenario, &batch(fence, events[0], outcome(&scenario, events[0], None, DeliveryState::Parked)))
        .await
        .expect("written");

    let mut person = ida(&scenario).await;
    deliveries::skip(&mut person, parked(&scenario).await.id, "told by telephone").await.expect("skipped");
    let held = batch(fence, events[1], outcome(&scenario, events[1], None, DeliveryState::Held));
    one_after_the_other(&scenario, person, write(&scenario, &held)).await.expect("written");
    assert_eq!(states(&scenario).await, ["delivered", "skipped", "retrying"], "not held behind nothing");
    scenario.work();
    scenario.until_accepted("4500001", 2).await;
    scenario.finish().await;
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_person_who_skips_while_a_row_is_being_held_promotes_it(pool: PgPoolOptions, options: PgConnectOptions) {
    let mut scenario = told(pool, options, 2).await;
    let events = untold(&scenario).await;
    let fence = own(&scenario, "the test").await;
    write(&scenario, &batch(fence, events[0], outcome(&scenario, events[0], None, DeliveryState::Parked)))
        .await
        .expect("written");

    let parked = parked(&scenario).await.id;
    let mut worker = scenario.program().await;
    let held = batch(fence, events[1], outcome(&scenario, events[1], None, DeliveryState::Held));
    deliveries::write(&mut worker, scenario.connection, &held).await.expect("written");
    let skip = async {
        let mut person = ida(&scenario).await;
        deliveries::skip(&mut person, parked, "told by telephone").await?;
        person.commit().await.map_err(CommandError::from)
    };
    one_after_the_other(&scenario, worker, skip).await.expect("skipped");
    assert_eq!(states(&scenario).await, ["delivered", "skipped", "retrying"]);
    scenario.work();
    scenario.until_accepted("4500001", 2).await;
    scenario.finish().await;
}

#[sqlx::test(migrations = "../../migrations")]
async fn what_was_skipped_while_on_its_way_stays_skipped_unless_it_arrived_after_all(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let mut scenario = told(pool, options, 1).await;
    let event = untold(&scenario).await[0];
    let fence = own(&scenario, "the test").await;
    write(&scenario, &batch(fence, event, outcome(&scenario, event, None, DeliveryState::Retrying)))
        .await
        .expect("written");
    let row = scenario.rows("4500001").await.remove(1);
    scenario.skip(&row).await;
    write(&scenario, &batch(fence, event, outcome(&scenario, event, Some(row.id.0), DeliveryState::Retrying)))
        .await
        .expect("written");
    assert_eq!(states(&scenario).await, ["delivered", "skipped"], "a failure is no news any more");
    assert_eq!(scenario.number("select count(*) from attempt").await, 2, "but it is remembered");

    // The ERP has it: the real owner sends it for the test, by a resend with the same key.
    scenario.work();
    let mut tx = ida(&scenario).await;
    deliveries::resend(&mut tx, row.id, "they want it after all").await.expect("resent");
    tx.commit().await.expect("a commit");
    scenario.until("it is there", || async { scenario.accepted("4500001") == 2 }).await;
    scenario.rest().await;
    let document = scenario.erp.accepted()[1].document.clone();
    let fence = own(&scenario, "the test").await;
    let arrived =
        OutcomeRow { their_ref: Some(document), ..outcome(&scenario, event, Some(row.id.0), DeliveryState::Delivered) };
    write(&scenario, &batch(fence, event, arrived)).await.expect("written");
    let rows = scenario.rows("4500001").await;
    assert!(rows.iter().all(|row| row.state == "delivered"), "what arrived, arrived: {rows:?}");
    scenario.finish().await;
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_row_made_by_a_person_waits_while_its_order_is_in_trouble(pool: PgPoolOptions, options: PgConnectOptions) {
    let mut scenario = told(pool, options, 1).await;
    let event = untold(&scenario).await[0];
    let fence = own(&scenario, "the test").await;
    write(&scenario, &batch(fence, event, outcome(&scenario, event, None, DeliveryState::Parked)))
        .await
        .expect("written");
    let rows = scenario.rows("4500001").await;
    let mut tx = ida(&scenario).await;
    let again = deliveries::resend(&mut tx, rows[0].id, "they lost it").await.expect("resent");
    tx.commit().await.expect("a commit");
    let state = async || scenario.rows("4500001").await.into_iter().find(|row| row.id == again).map(|row| row.state);
    assert_eq!(state().await.as_deref(), Some("held"));
    scenario.skip(&rows[1]).await;
    assert_eq!(state().await.as_deref(), Some("retrying"));
    scenario.work();
    scenario
        .until("it is sent again", || async {
            scenario.rows("4500001").await.iter().any(|row| row.id == again && row.state == "delivered")
        })
        .await;
    assert_eq!(scenario.erp.accepted()[0].repeats, 1, "with the same key");
    scenario.finish().await;
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_zombies_late_write_and_read_are_refused_and_change_nothing(pool: PgPoolOptions, options: PgConnectOptions) {
    let mut scenario = told(pool, options, 1).await;
    let event = untold(&scenario).await[0];
    let zombie = own(&scenario, "the zombie").await;
    let owner = own(&scenario, "its successor").await;
    assert!(owner > zombie);
    let cursor = scenario.number("select cursor_position from connection_reader").await;
    let late = batch(zombie, event, outcome(&scenario, event, None, DeliveryState::Parked));
    assert!(matches!(write(&scenario, &late).await, Err(StoreError::Deposed)));
    let mut tx = scenario.program().await;
    let read = ReadLog { fence: zombie, after: 0, limit: 10, ..ReadLog::default() };
    assert!(matches!(deliveries::read_log(&mut tx, scenario.connection, &read).await, Err(StoreError::Deposed)));
    tx.rollback().await.expect("given up");
    assert_eq!(scenario.number("select cursor_position from connection_reader").await, cursor);
    assert_eq!(states(&scenario).await, ["delivered"]);

    // A take-over in the middle of a write waits for it; the next write is refused.
    let mut writing = scenario.program().await;
    let held = batch(owner, event, outcome(&scenario, event, None, DeliveryState::Parked));
    deliveries::write(&mut writing, scenario.connection, &held).await.expect("written");
    let third = one_after_the_other(&scenario, writing, own(&scenario, "the third")).await;
    assert_eq!(third, owner + 1);
    assert!(matches!(
        write(&scenario, &Batch { fence: owner, cursor, ..Batch::default() }).await,
        Err(StoreError::Deposed)
    ));
    scenario.work();
    scenario.finish_leaving(&[("4500001", "parked")]).await;
}

/// The log as the owner reads it, with the gap list that the core keeps.
struct Reader<'a> {
    scenario: &'a Scenario,
    fence: i64,
    gaps: GapList,
}

impl Reader<'_> {
    async fn read(&mut self) -> Vec<i64> {
        let gaps = self
            .gaps
            .open()
            .map(|gap| deliveries::Gap { first: gap.first.0, last: gap.last.0, horizon: gap.horizon })
            .collect();
        let read = ReadLog { fence: self.fence, after: self.gaps.read_to().0, gaps, limit: 100, kinds: Vec::new() };
        let mut tx = self.scenario.program().await;
        let LogPage { found, beyond, xmin, horizon } =
            deliveries::read_log(&mut tx, self.scenario.connection, &read).await.expect("the log");
        tx.commit().await.expect("a commit");
        let positions = |rows: &[deliveries::LogRow]| rows.iter().map(|row| Position(row.position)).collect::<Vec<_>>();
        let (found, beyond) = (positions(&found), positions(&beyond));
        self.gaps.saw(&found, &beyond, true, Snapshot { xmin, horizon });
        found.iter().chain(&beyond).map(|position| position.0).collect()
    }

    fn open(&self) -> Vec<(i64, i64)> {
        self.gaps.open().map(|gap| (gap.first.0, gap.last.0)).collect()
    }
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_late_commit_with_a_lower_position_is_found_and_a_rolled_back_one_is_dropped(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let mut scenario = told(pool, options, 0).await;
    let other = scenario.record("4500001").await;
    let fence = own(&scenario, "the test").await;
    let at = scenario.number("select max(position) from event").await;
    let mut reader = Reader { scenario: &scenario, fence, gaps: GapList::resume(Position(at), []) };

    let (mut late, mut lost, mut quick) =
        (scenario.program().await, scenario.program().await, scenario.program().await);
    let note = |number: u32| domain::event::Event::OrderClosed { order: format!("note {number}") };
    // Subjects of their own, so that nobody waits for a subject's lock.
    let about = |id| store::events::About {
        subject: domain::event::Subject { kind: domain::event::SubjectKind::Order, id },
        ..super::house::about(&other)
    };
    for (tx, count) in [(&mut late, 1), (&mut lost, 2), (&mut quick, 1)] {
        let about = about(scenario.store.new_id());
        for number in 0..count {
            store::events::append(tx, about, &[note(number)], None).await.expect("appended");
        }
    }
    assert_eq!(reader.read().await, Vec::<i64>::new());
    quick.commit().await.expect("a commit");
    assert_eq!(reader.read().await, [at + 4], "what is there is taken at once");
    assert_eq!(reader.open(), [(at + 1, at + 3)]);
    for _ in 0..3 {
        assert_eq!(reader.read().await, Vec::<i64>::new());
        assert_eq!(reader.open(), [(at + 1, at + 3)], "nothing is given up while a transaction is open");
    }
    late.commit().await.expect("a commit");
    assert_eq!(reader.read().await, [at + 1], "late, and not lost");
    assert_eq!(reader.open(), [(at + 2, at + 3)]);
    lost.rollback().await.expect("given up");
    // A snapshot's xmin counts the transactions of every database of the cluster, so other tests may keep the gap open
    // for a moment.
    let begun = Instant::now();
    while !reader.open().is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(60), "what was rolled back will never come");
        assert_eq!(reader.read().await, Vec::<i64>::new());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    scenario.work();
    scenario.finish().await;
}
