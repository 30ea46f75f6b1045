//! Stock as each system said last, and asking anew.

use domain::command::{StockOfLot, StockSnapshot};
use domain::lot::StockStatus;
use domain::quantity::Unit;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use store::availability;

use super::Dock;

#[sqlx::test(migrations = "../../migrations")]
async fn stock_is_what_each_system_said_last_and_late_news_change_nothing(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let dock = Dock::new(pool, options).await;
    let said = |as_of: &str, on_hand: i64| StockSnapshot {
        plant: "DE10".to_owned(),
        item: "4711".to_owned(),
        unit: Unit::new("PCE"),
        as_of: crate::scene::time(as_of),
        lots: vec![
            StockOfLot {
                lot: Some("H-1".to_owned()),
                status: Some(StockStatus::Unrestricted),
                location: Some("R-01".to_owned()),
                on_hand: on_hand.into(),
                reserved: 2.into(),
            };
            2
        ],
    };
    let mut tx = dock.scene.program().await;
    let erp = dock.scene.erp;
    assert!(availability::mirror(&mut tx, erp, &said("2026-12-01T07:00:00Z", 5)).await.expect("taken"));
    assert!(!availability::mirror(&mut tx, erp, &said("2026-12-01T06:00:00Z", 9)).await.expect("left aside"));
    assert!(availability::mirror(&mut tx, erp, &said("2026-12-01T07:30:00Z", 7)).await.expect("taken"));
    tx.commit().await.expect("a commit");
    let quality = dock.quality("Quinn");
    let mut tx = dock.scene.begin(quality.clone()).await;
    let rows = availability::list(&mut tx, &availability::StockFilter::default(), 10).await.expect("a list");
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].on_hand, rows[0].reserved), (14.into(), 4.into()), "named twice means both");
    drop(tx);
    // Asking goes to the ERP alone; asking again at once asks nothing.
    let mut asked = Vec::new();
    for _twice in 0..2 {
        let mut tx = dock.scene.begin(quality.clone()).await;
        asked.push(availability::ask(&mut tx, "DE10", "4711").await.expect("asked"));
        tx.commit().await.expect("a commit");
    }
    assert_eq!(asked, [1, 0]);
    let mut tx = dock.scene.begin(quality).await;
    assert_eq!(availability::waiting(&mut tx, "4711").await.expect("the questions").len(), 1);
    let home = "select count(*) from event where kind = 'stock.requested' and home_connection_id is not null";
    assert_eq!(dock.scene.count(home).await, 1);
}
