//! Lists of work orders, within the scope, cut by key; and one of them with everything about it.

use chrono::{DateTime, Utc};
use domain::Decimal;
use domain::access::{Action, Scope, may};
use domain::exchange::DeliveryState;
use domain::id::{LotId, PlantId, ReportId, WorkOrderId};
use domain::production::posting::Cause;
use domain::production::{ReportKind, Reported};
use domain::quantity::Unit;
use domain::refusal::Finding;
use domain::work_order::WorkOrderStatus;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Postgres, QueryBuilder, Row};
use uuid::Uuid;

use crate::error::{CommandError, StoreError};
use crate::order_list::COUNTED;
use crate::orders::{read_json, read_word};
use crate::tx::Tx;
use crate::work_orders::{self, Known};

/// Which work orders, in the words of the URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum View {
    /// To be worked on, or being so.
    Open,
    /// Begun and not finished.
    InProcess,
    /// Open, and the scheduled end has passed.
    Late,
    /// Something that was reported is not in the ERP and needs somebody.
    Blocked,
    /// Finished.
    Done,
    /// Taken back.
    Cancelled,
}

impl View {
    /// All of them, in the order of the page.
    pub const ALL: [Self; 6] = [Self::Open, Self::InProcess, Self::Late, Self::Blocked, Self::Done, Self::Cancelled];

    /// The word in the URL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::InProcess => "in_process",
            Self::Late => "late",
            Self::Blocked => "blocked",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
        }
    }

    /// By its word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|view| view.as_str() == word)
    }

    const fn condition(self) -> &'static str {
        match self {
            Self::Open | Self::Late => "w.status in ('planned', 'released', 'in_process')",
            Self::InProcess => "w.status = 'in_process'",
            Self::Blocked => {
                "exists (select from delivery d where d.subject_id = w.work_order_id and d.state = 'parked')"
            }
            Self::Done => "w.status in ('completed', 'closed')",
            Self::Cancelled => "w.status = 'cancelled'",
        }
    }
}

/// What to list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// One of these; none for all.
    pub view: Option<View>,
    /// Plant codes, any of these.
    pub plants: Vec<String>,
    /// An item that is made or consumed.
    pub item: Option<String>,
    /// Number or item (from the start).
    pub text: Option<String>,
}

/// Where a page starts: the key of the row before it. What begins first comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// Scheduled begin.
    pub at: DateTime<Utc>,
    /// Which.
    pub id: Uuid,
}

/// A page of rows.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// From this key on.
    pub after: Option<Key>,
    /// Up to this key, for going back.
    pub before: Option<Key>,
    /// Rows at the most.
    pub size: i64,
}

/// A work order in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkOrderRow {
    /// Which.
    pub work_order_id: Uuid,
    /// Its number.
    pub number: String,
    /// Plant code.
    pub plant: String,
    /// What is made: number and description.
    pub item: (String, String),
    /// How much.
    pub quantity: Decimal,
    /// Made already.
    pub completed: Decimal,
    /// Bad.
    pub scrapped: Decimal,
    /// Unit of the three.
    pub unit: String,
    /// Where it stands.
    pub status: WorkOrderStatus,
    /// Scheduled begin.
    pub starts_at: DateTime<Utc>,
    /// Scheduled end.
    pub due_at: DateTime<Utc>,
    /// Open, and the scheduled end has passed.
    pub is_late: bool,
    /// Postings that need somebody.
    pub blocked: i64,
}

impl WorkOrderRow {
    /// The key of this row.
    pub const fn key(&self) -> Key {
        Key { at: self.starts_at, id: self.work_order_id }
    }
}

const COLUMNS: &str = "
    select w.work_order_id, w.number, p.code as plant, w.item_number, i.description, w.quantity, w.completed, w.scrapped, w.unit,
           w.status, w.starts_at, w.due_at,
           (select count(*) from delivery d where d.subject_id = w.work_order_id and d.state = 'parked') as blocked,
           (w.status in ('planned', 'released', 'in_process') and w.due_at < ";
const TABLES: &str = "
    from work_order w
    join plant p on p.plant_id = w.plant_id
    join item i on i.item_id = w.item_id";

/// One page of work orders.
pub async fn page(tx: &mut Tx, filter: &Filter, page: &Page) -> Result<Vec<WorkOrderRow>, CommandError> {
    may(tx.actor(), Action::SeeProduction)?;
    let now = tx.now();
    let mut sql = QueryBuilder::<Postgres>::new(COLUMNS);
    sql.push_bind(now).push(") as is_late").push(TABLES);
    conditions(&mut sql, tx.scope(), filter, now);
    let backwards = page.before.is_some();
    if let Some(key) = page.before.or(page.after) {
        sql.push(if backwards {
            " and (w.starts_at, w.work_order_id) < ("
        } else {
            " and (w.starts_at, w.work_order_id) > ("
        });
        sql.push_bind(key.at).push(", ").push_bind(key.id).push(")");
    }
    sql.push(if backwards {
        " order by w.starts_at desc, w.work_order_id desc"
    } else {
        " order by w.starts_at, w.work_order_id"
    });
    sql.push(" limit ").push_bind(page.size.clamp(1, 500));
    let mut rows: Vec<WorkOrderRow> = sql.build_query_as().fetch_all(tx.sql()).await?;
    if backwards {
        rows.reverse();
    }
    Ok(rows)
}

/// How many a filter matches, at most one more than [`COUNTED`].
pub async fn count(tx: &mut Tx, filter: &Filter) -> Result<i64, CommandError> {
    may(tx.actor(), Action::SeeProduction)?;
    let now = tx.now();
    let mut sql = QueryBuilder::<Postgres>::new("select count(*) from (select 1 ");
    sql.push(TABLES);
    conditions(&mut sql, tx.scope(), filter, now);
    sql.push(" limit ").push_bind(COUNTED + 1).push(") matching");
    Ok(sql.build_query_scalar().fetch_one(tx.sql()).await?)
}

fn conditions(sql: &mut QueryBuilder<Postgres>, scope: &Scope, filter: &Filter, now: DateTime<Utc>) {
    match scope {
        Scope::All => sql.push(" where true"),
        Scope::Plants(plants) => {
            sql.push(" where w.plant_id = any(").push_bind(plants.iter().map(|id| id.0).collect::<Vec<_>>()).push(")")
        }
        Scope::Suppliers(_) => sql.push(" where false"),
    };
    if let Some(view) = filter.view {
        sql.push(" and ").push(view.condition());
        if view == View::Late {
            sql.push(" and w.due_at < ").push_bind(now);
        }
    }
    if !filter.plants.is_empty() {
        sql.push(" and p.code = any(").push_bind(filter.plants.clone()).push(")");
    }
    if let Some(item) = &filter.item {
        sql.push(" and (w.item_number = ").push_bind(item.clone());
        sql.push(" or exists (select from work_order_component c where c.work_order_id = w.work_order_id and not c.removed and c.item_number = ");
        sql.push_bind(item.clone()).push("))");
    }
    if let Some(text) = filter.text.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
        let escaped = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        sql.push(" and (w.number ilike ").push_bind(format!("{escaped}%"));
        sql.push(" or w.item_number ilike ").push_bind(format!("{escaped}%")).push(")");
    }
}

impl<'r> FromRow<'r, PgRow> for WorkOrderRow {
    fn from_row(row: &'r PgRow) -> Result<Self, sqlx::Error> {
        let bad = |error: StoreError| sqlx::Error::Decode(Box::new(error));
        Ok(Self {
            work_order_id: row.try_get("work_order_id")?,
            number: row.try_get("number")?,
            plant: row.try_get("plant")?,
            item: (row.try_get("item_number")?, row.try_get("description")?),
            quantity: row.try_get("quantity")?,
            completed: row.try_get("completed")?,
            scrapped: row.try_get("scrapped")?,
            unit: row.try_get("unit")?,
            status: read_word("work order status", row.try_get("status")?).map_err(bad)?,
            starts_at: row.try_get("starts_at")?,
            due_at: row.try_get("due_at")?,
            is_late: row.try_get("is_late")?,
            blocked: row.try_get("blocked")?,
        })
    }
}

/// A work order with what was done of it.
#[derive(Debug, Clone)]
pub struct WorkOrderRecord {
    /// As it is known.
    pub known: Known,
    /// Plant name.
    pub plant_name: String,
    /// The ERP's name, for insiders.
    pub system: String,
    /// Bad quantity.
    pub scrapped: Decimal,
    /// The first report.
    pub begun_at: Option<DateTime<Utc>>,
    /// When it was finished.
    pub finished_at: Option<DateTime<Utc>>,
    /// What of each component's item lies usable in the plant, as far as we know: by component number.
    pub free: Vec<(String, Free)>,
}

/// What may be used of an item in a plant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Free {
    /// Unrestricted, in lots under no hold; for an item without lots, as the plant's systems say.
    pub quantity: Decimal,
    /// Its unit.
    pub unit: Unit,
    /// Lots to take, the one that expires first in front: id, number and what is free of it. At most a few.
    pub lots: Vec<(LotId, String, Decimal)>,
    /// The plant's systems said it, and not our own lots.
    pub told: bool,
}

/// Lots offered for a component.
const OFFERED: usize = 5;

/// One work order.
pub async fn get(tx: &mut Tx, work_order_id: WorkOrderId) -> Result<WorkOrderRecord, CommandError> {
    may(tx.actor(), Action::SeeProduction)?;
    let row = sqlx::query!(
        r#"
        select w.plant_id, w.number, w.scrapped, w.begun_at, w.finished_at, p.name as plant_name,
               (select s.name from connection_systems(array[w.connection_id]) s) as system
        from work_order w join plant p using (plant_id)
        where w.work_order_id = $1
        "#,
        work_order_id.0
    )
    .fetch_optional(tx.sql())
    .await?
    .ok_or(CommandError::NotFound { what: "work order" })?;
    let known = work_orders::find(tx, PlantId(row.plant_id), &row.number, false)
        .await?
        .ok_or(CommandError::NotFound { what: "work order" })?;
    let free = free(tx, &known).await?;
    Ok(WorkOrderRecord {
        known,
        plant_name: row.plant_name,
        system: row.system.unwrap_or_default(),
        scrapped: row.scrapped,
        begun_at: row.begun_at,
        finished_at: row.finished_at,
        free,
    })
}

async fn free(tx: &mut Tx, known: &Known) -> Result<Vec<(String, Free)>, StoreError> {
    let items: Vec<Uuid> = known.consumed.values().map(|(item, _)| item.0).collect();
    let lots = sqlx::query!(
        r#"
        select l.item_id, l.lot_id, l.number, l.unit, s.quantity
        from lot l
        join lot_stock s on s.lot_id = l.lot_id and s.status = 'unrestricted' and s.quantity > 0
        join plant p on p.plant_id = l.plant_id
        where l.plant_id = $1 and l.item_id = any($2)
          and (l.expires_on is null or l.expires_on >= ($3::timestamptz at time zone p.zone)::date)
          and not exists (
            select from hold h where h.item_id = l.item_id and h.state <> 'released' and h.serial is null and case
                when h.lot_id is not null then h.lot_id = l.lot_id
                when h.scope = 'supplier_item' then h.supplier_id = l.supplier_id
                else h.plant_id = l.plant_id
              end)
        order by l.item_id, l.expires_on nulls last, l.created_at, l.number
        "#,
        known.plant_id.0,
        &items,
        tx.now()
    )
    .fetch_all(tx.sql())
    .await?;
    let told = sqlx::query!(
        r#"
        select item_id, unit, sum(on_hand) as "on_hand!" from stock
        where plant_id = $1 and item_id = any($2) and coalesce(status, 'unrestricted') = 'unrestricted'
        group by connection_id, item_id, unit
        order by item_id, sum(on_hand) desc
        "#,
        known.plant_id.0,
        &items
    )
    .fetch_all(tx.sql())
    .await?;
    let mut found = Vec::new();
    for (component, (item, _)) in &known.consumed {
        let own: Vec<_> = lots.iter().filter(|lot| lot.item_id == item.0).collect();
        let free = match (own.first(), told.iter().find(|row| row.item_id == item.0)) {
            (Some(first), _) => Free {
                quantity: own.iter().map(|lot| lot.quantity).sum(),
                unit: Unit::new(&first.unit),
                lots: own
                    .iter()
                    .take(OFFERED)
                    .map(|lot| (LotId(lot.lot_id), lot.number.clone(), lot.quantity))
                    .collect(),
                told: false,
            },
            (None, Some(row)) => {
                Free { quantity: row.on_hand, unit: Unit::new(&row.unit), lots: Vec::new(), told: true }
            }
            (None, None) => continue,
        };
        found.push((component.clone(), free));
    }
    Ok(found)
}

/// A report of a work order, with how far its posting is.
#[derive(Debug, Clone)]
pub struct ReportRow {
    /// Which.
    pub report_id: ReportId,
    /// What is reported.
    pub kind: ReportKind,
    /// In full.
    pub what: Reported,
    /// The sender's key.
    pub their_ref: String,
    /// Who sent it.
    pub system: String,
    /// The lot, where it is one of ours.
    pub lot_id: Option<LotId>,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// When we learned it.
    pub recorded_at: DateTime<Utc>,
    /// Where.
    pub station: Option<String>,
    /// Who, as the shop floor names him.
    pub operator: Option<String>,
    /// The report that it stands for instead.
    pub corrects: Option<ReportId>,
    /// When it was taken back, and why.
    pub reversed: Option<(DateTime<Utc>, String)>,
    /// Why its posting waits by a rule of ours.
    pub stop: Option<(Cause, String)>,
    /// What is odd about it.
    pub remarks: Vec<Finding>,
    /// How far the ERP is; none while it is pending.
    pub delivery: Option<(DeliveryState, Option<Cause>, Option<String>)>,
    /// The ERP's document.
    pub document: Option<String>,
}

/// The newest reports of a work order after a key, at most so many.
pub async fn reports(
    tx: &mut Tx,
    work_order_id: WorkOrderId,
    after: Option<Key>,
    most: i64,
) -> Result<Vec<ReportRow>, CommandError> {
    may(tx.actor(), Action::SeeProduction)?;
    let rows = sqlx::query!(
        r#"
        select r.report_id, r.kind, r.body, r.their_ref, s.name as "system?", r.lot_id, r.at, r.recorded_at, r.station, r.operator,
               r.corrects, r.reversed_at, r.reversed_reason, r.stop, r.stop_reason, r.remarks,
               d.state as "state?", d.cause as "cause?", d.fault_message as "fault?", d.their_ref as "document?"
        from production_report r
        join work_order w on w.work_order_id = r.work_order_id
        left join delivery d on d.event_id = r.event_id and d.connection_id = w.connection_id and d.triggered_by = 'event'
        left join lateral connection_systems(array[r.connection_id]) s on true
        where r.work_order_id = $1 and ($2::timestamptz is null or (r.recorded_at, r.report_id) < ($2, $3))
        order by r.recorded_at desc, r.report_id desc
        limit $4
        "#,
        work_order_id.0,
        after.map(|key| key.at),
        after.map(|key| key.id),
        most
    )
    .fetch_all(tx.sql())
    .await?;
    rows.into_iter()
        .map(|row| {
            let cause = |word: Option<String>| word.map(|word| read_word("cause", &word)).transpose();
            let delivery = match row.state {
                Some(state) => Some((read_word("delivery state", &state)?, cause(row.cause)?, row.fault)),
                None => None,
            };
            Ok(ReportRow {
                report_id: ReportId(row.report_id),
                kind: read_word("report kind", &row.kind)?,
                what: read_json("report", row.body)?,
                their_ref: row.their_ref,
                system: row.system.unwrap_or_default(),
                lot_id: row.lot_id.map(LotId),
                at: row.at,
                recorded_at: row.recorded_at,
                station: row.station,
                operator: row.operator,
                corrects: row.corrects.map(ReportId),
                reversed: row.reversed_at.zip(row.reversed_reason),
                stop: cause(row.stop)?.zip(row.stop_reason),
                remarks: read_json("remarks", row.remarks)?,
                delivery,
                document: row.document,
            })
        })
        .collect()
}
