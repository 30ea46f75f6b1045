//! Where in a list cut by key a page is: read from the address, shown in the foot.

use std::fmt::Display;
use std::str::FromStr;

use store::order_list::COUNTED;
use store::paging::Page;

use crate::address::Address;
use crate::ui::number::{at_most, counted};
use crate::ui::pager::Position;

/// Rows per page that can be chosen; the first is the default.
const SIZES: [i64; 3] = [50, 25, 100];

/// Rows per page, as the address says.
fn size(address: &Address) -> i64 {
    address.read("size").filter(|size| SIZES.contains(size)).unwrap_or(SIZES[0])
}

/// What the address asks for, and one row more, which only says that there are more.
pub(super) fn page<K: FromStr>(address: &Address) -> Page<K> {
    Page { after: address.read("after"), before: address.read("before"), size: size(address) + 1 }
}

/// What a page of rows is, apart from its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found<T> {
    /// The rows to show.
    pub rows: Vec<T>,
    /// There are rows beyond the last one, or before the first one where the page was read backwards.
    more: bool,
    /// How many the filter matches, at most one more than [`COUNTED`].
    pub total: i64,
}

/// Takes the row too many away again.
pub(super) fn found<K, T>(asked: &Page<K>, mut rows: Vec<T>, total: i64) -> Found<T> {
    let more = i64::try_from(rows.len()).unwrap_or(i64::MAX) >= asked.size;
    if more && asked.before.is_some() {
        rows.remove(0);
    } else if more {
        rows.pop();
    }
    Found { rows, more, total }
}

impl<T> Found<T> {
    /// `1,240 lots`, for the head of the page.
    pub(super) fn fact(&self, one: &str, many: &str) -> String {
        if self.total > COUNTED {
            format!("{} {many}", at_most(self.total, COUNTED))
        } else {
            counted(self.total, one, many)
        }
    }

    /// The foot of the list; `key` names the place of a row.
    pub(super) fn position<K: Display>(
        &self,
        address: &Address,
        words: (&str, &str),
        key: impl Fn(&T) -> K,
    ) -> Position {
        let shown = i64::try_from(self.rows.len()).unwrap_or(i64::MAX);
        let backwards = address.get("before").is_some();
        let (has_previous, has_next) =
            if backwards { (self.more, true) } else { (address.get("after").is_some(), self.more) };
        let (mut sizes, current) = (SIZES, size(address));
        sizes.sort_unstable();
        let at = |name: &str, row: Option<&T>| row.map(|row| address.with(name, key(row)).href());
        Position {
            words: format!("{} of {}", counted(shown, words.0, words.1), at_most(self.total, COUNTED)),
            previous: at("before", self.rows.first()).filter(|_| has_previous),
            next: at("after", self.rows.last()).filter(|_| has_next),
            sizes: sizes.into_iter().map(|size| (size, address.with("size", size).href(), size == current)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(query: &str, rows: Vec<i64>) -> Position {
        let address = Address::parse("/holds", query);
        let asked: Page<i64> = page(&address);
        found(&asked, rows, 60).position(&address, ("hold", "holds"), |row| *row)
    }

    #[test]
    fn the_first_page_leads_on_and_not_back() {
        let foot = position("q=x&size=25", (1..=26).collect());
        assert_eq!((foot.previous, foot.next.as_deref()), (None, Some("/holds?q=x&size=25&after=25")));
        assert_eq!(foot.words, "25 holds of 60");
    }

    #[test]
    fn the_last_page_leads_back_and_not_on() {
        let foot = position("size=25&after=50", (51..=60).collect());
        assert_eq!((foot.previous.as_deref(), foot.next), (Some("/holds?size=25&before=51"), None));
    }

    #[test]
    fn a_page_read_backwards_drops_the_row_before_it() {
        let foot = position("size=25&before=51", (25..=50).collect());
        let (previous, next) = ("/holds?size=25&before=26", "/holds?size=25&after=50");
        assert_eq!((foot.previous.as_deref(), foot.next.as_deref()), (Some(previous), Some(next)));
    }

    #[test]
    fn a_place_that_nobody_understands_is_the_first_page() {
        let asked: Page<i64> = page(&Address::parse("/holds", "after=yesterday&size=7"));
        assert_eq!((asked.after, asked.size), (None, 51));
    }
}
