//! Receiving against a real database: the dock, the ERP and the warehouse tell of the same goods, in any order and twice, and
//! stock, ship notice and case come out the same.

use domain::access::{Role, Scope};
use domain::command::ReceiptSnapshot;
use domain::gs1;
use domain::id::PlantId;
use domain::receipt::post::{Against, PostLine, PostReceipt};
use domain::receipt::{CaseState, Oddity, Outcome, ReceiptChannel};
use domain::shipment::{Milestone, Moved, ShipStatus};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use store::inbound::{self, Column, Dock, Found};
use store::timeline::{self, System};
use store::{CommandError, differences, receipts, ship_notices};
use uuid::Uuid;

use crate::dockyard::{Dockyard, came, document, everything, part};
use crate::scene::{day, snapshot, time, who};

#[sqlx::test(migrations = "../../migrations")]
async fn received_in_full_is_in_stock_once_however_often_it_is_sent(pool: PgPoolOptions, options: PgConnectOptions) {
    let yard = Dockyard::new(pool, options).await;
    let command = yard.receipt(true, Vec::new());
    for already in [false, true] {
        let taken = yard.post(&command).await;
        assert_eq!((taken.already, taken.status, taken.case), (already, Some(ShipStatus::Received), None));
    }
    assert_eq!(yard.stock().await, ["H1 inspection 60", "H2 inspection 40"]);
    assert_eq!(yard.received().await, [100, 100]);
    assert_eq!(yard.homes("receipt.posted").await, ["erp"]);
    let again = yard.try_post(&yard.receipt(true, Vec::new())).await.expect_err("nothing is left");
    assert!(again.to_string().contains("received already"), "{again}");
    yard.sound().await;
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_short_carton_opens_a_case_that_both_sides_talk_about_and_the_buyer_settles(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let yard = Dockyard::new(pool, options).await;
    let lines = vec![came(1, Some("H1"), 60), came(1, Some("H2"), 30), came(2, None, 100)];
    let taken = yard.post(&yard.receipt(true, lines)).await;
    let case = taken.case.expect("a case");
    let scene = &yard.scene;

    let mut tx = scene.begin(scene.supplier(scene.a)).await;
    let seen = differences::get(&mut tx, &case).await.expect("the supplier sees it");
    let [short] = seen.lines.as_slice() else { panic!("one difference: {:?}", seen.lines) };
    assert_eq!((short.oddity, short.announced, short.received), (Oddity::Short, 40.into(), 30.into()));
    assert_eq!(short.lot.as_deref(), Some("H2"));
    let submission = Uuid::now_v7();
    for already in [false, true] {
        let said = differences::answer(&mut tx, &case, "One carton is still here.", submission).await.expect("said");
        assert_eq!((said.state, said.already), (CaseState::Answered, already));
    }
    let denied = differences::close(&mut tx, &case, Outcome::Credit, "no", Uuid::now_v7()).await;
    assert!(matches!(denied, Err(CommandError::Denied(_))), "{denied:?}");
    tx.commit().await.expect("a commit");

    let mut tx = scene.begin(scene.buyer()).await;
    let missing = differences::close(&mut tx, &case, Outcome::SupplierShipsRest, " ", Uuid::now_v7()).await;
    assert!(matches!(missing, Err(CommandError::Stopped { .. })), "a word for the supplier: {missing:?}");
    differences::close(&mut tx, &case, Outcome::SupplierShipsRest, "Please ship it on Monday.", Uuid::now_v7())
        .await
        .expect("settled");
    let closed = differences::get(&mut tx, &case).await.expect("the case");
    assert_eq!(closed.settled.map(|(outcome, _)| outcome), Some(Outcome::SupplierShipsRest));
    assert_eq!(closed.entries.len(), 2);
    let late = differences::answer(&mut tx, &case, "and now?", Uuid::now_v7()).await;
    assert!(matches!(late, Err(CommandError::Stopped { .. })), "{late:?}");
    tx.commit().await.expect("a commit");
    // The ERP tells the same: that is no news.
    let mut told = everything();
    told[1].accepted = 30.into();
    let said = yard.told(yard.scene.erp, &document("5001", ReceiptChannel::Erp, told)).await;
    assert!(said.contains("the same goods as") && !said.contains("difference"), "{said}");
    assert_eq!(scene.count("select count(*) from difference_case").await, 1);
    yard.sound().await;
}

#[sqlx::test(migrations = "../../migrations")]
async fn the_erp_tells_of_the_same_goods_before_or_after_the_dock_and_twice(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let yard = Dockyard::new(pool, options).await;
    let told = document("5001", ReceiptChannel::Erp, everything());
    let said = yard.told(yard.scene.erp, &told).await;
    assert!(said.contains("taken as GR-"), "{said}");
    assert_eq!(yard.status().await, ShipStatus::Received);
    let said = yard.told(yard.scene.erp, &told).await;
    assert!(said.contains("known already"), "{said}");
    let warehouse = document("W-77", ReceiptChannel::Wms, everything());
    let said = yard.told(yard.wms, &warehouse).await;
    assert!(said.contains("the same goods as"), "{said}");
    assert_eq!(yard.stock().await, ["H1 inspection 60", "H2 inspection 40"]);
    assert_eq!(yard.received().await, [100, 100]);
    assert_eq!(yard.homes("receipt.posted").await, ["nobody", "nobody"], "nothing comes back to the ERP that told it");
    yard.sound().await;
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_warehouse_that_counts_otherwise_becomes_a_difference_and_not_more_stock(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let yard = Dockyard::new(pool, options).await;
    yard.post(&yard.receipt(true, Vec::new())).await;
    let mut told = everything();
    told[0].accepted = 66.into();
    let said = yard.told(yard.wms, &document("W-1", ReceiptChannel::Wms, told)).await;
    assert!(said.contains("difference DC-"), "{said}");
    assert_eq!(yard.stock().await, ["H1 inspection 60", "H2 inspection 40"]);
    let scene = &yard.scene;
    let mut tx = scene.begin(scene.buyer()).await;
    let open = differences::page(&mut tx, &differences::Filter::default(), None, 10).await.expect("the list");
    assert_eq!(open[0].lines[0].told, Some(66.into()));
    drop(tx);
    // The warehouse corrects itself with the same document: the case settles by itself.
    let said = yard.told(yard.wms, &document("W-1", ReceiptChannel::Wms, everything())).await;
    assert!(said.contains("the same goods as"), "{said}");
    let mut tx = scene.begin(scene.buyer()).await;
    let settled = differences::get(&mut tx, &open[0].number).await.expect("the case").settled;
    assert_eq!(settled.map(|(outcome, _)| outcome), Some(Outcome::CountedAgain));
    yard.sound().await;
}

#[sqlx::test(migrations = "../../migrations")]
async fn the_warehouse_first_then_the_dock_with_another_count_is_what_the_dock_says(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let yard = Dockyard::new(pool, options).await;
    let mut part_only = document("W-1", ReceiptChannel::Wms, vec![part("4711", Some("H1"), 60)]);
    part_only.complete = false;
    yard.told(yard.wms, &part_only).await;
    assert_eq!(yard.status().await, ShipStatus::PartlyReceived);
    let note = Some("two are bent".to_owned());
    let taken =
        yard.post(&yard.receipt(false, vec![PostLine { damaged: 2.into(), note, ..came(1, Some("h1"), 55) }])).await;
    assert!(taken.case.is_some(), "damaged, and the warehouse counted more");
    assert_eq!(yard.stock().await, ["H1 blocked 2", "H1 inspection 55"]);
    assert_eq!(yard.received().await, [55, 0]);
    assert_eq!(
        yard.homes("receipt.posted").await,
        ["erp", "erp"],
        "the ERP is told of both; the second names the first"
    );
    // Taken back at the dock, the warehouse's word counts again; entered anew, the dock's does. Nothing is left over.
    for _ in 0..2 {
        let mut tx = yard.scene.begin(yard.clerk()).await;
        let dock: String = sqlx::query_scalar(
            "select number from receipt where channel = 'dock' and reversed_at is null order by recorded_at desc limit 1",
        )
        .fetch_one(&yard.scene.owner)
        .await
        .expect("the dock's receipt");
        receipts::reverse(&mut tx, &dock, "Wrong pallet", Uuid::now_v7()).await.expect("taken back");
        tx.commit().await.expect("a commit");
        assert_eq!(yard.stock().await, ["H1 inspection 60"]);
        yard.sound().await;
        yard.post(&yard.receipt(false, vec![came(1, Some("H1"), 58)])).await;
        assert_eq!(yard.stock().await, ["H1 inspection 58"]);
        yard.sound().await;
    }
}

#[sqlx::test(migrations = "../../migrations")]
async fn over_unknown_lot_and_a_wrong_item_are_received_and_named(pool: PgPoolOptions, options: PgConnectOptions) {
    let yard = Dockyard::new(pool, options).await;
    let wrong = PostLine {
        item: Some("4711".to_owned()),
        lot: Some("X9".to_owned()),
        note: Some("came in place of 4712".to_owned()),
        ..came(2, None, 7)
    };
    let lines = vec![came(1, Some("H1"), 65), came(1, Some("H9"), 5), wrong];
    let taken = yard.post(&yard.receipt(false, lines)).await;
    let rules: Vec<&str> = taken.warnings.iter().map(|finding| finding.rule.as_str()).collect();
    assert_eq!(rules, ["unknown_lot", "over_announced"]);
    let mut tx = yard.scene.begin(yard.scene.buyer()).await;
    let case = differences::get(&mut tx, &taken.case.expect("a case")).await.expect("the case");
    let odd: Vec<Oddity> = case.lines.iter().map(|line| line.oddity).collect();
    assert_eq!(odd, [Oddity::Over, Oddity::UnknownLot, Oddity::WrongItem]);
    assert_eq!(yard.stock().await, ["H1 inspection 65", "H9 inspection 5", "X9 inspection 7"]);
    let unknown = PostLine { item: Some("nobody knows".to_owned()), note: Some("?".to_owned()), ..came(2, None, 1) };
    let refused = yard.try_post(&yard.receipt(false, vec![unknown])).await.expect_err("not known");
    assert!(refused.to_string().contains("not known here"), "{refused}");
    yard.sound().await;
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_document_that_is_taken_back_is_out_of_stock_also_when_the_news_come_first(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let yard = Dockyard::new(pool, options).await;
    let told = document("5001", ReceiptChannel::Erp, everything());
    let back = |their_ref: &str, reverses: &str| ReceiptSnapshot {
        reverses: Some(reverses.to_owned()),
        lines: Vec::new(),
        ..document(their_ref, ReceiptChannel::Erp, Vec::new())
    };
    yard.told(yard.scene.erp, &told).await;
    for said in ["taken back", "taken back already"] {
        let heard = yard.told(yard.scene.erp, &back("5002", "5001")).await;
        assert!(heard.contains(said), "{heard}");
    }
    assert_eq!(yard.stock().await, Vec::<String>::new());
    assert_eq!((yard.received().await, yard.status().await), (vec![0, 0], ShipStatus::Announced));
    let heard = yard.told(yard.scene.erp, &told).await;
    assert!(heard.contains("taken back before"), "a late duplicate: {heard}");

    let heard = yard.told(yard.scene.erp, &back("5004", "5003")).await;
    assert!(heard.contains("before it came"), "{heard}");
    let heard = yard.told(yard.scene.erp, &document("5003", ReceiptChannel::Erp, everything())).await;
    assert!(heard.contains("taken back before"), "{heard}");
    assert_eq!(yard.stock().await, Vec::<String>::new());
    yard.sound().await;
}

#[sqlx::test(migrations = "../../migrations")]
async fn an_erp_that_names_neither_notice_nor_delivery_note_is_understood_by_order_and_lot(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let yard = Dockyard::new(pool, options).await;
    yard.post(&yard.receipt(true, Vec::new())).await;
    let mut told = document("5001", ReceiptChannel::Erp, everything());
    told.delivery_note = None;
    let said = yard.told(yard.scene.erp, &told).await;
    assert!(said.contains("the same goods as"), "{said}");
    assert_eq!(yard.stock().await, ["H1 inspection 60", "H2 inspection 40"]);

    // Goods that nobody announced: blind at the dock, then told by the ERP.
    yard.scene.mirror(&snapshot("4500009", "A")).await;
    let blind = PostReceipt {
        against: Against::Order("4500009".to_owned()),
        version: None,
        delivery_note: Some("LS-9".to_owned()),
        lines: vec![PostLine { line: Some("0020".to_owned()), accepted: 30.into(), ..PostLine::default() }],
        ..yard.receipt(false, Vec::new())
    };
    let taken = yard.post(&blind).await;
    assert_eq!((taken.status, taken.case), (None, None));
    let mut line = part("4712", None, 30);
    line.order = Some("4500009".to_owned());
    for (hours, their_ref) in [(0, "5002"), (1, "5003")] {
        let mut told = document(their_ref, ReceiptChannel::Erp, vec![line.clone()]);
        told.delivery_note = None;
        told.received_at += chrono::TimeDelta::hours(hours);
        let said = yard.told(yard.scene.erp, &told).await;
        // The second one is another 30 that nobody entered here.
        assert_eq!(said.contains("the same goods as"), their_ref == "5002", "{said}");
    }
    let counted = "select sum(l.accepted)::bigint from receipt_line l join order_line o using (order_line_id)
                   join purchase_order p using (order_id) where l.counted and p.number = '4500009'";
    assert_eq!(yard.scene.count(counted).await, 60);
    yard.sound().await;
}

#[sqlx::test(migrations = "../../migrations")]
async fn two_clerks_at_the_same_moment_receive_once(pool: PgPoolOptions, options: PgConnectOptions) {
    let yard = Dockyard::new(pool, options).await;
    let (one, two) = (yard.receipt(true, Vec::new()), yard.receipt(true, Vec::new()));
    let erp = document("5001", ReceiptChannel::Erp, everything());
    let (first, second, told) = tokio::join!(yard.try_post(&one), yard.try_post(&two), yard.told(yard.scene.erp, &erp));
    let received = [first.is_ok(), second.is_ok()].into_iter().filter(|ok| *ok).count();
    assert!(received <= 1, "one at the most; none where the ERP was faster: {told}");
    assert_eq!(yard.stock().await, ["H1 inspection 60", "H2 inspection 40"]);
    assert_eq!(yard.received().await, [100, 100]);
    yard.sound().await;
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_scan_finds_the_shipment_by_package_note_order_and_lot(pool: PgPoolOptions, options: PgConnectOptions) {
    let yard = Dockyard::new(pool, options).await;
    let sscc: String =
        sqlx::query_scalar("select sscc from handling_unit where kind = 'carton' order by position limit 1")
            .fetch_one(&yard.scene.owner)
            .await
            .expect("a package");
    assert!(gs1::is_sscc(&sscc));
    let mut tx = yard.scene.begin(yard.clerk()).await;
    for typed in [
        sscc.clone(),
        format!("(00){sscc}"),
        format!("]C100{sscc}"),
        format!("00{sscc}"),
        yard.notice.clone(),
        yard.notice.to_lowercase(),
        " LS-1 ".to_owned(),
        "ls-1".to_owned(),
        "H1".to_owned(),
        "4500001".to_owned(),
    ] {
        let found = inbound::find(&mut tx, &typed).await.expect("asked");
        let Some(Found::Notice { number, sscc: package, expected, .. }) = found.first() else {
            panic!("{typed}: {found:?}")
        };
        assert_eq!((number, *expected), (&yard.notice, true), "{typed}");
        assert_eq!(package.is_some(), typed.contains(&sscc), "{typed}");
    }
    for typed in ["", "%", "LS", "376123450000000018", "'; drop table receipt; --"] {
        assert_eq!(inbound::find(&mut tx, typed).await.expect("asked"), [], "{typed}");
    }
}

#[sqlx::test(migrations = "../../migrations")]
async fn the_board_shows_each_shipment_in_the_column_in_which_it_stands(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let yard = Dockyard::new(pool, options).await;
    let dock = |today: &str| Dock {
        plants: vec![yard.scene.plant.0],
        day: day(today),
        today: day(today),
        hours: (time(&format!("{today}T00:00:00Z")), time(&format!("{today}T23:59:59Z"))),
    };
    let columns = async |today: &str| {
        let mut tx = yard.scene.begin(yard.clerk()).await;
        let counts = inbound::counts(&mut tx, &dock(today)).await.expect("counts");
        let mut found = Vec::new();
        for (column, count) in Column::ALL.into_iter().zip(counts) {
            let rows = inbound::column(&mut tx, &dock(today), column, None, 10).await.expect("rows");
            assert_eq!(i64::try_from(rows.len()).expect("few"), count, "{column:?}");
            found.extend(rows.into_iter().map(|row| (column, row.number)));
        }
        found
    };
    assert_eq!(columns("2026-12-10").await, [(Column::Due, yard.notice.clone())]);
    assert_eq!(columns("2026-12-11").await, [(Column::Late, yard.notice.clone())]);
    assert_eq!(columns("2026-12-09").await, []);
    for (milestone, column) in [(Milestone::ArrivedAtGate, Column::AtGate), (Milestone::Receiving, Column::Receiving)] {
        let mut tx = yard.scene.begin(yard.clerk()).await;
        let happened_at = yard.scene.store.clock().now();
        let moved = Moved { milestone, happened_at, arrive_on: None, note: None };
        let command = domain::shipment::content::TellMilestone { moved, submission: Uuid::now_v7() };
        ship_notices::tell(&mut tx, &yard.notice, &command).await.expect("told");
        tx.commit().await.expect("a commit");
        assert_eq!(columns("2026-12-11").await, [(column, yard.notice.clone())]);
    }
    yard.post(&yard.receipt(true, Vec::new())).await;
    assert_eq!(columns("2026-12-01").await, [(Column::Received, yard.notice.clone())]);
}

#[sqlx::test(migrations = "../../migrations")]
async fn nobody_sees_or_receives_what_is_anothers(pool: PgPoolOptions, options: PgConnectOptions) {
    let yard = Dockyard::new(pool, options).await;
    let taken = yard.post(&yard.receipt(true, vec![came(1, Some("H1"), 60)])).await;
    let case = taken.case.expect("a case");
    let scene = &yard.scene;
    let foreign_clerk = who(
        &scene.store,
        "Carl",
        &[Role::ReceivingClerk, Role::Buyer],
        Scope::Plants(vec![PlantId(scene.store.new_id())]),
    );
    let other = yard.announce("4500002", "B", "LS-1").await;
    for who in [scene.supplier(scene.b), foreign_clerk.clone()] {
        let mut tx = scene.begin(who).await;
        let missing = |error: CommandError| assert!(matches!(error, CommandError::NotFound { .. }), "{error:?}");
        missing(receipts::get(&mut tx, &taken.number).await.expect_err("not his"));
        missing(differences::get(&mut tx, &case).await.expect_err("not his"));
        missing(differences::answer(&mut tx, &case, "mine", Uuid::now_v7()).await.expect_err("not his"));
        missing(receipts::expected(&mut tx, &Against::Notice(yard.notice.clone())).await.expect_err("not his"));
        assert_eq!(receipts::of_notice(&mut tx, &yard.notice).await.expect("asked"), []);
        assert_eq!(differences::page(&mut tx, &differences::Filter::default(), None, 9).await.expect("asked"), []);
        for typed in ["H1", &yard.notice, &taken.number] {
            let found = inbound::find(&mut tx, typed).await.expect("asked");
            assert!(!format!("{found:?}").contains(&yard.notice), "{typed}: {found:?}");
        }
    }
    let mut tx = scene.begin(foreign_clerk).await;
    let error = receipts::post(&mut tx, &yard.receipt(false, vec![came(2, None, 1)])).await.expect_err("not his");
    assert!(matches!(error, CommandError::NotFound { .. }), "{error:?}");
    let error = receipts::reverse(&mut tx, &taken.number, "why not", Uuid::now_v7()).await.expect_err("not his");
    assert!(matches!(error, CommandError::NotFound { .. }), "{error:?}");
    drop(tx);
    for who in [scene.supplier(scene.a), scene.buyer()] {
        let mut tx = scene.begin(who).await;
        let error = receipts::post(&mut tx, &yard.receipt(false, vec![came(2, None, 1)])).await.expect_err("no clerk");
        assert!(matches!(error, CommandError::Denied(_)), "{error:?}");
    }
    // One delivery note of two suppliers: a system's word about the one leaves the other alone.
    let mut told = document("5001", ReceiptChannel::Erp, vec![part("4711", Some("H1"), 60)]);
    told.supplier = "B".to_owned();
    told.lines[0].order = Some("4500002".to_owned());
    told.complete = false;
    yard.told(scene.erp, &told).await;
    let mut tx = scene.program().await;
    assert_eq!(ship_notices::get(&mut tx, &other).await.expect("it is there").status, ShipStatus::PartlyReceived);
    assert_eq!(receipts::of_notice(&mut tx, &yard.notice).await.expect("asked").len(), 1);
}

#[sqlx::test(migrations = "../../migrations")]
async fn the_orders_timeline_tells_its_whole_way_and_each_reader_what_he_may_know(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let yard = Dockyard::new(pool, options).await;
    yard.announce("4500002", "A", "LS-2").await;
    yard.post(&yard.receipt(true, vec![came(1, Some("H1"), 60), came(2, None, 100)])).await;
    sqlx::query("update connection set settings = settings || '{\"system\": \"wms\"}' where connection_id = $1")
        .bind(yard.wms.0)
        .execute(&yard.scene.owner)
        .await
        .expect("a warehouse");
    sqlx::query(
        "insert into delivery (delivery_id, connection_id, event_position, event_id, subject_kind, subject_id, subject_version,
                               state, attempts, finished_at, their_ref, created_at, plant_id, supplier_id)
         select gen_random_uuid(), c, position, event_id, subject_kind, subject_id, subject_version,
                'delivered', 1, at, 'D-1', at, plant_id, supplier_id
         from event, unnest($1::uuid[]) c where kind = 'shipment.announced'",
    )
    .bind([yard.scene.erp.0, yard.wms.0])
    .execute(&yard.scene.owner)
    .await
    .expect("deliveries");
    let order = yard.scene.order("4500001").await.order.order_id;
    let house = yard.scene.buyer();
    for (who, names) in [(house, true), (yard.scene.supplier(yard.scene.a), false)] {
        let mut tx = yard.scene.begin(who).await;
        let story = timeline::of_order(&mut tx, order).await.expect("a story");
        let kinds: Vec<&str> = story.iter().rev().map(|entry| entry.event.kind().as_str()).collect();
        assert_eq!(kinds.first(), Some(&"order.published"), "{kinds:?}");
        for kind in ["shipment.announced", "receipt.posted", "receipt.difference_opened"] {
            assert_eq!(
                kinds.iter().filter(|one| **one == kind).count(),
                1,
                "{kind} once, of this order only: {kinds:?}"
            );
        }
        let announced = story.iter().find(|entry| !entry.deliveries.is_empty()).expect("it was told");
        let mut went: Vec<(bool, Option<&str>)> = announced
            .deliveries
            .iter()
            .map(|trip| (trip.to.system == System::Warehouse, trip.to.name.as_deref()))
            .collect();
        went.sort_unstable();
        assert_eq!(went, [(false, names.then_some("ERP")), (true, names.then_some("WMS"))]);
    }
    let mut tx = yard.scene.begin(yard.scene.supplier(yard.scene.b)).await;
    assert!(timeline::of_order(&mut tx, order).await.expect("asked").is_empty());
}
