//! The plant manager's home: what waits for whom.

use domain::calendar::day;
use leptos::prelude::*;
use store::control_tower::{self, WithSupplier};
use store::order_list::COUNTED;
use store::{StoreError, Tx};

use super::today::{Kpi, kpis};
use crate::address::encoded;
use crate::page::Around;
use crate::ui::empty::EmptyState;
use crate::ui::number::at_most;
use crate::ui::time::duration;
use crate::ui::tone::Tone;

const SUPPLIERS: i64 = 20;

/// What the part needs.
pub(super) struct PlantPart {
    suppliers: Vec<WithSupplier>,
}

pub(super) async fn load(tx: &mut Tx) -> Result<PlantPart, StoreError> {
    Ok(PlantPart { suppliers: control_tower::by_supplier(tx, SUPPLIERS).await? })
}

pub(super) fn show(part: &PlantPart, around: &Around) -> AnyView {
    let waiting = &around.waiting;
    let oldest = waiting.oldest_review.map(|since| format!("the oldest for {}", duration(around.now() - since)));
    let kpi = |label, count, tone, status: &str, note: Option<String>| Kpi {
        label,
        count,
        most: COUNTED,
        note,
        tone,
        href: format!("/orders?status={status}"),
    };
    let numbers = vec![
        kpi(
            "Overdue",
            waiting.overdue,
            Tone::Crit,
            "overdue",
            Some("requested, not promised".to_owned()).filter(|_| waiting.overdue > 0),
        ),
        kpi("Wait for suppliers", waiting.needs_supplier, Tone::Info, "open", None),
        kpi("Wait for buyers", waiting.with_buyer, Tone::Warn, "review", oldest),
        kpi("Wait for the ERP", waiting.not_in_erp, Tone::Warn, "not_in_erp", None),
        kpi("Changed, not answered", waiting.changed, Tone::Info, "changed", None),
    ];
    view! { {kpis("What waits for whom", numbers)} {suppliers(&part.suppliers, true)} }.into_any()
}

/// Suppliers with something that waits. Each number is the count of the list behind it.
pub(super) fn suppliers(list: &[WithSupplier], wide: bool) -> AnyView {
    let link = |supplier: &WithSupplier, status: &str, count: i64| {
        if count == 0 {
            return view! { <span class="muted">"0"</span> }.into_any();
        }
        let href = format!("/orders?status={status}&supplier={}", encoded(&supplier.number));
        view! { <a href=href>{at_most(count, COUNTED)}</a> }.into_any()
    };
    let rows = list
        .iter()
        .map(|supplier| {
            let edge = (supplier.overdue > 0).then_some("crit");
            let next = supplier.next_due_on.map_or_else(|| "–".to_owned(), day);
            view! {
                <tr data-edge=edge>
                    <td class="a-id"><a href=format!("/orders?supplier={}", encoded(&supplier.number))>{supplier.name.clone()}</a><span class="sub id">{supplier.number.clone()}</span></td>
                    <td class="num" data-label="overdue">{link(supplier, "overdue", supplier.overdue)}</td>
                    <td class="num" data-label="not answered">{link(supplier, "open", supplier.needs_supplier)}</td>
                    <td class="num" data-label="with the buyer">{link(supplier, "review", supplier.with_buyer)}</td>
                    {wide.then(|| view! { <td class="nowrap" data-label="next due">{next}</td> })}
                </tr>
            }
        })
        .collect_view();
    let content = if list.is_empty() {
        view! { <EmptyState title="No supplier is waited for" text="Every line is answered and decided."/> }.into_any()
    } else {
        view! {
            <table class="data-table blocks labelled" role="table">
                <caption class="visually-hidden">"Suppliers with lines that wait"</caption>
                <thead><tr><th scope="col">"Supplier"</th><th scope="col" class="num">"Overdue"</th><th scope="col" class="num">"Not answered"</th><th scope="col" class="num">"With buyer"</th>
                    {wide.then(|| view! { <th scope="col">"Next due"</th> })}</tr></thead>
                <tbody>{rows}</tbody>
            </table>
        }
        .into_any()
    };
    view! {
        <section class="sheet table-region" aria-labelledby="suppliers-title">
            <div class="section-head"><h2 id="suppliers-title">"By supplier"<span>"overdue first"</span></h2></div>
            {content}
        </section>
    }
    .into_any()
}
