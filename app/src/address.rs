//! The address of a list is its only state: every tab, tag and page of it is its address with one thing changed.
//!
//! For lists whose filters are single words; the order list has a grammar of its own. Server only.

use http::request::Parts;
use leptos::prelude::use_context;

use crate::ui::filter::FilterTag;

/// A path and the pairs of its query, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    path: String,
    pairs: Vec<(String, String)>,
}

/// Say where in the list one is; whatever changes the list begins at its first row again.
const PLACE: [&str; 2] = ["after", "before"];

impl Address {
    /// A path without a query.
    pub fn new(path: impl Into<String>) -> Self {
        Self { path: path.into(), pairs: Vec::new() }
    }

    /// Of the page that is being made.
    pub fn of_request() -> Self {
        let uri = use_context::<Parts>().map(|parts| parts.uri).unwrap_or_default();
        Self::parse(uri.path(), uri.query().unwrap_or_default())
    }

    /// From a path and a query string.
    pub fn parse(path: &str, query: &str) -> Self {
        let pairs = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(key, value)| (decoded(key), decoded(value).trim().to_owned()))
            .filter(|(_, value)| !value.is_empty()) // an empty field of a filter form
            .collect();
        Self { path: path.to_owned(), pairs }
    }

    /// The last value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.pairs.iter().rev().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    /// All values of a key.
    pub fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.pairs.iter().filter(move |(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    /// A value of a type, where it is one.
    pub fn read<T: std::str::FromStr>(&self, key: &str) -> Option<T> {
        self.get(key)?.parse().ok()
    }

    /// The same list with this value and from its first row, unless the value says where in it to be.
    #[must_use]
    pub fn with(&self, key: &str, value: impl ToString) -> Self {
        let mut other = self.without(key);
        let value = value.to_string();
        if !value.is_empty() {
            other.pairs.push((key.to_owned(), value));
        }
        other
    }

    /// The same list without this key and from its first row.
    #[must_use]
    pub fn without(&self, key: &str) -> Self {
        let pairs = self.pairs.iter().filter(|(known, _)| known != key && !PLACE.contains(&known.as_str()));
        Self { path: self.path.clone(), pairs: pairs.cloned().collect() }
    }

    /// As it stands in a link.
    pub fn href(&self) -> String {
        if self.pairs.is_empty() {
            return self.path.clone();
        }
        let pairs: Vec<String> =
            self.pairs.iter().map(|(key, value)| format!("{}={}", encoded(key), encoded(value))).collect();
        format!("{}?{}", self.path, pairs.join("&"))
    }

    /// Whether anything but `ignored` and the place is filtered by.
    pub fn is_narrowed(&self, ignored: &[&str]) -> bool {
        self.pairs.iter().any(|(key, _)| !ignored.contains(&key.as_str()) && !PLACE.contains(&key.as_str()))
    }

    /// What is filtered by: for each of `known` (key, word on the tag, the value in words) a tag, and a grey one for what
    /// nobody knows. `other` keys are known and have no tag.
    pub fn tags(&self, known: &[(&str, &str, Option<String>)], other: &[&str]) -> Vec<FilterTag> {
        let mut tags = Vec::new();
        for (key, value) in &self.pairs {
            if other.contains(&key.as_str()) || PLACE.contains(&key.as_str()) {
                continue;
            }
            let understood = known.iter().find(|(name, _, _)| name == key);
            let without = self.without(key).href();
            tags.push(match understood {
                Some((_, label, Some(words))) => {
                    FilterTag { key: (*label).to_owned(), words: words.clone(), without, unknown: false }
                }
                _ => {
                    let words = format!("{key}={value}").chars().take(60).collect();
                    FilterTag { key: "unknown filter".to_owned(), words, without, unknown: true }
                }
            });
        }
        tags
    }
}

/// What somebody looks for who typed this, or whose scanner did: the address of a ship notice, as the code on a packing slip
/// has it, means its number.
pub fn meant(typed: &str) -> String {
    let typed = typed.trim();
    let path = ["https://", "http://"].iter().find_map(|scheme| typed.strip_prefix(scheme)?.split_once('/'));
    let number =
        path.and_then(|(_, path)| path.strip_prefix("shipments/")).map(|rest| rest.split(['/', '?', '#']).next());
    number.flatten().filter(|number| !number.is_empty()).map_or_else(|| typed.to_owned(), decoded)
}

/// For a value in a query or a step of a path; commas stay readable.
pub fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b',' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, others)) = rest.split_first() {
        let hex = || u8::from_str_radix(std::str::from_utf8(others.get(..2)?).ok()?, 16).ok();
        match first {
            b'%' if hex().is_some() => {
                bytes.push(hex().unwrap_or_default());
                rest = &others[2..];
            }
            b'+' => {
                bytes.push(b' ');
                rest = others;
            }
            other => {
                bytes.push(*other);
                rest = others;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_survives_being_read_and_written() {
        let address = Address::parse("/deliveries", "state=parked&q=a%26b+%C3%98&empty=&after=x");
        assert_eq!(address.get("q"), Some("a&b Ø"));
        assert_eq!(address.href(), "/deliveries?state=parked&q=a%26b%20%C3%98&after=x");
        assert_eq!(Address::parse("/deliveries", "%zz=1&100%25").href(), "/deliveries?%25zz=1");
    }

    #[test]
    fn a_changed_filter_begins_at_the_first_row() {
        let address = Address::parse("/deliveries", "state=parked&q=x&after=k");
        assert_eq!(address.with("state", "held").href(), "/deliveries?q=x&state=held");
        assert_eq!(address.without("q").href(), "/deliveries?state=parked");
        assert_eq!(address.with("after", "n").href(), "/deliveries?state=parked&q=x&after=n");
    }

    #[test]
    fn the_address_of_a_ship_notice_means_its_number() {
        for (typed, means) in [
            ("https://portal.norvik.example/shipments/SN-000123", "SN-000123"),
            ("http://127.0.0.1:3000/shipments/SN-000123?all=1\r", "SN-000123"),
            ("https://portal.norvik.example/shipments/", "https://portal.norvik.example/shipments/"),
            ("https://portal.norvik.example/orders/45", "https://portal.norvik.example/orders/45"),
            (" SN-000123 ", "SN-000123"),
            ("4500012345 / 0010", "4500012345 / 0010"),
        ] {
            assert_eq!(meant(typed), means);
        }
    }

    #[test]
    fn what_nobody_knows_is_shown_as_such() {
        let address = Address::parse("/deliveries", "state=parked&colour=red&size=50&state=shiny");
        let tags = address.tags(&[("state", "State", None)], &["size"]);
        assert!(tags.iter().all(|tag| tag.unknown));
        assert_eq!(tags[1].words, "colour=red");
        let tags = address.tags(&[("state", "State", Some("parked".to_owned()))], &["size", "colour"]);
        assert!(tags.iter().all(|tag| tag.key == "State"));
    }
}
