//! `/production`: work orders within the scope, filtered and paged by the address alone.

use chrono::DateTime;
use domain::event::SubjectKind;
use domain::quantity::Unit;
use leptos::prelude::*;
use store::order_list::COUNTED;
use store::work_order_list::{self, Filter, Key, Page, View, WorkOrderRow};

use super::words;
use crate::address::Address;
use crate::error::AppError;
use crate::loaded;
use crate::page::Around;
use crate::request;
use crate::ui::empty::EmptyState;
use crate::ui::filter::{FilterBar, SavedView, SavedViews};
use crate::ui::header::PageHeader;
use crate::ui::number::{at_most, counted, quantity};
use crate::ui::pager::{Pager, Position};
use crate::ui::tag::{id, tag};
use crate::ui::time::clock;

const SIZES: [i64; 3] = [50, 25, 100];

struct List {
    around: Around,
    address: Address,
    view: Option<View>,
    rows: Vec<WorkOrderRow>,
    total: i64,
    more: bool,
    size: i64,
    late: i64,
    blocked: i64,
}

pub(super) fn page() -> impl IntoView {
    loaded(load(Address::of_request()), show)
}

fn filter(address: &Address) -> Filter {
    let codes = address.all("plant").flat_map(|value| value.split(',')).map(|word| word.trim().to_uppercase());
    Filter {
        view: address.get("view").and_then(View::parse),
        plants: codes.filter(|word| !word.is_empty()).collect(),
        item: address.get("item").map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned),
        text: address.get("q").map(|text| text.chars().take(100).collect()),
    }
}

fn key_text(key: Key) -> String {
    format!("{}.{}", key.at.timestamp_micros(), key.id)
}

fn parse_key(text: &str) -> Option<Key> {
    let (at, id) = text.split_once('.')?;
    Some(Key { at: DateTime::from_timestamp_micros(at.parse().ok()?)?, id: id.parse().ok()? })
}

async fn load(address: Address) -> Result<List, AppError> {
    let filter = filter(&address);
    let size = address.read("size").filter(|size| SIZES.contains(size)).unwrap_or(SIZES[0]);
    let place = Page {
        after: address.get("after").and_then(parse_key),
        before: address.get("before").and_then(parse_key),
        size: size + 1,
    };
    let mut tx = request::reader().await?;
    let around = Around::load(&mut tx).await?;
    let mut rows = work_order_list::page(&mut tx, &filter, &place).await?;
    let more = i64::try_from(rows.len()).unwrap_or(i64::MAX) > size;
    if more && place.before.is_some() {
        rows.remove(0);
    } else if more {
        rows.pop();
    }
    let total = work_order_list::count(&mut tx, &filter).await?;
    let of = |view| Filter { view: Some(view), ..Filter::default() };
    let late = work_order_list::count(&mut tx, &of(View::Late)).await?;
    let blocked = work_order_list::count(&mut tx, &of(View::Blocked)).await?;
    Ok(List { around, view: filter.view, address, rows, total, more, size, late, blocked })
}

const fn view_words(view: View) -> &'static str {
    match view {
        View::Open => "Open",
        View::InProcess => "In process",
        View::Late => "Late",
        View::Blocked => "Postings blocked",
        View::Done => "Done",
        View::Cancelled => "Cancelled",
    }
}

fn show(list: List) -> AnyView {
    let List { around, address, view, rows, total, more, size, late, blocked } = list;
    let plain = !address.is_narrowed(&["view", "size"]);
    let tab = |words: &str, of: Option<View>, count: Option<i64>| SavedView {
        words: words.to_owned(),
        count: count.filter(|count| *count > 0).map(|count| at_most(count, COUNTED)),
        href: of.map_or_else(|| "/production".to_owned(), |of| format!("/production?view={}", of.as_str())),
        current: plain && view == of,
    };
    let mut tabs = vec![tab("All", None, None)];
    tabs.extend(View::ALL.into_iter().map(|of| {
        let count = match of {
            View::Late => Some(late),
            View::Blocked => Some(blocked),
            _ => None,
        };
        tab(view_words(of), Some(of), count)
    }));
    let facts = vec![
        if total > COUNTED {
            format!("{} match", at_most(total, COUNTED))
        } else {
            counted(total, "work order", "work orders")
        }
        .into_any(),
        "what begins first in front".into_any(),
    ];
    let content = if rows.is_empty() {
        view! { <section class="sheet" aria-label="Work orders">{empty(&address)}</section> }.into_any()
    } else {
        let position = position(&address, &rows, total, more, size);
        let body = rows.iter().map(|row| row_view(row, &around)).collect_view();
        view! {
            <section class="sheet table-region" aria-label="Work orders">
                <table class="data-table blocks" role="table">
                    <caption class="visually-hidden">"Work orders"</caption>
                    <thead><tr>
                        <th scope="col">"Work order"</th>
                        <th scope="col">"Makes"</th>
                        <th scope="col" class="num">"Ordered"</th>
                        <th scope="col" class="num">"Made"</th>
                        <th scope="col" class="opt-1">"Begin"</th>
                        <th scope="col">"End"</th>
                        <th scope="col">"Status"</th>
                        <th scope="col">"Postings"</th>
                    </tr></thead>
                    <tbody>{body}</tbody>
                </table>
                <Pager position=position/>
            </section>
        }
        .into_any()
    };
    let page = view! {
        <PageHeader title="Work orders".into_any() facts=facts>
            <a class="button" href="/postings">"Blocked postings"</a>
        </PageHeader>
        <SavedViews views=tabs/>
        {filters(&address)}
        {content}
    };
    around.watching_all(&[SubjectKind::WorkOrder]).frame("Work orders", page)
}

fn filters(address: &Address) -> AnyView {
    let text = |key: &str| address.get(key).unwrap_or_default().to_owned();
    let words = |key: &str| address.get(key).map(str::to_owned);
    let tags = address.tags(
        &[
            ("view", "View", address.get("view").and_then(View::parse).map(|view| view_words(view).to_owned())),
            ("plant", "Plant", words("plant")),
            ("item", "Item", words("item")),
            ("q", "Begins with", words("q")),
        ],
        &["size"],
    );
    let form = view! {
        <form method="get" action="/production" class="menu fields">
            <div class="field"><label for="f-q">"Number or item begins with"</label><input class="input" id="f-q" name="q" value=text("q")/></div>
            <div class="field"><label for="f-item">"Item made or consumed"</label><input class="input" id="f-item" name="item" value=text("item")/></div>
            <div class="field"><label for="f-plant">"Plant"</label><input class="input" id="f-plant" name="plant" value=text("plant")/></div>
            {address.get("view").map(|view| view! { <input type="hidden" name="view" value=view.to_owned()/> })}
            <button class="button primary" type="submit">"Apply"</button>
        </form>
    }
    .into_any();
    view! { <FilterBar tags=tags clear="/production".to_owned()>{form}</FilterBar> }.into_any()
}

fn empty(address: &Address) -> AnyView {
    if address.is_narrowed(&["size"]) {
        return view! { <EmptyState title="No work order matches" text="The filters above leave nothing over." action=Some(("Show all work orders".to_owned(), "/production".to_owned()))/> }.into_any();
    }
    view! { <EmptyState title="Nothing is planned" text="Work orders stand here as soon as the ERP of a plant tells of one."/> }.into_any()
}

fn row_view(row: &WorkOrderRow, around: &Around) -> AnyView {
    let (tone, said) = words::status(row.status, row.is_late);
    let unit = Unit::new(&row.unit);
    let postings = match row.blocked {
        0 => view! { <span class="muted">"–"</span> }.into_any(),
        count => {
            view! { <a href=format!("{}#reports", words::href(row.work_order_id))>{tag(crate::ui::tone::Tone::Crit, format!("{count} blocked"))}</a> }.into_any()
        }
    };
    let scrap = (!row.scrapped.is_zero())
        .then(|| view! { <span class="sub">{format!("{} scrap", domain::quantity::grouped(row.scrapped, 0))}</span> });
    view! {
        <tr data-edge=(row.blocked > 0 || row.is_late).then_some("crit")>
            <td class="a-id"><a class="id nowrap" href=words::href(row.work_order_id)>{row.number.clone()}</a><span class="sub">{format!("plant {}", row.plant)}</span></td>
            <td class="a-item">{id(row.item.0.clone())}<span class="sub" dir="auto">{row.item.1.clone()}</span></td>
            <td class="num a-num nowrap">{quantity(row.quantity, &unit)}</td>
            <td class="num nowrap a-num2"><span class="narrow-only sub">"made "</span>{quantity(row.completed, &unit)}{scrap}</td>
            <td class="nowrap opt-1">{clock(row.starts_at, &around.reading)}</td>
            <td class="nowrap a-due">{clock(row.due_at, &around.reading)}</td>
            <td class="a-status">{tag(tone, said)}</td>
            <td class="a-sync">{postings}</td>
        </tr>
    }
    .into_any()
}

fn position(address: &Address, rows: &[WorkOrderRow], total: i64, more: bool, size: i64) -> Position {
    let shown = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    let backwards = address.get("before").is_some();
    let (has_previous, has_next) = if backwards { (more, true) } else { (address.get("after").is_some(), more) };
    let key = |row: Option<&WorkOrderRow>| row.map(|row| key_text(row.key()));
    let mut sizes = SIZES;
    sizes.sort_unstable();
    Position {
        words: format!("{} of {}", counted(shown, "work order", "work orders"), at_most(total, COUNTED)),
        previous: key(rows.first()).filter(|_| has_previous).map(|key| address.with("before", key).href()),
        next: key(rows.last()).filter(|_| has_next).map(|key| address.with("after", key).href()),
        sizes: sizes.into_iter().map(|other| (other, address.with("size", other).href(), other == size)).collect(),
    }
}
