//! Numbers of GS1: check digits, the SSCC that names one package in the world, and what a scanner types when somebody
//! scans a label. From the GS1 General Specifications: check digit (7.9), element strings and FNC1 (7.8), dates (7.12).
//!
//! The ship notice gives packages their [`sscc`], labels print them, and the dock finds arrivals by what [`read`] makes of a
//! scan. Nothing here knows what a package holds.

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};

use crate::text::text_enum;

/// Ends an element of variable length within an element string; what a scanner sends for FNC1.
pub const SEPARATOR: char = '\u{1d}';

/// Why something is no GS1 number, in words for the person who typed or scanned it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Gs1Error {
    #[error("A GS1 company prefix has 7 to 10 digits; {0:?} has not.")]
    Prefix(String),
    #[error("The extension digit of an SSCC is 0 to 9; {0} is not.")]
    Extension(u8),
    #[error(
        "Under the prefix {prefix} serial references go up to {most}; {serial} does not fit. Another prefix or extension digit is needed."
    )]
    Exhausted { prefix: String, serial: u64, most: u64 },
    #[error("The check digit of {given} is wrong: {expected} was expected. Scan or type it again.")]
    CheckDigit { given: String, expected: char },
    #[error("{ai} ({title}) takes {takes}; {given:?} is not that.")]
    Value { ai: Ai, title: &'static str, takes: &'static str, given: String },
    #[error(
        "The scan has an element {0:?} that is not known here. Known are 00, 01, 02, 10, 11, 15, 17, 21, 37 and 400."
    )]
    UnknownElement(String),
    #[error("The scan holds nothing.")]
    Nothing,
}

text_enum! {
    /// Application identifier: what an element of a GS1 barcode says.
    pub enum Ai {
        /// Serial Shipping Container Code of a package.
        Sscc = "00",
        /// Trade item number of what the label is on.
        Gtin = "01",
        /// Trade item number of what is contained, with [`Ai::Count`].
        Content = "02",
        /// Batch or lot.
        Lot = "10",
        /// Day of production.
        ProducedOn = "11",
        /// Best before.
        BestBefore = "15",
        /// Expiry: not to be used after that day.
        ExpiresOn = "17",
        /// Serial number.
        Serial = "21",
        /// How many of what is contained.
        Count = "37",
        /// The customer's purchase order.
        Order = "400",
    }
}

impl Ai {
    /// The data title that stands beside the value on a label (GenSpec 3.2), in English as GS1 has it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Sscc => "SSCC",
            Self::Gtin => "GTIN",
            Self::Content => "CONTENT",
            Self::Lot => "BATCH/LOT",
            Self::ProducedOn => "PROD DATE",
            Self::BestBefore => "BEST BEFORE",
            Self::ExpiresOn => "EXPIRY",
            Self::Serial => "SERIAL",
            Self::Count => "COUNT",
            Self::Order => "ORDER NUMBER",
        }
    }

    /// Its length in characters where that is fixed, so that no separator follows it.
    pub const fn fixed_length(self) -> Option<usize> {
        match self {
            Self::Sscc => Some(18),
            Self::Gtin | Self::Content => Some(14),
            Self::ProducedOn | Self::BestBefore | Self::ExpiresOn => Some(6),
            Self::Lot | Self::Serial | Self::Count | Self::Order => None,
        }
    }

    const fn takes(self) -> &'static str {
        match self {
            Self::Sscc => "18 digits",
            Self::Gtin | Self::Content => "14 digits",
            Self::ProducedOn | Self::BestBefore | Self::ExpiresOn => "a day as YYMMDD",
            Self::Count => "up to 8 digits",
            Self::Lot | Self::Serial => "up to 20 letters, digits and signs of GS1",
            Self::Order => "up to 30 letters, digits and signs of GS1",
        }
    }

    /// The one that stands at the beginning of `text`; none of them begins another.
    fn at_start_of(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|ai| text.starts_with(ai.as_str()))
    }

    fn checked(self, value: &str) -> Result<Element, Gs1Error> {
        let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
        let right = match self {
            Self::Sscc | Self::Gtin | Self::Content => digits && Some(value.len()) == self.fixed_length(),
            Self::ProducedOn | Self::BestBefore | Self::ExpiresOn => {
                digits && value.len() == 6 && calendar_day(value, 2000).is_some()
            }
            Self::Count => digits && value.len() <= 8,
            Self::Lot | Self::Serial => is_cset_82(value, 20),
            Self::Order => is_cset_82(value, 30),
        };
        if !right {
            let given = value.to_owned();
            return Err(Gs1Error::Value { ai: self, title: self.title(), takes: self.takes(), given });
        }
        if matches!(self, Self::Sscc | Self::Gtin | Self::Content) {
            proven(value)?;
        }
        Ok(Element { ai: self, value: value.to_owned() })
    }
}

/// One element of a GS1 barcode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Element {
    /// What it says.
    pub ai: Ai,
    /// Its value as it stands in the barcode; digits are checked, see [`Scan::day`] for days.
    pub value: String,
}

/// What a scan turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scan {
    /// A GS1 barcode, or a number that can only be one.
    Elements(Vec<Element>),
    /// Anything else that somebody typed or scanned: a delivery note, a tracking number, a lot.
    Text(String),
}

impl Scan {
    /// The value of the first element of that kind.
    pub fn value(&self, ai: Ai) -> Option<&str> {
        let Self::Elements(elements) = self else { return None };
        elements.iter().find(|element| element.ai == ai).map(|element| element.value.as_str())
    }

    /// The day of the first element of that kind. GS1 writes two digits of the year: it is the year nearest to `today`.
    /// A day of 00 is the last of its month.
    pub fn day(&self, ai: Ai, today: NaiveDate) -> Option<NaiveDate> {
        self.value(ai).and_then(|value| calendar_day(value, today.year()))
    }
}

/// The check digit that belongs behind `digits` (mod 10, weights 3 and 1 from the right). None when they are no digits.
pub fn check_digit(digits: &str) -> Option<char> {
    if digits.is_empty() {
        return None;
    }
    let mut sum = 0;
    for (place, digit) in digits.chars().rev().enumerate() {
        sum += digit.to_digit(10)? * if place % 2 == 0 { 3 } else { 1 };
    }
    char::from_digit((10 - sum % 10) % 10, 10)
}

/// Whether the last digit is the check digit of those before it.
pub fn is_proven(number: &str) -> bool {
    proven(number).is_ok()
}

fn proven(number: &str) -> Result<(), Gs1Error> {
    let wrong = |expected| Gs1Error::CheckDigit { given: number.to_owned(), expected };
    let Some((last, _)) = number.char_indices().next_back() else { return Err(wrong('0')) };
    let (digits, given) = number.split_at(last);
    match check_digit(digits) {
        Some(expected) if given.starts_with(expected) => Ok(()),
        Some(expected) => Err(wrong(expected)),
        None => Err(wrong('0')),
    }
}

/// How many digits a serial reference has under that prefix: 17 without check digit, less extension digit and prefix.
const fn reference_length(prefix: &str) -> usize {
    16 - prefix.len()
}

/// The greatest serial reference under a company prefix; the least is 0. None when it is no company prefix.
pub fn last_serial(prefix: &str) -> Option<u64> {
    let digits = (7..=10).contains(&prefix.len()) && prefix.bytes().all(|byte| byte.is_ascii_digit());
    let places = u32::try_from(reference_length(digits.then_some(prefix)?)).ok()?;
    Some(10_u64.pow(places) - 1)
}

/// The SSCC of a package: extension digit, company prefix, serial reference, check digit; 18 digits. A serial reference
/// that does not fit is refused, never cut: a cut one would be another package's number.
pub fn sscc(prefix: &str, extension: u8, serial: u64) -> Result<String, Gs1Error> {
    let most = last_serial(prefix).ok_or_else(|| Gs1Error::Prefix(prefix.to_owned()))?;
    if extension > 9 {
        return Err(Gs1Error::Extension(extension));
    }
    if serial > most {
        return Err(Gs1Error::Exhausted { prefix: prefix.to_owned(), serial, most });
    }
    let mut number = format!("{extension}{prefix}{serial:0width$}", width = reference_length(prefix));
    number.extend(check_digit(&number));
    Ok(number)
}

/// Whether it is an SSCC: 18 digits, the last of which is right.
pub fn is_sscc(number: &str) -> bool {
    number.len() == 18 && is_proven(number)
}

/// Reads what a scanner typed, or a person: a GS1 barcode with its symbology identifier (`]C1`, `]d2`, `]Q3`, `]e0`), with
/// FNC1 as [`SEPARATOR`], as it is printed (`(00)3…`), or a bare number. What cannot be a GS1 barcode is text; what claims to
/// be one and is wrong is refused.
pub fn read(text: &str) -> Result<Scan, Gs1Error> {
    let text = text.trim_matches(|c: char| c.is_whitespace() || (c.is_control() && c != SEPARATOR));
    let marked = ["]C1", "]d2", "]Q3", "]e0"].iter().find_map(|mark| text.strip_prefix(mark));
    let claims = marked.is_some() || text.contains(SEPARATOR);
    let bare = marked.unwrap_or(text).trim_start_matches(SEPARATOR);
    if bare.is_empty() {
        return Err(Gs1Error::Nothing);
    }
    if claims {
        return elements(bare).map(Scan::Elements);
    }
    if bare.starts_with('(') && Ai::ALL.iter().any(|ai| opens(bare, *ai)) {
        return printed(bare).map(Scan::Elements);
    }
    Ok(number(bare).map_or_else(|| Scan::Text(bare.to_owned()), Scan::Elements))
}

/// A number without any mark, as scanners send it that drop the symbology identifier. Only what proves itself by a check
/// digit counts: a delivery note of eight digits must not become a trade item.
fn number(text: &str) -> Option<Vec<Element>> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.len() {
        18 if digits => Ai::Sscc.checked(text).ok().map(|element| vec![element]),
        13 | 14 if digits => Ai::Gtin.checked(&format!("{text:0>14}")).ok().map(|element| vec![element]),
        _ if text.starts_with("00") || text.starts_with("01") => elements(text).ok(),
        _ => None,
    }
}

/// An element string as it stands in the barcode.
fn elements(mut rest: &str) -> Result<Vec<Element>, Gs1Error> {
    let mut found = Vec::new();
    while !rest.is_empty() {
        let unknown = || Gs1Error::UnknownElement(rest.chars().take(4).collect());
        let ai = Ai::at_start_of(rest).ok_or_else(unknown)?;
        let data = rest.get(ai.as_str().len()..).unwrap_or_default();
        let end = match ai.fixed_length() {
            Some(length) => data.char_indices().nth(length).map_or(data.len(), |(at, _)| at),
            None => data.find(SEPARATOR).unwrap_or(data.len()),
        };
        let (value, after) = data.split_at(end);
        found.push(ai.checked(value)?);
        rest = after.strip_prefix(SEPARATOR).unwrap_or(after);
    }
    Ok(found)
}

/// An element string as it is printed under the bars: each identifier in brackets. A bracket may also stand in a lot.
fn printed(mut rest: &str) -> Result<Vec<Element>, Gs1Error> {
    let mut found = Vec::new();
    while !rest.is_empty() {
        let unknown = || Gs1Error::UnknownElement(rest.chars().take(6).collect());
        let ai = Ai::ALL.iter().copied().find(|ai| opens(rest, *ai)).ok_or_else(unknown)?;
        let data = rest.get(ai.as_str().len() + 2..).unwrap_or_default();
        let ends = data.match_indices('(').map(|(at, _)| at);
        let end = ends.into_iter().find(|at| Ai::ALL.iter().any(|ai| opens(&data[*at..], *ai))).unwrap_or(data.len());
        let (value, after) = data.split_at(end);
        found.push(ai.checked(value.trim())?);
        rest = after;
    }
    Ok(found)
}

fn opens(text: &str, ai: Ai) -> bool {
    text.strip_prefix('(').and_then(|text| text.strip_prefix(ai.as_str())).is_some_and(|text| text.starts_with(')'))
}

/// The characters that GS1 allows in lots and serials (character set 82).
fn is_cset_82(value: &str, longest: usize) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!\"%&'()*+,-./:;<=>?_".contains(&byte);
    (1..=longest).contains(&value.len()) && value.bytes().all(allowed)
}

/// YYMMDD in the century that is nearest to `year`.
fn calendar_day(value: &str, year: i32) -> Option<NaiveDate> {
    let part = |range: std::ops::Range<usize>| value.get(range)?.parse::<u32>().ok();
    let (short, month, day) = (i32::try_from(part(0..2)?).ok()?, part(2..4)?, part(4..6)?);
    let ahead = short - year.rem_euclid(100);
    let century = match ahead {
        51.. => -100,
        ..=-50 => 100,
        _ => 0,
    };
    let year = year - year.rem_euclid(100) + short + century;
    match day {
        0 => NaiveDate::from_ymd_opt(year, month, 1)?.checked_add_months(chrono::Months::new(1))?.pred_opt(),
        day => NaiveDate::from_ymd_opt(year, month, day),
    }
}
