//! `/deviations/reject` and `/deviations/counter`: one look at what was selected, the words the supplier reads, and for a
//! counter what the buyer would take instead. Opening these pages changes nothing; they can be linked.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use domain::access::{Action, may};
use domain::calendar::{day, parse_day};
use domain::confirmation::{LONGEST_NOTE, Verdict};
use domain::order::Commitment;
use domain::quantity::parse_number;
use leptos::prelude::*;
use leptos::server_fn::ServerFn as _;
use leptos::server_fn::codec::PostUrl;
use serde::{Deserialize, Serialize};
use store::order_list::{self, Filter, LineRow};
use uuid::Uuid;

use super::decide::{RowOutcome, Wanted, decide};
use super::list::{MOST, back_to, deviation, proposed};
use super::pick::Pick;
use crate::address::Address;
use crate::error::AppError;
use crate::exchange::act::refused;
use crate::form::{Done, FieldProblem, Form, Kept};
use crate::loaded;
use crate::orders::answer::{Fields, form_name, from_form, key};
use crate::page::Around;
use crate::request;
use crate::ui::empty::EmptyState;
use crate::ui::field::{Field, field_note};
use crate::ui::header::{Breadcrumb, Crumb, PageHeader};
use crate::ui::number::{counted, quantity, quantity_text};
use crate::ui::time::date;
use crate::ui::tone::Tone;

/// Parts that a counter may have beyond those of the proposal.
const SPARE_PARTS: usize = 1;

/// The form as it was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Typed {
    picks: Vec<Pick>,
    note: String,
    /// Parts of a counter, by the ids of their inputs.
    fields: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Reject,
    Counter,
}

impl Kind {
    const fn path(self) -> &'static str {
        match self {
            Self::Reject => "/deviations/reject",
            Self::Counter => "/deviations/counter",
        }
    }

    fn form(self, picks: &[Pick], back: &str) -> Form {
        let name = if self == Self::Reject { "deviations.reject" } else { "deviations.counter" };
        Form::new(name, "", address(self, picks, back))
    }
}

fn address(kind: Kind, picks: &[Pick], back: &str) -> String {
    let mut query: Vec<String> =
        picks.iter().map(|pick| format!("picks%5B%5D={}", crate::address::encoded(&pick.to_string()))).collect();
    query.push(format!("back={}", crate::address::encoded(back)));
    format!("{}?{}", kind.path(), query.join("&"))
}

struct Review {
    around: Around,
    kind: Kind,
    back: String,
    /// What was selected and still waits.
    rows: Vec<LineRow>,
    /// How much was selected and waits no more, or not for the reader.
    gone: usize,
    picks: Vec<Pick>,
    submission: Uuid,
    kept: Option<Kept<Typed>>,
}

pub(super) fn reject_page() -> impl IntoView {
    loaded(load(Kind::Reject, Address::of_request()), show)
}

pub(super) fn counter_page() -> impl IntoView {
    loaded(load(Kind::Counter, Address::of_request()), show)
}

async fn load(kind: Kind, address: Address) -> Result<Review, AppError> {
    let picks = Pick::read(address.all("picks[]"));
    let back = back_to(address.get("back").unwrap_or_default());
    let kept = kind.form(&picks, &back).kept::<Typed>().await?.filter(|kept| kept.typed.picks == picks);
    let mut tx = request::reader().await?;
    may(tx.actor(), Action::DecideDeviation)?;
    let waiting = order_list::in_review(&mut tx, &Filter::default(), MOST).await?;
    let rows: Vec<LineRow> =
        waiting.into_iter().filter(|row| picks.iter().any(|pick| pick.line == row.schedule_line_id)).collect();
    let around = Around::load(&mut tx).await?;
    Ok(Review { gone: picks.len() - rows.len(), submission: tx.new_id(), around, kind, back, rows, picks, kept })
}

fn show(review: Review) -> AnyView {
    let Review { around, kind, back, rows, gone, picks, submission, kept } = review;
    let lines = counted(i64::try_from(rows.len()).unwrap_or(i64::MAX), "deviation", "deviations");
    let title = match kind {
        Kind::Reject => format!("Reject {lines}"),
        Kind::Counter => format!("Counter {lines}"),
    };
    let crumbs = vec![
        Crumb::link("Deviations", back.clone()),
        Crumb::here(if kind == Kind::Reject { "Reject" } else { "Counter" }),
    ];
    if rows.is_empty() {
        let text = if picks.is_empty() {
            "Tick the rows in the list first."
        } else {
            "What was selected is decided already, or not for you to see."
        };
        let page = view! {
            <Breadcrumb crumbs=crumbs/>
            <PageHeader title=title.clone().into_any()/>
            <section class="sheet"><EmptyState title="Nothing to decide" text=text action=Some(("Back to the list".to_owned(), back))/></section>
        };
        return around.frame(title, page);
    }
    let typed = kept.as_ref().map(|kept| kept.typed.clone()).unwrap_or_default();
    let what = match kind {
        Kind::Reject => {
            "The old values return: what was promised before stands, or the line waits for another answer. The supplier is shown your words."
        }
        Kind::Counter => {
            "The supplier is shown what you would take, with your words, and answers it. Until then nothing is binding."
        }
    };
    let gone = (gone > 0).then(|| {
        let words = format!(
            "{} of the selection is left out: decided already, or not for you to see.",
            counted(i64::try_from(gone).unwrap_or(i64::MAX), "row", "rows")
        );
        field_note(Tone::Warn, words, None)
    });
    let body = rows.iter().map(|line| row(line, kind, &typed, kept.as_ref())).collect_view();
    let hidden = rows.iter().map(|line| {
        // The version that was read in the list, so that a change since then is noticed.
        let pick =
            picks.iter().find(|pick| pick.line == line.schedule_line_id).cloned().unwrap_or_else(|| Pick::of(line));
        let pick = if kept.is_some() { Pick::of(line) } else { pick };
        view! { <input type="hidden" name="picks[]" value=pick.to_string()/> }
    });
    let hidden = hidden.collect_view();
    let (action, button) = match kind {
        Kind::Reject => (RejectDeviations::url(), format!("Reject {lines}")),
        Kind::Counter => (
            CounterDeviations::url(),
            format!("Send {}", counted(i64::try_from(rows.len()).unwrap_or(i64::MAX), "counter", "counters")),
        ),
    };
    let problems =
        kept.as_ref().map(|kept| kept.about("note").map(str::to_owned).collect::<Vec<_>>()).unwrap_or_default();
    let wrong = (!problems.is_empty()).then_some("true");
    let note = typed.note.clone();
    let page = view! {
        <Breadcrumb crumbs=crumbs/>
        <PageHeader title=title.clone().into_any()/>
        {refused("Not decided yet", kept.as_ref())}
        <p class="lead">{what}</p>
        {gone}
        <form method="post" action=action novalidate class="stack">
            <input type="hidden" name="submission" value=submission.to_string()/>
            <input type="hidden" name="back" value=back.clone()/>
            {hidden}
            <section class="sheet table-region" aria-label="What is decided">
                <table class="data-table blocks" role="table">
                    <caption class="visually-hidden">"What is decided"</caption>
                    <thead><tr><th scope="col">"Order / line"</th><th scope="col">"Item"</th><th scope="col">"Deviation"</th><th scope="col" class="opt-1">"Requested"</th><th scope="col">"Proposed"</th>
                        {(kind == Kind::Counter).then(|| view! { <th scope="col">"You would take"</th> })}</tr></thead>
                    <tbody>{body}</tbody>
                </table>
            </section>
            <div class="sheet pad form-sheet">
                <Field id="note" label="What the supplier reads" hint="Why, in a few words, in a language the supplier understands." problems=problems>
                    <textarea class="input text" id="note" name="note" rows="3" maxlength=LONGEST_NOTE.to_string() aria-invalid=wrong required>{note}</textarea>
                </Field>
            </div>
            <div class="submit-bar">
                <button class="button primary" type="submit">{button}</button>
                <a class="button" href=back>"Cancel"</a>
            </div>
        </form>
    };
    around.frame(title, page)
}

fn row(line: &LineRow, kind: Kind, typed: &Typed, kept: Option<&Kept<Typed>>) -> AnyView {
    let number = format!("{} / {}", line.order, line.line);
    let whole: Vec<String> = kept
        .map(|kept| {
            let id = key(line.schedule_line_id, 0, "answer");
            kept.about(&id).map(str::to_owned).collect()
        })
        .unwrap_or_default();
    let counter = (kind == Kind::Counter).then(|| view! { <td class="counter-cell">{parts(line, typed, kept)}</td> });
    view! {
        <tr id=key(line.schedule_line_id, 0, "answer")>
            <td class="a-id"><span class="id nowrap">{number}</span><span class="sub">{line.supplier.1.clone()}</span>{whole.into_iter().map(|words| field_note(Tone::Crit, words, None)).collect_view()}</td>
            <td class="a-item"><span class="id item-no">{line.item.clone()}</span><span class="sub" dir="auto">{line.description.clone()}</span></td>
            <td class="a-status">{deviation(line)}</td>
            <td class="nowrap opt-1">{date(line.requested_on)}<span class="sub">{quantity(line.quantity, &line.unit)}</span></td>
            <td class="a-due" data-label="proposed">{proposed(line)}</td>
            {counter}
        </tr>
    }
    .into_any()
}

/// The inputs of a counter: as many parts as the proposal has and one more; at first with what was requested.
fn parts(line: &LineRow, typed: &Typed, kept: Option<&Kept<Typed>>) -> AnyView {
    let id = line.schedule_line_id;
    let shown = line.proposal.as_ref().map_or(0, |proposal| proposal.commitments.len()).max(1) + SPARE_PARTS;
    let rows = (0..shown)
        .map(|part| {
            let field = |name: &str, at_first: String| {
                let input = key(id, part, name);
                let value = if kept.is_some() { typed.fields.get(&input).cloned().unwrap_or_default() } else { at_first };
                let problems: Vec<String> = kept.map(|kept| kept.about(&input).map(str::to_owned).collect()).unwrap_or_default();
                (input, value, problems)
            };
            let first = part == 0;
            let (quantity_id, amount, wrong_amount) =
                field("quantity", if first { quantity_text(line.quantity, &line.unit) } else { String::new() });
            let (day_id, when, wrong_day) = field("deliver_on", if first { day(line.requested_on) } else { String::new() });
            let label = format!("{} / {} part {}", line.order, line.line, part + 1);
            let notes = wrong_amount.iter().chain(&wrong_day).map(|words| field_note(Tone::Crit, words.clone(), None)).collect_view();
            view! {
                <div class="counter-part">
                    <input class="input num" id=quantity_id.clone() name=form_name(&quantity_id) value=amount inputmode="decimal"
                        aria-label=format!("Quantity, {label}") aria-invalid=(!wrong_amount.is_empty()).then_some("true") autocomplete="off"/>
                    <span class="unit">{line.unit.code().to_owned()}</span>
                    <input class="input" id=day_id.clone() name=form_name(&day_id) value=when placeholder="04 Dec 2026 or +3"
                        aria-label=format!("Delivery day, {label}") aria-invalid=(!wrong_day.is_empty()).then_some("true") autocomplete="off"/>
                    {notes}
                </div>
            }
        })
        .collect_view();
    rows.into_any()
}

/// What was typed as parts; a part with neither quantity nor day is none.
fn read_parts(line: &LineRow, fields: &BTreeMap<String, String>) -> Result<Vec<Commitment>, Vec<FieldProblem>> {
    let id = line.schedule_line_id;
    let mut parts = Vec::new();
    let mut problems = Vec::new();
    for part in 0..=domain::confirmation::MOST_PARTS {
        let text = |name: &str| fields.get(&key(id, part, name)).map(|text| text.trim().to_owned()).unwrap_or_default();
        let (amount, when) = (text("quantity"), text("deliver_on"));
        if amount.is_empty() && when.is_empty() {
            continue;
        }
        let amount = parse_number(&amount)
            .map_err(|problem| problems.push(FieldProblem::new(key(id, part, "quantity"), problem.to_string())));
        let when: Result<NaiveDate, ()> = parse_day(&when, line.requested_on)
            .map_err(|problem| problems.push(FieldProblem::new(key(id, part, "deliver_on"), problem.to_string())));
        if let (Ok(quantity), Ok(on)) = (amount, when) {
            parts.push(Commitment { quantity, deliver_on: Some(on), ship_on: None, price: None });
        }
    }
    if parts.is_empty() && problems.is_empty() {
        problems.push(FieldProblem::new(key(id, 0, "quantity"), "Enter a quantity and a day that you would take."));
    }
    if problems.is_empty() { Ok(parts) } else { Err(problems) }
}

/// Rejects the selected rows.
#[server(input = PostUrl, prefix = "/do", endpoint = "reject-deviations")]
pub async fn reject_deviations(
    submission: Uuid,
    #[server(default)] picks: Vec<String>,
    #[server(default)] note: String,
    #[server(default)] back: String,
) -> Result<(), AppError> {
    let typed = Typed { picks: Pick::read(picks.iter().map(String::as_str)), note, fields: BTreeMap::new() };
    let wanted = explained(&typed.note).map(|note| {
        typed
            .picks
            .iter()
            .map(|pick| Wanted { pick: pick.clone(), verdict: Verdict::Reject, note: Some(note.clone()) })
            .collect()
    });
    carry_out(Kind::Reject, typed, wanted, submission, &back_to(&back)).await
}

/// Counters the selected rows.
#[server(input = PostUrl, prefix = "/do", endpoint = "counter-deviations")]
pub async fn counter_deviations(
    submission: Uuid,
    #[server(default)] picks: Vec<String>,
    #[server(default)] note: String,
    #[server(default)] back: String,
    #[server(default)] f: Fields,
) -> Result<(), AppError> {
    let typed = Typed { picks: Pick::read(picks.iter().map(String::as_str)), note, fields: from_form(f) };
    let wanted = async {
        let mut tx = request::reader().await?;
        let rows = order_list::in_review(&mut tx, &Filter::default(), MOST).await?;
        let mut problems = Vec::new();
        let note = explained(&typed.note).map_err(|error| problems.extend(fields_of(error))).unwrap_or_default();
        let mut wanted = Vec::new();
        for pick in &typed.picks {
            let parts =
                rows.iter().find(|row| row.schedule_line_id == pick.line).map(|row| read_parts(row, &typed.fields));
            match parts {
                Some(Err(more)) => problems.extend(more),
                // What waits no more is asked for all the same; the order says why it cannot be.
                parts => wanted.push(Wanted {
                    pick: pick.clone(),
                    verdict: Verdict::Counter(parts.and_then(Result::ok).unwrap_or_default()),
                    note: Some(note.clone()),
                }),
            }
        }
        if problems.is_empty() { Ok(wanted) } else { Err(AppError::Fields { problems }) }
    };
    let wanted = wanted.await;
    carry_out(Kind::Counter, typed, wanted, submission, &back_to(&back)).await
}

fn fields_of(error: AppError) -> Vec<FieldProblem> {
    match error {
        AppError::Fields { problems } => problems,
        other => vec![FieldProblem::new("", other.to_string())],
    }
}

fn explained(note: &str) -> Result<String, AppError> {
    let note = note.trim();
    if note.is_empty() {
        let problems = vec![FieldProblem::new("note", "Say why in a few words: the supplier sees them.")];
        return Err(AppError::Fields { problems });
    }
    Ok(note.to_owned())
}

/// Decides, and comes back to the form with what could not be decided and everything that was typed.
async fn carry_out(
    kind: Kind,
    typed: Typed,
    wanted: Result<Vec<Wanted>, AppError>,
    submission: Uuid,
    back: &str,
) -> Result<(), AppError> {
    let outcomes = match wanted {
        Ok(wanted) => decide(wanted, submission).await,
        Err(error) => Err(error),
    };
    let form = kind.form(&typed.picks, back);
    let outcomes = match outcomes {
        Ok(outcomes) => outcomes,
        Err(error) => return form.answer(&typed, Err(error)).await,
    };
    let (done, failed): (Vec<RowOutcome>, Vec<RowOutcome>) = outcomes.into_iter().partition(RowOutcome::is_done);
    let what = if kind == Kind::Reject { "rejected" } else { "countered" };
    let lines = counted(i64::try_from(done.len()).unwrap_or(i64::MAX), "line", "lines");
    if failed.is_empty() {
        let said = format!("{lines} {what}. The supplier is shown your words.");
        return form.answer(&typed, Ok(Done::at(back).saying(said))).await;
    }
    form.forget().await?;
    if !done.is_empty() {
        request::keep_notice(&format!("{lines} {what}; the others are below.")).await?;
    }
    let problems = failed
        .iter()
        .flat_map(|outcome| {
            let place = format!("Order {} {}: ", outcome.pick.order, outcome.line);
            outcome
                .problems
                .iter()
                .map(move |problem| FieldProblem::new(problem.field.clone(), format!("{place}{}", problem.message)))
        })
        .collect();
    let left = Typed { picks: failed.into_iter().map(|outcome| outcome.pick).collect(), ..typed };
    kind.form(&left.picks, back).answer(&left, Err(AppError::Fields { problems })).await
}
