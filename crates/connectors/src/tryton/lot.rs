//! Lots of Tryton, and what we note on them: under which holds they are.
//!
//! A lot has no status there. That it may not be used is where it lies, and why is a note on it, which Tryton lets nobody
//! change: words for people, then one line for us. From the notes we tell whether a lot that one hold lets go is still kept by
//! another one, and whether goods that just came must not stay in the storage zone.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use domain::lot::LotRef;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::remark;
use super::stock::Product;
use super::wire::{Query, Trouble, Wire, day};
use crate::outcome::Fault;

/// Starts the line that is for us.
const MARK: &str = "interlock-hold: ";
/// Lots that are asked for in one call: they stand in its address, which has a longest.
const BATCH: usize = 100;

/// How a lot stands to one hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Under it.
    Held,
    /// It ended, but not so that the lot may be used as it is.
    Stays,
    /// It ended, and the lot may be used as it is.
    Free,
}

#[derive(Debug, Serialize, Deserialize)]
struct Record {
    hold: String,
    state: Standing,
}

#[derive(Debug, Deserialize)]
struct Known {
    id: i64,
    number: String,
}

/// How lots stand to the holds that were noted on them.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Holds(BTreeMap<i64, BTreeMap<String, Standing>>);

impl Holds {
    /// How a lot stands to a hold; none where the hold was never noted on it.
    pub fn standing(&self, lot: i64, hold: &str) -> Option<Standing> {
        self.0.get(&lot)?.get(hold).copied()
    }

    /// The first hold that keeps a lot, besides this one.
    pub fn kept_by(&self, lot: i64, besides: &str) -> Option<&str> {
        let mut holds = self.0.get(&lot)?.iter();
        holds.find(|(hold, state)| *hold != besides && **state != Standing::Free).map(|(hold, _)| hold.as_str())
    }

    /// In the order in which they were noted: the last one of a hold counts.
    fn learn(&mut self, lot: i64, record: Record) {
        self.0.entry(lot).or_default().insert(record.hold, record.state);
    }
}

/// The lot of a product by its number.
pub async fn known(wire: &Wire, product: i64, number: &str) -> Result<Option<i64>, Fault> {
    Ok(all_known(wire, product, &[number]).await?.remove(number))
}

/// The lot of a product, made where it is missing.
pub async fn make(wire: &Wire, product: i64, number: &str, expires_on: Option<NaiveDate>) -> Result<i64, Trouble> {
    if let Some(id) = known(wire, product, number).await? {
        return Ok(id);
    }
    let mut values = json!({"number": number, "product": product});
    if expires_on.is_some() {
        values["shelf_life_expiration_date"] = day(expires_on);
    }
    wire.create("stock.lot", values).await
}

/// Lots of ours by their ids in Tryton: by our number, else by the supplier's. What Tryton has never seen is made, so that a
/// hold can be noted on goods that it learns of a moment later.
pub async fn all(wire: &Wire, product: &Product, lots: &[LotRef]) -> Result<BTreeSet<i64>, Trouble> {
    let numbers: BTreeSet<&str> =
        lots.iter().flat_map(|lot| std::iter::once(lot.lot.as_str()).chain(lot.supplier_lot.as_deref())).collect();
    let known = all_known(wire, product.id, &numbers.into_iter().collect::<Vec<_>>()).await?;
    let mut ids = BTreeSet::new();
    for lot in lots {
        let by_number = known.get(&lot.lot).or_else(|| known.get(lot.supplier_lot.as_ref()?));
        ids.insert(match by_number {
            Some(id) => *id,
            // What comes from a supplier is called by his number there.
            None => make(wire, product.id, lot.supplier_lot.as_ref().unwrap_or(&lot.lot), lot.expires_on).await?,
        });
    }
    Ok(ids)
}

async fn all_known(wire: &Wire, product: i64, numbers: &[&str]) -> Result<BTreeMap<String, i64>, Fault> {
    let mut found = BTreeMap::new();
    for some in numbers.chunks(BATCH) {
        let query = Query {
            model: "stock.lot",
            fields: &["number"],
            domain: json!([["number", "in", some], ["product", "=", product]]),
            // Tryton knows no uniqueness of a lot's number; the first one counts.
            order: json!([["id", "DESC"]]),
            limit: 10_000,
        };
        found.extend(wire.list::<Known>(&query).await?.into_iter().map(|lot| (lot.number, lot.id)));
    }
    Ok(found)
}

/// The holds that were noted on lots.
pub async fn holds(wire: &Wire, lots: &BTreeSet<i64>) -> Result<Holds, Fault> {
    let mut holds = Holds::default();
    let resources: Vec<String> = lots.iter().map(|lot| format!("stock.lot,{lot}")).collect();
    for (resource, record) in remark::read(wire, &resources, MARK).await? {
        if let Some(lot) = resource.strip_prefix("stock.lot,").and_then(|id| id.parse().ok()) {
            holds.learn(lot, record);
        }
    }
    Ok(holds)
}

/// Notes how a lot stands to a hold from now on, with words for people.
pub async fn note(wire: &Wire, lot: i64, hold: &str, state: Standing, words: &str) -> Result<(), Trouble> {
    let record = Record { hold: hold.to_owned(), state };
    remark::write(wire, &format!("stock.lot,{lot}"), words, MARK, &record).await
}

#[cfg(test)]
mod tests {
    use super::{Holds, MARK, Standing, remark};

    fn holds(messages: &[&str]) -> Holds {
        let mut holds = Holds::default();
        for message in messages {
            if let Some(record) = remark::record(message, MARK) {
                holds.learn(7, record);
            }
        }
        holds
    }

    #[test]
    fn the_last_note_of_a_hold_counts_and_the_words_of_people_do_not() {
        let holds = holds(&[
            "On hold\n\ninterlock-hold: {\"hold\":\"QH-1\",\"state\":\"held\"}",
            "interlock-hold: is what they call it",
            "On hold\n\ninterlock-hold: {\"hold\":\"QH-2\",\"state\":\"held\"}",
            "May be used\n\ninterlock-hold: {\"hold\":\"QH-1\",\"state\":\"free\"}",
        ]);
        assert_eq!(holds.standing(7, "QH-1"), Some(Standing::Free));
        assert_eq!(holds.standing(7, "QH-3"), None);
        assert_eq!(holds.kept_by(7, "QH-1"), Some("QH-2"));
        assert_eq!(holds.kept_by(7, "QH-2"), None);
        assert_eq!(holds.kept_by(8, "QH-2"), None);
    }

    #[test]
    fn what_ended_otherwise_than_usable_keeps_the_lot() {
        let holds = holds(&["Scrap\n\ninterlock-hold: {\"hold\":\"QH-1\",\"state\":\"stays\"}"]);
        assert_eq!(holds.kept_by(7, "QH-2"), Some("QH-1"));
    }
}
