//! What the box at the top finds: exact keys first, then what begins like the words. Every query stays within the scope,
//! so that what is not the reader's is not found, whichever way it is asked for.

use domain::access::{Action, Scope, may};
use domain::gs1::{self, Ai};
use domain::id::{ArrivalId, ConnectionId, CorrelationId, DeliveryId, PersonId};
use uuid::Uuid;

use crate::error::StoreError;
use crate::trace::{self, FoundStart};
use crate::tx::Tx;

/// Of each kind at the most.
const EACH: i64 = 8;

/// What an id belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// A request and everything that followed from it.
    Correlation(CorrelationId),
    /// A delivery.
    Delivery(DeliveryId),
    /// A message received.
    Arrival(ArrivalId),
    /// A connection.
    Connection(ConnectionId),
    /// A person.
    Person(PersonId),
}

/// What an id belongs to; none where it is not the reader's. Insiders of the exchange find its rows, everybody finds what
/// happened.
pub async fn by_id(tx: &mut Tx, id: Uuid) -> Result<Option<Known>, StoreError> {
    if may(tx.actor(), Action::SeeExchange).is_ok() {
        let row = sqlx::query!(
            r#"
            select exists (select from delivery where delivery_id = $1) as "delivery!",
                   exists (select from arrival where arrival_id = $1) as "arrival!",
                   exists (select from connection where connection_id = $1) as "connection!"
            "#,
            id
        )
        .fetch_one(tx.sql())
        .await?;
        match (row.delivery, row.arrival, row.connection) {
            (true, _, _) => return Ok(Some(Known::Delivery(DeliveryId(id)))),
            (_, true, _) => return Ok(Some(Known::Arrival(ArrivalId(id)))),
            (_, _, true) => return Ok(Some(Known::Connection(ConnectionId(id)))),
            _ => {}
        }
    }
    if may(tx.actor(), Action::ManagePeople).is_ok() {
        let person = sqlx::query_scalar!(r#"select exists (select from person where person_id = $1) as "it!""#, id);
        if person.fetch_one(tx.sql()).await? {
            return Ok(Some(Known::Person(PersonId(id))));
        }
    }
    // An event's own id leads to the request it belongs to.
    let correlation = sqlx::query_scalar!(
        r#"
        select correlation_id from event where correlation_id = $1
        union all
        select correlation_id from event where event_id = $1
        limit 1
        "#,
        id
    )
    .fetch_optional(tx.sql())
    .await?
    .flatten();
    Ok(correlation.map(|id| Known::Correlation(CorrelationId(id))))
}

/// An order that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundOrder {
    /// Its number.
    pub number: String,
    /// The supplier's name.
    pub supplier: String,
    /// The plant's code.
    pub plant: String,
    /// Lines.
    pub lines: i64,
}

/// Something with a number and a name that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its number.
    pub number: String,
    /// What it is called.
    pub name: String,
    /// Schedule lines within the scope.
    pub lines: i64,
}

/// What a paper is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paper {
    /// A ship notice.
    Notice,
    /// A receipt.
    Receipt,
    /// A difference between the two.
    Difference,
}

/// A ship notice, receipt or difference that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundPaper {
    /// Which of them.
    pub paper: Paper,
    /// Its number.
    pub number: String,
    /// The delivery note it belongs to.
    pub delivery_note: Option<String>,
    /// The supplier's name.
    pub supplier: String,
    /// The plant's code.
    pub plant: String,
}

/// What was found for some words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Results {
    /// Orders whose number begins like it.
    pub orders: Vec<FoundOrder>,
    /// Ship notices, receipts and differences whose number begins like it, or that have just this delivery note, package,
    /// receipt or number of a warehouse system.
    pub papers: Vec<FoundPaper>,
    /// Items whose number begins like it, or whose description has the words.
    pub items: Vec<Found>,
    /// Suppliers whose number or name begins like it.
    pub suppliers: Vec<Found>,
    /// Lots, suppliers' lots and serials.
    pub material: Vec<FoundStart>,
    /// Quality holds; `lines` is not counted.
    pub holds: Vec<Found>,
}

impl Results {
    /// Nothing at all.
    pub const fn is_empty(&self) -> bool {
        self.orders.is_empty()
            && self.papers.is_empty()
            && self.items.is_empty()
            && self.suppliers.is_empty()
            && self.material.is_empty()
            && self.holds.is_empty()
    }
}

/// The exact number of an order within the scope.
pub async fn is_order(tx: &mut Tx, number: &str) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar!(r#"select exists (select from purchase_order where number = $1) as "it!""#, number)
        .fetch_one(tx.sql())
        .await?)
}

/// Looks for words of at least two characters.
pub async fn by_words(tx: &mut Tx, words: &str) -> Result<Results, StoreError> {
    let words = words.trim();
    if words.chars().count() < 2 {
        return Ok(Results::default());
    }
    let escaped = words.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    let (begins, contains) = (format!("{escaped}%"), format!("%{escaped}%"));
    let orders = sqlx::query_as!(
        FoundOrder,
        r#"
        select o.number, s.name as supplier, p.code as plant,
               (select count(*) from schedule_line l where l.order_id = o.order_id) as "lines!"
        from purchase_order o
        join supplier s using (supplier_id)
        join plant p using (plant_id)
        where o.number ilike $1
        order by o.number = $2 desc, o.published_at desc
        limit $3
        "#,
        begins,
        words,
        EACH
    )
    .fetch_all(tx.sql())
    .await?;
    let papers = papers(tx, words).await?;
    let items = sqlx::query_as!(
        Found,
        r#"
        select l.item_number as number, min(l.description) as "name!", count(s.schedule_line_id) as "lines!"
        from order_line l
        join schedule_line s using (order_line_id)
        where l.item_number ilike $1 or l.supplier_item ilike $1 or l.description ilike $2
        group by l.item_number
        order by l.item_number = $3 desc, count(s.schedule_line_id) desc, l.item_number
        limit $4
        "#,
        begins,
        contains,
        words,
        EACH
    )
    .fetch_all(tx.sql())
    .await?;
    let suppliers = sqlx::query_as!(
        Found,
        r#"
        select s.number, s.name, (select count(*) from schedule_line l where l.supplier_id = s.supplier_id) as "lines!"
        from supplier s
        where s.number ilike $1 or s.name ilike $2
        order by s.number = $3 desc, s.name
        limit $4
        "#,
        begins,
        contains,
        words,
        EACH
    )
    .fetch_all(tx.sql())
    .await?;
    let material = trace::find(tx, words, EACH).await?;
    let holds = sqlx::query_as!(
        Found,
        r#"
        select h.number, concat_ws(', ', h.item_number, l.number, replace(h.reason, '_', ' ')) as "name!", 0::bigint as "lines!"
        from hold h
        left join lot l using (lot_id)
        where h.number ilike $1 or h.serial = $2
        order by h.placed_at desc
        limit $3
        "#,
        begins,
        words,
        EACH
    )
    .fetch_all(tx.sql())
    .await?;
    Ok(Results { orders, papers, items, suppliers, material, holds })
}

/// Numbers of ours are made of capitals and digits, and are compared byte by byte: see the index `receipt_begins`.
/// Of what was received suppliers see their own, in the house only who sees the dock.
async fn papers(tx: &mut Tx, words: &str) -> Result<Vec<FoundPaper>, StoreError> {
    let sscc = gs1::read(words).ok().and_then(|scan| scan.value(Ai::Sscc).map(str::to_owned));
    let begins = words.to_uppercase();
    let ends = format!("{begins}\u{10FFFF}");
    let sees_inbound = matches!(tx.scope(), Scope::Suppliers(_)) || may(tx.actor(), Action::SeeInbound).is_ok();
    let notices = sqlx::query!(
        r#"
        select n.number, n.delivery_note, s.name as supplier, p.code as plant
        from (
            (select ship_notice_id from ship_notice where number collate "C" >= $1 and number collate "C" < $2
             order by number collate "C" desc limit $5)
            union
            (select ship_notice_id from ship_notice where delivery_note = $3 order by announced_at desc limit $5)
            union
            (select ship_notice_id from handling_unit where sscc = $4)
        ) found
        join ship_notice n using (ship_notice_id)
        join supplier s on s.supplier_id = n.supplier_id
        join plant p on p.plant_id = n.plant_id
        order by n.number = $1 desc, n.number desc
        limit $5
        "#,
        begins,
        ends,
        words,
        sscc,
        EACH
    )
    .fetch_all(tx.sql())
    .await?;
    let mut found: Vec<FoundPaper> = notices
        .into_iter()
        .map(|row| FoundPaper {
            paper: Paper::Notice,
            number: row.number,
            delivery_note: Some(row.delivery_note),
            supplier: row.supplier,
            plant: row.plant,
        })
        .collect();
    if !sees_inbound {
        return Ok(found);
    }
    let receipts = sqlx::query!(
        r#"
        select r.number, r.delivery_note, s.name as supplier, p.code as plant
        from (
            (select receipt_id from receipt where number collate "C" >= $1 and number collate "C" < $2
             order by number collate "C" desc limit $4)
            union
            (select receipt_id from receipt where delivery_note = $3 order by received_at desc limit $4)
            union
            (select receipt_id from receipt where their_ref = $3 and reversed_at is null limit $4)
        ) found
        join receipt r using (receipt_id)
        join supplier s on s.supplier_id = r.supplier_id
        join plant p on p.plant_id = r.plant_id
        order by r.number = $1 desc, r.number desc
        limit $4
        "#,
        begins,
        ends,
        words,
        EACH
    )
    .fetch_all(tx.sql())
    .await?;
    found.extend(receipts.into_iter().map(|row| FoundPaper {
        paper: Paper::Receipt,
        number: row.number,
        delivery_note: row.delivery_note,
        supplier: row.supplier,
        plant: row.plant,
    }));
    let differences = sqlx::query!(
        r#"
        select d.number, n.delivery_note as "delivery_note?", s.name as supplier, p.code as plant
        from (
            (select case_id from difference_case where number collate "C" >= $1 and number collate "C" < $2
             order by number collate "C" desc limit $3)
            union
            (select c.case_id from difference_case c join receipt r using (receipt_id) where r.number = $1 limit $3)
        ) found
        join difference_case d using (case_id)
        join supplier s on s.supplier_id = d.supplier_id
        join plant p on p.plant_id = d.plant_id
        left join ship_notice n on n.ship_notice_id = d.ship_notice_id
        order by d.number = $1 desc, d.number desc
        limit $3
        "#,
        begins,
        ends,
        EACH
    )
    .fetch_all(tx.sql())
    .await?;
    found.extend(differences.into_iter().map(|row| FoundPaper {
        paper: Paper::Difference,
        number: row.number,
        delivery_note: row.delivery_note,
        supplier: row.supplier,
        plant: row.plant,
    }));
    Ok(found)
}
