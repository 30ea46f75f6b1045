//! What stands where rows would be: nothing exists yet, nothing matches, or all is done. Each says what to do next.

use leptos::prelude::*;

/// Heading, one sentence, and at most one way on.
#[component]
pub fn EmptyState(
    /// What is the case.
    #[prop(into)]
    title: String,
    /// What it means, or what comes next.
    #[prop(into)]
    text: String,
    /// Where to go on: words and address.
    #[prop(optional_no_strip)]
    action: Option<(String, String)>,
) -> impl IntoView {
    view! {
        <div class="empty">
            <h3>{title}</h3>
            <p>{text}</p>
            {action.map(|(words, href)| view! { <p><a class="button low" href=href>{words}</a></p> })}
        </div>
    }
}
