//! Every sending of a ship notice and what it changed against the one before.

use std::collections::HashMap;

use domain::calendar::day;
use domain::quantity::grouped;
use domain::shipment::ShipNotice;
use leptos::prelude::*;
use store::ship_notices::Version;

use crate::page::Around;
use crate::ui::time::instant_with_zone;

/// How many changes one version shows.
const SHOWN: usize = 12;

pub(super) fn sheet(versions: &[Version], around: &Around) -> AnyView {
    let rows = versions
        .iter()
        .enumerate()
        .map(|(index, version)| {
            let changes = versions.get(index + 1).map(|older| changes(&older.notice, &version.notice));
            let words = match changes {
                None => view! { <span class="muted">"first sending"</span> }.into_any(),
                Some(changes) if changes.is_empty() => view! { <span class="muted">"nothing changed"</span> }.into_any(),
                Some(changes) => {
                    let more = changes.len().saturating_sub(SHOWN);
                    let list = changes.into_iter().take(SHOWN).map(|change| view! { <li>{change}</li> }).collect_view();
                    view! { <ul class="changed-list">{list}{(more > 0).then(|| view! { <li>{format!("and {more} more")}</li> })}</ul> }.into_any()
                }
            };
            view! {
                <li>
                    <b>{format!("Version {}", version.notice.version)}</b>
                    <span>{version.actor.name().to_owned()}</span>
                    <span class="end muted">{instant_with_zone(version.at, &around.reading)}</span>
                    <div class="whole">{version.reason.as_ref().map(|reason| view! { <p class="quote" dir="auto">{reason.clone()}</p> })}{words}</div>
                </li>
            }
        })
        .collect_view();
    view! {
        <section class="sheet" aria-labelledby="versions-title">
            <div class="section-head"><h2 id="versions-title">"Versions "<span>{versions.len()}</span></h2></div>
            <ul class="row-list">{rows}</ul>
        </section>
    }
    .into_any()
}

/// What is different in `new`, each in one sentence.
pub(super) fn changes(old: &ShipNotice, new: &ShipNotice) -> Vec<String> {
    let mut changes = Vec::new();
    let mut field = |what: &str, was: Option<String>, is: Option<String>| {
        if was != is {
            let words = |text: Option<String>| text.unwrap_or_else(|| "nothing".to_owned());
            changes.push(format!("{what}: {} instead of {}", words(is), words(was)));
        }
    };
    field("Delivery note", Some(old.delivery_note.clone()), Some(new.delivery_note.clone()));
    field("Ship date", Some(day(old.ship_on)), Some(day(new.ship_on)));
    field("Arrival", Some(day(old.arrive_on)), Some(day(new.arrive_on)));
    field("Carrier", old.carrier.clone(), new.carrier.clone());
    field("Tracking", old.tracking.clone(), new.tracking.clone());
    field("Bill of lading", old.bill_of_lading.clone(), new.bill_of_lading.clone());
    field("Note", old.note.clone(), new.note.clone());
    let count = |notice: &ShipNotice| Some(notice.units.len().to_string()).filter(|count| count != "0");
    field("Packages", count(old), count(new));
    let before: HashMap<_, _> = old.lines.iter().map(|line| (line.ship_line_id, line)).collect();
    for line in &new.lines {
        let name = format!("{} line {}", line.order, line.line);
        let unit = &line.unit;
        let Some(was) = before.get(&line.ship_line_id) else {
            changes.push(format!("{name} added: {} {unit}", grouped(line.quantity, 0)));
            continue;
        };
        if was.quantity != line.quantity {
            changes.push(format!(
                "{name}: {} {unit} instead of {}",
                grouped(line.quantity, 0),
                grouped(was.quantity, 0)
            ));
        }
        let lots: HashMap<&str, _> = was.lots.iter().map(|lot| (lot.lot.as_str(), lot)).collect();
        for lot in &line.lots {
            match lots.get(lot.lot.as_str()) {
                None => changes.push(format!("{name}: lot {} added, {} {unit}", lot.lot, grouped(lot.quantity, 0))),
                Some(was) if was.quantity != lot.quantity => changes.push(format!(
                    "{name}: lot {} {} {unit} instead of {}",
                    lot.lot,
                    grouped(lot.quantity, 0),
                    grouped(was.quantity, 0)
                )),
                Some(was) if *was != lot => {
                    changes.push(format!("{name}: lot {} has other dates, origin or serials", lot.lot))
                }
                Some(_) => {}
            }
        }
        let now: std::collections::HashSet<&str> = line.lots.iter().map(|lot| lot.lot.as_str()).collect();
        changes.extend(
            was.lots
                .iter()
                .filter(|lot| !now.contains(lot.lot.as_str()))
                .map(|lot| format!("{name}: lot {} taken out", lot.lot)),
        );
        if was.serials != line.serials {
            changes.push(format!("{name}: other serials"));
        }
    }
    let now: std::collections::HashSet<_> = new.lines.iter().map(|line| line.ship_line_id).collect();
    changes.extend(
        old.lines
            .iter()
            .filter(|line| !now.contains(&line.ship_line_id))
            .map(|line| format!("{} line {} taken out", line.order, line.line)),
    );
    changes
}
