//! `/inspections`: lots that wait for their inspection, the longest waiting first; and those that were decided.

use domain::access::{Action, may};
use domain::inspection::InspectionState;
use leptos::prelude::*;
use store::inspections::{self, InspectionFilter, InspectionRecord};

use super::place::{self, Found};
use super::words::{lot_href, result_tag};
use crate::address::Address;
use crate::error::AppError;
use crate::loaded;
use crate::page::Around;
use crate::request;
use crate::ui::empty::EmptyState;
use crate::ui::filter::{FilterBar, SavedView, SavedViews};
use crate::ui::header::PageHeader;
use crate::ui::number::quantity;
use crate::ui::pager::Pager;
use crate::ui::time::{date_or_dash, duration, instant};

/// The tabs: words, state, word in the address.
const VIEWS: [(&str, InspectionState); 3] = [
    ("Due", InspectionState::Due),
    ("Decided", InspectionState::Decided),
    ("Let go by the plan", InspectionState::Skipped),
];

struct List {
    around: Around,
    address: Address,
    state: InspectionState,
    found: Found<InspectionRecord>,
}

pub(super) fn page() -> impl IntoView {
    loaded(load(Address::of_request()), show)
}

async fn load(address: Address) -> Result<List, AppError> {
    let state = address.read("state").unwrap_or(InspectionState::Due);
    let mut tx = request::reader().await?;
    may(tx.actor(), Action::SeeQuality)?;
    let filter = InspectionFilter { state, text: address.get("q").map(str::to_owned) };
    let asked = place::page(&address);
    let rows = inspections::page(&mut tx, &filter, &asked).await?;
    let found = place::found(&asked, rows, inspections::count(&mut tx, &filter).await?);
    Ok(List { around: Around::load(&mut tx).await?, address, state, found })
}

fn show(list: List) -> AnyView {
    let List { around, address, state, found } = list;
    let views = VIEWS
        .iter()
        .map(|(words, of)| SavedView {
            words: (*words).to_owned(),
            count: None,
            href: address.with("state", of).href(),
            current: state == *of,
        })
        .collect();
    let order = if state == InspectionState::Due { "longest waiting first" } else { "newest first" };
    let facts = vec![found.fact("lot", "lots").into_any(), order.into_any()];
    let content = if found.rows.is_empty() {
        empty(&address, state)
    } else {
        let position = found.position(&address, ("lot", "lots"), InspectionRecord::place);
        view! { {table(&found.rows, state, &around)}<Pager position=position/> }.into_any()
    };
    let tags = address.tags(&[("q", "Contains", address.get("q").map(str::to_owned))], &["state", "size"]);
    let words = address.get("q").unwrap_or_default().to_owned();
    let page = view! {
        <PageHeader title="Inspections".into_any() facts=facts/>
        <SavedViews views=views/>
        <FilterBar tags=tags clear=format!("/inspections?state={state}")>
            <form method="get" action="/inspections" class="menu fields">
                <div class="field"><label for="f-q">"Lot, item, supplier or plant"</label><input class="input" id="f-q" name="q" value=words/></div>
                <input type="hidden" name="state" value=state.as_str()/>
                <button class="button primary" type="submit">"Apply"</button>
            </form>
        </FilterBar>
        <section class="sheet table-region" aria-label="Inspections">{content}</section>
    };
    around
        .watching_all(&[domain::event::SubjectKind::Lot, domain::event::SubjectKind::Shipment])
        .frame("Inspections", page)
}

fn empty(address: &Address, state: InspectionState) -> AnyView {
    if address.is_narrowed(&["state", "size"]) {
        let clear = Some(("Clear filters".to_owned(), format!("/inspections?state={state}")));
        return view! { <EmptyState title="Nothing matches" text="The words above leave nothing over." action=clear/> }
            .into_any();
    }
    let text = match state {
        InspectionState::Due => "A lot stands here from its receipt until somebody decided on it.",
        InspectionState::Decided => "No lot was decided on yet.",
        InspectionState::Skipped => "No inspection plan has let a lot go yet.",
    };
    view! { <EmptyState title="No lot waits" text=text/> }.into_any()
}

fn table(rows: &[InspectionRecord], state: InspectionState, around: &Around) -> AnyView {
    let due = state == InspectionState::Due;
    let body = rows.iter().map(|record| row(record, around)).collect_view();
    view! {
        <table class="data-table blocks" role="table">
            <caption class="visually-hidden">"Inspections of lots"</caption>
            <thead><tr>
                <th scope="col">"Lot"</th><th scope="col">"Item"</th><th scope="col">"Result"</th>
                <th scope="col" class="num">"In inspection"</th><th scope="col" class="opt-1">"Supplier"</th>
                <th scope="col" class="opt-2">"Plant"</th><th scope="col">{if due { "Waiting" } else { "Decided" }}</th>
            </tr></thead>
            <tbody>{body}</tbody>
        </table>
    }
    .into_any()
}

fn row(record: &InspectionRecord, around: &Around) -> AnyView {
    let due = record.state == InspectionState::Due;
    let href = if record.state == InspectionState::Skipped {
        lot_href(record.lot_id)
    } else {
        format!("/inspections/{}", record.inspection_id)
    };
    let result = if due { view! { <span class="muted">"due"</span> }.into_any() } else { result_tag(record.result) };
    let supplier = record.supplier.as_ref().map_or_else(|| "–".to_owned(), |(_, _, name)| name.clone());
    let theirs = record.supplier_lot.as_ref().filter(|lot| **lot != record.lot);
    let theirs =
        theirs.map(|lot| view! { <span class="sub">"supplier lot "<span class="id">{lot.clone()}</span></span> });
    let when = match &record.decided {
        Some((_, at)) => instant(*at, &around.reading),
        None => {
            let waits = duration(around.now() - record.opened_at);
            view! { {waits}<span class="sub">"since "{date_or_dash(record.due_on)}</span> }.into_any()
        }
    };
    view! {
        <tr>
            <td class="a-id"><a class="id" href=href>{record.lot.clone()}</a>{theirs}</td>
            <td class="a-item"><span class="id item-no">{record.item.clone()}</span><span class="sub" dir="auto">{record.description.clone()}</span></td>
            <td class="a-status">{result}</td>
            <td class="num a-num nowrap">{quantity(record.quantity, &record.unit)}</td>
            <td class="opt-1">{supplier}</td>
            <td class="opt-2"><span class="id">{record.plant.clone()}</span></td>
            <td class="a-due nowrap">{when}</td>
        </tr>
    }
    .into_any()
}
