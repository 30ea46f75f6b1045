//! `/quality/policies/:plant/:reason`: one policy of who ends a hold, what it says now and said before, and its form.

use domain::access::{Action, may};
use domain::hold::HoldReason;
use domain::inspection::LONGEST_REASON;
use leptos::prelude::*;
use leptos::server_fn::ServerFn as _;
use leptos::server_fn::codec::PostUrl;
use leptos_router::hooks::use_params_map;
use serde::{Deserialize, Serialize};
use store::CommandError;
use store::holds::policy::{self, PolicyRow, Setting};
use uuid::Uuid;

use super::fields::Input;
use super::policies::{about_word, about_words, persons_words, policy_href};
use crate::error::AppError;
use crate::exchange::act::refused;
use crate::form::{Done, FieldProblem, Form, Kept};
use crate::loaded;
use crate::page::Around;
use crate::request;
use crate::ui::header::{Breadcrumb, Crumb, PageHeader};
use crate::ui::time::instant_with_zone;

/// The form as it was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Typed {
    persons: String,
    reason: String,
}

fn persons_word(two_persons: Option<bool>) -> &'static str {
    match two_persons {
        Some(true) => "two",
        Some(false) => "one",
        None => "as_any",
    }
}

fn read_persons(word: &str) -> Result<Option<bool>, AppError> {
    match word {
        "two" => Ok(Some(true)),
        "one" => Ok(Some(false)),
        "as_any" => Ok(None),
        _ => Err(AppError::Fields { problems: vec![FieldProblem::new("persons", "Choose one person or two.")] }),
    }
}

/// The reason in an address; inside none for any.
fn read_about(word: &str) -> Result<Option<HoldReason>, AppError> {
    match word {
        "any" => Ok(None),
        word => word.parse().map(Some).map_err(|_| CommandError::NotFound { what: "policy" }.into()),
    }
}

fn form(plant: &str, about: Option<HoldReason>) -> Form {
    Form::new("hold-policy", format!("{plant}.{}", about_word(about)), policy_href(plant, about))
}

struct View {
    around: Around,
    versions: Vec<PolicyRow>,
    kept: Option<Kept<Typed>>,
    submission: Uuid,
}

pub(super) fn page() -> impl IntoView {
    let params = use_params_map().read_untracked();
    let (plant, about) = (params.get("plant").unwrap_or_default(), params.get("reason").unwrap_or_default());
    drop(params);
    loaded(load(plant, about), show)
}

async fn load(plant: String, about: String) -> Result<View, AppError> {
    let mut tx = request::reader().await?;
    may(tx.actor(), Action::SeeQuality)?;
    let about = read_about(&about)?;
    let kept = form(&plant, about).kept::<Typed>().await?;
    let versions = policy::versions(&mut tx, &plant, about).await?;
    Ok(View { submission: tx.new_id(), around: Around::load(&mut tx).await?, versions, kept })
}

fn show(view: View) -> AnyView {
    let View { around, versions, kept, submission } = view;
    let Some(newest) = versions.first() else { return ().into_any() };
    let kept = kept.as_ref();
    let manages = around.viewer.may(Action::ManageQualityRules);
    let title = format!("Who ends a hold in {}", newest.plant.0);
    let because = match newest.about {
        None => "for any reason without a policy of its own".to_owned(),
        Some(reason) => format!("placed because of: {}", reason.words()),
    };
    let facts = vec![because.into_any(), newest.plant.1.clone().into_any()];
    let set = newest.set.as_ref().map(|(by, at)| {
        view! {
            <dt>"Why"</dt><dd dir="auto" class="breaks">{newest.reason.clone()}</dd>
            <dt>"By"</dt><dd>{by.clone()}</dd>
            <dt>"Since"</dt><dd>{instant_with_zone(*at, &around.reading)}</dd>
        }
    });
    let change = manages.then(|| policy_form(newest, kept, submission));
    let history = (newest.version > 0).then(|| history(&versions, manages, &around, submission));
    let page = view! {
        <Breadcrumb crumbs=vec![
            Crumb::link("Holds", "/holds"),
            Crumb::link("Who ends a hold", "/quality/policies"),
            Crumb::here(format!("{}, {}", newest.plant.0, about_words(newest.about))),
        ]/>
        <PageHeader title=title.clone().into_any() facts=facts/>
        {refused("Nothing was saved", kept)}
        <div class="stack">
            <section class="sheet" aria-labelledby="now-title">
                <div class="section-head"><h2 id="now-title">"What counts now"</h2></div>
                <dl class="fact-list"><dt>"Takes"</dt><dd>{persons_words(newest.two_persons)}</dd>{set}</dl>
            </section>
            {change}
            {history}
        </div>
    };
    around.frame(title, page)
}

fn policy_form(newest: &PolicyRow, kept: Option<&Kept<Typed>>, submission: Uuid) -> AnyView {
    let typed = kept.map(|kept| kept.typed.clone()).unwrap_or_default();
    let chosen =
        if typed.persons.is_empty() { persons_word(newest.two_persons).to_owned() } else { typed.persons.clone() };
    let mut choices = vec![("two", "Two people"), ("one", "One person")];
    if newest.about.is_some() {
        choices.push(("as_any", "As for any reason in this plant"));
    }
    let choices = choices.into_iter().map(|(word, words)| (word.to_owned(), words.to_owned()));
    let persons = Input::new("persons", "It takes").value(chosen).refused(kept, "persons").select(choices);
    let hint = "Stays with this version and in the audit log.";
    let reason = Input::new("reason", "Why").hint(hint).value(typed.reason).refused(kept, "reason");
    view! {
        <form method="post" action=SetPolicy::url() novalidate class="stack">
            <input type="hidden" name="submission" value=submission.to_string()/>
            <input type="hidden" name="plant" value=newest.plant.0.clone()/>
            <input type="hidden" name="about" value=about_word(newest.about)/>
            <input type="hidden" name="read" value=newest.version.to_string()/>
            <div class="sheet form-sheet fields pad">{persons}{reason.area(LONGEST_REASON)}</div>
            <div class="submit-bar">
                <button class="button primary" type="submit">"Save the policy"</button>
                <a class="button" href="/quality/policies">"Cancel"</a>
                <span class="muted">"Holds in force keep what counted when they were placed."</span>
            </div>
        </form>
    }
    .into_any()
}

fn history(versions: &[PolicyRow], manages: bool, around: &Around, submission: Uuid) -> AnyView {
    let newest = versions.first().map_or(0, |row| row.version);
    let now = versions.first().and_then(|row| row.two_persons);
    let rows = versions
        .iter()
        .map(|row| {
            let (by, at) = match &row.set {
                Some((by, at)) => (format!("{by}, "), instant_with_zone(*at, &around.reading)),
                None => (String::new(), ().into_any()),
            };
            let put_back = (manages && row.version != newest && row.two_persons != now).then(|| {
                view! {
                    <form method="post" action=SetPolicy::url()>
                        <input type="hidden" name="submission" value=submission.to_string()/>
                        <input type="hidden" name="plant" value=row.plant.0.clone()/>
                        <input type="hidden" name="about" value=about_word(row.about)/>
                        <input type="hidden" name="read" value=newest.to_string()/>
                        <input type="hidden" name="persons" value=persons_word(row.two_persons)/>
                        <input type="hidden" name="reason" value=format!("Version {} put back", row.version)/>
                        <button class="button low" type="submit" aria-label=format!("Put version {} back", row.version)>"Put back"</button>
                    </form>
                }
            });
            view! {
                <li>
                    <span><b>{format!("Version {}", row.version)}</b>": "{persons_words(row.two_persons)}</span>
                    <span class="muted breaks" dir="auto">{row.reason.clone()}</span>
                    <span class="muted">{by}{at}</span>
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

/// Sets a policy for the holds to come, or ends that of one reason.
#[server(input = PostUrl, prefix = "/do", endpoint = "set-hold-policy")]
pub async fn set_policy(
    submission: Uuid,
    plant: String,
    about: String,
    #[server(default)] read: i32,
    #[server(default)] persons: String,
    #[server(default)] reason: String,
) -> Result<(), AppError> {
    let typed = Typed { persons, reason };
    let known = read_about(&about);
    let page = form(&plant, known.clone().unwrap_or_default());
    let outcome = async {
        let mut tx = request::begin().await?;
        may(tx.actor(), Action::ManageQualityRules)?;
        let setting = Setting {
            plant: plant.clone(),
            about: known?,
            two_persons: read_persons(&typed.persons)?,
            reason: typed.reason.clone(),
            read,
            submission,
        };
        policy::set(&mut tx, &setting).await?;
        tx.commit().await?;
        let said = "Saved. It counts for holds placed from now on; an earlier version can be put back below.";
        Ok(Done::at(policy_href(&plant, setting.about)).saying(said))
    };
    page.answer(&typed, outcome.await).await
}
