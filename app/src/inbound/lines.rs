//! The rows of a receipt that is entered line by line.

use domain::receipt::difference::{Delivery, Part};
use leptos::prelude::*;
use uuid::Uuid;

use super::entry::{self, SPARE, Typed, key, name};
use super::photo;
use crate::form::Kept;
use crate::ui::field::{field_note, options};
use crate::ui::number::{quantity, quantity_text};
use crate::ui::tone::Tone;

/// Everything the form shows.
pub(super) struct Shown<'a> {
    pub delivery: &'a Delivery,
    pub kept: Option<&'a Kept<Typed>>,
    pub submission: Uuid,
    /// Where it posts to.
    pub action: &'static str,
    /// `notice` or `order`, and its number.
    pub against: (&'static str, String),
    /// The lots and lines in the package that was scanned, marked in the list.
    pub scanned: Vec<(i32, Option<String>)>,
}

impl Shown<'_> {
    pub(super) fn value(&self, row: usize, field: &str, at_first: String) -> String {
        match self.kept {
            Some(kept) => kept.typed.fields.get(&key(row, field)).cloned().unwrap_or_default(),
            None => at_first,
        }
    }

    pub(super) fn wrong(&self, row: usize, field: &str) -> Vec<String> {
        let id = key(row, field);
        self.kept.map(|kept| kept.about(&id).map(str::to_owned).collect()).unwrap_or_default()
    }

    fn input(&self, row: usize, field: &'static str, label: String, at_first: String) -> AnyView {
        let wrong = self.wrong(row, field);
        let is_number = matches!(field, "accepted" | "damaged");
        let class = if is_number { "input num" } else { "input" };
        let note = format!("{}-error", key(row, field));
        view! {
            <input class=class id=key(row, field) name=name(row, field) value=self.value(row, field, at_first) aria-label=label autocomplete="off"
                inputmode=is_number.then_some("decimal") aria-invalid=(!wrong.is_empty()).then_some("true") aria-describedby=(!wrong.is_empty()).then(|| note.clone())/>
            {(!wrong.is_empty()).then(|| field_note(Tone::Crit, wrong.join(" "), Some(note)))}
        }
        .into_any()
    }
}

/// The form.
pub(super) fn form(shown: &Shown<'_>) -> AnyView {
    let announced = shown.delivery.notice.is_some();
    let parts = shown.delivery.parts();
    let rows = parts.iter().enumerate().map(|(row, part)| announced_row(shown, row, part, announced)).collect_view();
    let spare = (parts.len()..parts.len() + SPARE).map(|row| spare_row(shown, row)).collect_view();
    let (kind, number) = shown.against.clone();
    let version = shown.delivery.notice.as_ref().map_or(0, |(_, version)| *version);
    let complete = shown.kept.is_some_and(|kept| kept.typed.complete);
    let note = shown.kept.map(|kept| kept.typed.delivery_note.clone()).unwrap_or_default();
    let open_spare = shown.kept.is_some_and(|kept| {
        kept.typed.fields.iter().any(|(name, text)| {
            !text.trim().is_empty()
                && !name.ends_with("-line")
                && (parts.len()..parts.len() + SPARE).any(|row| name.starts_with(&format!("r{row}-")))
        })
    });
    view! {
        <form method="post" action=shown.action novalidate class="stack">
            <input type="hidden" name="against" value=kind/>
            <input type="hidden" name="number" value=number/>
            <input type="hidden" name="version" value=version.to_string()/>
            <input type="hidden" name="submission" value=shown.submission.to_string()/>
            <input type="hidden" name="upload_form" value=entry::FORM/>
            <input type="hidden" name="upload_object" value=format!("{kind}.{}", shown.against.1)/>
            <section class="sheet table-region" aria-labelledby="lines-title">
                <div class="section-head"><h2 id="lines-title">"Line by line"<span>"what came undamaged, and what did not"</span></h2></div>
                <table class="data-table blocks dock-lines" role="table">
                    <caption class="visually-hidden">"What came of each line and lot"</caption>
                    <thead><tr>
                        <th scope="col">"Item and lot"</th>
                        <th scope="col" class="num">{if announced { "Announced" } else { "Ordered" }}</th>
                        <th scope="col" class="num">"Came before"</th>
                        <th scope="col">"Undamaged"</th>
                        <th scope="col">"Damaged"</th>
                        {(!announced).then(|| view! { <th scope="col">"Lot on the label"</th> })}
                        <th scope="col">"Note"</th>
                    </tr></thead>
                    <tbody>{rows}</tbody>
                </table>
                {announced.then(|| view! {
                    <details class="dock-spare" open=open_spare>
                        <summary>"Something else came: another item, or a lot that was not announced"</summary>
                        <div class="stack">{spare}</div>
                    </details>
                })}
            </section>
            <div class="sheet pad form-sheet">
                {if announced {
                    view! {
                        <label class="check"><input type="checkbox" name="complete" value="yes" checked=complete/><span>"Nothing more is expected of this shipment: what is missing is short"</span></label>
                        <span class="hint">"Leave it open while a part is still on the truck or on its way."</span>
                    }.into_any()
                } else {
                    view! {
                        <div class="field"><label for="delivery_note">"Delivery note"</label><input class="input" id="delivery_note" name="delivery_note" value=note maxlength="60" autocomplete="off"/></div>
                    }.into_any()
                }}
            </div>
            <div class="submit-bar">
                <button class="button primary" type="submit">"Post receipt"</button>
                // After the other in the document, so that Enter in a field posts.
                <button class="button" id="attach" type="submit" formaction="/do/upload-files" formenctype="multipart/form-data">"Attach photos"</button>
                <a class="button" href="/inbound">"Cancel"</a>
            </div>
        </form>
    }
    .into_any()
}

fn announced_row(shown: &Shown<'_>, row: usize, part: &Part<'_>, announced: bool) -> AnyView {
    let line = part.line;
    let lot = part.lot.map(|lot| lot.lot.clone());
    let what = match &lot {
        Some(lot) => format!("{} lot {lot}", line.item),
        None => line.item.clone(),
    };
    let place = line.notice_line.map_or_else(|| format!("-{}", line.line), |number| number.to_string());
    let came = part.accepted.saturating_add(part.damaged);
    let is_scanned = line.notice_line.is_some_and(|number| shown.scanned.contains(&(number, lot.clone())));
    // What is expected stands in the field, so that a clerk types only where it differs.
    let at_first =
        if announced && !part.missing().is_zero() { quantity_text(part.missing(), &line.unit) } else { String::new() };
    let unit = line.unit.code().to_owned();
    let lot_input = (!announced).then(|| {
        let input =
            if line.has_lots { shown.input(row, "lot", format!("Lot, {what}"), String::new()) } else { ().into_any() };
        view! { <td class="f-lot" data-label="lot">{input}</td> }
    });
    view! {
        <tr data-edge=is_scanned.then_some("info")>
            <td class="a-id">
                <input type="hidden" name=name(row, "line") value=place/>
                {announced.then(|| view! { <input type="hidden" name=name(row, "lot") value=lot.clone().unwrap_or_default()/> })}
                <span class="id item-no">{line.item.clone()}</span>
                {lot.clone().map(|lot| view! { <span class="id lot">{lot}</span> })}
                <span class="sub" dir="auto">{format!("{} · {} / {}", line.description, line.order, line.line)}</span>
                {is_scanned.then(|| view! { <span class="sub">"in the package that was scanned"</span> })}
            </td>
            <td class="num a-num" data-label=if announced { "announced" } else { "ordered" }>{quantity(part.announced, &line.unit)}</td>
            <td class="num a-due" data-label="came before">{(!came.is_zero()).then(|| quantity(came, &line.unit))}</td>
            <td class="f-good" data-label="undamaged">{shown.input(row, "accepted", format!("Undamaged, {what}, {unit}"), at_first)}</td>
            <td class="f-bad" data-label="damaged">{shown.input(row, "damaged", format!("Damaged, {what}, {unit}"), String::new())}</td>
            {lot_input}
            <td class="f-note" data-label="note">{shown.input(row, "note", format!("Note, {what}"), String::new())}{photo::inputs(shown, row, &what)}</td>
        </tr>
    }
    .into_any()
}

fn spare_row(shown: &Shown<'_>, row: usize) -> AnyView {
    let lines = shown.delivery.lines.iter().filter_map(|line| {
        let number = line.notice_line?;
        Some((number.to_string(), format!("{number}: {} {}", line.item, line.description)))
    });
    let lines = options(lines, &shown.value(row, "line", String::new()));
    let field = |field: &'static str, label: &'static str| {
        let id = key(row, field);
        let wrong = shown.wrong(row, field);
        let is_number = matches!(field, "accepted" | "damaged");
        view! {
            <div class="field">
                <label for=id.clone()>{label}</label>
                <input class=if is_number { "input num" } else { "input" } id=id name=name(row, field) value=shown.value(row, field, String::new()) autocomplete="off"
                    inputmode=is_number.then_some("decimal") aria-invalid=(!wrong.is_empty()).then_some("true")/>
                {wrong.into_iter().map(|words| field_note(Tone::Crit, words, None)).collect_view()}
            </div>
        }
    };
    let line_id = key(row, "line");
    view! {
        <fieldset class="spare-row">
            <legend class="visually-hidden">{format!("Something else, row {}", row + 1)}</legend>
            <div class="field"><label for=line_id.clone()>"In place of, or with line"</label><select class="input" id=line_id name=name(row, "line")>{lines}</select></div>
            {field("item", "Item on the label, where it is another")}
            {field("lot", "Lot on the label")}
            {field("accepted", "Undamaged")}
            {field("damaged", "Damaged")}
            {field("note", "Note")}
            {photo::inputs(shown, row, &format!("something else, row {}", row + 1))}
        </fieldset>
    }
    .into_any()
}
