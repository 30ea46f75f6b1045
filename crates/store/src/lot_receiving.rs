//! Taking what came into stock: thousands of lots at once, in a constant number of statements.
//!
//! Which lot a quantity belongs to, whether it is inspected and where it lies are the rules of [`crate::lots`]; this file
//! carries them out for many at a time. What names the same lot twice is done in turns ("waves"), so that the second finds
//! what the first has made.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Days, NaiveDate, Utc};
use domain::Decimal;
use domain::calendar::{ZoneName, today};
use domain::id::{ItemId, LotId, PlantId, SupplierId};
use domain::inspection::{Earlier, Next, Plan};
use domain::lot::{MovementKind, StockStatus};
use uuid::Uuid;

use crate::error::{CommandError, StoreError};
use crate::holds;
use crate::inspection_plans;
use crate::lots::{Received, lock_items};
use crate::orders::read_word;
use crate::tx::Tx;

/// Takes what came into stock, in the order given, and says which lot each became.
pub(crate) async fn receive_all(tx: &mut Tx, received: &[Received]) -> Result<Vec<LotId>, CommandError> {
    if received.iter().any(|one| one.accepted < Decimal::ZERO || one.damaged < Decimal::ZERO) {
        return Err(CommandError::Invalid("A received quantity cannot be below zero.".to_owned()));
    }
    let items: BTreeSet<ItemId> = received.iter().map(|one| one.item_id).collect();
    lock_items(tx, items.iter().map(|item| item.0)).await?;
    let facts = Facts::load(tx, received, &items).await?;
    let mut became: Vec<Option<LotId>> = vec![None; received.len()];
    for wave in waves(received) {
        let rows: Vec<&Received> = wave.iter().filter_map(|at| received.get(*at)).collect();
        let lots = receive_wave(tx, &rows, &facts).await?;
        for (at, lot) in wave.into_iter().zip(lots) {
            if let Some(place) = became.get_mut(at) {
                *place = Some(lot);
            }
        }
    }
    became.into_iter().collect::<Option<Vec<LotId>>>().ok_or(CommandError::NotFound { what: "lot" })
}

/// The name under which a lot is looked for.
fn wanted(received: &Received) -> &str {
    received.number.as_deref().or(received.supplier_lot.as_deref()).map(str::trim).unwrap_or_default()
}

/// Rows in turns: in one turn no two may mean the same lot.
fn waves(received: &[Received]) -> Vec<Vec<usize>> {
    let mut waves: Vec<Vec<usize>> = Vec::new();
    let mut turns: HashMap<(PlantId, ItemId, &str), usize> = HashMap::new();
    for (at, one) in received.iter().enumerate() {
        let names: HashSet<&str> =
            [Some(wanted(one)), one.supplier_lot.as_deref().map(str::trim)].into_iter().flatten().collect();
        let turn = names
            .iter()
            .map(|name| turns.get(&(one.plant_id, one.item_id, *name)).map_or(0, |last| last + 1))
            .max()
            .unwrap_or_default();
        for name in names {
            turns.insert((one.plant_id, one.item_id, name), turn);
        }
        if waves.len() <= turn {
            waves.push(Vec::new());
        }
        if let Some(wave) = waves.get_mut(turn) {
            wave.push(at);
        }
    }
    waves
}

struct Item {
    number: String,
    inspection: bool,
    shelf_life_days: Option<i32>,
}

/// What has to be known of items and plants.
struct Facts {
    items: HashMap<ItemId, Item>,
    zones: HashMap<PlantId, ZoneName>,
}

impl Facts {
    async fn load(tx: &mut Tx, received: &[Received], items: &BTreeSet<ItemId>) -> Result<Self, CommandError> {
        let ids: Vec<Uuid> = items.iter().map(|id| id.0).collect();
        let rows =
            sqlx::query!("select item_id, number, inspection, shelf_life_days from item where item_id = any($1)", &ids)
                .fetch_all(tx.sql())
                .await?;
        let items: HashMap<ItemId, Item> = rows
            .into_iter()
            .map(|row| {
                let (inspection, shelf_life_days) = (row.inspection, row.shelf_life_days);
                (ItemId(row.item_id), Item { number: row.number, inspection, shelf_life_days })
            })
            .collect();
        let plants: Vec<Uuid> =
            received.iter().map(|one| one.plant_id.0).collect::<BTreeSet<_>>().into_iter().collect();
        let rows = sqlx::query!("select plant_id, zone from plant where plant_id = any($1)", &plants)
            .fetch_all(tx.sql())
            .await?;
        let zones = rows
            .into_iter()
            .map(|row| Ok((PlantId(row.plant_id), read_word("zone", &row.zone)?)))
            .collect::<Result<_, StoreError>>()?;
        Ok(Self { items, zones })
    }

    fn item(&self, id: ItemId) -> Result<&Item, CommandError> {
        self.items.get(&id).ok_or(CommandError::NotFound { what: "item" })
    }

    /// The day at which something happened in the plant's calendar.
    fn day(&self, plant: PlantId, at: DateTime<Utc>) -> Result<NaiveDate, CommandError> {
        let zone = self.zones.get(&plant).ok_or(CommandError::NotFound { what: "plant" })?;
        Ok(today(at, zone.0))
    }

    /// As given, or computed from the production date and the shelf life.
    fn expires_on(&self, received: &Received) -> Result<Option<NaiveDate>, CommandError> {
        let days = self.item(received.item_id)?.shelf_life_days.and_then(|days| u64::try_from(days).ok());
        let computed = received.produced_on.zip(days).and_then(|(day, days)| day.checked_add_days(Days::new(days)));
        Ok(received.expires_on.or(computed))
    }
}

async fn receive_wave(tx: &mut Tx, rows: &[&Received], facts: &Facts) -> Result<Vec<LotId>, CommandError> {
    for one in rows {
        if wanted(one).is_empty() {
            let item = &facts.item(one.item_id)?.number;
            return Err(CommandError::Invalid(format!("Item {item} is received by lot: give the lot's number.")));
        }
    }
    let known = find(tx, rows, facts).await?;
    let mut lots = Vec::with_capacity(rows.len());
    let mut new = Vec::new();
    for (one, known) in rows.iter().zip(&known) {
        lots.push(known.unwrap_or_else(|| {
            let lot = LotId(tx.new_id());
            new.push((*one, lot));
            lot
        }));
    }
    add(tx, &new, facts).await?;
    let old: Vec<(&Received, LotId)> =
        rows.iter().zip(&known).filter_map(|(one, known)| Some((*one, (*known)?))).collect();
    complete(tx, &old, facts).await?;

    let next = what_next(tx, rows, &lots, facts).await?;
    move_in(tx, rows, &lots, &next).await?;
    open_inspections(tx, rows, &lots, &next, facts).await?;
    name_serials_and_lines(tx, rows, &lots).await?;
    let new: Vec<LotId> = new.into_iter().map(|(_, lot)| lot).collect();
    holds::tell_of_new_lots(tx, &new).await?;
    Ok(lots)
}

/// The lots that are there already. The plant's number decides; without one, the supplier's lot of the same supplier.
async fn find(tx: &mut Tx, rows: &[&Received], facts: &Facts) -> Result<Vec<Option<LotId>>, CommandError> {
    let plants: Vec<Uuid> = rows.iter().map(|one| one.plant_id.0).collect();
    let items: Vec<Uuid> = rows.iter().map(|one| one.item_id.0).collect();
    let names: Vec<String> = rows.iter().map(|one| wanted(one).to_owned()).collect();
    let suppliers: Vec<Option<Uuid>> = rows.iter().map(|one| one.supplier_id.map(|id| id.0)).collect();
    let supplier_lots: Vec<Option<String>> = rows.iter().map(|one| one.supplier_lot.clone()).collect();
    let unnumbered: Vec<bool> = rows.iter().map(|one| one.number.is_none()).collect();
    // Two lookups, each by an index of its own, instead of one with an "or" that would read all lots of the item.
    let found = sqlx::query!(
        r#"
        with asked as (
            select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::text[], $6::boolean[])
                with ordinality as a (plant_id, item_id, name, supplier_id, supplier_lot, unnumbered, place)
        ),
        fitting as (
            select a.place, l.lot_id, l.unit, true as by_number, l.created_at
            from asked a
            join lot l on l.plant_id = a.plant_id and l.item_id = a.item_id and l.number = a.name
            where l.supplier_id is not distinct from a.supplier_id
              and (l.supplier_lot is null or a.supplier_lot is null or l.supplier_lot = a.supplier_lot)
            union all
            select a.place, l.lot_id, l.unit, l.number = a.name, l.created_at
            from asked a
            join lot l on l.supplier_id = a.supplier_id and l.supplier_lot = a.supplier_lot
            where a.unnumbered and l.plant_id = a.plant_id and l.item_id = a.item_id
        )
        select distinct on (place) place as "place!", lot_id as "lot_id!", unit as "unit!"
        from fitting
        order by place, by_number desc, created_at
        "#,
        &plants,
        &items,
        &names,
        &suppliers as _,
        &supplier_lots as _,
        &unnumbered
    )
    .fetch_all(tx.sql())
    .await?;
    let mut known = vec![None; rows.len()];
    let mut ids: Vec<Uuid> = Vec::with_capacity(found.len());
    for row in found {
        let at = usize::try_from(row.place - 1).unwrap_or_default();
        let (Some(one), Some(place)) = (rows.get(at), known.get_mut(at)) else { continue };
        if row.unit != one.unit.code() {
            let (name, item) = (wanted(one), &facts.item(one.item_id)?.number);
            return Err(CommandError::Invalid(format!(
                "Lot {name} of item {item} is kept in {}, not in {}. Enter the quantity in {}.",
                row.unit, one.unit, row.unit
            )));
        }
        ids.push(row.lot_id);
        *place = Some(LotId(row.lot_id));
    }
    sqlx::query!("select lot_id from lot where lot_id = any($1) order by lot_id for update", &ids)
        .fetch_all(tx.sql())
        .await?;
    Ok(known)
}

async fn add(tx: &mut Tx, new: &[(&Received, LotId)], facts: &Facts) -> Result<(), CommandError> {
    if new.is_empty() {
        return Ok(());
    }
    let numbers = free_numbers(tx, new).await?;
    let now = tx.now();
    let ids: Vec<Uuid> = new.iter().map(|(_, lot)| lot.0).collect();
    let plants: Vec<Uuid> = new.iter().map(|(one, _)| one.plant_id.0).collect();
    let items: Vec<Uuid> = new.iter().map(|(one, _)| one.item_id.0).collect();
    let suppliers: Vec<Option<Uuid>> = new.iter().map(|(one, _)| one.supplier_id.map(|id| id.0)).collect();
    let supplier_lots: Vec<Option<String>> = new.iter().map(|(one, _)| one.supplier_lot.clone()).collect();
    let units: Vec<String> = new.iter().map(|(one, _)| one.unit.code().to_owned()).collect();
    let produced: Vec<Option<NaiveDate>> = new.iter().map(|(one, _)| one.produced_on).collect();
    let expires =
        new.iter().map(|(one, _)| facts.expires_on(one)).collect::<Result<Vec<Option<NaiveDate>>, CommandError>>()?;
    let origins: Vec<Option<String>> = new.iter().map(|(one, _)| one.origin.clone()).collect();
    let locations: Vec<Option<String>> = new.iter().map(|(one, _)| one.location.clone()).collect();
    let connections: Vec<Option<Uuid>> = new.iter().map(|(one, _)| one.connection_id.map(|id| id.0)).collect();
    sqlx::query!(
        r#"
        insert into lot (lot_id, plant_id, item_id, item_number, number, supplier_id, supplier_lot, unit, produced_on,
                         expires_on, origin, location, connection_id, created_at)
        select n.id, n.plant_id, n.item_id, i.number, n.number, n.supplier_id, n.supplier_lot, n.unit, n.produced_on,
               n.expires_on, n.origin, n.location, n.connection_id, $13
        from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::uuid[], $6::text[], $7::text[], $8::date[], $9::date[],
                    $10::text[], $11::text[], $12::uuid[])
            as n (id, plant_id, item_id, number, supplier_id, supplier_lot, unit, produced_on, expires_on, origin, location,
                  connection_id)
        join item i using (item_id)
        "#,
        &ids,
        &plants,
        &items,
        &numbers,
        &suppliers as _,
        &supplier_lots as _,
        &units,
        &produced as _,
        &expires as _,
        &origins as _,
        &locations as _,
        &connections as _,
        now
    )
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// Two suppliers may use one number for what is not one lot: the second gets his supplier number behind it.
async fn free_numbers(tx: &mut Tx, new: &[(&Received, LotId)]) -> Result<Vec<String>, CommandError> {
    let plants: Vec<Uuid> = new.iter().map(|(one, _)| one.plant_id.0).collect();
    let items: Vec<Uuid> = new.iter().map(|(one, _)| one.item_id.0).collect();
    let mut numbers: Vec<String> = new.iter().map(|(one, _)| wanted(one).to_owned()).collect();
    let taken: Vec<i64> = sqlx::query_scalar!(
        r#"
        select a.place as "place!"
        from unnest($1::uuid[], $2::uuid[], $3::text[]) with ordinality as a (plant_id, item_id, name, place)
        join lot l on l.plant_id = a.plant_id and l.item_id = a.item_id and l.number = a.name
        "#,
        &plants,
        &items,
        &numbers
    )
    .fetch_all(tx.sql())
    .await?;
    // Rare, so one by one.
    for place in taken {
        let at = usize::try_from(place - 1).unwrap_or_default();
        if let (Some((one, _)), Some(number)) = (new.get(at), numbers.get_mut(at)) {
            *number = other_number(tx, one).await?;
        }
    }
    Ok(numbers)
}

async fn other_number(tx: &mut Tx, received: &Received) -> Result<String, StoreError> {
    let wanted = wanted(received);
    let taken: HashSet<String> = sqlx::query_scalar!(
        "select number from lot where plant_id = $1 and item_id = $2 and starts_with(number, $3 || '/')",
        received.plant_id.0,
        received.item_id.0,
        wanted
    )
    .fetch_all(tx.sql())
    .await?
    .into_iter()
    .collect();
    let supplier = match received.supplier_id {
        Some(id) => sqlx::query_scalar!("select number from supplier where supplier_id = $1", id.0)
            .fetch_optional(tx.sql())
            .await?
            .unwrap_or_default(),
        None => String::new(),
    };
    let own = format!("{wanted}/{supplier}");
    if !supplier.is_empty() && !taken.contains(&own) {
        return Ok(own);
    }
    Ok((2..).map(|number| format!("{own}/{number}")).find(|number| !taken.contains(number)).unwrap_or(own))
}

/// What was not known of a lot before is known now. Of two expiry dates for one lot the earlier one is the safe one.
async fn complete(tx: &mut Tx, old: &[(&Received, LotId)], facts: &Facts) -> Result<(), CommandError> {
    if old.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = old.iter().map(|(_, lot)| lot.0).collect();
    let expires =
        old.iter().map(|(one, _)| facts.expires_on(one)).collect::<Result<Vec<Option<NaiveDate>>, CommandError>>()?;
    let produced: Vec<Option<NaiveDate>> = old.iter().map(|(one, _)| one.produced_on).collect();
    let origins: Vec<Option<String>> = old.iter().map(|(one, _)| one.origin.clone()).collect();
    let locations: Vec<Option<String>> = old.iter().map(|(one, _)| one.location.clone()).collect();
    let supplier_lots: Vec<Option<String>> = old.iter().map(|(one, _)| one.supplier_lot.clone()).collect();
    let connections: Vec<Option<Uuid>> = old.iter().map(|(one, _)| one.connection_id.map(|id| id.0)).collect();
    sqlx::query!(
        r#"
        update lot l
        set expires_on = least(l.expires_on, n.expires_on), produced_on = coalesce(l.produced_on, n.produced_on),
            origin = coalesce(l.origin, n.origin), location = coalesce(n.location, l.location),
            supplier_lot = coalesce(l.supplier_lot, n.supplier_lot), connection_id = coalesce(l.connection_id, n.connection_id)
        from unnest($1::uuid[], $2::date[], $3::date[], $4::text[], $5::text[], $6::text[], $7::uuid[])
            as n (lot_id, expires_on, produced_on, origin, location, supplier_lot, connection_id)
        where l.lot_id = n.lot_id
        "#,
        &ids,
        &expires as _,
        &produced as _,
        &origins as _,
        &locations as _,
        &supplier_lots as _,
        &connections as _
    )
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// Lots that are inspected by one plan, one after the other.
type Series = (PlantId, ItemId, Option<SupplierId>);

/// Whether each is inspected. An inspection that is due already takes what comes in addition; one that is opened here counts
/// for those behind it.
async fn what_next(tx: &mut Tx, rows: &[&Received], lots: &[LotId], facts: &Facts) -> Result<Vec<Next>, CommandError> {
    let ids: Vec<Uuid> = lots.iter().map(|lot| lot.0).collect();
    let mut due: HashSet<Uuid> =
        sqlx::query_scalar!("select lot_id from inspection where lot_id = any($1) and state = 'due'", &ids)
            .fetch_all(tx.sql())
            .await?
            .into_iter()
            .collect();
    let mut series: HashMap<Series, (Plan, Vec<Earlier>)> = HashMap::new();
    let mut all = Vec::with_capacity(rows.len());
    for (one, lot) in rows.iter().zip(lots) {
        if due.contains(&lot.0) {
            all.push(Next::Inspect);
            continue;
        }
        let key = (one.plant_id, one.item_id, one.supplier_id);
        let (plan, earlier) = match series.entry(key) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let inspection = facts.item(one.item_id)?.inspection;
                let plan =
                    inspection_plans::in_force(tx, one.item_id, one.supplier_id, one.plant_id, inspection).await?;
                new.insert((plan, earlier(tx, one, plan).await?))
            }
        };
        let next = plan.next(earlier);
        if one.accepted > Decimal::ZERO {
            match next {
                Next::Inspect => {
                    earlier.insert(0, Earlier::Due);
                    due.insert(lot.0);
                }
                Next::Skip => earlier.insert(0, Earlier::Skipped),
                Next::Nothing => {}
            }
            earlier.truncate(plan.looks_back() as usize);
        }
        all.push(next);
    }
    Ok(all)
}

async fn earlier(tx: &mut Tx, received: &Received, plan: Plan) -> Result<Vec<Earlier>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select i.state, i.result
        from inspection i join lot l using (lot_id)
        where l.item_id = $1 and l.plant_id = $2 and l.supplier_id is not distinct from $3
        order by i.opened_at desc, i.inspection_id desc
        limit $4
        "#,
        received.item_id.0,
        received.plant_id.0,
        received.supplier_id.map(|id| id.0),
        i64::from(plan.looks_back())
    )
    .fetch_all(tx.sql())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| match (row.state.as_str(), row.result.as_deref()) {
            ("skipped", _) => Earlier::Skipped,
            (_, Some("failed")) => Earlier::Failed,
            (_, Some(_)) => Earlier::Passed,
            _ => Earlier::Due,
        })
        .collect())
}

/// Movements, and what they do to the stock.
async fn move_in(tx: &mut Tx, rows: &[&Received], lots: &[LotId], next: &[Next]) -> Result<(), StoreError> {
    let actor = serde_json::to_value(tx.actor()).map_err(|error| StoreError::unreadable("actor", error))?;
    let now = tx.now();
    let (mut ids, mut statuses, mut quantities) = (Vec::new(), Vec::new(), Vec::new());
    let (mut times, mut lines) = (Vec::new(), Vec::new());
    for ((one, lot), next) in rows.iter().zip(lots).zip(next) {
        let status = if *next == Next::Inspect { StockStatus::Inspection } else { StockStatus::Unrestricted };
        for (to, quantity) in [(status, one.accepted), (StockStatus::Blocked, one.damaged)] {
            if quantity > Decimal::ZERO {
                ids.push(lot.0);
                statuses.push(to.as_str().to_owned());
                quantities.push(quantity);
                times.push(one.received_at);
                lines.push(one.receipt_line_id.0);
            }
        }
    }
    sqlx::query!(
        r#"
        insert into lot_stock (lot_id, status, quantity, plant_id, supplier_id)
        select n.lot_id, n.status, sum(n.quantity), l.plant_id, l.supplier_id
        from unnest($1::uuid[], $2::text[], $3::numeric[]) as n (lot_id, status, quantity)
        join lot l using (lot_id)
        group by n.lot_id, n.status, l.plant_id, l.supplier_id
        on conflict (lot_id, status) do update set quantity = lot_stock.quantity + excluded.quantity
        "#,
        &ids,
        &statuses,
        &quantities
    )
    .execute(tx.sql())
    .await?;
    sqlx::query!(
        r#"
        insert into lot_movement (lot_id, kind, to_status, quantity, at, recorded_at, receipt_line_id, actor, plant_id, supplier_id)
        select n.lot_id, $6, n.status, n.quantity, n.at, $7, n.line, $8, l.plant_id, l.supplier_id
        from unnest($1::uuid[], $2::text[], $3::numeric[], $4::timestamptz[], $5::uuid[])
            with ordinality as n (lot_id, status, quantity, at, line, place)
        join lot l using (lot_id)
        order by n.place
        "#,
        &ids,
        &statuses,
        &quantities,
        &times,
        &lines,
        MovementKind::Receipt.as_str(),
        now,
        actor
    )
    .execute(tx.sql())
    .await?;
    Ok(())
}

async fn open_inspections(
    tx: &mut Tx,
    rows: &[&Received],
    lots: &[LotId],
    next: &[Next],
    facts: &Facts,
) -> Result<(), CommandError> {
    let (mut ids, mut of, mut states, mut days) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for ((one, lot), next) in rows.iter().zip(lots).zip(next) {
        if one.accepted > Decimal::ZERO && *next != Next::Nothing {
            ids.push(tx.new_id());
            of.push(lot.0);
            states.push(if *next == Next::Skip { "skipped" } else { "due" }.to_owned());
            days.push(facts.day(one.plant_id, one.received_at)?);
        }
    }
    if ids.is_empty() {
        return Ok(());
    }
    let now = tx.now();
    sqlx::query!(
        r#"
        insert into inspection (inspection_id, lot_id, state, due_on, opened_at, decided_at, note, plant_id, supplier_id)
        select n.id, n.lot_id, n.state, n.due_on, $5::timestamptz, case when n.state = 'skipped' then $5::timestamptz end,
               case when n.state = 'skipped' then 'Let go by the inspection plan.' end, l.plant_id, l.supplier_id
        from unnest($1::uuid[], $2::uuid[], $3::text[], $4::date[]) with ordinality as n (id, lot_id, state, due_on, place)
        join lot l using (lot_id)
        where not exists (select from inspection known where known.lot_id = n.lot_id and known.state = 'due')
        order by n.place
        "#,
        &ids,
        &of,
        &states,
        &days,
        now
    )
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// The serials that came, and each receipt line's lot.
async fn name_serials_and_lines(tx: &mut Tx, rows: &[&Received], lots: &[LotId]) -> Result<(), StoreError> {
    let (mut of, mut serials) = (Vec::new(), Vec::new());
    for (one, lot) in rows.iter().zip(lots) {
        for serial in &one.serials {
            of.push(lot.0);
            serials.push(serial.clone());
        }
    }
    if !serials.is_empty() {
        sqlx::query!(
            r#"
            insert into lot_serial (lot_id, serial, plant_id, supplier_id)
            select n.lot_id, n.serial, l.plant_id, l.supplier_id
            from unnest($1::uuid[], $2::text[]) as n (lot_id, serial)
            join lot l using (lot_id)
            on conflict do nothing
            "#,
            &of,
            &serials
        )
        .execute(tx.sql())
        .await?;
    }
    let lines: Vec<Uuid> = rows.iter().map(|one| one.receipt_line_id.0).collect();
    let ids: Vec<Uuid> = lots.iter().map(|lot| lot.0).collect();
    sqlx::query!(
        r#"
        update receipt_line r set lot_id = n.lot_id
        from unnest($1::uuid[], $2::uuid[]) as n (line, lot_id)
        where r.receipt_line_id = n.line
        "#,
        &lines,
        &ids
    )
    .execute(tx.sql())
    .await?;
    Ok(())
}
