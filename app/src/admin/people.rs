//! `/people`: everybody who can sign in, by e-mail address.

use domain::access::{Action, may};
use leptos::prelude::*;
use store::people::{self, PersonView};

use crate::address::Address;
use crate::error::AppError;
use crate::loaded;
use crate::page::Around;
use crate::request;
use crate::ui::empty::EmptyState;
use crate::ui::header::PageHeader;
use crate::ui::pager::{Pager, Position};
use crate::ui::tag::tag;
use crate::ui::time::{Reading, clock};
use crate::ui::tone::Tone;

const SIZE: usize = 50;

struct List {
    around: Around,
    address: Address,
    rows: Vec<PersonView>,
    more: bool,
}

pub(super) fn page() -> impl IntoView {
    loaded(load(Address::of_request()), show)
}

async fn load(address: Address) -> Result<List, AppError> {
    let mut tx = request::reader().await?;
    may(tx.actor(), Action::ManagePeople)?;
    let mut rows = people::page(&mut tx, address.get("after"), i64::try_from(SIZE + 1).unwrap_or(i64::MAX)).await?;
    let more = rows.len() > SIZE;
    rows.truncate(SIZE);
    Ok(List { around: Around::load(&mut tx).await?, address, rows, more })
}

fn show(list: List) -> AnyView {
    let List { around, address, rows, more } = list;
    let last = rows.last().map(|row| row.email.clone());
    let position = Position {
        words: format!(
            "{} by e-mail address",
            crate::ui::number::counted(i64::try_from(rows.len()).unwrap_or(i64::MAX), "person", "people")
        ),
        previous: address.get("after").map(|_| "/people".to_owned()),
        next: last.filter(|_| more).map(|last| address.with("after", last).href()),
        sizes: Vec::new(),
    };
    let body = rows.iter().map(|person| row(person, &around.reading)).collect_view();
    let content = if rows.is_empty() {
        view! { <EmptyState title="Nobody here" text="There is nobody behind this place of the list." action=Some(("Back to the first".to_owned(), "/people".to_owned()))/> }.into_any()
    } else {
        view! {
            <table class="data-table blocks" role="table">
                <caption class="visually-hidden">"People, by e-mail address"</caption>
                <thead><tr><th scope="col">"Person"</th><th scope="col">"Roles"</th><th scope="col" class="opt-1">"Belongs to"</th><th scope="col">"State"</th><th scope="col" class="num opt-2">"Signed in on"</th><th scope="col">"Last sign-in"</th></tr></thead>
                <tbody>{body}</tbody>
            </table>
            <Pager position=position/>
        }
        .into_any()
    };
    let facts = vec![format!("times in {}", around.reading.abbreviation(around.now())).into_any()];
    let page = view! {
        <PageHeader title="People".into_any() facts=facts>
            <a class="button" href="/audit?object=person">"What was changed"</a>
            <a class="button primary" href="/people/new">"Invite"</a>
        </PageHeader>
        <section class="sheet table-region" aria-label="People">{content}</section>
    };
    around.frame("People", page)
}

/// Whether somebody can come in, for a tag.
pub(super) fn state(person: &PersonView) -> (Tone, &'static str) {
    match (person.disabled_at.is_some(), person.has_password) {
        (true, _) => (Tone::Crit, "disabled"),
        (false, false) => (Tone::Info, "invited"),
        (false, true) => (Tone::Ok, "active"),
    }
}

/// Suppliers and plants in a line.
pub(super) fn belongs(person: &PersonView) -> String {
    let all: Vec<String> =
        person.suppliers.iter().cloned().chain(person.plants.iter().map(|code| format!("plant {code}"))).collect();
    if all.is_empty() { "–".to_owned() } else { all.join(", ") }
}

fn row(person: &PersonView, reading: &Reading) -> AnyView {
    let (tone, words) = state(person);
    let roles = person.roles.iter().map(|role| role.title()).collect::<Vec<_>>().join(", ");
    view! {
        <tr>
            <td class="a-id"><a href=format!("/people/{}", person.person_id)>{person.name.clone()}</a><span class="sub id">{person.email.clone()}</span></td>
            <td class="a-item">{roles}</td>
            <td class="opt-1">{belongs(person)}</td>
            <td class="a-status">{tag(tone, words)}</td>
            <td class="num opt-2">{person.sessions}</td>
            <td class="nowrap a-due" data-label="last sign-in">{person.last_signed_in_at.map_or_else(|| view! { <span class="muted">"never"</span> }.into_any(), |at| clock(at, reading))}</td>
        </tr>
    }
    .into_any()
}
