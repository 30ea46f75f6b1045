//! What of a draft its pages show as inputs, and what is too long for that: only shown, and kept whole on the server.
//!
//! A ship notice holds 10,000 lots and 50,000 serials; they come through the API or are pasted. A page of that many inputs
//! serves nobody, and what it posts is larger than a form may be. So a step writes a mark in place of the inputs of what is
//! too long, and [`Draft::take_lines`] and [`Draft::take_units`] leave everything marked as it was. Nothing is ever cut:
//! what cannot be taken whole is refused in words.

use chrono::NaiveDate;
use domain::quantity::grouped;
use domain::shipment::check::MOST_LOTS;
use domain::shipment::content::ShipContent;

use super::draft::{Draft, TypedLine};
use crate::form::FieldProblem;

/// The most lots that a page shows as inputs, of all lines together.
pub const MOST_ROWS: usize = 400;
/// The most text in the inputs of lots and serials, in bytes: what a page posts stays well below what a form may have.
const MOST_TEXT: usize = 200 * 1024;
/// The most packages that a page shows as inputs.
const MOST_PACKAGES: usize = 100;
/// The most choices that the lists of what is in a package have together.
const MOST_CHOICES: usize = 20_000;

impl Draft {
    /// For each line whether its lots and serials are inputs on the page. Where not, they are shown and kept whole.
    pub fn lines_that_fit(&self) -> Vec<bool> {
        let (mut rows, mut text) = (0, 0);
        self.lines
            .iter()
            .map(|line| {
                let (with_rows, with_text) = (rows + line.lots.len(), text + text_of(line));
                let fits = with_rows <= MOST_ROWS && with_text <= MOST_TEXT;
                if fits {
                    (rows, text) = (with_rows, with_text);
                }
                fits
            })
            .collect()
    }

    /// Whether the lots and serials of one line are inputs on the page.
    pub fn line_fits(&self, line: usize) -> bool {
        self.lines_that_fit().get(line).copied().unwrap_or(true)
    }

    /// Whether the packages are inputs on the page. Where not, they are counted and kept whole.
    pub fn units_fit(&self) -> bool {
        let choices = self.choices(str::to_owned).len();
        let contents: usize = self.units.iter().map(|unit| unit.contents.len()).sum();
        self.units.len() <= MOST_PACKAGES && choices <= 2 * MOST_PACKAGES && contents * choices <= MOST_CHOICES
    }

    /// The input at which a problem of `field` can be shown: where the field itself is not on the page, the button beside
    /// what is kept whole.
    pub fn shown_at(&self, field: &str) -> String {
        let parts: Vec<&str> = field.split('.').collect();
        match parts.as_slice() {
            ["lines", line, "lots" | "serials", ..] if !line.parse().is_ok_and(|line| self.line_fits(line)) => {
                format!("lines.{line}.add")
            }
            ["units", ..] if !self.units_fit() => "per_carton".to_owned(),
            _ => field.to_owned(),
        }
    }

    /// Whether sending the draft as it is would say exactly this content. An amendment on the page begins only then: a
    /// serial like `A1-A3`, say, is three serials once it is typed.
    pub fn says(&self, content: &ShipContent, base: NaiveDate) -> bool {
        self.content(base).is_ok_and(|said| said == *content)
    }

    /// How many further lots the notice can take, or why these are too many.
    pub(super) fn room_for(&self, more: usize, line: usize) -> Result<(), Vec<FieldProblem>> {
        let there: usize = self.lines.iter().map(|line| line.lots.len()).sum();
        if there + more <= MOST_LOTS {
            return Ok(());
        }
        let [most, more, there] = [MOST_LOTS, more, there].map(|count| grouped(count.into(), 0));
        let words = format!(
            "A ship notice holds {most} lots. It has {there}, and these are {more} more: nothing was taken over. Split it."
        );
        Err(vec![FieldProblem::new(format!("lines.{line}.paste"), words)])
    }
}

fn text_of(line: &TypedLine) -> usize {
    let lots = line.lots.iter().map(|lot| {
        [&lot.lot, &lot.quantity, &lot.expires_on, &lot.produced_on, &lot.origin, &lot.serials]
            .iter()
            .map(|text| text.len())
            .sum::<usize>()
    });
    line.serials.len() + lots.sum::<usize>()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use domain::Decimal;
    use domain::id::ScheduleLineId;
    use domain::shipment::ShippedLot;
    use domain::shipment::content::LineContent;

    use super::*;
    use crate::shipments::draft::{Fields, TypedLot, TypedPacked, TypedUnit};

    fn today() -> NaiveDate {
        "2026-12-01".parse().expect("a day")
    }

    fn line_of(lots: usize, serials: &[&str]) -> LineContent {
        let lot = |n: usize| ShippedLot {
            lot: format!("H-{n:05}"),
            quantity: Decimal::ONE,
            expires_on: None,
            produced_on: Some(today()),
            origin: Some("DE".to_owned()),
            serials: Vec::new(),
        };
        LineContent {
            schedule_line_id: id(0),
            quantity: Decimal::from(lots.max(1)),
            lots: (0..lots).map(lot).collect(),
            serials: serials.iter().map(|serial| (*serial).to_owned()).collect(),
        }
    }

    fn id(nth: usize) -> ScheduleLineId {
        format!("{nth:032x}").parse().expect("an id")
    }

    fn content_of(mut lines: Vec<LineContent>) -> ShipContent {
        for (nth, line) in lines.iter_mut().enumerate() {
            line.schedule_line_id = id(nth + 1);
        }
        ShipContent {
            delivery_note: "LS-1".to_owned(),
            ship_on: today(),
            arrive_on: today(),
            carrier: None,
            tracking: None,
            bill_of_lading: None,
            note: None,
            lines,
            units: Vec::new(),
        }
    }

    /// What the lines step posts of a draft, as its page writes the inputs.
    fn posted(draft: &Draft) -> Fields {
        let fits = draft.lines_that_fit();
        let mut f = BTreeMap::new();
        for (i, line) in draft.lines.iter().enumerate() {
            f.insert(format!("lines.{i}.id"), line.id.clone());
            f.insert(format!("lines.{i}.quantity"), line.quantity.clone());
            if !fits[i] {
                f.insert(format!("lines.{i}.kept"), "1".to_owned());
                continue;
            }
            for (j, lot) in line.lots.iter().enumerate() {
                f.insert(format!("lines.{i}.lots.{j}.lot"), lot.lot.clone());
                f.insert(format!("lines.{i}.lots.{j}.quantity"), lot.quantity.clone());
                f.insert(format!("lines.{i}.lots.{j}.produced_on"), lot.produced_on.clone());
                f.insert(format!("lines.{i}.lots.{j}.origin"), lot.origin.clone());
            }
            f.insert(format!("lines.{i}.serials"), line.serials.clone());
        }
        f
    }

    #[test]
    fn an_amendment_of_more_lots_than_a_page_holds_keeps_every_one_of_them() {
        for lots in [[1, 399], [400, 1], [401, 3], [2, 9_000]] {
            let content = content_of(lots.map(|count| line_of(count, &[])).into());
            let mut draft = Draft::of_content(&content, String::new(), "DE10");
            let form = posted(&draft);
            draft.take_lines(&form);
            assert!(draft.says(&content, today()), "{lots:?}");
        }
    }

    #[test]
    fn every_line_of_a_long_notice_comes_back_from_the_form() {
        let content = content_of((0..1_000).map(|_| line_of(2, &[])).collect());
        let mut draft = Draft::of_content(&content, String::new(), "DE10");
        assert_eq!(draft.lines_that_fit().iter().filter(|fits| **fits).count(), 200);
        let form = posted(&draft);
        draft.take_lines(&form);
        assert!(draft.says(&content, today()));
    }

    #[test]
    fn what_is_typed_beside_kept_lots_is_taken() {
        let content = content_of(vec![line_of(500, &[])]);
        let mut draft = Draft::of_content(&content, String::new(), "DE10");
        let mut form = posted(&draft);
        form.insert("lines.0.quantity".to_owned(), "501".to_owned());
        form.insert("lines.0.paste".to_owned(), "H-NEW;1".to_owned());
        draft.take_lines(&form);
        draft.take_paste(0).expect("room for one");
        let read = draft.read_lines(today()).expect("readable");
        assert_eq!((read[0].quantity, read[0].lots.len()), (Decimal::from(501), 501));
        assert_eq!(read[0].lots[500].lot, "H-NEW");
    }

    #[test]
    fn a_line_that_another_page_removed_stays_removed() {
        let content = content_of(vec![line_of(500, &[]), line_of(1, &[])]);
        let mut draft = Draft::of_content(&content, String::new(), "DE10");
        let form = posted(&draft);
        draft.lines.remove(0);
        draft.take_lines(&form);
        assert_eq!(draft.lines.len(), 1);
        assert_eq!(draft.lines[0].lots.len(), 1);
    }

    #[test]
    fn a_pasted_table_is_taken_whole_or_refused_whole() {
        let content = content_of(vec![line_of(0, &[])]);
        let mut draft = Draft::of_content(&content, String::new(), "DE10");
        let table = |rows: usize| (0..rows).map(|n| format!("P-{n};1\n")).collect::<String>();
        draft.lines[0].paste = table(4_000);
        draft.take_paste(0).expect("a ship notice holds them");
        assert_eq!(draft.lines[0].lots.len(), 4_000);

        draft.lines[0].paste = table(6_001);
        let problems = draft.take_paste(0).expect_err("one too many");
        assert!(problems[0].message.contains("nothing was taken over"), "{}", problems[0].message);
        assert_eq!(draft.lines[0].lots.len(), 4_000);
        assert_eq!(draft.lines[0].paste, table(6_001), "what was pasted is still there");
    }

    #[test]
    fn one_lot_more_than_the_page_shows_is_refused_in_words() {
        let content = content_of(vec![line_of(400, &[]), line_of(0, &[])]);
        let mut draft = Draft::of_content(&content, String::new(), "DE10");
        let problems = draft.add_lot(1).expect_err("no room on the page");
        assert_eq!(problems[0].field, "lines.1.add");
        assert!(draft.lines[1].lots.is_empty());
    }

    #[test]
    fn packages_that_do_not_fit_are_kept_and_not_added_to() {
        let content = content_of(vec![line_of(1, &[])]);
        let mut draft = Draft::of_content(&content, String::new(), "DE10");
        let part = TypedPacked { what: draft.lines[0].id.clone(), quantity: "1".to_owned() };
        let full =
            TypedUnit { number: 1, kind: "pallet".to_owned(), contents: vec![part; 500], ..TypedUnit::default() };
        draft.units = vec![full; MOST_PACKAGES];
        draft.add_unit(domain::shipment::PackageKind::Carton).expect_err("no room on the page");
        assert_eq!(draft.units.len(), MOST_PACKAGES);
        let before = draft.units.clone();
        draft.take_units(&Fields::from([("units.kept".to_owned(), "1".to_owned())]));
        assert_eq!(draft.units, before);
    }

    #[test]
    fn a_problem_of_what_is_only_shown_stands_beside_it() {
        let content = content_of(vec![line_of(500, &[]), line_of(1, &[])]);
        let draft = Draft::of_content(&content, String::new(), "DE10");
        assert_eq!(draft.shown_at("lines.0.lots.7.quantity"), "lines.0.add");
        assert_eq!(draft.shown_at("lines.1.lots.0.quantity"), "lines.1.lots.0.quantity");
        assert_eq!(draft.shown_at("lines.0.quantity"), "lines.0.quantity");
    }

    #[test]
    fn a_draft_that_would_say_something_else_is_told_apart() {
        let literal = content_of(vec![line_of(0, &["A1-A3"])]);
        assert!(!Draft::of_content(&literal, String::new(), "DE10").says(&literal, today()));
        let plain = content_of(vec![line_of(0, &["A1", "A2", "A3"])]);
        assert!(Draft::of_content(&plain, String::new(), "DE10").says(&plain, today()));
    }

    #[test]
    fn long_texts_are_kept_whole_too() {
        let mut draft = Draft::of_content(&content_of(vec![line_of(1, &[])]), String::new(), "DE10");
        draft.lines[0].lots = vec![TypedLot { serials: "S".repeat(MOST_TEXT + 1), ..TypedLot::default() }];
        assert!(!draft.line_fits(0));
    }
}
