//! `/connections/:id`: one system: its state, what waits, its feeds and settings, and what one can do about it.
//!
//! A test of the connection is a delivery like any other: the worker finds its row, and this page, named the row in its
//! address, looks again until the answer is there.

use domain::access::Action;
use domain::id::{ConnectionId, DeliveryId};
use leptos::prelude::*;
use leptos::server_fn::ServerFn as _;
use leptos::server_fn::codec::PostUrl;
use leptos_router::hooks::use_params_map;
use serde_json::Value;
use store::connections::Takes;
use store::exchange_list::deliveries::{self, DeliveryRow};
use store::exchange_list::{self, COUNTED, Flow};

use super::act::{Act, Acted, acts, refused};
use super::connections::number;
use super::{offer, words};
use crate::address::Address;
use crate::error::AppError;
use crate::form::Kept;
use crate::loaded;
use crate::page::Around;
use crate::request;
use crate::ui::header::{Breadcrumb, Crumb, PageHeader, disabled_button};
use crate::ui::number::{at_most, counted};
use crate::ui::sprite::symbol;
use crate::ui::tag::tag;
use crate::ui::time::{clock, duration, instant_with_zone, took};
use crate::ui::tone::Tone;

/// A test that has not answered within this many seconds is not waited for any longer.
const PATIENCE: i64 = 60;

struct One {
    around: Around,
    flow: Flow,
    test: Option<DeliveryRow>,
    kept: Option<Kept<Acted>>,
}

pub(super) fn page() -> impl IntoView {
    let id = use_params_map().read_untracked().get("id").unwrap_or_default();
    loaded(load(id), show)
}

/// An id from the address; what is none is as unknown as one that nobody has.
pub(super) fn id_of<T: std::str::FromStr>(text: &str, what: &str) -> Result<T, AppError> {
    text.parse().map_err(|_| AppError::NotFound { what: what.to_owned() })
}

async fn load(id: String) -> Result<One, AppError> {
    let id: ConnectionId = id_of(&id, "The connection")?;
    let test: Option<DeliveryId> = Address::of_request().read("test");
    let mut tx = request::reader().await?;
    let flow = exchange_list::flow(&mut tx, id, offer::carried).await?;
    let test = match test {
        None => None,
        Some(test) => {
            deliveries::get(&mut tx, test).await.ok().map(|test| test.row).filter(|row| row.connection_id == id)
        }
    };
    Ok(One { around: Around::load(&mut tx).await?, flow, test, kept: the_form(&id.to_string()).kept().await? })
}

fn show(one: One) -> AnyView {
    let One { around, flow, test, kept } = one;
    let reading = around.reading;
    let connection = &flow.connection;
    let name = connection.configured.name.clone();
    let id = connection.connection_id.to_string();
    let (tone, state) = words::connection(connection, &reading);
    let facts = vec![
        offer::title(&connection.kind).into_any(),
        flow.plant.clone().map_or_else(|| "all plants".to_owned(), |plant| format!("plant {plant}")).into_any(),
        format!("stage {}", words::stage(connection.configured.stage)).into_any(),
        connection.last_ok_at.map_or_else(
            || "never answered yet".into_any(),
            |at| view! { "last answer "{instant_with_zone(at, &reading)} }.into_any(),
        ),
    ];
    let buttons = actions(&flow, &around, &id, kept.as_ref());
    let page = view! {
        <Breadcrumb crumbs=vec![Crumb::link("Connections", "/connections"), Crumb::here(name.clone())]/>
        <PageHeader title=name.clone().into_any() beside=Some(tag(tone, state)) facts=facts>
            {buttons}
        </PageHeader>
        {refused("Nothing was changed", kept.as_ref())}
        {words::connection_reason(connection).map(|why| banner(tone, &why))}
        {test.map(|test| result(&test, &around))}
        <div class="columns-8-4">
            <div class="stack">{waiting(&flow, &around)}{feeds(&flow, &around)}</div>
            <div class="stack">{settings(&flow, &around)}</div>
        </div>
    };
    around.frame(name, page)
}

fn actions(flow: &Flow, around: &Around, id: &str, kept: Option<&Kept<Acted>>) -> AnyView {
    if !around.viewer.may(Action::ManageExchange) {
        return disabled_button("Pause", "Changing a connection takes the role Integration admin.");
    }
    let mut offered = Vec::new();
    if flow.connection.pause.is_some() {
        offered.push(Act { act: "resume", words: "Resume", what: "Goes on, with what waited first.", primary: true });
    } else {
        if flow.connection.circuit.retry_at.is_some() || flow.feeds.iter().any(|feed| feed.failures > 0) {
            offered.push(Act {
                act: "try_now",
                words: "Try now",
                what: "Calls the system at once instead of waiting for the next try.",
                primary: true,
            });
        }
        offered.push(Act {
            act: "pause",
            words: "Pause",
            what: "Nothing is sent, read or applied until somebody resumes it. Everything waits, nothing is lost.",
            primary: false,
        });
    }
    view! {
        <form method="post" action=TestConnection::url()>
            <input type="hidden" name="id" value=id.to_owned()/>
            <button class="button" type="submit">"Test"</button>
        </form>
        {acts(&offered, ActOnConnection::url(), id, kept)}
        <a class="button" href=format!("/connections/{id}/edit")>"Edit"</a>
    }
    .into_any()
}

fn banner(tone: Tone, why: &str) -> AnyView {
    view! { <p class="notice" data-tone=tone.as_str()>{symbol(tone.shape(), "shape")}<span dir="auto">{why.to_owned()}</span></p> }.into_any()
}

/// What the test said, or that it is under way; then the page looks again by itself, with or without JavaScript.
fn result(test: &DeliveryRow, around: &Around) -> AnyView {
    let asked = around.reading.seconds(test.created_at);
    let waited = around.now() - test.created_at;
    let link = format!("/deliveries/{}", test.delivery_id);
    let took_words = test.duration_ms.map(|took_ms| format!(" in {}", took(took_ms))).unwrap_or_default();
    let failed = test.attempts > 0 && test.fault_class.is_some();
    let (tone, words) = if test.state == domain::exchange::DeliveryState::Delivered {
        let said = test.their_ref.clone().map(|said| format!(": {said}")).unwrap_or_default();
        (Tone::Ok, format!("The test of {asked} was answered{took_words}{said}."))
    } else if failed {
        let class = test.fault_class.map(words::fault).unwrap_or_default();
        (Tone::Crit, format!("The test of {asked} failed, {class}: {}", test.fault.clone().unwrap_or_default()))
    } else if waited.num_seconds() > PATIENCE {
        let words = format!(
            "The test of {asked} has no answer yet. Perhaps no worker runs, or the connection is paused or not called."
        );
        (Tone::Warn, words)
    } else {
        request::look_again(2);
        (Tone::Info, format!("The test of {asked} is under way. This page looks again by itself."))
    };
    view! {
        <p class="notice" role="status" id="test" data-tone=tone.as_str()>
            {symbol(tone.shape(), "shape")}<span>{words}" "<a href=link>"Its delivery"</a></span>
        </p>
    }
    .into_any()
}

fn waiting(flow: &Flow, around: &Around) -> AnyView {
    let id = flow.connection.connection_id;
    let reading = &around.reading;
    let deliveries = |state: &str, count: i64| number(count, format!("/deliveries?connection={id}&state={state}"));
    let arrivals = |state: &str, count: i64| number(count, format!("/arrivals?connection={id}&state={state}"));
    let pending = match flow.pending {
        None => "shown to integration admins and administrators".into_any(),
        Some((count, None)) => at_most(count, COUNTED).into_any(),
        Some((count, Some(oldest))) => {
            format!("{}, the oldest for {}", at_most(count, COUNTED), duration(reading.now - oldest)).into_any()
        }
    };
    view! {
        <section class="sheet" aria-labelledby="out-title">
            <div class="section-head"><h2 id="out-title">"On the way out"</h2><div class="toolbar"><a href=format!("/deliveries?connection={id}")>"All deliveries"</a></div></div>
            <dl class="fact-list">
                <dt>"In the log, not taken up"</dt><dd>{pending}</dd>
                <dt>"Retrying"</dt><dd>{deliveries("retrying", flow.retrying)}</dd>
                <dt>"Parked, need a person"</dt><dd>{deliveries("parked", flow.parked)}</dd>
                <dt>"Held back behind another"</dt><dd>{deliveries("held", flow.held)}</dd>
                <dt>"Oldest waits"</dt><dd>{flow.oldest.map_or_else(|| "nothing waits".to_owned(), |at| duration(reading.now - at))}</dd>
            </dl>
        </section>
        <section class="sheet" aria-labelledby="in-title">
            <div class="section-head"><h2 id="in-title">"Came in"</h2><div class="toolbar"><a href=format!("/arrivals?connection={id}")>"All arrivals"</a></div></div>
            <dl class="fact-list">
                <dt>"Waiting to be applied"</dt><dd>{arrivals("received,retrying", flow.arrivals_waiting)}</dd>
                <dt>"Not understood"</dt><dd>{arrivals("not_understood", flow.not_understood)}</dd>
                <dt>"Refused by a rule"</dt><dd>{arrivals("refused", flow.refused)}</dd>
            </dl>
        </section>
    }
    .into_any()
}

fn feeds(flow: &Flow, around: &Around) -> AnyView {
    let reading = &around.reading;
    if flow.feeds.is_empty() {
        return ().into_any();
    }
    let may = around.viewer.may(Action::ManageExchange) && flow.connection.pause.is_none();
    let id = flow.connection.connection_id.to_string();
    let rows = flow
        .feeds
        .iter()
        .map(|feed| {
            let (tone, state) = if feed.failures > 0 { (Tone::Warn, counted(feed.failures.into(), "failed poll", "failed polls")) } else { (Tone::Ok, "as it should".to_owned()) };
            let next = if feed.next_poll_at <= reading.now { "now".into_any() } else { clock(feed.next_poll_at, reading) };
            view! {
                <tr>
                    <td class="a-id"><span class="id">{feed.name.clone()}</span></td>
                    <td class="a-status">{tag(tone, state)}{feed.problem.clone().map(|problem| view! { <span class="sub" dir="auto">{problem}</span> })}</td>
                    <td class="nowrap" data-label="read">{feed.polled_at.map_or_else(|| "not yet".into_any(), |at| clock(at, reading))}</td>
                    <td class="nowrap" data-label="next">{next}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <section class="sheet table-region" aria-labelledby="feeds-title">
            <div class="section-head">
                <h2 id="feeds-title">"What is read from it"<span>{format!("times in {}", reading.abbreviation(reading.now))}</span></h2>
                {may.then(|| view! {
                    <div class="toolbar">
                        <form method="post" action=ReadConnectionNow::url()>
                            <input type="hidden" name="id" value=id/>
                            <button class="button" type="submit">"Read now"</button>
                        </form>
                    </div>
                })}
            </div>
            <table class="data-table blocks labelled" role="table">
                <caption class="visually-hidden">"Feeds"</caption>
                <thead><tr><th scope="col">"Feed"</th><th scope="col">"State"</th><th scope="col">"Last read"</th><th scope="col">"Next"</th></tr></thead>
                <tbody>{rows}</tbody>
            </table>
        </section>
    }
    .into_any()
}

fn settings(flow: &Flow, around: &Around) -> AnyView {
    let connection = &flow.connection;
    let known = offer::offer(&connection.kind);
    let entries = connection.configured.settings.as_object().cloned().unwrap_or_default();
    let see = around.viewer.may(Action::ManageExchange);
    let rows = entries
        .into_iter()
        .filter(|_| see)
        .map(|(key, value)| {
            let setting = known.as_ref().and_then(|offer| offer.settings.iter().find(|setting| setting.key == key));
            let label = setting.map_or_else(|| key.clone(), |setting| setting.label.clone());
            let shown = shown(&value, setting.is_some_and(|setting| setting.secret));
            view! { <dt>{label}</dt><dd class="id breaks">{shown}</dd> }
        })
        .collect_view();
    let takes = match connection.configured.takes {
        Takes::Own => "its own orders",
        Takes::All => "everything it carries",
    };
    view! {
        <section class="sheet" aria-labelledby="settings-title">
            <div class="section-head"><h2 id="settings-title">"Settings"<span>{format!("version {}", connection.settings_version)}</span></h2></div>
            <dl class="fact-list">
                <dt>"Kind"</dt><dd class="id">{connection.kind.clone()}</dd>
                <dt>"Told of"</dt><dd>{takes}</dd>
                <dt>"At once"</dt><dd>{counted(connection.configured.in_flight_limit.into(), "delivery", "deliveries")}</dd>
                {rows}
                <dt>"Since"</dt><dd>{instant_with_zone(connection.created_at, &around.reading)}</dd>
            </dl>
            {(!see).then(|| view! { <p class="sheet-foot">"Addresses are shown to integration admins."</p> })}
        </section>
    }
    .into_any()
}

/// A setting's value; a secret is a reference by rule, and anything else in its place is not shown.
pub(super) fn shown(value: &Value, secret: bool) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let is_reference = text.starts_with("env:") || text.starts_with("file:");
    if secret && !is_reference { "not shown: not a reference".to_owned() } else { text }
}

/// Pauses, resumes or tries at once.
#[server(input = PostUrl, prefix = "/do", endpoint = "act-on-connection")]
pub async fn act_on_connection(id: String, act: String, #[server(default)] reason: String) -> Result<(), AppError> {
    use crate::form::Done;
    use store::connections;
    let form = the_form(&id);
    let outcome = async {
        let connection: ConnectionId = id_of(&id, "The connection")?;
        let mut tx = request::begin().await?;
        let said = match act.as_str() {
            "pause" => connections::pause(&mut tx, connection, &reason)
                .await
                .map(|()| "The connection is paused. What comes for it waits."),
            "resume" => {
                connections::resume(&mut tx, connection, Some(reason.clone()).filter(|why| !why.trim().is_empty()))
                    .await
                    .map(|()| "The connection goes on.")
            }
            "try_now" => {
                connections::try_now(&mut tx, connection, &reason).await.map(|()| "The connection is tried at once.")
            }
            _ => Err(store::CommandError::Invalid("Choose one of the buttons of the page.".to_owned())),
        }?;
        tx.commit().await?;
        Ok(Done::at(format!("/connections/{connection}")).saying(said))
    };
    form.answer(&Acted { act: act.clone(), reason: reason.clone() }, outcome.await).await
}

/// Reads the feeds at once.
#[server(input = PostUrl, prefix = "/do", endpoint = "read-connection-now")]
pub async fn read_connection_now(id: String) -> Result<(), AppError> {
    use crate::form::Done;
    let form = the_form(&id);
    let outcome = async {
        let connection: ConnectionId = id_of(&id, "The connection")?;
        let mut tx = request::begin().await?;
        store::connections::read_now(&mut tx, connection).await?;
        tx.commit().await?;
        Ok(Done::at(format!("/connections/{connection}#feeds-title")).saying("What is new there is being read."))
    };
    form.answer(&Acted { act: "read".to_owned(), reason: String::new() }, outcome.await).await
}

/// Asks the worker to test the connection.
#[server(input = PostUrl, prefix = "/do", endpoint = "test-connection")]
pub async fn test_connection(id: String) -> Result<(), AppError> {
    use crate::form::Done;
    let form = the_form(&id);
    let outcome = async {
        let connection: ConnectionId = id_of(&id, "The connection")?;
        let mut tx = request::begin().await?;
        let test = store::deliveries::probe(&mut tx, connection).await?;
        tx.commit().await?;
        Ok(Done::at(format!("/connections/{connection}?test={test}#test")))
    };
    form.answer(&Acted { act: "test".to_owned(), reason: String::new() }, outcome.await).await
}

fn the_form(id: &str) -> crate::form::Form {
    let id: String = id.chars().filter(|letter| letter.is_ascii_hexdigit() || *letter == '-').take(36).collect();
    crate::form::Form::new("connection", id.clone(), format!("/connections/{id}"))
}
