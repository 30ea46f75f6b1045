//! `/keys`: with which keys machines call us. A supplier's administrator sees and makes those of his own company, an
//! integration admin all. A new key is shown once.

use chrono::TimeDelta;
use domain::access::{Action, Right, may};
use domain::id::ApiKeyId;
use leptos::prelude::*;
use leptos::server_fn::ServerFn as _;
use leptos::server_fn::codec::PostUrl;
use serde::{Deserialize, Serialize};
use store::api_keys::{self, KeyView, NewKey, Owner};
use store::control_tower::{self, Choice};
use store::{Tx, people};

use crate::error::AppError;
use crate::exchange::act::refused;
use crate::form::{Done, FieldProblem, Form, Kept};
use crate::loaded;
use crate::page::Around;
use crate::request;
use crate::ui::copy::copy_button;
use crate::ui::empty::EmptyState;
use crate::ui::field::{Field, options};
use crate::ui::header::PageHeader;
use crate::ui::number::counted;
use crate::ui::tag::tag;
use crate::ui::time::{Reading, clock, instant_with_zone};
use crate::ui::tone::Tone;

/// Where a new key waits for the page that shows it, once.
const KEY: &str = "api_key.made";
/// For how long keys can be made, in days; the first is proposed.
const LASTS: [&str; 4] = ["365", "180", "90", "30"];
/// How long the old key can be taken beside the new one, in days.
const OVERLAPS: [&str; 4] = ["7", "1", "30", "0"];

/// The form as it was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Typed {
    #[serde(default)]
    name: String,
    /// `supplier:100234`, `plant:DE10` or `house`.
    #[serde(default)]
    owner: String,
    /// Words of the rights.
    #[serde(default)]
    rights: Vec<String>,
    /// Days.
    #[serde(default)]
    lasts: String,
}

impl Typed {
    async fn read(&self, tx: &mut Tx) -> Result<NewKey, AppError> {
        let mut problems = Vec::new();
        if self.name.trim().is_empty() {
            problems.push(FieldProblem::new("name", "Say which machine it is for, e.g. the name of your ERP."));
        }
        let rights: Result<Vec<Right>, _> = self.rights.iter().map(|word| word.parse()).collect();
        let rights = rights.unwrap_or_default();
        if rights.is_empty() {
            problems.push(FieldProblem::new("rights", "Choose at least one right."));
        }
        let lasts = match self.lasts.parse::<i64>() {
            Ok(days @ 1..=731) => TimeDelta::days(days),
            _ => {
                problems.push(FieldProblem::new("lasts", "Choose how long it lasts from the list."));
                TimeDelta::zero()
            }
        };
        if !problems.is_empty() {
            return Err(AppError::Fields { problems });
        }
        let one = |text: &str| vec![text.to_owned()];
        let owner = match self.owner.split_once(':') {
            None if self.owner == "house" => Some(Owner::House),
            Some(("supplier", number)) => {
                people::find_memberships(tx, &one(number), &[]).await?.0.first().copied().map(Owner::Supplier)
            }
            Some(("plant", code)) => {
                people::find_memberships(tx, &[], &one(code)).await?.1.first().copied().map(Owner::Plant)
            }
            _ => None,
        };
        let wrong = || vec![FieldProblem::new("owner", "Choose whose machine it is from the list.")];
        let owner = owner.ok_or_else(|| AppError::Fields { problems: wrong() })?;
        Ok(NewKey { name: self.name.clone(), rights, owner, lasts })
    }
}

struct Keys {
    around: Around,
    keys: Vec<KeyView>,
    suppliers: Vec<Choice>,
    plants: Vec<Choice>,
    made: Option<(String, Option<String>)>,
    kept: Option<Kept<Typed>>,
}

pub(super) fn page() -> impl IntoView {
    loaded(load(), show)
}

async fn load() -> Result<Keys, AppError> {
    let mut tx = request::reader().await?;
    let keys = api_keys::list(&mut tx).await?;
    let suppliers = control_tower::suppliers(&mut tx).await?;
    let all = may(tx.actor(), Action::ManageKeys).is_ok();
    let plants = if all { control_tower::plants(&mut tx).await? } else { Vec::new() };
    let made = request::session()?.remove(KEY).await.map_err(request::session_failed)?;
    Ok(Keys { around: Around::load(&mut tx).await?, keys, suppliers, plants, made, kept: the_form().kept().await? })
}

fn show(loaded: Keys) -> AnyView {
    let Keys { around, keys, suppliers, plants, made, kept } = loaded;
    let count = i64::try_from(keys.len()).unwrap_or(i64::MAX);
    let facts = vec![
        counted(count, "key", "keys").into_any(),
        view! { "described at "<a href="/api/docs" rel="external">"/api/docs"</a> }.into_any(),
    ];
    let page = view! {
        <PageHeader title="Keys of machines".into_any() facts=facts/>
        {refused("Nothing was changed", kept.as_ref())}
        {made.map(|(key, until)| shown_once(key, until))}
        <div class="stack">
            {table(&keys, &around.reading)}
            {form(&around, suppliers, plants, kept.as_ref())}
        </div>
    };
    around.frame("Keys of machines", page)
}

/// The key, once. Whoever reloads the page does not see it again.
fn shown_once(key: String, until: Option<String>) -> AnyView {
    let old = until.map(|until| format!(" The old key is taken until {until}."));
    view! {
        <section class="sheet pad once" aria-labelledby="key-title" role="status">
            <h2 id="key-title">"New key"</h2>
            <p class="id breaks" data-key>{key.clone()}" "{copy_button(key, "key")}</p>
            <p class="small muted">"It is shown only now; we keep no copy. Put it where your machine keeps its secrets and send it as Authorization: Bearer."{old}</p>
        </section>
    }
    .into_any()
}

fn state(key: &KeyView, reading: &Reading) -> AnyView {
    let (tone, words) = match (key.revoked_at, key.works(reading.now), key.rotated_to) {
        (Some(_), ..) => (Tone::Crit, "revoked"),
        (None, false, _) => (Tone::Neutral, "ended"),
        (None, true, Some(_)) => (Tone::Warn, "being replaced"),
        (None, true, None) => (Tone::Ok, "works"),
    };
    tag(tone, words)
}

fn table(keys: &[KeyView], reading: &Reading) -> AnyView {
    if keys.is_empty() {
        let text = "Make one below for each machine that calls.";
        return view! { <section class="sheet"><EmptyState title="No key yet" text=text/></section> }.into_any();
    }
    let rows = keys
        .iter()
        .map(|key| {
            let rights = key.rights.iter().map(|right| right.as_str()).collect::<Vec<_>>().join(", ");
            let used = key
                .last_used_at
                .map_or_else(|| view! { <span class="muted">"never"</span> }.into_any(), |at| clock(at, reading));
            view! {
                <tr>
                    <td class="a-id">{key.name.clone()}<span class="sub id">{key.prefix.clone()}"…"</span></td>
                    <td class="a-item">{key.belongs.clone()}<span class="sub">{rights}</span></td>
                    <td class="a-status">{state(key, reading)}</td>
                    <td class="nowrap a-due" data-label="ends">{instant_with_zone(key.expires_at, reading)}</td>
                    <td class="nowrap" data-label="last used">{used}</td>
                    <td>{buttons(key, reading)}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <section class="sheet table-region" aria-label="Keys">
            <table class="data-table blocks labelled" role="table">
                <caption class="visually-hidden">"Keys, the newest first"</caption>
                <thead><tr><th scope="col">"Machine"</th><th scope="col">"Reaches"</th><th scope="col">"State"</th><th scope="col">"Ends"</th><th scope="col">"Last used"</th><th scope="col"><span class="visually-hidden">"What can be done"</span></th></tr></thead>
                <tbody>{rows}</tbody>
            </table>
        </section>
    }
    .into_any()
}

fn buttons(key: &KeyView, reading: &Reading) -> Option<AnyView> {
    if !key.works(reading.now) {
        return None;
    }
    let id = key.api_key_id.to_string();
    let overlap = key.rotated_to.is_none().then(|| {
        let (field, select) = (format!("overlap-{id}"), format!("overlap-{id}"));
        let choices = OVERLAPS.iter().map(|days| {
            let words = if *days == "0" { "not at all".to_owned() } else { format!("{days} days") };
            ((*days).to_owned(), words)
        });
        let choices = options(choices, OVERLAPS[0]);
        view! {
            <form method="post" action=RotateKey::url() class="fields">
                <input type="hidden" name="id" value=id.clone()/>
                <Field id=field label="The old key is taken for"><select class="input" id=select name="overlap">{choices}</select></Field>
                <button class="button" type="submit">"Make its successor"</button>
            </form>
        }
    });
    Some(
        view! {
            <details>
                <summary>"Change "<span class="visually-hidden">{key.name.clone()}" "{key.prefix.clone()}</span></summary>
                {overlap}
                <form method="post" action=RevokeKey::url()>
                    <input type="hidden" name="id" value=id/>
                    <button class="button" type="submit">"Revoke now"</button>
                </form>
            </details>
        }
        .into_any(),
    )
}

fn form(around: &Around, suppliers: Vec<Choice>, plants: Vec<Choice>, kept: Option<&Kept<Typed>>) -> AnyView {
    let about =
        |field: &str| kept.map(|kept| kept.about(field).map(str::to_owned).collect::<Vec<_>>()).unwrap_or_default();
    let typed = kept.map(|kept| kept.typed.clone()).unwrap_or_default();
    let all = around.viewer.may(Action::ManageKeys);
    let house = all.then(|| ("house".to_owned(), "The house, all plants".to_owned()));
    let plants =
        plants.into_iter().map(|it| (format!("plant:{}", it.number), format!("Plant {} {}", it.number, it.name)));
    let suppliers =
        suppliers.into_iter().map(|it| (format!("supplier:{}", it.number), format!("{} · {}", it.name, it.number)));
    let owners = options(house.into_iter().chain(plants).chain(suppliers), &typed.owner);
    let rights = Right::ALL
        .iter()
        .filter(|right| all || right.is_suppliers())
        .map(|right| {
            let chosen = typed.rights.iter().any(|word| word == right.as_str());
            view! { <label class="tick"><input type="checkbox" name="typed[rights][]" value=right.as_str() checked=chosen/><span class="id">{right.as_str()}</span></label> }
        })
        .collect_view();
    let wrong_rights =
        about("rights").into_iter().map(|words| crate::ui::field::field_note(Tone::Crit, words, None)).collect_view();
    let lasts = LASTS.iter().map(|days| ((*days).to_owned(), format!("{days} days")));
    let lasts = options(lasts, if typed.lasts.is_empty() { LASTS[0] } else { &typed.lasts });
    let name = typed.name.clone();
    view! {
        <section class="sheet pad" aria-labelledby="new-key">
            <h2 id="new-key">"New key"</h2>
            <form class="fields form-sheet" method="post" action=MakeKey::url() novalidate>
                <Field id="name" label="Machine" hint="Its name stands in histories and in the audit log." problems=about("name")><input class="input" id="name" name="typed[name]" value=name required maxlength="80" autocomplete="off"/></Field>
                <Field id="owner" label="Whose" hint="It reaches what belongs to them, and nothing else." problems=about("owner")><select class="input" id="owner" name="typed[owner]">{owners}</select></Field>
                <fieldset class="ticks" id="rights"><legend>"Rights"</legend>{wrong_rights}{rights}</fieldset>
                <Field id="lasts" label="Lasts" problems=about("lasts")><select class="input" id="lasts" name="typed[lasts]">{lasts}</select></Field>
                <div class="action-bar"><button class="button primary" type="submit">"Make the key"</button></div>
            </form>
        </section>
    }
    .into_any()
}

/// Keeps a key for the next page, which shows it once.
async fn keep(key: String, until: Option<String>) -> Result<(), AppError> {
    request::session()?.insert(KEY, (key, until)).await.map_err(request::session_failed)
}

/// Makes a key.
#[server(input = PostUrl, prefix = "/do", endpoint = "make-key")]
pub async fn make_key(typed: Typed) -> Result<(), AppError> {
    let outcome = async {
        let mut tx = request::begin().await?;
        if may(tx.actor(), Action::ManageKeys).is_err() {
            may(tx.actor(), Action::ManageOwnKeys)?;
        }
        let new = typed.read(&mut tx).await?;
        let made = api_keys::make(&mut tx, &new).await?;
        tx.commit().await?;
        keep(made.key, None).await?;
        Ok(Done::at("/keys").saying("The key was made. It is shown below, only now."))
    };
    the_form().answer(&typed, outcome.await).await
}

/// Makes the successor of a key; the old one is taken for some days longer.
#[server(input = PostUrl, prefix = "/do", endpoint = "rotate-key")]
pub async fn rotate_key(id: String, overlap: String) -> Result<(), AppError> {
    let outcome = async {
        let days = overlap.parse::<i64>().ok().filter(|days| (0..=90).contains(days));
        let days = days.ok_or_else(|| AppError::Invalid { message: "Choose how long from the list.".to_owned() })?;
        let mut tx = request::begin().await?;
        let made = api_keys::rotate(&mut tx, key_id(&id)?, TimeDelta::days(days)).await?;
        let zone = request::viewer().await?.zone;
        let until = made.old_until.map(|at| Reading::new(&zone, tx.now()).with_zone(at));
        tx.commit().await?;
        keep(made.key, until).await?;
        Ok(Done::at("/keys").saying("The successor was made. It is shown below, only now."))
    };
    the_form().answer(&Typed::default(), outcome.await).await
}

/// Takes a key away.
#[server(input = PostUrl, prefix = "/do", endpoint = "revoke-key")]
pub async fn revoke_key(id: String) -> Result<(), AppError> {
    let outcome = async {
        let mut tx = request::begin().await?;
        api_keys::revoke(&mut tx, key_id(&id)?).await?;
        tx.commit().await?;
        Ok(Done::at("/keys").saying("The key was revoked. It opens nothing any more."))
    };
    the_form().answer(&Typed::default(), outcome.await).await
}

fn key_id(text: &str) -> Result<ApiKeyId, AppError> {
    text.parse().map_err(|_| AppError::NotFound { what: "The key".to_owned() })
}

fn the_form() -> Form {
    Form::new("api_key.make", "", "/keys")
}
