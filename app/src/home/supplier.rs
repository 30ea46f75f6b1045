//! The supplier's to do: what needs an answer, the next due first.

use domain::calendar::today;
use leptos::prelude::*;
use store::order_list::{self, Bucket, COUNTED, Filter, LineRow, Page};
use store::ship_notice_facts::{Candidate, Due, due};
use store::{StoreError, Tx};

use super::today::{Kpi, kpis};
use crate::address::encoded;
use crate::orders::words;
use crate::page::Around;
use crate::ui::empty::EmptyState;
use crate::ui::number::{at_most, counted, quantity};
use crate::ui::tag::tag;
use crate::ui::time::date;
use crate::ui::tone::Tone;

/// Rows of the queue on the home; the list has the rest.
const TOP: i64 = 8;

/// "This week" is the next seven days, so that a Friday looks beyond the weekend.
const DAYS_AHEAD: i64 = 7;
/// Counted up to here; the page of what is due has the rest.
const MOST_TO_SHIP: i64 = 200;

/// What the part needs.
pub(super) struct SupplierPart {
    queue: Vec<LineRow>,
    /// The next promised delivery, for when nothing waits.
    next: Option<LineRow>,
    /// Promised for the next seven days and not yet in a ship notice, the first due first.
    to_ship: Vec<Candidate>,
}

pub(super) async fn load(tx: &mut Tx) -> Result<SupplierPart, StoreError> {
    let of = |bucket| Filter { buckets: vec![bucket], ..Filter::default() };
    let queue = order_list::page(tx, &of(Bucket::NeedsSupplier), &Page { size: TOP, ..Page::default() }).await?;
    let upcoming = Filter { due_from: Some(tx.now().date_naive()), ..of(Bucket::Confirmed) };
    let next = order_list::page(tx, &upcoming, &Page { size: 1, ..Page::default() }).await?.pop();
    let until = tx.now().date_naive() + chrono::Duration::days(DAYS_AHEAD);
    let to_ship = due(tx, &Due { until: Some(until), ..Due::default() }, MOST_TO_SHIP).await?;
    Ok(SupplierPart { queue, next, to_ship })
}

pub(super) fn show(part: &SupplierPart, around: &Around) -> AnyView {
    let waiting = &around.waiting;
    let list = |status: &str| format!("/orders?status={status}");
    let kpi = |label, count, tone, status, note: &str| Kpi {
        label,
        count,
        most: COUNTED,
        note: (count > 0).then(|| note.to_owned()),
        tone,
        href: list(status),
    };
    let numbers = vec![
        kpi("Need your answer", waiting.needs_supplier, Tone::Info, "open", "lines"),
        kpi("Changed by the buyer", waiting.changed, Tone::Warn, "changed", "lines"),
        kpi("Overdue", waiting.overdue, Tone::Crit, "overdue", "requested for today or earlier"),
        kpi("With the buyer", waiting.with_buyer, Tone::Info, "review", "the buyer decides"),
        kpi("Not in the ERP yet", waiting.not_in_erp, Tone::Info, "not_in_erp", "stored here, on its way"),
    ];
    let content = if part.queue.is_empty() { done(part, around) } else { queue(part, around) };
    view! {
        {kpis("What waits", numbers)}
        <section class="sheet table-region" aria-labelledby="queue-title">
            <div class="section-head">
                <h2 id="queue-title">"Next to answer"<span>{at_most(waiting.needs_supplier, COUNTED)}</span></h2>
                <div class="toolbar"><a href="/orders?status=open">"All that wait for you"</a></div>
            </div>
            {content}
        </section>
        {to_ship(part, around)}
    }
    .into_any()
}

fn to_ship(part: &SupplierPart, around: &Around) -> Option<AnyView> {
    if part.to_ship.is_empty() {
        return None;
    }
    let count = i64::try_from(part.to_ship.len()).unwrap_or(i64::MAX);
    let rows = part
        .to_ship
        .iter()
        .take(usize::try_from(TOP).unwrap_or(8))
        .map(|one| {
            let line = &one.line;
            let late = line.promised_on().is_some_and(|on| on < today(around.now(), one.zone.0));
            let order = encoded(&line.order);
            view! {
                <tr data-edge=late.then_some("crit")>
                    <td class="a-id"><a class="id nowrap" href=format!("/orders/{order}#line-{}", line.line)>{format!("{} / {}", line.order, line.line)}</a><span class="sub">{format!("plant {}", one.plant.0)}</span></td>
                    <td class="a-item"><span class="id item-no">{line.item.clone()}</span><span class="sub" dir="auto">{line.description.clone()}</span></td>
                    <td class="num a-num">{quantity(line.open(), &line.unit)}</td>
                    <td class="nowrap a-due" data-label="promised">{line.promised_on().map(date)}</td>
                    <td class="a-status">{late.then(|| tag(Tone::Crit, "late"))}</td>
                    <td class="a-act"><a class="button low" href=format!("/orders/{order}/ship") aria-label=format!("Ship order {} from line {}", line.order, line.line)>"Ship"</a></td>
                </tr>
            }
        })
        .collect_view();
    Some(
        view! {
            <section class="sheet table-region" aria-labelledby="ship-title">
                <div class="section-head">
                    <h2 id="ship-title">"To ship this week"<span>{at_most(count, MOST_TO_SHIP - 1)}</span></h2>
                    <div class="toolbar"><a href="/shipments/new">"New ship notice"</a></div>
                </div>
                <table class="data-table blocks" role="table">
                    <caption class="visually-hidden">"Confirmed lines to ship within seven days, the first due first"</caption>
                    <thead><tr><th scope="col">"Order / line"</th><th scope="col">"Item"</th><th scope="col" class="num">"To ship"</th><th scope="col">"Promised"</th><th scope="col">"Status"</th><th scope="col"><span class="visually-hidden">"Ship"</span></th></tr></thead>
                    <tbody>{rows}</tbody>
                </table>
            </section>
        }
        .into_any(),
    )
}

fn done(part: &SupplierPart, around: &Around) -> AnyView {
    if around.waiting.lines == 0 {
        return view! { <EmptyState title="No orders yet" text="As soon as the buyer's ERP publishes an order for you, it stands here."/> }.into_any();
    }
    let all = around.waiting.lines - around.waiting.with_buyer;
    let lines = counted(all, "line is", "lines are");
    let next = part.next.as_ref().map(|row| {
        format!(" Next due {}: order {} line {}.", domain::calendar::day(row.requested_on), row.order, row.line)
    });
    let with_buyer = match around.waiting.with_buyer {
        0 => String::new(),
        count => format!(" {} with the buyer.", counted(count, "line is", "lines are")),
    };
    let text = format!("All {lines} answered.{with_buyer}{}", next.unwrap_or_default());
    view! { <EmptyState title="Nothing waits for you" text=text action=Some(("Show all orders".to_owned(), "/orders".to_owned()))/> }.into_any()
}

fn queue(part: &SupplierPart, around: &Around) -> AnyView {
    let today = today(around.now(), around.reading.zone);
    let rows = part
        .queue
        .iter()
        .map(|line| {
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
            let edge = if line.requested_on <= today { "crit" } else { "warn" };
            let order = encoded(&line.order);
            let days = (line.requested_on - today).num_days();
            let left = match days {
                ..0 => format!("{} ago", counted(-days, "day", "days")),
                0 => "today".to_owned(),
                _ => format!("in {}", counted(days, "day", "days")),
            };
            view! {
                <tr data-edge=edge>
                    <td class="a-id"><a class="id nowrap" href=format!("/orders/{order}#line-{}", line.line)>{format!("{} / {}", line.order, line.line)}</a><span class="sub">{format!("plant {}", line.plant)}</span></td>
                    <td class="a-item"><span class="id item-no">{line.item.clone()}</span><span class="sub" dir="auto">{line.description.clone()}</span></td>
                    <td class="num a-num">{quantity(line.quantity, &line.unit)}</td>
                    <td class="nowrap a-due" data-label="requested">{date(line.requested_on)}<span class="sub">{left}</span></td>
                    <td class="a-status">{tag(tone, said)}</td>
                    <td class="a-act"><a class="button low" href=format!("/orders/{order}/confirm") aria-label=format!("Answer order {} from line {}", line.order, line.line)>"Answer"</a></td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <table class="data-table blocks" role="table">
            <caption class="visually-hidden">"Lines that wait for your answer, the next due first"</caption>
            <thead><tr><th scope="col">"Order / line"</th><th scope="col">"Item"</th><th scope="col" class="num">"Quantity"</th><th scope="col">"Requested"</th><th scope="col">"Status"</th><th scope="col"><span class="visually-hidden">"Answer"</span></th></tr></thead>
            <tbody>{rows}</tbody>
        </table>
    }
    .into_any()
}
