//! When a failed try is made again: the back-off table, as a pure function.
//!
//! The table in words, with the default settings (each ± 20 %): after the 1st failed try 5 s, then 10 s, 20 s, 40 s,
//! 80 s, 160 s, 320 s; the 8th failed try parks the delivery, about ten and a half minutes after the first. Someone who
//! sets more tries gets 10 min 40 s, 21 min 20 s, and then 30 min for each further one.
//!
//! The circuit ([`crate::core`]) waits by the same table with its own first wait and ceiling, and without a last try.
//!
//! Nothing here draws a random number: the spread comes from a number given in, so that a schedule can be replayed.

use chrono::TimeDelta;

/// The longest wait another system may ask for (`Retry-After`). Whoever asks for more is asked again after a day.
pub const LONGEST_ASKED_WAIT: TimeDelta = TimeDelta::days(1);

/// How long to wait between tries, and how many tries there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The wait after the first failed try. It doubles with each further one.
    pub first: TimeDelta,
    /// No wait grows beyond this (before the spread).
    pub ceiling: TimeDelta,
    /// The failed try with this number is the last one: the delivery is parked.
    pub tries: u32,
    /// Each wait is moved by up to this many percent, up or down, so that what failed together does not return together.
    pub spread_percent: u32,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: TimeDelta::seconds(5), ceiling: TimeDelta::minutes(30), tries: 8, spread_percent: 20 }
    }
}

impl Backoff {
    /// How long to wait after `failed` tries (1 = the first one has just failed), or `None` when that was the last.
    ///
    /// `asked` is what the other system asked for; it can only lengthen the wait. `jitter` is any number: the same
    /// number gives the same wait.
    pub fn after(&self, failed: u32, asked: Option<TimeDelta>, jitter: u64) -> Option<TimeDelta> {
        (failed < self.tries).then(|| self.wait(failed, asked, jitter))
    }

    /// The same wait for things that have no last try (a circuit).
    pub fn wait(&self, failed: u32, asked: Option<TimeDelta>, jitter: u64) -> TimeDelta {
        let doublings = failed.saturating_sub(1).min(30);
        let plain = self.first.num_milliseconds().saturating_mul(1 << doublings);
        let capped = plain.min(self.ceiling.num_milliseconds()).max(0);
        let spread = capped.saturating_mul(i64::from(self.spread_percent)) / 100;
        let moved = capped - spread + i64::try_from(scatter(jitter) % (2 * spread.unsigned_abs() + 1)).unwrap_or(0);
        let asked = asked.unwrap_or(TimeDelta::zero()).min(LONGEST_ASKED_WAIT);
        TimeDelta::milliseconds(moved).max(asked)
    }
}

/// Turns neighbouring numbers into unrelated ones (the finishing step of SplitMix64), so that callers may count up.
pub fn scatter(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_in_words_is_the_table_in_code() {
        let still = Backoff { spread_percent: 0, tries: 12, ..Backoff::default() };
        let seconds: Vec<_> =
            (1..=12).map(|failed| still.after(failed, None, 7).map(|wait| wait.num_seconds())).collect();
        let expected = [5, 10, 20, 40, 80, 160, 320, 640, 1280, 1800, 1800].map(Some);
        assert_eq!(seconds, [&expected[..], &[None]].concat());
        assert!(Backoff::default().after(7, None, 0).is_some());
        assert_eq!(Backoff::default().after(8, None, 0), None, "the eighth failed try is the last");
    }

    #[test]
    fn the_spread_stays_inside_its_percentage_and_is_used() {
        let backoff = Backoff::default();
        let waits: Vec<_> = (0..1000).map(|jitter| backoff.wait(3, None, jitter).num_milliseconds()).collect();
        assert!(waits.iter().all(|wait| (16_000..=24_000).contains(wait)));
        assert!(waits.iter().any(|wait| *wait < 16_500) && waits.iter().any(|wait| *wait > 23_500));
        assert_eq!(backoff.wait(3, None, 5), backoff.wait(3, None, 5), "the same number gives the same wait");
    }

    #[test]
    fn what_the_other_system_asks_for_only_lengthens_the_wait() {
        let still = Backoff { spread_percent: 0, ..Backoff::default() };
        assert_eq!(still.wait(1, Some(TimeDelta::seconds(60)), 0), TimeDelta::seconds(60));
        assert_eq!(still.wait(1, Some(TimeDelta::seconds(1)), 0), TimeDelta::seconds(5));
        assert_eq!(still.wait(1, Some(TimeDelta::seconds(-9)), 0), TimeDelta::seconds(5));
        assert_eq!(still.wait(1, Some(TimeDelta::days(3650)), 0), TimeDelta::days(1), "ten years is a mistake");
    }

    #[test]
    fn absurd_settings_do_not_overflow() {
        let absurd =
            Backoff { first: TimeDelta::MAX, ceiling: TimeDelta::days(1), tries: u32::MAX, spread_percent: 100 };
        assert!(absurd.wait(u32::MAX, None, u64::MAX) <= TimeDelta::days(2));
        let nothing = Backoff { first: TimeDelta::zero(), ceiling: TimeDelta::zero(), tries: 1, spread_percent: 0 };
        assert_eq!(nothing.wait(1, None, 3), TimeDelta::zero());
    }
}
