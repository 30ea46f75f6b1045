//! Tables pasted from a spreadsheet or a text: one value per line, `characteristic; unit; value`.
//!
//! Columns are divided by tabs, else by semicolons, else by commas where that leaves at least three; a heading line is
//! passed over. Two columns are name and value; a unit may stand behind the value (`957 MPa`). A fourth column is the lot,
//! a fifth the method.

use super::Measured;
use super::reading::short;
use crate::quantity::{NumberProblem, parse_number};

/// A line that was not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLine {
    /// From 1.
    pub line: usize,
    /// What is wrong and how to mend it.
    pub message: String,
}

/// The most lines that are read.
pub const MOST_LINES: usize = 2_000;

/// Reads a pasted table; what was understood is given even where some lines were not.
pub fn read(pasted: &str) -> (Vec<Measured>, Vec<BadLine>) {
    let (mut values, mut bad) = (Vec::new(), Vec::new());
    for (index, line) in pasted.lines().enumerate() {
        let line = line.trim_matches(['\u{feff}', '\r', ' ']);
        if line.trim().is_empty() {
            continue;
        }
        if index >= MOST_LINES {
            bad.push(BadLine {
                line: index + 1,
                message: format!("A table has at most {MOST_LINES} lines. Paste the rest into another certificate."),
            });
            break;
        }
        match read_line(line) {
            Ok(value) => values.push(value),
            // The heading names its columns and holds no number.
            Err(_) if index == 0 && !line.bytes().any(|byte| byte.is_ascii_digit()) => {}
            Err(message) => bad.push(BadLine { line: index + 1, message: format!("Line {}: {message}", index + 1) }),
        }
    }
    (values, bad)
}

fn read_line(line: &str) -> Result<Measured, String> {
    let by = |mark: char| line.split(mark).map(|cell| cell.trim().trim_matches('"').trim()).collect::<Vec<_>>();
    let cells = [by('\t'), by(';')].into_iter().find(|cells| cells.len() > 1).unwrap_or_else(|| by(','));
    let cell = |index: usize| cells.get(index).copied().filter(|text| !text.is_empty()).map(|text| short(text, 120));
    let name = cell(0).ok_or("the name is missing. Write “characteristic; unit; value”.")?;
    let (unit, written) = match cells.as_slice() {
        [_] => return Err("there is only one column. Write “characteristic; unit; value”.".to_owned()),
        [_, value] => (None, *value),
        // `Rm; 957; MPa`: people swap the two.
        [_, second, third, ..] if value_of(second).is_ok() && value_of(third).is_err() => (cell(2), *second),
        [_, _, third, ..] => (cell(1), *third),
        [] => return Err("it is empty.".to_owned()),
    };
    let (value, behind) = value_of(written).map_err(|problem| problem.to_string())?;
    Ok(Measured { characteristic: name, lot: cell(3), method: cell(4), unit: unit.or(behind), value })
}

/// A number as measured values are written, with a unit behind it or not. Unlike in quantities a lone comma is always a
/// decimal mark: nobody groups thousands in a certificate's table, and `0,420` or `1,025` must not become another value.
pub fn value_of(written: &str) -> Result<(rust_decimal::Decimal, Option<String>), NumberProblem> {
    let written = written.trim().trim_start_matches(['=', '≈']).trim();
    let end = written
        .char_indices()
        .find(|(_, letter)| {
            !(letter.is_ascii_digit()
                || matches!(letter, '.' | ',' | '-' | '−' | '+' | ' ' | '\u{202f}' | '\u{a0}' | '\''))
        })
        .map_or(written.len(), |(at, _)| at);
    let (number, unit) = written.split_at(end);
    let mut number = number.trim().to_owned();
    if number.matches(',').count() == 1 && !number.contains('.') {
        number = number.replace(',', ".");
    }
    let value = parse_number(&number).map_err(|_| match written {
        "" => NumberProblem::Empty,
        written => NumberProblem::NotANumber(short(written, 40)),
    })?;
    let unit = unit.trim();
    Ok((value, (!unit.is_empty()).then(|| short(unit, 40))))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tables_are_read_as_people_paste_them() {
        let pasted = "Characteristic\tUnit\tValue\nC\t%\t0,42\nRm\tMPa\t1,025\r\n\"Rp0,2\"; MPa; 870\nA; 14,5 %\nKV,J,42\nHardness;302;HBW;H-1;ISO 6506-1\n";
        let (values, bad) = read(pasted);
        assert_eq!(bad, []);
        let short: Vec<_> = values
            .iter()
            .map(|it| (it.characteristic.as_str(), it.unit.as_deref(), it.value.to_string(), it.lot.as_deref()))
            .collect();
        assert_eq!(
            short,
            [
                ("C", Some("%"), "0.42".to_owned(), None),
                ("Rm", Some("MPa"), "1.025".to_owned(), None),
                ("Rp0,2", Some("MPa"), "870".to_owned(), None),
                ("A", Some("%"), "14.5".to_owned(), None),
                ("KV", Some("J"), "42".to_owned(), None),
                ("Hardness", Some("HBW"), "302".to_owned(), Some("H-1")),
            ]
        );
    }

    #[test]
    fn lines_that_are_not_understood_are_named_and_the_others_taken() {
        let (values, bad) = read("C; %; 0.42\nSi; %; about half\njust words\n; %; 1");
        assert_eq!(values.len(), 1);
        let said: Vec<_> = bad.iter().map(|line| line.line).collect();
        assert_eq!(said, [2, 3, 4]);
        assert!(bad[0].message.contains("“about half” is not a number"), "{}", bad[0].message);
    }

    #[test]
    fn a_value_may_have_its_unit_behind_it() {
        assert_eq!(
            value_of("957 MPa").map(|(value, unit)| (value.to_string(), unit)),
            Ok(("957".to_owned(), Some("MPa".to_owned())))
        );
        assert_eq!(
            value_of("−20 °C").map(|(value, unit)| (value.to_string(), unit)),
            Ok(("-20".to_owned(), Some("°C".to_owned())))
        );
        assert!(value_of("< 0.001").is_err(), "a bound is no value");
    }

    proptest! {
        #[test]
        fn nothing_panics_on_any_text(pasted in "\\PC{0,200}") {
            let _outcome = read(&pasted);
        }
    }
}
