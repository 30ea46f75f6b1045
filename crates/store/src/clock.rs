//! The one clock. Everything that needs the time is given it; only this file asks the operating system.

use std::sync::{Arc, RwLock};

use chrono::{DateTime, DurationRound, TimeDelta, Utc};

/// Tells the time: the system's, or one that a test moves.
#[derive(Debug, Clone, Default)]
pub struct Clock(Option<Arc<RwLock<DateTime<Utc>>>>);

impl Clock {
    /// The operating system's time.
    pub const fn system() -> Self {
        Self(None)
    }

    /// A clock that stands still until it is moved.
    pub fn standing_at(now: DateTime<Utc>) -> Self {
        Self(Some(Arc::new(RwLock::new(now))))
    }

    /// Now, in microseconds as PostgreSQL keeps them.
    pub fn now(&self) -> DateTime<Utc> {
        let now = match &self.0 {
            Some(shared) => *shared.read().unwrap_or_else(std::sync::PoisonError::into_inner),
            #[expect(clippy::disallowed_methods, reason = "the one place that asks")]
            None => Utc::now(),
        };
        now.duration_trunc(TimeDelta::microseconds(1)).unwrap_or(now)
    }

    /// Moves a standing clock on; does nothing to the system's.
    pub fn advance(&self, by: TimeDelta) {
        if let Some(shared) = &self.0 {
            *shared.write().unwrap_or_else(std::sync::PoisonError::into_inner) += by;
        }
    }
}
