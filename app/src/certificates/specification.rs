//! `/specifications/:item`: which certificates an item needs, what they must show, and the versions of both. Quality engineers
//! change it; suppliers read what concerns them.

use domain::access::Action;
use domain::calendar::{day, parse_day};
use domain::certificate::pasted::value_of;
use domain::certificate::specification::Characteristic;
use domain::certificate::{CertificateKind, CertificatePer};
use domain::refusal::Weight;
use leptos::prelude::*;
use leptos::server_fn::ServerFn as _;
use leptos::server_fn::codec::PostUrl;
use leptos_router::hooks::use_params_map;
use serde::{Deserialize, Serialize};
use store::CommandError;
use store::control_tower;
use store::specifications::{self, ItemName, NewRequirement, NewSpecification, RequirementRow, SpecificationRow};
use uuid::Uuid;

use super::list::may_see;
use super::{fields, words};
use crate::address::encoded;
use crate::error::AppError;
use crate::exchange::act::refused;
use crate::form::{Done, FieldProblem, Form, Kept};
use crate::loaded;
use crate::orders::answer::Fields;
use crate::orders::inbound::certificate_words;
use crate::page::Around;
use crate::request;
use crate::ui::empty::EmptyState;
use crate::ui::field::{Field, field_note, options};
use crate::ui::header::{Breadcrumb, Crumb, PageHeader};
use crate::ui::tag::id;
use crate::ui::time::{date, instant_with_zone};
use crate::ui::tone::Tone;

/// A form as it was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Typed {
    fields: Fields,
}

/// Names and ids of inputs of one row: name in [`Fields`], label.
const COLUMNS: [(&str, &str); 6] = [
    ("name", "Characteristic"),
    ("unit", "Unit"),
    ("lower", "Lower limit"),
    ("upper", "Upper limit"),
    ("method", "Method"),
    ("aliases", "Also called"),
];

struct One {
    around: Around,
    item: ItemName,
    requirements: Vec<RequirementRow>,
    versions: Vec<SpecificationRow>,
    suppliers: Vec<(String, String)>,
    plants: Vec<(String, String)>,
    kept: Option<Kept<Typed>>,
    kept_rule: Option<Kept<Typed>>,
}

pub(super) fn page() -> impl IntoView {
    let item = use_params_map().read_untracked().get("item").unwrap_or_default();
    loaded(load(item), show)
}

fn form_of(item: &str) -> Form {
    Form::new("specification", item, format!("/specifications/{}", encoded(item)))
}

fn rule_form_of(item: &str) -> Form {
    Form::new("requirement", item, format!("/specifications/{}", encoded(item)))
}

async fn load(number: String) -> Result<One, AppError> {
    let mut tx = request::reader().await?;
    may_see(&tx)?;
    let around = Around::load(&mut tx).await?;
    let item = specifications::item(&mut tx, &number).await?;
    let requirements = specifications::requirements(&mut tx, Some(item.item_id)).await?;
    let versions = specifications::versions(&mut tx, item.item_id).await?;
    let (mut suppliers, mut plants) = (Vec::new(), Vec::new());
    if around.viewer.may(Action::ManageSpecifications) {
        let named = |it: control_tower::Choice| (it.number.clone(), format!("{} {}", it.number, it.name));
        suppliers = control_tower::suppliers(&mut tx).await?.into_iter().map(named).collect();
        plants = control_tower::plants(&mut tx).await?.into_iter().map(named).collect();
    }
    let (kept, kept_rule) = (form_of(&item.number).kept().await?, rule_form_of(&item.number).kept().await?);
    Ok(One { around, item, requirements, versions, suppliers, plants, kept, kept_rule })
}

fn show(one: One) -> AnyView {
    let One { around, item, requirements, versions, suppliers, plants, kept, kept_rule } = one;
    let manage = around.viewer.may(Action::ManageSpecifications);
    let title = format!("Item {}", item.number);
    let today = around.now().date_naive();
    let in_force = versions.iter().position(|version| version.valid_from <= today);
    let edit = manage.then(|| edit(&item, versions.first(), kept.as_ref(), today));
    let add = manage.then(|| add_rule(&item, suppliers, plants, kept_rule.as_ref()));
    let facts = vec![item.description.clone().into_any()];
    let page = view! {
        <Breadcrumb crumbs=vec![Crumb::link("Certificates", "/certificates"), Crumb::link("Items", "/specifications"), Crumb::here(item.number.clone()).mono()]/>
        <PageHeader title=view! { "Item "{id(item.number.clone())} }.into_any() facts=facts/>
        {refused("Nothing was saved", kept.as_ref())}
        {refused("Nothing was added", kept_rule.as_ref())}
        <section class="sheet table-region" aria-labelledby="needs-title">
            <div class="section-head"><h2 id="needs-title">"Certificates that it needs"</h2></div>
            {rules(&requirements, &around, manage)}
            {add}
        </section>
        {specification(&versions, in_force, &around)}
        {edit}
    };
    around.frame(title, page)
}

fn rules(list: &[RequirementRow], around: &Around, manage: bool) -> AnyView {
    if list.is_empty() {
        return view! { <EmptyState title="None" text="No certificate is required for this item."/> }.into_any();
    }
    let is_supplier = around.viewer.is_supplier();
    let rows = list
        .iter()
        .map(|row| {
            let from = row.supplier.as_ref().map_or_else(|| "any supplier".to_owned(), |(number, name)| format!("{number} {name}"));
            let plant = row.plant.clone().unwrap_or_else(|| "all plants".to_owned());
            let end = manage.then(|| view! {
                <form method="post" action=EndRequirement::url()>
                    <input type="hidden" name="id" value=row.requirement_id.to_string()/>
                    <button class="button low" type="submit" aria-label=format!("End the requirement of {}", certificate_words(row.rule.kind))>"End"</button>
                </form>
            });
            view! {
                <tr>
                    <td class="a-id"><b>{certificate_words(row.rule.kind)}</b></td>
                    <td data-label="for">{words::per(row.rule.per)}</td>
                    {(!is_supplier).then(|| view! { <td data-label="from">{from}</td> })}
                    <td data-label="to">{plant}</td>
                    {(!is_supplier).then(|| view! { <td data-label="since">{format!("{} ", row.created_by)}{instant_with_zone(row.created_at, &around.reading)}</td> })}
                    {manage.then(|| view! { <td class="a-action">{end}</td> })}
                </tr>
            }
        })
        .collect_view();
    view! {
        <table class="data-table blocks labelled" role="table">
            <caption class="visually-hidden">"Certificates that the item needs"</caption>
            <thead><tr>
                <th scope="col">"Certificate"</th><th scope="col">"For"</th>
                {(!is_supplier).then(|| view! { <th scope="col">"From"</th> })}
                <th scope="col">"To"</th>
                {(!is_supplier).then(|| view! { <th scope="col">"Since"</th> })}
                {manage.then(|| view! { <th scope="col"><span class="visually-hidden">"Action"</span></th> })}
            </tr></thead>
            <tbody>{rows}</tbody>
        </table>
    }
    .into_any()
}

fn add_rule(
    item: &ItemName,
    suppliers: Vec<(String, String)>,
    plants: Vec<(String, String)>,
    kept: Option<&Kept<Typed>>,
) -> AnyView {
    let text = |name: &str| kept.map(|kept| fields::text(&kept.typed.fields, name).to_owned()).unwrap_or_default();
    let about = |field: &str| -> Vec<String> {
        kept.map(|kept| kept.about(field).map(str::to_owned).collect()).unwrap_or_default()
    };
    let any = |words: &str, list: Vec<(String, String)>| {
        std::iter::once((String::new(), words.to_owned())).chain(list).collect::<Vec<_>>()
    };
    let choose = |name: &'static str, label: &'static str, list: Vec<(String, String)>| {
        let (list, problems) = (options(list, &text(name)), about(name));
        view! { <Field id=name label=label problems=problems><select class="input" id=name name=format!("f[{name}]")>{list}</select></Field> }
    };
    view! {
        <details class="pad" open=kept.is_some()>
            <summary class="button low">"Add a requirement"</summary>
            <form class="fields" method="post" action=AddRequirement::url()>
                <input type="hidden" name="item" value=item.number.clone()/>
                <div class="field-grid">
                    {choose("kind", "Certificate", words::kinds())}
                    {choose("per", "One for", words::pers())}
                    {choose("supplier", "From", any("any supplier", suppliers))}
                    {choose("plant", "To", any("all plants", plants))}
                </div>
                <button class="button primary" type="submit">"Add"</button>
            </form>
        </details>
    }
    .into_any()
}

fn limits(of: &Characteristic) -> (String, String) {
    let text = |limit: Option<domain::Decimal>| {
        limit.map_or_else(|| "–".to_owned(), |limit| domain::quantity::grouped(limit, 0))
    };
    (text(of.lower), text(of.upper))
}

fn specification(versions: &[SpecificationRow], in_force: Option<usize>, around: &Around) -> AnyView {
    let Some(current) = in_force.and_then(|at| versions.get(at)) else {
        return view! { <section class="sheet" aria-label="Specification"><EmptyState title="No specification" text="Values of certificates are shown and not compared."/></section> }.into_any();
    };
    let rows = current
        .specification
        .characteristics
        .iter()
        .map(|of| {
            let (lower, upper) = limits(of);
            let also = (!of.aliases.is_empty()).then(|| view! { <span class="sub">{of.aliases.join(", ")}</span> });
            view! {
                <tr>
                    <td class="a-id"><b>{of.name.clone()}</b>{also}</td>
                    <td class="num" data-label="lower">{lower}</td>
                    <td class="num" data-label="upper">{upper}</td>
                    <td data-label="unit">{of.unit.clone().unwrap_or_else(|| "–".to_owned())}</td>
                    <td data-label="method">{of.method.clone().unwrap_or_else(|| "–".to_owned())}</td>
                    <td data-label="must be shown">{if of.required { "yes" } else { "no" }}</td>
                </tr>
            }
        })
        .collect_view();
    let others = versions
        .iter()
        .map(|version| {
            let note = version.note.clone().map(|note| format!(" · {note}")).unwrap_or_default();
            view! { <li>{format!("Version {} from ", version.specification.version)}{date(version.valid_from)}{format!(", saved by {}{note} ", version.created_by)}{instant_with_zone(version.created_at, &around.reading)}</li> }
        })
        .collect_view();
    view! {
        <section class="sheet table-region" aria-labelledby="specification-title">
            <div class="section-head"><h2 id="specification-title">"Specification "<span>{format!("version {} in force", current.specification.version)}</span></h2></div>
            <table class="data-table blocks labelled" role="table">
                <caption class="visually-hidden">"Characteristics and limits"</caption>
                <thead><tr><th scope="col">"Characteristic"</th><th scope="col" class="num">"Lower"</th><th scope="col" class="num">"Upper"</th><th scope="col">"Unit"</th><th scope="col">"Method"</th><th scope="col">"Must be shown"</th></tr></thead>
                <tbody>{rows}</tbody>
            </table>
            <div class="pad"><h3>"Versions"</h3><ul class="plain-list small">{others}</ul></div>
        </section>
    }
    .into_any()
}

/// The newest version as the form's first content.
fn as_fields(version: Option<&SpecificationRow>) -> Fields {
    let mut fields = Fields::new();
    for (row, of) in version.iter().flat_map(|it| &it.specification.characteristics).enumerate() {
        let limit = |limit: Option<domain::Decimal>| limit.map(|limit| limit.to_string()).unwrap_or_default();
        let mut set = |field: &str, text: String| drop(fields.insert(format!("v{row}-{field}"), text));
        set("name", of.name.clone());
        set("unit", of.unit.clone().unwrap_or_default());
        set("lower", limit(of.lower));
        set("upper", limit(of.upper));
        set("method", of.method.clone().unwrap_or_default());
        set("aliases", of.aliases.join(", "));
        set("required", if of.required { "on" } else { "" }.to_owned());
    }
    fields
}

fn edit(
    item: &ItemName,
    newest: Option<&SpecificationRow>,
    kept: Option<&Kept<Typed>>,
    today: chrono::NaiveDate,
) -> AnyView {
    let typed = kept.map_or_else(|| as_fields(newest), |kept| kept.typed.fields.clone());
    let about = |field: &str| -> Vec<String> {
        kept.map(|kept| kept.about(field).map(str::to_owned).collect()).unwrap_or_default()
    };
    let rows = (0..fields::rows(&typed) + 3)
        .map(|row| {
            let cells = COLUMNS
                .map(|(field, label)| {
                    let name = format!("v{row}-{field}");
                    let problems = about(&name);
                    let invalid = (!problems.is_empty()).then_some("true");
                    let notes = problems.into_iter().map(|words| field_note(Tone::Crit, words, None)).collect_view();
                    let class = if matches!(field, "lower" | "upper") { "input num" } else { "input" };
                    let (said, value) = (format!("{label}, row {}", row + 1), fields::text(&typed, &name).to_owned());
                    view! { <td data-label=label.to_lowercase()><input class=class id=name.clone() name=format!("f[{name}]") value=value aria-label=said aria-invalid=invalid autocomplete="off"/>{notes}</td> }
                })
                .collect_view();
            let must = format!("v{row}-required");
            let ticked = fields::text(&typed, &must) == "on";
            view! { <tr>{cells}<td data-label="must be shown"><input type="checkbox" name=format!("f[{must}]") value="on" checked=ticked aria-label=format!("Must be shown, row {}", row + 1)/></td></tr> }
        })
        .collect_view();
    let heads = COLUMNS.map(|(_, label)| view! { <th scope="col">{label}</th> }).collect_view();
    let read = newest.map_or(0, |row| row.specification.version);
    let from = Some(fields::text(&typed, "valid_from").to_owned())
        .filter(|text| !text.is_empty())
        .unwrap_or_else(|| day(today));
    let note = fields::text(&typed, "note").to_owned();
    let (from_problems, note_problems) = (about("valid_from"), about("note"));
    view! {
        <details class="sheet" open=kept.is_some()>
            <summary class="section-head"><h2>{format!("Save version {}", read + 1)}</h2></summary>
            <form method="post" action=SaveSpecification::url() novalidate>
                <input type="hidden" name="item" value=item.number.clone()/>
                <input type="hidden" name="read" value=read.to_string()/>
                <input type="hidden" name="submission" value=Uuid::now_v7().to_string()/>
                <table class="data-table blocks labelled value-rows" role="table">
                    <caption class="visually-hidden">"Characteristics of the next version"</caption>
                    <thead><tr>{heads}<th scope="col">"Must be shown"</th></tr></thead>
                    <tbody>{rows}</tbody>
                </table>
                <div class="pad fields">
                    <Field id="valid_from" label="Counts from" problems=from_problems><input class="input" id="valid_from" name="f[valid_from]" value=from autocomplete="off"/></Field>
                    <Field id="note" label="Why, and where the limits are from" problems=note_problems><input class="input" id="note" name="f[note]" value=note maxlength="500" autocomplete="off"/></Field>
                    <p class="small muted">"Certificates already handed in keep the version that they were compared with."</p>
                    <button class="button primary" type="submit">"Save"</button>
                </div>
            </form>
        </details>
    }
    .into_any()
}

/// The typed rows as characteristics; for each the row it stands in.
fn characteristics(typed: &Fields) -> Result<(Vec<Characteristic>, Vec<usize>), Vec<FieldProblem>> {
    let (mut list, mut row_of, mut problems) = (Vec::new(), Vec::new(), Vec::new());
    for row in 0..fields::rows(typed) {
        let cell = |field: &str| fields::text(typed, &format!("v{row}-{field}"));
        let filled = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        if COLUMNS.iter().all(|(field, _)| cell(field).is_empty()) {
            continue;
        }
        let mut limit = |field: &str| {
            let text = cell(field);
            if text.is_empty() {
                return None;
            }
            match value_of(text) {
                Ok((limit, None)) => Some(limit),
                Ok((_, Some(_))) => {
                    problems.push(FieldProblem::new(format!("v{row}-{field}"), "Write the unit into its own field."));
                    None
                }
                Err(problem) => {
                    problems.push(FieldProblem::new(format!("v{row}-{field}"), problem.to_string()));
                    None
                }
            }
        };
        list.push(Characteristic {
            lower: limit("lower"),
            upper: limit("upper"),
            name: cell("name").to_owned(),
            aliases: cell("aliases")
                .split([',', ';'])
                .map(str::trim)
                .filter(|it| !it.is_empty())
                .map(str::to_owned)
                .collect(),
            method: filled(cell("method")),
            unit: filled(cell("unit")),
            required: cell("required") == "on",
        });
        row_of.push(row);
    }
    if problems.is_empty() { Ok((list, row_of)) } else { Err(problems) }
}

/// Saves the next version of an item's specification.
#[server(input = PostUrl, prefix = "/do", endpoint = "save-specification")]
pub async fn save_specification(
    item: String,
    read: i32,
    submission: Uuid,
    #[server(default)] f: Fields,
) -> Result<(), AppError> {
    let form = form_of(&item);
    let typed = Typed { fields: f };
    let outcome = async {
        let mut tx = request::begin().await?;
        let (characteristics, row_of) =
            characteristics(&typed.fields).map_err(|problems| AppError::Fields { problems })?;
        let valid_from =
            parse_day(fields::text(&typed.fields, "valid_from"), tx.now().date_naive()).map_err(|problem| {
                AppError::Fields { problems: vec![FieldProblem::new("valid_from", problem.to_string())] }
            })?;
        let note = Some(fields::text(&typed.fields, "note").to_owned()).filter(|note| !note.is_empty());
        let new = NewSpecification { item: item.clone(), read, valid_from, characteristics, note, submission };
        let version = match specifications::save(&mut tx, &new).await {
            Ok(version) => version,
            Err(CommandError::Stopped { findings }) => {
                let stops = findings.into_iter().filter(|finding| finding.weight == Weight::Stops);
                let input = |at: &str| {
                    let mut parts = at.split('.').skip(1);
                    let row = parts.next().and_then(|index| row_of.get(index.parse::<usize>().ok()?));
                    row.zip(parts.next()).map_or_else(|| at.to_owned(), |(row, field)| format!("v{row}-{field}"))
                };
                let problems = stops.map(|finding| FieldProblem::new(input(&finding.at), finding.message)).collect();
                return Err(AppError::Fields { problems });
            }
            Err(error) => return Err(error.into()),
        };
        tx.commit().await?;
        Ok(Done::at(format!("/specifications/{}", encoded(&item))).saying(format!("Version {version} saved.")))
    };
    let outcome = outcome.await;
    form.answer(&typed, outcome).await
}

/// Adds a requirement.
#[server(input = PostUrl, prefix = "/do", endpoint = "add-requirement")]
pub async fn add_requirement(item: String, #[server(default)] f: Fields) -> Result<(), AppError> {
    let form = rule_form_of(&item);
    let typed = Typed { fields: f };
    let outcome = async {
        let text = |name: &str| Some(fields::text(&typed.fields, name).to_owned()).filter(|text| !text.is_empty());
        let unknown =
            |field: &str| AppError::Fields { problems: vec![FieldProblem::new(field, "Choose from the list.")] };
        let kind = fields::text(&typed.fields, "kind").parse::<CertificateKind>().map_err(|_| unknown("kind"))?;
        let per = fields::text(&typed.fields, "per").parse::<CertificatePer>().map_err(|_| unknown("per"))?;
        let mut tx = request::begin().await?;
        let new = NewRequirement { item: item.clone(), supplier: text("supplier"), plant: text("plant"), kind, per };
        specifications::add_requirement(&mut tx, &new).await?;
        tx.commit().await?;
        Ok(Done::at(format!("/specifications/{}", encoded(&item))).saying("Added. It counts from now on."))
    };
    let outcome = outcome.await;
    form.answer(&typed, outcome).await
}

/// Ends a requirement.
#[server(input = PostUrl, prefix = "/do", endpoint = "end-requirement")]
pub async fn end_requirement(id: Uuid) -> Result<(), AppError> {
    let mut tx = request::begin().await?;
    let item = match specifications::end_requirement(&mut tx, id, "ended on its page").await {
        Ok(item) => item,
        Err(error) => {
            let error = AppError::from(error);
            request::answer_with(&error);
            return Err(error);
        }
    };
    tx.commit().await?;
    request::keep_notice("Ended. It is not asked for any more.").await?;
    request::see_other(&format!("/specifications/{}", encoded(&item)));
    Ok(())
}
