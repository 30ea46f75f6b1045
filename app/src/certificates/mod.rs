//! `/certificates` and `/specifications`: which certificates are required, which came, what they say against what the item
//! must show, and the decision on them. For suppliers and quality engineers. Pages are made on the server only.
//!
//! The comparison on every page is the domain's content check; no page compares anything itself.

#[cfg(feature = "ssr")]
pub mod fields;
#[cfg(feature = "ssr")]
mod list;
#[cfg(feature = "ssr")]
pub mod new;
#[cfg(feature = "ssr")]
pub mod one;
#[cfg(feature = "ssr")]
pub mod specification;
#[cfg(feature = "ssr")]
mod specification_list;
#[cfg(feature = "ssr")]
pub mod waive;
#[cfg(feature = "ssr")]
pub mod words;

use leptos::prelude::*;

/// `/certificates`
#[component]
pub fn CertificatesPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        list::page()
    }
}

/// `/certificates/new`
#[component]
pub fn NewCertificatePage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        new::page()
    }
}

/// `/certificates/waive`
#[component]
pub fn WaiveCertificatePage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        waive::page()
    }
}

/// `/certificates/:id`
#[component]
pub fn CertificatePage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        one::page()
    }
}

/// `/specifications`
#[component]
pub fn SpecificationsPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        specification_list::page()
    }
}

/// `/specifications/:item`
#[component]
pub fn SpecificationPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        specification::page()
    }
}
