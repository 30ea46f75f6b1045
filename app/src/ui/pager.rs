//! The foot of a list: which rows of how many, the way to the rows before and after, and how many at once.

use leptos::prelude::*;

/// Where in the list a page is.
#[derive(Debug, Clone, Default)]
pub struct Position {
    /// `51–100 of 1,240`.
    pub words: String,
    /// The rows before.
    pub previous: Option<String>,
    /// The rows after.
    pub next: Option<String>,
    /// Sizes to choose from: the number, its address, whether it is the one in use; none where there is no choice.
    pub sizes: Vec<(i64, String, bool)>,
}

/// Links to other parts of the list. Pages are cut by key, so there is no page number to jump to.
#[component]
pub fn Pager(
    /// Where the page is.
    position: Position,
) -> impl IntoView {
    let Position { words, previous, next, sizes } = position;
    let step = |words: &'static str, rel: &'static str, href: Option<String>| match href {
        Some(href) => view! { <a class="button low" rel=rel href=href>{words}</a> }.into_any(),
        None => view! { <span class="button low" aria-disabled="true">{words}</span> }.into_any(),
    };
    view! {
        <nav class="pager" aria-label="Pages">
            <span class="range" role="status">{words}</span>
            {step("Previous", "prev", previous)}
            {step("Next", "next", next)}
            {(!sizes.is_empty()).then(|| view! {
                <span class="sizes push">
                    "Rows per page "
                    {sizes
                        .into_iter()
                        .map(|(size, href, current)| view! { <a href=href aria-current=current.then_some("true")>{size}</a> })
                        .collect_view()}
                </span>
            })}
        </nav>
    }
}
