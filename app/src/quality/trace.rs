//! `/trace` and `/trace/:kind/:id`: where material came from and where it went, read from either end.

use domain::access::{Action, may};
use domain::certificate::CertificateStatus;
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use store::lot_list;
use store::trace::{self, FoundStart, Start, Trace};

use super::words::{lot_href, ship_status, stock_parts};
use crate::address::{Address, encoded};
use crate::error::AppError;
use crate::loaded;
use crate::orders::inbound::certificate_words;
use crate::page::Around;
use crate::request;
use crate::ui::empty::EmptyState;
use crate::ui::header::{Breadcrumb, Crumb, PageHeader};
use crate::ui::number::{counted, quantity};
use crate::ui::tag::{id, plain_tag};
use crate::ui::time::{date, instant};
use crate::ui::tone::Tone;

const EACH: i64 = 20;

struct Find {
    around: Around,
    words: String,
    found: Vec<FoundStart>,
}

pub(super) fn find_page() -> impl IntoView {
    loaded(load_find(Address::of_request()), show_find)
}

async fn load_find(address: Address) -> Result<Find, AppError> {
    let words: String = address.get("q").unwrap_or_default().chars().take(100).collect();
    let mut tx = request::reader().await?;
    may(tx.actor(), Action::SeeQuality)?;
    let found = trace::find(&mut tx, &words, EACH).await?;
    if let [only] = found.as_slice() {
        request::see_other(&href(only));
    }
    Ok(Find { around: Around::load(&mut tx).await?, words, found })
}

/// Where a trace of it stands.
pub fn href(start: &FoundStart) -> String {
    format!("/trace/{}/{}", start.kind, encoded(&start.id))
}

fn show_find(find: Find) -> AnyView {
    let Find { around, words, found } = find;
    let body = if words.trim().is_empty() {
        view! { <EmptyState title="Trace a lot" text="Enter a lot of ours, a supplier's lot or heat, or a serial. Ship notices and orders are traced from their own page."/> }.into_any()
    } else if found.is_empty() {
        view! { <EmptyState title=format!("Nothing found for “{words}”") text="Looked for were lots, suppliers' lots and serials of your plants. A serial has to be complete."/> }.into_any()
    } else {
        let rows = found
            .iter()
            .map(|one| view! { <li><a class="id" href=href(one)>{one.name.clone()}</a><span class="id muted">{one.item.clone()}</span><span class="end muted">{one.beside.clone()}</span></li> })
            .collect_view();
        view! { <ul class="row-list">{rows}</ul> }.into_any()
    };
    let page = view! {
        <PageHeader title="Trace".into_any()/>
        <form class="search-form" role="search" method="get" action="/trace">
            <input class="input mono" name="q" type="search" aria-label="Lot, supplier's lot or serial" value=words autocomplete="off" enterkeyhint="search"/>
            <button class="button primary" type="submit">"Trace"</button>
        </form>
        <section class="sheet" aria-label="Found">{body}</section>
    };
    around.frame("Trace", page)
}

struct View {
    around: Around,
    what: &'static str,
    name: String,
    trace: Trace,
}

pub(super) fn page() -> impl IntoView {
    let params = use_params_map().get_untracked();
    loaded(load(params.get("kind").unwrap_or_default(), params.get("id").unwrap_or_default()), show)
}

async fn load(kind: String, id: String) -> Result<View, AppError> {
    let unknown = || AppError::NotFound { what: "A trace of this kind".to_owned() };
    let mut tx = request::reader().await?;
    may(tx.actor(), Action::SeeQuality)?;
    let (what, name, start) = match kind.as_str() {
        "lot" => {
            let lot_id = id.parse().map_err(|_| unknown())?;
            let lot = lot_list::get(&mut tx, lot_id).await?;
            ("lot", lot.number, Start::Lot(lot_id))
        }
        "supplier-lot" => ("supplier's lot", id.clone(), Start::SupplierLot(id)),
        "serial" => ("serial", id.clone(), Start::Serial(id)),
        "notice" => ("ship notice", id.clone(), Start::Notice(id)),
        "order" => ("order", id.clone(), Start::Order(id)),
        _ => return Err(unknown()),
    };
    let trace = trace::follow(&mut tx, &start).await?;
    if trace.is_empty() {
        return Err(AppError::NotFound { what: format!("Anything about {what} {name}") });
    }
    Ok(View { around: Around::load(&mut tx).await?, what, name, trace })
}

fn show(view: View) -> AnyView {
    let View { around, what, name, trace } = view;
    let count = |number: usize, one: &str, many: &str| counted(i64::try_from(number).unwrap_or(i64::MAX), one, many);
    let facts = vec![
        count(trace.announced.len(), "step announced", "steps announced").into_any(),
        count(trace.received.len(), "step received", "steps received").into_any(),
        count(trace.lots.len(), "lot here", "lots here").into_any(),
    ];
    let title = view! { {format!("Trace of {what} ")}{id(name.clone())} }.into_any();
    let page = view! {
        <Breadcrumb crumbs=vec![Crumb::link("Trace", "/trace"), Crumb::here(name.clone()).mono()]/>
        <PageHeader title=title facts=facts/>
        <ol class="stack trace-steps">
            <li>{announced(&trace)}</li>
            <li>{certificates(&trace)}</li>
            <li>{received(&trace, &around)}</li>
            <li>{lots(&trace)}</li>
        </ol>
    };
    around.frame(format!("Trace of {name}"), page)
}

fn section(title_id: &'static str, title: &'static str, beside: &'static str, content: AnyView) -> AnyView {
    view! {
        <section class="sheet table-region" aria-labelledby=title_id>
            <div class="section-head"><h2 id=title_id>{title}" "<span>{beside}</span></h2></div>
            {content}
        </section>
    }
    .into_any()
}

fn supplier_lot(lot: Option<&String>) -> AnyView {
    match lot {
        Some(lot) => {
            view! { <a class="id" href=format!("/trace/supplier-lot/{}", encoded(lot))>{lot.clone()}</a> }.into_any()
        }
        None => view! { <span class="muted">"no lot"</span> }.into_any(),
    }
}

fn order(order: &(String, String)) -> AnyView {
    view! { <a class="id quiet-link" href=format!("/orders/{}#line-{}", encoded(&order.0), order.1)>{format!("{} / {}", order.0, order.1)}</a> }.into_any()
}

fn announced(trace: &Trace) -> AnyView {
    if trace.announced.is_empty() {
        let none = view! { <EmptyState title="Not announced" text="It came without a ship notice, or before there were any here."/> };
        return section("announced-title", "1 Announced", "by the supplier", none.into_any());
    }
    let rows = trace
        .announced
        .iter()
        .map(|row| {
            view! {
                <tr>
                    <td class="a-id">{supplier_lot(row.supplier_lot.as_ref())}<span class="sub">{row.supplier.1.clone()}</span></td>
                    <td class="a-item"><span class="id">{row.item.clone()}</span><span class="sub">{order(&row.order)}</span></td>
                    <td class="a-status">{ship_status(row.status)}<span class="sub"><a class="id quiet-link" href=format!("/shipments/{}", encoded(&row.notice))>{row.notice.clone()}</a>" "{row.delivery_note.clone()}</span></td>
                    <td class="num a-num nowrap">{quantity(row.quantity, &row.unit)}</td>
                    <td class="a-due nowrap" data-label="shipped">{date(row.ship_on)}<span class="sub">{format!("to {}", row.plant)}</span></td>
                </tr>
            }
        })
        .collect_view();
    let table = view! {
        <table class="data-table blocks" role="table">
            <caption class="visually-hidden">"What the supplier announced"</caption>
            <thead><tr><th scope="col">"Supplier's lot"</th><th scope="col">"Item"</th><th scope="col">"Ship notice"</th><th scope="col" class="num">"Quantity"</th><th scope="col">"Shipped"</th></tr></thead>
            <tbody>{rows}</tbody>
        </table>
    };
    section("announced-title", "1 Announced", "by the supplier", table.into_any())
}

fn certificates(trace: &Trace) -> AnyView {
    if trace.certificates.is_empty() {
        let none = view! { <p class="pad muted">"No certificate names these lots."</p> };
        return section("certificates-title", "2 Proved", "certificates of the lots", none.into_any());
    }
    let rows = trace
        .certificates
        .iter()
        .map(|one| {
            let (tone, words) = match one.status {
                CertificateStatus::Accepted => (Tone::Ok, "accepted"),
                CertificateStatus::Submitted => (Tone::Info, "not looked at yet"),
                CertificateStatus::Rejected => (Tone::Crit, "rejected"),
                CertificateStatus::Replaced => (Tone::Neutral, "replaced"),
            };
            let lot = one.supplier_lot.clone().unwrap_or_else(|| "standing".to_owned());
            view! { <li><a href=format!("/certificates/{}", one.certificate_id)>{certificate_words(one.kind)}" "<span class="id">{one.number.clone()}</span></a>{plain_tag(tone, words)}<span class="end id muted">{lot}</span></li> }
        })
        .collect_view();
    let list = view! { <ul class="row-list">{rows}</ul> };
    section("certificates-title", "2 Proved", "certificates of the lots", list.into_any())
}

fn received(trace: &Trace, around: &Around) -> AnyView {
    if trace.received.is_empty() {
        let none =
            view! { <EmptyState title="Not received yet" text="Nothing of it has arrived in a plant that you see."/> };
        return section("received-title", "3 Received", "at the dock", none.into_any());
    }
    let rows = trace
        .received
        .iter()
        .map(|row| {
            let damaged = (!row.damaged.is_zero())
                .then(|| view! { <span class="sub">{quantity(row.damaged, &row.unit)}" damaged"</span> });
            let notice = row.notice.as_ref().map(|number| view! { <span class="sub"><a class="id quiet-link" href=format!("/shipments/{}", encoded(number))>{number.clone()}</a></span> });
            let state = if row.reversed { plain_tag(Tone::Neutral, "taken back") } else { plain_tag(Tone::Ok, "received") };
            let lot = match (&row.lot, row.lot_id) {
                (Some(number), Some(lot_id)) => view! { <a class="id" href=lot_href(lot_id)>{number.clone()}</a> }.into_any(),
                _ => view! { <span class="muted">"no lot"</span> }.into_any(),
            };
            let of = row.order.as_ref().map(order);
            view! {
                <tr>
                    <td class="a-id"><a class="id" href=format!("/receipts/{}", encoded(&row.receipt))>{row.receipt.clone()}</a>{notice}</td>
                    <td class="a-item">{supplier_lot(row.supplier_lot.as_ref())}" → "{lot}<span class="sub">{of}</span></td>
                    <td class="a-status">{state}</td>
                    <td class="num a-num nowrap">{quantity(row.accepted, &row.unit)}{damaged}</td>
                    <td class="a-due nowrap">{instant(row.received_at, &around.reading)}</td>
                </tr>
            }
        })
        .collect_view();
    let table = view! {
        <table class="data-table blocks" role="table">
            <caption class="visually-hidden">"What was received"</caption>
            <thead><tr><th scope="col">"Receipt"</th><th scope="col">"Supplier's lot → our lot"</th><th scope="col">"State"</th><th scope="col" class="num">"Quantity"</th><th scope="col">"When"</th></tr></thead>
            <tbody>{rows}</tbody>
        </table>
    };
    section("received-title", "3 Received", "at the dock", table.into_any())
}

fn lots(trace: &Trace) -> AnyView {
    if trace.lots.is_empty() {
        let none = view! { <p class="pad muted">"None of it lies in a plant that you see."</p> };
        return section("lots-title", "4 Where it is", "our lots", none.into_any());
    }
    let rows = trace
        .lots
        .iter()
        .map(|lot| {
            view! {
                <tr>
                    <td class="a-id"><a class="id" href=lot_href(lot.lot_id)>{lot.number.clone()}</a></td>
                    <td class="a-item"><span class="id">{lot.item.clone()}</span><span class="sub" dir="auto">{lot.description.clone()}</span></td>
                    <td class="a-status">{stock_parts(lot)}</td>
                    <td class="a-due">{format!("plant {}", lot.plant.0)}<span class="sub">{lot.location.clone().unwrap_or_else(|| "place not known".to_owned())}</span></td>
                </tr>
            }
        })
        .collect_view();
    let table = view! {
        <table class="data-table blocks" role="table">
            <caption class="visually-hidden">"Where it is"</caption>
            <thead><tr><th scope="col">"Lot"</th><th scope="col">"Item"</th><th scope="col">"Stock"</th><th scope="col">"Where"</th></tr></thead>
            <tbody>{rows}</tbody>
        </table>
    };
    section("lots-title", "4 Where it is", "our lots", table.into_any())
}
