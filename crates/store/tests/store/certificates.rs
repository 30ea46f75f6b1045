//! Certificates from the requirement to the decision, and that nobody sees another's.

use domain::access::{Role, Scope};
use domain::certificate::requirement::{Coverage, Covered};
use domain::certificate::specification::Characteristic;
use domain::certificate::{Certificate, CertificateKind, CertificatePer, CertificateStatus, Measured};
use domain::document::MediaType;
use domain::id::{CertificateId, DocumentId, ScheduleLineId, SupplierId};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use store::certificate_list::{self, Filter, View};
use store::certificates::{self, Decide, HandIn, Waive};
use store::coverage::{self, Lines, Wanted};
use store::documents::{self, NewDocument};
use store::specifications::{self, NewRequirement, NewSpecification};
use store::{CommandError, Who, orders};
use uuid::Uuid;

use crate::scene::{Scene, accept_all, day, snapshot, who};

const QUOTA: u64 = 1_000_000;

fn quality(scene: &Scene) -> Who {
    who(&scene.store, "Tom", &[Role::QualityEngineer], Scope::Plants(vec![scene.plant]))
}

/// A house in which item 4711 needs a 3.1 per lot with C and Rm, and supplier A has promised some.
async fn house(pool: PgPoolOptions, options: PgConnectOptions) -> (Scene, ScheduleLineId) {
    let scene = Scene::new(pool, options).await;
    scene.mirror(&snapshot("4500000001", "A")).await;
    scene.mirror(&snapshot("4500000002", "B")).await;
    let record = scene.order("4500000001").await;
    let mut tx = scene.begin(scene.supplier(scene.a)).await;
    orders::confirm(&mut tx, "4500000001", &accept_all(&record)).await.expect("confirmed");
    tx.commit().await.expect("a commit");
    let mut tx = scene.begin(quality(&scene)).await;
    let rule = |kind, per, supplier: Option<&str>| NewRequirement {
        item: "4711".to_owned(),
        supplier: supplier.map(str::to_owned),
        plant: None,
        kind,
        per,
    };
    specifications::add_requirement(&mut tx, &rule(CertificateKind::En31, CertificatePer::Lot, None))
        .await
        .expect("a rule");
    specifications::add_requirement(&mut tx, &rule(CertificateKind::Coc, CertificatePer::Standing, Some("B")))
        .await
        .expect("a rule for B");
    let of = |name: &str, unit: &str, lower: Option<i64>, upper: Option<i64>| Characteristic {
        name: name.to_owned(),
        unit: Some(unit.to_owned()),
        lower: lower.map(Into::into),
        upper: upper.map(Into::into),
        required: true,
        ..Characteristic::default()
    };
    let new = NewSpecification {
        item: "4711".to_owned(),
        read: 0,
        valid_from: day("2026-11-01"),
        characteristics: vec![of("Rm", "MPa", Some(900), Some(1100)), of("A", "%", Some(10), None)],
        note: Some("first".to_owned()),
        submission: Uuid::now_v7(),
    };
    assert_eq!(specifications::save(&mut tx, &new).await.expect("saved"), 1);
    tx.commit().await.expect("a commit");
    let line = record.order.lines[0].schedule[0].schedule_line_id;
    (scene, line)
}

fn hand_in(supplier_id: SupplierId, number: &str, lot: &str, strength: i64) -> HandIn {
    let value = |name: &str, amount: i64, unit: &str| Measured {
        characteristic: name.to_owned(),
        lot: None,
        method: None,
        unit: Some(unit.to_owned()),
        value: amount.into(),
    };
    HandIn {
        supplier_id,
        certificate: Certificate {
            certificate_id: CertificateId(Uuid::nil()),
            number: number.to_owned(),
            kind: CertificateKind::En31,
            per: CertificatePer::Lot,
            item: "4711".to_owned(),
            lots: vec![lot.to_owned()],
            delivery_note: None,
            issuer: "Mill".to_owned(),
            issued_on: day("2026-11-20"),
            valid_until: None,
            documents: Vec::new(),
            values: vec![value("Rm", strength, "N/mm²"), value("A", 12, "%")],
        },
        replaces: None,
        confirmed: false,
        submission: Uuid::now_v7(),
    }
}

fn rules(error: CommandError) -> Vec<String> {
    match error {
        CommandError::Stopped { findings } => findings.into_iter().map(|finding| finding.rule).collect(),
        other => panic!("not stopped: {other:?}"),
    }
}

async fn send(scene: &Scene, command: &HandIn) -> Result<CertificateId, CommandError> {
    send_as(scene, scene.supplier(command.supplier_id), command).await
}

async fn send_as(scene: &Scene, who: Who, command: &HandIn) -> Result<CertificateId, CommandError> {
    let mut tx = scene.begin(who).await;
    let handed_in = certificates::hand_in(&mut tx, command).await?;
    tx.commit().await.expect("a commit");
    Ok(handed_in.certificate_id)
}

async fn decide(scene: &Scene, who: Who, id: CertificateId, accept: bool, note: &str) -> Result<(), CommandError> {
    let mut tx = scene.begin(who).await;
    let command = Decide { accept, note: Some(note.to_owned()), submission: Uuid::now_v7() };
    certificates::decide(&mut tx, id, &command).await?;
    tx.commit().await.expect("a commit");
    Ok(())
}

async fn covered(scene: &Scene, line: ScheduleLineId, lots: &[&str]) -> Vec<Covered> {
    let mut tx = scene.begin(scene.supplier(scene.a)).await;
    let item = specifications::item(&mut tx, "4711").await.expect("the item");
    let wanted = Wanted {
        supplied: domain::certificate::requirement::Supplied {
            item_id: item.item_id,
            supplier_id: Some(scene.a),
            plant_id: scene.plant,
            lots: lots.iter().map(|lot| (*lot).to_owned()).collect(),
            delivery_note: None,
        },
        schedule_lines: vec![line],
        ship_notice_id: None,
        on: day("2026-12-10"),
    };
    coverage::of(&mut tx, &[wanted]).await.expect("coverage").remove(0)
}

fn states(covered: &[Covered]) -> Vec<Coverage> {
    covered.iter().map(|one| one.coverage).collect()
}

#[sqlx::test(migrations = "../../migrations")]
async fn from_missing_over_rejected_and_replaced_to_accepted(pool: PgPoolOptions, options: PgConnectOptions) {
    let (scene, line) = house(pool, options).await;
    // Missing from the moment of confirmation, for the supplier and for the house.
    for who in [scene.supplier(scene.a), scene.buyer()] {
        let mut tx = scene.begin(who).await;
        let lines = coverage::of_schedule_lines(&mut tx, Lines::Promised { most: 10 }).await.expect("lines");
        assert_eq!(
            lines.iter().map(|line| (line.order.as_str(), line.missing().count())).collect::<Vec<_>>(),
            [("4500000001", 1)]
        );
    }
    assert_eq!(states(&covered(&scene, line, &["H1"]).await), [Coverage::Missing]);

    // One value out of limits: told before it is sent, sent with the tick.
    let mut first = hand_in(scene.a, "Z-1", "H1", 890);
    assert_eq!(rules(send(&scene, &first).await.expect_err("not confirmed")), ["not_confirmed", "below_limit"]);
    first.confirmed = true;
    let sam = scene.supplier(scene.a);
    let (one, two) = futures::join!(send_as(&scene, sam.clone(), &first), send_as(&scene, sam, &first));
    let id = one.expect("handed in");
    assert_eq!(two.expect("the same again"), id, "clicked twice, one certificate");
    assert_eq!(scene.count("select count(*) from certificate").await, 1);
    assert_eq!(states(&covered(&scene, line, &["H1", "H2"]).await), [Coverage::Submitted, Coverage::Missing]);

    // Rejected with a reason, replaced, accepted.
    assert_eq!(
        rules(decide(&scene, quality(&scene), id, false, " ").await.expect_err("no reason")),
        ["reason_missing"]
    );
    decide(&scene, quality(&scene), id, false, "Rm is below 900 MPa").await.expect("rejected");
    assert_eq!(states(&covered(&scene, line, &["H1"]).await), [Coverage::Rejected]);
    let mut second = hand_in(scene.a, "Z-1", "H1", 950);
    second.replaces = Some(id);
    let newer = send(&scene, &second).await.expect("replaced");
    decide(&scene, quality(&scene), newer, true, "").await.expect("accepted");
    assert_eq!(states(&covered(&scene, line, &["H1"]).await), [Coverage::Accepted]);
    let late = decide(&scene, quality(&scene), newer, false, "no").await.expect_err("decided already").to_string();
    assert!(late.contains("Tom decided on it meanwhile"), "{late}");

    let mut tx = scene.begin(scene.supplier(scene.a)).await;
    let old = certificates::get(&mut tx, id).await.expect("the old one is kept");
    assert_eq!((old.status, old.replaced_by), (CertificateStatus::Replaced, Some(newer)));
    assert_eq!(old.decided.and_then(|(_, _, note)| note).as_deref(), Some("Rm is below 900 MPa"));
    let kinds: Vec<String> =
        sqlx::query_scalar("select kind from event where subject_kind = 'certificate' order by position")
            .fetch_all(&scene.owner)
            .await
            .expect("the log");
    assert_eq!(
        kinds,
        ["certificate.submitted", "certificate.rejected", "certificate.submitted", "certificate.accepted"]
    );
    assert_eq!(scene.count("select count(*) from audit_entry where object_kind = 'certificate'").await, 4);
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_double_of_a_living_certificate_is_refused(pool: PgPoolOptions, options: PgConnectOptions) {
    let (scene, _) = house(pool, options).await;
    send(&scene, &hand_in(scene.a, "Z-1", "H1", 950)).await.expect("the first");
    assert_eq!(rules(send(&scene, &hand_in(scene.a, "z-1", "H2", 950)).await.expect_err("a double")), ["number_taken"]);
    let mut empty = hand_in(scene.a, "Z-2", "H1", 950);
    empty.certificate.values.clear();
    empty.certificate.item = "9999".to_owned();
    assert_eq!(rules(send(&scene, &empty).await.expect_err("unknown item")), ["item_unknown"]);
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_waiver_lets_one_line_go_and_says_who_and_why(pool: PgPoolOptions, options: PgConnectOptions) {
    let (scene, line) = house(pool, options).await;
    let command = |kind, reason: &str| Waive {
        schedule_line_id: line,
        kind,
        lot: Some("H1".to_owned()),
        reason: reason.to_owned(),
        submission: Uuid::now_v7(),
    };
    let mut tx = scene.begin(scene.supplier(scene.a)).await;
    let denied = certificates::waive(&mut tx, &command(CertificateKind::En31, "because")).await;
    assert!(matches!(denied, Err(CommandError::Denied(_))), "{denied:?}");
    drop(tx);
    let mut tx = scene.begin(quality(&scene)).await;
    let wrong = certificates::waive(&mut tx, &command(CertificateKind::Coa, "")).await.expect_err("two mistakes");
    assert_eq!(rules(wrong), ["reason_missing", "not_required"]);
    let good = command(CertificateKind::En31, "Sample parts");
    certificates::waive(&mut tx, &good).await.expect("waived");
    certificates::waive(&mut tx, &good).await.expect("sent twice");
    tx.commit().await.expect("a commit");
    assert_eq!(scene.count("select count(*) from certificate_waiver").await, 1);
    assert_eq!(states(&covered(&scene, line, &["H1", "H2"]).await), [Coverage::Waived, Coverage::Missing]);
    let kind: String = sqlx::query_scalar("select kind from event where kind like '%waived'")
        .fetch_one(&scene.owner)
        .await
        .expect("the event");
    assert_eq!(kind, "shipment.certificate_waived");
}

#[sqlx::test(migrations = "../../migrations")]
async fn standing_certificates_are_watched_before_they_end(pool: PgPoolOptions, options: PgConnectOptions) {
    let (scene, _) = house(pool, options).await;
    let mut standing = hand_in(scene.b, "ISO", "", 950);
    standing.certificate.kind = CertificateKind::Coc;
    standing.certificate.per = CertificatePer::Standing;
    standing.certificate.lots.clear();
    standing.certificate.valid_until = Some(day("2026-12-20"));
    let id = send(&scene, &standing).await.expect("handed in");
    decide(&scene, quality(&scene), id, true, "").await.expect("accepted");
    let expiring = Filter { view: Some(View::Expiring), ..Filter::default() };
    let mut tx = scene.begin(quality(&scene)).await;
    assert_eq!(certificate_list::page(&mut tx, &expiring, None, 10).await.expect("a page").len(), 1);
    assert_eq!(certificate_list::counts(&mut tx).await.expect("counts").expiring, 1);
    drop(tx);
    standing.certificate.number = "ISO 2".to_owned();
    standing.certificate.valid_until = Some(day("2027-12-20"));
    standing.submission = Uuid::now_v7();
    let longer = send(&scene, &standing).await.expect("handed in");
    decide(&scene, quality(&scene), longer, true, "").await.expect("accepted");
    let mut tx = scene.begin(quality(&scene)).await;
    assert_eq!(
        certificate_list::page(&mut tx, &expiring, None, 10).await.expect("a page").len(),
        0,
        "a longer one is there"
    );
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_newer_version_of_a_specification_is_told_to_whoever_edits_the_older(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let (scene, _) = house(pool, options).await;
    let mut tx = scene.begin(quality(&scene)).await;
    let item = specifications::item(&mut tx, "4711").await.expect("the item");
    let mut new = NewSpecification {
        item: "4711".to_owned(),
        read: 0,
        valid_from: day("2026-12-01"),
        characteristics: specifications::versions(&mut tx, item.item_id).await.expect("versions")[0]
            .specification
            .characteristics
            .clone(),
        note: None,
        submission: Uuid::now_v7(),
    };
    assert_eq!(rules(specifications::save(&mut tx, &new).await.expect_err("stale")), ["newer_version"]);
    new.read = 1;
    assert_eq!(specifications::save(&mut tx, &new).await.expect("saved"), 2);
    assert_eq!(specifications::save(&mut tx, &new).await.expect("sent twice"), 2);
    let on = |on| day(on);
    let before = specifications::in_force(&mut tx, item.item_id, on("2026-11-30")).await.expect("read");
    assert_eq!(before.map(|row| row.specification.version), Some(1));
}

fn document(supplier_id: Option<SupplierId>, content: &[u8]) -> NewDocument {
    NewDocument {
        sha256: store::files::sha256(content),
        name: "../../zeugnis.pdf".to_owned(),
        media_type: MediaType::Pdf,
        size: content.len() as u64,
        supplier_id,
    }
}

#[sqlx::test(migrations = "../../migrations")]
async fn the_same_file_is_one_document_and_the_quota_holds(pool: PgPoolOptions, options: PgConnectOptions) {
    let (scene, _) = house(pool, options).await;
    let new = document(Some(scene.a), b"one");
    let add = async || {
        let mut tx = scene.begin(scene.supplier(scene.a)).await;
        let id = documents::add(&mut tx, &new, QUOTA).await.expect("added");
        tx.commit().await.expect("a commit");
        id
    };
    let (one, two) = futures::join!(add(), add());
    assert_eq!(one, two);
    let mut tx = scene.begin(scene.supplier(scene.a)).await;
    assert_eq!(documents::get(&mut tx, one).await.expect("the document").name, "zeugnis.pdf");
    let full = documents::add(&mut tx, &document(Some(scene.a), b"two"), 5).await.expect_err("no room");
    assert!(full.to_string().contains("no room"), "{full}");
}

#[sqlx::test(migrations = "../../migrations")]
async fn nobody_sees_or_uses_what_is_another_suppliers(pool: PgPoolOptions, options: PgConnectOptions) {
    let (scene, line) = house(pool, options).await;
    let mut tx = scene.begin(scene.supplier(scene.a)).await;
    let file = documents::add(&mut tx, &document(Some(scene.a), b"secret"), QUOTA).await.expect("added");
    tx.commit().await.expect("a commit");
    let mut own = hand_in(scene.a, "Z-1", "H1", 950);
    own.certificate.documents = vec![file];
    let id = send(&scene, &own).await.expect("handed in");

    let mut tx = scene.begin(scene.supplier(scene.b)).await;
    assert!(matches!(certificates::get(&mut tx, id).await, Err(CommandError::NotFound { .. })));
    assert!(matches!(documents::get(&mut tx, file).await, Err(CommandError::NotFound { .. })));
    assert!(documents::some(&mut tx, &[file]).await.expect("read").is_empty());
    assert!(certificate_list::page(&mut tx, &Filter::default(), None, 10).await.expect("a page").is_empty());
    assert_eq!(certificate_list::counts(&mut tx).await.expect("counts"), certificate_list::Counts::default());
    let lines = coverage::of_schedule_lines(&mut tx, Lines::These(&[line])).await.expect("lines");
    assert!(lines.is_empty(), "the line is not his");
    // The rule for B is B's alone.
    let item = specifications::item(&mut tx, "4711").await.expect("he was ordered it too");
    assert_eq!(specifications::requirements(&mut tx, Some(item.item_id)).await.expect("rules").len(), 2);
    drop(tx);
    let mut tx = scene.begin(scene.supplier(scene.a)).await;
    assert_eq!(specifications::requirements(&mut tx, Some(item.item_id)).await.expect("rules").len(), 1);
    drop(tx);

    // In A's name, in A's place, with A's file: not possible, and not to be told from what does not exist.
    let mut foreign = hand_in(scene.a, "Z-9", "H1", 950);
    let mut tx = scene.begin(scene.supplier(scene.b)).await;
    assert!(matches!(certificates::hand_in(&mut tx, &foreign).await, Err(CommandError::NotFound { .. })));
    drop(tx);
    foreign.supplier_id = scene.b;
    foreign.replaces = Some(id);
    assert!(matches!(send(&scene, &foreign).await, Err(CommandError::NotFound { .. })));
    foreign.replaces = None;
    foreign.certificate.documents = vec![file];
    let stolen = rules(send(&scene, &foreign).await.expect_err("not his file"));
    foreign.certificate.documents = vec![DocumentId(Uuid::nil())];
    assert_eq!(stolen, ["file_unknown"]);
    assert_eq!(rules(send(&scene, &foreign).await.expect_err("no file at all")), stolen);
    let denied = decide(&scene, scene.supplier(scene.a), id, true, "").await;
    assert!(matches!(denied, Err(CommandError::Denied(_))), "{denied:?}");
    assert_eq!(scene.count("select count(*) from certificate").await, 1);
}
