//! The first step: how much of which line, in which lots, with which serials.

use leptos::prelude::*;

use crate::ui::number::{counted, quantity_text};
use crate::ui::tag::{id, tag};
use crate::ui::tone::Tone;

use super::draft::{TypedLine, TypedLot};
use super::steps::{StepView, area, bar, example, input};

pub(super) fn show(view: &StepView) -> AnyView {
    let fits = view.draft.lines_that_fit();
    let lines = view
        .draft
        .lines
        .iter()
        .zip(fits)
        .enumerate()
        .map(|(i, (line, fits))| line_view(view, i, line, fits))
        .collect_view();
    let none = view.draft.lines.is_empty().then(|| {
        view! { <section class="sheet"><crate::ui::empty::EmptyState title="No line is left" text="Choose lines that are due." action=Some(("Choose lines".to_owned(), format!("/shipments/new?draft={}", view.id)))/></section> }
    });
    let count = i64::try_from(view.draft.lines.len()).unwrap_or(0);
    let lots: usize = view.draft.lines.iter().map(|line| line.lots.len()).sum();
    let words =
        format!("{}, {}", counted(count, "line", "lines"), counted(i64::try_from(lots).unwrap_or(0), "lot", "lots"));
    view! {
        <div class="stack">
            {lines}
            {none}
            <p><a class="button" href=format!("/shipments/new?draft={}", view.id)>"Add more lines"</a></p>
        </div>
        {bar(words, "Go on to packing", "next")}
    }
    .into_any()
}

fn line_view(view: &StepView, i: usize, line: &TypedLine, fits: bool) -> AnyView {
    let known = view.known.get(&line.id).map(|known| &known.line);
    let unit = known.map(|known| known.unit.code().to_owned()).unwrap_or_default();
    let rules = known.map(|known| known.rules.clone()).unwrap_or_default();
    let hint = known
        .map(|known| {
            let shipped = if known.shipped.is_zero() {
                String::new()
            } else {
                format!(", {} already shipped", quantity_text(known.shipped, &known.unit))
            };
            format!(
                "{} confirmed{shipped}; at most {}",
                quantity_text(known.promised(), &known.unit),
                quantity_text(known.most(), &known.unit)
            )
        })
        .unwrap_or_default();
    let title = match known {
        Some(known) => view! { {id(known.order.clone())}" / "{id(known.line.clone())}{(known.schedule > 1).then(|| format!(".{}", known.schedule))}" "<span>{format!("{} {}", known.item, known.description)}</span> }.into_any(),
        None => "A line that is gone".into_any(),
    };
    let due = known
        .and_then(|known| known.promised_on())
        .map(|on| tag(Tone::Neutral, format!("promised {}", domain::calendar::day(on))));
    let lot_rows = if fits {
        let rows = line.lots.iter().enumerate();
        rows.map(|(j, lot)| lot_view(view, i, j, lot, &unit, rules.serials)).collect_view().into_any()
    } else {
        kept_view(i, line, &unit)
    };
    let with_lots = rules.lots || !line.lots.is_empty();
    let lots_wrong = view.wrong(&format!("lines.{i}.add"));
    let lots_note = lots_wrong
        .into_iter()
        .map(|words| crate::ui::field::field_note(Tone::Crit, words, Some(format!("lines.{i}.add-error"))))
        .collect_view();
    let serials =
        (fits && (!line.serials.is_empty() || rules.serials && line.lots.is_empty() && !rules.lots)).then(|| {
            let at = format!("lines.{i}.serials");
            area(view, &at, "Serials", "One for each piece: a list, or ranges like A0001-A0120", &line.serials, "3")
        });
    let (press, words) = match (fits, with_lots) {
        (false, _) => ("clear-lots", "Remove all lots and serials"),
        (true, true) => ("add-lot", "Add a lot"),
        (true, false) => ("add-lot", "Enter lots"),
    };
    let more = view! { <button class="button low" type="submit" name="f[do]" value=format!("{press}:{i}") id=format!("lines.{i}.add")>{words}</button> };
    let paste_id = format!("lines.{i}.paste");
    let remove = format!("Remove {}", view.name(&line.id));
    view! {
        <section class="sheet" aria-labelledby=format!("line-{i}-title") id=format!("line-{i}")>
            <div class="section-head">
                <h2 id=format!("line-{i}-title")>{title}</h2>
                <div class="toolbar">{due}<button class="button low quiet" type="submit" name="f[do]" value=format!("remove-line:{i}") aria-label=remove>"Remove"</button></div>
            </div>
            <div class="pad rows">
                <input type="hidden" name=format!("f[lines.{i}.id]") value=line.id.clone()/>
                <div class="row-grid first">
                    {input(view, &format!("lines.{i}.quantity"), &format!("Quantity in {unit}"), &hint, &line.quantity, true)}
                </div>
                {lot_rows}
                {serials}
                {(fits && !line.lots.is_empty()).then(|| view! { <p class="small muted">{format!("Dates {}.", example(view.today))}</p> })}
                {lots_note}
                <div class="row-actions">
                    {more}
                    {(with_lots).then(|| view! {
                        <details class="note">
                            <summary>"Paste many lots"</summary>
                            {area(view, &paste_id, "One lot in each row", "Lot, quantity, last day of use, day of production, country, serials; separated by tabs or semicolons", &line.paste, "4")}
                            <button class="button low" type="submit" name="f[do]" value=format!("paste:{i}")>"Take them over"</button>
                        </details>
                    })}
                </div>
            </div>
        </section>
    }
    .into_any()
}

/// Lots and serials that are too long for inputs: the first of them, and the mark that leaves all as they are.
fn kept_view(i: usize, line: &TypedLine, unit: &str) -> AnyView {
    const FIRST: usize = 20;
    let count = |count: usize| i64::try_from(count).unwrap_or(0);
    let rows = line
        .lots
        .iter()
        .take(FIRST)
        .map(|lot| {
            let until = (!lot.expires_on.is_empty()).then(|| format!("use by {}", lot.expires_on));
            let made = (!lot.produced_on.is_empty()).then(|| format!("produced {}", lot.produced_on));
            let origin = (!lot.origin.is_empty()).then(|| format!("origin {}", lot.origin));
            let facts: Vec<String> = [until, made, origin].into_iter().flatten().collect();
            view! { <li><span class="id">{lot.lot.clone()}</span><span class="muted">{facts.join(", ")}</span><span class="end">{format!("{} {unit}", lot.quantity)}</span></li> }
        })
        .collect_view();
    let others = line.lots.len().saturating_sub(FIRST);
    let words = match line.lots.len() {
        0 => "The serials of this line".to_owned(),
        lots => counted(count(lots), "lot", "lots"),
    };
    view! {
        <input type="hidden" name=format!("f[lines.{i}.kept]") value="1"/>
        <p>{format!("{words}: too long for fields on a page. Everything stays as it is. To change it, remove all and paste a new table, or use the API.")}</p>
        <ul class="row-list">{rows}</ul>
        {(others > 0).then(|| view! { <p class="small muted">{format!("and {} more", counted(count(others), "lot", "lots"))}</p> })}
    }
    .into_any()
}

fn lot_view(view: &StepView, i: usize, j: usize, lot: &TypedLot, unit: &str, serials: bool) -> AnyView {
    let at = |field: &str| format!("lines.{i}.lots.{j}.{field}");
    let nth = j + 1;
    let label = format!("Remove lot {nth} of {}", view.name(view.draft.lines.get(i).map_or("", |line| &line.id)));
    let serials = (serials || !lot.serials.is_empty()).then(|| {
        area(
            view,
            &at("serials"),
            &format!("Serials of lot {nth}"),
            "A list, or ranges like A0001-A0120",
            &lot.serials,
            "2",
        )
    });
    view! {
        <fieldset class="row-grid">
            <legend class="visually-hidden">{format!("Lot {nth}")}</legend>
            {input(view, &at("lot"), "Lot or heat", "", &lot.lot, false)}
            {input(view, &at("quantity"), &format!("Quantity in {unit}"), "", &lot.quantity, true)}
            {input(view, &at("expires_on"), "Last day of use", "", &lot.expires_on, false)}
            {input(view, &at("produced_on"), "Produced on", "", &lot.produced_on, false)}
            {input(view, &at("origin"), "Country, 2 letters", "", &lot.origin, false)}
            <div class="end"><button class="button low quiet" type="submit" name="f[do]" value=format!("remove-lot:{i}:{j}") aria-label=label>"Remove lot"</button></div>
            {serials}
        </fieldset>
    }
    .into_any()
}
