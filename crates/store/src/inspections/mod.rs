//! Inspections that are due, what was measured, and the usage decision that splits a lot.
//!
//! `list` reads one or many. Which lots are looked at at all is in [`crate::inspection_plans`].

mod list;

use domain::Decimal;
use domain::access::{Action, may};
use domain::certificate::Measured;
use domain::certificate::check::Row;
use domain::event::{Event, Subject, SubjectKind};
use domain::id::{InspectionId, ItemId, LotId, PlantId, SupplierId};
use domain::inspection::{InspectionResult, InspectionState, Part, check_values, split};
use domain::lot::{LotRef, MovementKind, StatusMove, StockStatus};
use domain::quantity::Unit;
use domain::refusal::Finding;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::audit;
use crate::error::{CommandError, StoreError};
use crate::events::{self, About};
use crate::lots::{Movement, lock_item, move_stock, stock_of};
use crate::specifications::{self, SpecificationRow};
use crate::submissions::{Sent, first_outcome, keep_outcome};
use crate::tx::Tx;

pub use list::{InspectionFilter, InspectionRecord, Place, count, get, list, page};

/// The inspections of a lot, the newest first.
pub async fn of_lot(tx: &mut Tx, lot_id: LotId) -> Result<Vec<InspectionRecord>, CommandError> {
    may(tx.actor(), Action::SeeQuality)?;
    let ids = sqlx::query_scalar!(
        "select inspection_id from inspection where lot_id = $1 order by opened_at desc, inspection_id desc limit 20",
        lot_id.0
    )
    .fetch_all(tx.sql())
    .await?;
    let mut records = Vec::with_capacity(ids.len());
    for id in ids {
        records.push(get(tx, InspectionId(id)).await?);
    }
    Ok(records)
}

/// A usage decision.
#[derive(Debug, Clone)]
pub struct Deciding {
    /// What was measured. A value out of its limits makes the inspection a failed one, whatever becomes of the quantity.
    pub measured: Vec<Measured>,
    /// Where the quantity goes; adds up to what lies in inspection.
    pub parts: Vec<Part>,
    /// Why; asked for unless all of it may be used and no value is out of its limits.
    pub reason: String,
    /// The form's or call's key.
    pub submission: Uuid,
}

/// What a decision came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LotOutcome {
    /// The lot.
    pub lot_id: LotId,
    /// The lot's number.
    pub lot: String,
    /// It had been sent before; this is the first result.
    #[serde(default)]
    pub already: bool,
}

/// The comparison of values with the specification of the item that is in force where the lot lies.
#[derive(Debug, Clone, Default)]
pub struct Compared {
    /// Which version.
    pub specification: Option<SpecificationRow>,
    /// Row by row; empty without a specification.
    pub rows: Vec<Row>,
    /// What is out of its limits, missing or unclear.
    pub findings: Vec<Finding>,
}

/// Compares what was measured with what the item must show.
pub async fn compare(tx: &mut Tx, record: &InspectionRecord, measured: &[Measured]) -> Result<Compared, CommandError> {
    let on = record.decided.as_ref().map_or(tx.now(), |(_, at)| *at).date_naive();
    let Some(specification) = specifications::in_force(tx, record.item_id, on).await? else {
        return Ok(Compared::default());
    };
    let (rows, findings) = check_values(measured, &specification.specification);
    Ok(Compared { specification: Some(specification), rows, findings })
}

/// Keeps what was measured so far, without a decision.
pub async fn record(tx: &mut Tx, inspection_id: InspectionId, measured: &[Measured]) -> Result<(), CommandError> {
    may(tx.actor(), Action::DecideLot)?;
    let record = get(tx, inspection_id).await?;
    lock_item(tx, record.item_id).await?;
    let compared = compare(tx, &record, measured).await?;
    if !save_values(tx, inspection_id, measured, &compared).await? {
        return Err(CommandError::Invalid(
            "This inspection was decided meanwhile. Its values stay as they were.".to_owned(),
        ));
    }
    Ok(())
}

async fn save_values(
    tx: &mut Tx,
    inspection_id: InspectionId,
    measured: &[Measured],
    compared: &Compared,
) -> Result<bool, StoreError> {
    let written =
        |value: Result<_, serde_json::Error>| value.map_err(|it| StoreError::unreadable("measured values", it));
    let (measured, findings) =
        (written(serde_json::to_value(measured))?, written(serde_json::to_value(&compared.findings))?);
    let changed = sqlx::query!(
        "update inspection set measured = $2, findings = $3, specification_id = $4 where inspection_id = $1 and state = 'due'",
        inspection_id.0,
        measured,
        findings,
        compared.specification.as_ref().map(|row| row.specification_id.0)
    )
    .execute(tx.sql())
    .await?;
    Ok(changed.rows_affected() == 1)
}

/// Decides on what lies in inspection: the parts become usable, restricted or blocked, and everybody is told.
pub async fn decide(tx: &mut Tx, inspection_id: InspectionId, deciding: &Deciding) -> Result<LotOutcome, CommandError> {
    may(tx.actor(), Action::DecideLot)?;
    let seen = get(tx, inspection_id).await?;
    lock_item(tx, seen.item_id).await?;
    let sent = Sent { submission: deciding.submission, action: "inspection.decide", object: inspection_id.0 };
    if let Some(first) = first_outcome::<LotOutcome>(tx, &sent).await? {
        return Ok(LotOutcome { already: true, ..first });
    }
    let record = get(tx, inspection_id).await?;
    if record.state != InspectionState::Due {
        let who = match &record.decided {
            Some((Some(actor), _)) => format!("{} decided on this lot meanwhile", actor.name()),
            _ => "This inspection is not due any more".to_owned(),
        };
        let message = format!("{who}. Open the lot to see what became of it.");
        return Err(vec![Finding::stops("", "decided_already", message)].into());
    }
    let compared = compare(tx, &record, &deciding.measured).await?;
    let out_of_limits = Finding::any_stops(&compared.findings);
    let moves = split(StockStatus::Inspection, record.quantity, &record.unit, &deciding.parts, &deciding.reason)?;
    if out_of_limits && deciding.reason.trim().is_empty() {
        let message = "A value is out of its limits. Say why the lot may be used nevertheless.";
        return Err(vec![Finding::stops("reason", "reason_missing", message)].into());
    }
    save_values(tx, inspection_id, &deciding.measured, &compared).await?;
    let failed = out_of_limits || moves.iter().any(|part| part.to != StockStatus::Unrestricted);
    let result = if failed { InspectionResult::Failed } else { InspectionResult::Passed };
    let (now, reason) = (tx.now(), words(&deciding.reason));
    let actor = serde_json::to_value(tx.actor()).map_err(|error| StoreError::unreadable("actor", error))?;
    sqlx::query!(
        r#"
        update inspection set state = 'decided', result = $2, decided_at = $3, decided_by = $4, note = $5
        where inspection_id = $1
        "#,
        inspection_id.0,
        result.as_str(),
        now,
        actor,
        reason
    )
    .execute(tx.sql())
    .await?;
    apply(tx, record.lot_id, &moves, reason).await?;
    let outcome = LotOutcome { lot_id: record.lot_id, lot: record.lot, already: false };
    keep_outcome(tx, &sent, &outcome).await?;
    Ok(outcome)
}

/// A later decision: so much of a lot goes from one status to others, e.g. reworked material back into use. What lies in
/// inspection is decided with its inspection, not here.
pub async fn move_status(
    tx: &mut Tx,
    lot_id: LotId,
    from: StockStatus,
    part: &Part,
    reason: &str,
    submission: Uuid,
) -> Result<LotOutcome, CommandError> {
    may(tx.actor(), Action::DecideLot)?;
    let lot = sqlx::query!("select item_id, number, unit from lot where lot_id = $1", lot_id.0)
        .fetch_optional(tx.sql())
        .await?
        .ok_or(CommandError::NotFound { what: "lot" })?;
    lock_item(tx, ItemId(lot.item_id)).await?;
    let sent = Sent { submission, action: "lot.move_status", object: lot_id.0 };
    if let Some(first) = first_outcome::<LotOutcome>(tx, &sent).await? {
        return Ok(LotOutcome { already: true, ..first });
    }
    let there = stock_of(tx, lot_id).await?;
    let there = there.iter().find(|(status, _)| *status == from).map_or(Decimal::ZERO, |(_, quantity)| *quantity);
    let mut findings = Vec::new();
    if from == StockStatus::Inspection {
        let message = "What lies in inspection is decided with its inspection.";
        findings.push(Finding::stops("from", "decided_by_inspection", message));
    }
    if from == part.to {
        findings.push(Finding::stops("to", "same_status", "Choose another status than it has."));
    }
    if part.quantity <= Decimal::ZERO {
        findings.push(Finding::stops("quantity", "quantity_not_positive", "Enter a quantity above 0."));
    } else if part.quantity > there {
        let message =
            format!("Only {} {} lie there. Enter that or less.", domain::quantity::grouped(there, 0), lot.unit);
        findings.push(Finding::stops("quantity", "not_so_much_there", message));
    }
    if reason.trim().is_empty() {
        findings.push(Finding::stops("reason", "reason_missing", "Say why: it stays in the history of the lot."));
    }
    if !findings.is_empty() {
        return Err(findings.into());
    }
    let unit = Unit::new(&lot.unit);
    let moves = split(from, part.quantity, &unit, std::slice::from_ref(part), reason).map_err(|mut findings| {
        findings.iter_mut().for_each(|finding| "quantity".clone_into(&mut finding.at));
        findings
    })?;
    apply(tx, lot_id, &moves, words(reason)).await?;
    let outcome = LotOutcome { lot_id, lot: lot.number, already: false };
    keep_outcome(tx, &sent, &outcome).await?;
    Ok(outcome)
}

fn words(reason: &str) -> Option<String> {
    Some(reason.trim()).filter(|reason| !reason.is_empty()).map(str::to_owned)
}

/// Moves the stock, tells everybody, and notes who did it.
async fn apply(tx: &mut Tx, lot_id: LotId, moves: &[StatusMove], reason: Option<String>) -> Result<(), CommandError> {
    let lot = sqlx::query!(
        "select item_number, number, supplier_lot, unit, expires_on, plant_id, supplier_id from lot where lot_id = $1",
        lot_id.0
    )
    .fetch_one(tx.sql())
    .await?;
    let before = stock_of(tx, lot_id).await?;
    let now = tx.now();
    for part in moves {
        let movement = Movement {
            kind: MovementKind::Decision,
            from: Some(part.from),
            to: Some(part.to),
            quantity: part.quantity,
            at: now,
            receipt_line_id: None,
            report_id: None,
            reason: reason.clone(),
        };
        move_stock(tx, lot_id, &movement).await?;
    }
    let after = stock_of(tx, lot_id).await?;
    let about = About {
        subject: Subject { kind: SubjectKind::Lot, id: lot_id.0 },
        plant_id: Some(PlantId(lot.plant_id)),
        supplier_id: lot.supplier_id.map(SupplierId),
        home: None,
    };
    let named = LotRef {
        lot_id,
        item: lot.item_number,
        lot: lot.number.clone(),
        supplier_lot: lot.supplier_lot,
        unit: Unit::new(&lot.unit),
        expires_on: lot.expires_on,
    };
    let event = Event::LotDecided { lot: named, moves: moves.to_vec(), reason: reason.clone() };
    events::append(tx, about, &[event], None).await?;
    let shown = |stock: &[(StockStatus, Decimal)]| {
        json!(
            stock
                .iter()
                .map(|(status, quantity)| (status.as_str(), quantity))
                .collect::<std::collections::BTreeMap<_, _>>()
        )
    };
    audit::append(
        tx,
        audit::Entry {
            action: "lot.decide",
            object_kind: "lot",
            object_id: lot.number,
            before: Some(shown(&before)),
            after: Some(shown(&after)),
            reason,
            plant_id: Some(PlantId(lot.plant_id)),
            supplier_id: lot.supplier_id.map(SupplierId),
        },
    )
    .await?;
    Ok(())
}
