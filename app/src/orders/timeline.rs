//! `/timeline/:correlation`: everything that belongs to one correlation id, from the form to the ERP's document.
//!
//! The id stands on every error page and on every row of a timeline. Who pastes one sees what is in his scope; the rest
//! does not exist for him.

use domain::id::CorrelationId;
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use store::timeline::{self, Entry};

use crate::error::AppError;
use crate::loaded;
use crate::page::Around;
use crate::request;
use crate::ui::copy::copy_button;
use crate::ui::empty::EmptyState;
use crate::ui::header::{Breadcrumb, Crumb, PageHeader};
use crate::ui::number::counted;
use crate::ui::time::duration;

use super::history::{self, Shown};

struct Loaded {
    around: Around,
    correlation: CorrelationId,
    entries: Vec<Entry>,
}

pub(super) fn page() -> impl IntoView {
    let typed = use_params_map().get_untracked().get("correlation").unwrap_or_default();
    loaded(load(typed), show)
}

async fn load(typed: String) -> Result<Loaded, AppError> {
    let correlation: CorrelationId =
        typed.trim().parse().map_err(|_| AppError::NotFound { what: "A correlation id of this form".to_owned() })?;
    let mut tx = request::reader().await?;
    let around = Around::load(&mut tx).await?;
    let entries = timeline::of_correlation(&mut tx, correlation).await?;
    Ok(Loaded { around, correlation, entries })
}

fn show(loaded: Loaded) -> AnyView {
    let Loaded { around, correlation, entries } = loaded;
    let words = correlation.to_string();
    let mut facts = vec![counted(i64::try_from(entries.len()).unwrap_or(i64::MAX), "event", "events").into_any()];
    if let (Some(last), Some(first)) = (entries.first(), entries.last()) {
        let end = entries
            .iter()
            .flat_map(|entry| &entry.deliveries)
            .filter_map(|trip| trip.finished_at)
            .max()
            .unwrap_or(last.at)
            .max(last.at);
        facts.push(format!("began {}", around.reading.with_zone(first.at)).into_any());
        facts.push(format!("took {}", duration(end - first.at)).into_any());
    }
    let body = if entries.is_empty() {
        let text =
            "Nothing happened under this reference, or it is not for you to see. Pages that only read leave no events.";
        view! { <EmptyState title="No events" text=text/> }.into_any()
    } else {
        history::list(&entries, &around, Shown::All, true)
    };
    let page = view! {
        <Breadcrumb crumbs=vec![Crumb::link("Orders", "/orders"), Crumb::here("Timeline")]/>
        <PageHeader
            title="Timeline".into_any()
            beside=Some(view! { <span class="id muted">{words.clone()}</span>{copy_button(words.clone(), "correlation id")} }.into_any())
            facts=facts
        />
        <section class="sheet" aria-label="Events">{body}</section>
    };
    around.frame("Timeline", page)
}
