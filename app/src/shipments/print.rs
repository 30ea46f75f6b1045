//! `/shipments/:number/print/slip`: the packing slip that lies in the package. A page like any other on the screen; on
//! paper only the sheets remain, each with its number and the slip's (`style/base.css`, `style/shipments.css`: print).
//!
//! The code in the corner is the address of the ship notice: a phone opens it, and of what a scanner types into a search
//! field the number is taken ([`crate::address::meant`]).

use std::collections::HashMap;

use domain::Decimal;
use domain::calendar::day;
use domain::id::HandlingUnitId;
use domain::quantity::grouped;
use domain::shipment::{HandlingUnit, ShipLine, ShipNotice};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use store::ship_notices::{self, ShipNoticeRecord};

use super::act::address;
use crate::error::AppError;
use crate::loaded;
use crate::page::Around;
use crate::request;
use crate::ui::header::{Breadcrumb, Crumb, PageHeader};
use crate::ui::number::quantity_text;
use crate::ui::qr::qr_code;

struct Slip {
    around: Around,
    record: ShipNoticeRecord,
    /// Where the ship notice is found from outside.
    link: String,
}

pub(super) fn slip_page() -> impl IntoView {
    let number = use_params_map().get_untracked().get("number").unwrap_or_default();
    loaded(load(number), show)
}

async fn load(number: String) -> Result<Slip, AppError> {
    let mut tx = request::reader().await?;
    let record = ship_notices::get(&mut tx, &number).await?;
    let link = format!("{}{}", request::origin()?, address(&record.notice.number));
    Ok(Slip { around: Around::load(&mut tx).await?, record, link })
}

fn show(slip: Slip) -> AnyView {
    let Slip { around, record, link } = slip;
    let notice = &record.notice;
    let number = notice.number.clone();
    let mut orders: Vec<&str> = notice.lines.iter().map(|line| line.order.as_str()).collect();
    orders.sort_unstable();
    orders.dedup();
    let weight: Decimal =
        notice.units.iter().filter(|unit| unit.parent.is_none()).filter_map(|unit| unit.gross_kg).sum();
    let weight = (weight > Decimal::ZERO)
        .then(|| view! { <dt>"Gross weight"</dt><dd>{grouped(weight.normalize(), 0)}" kg"</dd> });
    let optional = |title: &'static str, value: &Option<String>| {
        value.clone().map(|value| view! { <dt>{title}</dt><dd class="id">{value}</dd> })
    };
    let page = view! {
        <Breadcrumb crumbs=vec![Crumb::link("Shipments", "/shipments"), Crumb::link(number.clone(), address(&number)).mono(), Crumb::here("Packing slip")]/>
        <PageHeader title="Packing slip".into_any() facts=vec![view! { "delivery note "<span class="id">{notice.delivery_note.clone()}</span> }.into_any(), "print it with your browser".into_any()]/>
        <div class="stack slip">
            <section class="sheet pad slip-head" aria-label="Sender and recipient">
                {qr_code(&link, format!("QR code: {link}"))}
                <dl class="fact-list">
                    <dt>"From"</dt><dd>{record.supplier.1.clone()}" "<span class="id">{record.supplier.0.clone()}</span></dd>
                    <dt>"To"</dt><dd>{record.plant.1.clone()}" "<span class="id">{record.plant.0.clone()}</span></dd>
                    <dt>"Ship notice"</dt><dd class="id">{number.clone()}</dd>
                    <dt>"Delivery note"</dt><dd class="id">{notice.delivery_note.clone()}</dd>
                    <dt>"Orders"</dt><dd class="id">{orders.join(", ")}</dd>
                    <dt>"Leaves"</dt><dd>{day(notice.ship_on)}</dd>
                    <dt>"Expected"</dt><dd>{day(notice.arrive_on)}</dd>
                    {optional("Carrier", &notice.carrier)}
                    {optional("Tracking", &notice.tracking)}
                    {optional("Bill of lading", &notice.bill_of_lading)}
                    {weight}
                </dl>
            </section>
            {lines(notice)}
            {units(notice)}
        </div>
    };
    around.frame(format!("Packing slip {number}"), page)
}

/// Which slip a sheet belongs to, on paper only: table heads are repeated on every sheet, and sheets get separated.
fn running(notice: &ShipNotice, columns: u8) -> AnyView {
    let words = format!("Packing slip {}, delivery note {}", notice.number, notice.delivery_note);
    view! { <tr class="running" aria-hidden="true"><td colspan=columns.to_string()>{words}</td></tr> }.into_any()
}

fn lots(line: &ShipLine) -> String {
    let lots = line.lots.iter().map(|lot| {
        let expiry = lot.expires_on.map(|on| format!(", expires {}", day(on))).unwrap_or_default();
        format!("{}: {}{expiry}", lot.lot, quantity_text(lot.quantity, &line.unit))
    });
    lots.collect::<Vec<_>>().join("; ")
}

fn lines(notice: &ShipNotice) -> AnyView {
    let rows = notice
        .lines
        .iter()
        .map(|line| {
            view! {
                <tr>
                    <td class="a-id"><span class="id">{line.order.clone()}</span><span class="sub id">{format!("line {}", line.line)}</span></td>
                    <td class="a-item"><span class="id">{line.item.clone()}</span><span class="sub">{line.description.clone()}</span></td>
                    <td class="num nowrap a-due">{quantity_text(line.quantity, &line.unit)}" "{line.unit.to_string()}</td>
                    <td class="a-status">{lots(line)}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <section class="sheet table-region" aria-labelledby="slip-lines">
            <div class="section-head"><h2 id="slip-lines">"Goods"</h2></div>
            <table class="data-table blocks" role="table">
                <caption class="visually-hidden">"What is in the shipment"</caption>
                <thead>{running(notice, 4)}<tr><th scope="col">"Order"</th><th scope="col">"Item"</th><th scope="col" class="num">"Quantity"</th><th scope="col">"Lots"</th></tr></thead>
                <tbody>{rows}</tbody>
            </table>
        </section>
    }
    .into_any()
}

/// What kind of package, and the one it stands in or on.
fn kind(unit: &HandlingUnit, ssccs: &HashMap<HandlingUnitId, &str>) -> String {
    let parent = unit.parent.and_then(|parent| ssccs.get(&parent));
    parent.map_or_else(|| unit.kind.to_string(), |parent| format!("{} in {parent}", unit.kind))
}

fn units(notice: &ShipNotice) -> Option<AnyView> {
    if notice.units.is_empty() {
        return None;
    }
    let ssccs: HashMap<_, _> = notice.units.iter().map(|unit| (unit.handling_unit_id, unit.sscc.as_str())).collect();
    let items: HashMap<_, _> = notice.lines.iter().map(|line| (line.number, line)).collect();
    let rows = notice
        .units
        .iter()
        .map(|unit| {
            let contents = unit.contents.iter().filter_map(|packed| {
                let line = items.get(&packed.line)?;
                let lot = packed.lot.as_ref().map(|lot| format!(", lot {lot}")).unwrap_or_default();
                Some(format!("{} × {}{lot}", quantity_text(packed.quantity, &line.unit), line.item))
            });
            let contents = contents.collect::<Vec<_>>().join("; ");
            let weight = unit.gross_kg.map(|weight| format!("{} kg", grouped(weight.normalize(), 0)));
            view! {
                <tr>
                    <td class="a-id"><span class="id nowrap">{unit.sscc.clone()}</span><span class="sub">{kind(unit, &ssccs)}</span></td>
                    <td class="a-item">{contents}</td>
                    <td class="num nowrap a-due">{weight.unwrap_or_else(|| "–".to_owned())}</td>
                </tr>
            }
        })
        .collect_view();
    Some(
        view! {
            <section class="sheet table-region" aria-labelledby="slip-units">
                <div class="section-head"><h2 id="slip-units">"Packages"<span>{notice.units.len()}</span></h2></div>
                <table class="data-table blocks" role="table">
                    <caption class="visually-hidden">"How it is packed"</caption>
                    <thead>{running(notice, 3)}<tr><th scope="col">"SSCC"</th><th scope="col">"Contents"</th><th scope="col" class="num">"Gross weight"</th></tr></thead>
                    <tbody>{rows}</tbody>
                </table>
            </section>
        }
        .into_any(),
    )
}
