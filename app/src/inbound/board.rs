//! `/inbound`: the board of one or all docks of the reader for a day, and the field that a scanner types into.

use chrono::{DateTime, Days, NaiveDate, TimeZone, Utc};
use domain::access::{Action, may};
use domain::calendar::{day, today};
use leptos::prelude::*;
use store::inbound::{self, ArrivalRow, COUNTED, Column, Dock, Found, Key, Plant};

use super::words;
use crate::address::{Address, encoded, meant};
use crate::error::AppError;
use crate::loaded;
use crate::page::Around;
use crate::request;
use crate::ui::empty::EmptyState;
use crate::ui::field::{field_note, options};
use crate::ui::header::PageHeader;
use crate::ui::number::{at_most, counted};
use crate::ui::tag::tag;
use crate::ui::time::{Reading, clock};
use crate::ui::tone::Tone;

/// Rows of a column on the board; its own page has the rest.
const ON_BOARD: i64 = 10;
/// Rows of a page of one column.
const ON_PAGE: i64 = 50;

struct Board {
    around: Around,
    address: Address,
    plants: Vec<Plant>,
    dock: Dock,
    counts: [i64; 5],
    columns: Vec<(Column, Vec<ArrivalRow>)>,
    scanned: Option<(String, Vec<Found>)>,
}

pub(super) fn page() -> impl IntoView {
    loaded(load(Address::of_request()), show)
}

async fn load(address: Address) -> Result<Board, AppError> {
    let mut tx = request::reader().await?;
    may(tx.actor(), Action::SeeInbound)?;
    let around = Around::load(&mut tx).await?;
    let scanned = match address.get("q") {
        Some(typed) => Some((typed.to_owned(), inbound::find(&mut tx, &meant(typed)).await?)),
        None => None,
    };
    if let Some((_, found)) = &scanned
        && let Some(only) = only(found)
    {
        request::see_other(&href(only));
    }
    let plants = inbound::plants(&mut tx).await?;
    let dock = dock(&address, &plants, around.now());
    let counts = inbound::counts(&mut tx, &dock).await?;
    let one = address.get("column").and_then(Column::parse);
    let mut columns = Vec::new();
    for column in Column::ALL.into_iter().filter(|column| one.is_none_or(|one| one == *column)) {
        let (after, size) = if one.is_some() { (address.read::<Key>("after"), ON_PAGE + 1) } else { (None, ON_BOARD) };
        columns.push((column, inbound::column(&mut tx, &dock, column, after, size).await?));
    }
    Ok(Board { around, address, plants, dock, counts, columns, scanned })
}

/// The dock in the address: one plant or all of the reader's, and a day; today in the first plant's calendar.
pub(super) fn dock(address: &Address, plants: &[Plant], now: DateTime<Utc>) -> Dock {
    let chosen: Vec<&Plant> = match address.get("plant") {
        Some(code) => plants.iter().filter(|plant| plant.code == code).collect(),
        None => plants.iter().collect(),
    };
    let zone = chosen.first().or(plants.first().as_ref()).map_or(chrono_tz::Tz::UTC, |plant| plant.zone.0);
    let today = today(now, zone);
    let day = address.read::<NaiveDate>("day").unwrap_or(today);
    let begin = |day: NaiveDate| {
        let midnight = day.and_time(chrono::NaiveTime::MIN);
        zone.from_local_datetime(&midnight).earliest().map_or_else(|| midnight.and_utc(), |at| at.with_timezone(&Utc))
    };
    let next = day.checked_add_days(Days::new(1)).unwrap_or(day);
    Dock { plants: chosen.iter().map(|plant| plant.id).collect(), day, today, hours: (begin(day), begin(next)) }
}

/// The one thing a scan means: the only find, or the only shipment that is still to come.
fn only(found: &[Found]) -> Option<&Found> {
    let expected: Vec<&Found> = found.iter().filter(|it| matches!(it, Found::Notice { expected: true, .. })).collect();
    match (found, expected.as_slice()) {
        ([one], _) => Some(one),
        (_, [one]) => Some(*one),
        _ => None,
    }
}

fn href(found: &Found) -> String {
    match found {
        Found::Notice { number, sscc, .. } => {
            let package = sscc.as_ref().map(|sscc| format!("?package={sscc}")).unwrap_or_default();
            format!("/inbound/{}{package}", encoded(number))
        }
        Found::Order { number, .. } => format!("/inbound/orders/{}", encoded(number)),
        Found::Receipt { number } => format!("/receipts/{}", encoded(number)),
    }
}

fn show(board: Board) -> AnyView {
    let Board { around, address, plants, dock, counts, columns, scanned } = board;
    let whole = columns.len() > 1;
    let title = match columns.as_slice() {
        [(column, _)] => format!("Inbound: {}", words::column(*column).to_lowercase()),
        _ => "Inbound".to_owned(),
    };
    let place = address.get("plant").map_or_else(
        || counted(i64::try_from(plants.len()).unwrap_or(i64::MAX), "plant", "plants"),
        |code| {
            plants
                .iter()
                .find(|plant| plant.code == code)
                .map_or_else(|| format!("plant {code}"), |plant| format!("plant {} {}", plant.code, plant.name))
        },
    );
    let when = if dock.day == dock.today { format!("today, {}", day(dock.day)) } else { day(dock.day) };
    let facts = vec![place.into_any(), when.into_any(), "days in the calendar of the plant".into_any()];
    let content = if whole {
        let columns = columns
            .iter()
            .zip(counts)
            .map(|((column, rows), count)| sheet(*column, rows, count, &address, &dock, &around.reading))
            .collect_view();
        view! { <div class="board">{columns}</div> }.into_any()
    } else {
        one_column(&columns, &address, &dock, &around.reading)
    };
    let page = view! {
        <PageHeader title=title.clone().into_any() facts=facts/>
        {search(&address, scanned.as_ref())}
        {narrow(&address, &plants, &dock)}
        {content}
    };
    around.frame(title, page)
}

/// Scanners type the code and Enter; the field has the focus so that nobody has to touch the screen.
fn search(address: &Address, scanned: Option<&(String, Vec<Found>)>) -> AnyView {
    let plant = address.get("plant").map(|plant| view! { <input type="hidden" name="plant" value=plant.to_owned()/> });
    let typed = scanned.map(|(typed, _)| typed.clone()).unwrap_or_default();
    let found = scanned.map(|(typed, found)| {
        if found.is_empty() {
            let words = format!("Nothing found for “{typed}”. Look at the label again, or receive against the order by its number.");
            return view! { <div role="status">{field_note(Tone::Crit, words, None)}</div> }.into_any();
        }
        let rows = found
            .iter()
            .map(|it| {
                let (what, who, state) = match it {
                    Found::Notice { number, delivery_note, supplier, expected, .. } => (
                        number.clone(),
                        format!("{supplier}, delivery note {delivery_note}"),
                        if *expected { tag(Tone::Info, "expected") } else { tag(Tone::Ok, "received") },
                    ),
                    Found::Order { number, supplier } => {
                        (number.clone(), supplier.clone(), tag(Tone::Neutral, "order, without a ship notice"))
                    }
                    Found::Receipt { number } => (number.clone(), String::new(), tag(Tone::Ok, "receipt")),
                };
                view! { <li><a class="id" href=href(it)>{what}</a><span dir="auto">{who}</span><span class="end">{state}</span></li> }
            })
            .collect_view();
        view! { <section class="sheet" role="status" aria-label="Found"><ul class="row-list">{rows}</ul></section> }.into_any()
    });
    view! {
        <form class="search-form scan" role="search" method="get" action="/inbound">
            <input class="input" id="scan" name="q" type="search" value=typed autofocus autocomplete="off" spellcheck="false" enterkeyhint="search"
                aria-label="Scan a package, or type a delivery note, order, lot or ship notice" placeholder="Scan a package, or type a delivery note, order or lot"/>
            {plant}
            <button class="button primary" type="submit">"Find"</button>
        </form>
        {found}
    }
    .into_any()
}

fn narrow(address: &Address, plants: &[Plant], dock: &Dock) -> AnyView {
    let base = address.without("q");
    let link = |words: &str, day: Option<NaiveDate>| {
        let href = day.map_or_else(|| base.without("day"), |day| base.with("day", day)).href();
        view! { <a class="button low" href=href>{words.to_owned()}</a> }
    };
    let days = view! {
        {link("Day before", dock.day.checked_sub_days(Days::new(1)))}
        {(dock.day != dock.today).then(|| link("Today", None))}
        {link("Day after", dock.day.checked_add_days(Days::new(1)))}
    };
    let choose = (plants.len() > 1).then(|| {
        let mut list = vec![(String::new(), "all plants".to_owned())];
        list.extend(plants.iter().map(|plant| (plant.code.clone(), format!("{} {}", plant.code, plant.name))));
        let list = options(list, address.get("plant").unwrap_or_default());
        let day = address.get("day").map(|day| view! { <input type="hidden" name="day" value=day.to_owned()/> });
        view! {
            <form method="get" action="/inbound" class="inline-form">
                <label class="visually-hidden" for="plant">"Plant"</label>
                <select class="input" id="plant" name="plant">{list}</select>
                {day}
                <button class="button low" type="submit">"Show"</button>
            </form>
        }
    });
    view! { <nav class="toolbar dock-bar" aria-label="Day and plant">{days}{choose}</nav> }.into_any()
}

fn sheet(
    column: Column,
    rows: &[ArrivalRow],
    count: i64,
    address: &Address,
    dock: &Dock,
    reading: &Reading,
) -> AnyView {
    let id = format!("column-{}", column.as_str());
    let title = id.clone();
    let all = address.without("q").with("column", column.as_str()).href();
    let beyond = count > i64::try_from(rows.len()).unwrap_or(i64::MAX);
    let tone = if count == 0 { Tone::Neutral } else { words::tone(column) };
    let content = if rows.is_empty() {
        view! { <p class="muted small nothing">{words::nothing(column)}</p> }.into_any()
    } else {
        cards(column, rows, dock, reading)
    };
    view! {
        <section class="sheet" aria-labelledby=id data-tone=tone.as_str()>
            <div class="section-head"><h2 id=title>{words::column(column)}<span>{at_most(count, COUNTED)}</span></h2></div>
            {content}
            {beyond.then(|| view! { <p class="sheet-foot"><a href=all>"Show all"</a></p> })}
        </section>
    }
    .into_any()
}

fn one_column(columns: &[(Column, Vec<ArrivalRow>)], address: &Address, dock: &Dock, reading: &Reading) -> AnyView {
    let Some((column, rows)) = columns.first() else { return ().into_any() };
    let size = usize::try_from(ON_PAGE).unwrap_or(usize::MAX);
    let more = rows.len() > size;
    let shown = rows.get(..rows.len().min(size)).unwrap_or_default();
    let back = address.without("q").without("column").href();
    let next = shown.last().filter(|_| more).map(|row| address.with("after", row.key()).href());
    let content = if shown.is_empty() {
        view! { <EmptyState title=words::nothing(*column) text="The board shows the other columns." action=Some(("Back to the board".to_owned(), back.clone()))/> }.into_any()
    } else {
        cards(*column, shown, dock, reading)
    };
    view! {
        <section class="sheet" aria-label=words::column(*column)>
            {content}
            <div class="sheet-foot"><a href=back>"Back to the board"</a>{next.map(|next| view! { <a rel="next" href=next>"Next"</a> })}</div>
        </section>
    }
    .into_any()
}

fn cards(column: Column, rows: &[ArrivalRow], dock: &Dock, reading: &Reading) -> AnyView {
    let rows = rows
        .iter()
        .map(|row| {
            let when = match column {
                Column::Late => {
                    let days = (dock.today - row.arrive_on).num_days();
                    view! { {counted(days, "day", "days")}" late" }.into_any()
                }
                Column::Due if row.departed_at.is_some() => "on the way".into_any(),
                Column::Due => "announced".into_any(),
                Column::AtGate | Column::Receiving => row
                    .arrived_at
                    .map_or_else(|| "here".into_any(), |at| view! { "since "{clock(at, reading)} }.into_any()),
                Column::Received => row.received_at.map_or_else(|| ().into_any(), |at| clock(at, reading)),
            };
            let done = (column == Column::Receiving)
                .then(|| format!("{} of {} in", row.lines_done, counted(row.lines, "line", "lines")));
            let size = done.unwrap_or_else(|| {
                let packages = match row.packages {
                    0 => String::new(),
                    some => format!(", {}", counted(some, "package", "packages")),
                };
                format!("{}{packages}", counted(row.lines, "line", "lines"))
            });
            let case = row.case.clone().map(|case| tag(Tone::Warn, format!("difference {case}")));
            view! {
                <li>
                    <a class="dock-card" href=format!("/inbound/{}", encoded(&row.number))>
                        <span class="id">{row.number.clone()}</span>
                        <span class="when">{when}</span>
                        <span class="who" dir="auto">{row.supplier.clone()}</span>
                        <span class="sub">{format!("{} · {} · {size}", row.delivery_note, row.plant)}</span>
                        {row.carrier.clone().map(|carrier| view! { <span class="sub" dir="auto">{carrier}</span> })}
                        {case}
                    </a>
                </li>
            }
        })
        .collect_view();
    view! { <ul class="dock-cards">{rows}</ul> }.into_any()
}
