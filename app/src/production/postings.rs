//! `/postings`: what the shop floor reported and the ERP does not have, by cause, the oldest first.

use chrono::DateTime;
use domain::event::SubjectKind;
use domain::production::posting::Cause;
use leptos::prelude::*;
use store::posting_list::{self, Group, Key, Waiting};

use super::words;
use crate::address::Address;
use crate::error::AppError;
use crate::loaded;
use crate::page::Around;
use crate::request;
use crate::ui::empty::EmptyState;
use crate::ui::filter::{SavedView, SavedViews};
use crate::ui::header::PageHeader;
use crate::ui::number::counted;
use crate::ui::tag::tag;
use crate::ui::time::{clock, duration};

/// Rows on one page.
const ROWS: i64 = 50;

struct List {
    around: Around,
    cause: Option<Cause>,
    groups: Vec<Group>,
    rows: Vec<Waiting>,
    next: Option<String>,
    later: bool,
}

pub(super) fn page() -> impl IntoView {
    loaded(load(Address::of_request()), show)
}

fn parse_key(text: &str) -> Option<Key> {
    let (at, id) = text.split_once('.')?;
    Some((DateTime::from_timestamp_micros(at.parse().ok()?)?, id.parse().ok()?))
}

async fn load(address: Address) -> Result<List, AppError> {
    let cause = address.get("cause").and_then(|word| word.parse().ok());
    let after = address.get("after").and_then(parse_key);
    let mut tx = request::reader().await?;
    let around = Around::load(&mut tx).await?;
    let groups = posting_list::groups(&mut tx).await?;
    let mut rows = posting_list::list(&mut tx, cause, None, after, ROWS + 1).await?;
    let more = i64::try_from(rows.len()).unwrap_or(i64::MAX) > ROWS;
    if more {
        rows.pop();
    }
    let next = rows.last().filter(|_| more).map(|last| {
        let key = format!("{}.{}", last.recorded_at.timestamp_micros(), last.report_id);
        address.with("after", key).href()
    });
    Ok(List { around, cause, groups, rows, next, later: after.is_some() })
}

fn show(list: List) -> AnyView {
    let List { around, cause, groups, rows, next, later } = &list;
    let all: i64 = groups.iter().map(|group| group.count).sum();
    let mut tabs = vec![SavedView {
        words: "All".to_owned(),
        count: (all > 0).then(|| all.to_string()),
        href: "/postings".to_owned(),
        current: cause.is_none(),
    }];
    tabs.extend(groups.iter().map(|group| SavedView {
        words: group.cause.title().to_owned(),
        count: Some(group.count.to_string()),
        href: format!("/postings?cause={}", group.cause),
        current: *cause == Some(group.cause),
    }));
    let facts = vec![counted(all, "posting waits", "postings wait").into_any(), "the oldest first".into_any()];
    let about = groups.iter().filter(|group| cause.is_none_or(|cause| cause == group.cause)).map(|group| {
        let age = duration(around.now() - group.oldest);
        view! {
            <li>
                <span class="tag-first">{tag(words::posting(None, Some(group.cause)).0, group.cause.title())}</span>
                <span>{format!("{}, {}, the oldest for {age}", counted(group.count, "posting", "postings"), counted(group.orders, "work order", "work orders"))}</span>
                <span class="sub">{group.cause.way_out()}</span>
            </li>
        }
    });
    let causes = (!groups.is_empty()).then(|| {
        view! {
            <section class="sheet" aria-labelledby="causes-title">
                <div class="section-head"><h2 id="causes-title">"What they wait for"</h2></div>
                <ul class="row-list">{about.collect_view()}</ul>
            </section>
        }
    });
    let content = if rows.is_empty() {
        let empty = if cause.is_some() {
            view! { <EmptyState title="Nothing waits for this" text="Whatever waited for it is posted." action=Some(("Show all".to_owned(), "/postings".to_owned()))/> }.into_any()
        } else {
            view! { <EmptyState title="Nothing waits" text="Whatever the shop floor reported is in the ERP, or on its way there."/> }.into_any()
        };
        view! { <section class="sheet" aria-label="Blocked postings">{empty}</section> }.into_any()
    } else {
        let body = rows.iter().map(|row| row_view(row, around)).collect_view();
        let first = later.then(|| view! { <a class="button small" href="/postings">"The oldest"</a> });
        let next = next.clone().map(|href| view! { <a class="button small" rel="next" href=href>"Next"</a> });
        let pages = (first.is_some() || next.is_some()).then(|| view! { <div class="pad actions">{first}{next}</div> });
        view! {
            <section class="sheet table-region" aria-label="Blocked postings">
                <table class="data-table blocks" role="table">
                    <caption class="visually-hidden">"Blocked postings"</caption>
                    <thead><tr>
                        <th scope="col">"Work order"</th>
                        <th scope="col">"Reported"</th>
                        <th scope="col">"Happened"</th>
                        <th scope="col">"Cause"</th>
                        <th scope="col"><span class="visually-hidden">"Decide"</span></th>
                    </tr></thead>
                    <tbody>{body}</tbody>
                </table>
                {pages}
            </section>
        }
        .into_any()
    };
    let page = view! {
        <PageHeader title="Blocked postings".into_any() facts=facts>
            <a class="button" href="/production">"Work orders"</a>
        </PageHeader>
        <SavedViews views=tabs/>
        <div class="stack">{causes}{content}</div>
    };
    around.clone().watching_all(&[SubjectKind::WorkOrder]).frame("Blocked postings", page)
}

fn row_view(row: &Waiting, around: &Around) -> AnyView {
    let (id, number, plant) = &row.order;
    let behind = (row.behind > 0)
        .then(|| view! { <span class="sub">{format!("{} behind it", counted(row.behind, "posting waits", "postings wait"))}</span> });
    let (tone, said) = words::posting(None, Some(row.cause));
    view! {
        <tr data-edge="crit">
            <td class="a-id"><a class="id nowrap" href=words::href(id)>{number.clone()}</a><span class="sub">{format!("plant {plant}")}</span></td>
            <td class="a-item">{words::kind(&row.what)}": "{words::reported(&row.what)}<span class="sub">{row.reason.clone()}</span></td>
            <td class="nowrap a-due">{clock(row.at, &around.reading)}<span class="sub">{format!("waits for {}", duration(around.now() - row.recorded_at))}</span></td>
            <td class="a-status">{tag(tone, said)}{behind}</td>
            <td class="a-action"><a class="button small" href=format!("/postings/{}", row.report_id)>"Decide"</a></td>
        </tr>
    }
    .into_any()
}
