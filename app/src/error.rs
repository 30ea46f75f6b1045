//! What can go wrong on a page, in words for the person who sees it.
//!
//! A server function gives an [`AppError`]; a page shows it with [`ErrorPage`], which also sets the HTTP status. A form's
//! refusal is not shown here but beside what was typed, see [`crate::form`]. What happened inside stays in the log, under
//! the correlation id that the page names.

use domain::confirmation::Problem;
use leptos::prelude::*;
use leptos::server_fn::codec::JsonEncoding;
use leptos::server_fn::error::{FromServerFnError, ServerFnErrorErr};
use serde::{Deserialize, Serialize};

use crate::form::FieldProblem;

/// Why a page cannot be shown or a command was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum AppError {
    /// Nobody is signed in, or no longer.
    #[error("Please sign in.")]
    NotSignedIn,
    /// It does not exist, or is not for this person to see; both look the same.
    #[error("{what} was not found.")]
    NotFound {
        /// What was looked for, as a sentence begins: `The order`.
        what: String,
    },
    /// A one-time link that was used, ran out or was replaced; one that never was looks the same.
    #[error("This link does not work any more: it was used, ran out, or was replaced by a newer one.")]
    LinkSpent,
    /// The person's roles do not allow it.
    #[error("{why}")]
    Denied {
        /// Which role it takes.
        why: String,
    },
    /// Somebody else was faster; nothing was changed.
    #[error("{message}")]
    Conflict {
        /// What changed, and what to do.
        message: String,
    },
    /// It came from a page of another site.
    #[error("This request came from a page of another site. Nothing was changed.")]
    Foreign,
    /// Not a request that this address takes.
    #[error("{message}")]
    Malformed {
        /// The HTTP status.
        status: u16,
        /// What it takes instead.
        message: String,
    },
    /// Not understood, with the way to mend it.
    #[error("{message}")]
    Invalid {
        /// What is wrong and how to mend it.
        message: String,
    },
    /// Typed in a way that cannot be used, field by field.
    #[error("{}", problems.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>().join(" "))]
    Fields {
        /// What is wrong.
        problems: Vec<FieldProblem>,
    },
    /// A rule says no, field by field.
    #[error("{}", problems.first().map_or_else(|| "This cannot be done.".to_owned(), |problem| problem.refusal.to_string()))]
    Refused {
        /// What is wrong.
        problems: Vec<Problem>,
    },
    /// More than the portal's limit, in bytes.
    #[error("What was sent is larger than the {} KiB that a form may have. Nothing was changed.", limit / 1024)]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// Too many tries in a short time.
    #[error("Too many tries. Wait {seconds} s and try again.")]
    TooMany {
        /// When to come back.
        seconds: u64,
    },
    /// The database or the time ran out; trying again may help.
    #[error("The portal cannot answer at the moment. Nothing was changed. Try again in a minute.")]
    Unavailable {
        /// To be named to support.
        correlation: String,
    },
    /// Our own mistake.
    #[error("Something went wrong on our side. Nothing was changed.")]
    Internal {
        /// To be named to support.
        correlation: String,
    },
}

impl AppError {
    /// The HTTP status that says the same to a machine.
    pub const fn status(&self) -> u16 {
        match self {
            Self::NotSignedIn => 401,
            Self::NotFound { .. } | Self::LinkSpent => 404,
            Self::Denied { .. } | Self::Foreign => 403,
            Self::Malformed { status, .. } => *status,
            Self::Conflict { .. } => 409,
            Self::Invalid { .. } | Self::Fields { .. } | Self::Refused { .. } => 422,
            Self::TooLarge { .. } => 413,
            Self::TooMany { .. } => 429,
            Self::Unavailable { .. } => 503,
            Self::Internal { .. } => 500,
        }
    }

    /// The heading of its page.
    pub const fn title(&self) -> &'static str {
        match self {
            Self::NotSignedIn => "Please sign in",
            Self::NotFound { .. } | Self::LinkSpent => "Not found",
            Self::Denied { .. } | Self::Foreign => "Not allowed",
            Self::Malformed { .. } => "Not understood",
            Self::Conflict { .. } => "Changed in the meantime",
            Self::Invalid { .. } | Self::Fields { .. } | Self::Refused { .. } => "This cannot be done",
            Self::TooLarge { .. } => "Too large",
            Self::TooMany { .. } => "Too many tries",
            Self::Unavailable { .. } => "Not available at the moment",
            Self::Internal { .. } => "Something went wrong",
        }
    }

    /// What to do next, in one sentence.
    pub const fn advice(&self) -> &'static str {
        match self {
            Self::NotSignedIn => "Sign in, and you come back to this page.",
            Self::NotFound { .. } => {
                "Check the address, or look for it in the list. If you were sent here, ask for the number."
            }
            Self::LinkSpent => "Ask whoever sent it for another one.",
            Self::Denied { .. } => "If you need this for your work, ask your administrator for the role.",
            Self::Foreign => "Open the portal itself and send the form from there.",
            Self::Malformed { .. } => "Open the page again and send its form from there.",
            Self::Conflict { .. } => "Open the page again to see what it is now. Nothing you typed was sent.",
            Self::Invalid { .. } | Self::Fields { .. } | Self::Refused { .. } => {
                "Go back, correct it, and send it again."
            }
            Self::TooLarge { .. } => "Send less at once: shorter notes, or fewer lines.",
            Self::TooMany { .. } => "The limit protects your account from guessing.",
            Self::Unavailable { .. } => "What you had sent before is safe.",
            Self::Internal { .. } => "Try again. If it stays, give the reference below to support.",
        }
    }
}

/// What the framework itself refuses: a form with a field missing or misspelt, a broken request.
impl FromServerFnError for AppError {
    type Encoder = JsonEncoding;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        match error {
            ServerFnErrorErr::Args(problem)
            | ServerFnErrorErr::MissingArg(problem)
            | ServerFnErrorErr::Deserialization(problem) => Self::Invalid {
                message: format!(
                    "The form was not understood ({problem}). Open the page again and send it from there."
                ),
            },
            ServerFnErrorErr::Request(_) => Self::Unavailable { correlation: String::new() },
            _ => Self::Internal { correlation: String::new() },
        }
    }
}

#[cfg(feature = "ssr")]
mod on_the_server {
    use domain::refusal::Weight;
    use store::{CommandError, StoreError};

    use super::AppError;
    use crate::form::FieldProblem;
    use crate::request;

    impl From<StoreError> for AppError {
        fn from(error: StoreError) -> Self {
            let correlation = request::correlation();
            if error.is_transient() {
                tracing::warn!(error = &error as &dyn std::error::Error, correlation.id = %correlation, "The database did not answer a page in time");
                return Self::Unavailable { correlation: correlation.to_string() };
            }
            tracing::error!(error = &error as &dyn std::error::Error, correlation.id = %correlation, "A page could not read or write the database");
            Self::Internal { correlation: correlation.to_string() }
        }
    }

    impl From<CommandError> for AppError {
        fn from(error: CommandError) -> Self {
            match error {
                CommandError::Refused { problems } => Self::Refused { problems },
                CommandError::Stopped { findings } => Self::Fields {
                    problems: findings
                        .into_iter()
                        .filter(|finding| finding.weight == Weight::Stops)
                        .map(|finding| FieldProblem::new(finding.at, finding.message))
                        .collect(),
                },
                CommandError::NotFound { what } => {
                    let mut letters = what.chars();
                    let what =
                        letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default();
                    Self::NotFound { what }
                }
                CommandError::Invalid(message) => Self::Invalid { message },
                CommandError::NotYet { what } => Self::Invalid { message: format!("{what} is not known here yet.") },
                CommandError::Denied(why) => {
                    tracing::warn!(correlation.id = %request::correlation(), why, "An action was denied");
                    Self::Denied { why }
                }
                CommandError::Store(error) => error.into(),
            }
        }
    }

    impl From<domain::access::Denied> for AppError {
        fn from(denied: domain::access::Denied) -> Self {
            CommandError::from(denied).into()
        }
    }
}

/// An error where a page should be: what happened, what to do, and the reference for support. Sets the HTTP status; who
/// is not signed in is sent to the sign-in page and comes back from there.
#[component]
pub fn ErrorPage(
    /// What happened.
    error: AppError,
) -> impl IntoView {
    #[cfg(feature = "ssr")]
    crate::request::answer_with(&error);
    let reference = reference(&error);
    view! {
        <leptos_meta::Title text=error.title()/>
        <section class="sheet sign-in-form error-page" aria-labelledby="error-title">
            <h1 id="error-title">{error.title()}</h1>
            <p>{error.to_string()}</p>
            <p class="muted">{error.advice()}</p>
            {reference.map(|reference| view! { <p class="small muted">"Reference for support: "<span class="id" data-correlation>{reference}</span></p> })}
            <p><a class="button" href="/">"Go to the start page"</a></p>
        </section>
    }
}

/// Every error page names its correlation id, also where the error itself does not carry one.
fn reference(error: &AppError) -> Option<String> {
    match error {
        AppError::Unavailable { correlation } | AppError::Internal { correlation } if !correlation.is_empty() => {
            Some(correlation.clone())
        }
        #[cfg(feature = "ssr")]
        _ => Some(crate::request::correlation().to_string()),
        #[cfg(not(feature = "ssr"))]
        _ => None,
    }
}
