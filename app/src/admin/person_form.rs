//! `/people/new` and `/people/:id/edit`: who somebody is, what for, and what he belongs to.

use domain::access::{Action, Role, may};
use domain::id::PersonId;
use leptos::prelude::*;
use leptos::server_fn::ServerFn as _;
use leptos::server_fn::codec::PostUrl;
use leptos_router::hooks::use_params_map;
use serde::{Deserialize, Serialize};
use store::Tx;
use store::control_tower::{self, Choice};
use store::people::{self, LinkPurpose, NewPerson};

use super::person::{issue, not_found, person_id};
use crate::error::AppError;
use crate::exchange::act::refused;
use crate::form::{Done, FieldProblem, Form, Kept};
use crate::loaded;
use crate::page::Around;
use crate::request;
use crate::ui::field::Field;
use crate::ui::header::{Breadcrumb, Crumb, PageHeader};

/// Up to so many suppliers are offered as boxes to tick; more are entered by number.
const FEW: usize = 30;

/// The form as it was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Typed {
    #[serde(default)]
    email: String,
    #[serde(default)]
    name: String,
    /// Words of the roles.
    #[serde(default)]
    roles: Vec<String>,
    /// Supplier numbers that were ticked.
    #[serde(default)]
    suppliers: Vec<String>,
    /// Supplier numbers that were entered, separated by commas.
    #[serde(default)]
    numbers: String,
    /// Plant codes.
    #[serde(default)]
    plants: Vec<String>,
}

impl Typed {
    async fn read(&self, tx: &mut Tx) -> Result<NewPerson, AppError> {
        let mut problems = Vec::new();
        let mut roles = Vec::new();
        for word in &self.roles {
            match word.parse::<Role>() {
                Ok(role) => roles.push(role),
                Err(_) => problems.push(FieldProblem::new("roles", "Choose roles from the list.")),
            }
        }
        if self.name.trim().is_empty() {
            problems.push(FieldProblem::new("name", "Give a name."));
        }
        if !self.email.contains('@') {
            problems.push(FieldProblem::new(
                "email",
                "The e-mail address is not complete. It looks like name@company.example.",
            ));
        }
        if roles.is_empty() {
            problems.push(FieldProblem::new("roles", "Choose at least one role."));
        }
        if !problems.is_empty() {
            return Err(AppError::Fields { problems });
        }
        let entered =
            self.numbers.split([',', ';', ' ']).map(str::trim).filter(|number| !number.is_empty()).map(str::to_owned);
        let mut numbers: Vec<String> = self.suppliers.iter().cloned().chain(entered).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let (suppliers, plants) = people::find_memberships(tx, &numbers, &self.plants).await?;
        Ok(NewPerson { email: self.email.clone(), name: self.name.clone(), roles, suppliers, plants })
    }
}

struct Filled {
    around: Around,
    suppliers: Vec<Choice>,
    plants: Vec<Choice>,
    typed: Typed,
    kept: Option<Kept<Typed>>,
    edited: Option<(PersonId, String)>,
}

pub(super) fn invite_page() -> impl IntoView {
    loaded(load(None), show)
}

pub(super) fn edit_page() -> impl IntoView {
    let id = use_params_map().read_untracked().get("id").unwrap_or_default();
    loaded(load(Some(id)), show)
}

async fn load(id: Option<String>) -> Result<Filled, AppError> {
    let mut tx = request::reader().await?;
    may(tx.actor(), Action::ManagePeople)?;
    let suppliers = control_tower::suppliers(&mut tx).await?;
    let plants = control_tower::plants(&mut tx).await?;
    let person = match id {
        None => None,
        Some(id) => Some(people::get(&mut tx, person_id(&id)?).await?.ok_or_else(not_found)?),
    };
    let form = person.as_ref().map_or_else(invite_form, |person| edit_form(person.person_id));
    let kept = form.kept::<Typed>().await?;
    let known = person.as_ref().map(|person| Typed {
        email: person.email.clone(),
        name: person.name.clone(),
        roles: person.roles.iter().map(|role| role.as_str().to_owned()).collect(),
        suppliers: suppliers
            .iter()
            .filter(|it| person.suppliers.contains(&it.name))
            .map(|it| it.number.clone())
            .collect(),
        numbers: String::new(),
        plants: person.plants.clone(),
    });
    let typed = kept.as_ref().map(|kept| kept.typed.clone()).or(known).unwrap_or_default();
    let edited = person.map(|person| (person.person_id, person.name));
    Ok(Filled { around: Around::load(&mut tx).await?, suppliers, plants, typed, kept, edited })
}

fn show(filled: Filled) -> AnyView {
    let Filled { around, suppliers, plants, typed, kept, edited } = filled;
    let about = |field: &str| {
        kept.as_ref().map(|kept| kept.about(field).map(str::to_owned).collect::<Vec<_>>()).unwrap_or_default()
    };
    let title = edited.as_ref().map_or_else(|| "Invite somebody".to_owned(), |(_, name)| format!("Edit {name}"));
    let (action, button) = if edited.is_some() { (SavePerson::url(), "Save") } else { (InvitePerson::url(), "Invite") };
    let back = edited.as_ref().map_or_else(|| "/people".to_owned(), |(id, _)| format!("/people/{id}"));
    let crumb = edited.as_ref().map(|(id, name)| Crumb::link(name.clone(), format!("/people/{id}")));
    let crumbs = std::iter::once(Crumb::link("People", "/people")).chain(crumb);
    let crumbs = crumbs.chain([Crumb::here(if edited.is_some() { "Edit" } else { "Invite" })]).collect();
    let tick = |name: &'static str, value: String, words: String, chosen: bool| {
        view! { <label class="tick"><input type="checkbox" name=name value=value checked=chosen/>{words}</label> }
    };
    let roles = Role::ALL
        .iter()
        .map(|role| {
            tick(
                "typed[roles][]",
                role.as_str().to_owned(),
                role.title().to_owned(),
                typed.roles.iter().any(|word| word == role.as_str()),
            )
        })
        .collect_view();
    let plants = plants
        .into_iter()
        .map(|plant| {
            tick(
                "typed[plants][]",
                plant.number.clone(),
                format!("{} {}", plant.number, plant.name),
                typed.plants.contains(&plant.number),
            )
        })
        .collect_view();
    let many = suppliers.len() > FEW;
    let entered = if many && typed.numbers.is_empty() { typed.suppliers.join(", ") } else { typed.numbers.clone() };
    let suppliers = if many {
        view! { <input class="input" id="suppliers" name="typed[numbers]" value=entered placeholder="100234, 100377"/> }
            .into_any()
    } else {
        suppliers
            .into_iter()
            .map(|it| {
                tick(
                    "typed[suppliers][]",
                    it.number.clone(),
                    format!("{} · {}", it.name, it.number),
                    typed.suppliers.contains(&it.number),
                )
            })
            .collect_view()
            .into_any()
    };
    let hidden = edited.as_ref().map(|(id, _)| view! { <input type="hidden" name="id" value=id.to_string()/> });
    let (email, name) = (typed.email.clone(), typed.name.clone());
    let note = edited.is_none().then(|| view! { <p class="small muted">"After this you are shown a link, once, to send to the person. It lets them choose a password."</p> });
    let wrong_roles = about("roles")
        .into_iter()
        .map(|words| crate::ui::field::field_note(crate::ui::tone::Tone::Crit, words, None))
        .collect_view();
    let page = view! {
        <Breadcrumb crumbs=crumbs/>
        <PageHeader title=title.clone().into_any()/>
        {refused("Nothing was changed", kept.as_ref())}
        <form class="sheet form-sheet fields pad" method="post" action=action novalidate>
            {hidden}
            <Field id="name" label="Full name" problems=about("name")><input class="input" id="name" name="typed[name]" value=name required maxlength="120" autocomplete="off"/></Field>
            <Field id="email" label="E-mail address" hint="The name to sign in with." problems=about("email")><input class="input" id="email" name="typed[email]" type="email" value=email required maxlength="254" autocomplete="off"/></Field>
            <fieldset class="ticks" id="roles"><legend>"Roles"</legend><span class="hint">"A supplier's role and a role of the house exclude each other."</span>{wrong_roles}{roles}</fieldset>
            <fieldset class="ticks"><legend>"Plants"</legend><span class="hint">"For people of the house: whose orders they see. Administrators and integration admins see all."</span>{plants}</fieldset>
            <fieldset class="ticks"><legend>"Suppliers"</legend><span class="hint">{if many { "For suppliers' people: supplier numbers, separated by commas." } else { "For suppliers' people: whose orders they see." }}</span>{suppliers}</fieldset>
            {note}
            <div class="action-bar"><button class="button primary" type="submit">{button}</button><a class="button" href=back>"Cancel"</a></div>
        </form>
    };
    around.frame(title, page)
}

/// Adds a person and makes the invitation.
#[server(input = PostUrl, prefix = "/do", endpoint = "invite-person")]
pub async fn invite_person(typed: Typed) -> Result<(), AppError> {
    let outcome = async {
        let mut tx = request::begin().await?;
        may(tx.actor(), Action::ManagePeople)?;
        let new = typed.read(&mut tx).await?;
        let person = people::add(&mut tx, &new).await?;
        issue(&mut tx, person, LinkPurpose::Invitation).await?;
        tx.commit().await?;
        Ok(Done::at(format!("/people/{person}"))
            .saying(format!("{} was invited. Send the link below.", new.name.trim())))
    };
    invite_form().answer(&typed, outcome.await).await
}

/// Changes a person's name, roles and memberships.
#[server(input = PostUrl, prefix = "/do", endpoint = "save-person")]
pub async fn save_person(id: String, typed: Typed) -> Result<(), AppError> {
    let person = person_id(&id)?;
    let outcome = async {
        let mut tx = request::begin().await?;
        may(tx.actor(), Action::ManagePeople)?;
        let new = typed.read(&mut tx).await?;
        people::save(&mut tx, person, &new).await?;
        tx.commit().await?;
        Ok(Done::at(format!("/people/{person}")).saying("Saved. It counts from the person's next click."))
    };
    edit_form(person).answer(&typed, outcome.await).await
}

fn invite_form() -> Form {
    Form::new("person.invite", "", "/people/new")
}

fn edit_form(person: PersonId) -> Form {
    Form::new("person.edit", person, format!("/people/{person}/edit"))
}
