//! `/differences`: where announced and received differ, and what supplier and buyer make of it. Both see the same page with
//! both views side by side. Pages are made on the server only.

#[cfg(feature = "ssr")]
mod case;
#[cfg(feature = "ssr")]
mod list;

use leptos::prelude::*;

/// `/differences`
#[component]
pub fn DifferencesPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        list::page()
    }
}

/// `/differences/:number`
#[component]
pub fn DifferencePage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        case::page()
    }
}
