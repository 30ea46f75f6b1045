//! What comes out of the core: things to send and things to ask of the store. Data only.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{Event, Fault, Fence, Gap, Position, Ticket};

/// One thing for the shell to do now.
#[derive(Clone, Debug)]
pub enum Decision<P> {
    /// Hand a delivery to the connector, and its answer back as [`super::Input::Answered`]. Any number run at once.
    Send(Task<P>),
    /// Ask the store. At most one is out at a time.
    Ask(Request),
}

/// One send.
#[derive(Clone, Debug)]
pub struct Task<P> {
    /// To be given back with the answer.
    pub ticket: Ticket,
    /// What to send. Its idempotency key is (connection, event id).
    pub event: Event<P>,
    /// The row, if it has one (for logs and spans).
    pub delivery_id: Option<Uuid>,
    /// Which try this is, counted from 1.
    pub attempt: u32,
}

/// One request to the store.
#[derive(Clone, Debug)]
pub enum Request {
    /// Read the log in one statement: rows beyond `after` and rows in `gaps`, at most `limit` of **each** (it may be 0:
    /// then only the fence is looked at). Answer: `Page`, or `Fenced` if the fence in the table is another.
    Read {
        /// This owner's number.
        fence: Fence,
        /// Exclusive.
        after: Position,
        /// Where rows were missing.
        gaps: Vec<Gap>,
        /// At most so many rows of each.
        limit: usize,
    },
    /// Load rows that are `retrying` and due, longest due first, from the log and from people. Answer: `Due`.
    Due {
        /// At most so many.
        limit: usize,
    },
    /// For each subject, load its first unfinished rows from the log in lane order. Answer: `Lanes`.
    Lanes {
        /// Which lanes.
        subjects: Vec<Uuid>,
        /// At most so many rows of each.
        limit: usize,
    },
    /// Write in one transaction, if the fence is still ours. Answer: `Written` or `Fenced`.
    Write(Batch),
}

/// All that has happened since the last write. It lands whole or not at all.
#[derive(Clone, Debug)]
pub struct Batch {
    /// This owner's number; the write is void if the table has another.
    pub fence: Fence,
    /// Everything up to here is finished, has a row, was not wanted, or is in `gaps`.
    pub cursor: Position,
    /// Positions at or below the cursor that a next owner has to look at again.
    pub gaps: Vec<Gap>,
    /// In the order in which they came about; at most one per delivery.
    pub outcomes: Vec<Outcome>,
    /// The circuit, if it has changed.
    pub circuit: Option<CircuitNote>,
}

/// What became of one delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Its row; `None` makes a new one, triggered by the event.
    pub delivery_id: Option<Uuid>,
    /// The event's place in the log.
    pub position: Position,
    /// The event.
    pub event_id: Uuid,
    /// Its ordering key.
    pub subject: Uuid,
    /// The subject's own count.
    pub version: i64,
    /// Tries made since the row was made or a person last asked for a retry, the one that led here included.
    pub attempts: u32,
    /// When.
    pub at: DateTime<Utc>,
    /// What the row says from now on.
    pub verdict: Verdict,
    /// The try that failed, for the `attempt` table (numbered there, on and on).
    pub failure: Option<Failure>,
}

/// A row's new state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It has taken effect there.
    Delivered {
        /// Their document number.
        their_ref: Option<String>,
        /// How long the successful send took.
        took: TimeDelta,
    },
    /// Another try will be made.
    Retrying {
        /// When.
        next_attempt_at: DateTime<Utc>,
        /// Why the last one failed.
        fault: Fault,
    },
    /// A person has to decide.
    Parked {
        /// Why.
        fault: Fault,
    },
    /// Waits behind another one of its subject.
    Held,
}

/// One failed try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// When it was over.
    pub at: DateTime<Utc>,
    /// How long it took.
    pub took: TimeDelta,
    /// What went wrong.
    pub fault: Fault,
}

/// The circuit, as the table and the page show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CircuitNote {
    /// Its state.
    pub state: CircuitState,
    /// Why it is not closed.
    pub fault: Option<Fault>,
}

/// The states of a circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CircuitState {
    /// Deliveries are sent.
    Closed,
    /// Nothing is sent.
    Open {
        /// When the next probe may be made.
        until: DateTime<Utc>,
    },
    /// One delivery is sent as a probe.
    HalfOpen,
}
