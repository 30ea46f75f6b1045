//! What has been promised for a schedule line: the first of the three axes (DOMAIN §1), as a table one can read.
//!
//! ```text
//!                      answer inside tolerance
//!   ┌───────────┐ ───────────────────────────────▶ ┌──────────┐
//!   │ published │                                  │ accepted │◀─┐ answer inside, or the
//!   └───────────┘ ──┐ answer outside               └──────────┘  │ buyer's counter taken
//!     ▲   ▲         ▼                    buyer accepts ▲    │    │
//!     │   │     ┌───────────┐ ─────────────────────────┘    │ answer outside (delay notice)
//!     │   └─────│ in review │ ◀─────────────────────────────┘    │
//!     │ rejects └───────────┘ ──── buyer counters ──▶ ┌───────────┐
//!     │           │   ▲                               │ countered │
//!     │           │   └────────── answer outside ─────└───────────┘
//!     │           └─ buyer accepts a rejection ─▶ ┌──────────┐
//!     └──────── revised by the ERP (from any) ──  │ declined │      cancelled: by the ERP, from any
//!                                                 └──────────┘
//! ```
//!
//! A refusal leads back to where the line stood: to published, to the promise in force, or to declined; to published also
//! where a revision came after the promise and is not answered yet.
//!
//! The same table drives the buttons on the page, the errors of the API and the tests. A step that is not in it is an
//! [`IllegalStep`] that names the current state.

use serde::{Deserialize, Serialize};

use crate::text::text_enum;

text_enum! {
    /// Where the negotiation of a schedule line stands.
    pub enum Negotiation {
        /// Shown to the supplier, waiting for an answer.
        Published = "published",
        /// Answered outside tolerance; the buyer decides.
        InReview = "in_review",
        /// Promised and binding.
        Accepted = "accepted",
        /// The buyer proposed something else; the supplier's turn.
        Countered = "countered",
        /// The supplier cannot supply and the buyer took note.
        Declined = "declined",
        /// Taken back by the ERP.
        Cancelled = "cancelled",
    }
}

impl Negotiation {
    /// Whose move it is.
    pub const fn turn(self) -> Turn {
        match self {
            Self::Published | Self::Countered => Turn::Supplier,
            Self::InReview => Turn::Buyer,
            Self::Accepted | Self::Declined | Self::Cancelled => Turn::Nobody,
        }
    }

    /// As a person would say it.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Published => "not answered",
            Self::InReview => "with the buyer",
            Self::Accepted => "confirmed",
            Self::Countered => "countered by the buyer",
            Self::Declined => "declined",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state after `step`, or why there is none.
    pub fn step(self, step: Step) -> Result<Self, IllegalStep> {
        TABLE
            .iter()
            .find(|(from, by, _)| *from == self && *by == step)
            .map(|(_, _, to)| *to)
            .ok_or(IllegalStep { state: self, step })
    }
}

/// Whose move it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Turn {
    /// The supplier has to answer.
    Supplier,
    /// The buyer has to decide.
    Buyer,
    /// Nobody has to do anything.
    Nobody,
}

text_enum! {
    /// What can happen to a schedule line.
    pub enum Step {
        /// An answer that needs no person.
        AnswerInside = "answer_inside",
        /// An answer that a buyer has to see.
        AnswerOutside = "answer_outside",
        /// The buyer takes the proposal.
        Accept = "accept",
        /// The buyer takes note that there will be no supply.
        AcceptRejection = "accept_rejection",
        /// The buyer proposes something else.
        Counter = "counter",
        /// The buyer refuses; nothing was promised before.
        Reject = "reject",
        /// The buyer refuses; what was promised before stands.
        RejectToPromise = "reject_to_promise",
        /// The buyer refuses; that there will be no supply stands.
        RejectToDeclined = "reject_to_declined",
        /// The ERP changed what it asks for.
        Revise = "revise",
        /// The ERP took it back.
        Cancel = "cancel",
    }
}

impl Step {
    /// For "cannot be …".
    pub const fn words(self) -> &'static str {
        match self {
            Self::AnswerInside | Self::AnswerOutside => "answered",
            Self::Accept | Self::AcceptRejection => "accepted",
            Self::Counter => "countered",
            Self::Reject | Self::RejectToPromise | Self::RejectToDeclined => "rejected",
            Self::Revise => "revised",
            Self::Cancel => "cancelled",
        }
    }
}

use Negotiation::{Accepted, Cancelled, Countered, Declined, InReview, Published};

/// Every legal step: from, by, to.
pub const TABLE: &[(Negotiation, Step, Negotiation)] = &[
    (Published, Step::AnswerInside, Accepted),
    (Published, Step::AnswerOutside, InReview),
    // The supplier may correct himself before the buyer has decided.
    (InReview, Step::AnswerInside, Accepted),
    (InReview, Step::AnswerOutside, InReview),
    (InReview, Step::Accept, Accepted),
    (InReview, Step::AcceptRejection, Declined),
    (InReview, Step::Counter, Countered),
    (InReview, Step::Reject, Published),
    (InReview, Step::RejectToPromise, Accepted),
    (InReview, Step::RejectToDeclined, Declined),
    (Countered, Step::AnswerInside, Accepted),
    (Countered, Step::AnswerOutside, InReview),
    // A delay notice after the promise.
    (Accepted, Step::AnswerInside, Accepted),
    (Accepted, Step::AnswerOutside, InReview),
    // Who declined may find a way after all.
    (Declined, Step::AnswerInside, Accepted),
    (Declined, Step::AnswerOutside, InReview),
    (Published, Step::Revise, Published),
    (InReview, Step::Revise, Published),
    (Accepted, Step::Revise, Published),
    (Countered, Step::Revise, Published),
    (Declined, Step::Revise, Published),
    (Cancelled, Step::Revise, Published),
    (Published, Step::Cancel, Cancelled),
    (InReview, Step::Cancel, Cancelled),
    (Accepted, Step::Cancel, Cancelled),
    (Countered, Step::Cancel, Cancelled),
    (Declined, Step::Cancel, Cancelled),
];

/// A step that the table does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("This line is {}; it cannot be {} now.", .state.words(), .step.words())]
pub struct IllegalStep {
    /// Where the line stands.
    pub state: Negotiation,
    /// What was tried.
    pub step: Step,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_leads_to_one_state_only() {
        for (index, (from, by, _)) in TABLE.iter().enumerate() {
            assert!(
                !TABLE[index + 1..].iter().any(|(other, step, _)| other == from && step == by),
                "{from} {by} stands twice"
            );
        }
    }

    #[test]
    fn every_state_can_be_reached_and_left() {
        for state in Negotiation::ALL {
            assert!(*state == Published || TABLE.iter().any(|(_, _, to)| to == state), "{state} cannot be reached");
            assert!(TABLE.iter().any(|(from, _, to)| from == state && to != state), "{state} cannot be left");
        }
    }

    #[test]
    fn a_buyer_decides_only_what_is_in_review() {
        for state in Negotiation::ALL {
            for step in [
                Step::Accept,
                Step::AcceptRejection,
                Step::Counter,
                Step::Reject,
                Step::RejectToPromise,
                Step::RejectToDeclined,
            ] {
                assert_eq!(state.step(step).is_ok(), *state == InReview, "{state} {step}");
            }
        }
    }
}
