//! What a ship notice is made from and checked against: promised lines that are not yet shipped, and the facts of the check.
//!
//! What counts as shipped: the lines of notices that are not cancelled, with what they announce; of a notice that is received
//! to its end, with what came, so that a short receipt opens the rest again.

use domain::Decimal;
use domain::access::Scope;
use domain::calendar::{ZoneName, today};
use domain::certificate::requirement::Supplied;
use domain::id::{ItemId, OrderId, OrderLineId, ScheduleLineId, ShipNoticeId};
use domain::item::ItemRules;
use domain::order::Commitment;
use domain::quantity::Unit;
use domain::shipment::ShipNotice;
use domain::shipment::content::{ShipContent, ShipFacts, Shippable, TakenSerial};
use domain::tolerance::{Agreed, Tolerances};
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Postgres, QueryBuilder, Row};
use uuid::Uuid;

use crate::coverage::{self, Shipping};
use crate::error::StoreError;
use crate::orders::{read_json, read_word};
use crate::tx::Tx;

/// A line that can be shipped, with where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The line.
    pub line: Shippable,
    /// The supplier's number and name.
    pub supplier: (String, String),
    /// The plant's code and name.
    pub plant: (String, String),
    /// The plant's zone.
    pub zone: ZoneName,
}

/// Which lines to propose.
#[derive(Debug, Clone, Default)]
pub struct Due {
    /// Of this order alone, by number.
    pub order: Option<String>,
    /// For this plant alone, by code.
    pub plant: Option<String>,
    /// Order number, item number (from the start) or words of the description.
    pub text: Option<String>,
    /// Promised up to this day.
    pub until: Option<domain::NaiveDate>,
}

const SELECT: &str = "
    select s.schedule_line_id, s.order_id, o.number as order_number, o.status as order_status, o.connection_id,
           s.supplier_id, v.number as supplier_number, v.name as supplier_name, v.tolerances as supplier_tolerances,
           s.plant_id, p.code as plant_code, p.name as plant_name, p.zone, p.tolerances as plant_tolerances,
           l.order_line_id, l.number as line_number, l.item_id, l.item_number, l.description, l.supplier_item, l.unit,
           l.tolerances as line_tolerances, s.number as schedule_number, s.state, s.quantity, s.promise,
           i.lots, i.serials, i.inspection, i.shelf_life_days, i.days_left_on_arrival, coalesce(x.shipped, 0) as shipped
    from schedule_line s
    join order_line l using (order_line_id)
    join purchase_order o on o.order_id = s.order_id
    join supplier v on v.supplier_id = s.supplier_id
    join plant p on p.plant_id = s.plant_id
    join item i on i.item_id = l.item_id
    left join lateral (
        select sum(case when n.status = 'received' then g.received else greatest(g.quantity, g.received) end) as shipped
        from ship_notice_line g
        join ship_notice n using (ship_notice_id)
        where g.schedule_line_id = s.schedule_line_id and g.is_live and g.ship_notice_id <> ";

fn select(except: Option<ShipNoticeId>) -> QueryBuilder<Postgres> {
    let mut sql = QueryBuilder::new(SELECT);
    sql.push_bind(except.map_or(Uuid::nil(), |id| id.0)).push(") x on true");
    sql
}

/// These schedule lines, as far as they are within the scope. What the notice `except` holds does not count as shipped.
pub async fn candidates(
    tx: &mut Tx,
    ids: &[ScheduleLineId],
    except: Option<ShipNoticeId>,
) -> Result<Vec<Candidate>, StoreError> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let mut sql = select(except);
    sql.push(" where s.schedule_line_id = any(").push_bind(ids).push(") order by o.number, l.number, s.number");
    Ok(sql.build_query_as().fetch_all(tx.sql()).await?)
}

/// Lines of binding promises that are not shipped in full, the first promised first, at most `most`.
pub async fn due(tx: &mut Tx, which: &Due, most: i64) -> Result<Vec<Candidate>, StoreError> {
    let mut sql = select(None);
    conditions(&mut sql, tx.scope(), which);
    sql.push(" order by s.last_confirmed_on nulls last, o.number, l.number, s.number limit ").push_bind(most);
    Ok(sql.build_query_as().fetch_all(tx.sql()).await?)
}

fn conditions(sql: &mut QueryBuilder<Postgres>, scope: &Scope, which: &Due) {
    match scope {
        Scope::All => sql.push(" where true"),
        Scope::Plants(plants) => {
            sql.push(" where s.plant_id = any(").push_bind(plants.iter().map(|id| id.0).collect::<Vec<_>>()).push(")")
        }
        Scope::Suppliers(suppliers) => sql
            .push(" where s.supplier_id = any(")
            .push_bind(suppliers.iter().map(|id| id.0).collect::<Vec<_>>())
            .push(")"),
    };
    sql.push(
        " and s.promised > coalesce(x.shipped, 0) and s.state not in ('cancelled', 'declined') and o.status = 'open'",
    );
    if let Some(order) = &which.order {
        sql.push(" and o.number = ").push_bind(order.clone());
    }
    if let Some(plant) = &which.plant {
        sql.push(" and p.code = ").push_bind(plant.clone());
    }
    if let Some(until) = which.until {
        sql.push(" and s.last_confirmed_on <= ").push_bind(until);
    }
    if let Some(text) = which.text.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
        let escaped = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        sql.push(" and (o.number = ").push_bind(text.to_owned());
        sql.push(" or l.item_number ilike ").push_bind(format!("{escaped}%"));
        sql.push(" or l.supplier_item ilike ").push_bind(format!("{escaped}%"));
        sql.push(" or l.description ilike ").push_bind(format!("%{escaped}%")).push(")");
    }
}

/// What this content is checked against. `before` is the notice that it would replace. Reads only: whoever is about to send
/// locks the schedule lines first, see [`crate::ship_notices`].
pub async fn facts_for_check(
    tx: &mut Tx,
    content: &ShipContent,
    before: Option<&ShipNotice>,
) -> Result<ShipFacts, StoreError> {
    let except = before.map(|notice| notice.ship_notice_id);
    let ids: Vec<ScheduleLineId> = content.lines.iter().map(|line| line.schedule_line_id).collect();
    let candidates = candidates(tx, &ids, except).await?;
    let now = tx.now();
    let today = candidates.first().map_or_else(|| now.date_naive(), |line| today(now, line.zone.0));
    let lines: Vec<Shippable> = candidates.into_iter().map(|candidate| candidate.line).collect();
    let (mut delivery_note_in, mut taken_serials) = (None, Vec::new());
    if let Some(supplier_id) = lines.first().map(|line| line.supplier_id.0) {
        let not_this = except.map_or(Uuid::nil(), |id| id.0);
        delivery_note_in = sqlx::query_scalar!(
            r#"
            select number from ship_notice
            where supplier_id = $1 and lower(delivery_note) = lower($2) and status <> 'cancelled' and ship_notice_id <> $3
            "#,
            supplier_id,
            content.delivery_note.trim(),
            not_this
        )
        .fetch_optional(tx.sql())
        .await?;
        let (mut items, mut serials) = (Vec::new(), Vec::new());
        for line in &content.lines {
            let Some(known) = lines.iter().find(|known| known.schedule_line_id == line.schedule_line_id) else {
                continue;
            };
            for serial in line.serials.iter().chain(line.lots.iter().flat_map(|lot| &lot.serials)) {
                items.push(known.item_id.0);
                serials.push(serial.clone());
            }
        }
        if !serials.is_empty() {
            taken_serials = sqlx::query!(
                r#"
                select distinct l.item_id, s.serial, n.number
                from unnest($1::uuid[], $2::text[]) as c (item_id, serial)
                join ship_notice_serial s on s.serial = c.serial
                join ship_notice_line l on l.ship_line_id = s.ship_line_id and l.item_id = c.item_id and l.is_live
                join ship_notice n on n.ship_notice_id = l.ship_notice_id
                where n.supplier_id = $3 and n.ship_notice_id <> $4
                limit 1000
                "#,
                &items,
                &serials,
                supplier_id,
                not_this
            )
            .fetch_all(tx.sql())
            .await?
            .into_iter()
            .map(|row| TakenSerial { item_id: ItemId(row.item_id), serial: row.serial, notice: row.number })
            .collect();
        }
    }
    let certificates = coverage::of_shipment(tx, &shipping(content, &lines), content.arrive_on.max(today)).await?;
    Ok(ShipFacts { today, lines, delivery_note_in, taken_serials, certificates, before: before.cloned() })
}

/// What is about to be shipped, as far as certificates go.
fn shipping(content: &ShipContent, lines: &[Shippable]) -> Vec<Shipping> {
    let note = content.delivery_note.trim();
    content
        .lines
        .iter()
        .filter_map(|line| {
            let known = lines.iter().find(|known| known.schedule_line_id == line.schedule_line_id)?;
            let supplied = Supplied {
                item_id: known.item_id,
                supplier_id: Some(known.supplier_id),
                plant_id: known.plant_id,
                lots: line.lots.iter().map(|lot| lot.lot.trim().to_owned()).collect(),
                delivery_note: (!note.is_empty()).then(|| note.to_owned()),
            };
            Some(Shipping { schedule_line_id: line.schedule_line_id, supplied })
        })
        .collect()
}

impl<'r> FromRow<'r, PgRow> for Candidate {
    fn from_row(row: &'r PgRow) -> Result<Self, sqlx::Error> {
        let bad = |error: StoreError| sqlx::Error::Decode(Box::new(error));
        let tolerances = |column: &str| -> Result<Tolerances, sqlx::Error> {
            read_json("tolerances", row.try_get::<Value, _>(column)?).map_err(bad)
        };
        let days = |column: &str| -> Result<Option<u32>, sqlx::Error> {
            Ok(row.try_get::<Option<i32>, _>(column)?.and_then(|days| u32::try_from(days).ok()))
        };
        let promise: Option<Value> = row.try_get("promise")?;
        let promise: Option<Vec<Commitment>> =
            promise.map(|value| read_json("promise", value)).transpose().map_err(bad)?;
        Ok(Self {
            line: Shippable {
                order_id: OrderId(row.try_get("order_id")?),
                order: row.try_get("order_number")?,
                order_status: read_word("order status", row.try_get("order_status")?).map_err(bad)?,
                connection_id: row.try_get::<Uuid, _>("connection_id")?.into(),
                supplier_id: row.try_get::<Uuid, _>("supplier_id")?.into(),
                plant_id: row.try_get::<Uuid, _>("plant_id")?.into(),
                order_line_id: OrderLineId(row.try_get("order_line_id")?),
                line: row.try_get("line_number")?,
                schedule_line_id: ScheduleLineId(row.try_get("schedule_line_id")?),
                schedule: row.try_get("schedule_number")?,
                item_id: ItemId(row.try_get("item_id")?),
                item: row.try_get("item_number")?,
                description: row.try_get("description")?,
                supplier_item: row.try_get("supplier_item")?,
                unit: Unit::new(row.try_get("unit")?),
                rules: ItemRules {
                    lots: row.try_get("lots")?,
                    serials: row.try_get("serials")?,
                    inspection: row.try_get("inspection")?,
                    shelf_life_days: days("shelf_life_days")?,
                    days_left_on_arrival: days("days_left_on_arrival")?,
                    ..ItemRules::default()
                },
                agreed: Agreed {
                    line: tolerances("line_tolerances")?,
                    supplier: tolerances("supplier_tolerances")?,
                    plant: tolerances("plant_tolerances")?,
                },
                state: read_word("negotiation state", row.try_get("state")?).map_err(bad)?,
                ordered: row.try_get("quantity")?,
                promise,
                shipped: row.try_get::<Decimal, _>("shipped")?,
            },
            supplier: (row.try_get("supplier_number")?, row.try_get("supplier_name")?),
            plant: (row.try_get("plant_code")?, row.try_get("plant_name")?),
            zone: read_word("zone", row.try_get("zone")?).map_err(bad)?,
        })
    }
}
