//! Lists are cut by key: page after page, forwards and backwards, each row is met exactly once and in one order.

use domain::hold::{Disposition, HoldScope};
use domain::inspection::InspectionState;
use domain::lot::StockStatus;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use store::paging::Page;
use store::{availability, holds, inspections};
use uuid::Uuid;

use super::{Dock, deciding, part};

/// Reads a list to its end in pages of three rows and back again; `read` gives a page, `place` what its rows are known by.
/// The place goes through its text, as it does in an address.
macro_rules! walked {
    ($dock:expr, $place:expr, $read:expr) => {{
        let (mut forwards, mut after) = (Vec::new(), None);
        loop {
            let mut tx = $dock.scene.begin($dock.quality("Quinn")).await;
            let rows = $read(&mut tx, Page { after: after.take(), before: None, size: 3 }).await.expect("a page");
            let Some(last) = rows.last() else { break };
            after = Some($place(last).to_string().parse().expect("a place"));
            forwards.extend(rows.iter().map(|row| $place(row).to_string()));
        }
        let (mut backwards, mut before) = (Vec::new(), forwards.last().map(|last| last.parse().expect("a place")));
        while let Some(place) = before.take() {
            let mut tx = $dock.scene.begin($dock.quality("Quinn")).await;
            let rows = $read(&mut tx, Page { after: None, before: Some(place), size: 3 }).await.expect("a page");
            let Some(first) = rows.first() else { break };
            before = Some($place(first).to_string().parse().expect("a place"));
            backwards.splice(0..0, rows.iter().map(|row| $place(row).to_string()));
        }
        assert_eq!(forwards[..forwards.len() - 1], backwards, "the same way back, from before the last row");
        forwards
    }};
}

fn each_once(places: &[String], count: usize) {
    let mut distinct = places.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!((places.len(), distinct.len()), (count, count), "{places:?}");
}

#[sqlx::test(migrations = "../../migrations")]
async fn inspections_are_met_once_page_by_page(pool: PgPoolOptions, options: PgConnectOptions) {
    let dock = Dock::new(pool, options).await;
    // Two days, four lots on each: the day alone names no place.
    for number in 0..8 {
        if number == 4 {
            dock.scene.store.clock().advance(chrono::TimeDelta::days(1));
        }
        dock.receive(dock.scene.a, dock.item, &format!("H-{number}"), 10, 0).await;
    }
    let filter = inspections::InspectionFilter { state: InspectionState::Due, text: None };
    let due = walked!(dock, inspections::InspectionRecord::place, async |tx: &mut _, page| {
        inspections::page(tx, &filter, &page).await
    });
    each_once(&due, 8);
    let mut tx = dock.scene.begin(dock.quality("Quinn")).await;
    assert_eq!(inspections::count(&mut tx, &filter).await.expect("a count"), 8);
    drop(tx);
    for record in dock.due().await {
        let mut tx = dock.scene.begin(dock.quality("Quinn")).await;
        let all = deciding(vec![part(StockStatus::Unrestricted, 10)], "");
        inspections::decide(&mut tx, record.inspection_id, &all).await.expect("decided");
        tx.commit().await.expect("a commit");
    }
    let filter = inspections::InspectionFilter { state: InspectionState::Decided, text: None };
    let decided = walked!(dock, inspections::InspectionRecord::place, async |tx: &mut _, page| {
        inspections::page(tx, &filter, &page).await
    });
    each_once(&decided, 8);
}

#[sqlx::test(migrations = "../../migrations")]
async fn holds_are_met_once_page_by_page(pool: PgPoolOptions, options: PgConnectOptions) {
    let dock = Dock::new(pool, options).await;
    sqlx::query("update plant set two_person_release = false").execute(&dock.scene.owner).await.expect("the policy");
    let mut numbers = Vec::new();
    for number in 0..8 {
        let lot_id = dock.receive(dock.scene.a, dock.other, &format!("H-{number}"), 10, 0).await;
        numbers.push(dock.place("Quinn", HoldScope::Lot { lot_id }).await);
    }
    let filter = holds::HoldFilter::default();
    let held = walked!(dock, holds::HoldRecord::place, async |tx: &mut _, page| holds::page(tx, &filter, &page).await);
    each_once(&held, 8);
    for number in &numbers {
        let mut tx = dock.scene.begin(dock.quality("Quinn")).await;
        let ended = holds::request_release(&mut tx, number, Some(Disposition::UseAsIs), "measured", Uuid::now_v7());
        ended.await.expect("one person is enough here");
        tx.commit().await.expect("a commit");
    }
    let filter = holds::HoldFilter { released: true, ..holds::HoldFilter::default() };
    let ended = walked!(dock, holds::HoldRecord::place, async |tx: &mut _, page| holds::page(tx, &filter, &page).await);
    each_once(&ended, 8);
    let newest_first: Vec<String> = held.into_iter().rev().collect();
    assert_eq!(ended, newest_first, "ended ones stand the other way round");
    let mut tx = dock.scene.begin(dock.scene.supplier(dock.scene.b)).await;
    let page = holds::page(&mut tx, &filter, &Page::first(3)).await.expect("a page");
    assert!(page.is_empty(), "another supplier's list stays empty");
    assert_eq!(holds::count(&mut tx, &filter).await.expect("a count"), 0);
}

#[sqlx::test(migrations = "../../migrations")]
async fn stock_is_met_once_page_by_page(pool: PgPoolOptions, options: PgConnectOptions) {
    let dock = Dock::new(pool, options).await;
    // Rows that differ in one part of their place each; a place in a warehouse may have spaces and dots in its name.
    sqlx::query(
        "insert into stock (connection_id, plant_id, item_id, lot, location, unit, on_hand, as_of, learned_at)
         select $1, $2, item_id, lot, location, 'PCE', 1, now(), now()
         from item, unnest(array['', 'H-1', 'H-2']) as lot, unnest(array['', ' R-01 . ']) as location",
    )
    .bind(dock.scene.erp.0)
    .bind(dock.scene.plant.0)
    .execute(&dock.scene.owner)
    .await
    .expect("stock");
    let filter = availability::StockFilter::default();
    let lying = walked!(dock, availability::Lying::place, async |tx: &mut _, page| {
        availability::page(tx, &filter, &page).await
    });
    each_once(&lying, 12);
    let mut tx = dock.scene.begin(dock.quality("Quinn")).await;
    assert_eq!(availability::count(&mut tx, &filter).await.expect("a count"), 12);
    drop(tx);
    let mut tx = dock.scene.begin(dock.scene.supplier(dock.scene.a)).await;
    assert!(availability::page(&mut tx, &filter, &Page::first(3)).await.is_err(), "not a supplier's to see");
}
