//! `/holds/:number`: one hold: what is under it, where the material went, which system has heard of it and since when.
//!
//! The same page printed is the tag for the pallet.

use domain::access::Action;
use domain::event::EventKind;
use domain::hold::{HoldState, release};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use store::holds::{self, Heard, Hearing, HoldRecord};
use store::timeline::{self, Entry};
use store::trace::{self, Reach};

use super::holds::carriers;
use super::words::{covers, hold_tag, lot_href, ship_status, stock_parts};
use crate::address::encoded;
use crate::error::AppError;
use crate::loaded;
use crate::orders::history::{self, Shown};
use crate::page::Around;
use crate::request;
use crate::ui::copy::copy_button;
use crate::ui::empty::EmptyState;
use crate::ui::header::{Breadcrumb, Crumb, PageHeader, disabled_button};
use crate::ui::number::{counted, quantity};
use crate::ui::sprite::symbol;
use crate::ui::tag::{id, stamp};
use crate::ui::time::{date, duration, instant_with_zone};
use crate::ui::tone::Tone;

struct View {
    around: Around,
    hold: HoldRecord,
    reach: Reach,
    heard: Vec<Heard>,
    history: Vec<Entry>,
}

pub(super) fn page() -> impl IntoView {
    let number = use_params_map().get_untracked().get("number").unwrap_or_default();
    loaded(load(number), show)
}

async fn load(number: String) -> Result<View, AppError> {
    let mut tx = request::reader().await?;
    let around = Around::load(&mut tx).await?;
    let hold = holds::get(&mut tx, &number).await?;
    let insider = around.viewer.may(Action::SeeQuality) && !around.viewer.is_supplier();
    let heard = if insider { holds::confirmations(&mut tx, hold.hold_id, &carriers()).await? } else { Vec::new() };
    let reach = trace::reach(&mut tx, &hold).await?;
    let history = timeline::of_subject(&mut tx, hold.hold_id.0).await?;
    Ok(View { around, hold, reach, heard, history })
}

fn show(view: View) -> AnyView {
    let View { around, hold, reach, heard, history } = view;
    let house = !around.viewer.is_supplier();
    let number = hold.number.clone();
    let title = view! { "Hold "{id(number.clone())} }.into_any();
    let beside = view! { {copy_button(number.clone(), "hold number")}{hold_tag(hold.state)} }.into_any();
    let mut facts = vec![
        view! { {id(hold.item.clone())}", "{covers(&hold)} }.into_any(),
        hold.reason.words().into_any(),
        view! { "placed "{instant_with_zone(hold.placed_at, &around.reading)} }.into_any(),
    ];
    if house {
        facts.push(format!("owner {}", hold.owner).into_any());
    }
    let hold_id = hold.hold_id;
    let actions = actions(&hold, &around);
    let zone = around.reading.abbreviation(around.now());
    let timeline = history::list(&history, &around, Shown::All, false);
    let content = view! {
        <Breadcrumb crumbs=vec![Crumb::link("Holds", "/holds"), Crumb::here(number.clone()).mono()]/>
        <PageHeader title=title beside=Some(beside) facts=facts>{actions}</PageHeader>
        <p class="hold-tag-line">"ON HOLD. Do not use, do not move without the quality department."</p>
        <div class="stack">
            {house.then(|| strip(&hold, &heard, &around))}
            {words(&hold, &around)}
            {lots(&reach)}
            {on_the_way(&reach, house)}
            <section class="sheet screen-only" aria-labelledby="timeline-title">
                <div class="section-head"><h2 id="timeline-title">"Timeline "<span>{format!("times in {zone}")}</span></h2></div>
                {timeline}
            </section>
        </div>
    };
    around.watching(hold_id).frame(format!("Hold {number}"), content)
}

fn actions(hold: &HoldRecord, around: &Around) -> AnyView {
    if around.viewer.is_supplier() || hold.state == HoldState::Released {
        return ().into_any();
    }
    let href = format!("/holds/{}/release", encoded(&hold.number));
    if !around.viewer.may(Action::ManageHolds) {
        return disabled_button("Release", "It takes the role Quality engineer.");
    }
    if hold.state == HoldState::Active {
        let words = if hold.two_persons { "Ask for release …" } else { "Release …" };
        return view! { <a class="button" href=href>{words}</a> }.into_any();
    }
    match release(&hold.standing(), &around.viewer.actor()) {
        Ok(_) => view! { <a class="button primary" href=href>"Confirm the release …"</a> }.into_any(),
        Err(findings) => {
            let why = findings.into_iter().next().map(|finding| finding.message).unwrap_or_default();
            view! { <a class="button" href=href>"Change the request …"</a>{disabled_button("Confirm the release", why)} }.into_any()
        }
    }
}

/// Which systems know, since when; and which do not, since when.
fn strip(hold: &HoldRecord, heard: &[Heard], around: &Around) -> AnyView {
    let news = if hold.released.is_some() { EventKind::HoldReleased } else { EventKind::HoldPlaced };
    let mut systems: Vec<&Heard> = heard.iter().filter(|one| one.news == news).collect();
    systems.sort_by(|a, b| a.system.cmp(&b.system));
    let what = if news == EventKind::HoldReleased { "of the release" } else { "of the hold" };
    let items = systems
        .iter()
        .map(|one| {
            let (tone, state, detail) = told(one, around);
            let their_ref = match &one.how {
                Hearing::Confirmed { their_ref: Some(number), .. } => Some(stamp(number.clone(), None)),
                _ => None,
            };
            view! {
                <li data-tone=tone.as_str()>
                    {symbol(tone.shape(), "shape")}
                    <span class="name">{one.system.clone()}</span>
                    <span class="state">{state}</span>
                    <span class="sub">{detail}</span>
                    {their_ref}
                </li>
            }
        })
        .collect_view();
    let body = if systems.is_empty() {
        view! { <EmptyState title="No connected system is told of holds" text="As soon as an ERP, MES or warehouse system that carries holds is connected, it stands here."/> }.into_any()
    } else {
        view! { <ul class="hearers">{items}</ul> }.into_any()
    };
    view! {
        <section class="sheet screen-only" aria-labelledby="systems-title">
            <div class="section-head"><h2 id="systems-title">"Who knows "<span>{what}</span></h2></div>
            {body}
        </section>
    }
    .into_any()
}

fn told(one: &Heard, around: &Around) -> (Tone, &'static str, String) {
    let reading = &around.reading;
    let waits = || format!("since {}, for {}", reading.short(one.since), duration(around.now() - one.since));
    match &one.how {
        Hearing::Confirmed { at, .. } => {
            (Tone::Ok, "confirmed", format!("since {}, {} later", reading.short(*at), duration(*at - one.since)))
        }
        Hearing::Waiting { why } => {
            let why = why.as_deref().map(|why| format!("; {why}")).unwrap_or_default();
            (Tone::Warn, "not yet confirmed", format!("{}{why}", waits()))
        }
        Hearing::Retrying { attempts, next_at, fault } => {
            let next = next_at.map(|at| format!(", next {}", reading.short(at))).unwrap_or_default();
            let fault = fault.as_deref().map(|fault| format!("; {fault}")).unwrap_or_default();
            let tries = crate::orders::words::tries(*attempts);
            (Tone::Warn, "not yet confirmed", format!("{}; {tries}{next}{fault}", waits()))
        }
        Hearing::Refused { fault } => {
            let fault = fault.as_deref().map(|fault| format!("; {fault}")).unwrap_or_default();
            (Tone::Crit, "refused", format!("{}{fault}", waits()))
        }
        Hearing::NotTold => (Tone::Neutral, "not told", "left out by decision or by its settings".to_owned()),
    }
}

fn words(hold: &HoldRecord, around: &Around) -> AnyView {
    let house = !around.viewer.is_supplier();
    let placed = if house { hold.placed_by.name().to_owned() } else { "the buyer's quality department".to_owned() };
    let requested = hold.requested.as_ref().filter(|_| house && hold.state == HoldState::ReleaseRequested).map(|(actor, at)| {
        view! { <dt>"Release asked for"</dt><dd>{actor.name().to_owned()}", "{instant_with_zone(*at, &around.reading)}</dd> }
    });
    let released = hold.released.as_ref().map(|(actor, at)| {
        let name = if house { format!("{}, ", actor.name()) } else { String::new() };
        view! { <dt>"Released"</dt><dd>{name}{instant_with_zone(*at, &around.reading)}</dd> }
    });
    let becomes = hold.disposition.map(|it| view! { <dt>"What becomes of it"</dt><dd>{it.words()}</dd> });
    let why = hold.release_note.clone().filter(|_| house || hold.state == HoldState::Released);
    let why = why.map(|note| view! { <dt>"Why it may end"</dt><dd dir="auto">{note}</dd> });
    let persons = if hold.two_persons { "two persons" } else { "one person" };
    view! {
        <section class="sheet" aria-labelledby="why-title">
            <div class="section-head"><h2 id="why-title">"Why"</h2></div>
            <dl class="fact-list">
                <dt>"Reason"</dt><dd>{hold.reason.words()}</dd>
                <dt>"What was found"</dt><dd dir="auto" class="breaks">{hold.note.clone()}</dd>
                <dt>"Placed by"</dt><dd>{placed}</dd>
                <dt>"Release takes"</dt><dd>{persons}</dd>
                {requested}{released}{becomes}{why}
            </dl>
        </section>
    }
    .into_any()
}

fn lots(reach: &Reach) -> AnyView {
    let rows = reach
        .lots
        .iter()
        .map(|lot| {
            let gone = reach.gone.iter().find(|(id, _)| *id == lot.lot_id).map(|(_, value)| *value);
            let gone = gone.map_or_else(|| view! { <span class="muted">"–"</span> }.into_any(), |value| quantity(value, &lot.unit));
            let theirs = lot.supplier_lot.as_ref().filter(|theirs| **theirs != lot.number).cloned();
            let theirs = theirs.map(|theirs| view! { <span class="sub">"supplier lot "<span class="id">{theirs}</span></span> });
            view! {
                <tr>
                    <td class="a-id"><a class="id" href=lot_href(lot.lot_id)>{lot.number.clone()}</a>{theirs}</td>
                    <td class="a-item"><span class="id">{lot.plant.0.clone()}</span><span class="sub">{lot.location.clone().unwrap_or_else(|| "place not known".to_owned())}</span></td>
                    <td class="a-status">{stock_parts(lot)}</td>
                    <td class="num a-num nowrap" data-label="used or gone">{gone}</td>
                </tr>
            }
        })
        .collect_view();
    let count = i64::try_from(reach.lots.len()).unwrap_or(i64::MAX);
    let body = if reach.lots.is_empty() {
        view! { <EmptyState title="No lot is under it yet" text="A lot that arrives and falls under this hold is held from its arrival."/> }.into_any()
    } else {
        view! {
            <table class="data-table blocks" role="table">
                <caption class="visually-hidden">"Lots under the hold"</caption>
                <thead><tr><th scope="col">"Lot"</th><th scope="col">"Where"</th><th scope="col">"Stock"</th><th scope="col" class="num">"Used or gone"</th></tr></thead>
                <tbody>{rows}</tbody>
            </table>
        }
        .into_any()
    };
    view! {
        <section class="sheet table-region" aria-labelledby="lots-title">
            <div class="section-head"><h2 id="lots-title">"Under this hold "<span>{counted(count, "lot", "lots")}</span></h2></div>
            {body}
        </section>
    }
    .into_any()
}

fn on_the_way(reach: &Reach, house: bool) -> AnyView {
    if reach.on_the_way.is_empty() {
        return ().into_any();
    }
    let rows = reach
        .on_the_way
        .iter()
        .map(|row| {
            let lot = row.supplier_lot.clone().unwrap_or_else(|| "–".to_owned());
            let supplier = house.then(|| row.supplier.1.clone());
            view! {
                <tr>
                    <td class="a-id"><a class="id" href=format!("/shipments/{}", encoded(&row.notice))>{row.notice.clone()}</a><span class="sub">{supplier}</span></td>
                    <td class="a-item">"supplier lot "<span class="id">{lot}</span><span class="sub"><a class="id quiet-link" href=format!("/orders/{}", encoded(&row.order.0))>{row.order.0.clone()}</a></span></td>
                    <td class="a-status">{ship_status(row.status)}</td>
                    <td class="num a-num nowrap">{quantity(row.quantity, &row.unit)}</td>
                    <td class="a-due nowrap" data-label="expected">{date(row.arrive_on)}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <section class="sheet table-region screen-only" aria-labelledby="way-title">
            <div class="section-head"><h2 id="way-title">"Announced and not here yet "<span>"held from its arrival"</span></h2></div>
            <table class="data-table blocks" role="table">
                <caption class="visually-hidden">"Shipments that bring more of it"</caption>
                <thead><tr><th scope="col">"Shipment"</th><th scope="col">"What"</th><th scope="col">"State"</th><th scope="col" class="num">"Quantity"</th><th scope="col">"Expected"</th></tr></thead>
                <tbody>{rows}</tbody>
            </table>
        </section>
    }
    .into_any()
}
