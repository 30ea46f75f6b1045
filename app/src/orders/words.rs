//! The words for what was answered, what the ERP made of it and what happened. Pages show them as tags, badges and rows.
//!
//! Three axes stay apart: what was promised ([`answer`]), whether the ERP has it ([`sync`]), and the goods, which this
//! portal does not follow yet. Suppliers read the class of a fault in plain words; its own text is for insiders.

use chrono::NaiveDate;
use domain::Decimal;
use domain::access::{Action, Actor};
use domain::calendar::day;
use domain::confirmation::{AnswerKind, Channel};
use domain::event::{Answered, Event, Promised, RevisedLine};
use domain::exchange::{DeliveryState, FaultClass};
use domain::negotiation::{Negotiation, Turn};
use domain::order::{Change, Commitment, Counter, Proposal, last_day, total};
use domain::quantity::Unit;
use domain::tolerance::Deviation;
use store::order_list::InErp;
use store::timeline::{Entry, System};

use super::inbound;
use crate::ui::number::quantity_text;
use crate::ui::time::Reading;
use crate::ui::tone::Tone;
use crate::viewer::Viewer;

/// What is known of a schedule line where its answer is shown.
pub struct Asked<'a> {
    /// Where the negotiation stands.
    pub state: Negotiation,
    /// How much is asked for.
    pub quantity: Decimal,
    /// In this unit.
    pub unit: &'a Unit,
    /// For when.
    pub requested_on: NaiveDate,
    /// The promise in force.
    pub promise: Option<&'a [Commitment]>,
    /// What waits for the buyer.
    pub proposal: Option<&'a Proposal>,
    /// What the buyer proposed.
    pub counter: Option<&'a Counter>,
    /// What the last revision changed.
    pub change: Option<&'a Change>,
}

/// Where a line stands, for its tag. `today` is the day in the reader's zone, near enough to the plant's for a tag.
pub fn answer(asked: &Asked<'_>, today: NaiveDate) -> (Tone, String) {
    match asked.state {
        Negotiation::Published if asked.change.is_some_and(|change| !change.added) => {
            (Tone::Warn, format!("changed by the buyer{}", overdue(asked, today)))
        }
        Negotiation::Published if asked.requested_on < today => (Tone::Crit, "not answered, day has passed".to_owned()),
        Negotiation::Published => (Tone::Info, "not answered".to_owned()),
        Negotiation::InReview => {
            let outside: Vec<String> = asked.proposal.map(|proposal| outside(&proposal.deviations)).unwrap_or_default();
            (
                Tone::Warn,
                if outside.is_empty() {
                    "buyer decides".to_owned()
                } else {
                    format!("{}: buyer decides", outside.join(", "))
                },
            )
        }
        Negotiation::Countered => {
            let when = asked.counter.and_then(|counter| last_day(&counter.commitments));
            (
                Tone::Warn,
                when.map_or_else(
                    || "buyer proposes another way".to_owned(),
                    |when| format!("buyer proposes {}", short_day(when)),
                ),
            )
        }
        Negotiation::Accepted => (Tone::Ok, confirmed(asked)),
        Negotiation::Declined => (Tone::Crit, "declined".to_owned()),
        Negotiation::Cancelled => (Tone::Neutral, "cancelled".to_owned()),
    }
}

fn overdue(asked: &Asked<'_>, today: NaiveDate) -> &'static str {
    if asked.requested_on < today { ", day has passed" } else { "" }
}

/// `confirmed`, with what differs from the request: `confirmed, +1 d`, `confirmed, 250 PCE short, 400 PCE without a date`.
fn confirmed(asked: &Asked<'_>) -> String {
    let parts = asked.promise.unwrap_or_default();
    let mut words = vec!["confirmed".to_owned()];
    if let Some(last) = last_day(parts) {
        let days = (last - asked.requested_on).num_days();
        match days {
            0 => {}
            days if days > 0 => words.push(format!("+{days} d")),
            days => words.push(format!("−{} d", -days)),
        }
    }
    let unit = asked.unit.code();
    let difference = total(parts) - asked.quantity;
    if difference < Decimal::ZERO {
        words.push(format!("{} {unit} short", quantity_text(-difference, asked.unit)));
    } else if difference > Decimal::ZERO {
        words.push(format!("{} {unit} over", quantity_text(difference, asked.unit)));
    }
    let undated: Decimal = parts.iter().filter(|part| part.deliver_on.is_none()).map(|part| part.quantity).sum();
    if !undated.is_zero() {
        words.push(format!("{} {unit} without a date", quantity_text(undated, asked.unit)));
    }
    words.join(", ")
}

/// The deviations a person has to look at, in few words.
pub fn outside(deviations: &[Deviation]) -> Vec<String> {
    deviations.iter().filter(|deviation| !deviation.is_within()).map(Deviation::words).collect()
}

/// How far the ERP is with a line, for its badge; none where there is nothing to tell it.
pub fn sync(
    state: Negotiation,
    told: bool,
    erp: Option<&InErp>,
    reading: &Reading,
    insider: bool,
) -> Option<(Tone, String)> {
    if state == Negotiation::InReview {
        return Some((Tone::Neutral, "stored, sent once decided".to_owned()));
    }
    if !told {
        return None;
    }
    let Some(erp) = erp else { return Some((Tone::Info, "stored, on its way to the ERP".to_owned())) };
    Some(match erp.state {
        DeliveryState::Delivered => {
            let number = erp.their_ref.as_deref().map(|number| format!(" as {number}")).unwrap_or_default();
            let since = erp.finished_at.map(|at| format!(" since {}", reading.short(at))).unwrap_or_default();
            (Tone::Ok, format!("in ERP{number}{since}"))
        }
        DeliveryState::Retrying => {
            let next = erp.next_attempt_at.map(|at| format!(", next {}", reading.short(at))).unwrap_or_default();
            (Tone::Warn, format!("retrying, {}{next}", tries(erp.attempts)))
        }
        DeliveryState::Held => (Tone::Warn, "waits behind an earlier change".to_owned()),
        DeliveryState::Parked => match (&erp.fault, insider) {
            (Some(fault), true) => (Tone::Crit, format!("parked: {fault}")),
            _ => (Tone::Crit, "not taken by the ERP, the buyer's team looks at it".to_owned()),
        },
        DeliveryState::Skipped => (Tone::Neutral, "left out of the ERP by decision".to_owned()),
        DeliveryState::Superseded => (Tone::Neutral, "replaced by a newer answer".to_owned()),
    })
}

/// The tone at the edge of a row: only where the reader must act. A supplier answers, a buyer decides, and who runs the
/// exchange looks at what the ERP did not take.
pub fn edge(state: Negotiation, due: bool, sync: Option<Tone>, viewer: &Viewer) -> Option<Tone> {
    let turn = state.turn();
    if turn == Turn::Supplier && viewer.may(Action::AnswerOrder) {
        return Some(if due { Tone::Crit } else { Tone::Warn });
    }
    if turn == Turn::Buyer && viewer.may(Action::DecideDeviation) {
        return Some(Tone::Crit);
    }
    (sync == Some(Tone::Crit) && viewer.may(Action::ManageExchange)).then_some(Tone::Crit)
}

/// `1 try`, `3 tries`.
pub fn tries(count: i32) -> String {
    if count == 1 { "1 try".to_owned() } else { format!("{count} tries") }
}

/// A class of fault for people who cannot see inside.
pub const fn fault_words(class: FaultClass) -> &'static str {
    match class {
        FaultClass::Temporary => "the ERP could not take it at that moment",
        FaultClass::Down => "the ERP could not be reached",
        FaultClass::Credentials => "the ERP did not let us in",
        FaultClass::Contract => "the ERP answered in a way we do not understand",
        FaultClass::Permanent => "it cannot be sent like this",
        FaultClass::Refused => "the ERP refused it",
        FaultClass::Unknown => "the ERP gave no clear answer",
    }
}

/// `1,000 PCE on 07 Dec 2026`, `250 PCE without a date`; parts joined by "and".
pub fn parts(commitments: &[Commitment], unit: Option<&Unit>) -> String {
    let one = |part: &Commitment| {
        let quantity = match unit {
            Some(unit) => format!("{} {}", quantity_text(part.quantity, unit), unit.code()),
            None => domain::quantity::grouped(part.quantity, 0),
        };
        let when = part.deliver_on.map_or_else(|| "without a date".to_owned(), |on| format!("on {}", day(on)));
        let price = part.price.map(|price| format!(" at {}", crate::ui::number::price(price))).unwrap_or_default();
        format!("{quantity} {when}{price}")
    };
    commitments.iter().map(one).collect::<Vec<_>>().join(" and ")
}

/// `04 Dec`, where the year is clear.
pub fn short_day(on: NaiveDate) -> String {
    on.format("%d %b").to_string()
}

/// What a revision changed on a line: `was 1,250 PCE, was 04 Dec 2026`.
pub fn change(change: &Change, unit: &Unit) -> String {
    if change.added {
        return "new line".to_owned();
    }
    let mut was = Vec::new();
    if let Some(quantity) = change.quantity {
        was.push(format!("{} {}", quantity_text(quantity, unit), unit.code()));
    }
    if let Some(on) = change.requested_on {
        was.push(day(on));
    }
    if let Some(price) = change.price {
        was.push(format!("{} each", crate::ui::number::price(price)));
    }
    if let Some(item) = &change.item_number {
        was.push(format!("item {item}"));
    }
    if was.is_empty() { "terms changed".to_owned() } else { format!("was {}", was.join(", was ")) }
}

/// Whose part of the story an event is.
pub fn system(entry: &Entry) -> &'static str {
    match (&entry.event, &entry.actor) {
        (_, Actor::System { .. }) => system_tag(entry.heard_from.as_ref().map_or(System::Erp, |place| place.system)),
        (
            Event::OrderPublished { .. }
            | Event::OrderRevised { .. }
            | Event::OrderCancelled { .. }
            | Event::OrderClosed { .. },
            _,
        ) => "ERP",
        (_, Actor::Machine { .. }) => "API",
        (_, Actor::Person { .. }) => "Portal",
        (_, Actor::Loop { .. }) => "Interlock",
    }
}

/// A kind of system where there is little room.
pub const fn system_tag(system: System) -> &'static str {
    match system {
        System::Erp => "ERP",
        System::Warehouse => "WMS",
    }
}

/// A kind of system in a sentence.
pub const fn the_system(system: System) -> &'static str {
    match system {
        System::Erp => "the ERP",
        System::Warehouse => "the warehouse system",
    }
}

/// What happened, with its tone.
pub fn event(event: &Event) -> (Tone, String) {
    match event {
        Event::OrderPublished { revision, lines, .. } => {
            (Tone::Info, format!("Order published, revision {revision}, {}", count(*lines)))
        }
        Event::OrderRevised { revision, lines, .. } => {
            (Tone::Warn, format!("Order changed by the buyer, revision {revision}: {}", revised(lines)))
        }
        Event::OrderCancelled { .. } => (Tone::Crit, "Order cancelled in the ERP".to_owned()),
        Event::OrderClosed { .. } => (Tone::Neutral, "Order closed in the ERP".to_owned()),
        Event::OrderOpened { .. } => (Tone::Info, "Order opened by the supplier for the first time".to_owned()),
        Event::LinesConfirmed { lines, channel, .. } => {
            let outside = lines.iter().any(|line| !line.by_rule);
            (if outside { Tone::Warn } else { Tone::Ok }, format!("{}{}", answered(lines), by_channel(*channel)))
        }
        Event::DeviationAccepted { line, .. } => (Tone::Ok, format!("Deviation of line {line} accepted by the buyer")),
        Event::DeviationCountered { line, commitments, .. } => {
            (Tone::Warn, format!("Buyer proposes for line {line}: {}", parts(commitments, None)))
        }
        Event::DeviationRejected { line, .. } => {
            (Tone::Warn, format!("Deviation of line {line} not accepted by the buyer"))
        }
        Event::PromiseMade { lines, .. } => (Tone::Ok, promised(lines)),
        Event::ConfirmationAcknowledged { their_ref, .. } => {
            (Tone::Ok, format!("The ERP read the confirmation, document {their_ref}"))
        }
        Event::ProbeRequested { connection } => (Tone::Info, format!("Test of connection {connection} asked for")),
        other => inbound::event(other).unwrap_or_else(|| (Tone::Info, other.kind().to_string())),
    }
}

/// In whose own words, where there are some.
pub fn quote(event: &Event) -> Option<String> {
    match event {
        Event::DeviationAccepted { note, .. }
        | Event::DeviationCountered { note, .. }
        | Event::DeviationRejected { note, .. } => note.clone(),
        Event::LinesConfirmed { lines, .. } => {
            let notes: Vec<&str> = lines.iter().filter_map(|line| line.note.as_deref()).collect();
            (!notes.is_empty()).then(|| notes.join(" · "))
        }
        other => inbound::quote(other),
    }
}

/// The reasons given with an answer, each once.
pub fn reasons(event: &Event) -> Option<String> {
    let Event::LinesConfirmed { lines, .. } = event else { return None };
    let mut reasons: Vec<&str> = lines.iter().filter_map(|line| line.reason).map(|reason| reason.words()).collect();
    reasons.dedup();
    (!reasons.is_empty()).then(|| format!("reason: {}", reasons.join(", ").to_lowercase()))
}

/// An event of the business, not of a machine or a look.
pub const fn is_business(event: &Event) -> bool {
    !matches!(event, Event::OrderOpened { .. } | Event::ConfirmationAcknowledged { .. } | Event::ProbeRequested { .. })
}

fn count(lines: usize) -> String {
    if lines == 1 { "1 line".to_owned() } else { format!("{lines} lines") }
}

fn by_channel(channel: Channel) -> &'static str {
    match channel {
        Channel::Portal => "",
        Channel::Api => ", through the API",
        Channel::Edi => ", by EDI",
        Channel::Email => ", from an e-mail",
        Channel::OnBehalf => ", entered by the buyer on the supplier's behalf",
    }
}

fn revised(lines: &[RevisedLine]) -> String {
    list(lines.iter().map(|line| match &line.change {
        None => format!("line {} taken back", line.line),
        Some(change) if change.added => format!("line {} added", line.line),
        Some(change) => {
            let mut what = Vec::new();
            if let Some(was) = change.quantity {
                what.push(format!(
                    "{} → {}",
                    domain::quantity::grouped(was, 0),
                    domain::quantity::grouped(line.quantity, 0)
                ));
            }
            if let Some(was) = change.requested_on {
                what.push(format!("{} → {}", short_day(was), short_day(line.requested_on)));
            }
            if change.price.is_some() {
                what.push("price".to_owned());
            }
            if let Some(item) = &change.item_number {
                what.push(format!("item, was {item}"));
            }
            format!("line {} {}", line.line, what.join(", "))
        }
    }))
}

fn answered(lines: &[Answered]) -> String {
    let as_requested: Vec<&Answered> = lines.iter().filter(|line| line.by_rule && line.deviations.is_empty()).collect();
    let mut words = Vec::new();
    match as_requested.as_slice() {
        [] => {}
        [only] => words.push(format!("Line {} confirmed as requested", only.line)),
        [first, .., last] if as_requested.len() == lines.len() || as_requested.len() > 3 => {
            words.push(format!(
                "{} confirmed as requested ({} to {})",
                count(as_requested.len()),
                first.line,
                last.line
            ));
        }
        several => {
            let numbers = several.iter().map(|line| line.line.as_str()).collect::<Vec<_>>().join(", ");
            words.push(format!("Lines {numbers} confirmed as requested"));
        }
    }
    let differing = lines.iter().filter(|line| !(line.by_rule && line.deviations.is_empty())).map(|line| {
        let how: Vec<String> = line.deviations.iter().map(Deviation::words).collect();
        let verb = match line.kind {
            AnswerKind::Reject => "rejected".to_owned(),
            AnswerKind::Backorder => format!("backordered: {}", parts(&line.commitments, None)),
            AnswerKind::Accept => how.join(", "),
            AnswerKind::Change => format!("answered with {} ({})", parts(&line.commitments, None), how.join(", ")),
        };
        format!("Line {} {verb}: {}", line.line, if line.by_rule { "accepted by rule" } else { "the buyer decides" })
    });
    let differing = list(differing);
    if !differing.is_empty() {
        words.push(differing);
    }
    words.join(". ")
}

fn promised(lines: &[Promised]) -> String {
    match lines {
        [only] if only.commitments.is_empty() => format!("Line {} will not be supplied; the ERP is told", only.line),
        [only] => format!("Promise for line {} is binding: {}", only.line, parts(&only.commitments, Some(&only.unit))),
        several => format!("Promises for {} are binding; the ERP is told", count(several.len())),
    }
}

/// The first few, and how many more.
fn list(words: impl Iterator<Item = String>) -> String {
    const SHOWN: usize = 4;
    let all: Vec<String> = words.collect();
    let more = all.len().saturating_sub(SHOWN);
    let mut shown = all.into_iter().take(SHOWN).collect::<Vec<_>>().join(". ");
    if more > 0 {
        shown.push_str(&format!(". And {} more", count(more)));
    }
    shown
}

#[cfg(test)]
#[path = "words_tests.rs"]
mod tests;
