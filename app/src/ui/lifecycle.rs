//! The lifecycle rail: the stops of a document, left to right, each with system, document number, time and lag.

use leptos::prelude::*;

use super::sprite::symbol;

/// How far a stop is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopState {
    /// Passed.
    Done,
    /// Passed by a part.
    Partly,
    /// Under way.
    Current,
    /// Went wrong and needs a person.
    Failed,
    /// Still to come.
    Future,
    /// Not needed, or not for the reader.
    Skipped,
}

impl StopState {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Partly => "partly",
            Self::Current => "current",
            Self::Failed => "failed",
            Self::Future => "future",
            Self::Skipped => "skipped",
        }
    }

    const fn symbol(self) -> &'static str {
        match self {
            Self::Done => "r-done",
            Self::Partly | Self::Current => "r-current",
            Self::Failed => "r-failed",
            Self::Future => "r-future",
            Self::Skipped => "r-skipped",
        }
    }

    /// For people who do not see the drawing.
    const fn words(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Partly => "partly done",
            Self::Current => "under way",
            Self::Failed => "failed",
            Self::Future => "to come",
            Self::Skipped => "not needed",
        }
    }
}

/// One stop.
pub struct Stop {
    /// How far.
    pub state: StopState,
    /// What it is: `In ERP`.
    pub name: &'static str,
    /// Which system says so.
    pub system: &'static str,
    /// The document there, as a [`super::tag::stamp`].
    pub document: Option<AnyView>,
    /// A fraction: `7 of 8 lines`.
    pub part: Option<String>,
    /// When, and how long after the stop before it; or what is known about the future.
    pub lag: Option<AnyView>,
    /// What is wrong or waits.
    pub note: Option<String>,
}

/// The rail as an ordered list, readable without its drawing.
#[component]
pub fn Lifecycle(
    /// The stops, left to right.
    stops: Vec<Stop>,
) -> impl IntoView {
    let stops = stops
        .into_iter()
        .map(|stop| {
            view! {
                <li data-state=stop.state.as_str()>
                    {symbol(stop.state.symbol(), "stop")}
                    <span class="name">{stop.name}<span class="visually-hidden">{format!(", {}", stop.state.words())}</span></span>
                    <span class="system">{stop.system}</span>
                    {stop.document}
                    {stop.part.map(|part| view! { <span class="part">{part}</span> })}
                    {stop.lag.map(|lag| view! { <span class="lag">{lag}</span> })}
                    {stop.note.map(|note| view! { <span class="note">{note}</span> })}
                </li>
            }
        })
        .collect_view();
    view! { <section class="sheet" aria-label="Lifecycle"><ol class="lifecycle">{stops}</ol></section> }
}
