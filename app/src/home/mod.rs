//! `/`: one page, the role decides. Everybody lands on what waits for him, and every number leads to the list that has
//! exactly that count. Who has several roles sees their parts one below the other. Pages are made on the server only.

#[cfg(feature = "ssr")]
mod buyer;
#[cfg(feature = "ssr")]
mod house;
#[cfg(feature = "ssr")]
mod plant;
#[cfg(feature = "ssr")]
mod quality;
#[cfg(feature = "ssr")]
mod supplier;
#[cfg(feature = "ssr")]
mod today;

use leptos::prelude::*;

/// `/` and `/home`
#[component]
pub fn HomePage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        today::page()
    }
}
