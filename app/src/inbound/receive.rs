//! `/inbound/:notice` and `/inbound/orders/:po`: one delivery at the dock, and receiving it.

use domain::access::{Action, may};
use domain::calendar::{day, today};
use domain::quantity::grouped;
use domain::receipt::ReceiptChannel;
use domain::receipt::post::{Against, PostReceipt, everything};
use domain::shipment::{HandlingUnit, Milestone, ShipStatus};
use leptos::prelude::*;
use leptos::server_fn::ServerFn as _;
use leptos::server_fn::codec::PostUrl;
use leptos_router::hooks::use_params_map;
use store::receipts::{self, Expected, ReceiptRow};
use store::ship_notices::{self, ShipNoticeRecord};
use store::{CommandError, differences};
use uuid::Uuid;

use super::entry::{self, Typed};
use super::lines::{self, Shown};
use super::{check_in, words};
use crate::address::{Address, encoded};
use crate::error::AppError;
use crate::exchange::act::refused;
use crate::form::{Done, FieldProblem, Form, Kept};
use crate::loaded;
use crate::orders::answer::Fields;
use crate::page::Around;
use crate::request;
use crate::ui::copy::copy_button;
use crate::ui::header::{Breadcrumb, Crumb, PageHeader};
use crate::ui::number::counted;
use crate::ui::tag::{id, tag};
use crate::ui::time::instant;
use crate::ui::tone::Tone;

struct Loaded {
    around: Around,
    against: Against,
    expected: Expected,
    /// None for an order.
    notice: Option<Box<ShipNoticeRecord>>,
    unloading: bool,
    receipts: Vec<ReceiptRow>,
    case: Option<String>,
    kept: Option<Kept<Typed>>,
    submissions: [Uuid; 3],
    package: Option<String>,
}

pub(super) fn notice_page() -> impl IntoView {
    let number = use_params_map().get_untracked().get("notice").unwrap_or_default();
    loaded(load(Against::Notice(number), Address::of_request()), show)
}

pub(super) fn order_page() -> impl IntoView {
    let number = use_params_map().get_untracked().get("po").unwrap_or_default();
    loaded(load(Against::Order(number), Address::of_request()), show)
}

fn parts_of(against: &Against) -> (&'static str, &str) {
    match against {
        Against::Notice(number) => ("notice", number),
        Against::Order(number) => ("order", number),
    }
}

fn form(against: &Against) -> Form {
    let (kind, number) = parts_of(against);
    let object = format!("{kind}.{number}");
    let page = entry::page_of(&object);
    Form::new(entry::FORM, object, page)
}

async fn load(against: Against, address: Address) -> Result<Loaded, AppError> {
    let kept = form(&against).kept::<Typed>().await?;
    let mut tx = request::reader().await?;
    may(tx.actor(), Action::SeeInbound)?;
    let around = Around::load(&mut tx).await?;
    let expected = receipts::expected(&mut tx, &against).await?;
    let (mut notice, mut unloading, mut case) = (None, false, None);
    let receipts = match &against {
        Against::Notice(number) => {
            let record = ship_notices::get(&mut tx, number).await?;
            let told = ship_notices::milestones(&mut tx, record.notice.ship_notice_id).await?;
            unloading = told.iter().any(|told| told.moved.milestone == Milestone::Receiving);
            case = differences::open_of(&mut tx, record.notice.ship_notice_id).await?;
            notice = Some(Box::new(record));
            receipts::of_notice(&mut tx, number).await?
        }
        Against::Order(number) => {
            let record = store::orders::get(&mut tx, number).await?;
            receipts::of_order(&mut tx, record.order.order_id.0).await?
        }
    };
    let submissions = [tx.new_id(), tx.new_id(), tx.new_id()];
    let package = address.get("package").map(str::to_owned);
    Ok(Loaded { around, against, expected, notice, unloading, receipts, case, kept, submissions, package })
}

fn show(loaded: Loaded) -> AnyView {
    let around = loaded.around.clone();
    let (kind, number) = parts_of(&loaded.against);
    let title =
        if kind == "notice" { format!("Receive {number}") } else { format!("Receive without ship notice: {number}") };
    let status = loaded.expected.delivery.status;
    let can = around.viewer.may(Action::PostReceipt) && status.is_none_or(ShipStatus::is_expected);
    let beside = view! { {copy_button(number.to_owned(), "number")}{loaded.notice.as_deref().map(status_tag)} };
    let actions = loaded.notice.as_deref().map(|record| {
        let [_, _, submission] = loaded.submissions;
        view! {
            {check_in::button(&record.notice.number, record.status, loaded.unloading, &around, submission)}
            <a class="button" href=format!("/shipments/{}", encoded(&record.notice.number))>"Ship notice"</a>
        }
    });
    let order_link =
        (kind == "order").then(|| view! { <a class="button" href=format!("/orders/{}", encoded(number))>"Order"</a> });
    let page = view! {
        <Breadcrumb crumbs=vec![Crumb::link("Inbound", "/inbound"), Crumb::here(number.to_owned()).mono()]/>
        <PageHeader title=view! { {if kind == "notice" { "Receive " } else { "Receive against order " }}{id(number.to_owned())} }.into_any() beside=Some(beside.into_any()) facts=facts(&loaded)>
            {actions}{order_link}
        </PageHeader>
        {refused("Nothing was received", loaded.kept.as_ref())}
        <div class="stack">
            {differs(loaded.case.as_deref())}
            {package(&loaded)}
            {can.then(|| full(&loaded))}
            {can.then(|| entry_form(&loaded))}
            {(!can).then(|| closed(&loaded, &around))}
            {came(&loaded.receipts, &around)}
        </div>
    };
    match loaded.notice.as_deref().map(|record| record.notice.ship_notice_id) {
        Some(id) => around.watching(id).frame(title, page),
        None => around.frame(title, page),
    }
}

fn status_tag(record: &ShipNoticeRecord) -> AnyView {
    let tone = match record.status {
        ShipStatus::Announced | ShipStatus::InTransit => Tone::Info,
        ShipStatus::Arrived | ShipStatus::PartlyReceived => Tone::Warn,
        ShipStatus::Received => Tone::Ok,
        ShipStatus::Cancelled => Tone::Neutral,
    };
    tag(tone, record.status.words())
}

fn facts(loaded: &Loaded) -> Vec<AnyView> {
    let Some(record) = loaded.notice.as_deref() else {
        return vec!["nobody announced these goods".into_any()];
    };
    let notice = &record.notice;
    let mut facts = vec![
        view! { {record.supplier.1.clone()}" "{id(record.supplier.0.clone())} }.into_any(),
        view! { "delivery note "{id(notice.delivery_note.clone())} }.into_any(),
        view! { {id(record.plant.0.clone())}{format!(" {}", record.plant.1)} }.into_any(),
        format!("expected {}", day(notice.arrive_on)).into_any(),
    ];
    facts.extend(notice.carrier.clone().map(|carrier| carrier.into_any()));
    let top = notice.units.iter().filter(|unit| unit.parent.is_none()).count();
    if top > 0 {
        facts.push(counted(i64::try_from(top).unwrap_or(i64::MAX), "package", "packages").into_any());
    }
    facts
}

/// The package that was scanned, and everything in it.
fn scanned(loaded: &Loaded) -> Vec<&HandlingUnit> {
    let Some((record, sscc)) = loaded.notice.as_deref().zip(loaded.package.as_deref()) else { return Vec::new() };
    let units = &record.notice.units;
    let mut found: Vec<&HandlingUnit> = units.iter().filter(|unit| unit.sscc == sscc).collect();
    // A parent stands before its children, so one pass finds all that is in it.
    for unit in units {
        if unit.parent.is_some_and(|parent| found.iter().any(|known| known.handling_unit_id == parent)) {
            found.push(unit);
        }
    }
    found
}

fn package(loaded: &Loaded) -> AnyView {
    let units = scanned(loaded);
    let Some(first) = units.first() else { return ().into_any() };
    let contents: Vec<String> = units
        .iter()
        .flat_map(|unit| &unit.contents)
        .map(|packed| {
            let line = loaded.expected.delivery.lines.iter().find(|line| line.notice_line == Some(packed.line));
            let (item, unit) = line.map_or(("", ""), |line| (line.item.as_str(), line.unit.code()));
            let lot = packed.lot.as_deref().map(|lot| format!(" lot {lot}")).unwrap_or_default();
            format!("{} {unit} of {item}{lot}", grouped(packed.quantity, 0))
        })
        .collect();
    let inside =
        if contents.is_empty() { "nothing is said about what is in it".to_owned() } else { contents.join(", ") };
    view! { <p class="notice" data-tone="info" role="status"><span>"Scanned "<span class="id">{first.sscc.clone()}</span>": "{inside}". Its lines are marked below."</span></p> }
        .into_any()
}

/// One button with what it does.
fn full(loaded: &Loaded) -> AnyView {
    let (Some(record), [submission, ..]) = (loaded.notice.as_deref(), loaded.submissions) else { return ().into_any() };
    let open = everything(&loaded.expected.delivery);
    if open.is_empty() {
        return ().into_any();
    }
    let mut sums: Vec<(String, domain::Decimal)> = Vec::new();
    for line in &open {
        let unit = loaded.expected.delivery.lines.iter().find(|due| due.notice_line == line.notice_line);
        let unit = unit.map(|due| due.unit.code().to_owned()).unwrap_or_default();
        match sums.iter_mut().find(|(known, _)| *known == unit) {
            Some((_, sum)) => *sum = sum.saturating_add(line.accepted),
            None => sums.push((unit, line.accepted)),
        }
    }
    let sums = sums.iter().map(|(unit, sum)| format!("{} {unit}", grouped(*sum, 0))).collect::<Vec<_>>().join(" and ");
    let lots = open.iter().filter(|line| line.lot.is_some()).count();
    let lots = if lots > 0 {
        format!(" in {}", counted(i64::try_from(lots).unwrap_or(i64::MAX), "lot", "lots"))
    } else {
        String::new()
    };
    view! {
        <section class="sheet pad dock-full" aria-labelledby="full-title">
            <h2 id="full-title">"Everything came as announced"</h2>
            <p>{format!("{sums}{lots}, undamaged. Nothing more is expected of it then.")}</p>
            <form method="post" action=ReceiveAll::url()>
                <input type="hidden" name="number" value=record.notice.number.clone()/>
                <input type="hidden" name="version" value=record.notice.version.to_string()/>
                <input type="hidden" name="submission" value=submission.to_string()/>
                <button class="button primary big" type="submit">"Receive in full"</button>
            </form>
        </section>
    }
    .into_any()
}

fn entry_form(loaded: &Loaded) -> AnyView {
    let (kind, number) = parts_of(&loaded.against);
    let [_, submission, _] = loaded.submissions;
    let scanned = scanned(loaded).iter().flat_map(|unit| &unit.contents).map(|it| (it.line, it.lot.clone())).collect();
    lines::form(&Shown {
        delivery: &loaded.expected.delivery,
        kept: loaded.kept.as_ref(),
        submission,
        action: Receive::url(),
        against: (kind, number.to_owned()),
        scanned,
    })
}

fn closed(loaded: &Loaded, around: &Around) -> AnyView {
    let words = match loaded.expected.delivery.status {
        Some(ShipStatus::Received) => "Nothing more is expected of this shipment.",
        Some(ShipStatus::Cancelled) => {
            "The supplier withdrew this ship notice. What came all the same is received against its order."
        }
        _ if !around.viewer.may(Action::PostReceipt) => "Receiving takes the role Receiving clerk.",
        _ => "There is nothing to receive.",
    };
    view! { <p class="muted">{words}</p> }.into_any()
}

/// That announced and received differ, with the way to the case; for this and other pages.
pub(crate) fn differs(case: Option<&str>) -> AnyView {
    let Some(case) = case else { return ().into_any() };
    let href = format!("/differences/{}", encoded(case));
    view! { <p class="notice" data-tone="warn"><span>"Announced and received differ: "<a class="id" href=href>{case.to_owned()}</a></span></p> }
        .into_any()
}

/// The receipts of a delivery, for this and other pages.
pub(crate) fn came(receipts: &[ReceiptRow], around: &Around) -> AnyView {
    if receipts.is_empty() {
        return ().into_any();
    }
    let rows = receipts
        .iter()
        .map(|row| {
            let state = match (row.is_reversed, row.counts, row.is_odd) {
                (true, _, _) => tag(Tone::Neutral, "taken back"),
                (_, false, _) => tag(Tone::Neutral, "same goods, not counted again"),
                (_, true, true) => tag(Tone::Warn, "with differences"),
                (_, true, false) => tag(Tone::Ok, "received"),
            };
            let theirs = row.their_ref.clone().map(|number| view! { <span class="stamp">{number}</span> });
            view! {
                <li>
                    <a class="id" href=format!("/receipts/{}", encoded(&row.number))>{row.number.clone()}</a>
                    <span>{words::channel(row.channel)}</span>
                    {theirs}
                    <span class="muted">{instant(row.received_at, &around.reading)}</span>
                    <span class="end">{state}</span>
                </li>
            }
        })
        .collect_view();
    view! {
        <section class="sheet" aria-labelledby="receipts-title">
            <div class="section-head"><h2 id="receipts-title">"Receipts"<span>{receipts.len()}</span></h2></div>
            <ul class="row-list">{rows}</ul>
        </section>
    }
    .into_any()
}

fn done(taken: &receipts::Taken) -> Done {
    let page = format!("/receipts/{}", encoded(&taken.number));
    let case =
        taken.case.as_ref().map(|case| format!(" Difference {case} is open with the supplier.")).unwrap_or_default();
    let again = if taken.already { " It had been sent before." } else { "" };
    Done::at(page).saying(format!("Received as {}.{case}{again}", taken.number))
}

async fn post(command: &PostReceipt) -> Result<receipts::Taken, CommandError> {
    let gone = |_: AppError| CommandError::Invalid("You are not signed in any more.".to_owned());
    let mut tx = request::begin().await.map_err(gone)?;
    let taken = receipts::post(&mut tx, command).await?;
    tx.commit().await?;
    Ok(taken)
}

/// Receives everything as announced.
#[server(input = PostUrl, prefix = "/do", endpoint = "receive-all")]
pub async fn receive_all(number: String, version: i32, submission: Uuid) -> Result<(), AppError> {
    let against = Against::Notice(number);
    let form = form(&against);
    let outcome = async {
        let _signed_in = request::viewer().await?;
        let received_at = request::store()?.clock().now();
        let command = PostReceipt {
            against,
            version: Some(version),
            channel: ReceiptChannel::Dock,
            delivery_note: None,
            received_at,
            complete: true,
            lines: Vec::new(),
            submission,
        };
        Ok(done(&post(&command).await?))
    };
    form.answer(&Typed { complete: true, ..Typed::default() }, outcome.await).await
}

/// Receives what was typed, line by line.
#[server(input = PostUrl, prefix = "/do", endpoint = "receive")]
pub async fn receive(
    against: String,
    number: String,
    version: i32,
    submission: Uuid,
    #[server(default)] complete: Option<String>,
    #[server(default)] delivery_note: String,
    #[server(default)] f: Fields,
) -> Result<(), AppError> {
    let against = if against == "order" { Against::Order(number) } else { Against::Notice(number) };
    let form = form(&against);
    let typed = Typed { fields: f, complete: complete.is_some(), delivery_note };
    let outcome = async {
        let mut tx = request::reader().await?;
        let expected = receipts::expected(&mut tx, &against).await?;
        let now = tx.now();
        drop(tx);
        let (lines, places) = entry::read(&expected.delivery, &typed, today(now, expected.zone.0))
            .map_err(|problems| AppError::Fields { problems })?;
        if lines.is_empty() {
            let message = "Enter what came of at least one line; 0 where nothing came.";
            return Err(AppError::Fields { problems: vec![FieldProblem::new("", message)] });
        }
        let command = PostReceipt {
            version: matches!(against, Against::Notice(_)).then_some(version),
            against,
            channel: ReceiptChannel::Dock,
            delivery_note: Some(typed.delivery_note.clone()).filter(|note| !note.trim().is_empty()),
            received_at: now,
            complete: typed.complete,
            lines,
            submission,
        };
        match post(&command).await {
            Ok(taken) => Ok(done(&taken)),
            Err(CommandError::Stopped { findings }) => {
                Err(AppError::Fields { problems: entry::problems(findings, &places) })
            }
            Err(error) => Err(error.into()),
        }
    };
    form.answer(&typed, outcome.await).await
}
