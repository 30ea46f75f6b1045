//! `/holds`: what must not be used, how long already, who sees to it and who has heard of it. A supplier reads his own.

use domain::access::Action;
use domain::event::{EventKind, SubjectKind};
use leptos::prelude::*;
use store::holds::{self, Heard, Hearing, HoldFilter, HoldRecord};

use super::place::{self, Found};
use super::words::{covers, hold_href, hold_tag};
use crate::address::Address;
use crate::error::AppError;
use crate::exchange::offer;
use crate::loaded;
use crate::page::Around;
use crate::request;
use crate::ui::empty::EmptyState;
use crate::ui::filter::{FilterBar, SavedView, SavedViews};
use crate::ui::header::PageHeader;
use crate::ui::pager::Pager;
use crate::ui::tag::sync_badge;
use crate::ui::time::{duration, instant};
use crate::ui::tone::Tone;

struct List {
    around: Around,
    address: Address,
    found: Found<(HoldRecord, Vec<Heard>)>,
}

pub(super) fn page() -> impl IntoView {
    loaded(load(Address::of_request()), show)
}

/// The kinds of systems that are told of holds.
pub(super) fn carriers() -> Vec<String> {
    offer::offers()
        .iter()
        .filter(|offer| offer.carries.contains(&EventKind::HoldPlaced))
        .map(|offer| offer.kind.clone())
        .collect()
}

async fn load(address: Address) -> Result<List, AppError> {
    let view = address.get("state").unwrap_or_default();
    let filter = HoldFilter {
        released: view == "released",
        requested_only: view == "release_requested",
        text: address.get("q").map(str::to_owned),
    };
    let mut tx = request::reader().await?;
    let around = Around::load(&mut tx).await?;
    let carriers = carriers();
    let insider = around.viewer.may(Action::SeeQuality) && !around.viewer.is_supplier();
    let asked = place::page(&address);
    let mut rows = Vec::new();
    for hold in holds::page(&mut tx, &filter, &asked).await? {
        let heard = if insider { holds::confirmations(&mut tx, hold.hold_id, &carriers).await? } else { Vec::new() };
        rows.push((hold, heard));
    }
    let found = place::found(&asked, rows, holds::count(&mut tx, &filter).await?);
    Ok(List { around, address, found })
}

fn show(list: List) -> AnyView {
    let List { around, address, found } = list;
    let chosen = address.get("state").unwrap_or_default().to_owned();
    let views = [("In force", ""), ("Release asked for", "release_requested"), ("Released", "released")]
        .map(|(words, state)| SavedView {
            words: words.to_owned(),
            count: None,
            href: address.with("state", state).href(),
            current: chosen == state,
        })
        .into();
    let house = !around.viewer.is_supplier();
    let facts = vec![
        found.fact("hold", "holds").into_any(),
        if chosen == "released" { "newest first" } else { "longest standing first" }.into_any(),
    ];
    let new = around
        .viewer
        .may(Action::ManageHolds)
        .then(|| view! { <a class="button primary" href="/holds/new">"Place a hold"</a> });
    let content = if found.rows.is_empty() {
        empty(&address)
    } else {
        let position = found.position(&address, ("hold", "holds"), |(hold, _)| hold.place());
        view! { {table(&found.rows, &around, house)}<Pager position=position/> }.into_any()
    };
    let tags = address.tags(&[("q", "Contains", address.get("q").map(str::to_owned))], &["state", "size"]);
    let words = address.get("q").unwrap_or_default().to_owned();
    let state = (!chosen.is_empty()).then(|| view! { <input type="hidden" name="state" value=chosen.clone()/> });
    let page = view! {
        <PageHeader title="Holds".into_any() facts=facts>{new}</PageHeader>
        <SavedViews views=views/>
        <FilterBar tags=tags clear="/holds".to_owned()>
            <form method="get" action="/holds" class="menu fields">
                <div class="field"><label for="f-q">"Number, item, lot, owner or supplier"</label><input class="input" id="f-q" name="q" value=words/></div>
                {state}
                <button class="button primary" type="submit">"Apply"</button>
            </form>
        </FilterBar>
        <section class="sheet table-region" aria-label="Holds">{content}</section>
    };
    around.watching_all(&[SubjectKind::Hold]).frame("Holds", page)
}

fn empty(address: &Address) -> AnyView {
    if address.is_narrowed(&["state", "size"]) {
        let clear = Some(("Clear filters".to_owned(), "/holds".to_owned()));
        return view! { <EmptyState title="No hold matches" text="The words above leave nothing over." action=clear/> }
            .into_any();
    }
    let (title, text) = match address.get("state") {
        Some("released") => ("No hold ended yet", "Ended holds stay here, with who released them and why."),
        Some("release_requested") => ("No release waits", "A hold whose release takes a second person stands here."),
        _ => ("Nothing is on hold", "What must not be used stands here, with who has heard of it."),
    };
    view! { <EmptyState title=title text=text/> }.into_any()
}

fn table(rows: &[(HoldRecord, Vec<Heard>)], around: &Around, house: bool) -> AnyView {
    let body = rows.iter().map(|(hold, heard)| row(hold, heard, around, house)).collect_view();
    view! {
        <table class="data-table blocks" role="table">
            <caption class="visually-hidden">"Quality holds"</caption>
            <thead><tr>
                <th scope="col">"Hold"</th><th scope="col">"Covers"</th><th scope="col">"State"</th><th scope="col" class="opt-1">"Reason"</th>
                <th scope="col" class="opt-2">"Owner"</th><th scope="col">"Age"</th>
                {house.then(|| view! { <th scope="col">"Systems"</th> })}
            </tr></thead>
            <tbody>{body}</tbody>
        </table>
    }
    .into_any()
}

/// How many systems know, in a few words.
pub(super) fn known_by(heard: &[Heard], released: bool) -> (Tone, String) {
    let news = if released { EventKind::HoldReleased } else { EventKind::HoldPlaced };
    let told: Vec<&Heard> = heard.iter().filter(|one| one.news == news && one.how != Hearing::NotTold).collect();
    let confirmed = told.iter().filter(|one| matches!(one.how, Hearing::Confirmed { .. })).count();
    let refused = told.iter().filter(|one| matches!(one.how, Hearing::Refused { .. })).count();
    match (told.len(), confirmed, refused) {
        (0, _, _) => (Tone::Neutral, "no system carries holds".to_owned()),
        (all, _, refused) if refused > 0 => (Tone::Crit, format!("{refused} of {all} refused")),
        (all, confirmed, _) if confirmed == all => (Tone::Ok, format!("all {all} confirmed")),
        (all, confirmed, _) => (Tone::Warn, format!("{confirmed} of {all} confirmed")),
    }
}

fn row(hold: &HoldRecord, heard: &[Heard], around: &Around, house: bool) -> AnyView {
    let released = hold.released.is_some();
    let own = hold.requested.as_ref().is_some_and(|(actor, _)| actor.person() == Some(around.viewer.person_id));
    let waits_for_me =
        !own && hold.state == domain::hold::HoldState::ReleaseRequested && around.viewer.may(Action::ManageHolds);
    let edge = waits_for_me.then_some("hold");
    let age = match &hold.released {
        Some((_, at)) => duration(*at - hold.placed_at),
        None => duration(around.now() - hold.placed_at),
    };
    let systems = house.then(|| {
        let (tone, words) = known_by(heard, released);
        view! { <td class="a-sync">{sync_badge(tone, words)}</td> }
    });
    view! {
        <tr data-edge=edge>
            <td class="a-id"><a class="id" href=hold_href(&hold.number)>{hold.number.clone()}</a><span class="sub">{instant(hold.placed_at, &around.reading)}</span></td>
            <td class="a-item"><span class="id item-no">{hold.item.clone()}</span><span class="sub">{covers(hold)}</span></td>
            <td class="a-status">{hold_tag(hold.state)}</td>
            <td class="opt-1">{hold.reason.words()}<span class="sub clip" dir="auto">{hold.note.clone()}</span></td>
            <td class="opt-2">{if house { hold.owner.clone() } else { "–".to_owned() }}</td>
            <td class="a-due nowrap">{age}</td>
            {systems}
        </tr>
    }
    .into_any()
}
