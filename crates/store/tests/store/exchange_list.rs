//! What the exchange pages list: counts that agree with their lists, pages without gaps, and nothing from other houses.

use domain::access::{Role, Scope};
use domain::event::EventKind;
use domain::exchange::{ArrivalState, DeliveryState};
use domain::id::CorrelationId;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use store::arrivals::{self, Incoming};
use store::deliveries;
use store::exchange_list::arrivals::{self as arrival_list, ArrivalFilter};
use store::exchange_list::deliveries::{self as delivery_list, DeliveryFilter, DeliveryRow};
use store::exchange_list::{self, Page};
use store::search::{self, Known};
use store::{CommandError, audit_list, connections, orders};
use uuid::Uuid;

use crate::scene::{Scene, accept_all, snapshot, who};

fn told(_kind: &str) -> Vec<EventKind> {
    vec![EventKind::PromiseMade]
}

/// An order that its supplier has answered, so that the ERP has to be told.
async fn answered(scene: &Scene, number: &str) {
    scene.mirror(&snapshot(number, "A")).await;
    let record = scene.order(number).await;
    let mut tx = scene.begin(scene.supplier(scene.a)).await;
    orders::confirm(&mut tx, number, &accept_all(&record)).await.expect("an answer");
    tx.commit().await.expect("a commit");
}

/// Seven tests of the connection, made at different times, so that there are rows to list.
async fn tests_of_the_connection(scene: &Scene) -> Vec<domain::id::DeliveryId> {
    let mut ids = Vec::new();
    for _ in 0..7 {
        let mut tx = scene.begin(scene.integration_admin()).await;
        ids.push(deliveries::probe(&mut tx, scene.erp).await.expect("a test"));
        tx.commit().await.expect("a commit");
        scene.store.clock().advance(chrono::TimeDelta::seconds(1));
    }
    ids.reverse();
    ids
}

#[sqlx::test(migrations = "../../migrations")]
async fn what_the_log_holds_for_a_connection_is_counted_until_it_has_a_row(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let scene = Scene::new(pool, options).await;
    answered(&scene, "4500000001").await;
    answered(&scene, "4500000002").await;
    let mut tx = scene.begin(scene.integration_admin()).await;
    let flow = exchange_list::flow(&mut tx, scene.erp, told).await.expect("the connection");
    assert_eq!(flow.pending.map(|(count, oldest)| (count, oldest.is_some())), Some((2, true)));
    assert_eq!((flow.depth(), flow.parked), (2, 0));
    assert_eq!(flow.feeds.iter().map(|feed| feed.name.as_str()).collect::<Vec<_>>(), ["orders"]);
}

#[sqlx::test(migrations = "../../migrations")]
async fn pages_of_deliveries_have_no_gap_and_lead_back(pool: PgPoolOptions, options: PgConnectOptions) {
    let scene = Scene::new(pool, options).await;
    let all = tests_of_the_connection(&scene).await;
    let mut tx = scene.begin(scene.integration_admin()).await;
    let filter = DeliveryFilter::default();
    let ids = |rows: &[DeliveryRow]| rows.iter().map(|row| row.delivery_id).collect::<Vec<_>>();
    let page = |after: Option<exchange_list::Key>, before| Page { after, before, size: 3 };
    let first = delivery_list::page(&mut tx, &filter, &page(None, None)).await.expect("a page");
    let second =
        delivery_list::page(&mut tx, &filter, &page(first.last().map(DeliveryRow::key), None)).await.expect("a page");
    let third =
        delivery_list::page(&mut tx, &filter, &page(second.last().map(DeliveryRow::key), None)).await.expect("a page");
    assert_eq!([ids(&first), ids(&second), ids(&third)].concat(), all);
    let back =
        delivery_list::page(&mut tx, &filter, &page(None, third.first().map(DeliveryRow::key))).await.expect("a page");
    assert_eq!(ids(&back), ids(&second));
    assert_eq!(delivery_list::counted(&mut tx, &filter).await.expect("a count"), 7);
    let parked = DeliveryFilter { states: vec![DeliveryState::Parked], ..filter };
    assert_eq!(delivery_list::counted(&mut tx, &parked).await.expect("a count"), 0);
    let one = delivery_list::get(&mut tx, all[0]).await.expect("the delivery");
    assert_eq!(one.row.kind, Some(EventKind::ProbeRequested));
}

#[sqlx::test(migrations = "../../migrations")]
async fn an_arrival_is_found_by_its_key_and_by_the_order_it_changed(pool: PgPoolOptions, options: PgConnectOptions) {
    let scene = Scene::new(pool, options).await;
    let correlation = CorrelationId(scene.store.new_id());
    let mut tx = scene.begin(store::Who { correlation, ..crate::scene::program(&scene.store) }).await;
    let message = Incoming {
        external_key: "order/1/7".to_owned(),
        subject: "their-1".to_owned(),
        channel: "orders".to_owned(),
        content_type: "application/json".to_owned(),
        body: "{}".to_owned(),
        correlation,
    };
    let accepted = arrivals::accept(&mut tx, scene.erp, &[message]).await.expect("stored");
    orders::mirror(&mut tx, scene.erp, &snapshot("4500000001", "A")).await.expect("mirrored");
    tx.commit().await.expect("a commit");
    let mut tx = scene.begin(scene.integration_admin()).await;
    for text in ["order/1/7", "4500000001"] {
        let filter = ArrivalFilter { text: Some(text.to_owned()), ..ArrivalFilter::default() };
        let rows = arrival_list::page(&mut tx, &filter, &Page { size: 10, ..Page::default() }).await.expect("a page");
        assert_eq!(rows.iter().map(|row| row.arrival_id).collect::<Vec<_>>(), [accepted[0].arrival_id], "{text}");
        assert_eq!(arrival_list::counted(&mut tx, &filter).await.expect("a count"), 1, "{text}");
    }
    let waiting = ArrivalFilter { states: vec![ArrivalState::Received], ..ArrivalFilter::default() };
    assert_eq!(arrival_list::counted(&mut tx, &waiting).await.expect("a count"), 1);
    let one = arrival_list::get(&mut tx, accepted[0].arrival_id).await.expect("the arrival");
    assert_eq!(one.body.as_deref(), Some("{}"));
    assert!(one.events.iter().any(|event| event.kind == EventKind::OrderPublished));
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_buyer_sees_nothing_of_the_exchange_and_a_manager_no_payload(pool: PgPoolOptions, options: PgConnectOptions) {
    let scene = Scene::new(pool, options).await;
    answered(&scene, "4500000001").await;
    let mut tx = scene.begin(scene.buyer()).await;
    let denied = exchange_list::flows(&mut tx, told).await;
    assert!(matches!(denied, Err(CommandError::Denied(_))));
    let manager = who(&scene.store, "Mia", &[Role::PlantManager], Scope::Plants(vec![scene.plant]));
    let mut tx = scene.begin(manager).await;
    assert!(exchange_list::flows(&mut tx, told).await.expect("a list").is_empty(), "the ERP serves all plants");
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_supplier_finds_the_own_orders_only_whichever_way_he_asks(pool: PgPoolOptions, options: PgConnectOptions) {
    let scene = Scene::new(pool, options).await;
    answered(&scene, "4500000001").await;
    let tests = tests_of_the_connection(&scene).await;
    let event: Uuid = sqlx::query_scalar("select event_id from event where kind = 'order.promise_made'")
        .fetch_one(&scene.owner)
        .await
        .expect("an event");
    for (who, theirs) in [(scene.supplier(scene.a), true), (scene.supplier(scene.b), false)] {
        let mut tx = scene.begin(who).await;
        assert_eq!(search::is_order(&mut tx, "4500000001").await.expect("an answer"), theirs);
        let found = search::by_words(&mut tx, "45000").await.expect("results");
        assert_eq!(found.orders.len(), usize::from(theirs));
        assert_eq!(search::by_words(&mut tx, "Part 47").await.expect("results").items.is_empty(), !theirs);
        assert_eq!(search::by_id(&mut tx, event).await.expect("an answer").is_some(), theirs);
        assert_eq!(search::by_id(&mut tx, tests[0].0).await.expect("an answer"), None, "deliveries are for insiders");
    }
    let mut tx = scene.begin(scene.integration_admin()).await;
    assert_eq!(search::by_id(&mut tx, tests[0].0).await.expect("an answer"), Some(Known::Delivery(tests[0])));
    assert!(search::by_words(&mut tx, "%").await.expect("results").is_empty());
}

#[sqlx::test(migrations = "../../migrations")]
async fn trying_now_is_noted_with_its_reason_and_found_in_the_audit_log(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let scene = Scene::new(pool, options).await;
    let mut tx = scene.begin(scene.integration_admin()).await;
    let unexplained = connections::try_now(&mut tx, scene.erp, " ").await;
    assert!(matches!(unexplained, Err(CommandError::Invalid(_))));
    connections::try_now(&mut tx, scene.erp, "the firewall is open").await.expect("tried");
    tx.commit().await.expect("a commit");
    let administrator = who(&scene.store, "Ada", &[Role::Administrator], Scope::All);
    let mut tx = scene.begin(administrator).await;
    let filter = audit_list::Filter { action: Some("connection.try".to_owned()), ..Default::default() };
    let rows =
        audit_list::page(&mut tx, &filter, &audit_list::Page { size: 10, ..Default::default() }).await.expect("a page");
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].reason.as_deref(), Some("the firewall is open"));
    assert_eq!(rows[0].name.as_deref(), Some("ERP"));
}
