//! May these lots be used? Many in one call, every reason at once, with the age of what is known.
//!
//! The rule is [`domain::lot::usability::may_use`]; this file only finds the lots and hands over the facts. The number of
//! statements does not depend on the number of lots.

use chrono::{DateTime, Utc};
use domain::Decimal;
use domain::access::{Action, may};
use domain::id::LotId;
use domain::lot::usability::{Verdict, may_use};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::CommandError;
use crate::lot_facts;
use crate::tx::Tx;

/// The most lots in one call.
pub const MOST: usize = 1_000;

/// One question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The plant's code.
    pub plant: String,
    /// The item's number.
    pub item: String,
    /// The lot's number in the plant.
    pub lot: String,
    /// How much is wanted, in the lot's unit.
    pub quantity: Decimal,
}

/// The answer to one question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// The question.
    pub asked: Asked,
    /// The lot, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lot_id: Option<LotId>,
    /// May it be used, and why not.
    pub verdict: Verdict,
}

/// A system that what is known comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The plant's code.
    pub plant: String,
    /// The system's name.
    pub system: String,
    /// When it last answered as it should; none where it never did.
    pub heard_at: Option<DateTime<Utc>>,
}

/// All answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// What is said is at least as fresh as this: decisions and holds are of the moment of the answer, what other systems
    /// tell is as old as the one that was silent longest. None where one has never spoken.
    pub as_of: Option<DateTime<Utc>>,
    /// When it was answered.
    pub answered_at: DateTime<Utc>,
    /// What the age is made of.
    pub sources: Vec<Source>,
    /// In the order of the questions.
    pub checks: Vec<Checked>,
}

/// Answers up to [`MOST`] questions.
pub async fn check(tx: &mut Tx, asked: Vec<Asked>) -> Result<Answer, CommandError> {
    may(tx.actor(), Action::SeeQuality)?;
    if asked.len() > MOST {
        return Err(CommandError::Invalid(format!(
            "{} lots were asked for in one call; the most is {MOST}. Ask in parts.",
            asked.len()
        )));
    }
    let plants: Vec<String> = asked.iter().map(|one| one.plant.clone()).collect();
    let items: Vec<String> = asked.iter().map(|one| one.item.clone()).collect();
    let numbers: Vec<String> = asked.iter().map(|one| one.lot.clone()).collect();
    // `offset 0` keeps the plant and the item out of the search for a number: while a table has no statistics yet, right
    // after much came, an index by plant or item costs as little in the plan as the one by number, and each question then
    // reads all lots of the plant.
    let found = sqlx::query!(
        r#"
        select a.place as "place!", l.lot_id
        from unnest($1::text[], $2::text[], $3::text[]) with ordinality as a (plant, item, lot, place)
        cross join lateral (select lot_id, plant_id, item_id from lot where number = a.lot offset 0) l
        join plant p on p.plant_id = l.plant_id and p.code = a.plant
        join item i on i.item_id = l.item_id and i.number = a.item
        "#,
        &plants,
        &items,
        &numbers
    )
    .fetch_all(tx.sql())
    .await?;
    let mut lots: Vec<Option<Uuid>> = vec![None; asked.len()];
    for row in found {
        let place = usize::try_from(row.place - 1).ok().and_then(|place| lots.get_mut(place));
        if let Some(slot) = place {
            *slot = Some(row.lot_id);
        }
    }
    let ids: Vec<Uuid> = lots.iter().flatten().copied().collect();
    let known = lot_facts::of(tx, &ids).await?;
    let sources = sources(tx, &plants).await?;
    let now = tx.now();
    let as_of = sources.iter().map(|source| source.heard_at).min().unwrap_or(Some(now)).map(|at| at.min(now));
    let checks = asked
        .into_iter()
        .zip(lots)
        .map(|(asked, lot)| {
            let verdict = match lot.and_then(|lot| known.get(&lot)) {
                Some(lot) => may_use(&lot.facts, asked.quantity, lot.today),
                None => Verdict::unknown(&asked.lot),
            };
            Checked { lot_id: lot.filter(|lot| known.contains_key(lot)).map(LotId), asked, verdict }
        })
        .collect();
    Ok(Answer { as_of, answered_at: now, sources, checks })
}

/// The systems behind what is known of these plants (by code), within the scope.
pub async fn sources(tx: &mut Tx, plants: &[String]) -> Result<Vec<Source>, CommandError> {
    let rows = sqlx::query!(
        r#"
        select p.code, s.name as "name!", s.heard_at
        from plant_sources(array(
          select plant_id from plant
          where code = any($1)
            and (current_setting('interlock.scope', true) = 'all'
                 or plant_id::text = any (string_to_array(current_setting('interlock.plants', true), ',')))
        )) s
        join plant p on p.plant_id = s.plant_id
        order by p.code, s.heard_at nulls first
        "#,
        plants
    )
    .fetch_all(tx.sql())
    .await?;
    Ok(rows.into_iter().map(|row| Source { plant: row.code, system: row.name, heard_at: row.heard_at }).collect())
}
