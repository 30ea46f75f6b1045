//! The content check: what a certificate says, characteristic by characteristic, against the specification of its item.
//!
//! The same function gives the supplier his warnings before he sends and the quality engineer the comparison. A difference
//! warns and does not stop: a certificate must be handed in as it is, and a person decides. Only what cannot be true (from
//! the future, expired, without a lot) stops.

use std::cmp::Ordering;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::specification::{Characteristic, Specification};
use super::unit::{UnitProblem, convert};
use super::{Certificate, CertificatePer, Measured};
use crate::calendar::day;
use crate::refusal::Finding;
use crate::text::text_enum;

text_enum! {
    /// What the comparison of one value says.
    pub enum Verdict {
        /// Within the limits.
        Within = "within",
        /// Below the lower limit.
        Below = "below",
        /// Above the upper limit.
        Above = "above",
        /// Must be there and is not.
        Missing = "missing",
        /// Need not be there and is not.
        NotGiven = "not_given",
        /// Cannot be compared: its unit is not known or measures something else.
        Unclear = "unclear",
        /// The specification does not ask for it.
        NotAsked = "not_asked",
    }
}

impl Verdict {
    /// Whether a person has to look at it.
    pub const fn differs(self) -> bool {
        matches!(self, Self::Below | Self::Above | Self::Missing | Self::Unclear)
    }
}

/// One row of the comparison.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The characteristic, as the specification calls it; as written where it does not ask for it.
    pub characteristic: String,
    /// The lot, where the value is of one lot.
    pub lot: Option<String>,
    /// How it is to be measured, or was.
    pub method: Option<String>,
    /// Unit of limits and converted value.
    pub unit: Option<String>,
    /// The least that is good.
    pub lower: Option<Decimal>,
    /// The most that is good.
    pub upper: Option<Decimal>,
    /// The value in that unit; none where there is none or it cannot be converted.
    pub value: Option<Decimal>,
    /// Value and unit as written, where that differs from the converted one.
    pub written: Option<String>,
    /// What the comparison says.
    pub verdict: Verdict,
    /// Which of the certificate's values it is.
    pub index: Option<usize>,
}

/// What is known beside the paper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Today where the goods go.
    pub today: NaiveDate,
    /// Lots of this item that the supplier announced, with their day of production; empty where none are known.
    pub lots: Vec<(String, Option<NaiveDate>)>,
}

/// The outcome of the check.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// The comparison, in the order of the specification; what it does not ask for comes last.
    pub rows: Vec<Row>,
    /// What a person should know or mend. `at`: `values.<index>.value`, `values.<index>.unit`, `lots`, `issued_on`,
    /// `valid_until` …
    pub findings: Vec<Finding>,
}

impl Checked {
    /// Whether somebody must say that he has seen the differences.
    pub fn differs(&self) -> bool {
        !self.findings.is_empty()
    }
}

/// Compares a certificate with the specification of its item, where there is one, and with what else is known.
pub fn check(certificate: &Certificate, specification: Option<&Specification>, facts: &Facts) -> Checked {
    let mut findings = Vec::new();
    paper(certificate, facts, &mut findings);
    let rows = match specification {
        Some(specification) if certificate.kind.has_values() || !certificate.values.is_empty() => {
            compare(certificate, specification)
        }
        _ => certificate.values.iter().enumerate().map(|(index, value)| not_asked(index, value)).collect(),
    };
    for row in rows.iter().filter(|row| row.verdict.differs()) {
        findings.push(difference(row, certificate));
    }
    Checked { rows, findings }
}

fn paper(certificate: &Certificate, facts: &Facts, findings: &mut Vec<Finding>) {
    let mut stops = |at: &str, rule: &str, message: String| findings.push(Finding::stops(at, rule, message));
    if certificate.number.trim().is_empty() {
        stops("number", "number_missing", "Enter the number that stands on the certificate.".to_owned());
    }
    if certificate.issuer.trim().is_empty() {
        stops("issuer", "issuer_missing", "Enter who issued the certificate, e.g. the steel mill.".to_owned());
    }
    if certificate.issued_on > facts.today {
        let message = format!(
            "The certificate is dated {}, and today is {}. Check the date of issue.",
            day(certificate.issued_on),
            day(facts.today)
        );
        stops("issued_on", "issued_in_future", message);
    }
    match certificate.per {
        CertificatePer::Lot if certificate.lots.is_empty() => {
            stops("lots", "lots_missing", "Enter the lots or heats that the certificate is for.".to_owned());
        }
        CertificatePer::Delivery if certificate.delivery_note.as_deref().unwrap_or_default().trim().is_empty() => {
            stops(
                "delivery_note",
                "delivery_note_missing",
                "Enter the delivery note that the certificate is for.".to_owned(),
            );
        }
        CertificatePer::Standing => match certificate.valid_until {
            None => stops(
                "valid_until",
                "valid_until_missing",
                "Enter the last day on which the certificate counts.".to_owned(),
            ),
            Some(until) if until < facts.today => {
                let message = format!(
                    "The certificate was valid until {}, and today is {}. Hand in the current one.",
                    day(until),
                    day(facts.today)
                );
                stops("valid_until", "expired", message);
            }
            Some(until) if until < certificate.issued_on => {
                let message =
                    format!("The last day {} is before the date of issue {}.", day(until), day(certificate.issued_on));
                stops("valid_until", "valid_until_before_issue", message);
            }
            Some(_) => {}
        },
        _ => {}
    }
    for lot in &certificate.lots {
        let known = facts.lots.iter().find(|(known, _)| known.trim().eq_ignore_ascii_case(lot.trim()));
        match known {
            Some((_, Some(produced))) if certificate.issued_on < *produced => {
                let message = format!(
                    "The certificate is dated {}, before lot {lot} was produced on {}. Check that it is for this lot.",
                    day(certificate.issued_on),
                    day(*produced)
                );
                findings.push(Finding::warns("issued_on", "issued_before_production", message));
            }
            None if !facts.lots.is_empty() => {
                let names: Vec<&str> = facts.lots.iter().map(|(lot, _)| lot.as_str()).take(5).collect();
                let message = format!(
                    "Lot {lot} is on none of your ship notices of this item; announced are {}. Check the spelling, or confirm that it is for a later delivery.",
                    names.join(", ")
                );
                findings.push(Finding::warns("lots", "lot_unknown", message));
            }
            _ => {}
        }
    }
    for (index, value) in certificate.values.iter().enumerate() {
        if let Some(lot) = &value.lot
            && !certificate.lots.iter().any(|known| known.trim().eq_ignore_ascii_case(lot.trim()))
        {
            let message = format!(
                "The value of {} is for lot {lot}, which the certificate does not cover. Correct the lot, or add it.",
                value.characteristic
            );
            findings.push(Finding::warns(format!("values.{index}.lot"), "lot_not_covered", message));
        }
    }
}

/// The rows of the comparison.
pub fn compare(certificate: &Certificate, specification: &Specification) -> Vec<Row> {
    compare_values(&certificate.values, &certificate.lots, specification)
}

/// The rows of the comparison of measured values, wherever they were measured: on a certificate over these lots, or in an
/// inspection of one lot (`lots` is empty then).
pub fn compare_values(values: &[Measured], lots: &[String], specification: &Specification) -> Vec<Row> {
    let mut found: Vec<Vec<usize>> = vec![Vec::new(); specification.characteristics.len()];
    let mut others = Vec::new();
    for (index, value) in values.iter().enumerate() {
        match specification.find(&value.characteristic).and_then(|at| found.get_mut(at)) {
            Some(list) => list.push(index),
            None => others.push(not_asked(index, value)),
        }
    }
    let mut rows = Vec::new();
    for (of, indices) in specification.characteristics.iter().zip(found) {
        let values = indices.iter().filter_map(|index| Some((*index, values.get(*index)?)));
        rows.extend(values.clone().map(|(index, value)| compared(of, index, value)));
        let for_all = values.clone().any(|(_, value)| value.lot.is_none());
        if for_all {
            continue;
        }
        let absent = |lot: Option<String>| Row {
            characteristic: of.name.clone(),
            lot,
            method: of.method.clone(),
            unit: of.unit.clone(),
            lower: of.lower,
            upper: of.upper,
            value: None,
            written: None,
            verdict: if of.required { Verdict::Missing } else { Verdict::NotGiven },
            index: None,
        };
        if indices.is_empty() {
            rows.push(absent(None));
            continue;
        }
        // Given for some lots: each of the others misses it.
        for lot in lots {
            let given = values.clone().any(|(_, value)| {
                value.lot.as_deref().is_some_and(|known| known.trim().eq_ignore_ascii_case(lot.trim()))
            });
            if !given {
                rows.push(absent(Some(lot.clone())));
            }
        }
    }
    rows.extend(others);
    rows
}

fn compared(of: &Characteristic, index: usize, value: &Measured) -> Row {
    let mut row = Row {
        characteristic: of.name.clone(),
        lot: value.lot.clone(),
        method: value.method.clone().or_else(|| of.method.clone()),
        unit: of.unit.clone(),
        lower: of.lower,
        upper: of.upper,
        value: None,
        written: Some(written(value)),
        verdict: Verdict::Unclear,
        index: Some(index),
    };
    if value.unit.is_none() && of.unit.is_some() {
        return row;
    }
    let Ok(converted) = convert(value.value, value.unit.as_deref(), of.unit.as_deref()) else { return row };
    row.value = Some(converted.value());
    if value.unit.as_deref().map(str::trim) == of.unit.as_deref().map(str::trim) {
        row.written = None;
    }
    row.verdict = if of.lower.is_some_and(|lower| converted.compare(lower) == Ordering::Less) {
        Verdict::Below
    } else if of.upper.is_some_and(|upper| converted.compare(upper) == Ordering::Greater) {
        Verdict::Above
    } else {
        Verdict::Within
    };
    row
}

fn written(value: &Measured) -> String {
    match &value.unit {
        Some(unit) => format!("{} {unit}", value.value),
        None => value.value.to_string(),
    }
}

fn not_asked(index: usize, value: &Measured) -> Row {
    Row {
        characteristic: value.characteristic.clone(),
        lot: value.lot.clone(),
        method: value.method.clone(),
        unit: value.unit.clone(),
        lower: None,
        upper: None,
        value: Some(value.value),
        written: None,
        verdict: Verdict::NotAsked,
        index: Some(index),
    }
}

fn difference(row: &Row, certificate: &Certificate) -> Finding {
    let name = match &row.lot {
        Some(lot) => format!("{} of lot {lot}", row.characteristic),
        None => row.characteristic.clone(),
    };
    let unit = row.unit.as_deref().map(|unit| format!(" {unit}")).unwrap_or_default();
    let shown = match (&row.written, row.value) {
        (Some(written), Some(value)) => format!("{written} ({}{unit})", value.normalize()),
        (Some(written), None) => written.clone(),
        (None, Some(value)) => format!("{}{unit}", value.normalize()),
        (None, None) => String::new(),
    };
    let at = |field: &str| row.index.map_or_else(|| "values".to_owned(), |index| format!("values.{index}.{field}"));
    let limit = |limit: Option<Decimal>| limit.map(|limit| limit.normalize().to_string()).unwrap_or_default();
    match row.verdict {
        Verdict::Below => {
            let message = format!(
                "{name}: {shown} is below the lower limit {}{unit}. Check the value, or confirm that it is as printed.",
                limit(row.lower)
            );
            Finding::warns(at("value"), "below_limit", message)
        }
        Verdict::Above => {
            let message = format!(
                "{name}: {shown} is above the upper limit {}{unit}. Check the value, or confirm that it is as printed.",
                limit(row.upper)
            );
            Finding::warns(at("value"), "above_limit", message)
        }
        Verdict::Missing => {
            let message =
                format!("{name} is missing. Enter its value from the certificate, or confirm that it is not on it.");
            Finding::warns(at("value"), "value_missing", message)
        }
        _ => {
            let value = row.index.and_then(|index| certificate.values.get(index));
            let why = match value
                .map(|value| (value.unit.as_deref(), convert(value.value, value.unit.as_deref(), row.unit.as_deref())))
            {
                Some((None, _)) => format!("it has no unit, and the limits are in{unit}"),
                Some((_, Err(problem @ UnitProblem::Different { .. }))) => problem.to_string(),
                Some((_, Err(problem))) => format!("{problem}, and the limits are in{unit}"),
                _ => format!("the limits are in{unit}"),
            };
            let message = format!("{name}: {shown} was not compared: {why}. Correct the unit, or convert the value.");
            Finding::warns(at("unit"), "unit_unclear", message)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::certificate::CertificateKind;
    use crate::id::CertificateId;
    use crate::refusal::Weight;

    fn number(text: &str) -> Decimal {
        Decimal::from_str_exact(text).expect("a decimal")
    }

    fn on(text: &str) -> NaiveDate {
        text.parse().expect("a day")
    }

    fn steel() -> Specification {
        let of = |name: &str, unit: &str, lower: Option<&str>, upper: Option<&str>, required| Characteristic {
            name: name.to_owned(),
            unit: Some(unit.to_owned()),
            lower: lower.map(number),
            upper: upper.map(number),
            required,
            ..Characteristic::default()
        };
        Specification {
            version: 1,
            characteristics: vec![
                of("C", "%", Some("0.38"), Some("0.45"), true),
                of("P", "%", None, Some("0.025"), true),
                of("Rm", "MPa", Some("900"), Some("1100"), true),
                of("KV", "J", Some("35"), None, false),
            ],
        }
    }

    fn value(name: &str, amount: &str, unit: Option<&str>, lot: Option<&str>) -> Measured {
        Measured {
            characteristic: name.to_owned(),
            lot: lot.map(str::to_owned),
            method: None,
            unit: unit.map(str::to_owned),
            value: number(amount),
        }
    }

    fn certificate(values: Vec<Measured>) -> Certificate {
        Certificate {
            certificate_id: CertificateId(Uuid::from_u128(1)),
            number: "Z-4711".to_owned(),
            kind: CertificateKind::En31,
            per: CertificatePer::Lot,
            item: "0415-90".to_owned(),
            lots: vec!["H1".to_owned(), "H2".to_owned()],
            delivery_note: None,
            issuer: "Stahlwerk".to_owned(),
            issued_on: on("2026-11-20"),
            valid_until: None,
            documents: Vec::new(),
            values,
        }
    }

    fn facts() -> Facts {
        Facts { today: on("2026-11-23"), lots: Vec::new() }
    }

    fn rules(certificate: &Certificate, facts: &Facts) -> Vec<String> {
        let checked = check(certificate, Some(&steel()), facts);
        checked.findings.into_iter().map(|finding| format!("{} {}", finding.at, finding.rule)).collect()
    }

    fn good() -> Vec<Measured> {
        vec![
            value("C", "0.42", Some("%"), None),
            value("P", "110", Some("ppm"), None),
            value("Rm", "0.98", Some("GPa"), None),
        ]
    }

    #[test]
    fn a_certificate_within_all_limits_has_no_findings_whatever_its_units() {
        let checked = check(&certificate(good()), Some(&steel()), &facts());
        assert_eq!(checked.findings, []);
        let rows: Vec<_> =
            checked.rows.iter().map(|row| (row.characteristic.as_str(), row.value, row.verdict)).collect();
        assert_eq!(
            rows,
            [
                ("C", Some(number("0.42")), Verdict::Within),
                ("P", Some(number("0.011")), Verdict::Within),
                ("Rm", Some(number("980")), Verdict::Within),
                ("KV", None, Verdict::NotGiven),
            ]
        );
    }

    #[test]
    fn each_difference_is_named_with_value_limit_and_way_out() {
        let values = vec![
            value("C", "0.46", Some("%"), None),
            value("Rm", "899.9", Some("N/mm²"), None),
            value("KV", "40", Some("kgm"), None),
            value("Cu", "0.1", Some("%"), None),
        ];
        let checked = check(&certificate(values), Some(&steel()), &facts());
        let said: Vec<_> = checked.findings.iter().map(|finding| finding.message.as_str()).collect();
        assert_eq!(
            said,
            [
                "C: 0.46 % is above the upper limit 0.45 %. Check the value, or confirm that it is as printed.",
                "P is missing. Enter its value from the certificate, or confirm that it is not on it.",
                "Rm: 899.9 N/mm² (899.9 MPa) is below the lower limit 900 MPa. Check the value, or confirm that it is as printed.",
                "KV: 40 kgm was not compared: the unit kgm is not known, and the limits are in J. Correct the unit, or convert the value.",
            ]
        );
        assert!(checked.findings.iter().all(|finding| finding.weight == Weight::Warns));
        assert_eq!(checked.rows.last().map(|row| row.verdict), Some(Verdict::NotAsked));
    }

    #[test]
    fn limits_themselves_are_good() {
        let values = vec![
            value("C", "0.38", Some("%"), None),
            value("P", "0.025", Some("%"), None),
            value("Rm", "1100", Some("MPa"), None),
        ];
        assert_eq!(rules(&certificate(values), &facts()), Vec::<String>::new());
    }

    #[test]
    fn a_value_for_one_lot_is_missing_for_the_other() {
        let mut values = good();
        values[2].lot = Some("h1".to_owned());
        assert_eq!(rules(&certificate(values.clone()), &facts()), ["values value_missing"]);
        values[2].lot = Some("H9".to_owned());
        assert_eq!(
            rules(&certificate(values), &facts()),
            ["values.2.lot lot_not_covered", "values value_missing", "values value_missing"]
        );
    }

    #[test]
    fn what_cannot_be_true_stops() {
        let mut wrong = certificate(good());
        wrong.issued_on = on("2026-11-24");
        wrong.lots.clear();
        wrong.number = " ".to_owned();
        let checked = check(&wrong, Some(&steel()), &facts());
        let stops: Vec<_> = checked.findings.iter().map(|it| (it.rule.as_str(), it.weight)).collect();
        assert_eq!(
            stops,
            [("number_missing", Weight::Stops), ("issued_in_future", Weight::Stops), ("lots_missing", Weight::Stops)]
        );
        let mut standing = certificate(good());
        standing.per = CertificatePer::Standing;
        standing.valid_until = Some(on("2026-11-22"));
        assert_eq!(rules(&standing, &facts()), ["valid_until expired"]);
    }

    #[test]
    fn a_wrong_heat_and_a_date_before_production_are_seen() {
        let mut facts = facts();
        facts.lots = vec![("H1".to_owned(), Some(on("2026-11-21"))), ("H3".to_owned(), None)];
        assert_eq!(rules(&certificate(good()), &facts), ["issued_on issued_before_production", "lots lot_unknown"]);
    }

    #[test]
    fn a_declaration_needs_no_values() {
        let mut declaration = certificate(Vec::new());
        declaration.kind = CertificateKind::Coc;
        assert_eq!(rules(&declaration, &facts()), Vec::<String>::new());
    }

    proptest! {
        #[test]
        fn the_verdict_does_not_depend_on_the_unit_it_is_written_in(hundredths in 80_000_i64..120_000) {
            let in_mpa = Decimal::new(hundredths, 2);
            let verdict = |amount: Decimal, unit: &str| {
                let mut values = good();
                values[2] = Measured { value: amount, unit: Some(unit.to_owned()), ..values[2].clone() };
                let rows = compare(&certificate(values), &steel());
                rows.iter().find(|row| row.characteristic == "Rm").map(|row| row.verdict)
            };
            let expected = if in_mpa < Decimal::from(900) { Verdict::Below } else if in_mpa > Decimal::from(1100) { Verdict::Above } else { Verdict::Within };
            prop_assert_eq!(verdict(in_mpa, "MPa"), Some(expected));
            prop_assert_eq!(verdict(in_mpa, "N/mm2"), Some(expected));
            prop_assert_eq!(verdict(in_mpa / Decimal::from(1000), "GPa"), Some(expected));
        }

        #[test]
        fn every_value_has_exactly_one_row(names in proptest::collection::vec("[A-Za-z ]{1,8}", 0..12)) {
            let values: Vec<Measured> = names.iter().map(|name| value(name, "1", Some("%"), None)).collect();
            let rows = compare(&certificate(values.clone()), &steel());
            let mut seen: Vec<usize> = rows.iter().filter_map(|row| row.index).collect();
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..values.len()).collect::<Vec<_>>());
        }
    }
}
