//! `/quality/plans`: which lots are inspected, item by item. Everybody who sees quality reads it; quality engineers change it.

use domain::access::{Action, may};
use domain::inspection::Plan;
use leptos::prelude::*;
use store::inspection_plans::{self, Place, PlanFilter, PlanRow};
use store::paging::Page;

use crate::address::Address;
use crate::error::AppError;
use crate::loaded;
use crate::page::Around;
use crate::request;
use crate::ui::empty::EmptyState;
use crate::ui::filter::{FilterBar, SavedView, SavedViews};
use crate::ui::header::{Breadcrumb, Crumb, PageHeader};
use crate::ui::number::counted;
use crate::ui::pager::{Pager, Position};
use crate::ui::time::instant;

const SIZE: i64 = 50;

struct List {
    around: Around,
    address: Address,
    rows: Vec<PlanRow>,
    more: bool,
}

pub(super) fn page() -> impl IntoView {
    loaded(load(Address::of_request()), show)
}

/// Which lots, in words.
pub(super) fn plan_words(plan: Option<Plan>) -> String {
    let lots = |count: u32| if count == 1 { "1 lot".to_owned() } else { format!("{count} lots") };
    match plan {
        Some(Plan::Every) => "every lot".to_owned(),
        Some(Plan::SkipLot { good_before_skip, skip }) => format!(
            "after {} good in a row, {} let go, then one inspected",
            lots(good_before_skip),
            if skip == 1 { "1 is".to_owned() } else { format!("{skip} are") }
        ),
        Some(Plan::None) => "no lot".to_owned(),
        None => "ended: the next wider plan counts".to_owned(),
    }
}

/// From whom and where, in words.
pub(super) fn about_words(row: &PlanRow) -> (String, String) {
    let supplier = row.supplier.as_ref().map_or_else(|| "any supplier".to_owned(), |(_, name)| name.clone());
    let plant = row.plant.as_ref().map_or_else(|| "all plants".to_owned(), |(_, code)| format!("plant {code}"));
    (supplier, plant)
}

/// The page of a plan.
pub(super) fn plan_href(row: &PlanRow) -> String {
    format!("/quality/plans/{}", row.plan_id)
}

async fn load(address: Address) -> Result<List, AppError> {
    let filter = PlanFilter { text: address.get("q").map(str::to_owned), ended: address.get("state") == Some("ended") };
    let at = Page::<Place> { after: address.read("after"), before: address.read("before"), size: SIZE + 1 };
    let mut tx = request::reader().await?;
    may(tx.actor(), Action::SeeQuality)?;
    let mut rows = inspection_plans::page(&mut tx, &filter, &at).await?;
    let more = i64::try_from(rows.len()).unwrap_or(i64::MAX) > SIZE;
    if more && at.before.is_some() {
        rows.remove(0);
    } else if more {
        rows.pop();
    }
    Ok(List { around: Around::load(&mut tx).await?, address, rows, more })
}

fn show(list: List) -> AnyView {
    let List { around, address, rows, more } = list;
    let ended = address.get("state") == Some("ended");
    let views = [("In force", "", !ended), ("Ended", "ended", ended)]
        .map(|(words, state, current)| SavedView {
            words: words.to_owned(),
            count: None,
            href: address.with("state", state).href(),
            current,
        })
        .into();
    let new = around
        .viewer
        .may(Action::ManageQualityRules)
        .then(|| view! { <a class="button primary" href="/quality/plans/new">"New plan"</a> });
    let facts = vec!["by item".into_any(), "an item without a plan is inspected as its ERP says".into_any()];
    let content = if rows.is_empty() { empty(&address, ended) } else { table(&rows, &around, &address, more) };
    let tags = address.tags(&[("q", "Contains", address.get("q").map(str::to_owned))], &["state"]);
    let words = address.get("q").unwrap_or_default().to_owned();
    let state = ended.then(|| view! { <input type="hidden" name="state" value="ended"/> });
    let clear = if ended { "/quality/plans?state=ended" } else { "/quality/plans" };
    let page = view! {
        <Breadcrumb crumbs=vec![Crumb::link("Inspections", "/inspections"), Crumb::here("Plans")]/>
        <PageHeader title="Inspection plans".into_any() facts=facts>{new}</PageHeader>
        <SavedViews views=views/>
        <FilterBar tags=tags clear=clear.to_owned()>
            <form method="get" action="/quality/plans" class="menu fields">
                <div class="field"><label for="f-q">"Item, description, supplier or plant"</label><input class="input" id="f-q" name="q" value=words/></div>
                {state}
                <button class="button primary" type="submit">"Apply"</button>
            </form>
        </FilterBar>
        <section class="sheet table-region" aria-label="Inspection plans">{content}</section>
    };
    around.frame("Inspection plans", page)
}

fn empty(address: &Address, ended: bool) -> AnyView {
    if address.is_narrowed(&["state"]) {
        let clear = Some(("Clear filters".to_owned(), "/quality/plans".to_owned()));
        return view! { <EmptyState title="No plan matches" text="The words above leave nothing over." action=clear/> }
            .into_any();
    }
    let (title, text) = if ended {
        ("No plan has ended", "Ended plans stay here, with who ended them and why.")
    } else {
        ("No plans yet", "Every lot of an item is inspected, or none, as its ERP says. A plan says otherwise.")
    };
    view! { <EmptyState title=title text=text/> }.into_any()
}

fn table(rows: &[PlanRow], around: &Around, address: &Address, more: bool) -> AnyView {
    let body = rows
        .iter()
        .map(|row| {
            let (supplier, plant) = about_words(row);
            view! {
                <tr>
                    <td class="a-id"><a class="id" href=plan_href(row)>{row.item.clone()}</a><span class="sub" dir="auto">{row.description.clone()}</span></td>
                    <td class="a-item">{supplier}<span class="sub">{plant}</span></td>
                    <td class="a-status">{plan_words(row.plan)}</td>
                    <td class="opt-1"><span class="clip" dir="auto">{row.reason.clone()}</span></td>
                    <td class="opt-2">{row.created_by.clone()}</td>
                    <td class="a-due nowrap">{instant(row.created_at, &around.reading)}</td>
                </tr>
            }
        })
        .collect_view();
    let backwards = address.get("before").is_some();
    let (has_previous, has_next) = if backwards { (more, true) } else { (address.get("after").is_some(), more) };
    let shown = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    let position = Position {
        words: counted(shown, "plan, by item", "plans, by item"),
        previous: rows.first().filter(|_| has_previous).map(|row| address.with("before", row.place()).href()),
        next: rows.last().filter(|_| has_next).map(|row| address.with("after", row.place()).href()),
        sizes: Vec::new(),
    };
    view! {
        <table class="data-table blocks" role="table">
            <caption class="visually-hidden">"Inspection plans"</caption>
            <thead><tr>
                <th scope="col">"Item"</th><th scope="col">"From and to"</th><th scope="col">"Inspected"</th>
                <th scope="col" class="opt-1">"Why"</th><th scope="col" class="opt-2">"By"</th><th scope="col">"Since"</th>
            </tr></thead>
            <tbody>{body}</tbody>
        </table>
        <Pager position=position/>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_reads_as_a_sentence() {
        let skip = |good_before_skip, skip| plan_words(Some(Plan::SkipLot { good_before_skip, skip }));
        assert_eq!(skip(3, 2), "after 3 lots good in a row, 2 are let go, then one inspected");
        assert_eq!(skip(1, 1), "after 1 lot good in a row, 1 is let go, then one inspected");
    }
}
