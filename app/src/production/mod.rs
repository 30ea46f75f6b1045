//! `/production`, `/postings`: what the plants make, what the shop floor reported of it, and what of that is not in the ERP.
//!
//! Pages are made on the server only. Why a posting waits, and what is odd about a report, is said by the rules in the domain.

#[cfg(feature = "ssr")]
mod list;
#[cfg(feature = "ssr")]
pub mod posting;
#[cfg(feature = "ssr")]
mod postings;
#[cfg(feature = "ssr")]
pub mod words;
#[cfg(feature = "ssr")]
mod work_order;

use leptos::prelude::*;

/// `/production`
#[component]
pub fn WorkOrdersPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        list::page()
    }
}

/// `/production/:id`
#[component]
pub fn WorkOrderPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        work_order::page()
    }
}

/// `/postings`
#[component]
pub fn PostingsPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        postings::page()
    }
}

/// `/postings/:id`
#[component]
pub fn PostingPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        posting::page()
    }
}
