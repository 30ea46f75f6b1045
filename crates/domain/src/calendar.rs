//! Dates and zones. A delivery date is a day in the plant's calendar and is never shifted by a zone; an instant is UTC and
//! is shown in a named zone.

use chrono::{DateTime, Datelike, Days, NaiveDate, Utc, Weekday};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

/// An IANA zone name, checked when it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ZoneName(pub Tz);

impl std::fmt::Display for ZoneName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.name())
    }
}

impl std::str::FromStr for ZoneName {
    type Err = String;
    fn from_str(name: &str) -> Result<Self, String> {
        name.parse()
            .map(Self)
            .map_err(|_| format!("“{name}” is not a time zone. Use an IANA name such as Europe/Berlin."))
    }
}

impl Serialize for ZoneName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.name())
    }
}

impl<'de> Deserialize<'de> for ZoneName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A day as people read it, in medium form because digits alone are ambiguous between countries: `04 Dec 2026`.
pub fn day(date: NaiveDate) -> String {
    date.format("%d %b %Y").to_string()
}

/// The calendar day at `now` in a plant's zone.
pub fn today(now: DateTime<Utc>, zone: Tz) -> NaiveDate {
    now.with_timezone(&zone).date_naive()
}

/// Why typed text is not a day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DayProblem {
    /// Nothing was typed.
    #[error("Enter a date, for example 04 Dec 2026.")]
    Empty,
    /// The month has no such day; both neighbours are offered.
    #[error("“{typed}”: {month} {year} has {days} days. Did you mean {last} or {next}?")]
    NoSuchDay {
        /// As typed.
        typed: String,
        /// Month by name.
        month: &'static str,
        /// Its year.
        year: i32,
        /// How many days it has.
        days: u32,
        /// Its last day.
        last: String,
        /// The first of the following month.
        next: String,
    },
    /// Not understood at all.
    #[error(
        "“{0}” is not a date. Write it like 04 Dec 2026, 2026-12-04, 4.12.26 or +3 (days after the requested date)."
    )]
    NotADay(String),
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// Reads a day as people type it: `2026-12-04`, `04 Dec 2026`, `4 Dec` (the year of `base` or the next one), `4.12.26`,
/// `+3`/`-2` (days from `base`, usually the requested day), `fri` (the next such weekday after `base`). A date with
/// slashes is refused because `4/12` is two different days in two countries.
pub fn parse_day(typed: &str, base: NaiveDate) -> Result<NaiveDate, DayProblem> {
    let text = typed.trim().to_lowercase();
    if text.is_empty() {
        return Err(DayProblem::Empty);
    }
    let wrong = || DayProblem::NotADay(typed.trim().chars().take(40).collect());
    if let Some(days) = text.strip_prefix('+') {
        return days
            .parse::<u16>()
            .ok()
            .and_then(|days| base.checked_add_days(Days::new(days.into())))
            .ok_or_else(wrong);
    }
    if let Some(days) = text.strip_prefix(['-', '−']) {
        return days
            .parse::<u16>()
            .ok()
            .and_then(|days| base.checked_sub_days(Days::new(days.into())))
            .ok_or_else(wrong);
    }
    if let Some(weekday) = weekday(&text) {
        return (1..=7)
            .filter_map(|n| base.checked_add_days(Days::new(n)))
            .find(|date| date.weekday() == weekday)
            .ok_or_else(wrong);
    }
    let parts: Vec<&str> = text.split(['-', '.', ' ', ',']).filter(|part| !part.is_empty()).collect();
    let number = |part: &str| part.parse::<u32>().ok();
    let (year, month, day_of_month) = match parts.as_slice() {
        [year, month, day] if year.len() == 4 && number(year).is_some() => (number(year), number(month), number(day)),
        [day, month, year] => {
            (number(year).map(|year| if year < 100 { year + 2000 } else { year }), month_number(month), number(day))
        }
        [day, month] => (None, month_number(month), number(day)),
        _ => return Err(wrong()),
    };
    let (Some(month @ 1..=12), Some(day_of_month)) = (month, day_of_month) else { return Err(wrong()) };
    let year = match year {
        Some(year @ 1970..=2199) => year as i32,
        Some(_) => return Err(wrong()),
        // Without a year: the coming one, seen from the requested day.
        None => {
            let this = base.year();
            // Days 29 to 31 do not say which year is meant where the month is too short in one of them.
            match NaiveDate::from_ymd_opt(this, month, day_of_month.clamp(1, 28)) {
                Some(date) if date < base.checked_sub_days(Days::new(180)).unwrap_or(base) => this + 1,
                _ => this,
            }
        }
    };
    if let Some(date) = NaiveDate::from_ymd_opt(year, month, day_of_month) {
        return Ok(date);
    }
    let next =
        if month == 12 { NaiveDate::from_ymd_opt(year + 1, 1, 1) } else { NaiveDate::from_ymd_opt(year, month + 1, 1) };
    let last = next.and_then(|next| next.pred_opt());
    match (last, next) {
        (Some(last), Some(next)) if day_of_month <= 31 => Err(DayProblem::NoSuchDay {
            typed: typed.trim().to_owned(),
            month: MONTHS[month as usize - 1],
            year,
            days: last.day(),
            last: last.format("%d %b").to_string(),
            next: next.format("%d %b").to_string(),
        }),
        _ => Err(wrong()),
    }
}

/// A weekday by its name or the beginning of it, three letters at least.
fn weekday(text: &str) -> Option<Weekday> {
    const NAMES: [(&str, Weekday); 7] = [
        ("monday", Weekday::Mon),
        ("tuesday", Weekday::Tue),
        ("wednesday", Weekday::Wed),
        ("thursday", Weekday::Thu),
        ("friday", Weekday::Fri),
        ("saturday", Weekday::Sat),
        ("sunday", Weekday::Sun),
    ];
    NAMES.iter().find(|(name, _)| text.len() >= 3 && name.starts_with(text)).map(|(_, weekday)| *weekday)
}

fn month_number(text: &str) -> Option<u32> {
    text.parse::<u32>().ok().or_else(|| {
        (text.len() >= 3)
            .then(|| MONTHS.iter().position(|name| name.to_lowercase().starts_with(text)))
            .flatten()
            .and_then(|index| u32::try_from(index + 1).ok())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().expect("a date")
    }

    #[test]
    fn days_are_read_as_people_type_them() {
        let base = date("2026-12-01");
        for (typed, read) in [
            ("2026-12-04", "2026-12-04"),
            ("04 Dec 2026", "2026-12-04"),
            ("4.12.26", "2026-12-04"),
            ("4 dec", "2026-12-04"),
            ("4 December 2026", "2026-12-04"),
            ("+3", "2026-12-04"),
            ("-1", "2026-11-30"),
            ("fri", "2026-12-04"),
            ("2 Jan", "2027-01-02"),
        ] {
            assert_eq!(parse_day(typed, base), Ok(date(read)), "{typed}");
        }
    }

    #[test]
    fn a_day_that_does_not_exist_offers_its_neighbours() {
        let problem = parse_day("31 Nov 2026", date("2026-12-01")).expect_err("November has 30 days");
        assert_eq!(problem.to_string(), "“31 Nov 2026”: November 2026 has 30 days. Did you mean 30 Nov or 01 Dec?");
        for typed in ["4/12/2026", "soon", "2026-13-01", "99 Dec 2026", "+999999", "0000-00-00"] {
            assert!(matches!(parse_day(typed, date("2026-12-01")), Err(DayProblem::NotADay(_))), "{typed}");
        }
    }
}
