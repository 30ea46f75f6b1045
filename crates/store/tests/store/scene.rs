//! A small house to test in: one ERP, one plant, suppliers A and B, people, and a clock that stands until it is moved.

use chrono::{DateTime, NaiveDate, Utc};
use domain::access::{Actor, Role, Scope};
use domain::command::{ItemSnapshot, LineSnapshot, OrderSnapshot, PlantSnapshot, ScheduleSnapshot, SupplierSnapshot};
use domain::confirmation::{
    Answer, AnswerKind, Channel, ConfirmLines, DecideDeviations, Decision, Problem, Refusal, Verdict,
};
use domain::exchange::Stage;
use domain::id::{ConnectionId, PersonId, PlantId, SupplierId};
use domain::order::{Commitment, OrderStatus, Reason};
use domain::quantity::Unit;
use domain::revision::Mirrored;
use serde_json::json;
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use store::connections::{Configured, Takes};
use store::orders::{self, OrderRecord};
use store::{Clock, CommandError, Store, Tx, Who, connections};
use uuid::Uuid;

/// The day on which all tests begin, in the morning.
pub const MORNING: &str = "2026-12-01T08:00:00Z";

pub struct Scene {
    pub store: Store,
    /// Sees everything, past all policies: only to look, and to play the intruder's database administrator.
    pub owner: PgPool,
    pub erp: ConnectionId,
    pub plant: PlantId,
    pub a: SupplierId,
    pub b: SupplierId,
}

impl Scene {
    pub async fn new(pool: PgPoolOptions, options: PgConnectOptions) -> Self {
        let owner =
            PgPoolOptions::new().max_connections(2).connect_with(options.clone()).await.expect("the owner connects");
        let clock = Clock::standing_at(MORNING.parse().expect("a time"));
        let store = Store::for_test(pool, options, clock).await.expect("the application connects");
        let mut tx = store.begin(program(&store)).await.expect("a transaction");
        let erp = connections::add(&mut tx, "rest", &configured("ERP"), &["orders"]).await.expect("a connection");
        let a = supplier_snapshot("A");
        let a = store::reference::mirror_supplier(&mut tx, &a).await.expect("supplier A");
        let b = store::reference::mirror_supplier(&mut tx, &supplier_snapshot("B")).await.expect("supplier B");
        let plant = store::reference::mirror_plant(&mut tx, &plant_snapshot()).await.expect("a plant");
        tx.commit().await.expect("a commit");
        Self { store, owner, erp, plant, a, b }
    }

    pub async fn begin(&self, who: Who) -> Tx {
        self.store.begin(who).await.expect("a transaction")
    }

    /// What one of our own loops sees and may do.
    pub async fn program(&self) -> Tx {
        self.begin(program(&self.store)).await
    }

    pub fn supplier(&self, supplier: SupplierId) -> Who {
        who(&self.store, "Sam", &[Role::Supplier], Scope::Suppliers(vec![supplier]))
    }

    pub fn buyer(&self) -> Who {
        who(&self.store, "Bea", &[Role::Buyer], Scope::Plants(vec![self.plant]))
    }

    pub fn integration_admin(&self) -> Who {
        who(&self.store, "Ida", &[Role::IntegrationAdmin], Scope::All)
    }

    /// The ERP's word on an order, in a transaction of its own.
    pub async fn mirror(&self, snapshot: &OrderSnapshot) -> Mirrored {
        let mut tx = self.program().await;
        let mirrored = orders::mirror(&mut tx, self.erp, snapshot).await.expect("the ERP is understood");
        tx.commit().await.expect("a commit");
        mirrored
    }

    /// The order as the program sees it.
    pub async fn order(&self, number: &str) -> OrderRecord {
        let mut tx = self.program().await;
        orders::get(&mut tx, number).await.expect("the order is there")
    }

    /// A number from the database, past all policies.
    pub async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.owner).await.expect("a count")
    }

    /// Kinds of the events of an order in the order of their versions, which must be 1, 2, 3 …
    pub async fn history(&self, record: &OrderRecord) -> Vec<String> {
        let rows: Vec<(i64, String)> =
            sqlx::query_as("select subject_version, kind from event where subject_id = $1 order by position")
                .bind(record.order.order_id.0)
                .fetch_all(&self.owner)
                .await
                .expect("the log");
        let versions: Vec<i64> = rows.iter().map(|(version, _)| *version).collect();
        let expected: Vec<i64> = (1..).take(rows.len()).collect();
        assert_eq!(versions, expected, "versions without gap or swap");
        rows.into_iter().map(|(_, kind)| kind).collect()
    }
}

pub fn program(store: &Store) -> Who {
    Who::program("test", store.new_correlation())
}

pub fn who(store: &Store, name: &str, roles: &[Role], scope: Scope) -> Who {
    Who {
        actor: Actor::Person { person_id: PersonId(store.new_id()), name: name.to_owned(), roles: roles.to_vec() },
        scope,
        correlation: store.new_correlation(),
        address: Some("203.0.113.7".to_owned()),
    }
}

pub fn configured(name: &str) -> Configured {
    Configured {
        name: name.to_owned(),
        plant_id: None,
        takes: Takes::Own,
        stage: Stage::Test,
        settings: json!({ "base_url": "https://erp.example.com", "api_key": "env:INTERLOCK_SECRET_ERP" }),
        in_flight_limit: 8,
    }
}

pub fn supplier_snapshot(number: &str) -> SupplierSnapshot {
    SupplierSnapshot { number: number.to_owned(), name: format!("Supplier {number}") }
}

pub fn plant_snapshot() -> PlantSnapshot {
    PlantSnapshot { code: "DE10".to_owned(), name: "Lindau".to_owned() }
}

pub fn day(text: &str) -> NaiveDate {
    text.parse().expect("a day")
}

pub fn time(text: &str) -> DateTime<Utc> {
    text.parse().expect("a time")
}

/// An order of `number` for the supplier with two lines of 100 pieces each, on 10 and 20 December.
pub fn snapshot(number: &str, supplier: &str) -> OrderSnapshot {
    let line = |line: &str, item: &str, on: &str| LineSnapshot {
        number: line.to_owned(),
        their_ref: format!("{number}-{line}"),
        item: ItemSnapshot {
            number: item.to_owned(),
            description: format!("Part {item}"),
            unit: Unit::new("PCE"),
            revision: None,
            rules: None,
        },
        supplier_item: None,
        unit: Unit::new("PCE"),
        price: Some("12.50".parse().expect("a price")),
        tolerances: Default::default(),
        schedule: vec![ScheduleSnapshot { number: 1, quantity: 100.into(), requested_on: day(on) }],
    };
    OrderSnapshot {
        number: number.to_owned(),
        their_version: 1,
        their_ref: format!("ref-{number}"),
        supplier: supplier_snapshot(supplier),
        plant: plant_snapshot(),
        buyer: Some("Bea".to_owned()),
        currency: "EUR".to_owned(),
        incoterm: Some("DAP Lindau".to_owned()),
        status: OrderStatus::Open,
        lines: vec![line("0010", "4711", "2026-12-10"), line("0020", "4712", "2026-12-20")],
    }
}

/// Yes to everything that waits for the supplier.
pub fn accept_all(record: &OrderRecord) -> ConfirmLines {
    let answers = record
        .order
        .schedule_lines()
        .map(|(_, schedule)| Answer {
            schedule_line_id: schedule.schedule_line_id,
            version: schedule.version,
            kind: AnswerKind::Accept,
            commitments: Vec::new(),
            reason: None,
            note: None,
        })
        .collect();
    ConfirmLines { revision: record.order.revision, answers, channel: Channel::Portal, submission: Uuid::now_v7() }
}

/// The first line five days later, which nobody has allowed: the buyer decides.
pub fn late(record: &OrderRecord) -> ConfirmLines {
    let mut command = accept_all(record);
    command.answers.truncate(1);
    let answer = &mut command.answers[0];
    answer.kind = AnswerKind::Change;
    answer.reason = Some(Reason::Capacity);
    answer.commitments =
        vec![Commitment { quantity: 100.into(), deliver_on: Some(day("2026-12-15")), ship_on: None, price: None }];
    command
}

/// The buyer's yes to what is in review.
pub fn take_all(record: &OrderRecord) -> DecideDeviations {
    let decisions = record
        .order
        .schedule_lines()
        .filter(|(_, schedule)| schedule.proposal.is_some())
        .map(|(_, schedule)| Decision {
            schedule_line_id: schedule.schedule_line_id,
            version: schedule.version,
            verdict: Verdict::Accept,
            note: None,
        })
        .collect();
    DecideDeviations { decisions, submission: Uuid::now_v7() }
}

/// The refusals of an error that is one.
pub fn refusals(error: CommandError) -> Vec<Refusal> {
    match error {
        CommandError::Refused { problems } => problems.into_iter().map(|problem: Problem| problem.refusal).collect(),
        other => panic!("not a refusal: {other:?}"),
    }
}
