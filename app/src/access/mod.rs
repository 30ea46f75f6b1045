//! Coming in and going out: sign-in, sign-out, one-time links, passwords, the own sessions and the look.

pub mod links;
pub mod profile;
pub mod sign_in;
pub mod sign_out;

#[cfg(feature = "ssr")]
mod doors;
#[cfg(feature = "ssr")]
pub mod throttle;
#[cfg(feature = "ssr")]
pub use doors::{DoorSettings, Doors};

use leptos::prelude::*;

use crate::form::FieldProblem;

/// What is wrong with a form, above it, with a link to each field.
fn summary(problems: &[FieldProblem]) -> impl IntoView + use<> {
    if problems.is_empty() {
        return ().into_any();
    }
    let lines: Vec<_> = problems
        .iter()
        .map(|problem| {
            let message = problem.message.clone();
            if problem.field.is_empty() {
                view! { <p>{message}</p> }.into_any()
            } else {
                view! { <p><a href=format!("#{}", problem.field)>{message}</a></p> }.into_any()
            }
        })
        .collect();
    view! {
        <section class="error-summary" role="alert" aria-labelledby="err-title" tabindex="-1">
            <svg class="shape" aria-hidden="true"><use href="#s-crit"/></svg>
            <h2 id="err-title">"There is a problem"</h2>
            {lines}
        </section>
    }
    .into_any()
}

/// The sheet that the pages outside the frame share.
fn sheet(organisation: String, content: AnyView, more: AnyView) -> impl IntoView {
    view! {
        <a class="skip-link" href="#main">"Skip to content"</a>
        <main class="sign-in" id="main">
            <div class="sheet sign-in-sheet">
                <header>
                    <svg class="icon" aria-hidden="true"><use href="#i-mark"/></svg>
                    <span>"Interlock"</span>
                    <small>{organisation}" · supplier portal"</small>
                </header>
                {content}
                {more}
            </div>
            <footer><span>"Version "{env!("CARGO_PKG_VERSION")}</span></footer>
        </main>
    }
}
