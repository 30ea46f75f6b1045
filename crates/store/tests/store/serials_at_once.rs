//! Serials that are announced twice at the same instant, on lines that have nothing else in common.

use domain::id::ScheduleLineId;
use domain::item::ItemRules;
use domain::shipment::content::ShipContent;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use store::{CommandError, orders};

use crate::scene::{Scene, accept_all, snapshot};
use crate::ship_notices::{amend, content, line, rules, send};

/// The lines of an order whose items, 4711 and 4712, are kept by serial.
async fn by_serial(scene: &Scene, number: &str) -> [ScheduleLineId; 2] {
    let mut order = snapshot(number, "A");
    for line in &mut order.lines {
        line.item.rules = Some(ItemRules { serials: true, ..ItemRules::default() });
    }
    scene.mirror(&order).await;
    let record = scene.order(number).await;
    let mut tx = scene.begin(scene.supplier(scene.a)).await;
    orders::confirm(&mut tx, number, &accept_all(&record)).await.expect("confirmed");
    tx.commit().await.expect("a commit");
    [0, 1].map(|at| record.order.lines[at].schedule[0].schedule_line_id)
}

fn with_serials(delivery_note: &str, lines: &[ScheduleLineId], serial: &str) -> ShipContent {
    let mut content = content(delivery_note, lines.iter().map(|id| line(*id, 1)).collect());
    for line in &mut content.lines {
        line.serials = vec![serial.to_owned()];
    }
    content
}

/// One was taken, and the other was told of each serial that it is used.
fn one_of<T: std::fmt::Debug>(one: Result<T, CommandError>, two: Result<T, CommandError>, case: &str) {
    let refused = match (one, two) {
        (Ok(_), Err(refused)) | (Err(refused), Ok(_)) => rules(refused),
        both => panic!("{case}: one is taken and one is not: {both:?}"),
    };
    assert!(!refused.is_empty() && refused.iter().all(|rule| rule.ends_with(" serial_used")), "{case}: {refused:?}");
}

#[sqlx::test(migrations = "../../migrations")]
async fn of_two_notices_at_once_with_the_same_serial_one_is_taken(pool: PgPoolOptions, options: PgConnectOptions) {
    let scene = Scene::new(pool, options).await;
    let first = by_serial(&scene, "4500000001").await;
    // The same items in the other order: who waits for one has not taken the other.
    let mut second = by_serial(&scene, "4500000002").await;
    second.reverse();
    for round in 0..8 {
        let serial = format!("S{round}");
        let (one, two) = (format!("LS-1-{round}"), format!("LS-2-{round}"));
        let (one, two) = futures::join!(
            send(&scene, with_serials(&one, &first, &serial)),
            send(&scene, with_serials(&two, &second, &serial)),
        );
        one_of(one, two, &serial);
    }
    let twice = "select count(*) from (
        select from ship_notice_serial s join ship_notice_line l using (ship_line_id)
        group by l.item_id, s.serial having count(*) > 1) twice";
    assert_eq!(scene.count(twice).await, 0);
}

#[sqlx::test(migrations = "../../migrations")]
async fn an_amendment_and_a_notice_at_once_do_not_share_a_serial(pool: PgPoolOptions, options: PgConnectOptions) {
    let scene = Scene::new(pool, options).await;
    let first = by_serial(&scene, "4500000001").await;
    let second = by_serial(&scene, "4500000002").await;
    for round in 0..4 {
        let note = format!("LS-1-{round}");
        let known = send(&scene, with_serials(&note, &first, &format!("old{round}"))).await.expect("taken");
        let serial = format!("S{round}");
        let other = format!("LS-2-{round}");
        let (one, two) = futures::join!(
            amend(&scene, &known.number, 1, with_serials(&note, &first, &serial)),
            send(&scene, with_serials(&other, &second, &serial)),
        );
        one_of(one, two, &serial);
    }
}
