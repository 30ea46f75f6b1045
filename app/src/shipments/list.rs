//! `/shipments`: ship notices within the scope, filtered and paged by the address alone.

use chrono::DateTime;
use domain::access::Action;
use domain::calendar::day;
use domain::event::SubjectKind;
use leptos::prelude::*;
use store::order_list::COUNTED;
use store::ship_notice_list::{self, Filter, Key, NoticeRow, Page, View};

use crate::address::Address;
use crate::error::AppError;
use crate::loaded;
use crate::page::Around;
use crate::request;
use crate::ui::empty::EmptyState;
use crate::ui::filter::{FilterBar, SavedView, SavedViews};
use crate::ui::header::PageHeader;
use crate::ui::number::{at_most, counted};
use crate::ui::pager::{Pager, Position};
use crate::ui::tag::{id, sync_badge, tag};
use crate::ui::time::{clock, date};

use super::act::address as address_of;
use super::words;

const SIZES: [i64; 3] = [50, 25, 100];

struct List {
    around: Around,
    address: Address,
    view: Option<View>,
    rows: Vec<NoticeRow>,
    total: i64,
    more: bool,
    size: i64,
    /// How many are late, for the tab that needs somebody.
    late: i64,
    not_in_erp: i64,
}

pub(super) fn page() -> impl IntoView {
    loaded(load(Address::of_request()), show)
}

fn words_of(address: &Address, key: &str) -> Vec<String> {
    address
        .all(key)
        .flat_map(|value| value.split(','))
        .map(|word| word.trim().to_owned())
        .filter(|word| !word.is_empty())
        .collect()
}

fn filter(address: &Address) -> Filter {
    Filter {
        view: address.get("view").and_then(View::parse),
        plants: words_of(address, "plant").into_iter().map(|code| code.to_uppercase()).collect(),
        suppliers: words_of(address, "supplier"),
        from: address.read("from"),
        to: address.read("to"),
        text: address.get("q").map(|text| text.chars().take(100).collect()),
    }
}

fn key_text(key: Key) -> String {
    format!("{}.{}", key.at.timestamp_micros(), key.id)
}

fn parse_key(text: &str) -> Option<Key> {
    let (at, id) = text.split_once('.')?;
    Some(Key { at: DateTime::from_timestamp_micros(at.parse().ok()?)?, id: id.parse().ok()? })
}

async fn load(address: Address) -> Result<List, AppError> {
    let filter = filter(&address);
    let size = address.read("size").filter(|size| SIZES.contains(size)).unwrap_or(SIZES[0]);
    let place = Page {
        after: address.get("after").and_then(parse_key),
        before: address.get("before").and_then(parse_key),
        size: size + 1,
    };
    let mut tx = request::reader().await?;
    let around = Around::load(&mut tx).await?;
    let mut rows = ship_notice_list::page(&mut tx, &filter, &place).await?;
    let more = i64::try_from(rows.len()).unwrap_or(i64::MAX) > size;
    if more && place.before.is_some() {
        rows.remove(0);
    } else if more {
        rows.pop();
    }
    let total = ship_notice_list::count(&mut tx, &filter).await?;
    let of = |view| Filter { view: Some(view), ..Filter::default() };
    let late = ship_notice_list::count(&mut tx, &of(View::Late)).await?;
    let not_in_erp = ship_notice_list::count(&mut tx, &of(View::NotInErp)).await?;
    Ok(List { around, view: filter.view, address, rows, total, more, size, late, not_in_erp })
}

const fn view_words(view: View) -> &'static str {
    match view {
        View::Expected => "Expected",
        View::Late => "Late",
        View::InTransit => "In transit",
        View::AtThePlant => "At the plant",
        View::NotInErp => "Not in ERP",
        View::Received => "Received",
        View::Cancelled => "Withdrawn",
    }
}

fn show(list: List) -> AnyView {
    let List { around, address, view, rows, total, more, size, late, not_in_erp } = list;
    let insider = !around.viewer.is_supplier();
    let plain = !address.is_narrowed(&["view", "size"]);
    let tab = |words: &str, of: Option<View>, count: Option<i64>| SavedView {
        words: words.to_owned(),
        count: count.filter(|count| *count > 0).map(|count| at_most(count, COUNTED)),
        href: of.map_or_else(|| "/shipments".to_owned(), |of| format!("/shipments?view={}", of.as_str())),
        current: plain && view == of,
    };
    let mut tabs = vec![tab("All", None, None)];
    tabs.extend(View::ALL.into_iter().map(|of| {
        let count = match of {
            View::Late => Some(late),
            View::NotInErp => Some(not_in_erp),
            _ => None,
        };
        tab(view_words(of), Some(of), count)
    }));
    let action = around
        .viewer
        .may(Action::SendShipNotice)
        .then(|| view! { <a class="button primary" href="/shipments/new">"New ship notice"</a> });
    let facts = vec![
        if total > COUNTED {
            format!("{} match", at_most(total, COUNTED))
        } else {
            counted(total, "ship notice", "ship notices")
        }
        .into_any(),
        "the last announced first".into_any(),
    ];
    let content = if rows.is_empty() {
        view! { <section class="sheet" aria-label="Shipments">{empty(&address, insider)}</section> }.into_any()
    } else {
        let position = position(&address, &rows, total, more, size);
        let body = rows.iter().map(|row| row_view(row, &around, insider)).collect_view();
        view! {
            <section class="sheet table-region" aria-label="Shipments">
                <table class="data-table blocks" role="table">
                    <caption class="visually-hidden">"Ship notices"</caption>
                    <thead><tr>
                        <th scope="col">"Ship notice"</th>
                        {insider.then(|| view! { <th scope="col" class="opt-1">"Supplier"</th> })}
                        <th scope="col">"Orders"</th>
                        <th scope="col" class="opt-2">"Content"</th>
                        <th scope="col" class="opt-1">"Ship date"</th>
                        <th scope="col">"Arrival"</th>
                        <th scope="col">"Goods"</th>
                        <th scope="col">"ERP"</th>
                    </tr></thead>
                    <tbody>{body}</tbody>
                </table>
                <Pager position=position/>
            </section>
        }
        .into_any()
    };
    let page = view! {
        <PageHeader title="Shipments".into_any() facts=facts>{action}</PageHeader>
        <SavedViews views=tabs/>
        {filters(&address, insider)}
        {content}
    };
    around.watching_all(&[SubjectKind::Shipment]).frame("Shipments", page)
}

fn filters(address: &Address, insider: bool) -> AnyView {
    let text = |key: &str| address.get(key).unwrap_or_default().to_owned();
    let words = |key: &str| address.get(key).map(str::to_owned);
    let on = |key: &str| address.read(key).map(day);
    let tags = address.tags(
        &[
            ("view", "View", address.get("view").and_then(View::parse).map(|view| view_words(view).to_owned())),
            ("plant", "Plant", words("plant")),
            ("supplier", "Supplier", words("supplier")),
            ("from", "Arrives from", on("from")),
            ("to", "Arrives until", on("to")),
            ("q", "Contains", words("q")),
        ],
        &["size"],
    );
    let supplier = insider.then(|| view! { <div class="field"><label for="f-supplier">"Supplier number"</label><input class="input" id="f-supplier" name="supplier" value=text("supplier")/></div> });
    let form = view! {
        <form method="get" action="/shipments" class="menu fields">
            <div class="field"><label for="f-q">"Number, delivery note, order, lot or SSCC"</label><input class="input" id="f-q" name="q" value=text("q")/></div>
            <div class="field"><label for="f-plant">"Plant"</label><input class="input" id="f-plant" name="plant" value=text("plant")/></div>
            {supplier}
            <div class="field pair"><label for="f-from">"Arrives from"</label><input class="input" id="f-from" name="from" type="date" value=text("from")/></div>
            <div class="field pair"><label for="f-to">"Arrives until"</label><input class="input" id="f-to" name="to" type="date" value=text("to")/></div>
            {address.get("view").map(|view| view! { <input type="hidden" name="view" value=view.to_owned()/> })}
            <button class="button primary" type="submit">"Apply"</button>
        </form>
    }
    .into_any();
    view! { <FilterBar tags=tags clear="/shipments".to_owned()>{form}</FilterBar> }.into_any()
}

fn empty(address: &Address, insider: bool) -> AnyView {
    if address.is_narrowed(&["size"]) {
        return view! { <EmptyState title="No shipment matches" text="The filters above leave nothing over." action=Some(("Show all shipments".to_owned(), "/shipments".to_owned()))/> }.into_any();
    }
    if insider {
        return view! { <EmptyState title="Nothing is announced" text="Ship notices stand here as soon as a supplier sends one."/> }.into_any();
    }
    view! { <EmptyState title="Nothing is announced yet" text="Announce what you ship, and the dock is ready for it." action=Some(("New ship notice".to_owned(), "/shipments/new".to_owned()))/> }.into_any()
}

fn row_view(row: &NoticeRow, around: &Around, insider: bool) -> AnyView {
    let (tone, said) = words::status(row.status, row.is_late);
    let (sync_tone, sync) = words::sync_short(row.delivery);
    let mut orders: Vec<String> = row.orders.iter().take(3).cloned().collect();
    if row.orders.len() > 3 {
        orders.push(format!("+{}", row.orders.len() - 3));
    }
    let packages =
        if row.packages == 0 { String::new() } else { format!(", {}", counted(row.packages, "package", "packages")) };
    let edge = match (row.is_late, sync_tone) {
        (true, _) if insider => Some("crit"),
        (_, crate::ui::tone::Tone::Crit) => Some("crit"),
        _ => None,
    };
    let below = if insider { format!("{}, {}", row.supplier.1, row.plant) } else { format!("plant {}", row.plant) };
    view! {
        <tr data-edge=edge>
            <td class="a-id"><a class="id nowrap" href=address_of(&row.number)>{row.number.clone()}</a><span class=if insider { "sub narrow-only" } else { "sub" }>{below}</span></td>
            {insider.then(|| view! { <td class="opt-1">{row.supplier.1.clone()}<span class="sub">{format!("{} · {}", row.supplier.0, row.plant)}</span></td> })}
            <td class="a-item"><span class="id">{orders.join(", ")}</span><span class="sub">"delivery note "{id(row.delivery_note.clone())}</span></td>
            <td class="opt-2">{counted(row.lines, "line", "lines")}{packages}<span class="sub">"announced "{clock(row.announced_at, &around.reading)}</span></td>
            <td class="nowrap opt-1">{date(row.ship_on)}</td>
            <td class="nowrap a-due">{date(row.arrive_on)}</td>
            <td class="a-status">{tag(tone, said)}</td>
            <td class="a-sync">{sync_badge(sync_tone, sync)}</td>
        </tr>
    }
    .into_any()
}

fn position(address: &Address, rows: &[NoticeRow], total: i64, more: bool, size: i64) -> Position {
    let shown = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    let backwards = address.get("before").is_some();
    let (has_previous, has_next) = if backwards { (more, true) } else { (address.get("after").is_some(), more) };
    let key = |row: Option<&NoticeRow>| row.map(|row| key_text(row.key()));
    let mut sizes = SIZES;
    sizes.sort_unstable();
    Position {
        words: format!("{} of {}", counted(shown, "ship notice", "ship notices"), at_most(total, COUNTED)),
        previous: key(rows.first()).filter(|_| has_previous).map(|key| address.with("before", key).href()),
        next: key(rows.last()).filter(|_| has_next).map(|key| address.with("after", key).href()),
        sizes: sizes.into_iter().map(|other| (other, address.with("size", other).href(), other == size)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_the_list_survives_its_address() {
        let key = Key {
            at: "2026-12-01T08:00:00.123456Z".parse().expect("an instant"),
            id: uuid::Uuid::from_u128(0x019a_e4c2_6c1e_7a40_9f3b_5d1c_2e8a_b7f0),
        };
        assert_eq!(parse_key(&key_text(key)), Some(key));
        assert_eq!(parse_key("yesterday"), None);
    }

    #[test]
    fn filters_are_read_from_the_address() {
        let filter = filter(&Address::parse("/shipments", "view=late&plant=de10,DE20&from=2026-12-01&q=LS-1"));
        assert_eq!(filter.view, Some(View::Late));
        assert_eq!(filter.plants, ["DE10", "DE20"]);
        assert_eq!((filter.from.is_some(), filter.to), (true, None));
        assert_eq!(filter.text.as_deref(), Some("LS-1"));
    }
}
