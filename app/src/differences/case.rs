//! `/differences/:number`: what the supplier announced and what the dock counted, side by side, what both sides say of it,
//! and how it is settled.

use domain::access::Action;
use domain::confirmation::LONGEST_NOTE;
use domain::receipt::{CaseState, Difference, Outcome, Side};
use leptos::prelude::*;
use leptos::server_fn::ServerFn as _;
use leptos::server_fn::codec::PostUrl;
use leptos_router::hooks::use_params_map;
use serde::{Deserialize, Serialize};
use store::differences::{self, CaseRecord, Entry};
use store::receipt_photos::Photo;
use uuid::Uuid;

use super::list::allowed;
use crate::address::encoded;
use crate::error::AppError;
use crate::exchange::act::refused;
use crate::form::{Done, FieldProblem, Form, Kept};
use crate::inbound::photo::picture;
use crate::inbound::words;
use crate::loaded;
use crate::orders::inbound::oddity;
use crate::page::Around;
use crate::request;
use crate::ui::copy::copy_button;
use crate::ui::field::{Field, options};
use crate::ui::header::{Breadcrumb, Crumb, PageHeader};
use crate::ui::number::quantity;
use crate::ui::tag::{id, plain_tag, tag};
use crate::ui::time::{duration, instant, instant_with_zone};
use crate::ui::tone::Tone;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Typed {
    note: String,
    outcome: String,
}

struct Loaded {
    around: Around,
    record: CaseRecord,
    answering: Option<Kept<Typed>>,
    closing: Option<Kept<Typed>>,
    submissions: [Uuid; 2],
}

fn address(number: &str) -> String {
    format!("/differences/{}", encoded(number))
}

fn answer_form(number: &str) -> Form {
    Form::new("answer-difference", number, address(number))
}

fn close_form(number: &str) -> Form {
    Form::new("close-difference", number, address(number))
}

pub(super) fn page() -> impl IntoView {
    let number = use_params_map().get_untracked().get("number").unwrap_or_default();
    loaded(load(number), show)
}

async fn load(number: String) -> Result<Loaded, AppError> {
    let answering = answer_form(&number).kept::<Typed>().await?;
    let closing = close_form(&number).kept::<Typed>().await?;
    let mut tx = request::reader().await?;
    let around = Around::load(&mut tx).await?;
    allowed(&around)?;
    let record = differences::get(&mut tx, &number).await?;
    let submissions = [tx.new_id(), tx.new_id()];
    Ok(Loaded { around, record, answering, closing, submissions })
}

fn show(loaded: Loaded) -> AnyView {
    let Loaded { around, record, answering, closing, submissions: [first, second] } = loaded;
    let supplier = around.viewer.is_supplier();
    let (tone, state) = words::case_state(record.state, supplier);
    let number = record.number.clone();
    let mut facts = Vec::new();
    if !supplier {
        facts.push(view! { {record.supplier.1.clone()}" "{id(record.supplier.0.clone())} }.into_any());
    }
    facts.push(view! { {id(record.plant.0.clone())}{format!(" {}", record.plant.1)} }.into_any());
    if let Some((notice, delivery_note)) = &record.notice {
        facts.push(view! { <a class="id" href=format!("/shipments/{}", encoded(notice))>{notice.clone()}</a>" "{format!("delivery note {delivery_note}")} }.into_any());
    }
    facts.push(view! { "receipt "<a class="id" href=format!("/receipts/{}", encoded(&record.receipt))>{record.receipt.clone()}</a> }.into_any());
    let age = match record.settled {
        Some((_, at)) => view! { "settled "{instant_with_zone(at, &around.reading)} }.into_any(),
        None => format!("open for {}", duration(around.now() - record.opened_at)).into_any(),
    };
    facts.push(age);
    let open = record.state != CaseState::Closed;
    let may_answer = open
        && if supplier { around.viewer.may(Action::SendShipNotice) } else { around.viewer.may(Action::SeeInbound) };
    let may_close = open && !supplier && around.viewer.may(Action::SettleDifference);
    let settled = record.settled.map(|(outcome, _)| {
        view! { <p class="notice" data-tone="ok"><span>{format!("Settled: {}.", words::outcome(outcome))}</span></p> }
    });
    let page = view! {
        <Breadcrumb crumbs=vec![Crumb::link("Differences", "/differences"), Crumb::here(number.clone()).mono()]/>
        <PageHeader title=view! { "Difference "{id(number.clone())} }.into_any() beside=Some(view! { {copy_button(number.clone(), "number")}{tag(tone, state)} }.into_any()) facts=facts/>
        {refused("Your answer was not sent", answering.as_ref())}
        {refused("Not settled yet", closing.as_ref())}
        <div class="stack">
            {settled}
            {both(&record.lines)}
            {photos(&record.photos)}
            <div class="columns-8-4">
                {talk(&record, &around)}
                <div class="stack">
                    {may_answer.then(|| answer(&number, supplier, first, answering.as_ref()))}
                    {may_close.then(|| close(&number, second, closing.as_ref()))}
                </div>
            </div>
        </div>
    };
    around.frame(format!("Difference {number}"), page)
}

/// Both views, line by line.
fn both(lines: &[Difference]) -> AnyView {
    let rows = lines
        .iter()
        .map(|line| {
            let came = line.received.saturating_add(line.damaged);
            let damaged = (!line.damaged.is_zero()).then(|| view! { <span class="sub">{quantity(line.damaged, &line.unit)}" of it damaged"</span> });
            let told = line.told.map(|told| view! { <span class="sub">"another system counted "{quantity(told, &line.unit)}</span> });
            view! {
                <tr>
                    <td class="a-id"><span class="id item-no">{line.item.clone()}</span>{line.lot.clone().map(|lot| view! { <span class="id lot">{lot}</span> })}</td>
                    <td class="num a-num" data-label="announced">{quantity(line.announced, &line.unit)}</td>
                    <td class="num a-due" data-label="received">{quantity(came, &line.unit)}{damaged}{told}</td>
                    <td class="a-status">{plain_tag(Tone::Warn, oddity(line.oddity))}<span class="sub">{words::difference(line)}</span></td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <section class="sheet table-region" aria-labelledby="both-title">
            <div class="section-head"><h2 id="both-title">"Both views"<span>{lines.len()}</span></h2></div>
            <table class="data-table blocks" role="table">
                <caption class="visually-hidden">"What was announced and what was received"</caption>
                <thead><tr><th scope="col">"Item and lot"</th><th scope="col" class="num">"Supplier announced"</th><th scope="col" class="num">"Dock received"</th><th scope="col">"Difference"</th></tr></thead>
                <tbody>{rows}</tbody>
            </table>
        </section>
    }
    .into_any()
}

/// What the dock photographed, for both sides.
fn photos(photos: &[Photo]) -> AnyView {
    if photos.is_empty() {
        return ().into_any();
    }
    let list = photos
        .iter()
        .map(|photo| {
            let lot = photo.lot.as_deref().map(|lot| format!(" lot {lot}")).unwrap_or_default();
            let what = format!("{}{lot}", photo.item);
            view! {
                <li>
                    {picture(&photo.document, &what)}
                    <p class="small">{what}" · receipt "<a class="id" href=format!("/receipts/{}", encoded(&photo.receipt))>{photo.receipt.clone()}</a></p>
                    <p class="small muted" dir="auto">{photo.document.name.clone()}</p>
                </li>
            }
        })
        .collect_view();
    view! {
        <section class="sheet" aria-labelledby="photos-title">
            <div class="section-head"><h2 id="photos-title">"Photos of the damage"<span>{photos.len()}</span></h2></div>
            <ul class="photos">{list}</ul>
        </section>
    }
    .into_any()
}

fn talk(record: &CaseRecord, around: &Around) -> AnyView {
    let side = |entry: &Entry| match entry.side {
        Side::Supplier => "Supplier",
        Side::House => "Plant",
    };
    let rows = record
        .entries
        .iter()
        .map(|entry| {
            view! {
                <li class="said" data-side=entry.side.as_str()>
                    <p class="small muted"><b>{side(entry)}</b>" · "{entry.actor.name().to_owned()}" · "{instant(entry.at, &around.reading)}</p>
                    <p dir="auto">{entry.note.clone()}</p>
                </li>
            }
        })
        .collect_view();
    let nothing = record
        .entries
        .is_empty()
        .then(|| view! { <p class="muted small nothing">"Nobody has said anything about it yet."</p> });
    view! {
        <section class="sheet" aria-labelledby="talk-title">
            <div class="section-head"><h2 id="talk-title">"What both sides say"<span>{record.entries.len()}</span></h2></div>
            {nothing}
            <ol class="talk">{rows}</ol>
        </section>
    }
    .into_any()
}

fn problems(kept: Option<&Kept<Typed>>, field: &str) -> Vec<String> {
    kept.map(|kept| kept.about(field).map(str::to_owned).collect()).unwrap_or_default()
}

fn answer(number: &str, supplier: bool, submission: Uuid, kept: Option<&Kept<Typed>>) -> AnyView {
    let wrong = problems(kept, "note");
    let invalid = (!wrong.is_empty()).then_some("true");
    let typed = kept.map(|kept| kept.typed.note.clone()).unwrap_or_default();
    let hint = if supplier { "The buyer and the dock read it." } else { "The supplier reads it." };
    view! {
        <form class="sheet pad form-sheet" method="post" action=AnswerDifference::url() novalidate>
            <input type="hidden" name="number" value=number.to_owned()/>
            <input type="hidden" name="submission" value=submission.to_string()/>
            <Field id="note" label="How you see it" hint=hint problems=wrong>
                <textarea class="input text" id="note" name="note" rows="3" maxlength=LONGEST_NOTE.to_string() aria-invalid=invalid required>{typed}</textarea>
            </Field>
            <button class=if supplier { "button primary" } else { "button" } type="submit">"Send answer"</button>
        </form>
    }
    .into_any()
}

fn close(number: &str, submission: Uuid, kept: Option<&Kept<Typed>>) -> AnyView {
    let (wrong, wrong_outcome) = (problems(kept, "note"), problems(kept, "outcome"));
    let invalid = (!wrong.is_empty()).then_some("true");
    let invalid_outcome = (!wrong_outcome.is_empty()).then_some("true");
    let typed = kept.map(|kept| kept.typed.clone()).unwrap_or_default();
    let list = std::iter::once((String::new(), "choose".to_owned()))
        .chain(Outcome::ALL.iter().map(|outcome| (outcome.as_str().to_owned(), words::outcome(*outcome).to_owned())));
    let list = options(list, &typed.outcome);
    view! {
        <form class="sheet pad form-sheet fields" method="post" action=CloseDifference::url() novalidate>
            <input type="hidden" name="number" value=number.to_owned()/>
            <input type="hidden" name="submission" value=submission.to_string()/>
            <Field id="outcome" label="How it is settled" problems=wrong_outcome>
                <select class="input" id="outcome" name="outcome" aria-invalid=invalid_outcome>{list}</select>
            </Field>
            <Field id="closing-note" label="What the supplier reads" problems=wrong>
                <textarea class="input text" id="closing-note" name="note" rows="2" maxlength=LONGEST_NOTE.to_string() aria-invalid=invalid required>{typed.note}</textarea>
            </Field>
            <button class="button primary" type="submit">"Settle"</button>
        </form>
    }
    .into_any()
}

/// A side says how it sees a difference.
#[server(input = PostUrl, prefix = "/do", endpoint = "answer-difference")]
pub async fn answer_difference(
    number: String,
    submission: Uuid,
    #[server(default)] note: String,
) -> Result<(), AppError> {
    let typed = Typed { note, outcome: String::new() };
    let outcome = async {
        let mut tx = request::begin().await?;
        differences::answer(&mut tx, &number, &typed.note, submission).await?;
        tx.commit().await?;
        Ok(Done::at(address(&number)).saying("Your answer was sent."))
    };
    answer_form(&number).answer(&typed, outcome.await).await
}

/// The buyer settles a difference.
#[server(input = PostUrl, prefix = "/do", endpoint = "close-difference")]
pub async fn close_difference(
    number: String,
    submission: Uuid,
    #[server(default)] outcome: String,
    #[server(default)] note: String,
) -> Result<(), AppError> {
    let typed = Typed { note, outcome };
    let result = async {
        let Ok(chosen) = typed.outcome.parse::<Outcome>() else {
            return Err(AppError::Fields { problems: vec![FieldProblem::new("outcome", "Choose how it is settled.")] });
        };
        let mut tx = request::begin().await?;
        differences::close(&mut tx, &number, chosen, &typed.note, submission).await?;
        tx.commit().await?;
        Ok(Done::at(address(&number))
            .saying(format!("{number} is settled: {}.", words::outcome(chosen).to_lowercase())))
    };
    close_form(&number).answer(&typed, result.await).await
}
