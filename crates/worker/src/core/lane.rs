//! One subject's queue: the deliveries of one order (or lot, or work order) to one connection, in order.
//!
//! A lane sends one delivery at a time. As long as all goes well its deliveries live in memory only. When one fails, the
//! lane is **in trouble**: the failed one gets its row, everything behind it gets a `held` row, and memory forgets them.
//! From then on the table is the queue, and memory holds at most a batch of it:
//!
//! ```text
//!            a delivery failed                    the head was delivered
//!  healthy ────────────────────► waiting ─► (due) ───────────────────────► loading ──► nothing left: healthy
//!  (queue in memory)             (for a clock or a person)                       └───► a batch: delivered in order
//! ```

use std::collections::VecDeque;

use super::{Delivery, Ticket};

/// The lane of one subject. It exists while there is something in memory or trouble in the table.
#[derive(Debug)]
pub(super) struct Lane<P> {
    /// What is to be sent, in order. In a lane in trouble: rows that have been loaded.
    pub queue: VecDeque<Delivery<P>>,
    /// What is being sent at the moment.
    pub sending: Option<(Ticket, Delivery<P>)>,
    /// It stands in the list of lanes that may send.
    pub listed: bool,
    /// There is (or may be) an unfinished row of this subject in the table: newcomers go behind it, as `held` rows.
    pub troubled: bool,
}

impl<P> Default for Lane<P> {
    fn default() -> Self {
        Self { queue: VecDeque::new(), sending: None, listed: false, troubled: false }
    }
}

impl<P> Lane<P> {
    /// A lane whose unfinished rows are all in the table.
    pub fn in_trouble() -> Self {
        Self { troubled: true, ..Self::default() }
    }

    /// Nothing in memory: neither queued nor on its way.
    pub fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.sending.is_none()
    }

    /// Whether it can be given a chance to send.
    pub fn is_ready(&self) -> bool {
        self.sending.is_none() && !self.queue.is_empty()
    }
}
