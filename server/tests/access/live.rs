//! Lines to open pages: who hears what, and who is cut off.

use std::time::Duration;

use domain::access::Role;
use domain::command::SupplierSnapshot;
use domain::event::{Event, Subject, SubjectKind};
use domain::id::SupplierId;
use http::StatusCode;
use reqwest::Response;
use store::events::{self, About};
use store::{people, reference};
use uuid::Uuid;

use crate::portal::{PASSWORD, Portal, said};

/// What comes within this time is what comes.
const SOON: Duration = Duration::from_secs(8);

/// The next event on the line, as `name data`; none at its end.
async fn next(line: &mut Response, text: &mut String) -> Option<String> {
    loop {
        if let Some((event, rest)) = text.split_once("\n\n") {
            let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim();
            let told = (!event.starts_with(':')).then(|| format!("{} {}", field("event:"), field("data:")));
            *text = rest.to_owned();
            if told.is_some() {
                return told;
            }
            continue;
        }
        let chunk = tokio::time::timeout(SOON, line.chunk()).await.expect("the line says something or ends").ok()??;
        text.push_str(&String::from_utf8_lossy(&chunk));
    }
}

async fn happened(portal: &Portal, order: u128, supplier: SupplierId) {
    let mut tx = portal.store.begin(portal.who()).await.expect("a transaction");
    let subject = Subject { kind: SubjectKind::Order, id: Uuid::from_u128(order) };
    let about = About { subject, plant_id: None, supplier_id: Some(supplier), home: None };
    let event = Event::OrderClosed { order: order.to_string() };
    events::append(&mut tx, about, &[event], None).await.expect("appended");
    tx.commit().await.expect("committed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_page_hears_of_its_own_suppliers_orders_until_its_session_ends() {
    let portal = Portal::open().await;
    let person = portal.add_person("ines@brennholt.example", "Ines Kolbe", Role::Supplier).await;
    let mut tx = portal.store.begin(portal.who()).await.expect("a transaction");
    let mut known = async |number: &str| {
        let snapshot = SupplierSnapshot { number: number.to_owned(), name: "Brennholt Präzision".to_owned() };
        reference::mirror_supplier(&mut tx, &snapshot).await.expect("a supplier")
    };
    let (own, other) = (known("100234").await, known("100999").await);
    tx.commit().await.expect("committed");

    let stranger = portal.browser().get("/live?kinds=order").await;
    assert_eq!(stranger.status(), StatusCode::SEE_OTHER, "to sign in");
    let mut ines = portal.browser();
    ines.sign_in("ines@brennholt.example", PASSWORD).await;
    assert_eq!(ines.get("/live?kinds=secrets").await.status(), StatusCode::BAD_REQUEST);

    let mut line = ines.get("/live?kinds=order").await;
    assert_eq!((line.status(), said(&line, "content-type").as_str()), (StatusCode::OK, "text/event-stream"));
    let mut text = String::new();
    assert_eq!(next(&mut line, &mut text).await.as_deref(), Some("listening 0"));
    // The reader's first look only learns where the log ends; it has looked once it tells of anything.
    let mut order = 1;
    let heard = loop {
        happened(&portal, order, own).await;
        order += 1;
        tokio::select! {
            heard = next(&mut line, &mut text) => break heard,
            () = tokio::time::sleep(Duration::from_millis(1_500)) => {}
        }
    };
    assert!(heard.is_some_and(|heard| heard.starts_with("news ")));

    happened(&portal, 1_000, other).await;
    happened(&portal, 1_001, other).await;
    happened(&portal, 1_002, own).await;
    let mut told = 0;
    while told == 0 {
        let heard = next(&mut line, &mut text).await.expect("the line is open");
        told = heard.strip_prefix("news ").and_then(|count| count.parse().ok()).unwrap_or_default();
    }
    assert_eq!(told, 1, "two of the three were another supplier's");

    let mut tx = portal.store.begin(portal.who()).await.expect("a transaction");
    people::disable(&mut tx, person, "left the company").await.expect("disabled");
    tx.commit().await.expect("committed");
    let mut after = next(&mut line, &mut text).await;
    while after.is_some() {
        after = next(&mut line, &mut text).await;
    }
    portal.close().await;
}
