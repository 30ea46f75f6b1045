//! `/deliveries/:id`: one event's trip to one system: what is sent, every try, what waits behind it, and what one can do.

use domain::access::Action;
use domain::exchange::DeliveryState;
use domain::id::DeliveryId;
use leptos::prelude::*;
use leptos::server_fn::ServerFn as _;
use leptos::server_fn::codec::PostUrl;
use leptos_router::hooks::use_params_map;
use store::exchange_list::deliveries::{self, DeliveryView};

use super::act::{Act, Acted, acts, refused};
use super::connection::id_of;
use super::deliveries::{connection, table};
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
use crate::ui::tag::{stamp, tag};
use crate::ui::time::{Reading, instant, instant_with_zone, took};

struct One {
    around: Around,
    delivery: DeliveryView,
    kept: Option<Kept<Acted>>,
}

pub(super) fn page() -> impl IntoView {
    let id = use_params_map().read_untracked().get("id").unwrap_or_default();
    loaded(load(id), show)
}

async fn load(id: String) -> Result<One, AppError> {
    let id: DeliveryId = id_of(&id, "The delivery")?;
    let mut tx = request::reader().await?;
    let delivery = deliveries::get(&mut tx, id).await?;
    Ok(One { around: Around::load(&mut tx).await?, delivery, kept: the_form(&id.to_string()).kept().await? })
}

fn show(one: One) -> AnyView {
    let One { around, delivery, kept } = one;
    let reading = around.reading;
    let row = &delivery.row;
    let (tone, state) = words::delivery(row.state);
    let what = row.kind.map_or("Delivery", words::event);
    let title = match (&row.order, &row.document) {
        (Some(order), _) => format!("{what}, order {order}"),
        (None, Some(number)) => format!("{what}, {number}"),
        (None, None) => what.to_owned(),
    };
    let facts =
        vec![view! { "to "{connection(row, &around)} }.into_any(), words::delivery_meaning(row.state).into_any()];
    let buttons = actions(row.state, &around, &row.delivery_id.to_string(), kept.as_ref());
    let page = view! {
        <Breadcrumb crumbs=vec![Crumb::link("Deliveries", "/deliveries"), Crumb::here(row.delivery_id.to_string()).mono()]/>
        <PageHeader title=title.clone().into_any() beside=Some(tag(tone, state)) facts=facts>
            {buttons}
        </PageHeader>
        {refused("Nothing was changed", kept.as_ref())}
        {fault(&delivery)}
        <div class="columns-8-4">
            <div class="stack">
                {tries(&delivery, &reading)}
                {lane(&delivery, &around)}
                {sent(&delivery, &around)}
            </div>
            <div class="stack">{envelope(&delivery, &reading)}</div>
        </div>
    };
    around.frame(title, page)
}

fn actions(state: DeliveryState, around: &Around, id: &str, kept: Option<&Kept<Acted>>) -> AnyView {
    if !around.viewer.may(Action::ManageExchange) {
        return disabled_button("Retry", "Deciding on deliveries takes the role Integration admin.");
    }
    let retry =
        Act { act: "retry", words: "Retry", what: "Tries it at once; its tries are counted anew.", primary: true };
    let skip = Act {
        act: "skip",
        words: "Skip",
        what: "Leaves it out for good. The other system is not told, and what waits behind it goes on.",
        primary: false,
    };
    let resend = Act {
        act: "resend",
        words: "Resend",
        what: "Sends the same event once more, under the same key: a system that has it already changes nothing.",
        primary: false,
    };
    let offered: &[Act] = match state {
        DeliveryState::Parked | DeliveryState::Retrying => &[retry, skip],
        DeliveryState::Held => &[skip],
        DeliveryState::Delivered | DeliveryState::Skipped | DeliveryState::Superseded => &[resend],
    };
    acts(offered, ActOnDelivery::url(), id, kept)
}

fn fault(delivery: &DeliveryView) -> AnyView {
    let row = &delivery.row;
    let Some(fault) = row.fault.clone().filter(|_| !row.state.is_final()) else { return ().into_any() };
    let (tone, _) = words::delivery(row.state);
    let class = row.fault_class.map(words::fault).unwrap_or_default();
    view! { <p class="notice" data-tone=tone.as_str()>{symbol(tone.shape(), "shape")}<span dir="auto"><b>{class}": "</b>{fault}</span></p> }.into_any()
}

fn tries(delivery: &DeliveryView, reading: &Reading) -> AnyView {
    let row = &delivery.row;
    let success = (row.state == DeliveryState::Delivered).then(|| {
        view! {
            <tr>
                <td class="num a-id">{row.attempts}</td>
                <td class="nowrap a-due">{row.finished_at.map(|at| instant(at, reading))}</td>
                <td class="num opt-1">{row.duration_ms.map(took)}</td>
                <td class="a-status">{tag(crate::ui::tone::Tone::Ok, "accepted")}</td>
                <td class="a-item">{row.their_ref.clone().map(|number| stamp(number, None))}</td>
            </tr>
        }
    });
    let failed = delivery
        .tries
        .iter()
        .map(|one| {
            view! {
                <tr>
                    <td class="num a-id">{one.number}</td>
                    <td class="nowrap a-due">{instant(one.at, reading)}</td>
                    <td class="num opt-1">{took(one.duration_ms)}</td>
                    <td class="a-status">{tag(words::fault_tone(one.fault_class), words::fault(one.fault_class))}</td>
                    <td class="a-item" dir="auto">{one.fault.clone()}</td>
                </tr>
            }
        })
        .collect_view();
    if delivery.tries.is_empty() && success.is_none() {
        return view! {
            <section class="sheet" aria-labelledby="tries-title">
                <div class="section-head"><h2 id="tries-title">"Tries"</h2></div>
                <div class="empty"><p>"None yet."</p></div>
            </section>
        }
        .into_any();
    }
    let next = row.next_attempt_at.map(|at| {
        if at <= reading.now { "next try now".to_owned() } else { format!("next try {}", reading.with_zone(at)) }
    });
    view! {
        <section class="sheet table-region" aria-labelledby="tries-title">
            <div class="section-head"><h2 id="tries-title">"Tries"<span>{format!("newest first, times in {}", reading.abbreviation(reading.now))}</span></h2>
                {next.map(|next| view! { <span class="push small">{next}</span> })}</div>
            <table class="data-table blocks" role="table">
                <caption class="visually-hidden">"Tries, newest first"</caption>
                <thead><tr><th scope="col" class="num">"No."</th><th scope="col">"When"</th><th scope="col" class="num opt-1">"Took"</th><th scope="col">"Result"</th><th scope="col">"What came back"</th></tr></thead>
                <tbody>{success}{failed}</tbody>
            </table>
        </section>
    }
    .into_any()
}

/// What waits behind it, and the other trips of the same event.
fn lane(delivery: &DeliveryView, around: &Around) -> AnyView {
    let section = |id: &'static str, title: &'static str, note: &'static str, rows: &[deliveries::DeliveryRow]| {
        (!rows.is_empty()).then(|| {
            view! {
                <section class="sheet table-region" aria-labelledby=id>
                    <div class="section-head"><h2 id=id>{title}<span>{note}</span></h2></div>
                    {table(rows, around)}
                </section>
            }
        })
    };
    view! {
        {section("behind-title", "Waits behind it", "goes on by itself when this one is delivered or skipped", &delivery.behind)}
        {section("others-title", "The same event", "its other deliveries", &delivery.others)}
    }
    .into_any()
}

fn sent(delivery: &DeliveryView, around: &Around) -> AnyView {
    let content = match &delivery.data {
        Some(data) => payload::json(data, &around.viewer),
        None => {
            view! { <div class="empty"><p>"The event is older than the log is kept. Its deliveries stay."</p></div> }
                .into_any()
        }
    };
    view! {
        <section class="sheet" aria-labelledby="sent-title">
            <div class="section-head"><h2 id="sent-title">"What is told"<span>"before it is translated for the other system"</span></h2></div>
            {content}
        </section>
    }
    .into_any()
}

fn envelope(delivery: &DeliveryView, reading: &Reading) -> AnyView {
    let row = &delivery.row;
    let order = row.order.clone().map(|order| {
        let href = format!("/orders/{}", encoded(&order));
        view! { <dt>"Order"</dt><dd><a class="id" href=href>{order}</a>{format!(", event {}", row.subject_version)}</dd> }
    });
    let correlation = row.correlation.map(|correlation| {
        let id = correlation.to_string();
        view! {
            <dt>"Reference"</dt>
            <dd><a class="id breaks" href=format!("/timeline/{id}")>{id.clone()}</a>" "{copy_button(id, "reference")}</dd>
        }
    });
    let happened = delivery.happened.as_ref().map(|(at, actor)| {
        view! { <dt>"Happened"</dt><dd>{instant_with_zone(*at, reading)}<span class="sub">{actor.name().to_owned()}</span></dd> }
    });
    let decided = row.decided_by.clone().map(|by| {
        view! { <dt>"Decided"</dt><dd>{by}{row.reason.clone().map(|why| view! { <span class="sub" dir="auto">{format!("“{why}”")}</span> })}</dd> }
    });
    let (supplier, plant) = delivery.concerns.clone();
    view! {
        <section class="sheet" aria-labelledby="envelope-title">
            <div class="section-head"><h2 id="envelope-title">"Envelope"</h2></div>
            <dl class="fact-list">
                <dt>"Event"</dt><dd>{row.kind.map(|kind| kind.as_str())}<span class="sub id breaks">{row.event_id.to_string()}</span></dd>
                {order}
                {happened}
                {correlation}
                <dt>"Made by"</dt><dd>{words::trigger(row.triggered_by)}</dd>
                {decided}
                {row.their_ref.clone().map(|number| view! { <dt>"Their number"</dt><dd>{stamp(number, None)}</dd> })}
                {supplier.map(|number| view! { <dt>"Supplier"</dt><dd><span class="id">{number}</span></dd> })}
                {plant.map(|code| view! { <dt>"Plant"</dt><dd><span class="id">{code}</span></dd> })}
                <dt>"In the log"</dt><dd>{format!("place {}", delivery.position)}</dd>
                <dt>"Tries"</dt><dd>{counted(row.attempts.into(), "try", "tries")}</dd>
            </dl>
        </section>
    }
    .into_any()
}

/// Tries it again, leaves it out, or sends it once more.
#[server(input = PostUrl, prefix = "/do", endpoint = "act-on-delivery")]
pub async fn act_on_delivery(id: String, act: String, #[server(default)] reason: String) -> Result<(), AppError> {
    let form = the_form(&id);
    let outcome = async {
        let delivery: DeliveryId = id_of(&id, "The delivery")?;
        let mut tx = request::begin().await?;
        let done = match act.as_str() {
            "retry" => {
                store::deliveries::retry(&mut tx, delivery, &reason).await?;
                Done::at(format!("/deliveries/{delivery}")).saying("It is tried at once.")
            }
            "skip" => {
                store::deliveries::skip(&mut tx, delivery, &reason).await?;
                Done::at(format!("/deliveries/{delivery}")).saying("It is left out. What waited behind it goes on.")
            }
            "resend" => {
                let again = store::deliveries::resend(&mut tx, delivery, &reason).await?;
                Done::at(format!("/deliveries/{again}")).saying("It is sent once more; this is its new delivery.")
            }
            _ => return Err(AppError::Invalid { message: "Choose one of the buttons of the page.".to_owned() }),
        };
        tx.commit().await?;
        Ok(done)
    };
    form.answer(&Acted { act: act.clone(), reason: reason.clone() }, outcome.await).await
}

fn the_form(id: &str) -> Form {
    let id: String = id.chars().filter(|letter| letter.is_ascii_hexdigit() || *letter == '-').take(36).collect();
    Form::new("delivery", id.clone(), format!("/deliveries/{id}"))
}
