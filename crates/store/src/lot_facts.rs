//! What is known of lots when somebody wants to use them, for the one rule in [`domain::lot::usability`].
//!
//! Gathered for many lots at once with a number of statements that does not depend on how many they are: the page asks for
//! one, a shop-floor system for a thousand.

use std::collections::HashMap;

use chrono::NaiveDate;
use domain::calendar::{ZoneName, today};
use domain::lot::usability::{Facts, Needed, UnderHold};
use domain::quantity::Unit;
use uuid::Uuid;

use crate::coverage;
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
    add_certificates(tx, &mut known).await?;
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

/// How the certificates stand is one rule for shipping and for use: [`coverage`] asks it.
async fn add_certificates(tx: &mut Tx, known: &mut HashMap<Uuid, Known>) -> Result<(), StoreError> {
    let days = known.iter().map(|(lot, known)| (*lot, known.today)).collect();
    for (lot, covered) in coverage::of_lots(tx, &days).await? {
        let Some(lot) = known.get_mut(&lot) else { continue };
        for needed in covered.iter().map(Needed::from) {
            // Two deliveries without theirs are one reason.
            if !lot.facts.certificates.contains(&needed) {
                lot.facts.certificates.push(needed);
            }
        }
    }
    Ok(())
}
