//! `/sign-in`: address and password, and the demo log-ins where the installation has them.

use leptos::prelude::*;
use leptos::server_fn::ServerFn as _;
use leptos::server_fn::codec::PostUrl;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use serde::{Deserialize, Serialize};

use super::{sheet, summary};
use crate::error::AppError;
use crate::form::Kept;
use crate::loaded;

/// A log-in of the demo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DemoPerson {
    /// What for, as its row says.
    pub role: &'static str,
    /// Full name, with the supplier.
    pub who: &'static str,
    /// The name to sign in with.
    pub email: &'static str,
    /// The page it begins with.
    pub starts_on: &'static str,
}

/// The demo log-ins of the page. The command `demo` makes these people.
pub const DEMO_PEOPLE: [DemoPerson; 8] = [
    DemoPerson { role: "Supplier", who: "Ines Kolbe, Brennholt", email: "ines@brennholt.example", starts_on: "To do" },
    DemoPerson { role: "Buyer", who: "Marta Lindqvist", email: "marta@norvik.example", starts_on: "Deviations" },
    DemoPerson { role: "Receiving clerk", who: "Clara Weiss", email: "clara@norvik.example", starts_on: "The dock" },
    DemoPerson {
        role: "Quality engineer",
        who: "Tomasz Zieliński",
        email: "tomasz@norvik.example",
        starts_on: "Inspections",
    },
    DemoPerson {
        role: "Quality engineer",
        who: "Vera Kučerová",
        email: "vera@norvik.example",
        starts_on: "Inspections",
    },
    DemoPerson { role: "Plant manager", who: "Henrik Brandt", email: "henrik@norvik.example", starts_on: "Orders" },
    DemoPerson {
        role: "Integration admin",
        who: "Priya Raman",
        email: "priya@norvik.example",
        starts_on: "Connections",
    },
    DemoPerson { role: "Administrator", who: "Jana Nováková", email: "jana@norvik.example", starts_on: "People" },
];
/// The one password of all demo people.
pub const DEMO_PASSWORD: &str = "interlock-demo";

/// What the page needs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SignInView {
    organisation: String,
    help: Option<String>,
    demo: bool,
    notice: Option<String>,
    kept: Option<Kept<String>>,
}

/// The sign-in page.
#[component]
pub fn SignInPage() -> impl IntoView {
    let next = use_query_map().read_untracked().get("next").unwrap_or_default();
    loaded(load_sign_in(), move |page| {
        let typed = page.kept.as_ref().map(|kept| kept.typed.clone()).unwrap_or_default();
        let problems = page.kept.map(|kept| kept.problems).unwrap_or_default();
        let title = if problems.is_empty() { "Sign in" } else { "Error: Sign in" };
        let wrong = !problems.is_empty();
        let form = view! {
            <Title text=format!("{title} · Interlock")/>
            <form class="sign-in-form" method="post" action=SignIn::url()>
                <h1>"Sign in"</h1>
                {page.notice.map(|notice| view! { <p role="status">{notice}</p> })}
                {summary(&problems)}
                <input type="hidden" name="next" value=next.clone()/>
                <div class="field">
                    <label for="mail">"E-mail address"</label>
                    <input class="input" id="mail" name="email" type="email" autocomplete="username" autofocus required
                        maxlength="254" value=typed aria-invalid=wrong.then_some("true")/>
                </div>
                <div class="field">
                    <label for="pass">"Password"</label>
                    <input class="input" id="pass" name="password" type="password" autocomplete="current-password" required
                        aria-invalid=wrong.then_some("true")/>
                    <span class="hint">"Forgotten? Your buyer sends a new link. Pasting and password managers are welcome."</span>
                </div>
                <button class="button primary" type="submit">"Sign in"</button>
                <p class="small muted">
                    "No account? Your buyer sends the invitation."
                    {page.help.map(|help| view! { " Questions: "<a href=format!("mailto:{help}")>{help.clone()}</a> })}
                </p>
            </form>
        };
        let demo = page.demo.then(|| demo_table(next)).into_any();
        sheet(page.organisation, form.into_any(), demo)
    })
}

fn demo_table(next: String) -> impl IntoView {
    let rows: Vec<_> = DEMO_PEOPLE
        .into_iter()
        .map(|person| {
            view! {
                <tr>
                    <td><b>{person.role}</b><span class="sub">{person.who}</span></td>
                    <td class="id small">{person.email}</td>
                    <td class="wide-only">{person.starts_on}</td>
                    <td class="num">
                        <button class="button low" type="submit" name="demo" value=person.email aria-label=format!("Use {}", person.email)>"Use"</button>
                    </td>
                </tr>
            }
        })
        .collect();
    view! {
        <form class="sign-in-demo" method="post" action=SignInDemo::url() aria-labelledby="demo-title">
            <h2 id="demo-title">"Demo log-ins"</h2>
            <p class="small muted">"This installation runs with sample data. Password for all: "<b class="id">{DEMO_PASSWORD}</b></p>
            <input type="hidden" name="next" value=next/>
            <table class="data-table">
                <caption class="visually-hidden">"Demo users"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Role"</th>
                        <th scope="col">"E-mail address"</th>
                        <th scope="col" class="wide-only">"Starts on"</th>
                        <th scope="col"><span class="visually-hidden">"Use"</span></th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </form>
    }
}

/// Loads the page.
#[server(prefix = "/do", endpoint = "load-sign-in")]
pub async fn load_sign_in() -> Result<SignInView, AppError> {
    use crate::request;
    if request::viewer().await.is_ok() {
        request::see_other("/");
    }
    let settings = request::house()?.doors.settings.clone();
    let kept = the_form("").kept().await?;
    Ok(SignInView {
        organisation: settings.organisation,
        help: settings.help,
        demo: settings.demo,
        notice: request::take_notice().await,
        kept,
    })
}

/// Signs in.
#[server(input = PostUrl, prefix = "/do", endpoint = "sign-in")]
pub async fn sign_in(email: String, password: String, #[server(default)] next: String) -> Result<(), AppError> {
    let outcome = come_in(&email, &password, &next).await;
    let typed: String = email.chars().take(254).collect();
    the_form(&next).answer(&typed, outcome).await
}

/// Signs in as one of the demo people, through the same door.
#[server(input = PostUrl, prefix = "/do", endpoint = "sign-in-demo")]
pub async fn sign_in_demo(demo: String, #[server(default)] next: String) -> Result<(), AppError> {
    let offered = crate::request::house()?.doors.settings.demo && DEMO_PEOPLE.iter().any(|person| person.email == demo);
    let outcome = if offered {
        come_in(&demo, DEMO_PASSWORD, &next).await
    } else {
        Err(AppError::Denied { why: "This installation has no demo log-ins.".to_owned() })
    };
    the_form(&next).answer(&demo, outcome).await
}

#[cfg(feature = "ssr")]
fn the_form(next: &str) -> crate::form::Form {
    let page = crate::request::sign_in_path(if next.is_empty() { "/" } else { next });
    crate::form::Form::new("sign-in", "", page)
}

/// Checks the password and begins a session under a new id; what the stranger's session held comes along.
#[cfg(feature = "ssr")]
async fn come_in(email: &str, password: &str, next: &str) -> Result<crate::form::Done, AppError> {
    use crate::request;
    let house = request::house()?;
    let person = house.doors.sign_in(&house.store, email, password, request::correlation(), request::address()).await?;
    let session = request::session()?;
    session.cycle_id().await.map_err(request::session_failed)?;
    request::begin_session(&session, &person).await?;
    let to = if request::own_path(next) && !next.starts_with("/sign-in") { next } else { "/" };
    Ok(crate::form::Done::at(to))
}
