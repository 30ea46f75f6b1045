//! How a receipt is written and read. What it is received against is in `receipt_place.rs`, which of it counts in
//! `receipt_counting.rs`.

use chrono::NaiveDate;
use domain::Decimal;
use domain::id::{ConnectionId, DocumentId, ReceiptId};
use domain::quantity::Unit;
use domain::receipt::{Receipt, ReceivedLine};
use serde_json::Value;
use uuid::Uuid;

use crate::error::{CommandError, StoreError};
use crate::orders::{read_json, read_word};
use crate::receipt_place::Place;
use crate::tx::Tx;

/// A receipt that is about to be stored.
#[derive(Debug, Clone)]
pub(crate) struct NewReceipt {
    pub receipt: Receipt,
    pub connection_id: Option<ConnectionId>,
    pub lines: Vec<NewLine>,
}

/// The keys of one of its lines, in the order of `receipt.lines`.
#[derive(Debug, Clone)]
pub(crate) struct NewLine {
    pub ship_line_id: Option<Uuid>,
    pub order_line_id: Option<Uuid>,
    pub item_id: Uuid,
    pub document_id: Option<DocumentId>,
}

pub(crate) async fn next_number(tx: &mut Tx) -> Result<String, StoreError> {
    let next = sqlx::query_scalar!(r#"select nextval('receipt_number') as "next!""#).fetch_one(tx.sql()).await?;
    Ok(format!("GR-{next:06}"))
}

/// Writes a receipt; nothing of it counts yet.
pub(crate) async fn add(tx: &mut Tx, place: &Place, new: &NewReceipt) -> Result<(), CommandError> {
    let actor = serde_json::to_value(tx.actor()).map_err(|error| StoreError::unreadable("actor", error))?;
    let (now, receipt) = (tx.now(), &new.receipt);
    sqlx::query!(
        r#"
        insert into receipt (receipt_id, number, channel, connection_id, their_ref, ship_notice_id, delivery_note,
                             supplier_id, plant_id, received_at, recorded_at, complete, actor)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
        "#,
        receipt.receipt_id.0,
        receipt.number,
        receipt.channel.as_str(),
        new.connection_id.map(|id| id.0),
        receipt.their_ref,
        place.notice_id.map(|id| id.0),
        receipt.delivery_note,
        place.supplier_id.0,
        place.plant_id.0,
        receipt.received_at,
        now,
        receipt.complete,
        actor
    )
    .execute(tx.sql())
    .await?;
    let mut rows = LineRows::default();
    for (line, keys) in receipt.lines.iter().zip(&new.lines) {
        rows.push(line, keys);
    }
    sqlx::query!(
        r#"
        insert into receipt_line (receipt_line_id, receipt_id, number, ship_line_id, order_line_id, item_id, item_number, unit,
                                  supplier_lot, expires_on, accepted, damaged, oddities, note, document_id, supplier_id, plant_id)
        select n.id, $1, n.number::integer, n.ship_line, n.order_line, n.item, n.item_number, n.unit, n.lot, n.expires_on,
               n.accepted, n.damaged, coalesce(string_to_array(nullif(n.oddities, ''), ','), '{}'), n.note, n.document, $14, $15
        from unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::text[], $8::text[], $9::date[],
                    $10::numeric[], $11::numeric[], $12::text[], $13::text[], $16::uuid[])
            with ordinality as n (id, ship_line, order_line, item, item_number, unit, lot, expires_on,
                                  accepted, damaged, oddities, note, document, number)
        "#,
        receipt.receipt_id.0,
        &rows.ids,
        &rows.ship_lines as _,
        &rows.order_lines as _,
        &rows.items,
        &rows.item_numbers,
        &rows.units,
        &rows.lots as _,
        &rows.expires_on as _,
        &rows.accepted,
        &rows.damaged,
        &rows.oddities,
        &rows.notes as _,
        place.supplier_id.0,
        place.plant_id.0,
        &rows.documents as _,
    )
    .execute(tx.sql())
    .await?;
    Ok(())
}

#[derive(Default)]
struct LineRows {
    ids: Vec<Uuid>,
    ship_lines: Vec<Option<Uuid>>,
    order_lines: Vec<Option<Uuid>>,
    items: Vec<Uuid>,
    item_numbers: Vec<String>,
    units: Vec<String>,
    lots: Vec<Option<String>>,
    expires_on: Vec<Option<NaiveDate>>,
    accepted: Vec<Decimal>,
    damaged: Vec<Decimal>,
    oddities: Vec<String>,
    notes: Vec<Option<String>>,
    documents: Vec<Option<Uuid>>,
}

impl LineRows {
    fn push(&mut self, line: &ReceivedLine, keys: &NewLine) {
        self.ids.push(line.receipt_line_id.0);
        self.ship_lines.push(keys.ship_line_id);
        self.order_lines.push(keys.order_line_id);
        self.items.push(keys.item_id);
        self.item_numbers.push(line.item.clone());
        self.units.push(line.unit.code().to_owned());
        self.lots.push(line.supplier_lot.clone());
        self.expires_on.push(line.expires_on);
        self.accepted.push(line.accepted);
        self.damaged.push(line.damaged);
        self.oddities.push(line.oddities.iter().map(|odd| odd.as_str()).collect::<Vec<_>>().join(","));
        self.notes.push(line.note.clone());
        self.documents.push(keys.document_id.map(|id| id.0));
    }
}

/// A receipt as it is told to others.
pub(crate) async fn read(tx: &mut Tx, receipt_id: ReceiptId) -> Result<Receipt, CommandError> {
    let head = sqlx::query!(
        r#"
        select r.number, r.channel, r.their_ref, r.delivery_note, r.received_at, r.complete, n.number as "notice?",
               m.number as "same_as?"
        from receipt r
        left join ship_notice n using (ship_notice_id)
        left join receipt m on m.receipt_id = r.matches_id
        where r.receipt_id = $1
        "#,
        receipt_id.0
    )
    .fetch_optional(tx.sql())
    .await?
    .ok_or(CommandError::NotFound { what: "receipt" })?;
    let rows = sqlx::query!(
        r#"
        select l.receipt_line_id, s.number as "notice_line?", o.number as "order_number?", ol.number as "line?",
               l.item_number, l.unit, l.lot_id, l.supplier_lot, l.expires_on, l.accepted, l.damaged,
               to_jsonb(l.oddities) as "oddities!: Value", l.note
        from receipt_line l
        left join ship_notice_line s using (ship_line_id)
        left join order_line ol on ol.order_line_id = l.order_line_id
        left join purchase_order o on o.order_id = ol.order_id
        where l.receipt_id = $1
        order by l.number
        "#,
        receipt_id.0
    )
    .fetch_all(tx.sql())
    .await?;
    let mut lines = Vec::with_capacity(rows.len());
    for row in rows {
        lines.push(ReceivedLine {
            receipt_line_id: row.receipt_line_id.into(),
            notice_line: row.notice_line,
            order: row.order_number,
            line: row.line,
            item: row.item_number,
            unit: Unit::new(&row.unit),
            lot_id: row.lot_id.map(Into::into),
            supplier_lot: row.supplier_lot,
            expires_on: row.expires_on,
            accepted: row.accepted,
            damaged: row.damaged,
            oddities: read_json("oddities", row.oddities)?,
            note: row.note,
        });
    }
    Ok(Receipt {
        receipt_id,
        number: head.number,
        channel: read_word("receipt channel", &head.channel)?,
        their_ref: head.their_ref,
        notice: head.notice,
        delivery_note: head.delivery_note,
        received_at: head.received_at,
        complete: head.complete,
        same_as: head.same_as,
        lines,
    })
}
