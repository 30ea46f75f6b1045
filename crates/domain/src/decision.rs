//! The buyer's word on answers outside tolerance: take them, propose something else, or let the old values return.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::access::{Action, Actor, may};
use crate::confirmation::{Answer, AnswerKind, LONGEST_NOTE};
use crate::event::Event;
use crate::id::ScheduleLineId;
use crate::negotiation::Step;
use crate::order::{Commitment, Counter, OrderStatus, PurchaseOrder, ScheduleLine, Submission};
use crate::refusal::{Field, Problem, Refusal};

/// The buyer's word on lines in review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecideDeviations {
    /// The decisions.
    pub decisions: Vec<Decision>,
    /// Sent twice, the first result counts.
    pub submission: Submission,
}

/// The buyer's word on one schedule line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Which.
    pub schedule_line_id: ScheduleLineId,
    /// The version that was read.
    pub version: i64,
    /// What is decided.
    pub verdict: Verdict,
    /// In own words; needed to reject and to counter.
    pub note: Option<String>,
}

/// What a buyer can decide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The proposal becomes binding.
    Accept,
    /// Back to the supplier with another proposal.
    Counter(Vec<Commitment>),
    /// The old values return.
    Reject,
}

impl PurchaseOrder {
    /// The buyer decides on lines in review of an order that runs. All, or none. What is refused goes back to the old
    /// values.
    pub fn decide(
        &mut self,
        decisions: &[Decision],
        by: &Actor,
        now: Timestamp,
        today: NaiveDate,
    ) -> Result<Vec<Event>, Vec<Problem>> {
        let whole = |refusal| vec![Problem { schedule_line_id: None, part: 0, field: Field::Answer, refusal }];
        may(by, Action::DecideDeviation).map_err(|denied| whole(Refusal::NotAllowed(denied.to_string())))?;
        if self.status != OrderStatus::Open {
            return Err(whole(Refusal::OrderNotOpen(self.status)));
        }
        if decisions.is_empty() {
            return Err(whole(Refusal::NothingAnswered));
        }
        let mut problems = Vec::new();
        for (index, decision) in decisions.iter().enumerate() {
            let at = |part, field, refusal| Problem {
                schedule_line_id: Some(decision.schedule_line_id),
                part,
                field,
                refusal,
            };
            if decisions[..index].iter().any(|other| other.schedule_line_id == decision.schedule_line_id) {
                problems.push(at(0, Field::Answer, Refusal::AnsweredTwice));
                continue;
            }
            let Some((line, schedule)) = self.find(decision.schedule_line_id) else {
                problems.push(at(0, Field::Answer, Refusal::UnknownLine));
                continue;
            };
            let proposal = match (&schedule.proposal, schedule.state.step(Step::Accept)) {
                (Some(proposal), Ok(_)) => proposal,
                (_, Err(refusal)) => {
                    problems.push(at(0, Field::Answer, refusal.into()));
                    continue;
                }
                (None, Ok(_)) => {
                    problems.push(at(0, Field::Answer, Refusal::UnknownLine));
                    continue;
                }
            };
            if schedule.version != decision.version {
                problems.push(at(0, Field::Answer, Refusal::StaleLine { now: schedule.state.words().to_owned() }));
            }
            if proposal.by.is_some() && proposal.by == by.person() {
                problems.push(at(0, Field::Answer, Refusal::OwnAnswer));
            }
            let explained = decision.note.as_deref().is_some_and(|note| !note.trim().is_empty());
            if !explained && !matches!(decision.verdict, Verdict::Accept) {
                problems.push(at(0, Field::Note, Refusal::ExplanationMissing));
            }
            let length = decision.note.as_deref().map_or(0, |note| note.chars().count());
            if length > LONGEST_NOTE {
                problems.push(at(0, Field::Note, Refusal::NoteTooLong(length)));
            }
            if let Verdict::Counter(commitments) = &decision.verdict {
                let counter = Answer {
                    schedule_line_id: decision.schedule_line_id,
                    version: decision.version,
                    kind: AnswerKind::Change,
                    commitments: commitments.clone(),
                    reason: None,
                    note: decision.note.clone(),
                };
                self.check_parts(line, &counter, today, &mut |part, field, refusal| {
                    problems.push(at(part, field, refusal))
                });
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut events = Vec::new();
        let mut promised = Vec::new();
        for decision in decisions {
            let order = self.number.clone();
            let number =
                self.find(decision.schedule_line_id).map(|(line, schedule)| (line.number.clone(), schedule.number));
            let (Some(schedule), Some((line, number))) = (self.find_mut(decision.schedule_line_id), number) else {
                continue;
            };
            let Some(proposal) = schedule.proposal.take() else { continue };
            let (step, event) = match &decision.verdict {
                Verdict::Accept if proposal.kind == AnswerKind::Reject => (
                    Step::AcceptRejection,
                    Event::DeviationAccepted { order, line, schedule: number, note: decision.note.clone() },
                ),
                Verdict::Accept => (
                    Step::Accept,
                    Event::DeviationAccepted { order, line, schedule: number, note: decision.note.clone() },
                ),
                Verdict::Counter(commitments) => (
                    Step::Counter,
                    Event::DeviationCountered {
                        order,
                        line,
                        schedule: number,
                        commitments: commitments.clone(),
                        note: decision.note.clone(),
                    },
                ),
                Verdict::Reject => (
                    schedule.rejected(),
                    Event::DeviationRejected { order, line, schedule: number, note: decision.note.clone() },
                ),
            };
            schedule.state = schedule.state.step(step).map_err(|refusal| whole(refusal.into()))?;
            match &decision.verdict {
                Verdict::Accept => {
                    schedule.bind(proposal.commitments);
                    promised.push(decision.schedule_line_id);
                }
                Verdict::Counter(commitments) => {
                    schedule.counter = Some(Counter {
                        commitments: commitments.clone(),
                        note: decision.note.clone(),
                        by: by.person(),
                        at: now,
                    });
                }
                Verdict::Reject => {}
            }
            schedule.version += 1;
            events.push(event);
        }
        events.extend(self.promise_event(&promised));
        Ok(events)
    }
}

impl ScheduleLine {
    /// Where a line goes back to when the buyer refuses what was proposed.
    fn rejected(&self) -> Step {
        match &self.promise {
            // A revision that is not answered yet asks for something else than what was promised.
            Some(_) if self.change.is_some() => Step::Reject,
            Some(parts) if parts.is_empty() => Step::RejectToDeclined,
            Some(_) => Step::RejectToPromise,
            None => Step::Reject,
        }
    }
}
