//! Announced and received, side by side: what is still missing, what differs, and where a shipment stands after what came.

use std::collections::{HashMap, HashSet};

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::matching::{Disagreement, lot_key};
use super::{Difference, Oddity};
use crate::quantity::Unit;
use crate::shipment::{ShipStatus, ShippedLot};

/// What is expected: the lines of a ship notice, or those of an order when goods come that nobody announced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Our ship notice's number and version; none for goods that nobody announced.
    pub notice: Option<(String, i32)>,
    /// Where the ship notice stands.
    pub status: Option<ShipStatus>,
    /// The supplier's delivery note, where it is known.
    pub delivery_note: Option<String>,
    /// What is expected.
    pub lines: Vec<DueLine>,
    /// What came and counts so far, over all receipts.
    pub came: Vec<Came>,
}

/// A line of what is expected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DueLine {
    /// Its number on the ship notice.
    pub notice_line: Option<i32>,
    /// The order's number.
    pub order: String,
    /// Its line.
    pub line: String,
    /// The item's number.
    pub item: String,
    /// What it is called.
    pub description: String,
    /// Unit of the quantities.
    pub unit: Unit,
    /// Every quantity of the item belongs to a lot.
    pub has_lots: bool,
    /// Announced, or still open on the order.
    pub quantity: Decimal,
    /// By lot, as announced.
    pub lots: Vec<ShippedLot>,
}

/// What came of one line and lot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Came {
    /// The line of the ship notice, where there is one.
    pub notice_line: Option<i32>,
    /// The order's number and line, where nobody announced it.
    pub order_line: Option<(String, String)>,
    /// The item that came.
    pub item: String,
    /// The supplier's lot.
    pub lot: Option<String>,
    /// Unit of the quantities.
    pub unit: Unit,
    /// Taken into stock.
    pub accepted: Decimal,
    /// Came damaged.
    pub damaged: Decimal,
}

/// A line and lot, announced and come so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part<'a> {
    /// The line.
    pub line: &'a DueLine,
    /// The lot as announced; none where none was.
    pub lot: Option<&'a ShippedLot>,
    /// How much was announced.
    pub announced: Decimal,
    /// Came undamaged.
    pub accepted: Decimal,
    /// Came damaged.
    pub damaged: Decimal,
}

impl Part<'_> {
    /// Announced and not come.
    pub fn missing(&self) -> Decimal {
        self.announced.saturating_sub(self.accepted).saturating_sub(self.damaged).max(Decimal::ZERO)
    }

    /// Come beyond what was announced.
    pub fn over(&self) -> Decimal {
        self.accepted.saturating_add(self.damaged).saturating_sub(self.announced).max(Decimal::ZERO)
    }
}

impl DueLine {
    pub(super) fn is_of(&self, came: &Came) -> bool {
        let same_place = match (self.notice_line, came.notice_line) {
            (Some(mine), Some(its)) => mine == its,
            (None, None) => {
                came.order_line.as_ref().is_some_and(|(order, line)| *order == self.order && *line == self.line)
            }
            _ => false,
        };
        same_place && came.item == self.item
    }

    /// Whether a lot is one of those announced; where none was announced, every lot is. Of many lots ask [`Parts`].
    pub fn knows_lot(&self, lot: Option<&str>) -> bool {
        let wanted = lot_key(lot);
        self.lots.is_empty() || wanted.is_none() || self.lots.iter().any(|known| lot_key(Some(&known.lot)) == wanted)
    }

    /// Where this line stands among others: the ship notice's line, or the order's.
    fn place(&self) -> Place<'_> {
        (self.notice_line, &self.order, &self.line)
    }
}

type Place<'a> = (Option<i32>, &'a str, &'a str);
/// The line of the ship notice, or order and line where nobody announced it, and the item.
type OfLine<'a> = (Option<i32>, Option<&'a (String, String)>, &'a str);

/// All parts of a delivery, found by line and lot. A shipment of thousands of lots is compared with as many that came.
#[derive(Debug)]
pub struct Parts<'a> {
    all: Vec<Part<'a>>,
    by_lot: HashMap<(Place<'a>, Option<String>), usize>,
}

impl<'a> Parts<'a> {
    /// In the order of the lines and their lots.
    pub fn all(&self) -> &[Part<'a>] {
        &self.all
    }

    /// The part that a lot of this line belongs to; where no lot was announced for the line, its one part.
    pub fn of(&self, line: &'a DueLine, lot: Option<&str>) -> Option<&Part<'a>> {
        let key = if line.lots.is_empty() { None } else { Some(lot_key(lot)?) };
        self.by_lot.get(&(line.place(), key)).and_then(|place| self.all.get(*place))
    }

    /// Whether a lot is one of those announced; where none was announced, every lot is.
    pub fn knows_lot(&self, line: &'a DueLine, lot: Option<&str>) -> bool {
        line.lots.is_empty() || lot_key(lot).is_none() || self.of(line, lot).is_some()
    }
}

impl Delivery {
    /// Every line and lot with what came of it. Of a line with announced lots, what came without a lot's name fills what is
    /// missing from the first lot on.
    pub fn parts(&self) -> Vec<Part<'_>> {
        let mut came: HashMap<OfLine<'_>, Vec<&Came>> = HashMap::new();
        for one in &self.came {
            let order_line = if one.notice_line.is_some() { None } else { one.order_line.as_ref() };
            came.entry((one.notice_line, order_line, &one.item)).or_default().push(one);
        }
        self.lines
            .iter()
            .flat_map(|line| {
                let on_order = (line.order.clone(), line.line.clone());
                let order_line = line.notice_line.is_none().then_some(&on_order);
                let of_line = came.get(&(line.notice_line, order_line, line.item.as_str()));
                Self::parts_of(line, of_line.map_or(&[], Vec::as_slice))
            })
            .collect()
    }

    /// The same, to be looked up by line and lot.
    pub fn indexed(&self) -> Parts<'_> {
        let all = self.parts();
        let mut by_lot = HashMap::with_capacity(all.len());
        for (place, part) in all.iter().enumerate() {
            let key = part.lot.and_then(|lot| lot_key(Some(&lot.lot)));
            by_lot.entry((part.line.place(), key)).or_insert(place);
        }
        Parts { all, by_lot }
    }

    fn parts_of<'a>(line: &'a DueLine, came: &[&'a Came]) -> Vec<Part<'a>> {
        let none = Decimal::ZERO;
        let mut parts: Vec<Part<'a>> = if line.lots.is_empty() {
            vec![Part { line, lot: None, announced: line.quantity, accepted: none, damaged: none }]
        } else {
            let lots = line.lots.iter();
            lots.map(|lot| Part { line, lot: Some(lot), announced: lot.quantity, accepted: none, damaged: none })
                .collect()
        };
        let (named, nameless): (Vec<&Came>, Vec<&Came>) =
            came.iter().copied().partition(|came| lot_key(came.lot.as_deref()).is_some() && !line.lots.is_empty());
        let mut by_lot: HashMap<Option<String>, usize> = HashMap::with_capacity(parts.len());
        for (place, part) in parts.iter().enumerate() {
            by_lot.entry(part.lot.and_then(|lot| lot_key(Some(&lot.lot)))).or_insert(place);
        }
        for came in named {
            let place = by_lot.get(&lot_key(came.lot.as_deref())).copied();
            if let Some(part) = place.and_then(|place| parts.get_mut(place)) {
                part.accepted = part.accepted.saturating_add(came.accepted);
                part.damaged = part.damaged.saturating_add(came.damaged);
            }
        }
        let sum = |of: fn(&Came) -> Decimal| nameless.iter().fold(none, |sum, came| sum.saturating_add(of(came)));
        let (mut accepted, mut damaged) = (sum(|came| came.accepted), sum(|came| came.damaged));
        for part in &mut parts {
            let good = accepted.min(part.missing());
            part.accepted = part.accepted.saturating_add(good);
            accepted -= good;
            let bad = damaged.min(part.missing());
            part.damaged = part.damaged.saturating_add(bad);
            damaged -= bad;
        }
        if let Some(last) = parts.last_mut() {
            last.accepted = last.accepted.saturating_add(accepted);
            last.damaged = last.damaged.saturating_add(damaged);
        }
        parts
    }

    /// What came that nobody announced: another item, or a lot that was not on the notice.
    pub fn strange(&self) -> impl Iterator<Item = (&Came, Oddity)> {
        let announced: Vec<HashSet<Option<String>>> =
            self.lines.iter().map(|line| line.lots.iter().map(|lot| lot_key(Some(&lot.lot))).collect()).collect();
        self.came.iter().filter(|came| came.accepted.saturating_add(came.damaged) > Decimal::ZERO).filter_map(
            move |came| match self.lines.iter().zip(&announced).find(|(line, _)| line.is_of(came)) {
                None => Some((came, Oddity::WrongItem)),
                Some((_, lots)) => {
                    let lot = lot_key(came.lot.as_deref());
                    (lot.is_some() && !lots.is_empty() && !lots.contains(&lot)).then_some((came, Oddity::UnknownLot))
                }
            },
        )
    }

    /// Nothing came yet.
    pub fn is_untouched(&self) -> bool {
        self.came.iter().all(|came| came.accepted.is_zero() && came.damaged.is_zero())
    }

    /// Where the shipment stands after what came; none where nothing came, so that its way decides. `complete`: a receipt
    /// said that nothing more is expected.
    pub fn ship_status(&self, complete: bool) -> Option<ShipStatus> {
        if complete {
            return Some(ShipStatus::Received);
        }
        if self.is_untouched() {
            return None;
        }
        let all = self.parts().iter().all(|part| part.missing().is_zero());
        Some(if all { ShipStatus::Received } else { ShipStatus::PartlyReceived })
    }
}

/// What differs between announced and received, over all receipts that count. Something is short only when nothing more is
/// expected; against an order, which announces no day, nothing is short.
pub fn differences(delivery: &Delivery, complete: bool, disagreements: &[Disagreement]) -> Vec<Difference> {
    let mut all = Vec::new();
    for part in delivery.parts() {
        let lot = part.lot.map(|lot| lot.lot.clone());
        let mut differs = |oddity| {
            all.push(Difference {
                notice_line: part.line.notice_line,
                item: part.line.item.clone(),
                lot: lot.clone(),
                oddity,
                unit: part.line.unit.clone(),
                announced: part.announced,
                received: part.accepted,
                damaged: part.damaged,
                told: None,
            });
        };
        if complete && delivery.notice.is_some() && part.missing() > Decimal::ZERO {
            differs(Oddity::Short);
        }
        if part.over() > Decimal::ZERO {
            differs(Oddity::Over);
        }
        if part.damaged > Decimal::ZERO {
            differs(Oddity::Damaged);
        }
    }
    for (came, oddity) in delivery.strange() {
        all.push(Difference {
            notice_line: came.notice_line,
            item: came.item.clone(),
            lot: came.lot.clone(),
            oddity,
            unit: came.unit.clone(),
            announced: Decimal::ZERO,
            received: came.accepted,
            damaged: came.damaged,
            told: None,
        });
    }
    for other in disagreements {
        let parts = delivery.parts();
        let part = parts.iter().find(|part| {
            part.line.item == other.item
                && part.lot.is_none_or(|lot| lot_key(Some(&lot.lot)) == lot_key(other.lot.as_deref()))
        });
        let unit = part.map(|part| part.line.unit.clone());
        let unit =
            unit.or_else(|| delivery.came.iter().find(|came| came.item == other.item).map(|came| came.unit.clone()));
        all.push(Difference {
            notice_line: part.and_then(|part| part.line.notice_line),
            item: other.item.clone(),
            lot: other.lot.clone(),
            oddity: if other.told < other.counted { Oddity::Short } else { Oddity::Over },
            unit: unit.unwrap_or_else(|| Unit::new("")),
            announced: part.map_or(Decimal::ZERO, |part| part.announced),
            received: part.map_or(other.counted, |part| part.accepted),
            damaged: part.map_or(Decimal::ZERO, |part| part.damaged),
            told: Some(other.told),
        });
    }
    all
}
