//! `/holds/:number/release`: one look at what ends and what becomes of the material, a typed reason, and the second person.

use domain::access::{Action, may};
use domain::hold::{Disposition, HoldState, LONGEST_NOTE, release as may_release};
use leptos::prelude::*;
use leptos::server_fn::ServerFn as _;
use leptos::server_fn::codec::PostUrl;
use leptos_router::hooks::use_params_map;
use serde::{Deserialize, Serialize};
use store::holds::{self, HoldRecord};
use store::lot_list::{self, LotRecord};
use uuid::Uuid;

use super::fields::Input;
use super::words::{covers, hold_href, hold_tag, lot_href, stock_parts};
use crate::error::AppError;
use crate::exchange::act::refused;
use crate::form::{Done, Form, Kept};
use crate::loaded;
use crate::page::Around;
use crate::request;
use crate::ui::field::field_note;
use crate::ui::header::{Breadcrumb, Crumb, PageHeader};
use crate::ui::number::counted;
use crate::ui::tag::id;
use crate::ui::time::instant_with_zone;
use crate::ui::tone::Tone;

/// The form as it was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Typed {
    disposition: String,
    reason: String,
}

struct View {
    around: Around,
    hold: HoldRecord,
    lots: Vec<LotRecord>,
    kept: Option<Kept<Typed>>,
    submission: Uuid,
}

fn form(number: &str) -> Form {
    Form::new("hold.release", number, format!("{}/release", hold_href(number)))
}

pub(super) fn page() -> impl IntoView {
    let number = use_params_map().get_untracked().get("number").unwrap_or_default();
    loaded(load(number), show)
}

async fn load(number: String) -> Result<View, AppError> {
    let kept = form(&number).kept::<Typed>().await?;
    let mut tx = request::reader().await?;
    may(tx.actor(), Action::ManageHolds)?;
    let hold = holds::get(&mut tx, &number).await?;
    let lots = lot_list::under_hold(&mut tx, hold.hold_id).await?;
    Ok(View { submission: tx.new_id(), around: Around::load(&mut tx).await?, hold, lots, kept })
}

fn show(view: View) -> AnyView {
    let View { around, hold, lots, kept, submission } = view;
    let number = hold.number.clone();
    let requested = hold.state == HoldState::ReleaseRequested;
    let second = requested && may_release(&hold.standing(), &around.viewer.actor()).is_ok();
    let title =
        view! { {if second { "Confirm the release of " } else { "Release of " }}{id(number.clone())} }.into_any();
    let count = i64::try_from(lots.len()).unwrap_or(i64::MAX);
    let facts = vec![
        view! { {id(hold.item.clone())}", "{covers(&hold)} }.into_any(),
        hold.reason.words().into_any(),
        counted(count, "lot under it", "lots under it").into_any(),
    ];
    let body = match hold.state {
        HoldState::Released => field_note(Tone::Ok, "This hold has been released already.", None),
        _ if second => confirm(&hold, &around, submission),
        _ => ask(&hold, &around, kept.as_ref(), submission),
    };
    let page = view! {
        <Breadcrumb crumbs=vec![Crumb::link("Holds", "/holds"), Crumb::link(number.clone(), hold_href(&number)).mono(), Crumb::here("Release")]/>
        <PageHeader title=title beside=Some(hold_tag(hold.state)) facts=facts/>
        {refused("Not released", kept.as_ref())}
        <div class="stack">
            {found(&hold)}
            {under(&lots)}
            {body}
        </div>
    };
    around.frame(format!("Release of {number}"), page)
}

fn found(hold: &HoldRecord) -> AnyView {
    view! {
        <section class="sheet" aria-labelledby="why-title">
            <div class="section-head"><h2 id="why-title">"Why it was placed"</h2></div>
            <dl class="fact-list">
                <dt>"What was found"</dt><dd dir="auto" class="breaks">{hold.note.clone()}</dd>
                <dt>"Placed by"</dt><dd>{hold.placed_by.name().to_owned()}</dd>
                <dt>"Owner"</dt><dd>{hold.owner.clone()}</dd>
            </dl>
        </section>
    }
    .into_any()
}

fn under(lots: &[LotRecord]) -> AnyView {
    if lots.is_empty() {
        return ().into_any();
    }
    let rows = lots
        .iter()
        .map(|lot| {
            view! { <li><a class="id" href=lot_href(lot.lot_id)>{lot.number.clone()}</a><span class="muted">{format!("plant {}", lot.plant.0)}</span>{stock_parts(lot)}</li> }
        })
        .collect_view();
    view! {
        <section class="sheet" aria-labelledby="lots-title">
            <div class="section-head"><h2 id="lots-title">"What it frees"</h2></div>
            <ul class="row-list">{rows}</ul>
        </section>
    }
    .into_any()
}

/// What happens to the stock, in words.
fn consequence(disposition: Disposition) -> &'static str {
    match disposition {
        Disposition::UseAsIs => "What is free under it may be used from that moment.",
        _ => "What is free under it lies blocked from that moment; nothing becomes usable by the end of the hold.",
    }
}

fn ask(hold: &HoldRecord, around: &Around, kept: Option<&Kept<Typed>>, submission: Uuid) -> AnyView {
    let typed = kept.map(|kept| kept.typed.clone()).unwrap_or_default();
    let list = Disposition::ALL.iter().map(|one| (one.as_str().to_owned(), one.words().to_owned()));
    let disposition = Input::new("disposition", "What becomes of the material")
        .hint("Unless it is used as it is, what is free under the hold lies blocked afterwards.")
        .value(typed.disposition)
        .refused(kept, "disposition")
        .select(std::iter::once((String::new(), "choose …".to_owned())).chain(list));
    let reason = Input::new("reason", "Why the hold may end")
        .hint("In your own words; it stays in the history.")
        .value(typed.reason)
        .refused(kept, "reason")
        .area(LONGEST_NOTE);
    let standing = hold.requested.as_ref().filter(|_| hold.state == HoldState::ReleaseRequested).map(|(actor, at)| {
        let own = actor.person() == Some(around.viewer.person_id);
        let who = if own { "You".to_owned() } else { actor.name().to_owned() };
        let what = hold.disposition.map(Disposition::words).unwrap_or_default();
        view! { <p class="lead">{format!("{who} asked for the release ({what}), ")}{instant_with_zone(*at, &around.reading)}". It waits for a second person. A new request takes its place."</p> }
    });
    let (button, note) = if hold.two_persons {
        ("Ask for the release", "Somebody else has to confirm it before anything may be used.")
    } else {
        ("Release the hold", "Every connected system is told at once.")
    };
    view! {
        {standing}
        <form method="post" action=RequestRelease::url() novalidate class="stack">
            <input type="hidden" name="submission" value=submission.to_string()/>
            <input type="hidden" name="number" value=hold.number.clone()/>
            <div class="sheet form-sheet fields pad">{disposition}{reason}</div>
            <div class="submit-bar">
                <button class="button primary" type="submit">{button}</button>
                <a class="button" href=hold_href(&hold.number)>"Cancel"</a>
                <span class="muted">{note}</span>
            </div>
        </form>
    }
    .into_any()
}

fn confirm(hold: &HoldRecord, around: &Around, submission: Uuid) -> AnyView {
    let disposition = hold.disposition.unwrap_or(Disposition::UseAsIs);
    let who = hold.requested.as_ref().map(|(actor, at)| {
        view! { <dt>"Asked for by"</dt><dd>{actor.name().to_owned()}", "{instant_with_zone(*at, &around.reading)}</dd> }
    });
    view! {
        <section class="sheet" aria-labelledby="request-title">
            <div class="section-head"><h2 id="request-title">"What was asked for"</h2></div>
            <dl class="fact-list">
                {who}
                <dt>"What becomes of it"</dt><dd><b>{disposition.words()}</b><span class="sub">{consequence(disposition)}</span></dd>
                <dt>"Why"</dt><dd dir="auto" class="breaks">{hold.release_note.clone()}</dd>
            </dl>
        </section>
        <form method="post" action=ReleaseHold::url()>
            <input type="hidden" name="submission" value=submission.to_string()/>
            <input type="hidden" name="number" value=hold.number.clone()/>
            <div class="submit-bar">
                <button class="button primary" type="submit">"Release the hold"</button>
                <a class="button" href=hold_href(&hold.number)>"Leave it on hold"</a>
                <span class="muted">"You are the second person. Every connected system is told at once."</span>
            </div>
        </form>
    }
    .into_any()
}

/// One person wants to end a hold.
#[server(input = PostUrl, prefix = "/do", endpoint = "request-release")]
pub async fn request_release(
    submission: Uuid,
    number: String,
    #[server(default)] disposition: String,
    #[server(default)] reason: String,
) -> Result<(), AppError> {
    let typed = Typed { disposition, reason };
    let outcome = async {
        let mut tx = request::begin().await?;
        let disposition = typed.disposition.parse().ok();
        let done = holds::request_release(&mut tx, &number, disposition, &typed.reason, submission).await?;
        tx.commit().await?;
        let said = if done.state == HoldState::Released {
            format!("Hold {number} is released. Every connected system is told.")
        } else {
            "The release is asked for. Somebody else has to confirm it; until then nothing may be used.".to_owned()
        };
        Ok(Done::at(hold_href(&number)).saying(said))
    };
    form(&number).answer(&typed, outcome.await).await
}

/// The second person says yes.
#[server(input = PostUrl, prefix = "/do", endpoint = "release-hold")]
pub async fn release_hold(submission: Uuid, number: String) -> Result<(), AppError> {
    let outcome = async {
        let mut tx = request::begin().await?;
        holds::release(&mut tx, &number, submission).await?;
        tx.commit().await?;
        Ok(Done::at(hold_href(&number)).saying(format!("Hold {number} is released. Every connected system is told.")))
    };
    form(&number).answer(&Typed::default(), outcome.await).await
}
