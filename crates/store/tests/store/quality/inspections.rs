//! Inspections: a decision splits what lies there, values out of limits take a reason, the plan lets lots go.

use domain::certificate::Measured;
use domain::lot::StockStatus;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use store::inspections;
use store::inspections::Deciding;
use uuid::Uuid;

use super::{Dock, deciding, part, rules};

#[sqlx::test(migrations = "../../migrations")]
async fn a_partial_decision_splits_the_lot_and_everybody_is_told(pool: PgPoolOptions, options: PgConnectOptions) {
    let dock = Dock::new(pool, options).await;
    let lot = dock.receive(dock.scene.a, dock.item, "H-1", 100, 0).await;
    let inspection = dock.due().await[0].inspection_id;
    let quality = dock.quality("Quinn");

    let mut tx = dock.scene.begin(quality.clone()).await;
    let short = deciding(vec![part(StockStatus::Unrestricted, 60)], "");
    let error = inspections::decide(&mut tx, inspection, &short).await.expect_err("40 are missing");
    assert_eq!(rules(error), ["parts_do_not_add_up"]);
    drop(tx);

    let parts =
        vec![part(StockStatus::Unrestricted, 60), part(StockStatus::Restricted, 30), part(StockStatus::Blocked, 10)];
    let decision = deciding(parts, "burrs on 40");
    for already in [false, true] {
        let mut tx = dock.scene.begin(quality.clone()).await;
        let outcome = inspections::decide(&mut tx, inspection, &decision).await.expect("decided");
        assert_eq!(outcome.already, already, "a form sent twice decides once");
        tx.commit().await.expect("a commit");
    }
    assert_eq!(
        dock.stock(lot).await,
        [
            (StockStatus::Blocked, 10.into()),
            (StockStatus::Restricted, 30.into()),
            (StockStatus::Unrestricted, 60.into())
        ]
    );
    assert_eq!(dock.kinds(lot.0).await, ["lot.decided"]);
    assert!(dock.due().await.is_empty());
    let mut tx = dock.scene.begin(quality.clone()).await;
    let late = deciding(vec![part(StockStatus::Unrestricted, 100)], "");
    let error = inspections::decide(&mut tx, inspection, &late).await.expect_err("decided already");
    assert_eq!(rules(error), ["decided_already"]);
    drop(tx);

    // Reworked: ten blocked pieces come back, and not one more.
    for (quantity, works) in [(11, false), (10, true)] {
        let mut tx = dock.scene.begin(quality.clone()).await;
        let back = part(StockStatus::Unrestricted, quantity);
        let moved =
            inspections::move_status(&mut tx, lot, StockStatus::Blocked, &back, "deburred", Uuid::now_v7()).await;
        assert_eq!(moved.is_ok(), works, "{quantity}");
        if works {
            tx.commit().await.expect("a commit");
        }
    }
    assert!(dock.reasons(lot, 70).await.is_empty());
    dock.adds_up().await;
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_value_out_of_limits_is_released_only_with_a_reason_and_fails_the_inspection(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let dock = Dock::new(pool, options).await;
    sqlx::query(
        r#"insert into specification (specification_id, item_id, version, valid_from, characteristics, created_by, created_at)
           values (gen_random_uuid(), $1, 1, '2026-01-01', '[{"name": "Rm", "unit": "MPa", "lower": "500", "upper": "650", "required": true}]',
                   '{"is": "loop", "name": "test"}', now())"#,
    )
    .bind(dock.item.0)
    .execute(&dock.scene.owner)
    .await
    .expect("a specification");
    dock.receive(dock.scene.a, dock.item, "H-1", 100, 0).await;
    let inspection = dock.due().await[0].inspection_id;
    let rm = |value: i64| {
        let unit = Some("MPa".to_owned());
        vec![Measured { characteristic: "Rm".to_owned(), lot: None, method: None, unit, value: value.into() }]
    };
    let mut tx = dock.scene.begin(dock.quality("Quinn")).await;
    inspections::record(&mut tx, inspection, &rm(499)).await.expect("kept");
    let record = inspections::get(&mut tx, inspection).await.expect("the inspection");
    assert_eq!(record.findings[0].rule, "below_limit");
    let all = vec![part(StockStatus::Unrestricted, 100)];
    let silent = Deciding { measured: rm(499), ..deciding(all.clone(), "") };
    let error = inspections::decide(&mut tx, inspection, &silent).await.expect_err("no reason");
    assert_eq!(rules(error), ["reason_missing"]);
    let explained = Deciding { measured: rm(499), ..deciding(all, "one MPa is within the uncertainty of the machine") };
    inspections::decide(&mut tx, inspection, &explained).await.expect("decided");
    let record = inspections::get(&mut tx, inspection).await.expect("the inspection");
    assert_eq!(record.result, Some(domain::inspection::InspectionResult::Failed), "whatever became of the quantity");
}

#[sqlx::test(migrations = "../../migrations")]
async fn the_plan_lets_lots_go_after_enough_good_ones(pool: PgPoolOptions, options: PgConnectOptions) {
    let dock = Dock::new(pool, options).await;
    sqlx::query("insert into inspection_plan (item_id, plan, good_before_skip, skip, created_by, created_at) values ($1, 'skip_lot', 2, 1, '{}', now())")
        .bind(dock.item.0)
        .execute(&dock.scene.owner)
        .await
        .expect("a plan");
    let mut looked_at = Vec::new();
    for number in 1..=6 {
        dock.scene.store.clock().advance(chrono::TimeDelta::minutes(1));
        dock.receive(dock.scene.a, dock.item, &format!("H-{number}"), 10, 0).await;
        let due = dock.due().await;
        looked_at.push(!due.is_empty());
        if let Some(record) = due.first() {
            let mut tx = dock.scene.begin(dock.quality("Quinn")).await;
            let all = deciding(vec![part(StockStatus::Unrestricted, 10)], "");
            inspections::decide(&mut tx, record.inspection_id, &all).await.expect("decided");
            tx.commit().await.expect("a commit");
        }
    }
    assert_eq!(looked_at, [true, true, false, true, false, true]);
    dock.adds_up().await;
}
