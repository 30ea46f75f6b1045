//! `/search?q=`: exact keys lead straight to their page; words give results by kind. Pages are made on the server only.

#[cfg(feature = "ssr")]
mod results;

use leptos::prelude::*;

/// `/search`
#[component]
pub fn SearchPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        results::page()
    }
}
