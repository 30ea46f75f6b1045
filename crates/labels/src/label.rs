//! What stands on the label of one handling unit, from the ship notice that it belongs to.

use std::collections::{BTreeSet, HashMap};

use domain::Decimal;
use domain::calendar::day;
use domain::id::HandlingUnitId;
use domain::quantity::grouped;
use domain::shipment::{HandlingUnit, Packed, ShipLine, ShipNotice};

/// What stands where more than one value would have to: a mixed pallet.
const MIXED: &str = "MIXED";

/// Sender or recipient, line by line, the name first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    /// Name, number, address.
    pub lines: Vec<String>,
}

/// A value in clear with its title.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datum {
    /// The data title of GS1 where there is one, in English.
    pub title: &'static str,
    /// The value.
    pub value: String,
}

/// The label of one handling unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Its number.
    pub sscc: String,
    /// Who sends.
    pub from: Party,
    /// Who receives.
    pub to: Party,
    /// Free text: delivery note and which package of how many.
    pub remark: String,
    /// Data in clear, the most wanted first; the SSCC comes by itself.
    pub data: Vec<Datum>,
}

/// The labels of all handling units of a notice, in its order. An iterator: two thousand labels need not be in memory at
/// once.
pub fn of_notice<'n>(notice: &'n ShipNotice, from: &'n Party, to: &'n Party) -> impl Iterator<Item = Label> + 'n {
    let inside = Inside::of(notice);
    let count = notice.units.len();
    notice.units.iter().enumerate().map(move |(at, unit)| Label {
        sscc: unit.sscc.clone(),
        from: from.clone(),
        to: to.clone(),
        remark: format!("Delivery note {} · package {} of {count}", notice.delivery_note, at + 1),
        data: data(unit, &inside),
    })
}

/// What lies where, indexed once for all labels of a notice.
struct Inside<'n> {
    lines: HashMap<i32, &'n ShipLine>,
    children: HashMap<HandlingUnitId, Vec<&'n HandlingUnit>>,
}

impl<'n> Inside<'n> {
    fn of(notice: &'n ShipNotice) -> Self {
        let lines = notice.lines.iter().map(|line| (line.number, line)).collect();
        let mut children: HashMap<HandlingUnitId, Vec<&HandlingUnit>> = HashMap::new();
        for unit in &notice.units {
            if let Some(parent) = unit.parent {
                children.entry(parent).or_default().push(unit);
            }
        }
        Self { lines, children }
    }

    /// Everything in the unit, at any depth. Bounded by the units there are, should two stand in each other.
    fn contents(&self, unit: &'n HandlingUnit) -> Vec<&'n Packed> {
        let mut found = Vec::new();
        let mut seen = BTreeSet::new();
        let mut open = vec![unit];
        while let Some(unit) = open.pop() {
            if seen.insert(unit.handling_unit_id) {
                found.extend(&unit.contents);
                open.extend(self.children.get(&unit.handling_unit_id).into_iter().flatten());
            }
        }
        found
    }
}

fn data(unit: &HandlingUnit, inside: &Inside<'_>) -> Vec<Datum> {
    let contents: Vec<(&Packed, &ShipLine)> = inside
        .contents(unit)
        .into_iter()
        .filter_map(|packed| Some((packed, *inside.lines.get(&packed.line)?)))
        .collect();
    let mut data = Vec::new();
    let mut say = |title, value: Option<String>| data.extend(value.map(|value| Datum { title, value }));
    say("ORDER NUMBER", one_or_mixed(contents.iter().map(|(_, line)| line.order.clone())));
    say("CONTENT", one_or_mixed(contents.iter().map(|(_, line)| line.item.clone())));
    say("COUNT", quantity(&contents));
    say("BATCH/LOT", one_or_mixed(contents.iter().filter_map(|(packed, _)| packed.lot.clone())));
    let expiries = contents.iter().filter_map(|(packed, line)| {
        line.lots.iter().find(|lot| Some(&lot.lot) == packed.lot.as_ref())?.expires_on.map(day)
    });
    say("EXPIRY", one_or_mixed(expiries));
    say("GROSS WEIGHT (kg)", unit.gross_kg.map(|weight| grouped(weight.normalize(), 0)));
    data
}

/// The one value, or that there are several; none where there is nothing.
fn one_or_mixed(values: impl Iterator<Item = String>) -> Option<String> {
    let mut values: BTreeSet<String> = values.collect();
    match values.len() {
        0 | 1 => values.pop_first(),
        _ => Some(MIXED.to_owned()),
    }
}

/// The sum, where all of it is of one item in one unit.
fn quantity(contents: &[(&Packed, &ShipLine)]) -> Option<String> {
    let (_, first) = contents.first()?;
    if contents.iter().any(|(_, line)| (&line.item, &line.unit) != (&first.item, &first.unit)) {
        return Some(MIXED.to_owned());
    }
    let sum: Decimal = contents.iter().map(|(packed, _)| packed.quantity).sum();
    Some(format!("{} {}", grouped(sum.normalize(), 0), first.unit))
}
