//! `/shipments/new/:draft/{lines,packing,transport,review}`: a ship notice in four steps with an address each.
//!
//! One form per step, one server function for all of them: "Add a lot", "Pack alike", "Back" and "Send" are submit buttons
//! of the form. What was typed is kept on the server with every press, so that Back, a second device and a browser without
//! JavaScript lose nothing. Once the last step was seen, every step shows what the check says of it.

use std::collections::HashMap;

use domain::access::{Action, may};
use domain::calendar::{day, today};
use domain::id::ScheduleLineId;
use domain::refusal::{Finding, Weight};
use domain::shipment::PackageKind;
use domain::shipment::content::{AmendShipNotice, SendShipNotice};
use domain::{NaiveDate, calendar};
use leptos::prelude::*;
use leptos::server_fn::codec::PostUrl;
use leptos_router::hooks::use_params_map;
use store::ship_notice_facts::{Candidate, candidates};
use store::{CommandError, Tx, ship_notices};
use uuid::Uuid;

use crate::address::encoded;
use crate::error::AppError;
use crate::form::{Done, FieldProblem, Form};
use crate::loaded;
use crate::page::Around;
use crate::request;
use crate::ui::empty::EmptyState;
use crate::ui::field::{ErrorSummary, SummaryLine};
use crate::ui::filter::{SavedView, SavedViews};
use crate::ui::header::{Breadcrumb, Crumb, PageHeader};
use crate::ui::number::counted;
use crate::ui::tag::{id, tag};
use crate::ui::tone::Tone;

use super::draft::{Draft, Fields, input_of, problems_of, step_of};
use super::{lines_step, packing_step, review_step, transport_step};

/// So many problems are said beside one input; the others follow when these are mended.
const FIRST_WORDS: usize = 5;

/// The name of the form in the drafts.
pub(super) const FORM: &str = "ship-notice";

/// One of the four.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Lines,
    Packing,
    Transport,
    Review,
}

impl Step {
    const ALL: [Self; 4] = [Self::Lines, Self::Packing, Self::Transport, Self::Review];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Lines => "lines",
            Self::Packing => "packing",
            Self::Transport => "transport",
            Self::Review => "review",
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Lines => "1 Lines and lots",
            Self::Packing => "2 Packing",
            Self::Transport => "3 Transport",
            Self::Review => "4 Review",
        }
    }

    fn parse(word: &str) -> Self {
        Self::ALL.into_iter().find(|step| step.as_str() == word).unwrap_or(Self::Lines)
    }

    const fn next(self) -> Self {
        match self {
            Self::Lines => Self::Packing,
            Self::Packing => Self::Transport,
            Self::Transport | Self::Review => Self::Review,
        }
    }
}

/// The address of a step.
pub(super) fn path(draft: &str, step: Step) -> String {
    format!("/shipments/new/{}/{}", encoded(draft), step.as_str())
}

fn the_form(draft: &str, step: Step) -> Form {
    Form::new(FORM, draft, path(draft, step))
}

/// A step as its page shows it.
pub(super) struct StepView {
    pub(super) around: Around,
    /// The draft's id.
    pub(super) id: String,
    pub(super) draft: Draft,
    /// What is wrong on this step, by input.
    pub(super) problems: Vec<FieldProblem>,
    /// Everything the check says, where all could be read.
    pub(super) findings: Vec<Finding>,
    /// The schedule lines of the draft, by id.
    pub(super) known: HashMap<String, Candidate>,
    /// Today in the plant's calendar.
    pub(super) today: NaiveDate,
}

impl StepView {
    /// `4500012345 line 0010`, or what to say where the line is gone.
    pub(super) fn name(&self, line: &str) -> String {
        self.known.get(line).map_or_else(|| "a line that is gone".to_owned(), |known| known.line.name())
    }

    /// What is wrong with one input, in one text.
    pub(super) fn wrong(&self, input: &str) -> Vec<String> {
        let words: Vec<&str> =
            self.problems.iter().filter(|problem| problem.field == input).map(|it| it.message.as_str()).collect();
        match words.len() {
            0 => Vec::new(),
            all if all <= FIRST_WORDS => vec![words.join(" ")],
            all => vec![format!("{} And {} more.", words[..FIRST_WORDS].join(" "), all - FIRST_WORDS)],
        }
    }
}

struct Loaded {
    step: Step,
    view: Option<StepView>,
    around: Option<Around>,
    correlation: String,
}

pub(super) fn page(step: Step) -> impl IntoView {
    let draft = use_params_map().get_untracked().get("draft").unwrap_or_default();
    loaded(load(draft, step), show)
}

async fn load(id: String, step: Step) -> Result<Loaded, AppError> {
    let kept = the_form(&id, step).kept::<Draft>().await?;
    let mut tx = request::reader().await?;
    let around = Around::load(&mut tx).await?;
    may(&around.viewer.actor(), Action::SendShipNotice)?;
    let correlation = request::correlation().to_string();
    let Some(kept) = kept else { return Ok(Loaded { step, view: None, around: Some(around), correlation }) };
    let draft = kept.typed;
    let (known, today) = known(&mut tx, &draft).await?;
    let (all, findings) = if draft.checked || step == Step::Review {
        said(&mut tx, &draft, today).await?
    } else {
        (kept.problems, Vec::new())
    };
    let problems = all
        .into_iter()
        .filter(|problem| step == Step::Review || step_of(&problem.field) == step.as_str())
        .map(|problem| FieldProblem { field: draft.shown_at(&problem.field), ..problem })
        .collect();
    let view = StepView { around, id, draft, problems, findings, known, today };
    Ok(Loaded { step, view: Some(view), around: None, correlation })
}

/// Everything there is to say of a draft: what cannot be read, or else what the check says.
async fn said(tx: &mut Tx, draft: &Draft, today: NaiveDate) -> Result<(Vec<FieldProblem>, Vec<Finding>), AppError> {
    let content = match draft.content(today) {
        Ok(content) => content,
        Err(problems) => return Ok((problems, Vec::new())),
    };
    let findings = match &draft.amends {
        None => ship_notices::dry_run(tx, &content).await?,
        Some((number, version)) => ship_notices::dry_run_amend(tx, number, *version, &content).await?,
    };
    Ok((problems_of(&findings), findings))
}

/// The schedule lines of a draft as they are now, and today where they go.
async fn known(tx: &mut Tx, draft: &Draft) -> Result<(HashMap<String, Candidate>, NaiveDate), AppError> {
    let ids: Vec<ScheduleLineId> = draft.lines.iter().filter_map(|line| line.id.parse().ok()).collect();
    let except = match &draft.amends {
        None => None,
        Some((number, _)) => Some(ship_notices::get(tx, number).await?.notice.ship_notice_id),
    };
    let found = candidates(tx, &ids, except).await?;
    let now = tx.now();
    let today = found.first().map_or_else(|| now.date_naive(), |line| today(now, line.zone.0));
    Ok((found.into_iter().map(|one| (one.line.schedule_line_id.to_string(), one)).collect(), today))
}

/// The button that was pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Press {
    Next,
    Goto(Step),
    Discard,
    Leave,
    AddLot(usize),
    TakePaste(usize),
    ClearLots(usize),
    RemoveLot(usize, usize),
    RemoveLine(usize),
    Pack,
    Unpack,
    AddUnit(PackageKind),
    AddContent(usize),
    RemoveUnit(usize),
    Send,
}

impl Press {
    /// By the button's value; pressing Enter in a field goes on.
    fn parse(value: &str) -> Self {
        let mut words = value.split(':');
        let verb = words.next().unwrap_or_default();
        let word = words.next().unwrap_or_default();
        let (first, second) = (word.parse::<usize>().ok(), words.next().and_then(|word| word.parse::<usize>().ok()));
        match (verb, first, second) {
            ("goto", ..) => Self::Goto(Step::parse(word)),
            ("discard", ..) => Self::Discard,
            ("leave", ..) => Self::Leave,
            ("add-lot", Some(line), _) => Self::AddLot(line),
            ("paste", Some(line), _) => Self::TakePaste(line),
            ("clear-lots", Some(line), _) => Self::ClearLots(line),
            ("remove-lot", Some(line), Some(lot)) => Self::RemoveLot(line, lot),
            ("remove-line", Some(line), _) => Self::RemoveLine(line),
            ("pack", ..) => Self::Pack,
            ("unpack", ..) => Self::Unpack,
            ("add-unit", ..) => Self::AddUnit(word.parse().unwrap_or(PackageKind::Carton)),
            ("add-content", Some(unit), _) => Self::AddContent(unit),
            ("remove-unit", Some(unit), _) => Self::RemoveUnit(unit),
            ("send", ..) => Self::Send,
            _ => Self::Next,
        }
    }
}

/// Takes a step of a ship notice: keeps what was typed on it, and does what the pressed button says.
#[server(input = PostUrl, prefix = "/do", endpoint = "ship-step")]
pub async fn ship_step(draft: String, step: String, #[server(default)] f: Fields) -> Result<(), AppError> {
    let (id, step, mut f) = (draft, Step::parse(&step), f);
    let form = the_form(&id, step);
    let press = Press::parse(&f.remove("do").unwrap_or_default());
    let kept = match form.kept::<Draft>().await {
        Ok(kept) => kept,
        Err(error) => return form.answer(&(), Err(error)).await,
    };
    let Some(kept) = kept else {
        request::keep_notice("This draft was sent or discarded. What was sent stands in the list.").await?;
        request::see_other("/shipments");
        return Ok(());
    };
    let mut draft = kept.typed;
    if press == Press::Discard {
        form.forget().await?;
        request::keep_notice("The draft is discarded. Nothing was sent.").await?;
        request::see_other("/shipments");
        return Ok(());
    }
    let outcome = async {
        let mut tx = request::reader().await?;
        may(tx.actor(), Action::SendShipNotice)?;
        let (_, today) = known(&mut tx, &draft).await?;
        take(&mut draft, step, &mut f, press);
        draft.settle_days(today);
        act(&mut draft, &id, step, press, today).await
    }
    .await;
    match outcome {
        Ok(Went::To(to)) => {
            form.keep(&draft, &[]).await?;
            if press == Press::Leave {
                request::keep_notice("Your draft is kept. Nothing was sent.").await?;
            }
            request::see_other(&to);
            Ok(())
        }
        Ok(Went::Sent(done)) => form.answer(&draft, Ok(done)).await,
        Err(error) => form.answer(&draft, Err(error)).await,
    }
}

enum Went {
    To(String),
    Sent(Done),
}

/// What was typed on the step goes into the draft.
fn take(draft: &mut Draft, step: Step, f: &mut Fields, press: Press) {
    if let Press::RemoveLot(line, lot) = press {
        // An empty row is dropped; the number of the row is that of the form.
        let row = format!("lines.{line}.lots.{lot}.");
        f.iter_mut().filter(|(key, _)| key.starts_with(&row)).for_each(|(_, text)| text.clear());
    }
    match step {
        Step::Lines => draft.take_lines(f),
        Step::Packing => draft.take_units(f),
        Step::Transport => draft.take_transport(f),
        Step::Review => {
            if let Some(reason) = f.get("reason") {
                draft.reason.clone_from(reason);
            }
        }
    }
}

async fn act(draft: &mut Draft, id: &str, step: Step, press: Press, today: NaiveDate) -> Result<Went, AppError> {
    let here = |at: String| Ok(Went::To(format!("{}#{at}", path(id, step))));
    match press {
        Press::Next => {
            readable(draft, step, today)?;
            draft.checked |= step == Step::Transport;
            Ok(Went::To(path(id, step.next())))
        }
        Press::Goto(step) => Ok(Went::To(path(id, step))),
        Press::Leave | Press::Discard => Ok(Went::To("/shipments".to_owned())),
        Press::AddLot(line) => {
            fields(draft.add_lot(line))?;
            let last = draft.lines.get(line).map_or(0, |line| line.lots.len().saturating_sub(1));
            here(format!("lines.{line}.lots.{last}.lot"))
        }
        Press::TakePaste(line) => {
            fields(draft.take_paste(line))?;
            here(format!("line-{line}"))
        }
        Press::ClearLots(line) => {
            if let Some(line) = draft.lines.get_mut(line) {
                line.lots.clear();
                line.serials.clear();
            }
            here(format!("line-{line}"))
        }
        Press::RemoveLot(line, _) => here(format!("line-{line}")),
        Press::RemoveLine(line) => {
            if line < draft.lines.len() {
                draft.lines.remove(line);
            }
            here("main".to_owned())
        }
        Press::Pack => {
            fields(draft.pack(today))?;
            here("packages".to_owned())
        }
        Press::Unpack => {
            draft.units.clear();
            here("packages".to_owned())
        }
        Press::AddUnit(kind) => {
            fields(draft.add_unit(kind))?;
            here(format!("units.{}.kind", draft.units.len().saturating_sub(1)))
        }
        Press::AddContent(unit) => {
            fields(draft.add_content(unit))?;
            let last = draft.units.get(unit).map_or(0, |unit| unit.contents.len().saturating_sub(1));
            here(format!("units.{unit}.contents.{last}.what"))
        }
        Press::RemoveUnit(unit) => {
            draft.remove_unit(unit);
            here("packages".to_owned())
        }
        Press::Send => {
            draft.checked = true;
            send_now(draft, today).await.map(Went::Sent)
        }
    }
}

fn fields(taken: Result<(), Vec<FieldProblem>>) -> Result<(), AppError> {
    taken.map_err(|problems| AppError::Fields { problems })
}

/// What was typed on this step can be read; whether it is right is said at the end.
fn readable(draft: &Draft, step: Step, today: NaiveDate) -> Result<(), AppError> {
    let Err(problems) = draft.content(today) else { return Ok(()) };
    let own: Vec<_> = problems.into_iter().filter(|problem| step_of(&problem.field) == step.as_str()).collect();
    if own.is_empty() { Ok(()) } else { Err(AppError::Fields { problems: own }) }
}

/// Sends what the draft says, as a new notice or as the next version of one.
pub(super) async fn send_now(draft: &Draft, today: NaiveDate) -> Result<Done, AppError> {
    let content = draft.content(today).map_err(|problems| AppError::Fields { problems })?;
    let submission: Uuid = draft.submission.parse().map_err(|_| AppError::Invalid {
        message: "The form was not understood: it does not say which sending it is. Start a new ship notice."
            .to_owned(),
    })?;
    let mut tx = request::begin().await?;
    let taken = match &draft.amends {
        None => ship_notices::send(&mut tx, &SendShipNotice { content, submission }).await,
        Some((number, version)) => {
            let command =
                AmendShipNotice { version: *version, content, reason: Some(draft.reason.clone()), submission };
            ship_notices::amend(&mut tx, number, &command).await
        }
    };
    let taken = match taken {
        Ok(taken) => taken,
        Err(CommandError::Stopped { findings }) => {
            return Err(AppError::Fields { problems: problems_of(&findings) });
        }
        Err(error) => return Err(error.into()),
    };
    tx.commit().await?;
    let words = match (taken.already, draft.amends.is_some()) {
        (true, _) => format!("{} was sent before. Nothing was sent twice.", taken.number),
        (false, true) => format!("{} is amended: version {} is on its way to the ERP.", taken.number, taken.version),
        (false, false) => format!("Ship notice {} is sent and on its way to the ERP.", taken.number),
    };
    Ok(Done::at(format!("/shipments/{}", taken.number)).saying(words))
}

/// Keeps a new draft and goes to its first step, or to `step`.
pub(super) async fn begin(draft: &Draft, step: Step, notice: Option<&str>) -> Result<(), AppError> {
    let id = request::store()?.new_id().to_string();
    the_form(&id, step).keep(draft, &[]).await?;
    if let Some(notice) = notice {
        request::keep_notice(notice).await?;
    }
    request::see_other(&path(&id, step));
    Ok(())
}

fn show(loaded: Loaded) -> AnyView {
    let Loaded { step, view, around, correlation } = loaded;
    let Some(view) = view else {
        let page = view! {
            <Breadcrumb crumbs=vec![Crumb::link("Shipments", "/shipments"), Crumb::here("New ship notice")]/>
            <PageHeader title="This draft is not here any more".into_any()/>
            <section class="sheet"><EmptyState title="It was sent or discarded" text="What was sent stands in the list of shipments; drafts belong to the person who began them." action=Some(("Show shipments".to_owned(), "/shipments".to_owned()))/></section>
        };
        return around.map_or_else(|| ().into_any(), |around| around.frame("Ship notice", page));
    };
    let stops: Vec<&FieldProblem> = view.problems.iter().collect();
    let summary = (!stops.is_empty()).then(|| {
        let title = match stops.len() {
            1 => "Not sent yet. 1 thing needs a correction".to_owned(),
            many => format!("Not sent yet. {many} things need a correction"),
        };
        let link = |problem: &FieldProblem| match step_of(&problem.field) {
            // On the last step a link leads to the step with the input.
            other if step == Step::Review && other != "review" => {
                format!("{}#{}", path(&view.id, Step::parse(other)), problem.field)
            }
            _ => format!("#{}", problem.field),
        };
        if step == Step::Review {
            review_step::summary(title, stops.iter().map(|it| (link(it), it.message.clone())).collect(), correlation)
        } else {
            let lines =
                stops.iter().map(|it| SummaryLine { field: it.field.clone(), words: it.message.clone() }).collect();
            view! { <ErrorSummary title=title lines=lines correlation=correlation/> }.into_any()
        }
    });
    let warnings: Vec<AnyView> = view
        .findings
        .iter()
        .filter(|finding| finding.weight == Weight::Warns)
        .filter(|finding| step == Step::Review || step_of(&input_of(&finding.at)) == step.as_str())
        .map(|finding| view! { <crate::ui::field::Notice tone=Tone::Warn words=finding.message.clone()/> }.into_any())
        .collect();
    let tabs = Step::ALL
        .into_iter()
        .map(|tab| SavedView {
            words: tab.words().to_owned(),
            count: None,
            href: path(&view.id, tab),
            current: tab == step,
        })
        .collect::<Vec<_>>();
    let title = match &view.draft.amends {
        Some((number, _)) => view! { "Amend ship notice "{id(number.clone())} }.into_any(),
        None => "New ship notice".into_any(),
    };
    let mut facts = vec![counted(i64::try_from(view.draft.lines.len()).unwrap_or(0), "line", "lines").into_any()];
    if let Some(known) = view.known.values().next() {
        facts.push(view! { "to "{id(known.plant.0.clone())}" "{known.plant.1.clone()} }.into_any());
    }
    facts.push(format!("today is {} there", day(view.today)).into_any());
    let beside = tag(Tone::Neutral, "draft, kept here");
    let body = match step {
        Step::Lines => lines_step::show(&view),
        Step::Packing => packing_step::show(&view),
        Step::Transport => transport_step::show(&view),
        Step::Review => review_step::show(&view),
    };
    let error = if view.problems.is_empty() { "" } else { "Error: " };
    let page = view! {
        <Breadcrumb crumbs=vec![Crumb::link("Shipments", "/shipments"), Crumb::here(if view.draft.amends.is_some() { "Amend" } else { "New ship notice" })]/>
        <PageHeader title=title beside=Some(beside) facts=facts/>
        <SavedViews views=tabs/>
        {summary}
        {warnings}
        <form method="post" action="/do/ship-step" novalidate autocomplete="off">
            // Enter in a field presses the first button of a form: this one, so that it never removes a row by accident.
            <button class="visually-hidden" type="submit" name="f[do]" value="next" tabindex="-1" aria-hidden="true">"Go on"</button>
            <input type="hidden" name="draft" value=view.id.clone()/>
            <input type="hidden" name="step" value=step.as_str()/>
            {body}
        </form>
    };
    let title = format!("{error}Ship notice, {}", step.words().get(2..).unwrap_or_default());
    view.around.frame(title, page)
}

/// The bar at the bottom of a step: where one is, the ways out, and the way on.
pub(super) fn bar(words: String, next: &'static str, value: &'static str) -> AnyView {
    view! {
        <div class="submit-bar">
            <span role="status">{words}</span>
            <span class="push"></span>
            <button class="button" type="submit" name="f[do]" value="discard">"Discard"</button>
            <button class="button" type="submit" name="f[do]" value="leave">"Save draft and leave"</button>
            <button class="button primary" type="submit" name="f[do]" value=value>{next}</button>
        </div>
    }
    .into_any()
}

/// A labelled text input of a step.
pub(super) fn input(view: &StepView, at: &str, label: &str, hint: &str, value: &str, decimal: bool) -> AnyView {
    let (id, value) = (at.to_owned(), value.to_owned());
    let mode = if decimal { "decimal" } else { "text" };
    labelled(view, at, label, hint, |wrong, described| {
        view! { <input class="input" id=id.clone() name=format!("f[{id}]") value=value inputmode=mode aria-invalid=wrong aria-describedby=described/> }
            .into_any()
    })
}

/// A labelled text area of a step.
pub(super) fn area(view: &StepView, at: &str, label: &str, hint: &str, value: &str, rows: &'static str) -> AnyView {
    let (id, value) = (at.to_owned(), value.to_owned());
    labelled(view, at, label, hint, |wrong, described| {
        view! { <textarea class="input text" id=id.clone() name=format!("f[{id}]") rows=rows aria-invalid=wrong aria-describedby=described>{value}</textarea> }
            .into_any()
    })
}

/// A field with its label, and what is wrong with it; `control` makes the input from `aria-invalid` and
/// `aria-describedby`.
pub(super) fn labelled(
    view: &StepView,
    at: &str,
    label: &str,
    hint: &str,
    control: impl FnOnce(Option<&'static str>, Option<String>) -> AnyView,
) -> AnyView {
    let problems = view.wrong(at);
    let wrong = (!problems.is_empty()).then_some("true");
    let control = control(wrong, wrong.map(|_| format!("{at}-error")));
    view! { <crate::ui::field::Field id=at.to_owned() label=label.to_owned() hint=hint.to_owned() problems=problems>{control}</crate::ui::field::Field> }
        .into_any()
}

/// A day as it is typed, for a hint.
pub(super) fn example(on: NaiveDate) -> String {
    format!("for example {}", calendar::day(on))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pressed_button_is_read_and_enter_goes_on() {
        for (value, press) in [
            ("", Press::Next),
            ("next", Press::Next),
            ("add-lot:2", Press::AddLot(2)),
            ("remove-lot:1:3", Press::RemoveLot(1, 3)),
            ("remove-lot:x", Press::Next),
            ("add-unit:pallet", Press::AddUnit(PackageKind::Pallet)),
            ("goto:transport", Press::Goto(Step::Transport)),
            ("send", Press::Send),
        ] {
            assert_eq!(Press::parse(value), press, "{value}");
        }
    }
}
