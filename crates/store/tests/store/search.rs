//! What the search box finds of inbound material, and for whom.

use domain::receipt::ReceiptChannel;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use store::Who;
use store::search::{self, Paper, Results};

use crate::dockyard::{Dockyard, came, document, everything};

async fn found(yard: &Dockyard, who: Who, words: &str) -> Results {
    let mut tx = yard.scene.begin(who).await;
    search::by_words(&mut tx, words).await.expect("results")
}

fn numbers(results: &Results, paper: Paper) -> Vec<&str> {
    results.papers.iter().filter(|found| found.paper == paper).map(|found| found.number.as_str()).collect()
}

#[sqlx::test(migrations = "../../migrations")]
async fn receipts_differences_and_ship_notices_are_found_by_their_numbers_and_by_theirs(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let yard = Dockyard::new(pool, options).await;
    let posted = yard.post(&yard.receipt(true, vec![came(1, Some("H1"), 60), came(2, None, 100)])).await;
    yard.told(yard.wms, &document("WE-77", ReceiptChannel::Wms, everything())).await;
    let case = posted.case.clone().expect("40 pieces are missing");
    let buyer = async |words: &str| found(&yard, yard.scene.buyer(), words).await;
    let receipts = buyer("gr-0").await;
    assert!(numbers(&receipts, Paper::Receipt).contains(&posted.number.as_str()), "{receipts:?}");
    assert_eq!(numbers(&receipts, Paper::Receipt).len(), 2, "both are there, however many count");
    assert!(receipts.papers.iter().all(|paper| paper.plant == "DE10"));
    assert_eq!(numbers(&buyer("WE-77").await, Paper::Receipt).len(), 1, "by the warehouse's own number");
    assert_eq!(numbers(&buyer("LS-1").await, Paper::Notice), [yard.notice.as_str()], "by the delivery note");
    assert_eq!(numbers(&buyer(&yard.notice.to_lowercase()).await, Paper::Notice), [yard.notice.as_str()]);
    assert_eq!(numbers(&buyer("DC-").await, Paper::Difference), [case.as_str()]);
    assert_eq!(numbers(&buyer(&posted.number).await, Paper::Difference), [case.as_str()], "by its receipt");
    assert!(buyer("GR-9").await.is_empty());
    assert!(buyer("%%").await.is_empty());
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_supplier_finds_his_own_papers_and_no_others(pool: PgPoolOptions, options: PgConnectOptions) {
    let yard = Dockyard::new(pool, options).await;
    let posted = yard.post(&yard.receipt(true, vec![came(1, Some("H1"), 60), came(2, None, 100)])).await;
    let case = posted.case.clone().expect("40 pieces are missing");
    for (supplier, own) in [(yard.scene.a, true), (yard.scene.b, false)] {
        for words in ["GR-", "DC-", "SN-", "LS-1", posted.number.as_str(), case.as_str(), yard.notice.as_str()] {
            let found = found(&yard, yard.scene.supplier(supplier), words).await;
            assert_eq!(!found.is_empty(), own, "{words}: {found:?}");
        }
    }
}

#[sqlx::test(migrations = "../../migrations")]
async fn numbers_are_found_in_an_index_below_row_level_security(pool: PgPoolOptions, options: PgConnectOptions) {
    let yard = Dockyard::new(pool, options).await;
    let mut tx = yard.scene.owner.begin().await.expect("a transaction");
    for sql in [
        "set local role interlock_app",
        "select set_config('interlock.scope', 'suppliers', true)",
        // Three rows are sorted faster than looked up; what counts is that the index can do both.
        "set local enable_seqscan = off",
        "set local enable_bitmapscan = off",
        "set local enable_sort = off",
    ] {
        sqlx::query(sql).execute(&mut *tx).await.expect(sql);
    }
    for table in ["receipt", "difference_case", "ship_notice"] {
        let sql = format!(
            r#"explain select from {table} where number collate "C" >= 'X-1' and number collate "C" < 'X-2' order by number collate "C" desc limit 8"#
        );
        let plan: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_all(&mut *tx).await.expect("a plan");
        let plan = plan.join("\n");
        assert!(plan.contains("Index Cond") && plan.contains("_begins") && !plan.contains("Sort"), "{plan}");
    }
}
