//! `/shipments`: what suppliers announce that they ship. The list, one ship notice, and the steps in which one is written.
//!
//! Everything is made on the server and every action is a plain form. A notice is written in four steps with an address
//! each ([`steps`]): what was typed is a [`draft::Draft`] on the server, the check of the domain says on every step what is
//! wrong there, and the last step sends it. Slip and labels are made elsewhere and only linked to.

#[cfg(feature = "ssr")]
mod act;
#[cfg(feature = "ssr")]
mod contents;
#[cfg(feature = "ssr")]
mod draft;
#[cfg(feature = "ssr")]
mod lines_step;
#[cfg(feature = "ssr")]
mod list;
#[cfg(feature = "ssr")]
mod packing_step;
#[cfg(feature = "ssr")]
mod print;
#[cfg(feature = "ssr")]
mod review_step;
#[cfg(feature = "ssr")]
mod ship_order;
#[cfg(feature = "ssr")]
mod shipment;
#[cfg(feature = "ssr")]
mod start;
#[cfg(feature = "ssr")]
mod steps;
#[cfg(feature = "ssr")]
mod transport_step;
#[cfg(feature = "ssr")]
mod versions;
#[cfg(feature = "ssr")]
mod whole;
#[cfg(feature = "ssr")]
pub mod words;

use leptos::prelude::*;

/// `/shipments`
#[component]
pub fn ShipmentsPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        list::page()
    }
}

/// `/shipments/new`
#[component]
pub fn NewShipmentPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        start::page()
    }
}

/// `/shipments/new/:draft/lines`
#[component]
pub fn ShipmentLinesPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        steps::page(steps::Step::Lines)
    }
}

/// `/shipments/new/:draft/packing`
#[component]
pub fn ShipmentPackingPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        steps::page(steps::Step::Packing)
    }
}

/// `/shipments/new/:draft/transport`
#[component]
pub fn ShipmentTransportPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        steps::page(steps::Step::Transport)
    }
}

/// `/shipments/new/:draft/review`
#[component]
pub fn ShipmentReviewPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        steps::page(steps::Step::Review)
    }
}

/// `/shipments/:number`
#[component]
pub fn ShipmentPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        shipment::page()
    }
}

/// `/shipments/:number/cancel`
#[component]
pub fn CancelShipmentPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        act::cancel_page()
    }
}

/// `/shipments/:number/tell`
#[component]
pub fn TellMilestonePage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        act::tell_page()
    }
}

/// `/orders/:po/ship`
#[component]
pub fn ShipOrderPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        ship_order::page()
    }
}

/// `/shipments/:number/print/slip`
#[component]
pub fn PackingSlipPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        print::slip_page()
    }
}
