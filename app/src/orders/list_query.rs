//! The address of the order list: `?status=open,late&plant=DE10&due=..2026-12-04&q=0012&sort=-due&size=50&after=…`.
//!
//! A comma means "or", another key means "and", `..` is a range. A key or word that nobody knows has no effect and is
//! shown as a grey tag, so that a mistyped address is noticed. Everything the list shows comes from its address, and every
//! link of the list is its address with one thing changed.

use chrono::NaiveDate;
use domain::calendar::day;
use domain::id::ScheduleLineId;
use store::order_list::{Bucket, Filter, Key, Page, Sort};

/// Rows per page that can be chosen; the first is the default.
pub const SIZES: [i64; 3] = [50, 25, 100];

/// What the address asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListQuery {
    /// Any of these states.
    pub status: Vec<Bucket>,
    /// Any of these plants, by code.
    pub plants: Vec<String>,
    /// Any of these suppliers, by number.
    pub suppliers: Vec<String>,
    /// Requested from this day.
    pub due_from: Option<NaiveDate>,
    /// Requested up to this day.
    pub due_to: Option<NaiveDate>,
    /// Number or words.
    pub text: String,
    /// The furthest day first.
    pub descending: bool,
    /// Rows per page.
    pub size: i64,
    /// The rows after this one.
    pub after: Option<Key>,
    /// The rows before this one.
    pub before: Option<Key>,
    /// Rows before the page, for the words in the foot only.
    pub from: i64,
    /// What was not understood.
    pub unknown: Vec<(String, String)>,
}

impl ListQuery {
    /// Reads the pairs of a query string.
    pub fn parse<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut query = Self { size: SIZES[0], ..Self::default() };
        for (key, value) in pairs {
            let value = value.trim();
            if value.is_empty() {
                continue; // an empty field of the filter form
            }
            let words = || value.split(',').map(str::trim).filter(|word| !word.is_empty());
            let understood = match key {
                "status" => {
                    for word in words() {
                        match Bucket::parse(word) {
                            Some(bucket) if query.status.contains(&bucket) => {}
                            Some(bucket) => query.status.push(bucket),
                            None => query.unknown.push(("status".to_owned(), word.to_owned())),
                        }
                    }
                    true
                }
                "plant" => {
                    query.plants.extend(words().map(str::to_uppercase));
                    true
                }
                "supplier" => {
                    query.suppliers.extend(words().map(str::to_owned));
                    true
                }
                "due" => range(value).map(|(from, to)| (query.due_from, query.due_to) = (from, to)).is_some(),
                // The two fields of the form; links write them as one range.
                "due_from" => value.parse().map(|on| query.due_from = Some(on)).is_ok(),
                "due_to" => value.parse().map(|on| query.due_to = Some(on)).is_ok(),
                "q" => {
                    query.text = value.chars().take(100).collect();
                    true
                }
                "sort" => {
                    query.descending = value == "-due";
                    matches!(value, "due" | "-due")
                }
                "size" => value.parse().is_ok_and(|size| {
                    SIZES.contains(&size) && {
                        query.size = size;
                        true
                    }
                }),
                "after" => parse_key(value).map(|key| query.after = Some(key)).is_some(),
                "before" => parse_key(value).map(|key| query.before = Some(key)).is_some(),
                "from" => value.parse::<i64>().map(|from| query.from = from.clamp(0, 1_000_000_000)).is_ok(),
                _ => false,
            };
            if !understood {
                query.unknown.push((key.chars().take(40).collect(), value.chars().take(60).collect()));
            }
        }
        query
    }

    /// The address of this list, without what was not understood.
    pub fn href(&self) -> String {
        let mut pairs: Vec<(&str, String)> = Vec::new();
        let mut put = |key, value: String| {
            if !value.is_empty() {
                pairs.push((key, value));
            }
        };
        put("status", self.status.iter().map(|bucket| bucket.as_str()).collect::<Vec<_>>().join(","));
        put("plant", self.plants.join(","));
        put("supplier", self.suppliers.join(","));
        let side = |on: Option<NaiveDate>| on.map(|on| on.to_string()).unwrap_or_default();
        if self.due_from.is_some() || self.due_to.is_some() {
            put("due", format!("{}..{}", side(self.due_from), side(self.due_to)));
        }
        put("q", self.text.clone());
        put("sort", if self.descending { "-due".to_owned() } else { String::new() });
        put("size", if self.size == SIZES[0] { String::new() } else { self.size.to_string() });
        put("after", self.after.map(key_text).unwrap_or_default());
        put("before", self.before.map(key_text).unwrap_or_default());
        put("from", if self.from > 0 { self.from.to_string() } else { String::new() });
        let query = pairs.iter().map(|(key, value)| format!("{key}={}", encoded(value))).collect::<Vec<_>>().join("&");
        if query.is_empty() { "/orders".to_owned() } else { format!("/orders?{query}") }
    }

    /// The same list from its beginning, with something changed.
    pub fn but(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut other = Self { after: None, before: None, from: 0, ..self.clone() };
        change(&mut other);
        other
    }

    /// For the store.
    pub fn filter(&self) -> Filter {
        Filter {
            buckets: self.status.clone(),
            plants: self.plants.clone(),
            suppliers: self.suppliers.clone(),
            due_from: self.due_from,
            due_to: self.due_to,
            text: Some(self.text.clone()).filter(|text| !text.is_empty()),
            sort: if self.descending { Sort::DueLast } else { Sort::DueFirst },
        }
    }

    /// For the store: one row more than shown tells whether there is a next page.
    pub fn page(&self) -> Page {
        Page { after: self.after, before: self.before, size: self.size + 1 }
    }

    /// Any filter but the status of a tab.
    pub fn narrowed(&self) -> bool {
        !(self.plants.is_empty() && self.suppliers.is_empty() && self.text.is_empty())
            || self.due_from.is_some()
            || self.due_to.is_some()
    }

    /// Exactly this saved view, wherever in it one is.
    pub fn is_view(&self, bucket: Option<Bucket>) -> bool {
        !self.narrowed() && self.status.as_slice() == bucket.as_slice()
    }

    /// What is filtered by, in words: key, value, and the list without it.
    pub fn tags(&self) -> Vec<(String, String, String)> {
        let mut tags = Vec::new();
        for bucket in &self.status {
            let without = self.but(|query| query.status.retain(|other| other != bucket));
            tags.push(("Status".to_owned(), bucket_words(*bucket).to_owned(), without.href()));
        }
        for plant in &self.plants {
            let without = self.but(|query| query.plants.retain(|other| other != plant));
            tags.push(("Plant".to_owned(), plant.clone(), without.href()));
        }
        for supplier in &self.suppliers {
            let without = self.but(|query| query.suppliers.retain(|other| other != supplier));
            tags.push(("Supplier".to_owned(), supplier.clone(), without.href()));
        }
        let due = match (self.due_from, self.due_to) {
            (None, None) => None,
            (Some(from), None) => Some(format!("from {}", day(from))),
            (None, Some(to)) => Some(format!("until {}", day(to))),
            (Some(from), Some(to)) if from == to => Some(day(from)),
            (Some(from), Some(to)) => Some(format!("{} to {}", day(from), day(to))),
        };
        if let Some(words) = due {
            let without = self.but(|query| (query.due_from, query.due_to) = (None, None));
            tags.push(("Due".to_owned(), words, without.href()));
        }
        if !self.text.is_empty() {
            tags.push(("Contains".to_owned(), self.text.clone(), self.but(|query| query.text.clear()).href()));
        }
        tags
    }
}

/// A bucket as a filter calls it.
pub const fn bucket_words(bucket: Bucket) -> &'static str {
    match bucket {
        Bucket::NeedsSupplier => "waits for an answer",
        Bucket::WithBuyer => "with the buyer",
        Bucket::Confirmed => "confirmed",
        Bucket::ConfirmedLate => "confirmed later than requested",
        Bucket::Changed => "changed by the buyer",
        Bucket::Overdue => "overdue",
        Bucket::NotInErp => "not in the ERP",
        Bucket::Closed => "declined or cancelled",
    }
}

fn range(value: &str) -> Option<(Option<NaiveDate>, Option<NaiveDate>)> {
    let side = |text: &str| if text.is_empty() { Some(None) } else { text.parse().ok().map(Some) };
    match value.split_once("..") {
        Some((from, to)) => Some((side(from)?, side(to)?)).filter(|(from, to)| from.is_some() || to.is_some()),
        None => value.parse().ok().map(|on| (Some(on), Some(on))),
    }
}

fn key_text(key: Key) -> String {
    format!("{}.{}", key.day, key.id)
}

fn parse_key(text: &str) -> Option<Key> {
    let (on, id) = text.split_once('.')?;
    Some(Key { day: on.parse().ok()?, id: id.parse::<ScheduleLineId>().ok()?.0 })
}

/// For a value in a query; commas and dots stay readable.
pub fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b',' | b'/' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &str) -> ListQuery {
        ListQuery::parse(query.split('&').filter_map(|pair| pair.split_once('=')))
    }

    #[test]
    fn every_list_is_restored_from_its_address() {
        for query in [
            "status=open,late&plant=DE10&supplier=100234&due=..2026-12-04&q=0012-00A&sort=-due&size=25",
            "due=2026-12-01..2026-12-31",
            "due=2026-12-01..",
            "after=2026-12-04.019ae4c2-6c1e-7a40-9f3b-5d1c2e8ab7f0&from=50",
        ] {
            assert_eq!(parse(query).href(), format!("/orders?{query}"));
            assert!(parse(query).unknown.is_empty(), "{query}");
        }
        assert_eq!(parse("").href(), "/orders");
        assert_eq!(parse("due_from=2026-12-01&due_to=&plant=de10").href(), "/orders?plant=DE10&due=2026-12-01..");
        assert_eq!(parse("due=2026-12-04").href(), "/orders?due=2026-12-04..2026-12-04");
    }

    #[test]
    fn what_nobody_knows_has_no_effect_and_is_shown() {
        let query = parse("colour=red&status=open,shiny&due=soon&size=7&sort=price&after=x&from=-3");
        assert_eq!(
            query.unknown.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>(),
            ["colour=red", "status=shiny", "due=soon", "size=7", "sort=price", "after=x"]
        );
        assert_eq!(query.href(), "/orders?status=open");
    }

    #[test]
    fn removing_a_filter_keeps_the_others_and_starts_from_the_first_row() {
        let query = parse(
            "status=open&plant=DE10&due=..2026-12-04&after=2026-12-04.019ae4c2-6c1e-7a40-9f3b-5d1c2e8ab7f0&from=50",
        );
        let tags = query.tags();
        assert_eq!(
            tags.iter().map(|(key, words, without)| format!("{key} {words} → {without}")).collect::<Vec<_>>(),
            [
                "Status waits for an answer → /orders?plant=DE10&due=..2026-12-04",
                "Plant DE10 → /orders?status=open&due=..2026-12-04",
                "Due until 04 Dec 2026 → /orders?status=open&plant=DE10",
            ]
        );
    }

    #[test]
    fn words_with_signs_survive_the_address() {
        assert_eq!(parse("q=a&b").href(), "/orders?q=a");
        let query = ListQuery { text: "Ø 50 & more".to_owned(), size: SIZES[0], ..ListQuery::default() };
        assert_eq!(query.href(), "/orders?q=%C3%98%2050%20%26%20more");
    }
}
