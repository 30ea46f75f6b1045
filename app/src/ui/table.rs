//! Pieces of a data table: sortable heads and the mark of a part. Rows themselves are written by their page, with the
//! cell classes of `components.css` that make a three-line block of a row where the table is narrow.

use leptos::prelude::*;

use super::sprite::symbol;

/// How a column is sorted now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sorted {
    /// The first first.
    Ascending,
    /// The last first.
    Descending,
    /// By another column.
    No,
}

/// A head one can sort by: a real link to the same list in the other order.
#[component]
pub fn SortHead(
    /// The column.
    #[prop(into)]
    words: String,
    /// How it is sorted now.
    sorted: Sorted,
    /// The list in the order that a click asks for.
    href: String,
    /// `num`, `opt-1` …
    #[prop(optional)]
    class: &'static str,
) -> impl IntoView {
    let (aria, arrow) = match sorted {
        Sorted::Ascending => (Some("ascending"), Some("i-down")),
        Sorted::Descending => (Some("descending"), Some("i-up")),
        Sorted::No => (None, None),
    };
    view! {
        <th scope="col" class=class aria-sort=aria>
            <a href=href>{words}{arrow.map(|arrow| symbol(arrow, "arrow"))}</a>
        </th>
    }
}

/// `part 1`, hanging on the bracket below its line.
pub fn part_mark(words: impl Into<String>) -> AnyView {
    let words: String = words.into();
    view! { <span class="part-mark">{words}</span> }.into_any()
}

/// The 3 px edge of a row: only where the reader must act.
pub fn edge(tone: Option<super::tone::Tone>) -> Option<&'static str> {
    tone.map(super::tone::Tone::as_str)
}
