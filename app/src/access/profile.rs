//! `/profile`: the own password and the browsers that are signed in.

use leptos::prelude::*;
use leptos::server_fn::ServerFn as _;
use leptos::server_fn::codec::PostUrl;
use leptos_meta::Title;
use serde::{Deserialize, Serialize};

use super::links::password_fields;
use super::{sheet, summary};
use crate::error::AppError;
use crate::form::Kept;
use crate::loaded;

/// One browser that is signed in.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BrowserView {
    since: String,
    seen: String,
    address: String,
    agent: String,
}

/// What the page needs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ProfileView {
    organisation: String,
    name: String,
    email: String,
    roles: String,
    notice: Option<String>,
    kept: Option<Kept<()>>,
    browsers: Vec<BrowserView>,
}

/// The page.
#[component]
pub fn ProfilePage() -> impl IntoView {
    loaded(load_profile(), |page| {
        let problems = page.kept.map(|kept| kept.problems).unwrap_or_default();
        let password = view! {
            <Title text="Your profile · Interlock"/>
            <form class="sign-in-form" method="post" action=ChangePassword::url()>
                <h1>{page.name}</h1>
                <p><span class="id">{page.email.clone()}</span><br/><span class="muted">{page.roles}</span></p>
                {page.notice.map(|notice| view! { <p role="status">{notice}</p> })}
                {summary(&problems)}
                <h2>"Change the password"</h2>
                <input type="hidden" name="email" autocomplete="username" value=page.email/>
                <div class="field">
                    <label for="current">"Password now"</label>
                    <input class="input" id="current" name="current" type="password" autocomplete="current-password" required/>
                </div>
                {password_fields()}
                <button class="button primary" type="submit">"Change the password"</button>
                <p class="small"><a href="/">"Back to the start page"</a></p>
            </form>
        };
        let rows: Vec<_> = page
            .browsers
            .into_iter()
            .map(|browser| view! { <tr><td>{browser.agent}<span class="sub">{browser.address}</span></td><td>{browser.since}</td><td>{browser.seen}</td></tr> })
            .collect();
        let sessions = view! {
            <form class="sign-in-demo" method="post" action=EndMySessions::url() aria-labelledby="sessions-title">
                <h2 id="sessions-title">"Signed in on"</h2>
                <table class="data-table">
                    <caption class="visually-hidden">"Browsers in which you are signed in"</caption>
                    <thead><tr><th scope="col">"Browser"</th><th scope="col">"Since"</th><th scope="col">"Last used"</th></tr></thead>
                    <tbody>{rows}</tbody>
                </table>
                <p><button class="button" type="submit">"Sign out everywhere"</button></p>
            </form>
        };
        sheet(page.organisation, password.into_any(), sessions.into_any())
    })
}

/// Loads the page.
#[server(prefix = "/do", endpoint = "load-profile")]
pub async fn load_profile() -> Result<ProfileView, AppError> {
    use crate::request;
    let viewer = request::viewer().await?;
    let mut tx = request::reader().await?;
    let sessions = store::sessions::list(&mut tx, viewer.person_id).await?;
    tx.commit().await?;
    let zone: chrono_tz::Tz = viewer.zone.parse().unwrap_or(chrono_tz::UTC);
    let shown = |at: chrono::DateTime<chrono::Utc>| at.with_timezone(&zone).format("%d %b %Y, %H:%M %Z").to_string();
    let browsers = sessions
        .into_iter()
        .map(|session| BrowserView {
            since: shown(session.created_at),
            seen: shown(session.seen_at),
            address: session.address.unwrap_or_default(),
            agent: session.agent.unwrap_or_else(|| "Unknown browser".to_owned()),
        })
        .collect();
    Ok(ProfileView {
        organisation: request::house()?.doors.settings.organisation.clone(),
        name: viewer.name,
        email: viewer.email,
        roles: viewer.roles.iter().map(|role| role.title()).collect::<Vec<_>>().join(", "),
        notice: request::take_notice().await,
        kept: the_form().kept().await?,
        browsers,
    })
}

/// Changes the own password; every other browser is signed out, this one goes on under a new id.
#[server(input = PostUrl, prefix = "/do", endpoint = "change-password")]
pub async fn change_password(current: String, password: String, again: String) -> Result<(), AppError> {
    use crate::form::{Done, FieldProblem};
    use crate::request;
    let outcome = async {
        let viewer = request::viewer().await?;
        let house = request::house()?;
        if !house.doors.knows(&house.store, &viewer.email, &current, request::correlation()).await? {
            return Err(AppError::Fields {
                problems: vec![FieldProblem::new("current", "The password now is not right. Type it again.")],
            });
        }
        let hash = house.doors.hash_new(&password, &again, &viewer.email, &viewer.name).await?;
        let mut tx = request::begin().await?;
        store::people::save_password(&mut tx, viewer.person_id, &hash).await?;
        tx.commit().await?;
        let session = request::session()?;
        session.cycle_id().await.map_err(request::session_failed)?;
        request::note_browser(&session).await?;
        Ok(Done::at("/profile").saying("Your password is changed. Other browsers were signed out."))
    };
    the_form().answer(&(), outcome.await).await
}

/// Ends all own sessions, this one included.
#[server(input = PostUrl, prefix = "/do", endpoint = "end-my-sessions")]
pub async fn end_my_sessions() -> Result<(), AppError> {
    use crate::request;
    let viewer = request::viewer().await?;
    let mut tx = request::begin().await?;
    store::people::end_sessions(&mut tx, viewer.person_id).await?;
    tx.commit().await?;
    request::session()?.flush().await.map_err(request::session_failed)?;
    request::see_other("/sign-in");
    Ok(())
}

#[cfg(feature = "ssr")]
fn the_form() -> crate::form::Form {
    crate::form::Form::new("change-password", "", "/profile")
}
