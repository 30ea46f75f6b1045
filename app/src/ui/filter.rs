//! Saved views and filters of a list. The address is the only state: every tag and tab is a link to the list without or
//! with it, and the filters one can set are one `<form method="get">`.

use leptos::prelude::*;

use super::sprite::symbol;

/// A tab: words, count of the list behind it, address, and whether it is the list shown.
#[derive(Debug, Clone)]
pub struct SavedView {
    /// What it is called.
    pub words: String,
    /// Exactly as many as the list has.
    pub count: Option<String>,
    /// The list.
    pub href: String,
    /// It is the one shown.
    pub current: bool,
}

/// The tabs over a list.
#[component]
pub fn SavedViews(
    /// In their order.
    views: Vec<SavedView>,
) -> impl IntoView {
    let tabs = views
        .into_iter()
        .map(|SavedView { words, count, href, current }| {
            view! {
                <a href=href aria-current=current.then_some("page")>{words}{count.map(|count| view! { " "<span class="count">{count}</span> })}</a>
            }
        })
        .collect_view();
    view! { <nav class="views" aria-label="Saved views">{tabs}</nav> }
}

/// A filter in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterTag {
    /// What it filters by: `Plant`; for a key that nobody knows, `unknown filter`.
    pub key: String,
    /// The value in words.
    pub words: String,
    /// The list without it.
    pub without: String,
    /// Not understood, and so without effect.
    pub unknown: bool,
}

/// Filters in force as removable tags; the children are the form that adds some.
#[component]
pub fn FilterBar(
    /// In force.
    tags: Vec<FilterTag>,
    /// The list without any filter.
    clear: String,
    /// The form behind "Filter".
    children: Children,
) -> impl IntoView {
    let any = !tags.is_empty();
    let tags = tags
        .into_iter()
        .map(|FilterTag { key, words, without, unknown }| {
            let class = if unknown { "filter-tag unknown" } else { "filter-tag" };
            let label = format!("Remove filter {key} {words}");
            view! { <span class=class><span class="key">{key}</span>{words}<a href=without aria-label=label>{symbol("i-close", "close")}</a></span> }
        })
        .collect_view();
    view! {
        <div class="filter-bar" role="group" aria-label="Filters">
            {tags}
            <details class="popover filter-form">
                <summary class="button low">"Filter "{symbol("i-down", "chevron")}</summary>
                {children()}
            </details>
            {any.then(|| view! { <a class="button low quiet" href=clear>"Clear all"</a> })}
        </div>
    }
}
