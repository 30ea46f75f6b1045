//! The delivery core: how one connection's events become deliveries, without any I/O.
//!
//! One [`Core`] is the one owner of one connection. Facts and the clock go in ([`Input`]), decisions come out
//! ([`Decision`]): it knows no socket, no table, no clock and draws no random number, so a test can run it through
//! millions of schedules in virtual time (`tests/simulation.rs`). A thin shell around it executes the decisions with SQL
//! and the connector.
//!
//! ```text
//!   event log ──read──► gap list ──wanted──► lanes, one per subject ──send──► connector
//!   (rows, gaps,        gaps.rs              lane.rs                           │
//!    snapshot)             │                    ▲    │ ready, round robin       │ answer
//!                          │                    │    └─► circuit, pause ────────┤
//!                          │ cursor             │         circuit.rs            ▼
//!                          │ + gaps        due rows,                        outcome
//!                          │               held rows                           │
//!                          └────────────────────┼──────────────────────────────┤
//!                                               │                              ▼
//!                                          delivery table ◄──one write── batch: outcomes + cursor + gaps + circuit,
//!                                                                               all under the owner's fence number
//! ```
//!
//! # How the shell drives it
//! 1. Take the connection's lock, raise its fence number, settle its lanes (see below) and load [`Start`], all in one
//!    transaction; [`Core::start`].
//! 2. [`Core::step`] with each thing that happens; execute the decisions it returns; call it again with
//!    [`Input::Tick`] at [`Core::wake_at`].
//! 3. Any error of the store, a commit whose answer was lost included, ends this core: drop it and begin at 1. The
//!    tables say what was written. Sends that are still running are answered to nobody and will be made again with the
//!    same key.
//!
//! # Promises the core keeps
//! - **At most one store request is out at a time.** So no answer of the store is older than a later write, and one
//!   database connection serves the owner.
//! - **The cursor never passes an unfinished event.** Every position at or below the persisted cursor is finished, has a
//!   row, was not wanted, or is in the persisted gap list. (The list also carries up to `max_in_flight` events that are
//!   on their way, so that one slow answer does not keep the cursor, and with it a restart, far behind.)
//! - **Rows of a subject are a prefix.** An event gets its row only when every earlier event of its subject has one.
//!   Therefore a due row never overtakes an event that has none, not even after a crash.
//! - **One at a time per subject**, and the idempotency key of a delivery is (connection, event id) at every try.
//! - **A try is counted** when the document was the question: refused, permanent, temporary, unknown. *Down*, wrong
//!   credentials and a broken contract are about the system: the delivery goes back to the front of its lane, uncounted,
//!   and without a row. So is anything but a clear answer that arrives during maintenance.
//! - **Nothing is sent without recent word from the store** (`trust`): an owner that was frozen, or cut off, first hears
//!   whether it still is one. If its fence number is refused it is deposed and never decides anything again.
//!
//! # What the store keeps in the tables ("settle a lane")
//! Among the unfinished rows of one connection and subject that come from the log (`triggered_by` = event), ordered by
//! position: the first is `retrying` or `parked`, all others are `held`. Rows made by a person (resend, probe, query)
//! wait as `held` while there is such a row, are `retrying` and due otherwise, and never hold anybody. Whatever touches
//! rows of a subject (a batch, a retry, a skip, a resend) restores that in the same transaction: a first row found
//! `held` becomes `retrying`, due now. This one rule promotes the next after a success or a skip, and it is why the core
//! need not be told when a person acts: the promoted row is found by the poll for due rows.
//!
//! Batches and people's acts have to come one after the other: each locks the row of `connection_reader` before it
//! touches a delivery. Otherwise a skip that does not see a row being held behind it, and a batch that does not see the
//! skip, would leave a held row with nobody to promote it.
//!
//! # Limits
//! A subject that is healthy but very slow, with more than `window` events waiting, fills the window and makes others
//! wait. (A *troubled* one does not: its events get rows.)

mod circuit;
mod decision;
mod gaps;
mod input;
mod lane;
mod owner;
#[cfg(test)]
mod tests;

pub use domain::exchange::FaultClass;
use uuid::Uuid;

pub use circuit::CircuitSettings;
pub use decision::{Batch, CircuitNote, CircuitState, Decision, Failure, Outcome, Request, Task, Verdict};
pub use gaps::{Gap, GapList, Snapshot};
pub use input::{Answer, Event, Gate, Input, LogRow, Page, Standing, Start, StoredDelivery};
pub use owner::{Core, Settings};

/// A place in the event log (its identity column, counted from 1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub i64);

impl Position {
    fn next(self) -> Self {
        Self(self.0 + 1)
    }

    fn before(self) -> Self {
        Self(self.0 - 1)
    }
}

/// The number an owner got when it took the connection. Each new owner's is higher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fence(pub i64);

/// One send of this owner; its answer comes back under the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// What went wrong, as the table and the page show it. The message is for a person to read and holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which kind, and so whose work it is.
    pub class: FaultClass,
    /// The other system's reason, readable, as the connector put it.
    pub message: String,
}

/// One event's trip to this connection, in memory.
#[derive(Clone, Debug)]
struct Delivery<P> {
    event: Event<P>,
    /// Its row, if something had to be said about it before.
    row: Option<RowInHand>,
}

/// What the core remembers of a row.
#[derive(Clone, Copy, Debug)]
struct RowInHand {
    delivery_id: Uuid,
    attempts: u32,
    by_person: bool,
}
