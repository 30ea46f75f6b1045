//! What one can do with a ship notice that was sent: withdraw it, tell what happened to it on its way, amend it, or make
//! another one like it.

use chrono::{DateTime, NaiveDateTime, TimeZone, Utc};
use domain::access::{Action, may};
use domain::calendar::parse_day;
use domain::shipment::content::{CancelShipNotice, TellMilestone};
use domain::shipment::{Milestone, Moved};
use leptos::prelude::*;
use leptos::server_fn::codec::PostUrl;
use leptos_router::hooks::use_params_map;
use serde::{Deserialize, Serialize};
use store::ship_notices::{self, ShipNoticeRecord};
use uuid::Uuid;

use crate::address::encoded;
use crate::error::AppError;
use crate::form::{Done, FieldProblem, Form, Kept};
use crate::loaded;
use crate::page::Around;
use crate::request;
use crate::ui::empty::EmptyState;
use crate::ui::field::{ErrorSummary, Field, SummaryLine, options};
use crate::ui::header::{Breadcrumb, Crumb, PageHeader};
use crate::ui::tag::{id, tag};
use crate::ui::time::Reading;

use super::draft::Draft;
use super::steps::{Step, begin};
use super::words;

/// The address of a notice's page.
pub(super) fn address(number: &str) -> String {
    format!("/shipments/{}", encoded(number))
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Typed {
    reason: String,
    milestone: String,
    happened_at: String,
    arrive_on: String,
    note: String,
}

struct Loaded {
    around: Around,
    record: ShipNoticeRecord,
    kept: Option<Kept<Typed>>,
    submission: Uuid,
    correlation: String,
}

impl Loaded {
    fn wrong(&self, field: &str) -> Vec<String> {
        let words: Vec<&str> = self.kept.iter().flat_map(|kept| kept.about(field)).collect();
        if words.is_empty() { Vec::new() } else { vec![words.join(" ")] }
    }

    fn summary(&self, title: &'static str) -> Option<AnyView> {
        let problems = &self.kept.as_ref()?.problems;
        let lines =
            problems.iter().map(|it| SummaryLine { field: it.field.clone(), words: it.message.clone() }).collect();
        (!problems.is_empty())
            .then(|| view! { <ErrorSummary title=title lines=lines correlation=self.correlation.clone()/> }.into_any())
    }

    fn typed(&self) -> Typed {
        self.kept.as_ref().map(|kept| kept.typed.clone()).unwrap_or_default()
    }
}

fn cancel_form(number: &str) -> Form {
    Form::new("ship-cancel", number, format!("{}/cancel", address(number)))
}

fn tell_form(number: &str) -> Form {
    Form::new("ship-tell", number, format!("{}/tell", address(number)))
}

async fn load(number: String, form: Form, action: Action) -> Result<Loaded, AppError> {
    let kept = form.kept::<Typed>().await?;
    let mut tx = request::reader().await?;
    let around = Around::load(&mut tx).await?;
    may(&around.viewer.actor(), action)?;
    let record = ship_notices::get(&mut tx, &number).await?;
    Ok(Loaded { around, record, kept, submission: tx.new_id(), correlation: request::correlation().to_string() })
}

pub(super) fn cancel_page() -> impl IntoView {
    let number = use_params_map().get_untracked().get("number").unwrap_or_default();
    let form = cancel_form(&number);
    loaded(load(number, form, Action::SendShipNotice), show_cancel)
}

pub(super) fn tell_page() -> impl IntoView {
    let number = use_params_map().get_untracked().get("number").unwrap_or_default();
    let form = tell_form(&number);
    loaded(load(number, form, Action::TellMilestone), show_tell)
}

/// Withdraws a ship notice.
#[server(input = PostUrl, prefix = "/do", endpoint = "cancel-shipment")]
pub async fn cancel_shipment(
    number: String,
    version: i32,
    submission: Uuid,
    #[server(default)] reason: String,
) -> Result<(), AppError> {
    let typed = Typed { reason: reason.clone(), ..Typed::default() };
    let outcome = async {
        let mut tx = request::begin().await?;
        let taken = ship_notices::cancel(&mut tx, &number, &CancelShipNotice { version, reason, submission }).await?;
        tx.commit().await?;
        let words = if taken.already { "was withdrawn before" } else { "is withdrawn. Its quantities are open again" };
        Ok(Done::at(address(&number)).saying(format!("{} {words}.", taken.number)))
    };
    cancel_form(&number).answer(&typed, outcome.await).await
}

/// Tells what happened to a shipment on its way.
#[server(input = PostUrl, prefix = "/do", endpoint = "tell-shipment")]
pub async fn tell_shipment(
    number: String,
    submission: Uuid,
    #[server(default)] milestone: String,
    #[server(default)] happened_at: String,
    #[server(default)] arrive_on: String,
    #[server(default)] note: String,
) -> Result<(), AppError> {
    let typed = Typed { reason: String::new(), milestone, happened_at, arrive_on, note };
    let outcome = async {
        let viewer = request::viewer().await?;
        let mut tx = request::begin().await?;
        let record = ship_notices::get(&mut tx, &number).await?;
        let moved = read(&typed, &Reading::new(&viewer.zone, tx.now()), record.today(tx.now()))?;
        let words = moved.milestone.words();
        ship_notices::tell(&mut tx, &number, &TellMilestone { moved, submission }).await?;
        tx.commit().await?;
        Ok(Done::at(address(&number)).saying(format!("{number}: {words}. Buyer, dock and ERP are told.")))
    };
    tell_form(&number).answer(&typed, outcome.await).await
}

fn read(typed: &Typed, reading: &Reading, today: domain::NaiveDate) -> Result<Moved, AppError> {
    let mut problems = Vec::new();
    let milestone: Option<Milestone> = typed.milestone.parse().ok();
    if milestone.is_none() {
        problems.push(FieldProblem::new("milestone", "Choose what happened."));
    }
    let happened_at = instant(&typed.happened_at, reading);
    if happened_at.is_none() {
        problems.push(FieldProblem::new(
            "happened_at",
            format!("Enter day and time like 2026-12-04 14:30, in {}.", reading.zone.name()),
        ));
    }
    let arrive_on = match typed.arrive_on.trim() {
        "" => None,
        text => parse_day(text, today)
            .map_err(|error| problems.push(FieldProblem::new("arrive_on", error.to_string())))
            .ok(),
    };
    match (milestone, happened_at) {
        (Some(milestone), Some(happened_at)) if problems.is_empty() => {
            let note = Some(typed.note.trim().to_owned()).filter(|note| !note.is_empty());
            Ok(Moved { milestone, happened_at, arrive_on, note })
        }
        _ => Err(AppError::Fields { problems }),
    }
}

/// `2026-12-04T14:30` as a browser writes it, or with a blank, in the reader's zone; the earlier of two in the hour that
/// autumn has twice.
fn instant(typed: &str, reading: &Reading) -> Option<DateTime<Utc>> {
    let text = typed.trim().replace(' ', "T");
    let there = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]
        .into_iter()
        .find_map(|format| NaiveDateTime::parse_from_str(&text, format).ok())?;
    reading.zone.from_local_datetime(&there).earliest().map(|at| at.with_timezone(&Utc))
}

/// Begins the next version of a notice.
#[server(input = PostUrl, prefix = "/do", endpoint = "amend-shipment")]
pub async fn amend_shipment(number: String) -> Result<(), AppError> {
    let outcome = async {
        let mut tx = request::reader().await?;
        may(tx.actor(), Action::SendShipNotice)?;
        let record = ship_notices::get(&mut tx, &number).await?;
        let mut draft = Draft::of_content(&record.notice.content(), tx.new_id().to_string(), &record.plant.0);
        draft.amends = Some((record.notice.number.clone(), record.notice.version));
        let same = draft.says(&record.notice.content(), record.today(tx.now()));
        Ok(same.then_some(draft))
    };
    match outcome.await {
        Ok(Some(draft)) => begin(&draft, Step::Lines, None).await,
        Ok(None) => {
            let words = "It cannot be amended here: a form would not hold its lots, serials and packages as they were sent. Amend it through the API, where it came from. Nothing was changed.";
            request::keep_notice(words).await?;
            request::see_other(&address(&number));
            Ok(())
        }
        Err(error) => {
            request::answer_with(&error);
            Err(error)
        }
    }
}

/// Begins a new notice like an earlier one.
#[server(input = PostUrl, prefix = "/do", endpoint = "duplicate-shipment")]
pub async fn duplicate_shipment(number: String) -> Result<(), AppError> {
    let outcome = async {
        let mut tx = request::reader().await?;
        let (content, left_out) = ship_notices::duplicate(&mut tx, &number).await?;
        let plant = ship_notices::get(&mut tx, &number).await?.plant.0;
        Ok((Draft::of_content(&content, tx.new_id().to_string(), &plant), left_out))
    };
    match outcome.await {
        Ok((draft, left_out)) => {
            let words = if left_out.is_empty() {
                format!("A draft like {number}. Enter the new delivery note and lots.")
            } else {
                format!("A draft like {number}, without {}: nothing of it is open any more.", left_out.join(", "))
            };
            begin(&draft, Step::Lines, Some(&words)).await
        }
        Err(error) => {
            request::answer_with(&error);
            Err(error)
        }
    }
}

fn framed(loaded: Loaded, last: &'static str, title: &'static str, body: AnyView) -> AnyView {
    let number = loaded.record.notice.number.clone();
    let (tone, said) = words::status(loaded.record.status, false);
    let error = if loaded.kept.as_ref().is_some_and(|kept| !kept.problems.is_empty()) { "Error: " } else { "" };
    let page = view! {
        <Breadcrumb crumbs=vec![Crumb::link("Shipments", "/shipments"), Crumb::link(number.clone(), address(&number)).mono(), Crumb::here(last)]/>
        <PageHeader title=view! { {title}" "{id(number.clone())} }.into_any() beside=Some(tag(tone, said))/>
        {body}
    };
    loaded.around.frame(format!("{error}{title} {number}"), page)
}

fn show_cancel(loaded: Loaded) -> AnyView {
    let record = &loaded.record;
    let number = record.notice.number.clone();
    let (typed, wrong) = (loaded.typed().reason, (!loaded.wrong("reason").is_empty()).then_some("true"));
    let body = if record.status.is_open() {
        view! {
            {loaded.summary("It was not withdrawn")}
            <form method="post" action="/do/cancel-shipment" novalidate>
                <input type="hidden" name="number" value=number.clone()/>
                <input type="hidden" name="version" value=record.notice.version.to_string()/>
                <input type="hidden" name="submission" value=loaded.submission.to_string()/>
                <section class="sheet form-sheet"><div class="fields pad">
                    <p>{format!("Delivery note {} will not be expected any more. Its quantities are open again, and buyer, dock and ERP are told.", record.notice.delivery_note)}</p>
                    <Field id="reason" label="Why" hint="the buyer sees it" problems=loaded.wrong("reason")>
                        <textarea class="input text" id="reason" name="reason" rows="3" aria-invalid=wrong>{typed}</textarea>
                    </Field>
                </div></section>
                <div class="submit-bar"><span class="push"></span><a class="button" href=address(&number)>"Keep it"</a><button class="button primary" type="submit">"Withdraw the ship notice"</button></div>
            </form>
        }
        .into_any()
    } else {
        let text = format!("It is {}; that is possible until the first receipt.", record.status.words());
        view! { <section class="sheet"><EmptyState title="It cannot be withdrawn" text=text action=Some(("Back to the shipment".to_owned(), address(&number)))/></section> }.into_any()
    };
    framed(loaded, "Withdraw", "Withdraw ship notice", body)
}

fn show_tell(loaded: Loaded) -> AnyView {
    let number = loaded.record.notice.number.clone();
    let typed = loaded.typed();
    let reading = loaded.around.reading;
    let happened_at = if typed.happened_at.is_empty() {
        reading.now.with_timezone(&reading.zone).format("%Y-%m-%dT%H:%M").to_string()
    } else {
        typed.happened_at.clone()
    };
    let list = std::iter::once((String::new(), "–".to_owned()))
        .chain(Milestone::ALL.iter().map(|one| (one.as_str().to_owned(), one.words().to_owned())));
    let body = if loaded.record.status.is_expected() {
        let [no_milestone, no_time, no_day] =
            ["milestone", "happened_at", "arrive_on"].map(|field| (!loaded.wrong(field).is_empty()).then_some("true"));
        let (chosen, new_day, note) = (typed.milestone.clone(), typed.arrive_on.clone(), typed.note.clone());
        let hint = format!("in {}", reading.zone.name());
        let expected = format!("where it changes; now {}", domain::calendar::day(loaded.record.notice.arrive_on));
        view! {
            {loaded.summary("It was not noted")}
            <form method="post" action="/do/tell-shipment" novalidate>
                <input type="hidden" name="number" value=number.clone()/>
                <input type="hidden" name="submission" value=loaded.submission.to_string()/>
                <section class="sheet form-sheet"><div class="fields pad">
                    <Field id="milestone" label="What happened" problems=loaded.wrong("milestone")>
                        <select class="input" id="milestone" name="milestone" aria-invalid=no_milestone>{options(list, &chosen)}</select>
                    </Field>
                    <Field id="happened_at" label="When" hint=hint problems=loaded.wrong("happened_at")>
                        <input class="input" id="happened_at" name="happened_at" type="datetime-local" value=happened_at aria-invalid=no_time/>
                    </Field>
                    <Field id="arrive_on" label="New arrival date" hint=expected problems=loaded.wrong("arrive_on")>
                        <input class="input" id="arrive_on" name="arrive_on" value=new_day aria-invalid=no_day/>
                    </Field>
                    <Field id="note" label="Note" hint="may be empty" problems=loaded.wrong("note")>
                        <textarea class="input text" id="note" name="note" rows="2">{note}</textarea>
                    </Field>
                </div></section>
                <div class="submit-bar"><span class="push"></span><a class="button" href=address(&number)>"Back"</a><button class="button primary" type="submit">"Tell everybody"</button></div>
            </form>
        }
        .into_any()
    } else {
        let text = format!("It is {}; nothing more happens on its way.", loaded.record.status.words());
        view! { <section class="sheet"><EmptyState title="It is not on its way" text=text action=Some(("Back to the shipment".to_owned(), address(&number)))/></section> }.into_any()
    };
    framed(loaded, "Milestone", "What happened to", body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_in_the_readers_zone() {
        let reading = Reading::new("Europe/Berlin", "2026-12-04T12:00:00Z".parse().expect("an instant"));
        let at = |typed: &str| instant(typed, &reading).map(|at| at.to_rfc3339());
        assert_eq!(at("2026-12-04T14:30").as_deref(), Some("2026-12-04T13:30:00+00:00"));
        assert_eq!(at("2026-12-04 14:30").as_deref(), Some("2026-12-04T13:30:00+00:00"));
        assert_eq!(at("2026-10-25T02:30").as_deref(), Some("2026-10-25T00:30:00+00:00"), "the earlier of two");
        assert_eq!(at("tomorrow"), None);
    }
}
