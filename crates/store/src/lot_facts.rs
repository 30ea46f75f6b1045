//! What is known of lots when somebody wants to use them, for the one rule in [`domain::lot::usability`].
//!
//! Gathered for many lots at once with a number of statements that does not depend on how many they are: the page asks for
//! one, a shop-floor system for a thousand.

use std::collections::HashMap;

use chrono::NaiveDate;
use domain::calendar::{ZoneName, today};
use domain::certificate::{CertificateKind, CertificatePer, CertificateStatus};
use domain::id::CertificateId;
use domain::lot::usability::{Facts, Needed, Standing, UnderHold};
use domain::quantity::Unit;
use uuid::Uuid;

use crate::error::StoreError;
use crate::orders::read_word;
use crate::tx::Tx;

/// The facts of one lot, and the day on which they are looked at: today in its plant's calendar.
#[derive(Debug, Clone)]
pub struct Known {
    /// For the rule.
    pub facts: Facts,
    /// Today, where the lot lies.
    pub today: NaiveDate,
}

/// The facts of these lots, as far as they are within the scope.
pub async fn of(tx: &mut Tx, lots: &[Uuid]) -> Result<HashMap<Uuid, Known>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select l.lot_id, l.number, l.unit, l.expires_on, p.zone,
               coalesce(sum(s.quantity) filter (where s.status = 'unrestricted'), 0) as "unrestricted!",
               coalesce(sum(s.quantity) filter (where s.status = 'inspection'), 0) as "inspection!",
               coalesce(sum(s.quantity) filter (where s.status = 'restricted'), 0) as "restricted!",
               coalesce(sum(s.quantity) filter (where s.status = 'blocked'), 0) as "blocked!"
        from lot l
        join plant p using (plant_id)
        left join lot_stock s using (lot_id)
        where l.lot_id = any($1)
        group by l.lot_id, p.zone
        "#,
        lots
    )
    .fetch_all(tx.sql())
    .await?;
    let now = tx.now();
    let mut known = HashMap::with_capacity(rows.len());
    for row in rows {
        let zone: ZoneName = read_word("zone", &row.zone)?;
        let facts = Facts {
            lot: row.number,
            unit: Unit::new(&row.unit),
            unrestricted: row.unrestricted,
            inspection: row.inspection,
            restricted: row.restricted,
            blocked: row.blocked,
            expires_on: row.expires_on,
            certificates: Vec::new(),
            holds: Vec::new(),
        };
        known.insert(row.lot_id, Known { facts, today: today(now, zone.0) });
    }
    add_holds(tx, lots, &mut known).await?;
    add_certificates(tx, lots, &mut known).await?;
    Ok(known)
}

async fn add_holds(tx: &mut Tx, lots: &[Uuid], known: &mut HashMap<Uuid, Known>) -> Result<(), StoreError> {
    let rows = sqlx::query!(
        r#"
        select l.lot_id, h.number, h.reason, h.serial
        from lot l
        join hold h on h.item_id = l.item_id and h.state <> 'released' and case
            when h.lot_id is not null then h.lot_id = l.lot_id
            when h.scope = 'supplier_item' then h.supplier_id = l.supplier_id
            else h.plant_id = l.plant_id
          end
        where l.lot_id = any($1)
        order by h.placed_at, h.number
        "#,
        lots
    )
    .fetch_all(tx.sql())
    .await?;
    for row in rows {
        let Some(lot) = known.get_mut(&row.lot_id) else { continue };
        let reason = read_word("hold reason", &row.reason)?;
        lot.facts.holds.push(UnderHold { number: row.number, reason, serial: row.serial });
    }
    Ok(())
}

/// A certificate that may answer what a lot needs.
struct Candidate {
    certificate_id: CertificateId,
    kind: CertificateKind,
    per: CertificatePer,
    status: CertificateStatus,
    valid_until: Option<NaiveDate>,
}

async fn add_certificates(tx: &mut Tx, lots: &[Uuid], known: &mut HashMap<Uuid, Known>) -> Result<(), StoreError> {
    let needed = sqlx::query!(
        r#"
        select l.lot_id, r.kind, r.per,
               exists (
                 select from certificate_waiver w
                 where w.item_id = l.item_id and w.kind = r.kind and w.supplier_id = l.supplier_id and w.plant_id = l.plant_id
                   and (w.lot = l.supplier_lot
                        or w.lot is null and exists (
                          select from receipt_line rl
                          join receipt g using (receipt_id)
                          left join ship_notice_line sl on sl.ship_line_id = rl.ship_line_id
                          where rl.lot_id = l.lot_id
                            and (g.ship_notice_id = w.ship_notice_id or sl.schedule_line_id = w.schedule_line_id)))
               ) as "is_waived!"
        from lot l
        join certificate_requirement r on r.item_id = l.item_id and r.ended_at is null
          and (r.supplier_id is null or r.supplier_id = l.supplier_id)
          and (r.plant_id is null or r.plant_id = l.plant_id)
        where l.lot_id = any($1)
        order by r.kind
        "#,
        lots
    )
    .fetch_all(tx.sql())
    .await?;
    if needed.is_empty() {
        return Ok(());
    }
    let rows = sqlx::query!(
        r#"
        select l.lot_id as "lot_id!", c.certificate_id as "certificate_id!", c.kind as "kind!", 'lot' as "covers!",
               c.status as "status!", c.valid_until
        from lot l
        join certificate_lot n on n.supplier_id = l.supplier_id and n.item_id = l.item_id and n.lot in (l.supplier_lot, l.number)
        join certificate c on c.certificate_id = n.certificate_id and c.status <> 'replaced'
        where l.lot_id = any($1)
        union all
        select l.lot_id, c.certificate_id, c.kind, 'standing', c.status, c.valid_until
        from lot l
        join certificate c on c.item_id = l.item_id and c.supplier_id = l.supplier_id and c.per = 'standing'
          and c.status <> 'replaced' and (c.plant_id is null or c.plant_id = l.plant_id)
        where l.lot_id = any($1)
        union all
        select l.lot_id, c.certificate_id, c.kind, 'delivery', c.status, c.valid_until
        from lot l
        join receipt_line rl on rl.lot_id = l.lot_id
        join receipt g using (receipt_id)
        join certificate c on c.item_id = l.item_id and c.supplier_id = l.supplier_id and c.per = 'delivery'
          and c.status <> 'replaced' and lower(c.delivery_note) = lower(g.delivery_note)
        where l.lot_id = any($1)
        "#,
        lots
    )
    .fetch_all(tx.sql())
    .await?;
    let mut candidates: HashMap<Uuid, Vec<Candidate>> = HashMap::new();
    for row in rows {
        candidates.entry(row.lot_id).or_default().push(Candidate {
            certificate_id: CertificateId(row.certificate_id),
            kind: read_word("certificate kind", &row.kind)?,
            per: read_word("certificate scope", &row.covers)?,
            status: read_word("certificate status", &row.status)?,
            valid_until: row.valid_until,
        });
    }
    for row in needed {
        let Some(lot) = known.get_mut(&row.lot_id) else { continue };
        let (kind, per) = (read_word("certificate kind", &row.kind)?, read_word("certificate scope", &row.per)?);
        let those = candidates.get(&row.lot_id).map(Vec::as_slice).unwrap_or_default();
        let standing = standing(kind, per, row.is_waived, those, lot.today);
        lot.facts.certificates.push(Needed { kind, standing });
    }
    Ok(())
}

/// How a required certificate stands: the best of those that answer it. One for the lot itself answers any requirement; one
/// for the delivery answers those per delivery and standing ones; a standing one only the latter.
fn standing(
    kind: CertificateKind,
    per: CertificatePer,
    is_waived: bool,
    candidates: &[Candidate],
    today: NaiveDate,
) -> Standing {
    let width = |per: CertificatePer| match per {
        CertificatePer::Lot => 0,
        CertificatePer::Delivery => 1,
        CertificatePer::Standing => 2,
    };
    let of = |one: &Candidate| {
        let certificate_id = one.certificate_id;
        match (one.status, one.valid_until.filter(|until| *until < today)) {
            (CertificateStatus::Accepted, None) => (0, Standing::Accepted),
            (CertificateStatus::Submitted, _) => (2, Standing::Submitted { certificate_id }),
            (CertificateStatus::Accepted, Some(on)) => (3, Standing::Expired { certificate_id, on }),
            (CertificateStatus::Rejected | CertificateStatus::Replaced, _) => {
                (4, Standing::Rejected { certificate_id })
            }
        }
    };
    candidates
        .iter()
        .filter(|one| one.kind == kind && width(one.per) <= width(per))
        .map(of)
        .chain(is_waived.then_some((1, Standing::Waived)))
        .min_by_key(|(rank, _)| *rank)
        .map_or(Standing::Missing, |(_, standing)| standing)
}
