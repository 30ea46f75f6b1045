//! `/shipments/:number`: one ship notice with its content, its way, what the ERP made of it, its versions and its history.

use domain::access::Action;
use domain::exchange::DeliveryState;
use domain::shipment::content::threatened;
use domain::shipment::{Milestone, ShipStatus};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use store::order_list::InErp;
use store::receipts::ReceiptRow;
use store::ship_notices::{self, ShipNoticeRecord, Told, Version};
use store::timeline::{self, Entry};

use crate::error::AppError;
use crate::loaded;
use crate::orders::history::{self, Shown};
use crate::orders::inbound;
use crate::page::{self, Around};
use crate::request;
use crate::ui::copy::copy_button;
use crate::ui::field::Notice;
use crate::ui::header::{Breadcrumb, Crumb, PageHeader, disabled_button};
use crate::ui::lifecycle::{Lifecycle, Stop, StopState};
use crate::ui::number::counted;
use crate::ui::sprite::symbol;
use crate::ui::tag::{id, stamp, tag};
use crate::ui::time::{instant, instant_with_zone};
use crate::ui::tone::Tone;

use super::act::address;
use super::{contents, versions, words};

struct Loaded {
    around: Around,
    record: ShipNoticeRecord,
    versions: Vec<Version>,
    milestones: Vec<Told>,
    in_erp: Option<InErp>,
    history: Vec<Entry>,
    receipts: Vec<ReceiptRow>,
    case: Option<String>,
    all: bool,
}

pub(super) fn page() -> impl IntoView {
    let number = use_params_map().get_untracked().get("number").unwrap_or_default();
    let all = page::query().iter().any(|(key, value)| key == "all" && value == "1");
    loaded(load(number, all), show)
}

async fn load(number: String, all: bool) -> Result<Loaded, AppError> {
    let mut tx = request::reader().await?;
    let around = Around::load(&mut tx).await?;
    let record = ship_notices::get(&mut tx, &number).await?;
    let notice_id = record.notice.ship_notice_id;
    let versions = ship_notices::versions(&mut tx, notice_id).await?;
    let milestones = ship_notices::milestones(&mut tx, notice_id).await?;
    let in_erp = ship_notices::in_erp(&mut tx, &record).await?;
    let history = timeline::of_subject(&mut tx, notice_id.0).await?;
    let receipts = store::receipts::of_notice(&mut tx, &number).await?;
    let case = store::differences::open_of(&mut tx, notice_id).await?;
    Ok(Loaded { around, record, versions, milestones, in_erp, history, receipts, case, all })
}

fn show(loaded: Loaded) -> AnyView {
    let Loaded { around, record, versions: sent, milestones, in_erp, history, receipts, case, all } = loaded;
    let notice = &record.notice;
    let number = notice.number.clone();
    let (now, notice_id) = (around.now(), notice.ship_notice_id);
    let late = record.status.is_expected()
        && !matches!(record.status, ShipStatus::Arrived | ShipStatus::PartlyReceived)
        && notice.arrive_on < record.today(now);
    let (tone, said) = words::status(record.status, late);
    let title = view! { "Ship notice "{id(number.clone())} }.into_any();
    let beside = view! { {copy_button(number.clone(), "ship notice number")}{tag(tone, said)} }.into_any();
    let cancelled = record.cancel_reason.as_ref().map(|reason| {
        let by =
            record.cancelled_at.map(|at| format!("Withdrawn {}: ", around.reading.with_zone(at))).unwrap_or_default();
        view! { <Notice tone=Tone::Neutral words=format!("{by}“{reason}”")/> }
    });
    let buttons = actions(&record, &around);
    let page = view! {
        <Breadcrumb crumbs=vec![Crumb::link("Shipments", "/shipments"), Crumb::here(number.clone()).mono()]/>
        <PageHeader title=title beside=Some(beside) facts=facts(&record, &around)>{buttons}</PageHeader>
        {cancelled}
        {threats(&record)}
        <div class="stack">
            <Lifecycle stops=stops(&record, in_erp.as_ref(), &around)/>
            {erp(&record, in_erp.as_ref(), &around)}
            {crate::inbound::receive::differs(case.as_deref())}
            {contents::lines(&record, all)}
            {crate::inbound::receive::came(&receipts, &around)}
            <div class="columns-8-4">
                <div class="stack">
                    {contents::packages(notice, all)}
                    <section class="sheet" aria-labelledby="timeline-title">
                        <div class="section-head"><h2 id="timeline-title">"Timeline "<span>{format!("times in {}", around.reading.abbreviation(now))}</span></h2></div>
                        {history::list(&history, &around, Shown::All, false)}
                    </section>
                </div>
                <div class="stack">
                    {contents::transport(notice)}
                    {way(&milestones, &around)}
                    {documents(&record)}
                    {versions::sheet(&sent, &around)}
                </div>
            </div>
        </div>
    };
    around.watching(notice_id).frame(format!("Ship notice {number}"), page)
}

fn facts(record: &ShipNoticeRecord, around: &Around) -> Vec<AnyView> {
    let mut facts = Vec::new();
    if !around.viewer.is_supplier() {
        facts.push(view! { {record.supplier.1.clone()}" "{id(record.supplier.0.clone())} }.into_any());
    }
    facts.push(view! { "to "{id(record.plant.0.clone())}" "{record.plant.1.clone()} }.into_any());
    facts.push(view! { "delivery note "{id(record.notice.delivery_note.clone())} }.into_any());
    facts.push(format!("version {}", record.notice.version).into_any());
    facts.push(counted(i64::try_from(record.notice.lines.len()).unwrap_or(0), "line", "lines").into_any());
    if !record.notice.units.is_empty() {
        facts.push(counted(i64::try_from(record.notice.units.len()).unwrap_or(0), "package", "packages").into_any());
    }
    facts
}

fn actions(record: &ShipNoticeRecord, around: &Around) -> AnyView {
    let number = record.notice.number.clone();
    let sends = around.viewer.may(Action::SendShipNotice) && around.viewer.is_supplier();
    let post = |door: &'static str, words: &'static str, primary: bool| {
        view! { <form method="post" action=door><input type="hidden" name="number" value=number.clone()/><button class=if primary { "button primary" } else { "button" } type="submit">{words}</button></form> }
    };
    let tell = (around.viewer.may(Action::TellMilestone) && record.status.is_expected())
        .then(|| view! { <a class="button" href=format!("{}/tell", address(&number))>"Tell a milestone"</a> });
    if !sends {
        let receive = (around.viewer.may(Action::PostReceipt) && record.status.is_expected())
            .then(|| view! { <a class="button primary" href=format!("/inbound/{number}")>"Receive"</a> });
        return view! { {receive}{tell} }.into_any();
    }
    let why = format!("It is {}; that is possible until the first receipt.", record.status.words());
    if record.status.is_open() {
        view! {
            {post("/do/amend-shipment", "Amend", true)}
            {tell}
            {post("/do/duplicate-shipment", "Duplicate", false)}
            <a class="button" href=format!("{}/cancel", address(&number))>"Withdraw"</a>
        }
        .into_any()
    } else {
        view! { {disabled_button("Amend", why)}{tell}{post("/do/duplicate-shipment", "Duplicate", false)} }.into_any()
    }
}

/// The promises that the expected arrival does not keep.
fn threats(record: &ShipNoticeRecord) -> Option<AnyView> {
    if !record.status.is_expected() {
        return None;
    }
    let lines = record.notice.lines.iter().map(|line| {
        (format!("{} line {}", line.order, line.line), record.promised_on.get(&line.schedule_line_id).copied())
    });
    let late = threatened(lines, record.notice.arrive_on);
    let first = late.first()?;
    let more = match late.len() - 1 {
        0 => String::new(),
        more => format!(" and {}", counted(i64::try_from(more).unwrap_or(0), "other line", "other lines")),
    };
    let words = format!(
        "The arrival on {} is {} after the day promised for {}{more} ({}).",
        domain::calendar::day(record.notice.arrive_on),
        counted(first.days, "day", "days"),
        first.name,
        domain::calendar::day(first.promised_on)
    );
    Some(view! { <Notice tone=Tone::Warn words=words/> }.into_any())
}

fn stops(record: &ShipNoticeRecord, in_erp: Option<&InErp>, around: &Around) -> Vec<Stop> {
    let reading = &around.reading;
    let at = |at: Option<chrono::DateTime<chrono::Utc>>, words: &'static str| {
        Some(at.map_or_else(|| words.into_any(), |at| instant(at, reading)))
    };
    let stop = |state, name, system, lag| Stop { state, name, system, document: None, part: None, lag, note: None };
    let gone = record.status == ShipStatus::Cancelled;
    let reached = |done: bool| match (done, gone) {
        (true, _) => StopState::Done,
        (false, true) => StopState::Skipped,
        (false, false) => StopState::Future,
    };
    let erp_state = match in_erp.map(|erp| erp.state) {
        Some(DeliveryState::Delivered) => StopState::Done,
        Some(DeliveryState::Parked) => StopState::Failed,
        Some(DeliveryState::Skipped | DeliveryState::Superseded) => StopState::Skipped,
        _ => StopState::Current,
    };
    let received = match record.status {
        ShipStatus::Received => StopState::Done,
        ShipStatus::PartlyReceived => StopState::Partly,
        _ => reached(false),
    };
    vec![
        stop(StopState::Done, "Announced", "Supplier", at(Some(record.announced_at), "")),
        Stop {
            document: in_erp.and_then(|erp| erp.their_ref.clone()).map(|number| stamp(number, None)),
            ..stop(erp_state, "In ERP", "ERP", at(in_erp.and_then(|erp| erp.finished_at), "on its way"))
        },
        stop(reached(record.departed_at.is_some()), "Departed", "Carrier", at(record.departed_at, "not told yet")),
        stop(reached(record.arrived_at.is_some()), "At the gate", "Plant", at(record.arrived_at, "not told yet")),
        stop(received, "Received", "Plant", at(record.received_at, "not yet")),
    ]
}

/// What the ERP says of it, and what the reader can do.
fn erp(record: &ShipNoticeRecord, in_erp: Option<&InErp>, around: &Around) -> AnyView {
    let insider = !around.viewer.is_supplier();
    let (tone, said, then) = words::sync(in_erp, &around.reading, insider, record.status == ShipStatus::Cancelled);
    view! {
        <p class="notice" data-tone=tone.as_str() id="erp">{symbol(tone.shape(), "shape")}<span>{said}{then.map(|then| view! { " "<span class="muted">{then}</span> })}</span></p>
    }
    .into_any()
}

fn way(milestones: &[Told], around: &Around) -> AnyView {
    let rows = milestones
        .iter()
        .map(|told| {
            let expected = told.moved.arrive_on.map(|on| format!("expected {}", domain::calendar::day(on)));
            let tone = if told.moved.milestone == Milestone::Delayed { Tone::Warn } else { Tone::Ok };
            view! {
                <li>
                    {tag(tone, inbound::milestone(told.moved.milestone))}
                    <span>{instant_with_zone(told.moved.happened_at, &around.reading)}</span>
                    {expected.map(|expected| view! { <b>{expected}</b> })}
                    <span class="muted whole">{format!("told by {} ", told.actor.name())}{instant(told.learned_at, &around.reading)}{told.moved.note.as_ref().map(|note| format!(": “{note}”"))}</span>
                </li>
            }
        })
        .collect_view();
    let none = milestones.is_empty().then(|| view! { <li class="muted">"Nothing was told about its way yet."</li> });
    view! {
        <section class="sheet" aria-labelledby="way-title">
            <div class="section-head"><h2 id="way-title">"On its way"</h2></div>
            <ul class="row-list">{rows}{none}</ul>
        </section>
    }
    .into_any()
}

fn documents(record: &ShipNoticeRecord) -> AnyView {
    let base = format!("{}/print", address(&record.notice.number));
    let labels = (!record.notice.units.is_empty()).then(|| {
        view! {
            <li><a href=format!("{base}/labels.pdf")>"Labels"</a><span class="end muted">"PDF"</span></li>
            <li><a href=format!("{base}/labels.zpl")>"Labels for a label printer"</a><span class="end muted">"ZPL"</span></li>
        }
    });
    let none = record
        .notice
        .units
        .is_empty()
        .then(|| view! { <li class="muted">"Labels need packages: amend the notice and pack it."</li> });
    view! {
        <section class="sheet" aria-labelledby="documents-title">
            <div class="section-head"><h2 id="documents-title">"Documents"</h2></div>
            <ul class="row-list">
                <li><a href=format!("{base}/slip")>"Packing slip"</a><span class="end muted">"to print"</span></li>
                {labels}
                {none}
            </ul>
        </section>
    }
    .into_any()
}
