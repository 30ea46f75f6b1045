//! What the ERP says: published, revised, ignored when stale; every field that changed is there afterwards.

use domain::command::Command;
use domain::negotiation::Negotiation;
use domain::order::OrderStatus;
use domain::quantity::Unit;
use domain::revision::Mirrored;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use store::perform::perform;
use store::{CommandError, orders};

use crate::scene::{Scene, accept_all, day, late, snapshot, time};

#[sqlx::test(migrations = "../../migrations")]
async fn a_new_order_is_published_and_told_again_it_is_left_alone(pool: PgPoolOptions, options: PgConnectOptions) {
    let scene = Scene::new(pool, options).await;
    assert!(matches!(scene.mirror(&snapshot("4500001", "A")).await, Mirrored::Changed(_)));
    assert_eq!(scene.mirror(&snapshot("4500001", "A")).await, Mirrored::Unchanged);
    let record = scene.order("4500001").await;
    assert_eq!((record.order.revision, record.order.lines.len()), (1, 2));
    assert_eq!(record.order.supplier_id, scene.a);
    assert_eq!(scene.history(&record).await, ["order.published"]);
    assert_eq!(scene.count("select count(*) from link").await, 3, "the ERP's keys of the order and its lines");
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_revision_touches_only_what_changed_and_saves_all_of_it(pool: PgPoolOptions, options: PgConnectOptions) {
    let scene = Scene::new(pool, options).await;
    let mut told = snapshot("4500001", "A");
    scene.mirror(&told).await;
    let mut tx = scene.begin(scene.supplier(scene.a)).await;
    orders::confirm(&mut tx, "4500001", &accept_all(&scene.order("4500001").await)).await.expect("taken");
    tx.commit().await.expect("a commit");

    told.their_version = 7;
    told.buyer = Some("Ben".to_owned());
    told.incoterm = None;
    told.lines[0].item.number = "4713".to_owned();
    told.lines[0].item.description = "Part 4713".to_owned();
    told.lines[0].supplier_item = Some("X-1".to_owned());
    told.lines[0].unit = Unit::new("KG");
    told.lines[0].price = Some("13.75".parse().expect("a price"));
    told.lines[0].schedule[0].quantity = 80.into();
    told.lines[0].schedule[0].requested_on = day("2026-12-12");
    assert!(matches!(scene.mirror(&told).await, Mirrored::Changed(_)));

    let record = scene.order("4500001").await;
    assert_eq!((record.order.revision, record.order.their_version), (2, 7));
    assert_eq!((record.order.buyer.as_deref(), record.order.incoterm.as_deref()), (Some("Ben"), None));
    assert!(record.revised_at.is_some());
    let line = &record.order.lines[0];
    assert_eq!((line.item_number.as_str(), line.description.as_str(), line.unit.code()), ("4713", "Part 4713", "KG"));
    assert_eq!((line.supplier_item.as_deref(), line.price), (Some("X-1"), Some("13.75".parse().expect("a price"))));
    let schedule = &line.schedule[0];
    assert_eq!((schedule.quantity, schedule.requested_on), (80.into(), day("2026-12-12")));
    assert_eq!(schedule.state, Negotiation::Published, "it needs a new answer");
    assert!(schedule.first_promise.is_some(), "and keeps what was promised first");
    assert_eq!(schedule.change.as_ref().and_then(|change| change.quantity), Some(100.into()));
    assert_eq!(record.order.lines[1].schedule[0].state, Negotiation::Accepted, "the other keeps its answer");

    // What is stored is what the domain decided: telling the same once more finds no difference.
    assert_eq!(scene.mirror(&told).await, Mirrored::Unchanged);
}

#[sqlx::test(migrations = "../../migrations")]
async fn another_currency_is_saved_with_the_prices_it_changes(pool: PgPoolOptions, options: PgConnectOptions) {
    let scene = Scene::new(pool, options).await;
    let mut told = snapshot("4500001", "A");
    scene.mirror(&told).await;
    told.their_version = 2;
    told.currency = "CHF".to_owned();
    assert!(matches!(scene.mirror(&told).await, Mirrored::Changed(_)));
    assert_eq!(scene.order("4500001").await.order.currency, "CHF");
    assert_eq!(scene.mirror(&told).await, Mirrored::Unchanged);
}

#[sqlx::test(migrations = "../../migrations")]
async fn added_lines_appear_and_dropped_ones_are_cancelled(pool: PgPoolOptions, options: PgConnectOptions) {
    let scene = Scene::new(pool, options).await;
    let mut told = snapshot("4500001", "A");
    let third = told.lines[1].clone();
    scene.mirror(&told).await;
    told.their_version = 2;
    told.lines[1].number = "0030".to_owned();
    let mut more = told.lines[0].schedule[0].clone();
    more.number = 2;
    told.lines[0].schedule.push(more);
    scene.mirror(&told).await;
    let record = scene.order("4500001").await;
    let states: Vec<(String, i32, Negotiation, bool)> = record
        .order
        .schedule_lines()
        .map(|(line, it)| {
            (line.number.clone(), it.number, it.state, it.change.as_ref().is_some_and(|change| change.added))
        })
        .collect();
    assert_eq!(
        states,
        [
            ("0010".to_owned(), 1, Negotiation::Published, false),
            ("0010".to_owned(), 2, Negotiation::Published, true),
            ("0020".to_owned(), 1, Negotiation::Cancelled, false),
            ("0030".to_owned(), 1, Negotiation::Published, true),
        ]
    );
    told.their_version = 3;
    told.lines.push(third);
    scene.mirror(&told).await;
    assert_eq!(scene.order("4500001").await.order.lines[1].schedule[0].state, Negotiation::Published, "back again");
}

#[sqlx::test(migrations = "../../migrations")]
async fn news_older_than_known_is_never_applied_backwards(pool: PgPoolOptions, options: PgConnectOptions) {
    let scene = Scene::new(pool, options).await;
    let mut told = snapshot("4500001", "A");
    told.their_version = 5;
    scene.mirror(&told).await;
    told.their_version = 4;
    told.lines[0].schedule[0].quantity = 1.into();
    assert_eq!(scene.mirror(&told).await, Mirrored::Stale);
    let record = scene.order("4500001").await;
    assert_eq!((record.order.their_version, record.order.lines[0].schedule[0].quantity), (5, 100.into()));
    assert_eq!(scene.history(&record).await, ["order.published"]);
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_cancelled_order_takes_back_what_was_in_review(pool: PgPoolOptions, options: PgConnectOptions) {
    let scene = Scene::new(pool, options).await;
    let mut told = snapshot("4500001", "A");
    scene.mirror(&told).await;
    let mut tx = scene.begin(scene.supplier(scene.a)).await;
    orders::confirm(&mut tx, "4500001", &late(&scene.order("4500001").await)).await.expect("taken");
    tx.commit().await.expect("a commit");
    told.their_version = 2;
    told.status = OrderStatus::Cancelled;
    scene.mirror(&told).await;
    let record = scene.order("4500001").await;
    assert_eq!(record.order.status, OrderStatus::Cancelled);
    assert!(record.order.schedule_lines().all(|(_, it)| it.state == Negotiation::Cancelled && it.proposal.is_none()));
    assert_eq!(scene.history(&record).await.last().map(String::as_str), Some("order.cancelled"));

    let mut closed = snapshot("4500002", "A");
    closed.status = OrderStatus::Closed;
    assert_eq!(
        scene.mirror(&closed).await,
        Mirrored::Unchanged,
        "an order that is over when we first hear of it is nobody's work"
    );
    assert_eq!(scene.count("select count(*) from purchase_order").await, 1);
}

#[sqlx::test(migrations = "../../migrations")]
async fn two_messages_that_bring_the_same_new_order_make_one(pool: PgPoolOptions, options: PgConnectOptions) {
    let scene = Scene::new(pool, options).await;
    let told = snapshot("4500001", "A");
    let (one, two, three, four) =
        tokio::join!(scene.mirror(&told), scene.mirror(&told), scene.mirror(&told), scene.mirror(&told));
    let published = [one, two, three, four].iter().filter(|mirrored| **mirrored != Mirrored::Unchanged).count();
    assert_eq!(published, 1);
    assert_eq!(scene.history(&scene.order("4500001").await).await, ["order.published"]);
}

#[sqlx::test(migrations = "../../migrations")]
async fn commands_are_performed_and_say_in_words_what_they_came_to(pool: PgPoolOptions, options: PgConnectOptions) {
    let scene = Scene::new(pool, options).await;
    let mut tx = scene.program().await;
    let told = Command::MirrorOrder(snapshot("4500001", "A"));
    let acknowledged = Command::AcknowledgeConfirmation {
        order: "4500001".to_owned(),
        their_ref: "AB-1".to_owned(),
        at: time("2026-12-01T07:59:00Z"),
    };
    for (command, words) in [
        (&Command::MirrorSupplier(crate::scene::supplier_snapshot("C")), "supplier C"),
        (&Command::MirrorPlant(crate::scene::plant_snapshot()), "plant DE10"),
        (&told, "order 4500001: published with 2 lines"),
        (&told, "order 4500001: nothing new for the supplier"),
        (&acknowledged, "order 4500001: acknowledged as AB-1"),
        (&acknowledged, "order 4500001: acknowledgement AB-1 known already"),
    ] {
        assert_eq!(perform(&mut tx, scene.erp, command).await.expect("performed"), words);
    }
    let unknown = Command::AcknowledgeConfirmation {
        order: "4599999".to_owned(),
        their_ref: "AB-2".to_owned(),
        at: time("2026-12-01T07:59:00Z"),
    };
    let error = perform(&mut tx, scene.erp, &unknown).await.expect_err("no such order");
    assert!(matches!(error, CommandError::NotFound { what: "order" }));
    tx.commit().await.expect("a commit");
    let record = scene.order("4500001").await;
    assert_eq!(scene.history(&record).await, ["order.published", "order.confirmation_acknowledged"]);
}
