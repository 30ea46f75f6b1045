//! How much there is, as each ERP or warehouse system said last: mirrored with its age, and asked for anew on demand.
//!
//! Nothing is computed here. Two systems that speak of one plant stand side by side, each with the moment for which its
//! number was true there (`as_of`) and the moment at which we learned it.

mod list;

use chrono::{DateTime, Utc};
use domain::Decimal;
use domain::access::{Action, may};
use domain::command::{ItemSnapshot, StockSnapshot};
use domain::event::{Event, Subject, SubjectKind};
use domain::exchange::DeliveryState;
use domain::id::{ConnectionId, ItemId, PlantId};
use uuid::Uuid;

use crate::error::{CommandError, StoreError};
use crate::events::{self, About};
use crate::orders::read_word;
use crate::reference;
use crate::tx::Tx;

pub use list::{Lying, Place, StockFilter, count, list, page};

/// Takes what one system says about one plant and item in place of what it said before. Late news never goes backwards: a
/// word that is older than what is known is left aside. True: it was taken.
pub async fn mirror(tx: &mut Tx, connection_id: ConnectionId, snapshot: &StockSnapshot) -> Result<bool, CommandError> {
    let plant_id = sqlx::query_scalar!("select plant_id from plant where code = $1", snapshot.plant)
        .fetch_optional(tx.sql())
        .await?
        .ok_or_else(|| {
            CommandError::Invalid(format!("Plant {} is not known here yet; nothing was taken.", snapshot.plant))
        })?;
    let target = Target { plant_id, item_id: item(tx, snapshot).await?.0 };
    // One word at a time about one thing: rows may be missing, so there is nothing else to lock.
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended('stock of ' || $1::text || $2::text || $3::text, 0))",
        connection_id.to_string(),
        target.plant_id.to_string(),
        target.item_id.to_string()
    )
    .fetch_one(tx.sql())
    .await?;
    let known = sqlx::query_scalar!(
        "select max(as_of) from stock where connection_id = $1 and plant_id = $2 and item_id = $3",
        connection_id.0,
        target.plant_id,
        target.item_id
    )
    .fetch_one(tx.sql())
    .await?;
    if known.is_some_and(|known| known > snapshot.as_of) {
        return Ok(false);
    }
    sqlx::query!(
        "delete from stock where connection_id = $1 and plant_id = $2 and item_id = $3",
        connection_id.0,
        target.plant_id,
        target.item_id
    )
    .execute(tx.sql())
    .await?;
    let lots: Vec<String> = snapshot.lots.iter().map(|lot| lot.lot.clone().unwrap_or_default()).collect();
    let locations: Vec<String> = snapshot.lots.iter().map(|lot| lot.location.clone().unwrap_or_default()).collect();
    let statuses: Vec<Option<String>> =
        snapshot.lots.iter().map(|lot| lot.status.map(|status| status.as_str().to_owned())).collect();
    let on_hand: Vec<Decimal> = snapshot.lots.iter().map(|lot| lot.on_hand).collect();
    let reserved: Vec<Decimal> = snapshot.lots.iter().map(|lot| lot.reserved).collect();
    let now = tx.now();
    // A system that has nothing says so with an empty list: kept as a row of zero, so that its age is known. One that names
    // the same lot and place twice means both.
    sqlx::query!(
        r#"
        insert into stock (connection_id, plant_id, item_id, lot, location, status, unit, on_hand, reserved, as_of, learned_at)
        select $1, $2, $3, n.lot, n.location, min(n.status), $9, sum(n.on_hand), sum(n.reserved), $10, $11
        from (
          select * from unnest($4::text[], $5::text[], $6::text[], $7::numeric[], $8::numeric[])
            as given (lot, location, status, on_hand, reserved)
          union all
          select '', '', null, 0, 0 where cardinality($4::text[]) = 0
        ) n
        group by n.lot, n.location
        "#,
        connection_id.0,
        target.plant_id,
        target.item_id,
        &lots,
        &locations,
        &statuses as _,
        &on_hand,
        &reserved,
        snapshot.unit.code(),
        snapshot.as_of,
        now
    )
    .execute(tx.sql())
    .await?;
    Ok(true)
}

/// What a word about stock is about.
struct Target {
    plant_id: Uuid,
    item_id: Uuid,
}

/// The item; a new one under its number where stock is told before the first order of it. What it is called comes with that.
async fn item(tx: &mut Tx, snapshot: &StockSnapshot) -> Result<ItemId, CommandError> {
    let known = sqlx::query_scalar!("select item_id from item where number = $1", snapshot.item)
        .fetch_optional(tx.sql())
        .await?;
    if let Some(known) = known {
        return Ok(ItemId(known));
    }
    let bare = ItemSnapshot {
        number: snapshot.item.clone(),
        description: snapshot.item.clone(),
        unit: snapshot.unit.clone(),
        revision: None,
        rules: None,
    };
    let made = reference::mirror_items(tx, &[&bare]).await?;
    made.get(&snapshot.item).copied().ok_or(CommandError::NotFound { what: "item" })
}

/// Whoever asked so many seconds ago is still waiting for that answer: asking again asks nothing.
const PATIENCE_SECONDS: i64 = 10;

/// What an ERP was asked and has not answered yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The plant's code.
    pub plant: String,
    /// Which system was asked.
    pub connection_id: ConnectionId,
    /// Since when.
    pub since: DateTime<Utc>,
    /// How the question fares; none while nothing is known of it.
    pub state: Option<DeliveryState>,
}

/// Asks the ERP of a plant's orders for that item how much there is now. The answer comes as an arrival; until then the
/// number shown is the old one with its age. Asking again while a question is on its way asks nothing.
pub async fn ask(tx: &mut Tx, plant: &str, item: &str) -> Result<usize, CommandError> {
    may(tx.actor(), Action::SeeStock)?;
    let target = sqlx::query!(
        "select p.plant_id, i.item_id from plant p, item i where p.code = $1 and i.number = $2",
        plant,
        item
    )
    .fetch_optional(tx.sql())
    .await?
    .ok_or(CommandError::NotFound { what: "plant or item" })?;
    let mut homes = homes(tx, target.item_id, Some(target.plant_id)).await?;
    let lanes: Vec<Uuid> = homes.iter().map(|home| home.lane(target.item_id)).collect();
    let just_now = tx.now() - chrono::TimeDelta::seconds(PATIENCE_SECONDS);
    let asked = sqlx::query_scalar!(
        "select subject_id from event where subject_id = any($1) and kind = 'stock.requested' and at > $2",
        &lanes,
        just_now
    )
    .fetch_all(tx.sql())
    .await?;
    homes.retain(|home| !asked.contains(&home.lane(target.item_id)));
    for home in &homes {
        let about = About {
            subject: Subject { kind: SubjectKind::Connection, id: home.lane(target.item_id) },
            plant_id: Some(PlantId(target.plant_id)),
            supplier_id: None,
            home: Some(ConnectionId(home.connection_id)),
        };
        let event = Event::StockRequested { plant: plant.to_owned(), item: item.to_owned() };
        events::append(tx, about, &[event], None).await?;
    }
    Ok(homes.len())
}

/// Who is asked about an item in a plant.
struct Home {
    plant_id: Uuid,
    plant: String,
    connection_id: Uuid,
}

impl Home {
    /// The ordering key of its questions: those about one thing keep their order and never wait behind another's.
    const fn lane(&self, item_id: Uuid) -> Uuid {
        Uuid::from_u128(
            self.connection_id.as_u128() ^ self.plant_id.as_u128().rotate_left(41) ^ item_id.as_u128().rotate_left(83),
        )
    }
}

/// Whoever told of it before, the ERPs that ordered it for the plant, and those that its lots came for.
async fn homes(tx: &mut Tx, item_id: Uuid, plant_id: Option<Uuid>) -> Result<Vec<Home>, StoreError> {
    let rows = sqlx::query_as!(
        Home,
        r#"
        select p.plant_id, p.code as plant, those.connection_id as "connection_id!"
        from (
          select plant_id, connection_id from stock where item_id = $1
          union
          select o.plant_id, o.connection_id from order_line l join purchase_order o using (order_id) where l.item_id = $1
          union
          select plant_id, connection_id from lot where item_id = $1 and connection_id is not null
        ) those
        join plant p using (plant_id)
        where $2::uuid is null or p.plant_id = $2
        order by p.code, those.connection_id
        "#,
        item_id,
        plant_id
    )
    .fetch_all(tx.sql())
    .await?;
    Ok(rows)
}

/// Questions about an item that no system has answered since, the last hour's.
pub async fn waiting(tx: &mut Tx, item: &str) -> Result<Vec<Waiting>, CommandError> {
    may(tx.actor(), Action::SeeStock)?;
    let item_id = sqlx::query_scalar!("select item_id from item where number = $1", item)
        .fetch_optional(tx.sql())
        .await?
        .ok_or(CommandError::NotFound { what: "item" })?;
    let homes = homes(tx, item_id, None).await?;
    let lanes: Vec<Uuid> = homes.iter().map(|home| home.lane(item_id)).collect();
    let connections: Vec<Uuid> = homes.iter().map(|home| home.connection_id).collect();
    let plants: Vec<Uuid> = homes.iter().map(|home| home.plant_id).collect();
    let rows = sqlx::query!(
        r#"
        select distinct on (h.place) h.place as "place!", e.at, d.state as "state?"
        from unnest($1::uuid[], $2::uuid[], $3::uuid[]) with ordinality as h (lane, connection_id, plant_id, place)
        join event e on e.subject_id = h.lane and e.kind = 'stock.requested' and e.at > $4
        left join delivery d on d.event_id = e.event_id
        where not exists (
          select from stock s
          where s.connection_id = h.connection_id and s.plant_id = h.plant_id and s.item_id = $5 and s.learned_at > e.at)
        order by h.place, e.at desc
        "#,
        &lanes,
        &connections,
        &plants,
        tx.now() - chrono::TimeDelta::hours(1),
        item_id
    )
    .fetch_all(tx.sql())
    .await?;
    let mut waiting = Vec::new();
    for row in rows {
        let home = usize::try_from(row.place - 1).ok().and_then(|place| homes.get(place));
        let Some(home) = home else { continue };
        let state = row.state.as_deref().map(|word| read_word("delivery state", word)).transpose()?;
        waiting.push(Waiting {
            plant: home.plant.clone(),
            connection_id: ConnectionId(home.connection_id),
            since: row.at,
            state,
        });
    }
    Ok(waiting)
}
