//! What happens after commit.
//!
//! The way out begins at the event log and ends at another system's door. Its rules (order, retries, parking, fencing)
//! are the [`core`], which does no I/O; the loops around it execute what the core decides.

pub mod core;
pub mod deliver;
pub mod retry;
