//! Numbers of GS1: no SSCC repeats, none is cut, a misread digit is noticed, and whatever a scanner types is read the same
//! way with and without its marks.

use std::collections::BTreeSet;

use domain::gs1::{Ai, Gs1Error, SEPARATOR, Scan, check_digit, is_proven, is_sscc, last_serial, read, sscc};
use proptest::prelude::*;

use crate::orders::date;

/// The rule told another way than the code has it: multiply the places from the left by 3,1,3,… for 18-digit numbers, add
/// up, and what is missing to a multiple of ten must be nothing.
fn adds_up(sscc: &str) -> bool {
    let sum: u32 = sscc.bytes().enumerate().map(|(place, byte)| u32::from(byte - b'0') * [3, 1][place % 2]).sum();
    sum.is_multiple_of(10)
}

fn prefixes() -> impl Strategy<Value = String> {
    "[0-9]{7,10}"
}

proptest! {
    #[test]
    fn an_sscc_has_18_digits_that_add_up_and_says_what_it_was_made_of(
        prefix in prefixes(), extension in 0..=9_u8, serial in 0..1_000_000_u64
    ) {
        let made = sscc(&prefix, extension, serial).expect("it fits under every prefix");
        prop_assert_eq!(made.len(), 18);
        prop_assert!(adds_up(&made) && is_sscc(&made));
        let told = format!("{extension}{prefix}");
        prop_assert!(made.starts_with(&told));
        prop_assert_eq!(made[told.len()..17].parse::<u64>(), Ok(serial));
    }

    #[test]
    fn two_serials_never_give_one_sscc(prefix in prefixes(), serials in prop::collection::btree_set(0..1_000_000_u64, 2..50)) {
        let made: BTreeSet<String> = serials.iter().filter_map(|serial| sscc(&prefix, 3, *serial).ok()).collect();
        prop_assert_eq!(made.len(), serials.len());
    }

    #[test]
    fn a_serial_that_does_not_fit_is_refused_and_never_cut(prefix in prefixes(), beyond in 1..=u64::MAX / 2) {
        let last = last_serial(&prefix).expect("it is a prefix");
        prop_assert!(sscc(&prefix, 0, last).is_ok());
        let serial = last + beyond;
        prop_assert_eq!(sscc(&prefix, 0, serial), Err(Gs1Error::Exhausted { prefix, serial, most: last }));
    }

    #[test]
    fn one_misread_digit_is_always_noticed(
        prefix in prefixes(), serial in 0..1_000_000_u64, place in 0..18_usize, other in 1..=9_u8
    ) {
        let made = sscc(&prefix, 0, serial).expect("it fits");
        let mut misread = made.into_bytes();
        misread[place] = b'0' + (misread[place] - b'0' + other) % 10;
        let misread = String::from_utf8(misread).expect("digits");
        prop_assert!(!is_sscc(&misread));
        let marked = format!("]C100{misread}");
        let noticed = matches!(read(&marked), Err(Gs1Error::CheckDigit { .. }));
        prop_assert!(noticed, "{}", marked);
    }

    #[test]
    fn an_sscc_is_read_however_it_is_scanned(prefix in prefixes(), extension in 0..=9_u8, serial in 0..1_000_000_u64) {
        let made = sscc(&prefix, extension, serial).expect("it fits");
        for typed in [
            made.clone(), format!("00{made}"), format!("]C100{made}"), format!("{SEPARATOR}00{made}"), format!("(00){made}"),
            format!("(00) {made}\r\n"), format!("]d200{made}10A-1{SEPARATOR}37120"),
        ] {
            let scan = read(&typed).expect("it is right");
            prop_assert_eq!(scan.value(Ai::Sscc), Some(made.as_str()), "{}", typed);
        }
    }

    #[test]
    fn lots_and_serials_come_out_of_a_scan_as_they_went_in(
        lot in "[A-Za-z0-9/_.-]{1,20}", serial in "[A-Za-z0-9/_.-]{1,20}", count in 0..=99_999_999_u32
    ) {
        let scan = read(&format!("]C110{lot}{SEPARATOR}21{serial}{SEPARATOR}37{count}")).expect("it is right");
        prop_assert_eq!(scan.value(Ai::Lot), Some(lot.as_str()));
        prop_assert_eq!(scan.value(Ai::Serial), Some(serial.as_str()));
        let count = count.to_string();
        prop_assert_eq!(scan.value(Ai::Count), Some(count.as_str()));
        let printed = read(&format!("(10){lot}(21){serial}(37){count}")).expect("it is right");
        prop_assert_eq!(printed, scan);
    }

    #[test]
    fn whatever_is_scanned_reading_it_never_panics(text in "[0-9()\\]C1d2\u{1d}A-Zäé ]{0,40}", any in any::<String>()) {
        let _either = (read(&text), read(&any));
    }
}

#[test]
fn the_examples_of_gs1_have_the_check_digits_that_gs1_gives_them() {
    for number in
        ["106141412345678908", "340123450000000000", "00614141123452", "9501101530003", "036000291452", "73513537"]
    {
        assert!(is_proven(number), "{number}");
    }
    assert_eq!(check_digit("37610425002123456"), Some('9'));
    assert_eq!(check_digit(""), None);
    assert_eq!(check_digit("12a"), None);
}

#[test]
fn only_prefixes_of_seven_to_ten_digits_and_extensions_of_one_digit_make_an_sscc() {
    for prefix in ["", "123456", "12345678901", "12345a7", "١٢٣٤٥٦٧"] {
        assert_eq!(sscc(prefix, 0, 1), Err(Gs1Error::Prefix(prefix.to_owned())));
    }
    assert_eq!(sscc("4012345", 10, 1), Err(Gs1Error::Extension(10)));
    assert_eq!(last_serial("4012345"), Some(999_999_999));
    assert_eq!(last_serial("4012345678"), Some(999_999));
}

#[test]
fn a_label_with_item_lot_and_expiry_is_read_without_separators_where_lengths_are_fixed() {
    let scan = read("]C101095011015300031727022810LOT-7").expect("it is right");
    assert_eq!(scan.value(Ai::Gtin), Some("09501101530003"));
    assert_eq!(scan.value(Ai::Lot), Some("LOT-7"));
    assert_eq!(scan.day(Ai::ExpiresOn, date("2026-11-23")), Some(date("2027-02-28")));
    assert_eq!(scan.day(Ai::ProducedOn, date("2026-11-23")), None);
}

#[test]
fn a_day_of_a_label_is_in_the_nearest_century_and_00_is_the_last_of_its_month() {
    let told =
        |value: &str, today: &str| read(&format!("]C117{value}")).expect("it is a day").day(Ai::ExpiresOn, date(today));
    assert_eq!(told("280200", "2026-11-23"), Some(date("2028-02-29")));
    assert_eq!(told("990101", "2026-11-23"), Some(date("1999-01-01")));
    assert_eq!(told("760101", "2026-11-23"), Some(date("2076-01-01")));
    assert_eq!(told("010101", "2098-11-23"), Some(date("2101-01-01")));
}

#[test]
fn what_is_no_gs1_barcode_stays_the_text_that_it_is() {
    for text in ["LS-2026-118", "8004711", "(a) first floor", "123456789012345678", "00 and more"] {
        assert_eq!(read(text), Ok(Scan::Text(text.to_owned())), "{text}");
    }
    assert_eq!(
        read("9501101530003").map(|scan| scan.value(Ai::Gtin).map(str::to_owned)),
        Ok(Some("09501101530003".to_owned()))
    );
}

#[test]
fn a_barcode_that_claims_to_be_gs1_and_is_wrong_is_refused_with_the_reason() {
    assert_eq!(read("  \r"), Err(Gs1Error::Nothing));
    assert_eq!(read("]C1"), Err(Gs1Error::Nothing));
    assert!(matches!(read("]C19912"), Err(Gs1Error::UnknownElement(_))));
    assert!(matches!(read("]C117271332"), Err(Gs1Error::Value { ai: Ai::ExpiresOn, .. })));
    assert!(matches!(read("]C10012"), Err(Gs1Error::Value { ai: Ai::Sscc, .. })));
    assert!(matches!(read("]C110"), Err(Gs1Error::Value { ai: Ai::Lot, .. })));
    let wrong = read("(00)106141412345678907").expect_err("its check digit is wrong");
    assert_eq!(
        wrong.to_string(),
        "The check digit of 106141412345678907 is wrong: 8 was expected. Scan or type it again."
    );
}
