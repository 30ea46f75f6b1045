//! Reference data mirrored from the ERP: suppliers, plants, items, and the keys the ERP uses.

use std::collections::HashMap;

use domain::command::{ItemSnapshot, OrderSnapshot, PlantSnapshot, SupplierSnapshot};
use domain::id::{ConnectionId, ItemId, PlantId, SupplierId};
use domain::item::ItemRules;
use domain::revision::Resolved;
use serde_json::Value;
use uuid::Uuid;

use crate::error::{CommandError, StoreError};
use crate::orders::read_json;
use crate::tx::Tx;

/// Adds or renames a supplier. What was agreed with him is ours and stays.
pub async fn mirror_supplier(tx: &mut Tx, snapshot: &SupplierSnapshot) -> Result<SupplierId, StoreError> {
    Ok(supplier(tx, snapshot).await?.0)
}

async fn supplier(tx: &mut Tx, snapshot: &SupplierSnapshot) -> Result<(SupplierId, Value, bool), StoreError> {
    let (id, now) = (tx.new_id(), tx.now());
    // The common case writes nothing: a row that is as it should be is only read.
    let row = sqlx::query!(
        r#"select supplier_id, name, tolerances, may_change_price from supplier where number = $1"#,
        snapshot.number
    )
    .fetch_optional(tx.sql())
    .await?;
    if let Some(row) = row.as_ref().filter(|row| row.name == snapshot.name) {
        return Ok((SupplierId(row.supplier_id), row.tolerances.clone(), row.may_change_price));
    }
    let row = sqlx::query!(
        r#"
        insert into supplier (supplier_id, number, name, created_at) values ($1, $2, $3, $4)
        on conflict (number) do update set name = excluded.name
        returning supplier_id, tolerances, may_change_price
        "#,
        id,
        snapshot.number,
        snapshot.name,
        now,
    )
    .fetch_one(tx.sql())
    .await?;
    Ok((SupplierId(row.supplier_id), row.tolerances, row.may_change_price))
}

/// Adds or renames a plant. Its zone and tolerances are ours and stay.
pub async fn mirror_plant(tx: &mut Tx, snapshot: &PlantSnapshot) -> Result<PlantId, StoreError> {
    Ok(plant(tx, snapshot).await?.0)
}

async fn plant(tx: &mut Tx, snapshot: &PlantSnapshot) -> Result<(PlantId, Value), StoreError> {
    let (id, now) = (tx.new_id(), tx.now());
    let row = sqlx::query!("select plant_id, name, tolerances from plant where code = $1", snapshot.code)
        .fetch_optional(tx.sql())
        .await?;
    if let Some(row) = row.as_ref().filter(|row| row.name == snapshot.name) {
        return Ok((PlantId(row.plant_id), row.tolerances.clone()));
    }
    let row = sqlx::query!(
        r#"
        insert into plant (plant_id, code, name, created_at) values ($1, $2, $3, $4)
        on conflict (code) do update set name = excluded.name
        returning plant_id, tolerances
        "#,
        id,
        snapshot.code,
        snapshot.name,
        now,
    )
    .fetch_one(tx.sql())
    .await?;
    Ok((PlantId(row.plant_id), row.tolerances))
}

/// Adds or updates items, all in one statement; those that are as they should be are left alone.
pub async fn mirror_items(tx: &mut Tx, items: &[&ItemSnapshot]) -> Result<HashMap<String, ItemId>, StoreError> {
    let mut wanted: Vec<&&ItemSnapshot> = items.iter().collect();
    // Sorted, so that two transactions lock items in the same order.
    wanted.sort_by(|a, b| a.number.cmp(&b.number));
    wanted.dedup_by(|a, b| a.number == b.number);
    let now = tx.now();
    let ids: Vec<Uuid> = wanted.iter().map(|_| tx.new_id()).collect();
    let numbers: Vec<String> = wanted.iter().map(|item| item.number.clone()).collect();
    let descriptions: Vec<String> = wanted.iter().map(|item| item.description.clone()).collect();
    let units: Vec<String> = wanted.iter().map(|item| item.unit.code().to_owned()).collect();
    let revisions: Vec<Option<String>> = wanted.iter().map(|item| item.revision.clone()).collect();
    // A system that does not say how an item is handled leaves what is known.
    let rules = |of: fn(&ItemRules) -> bool| -> Vec<Option<bool>> {
        wanted.iter().map(|item| item.rules.as_ref().map(of)).collect()
    };
    let days = |of: fn(&ItemRules) -> Option<u32>| -> Vec<Option<i32>> {
        wanted.iter().map(|item| of(item.rules.as_ref()?).and_then(|days| i32::try_from(days).ok())).collect()
    };
    let (lots, serials, inspection) = (rules(|it| it.lots), rules(|it| it.serials), rules(|it| it.inspection));
    let (shelf_life, left) = (days(|it| it.shelf_life_days), days(|it| it.days_left_on_arrival));
    sqlx::query!(
        r#"
        insert into item (item_id, number, description, base_unit, revision, created_at,
                          lots, serials, inspection, shelf_life_days, days_left_on_arrival)
        select n.id, n.number, n.description, n.unit, n.revision, $6,
               coalesce(n.lots, known.lots, false), coalesce(n.serials, known.serials, false),
               coalesce(n.inspection, known.inspection, false),
               case when n.lots is null then known.shelf_life_days else n.shelf_life_days end,
               case when n.lots is null then known.days_left_on_arrival else n.days_left_on_arrival end
        from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[],
                    $7::boolean[], $8::boolean[], $9::boolean[], $10::integer[], $11::integer[])
            as n (id, number, description, unit, revision, lots, serials, inspection, shelf_life_days, days_left_on_arrival)
        left join item known on known.number = n.number
        where known.item_id is null
           or (known.description, known.base_unit) <> (n.description, n.unit)
           or known.revision is distinct from n.revision
           or (n.lots is not null
               and (known.lots, known.serials, known.inspection, known.shelf_life_days, known.days_left_on_arrival)
                   is distinct from (n.lots, n.serials, n.inspection, n.shelf_life_days, n.days_left_on_arrival))
        order by n.number
        on conflict (number) do update
            set description = excluded.description, base_unit = excluded.base_unit, revision = excluded.revision,
                lots = excluded.lots, serials = excluded.serials, inspection = excluded.inspection,
                shelf_life_days = excluded.shelf_life_days, days_left_on_arrival = excluded.days_left_on_arrival
        "#,
        &ids,
        &numbers,
        &descriptions,
        &units,
        &revisions as _,
        now,
        &lots as _,
        &serials as _,
        &inspection as _,
        &shelf_life as _,
        &left as _,
    )
    .execute(tx.sql())
    .await?;
    let rows =
        sqlx::query!("select number, item_id from item where number = any($1)", &numbers).fetch_all(tx.sql()).await?;
    let ids: HashMap<String, ItemId> = rows.into_iter().map(|row| (row.number, ItemId(row.item_id))).collect();
    mirror_units(tx, &wanted, &ids).await?;
    Ok(ids)
}

/// The units that items are also counted in, where their system says how they are handled.
async fn mirror_units(tx: &mut Tx, items: &[&&ItemSnapshot], ids: &HashMap<String, ItemId>) -> Result<(), StoreError> {
    let (mut of, mut units, mut of_base, mut of_unit) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for item in items {
        let (Some(rules), Some(id)) = (&item.rules, ids.get(&item.number)) else { continue };
        for unit in &rules.units {
            of.push(id.0);
            units.push(unit.unit.code().to_owned());
            of_base.push(unit.times);
            of_unit.push(unit.over);
        }
    }
    if of.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        r#"
        insert into item_unit (item_id, unit, of_base, of_unit)
        select distinct on (item_id, unit) item_id, unit, of_base, of_unit
        from unnest($1::uuid[], $2::text[], $3::numeric[], $4::numeric[]) as n (item_id, unit, of_base, of_unit)
        order by item_id, unit
        on conflict (item_id, unit) do update set of_base = excluded.of_base, of_unit = excluded.of_unit
            where (item_unit.of_base, item_unit.of_unit) <> (excluded.of_base, excluded.of_unit)
        "#,
        &of,
        &units,
        &of_base,
        &of_unit
    )
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// Everything an order needs before it can be built or revised.
pub(crate) async fn resolve(
    tx: &mut Tx,
    connection_id: ConnectionId,
    snapshot: &OrderSnapshot,
) -> Result<Resolved, CommandError> {
    let (supplier_id, supplier_tolerances, may_change_price) = supplier(tx, &snapshot.supplier).await?;
    let (plant_id, plant_tolerances) = plant(tx, &snapshot.plant).await?;
    let items: Vec<&ItemSnapshot> = snapshot.lines.iter().map(|line| &line.item).collect();
    let items = mirror_items(tx, &items).await?;
    Ok(Resolved {
        connection_id,
        supplier_id,
        plant_id,
        items,
        supplier_tolerances: read_json("tolerances", supplier_tolerances)?,
        plant_tolerances: read_json("tolerances", plant_tolerances)?,
        may_change_price,
    })
}

/// Remembers the ERP's keys of an order and its lines.
pub(crate) async fn learn_links(
    tx: &mut Tx,
    connection_id: ConnectionId,
    snapshot: &OrderSnapshot,
) -> Result<(), StoreError> {
    let mut kinds = vec!["order".to_owned()];
    let mut keys = vec![snapshot.number.clone()];
    let mut refs = vec![snapshot.their_ref.clone()];
    for line in &snapshot.lines {
        kinds.push("order_line".to_owned());
        keys.push(format!("{}/{}", snapshot.number, line.number));
        refs.push(line.their_ref.clone());
    }
    save_links(tx, connection_id, &snapshot.number, &kinds, &keys, &refs).await
}

/// Saves the keys of one order; the newest wins.
pub async fn save_links(
    tx: &mut Tx,
    connection_id: ConnectionId,
    order: &str,
    kinds: &[String],
    keys: &[String],
    refs: &[String],
) -> Result<(), StoreError> {
    let now = tx.now();
    sqlx::query!(
        r#"
        insert into link (connection_id, kind, key, group_key, their_ref, learned_at)
        select distinct on (n.kind, n.key) $1, n.kind, n.key, $6, n.their_ref, $5
        from unnest($2::text[], $3::text[], $4::text[]) as n (kind, key, their_ref)
        order by n.kind, n.key
        on conflict (connection_id, kind, key) do update
            set their_ref = excluded.their_ref, learned_at = excluded.learned_at
            where link.their_ref <> excluded.their_ref
        "#,
        connection_id.0,
        kinds,
        keys,
        refs,
        now,
        order,
    )
    .execute(tx.sql())
    .await?;
    Ok(())
}
