//! What inbound material costs when there is much of it, each beside something that does the least there is to do, in the
//! same run and in turn. Printed as lines of JSON; `scripts/bench-inbound.sh` runs it, `docs/benchmarks.md` says what came
//! of it.
//!
//! | Line | Ours | Beside |
//! |---|---|---|
//! | `submit` | a ship notice with 2,000 lots and 20,000 serials, checked, saved with its event, committed | the same rows inserted by the owner of the tables, committed |
//! | `read` | that notice read as its page reads it | its lots and serials selected by the owner |
//! | `receive` | all of it received in full: receipt, lots, movements, inspections, event | as for `submit` |
//! | `release` | may 1,000 lots be used, in one call | one lot a call, for 20 of them, times 50 |
//! | `board` | the dock's board with 100,000 ship notices in the table | the same board with 1,000 |
//!
//! `DATABASE_URL` names a server; the database `bench_inbound` is made anew on it.

#![expect(clippy::float_arithmetic, reason = "times of a measurement")]

use std::error::Error;
use std::str::FromStr;
use std::time::{Duration, Instant};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::Decimal;
use domain::access::{Actor, Role, Scope};
use domain::command::{ItemSnapshot, LineSnapshot, OrderSnapshot, PlantSnapshot, ScheduleSnapshot, SupplierSnapshot};
use domain::confirmation::{Answer, AnswerKind, Channel, ConfirmLines};
use domain::exchange::Stage;
use domain::id::{ConnectionId, PersonId, PlantId, SupplierId};
use domain::item::ItemRules;
use domain::order::OrderStatus;
use domain::quantity::Unit;
use domain::receipt::ReceiptChannel;
use domain::receipt::post::{Against, PostReceipt};
use domain::shipment::ShippedLot;
use domain::shipment::content::{LineContent, SendShipNotice, ShipContent};
use serde_json::json;
use sqlx::PgPool;
use sqlx::migrate::MigrateDatabase as _;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use store::connections::{Configured, Takes};
use store::inbound::{self, Column, Dock};
use store::release_check::{self, Asked};
use store::{Clock, Store, Who, connections, orders, receipts, reference, ship_notices};
use uuid::Uuid;

type Outcomes<T> = Result<T, Box<dyn Error>>;

const LOTS: usize = 2_000;
const SERIALS_EACH: usize = 10;
const ROUNDS: usize = 5;
const CHECKED: usize = 1_000;
const NOTICES: i64 = 100_000;
const FEW: i64 = 1_000;
const MORNING: &str = "2026-12-01T08:00:00Z";

struct Bench {
    store: Store,
    /// Past all policies.
    owner: PgPool,
    erp: ConnectionId,
    plant: PlantId,
    supplier: SupplierId,
}

#[tokio::main]
async fn main() -> Outcomes<()> {
    let bench = Bench::new().await?;
    bench.shipments().await?;
    bench.release().await?;
    bench.board().await
}

fn day(text: &str) -> Outcomes<NaiveDate> {
    Ok(text.parse()?)
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times.get(times.len() / 2).map_or(0.0, |time| time.as_secs_f64() * 1_000.0)
}

fn say(what: &str, ours: Vec<Duration>, beside: Vec<Duration>) {
    let ratios: Vec<f64> =
        ours.iter().zip(&beside).map(|(ours, beside)| ours.as_secs_f64() / beside.as_secs_f64()).collect();
    let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
    let most = ratios.iter().copied().fold(0.0, f64::max);
    let (ours, beside) = (median(ours), median(beside));
    println!(
        "{}",
        json!({ "what": what, "ours_ms": ours, "beside_ms": beside, "ratio": ours / beside, "least": least, "most": most })
    );
}

impl Bench {
    async fn new() -> Outcomes<Self> {
        let server = std::env::var("DATABASE_URL")?;
        let (address, query) = server
            .split_once('?')
            .map_or((server.as_str(), String::new()), |(address, query)| (address, format!("?{query}")));
        let start = address.find("://").map_or(0, |at| at + 3);
        let end = address[start..].find('/').map_or(address.len(), |at| start + at);
        let url = format!("{}/bench_inbound{query}", &address[..end]);
        if sqlx::Postgres::database_exists(&url).await? {
            sqlx::Postgres::force_drop_database(&url).await?;
        }
        sqlx::Postgres::create_database(&url).await?;
        Store::migrate(&url).await?;
        let owner = PgPoolOptions::new().max_connections(2).connect_with(PgConnectOptions::from_str(&url)?).await?;
        let store = Store::connect(&url, 4, Clock::standing_at(MORNING.parse()?)).await?;
        let mut tx = store.begin(Who::program("bench", store.new_correlation())).await?;
        let configured = Configured {
            name: "ERP".to_owned(),
            plant_id: None,
            takes: Takes::Own,
            stage: Stage::Test,
            settings: json!({}),
            in_flight_limit: 8,
        };
        let erp = connections::add(&mut tx, "rest", &configured, &["orders"]).await?;
        let supplier = reference::mirror_supplier(&mut tx, &brennholt()).await?;
        let plant = reference::mirror_plant(&mut tx, &lindau()).await?;
        tx.commit().await?;
        Ok(Self { store, owner, erp, plant, supplier })
    }

    fn who(&self, role: Role, scope: Scope) -> Who {
        Who {
            actor: Actor::Person {
                person_id: PersonId(self.store.new_id()),
                name: "Sam".to_owned(),
                roles: vec![role],
            },
            scope,
            correlation: self.store.new_correlation(),
            address: None,
        }
    }

    fn sender(&self) -> Who {
        self.who(Role::Supplier, Scope::Suppliers(vec![self.supplier]))
    }

    fn of_the_plant(&self, role: Role) -> Who {
        self.who(role, Scope::Plants(vec![self.plant]))
    }

    /// An order of one line, confirmed as requested.
    async fn order(&self, round: usize) -> Outcomes<String> {
        let number = format!("45{round:08}");
        let snapshot = OrderSnapshot {
            number: number.clone(),
            their_version: 1,
            their_ref: number.clone(),
            supplier: brennholt(),
            plant: lindau(),
            buyer: None,
            currency: "EUR".to_owned(),
            incoterm: None,
            status: OrderStatus::Open,
            lines: vec![LineSnapshot {
                number: "0010".to_owned(),
                their_ref: format!("{number}-10"),
                item: ItemSnapshot {
                    number: "V-1".to_owned(),
                    description: "Valve".to_owned(),
                    unit: Unit::new("PCE"),
                    revision: None,
                    rules: Some(ItemRules { lots: true, serials: true, inspection: true, ..ItemRules::default() }),
                },
                supplier_item: None,
                unit: Unit::new("PCE"),
                price: None,
                tolerances: Default::default(),
                schedule: vec![ScheduleSnapshot {
                    number: 1,
                    quantity: Decimal::from(LOTS * SERIALS_EACH),
                    requested_on: day("2026-12-10")?,
                }],
            }],
        };
        let mut tx = self.store.begin(Who::program("bench", self.store.new_correlation())).await?;
        orders::mirror(&mut tx, self.erp, &snapshot).await?;
        tx.commit().await?;
        let mut tx = self.store.begin(self.sender()).await?;
        let record = orders::get(&mut tx, &number).await?;
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
        let (revision, submission) = (record.order.revision, Uuid::now_v7());
        let answer = ConfirmLines { revision, answers, channel: Channel::Portal, submission };
        orders::confirm(&mut tx, &number, &answer).await?;
        tx.commit().await?;
        Ok(number)
    }

    /// Submit, read and receive.
    async fn shipments(&self) -> Outcomes<()> {
        let (mut submit, mut inserted) = (Vec::new(), Vec::new());
        let (mut read, mut selected) = (Vec::new(), Vec::new());
        let (mut receive, mut inserted_again) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            let order = self.order(round).await?;
            let content = self.content(&order, round).await?;
            let began = Instant::now();
            let mut tx = self.store.begin(self.sender()).await?;
            let taken = ship_notices::send(&mut tx, &SendShipNotice { content, submission: Uuid::now_v7() }).await?;
            tx.commit().await?;
            submit.push(began.elapsed());

            inserted.push(self.insert_bare().await?);

            let began = Instant::now();
            let mut tx = self.store.read(self.sender()).await?;
            let record = ship_notices::get(&mut tx, &taken.number).await?;
            tx.commit().await?;
            read.push(began.elapsed());

            let lots = record.notice.lines.iter().map(|line| line.lots.len()).sum::<usize>();
            if lots != LOTS {
                return Err(format!("{lots} lots were read").into());
            }
            selected.push(self.select_bare(&taken.number).await?);

            let command = PostReceipt {
                against: Against::Notice(taken.number),
                version: None,
                channel: ReceiptChannel::Dock,
                delivery_note: None,
                received_at: MORNING.parse::<DateTime<Utc>>()?,
                complete: true,
                lines: Vec::new(),
                submission: Uuid::now_v7(),
            };
            let began = Instant::now();
            let mut tx = self.store.begin(self.of_the_plant(Role::ReceivingClerk)).await?;
            receipts::post(&mut tx, &command).await?;
            tx.commit().await?;
            receive.push(began.elapsed());

            inserted_again.push(self.insert_bare().await?);
        }
        say("submit", submit, inserted);
        say("read", read, selected);
        say("receive", receive, inserted_again);
        Ok(())
    }

    async fn content(&self, order: &str, round: usize) -> Outcomes<ShipContent> {
        let mut tx = self.store.read(self.sender()).await?;
        let record = orders::get(&mut tx, order).await?;
        tx.commit().await?;
        let (_, schedule) = record.order.schedule_lines().next().ok_or("the order has no line")?;
        let lots = (0..LOTS)
            .map(|lot| ShippedLot {
                lot: format!("L{round}-{lot:05}"),
                quantity: Decimal::from(SERIALS_EACH),
                expires_on: None,
                produced_on: None,
                origin: Some("DE".to_owned()),
                serials: (0..SERIALS_EACH).map(|piece| format!("S{round}-{lot:05}-{piece:02}")).collect(),
            })
            .collect();
        Ok(ShipContent {
            delivery_note: format!("LS-{round}"),
            ship_on: day("2026-12-08")?,
            arrive_on: day("2026-12-09")?,
            carrier: None,
            tracking: None,
            bill_of_lading: None,
            note: None,
            lines: vec![LineContent {
                schedule_line_id: schedule.schedule_line_id,
                quantity: Decimal::from(LOTS * SERIALS_EACH),
                lots,
                serials: Vec::new(),
            }],
            units: Vec::new(),
        })
    }

    /// As many rows as the lots and serials of a notice, into tables with a key and nothing else.
    async fn insert_bare(&self) -> Outcomes<Duration> {
        sqlx::raw_sql(
            "create table if not exists bare_lot (line uuid, lot text, quantity numeric, primary key (line, lot));
             create table if not exists bare_serial (line uuid, serial text, lot text, primary key (line, serial))",
        )
        .execute(&self.owner)
        .await?;
        let line = Uuid::now_v7();
        let lots: Vec<String> = (0..LOTS).map(|lot| format!("L-{lot:05}")).collect();
        let serials: Vec<String> = (0..LOTS * SERIALS_EACH).map(|piece| format!("S-{piece:06}")).collect();
        let began = Instant::now();
        let mut tx = self.owner.begin().await?;
        sqlx::query("insert into bare_lot select $1, lot, 10 from unnest($2::text[]) as lot")
            .bind(line)
            .bind(&lots)
            .execute(&mut *tx)
            .await?;
        sqlx::query("insert into bare_serial select $1, serial, 'L' from unnest($2::text[]) as serial")
            .bind(line)
            .bind(&serials)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(began.elapsed())
    }

    async fn select_bare(&self, number: &str) -> Outcomes<Duration> {
        let lots = "select l.* from ship_notice_lot l join ship_notice_line using (ship_line_id)
                    join ship_notice n using (ship_notice_id) where n.number = $1";
        let serials = "select s.* from ship_notice_serial s join ship_notice_line using (ship_line_id)
                       join ship_notice n using (ship_notice_id) where n.number = $1";
        let began = Instant::now();
        let rows = sqlx::query(lots).bind(number).fetch_all(&self.owner).await?.len()
            + sqlx::query(serials).bind(number).fetch_all(&self.owner).await?.len();
        if rows != LOTS * (SERIALS_EACH + 1) {
            return Err(format!("{rows} rows were selected").into());
        }
        Ok(began.elapsed())
    }

    async fn release(&self) -> Outcomes<()> {
        let asked = |lot: usize| Asked {
            plant: "DE10".to_owned(),
            item: "V-1".to_owned(),
            lot: format!("L0-{lot:05}"),
            quantity: Decimal::ONE,
        };
        let (mut at_once, mut one_by_one) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let began = Instant::now();
            let mut tx = self.store.read(self.of_the_plant(Role::QualityEngineer)).await?;
            let answer = release_check::check(&mut tx, (0..CHECKED).map(asked).collect()).await?;
            tx.commit().await?;
            at_once.push(began.elapsed());
            if answer.checks.iter().any(|check| check.lot_id.is_none()) {
                return Err("a lot is not known".into());
            }
            let began = Instant::now();
            for lot in 0..20 {
                let mut tx = self.store.read(self.of_the_plant(Role::QualityEngineer)).await?;
                release_check::check(&mut tx, vec![asked(lot)]).await?;
                tx.commit().await?;
            }
            one_by_one.push(began.elapsed() * 50);
        }
        say("release", at_once, one_by_one);
        Ok(())
    }

    /// Ship notices as months would have left them: a hundredth still expected.
    async fn fill(&self, until: i64) -> Outcomes<()> {
        sqlx::query(
            "insert into ship_notice
                 (ship_notice_id, number, connection_id, supplier_id, plant_id, version, status, delivery_note, ship_on, arrive_on,
                  announced_at, received_at)
             select gen_random_uuid(), 'B-' || n, $1, $2, $3, 1,
                    case when n % 100 = 0 then 'announced' else 'received' end, 'B-' || n,
                    date '2026-12-01' + (n % 20)::int - 10, date '2026-12-01' + (n % 20)::int - 9,
                    timestamptz '2026-12-01' - make_interval(mins => n::int),
                    case when n % 100 <> 0 then timestamptz '2026-11-30' - make_interval(mins => n::int) end
             from generate_series((select count(*) from ship_notice where number like 'B-%') + 1, $4) as n",
        )
        .bind(self.erp.0)
        .bind(self.supplier.0)
        .bind(self.plant.0)
        .bind(until)
        .execute(&self.owner)
        .await?;
        sqlx::raw_sql("analyze ship_notice").execute(&self.owner).await?;
        Ok(())
    }

    async fn look(&self) -> Outcomes<Duration> {
        let midnight: DateTime<Utc> = "2026-11-30T23:00:00Z".parse()?;
        let today = day("2026-12-01")?;
        let hours = (midnight, midnight + TimeDelta::days(1));
        let dock = Dock { plants: vec![self.plant.0], day: today, today, hours };
        let began = Instant::now();
        let mut tx = self.store.read(self.of_the_plant(Role::ReceivingClerk)).await?;
        inbound::counts(&mut tx, &dock).await?;
        for column in Column::ALL {
            inbound::column(&mut tx, &dock, column, None, 51).await?;
        }
        tx.commit().await?;
        Ok(began.elapsed())
    }

    async fn board(&self) -> Outcomes<()> {
        let (mut few, mut many) = (Vec::new(), Vec::new());
        self.fill(FEW).await?;
        self.look().await?; // fills caches
        for _ in 0..ROUNDS * 4 {
            few.push(self.look().await?);
        }
        self.fill(NOTICES).await?;
        self.look().await?;
        for _ in 0..ROUNDS * 4 {
            many.push(self.look().await?);
        }
        say("board", many, few);
        Ok(())
    }
}

fn brennholt() -> SupplierSnapshot {
    SupplierSnapshot { number: "100234".to_owned(), name: "Brennholt Präzision".to_owned() }
}

fn lindau() -> PlantSnapshot {
    PlantSnapshot { code: "DE10".to_owned(), name: "Lindau".to_owned() }
}
