//! Lists of ship notices, within the scope, cut by key.

use chrono::{DateTime, NaiveDate, Utc};
use domain::access::Scope;
use domain::exchange::DeliveryState;
use domain::shipment::ShipStatus;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Postgres, QueryBuilder, Row};
use uuid::Uuid;

use crate::error::StoreError;
use crate::order_list::COUNTED;
use crate::orders::read_word;
use crate::tx::Tx;

/// Which notices, in the words of the URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum View {
    /// Goods still to come.
    Expected,
    /// Expected on a day that has passed in the plant's calendar.
    Late,
    /// On the way.
    InTransit,
    /// At the gate or received in part.
    AtThePlant,
    /// The ERP did not take what is in force, or has not yet.
    NotInErp,
    /// Received.
    Received,
    /// Withdrawn.
    Cancelled,
}

impl View {
    /// All of them, in the order of the page.
    pub const ALL: [Self; 7] = [
        Self::Expected,
        Self::Late,
        Self::InTransit,
        Self::AtThePlant,
        Self::NotInErp,
        Self::Received,
        Self::Cancelled,
    ];

    /// The word in the URL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Expected => "expected",
            Self::Late => "late",
            Self::InTransit => "in_transit",
            Self::AtThePlant => "at_plant",
            Self::NotInErp => "not_in_erp",
            Self::Received => "received",
            Self::Cancelled => "cancelled",
        }
    }

    /// By its word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|view| view.as_str() == word)
    }

    fn condition(self) -> &'static str {
        match self {
            Self::Expected | Self::Late => "n.status in ('announced', 'in_transit', 'arrived', 'partly_received')",
            Self::InTransit => "n.status = 'in_transit'",
            Self::AtThePlant => "n.status in ('arrived', 'partly_received')",
            Self::NotInErp => "coalesce(d.state, 'pending') not in ('delivered', 'skipped', 'superseded')",
            Self::Received => "n.status = 'received'",
            Self::Cancelled => "n.status = 'cancelled'",
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
    /// Supplier numbers, any of these.
    pub suppliers: Vec<String>,
    /// Expected from this day.
    pub from: Option<NaiveDate>,
    /// Expected up to this day.
    pub to: Option<NaiveDate>,
    /// Number, delivery note, tracking (from the start), order number, lot or SSCC.
    pub text: Option<String>,
}

/// Where a page starts: the key of the row before it. The newest announcement comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// When it was announced.
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

/// A ship notice in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeRow {
    /// Which.
    pub ship_notice_id: Uuid,
    /// Its number.
    pub number: String,
    /// Version in force.
    pub version: i32,
    /// Where the goods are.
    pub status: ShipStatus,
    /// The supplier's delivery note.
    pub delivery_note: String,
    /// Supplier number and name.
    pub supplier: (String, String),
    /// Plant code.
    pub plant: String,
    /// Day it leaves the supplier.
    pub ship_on: NaiveDate,
    /// Day on which it is expected now.
    pub arrive_on: NaiveDate,
    /// That day has passed in the plant's calendar, and it is still to come.
    pub is_late: bool,
    /// Who carries it.
    pub carrier: Option<String>,
    /// Orders in it.
    pub orders: Vec<String>,
    /// Lines in it.
    pub lines: i64,
    /// Packages in it.
    pub packages: i64,
    /// When it was announced.
    pub announced_at: DateTime<Utc>,
    /// How far the ERP is; none while it is pending.
    pub delivery: Option<DeliveryState>,
}

impl NoticeRow {
    /// The key of this row.
    pub const fn key(&self) -> Key {
        Key { at: self.announced_at, id: self.ship_notice_id }
    }
}

const COLUMNS: &str = "
    select n.ship_notice_id, n.number, n.version, n.status, n.delivery_note, v.number as supplier_number, v.name as supplier_name,
           p.code as plant_code, n.ship_on, n.arrive_on, n.carrier, n.announced_at, d.state as delivery_state,
           (n.status in ('announced', 'in_transit') and n.arrive_on < (";
const REST: &str = " at time zone p.zone)::date) as is_late,
           (select coalesce(array_agg(distinct o.number), '{}') from ship_notice_line l join purchase_order o using (order_id)
            where l.ship_notice_id = n.ship_notice_id and (l.is_live or n.status = 'cancelled')) as orders,
           (select count(*) from ship_notice_line l where l.ship_notice_id = n.ship_notice_id and (l.is_live or n.status = 'cancelled')) as lines,
           (select count(*) from handling_unit h where h.ship_notice_id = n.ship_notice_id) as packages";
const TABLES: &str = "
    from ship_notice n
    join supplier v on v.supplier_id = n.supplier_id
    join plant p on p.plant_id = n.plant_id
    left join delivery d on d.event_id = n.last_event_id and d.connection_id = n.connection_id and d.triggered_by = 'event'";

/// One page of notices.
pub async fn page(tx: &mut Tx, filter: &Filter, page: &Page) -> Result<Vec<NoticeRow>, StoreError> {
    let now = tx.now();
    let mut sql = QueryBuilder::<Postgres>::new(COLUMNS);
    sql.push_bind(now).push(REST).push(TABLES);
    conditions(&mut sql, tx.scope(), filter, now);
    let backwards = page.before.is_some();
    if let Some(key) = page.before.or(page.after) {
        sql.push(if backwards {
            " and (n.announced_at, n.ship_notice_id) > ("
        } else {
            " and (n.announced_at, n.ship_notice_id) < ("
        });
        sql.push_bind(key.at).push(", ").push_bind(key.id).push(")");
    }
    sql.push(if backwards {
        " order by n.announced_at, n.ship_notice_id"
    } else {
        " order by n.announced_at desc, n.ship_notice_id desc"
    });
    sql.push(" limit ").push_bind(page.size.clamp(1, 500));
    let mut rows: Vec<NoticeRow> = sql.build_query_as().fetch_all(tx.sql()).await?;
    if backwards {
        rows.reverse();
    }
    Ok(rows)
}

/// How many notices a filter matches, at most one more than [`COUNTED`].
pub async fn count(tx: &mut Tx, filter: &Filter) -> Result<i64, StoreError> {
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
            sql.push(" where n.plant_id = any(").push_bind(plants.iter().map(|id| id.0).collect::<Vec<_>>()).push(")")
        }
        Scope::Suppliers(suppliers) if suppliers.len() == 1 => {
            sql.push(" where n.supplier_id = ").push_bind(suppliers[0].0)
        }
        Scope::Suppliers(suppliers) => sql
            .push(" where n.supplier_id = any(")
            .push_bind(suppliers.iter().map(|id| id.0).collect::<Vec<_>>())
            .push(")"),
    };
    if let Some(view) = filter.view {
        sql.push(" and ").push(view.condition());
        if view == View::Late {
            sql.push(" and n.arrive_on < (").push_bind(now).push(" at time zone p.zone)::date");
        }
    }
    if !filter.plants.is_empty() {
        sql.push(" and p.code = any(").push_bind(filter.plants.clone()).push(")");
    }
    if !filter.suppliers.is_empty() {
        sql.push(" and v.number = any(").push_bind(filter.suppliers.clone()).push(")");
    }
    if let Some(from) = filter.from {
        sql.push(" and n.arrive_on >= ").push_bind(from);
    }
    if let Some(to) = filter.to {
        sql.push(" and n.arrive_on <= ").push_bind(to);
    }
    if let Some(text) = filter.text.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
        let escaped = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        sql.push(" and (n.number = upper(").push_bind(text.to_owned()).push(")");
        sql.push(" or n.delivery_note ilike ").push_bind(format!("{escaped}%"));
        sql.push(" or n.tracking ilike ").push_bind(format!("{escaped}%"));
        sql.push(" or n.ship_notice_id in (select l.ship_notice_id from ship_notice_line l join purchase_order o using (order_id) where o.number = ");
        sql.push_bind(text.to_owned()).push(")");
        sql.push(" or n.ship_notice_id in (select l.ship_notice_id from ship_notice_lot t join ship_notice_line l using (ship_line_id) where t.lot = ");
        sql.push_bind(text.to_owned()).push(")");
        sql.push(" or n.ship_notice_id in (select h.ship_notice_id from handling_unit h where h.sscc = ");
        sql.push_bind(text.to_owned()).push("))");
    }
}

impl<'r> FromRow<'r, PgRow> for NoticeRow {
    fn from_row(row: &'r PgRow) -> Result<Self, sqlx::Error> {
        let bad = |error: StoreError| sqlx::Error::Decode(Box::new(error));
        let delivery: Option<String> = row.try_get("delivery_state")?;
        Ok(Self {
            ship_notice_id: row.try_get("ship_notice_id")?,
            number: row.try_get("number")?,
            version: row.try_get("version")?,
            status: read_word("ship status", row.try_get("status")?).map_err(bad)?,
            delivery_note: row.try_get("delivery_note")?,
            supplier: (row.try_get("supplier_number")?, row.try_get("supplier_name")?),
            plant: row.try_get("plant_code")?,
            ship_on: row.try_get("ship_on")?,
            arrive_on: row.try_get("arrive_on")?,
            is_late: row.try_get("is_late")?,
            carrier: row.try_get("carrier")?,
            orders: row.try_get("orders")?,
            lines: row.try_get("lines")?,
            packages: row.try_get("packages")?,
            announced_at: row.try_get("announced_at")?,
            delivery: delivery.map(|word| read_word("delivery state", &word)).transpose().map_err(bad)?,
        })
    }
}
