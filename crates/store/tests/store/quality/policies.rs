//! The policy of who ends a hold: by its plant and its reason, in versions, and for whom.

use domain::access::{Role, Scope};
use domain::hold::{Disposition, HoldReason, HoldScope, HoldState};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use store::holds::{self, Placing, policy};
use store::{CommandError, Who};
use uuid::Uuid;

use super::{Dock, placing, rules};
use crate::scene::who;

/// A quality engineer of another plant.
fn elsewhere(dock: &Dock) -> Who {
    who(&dock.scene.store, "Otto", &[Role::QualityEngineer], Scope::Plants(vec![Uuid::now_v7().into()]))
}

fn one_person(about: Option<HoldReason>, read: i32) -> policy::Setting {
    policy::Setting {
        plant: "DE10".to_owned(),
        about,
        two_persons: Some(false),
        reason: "one shift, one engineer".to_owned(),
        read,
        submission: Uuid::now_v7(),
    }
}

async fn set_policy(dock: &Dock, setting: &policy::Setting) -> Result<i32, CommandError> {
    let mut tx = dock.scene.begin(dock.quality("Quinn")).await;
    let version = policy::set(&mut tx, setting).await?;
    tx.commit().await.expect("a commit");
    Ok(version)
}

/// Whether one person ends a hold that is placed for this reason now.
async fn one_ends(dock: &Dock, reason: HoldReason, scope: HoldScope) -> bool {
    let mut tx = dock.scene.begin(dock.quality("Quinn")).await;
    let placing = Placing { reason: Some(reason), ..placing(scope) };
    let number = holds::place(&mut tx, &placing).await.expect("a hold").number;
    let asked = holds::request_release(&mut tx, &number, Some(Disposition::UseAsIs), "fine", Uuid::now_v7()).await;
    let released = asked.expect("asked").state == HoldState::Released;
    drop(tx);
    released
}

#[sqlx::test(migrations = "../../migrations")]
async fn who_ends_a_hold_follows_from_its_reason_and_its_plant(pool: PgPoolOptions, options: PgConnectOptions) {
    let dock = Dock::new(pool, options).await;
    let lot = dock.receive(dock.scene.a, dock.other, "H-1", 50, 0).await;
    let of_lot = || HoldScope::Lot { lot_id: lot };
    assert!(!one_ends(&dock, HoldReason::Damage, of_lot()).await, "two, as delivered");
    assert_eq!(set_policy(&dock, &one_person(Some(HoldReason::Damage), 0)).await.expect("a policy"), 1);
    assert!(one_ends(&dock, HoldReason::Damage, of_lot()).await);
    assert!(!one_ends(&dock, HoldReason::Identity, of_lot()).await, "another reason");
    set_policy(&dock, &one_person(None, 0)).await.expect("a policy");
    assert!(one_ends(&dock, HoldReason::Identity, of_lot()).await, "any reason");
    let two = policy::Setting { two_persons: Some(true), ..one_person(Some(HoldReason::Damage), 1) };
    set_policy(&dock, &two).await.expect("a policy");
    assert!(!one_ends(&dock, HoldReason::Damage, of_lot()).await, "its own goes before");
    let none = policy::Setting { two_persons: None, ..one_person(Some(HoldReason::Damage), 2) };
    set_policy(&dock, &none).await.expect("it ends");
    assert!(one_ends(&dock, HoldReason::Damage, of_lot()).await, "as for any reason");
    let everywhere = HoldScope::SupplierItem { supplier_id: dock.scene.a, item_id: dock.other };
    assert!(!one_ends(&dock, HoldReason::Damage, everywhere).await, "what counts in every plant takes two");

    let mut tx = dock.scene.begin(dock.quality("Quinn")).await;
    let versions = policy::versions(&mut tx, "DE10", Some(HoldReason::Damage)).await.expect("its versions");
    let persons: Vec<_> = versions.iter().map(|row| (row.version, row.two_persons)).collect();
    assert_eq!(persons, [(3, None), (2, Some(true)), (1, Some(false))]);
    let counts = policy::list(&mut tx).await.expect("what counts");
    assert_eq!(counts.iter().map(|row| (row.about, row.two_persons)).collect::<Vec<_>>(), [(None, Some(false))]);
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_hold_keeps_the_policy_of_the_day_it_was_placed(pool: PgPoolOptions, options: PgConnectOptions) {
    let dock = Dock::new(pool, options).await;
    let lot = dock.receive(dock.scene.a, dock.other, "H-1", 50, 0).await;
    let number = dock.place("Quinn", HoldScope::Lot { lot_id: lot }).await;
    set_policy(&dock, &one_person(None, 0)).await.expect("a policy");
    let mut tx = dock.scene.begin(dock.quality("Quinn")).await;
    let asked = holds::request_release(&mut tx, &number, Some(Disposition::UseAsIs), "fine", Uuid::now_v7()).await;
    assert_eq!(asked.expect("asked").state, HoldState::ReleaseRequested, "nobody makes the policy fit first");
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_policy_is_refused_with_a_reason_and_is_its_plants_own(pool: PgPoolOptions, options: PgConnectOptions) {
    let dock = Dock::new(pool, options).await;
    let first = one_person(None, 0);
    for _twice in 0..2 {
        assert_eq!(set_policy(&dock, &first).await.expect("a policy"), 1, "sent twice, set once");
    }
    let error = set_policy(&dock, &one_person(None, 0)).await.expect_err("somebody was faster");
    assert_eq!(rules(error), ["newer_version"]);
    let error = set_policy(&dock, &one_person(None, 1)).await.expect_err("the same");
    assert_eq!(rules(error), ["nothing_changed"]);
    let empty = policy::Setting { two_persons: None, reason: String::new(), ..one_person(None, 1) };
    let error = set_policy(&dock, &empty).await.expect_err("nothing chosen");
    assert_eq!(rules(error), ["persons_missing", "reason_missing"]);
    assert_eq!(dock.scene.count("select count(*) from audit_entry where action = 'hold_policy.set'").await, 1);

    let mut tx = dock.scene.begin(elsewhere(&dock)).await;
    assert!(policy::list(&mut tx).await.expect("a list").is_empty());
    assert!(matches!(policy::set(&mut tx, &one_person(None, 1)).await, Err(CommandError::NotFound { .. })));
    drop(tx);
    let mut tx = dock.scene.begin(dock.scene.buyer()).await;
    assert_eq!(policy::list(&mut tx).await.expect("a list").len(), 1, "a buyer reads it");
    assert!(matches!(policy::set(&mut tx, &one_person(None, 1)).await, Err(CommandError::Denied(_))));
    drop(tx);
    let mut tx = dock.scene.begin(dock.scene.supplier(dock.scene.a)).await;
    assert!(policy::list(&mut tx).await.is_err(), "not a supplier's business");
}
