//! The form of a certificate: from what stands in its inputs to what it says, and back. No page here, so that the door for
//! files and the tests can use it.
//!
//! Inputs: `supplier`, `item`, `kind`, `per`, `number`, `issuer`, `issued_on`, `valid_until`, `delivery_note`, `lots`,
//! `pasted`, `confirmed`; values in rows `v0-name`, `v0-unit`, `v0-value`, `v0-lot`, `v0-method`; files as `doc-<id>`.

use chrono::NaiveDate;
use domain::calendar::{day, parse_day};
use domain::certificate::reading::{self, Transcript};
use domain::certificate::{Certificate, CertificateKind, CertificatePer, Measured, pasted};
use domain::id::{CertificateId, DocumentId, SupplierId};
use uuid::Uuid;

use crate::form::FieldProblem;
use crate::orders::answer::Fields;
use crate::uploads::DOCUMENT;

/// The name of its draft.
pub const FORM: &str = "certificate.new";
/// Rows for values that are shown at least.
const ROWS: usize = 8;
/// The most rows that are shown; more values come from a file or a pasted table and are kept.
pub const MOST_ROWS: usize = 300;

/// The page of the form; `object` is the certificate that is replaced, or nothing.
pub fn page_of(object: &str) -> String {
    match object.parse::<CertificateId>() {
        Ok(id) => format!("/certificates/new?replaces={id}"),
        Err(_) => "/certificates/new".to_owned(),
    }
}

/// The text of a field.
pub fn text<'a>(fields: &'a Fields, name: &str) -> &'a str {
    fields.get(name).map(|text| text.trim()).unwrap_or_default()
}

/// How many rows of values the form has.
pub fn rows(fields: &Fields) -> usize {
    let last = fields
        .iter()
        .filter(|(_, text)| !text.trim().is_empty())
        .filter_map(|(name, _)| name.strip_prefix('v')?.split_once('-')?.0.parse::<usize>().ok())
        .max();
    let asked = text(fields, "rows").parse::<usize>().unwrap_or(0);
    last.map_or(0, |last| last + 1).max(asked).clamp(ROWS, MOST_ROWS)
}

/// Documents of the form: id and name.
pub fn documents(fields: &Fields) -> Vec<(DocumentId, String)> {
    fields.iter().filter_map(|(name, text)| Some((name.strip_prefix(DOCUMENT)?.parse().ok()?, text.clone()))).collect()
}

/// What the inputs say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// Whose it is, where the form says so.
    pub supplier_id: Option<SupplierId>,
    /// The certificate; days that could not be read are today.
    pub certificate: Certificate,
    /// For each value the row it stands in.
    pub row_of: Vec<usize>,
    /// What could not be read.
    pub problems: Vec<FieldProblem>,
}

impl Read {
    /// The input that a place in a finding means.
    pub fn input(&self, at: &str) -> String {
        let mut parts = at.split('.');
        match (parts.next(), parts.next().and_then(|index| index.parse::<usize>().ok()), parts.next()) {
            (Some("values"), Some(index), Some(field)) => {
                self.row_of.get(index).map_or_else(|| "values".to_owned(), |row| format!("v{row}-{field}"))
            }
            _ => at.to_owned(),
        }
    }
}

/// Reads the inputs. `today`: where the reader is.
pub fn read(fields: &Fields, today: NaiveDate) -> Read {
    let mut problems = Vec::new();
    let own = |name: &str| text(fields, name).to_owned();
    let mut on = |name: &str, must: bool| match parse_day(text(fields, name), today) {
        Ok(on) => Some(on),
        Err(domain::calendar::DayProblem::Empty) if !must => None,
        Err(domain::calendar::DayProblem::Empty) => {
            problems.push(FieldProblem::new(name, "Enter the date of issue that stands on the certificate."));
            None
        }
        Err(problem) => {
            problems.push(FieldProblem::new(name, problem.to_string()));
            None
        }
    };
    let issued_on = on("issued_on", true).unwrap_or(today);
    let valid_until = on("valid_until", false);
    let kind = text(fields, "kind").parse::<CertificateKind>().unwrap_or_else(|_| {
        problems.push(FieldProblem::new("kind", "Choose the type of certificate."));
        CertificateKind::En31
    });
    let per = text(fields, "per").parse::<CertificatePer>().unwrap_or(CertificatePer::Lot);
    let lots = text(fields, "lots").split([',', ';', '\n', '\t']).map(str::trim).filter(|lot| !lot.is_empty());
    let (mut values, mut row_of) = (Vec::new(), Vec::new());
    for row in 0..rows(fields) {
        let cell = |field: &str| text(fields, &format!("v{row}-{field}"));
        let (name, written) = (cell("name"), cell("value"));
        if written.is_empty() {
            continue; // a row that was offered and not used
        }
        if name.is_empty() {
            problems.push(FieldProblem::new(format!("v{row}-name"), "Enter what was measured."));
            continue;
        }
        match pasted::value_of(written) {
            Ok((value, behind)) => {
                let filled = |text: &str| (!text.is_empty()).then(|| text.to_owned());
                values.push(Measured {
                    characteristic: name.to_owned(),
                    lot: filled(cell("lot")),
                    method: filled(cell("method")),
                    unit: filled(cell("unit")).or(behind),
                    value,
                });
                row_of.push(row);
            }
            Err(problem) => problems.push(FieldProblem::new(format!("v{row}-value"), format!("{name}: {problem}"))),
        }
    }
    let certificate = Certificate {
        certificate_id: CertificateId(Uuid::nil()),
        number: own("number"),
        kind,
        per,
        item: own("item"),
        lots: lots.map(str::to_owned).collect(),
        delivery_note: Some(own("delivery_note")).filter(|note| !note.is_empty()),
        issuer: own("issuer"),
        issued_on,
        valid_until,
        documents: documents(fields).into_iter().map(|(id, _)| id).collect(),
        values,
    };
    Read { supplier_id: text(fields, "supplier").parse().ok(), certificate, row_of, problems }
}

/// Puts a value into a row of the form.
fn put(fields: &mut Fields, row: usize, value: &Measured) {
    let mut set = |field: &str, text: &str| drop(fields.insert(format!("v{row}-{field}"), text.to_owned()));
    set("name", &value.characteristic);
    set("unit", value.unit.as_deref().unwrap_or_default());
    set("value", &value.value.to_string());
    set("lot", value.lot.as_deref().unwrap_or_default());
    set("method", value.method.as_deref().unwrap_or_default());
}

/// A name without what people write differently: `Rp0,2` is `Rp 0.2`.
fn plain(name: &str) -> String {
    name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Writes days that were typed as `-3` or `fri` as the days that they mean, before the meaning moves on.
pub fn fix_days(fields: &mut Fields, today: NaiveDate) {
    for name in ["issued_on", "valid_until"] {
        if let Ok(on) = parse_day(text(fields, name), today) {
            fields.insert(name.to_owned(), day(on));
        }
    }
}

/// Adds values: into the row that offers the same name and is empty, else behind the last.
fn add_values(fields: &mut Fields, values: &[Measured]) -> usize {
    let mut left_out = 0;
    for value in values {
        let same = |row: &usize| {
            plain(text(fields, &format!("v{row}-name"))) == plain(&value.characteristic)
                && text(fields, &format!("v{row}-value")).is_empty()
        };
        let free = |row: &usize| {
            text(fields, &format!("v{row}-name")).is_empty() && text(fields, &format!("v{row}-value")).is_empty()
        };
        let row = (0..MOST_ROWS).find(same).or_else(|| (0..MOST_ROWS).find(free));
        match row {
            Some(row) => put(fields, row, value),
            None => left_out += 1,
        }
    }
    left_out
}

/// Moves what was pasted into the rows; lines that were not understood stay, with what is wrong with them.
pub fn take_pasted(fields: &mut Fields) -> Vec<FieldProblem> {
    let given = fields.remove("pasted").unwrap_or_default();
    if given.trim().is_empty() {
        return Vec::new();
    }
    let (values, bad) = pasted::read(&given);
    let mut problems: Vec<FieldProblem> =
        bad.iter().map(|line| FieldProblem::new("pasted", line.message.clone())).collect();
    let left_out = add_values(fields, &values);
    if left_out > 0 {
        let words = format!("{left_out} values did not fit; a certificate has at most {MOST_ROWS} here.");
        problems.push(FieldProblem::new("pasted", words));
    }
    let rest: Vec<&str> = given
        .lines()
        .enumerate()
        .filter(|(index, _)| bad.iter().any(|line| line.line == index + 1))
        .map(|(_, line)| line)
        .collect();
    if !rest.is_empty() {
        fields.insert("pasted".to_owned(), rest.join("\n"));
    }
    problems
}

/// Takes over what a JSON certificate says: into empty fields and the rows, so that nothing typed is lost.
pub fn take_over(fields: &mut Fields, file: &[u8]) -> Vec<FieldProblem> {
    let Transcript { kind, number, issuer, issued_on, lots, delivery_note, values, left_out } =
        match reading::read(file) {
            Ok(transcript) => transcript,
            Err(error) => return vec![FieldProblem::new("files", error.to_string())],
        };
    let mut fill = |name: &str, said: Option<String>| {
        if let Some(said) = said.filter(|_| text(fields, name).is_empty()) {
            fields.insert(name.to_owned(), said);
        }
    };
    fill("number", number);
    fill("issuer", issuer);
    fill("issued_on", issued_on.map(day));
    fill("delivery_note", delivery_note);
    fill("lots", Some(lots.join(", ")).filter(|lots| !lots.is_empty()));
    if let Some(kind) = kind {
        fields.insert("kind".to_owned(), kind.as_str().to_owned());
    }
    let more = add_values(fields, &values);
    let mut problems: Vec<FieldProblem> = left_out.into_iter().map(|words| FieldProblem::new("files", words)).collect();
    if more > 0 {
        problems.push(FieldProblem::new("files", format!("{more} values of the file did not fit and were left out.")));
    }
    problems
}

/// The form of a certificate that was handed in, to be corrected and sent in its place.
pub fn of(certificate: &Certificate, supplier_id: SupplierId, files: &[(DocumentId, String)]) -> Fields {
    let mut fields = Fields::new();
    let mut set = |name: &str, text: String| drop(fields.insert(name.to_owned(), text));
    set("supplier", supplier_id.to_string());
    set("item", certificate.item.clone());
    set("kind", certificate.kind.as_str().to_owned());
    set("per", certificate.per.as_str().to_owned());
    set("number", certificate.number.clone());
    set("issuer", certificate.issuer.clone());
    set("issued_on", day(certificate.issued_on));
    set("valid_until", certificate.valid_until.map(day).unwrap_or_default());
    set("delivery_note", certificate.delivery_note.clone().unwrap_or_default());
    set("lots", certificate.lots.join(", "));
    for (id, name) in files {
        set(&format!("{DOCUMENT}{id}"), name.clone());
    }
    for (row, value) in certificate.values.iter().take(MOST_ROWS).enumerate() {
        put(&mut fields, row, value);
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> Fields {
        pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    fn today() -> NaiveDate {
        "2026-12-04".parse().expect("a day")
    }

    #[test]
    fn a_filled_form_becomes_a_certificate_and_findings_lead_to_its_inputs() {
        let id = DocumentId(Uuid::from_u128(7));
        let mut form = fields(&[
            ("item", "0415-90"),
            ("kind", "en_3_1"),
            ("per", "lot"),
            ("number", " Z-4711 "),
            ("issuer", "Stahlwerk Nord"),
            ("issued_on", "20 Nov 2026"),
            ("lots", "H1; H2,\nH3"),
            ("v0-name", "C"),
            ("v2-name", "Rm"),
            ("v2-value", "899,5 MPa"),
            ("v3-name", "A"),
            ("v3-unit", "%"),
            ("v3-value", "12.5"),
        ]);
        form.insert(format!("doc-{id}"), "zeugnis.pdf".to_owned());
        let read = read(&form, today());
        assert_eq!(read.problems, []);
        assert_eq!(read.certificate.number, "Z-4711");
        assert_eq!(read.certificate.lots, ["H1", "H2", "H3"]);
        assert_eq!(read.certificate.documents, [id]);
        let values: Vec<_> =
            read.certificate.values.iter().map(|it| (it.value.to_string(), it.unit.as_deref())).collect();
        assert_eq!(values, [("899.5".to_owned(), Some("MPa")), ("12.5".to_owned(), Some("%"))]);
        assert_eq!(read.input("values.0.value"), "v2-value");
        assert_eq!(read.input("issued_on"), "issued_on");
        assert_eq!(of(&read.certificate, SupplierId(id.0), &[]).get("v1-value").map(String::as_str), Some("12.5"));
    }

    #[test]
    fn what_cannot_be_read_is_named_at_its_input() {
        let form = fields(&[
            ("kind", "x"),
            ("v0-value", "1"),
            ("v1-name", "C"),
            ("v1-value", "about"),
            ("valid_until", "4/12"),
        ]);
        let problems: Vec<_> = read(&form, today()).problems.into_iter().map(|it| it.field).collect();
        assert_eq!(problems, ["issued_on", "valid_until", "kind", "v0-name", "v1-value"]);
    }

    #[test]
    fn a_pasted_table_fills_offered_rows_first_and_bad_lines_stay() {
        let mut form =
            fields(&[("v0-name", "C"), ("v1-name", "Rp0.2"), ("pasted", "Rp0,2; MPa; 957\nSi; %; much\nCr; %; 1,05")]);
        let problems = take_pasted(&mut form);
        assert_eq!(problems.len(), 1);
        assert_eq!(text(&form, "v1-value"), "957");
        assert_eq!((text(&form, "v2-name"), text(&form, "v2-value")), ("Cr", "1.05"));
        assert_eq!(text(&form, "pasted"), "Si; %; much");
    }

    #[test]
    fn a_certificate_as_data_fills_what_is_empty_and_nothing_else() {
        let file =
            br#"{"Certificate":{"CommercialTransaction":{"A02":"EN 10204 3.1","A03":"Z-1","A01":{"Name":"Mill"}},
            "ProductDescription":{"B07":"H-1"},"Validation":{"Z02":"2026-11-20"},
            "Inspection":{"ChemicalComposition":{"C71":{"Symbol":"C","Actual":{"Value":"0.42"},"Unit":"%"}}}}}"#;
        let mut form = fields(&[("number", "typed"), ("v0-name", "C")]);
        assert_eq!(take_over(&mut form, file), []);
        assert_eq!((text(&form, "number"), text(&form, "issuer")), ("typed", "Mill"));
        assert_eq!((text(&form, "issued_on"), text(&form, "lots")), ("20 Nov 2026", "H-1"));
        assert_eq!(text(&form, "v0-value"), "0.42");
    }
}
