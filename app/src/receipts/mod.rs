//! `/receipts/:number`: one receipt, whichever way it came, with what was odd about it and what it led to. Pages are made on
//! the server only.

#[cfg(feature = "ssr")]
mod receipt;

use leptos::prelude::*;

/// `/receipts/:number`
#[component]
pub fn ReceiptPage() -> impl IntoView {
    #[cfg(feature = "ssr")]
    {
        receipt::page()
    }
}
