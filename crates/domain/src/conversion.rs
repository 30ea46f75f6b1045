//! From one unit to another, exactly: for quantities that are booked, where nothing may be rounded away.
//!
//! An item's own units come from its ERP ([`ItemUnit`]); metric units of mass, length, area and volume convert by
//! themselves, by the codes of UN/ECE recommendation 20 and those that ERPs show in their place. What would need rounding
//! (a third of a box) is no quantity that can be booked, and is refused rather than rounded.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::quantity::Unit;

/// A unit that an item is also counted in: `over` of it are `times` of the base unit, e.g. 1 BOX = 24 PCE.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemUnit {
    /// The other unit.
    pub unit: Unit,
    /// So many of the base unit …
    pub times: Decimal,
    /// … are so many of the other.
    pub over: Decimal,
}

/// (codes, dimension, times of the dimension's base). Pieces under their several codes are one unit.
const METRIC: &[(&[&str], u8, &str)] = &[
    (&["PCE", "PC", "EA", "ST", "C62", "H87", "U"], 0, "1"),
    (&["KG", "KGM"], 1, "1"),
    (&["G", "GRM", "GR"], 1, "0.001"),
    (&["MG", "MGM"], 1, "0.000001"),
    (&["T", "TNE", "TO"], 1, "1000"),
    (&["M", "MTR"], 2, "1"),
    (&["CM", "CMT"], 2, "0.01"),
    (&["MM", "MMT"], 2, "0.001"),
    (&["KM", "KMT", "KTM"], 2, "1000"),
    (&["L", "LTR"], 3, "1"),
    (&["ML", "MLT"], 3, "0.001"),
    (&["HL", "HLT"], 3, "100"),
    (&["M3", "MTQ"], 3, "1000"),
    (&["M2", "MTK"], 4, "1"),
    (&["CM2", "CMK"], 4, "0.0001"),
    (&["S", "SEC"], 5, "1"),
    (&["MIN"], 5, "60"),
    (&["H", "HUR", "HR"], 5, "3600"),
];

fn metric(unit: &Unit) -> Option<(u8, Decimal)> {
    let (_, dimension, times) = METRIC.iter().find(|(codes, ..)| codes.contains(&unit.code()))?;
    Some((*dimension, times.parse().ok()?))
}

/// `value`, given in `from`, in `to`; none where no path leads there or the result has no exact decimal. `base` and `units`
/// are the item's.
pub fn convert(value: Decimal, from: &Unit, to: &Unit, base: &Unit, units: &[ItemUnit]) -> Option<Decimal> {
    if from == to {
        return Some(value);
    }
    // The item's own units win over the metric table: a roll of an item may be called M.
    let (times_from, over_from) = to_base(from, base, units)?;
    let (times_to, over_to) = to_base(to, base, units)?;
    let above = value.checked_mul(times_from)?.checked_mul(over_to)?;
    let below = over_from.checked_mul(times_to)?;
    let result = above.checked_div(below)?.normalize();
    (result.checked_mul(below)? == above).then_some(result)
}

/// So many of the base unit are so many of this unit.
fn to_base(unit: &Unit, base: &Unit, units: &[ItemUnit]) -> Option<(Decimal, Decimal)> {
    if unit == base {
        return Some((Decimal::ONE, Decimal::ONE));
    }
    if let Some(own) = units.iter().find(|own| own.unit == *unit) {
        return (own.times > Decimal::ZERO && own.over > Decimal::ZERO).then_some((own.times, own.over));
    }
    let ((of, times), (of_base, base_times)) = (metric(unit)?, metric(base)?);
    (of == of_base).then_some((times, base_times))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn converted(value: &str, from: &str, to: &str) -> Option<String> {
        let units = [
            ItemUnit { unit: Unit::new("BOX"), times: Decimal::from(24), over: Decimal::ONE },
            ItemUnit { unit: Unit::new("BAR"), times: Decimal::from(3), over: Decimal::from(7) },
        ];
        let value = value.parse().expect("a decimal");
        convert(value, &Unit::new(from), &Unit::new(to), &Unit::new("KG"), &units).map(|it| it.to_string())
    }

    #[test]
    fn units_become_one_another_exactly_or_not_at_all() {
        for (value, from, to, result) in [
            ("5", "KG", "KG", Some("5")),
            ("0.25", "T", "KG", Some("250")),
            ("1250", "G", "KG", Some("1.25")),
            ("2", "BOX", "KG", Some("48")),
            ("36", "KG", "BOX", Some("1.5")),
            ("24000", "G", "BOX", Some("1")),
            ("14", "BAR", "KG", Some("6")),
            ("1", "BAR", "KG", None), // 3/7 has no end
            ("1", "KG", "BOX", None), // 1/24 has none either
            ("1", "M", "KG", None),
            ("1", "DRUM", "KG", None),
        ] {
            assert_eq!(converted(value, from, to).as_deref(), result, "{value} {from} in {to}");
        }
    }

    #[test]
    fn there_and_back_is_the_same() {
        for thousandths in [1_i64, 7, 250, 999, 1_000, 123_456_789] {
            let value = Decimal::new(thousandths, 3);
            let (kg, g, t) = (Unit::new("KG"), Unit::new("G"), Unit::new("T"));
            let there = convert(value, &kg, &t, &kg, &[]).and_then(|it| convert(it, &t, &g, &kg, &[]));
            assert_eq!(there.and_then(|it| convert(it, &g, &kg, &kg, &[])), Some(value));
        }
    }
}
