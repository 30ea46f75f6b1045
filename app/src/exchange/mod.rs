//! `/connections`, `/deliveries`, `/arrivals`: the systems we speak with, what goes out to them and what comes in.
//!
//! A page never speaks with another system. It reads the rows that the worker writes, and what a person decides (try again,
//! leave out, test) is a row that the worker finds. Pages are made on the server only.

#[cfg(feature = "ssr")]
pub(crate) mod act;
#[cfg(feature = "ssr")]
mod arrival;
#[cfg(feature = "ssr")]
mod arrivals;
#[cfg(feature = "ssr")]
mod connection;
#[cfg(feature = "ssr")]
mod connection_form;
#[cfg(feature = "ssr")]
pub mod connections;
#[cfg(feature = "ssr")]
mod deliveries;
#[cfg(feature = "ssr")]
mod delivery;
#[cfg(feature = "ssr")]
pub mod offer;
#[cfg(feature = "ssr")]
mod payload;
#[cfg(feature = "ssr")]
pub mod words;

use leptos::prelude::*;

/// `/connections`
#[component]
pub fn ConnectionsPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        connections::page()
    }
}

/// `/connections/new`
#[component]
pub fn NewConnectionPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        connection_form::new_page()
    }
}

/// `/connections/:id`
#[component]
pub fn ConnectionPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        connection::page()
    }
}

/// `/connections/:id/edit`
#[component]
pub fn EditConnectionPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        connection_form::edit_page()
    }
}

/// `/deliveries`
#[component]
pub fn DeliveriesPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        deliveries::page()
    }
}

/// `/deliveries/:id`
#[component]
pub fn DeliveryPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        delivery::page()
    }
}

/// `/arrivals`
#[component]
pub fn ArrivalsPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        arrivals::page()
    }
}

/// `/arrivals/:id`
#[component]
pub fn ArrivalPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        arrival::page()
    }
}
