//! The doors for machines. A version is a folder; what it promises is never changed, only added to.
//!
//! Refusals are problem documents (RFC 9457) like everywhere else: [`crate::answers`] puts them into words and adds the
//! correlation id.

pub mod docs;
pub mod v1;

use std::sync::Arc;

use axum::Router;
use store::Store;
use utoipa::openapi::OpenApi;
use worker::systems::Systems;

use crate::intake::Intake;

/// What the doors for machines need.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The database.
    pub store: Store,
    /// The connectors, to check who is speaking.
    pub systems: Arc<Systems>,
}

/// Every address below `/api`; files that machines send go through the intake. No cookie counts here: each message proves by itself whom it is from.
pub fn router(entry: Entry, intake: Intake) -> Router {
    let (keyed, openapi) = v1::keyed(entry.store.clone(), intake);
    let (addressed, openapi) = (Router::new().nest("/api/v1", keyed), nested(openapi));
    let pushed = Router::new().nest("/api/v1", v1::pushed()).with_state(entry);
    addressed.merge(pushed).merge(docs::router(openapi))
}

/// The addresses as callers see them.
fn nested(mut openapi: OpenApi) -> OpenApi {
    openapi.paths.paths =
        openapi.paths.paths.into_iter().map(|(path, item)| (format!("/api/v1{path}"), item)).collect();
    openapi
}
