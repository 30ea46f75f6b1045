//! How a loop waits: woken in process the moment something is committed here, and by a poll for what other processes
//! commit.
//!
//! The poll starts quick (25 ms) and slows down while there is nothing to do, up to a quarter of a second, so that an idle
//! house asks its database a few times a second and not forty. What is found makes it quick again.

use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// The quickest and the slowest poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// After something was found.
    pub quickest: Duration,
    /// After long silence.
    pub slowest: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { quickest: Duration::from_millis(25), slowest: Duration::from_millis(250) }
    }
}

/// A loop's way of waiting. Before it looks into the tables it calls [`Wake::look`], afterwards [`Wake::wait`]: what is
/// committed between the two is not missed.
#[derive(Debug)]
pub struct Wake {
    signal: watch::Receiver<u64>,
    pace: Pace,
    next: Duration,
}

impl Wake {
    /// Waits for this signal, and polls at this pace.
    pub const fn new(signal: watch::Receiver<u64>, pace: Pace) -> Self {
        Self { signal, pace, next: pace.quickest }
    }

    /// From here on, commits count as news.
    pub fn look(&mut self) {
        self.signal.borrow_and_update();
    }

    /// Something was found: there may soon be more.
    pub const fn found(&mut self) {
        self.next = self.pace.quickest;
    }

    /// Waits for news or for the next poll, at most `at_most`. False: it is time to stop.
    pub async fn wait(&mut self, at_most: Option<Duration>, stop: &CancellationToken) -> bool {
        let poll = at_most.unwrap_or(self.next).min(self.next);
        let signalled = tokio::select! {
            biased;
            () = stop.cancelled() => return false,
            // A store that is gone raises nothing more; the poll goes on.
            news = self.signal.changed() => news.is_ok(),
            () = tokio::time::sleep(poll) => false,
        };
        self.next = if signalled { self.pace.quickest } else { (self.next * 3 / 2).min(self.pace.slowest) };
        !stop.is_cancelled()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOW: Pace = Pace { quickest: Duration::from_secs(3600), slowest: Duration::from_secs(3600) };

    #[tokio::test]
    async fn what_is_committed_while_the_loop_looks_is_not_missed() {
        let (sender, receiver) = watch::channel(0);
        let stop = CancellationToken::new();
        let mut wake = Wake::new(receiver, SLOW);
        wake.look();
        sender.send_modify(|count| *count += 1);
        assert!(wake.wait(None, &stop).await, "returns at once, not in an hour");
    }

    #[tokio::test]
    async fn a_stop_ends_every_wait() {
        let (_sender, receiver) = watch::channel(0);
        let stop = CancellationToken::new();
        let mut wake = Wake::new(receiver, SLOW);
        stop.cancel();
        assert!(!wake.wait(None, &stop).await);
    }

    #[tokio::test]
    async fn silence_slows_the_poll_down_and_news_makes_it_quick_again() {
        let pace = Pace { quickest: Duration::from_micros(10), slowest: Duration::from_micros(40) };
        let (sender, receiver) = watch::channel(0);
        let stop = CancellationToken::new();
        let mut wake = Wake::new(receiver, pace);
        for _ in 0..10 {
            assert!(wake.wait(None, &stop).await);
        }
        assert_eq!(wake.next, pace.slowest);
        sender.send_modify(|count| *count += 1);
        assert!(wake.wait(None, &stop).await);
        assert_eq!(wake.next, pace.quickest);
    }
}
