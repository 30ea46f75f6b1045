//! Noting that a supplier has seen an order.
//!
//! Opening a page is a GET and changes nothing: mail scanners and prefetching browsers open every link. So a small island
//! posts it once the page is awake. Without WebAssembly it is not noted; the first answer shows that it was seen.

use domain::id::OrderId;
use leptos::prelude::*;

use crate::error::AppError;

/// The supplier has the order before him. Says nothing when it was noted before or when an insider looks.
#[server(prefix = "/do", endpoint = "order-opened")]
pub async fn order_opened(order_id: OrderId) -> Result<(), AppError> {
    let mut tx = crate::request::begin().await?;
    store::orders::mark_opened(&mut tx, order_id).await?;
    tx.commit().await?;
    Ok(())
}

/// Posts [`order_opened`] once.
#[island]
pub fn OpenedBeacon(
    /// Which order.
    order_id: OrderId,
) -> impl IntoView {
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| {
        leptos::task::spawn_local(async move {
            // Whether it worked does not matter to the reader; it is asked again on the next visit.
            let _ = order_opened(order_id).await;
        });
    });
    #[cfg(not(feature = "hydrate"))]
    let _ = order_id;
    view! { <span hidden data-island="opened"></span> }
}
