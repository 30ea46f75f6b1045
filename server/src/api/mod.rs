//! The doors for machines. A version is a folder; what it promises is never changed, only added to.
//!
//! Refusals are problem documents (RFC 9457) like everywhere else: [`crate::answers`] puts them into words and adds the
//! correlation id.

pub mod v1;

use std::sync::Arc;

use axum::Router;
use store::Store;
use worker::systems::Systems;

/// What the doors for machines need.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The database.
    pub store: Store,
    /// The connectors, to check who is speaking.
    pub systems: Arc<Systems>,
}

/// Every address below `/api`. No cookie counts here: each message proves by itself whom it is from.
pub fn router(entry: Entry) -> Router {
    Router::new().nest("/api/v1", v1::router()).with_state(entry)
}
