//! The rail: which pages a person is offered, by role, with the number of things that wait behind each.
//!
//! Only pages that exist are in the table. On a phone the first four become the bottom bar and the rest stands behind More.

use domain::access::Role;
use leptos::prelude::*;

/// How many of what wait. Zero is not shown: an empty list needs nobody.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Lines that the supplier has to answer.
    pub needs_supplier: i64,
    /// Lines that a buyer has to decide.
    pub with_buyer: i64,
    /// Promises that the ERP does not have yet.
    pub not_in_erp: i64,
    /// Lines that the buyer changed.
    pub changed: i64,
    /// Lines that should have been answered by their day.
    pub overdue: i64,
    /// Differences between announced and received that are open.
    pub differences: i64,
    /// All lines.
    pub lines: i64,
}

/// A page in the rail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// What it is called.
    pub words: &'static str,
    /// Where it is.
    pub href: &'static str,
    /// How many wait.
    pub count: Option<i64>,
}

/// The pages and stock views for these roles.
pub fn entries(roles: &[Role], counts: &Counts) -> (Vec<Entry>, Vec<Entry>) {
    let has = |wanted: &[Role]| roles.iter().any(|role| wanted.contains(role));
    let supplier = has(&[Role::Supplier, Role::SupplierAdmin]);
    let buyer = has(&[Role::Buyer]);
    let exchange = has(&[Role::IntegrationAdmin, Role::Administrator, Role::PlantManager]);
    let entry = |words, href, count| Entry { words, href, count };
    let mut pages =
        vec![entry(if supplier { "To do" } else { "Home" }, "/", supplier.then_some(counts.needs_supplier))];
    if buyer {
        pages.push(entry("Deviations", "/deviations", Some(counts.with_buyer)));
    }
    let quality = has(&[Role::QualityEngineer]);
    if quality {
        pages.push(entry("Inspections", "/inspections", None));
        pages.push(entry("Certificates", "/certificates", None));
        pages.push(entry("Holds", "/holds", None));
    }
    if has(&[Role::ReceivingClerk]) {
        pages.push(entry("Inbound", "/inbound", None));
    }
    pages.push(entry("Orders", "/orders", Some(counts.lines)));
    if supplier || buyer || has(&[Role::ReceivingClerk]) {
        pages.push(entry("Shipments", "/shipments", None));
    }
    if !quality && (supplier || has(&[Role::PlantManager, Role::Buyer, Role::ReceivingClerk])) {
        pages.push(entry("Certificates", "/certificates", None));
    }
    if buyer || supplier || has(&[Role::ReceivingClerk]) {
        pages.push(entry("Differences", "/differences", Some(counts.differences)));
    }
    if !quality && (supplier || has(&[Role::PlantManager, Role::Buyer, Role::ReceivingClerk])) {
        pages.push(entry("Holds", "/holds", None));
    }
    if quality || has(&[Role::PlantManager, Role::Buyer, Role::ReceivingClerk]) {
        pages.push(entry("Trace", "/trace", None));
        pages.push(entry("Stock", "/stock", None));
    }
    if has(&[Role::PlantManager, Role::QualityEngineer, Role::Buyer, Role::IntegrationAdmin]) {
        pages.push(entry("Work orders", "/production", None));
    }
    if has(&[Role::PlantManager, Role::IntegrationAdmin]) {
        pages.push(entry("Postings", "/postings", None));
    }
    if exchange {
        pages.push(entry("Connections", "/connections", None));
        pages.push(entry("Deliveries", "/deliveries", None));
        pages.push(entry("Arrivals", "/arrivals", None));
    }
    if has(&[Role::SupplierAdmin, Role::IntegrationAdmin]) {
        pages.push(entry("Keys", "/keys", None));
    }
    if has(&[Role::Administrator]) {
        pages.push(entry("People", "/people", None));
        pages.push(entry("Audit log", "/audit", None));
    }
    let views = vec![
        entry("Need an answer", "/orders?status=open", Some(counts.needs_supplier)),
        entry("Overdue", "/orders?status=overdue", Some(counts.overdue)),
        entry("Changed by buyer", "/orders?status=changed", Some(counts.changed)),
        entry("Not in ERP", "/orders?status=not_in_erp", Some(counts.not_in_erp)),
    ];
    (pages, views)
}

/// The rail at the side, or the bar at the bottom of a phone.
#[component]
pub fn Rail(
    /// Pages.
    pages: Vec<Entry>,
    /// Stock views of the order list.
    views: Vec<Entry>,
    /// The path of the page shown; the entry it lies under is marked.
    current: String,
) -> impl IntoView {
    const ON_PHONE: usize = 4;
    let is_current = move |href: &str| match href {
        "/" => current == "/",
        href => current == href || current.strip_prefix(href).is_some_and(|rest| rest.starts_with('/')),
    };
    let link = move |entry: &Entry, is_current: &dyn Fn(&str) -> bool| {
        view! {
            <a href=entry.href aria-current=is_current(entry.href).then_some("page")>
                {entry.words}
                {entry.count.filter(|count| *count > 0).map(|count| view! { " "<span class="count">{super::number::at_most(count, 10_000)}</span> })}
            </a>
        }
    };
    let first = pages
        .iter()
        .enumerate()
        .map(|(index, entry)| view! { <li class=(index >= ON_PHONE).then_some("wide-only")>{link(entry, &is_current)}</li> })
        .collect_view();
    let rest = pages
        .iter()
        .skip(ON_PHONE)
        .chain(&views)
        .map(|entry| view! { <li>{link(entry, &is_current)}</li> })
        .collect_view();
    let stock = views.iter().map(|entry| view! { <li>{link(entry, &|_| false)}</li> }).collect_view();
    view! {
        <nav class="rail" aria-label="Main">
            <ul>
                {first}
                <li class="phone-only">
                    <details class="popover up"><summary>"More"</summary><ul>{rest}</ul></details>
                </li>
            </ul>
            <p class="group wide-only">"Stock views"</p>
            <ul class="views-list wide-only">{stock}</ul>
        </nav>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_supplier_is_offered_no_page_of_the_house() {
        let (pages, _) = entries(&[Role::Supplier], &Counts::default());
        assert_eq!(
            pages.iter().map(|page| page.href).collect::<Vec<_>>(),
            ["/", "/orders", "/shipments", "/certificates", "/differences", "/holds"]
        );
    }

    #[test]
    fn somebody_with_several_roles_has_one_rail_with_the_pages_of_all() {
        let (pages, _) =
            entries(&[Role::Buyer, Role::IntegrationAdmin], &Counts { with_buyer: 27, ..Counts::default() });
        assert_eq!(
            pages.iter().map(|page| page.href).collect::<Vec<_>>(),
            [
                "/",
                "/deviations",
                "/orders",
                "/shipments",
                "/certificates",
                "/differences",
                "/holds",
                "/trace",
                "/stock",
                "/production",
                "/postings",
                "/connections",
                "/deliveries",
                "/arrivals",
                "/keys"
            ]
        );
        assert_eq!(pages[1].count, Some(27));
    }
}
