//! What the daily sweep makes and throws away.

use chrono::TimeDelta;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use store::retention::{self, Before, Swept};

use crate::scene::Scene;

#[sqlx::test(migrations = "../../migrations")]
async fn the_sweep_takes_what_is_over_and_leaves_the_rest(pool: PgPoolOptions, options: PgConnectOptions) {
    let scene = Scene::new(pool, options).await;
    let now = scene.store.clock().now();
    let person = scene.store.new_id();
    sqlx::query("insert into person (person_id, email, name, created_at) values ($1, 'sam@example.com', 'Sam', $2)")
        .bind(person)
        .bind(now)
        .execute(&scene.owner)
        .await
        .expect("a person");
    for (name, age) in [("old", TimeDelta::days(60)), ("new", TimeDelta::hours(1))] {
        let at = now - age;
        for sql in [
            "insert into session (session_id, data, created_at, seen_at, expires_at) values ($1, '{}', $2, $2, $2)",
            "insert into access_token (token_hash, purpose, created_at, expires_at) values ($1, 'set_up', $2, $2)",
            "insert into submission (submission_id, kind, at, outcome) values (md5($1)::uuid, 'x', $2, '{}')",
        ] {
            sqlx::query(sql).bind(name).bind(at).execute(&scene.owner).await.expect("a row");
        }
        sqlx::query("insert into draft (person_id, form, object, data, updated_at) values ($1, 'f', $2, '{}', $3)")
            .bind(person)
            .bind(name)
            .bind(at)
            .execute(&scene.owner)
            .await
            .expect("a draft");
    }
    let month = now - TimeDelta::days(30);
    let before = Before { ended: month, submissions: month, drafts: month };
    for expected in [1, 0] {
        let mut tx = scene.program().await;
        let swept = retention::sweep(&mut tx, &before).await.expect("swept");
        tx.commit().await.expect("a commit");
        assert_eq!(swept, Swept { sessions: expected, tokens: expected, submissions: expected, drafts: expected });
        assert!(!swept.is_more());
    }
}

#[sqlx::test(migrations = "../../migrations")]
async fn partitions_are_made_ahead_by_two_at_once(pool: PgPoolOptions, options: PgConnectOptions) {
    let scene = Scene::new(pool, options).await;
    // The months ahead are empty; take one away as if nobody had made it.
    let last: String =
        sqlx::query_scalar("select max(inhrelid::regclass::text) from pg_inherits where inhparent = 'event'::regclass")
            .fetch_one(&scene.owner)
            .await
            .expect("a partition");
    sqlx::query(sqlx::AssertSqlSafe(format!("drop table {last}"))).execute(&scene.owner).await.expect("dropped");
    let make = || async {
        let mut tx = scene.program().await;
        let made = retention::ensure_partitions(&mut tx).await.expect("made");
        tx.commit().await.expect("a commit");
        made
    };
    let (one, two) = tokio::join!(make(), make());
    assert_eq!(one + two, 1);
}
