//! What goes into the core: what the store showed, what the connector answered, what people decided.

use std::collections::HashSet;

use chrono::TimeDelta;
use uuid::Uuid;

use super::{CircuitNote, Fence, Gap, Position, Snapshot, Ticket};

/// One thing that happened. Handed to [`super::Core::step`] together with the time.
#[derive(Clone, Debug)]
pub enum Input<P> {
    /// Time has passed ([`super::Core::wake_at`]), nothing else.
    Tick,
    /// There may be something new in the log or among the due rows: an in-process signal after a commit, or a person
    /// acted. Only saves waiting for the next poll; nothing depends on it.
    Poke,
    /// The answer to [`super::Request::Read`].
    Page(Page<P>),
    /// The answer to [`super::Request::Due`], the longest due first.
    Due(Vec<StoredDelivery<P>>),
    /// The answer to [`super::Request::Lanes`]: per asked subject its rows in lane order.
    Lanes(Vec<StoredDelivery<P>>),
    /// The [`super::Request::Write`] is committed.
    Written,
    /// The fence number was refused by a read or a write: somebody else owns the connection.
    Fenced,
    /// A send was answered, or given up by its time limit (then the answer is [`Answer::Pending`]).
    Answered {
        /// Which send.
        ticket: Ticket,
        /// What it came to.
        answer: Answer,
        /// How long it took, for the record.
        took: TimeDelta,
    },
    /// A person, the calendar or a shutdown opens or shuts the way out.
    Gate(Gate),
    /// A person asks an open circuit to try now.
    TryNow,
}

/// Whether anything may be sent, apart from what the circuit says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// Send.
    Open,
    /// A person has paused the connection, or this program is stopping. What is on its way is still finished.
    Paused,
    /// A maintenance window of the other system: as paused, and unclear answers that still come in are not held against
    /// the delivery.
    Maintenance,
}

/// How the connection stands in the tables when a new owner begins. Loaded in the transaction that raised the fence.
#[derive(Clone, Debug)]
pub struct Start {
    /// This owner's number.
    pub fence: Fence,
    /// From `connection_reader`.
    pub cursor: Position,
    /// From `connection_reader`.
    pub gaps: Vec<Gap>,
    /// Every subject that has an unfinished row from the log.
    pub troubled: Vec<Uuid>,
    /// The events that have a row from the log and lie above the cursor or in a gap. They are not delivered again.
    pub settled: HashSet<Uuid>,
    /// The circuit as its last owner noted it.
    pub circuit: Option<CircuitNote>,
    /// Pause and maintenance at this moment.
    pub gate: Gate,
    /// Any number; spreads the waits of different owners and connections.
    pub seed: u64,
}

/// One event for this connection. `P` is whatever the shell needs to send it (usually an `Arc` of the envelope); the core
/// carries it and never looks inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event<P> {
    /// Its place in the log.
    pub position: Position,
    /// With the connection, the idempotency key.
    pub event_id: Uuid,
    /// The ordering key: one order, one lot.
    pub subject: Uuid,
    /// The subject's own count 1, 2, 3 …, which travels along so that the receiver can see a gap or a swap.
    pub version: i64,
    /// What the shell needs to send it.
    pub cargo: P,
}

/// One visible row of the log.
#[derive(Clone, Debug)]
pub struct LogRow<P> {
    /// Its place.
    pub position: Position,
    /// The event, or `None` when this connection does not subscribe to it: then it only passes the cursor.
    pub wanted: Option<Event<P>>,
}

/// What **one** statement (one snapshot) saw of the log.
#[derive(Clone, Debug)]
pub struct Page<P> {
    /// Rows at the asked gaps, ascending, at most as many as asked for.
    pub found: Vec<LogRow<P>>,
    /// Rows beyond the asked position, ascending and without leaving out any visible one, at most as many as asked for.
    /// Ignored when `found` is as long as it may be: the rest of the gaps is looked at first.
    pub beyond: Vec<LogRow<P>>,
    /// What the statement knew of other transactions.
    pub snapshot: Snapshot,
}

/// A row of `delivery` with the event it is about.
#[derive(Clone, Debug)]
pub struct StoredDelivery<P> {
    /// The row.
    pub delivery_id: Uuid,
    /// What it delivers.
    pub event: Event<P>,
    /// Tries that have failed since the row was made or a person last asked for a retry.
    pub attempts: u32,
    /// Made by a person (resend, probe, query), not by the log.
    pub by_person: bool,
    /// Its turn.
    pub standing: Standing,
}

/// Whose turn a stored delivery's is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// `retrying`, and its time has come.
    Due,
    /// `held`: behind another one of its subject.
    Held,
    /// `parked`, or `retrying` later.
    Waiting,
}

/// What came of one send. The connector decides at the point of failure whether another try can help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It has taken effect (or had already, at an earlier try).
    Accepted {
        /// The other system's document number.
        their_ref: Option<String>,
    },
    /// The other system's business says no. Parked; not retried by itself.
    Refused {
        /// For a person to read.
        reason: String,
    },
    /// It may have taken effect or not. Asked again with the same key; counts as a try.
    Pending {
        /// What was last known.
        reason: String,
    },
    /// This document, for the moment. Retried; counts as a try.
    Temporary {
        /// The wait the other system asked for.
        after: Option<TimeDelta>,
        /// For a person to read.
        reason: String,
    },
    /// The system cannot be reached: opens the circuit. Not counted.
    Down {
        /// The wait the other system asked for.
        after: Option<TimeDelta>,
        /// For a person to read.
        reason: String,
    },
    /// The secret is refused: opens the circuit until a person mends it. Not counted.
    Credentials {
        /// For a person to read.
        reason: String,
    },
    /// The endpoint as a whole is not what we take it for: opens the circuit. Not counted.
    Contract {
        /// For a person to read.
        reason: String,
    },
    /// This document can never be delivered as it is. Parked.
    Permanent {
        /// For a person to read.
        reason: String,
    },
}
