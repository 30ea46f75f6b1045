//! What a report is about: its item with its units, its component, its lot.

use chrono::{DateTime, Utc};
use domain::Decimal;
use domain::command::ReportSnapshot;
use domain::conversion::{ItemUnit, convert};
use domain::id::{ItemId, LotId, PlantId};
use domain::inspection::Plan;
use domain::production::intake::{Place, Stop, remarks};
use domain::production::posting::Cause;
use domain::production::{Completion, Consumption};
use domain::quantity::{Quantity, Unit};
use domain::refusal::Finding;

use crate::error::{CommandError, StoreError};
use crate::inspection_plans;
use crate::lots::lock_item;
use crate::tx::Tx;
use crate::work_orders::Known;

/// What a report is about in stock.
pub(super) struct Material {
    item_id: ItemId,
    item: String,
    lots: bool,
    base: Unit,
    units: Vec<ItemUnit>,
    inspection: bool,
}

pub(super) async fn material(tx: &mut Tx, number: &str) -> Result<Material, CommandError> {
    let row = sqlx::query!("select item_id, base_unit, lots, inspection from item where number = $1", number)
        .fetch_optional(tx.sql())
        .await?
        .ok_or_else(|| CommandError::NotYet { what: format!("item {number}") })?;
    let units = sqlx::query!("select unit, of_base, of_unit from item_unit where item_id = $1", row.item_id)
        .fetch_all(tx.sql())
        .await?;
    Ok(Material {
        item_id: ItemId(row.item_id),
        item: number.to_owned(),
        lots: row.lots,
        base: Unit::new(&row.base_unit),
        units: units
            .into_iter()
            .map(|it| ItemUnit { unit: Unit::new(&it.unit), times: it.of_base, over: it.of_unit })
            .collect(),
        inspection: row.inspection,
    })
}

impl Material {
    pub(super) fn convert(&self, value: Decimal, from: &Unit, to: &Unit) -> Option<Decimal> {
        convert(value, from, to, &self.base, &self.units)
    }
}

/// What a report did, for its row.
#[derive(Default)]
pub(super) struct Effect {
    pub item: Option<(ItemId, String)>,
    pub component: Option<String>,
    pub lot_id: Option<LotId>,
    pub lot: Option<String>,
    pub serials: Vec<String>,
    pub quantity: Option<Quantity>,
    pub booked: Option<Quantity>,
    pub uncovered: Decimal,
    pub scrap: Decimal,
    pub scrap_reason: Option<String>,
    pub stop: Option<Stop>,
    pub remarks: Vec<Finding>,
}

pub(super) fn place<'a>(
    order: &'a Known,
    snapshot: &ReportSnapshot,
    component: Option<(&'a str, Decimal, Decimal, &'a Unit)>,
    consumption: bool,
    learned_at: DateTime<Utc>,
) -> Place<'a> {
    Place { status: order.order.status, at: snapshot.at, learned_at, component, consumption }
}

/// What is known of a consumption before anything is moved.
pub(super) async fn before_consumption(
    tx: &mut Tx,
    order: &Known,
    snapshot: &ReportSnapshot,
    it: &mut Consumption,
) -> Result<Effect, CommandError> {
    let material = material(tx, &it.item).await?;
    lock_item(tx, material.item_id).await?;
    let named = it.component.as_deref();
    // Where nobody says which, the first that still lacks something, else the first of the item.
    let of_item = |open: bool| {
        order.order.components.iter().find(|part| {
            part.item == it.item
                && named.is_none_or(|named| part.number == named)
                && (!open || order.consumed.get(&part.number).is_none_or(|(_, done)| *done < part.quantity))
        })
    };
    let component = of_item(true).or_else(|| of_item(false));
    it.component = component.map(|part| part.number.clone());
    it.backflush = component.is_some_and(|part| part.backflush);
    let lot = match &it.lot {
        Some(number) => find_lot(tx, order.plant_id, material.item_id, number).await?,
        None => None,
    };
    let unit = lot.as_ref().map_or(&material.base, |(_, unit)| unit).clone();
    let booked = material.convert(it.quantity, &it.unit, &unit).map(|value| Quantity::new(value, unit.clone()));
    let mut effect = Effect {
        item: Some((material.item_id, material.item.clone())),
        component: it.component.clone(),
        lot_id: lot.map(|(lot_id, _)| lot_id),
        lot: it.lot.clone(),
        serials: it.serials.clone(),
        quantity: Some(Quantity::new(it.quantity, it.unit.clone())),
        booked,
        ..Effect::default()
    };
    let consumed = component.and_then(|part| {
        let more = material.convert(it.quantity, &it.unit, &part.unit)?;
        let done = order.consumed.get(&part.number).map_or(Decimal::ZERO, |(_, done)| *done);
        Some((part.number.as_str(), part.quantity, done + more, &part.unit))
    });
    let known = component.map(|part| (part.number.as_str(), part.quantity, Decimal::ZERO, &part.unit));
    effect.remarks = remarks(&place(order, snapshot, consumed.or(known), true, tx.now()));
    if it.lot.is_none() && material.lots {
        let words = format!("Item {} is kept in lots, and the report names none.", material.item);
        effect.remarks.push(Finding::warns("lot", "lot_missing", words.clone()));
        effect.stop = Some((Cause::StockMissing, words));
    }
    if effect.booked.is_none() {
        effect.stop = Some((Cause::UnitUnknown, unit_words(&it.unit, &unit, &material.item)));
    }
    Ok(effect)
}

fn unit_words(from: &Unit, to: &Unit, item: &str) -> String {
    format!(
        "{from} does not become {to} exactly for item {item}: its ERP must know the unit, or the report be corrected."
    )
}

/// What is known of a completion before anything is moved. Makes the lot where it is new.
pub(super) async fn before_completion(
    tx: &mut Tx,
    order: &Known,
    snapshot: &ReportSnapshot,
    it: &Completion,
) -> Result<Effect, CommandError> {
    let material = material(tx, &order.order.item).await?;
    lock_item(tx, material.item_id).await?;
    let known = match &it.lot {
        Some(number) => find_lot(tx, order.plant_id, material.item_id, number).await?,
        None => None,
    };
    let unit = known.as_ref().map_or(&material.base, |(_, unit)| unit).clone();
    let booked = material.convert(it.quantity, &it.unit, &unit).map(|value| Quantity::new(value, unit.clone()));
    let lot_id = match (known, &it.lot) {
        (Some((lot_id, _)), _) => Some(lot_id),
        (None, Some(number)) => Some(make_lot(tx, order, &material, number, &unit, snapshot.at).await?),
        (None, None) => None,
    };
    if let Some(lot_id) = lot_id {
        add_serials(tx, lot_id, &it.serials).await?;
    }
    let mut effect = Effect {
        item: Some((material.item_id, material.item.clone())),
        lot_id,
        lot: it.lot.clone(),
        serials: it.serials.clone(),
        quantity: Some(Quantity::new(it.quantity, it.unit.clone())),
        booked,
        scrap: it.scrap,
        scrap_reason: it.scrap_reason.clone(),
        remarks: remarks(&place(order, snapshot, None, false, tx.now())),
        ..Effect::default()
    };
    if effect.booked.is_none() {
        effect.stop = Some((Cause::UnitUnknown, unit_words(&it.unit, &unit, &material.item)));
    }
    if it.lot.is_none() && material.lots {
        let words = format!("Item {} is kept in lots, and the report names none.", material.item);
        effect.remarks.push(Finding::warns("lot", "lot_missing", words));
    }
    Ok(effect)
}

async fn find_lot(
    tx: &mut Tx,
    plant_id: PlantId,
    item_id: ItemId,
    number: &str,
) -> Result<Option<(LotId, Unit)>, StoreError> {
    let row = sqlx::query!(
        "select lot_id, unit from lot where plant_id = $1 and item_id = $2 and number = $3",
        plant_id.0,
        item_id.0,
        number
    )
    .fetch_optional(tx.sql())
    .await?;
    Ok(row.map(|row| (LotId(row.lot_id), Unit::new(&row.unit))))
}

async fn make_lot(
    tx: &mut Tx,
    order: &Known,
    material: &Material,
    number: &str,
    unit: &Unit,
    at: DateTime<Utc>,
) -> Result<LotId, StoreError> {
    let (lot_id, now) = (LotId(tx.new_id()), tx.now());
    sqlx::query!(
        r#"
        insert into lot (lot_id, plant_id, item_id, item_number, number, unit, produced_on, expires_on, connection_id,
                         work_order_id, created_at)
        select $1, p.plant_id, i.item_id, i.number, $4, $5, ($6::timestamptz at time zone p.zone)::date,
               ($6::timestamptz at time zone p.zone)::date + i.shelf_life_days, $7, $8, $9
        from plant p, item i
        where p.plant_id = $2 and i.item_id = $3
        "#,
        lot_id.0,
        order.plant_id.0,
        material.item_id.0,
        number,
        unit.code(),
        at,
        order.connection_id.0,
        order.order.work_order_id.0,
        now
    )
    .execute(tx.sql())
    .await?;
    // Made under a plan that inspects: it waits for its inspection, as what is bought does.
    let plan = inspection_plans::in_force(tx, material.item_id, None, order.plant_id, material.inspection).await?;
    if plan != Plan::None {
        let inspection_id = tx.new_id();
        sqlx::query!(
            r#"
            insert into inspection (inspection_id, lot_id, state, due_on, opened_at, plant_id)
            select $1, l.lot_id, 'due', l.produced_on, $3, l.plant_id from lot l where l.lot_id = $2
            "#,
            inspection_id,
            lot_id.0,
            now
        )
        .execute(tx.sql())
        .await?;
    }
    Ok(lot_id)
}

async fn add_serials(tx: &mut Tx, lot_id: LotId, serials: &[String]) -> Result<(), StoreError> {
    if serials.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        r#"
        insert into lot_serial (lot_id, serial, plant_id, supplier_id)
        select l.lot_id, n.serial, l.plant_id, l.supplier_id
        from unnest($2::text[]) as n (serial) join lot l on l.lot_id = $1
        on conflict do nothing
        "#,
        lot_id.0,
        serials
    )
    .execute(tx.sql())
    .await?;
    Ok(())
}
