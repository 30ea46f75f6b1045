//! Holds: who must be two, what is held from its arrival, who has heard of it.

use domain::event::EventKind;
use domain::hold::{Disposition, HoldReason, HoldScope, HoldState};
use domain::lot::StockStatus;
use domain::lot::usability::Reason;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use store::connections::Takes;
use store::holds::Hearing;
use store::{connections, holds, trace};
use uuid::Uuid;

use super::{Dock, placing, rules};
use crate::scene::configured;

#[sqlx::test(migrations = "../../migrations")]
async fn a_held_lot_may_not_be_used_until_two_people_say_so(pool: PgPoolOptions, options: PgConnectOptions) {
    let dock = Dock::new(pool, options).await;
    let lot = dock.receive(dock.scene.a, dock.other, "H-1", 50, 0).await;
    assert!(dock.reasons(lot, 50).await.is_empty());
    let number = dock.place("Quinn", HoldScope::Lot { lot_id: lot }).await;
    assert_eq!(dock.reasons(lot, 1).await, [Reason::Held { hold: number.clone(), because: HoldReason::OutOfLimits }]);

    let quinn = dock.quality("Quinn");
    let mut tx = dock.scene.begin(quinn.clone()).await;
    let error = holds::place(&mut tx, &placing(HoldScope::Lot { lot_id: lot })).await.expect_err("held already");
    assert_eq!(rules(error), ["held_already"]);
    drop(tx);
    let mut tx = dock.scene.begin(quinn.clone()).await;
    let error = holds::release(&mut tx, &number, Uuid::now_v7()).await.expect_err("nobody asked");
    assert_eq!(rules(error), ["not_requested"]);
    let asked = holds::request_release(&mut tx, &number, Some(Disposition::UseAsIs), "measured again", Uuid::now_v7());
    assert_eq!(asked.await.expect("asked").state, HoldState::ReleaseRequested);
    tx.commit().await.expect("a commit");

    let mut tx = dock.scene.begin(quinn).await;
    let error = holds::release(&mut tx, &number, Uuid::now_v7()).await.expect_err("one person twice");
    assert_eq!(rules(error), ["second_person_needed"]);
    drop(tx);
    assert_eq!(dock.reasons(lot, 1).await.len(), 1, "still held");

    let key = Uuid::now_v7();
    let rosa = dock.quality("Rosa");
    for already in [false, true] {
        let mut tx = dock.scene.begin(rosa.clone()).await;
        let released = holds::release(&mut tx, &number, key).await.expect("the second person");
        assert_eq!((released.state, released.already), (HoldState::Released, already));
        tx.commit().await.expect("a commit");
    }
    assert!(dock.reasons(lot, 50).await.is_empty(), "use as it is");
    let id = dock.hold_id(&number).await;
    assert_eq!(dock.kinds(id.0).await, ["hold.placed", "hold.release_requested", "hold.released"]);
}

#[sqlx::test(migrations = "../../migrations")]
async fn scrapped_material_does_not_become_usable_when_its_hold_ends(pool: PgPoolOptions, options: PgConnectOptions) {
    let dock = Dock::new(pool, options).await;
    sqlx::query("update plant set two_person_release = false").execute(&dock.scene.owner).await.expect("the policy");
    let lot = dock.receive(dock.scene.a, dock.other, "H-1", 50, 3).await;
    let number = dock.place("Quinn", HoldScope::Lot { lot_id: lot }).await;
    let mut tx = dock.scene.begin(dock.quality("Quinn")).await;
    let ended = holds::request_release(&mut tx, &number, Some(Disposition::Scrap), "cracked", Uuid::now_v7()).await;
    assert_eq!(ended.expect("one person is enough here").state, HoldState::Released);
    tx.commit().await.expect("a commit");
    assert_eq!(dock.stock(lot).await, [(StockStatus::Blocked, 53.into())]);
    dock.adds_up().await;
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_held_serial_holds_one_piece(pool: PgPoolOptions, options: PgConnectOptions) {
    let dock = Dock::new(pool, options).await;
    let lot = dock.receive(dock.scene.a, dock.other, "H-1", 50, 0).await;
    let serial = |serial: &str| HoldScope::Serial { lot_id: lot, serial: serial.to_owned() };
    let mut tx = dock.scene.begin(dock.quality("Quinn")).await;
    let error = holds::place(&mut tx, &placing(serial("nope"))).await.expect_err("no such serial");
    assert_eq!(rules(error), ["unknown_serial"]);
    drop(tx);
    dock.place("Quinn", serial("H-1-S1")).await;
    assert!(dock.reasons(lot, 49).await.is_empty());
    assert_eq!(dock.reasons(lot, 50).await.len(), 2, "not enough, and why");
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_lot_that_arrives_under_a_hold_on_its_item_is_held_from_arrival(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let dock = Dock::new(pool, options).await;
    let scope = HoldScope::SupplierItem { supplier_id: dock.scene.a, item_id: dock.other };
    let number = dock.place("Quinn", scope).await;
    let held = dock.receive(dock.scene.a, dock.other, "H-1", 50, 0).await;
    let free = dock.receive(dock.scene.b, dock.other, "H-2", 50, 0).await;
    assert_eq!(dock.reasons(held, 1).await.len(), 1);
    assert!(dock.reasons(free, 1).await.is_empty(), "the other supplier's is not meant");
    let id = dock.hold_id(&number).await;
    assert_eq!(dock.kinds(id.0).await, ["hold.placed", "hold.placed"], "told again, with the lot that came");
    let lots: i64 = sqlx::query_scalar("select jsonb_array_length(data -> 'hold' -> 'lots')::bigint from event where subject_id = $1 order by position desc limit 1")
        .bind(id.0)
        .fetch_one(&dock.scene.owner)
        .await
        .expect("the last event");
    assert_eq!(lots, 1);
    let mut tx = dock.scene.begin(dock.quality("Quinn")).await;
    let record = holds::get(&mut tx, &number).await.expect("seen in every plant");
    let reach = trace::reach(&mut tx, &record).await.expect("where it went");
    assert_eq!(reach.lots.iter().map(|lot| lot.lot_id).collect::<Vec<_>>(), [held]);
    let history = store::timeline::of_subject(&mut tx, id.0).await.expect("its history");
    assert_eq!(history.len(), 2, "a plant reads the history of a hold without a plant");
}

#[sqlx::test(migrations = "../../migrations")]
async fn the_strip_says_who_has_confirmed_a_hold_and_who_has_not(pool: PgPoolOptions, options: PgConnectOptions) {
    let dock = Dock::new(pool, options).await;
    let mut tx = dock.scene.program().await;
    let mut wms = configured("WMS");
    wms.takes = Takes::All;
    let wms = connections::add(&mut tx, "rest", &wms, &[]).await.expect("a connection");
    tx.commit().await.expect("a commit");
    let lot = dock.receive(dock.scene.a, dock.other, "H-1", 50, 0).await;
    let number = dock.place("Quinn", HoldScope::Lot { lot_id: lot }).await;
    let id = dock.hold_id(&number).await;
    sqlx::query(
        "insert into delivery (delivery_id, connection_id, event_position, event_id, subject_kind, subject_id, subject_version,
                               state, attempts, finished_at, their_ref, created_at, plant_id, supplier_id)
         select gen_random_uuid(), $1, position, event_id, 'hold', subject_id, subject_version, 'delivered', 1, at, 'H-77', at, plant_id, supplier_id
         from event where subject_id = $2",
    )
    .bind(wms.0)
    .bind(id.0)
    .execute(&dock.scene.owner)
    .await
    .expect("a delivery");
    let mut tx = dock.scene.begin(dock.quality("Quinn")).await;
    let heard = holds::confirmations(&mut tx, id, &["rest".to_owned()]).await.expect("the strip");
    let shown: Vec<(&str, EventKind, bool)> =
        heard.iter().map(|one| (one.system.as_str(), one.news, matches!(one.how, Hearing::Confirmed { .. }))).collect();
    assert_eq!(shown, [("ERP", EventKind::HoldPlaced, false), ("WMS", EventKind::HoldPlaced, true)]);
    assert!(matches!(heard[0].how, Hearing::Waiting { .. }), "{:?}", heard[0].how);
    assert!(holds::confirmations(&mut tx, id, &[]).await.expect("nobody carries holds").is_empty());
    drop(tx);
    let mut tx = dock.scene.begin(dock.scene.supplier(dock.scene.a)).await;
    assert!(holds::confirmations(&mut tx, id, &["rest".to_owned()]).await.is_err(), "not a supplier's business");
}
