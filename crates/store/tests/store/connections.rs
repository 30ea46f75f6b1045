//! Connections: configured by the right people, paused with a reason, audited; and their feeds, polled by one at a time.

use chrono::TimeDelta;
use domain::exchange::CircuitState;
use serde_json::json;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use store::connections::{self, Configured, Takes};
use store::{CommandError, feeds};

use crate::scene::{Scene, configured, snapshot};

#[sqlx::test(migrations = "../../migrations")]
async fn a_connection_starts_with_its_feeds_and_its_place_in_the_log(pool: PgPoolOptions, options: PgConnectOptions) {
    let scene = Scene::new(pool, options).await;
    scene.mirror(&snapshot("4500001", "A")).await;
    let mut tx = scene.begin(scene.integration_admin()).await;
    connections::add(&mut tx, "rest", &configured("ERP 2"), &["orders", "items"]).await.expect("added");
    let broker = Configured { takes: Takes::All, ..configured("Broker") };
    connections::add(&mut tx, "rest", &broker, &[]).await.expect("added");
    let error = connections::add(&mut tx, "rest", &configured("ERP"), &[]).await.expect_err("the name is taken");
    assert!(matches!(&error, CommandError::Invalid(words) if words.contains("called ERP")), "{error:?}");
    drop(tx);

    let mut tx = scene.begin(scene.integration_admin()).await;
    connections::add(&mut tx, "rest", &configured("ERP 2"), &["orders", "items"]).await.expect("added");
    connections::add(&mut tx, "rest", &broker, &[]).await.expect("added");
    tx.commit().await.expect("a commit");
    let places: Vec<(String, bool, i64)> = sqlx::query_as(
        "select name, cursor_position > 0, (select count(*) from feed f where f.connection_id = c.connection_id)
         from connection c join connection_reader r using (connection_id) order by name",
    )
    .fetch_all(&scene.owner)
    .await
    .expect("the readers");
    let expected = [("Broker", false, 0), ("ERP", false, 1), ("ERP 2", true, 2)];
    assert_eq!(places, expected.map(|(name, later, feeds)| (name.to_owned(), later, feeds)));
}

#[sqlx::test(migrations = "../../migrations")]
async fn only_an_integration_admin_changes_a_connection_and_never_over_somebody_elses_change(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let scene = Scene::new(pool, options).await;
    for who in [scene.buyer(), scene.supplier(scene.a)] {
        let mut tx = scene.begin(who).await;
        assert!(matches!(connections::list(&mut tx).await, Err(CommandError::Denied(_))));
        assert!(matches!(
            connections::save(&mut tx, scene.erp, 1, &configured("Mine")).await,
            Err(CommandError::Denied(_))
        ));
        assert!(matches!(connections::pause(&mut tx, scene.erp, "because").await, Err(CommandError::Denied(_))));
    }
    for wrong in [
        Configured { name: "  ".to_owned(), ..configured("x") },
        Configured { in_flight_limit: 65, ..configured("x") },
        Configured { plant_id: Some(scene.store.new_id().into()), ..configured("x") },
    ] {
        let mut tx = scene.begin(scene.integration_admin()).await;
        assert!(matches!(connections::save(&mut tx, scene.erp, 1, &wrong).await, Err(CommandError::Invalid(_))));
    }
    let mut tx = scene.begin(scene.integration_admin()).await;
    let retry_at = tx.now() + TimeDelta::minutes(15);
    connections::save_circuit(&mut tx, scene.erp, CircuitState::Open, Some("401"), Some(retry_at))
        .await
        .expect("noted");
    let changed = Configured { settings: json!({ "base_url": "https://new.example.com" }), ..configured("ERP") };
    assert_eq!(connections::save(&mut tx, scene.erp, 1, &changed).await.expect("saved"), 2);
    let error = connections::save(&mut tx, scene.erp, 1, &changed).await.expect_err("an old version");
    assert!(matches!(&error, CommandError::Invalid(words) if words.contains("Somebody else")), "{error:?}");
    let now = connections::get(&mut tx, scene.erp).await.expect("it is there");
    assert_eq!((now.configured, now.settings_version), (changed, 2));
    assert_eq!(now.circuit.retry_at, Some(scene.store.clock().now()), "who mends it need not wait");
    tx.commit().await.expect("a commit");
    let audited = "select count(*) from audit_entry where action = 'connection.save'
                   and before #>> '{settings,base_url}' = 'https://erp.example.com'
                   and after #>> '{settings,base_url}' = 'https://new.example.com'";
    assert_eq!(scene.count(audited).await, 1);
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_pause_has_a_reason_and_ends_by_a_person(pool: PgPoolOptions, options: PgConnectOptions) {
    let scene = Scene::new(pool, options).await;
    let mut tx = scene.begin(scene.integration_admin()).await;
    assert!(matches!(connections::pause(&mut tx, scene.erp, " ").await, Err(CommandError::Invalid(_))));
    assert!(matches!(connections::resume(&mut tx, scene.erp, None).await, Err(CommandError::Invalid(_))));
    connections::pause(&mut tx, scene.erp, "moving house").await.expect("paused");
    let paused = connections::get(&mut tx, scene.erp).await.expect("it").pause.expect("paused");
    assert_eq!((paused.by.as_str(), paused.reason.as_str()), ("Ida", "moving house"));
    let error = connections::pause(&mut tx, scene.erp, "again").await.expect_err("it is paused");
    assert!(error.to_string().contains("Ida has paused it already"), "{error}");
    connections::resume(&mut tx, scene.erp, Some("moved".to_owned())).await.expect("resumed");
    assert_eq!(connections::get(&mut tx, scene.erp).await.expect("it").pause, None);
    tx.commit().await.expect("a commit");
    assert_eq!(scene.count("select count(*) from audit_entry where action in ('connection.pause', 'connection.resume') and reason is not null").await, 2);
}

#[sqlx::test(migrations = "../../migrations")]
async fn the_circuit_remembers_since_when(pool: PgPoolOptions, options: PgConnectOptions) {
    let scene = Scene::new(pool, options).await;
    let start = scene.store.clock().now();
    for (state, reason) in [
        (CircuitState::Open, Some("down")),
        (CircuitState::Open, Some("still down")),
        (CircuitState::HalfOpen, Some("trying")),
    ] {
        let mut tx = scene.program().await;
        connections::save_circuit(&mut tx, scene.erp, state, reason, None).await.expect("noted");
        let circuit = connections::get(&mut tx, scene.erp).await.expect("it").circuit;
        assert_eq!((circuit.state, circuit.reason.as_deref()), (state, reason));
        let since = if state == CircuitState::Open { start } else { scene.store.clock().now() };
        assert_eq!(circuit.since, Some(since));
        tx.commit().await.expect("a commit");
        scene.store.clock().advance(TimeDelta::minutes(1));
    }
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_feed_is_polled_by_one_and_who_was_away_too_long_stores_nothing(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let scene = Scene::new(pool, options).await;
    let clock = scene.store.clock().clone();
    let take = || async {
        let mut tx = scene.program().await;
        let until = tx.now() + TimeDelta::seconds(30);
        let leased = feeds::lease(&mut tx, until, 10).await.expect("asked");
        tx.commit().await.expect("a commit");
        leased
    };
    let (one, two) = tokio::join!(take(), take());
    assert_eq!(one.len() + two.len(), 1, "one of them has it");
    let mut slow = one.into_iter().chain(two).next().expect("the lease");

    clock.advance(TimeDelta::seconds(31));
    let mut quick = take().await.pop().expect("the lease has ended");
    let next = clock.now() + TimeDelta::seconds(15);
    let mut tx = scene.program().await;
    assert!(!feeds::renew(&mut tx, &mut slow.clone(), next).await.expect("asked"));
    assert!(!feeds::advance(&mut tx, &mut slow, json!("slow"), next).await.expect("asked"));
    assert!(feeds::advance(&mut tx, &mut quick, json!("quick"), next).await.expect("asked"));
    tx.commit().await.expect("a commit");
    assert_eq!(take().await, [], "not due yet");
    clock.advance(TimeDelta::seconds(15));
    let again = take().await.pop().expect("due");
    assert_eq!((again.cursor.clone(), again.failures), (json!("quick"), 0));

    let mut tx = scene.program().await;
    let later = clock.now() + TimeDelta::minutes(10);
    feeds::failed(&mut tx, &again, "GET /orders: 503", later).await.expect("noted");
    assert_eq!(feeds::next_due(&mut tx).await.expect("asked"), Some(later));
    tx.commit().await.expect("a commit");
    assert_eq!(take().await, []);
    let mut tx = scene.begin(scene.integration_admin()).await;
    connections::save(&mut tx, scene.erp, 1, &configured("ERP")).await.expect("mended");
    tx.commit().await.expect("a commit");
    assert_eq!(take().await.pop().expect("tried at once").failures, 1);
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_feed_of_a_paused_or_cut_off_connection_rests(pool: PgPoolOptions, options: PgConnectOptions) {
    let scene = Scene::new(pool, options).await;
    let mut tx = scene.program().await;
    let until = tx.now() + TimeDelta::seconds(30);
    let open_until = tx.now() + TimeDelta::minutes(5);
    connections::pause(&mut tx, scene.erp, "moving house").await.expect("paused");
    assert_eq!(feeds::lease(&mut tx, until, 10).await.expect("asked"), []);
    connections::resume(&mut tx, scene.erp, None).await.expect("resumed");
    connections::save_circuit(&mut tx, scene.erp, CircuitState::Open, Some("down"), Some(open_until))
        .await
        .expect("noted");
    assert_eq!(feeds::lease(&mut tx, until, 10).await.expect("asked"), []);
    tx.commit().await.expect("a commit");
    scene.store.clock().advance(TimeDelta::minutes(5));
    let mut tx = scene.program().await;
    assert_eq!(feeds::lease(&mut tx, open_until + TimeDelta::seconds(30), 10).await.expect("asked").len(), 1);
}
