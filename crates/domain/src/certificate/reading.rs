//! Certificates as data: whatever a machine wrote becomes one [`Transcript`], which a person looks at before it counts.
//!
//! Reading is lenient: fields that nobody knows are passed over, and what cannot be understood is named and left out. Only
//! a file that is no certificate at all is refused. Nothing here panics on any input.
//!
//! Numbers: those in text are taken digit by digit; JSON numbers as their shortest decimal, which is what stands in the
//! file for up to 15 significant digits. No calculation touches a float.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{CertificateKind, Measured, coa, en10168, metals};

/// The largest file that is read as data, in bytes; logos and stamps are written into these files.
pub const LARGEST: usize = 8 * 1024 * 1024;
/// The most values taken from one file.
pub const MOST_VALUES: usize = 2_000;

/// What a file says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transcript {
    /// Its type, where it says one that we know.
    pub kind: Option<CertificateKind>,
    /// Its number.
    pub number: Option<String>,
    /// Who issued it.
    pub issuer: Option<String>,
    /// When.
    pub issued_on: Option<NaiveDate>,
    /// Lots, heats or batches.
    pub lots: Vec<String>,
    /// The delivery it belongs to.
    pub delivery_note: Option<String>,
    /// What was measured.
    pub values: Vec<Measured>,
    /// What could not be taken over, in words for the person who looks.
    pub left_out: Vec<String>,
}

/// Why a file is not read as a certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// More than [`LARGEST`].
    #[error("The file has {0} bytes; one with data has at most {LARGEST}.")]
    TooLarge(usize),
    /// Not JSON.
    #[error("This is not JSON: {0}. Ask for the file again, or enter the values by hand.")]
    NotJson(String),
    /// JSON of something else.
    #[error(
        "This JSON is no certificate that we can read (EN 10168, certificate of analysis, metals passport). Enter the values by hand."
    )]
    NoCertificate,
}

/// Reads a file, whichever of the kinds it is.
pub fn read(file: &[u8]) -> Result<Transcript, Unreadable> {
    if file.len() > LARGEST {
        return Err(Unreadable::TooLarge(file.len()));
    }
    let file = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
    let json: Value =
        serde_json::from_slice(file).map_err(|error| Unreadable::NotJson(short(&error.to_string(), 160)))?;
    if let Some(passport) = json.get("DigitalMaterialPassport") {
        return Ok(metals::read(passport));
    }
    let certificate = json.get("Certificate").ok_or(Unreadable::NoCertificate)?;
    // The two differ in their own parts; the address of the schema may be missing or a private one.
    if certificate.get("CommercialTransaction").is_some() || certificate.get("ProductDescription").is_some() {
        return Ok(en10168::read(certificate));
    }
    if certificate.get("Analysis").is_some()
        || certificate.get("Parties").is_some()
        || certificate.get("Standard").is_some()
    {
        return Ok(coa::read(certificate));
    }
    Err(Unreadable::NoCertificate)
}

impl Transcript {
    pub(super) fn add_lot(&mut self, lot: Option<String>) {
        if let Some(lot) = lot
            && self.lots.len() < 500
            && !self.lots.contains(&lot)
        {
            self.lots.push(lot);
        }
    }

    pub(super) fn add_value(&mut self, value: Measured) {
        if self.values.len() < MOST_VALUES {
            self.values.push(value);
        } else if self.values.len() == MOST_VALUES && !self.left_out.iter().any(|words| words.starts_with("More than"))
        {
            self.left_out.push(format!("More than {MOST_VALUES} values; the rest was left out."));
        }
    }

    pub(super) fn leave_out(&mut self, name: &str, written: &str) {
        const MOST: usize = 50;
        if self.left_out.len() < MOST {
            self.left_out.push(format!("{}: “{}” is not a number.", short(name, 60), short(written, 40)));
        }
    }
}

/// Text of a field, trimmed and not longer than a field may be; numbers as they stand there.
pub(super) fn text(value: Option<&Value>) -> Option<String> {
    let text = match value? {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!text.is_empty()).then(|| short(&text, 200))
}

/// A day, in the first ten letters of what stands there (`2018-10-23`, `2018-10-23T08:00:00Z`).
pub(super) fn date(value: Option<&Value>) -> Option<NaiveDate> {
    text(value)?.get(..10)?.parse().ok()
}

/// An exact number, from text or from a JSON number.
pub(super) fn decimal(value: Option<&Value>) -> Option<Decimal> {
    let written = match value? {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().replace(',', "."),
        _ => return None,
    };
    let plain = written.trim_start_matches('+');
    if plain.contains('_') || plain.len() > 40 {
        return None;
    }
    Decimal::from_str_exact(plain).or_else(|_| Decimal::from_scientific(plain)).ok()
}

/// EN 10204 kind in words like `Mill Certificate EN 10204 3.1` or `3.1`.
pub(super) fn en10204(words: &str) -> Option<CertificateKind> {
    let after = words.rsplit_once("10204").map_or(words, |(_, rest)| rest);
    let after = after.strip_prefix(":2004").or_else(|| after.strip_prefix("-2004")).unwrap_or(after);
    [
        ("3.1", CertificateKind::En31),
        ("3.2", CertificateKind::En32),
        ("2.2", CertificateKind::En22),
        ("2.1", CertificateKind::En21),
    ]
    .into_iter()
    .find(|(number, _)| after.contains(number))
    .map(|(_, kind)| kind)
}

/// The first letters, without what no name has (line breaks, controls).
pub(super) fn short(text: &str, most: usize) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(most).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_no_certificate_is_refused_with_a_reason() {
        for (file, said) in [
            (&b"%PDF-1.7"[..], "This is not JSON"),
            (b"", "This is not JSON"),
            (b"[]", "no certificate that we can read"),
            (br#"{"Certificate": {}}"#, "no certificate that we can read"),
            (br#"{"Certificate": 5}"#, "no certificate that we can read"),
        ] {
            let error = read(file).expect_err("refused").to_string();
            assert!(error.contains(said), "{error}");
        }
        let deep = vec![b'['; 200_000];
        assert!(
            matches!(read(&deep), Err(Unreadable::NotJson(_))),
            "a file that nests too deeply does not end the program"
        );
    }

    #[test]
    fn numbers_are_exact() {
        for (written, is) in [
            (json!(29.7), "29.7"),
            (json!(0.1), "0.1"),
            (json!(377.12), "377.12"),
            (json!("0,0420"), "0.0420"),
            (json!("1.5e-3"), "0.0015"),
            (json!(1e-7), "0.0000001"),
            (json!(16), "16"),
        ] {
            assert_eq!(decimal(Some(&written)).map(|it| it.to_string()).as_deref(), Some(is), "{written}");
        }
        assert_eq!(decimal(Some(&json!("C"))), None);
    }

    #[test]
    fn kinds_are_read_from_words() {
        assert_eq!(en10204("Mill Certificate EN 10204 3.1"), Some(CertificateKind::En31));
        assert_eq!(en10204("EN 10204:2004 / 2.2"), Some(CertificateKind::En22));
        assert_eq!(en10204("3.2"), Some(CertificateKind::En32));
        assert_eq!(en10204("EN 10204"), None);
    }

    proptest! {
        #[test]
        fn nothing_panics_on_any_bytes(file in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _outcome = read(&file);
        }
    }
}
