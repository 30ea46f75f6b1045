//! Purchase orders: read one, answer it, decide on it, mirror what the ERP says.
//!
//! Lists are in [`crate::order_list`], the history of one order in [`crate::timeline`]; how the rows are written is in
//! `order_rows.rs`.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use domain::access::Scope;
use domain::calendar::{ZoneName, today};
use domain::command::OrderSnapshot;
use domain::confirmation::{Channel, ConfirmLines, DecideDeviations, Field, Problem, Refusal};
use domain::event::{Event, Subject, SubjectKind};
use domain::id::{ConfirmationId, ConnectionId, EventId, OrderId, OrderLineId};
use domain::negotiation::Turn;
use domain::order::{OrderLine, OrderStatus, PurchaseOrder, ScheduleLine};
use domain::quantity::Unit;
use domain::revision::Mirrored;
use domain::tolerance::{Agreed, Tolerances};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::error::{CommandError, StoreError};
use crate::events::{self, About};
use crate::order_rows::{add_confirmation, add_lines, add_order, save_header, save_lines, save_schedule};
use crate::submissions::{Sent, first_outcome, keep_outcome};
use crate::tx::Tx;
use crate::{audit, reference};

/// An order with what stands around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRecord {
    /// The order itself.
    pub order: PurchaseOrder,
    /// The supplier's number and name.
    pub supplier: (String, String),
    /// The plant's code and name.
    pub plant: (String, String),
    /// The plant's zone.
    pub zone: ZoneName,
    /// When it was last revised.
    pub revised_at: Option<DateTime<Utc>>,
    /// When the supplier first opened it.
    pub opened_at: Option<DateTime<Utc>>,
    /// Which event told other systems the promise now in force, per schedule line.
    pub promise_events: HashMap<Uuid, EventId>,
}

impl OrderRecord {
    /// Today in the plant's calendar.
    pub fn today(&self, now: DateTime<Utc>) -> NaiveDate {
        today(now, self.zone.0)
    }

    fn about(&self) -> About {
        about(&self.order)
    }
}

fn about(order: &PurchaseOrder) -> About {
    About {
        subject: Subject { kind: SubjectKind::Order, id: order.order_id.0 },
        plant_id: Some(order.plant_id),
        supplier_id: Some(order.supplier_id),
        home: Some(order.connection_id),
    }
}

/// What an answer came to; kept with the submission and given again when it is sent twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmed {
    /// The version of the answer, from 1 per order.
    pub number: i32,
    /// Lines that became binding by rule.
    pub by_rule: usize,
    /// Lines that wait for the buyer.
    pub in_review: usize,
    /// When it was taken.
    pub at: DateTime<Utc>,
    /// It had been sent before; this is the first result.
    #[serde(default)]
    pub already: bool,
}

/// What the decisions came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// Lines decided.
    pub lines: usize,
    /// When.
    pub at: DateTime<Utc>,
    /// It had been sent before; this is the first result.
    #[serde(default)]
    pub already: bool,
}

/// An order by its number, within the scope. Numbers are unique per ERP; should two ERPs share one, the newest is given.
pub async fn get(tx: &mut Tx, number: &str) -> Result<OrderRecord, CommandError> {
    let order_id = find(tx, number).await?;
    load(tx, order_id, false).await
}

async fn find(tx: &mut Tx, number: &str) -> Result<OrderId, CommandError> {
    sqlx::query_scalar!(
        "select order_id from purchase_order where number = $1 order by published_at desc, order_id limit 1",
        number
    )
    .fetch_optional(tx.sql())
    .await?
    .map(OrderId)
    .ok_or(CommandError::NotFound { what: "order" })
}

/// The order that one ERP calls by this number.
async fn find_at(tx: &mut Tx, connection_id: ConnectionId, number: &str) -> Result<OrderId, CommandError> {
    sqlx::query_scalar!(
        "select order_id from purchase_order where connection_id = $1 and number = $2",
        connection_id.0,
        number
    )
    .fetch_optional(tx.sql())
    .await?
    .map(OrderId)
    .ok_or(CommandError::NotFound { what: "order" })
}

/// Where events about an order of one ERP belong.
pub(crate) async fn about_of(tx: &mut Tx, connection_id: ConnectionId, number: &str) -> Result<About, CommandError> {
    let order_id = find_at(tx, connection_id, number).await?;
    let row = sqlx::query!("select plant_id, supplier_id from purchase_order where order_id = $1", order_id.0)
        .fetch_one(tx.sql())
        .await?;
    Ok(About {
        subject: Subject { kind: SubjectKind::Order, id: order_id.0 },
        plant_id: Some(row.plant_id.into()),
        supplier_id: Some(row.supplier_id.into()),
        home: Some(connection_id),
    })
}

/// An order by id, within the scope; locked when it is about to be changed.
pub async fn load(tx: &mut Tx, order_id: OrderId, for_update: bool) -> Result<OrderRecord, CommandError> {
    if for_update {
        // The row lock is taken alone, before anything is read, so that what is read is what is decided on.
        sqlx::query!("select order_id from purchase_order where order_id = $1 for update", order_id.0)
            .fetch_optional(tx.sql())
            .await?;
    }
    let head = sqlx::query!(
        r#"
        select o.order_id, o.connection_id, o.number, o.revision, o.their_version, o.supplier_id, o.plant_id, o.buyer,
               o.currency, o.incoterm, o.status, o.published_at, o.revised_at, o.opened_at,
               s.number as supplier_number, s.name as supplier_name, s.tolerances as supplier_tolerances, s.may_change_price,
               p.code as plant_code, p.name as plant_name, p.zone, p.tolerances as plant_tolerances
        from purchase_order o
        join supplier s using (supplier_id)
        join plant p using (plant_id)
        where o.order_id = $1
        "#,
        order_id.0
    )
    .fetch_optional(tx.sql())
    .await?
    .ok_or(CommandError::NotFound { what: "order" })?;
    let supplier_tolerances: Tolerances = read_json("tolerances", head.supplier_tolerances)?;
    let plant_tolerances: Tolerances = read_json("tolerances", head.plant_tolerances)?;

    let lines = sqlx::query!(
        r#"
        select order_line_id, number, item_id, item_number, description, supplier_item, unit, price, tolerances
        from order_line
        where order_id = $1
        order by number
        limit 2000
        "#,
        order_id.0
    )
    .fetch_all(tx.sql())
    .await?;
    let schedules = sqlx::query_as!(
        ScheduleRow,
        r#"
        select schedule_line_id, order_line_id, number, quantity, requested_on, state, version,
               first_promise, promise, proposal, counter, change, promise_event_id
        from schedule_line
        where order_id = $1
        order by number
        limit 10000
        "#,
        order_id.0
    )
    .fetch_all(tx.sql())
    .await?;

    let mut promise_events = HashMap::new();
    let mut by_line: HashMap<Uuid, Vec<ScheduleLine>> = HashMap::new();
    for row in schedules {
        if let Some(event) = row.promise_event_id {
            promise_events.insert(row.schedule_line_id, EventId(event));
        }
        by_line.entry(row.order_line_id).or_default().push(row.try_into()?);
    }
    let lines = lines
        .into_iter()
        .map(|line| {
            Ok(OrderLine {
                order_line_id: OrderLineId(line.order_line_id),
                number: line.number,
                item_id: line.item_id.into(),
                item_number: line.item_number,
                description: line.description,
                supplier_item: line.supplier_item,
                unit: Unit::new(&line.unit),
                price: line.price,
                agreed: Agreed {
                    line: read_json("tolerances", line.tolerances)?,
                    supplier: supplier_tolerances.clone(),
                    plant: plant_tolerances.clone(),
                },
                schedule: by_line.remove(&line.order_line_id).unwrap_or_default(),
            })
        })
        .collect::<Result<Vec<_>, StoreError>>()?;

    Ok(OrderRecord {
        order: PurchaseOrder {
            order_id,
            connection_id: ConnectionId(head.connection_id),
            number: head.number,
            revision: head.revision,
            their_version: head.their_version,
            supplier_id: head.supplier_id.into(),
            plant_id: head.plant_id.into(),
            buyer: head.buyer,
            currency: head.currency,
            incoterm: head.incoterm,
            status: read_word("order status", &head.status)?,
            published_at: head.published_at,
            may_change_price: head.may_change_price,
            lines,
        },
        supplier: (head.supplier_number, head.supplier_name),
        plant: (head.plant_code, head.plant_name),
        zone: read_word("zone", &head.zone)?,
        revised_at: head.revised_at,
        opened_at: head.opened_at,
        promise_events,
    })
}

struct ScheduleRow {
    schedule_line_id: Uuid,
    order_line_id: Uuid,
    number: i32,
    quantity: domain::Decimal,
    requested_on: NaiveDate,
    state: String,
    version: i64,
    first_promise: Option<Value>,
    promise: Option<Value>,
    proposal: Option<Value>,
    counter: Option<Value>,
    change: Option<Value>,
    promise_event_id: Option<Uuid>,
}

impl TryFrom<ScheduleRow> for ScheduleLine {
    type Error = StoreError;

    fn try_from(row: ScheduleRow) -> Result<Self, StoreError> {
        Ok(Self {
            schedule_line_id: row.schedule_line_id.into(),
            number: row.number,
            quantity: row.quantity,
            requested_on: row.requested_on,
            state: read_word("negotiation state", &row.state)?,
            version: row.version,
            first_promise: row.first_promise.map(|value| read_json("promise", value)).transpose()?,
            promise: row.promise.map(|value| read_json("promise", value)).transpose()?,
            proposal: row.proposal.map(|value| read_json("proposal", value)).transpose()?,
            counter: row.counter.map(|value| read_json("counter", value)).transpose()?,
            change: row.change.map(|value| read_json("change", value)).transpose()?,
        })
    }
}

pub(crate) fn read_json<T: serde::de::DeserializeOwned>(what: &'static str, value: Value) -> Result<T, StoreError> {
    serde_json::from_value(value).map_err(|error| StoreError::unreadable(what, error))
}

pub(crate) fn read_word<T>(what: &'static str, word: &str) -> Result<T, StoreError>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    word.parse().map_err(|error| StoreError::unreadable(what, error))
}

/// Takes a supplier's answer to an order.
pub async fn confirm(tx: &mut Tx, number: &str, command: &ConfirmLines) -> Result<Confirmed, CommandError> {
    let order_id = find(tx, number).await?;
    confirm_order(tx, order_id, command).await
}

async fn confirm_order(tx: &mut Tx, order_id: OrderId, command: &ConfirmLines) -> Result<Confirmed, CommandError> {
    let mut record = load(tx, order_id, true).await?;
    // Looked up under the lock: whoever waited for it may have waited for his own first click.
    let sent = Sent { submission: command.submission, action: "order.confirm", object: order_id.0 };
    if let Some(first) = first_outcome::<Confirmed>(tx, &sent).await? {
        return Ok(Confirmed { already: true, ..first });
    }
    let before = record.order.clone();
    let (now, day) = (tx.now(), record.today(tx.now()));
    let confirmation_id = ConfirmationId(tx.new_id());
    let actor = tx.actor().clone();
    let happened = record.order.confirm(command, confirmation_id, &actor, now, day)?;

    let event_ids = events::append(tx, record.about(), &happened, None).await?;
    let version = add_confirmation(tx, &record, command, confirmation_id, &happened).await?;
    save_schedule(tx, &before, &record.order, &happened, &event_ids).await?;
    let (by_rule, in_review) = happened
        .iter()
        .find_map(|event| match event {
            Event::LinesConfirmed { lines, .. } => {
                let by_rule = lines.iter().filter(|line| line.by_rule).count();
                Some((by_rule, lines.len() - by_rule))
            }
            _ => None,
        })
        .unwrap_or_default();
    let outcome = Confirmed { number: version, by_rule, in_review, at: now, already: false };
    keep_outcome(tx, &sent, &outcome).await?;
    note_change(tx, "order.confirm", &before, &record.order, None).await?;
    Ok(outcome)
}

/// The buyer decides on lines in review.
pub async fn decide(tx: &mut Tx, number: &str, command: &DecideDeviations) -> Result<Decided, CommandError> {
    let order_id = find(tx, number).await?;
    let mut record = load(tx, order_id, true).await?;
    let sent = Sent { submission: command.submission, action: "order.decide", object: order_id.0 };
    if let Some(first) = first_outcome::<Decided>(tx, &sent).await? {
        return Ok(Decided { already: true, ..first });
    }
    let before = record.order.clone();
    let (now, day) = (tx.now(), record.today(tx.now()));
    let actor = tx.actor().clone();
    let happened = record.order.decide(&command.decisions, &actor, now, day)?;
    let event_ids = events::append(tx, record.about(), &happened, None).await?;
    save_schedule(tx, &before, &record.order, &happened, &event_ids).await?;
    let outcome = Decided { lines: command.decisions.len(), at: now, already: false };
    keep_outcome(tx, &sent, &outcome).await?;
    let reason = command.decisions.iter().find_map(|decision| decision.note.clone());
    note_change(tx, "order.decide", &before, &record.order, reason).await?;
    Ok(outcome)
}

/// Notes that the supplier has seen the order. Says nothing when an insider looks or when it was seen before.
pub async fn mark_opened(tx: &mut Tx, order_id: OrderId) -> Result<(), CommandError> {
    if !matches!(tx.scope(), Scope::Suppliers(_)) {
        return Ok(());
    }
    let now = tx.now();
    let opened = sqlx::query!(
        "update purchase_order set opened_at = $2 where order_id = $1 and opened_at is null returning order_id",
        order_id.0,
        now
    )
    .fetch_optional(tx.sql())
    .await?;
    if opened.is_some() {
        let record = load(tx, order_id, false).await?;
        let event = Event::OrderOpened { order: record.order.number.clone(), revision: record.order.revision };
        events::append(tx, record.about(), &[event], None).await?;
    }
    Ok(())
}

/// What the ERP says about an order: published when new, revised where it differs, ignored when older than known.
pub async fn mirror(
    tx: &mut Tx,
    connection_id: ConnectionId,
    snapshot: &OrderSnapshot,
) -> Result<Mirrored, CommandError> {
    let resolved = reference::resolve(tx, connection_id, snapshot).await?;
    let mut known = known_as(tx, connection_id, &snapshot.number).await?;
    if known.is_none() {
        // Two messages may bring a new order at the same moment; there is no row yet that they could wait for.
        sqlx::query!(
            "select pg_advisory_xact_lock(hashtextextended($1::text || $2, 0))",
            connection_id.to_string(),
            snapshot.number
        )
        .fetch_one(tx.sql())
        .await?;
        known = known_as(tx, connection_id, &snapshot.number).await?;
    }
    let now = tx.now();
    let mut new_id = || crate::tx::new_id(now);
    let Some(order_id) = known else {
        if snapshot.status != OrderStatus::Open {
            // Nothing to promise any more and nothing to remember.
            return Ok(Mirrored::Unchanged);
        }
        let order_id = OrderId(new_id());
        let (order, happened) = PurchaseOrder::publish(order_id, snapshot, &resolved, now, &mut new_id);
        add_order(tx, &order).await?;
        add_lines(tx, &order, &order.lines.iter().collect::<Vec<_>>()).await?;
        reference::learn_links(tx, connection_id, snapshot).await?;
        events::append(tx, about(&order), &happened, None).await?;
        return Ok(Mirrored::Changed(happened));
    };
    let mut record = load(tx, order_id, true).await?;
    let before = record.order.clone();
    let mirrored = record.order.revise(snapshot, &resolved, &mut new_id);
    if mirrored == Mirrored::Stale {
        return Ok(mirrored);
    }
    save_header(tx, &record.order).await?;
    if let Mirrored::Changed(happened) = &mirrored {
        let added: Vec<&OrderLine> = record
            .order
            .lines
            .iter()
            .filter(|line| !before.lines.iter().any(|known| known.order_line_id == line.order_line_id))
            .collect();
        add_lines(tx, &record.order, &added).await?;
        save_lines(tx, &before, &record.order).await?;
        let event_ids = events::append(tx, record.about(), happened, None).await?;
        save_schedule(tx, &before, &record.order, happened, &event_ids).await?;
        note_change(tx, "order.revise", &before, &record.order, None).await?;
    }
    reference::learn_links(tx, connection_id, snapshot).await?;
    Ok(mirrored)
}

async fn known_as(tx: &mut Tx, connection_id: ConnectionId, number: &str) -> Result<Option<OrderId>, StoreError> {
    let known = sqlx::query_scalar!(
        "select order_id from purchase_order where connection_id = $1 and number = $2 for update",
        connection_id.0,
        number
    )
    .fetch_optional(tx.sql())
    .await?;
    Ok(known.map(OrderId))
}

/// One audit row for a change of an order: the schedule lines that changed, before and after.
async fn note_change(
    tx: &mut Tx,
    action: &str,
    before: &PurchaseOrder,
    after: &PurchaseOrder,
    reason: Option<String>,
) -> Result<(), StoreError> {
    let changed: Vec<(Value, Value)> = after
        .schedule_lines()
        .filter_map(|(line, now)| {
            let (_, was) = before.find(now.schedule_line_id)?;
            let show = |it: &ScheduleLine| {
                json!({ "line": line.number, "schedule": it.number, "state": it.state, "quantity": it.quantity,
                        "requested_on": it.requested_on, "promise": it.promise, "proposal": it.proposal.as_ref().map(|p| &p.commitments),
                        "counter": it.counter.as_ref().map(|c| &c.commitments) })
            };
            (was != now).then(|| (show(was), show(now)))
        })
        .collect();
    let (was, now): (Vec<Value>, Vec<Value>) = changed.into_iter().unzip();
    audit::append(
        tx,
        audit::Entry {
            action,
            object_kind: "order",
            object_id: after.number.clone(),
            before: Some(json!({ "revision": before.revision, "status": before.status, "lines": was })),
            after: Some(json!({ "revision": after.revision, "status": after.status, "lines": now })),
            reason,
            plant_id: Some(after.plant_id),
            supplier_id: Some(after.supplier_id),
        },
    )
    .await
}

/// Checks that an answer from a machine comes from the supplier that the order of its ERP is for, then takes it.
pub async fn confirm_for(
    tx: &mut Tx,
    connection_id: ConnectionId,
    number: &str,
    supplier: &str,
    command: &ConfirmLines,
) -> Result<Confirmed, CommandError> {
    let order_id = find_at(tx, connection_id, number).await?;
    let record = load(tx, order_id, false).await?;
    let refuse = |why: String| {
        let problem =
            Problem { schedule_line_id: None, part: 0, field: Field::Answer, refusal: Refusal::NotAllowed(why) };
        Err(vec![problem].into())
    };
    if record.supplier.0 != supplier {
        return refuse(format!("Order {number} is not an order for supplier {supplier}."));
    }
    if matches!(command.channel, Channel::OnBehalf | Channel::Portal) {
        return refuse(format!("An answer from a machine cannot come through the channel {}.", command.channel));
    }
    confirm_order(tx, order_id, command).await
}

/// How many schedule lines of an order wait for whom.
pub fn waiting(order: &PurchaseOrder, turn: Turn) -> usize {
    order.schedule_lines().filter(|(_, schedule)| schedule.state.turn() == turn).count()
}
