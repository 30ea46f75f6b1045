//! What pages and machines read of a ship notice besides what is in force: its versions, its way, how far the ERP is with
//! it, what of an order is shipped, and content for another one like it. Given out by [`crate::ship_notices`].

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use domain::Decimal;
use domain::access::{Action, Actor, may};
use domain::id::{OrderId, ScheduleLineId, ShipNoticeId};
use domain::shipment::content::{LineContent, ShipContent};
use domain::shipment::{Moved, ShipNotice, ShipStatus};

use crate::error::{CommandError, StoreError};
use crate::order_list::InErp;
use crate::orders::{read_json, read_word};
use crate::ship_notice_facts::{Due, candidates, due};
use crate::ship_notices::{ShipNoticeRecord, get};
use crate::tx::Tx;

/// One sending of a notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// What was sent.
    pub notice: ShipNotice,
    /// By whom.
    pub actor: Actor,
    /// When.
    pub at: DateTime<Utc>,
    /// Why.
    pub reason: Option<String>,
}

/// Every sending, the newest first, at most 50.
pub async fn versions(tx: &mut Tx, id: ShipNoticeId) -> Result<Vec<Version>, StoreError> {
    let rows = sqlx::query!(
        "select content, actor, at, reason from ship_notice_version where ship_notice_id = $1 order by version desc limit 50",
        id.0
    )
    .fetch_all(tx.sql())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Version {
                notice: read_json("ship notice", row.content)?,
                actor: read_json("actor", row.actor)?,
                at: row.at,
                reason: row.reason,
            })
        })
        .collect()
}

/// A milestone with when we learned of it and from whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// What happened.
    pub moved: Moved,
    /// When we were told.
    pub learned_at: DateTime<Utc>,
    /// By whom.
    pub actor: Actor,
}

/// What was told about its way, in the order in which it happened.
pub async fn milestones(tx: &mut Tx, id: ShipNoticeId) -> Result<Vec<Told>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select milestone, happened_at, learned_at, arrive_on, note, actor from ship_milestone
        where ship_notice_id = $1 order by happened_at, learned_at limit 200
        "#,
        id.0
    )
    .fetch_all(tx.sql())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Told {
                moved: Moved {
                    milestone: read_word("milestone", &row.milestone)?,
                    happened_at: row.happened_at,
                    arrive_on: row.arrive_on,
                    note: row.note,
                },
                learned_at: row.learned_at,
                actor: read_json("actor", row.actor)?,
            })
        })
        .collect()
}

/// How far the ERP is with what is in force; none while nothing has been carried there yet.
pub async fn in_erp(tx: &mut Tx, record: &ShipNoticeRecord) -> Result<Option<InErp>, StoreError> {
    let Some(event_id) = record.last_event_id else { return Ok(None) };
    let row = sqlx::query!(
        r#"
        select state, their_ref, finished_at, attempts, next_attempt_at, fault_message from delivery
        where event_id = $1 and connection_id = $2 and triggered_by = 'event'
        "#,
        event_id.0,
        record.connection_id.0
    )
    .fetch_optional(tx.sql())
    .await?;
    row.map(|row| {
        Ok(InErp {
            state: read_word("delivery state", &row.state)?,
            their_ref: row.their_ref,
            finished_at: row.finished_at,
            attempts: row.attempts,
            next_attempt_at: row.next_attempt_at,
            fault: row.fault_message,
        })
    })
    .transpose()
}

/// Content for a new notice like this one, for a draft: of each line what is still open, of the same item at another
/// schedule line where this one is shipped. Lots, serials and packing are taken over only from a withdrawn notice, whose
/// goods never left. Also gives the lines for which nothing is open any more.
pub async fn duplicate(tx: &mut Tx, number: &str) -> Result<(ShipContent, Vec<String>), CommandError> {
    may(tx.actor(), Action::SendShipNotice)?;
    let record = get(tx, number).await?;
    let ids: Vec<ScheduleLineId> = record.notice.lines.iter().map(|line| line.schedule_line_id).collect();
    let mut open: HashMap<ScheduleLineId, Decimal> =
        candidates(tx, &ids, None).await?.into_iter().map(|it| (it.line.schedule_line_id, it.line.open())).collect();
    let asked = Due { plant: Some(record.plant.0.clone()), ..Default::default() };
    let others = due(tx, &asked, 500).await?;
    for other in &others {
        open.entry(other.line.schedule_line_id).or_insert_with(|| other.line.open());
    }
    let mut content = record.notice.content();
    let whole = record.status == ShipStatus::Cancelled;
    let (mut lines, mut left_out): (Vec<LineContent>, Vec<String>) = (Vec::new(), Vec::new());
    let mut changed = !whole;
    for (line, old) in content.lines.into_iter().zip(&record.notice.lines) {
        let is_open = |id: &ScheduleLineId| open.get(id).is_some_and(|quantity| *quantity > Decimal::ZERO);
        let instead = || {
            others.iter().map(|other| &other.line).find(|other| {
                other.item == old.item
                    && other.unit == old.unit
                    && (other.supplier_id, other.connection_id) == (record.supplier_id, record.connection_id)
                    && is_open(&other.schedule_line_id)
                    && !ids.contains(&other.schedule_line_id)
                    && !lines.iter().any(|taken| taken.schedule_line_id == other.schedule_line_id)
            })
        };
        let target = Some(line.schedule_line_id).filter(&is_open).or_else(|| instead().map(|it| it.schedule_line_id));
        let Some(target) = target else {
            left_out.push(format!("{} line {}", old.order, old.line));
            changed = true;
            continue;
        };
        let quantity = open.get(&target).copied().unwrap_or_default().min(line.quantity);
        let same = whole && target == line.schedule_line_id && quantity == line.quantity;
        changed |= !same;
        lines.push(if same {
            line
        } else {
            LineContent { schedule_line_id: target, quantity, lots: Vec::new(), serials: Vec::new() }
        });
    }
    content.lines = lines;
    content.delivery_note = String::new();
    content.tracking = None;
    content.bill_of_lading = None;
    if changed {
        content.units.clear();
    }
    for unit in &mut content.units {
        unit.sscc = None;
    }
    let shift = record.notice.arrive_on - record.notice.ship_on;
    content.ship_on = record.today(tx.now());
    content.arrive_on = content.ship_on + shift;
    Ok((content, left_out))
}

/// What one order's schedule lines have in ship notices that are not withdrawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShippedOf {
    /// The schedule line.
    pub schedule_line_id: ScheduleLineId,
    /// The notice.
    pub notice: String,
    /// Where its goods are.
    pub status: ShipStatus,
    /// How much of the schedule line is in it.
    pub quantity: Decimal,
    /// How much of that came.
    pub received: Decimal,
    /// When it is expected.
    pub arrive_on: NaiveDate,
    /// When it was announced.
    pub announced_at: DateTime<Utc>,
}

impl ShippedOf {
    /// What of the promise it takes: what is announced, or what came where nothing more is expected.
    pub fn counts(&self) -> Decimal {
        if self.status == ShipStatus::Received { self.received } else { self.quantity.max(self.received) }
    }
}

/// What of an order is shipped, line by line, the earliest notice first.
pub async fn of_order(tx: &mut Tx, order_id: OrderId) -> Result<Vec<ShippedOf>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select l.schedule_line_id, n.number, n.status, l.quantity, l.received, n.arrive_on, n.announced_at
        from ship_notice_line l
        join ship_notice n using (ship_notice_id)
        where l.order_id = $1 and l.is_live
        order by n.announced_at, n.number
        limit 2000
        "#,
        order_id.0
    )
    .fetch_all(tx.sql())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(ShippedOf {
                schedule_line_id: row.schedule_line_id.into(),
                notice: row.number,
                status: read_word("ship status", &row.status)?,
                quantity: row.quantity,
                received: row.received,
                arrive_on: row.arrive_on,
                announced_at: row.announced_at,
            })
        })
        .collect()
}
