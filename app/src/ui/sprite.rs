//! The drawings of a page: one sprite, referred to by `<use>`, in `currentColor` so that they print and survive forced
//! colours. The six `s-` shapes mean a [`super::tone::Tone`], the `r-` ones a stop of the lifecycle, the rest are icons.

use leptos::prelude::*;

/// Name, view box, paths.
const SYMBOLS: &[(&str, &str, &str)] = &[
    (
        "s-neutral",
        "0 0 12 12",
        r#"<circle cx="6" cy="6" r="4.25" fill="none" stroke="currentColor" stroke-width="1.5"/>"#,
    ),
    (
        "s-info",
        "0 0 12 12",
        r#"<circle cx="6" cy="6" r="4.25" fill="none" stroke="currentColor" stroke-width="1.5"/><path d="M6 1.5a4.5 4.5 0 0 1 0 9z" fill="currentColor"/>"#,
    ),
    (
        "s-ok",
        "0 0 12 12",
        r#"<path d="M1.8 6.4 4.8 9.4 10.4 2.8" fill="none" stroke="currentColor" stroke-width="2"/>"#,
    ),
    ("s-warn", "0 0 12 12", r#"<path d="M6 1 11.5 11H.5z" fill="currentColor"/>"#),
    ("s-crit", "0 0 12 12", r#"<path d="M6 .5 11.5 6 6 11.5.5 6z" fill="currentColor"/>"#),
    ("s-hold", "0 0 12 12", r#"<path d="M2 1.5h3v9H2zM7 1.5h3v9H7z" fill="currentColor"/>"#),
    ("r-done", "0 0 16 16", r#"<circle cx="8" cy="8" r="6" fill="currentColor"/>"#),
    (
        "r-current",
        "0 0 16 16",
        r#"<circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" stroke-width="2"/><path d="M8 2a6 6 0 0 1 0 12z" fill="currentColor"/>"#,
    ),
    ("r-future", "0 0 16 16", r#"<circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" stroke-width="1.5"/>"#),
    ("r-skipped", "0 0 16 16", r#"<path d="M3 8h10" stroke="currentColor" stroke-width="2"/>"#),
    ("r-failed", "0 0 16 16", r#"<path d="M8 1.5 14.5 8 8 14.5 1.5 8z" fill="currentColor"/>"#),
    (
        "i-search",
        "0 0 16 16",
        r#"<circle cx="7" cy="7" r="4.5" fill="none" stroke="currentColor" stroke-width="1.5"/><path d="m10.5 10.5 4 4" stroke="currentColor" stroke-width="1.5"/>"#,
    ),
    (
        "i-bell",
        "0 0 16 16",
        r#"<path d="M3 12V7a5 5 0 0 1 10 0v5M1.5 12h13M6.5 14.5h3" fill="none" stroke="currentColor" stroke-width="1.5"/>"#,
    ),
    ("i-down", "0 0 10 10", r#"<path d="m1 3 4 4 4-4" fill="none" stroke="currentColor" stroke-width="1.5"/>"#),
    ("i-up", "0 0 10 10", r#"<path d="m1 7 4-4 4 4" fill="none" stroke="currentColor" stroke-width="1.5"/>"#),
    (
        "i-copy",
        "0 0 16 16",
        r#"<path d="M5.5 5.5h7v8h-7zM3.5 10.5v-8h7" fill="none" stroke="currentColor" stroke-width="1.2"/>"#,
    ),
    ("i-more", "0 0 16 16", r#"<path d="M2 7h2v2H2zM7 7h2v2H7zM12 7h2v2h-2z" fill="currentColor"/>"#),
    ("i-close", "0 0 10 10", r#"<path d="m1 1 8 8M9 1 1 9" stroke="currentColor" stroke-width="1.4"/>"#),
    (
        "i-mark",
        "0 0 20 20",
        r#"<path d="M1.5 1.5h11v6M1.5 1.5v11h5M18.5 18.5h-11v-6M18.5 18.5v-11h-5" fill="none" stroke="currentColor" stroke-width="2"/><path d="M7.5 7.5h5v5h-5z" fill="currentColor"/>"#,
    ),
];

/// All symbols, once per page, at the beginning of its body.
#[component]
pub fn Sprite() -> impl IntoView {
    let symbols: String = SYMBOLS
        .iter()
        .map(|(id, view_box, paths)| format!(r#"<symbol id="{id}" viewBox="{view_box}">{paths}</symbol>"#))
        .collect();
    view! { <svg class="sprite" aria-hidden="true" inner_html=symbols></svg> }
}

/// One symbol with a class that gives it its size: `shape` 12 px, `icon` 16 px, `stop`, `chevron`.
pub fn symbol(name: &'static str, class: &'static str) -> impl IntoView {
    view! { <svg class=class aria-hidden="true" inner_html=format!(r##"<use href="#{name}"/>"##)></svg> }
}

/// An icon of 16 px.
pub fn icon(name: &'static str) -> impl IntoView {
    symbol(name, "icon")
}
