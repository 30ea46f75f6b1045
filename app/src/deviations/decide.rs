//! Carrying out decisions: grouped by order, each order in its own transaction, with a word on every row.

use domain::confirmation::{DecideDeviations, Decision, Problem, Refusal, Verdict};
use domain::id::ScheduleLineId;
use domain::negotiation::Negotiation;
use serde::{Deserialize, Serialize};
use store::CommandError;
use store::orders::{self, OrderRecord};
use uuid::Uuid;

use super::pick::Pick;
use crate::error::AppError;
use crate::form::{FieldProblem, field_id};
use crate::orders::answer::line_name;
use crate::request;

/// What became of one row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowOutcome {
    /// The row.
    pub pick: Pick,
    /// Line, as people call it; empty where the order was not found.
    pub line: String,
    /// Why it was not decided, by field; empty where it was.
    pub problems: Vec<FieldProblem>,
}

impl RowOutcome {
    /// It was decided.
    pub fn is_done(&self) -> bool {
        self.problems.is_empty()
    }
}

/// A decision on one row.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The row.
    pub pick: Pick,
    /// What is decided.
    pub verdict: Verdict,
    /// Why.
    pub note: Option<String>,
}

/// Decides row by row. A row that changed meanwhile keeps the others of its order from nothing.
pub async fn decide(wanted: Vec<Wanted>, submission: Uuid) -> Result<Vec<RowOutcome>, AppError> {
    let _signed_in = request::viewer().await?;
    let mut outcomes = Vec::with_capacity(wanted.len());
    let mut rest = wanted;
    while let Some(first) = rest.first() {
        let number = first.pick.order.clone();
        let (of_order, others): (Vec<Wanted>, Vec<Wanted>) = rest.into_iter().partition(|one| one.pick.order == number);
        rest = others;
        outcomes.extend(decide_order(&number, of_order, submission).await);
    }
    Ok(outcomes)
}

/// Twice at the most: all rows, then those that nothing was wrong with.
async fn decide_order(number: &str, mut wanted: Vec<Wanted>, submission: Uuid) -> Vec<RowOutcome> {
    let mut outcomes = Vec::new();
    for _round in 0..2 {
        if wanted.is_empty() {
            break;
        }
        let problems = match try_order(number, &wanted, submission).await {
            Ok(done) => {
                outcomes.extend(done);
                return outcomes;
            }
            Err((record, CommandError::Refused { problems })) => (record, problems),
            Err((record, error)) => {
                let message = AppError::from(error).to_string();
                outcomes.extend(wanted.into_iter().map(|one| failed(one, record.as_deref(), message.clone())));
                return outcomes;
            }
        };
        let (record, problems) = problems;
        let whole = problems.iter().find(|problem| problem.schedule_line_id.is_none()).map(|it| it.refusal.to_string());
        let (bad, good): (Vec<Wanted>, Vec<Wanted>) = wanted
            .into_iter()
            .partition(|one| whole.is_some() || problems.iter().any(|it| it.schedule_line_id == Some(one.pick.line)));
        for one in bad {
            let own: Vec<FieldProblem> = match &whole {
                Some(words) => vec![FieldProblem::new("", words.clone())],
                None => problems.iter().filter(|it| it.schedule_line_id == Some(one.pick.line)).map(problem).collect(),
            };
            outcomes.push(RowOutcome { line: name(record.as_deref(), one.pick.line), pick: one.pick, problems: own });
        }
        wanted = good;
    }
    outcomes
}

/// In words for somebody who chose the row from a list that is older than the decision of somebody else.
fn problem(problem: &Problem) -> FieldProblem {
    let words = match &problem.refusal {
        Refusal::Step(step) => format!("Somebody was faster: this line is {} now.", step.state.words()),
        Refusal::StaleLine { now } => {
            format!("The supplier answered anew since you opened the list; the line is {now}. Look at it again.")
        }
        other => other.to_string(),
    };
    FieldProblem::new(field_id(problem), words)
}

fn failed(one: Wanted, record: Option<&OrderRecord>, message: String) -> RowOutcome {
    let line = name(record, one.pick.line);
    RowOutcome { pick: one.pick, line, problems: vec![FieldProblem::new("", message)] }
}

fn name(record: Option<&OrderRecord>, line: ScheduleLineId) -> String {
    record
        .and_then(|record| record.order.find(line))
        .map(|(line, schedule)| line_name(line, schedule))
        .unwrap_or_default()
}

async fn try_order(
    number: &str,
    wanted: &[Wanted],
    submission: Uuid,
) -> Result<Vec<RowOutcome>, (Option<Box<OrderRecord>>, CommandError)> {
    let unavailable = |_: AppError| CommandError::Invalid("You are not signed in any more.".to_owned());
    let mut tx = request::begin().await.map_err(|error| (None, unavailable(error)))?;
    let record = Box::new(orders::get(&mut tx, number).await.map_err(|error| (None, error))?);
    let decisions = wanted
        .iter()
        .map(|one| Decision {
            schedule_line_id: one.pick.line,
            version: one.pick.version,
            verdict: one.verdict.clone(),
            note: one.note.clone(),
        })
        .collect();
    let command = DecideDeviations { decisions, submission: of_order(submission, number) };
    let decided = match orders::decide(&mut tx, number, &command).await {
        Ok(decided) => decided,
        Err(error) => return Err((Some(record), error)),
    };
    tx.commit().await.map_err(|error| (Some(record.clone()), error.into()))?;
    let outcomes = wanted.iter().map(|one| {
        // Sent twice: the first sending decided what it could, and the record says which lines these were.
        let left = decided.already
            && record.order.find(one.pick.line).is_some_and(|(_, schedule)| schedule.state == Negotiation::InReview);
        let problems =
            left.then(|| FieldProblem::new("", "This line was not decided; it still waits. Look at it again."));
        RowOutcome {
            pick: one.pick.clone(),
            line: name(Some(&record), one.pick.line),
            problems: problems.into_iter().collect(),
        }
    });
    Ok(outcomes.collect())
}

/// One form decides several orders, and each is carried out once: the form's key, mixed with the order's number (FNV-1a).
fn of_order(submission: Uuid, number: &str) -> Uuid {
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013B;
    let mixed = number.bytes().fold(submission.as_u128(), |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME));
    Uuid::from_u128(mixed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_order_of_a_form_has_a_key_of_its_own_and_always_the_same() {
        let form = Uuid::from_u128(0x019a_e4c2_6c1e_7a40_9f3b_5d1c_2e8a_b7f0);
        assert_eq!(of_order(form, "4500012345"), of_order(form, "4500012345"));
        assert_ne!(of_order(form, "4500012345"), of_order(form, "4500012346"));
        assert_ne!(of_order(form, "4500012345"), of_order(Uuid::from_u128(1), "4500012345"));
    }
}
