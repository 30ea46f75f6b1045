//! What is in a ship notice: its lines with their lots, and its packages as a tree with their SSCCs.
//!
//! A notice may hold thousands of lots and packages; the page shows the first of them, and all on demand.

use std::collections::HashMap;

use domain::quantity::grouped;
use domain::shipment::serials::serials_in_short;
use domain::shipment::{HandlingUnit, PackageKind, ShipLine, ShipNotice, ShipStatus};
use leptos::prelude::*;
use store::ship_notices::ShipNoticeRecord;

use crate::address::encoded;
use crate::ui::number::{counted, quantity};
use crate::ui::table::part_mark;
use crate::ui::tag::{id, tag};
use crate::ui::time::{date, date_or_dash};
use crate::ui::tone::Tone;

use super::act::address;

/// Rows of lots and of packages shown before somebody asks for all.
const FIRST: usize = 200;

pub(super) fn lines(record: &ShipNoticeRecord, all: bool) -> AnyView {
    let notice = &record.notice;
    let lots: usize = notice.lines.iter().map(|line| line.lots.len()).sum();
    let mut room = if all { usize::MAX } else { FIRST };
    let rows = notice
        .lines
        .iter()
        .map(|line| {
            let shown = line.lots.len().min(room);
            room -= shown;
            line_rows(record, line, shown)
        })
        .collect_view();
    let more = (!all && lots > FIRST).then(|| {
        view! { <p class="sheet-foot"><a href=format!("{}?all=1#lines-title", address(&notice.number))>{format!("Show all {} lots", grouped(lots.into(), 0))}</a></p> }
    });
    let lots_said = (lots > 0).then(|| {
        let words = counted(i64::try_from(lots).unwrap_or(0), "lot", "lots");
        view! { <div class="toolbar"><span class="muted">{words}</span></div> }
    });
    view! {
        <section class="sheet table-region" aria-labelledby="lines-title">
            <div class="section-head"><h2 id="lines-title">"Lines "<span>{notice.lines.len()}</span></h2>{lots_said}</div>
            <table class="data-table blocks" role="table">
                <caption class="visually-hidden">{format!("Lines of ship notice {}", notice.number)}</caption>
                <thead><tr>
                    <th scope="col">"Order / line"</th>
                    <th scope="col">"Item or lot"</th>
                    <th scope="col" class="num">"Shipped"</th>
                    <th scope="col" class="num opt-1">"Received"</th>
                    <th scope="col" class="opt-1">"Last day of use"</th>
                    <th scope="col">"Promised"</th>
                    <th scope="col">"Note"</th>
                </tr></thead>
                <tbody>{rows}</tbody>
            </table>
            {more}
        </section>
    }
    .into_any()
}

fn line_rows(record: &ShipNoticeRecord, line: &ShipLine, shown: usize) -> AnyView {
    let promised = record.promised_on.get(&line.schedule_line_id).copied();
    let late = promised.map(|on| (record.notice.arrive_on - on).num_days()).filter(|days| *days > 0);
    let (received, damaged) = record.received.get(&line.ship_line_id).copied().unwrap_or_default();
    let expected = record.status.is_expected();
    let note = match late {
        Some(days) if expected => tag(Tone::Warn, format!("{} after the promise", counted(days, "day", "days"))),
        _ if damaged > domain::Decimal::ZERO => tag(Tone::Crit, format!("{} damaged", grouped(damaged, 0))),
        _ if record.status == ShipStatus::Received && received < line.quantity => {
            tag(Tone::Warn, format!("{} short", grouped(line.quantity - received, 0)))
        }
        _ => ().into_any(),
    };
    let own_serials = (!line.serials.is_empty()).then(|| serials(&line.serials));
    let last = shown;
    let lots = line
        .lots
        .iter()
        .take(shown)
        .enumerate()
        .map(|(index, lot)| {
            let produced = lot.produced_on.map(|on| format!("produced {}", domain::calendar::day(on)));
            let origin = lot.origin.as_ref().map(|origin| format!("origin {origin}"));
            let facts: Vec<String> = [produced, origin].into_iter().flatten().collect();
            let serials = (!lot.serials.is_empty()).then(|| serials(&lot.serials));
            view! {
                <tr class=if index + 1 == last { "part last" } else { "part" }>
                    <td></td>
                    <td class="a-id">{part_mark("lot")}" "{id(lot.lot.clone())}{(!facts.is_empty()).then(|| view! { <span class="sub">{facts.join(", ")}</span> })}{serials}</td>
                    <td class="num a-num">{quantity(lot.quantity, &line.unit)}</td>
                    <td class="opt-1"></td>
                    <td class="nowrap opt-1">{date_or_dash(lot.expires_on)}</td>
                    <td class="a-due"></td>
                    <td class="a-status"></td>
                </tr>
            }
        })
        .collect_view();
    let number = if line.schedule > 1 { format!("{}.{}", line.line, line.schedule) } else { line.line.clone() };
    view! {
        <tr class=(shown > 0).then_some("has-parts")>
            <td class="a-id"><a class="id nowrap" href=format!("/orders/{}#line-{}", encoded(&line.order), line.line)>{format!("{} / {number}", line.order)}</a></td>
            <td class="a-item"><span class="id item-no">{line.item.clone()}</span><span class="sub" dir="auto">{line.description.clone()}</span>{own_serials}</td>
            <td class="num a-num">{quantity(line.quantity, &line.unit)}</td>
            <td class="num opt-1">{if received.is_zero() { view! { <span class="muted">"–"</span> }.into_any() } else { quantity(received, &line.unit) }}</td>
            <td class="opt-1"></td>
            <td class="nowrap a-due">{date_or_dash(promised)}</td>
            <td class="a-status">{note}</td>
        </tr>
        {lots}
    }
    .into_any()
}

fn serials(all: &[String]) -> AnyView {
    const SHOWN: usize = 120;
    let words = serials_in_short(all);
    let count = counted(i64::try_from(all.len()).unwrap_or(0), "serial", "serials");
    if words.chars().count() <= SHOWN {
        return view! { <span class="sub breaks">{format!("{count}: {words}")}</span> }.into_any();
    }
    view! { <details class="sub"><summary>{count}</summary><span class="id breaks">{words}</span></details> }.into_any()
}

/// The packages as a tree: what stands on what, with SSCC, weight and content.
pub(super) fn packages(notice: &ShipNotice, all: bool) -> Option<AnyView> {
    if notice.units.is_empty() {
        return None;
    }
    let shown = if all { notice.units.len() } else { notice.units.len().min(FIRST) };
    let mut depth: HashMap<_, usize> = HashMap::new();
    let rows = notice
        .units
        .iter()
        .take(shown)
        .map(|unit| {
            let level = unit.parent.and_then(|parent| depth.get(&parent).copied()).map_or(0, |above| above + 1);
            depth.insert(unit.handling_unit_id, level);
            unit_row(notice, unit, level)
        })
        .collect_view();
    let more = (shown < notice.units.len()).then(|| {
        view! { <p class="sheet-foot"><a href=format!("{}?all=1#packages-title", address(&notice.number))>{format!("Show all {} packages", grouped(notice.units.len().into(), 0))}</a></p> }
    });
    Some(
        view! {
            <section class="sheet table-region" aria-labelledby="packages-title">
                <div class="section-head"><h2 id="packages-title">"Packages "<span>{notice.units.len()}</span></h2></div>
                <ul class="row-list units">{rows}</ul>
                {more}
            </section>
        }
        .into_any(),
    )
}

fn unit_row(notice: &ShipNotice, unit: &HandlingUnit, level: usize) -> AnyView {
    let kind = match unit.kind {
        PackageKind::Pallet => "Pallet",
        PackageKind::Carton => "Carton",
        PackageKind::Other => "Package",
    };
    let contents: Vec<String> = unit
        .contents
        .iter()
        .map(|part| {
            let line = notice.lines.iter().find(|line| line.number == part.line);
            let (item, unit) = line.map_or(("", ""), |line| (line.item.as_str(), line.unit.code()));
            let lot = part.lot.as_ref().map(|lot| format!(" lot {lot}")).unwrap_or_default();
            format!("{} {unit} {item}{lot}", grouped(part.quantity, 0))
        })
        .collect();
    let weight = unit.gross_kg.map(|weight| format!("{} kg", grouped(weight, 0)));
    view! {
        <li data-level=level.min(4).to_string()>
            <span>{kind}</span>
            {id(unit.sscc.clone())}
            <span class="muted">{contents.join("; ")}</span>
            {weight.map(|weight| view! { <span class="end muted">{weight}</span> })}
        </li>
    }
    .into_any()
}

/// The facts of the transport, for the side.
pub(super) fn transport(notice: &ShipNotice) -> AnyView {
    let mut facts: Vec<(&str, AnyView)> = vec![
        ("Delivery note", id(notice.delivery_note.clone())),
        ("Ship date", date(notice.ship_on)),
        ("Arrival", date(notice.arrive_on)),
    ];
    for (term, text) in [
        ("Carrier", &notice.carrier),
        ("Tracking", &notice.tracking),
        ("Bill of lading", &notice.bill_of_lading),
        ("Note", &notice.note),
    ] {
        if let Some(text) = text {
            facts.push((term, view! { <span dir="auto" class="breaks">{text.clone()}</span> }.into_any()));
        }
    }
    let facts = facts.into_iter().map(|(term, fact)| view! { <dt>{term}</dt><dd>{fact}</dd> }).collect_view();
    view! {
        <section class="sheet" aria-labelledby="transport-title">
            <div class="section-head"><h2 id="transport-title">"Transport"</h2></div>
            <dl class="fact-list">{facts}</dl>
        </section>
    }
    .into_any()
}
