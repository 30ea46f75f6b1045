//! The document around every page: head, content security policy, sprite.
//!
//! Rendered by the server alone. The nonce of leptos' own scripts is in the policy; there is no other inline script, no
//! inline style and no other origin.

#[cfg(feature = "ssr")]
use http::{HeaderValue, header, request::Parts};
use leptos::prelude::*;
use leptos_meta::{HashedStylesheet, MetaTags};

use crate::App;
use crate::error::{AppError, ErrorPage};

/// The document with the page that the address asks for.
pub fn shell(options: LeptosOptions) -> AnyView {
    document(options, view! { <App/> }.into_any())
}

/// The document with an error, for what is refused before a page is reached.
#[cfg(feature = "ssr")]
pub fn error_shell(options: LeptosOptions, error: AppError) -> AnyView {
    leptos_meta::provide_meta_context();
    document(options, view! { <main class="sign-in" id="main"><ErrorPage error=error/></main> }.into_any())
}

fn document(options: LeptosOptions, body: AnyView) -> AnyView {
    #[cfg(feature = "ssr")]
    content_security_policy();
    view! {
        <!DOCTYPE html>
        <html lang="en" data-theme=theme()>
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content="light dark"/>
                <link rel="icon" href="/favicon.svg" type="image/svg+xml"/>
                <link rel="preload" href="/fonts/atkinson-hyperlegible-next-latin-wght-normal.woff2" r#as="font" r#type="font/woff2" crossorigin="anonymous"/>
                <HashedStylesheet options=options.clone()/>
                <HydrationScripts options=options islands=true/>
                <MetaTags/>
            </head>
            <body>
                <Sprite/>
                {body}
            </body>
        </html>
    }
    .into_any()
}

/// `light` or `dark` where the person chose; none follows the device.
fn theme() -> Option<&'static str> {
    #[cfg(feature = "ssr")]
    {
        let parts = use_context::<Parts>()?;
        let cookies = parts.headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let chosen = cookies.flat_map(|line| line.split(';')).find_map(|pair| pair.trim().strip_prefix("theme="))?;
        ["light", "dark"].into_iter().find(|theme| *theme == chosen)
    }
    #[cfg(not(feature = "ssr"))]
    None
}

/// The policy of pages. What passes by the shell (files, machine API) has a stricter one from the doors.
#[cfg(feature = "ssr")]
fn content_security_policy() {
    let (Some(nonce), Some(response)) = (leptos::nonce::use_nonce(), use_context::<leptos_axum::ResponseOptions>())
    else {
        return;
    };
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}' 'strict-dynamic' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; \
         font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    );
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response.insert_header(header::CONTENT_SECURITY_POLICY, policy);
    }
}

/// The shapes that pages use by name: state (`s-…`), steps of the lifecycle rail (`r-…`), icons (`i-…`).
#[component]
fn Sprite() -> impl IntoView {
    view! {
        <svg class="sprite" aria-hidden="true">
            <symbol id="s-neutral" viewBox="0 0 12 12"><circle cx="6" cy="6" r="4.25" fill="none" stroke="currentColor" stroke-width="1.5"/></symbol>
            <symbol id="s-info" viewBox="0 0 12 12"><circle cx="6" cy="6" r="4.25" fill="none" stroke="currentColor" stroke-width="1.5"/><path d="M6 1.5a4.5 4.5 0 0 1 0 9z" fill="currentColor"/></symbol>
            <symbol id="s-ok" viewBox="0 0 12 12"><path d="M1.8 6.4 4.8 9.4 10.4 2.8" fill="none" stroke="currentColor" stroke-width="2"/></symbol>
            <symbol id="s-warn" viewBox="0 0 12 12"><path d="M6 1 11.5 11H.5z" fill="currentColor"/></symbol>
            <symbol id="s-crit" viewBox="0 0 12 12"><path d="M6 .5 11.5 6 6 11.5.5 6z" fill="currentColor"/></symbol>
            <symbol id="s-hold" viewBox="0 0 12 12"><path d="M2 1.5h3v9H2zM7 1.5h3v9H7z" fill="currentColor"/></symbol>
            <symbol id="r-done" viewBox="0 0 16 16"><circle cx="8" cy="8" r="6" fill="currentColor"/></symbol>
            <symbol id="r-current" viewBox="0 0 16 16"><circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" stroke-width="2"/><path d="M8 2a6 6 0 0 1 0 12z" fill="currentColor"/></symbol>
            <symbol id="r-future" viewBox="0 0 16 16"><circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" stroke-width="1.5"/></symbol>
            <symbol id="r-skipped" viewBox="0 0 16 16"><path d="M3 8h10" stroke="currentColor" stroke-width="2"/></symbol>
            <symbol id="i-search" viewBox="0 0 16 16"><circle cx="7" cy="7" r="4.5" fill="none" stroke="currentColor" stroke-width="1.5"/><path d="m10.5 10.5 4 4" stroke="currentColor" stroke-width="1.5"/></symbol>
            <symbol id="i-bell" viewBox="0 0 16 16"><path d="M3 12V7a5 5 0 0 1 10 0v5M1.5 12h13M6.5 14.5h3" fill="none" stroke="currentColor" stroke-width="1.5"/></symbol>
            <symbol id="i-down" viewBox="0 0 10 10"><path d="m1 3 4 4 4-4" fill="none" stroke="currentColor" stroke-width="1.5"/></symbol>
            <symbol id="i-copy" viewBox="0 0 16 16"><path d="M5.5 5.5h7v8h-7zM3.5 10.5v-8h7" fill="none" stroke="currentColor" stroke-width="1.2"/></symbol>
            <symbol id="i-more" viewBox="0 0 16 16"><path d="M2 7h2v2H2zM7 7h2v2H7zM12 7h2v2h-2z" fill="currentColor"/></symbol>
            <symbol id="i-close" viewBox="0 0 10 10"><path d="m1 1 8 8M9 1 1 9" stroke="currentColor" stroke-width="1.4"/></symbol>
            <symbol id="i-mark" viewBox="0 0 20 20"><path d="M1.5 1.5h11v6M1.5 1.5v11h5M18.5 18.5h-11v-6M18.5 18.5v-11h-5" fill="none" stroke="currentColor" stroke-width="2"/><path d="M7.5 7.5h5v5h-5z" fill="currentColor"/></symbol>
        </svg>
    }
}
