//! `/orders`: the list of lines, one order, the supplier's answer to it, and everything with one correlation id.
//!
//! Pages are made on the server only. What the browser needs besides is small and stands apart: reading an answer and
//! hinting at what will come of it ([`answer`], [`hints`]), and noting that an order was opened ([`opened`]).

pub mod answer;
pub mod hints;
pub mod opened;

#[cfg(feature = "ssr")]
pub mod confirm;
#[cfg(feature = "ssr")]
pub mod confirm_all;
#[cfg(feature = "ssr")]
mod conflict;
#[cfg(feature = "ssr")]
mod grid;
#[cfg(feature = "ssr")]
pub(crate) mod history;
#[cfg(feature = "ssr")]
pub mod inbound;
#[cfg(feature = "ssr")]
mod lines;
#[cfg(feature = "ssr")]
mod list;
#[cfg(feature = "ssr")]
mod list_query;
#[cfg(feature = "ssr")]
mod order;
#[cfg(feature = "ssr")]
mod stops;
#[cfg(feature = "ssr")]
mod timeline;
#[cfg(feature = "ssr")]
pub mod words;

use leptos::prelude::*;

/// `/orders`
#[component]
pub fn OrdersPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        list::page()
    }
}

/// `/orders/:po`
#[component]
pub fn OrderPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        order::page()
    }
}

/// `/orders/:po/confirm`
#[component]
pub fn ConfirmPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        confirm::page()
    }
}

/// `/orders/:po/confirm/all`
#[component]
pub fn ConfirmAllPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        confirm_all::page()
    }
}

/// `/timeline/:correlation`
#[component]
pub fn TimelinePage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        timeline::page()
    }
}
