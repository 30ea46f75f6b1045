//! What ERPs and warehouse systems tell of receipts: the same document again, a changed one, one taken back, and documents
//! that name neither ship notice nor delivery note.
//!
//! A document is known by its number in its system. The same again changes nothing; with other quantities it takes the place
//! of the earlier telling; taken back it stays away, also when the news of it come before the document itself.

use std::collections::HashMap;

use domain::Decimal;
use domain::calendar::ZoneName;
use domain::command::{ReceiptSnapshot, ReceivedSnapshot};
use domain::id::{ConnectionId, PlantId, ReceiptId, ReceiptLineId, ShipNoticeId, SupplierId};
use domain::receipt::matching::lot_key;
use domain::receipt::{Oddity, Receipt, ReceiptChannel, ReceivedLine};
use uuid::Uuid;

use crate::error::{CommandError, StoreError};
use crate::orders::read_word;
use crate::receipt_place::{Place, lock_notice, lock_orders, nowhere};
use crate::receipt_rows::{self, NewLine, NewReceipt};
use crate::receipts;
use crate::tx::Tx;

/// What is known of the sender's words.
struct Parties {
    supplier_id: SupplierId,
    plant_id: PlantId,
    zone: ZoneName,
}

/// A line as told, with our keys for it.
struct Known<'a> {
    told: &'a ReceivedSnapshot,
    item_id: Uuid,
    order_line: Option<OrderLineKey>,
    lot: Option<String>,
}

#[derive(Clone)]
struct OrderLineKey {
    order_line_id: Uuid,
    order_id: Uuid,
}

/// Takes what the system behind `connection_id` tells of a receipt, and says in a few words what it came to.
pub async fn mirror(
    tx: &mut Tx,
    connection_id: ConnectionId,
    snapshot: &ReceiptSnapshot,
) -> Result<String, CommandError> {
    if !matches!(snapshot.channel, ReceiptChannel::Erp | ReceiptChannel::Wms) {
        return Err(CommandError::Invalid(format!(
            "A system cannot receive through the channel {}.",
            snapshot.channel
        )));
    }
    let document = snapshot.reverses.as_ref().unwrap_or(&snapshot.their_ref);
    // Two messages about one document wait for one another; there may be no row yet that they could wait for.
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended('receipt ' || $1::text || $2, 0))",
        connection_id.to_string(),
        document
    )
    .fetch_one(tx.sql())
    .await?;
    if let Some(reversed) = &snapshot.reverses {
        return mirror_reversal(tx, connection_id, snapshot, reversed).await;
    }
    let parties = parties(tx, snapshot).await?;
    let lines = known_lines(tx, connection_id, snapshot, &parties).await?;
    match earlier(tx, connection_id, document).await? {
        Some(Earlier { reversed: true, number, .. }) => {
            return Ok(format!("receipt {document}: taken back before, as {number}"));
        }
        Some(Earlier { receipt_id, number, complete, .. }) => {
            if same_content(tx, receipt_id, &lines).await? {
                if complete || !snapshot.complete {
                    return Ok(format!("receipt {document}: known already as {number}"));
                }
                return completed(tx, receipt_id, &number, document).await;
            }
            let mut place = receipts::lock_of(tx, receipt_id).await?;
            receipts::take_back(tx, &mut place, receipt_id, "The document was changed in the other system").await?;
        }
        None => {}
    }
    let mut place = place_of(tx, connection_id, snapshot, &parties, &lines).await?;
    let new = new_receipt(tx, connection_id, snapshot, &place, &lines).await?;
    receipt_rows::add(tx, &place, &new).await?;
    let finished = receipts::finish(tx, &mut place, new.receipt.receipt_id, Some(connection_id)).await?;
    let same = finished.same_as.map(|number| format!(", the same goods as {number}")).unwrap_or_default();
    let case = finished.case.map(|number| format!(", difference {number}")).unwrap_or_default();
    Ok(format!("receipt {document}: taken as {}{same}{case}", new.receipt.number))
}

async fn parties(tx: &mut Tx, snapshot: &ReceiptSnapshot) -> Result<Parties, CommandError> {
    let supplier_id = sqlx::query_scalar!("select supplier_id from supplier where number = $1", snapshot.supplier)
        .fetch_optional(tx.sql())
        .await?
        .ok_or_else(|| CommandError::Invalid(format!("Supplier {} is not known here.", snapshot.supplier)))?;
    let plant = sqlx::query!("select plant_id, zone from plant where code = $1", snapshot.plant)
        .fetch_optional(tx.sql())
        .await?
        .ok_or_else(|| CommandError::Invalid(format!("Plant {} is not known here.", snapshot.plant)))?;
    Ok(Parties {
        supplier_id: SupplierId(supplier_id),
        plant_id: PlantId(plant.plant_id),
        zone: read_word("zone", &plant.zone)?,
    })
}

async fn known_lines<'a>(
    tx: &mut Tx,
    connection_id: ConnectionId,
    snapshot: &'a ReceiptSnapshot,
    parties: &Parties,
) -> Result<Vec<Known<'a>>, CommandError> {
    for line in &snapshot.lines {
        if line.accepted < Decimal::ZERO || line.damaged < Decimal::ZERO {
            let message = format!("Receipt {}: a received quantity is below zero.", snapshot.their_ref);
            return Err(CommandError::Invalid(message));
        }
    }
    let numbers: Vec<String> = snapshot.lines.iter().map(|line| line.item.clone()).collect();
    let items: HashMap<String, Uuid> =
        sqlx::query!("select number, item_id from item where number = any($1)", &numbers)
            .fetch_all(tx.sql())
            .await?
            .into_iter()
            .map(|row| (row.number, row.item_id))
            .collect();
    let orders: Vec<String> = snapshot.lines.iter().filter_map(|line| line.order.clone()).collect();
    // A warehouse system speaks of orders of any ERP; an ERP only of its own.
    let erp = (snapshot.channel == ReceiptChannel::Erp).then_some(connection_id.0);
    let order_lines: HashMap<(String, String), OrderLineKey> = sqlx::query!(
        r#"
        select o.number as order_number, l.number as line, l.order_line_id, l.order_id
        from purchase_order o join order_line l using (order_id)
        where o.number = any($1) and o.supplier_id = $2 and o.plant_id = $3 and ($4::uuid is null or o.connection_id = $4)
        order by o.published_at
        "#,
        &orders,
        parties.supplier_id.0,
        parties.plant_id.0,
        erp
    )
    .fetch_all(tx.sql())
    .await?
    .into_iter()
    .map(|row| {
        ((row.order_number, row.line), OrderLineKey { order_line_id: row.order_line_id, order_id: row.order_id })
    })
    .collect();
    let lots = supplier_lots(tx, snapshot, parties).await?;
    snapshot
        .lines
        .iter()
        .map(|told| {
            let item_id = *items.get(&told.item).ok_or_else(|| {
                CommandError::Invalid(format!(
                    "Receipt {}: item {} is not known here. It has to be sent first.",
                    snapshot.their_ref, told.item
                ))
            })?;
            let order_line = told.order.clone().zip(told.line.clone()).and_then(|key| order_lines.get(&key).cloned());
            let own = told.lot.as_ref().map(|lot| lots.get(&(item_id, lot.clone())).unwrap_or(lot).clone());
            let lot = told.supplier_lot.clone().or(own).filter(|lot| lot_key(Some(lot)).is_some());
            Ok(Known { told, item_id, order_line, lot: lot.map(|lot| lot.trim().to_owned()) })
        })
        .collect()
}

/// The supplier's lots behind the plant's own numbers, where the two are not the same.
async fn supplier_lots(
    tx: &mut Tx,
    snapshot: &ReceiptSnapshot,
    parties: &Parties,
) -> Result<HashMap<(Uuid, String), String>, StoreError> {
    let numbers: Vec<String> = snapshot.lines.iter().filter_map(|line| line.lot.clone()).collect();
    let rows = sqlx::query!(
        r#"
        select item_id, number, supplier_lot as "supplier_lot!" from lot
        where plant_id = $1 and number = any($2) and supplier_id = $3 and supplier_lot is not null
        "#,
        parties.plant_id.0,
        &numbers,
        parties.supplier_id.0
    )
    .fetch_all(tx.sql())
    .await?;
    Ok(rows.into_iter().map(|row| ((row.item_id, row.number), row.supplier_lot)).collect())
}

struct Earlier {
    receipt_id: ReceiptId,
    number: String,
    complete: bool,
    reversed: bool,
}

/// The telling of the document that is in force, else one that was taken back.
async fn earlier(tx: &mut Tx, connection_id: ConnectionId, document: &str) -> Result<Option<Earlier>, StoreError> {
    let row = sqlx::query!(
        r#"
        select receipt_id, number, complete, reversed_at is not null as "reversed!"
        from receipt
        where connection_id = $1 and their_ref = $2
        order by reversed_at nulls first
        limit 1
        "#,
        connection_id.0,
        document
    )
    .fetch_optional(tx.sql())
    .await?;
    Ok(row.map(|row| Earlier {
        receipt_id: ReceiptId(row.receipt_id),
        number: row.number,
        complete: row.complete,
        reversed: row.reversed,
    }))
}

async fn same_content(tx: &mut Tx, receipt_id: ReceiptId, lines: &[Known<'_>]) -> Result<bool, StoreError> {
    type Sums = HashMap<(Uuid, Option<String>), (Decimal, Decimal)>;
    let add = |sums: &mut Sums, item: Uuid, lot: Option<&str>, accepted: Decimal, damaged: Decimal| {
        if !accepted.is_zero() || !damaged.is_zero() {
            let sum = sums.entry((item, lot_key(lot))).or_default();
            *sum = (sum.0.saturating_add(accepted), sum.1.saturating_add(damaged));
        }
    };
    let (mut told, mut known) = (Sums::new(), Sums::new());
    for line in lines {
        add(&mut told, line.item_id, line.lot.as_deref(), line.told.accepted, line.told.damaged);
    }
    let rows = sqlx::query!(
        "select item_id, supplier_lot, accepted, damaged from receipt_line where receipt_id = $1",
        receipt_id.0
    )
    .fetch_all(tx.sql())
    .await?;
    for row in rows {
        add(&mut known, row.item_id, row.supplier_lot.as_deref(), row.accepted, row.damaged);
    }
    Ok(told == known)
}

/// The same document says now that nothing more is expected.
async fn completed(tx: &mut Tx, receipt_id: ReceiptId, number: &str, document: &str) -> Result<String, CommandError> {
    let mut place = receipts::lock_of(tx, receipt_id).await?;
    sqlx::query!("update receipt set complete = true where receipt_id = $1", receipt_id.0).execute(tx.sql()).await?;
    receipts::recounted(tx, &mut place, receipt_id).await?;
    Ok(format!("receipt {document}: {number} is complete now"))
}

/// What the document is a receipt of: the ship notice or delivery note that it names, else the ship notice that fits its
/// orders and lots, else the orders themselves.
async fn place_of(
    tx: &mut Tx,
    connection_id: ConnectionId,
    snapshot: &ReceiptSnapshot,
    parties: &Parties,
    lines: &[Known<'_>],
) -> Result<Place, CommandError> {
    let notice = match (&snapshot.notice, &snapshot.delivery_note) {
        (Some(number), _) => {
            let id = sqlx::query_scalar!(
                "select ship_notice_id from ship_notice where number = $1 and supplier_id = $2 and plant_id = $3",
                number,
                parties.supplier_id.0,
                parties.plant_id.0
            )
            .fetch_optional(tx.sql())
            .await?;
            Some(id.ok_or_else(|| {
                CommandError::Invalid(format!(
                    "Ship notice {number} of supplier {} for plant {} is not known here.",
                    snapshot.supplier, snapshot.plant
                ))
            })?)
        }
        (None, Some(note)) => {
            sqlx::query_scalar!(
                r#"
                select ship_notice_id from ship_notice
                where supplier_id = $1 and plant_id = $2 and lower(delivery_note) = lower($3) and status <> 'cancelled'
                "#,
                parties.supplier_id.0,
                parties.plant_id.0,
                note
            )
            .fetch_optional(tx.sql())
            .await?
        }
        (None, None) => fitting(tx, connection_id, lines).await?,
    };
    if let Some(id) = notice {
        return lock_notice(tx, ShipNoticeId(id)).await;
    }
    let mut orders: Vec<Uuid> = lines.iter().filter_map(|line| Some(line.order_line.as_ref()?.order_id)).collect();
    orders.sort_unstable();
    orders.dedup();
    let mut place = if orders.is_empty() {
        nowhere(parties.supplier_id, parties.plant_id, parties.zone)
    } else {
        lock_orders(tx, &orders).await?
    };
    place.delivery.delivery_note.clone_from(&snapshot.delivery_note);
    Ok(place)
}

/// Of the ship notices for the same order lines the one that fits best: the most of the lots, not yet told of by this system,
/// the nearest in quantity, the first to be expected.
async fn fitting(tx: &mut Tx, connection_id: ConnectionId, lines: &[Known<'_>]) -> Result<Option<Uuid>, StoreError> {
    let order_lines: Vec<Uuid> =
        lines.iter().filter_map(|line| Some(line.order_line.as_ref()?.order_line_id)).collect();
    if order_lines.is_empty() || order_lines.len() < lines.len() {
        return Ok(None);
    }
    let lots: Vec<String> = lines.iter().filter_map(|line| lot_key(line.lot.as_deref())).collect();
    let quantity = lines
        .iter()
        .fold(Decimal::ZERO, |sum, line| sum.saturating_add(line.told.accepted).saturating_add(line.told.damaged));
    sqlx::query_scalar!(
        r#"
        select n.ship_notice_id
        from ship_notice n
        join ship_notice_line l on l.ship_notice_id = n.ship_notice_id and l.is_live and l.order_line_id = any($1)
        where n.status <> 'cancelled'
        group by n.ship_notice_id
        having count(distinct l.order_line_id) = (select count(distinct it) from unnest($1::uuid[]) as it)
        order by (select count(*) from ship_notice_lot t join ship_notice_line tl using (ship_line_id)
                  where tl.ship_notice_id = n.ship_notice_id and upper(t.lot) = any($2)) desc,
                 exists (select from receipt r
                         where r.ship_notice_id = n.ship_notice_id and r.connection_id = $3 and r.reversed_at is null),
                 abs(sum(l.quantity) - $4),
                 n.arrive_on, n.ship_notice_id
        limit 1
        "#,
        &order_lines,
        &lots,
        connection_id.0,
        quantity
    )
    .fetch_optional(tx.sql())
    .await
    .map_err(Into::into)
}

async fn new_receipt(
    tx: &mut Tx,
    connection_id: ConnectionId,
    snapshot: &ReceiptSnapshot,
    place: &Place,
    lines: &[Known<'_>],
) -> Result<NewReceipt, CommandError> {
    let mut rows = Vec::new();
    let mut keys = Vec::new();
    let mut given: Vec<Decimal> = vec![Decimal::ZERO; place.due.len()];
    for line in lines {
        for (at, accepted, damaged) in spread(place, line, &mut given) {
            let due = at.and_then(|at| place.due.get(at).zip(place.delivery.lines.get(at)));
            rows.push(ReceivedLine {
                receipt_line_id: ReceiptLineId(tx.new_id()),
                notice_line: due.and_then(|(_, line)| line.notice_line),
                order: line.told.order.clone(),
                line: line.told.line.clone(),
                item: line.told.item.clone(),
                unit: line.told.unit.clone(),
                lot_id: None,
                supplier_lot: announced_lot(place, at, line.lot.as_deref()).or_else(|| line.lot.clone()),
                expires_on: line.told.expires_on,
                accepted,
                damaged,
                oddities: oddities(place, at, line, damaged),
                note: line.told.note.clone(),
            });
            keys.push(NewLine {
                ship_line_id: due.and_then(|(row, _)| row.ship_line_id),
                order_line_id: line
                    .order_line
                    .as_ref()
                    .map(|key| key.order_line_id)
                    .or_else(|| due.map(|(row, _)| row.order_line_id)),
                item_id: line.item_id,
                document_id: None,
            });
        }
    }
    let receipt = Receipt {
        receipt_id: ReceiptId(tx.new_id()),
        number: receipt_rows::next_number(tx).await?,
        channel: snapshot.channel,
        their_ref: Some(snapshot.their_ref.clone()),
        notice: place.delivery.notice.as_ref().map(|(number, _)| number.clone()),
        delivery_note: snapshot.delivery_note.clone().or_else(|| place.delivery.delivery_note.clone()),
        received_at: snapshot.received_at,
        complete: snapshot.complete && place.notice_id.is_some(),
        same_as: None,
        lines: rows,
    };
    Ok(NewReceipt { receipt, connection_id: Some(connection_id), lines: keys })
}

/// As announced, so that blanks and case do not make another lot.
fn announced_lot(place: &Place, at: Option<usize>, lot: Option<&str>) -> Option<String> {
    let wanted = lot_key(lot)?;
    let lots = &place.delivery.lines.get(at?)?.lots;
    lots.iter().find(|known| lot_key(Some(&known.lot)).as_ref() == Some(&wanted)).map(|known| known.lot.clone())
}

fn oddities(place: &Place, at: Option<usize>, line: &Known<'_>, damaged: Decimal) -> Vec<Oddity> {
    let mut odd = Vec::new();
    match at.and_then(|at| place.delivery.lines.get(at)) {
        None if place.notice_id.is_some() => odd.push(Oddity::WrongItem),
        Some(due) if !due.knows_lot(line.lot.as_deref()) => odd.push(Oddity::UnknownLot),
        _ => {}
    }
    if damaged > Decimal::ZERO {
        odd.push(Oddity::Damaged);
    }
    odd
}

/// Which expected lines a told line is about, and how much of each: another system adds up what we announced in parts. Each
/// takes what was announced of it, the last takes the rest.
fn spread(place: &Place, line: &Known<'_>, given: &mut [Decimal]) -> Vec<(Option<usize>, Decimal, Decimal)> {
    let fits = |at: &usize| {
        place.due.get(*at).zip(place.delivery.lines.get(*at)).is_some_and(|(row, _)| {
            row.item_id == line.item_id
                && line.order_line.as_ref().is_none_or(|key| key.order_line_id == row.order_line_id)
        })
    };
    let announced = |at: usize| {
        let Some(due) = place.delivery.lines.get(at) else { return Decimal::ZERO };
        match lot_key(line.lot.as_deref()).filter(|_| !due.lots.is_empty()) {
            None => due.quantity,
            Some(wanted) => due
                .lots
                .iter()
                .filter(|lot| lot_key(Some(&lot.lot)).as_ref() == Some(&wanted))
                .fold(Decimal::ZERO, |sum, lot| sum.saturating_add(lot.quantity)),
        }
    };
    let all: Vec<usize> = (0..place.due.len()).filter(fits).collect();
    let with_lot: Vec<usize> = all.iter().copied().filter(|at| announced(*at) > Decimal::ZERO).collect();
    let places = if with_lot.is_empty() { all } else { with_lot };
    if line.told.accepted.is_zero() && line.told.damaged.is_zero() {
        return Vec::new();
    }
    let Some((last, others)) = places.split_last() else {
        return vec![(None, line.told.accepted, line.told.damaged)];
    };
    let mut left = line.told.accepted;
    let mut parts = Vec::new();
    for at in others {
        let room = announced(*at).saturating_sub(given.get(*at).copied().unwrap_or_default()).max(Decimal::ZERO);
        let part = left.min(room);
        if part > Decimal::ZERO {
            parts.push((Some(*at), part, Decimal::ZERO));
            left -= part;
        }
    }
    if left > Decimal::ZERO || line.told.damaged > Decimal::ZERO {
        parts.push((Some(*last), left, line.told.damaged));
    }
    for (at, accepted, damaged) in &parts {
        if let Some(sum) = at.and_then(|at| given.get_mut(at)) {
            *sum = sum.saturating_add(*accepted).saturating_add(*damaged);
        }
    }
    parts
}

/// The other system took a document back, which may not have reached us yet.
async fn mirror_reversal(
    tx: &mut Tx,
    connection_id: ConnectionId,
    snapshot: &ReceiptSnapshot,
    document: &str,
) -> Result<String, CommandError> {
    let said = snapshot.lines.iter().find_map(|line| line.note.clone());
    let reason = said.unwrap_or_else(|| format!("Taken back in the other system by {}", snapshot.their_ref));
    match earlier(tx, connection_id, document).await? {
        Some(Earlier { reversed: true, number, .. }) => Ok(format!("receipt {document}: taken back already, {number}")),
        Some(Earlier { receipt_id, number, .. }) => {
            let mut place = receipts::lock_of(tx, receipt_id).await?;
            receipts::take_back(tx, &mut place, receipt_id, &reason).await?;
            Ok(format!("receipt {document}: {number} taken back"))
        }
        None => {
            // Remembered, so that the document finds itself taken back when it comes.
            let parties = parties(tx, snapshot).await?;
            let number = receipt_rows::next_number(tx).await?;
            let actor = serde_json::to_value(tx.actor()).map_err(|error| StoreError::unreadable("actor", error))?;
            let (receipt_id, now) = (tx.new_id(), tx.now());
            sqlx::query!(
                r#"
                insert into receipt (receipt_id, number, channel, connection_id, their_ref, supplier_id, plant_id, received_at,
                                     recorded_at, complete, actor, reversed_at, reverse_reason)
                values ($1, $2, $3, $4, $5, $6, $7, $8, $9, false, $10, $9, $11)
                "#,
                receipt_id,
                number,
                snapshot.channel.as_str(),
                connection_id.0,
                document,
                parties.supplier_id.0,
                parties.plant_id.0,
                snapshot.received_at,
                now,
                actor,
                reason
            )
            .execute(tx.sql())
            .await?;
            Ok(format!("receipt {document}: taken back before it came, remembered as {number}"))
        }
    }
}
