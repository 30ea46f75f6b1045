//! What was typed into the answer form, and what would come of it. The same code reads the form on the server and hints in
//! the browser while somebody types, so the two cannot disagree.
//!
//! The form is flat: one text per input under `<schedule line>-<part>-<field>`, which is also the input's id and what a
//! problem points at. On its way the name is `f[line-…]`: the reader of forms takes a key that begins with a digit for the
//! index of a list. Reading is lenient about how a number or a day is written and never guesses what was meant: whoever
//! types another day than asked for means a change, whatever the select beside it says.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use domain::Decimal;
use domain::calendar::parse_day;
use domain::confirmation::{Answer, AnswerKind, Assessment, Field, MOST_PARTS, Problem, Refusal};
use domain::id::ScheduleLineId;
use domain::negotiation::{Negotiation, Turn};
use domain::order::{Commitment, OrderLine, PurchaseOrder, Reason, ScheduleLine};
use domain::quantity::{grouped, parse_number};
use domain::tolerance::{Deviation, DeviationKind};

use crate::form::{FieldProblem, field_id};
use crate::ui::number::{price, quantity_text};
use crate::ui::tone::Tone;

/// The form as it came: input name → text.
pub type Fields = BTreeMap<String, String>;

/// The name and id of one input.
pub fn key(id: ScheduleLineId, part: usize, field: &str) -> String {
    format!("{id}-{part}-{field}")
}

/// An input's name on the way from the browser.
pub fn form_name(key: &str) -> String {
    format!("f[line-{key}]")
}

/// The form as it came from the browser, with its names as [`key`] makes them.
pub fn from_form(sent: Fields) -> Fields {
    sent.into_iter()
        .map(|(name, text)| (name.strip_prefix("line-").map_or(name.clone(), str::to_owned), text))
        .collect()
}

/// What stands in the inputs of one schedule line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TypedLine {
    /// The kind of answer, or nothing for "not yet".
    pub answer: String,
    /// One or more parts.
    pub parts: Vec<TypedPart>,
    /// Why.
    pub reason: String,
    /// In own words.
    pub note: String,
    /// The version of the schedule line that the form was made from.
    pub version: Option<i64>,
}

/// One part of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TypedPart {
    /// How much.
    pub quantity: String,
    /// Delivery day.
    pub deliver_on: String,
    /// Ship day.
    pub ship_on: String,
    /// Price for one.
    pub price: String,
}

impl TypedPart {
    fn is_blank(&self) -> bool {
        [&self.quantity, &self.deliver_on, &self.ship_on].iter().all(|text| text.trim().is_empty())
    }
}

impl TypedLine {
    /// From the form; none where the form does not know the line.
    pub fn read(fields: &Fields, id: ScheduleLineId) -> Option<Self> {
        let text = |part: usize, field: &str| fields.get(&key(id, part, field)).cloned();
        let answer = text(0, "answer")?;
        // One part more than allowed is read, so that the refusal names the limit.
        let parts = (0..=MOST_PARTS)
            .map_while(|part| {
                Some(TypedPart {
                    quantity: text(part, "quantity")?,
                    deliver_on: text(part, "deliver_on").unwrap_or_default(),
                    ship_on: text(part, "ship_on").unwrap_or_default(),
                    price: text(part, "price").unwrap_or_default(),
                })
            })
            .collect();
        Some(Self {
            answer,
            parts,
            reason: text(0, "reason").unwrap_or_default(),
            note: text(0, "note").unwrap_or_default(),
            version: text(0, "version").and_then(|version| version.parse().ok()),
        })
    }

    /// Into the form, in place of what it said about the line.
    pub fn write(&self, fields: &mut Fields, id: ScheduleLineId) {
        let prefix = format!("{id}-");
        fields.retain(|name, _| !name.starts_with(&prefix) || name.ends_with("-was"));
        let mut put = |part: usize, field: &str, text: &str| fields.insert(key(id, part, field), text.to_owned());
        put(0, "answer", &self.answer);
        put(0, "reason", &self.reason);
        put(0, "note", &self.note);
        if let Some(version) = self.version {
            put(0, "version", &version.to_string());
        }
        for (part, typed) in self.parts.iter().enumerate() {
            put(part, "quantity", &typed.quantity);
            put(part, "deliver_on", &typed.deliver_on);
            put(part, "ship_on", &typed.ship_on);
            put(part, "price", &typed.price);
        }
    }

    /// What the inputs show before anybody typed: the promise in force, else what is asked for.
    pub fn untouched(line: &OrderLine, schedule: &ScheduleLine) -> Self {
        Self {
            parts: shown(schedule).iter().map(|part| typed_part(part, line)).collect(),
            version: Some(schedule.version),
            ..Self::default()
        }
    }

    /// Adds an empty part with the quantity that is left.
    pub fn add_part(&mut self, line: &OrderLine, schedule: &ScheduleLine) {
        if self.parts.len() > MOST_PARTS {
            return;
        }
        let left = schedule.quantity - self.total();
        let quantity = if left > Decimal::ZERO { quantity_text(left, &line.unit) } else { String::new() };
        self.parts.push(TypedPart { quantity, ..TypedPart::default() });
        if self.answer.is_empty() || self.answer == AnswerKind::Accept.as_str() {
            AnswerKind::Change.as_str().clone_into(&mut self.answer);
        }
    }

    /// Takes a part away; the last one stays.
    pub fn remove_part(&mut self, part: usize) {
        if self.parts.len() > 1 && part < self.parts.len() {
            self.parts.remove(part);
        }
    }

    /// With the kind of answer that was meant, where the select beside the values says something else.
    #[must_use]
    pub fn settled(mut self, line: &OrderLine, schedule: &ScheduleLine) -> Self {
        match meant(line, schedule, &self).0 {
            Meant::Nothing => {}
            Meant::Said(answer) => answer.kind.as_str().clone_into(&mut self.answer),
            Meant::Unreadable(_) if matches!(self.answer.as_str(), "" | "accept") => {
                AnswerKind::Change.as_str().clone_into(&mut self.answer)
            }
            Meant::Unreadable(_) => {}
        }
        self
    }

    /// What the readable quantities add up to.
    pub fn total(&self) -> Decimal {
        self.parts
            .iter()
            .filter_map(|part| parse_number(&part.quantity).ok())
            .fold(Decimal::ZERO, |sum, quantity| sum.saturating_add(quantity))
    }
}

/// What is promised now, else what is asked for; an empty promise (declined) shows the request.
fn shown(schedule: &ScheduleLine) -> Vec<Commitment> {
    match (schedule.state, &schedule.promise) {
        (Negotiation::Accepted, Some(promise)) if !promise.is_empty() => promise.clone(),
        (Negotiation::InReview, _) => match &schedule.proposal {
            Some(proposal) if !proposal.commitments.is_empty() => proposal.commitments.clone(),
            _ => schedule.asked(),
        },
        _ => schedule.asked(),
    }
}

fn typed_part(part: &Commitment, line: &OrderLine) -> TypedPart {
    TypedPart {
        quantity: quantity_text(part.quantity, &line.unit),
        deliver_on: part.deliver_on.map(domain::calendar::day).unwrap_or_default(),
        ship_on: part.ship_on.map(domain::calendar::day).unwrap_or_default(),
        price: part.price.or(line.price).map(price).unwrap_or_default(),
    }
}

/// What somebody meant to say about one schedule line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meant {
    /// Nothing yet.
    Nothing,
    /// This.
    Said(Answer),
    /// Something that cannot be read, field by field.
    Unreadable(Vec<FieldProblem>),
}

/// Reads the answer to one schedule line, with the index of the input row of each part in it.
fn meant(line: &OrderLine, schedule: &ScheduleLine, typed: &TypedLine) -> (Meant, Vec<usize>) {
    let id = schedule.schedule_line_id;
    let mut problems = Vec::new();
    let kind = match typed.answer.parse::<AnswerKind>() {
        Ok(kind @ (AnswerKind::Reject | AnswerKind::Backorder | AnswerKind::Change)) => kind,
        Ok(AnswerKind::Accept) if !differs(line, typed, &schedule.asked(), schedule) => AnswerKind::Accept,
        Ok(AnswerKind::Accept) => AnswerKind::Change,
        Err(_) if typed.answer.is_empty() && !differs(line, typed, &shown(schedule), schedule) => {
            return (Meant::Nothing, Vec::new());
        }
        Err(_) if typed.answer.is_empty() => AnswerKind::Change,
        Err(_) => {
            problems.push(FieldProblem::new(key(id, 0, "answer"), "Choose one of the answers in the list."));
            AnswerKind::Change
        }
    };
    let mut rows = Vec::new();
    let mut commitments = Vec::new();
    if matches!(kind, AnswerKind::Change | AnswerKind::Backorder) {
        for (row, part) in typed.parts.iter().enumerate() {
            if typed.parts.len() > 1 && part.is_blank() {
                continue;
            }
            let mut problem = |field, words: String| problems.push(FieldProblem::new(key(id, row, field), words));
            let quantity = parse_number(&part.quantity)
                .map_err(|wrong| problem("quantity", wrong.to_string()))
                .unwrap_or_default();
            let mut day = |text: &str, field, base| match text.trim().is_empty() {
                true => None,
                false => parse_day(text, base).map_err(|wrong| problem(field, wrong.to_string())).ok(),
            };
            let deliver_on = day(&part.deliver_on, "deliver_on", schedule.requested_on);
            let ship_on = day(&part.ship_on, "ship_on", deliver_on.unwrap_or(schedule.requested_on));
            let price = match part.price.trim().is_empty() {
                true => None,
                false => parse_number(&part.price).map_err(|wrong| problem("price", wrong.to_string())).ok(),
            };
            rows.push(row);
            commitments.push(Commitment {
                quantity,
                deliver_on,
                ship_on,
                price: price.filter(|price| Some(*price) != line.price),
            });
        }
    }
    let reason = match typed.reason.trim() {
        "" => None,
        word => word
            .parse::<Reason>()
            .map_err(|_| {
                problems.push(FieldProblem::new(key(id, 0, "reason"), "Choose one of the reasons in the list."))
            })
            .ok(),
    };
    if !problems.is_empty() {
        return (Meant::Unreadable(problems), rows);
    }
    let note = Some(typed.note.trim().to_owned()).filter(|note| !note.is_empty());
    let version = typed.version.unwrap_or(schedule.version);
    (Meant::Said(Answer { schedule_line_id: id, version, kind, commitments, reason, note }), rows)
}

/// Whether quantity, day, ship day or price in the inputs say something else than these parts.
fn differs(line: &OrderLine, typed: &TypedLine, parts: &[Commitment], schedule: &ScheduleLine) -> bool {
    if typed.parts.len() != parts.len() {
        return !typed.parts.is_empty();
    }
    typed.parts.iter().zip(parts).any(|(typed, part)| {
        let day = |text: &str| parse_day(text, schedule.requested_on).ok();
        let blank = |text: &str| text.trim().is_empty();
        let same_quantity = blank(&typed.quantity) || parse_number(&typed.quantity).ok() == Some(part.quantity);
        let same_day =
            blank(&typed.deliver_on) || (part.deliver_on.is_some() && day(&typed.deliver_on) == part.deliver_on);
        let same_ship = blank(&typed.ship_on) || (part.ship_on.is_some() && day(&typed.ship_on) == part.ship_on);
        let same_price = blank(&typed.price) || parse_number(&typed.price).ok() == part.price.or(line.price);
        !(same_quantity && same_day && same_ship && same_price)
    })
}

/// Reads what the form says about these schedule lines: the answers, or all that is wrong with them at once, what cannot be
/// read as well as what a rule refuses. `today` is the day in the plant's calendar.
pub fn answers(order: &PurchaseOrder, fields: &Fields, today: NaiveDate) -> Result<Vec<Answer>, Vec<FieldProblem>> {
    let (mut said, mut problems) = (Vec::new(), Vec::new());
    for (line, schedule) in order.schedule_lines() {
        let Some(typed) = TypedLine::read(fields, schedule.schedule_line_id) else { continue };
        match meant(line, schedule, &typed).0 {
            Meant::Nothing => {}
            // What was written against an older version is for the store to refuse, with the difference.
            Meant::Said(answer) if answer.version != schedule.version => said.push(answer),
            Meant::Said(answer) => match order.assess(&answer, today) {
                Ok(_) => said.push(answer),
                Err(refused) => problems.extend(refused.iter().map(|problem| problem_of(order, fields, problem))),
            },
            Meant::Unreadable(more) => problems.extend(more.into_iter().map(|problem| FieldProblem {
                message: format!("Line {}: {}", line_name(line, schedule), problem.message),
                ..problem
            })),
        }
    }
    if problems.is_empty() { Ok(said) } else { Err(problems) }
}

/// `0010`, or `0010/2` where the line is asked for on several days.
pub fn line_name(line: &OrderLine, schedule: &ScheduleLine) -> String {
    if line.schedule.len() > 1 { format!("{}/{}", line.number, schedule.number) } else { line.number.clone() }
}

/// A domain refusal as the form shows it: on its input, and in the summary with the line's number.
pub fn problem_of(order: &PurchaseOrder, fields: &Fields, problem: &Problem) -> FieldProblem {
    let words = problem.refusal.to_string();
    let found = problem.schedule_line_id.and_then(|id| order.find(id));
    let Some((line, schedule)) = found else { return FieldProblem::new("", words) };
    // Blank rows were left out, so the part of the problem is not always the row on the page.
    let rows = TypedLine::read(fields, schedule.schedule_line_id).map(|typed| meant(line, schedule, &typed).1);
    let row = rows.and_then(|rows| rows.get(problem.part).copied()).unwrap_or(problem.part);
    FieldProblem::new(
        field_id(&Problem { part: row, ..problem.clone() }),
        format!("Line {}: {words}", line_name(line, schedule)),
    )
}

/// What will happen to a line when the form is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing: it is not answered.
    NotAnswered,
    /// Binding, exactly as asked.
    AsRequested,
    /// Binding, inside tolerance.
    ByRule,
    /// The buyer decides.
    ToBuyer,
    /// It cannot be sent like this.
    Faulty,
}

/// What to show beside a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// What will happen.
    pub outcome: Outcome,
    /// In few words, for a tag.
    pub words: String,
    /// Its tone.
    pub tone: Tone,
    /// Notes under inputs: the input's id, tone, words.
    pub notes: Vec<(String, Tone, String)>,
    /// How much of the quantity is not in any part yet; only for a line in parts.
    pub left: Option<(Tone, String)>,
}

/// What would happen to a line if the form were sent now. `today` is the day in the plant's calendar.
pub fn hint(
    order: &PurchaseOrder,
    line: &OrderLine,
    schedule: &ScheduleLine,
    typed: &TypedLine,
    today: NaiveDate,
) -> Hint {
    let left =
        (typed.parts.len() > 1 && typed.answer != AnswerKind::Reject.as_str()).then(|| left(line, schedule, typed));
    let hint =
        |outcome, words: &str, tone, notes| Hint { outcome, words: words.to_owned(), tone, notes, left: left.clone() };
    let (meant, rows) = meant(line, schedule, typed);
    let answer = match meant {
        Meant::Nothing if schedule.state.turn() == Turn::Supplier => {
            return hint(Outcome::NotAnswered, "not answered", Tone::Neutral, Vec::new());
        }
        Meant::Nothing => return hint(Outcome::NotAnswered, "stays as it is", Tone::Neutral, Vec::new()),
        Meant::Unreadable(problems) => {
            let words = errors(problems.len());
            let notes = problems.into_iter().map(|problem| (problem.field, Tone::Crit, problem.message)).collect();
            return hint(Outcome::Faulty, &words, Tone::Crit, notes);
        }
        // A stale version is for the server to judge; here only the rules count.
        Meant::Said(answer) => answer,
    };
    match order.assess(&answer, today) {
        Ok(assessment) => {
            let notes =
                assessment.deviations.iter().map(|deviation| note(schedule, &rows, &assessment, deviation)).collect();
            match (assessment.by_rule, assessment.deviations.is_empty(), schedule.state) {
                (true, _, Negotiation::Countered) if answer.kind == AnswerKind::Accept => {
                    hint(Outcome::AsRequested, "as the buyer proposed", Tone::Ok, Vec::new())
                }
                (true, true, _) => hint(Outcome::AsRequested, "as requested", Tone::Ok, notes),
                (true, false, _) => hint(Outcome::ByRule, "accepted by rule", Tone::Ok, notes),
                (false, ..) => hint(Outcome::ToBuyer, "goes to the buyer", Tone::Warn, notes),
            }
        }
        Err(problems) => {
            let only_why_is_missing =
                problems.iter().all(|problem| matches!(problem.refusal, Refusal::ReasonMissing | Refusal::NoteMissing));
            let tone = if only_why_is_missing { Tone::Warn } else { Tone::Crit };
            let notes: Vec<_> = problems
                .iter()
                .map(|problem| {
                    let part = rows.get(problem.part).copied().unwrap_or(problem.part);
                    (field_id(&Problem { part, ..problem.clone() }), tone, in_few_words(&problem.refusal))
                })
                .collect();
            if only_why_is_missing {
                hint(Outcome::ToBuyer, "goes to the buyer", Tone::Warn, notes)
            } else {
                let words = errors(notes.len());
                hint(Outcome::Faulty, &words, Tone::Crit, notes)
            }
        }
    }
}

/// A refusal for the narrow column under its input; the summary above the form has the whole sentence.
fn in_few_words(refusal: &Refusal) -> String {
    match refusal {
        Refusal::ReasonMissing => "Choose a reason".to_owned(),
        Refusal::NoteMissing => "Say what “Other” means".to_owned(),
        Refusal::QuantityNotPositive | Refusal::PriceNotPositive => "Enter more than 0".to_owned(),
        Refusal::QuantityAboveOrdered { most, .. } | Refusal::NumberTooLarge { most, .. } => format!("{most} at most"),
        Refusal::TooManyDecimals { most: 0, unit, .. } => format!("Whole {unit} only"),
        Refusal::TooManyDecimals { most, .. } => format!("{most} decimals at most"),
        Refusal::ShipsAfterDelivery { .. } => "After the delivery date".to_owned(),
        refusal => refusal.to_string(),
    }
}

fn errors(count: usize) -> String {
    if count == 1 { "1 error".to_owned() } else { format!("{count} errors") }
}

fn left(line: &OrderLine, schedule: &ScheduleLine, typed: &TypedLine) -> (Tone, String) {
    let left = schedule.quantity - typed.total();
    match left {
        left if left.is_zero() => (Tone::Ok, format!("all {}", quantity_text(schedule.quantity, &line.unit))),
        left if left > Decimal::ZERO => (Tone::Warn, format!("{} left", quantity_text(left, &line.unit))),
        left => (Tone::Warn, format!("{} over", quantity_text(-left, &line.unit))),
    }
}

/// The note under the input that makes the deviation: the latest or earliest day, the first quantity, the dearest price.
fn note(
    schedule: &ScheduleLine,
    rows: &[usize],
    assessment: &Assessment,
    deviation: &Deviation,
) -> (String, Tone, String) {
    let parts = &assessment.commitments;
    let field = match deviation.kind {
        DeviationKind::Late | DeviationKind::Early | DeviationKind::Backordered => Field::DeliverOn,
        DeviationKind::Short | DeviationKind::Over => Field::Quantity,
        DeviationKind::Dearer => Field::Price,
        DeviationKind::Substitute | DeviationKind::Rejected => Field::Answer,
    };
    let part = match deviation.kind {
        DeviationKind::Late => {
            position(parts, |part, all| part.deliver_on == all.iter().filter_map(|one| one.deliver_on).max())
        }
        DeviationKind::Early => {
            position(parts, |part, all| part.deliver_on == all.iter().filter_map(|one| one.deliver_on).min())
        }
        DeviationKind::Backordered => position(parts, |part, _| part.deliver_on.is_none()),
        DeviationKind::Dearer => {
            position(parts, |part, all| part.price == all.iter().filter_map(|one| one.price).max())
        }
        _ => 0,
    };
    let part = rows.get(part).copied().unwrap_or(part);
    let by = grouped(deviation.by.round_dp(1), 0);
    let days = if deviation.by == Decimal::ONE { "day" } else { "days" };
    let limit = format!("{} {}", grouped(deviation.limit.up_to, 0), deviation.kind.unit());
    let how = match deviation.kind {
        DeviationKind::Late => format!("{by} {days} later"),
        DeviationKind::Early => format!("{by} {days} earlier"),
        DeviationKind::Rejected => "No supply".to_owned(),
        _ => deviation.words(),
    };
    let (tone, words) = match (deviation.is_within(), deviation.kind) {
        (true, _) => (Tone::Ok, format!("{how}: within tolerance ({limit})")),
        (false, DeviationKind::Late | DeviationKind::Early) => {
            (Tone::Warn, format!("{how} than requested: goes to the buyer"))
        }
        (false, _) => (Tone::Warn, format!("{how}: goes to the buyer")),
    };
    (
        field_id(&Problem {
            schedule_line_id: Some(schedule.schedule_line_id),
            part,
            field,
            refusal: Refusal::NoParts,
        }),
        tone,
        words,
    )
}

fn position(parts: &[Commitment], wanted: impl Fn(&Commitment, &[Commitment]) -> bool) -> usize {
    parts.iter().position(|part| wanted(part, parts)).unwrap_or(0)
}

/// The lines on the page: those that wait for the supplier, or with `all` also those he may still change.
pub fn on_page(order: &PurchaseOrder, all: bool) -> Vec<(&OrderLine, &ScheduleLine)> {
    order
        .schedule_lines()
        .filter(|(_, schedule)| match schedule.state {
            Negotiation::Published | Negotiation::Countered => true,
            Negotiation::Accepted | Negotiation::InReview | Negotiation::Declined => all,
            Negotiation::Cancelled => false,
        })
        .collect()
}

/// What will happen to the whole form, for the bar at the bottom.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sum {
    /// Lines on the page.
    pub lines: usize,
    /// Binding when sent.
    pub binding: usize,
    /// For the buyer.
    pub to_buyer: usize,
    /// That cannot be sent.
    pub faulty: usize,
}

impl Sum {
    /// Adds one line.
    pub fn add(&mut self, outcome: Outcome) {
        self.lines += 1;
        match outcome {
            Outcome::NotAnswered => {}
            Outcome::AsRequested | Outcome::ByRule => self.binding += 1,
            Outcome::ToBuyer => self.to_buyer += 1,
            Outcome::Faulty => self.faulty += 1,
        }
    }

    /// `7 of 8 lines answered`
    pub fn answered_words(&self) -> String {
        let answered = self.binding + self.to_buyer + self.faulty;
        format!("{answered} of {} {} answered", self.lines, if self.lines == 1 { "line" } else { "lines" })
    }

    /// `5 as requested or inside tolerance, 2 go to the buyer`
    pub fn outcome_words(&self) -> String {
        match (self.binding, self.to_buyer) {
            (0, 0) if self.faulty > 0 => "what is marked cannot be sent like this".to_owned(),
            (0, 0) => "choose an answer for at least one line".to_owned(),
            (binding, 0) => format!("{binding} as requested or inside tolerance"),
            (0, 1) => "1 goes to the buyer".to_owned(),
            (0, to_buyer) => format!("{to_buyer} go to the buyer"),
            (binding, 1) => format!("{binding} as requested or inside tolerance, 1 goes to the buyer"),
            (binding, to_buyer) => format!("{binding} as requested or inside tolerance, {to_buyer} go to the buyer"),
        }
    }

    /// `Check and send 7 answers`
    pub fn button_words(&self) -> String {
        match self.binding + self.to_buyer + self.faulty {
            0 => "Check and send".to_owned(),
            1 => "Check and send 1 answer".to_owned(),
            answers => format!("Check and send {answers} answers"),
        }
    }
}

/// `1 line with an error`, for the bar at the bottom.
pub fn count_errors(lines: usize) -> String {
    if lines == 1 { "1 line with an error".to_owned() } else { format!("{lines} lines with errors") }
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
