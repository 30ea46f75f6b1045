//! The order changed while somebody was answering it: what he entered beside what it says now and what it said then.
//!
//! Nothing is sent and nothing typed is lost. The form below carries the new versions, so sending again is all it takes.

use domain::calendar::day;
use domain::order::{OrderLine, PurchaseOrder, ScheduleLine};
use leptos::prelude::*;
use store::orders::OrderRecord;

use crate::ui::number::{price, quantity_text};
use crate::ui::sprite::symbol;
use crate::ui::time::{Reading, instant_with_zone};

use super::answer::{Fields, TypedLine, key, line_name};

/// What a line looked like when the form was made; travels in the form as `quantity;day;price;state`.
pub(super) fn was(line: &OrderLine, schedule: &ScheduleLine) -> String {
    let unit_price = line.price.map(price).unwrap_or_default();
    format!(
        "{};{};{unit_price};{}",
        quantity_text(schedule.quantity, &line.unit),
        day(schedule.requested_on),
        schedule.state.words()
    )
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Difference {
    /// `Line 0020 · quantity`
    pub(super) what: String,
    /// What was typed.
    pub(super) entered: String,
    /// What it is now.
    pub(super) now: String,
    /// What it was when the form was made.
    pub(super) was: String,
}

/// What changed since the form was made; empty where nothing did.
pub(super) fn find(order: &PurchaseOrder, fields: &Fields) -> Vec<Difference> {
    let mut found = Vec::new();
    for (line, schedule) in order.schedule_lines() {
        let id = schedule.schedule_line_id;
        let Some(typed) = TypedLine::read(fields, id) else { continue };
        if typed.version.is_none_or(|version| version == schedule.version) {
            continue;
        }
        let then = fields.get(&key(id, 0, "was")).cloned().unwrap_or_default();
        let then: Vec<&str> = then.split(';').collect();
        let now = was(line, schedule);
        let entered = [
            typed.parts.iter().map(|part| part.quantity.clone()).collect::<Vec<_>>().join(" + "),
            typed.parts.iter().map(|part| part.deliver_on.clone()).collect::<Vec<_>>().join(", "),
            typed.parts.first().map(|part| part.price.clone()).unwrap_or_default(),
            typed.answer.clone(),
        ];
        for (index, (field, now)) in ["quantity", "date", "price", "state"].into_iter().zip(now.split(';')).enumerate()
        {
            let then = then.get(index).copied().unwrap_or_default();
            if then != now {
                found.push(Difference {
                    what: format!("Line {} · {field}", line_name(line, schedule)),
                    entered: entered.get(index).cloned().unwrap_or_default(),
                    now: now.to_owned(),
                    was: then.to_owned(),
                });
            }
        }
    }
    let read = fields.get("revision").and_then(|revision| revision.parse::<i32>().ok());
    if let Some(read) = read.filter(|read| *read != order.revision && found.is_empty()) {
        found.push(Difference {
            what: "Order · revision".to_owned(),
            entered: format!("answers to revision {read}"),
            now: order.revision.to_string(),
            was: read.to_string(),
        });
    }
    found
}

/// The panel above the form.
pub(super) fn panel(differences: &[Difference], record: &OrderRecord, reading: &Reading) -> AnyView {
    if differences.is_empty() {
        return ().into_any();
    }
    let or_dash = |text: &str| if text.is_empty() { "–".to_owned() } else { text.to_owned() };
    let rows = differences
        .iter()
        .map(|Difference { what, entered, now, was }| {
            view! { <tr><th scope="row">{what.clone()}</th><td>{or_dash(entered)}</td><td><b>{or_dash(now)}</b></td><td>{or_dash(was)}</td></tr> }
        })
        .collect_view();
    let when = record
        .revised_at
        .map(|at| view! { " The last change by the buyer came at "{instant_with_zone(at, reading)}"." });
    view! {
        <section class="error-summary conflict" role="alert" aria-labelledby="conflict-title" tabindex="-1" autofocus>
            {symbol("s-warn", "shape")}
            <h2 id="conflict-title">"This order changed while you were editing"</h2>
            <p>"Your entries are kept below; nothing was sent."{when}" Look at what changed and send again."</p>
            <table class="conflict-table">
                <caption class="visually-hidden">"What changed"</caption>
                <thead><tr><th scope="col">"Field"</th><th scope="col">"You entered"</th><th scope="col">"Now"</th><th scope="col">"Was when you opened it"</th></tr></thead>
                <tbody>{rows}</tbody>
            </table>
            <p><button class="button low" type="submit" form="answer-form" name="f[do]" value="discard">"Discard my entries"</button></p>
        </section>
    }
    .into_any()
}
