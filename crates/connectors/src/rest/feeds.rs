//! What the system has to tell: listings by the time of the last change, and the answer to a question about stock.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::settings::System;
use super::{Rest, wire};
use crate::http::{Answer, Call, now};
use crate::outcome::{Fault, Outcome};
use crate::{Cursor, Feed, Polled, Raw};

pub(super) const ORDERS: Feed = Feed { name: "orders", every_seconds: 15 };
const WORK_ORDERS: Feed = Feed { name: "work_orders", every_seconds: 15 };
const RECEIPTS: Feed = Feed { name: "receipts", every_seconds: 15 };
const MILESTONES: Feed = Feed { name: "milestones", every_seconds: 15 };
pub(super) const STOCK: Feed = Feed { name: "stock", every_seconds: 60 };
/// All there are; an ERP has them all.
pub(super) const FEEDS: &[Feed] = &[ORDERS, WORK_ORDERS, RECEIPTS, MILESTONES, STOCK];
/// What a warehouse system has. The book of stock is the ERP's.
const OF_A_WMS: &[Feed] = &[RECEIPTS, MILESTONES];
/// Documents in one poll.
const PAGE: u32 = 100;
/// How far each listing goes back before what was seen last. A change that becomes visible later than this after its
/// `changed_at` would be lost; the protocol forbids it.
const OVERLAP: TimeDelta = TimeDelta::minutes(2);

pub(super) const fn of(system: System) -> &'static [Feed] {
    match system {
        System::Erp => FEEDS,
        System::Wms => OF_A_WMS,
    }
}

/// How far a feed has been read.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Position {
    /// Everything changed before this was read, except for the overlap.
    pub since: Option<DateTime<Utc>>,
    /// In the middle of a listing: its token.
    pub after: Option<String>,
    /// The newest change seen in the listing so far.
    pub newest: Option<DateTime<Utc>>,
}

/// What a document says of itself before anybody tries to understand it.
struct Head {
    /// Identifies it, without what it says.
    key: String,
    subject: String,
    changed_at: DateTime<Utc>,
    plant: Option<String>,
}

/// Reads the next page of a feed.
pub(super) async fn poll(rest: &Rest, feed: Feed, cursor: &Cursor) -> Result<Polled, Fault> {
    let path = match feed.name {
        name if name == ORDERS.name => "/orders",
        name if name == WORK_ORDERS.name => "/work-orders",
        name if name == RECEIPTS.name => "/receipts",
        name if name == MILESTONES.name => "/milestones",
        name if name == STOCK.name => "/stock/changes",
        other => return Err(Fault::Permanent { message: format!("There is no feed {other:?}.") }),
    };
    let position: Position = match &cursor.0 {
        Value::Null => Position::default(),
        stored => Position::deserialize(stored)
            .map_err(|error| Fault::Permanent { message: format!("The stored position is not ours: {error}.") })?,
    };
    let mut call = Call::get(path).query("limit", PAGE);
    if let Some(since) = position.since {
        let from = since.checked_sub_signed(OVERLAP).unwrap_or(since);
        call = call.query("changed_since", from.to_rfc3339_opts(chrono::SecondsFormat::Micros, true));
    }
    if let Some(after) = &position.after {
        call = call.query("after", after);
    }
    if let Some(plant) = &rest.settings.plant {
        call = call.query("plant", plant);
    }
    let answer = rest.http.send(call).await?.check()?;
    page(&answer, path, feed, rest.settings.plant.as_deref(), position)
}

fn page(answer: &Answer, path: &str, feed: Feed, plant: Option<&str>, position: Position) -> Result<Polled, Fault> {
    if !answer.is_success() {
        return Err(Fault::Contract { message: answer.says() });
    }
    let page: wire::Listing = answer.json()?;
    let next = page.next.clone();
    let listed =
        list(page, feed).ok_or_else(|| Fault::Contract { message: format!("GET {path}: there is no list.") })?;
    // A wrong date in the future would make us skip everything until then.
    let latest = answer.date().unwrap_or_else(now);
    let mut messages = Vec::with_capacity(listed.len());
    let mut newest = position.newest.max(position.since);
    for document in &listed {
        let head = head(feed, document.get());
        newest = newest.max(head.as_ref().map(|head| head.changed_at.min(latest)));
        let elsewhere = match (plant, head.as_ref().and_then(|head| head.plant.as_ref())) {
            (Some(wanted), Some(plant)) => !plant.eq_ignore_ascii_case(wanted),
            _ => false,
        };
        if !elsewhere {
            messages.push(message(feed, head.as_ref(), document.get()));
        }
    }
    let more = next.is_some();
    let next = if more {
        if next == position.after {
            return Err(Fault::Contract {
                message: format!("GET {path}: the listing goes on with the token that it was asked with."),
            });
        }
        Position { since: position.since, after: next, newest }
    } else {
        Position { since: newest, after: None, newest: None }
    };
    let cursor = serde_json::to_value(next)
        .map(Cursor)
        .map_err(|error| Fault::Permanent { message: format!("The position cannot be written: {error}.") })?;
    Ok(Polled { messages, cursor, more })
}

fn list(page: wire::Listing, feed: Feed) -> Option<Vec<Box<RawValue>>> {
    match feed.name {
        name if name == ORDERS.name => page.orders,
        name if name == WORK_ORDERS.name => page.work_orders,
        name if name == RECEIPTS.name => page.receipts,
        name if name == MILESTONES.name => page.milestones,
        _ => page.stock,
    }
}

fn head(feed: Feed, text: &str) -> Option<Head> {
    match feed.name {
        name if name == ORDERS.name || name == WORK_ORDERS.name => {
            let head: wire::OrderHead = serde_json::from_str(text).ok()?;
            Some(Head {
                key: format!("{}@{}", head.number, head.version),
                subject: head.number,
                changed_at: head.changed_at,
                plant: head.plant.map(|plant| plant.code),
            })
        }
        name if name == RECEIPTS.name => {
            let head: wire::ReceiptHead = serde_json::from_str(text).ok()?;
            Some(Head {
                key: format!("receipt {}", head.number),
                // Receipts of one delivery are applied in their order.
                subject: head.delivery_note.or(head.notice).unwrap_or(head.number),
                changed_at: head.changed_at,
                plant: Some(head.plant),
            })
        }
        name if name == MILESTONES.name => {
            let head: wire::MilestoneHead = serde_json::from_str(text).ok()?;
            let notice = head.notice.or(head.delivery_note)?;
            Some(Head {
                key: format!("milestone {notice}"),
                subject: notice,
                changed_at: head.changed_at,
                plant: head.plant,
            })
        }
        _ => {
            let head: wire::StockHead = serde_json::from_str(text).ok()?;
            Some(Head {
                key: format!("stock {} {}", head.plant, head.item),
                subject: format!("stock {} {}", head.plant, head.item),
                changed_at: head.as_of,
                plant: Some(head.plant),
            })
        }
    }
}

/// A document of a feed as a message.
pub(super) fn file(feed: Feed, text: &str) -> Raw {
    message(feed, head(feed, text).as_ref(), text)
}

/// A document as a message. Its key is made of what it says: its number, and a hash that does not depend on blanks or on the
/// order of keys, so that overlapping reads find it again and a changed content under the same version does not hide.
///
/// A document without a readable head is a message too: it is stored, not understood, and stops no other.
fn message(feed: Feed, head: Option<&Head>, text: &str) -> Raw {
    let canonical = serde_json::from_str::<Value>(text).map(|mut value| {
        value.sort_all_objects();
        value.to_string()
    });
    let digest = Sha256::digest(canonical.as_deref().unwrap_or(text));
    let hash: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let (external_key, subject) = match head {
        Some(head) => (format!("{}@{hash}", head.key), head.subject.clone()),
        None => (format!("unreadable@{hash}"), "unreadable".to_owned()),
    };
    Raw {
        external_key,
        subject,
        channel: feed.name.to_owned(),
        content_type: "application/json".to_owned(),
        body: text.to_owned(),
        headers: Vec::new(),
    }
}

/// Asks how much of an item there is now; the answer is a message of the feed `stock`.
pub(super) async fn ask_stock(rest: &Rest, plant: &str, item: &str) -> Result<Outcome, Fault> {
    let call = Call::get("/stock").query("plant", plant).query("item", item);
    let answer = rest.http.send(call).await?.check()?;
    let figures = answer
        .is_success()
        .then(|| answer.json::<wire::Listing>().ok()?.stock)
        .flatten()
        .filter(|figures| !figures.is_empty());
    let Some(figures) = figures else {
        // No figures: a refusal in words, or nothing that can be read as an answer.
        return match super::outcome(answer)? {
            Outcome::Accepted { .. } => {
                Ok(Outcome::Pending { seen: format!("There is no figure for {item} in {plant} in the answer.") })
            }
            other => Ok(other),
        };
    };
    let told = figures.iter().map(|figure| file(STOCK, figure.get()));
    Ok(Outcome::Accepted { their_ref: None, links: Vec::new(), already: false, told: told.collect() })
}
