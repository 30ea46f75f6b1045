//! `/shipments/new`: what is due, from the binding confirmations, to choose what goes into one ship notice; and the drafts
//! that were begun.

use domain::access::{Action, may};
use domain::calendar::today;
use domain::id::ScheduleLineId;
use domain::shipment::content::{Proposed, Shippable, propose};
use leptos::prelude::*;
use leptos::server_fn::codec::PostUrl;
use store::drafts;
use store::ship_notice_facts::{Candidate, Due, candidates, due};

use crate::error::AppError;
use crate::form::{Form, Kept};
use crate::loaded;
use crate::page::{self, Around};
use crate::request;
use crate::ui::empty::EmptyState;
use crate::ui::field::{ErrorSummary, SummaryLine};
use crate::ui::header::{Breadcrumb, Crumb, PageHeader};
use crate::ui::number::{counted, quantity};
use crate::ui::tag::{id, tag};
use crate::ui::time::{date_or_dash, instant_with_zone};
use crate::ui::tone::Tone;

use super::draft::{Draft, Fields};
use super::steps::{FORM, Step, begin, path};

/// Lines on the page; a supplier with more narrows them by order, item or plant.
const MOST: i64 = 200;

struct Loaded {
    around: Around,
    lines: Vec<Candidate>,
    begun: Vec<(String, Draft, chrono::DateTime<chrono::Utc>)>,
    /// The draft that lines are added to.
    draft: Option<(String, Draft)>,
    text: String,
    plant: String,
    kept: Option<Kept<Fields>>,
    correlation: String,
}

pub(super) fn page() -> impl IntoView {
    loaded(load(page::query()), show)
}

fn the_form() -> Form {
    Form::new("ship-choose", "", "/shipments/new")
}

async fn load(query: Vec<(String, String)>) -> Result<Loaded, AppError> {
    let kept = the_form().kept::<Fields>().await?;
    let mut tx = request::reader().await?;
    let around = Around::load(&mut tx).await?;
    may(&around.viewer.actor(), Action::SendShipNotice)?;
    let asked = |key: &str| {
        query.iter().find(|(name, _)| name == key).map_or(String::new(), |(_, value)| value.trim().to_owned())
    };
    let begun: Vec<_> = drafts::of_form(&mut tx, FORM)
        .await?
        .into_iter()
        .filter_map(|(id, draft)| Some((id, serde_json::from_value::<Draft>(draft.data).ok()?, draft.updated_at)))
        .collect();
    let wanted = asked("draft");
    let draft = begun.iter().find(|(id, ..)| *id == wanted).map(|(id, draft, _)| (id.clone(), draft.clone()));
    let (text, plant) = (asked("q"), draft.as_ref().map_or_else(|| asked("plant"), |(_, draft)| draft.plant.clone()));
    let which = Due {
        plant: Some(plant.clone()).filter(|plant| !plant.is_empty()),
        text: Some(text.clone()),
        ..Due::default()
    };
    let mut lines = due(&mut tx, &which, MOST).await?;
    if let Some((_, draft)) = &draft {
        lines.retain(|line| !draft.lines.iter().any(|known| known.id == line.line.schedule_line_id.to_string()));
    }
    Ok(Loaded { around, lines, begun, draft, text, plant, kept, correlation: request::correlation().to_string() })
}

/// Begins a ship notice with the chosen lines, or adds them to one that was begun.
#[server(input = PostUrl, prefix = "/do", endpoint = "start-shipment")]
pub async fn start_shipment(#[server(default)] draft: String, #[server(default)] f: Fields) -> Result<(), AppError> {
    let outcome = async {
        let mut tx = request::reader().await?;
        may(tx.actor(), Action::SendShipNotice)?;
        let ids: Vec<ScheduleLineId> = f.keys().filter_map(|key| key.strip_prefix("line-")?.parse().ok()).collect();
        let found = candidates(&mut tx, &ids, None).await?;
        let (proposed, plant, day) = chosen(&found, tx.now())?;
        if draft.is_empty() {
            let made = Draft::of_lines(&proposed, tx.new_id().to_string(), &plant, day);
            return Ok((made, None));
        }
        let form = Form::new(FORM, &draft, path(&draft, Step::Lines));
        let Some(kept) = form.kept::<Draft>().await? else {
            return Err(AppError::NotFound { what: "This draft".to_owned() });
        };
        let mut known = kept.typed;
        if known.plant != plant {
            return Err(AppError::Invalid { message: several(&known.plant, &plant) });
        }
        known.add_lines(&proposed);
        Ok((known, Some(form)))
    };
    match outcome.await {
        Ok((made, None)) => begin(&made, Step::Lines, None).await,
        Ok((known, Some(form))) => {
            form.keep(&known, &[]).await?;
            request::see_other(&path(&draft, Step::Lines));
            Ok(())
        }
        Err(error) => the_form().answer(&f, Err(error)).await,
    }
}

fn several(one: &str, other: &str) -> String {
    format!(
        "These lines go to {one} and {other}. A ship notice goes to one plant: choose the lines of one, and make a second notice for the other."
    )
}

/// What is proposed for these lines, the plant they go to, and today there.
pub(super) fn chosen(
    found: &[Candidate],
    now: chrono::DateTime<chrono::Utc>,
) -> Result<(Vec<Proposed>, String, domain::NaiveDate), AppError> {
    let lines: Vec<Shippable> = found.iter().map(|one| one.line.clone()).collect();
    let proposed = propose(&lines);
    let Some(first) = found.first().filter(|_| !proposed.is_empty()) else {
        return Err(AppError::Invalid { message: "Choose at least one line that is not shipped yet.".to_owned() });
    };
    if let Some(other) = found.iter().find(|one| one.plant.0 != first.plant.0) {
        return Err(AppError::Invalid { message: several(&first.plant.0, &other.plant.0) });
    }
    Ok((proposed, first.plant.0.clone(), today(now, first.zone.0)))
}

fn show(loaded: Loaded) -> AnyView {
    let Loaded { around, lines, begun, draft, text, plant, kept, correlation } = loaded;
    let ticked = kept.as_ref().map(|kept| kept.typed.clone()).unwrap_or_default();
    let problems = kept.map(|kept| kept.problems).unwrap_or_default();
    let summary = (!problems.is_empty()).then(|| {
        let lines = problems.iter().map(|it| SummaryLine { field: String::new(), words: it.message.clone() }).collect();
        view! { <ErrorSummary title="Choose other lines" lines=lines correlation=correlation/> }
    });
    let plants: std::collections::BTreeSet<String> = lines.iter().map(|line| line.plant.0.clone()).collect();
    let several = plants.len() > 1;
    let facts = vec![
        "lines that are confirmed and not yet shipped, the first due first".into_any(),
        if several {
            "a ship notice goes to one plant".into_any()
        } else {
            "one or several orders in one ship notice".into_any()
        },
    ];
    let count = i64::try_from(lines.len()).unwrap_or(0);
    let rows = propose(&lines.iter().map(|one| one.line.clone()).collect::<Vec<_>>())
        .into_iter()
        .filter_map(|one| {
            let candidate = lines.iter().find(|line| line.line.schedule_line_id == one.schedule_line_id)?;
            Some(row(candidate, &one, &ticked, &around))
        })
        .collect_view();
    let adding = draft.as_ref().map(|(id, _)| id.clone()).unwrap_or_default();
    let back =
        draft.as_ref().map(|(id, _)| view! { <a class="button" href=path(id, Step::Lines)>"Back to the draft"</a> });
    let list = if lines.is_empty() {
        let title = if text.is_empty() && plant.is_empty() { "Nothing is due" } else { "No line matches" };
        view! { <EmptyState title=title text="Only confirmed quantities that are in no other ship notice can be shipped." action=Some(("Show orders".to_owned(), "/orders?status=confirmed".to_owned()))/> }.into_any()
    } else {
        view! {
            <form method="post" action="/do/start-shipment">
                <input type="hidden" name="draft" value=adding.clone()/>
                <table class="data-table blocks" role="table">
                    <caption class="visually-hidden">"Lines that can be shipped"</caption>
                    <thead><tr><th scope="col"><span class="visually-hidden">"Choose"</span></th><th scope="col">"Order / line"</th><th scope="col">"Item"</th><th scope="col" class="num">"To ship"</th><th scope="col">"Promised"</th><th scope="col">"Plant"</th></tr></thead>
                    <tbody>{rows}</tbody>
                </table>
                <div class="submit-bar">
                    <span>{format!("{} could go into it", counted(count, "line", "lines"))}</span>
                    <span class="push"></span>
                    {back}
                    <button class="button primary" type="submit">{if adding.is_empty() { "Ship the chosen lines" } else { "Add the chosen lines" }}</button>
                </div>
            </form>
        }
        .into_any()
    };
    let drafts = (!begun.is_empty() && adding.is_empty()).then(|| {
        let rows = begun
            .iter()
            .map(|(id, draft, at)| {
                let what = match (&draft.amends, draft.text("delivery_note")) {
                    (Some((number, _)), _) => format!("Amendment of {number}"),
                    (None, "") => "New ship notice".to_owned(),
                    (None, note) => format!("Delivery note {note}"),
                };
                let lines = counted(i64::try_from(draft.lines.len()).unwrap_or(0), "line", "lines");
                view! { <li><a href=path(id, Step::Lines)>{what}</a><span class="muted">{format!("{lines} to {}", draft.plant)}</span><span class="end muted">{instant_with_zone(*at, &around.reading)}</span></li> }
            })
            .collect_view();
        view! {
            <section class="sheet" aria-labelledby="begun-title">
                <div class="section-head"><h2 id="begun-title">"Begun and not sent "<span>{begun.len()}</span></h2></div>
                <ul class="row-list">{rows}</ul>
            </section>
        }
    });
    let page = view! {
        <Breadcrumb crumbs=vec![Crumb::link("Shipments", "/shipments"), Crumb::here("New ship notice")]/>
        <PageHeader title="What do you ship?".into_any() facts=facts/>
        {summary}
        <div class="stack">
            {drafts}
            <form method="get" action="/shipments/new" class="search-form" role="search">
                {(!adding.is_empty()).then(|| view! { <input type="hidden" name="draft" value=adding.clone()/> })}
                <label class="visually-hidden" for="ship-q">"Order, item or words"</label>
                <input class="input" id="ship-q" name="q" value=text placeholder="Order, item or words"/>
                <label class="visually-hidden" for="ship-plant">"Plant"</label>
                <input class="input" id="ship-plant" name="plant" value=plant placeholder="Plant"/>
                <button class="button" type="submit">"Show"</button>
            </form>
            <section class="sheet table-region" aria-label="Lines">{list}</section>
        </div>
    };
    around.frame("New ship notice", page)
}

fn row(candidate: &Candidate, one: &Proposed, ticked: &Fields, around: &Around) -> AnyView {
    let line = &candidate.line;
    let key = format!("line-{}", line.schedule_line_id);
    let is_late = one.due_on.is_some_and(|on| on < today(around.now(), candidate.zone.0));
    let shipped = (!line.shipped.is_zero())
        .then(|| view! { <span class="sub">{quantity(line.shipped, &line.unit)}" shipped"</span> });
    let needs = match (line.rules.lots, line.rules.serials) {
        (true, true) => Some("lots and serials"),
        (true, false) => Some("lots"),
        (false, true) => Some("serials"),
        (false, false) => None,
    };
    view! {
        <tr data-edge=is_late.then_some("crit")>
            <td class="pick"><input type="checkbox" name=format!("f[{key}]") value="1" checked=ticked.contains_key(&key) aria-label=format!("Ship {}", line.name())/></td>
            <td class="a-id"><a class="id nowrap" href=format!("/orders/{}#line-{}", crate::address::encoded(&line.order), line.line)>{format!("{} / {}", line.order, line.line)}</a></td>
            <td class="a-item"><span class="id item-no">{line.item.clone()}</span><span class="sub" dir="auto">{line.description.clone()}</span>{needs.map(|needs| view! { <span class="sub">{format!("needs {needs}")}</span> })}</td>
            <td class="num a-num">{quantity(one.quantity, &line.unit)}{shipped}</td>
            <td class="nowrap a-due">{date_or_dash(one.due_on)}{is_late.then(|| tag(Tone::Crit, "late"))}</td>
            <td class="a-status">{id(candidate.plant.0.clone())}</td>
        </tr>
    }
    .into_any()
}
