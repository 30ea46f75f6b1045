//! `/production/:id`: a work order with what it needs, what it may take, what the shop floor reported, and what of it the ERP
//! has.

use chrono::DateTime;
use domain::id::WorkOrderId;
use domain::quantity::grouped;
use domain::work_order::Component;
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use store::timeline::{self, Entry};
use store::work_order_list::{self, Free, Key, ReportRow, WorkOrderRecord};

use super::words;
use crate::address::Address;
use crate::error::AppError;
use crate::loaded;
use crate::orders::history::{self, Shown};
use crate::page::Around;
use crate::request;
use crate::ui::copy::copy_button;
use crate::ui::header::{Breadcrumb, Crumb, PageHeader};
use crate::ui::number::{counted, quantity};
use crate::ui::tag::{id, stamp, sync_badge, tag};
use crate::ui::time::{instant, instant_with_zone};
use crate::ui::tone::Tone;

/// Reports on one page.
const REPORTS: i64 = 50;

struct View {
    around: Around,
    record: WorkOrderRecord,
    reports: Vec<ReportRow>,
    /// Where the next page of reports begins.
    older: Option<String>,
    /// This is not the first page.
    later: bool,
    history: Vec<Entry>,
}

pub(super) fn page() -> impl IntoView {
    let typed = use_params_map().get_untracked().get("id").unwrap_or_default();
    loaded(load(typed, Address::of_request()), show)
}

fn parse_key(text: &str) -> Option<Key> {
    let (at, id) = text.split_once('.')?;
    Some(Key { at: DateTime::from_timestamp_micros(at.parse().ok()?)?, id: id.parse().ok()? })
}

async fn load(typed: String, address: Address) -> Result<View, AppError> {
    let work_order_id: WorkOrderId =
        typed.parse().map_err(|_| AppError::NotFound { what: "The work order".to_owned() })?;
    let after = address.get("after").and_then(parse_key);
    let mut tx = request::reader().await?;
    let around = Around::load(&mut tx).await?;
    let record = work_order_list::get(&mut tx, work_order_id).await?;
    let mut reports = work_order_list::reports(&mut tx, work_order_id, after, REPORTS + 1).await?;
    let more = i64::try_from(reports.len()).unwrap_or(i64::MAX) > REPORTS;
    if more {
        reports.pop();
    }
    let older = reports.last().filter(|_| more).map(|last| {
        let key = format!("{}.{}", last.recorded_at.timestamp_micros(), last.report_id);
        format!("{}#reports", address.with("after", key).href())
    });
    let history = timeline::of_subject(&mut tx, work_order_id.0).await?;
    Ok(View { around, record, reports, older, later: after.is_some(), history })
}

fn show(view: View) -> AnyView {
    let View { around, record, .. } = &view;
    let order = &record.known.order;
    let late = order.status.is_open() && order.due_at < around.now();
    let (tone, said) = words::status(order.status, late);
    let facts = vec![
        view! { {id(order.item.clone())}" "<span dir="auto">{order.description.clone()}</span> }.into_any(),
        format!("plant {}, {}", order.plant, record.plant_name).into_any(),
        format!("from {}", record.system).into_any(),
    ];
    let title = view! { "Work order "{id(order.number.clone())} }.into_any();
    let beside = view! { {copy_button(order.number.clone(), "work order number")}{tag(tone, said)} }.into_any();
    let content = view! {
        <Breadcrumb crumbs=vec![Crumb::link("Work orders", "/production"), Crumb::here(order.number.clone()).mono()]/>
        <PageHeader title=title beside=Some(beside) facts=facts/>
        <div class="columns-8-4">
            <div class="stack">
                {component_sheet(record)}
                {report_sheet(&view)}
                {history_sheet(&view)}
            </div>
            <div class="stack">
                {fact_sheet(record, around)}
                {operation_sheet(record)}
            </div>
        </div>
    };
    around.clone().watching(order.work_order_id).frame(format!("Work order {}", order.number), content)
}

fn fact_sheet(record: &WorkOrderRecord, around: &Around) -> AnyView {
    let order = &record.known.order;
    let when = |at: Option<domain::Timestamp>| match at {
        Some(at) => instant(at, &around.reading),
        None => view! { <span class="muted">"not yet"</span> }.into_any(),
    };
    view! {
        <section class="sheet" aria-labelledby="facts-title">
            <div class="section-head"><h2 id="facts-title">"Progress"</h2></div>
            <dl class="fact-list">
                <dt>"Ordered"</dt><dd class="num">{quantity(order.quantity, &order.unit)}</dd>
                <dt>"Made"</dt><dd class="num">{quantity(record.known.completed, &order.unit)}</dd>
                <dt>"Scrap"</dt><dd class="num">{quantity(record.scrapped, &order.unit)}</dd>
                <dt>"Scheduled begin"</dt><dd>{instant_with_zone(order.starts_at, &around.reading)}</dd>
                <dt>"Scheduled end"</dt><dd>{instant_with_zone(order.due_at, &around.reading)}</dd>
                <dt>"Begun"</dt><dd>{when(record.begun_at)}</dd>
                <dt>"Finished"</dt><dd>{when(record.finished_at)}</dd>
                <dt>"Revision"</dt><dd class="num">{order.revision}</dd>
            </dl>
        </section>
    }
    .into_any()
}

fn operation_sheet(record: &WorkOrderRecord) -> AnyView {
    let operations = &record.known.order.operations;
    if operations.is_empty() {
        return ().into_any();
    }
    let rows = operations
        .iter()
        .map(|operation| {
            view! {
                <li><span class="id">{operation.number.clone()}</span><span dir="auto">{operation.name.clone()}</span><span class="end muted">{operation.station.clone()}</span></li>
            }
        })
        .collect_view();
    view! {
        <section class="sheet" aria-labelledby="operations-title">
            <div class="section-head"><h2 id="operations-title">"Operations"</h2></div>
            <ul class="row-list">{rows}</ul>
        </section>
    }
    .into_any()
}

fn component_sheet(record: &WorkOrderRecord) -> AnyView {
    let components = &record.known.order.components;
    let rows = components
        .iter()
        .map(|component| {
            let free = record.free.iter().find(|(number, _)| *number == component.number).map(|(_, free)| free);
            component_row(record, component, free)
        })
        .collect_view();
    let body = if components.is_empty() {
        view! { <p class="pad muted">"It takes nothing that is kept in stock."</p> }.into_any()
    } else {
        view! {
            <table class="data-table blocks" role="table">
                <caption class="visually-hidden">"Components"</caption>
                <thead><tr>
                    <th scope="col">"Component"</th>
                    <th scope="col" class="num">"Needed"</th>
                    <th scope="col" class="num">"Consumed"</th>
                    <th scope="col" class="num">"Free now"</th>
                    <th scope="col">"Lots to take"</th>
                </tr></thead>
                <tbody>{rows}</tbody>
            </table>
        }
        .into_any()
    };
    view! {
        <section class="sheet table-region" aria-labelledby="components-title">
            <div class="section-head"><h2 id="components-title">"Components "<span>"what may be used of each in the plant now"</span></h2></div>
            {body}
        </section>
    }
    .into_any()
}

fn component_row(record: &WorkOrderRecord, component: &Component, free: Option<&Free>) -> AnyView {
    let consumed =
        record.known.consumed.get(&component.number).map_or(domain::Decimal::ZERO, |(_, consumed)| *consumed);
    let left = (component.quantity - consumed).max(domain::Decimal::ZERO);
    // Compared only where both are counted alike.
    let short = record.known.order.status.is_open()
        && free.is_some_and(|free| free.unit == component.unit && free.quantity < left);
    let there = match free {
        None => view! { <span class="muted">"not known"</span> }.into_any(),
        Some(free) => {
            let tone = short.then(|| view! { <span class="sub">{tag(Tone::Crit, format!("{} short", grouped(left - free.quantity, 0)))}</span> });
            let told = free.told.then(|| view! { <span class="sub">"as its systems say"</span> });
            view! { {quantity(free.quantity, &free.unit)}{tone}{told} }.into_any()
        }
    };
    let lots = free
        .into_iter()
        .flat_map(|free| &free.lots)
        .map(|(lot, number, quantity)| {
            view! { <li><a class="id" href=format!("/lots/{lot}")>{number.clone()}</a>" "<span class="muted">{grouped(*quantity, 0)}</span></li> }
        })
        .collect_view();
    let backflush =
        component.backflush.then(|| view! { <span class="sub">"booked by the ERP from what is made"</span> });
    view! {
        <tr data-edge=short.then_some("crit")>
            <td class="a-id"><a class="id" href=format!("/stock?item={}", crate::address::encoded(&component.item))>{component.item.clone()}</a><span class="sub" dir="auto">{component.number.clone()}" "{component.description.clone()}</span>{backflush}</td>
            <td class="num a-num nowrap">{quantity(component.quantity, &component.unit)}</td>
            <td class="num a-due nowrap" data-label="consumed">{quantity(consumed, &component.unit)}</td>
            <td class="num a-sync"><span class="phone-only sub">"free now "</span>{there}</td>
            <td class="a-item"><ul class="plain-list">{lots}</ul></td>
        </tr>
    }
    .into_any()
}

fn report_sheet(view: &View) -> AnyView {
    let rows = view.reports.iter().map(|row| report_row(row, &view.around)).collect_view();
    let body = if view.reports.is_empty() {
        view! { <p class="pad muted">"The shop floor has reported nothing yet."</p> }.into_any()
    } else {
        view! {
            <table class="data-table blocks" role="table">
                <caption class="visually-hidden">"Reports"</caption>
                <thead><tr>
                    <th scope="col">"Happened"</th>
                    <th scope="col">"Reported"</th>
                    <th scope="col" class="opt-1">"By"</th>
                    <th scope="col">"ERP"</th>
                </tr></thead>
                <tbody>{rows}</tbody>
            </table>
        }
        .into_any()
    };
    let latest = view.later.then(|| {
        view! { <a class="button small" href=format!("{}#reports", words::href(view.record.known.order.work_order_id))>"Latest reports"</a> }
    });
    let older =
        view.older.clone().map(|href| view! { <a class="button small" rel="next" href=href>"Older reports"</a> });
    let pages = (latest.is_some() || older.is_some()).then(|| view! { <div class="pad actions">{latest}{older}</div> });
    view! {
        <section class="sheet table-region" id="reports" aria-labelledby="reports-title">
            <div class="section-head"><h2 id="reports-title">"Reported by the shop floor "<span>"the last learned first"</span></h2></div>
            {body}
            {pages}
        </section>
    }
    .into_any()
}

fn report_row(row: &ReportRow, around: &Around) -> AnyView {
    let learned = (row.recorded_at - row.at > chrono::TimeDelta::minutes(5))
        .then(|| view! { <span class="sub">{format!("learned {}", around.reading.short(row.recorded_at))}</span> });
    let odd =
        row.remarks.iter().map(|remark| view! { <span class="sub">{remark.message.clone()}</span> }).collect_view();
    let back = row.reversed.as_ref().map(
        |(at, why)| view! { <span class="sub">{format!("taken back {}: {why}", around.reading.short(*at))}</span> },
    );
    let by = view! { {row.system.clone()}<span class="sub">{[row.station.clone(), row.operator.clone()].into_iter().flatten().collect::<Vec<_>>().join(", ")}</span> };
    let said = words::reported(&row.what);
    let said = match row.lot_id {
        Some(lot) => view! { <a href=format!("/lots/{lot}")>{said}</a> }.into_any(),
        None => said.into_any(),
    };
    let posted = row.kind.is_posted().then(|| posting(row));
    let struck = row.reversed.is_some().then_some("struck");
    view! {
        <tr data-edge=(row.stop.is_some() && row.reversed.is_none()).then_some("crit")>
            <td class="a-id nowrap">{instant(row.at, &around.reading)}{learned}</td>
            <td class="a-item"><span class=struck>{words::kind(&row.what)}": "{said}</span>{odd}{back}</td>
            <td class="opt-1">{by}</td>
            <td class="a-sync">{posted}</td>
        </tr>
    }
    .into_any()
}

fn posting(row: &ReportRow) -> AnyView {
    let (state, cause, fault) = match &row.delivery {
        Some((state, cause, fault)) => (Some(*state), *cause, fault.clone()),
        None => (None, None, None),
    };
    let parked = state == Some(domain::exchange::DeliveryState::Parked);
    let cause = cause.filter(|_| parked).or(row.stop.as_ref().map(|(cause, _)| *cause).filter(|_| state.is_none()));
    let (tone, said) = words::posting(state, cause);
    let document = row.document.clone().map(|number| stamp(number, None));
    let why = row.stop.as_ref().map(|(_, words)| words.clone()).or(fault).filter(|_| parked);
    let decide = parked.then(|| view! { <a class="sub" href=format!("/postings/{}", row.report_id)>"Decide"</a> });
    view! { {sync_badge(tone, said)}" "{document}<span class="sub">{why}</span>{decide} }.into_any()
}

fn history_sheet(view: &View) -> AnyView {
    let count = i64::try_from(view.history.len()).unwrap_or(i64::MAX);
    let words = format!("{}, each with the time at which every system learned it", counted(count, "event", "events"));
    view! {
        <section class="sheet" aria-labelledby="history-title">
            <div class="section-head"><h2 id="history-title">"History "<span>{words}</span></h2></div>
            {history::list(&view.history, &view.around, Shown::All, false)}
        </section>
    }
    .into_any()
}
