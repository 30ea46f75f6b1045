//! What was found. Everything is looked for within the scope of who asks: what is not his to see is not found.

use leptos::prelude::*;
use store::search::{self, Found, FoundPaper, Known, Paper, Results};
use store::trace::FoundStart;
use uuid::Uuid;

use crate::address::{Address, encoded, meant};
use crate::error::AppError;
use crate::loaded;
use crate::page::Around;
use crate::request;
use crate::ui::empty::EmptyState;
use crate::ui::header::PageHeader;
use crate::ui::number::{at_most, counted};

/// Longer than any key or words worth looking for.
const LONGEST: usize = 100;

struct Answer {
    around: Around,
    words: String,
    results: Results,
}

pub(super) fn page() -> impl IntoView {
    let words: String = Address::of_request().get("q").unwrap_or_default().chars().take(LONGEST).collect();
    loaded(load(words), show)
}

async fn load(words: String) -> Result<Answer, AppError> {
    let mut tx = request::reader().await?;
    let around = Around::load(&mut tx).await?;
    // People paste what a page shows: `corr 019a…`, `4500012345 / 0010`, or scan the code on a slip.
    let meant = meant(&words);
    let bare = meant.trim_start_matches("corr ").trim();
    if let Ok(id) = bare.parse::<Uuid>() {
        if let Some(known) = search::by_id(&mut tx, id).await? {
            request::see_other(&page_of(known));
        }
        return Ok(Answer { around, words, results: Results::default() });
    }
    let number = bare.split(" / ").next().unwrap_or_default().trim();
    if !number.is_empty() && search::is_order(&mut tx, number).await? {
        request::see_other(&format!("/orders/{}", encoded(number)));
        return Ok(Answer { around, words, results: Results::default() });
    }
    let results = search::by_words(&mut tx, bare).await?;
    if let Some(only) = only(&results, bare) {
        request::see_other(&only);
    }
    Ok(Answer { around, words, results })
}

fn page_of(known: Known) -> String {
    match known {
        Known::Correlation(id) => format!("/timeline/{id}"),
        Known::Delivery(id) => format!("/deliveries/{id}"),
        Known::Arrival(id) => format!("/arrivals/{id}"),
        Known::Connection(id) => format!("/connections/{id}"),
        Known::Person(id) => format!("/people/{id}"),
    }
}

/// The one thing whose number is exactly what was asked for.
fn only(results: &Results, words: &str) -> Option<String> {
    let is = |found: &&Found| found.number.eq_ignore_ascii_case(words);
    let (items, suppliers): (Vec<_>, Vec<_>) =
        (results.items.iter().filter(is).collect(), results.suppliers.iter().filter(is).collect());
    let same = |number: &str| number.eq_ignore_ascii_case(words);
    if let Some(hold) = results.holds.iter().find(|hold| same(&hold.number)) {
        return Some(format!("/holds/{}", encoded(&hold.number)));
    }
    if let Some(paper) = results.papers.iter().find(|paper| same(&paper.number)) {
        return Some(page_of_paper(paper));
    }
    let mut material = results.material.iter().filter(|one| same(&one.name));
    if let (Some(one), None, true) = (material.next(), material.next(), items.is_empty() && suppliers.is_empty()) {
        return Some(page_of_material(one));
    }
    match (items.as_slice(), suppliers.as_slice()) {
        ([item], []) => Some(list_of_item(item)),
        ([], [supplier]) => Some(list_of_supplier(supplier)),
        _ => None,
    }
}

fn page_of_paper(found: &FoundPaper) -> String {
    let kind = match found.paper {
        Paper::Notice => "shipments",
        Paper::Receipt => "receipts",
        Paper::Difference => "differences",
    };
    format!("/{kind}/{}", encoded(&found.number))
}

/// A lot has a page of its own; what is a supplier's or one piece is traced.
fn page_of_material(one: &FoundStart) -> String {
    match one.kind {
        "lot" => format!("/lots/{}", one.id),
        kind => format!("/trace/{kind}/{}", encoded(&one.id)),
    }
}

fn list_of_item(item: &Found) -> String {
    format!("/orders?q={}", encoded(&item.number))
}

fn list_of_supplier(supplier: &Found) -> String {
    format!("/orders?supplier={}", encoded(&supplier.number))
}

fn show(answer: Answer) -> AnyView {
    let Answer { around, words, results } = answer;
    let house = !around.viewer.is_supplier();
    let searched = if house {
        "order, ship notice, delivery note, package, receipt, difference, lot, serial, hold, item and supplier numbers, names and descriptions, and references"
    } else {
        "your orders, ship notices, delivery notes, packages, receipts and differences, items and their descriptions, and references"
    };
    let content = if words.trim().is_empty() {
        let text = format!("Looked for are {searched}. An exact number or reference leads straight to its page.");
        view! { <section class="sheet"><EmptyState title="What are you looking for?" text=text/></section> }.into_any()
    } else if results.is_empty() {
        let text = format!(
            "Searched were {searched}. Numbers are found from their beginning; a reference has to be complete."
        );
        view! { <section class="sheet"><EmptyState title=format!("Nothing found for “{words}”") text=text action=Some(("Show all orders".to_owned(), "/orders".to_owned()))/></section> }.into_any()
    } else {
        groups(&results, house)
    };
    let page = view! {
        <PageHeader title="Search".into_any()/>
        <form class="search-form" role="search" method="get" action="/search">
            <input class="input" name="q" type="search" aria-label="Search" value=words autocomplete="off" enterkeyhint="search"/>
            <button class="button primary" type="submit">"Search"</button>
        </form>
        <div class="stack" role="status">{content}</div>
    };
    around.frame("Search", page)
}

fn groups(results: &Results, house: bool) -> AnyView {
    let orders = results
        .orders
        .iter()
        .map(|order| {
            let beside = if house { format!("{}, {}", order.supplier, order.plant) } else { format!("plant {}", order.plant) };
            view! { <li><a class="id" href=format!("/orders/{}", encoded(&order.number))>{order.number.clone()}</a><span class="muted">{beside}</span><span class="end muted">{counted(order.lines, "line", "lines")}</span></li> }
        })
        .collect_view();
    let papers = |paper: Paper| {
        let found: Vec<_> = results.papers.iter().filter(|found| found.paper == paper).collect();
        let rows = found
            .iter()
            .map(|found| {
                let note = found.delivery_note.as_ref().map(|note| view! { "delivery note "<span class="id">{note.clone()}</span> });
                let beside = if house { format!("{}, {}", found.supplier, found.plant) } else { format!("plant {}", found.plant) };
                view! { <li><a class="id" href=page_of_paper(found)>{found.number.clone()}</a><span class="muted">{note}</span><span class="end muted">{beside}</span></li> }
            })
            .collect_view();
        (found.len(), rows.into_any())
    };
    let (notices, receipts, differences) = (papers(Paper::Notice), papers(Paper::Receipt), papers(Paper::Difference));
    // The list of an item also has what begins like its number, so only a supplier's lines are counted here.
    let row = |found: &Found, href: String, lines: Option<i64>| {
        let lines = lines.map(|lines| view! { <span class="end muted">{counted(lines, "line", "lines")}</span> });
        view! { <li><a class="id" href=href>{found.number.clone()}</a><span dir="auto">{found.name.clone()}</span>{lines}</li> }
    };
    let items = results.items.iter().map(|item| row(item, list_of_item(item), None)).collect_view();
    let suppliers = results.suppliers.iter().map(|it| row(it, list_of_supplier(it), Some(it.lines))).collect_view();
    // A supplier is shown his lots where they lie with us; traces are the house's.
    let material: Vec<&FoundStart> = results.material.iter().filter(|one| house || one.kind == "lot").collect();
    let found_material = material
        .iter()
        .map(|one| view! { <li><a class="id" href=page_of_material(one)>{one.name.clone()}</a><span class="id muted">{one.item.clone()}</span><span class="end muted">{one.beside.clone()}</span></li> })
        .collect_view();
    let holds =
        results.holds.iter().map(|hold| row(hold, format!("/holds/{}", encoded(&hold.number)), None)).collect_view();
    let group = |id: &'static str, title: &'static str, count: usize, rows: AnyView| {
        (count > 0).then(|| {
            view! {
                <section class="sheet" aria-labelledby=id>
                    <div class="section-head"><h2 id=id>{title}<span>{at_most(i64::try_from(count).unwrap_or(i64::MAX), i64::MAX)}</span></h2></div>
                    <ul class="row-list">{rows}</ul>
                </section>
            }
        })
    };
    view! {
        {group("orders-title", "Orders", results.orders.len(), orders.into_any())}
        {group("notices-title", "Ship notices", notices.0, notices.1)}
        {group("receipts-title", "Receipts", receipts.0, receipts.1)}
        {group("differences-title", "Differences", differences.0, differences.1)}
        {group("lots-title", "Lots and serials", material.len(), found_material.into_any())}
        {group("holds-title", "Holds", results.holds.len(), holds.into_any())}
        {group("items-title", "Items", results.items.len(), items.into_any())}
        {group("suppliers-title", "Suppliers", if house { results.suppliers.len() } else { 0 }, suppliers.into_any())}
    }
    .into_any()
}
