//! A ship notice while somebody writes it: every step's inputs as they were typed, kept on the server between the steps.
//!
//! An input's id is the path that a finding of the check names (`lines.0.lots.1.lot`), and its name is `f[<id>]`. Each step
//! posts everything that stands on it and replaces its own part of the draft, so that two open tabs never write into each
//! other's rows. Reading is lenient about how a number or a day is written and never guesses what was meant.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use domain::Decimal;
use domain::calendar::parse_day;
use domain::id::ScheduleLineId;
use domain::quantity::{grouped, parse_number};
use domain::refusal::Finding;
use domain::shipment::content::{LineContent, PackedContent, Proposed, ShipContent, UnitContent};
use domain::shipment::packing::{PackAlike, pack_alike};
use domain::shipment::serials::{parse_serials, serials_in_short};
use domain::shipment::{PackageKind, ShippedLot};
use serde::{Deserialize, Serialize};

use super::whole::MOST_ROWS;
use crate::form::FieldProblem;

/// The fields of a form: id → text.
pub type Fields = BTreeMap<String, String>;

/// What was typed so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Draft {
    /// Identifies the sending; the same when it is sent twice.
    pub submission: String,
    /// The notice that it is to replace, and the version that was read.
    pub amends: Option<(String, i32)>,
    /// Why it is amended.
    pub reason: String,
    /// The plant it goes to, by code.
    pub plant: String,
    /// What is shipped.
    pub lines: Vec<TypedLine>,
    /// How it is packed.
    pub units: Vec<TypedUnit>,
    /// The fields of the transport step and, by their ids, of packing alike.
    pub fields: Fields,
    /// The whole was checked once: from then on every step shows what is wrong on it.
    pub checked: bool,
}

/// What stands in the inputs of one line.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TypedLine {
    /// The schedule line.
    pub id: String,
    /// How much.
    pub quantity: String,
    /// By lot.
    pub lots: Vec<TypedLot>,
    /// Serials, where there are no lots.
    pub serials: String,
    /// A table of lots that was pasted and is not taken apart yet.
    pub paste: String,
}

/// One lot of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TypedLot {
    /// Lot or heat.
    pub lot: String,
    /// How much.
    pub quantity: String,
    /// Last day of use.
    pub expires_on: String,
    /// Day of production.
    pub produced_on: String,
    /// Country.
    pub origin: String,
    /// Serials.
    pub serials: String,
}

/// One package.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TypedUnit {
    /// Its number in the notice.
    pub number: i32,
    /// What kind.
    pub kind: String,
    /// The number of the package it stands on.
    pub parent: String,
    /// Gross weight.
    pub gross_kg: String,
    /// Its SSCC from an earlier version.
    pub sscc: Option<String>,
    /// What lies in it.
    pub contents: Vec<TypedPacked>,
}

/// So much of one line and lot in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TypedPacked {
    /// Line and lot, see [`what_key`].
    pub what: String,
    /// How much.
    pub quantity: String,
}

impl TypedLot {
    fn is_blank(&self) -> bool {
        [&self.lot, &self.quantity, &self.expires_on, &self.produced_on, &self.serials]
            .iter()
            .all(|text| text.trim().is_empty())
    }
}

/// A line and lot as the value of a choice: the schedule line, and the lot after a blank.
pub fn what_key(line: &str, lot: Option<&str>) -> String {
    lot.map_or_else(|| line.to_owned(), |lot| format!("{line} {}", lot.trim()))
}

const LOT: [&str; 6] = ["lot", "quantity", "expires_on", "produced_on", "origin", "serials"];
/// The inputs of the transport step.
pub const TRANSPORT: [&str; 7] =
    ["delivery_note", "ship_on", "arrive_on", "carrier", "tracking", "bill_of_lading", "note"];

impl Draft {
    /// A draft with these lines, as they are proposed.
    pub fn of_lines(lines: &[Proposed], submission: String, plant: &str, today: NaiveDate) -> Self {
        let mut draft = Self { submission, plant: plant.to_owned(), ..Self::default() };
        draft.add_lines(lines);
        let ship_on = lines.iter().filter_map(|line| line.ship_on).min().filter(|on| *on >= today).unwrap_or(today);
        let arrive_on = lines.iter().filter_map(|line| line.due_on).min().filter(|on| *on >= ship_on);
        draft.put("ship_on", domain::calendar::day(ship_on));
        draft.put("arrive_on", arrive_on.map(domain::calendar::day).unwrap_or_default());
        draft
    }

    /// Adds lines that are not in it yet.
    pub fn add_lines(&mut self, lines: &[Proposed]) {
        for line in lines {
            let id = line.schedule_line_id.to_string();
            if !self.lines.iter().any(|known| known.id == id) {
                self.lines.push(TypedLine { id, quantity: grouped(line.quantity, 0), ..TypedLine::default() });
            }
        }
    }

    /// A draft of content that is there already: for a duplicate, or the next version.
    pub fn of_content(content: &ShipContent, submission: String, plant: &str) -> Self {
        let day = |on: Option<NaiveDate>| on.map(domain::calendar::day).unwrap_or_default();
        let mut draft = Self { submission, plant: plant.to_owned(), ..Self::default() };
        for line in &content.lines {
            draft.lines.push(TypedLine {
                id: line.schedule_line_id.to_string(),
                quantity: grouped(line.quantity, 0),
                lots: line
                    .lots
                    .iter()
                    .map(|lot| TypedLot {
                        lot: lot.lot.clone(),
                        quantity: grouped(lot.quantity, 0),
                        expires_on: day(lot.expires_on),
                        produced_on: day(lot.produced_on),
                        origin: lot.origin.clone().unwrap_or_default(),
                        serials: serials_in_short(&lot.serials),
                    })
                    .collect(),
                serials: serials_in_short(&line.serials),
                paste: String::new(),
            });
        }
        draft.set_units(&content.units);
        draft.put("delivery_note", content.delivery_note.clone());
        draft.put("ship_on", day(Some(content.ship_on)));
        draft.put("arrive_on", day(Some(content.arrive_on)));
        for (key, value) in [
            ("carrier", &content.carrier),
            ("tracking", &content.tracking),
            ("bill_of_lading", &content.bill_of_lading),
            ("note", &content.note),
        ] {
            draft.put(key, value.clone().unwrap_or_default());
        }
        draft
    }

    fn set_units(&mut self, units: &[UnitContent]) {
        self.units = units
            .iter()
            .map(|unit| TypedUnit {
                number: unit.number,
                kind: unit.kind.to_string(),
                parent: unit.parent.map(|parent| parent.to_string()).unwrap_or_default(),
                gross_kg: unit.gross_kg.map(|weight| grouped(weight, 0)).unwrap_or_default(),
                sscc: unit.sscc.clone(),
                contents: unit
                    .contents
                    .iter()
                    .map(|part| TypedPacked {
                        what: what_key(&part.schedule_line_id.to_string(), part.lot.as_deref()),
                        quantity: grouped(part.quantity, 0),
                    })
                    .collect(),
            })
            .collect();
    }

    /// One of the plain fields.
    pub fn text(&self, key: &str) -> &str {
        self.fields.get(key).map(String::as_str).unwrap_or_default()
    }

    fn put(&mut self, key: &str, value: String) {
        self.fields.insert(key.to_owned(), value);
    }

    /// Takes the lines as the first step posted them. Rows of lots in which nothing was typed are dropped; what the page
    /// only showed stays as it was.
    pub fn take_lines(&mut self, f: &Fields) {
        let text = |key: String| f.get(&key).cloned().unwrap_or_default();
        let before = std::mem::take(&mut self.lines);
        self.lines = (0_usize..)
            .map_while(|i| Some((i, f.get(&format!("lines.{i}.id"))?.clone())))
            .filter_map(|(i, id)| {
                let (quantity, paste) = (text(format!("lines.{i}.quantity")), text(format!("lines.{i}.paste")));
                if f.contains_key(&format!("lines.{i}.kept")) {
                    // Gone where another page removed the line.
                    let known = before.iter().find(|line| line.id == id)?;
                    return Some(TypedLine { quantity, paste, ..known.clone() });
                }
                let lots = (0_usize..)
                    .take_while(|j| f.contains_key(&format!("lines.{i}.lots.{j}.lot")))
                    .map(|j| {
                        let [lot, quantity, expires_on, produced_on, origin, serials] =
                            LOT.map(|field| text(format!("lines.{i}.lots.{j}.{field}")));
                        TypedLot { lot, quantity, expires_on, produced_on, origin, serials }
                    })
                    .filter(|lot| !lot.is_blank())
                    .collect();
                Some(TypedLine { id, quantity, lots, serials: text(format!("lines.{i}.serials")), paste })
            })
            .collect();
    }

    /// Takes the packages as the second step posted them, and the fields of packing alike.
    pub fn take_units(&mut self, f: &Fields) {
        let text = |key: String| f.get(&key).cloned().unwrap_or_default();
        for key in ["per_carton", "per_pallet"] {
            self.put(key, text(key.to_owned()));
        }
        if f.contains_key("units.kept") {
            return; // too many for inputs: they were only shown
        }
        self.units = (0_usize..)
            .map_while(|k| Some((k, f.get(&format!("units.{k}.number"))?.parse().ok()?)))
            .map(|(k, number)| TypedUnit {
                number,
                kind: text(format!("units.{k}.kind")),
                parent: text(format!("units.{k}.parent")),
                gross_kg: text(format!("units.{k}.gross_kg")),
                sscc: Some(text(format!("units.{k}.sscc"))).filter(|sscc| !sscc.is_empty()),
                contents: (0_usize..)
                    .map_while(|m| {
                        let what = f.get(&format!("units.{k}.contents.{m}.what"))?.clone();
                        Some(TypedPacked { what, quantity: text(format!("units.{k}.contents.{m}.quantity")) })
                    })
                    .filter(|part| !part.what.is_empty() || !part.quantity.trim().is_empty())
                    .collect(),
            })
            .collect();
    }

    /// Takes the fields of the transport step.
    pub fn take_transport(&mut self, f: &Fields) {
        for key in TRANSPORT {
            // A browser ends the lines of a text area with two characters.
            self.put(key, f.get(key).map(|text| text.replace("\r\n", "\n")).unwrap_or_default());
        }
    }

    /// Writes days that were typed as `+3` or `fri` as the days they mean now, so that a draft of yesterday means the same.
    pub fn settle_days(&mut self, base: NaiveDate) {
        let settle = |text: &mut String| {
            if let Ok(on) = parse_day(text, base) {
                *text = domain::calendar::day(on);
            }
        };
        for lot in self.lines.iter_mut().flat_map(|line| &mut line.lots) {
            settle(&mut lot.expires_on);
            settle(&mut lot.produced_on);
        }
        for key in ["ship_on", "arrive_on"] {
            if let Some(text) = self.fields.get_mut(key) {
                settle(text);
            }
        }
    }

    /// One more empty row of a lot: with what is left of the line, and the origin of the row before. Refused where the page
    /// has no room for it.
    pub fn add_lot(&mut self, place: usize) -> Result<(), Vec<FieldProblem>> {
        let Some(line) = self.lines.get_mut(place) else { return Ok(()) };
        let sum = line.lots.iter().filter_map(|lot| parse_number(&lot.quantity).ok()).fold(Decimal::ZERO, add);
        let left = parse_number(&line.quantity).ok().map(|whole| whole - sum).filter(|left| *left > Decimal::ZERO);
        let origin = line.lots.last().map(|lot| lot.origin.clone()).unwrap_or_default();
        let quantity = left.map(|left| grouped(left, 0)).unwrap_or_default();
        line.lots.push(TypedLot { quantity, origin, ..TypedLot::default() });
        if self.line_fits(place) {
            return Ok(());
        }
        self.lines[place].lots.pop();
        let words = format!("The page has fields for {MOST_ROWS} lots. Paste further ones as a table.");
        Err(vec![FieldProblem::new(format!("lines.{place}.add"), words)])
    }

    /// Takes a pasted table apart: one lot in each row, its columns lot, quantity, last day of use, day of production, origin,
    /// serials; separated by tabs or semicolons. Taken whole, or refused whole where a ship notice does not hold so many.
    pub fn take_paste(&mut self, place: usize) -> Result<(), Vec<FieldProblem>> {
        let Some(line) = self.lines.get(place) else { return Ok(()) };
        let rows = || line.paste.lines().map(str::trim).filter(|row| !row.is_empty());
        self.room_for(rows().count(), place)?;
        let lots: Vec<TypedLot> = rows()
            .map(|row| {
                let mut cells = row.split(['\t', ';']).map(|cell| cell.trim().to_owned());
                let mut next = || cells.next().unwrap_or_default();
                TypedLot {
                    lot: next(),
                    quantity: next(),
                    expires_on: next(),
                    produced_on: next(),
                    origin: next(),
                    serials: next(),
                }
            })
            .collect();
        let line = &mut self.lines[place];
        line.paste.clear();
        line.lots.extend(lots);
        let whole = parse_number(&line.quantity).unwrap_or_default();
        if whole.is_zero() {
            line.quantity.clear();
        }
        Ok(())
    }

    /// One more package: a carton on the last pallet, where there is one. Refused where the page has no room for it.
    pub fn add_unit(&mut self, kind: PackageKind) -> Result<(), Vec<FieldProblem>> {
        let pallet = self.units.iter().rev().find(|unit| unit.kind == PackageKind::Pallet.as_str());
        let parent = match kind {
            PackageKind::Pallet => String::new(),
            _ => pallet.map(|pallet| pallet.number.to_string()).unwrap_or_default(),
        };
        let number = self.units.iter().map(|unit| unit.number).max().unwrap_or(0) + 1;
        let contents = if kind == PackageKind::Pallet { Vec::new() } else { vec![TypedPacked::default()] };
        self.units.push(TypedUnit { number, kind: kind.to_string(), parent, contents, ..TypedUnit::default() });
        if self.units_fit() {
            return Ok(());
        }
        self.units.pop();
        Err(no_room_for_packing())
    }

    /// One more thing in a package. Refused where the page has no room for it.
    pub fn add_content(&mut self, place: usize) -> Result<(), Vec<FieldProblem>> {
        let Some(unit) = self.units.get_mut(place) else { return Ok(()) };
        unit.contents.push(TypedPacked::default());
        if self.units_fit() {
            return Ok(());
        }
        self.units[place].contents.pop();
        Err(no_room_for_packing())
    }

    /// Takes a package out; what stood on it stands on nothing.
    pub fn remove_unit(&mut self, place: usize) {
        if place < self.units.len() {
            let gone = self.units.remove(place).number.to_string();
            for unit in self.units.iter_mut().filter(|unit| unit.parent == gone) {
                unit.parent.clear();
            }
        }
    }

    /// Packs all lines alike, in place of what was packed.
    pub fn pack(&mut self, base: NaiveDate) -> Result<(), Vec<FieldProblem>> {
        let problem = |key: &str, words: &str| vec![FieldProblem::new(key, words)];
        let per_carton =
            parse_number(self.text("per_carton")).map_err(|error| problem("per_carton", &error.to_string()))?;
        let pallets = self.text("per_pallet").trim();
        let cartons_per_pallet = match pallets {
            "" => None,
            text => Some(text.parse::<usize>().ok().filter(|count| *count > 0).ok_or_else(|| {
                problem("per_pallet", "Enter a whole number above 0, or leave it empty for cartons without pallets.")
            })?),
        };
        let lines = self.read_lines(base)?;
        let units = pack_alike(&lines, PackAlike { per_carton, cartons_per_pallet })
            .filter(|_| per_carton > Decimal::ZERO)
            .ok_or_else(|| {
                problem("per_carton", "Enter more per carton: above 0, and at most 10,000 packages in one ship notice.")
            })?;
        self.set_units(&units);
        Ok(())
    }

    /// What a choice of packed things is between: value and words, one for each line without lots and each lot.
    pub fn choices(&self, name: impl Fn(&str) -> String) -> Vec<(String, String)> {
        let mut choices = Vec::new();
        for line in &self.lines {
            let lots: Vec<_> = line.lots.iter().filter(|lot| !lot.lot.trim().is_empty()).collect();
            if lots.is_empty() {
                choices.push((what_key(&line.id, None), name(&line.id)));
            }
            choices.extend(lots.into_iter().map(|lot| {
                (what_key(&line.id, Some(&lot.lot)), format!("{}, lot {}", name(&line.id), lot.lot.trim()))
            }));
        }
        choices
    }

    /// The lines as the domain takes them, or everything that cannot be read.
    pub fn read_lines(&self, base: NaiveDate) -> Result<Vec<LineContent>, Vec<FieldProblem>> {
        let mut problems = Vec::new();
        let lines = self.lines_into(base, &mut problems);
        if problems.is_empty() { Ok(lines) } else { Err(problems) }
    }

    fn lines_into(&self, base: NaiveDate, problems: &mut Vec<FieldProblem>) -> Vec<LineContent> {
        self.lines.iter().enumerate().filter_map(|(i, line)| read_line(i, line, base, problems)).collect()
    }

    /// The content as the domain takes it, or everything that cannot be read. `base` is the day that `+3` and `fri` count
    /// from: today in the plant's calendar.
    pub fn content(&self, base: NaiveDate) -> Result<ShipContent, Vec<FieldProblem>> {
        let mut problems = Vec::new();
        let lines = self.lines_into(base, &mut problems);
        let units = self.units.iter().enumerate().map(|(k, unit)| read_unit(k, unit, &mut problems)).collect();
        let mut day = |key: &str| match parse_day(self.text(key), base) {
            Ok(on) => on,
            Err(error) => {
                problems.push(FieldProblem::new(key, error.to_string()));
                base
            }
        };
        let (ship_on, arrive_on) = (day("ship_on"), day("arrive_on"));
        if !problems.is_empty() {
            return Err(problems);
        }
        let text = |key: &str| Some(self.text(key).trim().to_owned()).filter(|text| !text.is_empty());
        Ok(ShipContent {
            delivery_note: self.text("delivery_note").trim().to_owned(),
            ship_on,
            arrive_on,
            carrier: text("carrier"),
            tracking: text("tracking"),
            bill_of_lading: text("bill_of_lading"),
            note: text("note"),
            lines,
            units,
        })
    }
}

fn no_room_for_packing() -> Vec<FieldProblem> {
    let words = "The page has no fields for more. So much is packed alike here, or comes through the API.";
    vec![FieldProblem::new("per_carton", words)]
}

fn add(sum: Decimal, next: Decimal) -> Decimal {
    sum.saturating_add(next)
}

fn number(at: String, typed: &str, problems: &mut Vec<FieldProblem>) -> Decimal {
    match parse_number(typed) {
        Ok(value) => value,
        Err(error) => {
            problems.push(FieldProblem::new(at, error.to_string()));
            Decimal::ZERO
        }
    }
}

fn serials(at: String, typed: &str, problems: &mut Vec<FieldProblem>) -> Vec<String> {
    match parse_serials(typed) {
        Ok(serials) => serials,
        Err(error) => {
            problems.push(FieldProblem::new(at, error.to_string()));
            Vec::new()
        }
    }
}

fn read_line(i: usize, line: &TypedLine, base: NaiveDate, problems: &mut Vec<FieldProblem>) -> Option<LineContent> {
    let Ok(schedule_line_id) = line.id.parse::<ScheduleLineId>() else {
        problems
            .push(FieldProblem::new("", "The form was not understood. Open the page again and send it from there."));
        return None;
    };
    let optional = |at: String, typed: &str, problems: &mut Vec<FieldProblem>| {
        if typed.trim().is_empty() {
            return None;
        }
        parse_day(typed, base).map_err(|error| problems.push(FieldProblem::new(at, error.to_string()))).ok()
    };
    let lots: Vec<ShippedLot> = line
        .lots
        .iter()
        .enumerate()
        .map(|(j, lot)| {
            let at = |field: &str| format!("lines.{i}.lots.{j}.{field}");
            ShippedLot {
                lot: lot.lot.trim().to_owned(),
                quantity: number(at("quantity"), &lot.quantity, problems),
                expires_on: optional(at("expires_on"), &lot.expires_on, problems),
                produced_on: optional(at("produced_on"), &lot.produced_on, problems),
                origin: Some(lot.origin.trim().to_uppercase()).filter(|origin| !origin.is_empty()),
                serials: serials(at("serials"), &lot.serials, problems),
            }
        })
        .collect();
    // Whoever enters the lots has said how much it is.
    let quantity = if line.quantity.trim().is_empty() && !lots.is_empty() {
        lots.iter().map(|lot| lot.quantity).fold(Decimal::ZERO, add)
    } else {
        number(format!("lines.{i}.quantity"), &line.quantity, problems)
    };
    let serials = serials(format!("lines.{i}.serials"), &line.serials, problems);
    Some(LineContent { schedule_line_id, quantity, lots, serials })
}

fn read_unit(k: usize, unit: &TypedUnit, problems: &mut Vec<FieldProblem>) -> UnitContent {
    let gross_kg =
        (!unit.gross_kg.trim().is_empty()).then(|| number(format!("units.{k}.gross_kg"), &unit.gross_kg, problems));
    let contents = unit
        .contents
        .iter()
        .enumerate()
        .filter_map(|(m, part)| {
            let at = format!("units.{k}.contents.{m}");
            let (line, lot) = match part.what.split_once(' ') {
                Some((line, lot)) => (line, Some(lot.to_owned())),
                None => (part.what.as_str(), None),
            };
            let Ok(schedule_line_id) = line.parse() else {
                problems.push(FieldProblem::new(format!("{at}.what"), "Choose what is in the package."));
                return None;
            };
            let quantity = number(format!("{at}.quantity"), &part.quantity, problems);
            Some(PackedContent { schedule_line_id, lot, quantity })
        })
        .collect();
    UnitContent {
        number: unit.number,
        kind: unit.kind.parse().unwrap_or(PackageKind::Other),
        parent: unit.parent.parse().ok(),
        gross_kg,
        sscc: unit.sscc.clone(),
        contents,
    }
}

/// The step on which an input stands, by its id.
pub fn step_of(field: &str) -> &'static str {
    match field.split('.').next().unwrap_or_default() {
        "lines" => "lines",
        "units" | "per_carton" | "per_pallet" => "packing",
        "" | "reason" => "review",
        _ => "transport",
    }
}

/// The input that a finding points at, where the finding is about a row as a whole.
pub fn input_of(at: &str) -> String {
    let parts: Vec<&str> = at.split('.').collect();
    match parts.as_slice() {
        ["lines", _] => format!("{at}.quantity"),
        ["lines", _, "lots"] => format!("lines.{}.add", parts[1]),
        ["units", _] => format!("{at}.kind"),
        ["units", _, "number" | "sscc"] => format!("units.{}.kind", parts[1]),
        ["units", _, "contents", _] => format!("{at}.what"),
        _ => at.to_owned(),
    }
}

/// What stops, as a form shows it.
pub fn problems_of(findings: &[Finding]) -> Vec<FieldProblem> {
    findings
        .iter()
        .filter(|finding| finding.weight == domain::refusal::Weight::Stops)
        .map(|finding| FieldProblem::new(input_of(&finding.at), finding.message.clone()))
        .collect()
}

#[cfg(test)]
#[path = "draft_tests.rs"]
mod tests;
