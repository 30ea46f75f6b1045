//! `/connections/new` and `/connections/:id/edit`: the settings of a system, one field for each that its kind takes.
//!
//! Secrets are named, never typed: `env:NAME` or `file:PATH`. Whether the settings work is not for a page to know; after
//! saving, the connection is tested by the worker and its page shows the result.

use std::collections::BTreeMap;

use domain::access::Action;
use domain::exchange::Stage;
use domain::id::{ConnectionId, PlantId};
use leptos::prelude::*;
use leptos::server_fn::ServerFn as _;
use leptos::server_fn::codec::PostUrl;
use leptos_router::hooks::use_params_map;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use store::connections::{self, Configured, Connection, Takes};
use store::control_tower::{self, Choice};

use super::act::refused;
use super::connection::id_of;
use super::offer::{self, Offer, OfferedSetting};
use super::words;
use crate::address::{Address, encoded};
use crate::error::AppError;
use crate::form::{Done, FieldProblem, Form, Kept};
use crate::loaded;
use crate::page::Around;
use crate::request;
use crate::ui::field::{Field, options};
use crate::ui::header::{Breadcrumb, Crumb, PageHeader};

/// The form as it was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Typed {
    kind: String,
    name: String,
    plant: String,
    takes: String,
    stage: String,
    limit: String,
    #[serde(default)]
    settings: BTreeMap<String, String>,
    /// All settings as JSON, for a kind whose settings are not known.
    #[serde(default)]
    raw: String,
}

impl Typed {
    fn of(connection: &Connection) -> Self {
        let configured = &connection.configured;
        let entries = configured.settings.as_object().cloned().unwrap_or_default();
        Self {
            kind: connection.kind.clone(),
            name: configured.name.clone(),
            plant: configured.plant_id.map(|id| id.to_string()).unwrap_or_default(),
            takes: configured.takes.as_str().to_owned(),
            stage: configured.stage.as_str().to_owned(),
            limit: configured.in_flight_limit.to_string(),
            settings: entries.into_iter().map(|(key, value)| (key, text_of(&value))).collect(),
            raw: serde_json::to_string_pretty(&configured.settings).unwrap_or_default(),
        }
    }

    fn empty(kind: String) -> Self {
        Self {
            kind,
            takes: "own".to_owned(),
            stage: "test".to_owned(),
            limit: "8".to_owned(),
            raw: "{\n}".to_owned(),
            ..Self::default()
        }
    }

    /// What was typed as the store takes it. `before` keeps the type of values that nobody touched.
    fn configured(&self, before: Option<&Value>) -> Result<Configured, AppError> {
        let mut problems = Vec::new();
        let settings = if self.raw.trim().is_empty() {
            let fields =
                self.settings.iter().map(|(key, text)| (key, text.trim())).filter(|(_, text)| !text.is_empty());
            let kept = |key: &str, text: &str| {
                before.and_then(|before| before.get(key)).filter(|value| text_of(value) == text).cloned()
            };
            let fields = fields.map(|(key, text)| (key.clone(), kept(key, text).unwrap_or_else(|| Value::from(text))));
            Value::Object(fields.collect::<Map<_, _>>())
        } else {
            match serde_json::from_str::<Value>(&self.raw) {
                Ok(value @ Value::Object(_)) => value,
                Ok(_) => {
                    problems
                        .push(FieldProblem::new("raw", "Write the settings as one JSON object: {\"key\": \"value\"}."));
                    Value::Null
                }
                Err(error) => {
                    problems.push(FieldProblem::new("raw", format!("The settings are not JSON: {error}.")));
                    Value::Null
                }
            }
        };
        let known = offer::offer(&self.kind);
        for setting in known.iter().flat_map(|offer| &offer.settings) {
            let text = settings.get(&setting.key).map(text_of).unwrap_or_default();
            let field = format!("setting-{}", setting.key);
            if setting.required && text.is_empty() {
                problems.push(FieldProblem::new(field, format!("{}: is missing. {}", setting.label, setting.help)));
            } else if setting.secret && !text.is_empty() && !text.starts_with("env:") && !text.starts_with("file:") {
                let words = format!("{}: name the secret, do not enter it: env:NAME or file:PATH.", setting.label);
                problems.push(FieldProblem::new(field, words));
            }
        }
        let plant_id = match self.plant.trim() {
            "" => None,
            text => text.parse::<PlantId>().map(Some).unwrap_or_else(|_| {
                problems.push(FieldProblem::new("plant", "Choose a plant from the list."));
                None
            }),
        };
        let limit = self.limit.trim().parse().ok().filter(|limit| (1..=64).contains(limit)).unwrap_or_else(|| {
            problems.push(FieldProblem::new("limit", "Choose 1 to 64 deliveries under way at once."));
            1
        });
        if self.name.trim().is_empty() {
            problems.push(FieldProblem::new("name", "Give the connection a name."));
        }
        if !problems.is_empty() {
            return Err(AppError::Fields { problems });
        }
        Ok(Configured {
            name: self.name.trim().to_owned(),
            plant_id,
            takes: self.takes.parse().unwrap_or(Takes::Own),
            stage: self.stage.parse().unwrap_or(Stage::Test),
            settings,
            in_flight_limit: limit,
        })
    }

    /// What may be kept as a draft: a secret that was typed in spite of all is not.
    fn without_secrets(mut self) -> Self {
        let known = offer::offer(&self.kind);
        for setting in known.iter().flat_map(|offer| &offer.settings).filter(|setting| setting.secret) {
            let typed = self
                .settings
                .get(&setting.key)
                .is_some_and(|text| !text.starts_with("env:") && !text.starts_with("file:"));
            if typed {
                let _typed = self.settings.remove(&setting.key);
            }
        }
        self
    }
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

struct Filled {
    around: Around,
    plants: Vec<Choice>,
    typed: Typed,
    problems: Option<Kept<Typed>>,
    /// Id, name and version of the one that is edited.
    edited: Option<(ConnectionId, String, i32)>,
}

pub(super) fn new_page() -> impl IntoView {
    loaded(load_new(), |filled| match filled {
        Ok(filled) => show(filled),
        Err(around) => choose(*around),
    })
}

pub(super) fn edit_page() -> impl IntoView {
    let id = use_params_map().read_untracked().get("id").unwrap_or_default();
    loaded(load_edited(id), show)
}

/// The form of a kind, or, where none is chosen yet, what the page of the choice needs.
async fn load_new() -> Result<Result<Filled, Box<Around>>, AppError> {
    let kind = Address::of_request().get("kind").unwrap_or_default().to_owned();
    let mut tx = request::reader().await?;
    let around = Around::load(&mut tx).await?;
    domain::access::may(&around.viewer.actor(), Action::ManageExchange)?;
    if kind.is_empty() {
        return Ok(Err(Box::new(around)));
    }
    let plants = control_tower::plants(&mut tx).await?;
    let kept = new_form(&kind).kept::<Typed>().await?;
    let typed = kept.as_ref().map_or_else(|| Typed::empty(kind), |kept| kept.typed.clone());
    Ok(Ok(Filled { around, plants, typed, problems: kept, edited: None }))
}

async fn load_edited(id: String) -> Result<Filled, AppError> {
    let id: ConnectionId = id_of(&id, "The connection")?;
    let mut tx = request::reader().await?;
    let around = Around::load(&mut tx).await?;
    domain::access::may(&around.viewer.actor(), Action::ManageExchange)?;
    let connection = connections::get(&mut tx, id).await?;
    let plants = control_tower::plants(&mut tx).await?;
    let kept = edit_form(id).kept::<Typed>().await?;
    let typed = kept.as_ref().map_or_else(|| Typed::of(&connection), |kept| kept.typed.clone());
    let edited = Some((id, connection.configured.name, connection.settings_version));
    Ok(Filled { around, plants, typed, problems: kept, edited })
}

/// First of all: which kind of system.
fn choose(around: Around) -> AnyView {
    let kinds = offer::offers();
    let rows = kinds
        .iter()
        .map(|offer| {
            let carries = offer.carries.iter().map(|kind| words::event(*kind)).collect::<Vec<_>>().join(", ");
            view! {
                <li>
                    <a class="strong" href=format!("/connections/new?kind={}", encoded(&offer.kind))>{offer.title.clone()}</a>
                    <span class="muted small">{format!("reads {} · is told: {}", or_nothing(&offer.feeds.join(", ")), or_nothing(&carries))}</span>
                </li>
            }
        })
        .collect_view();
    let by_name = kinds.is_empty().then(|| {
        view! {
            <form class="fields pad" method="get" action="/connections/new">
                <div class="field"><label for="kind">"Kind"</label><input class="input" id="kind" name="kind" required/>
                <span class="hint">"The word of the connector, as the documentation of connectors lists it, e.g. tryton."</span></div>
                <button class="button primary" type="submit">"Go on"</button>
            </form>
        }
    });
    let page = view! {
        <Breadcrumb crumbs=vec![Crumb::link("Connections", "/connections"), Crumb::here("Add")]/>
        <PageHeader title="Which kind of system?".into_any()/>
        <section class="sheet form-sheet" aria-label="Kinds"><ul class="row-list">{rows}</ul>{by_name}</section>
    };
    around.frame("Add a connection", page)
}

fn or_nothing(words: &str) -> String {
    if words.is_empty() { "nothing".to_owned() } else { words.to_owned() }
}

fn show(filled: Filled) -> AnyView {
    let Filled { around, plants, typed, problems, edited } = filled;
    let known = offer::offer(&typed.kind);
    let about = |field: &str| {
        problems.as_ref().map(|kept| kept.about(field).map(str::to_owned).collect::<Vec<_>>()).unwrap_or_default()
    };
    let plants: Vec<(String, String)> = std::iter::once((String::new(), "All plants".to_owned()))
        .chain(plants.into_iter().map(|plant| (plant.id.to_string(), format!("{} {}", plant.number, plant.name))))
        .collect();
    let takes = [("own", "Its own orders: an ERP"), ("all", "Everything it carries: a broker")];
    let takes = takes.map(|(value, words)| (value.to_owned(), words.to_owned()));
    let stages = Stage::ALL.iter().map(|stage| (stage.as_str().to_owned(), words::stage(*stage).to_owned()));
    let title = edited
        .as_ref()
        .map_or_else(|| format!("Add {}", offer::title(&typed.kind)), |(_, name, _)| format!("Edit {name}"));
    let action = if edited.is_some() { SaveConnection::url() } else { AddConnection::url() };
    let back = edited.as_ref().map_or_else(|| "/connections".to_owned(), |(id, _, _)| format!("/connections/{id}"));
    let hidden = match &edited {
        Some((id, _, version)) => view! {
            <input type="hidden" name="id" value=id.to_string()/>
            <input type="hidden" name="version" value=version.to_string()/>
        }
        .into_any(),
        None => ().into_any(),
    };
    let crumb = edited.as_ref().map(|(id, name, _)| Crumb::link(name.clone(), format!("/connections/{id}")));
    let crumbs = std::iter::once(Crumb::link("Connections", "/connections")).chain(crumb);
    let crumbs = crumbs.chain([Crumb::here(if edited.is_some() { "Edit" } else { "Add" })]).collect();
    let (plants, stages, takes) =
        (options(plants, &typed.plant), options(stages, &typed.stage), options(takes, &typed.takes));
    let (name_typed, limit) = (typed.name.clone(), typed.limit.clone());
    let page = view! {
        <Breadcrumb crumbs=crumbs/>
        <PageHeader title=title.clone().into_any()/>
        {refused("Nothing was saved", problems.as_ref())}
        <form class="sheet form-sheet fields pad" method="post" action=action novalidate>
            {hidden}
            <input type="hidden" name="typed[kind]" value=typed.kind.clone()/>
            <Field id="name" label="Name" hint="As people call the system; on every page." problems=about("name")>
                <input class="input" id="name" name="typed[name]" value=name_typed required maxlength="80"/>
            </Field>
            <Field id="plant" label="Plant" problems=about("plant")>
                <select class="input" id="plant" name="typed[plant]">{plants}</select>
            </Field>
            <Field id="stage" label="Stage" hint="How serious it is; shown wherever the connection is.">
                <select class="input" id="stage" name="typed[stage]">{stages}</select>
            </Field>
            <Field id="takes" label="Is told of">
                <select class="input" id="takes" name="typed[takes]">{takes}</select>
            </Field>
            <Field id="limit" label="Deliveries at once" hint="1 to 64. One order's always go one after the other." problems=about("limit")>
                <input class="input" id="limit" name="typed[limit]" value=limit inputmode="numeric"/>
            </Field>
            {settings_fields(known.as_ref(), &typed, &about)}
            <div class="action-bar">
                <button class="button primary" type="submit">"Save and test"</button>
                <a class="button" href=back>"Cancel"</a>
            </div>
        </form>
    };
    around.frame(title, page)
}

fn settings_fields(known: Option<&Offer>, typed: &Typed, about: &dyn Fn(&str) -> Vec<String>) -> AnyView {
    let Some(offer) = known else {
        let raw = typed.raw.clone();
        return view! {
            <Field id="raw" label="Settings" hint="One JSON object. Secrets by reference only: env:NAME or file:PATH." problems=about("raw")>
                <textarea class="input text" id="raw" name="typed[raw]" rows="10" spellcheck="false">{raw}</textarea>
            </Field>
        }
        .into_any();
    };
    offer.settings.iter().map(|setting| setting_field(setting, typed, about)).collect_view().into_any()
}

fn setting_field(setting: &OfferedSetting, typed: &Typed, about: &dyn Fn(&str) -> Vec<String>) -> AnyView {
    let id = format!("setting-{}", setting.key);
    let problems = about(&id);
    let value = typed.settings.get(&setting.key).cloned().unwrap_or_default();
    let label = if setting.required { setting.label.clone() } else { format!("{} (optional)", setting.label) };
    let name = format!("typed[settings][{}]", setting.key);
    let wrong = (!problems.is_empty()).then_some("true");
    let hint = setting.help.clone();
    view! {
        <Field id=id.clone() label=label hint=hint problems=problems>
            <input class="input id" id=id name=name value=value autocomplete="off" spellcheck="false" aria-invalid=wrong/>
        </Field>
    }
    .into_any()
}

/// Adds a connection and asks for its test.
#[server(input = PostUrl, prefix = "/do", endpoint = "add-connection")]
pub async fn add_connection(typed: Typed) -> Result<(), AppError> {
    let form = new_form(&typed.kind);
    let outcome = async {
        let configured = typed.configured(None)?;
        let feeds = offer::offer(&typed.kind).map(|offer| offer.feeds).unwrap_or_default();
        let feeds: Vec<&str> = feeds.iter().map(String::as_str).collect();
        let mut tx = request::begin().await?;
        let id = connections::add(&mut tx, &typed.kind, &configured, &feeds).await?;
        let test = store::deliveries::probe(&mut tx, id).await?;
        tx.commit().await?;
        Ok(Done::at(format!("/connections/{id}?test={test}#test")).saying(format!("{} was added.", configured.name)))
    };
    form.answer(&typed.clone().without_secrets(), outcome.await).await
}

/// Saves another configuration and asks for a test.
#[server(input = PostUrl, prefix = "/do", endpoint = "save-connection")]
pub async fn save_connection(id: String, version: i32, typed: Typed) -> Result<(), AppError> {
    let id: ConnectionId = id_of(&id, "The connection")?;
    let outcome = async {
        let mut tx = request::begin().await?;
        let before = connections::get(&mut tx, id).await?;
        let configured = typed.configured(Some(&before.configured.settings))?;
        let _version = connections::save(&mut tx, id, version, &configured).await?;
        let test = store::deliveries::probe(&mut tx, id).await?;
        tx.commit().await?;
        Ok(Done::at(format!("/connections/{id}?test={test}#test")).saying(format!("{} was saved.", configured.name)))
    };
    edit_form(id).answer(&typed.clone().without_secrets(), outcome.await).await
}

fn new_form(kind: &str) -> Form {
    let kind: String = kind.chars().take(40).collect();
    Form::new("connection.add", kind.clone(), format!("/connections/new?kind={}", encoded(&kind)))
}

fn edit_form(id: ConnectionId) -> Form {
    Form::new("connection.edit", id, format!("/connections/{id}/edit"))
}
