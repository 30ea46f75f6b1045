//! The lines of an order on its page: three dates, parts, differences of a revision, proposals and counters.

use domain::negotiation::{Negotiation, Turn};
use domain::order::{Commitment, OrderLine, ScheduleLine, last_day};
use leptos::prelude::*;

use crate::page::Around;
use crate::ui::empty::EmptyState;
use crate::ui::number::quantity;
use crate::ui::table::{edge, part_mark};
use crate::ui::tag::{sync_badge, tag};
use crate::ui::time::{date, date_or_dash};
use crate::ui::tone::Tone;

use super::answer::line_name;
use super::list_query::encoded;
use super::order::{OrderView, tolerance};
use super::words;

/// Which of the lines are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// All.
    All,
    /// Waiting for the supplier.
    Supplier,
    /// Waiting for the buyer.
    Buyer,
    /// Promised, and the ERP does not have it.
    NotInErp,
}

impl Part {
    const ALL: [Self; 4] = [Self::All, Self::Supplier, Self::Buyer, Self::NotInErp];

    /// By its word in the address; all where it is not known.
    pub(super) fn parse(word: &str) -> Self {
        Self::ALL.into_iter().find(|part| part.as_str() == word).unwrap_or(Self::All)
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::All => "",
            Self::Supplier => "open",
            Self::Buyer => "review",
            Self::NotInErp => "not_in_erp",
        }
    }

    fn has(self, order: &OrderView, schedule: &ScheduleLine) -> bool {
        match self {
            Self::All => true,
            Self::Supplier => schedule.state.turn() == Turn::Supplier,
            Self::Buyer => schedule.state.turn() == Turn::Buyer,
            Self::NotInErp => {
                order.record.promise_events.contains_key(&schedule.schedule_line_id.0)
                    && !order.in_erp.get(&schedule.schedule_line_id).is_some_and(|erp| erp.state.is_final())
            }
        }
    }
}

/// The sheet with the table.
pub(super) fn sheet(order: &OrderView, around: &Around, part: Part) -> AnyView {
    let supplier = around.viewer.is_supplier();
    let base = format!("/orders/{}", encoded(&order.record.order.number));
    let tabs = Part::ALL
        .into_iter()
        .map(|tab| {
            let words = match tab {
                Part::All => "All",
                Part::Supplier if supplier => "Need you",
                Part::Supplier => "Waiting for supplier",
                Part::Buyer => "With the buyer",
                Part::NotInErp => "Not in ERP",
            };
            let count = order.record.order.schedule_lines().filter(|(_, schedule)| tab.has(order, schedule)).count();
            let href = if tab == Part::All {
                format!("{base}#lines-title")
            } else {
                format!("{base}?lines={}#lines-title", tab.as_str())
            };
            view! { <a href=href aria-current=(tab == part).then_some("true")>{format!("{words} {count}")}</a> }
        })
        .collect_view();
    let shown: Vec<_> = order.record.order.schedule_lines().filter(|(_, schedule)| part.has(order, schedule)).collect();
    let body = if shown.is_empty() {
        let text = match part {
            Part::Supplier => "Every line of this order is answered.",
            Part::Buyer => "No answer waits for a decision.",
            Part::NotInErp => "The ERP has every promise.",
            Part::All => "The ERP sent an order without lines.",
        };
        view! { <EmptyState title="No line here" text=text/> }.into_any()
    } else {
        let rows = shown.into_iter().map(|(line, schedule)| rows(order, line, schedule, around)).collect_view();
        view! {
            <table class="data-table blocks" role="table">
                <caption class="visually-hidden">{format!("Lines of order {}", order.record.order.number)}</caption>
                <thead>
                    <tr>
                        <th scope="col">"Line"</th>
                        <th scope="col">"Item"</th>
                        <th scope="col" class="opt-2">{if supplier { "Your number" } else { "Supplier's number" }}</th>
                        <th scope="col" class="num">"Quantity"</th>
                        <th scope="col" class="opt-1">"Requested"</th>
                        <th scope="col" class="opt-1">"First confirmed"</th>
                        <th scope="col">"Last confirmed"</th>
                        <th scope="col">"Answer"</th>
                        <th scope="col">"Sent to ERP"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        }
        .into_any()
    };
    let foot = format!(
        "Dates are delivery dates in the calendar of plant {}. {}",
        order.record.plant.0,
        tolerance(&order.record)
    );
    view! {
        <section class="sheet table-region" aria-labelledby="lines-title">
            <div class="section-head">
                <h2 id="lines-title">"Lines "<span>{order.record.order.schedule_lines().count()}</span></h2>
                <nav class="toolbar" aria-label="Which lines">{tabs}</nav>
            </div>
            {body}
            <p class="sheet-foot">{foot}</p>
        </section>
    }
    .into_any()
}

fn rows(order: &OrderView, line: &OrderLine, schedule: &ScheduleLine, around: &Around) -> AnyView {
    let supplier = around.viewer.is_supplier();
    let today = order.record.today(around.now());
    let asked = words::Asked {
        state: schedule.state,
        quantity: schedule.quantity,
        unit: &line.unit,
        requested_on: schedule.requested_on,
        promise: schedule.promise.as_deref(),
        proposal: schedule.proposal.as_ref(),
        counter: schedule.counter.as_ref(),
        change: schedule.change.as_ref(),
    };
    let (tone, said) = words::answer(&asked, today);
    let told = order.record.promise_events.contains_key(&schedule.schedule_line_id.0);
    let badge =
        words::sync(schedule.state, told, order.in_erp.get(&schedule.schedule_line_id), &around.reading, !supplier);
    let mark = words::edge(
        schedule.state,
        schedule.requested_on <= today,
        badge.as_ref().map(|(tone, _)| *tone),
        &around.viewer,
    );
    let parts = schedule.promise.as_deref().unwrap_or_default();
    let in_parts = parts.len() > 1 && schedule.state == Negotiation::Accepted;
    let explained = explanation(line, schedule);
    let name = line_name(line, schedule);
    // The anchor of a line is its number; the parts of a line asked for on several days come below each other.
    let anchor = (schedule.number == line.schedule.first().map_or(1, |first| first.number))
        .then(|| format!("line-{}", line.number));
    let changed = last_day(parts).is_some_and(|on| on != schedule.requested_on);
    let due = match (schedule.state, last_day(parts)) {
        (_, Some(on)) if in_parts => view! { <span class="changed">{format!("{} dates", dates(parts))}</span><span class="visually-hidden">{domain::calendar::day(on)}</span> }.into_any(),
        (_, Some(on)) => view! { <span class=changed.then_some("changed")>{date(on)}</span> }.into_any(),
        (Negotiation::InReview, None) => proposed_day(schedule),
        (_, None) => view! { <span class="wide-only muted">"–"</span><span class="phone-only">{date(schedule.requested_on)}</span> }.into_any(),
    };
    let label = match (last_day(parts), schedule.state) {
        (Some(_), _) => None,
        (None, Negotiation::InReview) => Some("proposed"),
        (None, _) => Some("requested"),
    };
    let class = match (in_parts, explained.is_some()) {
        (true, _) => "has-parts",
        (false, true) => "explained",
        (false, false) => "",
    };
    let was = schedule.change.as_ref().filter(|change| !change.added);
    let was_quantity = was
        .and_then(|change| change.quantity)
        .map(|was| view! { <span class="sub was">"was "{quantity(was, &line.unit)}</span> });
    let was_day =
        was.and_then(|change| change.requested_on).map(|was| view! { <span class="sub was">"was "{date(was)}</span> });
    let was_item = was
        .and_then(|change| change.item_number.clone())
        .map(|was| view! { <span class="sub was">"was "<span class="id">{was}</span></span> });
    let last = parts.len();
    let part_rows = if in_parts {
        parts
            .iter()
            .enumerate()
            .map(|(index, part)| part_row(line, part, index, index + 1 == last && explained.is_none()))
            .collect_view()
            .into_any()
    } else {
        ().into_any()
    };
    view! {
        <tr id=anchor class=class data-edge=edge(mark)>
            <td class="a-id"><span class="id strong">{name}</span></td>
            <td class="a-item"><span class="id item-no">{line.item_number.clone()}</span><span class="sub" dir="auto">{line.description.clone()}</span>" "{was_item}{certificates(order, schedule)}</td>
            <td class="opt-2"><span class="id muted">{line.supplier_item.clone().unwrap_or_else(|| "–".to_owned())}</span></td>
            <td class="num a-num">{quantity(schedule.quantity, &line.unit)}" "{was_quantity}{shipped(order, line, schedule)}</td>
            <td class="nowrap opt-1">{date(schedule.requested_on)}" "{was_day}</td>
            <td class="nowrap opt-1">{date_or_dash(schedule.first_promise.as_deref().and_then(last_day))}</td>
            <td class="nowrap a-due" data-label=label>{due}</td>
            <td class="a-status">{tag(tone, said)}</td>
            <td class="a-sync">{badge.map_or_else(|| view! { <span class="muted wide-only">"–"</span> }.into_any(), |(tone, said)| sync_badge(tone, said))}</td>
        </tr>
        {part_rows}
        {explained.map(|explained| view! { <tr class="explains" data-edge=edge(mark)><td></td><td colspan="8"><div class="explain">{explained}</div></td></tr> })}
    }
    .into_any()
}

/// The certificates that the line needs, once something is promised.
fn certificates(order: &OrderView, schedule: &ScheduleLine) -> Option<AnyView> {
    let of = order.certificates.iter().find(|line| line.schedule_line_id == schedule.schedule_line_id)?;
    schedule.promise.as_ref()?;
    Some(view! { <span class="sub">{crate::certificates::words::needs(&of.covered)}</span> }.into_any())
}

/// How much of the line is in ship notices, with the last of them.
fn shipped(order: &OrderView, line: &OrderLine, schedule: &ScheduleLine) -> Option<AnyView> {
    let of: Vec<_> = order.shipped.iter().filter(|one| one.schedule_line_id == schedule.schedule_line_id).collect();
    let last = of.last()?;
    let sum = of.iter().map(|one| one.counts()).sum();
    let href = format!("/shipments/{}", encoded(&last.notice));
    let words = if of.len() > 1 { format!("in {} ship notices", of.len()) } else { last.notice.clone() };
    Some(view! { <span class="sub">{quantity(sum, &line.unit)}" shipped, "<a class="quiet-link" href=href>{words}</a></span> }.into_any())
}

fn dates(parts: &[Commitment]) -> usize {
    let mut days: Vec<_> = parts.iter().filter_map(|part| part.deliver_on).collect();
    days.sort_unstable();
    days.dedup();
    days.len()
}

fn proposed_day(schedule: &ScheduleLine) -> AnyView {
    let on = schedule.proposal.as_ref().and_then(|proposal| last_day(&proposal.commitments));
    on.map_or_else(
        || view! { <span class="muted">"–"</span> }.into_any(),
        |on| view! { <span class="changed">{date(on)}</span><span class="sub wide-only">"proposed"</span> }.into_any(),
    )
}

fn part_row(line: &OrderLine, part: &Commitment, index: usize, last: bool) -> AnyView {
    let (tone, words) =
        if part.deliver_on.is_some() { (Tone::Ok, "confirmed") } else { (Tone::Warn, "without a date") };
    let ship = part.ship_on.map(|on| format!("leaves {}", words::short_day(on)));
    view! {
        <tr class=if last { "part last" } else { "part" }>
            <td></td>
            <td class="a-id">{part_mark(format!("part {}", index + 1))}</td>
            <td class="opt-2"></td>
            <td class="num a-num">{quantity(part.quantity, &line.unit)}</td>
            <td class="opt-1"></td>
            <td class="nowrap opt-1">{ship.map(|ship| view! { <span class="muted">{ship}</span> })}</td>
            <td class="nowrap a-due">{date_or_dash(part.deliver_on)}</td>
            <td class="a-status">{tag(tone, words)}</td>
            <td class="a-sync"></td>
        </tr>
    }
    .into_any()
}

/// What is to be known about a line before one acts on it: what the revision changed, what was proposed, what was countered.
fn explanation(line: &OrderLine, schedule: &ScheduleLine) -> Option<AnyView> {
    let quoted =
        |note: &Option<String>| note.as_ref().map(|note| view! { <span dir="auto">{format!("“{note}”")}</span> });
    let mut parts: Vec<AnyView> = Vec::new();
    if let Some(change) = &schedule.change {
        let words = words::change(change, &line.unit);
        parts.push(
            view! { <span><b>{format!("Changed in revision {}:", change.revision)}</b>{format!(" {words}")}</span> }
                .into_any(),
        );
    }
    if let Some(proposal) = &schedule.proposal {
        let what = if proposal.commitments.is_empty() {
            "no supply".to_owned()
        } else {
            words::parts(&proposal.commitments, Some(&line.unit))
        };
        let reason = proposal.reason.map(|reason| view! { <span>{reason.words()}</span> });
        let used: Vec<String> = proposal
            .deviations
            .iter()
            .filter(|deviation| deviation.kind.has_limit() && !deviation.is_within())
            .map(|deviation| {
                let limit = domain::quantity::grouped(deviation.limit.up_to, 0);
                format!("{}: {limit} {} from {}", deviation.words(), deviation.kind.unit(), deviation.source.words())
            })
            .collect();
        parts.push(view! { <span><b>"Proposed:"</b>{format!(" {what}")}</span> }.into_any());
        parts.push(view! { {reason}{quoted(&proposal.note)} }.into_any());
        if !used.is_empty() {
            parts.push(view! { <span>{format!("Tolerance used for {}", used.join("; "))}</span> }.into_any());
        }
        if let Some(promise) = schedule.promise.as_deref().filter(|promise| !promise.is_empty()) {
            parts.push(
                view! { <span>{format!("Until then {} stands", words::parts(promise, Some(&line.unit)))}</span> }
                    .into_any(),
            );
        }
    }
    if let (Negotiation::Countered, Some(counter)) = (schedule.state, &schedule.counter) {
        let what = words::parts(&counter.commitments, Some(&line.unit));
        parts.push(
            view! { <span><b>"The buyer proposes:"</b>{format!(" {what}")}</span>{quoted(&counter.note)} }.into_any(),
        );
    }
    (!parts.is_empty()).then(|| parts.collect_view().into_any())
}
