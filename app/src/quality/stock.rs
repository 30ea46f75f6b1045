//! `/stock`: how much there is, as each system said last, with the age of every number; and asking anew.

use domain::access::{Action, may};
use domain::calendar::day;
use leptos::prelude::*;
use leptos::server_fn::ServerFn as _;
use leptos::server_fn::codec::PostUrl;
use store::availability::{self, Lying, StockFilter, Waiting};
use store::release_check::{self, Source};

use super::place::{self, Found};
use crate::address::{Address, encoded};
use crate::error::AppError;
use crate::loaded;
use crate::orders::inbound::stock_status;
use crate::page::Around;
use crate::request;
use crate::ui::empty::EmptyState;
use crate::ui::field::field_note;
use crate::ui::filter::FilterBar;
use crate::ui::header::PageHeader;
use crate::ui::number::quantity;
use crate::ui::pager::Pager;
use crate::ui::tag::plain_tag;
use crate::ui::time::{duration, instant};
use crate::ui::tone::Tone;

/// A number older than this is said to be old.
const OLD_HOURS: i64 = 24;

struct View {
    around: Around,
    address: Address,
    found: Found<Lying>,
    waiting: Vec<Waiting>,
    sources: Vec<Source>,
    /// The one item that is looked at.
    item: Option<String>,
}

pub(super) fn page() -> impl IntoView {
    loaded(load(Address::of_request()), show)
}

async fn load(address: Address) -> Result<View, AppError> {
    let item = address.get("item").map(str::to_owned);
    let filter = StockFilter {
        text: address.get("q").map(str::to_owned),
        plant: address.get("plant").map(str::to_owned),
        item: item.clone(),
    };
    let mut tx = request::reader().await?;
    may(tx.actor(), Action::SeeStock)?;
    let asked = place::page(&address);
    let rows = availability::page(&mut tx, &filter, &asked).await?;
    let found = place::found(&asked, rows, availability::count(&mut tx, &filter).await?);
    let waiting = match &item {
        Some(item) => availability::waiting(&mut tx, item).await.unwrap_or_default(),
        None => Vec::new(),
    };
    if !waiting.is_empty() {
        request::look_again(5);
    }
    let mut plants: Vec<String> = found.rows.iter().map(|row| row.plant.clone()).collect();
    plants.sort_unstable();
    plants.dedup();
    let sources = release_check::sources(&mut tx, &plants).await?;
    Ok(View { around: Around::load(&mut tx).await?, address, found, waiting, sources, item })
}

fn show(view: View) -> AnyView {
    let View { around, address, found, waiting, sources, item } = view;
    let facts = vec![
        found.fact("number", "numbers").into_any(),
        "as ERP and warehouse systems say; nothing is computed here".into_any(),
    ];
    let known = [
        ("q", "Contains", address.get("q").map(str::to_owned)),
        ("item", "Item", item.clone()),
        ("plant", "Plant", address.get("plant").map(str::to_owned)),
    ];
    let tags = address.tags(&known, &["size"]);
    let words = address.get("q").unwrap_or_default().to_owned();
    let content = if found.rows.is_empty() {
        empty(item.as_deref(), &address)
    } else {
        let position = found.position(&address, ("number", "numbers"), Lying::place);
        view! { {groups(&found.rows, &around)}<section class="sheet" aria-label="Pages of stock"><Pager position=position/></section> }.into_any()
    };
    let page = view! {
        <PageHeader title="Stock".into_any() facts=facts/>
        <FilterBar tags=tags clear="/stock".to_owned()>
            <form method="get" action="/stock" class="menu fields">
                <div class="field"><label for="f-q">"Item, description or lot"</label><input class="input" id="f-q" name="q" value=words/></div>
                <button class="button primary" type="submit">"Apply"</button>
            </form>
        </FilterBar>
        {asked(&waiting, &around)}
        <div class="stack">{content}{heard(&sources, &around)}</div>
    };
    around.frame("Stock", page)
}

fn asked(waiting: &[Waiting], around: &Around) -> AnyView {
    waiting
        .iter()
        .map(|one| {
            let how = match one.state {
                Some(domain::exchange::DeliveryState::Delivered) => "asked, the answer is on its way",
                Some(domain::exchange::DeliveryState::Parked) => {
                    "the question was refused; the integration team sees why"
                }
                Some(domain::exchange::DeliveryState::Retrying) => "cannot be reached, asked again by itself",
                _ => "the question is on its way",
            };
            let words = format!(
                "Plant {}: {how} since {}. Below is the last known number.",
                one.plant,
                around.reading.short(one.since)
            );
            field_note(Tone::Info, words, None)
        })
        .collect_view()
        .into_any()
}

fn empty(item: Option<&str>, address: &Address) -> AnyView {
    let ask = item.zip(address.get("plant")).map(|(item, plant)| ask_form(item, plant));
    let text = "As soon as an ERP or warehouse system has said how much there is, it stands here with its age.";
    view! { <section class="sheet"><EmptyState title="No number is known" text=text/>{ask}</section> }.into_any()
}

fn ask_form(item: &str, plant: &str) -> AnyView {
    view! {
        <form method="post" action=AskStock::url()>
            <input type="hidden" name="item" value=item.to_owned()/>
            <input type="hidden" name="plant" value=plant.to_owned()/>
            <button class="button low" type="submit" aria-label=format!("Ask now for {item} in {plant}")>"Ask now"</button>
        </form>
    }
    .into_any()
}

/// Rows of one item in one plant stand together, with the age of the oldest number on this page.
fn groups(rows: &[Lying], around: &Around) -> AnyView {
    rows.chunk_by(|a, b| a.item_id == b.item_id && a.plant_id == b.plant_id)
        .filter_map(|group| {
            let first = group.first()?;
            let oldest = group.iter().map(|row| row.as_of).min()?;
            let age = around.now() - oldest;
            let tone = if age.num_hours() >= OLD_HOURS { Tone::Warn } else { Tone::Neutral };
            let body = group.iter().map(|row| line(row, around)).collect_view();
            let title_id = format!("stock-{}-{}", first.item_id, first.plant_id);
            let href = format!("/stock?item={}", encoded(&first.item));
            let labelled_by = title_id.clone();
            Some(view! {
                <section class="sheet table-region" aria-labelledby=labelled_by>
                    <div class="section-head">
                        <h2 id=title_id><a class="id" href=href>{first.item.clone()}</a>" "<span dir="auto">{format!("{}, plant {}", first.description, first.plant)}</span></h2>
                        <div class="toolbar">{plain_tag(tone, format!("{} old", duration(age)))}{ask_form(&first.item, &first.plant)}</div>
                    </div>
                    <table class="data-table blocks" role="table">
                        <caption class="visually-hidden">{format!("Stock of {} in {}", first.item, first.plant)}</caption>
                        <thead><tr><th scope="col">"Lot"</th><th scope="col">"Place"</th><th scope="col">"Status"</th><th scope="col" class="num">"On hand"</th><th scope="col" class="num opt-1">"Reserved"</th><th scope="col">"True at"</th></tr></thead>
                        <tbody>{body}</tbody>
                    </table>
                </section>
            })
        })
        .collect_view()
        .into_any()
}

fn line(row: &Lying, around: &Around) -> AnyView {
    let lot = if row.lot.is_empty() {
        view! { <span class="muted">"no lot"</span> }.into_any()
    } else {
        view! { <a class="id" href=format!("/trace?q={}", encoded(&row.lot))>{row.lot.clone()}</a> }.into_any()
    };
    let place = if row.location.is_empty() { "–".to_owned() } else { row.location.clone() };
    let status = row.status.map_or_else(
        || view! { <span class="muted">"–"</span> }.into_any(),
        |status| plain_tag(super::words::status_tone(status), stock_status(status)),
    );
    view! {
        <tr>
            <td class="a-id">{lot}</td>
            <td class="a-item">{place}</td>
            <td class="a-status">{status}</td>
            <td class="num a-num nowrap">{quantity(row.on_hand, &row.unit)}</td>
            <td class="num opt-1 nowrap">{quantity(row.reserved, &row.unit)}</td>
            <td class="a-due nowrap">{instant(row.as_of, &around.reading)}<span class="sub">{format!("{} ago", duration(around.now() - row.as_of))}</span></td>
        </tr>
    }
    .into_any()
}

/// When each system behind the numbers last answered.
fn heard(sources: &[Source], around: &Around) -> AnyView {
    if sources.is_empty() {
        return ().into_any();
    }
    let rows = sources
        .iter()
        .map(|source| {
            let said = source.heard_at.map_or_else(
                || "never answered".to_owned(),
                |at| format!("last answered {} ago, {}", duration(around.now() - at), day(at.with_timezone(&around.reading.zone).date_naive())),
            );
            view! { <li><span>{source.system.clone()}</span><span class="muted">{format!("plant {}", source.plant)}</span><span class="end muted">{said}</span></li> }
        })
        .collect_view();
    view! {
        <section class="sheet" aria-labelledby="sources-title">
            <div class="section-head"><h2 id="sources-title">"Where the numbers come from"</h2></div>
            <ul class="row-list">{rows}</ul>
        </section>
    }
    .into_any()
}

/// Asks the systems of a plant how much of an item there is now.
#[server(input = PostUrl, prefix = "/do", endpoint = "ask-stock")]
pub async fn ask_stock(item: String, plant: String) -> Result<(), AppError> {
    let to = format!("/stock?item={}&plant={}", encoded(&item), encoded(&plant));
    let outcome = async {
        let mut tx = request::begin().await?;
        let asked = availability::ask(&mut tx, &plant, &item).await?;
        tx.commit().await?;
        Ok::<_, AppError>(asked)
    };
    match outcome.await {
        Ok(0) => {
            request::keep_notice("A question is on its way already, or no system is known for this item and plant.")
                .await?;
            request::see_other(&to);
        }
        Ok(_) => {
            request::keep_notice("Asked. The number below changes when the answer comes.").await?;
            request::see_other(&to);
        }
        Err(AppError::NotSignedIn) => request::see_other(&request::sign_in_path(&to)),
        Err(error) => {
            request::answer_with(&error);
            return Err(error);
        }
    }
    Ok(())
}
