//! The document around every page: head, content security policy, sprite.
//!
//! Rendered by the server alone. The nonce of leptos' own scripts is in the policy; there is no other inline script, no
//! inline style and no other origin.

#[cfg(feature = "ssr")]
use http::{HeaderValue, header, request::Parts};
use leptos::prelude::*;
use leptos_meta::{HashedStylesheet, MetaTags};

use crate::App;
#[cfg(feature = "ssr")]
use crate::error::{AppError, ErrorPage};
use crate::ui::sprite::Sprite;

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
