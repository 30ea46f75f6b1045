//! Quantities with their unit and money with its currency. Decimals throughout; a float never touches either.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// A unit of measure by its code, upper case, e.g. `PCE`, `KG`, `M` (UN/ECE recommendation 20 where the ERP follows it).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Unit(String);

impl Unit {
    /// Takes a code as the ERP spells it; surrounding blanks go, letters become upper case.
    pub fn new(code: &str) -> Self {
        Self(code.trim().to_uppercase())
    }

    /// The code.
    pub fn code(&self) -> &str {
        &self.0
    }

    /// How many decimals people write in this unit: none for things one counts, three for what one weighs or measures.
    pub fn decimals(&self) -> u32 {
        match self.0.as_str() {
            "PCE" | "PC" | "EA" | "ST" | "SET" | "PAL" | "BOX" | "C62" | "U" | "H87" => 0,
            _ => 3,
        }
    }
}

impl std::fmt::Display for Unit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// How much of something. Compared and added only within one unit.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Quantity {
    /// The number, exact.
    pub value: Decimal,
    /// Its unit.
    pub unit: Unit,
}

impl Quantity {
    /// A quantity of `value` in `unit`.
    pub fn new(value: Decimal, unit: Unit) -> Self {
        Self { value, unit }
    }
}

impl std::fmt::Display for Quantity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", grouped(self.value, 0), self.unit)
    }
}

/// A price or an amount.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    /// The amount, exact.
    pub amount: Decimal,
    /// ISO 4217 code.
    pub currency: String,
}

impl std::fmt::Display for Money {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.currency, grouped(self.amount, 2))
    }
}

/// A number with thousands separated by commas and at least `decimals` decimals: `1,840.500`, `48,212.40`. Nothing is
/// rounded: a number with more decimals than asked for keeps all that are not zero.
pub fn grouped(value: Decimal, decimals: u32) -> String {
    let mut value = value.normalize();
    if value.scale() < decimals {
        value.rescale(decimals);
    }
    let text = value.abs().to_string();
    let (whole, fraction) = text.split_once('.').map_or((text.as_str(), None), |(whole, rest)| (whole, Some(rest)));
    let mut out = String::with_capacity(text.len() + 4);
    if value.is_sign_negative() && !value.is_zero() {
        out.push('−');
    }
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if let Some(fraction) = fraction {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

/// Why typed text is not a number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NumberProblem {
    /// Nothing was typed.
    #[error("Enter a number.")]
    Empty,
    /// Not a number at all.
    #[error("“{0}” is not a number. Write it like 1,250 or 1250.5.")]
    NotANumber(String),
}

/// Reads a number as people type it: blanks and thousands commas go (`1 250`, `1,250.5`), a lone comma followed by
/// anything but three digits is a decimal mark (`1250,5`). `1,250` is a thousand and `1.250` is 1.25 because that is how we
/// show numbers; whoever means the other reading meets the unit's decimals or the tolerance and is told.
pub fn parse_number(typed: &str) -> Result<Decimal, NumberProblem> {
    let text: String = typed.trim().chars().filter(|c| !c.is_whitespace() && *c != '\u{202f}' && *c != '\'').collect();
    let text = text.replace('−', "-");
    if text.is_empty() {
        return Err(NumberProblem::Empty);
    }
    let wrong = || NumberProblem::NotANumber(typed.trim().chars().take(40).collect());
    let commas = text.matches(',').count();
    let points = text.matches('.').count();
    let plain = match (commas, points) {
        (0, _) => text.clone(),
        // One comma: thousands when three digits follow it and nothing else says otherwise, else a decimal comma.
        (1, 0) => {
            let (whole, rest) = text.split_once(',').ok_or_else(wrong)?;
            if rest.len() == 3 && groups_of_three(whole, ',') && !unsigned(whole).starts_with('0') {
                format!("{whole}{rest}")
            } else {
                format!("{whole}.{rest}")
            }
        }
        // Point last: commas are thousands. Comma last: points are.
        _ if text.rfind('.') > text.rfind(',') => {
            if !groups_of_three(text.split('.').next().unwrap_or_default(), ',') {
                return Err(wrong());
            }
            text.replace(',', "")
        }
        (1, _) => {
            if !groups_of_three(text.split(',').next().unwrap_or_default(), '.') {
                return Err(wrong());
            }
            text.replace('.', "").replace(',', ".")
        }
        _ => {
            if !groups_of_three(&text, ',') {
                return Err(wrong());
            }
            text.replace(',', "")
        }
    };
    if plain.contains('_') {
        return Err(wrong()); // the parser would take it as Rust does
    }
    Decimal::from_str_exact(&plain).map_err(|_| wrong())
}

fn groups_of_three(text: &str, mark: char) -> bool {
    let mut groups = unsigned(text).split(mark);
    let digits = |group: &str| group.bytes().all(|byte| byte.is_ascii_digit());
    let first = groups.next().unwrap_or_default();
    !first.is_empty() && first.len() <= 3 && digits(first) && groups.all(|group| group.len() == 3 && digits(group))
}

fn unsigned(text: &str) -> &str {
    text.strip_prefix(['-', '+']).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Decimal {
        text.parse().expect("a decimal")
    }

    #[test]
    fn numbers_are_read_as_people_type_them() {
        for (typed, read) in [
            ("1250", "1250"),
            ("1,250", "1250"),
            ("1 250", "1250"),
            ("1,250.5", "1250.5"),
            ("1.250,5", "1250.5"),
            ("1250,5", "1250.5"),
            ("0,125", "0.125"),
            (" 12.40 ", "12.40"),
            ("1,250,000", "1250000"),
            ("-3", "-3"),
            ("−3", "-3"),
        ] {
            assert_eq!(parse_number(typed), Ok(number(read)), "{typed}");
        }
        for typed in ["twelve", "1,2,3", "1.2.3", "12,34.5", "1e5", "--1", "0x10"] {
            assert!(matches!(parse_number(typed), Err(NumberProblem::NotANumber(_))), "{typed}");
        }
        assert_eq!(parse_number("  "), Err(NumberProblem::Empty));
    }

    #[test]
    fn numbers_are_shown_grouped_and_never_rounded() {
        assert_eq!(grouped(number("1250.000"), 0), "1,250");
        assert_eq!(grouped(number("48212.4"), 2), "48,212.40");
        assert_eq!(grouped(number("-1234567.891"), 2), "−1,234,567.891");
        assert_eq!(grouped(number("0"), 0), "0");
    }
}
