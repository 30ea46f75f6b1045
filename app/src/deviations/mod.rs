//! `/deviations`: answers outside tolerance that wait for a buyer, and the decisions on them.
//!
//! Several orders are decided at once, each in its own transaction: what cannot be decided any more is named, and the rest
//! is decided. Accepting is one click; whoever rejects or counters looks at a summary first and says why. Pages are made on
//! the server only.

#[cfg(feature = "ssr")]
mod decide;
#[cfg(feature = "ssr")]
pub mod list;
#[cfg(feature = "ssr")]
mod pick;
#[cfg(feature = "ssr")]
mod review;

use leptos::prelude::*;

/// `/deviations`
#[component]
pub fn DeviationsPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        list::page()
    }
}

/// `/deviations/reject`
#[component]
pub fn RejectPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        review::reject_page()
    }
}

/// `/deviations/counter`
#[component]
pub fn CounterPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        review::counter_page()
    }
}
