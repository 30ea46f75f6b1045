//! Packing: whether it adds up, in which order packages stand, and packing everything the same way by itself.

use std::collections::{HashMap, HashSet};

use rust_decimal::Decimal;

use crate::id::ScheduleLineId;
use crate::quantity::grouped;
use crate::refusal::Finding;
use crate::shipment::PackageKind;
use crate::shipment::content::{LineContent, PackedContent, ShipContent, ShipFacts, UnitContent};

/// The most packages in one notice.
pub const MOST_UNITS: usize = 10_000;
/// The deepest nesting, far beyond pallet, layer, carton and inner box.
pub const DEEPEST: usize = 8;
/// The heaviest package in kilograms: more than any vehicle carries.
const HEAVIEST_KG: Decimal = Decimal::from_parts(100_000, 0, 0, false, 0);

/// If anything is packed, everything is, exactly once; packages stand in packages that exist, without a circle.
pub(super) fn check(content: &ShipContent, facts: &ShipFacts, findings: &mut Vec<Finding>) {
    if content.units.is_empty() {
        return;
    }
    if content.units.len() > MOST_UNITS {
        findings.push(Finding::stops(
            "units",
            "too_many_packages",
            format!("{} packages are more than one ship notice holds ({MOST_UNITS}). Split it.", content.units.len()),
        ));
        return;
    }
    nesting(content, findings);
    numbers(content, facts, findings);
    sums(content, facts, findings);
}

fn nesting(content: &ShipContent, findings: &mut Vec<Finding>) {
    let mut parents: HashMap<i32, Option<i32>> = HashMap::new();
    for (index, unit) in content.units.iter().enumerate() {
        if parents.insert(unit.number, unit.parent).is_some() {
            findings.push(Finding::stops(
                format!("units.{index}.number"),
                "package_twice",
                format!("Package {} is there twice. Give each package its own number.", unit.number),
            ));
        }
    }
    let carries: HashSet<i32> = content.units.iter().filter_map(|unit| unit.parent).collect();
    for (index, unit) in content.units.iter().enumerate() {
        let at = format!("units.{index}.parent");
        if let Some(parent) = unit.parent
            && !parents.contains_key(&parent)
        {
            findings.push(Finding::stops(
                at,
                "parent_unknown",
                format!(
                    "Package {} stands on package {parent}, which is not there. Choose one that is, or none.",
                    unit.number
                ),
            ));
        } else {
            let (mut above, mut depth) = (unit.parent, 0);
            while let Some(number) = above {
                depth += 1;
                if number == unit.number || depth > DEEPEST {
                    break;
                }
                above = parents.get(&number).copied().flatten();
            }
            if above == Some(unit.number) {
                findings.push(Finding::stops(
                    at,
                    "packages_in_a_circle",
                    format!(
                        "Package {} would stand in itself. Choose another package for it to stand on, or none.",
                        unit.number
                    ),
                ));
            } else if above.is_some() {
                findings.push(Finding::stops(
                    at,
                    "packages_too_deep",
                    format!("Package {} is nested more than {DEEPEST} deep. Pack it flatter.", unit.number),
                ));
            }
        }
        if unit.contents.is_empty() && !carries.contains(&unit.number) {
            findings.push(Finding::stops(
                format!("units.{index}"),
                "package_empty",
                format!("Package {} is empty. Put something into it, or take it out.", unit.number),
            ));
        }
    }
}

fn numbers(content: &ShipContent, facts: &ShipFacts, findings: &mut Vec<Finding>) {
    let known: HashSet<&str> =
        facts.before.iter().flat_map(|notice| &notice.units).map(|unit| unit.sscc.as_str()).collect();
    let mut seen = HashSet::new();
    for (index, unit) in content.units.iter().enumerate() {
        if let Some(sscc) = unit.sscc.as_deref() {
            let message = if !known.contains(sscc) {
                format!(
                    "SSCC {sscc} is not of this ship notice. Leave it empty: new packages get their number from the portal."
                )
            } else if !seen.insert(sscc) {
                format!("SSCC {sscc} is on two packages. Leave it empty on one of them: it gets a number of its own.")
            } else {
                String::new()
            };
            if !message.is_empty() {
                findings.push(Finding::stops(format!("units.{index}.sscc"), "sscc_not_ours", message));
            }
        }
        if let Some(weight) = unit.gross_kg
            && (weight <= Decimal::ZERO || weight > HEAVIEST_KG)
        {
            findings.push(Finding::stops(
                format!("units.{index}.gross_kg"),
                "weight_out_of_range",
                format!(
                    "Package {}: a gross weight is above 0 and at most {} kg. Correct it, or leave it empty.",
                    unit.number,
                    grouped(HEAVIEST_KG, 0)
                ),
            ));
        }
    }
}

fn sums(content: &ShipContent, facts: &ShipFacts, findings: &mut Vec<Finding>) {
    // What there is to pack: each line without lots, each lot of the others.
    let mut announced: HashMap<(ScheduleLineId, Option<&str>), (String, Decimal)> = HashMap::new();
    for (index, line) in content.lines.iter().enumerate() {
        if line.lots.is_empty() {
            announced.insert((line.schedule_line_id, None), (format!("lines.{index}.quantity"), line.quantity));
        }
        for (lot_index, lot) in line.lots.iter().enumerate() {
            let at = format!("lines.{index}.lots.{lot_index}.quantity");
            announced.insert((line.schedule_line_id, Some(lot.lot.trim())), (at, lot.quantity));
        }
    }
    let name = |id, lot: Option<&str>| {
        let line = facts.line(id).map_or_else(|| "a line".to_owned(), |line| line.name());
        lot.map_or(line.clone(), |lot| format!("{line}, lot {lot}"))
    };
    let mut packed: HashMap<(ScheduleLineId, Option<&str>), Decimal> = HashMap::new();
    for (index, unit) in content.units.iter().enumerate() {
        let mut here = HashSet::new();
        for (place, part) in unit.contents.iter().enumerate() {
            let at = format!("units.{index}.contents.{place}");
            let lot = part.lot.as_deref().map(str::trim);
            if !announced.contains_key(&(part.schedule_line_id, lot)) {
                let lots = content.lines.iter().find(|line| line.schedule_line_id == part.schedule_line_id);
                let way = match lots {
                    None => "which is not in this ship notice. Take it out of the package.".to_owned(),
                    Some(line) if lot.is_none() => {
                        format!("which is shipped in {} lots. Say which lot is in the package.", line.lots.len())
                    }
                    Some(_) => "which is not among the lots of its line. Choose one of them.".to_owned(),
                };
                findings.push(Finding::stops(
                    at,
                    "packed_unknown",
                    format!("Package {} holds {}, {way}", unit.number, name(part.schedule_line_id, lot)),
                ));
                continue;
            }
            if part.quantity <= Decimal::ZERO {
                findings.push(Finding::stops(
                    format!("{at}.quantity"),
                    "quantity_not_positive",
                    format!("Package {}: enter a quantity above 0, or take this row out.", unit.number),
                ));
                continue;
            }
            if !here.insert((part.schedule_line_id, lot)) {
                findings.push(Finding::stops(
                    at,
                    "packed_twice",
                    format!(
                        "Package {} lists {} twice. Keep one of the rows with the whole quantity.",
                        unit.number,
                        name(part.schedule_line_id, lot)
                    ),
                ));
            }
            let sum = packed.entry((part.schedule_line_id, lot)).or_default();
            *sum = sum.saturating_add(part.quantity);
        }
    }
    let mut wrong: Vec<_> = announced
        .iter()
        .filter_map(|(key, (at, quantity))| {
            let packed = packed.get(key).copied().unwrap_or_default();
            (packed != *quantity).then_some((at, key, *quantity, packed))
        })
        .collect();
    wrong.sort_by_key(|(at, ..)| (*at).clone());
    for (at, (id, lot), quantity, packed) in wrong {
        let unit = facts.line(*id).map(|line| line.unit.code().to_owned()).unwrap_or_default();
        let (by, way) = if packed < quantity {
            (quantity - packed, "not in any package")
        } else {
            (packed - quantity, "too many in packages")
        };
        findings.push(Finding::stops(
            at.clone(),
            "packing_does_not_add_up",
            format!(
                "{}: {} {unit} are shipped, {} {unit} are packed: {} {unit} {way}. Where anything is packed, everything is, exactly once: correct the packages, or take all of them out.",
                name(*id, *lot),
                grouped(quantity, 0),
                grouped(packed, 0),
                grouped(by, 0)
            ),
        ));
    }
}

/// Packages with every parent before its children, children in the order in which they were given. Expects what
/// [`check`] let pass; a package whose parent never comes is left out.
pub(super) fn parents_first(units: &[UnitContent]) -> Vec<&UnitContent> {
    let mut children: HashMap<Option<i32>, Vec<&UnitContent>> = HashMap::new();
    for unit in units {
        children.entry(unit.parent).or_default().push(unit);
    }
    let mut waiting: Vec<&UnitContent> = children.remove(&None).unwrap_or_default();
    waiting.reverse();
    let mut sorted = Vec::with_capacity(units.len());
    while let Some(unit) = waiting.pop() {
        sorted.push(unit);
        if let Some(below) = children.remove(&Some(unit.number)) {
            waiting.extend(below.into_iter().rev());
        }
    }
    sorted
}

/// How everything is to be packed the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackAlike {
    /// How much of one line and lot goes into a carton, in the line's unit; above zero.
    pub per_carton: Decimal,
    /// How many cartons stand on a pallet; none for cartons without pallets.
    pub cartons_per_pallet: Option<usize>,
}

/// Packs all lines: full cartons and one with the rest for each line and lot, cartons on pallets in that order, so that a
/// pallet may hold several lines. None where it would be more packages than a notice holds, or nothing fits a carton.
pub fn pack_alike(lines: &[LineContent], how: PackAlike) -> Option<Vec<UnitContent>> {
    if how.per_carton <= Decimal::ZERO || how.cartons_per_pallet == Some(0) {
        return None;
    }
    let mut cartons = Vec::new();
    for line in lines {
        let whole = line.lots.is_empty().then_some((None, line.quantity));
        let lots = line.lots.iter().map(|lot| (Some(lot.lot.trim().to_owned()), lot.quantity));
        for (lot, quantity) in whole.into_iter().chain(lots) {
            let mut left = quantity;
            while left > Decimal::ZERO {
                let quantity = left.min(how.per_carton);
                left -= quantity;
                cartons.push(PackedContent { schedule_line_id: line.schedule_line_id, lot: lot.clone(), quantity });
                if cartons.len() > MOST_UNITS {
                    return None;
                }
            }
        }
    }
    let mut units = Vec::new();
    let mut number = 0;
    let mut next = || {
        number += 1;
        number
    };
    let new =
        |number, kind, parent, contents| UnitContent { number, kind, parent, gross_kg: None, sscc: None, contents };
    for pallet in cartons.chunks(how.cartons_per_pallet.unwrap_or(usize::MAX).max(1)) {
        let parent = how.cartons_per_pallet.is_some().then(&mut next);
        if let Some(number) = parent {
            units.push(new(number, PackageKind::Pallet, None, Vec::new()));
        }
        for carton in pallet {
            units.push(new(next(), PackageKind::Carton, parent, vec![carton.clone()]));
        }
    }
    (units.len() <= MOST_UNITS).then_some(units)
}
