//! Refusals become answers that their reader understands: a page for a browser, a problem document for a program.
//!
//! Guards and server functions below say *what* is wrong, as an [`AppError`] or as a bare status; this one layer says *how*
//! it is told. A page that shows its own error passes through untouched.

use app::error::AppError;
use app::shell::error_shell;
use axum::body::Body;
use axum::extract::{Request, State as Given};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use domain::id::CorrelationId;
use http::{HeaderValue, StatusCode, header};
use leptos::prelude::provide_context;

use crate::state::State;

/// An answer that says no, to be put into words by [`tell`].
pub fn refuse(error: AppError) -> Response {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = status.into_response();
    if let AppError::TooMany { seconds } = &error {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(*seconds));
    }
    response.extensions_mut().insert(error);
    response
}

/// What a panic is answered with.
#[expect(clippy::needless_pass_by_value, reason = "the shape that the layer calls")]
pub fn panicked(cause: Box<dyn std::any::Any + Send>) -> Response {
    let said = cause.downcast_ref::<String>().map(String::as_str).or_else(|| cause.downcast_ref::<&str>().copied());
    tracing::error!(error = said.unwrap_or("unknown"), "A request panicked");
    refuse(AppError::Internal { correlation: String::new() })
}

/// Puts refusals into words.
pub async fn tell(Given(state): Given<State>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let mut copy = http::Request::new(Body::empty());
    *copy.method_mut() = parts.method.clone();
    *copy.uri_mut() = parts.uri.clone();
    *copy.headers_mut() = parts.headers.clone();
    *copy.extensions_mut() = parts.extensions.clone();
    let response = next.run(Request::from_parts(parts, body)).await;

    let status = response.status();
    let told = ["text/html", "application/problem+json"].iter().any(|kind| is(&response, header::CONTENT_TYPE, kind));
    if !(status.is_client_error() || status.is_server_error()) || told {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let error = match parts.extensions.remove::<AppError>() {
        Some(error) => error,
        None if parts.headers.contains_key("serverfnerror") => from_server_function(body).await,
        None => from_status(status),
    };
    let correlation = copy.extensions().get::<CorrelationId>().map(ToString::to_string).unwrap_or_default();
    let mut told = if wants_page(&copy) { page(&state, copy, error).await } else { document(&error, &correlation) };
    for name in [header::RETRY_AFTER, header::ALLOW, header::SET_COOKIE] {
        for value in parts.headers.get_all(&name) {
            told.headers_mut().append(&name, value.clone());
        }
    }
    told.extensions_mut().extend(parts.extensions);
    told
}

/// A server function writes its error as the body.
async fn from_server_function(body: Body) -> AppError {
    let bytes = axum::body::to_bytes(body, 256 * 1024).await.unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or(AppError::Internal { correlation: String::new() })
}

fn from_status(status: StatusCode) -> AppError {
    match status {
        StatusCode::NOT_FOUND => AppError::NotFound { what: "This page".to_owned() },
        StatusCode::METHOD_NOT_ALLOWED => AppError::Malformed {
            status: 405,
            message: "This address is not for opening or not for sending.".to_owned(),
        },
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            AppError::Unavailable { correlation: String::new() }
        }
        status if status.is_client_error() => {
            AppError::Malformed { status: status.as_u16(), message: "The request was not understood.".to_owned() }
        }
        _ => AppError::Internal { correlation: String::new() },
    }
}

fn wants_page(request: &http::Request<Body>) -> bool {
    let accepts = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accepts.is_some_and(|accepts| accepts.contains("text/html")) && !request.uri().path().starts_with("/api/")
}

async fn page(state: &State, request: http::Request<Body>, error: AppError) -> Response {
    let house = state.house.clone();
    let options = state.leptos.clone();
    let render = leptos_axum::render_app_async_with_context(
        move || provide_context(house.clone()),
        move || error_shell(options.clone(), error.clone()),
    );
    render(request).await
}

/// RFC 9457.
fn document(error: &AppError, correlation: &str) -> Response {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let document = serde_json::json!({
        "type": "about:blank",
        "title": error.title(),
        "status": status.as_u16(),
        "detail": error.to_string(),
        "correlation_id": correlation,
    });
    (status, [(header::CONTENT_TYPE, "application/problem+json")], document.to_string()).into_response()
}

fn is(response: &Response, name: header::HeaderName, beginning: &str) -> bool {
    response.headers().get(name).and_then(|value| value.to_str().ok()).is_some_and(|value| value.starts_with(beginning))
}
