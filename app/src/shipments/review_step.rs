//! The last step: everything at a glance, what the check says with a link to where it is mended, and the sending.

use domain::quantity::parse_number;
use leptos::prelude::*;

use crate::ui::field::Notice;
use crate::ui::number::{counted, quantity};
use crate::ui::sprite::symbol;
use crate::ui::tag::{id, tag};
use crate::ui::tone::Tone;

use super::draft::TypedLine;
use super::steps::{Step, StepView, area, bar, path};

pub(super) fn show(view: &StepView) -> AnyView {
    let stops = view.problems.len();
    let amends = view.draft.amends.is_some();
    let words = match stops {
        0 if amends => "The newer version replaces the one before and goes to the ERP".to_owned(),
        0 => "Goes to the buyer, the dock and the ERP".to_owned(),
        1 => "1 thing needs a correction first".to_owned(),
        many => format!("{many} things need a correction first"),
    };
    let good = (stops == 0).then(|| view! { <Notice words="Everything checks out. Nothing is sent yet."/> });
    let send = if amends { "Send the newer version" } else { "Send ship notice" };
    let reason = amends.then(|| {
        view! {
            <section class="sheet form-sheet" aria-label="Reason"><div class="fields pad">
                {area(view, "reason", "Why it is amended", "the buyer and the dock see it", &view.draft.reason, "2")}
            </div></section>
        }
    });
    view! {
        {good}
        <div class="stack">
            {lines(view)}
            {transport(view)}
            {reason}
        </div>
        {bar(words, send, "send")}
    }
    .into_any()
}

/// What is wrong, each with a link to the step on which it is mended.
pub(super) fn summary(title: String, lines: Vec<(String, String)>, correlation: String) -> AnyView {
    let lines = lines
        .into_iter()
        .map(|(href, words)| match href.as_str() {
            "#" => view! { <p><b>{words}</b></p> }.into_any(),
            _ => view! { <p><a href=href>{words}</a></p> }.into_any(),
        })
        .collect_view();
    view! {
        <section class="error-summary" role="alert" aria-labelledby="err-title" tabindex="-1" autofocus>
            {symbol("s-crit", "shape")}
            <h2 id="err-title">{title}</h2>
            {lines}
            <p class="small muted">"What you typed is kept as a draft. Reference for support "<span class="id" data-correlation>{correlation}</span></p>
        </section>
    }
    .into_any()
}

fn lines(view: &StepView) -> AnyView {
    let rows = view.draft.lines.iter().enumerate().map(|(i, line)| row(view, i, line)).collect_view();
    let packages = match view.draft.units.len() {
        0 => "not packed".to_owned(),
        count => counted(i64::try_from(count).unwrap_or(0), "package", "packages"),
    };
    view! {
        <section class="sheet table-region" aria-labelledby="what-title">
            <div class="section-head">
                <h2 id="what-title">"What is shipped "<span>{packages}</span></h2>
                <div class="toolbar"><a href=path(&view.id, Step::Lines)>"Change lines"</a><a href=path(&view.id, Step::Packing)>"Change packing"</a></div>
            </div>
            <table class="data-table blocks" role="table">
                <caption class="visually-hidden">"Lines of the ship notice"</caption>
                <thead><tr><th scope="col">"Order / line"</th><th scope="col">"Item"</th><th scope="col" class="num">"Quantity"</th><th scope="col">"Lots"</th><th scope="col">"Check"</th></tr></thead>
                <tbody>{rows}</tbody>
            </table>
        </section>
    }
    .into_any()
}

fn row(view: &StepView, i: usize, line: &TypedLine) -> AnyView {
    let known = view.known.get(&line.id).map(|known| &known.line);
    let shown = match (known, parse_number(&line.quantity)) {
        (Some(known), Ok(value)) => quantity(value, &known.unit),
        _ => view! { <span dir="auto">{line.quantity.clone()}</span> }.into_any(),
    };
    let mut lots: Vec<String> =
        line.lots.iter().take(4).map(|lot| format!("{} ({})", lot.lot.trim(), lot.quantity.trim())).collect();
    if line.lots.len() > 4 {
        lots.push(format!("and {} more", line.lots.len() - 4));
    }
    let prefix = format!("lines.{i}.");
    let wrong = view.problems.iter().filter(|problem| problem.field.starts_with(&prefix)).count();
    let check = match wrong {
        0 => tag(Tone::Ok, "in order"),
        1 => tag(Tone::Crit, "1 correction"),
        many => tag(Tone::Crit, format!("{many} corrections")),
    };
    view! {
        <tr data-edge=(wrong > 0).then_some("crit")>
            <td class="a-id"><span class="id nowrap">{known.map_or_else(|| "–".to_owned(), |known| format!("{} / {}", known.order, known.line))}</span></td>
            <td class="a-item">{known.map(|known| view! { <span class="id item-no">{known.item.clone()}</span><span class="sub" dir="auto">{known.description.clone()}</span> })}</td>
            <td class="num a-num">{shown}</td>
            <td class="a-due">{if lots.is_empty() { "–".to_owned() } else { lots.join(", ") }}</td>
            <td class="a-status">{check}</td>
        </tr>
    }
    .into_any()
}

fn transport(view: &StepView) -> AnyView {
    let text = |key: &str| view.draft.text(key).trim().to_owned();
    let facts = [
        ("Delivery note", "delivery_note"),
        ("Ship date", "ship_on"),
        ("Arrival date", "arrive_on"),
        ("Carrier", "carrier"),
        ("Tracking", "tracking"),
        ("Bill of lading", "bill_of_lading"),
        ("Note", "note"),
    ]
    .into_iter()
    .filter(|(_, key)| !text(key).is_empty())
    .map(|(term, key)| {
        let fact = if key == "delivery_note" {
            id(text(key))
        } else {
            view! { <span dir="auto">{text(key)}</span> }.into_any()
        };
        view! { <dt>{term}</dt><dd>{fact}</dd> }
    })
    .collect_view();
    view! {
        <section class="sheet form-sheet" aria-labelledby="how-title">
            <div class="section-head"><h2 id="how-title">"Transport"</h2><div class="toolbar"><a href=path(&view.id, Step::Transport)>"Change"</a></div></div>
            <dl class="fact-list">{facts}</dl>
        </section>
    }
    .into_any()
}
