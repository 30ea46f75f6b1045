//! `/healthz`, `/readyz`, `/version`: for whoever watches the process. They say nothing that is not public.

use axum::extract::State as Given;
use axum::response::{IntoResponse, Response};
use http::StatusCode;

use crate::state::State;

/// The process answers.
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// The database answers as well. Migrations were checked before the doors opened.
pub async fn readyz(Given(state): Given<State>) -> Response {
    let answer = tokio::time::timeout(std::time::Duration::from_secs(2), state.house.store.ping()).await;
    match answer {
        Ok(Ok(())) => "ready\n".into_response(),
        Ok(Err(error)) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "Not ready: the database does not answer");
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n").into_response()
        }
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer in time\n").into_response(),
    }
}

/// Which program this is.
pub async fn version() -> Response {
    let version = serde_json::json!({ "name": "interlock", "version": env!("CARGO_PKG_VERSION") });
    axum::Json(version).into_response()
}
