//! What a clerk types into the lines of a receipt, and what becomes of it. A row of the form is a line and lot as announced,
//! or something that was not announced; rows without a number are left out.

use domain::calendar::parse_day;
use domain::quantity::parse_number;
use domain::receipt::difference::Delivery;
use domain::receipt::post::PostLine;
use domain::refusal::{Finding, Weight};
use domain::{Decimal, NaiveDate};
use serde::{Deserialize, Serialize};

use crate::form::FieldProblem;
use crate::orders::answer::Fields;

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
        if text("accepted").is_empty() && text("damaged").is_empty() {
            if !text("note").is_empty() || !text("item").is_empty() {
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
            document_id: None,
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
    fn what_is_no_number_is_said_beside_its_input() {
        let today = "2026-12-01".parse().expect("a day");
        let form = typed(&[("r0-line", "1"), ("r0-accepted", "ten"), ("r2-line", "1"), ("r2-note", "a box of nuts")]);
        let problems = read(&delivery(), &form, today).expect_err("not understood");
        let fields: Vec<&str> = problems.iter().map(|problem| problem.field.as_str()).collect();
        assert_eq!(fields, ["r0-accepted", "r2-accepted"]);
    }
}
