//! What a call to another system came to. Decided where the answer is read, because only there it is known whether another
//! try can help.

use std::time::Duration;

use domain::exchange::FaultClass;
use domain::production::posting::Cause;

use crate::{Link, Raw};

/// The other side answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It has it.
    Accepted {
        /// Its document number, where it gave one.
        their_ref: Option<String>,
        /// Keys that were learned on the way.
        links: Vec<Link>,
        /// It had it already from an earlier try.
        already: bool,
        /// What it told in its answer, where the event was a question: messages like those of a feed. They are stored as
        /// arrivals together with the outcome.
        told: Vec<Raw>,
    },
    /// Its business rules say no. Parked with this reason, which a buyer must be able to read.
    Refused {
        /// In words for a person.
        reason: String,
        /// For a posting of the shop floor, in one of the words that such are grouped by, where the other side's answer
        /// tells.
        cause: Option<Cause>,
    },
    /// No answer that can be read as yes or no. Asked again with the same key. An unknown status is this, never a success.
    Pending {
        /// What was seen.
        seen: String,
    },
}

impl Outcome {
    /// Its business rules say no, for anything but a posting.
    pub const fn refused(reason: String) -> Self {
        Self::Refused { reason, cause: None }
    }

    /// It has it, and told nothing else.
    pub const fn accepted(their_ref: Option<String>, already: bool) -> Self {
        Self::Accepted { their_ref, links: Vec::new(), already, told: Vec::new() }
    }
}

/// The call did not come to an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// This document cannot be taken now (locked, rate limit, time-out): again after a while.
    #[error("{message}")]
    Temporary {
        /// What was tried and what came back.
        message: String,
        /// Not before, where the other side said so (`Retry-After`).
        after: Option<Duration>,
    },
    /// The system is down or in maintenance: nothing is sent until it answers again, and no try is used up.
    #[error("{message}")]
    Down {
        /// What was tried and what came back.
        message: String,
        /// Not before, where the other side said so.
        after: Option<Duration>,
    },
    /// Our log-in is not accepted.
    #[error("{message}")]
    Credentials {
        /// What was tried and what came back.
        message: String,
    },
    /// The endpoint is not what we expect (unknown path, other version, not the agreed format).
    #[error("{message}")]
    Contract {
        /// What was expected and what came back.
        message: String,
    },
    /// Will never work for this message.
    #[error("{message}")]
    Permanent {
        /// Why.
        message: String,
    },
}

impl Fault {
    /// The class that is stored and decides what happens next.
    pub const fn class(&self) -> FaultClass {
        match self {
            Self::Temporary { .. } => FaultClass::Temporary,
            Self::Down { .. } => FaultClass::Down,
            Self::Credentials { .. } => FaultClass::Credentials,
            Self::Contract { .. } => FaultClass::Contract,
            Self::Permanent { .. } => FaultClass::Permanent,
        }
    }
}

/// What a probe found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// The other system by name and version, e.g. `Tryton 8.2.1`.
    pub system: String,
    /// Their clock minus ours, where it can be seen.
    pub clock_skew: Option<chrono::TimeDelta>,
    /// Anything a person should know, e.g. a right that is missing.
    pub remarks: Vec<String>,
}

/// A message that could not be understood. The raw message is kept; after a fix it is applied again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {problem}")]
pub struct NotUnderstood {
    /// Where in the message, e.g. `$.lines[2].quantity`.
    pub at: String,
    /// What is wrong and what was expected.
    pub problem: String,
}
