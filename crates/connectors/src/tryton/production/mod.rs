//! Production: work orders come from Tryton ([`feed`]), and what the shop floor reports is posted there.
//!
//! Tryton consumes all inputs of a production at once (`run`) and takes in all its outputs at once (`do`). A report is a part
//! of that, so each one becomes a stock move of its own (tried on 8.2): an input or output that is added to a *running*
//! production can be reserved and done by itself. So the first report takes the production into work without consuming
//! anything ([`start`]); each consumption is an input that is reserved by Tryton's own rules and done ([`consume`]); each
//! completion an output that is done, and the last one finishes the production ([`complete`]). A reversal cancels the moves
//! of its report ([`reverse`]), while the production is open.
//!
//! What was posted for which report is a note on each move, written before the move is done: a move that is done and carries
//! no note of ours is somebody else's, and one that is not done has no effect and is cleared away by the next try. The number
//! of the move is Tryton's document; Tryton has no other one for it.
//!
//! A refusal names its cause ([`domain::production::posting::Cause`]). Tryton loses the words of some refusals in buttons, so
//! what can be seen before is looked at before: the state, closed periods, where the lot lies.

mod complete;
mod consume;
pub mod feed;
mod order;
mod reverse;
mod start;

use domain::event::Event;
use domain::production::posting::Cause;
use domain::production::{Report, Reported};
use tracing::info;

use super::settings::TrytonSettings;
use super::wire::{Trouble, Wire};
use crate::outcome::{Fault, Outcome};
use crate::{Link, LinkKind, Outgoing};
use order::{Move, Order};

/// One report on its way into Tryton.
struct Posting<'a> {
    wire: &'a Wire,
    settings: &'a TrytonSettings,
    delivery: &'a Outgoing,
    report: &'a Report,
}

/// Why a report is not posted.
enum Blocked {
    /// By a rule, ours or Tryton's.
    By(Cause, String),
    /// The call did not come to an answer.
    Fault(Fault),
}

impl From<Fault> for Blocked {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Trouble> for Blocked {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Refused(reason) => Self::By(cause(&reason), reason),
            Trouble::Fault(fault) => Self::Fault(fault),
        }
    }
}

/// The cause in Tryton's own words, which we ask for in English.
fn cause(reason: &str) -> Cause {
    if reason.contains("has expired") {
        Cause::LotBlocked
    } else if reason.contains("reopen period") {
        Cause::PeriodClosed
    } else {
        Cause::Other
    }
}

/// Posts a report, or takes one back.
pub async fn deliver(wire: &Wire, settings: &TrytonSettings, delivery: &Outgoing) -> Result<Outcome, Fault> {
    let posting = |report| Posting { wire, settings, delivery, report };
    let posted = match &delivery.envelope.event {
        Event::MaterialConsumed { report } => match &report.what {
            // The work order says that it is booked from what was completed; recorded with us.
            Reported::Consumed(it) if it.backflush => return Ok(Outcome::accepted(None, true)),
            Reported::Consumed(it) => consume::post(&posting(report), it).await,
            _ => return Ok(Outcome::accepted(None, true)),
        },
        Event::OutputCompleted { report } => match &report.what {
            Reported::Completed(it) => complete::post(&posting(report), it).await,
            _ => return Ok(Outcome::accepted(None, true)),
        },
        Event::ReportReversed { report, reason, .. } => match &report.what {
            Reported::Consumed(it) if it.backflush => return Ok(Outcome::accepted(None, true)),
            Reported::Consumed(_) | Reported::Completed(_) => reverse::take_back(&posting(report), reason).await,
            _ => return Ok(Outcome::accepted(None, true)),
        },
        other => {
            let kind = other.kind();
            return Err(Fault::Permanent { message: format!("Events of kind {kind} are no postings.") });
        }
    };
    match posted {
        Ok(outcome) => {
            info!(work_order.number = posting_of(delivery), "What the shop floor reported is in Tryton.");
            Ok(outcome)
        }
        Err(Blocked::By(cause, reason)) => Ok(Outcome::Refused { reason, cause: Some(cause) }),
        Err(Blocked::Fault(fault)) => Err(fault),
    }
}

fn posting_of(delivery: &Outgoing) -> &str {
    delivery.envelope.event.documents().first().copied().unwrap_or_default()
}

impl Posting<'_> {
    /// The day on which it happened, which is the day of its moves. Tryton takes no days to come.
    fn day(&self) -> chrono::NaiveDate {
        self.report.at.min(self.delivery.now).date_naive()
    }

    /// What was posted, as the ERP's people find it.
    fn accepted(&self, order: &Order, moves: &[&Move], already: bool) -> Outcome {
        let ids: Vec<String> = moves.iter().map(|each| each.id.to_string()).collect();
        let key = format!("{}/{}", self.report.work_order, self.report.report_id);
        let links = moves.first().map(|each| Link {
            kind: LinkKind::Posting,
            key,
            their_ref: format!("stock.move,{}", each.id),
        });
        let which = if ids.len() == 1 { "move" } else { "moves" };
        let their_ref = (!ids.is_empty()).then(|| format!("production {}, {which} {}", order.number, ids.join(", ")));
        Outcome::Accepted { their_ref, links: links.into_iter().collect(), already, told: Vec::new() }
    }
}
