//! `/connections`: every system with its state, what waits on it and since when, and what came from it.
//!
//! Each count is a link, and the list behind it has exactly that count.

use domain::access::Action;
use leptos::prelude::*;
use store::exchange_list::{self, COUNTED, FeedView, Flow};

use super::{offer, words};
use crate::error::AppError;
use crate::loaded;
use crate::page::Around;
use crate::request;
use crate::ui::empty::EmptyState;
use crate::ui::header::PageHeader;
use crate::ui::number::{at_most, counted};
use crate::ui::tag::tag;
use crate::ui::time::{Reading, clock, duration};
use crate::ui::tone::Tone;

pub(super) fn page() -> impl IntoView {
    loaded(load(), |(around, flows)| show(around, &flows))
}

async fn load() -> Result<(Around, Vec<Flow>), AppError> {
    let mut tx = request::reader().await?;
    let flows = exchange_list::flows(&mut tx, offer::carried).await?;
    Ok((Around::load(&mut tx).await?, flows))
}

fn show(around: Around, flows: &[Flow]) -> AnyView {
    let manages = around.viewer.may(Action::ManageExchange);
    let not_running =
        flows.iter().filter(|flow| words::connection(&flow.connection, &around.reading).0 != Tone::Ok).count();
    let depth: i64 = flows.iter().map(Flow::depth).sum();
    let facts = vec![
        counted(i64::try_from(flows.len()).unwrap_or(i64::MAX), "connection", "connections").into_any(),
        if not_running == 0 { "all running".to_owned() } else { format!("{not_running} not running") }.into_any(),
        format!("{} on the way out", at_most(depth, i64::MAX)).into_any(),
    ];
    let action = Some(("Add a connection".to_owned(), "/connections/new".to_owned())).filter(|_| manages);
    let content = if flows.is_empty() {
        let text = if manages {
            "A connection is one other system: an ERP, an MES, a partner. Add the first one, and its orders appear here."
        } else {
            "No system is connected that you may see. Connections of all plants are shown to integration admins."
        };
        view! { <section class="sheet" aria-label="Connections"><EmptyState title="No connections" text=text action=action/></section> }.into_any()
    } else {
        table(flows, &around.reading)
    };
    let page = view! {
        <PageHeader title="Connections".into_any() facts=facts>
            {manages.then(|| view! { <a class="button primary" href="/connections/new">"Add a connection"</a> })}
        </PageHeader>
        {content}
    };
    around.frame("Connections", page)
}

/// All connections with what waits on them; also on homes.
pub fn table(flows: &[Flow], reading: &Reading) -> AnyView {
    let hidden = flows.iter().any(|flow| flow.pending.is_none());
    let rows = flows.iter().map(|flow| row(flow, reading)).collect_view();
    view! {
        <section class="sheet table-region" aria-label="Connections">
            <table class="data-table blocks labelled" role="table">
                <caption class="visually-hidden">"Connections with what waits on them"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Connection"</th>
                        <th scope="col">"State"</th>
                        <th scope="col" class="num">"In the log"</th>
                        <th scope="col" class="num">"Retrying"</th>
                        <th scope="col" class="num">"Parked"</th>
                        <th scope="col" class="num">"Held back"</th>
                        <th scope="col" class="num">"Oldest waits"</th>
                        <th scope="col" class="opt-1">"Last answer"</th>
                        <th scope="col" class="opt-1">"Reads"</th>
                        <th scope="col" class="num">"To apply"</th>
                        <th scope="col" class="num opt-2">"Not understood"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
            <div class="sheet-foot">
                <span>{format!("Times in {}", reading.abbreviation(reading.now))}</span>
                <span>"In the log: events that were not taken up yet"</span>
                {hidden.then(|| view! { <span>"–: shown to integration admins and administrators"</span> })}
            </div>
        </section>
    }
    .into_any()
}

fn row(flow: &Flow, reading: &Reading) -> AnyView {
    let connection = &flow.connection;
    let id = connection.connection_id;
    let (tone, state) = words::connection(connection, reading);
    let edge = (tone == Tone::Crit || flow.parked > 0).then_some("crit").or((tone == Tone::Warn).then_some("warn"));
    let below = format!(
        "{} · {} · {}",
        offer::title(&connection.kind),
        flow.plant.as_deref().unwrap_or("all plants"),
        words::stage(connection.configured.stage)
    );
    let deliveries = |state: &str, count: i64| number(count, format!("/deliveries?connection={id}&state={state}"));
    let arrivals = |state: &str, count: i64| number(count, format!("/arrivals?connection={id}&state={state}"));
    let pending = match flow.pending {
        None => "–".into_any(),
        Some((0, _)) => view! { <span class="muted">"0"</span> }.into_any(),
        Some((count, _)) => at_most(count, COUNTED).into_any(),
    };
    let oldest = flow.oldest.map_or_else(
        || view! { <span class="muted">"–"</span> }.into_any(),
        |at| duration(reading.now - at).into_any(),
    );
    view! {
        <tr data-edge=edge>
            <td class="a-id"><a class="strong" href=format!("/connections/{id}")>{connection.configured.name.clone()}</a><span class="sub">{below}</span></td>
            <td class="a-status">{tag(tone, state)}{words::connection_reason(connection).map(|why| view! { <span class="sub" dir="auto">{why}</span> })}</td>
            <td class="num" data-label="in the log">{pending}</td>
            <td class="num" data-label="retrying">{deliveries("retrying", flow.retrying)}</td>
            <td class="num" data-label="parked">{deliveries("parked", flow.parked)}</td>
            <td class="num" data-label="held back">{deliveries("held", flow.held)}</td>
            <td class="num nowrap" data-label="oldest waits">{oldest}</td>
            <td class="nowrap opt-1">{connection.last_ok_at.map_or_else(|| view! { <span class="muted">"never yet"</span> }.into_any(), |at| clock(at, reading))}</td>
            <td class="opt-1">{flow.feeds.iter().map(|feed| reads(feed, reading)).collect_view()}</td>
            <td class="num" data-label="to apply">{arrivals("received,retrying", flow.arrivals_waiting)}</td>
            <td class="num opt-2" data-label="not understood">{arrivals("not_understood", flow.not_understood)}</td>
        </tr>
    }
    .into_any()
}

/// A feed in a line: its name, when it was read, and what is wrong.
fn reads(feed: &FeedView, reading: &Reading) -> AnyView {
    let when = feed.polled_at.map_or_else(|| "not yet".to_owned(), |at| reading.short(at));
    let failed = feed.failures > 0;
    let class = if failed { "feed failed" } else { "feed" };
    view! {
        <span class=class>
            <span class="id">{feed.name.clone()}</span>" "<span class="muted">{when}</span>
            {failed.then(|| view! { <span class="sub">{counted(feed.failures.into(), "failed poll", "failed polls")}</span> })}
        </span>
    }
    .into_any()
}

/// A count that leads to its list; a muted 0 leads nowhere.
pub fn number(count: i64, href: String) -> AnyView {
    if count == 0 {
        return view! { <span class="muted">"0"</span> }.into_any();
    }
    view! { <a href=href>{at_most(count, i64::MAX)}</a> }.into_any()
}
