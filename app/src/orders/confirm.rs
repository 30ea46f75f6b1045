//! `/orders/:po/confirm`: the supplier's answer, line by line, as one plain form.
//!
//! "Add part", "Remove", "Save draft" and "Check and send" are submit buttons of the same form: what was typed is kept on
//! the server and the page is shown again, so nothing is lost without JavaScript. An answer that would go to the buyer is
//! sent only after its writer was shown so; the field `checked` carries which lines that was said about, and the island
//! ([`super::hints`]) fills it while somebody types, so that with it one click is enough.
//!
//! A buyer opens the same page to answer for the supplier; the answer is marked as such.

use std::collections::BTreeMap;

use domain::access::Action;
use domain::confirmation::{Channel, ConfirmLines, Refusal};
use domain::id::ScheduleLineId;
use domain::negotiation::Turn;
use domain::order::{OrderStatus, PurchaseOrder};
use leptos::prelude::*;
use leptos::server_fn::codec::PostUrl;
use leptos_router::hooks::use_params_map;
use store::CommandError;
use store::orders::{self, OrderRecord};

use crate::error::AppError;
use crate::form::{Done, FieldProblem, Form, Kept};
use crate::loaded;
use crate::page::{self, Around};
use crate::request;
use crate::ui::empty::EmptyState;
use crate::ui::field::{ErrorSummary, Notice, SummaryLine};
use crate::ui::header::{Breadcrumb, Crumb, PageHeader};
use crate::ui::tag::{id, tag};
use crate::ui::time::Reading;
use crate::ui::tone::Tone;
use crate::viewer::Viewer;

use super::answer::{self, Fields, Outcome, TypedLine};
use super::conflict;
use super::grid;
use super::hints::AnswerHints;
use super::list_query::encoded;

/// The name of the form in the drafts.
const FORM: &str = "answer";

struct Loaded {
    around: Around,
    record: OrderRecord,
    /// Also lines that are answered already.
    all: bool,
    kept: Option<Kept<Fields>>,
    /// Identifies the sending; the same when the same form is sent twice.
    submission: String,
    correlation: String,
}

pub(super) fn page() -> impl IntoView {
    let number = use_params_map().get_untracked().get("po").unwrap_or_default();
    let all = page::query().iter().any(|(key, value)| key == "all" && value == "1");
    loaded(load(number, all), show)
}

async fn load(number: String, all: bool) -> Result<Loaded, AppError> {
    let kept = the_form(&number, all).kept::<Fields>().await?;
    let mut tx = request::reader().await?;
    let around = Around::load(&mut tx).await?;
    channel(&around.viewer)?;
    let record = orders::get(&mut tx, &number).await?;
    let before = kept.as_ref().and_then(|kept| kept.typed.get("submission").cloned());
    let submission = before.unwrap_or_else(|| tx.new_id().to_string());
    Ok(Loaded { around, record, all, kept, submission, correlation: request::correlation().to_string() })
}

/// How this person's answers come in, or why he may not answer.
pub(super) fn channel(viewer: &Viewer) -> Result<Channel, AppError> {
    if viewer.is_supplier() {
        domain::access::may(&viewer.actor(), Action::AnswerOrder)?;
        return Ok(Channel::Portal);
    }
    domain::access::may(&viewer.actor(), Action::AnswerOnBehalf)?;
    Ok(Channel::OnBehalf)
}

fn the_form(number: &str, all: bool) -> Form {
    let path = format!("/orders/{}/confirm{}", encoded(number), if all { "?all=1" } else { "" });
    Form::new(FORM, number, path)
}

/// The submit button that was pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Press {
    Send,
    Draft,
    Discard,
    AddPart(ScheduleLineId),
    RemovePart(ScheduleLineId, usize),
}

impl Press {
    /// By the button's value; pressing Enter in a field sends.
    fn parse(value: &str) -> Self {
        let mut words = value.split(':');
        let verb = words.next().unwrap_or_default();
        let line = words.next().and_then(|word| word.parse().ok());
        let part = words.next().and_then(|word| word.parse().ok());
        match (verb, line, part) {
            ("draft", ..) => Self::Draft,
            ("discard", ..) => Self::Discard,
            ("add", Some(line), _) => Self::AddPart(line),
            ("remove", Some(line), Some(part)) => Self::RemovePart(line, part),
            _ => Self::Send,
        }
    }
}

/// What was typed is sent, or kept with one part more or less, or kept for later.
#[server(input = PostUrl, prefix = "/do", endpoint = "answer-order")]
pub async fn answer_order(order: String, #[server(default)] f: BTreeMap<String, String>) -> Result<(), AppError> {
    let mut fields = answer::from_form(f);
    let all = fields.contains_key("all");
    let form = the_form(&order, all);
    let press = Press::parse(&fields.remove("do").unwrap_or_default());
    let outcome = match press {
        Press::Send => send(&order, &fields).await,
        Press::Draft => {
            form.keep(&fields, &[]).await?;
            request::keep_notice("Your draft is kept. Nothing was sent.").await?;
            request::see_other(&format!("/orders/{}", encoded(&order)));
            return Ok(());
        }
        Press::Discard => {
            form.forget().await?;
            request::see_other(&format!("/orders/{}/confirm", encoded(&order)));
            return Ok(());
        }
        Press::AddPart(line) => reshape(&order, &mut fields, line, |typed, line, schedule| {
            typed.add_part(line, schedule);
            typed.parts.len() - 1
        })
        .await
        .map(Answered::Again),
        Press::RemovePart(line, part) => reshape(&order, &mut fields, line, |typed, _, _| {
            typed.remove_part(part);
            0
        })
        .await
        .map(Answered::Again),
    };
    match outcome {
        Ok(Answered::Sent(done)) => form.answer(&fields, Ok(done)).await,
        Ok(Answered::Changed) => again(&form, &fields, &order, all, "").await,
        Ok(Answered::Unseen) => {
            fields.insert("unseen".to_owned(), "1".to_owned());
            again(&form, &fields, &order, all, "").await
        }
        Ok(Answered::Again(focus)) => again(&form, &fields, &order, all, &focus).await,
        Err(error) => form.answer(&fields, Err(error)).await,
    }
}

/// Keeps what was typed and shows the page again, at this input.
async fn again(form: &Form, fields: &Fields, order: &str, all: bool, focus: &str) -> Result<(), AppError> {
    form.keep(fields, &[]).await?;
    let (all, at) = (if all { "?all=1" } else { "" }, if focus.is_empty() { "" } else { "#" });
    request::see_other(&format!("/orders/{}/confirm{all}{at}{focus}", encoded(order)));
    Ok(())
}

/// What came of pressing a button.
enum Answered {
    /// Taken.
    Sent(Done),
    /// The order is not what it was when the form was made.
    Changed,
    /// Some of it goes to the buyer and its writer was not told.
    Unseen,
    /// Shown again, at this input.
    Again(String),
}

async fn reshape(
    order: &str,
    fields: &mut Fields,
    line: ScheduleLineId,
    change: impl FnOnce(&mut TypedLine, &domain::order::OrderLine, &domain::order::ScheduleLine) -> usize,
) -> Result<String, AppError> {
    let mut tx = request::reader().await?;
    let record = orders::get(&mut tx, order).await?;
    let found = record.order.find(line).zip(TypedLine::read(fields, line));
    let Some(((on, schedule), mut typed)) = found else {
        return Err(AppError::Invalid { message: Refusal::UnknownLine.to_string() });
    };
    let part = change(&mut typed, on, schedule);
    typed.write(fields, line);
    Ok(answer::key(line, part, "quantity"))
}

async fn send(number: &str, fields: &Fields) -> Result<Answered, AppError> {
    let viewer = request::viewer().await?;
    let channel = channel(&viewer)?;
    let mut tx = request::begin().await?;
    let record = orders::get(&mut tx, number).await?;
    let today = record.today(tx.now());
    let answers = answer::answers(&record.order, fields, today).map_err(|problems| AppError::Fields { problems })?;
    let text = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
    let submission = text("submission").parse().map_err(|_| AppError::Invalid {
        message: "The form was not understood: it does not say which sending it is. Open the page again and send it from there.".to_owned(),
    })?;
    if !unseen(&record.order, fields, today).is_empty() {
        return Ok(Answered::Unseen);
    }
    let command = ConfirmLines { revision: text("revision").parse().unwrap_or(0), answers, channel, submission };
    let confirmed = match orders::confirm(&mut tx, number, &command).await {
        Ok(confirmed) => confirmed,
        Err(CommandError::Refused { problems }) if problems.iter().any(|problem| is_stale(&problem.refusal)) => {
            return Ok(Answered::Changed);
        }
        Err(CommandError::Refused { problems }) => {
            let problems = problems.iter().map(|problem| answer::problem_of(&record.order, fields, problem)).collect();
            return Err(AppError::Fields { problems });
        }
        Err(error) => return Err(error.into()),
    };
    tx.commit().await?;
    let reading = Reading::new(&viewer.zone, confirmed.at);
    Ok(Answered::Sent(Done::at(format!("/orders/{}", encoded(number))).saying(receipt(&confirmed, &reading))))
}

fn is_stale(refusal: &Refusal) -> bool {
    matches!(refusal, Refusal::OldRevision { .. } | Refusal::StaleLine { .. } | Refusal::UnknownLine | Refusal::Step(_))
}

/// What was taken, in a sentence for the next page.
pub(super) fn receipt(confirmed: &orders::Confirmed, reading: &Reading) -> String {
    let at = format!("{} {}", reading.short(confirmed.at), reading.abbreviation(confirmed.at));
    if confirmed.already {
        return format!("Already sent at {at}. Nothing was sent twice; to change an answer, open the page again.");
    }
    let lines = |count: usize, one: &str, many: &str| {
        if count == 1 { format!("1 line {one}") } else { format!("{count} lines {many}") }
    };
    let words = match (confirmed.by_rule, confirmed.in_review) {
        (binding, 0) => {
            lines(binding, "is binding and on its way to the ERP", "are binding and on their way to the ERP")
        }
        (0, review) => lines(review, "waits for the buyer", "wait for the buyer"),
        (binding, review) => format!(
            "{}, {}",
            lines(binding, "is binding and on its way to the ERP", "are binding and on their way to the ERP"),
            lines(review, "waits for the buyer", "wait for the buyer")
        ),
    };
    format!("Sent at {at}: {words}.")
}

/// Lines that would go to the buyer and of which the writer was not told so.
fn unseen(order: &PurchaseOrder, fields: &Fields, today: chrono::NaiveDate) -> Vec<ScheduleLineId> {
    let seen: Vec<&str> = fields.get("checked").map(String::as_str).unwrap_or_default().split(',').collect();
    to_buyer(order, fields, today).into_iter().filter(|line| !seen.contains(&line.to_string().as_str())).collect()
}

fn to_buyer(order: &PurchaseOrder, fields: &Fields, today: chrono::NaiveDate) -> Vec<ScheduleLineId> {
    order
        .schedule_lines()
        .filter_map(|(line, schedule)| {
            let typed = TypedLine::read(fields, schedule.schedule_line_id)?;
            let outcome = answer::hint(order, line, schedule, &typed, today).outcome;
            (outcome == Outcome::ToBuyer).then_some(schedule.schedule_line_id)
        })
        .collect()
}

fn show(loaded: Loaded) -> AnyView {
    let Loaded { around, record, all, kept, submission, correlation } = loaded;
    let number = record.order.number.clone();
    let base = format!("/orders/{}", encoded(&number));
    let today = record.today(around.now());
    let fields = kept.as_ref().map(|kept| kept.typed.clone()).unwrap_or_default();
    let problems = kept.as_ref().map(|kept| kept.problems.clone()).unwrap_or_default();
    let waiting = record.order.schedule_lines().filter(|(_, schedule)| schedule.state.turn() == Turn::Supplier).count();
    let shown = answer::on_page(&record.order, all);
    let on_behalf = !around.viewer.is_supplier();

    let title = if on_behalf { "Answer for the supplier" } else { "Answer order" };
    let beside = match (on_behalf, waiting) {
        (true, _) => tag(Tone::Warn, format!("on behalf of {}", record.supplier.1)),
        (false, 0) => tag(Tone::Ok, "all lines answered"),
        (false, 1) => tag(Tone::Warn, "1 line needs you"),
        (false, lines) => tag(Tone::Warn, format!("{lines} lines need you")),
    };
    let facts = vec![
        view! { {id(record.plant.0.clone())}" "{record.plant.1.clone()} }.into_any(),
        format!("revision {}", record.order.revision).into_any(),
        format!("today is {} there", domain::calendar::day(today)).into_any(),
    ];
    let actions = view! {
        {(waiting > 0).then(|| view! { <a class="button" href=format!("{base}/confirm/all")>{if waiting == 1 { "Confirm 1 as requested".to_owned() } else { format!("Confirm all {waiting} as requested") }}</a> })}
        {if !all && answer::on_page(&record.order, true).len() == shown.len() { ().into_any() } else if all { view! { <a class="button" href=format!("{base}/confirm")>"Only lines that wait"</a> }.into_any() } else { view! { <a class="button" href=format!("{base}/confirm?all=1")>"Answered lines too"</a> }.into_any() }}
    };
    let changes = kept.as_ref().map(|kept| conflict::find(&record.order, &kept.typed)).unwrap_or_default();
    let unseen = fields.contains_key("unseen").then(|| {
        view! { <Notice tone=Tone::Warn words="Nothing was sent yet. Some answers are outside the tolerance and go to the buyer: they are marked below. Send again if that is what you mean."/> }
    });
    let body = if record.order.status != OrderStatus::Open {
        let text = format!("{} It takes no more answers.", Refusal::OrderNotOpen(record.order.status));
        view! { <section class="sheet"><EmptyState title="Nothing to answer" text=text action=Some(("Back to the order".to_owned(), base.clone()))/></section> }.into_any()
    } else if shown.is_empty() {
        view! { <section class="sheet"><EmptyState title="Every line is answered" text="You can still change an answer, for instance to announce a delay." action=Some(("Show answered lines".to_owned(), format!("{base}/confirm?all=1")))/></section> }.into_any()
    } else {
        let rows: Vec<grid::Row<'_>> = shown
            .iter()
            .map(|(line, schedule)| {
                // Where the line is not what it was, the version is the one that the writer sees now.
                let typed = TypedLine::read(&fields, schedule.schedule_line_id)
                    .map(|typed| TypedLine { version: Some(schedule.version), ..typed.settled(line, schedule) })
                    .unwrap_or_else(|| TypedLine::untouched(line, schedule));
                let hint = answer::hint(&record.order, line, schedule, &typed, today);
                grid::Row { line, schedule, typed, hint }
            })
            .collect();
        let hidden = grid::Hidden { submission, revision: record.order.revision, all };
        view! {
            {grid::form(&record, &rows, &hidden, kept.is_some() && problems.is_empty())}
            <AnswerHints order=for_hints(&record.order, all) today=today/>
        }
        .into_any()
    };
    let summary = (!problems.is_empty()).then(|| summary(&problems, correlation));
    let page = view! {
        <Breadcrumb crumbs=vec![Crumb::link("Orders", "/orders"), Crumb::link(number.clone(), base).mono(), Crumb::here("Answer")]/>
        <PageHeader title=view! { {title}" "{id(number.clone())} }.into_any() beside=Some(beside) facts=facts>{actions}</PageHeader>
        {unseen}
        {conflict::panel(&changes, &record, &around.reading)}
        {summary}
        {body}
    };
    let error = if problems.is_empty() { "" } else { "Error: " };
    around.frame(format!("{error}Answer order {number}"), page)
}

fn summary(problems: &[FieldProblem], correlation: String) -> AnyView {
    let mut lines: Vec<&str> = problems.iter().filter_map(|problem| problem.field.get(..36)).collect();
    lines.sort_unstable();
    lines.dedup();
    let title = match lines.len() {
        0 => "Nothing was sent".to_owned(),
        1 => "Nothing was sent. 1 line needs a correction".to_owned(),
        lines => format!("Nothing was sent. {lines} lines need a correction"),
    };
    let lines = problems
        .iter()
        .map(|problem| SummaryLine { field: problem.field.clone(), words: problem.message.clone() })
        .collect();
    view! { <ErrorSummary title=title lines=lines correlation=correlation/> }.into_any()
}

/// The order as the browser needs it to judge an answer: the lines on the page, without what only people read.
fn for_hints(order: &PurchaseOrder, all: bool) -> PurchaseOrder {
    let shown: Vec<ScheduleLineId> =
        answer::on_page(order, all).into_iter().map(|(_, schedule)| schedule.schedule_line_id).collect();
    let mut slim = order.clone();
    slim.buyer = None;
    slim.incoterm = None;
    for line in &mut slim.lines {
        line.description = String::new();
        line.supplier_item = None;
        line.schedule.retain(|schedule| shown.contains(&schedule.schedule_line_id));
        for schedule in &mut line.schedule {
            schedule.first_promise = None;
            schedule.change = None;
        }
    }
    slim.lines.retain(|line| !line.schedule.is_empty());
    slim
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pressed_button_is_read_and_enter_sends() {
        let line: ScheduleLineId = "019ae4c2-6c1e-7a40-9f3b-5d1c2e8ab7f0".parse().expect("an id");
        for (value, press) in [
            ("", Press::Send),
            ("send", Press::Send),
            ("draft", Press::Draft),
            ("discard", Press::Discard),
            ("add:019ae4c2-6c1e-7a40-9f3b-5d1c2e8ab7f0", Press::AddPart(line)),
            ("remove:019ae4c2-6c1e-7a40-9f3b-5d1c2e8ab7f0:2", Press::RemovePart(line, 2)),
            ("remove:nonsense", Press::Send),
        ] {
            assert_eq!(Press::parse(value), press, "{value}");
        }
    }

    #[tokio::test]
    async fn a_form_of_two_hundred_lines_in_five_parts_is_understood() {
        let mut body = String::from("order=4500012345&f%5Bdo%5D=send");
        for line in 0..200_u128 {
            let id = uuid::Uuid::from_u128(line + 1);
            body.push_str(&format!(
                "&f%5Bline-{id}-0-answer%5D=change&f%5Bline-{id}-0-note%5D=Gr%C3%BC%C3%9Fe+%26+mehr"
            ));
            for part in 0..5 {
                for field in ["quantity", "deliver_on", "ship_on", "price"] {
                    body.push_str(&format!("&f%5Bline-{id}-{part}-{field}%5D=04+Dec+2026"));
                }
            }
        }
        assert!(body.len() < 1024 * 1024, "{} bytes", body.len());
        let request = http::Request::builder()
            .method("POST")
            .uri("/do/answer-order")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(axum::body::Body::from(body))
            .expect("a request");
        let read: Result<AnswerOrder, AppError> =
            <AnswerOrder as leptos::server_fn::codec::FromReq<PostUrl, _, AppError>>::from_req(request).await;
        let read = read.expect("understood");
        assert_eq!(read.order, "4500012345");
        let typed = TypedLine::read(&answer::from_form(read.f), ScheduleLineId(uuid::Uuid::from_u128(200)))
            .expect("the last line");
        assert_eq!((typed.parts.len(), typed.note.as_str()), (5, "Grüße & mehr"));
    }
}
