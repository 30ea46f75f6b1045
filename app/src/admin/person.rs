//! `/people/:id`: one person: rights, browsers, and what an administrator can do. A new link is shown once.

use chrono::TimeDelta;
use domain::access::{Action, may};
use domain::id::PersonId;
use leptos::prelude::*;
use leptos::server_fn::ServerFn as _;
use leptos::server_fn::codec::PostUrl;
use leptos_router::hooks::use_params_map;
use store::people::{self, LinkPurpose, PersonView};
use store::sessions::{self, SessionView};

use super::people::{belongs, state};
use crate::error::AppError;
use crate::exchange::act::{Act, Acted, acts, refused};
use crate::form::{Done, Form, Kept};
use crate::loaded;
use crate::page::Around;
use crate::request;
use crate::ui::copy::copy_button;
use crate::ui::empty::EmptyState;
use crate::ui::header::{Breadcrumb, Crumb, PageHeader};
use crate::ui::number::counted;
use crate::ui::tag::tag;
use crate::ui::time::{clock, instant_with_zone};

/// How long an invitation works.
pub(super) const INVITATION: TimeDelta = TimeDelta::days(7);
/// How long a link for another password works.
const NEW_PASSWORD: TimeDelta = TimeDelta::days(1);
/// Where a link waits for the page that shows it, once.
const LINK: &str = "person.link";

struct One {
    around: Around,
    person: PersonView,
    sessions: Vec<SessionView>,
    link: Option<String>,
    kept: Option<Kept<Acted>>,
}

pub(super) fn page() -> impl IntoView {
    let id = use_params_map().read_untracked().get("id").unwrap_or_default();
    loaded(load(id), show)
}

pub(super) fn person_id(text: &str) -> Result<PersonId, AppError> {
    text.parse().map_err(|_| not_found())
}

pub(super) fn not_found() -> AppError {
    AppError::NotFound { what: "The person".to_owned() }
}

async fn load(id: String) -> Result<One, AppError> {
    let id = person_id(&id)?;
    let mut tx = request::reader().await?;
    may(tx.actor(), Action::ManagePeople)?;
    let person = people::get(&mut tx, id).await?.ok_or_else(not_found)?;
    let sessions = sessions::list(&mut tx, id).await?;
    let link: Option<(PersonId, String)> = request::session()?.remove(LINK).await.map_err(request::session_failed)?;
    Ok(One {
        around: Around::load(&mut tx).await?,
        person,
        sessions,
        link: link.filter(|(of, _)| *of == id).map(|(_, link)| link),
        kept: the_form(&id.to_string()).kept().await?,
    })
}

fn show(one: One) -> AnyView {
    let One { around, person, sessions, link, kept } = one;
    let id = person.person_id.to_string();
    let own = person.person_id == around.viewer.person_id;
    let (tone, words) = state(&person);
    let buttons = actions(&person, own, &id, kept.as_ref());
    let name = person.name.clone();
    let facts = vec![view! { <span class="id">{person.email.clone()}</span> }.into_any()];
    let page = view! {
        <Breadcrumb crumbs=vec![Crumb::link("People", "/people"), Crumb::here(name.clone())]/>
        <PageHeader title=name.clone().into_any() beside=Some(tag(tone, words)) facts=facts>{buttons}</PageHeader>
        {refused("Nothing was changed", kept.as_ref())}
        {link.map(|link| shown_once(&link, &person))}
        <div class="columns-8-4">
            {browsers(&sessions, &around)}
            {rights(&person, &around)}
        </div>
    };
    around.frame(name, page)
}

/// The link, with how to hand it over. Whoever reloads the page does not see it again.
fn shown_once(link: &str, person: &PersonView) -> AnyView {
    let (title, lasts) =
        if person.has_password { ("Link for a new password", "one day") } else { ("Invitation", "seven days") };
    view! {
        <section class="sheet pad once" aria-labelledby="link-title" role="status">
            <h2 id="link-title">{title}</h2>
            <p class="id breaks link-once">{link.to_owned()}" "{copy_button(link.to_owned(), "link")}</p>
            <p class="small muted">{format!("It is shown only now. Send it to {}: it works once, for {lasts}, and lets whoever has it choose the password.", person.email)}</p>
        </section>
    }
    .into_any()
}

fn actions(person: &PersonView, own: bool, id: &str, kept: Option<&Kept<Acted>>) -> AnyView {
    let link = if person.has_password { "Link for a new password" } else { "New invitation" };
    let disabled = person.disabled_at.is_some();
    let turn = if disabled {
        Some(Act {
            act: "enable",
            words: "Enable",
            what: "Lets the person in again, with the password from before.",
            primary: true,
        })
    } else if own {
        None
    } else {
        Some(Act {
            act: "disable",
            words: "Disable",
            what: "Keeps the person out from this moment: sessions and links end.",
            primary: false,
        })
    };
    let plain = |act: &'static str, words: &'static str| {
        view! {
            <form method="post" action=ActOnPerson::url()>
                <input type="hidden" name="id" value=id.to_owned()/><input type="hidden" name="act" value=act/>
                <button class="button" type="submit">{words}</button>
            </form>
        }
    };
    view! {
        <a class="button" href=format!("/people/{id}/edit")>"Edit"</a>
        {(!disabled).then(|| plain("link", link))}
        {(person.sessions > 0).then(|| plain("end_sessions", "End sessions"))}
        {acts(turn.as_slice(), ActOnPerson::url(), id, kept)}
        {own.then(|| crate::ui::header::disabled_button("Disable", "Nobody disables the own account."))}
    }
    .into_any()
}

fn browsers(list: &[SessionView], around: &Around) -> AnyView {
    let reading = &around.reading;
    let rows = list
        .iter()
        .map(|session| {
            view! {
                <tr>
                    <td class="a-id"><span class="clip">{session.agent.clone().unwrap_or_else(|| "Unknown browser".to_owned())}</span><span class="sub id">{session.address.clone()}</span></td>
                    <td class="nowrap a-item" data-label="since">{clock(session.created_at, reading)}</td>
                    <td class="nowrap a-due" data-label="last used">{clock(session.seen_at, reading)}</td>
                </tr>
            }
        })
        .collect_view();
    let content = if list.is_empty() {
        view! { <EmptyState title="Not signed in" text="No browser is signed in as this person."/> }.into_any()
    } else {
        view! {
            <table class="data-table blocks labelled" role="table">
                <caption class="visually-hidden">"Browsers signed in"</caption>
                <thead><tr><th scope="col">"Browser"</th><th scope="col">"Since"</th><th scope="col">"Last used"</th></tr></thead>
                <tbody>{rows}</tbody>
            </table>
        }
        .into_any()
    };
    view! {
        <section class="sheet table-region" aria-labelledby="browsers-title">
            <div class="section-head"><h2 id="browsers-title">"Signed in on"<span>{counted(i64::try_from(list.len()).unwrap_or(i64::MAX), "browser", "browsers")}</span></h2></div>
            {content}
        </section>
    }
    .into_any()
}

fn rights(person: &PersonView, around: &Around) -> AnyView {
    let roles = person.roles.iter().map(|role| view! { <div>{role.title()}</div> }).collect_view();
    let last = person.last_signed_in_at.map_or_else(|| "never".into_any(), |at| instant_with_zone(at, &around.reading));
    let disabled =
        person.disabled_at.map(|at| view! { <dt>"Disabled"</dt><dd>{instant_with_zone(at, &around.reading)}</dd> });
    view! {
        <section class="sheet" aria-labelledby="rights-title">
            <div class="section-head"><h2 id="rights-title">"Rights"</h2><div class="toolbar"><a href=format!("/audit?object=person&id={}", person.person_id)>"What was changed"</a></div></div>
            <dl class="fact-list">
                <dt>"Roles"</dt><dd>{roles}</dd>
                <dt>"Belongs to"</dt><dd>{belongs(person)}</dd>
                <dt>"Password"</dt><dd>{if person.has_password { "chosen" } else { "not chosen yet" }}</dd>
                <dt>"Last sign-in"</dt><dd>{last}</dd>
                {disabled}
            </dl>
        </section>
    }
    .into_any()
}

/// Makes a link for a person and keeps it for the next page of his.
pub(super) async fn issue(tx: &mut store::Tx, person: PersonId, purpose: LinkPurpose) -> Result<(), AppError> {
    let lasts = if purpose == LinkPurpose::Invitation { INVITATION } else { NEW_PASSWORD };
    let token = people::issue_link(tx, purpose, Some(person), lasts).await?;
    let link = format!("{}/password/{token}", request::origin()?);
    request::session()?.insert(LINK, (person, link)).await.map_err(request::session_failed)
}

/// Disables, enables, ends sessions, or makes a link.
#[server(input = PostUrl, prefix = "/do", endpoint = "act-on-person")]
pub async fn act_on_person(id: String, act: String, #[server(default)] reason: String) -> Result<(), AppError> {
    let form = the_form(&id);
    let outcome = async {
        let person = person_id(&id)?;
        let mut tx = request::begin().await?;
        let said = match act.as_str() {
            "disable" if reason.trim().is_empty() => {
                return Err(AppError::Invalid {
                    message: "Say why in a few words; it goes into the audit log.".to_owned(),
                });
            }
            "disable" => people::disable(&mut tx, person, reason.trim())
                .await
                .map(|()| "The person is kept out from now on.".to_owned())?,
            "enable" => people::enable(&mut tx, person).await.map(|()| "The person may sign in again.".to_owned())?,
            "end_sessions" => {
                let ended = people::end_sessions(&mut tx, person).await?;
                format!("{} ended.", counted(i64::try_from(ended).unwrap_or(i64::MAX), "session", "sessions"))
            }
            "link" => {
                may(tx.actor(), Action::ManagePeople)?;
                let known = people::get(&mut tx, person).await?.ok_or_else(not_found)?;
                let purpose = if known.has_password { LinkPurpose::Password } else { LinkPurpose::Invitation };
                issue(&mut tx, person, purpose).await?;
                "A new link was made; older ones do not work any more.".to_owned()
            }
            _ => return Err(AppError::Invalid { message: "Choose one of the buttons of the page.".to_owned() }),
        };
        tx.commit().await?;
        Ok(Done::at(format!("/people/{person}")).saying(said))
    };
    form.answer(&Acted { act: act.clone(), reason: reason.clone() }, outcome.await).await
}

fn the_form(id: &str) -> Form {
    let id: String = id.chars().filter(|letter| letter.is_ascii_hexdigit() || *letter == '-').take(36).collect();
    Form::new("person", id.clone(), format!("/people/{id}"))
}
