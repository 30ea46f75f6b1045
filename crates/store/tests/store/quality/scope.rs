//! Who sees what of lots and holds.

use domain::access::{Role, Scope};
use domain::hold::HoldScope;
use domain::id::LotId;
use domain::lot::usability::Reason;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use store::release_check::Asked;
use store::{CommandError, Tx, availability, holds, lot_list, release_check, search, trace};
use uuid::Uuid;

use super::{Dock, placing};
use crate::scene::who;

/// What one supplier reads of everything about quality.
async fn seen(tx: &mut Tx, lot: LotId, number: &str) -> [bool; 6] {
    [
        lot_list::get(tx, lot).await.is_ok(),
        holds::get(tx, number).await.is_ok(),
        !lot_list::movements(tx, lot).await.expect("a list").is_empty(),
        !lot_list::serials(tx, lot, "", 10).await.expect("a list").is_empty(),
        !trace::follow(tx, &trace::Start::SupplierLot("H-1".to_owned())).await.expect("a trace").is_empty(),
        !search::by_words(tx, "H-1").await.expect("results").material.is_empty(),
    ]
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_supplier_sees_his_lots_and_holds_and_nobody_elses(pool: PgPoolOptions, options: PgConnectOptions) {
    let dock = Dock::new(pool, options).await;
    let lot = dock.receive(dock.scene.a, dock.other, "H-1", 50, 0).await;
    let number = dock.place("Quinn", HoldScope::Lot { lot_id: lot }).await;
    let everywhere =
        dock.place("Quinn", HoldScope::SupplierItem { supplier_id: dock.scene.a, item_id: dock.item }).await;
    let mut tx = dock.scene.begin(dock.scene.supplier(dock.scene.a)).await;
    assert_eq!(seen(&mut tx, lot, &number).await, [true; 6]);
    assert!(holds::get(&mut tx, &everywhere).await.is_ok());
    assert!(matches!(
        holds::place(&mut tx, &placing(HoldScope::Lot { lot_id: lot })).await,
        Err(CommandError::Denied(_))
    ));
    assert!(availability::list(&mut tx, &availability::StockFilter::default(), 10).await.is_err(), "not his to see");
    drop(tx);
    let mut tx = dock.scene.begin(dock.scene.supplier(dock.scene.b)).await;
    assert_eq!(seen(&mut tx, lot, &number).await, [false; 6]);
    assert!(holds::get(&mut tx, &everywhere).await.is_err());
    assert!(holds::list(&mut tx, &holds::HoldFilter::default(), 10).await.expect("a list").is_empty());
    drop(tx);
    let elsewhere =
        who(&dock.scene.store, "Otto", &[Role::QualityEngineer], Scope::Plants(vec![Uuid::now_v7().into()]));
    let mut tx = dock.scene.begin(elsewhere).await;
    assert!(lot_list::get(&mut tx, lot).await.is_err(), "another plant's engineer does not see the lot");
    assert!(holds::get(&mut tx, &everywhere).await.is_ok(), "but a hold that counts in every plant");
    let record = holds::get(&mut tx, &everywhere).await.expect("seen");
    assert!(
        lot_list::under_hold(&mut tx, record.hold_id).await.expect("a list").is_empty(),
        "and none of its lots elsewhere"
    );
    let asked = Asked { plant: "DE10".to_owned(), item: "4712".to_owned(), lot: "H-1".to_owned(), quantity: 1.into() };
    let answer = release_check::check(&mut tx, vec![asked]).await.expect("an answer");
    assert_eq!(answer.checks[0].verdict.reasons, [Reason::Unknown { lot: "H-1".to_owned() }]);
    assert!(answer.sources.is_empty(), "nor the systems of a plant that is not his");
}
