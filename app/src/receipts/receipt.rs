//! `/receipts/:number`: what came, who said so and when we learned it; taking it back.

use domain::access::Action;
use domain::receipt::{ReceiptChannel, ReceivedLine};
use leptos::prelude::*;
use leptos::server_fn::ServerFn as _;
use leptos::server_fn::codec::PostUrl;
use leptos_router::hooks::use_params_map;
use serde::{Deserialize, Serialize};
use store::documents::Document;
use store::receipts::{self, ReceiptRecord};
use store::timeline::{self, Entry};
use uuid::Uuid;

use crate::address::encoded;
use crate::error::AppError;
use crate::exchange::act::refused;
use crate::form::{Done, Form, Kept};
use crate::inbound::photo::picture;
use crate::inbound::words;
use crate::loaded;
use crate::orders::history::{self, Shown};
use crate::orders::inbound::oddity;
use crate::page::Around;
use crate::request;
use crate::ui::copy::copy_button;
use crate::ui::field::Field;
use crate::ui::header::{Breadcrumb, Crumb, PageHeader};
use crate::ui::number::quantity;
use crate::ui::tag::{id, plain_tag, tag};
use crate::ui::time::{date_or_dash, instant_with_zone};
use crate::ui::tone::Tone;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Typed {
    reason: String,
}

struct Loaded {
    around: Around,
    record: ReceiptRecord,
    history: Vec<Entry>,
    kept: Option<Kept<Typed>>,
    submission: Uuid,
}

fn address(number: &str) -> String {
    format!("/receipts/{}", encoded(number))
}

fn form(number: &str) -> Form {
    Form::new("reverse-receipt", number, address(number))
}

pub(super) fn page() -> impl IntoView {
    let number = use_params_map().get_untracked().get("number").unwrap_or_default();
    loaded(load(number), show)
}

async fn load(number: String) -> Result<Loaded, AppError> {
    let kept = form(&number).kept::<Typed>().await?;
    let mut tx = request::reader().await?;
    let around = Around::load(&mut tx).await?;
    let record = receipts::get(&mut tx, &number).await?;
    let history = timeline::of_subject(&mut tx, record.subject).await?;
    Ok(Loaded { submission: tx.new_id(), around, record, history, kept })
}

fn show(loaded: Loaded) -> AnyView {
    let Loaded { around, record, history, kept, submission } = loaded;
    let receipt = &record.receipt;
    let insider = !around.viewer.is_supplier();
    let number = receipt.number.clone();
    let back = if insider { Crumb::link("Inbound", "/inbound") } else { Crumb::link("Shipments", "/shipments") };
    let status = match (&record.reversed, record.counted.iter().any(|counts| *counts)) {
        (Some(_), _) => tag(Tone::Neutral, "taken back"),
        (None, true) if receipt.lines.iter().any(|line| !line.oddities.is_empty()) => {
            tag(Tone::Warn, "with differences")
        }
        (None, true) => tag(Tone::Ok, "received"),
        (None, false) => tag(Tone::Neutral, "same goods, not counted again"),
    };
    let mut facts = vec![
        words::channel(receipt.channel).into_any(),
        instant_with_zone(receipt.received_at, &around.reading),
        view! { {id(record.plant.0.clone())}{format!(" {}", record.plant.1)} }.into_any(),
    ];
    if insider {
        facts.insert(0, view! { {record.supplier.1.clone()}" "{id(record.supplier.0.clone())} }.into_any());
    }
    let own = matches!(receipt.channel, ReceiptChannel::Dock | ReceiptChannel::Api);
    let reverse = (own && record.reversed.is_none() && around.viewer.may(Action::PostReceipt))
        .then(|| reversal(&number, submission, kept.as_ref()));
    let page = view! {
        <Breadcrumb crumbs=vec![back, Crumb::here(number.clone()).mono()]/>
        <PageHeader title=view! { "Receipt "{id(number.clone())} }.into_any() beside=Some(view! { {copy_button(number.clone(), "receipt number")}{status} }.into_any()) facts=facts>
            {reverse}
        </PageHeader>
        {refused("Not taken back", kept.as_ref())}
        <div class="stack">
            {lines(&record)}
            <div class="columns-8-4">
                <section class="sheet" aria-labelledby="timeline-title">
                    <div class="section-head"><h2 id="timeline-title">"Timeline "<span>{format!("times in {}", around.reading.abbreviation(around.now()))}</span></h2></div>
                    {history::list(&history, &around, Shown::All, false)}
                </section>
                {terms(&record, &around)}
            </div>
        </div>
    };
    around.frame(format!("Receipt {number}"), page)
}

fn lines(record: &ReceiptRecord) -> AnyView {
    let rows = record
        .receipt
        .lines
        .iter()
        .enumerate()
        .map(|(index, line)| {
            let lot = record.lots.get(index).cloned().flatten();
            let photo = record.photos.get(index).and_then(Option::as_ref);
            row(line, lot, photo, record.counted.get(index).copied().unwrap_or(false), record.reversed.is_some())
        })
        .collect_view();
    view! {
        <section class="sheet table-region" aria-labelledby="lines-title">
            <div class="section-head"><h2 id="lines-title">"What came"<span>{record.receipt.lines.len()}</span></h2></div>
            <table class="data-table blocks" role="table">
                <caption class="visually-hidden">{format!("Lines of receipt {}", record.receipt.number)}</caption>
                <thead><tr>
                    <th scope="col">"Item"</th>
                    <th scope="col">"Lot"</th>
                    <th scope="col" class="opt-1">"Order / line"</th>
                    <th scope="col" class="num">"Undamaged"</th>
                    <th scope="col" class="num">"Damaged"</th>
                    <th scope="col" class="opt-1">"Last day of use"</th>
                    <th scope="col">"Remarks"</th>
                </tr></thead>
                <tbody>{rows}</tbody>
            </table>
        </section>
    }
    .into_any()
}

fn row(line: &ReceivedLine, lot: Option<String>, photo: Option<&Document>, counts: bool, reversed: bool) -> AnyView {
    let photo = photo.map(|photo| picture(photo, &line.item));
    let theirs = line.supplier_lot.clone();
    let other = theirs.clone().filter(|theirs| lot.as_ref().is_some_and(|lot| lot != theirs));
    let order = line.order.clone().map(|order| {
        let words = format!("{order} / {}", line.line.clone().unwrap_or_default());
        view! { <a class="id nowrap" href=format!("/orders/{}", encoded(&order))>{words}</a> }
    });
    let odd = line.oddities.iter().map(|odd| plain_tag(Tone::Warn, oddity(*odd))).collect_view();
    let silent = (!(counts || reversed || line.accepted.is_zero() && line.damaged.is_zero()))
        .then(|| view! { <span class="sub">"told by another receipt too, counted there"</span> });
    view! {
        <tr>
            <td class="a-id"><span class="id item-no">{line.item.clone()}</span></td>
            <td class="a-item"><span class="id">{lot.or(theirs).unwrap_or_else(|| "–".to_owned())}</span>{other.map(|lot| view! { <span class="sub">{format!("supplier's lot {lot}")}</span> })}</td>
            <td class="opt-1">{order}</td>
            <td class="num a-num">{quantity(line.accepted, &line.unit)}</td>
            <td class="num a-due" data-label="damaged">{if line.damaged.is_zero() { view! { <span class="muted">"–"</span> }.into_any() } else { quantity(line.damaged, &line.unit) }}</td>
            <td class="nowrap opt-1">{date_or_dash(line.expires_on)}</td>
            <td class="a-status">{odd}{line.note.clone().map(|note| view! { <span class="sub" dir="auto">{note}</span> })}{silent}{photo}</td>
        </tr>
    }
    .into_any()
}

fn terms(record: &ReceiptRecord, around: &Around) -> AnyView {
    let receipt = &record.receipt;
    let insider = !around.viewer.is_supplier();
    let mut facts: Vec<(&str, AnyView)> = Vec::new();
    if let Some(notice) = &receipt.notice {
        facts.push((
            "Ship notice",
            view! { <a class="id" href=format!("/shipments/{}", encoded(notice))>{notice.clone()}</a> }.into_any(),
        ));
    }
    if let Some(note) = &receipt.delivery_note {
        facts.push(("Delivery note", id(note.clone())));
    }
    if let Some(their_ref) = &receipt.their_ref {
        facts.push(("Their document", view! { <span class="stamp">{their_ref.clone()}</span> }.into_any()));
    }
    if insider {
        let by = record.system.clone().unwrap_or_else(|| record.actor.clone());
        facts.push(("Received by", by.into_any()));
    }
    facts.push(("Received", instant_with_zone(receipt.received_at, &around.reading)));
    facts.push(("Known here since", instant_with_zone(record.recorded_at, &around.reading)));
    let complete = if receipt.complete { "nothing more is expected" } else { "more may come" };
    facts.push(("The rest", complete.into_any()));
    let links = |numbers: &[String], path: &'static str| {
        numbers
            .iter()
            .map(|number| view! { <a class="id" href=format!("{path}/{}", encoded(number))>{number.clone()}</a>" " })
            .collect_view()
            .into_any()
    };
    if !record.twins.is_empty() {
        facts.push(("Tells of the same", links(&record.twins, "/receipts")));
    }
    if !record.cases.is_empty() {
        facts.push(("Differences", links(&record.cases, "/differences")));
    }
    if let Some((at, reason)) = &record.reversed {
        facts.push(("Taken back", instant_with_zone(*at, &around.reading)));
        facts.push(("Why", view! { <span dir="auto">{reason.clone()}</span> }.into_any()));
    }
    let facts = facts.into_iter().map(|(term, fact)| view! { <dt>{term}</dt><dd>{fact}</dd> }).collect_view();
    view! {
        <section class="sheet" aria-labelledby="terms-title">
            <div class="section-head"><h2 id="terms-title">"About it"</h2></div>
            <dl class="fact-list">{facts}</dl>
        </section>
    }
    .into_any()
}

fn reversal(number: &str, submission: Uuid, kept: Option<&Kept<Typed>>) -> AnyView {
    let typed = kept.map(|kept| kept.typed.reason.clone()).unwrap_or_default();
    let problems: Vec<String> = kept.map(|kept| kept.about("reason").map(str::to_owned).collect()).unwrap_or_default();
    let wrong = (!problems.is_empty()).then_some("true");
    view! {
        <details class="popover act" open=kept.is_some()>
            <summary class="button">"Take back"</summary>
            <form class="menu fields" method="post" action=ReverseReceipt::url()>
                <input type="hidden" name="number" value=number.to_owned()/>
                <input type="hidden" name="submission" value=submission.to_string()/>
                <p class="small">"What it brought goes out of stock again; ERP, buyer and supplier are told."</p>
                <Field id="reason" label="Why" hint="A few words; supplier and buyer read them." problems=problems>
                    <input class="input" id="reason" name="reason" value=typed required maxlength="500" aria-invalid=wrong autocomplete="off"/>
                </Field>
                <button class="button" type="submit">"Take back"</button>
            </form>
        </details>
    }
    .into_any()
}

/// Takes a receipt back that was entered here.
#[server(input = PostUrl, prefix = "/do", endpoint = "reverse-receipt")]
pub async fn reverse_receipt(
    number: String,
    submission: Uuid,
    #[server(default)] reason: String,
) -> Result<(), AppError> {
    let typed = Typed { reason };
    let outcome = async {
        let mut tx = request::begin().await?;
        let reversed = receipts::reverse(&mut tx, &number, &typed.reason, submission).await?;
        tx.commit().await?;
        let again = if reversed.already { "was taken back before" } else { "is taken back" };
        Ok(Done::at(address(&number)).saying(format!("{} {again}.", reversed.number)))
    };
    form(&number).answer(&typed, outcome.await).await
}
