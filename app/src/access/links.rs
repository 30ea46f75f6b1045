//! One-time links: `/set-up/<token>` makes the first administrator, `/password/<token>` lets an invited person choose a
//! password, or another one.
//!
//! Opening a link changes nothing, because mail scanners open links; sending its form uses it up.

use leptos::prelude::*;
use leptos::server_fn::ServerFn as _;
use leptos::server_fn::codec::PostUrl;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;
use serde::{Deserialize, Serialize};

use super::{sheet, summary};
use crate::error::AppError;
use crate::form::Kept;
use crate::loaded;

/// What was typed besides the passwords.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Typed {
    email: String,
    name: String,
}

/// What the page needs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LinkView {
    organisation: String,
    /// Whose password; none for the set-up.
    person: Option<Typed>,
    kept: Option<Kept<Typed>>,
}

/// `/password/:token`.
#[component]
pub fn PasswordPage() -> impl IntoView {
    let token = use_params_map().read_untracked().get("token").unwrap_or_default();
    loaded(load_link(token.clone(), false), move |page| {
        let problems = page.kept.map(|kept| kept.problems).unwrap_or_default();
        let person = page.person.unwrap_or_default();
        let form = view! {
            <Title text="Choose a password · Interlock"/>
            <form class="sign-in-form" method="post" action=ChoosePassword::url()>
                <h1>"Choose a password"</h1>
                <p>"For "{person.name}", "<span class="id">{person.email.clone()}</span></p>
                {summary(&problems)}
                <input type="hidden" name="token" value=token/>
                <input type="hidden" name="email" autocomplete="username" value=person.email/>
                {password_fields()}
                <button class="button primary" type="submit">"Save the password"</button>
            </form>
        };
        sheet(page.organisation, form.into_any(), ().into_any())
    })
}

/// `/set-up/:token`.
#[component]
pub fn SetUpPage() -> impl IntoView {
    let token = use_params_map().read_untracked().get("token").unwrap_or_default();
    loaded(load_link(token.clone(), true), move |page| {
        let typed = page.kept.as_ref().map(|kept| kept.typed.clone()).unwrap_or_default();
        let problems = page.kept.map(|kept| kept.problems).unwrap_or_default();
        let form = view! {
            <Title text="Set up · Interlock"/>
            <form class="sign-in-form" method="post" action=SetUp::url()>
                <h1>"Set up Interlock"</h1>
                <p>"You become the first administrator and can add everybody else."</p>
                {summary(&problems)}
                <input type="hidden" name="token" value=token/>
                <div class="field">
                    <label for="name">"Full name"</label>
                    <input class="input" id="name" name="name" autocomplete="name" required maxlength="120" value=typed.name/>
                </div>
                <div class="field">
                    <label for="mail">"E-mail address"</label>
                    <input class="input" id="mail" name="email" type="email" autocomplete="username" required maxlength="254" value=typed.email/>
                </div>
                {password_fields()}
                <button class="button primary" type="submit">"Make the administrator"</button>
            </form>
        };
        sheet(page.organisation, form.into_any(), ().into_any())
    })
}

/// The new password, twice.
pub(super) fn password_fields() -> impl IntoView {
    view! {
        <div class="field">
            <label for="pass">"New password"</label>
            <input class="input" id="pass" name="password" type="password" autocomplete="new-password" required aria-describedby="pass-hint"/>
            <span class="hint" id="pass-hint">"12 characters or more, without your name or address. Four or five unrelated words are good. Pasting is welcome."</span>
        </div>
        <div class="field">
            <label for="again">"The same again"</label>
            <input class="input" id="again" name="again" type="password" autocomplete="new-password" required/>
        </div>
    }
}

/// Loads the page of a link. One that does not work looks like one that never was.
#[server(prefix = "/do", endpoint = "load-link")]
pub async fn load_link(token: String, set_up: bool) -> Result<LinkView, AppError> {
    use crate::request;
    let link = open_link(&token).await?;
    let person = link.person.map(|(_, email, name)| Typed { email, name });
    if person.is_none() != set_up {
        return Err(AppError::LinkSpent);
    }
    let organisation = request::house()?.doors.settings.organisation.clone();
    Ok(LinkView { organisation, person, kept: the_form(&token, set_up).kept().await? })
}

/// Chooses a password with a link.
#[server(input = PostUrl, prefix = "/do", endpoint = "choose-password")]
pub async fn choose_password(token: String, password: String, again: String) -> Result<(), AppError> {
    use crate::form::Done;
    use crate::request;
    use store::people;
    let outcome = async {
        let Some((person_id, email, name)) = open_link(&token).await?.person else { return Err(AppError::LinkSpent) };
        let hash = request::house()?.doors.hash_new(&password, &again, &email, &name).await?;
        let actor = domain::access::Actor::Person { person_id, name, roles: Vec::new() };
        let mut tx = request::store()?.begin(store::Who { actor, ..request::as_program("link") }).await?;
        if !people::use_link(&mut tx, &token).await? {
            return Err(AppError::LinkSpent);
        }
        people::save_password(&mut tx, person_id, &hash).await?;
        tx.commit().await?;
        Ok(Done::at("/sign-in").saying("Your password is saved. Sign in with it."))
    };
    the_form(&token, false).answer(&Typed::default(), outcome.await).await
}

/// Makes the first administrator.
#[server(input = PostUrl, prefix = "/do", endpoint = "set-up")]
pub async fn set_up(
    token: String,
    name: String,
    email: String,
    password: String,
    again: String,
) -> Result<(), AppError> {
    use crate::form::Done;
    use crate::request;
    use store::people;
    let typed = Typed { email: email.chars().take(254).collect(), name: name.chars().take(120).collect() };
    let outcome = async {
        if open_link(&token).await?.person.is_some() {
            return Err(AppError::LinkSpent);
        }
        let hash = request::house()?.doors.hash_new(&password, &again, &email, &name).await?;
        let mut tx = request::store()?.begin(request::as_program("set-up")).await?;
        // Two at once, or after somebody else was made administrator by a command: only the first counts.
        if !people::use_link(&mut tx, &token).await? || !people::nobody_administers(&mut tx).await? {
            return Err(AppError::LinkSpent);
        }
        let roles = vec![domain::access::Role::Administrator];
        let new = people::NewPerson { email, name, roles, suppliers: Vec::new(), plants: Vec::new() };
        let person = people::add(&mut tx, &new).await?;
        people::save_password(&mut tx, person, &hash).await?;
        tx.commit().await?;
        Ok(Done::at("/sign-in").saying("You are the administrator now. Sign in, then add the others under People."))
    };
    the_form(&token, true).answer(&typed, outcome.await).await
}

#[cfg(feature = "ssr")]
async fn open_link(token: &str) -> Result<store::people::OneTimeLink, AppError> {
    let mut tx = crate::request::store()?.read(crate::request::as_program("link")).await?;
    let link = store::people::look_at_link(&mut tx, token).await?;
    tx.commit().await?;
    link.ok_or(AppError::LinkSpent)
}

/// The token is a secret: it stands in the address of its page and in no draft.
#[cfg(feature = "ssr")]
fn the_form(token: &str, set_up: bool) -> crate::form::Form {
    let token: String = token.chars().filter(char::is_ascii_hexdigit).take(64).collect();
    let name = if set_up { "set-up" } else { "password" };
    crate::form::Form::new(name, "", format!("/{name}/{token}"))
}
