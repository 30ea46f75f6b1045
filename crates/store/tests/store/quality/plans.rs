//! Inspection plans: which one counts when a lot comes, in versions, and for whom.

use domain::access::{Role, Scope};
use domain::inspection::Plan;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use store::inspection_plans::{self, PlanFilter, PlanOutcome, Setting};
use store::paging::Page;
use store::{CommandError, Tx, Who};
use uuid::Uuid;

use super::{Dock, rules};
use crate::scene::who;

fn setting(plan: Option<Plan>, read: i32) -> Setting {
    Setting {
        item: "4711".to_owned(),
        supplier: None,
        plant: Some("DE10".to_owned()),
        plan,
        reason: "ten good years".to_owned(),
        read,
        submission: Uuid::now_v7(),
    }
}

async fn set(dock: &Dock, setting: &Setting) -> Result<PlanOutcome, CommandError> {
    let mut tx = dock.scene.begin(dock.quality("Quinn")).await;
    let outcome = inspection_plans::set(&mut tx, setting).await?;
    tx.commit().await.expect("a commit");
    Ok(outcome)
}

/// Somebody who sees every plant.
fn of_the_house(dock: &Dock) -> Who {
    who(&dock.scene.store, "Hilde", &[Role::QualityEngineer], Scope::All)
}

/// A quality engineer of another plant.
fn elsewhere(dock: &Dock) -> Who {
    who(&dock.scene.store, "Otto", &[Role::QualityEngineer], Scope::Plants(vec![Uuid::now_v7().into()]))
}

async fn counting(tx: &mut Tx) -> Vec<inspection_plans::PlanRow> {
    inspection_plans::page(tx, &PlanFilter::default(), &Page::first(100)).await.expect("the plans")
}

#[sqlx::test(migrations = "../../migrations")]
async fn the_next_lot_meets_the_plan_that_was_set_before_it(pool: PgPoolOptions, options: PgConnectOptions) {
    let dock = Dock::new(pool, options).await;
    dock.receive(dock.scene.a, dock.item, "H-1", 10, 0).await;
    assert_eq!(dock.due().await.len(), 1, "the ERP says that it is inspected");
    let saved = set(&dock, &setting(Some(Plan::None), 0)).await.expect("a plan");
    dock.receive(dock.scene.a, dock.item, "H-2", 10, 0).await;
    assert_eq!(dock.due().await.len(), 1, "the second lot needs none, the first still waits");
    set(&dock, &setting(None, saved.version)).await.expect("the plan ends");
    dock.receive(dock.scene.a, dock.item, "H-3", 10, 0).await;
    assert_eq!(dock.due().await.len(), 2, "and what the ERP says counts again");
}

#[sqlx::test(migrations = "../../migrations")]
async fn the_narrower_plan_counts(pool: PgPoolOptions, options: PgConnectOptions) {
    let dock = Dock::new(pool, options).await;
    let skip = |skip| Some(Plan::SkipLot { good_before_skip: 1, skip });
    let (a, all) = (Some("A".to_owned()), None);
    let mut tx = dock.scene.begin(of_the_house(&dock)).await;
    for (supplier, plant, plan) in [
        (None, &all, skip(1)),
        (None, &Some("DE10".to_owned()), skip(2)),
        (a.clone(), &all, skip(3)),
        (a.clone(), &Some("DE10".to_owned()), skip(4)),
    ] {
        let setting = Setting { supplier, plant: plant.clone(), ..setting(plan, 0) };
        inspection_plans::set(&mut tx, &setting).await.expect("a plan");
    }
    let (scene, item, other) = (&dock.scene, dock.item, domain::id::PlantId(Uuid::now_v7()));
    for (supplier, plant, plan) in [
        (Some(scene.a), scene.plant, skip(4)),
        (Some(scene.a), other, skip(3)),
        (Some(scene.b), scene.plant, skip(2)),
        (None, other, skip(1)),
    ] {
        let found = inspection_plans::in_force(&mut tx, item, supplier, plant, true).await.expect("a plan");
        assert_eq!(Some(found), plan);
    }
    let without = inspection_plans::in_force(&mut tx, dock.other, Some(scene.a), scene.plant, false).await;
    assert_eq!(without.expect("what the ERP says"), Plan::None);
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_plan_is_kept_in_versions_and_an_earlier_one_can_be_put_back(pool: PgPoolOptions, options: PgConnectOptions) {
    let dock = Dock::new(pool, options).await;
    let first = setting(Some(Plan::None), 0);
    for already in [false, true] {
        let saved = set(&dock, &first).await.expect("a plan");
        assert_eq!((saved.version, saved.already), (1, already), "a form sent twice saves once");
    }
    let error = set(&dock, &setting(Some(Plan::Every), 0)).await.expect_err("there is one");
    assert_eq!(rules(error), ["newer_version"]);
    let error = set(&dock, &setting(Some(Plan::None), 1)).await.expect_err("the same");
    assert_eq!(rules(error), ["nothing_changed"]);
    let saved = set(&dock, &setting(Some(Plan::Every), 1)).await.expect("changed");
    set(&dock, &setting(None, 2)).await.expect("ended");
    let error = set(&dock, &setting(Some(Plan::None), 2)).await.expect_err("somebody ended it meanwhile");
    assert_eq!(rules(error), ["newer_version"]);
    set(&dock, &setting(Some(Plan::None), 3)).await.expect("put back");

    let mut tx = dock.scene.begin(dock.quality("Quinn")).await;
    let versions = inspection_plans::versions(&mut tx, saved.plan_id).await.expect("its versions");
    let plans: Vec<_> = versions.iter().map(|row| (row.version, row.plan)).collect();
    assert_eq!(plans, [(4, Some(Plan::None)), (3, None), (2, Some(Plan::Every)), (1, Some(Plan::None))]);
    assert_eq!(counting(&mut tx).await.len(), 1);
    let noted = "select count(*) from audit_entry where action like 'inspection_plan.%' and reason = 'ten good years'";
    assert_eq!(dock.scene.count(noted).await, 4);
}

#[sqlx::test(migrations = "../../migrations")]
async fn what_is_wrong_with_a_plan_is_said_at_its_field(pool: PgPoolOptions, options: PgConnectOptions) {
    let dock = Dock::new(pool, options).await;
    let wrong = Setting {
        item: "nope".to_owned(),
        supplier: Some("nobody".to_owned()),
        plant: Some("XX".to_owned()),
        reason: " ".to_owned(),
        ..setting(Some(Plan::SkipLot { good_before_skip: 0, skip: 101 }), 0)
    };
    let error = set(&dock, &wrong).await.expect_err("all of it is wrong");
    let CommandError::Stopped { findings } = error else { panic!("not findings: {error:?}") };
    let at: Vec<&str> = findings.iter().map(|finding| finding.at.as_str()).collect();
    assert_eq!(at, ["good_before_skip", "skip", "reason", "item", "supplier", "plant"]);
    let all_plants = Setting { plant: None, ..setting(Some(Plan::None), 0) };
    let error = set(&dock, &all_plants).await.expect_err("not for all plants");
    assert_eq!(rules(error), ["plant_not_yours"]);
    assert_eq!(dock.scene.count("select count(*) from inspection_plan").await, 0);
}

#[sqlx::test(migrations = "../../migrations")]
async fn plans_are_read_by_the_house_and_written_by_the_plants_quality_engineers(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let dock = Dock::new(pool, options).await;
    let saved = set(&dock, &setting(Some(Plan::None), 0)).await.expect("a plan");
    let mut tx = dock.scene.begin(of_the_house(&dock)).await;
    let everywhere = Setting { plant: None, ..setting(Some(Plan::Every), 0) };
    inspection_plans::set(&mut tx, &everywhere).await.expect("a plan for all plants");
    tx.commit().await.expect("a commit");

    let mut tx = dock.scene.begin(dock.scene.buyer()).await;
    assert_eq!(counting(&mut tx).await.len(), 2, "a buyer of the plant reads both");
    let denied = inspection_plans::set(&mut tx, &setting(Some(Plan::Every), 1)).await;
    assert!(matches!(denied, Err(CommandError::Denied(_))));
    drop(tx);
    let mut tx = dock.scene.begin(elsewhere(&dock)).await;
    assert_eq!(counting(&mut tx).await.len(), 1, "another plant reads the one for all plants");
    assert!(inspection_plans::versions(&mut tx, saved.plan_id).await.is_err());
    let error = inspection_plans::set(&mut tx, &setting(Some(Plan::Every), 1)).await.expect_err("not his plant");
    assert_eq!(rules(error), ["plant_not_yours"]);
    drop(tx);
    let mut tx = dock.scene.begin(dock.scene.supplier(dock.scene.a)).await;
    assert!(inspection_plans::page(&mut tx, &PlanFilter::default(), &Page::first(10)).await.is_err());
    assert!(inspection_plans::versions(&mut tx, saved.plan_id).await.is_err());
}

#[sqlx::test(migrations = "../../migrations")]
async fn pages_of_plans_show_each_once_in_both_directions(pool: PgPoolOptions, options: PgConnectOptions) {
    let dock = Dock::new(pool, options).await;
    sqlx::raw_sql(
        "insert into inspection_plan (item_id, supplier_id, plan, created_by, created_at)
         select i.item_id, s.supplier_id, 'every', '{}', now() from item i, supplier s;
         insert into inspection_plan (item_id, plan, created_by, created_at) select item_id, 'none', '{}', now() from item",
    )
    .execute(&dock.scene.owner)
    .await
    .expect("plans");
    let mut tx = dock.scene.begin(dock.quality("Quinn")).await;
    let all: Vec<_> = counting(&mut tx).await.iter().map(|row| row.plan_id).collect();
    assert!(all.len() >= 6, "{}", all.len());
    let (mut forth, mut after) = (Vec::new(), None);
    loop {
        let at = Page { after, before: None, size: 2 };
        let rows = inspection_plans::page(&mut tx, &PlanFilter::default(), &at).await.expect("a page");
        let Some(last) = rows.last() else { break };
        // As it goes through an address.
        after = Some(last.place().to_string().parse().expect("a place"));
        forth.extend(rows.iter().map(|row| row.plan_id));
    }
    assert_eq!(forth, all);
    let last = counting(&mut tx).await.pop().expect("a plan").place();
    let back = Page { after: None, before: Some(last), size: 100 };
    let back = inspection_plans::page(&mut tx, &PlanFilter::default(), &back).await.expect("a page");
    assert_eq!(back.iter().map(|row| row.plan_id).collect::<Vec<_>>(), all[..all.len() - 1]);
}
