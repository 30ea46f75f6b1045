//! Units on certificates and how one becomes another, exactly.
//!
//! A factor is a fraction of decimals, so that nothing is rounded before a value is compared with a limit: `1 psi` is
//! 4.4482216152605 N over 645.16 mm². Sources: SI brochure (9th edition), NIST SP 811 appendix B for inch, pound and psi.
//! Units that are in no table are compared only with themselves. Exact for values of up to eleven digits, which is more
//! than anybody measures; beyond that the last of 28 digits is rounded.

use rust_decimal::Decimal;

/// What is measured in a unit. Units of different dimensions never become one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dimension {
    /// Force per area; base MPa.
    Stress,
    /// Part of a whole by mass; base 1.
    Fraction,
    /// Length; base mm.
    Length,
    /// Temperature; base °C.
    Temperature,
    /// Energy; base J.
    Energy,
    /// Energy per area; base J/cm².
    EnergyPerArea,
    /// Mass; base kg.
    Mass,
    /// Mass per volume; base kg/m³.
    Density,
    /// Time; base s.
    Time,
    /// Hardness by Brinell: converts to no other hardness (ISO 18265 gives estimates, not conversions).
    Brinell,
    /// Hardness by Vickers.
    Vickers,
    /// Hardness by Rockwell C.
    RockwellC,
}

/// A unit: `base = (value + offset) × times / over`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    dimension: Dimension,
    times: Decimal,
    over: Decimal,
    offset: Decimal,
}

impl Known {
    /// What is measured in it.
    pub const fn dimension(&self) -> Dimension {
        self.dimension
    }
}

/// Why one unit does not become another.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnitProblem {
    /// In no table.
    #[error("the unit {0} is not known")]
    Unknown(String),
    /// Of different dimensions.
    #[error("{from} cannot be compared with {to}")]
    Different {
        /// As written.
        from: String,
        /// As asked for.
        to: String,
    },
    /// More digits than can be calculated with.
    #[error("the value has too many digits")]
    TooLarge,
}

/// (spellings, dimension, times, over, offset): spellings as [`spelt`] leaves them.
type Row = (&'static [&'static str], Dimension, &'static str, &'static str, &'static str);

const TABLE: &[Row] = &[
    (&["MPa", "MPA", "Mpa", "N/mm2", "N/MM2", "n/mm2", "MN/m2"], Dimension::Stress, "1", "1", "0"),
    (&["GPa", "GPA", "kN/mm2"], Dimension::Stress, "1000", "1", "0"),
    (&["kPa", "KPA"], Dimension::Stress, "0.001", "1", "0"),
    (&["Pa", "N/m2"], Dimension::Stress, "0.000001", "1", "0"),
    (&["bar"], Dimension::Stress, "0.1", "1", "0"),
    (&["psi", "PSI", "lbf/in2"], Dimension::Stress, "4.4482216152605", "645.16", "0"),
    (&["ksi", "KSI"], Dimension::Stress, "4448.2216152605", "645.16", "0"),
    (&["kgf/mm2", "kp/mm2"], Dimension::Stress, "9.80665", "1", "0"),
    (&["1", "massfraction", "mass-fraction", "kg/kg", "g/g"], Dimension::Fraction, "1", "1", "0"),
    (
        &[
            "%", "wt%", "wt.%", "wt.-%", "mass%", "mass-%", "m%", "%m/m", "%(m/m)", "m/m%", "Gew.-%", "Gew%", "Ma%",
            "Ma.-%", "pct", "percent",
        ],
        Dimension::Fraction,
        "0.01",
        "1",
        "0",
    ),
    (&["‰", "g/kg", "mg/g"], Dimension::Fraction, "0.001", "1", "0"),
    (&["ppm", "PPM", "mg/kg", "ug/g"], Dimension::Fraction, "0.000001", "1", "0"),
    (&["ppb", "PPB", "ug/kg"], Dimension::Fraction, "0.000000001", "1", "0"),
    (&["m"], Dimension::Length, "1000", "1", "0"),
    (&["cm"], Dimension::Length, "10", "1", "0"),
    (&["mm", "MM"], Dimension::Length, "1", "1", "0"),
    (&["um", "micron", "microns"], Dimension::Length, "0.001", "1", "0"),
    (&["nm"], Dimension::Length, "0.000001", "1", "0"),
    (&["in", "inch", "inches", "\"", "″", "IN"], Dimension::Length, "25.4", "1", "0"),
    (&["ft"], Dimension::Length, "304.8", "1", "0"),
    (&["mil", "thou"], Dimension::Length, "0.0254", "1", "0"),
    (&["°C", "C", "degC", "℃", "Celsius"], Dimension::Temperature, "1", "1", "0"),
    (&["K"], Dimension::Temperature, "1", "1", "-273.15"),
    (&["°F", "F", "degF"], Dimension::Temperature, "5", "9", "-32"),
    (&["J", "Nm", "N.m", "Joule", "joule"], Dimension::Energy, "1", "1", "0"),
    (&["kJ", "KJ"], Dimension::Energy, "1000", "1", "0"),
    (&["ft.lbf", "ftlbf", "ft.lb", "ft-lb", "ft-lbf", "ftlb"], Dimension::Energy, "1.3558179483314004", "1", "0"),
    (&["J/cm2"], Dimension::EnergyPerArea, "1", "1", "0"),
    (&["kJ/m2"], Dimension::EnergyPerArea, "0.1", "1", "0"),
    (&["kg", "KG", "kgs"], Dimension::Mass, "1", "1", "0"),
    (&["g"], Dimension::Mass, "0.001", "1", "0"),
    (&["mg"], Dimension::Mass, "0.000001", "1", "0"),
    (&["t"], Dimension::Mass, "1000", "1", "0"),
    (&["lb", "lbs", "lbm"], Dimension::Mass, "0.45359237", "1", "0"),
    (&["kg/m3", "g/l", "g/L"], Dimension::Density, "1", "1", "0"),
    (&["g/cm3", "g/cc", "kg/dm3", "kg/l", "g/ml", "t/m3"], Dimension::Density, "1000", "1", "0"),
    (&["s", "sec"], Dimension::Time, "1", "1", "0"),
    (&["min"], Dimension::Time, "60", "1", "0"),
    (&["h", "hr"], Dimension::Time, "3600", "1", "0"),
    (&["HB", "HBW", "HBS", "BHN", "HBW10/3000", "HBW2.5/187.5"], Dimension::Brinell, "1", "1", "0"),
    (&["HV", "HV1", "HV5", "HV10", "HV30"], Dimension::Vickers, "1", "1", "0"),
    (&["HRC"], Dimension::RockwellC, "1", "1", "0"),
];

/// The unit that somebody wrote, where it is in the table. Case counts (`mPa` is no `MPa`); blanks and the ways to write a
/// square or µ do not.
pub fn known(written: &str) -> Option<Known> {
    let written = spelt(written);
    let row = TABLE.iter().find(|row| row.0.contains(&written.as_str()))?;
    let number = |text: &str| Decimal::from_str_exact(text).ok();
    Some(Known { dimension: row.1, times: number(row.2)?, over: number(row.3)?, offset: number(row.4)? })
}

fn spelt(written: &str) -> String {
    let mut out = String::with_capacity(written.len());
    for letter in written.chars().filter(|letter| !letter.is_whitespace() && *letter != '^') {
        match letter {
            '²' => out.push('2'),
            '³' => out.push('3'),
            'µ' | 'μ' => out.push('u'),
            '·' | '⋅' | '*' | '×' => out.push('.'),
            'º' => out.push('°'),
            other => out.push(other),
        }
    }
    out
}

/// Whether two spellings are the same unit, be it in the table or not.
pub fn same(one: &str, other: &str) -> bool {
    spelt(one) == spelt(other) || matches!((known(one), known(other)), (Some(one), Some(other)) if one == other)
}

/// A value in the unit of its limits, still as a fraction, so that comparing it rounds nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Converted {
    times: Decimal,
    over: Decimal,
}

impl Converted {
    /// As a number; with at most ten decimals where it does not end.
    pub fn value(&self) -> Decimal {
        let value = self.times.checked_div(self.over).unwrap_or(self.times);
        (if value.scale() > 10 { value.round_dp(10) } else { value }).normalize()
    }

    /// How it stands to a limit, exactly.
    pub fn compare(&self, limit: Decimal) -> std::cmp::Ordering {
        match limit.checked_mul(self.over) {
            // A fraction's lower part is always above zero.
            Some(limit) => self.times.cmp(&limit),
            None => self.value().cmp(&limit),
        }
    }
}

/// A value in another unit. No unit on either side means the same unit as on the other.
pub fn convert(value: Decimal, from: Option<&str>, to: Option<&str>) -> Result<Converted, UnitProblem> {
    let as_it_is = Converted { times: value, over: Decimal::ONE };
    let (Some(from), Some(to)) = (from, to) else { return Ok(as_it_is) };
    if same(from, to) {
        return Ok(as_it_is);
    }
    let source = known(from).ok_or_else(|| UnitProblem::Unknown(from.trim().to_owned()))?;
    let target = known(to).ok_or_else(|| UnitProblem::Unknown(to.trim().to_owned()))?;
    if source.dimension != target.dimension {
        return Err(UnitProblem::Different { from: from.trim().to_owned(), to: to.trim().to_owned() });
    }
    let exactly = || {
        // base = (value + o1) × t1 / v1 and value2 = base × v2 / t2 − o2, on one fraction.
        let times = value.checked_add(source.offset)?.checked_mul(source.times)?.checked_mul(target.over)?;
        let over = source.over.checked_mul(target.times)?;
        Some(Converted { times: times.checked_sub(target.offset.checked_mul(over)?)?, over })
    };
    exactly().ok_or(UnitProblem::TooLarge)
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use proptest::prelude::*;

    use super::*;

    fn number(text: &str) -> Decimal {
        Decimal::from_str_exact(text).expect("a decimal")
    }

    #[test]
    fn values_become_what_the_tables_of_the_standards_say() {
        for (value, from, to, is) in [
            ("950", "N/mm²", "MPa", "950"),
            ("0.95", "GPa", "MPa", "950"),
            ("145", "ksi", "MPa", "999.7398075094"),
            ("100000", "psi", "MPa", "689.4757293168"),
            ("42", "ppm", "%", "0.0042"),
            ("0.0042", "mass fraction", "%", "0.42"),
            ("0.42", "%", "g/kg", "4.2"),
            ("50", "mm", "inch", "1.968503937"),
            ("2", "inch", "mm", "50.8"),
            ("50", "µm", "mm", "0.05"),
            ("50", "μm", "mm", "0.05"),
            ("-4", "°F", "°C", "-20"),
            ("253.15", "K", "°C", "-20"),
            ("100", "°C", "°F", "212"),
            ("20", "ft·lbf", "J", "27.1163589666"),
            ("7.85", "g/cm³", "kg/m³", "7850"),
            ("31", "g/10min", "g/10 min", "31"),
        ] {
            let converted = convert(number(value), Some(from), Some(to)).expect("they fit");
            assert_eq!(converted.value(), number(is), "{value} {from} in {to}");
        }
    }

    #[test]
    fn units_that_do_not_fit_are_named() {
        let problem = |from, to| {
            convert(Decimal::ONE, Some(from), Some(to)).map(|it| it.value()).expect_err("no fit").to_string()
        };
        assert_eq!(problem("furlong", "mm"), "the unit furlong is not known");
        assert_eq!(problem("MPa", "%"), "MPa cannot be compared with %");
        assert_eq!(problem("HB", "HRC"), "HB cannot be compared with HRC");
        assert_eq!(problem("mPa", "MPa"), "the unit mPa is not known");
    }

    #[test]
    fn no_spelling_means_two_units() {
        let all: Vec<&str> = TABLE.iter().flat_map(|row| row.0.iter().copied()).collect();
        for (index, spelling) in all.iter().enumerate() {
            assert!(!all[index + 1..].contains(spelling), "{spelling} is in the table twice");
            assert!(known(spelling).is_some(), "{spelling} is not found as it is spelt");
        }
    }

    #[test]
    fn a_limit_is_met_exactly_although_psi_never_ends() {
        // 645.16 psi are exactly 4.4482216152605 MPa.
        let converted = convert(number("645.16"), Some("psi"), Some("MPa")).expect("they fit");
        assert_eq!(converted.compare(number("4.4482216152605")), Ordering::Equal);
        assert_eq!(converted.compare(number("4.4482216152606")), Ordering::Less);
    }

    proptest! {
        #[test]
        fn a_value_meets_a_limit_from_whichever_side_one_looks(value in -1_000_000_i64..1_000_000, limit in -1_000_000_i64..1_000_000, scales in (0_u32..5, 0_u32..5), one in 0..TABLE.len(), other in 0..TABLE.len()) {
            let (from, to) = (TABLE[one].0[0], TABLE[other].0[0]);
            let (value, limit) = (Decimal::new(value, scales.0), Decimal::new(limit, scales.1));
            if let (Ok(there), Ok(back)) = (convert(value, Some(from), Some(to)), convert(limit, Some(to), Some(from))) {
                prop_assert_eq!(there.compare(limit), back.compare(value).reverse());
            }
        }

        #[test]
        fn order_survives_conversion(a in -1_000_000_i64..1_000_000, b in -1_000_000_i64..1_000_000, one in 0..TABLE.len(), other in 0..TABLE.len()) {
            let (from, to) = (TABLE[one].0[0], TABLE[other].0[0]);
            let both = (convert(Decimal::new(a, 2), Some(from), Some(to)), convert(Decimal::new(b, 2), Some(from), Some(to)));
            if let (Ok(first), Ok(second)) = both {
                prop_assert_eq!(a.cmp(&b), first.times.cmp(&second.times));
            }
        }
    }
}
