//! Lots from receipts: what comes, is decided and is taken back adds up.

use domain::Decimal;
use domain::id::ReceiptLineId;
use domain::inspection::Part;
use domain::lot::StockStatus;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use store::{inspections, lot_list, lots};

use super::{Dock, deciding, part, rules};

#[sqlx::test(migrations = "../../migrations")]
async fn what_came_lies_in_inspection_what_is_damaged_lies_blocked(pool: PgPoolOptions, options: PgConnectOptions) {
    let dock = Dock::new(pool, options).await;
    let lot = dock.receive(dock.scene.a, dock.item, "H-1", 90, 10).await;
    assert_eq!(dock.stock(lot).await, [(StockStatus::Blocked, 10.into()), (StockStatus::Inspection, 90.into())]);
    let again = dock.receive(dock.scene.a, dock.item, "H-1", 5, 0).await;
    assert_eq!(again, lot, "the same lot of the same supplier is added to");
    assert_eq!(dock.due().await.len(), 1, "one inspection takes both");
    assert_eq!(dock.due().await[0].quantity, 95.into());
    let free = dock.receive(dock.scene.a, dock.other, "H-2", 7, 0).await;
    assert_eq!(
        dock.stock(free).await,
        [(StockStatus::Unrestricted, 7.into())],
        "an item without inspection is free at once"
    );
    dock.adds_up().await;
}

#[sqlx::test(migrations = "../../migrations")]
async fn one_number_from_two_suppliers_is_two_lots(pool: PgPoolOptions, options: PgConnectOptions) {
    let dock = Dock::new(pool, options).await;
    let of_a = dock.receive(dock.scene.a, dock.item, "H-1", 10, 0).await;
    let of_b = dock.receive(dock.scene.b, dock.item, "H-1", 20, 0).await;
    assert_ne!(of_a, of_b);
    let mut tx = dock.scene.program().await;
    let second = lot_list::get(&mut tx, of_b).await.expect("the lot");
    assert_eq!((second.number.as_str(), second.supplier_lot.as_deref()), ("H-1/B", Some("H-1")));
    drop(tx);
    assert_eq!(dock.receive(dock.scene.b, dock.item, "H-1", 1, 0).await, of_b, "and stays the second one's");
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_receipt_taken_back_takes_what_is_there_and_never_more(pool: PgPoolOptions, options: PgConnectOptions) {
    let dock = Dock::new(pool, options).await;
    let (lot, first) = dock.try_receive(dock.scene.a, dock.item, "H-1", 60, 5).await.expect("received");
    let (_, second) = dock.try_receive(dock.scene.a, dock.item, "H-1", 40, 0).await.expect("received");
    let inspection = dock.due().await[0].inspection_id;
    let mut tx = dock.scene.begin(dock.quality("Quinn")).await;
    let parts = vec![part(StockStatus::Unrestricted, 70), part(StockStatus::Blocked, 30)];
    inspections::decide(&mut tx, inspection, &deciding(parts, "scratches")).await.expect("decided");
    tx.commit().await.expect("a commit");

    for _twice in 0..2 {
        let mut tx = dock.scene.program().await;
        let now = tx.now();
        lots::take_back(&mut tx, first, now, "counted wrong").await.expect("taken back, once");
        tx.commit().await.expect("a commit");
    }
    let left: Decimal = dock.stock(lot).await.iter().map(|(_, quantity)| *quantity).sum();
    assert_eq!(left, 40.into());
    dock.adds_up().await;

    // Somebody used 30 of them elsewhere: the rest cannot be taken back whole.
    let used = "with s as (update lot_stock set quantity = quantity - 10 where status = 'unrestricted' and quantity >= 10 returning lot_id)
                select count(*) from s";
    assert_eq!(dock.scene.count(used).await, 1);
    let mut tx = dock.scene.program().await;
    let now = tx.now();
    let error = lots::take_back(&mut tx, second, now, "counted wrong").await.expect_err("not so much is there");
    assert_eq!(rules(error), ["not_in_stock_any_more"]);
}

#[sqlx::test(migrations = "../../migrations")]
async fn whatever_comes_is_decided_and_taken_back_the_stock_adds_up(pool: PgPoolOptions, options: PgConnectOptions) {
    // A walk with a fixed seed: what matters is the invariant after every step, not the path.
    let dock = Dock::new(pool, options).await;
    let mut seed = 0x5eed_u64;
    let mut roll = move |sides: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % sides
    };
    let mut lines: Vec<ReceiptLineId> = Vec::new();
    for _step in 0..60 {
        let lot = format!("H-{}", roll(3));
        let supplier = if roll(2) == 0 { dock.scene.a } else { dock.scene.b };
        match roll(4) {
            0 | 1 => {
                let (accepted, damaged) =
                    (i64::try_from(roll(20)).expect("small"), i64::try_from(roll(5)).expect("small"));
                let item = if roll(3) == 0 { dock.other } else { dock.item };
                let (_, line) = dock.try_receive(supplier, item, &lot, accepted, damaged).await.expect("received");
                lines.push(line);
            }
            2 => {
                let due = dock.due().await;
                if let Some(record) = due.first().filter(|record| record.quantity > Decimal::ZERO) {
                    let free = (record.quantity / Decimal::TWO).floor();
                    let parts = vec![
                        Part { to: StockStatus::Unrestricted, quantity: free },
                        Part { to: StockStatus::Blocked, quantity: record.quantity - free },
                    ];
                    let mut tx = dock.scene.begin(dock.quality("Quinn")).await;
                    inspections::decide(&mut tx, record.inspection_id, &deciding(parts, "half of it"))
                        .await
                        .expect("decided");
                    tx.commit().await.expect("a commit");
                }
            }
            _ if !lines.is_empty() => {
                let place = usize::try_from(roll(lines.len() as u64)).expect("small");
                let line = lines.swap_remove(place);
                let mut tx = dock.scene.program().await;
                let now = tx.now();
                lots::take_back(&mut tx, line, now, "counted wrong").await.expect("all of it is still there");
                tx.commit().await.expect("a commit");
            }
            _ => {}
        }
        dock.adds_up().await;
    }
    assert!(dock.scene.count("select count(*) from lot_movement").await > 20, "something happened");
}
