//! The frame of every page of somebody signed in: bar on top, rail at the side, the page in the middle.

use leptos::prelude::*;

use super::copy::CopyIds;
use super::field::Notice;
use super::live::LivePill;
use super::rail::{Entry, Rail};
use super::sprite::{icon, symbol};

/// What the frame shows of the person.
#[derive(Debug, Clone)]
pub struct Person {
    /// Full name.
    pub name: String,
    /// E-mail address.
    pub email: String,
    /// Company or plants.
    pub company: Option<String>,
    /// Abbreviation of the zone times are shown in.
    pub zone: String,
    /// Name of that zone.
    pub zone_name: String,
    /// `light`, `dark`, or none for the device's.
    pub theme: Option<String>,
}

/// Where the forms of the user menu post to, and the page of the person; the rooms behind them are in `access`.
const THEME: &str = "/do/theme";
const SIGN_OUT: &str = "/do/sign-out";
const PROFILE: &str = "/profile";

/// Bar, rail and page.
#[component]
pub fn Frame(
    /// Who looks.
    person: Person,
    /// Pages and stock views of the rail.
    entries: (Vec<Entry>, Vec<Entry>),
    /// The path of the page, with its query.
    here: String,
    /// A sentence about what was just done.
    #[prop(optional_no_strip)]
    notice: Option<String>,
    /// What the page listens to, see [`LivePill`].
    #[prop(optional_no_strip)]
    watch: Option<String>,
    /// What is shown is made up for a demonstration, and says so on every page.
    #[prop(default = false)]
    demo: bool,
    /// What was searched for.
    #[prop(optional, into)]
    searched: String,
    /// The page.
    children: Children,
) -> impl IntoView {
    let (pages, views) = entries;
    let refresh = here.clone();
    let path = here.split('?').next().unwrap_or_default().to_owned();
    view! {
        <a class="skip-link" href="#main">"Skip to content"</a>
        <div class="shell">
            <header class="topbar">
                <a class="mark" href="/">{symbol("i-mark", "")}<span>"Interlock"</span></a>
                <form class="omnibox" role="search" action="/search">
                    {icon("i-search")}
                    <input name="q" type="search" value=searched aria-label="Search" placeholder="PO, item, reference …" autocomplete="off" enterkeyhint="search"/>
                </form>
                <span class="push"></span>
                {demo.then(|| view! { <span class="bar-item demo" title="Made up; its ERP and trucks are simulated">"Demo"<span class="wide-only">"data"</span></span> })}
                {person.company.clone().map(|company| view! { <span class="bar-item wide-only">{company}</span> })}
                <UserMenu person=person here=here/>
            </header>
            <Rail pages=pages views=views current=path/>
            <main class="page" id="main" tabindex="-1">
                {notice.map(|words| view! { <Notice words=words/> })}
                {watch.map(|watch| view! { <LivePill watch=watch here=refresh/> })}
                {children()}
            </main>
        </div>
        <CopyIds/>
    }
}

/// Name, zone, theme and the way out. A `<details>`, so it opens without JavaScript.
#[component]
fn UserMenu(
    /// Who looks.
    person: Person,
    /// Where to come back to.
    here: String,
) -> impl IntoView {
    let theme = person.theme.as_deref().unwrap_or("system").to_owned();
    let choices = [("system", "As the device"), ("light", "Light"), ("dark", "Dark")]
        .map(|(value, words)| {
            let pressed = (value == theme).to_string();
            view! { <button class="button low" type="submit" name="theme" value=value aria-pressed=pressed>{words}</button> }
        })
        .collect_view();
    let initials: String = person.name.split_whitespace().filter_map(|word| word.chars().next()).take(2).collect();
    view! {
        <details class="popover user-menu">
            <summary class="bar-item" aria-label=format!("Menu of {}", person.name)>
                <span class="wide-only">{person.name.clone()}</span>
                <span class="phone-only">{initials}</span>
                " "<span class="zone wide-only">{person.zone.clone()}</span>
                {symbol("i-down", "chevron")}
            </summary>
            <div class="menu">
                <p><b>{person.name}</b><br/><span class="muted small">{person.email}</span></p>
                {person.company.map(|company| view! { <p class="small">{company}</p> })}
                <p class="muted small">{format!("Times in {} ({})", person.zone, person.zone_name)}</p>
                <form method="post" action=THEME class="theme-form">
                    <input type="hidden" name="back" value=here/>
                    <span class="small muted">"Theme"</span>
                    {choices}
                </form>
                <p><a href=PROFILE>"Your profile"</a></p>
                <form method="post" action=SIGN_OUT>
                    <button class="button" type="submit">"Sign out"</button>
                </form>
            </div>
        </details>
    }
}
