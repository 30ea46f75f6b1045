//! Taking in what the shop floor reports: a fact is recorded, stock follows, the event tells the ERP.
//!
//! The same report again has no second effect, whenever it comes; a correction takes back what it stands for; a reversal may
//! come before what it takes back, and waits for it. Everything about one work order happens one after the other: its row is
//! locked first, then the lots of the item ([`crate::lots::lock_item`]).

use chrono::{DateTime, Utc};
use domain::Decimal;
use domain::command::{ReportSnapshot, ReversalSnapshot};
use domain::conversion::{ItemUnit, convert};
use domain::event::Event;
use domain::id::{ConnectionId, EventId, ItemId, LotId, PlantId, ReportId};
use domain::inspection::Plan;
use domain::lot::usability::Facts;
use domain::lot::{MovementKind, StockStatus};
use domain::production::intake::{Place, Stop, remarks, stop};
use domain::production::posting::Cause;
use domain::production::{Completion, Consumption, Report, Reported};
use domain::quantity::{Quantity, Unit};
use domain::refusal::Finding;
use domain::work_order::WorkOrderStatus;
use sha2::{Digest as _, Sha256};

use crate::error::{CommandError, StoreError};
use crate::events::{self, About};
use crate::lot_facts;
use crate::lots::{Movement, lock_item, move_stock, plan_for, stock_of};
use crate::orders::read_json;
use crate::tx::Tx;
use crate::work_orders::{self, Known};

/// What became of a report or a reversal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The report; for a reversal that came first, none yet.
    pub report_id: Option<ReportId>,
    /// It was known already.
    pub already: bool,
    /// Why its posting waits.
    pub stop: Option<Stop>,
    /// What is odd about it.
    pub remarks: Vec<Finding>,
}

/// Takes in a report.
pub async fn report(
    tx: &mut Tx,
    connection_id: ConnectionId,
    snapshot: &ReportSnapshot,
) -> Result<Taken, CommandError> {
    check(snapshot)?;
    let plant_id = plant(tx, &snapshot.plant).await?;
    let order = work_orders::find(tx, plant_id, &snapshot.work_order, true).await?;
    let order = order.ok_or_else(|| unknown_order(&snapshot.work_order, &snapshot.plant))?;
    let hash = content_hash(snapshot)?;
    if let Some(row) = sqlx::query!(
        "select report_id, content_hash from production_report where connection_id = $1 and their_ref = $2",
        connection_id.0,
        snapshot.their_ref
    )
    .fetch_optional(tx.sql())
    .await?
    {
        if row.content_hash == hash {
            return Ok(Taken {
                report_id: Some(ReportId(row.report_id)),
                already: true,
                stop: None,
                remarks: Vec::new(),
            });
        }
        return Err(CommandError::Invalid(format!(
            "Report {} came before with other content. A report is never changed: send a new one that corrects it.",
            snapshot.their_ref
        )));
    }
    let corrects = match &snapshot.corrects {
        Some(of) => {
            let reason = format!("corrected by {}", snapshot.their_ref);
            take_back(tx, connection_id, &order, &snapshot.their_ref, of, snapshot.at, &reason).await?
        }
        None => None,
    };
    let order = match corrects {
        Some(_) => work_orders::find(tx, plant_id, &snapshot.work_order, true).await?.unwrap_or(order),
        None => order,
    };
    let taken = record(tx, connection_id, &order, snapshot, &hash, corrects).await?;
    if let Some(report_id) = taken.report_id {
        reverse_at_once(tx, connection_id, &order, snapshot, report_id).await?;
    }
    Ok(taken)
}

/// Takes a report back. Where the report has not come yet, it is taken back the moment it comes.
pub async fn reverse(
    tx: &mut Tx,
    connection_id: ConnectionId,
    snapshot: &ReversalSnapshot,
) -> Result<Taken, CommandError> {
    if snapshot.their_ref.trim().is_empty() || snapshot.of.trim().is_empty() || snapshot.reason.trim().is_empty() {
        let words = "A reversal needs a key of its own, the key of what it takes back, and a reason.";
        return Err(CommandError::Invalid(words.to_owned()));
    }
    let plant_id = plant(tx, &snapshot.plant).await?;
    let order = work_orders::find(tx, plant_id, &snapshot.work_order, true).await?;
    let order = order.ok_or_else(|| unknown_order(&snapshot.work_order, &snapshot.plant))?;
    let known = sqlx::query!(
        "select of_ref, report_id from production_reversal where connection_id = $1 and their_ref = $2",
        connection_id.0,
        snapshot.their_ref
    )
    .fetch_optional(tx.sql())
    .await?;
    if let Some(known) = known {
        if known.of_ref != snapshot.of {
            return Err(CommandError::Invalid(format!(
                "Reversal {} came before, and took back {}.",
                snapshot.their_ref, known.of_ref
            )));
        }
        let report_id = known.report_id.map(ReportId);
        return Ok(Taken { report_id, already: true, stop: None, remarks: Vec::new() });
    }
    let report_id =
        take_back(tx, connection_id, &order, &snapshot.their_ref, &snapshot.of, snapshot.at, &snapshot.reason).await?;
    Ok(Taken { report_id, already: false, stop: None, remarks: Vec::new() })
}

fn unknown_order(number: &str, plant: &str) -> CommandError {
    CommandError::NotYet { what: format!("work order {number} of plant {plant}") }
}

fn check(snapshot: &ReportSnapshot) -> Result<(), CommandError> {
    let words = match &snapshot.what {
        _ if snapshot.their_ref.trim().is_empty() => "A report needs a key that is unique at its sender.",
        Reported::Consumed(it) if it.quantity <= Decimal::ZERO => {
            "A consumption needs a quantity above 0. What is put back is a reversal of the report."
        }
        Reported::Completed(it) if it.quantity < Decimal::ZERO || it.scrap < Decimal::ZERO => {
            "A completion needs quantities of 0 or more. What is taken back is a reversal of the report."
        }
        Reported::Completed(it) if it.quantity.is_zero() && it.scrap.is_zero() && !it.last => {
            "A completion needs a good or a scrapped quantity above 0."
        }
        Reported::Completed(it) if it.scrap > Decimal::ZERO && it.scrap_reason.as_deref().is_none_or(str::is_empty) => {
            "Scrap needs its reason."
        }
        _ => return Ok(()),
    };
    Err(CommandError::Invalid(words.to_owned()))
}

async fn plant(tx: &mut Tx, code: &str) -> Result<PlantId, CommandError> {
    sqlx::query_scalar!("select plant_id from plant where code = $1", code)
        .fetch_optional(tx.sql())
        .await?
        .map(PlantId)
        .ok_or_else(|| CommandError::NotYet { what: format!("plant {code}") })
}

fn content_hash(snapshot: &ReportSnapshot) -> Result<Vec<u8>, StoreError> {
    let text = serde_json::to_vec(snapshot).map_err(|error| StoreError::unreadable("report", error))?;
    Ok(Sha256::digest(text).to_vec())
}

/// What a report is about in stock.
struct Material {
    item_id: ItemId,
    item: String,
    lots: bool,
    base: Unit,
    units: Vec<ItemUnit>,
    inspection: bool,
}

async fn material(tx: &mut Tx, number: &str) -> Result<Material, CommandError> {
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
    fn convert(&self, value: Decimal, from: &Unit, to: &Unit) -> Option<Decimal> {
        convert(value, from, to, &self.base, &self.units)
    }
}

/// What a report did, for its row.
#[derive(Default)]
struct Effect {
    item: Option<(ItemId, String)>,
    component: Option<String>,
    lot_id: Option<LotId>,
    lot: Option<String>,
    serials: Vec<String>,
    quantity: Option<Quantity>,
    booked: Option<Quantity>,
    uncovered: Decimal,
    scrap: Decimal,
    scrap_reason: Option<String>,
    stop: Option<Stop>,
    remarks: Vec<Finding>,
}

async fn record(
    tx: &mut Tx,
    connection_id: ConnectionId,
    order: &Known,
    snapshot: &ReportSnapshot,
    hash: &[u8],
    corrects: Option<ReportId>,
) -> Result<Taken, CommandError> {
    let report_id = ReportId(tx.new_id());
    let mut what = snapshot.what.clone();
    // Its row stands before its movements, which name it; what they came to is added below.
    let mut effect = match &mut what {
        Reported::Consumed(it) => Box::pin(before_consumption(tx, order, snapshot, it)).await?,
        Reported::Completed(it) => before_completion(tx, order, snapshot, it).await?,
        Reported::Started { .. } | Reported::Stopped { .. } => {
            Effect { remarks: remarks(&place(order, snapshot, None, false, tx.now())), ..Effect::default() }
        }
        Reported::Inspected(it) => Effect {
            lot: it.lot.clone(),
            remarks: remarks(&place(order, snapshot, None, false, tx.now())),
            ..Effect::default()
        },
    };
    let event_id = append(tx, order, &what, snapshot, report_id, effect.booked.clone()).await?;
    insert(tx, connection_id, order, snapshot, hash, corrects, report_id, event_id, &what, &effect).await?;
    match &what {
        Reported::Consumed(it) => {
            if let (Some(lot_id), Some(booked)) = (effect.lot_id, &effect.booked) {
                effect.uncovered = take(tx, lot_id, report_id, booked.value, snapshot.at).await?;
            } else if let (Some(booked), true) = (&effect.booked, effect.lot.is_some()) {
                effect.uncovered = booked.value;
            }
            if let (Some(lot), Some(_), None) = (&effect.lot, &effect.booked, &effect.stop) {
                effect.stop = judge(tx, effect.lot_id, lot, &it.serials, effect.uncovered).await?;
            }
        }
        Reported::Completed(_) => {
            if let (Some(lot_id), Some(booked)) = (effect.lot_id, &effect.booked) {
                bring(tx, lot_id, report_id, order, booked.value, snapshot.at).await?;
            }
        }
        Reported::Started { .. } | Reported::Stopped { .. } | Reported::Inspected(_) => {}
    }
    let (cause, words) = effect.stop.clone().unzip();
    sqlx::query!(
        "update production_report set uncovered = $2, stop = $3, stop_reason = $4 where report_id = $1 and ($2::numeric > 0 or $3::text is not null)",
        report_id.0,
        effect.uncovered,
        cause.map(Cause::as_str),
        words
    )
    .execute(tx.sql())
    .await?;
    progress(tx, order, snapshot, &what, &effect, 1).await?;
    Ok(Taken { report_id: Some(report_id), already: false, stop: effect.stop, remarks: effect.remarks })
}

fn place<'a>(
    order: &'a Known,
    snapshot: &ReportSnapshot,
    component: Option<(&'a str, Decimal, Decimal, &'a Unit)>,
    consumption: bool,
    learned_at: DateTime<Utc>,
) -> Place<'a> {
    Place { status: order.order.status, at: snapshot.at, learned_at, component, consumption }
}

/// What is known of a consumption before anything is moved.
async fn before_consumption(
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
async fn before_completion(
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

pub(crate) async fn find_lot(
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
    if plan_for(tx, material.item_id, None, material.inspection).await? != Plan::None {
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

/// Takes so much from what may be used of a lot; gives what was not there.
pub(crate) async fn take(
    tx: &mut Tx,
    lot_id: LotId,
    report_id: ReportId,
    wanted: Decimal,
    at: DateTime<Utc>,
) -> Result<Decimal, StoreError> {
    let there = stock_of(tx, lot_id).await?;
    let free = there.iter().find(|(status, _)| *status == StockStatus::Unrestricted).map_or(Decimal::ZERO, |it| it.1);
    let taken = free.min(wanted);
    if taken > Decimal::ZERO {
        let movement = Movement {
            kind: MovementKind::Issue,
            from: Some(StockStatus::Unrestricted),
            to: None,
            quantity: taken,
            at,
            receipt_line_id: None,
            report_id: Some(report_id),
            reason: None,
        };
        move_stock(tx, lot_id, &movement).await?;
    }
    Ok(wanted - taken)
}

/// Puts what was made into stock: to be inspected where an inspection is due, else to be used.
async fn bring(
    tx: &mut Tx,
    lot_id: LotId,
    report_id: ReportId,
    order: &Known,
    quantity: Decimal,
    at: DateTime<Utc>,
) -> Result<(), CommandError> {
    if quantity <= Decimal::ZERO {
        return Ok(());
    }
    let due = sqlx::query_scalar!(
        r#"select exists (select from inspection where lot_id = $1 and state = 'due') as "due!""#,
        lot_id.0
    )
    .fetch_one(tx.sql())
    .await?;
    let to = if due { StockStatus::Inspection } else { StockStatus::Unrestricted };
    let movement = Movement {
        kind: MovementKind::Output,
        from: None,
        to: Some(to),
        quantity,
        at,
        receipt_line_id: None,
        report_id: Some(report_id),
        reason: Some(format!("work order {}", order.order.number)),
    };
    move_stock(tx, lot_id, &movement).await?;
    Ok(())
}

/// Whether the posting of a consumption of this lot may be sent as things stand.
pub(crate) async fn judge(
    tx: &mut Tx,
    lot_id: Option<LotId>,
    lot: &str,
    serials: &[String],
    uncovered: Decimal,
) -> Result<Option<Stop>, StoreError> {
    let known = match lot_id {
        Some(lot_id) => lot_facts::of(tx, &[lot_id.0]).await?.remove(&lot_id.0),
        None => None,
    };
    let today = known.as_ref().map_or_else(|| tx.now().date_naive(), |known| known.today);
    let facts: Option<&Facts> = known.as_ref().map(|known| &known.facts);
    Ok(stop(lot, facts, serials, uncovered, today))
}

async fn append(
    tx: &mut Tx,
    order: &Known,
    what: &Reported,
    snapshot: &ReportSnapshot,
    report_id: ReportId,
    booked: Option<Quantity>,
) -> Result<EventId, CommandError> {
    let report = Box::new(Report {
        report_id,
        their_ref: snapshot.their_ref.clone(),
        work_order: order.order.number.clone(),
        at: snapshot.at,
        station: snapshot.station.clone(),
        operator: snapshot.operator.clone(),
        corrects: snapshot.corrects.clone(),
        booked,
        what: what.clone(),
    });
    let event = match what {
        Reported::Consumed(_) => Event::MaterialConsumed { report },
        Reported::Completed(_) => Event::OutputCompleted { report },
        Reported::Started { .. } | Reported::Stopped { .. } => Event::OperationMoved { report },
        Reported::Inspected(_) => Event::InProcessInspected { report },
    };
    let ids = events::append(tx, posted_about(order), &[event], None).await?;
    ids.first().copied().ok_or(CommandError::NotFound { what: "event" })
}

/// What was reported is posted by the ERP that the work order lives in, and by no other.
const fn posted_about(order: &Known) -> About {
    About { home: Some(order.connection_id), ..order.about() }
}

#[expect(clippy::too_many_arguments, reason = "one row, written in one place")]
async fn insert(
    tx: &mut Tx,
    connection_id: ConnectionId,
    order: &Known,
    snapshot: &ReportSnapshot,
    hash: &[u8],
    corrects: Option<ReportId>,
    report_id: ReportId,
    event_id: EventId,
    what: &Reported,
    effect: &Effect,
) -> Result<(), CommandError> {
    let now = tx.now();
    let body = serde_json::to_value(what).map_err(|error| StoreError::unreadable("report", error))?;
    let odd = serde_json::to_value(&effect.remarks).map_err(|error| StoreError::unreadable("remarks", error))?;
    sqlx::query!(
        r#"
        insert into production_report (report_id, connection_id, their_ref, content_hash, work_order_id, plant_id, kind, component,
                                       item_id, item_number, lot_id, lot, serials, quantity, unit, stock_quantity, stock_unit,
                                       scrap, scrap_reason, station, operator, body, at, recorded_at, event_id, corrects, remarks)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24,
                $25, $26, $27)
        "#,
        report_id.0,
        connection_id.0,
        snapshot.their_ref,
        hash,
        order.order.work_order_id.0,
        order.plant_id.0,
        what.kind().as_str(),
        effect.component,
        effect.item.as_ref().map(|(id, _)| id.0),
        effect.item.as_ref().map(|(_, number)| number.as_str()),
        effect.lot_id.map(|id| id.0),
        effect.lot,
        &effect.serials,
        effect.quantity.as_ref().map(|it| it.value),
        effect.quantity.as_ref().map(|it| it.unit.code()),
        effect.booked.as_ref().map(|it| it.value),
        effect.booked.as_ref().map(|it| it.unit.code()),
        effect.scrap,
        effect.scrap_reason,
        snapshot.station,
        snapshot.operator,
        body,
        snapshot.at,
        now,
        event_id.0,
        corrects.map(|id| id.0),
        odd
    )
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// Counts a report (`sign` 1) or its reversal (−1) on its work order.
async fn progress(
    tx: &mut Tx,
    order: &Known,
    snapshot: &ReportSnapshot,
    what: &Reported,
    effect: &Effect,
    sign: i8,
) -> Result<(), CommandError> {
    let sign = Decimal::from(sign);
    let (mut good, mut bad, mut last) = (Decimal::ZERO, Decimal::ZERO, false);
    match what {
        Reported::Consumed(it) => {
            let part = order.order.components.iter().find(|part| effect.component.as_ref() == Some(&part.number));
            if let Some(part) = part
                && let Some(more) = material(tx, &it.item).await?.convert(it.quantity, &it.unit, &part.unit)
            {
                sqlx::query!(
                    "update work_order_component set consumed = consumed + $3 where work_order_id = $1 and number = $2",
                    order.order.work_order_id.0,
                    part.number,
                    more * sign
                )
                .execute(tx.sql())
                .await?;
            }
        }
        Reported::Completed(it) => {
            let material = material(tx, &order.order.item).await?;
            let in_order = |value| material.convert(value, &it.unit, &order.order.unit).unwrap_or_default();
            (good, bad, last) =
                (in_order(it.quantity) * sign, in_order(it.scrap) * sign, it.last && sign.is_sign_positive());
        }
        Reported::Started { .. } => {}
        // Nothing is begun by the end of an operation or by a measured value alone.
        Reported::Stopped { .. } | Reported::Inspected(_) => return Ok(()),
    }
    let now = tx.now();
    let complete = last || order.completed + good >= order.order.quantity;
    let status = match order.order.status {
        WorkOrderStatus::Closed | WorkOrderStatus::Cancelled => order.order.status,
        _ if complete => WorkOrderStatus::Completed,
        _ if sign.is_sign_positive() || order.begun => WorkOrderStatus::InProcess,
        same => same,
    };
    sqlx::query!(
        r#"
        update work_order
        set completed = completed + $2, scrapped = scrapped + $3, status = $4,
            begun_at = case when $7 then least(coalesce(begun_at, $5), $5) else begun_at end,
            finished_at = case when $4 in ('completed', 'closed') then coalesce(finished_at, $5) end,
            changed_at = $6
        where work_order_id = $1
        "#,
        order.order.work_order_id.0,
        good,
        bad,
        status.as_str(),
        snapshot.at,
        now,
        sign.is_sign_positive()
    )
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// Takes a report back, or remembers to do so when it comes. Gives the report where it is known.
async fn take_back(
    tx: &mut Tx,
    connection_id: ConnectionId,
    order: &Known,
    their_ref: &str,
    of: &str,
    at: DateTime<Utc>,
    reason: &str,
) -> Result<Option<ReportId>, CommandError> {
    let now = tx.now();
    let row = sqlx::query!(
        "select report_id, work_order_id, reversed_at from production_report where connection_id = $1 and their_ref = $2",
        connection_id.0,
        of
    )
    .fetch_optional(tx.sql())
    .await?;
    let report_id = row.as_ref().map(|row| ReportId(row.report_id));
    if let Some(row) = &row
        && row.work_order_id != order.order.work_order_id.0
    {
        return Err(CommandError::Invalid(format!(
            "Report {of} belongs to another work order than {}.",
            order.order.number
        )));
    }
    sqlx::query!(
        r#"
        insert into production_reversal (connection_id, their_ref, of_ref, work_order_id, plant_id, reason, at, recorded_at, report_id)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        "#,
        connection_id.0,
        their_ref,
        of,
        order.order.work_order_id.0,
        order.plant_id.0,
        reason,
        at,
        now,
        report_id.map(|id| id.0)
    )
    .execute(tx.sql())
    .await?;
    if let Some(report_id) = report_id
        && row.is_some_and(|row| row.reversed_at.is_none())
    {
        undo(tx, order, report_id, their_ref, at, reason).await?;
    }
    Ok(report_id)
}

/// A reversal that came before this report takes it back now.
async fn reverse_at_once(
    tx: &mut Tx,
    connection_id: ConnectionId,
    order: &Known,
    snapshot: &ReportSnapshot,
    report_id: ReportId,
) -> Result<(), CommandError> {
    let waiting = sqlx::query!(
        r#"
        update production_reversal set report_id = $3
        where connection_id = $1 and of_ref = $2 and report_id is null
        returning their_ref, at, reason
        "#,
        connection_id.0,
        snapshot.their_ref,
        report_id.0
    )
    .fetch_all(tx.sql())
    .await?;
    let Some(first) = waiting.into_iter().min_by_key(|it| it.at) else { return Ok(()) };
    let order = work_orders::find(tx, order.plant_id, &order.order.number, true)
        .await?
        .ok_or(CommandError::NotFound { what: "work order" })?;
    undo(tx, &order, report_id, &first.their_ref, first.at, &first.reason).await
}

/// Undoes what a report did: stock, progress, and the ERP by an event of its own.
pub(crate) async fn undo(
    tx: &mut Tx,
    order: &Known,
    report_id: ReportId,
    their_ref: &str,
    at: DateTime<Utc>,
    reason: &str,
) -> Result<(), CommandError> {
    let item = sqlx::query_scalar!("select item_id from production_report where report_id = $1", report_id.0)
        .fetch_optional(tx.sql())
        .await?;
    if let Some(Some(item_id)) = item {
        lock_item(tx, ItemId(item_id)).await?;
    }
    let row = sqlx::query!(
        r#"
        select their_ref, body, at, station, operator, lot_id, component, stock_quantity, stock_unit, uncovered
        from production_report where report_id = $1 and reversed_at is null
        "#,
        report_id.0
    )
    .fetch_optional(tx.sql())
    .await?;
    let Some(row) = row else { return Ok(()) };
    let what: Reported = read_json("report", row.body)?;
    let mut owed = Decimal::ZERO;
    if let (Some(lot_id), Some(booked)) = (row.lot_id.map(LotId), row.stock_quantity) {
        match &what {
            Reported::Consumed(_) => put_back(tx, lot_id, report_id, booked - row.uncovered, at, reason).await?,
            Reported::Completed(_) => owed = take_away(tx, lot_id, report_id, booked, at, reason).await?,
            Reported::Started { .. } | Reported::Stopped { .. } | Reported::Inspected(_) => {}
        }
    }
    let booked = row.stock_quantity.zip(row.stock_unit).map(|(value, unit)| Quantity::new(value, Unit::new(&unit)));
    let snapshot = ReportSnapshot {
        their_ref: row.their_ref.clone(),
        plant: order.order.plant.clone(),
        work_order: order.order.number.clone(),
        at: row.at,
        station: row.station.clone(),
        operator: row.operator.clone(),
        corrects: None,
        what: what.clone(),
    };
    let effect = Effect { component: row.component, ..Effect::default() };
    progress(tx, order, &snapshot, &what, &effect, -1).await?;
    let report = Box::new(Report {
        report_id,
        their_ref: row.their_ref,
        work_order: order.order.number.clone(),
        at: row.at,
        station: row.station,
        operator: row.operator,
        corrects: None,
        booked,
        what,
    });
    let event = Event::ReportReversed { report, their_ref: their_ref.to_owned(), at, reason: reason.to_owned() };
    let ids = events::append(tx, posted_about(order), &[event], None).await?;
    sqlx::query!(
        r#"
        update production_report
        set reversed_at = $2, reversed_reason = $3, reversal_event_id = $4, uncovered = $5
        where report_id = $1
        "#,
        report_id.0,
        at,
        reason,
        ids.first().map(|id| id.0),
        owed
    )
    .execute(tx.sql())
    .await?;
    Ok(())
}

async fn put_back(
    tx: &mut Tx,
    lot_id: LotId,
    report_id: ReportId,
    quantity: Decimal,
    at: DateTime<Utc>,
    reason: &str,
) -> Result<(), StoreError> {
    if quantity <= Decimal::ZERO {
        return Ok(());
    }
    let movement = Movement {
        kind: MovementKind::Reversal,
        from: None,
        to: Some(StockStatus::Unrestricted),
        quantity,
        at,
        receipt_line_id: None,
        report_id: Some(report_id),
        reason: Some(reason.to_owned()),
    };
    move_stock(tx, lot_id, &movement).await
}

/// Takes away what was made by mistake, wherever it lies; gives what is not there any more because it was used meanwhile.
async fn take_away(
    tx: &mut Tx,
    lot_id: LotId,
    report_id: ReportId,
    quantity: Decimal,
    at: DateTime<Utc>,
    reason: &str,
) -> Result<Decimal, StoreError> {
    let mut missing = quantity;
    for (status, there) in stock_of(tx, lot_id).await? {
        let taken = there.min(missing);
        if taken > Decimal::ZERO {
            missing -= taken;
            let movement = Movement {
                kind: MovementKind::Reversal,
                from: Some(status),
                to: None,
                quantity: taken,
                at,
                receipt_line_id: None,
                report_id: Some(report_id),
                reason: Some(reason.to_owned()),
            };
            move_stock(tx, lot_id, &movement).await?;
        }
    }
    Ok(missing)
}
