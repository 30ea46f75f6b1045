//! Photos of damage: whose they are, who sees them, and what can become one.

use domain::document::MediaType;
use domain::id::{DocumentId, SupplierId};
use domain::receipt::post::PostLine;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use store::documents::{self, NewDocument};
use store::{CommandError, Who, differences, receipts, stray_documents};
use uuid::Uuid;

use crate::dockyard::{Dockyard, came};
use crate::ship_notices::rules;

const QUOTA: u64 = 1_000;

fn photo(name: &str, supplier_id: Option<SupplierId>) -> NewDocument {
    NewDocument {
        sha256: store::files::sha256(name.as_bytes()),
        name: name.to_owned(),
        media_type: MediaType::Jpeg,
        size: 900,
        supplier_id,
    }
}

async fn attach(yard: &Dockyard, who: Who, new: &NewDocument) -> DocumentId {
    let mut tx = yard.scene.begin(who).await;
    let id = documents::add(&mut tx, new, QUOTA).await.expect("added");
    tx.commit().await.expect("a commit");
    id
}

fn crushed(photo: DocumentId) -> Vec<PostLine> {
    let damaged = PostLine {
        damaged: 5.into(),
        note: Some("The corner is crushed".to_owned()),
        document_id: Some(photo),
        ..came(1, Some("H1"), 55)
    };
    vec![damaged, came(1, Some("H2"), 40), came(2, None, 100)]
}

async fn is_hidden(yard: &Dockyard, who: Who, id: DocumentId) -> bool {
    let mut tx = yard.scene.begin(who).await;
    matches!(documents::get(&mut tx, id).await, Err(CommandError::NotFound { .. }))
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_photo_is_handed_to_the_supplier_of_the_delivery_and_to_nobody_else(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let yard = Dockyard::new(pool, options).await;
    let scene = &yard.scene;
    let taken_at_dock = attach(&yard, yard.clerk(), &photo("crushed.jpg", None)).await;
    assert!(is_hidden(&yard, scene.supplier(scene.a), taken_at_dock).await, "not before it is posted");
    let taken = yard.post(&yard.receipt(true, crushed(taken_at_dock))).await;
    let case = taken.case.expect("a case");

    let mut tx = scene.begin(scene.supplier(scene.a)).await;
    let receipt = receipts::get(&mut tx, &taken.number).await.expect("the supplier sees the receipt");
    let [Some(shown), None, None] = receipt.photos.as_slice() else { panic!("one photo: {:?}", receipt.photos) };
    assert_eq!(shown.name, "crushed.jpg");
    assert_ne!(shown.document_id, taken_at_dock, "the house keeps its own");
    let seen = differences::get(&mut tx, &case).await.expect("the supplier sees the case");
    let [of_case] = seen.photos.as_slice() else { panic!("one photo: {:?}", seen.photos) };
    assert_eq!((&of_case.document, of_case.item.as_str(), of_case.lot.as_deref()), (shown, "4711", Some("H1")));
    assert_eq!(of_case.receipt, taken.number);
    let theirs = shown.document_id;
    // What the plant hands over takes none of the supplier's own room.
    documents::add(&mut tx, &photo("own.jpg", Some(scene.a)), QUOTA).await.expect("room for his own");
    let own = documents::add(&mut tx, &photo("crushed.jpg", Some(scene.a)), 2 * QUOTA).await.expect("the same file");
    assert_ne!(own, theirs, "what he hands in himself is another document");
    drop(tx);

    assert!(!is_hidden(&yard, scene.buyer(), theirs).await);
    for id in [theirs, taken_at_dock] {
        assert!(is_hidden(&yard, scene.supplier(scene.b), id).await, "another supplier");
    }
    let mut elsewhere = yard.clerk();
    elsewhere.scope = domain::access::Scope::Plants(vec![domain::id::PlantId(Uuid::now_v7())]);
    assert!(is_hidden(&yard, elsewhere, theirs).await, "another plant");
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_photo_stays_with_its_receipt_whoever_would_have_it_removed(pool: PgPoolOptions, options: PgConnectOptions) {
    let yard = Dockyard::new(pool, options).await;
    let scene = &yard.scene;
    let taken_at_dock = attach(&yard, yard.clerk(), &photo("crushed.jpg", None)).await;
    let taken = yard.post(&yard.receipt(true, crushed(taken_at_dock))).await;
    let mut tx = scene.begin(scene.supplier(scene.a)).await;
    let receipt = receipts::get(&mut tx, &taken.number).await.expect("the receipt");
    let theirs = receipt.photos[0].as_ref().expect("a photo").document_id;
    let later = tx.now() + chrono::TimeDelta::days(2);
    assert_eq!(stray_documents::remove(&mut tx, theirs, later).await.expect("asked"), None, "not by the supplier");
    drop(tx);
    let mut tx = scene.program().await;
    let stray = stray_documents::older_than(&mut tx, later).await.expect("stray documents");
    assert_eq!(stray, [taken_at_dock], "the house's own is needed no more");
    assert_eq!(stray_documents::remove(&mut tx, theirs, later).await.expect("asked"), None, "and not by the sweep");
}

#[sqlx::test(migrations = "../../migrations")]
async fn only_an_image_that_the_house_attached_becomes_a_photo(pool: PgPoolOptions, options: PgConnectOptions) {
    let yard = Dockyard::new(pool, options).await;
    let scene = &yard.scene;
    let of_b = attach(&yard, scene.supplier(scene.b), &photo("secret of B.jpg", Some(scene.b))).await;
    let of_a = attach(&yard, scene.supplier(scene.a), &photo("of A.jpg", Some(scene.a))).await;
    let paper = NewDocument { media_type: MediaType::Pdf, ..photo("list.pdf", None) };
    let paper = attach(&yard, yard.clerk(), &paper).await;
    for id in [of_b, of_a, paper, DocumentId(Uuid::now_v7())] {
        let refused = yard.try_post(&yard.receipt(true, crushed(id))).await.expect_err("no photo");
        assert_eq!(rules(refused), ["lines.0.photo photo_unknown"]);
    }
    assert_eq!(scene.count("select count(*) from receipt").await, 0);
}

#[sqlx::test(migrations = "../../migrations")]
async fn the_photo_of_a_receipt_that_was_taken_back_is_gone_from_the_case(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let yard = Dockyard::new(pool, options).await;
    let taken_at_dock = attach(&yard, yard.clerk(), &photo("crushed.jpg", None)).await;
    let first = yard.post(&yard.receipt(true, crushed(taken_at_dock))).await;
    let mut tx = yard.scene.begin(yard.clerk()).await;
    receipts::reverse(&mut tx, &first.number, "Another pallet", Uuid::now_v7()).await.expect("taken back");
    tx.commit().await.expect("a commit");
    // The same photo again is the same document again.
    let second = yard.post(&yard.receipt(true, crushed(taken_at_dock))).await;
    let mut tx = yard.scene.begin(yard.scene.buyer()).await;
    let case = differences::get(&mut tx, &second.case.expect("a case")).await.expect("the case");
    let receipts: Vec<&str> = case.photos.iter().map(|photo| photo.receipt.as_str()).collect();
    assert_eq!(receipts, [second.number.as_str()]);
    assert_eq!(yard.scene.count("select count(*) from document").await, 2);
}
