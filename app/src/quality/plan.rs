//! `/quality/plans/new` and `/quality/plans/:id`: one inspection plan, what it says now and said before, and its form.

#![expect(clippy::too_many_arguments, reason = "the fields of the form, one each")]

use domain::access::{Action, Scope, may};
use domain::inspection::{LONGEST_REASON, MOST_IN_A_ROW, Plan};
use leptos::prelude::*;
use leptos::server_fn::ServerFn as _;
use leptos::server_fn::codec::PostUrl;
use leptos_router::hooks::use_params_map;
use serde::{Deserialize, Serialize};
use store::CommandError;
use store::control_tower::{self, Choice};
use store::inspection_plans::{self, PlanRow, Setting};
use uuid::Uuid;

use super::fields::Input;
use super::plans::{about_words, plan_href, plan_words};
use crate::address::Address;
use crate::error::AppError;
use crate::exchange::act::refused;
use crate::form::{Done, FieldProblem, Form, Kept};
use crate::loaded;
use crate::page::Around;
use crate::request;
use crate::ui::field::field_note;
use crate::ui::header::{Breadcrumb, Crumb, PageHeader};
use crate::ui::tag::id;
use crate::ui::time::instant_with_zone;
use crate::ui::tone::Tone;

/// The form as it was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Typed {
    item: String,
    supplier: String,
    plant: String,
    plan: String,
    good_before_skip: String,
    skip: String,
    reason: String,
}

impl Typed {
    fn of(row: &PlanRow) -> Self {
        let (plan, good, skip) = match row.plan {
            Some(Plan::Every) => ("every", None, None),
            Some(Plan::SkipLot { good_before_skip, skip }) => ("skip_lot", Some(good_before_skip), Some(skip)),
            Some(Plan::None) => ("none", None, None),
            None => ("", None, None),
        };
        let number = |value: Option<u32>| value.map(|value| value.to_string()).unwrap_or_default();
        Self {
            item: row.item.clone(),
            supplier: row.supplier.as_ref().map(|(number, _)| number.clone()).unwrap_or_default(),
            plant: row.plant.as_ref().map(|(_, code)| code.clone()).unwrap_or_default(),
            plan: plan.to_owned(),
            good_before_skip: number(good),
            skip: number(skip),
            reason: String::new(),
        }
    }

    /// What was chosen; inside none where the plan is to end.
    fn plan(&self) -> Result<Option<Plan>, AppError> {
        // What is no number is as wrong as 0, and is told in the same words.
        let number = |text: &str| text.trim().parse().unwrap_or(0);
        match self.plan.as_str() {
            "every" => Ok(Some(Plan::Every)),
            "skip_lot" => {
                Ok(Some(Plan::SkipLot { good_before_skip: number(&self.good_before_skip), skip: number(&self.skip) }))
            }
            "none" => Ok(Some(Plan::None)),
            "end" => Ok(None),
            _ => {
                Err(AppError::Fields { problems: vec![FieldProblem::new("plan", "Choose which lots are inspected.")] })
            }
        }
    }
}

fn filled(text: &str) -> Option<String> {
    Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn form(plan_id: Option<Uuid>) -> Form {
    match plan_id {
        Some(plan_id) => Form::new("inspection-plan", plan_id, format!("/quality/plans/{plan_id}")),
        None => Form::new("inspection-plan", "new", "/quality/plans/new"),
    }
}

/// An earlier version put back is a form of its own: what was typed into the other stays there.
fn put_back_form(plan_id: Uuid) -> Form {
    Form::new("inspection-plan-back", plan_id, format!("/quality/plans/{plan_id}"))
}

struct View {
    around: Around,
    /// All of them, the newest first; empty for a new plan.
    versions: Vec<PlanRow>,
    kept: Option<Kept<Typed>>,
    kept_back: Option<Kept<()>>,
    typed: Typed,
    plants: Vec<Choice>,
    suppliers: Vec<Choice>,
    submission: Uuid,
}

pub(super) fn new_page() -> impl IntoView {
    loaded(load_new(Address::of_request()), show)
}

pub(super) fn page() -> impl IntoView {
    let plan_id = use_params_map().read_untracked().get("id").unwrap_or_default();
    loaded(load(plan_id), show)
}

async fn load_new(address: Address) -> Result<View, AppError> {
    let kept = form(None).kept::<Typed>().await?;
    let mut tx = request::reader().await?;
    may(tx.actor(), Action::ManageQualityRules)?;
    let around = Around::load(&mut tx).await?;
    let text = |key: &str| address.get(key).unwrap_or_default().to_owned();
    let plants = own(&around.viewer.scope, control_tower::plants(&mut tx).await?);
    let plant = match plants.as_slice() {
        [only] if around.viewer.scope != Scope::All => only.number.clone(),
        _ => text("plant"),
    };
    let from_address = Typed { item: text("item"), supplier: text("supplier"), plant, ..Typed::default() };
    let typed = kept.as_ref().map_or(from_address, |kept| kept.typed.clone());
    let suppliers = control_tower::suppliers(&mut tx).await?;
    let (submission, versions) = (tx.new_id(), Vec::new());
    Ok(View { around, versions, kept, kept_back: None, typed, plants, suppliers, submission })
}

/// The plants whose plans somebody with this scope may make.
fn own(scope: &Scope, mut plants: Vec<Choice>) -> Vec<Choice> {
    if let Scope::Plants(own) = scope {
        plants.retain(|plant| own.iter().any(|id| id.0 == plant.id));
    }
    plants
}

async fn load(plan_id: String) -> Result<View, AppError> {
    let plan_id: Uuid =
        plan_id.parse().map_err(|_| AppError::from(CommandError::NotFound { what: "inspection plan" }))?;
    let kept = form(Some(plan_id)).kept::<Typed>().await?;
    let kept_back = put_back_form(plan_id).kept::<()>().await?;
    if kept_back.is_some() {
        put_back_form(plan_id).forget().await?;
    }
    let mut tx = request::reader().await?;
    may(tx.actor(), Action::SeeQuality)?;
    let versions = inspection_plans::versions(&mut tx, plan_id).await?;
    let now = versions.first().map(Typed::of).unwrap_or_default();
    let typed = kept.as_ref().map_or(now, |kept| kept.typed.clone());
    let around = Around::load(&mut tx).await?;
    let (submission, plants, suppliers) = (tx.new_id(), Vec::new(), Vec::new());
    Ok(View { around, versions, kept, kept_back, typed, plants, suppliers, submission })
}

fn show(view: View) -> AnyView {
    let View { around, versions, kept, kept_back, typed, plants, suppliers, submission } = view;
    let manages = around.viewer.may(Action::ManageQualityRules);
    let kept = kept.as_ref();
    let wrong = refused("Nothing was saved", kept);
    let crumbs =
        |last: Crumb| vec![Crumb::link("Inspections", "/inspections"), Crumb::link("Plans", "/quality/plans"), last];
    let Some(newest) = versions.first() else {
        let about = about_fields(&around.viewer.scope, kept, &typed, plants, suppliers);
        let body = plan_form(None, about, kept, &typed, submission);
        let page = view! {
            <Breadcrumb crumbs=crumbs(Crumb::here("New"))/>
            <PageHeader title="New inspection plan".into_any()/>
            {wrong}
            {body}
        };
        return around.frame("New inspection plan", page);
    };
    let (supplier, plant) = about_words(newest);
    let facts = vec![newest.description.clone().into_any(), supplier.into_any(), plant.into_any()];
    let change = if !manages {
        ().into_any()
    } else if newest.is_within(&around.viewer.scope) {
        plan_form(Some(newest), ().into_any(), kept, &typed, submission)
    } else {
        let words = "This plan counts in all plants: somebody who sees all of them changes it. You can make one for your plant.";
        field_note(Tone::Info, words, None)
    };
    let may_put_back = manages && newest.is_within(&around.viewer.scope);
    let title = format!("Inspection plan of {}", newest.item);
    let page = view! {
        <Breadcrumb crumbs=crumbs(Crumb::here(newest.item.clone()).mono())/>
        <PageHeader title=view! { "Inspection plan of "{id(newest.item.clone())} }.into_any() facts=facts/>
        {wrong}
        {refused("Nothing was put back", kept_back.as_ref())}
        <div class="stack">
            <section class="sheet" aria-labelledby="now-title">
                <div class="section-head"><h2 id="now-title">"What counts now"</h2></div>
                <dl class="fact-list">
                    <dt>"Inspected"</dt><dd>{plan_words(newest.plan)}</dd>
                    <dt>"Why"</dt><dd dir="auto" class="breaks">{newest.reason.clone()}</dd>
                    <dt>"By"</dt><dd>{newest.created_by.clone()}</dd>
                    <dt>"Since"</dt><dd>{instant_with_zone(newest.created_at, &around.reading)}</dd>
                </dl>
            </section>
            {change}
            {history(&versions, may_put_back, &around, submission)}
        </div>
    };
    around.frame(title, page)
}

fn about_fields(
    scope: &Scope,
    kept: Option<&Kept<Typed>>,
    typed: &Typed,
    plants: Vec<Choice>,
    suppliers: Vec<Choice>,
) -> AnyView {
    let any = |words: &str| std::iter::once((String::new(), words.to_owned()));
    let plants = plants.into_iter().map(|it| (it.number.clone(), format!("{} {}", it.number, it.name)));
    let suppliers = suppliers.into_iter().map(|it| (it.number.clone(), format!("{} ({})", it.name, it.number)));
    let hint = "Its number. What is inspected differs from item to item.";
    let item = Input::new("item", "Item").hint(hint).value(&typed.item).refused(kept, "item").text("input mono");
    let hint = "A plan for one supplier goes before the plan for all.";
    let supplier = Input::new("supplier", "Supplier").hint(hint).value(&typed.supplier).refused(kept, "supplier");
    let first = if *scope == Scope::All { "all plants" } else { "choose …" };
    let plant = Input::new("plant", "Plant").value(&typed.plant).refused(kept, "plant");
    view! {
        <div class="sheet form-sheet fields pad">
            {item}
            {supplier.select(any("any supplier").chain(suppliers))}
            {plant.select(any(first).chain(plants))}
        </div>
    }
    .into_any()
}

/// The form; of a plan that is there, what it is about stands fast.
fn plan_form(
    known: Option<&PlanRow>,
    about: AnyView,
    kept: Option<&Kept<Typed>>,
    typed: &Typed,
    submission: Uuid,
) -> AnyView {
    let mut choices =
        vec![("every", "Every lot"), ("skip_lot", "Skip-lot: after good ones some are let go"), ("none", "No lot")];
    if typed.plan.is_empty() {
        choices.insert(0, ("", "choose …"));
    }
    if known.is_some_and(|row| row.plan.is_some()) {
        choices.push(("end", "End this plan: the next wider one counts, or what the ERP says"));
    }
    let choices = choices.into_iter().map(|(word, words)| (word.to_owned(), words.to_owned()));
    let plan = Input::new("plan", "Inspected").value(&typed.plan).refused(kept, "plan").select(choices);
    let number = |name: &'static str, label: &'static str, hint: String, value: &str| {
        Input::new(name, label).hint(hint).value(value).refused(kept, name).text("input num")
    };
    let hint = format!("For skip-lot: 1 to {MOST_IN_A_ROW}. One bad lot begins anew.");
    let good = number("good_before_skip", "Good lots in a row before any is let go", hint, &typed.good_before_skip);
    let hint = format!("For skip-lot: 1 to {MOST_IN_A_ROW}.");
    let skip = number("skip", "Lots let go between two inspected ones", hint, &typed.skip);
    let hint = "Stays with this version and in the audit log.";
    let reason = Input::new("reason", "Why").hint(hint).value(&typed.reason).refused(kept, "reason");
    let fixed = known.map(|row| {
        let supplier = row.supplier.as_ref().map(|(number, _)| number.clone()).unwrap_or_default();
        let plant = row.plant.as_ref().map(|(_, code)| code.clone()).unwrap_or_default();
        view! {
            <input type="hidden" name="plan_id" value=row.plan_id.to_string()/>
            <input type="hidden" name="item" value=row.item.clone()/>
            <input type="hidden" name="supplier" value=supplier/>
            <input type="hidden" name="plant" value=plant/>
        }
    });
    let read = known.map_or(0, |row| row.version);
    view! {
        <form method="post" action=SetPlan::url() novalidate class="stack">
            <input type="hidden" name="submission" value=submission.to_string()/>
            <input type="hidden" name="read" value=read.to_string()/>
            {fixed}
            {about}
            <div class="sheet form-sheet fields pad">{plan}{good}{skip}{reason.area(LONGEST_REASON)}</div>
            <div class="submit-bar">
                <button class="button primary" type="submit">"Save the plan"</button>
                <a class="button" href="/quality/plans">"Cancel"</a>
                <span class="muted">"Counts for lots that arrive from now on. What waits for its inspection already, waits."</span>
            </div>
        </form>
    }
    .into_any()
}

fn history(versions: &[PlanRow], may_put_back: bool, around: &Around, submission: Uuid) -> AnyView {
    let newest = versions.first().map_or(0, |row| row.version);
    let now = versions.first().and_then(|row| row.plan);
    let rows = versions
        .iter()
        .map(|row| {
            let put_back = (may_put_back && row.version != newest && row.plan != now).then(|| {
                view! {
                    <form method="post" action=PutBackPlan::url()>
                        <input type="hidden" name="submission" value=submission.to_string()/>
                        <input type="hidden" name="plan_id" value=row.plan_id.to_string()/>
                        <input type="hidden" name="version" value=row.version.to_string()/>
                        <input type="hidden" name="read" value=newest.to_string()/>
                        <button class="button low" type="submit" aria-label=format!("Put version {} back", row.version)>"Put back"</button>
                    </form>
                }
            });
            view! {
                <li>
                    <span><b>{format!("Version {}", row.version)}</b>": "{plan_words(row.plan)}</span>
                    <span class="muted breaks" dir="auto">{row.reason.clone()}</span>
                    <span class="muted">{row.created_by.clone()}", "{instant_with_zone(row.created_at, &around.reading)}</span>
                    <span class="end">{put_back}</span>
                </li>
            }
        })
        .collect_view();
    view! {
        <section class="sheet" aria-labelledby="versions-title">
            <div class="section-head"><h2 id="versions-title">"Versions"</h2></div>
            <ul class="row-list">{rows}</ul>
        </section>
    }
    .into_any()
}

/// Makes, changes or ends an inspection plan.
#[server(input = PostUrl, prefix = "/do", endpoint = "set-inspection-plan")]
pub async fn set_plan(
    submission: Uuid,
    #[server(default)] plan_id: String,
    #[server(default)] read: i32,
    #[server(default)] item: String,
    #[server(default)] supplier: String,
    #[server(default)] plant: String,
    #[server(default)] plan: String,
    #[server(default)] good_before_skip: String,
    #[server(default)] skip: String,
    #[server(default)] reason: String,
) -> Result<(), AppError> {
    let typed = Typed { item, supplier, plant, plan, good_before_skip, skip, reason };
    let outcome = async {
        let mut tx = request::begin().await?;
        may(tx.actor(), Action::ManageQualityRules)?;
        let setting = Setting {
            item: typed.item.trim().to_owned(),
            supplier: filled(&typed.supplier),
            plant: filled(&typed.plant),
            plan: typed.plan()?,
            reason: typed.reason.clone(),
            read,
            submission,
        };
        let saved = inspection_plans::set(&mut tx, &setting).await?;
        tx.commit().await?;
        let said = "Saved. It counts for lots that arrive from now on; an earlier version can be put back below.";
        Ok(Done::at(format!("/quality/plans/{}", saved.plan_id)).saying(said))
    };
    form(plan_id.parse().ok()).answer(&typed, outcome.await).await
}

/// An earlier version counts again, as a new one.
#[server(input = PostUrl, prefix = "/do", endpoint = "put-back-inspection-plan")]
pub async fn put_back_plan(submission: Uuid, plan_id: Uuid, version: i32, read: i32) -> Result<(), AppError> {
    let outcome = async {
        let mut tx = request::begin().await?;
        may(tx.actor(), Action::ManageQualityRules)?;
        let versions = inspection_plans::versions(&mut tx, plan_id).await?;
        let row = versions.into_iter().find(|row| row.version == version);
        let row = row.ok_or(CommandError::NotFound { what: "version" })?;
        let href = plan_href(&row);
        let setting = Setting {
            item: row.item,
            supplier: row.supplier.map(|(number, _)| number),
            plant: row.plant.map(|(_, code)| code),
            plan: row.plan,
            reason: format!("Version {version} put back"),
            read,
            submission,
        };
        inspection_plans::set(&mut tx, &setting).await?;
        tx.commit().await?;
        Ok(Done::at(href).saying(format!("Version {version} counts again for lots that arrive from now on.")))
    };
    put_back_form(plan_id).answer(&(), outcome.await).await
}
