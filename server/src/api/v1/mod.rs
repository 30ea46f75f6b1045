//! The first version.

pub mod arrivals;

use axum::Router;
use axum::routing::post;

use super::Entry;

/// Its addresses.
pub fn router() -> Router<Entry> {
    Router::new().route("/arrivals/{connection}", post(arrivals::take))
}
