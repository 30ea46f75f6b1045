//! The quality engineer's home: lots that wait for inspection, holds, certificates that nobody looked at.

use domain::inspection::InspectionState;
use leptos::prelude::*;
use store::holds::{self, HoldFilter, HoldRecord};
use store::inspections::{self, InspectionFilter, InspectionRecord};
use store::lot_list::{self, QualityCounts};
use store::{CommandError, Tx};

use super::today::{Kpi, kpis};
use crate::page::Around;
use crate::quality::words::{covers, hold_href, hold_tag};
use crate::ui::empty::EmptyState;
use crate::ui::number::quantity;
use crate::ui::time::duration;
use crate::ui::tone::Tone;

const TOP: i64 = 6;
const COUNTED: i64 = 1_000;

/// What the part needs.
pub(super) struct QualityPart {
    counts: QualityCounts,
    due: Vec<InspectionRecord>,
    holds: Vec<HoldRecord>,
}

pub(super) async fn load(tx: &mut Tx) -> Result<QualityPart, CommandError> {
    let filter = InspectionFilter { state: InspectionState::Due, text: None };
    Ok(QualityPart {
        counts: lot_list::counts(tx, COUNTED).await?,
        due: inspections::list(tx, &filter, TOP).await?,
        holds: holds::list(tx, &HoldFilter::default(), TOP).await?,
    })
}

pub(super) fn show(part: &QualityPart, around: &Around) -> AnyView {
    let counts = &part.counts;
    let kpi =
        |label, count, tone, href: &str| Kpi { label, count, most: COUNTED, note: None, tone, href: href.to_owned() };
    let numbers = vec![
        kpi("Inspections due", counts.inspections, Tone::Warn, "/inspections"),
        kpi("Holds in force", counts.holds, Tone::Info, "/holds"),
        kpi("Releases that wait for a second person", counts.releases, Tone::Warn, "/holds?state=release_requested"),
        kpi("Certificates to look at", counts.certificates, Tone::Warn, "/certificates?status=submitted"),
    ];
    view! {
        {kpis("What waits for quality", numbers)}
        <div class="columns-8-4">{due(part, around)}{on_hold(part, around)}</div>
    }
    .into_any()
}

fn due(part: &QualityPart, around: &Around) -> AnyView {
    let rows = part
        .due
        .iter()
        .map(|one| {
            let supplier = one.supplier.as_ref().map(|(_, _, name)| name.clone());
            view! {
                <tr>
                    <td class="a-id"><a class="id" href=format!("/inspections/{}", one.inspection_id)>{one.lot.clone()}</a><span class="sub">{supplier}</span></td>
                    <td class="a-item"><span class="id item-no">{one.item.clone()}</span><span class="sub" dir="auto">{one.description.clone()}</span></td>
                    <td class="num a-num nowrap">{quantity(one.quantity, &one.unit)}</td>
                    <td class="a-due nowrap">{duration(around.now() - one.opened_at)}</td>
                </tr>
            }
        })
        .collect_view();
    let content = if part.due.is_empty() {
        view! { <EmptyState title="No lot waits for inspection" text="A lot stands here from its receipt until somebody decided on it."/> }.into_any()
    } else {
        view! {
            <table class="data-table blocks" role="table">
                <caption class="visually-hidden">"Inspections due, the longest waiting first"</caption>
                <thead><tr><th scope="col">"Lot"</th><th scope="col">"Item"</th><th scope="col" class="num">"Quantity"</th><th scope="col">"Waiting"</th></tr></thead>
                <tbody>{rows}</tbody>
            </table>
        }
        .into_any()
    };
    view! {
        <section class="sheet table-region" aria-labelledby="due-title">
            <div class="section-head"><h2 id="due-title">"Inspections due "<span>"the longest waiting first"</span></h2><div class="toolbar"><a href="/inspections">"All"</a></div></div>
            {content}
        </section>
    }
    .into_any()
}

fn on_hold(part: &QualityPart, around: &Around) -> AnyView {
    let rows = part
        .holds
        .iter()
        .map(|hold| {
            let age = duration(around.now() - hold.placed_at);
            view! { <li><a class="id" href=hold_href(&hold.number)>{hold.number.clone()}</a>{hold_tag(hold.state)}<span>{format!("{}, {}", hold.item, covers(hold))}</span><span class="end muted">{age}</span></li> }
        })
        .collect_view();
    let content = if part.holds.is_empty() {
        view! { <EmptyState title="Nothing is on hold" text="What must not be used stands here."/> }.into_any()
    } else {
        view! { <ul class="row-list">{rows}</ul> }.into_any()
    };
    view! {
        <section class="sheet" aria-labelledby="on-hold-title">
            <div class="section-head"><h2 id="on-hold-title">"On hold"</h2><div class="toolbar"><a href="/holds">"All"</a></div></div>
            {content}
        </section>
    }
    .into_any()
}
