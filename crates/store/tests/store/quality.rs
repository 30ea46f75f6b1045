//! Lots from receipts, usage decisions, holds and the release check against a real database: what must add up, who must be
//! two, who must be told, and who must see nothing.

use domain::Decimal;
use domain::access::{Role, Scope};
use domain::certificate::Measured;
use domain::command::{StockOfLot, StockSnapshot};
use domain::event::EventKind;
use domain::hold::{Disposition, HoldReason, HoldScope, HoldState};
use domain::id::{HoldId, ItemId, LotId, ReceiptLineId, SupplierId};
use domain::inspection::{InspectionState, Part};
use domain::lot::StockStatus;
use domain::lot::usability::Reason;
use domain::quantity::Unit;
use sqlx::AssertSqlSafe;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use store::connections::Takes;
use store::holds::{Hearing, Placing};
use store::inspections::{Deciding, InspectionFilter};
use store::lots::{self, Received};
use store::release_check::{self, Asked};
use store::{CommandError, Tx, Who, availability, connections, holds, inspections, lot_list, search, trace};
use uuid::Uuid;

use crate::scene::{Scene, configured, snapshot, who};

/// The house with one order for each supplier; item 4711 is inspected, 4712 is not.
struct Dock {
    scene: Scene,
    item: ItemId,
    other: ItemId,
}

impl Dock {
    async fn new(pool: PgPoolOptions, options: PgConnectOptions) -> Self {
        let scene = Scene::new(pool, options).await;
        scene.mirror(&snapshot("PO-A", "A")).await;
        scene.mirror(&snapshot("PO-B", "B")).await;
        let item = |number: &'static str| {
            let owner = scene.owner.clone();
            async move {
                let id: Uuid = sqlx::query_scalar(
                    "update item set lots = true, inspection = ($1 = '4711') where number = $1 returning item_id",
                )
                .bind(number)
                .fetch_one(&owner)
                .await
                .expect("the item is there");
                ItemId(id)
            }
        };
        let (first, second) = (item("4711").await, item("4712").await);
        Self { item: first, other: second, scene }
    }

    fn quality(&self, name: &str) -> Who {
        who(&self.scene.store, name, &[Role::QualityEngineer], Scope::Plants(vec![self.scene.plant]))
    }

    /// A line of a receipt, as the dock writes it before the stock is touched.
    async fn receipt_line(&self, supplier: SupplierId, item: ItemId, quantity: i64) -> ReceiptLineId {
        let (receipt, line) = (Uuid::now_v7(), Uuid::now_v7());
        sqlx::query(
            "insert into receipt (receipt_id, number, channel, delivery_note, supplier_id, plant_id, received_at, recorded_at, complete, actor)
             values ($1, $1::text, 'dock', 'DN-1', $2, $3, now(), now(), true, '{}')",
        )
        .bind(receipt)
        .bind(supplier.0)
        .bind(self.scene.plant.0)
        .execute(&self.scene.owner)
        .await
        .expect("a receipt");
        sqlx::query(
            "insert into receipt_line (receipt_line_id, receipt_id, number, item_id, item_number, unit, accepted, supplier_id, plant_id)
             values ($1, $2, 1, $3, (select number from item where item_id = $3), 'PCE', $4, $5, $6)",
        )
        .bind(line)
        .bind(receipt)
        .bind(item.0)
        .bind(Decimal::from(quantity))
        .bind(supplier.0)
        .bind(self.scene.plant.0)
        .execute(&self.scene.owner)
        .await
        .expect("its line");
        ReceiptLineId(line)
    }

    async fn try_receive(
        &self,
        supplier: SupplierId,
        item: ItemId,
        lot: &str,
        accepted: i64,
        damaged: i64,
    ) -> Result<(LotId, ReceiptLineId), CommandError> {
        let receipt_line_id = self.receipt_line(supplier, item, accepted.max(1)).await;
        let mut tx = self.scene.program().await;
        let received = Received {
            receipt_line_id,
            plant_id: self.scene.plant,
            item_id: item,
            supplier_id: Some(supplier),
            connection_id: Some(self.scene.erp),
            number: None,
            supplier_lot: Some(lot.to_owned()),
            unit: Unit::new("PCE"),
            expires_on: None,
            produced_on: None,
            origin: None,
            location: Some("R-01".to_owned()),
            accepted: accepted.into(),
            damaged: damaged.into(),
            serials: vec![format!("{lot}-S1")],
            received_at: tx.now(),
        };
        let lot_id = lots::receive(&mut tx, &received).await?;
        tx.commit().await.expect("a commit");
        Ok((lot_id, receipt_line_id))
    }

    async fn receive(&self, supplier: SupplierId, item: ItemId, lot: &str, accepted: i64, damaged: i64) -> LotId {
        self.try_receive(supplier, item, lot, accepted, damaged).await.expect("it is received").0
    }

    async fn stock(&self, lot: LotId) -> Vec<(StockStatus, Decimal)> {
        let mut tx = self.scene.program().await;
        lot_list::get(&mut tx, lot).await.expect("the lot is there").stock
    }

    /// What lies there is the sum of what moved, and nothing is below zero.
    async fn adds_up(&self) {
        let wrong = self
            .scene
            .count(
                "select count(*) from (
                   select lot_id, status, sum(quantity) as moved from (
                     select lot_id, to_status as status, quantity from lot_movement where to_status is not null
                     union all
                     select lot_id, from_status, -quantity from lot_movement where from_status is not null) m
                   group by lot_id, status) m
                 full join lot_stock s using (lot_id, status)
                 where coalesce(m.moved, 0) <> coalesce(s.quantity, 0) or s.quantity < 0",
            )
            .await;
        assert_eq!(wrong, 0, "stock is the sum of its movements");
    }

    async fn due(&self) -> Vec<inspections::InspectionRecord> {
        let mut tx = self.scene.begin(self.quality("Quinn")).await;
        let filter = InspectionFilter { state: InspectionState::Due, text: None };
        inspections::list(&mut tx, &filter, 100).await.expect("a list")
    }

    async fn place(&self, name: &str, scope: HoldScope) -> String {
        let mut tx = self.scene.begin(self.quality(name)).await;
        let placed = holds::place(&mut tx, &placing(scope)).await.expect("a hold");
        tx.commit().await.expect("a commit");
        placed.number
    }

    async fn reasons(&self, lot: LotId, quantity: i64) -> Vec<Reason> {
        let mut tx = self.scene.program().await;
        lot_list::usability(&mut tx, lot, quantity.into()).await.expect("an answer").reasons
    }

    async fn kinds(&self, subject: Uuid) -> Vec<String> {
        sqlx::query_scalar("select kind from event where subject_id = $1 order by position")
            .bind(subject)
            .fetch_all(&self.scene.owner)
            .await
            .expect("the log")
    }

    async fn hold_id(&self, number: &str) -> HoldId {
        let mut tx = self.scene.program().await;
        holds::get(&mut tx, number).await.expect("the hold").hold_id
    }
}

fn placing(scope: HoldScope) -> Placing {
    Placing {
        scope,
        reason: Some(HoldReason::OutOfLimits),
        note: "Rm too low".to_owned(),
        owner: None,
        connection_id: None,
        submission: Uuid::now_v7(),
    }
}

fn part(to: StockStatus, quantity: i64) -> Part {
    Part { to, quantity: quantity.into() }
}

fn deciding(parts: Vec<Part>, reason: &str) -> Deciding {
    Deciding { measured: Vec::new(), parts, reason: reason.to_owned(), submission: Uuid::now_v7() }
}

/// The rule words of an error that is findings.
fn rules(error: CommandError) -> Vec<String> {
    match error {
        CommandError::Stopped { findings } => findings.into_iter().map(|finding| finding.rule).collect(),
        other => panic!("not findings: {other:?}"),
    }
}

#[sqlx::test(migrations = "../../migrations")]
async fn what_came_lies_in_inspection_what_is_damaged_lies_blocked(pool: PgPoolOptions, options: PgConnectOptions) {
    let dock = Dock::new(pool, options).await;
    let lot = dock.receive(dock.scene.a, dock.item, "H-1", 90, 10).await;
    assert_eq!(dock.stock(lot).await, [(StockStatus::Blocked, 10.into()), (StockStatus::Inspection, 90.into())]);
    let again = dock.receive(dock.scene.a, dock.item, "H-1", 5, 0).await;
    assert_eq!(again, lot, "the same lot of the same supplier is added to");
    assert_eq!(dock.due().await.len(), 1, "one inspection takes both");
    assert_eq!(dock.due().await[0].quantity, 95.into());
    let free = dock.receive(dock.scene.a, dock.other, "H-2", 7, 0).await;
    assert_eq!(
        dock.stock(free).await,
        [(StockStatus::Unrestricted, 7.into())],
        "an item without inspection is free at once"
    );
    dock.adds_up().await;
}

#[sqlx::test(migrations = "../../migrations")]
async fn one_number_from_two_suppliers_is_two_lots(pool: PgPoolOptions, options: PgConnectOptions) {
    let dock = Dock::new(pool, options).await;
    let of_a = dock.receive(dock.scene.a, dock.item, "H-1", 10, 0).await;
    let of_b = dock.receive(dock.scene.b, dock.item, "H-1", 20, 0).await;
    assert_ne!(of_a, of_b);
    let mut tx = dock.scene.program().await;
    let second = lot_list::get(&mut tx, of_b).await.expect("the lot");
    assert_eq!((second.number.as_str(), second.supplier_lot.as_deref()), ("H-1/B", Some("H-1")));
    drop(tx);
    assert_eq!(dock.receive(dock.scene.b, dock.item, "H-1", 1, 0).await, of_b, "and stays the second one's");
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_receipt_taken_back_takes_what_is_there_and_never_more(pool: PgPoolOptions, options: PgConnectOptions) {
    let dock = Dock::new(pool, options).await;
    let (lot, first) = dock.try_receive(dock.scene.a, dock.item, "H-1", 60, 5).await.expect("received");
    let (_, second) = dock.try_receive(dock.scene.a, dock.item, "H-1", 40, 0).await.expect("received");
    let inspection = dock.due().await[0].inspection_id;
    let mut tx = dock.scene.begin(dock.quality("Quinn")).await;
    let parts = vec![part(StockStatus::Unrestricted, 70), part(StockStatus::Blocked, 30)];
    inspections::decide(&mut tx, inspection, &deciding(parts, "scratches")).await.expect("decided");
    tx.commit().await.expect("a commit");

    for _twice in 0..2 {
        let mut tx = dock.scene.program().await;
        let now = tx.now();
        lots::take_back(&mut tx, first, now, "counted wrong").await.expect("taken back, once");
        tx.commit().await.expect("a commit");
    }
    let left: Decimal = dock.stock(lot).await.iter().map(|(_, quantity)| *quantity).sum();
    assert_eq!(left, 40.into());
    dock.adds_up().await;

    // Somebody used 30 of them elsewhere: the rest cannot be taken back whole.
    let used = "with s as (update lot_stock set quantity = quantity - 10 where status = 'unrestricted' and quantity >= 10 returning lot_id)
                select count(*) from s";
    assert_eq!(dock.scene.count(used).await, 1);
    let mut tx = dock.scene.program().await;
    let now = tx.now();
    let error = lots::take_back(&mut tx, second, now, "counted wrong").await.expect_err("not so much is there");
    assert_eq!(rules(error), ["not_in_stock_any_more"]);
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_partial_decision_splits_the_lot_and_everybody_is_told(pool: PgPoolOptions, options: PgConnectOptions) {
    let dock = Dock::new(pool, options).await;
    let lot = dock.receive(dock.scene.a, dock.item, "H-1", 100, 0).await;
    let inspection = dock.due().await[0].inspection_id;
    let quality = dock.quality("Quinn");

    let mut tx = dock.scene.begin(quality.clone()).await;
    let short = deciding(vec![part(StockStatus::Unrestricted, 60)], "");
    let error = inspections::decide(&mut tx, inspection, &short).await.expect_err("40 are missing");
    assert_eq!(rules(error), ["parts_do_not_add_up"]);
    drop(tx);

    let parts =
        vec![part(StockStatus::Unrestricted, 60), part(StockStatus::Restricted, 30), part(StockStatus::Blocked, 10)];
    let decision = deciding(parts, "burrs on 40");
    for already in [false, true] {
        let mut tx = dock.scene.begin(quality.clone()).await;
        let outcome = inspections::decide(&mut tx, inspection, &decision).await.expect("decided");
        assert_eq!(outcome.already, already, "a form sent twice decides once");
        tx.commit().await.expect("a commit");
    }
    assert_eq!(
        dock.stock(lot).await,
        [
            (StockStatus::Blocked, 10.into()),
            (StockStatus::Restricted, 30.into()),
            (StockStatus::Unrestricted, 60.into())
        ]
    );
    assert_eq!(dock.kinds(lot.0).await, ["lot.decided"]);
    assert!(dock.due().await.is_empty());
    let mut tx = dock.scene.begin(quality.clone()).await;
    let late = deciding(vec![part(StockStatus::Unrestricted, 100)], "");
    let error = inspections::decide(&mut tx, inspection, &late).await.expect_err("decided already");
    assert_eq!(rules(error), ["decided_already"]);
    drop(tx);

    // Reworked: ten blocked pieces come back, and not one more.
    for (quantity, works) in [(11, false), (10, true)] {
        let mut tx = dock.scene.begin(quality.clone()).await;
        let back = part(StockStatus::Unrestricted, quantity);
        let moved =
            inspections::move_status(&mut tx, lot, StockStatus::Blocked, &back, "deburred", Uuid::now_v7()).await;
        assert_eq!(moved.is_ok(), works, "{quantity}");
        if works {
            tx.commit().await.expect("a commit");
        }
    }
    assert!(dock.reasons(lot, 70).await.is_empty());
    dock.adds_up().await;
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_value_out_of_limits_is_released_only_with_a_reason_and_fails_the_inspection(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let dock = Dock::new(pool, options).await;
    sqlx::query(
        r#"insert into specification (specification_id, item_id, version, valid_from, characteristics, created_by, created_at)
           values (gen_random_uuid(), $1, 1, '2026-01-01', '[{"name": "Rm", "unit": "MPa", "lower": "500", "upper": "650", "required": true}]',
                   '{"is": "loop", "name": "test"}', now())"#,
    )
    .bind(dock.item.0)
    .execute(&dock.scene.owner)
    .await
    .expect("a specification");
    dock.receive(dock.scene.a, dock.item, "H-1", 100, 0).await;
    let inspection = dock.due().await[0].inspection_id;
    let rm = |value: i64| {
        let unit = Some("MPa".to_owned());
        vec![Measured { characteristic: "Rm".to_owned(), lot: None, method: None, unit, value: value.into() }]
    };
    let mut tx = dock.scene.begin(dock.quality("Quinn")).await;
    inspections::record(&mut tx, inspection, &rm(499)).await.expect("kept");
    let record = inspections::get(&mut tx, inspection).await.expect("the inspection");
    assert_eq!(record.findings[0].rule, "below_limit");
    let all = vec![part(StockStatus::Unrestricted, 100)];
    let silent = Deciding { measured: rm(499), ..deciding(all.clone(), "") };
    let error = inspections::decide(&mut tx, inspection, &silent).await.expect_err("no reason");
    assert_eq!(rules(error), ["reason_missing"]);
    let explained = Deciding { measured: rm(499), ..deciding(all, "one MPa is within the uncertainty of the machine") };
    inspections::decide(&mut tx, inspection, &explained).await.expect("decided");
    let record = inspections::get(&mut tx, inspection).await.expect("the inspection");
    assert_eq!(record.result, Some(domain::inspection::InspectionResult::Failed), "whatever became of the quantity");
}

#[sqlx::test(migrations = "../../migrations")]
async fn the_plan_lets_lots_go_after_enough_good_ones(pool: PgPoolOptions, options: PgConnectOptions) {
    let dock = Dock::new(pool, options).await;
    sqlx::query("insert into inspection_plan (item_id, plan, good_before_skip, skip, created_by, created_at) values ($1, 'skip_lot', 2, 1, '{}', now())")
        .bind(dock.item.0)
        .execute(&dock.scene.owner)
        .await
        .expect("a plan");
    let mut looked_at = Vec::new();
    for number in 1..=6 {
        dock.scene.store.clock().advance(chrono::TimeDelta::minutes(1));
        dock.receive(dock.scene.a, dock.item, &format!("H-{number}"), 10, 0).await;
        let due = dock.due().await;
        looked_at.push(!due.is_empty());
        if let Some(record) = due.first() {
            let mut tx = dock.scene.begin(dock.quality("Quinn")).await;
            let all = deciding(vec![part(StockStatus::Unrestricted, 10)], "");
            inspections::decide(&mut tx, record.inspection_id, &all).await.expect("decided");
            tx.commit().await.expect("a commit");
        }
    }
    assert_eq!(looked_at, [true, true, false, true, false, true]);
    dock.adds_up().await;
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_held_lot_may_not_be_used_until_two_people_say_so(pool: PgPoolOptions, options: PgConnectOptions) {
    let dock = Dock::new(pool, options).await;
    let lot = dock.receive(dock.scene.a, dock.other, "H-1", 50, 0).await;
    assert!(dock.reasons(lot, 50).await.is_empty());
    let number = dock.place("Quinn", HoldScope::Lot { lot_id: lot }).await;
    assert_eq!(dock.reasons(lot, 1).await, [Reason::Held { hold: number.clone(), because: HoldReason::OutOfLimits }]);

    let quinn = dock.quality("Quinn");
    let mut tx = dock.scene.begin(quinn.clone()).await;
    let error = holds::place(&mut tx, &placing(HoldScope::Lot { lot_id: lot })).await.expect_err("held already");
    assert_eq!(rules(error), ["held_already"]);
    drop(tx);
    let mut tx = dock.scene.begin(quinn.clone()).await;
    let error = holds::release(&mut tx, &number, Uuid::now_v7()).await.expect_err("nobody asked");
    assert_eq!(rules(error), ["not_requested"]);
    let asked = holds::request_release(&mut tx, &number, Some(Disposition::UseAsIs), "measured again", Uuid::now_v7());
    assert_eq!(asked.await.expect("asked").state, HoldState::ReleaseRequested);
    tx.commit().await.expect("a commit");

    let mut tx = dock.scene.begin(quinn).await;
    let error = holds::release(&mut tx, &number, Uuid::now_v7()).await.expect_err("one person twice");
    assert_eq!(rules(error), ["second_person_needed"]);
    drop(tx);
    assert_eq!(dock.reasons(lot, 1).await.len(), 1, "still held");

    let key = Uuid::now_v7();
    let rosa = dock.quality("Rosa");
    for already in [false, true] {
        let mut tx = dock.scene.begin(rosa.clone()).await;
        let released = holds::release(&mut tx, &number, key).await.expect("the second person");
        assert_eq!((released.state, released.already), (HoldState::Released, already));
        tx.commit().await.expect("a commit");
    }
    assert!(dock.reasons(lot, 50).await.is_empty(), "use as it is");
    let id = dock.hold_id(&number).await;
    assert_eq!(dock.kinds(id.0).await, ["hold.placed", "hold.release_requested", "hold.released"]);
}

#[sqlx::test(migrations = "../../migrations")]
async fn scrapped_material_does_not_become_usable_when_its_hold_ends(pool: PgPoolOptions, options: PgConnectOptions) {
    let dock = Dock::new(pool, options).await;
    sqlx::query("update plant set two_person_release = false").execute(&dock.scene.owner).await.expect("the policy");
    let lot = dock.receive(dock.scene.a, dock.other, "H-1", 50, 3).await;
    let number = dock.place("Quinn", HoldScope::Lot { lot_id: lot }).await;
    let mut tx = dock.scene.begin(dock.quality("Quinn")).await;
    let ended = holds::request_release(&mut tx, &number, Some(Disposition::Scrap), "cracked", Uuid::now_v7()).await;
    assert_eq!(ended.expect("one person is enough here").state, HoldState::Released);
    tx.commit().await.expect("a commit");
    assert_eq!(dock.stock(lot).await, [(StockStatus::Blocked, 53.into())]);
    dock.adds_up().await;
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_held_serial_holds_one_piece(pool: PgPoolOptions, options: PgConnectOptions) {
    let dock = Dock::new(pool, options).await;
    let lot = dock.receive(dock.scene.a, dock.other, "H-1", 50, 0).await;
    let serial = |serial: &str| HoldScope::Serial { lot_id: lot, serial: serial.to_owned() };
    let mut tx = dock.scene.begin(dock.quality("Quinn")).await;
    let error = holds::place(&mut tx, &placing(serial("nope"))).await.expect_err("no such serial");
    assert_eq!(rules(error), ["unknown_serial"]);
    drop(tx);
    dock.place("Quinn", serial("H-1-S1")).await;
    assert!(dock.reasons(lot, 49).await.is_empty());
    assert_eq!(dock.reasons(lot, 50).await.len(), 2, "not enough, and why");
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_lot_that_arrives_under_a_hold_on_its_item_is_held_from_arrival(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let dock = Dock::new(pool, options).await;
    let scope = HoldScope::SupplierItem { supplier_id: dock.scene.a, item_id: dock.other };
    let number = dock.place("Quinn", scope).await;
    let held = dock.receive(dock.scene.a, dock.other, "H-1", 50, 0).await;
    let free = dock.receive(dock.scene.b, dock.other, "H-2", 50, 0).await;
    assert_eq!(dock.reasons(held, 1).await.len(), 1);
    assert!(dock.reasons(free, 1).await.is_empty(), "the other supplier's is not meant");
    let id = dock.hold_id(&number).await;
    assert_eq!(dock.kinds(id.0).await, ["hold.placed", "hold.placed"], "told again, with the lot that came");
    let lots: i64 = sqlx::query_scalar("select jsonb_array_length(data -> 'hold' -> 'lots')::bigint from event where subject_id = $1 order by position desc limit 1")
        .bind(id.0)
        .fetch_one(&dock.scene.owner)
        .await
        .expect("the last event");
    assert_eq!(lots, 1);
    let mut tx = dock.scene.begin(dock.quality("Quinn")).await;
    let record = holds::get(&mut tx, &number).await.expect("seen in every plant");
    let reach = trace::reach(&mut tx, &record).await.expect("where it went");
    assert_eq!(reach.lots.iter().map(|lot| lot.lot_id).collect::<Vec<_>>(), [held]);
    let history = store::timeline::of_subject(&mut tx, id.0).await.expect("its history");
    assert_eq!(history.len(), 2, "a plant reads the history of a hold without a plant");
}

#[sqlx::test(migrations = "../../migrations")]
async fn the_strip_says_who_has_confirmed_a_hold_and_who_has_not(pool: PgPoolOptions, options: PgConnectOptions) {
    let dock = Dock::new(pool, options).await;
    let mut tx = dock.scene.program().await;
    let mut wms = configured("WMS");
    wms.takes = Takes::All;
    let wms = connections::add(&mut tx, "rest", &wms, &[]).await.expect("a connection");
    tx.commit().await.expect("a commit");
    let lot = dock.receive(dock.scene.a, dock.other, "H-1", 50, 0).await;
    let number = dock.place("Quinn", HoldScope::Lot { lot_id: lot }).await;
    let id = dock.hold_id(&number).await;
    sqlx::query(
        "insert into delivery (delivery_id, connection_id, event_position, event_id, subject_kind, subject_id, subject_version,
                               state, attempts, finished_at, their_ref, created_at, plant_id, supplier_id)
         select gen_random_uuid(), $1, position, event_id, 'hold', subject_id, subject_version, 'delivered', 1, at, 'H-77', at, plant_id, supplier_id
         from event where subject_id = $2",
    )
    .bind(wms.0)
    .bind(id.0)
    .execute(&dock.scene.owner)
    .await
    .expect("a delivery");
    let mut tx = dock.scene.begin(dock.quality("Quinn")).await;
    let heard = holds::confirmations(&mut tx, id, &["rest".to_owned()]).await.expect("the strip");
    let shown: Vec<(&str, EventKind, bool)> =
        heard.iter().map(|one| (one.system.as_str(), one.news, matches!(one.how, Hearing::Confirmed { .. }))).collect();
    assert_eq!(shown, [("ERP", EventKind::HoldPlaced, false), ("WMS", EventKind::HoldPlaced, true)]);
    assert!(matches!(heard[0].how, Hearing::Waiting { .. }), "{:?}", heard[0].how);
    assert!(holds::confirmations(&mut tx, id, &[]).await.expect("nobody carries holds").is_empty());
    drop(tx);
    let mut tx = dock.scene.begin(dock.scene.supplier(dock.scene.a)).await;
    assert!(holds::confirmations(&mut tx, id, &["rest".to_owned()]).await.is_err(), "not a supplier's business");
}

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

#[sqlx::test(migrations = "../../migrations")]
async fn stock_is_what_each_system_said_last_and_late_news_change_nothing(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let dock = Dock::new(pool, options).await;
    let said = |as_of: &str, on_hand: i64| StockSnapshot {
        plant: "DE10".to_owned(),
        item: "4711".to_owned(),
        unit: Unit::new("PCE"),
        as_of: crate::scene::time(as_of),
        lots: vec![
            StockOfLot {
                lot: Some("H-1".to_owned()),
                status: Some(StockStatus::Unrestricted),
                location: Some("R-01".to_owned()),
                on_hand: on_hand.into(),
                reserved: 2.into(),
            };
            2
        ],
    };
    let mut tx = dock.scene.program().await;
    let erp = dock.scene.erp;
    assert!(availability::mirror(&mut tx, erp, &said("2026-12-01T07:00:00Z", 5)).await.expect("taken"));
    assert!(!availability::mirror(&mut tx, erp, &said("2026-12-01T06:00:00Z", 9)).await.expect("left aside"));
    assert!(availability::mirror(&mut tx, erp, &said("2026-12-01T07:30:00Z", 7)).await.expect("taken"));
    tx.commit().await.expect("a commit");
    let quality = dock.quality("Quinn");
    let mut tx = dock.scene.begin(quality.clone()).await;
    let rows = availability::list(&mut tx, &availability::StockFilter::default(), 10).await.expect("a list");
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].on_hand, rows[0].reserved), (14.into(), 4.into()), "named twice means both");
    drop(tx);
    // Asking goes to the ERP alone; asking again at once asks nothing.
    let mut asked = Vec::new();
    for _twice in 0..2 {
        let mut tx = dock.scene.begin(quality.clone()).await;
        asked.push(availability::ask(&mut tx, "DE10", "4711").await.expect("asked"));
        tx.commit().await.expect("a commit");
    }
    assert_eq!(asked, [1, 0]);
    let mut tx = dock.scene.begin(quality).await;
    assert_eq!(availability::waiting(&mut tx, "4711").await.expect("the questions").len(), 1);
    let home = "select count(*) from event where kind = 'stock.requested' and home_connection_id is not null";
    assert_eq!(dock.scene.count(home).await, 1);
}

/// What one supplier reads of everything about quality.
async fn seen(tx: &mut Tx, lot: LotId, number: &str) -> [bool; 6] {
    [
        lot_list::get(tx, lot).await.is_ok(),
        holds::get(tx, number).await.is_ok(),
        !lot_list::movements(tx, lot).await.expect("a list").is_empty(),
        !lot_list::serials(tx, lot, "", 10).await.expect("a list").is_empty(),
        !trace::follow(tx, &trace::Start::SupplierLot("H-1".to_owned())).await.expect("a trace").is_empty(),
        !search::by_words(tx, "H-1").await.expect("results").material.is_empty(),
    ]
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_supplier_sees_his_lots_and_holds_and_nobody_elses(pool: PgPoolOptions, options: PgConnectOptions) {
    let dock = Dock::new(pool, options).await;
    let lot = dock.receive(dock.scene.a, dock.other, "H-1", 50, 0).await;
    let number = dock.place("Quinn", HoldScope::Lot { lot_id: lot }).await;
    let everywhere =
        dock.place("Quinn", HoldScope::SupplierItem { supplier_id: dock.scene.a, item_id: dock.item }).await;
    let mut tx = dock.scene.begin(dock.scene.supplier(dock.scene.a)).await;
    assert_eq!(seen(&mut tx, lot, &number).await, [true; 6]);
    assert!(holds::get(&mut tx, &everywhere).await.is_ok());
    assert!(matches!(
        holds::place(&mut tx, &placing(HoldScope::Lot { lot_id: lot })).await,
        Err(CommandError::Denied(_))
    ));
    assert!(availability::list(&mut tx, &availability::StockFilter::default(), 10).await.is_err(), "not his to see");
    drop(tx);
    let mut tx = dock.scene.begin(dock.scene.supplier(dock.scene.b)).await;
    assert_eq!(seen(&mut tx, lot, &number).await, [false; 6]);
    assert!(holds::get(&mut tx, &everywhere).await.is_err());
    assert!(holds::list(&mut tx, &holds::HoldFilter::default(), 10).await.expect("a list").is_empty());
    drop(tx);
    let elsewhere =
        who(&dock.scene.store, "Otto", &[Role::QualityEngineer], Scope::Plants(vec![Uuid::now_v7().into()]));
    let mut tx = dock.scene.begin(elsewhere).await;
    assert!(lot_list::get(&mut tx, lot).await.is_err(), "another plant's engineer does not see the lot");
    assert!(holds::get(&mut tx, &everywhere).await.is_ok(), "but a hold that counts in every plant");
    let record = holds::get(&mut tx, &everywhere).await.expect("seen");
    assert!(
        lot_list::under_hold(&mut tx, record.hold_id).await.expect("a list").is_empty(),
        "and none of its lots elsewhere"
    );
    let asked = Asked { plant: "DE10".to_owned(), item: "4712".to_owned(), lot: "H-1".to_owned(), quantity: 1.into() };
    let answer = release_check::check(&mut tx, vec![asked]).await.expect("an answer");
    assert_eq!(answer.checks[0].verdict.reasons, [Reason::Unknown { lot: "H-1".to_owned() }]);
    assert!(answer.sources.is_empty(), "nor the systems of a plant that is not his");
}

#[sqlx::test(migrations = "../../migrations")]
async fn whatever_comes_is_decided_and_taken_back_the_stock_adds_up(pool: PgPoolOptions, options: PgConnectOptions) {
    // A walk with a fixed seed: what matters is the invariant after every step, not the path.
    let dock = Dock::new(pool, options).await;
    let mut seed = 0x5eed_u64;
    let mut roll = move |sides: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % sides
    };
    let mut lines: Vec<ReceiptLineId> = Vec::new();
    for _step in 0..60 {
        let lot = format!("H-{}", roll(3));
        let supplier = if roll(2) == 0 { dock.scene.a } else { dock.scene.b };
        match roll(4) {
            0 | 1 => {
                let (accepted, damaged) =
                    (i64::try_from(roll(20)).expect("small"), i64::try_from(roll(5)).expect("small"));
                let item = if roll(3) == 0 { dock.other } else { dock.item };
                let (_, line) = dock.try_receive(supplier, item, &lot, accepted, damaged).await.expect("received");
                lines.push(line);
            }
            2 => {
                let due = dock.due().await;
                if let Some(record) = due.first().filter(|record| record.quantity > Decimal::ZERO) {
                    let free = (record.quantity / Decimal::TWO).floor();
                    let parts = vec![
                        Part { to: StockStatus::Unrestricted, quantity: free },
                        Part { to: StockStatus::Blocked, quantity: record.quantity - free },
                    ];
                    let mut tx = dock.scene.begin(dock.quality("Quinn")).await;
                    inspections::decide(&mut tx, record.inspection_id, &deciding(parts, "half of it"))
                        .await
                        .expect("decided");
                    tx.commit().await.expect("a commit");
                }
            }
            _ if !lines.is_empty() => {
                let place = usize::try_from(roll(lines.len() as u64)).expect("small");
                let line = lines.swap_remove(place);
                let mut tx = dock.scene.program().await;
                let now = tx.now();
                lots::take_back(&mut tx, line, now, "counted wrong").await.expect("all of it is still there");
                tx.commit().await.expect("a commit");
            }
            _ => {}
        }
        dock.adds_up().await;
    }
    assert!(dock.scene.count("select count(*) from lot_movement").await > 20, "something happened");
}

/// Something of everything about quality for a supplier that has an order: a lot with its movements and serials, an
/// inspection and its plan, a hold. For tests that look for what others can see of it.
pub async fn furnish(scene: &Scene, supplier: SupplierId) {
    let sql = format!(
        "with r as (insert into receipt (receipt_id, number, channel, delivery_note, supplier_id, plant_id, received_at, recorded_at, complete, actor)
             values (gen_random_uuid(), gen_random_uuid()::text, 'dock', 'DN-Q', '{supplier}', '{plant}', now(), now(), true, '{{}}') returning receipt_id),
         l as (insert into lot (lot_id, plant_id, item_id, item_number, number, supplier_id, supplier_lot, unit, created_at)
             select gen_random_uuid(), '{plant}', item_id, number, 'Q-' || gen_random_uuid(), '{supplier}', 'Q-1', 'PCE', now()
             from item where number = '4711' returning *),
         n as (insert into receipt_line (receipt_line_id, receipt_id, number, item_id, item_number, unit, lot_id, accepted, supplier_id, plant_id)
             select gen_random_uuid(), r.receipt_id, 1, l.item_id, l.item_number, 'PCE', l.lot_id, 5, '{supplier}', '{plant}' from r, l),
         k as (insert into lot_stock (lot_id, status, quantity, plant_id, supplier_id) select lot_id, 'inspection', 5, plant_id, supplier_id from l),
         m as (insert into lot_movement (lot_id, kind, to_status, quantity, at, recorded_at, actor, plant_id, supplier_id)
             select lot_id, 'receipt', 'inspection', 5, now(), now(), '{{}}', plant_id, supplier_id from l),
         s as (insert into lot_serial (lot_id, serial, plant_id, supplier_id) select lot_id, 'S-1', plant_id, supplier_id from l),
         i as (insert into inspection (inspection_id, lot_id, state, opened_at, plant_id, supplier_id)
             select gen_random_uuid(), lot_id, 'due', now(), plant_id, supplier_id from l),
         p as (insert into inspection_plan (item_id, supplier_id, plan, created_by, created_at) select item_id, supplier_id, 'every', '{{}}', now() from l)
         insert into hold (hold_id, number, scope, lot_id, supplier_id, plant_id, item_id, item_number, state, reason, note, owner, two_persons, placed_by, placed_at)
         select gen_random_uuid(), gen_random_uuid()::text, 'lot', lot_id, supplier_id, plant_id, item_id, item_number, 'active', 'damage', 'x', 'x', true,
                '{{\"is\": \"loop\", \"name\": \"test\"}}', now() from l",
        plant = scene.plant
    );
    sqlx::query(AssertSqlSafe(sql)).execute(&scene.owner).await.expect("something of everything");
}
