//! What a clerk types into the lines of a receipt, and what becomes of it. A row of the form is a line and lot as announced,
//! or something that was not announced; rows without a number are left out.
//!
//! A photo of damage comes by the door for files ([`crate::uploads`]): of the file in `r0-photo` it makes the fields
//! `r0-document`, the id, and `r0-document_name`, what the file is called.

use domain::calendar::parse_day;
use domain::document::MediaType;
use domain::id::DocumentId;
use domain::quantity::parse_number;
use domain::receipt::difference::Delivery;
use domain::receipt::post::PostLine;
use domain::refusal::{Finding, Weight};
use domain::{Decimal, NaiveDate};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::address::encoded;
use crate::form::FieldProblem;
use crate::orders::answer::Fields;

/// The name of its draft; the object is `notice.` or `order.` and the number.
pub(crate) const FORM: &str = "receive";
/// Rows for what nobody announced.
pub(super) const SPARE: usize = 2;

/// The form as it was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Typed {
    /// Inputs by id.
    pub fields: Fields,
    /// Nothing more is expected.
    pub complete: bool,
    /// The delivery note, for goods that nobody announced.
    pub delivery_note: String,
}

/// The id of an input of a row.
pub(super) fn key(row: usize, field: &str) -> String {
    format!("r{row}-{field}")
}

/// The name of an input on the way from the browser.
pub(super) fn name(row: usize, field: &str) -> String {
    format!("f[{}]", key(row, field))
}

/// Rows that the form may have at the most: what is announced, and some for what is not.
pub(super) fn rows(delivery: &Delivery) -> usize {
    delivery.parts().len() + SPARE
}

/// The page of the form about this object.
pub(crate) fn page_of(object: &str) -> String {
    match object.split_once('.') {
        Some(("order", number)) => format!("/inbound/orders/{}", encoded(number)),
        Some((_, number)) => format!("/inbound/{}", encoded(number)),
        None => "/inbound".to_owned(),
    }
}

/// Photos are images.
pub(crate) fn takes(media: MediaType) -> Result<(), &'static str> {
    match media {
        MediaType::Png | MediaType::Jpeg => Ok(()),
        MediaType::Pdf | MediaType::Json => Err("A photo is a PNG or JPEG image. It was not kept."),
    }
}

/// Names the photo of a row, in place of an earlier one.
pub(crate) fn attach(fields: &mut Fields, input: &str, id: DocumentId, name: String) {
    let row = input.strip_prefix('r').and_then(|rest| rest.strip_suffix("-photo")?.parse::<usize>().ok());
    if let Some(row) = row {
        fields.insert(key(row, "document"), id.to_string());
        fields.insert(key(row, "document_name"), name);
    }
}

/// The form as it was typed, from the inputs of the page.
pub(crate) fn draft(fields: Fields, others: &[(String, String)]) -> Value {
    let other = |name: &str| others.iter().find(|(known, _)| known == name).map(|(_, text)| text.clone());
    let (complete, delivery_note) = (other("complete").is_some(), other("delivery_note").unwrap_or_default());
    serde_json::to_value(Typed { fields, complete, delivery_note }).unwrap_or_default()
}

/// The lines that were typed, and for each the row that it stands in.
pub(super) fn read(
    delivery: &Delivery,
    typed: &Typed,
    today: NaiveDate,
) -> Result<(Vec<PostLine>, Vec<usize>), Vec<FieldProblem>> {
    let (mut lines, mut places, mut problems) = (Vec::new(), Vec::new(), Vec::new());
    for row in 0..rows(delivery) {
        let text = |field: &str| typed.fields.get(&key(row, field)).map(|text| text.trim()).unwrap_or_default();
        let optional = |field: &str| Some(text(field)).filter(|text| !text.is_empty()).map(str::to_owned);
        // A form without files sends the name of a file that was chosen and not attached; its content would be lost.
        if !text("photo").is_empty() {
            let words = "This photo was not attached. Choose it again and attach it before you post the receipt.";
            problems.push(FieldProblem::new(key(row, "photo"), words));
        }
        if text("accepted").is_empty() && text("damaged").is_empty() {
            if ["note", "item", "document"].iter().any(|field| !text(field).is_empty()) {
                problems.push(FieldProblem::new(key(row, "accepted"), "Enter how much of it came."));
            }
            continue;
        }
        let mut number = |field: &str| match text(field) {
            "" => Decimal::ZERO,
            typed => parse_number(typed).unwrap_or_else(|problem| {
                problems.push(FieldProblem::new(key(row, field), problem.to_string()));
                Decimal::ZERO
            }),
        };
        let (accepted, damaged) = (number("accepted"), number("damaged"));
        let expires_on = match text("expires_on") {
            "" => None,
            typed => match parse_day(typed, today) {
                Ok(day) => Some(day),
                Err(problem) => {
                    problems.push(FieldProblem::new(key(row, "expires_on"), problem.to_string()));
                    None
                }
            },
        };
        // `1` for a line of a ship notice, `-0010` for one of an order.
        let line = text("line");
        lines.push(PostLine {
            notice_line: line.parse().ok().filter(|_| delivery.notice.is_some()),
            line: line.strip_prefix('-').map(str::to_owned),
            item: optional("item"),
            lot: optional("lot"),
            expires_on,
            accepted,
            damaged,
            note: optional("note"),
            document_id: text("document").parse().ok(),
        });
        places.push(row);
    }
    if problems.is_empty() { Ok((lines, places)) } else { Err(problems) }
}

/// What stops a receipt, at the inputs of the form.
pub(super) fn problems(findings: Vec<Finding>, places: &[usize]) -> Vec<FieldProblem> {
    findings
        .into_iter()
        .filter(|finding| finding.weight == Weight::Stops)
        .map(|finding| {
            let mut path = finding.at.split('.');
            let at = match (path.next(), path.next().and_then(|index| index.parse::<usize>().ok()), path.next()) {
                (Some("lines"), Some(index), Some(field)) => {
                    places.get(index).map(|row| key(*row, field)).unwrap_or_default()
                }
                (Some(field), None, None) => field.to_owned(),
                _ => String::new(),
            };
            FieldProblem::new(at, finding.message)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use domain::quantity::Unit;
    use domain::receipt::difference::DueLine;

    use super::*;

    fn delivery() -> Delivery {
        let line = |number: i32| DueLine {
            notice_line: Some(number),
            order: "4500001".to_owned(),
            line: format!("00{number}0"),
            item: "4711".to_owned(),
            description: String::new(),
            unit: Unit::new("PCE"),
            has_lots: false,
            quantity: 10.into(),
            lots: Vec::new(),
        };
        Delivery {
            notice: Some(("SN-1".to_owned(), 1)),
            status: None,
            delivery_note: None,
            lines: vec![line(1), line(2)],
            came: Vec::new(),
        }
    }

    fn typed(fields: &[(&str, &str)]) -> Typed {
        let fields = fields.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        Typed { fields, ..Typed::default() }
    }

    #[test]
    fn rows_without_a_number_are_left_out_and_findings_come_back_to_their_row() {
        let today = "2026-12-01".parse().expect("a day");
        let form = typed(&[("r0-line", "1"), ("r1-line", "2"), ("r1-accepted", "1,000"), ("r1-note", " wet ")]);
        let (lines, places) = read(&delivery(), &form, today).expect("understood");
        assert_eq!((lines.len(), places.clone()), (1, vec![1]));
        assert_eq!(
            (lines[0].notice_line, lines[0].accepted, lines[0].note.as_deref()),
            (Some(2), 1000.into(), Some("wet"))
        );
        let found = vec![Finding::stops("lines.0.lot", "x", "no lot"), Finding::warns("lines.0.lot", "y", "odd")];
        assert_eq!(problems(found, &places), [FieldProblem::new("r1-lot", "no lot")]);
    }

    #[test]
    fn the_photo_of_a_row_goes_with_its_line_and_one_that_was_not_attached_stops() {
        let today = "2026-12-01".parse().expect("a day");
        let mut form = typed(&[("r1-line", "2"), ("r1-damaged", "3"), ("r1-photo", "")]);
        let id = DocumentId(uuid::Uuid::from_u128(7));
        attach(&mut form.fields, "r1-photo", id, "crushed.jpg".to_owned());
        attach(&mut form.fields, "supplier", id, "crushed.jpg".to_owned());
        assert_eq!(form.fields.get("r1-document_name").map(String::as_str), Some("crushed.jpg"));
        let (lines, _) = read(&delivery(), &form, today).expect("understood");
        assert_eq!(lines[0].document_id, Some(id));

        let form = typed(&[("r0-line", "1"), ("r0-accepted", "3"), ("r0-photo", "IMG_1.jpg"), ("r1-document", "x")]);
        let problems = read(&delivery(), &form, today).expect_err("the photo would be lost");
        let fields: Vec<&str> = problems.iter().map(|problem| problem.field.as_str()).collect();
        assert_eq!(fields, ["r0-photo", "r1-accepted"], "and a photo of nothing is asked about");
    }

    #[test]
    fn a_draft_of_the_page_is_the_form_again() {
        let others = [("complete", "yes"), ("delivery_note", "LS-1"), ("number", "SN-1")];
        let others = others.map(|(name, text)| (name.to_owned(), text.to_owned()));
        let fields = typed(&[("r0-accepted", "1")]).fields;
        let again: Typed = serde_json::from_value(draft(fields.clone(), &others)).expect("a form");
        assert_eq!(again, Typed { fields, complete: true, delivery_note: "LS-1".to_owned() });
        assert_eq!(page_of("order.4500/1"), "/inbound/orders/4500%2F1");
        assert_eq!(page_of("notice.SN-1"), "/inbound/SN-1");
    }

    #[test]
    fn what_is_no_number_is_said_beside_its_input() {
        let today = "2026-12-01".parse().expect("a day");
        let form = typed(&[("r0-line", "1"), ("r0-accepted", "ten"), ("r2-line", "1"), ("r2-note", "a box of nuts")]);
        let problems = read(&delivery(), &form, today).expect_err("not understood");
        let fields: Vec<&str> = problems.iter().map(|problem| problem.field.as_str()).collect();
        assert_eq!(fields, ["r0-accepted", "r2-accepted"]);
    }
}
