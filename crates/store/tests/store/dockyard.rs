//! A house with a delivery on its way to the dock, and those who tell of it: clerk, ERP and warehouse system.

use domain::access::{Role, Scope};
use domain::command::{Command, ReceiptSnapshot, ReceivedSnapshot};
use domain::id::ConnectionId;
use domain::item::ItemRules;
use domain::quantity::Unit;
use domain::receipt::ReceiptChannel;
use domain::receipt::post::{Against, PostLine, PostReceipt};
use domain::shipment::content::{LineContent, PackedContent, SendShipNotice, ShipContent, UnitContent};
use domain::shipment::{PackageKind, ShipStatus, ShippedLot};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use store::perform::perform;
use store::receipts::Taken;
use store::{CommandError, Who, connections, orders, receipts, ship_notices};
use uuid::Uuid;

use crate::scene::{Scene, accept_all, configured, day, snapshot, time, who};

/// A house in which supplier A announced order 4500001: 100 pieces of 4711 in lots H1 (60) and H2 (40), 100 of 4712.
pub struct Dockyard {
    pub scene: Scene,
    pub wms: ConnectionId,
    pub notice: String,
    clerk: Who,
}

fn lot(lot: &str, quantity: i64) -> ShippedLot {
    let (expires_on, produced_on, origin) = (Some(day("2028-12-01")), None, None);
    ShippedLot { lot: lot.to_owned(), quantity: quantity.into(), expires_on, produced_on, origin, serials: Vec::new() }
}

impl Dockyard {
    pub async fn new(pool: PgPoolOptions, options: PgConnectOptions) -> Self {
        let scene = Scene::new(pool, options).await;
        let mut tx = scene.program().await;
        let wms = connections::add(&mut tx, "rest", &configured("WMS"), &["receipts"]).await.expect("a connection");
        tx.commit().await.expect("a commit");
        let clerk = who(&scene.store, "Clara", &[Role::ReceivingClerk], Scope::Plants(vec![scene.plant]));
        let mut yard = Self { scene, wms, notice: String::new(), clerk };
        yard.notice = yard.announce("4500001", "A", "LS-1").await;
        yard
    }

    /// Publishes an order, confirms it and announces all of it.
    pub async fn announce(&self, order: &str, supplier: &str, delivery_note: &str) -> String {
        let scene = &self.scene;
        let mut published = snapshot(order, supplier);
        published.lines[0].item.rules = Some(ItemRules { lots: true, inspection: true, ..ItemRules::default() });
        scene.mirror(&published).await;
        let record = scene.order(order).await;
        let supplier = if supplier == "A" { scene.a } else { scene.b };
        let mut tx = scene.begin(scene.supplier(supplier)).await;
        orders::confirm(&mut tx, order, &accept_all(&record)).await.expect("confirmed");
        tx.commit().await.expect("a commit");
        let schedules: Vec<_> = record.order.schedule_lines().map(|(_, schedule)| schedule.schedule_line_id).collect();
        let packed =
            |quantity: i64| PackedContent { schedule_line_id: schedules[1], lot: None, quantity: quantity.into() };
        let pallet = UnitContent {
            number: 1,
            kind: PackageKind::Pallet,
            parent: None,
            gross_kg: None,
            sscc: None,
            contents: Vec::new(),
        };
        let carton = |number: i32, contents: Vec<PackedContent>| UnitContent {
            number,
            kind: PackageKind::Carton,
            parent: Some(1),
            contents,
            ..pallet.clone()
        };
        let of_lot = |lot: &str, quantity: i64| PackedContent {
            schedule_line_id: schedules[0],
            lot: Some(lot.to_owned()),
            quantity: quantity.into(),
        };
        let content = ShipContent {
            delivery_note: delivery_note.to_owned(),
            ship_on: day("2026-12-08"),
            arrive_on: day("2026-12-10"),
            carrier: Some("Spedition Alpsee".to_owned()),
            tracking: None,
            bill_of_lading: None,
            note: None,
            lines: vec![
                LineContent {
                    schedule_line_id: schedules[0],
                    quantity: 100.into(),
                    lots: vec![lot("H1", 60), lot("H2", 40)],
                    serials: Vec::new(),
                },
                LineContent {
                    schedule_line_id: schedules[1],
                    quantity: 100.into(),
                    lots: Vec::new(),
                    serials: Vec::new(),
                },
            ],
            units: vec![
                pallet.clone(),
                carton(2, vec![of_lot("H1", 60)]),
                carton(3, vec![of_lot("H2", 40), packed(100)]),
            ],
        };
        let mut tx = scene.begin(scene.supplier(supplier)).await;
        let command = SendShipNotice { content, submission: Uuid::now_v7() };
        let sent = ship_notices::send(&mut tx, &command).await.expect("announced");
        tx.commit().await.expect("a commit");
        sent.number
    }

    pub fn clerk(&self) -> Who {
        self.clerk.clone()
    }

    pub fn receipt(&self, complete: bool, lines: Vec<PostLine>) -> PostReceipt {
        PostReceipt {
            against: Against::Notice(self.notice.clone()),
            version: Some(1),
            channel: ReceiptChannel::Dock,
            delivery_note: None,
            received_at: self.scene.store.clock().now(),
            complete,
            lines,
            submission: Uuid::now_v7(),
        }
    }

    pub async fn try_post(&self, command: &PostReceipt) -> Result<Taken, CommandError> {
        let mut tx = self.scene.begin(self.clerk()).await;
        let taken = receipts::post(&mut tx, command).await?;
        tx.commit().await.expect("a commit");
        Ok(taken)
    }

    pub async fn post(&self, command: &PostReceipt) -> Taken {
        self.try_post(command).await.expect("received")
    }

    pub async fn told(&self, connection: ConnectionId, receipt: &ReceiptSnapshot) -> String {
        let mut tx = self.scene.program().await;
        let said = perform(&mut tx, connection, &Command::PostReceipt(receipt.clone()))
            .await
            .expect("the system is understood");
        tx.commit().await.expect("a commit");
        said
    }

    pub async fn status(&self) -> ShipStatus {
        let mut tx = self.scene.program().await;
        ship_notices::get(&mut tx, &self.notice).await.expect("the notice").status
    }

    /// Lots of item 4711 with what lies in each status, e.g. `H1 inspection 60`.
    pub async fn stock(&self) -> Vec<String> {
        sqlx::query_scalar(
            "select l.supplier_lot || ' ' || s.status || ' ' || trim_scale(s.quantity) from lot l join lot_stock s using (lot_id)
             where s.quantity > 0 order by l.supplier_lot, s.status",
        )
        .fetch_all(&self.scene.owner)
        .await
        .expect("the stock")
    }

    /// What lies in each status is the sum of the movements, and nothing is below zero.
    pub async fn sound(&self) {
        let wrong = "
            select count(*) from lot_stock s
            where s.quantity < 0 or s.quantity <> (
                select coalesce(sum(case when m.to_status = s.status then m.quantity else 0 end
                                    - case when m.from_status = s.status then m.quantity else 0 end), 0)
                from lot_movement m where m.lot_id = s.lot_id)";
        assert_eq!(self.scene.count(wrong).await, 0, "stock is the sum of its movements");
        let wrong = "
            select count(*) from ship_notice_line s
            where s.received <> (select coalesce(sum(l.accepted), 0) from receipt_line l
                                 where l.ship_line_id = s.ship_line_id and l.counted and l.item_id = s.item_id)";
        assert_eq!(self.scene.count(wrong).await, 0, "the notice has the sum of what counts");
    }

    pub async fn received(&self) -> Vec<i64> {
        sqlx::query_scalar(
            "select l.received::bigint from ship_notice_line l join ship_notice n using (ship_notice_id)
             where n.number = $1 order by l.number",
        )
        .bind(&self.notice)
        .fetch_all(&self.scene.owner)
        .await
        .expect("the lines")
    }

    /// The homes of all events of a kind: the ERP, nobody, or another.
    pub async fn homes(&self, kind: &str) -> Vec<&'static str> {
        let homes: Vec<Uuid> =
            sqlx::query_scalar("select home_connection_id from event where kind = $1 order by position")
                .bind(kind)
                .fetch_all(&self.scene.owner)
                .await
                .expect("the log");
        let name = |id: &Uuid| {
            if *id == self.scene.erp.0 {
                "erp"
            } else if id.is_nil() {
                "nobody"
            } else {
                "other"
            }
        };
        homes.iter().map(name).collect()
    }
}

pub fn came(line: i32, lot: Option<&str>, accepted: i64) -> PostLine {
    PostLine { notice_line: Some(line), lot: lot.map(str::to_owned), accepted: accepted.into(), ..PostLine::default() }
}

pub fn part(item: &str, lot: Option<&str>, accepted: i64) -> ReceivedSnapshot {
    ReceivedSnapshot {
        order: Some("4500001".to_owned()),
        line: Some(if item == "4711" { "0010" } else { "0020" }.to_owned()),
        item: item.to_owned(),
        unit: Unit::new("PCE"),
        lot: lot.map(str::to_owned),
        supplier_lot: None,
        expires_on: None,
        accepted: accepted.into(),
        damaged: 0.into(),
        note: None,
    }
}

pub fn document(their_ref: &str, channel: ReceiptChannel, lines: Vec<ReceivedSnapshot>) -> ReceiptSnapshot {
    ReceiptSnapshot {
        their_ref: their_ref.to_owned(),
        channel,
        plant: "DE10".to_owned(),
        supplier: "A".to_owned(),
        notice: None,
        delivery_note: Some("ls-1".to_owned()),
        received_at: time("2026-12-01T09:00:00Z"),
        complete: true,
        reverses: None,
        lines,
    }
}

pub fn everything() -> Vec<ReceivedSnapshot> {
    vec![part("4711", Some("H1"), 60), part("4711", Some("H2"), 40), part("4712", None, 100)]
}
