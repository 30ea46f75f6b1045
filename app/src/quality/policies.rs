//! `/quality/policies`: how many people it takes to end a hold, by plant and by the reason of the hold.

use domain::access::{Action, may};
use domain::hold::HoldReason;
use leptos::prelude::*;
use store::holds::policy::{self, PolicyRow};

use crate::address::encoded;
use crate::error::AppError;
use crate::loaded;
use crate::page::Around;
use crate::request;
use crate::ui::empty::EmptyState;
use crate::ui::header::{Breadcrumb, Crumb, PageHeader};
use crate::ui::time::instant;

struct List {
    around: Around,
    rows: Vec<PolicyRow>,
}

pub(super) fn page() -> impl IntoView {
    loaded(load(), show)
}

/// The word in the address.
pub(super) fn about_word(about: Option<HoldReason>) -> &'static str {
    about.map_or("any", HoldReason::as_str)
}

/// What a policy is about, in words.
pub(super) fn about_words(about: Option<HoldReason>) -> &'static str {
    about.map_or("any reason", HoldReason::words)
}

/// How many, in words.
pub(super) fn persons_words(two_persons: Option<bool>) -> &'static str {
    match two_persons {
        Some(true) => "two people",
        Some(false) => "one person",
        None => "as for any reason",
    }
}

/// The page of a policy.
pub(super) fn policy_href(plant: &str, about: Option<HoldReason>) -> String {
    format!("/quality/policies/{}/{}", encoded(plant), about_word(about))
}

async fn load() -> Result<List, AppError> {
    let mut tx = request::reader().await?;
    may(tx.actor(), Action::SeeQuality)?;
    let rows = policy::list(&mut tx).await?;
    Ok(List { around: Around::load(&mut tx).await?, rows })
}

fn show(list: List) -> AnyView {
    let List { around, rows } = list;
    let facts = vec![
        "counts for holds placed from then on".into_any(),
        "a hold on everything from one supplier always takes two people".into_any(),
    ];
    let plants = rows.chunk_by(|a, b| a.plant_id == b.plant_id).map(|rows| plant(rows, &around)).collect_view();
    let empty = rows.is_empty().then(
        || view! { <section class="sheet"><EmptyState title="No plant" text="The policies of your plants stand here."/></section> },
    );
    let page = view! {
        <Breadcrumb crumbs=vec![Crumb::link("Holds", "/holds"), Crumb::here("Who ends a hold")]/>
        <PageHeader title="Who ends a hold".into_any() facts=facts/>
        <div class="stack">{plants}{empty}</div>
    };
    around.frame("Who ends a hold", page)
}

fn plant(rows: &[PolicyRow], around: &Around) -> AnyView {
    let Some(first) = rows.first() else { return ().into_any() };
    let (code, name) = first.plant.clone();
    let manages = around.viewer.may(Action::ManageQualityRules);
    let all = std::iter::once(None).chain(HoldReason::ALL.iter().copied().map(Some));
    let body = all
        .map(|about| {
            let row = rows.iter().find(|row| row.about == about);
            let own = row.is_some_and(|row| row.two_persons.is_some());
            let persons = persons_words(row.and_then(|row| row.two_persons));
            let why = row.map(|row| row.reason.clone()).filter(|why| !why.is_empty()).unwrap_or_else(|| "–".to_owned());
            let (by, at) = match row.and_then(|row| row.set.clone()) {
                Some((by, at)) => (by, instant(at, &around.reading)),
                None => ("–".to_owned(), view! { <span class="muted">"–"</span> }.into_any()),
            };
            let href = policy_href(&code, about);
            let words = if manages { "Change" } else { "Open" };
            let label = format!("{words} the policy of plant {code} for {}", about_words(about));
            view! {
                <tr>
                    <td class="a-id"><a href=href aria-label=label>{about_words(about)}</a></td>
                    <td class="a-status"><span class=(!own).then_some("muted")>{persons}</span></td>
                    <td class="a-item"><span class="clip" dir="auto">{why}</span></td>
                    <td class="opt-1">{by}</td>
                    <td class="a-due nowrap">{at}</td>
                </tr>
            }
        })
        .collect_view();
    let title_id = format!("plant-{}", first.plant_id);
    let labelled_by = title_id.clone();
    view! {
        <section class="sheet table-region" aria-labelledby=labelled_by>
            <div class="section-head"><h2 id=title_id><span class="id">{code.clone()}</span>" "<span dir="auto">{name}</span></h2></div>
            <table class="data-table blocks" role="table">
                <caption class="visually-hidden">{format!("Who ends a hold in plant {code}")}</caption>
                <thead><tr>
                    <th scope="col">"Hold placed because of"</th><th scope="col">"Takes"</th><th scope="col">"Why"</th>
                    <th scope="col" class="opt-1">"By"</th><th scope="col">"Since"</th>
                </tr></thead>
                <tbody>{body}</tbody>
            </table>
        </section>
    }
    .into_any()
}
