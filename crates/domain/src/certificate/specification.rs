//! What a certificate or an inspection of an item must show: characteristics with unit, method and limits, by version.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::refusal::Finding;

/// One version of what an item must show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Specification {
    /// From 1 per item; a change is the next version.
    pub version: i32,
    /// In the order of the table.
    pub characteristics: Vec<Characteristic>,
}

/// One thing that is measured, with its limits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Characteristic {
    /// As the buyer calls it, e.g. `Rm` or `C`.
    pub name: String,
    /// What else it is called on certificates, e.g. `Tensile strength`, `Zugfestigkeit`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// How it is to be measured, e.g. `ISO 6892-1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Unit of the limits; none for a bare number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The least that is good, itself included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lower: Option<Decimal>,
    /// The most that is good, itself included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upper: Option<Decimal>,
    /// Every certificate with values must show it.
    #[serde(default)]
    pub required: bool,
}

/// The most characteristics of one specification.
pub const MOST_CHARACTERISTICS: usize = 200;

impl Specification {
    /// The characteristic that a certificate means by this name: by its name or an alias, blanks, points, commas and case
    /// aside; else by one word of it (`Zugfestigkeit Rm`), where that word means exactly one.
    pub fn find(&self, written: &str) -> Option<usize> {
        let whole = plain(written);
        let exact = |of: &Characteristic, word: &str| of.names().any(|name| plain(name) == word);
        if whole.is_empty() {
            return None;
        }
        // Symbols of elements differ by case alone from nothing else, but `Co` must not be found in `CO`.
        if let Some(index) = self.characteristics.iter().position(|of| of.names().any(|name| name == written.trim())) {
            return Some(index);
        }
        if let Some(index) = self.characteristics.iter().position(|of| exact(of, &whole)) {
            return Some(index);
        }
        let mut found: Vec<usize> = written
            .split(|letter: char| letter.is_whitespace() || matches!(letter, '/' | '(' | ')' | '[' | ']' | ':'))
            .map(plain)
            // One letter in a longer name is no symbol of an element: `Type A`, `C content`.
            .filter(|word| word.chars().count() > 1)
            .filter_map(|word| self.characteristics.iter().position(|of| exact(of, &word)))
            .collect();
        found.sort_unstable();
        found.dedup();
        match found.as_slice() {
            [one] => Some(*one),
            _ => None,
        }
    }

    /// What is wrong with it as typed. `at` of a finding: `characteristics.<index>.<field>`.
    pub fn check(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        if self.characteristics.is_empty() {
            findings.push(Finding::stops(
                "",
                "no_characteristics",
                "Give at least one characteristic with its limits.",
            ));
        }
        if self.characteristics.len() > MOST_CHARACTERISTICS {
            let message = format!("A specification has at most {MOST_CHARACTERISTICS} characteristics.");
            findings.push(Finding::stops("", "too_many_characteristics", message));
        }
        let mut seen: Vec<(String, usize)> = Vec::new();
        for (index, of) in self.characteristics.iter().enumerate() {
            let at = |field: &str| format!("characteristics.{index}.{field}");
            if of.name.trim().is_empty() {
                findings.push(Finding::stops(at("name"), "name_missing", "Give the characteristic a name."));
            }
            if let (Some(lower), Some(upper)) = (of.lower, of.upper)
                && lower > upper
            {
                let message = format!("{}: the lower limit {lower} is above the upper limit {upper}.", of.name);
                findings.push(Finding::stops(at("lower"), "limits_crossed", message));
            }
            if let Some(unit) = &of.unit
                && super::unit::known(unit).is_none()
            {
                let message = format!(
                    "{}: the unit {unit} is not in the table, so only values in exactly this unit can be compared.",
                    of.name
                );
                findings.push(Finding::warns(at("unit"), "unit_unknown", message));
            }
            for name in of.names().map(plain).filter(|name| !name.is_empty()) {
                match seen.iter().find(|(known, _)| *known == name) {
                    Some((_, other)) if *other != index => {
                        let message = format!("{} means two characteristics. Give each its own names.", of.name);
                        findings.push(Finding::stops(at("name"), "name_twice", message));
                    }
                    Some(_) => {}
                    None => seen.push((name, index)),
                }
            }
        }
        findings
    }
}

impl Characteristic {
    /// Its name and everything else it is called.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.name.as_str()).chain(self.aliases.iter().map(String::as_str)).map(str::trim)
    }
}

/// A name without what people write differently: case, blanks, points, commas, dashes.
fn plain(name: &str) -> String {
    name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn specification() -> Specification {
        let of = |name: &str, aliases: &[&str]| Characteristic {
            name: name.to_owned(),
            aliases: aliases.iter().map(|alias| (*alias).to_owned()).collect(),
            ..Characteristic::default()
        };
        Specification {
            version: 1,
            characteristics: vec![
                of("C", &["Carbon"]),
                of("Rm", &["Tensile strength", "Zugfestigkeit"]),
                of("Rp0.2", &["Yield strength", "Streckgrenze"]),
                of("A", &["Elongation", "A5"]),
                of("KV", &["Charpy impact energy"]),
            ],
        }
    }

    #[test]
    fn a_characteristic_is_found_as_certificates_write_it() {
        let specification = specification();
        for (written, index) in [
            ("Rm", Some(1)),
            ("tensile  strength", Some(1)),
            ("Zugfestigkeit Rm", Some(1)),
            ("Rp0,2", Some(2)),
            ("RP 0.2", Some(2)),
            ("Streckgrenze ReH/RP0,2", Some(2)),
            ("Bruchdehnung A5/A80", Some(3)),
            ("C", Some(0)),
            ("Type C", None),
            ("Rm/Rp0.2", None),
            ("", None),
            ("Cr", None),
        ] {
            assert_eq!(specification.find(written), index, "{written}");
        }
    }

    #[test]
    fn a_specification_that_contradicts_itself_is_not_taken() {
        let mut specification = specification();
        specification.characteristics[1].lower = Some(Decimal::from(1_100));
        specification.characteristics[1].upper = Some(Decimal::from(900));
        specification.characteristics[4].aliases = vec!["rp 0,2".to_owned()];
        specification.characteristics[0].unit = Some("furlong".to_owned());
        let rules: Vec<String> = specification.check().into_iter().map(|finding| finding.rule).collect();
        assert_eq!(rules, ["unit_unknown", "limits_crossed", "name_twice"]);
    }
}
