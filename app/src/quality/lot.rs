//! `/lots/:id`: how much of a lot lies in which status, whether it may be used and why not, and how that came about.
//!
//! The dry run is a plain `GET` form: the quantity stands in the address, so that the answer can be shown to somebody else.

use domain::Decimal;
use domain::access::Action;
use domain::certificate::CertificateStatus;
use domain::id::LotId;
use domain::inspection::{InspectionState, Part};
use domain::lot::usability::Verdict;
use domain::lot::{MovementKind, StockStatus};
use domain::quantity::parse_number;
use leptos::prelude::*;
use leptos::server_fn::ServerFn as _;
use leptos::server_fn::codec::PostUrl;
use leptos_router::hooks::use_params_map;
use serde::{Deserialize, Serialize};
use store::availability::{self, Lying, StockFilter};
use store::inspections::{self, InspectionRecord};
use store::lot_list::{self, HoldOverLot, LotRecord, MovementRow};
use store::timeline::{self, Entry};
use store::trace::{self, CertificateStep};
use uuid::Uuid;

use super::fields::Input;
use super::words::{self, hold_href, hold_tag, status_part, status_tone};
use crate::address::{Address, encoded};
use crate::error::AppError;
use crate::exchange::act::refused;
use crate::form::{Done, FieldProblem, Form, Kept};
use crate::loaded;
use crate::orders::history::{self, Shown};
use crate::orders::inbound::{certificate_words, stock_status};
use crate::page::Around;
use crate::request;
use crate::ui::copy::copy_button;
use crate::ui::field::field_note;
use crate::ui::header::{Breadcrumb, Crumb, PageHeader};
use crate::ui::number::{quantity, quantity_text};
use crate::ui::tag::{id, plain_tag, tag};
use crate::ui::time::{date_or_dash, duration, instant};
use crate::ui::tone::Tone;

/// A later decision as it was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Typed {
    from: String,
    to: String,
    quantity: String,
    reason: String,
}

struct View {
    around: Around,
    lot: LotRecord,
    /// What was asked in the address, or all that may be used.
    asked: Decimal,
    /// As typed, where it is not a number.
    not_a_number: Option<String>,
    verdict: Verdict,
    holds: Vec<HoldOverLot>,
    certificates: Vec<CertificateStep>,
    movements: Vec<MovementRow>,
    inspections: Vec<InspectionRecord>,
    elsewhere: Vec<Lying>,
    serials: Vec<String>,
    history: Vec<Entry>,
    kept: Option<Kept<Typed>>,
    submission: Uuid,
}

/// Serials shown on the page; the search finds every one.
const SERIALS: i64 = 60;

pub(super) fn page() -> impl IntoView {
    let typed = use_params_map().get_untracked().get("id").unwrap_or_default();
    loaded(load(typed, Address::of_request()), show)
}

fn form(lot_id: LotId) -> Form {
    Form::new("lot.move", lot_id, words::lot_href(lot_id))
}

async fn load(typed: String, address: Address) -> Result<View, AppError> {
    let lot_id: LotId = typed.parse().map_err(|_| AppError::NotFound { what: "The lot".to_owned() })?;
    let mut tx = request::reader().await?;
    let around = Around::load(&mut tx).await?;
    let lot = lot_list::get(&mut tx, lot_id).await?;
    let typed = address.get("quantity");
    let read = typed.map(parse_number);
    let not_a_number = read.as_ref().and_then(|read| read.as_ref().err()).map(ToString::to_string);
    let all = lot.in_status(StockStatus::Unrestricted);
    let asked = read.and_then(Result::ok).unwrap_or(if all.is_zero() { Decimal::ONE } else { all });
    let verdict = lot_list::usability(&mut tx, lot_id, asked).await?;
    let house = !around.viewer.is_supplier();
    let inspections = if house && around.viewer.may(Action::SeeQuality) {
        inspections::of_lot(&mut tx, lot_id).await?
    } else {
        Vec::new()
    };
    let elsewhere = if house && around.viewer.may(Action::SeeStock) {
        let filter = StockFilter { item: Some(lot.item.clone()), plant: Some(lot.plant.0.clone()), text: None };
        let all = availability::list(&mut tx, &filter, 500).await?;
        all.into_iter().filter(|row| row.lot == lot.number || lot.supplier_lot.as_ref() == Some(&row.lot)).collect()
    } else {
        Vec::new()
    };
    Ok(View {
        asked,
        not_a_number,
        verdict,
        holds: lot_list::holds_over(&mut tx, lot_id).await?,
        certificates: trace::certificates(&mut tx, &[lot_id.0]).await?,
        movements: lot_list::movements(&mut tx, lot_id).await?,
        inspections,
        elsewhere,
        serials: lot_list::serials(&mut tx, lot_id, "", SERIALS + 1).await?,
        history: timeline::of_subject(&mut tx, lot_id.0).await?,
        kept: form(lot_id).kept().await?,
        submission: tx.new_id(),
        around,
        lot,
    })
}

fn show(view: View) -> AnyView {
    let View { around, lot, asked, not_a_number, verdict, holds, certificates, movements, .. } = &view;
    let (lot_id, number) = (lot.lot_id, lot.number.clone());
    let house = !around.viewer.is_supplier();
    let held = holds.iter().any(|hold| hold.state != domain::hold::HoldState::Released);
    let state = if held {
        tag(Tone::Hold, "on hold")
    } else if verdict.usable {
        plain_tag(Tone::Ok, "may be used")
    } else {
        lot.stock.first().map_or_else(
            || plain_tag(Tone::Neutral, "nothing left"),
            |(status, _)| tag(status_tone(*status), stock_status(*status)),
        )
    };
    let mut facts = vec![
        view! { {id(lot.item.clone())}" "<span dir="auto">{lot.description.clone()}</span> }.into_any(),
        format!("plant {}, {}", lot.plant.0, lot.plant.1).into_any(),
    ];
    if let Some((_, _, name)) = lot.supplier.as_ref().filter(|_| house) {
        facts.push(name.clone().into_any());
    }
    if let Some(place) = &lot.location {
        facts.push(format!("lies in {place}").into_any());
    }
    let hold = around
        .viewer
        .may(Action::ManageHolds)
        .then(|| view! { <a class="button" href=format!("/holds/new?lot={lot_id}")>"Place a hold …"</a> });
    let inspect = view.inspections.iter().find(|one| one.state == InspectionState::Due).map(
        |one| view! { <a class="button primary" href=format!("/inspections/{}", one.inspection_id)>"Inspect"</a> },
    );
    let trace = house.then(|| view! { <a class="button" href=format!("/trace/lot/{lot_id}")>"Trace"</a> });
    let title = view! { "Lot "{id(number.clone())} }.into_any();
    let beside = view! { {copy_button(number.clone(), "lot number")}{state} }.into_any();
    let crumbs = if house {
        vec![Crumb::link("Trace", "/trace"), Crumb::here(number.clone()).mono()]
    } else {
        vec![Crumb::link("Holds", "/holds"), Crumb::here(number.clone()).mono()]
    };
    let content = view! {
        <Breadcrumb crumbs=crumbs/>
        <PageHeader title=title beside=Some(beside) facts=facts>{inspect}{hold}{trace}</PageHeader>
        {refused("The stock was not changed", view.kept.as_ref())}
        <div class="columns-8-4">
            <div class="stack">
                {usability(lot, *asked, not_a_number.as_deref(), verdict)}
                {hold_sheet(holds, around)}
                {certificate_sheet(certificates)}
                {movement_sheet(lot, movements, around)}
                {history_sheet(&view)}
            </div>
            <div class="stack">
                {stock_sheet(lot, &view.elsewhere, around)}
                {move_sheet(&view)}
                {fact_sheet(lot)}
                {serial_sheet(&view.serials)}
            </div>
        </div>
    };
    around.clone().watching(lot_id).frame(format!("Lot {number}"), content)
}

fn usability(lot: &LotRecord, asked: Decimal, not_a_number: Option<&str>, verdict: &Verdict) -> AnyView {
    let shown = format!("{} {} of this lot", quantity_text(asked, &lot.unit), lot.unit);
    let note = not_a_number.map(|words| field_note(Tone::Crit, words.to_owned(), None));
    let answer = words::verdict(verdict, &shown);
    view! {
        <section class="sheet" aria-labelledby="use-title">
            <div class="section-head"><h2 id="use-title">"May it be used? "<span>"the same answer as the shop floor gets"</span></h2></div>
            <div class="pad">
                {answer}
                <form class="ask" method="get">
                    <label for="quantity">"Ask for another quantity, "{lot.unit.code().to_owned()}</label>
                    <input class="input num" id="quantity" name="quantity" inputmode="decimal" autocomplete="off" value=quantity_text(asked, &lot.unit)/>
                    <button class="button" type="submit">"Ask"</button>
                    {note}
                </form>
            </div>
        </section>
    }
    .into_any()
}

fn hold_sheet(holds: &[HoldOverLot], around: &Around) -> AnyView {
    let rows = holds
        .iter()
        .map(|hold| {
            let serial = hold.serial.as_ref().map(
                |serial| view! { <span class="sub">"only serial "<span class="id">{serial.clone()}</span></span> },
            );
            view! {
                <li>
                    <a class="id" href=hold_href(&hold.number)>{hold.number.clone()}</a>{hold_tag(hold.state)}
                    <span>{hold.reason.words()}</span>{serial}
                    <span class="end muted">{instant(hold.placed_at, &around.reading)}</span>
                </li>
            }
        })
        .collect_view();
    sheet(
        "holds-title",
        "Holds",
        "",
        if holds.is_empty() {
            nothing("No hold is or was over this lot.")
        } else {
            view! { <ul class="row-list">{rows}</ul> }.into_any()
        },
    )
}

fn certificate_sheet(certificates: &[CertificateStep]) -> AnyView {
    let rows = certificates
        .iter()
        .map(|one| {
            let (tone, words) = match one.status {
                CertificateStatus::Accepted => (Tone::Ok, "accepted"),
                CertificateStatus::Submitted => (Tone::Info, "not looked at yet"),
                CertificateStatus::Rejected => (Tone::Crit, "rejected"),
                CertificateStatus::Replaced => (Tone::Neutral, "replaced"),
            };
            view! {
                <li>
                    <a href=format!("/certificates/{}", one.certificate_id)>{certificate_words(one.kind)}" "<span class="id">{one.number.clone()}</span></a>
                    {plain_tag(tone, words)}
                    <span class="end muted">{if one.supplier_lot.is_some() { "of this lot" } else { "standing" }}</span>
                </li>
            }
        })
        .collect_view();
    sheet(
        "certificates-title",
        "Certificates",
        "",
        if certificates.is_empty() {
            nothing("None was handed in for this lot.")
        } else {
            view! { <ul class="row-list">{rows}</ul> }.into_any()
        },
    )
}

const fn movement_words(kind: MovementKind) -> &'static str {
    match kind {
        MovementKind::Receipt => "received",
        MovementKind::Reversal => "receipt taken back",
        MovementKind::Decision => "decided",
        MovementKind::Correction => "corrected",
        MovementKind::Issue => "taken for production",
        MovementKind::Output => "made",
        MovementKind::Return => "sent back",
        MovementKind::Scrap => "thrown away",
    }
}

fn movement_sheet(lot: &LotRecord, movements: &[MovementRow], around: &Around) -> AnyView {
    let status = |status: Option<StockStatus>, else_: &'static str| status.map_or(else_, stock_status);
    let rows = movements
        .iter()
        .map(|row| {
            let learned = (row.recorded_at - row.at > chrono::TimeDelta::minutes(5))
                .then(|| view! { <span class="sub">{format!("learned {}", around.reading.short(row.recorded_at))}</span> });
            let receipt = row.receipt.as_ref().map(|number| view! { <a class="id" href=format!("/receipts/{}", encoded(number))>{number.clone()}</a> });
            view! {
                <tr>
                    <td class="a-id nowrap">{instant(row.at, &around.reading)}{learned}</td>
                    <td class="a-item">{movement_words(row.kind)}<span class="sub" dir="auto">{row.reason.clone()}</span></td>
                    <td class="a-status">{format!("{} → {}", status(row.from, "outside"), status(row.to, "outside"))}</td>
                    <td class="num a-num nowrap">{quantity(row.quantity, &lot.unit)}</td>
                    <td class="a-due">{receipt}<span class="sub">{row.actor.name().to_owned()}</span></td>
                </tr>
            }
        })
        .collect_view();
    let table = view! {
        <table class="data-table blocks" role="table">
            <caption class="visually-hidden">"How the quantities came about, newest first"</caption>
            <thead><tr><th scope="col">"When"</th><th scope="col">"What"</th><th scope="col">"Status"</th><th scope="col" class="num">"Quantity"</th><th scope="col">"By"</th></tr></thead>
            <tbody>{rows}</tbody>
        </table>
    }
    .into_any();
    view! {
        <section class="sheet table-region" aria-labelledby="moves-title">
            <div class="section-head"><h2 id="moves-title">"Movements "<span>{format!("times in {}", around.reading.abbreviation(around.now()))}</span></h2></div>
            {table}
        </section>
    }
    .into_any()
}

fn history_sheet(view: &View) -> AnyView {
    if view.history.is_empty() {
        return ().into_any();
    }
    let list = history::list(&view.history, &view.around, Shown::All, false);
    sheet("timeline-title", "Timeline", "decisions and what other systems made of them", list)
}

fn stock_sheet(lot: &LotRecord, elsewhere: &[Lying], around: &Around) -> AnyView {
    let rows = lot
        .stock
        .iter()
        .map(|(status, value)| view! { <li>{status_part(*status, *value, &lot.unit)}</li> })
        .collect_view();
    let none = lot.stock.is_empty().then(|| nothing("Nothing of this lot is left here."));
    let others = elsewhere
        .iter()
        .map(|row| {
            let age = duration(around.now() - row.as_of);
            let place = if row.location.is_empty() { String::new() } else { format!(" in {}", row.location) };
            view! { <li><span>{quantity(row.on_hand, &row.unit)}{place}</span><span class="end muted">{format!("{age} ago")}</span></li> }
        })
        .collect_view();
    let others = (!elsewhere.is_empty()).then(|| {
        view! { <p class="list-title">"As other systems say"</p><ul class="row-list">{others}</ul> }
    });
    sheet("stock-title", "Stock", "", view! { <ul class="row-list">{rows}</ul>{none}{others} }.into_any())
}

fn move_sheet(view: &View) -> AnyView {
    let lot = &view.lot;
    let from: Vec<(String, String)> = lot
        .stock
        .iter()
        .filter(|(status, _)| *status != StockStatus::Inspection)
        .map(|(status, value)| {
            (
                status.as_str().to_owned(),
                format!("{}, {} {}", stock_status(*status), quantity_text(*value, &lot.unit), lot.unit),
            )
        })
        .collect();
    if from.is_empty() || !view.around.viewer.may(Action::DecideLot) {
        return ().into_any();
    }
    let kept = view.kept.as_ref();
    let typed = kept.map(|kept| kept.typed.clone()).unwrap_or_default();
    let to = [StockStatus::Unrestricted, StockStatus::Restricted, StockStatus::Blocked]
        .map(|status| (status.as_str().to_owned(), stock_status(status).to_owned()));
    let from = Input::new("from", "From").value(typed.from).refused(kept, "from").select(from);
    let to = Input::new("to", "To").value(typed.to).refused(kept, "to").select(to);
    let quantity = Input::new("quantity-moved", format!("Quantity, {}", lot.unit)).named("quantity");
    let quantity = quantity.value(typed.quantity).refused(kept, "quantity").text("input num");
    let reason = Input::new("reason", "Reason").hint("Stays in the history of the lot.");
    let reason = reason.value(typed.reason).refused(kept, "reason").text("input");
    let open = kept.is_some_and(|kept| !kept.problems.is_empty());
    view! {
        <section class="sheet" aria-label="Change the status">
            <details class="disclose" open=open>
                <summary>"Change the status of a quantity"</summary>
                <form class="fields pad" method="post" action=MoveLotStock::url() novalidate>
                    <input type="hidden" name="submission" value=view.submission.to_string()/>
                    <input type="hidden" name="lot" value=lot.lot_id.to_string()/>
                    {from}{to}{quantity}{reason}
                    <button class="button" type="submit">"Change the status"</button>
                </form>
            </details>
        </section>
    }
    .into_any()
}

fn fact_sheet(lot: &LotRecord) -> AnyView {
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "–".to_owned());
    let list = view! {
        <dl class="fact-list">
            <dt>"Supplier's lot"</dt><dd class="id">{text(&lot.supplier_lot)}</dd>
            <dt>"Made on"</dt><dd>{date_or_dash(lot.produced_on)}</dd>
            <dt>"Last day of use"</dt><dd>{date_or_dash(lot.expires_on)}</dd>
            <dt>"Origin"</dt><dd>{text(&lot.origin)}</dd>
            <dt>"Lies in"</dt><dd>{text(&lot.location)}</dd>
        </dl>
    }
    .into_any();
    sheet("facts-title", "About it", "", list)
}

fn serial_sheet(serials: &[String]) -> AnyView {
    if serials.is_empty() {
        return ().into_any();
    }
    let more = i64::try_from(serials.len()).is_ok_and(|count| count > SERIALS);
    let shown = usize::try_from(SERIALS).unwrap_or(usize::MAX);
    let list = serials.iter().take(shown).cloned().collect::<Vec<_>>().join(", ");
    let more = more.then(|| view! { <p class="small muted">"More are found by the search."</p> });
    sheet(
        "serials-title",
        "Serials",
        "",
        view! { <div class="pad"><p class="id breaks">{list}</p>{more}</div> }.into_any(),
    )
}

fn sheet(title_id: &'static str, title: &'static str, beside: &'static str, content: AnyView) -> AnyView {
    view! {
        <section class="sheet" aria-labelledby=title_id>
            <div class="section-head"><h2 id=title_id>{title}" "<span>{beside}</span></h2></div>
            {content}
        </section>
    }
    .into_any()
}

fn nothing(words: &'static str) -> AnyView {
    view! { <p class="pad muted">{words}</p> }.into_any()
}

/// A later decision on a quantity of a lot.
#[server(input = PostUrl, prefix = "/do", endpoint = "move-lot-stock")]
pub async fn move_lot_stock(
    submission: Uuid,
    lot: LotId,
    #[server(default)] from: String,
    #[server(default)] to: String,
    #[server(default)] quantity: String,
    #[server(default)] reason: String,
) -> Result<(), AppError> {
    let typed = Typed { from, to, quantity, reason };
    let outcome = async {
        let choose = |field: &str| AppError::Fields { problems: vec![FieldProblem::new(field, "Choose a status.")] };
        let from: StockStatus = typed.from.parse().map_err(|_| choose("from"))?;
        let to: StockStatus = typed.to.parse().map_err(|_| choose("to"))?;
        let quantity = parse_number(&typed.quantity).map_err(|problem| AppError::Fields {
            problems: vec![FieldProblem::new("quantity", problem.to_string())],
        })?;
        let mut tx = request::begin().await?;
        let part = Part { to, quantity };
        let moved = inspections::move_status(&mut tx, lot, from, &part, &typed.reason, submission).await?;
        tx.commit().await?;
        Ok(Done::at(words::lot_href(lot))
            .saying(format!("Lot {}: the status is changed. Every connected system is told.", moved.lot)))
    };
    form(lot).answer(&typed, outcome.await).await
}
