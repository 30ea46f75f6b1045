//! Ship notices: announced once, amended, withdrawn and followed, with nothing shipped twice whoever is faster.

use std::collections::BTreeSet;

use domain::access::{Role, Scope};
use domain::command::Command;
use domain::item::ItemRules;
use domain::receipt::ReceiptChannel;
use domain::receipt::post::{Against, PostLine, PostReceipt};
use domain::refusal::Finding;
use domain::shipment::content::{
    AmendShipNotice, CancelShipNotice, LineContent, PackedContent, SendShipNotice, ShipContent, TellMilestone,
    UnitContent, propose,
};
use domain::shipment::{Milestone, Moved, PackageKind, ShipStatus, ShippedLot};
use domain::{Decimal, gs1};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use store::ship_notice_facts::{Due, due};
use store::ship_notice_list::{self, Filter, Page, View};
use store::ship_notices::{self, ShipNoticeRecord, Taken};
use store::{CommandError, Who, orders, perform, receipts, timeline};
use uuid::Uuid;

use crate::scene::{Scene, accept_all, day, late, program, snapshot, time, who};

/// An order of A with both lines confirmed, and its schedule lines.
pub async fn confirmed(scene: &Scene, number: &str) -> Vec<domain::id::ScheduleLineId> {
    confirmed_by(scene, number, "A").await
}

async fn confirmed_by(scene: &Scene, number: &str, supplier: &str) -> Vec<domain::id::ScheduleLineId> {
    scene.mirror(&snapshot(number, supplier)).await;
    let record = scene.order(number).await;
    let supplier_id = if supplier == "A" { scene.a } else { scene.b };
    let mut tx = scene.begin(scene.supplier(supplier_id)).await;
    orders::confirm(&mut tx, number, &accept_all(&record)).await.expect("confirmed");
    tx.commit().await.expect("a commit");
    record.order.schedule_lines().map(|(_, schedule)| schedule.schedule_line_id).collect()
}

pub fn line(id: domain::id::ScheduleLineId, quantity: i64) -> LineContent {
    LineContent { schedule_line_id: id, quantity: quantity.into(), lots: Vec::new(), serials: Vec::new() }
}

pub fn content(delivery_note: &str, lines: Vec<LineContent>) -> ShipContent {
    ShipContent {
        delivery_note: delivery_note.to_owned(),
        ship_on: day("2026-12-02"),
        arrive_on: day("2026-12-04"),
        carrier: Some(" Alpenspedition ".to_owned()),
        tracking: None,
        bill_of_lading: None,
        note: None,
        lines,
        units: Vec::new(),
    }
}

fn sending(content: ShipContent) -> SendShipNotice {
    SendShipNotice { content, submission: Uuid::now_v7() }
}

pub async fn send(scene: &Scene, content: ShipContent) -> Result<Taken, CommandError> {
    let mut tx = scene.begin(scene.supplier(scene.a)).await;
    let taken = ship_notices::send(&mut tx, &sending(content)).await;
    if taken.is_ok() {
        tx.commit().await.expect("a commit");
    }
    taken
}

fn clerk(scene: &Scene) -> Who {
    who(&scene.store, "Clara", &[Role::ReceivingClerk], Scope::Plants(vec![scene.plant]))
}

pub async fn amend(scene: &Scene, number: &str, version: i32, content: ShipContent) -> Result<Taken, CommandError> {
    let mut tx = scene.begin(scene.supplier(scene.a)).await;
    let command =
        AmendShipNotice { version, content, reason: Some("Miscounted".to_owned()), submission: Uuid::now_v7() };
    let taken = ship_notices::amend(&mut tx, number, &command).await;
    if taken.is_ok() {
        tx.commit().await.expect("a commit");
    }
    taken
}

async fn cancel(scene: &Scene, number: &str, version: i32) -> Result<Taken, CommandError> {
    let mut tx = scene.begin(scene.supplier(scene.a)).await;
    let command = CancelShipNotice { version, reason: "Truck broke down".to_owned(), submission: Uuid::now_v7() };
    let taken = ship_notices::cancel(&mut tx, number, &command).await;
    if taken.is_ok() {
        tx.commit().await.expect("a commit");
    }
    taken
}

/// A shipment of the supplier with everything that has rows of its own: lot, serial, package, version, milestone.
pub async fn ship_something(scene: &Scene, order: &str, supplier: domain::id::SupplierId) -> Taken {
    let record = scene.order(order).await;
    let id = record.order.lines[1].schedule[0].schedule_line_id;
    let mut content = content(&format!("LS-{order}"), vec![line(id, 1)]);
    content.lines[0].lots = vec![ShippedLot {
        lot: "H-1".to_owned(),
        quantity: 1.into(),
        expires_on: None,
        produced_on: None,
        origin: None,
        serials: vec!["S-1".to_owned()],
    }];
    content.units = vec![UnitContent {
        number: 1,
        kind: PackageKind::Carton,
        parent: None,
        gross_kg: None,
        sscc: None,
        contents: vec![PackedContent { schedule_line_id: id, lot: Some("H-1".to_owned()), quantity: 1.into() }],
    }];
    let mut tx = scene.begin(scene.supplier(supplier)).await;
    let taken = ship_notices::send(&mut tx, &sending(content)).await.expect("taken");
    let told = moved(Milestone::Departed, "2026-12-01T07:00:00Z");
    let telling = TellMilestone { moved: told, submission: Uuid::now_v7() };
    ship_notices::tell(&mut tx, &taken.number, &telling).await.expect("told");
    tx.commit().await.expect("a commit");
    taken
}

pub fn rules(error: CommandError) -> Vec<String> {
    match error {
        CommandError::Stopped { findings } => stops(&findings),
        other => panic!("not a finding: {other:?}"),
    }
}

fn stops(findings: &[Finding]) -> Vec<String> {
    let stopping = findings.iter().filter(|finding| finding.weight == domain::refusal::Weight::Stops);
    stopping.map(|finding| format!("{} {}", finding.at, finding.rule)).collect()
}

async fn record(scene: &Scene, number: &str) -> ShipNoticeRecord {
    let mut tx = scene.program().await;
    ship_notices::get(&mut tx, number).await.expect("the notice")
}

async fn open(scene: &Scene) -> Vec<Decimal> {
    let mut tx = scene.begin(scene.supplier(scene.a)).await;
    let lines: Vec<_> =
        due(&mut tx, &Due::default(), 100).await.expect("due").into_iter().map(|one| one.line).collect();
    propose(&lines).into_iter().map(|one| one.quantity).collect()
}

fn moved(milestone: Milestone, at: &str) -> Moved {
    Moved { milestone, happened_at: time(at), arrive_on: None, note: None }
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_sent_notice_reads_back_whole_and_is_told_to_its_erp_alone(pool: PgPoolOptions, options: PgConnectOptions) {
    let scene = Scene::new(pool, options).await;
    let ids = confirmed(&scene, "4500000001").await;
    let mut content = content("LS-1", vec![line(ids[0], 60), line(ids[1], 100)]);
    content.lines[0].lots = ["H-1", "H-2"]
        .map(|lot| ShippedLot {
            lot: lot.to_owned(),
            quantity: 30.into(),
            expires_on: Some(day("2027-12-01")),
            produced_on: Some(day("2026-11-01")),
            origin: Some("de".to_owned()),
            serials: (1..=30).map(|n| format!("{lot}-{n:02}")).collect(),
        })
        .to_vec();
    let unit =
        |number, kind, parent, contents| UnitContent { number, kind, parent, gross_kg: None, sscc: None, contents };
    let packed = |id, lot: Option<&str>, quantity: i64| PackedContent {
        schedule_line_id: id,
        lot: lot.map(str::to_owned),
        quantity: quantity.into(),
    };
    content.units = vec![
        // A carton may stand in the list before its pallet.
        unit(7, PackageKind::Carton, Some(1), vec![packed(ids[0], Some("H-1"), 30), packed(ids[1], None, 100)]),
        unit(1, PackageKind::Pallet, None, Vec::new()),
        unit(3, PackageKind::Carton, None, vec![packed(ids[0], Some("H-2"), 30)]),
    ];
    let taken = send(&scene, content.clone()).await.expect("taken");
    assert_eq!((taken.version, taken.status, taken.already), (1, ShipStatus::Announced, false));

    let record = record(&scene, &taken.number).await;
    assert_eq!(record.notice.carrier.as_deref(), Some("Alpenspedition"));
    assert_eq!(record.notice.lines[0].lots[1].origin.as_deref(), Some("DE"));
    let kinds: Vec<_> = record.notice.units.iter().map(|unit| (unit.kind, unit.parent.is_some())).collect();
    let (pallet, carton) = (PackageKind::Pallet, PackageKind::Carton);
    assert_eq!(kinds, [(pallet, false), (carton, true), (carton, false)], "a parent before its children");
    let ssccs: BTreeSet<&str> = record.notice.units.iter().map(|unit| unit.sscc.as_str()).collect();
    assert!(ssccs.len() == 3 && ssccs.iter().all(|sscc| gs1::is_sscc(sscc)), "{ssccs:?}");
    for (table, rows) in [
        ("select count(*) from ship_notice_line where is_live", 2),
        ("select count(*) from ship_notice_lot", 2),
        ("select count(*) from ship_notice_serial", 60),
        ("select count(*) from handling_unit", 3),
        ("select count(*) from handling_unit_content", 3),
        ("select count(*) from ship_notice_version", 1),
        ("select count(*) from audit_entry where action = 'shipment.send'", 1),
    ] {
        assert_eq!(scene.count(table).await, rows, "{table}");
    }
    let home: Option<Uuid> =
        sqlx::query_scalar("select home_connection_id from event where kind = 'shipment.announced'")
            .fetch_one(&scene.owner)
            .await
            .expect("the event");
    assert_eq!(home, Some(scene.erp.0));
    assert_eq!(open(&scene).await, [Decimal::from(40)]);
}

#[sqlx::test(migrations = "../../migrations")]
async fn the_same_sending_has_one_effect_and_one_answer(pool: PgPoolOptions, options: PgConnectOptions) {
    let scene = Scene::new(pool, options).await;
    let ids = confirmed(&scene, "4500000001").await;
    let command = sending(content("LS-1", vec![line(ids[0], 60)]));
    let (sam, mut numbers) = (scene.supplier(scene.a), Vec::new());
    for _ in 0..2 {
        let mut tx = scene.begin(sam.clone()).await;
        let taken = ship_notices::send(&mut tx, &command).await.expect("taken");
        tx.commit().await.expect("a commit");
        numbers.push((taken.number, taken.already));
    }
    assert_eq!(numbers[0].0, numbers[1].0);
    assert_eq!((numbers[0].1, numbers[1].1), (false, true));
    assert_eq!(scene.count("select count(*) from ship_notice").await, 1);
    assert_eq!(scene.count("select count(*) from event where kind = 'shipment.announced'").await, 1);
}

#[sqlx::test(migrations = "../../migrations")]
async fn what_is_shipped_is_open_no_more_until_it_is_amended_or_withdrawn(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let scene = Scene::new(pool, options).await;
    let ids = confirmed(&scene, "4500000001").await;
    let first = send(&scene, content("LS-1", vec![line(ids[0], 70)])).await.expect("taken");
    assert_eq!(
        rules(send(&scene, content("LS-2", vec![line(ids[0], 31)])).await.expect_err("too much")),
        ["lines.0.quantity quantity_above_open"]
    );
    assert_eq!(
        rules(send(&scene, content("ls-1", vec![line(ids[0], 30)])).await.expect_err("used")),
        ["delivery_note delivery_note_used"]
    );
    // The notice's own quantity does not stand in its own way.
    let amended = amend(&scene, &first.number, 1, content("LS-1", vec![line(ids[0], 100), line(ids[1], 5)])).await;
    assert_eq!(amended.expect("amended").version, 2);
    assert_eq!(open(&scene).await, [Decimal::from(95)]);
    let shrunk = amend(&scene, &first.number, 2, content("LS-1b", vec![line(ids[1], 5)])).await.expect("amended");
    assert_eq!(shrunk.version, 3);
    assert_eq!(open(&scene).await, [Decimal::from(100), Decimal::from(95)]);
    let record = record(&scene, &first.number).await;
    assert_eq!(record.notice.lines.iter().map(|line| line.number).collect::<Vec<_>>(), [2], "a line keeps its number");

    cancel(&scene, &first.number, 3).await.expect("withdrawn");
    assert_eq!(open(&scene).await, [Decimal::from(100), Decimal::from(100)]);
    send(&scene, content("LS-1b", vec![line(ids[0], 100)])).await.expect("the delivery note is free again");
    let mut tx = scene.program().await;
    let versions = ship_notices::versions(&mut tx, first.ship_notice_id).await.expect("versions");
    assert_eq!(versions.iter().map(|version| version.notice.version).collect::<Vec<_>>(), [3, 2, 1]);
    let told = timeline::of_subject(&mut tx, first.ship_notice_id.0).await.expect("history");
    let kinds: Vec<String> = told.iter().rev().map(|entry| entry.event.kind().to_string()).collect();
    assert_eq!(kinds, ["shipment.announced", "shipment.amended", "shipment.amended", "shipment.cancelled"]);
}

#[sqlx::test(migrations = "../../migrations")]
async fn two_notices_over_the_same_promise_at_once_never_ship_more_than_is_open(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let scene = Scene::new(pool, options).await;
    let ids = confirmed(&scene, "4500000001").await;
    let other = confirmed(&scene, "4500000002").await;
    // In opposite orders, so that only locks in one order keep them from waiting for each other for ever.
    let tries = (0..6).map(|n| {
        let mut lines = vec![line(ids[0], 60), line(other[0], 60)];
        if n % 2 == 1 {
            lines.reverse();
        }
        send(&scene, content(&format!("LS-{n}"), lines))
    });
    let outcomes = futures::future::join_all(tries).await;
    let taken = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!(taken, 1, "{outcomes:?}");
    for outcome in outcomes.into_iter().filter_map(Result::err) {
        assert!(rules(outcome).iter().all(|rule| rule.ends_with("quantity_above_open")));
    }
    assert_eq!(scene.count("select sum(quantity)::bigint from ship_notice_line where is_live").await, 120);
}

#[sqlx::test(migrations = "../../migrations")]
async fn an_amended_notice_keeps_its_ssccs_and_no_sscc_is_ever_given_twice(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let scene = Scene::new(pool, options).await;
    let ids = confirmed(&scene, "4500000001").await;
    sqlx::query("update supplier set gs1_prefix = '4098765' where supplier_id = $1")
        .bind(scene.a.0)
        .execute(&scene.owner)
        .await
        .expect("a prefix");
    let cartons = |count: i32, each: i64| -> Vec<UnitContent> {
        (1..=count)
            .map(|number| UnitContent {
                number,
                kind: PackageKind::Carton,
                parent: None,
                gross_kg: Some("12.5".parse().expect("a weight")),
                sscc: None,
                contents: vec![PackedContent { schedule_line_id: ids[0], lot: None, quantity: each.into() }],
            })
            .collect()
    };
    let mut first = content("LS-1", vec![line(ids[0], 60)]);
    first.units = cartons(2, 30);
    let sent = send(&scene, first).await.expect("taken");
    let before = record(&scene, &sent.number).await.notice;
    assert!(before.units.iter().all(|unit| unit.sscc.starts_with("04098765")), "{:?}", before.units);
    let mut second = before.content();
    second.lines[0].quantity = 90.into();
    let mut added = cartons(1, 30);
    added[0].number = 3;
    second.units.extend(added);
    amend(&scene, &sent.number, 1, second.clone()).await.expect("amended");
    let after = record(&scene, &sent.number).await.notice;
    assert_eq!(after.units[..2], before.units[..]);
    assert!(!before.units.iter().any(|unit| unit.sscc == after.units[2].sscc));
    // Somebody else's number, or a made-up one, is not taken.
    second.units[2].sscc = Some("040987650000000999".to_owned());
    assert_eq!(
        rules(amend(&scene, &sent.number, 2, second).await.expect_err("foreign")),
        ["units.2.sscc sscc_not_ours"]
    );
    cancel(&scene, &sent.number, 2).await.expect("withdrawn");
    let mut third = content("LS-2", vec![line(ids[0], 100)]);
    third.units = cartons(4, 25);
    send(&scene, third).await.expect("taken");
    let all = "select count(*) - count(distinct sscc) from handling_unit";
    assert_eq!(scene.count(all).await, 0);
    assert_eq!(scene.count("select next from sscc_counter where prefix = '4098765'").await, 8);
}

#[sqlx::test(migrations = "../../migrations")]
async fn rules_of_the_item_hold_for_its_supplier_who_reads_them(pool: PgPoolOptions, options: PgConnectOptions) {
    let scene = Scene::new(pool, options).await;
    let mut order = snapshot("4500000001", "A");
    order.lines[0].item.rules = Some(ItemRules { lots: true, serials: true, ..ItemRules::default() });
    scene.mirror(&order).await;
    let record = scene.order("4500000001").await;
    let mut tx = scene.begin(scene.supplier(scene.a)).await;
    orders::confirm(&mut tx, "4500000001", &accept_all(&record)).await.expect("confirmed");
    tx.commit().await.expect("a commit");
    let id = record.order.lines[0].schedule[0].schedule_line_id;
    let mut tx = scene.begin(scene.supplier(scene.a)).await;
    let said = ship_notices::dry_run(&mut tx, &content("LS-1", vec![line(id, 2)])).await.expect("checked");
    assert_eq!(stops(&said), ["lines.0.lots lot_missing", "lines.0.serials serials_do_not_match"]);
    assert_eq!(scene.count("select count(*) from ship_notice").await, 0, "a dry run changes nothing");

    let lot = |serials: [&str; 2]| ShippedLot {
        lot: "H-1".to_owned(),
        quantity: 2.into(),
        expires_on: None,
        produced_on: None,
        origin: None,
        serials: serials.map(str::to_owned).to_vec(),
    };
    let with = |note: &str, serials| {
        let mut content = content(note, vec![line(id, 2)]);
        content.lines[0].lots = vec![lot(serials)];
        content
    };
    send(&scene, with("LS-1", ["S1", "S2"])).await.expect("taken");
    let again = send(&scene, with("LS-2", ["S2", "S3"])).await.expect_err("S2 left already");
    assert_eq!(rules(again), ["lines.0.lots.0.serials serial_used"]);
}

#[sqlx::test(migrations = "../../migrations")]
async fn only_confirmed_lines_of_open_orders_can_be_shipped(pool: PgPoolOptions, options: PgConnectOptions) {
    let scene = Scene::new(pool, options).await;
    scene.mirror(&snapshot("4500000001", "A")).await;
    let record = scene.order("4500000001").await;
    let ids: Vec<_> = record.order.schedule_lines().map(|(_, one)| one.schedule_line_id).collect();
    let mut tx = scene.begin(scene.supplier(scene.a)).await;
    orders::confirm(&mut tx, "4500000001", &late(&record)).await.expect("in review");
    tx.commit().await.expect("a commit");
    let refused = send(&scene, content("LS-1", vec![line(ids[0], 10), line(ids[1], 10)])).await;
    assert_eq!(rules(refused.expect_err("nothing is binding")), ["lines.0 not_confirmed", "lines.1 not_confirmed"]);

    let ids = confirmed(&scene, "4500000002").await;
    let mut gone = snapshot("4500000002", "A");
    gone.their_version = 2;
    gone.status = domain::order::OrderStatus::Cancelled;
    scene.mirror(&gone).await;
    let refused = send(&scene, content("LS-1", vec![line(ids[0], 10)])).await.expect_err("cancelled");
    assert_eq!(rules(refused), ["lines.0 order_not_open"]);
}

#[sqlx::test(migrations = "../../migrations")]
async fn milestones_move_the_goods_and_never_back(pool: PgPoolOptions, options: PgConnectOptions) {
    let scene = Scene::new(pool, options).await;
    let ids = confirmed(&scene, "4500000001").await;
    let sent = send(&scene, content("LS-1", vec![line(ids[0], 60)])).await.expect("taken");
    let command =
        |told: Moved| Command::MoveShipment { notice: "ls-1".to_owned(), supplier: Some("A".to_owned()), moved: told };
    let mut tx = scene.program().await;
    for (told, words) in [
        (moved(Milestone::ArrivedAtGate, "2026-12-01T07:30:00Z"), "arrived at the gate"),
        (moved(Milestone::Departed, "2026-12-01T05:00:00Z"), "departed"),
        (moved(Milestone::Departed, "2026-12-01T05:00:00Z"), "departed, told before"),
    ] {
        let came = perform::perform(&mut tx, scene.erp, &command(told)).await.expect("performed");
        assert_eq!(came, format!("ship notice {}: {words}", sent.number));
    }
    tx.commit().await.expect("a commit");
    let now = record(&scene, &sent.number).await;
    assert_eq!(now.status, ShipStatus::Arrived, "a late word about the departure does not move it back");
    assert_eq!(now.departed_at, Some(time("2026-12-01T05:00:00Z")));

    let mut tx = scene.begin(scene.supplier(scene.a)).await;
    let delayed = Moved { arrive_on: Some(day("2026-12-12")), ..moved(Milestone::Delayed, "2026-12-01T07:00:00Z") };
    let tell = |told: Moved| TellMilestone { moved: told, submission: Uuid::now_v7() };
    ship_notices::tell(&mut tx, &sent.number, &tell(delayed)).await.expect("told");
    let future =
        ship_notices::tell(&mut tx, &sent.number, &tell(moved(Milestone::Departed, "2026-12-01T09:00:00Z"))).await;
    assert_eq!(rules(future.expect_err("not yet")), ["happened_at in_future"]);
    tx.commit().await.expect("a commit");
    let now = record(&scene, &sent.number).await;
    assert_eq!(
        (now.notice.arrive_on, now.notice.version),
        (day("2026-12-12"), 1),
        "the day moves, the version does not"
    );
    assert_eq!(now.promised_on.get(&ids[0]), Some(&day("2026-12-10")));
}

#[sqlx::test(migrations = "../../migrations")]
async fn once_something_is_received_its_supplier_changes_nothing_and_a_short_end_opens_the_rest(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let scene = Scene::new(pool, options).await;
    let ids = confirmed(&scene, "4500000001").await;
    let sent = send(&scene, content("LS-1", vec![line(ids[0], 100)])).await.expect("taken");
    let receive = async |accepted: i64, complete: bool| {
        let mut tx = scene.begin(clerk(&scene)).await;
        let command = PostReceipt {
            against: Against::Notice(sent.number.clone()),
            version: Some(1),
            channel: ReceiptChannel::Dock,
            delivery_note: None,
            received_at: tx.now(),
            complete,
            lines: vec![PostLine { notice_line: Some(1), accepted: accepted.into(), ..PostLine::default() }],
            submission: Uuid::now_v7(),
        };
        let taken = receipts::post(&mut tx, &command).await.expect("received");
        tx.commit().await.expect("a commit");
        taken
    };
    let first = receive(40, false).await;
    assert_eq!(first.status, Some(ShipStatus::PartlyReceived));
    for refused in [
        amend(&scene, &sent.number, 1, content("LS-1", vec![line(ids[0], 50)])).await,
        cancel(&scene, &sent.number, 1).await,
    ] {
        let error = refused.expect_err("too late");
        assert!(error.to_string().contains("is partly received"), "{error}");
        assert_eq!(rules(error), [" not_open"]);
    }
    assert_eq!(open(&scene).await, [Decimal::from(100)], "only the other line");
    let mut tx = scene.begin(clerk(&scene)).await;
    receipts::reverse(&mut tx, &first.number, "Counted the wrong pallet", Uuid::now_v7()).await.expect("taken back");
    tx.commit().await.expect("a commit");
    assert_eq!(record(&scene, &sent.number).await.status, ShipStatus::Announced, "taken back");
    assert_eq!(receive(90, true).await.status, Some(ShipStatus::Received));
    assert_eq!(open(&scene).await, [Decimal::from(10), Decimal::from(100)], "what was short can be shipped again");
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_duplicate_holds_what_is_still_open(pool: PgPoolOptions, options: PgConnectOptions) {
    let scene = Scene::new(pool, options).await;
    let ids = confirmed(&scene, "4500000001").await;
    let sent = send(&scene, content("LS-1", vec![line(ids[0], 70), line(ids[1], 100)])).await.expect("taken");
    let mut tx = scene.begin(scene.supplier(scene.a)).await;
    let (copy, left_out) = ship_notices::duplicate(&mut tx, &sent.number).await.expect("a draft");
    assert_eq!(copy.lines, [line(ids[0], 30)]);
    assert_eq!(left_out, ["4500000001 line 0020"]);
    assert!(copy.delivery_note.is_empty());
    drop(tx);
    // Another order of the same item takes the place of what is shipped.
    let more = confirmed(&scene, "4500000002").await;
    let mut tx = scene.begin(scene.supplier(scene.a)).await;
    let (copy, left_out) = ship_notices::duplicate(&mut tx, &sent.number).await.expect("a draft");
    assert_eq!(copy.lines, [line(ids[0], 30), line(more[1], 100)]);
    assert_eq!(left_out, Vec::<String>::new());
}

#[sqlx::test(migrations = "../../migrations")]
async fn the_list_is_filtered_counted_and_cut_by_key(pool: PgPoolOptions, options: PgConnectOptions) {
    let scene = Scene::new(pool, options).await;
    let ids = confirmed(&scene, "4500000001").await;
    let mut numbers = Vec::new();
    for n in 0..5 {
        let taken = send(&scene, content(&format!("LS-{n}"), vec![line(ids[0], 10)])).await.expect("taken");
        numbers.push(taken.number);
    }
    numbers.reverse();
    cancel(&scene, &numbers[0], 1).await.expect("withdrawn");
    let mut tx = scene.begin(scene.supplier(scene.a)).await;
    let of = |view| Filter { view: Some(view), ..Filter::default() };
    assert_eq!(ship_notice_list::count(&mut tx, &of(View::Expected)).await.expect("a count"), 4);
    assert_eq!(ship_notice_list::count(&mut tx, &of(View::Cancelled)).await.expect("a count"), 1);
    assert_eq!(ship_notice_list::count(&mut tx, &of(View::NotInErp)).await.expect("a count"), 5);
    assert_eq!(ship_notice_list::count(&mut tx, &of(View::Late)).await.expect("a count"), 0);
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = Page { after, before: None, size: 2 };
        let rows = ship_notice_list::page(&mut tx, &Filter::default(), &page).await.expect("a page");
        let Some(last) = rows.last() else { break };
        after = Some(last.key());
        seen.extend(rows.into_iter().map(|row| row.number));
    }
    // The clock stands: all were announced at the same instant, and ids alone decide the order.
    seen.sort();
    let mut all = numbers.clone();
    all.sort();
    assert_eq!(seen, all, "all of them, once");
    let text = |text: &str| Filter { text: Some(text.to_owned()), ..Filter::default() };
    for (words, found) in [("LS-3", 1), ("4500000001", 5), (numbers[1].as_str(), 1), ("100%", 0)] {
        let rows = ship_notice_list::page(&mut tx, &text(words), &Page { size: 50, ..Page::default() }).await;
        assert_eq!(rows.expect("a page").len(), found, "{words}");
    }
}

#[sqlx::test(migrations = "../../migrations")]
async fn nobody_reaches_another_suppliers_shipments(pool: PgPoolOptions, options: PgConnectOptions) {
    let scene = Scene::new(pool, options).await;
    let ids = confirmed(&scene, "4500000001").await;
    let theirs = confirmed_by(&scene, "4500000002", "B").await;
    let mut first = content("LS-1", vec![line(ids[0], 60)]);
    first.units = vec![UnitContent {
        number: 1,
        kind: PackageKind::Carton,
        parent: None,
        gross_kg: None,
        sscc: None,
        contents: vec![PackedContent { schedule_line_id: ids[0], lot: None, quantity: 60.into() }],
    }];
    let sent = send(&scene, first).await.expect("taken");
    let (number, id) = (sent.number.as_str(), sent.ship_notice_id);

    let b = scene.supplier(scene.b);
    let not_found = |error: CommandError| assert!(matches!(error, CommandError::NotFound { .. }), "{error:?}");
    let mut tx = scene.begin(b.clone()).await;
    not_found(ship_notices::get(&mut tx, number).await.map(drop).expect_err("hidden"));
    not_found(ship_notices::load(&mut tx, id).await.map(drop).expect_err("hidden"));
    not_found(ship_notices::lock(&mut tx, id).await.map(drop).expect_err("hidden"));
    not_found(ship_notices::duplicate(&mut tx, number).await.map(drop).expect_err("hidden"));
    let amending = AmendShipNotice {
        version: 1,
        content: content("LS-9", vec![line(theirs[0], 1)]),
        reason: None,
        submission: Uuid::now_v7(),
    };
    not_found(ship_notices::amend(&mut tx, number, &amending).await.map(drop).expect_err("hidden"));
    not_found(ship_notices::dry_run_amend(&mut tx, number, 1, &amending.content).await.map(drop).expect_err("hidden"));
    let cancelling = CancelShipNotice { version: 1, reason: "Mine now".to_owned(), submission: Uuid::now_v7() };
    not_found(ship_notices::cancel(&mut tx, number, &cancelling).await.map(drop).expect_err("hidden"));
    let telling =
        TellMilestone { moved: moved(Milestone::Departed, "2026-12-01T07:00:00Z"), submission: Uuid::now_v7() };
    not_found(ship_notices::tell(&mut tx, number, &telling).await.map(drop).expect_err("hidden"));
    assert_eq!(ship_notices::by_number_or_delivery_note(&mut tx, number, None).await.expect("a look"), None);
    assert_eq!(ship_notices::by_number_or_delivery_note(&mut tx, "LS-1", Some("A")).await.expect("a look"), None);
    assert_eq!(ship_notices::versions(&mut tx, id).await.expect("a look"), []);
    assert_eq!(ship_notices::milestones(&mut tx, id).await.expect("a look"), []);
    let rows = ship_notice_list::page(&mut tx, &Filter::default(), &Page { size: 50, ..Page::default() }).await;
    assert_eq!(rows.expect("a page"), []);
    let order_id = domain::id::OrderId(
        sqlx::query_scalar("select order_id from purchase_order where number = '4500000001'")
            .fetch_one(&scene.owner)
            .await
            .expect("the order"),
    );
    assert_eq!(ship_notices::of_order(&mut tx, order_id).await.expect("a look"), []);
    assert!(timeline::of_subject(&mut tx, id.0).await.expect("a look").is_empty());
    // Lines of A in a notice of B are lines that do not exist.
    let foreign =
        ship_notices::send(&mut tx, &sending(content("LS-1", vec![line(theirs[0], 1), line(ids[0], 1)]))).await;
    assert_eq!(rules(foreign.expect_err("foreign")), ["lines.1 line_unknown"]);
    let items = due(&mut tx, &Due::default(), 100).await.expect("due");
    assert!(items.iter().all(|one| one.supplier.0 == "B"));
    drop(tx);
    // The same delivery note is another supplier's own business.
    let mut tx = scene.begin(b).await;
    ship_notices::send(&mut tx, &sending(content("LS-1", vec![line(theirs[0], 1)]))).await.expect("his own");
    drop(tx);

    let mut tx = scene.begin(scene.buyer()).await;
    ship_notices::get(&mut tx, number).await.expect("the buyer reads it");
    let denied = ship_notices::send(&mut tx, &sending(content("LS-3", vec![line(ids[0], 1)]))).await;
    assert!(matches!(denied, Err(CommandError::Denied(_))));
    drop(tx);
    let elsewhere = who(&scene.store, "Ole", &[Role::Buyer], Scope::Plants(vec![domain::id::PlantId(Uuid::now_v7())]));
    let mut tx = scene.begin(elsewhere).await;
    not_found(ship_notices::get(&mut tx, number).await.map(drop).expect_err("another plant"));
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_connection_of_another_plant_does_not_speak_about_a_shipment(pool: PgPoolOptions, options: PgConnectOptions) {
    let scene = Scene::new(pool, options).await;
    let ids = confirmed(&scene, "4500000001").await;
    let sent = send(&scene, content("LS-1", vec![line(ids[0], 60)])).await.expect("taken");
    let mut tx = scene.begin(program(&scene.store)).await;
    let other = domain::command::PlantSnapshot { code: "FR20".to_owned(), name: "Lyon".to_owned() };
    let other = store::reference::mirror_plant(&mut tx, &other).await.expect("a plant");
    let mut configured = crate::scene::configured("WMS of Lyon");
    configured.plant_id = Some(other);
    let wms = store::connections::add(&mut tx, "rest", &configured, &[]).await.expect("a connection");
    let told = moved(Milestone::ArrivedAtGate, "2026-12-01T07:30:00Z");
    let refused = ship_notices::tell_for(&mut tx, wms, &sent.number, None, &told).await;
    assert!(matches!(refused, Err(CommandError::NotFound { .. })), "{refused:?}");
}

/// The measure of the issue: it takes a handful of statements, so seconds at the most even without optimisation.
#[sqlx::test(migrations = "../../migrations")]
async fn a_notice_with_two_thousand_lots_and_twenty_thousand_serials_is_taken(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let scene = Scene::new(pool, options).await;
    let mut order = snapshot("4500000001", "A");
    order.lines[0].schedule[0].quantity = 20_000.into();
    order.lines[0].item.rules = Some(ItemRules { lots: true, serials: true, ..ItemRules::default() });
    scene.mirror(&order).await;
    let record = scene.order("4500000001").await;
    let mut tx = scene.begin(scene.supplier(scene.a)).await;
    orders::confirm(&mut tx, "4500000001", &accept_all(&record)).await.expect("confirmed");
    tx.commit().await.expect("a commit");
    let id = record.order.lines[0].schedule[0].schedule_line_id;
    let mut content = content("LS-1", vec![line(id, 20_000)]);
    content.lines[0].lots = (0..2_000)
        .map(|lot| ShippedLot {
            lot: format!("H{lot:04}"),
            quantity: 10.into(),
            expires_on: None,
            produced_on: None,
            origin: None,
            serials: (0..10).map(|n| format!("S{:05}", lot * 10 + n)).collect(),
        })
        .collect();
    let how = domain::shipment::packing::PackAlike { per_carton: 10.into(), cartons_per_pallet: Some(40) };
    content.units = domain::shipment::packing::pack_alike(&content.lines, how).expect("packed");
    let taken = send(&scene, content).await.expect("taken");
    assert_eq!(scene.count("select count(*) from ship_notice_serial").await, 20_000);
    assert_eq!(scene.count("select count(*) from handling_unit").await, 2_050);
    let mut tx = scene.begin(scene.supplier(scene.a)).await;
    let whole = ship_notices::get(&mut tx, &taken.number).await.expect("read").notice;
    assert_eq!(whole.lines[0].lots.len(), 2_000);
}
