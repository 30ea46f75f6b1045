//! Ship notices as rows: what [`crate::ship_notices`] has decided is written here, every kind of row in one statement, so
//! that thousands of lots and serials are a handful of them.
//!
//! Nothing is decided and nothing is read that could be decided on.

use std::collections::HashMap;

use chrono::NaiveDate;
use domain::Decimal;
use domain::id::{ConnectionId, EventId, ItemId, OrderId, PlantId, ScheduleLineId, SupplierId};
use domain::shipment::content::Shippable;
use domain::shipment::{ShipNotice, ShipStatus};
use uuid::Uuid;

use crate::error::{CommandError, StoreError, constraint};
use crate::tx::Tx;

/// Whose notice it is, and for which plant and ERP.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parties {
    pub connection_id: ConnectionId,
    pub supplier_id: SupplierId,
    pub plant_id: PlantId,
}

/// Writes a notice that is new.
pub(crate) async fn add_notice(
    tx: &mut Tx,
    notice: &ShipNotice,
    parties: Parties,
    told_by: EventId,
) -> Result<(), CommandError> {
    let now = tx.now();
    sqlx::query!(
        r#"
        insert into ship_notice
            (ship_notice_id, number, connection_id, supplier_id, plant_id, version, status, delivery_note, ship_on, arrive_on,
             carrier, tracking, bill_of_lading, note, announced_at, last_event_id)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
        "#,
        notice.ship_notice_id.0,
        notice.number,
        parties.connection_id.0,
        parties.supplier_id.0,
        parties.plant_id.0,
        notice.version,
        ShipStatus::Announced.as_str(),
        notice.delivery_note,
        notice.ship_on,
        notice.arrive_on,
        notice.carrier,
        notice.tracking,
        notice.bill_of_lading,
        notice.note,
        now,
        told_by.0,
    )
    .execute(tx.sql())
    .await
    .map_err(|error| delivery_note_used(error, notice))?;
    Ok(())
}

/// Writes the header of a newer version.
pub(crate) async fn save_notice(tx: &mut Tx, notice: &ShipNotice, told_by: EventId) -> Result<(), CommandError> {
    let now = tx.now();
    sqlx::query!(
        r#"
        update ship_notice
        set version = $2, delivery_note = $3, ship_on = $4, arrive_on = $5, carrier = $6, tracking = $7, bill_of_lading = $8,
            note = $9, amended_at = $10, last_event_id = $11
        where ship_notice_id = $1
        "#,
        notice.ship_notice_id.0,
        notice.version,
        notice.delivery_note,
        notice.ship_on,
        notice.arrive_on,
        notice.carrier,
        notice.tracking,
        notice.bill_of_lading,
        notice.note,
        now,
        told_by.0,
    )
    .execute(tx.sql())
    .await
    .map_err(|error| delivery_note_used(error, notice))?;
    Ok(())
}

/// Two notices with one delivery note were sent at the same moment; the check of the second one saw none yet.
fn delivery_note_used(error: sqlx::Error, notice: &ShipNotice) -> CommandError {
    match constraint(&error) {
        Some("ship_notice_delivery_note_key") => vec![domain::refusal::Finding::stops(
            "delivery_note",
            "delivery_note_used",
            format!(
                "Delivery note {} was announced in another ship notice just now. Each delivery note is announced once: amend that one, or enter another number.",
                notice.delivery_note
            ),
        )]
        .into(),
        _ => error.into(),
    }
}

/// Keeps the version as it was sent.
pub(crate) async fn add_version(
    tx: &mut Tx,
    notice: &ShipNotice,
    parties: Parties,
    reason: Option<&str>,
) -> Result<(), StoreError> {
    let content = serde_json::to_value(notice).map_err(|error| StoreError::unreadable("ship notice", error))?;
    let actor = serde_json::to_value(tx.actor()).map_err(|error| StoreError::unreadable("actor", error))?;
    let now = tx.now();
    sqlx::query!(
        r#"
        insert into ship_notice_version (ship_notice_id, version, content, actor, at, reason, supplier_id, plant_id)
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        "#,
        notice.ship_notice_id.0,
        notice.version,
        content,
        actor,
        now,
        reason,
        parties.supplier_id.0,
        parties.plant_id.0,
    )
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// Writes lines, lots, serials and packages as the notice has them now. Lines that were there before and are not any more
/// stay as rows that do not count.
pub(crate) async fn save_content(
    tx: &mut Tx,
    notice: &ShipNotice,
    known: &[Shippable],
    parties: Parties,
) -> Result<(), StoreError> {
    let id = notice.ship_notice_id.0;
    if notice.version > 1 {
        clear(tx, id).await?;
    }
    lines(tx, notice, known, parties).await?;
    lots(tx, notice, parties).await?;
    serials(tx, notice, parties).await?;
    packages(tx, notice, parties).await
}

async fn clear(tx: &mut Tx, id: Uuid) -> Result<(), StoreError> {
    sqlx::query!("delete from handling_unit where ship_notice_id = $1", id).execute(tx.sql()).await?;
    sqlx::query!(
        "delete from ship_notice_serial where ship_line_id in (select ship_line_id from ship_notice_line where ship_notice_id = $1)",
        id
    )
    .execute(tx.sql())
    .await?;
    sqlx::query!(
        "delete from ship_notice_lot where ship_line_id in (select ship_line_id from ship_notice_line where ship_notice_id = $1)",
        id
    )
    .execute(tx.sql())
    .await?;
    sqlx::query!("update ship_notice_line set is_live = false where ship_notice_id = $1 and is_live", id)
        .execute(tx.sql())
        .await?;
    Ok(())
}

async fn lines(tx: &mut Tx, notice: &ShipNotice, known: &[Shippable], parties: Parties) -> Result<(), StoreError> {
    let by_id: HashMap<ScheduleLineId, &Shippable> = known.iter().map(|line| (line.schedule_line_id, line)).collect();
    let found: Vec<(OrderId, ItemId)> = notice
        .lines
        .iter()
        .map(|line| {
            let known = by_id.get(&line.schedule_line_id);
            known.map(|known| (known.order_id, known.item_id)).ok_or_else(|| {
                StoreError::unreadable("ship notice", "a line of it is not among those it was checked against")
            })
        })
        .collect::<Result<_, _>>()?;
    let ids: Vec<Uuid> = notice.lines.iter().map(|line| line.ship_line_id.0).collect();
    let numbers: Vec<i32> = notice.lines.iter().map(|line| line.number).collect();
    let orders: Vec<Uuid> = found.iter().map(|(order, _)| order.0).collect();
    let order_lines: Vec<Uuid> = notice.lines.iter().map(|line| line.order_line_id.0).collect();
    let schedule_lines: Vec<Uuid> = notice.lines.iter().map(|line| line.schedule_line_id.0).collect();
    let items: Vec<Uuid> = found.iter().map(|(_, item)| item.0).collect();
    let item_numbers: Vec<String> = notice.lines.iter().map(|line| line.item.clone()).collect();
    let units: Vec<String> = notice.lines.iter().map(|line| line.unit.code().to_owned()).collect();
    let quantities: Vec<Decimal> = notice.lines.iter().map(|line| line.quantity).collect();
    sqlx::query!(
        r#"
        insert into ship_notice_line
            (ship_line_id, ship_notice_id, number, order_id, order_line_id, schedule_line_id, item_id, item_number, unit, quantity,
             is_live, supplier_id, plant_id)
        select n.id, $1, n.number, n.order_id, n.order_line_id, n.schedule_line_id, n.item_id, n.item_number, n.unit, n.quantity,
               true, $2, $3
        from unnest($4::uuid[], $5::integer[], $6::uuid[], $7::uuid[], $8::uuid[], $9::uuid[], $10::text[], $11::text[], $12::numeric[])
            as n (id, number, order_id, order_line_id, schedule_line_id, item_id, item_number, unit, quantity)
        on conflict (ship_line_id) do update
            set quantity = excluded.quantity, item_id = excluded.item_id, item_number = excluded.item_number,
                unit = excluded.unit, is_live = true
        "#,
        notice.ship_notice_id.0,
        parties.supplier_id.0,
        parties.plant_id.0,
        &ids,
        &numbers,
        &orders,
        &order_lines,
        &schedule_lines,
        &items,
        &item_numbers,
        &units,
        &quantities,
    )
    .execute(tx.sql())
    .await?;
    Ok(())
}

async fn lots(tx: &mut Tx, notice: &ShipNotice, parties: Parties) -> Result<(), StoreError> {
    let all: Vec<_> =
        notice.lines.iter().flat_map(|line| line.lots.iter().map(move |lot| (line.ship_line_id.0, lot))).collect();
    if all.is_empty() {
        return Ok(());
    }
    let lines: Vec<Uuid> = all.iter().map(|(line, _)| *line).collect();
    let names: Vec<String> = all.iter().map(|(_, lot)| lot.lot.clone()).collect();
    let quantities: Vec<Decimal> = all.iter().map(|(_, lot)| lot.quantity).collect();
    let expire: Vec<Option<NaiveDate>> = all.iter().map(|(_, lot)| lot.expires_on).collect();
    let produced: Vec<Option<NaiveDate>> = all.iter().map(|(_, lot)| lot.produced_on).collect();
    let origins: Vec<Option<String>> = all.iter().map(|(_, lot)| lot.origin.clone()).collect();
    sqlx::query!(
        r#"
        insert into ship_notice_lot (ship_line_id, lot, quantity, expires_on, produced_on, origin, supplier_id, plant_id)
        select n.line, n.lot, n.quantity, n.expires_on, n.produced_on, n.origin, $1, $2
        from unnest($3::uuid[], $4::text[], $5::numeric[], $6::date[], $7::date[], $8::text[])
            as n (line, lot, quantity, expires_on, produced_on, origin)
        "#,
        parties.supplier_id.0,
        parties.plant_id.0,
        &lines,
        &names,
        &quantities,
        &expire as _,
        &produced as _,
        &origins as _,
    )
    .execute(tx.sql())
    .await?;
    Ok(())
}

async fn serials(tx: &mut Tx, notice: &ShipNotice, parties: Parties) -> Result<(), StoreError> {
    let (mut lines, mut serials, mut lots) = (Vec::new(), Vec::new(), Vec::<Option<String>>::new());
    for line in &notice.lines {
        let by_lot =
            line.lots.iter().flat_map(|lot| lot.serials.iter().map(move |serial| (Some(lot.lot.clone()), serial)));
        for (lot, serial) in line.serials.iter().map(|serial| (None, serial)).chain(by_lot) {
            lines.push(line.ship_line_id.0);
            serials.push(serial.clone());
            lots.push(lot);
        }
    }
    if serials.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        r#"
        insert into ship_notice_serial (ship_line_id, serial, lot, supplier_id, plant_id)
        select n.line, n.serial, n.lot, $1, $2 from unnest($3::uuid[], $4::text[], $5::text[]) as n (line, serial, lot)
        "#,
        parties.supplier_id.0,
        parties.plant_id.0,
        &lines,
        &serials,
        &lots as _,
    )
    .execute(tx.sql())
    .await?;
    Ok(())
}

async fn packages(tx: &mut Tx, notice: &ShipNotice, parties: Parties) -> Result<(), StoreError> {
    if notice.units.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = notice.units.iter().map(|unit| unit.handling_unit_id.0).collect();
    let ssccs: Vec<String> = notice.units.iter().map(|unit| unit.sscc.clone()).collect();
    let kinds: Vec<String> = notice.units.iter().map(|unit| unit.kind.to_string()).collect();
    let parents: Vec<Option<Uuid>> = notice.units.iter().map(|unit| unit.parent.map(|id| id.0)).collect();
    let weights: Vec<Option<Decimal>> = notice.units.iter().map(|unit| unit.gross_kg).collect();
    sqlx::query!(
        r#"
        insert into handling_unit (handling_unit_id, ship_notice_id, sscc, kind, parent_id, position, gross_kg, supplier_id, plant_id)
        select n.id, $1, n.sscc, n.kind, n.parent, n.position::integer, n.weight, $2, $3
        from unnest($4::uuid[], $5::text[], $6::text[], $7::uuid[], $8::numeric[]) with ordinality
            as n (id, sscc, kind, parent, weight, position)
        "#,
        notice.ship_notice_id.0,
        parties.supplier_id.0,
        parties.plant_id.0,
        &ids,
        &ssccs,
        &kinds,
        &parents as _,
        &weights as _,
    )
    .execute(tx.sql())
    .await?;
    let line_ids: HashMap<i32, Uuid> = notice.lines.iter().map(|line| (line.number, line.ship_line_id.0)).collect();
    let (mut units, mut lines, mut lots, mut quantities) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for unit in &notice.units {
        for part in &unit.contents {
            let Some(line) = line_ids.get(&part.line) else { continue };
            units.push(unit.handling_unit_id.0);
            lines.push(*line);
            lots.push(part.lot.clone().unwrap_or_default());
            quantities.push(part.quantity);
        }
    }
    sqlx::query!(
        r#"
        insert into handling_unit_content (handling_unit_id, ship_line_id, lot, quantity, supplier_id, plant_id)
        select n.unit, n.line, n.lot, n.quantity, $1, $2
        from unnest($3::uuid[], $4::uuid[], $5::text[], $6::numeric[]) as n (unit, line, lot, quantity)
        "#,
        parties.supplier_id.0,
        parties.plant_id.0,
        &units,
        &lines,
        &lots,
        &quantities,
    )
    .execute(tx.sql())
    .await?;
    Ok(())
}
