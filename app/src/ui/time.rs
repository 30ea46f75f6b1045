//! Instants in the reader's zone, with the zone named; days in the plant's calendar, never shifted; durations in words.
//!
//! All of it is formatted on the server. The browser's own zone never plays a part.

use chrono::{DateTime, NaiveDate, SecondsFormat, TimeDelta, Utc};
use chrono_tz::Tz;
use domain::calendar::day;
use leptos::prelude::*;

/// The zone a person reads times in, and the instant of the page, from which "today" and "2 h ago" are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// The zone.
    pub zone: Tz,
    /// The page's now.
    pub now: DateTime<Utc>,
}

impl Reading {
    /// From an IANA name; UTC where the name is not known, which every instant then says.
    pub fn new(zone: &str, now: DateTime<Utc>) -> Self {
        Self { zone: zone.parse().unwrap_or(Tz::UTC), now }
    }

    /// `CET`, or `UTC+3` for zones that have no letters.
    pub fn abbreviation(&self, at: DateTime<Utc>) -> String {
        let short = at.with_timezone(&self.zone).format("%Z").to_string();
        if short.starts_with(['+', '-']) { format!("UTC{}", short.replace('-', "−")) } else { short }
    }

    /// `03 Dec 14:02`; with the year where it is another one.
    pub fn words(&self, at: DateTime<Utc>) -> String {
        let there = at.with_timezone(&self.zone);
        let same_year = there.format("%Y").to_string() == self.now.with_timezone(&self.zone).format("%Y").to_string();
        there.format(if same_year { "%d %b %H:%M" } else { "%d %b %Y %H:%M" }).to_string()
    }

    /// `14:02` today, else as [`Self::words`].
    pub fn short(&self, at: DateTime<Utc>) -> String {
        let there = at.with_timezone(&self.zone);
        if there.date_naive() == self.now.with_timezone(&self.zone).date_naive() {
            there.format("%H:%M").to_string()
        } else {
            self.words(at)
        }
    }

    /// `03 Dec 14:02 CET`.
    pub fn with_zone(&self, at: DateTime<Utc>) -> String {
        format!("{} {}", self.words(at), self.abbreviation(at))
    }

    /// `14:08:11`, for tries that are seconds apart.
    pub fn seconds(&self, at: DateTime<Utc>) -> String {
        at.with_timezone(&self.zone).format("%H:%M:%S").to_string()
    }
}

fn element(at: DateTime<Utc>, reading: &Reading, words: String) -> AnyView {
    let datetime = at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let title = format!("{} {}, {} UTC", reading.words(at), reading.abbreviation(at), at.format("%Y-%m-%d %H:%M:%S"));
    view! { <time datetime=datetime title=title>{words}</time> }.into_any()
}

/// `03 Dec 14:02`, where the zone is named above the column.
pub fn instant(at: DateTime<Utc>, reading: &Reading) -> AnyView {
    element(at, reading, reading.words(at))
}

/// `14:02` today, else `03 Dec 14:02`, where the zone is named nearby.
pub fn clock(at: DateTime<Utc>, reading: &Reading) -> AnyView {
    element(at, reading, reading.short(at))
}

/// `03 Dec 14:02 CET`, standing alone.
pub fn instant_with_zone(at: DateTime<Utc>, reading: &Reading) -> AnyView {
    element(at, reading, reading.with_zone(at))
}

/// A day of the plant's calendar: `04 Dec 2026`.
pub fn date(on: NaiveDate) -> AnyView {
    view! { <time datetime=on.to_string()>{day(on)}</time> }.into_any()
}

/// A day, or a dash where there is none yet.
pub fn date_or_dash(on: Option<NaiveDate>) -> AnyView {
    on.map_or_else(|| view! { <span class="muted">"–"</span> }.into_any(), date)
}

/// A stretch of time in its two largest units: `2 d 4 h`, `1 h 33 min`, `8 min`, `42 s`, `<1 s`.
pub fn duration(length: TimeDelta) -> String {
    let seconds = length.num_seconds().max(0);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) if seconds == 0 => "<1 s".to_owned(),
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, 0) => format!("{hours} h"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, 0, _) => format!("{days} d"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

/// How long a call took: `640 ms`, `1.2 s`.
pub fn took(milliseconds: i32) -> String {
    if milliseconds < 1_000 {
        format!("{milliseconds} ms")
    } else {
        format!("{}.{} s", milliseconds / 1_000, milliseconds % 1_000 / 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("an instant")
    }

    #[test]
    fn an_instant_is_shown_in_the_readers_zone_with_its_name() {
        let reading = Reading::new("Europe/Berlin", at("2026-12-03T20:00:00Z"));
        assert_eq!(reading.with_zone(at("2026-12-03T13:02:00Z")), "03 Dec 14:02 CET");
        assert_eq!(reading.with_zone(at("2026-07-03T13:02:00Z")), "03 Jul 15:02 CEST");
        assert_eq!(reading.short(at("2026-12-03T13:02:00Z")), "14:02");
        assert_eq!(reading.short(at("2025-12-31T23:30:00Z")), "01 Jan 00:30");
        assert_eq!(reading.words(at("2025-12-31T13:02:00Z")), "31 Dec 2025 14:02");
    }

    #[test]
    fn a_zone_without_letters_is_named_by_its_offset_and_an_unknown_one_is_utc() {
        let now = at("2026-12-03T20:00:00Z");
        assert_eq!(Reading::new("Asia/Dubai", now).abbreviation(now), "UTC+04");
        assert_eq!(Reading::new("Nowhere", now).abbreviation(now), "UTC");
    }

    #[test]
    fn durations_say_their_two_largest_units() {
        for (seconds, words) in [
            (42, "42 s"),
            (480, "8 min"),
            (5_580, "1 h 33 min"),
            (7_200, "2 h"),
            (187_200, "2 d 4 h"),
            (86_400, "1 d"),
            (-5, "<1 s"),
        ] {
            assert_eq!(duration(TimeDelta::seconds(seconds)), words);
        }
        assert_eq!((took(640), took(1_250)), ("640 ms".to_owned(), "1.2 s".to_owned()));
    }
}
