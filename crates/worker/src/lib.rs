//! What happens after commit.
//!
//! Loops that take no input but the tables, each in a file named by its verb. They may run in the process that serves pages
//! and in any number of others at once; every one of them may die at any moment, and whoever comes next goes on from what
//! the tables say.
//!
//! ```text
//!                        collect                          apply
//!   other system ──────► feed, cursor ──┐   ┌── arrival ──interpret──► commands ──perform──► state + events
//!        │                              ├──►│   (raw)                                              │ commit
//!        └─ pushes ─► server/api ───────┘   │                                                      │   │ signal
//!                                           │      people's answers and decisions ─────────────────┤   │ (wake)
//!                                           │                                                      ▼   ▼
//!   other system ◄──── connector ◄─── deliver ◄── lanes, one per subject ◄── core ◄── gap list ◄── event log
//!                         │                │       (order, retries, parking: the core, without I/O)
//!                         └── answer ──────┴──► delivery rows, cursor, circuit, links
//! ```
//!
//! | Loop | One at a time per | Held by |
//! |---|---|---|
//! | [`collect`] | feed | a lease on its row, renewed while the other system takes its time |
//! | [`apply`] | subject | the lock of the arrival's row, for as long as the transaction lasts |
//! | [`attend`] → [`deliver`] | connection | a lock in an open database connection, and a fence number |
//! | [`unblock`] | report | the locks of its work order's row and of its item's lots |
//! | [`sweep`] | – | nothing; it may be done twice |
//!
//! [`run`] starts and stops them, [`wake`] is how they wait, [`systems`] keeps the connectors they share. The rules of the
//! way out are in [`core`], the times between tries in [`retry`].

pub mod apply;
pub mod attend;
pub mod collect;
pub mod core;
pub mod deliver;
pub mod retry;
pub mod run;
pub mod sweep;
pub mod systems;
pub mod unblock;
pub mod wake;

pub use run::{Means, Settings, Worker};
