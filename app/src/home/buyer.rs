//! The buyer's home: deviations that wait, and who has not answered.

use domain::calendar::today;
use leptos::prelude::*;
use store::control_tower::{self, WithSupplier};
use store::order_list::{self, COUNTED, Filter, LineRow};
use store::{StoreError, Tx};

use super::plant::suppliers;
use super::today::{Kpi, kpis};
use crate::address::encoded;
use crate::deviations::list::{deviation, proposed};
use crate::page::Around;
use crate::ui::empty::EmptyState;
use crate::ui::number::at_most;
use crate::ui::time::{date, duration};
use crate::ui::tone::Tone;

const TOP: i64 = 6;
const SUPPLIERS: i64 = 8;

/// What the part needs.
pub(super) struct BuyerPart {
    top: Vec<LineRow>,
    suppliers: Vec<WithSupplier>,
}

pub(super) async fn load(tx: &mut Tx) -> Result<BuyerPart, StoreError> {
    let top = order_list::in_review(tx, &Filter::default(), TOP).await?;
    Ok(BuyerPart { top, suppliers: control_tower::by_supplier(tx, SUPPLIERS).await? })
}

pub(super) fn show(part: &BuyerPart, around: &Around) -> AnyView {
    let waiting = &around.waiting;
    let oldest = waiting.oldest_review.map(|since| format!("the oldest for {}", duration(around.now() - since)));
    let kpi = |label, count, tone, href: &str, note: Option<String>| Kpi {
        label,
        count,
        most: COUNTED,
        note,
        tone,
        href: href.to_owned(),
    };
    let numbers = vec![
        kpi("Deviations for you", waiting.with_buyer, Tone::Warn, "/deviations", oldest),
        kpi("Not answered", waiting.needs_supplier, Tone::Info, "/orders?status=open", None),
        kpi(
            "Overdue",
            waiting.overdue,
            Tone::Crit,
            "/orders?status=overdue",
            Some("requested for today or earlier".to_owned()).filter(|_| waiting.overdue > 0),
        ),
        kpi("Not in the ERP yet", waiting.not_in_erp, Tone::Warn, "/orders?status=not_in_erp", None),
        kpi("All lines", waiting.lines, Tone::Neutral, "/orders", None),
    ];
    view! {
        {kpis("What waits", numbers)}
        <div class="columns-8-4">
            <section class="sheet table-region" aria-labelledby="deviations-title">
                <div class="section-head">
                    <h2 id="deviations-title">"Deviations, the longest waiting first"<span>{at_most(waiting.with_buyer, COUNTED)}</span></h2>
                    <div class="toolbar"><a href="/deviations">"Decide"</a></div>
                </div>
                {if part.top.is_empty() {
                    view! { <EmptyState title="No deviation waits for you" text="Every answer of a supplier is inside tolerance or decided."/> }.into_any()
                } else {
                    top(part, around)
                }}
            </section>
            {suppliers(&part.suppliers, false)}
        </div>
    }
    .into_any()
}

fn top(part: &BuyerPart, around: &Around) -> AnyView {
    let today = today(around.now(), around.reading.zone);
    let rows = part
        .top
        .iter()
        .map(|line| {
            let edge = (line.requested_on <= today).then_some("crit");
            let href = format!("/deviations?q={}", encoded(&line.order));
            let waits = line.in_review_since.map(|since| duration(around.now() - since));
            view! {
                <tr data-edge=edge>
                    <td class="a-id"><a class="id nowrap" href=href>{format!("{} / {}", line.order, line.line)}</a><span class="sub">{line.supplier.1.clone()}</span></td>
                    <td class="a-item"><span class="id item-no">{line.item.clone()}</span><span class="sub" dir="auto">{line.description.clone()}</span></td>
                    <td class="a-status">{deviation(line)}</td>
                    <td class="nowrap opt-1">{date(line.requested_on)}</td>
                    <td class="a-due" data-label="proposed">{proposed(line)}</td>
                    <td class="nowrap a-num">{waits}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <table class="data-table blocks" role="table">
            <caption class="visually-hidden">"Deviations, the longest waiting first"</caption>
            <thead><tr><th scope="col">"Order / line"</th><th scope="col">"Item"</th><th scope="col">"Deviation"</th><th scope="col" class="opt-1">"Requested"</th><th scope="col">"Proposed"</th><th scope="col">"Waiting"</th></tr></thead>
            <tbody>{rows}</tbody>
        </table>
    }
    .into_any()
}
