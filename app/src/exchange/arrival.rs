//! `/arrivals/:id`: one message as it came, what became of it, and the way to apply it again.

use domain::access::Action;
use domain::exchange::ArrivalState;
use domain::id::ArrivalId;
use leptos::prelude::*;
use leptos::server_fn::ServerFn as _;
use leptos::server_fn::codec::PostUrl;
use leptos_router::hooks::use_params_map;
use store::exchange_list::arrivals::{self, ArrivalView};

use super::act::{Act, Acted, acts, refused};
use super::connection::id_of;
use super::{payload, words};
use crate::address::encoded;
use crate::error::AppError;
use crate::form::{Done, Form, Kept};
use crate::loaded;
use crate::page::Around;
use crate::request;
use crate::ui::copy::copy_button;
use crate::ui::header::{Breadcrumb, Crumb, PageHeader, disabled_button};
use crate::ui::number::counted;
use crate::ui::sprite::symbol;
use crate::ui::tag::tag;
use crate::ui::time::{Reading, instant, instant_with_zone};

struct One {
    around: Around,
    arrival: ArrivalView,
    kept: Option<Kept<Acted>>,
}

pub(super) fn page() -> impl IntoView {
    let id = use_params_map().read_untracked().get("id").unwrap_or_default();
    loaded(load(id), show)
}

async fn load(id: String) -> Result<One, AppError> {
    let id: ArrivalId = id_of(&id, "The arrival")?;
    let mut tx = request::reader().await?;
    let arrival = arrivals::get(&mut tx, id).await?;
    Ok(One { around: Around::load(&mut tx).await?, arrival, kept: the_form(&id.to_string()).kept().await? })
}

fn show(one: One) -> AnyView {
    let One { around, arrival, kept } = one;
    let reading = around.reading;
    let row = &arrival.row;
    let (tone, state) = words::arrival(row.state);
    let facts = vec![
        view! { "from "<a href=format!("/connections/{}", row.connection_id)>{row.connection.clone()}</a> }.into_any(),
        format!("through {}", row.channel).into_any(),
        view! { "received "{instant_with_zone(row.received_at, &reading)} }.into_any(),
    ];
    let title = format!("Message about {}", row.subject);
    let outcome = row.outcome.clone().map(|outcome| {
        view! { <p class="notice" data-tone=tone.as_str()>{symbol(tone.shape(), "shape")}<span dir="auto">{outcome}</span></p> }
    });
    let buttons = actions(row.state, &around, &row.arrival_id.to_string(), kept.as_ref());
    let page = view! {
        <Breadcrumb crumbs=vec![Crumb::link("Arrivals", "/arrivals"), Crumb::here(row.arrival_id.to_string()).mono()]/>
        <PageHeader title=title.clone().into_any() beside=Some(tag(tone, state)) facts=facts>
            {buttons}
        </PageHeader>
        {refused("Nothing was changed", kept.as_ref())}
        {outcome}
        <div class="columns-8-4">
            <div class="stack">{events(&arrival, &reading)}{body(&arrival)}</div>
            <div class="stack">{envelope(&arrival, &reading)}</div>
        </div>
    };
    around.frame(title, page)
}

fn actions(state: ArrivalState, around: &Around, id: &str, kept: Option<&Kept<Acted>>) -> AnyView {
    if !around.viewer.may(Action::ManageExchange) {
        return disabled_button("Apply again", "Applying a message again takes the role Integration admin.");
    }
    if state == ArrivalState::Received {
        return disabled_button("Apply again", "It waits to be applied already.");
    }
    let again = Act {
        act: "reapply",
        words: "Apply again",
        what: "Sends it through the ordinary path once more, in its place among the messages about the same thing. What it changed before is not changed twice.",
        primary: matches!(state, ArrivalState::NotUnderstood | ArrivalState::Refused),
    };
    acts(&[again], ReapplyArrival::url(), id, kept)
}

fn events(arrival: &ArrivalView, reading: &Reading) -> AnyView {
    let rows = arrival
        .events
        .iter()
        .map(|event| {
            let order = event.order.clone().map(|(_, number)| {
                let href = format!("/orders/{}", encoded(&number));
                view! { <a class="id" href=href>{number}</a> }
            });
            view! { <li><span>{words::event(event.kind)}</span>{order}<span class="end muted">{instant(event.at, reading)}</span></li> }
        })
        .collect_view();
    let content = if arrival.events.is_empty() {
        view! { <div class="empty"><p>"Nothing changed because of it."</p></div> }.into_any()
    } else {
        view! { <ul class="row-list">{rows}</ul> }.into_any()
    };
    view! {
        <section class="sheet" aria-labelledby="events-title">
            <div class="section-head"><h2 id="events-title">"What came of it"<span>{counted(i64::try_from(arrival.events.len()).unwrap_or(i64::MAX), "event", "events")}</span></h2></div>
            {content}
        </section>
    }
    .into_any()
}

fn body(arrival: &ArrivalView) -> AnyView {
    let content = match &arrival.body {
        Some(body) => payload::raw(body),
        None => view! { <div class="empty"><p>"The message may hold prices. Seeing it takes the role Integration admin."</p></div> }.into_any(),
    };
    view! {
        <section class="sheet" aria-labelledby="body-title">
            <div class="section-head"><h2 id="body-title">"As it came"<span>{format!("{}, {}", arrival.content_type, counted(arrival.bytes, "byte", "bytes"))}</span></h2></div>
            {content}
        </section>
    }
    .into_any()
}

fn envelope(arrival: &ArrivalView, reading: &Reading) -> AnyView {
    let row = &arrival.row;
    let correlation = row.correlation.to_string();
    let next = row.next_attempt_at.map(|at| view! { <dt>"Next try"</dt><dd>{instant_with_zone(at, reading)}</dd> });
    let finished = row.finished_at.map(|at| view! { <dt>"Finished"</dt><dd>{instant_with_zone(at, reading)}</dd> });
    view! {
        <section class="sheet" aria-labelledby="envelope-title">
            <div class="section-head"><h2 id="envelope-title">"Envelope"</h2></div>
            <dl class="fact-list">
                <dt>"Their key"</dt><dd class="id breaks">{row.external_key.clone()}</dd>
                <dt>"About"</dt><dd class="id breaks">{row.subject.clone()}</dd>
                <dt>"Came again"</dt><dd>{if row.repeats == 0 { "never".to_owned() } else { counted(row.repeats.into(), "time", "times") }}</dd>
                <dt>"Tries"</dt><dd>{row.attempts}</dd>
                {next}
                {finished}
                <dt>"Reference"</dt>
                <dd><a class="id breaks" href=format!("/timeline/{correlation}")>{correlation.clone()}</a>" "{copy_button(correlation, "reference")}</dd>
            </dl>
        </section>
    }
    .into_any()
}

/// Sends a message through the ordinary path again.
#[server(input = PostUrl, prefix = "/do", endpoint = "reapply-arrival")]
pub async fn reapply_arrival(id: String, act: String, #[server(default)] reason: String) -> Result<(), AppError> {
    let form = the_form(&id);
    let outcome = async {
        let arrival: ArrivalId = id_of(&id, "The arrival")?;
        let mut tx = request::begin().await?;
        store::arrivals::reapply(&mut tx, arrival, &reason).await?;
        tx.commit().await?;
        Ok(Done::at(format!("/arrivals/{arrival}")).saying("It waits to be applied again."))
    };
    form.answer(&Acted { act: act.clone(), reason: reason.clone() }, outcome.await).await
}

fn the_form(id: &str) -> Form {
    let id: String = id.chars().filter(|letter| letter.is_ascii_hexdigit() || *letter == '-').take(36).collect();
    Form::new("arrival", id.clone(), format!("/arrivals/{id}"))
}
