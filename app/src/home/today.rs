//! The home: which parts somebody sees, and the row of numbers that each part begins with.

use domain::access::{Action, Role};
use leptos::prelude::*;

use super::buyer::{self, BuyerPart};
use super::house::{self, ExchangePart, FactsPart};
use super::plant::{self, PlantPart};
use super::quality::{self, QualityPart};
use super::supplier::{self, SupplierPart};
use crate::error::AppError;
use crate::inbound::part::{self as dock, DockPart};
use crate::loaded;
use crate::page::Around;
use crate::request;
use crate::ui::header::PageHeader;
use crate::ui::number::at_most;
use crate::ui::tone::Tone;

/// What each part needs, for the parts that are shown.
struct Home {
    around: Around,
    supplier: Option<SupplierPart>,
    buyer: Option<BuyerPart>,
    plant: Option<PlantPart>,
    dock: Option<DockPart>,
    quality: Option<QualityPart>,
    exchange: Option<ExchangePart>,
    facts: Option<FactsPart>,
}

pub(super) fn page() -> impl IntoView {
    loaded(load(), show)
}

async fn load() -> Result<Home, AppError> {
    let mut tx = request::reader().await?;
    let around = Around::load(&mut tx).await?;
    let viewer = &around.viewer;
    let mut home = Home {
        supplier: None,
        buyer: None,
        plant: None,
        dock: None,
        quality: None,
        exchange: None,
        facts: None,
        around: around.clone(),
    };
    if viewer.is_supplier() {
        home.supplier = Some(supplier::load(&mut tx).await?);
        return Ok(home);
    }
    if viewer.is(Role::Buyer) {
        home.buyer = Some(buyer::load(&mut tx).await?);
    }
    if viewer.is(Role::ReceivingClerk) {
        home.dock = Some(dock::load(&mut tx).await?);
    }
    if viewer.is(Role::PlantManager) {
        home.plant = Some(plant::load(&mut tx).await?);
    }
    if viewer.is(Role::QualityEngineer) {
        home.quality = Some(quality::load(&mut tx).await?);
    }
    if viewer.may(Action::SeeExchange) {
        home.exchange = Some(house::load_exchange(&mut tx).await?);
    }
    if viewer.is(Role::Administrator) {
        home.facts = Some(house::load_facts(&mut tx).await?);
    }
    Ok(home)
}

fn show(home: Home) -> AnyView {
    let Home { around, supplier, buyer, plant, dock, quality, exchange, facts } = home;
    let first = around.viewer.name.split_whitespace().next().unwrap_or_default().to_owned();
    let title = if around.viewer.is_supplier() { "To do" } else { "Home" };
    let line = vec![
        around.now().with_timezone(&around.reading.zone).format("%A, %d %B %Y, %H:%M %Z").to_string().into_any(),
        around.viewer.roles.iter().map(|role| role.title()).collect::<Vec<_>>().join(", ").into_any(),
    ];
    let none = supplier.is_none()
        && dock.is_none()
        && buyer.is_none()
        && plant.is_none()
        && quality.is_none()
        && exchange.is_none()
        && facts.is_none();
    let page = view! {
        <PageHeader title=title.into_any() beside=Some(view! { <span class="muted">{first}</span> }.into_any()) facts=line/>
        <div class="stack">
            {dock.map(|part| dock::show(&part))}
            {supplier.map(|part| supplier::show(&part, &around))}
            {buyer.map(|part| buyer::show(&part, &around))}
            {quality.map(|part| quality::show(&part, &around))}
            {plant.map(|part| plant::show(&part, &around))}
            {facts.map(|part| house::show_facts(&part))}
            {exchange.map(|part| house::show_exchange(&part, &around))}
            {none.then(|| without_pages(&around))}
        </div>
    };
    around.frame(title, page)
}

/// Roles whose own pages are not there yet are told so, and what they can do meanwhile.
fn without_pages(around: &Around) -> AnyView {
    let (what, of) = ("The pages of your role", "your role");
    let lines = at_most(around.waiting.lines, store::order_list::COUNTED);
    view! {
        <section class="sheet" aria-labelledby="soon-title">
            <div class="empty">
                <h3 id="soon-title">{format!("No pages for {of} yet")}</h3>
                <p>{format!("{what} come with a later version. Until then you can follow the orders of your plants: what suppliers were asked for, what they promised, and what the ERP knows of it.")}</p>
                <p><a class="button low" href="/orders">{format!("{lines} lines of orders")}</a></p>
            </div>
        </section>
    }
    .into_any()
}

/// A number of the first row.
pub(super) struct Kpi {
    /// What is counted.
    pub label: &'static str,
    /// How many.
    pub count: i64,
    /// Counting stops here.
    pub most: i64,
    /// More about it.
    pub note: Option<String>,
    /// How bad it is that there are some.
    pub tone: Tone,
    /// The list that has exactly that count.
    pub href: String,
}

/// The first row of a part.
pub(super) fn kpis(label: &'static str, kpis: Vec<Kpi>) -> AnyView {
    let items = kpis
        .into_iter()
        .map(|Kpi { label, count, most, note, tone, href }| {
            let tone = if count == 0 { Tone::Ok } else { tone };
            let note = note.unwrap_or_else(|| if count == 0 { "nothing waits".to_owned() } else { String::new() });
            view! {
                <a class="kpi plain" href=href>
                    <span class="label">{label}</span>
                    <span class="value" data-tone=tone.as_str()>{at_most(count, most)}</span>
                    <span class="delta">{note}</span>
                </a>
            }
        })
        .collect_view();
    view! { <nav class="sheet kpis" aria-label=label>{items}</nav> }.into_any()
}
