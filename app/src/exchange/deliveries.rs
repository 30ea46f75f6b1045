//! `/deliveries`: what goes out, newest first, by state, connection and order.

use domain::access::Scope;
use domain::exchange::DeliveryState;
use domain::id::ConnectionId;
use leptos::prelude::*;
use store::connections;
use store::exchange_list::deliveries::{self, DeliveryFilter, DeliveryRow};
use store::exchange_list::{COUNTED, Key, Page};

use super::words;
use crate::address::Address;
use crate::error::AppError;
use crate::loaded;
use crate::page::Around;
use crate::request;
use crate::ui::empty::EmptyState;
use crate::ui::field::options;
use crate::ui::filter::{FilterBar, SavedView, SavedViews};
use crate::ui::header::PageHeader;
use crate::ui::number::{at_most, counted};
use crate::ui::pager::{Pager, Position};
use crate::ui::tag::{stamp, tag};
use crate::ui::time::clock;
use crate::ui::tone::Tone;

/// Rows per page that can be chosen; the first is the default.
pub const SIZES: [i64; 3] = [50, 25, 100];

struct List {
    around: Around,
    address: Address,
    rows: Vec<DeliveryRow>,
    more: bool,
    total: i64,
    /// For the tabs: the state and its count with the other filters in force.
    counts: Vec<(Option<DeliveryState>, i64)>,
    /// Connections to choose from: id and name.
    connections: Vec<(String, String)>,
}

const VIEWS: [(&str, Option<DeliveryState>); 6] = [
    ("All", None),
    ("Parked", Some(DeliveryState::Parked)),
    ("Retrying", Some(DeliveryState::Retrying)),
    ("Held back", Some(DeliveryState::Held)),
    ("Delivered", Some(DeliveryState::Delivered)),
    ("Skipped", Some(DeliveryState::Skipped)),
];

pub(super) fn page() -> impl IntoView {
    loaded(load(Address::of_request()), show)
}

/// Words of a list of states, those that exist.
pub(super) fn states<T: std::str::FromStr>(address: &Address) -> Vec<T> {
    address.all("state").flat_map(|value| value.split(',')).filter_map(|word| word.trim().parse().ok()).collect()
}

/// Which part of the list the address asks for, with one row more than shown to see whether there is a next page.
pub(super) fn place(address: &Address) -> (i64, Page) {
    let size = address.read::<i64>("size").filter(|size| SIZES.contains(size)).unwrap_or(SIZES[0]);
    (size, Page { after: address.read("after"), before: address.read("before"), size: size + 1 })
}

/// Takes the row off that only shows that there are more.
pub(super) fn cut<T>(rows: &mut Vec<T>, size: i64, backwards: bool) -> bool {
    let more = i64::try_from(rows.len()).unwrap_or(i64::MAX) > size;
    if more && backwards {
        rows.remove(0);
    } else if more {
        rows.pop();
    }
    more
}

/// The foot of a list that is cut by key.
pub(super) fn position(
    address: &Address,
    (first, last): (Option<Key>, Option<Key>),
    shown: usize,
    total: i64,
    more: bool,
) -> Position {
    let backwards = address.get("before").is_some();
    let (has_previous, has_next) = if backwards { (more, true) } else { (address.get("after").is_some(), more) };
    let size = place(address).0;
    let sizes = [25, 50, 100].map(|other| {
        let href = if other == SIZES[0] { address.without("size") } else { address.with("size", other) }.href();
        (other, href, other == size)
    });
    Position {
        words: format!(
            "{} of {}",
            at_most(i64::try_from(shown).unwrap_or(i64::MAX), i64::MAX),
            at_most(total, COUNTED)
        ),
        previous: first.filter(|_| has_previous).map(|key| address.with("before", key).href()),
        next: last.filter(|_| has_next).map(|key| address.with("after", key).href()),
        sizes: sizes.to_vec(),
    }
}

async fn load(address: Address) -> Result<List, AppError> {
    let filter = DeliveryFilter {
        states: states(&address),
        connection: address.read::<ConnectionId>("connection"),
        document: address.get("q").map(str::to_owned),
    };
    let (size, place) = place(&address);
    let mut tx = request::reader().await?;
    let mut rows = deliveries::page(&mut tx, &filter, &place).await?;
    let more = cut(&mut rows, size, place.before.is_some());
    let mut counts = Vec::new();
    for (_, state) in VIEWS {
        let filter = DeliveryFilter { states: state.into_iter().collect(), ..filter.clone() };
        counts.push((state, deliveries::counted(&mut tx, &filter).await?));
    }
    let total = deliveries::counted(&mut tx, &filter).await?;
    let connections = connections::list(&mut tx).await?;
    let connections = connections.into_iter().map(|it| (it.connection_id.to_string(), it.configured.name)).collect();
    Ok(List { around: Around::load(&mut tx).await?, address, rows, more, total, counts, connections })
}

fn show(list: List) -> AnyView {
    let List { around, address, rows, more, total, counts, connections } = list;
    let chosen: Vec<DeliveryState> = states(&address);
    let views = VIEWS
        .iter()
        .zip(&counts)
        .map(|((words, state), (_, count))| SavedView {
            words: (*words).to_owned(),
            count: Some(at_most(*count, COUNTED)),
            href: state.map_or_else(|| address.without("state"), |state| address.with("state", state)).href(),
            current: chosen.as_slice() == state.as_slice(),
        })
        .collect();
    let facts = vec![
        format!("{} match", at_most(total, COUNTED)).into_any(),
        "newest first".into_any(),
        format!("times in {}", around.reading.abbreviation(around.now())).into_any(),
    ];
    let content = if rows.is_empty() { empty(&address) } else { table(&rows, &around) };
    let foot = position(
        &address,
        (rows.first().map(DeliveryRow::key), rows.last().map(DeliveryRow::key)),
        rows.len(),
        total,
        more,
    );
    let page = view! {
        <PageHeader title="Deliveries".into_any() facts=facts/>
        <SavedViews views=views/>
        {filters(&address, &connections, "/deliveries", "Number of a document")}
        <section class="sheet table-region" aria-label="Deliveries">
            {content}
            {(!rows.is_empty()).then(|| view! { <Pager position=foot/> })}
        </section>
    };
    around.frame("Deliveries", page)
}

/// The filters of both lists of the exchange.
pub(super) fn filters(
    address: &Address,
    connections: &[(String, String)],
    path: &'static str,
    text: &'static str,
) -> AnyView {
    let chosen = address.get("connection").unwrap_or_default().to_owned();
    let name = connections.iter().find(|(id, _)| *id == chosen).map(|(_, name)| name.clone());
    let state = address.get("state").map(|state| state.replace('_', " ").replace(',', " or "));
    let known_state = address.get("state").is_some_and(|words| {
        words
            .split(',')
            .all(|word| word.parse::<DeliveryState>().is_ok() || word.parse::<domain::exchange::ArrivalState>().is_ok())
    });
    let tags = address.tags(
        &[
            ("state", "State", state.filter(|_| known_state)),
            ("connection", "Connection", name),
            ("q", text, address.get("q").map(str::to_owned)),
        ],
        &["size"],
    );
    let mut choices = vec![(String::new(), "any".to_owned())];
    choices.extend(connections.iter().cloned());
    let kept = ["state", "size"]
        .map(|key| address.get(key).map(|value| view! { <input type="hidden" name=key value=value.to_owned()/> }));
    let words = address.get("q").unwrap_or_default().to_owned();
    let choices = options(choices, &chosen);
    view! {
        <FilterBar tags=tags clear=path.to_owned()>
            <form method="get" action=path class="menu fields">
                <div class="field"><label for="f-q">{text}</label><input class="input" id="f-q" name="q" value=words/></div>
                <div class="field"><label for="f-connection">"Connection"</label><select class="input" id="f-connection" name="connection">{choices}</select></div>
                {kept.to_vec()}
                <button class="button primary" type="submit">"Apply"</button>
            </form>
        </FilterBar>
    }
    .into_any()
}

fn empty(address: &Address) -> AnyView {
    let clear = Some(("Show all".to_owned(), "/deliveries".to_owned()));
    if address.is_narrowed(&["size"]) {
        let chosen: Vec<DeliveryState> = states(address);
        return match chosen.as_slice() {
            [DeliveryState::Parked] => {
                view! { <EmptyState title="Nothing is parked" text="No delivery here needs a person." action=clear/> }.into_any()
            }
            [DeliveryState::Retrying] => {
                view! { <EmptyState title="Nothing is retrying" text="Whatever was sent has arrived or needs a person." action=clear/> }.into_any()
            }
            _ => view! { <EmptyState title="No delivery matches" text="The filters above leave nothing over." action=clear/> }.into_any(),
        };
    }
    view! { <EmptyState title="Nothing was delivered yet" text="As soon as something happens that another system is to know, its delivery stands here."/> }.into_any()
}

/// Deliveries in a table.
pub(super) fn table(rows: &[DeliveryRow], around: &Around) -> AnyView {
    let rows = rows.iter().map(|delivery| row(delivery, around)).collect_view();
    view! {
        <table class="data-table blocks" role="table">
            <caption class="visually-hidden">"Deliveries, newest first"</caption>
            <thead>
                <tr>
                    <th scope="col">"What"</th>
                    <th scope="col">"To"</th>
                    <th scope="col">"State"</th>
                    <th scope="col" class="num opt-1">"Tries"</th>
                    <th scope="col" class="opt-1">"Since"</th>
                    <th scope="col">"Next try, document or end"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    }
    .into_any()
}

/// A connection's name; a link where its page is for the reader.
pub(super) fn connection(delivery: &DeliveryRow, around: &Around) -> AnyView {
    let name = delivery.connection.clone();
    match around.viewer.scope {
        Scope::All => {
            view! { <a class="quiet-link" href=format!("/connections/{}", delivery.connection_id)>{name}</a> }
                .into_any()
        }
        _ => name.into_any(),
    }
}

fn row(delivery: &DeliveryRow, around: &Around) -> AnyView {
    let reading = &around.reading;
    let (tone, state) = words::delivery(delivery.state);
    let what = delivery
        .document
        .clone()
        .map_or_else(|| delivery.connection.clone(), |number| format!("{number} / {}", delivery.subject_version));
    let kind = delivery.kind.map_or("event no longer in the log", words::event);
    let fault = delivery.fault.clone().filter(|_| !delivery.state.is_final());
    let end = match (delivery.next_attempt_at, &delivery.their_ref, delivery.finished_at) {
        (Some(at), _, _) if at <= reading.now => "now".into_any(),
        (Some(at), _, _) => clock(at, reading),
        (None, Some(number), _) => stamp(number.clone(), None),
        (None, None, Some(at)) => clock(at, reading),
        (None, None, None) => view! { <span class="muted">"–"</span> }.into_any(),
    };
    let edge = (tone == Tone::Crit).then_some("crit");
    view! {
        <tr data-edge=edge>
            <td class="a-id"><a class="id" href=format!("/deliveries/{}", delivery.delivery_id)>{what}</a><span class="sub">{kind}</span></td>
            <td class="a-item">{connection(delivery, around)}</td>
            <td class="a-status">{tag(tone, state)}{fault.map(|fault| view! { <span class="sub clip" dir="auto">{fault}</span> })}</td>
            <td class="num opt-1" data-label="tries">{counted_or_dash(delivery.attempts)}</td>
            <td class="nowrap opt-1">{clock(delivery.created_at, reading)}</td>
            <td class="nowrap a-due">{end}</td>
        </tr>
    }
    .into_any()
}

fn counted_or_dash(tries: i32) -> String {
    if tries == 0 { "–".to_owned() } else { counted(tries.into(), "", "").trim().to_owned() }
}
