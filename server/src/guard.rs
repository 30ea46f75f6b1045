//! What a request must pass before a page or a form sees it. Each guard is one function; their order stands in
//! [`crate::router`].

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use app::error::AppError;
use app::request::Address;
use axum::body::Body;
use axum::extract::{ConnectInfo, MatchedPath, Request, State as Given};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use http_body_util::BodyExt;
use tracing::Instrument;

use crate::answers::refuse;
use crate::state::{Gate, State};

/// The largest form, in bytes.
pub const LARGEST_FORM: u64 = 1024 * 1024;
/// The longest that a page may take.
pub const LONGEST: Duration = Duration::from_secs(10);
/// Pages stay open to listen below this path; no time-out.
pub const LIVE: &str = "/live";
/// The name of the correlation id on every response.
pub const CORRELATION: HeaderName = HeaderName::from_static("x-correlation-id");

/// Gives every request its correlation id, its address and its line in the log.
pub async fn correlate(Given(state): Given<State>, mut request: Request, next: Next) -> Response {
    let begun = std::time::Instant::now();
    let correlation = state.house.store.new_correlation();
    let address = address(&request, &state.gate);
    request.extensions_mut().insert(correlation);
    if let Some(address) = &address {
        request.extensions_mut().insert(Address(address.to_string()));
    }
    let span = tracing::info_span!("request", correlation.id = %correlation);
    let method = request.method().clone();
    let mut response = next.run(request).instrument(span).await;
    // The pattern, not the path: one-time links hold their secret in the path.
    let path = response.extensions().get::<Route>().map_or("(none)", |route| route.0.as_str());
    let (status, took) = (response.status().as_u16(), u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX));
    // Whoever watches asks every few seconds; that tells no story.
    if ["/healthz", "/readyz"].contains(&path) && status == 200 {
        tracing::debug!(correlation.id = %correlation, http.route = path, http.status = status, duration.ms = took, "Answered");
    } else {
        tracing::info!(
            correlation.id = %correlation, http.method = %method, http.route = path, http.status = status, duration.ms = took,
            "Answered"
        );
    }
    if let Ok(value) = HeaderValue::from_str(&correlation.to_string()) {
        response.headers_mut().insert(CORRELATION, value);
    }
    response
}

/// The pattern that a request matched, for the log.
#[derive(Clone)]
struct Route(String);

/// Notes the pattern that matched; only below the router is it known.
pub async fn note_route(matched: Option<MatchedPath>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if let Some(matched) = matched {
        response.extensions_mut().insert(Route(matched.as_str().to_owned()));
    }
    response
}

/// The peer, or what a trusted proxy says of it: the last address in X-Forwarded-For that is no trusted proxy itself.
fn address(request: &Request, gate: &Gate) -> Option<IpAddr> {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>()?.0.ip().to_canonical();
    if !gate.trusted_proxies.contains(&peer) {
        return Some(peer);
    }
    let said = request.headers().get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let mut hops: Vec<IpAddr> =
        said.flat_map(|line| line.split(',')).filter_map(|hop| hop.trim().parse().ok()).collect();
    hops.retain(|hop| !gate.trusted_proxies.contains(hop));
    Some(hops.pop().unwrap_or(peer))
}

/// A page that takes too long is given up; what it began in the database is rolled back.
pub async fn time_out(request: Request, next: Next) -> Response {
    if request.uri().path().starts_with(LIVE) {
        return next.run(request).await;
    }
    let takes_files = [crate::uploads::PATH, crate::api::v1::certificates::PATH].contains(&request.uri().path());
    let longest = if takes_files { crate::uploads::LONGEST } else { LONGEST };
    match tokio::time::timeout(longest, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            tracing::error!("A request took more than {} s and was given up", longest.as_secs());
            refuse(AppError::Unavailable { correlation: String::new() })
        }
    }
}

/// How often one network address may ask.
pub async fn not_too_often(Given(state): Given<State>, request: Request, next: Next) -> Response {
    if let (Some(throttle), Some(address)) = (&state.gate.per_address, request.extensions().get::<Address>())
        && let Err(seconds) = throttle.take(&address.0, state.house.store.clock().now())
    {
        return refuse(AppError::TooMany { seconds });
    }
    next.run(request).await
}

fn changes_something(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Forms are taken from our own pages only: what the browser says of the sender, else where it comes from. A client that
/// says neither is no browser, and has no cookie to be abused.
pub async fn same_site(Given(state): Given<State>, request: Request, next: Next) -> Response {
    if changes_something(request.method()) && !from_our_own_page(request.headers(), state.gate.public_url.as_deref()) {
        tracing::warn!("A request from another site was refused");
        return refuse(AppError::Foreign);
    }
    next.run(request).await
}

fn from_our_own_page(headers: &HeaderMap, public_url: Option<&str>) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin" || site == "none";
    }
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    if public_url.is_some_and(|ours| origin.eq_ignore_ascii_case(ours)) {
        return true;
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let theirs = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    theirs.is_some() && theirs == host
}

/// A form is sent as a form, and the machine interface speaks JSON; JSON dressed up as text is how other sites get past
/// the browser's own check.
pub async fn known_content(request: Request, next: Next) -> Response {
    if changes_something(request.method()) {
        let machine = request.uri().path().starts_with("/api/");
        let (right, name): (&[&str], _) = if machine {
            (&["application/json"], "JSON (application/json)")
        } else {
            (
                &["application/x-www-form-urlencoded", "multipart/form-data"],
                "a form (application/x-www-form-urlencoded)",
            )
        };
        let given =
            request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let given = given.split(';').next().unwrap_or_default().trim();
        if !right.iter().any(|right| given.eq_ignore_ascii_case(right)) {
            return refuse(AppError::Malformed { status: 415, message: format!("This address takes {name}.") });
        }
    }
    next.run(request).await
}

/// Reads a body up to the limit before anything else is done with it.
pub async fn limited_body(request: Request, next: Next) -> Response {
    // Files are read in pieces behind their door, with limits of their own.
    if !changes_something(request.method()) || request.uri().path() == crate::uploads::PATH {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let announced =
        parts.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > LARGEST_FORM) {
        swallow(body);
        return refuse(AppError::TooLarge { limit: LARGEST_FORM });
    }
    let limit = usize::try_from(LARGEST_FORM).unwrap_or(usize::MAX);
    match http_body_util::Limited::new(body, limit).collect().await {
        Ok(collected) => next.run(Request::from_parts(parts, Body::from(collected.to_bytes()))).await,
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            refuse(AppError::TooLarge { limit: LARGEST_FORM })
        }
        Err(_) => refuse(AppError::Malformed { status: 400, message: "The request broke off.".to_owned() }),
    }
}

/// Lets the rest of a large body run into nothing for a while: a browser reads the answer only when it has sent its part.
pub fn swallow(mut body: Body) {
    const PATIENCE: Duration = Duration::from_secs(20);
    const MOST: usize = 512 * 1024 * 1024;
    let reading = async move {
        let mut read = 0;
        while let Some(Ok(frame)) = body.frame().await {
            read += frame.data_ref().map_or(0, bytes_of);
            if read > MOST {
                break;
            }
        }
    };
    tokio::spawn(async move {
        let _enough = tokio::time::timeout(PATIENCE, reading).await;
    });
}

fn bytes_of(data: &impl AsRef<[u8]>) -> usize {
    data.as_ref().len()
}

/// leptos answers a form of a browser with redirects of its own, with errors in the address. Our forms say where to go
/// themselves (`app::form`); without these two headers leptos leaves them alone.
pub async fn own_redirects(mut request: Request, next: Next) -> Response {
    if changes_something(request.method()) {
        request.headers_mut().remove(header::REFERER);
        request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("*/*"));
    }
    next.run(request).await
}

/// Headers of every response. Pages bring a policy with their nonce; everything else may not do anything in a browser.
pub async fn security_headers(Given(state): Given<State>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let mut say = |name: HeaderName, value: &'static str| drop(headers.insert(name, HeaderValue::from_static(value)));
    say(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    // Not `no-referrer`: browsers would then name no origin with our own forms either.
    say(header::REFERRER_POLICY, "same-origin");
    say(header::X_FRAME_OPTIONS, "DENY");
    say(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    say(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    say(
        HeaderName::from_static("permissions-policy"),
        "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), microphone=(), midi=(), payment=(), usb=()",
    );
    if state.gate.secure {
        say(header::STRICT_TRANSPORT_SECURITY, "max-age=63072000");
    }
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        headers.insert(
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; sandbox"),
        );
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        // Pages are personal: never in a shared cache, and not shown by Back after signing out.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};

    use super::from_our_own_page;

    #[test]
    fn a_form_is_taken_from_our_own_pages_only() {
        for (fetch, origin, ours) in [
            (Some("same-origin"), None, true),
            (Some("none"), None, true),
            (Some("same-site"), None, false),
            (Some("cross-site"), Some("http://portal.example"), false),
            (None, Some("http://portal.example"), true),
            (None, Some("https://other.example"), false),
            (None, Some("null"), false),
            (None, None, true),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("host", HeaderValue::from_static("portal.example"));
            for (name, value) in [("sec-fetch-site", fetch), ("origin", origin)] {
                if let Some(value) = value {
                    headers.insert(name, HeaderValue::from_static(value));
                }
            }
            assert_eq!(from_our_own_page(&headers, None), ours, "{fetch:?} {origin:?}");
        }
    }

    #[test]
    fn behind_a_proxy_the_public_address_counts() {
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_static("10.0.0.7:3000"));
        headers.insert("origin", HeaderValue::from_static("https://portal.example"));
        assert!(from_our_own_page(&headers, Some("https://portal.example")));
        assert!(!from_our_own_page(&headers, None));
    }
}
