//! The doors: which path leads where, and what everybody passes on the way in.

use std::sync::Arc;

use app::{App, shell};
use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use http::{HeaderValue, header};
use leptos::prelude::provide_context;
use leptos_axum::{LeptosRoutes, generate_route_list};
use store::sessions::Lifetimes;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::answers::{self, refuse};
use crate::offers::offers;
use crate::state::State;
use crate::{api, guard, health, live, print, session, uploads};

/// The whole of it. The outermost layer stands first.
pub fn router(state: &State, lifetimes: Lifetimes) -> Router {
    let pages = pages(state).merge(uploads::router(state)).layer(
        ServiceBuilder::new()
            .layer(from_fn_with_state(state.clone(), guard::not_too_often))
            .layer(from_fn_with_state(state.clone(), guard::same_site))
            .layer(from_fn(guard::known_content))
            .layer(from_fn(guard::limited_body))
            .layer(session::layer(state.house.store.clone(), lifetimes, state.gate.secure))
            .layer(from_fn(guard::own_redirects)),
    );
    // Machines prove by each message who they are: no session, no cookie, so nothing for another site to abuse.
    let entry = api::Entry { store: state.house.store.clone(), systems: Arc::clone(&state.systems) };
    let machines =
        api::router(entry, state.uploads.intake.clone()).layer(from_fn_with_state(state.clone(), guard::not_too_often));
    Router::new()
        .merge(pages)
        .merge(machines)
        .merge(files(state))
        .merge(watched(state))
        .layer(from_fn(guard::note_route))
        .layer(
            ServiceBuilder::new()
                .layer(from_fn_with_state(state.clone(), guard::correlate))
                .layer(from_fn_with_state(state.clone(), guard::security_headers))
                // Not for files (compressed when they were built) and not for event streams (each must leave at once).
                .layer(CompressionLayer::new().br(true).gzip(true))
                .layer(from_fn_with_state(state.clone(), answers::tell))
                .layer(CatchPanicLayer::custom(answers::panicked))
                .layer(from_fn(guard::time_out)),
        )
}

/// Pages and the server functions behind their forms.
fn pages(state: &State) -> Router {
    let house = state.house.clone();
    let options = state.leptos.clone();
    let offers = offers();
    Router::new()
        .leptos_routes_with_context(
            state,
            generate_route_list(App),
            move || {
                provide_context(house.clone());
                provide_context(offers.clone());
            },
            move || shell(options.clone()),
        )
        .route(guard::LIVE, get(live::listen))
        .route("/shipments/{number}/print/labels.pdf", get(print::pdf))
        .route("/shipments/{number}/print/labels.zpl", get(print::zpl))
        .fallback(|| async { refuse(app::error::AppError::NotFound { what: "This page".to_owned() }) })
        .with_state(state.clone())
}

/// What `cargo xtask build` made for browsers. No session, no limit: they are the same for everybody.
fn files(state: &State) -> Router {
    let from_disk = || ServeDir::new(&*state.leptos.site_root).precompressed_br().precompressed_gzip();
    let kept = |how: &'static str| {
        SetResponseHeaderLayer::overriding(header::CACHE_CONTROL, move |response: &http::Response<_>| {
            response.status().is_success().then(|| HeaderValue::from_static(how))
        })
    };
    // The names in pkg carry a hash of what is in them.
    let for_ever = ServiceBuilder::new().layer(kept("public, max-age=31536000, immutable")).service(from_disk());
    let for_a_week = ServiceBuilder::new().layer(kept("public, max-age=604800")).service(from_disk());
    Router::new()
        .route_service("/pkg/{*path}", for_ever)
        .route_service("/fonts/{*path}", for_a_week.clone())
        .route_service("/favicon.svg", for_a_week)
}

/// For whoever watches the process.
fn watched(state: &State) -> Router {
    Router::new()
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/version", get(health::version))
        .with_state(state.clone())
}
