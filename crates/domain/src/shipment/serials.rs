//! Serial numbers as people give them: one by one, pasted from a list, or as ranges `A0001-A0120`.

/// The most serials one lot or line may list.
pub const MOST_SERIALS: usize = 50_000;
/// The longest serial, in characters.
pub const LONGEST_SERIAL: usize = 40;

/// Why a list of serials cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SerialProblem {
    /// The two ends of a range do not fit together.
    #[error(
        "“{0}” is not a range: both ends need the same beginning and equally many digits at the end, the second not below the first, like A0001-A0120. Write single serials on lines of their own."
    )]
    NotARange(String),
    /// Too long for a serial.
    #[error("“{0}…” is longer than {LONGEST_SERIAL} characters. Put each serial on a line of its own.")]
    TooLong(String),
    /// More than anybody ships in one lot.
    #[error("These are more than {MOST_SERIALS} serials. Split them over several ship notices.")]
    TooMany,
}

/// Reads serials separated by lines, commas, semicolons, tabs or blanks. A range is written with `-`, `–` or `..` between two serials that
/// differ only in the digits at their end; anything else with a hyphen in it is a serial of its own.
pub fn parse_serials(typed: &str) -> Result<Vec<String>, SerialProblem> {
    let mut serials = Vec::new();
    for word in typed.split([',', ';', '\n', '\r', '\t', ' ']).map(str::trim).filter(|word| !word.is_empty()) {
        match range(word)? {
            Some((stem, digits, first, last)) => {
                let count = usize::try_from(last - first).unwrap_or(usize::MAX).saturating_add(1);
                if serials.len().saturating_add(count) > MOST_SERIALS {
                    return Err(SerialProblem::TooMany);
                }
                serials.extend((first..=last).map(|number| format!("{stem}{number:0digits$}")));
            }
            None => serials.push(word.to_owned()),
        }
        if serials.len() > MOST_SERIALS {
            return Err(SerialProblem::TooMany);
        }
    }
    match serials.iter().find(|serial| serial.chars().count() > LONGEST_SERIAL) {
        Some(long) => Err(SerialProblem::TooLong(long.chars().take(20).collect())),
        None => Ok(serials),
    }
}

/// The stem, number of digits, first and last of a range; none where the word is a single serial.
fn range(word: &str) -> Result<Option<(&str, usize, u64, u64)>, SerialProblem> {
    // Several hyphens: each may be the one between the ends, `P-001-P-020`.
    for mark in ["..", "–", "-"] {
        for (place, found) in word.match_indices(mark) {
            let (from, to) = (&word[..place], &word[place + found.len()..]);
            let (Some((stem, first)), Some((other, last))) = (stem_and_digits(from), stem_and_digits(to)) else {
                continue;
            };
            if stem == other && first.len() == last.len() {
                // Digits beyond eighteen are no counters.
                let (Ok(low), Ok(high)) = (first.parse::<u64>(), last.parse::<u64>()) else { continue };
                if low > high {
                    return Err(SerialProblem::NotARange(word.chars().take(60).collect()));
                }
                return Ok(Some((stem, first.len(), low, high)));
            }
        }
        if mark != "-" && word.contains(mark) {
            return Err(SerialProblem::NotARange(word.chars().take(60).collect()));
        }
    }
    Ok(None)
}

/// What stands before the digits at the end, and these; none where it does not end in a digit.
fn stem_and_digits(text: &str) -> Option<(&str, &str)> {
    let digits = text.bytes().rev().take_while(u8::is_ascii_digit).count();
    (digits > 0).then(|| text.split_at(text.len() - digits))
}

/// Serials in as few words as say them again: runs as ranges, the rest one by one, separated by commas.
pub fn serials_in_short(serials: &[String]) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut index = 0;
    while index < serials.len() {
        let first = &serials[index];
        let mut end = index;
        while end + 1 < serials.len() && follows(&serials[end], &serials[end + 1]) {
            end += 1;
        }
        if end > index + 1 {
            words.push(format!("{first}-{}", serials[end]));
            index = end + 1;
        } else {
            words.push(first.clone());
            index += 1;
        }
    }
    words.join(", ")
}

fn follows(one: &str, next: &str) -> bool {
    let (Some((stem, digits)), Some((other, more))) = (stem_and_digits(one), stem_and_digits(next)) else {
        return false;
    };
    stem == other
        && digits.len() == more.len()
        && matches!((digits.parse::<u64>(), more.parse::<u64>()), (Ok(low), Ok(high)) if low.checked_add(1) == Some(high))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(typed: &str) -> Vec<String> {
        parse_serials(typed).expect("serials")
    }

    #[test]
    fn ranges_and_pasted_lists_are_read() {
        assert_eq!(read("A0001-A0120").len(), 120);
        assert_eq!(read("A0009-A0011"), ["A0009", "A0010", "A0011"]);
        assert_eq!(read("P-001-P-003\nX7"), ["P-001", "P-002", "P-003", "X7"]);
        assert_eq!(read("0998..1001"), ["0998", "0999", "1000", "1001"]);
        assert_eq!(read("a, b;c\td\r\ne f"), ["a", "b", "c", "d", "e", "f"]);
        assert_eq!(read("7–9"), ["7", "8", "9"]);
        assert_eq!(read("AB-12-X"), ["AB-12-X"], "a serial with hyphens is no range");
        assert_eq!(read(" \n "), Vec::<String>::new());
    }

    #[test]
    fn what_is_no_range_is_said_with_the_way_out() {
        for typed in ["A0120-A0001", "A01..B05", "A1..A010"] {
            let problem = parse_serials(typed).expect_err(typed);
            assert!(problem.to_string().contains("like A0001-A0120"), "{problem}");
        }
        assert_eq!(parse_serials("A00000001-A99999999"), Err(SerialProblem::TooMany));
        assert!(matches!(parse_serials(&"x".repeat(41)), Err(SerialProblem::TooLong(_))));
    }

    #[test]
    fn a_list_in_short_reads_back_the_same() {
        for typed in ["A0001-A0120", "A1, A2, B7", "X, 0998-1001, Z9", "A9, A10"] {
            let serials = read(typed);
            assert_eq!(read(&serials_in_short(&serials)), serials, "{typed}");
        }
        assert_eq!(serials_in_short(&read("A0001-A0120")), "A0001-A0120");
    }
}
