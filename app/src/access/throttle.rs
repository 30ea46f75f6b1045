//! How often something may be tried: a bucket per key that refills with time.
//!
//! The generic cell rate algorithm: per key we keep only the moment at which its bucket is full again. Time is given in.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

/// Above this many keys the full buckets are forgotten; one is about 100 bytes.
const MANY: usize = 20_000;

/// Buckets of one size. Cheap to ask; not shared between processes, so that each of `n` servers allows the rate.
#[derive(Debug)]
pub struct Throttle {
    burst: i32,
    refill: TimeDelta,
    full_at: Mutex<HashMap<String, DateTime<Utc>>>,
}

impl Throttle {
    /// Allows `burst` tries at once and one more every `refill`.
    pub fn new(burst: i32, refill: TimeDelta) -> Self {
        Self { burst, refill, full_at: Mutex::new(HashMap::new()) }
    }

    /// Takes one try, or says how many seconds to wait for the next.
    pub fn take(&self, key: &str, now: DateTime<Utc>) -> Result<(), u64> {
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        if full_at.len() >= MANY {
            full_at.retain(|_, at| *at > now);
            if full_at.len() >= MANY {
                // A flood from everywhere: forgetting is better than running out of memory.
                full_at.clear();
            }
        }
        let at = full_at.get(key).copied().unwrap_or(now).max(now) + self.refill;
        let wait = (at - now) - self.refill * self.burst;
        if wait > TimeDelta::zero() {
            return Err(u64::try_from(wait.num_seconds() + 1).unwrap_or(1));
        }
        full_at.insert(key.to_owned(), at);
        Ok(())
    }

    /// How many tries are left now, and in how many seconds all of them will be.
    pub fn left(&self, key: &str, now: DateTime<Utc>) -> (i32, u64) {
        let full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let owed = full_at.get(key).map_or(TimeDelta::zero(), |at| (*at - now).max(TimeDelta::zero()));
        let refill = self.refill.num_milliseconds().max(1);
        let used = i32::try_from(owed.num_milliseconds().div_euclid(refill)).unwrap_or(self.burst);
        ((self.burst - used).max(0), u64::try_from(owed.num_seconds() + 1).unwrap_or(1))
    }

    /// Gives a try back that turned out to be right.
    pub fn give_back(&self, key: &str) {
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = full_at.get_mut(key) {
            *at -= self.refill;
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::{TimeDelta, TimeZone as _, Utc};

    use super::Throttle;

    #[test]
    fn after_the_burst_one_waits_for_the_refill_and_others_do_not() {
        let throttle = Throttle::new(3, TimeDelta::seconds(10));
        let now = Utc.timestamp_opt(1_800_000_000, 0).single().expect("a time");
        for _ in 0..3 {
            assert_eq!(throttle.take("ines", now), Ok(()));
        }
        assert_eq!(throttle.take("ines", now), Err(11));
        assert_eq!(throttle.take("paul", now), Ok(()));
        assert_eq!(throttle.take("ines", now + TimeDelta::seconds(9)), Err(2));
        assert_eq!(throttle.take("ines", now + TimeDelta::seconds(10)), Ok(()));
        assert_eq!(throttle.take("ines", now + TimeDelta::seconds(10)), Err(11));
    }

    #[test]
    fn a_try_that_was_right_costs_nothing() {
        let throttle = Throttle::new(1, TimeDelta::minutes(1));
        let now = Utc.timestamp_opt(1_800_000_000, 0).single().expect("a time");
        for _ in 0..10 {
            assert_eq!(throttle.take("ines", now), Ok(()));
            throttle.give_back("ines");
        }
    }
}
