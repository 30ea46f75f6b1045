//! Work orders and what the shop floor reports, against a real database: one effect of whatever comes however often and in
//! whatever order, postings that wait and go again, and who may see and decide.

use std::collections::BTreeMap;

use domain::Decimal;
use domain::access::{Role, Scope};
use domain::command::{
    Command, ComponentSnapshot, ItemSnapshot, ReceiptSnapshot, ReceivedSnapshot, ReportSnapshot, ReversalSnapshot,
    WorkOrderSnapshot,
};
use domain::conversion::ItemUnit;
use domain::hold::{Disposition, HoldReason, HoldScope};
use domain::id::{LotId, ReportId};
use domain::item::ItemRules;
use domain::production::posting::Cause;
use domain::production::{Completion, Consumption, Reported};
use domain::quantity::Unit;
use domain::receipt::ReceiptChannel;
use domain::work_order::WorkOrderStatus;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use store::holds::Placing;
use store::perform::perform;
use store::postings::{self, Correction};
use store::work_orders::{self, Mirrored};
use store::{CommandError, Who, holds, production};
use uuid::Uuid;

use crate::scene::{Scene, plant_snapshot, time, who};

/// The house with a work order over 40 pumps out of 40 housings, in lots, and grease by the kilogram.
struct Floor {
    scene: Scene,
}

fn item(number: &str) -> ItemSnapshot {
    let rules = match number {
        "HOUSING" | "PUMP" => ItemRules { lots: true, ..ItemRules::default() },
        _ => ItemRules {
            units: vec![ItemUnit { unit: Unit::new("TIN"), times: Decimal::new(25, 1), over: Decimal::ONE }],
            ..ItemRules::default()
        },
    };
    let unit = Unit::new(if number == "GREASE" { "KG" } else { "PCE" });
    ItemSnapshot {
        number: number.to_owned(),
        description: number.to_lowercase(),
        unit,
        revision: None,
        rules: Some(rules),
    }
}

fn order(version: i64) -> WorkOrderSnapshot {
    let component = |number: &str, of: &str, unit: &str, quantity: i64| ComponentSnapshot {
        number: number.to_owned(),
        their_ref: format!("W-1/{number}"),
        item: item(of),
        unit: Unit::new(unit),
        quantity: quantity.into(),
        backflush: false,
        operation: None,
    };
    WorkOrderSnapshot {
        number: "W-1".to_owned(),
        their_version: version,
        their_ref: "w1".to_owned(),
        plant: plant_snapshot(),
        item: item("PUMP"),
        unit: Unit::new("PCE"),
        quantity: 40.into(),
        status: WorkOrderStatus::Released,
        starts_at: time("2026-12-02T06:00:00Z"),
        due_at: time("2026-12-03T14:00:00Z"),
        components: vec![component("0010", "HOUSING", "PCE", 40), component("0020", "GREASE", "KG", 4)],
        operations: Vec::new(),
    }
}

fn report(key: &str, what: Reported) -> ReportSnapshot {
    ReportSnapshot {
        their_ref: key.to_owned(),
        plant: "DE10".to_owned(),
        work_order: "W-1".to_owned(),
        at: time("2026-12-01T07:55:00Z"),
        station: None,
        operator: None,
        corrects: None,
        what,
    }
}

fn consumed(key: &str, lot: &str, quantity: i64) -> ReportSnapshot {
    let what = Consumption {
        item: "HOUSING".to_owned(),
        component: None,
        lot: Some(lot.to_owned()),
        serials: Vec::new(),
        backflush: false,
        quantity: quantity.into(),
        unit: Unit::new("PCE"),
    };
    report(key, Reported::Consumed(what))
}

fn completed(key: &str, lot: &str, quantity: i64) -> ReportSnapshot {
    let what = Completion {
        quantity: quantity.into(),
        unit: Unit::new("PCE"),
        scrap: Decimal::ZERO,
        scrap_reason: None,
        lot: Some(lot.to_owned()),
        serials: Vec::new(),
        last: false,
    };
    report(key, Reported::Completed(what))
}

fn reversal(key: &str, of: &str) -> ReversalSnapshot {
    ReversalSnapshot {
        their_ref: key.to_owned(),
        plant: "DE10".to_owned(),
        work_order: "W-1".to_owned(),
        of: of.to_owned(),
        at: time("2026-12-01T07:58:00Z"),
        reason: "scanned twice".to_owned(),
    }
}

fn receipt(key: &str, lot: &str, quantity: i64) -> ReceiptSnapshot {
    ReceiptSnapshot {
        their_ref: key.to_owned(),
        channel: ReceiptChannel::Erp,
        plant: "DE10".to_owned(),
        supplier: "A".to_owned(),
        notice: None,
        delivery_note: Some(format!("DN-{key}")),
        received_at: time("2026-12-01T07:00:00Z"),
        complete: true,
        reverses: None,
        lines: vec![ReceivedSnapshot {
            order: None,
            line: None,
            item: "HOUSING".to_owned(),
            unit: Unit::new("PCE"),
            lot: Some(lot.to_owned()),
            supplier_lot: Some(lot.to_owned()),
            expires_on: None,
            accepted: quantity.into(),
            damaged: Decimal::ZERO,
            note: None,
        }],
    }
}

impl Floor {
    async fn new(pool: PgPoolOptions, options: PgConnectOptions) -> Self {
        let floor = Self { scene: Scene::new(pool, options).await };
        floor.does(Command::MirrorWorkOrder(order(1))).await;
        floor
    }

    async fn tries(&self, command: &Command) -> Result<String, CommandError> {
        let mut tx = self.scene.program().await;
        let outcome = perform(&mut tx, self.scene.erp, command).await?;
        tx.commit().await.expect("a commit");
        Ok(outcome)
    }

    async fn does(&self, command: Command) -> String {
        self.tries(&command).await.expect("carried out")
    }

    async fn takes(&self, report: &ReportSnapshot) -> production::Taken {
        let mut tx = self.scene.program().await;
        let taken = production::report(&mut tx, self.scene.erp, report).await.expect("recorded");
        tx.commit().await.expect("a commit");
        taken
    }

    /// As the loop does: until nothing more goes.
    async fn looks_again(&self) -> usize {
        let mut tx = self.scene.program().await;
        while postings::cover(&mut tx).await.expect("covered") > 0 {}
        let (freed, next) = postings::look_again(&mut tx, None).await.expect("looked at");
        assert_eq!(next, None, "little waits");
        tx.commit().await.expect("a commit");
        freed
    }

    async fn stop(&self, report_id: Option<ReportId>) -> Option<String> {
        sqlx::query_scalar("select stop from production_report where report_id = $1")
            .bind(report_id.expect("a report").0)
            .fetch_one(&self.scene.owner)
            .await
            .expect("the report")
    }

    async fn kinds(&self) -> Vec<String> {
        sqlx::query_scalar("select kind from event where subject_kind = 'work_order' order by position")
            .fetch_all(&self.scene.owner)
            .await
            .expect("the log")
    }

    async fn lot(&self, number: &str) -> LotId {
        let id: Uuid = sqlx::query_scalar("select lot_id from lot where number = $1")
            .bind(number)
            .fetch_one(&self.scene.owner)
            .await
            .expect("the lot");
        LotId(id)
    }

    /// What lies of each lot, what of each was taken and had not come, and what the work order says.
    async fn books(&self) -> (BTreeMap<String, Decimal>, BTreeMap<String, Decimal>, Decimal, Decimal) {
        let map = |sql: &'static str| {
            let owner = self.scene.owner.clone();
            async move {
                let rows: Vec<(String, Decimal)> = sqlx::query_as(sql).fetch_all(&owner).await.expect("figures");
                rows.into_iter().collect()
            }
        };
        let stock = map(
            "select l.number, sum(s.quantity) from lot l join lot_stock s using (lot_id) group by 1 having sum(s.quantity) > 0",
        );
        let owed = map("select lot, sum(uncovered) from production_report where uncovered > 0 group by 1");
        let done: (Decimal, Decimal) = sqlx::query_as(
            "select w.completed, c.consumed from work_order w join work_order_component c using (work_order_id) where c.number = '0010'",
        )
        .fetch_one(&self.scene.owner)
        .await
        .expect("the work order");
        (stock.await, owed.await, done.0, done.1)
    }

    async fn adds_up(&self) {
        let wrong = self
            .scene
            .count(
                "select count(*) from lot l where (select coalesce(sum(quantity), 0) from lot_stock s where s.lot_id = l.lot_id)
                 <> (select coalesce(sum(case when to_status is null then -quantity when from_status is null then quantity else 0 end), 0)
                     from lot_movement m where m.lot_id = l.lot_id)",
            )
            .await;
        assert_eq!(wrong, 0, "stock is the sum of its movements");
    }

    fn quality(&self, name: &str) -> Who {
        who(&self.scene.store, name, &[Role::QualityEngineer], Scope::Plants(vec![self.scene.plant]))
    }

    fn manager(&self) -> Who {
        who(&self.scene.store, "Priya", &[Role::PlantManager], Scope::Plants(vec![self.scene.plant]))
    }
}

#[sqlx::test(migrations = "../../migrations")]
async fn the_floor_is_told_what_it_may_begin_what_changed_and_nothing_twice(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let floor = Floor::new(pool, options).await;
    let mirror = async |snapshot: WorkOrderSnapshot| {
        let mut tx = floor.scene.program().await;
        let mirrored = work_orders::mirror(&mut tx, floor.scene.erp, &snapshot).await.expect("understood");
        tx.commit().await.expect("a commit");
        mirrored
    };
    assert_eq!(mirror(order(1)).await, Mirrored::Unchanged);
    let mut more = order(3);
    more.quantity = 60.into();
    more.components[0].quantity = 60.into();
    assert_eq!(mirror(more.clone()).await, Mirrored::Changed);
    assert_eq!(mirror(order(2)).await, Mirrored::Stale, "late news");
    let planned = WorkOrderSnapshot { number: "W-2".to_owned(), status: WorkOrderStatus::Planned, ..order(1) };
    assert_eq!(mirror(planned.clone()).await, Mirrored::Added);
    let moved = WorkOrderSnapshot { their_version: 2, due_at: time("2026-12-09T14:00:00Z"), ..planned };
    assert_eq!(mirror(moved).await, Mirrored::Changed, "but the floor does not know of it yet");
    let cancelled = WorkOrderSnapshot { their_version: 4, status: WorkOrderStatus::Cancelled, ..more };
    assert_eq!(mirror(cancelled).await, Mirrored::Changed);
    assert_eq!(floor.kinds().await, ["work_order.released", "work_order.changed", "work_order.cancelled"]);
    let revision = floor.scene.count("select revision::bigint from work_order where number = 'W-1'").await;
    assert_eq!(revision, 3, "one for each thing that it was told");
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_consumption_of_a_held_lot_is_recorded_waits_and_goes_when_the_hold_ends(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let floor = Floor::new(pool, options).await;
    floor.does(Command::PostReceipt(receipt("R-1", "H-1", 50))).await;
    let free = floor.takes(&consumed("m-1", "H-1", 10)).await;
    assert_eq!(free.stop, None);
    let mut tx = floor.scene.begin(floor.quality("Quinn")).await;
    let placing = Placing {
        scope: HoldScope::Lot { lot_id: floor.lot("H-1").await },
        reason: Some(HoldReason::ProductionFinding),
        note: "Cracks".to_owned(),
        owner: None,
        connection_id: None,
        submission: Uuid::now_v7(),
    };
    let hold = holds::place(&mut tx, &placing).await.expect("placed").number;
    tx.commit().await.expect("a commit");
    let held = floor.takes(&consumed("m-2", "H-1", 10)).await;
    let (cause, words) = held.stop.clone().expect("it waits");
    assert_eq!(cause, Cause::LotBlocked);
    assert!(words.contains(&hold), "{words}");
    assert_eq!(floor.books().await.0["H-1"], Decimal::from(30), "it is gone all the same");
    assert_eq!(floor.looks_again().await, 0, "nothing has changed");
    for (name, release) in [("Quinn", false), ("Quentin", true)] {
        let mut tx = floor.scene.begin(floor.quality(name)).await;
        let outcome = match release {
            false => {
                holds::request_release(&mut tx, &hold, Some(Disposition::UseAsIs), "Only paint.", Uuid::now_v7()).await
            }
            true => holds::release(&mut tx, &hold, Uuid::now_v7()).await,
        };
        outcome.expect("a step towards the release");
        tx.commit().await.expect("a commit");
    }
    assert_eq!(floor.looks_again().await, 1);
    assert_eq!(floor.stop(held.report_id).await, None);
    floor.adds_up().await;
}

#[sqlx::test(migrations = "../../migrations")]
async fn what_is_taken_before_it_came_is_covered_when_it_comes(pool: PgPoolOptions, options: PgConnectOptions) {
    let floor = Floor::new(pool, options).await;
    let early = floor.takes(&consumed("m-1", "H-9", 10)).await;
    assert_eq!(early.stop.as_ref().map(|(cause, _)| *cause), Some(Cause::StockMissing));
    floor.does(Command::PostReceipt(receipt("R-1", "H-9", 6))).await;
    assert_eq!(floor.looks_again().await, 0, "4 are missing still");
    assert_eq!(floor.books().await.1["H-9"], Decimal::from(4));
    floor.does(Command::PostReceipt(receipt("R-2", "H-9", 6))).await;
    assert_eq!(floor.looks_again().await, 1);
    assert_eq!(floor.stop(early.report_id).await, None);
    let (stock, owed, ..) = floor.books().await;
    assert_eq!((stock["H-9"], owed.len()), (Decimal::from(2), 0));
    floor.adds_up().await;
}

#[sqlx::test(migrations = "../../migrations")]
async fn units_are_converted_exactly_and_what_cannot_be_waits_for_a_person(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let floor = Floor::new(pool, options).await;
    let grease = |key: &str, quantity: &str, unit: &str| {
        let what = Consumption {
            item: "GREASE".to_owned(),
            component: Some("0020".to_owned()),
            lot: None,
            serials: Vec::new(),
            backflush: false,
            quantity: quantity.parse().expect("a number"),
            unit: Unit::new(unit),
        };
        report(key, Reported::Consumed(what))
    };
    assert_eq!(floor.takes(&grease("g-1", "250", "G")).await.stop, None);
    assert_eq!(floor.takes(&grease("g-2", "0.5", "TIN")).await.stop, None);
    let odd = floor.takes(&grease("g-3", "1", "BUCKET")).await;
    assert_eq!(odd.stop.map(|(cause, _)| cause), Some(Cause::UnitUnknown));
    let consumed: Decimal = sqlx::query_scalar("select consumed from work_order_component where number = '0020'")
        .fetch_one(&floor.scene.owner)
        .await
        .expect("a figure");
    assert_eq!(consumed, "1.5".parse().expect("a number"), "0.25 kg and half a tin of 2.5 kg");

    let mut tx = floor.scene.begin(floor.manager()).await;
    let report_id = odd.report_id.expect("recorded");
    let nothing = postings::correct(&mut tx, report_id, Uuid::now_v7(), &Correction::default(), "why").await;
    assert!(matches!(nothing, Err(CommandError::Invalid(_))), "{nothing:?}");
    let submission = Uuid::now_v7();
    let kilograms = Correction { unit: Some(Unit::new("KG")), ..Correction::default() };
    let right =
        postings::correct(&mut tx, report_id, submission, &kilograms, "A bucket holds 1 kg.").await.expect("corrected");
    let again =
        postings::correct(&mut tx, report_id, submission, &kilograms, "A bucket holds 1 kg.").await.expect("known");
    tx.commit().await.expect("a commit");
    assert_eq!((right.stop, again.already, again.report_id), (None, true, right.report_id));
    let kept = floor
        .scene
        .count("select count(*) from production_report where reversed_at is not null and body->>'unit' = 'BUCKET'");
    assert_eq!(kept.await, 1, "the original is kept");
    let told = floor.scene.count("select count(*) from audit_entry where action = 'production_report.correct' and reason = 'A bucket holds 1 kg.'");
    assert_eq!(told.await, 1);
}

#[sqlx::test(migrations = "../../migrations")]
async fn the_same_report_counts_once_and_another_one_under_its_key_is_refused(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let floor = Floor::new(pool, options).await;
    floor.does(Command::PostReceipt(receipt("R-1", "H-1", 50))).await;
    for _ in 0..3 {
        floor.does(Command::Report(consumed("m-1", "H-1", 10))).await;
    }
    let other = floor.tries(&Command::Report(consumed("m-1", "H-1", 11))).await;
    assert!(matches!(&other, Err(CommandError::Invalid(words)) if words.contains("corrects")), "{other:?}");
    let mut correction = consumed("m-2", "H-1", 11);
    correction.corrects = Some("m-1".to_owned());
    floor.does(Command::Report(correction)).await;
    let (stock, owed, _, consumed_now) = floor.books().await;
    assert_eq!((stock["H-1"], owed.len(), consumed_now), (Decimal::from(39), 0, Decimal::from(11)));
    let unknown = ReportSnapshot { work_order: "W-9".to_owned(), ..consumed("m-3", "H-1", 1) };
    let early = floor.tries(&Command::Report(unknown)).await;
    assert!(matches!(early, Err(CommandError::NotYet { .. })), "its work order may still come: {early:?}");
    assert_eq!(
        floor.kinds().await,
        ["work_order.released", "production.consumed", "production.reversed", "production.consumed"]
    );
    floor.adds_up().await;
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_person_lets_go_or_cancels_with_a_reason_and_only_who_may(pool: PgPoolOptions, options: PgConnectOptions) {
    let floor = Floor::new(pool, options).await;
    let first = floor.takes(&consumed("m-1", "H-9", 10)).await.report_id.expect("recorded");
    let second = floor.takes(&consumed("m-2", "H-9", 5)).await.report_id.expect("recorded");
    let mut tx = floor.scene.begin(floor.quality("Quinn")).await;
    assert!(matches!(postings::let_go(&mut tx, first, "why not").await, Err(CommandError::Denied(_))));
    drop(tx);
    let mut tx = floor.scene.begin(floor.manager()).await;
    assert!(matches!(postings::let_go(&mut tx, first, "  ").await, Err(CommandError::Invalid(_))));
    postings::let_go(&mut tx, first, "Counted by hand.").await.expect("let go");
    let submission = Uuid::now_v7();
    for _ in 0..2 {
        postings::cancel(&mut tx, second, submission, "It was never taken.").await.expect("cancelled");
    }
    tx.commit().await.expect("a commit");
    assert_eq!(floor.stop(Some(first)).await, None);
    let (_, owed, _, consumed_now) = floor.books().await;
    assert_eq!((owed["H-9"], consumed_now), (Decimal::from(10), Decimal::from(10)));
    let elsewhere = who(&floor.scene.store, "Max", &[Role::PlantManager], Scope::Plants(Vec::new()));
    let mut tx = floor.scene.begin(elsewhere).await;
    let hidden = postings::let_go(&mut tx, first, "not mine").await;
    assert!(matches!(hidden, Err(CommandError::NotFound { .. })), "{hidden:?}");
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_supplier_sees_nothing_of_what_is_made(pool: PgPoolOptions, options: PgConnectOptions) {
    let floor = Floor::new(pool, options).await;
    floor.does(Command::PostReceipt(receipt("R-1", "H-1", 50))).await;
    floor.does(Command::Report(consumed("m-1", "H-1", 10))).await;
    floor.does(Command::ReverseReport(reversal("x-1", "m-1"))).await;
    for table in ["work_order", "work_order_component", "production_report", "production_reversal"] {
        let mut tx = floor.scene.owner.begin().await.expect("a transaction");
        let sql = format!(
            "set local role interlock_app; set local interlock.scope = 'suppliers'; set local interlock.suppliers = '{}'",
            floor.scene.a
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut *tx).await.expect("a supplier's scope");
        let seen: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("select count(*) from {table}")))
            .fetch_one(&mut *tx)
            .await
            .expect("a count");
        assert_eq!(seen, 0, "{table}");
        drop(tx);
        let sql = sqlx::AssertSqlSafe(format!("select count(*) from {table}"));
        let there: i64 = sqlx::query_scalar(sql).fetch_one(&floor.scene.owner).await.expect("a count");
        assert!(there > 0, "{table} has something to hide");
    }
}

/// Seeded shuffles: the same messages in any order, with doubles, and looked at again at any moment, leave the same books.
#[sqlx::test(migrations = "../../migrations")]
async fn any_order_of_messages_leaves_the_same_stock_and_the_same_progress(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let floor = Floor::new(pool, options).await;
    let mut seed = 0x0dd_ba11_u64;
    let mut roll = move |sides: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).expect("fits") % sides
    };
    let (mut lots, mut consumed_before, mut made_before) = (BTreeMap::new(), Decimal::ZERO, Decimal::ZERO);
    let mut owed_before: BTreeMap<String, Decimal> = BTreeMap::new();
    for round in 0..12 {
        let (lot, made) = (format!("H-{round}"), format!("P-{round}"));
        let key = |name: &str| format!("{round}-{name}");
        let mut corrected = consumed(&key("c"), &lot, 7);
        corrected.corrects = Some(key("b"));
        let mut messages = vec![
            Command::PostReceipt(receipt(&key("r1"), &lot, 20)),
            Command::PostReceipt(receipt(&key("r2"), &lot, 10)),
            Command::Report(consumed(&key("a"), &lot, 12)),
            Command::Report(consumed(&key("b"), &lot, 9)), // stands corrected by c: 7
            Command::Report(corrected),
            Command::Report(consumed(&key("d"), &lot, 8)), // taken back
            Command::ReverseReport(reversal(&key("x"), &key("d"))),
            Command::Report(completed(&key("e"), &made, 10)),
            Command::Report(completed(&key("f"), &made, 4)), // taken back
            Command::ReverseReport(reversal(&key("y"), &key("f"))),
        ];
        let doubles: Vec<Command> = (0..4).map(|_| messages[roll(messages.len())].clone()).collect();
        messages.extend(doubles);
        for place in (1..messages.len()).rev() {
            messages.swap(place, roll(place + 1));
        }
        for message in &messages {
            floor.tries(message).await.unwrap_or_else(|problem| panic!("round {round}: {message:?}: {problem}"));
            if roll(3) == 0 {
                floor.looks_again().await;
            }
            floor.adds_up().await;
        }
        floor.looks_again().await;
        lots.insert(lot, Decimal::from(30 - 12 - 7));
        lots.insert(made, Decimal::from(10));
        owed_before.clear();
        (made_before, consumed_before) = (made_before + Decimal::from(10), consumed_before + Decimal::from(19));
        let (stock, owed, made_now, consumed_now) = floor.books().await;
        assert_eq!((stock, owed), (lots.clone(), owed_before.clone()), "round {round}: {messages:?}");
        assert_eq!((made_now, consumed_now), (made_before, consumed_before), "round {round}");
    }
    let waiting =
        floor.scene.count("select count(*) from production_report where stop is not null and reversed_at is null");
    assert_eq!(waiting.await, 0, "everything could be posted in the end");
}
