//! Ship notices: announce, amend, withdraw, follow on their way, and read.
//!
//! Locks are taken in one order: the orders (shared) and then the schedule lines of the content, each by id, then the notice,
//! and the serials of the items last, again by id. Two notices over the same promise therefore wait for one another, and the second is checked against what the first
//! one took; an answer to the order or a revision of it waits as well. Lists are in [`crate::ship_notice_list`], what a
//! notice is made from in [`crate::ship_notice_facts`], what is read of one besides in `ship_notice_reads.rs`, how the rows are
//! written in `ship_notice_rows.rs`.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use domain::Decimal;
use domain::access::{Action, may};
use domain::calendar::{ZoneName, today};
use domain::event::{Event, Subject, SubjectKind};
use domain::id::{ConnectionId, EventId, PlantId, ScheduleLineId, ShipLineId, ShipNoticeId, SupplierId};
use domain::refusal;
use domain::refusal::Finding;
use domain::shipment::check::check;
use domain::shipment::content::{
    AmendShipNotice, CancelShipNotice, LineContent, SendShipNotice, ShipContent, TellMilestone,
};
use domain::shipment::steps::{self, Given, changeable, ready};
use domain::shipment::{Milestone, Moved, ShipNotice, ShipStatus};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::audit;
use crate::error::{CommandError, StoreError};
use crate::events::{self, About};
use crate::orders::{read_json, read_word};
use crate::ship_notice_facts::facts_for_check;
pub use crate::ship_notice_reads::{ShippedOf, Told, Version, duplicate, in_erp, milestones, of_order, versions};
use crate::ship_notice_rows::{Parties, add_notice, add_version, save_content, save_notice};
pub use crate::ssccs::PORTAL_PREFIX;
use crate::ssccs::allocate;
use crate::submissions::{Sent, first_outcome, keep_outcome};
use crate::tx::Tx;

/// A ship notice with what stands around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShipNoticeRecord {
    /// The version in force; its arrival day is the one expected now.
    pub notice: ShipNotice,
    /// Where the goods are.
    pub status: ShipStatus,
    /// The ERP that its orders live in.
    pub connection_id: ConnectionId,
    /// Whose it is.
    pub supplier_id: SupplierId,
    /// Where to.
    pub plant_id: PlantId,
    /// The supplier's number and name.
    pub supplier: (String, String),
    /// The plant's code and name.
    pub plant: (String, String),
    /// The plant's zone.
    pub zone: ZoneName,
    /// When it was first sent.
    pub announced_at: DateTime<Utc>,
    /// When it was last amended.
    pub amended_at: Option<DateTime<Utc>>,
    /// When it left, as told.
    pub departed_at: Option<DateTime<Utc>>,
    /// When it came to the gate, as told.
    pub arrived_at: Option<DateTime<Utc>>,
    /// When nothing more was expected of it.
    pub received_at: Option<DateTime<Utc>>,
    /// When it was withdrawn.
    pub cancelled_at: Option<DateTime<Utc>>,
    /// Why.
    pub cancel_reason: Option<String>,
    /// The event that told other systems what is in force.
    pub last_event_id: Option<EventId>,
    /// What came of each line: taken into stock, damaged.
    pub received: HashMap<ShipLineId, (Decimal, Decimal)>,
    /// The last day promised for each schedule line.
    pub promised_on: HashMap<ScheduleLineId, NaiveDate>,
}

impl ShipNoticeRecord {
    /// Today in the plant's calendar.
    pub fn today(&self, now: DateTime<Utc>) -> NaiveDate {
        today(now, self.zone.0)
    }

    /// Where its events belong: to the ERP of its orders.
    pub const fn about(&self) -> About {
        About {
            subject: Subject { kind: SubjectKind::Shipment, id: self.notice.ship_notice_id.0 },
            plant_id: Some(self.plant_id),
            supplier_id: Some(self.supplier_id),
            home: Some(self.connection_id),
        }
    }

    const fn parties(&self) -> Parties {
        Parties { connection_id: self.connection_id, supplier_id: self.supplier_id, plant_id: self.plant_id }
    }
}

/// What a command came to; kept with the submission and given again when it is sent twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// Which.
    pub ship_notice_id: ShipNoticeId,
    /// Its number.
    pub number: String,
    /// The version in force.
    pub version: i32,
    /// Where the goods are.
    pub status: ShipStatus,
    /// What its sender should know nevertheless.
    #[serde(default)]
    pub warnings: Vec<Finding>,
    /// When it was taken.
    pub at: DateTime<Utc>,
    /// It had been sent before; this is the first result.
    #[serde(default)]
    pub already: bool,
}

const NOT_FOUND: CommandError = CommandError::NotFound { what: "ship notice" };

/// A ship notice by its number, within the scope.
pub async fn get(tx: &mut Tx, number: &str) -> Result<ShipNoticeRecord, CommandError> {
    let id = find(tx, number).await?;
    load(tx, id).await
}

async fn find(tx: &mut Tx, number: &str) -> Result<ShipNoticeId, CommandError> {
    sqlx::query_scalar!("select ship_notice_id from ship_notice where number = $1", number)
        .fetch_optional(tx.sql())
        .await?
        .map(ShipNoticeId)
        .ok_or(NOT_FOUND)
}

/// The notice that this number or delivery note names, within the scope: our number first, then the delivery note of a
/// notice that is not withdrawn, the newest. With `supplier` (his number) only his.
pub async fn by_number_or_delivery_note(
    tx: &mut Tx,
    text: &str,
    supplier: Option<&str>,
) -> Result<Option<ShipNoticeId>, StoreError> {
    let text = text.trim();
    let id = sqlx::query_scalar!(
        r#"
        select n.ship_notice_id
        from ship_notice n
        join supplier s using (supplier_id)
        where (n.number = upper($1) or (lower(n.delivery_note) = lower($1) and n.status <> 'cancelled'))
          and ($2::text is null or s.number = $2)
        order by n.number = upper($1) desc, n.announced_at desc
        limit 1
        "#,
        text,
        supplier
    )
    .fetch_optional(tx.sql())
    .await?;
    Ok(id.map(ShipNoticeId))
}

/// Takes the notice's row lock and reads it: for whoever is about to change where it stands, e.g. by a receipt.
pub async fn lock(tx: &mut Tx, id: ShipNoticeId) -> Result<ShipNoticeRecord, CommandError> {
    sqlx::query!("select ship_notice_id from ship_notice where ship_notice_id = $1 for update", id.0)
        .fetch_optional(tx.sql())
        .await?
        .ok_or(NOT_FOUND)?;
    load(tx, id).await
}

/// A ship notice by id, within the scope.
pub async fn load(tx: &mut Tx, id: ShipNoticeId) -> Result<ShipNoticeRecord, CommandError> {
    let head = sqlx::query!(
        r#"
        select n.connection_id, n.supplier_id, n.plant_id, n.status, n.arrive_on, n.announced_at, n.amended_at, n.departed_at,
               n.arrived_at, n.received_at, n.cancelled_at, n.cancel_reason, n.last_event_id,
               s.number as supplier_number, s.name as supplier_name, p.code as plant_code, p.name as plant_name, p.zone,
               v.content
        from ship_notice n
        join supplier s using (supplier_id)
        join plant p using (plant_id)
        join ship_notice_version v on v.ship_notice_id = n.ship_notice_id and v.version = n.version
        where n.ship_notice_id = $1
        "#,
        id.0
    )
    .fetch_optional(tx.sql())
    .await?
    .ok_or(NOT_FOUND)?;
    let lines = sqlx::query!(
        r#"
        select l.ship_line_id, l.received, l.damaged, l.schedule_line_id, s.last_confirmed_on
        from ship_notice_line l
        join schedule_line s using (schedule_line_id)
        where l.ship_notice_id = $1
        limit 5000
        "#,
        id.0
    )
    .fetch_all(tx.sql())
    .await?;
    let mut notice: ShipNotice = read_json("ship notice", head.content)?;
    notice.arrive_on = head.arrive_on;
    Ok(ShipNoticeRecord {
        notice,
        status: read_word("ship status", &head.status)?,
        connection_id: ConnectionId(head.connection_id),
        supplier_id: head.supplier_id.into(),
        plant_id: head.plant_id.into(),
        supplier: (head.supplier_number, head.supplier_name),
        plant: (head.plant_code, head.plant_name),
        zone: read_word("zone", &head.zone)?,
        announced_at: head.announced_at,
        amended_at: head.amended_at,
        departed_at: head.departed_at,
        arrived_at: head.arrived_at,
        received_at: head.received_at,
        cancelled_at: head.cancelled_at,
        cancel_reason: head.cancel_reason,
        last_event_id: head.last_event_id.map(EventId),
        received: lines.iter().map(|line| (ShipLineId(line.ship_line_id), (line.received, line.damaged))).collect(),
        promised_on: lines
            .iter()
            .filter_map(|line| Some((ScheduleLineId(line.schedule_line_id), line.last_confirmed_on?)))
            .collect(),
    })
}

/// Orders (shared) and schedule lines of the content, by id: whoever else ships, answers or revises them waits.
async fn lock_lines(tx: &mut Tx, content: &ShipContent) -> Result<(), StoreError> {
    let ids: Vec<Uuid> = content.lines.iter().map(|line| line.schedule_line_id.0).collect();
    sqlx::query!(
        r#"
        select order_id from purchase_order
        where order_id in (select order_id from schedule_line where schedule_line_id = any($1))
        order by order_id for share
        "#,
        &ids
    )
    .fetch_all(tx.sql())
    .await?;
    sqlx::query!(
        "select schedule_line_id from schedule_line where schedule_line_id = any($1) order by schedule_line_id for update",
        &ids
    )
    .fetch_all(tx.sql())
    .await?;
    Ok(())
}

/// Whoever announces serials of an item waits here for whoever does so already, on whichever line: what is taken is read
/// after this. Items by id, so that two who announce the same items in another order do not wait for each other.
async fn lock_serials(tx: &mut Tx, content: &ShipContent) -> Result<(), StoreError> {
    let has_serials =
        |line: &&LineContent| !line.serials.is_empty() || line.lots.iter().any(|lot| !lot.serials.is_empty());
    let ids: Vec<Uuid> = content.lines.iter().filter(has_serials).map(|line| line.schedule_line_id.0).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let items = sqlx::query_scalar!(
        r#"
        select distinct l.item_id from schedule_line s join order_line l using (order_line_id)
        where s.schedule_line_id = any($1) order by l.item_id
        "#,
        &ids
    )
    .fetch_all(tx.sql())
    .await?;
    for item in items {
        sqlx::query!("select pg_advisory_xact_lock(hashtextextended('serials of ' || $1::text, 0))", item.to_string())
            .fetch_one(tx.sql())
            .await?;
    }
    Ok(())
}

/// What would be said if this content were sent now, by the same check. Changes nothing.
pub async fn dry_run(tx: &mut Tx, content: &ShipContent) -> Result<Vec<Finding>, CommandError> {
    may(tx.actor(), Action::SendShipNotice)?;
    let content = content.clone().tidied();
    let facts = facts_for_check(tx, &content, None).await?;
    Ok(check(&content, &facts))
}

/// The same for a newer version of a notice.
pub async fn dry_run_amend(
    tx: &mut Tx,
    number: &str,
    version: i32,
    content: &ShipContent,
) -> Result<Vec<Finding>, CommandError> {
    may(tx.actor(), Action::SendShipNotice)?;
    let record = get(tx, number).await?;
    if let Err(findings) = changeable(&record.notice, record.status, version, "amended") {
        return Ok(findings);
    }
    let content = content.clone().tidied();
    let facts = facts_for_check(tx, &content, Some(&record.notice)).await?;
    let mut findings = check(&content, &facts);
    findings.extend(of_others(&record, &facts.lines));
    Ok(findings)
}

/// An amendment stays with the supplier, plant and ERP of its notice.
fn of_others(record: &ShipNoticeRecord, lines: &[domain::shipment::content::Shippable]) -> Option<Finding> {
    let other = lines.iter().find(|line| {
        (line.supplier_id, line.plant_id, line.connection_id)
            != (record.supplier_id, record.plant_id, record.connection_id)
    })?;
    Some(Finding::stops(
        "lines",
        "other_plant",
        format!(
            "{} is for another plant or supplier than ship notice {}. Take it out and make a second notice for it.",
            other.name(),
            record.notice.number
        ),
    ))
}

/// Announces what is shipped.
pub async fn send(tx: &mut Tx, command: &SendShipNotice) -> Result<Taken, CommandError> {
    may(tx.actor(), Action::SendShipNotice)?;
    let content = command.content.clone().tidied();
    lock_lines(tx, &content).await?;
    // The notice does not exist yet; what it is first about stands for it.
    let object = content.lines.first().map_or(Uuid::nil(), |line| line.schedule_line_id.0);
    let sent = Sent { submission: command.submission, action: "shipment.send", object };
    if let Some(first) = first_outcome::<Taken>(tx, &sent).await? {
        return Ok(Taken { already: true, ..first });
    }
    lock_serials(tx, &content).await?;
    let facts = facts_for_check(tx, &content, None).await?;
    let ready = ready(&content, &facts)?;
    let Some(first) = facts.lines.first() else { return Err(CommandError::NotFound { what: "order line" }) };
    let parties =
        Parties { connection_id: first.connection_id, supplier_id: first.supplier_id, plant_id: first.plant_id };
    let ssccs = allocate(tx, first.supplier_id, ready.new_packages()).await?;
    let number = sqlx::query_scalar!(r#"select nextval('ship_notice_number') as "it!""#).fetch_one(tx.sql()).await?;
    let (id, now) = (ShipNoticeId(tx.new_id()), tx.now());
    let mut new_id = || crate::tx::new_id(now);
    let (notice, event) = ready.announce(id, format!("SN-{number:06}"), Given { new_id: &mut new_id, ssccs })?;
    let about = About {
        subject: Subject { kind: SubjectKind::Shipment, id: id.0 },
        plant_id: Some(parties.plant_id),
        supplier_id: Some(parties.supplier_id),
        home: Some(parties.connection_id),
    };
    let told_by = tell_all(tx, about, event).await?;
    add_notice(tx, &notice, parties, told_by).await?;
    add_version(tx, &notice, parties, None).await?;
    save_content(tx, &notice, &facts.lines, parties).await?;
    note_change(tx, "shipment.send", parties, None, Some(summary(&notice)), &notice.number, None).await?;
    let taken = Taken {
        ship_notice_id: id,
        number: notice.number,
        version: notice.version,
        status: ShipStatus::Announced,
        warnings: ready.warnings,
        at: now,
        already: false,
    };
    keep_outcome(tx, &sent, &taken).await?;
    Ok(taken)
}

/// Sends a newer version.
pub async fn amend(tx: &mut Tx, number: &str, command: &AmendShipNotice) -> Result<Taken, CommandError> {
    may(tx.actor(), Action::SendShipNotice)?;
    let content = command.content.clone().tidied();
    let id = find(tx, number).await?;
    lock_lines(tx, &content).await?;
    let record = lock(tx, id).await?;
    let sent = Sent { submission: command.submission, action: "shipment.amend", object: id.0 };
    if let Some(first) = first_outcome::<Taken>(tx, &sent).await? {
        return Ok(Taken { already: true, ..first });
    }
    changeable(&record.notice, record.status, command.version, "amended")?;
    lock_serials(tx, &content).await?;
    let facts = facts_for_check(tx, &content, Some(&record.notice)).await?;
    if let Some(finding) = of_others(&record, &facts.lines) {
        return Err(vec![finding].into());
    }
    let ready = ready(&content, &facts)?;
    let ssccs = allocate(tx, record.supplier_id, ready.new_packages()).await?;
    let now = tx.now();
    let mut new_id = || crate::tx::new_id(now);
    let reason = command.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty()).map(str::to_owned);
    if reason.as_ref().is_some_and(|reason| reason.chars().count() > domain::shipment::check::LONGEST_NOTE) {
        return Err(vec![Finding::stops(
            "reason",
            "too_long",
            "The reason is too long: 2,000 characters at the most. Shorten it.",
        )]
        .into());
    }
    let (notice, event) = ready.amend(&record.notice, reason.clone(), Given { new_id: &mut new_id, ssccs })?;
    let parties = record.parties();
    let told_by = tell_all(tx, record.about(), event).await?;
    save_notice(tx, &notice, told_by).await?;
    add_version(tx, &notice, parties, reason.as_deref()).await?;
    save_content(tx, &notice, &facts.lines, parties).await?;
    let before = Some(summary(&record.notice));
    note_change(tx, "shipment.amend", parties, before, Some(summary(&notice)), &notice.number, reason).await?;
    let taken = Taken {
        ship_notice_id: id,
        number: notice.number,
        version: notice.version,
        status: record.status,
        warnings: ready.warnings,
        at: now,
        already: false,
    };
    keep_outcome(tx, &sent, &taken).await?;
    Ok(taken)
}

/// Withdraws a notice. Its quantities are open again, its versions and its SSCCs stay what they were.
pub async fn cancel(tx: &mut Tx, number: &str, command: &CancelShipNotice) -> Result<Taken, CommandError> {
    may(tx.actor(), Action::SendShipNotice)?;
    let id = find(tx, number).await?;
    let record = lock(tx, id).await?;
    let sent = Sent { submission: command.submission, action: "shipment.cancel", object: id.0 };
    if let Some(first) = first_outcome::<Taken>(tx, &sent).await? {
        return Ok(Taken { already: true, ..first });
    }
    let event = steps::cancel(&record.notice, record.status, command.version, &command.reason)?;
    let reason = command.reason.trim().to_owned();
    let told_by = tell_all(tx, record.about(), event).await?;
    let now = tx.now();
    sqlx::query!(
        r#"
        update ship_notice set status = 'cancelled', cancelled_at = $2, cancel_reason = $3, last_event_id = $4
        where ship_notice_id = $1
        "#,
        id.0,
        now,
        reason,
        told_by.0
    )
    .execute(tx.sql())
    .await?;
    sqlx::query!("update ship_notice_line set is_live = false where ship_notice_id = $1 and is_live", id.0)
        .execute(tx.sql())
        .await?;
    let status = |status: ShipStatus| Some(json!({ "status": status }));
    let (was, is) = (status(record.status), status(ShipStatus::Cancelled));
    note_change(tx, "shipment.cancel", record.parties(), was, is, &record.notice.number, Some(reason)).await?;
    let taken = Taken {
        ship_notice_id: id,
        number: record.notice.number,
        version: record.notice.version,
        status: ShipStatus::Cancelled,
        warnings: Vec::new(),
        at: now,
        already: false,
    };
    keep_outcome(tx, &sent, &taken).await?;
    Ok(taken)
}

/// Notes what happened to a shipment on its way.
pub async fn tell(tx: &mut Tx, number: &str, command: &TellMilestone) -> Result<Taken, CommandError> {
    may(tx.actor(), Action::TellMilestone)?;
    let id = find(tx, number).await?;
    let record = lock(tx, id).await?;
    let sent = Sent { submission: command.submission, action: "shipment.tell", object: id.0 };
    if let Some(first) = first_outcome::<Taken>(tx, &sent).await? {
        return Ok(Taken { already: true, ..first });
    }
    let taken = moved(tx, &record, &command.moved).await?;
    keep_outcome(tx, &sent, &taken).await?;
    Ok(taken)
}

/// The same from another system, which names the notice by our number or by the delivery note and its supplier, and may say
/// it twice: the second time nothing happens.
pub async fn tell_for(
    tx: &mut Tx,
    connection_id: ConnectionId,
    notice: &str,
    supplier: Option<&str>,
    told: &Moved,
) -> Result<Taken, CommandError> {
    let id = by_number_or_delivery_note(tx, notice, supplier).await?.ok_or(NOT_FOUND)?;
    let record = lock(tx, id).await?;
    // A system that is tied to a plant speaks of that plant alone.
    let concerned = sqlx::query_scalar!(
        r#"select coalesce(plant_id = $2, true) as "it!" from connection where connection_id = $1"#,
        connection_id.0,
        record.plant_id.0
    )
    .fetch_optional(tx.sql())
    .await?;
    if concerned != Some(true) {
        return Err(NOT_FOUND);
    }
    let known = sqlx::query_scalar!(
        r#"
        select exists (
            select from ship_milestone
            where ship_notice_id = $1 and milestone = $2 and happened_at = $3 and arrive_on is not distinct from $4
        ) as "it!"
        "#,
        id.0,
        told.milestone.as_str(),
        told.happened_at,
        told.arrive_on
    )
    .fetch_one(tx.sql())
    .await?;
    if known {
        return Ok(Taken {
            ship_notice_id: id,
            number: record.notice.number,
            version: record.notice.version,
            status: record.status,
            warnings: Vec::new(),
            at: tx.now(),
            already: true,
        });
    }
    moved(tx, &record, told).await
}

async fn moved(tx: &mut Tx, record: &ShipNoticeRecord, told: &Moved) -> Result<Taken, CommandError> {
    let now = tx.now();
    let number = &record.notice.number;
    let mut told = told.clone();
    told.note = told.note.map(|note| note.trim().to_owned()).filter(|note| !note.is_empty());
    let status = steps::tell(number, record.status, &told, now)?;
    let event = Event::ShipmentMoved { notice: number.clone(), moved: told.clone() };
    let told_by = tell_all(tx, record.about(), event).await?;
    let actor = serde_json::to_value(tx.actor()).map_err(|error| StoreError::unreadable("actor", error))?;
    sqlx::query!(
        r#"
        insert into ship_milestone
            (ship_notice_id, event_id, milestone, happened_at, learned_at, arrive_on, note, actor, supplier_id, plant_id)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        "#,
        record.notice.ship_notice_id.0,
        told_by.0,
        told.milestone.as_str(),
        told.happened_at,
        now,
        told.arrive_on,
        told.note,
        actor,
        record.supplier_id.0,
        record.plant_id.0,
    )
    .execute(tx.sql())
    .await?;
    let departed = matches!(told.milestone, Milestone::PickedUp | Milestone::Departed).then_some(told.happened_at);
    let arrived = matches!(told.milestone, Milestone::ArrivedAtGate | Milestone::Receiving).then_some(told.happened_at);
    // What happened first counts: a second word about the same place does not move it.
    sqlx::query!(
        r#"
        update ship_notice
        set status = $2, arrive_on = coalesce($3, arrive_on), departed_at = least(departed_at, $4), arrived_at = least(arrived_at, $5)
        where ship_notice_id = $1
        "#,
        record.notice.ship_notice_id.0,
        status.as_str(),
        told.arrive_on,
        departed,
        arrived,
    )
    .execute(tx.sql())
    .await?;
    let was = Some(json!({ "status": record.status, "arrive_on": record.notice.arrive_on }));
    let is = Some(json!({ "status": status, "milestone": told.milestone, "arrive_on": told.arrive_on }));
    note_change(tx, "shipment.tell", record.parties(), was, is, number, told.note.clone()).await?;
    Ok(Taken {
        ship_notice_id: record.notice.ship_notice_id,
        number: number.clone(),
        version: record.notice.version,
        status,
        warnings: Vec::new(),
        at: now,
        already: false,
    })
}

async fn tell_all(tx: &mut Tx, about: About, event: Event) -> Result<EventId, StoreError> {
    let ids = events::append(tx, about, &[event], None).await?;
    ids.first().copied().ok_or_else(|| StoreError::unreadable("event", "nothing was appended"))
}

/// A notice in few words for the audit log: what is in it, not every serial.
fn summary(notice: &ShipNotice) -> Value {
    let lines: Vec<Value> = notice
        .lines
        .iter()
        .take(200)
        .map(|line| {
            json!({ "order": line.order, "line": line.line, "schedule": line.schedule, "quantity": line.quantity,
                    "lots": line.lots.len() })
        })
        .collect();
    json!({ "version": notice.version, "delivery_note": notice.delivery_note, "ship_on": notice.ship_on,
            "arrive_on": notice.arrive_on, "lines": lines, "packages": notice.units.len() })
}

async fn note_change(
    tx: &mut Tx,
    action: &str,
    parties: Parties,
    before: Option<Value>,
    after: Option<Value>,
    number: &str,
    reason: Option<String>,
) -> Result<(), StoreError> {
    audit::append(
        tx,
        audit::Entry {
            action,
            object_kind: "shipment",
            object_id: number.to_owned(),
            before,
            after,
            reason,
            plant_id: Some(parties.plant_id),
            supplier_id: Some(parties.supplier_id),
        },
    )
    .await
}

/// What a whole check came to, for a page that shows it beside what was typed.
pub fn stops(findings: &[Finding]) -> usize {
    findings.iter().filter(|finding| finding.weight == refusal::Weight::Stops).count()
}
