//! `/orders`: schedule lines within the scope, filtered, sorted and paged by the address alone.
//!
//! Every tab's number is the count of the list behind it: the tabs are the rail's buckets, counted by the same function in
//! the same transaction as the list.

use domain::event::SubjectKind;
use leptos::prelude::*;
use store::order_list::{self, Bucket, COUNTED, LineRow};

use crate::error::AppError;
use crate::loaded;
use crate::page::{self, Around};
use crate::request;
use crate::ui::empty::EmptyState;
use crate::ui::field::options;
use crate::ui::filter::{FilterBar, FilterTag, SavedView, SavedViews};
use crate::ui::header::PageHeader;
use crate::ui::number::{at_most, counted, quantity};
use crate::ui::pager::{Pager, Position};
use crate::ui::table::{SortHead, Sorted, edge};
use crate::ui::tag::{sync_badge, tag};
use crate::ui::time::{date, date_or_dash};

use super::list_query::{ListQuery, SIZES, bucket_words};
use super::words;

struct List {
    around: Around,
    query: ListQuery,
    rows: Vec<LineRow>,
    total: i64,
    /// There are rows beyond the page in the direction of travel.
    more: bool,
}

pub(super) fn page() -> impl IntoView {
    loaded(load(page::query()), show)
}

async fn load(pairs: Vec<(String, String)>) -> Result<List, AppError> {
    let query = ListQuery::parse(pairs.iter().map(|(key, value)| (key.as_str(), value.as_str())));
    let mut tx = request::reader().await?;
    let around = Around::load(&mut tx).await?;
    let mut rows = order_list::page(&mut tx, &query.filter(), &query.page()).await?;
    let shown = usize::try_from(query.size).unwrap_or(usize::MAX);
    let more = rows.len() > shown;
    if more && query.before.is_some() {
        rows.remove(0);
    } else if more {
        rows.pop();
    }
    let total = match VIEWS.iter().find(|(_, bucket)| query.is_view(*bucket)) {
        Some((_, bucket)) => count_of(*bucket, &around),
        None => order_list::count(&mut tx, &query.filter()).await?,
    };
    Ok(List { around, query, rows, total, more })
}

/// The tabs: words for insiders and the bucket behind them.
const VIEWS: [(&str, Option<Bucket>); 6] = [
    ("All", None),
    ("Waiting for supplier", Some(Bucket::NeedsSupplier)),
    ("With the buyer", Some(Bucket::WithBuyer)),
    ("Not in ERP", Some(Bucket::NotInErp)),
    ("Changed by buyer", Some(Bucket::Changed)),
    ("Overdue", Some(Bucket::Overdue)),
];

fn count_of(bucket: Option<Bucket>, around: &Around) -> i64 {
    let waiting = &around.waiting;
    match bucket {
        None => waiting.lines,
        Some(Bucket::NeedsSupplier) => waiting.needs_supplier,
        Some(Bucket::WithBuyer) => waiting.with_buyer,
        Some(Bucket::NotInErp) => waiting.not_in_erp,
        Some(Bucket::Changed) => waiting.changed,
        Some(Bucket::Overdue) => waiting.overdue,
        Some(_) => 0,
    }
}

fn show(list: List) -> AnyView {
    let List { around, query, rows, total, more } = list;
    let insider = !around.viewer.is_supplier();
    let tabs = VIEWS
        .iter()
        .map(|(words, bucket)| SavedView {
            words: if *bucket == Some(Bucket::NeedsSupplier) && !insider {
                "Need you".to_owned()
            } else {
                (*words).to_owned()
            },
            count: Some(at_most(count_of(*bucket, &around), COUNTED)),
            href: bucket.map_or_else(|| "/orders".to_owned(), |bucket| format!("/orders?status={}", bucket.as_str())),
            current: query.is_view(*bucket),
        })
        .collect::<Vec<_>>();
    let facts = vec![
        if total > COUNTED {
            format!("{} lines match", at_most(total, COUNTED))
        } else {
            format!("{} of {} match", counted(total, "line", "lines"), at_most(around.waiting.lines, COUNTED))
        }
        .into_any(),
        if query.descending { "furthest day first".into_any() } else { "next day first".into_any() },
    ];
    let content = if rows.is_empty() {
        view! { <section class="sheet" aria-label="Lines">{empty(&query, &around)}</section> }.into_any()
    } else {
        table(&query, &rows, total, more, &around)
    };
    let page = view! {
        <PageHeader title="Orders".into_any() facts=facts/>
        <SavedViews views=tabs/>
        {filters(&query, insider)}
        {content}
    };
    around.watching_all(&[SubjectKind::Order]).frame("Orders", page)
}

fn filters(query: &ListQuery, insider: bool) -> AnyView {
    let mut tags: Vec<FilterTag> = query
        .tags()
        .into_iter()
        .map(|(key, words, without)| FilterTag { key, words, without, unknown: false })
        .collect();
    tags.extend(query.unknown.iter().map(|(key, value)| FilterTag {
        key: "unknown filter".to_owned(),
        words: format!("{key}={value}"),
        without: query.href(),
        unknown: true,
    }));
    let day = |on: Option<chrono::NaiveDate>| on.map(|on| on.to_string()).unwrap_or_default();
    let status: Vec<(String, String)> = std::iter::once((String::new(), "any".to_owned()))
        .chain(Bucket::ALL.iter().map(|bucket| (bucket.as_str().to_owned(), bucket_words(*bucket).to_owned())))
        .collect();
    let chosen = match query.status.as_slice() {
        [only] => only.as_str(),
        _ => "",
    };
    let supplier = insider.then(|| {
        view! { <div class="field"><label for="f-supplier">"Supplier number"</label><input class="input" id="f-supplier" name="supplier" value=query.suppliers.join(",")/></div> }
    });
    let form = view! {
            <form method="get" action="/orders" class="menu fields">
                <div class="field"><label for="f-q">"Order, item or words"</label><input class="input" id="f-q" name="q" value=query.text.clone()/></div>
                <div class="field"><label for="f-status">"Status"</label><select class="input" id="f-status" name="status">{options(status, chosen)}</select></div>
                <div class="field"><label for="f-plant">"Plant"</label><input class="input" id="f-plant" name="plant" value=query.plants.join(",")/></div>
                {supplier}
                <div class="field pair"><label for="f-from">"Due from"</label><input class="input" id="f-from" name="due_from" type="date" value=day(query.due_from)/></div>
                <div class="field pair"><label for="f-to">"Due until"</label><input class="input" id="f-to" name="due_to" type="date" value=day(query.due_to)/></div>
                {query.descending.then(|| view! { <input type="hidden" name="sort" value="-due"/> })}
                {(query.size != SIZES[0]).then(|| view! { <input type="hidden" name="size" value=query.size.to_string()/> })}
                <button class="button primary" type="submit">"Apply"</button>
            </form>
    }
    .into_any();
    view! { <FilterBar tags=tags clear="/orders".to_owned()>{form}</FilterBar> }.into_any()
}

fn empty(query: &ListQuery, around: &Around) -> AnyView {
    let lines = around.waiting.lines;
    let clear = Some(("Clear filters".to_owned(), "/orders".to_owned()));
    if lines == 0 {
        let text = if around.viewer.is_supplier() {
            "As soon as the buyer's ERP publishes an order for you, its lines stand here."
        } else {
            "Orders come from the ERP. If there should be some, look whether its connection is running."
        };
        return view! { <EmptyState title="No orders yet" text=text/> }.into_any();
    }
    if query.is_view(Some(Bucket::NeedsSupplier)) {
        let text = format!("All {} are answered.", counted(lines, "line", "lines"));
        return view! { <EmptyState title="Nothing waits for an answer" text=text action=Some(("Show all lines".to_owned(), "/orders".to_owned()))/> }.into_any();
    }
    if VIEWS.iter().any(|(_, bucket)| query.is_view(*bucket)) && query.after.is_none() && query.before.is_none() {
        let text = format!("{} in all, none of them here.", counted(lines, "line", "lines"));
        return view! { <EmptyState title="Nothing here" text=text action=Some(("Show all lines".to_owned(), "/orders".to_owned()))/> }.into_any();
    }
    view! { <EmptyState title="No line matches" text="The filters above leave nothing over." action=clear/> }.into_any()
}

fn table(query: &ListQuery, rows: &[LineRow], total: i64, more: bool, around: &Around) -> AnyView {
    let insider = !around.viewer.is_supplier();
    let sorted = if query.descending { Sorted::Descending } else { Sorted::Ascending };
    let other_way = query.but(|query| query.descending = !query.descending).href();
    let body = rows.iter().map(|line| row(line, around, insider)).collect_view();
    let position = position(query, rows, total, more);
    view! {
        <section class="sheet table-region" aria-label="Lines">
            <table class="data-table blocks" role="table">
                <caption class="visually-hidden">"Schedule lines of orders"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Order / line"</th>
                        {insider.then(|| view! { <th scope="col" class="opt-1">"Supplier"</th> })}
                        <th scope="col">"Item"</th>
                        {(!insider).then(|| view! { <th scope="col" class="opt-2">"Your number"</th> })}
                        <th scope="col" class="num">"Quantity"</th>
                        <SortHead words="Requested" sorted=sorted href=other_way class="opt-1"/>
                        <th scope="col" class="opt-2">"First confirmed"</th>
                        <th scope="col">"Last confirmed"</th>
                        <th scope="col">"Answer"</th>
                        <th scope="col">"Sent to ERP"</th>
                    </tr>
                </thead>
                <tbody>{body}</tbody>
            </table>
            <Pager position=position/>
        </section>
    }
    .into_any()
}

fn row(line: &LineRow, around: &Around, insider: bool) -> AnyView {
    let today = domain::calendar::today(around.now(), around.reading.zone);
    let asked = words::Asked {
        state: line.state,
        quantity: line.quantity,
        unit: &line.unit,
        requested_on: line.requested_on,
        promise: line.promise.as_deref(),
        proposal: line.proposal.as_ref(),
        counter: line.counter.as_ref(),
        change: line.change.as_ref(),
    };
    let (tone, said) = words::answer(&asked, today);
    let badge = words::sync(line.state, line.promise_event.is_some(), line.delivery.as_ref(), &around.reading, insider);
    let changed = line.last_confirmed_on.is_some_and(|on| on != line.requested_on);
    let mark =
        words::edge(line.state, line.requested_on <= today, badge.as_ref().map(|(tone, _)| *tone), &around.viewer);
    let href = format!("/orders/{}#line-{}", super::list_query::encoded(&line.order), line.line);
    let number = if line.schedule > 1 {
        format!("{} / {}.{}", line.order, line.line, line.schedule)
    } else {
        format!("{} / {}", line.order, line.line)
    };
    let below = if insider { format!("{}, {}", line.supplier.1, line.plant) } else { format!("plant {}", line.plant) };
    // On a phone a line without a promise shows the day it is requested for.
    let due = match (line.last_confirmed_on, line.promise.as_deref().map_or(0, <[_]>::len)) {
        (Some(on), 0 | 1) => view! { <span class=changed.then_some("changed")>{date(on)}</span> }.into_any(),
        (Some(on), parts) => {
            view! { <span class="changed">{date(on)}</span><span class="sub">{format!("in {parts} parts")}</span> }
                .into_any()
        }
        (None, _) => {
            view! { <span class="wide-only muted">"–"</span><span class="phone-only">{date(line.requested_on)}</span> }
                .into_any()
        }
    };
    let label = line.last_confirmed_on.is_none().then_some("requested");
    view! {
        <tr data-edge=edge(mark)>
            <td class="a-id"><a class="id nowrap" href=href>{number}</a><span class=if insider { "sub narrow-only" } else { "sub" }>{below}</span></td>
            {insider.then(|| view! { <td class="opt-1">{line.supplier.1.clone()}<span class="sub">{format!("{} · {}", line.supplier.0, line.plant)}</span></td> })}
            <td class="a-item"><span class="id item-no">{line.item.clone()}</span><span class="sub" dir="auto">{line.description.clone()}</span></td>
            {(!insider).then(|| view! { <td class="opt-2"><span class="id muted">{line.supplier_item.clone().unwrap_or_else(|| "–".to_owned())}</span></td> })}
            <td class="num a-num">{quantity(line.quantity, &line.unit)}</td>
            <td class="nowrap opt-1">{date(line.requested_on)}</td>
            <td class="nowrap opt-2">{date_or_dash(line.first_confirmed_on)}</td>
            <td class="nowrap a-due" data-label=label>{due}</td>
            <td class="a-status">{tag(tone, said)}</td>
            <td class="a-sync">{badge.map_or_else(|| view! { <span class="muted wide-only">"–"</span> }.into_any(), |(tone, said)| sync_badge(tone, said))}</td>
        </tr>
    }
    .into_any()
}

fn position(query: &ListQuery, rows: &[LineRow], total: i64, more: bool) -> Position {
    let shown = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    let key =
        |row: Option<&LineRow>| row.map(|row| order_list::Key { day: row.requested_on, id: row.schedule_line_id.0 });
    // Rows may have come or gone since the first page; the words stay within what there is.
    let first = query.from.min((total - shown).max(0)) + 1;
    let words = if total <= shown && query.from == 0 && query.before.is_none() {
        format!("{} of {}", counted(shown, "line", "lines"), at_most(total, COUNTED))
    } else {
        format!("{}–{} of {}", at_most(first, i64::MAX), at_most(first + shown - 1, i64::MAX), at_most(total, COUNTED))
    };
    let backwards = query.before.is_some();
    let has_previous = if backwards { more } else { query.after.is_some() };
    let has_next = if backwards { true } else { more };
    let previous = has_previous
        .then(|| key(rows.first()))
        .flatten()
        .map(|key| query.but(|other| (other.before, other.from) = (Some(key), (first - 1 - query.size).max(0))).href());
    let next = has_next
        .then(|| key(rows.last()))
        .flatten()
        .map(|key| query.but(|other| (other.after, other.from) = (Some(key), first - 1 + shown)).href());
    let mut sizes = SIZES;
    sizes.sort_unstable();
    let sizes =
        sizes.into_iter().map(|size| (size, query.but(|other| other.size = size).href(), size == query.size)).collect();
    Position { words, previous, next, sizes }
}
