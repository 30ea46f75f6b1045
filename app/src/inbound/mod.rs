//! `/inbound`: the dock. What is expected, what stands at the gate, and receiving it: in full with one button, line by line,
//! or against an order where nobody announced the goods.
//!
//! Made for a clerk with a scanner that types like a keyboard: the search field has the focus, and a scanned package leads
//! straight to its shipment. Rows are high enough for a thumb. Pages are made on the server only and work without JavaScript.

#[cfg(feature = "ssr")]
mod board;
#[cfg(feature = "ssr")]
mod check_in;
#[cfg(feature = "ssr")]
pub(crate) mod entry;
#[cfg(feature = "ssr")]
mod lines;
#[cfg(feature = "ssr")]
pub(crate) mod part;
#[cfg(feature = "ssr")]
pub(crate) mod photo;
#[cfg(feature = "ssr")]
pub(crate) mod receive;
#[cfg(feature = "ssr")]
pub(crate) mod words;

use leptos::prelude::*;

/// `/inbound`
#[component]
pub fn InboundPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        board::page()
    }
}

/// `/inbound/:notice`
#[component]
pub fn ReceivePage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        receive::notice_page()
    }
}

/// `/inbound/orders/:po`
#[component]
pub fn ReceiveOrderPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        receive::order_page()
    }
}
