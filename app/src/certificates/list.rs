//! `/certificates`: what came, by where it stands, and what is still missing, by the day on which it is due.

use domain::access::{Action, may};
use leptos::prelude::*;
use store::certificate_list::{self, Counts, EXPIRY_WATCH_DAYS, Filter, Row, View};
use store::control_tower;
use store::coverage::{self, LineCoverage, Lines};

use super::words;
use crate::address::{Address, encoded};
use crate::error::AppError;
use crate::loaded;
use crate::page::Around;
use crate::request;
use crate::ui::empty::EmptyState;
use crate::ui::field::options;
use crate::ui::filter::{FilterBar, SavedView, SavedViews};
use crate::ui::header::PageHeader;
use crate::ui::number::{at_most, counted};
use crate::ui::pager::{Pager, Position};
use crate::ui::tag::{id, plain_tag, tag};
use crate::ui::time::{Reading, clock, date, date_or_dash};
use crate::ui::tone::Tone;

const SIZE: usize = 50;
/// So many promised lines are looked at for missing certificates, the earliest due first.
const LOOKED_AT: i64 = 500;

enum Content {
    Came(Vec<Row>, bool),
    Missing(Vec<LineCoverage>),
}

struct List {
    around: Around,
    address: Address,
    counts: Counts,
    missing: usize,
    content: Content,
    suppliers: Vec<(String, String)>,
}

pub(super) fn page() -> impl IntoView {
    loaded(load(Address::of_request()), show)
}

/// Suppliers, and those of the house who see quality.
pub(super) fn may_see(tx: &store::Tx) -> Result<(), AppError> {
    if tx.scope().is_supplier() {
        return Ok(());
    }
    Ok(may(tx.actor(), Action::SeeQuality)?)
}

/// Which list: the word in the address, else what waits for the one who looks.
fn word(address: &Address, is_supplier: bool) -> String {
    address.get("view").map_or_else(|| if is_supplier { "missing" } else { "submitted" }.to_owned(), str::to_owned)
}

async fn load(address: Address) -> Result<List, AppError> {
    let mut tx = request::reader().await?;
    may_see(&tx)?;
    let around = Around::load(&mut tx).await?;
    let counts = certificate_list::counts(&mut tx).await?;
    let mut lines = coverage::of_schedule_lines(&mut tx, Lines::Promised { most: LOOKED_AT }).await?;
    lines.retain(|line| line.missing().next().is_some());
    let missing = lines.len();
    let view = word(&address, around.viewer.is_supplier());
    let content = if view == "missing" {
        if let Some(item) = address.get("item") {
            lines.retain(|line| line.item == item);
        }
        if let Some(supplier) = address.get("supplier") {
            lines.retain(|line| line.supplier.0 == supplier);
        }
        Content::Missing(lines)
    } else {
        let filter = Filter {
            view: View::parse(&view),
            item: address.get("item").map(str::to_owned),
            supplier: address.get("supplier").map(str::to_owned),
            text: address.get("q").map(str::to_owned),
        };
        let after = address.get("after").and_then(|after| {
            let (at, id) = after.split_once('_')?;
            Some((at.parse().ok()?, id.parse().ok()?))
        });
        let mut rows =
            certificate_list::page(&mut tx, &filter, after, i64::try_from(SIZE + 1).unwrap_or(i64::MAX)).await?;
        let more = rows.len() > SIZE;
        rows.truncate(SIZE);
        Content::Came(rows, more)
    };
    let suppliers = if around.viewer.is_supplier() { Vec::new() } else { control_tower::suppliers(&mut tx).await? };
    let suppliers = suppliers.into_iter().map(|it| (it.number, it.name)).collect();
    Ok(List { around, address, counts, missing, content, suppliers })
}

fn views(list: &List, shown: &str) -> Vec<SavedView> {
    let tab = |words: &str, word: &str, count: Option<i64>| SavedView {
        words: words.to_owned(),
        count: count.map(|count| at_most(count, 10_000)),
        href: format!("/certificates?view={word}"),
        current: shown == word,
    };
    let missing = i64::try_from(list.missing).unwrap_or(i64::MAX);
    std::iter::once(tab("Missing", "missing", Some(missing)))
        .chain(View::ALL.into_iter().map(|view| {
            let words = match view {
                View::Submitted => "To be checked",
                View::Rejected => "Rejected",
                View::Expiring => "Expiring",
                View::Accepted => "Accepted",
                View::All => "All",
            };
            tab(words, view.as_str(), list.counts.of(view))
        }))
        .collect()
}

fn show(list: List) -> AnyView {
    let is_supplier = list.around.viewer.is_supplier();
    let shown = word(&list.address, is_supplier);
    let tabs = views(&list, &shown);
    let List { around, address, content, suppliers, .. } = list;
    let hand_in = around.viewer.may(Action::HandInCertificate);
    let manage = around.viewer.may(Action::ManageSpecifications);
    let content = match &content {
        Content::Missing(lines) => missing(lines, &around),
        Content::Came(rows, more) => came(rows, *more, &address, &around.reading, &shown),
    };
    let facts = vec![format!("times in {}", around.reading.abbreviation(around.now())).into_any()];
    let page = view! {
        <PageHeader title="Certificates".into_any() facts=facts>
            <a class="button" href="/specifications">{if manage { "Requirements and specifications" } else { "What items need" }}</a>
            {hand_in.then(|| view! { <a class="button primary" href="/certificates/new">"Hand in a certificate"</a> })}
        </PageHeader>
        <SavedViews views=tabs/>
        {filters(&address, &shown, suppliers)}
        {content}
    };
    around.frame("Certificates", page)
}

fn filters(address: &Address, shown: &str, suppliers: Vec<(String, String)>) -> AnyView {
    let of = |key: &str| address.get(key).map(str::to_owned);
    let supplier = of("supplier")
        .map(|number| suppliers.iter().find(|(known, _)| *known == number).map_or(number, |(_, name)| name.clone()));
    let tags = address
        .tags(&[("q", "Words", of("q")), ("item", "Item", of("item")), ("supplier", "Supplier", supplier)], &["view"]);
    let choose = (!suppliers.is_empty()).then(|| {
        let all = std::iter::once((String::new(), "any".to_owned())).chain(suppliers);
        let list = options(all, address.get("supplier").unwrap_or_default());
        view! { <div class="field"><label for="f-supplier">"Supplier"</label><select class="input" id="f-supplier" name="supplier">{list}</select></div> }
    });
    let (shown, words, item) = (shown.to_owned(), of("q").unwrap_or_default(), of("item").unwrap_or_default());
    view! {
        <FilterBar tags=tags clear=format!("/certificates?view={}", encoded(&shown))>
            <form method="get" action="/certificates" class="menu fields">
                <input type="hidden" name="view" value=shown/>
                <div class="field"><label for="f-q">"Certificate or lot"</label><input class="input" id="f-q" name="q" value=words/></div>
                <div class="field"><label for="f-item">"Item number"</label><input class="input" id="f-item" name="item" value=item/></div>
                {choose}
                <button class="button primary" type="submit">"Apply"</button>
            </form>
        </FilterBar>
    }
    .into_any()
}

fn missing(lines: &[LineCoverage], around: &Around) -> AnyView {
    if lines.is_empty() {
        return view! { <section class="sheet" aria-label="Missing certificates"><EmptyState title="Nothing is missing" text="Every promised line has the certificates that it needs, or they were waived."/></section> }.into_any();
    }
    let is_supplier = around.viewer.is_supplier();
    let (hand_in, waive) = (around.viewer.may(Action::HandInCertificate), around.viewer.may(Action::WaiveCertificate));
    let rows = lines
        .iter()
        .map(|line| {
            let number = if line.schedule > 1 { format!("{} / {}/{}", line.order, line.line, line.schedule) } else { format!("{} / {}", line.order, line.line) };
            let first = line.missing().next();
            let kind = first.map_or("", |covered| covered.need.kind.as_str());
            let lot = first.and_then(|covered| covered.need.lot.clone());
            let mut query = format!("line={}&kind={kind}", line.schedule_line_id);
            if let Some(lot) = &lot {
                query.push_str(&format!("&lot={}", encoded(lot)));
            }
            let hand = format!("/certificates/new?item={}&kind={kind}{}", encoded(&line.item), lot.map(|lot| format!("&lot={}", encoded(&lot))).unwrap_or_default());
            let late = line.due < around.now().date_naive();
            view! {
                <tr data-edge=late.then_some("crit")>
                    <td class="a-id"><a href=format!("/orders/{}", encoded(&line.order))>{id(number)}</a>{(!is_supplier).then(|| view! { <span class="sub">{line.supplier.1.clone()}</span> })}</td>
                    <td class="a-item"><span class="item-no">{line.item.clone()}</span><span class="sub">{line.description.clone()}</span></td>
                    <td class="a-status">{words::needs(&line.covered)}</td>
                    <td class="nowrap a-due" data-label="due">{date(line.due)}</td>
                    <td class="a-action">
                        {hand_in.then(|| view! { <a class="button low" href=hand>"Hand in"</a> })}
                        {waive.then(|| view! { <a class="button low" href=format!("/certificates/waive?{query}")>"Waive"</a> })}
                    </td>
                </tr>
            }
        })
        .collect_view();
    let count = i64::try_from(lines.len()).unwrap_or(i64::MAX);
    view! {
        <section class="sheet table-region" aria-label="Missing certificates">
            <table class="data-table blocks" role="table">
                <caption class="visually-hidden">"Promised lines without a certificate that they need, by the day on which they are due"</caption>
                <thead><tr><th scope="col">"Order line"</th><th scope="col">"Item"</th><th scope="col">"Certificates"</th><th scope="col">"Due"</th><th scope="col"><span class="visually-hidden">"Action"</span></th></tr></thead>
                <tbody>{rows}</tbody>
            </table>
            <p class="sheet-foot">{format!("{}, the earliest due first. A ship notice cannot be sent without them.", counted(count, "line", "lines"))}</p>
        </section>
    }
    .into_any()
}

fn came(rows: &[Row], more: bool, address: &Address, reading: &Reading, shown: &str) -> AnyView {
    if rows.is_empty() {
        let (title, text) = match shown {
            "submitted" => {
                ("Nothing waits to be checked", "Certificates that suppliers hand in appear here at once.".to_owned())
            }
            "expiring" => (
                "Nothing expires soon",
                format!("No standing certificate ends within {EXPIRY_WATCH_DAYS} days without a longer one."),
            ),
            "rejected" => {
                ("Nothing is rejected", "Rejected certificates stand here until they are replaced.".to_owned())
            }
            _ => ("No certificates", "None matches what you look for.".to_owned()),
        };
        let clear = address
            .is_narrowed(&["view"])
            .then(|| ("Clear filters".to_owned(), format!("/certificates?view={}", encoded(shown))));
        return view! { <section class="sheet" aria-label="Certificates"><EmptyState title=title text=text action=clear/></section> }.into_any();
    }
    let last = rows.last().map(|row| format!("{}_{}", row.submitted_at.to_rfc3339(), row.certificate_id));
    let position = Position {
        words: counted(
            i64::try_from(rows.len()).unwrap_or(i64::MAX),
            "certificate, the newest first",
            "certificates, the newest first",
        ),
        previous: address.get("after").map(|_| address.without("after").href()),
        next: last.filter(|_| more).map(|last| address.with("after", last).href()),
        sizes: Vec::new(),
    };
    let body = rows.iter().map(|one| row(one, reading)).collect_view();
    view! {
        <section class="sheet table-region" aria-label="Certificates">
            <table class="data-table blocks" role="table">
                <caption class="visually-hidden">"Certificates, the newest first"</caption>
                <thead><tr><th scope="col">"Certificate"</th><th scope="col">"Item"</th><th scope="col">"Lots"</th><th scope="col">"State"</th><th scope="col" class="opt-1">"Issued"</th><th scope="col" class="opt-2">"Valid until"</th><th scope="col">"Handed in"</th></tr></thead>
                <tbody>{body}</tbody>
            </table>
            <Pager position=position/>
        </section>
    }
    .into_any()
}

fn row(row: &Row, reading: &Reading) -> AnyView {
    let (tone, words) = words::status(row.status);
    let lots = match (row.lots.as_slice(), &row.delivery_note) {
        ([], Some(note)) => format!("delivery {note}"),
        ([], None) => words::per(row.per).to_owned(),
        (lots, _) => lots.join(", "),
    };
    let differs = (row.differences > 0).then(|| {
        let count = i64::try_from(row.differences).unwrap_or(i64::MAX);
        plain_tag(Tone::Warn, counted(count, "difference", "differences"))
    });
    view! {
        <tr>
            <td class="a-id"><a href=format!("/certificates/{}", row.certificate_id)>{id(row.number.clone())}</a><span class="sub">{format!("{} · {}", row.kind.short(), row.supplier)}</span></td>
            <td class="a-item"><span class="item-no">{row.item.clone()}</span><span class="sub">{row.description.clone()}</span></td>
            <td class="breaks" data-label="lots">{lots}</td>
            <td class="a-status">{tag(tone, words)}" "{differs}</td>
            <td class="nowrap opt-1">{date(row.issued_on)}</td>
            <td class="nowrap opt-2">{date_or_dash(row.valid_until)}</td>
            <td class="nowrap a-due" data-label="handed in">{clock(row.submitted_at, reading)}</td>
        </tr>
    }
    .into_any()
}
