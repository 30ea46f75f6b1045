//! `/orders/:po/confirm/all`: everything that waits, confirmed as requested with one click after one look.

use std::collections::BTreeMap;

use domain::confirmation::{Answer, AnswerKind, ConfirmLines};
use domain::id::ScheduleLineId;
use domain::negotiation::Turn;
use domain::order::{Commitment, OrderLine, ScheduleLine, last_day, total};
use domain::quantity::{Money, Unit};
use domain::{Decimal, NaiveDate};
use leptos::prelude::*;
use leptos::server_fn::codec::PostUrl;
use leptos_router::hooks::use_params_map;
use store::orders::{self, OrderRecord};
use uuid::Uuid;

use crate::error::AppError;
use crate::form::{Done, Form, Kept};
use crate::loaded;
use crate::page::Around;
use crate::request;
use crate::ui::empty::EmptyState;
use crate::ui::field::{ErrorSummary, SummaryLine};
use crate::ui::header::{Breadcrumb, Crumb, PageHeader};
use crate::ui::number::{price, quantity, quantity_text};
use crate::ui::table::edge;
use crate::ui::tag::{id, tag};
use crate::ui::time::{Reading, date};
use crate::ui::tone::Tone;

use super::answer::line_name;
use super::confirm::{channel, receipt};
use super::list_query::encoded;
use super::order::tolerance;

struct Loaded {
    around: Around,
    record: OrderRecord,
    submission: Uuid,
    kept: Option<Kept<()>>,
    correlation: String,
}

pub(super) fn page() -> impl IntoView {
    let number = use_params_map().get_untracked().get("po").unwrap_or_default();
    loaded(load(number), show)
}

async fn load(number: String) -> Result<Loaded, AppError> {
    let form = the_form(&number);
    let kept = form.kept::<()>().await?;
    let mut tx = request::reader().await?;
    let around = Around::load(&mut tx).await?;
    channel(&around.viewer)?;
    let record = orders::get(&mut tx, &number).await?;
    Ok(Loaded { around, submission: tx.new_id(), record, kept, correlation: request::correlation().to_string() })
}

fn the_form(number: &str) -> Form {
    Form::new("answer-all", number, format!("/orders/{}/confirm/all", encoded(number)))
}

/// Confirms these schedule lines, in the version that was shown, as the buyer wants them.
#[server(input = PostUrl, prefix = "/do", endpoint = "confirm-as-requested")]
pub async fn confirm_as_requested(
    order: String,
    revision: i32,
    submission: Uuid,
    #[server(default)] versions: BTreeMap<String, i64>,
) -> Result<(), AppError> {
    let outcome = async {
        let viewer = request::viewer().await?;
        let answers = versions.iter().map(|(line, version)| accept(line, *version)).collect::<Result<_, AppError>>()?;
        let command = ConfirmLines { revision, answers, channel: channel(&viewer)?, submission };
        let mut tx = request::begin().await?;
        let confirmed = orders::confirm(&mut tx, &order, &command).await?;
        tx.commit().await?;
        let notice = receipt(&confirmed, &Reading::new(&viewer.zone, confirmed.at));
        Ok(Done::at(format!("/orders/{}", encoded(&order))).saying(notice))
    };
    the_form(&order).answer(&(), outcome.await).await
}

fn accept(line: &str, version: i64) -> Result<Answer, AppError> {
    let schedule_line_id: ScheduleLineId =
        line.strip_prefix("line-").unwrap_or(line).parse().map_err(|_| AppError::Invalid {
            message: "The form was not understood. Open the page again and send it from there.".to_owned(),
        })?;
    Ok(Answer {
        schedule_line_id,
        version,
        kind: AnswerKind::Accept,
        commitments: Vec::new(),
        reason: None,
        note: None,
    })
}

/// What all of it comes to.
struct Totals {
    lines: usize,
    /// One for each unit.
    quantities: Vec<(Unit, Decimal)>,
    value: Option<Money>,
    first: Option<NaiveDate>,
    last: Option<NaiveDate>,
    /// Asked for on a day that has passed.
    late: usize,
}

fn totals(record: &OrderRecord, asked: &[(&OrderLine, &ScheduleLine)], today: NaiveDate) -> Totals {
    let mut quantities: Vec<(Unit, Decimal)> = Vec::new();
    let mut value = Some(Decimal::ZERO);
    let mut days = Vec::new();
    let mut late = 0;
    for (line, schedule) in asked {
        let parts = schedule.asked();
        let amount = total(&parts);
        match quantities.iter_mut().find(|(unit, _)| *unit == line.unit) {
            Some((_, sum)) => *sum = sum.saturating_add(amount),
            None => quantities.push((line.unit.clone(), amount)),
        }
        value = value.zip(line.price).and_then(|(sum, price)| sum.checked_add(price.checked_mul(amount)?));
        days.extend(parts.iter().filter_map(|part| part.deliver_on));
        late += usize::from(is_past(&parts, today));
    }
    Totals {
        lines: asked.len(),
        quantities,
        value: value.map(|amount| Money { amount: amount.round_dp(2), currency: record.order.currency.clone() }),
        first: days.iter().min().copied(),
        last: days.iter().max().copied(),
        late,
    }
}

fn is_past(parts: &[Commitment], today: NaiveDate) -> bool {
    last_day(parts).is_some_and(|on| on < today)
}

fn show(loaded: Loaded) -> AnyView {
    let Loaded { around, record, submission, kept, correlation } = loaded;
    let number = record.order.number.clone();
    let base = format!("/orders/{}", encoded(&number));
    let today = record.today(around.now());
    let asked: Vec<_> =
        record.order.schedule_lines().filter(|(_, schedule)| schedule.state.turn() == Turn::Supplier).collect();
    let totals = totals(&record, &asked, today);
    let problems = kept.map(|kept| kept.problems).unwrap_or_default();
    let summary = (!problems.is_empty()).then(|| {
        let lines = problems
            .iter()
            .map(|problem| SummaryLine { field: String::new(), words: problem.message.clone() })
            .collect();
        view! { <ErrorSummary title="Nothing was sent. Look at the lines again" lines=lines correlation=correlation/> }
    });
    let lines_words = if totals.lines == 1 { "1 line".to_owned() } else { format!("{} lines", totals.lines) };
    let beside = (!around.viewer.is_supplier()).then(|| tag(Tone::Warn, format!("on behalf of {}", record.supplier.1)));
    let body = if asked.is_empty() {
        view! { <section class="sheet"><EmptyState title="Every line is answered" text="Nothing waits for a confirmation." action=Some(("Back to the order".to_owned(), base.clone()))/></section> }.into_any()
    } else {
        let rows = asked.iter().map(|(line, schedule)| row(line, schedule, today)).collect_view();
        let versions = asked
            .iter()
            .map(|(_, schedule)| view! { <input type="hidden" name=format!("versions[line-{}]", schedule.schedule_line_id) value=schedule.version.to_string()/> })
            .collect_view();
        let late = (totals.late > 0).then(|| {
            let words = if totals.late == 1 {
                "1 line is requested for a day that has passed".to_owned()
            } else {
                format!("{} lines are requested for a day that has passed", totals.late)
            };
            tag(Tone::Crit, words)
        });
        view! {
            <form method="post" action="/do/confirm-as-requested">
                <input type="hidden" name="order" value=number.clone()/>
                <input type="hidden" name="revision" value=record.order.revision.to_string()/>
                <input type="hidden" name="submission" value=submission.to_string()/>
                {versions}
                {sums(&totals)}
                <section class="sheet table-region" aria-label="Lines">
                    <table class="data-table blocks" role="table">
                        <caption class="visually-hidden">"Lines that will be confirmed as requested"</caption>
                        <thead>
                            <tr>
                                <th scope="col">"Line"</th>
                                <th scope="col">"Item"</th>
                                <th scope="col" class="num">"Quantity"</th>
                                <th scope="col" class="num opt-1">{format!("{} each", record.order.currency)}</th>
                                <th scope="col">"Delivery date"</th>
                                <th scope="col">"Note"</th>
                            </tr>
                        </thead>
                        <tbody>{rows}</tbody>
                    </table>
                    <p class="sheet-foot">{format!("Dates are delivery dates in the calendar of plant {}. {}", record.plant.0, tolerance(&record))}</p>
                </section>
                <div class="submit-bar">
                    <span>"You promise "<b>{lines_words.clone()}</b>" exactly as requested. The promise is binding and goes to the ERP."</span>
                    {late}
                    <span class="push"></span>
                    <a class="button" href=format!("{base}/confirm")>"Answer line by line"</a>
                    <button class="button primary" type="submit">{format!("Confirm {lines_words} as requested")}</button>
                </div>
            </form>
        }
        .into_any()
    };
    let facts = vec![
        view! { {id(record.plant.0.clone())}" "{record.plant.1.clone()} }.into_any(),
        format!("revision {}", record.order.revision).into_any(),
        format!("today is {} there", domain::calendar::day(today)).into_any(),
    ];
    let page = view! {
        <Breadcrumb crumbs=vec![Crumb::link("Orders", "/orders"), Crumb::link(number.clone(), base).mono(), Crumb::here("Confirm as requested")]/>
        <PageHeader title=view! { "Confirm order "{id(number.clone())}" as requested" }.into_any() beside=beside facts=facts/>
        {summary}
        {body}
    };
    around.frame(format!("Confirm order {number}"), page)
}

fn sums(totals: &Totals) -> AnyView {
    let quantities = totals
        .quantities
        .iter()
        .map(|(unit, sum)| format!("{} {}", quantity_text(*sum, unit), unit.code()))
        .collect::<Vec<_>>()
        .join(" + ");
    let day_or_dash = |on: Option<NaiveDate>| on.map_or_else(|| "–".to_owned(), domain::calendar::day);
    let sum = |label: &'static str, value: String| view! { <div><dt>{label}</dt><dd>{value}</dd></div> };
    view! {
        <dl class="sheet sums">
            {sum("Lines", totals.lines.to_string())}
            {sum("Quantity", quantities)}
            {totals.value.as_ref().map(|value| sum("Value", value.to_string()))}
            {sum("Earliest", day_or_dash(totals.first))}
            {sum("Latest", day_or_dash(totals.last))}
        </dl>
    }
    .into_any()
}

fn row(line: &OrderLine, schedule: &ScheduleLine, today: NaiveDate) -> AnyView {
    let parts = schedule.asked();
    let past = is_past(&parts, today);
    let amount = total(&parts);
    let when = if parts.len() > 1 {
        super::words::parts(&parts, Some(&line.unit)).into_any()
    } else {
        last_day(&parts).map(date).into_any()
    };
    let note = match (past, schedule.state, &schedule.change) {
        (true, ..) => tag(Tone::Crit, "day has passed"),
        (_, domain::negotiation::Negotiation::Countered, _) => tag(Tone::Info, "as the buyer proposes"),
        (_, _, Some(change)) => tag(Tone::Warn, super::words::change(change, &line.unit)),
        _ => tag(Tone::Ok, "as requested"),
    };
    view! {
        <tr data-edge=edge(past.then_some(Tone::Crit))>
            <td class="a-id"><span class="id strong">{line_name(line, schedule)}</span></td>
            <td class="a-item"><span class="id item-no">{line.item_number.clone()}</span><span class="sub" dir="auto">{line.description.clone()}</span></td>
            <td class="num a-num">{quantity(amount, &line.unit)}</td>
            <td class="num opt-1">{line.price.map_or_else(|| "–".to_owned(), price)}</td>
            <td class="nowrap a-due">{when}</td>
            <td class="a-status">{note}</td>
        </tr>
    }
    .into_any()
}
