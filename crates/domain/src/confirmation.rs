//! The supplier's answer. The buyer's word on it is in [`crate::decision`], the refusals of both in [`crate::refusal`].
//!
//! [`PurchaseOrder::assess`] says what would happen to one answer; the browser calls it while somebody types, and
//! [`PurchaseOrder::confirm`] calls it again when he sends. Inside tolerance an answer becomes binding by rule, outside it
//! waits for the buyer, and where the policy says so it cannot be sent.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::access::{Action, Actor, may};
pub use crate::decision::{DecideDeviations, Decision, Verdict};
use crate::event::{Answered, Event, Promised};
use crate::id::{ConfirmationId, ScheduleLineId};
use crate::negotiation::{Negotiation, Step, Turn};
use crate::order::{
    Change, Commitment, OrderLine, OrderStatus, Proposal, PurchaseOrder, Reason, ScheduleLine, Submission, total,
};
use crate::quantity::{Quantity, grouped};
pub use crate::refusal::{Field, Problem, Refusal};
use crate::text::text_enum;
use crate::tolerance::{Deviation, DeviationKind, Outside};

/// The most parts one schedule line can be split into.
pub const MOST_PARTS: usize = 20;
/// The longest note, in characters.
pub const LONGEST_NOTE: usize = 2_000;
/// A promise further away than this is a typing error.
const FURTHEST_DAYS: i64 = 5 * 366;
/// A quantity or price above this is a typing error; far below where decimals overflow.
const MOST_NUMBER: Decimal = Decimal::from_parts(3_567_587_328, 232, 0, false, 0); // 1,000,000,000,000

text_enum! {
    /// What the supplier says to a schedule line.
    pub enum AnswerKind {
        /// As asked for.
        Accept = "accept",
        /// Other days, quantities or prices, in one or several parts.
        Change = "change",
        /// Some or all of it without a date yet.
        Backorder = "backorder",
        /// No supply.
        Reject = "reject",
    }
}

text_enum! {
    /// How the answer came in.
    pub enum Channel {
        /// Typed on a page.
        Portal = "portal",
        /// Through the machine API.
        Api = "api",
        /// By EDI.
        Edi = "edi",
        /// From a link in an e-mail.
        Email = "email",
        /// Entered by the buyer for the supplier.
        OnBehalf = "on_behalf",
    }
}

/// The answer to one schedule line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Which.
    pub schedule_line_id: ScheduleLineId,
    /// The version of the schedule line that was read.
    pub version: i64,
    /// What kind.
    pub kind: AnswerKind,
    /// The parts; empty for [`AnswerKind::Accept`] and [`AnswerKind::Reject`].
    pub commitments: Vec<Commitment>,
    /// Why it differs.
    pub reason: Option<Reason>,
    /// In own words.
    pub note: Option<String>,
}

/// Answer lines of an order. All lines in it are answered, or none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfirmLines {
    /// The revision that was read.
    pub revision: i32,
    /// The answers.
    pub answers: Vec<Answer>,
    /// How they came in.
    pub channel: Channel,
    /// Sent twice, the first result counts.
    pub submission: Submission,
}

/// What would happen to an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assessment {
    /// The parts in full, also for an answer that only says yes.
    pub commitments: Vec<Commitment>,
    /// How it differs from what is asked.
    pub deviations: Vec<Deviation>,
    /// No person has to look.
    pub by_rule: bool,
}

impl PurchaseOrder {
    /// What would happen to this answer: its parts in full, how it deviates, and whether a person has to look. `today` is
    /// the day in the plant's calendar.
    pub fn assess(&self, answer: &Answer, today: NaiveDate) -> Result<Assessment, Vec<Problem>> {
        let at =
            |part, field, refusal| Problem { schedule_line_id: Some(answer.schedule_line_id), part, field, refusal };
        let Some((line, schedule)) = self.find(answer.schedule_line_id) else {
            return Err(vec![at(0, Field::Answer, Refusal::UnknownLine)]);
        };
        let mut problems = Vec::new();
        if let Err(refusal) = schedule.state.step(Step::AnswerOutside) {
            return Err(vec![at(0, Field::Answer, refusal.into())]);
        }
        if let Some(note) = answer.note.as_deref()
            && note.chars().count() > LONGEST_NOTE
        {
            problems.push(at(0, Field::Note, Refusal::NoteTooLong(note.chars().count())));
        }
        let commitments = match answer.kind {
            AnswerKind::Accept => {
                let asked = schedule.asked();
                if let Some(given) = asked.iter().filter_map(|part| part.deliver_on).find(|day| *day < today) {
                    problems.push(at(0, Field::DeliverOn, Refusal::AskedForPast { given, today }));
                }
                asked
            }
            AnswerKind::Reject => Vec::new(),
            AnswerKind::Change | AnswerKind::Backorder => {
                self.check_parts(line, answer, today, &mut |part, field, refusal| {
                    problems.push(at(part, field, refusal))
                });
                answer.commitments.clone()
            }
        };
        if !problems.is_empty() {
            return Err(problems);
        }
        let deviations = deviations(line, schedule, answer.kind, &commitments);
        // What the buyer proposed himself needs no second look, and no policy stands against it.
        let takes_counter = answer.kind == AnswerKind::Accept && schedule.state == Negotiation::Countered;
        for deviation in &deviations {
            if !takes_counter && !deviation.is_within() && deviation.limit.outside == Outside::Refuse {
                let (field, refusal) = refused_by_policy(line, schedule, deviation, &commitments);
                problems.push(at(0, field, refusal));
            }
        }
        let by_rule = takes_counter || deviations.iter().all(Deviation::is_within);
        if !by_rule && answer.reason.is_none() {
            problems.push(at(0, Field::Reason, Refusal::ReasonMissing));
        }
        if answer.reason == Some(Reason::Other) && answer.note.as_deref().is_none_or(|note| note.trim().is_empty()) {
            problems.push(at(0, Field::Note, Refusal::NoteMissing));
        }
        if problems.is_empty() { Ok(Assessment { commitments, deviations, by_rule }) } else { Err(problems) }
    }

    pub(crate) fn check_parts(
        &self,
        line: &OrderLine,
        answer: &Answer,
        today: NaiveDate,
        refuse: &mut dyn FnMut(usize, Field, Refusal),
    ) {
        if answer.commitments.is_empty() {
            return refuse(0, Field::Quantity, Refusal::NoParts);
        }
        if answer.commitments.len() > MOST_PARTS {
            return refuse(0, Field::Quantity, Refusal::TooManyParts(answer.commitments.len()));
        }
        let most = line.unit.decimals();
        for (part, commitment) in answer.commitments.iter().enumerate() {
            if commitment.quantity <= Decimal::ZERO {
                refuse(part, Field::Quantity, Refusal::QuantityNotPositive);
            } else if commitment.quantity > MOST_NUMBER {
                refuse(part, Field::Quantity, too_large(commitment.quantity));
            } else if commitment.quantity.normalize().scale() > most {
                let given = grouped(commitment.quantity, 0);
                refuse(part, Field::Quantity, Refusal::TooManyDecimals { given, unit: line.unit.to_string(), most });
            }
            match commitment.deliver_on {
                None if answer.kind == AnswerKind::Change => refuse(part, Field::DeliverOn, Refusal::NoDate),
                Some(given) if given < today => refuse(part, Field::DeliverOn, Refusal::DateInPast { given, today }),
                Some(given) if (given - today).num_days() > FURTHEST_DAYS => {
                    refuse(part, Field::DeliverOn, Refusal::DateTooFar(given))
                }
                _ => {}
            }
            if let (Some(ship), Some(deliver)) = (commitment.ship_on, commitment.deliver_on)
                && ship > deliver
            {
                refuse(part, Field::ShipOn, Refusal::ShipsAfterDelivery { ship, deliver });
            }
            match commitment.price {
                Some(price) if price <= Decimal::ZERO => refuse(part, Field::Price, Refusal::PriceNotPositive),
                Some(price) if price > MOST_NUMBER => refuse(part, Field::Price, too_large(price)),
                // Where no price is shared there is none to change: nothing could be compared.
                Some(price) if Some(price) != line.price && !(self.may_change_price && line.price.is_some()) => {
                    refuse(part, Field::Price, Refusal::PriceNotNegotiable);
                }
                _ => {}
            }
        }
    }

    /// Takes an answer: changes the order and says what happened. All lines, or none. `today` is the day at `now` in the
    /// plant's calendar; `confirmation_id` is the new confirmation's id.
    pub fn confirm(
        &mut self,
        command: &ConfirmLines,
        confirmation_id: ConfirmationId,
        by: &Actor,
        now: Timestamp,
        today: NaiveDate,
    ) -> Result<Vec<Event>, Vec<Problem>> {
        let whole = |refusal| vec![Problem { schedule_line_id: None, part: 0, field: Field::Answer, refusal }];
        let action = if command.channel == Channel::OnBehalf { Action::AnswerOnBehalf } else { Action::AnswerOrder };
        may(by, action).map_err(|denied| whole(Refusal::NotAllowed(denied.to_string())))?;
        if self.status != OrderStatus::Open {
            return Err(whole(Refusal::OrderNotOpen(self.status)));
        }
        if command.revision != self.revision {
            return Err(whole(Refusal::OldRevision { read: command.revision, now: self.revision }));
        }
        if command.answers.is_empty() {
            return Err(whole(Refusal::NothingAnswered));
        }
        let mut problems = Vec::new();
        let mut taken = Vec::with_capacity(command.answers.len());
        for (index, answer) in command.answers.iter().enumerate() {
            let at = |refusal| Problem {
                schedule_line_id: Some(answer.schedule_line_id),
                part: 0,
                field: Field::Answer,
                refusal,
            };
            if command.answers[..index].iter().any(|other| other.schedule_line_id == answer.schedule_line_id) {
                problems.push(at(Refusal::AnsweredTwice));
                continue;
            }
            match self.find(answer.schedule_line_id) {
                Some((_, schedule)) if schedule.version != answer.version => {
                    problems.push(at(Refusal::StaleLine { now: schedule.state.words().to_owned() }));
                    continue;
                }
                _ => {}
            }
            let own_counter = self
                .find(answer.schedule_line_id)
                .and_then(|(_, schedule)| schedule.counter.as_ref())
                .is_some_and(|counter| counter.by.is_some() && counter.by == by.person());
            if own_counter {
                problems.push(at(Refusal::OwnAnswer));
                continue;
            }
            match self.assess(answer, today) {
                Ok(assessment) => taken.push((answer, assessment)),
                Err(more) => problems.extend(more),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }

        let mut answered = Vec::with_capacity(taken.len());
        let mut promised = Vec::new();
        for (answer, assessment) in taken {
            let Some(schedule) = self.find_mut(answer.schedule_line_id) else { continue };
            let step = if assessment.by_rule { Step::AnswerInside } else { Step::AnswerOutside };
            schedule.state = schedule.state.step(step).map_err(|refusal| whole(refusal.into()))?;
            if assessment.by_rule {
                schedule.bind(assessment.commitments.clone());
                promised.push(schedule.schedule_line_id);
            } else {
                schedule.proposal = Some(Proposal {
                    confirmation_id,
                    kind: answer.kind,
                    commitments: assessment.commitments.clone(),
                    reason: answer.reason,
                    note: answer.note.clone(),
                    deviations: assessment.deviations.clone(),
                    by: by.person(),
                    at: now,
                });
                schedule.counter = None;
            }
            schedule.version += 1;
            let Some((line, schedule)) = self.find(answer.schedule_line_id) else { continue };
            answered.push(Answered {
                schedule_line_id: schedule.schedule_line_id,
                line: line.number.clone(),
                schedule: schedule.number,
                kind: answer.kind,
                commitments: assessment.commitments,
                reason: answer.reason,
                note: answer.note.clone(),
                deviations: assessment.deviations,
                by_rule: assessment.by_rule,
            });
        }
        let mut events = vec![Event::LinesConfirmed {
            order: self.number.clone(),
            revision: self.revision,
            confirmation_id,
            channel: command.channel,
            lines: answered,
        }];
        events.extend(self.promise_event(&promised));
        Ok(events)
    }

    /// What other systems are told: the promises that became binding, each in full.
    pub(crate) fn promise_event(&self, ids: &[ScheduleLineId]) -> Option<Event> {
        let lines: Vec<Promised> = self
            .schedule_lines()
            .filter(|(_, schedule)| ids.contains(&schedule.schedule_line_id))
            .map(|(line, schedule)| Promised {
                schedule_line_id: schedule.schedule_line_id,
                line: line.number.clone(),
                schedule: schedule.number,
                item: line.item_number.clone(),
                unit: line.unit.clone(),
                requested: schedule.quantity,
                requested_on: schedule.requested_on,
                price: line.price,
                commitments: schedule.promise.clone().unwrap_or_default(),
            })
            .collect();
        (!lines.is_empty()).then(|| Event::PromiseMade { order: self.number.clone(), revision: self.revision, lines })
    }
}

impl ScheduleLine {
    /// A promise becomes binding. The first one is kept for ever; to decline is no promise.
    pub(crate) fn bind(&mut self, commitments: Vec<Commitment>) {
        if self.first_promise.is_none() && !commitments.is_empty() {
            self.first_promise = Some(commitments.clone());
        }
        self.promise = Some(commitments);
        self.proposal = None;
        self.counter = None;
        self.change = None::<Change>;
    }

    /// Waits for the supplier.
    pub fn needs_supplier(&self) -> bool {
        self.state.turn() == Turn::Supplier
    }
}

fn too_large(given: Decimal) -> Refusal {
    Refusal::NumberTooLarge { given: grouped(given, 0), most: grouped(MOST_NUMBER, 0) }
}

/// How much `part` is of `whole`. Of nothing, anything is all of it.
fn percent(part: Decimal, whole: Decimal) -> Decimal {
    let (hundred, whole) = (Decimal::ONE_HUNDRED, whole.abs());
    match part.checked_mul(hundred) {
        Some(product) => product.checked_div(whole),
        None => part.checked_div(whole).map(|share| share.saturating_mul(hundred)),
    }
    .unwrap_or(hundred)
}

/// How the parts differ from the request, each with the limit that applies. Date deviations are those of the earliest and
/// the latest part, so that one late part out of three is a late line.
fn deviations(
    line: &OrderLine,
    schedule: &ScheduleLine,
    kind: AnswerKind,
    commitments: &[Commitment],
) -> Vec<Deviation> {
    let mut found = Vec::new();
    let mut differs = |kind: DeviationKind, by: Decimal| {
        let (limit, source) = line.agreed.limit(kind);
        found.push(Deviation { kind, by, limit, source });
    };
    if kind == AnswerKind::Reject {
        differs(DeviationKind::Rejected, Decimal::ONE_HUNDRED);
        return found;
    }
    let days = |date: NaiveDate| Decimal::from((date - schedule.requested_on).num_days());
    let dated = || commitments.iter().filter_map(|part| part.deliver_on);
    if let Some(latest) = dated().max()
        && latest > schedule.requested_on
    {
        differs(DeviationKind::Late, days(latest));
    }
    if let Some(earliest) = dated().min()
        && earliest < schedule.requested_on
    {
        differs(DeviationKind::Early, -days(earliest));
    }
    let promised = total(commitments);
    if promised < schedule.quantity {
        differs(DeviationKind::Short, percent(schedule.quantity - promised, schedule.quantity));
    } else if promised > schedule.quantity {
        differs(DeviationKind::Over, percent(promised - schedule.quantity, schedule.quantity));
    }
    let undated: Decimal = commitments.iter().filter(|part| part.deliver_on.is_none()).map(|part| part.quantity).sum();
    if !undated.is_zero() {
        differs(DeviationKind::Backordered, percent(undated, schedule.quantity));
    }
    if let Some(ordered) = line.price
        && let Some(dearest) = commitments.iter().filter_map(|part| part.price).max()
        && dearest > ordered
    {
        differs(DeviationKind::Dearer, percent(dearest - ordered, ordered));
    }
    found
}

fn refused_by_policy(
    line: &OrderLine,
    schedule: &ScheduleLine,
    deviation: &Deviation,
    commitments: &[Commitment],
) -> (Field, Refusal) {
    let limit = grouped(deviation.limit.up_to, 0);
    let allowed = format!("{limit} {} from {}", deviation.kind.unit(), deviation.source.words());
    match deviation.kind {
        DeviationKind::Over => {
            let most = schedule.quantity * (Decimal::ONE_HUNDRED + deviation.limit.up_to) / Decimal::ONE_HUNDRED;
            let refusal = Refusal::QuantityAboveOrdered {
                given: Quantity::new(total(commitments), line.unit.clone()).to_string(),
                open: Quantity::new(schedule.quantity, line.unit.clone()).to_string(),
                limit,
                most: grouped(most.trunc_with_scale(line.unit.decimals()), 0),
            };
            (Field::Quantity, refusal)
        }
        DeviationKind::Short => {
            (Field::Quantity, Refusal::OutsidePolicy(format!("{} of the quantity.", deviation.words()), allowed))
        }
        DeviationKind::Dearer => (Field::Price, Refusal::OutsidePolicy(format!("{}.", deviation.words()), allowed)),
        _ => (Field::DeliverOn, Refusal::OutsidePolicy(format!("{} than requested.", deviation.words()), allowed)),
    }
}
