//! `/arrivals`: what came in, newest first, by state, connection, order and key.

use domain::exchange::ArrivalState;
use domain::id::ConnectionId;
use leptos::prelude::*;
use store::connections;
use store::exchange_list::COUNTED;
use store::exchange_list::arrivals::{self, ArrivalFilter, ArrivalRow};

use super::deliveries::{cut, filters, place, position, states};
use super::words;
use crate::address::Address;
use crate::error::AppError;
use crate::loaded;
use crate::page::Around;
use crate::request;
use crate::ui::empty::EmptyState;
use crate::ui::filter::{SavedView, SavedViews};
use crate::ui::header::PageHeader;
use crate::ui::number::at_most;
use crate::ui::pager::Pager;
use crate::ui::tag::tag;
use crate::ui::time::{Reading, clock};
use crate::ui::tone::Tone;

struct List {
    around: Around,
    address: Address,
    rows: Vec<ArrivalRow>,
    more: bool,
    total: i64,
    counts: Vec<i64>,
    connections: Vec<(String, String)>,
}

/// The tabs: words and the states behind them.
const VIEWS: [(&str, &[ArrivalState]); 5] = [
    ("All", &[]),
    ("Waiting", &[ArrivalState::Received, ArrivalState::Retrying]),
    ("Not understood", &[ArrivalState::NotUnderstood]),
    ("Refused", &[ArrivalState::Refused]),
    ("Applied", &[ArrivalState::Applied]),
];

pub(super) fn page() -> impl IntoView {
    loaded(load(Address::of_request()), show)
}

async fn load(address: Address) -> Result<List, AppError> {
    let filter = ArrivalFilter {
        states: states(&address),
        connection: address.read::<ConnectionId>("connection"),
        text: address.get("q").map(str::to_owned),
    };
    let (size, place) = place(&address);
    let mut tx = request::reader().await?;
    let mut rows = arrivals::page(&mut tx, &filter, &place).await?;
    let more = cut(&mut rows, size, place.before.is_some());
    let mut counts = Vec::new();
    for (_, states) in VIEWS {
        let filter = ArrivalFilter { states: states.to_vec(), ..filter.clone() };
        counts.push(arrivals::counted(&mut tx, &filter).await?);
    }
    let total = arrivals::counted(&mut tx, &filter).await?;
    let connections = connections::list(&mut tx).await?;
    let connections = connections.into_iter().map(|it| (it.connection_id.to_string(), it.configured.name)).collect();
    Ok(List { around: Around::load(&mut tx).await?, address, rows, more, total, counts, connections })
}

fn show(list: List) -> AnyView {
    let List { around, address, rows, more, total, counts, connections } = list;
    let chosen: Vec<ArrivalState> = states(&address);
    let views = VIEWS
        .iter()
        .zip(&counts)
        .map(|((words, states), count)| {
            let joined = states.iter().map(|state| state.as_str()).collect::<Vec<_>>().join(",");
            SavedView {
                words: (*words).to_owned(),
                count: Some(at_most(*count, COUNTED)),
                href: address.with("state", joined).href(),
                current: chosen.as_slice() == *states,
            }
        })
        .collect();
    let facts = vec![
        format!("{} match", at_most(total, COUNTED)).into_any(),
        "newest first".into_any(),
        format!("times in {}", around.reading.abbreviation(around.now())).into_any(),
    ];
    let all = matches!(around.viewer.scope, domain::access::Scope::All);
    let content = if rows.is_empty() { empty(&address, all) } else { table(&rows, &around.reading) };
    let foot = position(
        &address,
        (rows.first().map(ArrivalRow::key), rows.last().map(ArrivalRow::key)),
        rows.len(),
        total,
        more,
    );
    let page = view! {
        <PageHeader title="Arrivals".into_any() facts=facts/>
        <SavedViews views=views/>
        {filters(&address, &connections, "/arrivals", "Order or key")}
        <section class="sheet table-region" aria-label="Arrivals">
            {content}
            {(!rows.is_empty()).then(|| view! { <Pager position=foot/> })}
        </section>
    };
    around.frame("Arrivals", page)
}

fn empty(address: &Address, all: bool) -> AnyView {
    if !all {
        let text = "A message may hold data of several plants and suppliers, so arrivals are shown to integration admins and administrators only.";
        return view! { <EmptyState title="Not for a plant's view" text=text/> }.into_any();
    }
    if address.is_narrowed(&["size"]) {
        let clear = Some(("Show all".to_owned(), "/arrivals".to_owned()));
        return view! { <EmptyState title="No arrival matches" text="The filters above leave nothing over." action=clear/> }.into_any();
    }
    let text =
        "As soon as a connection reads something from its system, or is sent something, it stands here as it came.";
    view! { <EmptyState title="Nothing came in yet" text=text/> }.into_any()
}

fn table(rows: &[ArrivalRow], reading: &Reading) -> AnyView {
    let rows = rows.iter().map(|arrival| row(arrival, reading)).collect_view();
    view! {
        <table class="data-table blocks" role="table">
            <caption class="visually-hidden">"Messages received, newest first"</caption>
            <thead>
                <tr>
                    <th scope="col">"Message"</th>
                    <th scope="col">"From"</th>
                    <th scope="col">"State"</th>
                    <th scope="col" class="opt-1">"What became of it"</th>
                    <th scope="col" class="num opt-2">"Repeats"</th>
                    <th scope="col">"Received"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    }
    .into_any()
}

fn row(arrival: &ArrivalRow, reading: &Reading) -> AnyView {
    let (tone, state) = words::arrival(arrival.state);
    let edge = (tone == Tone::Crit).then_some("crit");
    view! {
        <tr data-edge=edge>
            <td class="a-id"><a class="id" href=format!("/arrivals/{}", arrival.arrival_id)>{arrival.subject.clone()}</a><span class="sub id clip">{arrival.external_key.clone()}</span></td>
            <td class="a-item"><a class="quiet-link" href=format!("/connections/{}", arrival.connection_id)>{arrival.connection.clone()}</a><span class="sub">{arrival.channel.clone()}</span></td>
            <td class="a-status">{tag(tone, state)}</td>
            <td class="opt-1"><span class="clip" dir="auto">{arrival.outcome.clone().unwrap_or_else(|| "–".to_owned())}</span></td>
            <td class="num opt-2">{arrival.repeats}</td>
            <td class="nowrap a-due" data-label="received">{clock(arrival.received_at, reading)}</td>
        </tr>
    }
    .into_any()
}
