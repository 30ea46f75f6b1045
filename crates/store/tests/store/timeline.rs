//! What a timeline says of news that a system told us and that went back to it without a call.

use domain::access::Actor;
use domain::command::Command;
use domain::event::Echo;
use domain::receipt::ReceiptChannel;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use store::Who;
use store::perform::perform;
use store::timeline::{self, System};

use crate::dockyard::{Dockyard, document, everything};
use crate::scene::program;

/// Notes that every event of a kind counts as delivered to every connection of the yard.
async fn delivered(yard: &Dockyard, kind: &str, their_ref: Option<&str>) {
    sqlx::query(
        "insert into delivery (delivery_id, connection_id, event_position, event_id, subject_kind, subject_id, subject_version,
                               state, attempts, finished_at, their_ref, created_at, plant_id, supplier_id)
         select gen_random_uuid(), c, position, event_id, subject_kind, subject_id, subject_version,
                'delivered', 1, at, $3, at, plant_id, supplier_id
         from event, unnest($1::uuid[]) c where kind = $2",
    )
    .bind([yard.scene.erp.0, yard.wms.0])
    .bind(kind)
    .bind(their_ref)
    .execute(&yard.scene.owner)
    .await
    .expect("deliveries");
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_receipt_that_a_warehouse_told_reads_as_told_by_it_and_not_as_sent(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let yard = Dockyard::new(pool, options).await;
    sqlx::query("update connection set settings = settings || '{\"system\": \"wms\"}' where connection_id = $1")
        .bind(yard.wms.0)
        .execute(&yard.scene.owner)
        .await
        .expect("a warehouse");
    let warehouse = Actor::System { connection_id: yard.wms, name: "WMS".to_owned() };
    let mut tx = yard.scene.begin(Who { actor: warehouse, ..program(&yard.scene.store) }).await;
    let news = Command::PostReceipt(document("WE-77", ReceiptChannel::Wms, everything()));
    perform(&mut tx, yard.wms, &news).await.expect("the warehouse is understood");
    tx.commit().await.expect("a commit");
    delivered(&yard, "receipt.posted", None).await;
    delivered(&yard, "shipment.announced", Some("D-1")).await;
    let order = yard.scene.order("4500001").await.order.order_id;
    let mut tx = yard.scene.begin(yard.scene.buyer()).await;
    let story = timeline::of_order(&mut tx, order).await.expect("a story");
    let echoes = |kind: &str| {
        let entry = story.iter().find(|entry| entry.event.kind().as_str() == kind).expect("it happened");
        let mut echoes: Vec<_> =
            entry.deliveries.iter().map(|trip| (trip.to.system == System::Warehouse, trip.echo)).collect();
        echoes.sort_unstable_by_key(|(warehouse, _)| *warehouse);
        echoes
    };
    assert_eq!(echoes("receipt.posted"), [(false, Some(Echo::ToldBySystem)), (true, Some(Echo::OwnNews))]);
    assert_eq!(echoes("shipment.announced"), [(false, None), (true, None)], "that was sent");
}
