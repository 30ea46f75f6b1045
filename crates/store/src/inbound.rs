//! The dock's view: what is expected at a plant on a day, what stands at the gate, what is being received and what was; and
//! what a scan at the dock means. Queries only.
//!
//! Each column reads its few rows from an index of its own, so that the board costs the same among a hundred ship notices
//! and a hundred thousand. Days are those of each plant's own calendar.

use chrono::{DateTime, NaiveDate, Utc};
use domain::access::Scope;
use domain::gs1::{self, Ai};
use domain::shipment::ShipStatus;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Postgres, QueryBuilder, Row};
use uuid::Uuid;

use crate::error::StoreError;
use crate::orders::read_word;
use crate::tx::Tx;

/// Counting a column stops here.
pub const COUNTED: i64 = 500;

/// A column of the board.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Column {
    /// Expected on the day.
    Due,
    /// Expected before today, and not here.
    Late,
    /// At the gate.
    AtGate,
    /// Being unloaded, or received in part.
    Receiving,
    /// Received on the day.
    Received,
}

impl Column {
    /// In the order of the board.
    pub const ALL: [Self; 5] = [Self::Late, Self::Due, Self::AtGate, Self::Receiving, Self::Received];

    /// The word in the URL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Late => "late",
            Self::AtGate => "gate",
            Self::Receiving => "receiving",
            Self::Received => "received",
        }
    }

    /// By its word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|column| column.as_str() == word)
    }
}

/// Whose dock, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dock {
    /// The plants, by id.
    pub plants: Vec<Uuid>,
    /// The day on which it is due or was received.
    pub day: NaiveDate,
    /// Today, from which late is counted.
    pub today: NaiveDate,
    /// The day's first and next day's first instant in the plants' zone.
    pub hours: (DateTime<Utc>, DateTime<Utc>),
}

/// A place in a column; pages are cut by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// The day it is expected on.
    pub day: NaiveDate,
    /// The notice's id.
    pub id: Uuid,
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}_{}", self.day, self.id)
    }
}

impl std::str::FromStr for Key {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let (day, id) = text.split_once('_').ok_or(())?;
        Ok(Self { day: day.parse().map_err(|_| ())?, id: id.parse().map_err(|_| ())? })
    }
}

/// A shipment on the board.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArrivalRow {
    /// Its id, for paging.
    pub ship_notice_id: Uuid,
    /// Our number.
    pub number: String,
    /// The supplier's delivery note.
    pub delivery_note: String,
    /// Where it stands.
    pub status: ShipStatus,
    /// The supplier's name.
    pub supplier: String,
    /// The plant's code.
    pub plant: String,
    /// The day it is expected.
    pub arrive_on: NaiveDate,
    /// Who carries it.
    pub carrier: Option<String>,
    /// When it left.
    pub departed_at: Option<DateTime<Utc>>,
    /// When it stood at the gate.
    pub arrived_at: Option<DateTime<Utc>>,
    /// When it was received.
    pub received_at: Option<DateTime<Utc>>,
    /// Lines.
    pub lines: i64,
    /// Of these, come in full.
    pub lines_done: i64,
    /// Packages at the top: pallets, and cartons that stand alone.
    pub packages: i64,
    /// The case that is open about it.
    pub case: Option<String>,
}

impl ArrivalRow {
    /// Its place in the column.
    pub const fn key(&self) -> Key {
        Key { day: self.arrive_on, id: self.ship_notice_id }
    }
}

impl FromRow<'_, PgRow> for ArrivalRow {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let status: String = row.try_get("status")?;
        Ok(Self {
            ship_notice_id: row.try_get("ship_notice_id")?,
            number: row.try_get("number")?,
            delivery_note: row.try_get("delivery_note")?,
            status: read_word("ship status", &status).map_err(|error| sqlx::Error::Decode(error.into()))?,
            supplier: row.try_get("supplier")?,
            plant: row.try_get("plant")?,
            arrive_on: row.try_get("arrive_on")?,
            carrier: row.try_get("carrier")?,
            departed_at: row.try_get("departed_at")?,
            arrived_at: row.try_get("arrived_at")?,
            received_at: row.try_get("received_at")?,
            lines: row.try_get("lines")?,
            lines_done: row.try_get("lines_done")?,
            packages: row.try_get("packages")?,
            case: row.try_get("open_case")?,
        })
    }
}

/// A plant to choose from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plant {
    /// Its id.
    pub id: Uuid,
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Its zone.
    pub zone: domain::calendar::ZoneName,
}

/// The plants within the scope, by code.
pub async fn plants(tx: &mut Tx) -> Result<Vec<Plant>, StoreError> {
    let own: Option<Vec<Uuid>> = match tx.scope() {
        Scope::Plants(plants) => Some(plants.iter().map(|id| id.0).collect()),
        Scope::All => None,
        Scope::Suppliers(_) => Some(Vec::new()),
    };
    let rows = sqlx::query!(
        "select plant_id, code, name, zone from plant where $1::uuid[] is null or plant_id = any($1) order by code limit 500",
        own as _
    )
    .fetch_all(tx.sql())
    .await?;
    rows.into_iter()
        .map(|row| Ok(Plant { id: row.plant_id, code: row.code, name: row.name, zone: read_word("zone", &row.zone)? }))
        .collect()
}

const RECEIVING: &str =
    "exists (select from ship_milestone m where m.ship_notice_id = n.ship_notice_id and m.milestone = 'receiving')";

fn narrow(query: &mut QueryBuilder<Postgres>, dock: &Dock, column: Column) {
    query.push(" n.plant_id = any(").push_bind(dock.plants.clone()).push(")");
    match column {
        Column::Due => {
            query.push(" and n.status in ('announced', 'in_transit') and n.arrive_on = ").push_bind(dock.day);
        }
        Column::Late => {
            query.push(" and n.status in ('announced', 'in_transit') and n.arrive_on < ").push_bind(dock.today);
        }
        Column::AtGate => {
            query.push(" and n.status = 'arrived' and not ").push(RECEIVING);
        }
        Column::Receiving => {
            query.push(" and (n.status = 'partly_received' or n.status = 'arrived' and ").push(RECEIVING).push(")");
        }
        Column::Received => {
            query.push(" and n.status = 'received' and n.received_at >= ").push_bind(dock.hours.0);
            query.push(" and n.received_at < ").push_bind(dock.hours.1);
        }
    }
}

/// The rows of a column, the first expected first; at most `size`, after `after`.
pub async fn column(
    tx: &mut Tx,
    dock: &Dock,
    column: Column,
    after: Option<Key>,
    size: i64,
) -> Result<Vec<ArrivalRow>, StoreError> {
    let mut query = QueryBuilder::new("with top as materialized (select n.* from ship_notice n where");
    narrow(&mut query, dock, column);
    if let Some(key) = after {
        query
            .push(" and (n.arrive_on, n.ship_notice_id) > (")
            .push_bind(key.day)
            .push(", ")
            .push_bind(key.id)
            .push(")");
    }
    query.push(" order by n.arrive_on, n.ship_notice_id limit ").push_bind(size);
    query.push(
        r#")
        select n.ship_notice_id, n.number, n.delivery_note, n.status, s.name as supplier, p.code as plant, n.arrive_on, n.carrier,
               n.departed_at, n.arrived_at, n.received_at, l.lines, l.lines_done,
               (select count(*) from handling_unit u where u.ship_notice_id = n.ship_notice_id and u.parent_id is null) as packages,
               (select d.number from difference_case d
                where d.ship_notice_id = n.ship_notice_id and d.state <> 'closed' order by d.number limit 1) as open_case
        from top n
        join supplier s using (supplier_id)
        join plant p on p.plant_id = n.plant_id
        cross join lateral (
            select count(*) as lines, count(*) filter (where received + damaged >= quantity) as lines_done
            from ship_notice_line where ship_notice_id = n.ship_notice_id and is_live
        ) l
        order by n.arrive_on, n.ship_notice_id"#,
    );
    Ok(query.build_query_as().fetch_all(tx.sql()).await?)
}

/// How many stand in each column, in the order of [`Column::ALL`]; counting stops beyond [`COUNTED`].
pub async fn counts(tx: &mut Tx, dock: &Dock) -> Result<[i64; 5], StoreError> {
    let mut query = QueryBuilder::new("select ");
    for (index, column) in Column::ALL.into_iter().enumerate() {
        if index > 0 {
            query.push(", ");
        }
        query.push("(select count(*) from (select from ship_notice n where");
        narrow(&mut query, dock, column);
        query.push(" limit ").push_bind(COUNTED + 1).push(") counted)");
    }
    let row = query.build().fetch_one(tx.sql()).await?;
    let mut counts = [0; 5];
    for (index, count) in counts.iter_mut().enumerate() {
        *count = row.try_get(index)?;
    }
    Ok(counts)
}

/// What a scan or a typed number leads to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Found {
    /// A ship notice: its number, the delivery note, the supplier's name, and the package that was scanned.
    Notice {
        /// Its number.
        number: String,
        /// The delivery note.
        delivery_note: String,
        /// The supplier's name.
        supplier: String,
        /// Its goods still have to come.
        expected: bool,
        /// The package that was scanned.
        sscc: Option<String>,
    },
    /// An order, to receive against without a ship notice.
    Order {
        /// Its number.
        number: String,
        /// The supplier's name.
        supplier: String,
    },
    /// A receipt.
    Receipt {
        /// Its number.
        number: String,
    },
}

/// Of each kind at the most.
const EACH: i64 = 20;

/// What somebody scanned or typed at the dock, within the scope: a package (SSCC, with or without its identifiers), our
/// ship notice's number, a delivery note, an order, a lot, a receipt. What is still to come stands first.
pub async fn find(tx: &mut Tx, typed: &str) -> Result<Vec<Found>, StoreError> {
    let typed = typed.trim();
    if typed.is_empty() || typed.chars().count() > 200 {
        return Ok(Vec::new());
    }
    let scan = gs1::read(typed).ok();
    let element = |ai| scan.as_ref().and_then(|scan| scan.value(ai)).map(str::to_owned);
    let (sscc, lot, order) = (element(Ai::Sscc), element(Ai::Lot), element(Ai::Order));
    // Whatever a scanner puts around a text that is no GS1 barcode is gone too.
    let text = match &scan {
        Some(gs1::Scan::Text(text)) => text.clone(),
        _ => typed.to_owned(),
    };
    if let Some(sscc) = &sscc {
        let found = by_package(tx, sscc).await?;
        if !found.is_empty() {
            return Ok(found);
        }
    }
    let (lot, order) = (lot.unwrap_or_else(|| text.clone()), order.unwrap_or_else(|| text.clone()));
    let mut found = notices(tx, &text, &lot, &order).await?;
    let orders = sqlx::query!(
        r#"
        select o.number, s.name from purchase_order o join supplier s using (supplier_id)
        where o.number = $1 order by o.published_at desc limit $2
        "#,
        order,
        EACH
    )
    .fetch_all(tx.sql())
    .await?;
    found.extend(orders.into_iter().map(|row| Found::Order { number: row.number, supplier: row.name }));
    let receipts = sqlx::query_scalar!(
        r#"
        select number from receipt where number = upper($1)
        union
        select number from receipt where their_ref = $1 and reversed_at is null
        limit $2
        "#,
        text,
        EACH
    )
    .fetch_all(tx.sql())
    .await?;
    found.extend(receipts.into_iter().flatten().map(|number| Found::Receipt { number }));
    Ok(found)
}

async fn by_package(tx: &mut Tx, sscc: &str) -> Result<Vec<Found>, StoreError> {
    let row = sqlx::query!(
        r#"
        select n.number, n.delivery_note, n.status, s.name as supplier
        from handling_unit u
        join ship_notice n using (ship_notice_id)
        join supplier s on s.supplier_id = n.supplier_id
        where u.sscc = $1
        "#,
        sscc
    )
    .fetch_optional(tx.sql())
    .await?;
    row.into_iter()
        .map(|row| {
            let status: ShipStatus = read_word("ship status", &row.status)?;
            Ok(Found::Notice {
                number: row.number,
                delivery_note: row.delivery_note,
                supplier: row.supplier,
                expected: status.is_expected(),
                sscc: Some(sscc.to_owned()),
            })
        })
        .collect()
}

async fn notices(tx: &mut Tx, text: &str, lot: &str, order: &str) -> Result<Vec<Found>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select n.number, n.delivery_note, n.status, s.name as supplier
        from (
            select ship_notice_id from ship_notice where number = upper($1)
            union
            (select ship_notice_id from ship_notice where lower(delivery_note) = lower($1) order by announced_at desc limit $4)
            union
            (select l.ship_notice_id from ship_notice_lot t join ship_notice_line l using (ship_line_id)
             where t.lot = $2 and l.is_live limit $4)
            union
            (select l.ship_notice_id from ship_notice_line l join purchase_order o using (order_id)
             where o.number = $3 and l.is_live limit $4)
        ) found
        join ship_notice n using (ship_notice_id)
        join supplier s using (supplier_id)
        where n.status <> 'cancelled'
        order by n.status = 'received', n.arrive_on, n.number
        limit $4
        "#,
        text,
        lot,
        order,
        EACH
    )
    .fetch_all(tx.sql())
    .await?;
    rows.into_iter()
        .map(|row| {
            let status: ShipStatus = read_word("ship status", &row.status)?;
            Ok(Found::Notice {
                number: row.number,
                delivery_note: row.delivery_note,
                supplier: row.supplier,
                expected: status.is_expected(),
                sscc: None,
            })
        })
        .collect()
}
