//! Which of several tellings counts: the same goods are entered at the dock, then told by the ERP, then by the warehouse
//! system, late, twice or not at all, and are in stock once.
//!
//! Handed in are all receipts of one delivery that were not taken back. Each way of telling (our own pages and API, and
//! each connection) says of each lot how much came, in one or several parts. What two ways say the same of is the same.
//! The order of trust is dock, warehouse, ERP: where they do not agree, the one who stood before the goods counts, and the
//! other's number becomes a [`Disagreement`] for people, never a second receipt. What counts follows from what was told
//! alone, not from the order in which we heard it.
//!
//! What counts of a lot is never more than the most that one way tells of it, so that nothing is counted twice whatever
//! was heard in whichever order (`tests/receipts.rs`).

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use super::ReceiptChannel;
use crate::Timestamp;
use crate::id::{ConnectionId, ReceiptId, ReceiptLineId};

/// A receipt as somebody told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Which.
    pub receipt_id: ReceiptId,
    /// Through which channel.
    pub channel: ReceiptChannel,
    /// From which system; none for what was entered here.
    pub source: Option<ConnectionId>,
    /// When the goods were received.
    pub received_at: Timestamp,
    /// Whoever told it expects nothing more. Without that, less than others say may be the first part of as much.
    pub complete: bool,
    /// What came.
    pub lines: Vec<ToldLine>,
}

/// What somebody told of one lot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldLine {
    /// Which.
    pub receipt_line_id: ReceiptLineId,
    /// The item's number.
    pub item: String,
    /// The supplier's lot, where the item has lots.
    pub lot: Option<String>,
    /// Taken into stock.
    pub accepted: Decimal,
    /// Came damaged.
    pub damaged: Decimal,
    /// It counts already. Among tellings that say exactly the same it goes on counting, so that stock is not moved for
    /// nothing.
    pub counted: bool,
}

impl ToldLine {
    fn came(&self) -> Decimal {
        self.accepted.saturating_add(self.damaged)
    }
}

/// Two ways do not agree about a lot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disagreement {
    /// The item's number.
    pub item: String,
    /// The supplier's lot.
    pub lot: Option<String>,
    /// What the way that counts says.
    pub counted: Decimal,
    /// What the other says.
    pub told: Decimal,
    /// Whose number is not counted.
    pub receipt_id: ReceiptId,
}

/// What becomes of all tellings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counting {
    /// The lines that count.
    pub lines: BTreeSet<ReceiptLineId>,
    /// Receipts of which nothing counts, each with the one that tells of the same goods and does.
    pub same_as: BTreeMap<ReceiptId, ReceiptId>,
    /// Where ways differ.
    pub disagreements: Vec<Disagreement>,
}

/// A way of telling, the most trusted first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Way(u8, Option<ConnectionId>);

const fn way(told: &Told) -> Way {
    match told.channel {
        ReceiptChannel::Dock | ReceiptChannel::Api => Way(0, None),
        ReceiptChannel::Wms => Way(1, told.source),
        ReceiptChannel::Erp => Way(2, told.source),
    }
}

type Line<'a> = (&'a Told, &'a ToldLine);
/// What each way tells of one lot.
type Ways<'a> = BTreeMap<Way, Vec<Line<'a>>>;

/// Blanks and case do not make another lot: people type what a label says, systems fold it.
pub fn lot_key(lot: Option<&str>) -> Option<String> {
    lot.map(|lot| lot.trim().to_uppercase()).filter(|lot| !lot.is_empty())
}

/// Decides what counts among all receipts of one delivery that were not taken back.
pub fn count(receipts: &[Told]) -> Counting {
    let mut by_lot: BTreeMap<(&str, Option<String>), Ways<'_>> = BTreeMap::new();
    let mut counting = Counting::default();
    for told in receipts {
        for line in &told.lines {
            if line.came().is_zero() {
                // Nothing came: a word about what is missing. It has no stock that could be counted twice.
                counting.lines.insert(line.receipt_line_id);
                continue;
            }
            let ways = by_lot.entry((line.item.as_str(), lot_key(line.lot.as_deref()))).or_default();
            ways.entry(way(told)).or_default().push((told, line));
        }
    }
    let mut instead: BTreeMap<ReceiptId, ReceiptId> = BTreeMap::new();
    for ways in by_lot.into_values() {
        let mut counted: Vec<Line<'_>> = Vec::new();
        let mut all: Vec<Line<'_>> = Vec::new();
        for (_, mut lines) in ways {
            lines.sort_by_key(|(told, line)| (told.received_at, line.accepted, line.damaged, line.receipt_line_id));
            all.extend(&lines);
            merge(&mut counted, lines, &mut counting.disagreements);
        }
        for (_, line) in &counted {
            counting.lines.insert(line.receipt_line_id);
        }
        if let Some((first, _)) = counted.first() {
            for (told, _) in all {
                instead.entry(told.receipt_id).or_insert(first.receipt_id);
            }
        }
    }
    for told in receipts {
        let counts = told.lines.iter().any(|line| counting.lines.contains(&line.receipt_line_id));
        if let Some(same) = instead.get(&told.receipt_id).filter(|same| !counts && **same != told.receipt_id) {
            counting.same_as.insert(told.receipt_id, *same);
        }
    }
    counting
}

/// Takes what a less trusted way tells of a lot into what counts of it.
fn merge<'a>(counted: &mut Vec<Line<'a>>, other: Vec<Line<'a>>, disagreements: &mut Vec<Disagreement>) {
    const SAME: [fn(&ToldLine, &ToldLine) -> bool; 3] = [
        |a, b| a.accepted == b.accepted && a.damaged == b.damaged,
        |a, b| a.came() == b.came(),     // a system that does not know of damage
        |a, b| a.accepted == b.accepted, // a system that leaves out what is damaged
    ];
    let mut paired = vec![false; counted.len()];
    let mut rest = other;
    for (nth, same) in SAME.into_iter().enumerate() {
        rest.retain(|candidate| {
            let place =
                paired.iter().zip(counted.iter()).position(|(taken, (_, line))| !taken && same(line, candidate.1));
            let Some(place) = place else { return true };
            if let (Some(taken), Some(one)) = (paired.get_mut(place), counted.get_mut(place)) {
                *taken = true;
                if nth == 0 && candidate.1.counted && !one.1.counted {
                    *one = *candidate;
                }
            }
            false
        });
    }
    let Some((told, line)) = rest.first() else { return };
    if paired.iter().all(|taken| *taken) {
        // Everything known is confirmed, and this is more: goods that only this way has told of.
        counted.extend(rest);
        return;
    }
    let sum = |lines: &mut dyn Iterator<Item = &Line<'_>>| {
        lines.fold(Decimal::ZERO, |sum, (_, line)| sum.saturating_add(line.came()))
    };
    let open = sum(&mut counted.iter().zip(&paired).filter(|(_, taken)| !**taken).map(|(line, _)| line));
    let more = sum(&mut rest.iter());
    let is_all = rest.iter().any(|(told, _)| told.complete);
    if more > open || (more < open && is_all) {
        let whole = sum(&mut counted.iter());
        disagreements.push(Disagreement {
            item: line.item.clone(),
            lot: line.lot.clone(),
            counted: whole,
            told: whole.saturating_sub(open).saturating_add(more),
            receipt_id: told.receipt_id,
        });
    }
}
