//! Purchase orders: read one, answer it, decide on it, mirror what the ERP says.
//!
//! Lists are in [`crate::order_list`], the history of one order in [`crate::timeline`].

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use domain::access::Scope;
use domain::calendar::{ZoneName, today};
use domain::command::OrderSnapshot;
use domain::confirmation::{Channel, ConfirmLines, DecideDeviations, Field, Problem, Refusal};
use domain::event::{Event, Subject, SubjectKind};
use domain::id::{ConfirmationId, ConnectionId, EventId, OrderId, OrderLineId};
use domain::negotiation::{Negotiation, Turn};
use domain::order::{OrderLine, OrderStatus, PurchaseOrder, ScheduleLine, last_day, total};
use domain::quantity::Unit;
use domain::revision::Mirrored;
use domain::tolerance::{Agreed, Tolerances};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::error::{CommandError, StoreError, constraint};
use crate::events::{self, About};
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
    let sent = Sent { submission: command.submission, action: "order.confirm", order_id };
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
    let sent = Sent { submission: command.submission, action: "order.decide", order_id };
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

/// One sending of a form or call: what it was for is part of its key, so that a key used again for something else is never
/// answered with foreign news.
struct Sent {
    submission: Uuid,
    action: &'static str,
    order_id: OrderId,
}

impl Sent {
    fn kind(&self) -> String {
        format!("{}/{}", self.action, self.order_id)
    }
}

async fn first_outcome<T: serde::de::DeserializeOwned>(tx: &mut Tx, sent: &Sent) -> Result<Option<T>, CommandError> {
    let known = sqlx::query!("select kind, outcome from submission where submission_id = $1", sent.submission)
        .fetch_optional(tx.sql())
        .await?;
    match known {
        None => Ok(None),
        Some(known) if known.kind == sent.kind() => Ok(Some(read_json("submission outcome", known.outcome)?)),
        Some(_) => Err(used_before()),
    }
}

fn used_before() -> CommandError {
    CommandError::Invalid("This form was sent before. Reload the page to see what became of it.".to_owned())
}

async fn keep_outcome<T: Serialize + Sync>(tx: &mut Tx, sent: &Sent, outcome: &T) -> Result<(), CommandError> {
    let outcome = serde_json::to_value(outcome).map_err(|error| StoreError::unreadable("submission outcome", error))?;
    let (person, now) = (tx.actor().person().map(|id| id.0), tx.now());
    sqlx::query!(
        "insert into submission (submission_id, kind, person_id, at, outcome) values ($1, $2, $3, $4, $5)",
        sent.submission,
        sent.kind(),
        person,
        now,
        outcome
    )
    .execute(tx.sql())
    .await
    .map_err(|error| match constraint(&error) {
        // Somebody else's key, which this scope cannot see.
        Some("submission_pkey") => used_before(),
        _ => error.into(),
    })?;
    Ok(())
}

async fn add_confirmation(
    tx: &mut Tx,
    record: &OrderRecord,
    command: &ConfirmLines,
    confirmation_id: ConfirmationId,
    happened: &[Event],
) -> Result<i32, CommandError> {
    let order = &record.order;
    let actor = serde_json::to_value(tx.actor()).map_err(|error| StoreError::unreadable("actor", error))?;
    let now = tx.now();
    let number = sqlx::query_scalar!(
        r#"
        insert into confirmation (confirmation_id, order_id, number, revision, channel, submission_id, actor, at, supplier_id, plant_id)
        select $1, $2, coalesce(max(number), 0) + 1, $3, $4, $5, $6, $7, $8, $9 from confirmation where order_id = $2
        returning number
        "#,
        confirmation_id.0,
        order.order_id.0,
        order.revision,
        command.channel.as_str(),
        command.submission,
        actor,
        now,
        order.supplier_id.0,
        order.plant_id.0,
    )
    .fetch_one(tx.sql())
    .await
    .map_err(|error| match constraint(&error) {
        Some("confirmation_submission_key") => used_before(),
        _ => error.into(),
    })?;
    let Some(answered) = happened.iter().find_map(|event| match event {
        Event::LinesConfirmed { lines, .. } => Some(lines),
        _ => None,
    }) else {
        return Ok(number);
    };
    let unit_of = |line: &str| {
        order
            .lines
            .iter()
            .find(|known| known.number == line)
            .map(|known| known.unit.code().to_owned())
            .unwrap_or_default()
    };
    let mut answers = (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut parts = (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for line in answered {
        answers.0.push(line.schedule_line_id.0);
        answers.1.push(line.kind.to_string());
        answers.2.push(line.reason.map(|reason| reason.to_string()));
        answers.3.push(line.note.clone());
        answers
            .4
            .push(serde_json::to_value(&line.deviations).map_err(|error| StoreError::unreadable("deviations", error))?);
        answers.5.push(line.by_rule);
        for (part, commitment) in (1_i32..).zip(&line.commitments) {
            parts.0.push(line.schedule_line_id.0);
            parts.1.push(part);
            parts.2.push(commitment.quantity);
            parts.3.push(unit_of(&line.line));
            parts.4.push(commitment.deliver_on);
            parts.5.push(commitment.ship_on);
            parts.6.push(commitment.price);
        }
    }
    sqlx::query!(
        r#"
        insert into confirmation_answer (confirmation_id, schedule_line_id, kind, reason, note, deviations, by_rule, supplier_id, plant_id)
        select $1, a.schedule_line_id, a.kind, a.reason, a.note, a.deviations, a.by_rule, $2, $3
        from unnest($4::uuid[], $5::text[], $6::text[], $7::text[], $8::jsonb[], $9::boolean[])
            as a (schedule_line_id, kind, reason, note, deviations, by_rule)
        "#,
        confirmation_id.0,
        order.supplier_id.0,
        order.plant_id.0,
        &answers.0,
        &answers.1,
        &answers.2 as _,
        &answers.3 as _,
        &answers.4,
        &answers.5,
    )
    .execute(tx.sql())
    .await?;
    sqlx::query!(
        r#"
        insert into commitment (confirmation_id, schedule_line_id, part, quantity, unit, deliver_on, ship_on, price, supplier_id, plant_id)
        select $1, c.schedule_line_id, c.part, c.quantity, c.unit, c.deliver_on, c.ship_on, c.price, $2, $3
        from unnest($4::uuid[], $5::integer[], $6::numeric[], $7::text[], $8::date[], $9::date[], $10::numeric[])
            as c (schedule_line_id, part, quantity, unit, deliver_on, ship_on, price)
        "#,
        confirmation_id.0,
        order.supplier_id.0,
        order.plant_id.0,
        &parts.0,
        &parts.1,
        &parts.2,
        &parts.3,
        &parts.4 as _,
        &parts.5 as _,
        &parts.6 as _,
    )
    .execute(tx.sql())
    .await?;
    Ok(number)
}

async fn add_order(tx: &mut Tx, order: &PurchaseOrder) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        insert into purchase_order
            (order_id, connection_id, number, revision, their_version, supplier_id, plant_id, buyer, currency, incoterm, status, published_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        "#,
        order.order_id.0,
        order.connection_id.0,
        order.number,
        order.revision,
        order.their_version,
        order.supplier_id.0,
        order.plant_id.0,
        order.buyer,
        order.currency,
        order.incoterm,
        order.status.as_str(),
        order.published_at,
    )
    .execute(tx.sql())
    .await?;
    Ok(())
}

async fn save_header(tx: &mut Tx, order: &PurchaseOrder) -> Result<(), StoreError> {
    let now = tx.now();
    sqlx::query!(
        r#"
        update purchase_order
        set revised_at = case when revision <> $2 then $7 else revised_at end,
            revision = $2, their_version = $3, buyer = $4, incoterm = $5, status = $6, currency = $8
        where order_id = $1
        "#,
        order.order_id.0,
        order.revision,
        order.their_version,
        order.buyer,
        order.incoterm,
        order.status.as_str(),
        now,
        order.currency,
    )
    .execute(tx.sql())
    .await?;
    Ok(())
}

async fn add_lines(tx: &mut Tx, order: &PurchaseOrder, lines: &[&OrderLine]) -> Result<(), StoreError> {
    for line in lines {
        let tolerances =
            serde_json::to_value(&line.agreed.line).map_err(|error| StoreError::unreadable("tolerances", error))?;
        sqlx::query!(
            r#"
            insert into order_line
                (order_line_id, order_id, number, item_id, item_number, description, supplier_item, unit, price, tolerances, supplier_id, plant_id)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
            "#,
            line.order_line_id.0,
            order.order_id.0,
            line.number,
            line.item_id.0,
            line.item_number,
            line.description,
            line.supplier_item,
            line.unit.code(),
            line.price,
            tolerances,
            order.supplier_id.0,
            order.plant_id.0,
        )
        .execute(tx.sql())
        .await?;
        add_schedule(tx, order, line, &line.schedule.iter().collect::<Vec<_>>()).await?;
    }
    Ok(())
}

async fn add_schedule(
    tx: &mut Tx,
    order: &PurchaseOrder,
    line: &OrderLine,
    schedule: &[&ScheduleLine],
) -> Result<(), StoreError> {
    let ids: Vec<Uuid> = schedule.iter().map(|new| new.schedule_line_id.0).collect();
    let numbers: Vec<i32> = schedule.iter().map(|new| new.number).collect();
    let quantities: Vec<_> = schedule.iter().map(|new| new.quantity).collect();
    let days: Vec<_> = schedule.iter().map(|new| new.requested_on).collect();
    let changes: Vec<Option<Value>> =
        schedule.iter().map(|new| new.change.as_ref().map(|change| json!(change))).collect();
    sqlx::query!(
        r#"
        insert into schedule_line
            (schedule_line_id, order_line_id, order_id, number, quantity, requested_on, state, version, change, supplier_id, plant_id)
        select s.id, $1, $2, s.number, s.quantity, s.requested_on, $5, 1, s.change, $3, $4
        from unnest($6::uuid[], $7::integer[], $8::numeric[], $9::date[], $10::jsonb[]) as s (id, number, quantity, requested_on, change)
        "#,
        line.order_line_id.0,
        order.order_id.0,
        order.supplier_id.0,
        order.plant_id.0,
        Negotiation::Published.as_str(),
        &ids,
        &numbers,
        &quantities,
        &days,
        &changes as _,
    )
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// Saves lines that were there before and look different now, and schedule lines that were added to them.
async fn save_lines(tx: &mut Tx, before: &PurchaseOrder, after: &PurchaseOrder) -> Result<(), StoreError> {
    for line in &after.lines {
        let Some(known) = before.lines.iter().find(|known| known.order_line_id == line.order_line_id) else { continue };
        let added: Vec<&ScheduleLine> = line
            .schedule
            .iter()
            .filter(|new| !known.schedule.iter().any(|old| old.schedule_line_id == new.schedule_line_id))
            .collect();
        if !added.is_empty() {
            add_schedule(tx, after, line, &added).await?;
        }
        let unchanged = known.item_id == line.item_id
            && known.description == line.description
            && known.supplier_item == line.supplier_item
            && known.unit == line.unit
            && known.price == line.price
            && known.agreed.line == line.agreed.line;
        if unchanged {
            continue;
        }
        let tolerances =
            serde_json::to_value(&line.agreed.line).map_err(|error| StoreError::unreadable("tolerances", error))?;
        sqlx::query!(
            r#"
            update order_line
            set item_id = $2, item_number = $3, description = $4, supplier_item = $5, price = $6, tolerances = $7, unit = $8
            where order_line_id = $1
            "#,
            line.order_line_id.0,
            line.item_id.0,
            line.item_number,
            line.description,
            line.supplier_item,
            line.price,
            tolerances,
            line.unit.code(),
        )
        .execute(tx.sql())
        .await?;
    }
    Ok(())
}

/// Saves the schedule lines whose version moved, in one statement, and notes which event told other systems of a promise.
async fn save_schedule(
    tx: &mut Tx,
    before: &PurchaseOrder,
    after: &PurchaseOrder,
    happened: &[Event],
    event_ids: &[EventId],
) -> Result<(), StoreError> {
    let told = happened.iter().zip(event_ids).find_map(|(event, id)| match event {
        Event::PromiseMade { lines, .. } => Some((id.0, lines)),
        _ => None,
    });
    let changed: Vec<&ScheduleLine> = after
        .schedule_lines()
        .map(|(_, schedule)| schedule)
        .filter(|schedule| before.find(schedule.schedule_line_id).is_some_and(|(_, old)| old != *schedule))
        .collect();
    if changed.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = changed.iter().map(|line| line.schedule_line_id.0).collect();
    let states: Vec<String> = changed.iter().map(|line| line.state.to_string()).collect();
    let versions: Vec<i64> = changed.iter().map(|line| line.version).collect();
    let quantities: Vec<_> = changed.iter().map(|line| line.quantity).collect();
    let days: Vec<_> = changed.iter().map(|line| line.requested_on).collect();
    let first: Vec<Option<Value>> =
        changed.iter().map(|line| line.first_promise.as_ref().map(|it| json!(it))).collect();
    let promise: Vec<Option<Value>> = changed.iter().map(|line| line.promise.as_ref().map(|it| json!(it))).collect();
    let proposal: Vec<Option<Value>> = changed.iter().map(|line| line.proposal.as_ref().map(|it| json!(it))).collect();
    let counter: Vec<Option<Value>> = changed.iter().map(|line| line.counter.as_ref().map(|it| json!(it))).collect();
    let change: Vec<Option<Value>> = changed.iter().map(|line| line.change.as_ref().map(|it| json!(it))).collect();
    let first_on: Vec<Option<NaiveDate>> =
        changed.iter().map(|line| line.first_promise.as_deref().and_then(last_day)).collect();
    let last_on: Vec<Option<NaiveDate>> =
        changed.iter().map(|line| line.promise.as_deref().and_then(last_day)).collect();
    let promised: Vec<_> = changed.iter().map(|line| line.promise.as_deref().map(total)).collect();
    let reviewed: Vec<_> = changed.iter().map(|line| line.proposal.as_ref().map(|proposal| proposal.at)).collect();
    let events: Vec<Option<Uuid>> = changed
        .iter()
        .map(|line| {
            told.filter(|(_, lines)| lines.iter().any(|it| it.schedule_line_id == line.schedule_line_id))
                .map(|(id, _)| id)
        })
        .collect();
    sqlx::query!(
        r#"
        update schedule_line s
        set state = n.state, version = n.version, quantity = n.quantity, requested_on = n.requested_on,
            first_promise = n.first_promise, promise = n.promise, proposal = n.proposal, counter = n.counter, change = n.change,
            first_confirmed_on = n.first_on, last_confirmed_on = n.last_on, promised = n.promised, in_review_since = n.reviewed,
            promise_event_id = coalesce(n.event_id, s.promise_event_id)
        from unnest($1::uuid[], $2::text[], $3::bigint[], $4::numeric[], $5::date[], $6::jsonb[], $7::jsonb[], $8::jsonb[],
                    $9::jsonb[], $10::jsonb[], $11::date[], $12::date[], $13::numeric[], $14::timestamptz[], $15::uuid[])
            as n (id, state, version, quantity, requested_on, first_promise, promise, proposal, counter, change,
                  first_on, last_on, promised, reviewed, event_id)
        where s.schedule_line_id = n.id
        "#,
        &ids,
        &states,
        &versions,
        &quantities,
        &days,
        &first as _,
        &promise as _,
        &proposal as _,
        &counter as _,
        &change as _,
        &first_on as _,
        &last_on as _,
        &promised as _,
        &reviewed as _,
        &events as _,
    )
    .execute(tx.sql())
    .await?;
    Ok(())
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
