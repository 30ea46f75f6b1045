//! Documents that belong to nothing go after their time; whatever is attached or still being written stays.

use chrono::TimeDelta;
use domain::document::MediaType;
use domain::id::{DocumentId, SupplierId};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use store::documents::{self, NewDocument};
use store::{CommandError, stray_documents};

use crate::scene::Scene;

async fn upload(scene: &Scene, supplier: SupplierId, content: &str, quota: u64) -> Result<DocumentId, CommandError> {
    let new = NewDocument {
        sha256: store::files::sha256(content.as_bytes()),
        name: format!("{content}.pdf"),
        media_type: MediaType::Pdf,
        size: content.len() as u64,
        supplier_id: Some(supplier),
    };
    let mut tx = scene.begin(scene.supplier(supplier)).await;
    let id = documents::add(&mut tx, &new, quota).await?;
    tx.commit().await?;
    Ok(id)
}

/// What one sweep removes: the content that goes with the last row that has it, or none.
async fn swept(scene: &Scene) -> Vec<Option<String>> {
    let mut tx = scene.program().await;
    let before = tx.now() - TimeDelta::days(1);
    let strays = stray_documents::older_than(&mut tx, before).await.expect("listed");
    let mut contents = Vec::new();
    for stray in strays {
        let gone = stray_documents::remove(&mut tx, stray, before).await.expect("removed").expect("it is stray");
        contents.push(gone.was_last.then_some(gone.sha256));
    }
    tx.commit().await.expect("a commit");
    contents
}

#[sqlx::test(migrations = "../../migrations")]
async fn what_belongs_to_nothing_goes_after_a_day_and_its_room_is_free_again(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let scene = Scene::new(pool, options).await;
    upload(&scene, scene.a, "stray", 8).await.expect("there is room");
    upload(&scene, scene.a, "other", 8).await.expect_err("no room");
    assert_eq!(swept(&scene).await, [], "it is young");
    scene.store.clock().advance(TimeDelta::hours(25));
    assert_eq!(swept(&scene).await, [Some(store::files::sha256(b"stray"))]);
    assert_eq!(swept(&scene).await, [], "once");
    upload(&scene, scene.a, "other", 8).await.expect("there is room again");
    let noted = "select count(*) from audit_entry where action = 'document.remove' and object_id = 'stray.pdf'
                 and supplier_id is not null and before ->> 'size' = '5'";
    assert_eq!(scene.count(noted).await, 1);
}

#[sqlx::test(migrations = "../../migrations")]
async fn what_is_attached_named_in_a_draft_or_sent_again_stays(pool: PgPoolOptions, options: PgConnectOptions) {
    let scene = Scene::new(pool, options).await;
    let attached = upload(&scene, scene.a, "attached", 100).await.expect("kept");
    let drafted = upload(&scene, scene.a, "drafted", 100).await.expect("kept");
    let again = upload(&scene, scene.a, "again", 100).await.expect("kept");
    let person = scene.store.new_id();
    for sql in [
        "insert into person (person_id, email, name, created_at) values ($1, 'sam@example.com', 'Sam', now())".to_owned(),
        format!("insert into draft (person_id, form, object, data, updated_at) values ($1, 'f', '', '{{\"fields\": {{\"doc-{drafted}\": \"x\"}}}}', now())"),
        "insert into item (item_id, number, description, base_unit, created_at) values ($1, '1', 'x', 'PCE', now())".to_owned(),
        format!(
            "insert into certificate (certificate_id, number, kind, per, status, supplier_id, item_id, item_number, issuer, issued_on, submitted_by, submitted_at)
             values ($1, 'C', 'coc', 'lot', 'submitted', '{}', $1, '1', 'x', '2026-12-01', '{{}}', now())",
            scene.a
        ),
        format!(
            "insert into certificate_document (certificate_id, document_id, supplier_id) values ($1, '{attached}', '{}')",
            scene.a
        ),
    ] {
        sqlx::query(sqlx::AssertSqlSafe(sql)).bind(person).execute(&scene.owner).await.expect("a row");
    }
    scene.store.clock().advance(TimeDelta::hours(25));
    assert_eq!(upload(&scene, scene.a, "again", 100).await.expect("kept"), again, "the same document, new again");
    assert_eq!(swept(&scene).await, []);
    sqlx::query("delete from draft").execute(&scene.owner).await.expect("sent or given up");
    assert_eq!(swept(&scene).await, [Some(store::files::sha256(b"drafted"))]);
    scene.store.clock().advance(TimeDelta::days(400));
    assert_eq!(swept(&scene).await.len(), 1, "sent again, and again attached to nothing");
    assert_eq!(scene.count("select count(*) from document").await, 1);
}

#[sqlx::test(migrations = "../../migrations")]
async fn content_that_another_supplier_sent_too_stays(pool: PgPoolOptions, options: PgConnectOptions) {
    let scene = Scene::new(pool, options).await;
    upload(&scene, scene.a, "same", 100).await.expect("kept");
    scene.store.clock().advance(TimeDelta::hours(20));
    upload(&scene, scene.b, "same", 100).await.expect("kept");
    scene.store.clock().advance(TimeDelta::hours(5));
    assert_eq!(swept(&scene).await, [None], "the other one still has it");
    scene.store.clock().advance(TimeDelta::hours(20));
    assert_eq!(swept(&scene).await, [Some(store::files::sha256(b"same"))]);
}

#[sqlx::test(migrations = "../../migrations")]
async fn what_is_attached_while_the_sweep_is_at_it_stays(pool: PgPoolOptions, options: PgConnectOptions) {
    let scene = Scene::new(pool, options).await;
    let id = upload(&scene, scene.a, "late", 100).await.expect("kept");
    scene.store.clock().advance(TimeDelta::hours(25));
    let mut tx = scene.program().await;
    let before = tx.now() - TimeDelta::days(1);
    assert_eq!(stray_documents::older_than(&mut tx, before).await.expect("listed"), [id]);
    let again = upload(&scene, scene.a, "late", 100).await.expect("sent again meanwhile");
    assert_eq!(again, id);
    assert_eq!(stray_documents::remove(&mut tx, id, before).await.expect("looked at"), None);
}
