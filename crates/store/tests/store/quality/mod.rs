//! Lots, inspections, holds and stock against a real database, one file for each subject; here the dock on which they all
//! happen.

mod holds;
mod inspections;
mod lists;
mod lots;
mod plans;
mod policies;
mod release;
mod scope;
mod stock;

use domain::Decimal;
use domain::access::{Actor, Role, Scope};
use domain::hold::{HoldReason, HoldScope};
use domain::id::{HoldId, ItemId, LotId, PersonId, ReceiptLineId, SupplierId};
use domain::inspection::{InspectionState, Part};
use domain::lot::StockStatus;
use domain::lot::usability::Reason;
use domain::quantity::Unit;
use sqlx::AssertSqlSafe;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use store::holds::Placing;
use store::inspections::{Deciding, InspectionFilter};
use store::lots::Received;
use store::{CommandError, Who, lot_list};
use uuid::Uuid;

use crate::scene::{Scene, snapshot, who};

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
        let mut engineer =
            who(&self.scene.store, name, &[Role::QualityEngineer], Scope::Plants(vec![self.scene.plant]));
        if let Actor::Person { person_id, .. } = &mut engineer.actor {
            // The same name is the same person.
            *person_id = PersonId(Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes()));
        }
        engineer
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
        let lot_id = store::lots::receive(&mut tx, &received).await?;
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

    async fn due(&self) -> Vec<store::inspections::InspectionRecord> {
        let mut tx = self.scene.begin(self.quality("Quinn")).await;
        let filter = InspectionFilter { state: InspectionState::Due, text: None };
        store::inspections::list(&mut tx, &filter, 100).await.expect("a list")
    }

    async fn place(&self, name: &str, scope: HoldScope) -> String {
        let mut tx = self.scene.begin(self.quality(name)).await;
        let placed = store::holds::place(&mut tx, &placing(scope)).await.expect("a hold");
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
        store::holds::get(&mut tx, number).await.expect("the hold").hold_id
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
