//! `/differences`: the worklist, the longest open first.

use domain::access::{Action, may};
use domain::receipt::CaseState;
use leptos::prelude::*;
use store::differences::{self, CaseRow, Filter};
use store::exchange_list::Key;

use crate::address::{Address, encoded};
use crate::error::AppError;
use crate::inbound::words;
use crate::loaded;
use crate::page::Around;
use crate::request;
use crate::ui::empty::EmptyState;
use crate::ui::filter::{SavedView, SavedViews};
use crate::ui::header::PageHeader;
use crate::ui::number::at_most;
use crate::ui::pager::{Pager, Position};
use crate::ui::tag::plain_tag;
use crate::ui::time::duration;
use crate::ui::tone::Tone;

const SIZE: i64 = 50;

struct List {
    around: Around,
    address: Address,
    rows: Vec<CaseRow>,
    open: i64,
    unanswered: i64,
    more: bool,
}

pub(super) fn page() -> impl IntoView {
    loaded(load(Address::of_request()), show)
}

/// Suppliers see their own; in the house whoever sees what comes in.
pub(super) fn allowed(around: &Around) -> Result<(), AppError> {
    if !around.viewer.is_supplier() {
        may(&around.viewer.actor(), Action::SeeInbound)?;
    }
    Ok(())
}

fn states(address: &Address) -> Vec<CaseState> {
    match address.get("state") {
        Some("answer") => vec![CaseState::Open],
        Some("settle") => vec![CaseState::Answered],
        Some("closed") => vec![CaseState::Closed],
        _ => vec![CaseState::Open, CaseState::Answered],
    }
}

async fn load(address: Address) -> Result<List, AppError> {
    let mut tx = request::reader().await?;
    let around = Around::load(&mut tx).await?;
    allowed(&around)?;
    let filter = Filter {
        states: states(&address),
        supplier: address.get("supplier").map(str::to_owned),
        plant: address.get("plant").map(str::to_owned),
    };
    let mut rows = differences::page(&mut tx, &filter, address.read::<Key>("after"), SIZE + 1).await?;
    let more = i64::try_from(rows.len()).unwrap_or(i64::MAX) > SIZE;
    rows.truncate(usize::try_from(SIZE).unwrap_or(usize::MAX));
    let (open, unanswered) = differences::open_counts(&mut tx).await?;
    Ok(List { around, address, rows, open, unanswered, more })
}

fn show(list: List) -> AnyView {
    let List { around, address, rows, open, unanswered, more } = list;
    let supplier = around.viewer.is_supplier();
    let chosen = address.get("state").unwrap_or_default().to_owned();
    let tab = |words: &str, value: &str, count: Option<i64>| SavedView {
        words: words.to_owned(),
        count: count.map(|count| at_most(count, differences::COUNTED)),
        href: address.with("state", value).href(),
        current: chosen == value,
    };
    let views = vec![
        tab("Open", "", Some(open)),
        tab(if supplier { "Need your answer" } else { "With the supplier" }, "answer", Some(unanswered)),
        tab(if supplier { "With the buyer" } else { "To be settled" }, "settle", Some(open - unanswered)),
        tab("Settled", "closed", None),
    ];
    let content = if rows.is_empty() { empty(&chosen) } else { table(&rows, &address, more, &around) };
    let page = view! {
        <PageHeader title="Differences".into_any() facts=vec!["announced and received differ".into_any(), "the longest open first".into_any()]/>
        <SavedViews views=views/>
        {content}
    };
    around.frame("Differences", page)
}

fn empty(chosen: &str) -> AnyView {
    let (title, text) = match chosen {
        "closed" => ("Nothing was settled yet", "What is settled is kept here."),
        _ => ("No difference is open", "Everything that came was as announced, or is settled."),
    };
    view! { <section class="sheet" aria-label="Differences"><EmptyState title=title text=text/></section> }.into_any()
}

fn table(rows: &[CaseRow], address: &Address, more: bool, around: &Around) -> AnyView {
    let supplier = around.viewer.is_supplier();
    let body = rows
        .iter()
        .map(|row| {
            let (tone, state) = words::case_state(row.state, supplier);
            let state = row.outcome.map_or(state, words::outcome);
            let first = row.lines.first().map(words::difference).unwrap_or_default();
            let others = match row.lines.len() {
                0 | 1 => String::new(),
                more => format!("and {} more", more - 1),
            };
            let notice = row.notice.clone().map(|number| view! { <a class="id nowrap" href=format!("/shipments/{}", encoded(&number))>{number.clone()}</a> });
            let mine = matches!((row.state, supplier), (CaseState::Open, true) | (CaseState::Answered, false));
            view! {
                <tr data-edge=(mine && tone == Tone::Warn).then_some("warn")>
                    <td class="a-id"><a class="id nowrap" href=format!("/differences/{}", encoded(&row.number))>{row.number.clone()}</a><span class="sub">{if supplier { format!("plant {}", row.plant) } else { format!("{}, {}", row.supplier.1, row.plant) }}</span></td>
                    <td class="a-item"><span dir="auto">{first}</span><span class="sub">{others}</span></td>
                    <td class="opt-1">{notice}</td>
                    <td class="nowrap a-due" data-label="open for">{duration(around.now() - row.opened_at)}</td>
                    <td class="a-status">{plain_tag(tone, state)}</td>
                </tr>
            }
        })
        .collect_view();
    let next = rows
        .last()
        .filter(|_| more)
        .map(|row| address.with("after", Key { at: row.opened_at, id: row.case_id.0 }).href());
    let words = format!("{} shown", rows.len());
    let position = Position { words, previous: None, next, sizes: Vec::new() };
    view! {
        <section class="sheet table-region" aria-label="Differences">
            <table class="data-table blocks" role="table">
                <caption class="visually-hidden">"Differences between announced and received"</caption>
                <thead><tr><th scope="col">"Difference"</th><th scope="col">"What differs"</th><th scope="col" class="opt-1">"Ship notice"</th><th scope="col">"Age"</th><th scope="col">"State"</th></tr></thead>
                <tbody>{body}</tbody>
            </table>
            <Pager position=position/>
        </section>
    }
    .into_any()
}
