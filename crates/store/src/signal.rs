//! What a commit left for the loops of this process, told the moment it is durable.
//!
//! A signal only saves waiting for the next poll; nothing depends on it, and it carries no data. It is raised by
//! [`crate::Tx::commit`] for whatever the transaction wrote, so that no caller can forget it, and never before the commit:
//! a `NOTIFY` inside the transaction would make all commits wait for one another.

use std::sync::Arc;

use tokio::sync::watch;

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// There is something to deliver: events were appended, or a person decided on deliveries.
    Deliveries,
    /// Messages were received, or are to be applied again.
    Arrivals,
    /// A connection was added, changed, paused or resumed.
    Connections,
}

impl Topic {
    const ALL: [Self; 3] = [Self::Deliveries, Self::Arrivals, Self::Connections];
}

/// One counter per topic; whoever waits sees that it moved, however often.
#[derive(Debug, Clone)]
pub struct Signals(Arc<[watch::Sender<u64>; Topic::ALL.len()]>);

impl Default for Signals {
    fn default() -> Self {
        Self(Arc::new(Topic::ALL.map(|_| watch::Sender::new(0))))
    }
}

impl Signals {
    /// Waits with this: `borrow_and_update`, look into the tables, then `changed().await`. What is raised between the
    /// first and the last is not missed.
    pub fn subscribe(&self, topic: Topic) -> watch::Receiver<u64> {
        self.0[topic as usize].subscribe()
    }

    /// Wakes whoever waits for this topic.
    pub fn raise(&self, topic: Topic) {
        self.0[topic as usize].send_modify(|count| *count = count.wrapping_add(1));
    }
}

/// The topics that a transaction has written about.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Written([bool; Topic::ALL.len()]);

impl Written {
    pub(crate) fn note(&mut self, topic: Topic) {
        self.0[topic as usize] = true;
    }

    pub(crate) fn raise(self, signals: &Signals) {
        for topic in Topic::ALL.into_iter().filter(|topic| self.0[*topic as usize]) {
            signals.raise(topic);
        }
    }
}
