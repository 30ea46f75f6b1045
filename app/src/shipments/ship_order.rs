//! `/orders/:po/ship`: "ship this order as confirmed": everything of one order that is confirmed and not shipped, in one
//! step. Where lots, serials or packing are to be said, the same draft goes on in steps.

use domain::access::{Action, may};
use domain::calendar::today;
use domain::shipment::content::propose;
use leptos::prelude::*;
use leptos::server_fn::codec::PostUrl;
use leptos_router::hooks::use_params_map;
use store::orders;
use store::ship_notice_facts::{Candidate, Due, due};

use crate::address::encoded;
use crate::error::AppError;
use crate::form::{Done, Form};
use crate::loaded;
use crate::page::Around;
use crate::request;
use crate::ui::empty::EmptyState;
use crate::ui::field::{ErrorSummary, SummaryLine};
use crate::ui::header::{Breadcrumb, Crumb, PageHeader};
use crate::ui::number::quantity;
use crate::ui::tag::{id, tag};
use crate::ui::time::date_or_dash;
use crate::ui::tone::Tone;

use super::draft::{Draft, Fields};
use super::start::chosen;
use super::steps::{Step, StepView, begin, send_now};
use super::transport_step;

struct Loaded {
    number: String,
    lines: Vec<Candidate>,
    view: StepView,
    correlation: String,
}

pub(super) fn page() -> impl IntoView {
    let number = use_params_map().get_untracked().get("po").unwrap_or_default();
    loaded(load(number), show)
}

fn the_form(number: &str) -> Form {
    Form::new("ship-order", number, format!("/orders/{}/ship", encoded(number)))
}

async fn open_lines(tx: &mut store::Tx, number: &str) -> Result<Vec<Candidate>, AppError> {
    let lines = due(tx, &Due { order: Some(number.to_owned()), ..Due::default() }, 1_000).await?;
    // Should two ERPs share a number, the newest is meant, as on the order's page.
    let order_id = orders::get(tx, number).await?.order.order_id;
    Ok(lines.into_iter().filter(|line| line.line.order_id == order_id).collect())
}

async fn load(number: String) -> Result<Loaded, AppError> {
    let kept = the_form(&number).kept::<Draft>().await?;
    let mut tx = request::reader().await?;
    let around = Around::load(&mut tx).await?;
    may(&around.viewer.actor(), Action::SendShipNotice)?;
    let lines = open_lines(&mut tx, &number).await?;
    let today = lines.first().map_or_else(|| tx.now().date_naive(), |line| today(tx.now(), line.zone.0));
    let (draft, problems) = match kept {
        Some(kept) => (kept.typed, kept.problems),
        None => {
            let proposed = propose(&lines.iter().map(|one| one.line.clone()).collect::<Vec<_>>());
            let plant = lines.first().map_or("", |line| line.plant.0.as_str());
            (Draft::of_lines(&proposed, tx.new_id().to_string(), plant, today), Vec::new())
        }
    };
    let view = StepView {
        around,
        id: String::new(),
        draft,
        problems,
        findings: Vec::new(),
        known: std::collections::HashMap::new(),
        today,
    };
    Ok(Loaded { number, lines, view, correlation: request::correlation().to_string() })
}

/// Ships everything of an order that is open, or goes on with it in steps.
#[server(input = PostUrl, prefix = "/do", endpoint = "ship-order")]
pub async fn ship_order(order: String, #[server(default)] f: Fields) -> Result<(), AppError> {
    let form = the_form(&order);
    let mut draft = Draft { submission: f.get("submission").cloned().unwrap_or_default(), ..Draft::default() };
    draft.take_transport(&f);
    let prepared = async {
        let mut tx = request::reader().await?;
        may(tx.actor(), Action::SendShipNotice)?;
        let lines = open_lines(&mut tx, &order).await?;
        let (proposed, plant, today) = chosen(&lines, tx.now())?;
        draft.add_lines(&proposed);
        draft.plant = plant;
        Ok(today)
    }
    .await;
    let today = match prepared {
        Ok(today) => today,
        Err(error) => return form.answer(&draft, Err(error)).await,
    };
    if f.get("do").is_some_and(|press| press == "steps") {
        form.forget().await?;
        return begin(&draft, Step::Lines, None).await;
    }
    let outcome: Result<Done, AppError> = send_now(&draft, today).await;
    form.answer(&draft, outcome).await
}

fn show(loaded: Loaded) -> AnyView {
    let Loaded { number, lines, view, correlation } = loaded;
    let base = format!("/orders/{}", encoded(&number));
    let own = |field: &str| super::draft::TRANSPORT.contains(&field);
    let summary = (!view.problems.is_empty()).then(|| {
        let lines = view
            .problems
            .iter()
            .map(|it| SummaryLine {
                field: if own(&it.field) { it.field.clone() } else { String::new() },
                words: it.message.clone(),
            })
            .collect();
        let title = if view.problems.iter().all(|it| own(&it.field)) {
            "Nothing was sent. Look at what is marked"
        } else {
            "Nothing was sent. Some of it takes the steps: lots, serials or packing"
        };
        view! { <ErrorSummary title=title lines=lines correlation=correlation/> }
    });
    let proposed = propose(&lines.iter().map(|one| one.line.clone()).collect::<Vec<_>>());
    let takes_steps = lines.iter().any(|one| one.line.rules.lots || one.line.rules.serials);
    let rows = proposed
        .iter()
        .filter_map(|one| {
            let line = &lines.iter().find(|line| line.line.schedule_line_id == one.schedule_line_id)?.line;
            let needs = match (line.rules.lots, line.rules.serials) {
                (true, _) => tag(Tone::Warn, "needs lots"),
                (_, true) => tag(Tone::Warn, "needs serials"),
                _ => tag(Tone::Ok, "as confirmed"),
            };
            Some(view! {
                <tr>
                    <td class="a-id"><span class="id strong">{line.line.clone()}</span></td>
                    <td class="a-item"><span class="id item-no">{line.item.clone()}</span><span class="sub" dir="auto">{line.description.clone()}</span></td>
                    <td class="num a-num">{quantity(one.quantity, &line.unit)}</td>
                    <td class="nowrap a-due">{date_or_dash(one.due_on)}</td>
                    <td class="a-status">{needs}</td>
                </tr>
            })
        })
        .collect_view();
    let body = if proposed.is_empty() {
        view! { <section class="sheet"><EmptyState title="Nothing of it is open" text="What is confirmed is shipped; what is not confirmed has to be answered first." action=Some(("Back to the order".to_owned(), base.clone()))/></section> }.into_any()
    } else {
        view! {
            <form method="post" action="/do/ship-order" novalidate autocomplete="off">
                <button class="visually-hidden" type="submit" name="f[do]" value=if takes_steps { "steps" } else { "send" } tabindex="-1" aria-hidden="true">"Go on"</button>
                <input type="hidden" name="order" value=number.clone()/>
                <input type="hidden" name="f[submission]" value=view.draft.submission.clone()/>
                <div class="stack">
                    <section class="sheet table-region" aria-label="Lines">
                        <table class="data-table blocks" role="table">
                            <caption class="visually-hidden">"Lines that will be shipped as confirmed"</caption>
                            <thead><tr><th scope="col">"Line"</th><th scope="col">"Item"</th><th scope="col" class="num">"Quantity"</th><th scope="col">"Promised"</th><th scope="col">"Note"</th></tr></thead>
                            <tbody>{rows}</tbody>
                        </table>
                    </section>
                    {transport_step::fields(&view)}
                </div>
                <div class="submit-bar">
                    <span>{if takes_steps { "Lots and serials are entered in steps; what stands here goes along." } else { "Goes to the buyer, the dock and the ERP." }}</span>
                    <span class="push"></span>
                    <button class=if takes_steps { "button primary" } else { "button" } type="submit" name="f[do]" value="steps">"Go on in steps"</button>
                    {(!takes_steps).then(|| view! { <button class="button primary" type="submit" name="f[do]" value="send">"Ship as confirmed"</button> })}
                </div>
            </form>
        }
        .into_any()
    };
    let error = if view.problems.is_empty() { "" } else { "Error: " };
    let page = view! {
        <Breadcrumb crumbs=vec![Crumb::link("Orders", "/orders"), Crumb::link(number.clone(), base).mono(), Crumb::here("Ship")]/>
        <PageHeader title=view! { "Ship order "{id(number.clone())}" as confirmed" }.into_any()/>
        {summary}
        {body}
    };
    view.around.frame(format!("{error}Ship order {number}"), page)
}
