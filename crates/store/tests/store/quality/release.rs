//! The release check: many lots, all reasons, the age of what is known, certificates.

use domain::hold::HoldScope;
use domain::lot::usability::Reason;
use sqlx::AssertSqlSafe;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use store::release_check;
use store::release_check::Asked;

use super::Dock;

#[sqlx::test(migrations = "../../migrations")]
async fn the_release_check_answers_many_lots_with_all_reasons_and_the_age(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let dock = Dock::new(pool, options).await;
    dock.receive(dock.scene.a, dock.item, "H-1", 90, 10).await;
    let held = dock.receive(dock.scene.a, dock.other, "H-2", 50, 0).await;
    dock.receive(dock.scene.b, dock.other, "H-3", 50, 0).await;
    dock.place("Quinn", HoldScope::Lot { lot_id: held }).await;
    sqlx::query("insert into certificate_requirement (requirement_id, item_id, kind, per, created_by, created_at) values (gen_random_uuid(), $1, 'en_3_1', 'lot', '{}', now())")
        .bind(dock.item.0)
        .execute(&dock.scene.owner)
        .await
        .expect("a requirement");
    let ask = |item: &str, lot: &str, quantity: i64| Asked {
        plant: "DE10".to_owned(),
        item: item.to_owned(),
        lot: lot.to_owned(),
        quantity: quantity.into(),
    };
    let asked = vec![
        ask("4711", "H-1", 10),
        ask("4712", "H-2", 10),
        ask("4712", "H-3", 50),
        ask("4712", "H-9", 1),
        ask("4711", "H-2", 1),
    ];
    let mut tx = dock.scene.begin(dock.quality("Quinn")).await;
    let answer = release_check::check(&mut tx, asked.clone()).await.expect("an answer");
    let words: Vec<Vec<String>> = answer
        .checks
        .iter()
        .map(|check| {
            let word = |reason: &Reason| {
                serde_json::to_value(reason).expect("json")["reason"].as_str().expect("a word").to_owned()
            };
            check.verdict.reasons.iter().map(word).collect()
        })
        .collect();
    assert_eq!(
        words,
        [
            vec!["not_enough".to_owned(), "in_inspection".into(), "blocked".into(), "certificate_missing".into()],
            vec!["held".into()],
            vec![],
            vec!["unknown".into()],
            vec!["unknown".into()],
        ]
    );
    assert_eq!(answer.checks.iter().map(|check| check.asked.clone()).collect::<Vec<_>>(), asked, "in order");
    assert_eq!(answer.as_of, None, "the ERP has never spoken");
    let many = vec![ask("4712", "H-3", 1); release_check::MOST + 1];
    assert!(release_check::check(&mut tx, many).await.is_err(), "more than fits in a call");
    drop(tx);
    sqlx::query("update connection set last_ok_at = '2026-12-01T07:30:00Z'")
        .execute(&dock.scene.owner)
        .await
        .expect("news");
    let mut tx = dock.scene.begin(dock.quality("Quinn")).await;
    let answer = release_check::check(&mut tx, vec![ask("4712", "H-3", 1)]).await.expect("an answer");
    assert_eq!(answer.as_of, Some(crate::scene::time("2026-12-01T07:30:00Z")));
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_certificate_counts_for_the_lot_that_it_names_once_accepted(pool: PgPoolOptions, options: PgConnectOptions) {
    let dock = Dock::new(pool, options).await;
    let lot = dock.receive(dock.scene.a, dock.other, "H-1", 50, 0).await;
    let sql = [
        "insert into certificate_requirement (requirement_id, item_id, kind, per, created_by, created_at) select gen_random_uuid(), item_id, 'en_3_1', 'lot', '{}', now() from item where number = '4712'",
        "insert into certificate (certificate_id, number, kind, per, status, supplier_id, item_id, item_number, issuer, issued_on, submitted_by, submitted_at)
         select gen_random_uuid(), 'Z-1', 'en_3_1', 'lot', 'submitted', s.supplier_id, i.item_id, i.number, 'Mill', '2026-11-01', '{}', now()
         from supplier s, item i where s.number = 'A' and i.number = '4712'",
        "insert into certificate_lot (certificate_id, item_id, lot, supplier_id) select certificate_id, item_id, 'H-1', supplier_id from certificate",
    ];
    for sql in sql {
        sqlx::query(AssertSqlSafe(sql)).execute(&dock.scene.owner).await.expect("certificates");
    }
    for (status, usable) in [("submitted", false), ("accepted", true), ("rejected", false)] {
        sqlx::query("update certificate set status = $1, decided_at = now(), decision_note = 'x'")
            .bind(status)
            .execute(&dock.scene.owner)
            .await
            .expect("a decision");
        assert_eq!(dock.reasons(lot, 50).await.is_empty(), usable, "{status}");
    }
}
