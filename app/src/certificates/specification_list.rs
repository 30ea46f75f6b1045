//! `/specifications`: items with what they need, by number.

use domain::access::Action;
use leptos::prelude::*;
use store::specifications::{self, ItemName, RequirementRow};

use super::list::may_see;
use super::words;
use crate::address::{Address, encoded};
use crate::error::AppError;
use crate::loaded;
use crate::page::Around;
use crate::request;
use crate::ui::empty::EmptyState;
use crate::ui::header::{Breadcrumb, Crumb, PageHeader};
use crate::ui::number::counted;
use crate::ui::pager::{Pager, Position};
use crate::ui::tag::id;

const SIZE: usize = 100;

struct List {
    around: Around,
    address: Address,
    items: Vec<ItemName>,
    requirements: Vec<RequirementRow>,
    more: bool,
}

pub(super) fn page() -> impl IntoView {
    loaded(load(Address::of_request()), show)
}

async fn load(address: Address) -> Result<List, AppError> {
    let mut tx = request::reader().await?;
    may_see(&tx)?;
    let after = address.get("after").unwrap_or_default().to_owned();
    let mut items = specifications::items(&mut tx, &after, i64::try_from(SIZE + 1).unwrap_or(i64::MAX)).await?;
    let more = items.len() > SIZE;
    items.truncate(SIZE);
    let requirements = specifications::requirements(&mut tx, None).await?;
    Ok(List { around: Around::load(&mut tx).await?, address, items, requirements, more })
}

fn show(list: List) -> AnyView {
    let List { around, address, items, requirements, more } = list;
    let is_supplier = around.viewer.is_supplier();
    let last = items.last().map(|item| item.number.clone());
    let position = Position {
        words: counted(i64::try_from(items.len()).unwrap_or(i64::MAX), "item, by number", "items, by number"),
        previous: address.get("after").map(|_| "/specifications".to_owned()),
        next: last.filter(|_| more).map(|last| address.with("after", last).href()),
        sizes: Vec::new(),
    };
    let rows = items
        .iter()
        .map(|item| {
            let needs: Vec<String> = requirements
                .iter()
                .filter(|row| row.rule.item_id == item.item_id)
                .map(|row| {
                    let from = row.supplier.as_ref().filter(|_| !is_supplier).map(|(_, name)| format!(" from {name}")).unwrap_or_default();
                    format!("{} for {}{from}", row.rule.kind.short(), words::per(row.rule.per))
                })
                .collect();
            let needs = if needs.is_empty() { "–".to_owned() } else { needs.join("; ") };
            view! {
                <tr>
                    <td class="a-id"><a href=format!("/specifications/{}", encoded(&item.number))>{id(item.number.clone())}</a></td>
                    <td class="a-item">{item.description.clone()}</td>
                    <td data-label="certificates">{needs}</td>
                </tr>
            }
        })
        .collect_view();
    let content = if items.is_empty() {
        view! { <EmptyState title="No items" text="Items appear here with the first order for them."/> }.into_any()
    } else {
        view! {
            <table class="data-table blocks labelled" role="table">
                <caption class="visually-hidden">"Items and the certificates that they need"</caption>
                <thead><tr><th scope="col">"Item"</th><th scope="col">"Description"</th><th scope="col">"Certificates"</th></tr></thead>
                <tbody>{rows}</tbody>
            </table>
            <Pager position=position/>
        }
        .into_any()
    };
    let title = if around.viewer.may(Action::ManageSpecifications) {
        "Requirements and specifications"
    } else {
        "What items need"
    };
    let page = view! {
        <Breadcrumb crumbs=vec![Crumb::link("Certificates", "/certificates"), Crumb::here("Items")]/>
        <PageHeader title=title.into_any()/>
        <section class="sheet table-region" aria-label="Items">{content}</section>
    };
    around.frame(title, page)
}
