//! Keys of machines: shown once, found by their beginning, changed without a gap, and never another supplier's.

use chrono::TimeDelta;
use domain::access::{Right, Role, Scope};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use store::api_keys::{self, Made, NewKey, Owner};
use store::{CommandError, Who};

use crate::scene::{Scene, who};

fn new(owner: Owner, rights: &[Right]) -> NewKey {
    NewKey { name: "ERP of A".to_owned(), rights: rights.to_vec(), owner, lasts: TimeDelta::days(90) }
}

fn administrator(scene: &Scene) -> Who {
    who(&scene.store, "Ada", &[Role::SupplierAdmin], Scope::Suppliers(vec![scene.a]))
}

async fn made(scene: &Scene) -> Made {
    let mut tx = scene.begin(administrator(scene)).await;
    let made = api_keys::make(&mut tx, &new(Owner::Supplier(scene.a), &[Right::ReadOrders])).await.expect("a key");
    tx.commit().await.expect("a commit");
    made
}

async fn opens(scene: &Scene, key: &str) -> bool {
    let mut tx = scene.program().await;
    api_keys::authenticate(&mut tx, key).await.expect("an answer").is_some()
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_key_opens_the_door_until_it_ends_and_only_its_hash_is_kept(pool: PgPoolOptions, options: PgConnectOptions) {
    let scene = Scene::new(pool, options).await;
    let made = made(&scene).await;
    assert!(opens(&scene, &made.key).await);
    let mut wrong = made.key.clone();
    wrong.replace_range(wrong.len() - 1.., if wrong.ends_with('0') { "1" } else { "0" });
    for other in ["", "ilk_", "ilk_0000000000_", wrong.as_str(), &made.key[..made.key.len() - 1]] {
        assert!(!opens(&scene, other).await, "{other:?}");
    }
    let secret = made.key.rsplit('_').next().expect("a secret");
    let row: String = sqlx::query_scalar("select k::text from api_key k").fetch_one(&scene.owner).await.expect("a row");
    assert!(!row.contains(secret), "the key itself is nowhere");
    let audit: String = sqlx::query_scalar("select string_agg(a::text, ' ') from audit_entry a")
        .fetch_one(&scene.owner)
        .await
        .expect("the log");
    assert!(audit.contains("api_key.make") && !audit.contains(secret));
    scene.store.clock().advance(TimeDelta::days(90));
    assert!(!opens(&scene, &made.key).await, "it has ended");
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_successor_works_at_once_and_the_old_key_as_long_as_was_chosen(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let scene = Scene::new(pool, options).await;
    let old = made(&scene).await;
    let mut tx = scene.begin(administrator(&scene)).await;
    let new = api_keys::rotate(&mut tx, old.api_key_id, TimeDelta::days(7)).await.expect("a successor");
    let views = api_keys::list(&mut tx).await.expect("both");
    tx.commit().await.expect("a commit");
    assert_eq!(views[0].machine_id, views[1].machine_id, "one machine with two keys");
    assert!(opens(&scene, &old.key).await && opens(&scene, &new.key).await, "no gap");
    let mut tx = scene.begin(administrator(&scene)).await;
    assert!(matches!(
        api_keys::rotate(&mut tx, old.api_key_id, TimeDelta::zero()).await,
        Err(CommandError::Invalid(_))
    ));
    drop(tx);
    scene.store.clock().advance(TimeDelta::days(7));
    assert!(!opens(&scene, &old.key).await && opens(&scene, &new.key).await);
    let mut tx = scene.begin(administrator(&scene)).await;
    api_keys::revoke(&mut tx, new.api_key_id).await.expect("revoked");
    tx.commit().await.expect("a commit");
    assert!(!opens(&scene, &new.key).await);
}

#[sqlx::test(migrations = "../../migrations")]
async fn nobody_makes_sees_or_changes_keys_that_are_not_his(pool: PgPoolOptions, options: PgConnectOptions) {
    let scene = Scene::new(pool, options).await;
    let made = made(&scene).await;
    let other = who(&scene.store, "Bob", &[Role::SupplierAdmin], Scope::Suppliers(vec![scene.b]));
    let mut tx = scene.begin(other.clone()).await;
    assert_eq!(api_keys::list(&mut tx).await.expect("a list"), []);
    let stolen = api_keys::rotate(&mut tx, made.api_key_id, TimeDelta::zero()).await;
    assert!(matches!(stolen, Err(CommandError::NotFound { .. })));
    let revoked = api_keys::revoke(&mut tx, made.api_key_id).await;
    assert!(matches!(revoked, Err(CommandError::NotFound { .. })));
    for (owner, rights) in [
        (Owner::Supplier(scene.a), Right::ReadOrders),
        (Owner::House, Right::ReadOrders),
        (Owner::Plant(scene.plant), Right::ReadOrders),
    ] {
        let denied = api_keys::make(&mut tx, &new(owner, &[rights])).await;
        assert!(matches!(denied, Err(CommandError::Denied(_))), "{owner:?}");
    }
    let more = api_keys::make(&mut tx, &new(Owner::Supplier(scene.b), &[Right::CheckRelease])).await;
    assert!(matches!(more, Err(CommandError::Invalid(_))), "a right of the house");
    drop(tx);
    let clerk = who(&scene.store, "Sam", &[Role::Supplier], Scope::Suppliers(vec![scene.a]));
    let mut tx = scene.begin(clerk).await;
    assert!(matches!(api_keys::list(&mut tx).await, Err(CommandError::Denied(_))));
    drop(tx);
    let mut tx = scene.begin(scene.integration_admin()).await;
    assert!(api_keys::make(&mut tx, &new(Owner::House, &[Right::CheckRelease])).await.is_ok());
    let suppliers = api_keys::make(&mut tx, &new(Owner::House, &[Right::AnswerOrders])).await;
    assert!(matches!(suppliers, Err(CommandError::Invalid(_))), "the house answers no order");
}
