//! Receiving: at the dock, through the API, and told by ERPs and warehouse systems.
//!
//! Both ways end in the same rows and are matched there ([`domain::receipt::matching`]), so that goods are in stock once.
//! What another system tells is in `receipt_mirror.rs`, what a receipt is against in `receipt_place.rs`, its rows in
//! `receipt_rows.rs`, what of it counts in `receipt_counting.rs`, what differs between announced and received in
//! [`crate::differences`], what is expected in [`crate::inbound`].
//!
//! **Who is told.** A receipt entered here or told by a warehouse system is told to the ERP of its orders (the event's home).
//! What the ERP told us, and what it has told us already when a clerk enters it too, is told to no system of its own: it
//! would come back as a second receipt there. Connections that take everything hear of all of it, and
//! [`domain::receipt::Receipt::same_as`] tells them which two are the same goods.

use chrono::{DateTime, Utc};
use domain::access::{Action, may};
use domain::calendar::today;
use domain::event::Event;
use domain::id::{ConnectionId, DocumentId, ReceiptId, ShipNoticeId};
use domain::receipt::difference::{Delivery, differences};
use domain::receipt::post::{Against, PostReceipt, Posted, check, post as decide};
use domain::receipt::{Oddity, Receipt, ReceiptChannel};
use domain::refusal::Finding;
use domain::shipment::ShipStatus;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::documents::Document;
use crate::error::{CommandError, StoreError};
use crate::orders::{read_json, read_word};
use crate::receipt_counting::{Recounted, lock_told, recount};
pub use crate::receipt_mirror::mirror;
use crate::receipt_place::{self, Place, lock_notice, lock_orders};
use crate::receipt_rows::{self, NewLine, NewReceipt};
use crate::submissions::{Sent, first_outcome, keep_outcome};
use crate::tx::Tx;
use crate::{audit, differences as cases, events, receipt_photos};

/// What a receipt came to; kept with the submission and given again when it is sent twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// Our number for it.
    pub number: String,
    /// The case that is open about differences, where there is one.
    pub case: Option<String>,
    /// Where the shipment stands now.
    pub status: Option<ShipStatus>,
    /// What whoever received should know.
    pub warnings: Vec<Finding>,
    /// When it was taken.
    pub at: DateTime<Utc>,
    /// It had been sent before; this is the first result.
    #[serde(default)]
    pub already: bool,
}

/// Something that can be received against, with what is expected and what came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// What is expected and what came of it.
    pub delivery: Delivery,
    /// The plant's zone, in which its days are.
    pub zone: domain::calendar::ZoneName,
}

async fn place(tx: &mut Tx, against: &Against, lock: bool) -> Result<Place, CommandError> {
    match against {
        Against::Notice(number) => {
            let id = sqlx::query_scalar!("select ship_notice_id from ship_notice where number = $1", number)
                .fetch_optional(tx.sql())
                .await?
                .map(ShipNoticeId)
                .ok_or(CommandError::NotFound { what: "ship notice" })?;
            if lock { lock_notice(tx, id).await } else { receipt_place::load_notice(tx, id).await }
        }
        Against::Order(number) => {
            let id = sqlx::query_scalar!(
                "select order_id from purchase_order where number = $1 order by published_at desc, order_id limit 1",
                number
            )
            .fetch_optional(tx.sql())
            .await?
            .ok_or(CommandError::NotFound { what: "order" })?;
            if lock { lock_orders(tx, &[id]).await } else { receipt_place::load_orders(tx, &[id]).await }
        }
    }
}

/// What can be received against a ship notice or an order.
pub async fn expected(tx: &mut Tx, against: &Against) -> Result<Expected, CommandError> {
    let place = place(tx, against, false).await?;
    Ok(Expected { delivery: place.delivery, zone: place.zone })
}

/// What the rules have to say about a receipt, without taking it.
pub async fn dry_run(tx: &mut Tx, command: &PostReceipt) -> Result<Vec<Finding>, CommandError> {
    may(tx.actor(), Action::PostReceipt)?;
    let place = place(tx, &command.against, false).await?;
    findings(tx, &place, command).await
}

async fn findings(tx: &mut Tx, place: &Place, command: &PostReceipt) -> Result<Vec<Finding>, CommandError> {
    let day = today(tx.now(), place.zone.0);
    let mut found = check(&place.delivery, command, tx.now(), day);
    for (index, line) in command.lines.iter().enumerate() {
        let Some(item) = &line.item else { continue };
        if item_id(tx, item).await?.is_none() {
            let message = format!(
                "Item {item} is not known here. Leave the field empty and say in the note what came; the buyer sees it."
            );
            found.push(Finding::stops(format!("lines.{index}.item"), "unknown_item", message));
        }
    }
    found.extend(receipt_photos::check(tx, &command.lines).await?);
    Ok(found)
}

async fn item_id(tx: &mut Tx, number: &str) -> Result<Option<Uuid>, StoreError> {
    Ok(sqlx::query_scalar!("select item_id from item where number = $1", number).fetch_optional(tx.sql()).await?)
}

/// Takes a receipt that was entered at the dock or came through the API.
pub async fn post(tx: &mut Tx, command: &PostReceipt) -> Result<Taken, CommandError> {
    may(tx.actor(), Action::PostReceipt)?;
    let mut place = place(tx, &command.against, true).await?;
    let object = match place.notice_id {
        Some(id) => id.0,
        None => place.due.first().map_or_else(Uuid::nil, |row| row.order_line_id),
    };
    let sent = Sent { submission: command.submission, action: "receipt.post", object };
    if let Some(first) = first_outcome::<Taken>(tx, &sent).await? {
        return Ok(Taken { already: true, ..first });
    }
    let found = findings(tx, &place, command).await?;
    if Finding::any_stops(&found) {
        return Err(found.into());
    }
    if place.notice_id.is_none() {
        place.delivery.delivery_note =
            command.delivery_note.as_deref().map(str::trim).filter(|note| !note.is_empty()).map(str::to_owned);
    }
    let now = tx.now();
    let posted = decide(&place.delivery, command, &mut || crate::tx::new_id(now));
    let new = with_keys(tx, &place, command, posted).await?;
    receipt_rows::add(tx, &place, &new).await?;
    let finished = finish(tx, &mut place, new.receipt.receipt_id, None).await?;
    let outcome = Taken {
        number: new.receipt.number,
        case: finished.case,
        status: place.delivery.status,
        warnings: found,
        at: now,
        already: false,
    };
    keep_outcome(tx, &sent, &outcome).await?;
    Ok(outcome)
}

async fn with_keys(
    tx: &mut Tx,
    place: &Place,
    command: &PostReceipt,
    posted: Vec<Posted>,
) -> Result<NewReceipt, CommandError> {
    let mut lines = Vec::with_capacity(posted.len());
    for one in &posted {
        let at = place.delivery.lines.iter().position(|line| {
            line.notice_line == one.line.notice_line
                && Some(&line.order) == one.line.order.as_ref()
                && Some(&line.line) == one.line.line.as_ref()
        });
        let row = at.and_then(|at| place.due.get(at)).ok_or(CommandError::NotFound { what: "line" })?;
        let item_id = if one.line.oddities.contains(&Oddity::WrongItem) {
            item_id(tx, &one.line.item).await?.ok_or(CommandError::NotFound { what: "item" })?
        } else {
            row.item_id
        };
        let document_id = match one.document_id {
            Some(id) => Some(receipt_photos::hand_over(tx, id, place.supplier_id, place.plant_id).await?),
            None => None,
        };
        lines.push(NewLine {
            ship_line_id: row.ship_line_id,
            order_line_id: Some(row.order_line_id),
            item_id,
            document_id,
        });
    }
    let receipt = Receipt {
        receipt_id: ReceiptId(tx.new_id()),
        number: receipt_rows::next_number(tx).await?,
        channel: command.channel,
        their_ref: None,
        notice: place.delivery.notice.as_ref().map(|(number, _)| number.clone()),
        delivery_note: place.delivery.delivery_note.clone(),
        received_at: command.received_at,
        complete: command.complete && place.notice_id.is_some(),
        same_as: None,
        lines: posted.into_iter().map(|one| one.line).collect(),
    };
    Ok(NewReceipt { receipt, connection_id: None, lines })
}

/// What a receipt led to.
pub(crate) struct Finished {
    /// Other receipts tell of the same goods.
    pub same_as: Option<String>,
    /// The case that is open about differences.
    pub case: Option<String>,
}

/// Counts anew, tells what happened, and opens, changes or settles the case about what differs.
pub(crate) async fn finish(
    tx: &mut Tx,
    place: &mut Place,
    receipt_id: ReceiptId,
    from: Option<ConnectionId>,
) -> Result<Finished, CommandError> {
    let recounted = recount(tx, place, "Counted through another receipt").await?;
    let mut receipt = receipt_rows::read(tx, receipt_id).await?;
    let twin = twin(tx, receipt_id).await?;
    // The later one names the earlier, whichever of the two counts.
    receipt.same_as = receipt.same_as.or_else(|| twin.as_ref().map(|(number, _)| number.clone()));
    let home_knows = from.is_some() && from == place.home
        || receipt.channel == ReceiptChannel::Erp
        || twin.is_some_and(|(_, source)| source.is_some() && source == place.home.map(|id| id.0));
    let about = place.about(receipt_id, !home_knows);
    let same_as = receipt.same_as.clone();
    let (number, lines) = (receipt.number.clone(), receipt.lines.len());
    events::append(tx, about, &[Event::ReceiptPosted { receipt: Box::new(receipt) }], None).await?;
    let case = settle(tx, place, receipt_id, &recounted).await?;
    audit::append(
        tx,
        audit::Entry {
            action: "receipt.post",
            object_kind: "receipt",
            object_id: number,
            before: None,
            after: Some(json!({
                "notice": place.delivery.notice.as_ref().map(|(number, _)| number), "lines": lines,
                "status": place.delivery.status, "same_as": same_as, "case": case,
            })),
            reason: None,
            plant_id: Some(place.plant_id),
            supplier_id: Some(place.supplier_id),
        },
    )
    .await?;
    Ok(Finished { same_as, case })
}

/// Counts anew after something about a receipt changed that is no news by itself.
pub(crate) async fn recounted(tx: &mut Tx, place: &mut Place, receipt_id: ReceiptId) -> Result<(), CommandError> {
    let recounted = recount(tx, place, "Counted through another receipt").await?;
    settle(tx, place, receipt_id, &recounted).await?;
    Ok(())
}

async fn settle(
    tx: &mut Tx,
    place: &Place,
    receipt_id: ReceiptId,
    recounted: &Recounted,
) -> Result<Option<String>, CommandError> {
    let found = differences(&place.delivery, recounted.complete, &recounted.counting.disagreements);
    cases::settle(tx, place, receipt_id, found).await
}

/// The receipt of another way that is matched with this one, in whichever direction: its number and its system.
async fn twin(tx: &mut Tx, receipt_id: ReceiptId) -> Result<Option<(String, Option<Uuid>)>, StoreError> {
    let row = sqlx::query!(
        r#"
        select o.number, o.connection_id
        from receipt o
        where o.reversed_at is null and o.receipt_id <> $1
          and (o.matches_id = $1 or o.receipt_id = (select matches_id from receipt where receipt_id = $1))
        order by o.connection_id is null, o.recorded_at
        limit 1
        "#,
        receipt_id.0
    )
    .fetch_optional(tx.sql())
    .await?;
    Ok(row.map(|row| (row.number, row.connection_id)))
}

/// What taking a receipt back came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reversed {
    /// The receipt.
    pub number: String,
    /// When.
    pub at: DateTime<Utc>,
    /// It had been sent before; this is the first result.
    #[serde(default)]
    pub already: bool,
}

/// Takes back a receipt that was entered here. What a system told is taken back there.
pub async fn reverse(tx: &mut Tx, number: &str, reason: &str, submission: Uuid) -> Result<Reversed, CommandError> {
    may(tx.actor(), Action::PostReceipt)?;
    let row = sqlx::query!("select receipt_id, channel from receipt where number = $1", number)
        .fetch_optional(tx.sql())
        .await?
        .ok_or(CommandError::NotFound { what: "receipt" })?;
    let receipt_id = ReceiptId(row.receipt_id);
    let reason = reason.trim();
    let channel: ReceiptChannel = read_word("receipt channel", &row.channel)?;
    let mut found = Vec::new();
    if reason.is_empty() {
        found.push(Finding::stops("reason", "reason_missing", "Say why it is taken back: buyer and supplier read it."));
    } else if reason.chars().count() > 500 {
        found.push(Finding::stops("reason", "reason_too_long", "The reason has at most 500 characters."));
    }
    if matches!(channel, ReceiptChannel::Erp | ReceiptChannel::Wms) {
        let message = "Another system told of this receipt. Cancel its document there; it is taken back here then.";
        found.push(Finding::stops("", "receipt_of_another_system", message));
    }
    if !found.is_empty() {
        return Err(found.into());
    }
    let mut place = lock_of(tx, receipt_id).await?;
    let sent = Sent { submission, action: "receipt.reverse", object: receipt_id.0 };
    if let Some(first) = first_outcome::<Reversed>(tx, &sent).await? {
        return Ok(Reversed { already: true, ..first });
    }
    if !take_back(tx, &mut place, receipt_id, reason).await? {
        return Err(vec![Finding::stops("", "reversed_already", "This receipt was taken back already.")].into());
    }
    let outcome = Reversed { number: number.to_owned(), at: tx.now(), already: false };
    keep_outcome(tx, &sent, &outcome).await?;
    Ok(outcome)
}

/// The delivery of a receipt, locked.
pub(crate) async fn lock_of(tx: &mut Tx, receipt_id: ReceiptId) -> Result<Place, CommandError> {
    let row = sqlx::query!(
        r#"
        select r.ship_notice_id, r.delivery_note, r.supplier_id, r.plant_id, p.zone,
               array(select distinct o.order_id from receipt_line l join order_line o using (order_line_id)
                     where l.receipt_id = r.receipt_id) as "orders!: Vec<Uuid>"
        from receipt r join plant p using (plant_id)
        where r.receipt_id = $1
        "#,
        receipt_id.0
    )
    .fetch_optional(tx.sql())
    .await?
    .ok_or(CommandError::NotFound { what: "receipt" })?;
    let mut place = match row.ship_notice_id {
        Some(id) => return lock_notice(tx, ShipNoticeId(id)).await,
        None if row.orders.is_empty() => {
            let zone = read_word("zone", &row.zone)?;
            receipt_place::nowhere(row.supplier_id.into(), row.plant_id.into(), zone)
        }
        None => lock_orders(tx, &row.orders).await?,
    };
    place.delivery.delivery_note = row.delivery_note;
    Ok(place)
}

/// Takes a receipt back: it counts no more, and what others told of the same goods counts instead. Says whether it was there
/// to be taken back.
pub(crate) async fn take_back(
    tx: &mut Tx,
    place: &mut Place,
    receipt_id: ReceiptId,
    reason: &str,
) -> Result<bool, CommandError> {
    let now = tx.now();
    lock_told(tx, place, receipt_id).await?;
    let Some(row) = sqlx::query!(
        r#"
        update receipt set reversed_at = $2, reverse_reason = $3, matches_id = null, matched_at = null
        where receipt_id = $1 and reversed_at is null
        returning number, their_ref, channel
        "#,
        receipt_id.0,
        now,
        reason
    )
    .fetch_optional(tx.sql())
    .await?
    else {
        return Ok(false);
    };
    let counted = sqlx::query_scalar!(
        "update receipt_line set counted = false where receipt_id = $1 and counted returning receipt_line_id",
        receipt_id.0
    )
    .fetch_all(tx.sql())
    .await?;
    // What others told of the same goods comes in before this goes out.
    let recounted = recount(tx, place, reason).await?;
    for line in counted {
        crate::lots::take_back(tx, line.into(), now, reason).await?;
    }
    let about = place.about(receipt_id, row.channel != ReceiptChannel::Erp.as_str());
    let event =
        Event::ReceiptReversed { receipt: row.number.clone(), their_ref: row.their_ref, reason: reason.to_owned() };
    events::append(tx, about, &[event], None).await?;
    settle(tx, place, receipt_id, &recounted).await?;
    audit::append(
        tx,
        audit::Entry {
            action: "receipt.reverse",
            object_kind: "receipt",
            object_id: row.number,
            before: None,
            after: Some(json!({ "status": place.delivery.status })),
            reason: Some(reason.to_owned()),
            plant_id: Some(place.plant_id),
            supplier_id: Some(place.supplier_id),
        },
    )
    .await?;
    Ok(true)
}

/// A receipt with what stands around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptRecord {
    /// The receipt.
    pub receipt: Receipt,
    /// The plant's code and name.
    pub plant: (String, String),
    /// The supplier's number and name.
    pub supplier: (String, String),
    /// When we learned of it.
    pub recorded_at: DateTime<Utc>,
    /// Who entered it, by name.
    pub actor: String,
    /// The connection it came through, by name, for people of the house.
    pub system: Option<String>,
    /// Lines that count; the others are told of by another receipt, or were taken back.
    pub counted: Vec<bool>,
    /// Photos of damage, by line.
    pub photos: Vec<Option<Document>>,
    /// The lots' numbers in the plant, by line.
    pub lots: Vec<Option<String>>,
    /// When and why it was taken back.
    pub reversed: Option<(DateTime<Utc>, String)>,
    /// What its history is about.
    pub subject: Uuid,
    /// Cases about differences.
    pub cases: Vec<String>,
    /// Receipts that tell of the same goods.
    pub twins: Vec<String>,
}

/// A receipt by its number, within the scope.
pub async fn get(tx: &mut Tx, number: &str) -> Result<ReceiptRecord, CommandError> {
    let row = sqlx::query!(
        r#"
        select r.receipt_id, r.ship_notice_id, r.recorded_at, r.actor, r.reversed_at, r.reverse_reason,
               p.code as plant_code, p.name as plant_name, s.number as supplier_number, s.name as supplier_name,
               c.name as "system?",
               array(select d.number from difference_case d
                     where d.ship_notice_id = r.ship_notice_id or d.receipt_id = r.receipt_id
                     order by d.number) as "cases!: Vec<String>",
               array(select t.number from receipt t
                     where t.reversed_at is null and (t.matches_id = r.receipt_id or t.receipt_id = r.matches_id)
                     order by t.number) as "twins!: Vec<String>"
        from receipt r
        join plant p using (plant_id)
        join supplier s using (supplier_id)
        left join connection c on c.connection_id = r.connection_id
        where r.number = $1
        "#,
        number
    )
    .fetch_optional(tx.sql())
    .await?
    .ok_or(CommandError::NotFound { what: "receipt" })?;
    let receipt_id = ReceiptId(row.receipt_id);
    let lines = sqlx::query!(
        r#"
        select l.counted, l.document_id, t.number as "lot?"
        from receipt_line l left join lot t using (lot_id)
        where l.receipt_id = $1
        order by l.number
        "#,
        row.receipt_id
    )
    .fetch_all(tx.sql())
    .await?;
    let photos: Vec<DocumentId> = lines.iter().filter_map(|line| line.document_id).map(DocumentId).collect();
    let photos = receipt_photos::by_id(tx, &photos).await?;
    let actor: domain::access::Actor = read_json("actor", row.actor)?;
    Ok(ReceiptRecord {
        receipt: receipt_rows::read(tx, receipt_id).await?,
        plant: (row.plant_code, row.plant_name),
        supplier: (row.supplier_number, row.supplier_name),
        recorded_at: row.recorded_at,
        actor: actor.name().to_owned(),
        system: row.system,
        counted: lines.iter().map(|line| line.counted).collect(),
        photos: lines.iter().map(|line| photos.get(&DocumentId(line.document_id?)).cloned()).collect(),
        lots: lines.into_iter().map(|line| line.lot).collect(),
        reversed: row.reversed_at.zip(row.reverse_reason),
        subject: row.ship_notice_id.unwrap_or(row.receipt_id),
        cases: row.cases,
        twins: row.twins,
    })
}

/// A receipt in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptRow {
    /// Its number.
    pub number: String,
    /// How we learned of it.
    pub channel: ReceiptChannel,
    /// The other system's document.
    pub their_ref: Option<String>,
    /// The ship notice.
    pub notice: Option<String>,
    /// When the goods were received.
    pub received_at: DateTime<Utc>,
    /// Something of it counts.
    pub counts: bool,
    /// It was taken back.
    pub is_reversed: bool,
    /// Something about it was odd.
    pub is_odd: bool,
}

macro_rules! rows {
    ($tx:expr, $where:literal, $key:expr) => {{
        let rows = sqlx::query!(
            r#"
            select r.number, r.channel, r.their_ref, n.number as "notice?", r.received_at, r.reversed_at,
                   exists (select from receipt_line l where l.receipt_id = r.receipt_id and l.counted) as "counts!",
                   exists (select from receipt_line l where l.receipt_id = r.receipt_id and l.oddities <> '{}') as "is_odd!"
            from receipt r left join ship_notice n using (ship_notice_id)
            where "#
                + $where
                + r#"
            order by r.received_at desc, r.receipt_id desc
            limit 100
            "#,
            $key
        )
        .fetch_all($tx.sql())
        .await?;
        rows.into_iter()
            .map(|row| {
                Ok(ReceiptRow {
                    number: row.number,
                    channel: read_word("receipt channel", &row.channel)?,
                    their_ref: row.their_ref,
                    notice: row.notice,
                    received_at: row.received_at,
                    counts: row.counts,
                    is_reversed: row.reversed_at.is_some(),
                    is_odd: row.is_odd,
                })
            })
            .collect::<Result<Vec<_>, StoreError>>()
    }};
}

/// The receipts of a ship notice, the newest first.
pub async fn of_notice(tx: &mut Tx, number: &str) -> Result<Vec<ReceiptRow>, StoreError> {
    rows!(tx, "n.number = $1", number)
}

/// The receipts of an order, the newest first.
pub async fn of_order(tx: &mut Tx, order_id: Uuid) -> Result<Vec<ReceiptRow>, StoreError> {
    rows!(
        tx,
        "exists (select from receipt_line l join order_line o using (order_line_id) where l.receipt_id = r.receipt_id and o.order_id = $1)",
        order_id
    )
}
