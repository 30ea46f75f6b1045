//! Changing what people are here for: by administrators only, and never so that nobody is left who can.

use domain::access::{Role, Scope};
use domain::id::PersonId;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use store::people::{self, NewPerson};
use store::{CommandError, Who};

use crate::scene::{Scene, who};

fn buyer_of(scene: &Scene, email: &str) -> NewPerson {
    NewPerson {
        email: email.to_owned(),
        name: "Otto Falk".to_owned(),
        roles: vec![Role::Buyer],
        suppliers: Vec::new(),
        plants: vec![scene.plant],
    }
}

async fn added(scene: &Scene, administrator: &Who, new: &NewPerson) -> PersonId {
    let mut tx = scene.begin(administrator.clone()).await;
    let person = people::add(&mut tx, new).await.expect("a person");
    tx.commit().await.expect("a commit");
    person
}

#[sqlx::test(migrations = "../../migrations")]
async fn an_administrator_changes_roles_and_memberships_at_once(pool: PgPoolOptions, options: PgConnectOptions) {
    let scene = Scene::new(pool, options).await;
    let administrator = who(&scene.store, "Ada", &[Role::Administrator], Scope::All);
    let person = added(&scene, &administrator, &buyer_of(&scene, "otto@norvik.example")).await;
    let changed = NewPerson {
        roles: vec![Role::Supplier],
        suppliers: vec![scene.a],
        plants: Vec::new(),
        ..buyer_of(&scene, "Otto.Falk@supplier.example ")
    };
    let mut tx = scene.begin(administrator.clone()).await;
    people::save(&mut tx, person, &changed).await.expect("saved");
    tx.commit().await.expect("a commit");
    let mut tx = scene.begin(administrator).await;
    let known = people::get(&mut tx, person).await.expect("an answer").expect("the person");
    assert_eq!(known.email, "otto.falk@supplier.example");
    assert_eq!(
        (known.roles, known.suppliers, known.plants),
        (vec![Role::Supplier], vec!["Supplier A".to_owned()], vec![])
    );
}

#[sqlx::test(migrations = "../../migrations")]
async fn nobody_changes_people_without_the_role_or_takes_an_address_that_is_used(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let scene = Scene::new(pool, options).await;
    let administrator = who(&scene.store, "Ada", &[Role::Administrator], Scope::All);
    let otto = added(&scene, &administrator, &buyer_of(&scene, "otto@norvik.example")).await;
    let _other = added(&scene, &administrator, &buyer_of(&scene, "ines@norvik.example")).await;
    let mut tx = scene.begin(scene.buyer()).await;
    let denied = people::save(&mut tx, otto, &buyer_of(&scene, "otto@norvik.example")).await;
    assert!(matches!(denied, Err(CommandError::Denied(_))));
    let mut tx = scene.begin(administrator).await;
    let taken = people::save(&mut tx, otto, &buyer_of(&scene, "ines@norvik.example")).await;
    assert!(matches!(taken, Err(CommandError::Invalid(_))));
}

#[sqlx::test(migrations = "../../migrations")]
async fn an_administrator_does_not_give_up_the_own_role(pool: PgPoolOptions, options: PgConnectOptions) {
    let scene = Scene::new(pool, options).await;
    let administrator = who(&scene.store, "Ada", &[Role::Administrator], Scope::All);
    let own = administrator.actor.person().expect("a person");
    let mut tx = scene.begin(administrator).await;
    let refused = people::save(&mut tx, own, &buyer_of(&scene, "ada@norvik.example")).await;
    assert!(matches!(refused, Err(CommandError::Invalid(why)) if why.contains("own role")));
}
