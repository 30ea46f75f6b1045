//! Quantities and money as a page shows them: right-aligned by their column, tabular, with a muted unit, never rounded.

use domain::Decimal;
use domain::quantity::{Unit, grouped};
use leptos::prelude::*;

/// `1,250 PCE` on one line, the unit muted. Things one weighs keep their decimals: `1,840.500 KG`.
pub fn quantity(value: Decimal, unit: &Unit) -> AnyView {
    let unit_code = unit.code().to_owned();
    view! { {quantity_text(value, unit)}"\u{a0}"<span class="unit">{unit_code}</span> }.into_any()
}

/// `1,250` as it is written in an input; decimals as the unit has them.
pub fn quantity_text(value: Decimal, unit: &Unit) -> String {
    grouped(value, unit.decimals())
}

/// A price with two decimals at least: `14.80`, `0.115`.
pub fn price(value: Decimal) -> String {
    grouped(value, 2)
}

/// A count with its noun in the right number: `1 line`, `8 lines`, `1,240 lines`.
pub fn counted(count: i64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(Decimal::from(count), 0), if count == 1 { one } else { many })
}

/// A count that stops at `most`: `1,240`, `10,000+`.
pub fn at_most(count: i64, most: i64) -> String {
    if count > most { format!("{}+", grouped(Decimal::from(most), 0)) } else { grouped(Decimal::from(count), 0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_have_the_decimals_of_their_unit() {
        for (value, unit, shown) in
            [("1250", "PCE", "1,250"), ("1250.000", "PCE", "1,250"), ("1840.5", "KG", "1,840.500"), ("3", "M", "3.000")]
        {
            assert_eq!(quantity_text(value.parse().expect("a decimal"), &Unit::new(unit)), shown, "{value} {unit}");
        }
    }

    #[test]
    fn counts_know_one_from_many_and_where_they_stop() {
        assert_eq!(counted(1, "line", "lines"), "1 line");
        assert_eq!(counted(1240, "line", "lines"), "1,240 lines");
        assert_eq!(at_most(10_000, 10_000), "10,000");
        assert_eq!(at_most(10_001, 10_000), "10,000+");
    }
}
