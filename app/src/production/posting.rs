//! `/postings/:id`: one posting that waits, and what somebody can do about it: correct what was reported, take it back, let it
//! go all the same, or have the ERP asked again.

use domain::access::Action;
use domain::id::ReportId;
use domain::production::Reported;
use domain::quantity::{Unit, parse_number};
use leptos::prelude::*;
use leptos::server_fn::ServerFn as _;
use leptos::server_fn::codec::PostUrl;
use leptos_router::hooks::use_params_map;
use serde::{Deserialize, Serialize};
use store::deliveries;
use store::posting_list::{self, Waiting};
use store::postings::{self, Correction};
use uuid::Uuid;

use super::words;
use crate::error::AppError;
use crate::exchange::act::refused;
use crate::form::{Done, FieldProblem, Form, Kept};
use crate::loaded;
use crate::page::Around;
use crate::request;
use crate::ui::empty::EmptyState;
use crate::ui::field::Field;
use crate::ui::header::{Breadcrumb, Crumb, PageHeader};
use crate::ui::tag::{id, tag};
use crate::ui::time::{duration, instant_with_zone};

/// What was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Typed {
    act: String,
    quantity: String,
    unit: String,
    lot: String,
    reason: String,
}

struct View {
    around: Around,
    report_id: ReportId,
    waiting: Option<Waiting>,
    kept: Option<Kept<Typed>>,
    submission: Uuid,
}

pub(super) fn page() -> impl IntoView {
    let typed = use_params_map().get_untracked().get("id").unwrap_or_default();
    loaded(load(typed), show)
}

fn form(report_id: ReportId) -> Form {
    Form::new("posting.decide", report_id, format!("/postings/{report_id}"))
}

async fn load(typed: String) -> Result<View, AppError> {
    let report_id: ReportId = typed.parse().map_err(|_| AppError::NotFound { what: "The posting".to_owned() })?;
    let mut tx = request::reader().await?;
    let around = Around::load(&mut tx).await?;
    let waiting = posting_list::list(&mut tx, None, Some(report_id), None, 1).await?.into_iter().next();
    Ok(View { report_id, waiting, kept: form(report_id).kept().await?, submission: tx.new_id(), around })
}

fn show(view: View) -> AnyView {
    let crumbs = vec![Crumb::link("Blocked postings", "/postings"), Crumb::here("Decide")];
    let Some(waiting) = &view.waiting else {
        let page = view! {
            <Breadcrumb crumbs=crumbs/>
            <PageHeader title="Posting".into_any() facts=Vec::new()/>
            <section class="sheet" aria-label="Posting">
                <EmptyState title="It does not wait any more" text="It was posted, taken back or corrected, or it never waited." action=Some(("Show what waits".to_owned(), "/postings".to_owned()))/>
            </section>
        };
        return view.around.clone().watching(view.report_id.0).frame("Posting", page);
    };
    let (order_id, number, plant) = &waiting.order;
    let (tone, said) = words::posting(None, Some(waiting.cause));
    let title = format!("{}: {}", words::kind(&waiting.what), words::reported(&waiting.what));
    let facts = vec![
        view! { "work order "<a class="id" href=words::href(order_id)>{number.clone()}</a> }.into_any(),
        format!("plant {plant}").into_any(),
        format!("waits for {}", duration(view.around.now() - waiting.recorded_at)).into_any(),
    ];
    let content = view! {
        <Breadcrumb crumbs=crumbs/>
        <PageHeader title=title.clone().into_any() beside=Some(tag(tone, said)) facts=facts/>
        {refused("Nothing was changed", view.kept.as_ref())}
        <div class="columns-8-4">
            <div class="stack">{cause_sheet(waiting)}{decide(&view, waiting)}</div>
            <div class="stack">{fact_sheet(waiting, &view.around)}</div>
        </div>
    };
    view.around.clone().watching(order_id.0).frame(title, content)
}

fn cause_sheet(waiting: &Waiting) -> AnyView {
    let whose = if waiting.ours { "Kept back by a rule of the portal." } else { "Refused by the ERP." };
    view! {
        <section class="sheet" aria-labelledby="cause-title">
            <div class="section-head"><h2 id="cause-title">"Why it waits"</h2></div>
            <div class="pad prose">
                <p dir="auto">{waiting.reason.clone()}</p>
                <p class="muted">{whose}" "{waiting.cause.way_out()}</p>
            </div>
        </section>
    }
    .into_any()
}

fn fact_sheet(waiting: &Waiting, around: &Around) -> AnyView {
    view! {
        <section class="sheet" aria-labelledby="facts-title">
            <div class="section-head"><h2 id="facts-title">"Report"</h2></div>
            <dl class="fact-list">
                <dt>"Its key"</dt><dd>{id(waiting.their_ref.clone())}</dd>
                <dt>"Happened"</dt><dd>{instant_with_zone(waiting.at, &around.reading)}</dd>
                <dt>"Learned"</dt><dd>{instant_with_zone(waiting.recorded_at, &around.reading)}</dd>
                <dt>"Behind it"</dt><dd class="num">{waiting.behind}</dd>
                <dt>"Delivery"</dt><dd><a href=format!("/deliveries/{}", waiting.delivery_id)>"Tries and payload"</a></dd>
            </dl>
        </section>
    }
    .into_any()
}

fn decide(view: &View, waiting: &Waiting) -> AnyView {
    if !view.around.viewer.may(Action::ManagePostings) {
        return view! {
            <section class="sheet" aria-label="Decide"><p class="pad muted">"Plant managers and integration admins decide on it."</p></section>
        }
        .into_any();
    }
    let kept = view.kept.as_ref();
    let typed =
        |act: &str| kept.filter(|kept| kept.typed.act == act).map(|kept| kept.typed.clone()).unwrap_or_default();
    let (quantity, unit, lot) = match &waiting.what {
        Reported::Consumed(it) => (it.quantity, it.unit.clone(), it.lot.clone()),
        Reported::Completed(it) => (it.quantity, it.unit.clone(), it.lot.clone()),
        _ => return ().into_any(),
    };
    let hidden = |act: &'static str| {
        view! {
            <input type="hidden" name="submission" value=view.submission.to_string()/>
            <input type="hidden" name="report" value=view.report_id.to_string()/>
            <input type="hidden" name="act" value=act/>
        }
    };
    let filled = |typed: String, now: String| if typed.is_empty() { now } else { typed };
    let input = |act: &'static str,
                 name: &'static str,
                 label: &'static str,
                 hint: &'static str,
                 value: String,
                 class: &'static str| {
        let field = format!("{act}-{name}");
        let about = field.clone();
        let problems: Vec<String> =
            kept.map(|kept| kept.about(&about).map(str::to_owned).collect()).unwrap_or_default();
        let invalid = (!problems.is_empty()).then_some("true");
        view! {
            <Field id=field.clone() label=label.to_owned() hint=hint.to_owned() problems=problems>
                <input class=class id=field name=name value=value aria-invalid=invalid autocomplete="off"/>
            </Field>
        }
        .into_any()
    };
    let correct = typed("correct");
    let correct_open = kept.is_none_or(|kept| kept.typed.act == "correct");
    let action = DecidePosting::url();
    let simple = |act: &'static str, title: &'static str, what: &'static str, button: &'static str| {
        let now = typed(act);
        let open = kept.is_some_and(|kept| kept.typed.act == act);
        view! {
            <section class="sheet" aria-label=title>
                <details class="disclose" open=open>
                    <summary>{title}</summary>
                    <form class="fields pad" method="post" action=action novalidate>
                        {hidden(act)}
                        <p class="small">{what}</p>
                        {input(act, "reason", "Why", "A few words; they stay with the report.", now.reason, "input")}
                        <div class="actions"><button class="button" type="submit">{button}</button></div>
                    </form>
                </details>
            </section>
        }
        .into_any()
    };
    let let_go = waiting.ours.then(|| {
        simple(
            "let_go",
            "Send it all the same",
            "It happened, and it is to be booked although the rule says no. The ERP may still refuse it.",
            "Send it",
        )
    });
    let retry = (!waiting.ours).then(|| {
        simple(
            "retry",
            "Ask the ERP again now",
            "The same posting with the same key: it cannot be booked twice.",
            "Ask again",
        )
    });
    view! {
        <section class="sheet" aria-label="Correct what was reported">
            <details class="disclose" open=correct_open>
                <summary>"Correct what was reported"</summary>
                <form class="fields pad" method="post" action=action novalidate>
                    {hidden("correct")}
                    <p class="small">"Another report takes its place. The original is kept; its effect on stock is taken back."</p>
                    {input("correct", "quantity", "Quantity", "", filled(correct.quantity, domain::quantity::grouped(quantity, 0)), "input num")}
                    {input("correct", "unit", "Unit", "", filled(correct.unit, unit.code().to_owned()), "input")}
                    {input("correct", "lot", "Lot", "The lot's number in the plant.", filled(correct.lot, lot.unwrap_or_default()), "input")}
                    {input("correct", "reason", "Why", "A few words; they stay with the report.", correct.reason, "input")}
                    <div class="actions"><button class="button primary" type="submit">"Correct"</button></div>
                </form>
            </details>
        </section>
        {let_go}
        {retry}
        {simple("cancel", "It did not happen", "The report is taken back with its effect on stock; nothing of it is booked.", "Take it back")}
    }
    .into_any()
}

/// What a person decides about a posting that waits.
#[server(input = PostUrl, prefix = "/do", endpoint = "decide-posting")]
pub async fn decide_posting(
    submission: Uuid,
    report: ReportId,
    act: String,
    #[server(default)] quantity: String,
    #[server(default)] unit: String,
    #[server(default)] lot: String,
    #[server(default)] reason: String,
) -> Result<(), AppError> {
    let typed = Typed { act, quantity, unit, lot, reason };
    let outcome = async {
        let mut tx = request::begin().await?;
        let said = match typed.act.as_str() {
            "correct" => {
                let correction = correction(&typed)?;
                let taken = postings::correct(&mut tx, report, submission, &correction, &typed.reason).await;
                match taken.map_err(|problem| at_field(problem.into(), "correct"))?.stop {
                    None => "The report is corrected; its posting goes to the ERP.".to_owned(),
                    Some((_, words)) => format!("The report is corrected, and waits as well: {words}"),
                }
            }
            "cancel" => {
                let cancelled = postings::cancel(&mut tx, report, submission, &typed.reason).await;
                cancelled.map_err(|problem| at_field(problem.into(), "cancel"))?;
                "The report is taken back.".to_owned()
            }
            "let_go" => {
                let gone = postings::let_go(&mut tx, report, &typed.reason).await;
                gone.map_err(|problem| at_field(problem.into(), "let_go"))?;
                "The posting goes to the ERP.".to_owned()
            }
            "retry" => {
                let waiting = posting_list::list(&mut tx, None, Some(report), None, 1).await?.into_iter().next();
                let waiting = waiting.ok_or_else(|| AppError::NotFound { what: "The posting".to_owned() })?;
                let tried = deliveries::retry(&mut tx, waiting.delivery_id, &typed.reason).await;
                tried.map_err(|problem| at_field(problem.into(), "retry"))?;
                "The ERP is asked again.".to_owned()
            }
            _ => return Err(AppError::Invalid { message: "Choose one of the buttons of the page.".to_owned() }),
        };
        tx.commit().await?;
        Ok(Done::at("/postings").saying(said))
    };
    form(report).answer(&typed, outcome.await).await
}

/// Words that are about the reason or the whole stand at the reason of the form that was sent.
fn at_field(error: AppError, act: &str) -> AppError {
    match error {
        AppError::Invalid { message } => {
            AppError::Fields { problems: vec![FieldProblem::new(format!("{act}-reason"), message)] }
        }
        other => other,
    }
}

fn correction(typed: &Typed) -> Result<Correction, AppError> {
    let problem = |field: &str, message: String| AppError::Fields { problems: vec![FieldProblem::new(field, message)] };
    let quantity = parse_number(&typed.quantity).map_err(|error| problem("correct-quantity", error.to_string()))?;
    if quantity <= domain::Decimal::ZERO {
        return Err(problem("correct-quantity", "Enter a quantity above 0, or take the report back.".to_owned()));
    }
    if typed.unit.trim().is_empty() {
        return Err(problem("correct-unit", "Enter a unit, e.g. PCE or KG.".to_owned()));
    }
    Ok(Correction {
        quantity: Some(quantity),
        unit: Some(Unit::new(&typed.unit)),
        lot: Some(typed.lot.trim().to_owned()).filter(|lot| !lot.is_empty()),
    })
}
