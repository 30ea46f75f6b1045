//! What the shop floor reports on its way to the ERP: in order, once, and again by itself when what stood in its way is gone.

use chrono::TimeDelta;
use domain::Decimal;
use domain::access::{Actor, Role, Scope};
use domain::command::{
    Command, ComponentSnapshot, ItemSnapshot, PlantSnapshot, ReceiptSnapshot, ReceivedSnapshot, ReportSnapshot,
    ReversalSnapshot, StockOfLot, StockSnapshot, WorkOrderSnapshot,
};
use domain::hold::{Disposition, HoldReason, HoldScope};
use domain::id::{LotId, PersonId};
use domain::item::ItemRules;
use domain::lot::StockStatus;
use domain::production::{Completion, Consumption, Reported};
use domain::quantity::Unit;
use domain::receipt::ReceiptChannel;
use domain::work_order::WorkOrderStatus;
use serde_json::json;
use simulators::rest::material::Told;
use simulators::rest::{Fault, OpeningStock, WorkOrder};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use store::holds::{self, Placing};
use store::perform::perform;
use store::postings::{self, Correction};
use store::{Store, Who};
use uuid::Uuid;

use super::house::{Scenario, time};

const PLANT: &str = "DE10";

fn item(number: &str) -> ItemSnapshot {
    let rules = ItemRules { lots: number != "BOLT", ..ItemRules::default() };
    ItemSnapshot {
        number: number.to_owned(),
        description: number.to_lowercase(),
        unit: Unit::new("PCE"),
        revision: None,
        rules: Some(rules),
    }
}

/// A plant with a work order over 40 pumps in both worlds, and a shaft's lot received.
struct Floor {
    scenario: Scenario,
}

impl Floor {
    async fn start(pool: PgPoolOptions, options: PgConnectOptions) -> Self {
        let floor = Self { scenario: Scenario::start(pool, options).await };
        let plan = json!({
            "number": "W-1", "status": "released", "plant": {"code": PLANT, "name": "Lindau"},
            "item": {"number": "PUMP", "description": "pump"}, "unit": "PCE", "quantity": "40",
            "starts_at": "2026-12-01T06:00:00Z", "due_at": "2026-12-02T14:00:00Z", "components": [],
        });
        let plan: WorkOrder = serde_json::from_value(plan).expect("a work order");
        floor.scenario.erp.plan(plan).expect("the ERP plans it");
        let component = |number: &str, of: &str| ComponentSnapshot {
            number: number.to_owned(),
            their_ref: number.to_owned(),
            item: item(of),
            unit: Unit::new("PCE"),
            quantity: 40.into(),
            backflush: false,
            operation: None,
        };
        let snapshot = WorkOrderSnapshot {
            number: "W-1".to_owned(),
            their_version: 1,
            their_ref: "w1".to_owned(),
            plant: PlantSnapshot { code: PLANT.to_owned(), name: "Lindau".to_owned() },
            item: item("PUMP"),
            unit: Unit::new("PCE"),
            quantity: 40.into(),
            status: WorkOrderStatus::Released,
            starts_at: time("2026-12-01T06:00:00Z"),
            due_at: time("2026-12-02T14:00:00Z"),
            components: vec![component("0010", "SHAFT"), component("0020", "BOLT")],
            operations: Vec::new(),
        };
        floor.hears(&Command::MirrorWorkOrder(snapshot)).await;
        floor.receives("R-1", "S-1", 50).await;
        floor
    }

    async fn hears(&self, command: &Command) {
        let mut tx = self.scenario.program().await;
        perform(&mut tx, self.scenario.connection, command).await.expect("carried out");
        tx.commit().await.expect("a commit");
    }

    /// Goods of a lot come, in the portal and in the ERP's book.
    async fn receives(&self, key: &str, lot: &str, quantity: i64) {
        self.stocks("SHAFT", Some(lot), quantity);
        let line = ReceivedSnapshot {
            order: None,
            line: None,
            item: "SHAFT".to_owned(),
            unit: Unit::new("PCE"),
            lot: Some(lot.to_owned()),
            supplier_lot: None,
            expires_on: None,
            accepted: quantity.into(),
            damaged: Decimal::ZERO,
            note: None,
        };
        let receipt = ReceiptSnapshot {
            their_ref: key.to_owned(),
            channel: ReceiptChannel::Erp,
            plant: PLANT.to_owned(),
            supplier: "100234".to_owned(),
            notice: None,
            delivery_note: Some(key.to_owned()),
            received_at: self.scenario.clock.now(),
            complete: true,
            reverses: None,
            lines: vec![line],
        };
        let supplier = domain::command::SupplierSnapshot { number: "100234".to_owned(), name: "Brennholt".to_owned() };
        self.hears(&Command::MirrorSupplier(supplier)).await;
        self.hears(&Command::PostReceipt(receipt)).await;
    }

    fn stocks(&self, item: &str, lot: Option<&str>, quantity: i64) {
        let opening = OpeningStock {
            plant: PLANT.to_owned(),
            item: item.to_owned(),
            unit: "PCE".to_owned(),
            lot: lot.map(str::to_owned),
            status: StockStatus::Unrestricted,
            location: None,
            quantity: quantity.into(),
            since: self.scenario.clock.now(),
        };
        self.scenario.erp.open_stock(opening).expect("stock");
    }

    async fn reports(&self, key: &str, what: Reported) {
        let report = ReportSnapshot {
            their_ref: key.to_owned(),
            plant: PLANT.to_owned(),
            work_order: "W-1".to_owned(),
            at: self.scenario.clock.now(),
            station: None,
            operator: None,
            corrects: None,
            what,
        };
        self.hears(&Command::Report(report)).await;
    }

    async fn consumes(&self, key: &str, item: &str, lot: Option<&str>, quantity: i64) {
        let what = Consumption {
            item: item.to_owned(),
            component: None,
            lot: lot.map(str::to_owned),
            serials: Vec::new(),
            backflush: false,
            quantity: quantity.into(),
            unit: Unit::new("PCE"),
        };
        self.reports(key, Reported::Consumed(what)).await;
    }

    async fn completes(&self, key: &str, quantity: i64) {
        let what = Completion {
            quantity: quantity.into(),
            unit: Unit::new("PCE"),
            scrap: Decimal::ZERO,
            scrap_reason: None,
            lot: Some("P-1".to_owned()),
            serials: Vec::new(),
            last: false,
        };
        self.reports(key, Reported::Completed(what)).await;
    }

    /// What the ERP has booked, in its order: what, how much, and whether it came in the order of the work order.
    fn booked(&self) -> Vec<(String, String)> {
        let taken = self.scenario.erp.taken();
        assert!(taken.iter().all(|taken| taken.in_order), "in the order of the work order: {taken:#?}");
        taken
            .iter()
            .filter_map(|taken| match &taken.told {
                Told::Posting(it) => Some((format!("{:?}", it.movement).to_lowercase(), it.quantity.to_string())),
                _ => None,
            })
            .collect()
    }

    async fn until_booked(&self, count: usize) {
        self.scenario.until(&format!("{count} postings"), || async { self.booked().len() >= count }).await;
        assert_eq!(self.booked().len(), count);
    }

    /// Cause of what waits, of one report.
    async fn until_parked(&self, key: &str, cause: &str) {
        let causes = || async {
            let causes: Vec<Option<String>> = sqlx::query_scalar(
                "select d.cause from delivery d join production_report r on r.event_id = d.event_id where r.their_ref = $1 and d.state = 'parked'",
            )
            .bind(key)
            .fetch_all(&self.scenario.owner)
            .await
            .expect("deliveries");
            causes.first().is_some_and(|found| found.as_deref() == Some(cause))
        };
        self.scenario.until(&format!("{key} waits for {cause}"), causes).await;
    }

    async fn report_id(&self, key: &str) -> domain::id::ReportId {
        let id: Uuid = sqlx::query_scalar("select report_id from production_report where their_ref = $1")
            .bind(key)
            .fetch_one(&self.scenario.owner)
            .await
            .expect("the report");
        domain::id::ReportId(id)
    }

    async fn place_hold(&self, lot: &str) -> String {
        let lot: Uuid = sqlx::query_scalar("select lot_id from lot where number = $1")
            .bind(lot)
            .fetch_one(&self.scenario.owner)
            .await
            .expect("the lot");
        let placing = Placing {
            scope: HoldScope::Lot { lot_id: LotId(lot) },
            reason: Some(HoldReason::ProductionFinding),
            note: "Cracks".to_owned(),
            owner: None,
            connection_id: None,
            submission: Uuid::now_v7(),
        };
        let mut tx = self.scenario.store.begin(quality(&self.scenario.store, "Quinn")).await.expect("a transaction");
        let hold = holds::place(&mut tx, &placing).await.expect("placed").number;
        tx.commit().await.expect("a commit");
        hold
    }

    async fn release(&self, hold: &str) {
        let mut tx = self.scenario.store.begin(quality(&self.scenario.store, "Quinn")).await.expect("a transaction");
        holds::request_release(&mut tx, hold, Some(Disposition::UseAsIs), "Only paint.", Uuid::now_v7())
            .await
            .expect("asked for");
        tx.commit().await.expect("a commit");
        let mut tx = self.scenario.store.begin(quality(&self.scenario.store, "Quentin")).await.expect("a transaction");
        holds::release(&mut tx, hold, Uuid::now_v7()).await.expect("released");
        tx.commit().await.expect("a commit");
    }
}

fn quality(store: &Store, name: &str) -> Who {
    person(store, name, Role::QualityEngineer)
}

fn person(store: &Store, name: &str, role: Role) -> Who {
    Who {
        actor: Actor::Person { person_id: PersonId(store.new_id()), name: name.to_owned(), roles: vec![role] },
        scope: Scope::All,
        correlation: store.new_correlation(),
        address: None,
    }
}

fn said(booked: &[(&str, &str)]) -> Vec<(String, String)> {
    booked.iter().map(|(what, quantity)| ((*what).to_owned(), (*quantity).to_owned())).collect()
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_consumption_of_a_held_lot_waits_with_its_cause_and_goes_by_itself_when_the_lot_is_released(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let floor = Floor::start(pool, options).await;
    floor.consumes("m-1", "SHAFT", Some("S-1"), 5).await;
    floor.until_booked(1).await;
    let hold = floor.place_hold("S-1").await;
    floor.consumes("m-2", "SHAFT", Some("S-1"), 6).await;
    floor.completes("m-3", 11).await;
    floor.until_parked("m-2", "lot_blocked").await;
    floor.release(&hold).await;
    // The hold itself is told to the ERP, too; a lot on hold there could not be booked.
    floor.until_booked(3).await;
    assert_eq!(floor.booked(), said(&[("consumption", "5"), ("consumption", "6"), ("completion", "11")]));
    floor.scenario.finish().await;
}

#[sqlx::test(migrations = "../../migrations")]
async fn what_the_erp_refuses_for_want_of_stock_goes_again_when_there_is_some(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let floor = Floor::start(pool, options).await;
    floor.consumes("m-1", "BOLT", None, 40).await;
    floor.until_parked("m-1", "stock_missing").await;
    floor.scenario.advance(TimeDelta::minutes(3));
    floor.stocks("BOLT", None, 100);
    let stock = StockSnapshot {
        plant: PLANT.to_owned(),
        item: "BOLT".to_owned(),
        unit: Unit::new("PCE"),
        as_of: floor.scenario.clock.now(),
        lots: vec![StockOfLot {
            lot: None,
            status: None,
            location: None,
            on_hand: 100.into(),
            reserved: Decimal::ZERO,
        }],
    };
    floor.hears(&Command::MirrorStock(stock)).await;
    floor.until_booked(1).await;
    floor.scenario.finish().await;
}

#[sqlx::test(migrations = "../../migrations")]
async fn what_is_corrected_or_taken_back_while_it_waits_is_never_booked(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let floor = Floor::start(pool, options).await;
    floor.consumes("m-1", "SHAFT", Some("NOWHERE"), 7).await;
    floor.consumes("m-2", "SHAFT", Some("S-1"), 3).await;
    floor.consumes("m-3", "SHAFT", Some("NOWHERE"), 9).await;
    floor.until_parked("m-1", "stock_missing").await;
    let first = floor.report_id("m-1").await;
    let manager = person(&floor.scenario.store, "Priya", Role::PlantManager);
    let mut tx = floor.scenario.store.begin(manager).await.expect("a transaction");
    let right = Correction { lot: Some("S-1".to_owned()), ..Correction::default() };
    let taken = postings::correct(&mut tx, first, Uuid::now_v7(), &right, "The label was read wrong.").await;
    assert_eq!(taken.expect("corrected").stop, None);
    tx.commit().await.expect("a commit");
    let reversal = ReversalSnapshot {
        their_ref: "x-3".to_owned(),
        plant: PLANT.to_owned(),
        work_order: "W-1".to_owned(),
        of: "m-3".to_owned(),
        at: floor.scenario.clock.now(),
        reason: "never happened".to_owned(),
    };
    floor.hears(&Command::ReverseReport(reversal)).await;
    floor.completes("m-4", 10).await;
    // What was never booked is taken back without a word: its reversals are told, and have no effect there.
    floor
        .scenario
        .until("the completion", || async { floor.booked().iter().any(|(what, _)| what == "completion") })
        .await;
    let stock = floor.scenario.erp.stock(PLANT, "SHAFT").expect("a figure");
    assert_eq!(stock.lots[0].on_hand, Decimal::from(50 - 7 - 3));
    let booked = floor.booked();
    assert!(!booked.contains(&("consumption".to_owned(), "9".to_owned())), "{booked:?}");
    floor.scenario.finish().await;
}

#[sqlx::test(migrations = "../../migrations")]
async fn after_eight_hours_of_maintenance_every_report_is_booked_once_and_in_order(
    pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let floor = Floor::start(pool, options).await;
    floor.scenario.erp.fault(Fault::Maintenance { retry_after: 3600 });
    for step in 0..12 {
        floor.consumes(&format!("m-{step}"), "SHAFT", Some("S-1"), step + 1).await;
        floor.scenario.advance(TimeDelta::minutes(40));
    }
    assert_eq!(floor.booked(), Vec::new());
    floor.scenario.erp.calm();
    floor.scenario.advance(TimeDelta::hours(2));
    // 1 + 2 + … + 9 is 45 of the 50 that came; the tenth takes more than there is.
    floor.scenario.until("nine are booked", || async { floor.booked().len() >= 9 }).await;
    floor.until_parked("m-9", "stock_missing").await;
    floor.receives("R-2", "S-1", 100).await;
    floor.until_booked(12).await;
    let quantities: Vec<String> = floor.booked().into_iter().map(|(_, quantity)| quantity).collect();
    assert_eq!(quantities, (1..=12).map(|number| number.to_string()).collect::<Vec<_>>());
    floor.scenario.finish().await;
}
