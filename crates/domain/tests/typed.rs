//! What people type: whatever it is, reading it never panics, and what we show is read back as the same value.

use domain::calendar::{day, parse_day};
use domain::quantity::{grouped, parse_number};
use domain::{Decimal, NaiveDate};
use proptest::prelude::*;

use crate::orders::{date, number};

fn decimals() -> impl Strategy<Value = Decimal> {
    let any = (any::<u32>(), any::<u32>(), any::<u32>(), any::<bool>(), 0..=28_u32);
    let wide = any.prop_map(|(lo, mid, hi, negative, scale)| Decimal::from_parts(lo, mid, hi, negative, scale));
    let everyday = (-9_999_999_i64..=9_999_999, 0..=4_u32).prop_map(|(digits, scale)| Decimal::new(digits, scale));
    prop_oneof![wide, everyday]
}

fn days() -> impl Strategy<Value = NaiveDate> {
    let first = date("1970-01-01");
    (0..84_006_i64).prop_map(move |days| first + chrono::Duration::days(days))
}

proptest! {
    #[test]
    fn a_number_that_is_shown_is_read_back_as_itself(value in decimals(), decimals in 0..=4_u32) {
        prop_assert_eq!(parse_number(&grouped(value, decimals)), Ok(value));
    }

    #[test]
    fn a_day_that_is_shown_is_read_back_as_itself(shown in days(), base in days()) {
        prop_assert_eq!(parse_day(&day(shown), base), Ok(shown));
        prop_assert_eq!(parse_day(&shown.to_string(), base), Ok(shown));
        prop_assert_eq!(parse_day(&shown.format("%d.%m.%Y").to_string(), base), Ok(shown));
    }

    #[test]
    fn no_text_is_too_strange_to_be_refused_politely(
        text in prop_oneof![any::<String>(), "[-−+0-9.,' _]{0,12}", "[-+0-9., a-zäİß]{0,14}"],
        base in prop_oneof![days(), Just(NaiveDate::MIN), Just(NaiveDate::MAX)],
    ) {
        if let Err(problem) = parse_number(&text) {
            prop_assert!(problem.to_string().chars().count() < 120, "{}", problem);
        }
        if let Err(problem) = parse_day(&text, base) {
            prop_assert!(problem.to_string().chars().count() < 200, "{}", problem);
        }
    }

    #[test]
    fn a_day_without_a_year_is_within_a_year_of_the_requested_one(wanted in days(), base in days()) {
        if let Ok(read) = parse_day(&wanted.format("%d %b").to_string(), base) {
            prop_assert!((-180..=366).contains(&(read - base).num_days()), "{} from {}", read, base);
        }
    }
}

#[test]
fn a_mark_in_an_odd_place_is_never_worth_a_thousand() {
    for (typed, read) in [
        (",250", Some("0.250")),
        ("-,5", Some("-0.5")),
        ("+123,456", Some("123456")),
        ("0,250", Some("0.250")),
        ("1250,500", Some("1250.5")),
        ("1,2.5,250", None),
        ("1_0,250", None),
        ("1_000", None),
        ("1,-25.3", None),
        (",", None),
        ("-", None),
        ("1'250.50", Some("1250.50")),
    ] {
        assert_eq!(parse_number(typed).ok(), read.map(number), "{typed}");
    }
}

#[test]
fn a_weekday_is_only_a_weekday_when_it_is_one() {
    let tuesday = date("2026-12-01");
    for (typed, read) in [
        ("fri", Some("2026-12-04")),
        ("Friday", Some("2026-12-04")),
        ("thurs", Some("2026-12-03")),
        ("tue", Some("2026-12-08")),
        ("friends", None),
        ("monkey", None),
        ("mo", None),
    ] {
        assert_eq!(parse_day(typed, tuesday).ok(), read.map(date), "{typed}");
    }
}

#[test]
fn the_leap_day_without_a_year_belongs_to_the_next_february() {
    assert_eq!(parse_day("29 Feb", date("2027-12-10")), Ok(date("2028-02-29")));
    assert!(parse_day("29 Feb", date("2027-01-10")).is_err(), "2027 has none, and 2028 is not meant");
}
