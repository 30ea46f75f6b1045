//! Cases about what differs between announced and received: opened and kept up to date by receipts, talked about by supplier
//! and buyer, settled by the buyer.
//!
//! There is at most one open case per ship notice (per receipt, where nobody announced the goods). A later count that finds
//! no difference settles it by itself; one that finds another difference changes its lines and says so in it.

use chrono::{DateTime, Utc};
use domain::access::{Action, Actor, may};
use domain::confirmation::LONGEST_NOTE;
use domain::event::{Event, Subject, SubjectKind};
use domain::id::{CaseId, ConnectionId, PlantId, ReceiptId, ShipNoticeId, SupplierId};
use domain::receipt::{CaseState, Difference, Outcome, Side};
use domain::refusal::Finding;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::audit;
use crate::error::{CommandError, StoreError};
use crate::events::{self, About};
use crate::exchange_list::Key;
use crate::orders::{read_json, read_word};
use crate::receipt_photos::{Photo, of_delivery};
use crate::receipt_place::Place;
use crate::submissions::{Sent, first_outcome, keep_outcome};
use crate::tx::Tx;

/// Brings the case about a delivery up to what differs now. Gives the number of the case that is open then.
pub(crate) async fn settle(
    tx: &mut Tx,
    place: &Place,
    receipt_id: ReceiptId,
    found: Vec<Difference>,
) -> Result<Option<String>, CommandError> {
    // The notice (or the orders) is locked, so that nobody opens a second case meanwhile.
    let open = sqlx::query!(
        r#"
        select case_id, number, lines from difference_case
        where state <> 'closed' and (ship_notice_id = $1 or $1::uuid is null and receipt_id = $2)
        order by opened_at
        limit 1
        for update
        "#,
        place.notice_id.map(|id| id.0),
        receipt_id.0
    )
    .fetch_optional(tx.sql())
    .await?;
    let about = place.about(receipt_id, true);
    let lines = serde_json::to_value(&found).map_err(|error| StoreError::unreadable("difference", error))?;
    let now = tx.now();
    let Some(open) = open else {
        if found.is_empty() || was_settled(tx, place, receipt_id, &lines).await? {
            return Ok(None);
        }
        return open_case(tx, place, receipt_id, found, lines).await.map(Some);
    };
    if found.is_empty() {
        add_entry(
            tx,
            CaseId(open.case_id),
            place.supplier_id,
            place.plant_id,
            Side::House,
            "A new count finds no difference.",
        )
        .await?;
        close_row(tx, CaseId(open.case_id), Outcome::CountedAgain).await?;
        let event = Event::DifferenceClosed { case: open.number, outcome: Outcome::CountedAgain.as_str().to_owned() };
        events::append(tx, about, &[event], None).await?;
        return Ok(None);
    }
    if open.lines != lines {
        let note = "What came was counted anew; the lines above are the latest.";
        sqlx::query!("update difference_case set lines = $2 where case_id = $1", open.case_id, lines)
            .execute(tx.sql())
            .await?;
        add_entry(tx, CaseId(open.case_id), place.supplier_id, place.plant_id, Side::House, note).await?;
        let event = Event::DifferenceAnswered { case: open.number.clone(), note: note.to_owned() };
        events::append(tx, about, &[event], None).await?;
        tracing::debug!(case.number = open.number, at = %now, "Changed the lines of an open difference");
    }
    Ok(Some(open.number))
}

/// The same difference was settled before: telling of it again is no news.
async fn was_settled(
    tx: &mut Tx,
    place: &Place,
    receipt_id: ReceiptId,
    lines: &serde_json::Value,
) -> Result<bool, StoreError> {
    let last = sqlx::query_scalar!(
        r#"
        select lines from difference_case
        where state = 'closed' and outcome <> 'counted_again' and (ship_notice_id = $1 or $1::uuid is null and receipt_id = $2)
        order by closed_at desc
        limit 1
        "#,
        place.notice_id.map(|id| id.0),
        receipt_id.0
    )
    .fetch_optional(tx.sql())
    .await?;
    Ok(last.as_ref() == Some(lines))
}

async fn open_case(
    tx: &mut Tx,
    place: &Place,
    receipt_id: ReceiptId,
    found: Vec<Difference>,
    lines: serde_json::Value,
) -> Result<String, CommandError> {
    let next = sqlx::query_scalar!(r#"select nextval('difference_number') as "next!""#).fetch_one(tx.sql()).await?;
    let number = format!("DC-{next:06}");
    let (case_id, now) = (tx.new_id(), tx.now());
    let receipt = sqlx::query_scalar!(
        r#"
        insert into difference_case (case_id, number, ship_notice_id, receipt_id, state, lines, opened_at, supplier_id, plant_id)
        values ($1, $2, $3, $4, 'open', $5, $6, $7, $8)
        returning (select number from receipt where receipt_id = $4) as "number!"
        "#,
        case_id,
        number,
        place.notice_id.map(|id| id.0),
        receipt_id.0,
        lines,
        now,
        place.supplier_id.0,
        place.plant_id.0
    )
    .fetch_one(tx.sql())
    .await?;
    let event = Event::DifferenceOpened {
        case: number.clone(),
        notice: place.delivery.notice.as_ref().map(|(number, _)| number.clone()),
        receipt,
        lines: found,
    };
    events::append(tx, place.about(receipt_id, true), &[event], None).await?;
    Ok(number)
}

async fn add_entry(
    tx: &mut Tx,
    case_id: CaseId,
    supplier_id: SupplierId,
    plant_id: PlantId,
    side: Side,
    note: &str,
) -> Result<(), StoreError> {
    let actor = serde_json::to_value(tx.actor()).map_err(|error| StoreError::unreadable("actor", error))?;
    let now = tx.now();
    sqlx::query!(
        r#"
        insert into difference_entry (case_id, number, at, actor, side, note, supplier_id, plant_id)
        select $1, coalesce(max(number), 0) + 1, $2, $3, $4, $5, $6, $7 from difference_entry where case_id = $1
        "#,
        case_id.0,
        now,
        actor,
        side.as_str(),
        note,
        supplier_id.0,
        plant_id.0
    )
    .execute(tx.sql())
    .await?;
    Ok(())
}

async fn close_row(tx: &mut Tx, case_id: CaseId, outcome: Outcome) -> Result<(), StoreError> {
    let now = tx.now();
    sqlx::query!(
        "update difference_case set state = 'closed', closed_at = $2, outcome = $3 where case_id = $1",
        case_id.0,
        now,
        outcome.as_str()
    )
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// Something that was said in a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub at: DateTime<Utc>,
    /// By whom.
    pub actor: Actor,
    /// For which side.
    pub side: Side,
    /// What.
    pub note: String,
}

/// A case in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseRecord {
    /// Its number.
    pub number: String,
    /// Where it stands.
    pub state: CaseState,
    /// What differs now.
    pub lines: Vec<Difference>,
    /// The ship notice and its delivery note.
    pub notice: Option<(String, String)>,
    /// The receipt that opened it.
    pub receipt: String,
    /// The supplier's number and name.
    pub supplier: (String, String),
    /// The plant's code and name.
    pub plant: (String, String),
    /// When it was opened.
    pub opened_at: DateTime<Utc>,
    /// How and when it was settled.
    pub settled: Option<(Outcome, DateTime<Utc>)>,
    /// What was said, the first first.
    pub entries: Vec<Entry>,
    /// Photos of the damage.
    pub photos: Vec<Photo>,
    /// What its history is about.
    pub subject: Uuid,
}

/// A case by its number, within the scope.
pub async fn get(tx: &mut Tx, number: &str) -> Result<CaseRecord, CommandError> {
    let row = sqlx::query!(
        r#"
        select d.case_id, d.number, d.state, d.lines, d.opened_at, d.closed_at, d.outcome, d.ship_notice_id, d.receipt_id,
               n.number as "notice?", n.delivery_note as "delivery_note?", r.number as receipt,
               s.number as supplier_number, s.name as supplier_name, p.code as plant_code, p.name as plant_name
        from difference_case d
        join receipt r using (receipt_id)
        join supplier s on s.supplier_id = d.supplier_id
        join plant p on p.plant_id = d.plant_id
        left join ship_notice n on n.ship_notice_id = d.ship_notice_id
        where d.number = $1
        "#,
        number
    )
    .fetch_optional(tx.sql())
    .await?
    .ok_or(CommandError::NotFound { what: "difference" })?;
    let entries = sqlx::query!(
        "select at, actor, side, note from difference_entry where case_id = $1 order by number limit 500",
        row.case_id
    )
    .fetch_all(tx.sql())
    .await?
    .into_iter()
    .map(|entry| {
        Ok(Entry {
            at: entry.at,
            actor: read_json("actor", entry.actor)?,
            side: read_word("side", &entry.side)?,
            note: entry.note,
        })
    })
    .collect::<Result<Vec<_>, StoreError>>()?;
    let outcome = row.outcome.as_deref().map(|word| read_word("outcome", word)).transpose()?;
    Ok(CaseRecord {
        number: row.number,
        state: read_word("case state", &row.state)?,
        lines: read_json("differences", row.lines)?,
        notice: row.notice.zip(row.delivery_note),
        receipt: row.receipt,
        supplier: (row.supplier_number, row.supplier_name),
        plant: (row.plant_code, row.plant_name),
        opened_at: row.opened_at,
        settled: outcome.zip(row.closed_at),
        entries,
        photos: of_delivery(tx, row.ship_notice_id.map(ShipNoticeId), ReceiptId(row.receipt_id)).await?,
        subject: row.ship_notice_id.unwrap_or(row.receipt_id),
    })
}

/// A case in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseRow {
    /// Our id, for paging.
    pub case_id: CaseId,
    /// Its number.
    pub number: String,
    /// Where it stands.
    pub state: CaseState,
    /// What differs.
    pub lines: Vec<Difference>,
    /// The ship notice.
    pub notice: Option<String>,
    /// The supplier's number and name.
    pub supplier: (String, String),
    /// The plant's code.
    pub plant: String,
    /// When it was opened.
    pub opened_at: DateTime<Utc>,
    /// How it was settled.
    pub outcome: Option<Outcome>,
}

/// Which cases.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// In these states; all where empty.
    pub states: Vec<CaseState>,
    /// Of this supplier, by number.
    pub supplier: Option<String>,
    /// Of this plant, by code.
    pub plant: Option<String>,
}

/// Cases, the longest open first; at most `size`, after `after`.
pub async fn page(tx: &mut Tx, filter: &Filter, after: Option<Key>, size: i64) -> Result<Vec<CaseRow>, StoreError> {
    let states: Vec<String> = filter.states.iter().map(|state| state.as_str().to_owned()).collect();
    let rows = sqlx::query!(
        r#"
        select d.case_id, d.number, d.state, d.lines, d.opened_at, d.outcome, n.number as "notice?",
               s.number as supplier_number, s.name as supplier_name, p.code as plant
        from difference_case d
        join supplier s on s.supplier_id = d.supplier_id
        join plant p on p.plant_id = d.plant_id
        left join ship_notice n on n.ship_notice_id = d.ship_notice_id
        where (cardinality($1::text[]) = 0 or d.state = any($1))
          and ($2::text is null or s.number = $2) and ($3::text is null or p.code = $3)
          and ($4::timestamptz is null or (d.opened_at, d.case_id) > ($4, $5::uuid))
        order by d.opened_at, d.case_id
        limit $6
        "#,
        &states,
        filter.supplier,
        filter.plant,
        after.map(|key| key.at),
        after.map(|key| key.id),
        size
    )
    .fetch_all(tx.sql())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(CaseRow {
                case_id: CaseId(row.case_id),
                number: row.number,
                state: read_word("case state", &row.state)?,
                lines: read_json("differences", row.lines)?,
                notice: row.notice,
                supplier: (row.supplier_number, row.supplier_name),
                plant: row.plant,
                opened_at: row.opened_at,
                outcome: row.outcome.as_deref().map(|word| read_word("outcome", word)).transpose()?,
            })
        })
        .collect()
}

/// Counting stops here.
pub const COUNTED: i64 = 1_000;

/// How many are open, and how many of them nobody of the supplier has answered.
pub async fn open_counts(tx: &mut Tx) -> Result<(i64, i64), StoreError> {
    let row = sqlx::query!(
        r#"
        select count(*) as "open!", count(*) filter (where state = 'open') as "unanswered!"
        from (select state from difference_case where state in ('open', 'answered') limit $1) open
        "#,
        COUNTED + 1
    )
    .fetch_one(tx.sql())
    .await?;
    Ok((row.open, row.unanswered))
}

/// What a word or an end of a case came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// Where the case stands now.
    pub state: CaseState,
    /// When.
    pub at: DateTime<Utc>,
    /// It had been sent before; this is the first result.
    #[serde(default)]
    pub already: bool,
}

struct Locked {
    case_id: CaseId,
    state: CaseState,
    supplier_id: SupplierId,
    plant_id: PlantId,
    about: About,
}

async fn lock(tx: &mut Tx, number: &str) -> Result<Locked, CommandError> {
    let row = sqlx::query!(
        r#"
        select d.case_id, d.state, d.supplier_id, d.plant_id, d.ship_notice_id, d.receipt_id
        from difference_case d where d.number = $1 for update
        "#,
        number
    )
    .fetch_optional(tx.sql())
    .await?
    .ok_or(CommandError::NotFound { what: "difference" })?;
    let home = sqlx::query_scalar!(
        r#"
        select coalesce(
            (select connection_id from ship_notice where ship_notice_id = $1),
            (select o.connection_id from receipt_line l join order_line ol using (order_line_id) join purchase_order o using (order_id)
             where l.receipt_id = $2 limit 1)) as home
        "#,
        row.ship_notice_id,
        row.receipt_id
    )
    .fetch_one(tx.sql())
    .await?;
    let subject = match row.ship_notice_id {
        Some(id) => Subject { kind: SubjectKind::Shipment, id },
        None => Subject { kind: SubjectKind::Receipt, id: row.receipt_id },
    };
    Ok(Locked {
        case_id: CaseId(row.case_id),
        state: read_word("case state", &row.state)?,
        supplier_id: SupplierId(row.supplier_id),
        plant_id: PlantId(row.plant_id),
        about: About {
            subject,
            plant_id: Some(PlantId(row.plant_id)),
            supplier_id: Some(SupplierId(row.supplier_id)),
            home: Some(home.map_or(ConnectionId(Uuid::nil()), ConnectionId)),
        },
    })
}

fn words(note: &str) -> Result<&str, CommandError> {
    let note = note.trim();
    let length = note.chars().count();
    if note.is_empty() {
        return Err(vec![Finding::stops("note", "note_missing", "Say how you see it: the other side reads it.")].into());
    }
    if length > LONGEST_NOTE {
        let message = format!("The note has {length} characters; the most is {LONGEST_NOTE}.");
        return Err(vec![Finding::stops("note", "note_too_long", message)].into());
    }
    Ok(note)
}

fn still_open(state: CaseState) -> Result<(), CommandError> {
    if state == CaseState::Closed {
        return Err(vec![Finding::stops("", "case_closed", "This difference is settled already.")].into());
    }
    Ok(())
}

/// A side says how it sees it. Whoever sees a supplier's rows speaks for the supplier, everybody else for the house.
pub async fn answer(tx: &mut Tx, number: &str, note: &str, submission: Uuid) -> Result<Said, CommandError> {
    let side = if tx.scope().is_supplier() { Side::Supplier } else { Side::House };
    match side {
        Side::Supplier => may(tx.actor(), Action::SendShipNotice)?,
        Side::House => may(tx.actor(), Action::SeeInbound)?,
    }
    let note = words(note)?;
    let case = lock(tx, number).await?;
    let sent = Sent { submission, action: "difference.answer", object: case.case_id.0 };
    if let Some(first) = first_outcome::<Said>(tx, &sent).await? {
        return Ok(Said { already: true, ..first });
    }
    still_open(case.state)?;
    let now = tx.now();
    add_entry(tx, case.case_id, case.supplier_id, case.plant_id, side, note).await?;
    // The house opened it; it is answered when the supplier has spoken.
    let state = if side == Side::Supplier { CaseState::Answered } else { case.state };
    sqlx::query!(
        r#"
        update difference_case
        set state = $2, answered_at = case when $2 = 'answered' then coalesce(answered_at, $3) else answered_at end
        where case_id = $1
        "#,
        case.case_id.0,
        state.as_str(),
        now
    )
    .execute(tx.sql())
    .await?;
    let event = Event::DifferenceAnswered { case: number.to_owned(), note: note.to_owned() };
    events::append(tx, case.about, &[event], None).await?;
    let outcome = Said { state, at: now, already: false };
    keep_outcome(tx, &sent, &outcome).await?;
    Ok(outcome)
}

/// The buyer settles it, with a word for the supplier.
pub async fn close(
    tx: &mut Tx,
    number: &str,
    outcome: Outcome,
    note: &str,
    submission: Uuid,
) -> Result<Said, CommandError> {
    may(tx.actor(), Action::SettleDifference)?;
    let note = words(note)?;
    let case = lock(tx, number).await?;
    let sent = Sent { submission, action: "difference.close", object: case.case_id.0 };
    if let Some(first) = first_outcome::<Said>(tx, &sent).await? {
        return Ok(Said { already: true, ..first });
    }
    still_open(case.state)?;
    add_entry(tx, case.case_id, case.supplier_id, case.plant_id, Side::House, note).await?;
    close_row(tx, case.case_id, outcome).await?;
    let event = Event::DifferenceClosed { case: number.to_owned(), outcome: outcome.as_str().to_owned() };
    events::append(tx, case.about, &[event], None).await?;
    audit::append(
        tx,
        audit::Entry {
            action: "difference.close",
            object_kind: "difference",
            object_id: number.to_owned(),
            before: Some(json!({ "state": case.state })),
            after: Some(json!({ "state": CaseState::Closed, "outcome": outcome })),
            reason: Some(note.to_owned()),
            plant_id: Some(case.plant_id),
            supplier_id: Some(case.supplier_id),
        },
    )
    .await?;
    let said = Said { state: CaseState::Closed, at: tx.now(), already: false };
    keep_outcome(tx, &sent, &said).await?;
    Ok(said)
}

/// The case that is open about a ship notice, by number.
pub async fn open_of(tx: &mut Tx, notice: domain::id::ShipNoticeId) -> Result<Option<String>, StoreError> {
    Ok(sqlx::query_scalar!(
        "select number from difference_case where ship_notice_id = $1 and state <> 'closed' order by opened_at limit 1",
        notice.0
    )
    .fetch_optional(tx.sql())
    .await?)
}
