//! Messages: once per key, repeats counted, other content kept apart, in order per subject, again by a person.

use chrono::TimeDelta;
use domain::access::{Role, Scope};
use domain::exchange::ArrivalState;
use domain::id::ArrivalId;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use store::arrivals::{self, Accepted, Arrival, End, Incoming};
use store::{CommandError, Tx, connections};

use crate::scene::{Scene, program, who};

fn message(scene: &Scene, key: &str, subject: &str, body: &str) -> Incoming {
    Incoming {
        external_key: key.to_owned(),
        subject: subject.to_owned(),
        channel: "orders".to_owned(),
        content_type: "application/json".to_owned(),
        body: body.to_owned(),
        correlation: scene.store.new_correlation(),
    }
}

async fn accept(scene: &Scene, messages: &[Incoming]) -> Vec<Accepted> {
    let mut tx = scene.program().await;
    let accepted = arrivals::accept(&mut tx, scene.erp, messages).await.expect("accepted");
    tx.commit().await.expect("a commit");
    accepted
}

async fn lease(scene: &Scene, subject: &str) -> (Tx, Option<Arrival>) {
    let mut tx = scene.program().await;
    let leased = arrivals::lease(&mut tx, scene.erp, subject).await.expect("asked");
    (tx, leased)
}

async fn finish(scene: &Scene, subject: &str, end: End) -> Arrival {
    let (mut tx, leased) = lease(scene, subject).await;
    let leased = leased.expect("something to apply");
    assert!(arrivals::finish(&mut tx, leased.arrival_id, &end).await.expect("finished"));
    tx.commit().await.expect("a commit");
    leased
}

async fn due(scene: &Scene) -> Vec<String> {
    let mut tx = scene.program().await;
    arrivals::due(&mut tx, scene.erp, 100).await.expect("asked")
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_message_is_stored_once_and_its_repeats_are_counted_and_get_the_first_outcome(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let scene = Scene::new(pool, options).await;
    let one = message(&scene, "k1", "4500001", "{}");
    // Twice in one batch, then in another.
    let first = accept(&scene, &[one.clone(), message(&scene, "k2", "4500002", "{}"), one.clone()]).await;
    assert_eq!(first.iter().map(|it| it.is_new).collect::<Vec<_>>(), [true, true, false]);
    assert_eq!(first[0].arrival_id, first[2].arrival_id);
    finish(&scene, "4500001", End::Applied("order 4500001: published".to_owned())).await;

    let again = accept(&scene, &[message(&scene, "k1", "4500001", "{}")]).await;
    assert_eq!(again[0].arrival_id, first[0].arrival_id);
    assert_eq!((again[0].is_new, again[0].state), (false, ArrivalState::Applied));
    assert_eq!(again[0].outcome.as_deref(), Some("order 4500001: published"));
    assert_eq!(scene.count("select count(*) from arrival").await, 2);
    assert_eq!(scene.count("select repeats::bigint from arrival where external_key = 'k1'").await, 2);
    assert_eq!(due(&scene).await, ["4500002"], "a repeat is not applied again");
}

#[sqlx::test(migrations = "../../migrations")]
async fn the_same_key_with_other_content_is_kept_apart_and_waits_for_a_person(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let scene = Scene::new(pool, options).await;
    let first = accept(&scene, &[message(&scene, "k1", "4500001", "{}")]).await;
    let other = message(&scene, "k1", "4500001", "{\"other\": true}");
    // In a later batch, again, and twice within one batch.
    for (round, batch) in
        [vec![other.clone()], vec![message(&scene, "k1", "4500001", "{}"), other.clone()]].iter().enumerate()
    {
        let accepted = accept(&scene, batch).await;
        let conflict = accepted.last().expect("one");
        assert_eq!(conflict.is_new, round == 0);
        assert_eq!(conflict.state, ArrivalState::NotUnderstood);
        assert_eq!(conflict.conflicts_with, Some(first[0].arrival_id));
        let words = format!("same key, other content than arrival {}", first[0].arrival_id);
        assert_eq!(conflict.outcome.as_deref(), Some(words.as_str()));
    }
    let fresh = accept(&scene, &[message(&scene, "k9", "s", "1"), message(&scene, "k9", "s", "2")]).await;
    assert_eq!(fresh[0].state, ArrivalState::Received);
    assert_eq!(fresh[1].conflicts_with, Some(fresh[0].arrival_id));
    assert_eq!(
        scene.count("select count(*) from arrival where external_key like 'k1#%' and length(external_key) = 15").await,
        1
    );
    assert_eq!(due(&scene).await, ["4500001", "s"]);
}

#[sqlx::test(migrations = "../../migrations")]
async fn the_same_message_pushed_eight_times_at_once_is_one(pool: PgPoolOptions, options: PgConnectOptions) {
    let scene = Scene::new(pool, options).await;
    let push = || async { accept(&scene, &[message(&scene, "k1", "s", "{}")]).await.remove(0) };
    let all: [Accepted; 8] = tokio::join!(push(), push(), push(), push(), push(), push(), push(), push()).into();
    assert_eq!(all.iter().filter(|one| one.is_new).count(), 1);
    assert!(all.iter().all(|one| one.arrival_id == all[0].arrival_id));
    assert_eq!(scene.count("select repeats::bigint from arrival").await, 7);
}

#[sqlx::test(migrations = "../../migrations")]
async fn messages_of_a_subject_are_applied_in_order_and_only_by_one(pool: PgPoolOptions, options: PgConnectOptions) {
    let scene = Scene::new(pool, options).await;
    let batch =
        [message(&scene, "k1", "one", "1"), message(&scene, "k2", "two", "2"), message(&scene, "k3", "one", "3")];
    accept(&scene, &batch).await;
    assert_eq!(due(&scene).await, ["one", "two"]);

    let (mut at_it, first) = lease(&scene, "one").await;
    let first = first.expect("the first");
    assert_eq!(first.external_key, "k1");
    let (_, none) = lease(&scene, "one").await;
    assert_eq!(none, None, "the second waits for the first, it is not taken instead");
    let (_, two) = lease(&scene, "two").await;
    assert_eq!(two.expect("others go on").external_key, "k2");

    arrivals::finish(&mut at_it, first.arrival_id, &End::Applied("done".to_owned())).await.expect("finished");
    at_it.commit().await.expect("a commit");
    assert_eq!(finish(&scene, "one", End::Refused("no".to_owned())).await.external_key, "k3");
    assert_eq!(due(&scene).await, ["two"]);

    // A worker that dies with a lease leaves nothing behind.
    let (at_it, leased) = lease(&scene, "two").await;
    assert!(leased.is_some());
    at_it.rollback().await.expect("given up");
    let (_, leased) = lease(&scene, "two").await;
    assert!(leased.is_some());
}

#[sqlx::test(migrations = "../../migrations")]
async fn one_that_is_tried_again_later_holds_its_subject_and_no_other(pool: PgPoolOptions, options: PgConnectOptions) {
    let scene = Scene::new(pool, options).await;
    accept(
        &scene,
        &[message(&scene, "k1", "one", "1"), message(&scene, "k2", "one", "2"), message(&scene, "k3", "two", "3")],
    )
    .await;
    let at = scene.store.clock().now() + TimeDelta::seconds(5);
    finish(&scene, "one", End::Retrying { at, why: "deadlock".to_owned() }).await;
    assert_eq!(due(&scene).await, ["two"]);
    let (_, none) = lease(&scene, "one").await;
    assert_eq!(none, None);

    scene.store.clock().advance(TimeDelta::seconds(5));
    assert_eq!(due(&scene).await, ["one", "two"]);
    let again = finish(&scene, "one", End::Applied("done".to_owned())).await;
    assert_eq!((again.external_key.as_str(), again.attempts), ("k1", 1));
    let (mut tx, _) = lease(&scene, "nothing").await;
    let late = arrivals::finish(&mut tx, again.arrival_id, &End::Refused("late".to_owned())).await.expect("asked");
    assert!(!late, "what is finished stays as it is");
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_paused_connection_takes_messages_and_applies_none(pool: PgPoolOptions, options: PgConnectOptions) {
    let scene = Scene::new(pool, options).await;
    let mut tx = scene.begin(scene.integration_admin()).await;
    connections::pause(&mut tx, scene.erp, "moving house").await.expect("paused");
    tx.commit().await.expect("a commit");
    accept(&scene, &[message(&scene, "k1", "one", "1")]).await;
    let mut tx = scene.program().await;
    assert_eq!(arrivals::waiting(&mut tx).await.expect("asked"), []);
    connections::resume(&mut tx, scene.erp, None).await.expect("resumed");
    assert_eq!(arrivals::waiting(&mut tx).await.expect("asked"), [scene.erp]);
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_person_with_the_right_and_a_reason_applies_a_message_again(pool: PgPoolOptions, options: PgConnectOptions) {
    let scene = Scene::new(pool, options).await;
    let id = accept(&scene, &[message(&scene, "k1", "one", "1")]).await[0].arrival_id;
    let again = |who, reason: &'static str, id: ArrivalId| {
        let scene = &scene;
        async move {
            let mut tx = scene.begin(who).await;
            arrivals::reapply(&mut tx, id, reason).await?;
            Ok::<_, CommandError>(tx.commit().await?)
        }
    };
    let waits = again(scene.integration_admin(), "why not", id).await.expect_err("it waits already");
    assert!(matches!(waits, CommandError::Invalid(_)), "{waits:?}");
    finish(&scene, "one", End::NotUnderstood("$.lines: missing".to_owned())).await;
    accept(&scene, &[message(&scene, "k2", "one", "2")]).await;

    let buyer = who(&scene.store, "Bea", &[Role::Buyer], Scope::All);
    assert!(matches!(again(buyer, "because", id).await, Err(CommandError::Denied(_))));
    assert!(matches!(again(scene.integration_admin(), "  ", id).await, Err(CommandError::Invalid(_))));
    let unknown = ArrivalId(scene.store.new_id());
    assert!(matches!(again(scene.integration_admin(), "because", unknown).await, Err(CommandError::NotFound { .. })));

    let mut woken = scene.store.signals().subscribe(store::signal::Topic::Arrivals);
    woken.borrow_and_update();
    again(scene.integration_admin(), "the mapping is fixed", id).await.expect("again");
    assert!(woken.has_changed().expect("the store lives"), "whoever applies is told");
    let (_, leased) = lease(&scene, "one").await;
    let leased = leased.expect("it is first in its subject again");
    assert_eq!((leased.arrival_id, leased.attempts), (id, 0));
    let audited =
        "select count(*) from audit_entry where action = 'arrival.reapply' and reason = 'the mapping is fixed'
                   and before ->> 'outcome' = '$.lines: missing'";
    assert_eq!(scene.count(audited).await, 1);
}

#[sqlx::test(migrations = "../../migrations")]
async fn only_a_commit_wakes_who_waits(pool: PgPoolOptions, options: PgConnectOptions) {
    let scene = Scene::new(pool, options).await;
    let mut woken = scene.store.signals().subscribe(store::signal::Topic::Arrivals);
    woken.borrow_and_update();
    let mut tx = scene.store.begin(program(&scene.store)).await.expect("a transaction");
    arrivals::accept(&mut tx, scene.erp, &[message(&scene, "k1", "one", "1")]).await.expect("accepted");
    assert!(!woken.has_changed().expect("the store lives"));
    drop(tx);
    assert!(!woken.has_changed().expect("the store lives"), "what was rolled back is nobody's business");
    accept(&scene, &[message(&scene, "k1", "one", "1")]).await;
    assert!(woken.has_changed().expect("the store lives"));
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_message_that_postgresql_could_not_keep_does_not_keep_others_from_being_stored(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let scene = Scene::new(pool, options).await;
    let long = "k".repeat(5_000);
    let batch = [
        message(&scene, &long, &"s".repeat(100_000), "a\0b"),
        message(&scene, &format!("{long}2"), "two", "{}"),
        message(&scene, "k3", "three", "{}"),
    ];
    let accepted = accept(&scene, &batch).await;
    assert!(accepted.iter().all(|one| one.is_new), "different keys stay different");
    assert!(accept(&scene, &batch).await.iter().all(|one| !one.is_new), "and the same");
    assert_eq!(due(&scene).await.len(), 3);
    assert_eq!(scene.count("select max(length(external_key))::bigint from arrival").await, 113);
}
