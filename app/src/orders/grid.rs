//! The table of inputs: one row for each schedule line, one below it for each part of a split.
//!
//! Every input's name is `f[<id>]` and its id `<schedule line>-<part>-<field>`, which is what problems link to. Slots that
//! the island rewrites while somebody types (`data-note`, `data-then`, `data-left`) are written by the same functions.

use domain::confirmation::AnswerKind;
use domain::negotiation::Negotiation;
use domain::order::{OrderLine, Reason, ScheduleLine, last_day};
use leptos::prelude::*;
use store::orders::OrderRecord;

use crate::ui::field::options;
use crate::ui::number::{price, quantity};
use crate::ui::table::{edge, part_mark};
use crate::ui::tag::{note_html, tag_html};
use crate::ui::time::date;
use crate::ui::tone::Tone;

use super::answer::{Hint, Outcome, Sum, TypedLine, TypedPart, count_errors, form_name, key, line_name};
use super::conflict;
use super::order::tolerance;
use super::words;

/// A line with what is typed and what would come of it.
pub(super) struct Row<'a> {
    /// What is ordered.
    pub(super) line: &'a OrderLine,
    /// When and how much.
    pub(super) schedule: &'a ScheduleLine,
    /// What stands in the inputs.
    pub(super) typed: TypedLine,
    /// What would come of it.
    pub(super) hint: Hint,
}

/// What the form carries unseen.
pub(super) struct Hidden {
    /// Which sending it is.
    pub(super) submission: String,
    /// The revision shown.
    pub(super) revision: i32,
    /// Answered lines are on the page too.
    pub(super) all: bool,
}

/// The whole form.
pub(super) fn form(record: &OrderRecord, rows: &[Row<'_>], hidden: &Hidden, draft: bool) -> AnyView {
    let mut sum = Sum::default();
    let mut checked = Vec::new();
    for row in rows {
        sum.add(row.hint.outcome);
        if row.hint.outcome == Outcome::ToBuyer {
            checked.push(row.schedule.schedule_line_id.to_string());
        }
    }
    let prices = record.order.may_change_price;
    let body = rows.iter().map(|row| row_view(row, prices)).collect_view();
    let faulty = if sum.faulty > 0 { tag_html(Tone::Crit, &count_errors(sum.faulty)) } else { String::new() };
    let buyer = record.order.buyer.clone().unwrap_or_else(|| "the buyer".to_owned());
    let foot = tolerance(record).replace("the buyer decides", &format!("{buyer} decides"));
    let price_head = format!("{} each", record.order.currency);
    view! {
        <form method="post" action="/do/answer-order" id="answer-form" novalidate autocomplete="off">
            // Enter in a field presses the first button of a form: this one, so that it never adds a part by accident.
            <button class="visually-hidden" type="submit" name="f[do]" value="send" tabindex="-1" aria-hidden="true">"Check and send"</button>
            <input type="hidden" name="order" value=record.order.number.clone()/>
            <input type="hidden" name="f[revision]" value=hidden.revision.to_string()/>
            <input type="hidden" name="f[submission]" value=hidden.submission.clone()/>
            <input type="hidden" name="f[checked]" value=checked.join(",")/>
            {hidden.all.then(|| view! { <input type="hidden" name="f[all]" value="1"/> })}
            <section class="sheet table-region" aria-labelledby="answers-title">
                <div class="section-head">
                    <h2 id="answers-title">"Lines "<span>{if draft { "your draft" } else { "" }}</span></h2>
                    <div class="toolbar wide-only"><span class="muted small when-awake">"Tab next field · Enter next line · Ctrl+Enter as requested · Ctrl+D fill down · Alt+↓ add part"</span></div>
                </div>
                <table class="data-table answer-grid blocks" role="table">
                    <caption class="visually-hidden">"Your answer to each line"</caption>
                    <thead>
                        <tr>
                            <th scope="col" class="w-line">"Line"</th>
                            <th scope="col">"Item"</th>
                            <th scope="col" class="num w-ask">"Requested"</th>
                            <th scope="col" class=if prices { "num w-price editable" } else { "num opt-1 w-price" }>{price_head}</th>
                            <th scope="col" class="w-answer">"Answer"</th>
                            <th scope="col" class="w-qty num">"Quantity"</th>
                            <th scope="col" class="w-date">"Delivery date"</th>
                            <th scope="col" class="opt-1 w-date">"Ship date"</th>
                            <th scope="col" class="w-reason">"Reason"</th>
                            <th scope="col" class="w-then">"What happens"</th>
                        </tr>
                    </thead>
                    <tbody>{body}</tbody>
                </table>
                <p class="sheet-foot">{foot}</p>
            </section>
            <div class="submit-bar">
                <span role="status"><b data-sum="answered">{sum.answered_words()}</b>": "<span data-sum="outcome">{sum.outcome_words()}</span></span>
                <span data-sum="faulty" inner_html=faulty></span>
                <span class="push"></span>
                <button class="button" type="submit" name="f[do]" value="draft">"Save draft and leave"</button>
                <button class="button primary" type="submit" name="f[do]" value="send" data-sum="button">{sum.button_words()}</button>
            </div>
        </form>
    }
    .into_any()
}

/// A slot for a note under an input, written now and rewritten by the island.
fn note(row: &Row<'_>, field: &str) -> AnyView {
    let html: String =
        row.hint.notes.iter().filter(|(at, ..)| at == field).map(|(_, tone, words)| note_html(*tone, words)).collect();
    view! { <span class="note-slot" id=format!("{field}-note") data-note=field.to_owned() inner_html=html></span> }
        .into_any()
}

fn is_wrong(row: &Row<'_>, field: &str) -> Option<&'static str> {
    row.hint.notes.iter().any(|(at, tone, _)| at == field && *tone == Tone::Crit).then_some("true")
}

/// A text input of a part with its slot.
fn input(row: &Row<'_>, part: usize, field: &'static str, label: &str, value: &str, asked: &str) -> AnyView {
    let id = key(row.schedule.schedule_line_id, part, field);
    let changed = !value.trim().is_empty() && value != asked;
    let parted = if row.typed.parts.len() > 1 { format!(" part {}", part + 1) } else { String::new() };
    let described = format!("{id}-note");
    view! {
        <input
            class=if changed { "input changed" } else { "input" }
            id=id.clone()
            name=form_name(&id)
            value=value.to_owned()
            inputmode=if matches!(field, "quantity" | "price") { "decimal" } else { "text" }
            aria-label=format!("{label}, line {}{parted}", line_name(row.line, row.schedule))
            aria-invalid=is_wrong(row, &id)
            aria-describedby=described
            data-asked=asked.to_owned()
        />
        {note(row, &id)}
    }
    .into_any()
}

fn answers(row: &Row<'_>) -> AnyView {
    let id = key(row.schedule.schedule_line_id, 0, "answer");
    let word = |kind: AnswerKind, words: &str| (kind.as_str().to_owned(), words.to_owned());
    let mut list = Vec::new();
    match row.schedule.state {
        Negotiation::Countered => list.push(word(AnswerKind::Accept, "Take proposal")),
        Negotiation::Published => list.push(word(AnswerKind::Accept, "Confirm")),
        _ => {}
    }
    list.push(word(AnswerKind::Change, "Change"));
    list.push(word(AnswerKind::Backorder, "Backorder"));
    list.push(word(AnswerKind::Reject, "Reject"));
    let waits = matches!(row.schedule.state, Negotiation::Countered | Negotiation::Published);
    list.push((String::new(), if waits { "Not yet".to_owned() } else { "Keep".to_owned() }));
    let changed = !row.typed.answer.is_empty() && row.typed.answer != AnswerKind::Accept.as_str();
    view! {
        <select class=if changed { "input changed" } else { "input" } id=id.clone() name=form_name(&id) aria-label=format!("Answer, line {}", line_name(row.line, row.schedule)) aria-describedby=format!("{id}-note")>
            {options(list, &row.typed.answer)}
        </select>
        {note(row, &id)}
    }
    .into_any()
}

fn reasons(row: &Row<'_>) -> AnyView {
    let id = key(row.schedule.schedule_line_id, 0, "reason");
    let note_id = key(row.schedule.schedule_line_id, 0, "note");
    let list = std::iter::once((String::new(), "–".to_owned()))
        .chain(Reason::ALL.iter().map(|reason| (reason.as_str().to_owned(), reason.words().to_owned())));
    let label = line_name(row.line, row.schedule);
    let open = !row.typed.note.is_empty() || row.typed.reason == Reason::Other.as_str();
    view! {
        <select class="input" id=id.clone() name=form_name(&id) aria-label=format!("Reason, line {label}") aria-invalid=is_wrong(row, &id) aria-describedby=format!("{id}-note")>{options(list, &row.typed.reason)}</select>
        {note(row, &id)}
        <details class="note" open=open>
            <summary>"Note"</summary>
            <textarea class="input" id=note_id.clone() name=form_name(&note_id) rows="2" maxlength="4000" aria-label=format!("Note, line {label}")>{row.typed.note.clone()}</textarea>
            {note(row, &note_id)}
        </details>
    }
    .into_any()
}

fn row_view(row: &Row<'_>, prices: bool) -> AnyView {
    let id = row.schedule.schedule_line_id;
    let untouched = TypedLine::untouched(row.line, row.schedule);
    let asked = |part: usize| untouched.parts.get(part).cloned().unwrap_or_default();
    let split = row.typed.parts.len() > 1;
    let none = TypedPart::default();
    let first = row.typed.parts.first().unwrap_or(&none);
    let mark = match row.hint.outcome {
        Outcome::Faulty => Some(Tone::Crit),
        Outcome::ToBuyer if row.hint.notes.iter().any(|(field, ..)| field.ends_with("-reason")) => Some(Tone::Warn),
        _ if row.hint.left.as_ref().is_some_and(|(tone, _)| *tone == Tone::Warn) => Some(Tone::Warn),
        _ => None,
    };
    let price_text = row.line.price.map_or_else(|| "–".to_owned(), price);
    let price_cell = move |part: usize, typed: &TypedPart, asked: &TypedPart| {
        match prices && row.line.price.is_some() {
        true => view! { <td class="qty f-price w-price" data-label="Price each">{input(row, part, "price", "Price", &typed.price, &asked.price)}</td> }.into_any(),
        false => view! { <td class="opt-1"></td> }.into_any(),
    }
    };
    let main_price = match (prices && row.line.price.is_some(), split) {
        (true, false) => price_cell(0, first, &asked(0)),
        (editable, _) => {
            view! { <td class=if editable { "num text" } else { "num text opt-1" }>{price_text}</td> }.into_any()
        }
    };
    let left = row.hint.left.as_ref().map(|(tone, words)| note_html(*tone, words)).unwrap_or_default();
    let add = view! { <button class="link" type="submit" name="f[do]" value=format!("add:{id}") data-add>"Add part"</button> };
    let (quantity_cell, date_cell, ship_cell) = if split {
        (
            view! { <td class="qty f-qty w-qty"><span data-left=id.to_string() inner_html=left></span></td> }
                .into_any(),
            view! { <td class="f-date w-date"></td> }.into_any(),
            view! { <td class="f-ship w-date opt-1"></td> }.into_any(),
        )
    } else {
        let asked = asked(0);
        (
            view! { <td class="qty f-qty w-qty" data-label="Quantity">{input(row, 0, "quantity", "Quantity", &first.quantity, &asked.quantity)}</td> }.into_any(),
            view! { <td class="f-date w-date" data-label="Delivery date">{input(row, 0, "deliver_on", "Delivery date", &first.deliver_on, &asked.deliver_on)}</td> }.into_any(),
            view! { <td class="f-ship w-date opt-1" data-label="Ship date">{input(row, 0, "ship_on", "Ship date", &first.ship_on, &asked.ship_on)}</td> }.into_any(),
        )
    };
    let last = row.typed.parts.len();
    let parts = if split {
        row.typed
            .parts
            .iter()
            .enumerate()
            .map(|(part, typed)| {
                let asked = asked(part);
                let label = format!("Remove part {} of line {}", part + 1, line_name(row.line, row.schedule));
                view! {
                    <tr class=if part + 1 == last { "part last" } else { "part" } data-line=id.to_string()>
                        <td></td>
                        <td class="text a-id" colspan="2">{part_mark(format!("part {}", part + 1))}</td>
                        {price_cell(part, typed, &asked)}
                        <td></td>
                        <td class="qty f-qty w-qty" data-label="Quantity">{input(row, part, "quantity", "Quantity", &typed.quantity, &asked.quantity)}</td>
                        <td class="f-date w-date" data-label="Delivery date">{input(row, part, "deliver_on", "Delivery date", &typed.deliver_on, &asked.deliver_on)}</td>
                        <td class="f-ship w-date opt-1" data-label="Ship date">{input(row, part, "ship_on", "Ship date", &typed.ship_on, &asked.ship_on)}</td>
                        <td class="f-reason w-reason"></td>
                        <td class="text a-status"><button class="link" type="submit" name="f[do]" value=format!("remove:{id}:{part}") aria-label=label>"Remove"</button></td>
                    </tr>
                }
            })
            .collect_view()
            .into_any()
    } else {
        ().into_any()
    };
    let asks = view! { {quantity(row.schedule.quantity, &row.line.unit)}<span class="sub">{date(row.schedule.requested_on)}</span> };
    view! {
        <tr class=split.then_some("has-parts") data-edge=edge(mark) data-line=id.to_string()>
            <td class="text a-id">
                <span class="id strong">{line_name(row.line, row.schedule)}</span>
                <input type="hidden" name=form_name(&key(id, 0, "version")) value=row.schedule.version.to_string()/>
                <input type="hidden" name=form_name(&key(id, 0, "was")) value=conflict::was(row.line, row.schedule)/>
            </td>
            <td class="text a-item"><span class="id item-no">{row.line.item_number.clone()}</span><span class="sub" dir="auto">{row.line.description.clone()}</span>{standing(row)}</td>
            <td class="num text a-num">{asks}</td>
            {main_price}
            <td class="f-answer w-answer" data-label="Answer">{answers(row)}</td>
            {quantity_cell}
            {date_cell}
            {ship_cell}
            <td class="f-reason w-reason" data-label="Reason">{reasons(row)}</td>
            <td class="text a-status"><span data-then=id.to_string() inner_html=tag_html(row.hint.tone, &row.hint.words)></span>{add}</td>
        </tr>
        {parts}
    }
    .into_any()
}

/// What one has to know of a line before answering: what the buyer changed or proposes, or what is promised now.
fn standing(row: &Row<'_>) -> AnyView {
    let schedule = row.schedule;
    let words = match (schedule.state, &schedule.counter, &schedule.change, &schedule.promise) {
        (Negotiation::Countered, Some(counter), ..) => {
            let note = counter.note.as_deref().map(|note| format!(" “{note}”")).unwrap_or_default();
            Some((
                Tone::Warn,
                format!("Buyer proposes {}{note}", words::parts(&counter.commitments, Some(&row.line.unit))),
            ))
        }
        (Negotiation::Published, _, Some(change), _) => Some((
            Tone::Warn,
            format!("Changed in revision {}: {}", change.revision, words::change(change, &row.line.unit)),
        )),
        (Negotiation::InReview, ..) => Some((Tone::Info, "with the buyer; a new answer replaces it".to_owned())),
        (Negotiation::Accepted, _, _, Some(promise)) => last_day(promise)
            .filter(|on| *on != schedule.requested_on || promise.len() > 1)
            .map(|_| (Tone::Ok, format!("confirmed {}", words::parts(promise, Some(&row.line.unit))))),
        _ => None,
    };
    words
        .map(|(tone, words)| view! { <span class="standing" dir="auto" inner_html=note_html(tone, &words)></span> })
        .into_any()
}
