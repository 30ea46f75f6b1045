//! Receiving by hand or by machine: what may be entered, and the receipt that comes of it.

use std::collections::HashSet;

use chrono::{NaiveDate, TimeDelta};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::difference::{Came, Delivery, DueLine, Part, Parts};
use super::matching::lot_key;
use super::{Oddity, ReceiptChannel, ReceivedLine};
use crate::Timestamp;
use crate::calendar::day;
use crate::confirmation::LONGEST_NOTE;
use crate::id::{DocumentId, ReceiptLineId};
use crate::quantity::grouped;
use crate::refusal::Finding;
use crate::shipment::ShipStatus;

/// Lines of one receipt at the most.
pub const MOST_LINES: usize = 5_000;
/// A quantity is below this.
const MOST_NUMBER: Decimal = Decimal::from_parts(3_567_587_328, 232, 0, false, 0); // 1,000,000,000,000
/// Clocks differ by so much, and no receipt is entered before it happens.
const CLOCKS: TimeDelta = TimeDelta::minutes(5);

/// What goods are received against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Against {
    /// A ship notice, by its number.
    Notice(String),
    /// Lines of an order, by its number: nobody announced the goods.
    Order(String),
}

/// The wish to receive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostReceipt {
    /// Against what.
    pub against: Against,
    /// The version of the ship notice that was read; none where the sender did not look.
    #[serde(default)]
    pub version: Option<i32>,
    /// At the dock, or through the API.
    pub channel: ReceiptChannel,
    /// The supplier's delivery note, for goods that nobody announced.
    #[serde(default)]
    pub delivery_note: Option<String>,
    /// When the goods were received.
    pub received_at: Timestamp,
    /// Nothing more is expected of the ship notice: what is missing is short.
    pub complete: bool,
    /// What came; empty to receive everything as announced.
    #[serde(default)]
    pub lines: Vec<PostLine>,
    /// The key of this sending.
    pub submission: Uuid,
}

/// What came of a line and lot.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostLine {
    /// The line of the ship notice.
    #[serde(default)]
    pub notice_line: Option<i32>,
    /// The order's line, where the receipt is against an order.
    #[serde(default)]
    pub line: Option<String>,
    /// The item that came, where it is not the one of the line.
    #[serde(default)]
    pub item: Option<String>,
    /// The supplier's lot, as the label says.
    #[serde(default)]
    pub lot: Option<String>,
    /// Last day on which it may be used; as announced where nothing is given.
    #[serde(default)]
    pub expires_on: Option<NaiveDate>,
    /// Came undamaged.
    pub accepted: Decimal,
    /// Came damaged.
    #[serde(default)]
    pub damaged: Decimal,
    /// In the clerk's words.
    #[serde(default)]
    pub note: Option<String>,
    /// A photo of the damage.
    #[serde(default)]
    pub document_id: Option<DocumentId>,
}

impl PostLine {
    fn came(&self) -> Decimal {
        self.accepted.saturating_add(self.damaged)
    }

    fn is_wrong_item(&self, line: &DueLine) -> bool {
        self.item.as_ref().is_some_and(|item| *item != line.item)
    }
}

/// A line of a receipt that is about to be stored, with what only the house knows of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    /// As others are told.
    pub line: ReceivedLine,
    /// A photo of the damage.
    pub document_id: Option<DocumentId>,
}

/// Everything that is announced and has not come, as lines to receive.
pub fn everything(delivery: &Delivery) -> Vec<PostLine> {
    delivery.parts().iter().filter(|part| part.missing() > Decimal::ZERO).map(as_announced).collect()
}

fn as_announced(part: &Part<'_>) -> PostLine {
    PostLine {
        notice_line: part.line.notice_line,
        line: Some(part.line.line.clone()),
        lot: part.lot.map(|lot| lot.lot.clone()),
        expires_on: part.lot.and_then(|lot| lot.expires_on),
        accepted: part.missing(),
        ..PostLine::default()
    }
}

fn line_of<'a>(delivery: &'a Delivery, post: &PostLine) -> Option<&'a DueLine> {
    delivery.lines.iter().find(|line| match line.notice_line {
        Some(number) => post.notice_line == Some(number),
        None => post.notice_line.is_none() && post.line.as_deref() == Some(line.line.as_str()),
    })
}

/// A line of the ship notice or order, the item that came, and its lot.
type Named<'a> = (Option<i32>, Option<&'a str>, Option<&'a str>, Option<String>);

/// What the rules have to say about a receipt before it is taken. `today` is the day in the plant.
pub fn check(delivery: &Delivery, command: &PostReceipt, now: Timestamp, today: NaiveDate) -> Vec<Finding> {
    let mut found = whole(delivery, command, now);
    let parts = delivery.indexed();
    let mut seen: HashSet<Named<'_>> = HashSet::new();
    for (index, post) in command.lines.iter().enumerate() {
        let at = |field: &str| format!("lines.{index}.{field}");
        let Some(line) = line_of(delivery, post) else {
            found.push(Finding::stops(
                at("accepted"),
                "unknown_line",
                "This line is not on the document that is received against. Open the page again.",
            ));
            continue;
        };
        let key = (post.notice_line, post.line.as_deref(), post.item.as_deref(), lot_key(post.lot.as_deref()));
        if !seen.insert(key) {
            found.push(Finding::stops(
                at("lot"),
                "lot_twice",
                "The same line and lot stand here twice. Enter their sum once.",
            ));
        }
        found.extend(numbers(line, post, &at));
        found.extend(words(line, &parts, post, &at, today));
    }
    if !Finding::any_stops(&found) {
        found.extend(beyond(delivery, command));
    }
    found
}

fn whole(delivery: &Delivery, command: &PostReceipt, now: Timestamp) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut stop = |at: &str, rule: &str, message: String| found.push(Finding::stops(at, rule, message));
    match delivery.status {
        Some(ShipStatus::Cancelled) => stop(
            "",
            "notice_cancelled",
            "The supplier withdrew this ship notice. Receive against the order instead.".to_owned(),
        ),
        Some(ShipStatus::Received) => stop(
            "",
            "notice_received",
            "This ship notice is received already. What comes now is received against the order, or the earlier receipt is taken back first.".to_owned(),
        ),
        _ => {}
    }
    if let (Some((number, now_version)), Some(read)) = (&delivery.notice, command.version)
        && *now_version != read
    {
        stop(
            "",
            "notice_amended",
            format!(
                "The supplier changed {number} while you were receiving: it is now version {now_version}, you had version {read}. Look at the lines again."
            ),
        );
    }
    if command.received_at > now + CLOCKS {
        stop(
            "received_at",
            "received_in_future",
            "The time of receipt is in the future. Enter when the goods came.".to_owned(),
        );
    }
    if command.lines.len() > MOST_LINES {
        stop("", "too_many_lines", format!("A receipt has at most {MOST_LINES} lines. Receive in several parts."));
    }
    if matches!(command.channel, ReceiptChannel::Erp | ReceiptChannel::Wms) {
        stop("", "channel", "What another system received comes through its connection.".to_owned());
    }
    let came = command.lines.iter().any(|line| !line.came().is_zero());
    if command.lines.is_empty() && everything(delivery).is_empty() {
        stop("", "nothing_open", "Everything announced has come already.".to_owned());
    } else if !(command.lines.is_empty() || came || command.complete && delivery.notice.is_some()) {
        stop("", "nothing_received", "Enter what came of at least one line.".to_owned());
    }
    if matches!(command.against, Against::Order(_)) && command.lines.is_empty() {
        stop(
            "",
            "lines_missing",
            "Say what came of which line: without a ship notice nothing is announced.".to_owned(),
        );
    }
    if command.delivery_note.as_ref().is_some_and(|note| note.chars().count() > 60) {
        stop(
            "delivery_note",
            "delivery_note_too_long",
            "A delivery note's number has at most 60 characters.".to_owned(),
        );
    }
    found
}

fn numbers(line: &DueLine, post: &PostLine, at: &dyn Fn(&str) -> String) -> Vec<Finding> {
    let mut found = Vec::new();
    for (field, value) in [("accepted", post.accepted), ("damaged", post.damaged)] {
        let given = grouped(value, 0);
        if value < Decimal::ZERO {
            found.push(Finding::stops(
                at(field),
                "quantity_negative",
                "Enter 0 or more. What goes back is a reversal.",
            ));
        } else if value >= MOST_NUMBER {
            let message = format!("{given} is more than anybody receives. Check the number.");
            found.push(Finding::stops(at(field), "quantity_too_large", message));
        } else if value.normalize().scale() > line.unit.decimals() {
            let most = line.unit.decimals();
            let message = format!("{} has at most {most} decimals; {given} has more.", line.unit);
            found.push(Finding::stops(at(field), "too_many_decimals", message));
        }
    }
    found
}

fn words<'a>(
    line: &'a DueLine,
    parts: &Parts<'a>,
    post: &PostLine,
    at: &dyn Fn(&str) -> String,
    today: NaiveDate,
) -> Vec<Finding> {
    let mut found = Vec::new();
    let note = post.note.as_deref().map(str::trim).unwrap_or_default();
    let longest = note.chars().count();
    if longest > LONGEST_NOTE {
        let message = format!("The note has {longest} characters; the most is {LONGEST_NOTE}.");
        found.push(Finding::stops(at("note"), "note_too_long", message));
    }
    if post.came() <= Decimal::ZERO {
        return found;
    }
    if post.damaged > Decimal::ZERO && note.is_empty() {
        found.push(Finding::stops(at("note"), "note_missing", "Say what is damaged: the supplier reads it."));
    }
    if post.is_wrong_item(line) {
        if note.is_empty() {
            let message = format!("Say what came in place of {}: the supplier reads it.", line.item);
            found.push(Finding::stops(at("note"), "note_missing", message));
        }
    } else {
        let lot = post.lot.as_deref().filter(|lot| lot_key(Some(lot)).is_some());
        match lot {
            None if line.has_lots => {
                let message = format!("Every quantity of {} belongs to a lot. Enter the lot on the label.", line.item);
                found.push(Finding::stops(at("lot"), "lot_missing", message));
            }
            Some(lot) if !parts.knows_lot(line, Some(lot)) => {
                let known = some(line.lots.iter().map(|known| known.lot.as_str()));
                let message = format!(
                    "Lot {lot} was not announced; announced were {known}. It is received and a difference opens."
                );
                found.push(Finding::warns(at("lot"), "unknown_lot", message));
            }
            Some(lot) if lot.chars().count() > 60 => {
                found.push(Finding::stops(at("lot"), "lot_too_long", "A lot has at most 60 characters."));
            }
            _ => {}
        }
    }
    if let Some(on) = post.expires_on.filter(|on| *on < today) {
        let message = format!("It expired on {}. It is received; nobody may use it.", day(on));
        found.push(Finding::warns(at("expires_on"), "expired", message));
    }
    found
}

/// The first few of many names, and how many more there are.
fn some<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    const SHOWN: usize = 8;
    let more = names.len().saturating_sub(SHOWN);
    let shown = names.take(SHOWN).collect::<Vec<_>>().join(", ");
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}

/// More than announced is received all the same; whoever receives should know.
fn beyond(delivery: &Delivery, command: &PostReceipt) -> Vec<Finding> {
    let after = after(delivery, command);
    let parts = after.indexed();
    let mut found = Vec::new();
    for (index, post) in command.lines.iter().enumerate() {
        let Some(line) = line_of(&after, post).filter(|line| !post.is_wrong_item(line)) else { continue };
        let Some(part) = parts.of(line, post.lot.as_deref()) else { continue };
        if part.over() > Decimal::ZERO && post.came() > Decimal::ZERO {
            let message = format!(
                "{} {} more than announced ({}). They are received and a difference opens.",
                grouped(part.over(), 0),
                line.unit,
                grouped(part.announced, 0)
            );
            found.push(Finding::warns(format!("lines.{index}.accepted"), "over_announced", message));
        }
    }
    found
}

/// The delivery as it will be when the command is carried out.
fn after(delivery: &Delivery, command: &PostReceipt) -> Delivery {
    let mut after = delivery.clone();
    for post in &command.lines {
        if let Some(line) = line_of(delivery, post) {
            after.came.push(came(line, post));
        }
    }
    after
}

fn came(line: &DueLine, post: &PostLine) -> Came {
    Came {
        notice_line: line.notice_line,
        order_line: line.notice_line.is_none().then(|| (line.order.clone(), line.line.clone())),
        item: post.item.clone().unwrap_or_else(|| line.item.clone()),
        lot: post.lot.clone(),
        unit: line.unit.clone(),
        accepted: post.accepted,
        damaged: post.damaged,
    }
}

/// The lines of the receipt that the command asks for, each with what is odd about it. A receipt that says that nothing more
/// is expected also has a line for each lot of which nothing came. The command must have been checked.
pub fn post(delivery: &Delivery, command: &PostReceipt, new_id: &mut dyn FnMut() -> Uuid) -> Vec<Posted> {
    let whole = PostReceipt {
        lines: if command.lines.is_empty() { everything(delivery) } else { command.lines.clone() },
        ..command.clone()
    };
    let after = after(delivery, &whole);
    let parts = after.indexed();
    let is_last = command.complete && delivery.notice.is_some();
    let mut posted: Vec<Posted> = Vec::new();
    let mut said: HashSet<(Option<i32>, String, Option<String>)> = HashSet::new();
    for post in &whole.lines {
        let Some(line) = line_of(&after, post) else { continue };
        let oddities = oddities(&parts, line, post, is_last);
        if post.came() <= Decimal::ZERO && oddities.is_empty() {
            continue;
        }
        let one = written(line, &parts, post, oddities, new_id);
        let lot = if line.lots.is_empty() { None } else { lot_key(one.line.supplier_lot.as_deref()) };
        said.insert((one.line.notice_line, one.line.item.clone(), lot));
        posted.push(one);
    }
    if is_last {
        for part in parts.all().iter().filter(|part| part.missing() > Decimal::ZERO) {
            let lot = part.lot.and_then(|lot| lot_key(Some(&lot.lot)));
            if !said.contains(&(part.line.notice_line, part.line.item.clone(), lot)) {
                let nothing = PostLine { accepted: Decimal::ZERO, ..as_announced(part) };
                posted.push(written(part.line, &parts, &nothing, vec![Oddity::Short], new_id));
            }
        }
    }
    posted
}

fn oddities<'a>(parts: &Parts<'a>, line: &'a DueLine, post: &PostLine, is_last: bool) -> Vec<Oddity> {
    let mut odd = Vec::new();
    if post.is_wrong_item(line) {
        return vec![Oddity::WrongItem];
    }
    if !parts.knows_lot(line, post.lot.as_deref()) {
        odd.push(Oddity::UnknownLot);
    } else if let Some(part) = parts.of(line, post.lot.as_deref()) {
        if is_last && part.missing() > Decimal::ZERO {
            odd.push(Oddity::Short);
        }
        if part.over() > Decimal::ZERO && post.came() > Decimal::ZERO {
            odd.push(Oddity::Over);
        }
    }
    if post.damaged > Decimal::ZERO {
        odd.push(Oddity::Damaged);
    }
    odd
}

fn written<'a>(
    line: &'a DueLine,
    parts: &Parts<'a>,
    post: &PostLine,
    oddities: Vec<Oddity>,
    new_id: &mut dyn FnMut() -> Uuid,
) -> Posted {
    let text = |text: &Option<String>| text.as_deref().map(str::trim).filter(|it| !it.is_empty()).map(str::to_owned);
    let announced = parts.of(line, post.lot.as_deref()).and_then(|part| part.lot);
    Posted {
        line: ReceivedLine {
            receipt_line_id: ReceiptLineId(new_id()),
            notice_line: line.notice_line,
            order: Some(line.order.clone()),
            line: Some(line.line.clone()),
            item: post.item.clone().unwrap_or_else(|| line.item.clone()),
            unit: line.unit.clone(),
            lot_id: None,
            // As announced where only blanks or case differ, so that one lot stays one lot.
            supplier_lot: announced.map(|lot| lot.lot.clone()).or_else(|| text(&post.lot)),
            expires_on: post.expires_on.or_else(|| announced.and_then(|lot| lot.expires_on)),
            accepted: post.accepted,
            damaged: post.damaged,
            oddities,
            note: text(&post.note),
        },
        document_id: post.document_id,
    }
}
