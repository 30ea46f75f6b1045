//! The one check of a ship notice before it is sent: for the page, the API and a dry run.
//!
//! Paths count from 0 in the order of the content: `lines.0.lots.1.lot`, `units.3.contents.0.quantity`. Rule words are a
//! promise of the API.

use std::collections::{HashMap, HashSet};

use chrono::NaiveDate;
use rust_decimal::Decimal;

use crate::calendar::day;
use crate::certificate::requirement::Coverage;
use crate::certificate::{CertificateKind, CertificatePer};
use crate::id::ItemId;
use crate::negotiation::Negotiation;
use crate::order::OrderStatus;
use crate::quantity::{Unit, grouped};
use crate::refusal::Finding;
use crate::shipment::ShippedLot;
use crate::shipment::content::{LineContent, ShipContent, ShipFacts, Shippable};
use crate::shipment::countries::is_country;
use crate::shipment::packing;
use crate::shipment::serials::{LONGEST_SERIAL, MOST_SERIALS};

/// The most lines in one notice.
pub const MOST_LINES: usize = 1_000;
/// The most lots in one notice.
pub const MOST_LOTS: usize = 10_000;
/// The longest delivery note, carrier, tracking number, bill of lading or lot, in characters.
pub const LONGEST_WORD: usize = 70;
/// The longest note or reason, in characters.
pub const LONGEST_NOTE: usize = 2_000;
/// A day further away than this is a typing error.
const FURTHEST_DAYS: i64 = 2 * 366;

/// Everything there is to say about sending this content now. It can be sent when nothing stops, see
/// [`Finding::any_stops`].
pub fn check(content: &ShipContent, facts: &ShipFacts) -> Vec<Finding> {
    let mut findings = Vec::new();
    header(content, facts, &mut findings);
    lines(content, facts, &mut findings);
    serials(content, facts, &mut findings);
    packing::check(content, facts, &mut findings);
    certificates(content, facts, &mut findings);
    findings
}

fn header(content: &ShipContent, facts: &ShipFacts, findings: &mut Vec<Finding>) {
    let note = content.delivery_note.trim();
    if note.is_empty() {
        findings.push(Finding::stops(
            "delivery_note",
            "delivery_note_missing",
            "Enter the number of your delivery note: the dock finds the goods by it.",
        ));
    } else if let Some(number) = &facts.delivery_note_in {
        findings.push(Finding::stops(
            "delivery_note",
            "delivery_note_used",
            format!("Delivery note {note} is already in ship notice {number}. Each delivery note is announced once: amend {number}, or enter another number."),
        ));
    }
    let words = [
        ("delivery_note", "delivery note", Some(&content.delivery_note)),
        ("carrier", "carrier", content.carrier.as_ref()),
        ("tracking", "tracking number", content.tracking.as_ref()),
        ("bill_of_lading", "bill of lading", content.bill_of_lading.as_ref()),
    ];
    for (at, what, text) in words {
        if let Some(text) = text {
            too_long(at, what, text, LONGEST_WORD, findings);
        }
    }
    if let Some(text) = &content.note {
        too_long("note", "note", text, LONGEST_NOTE, findings);
    }
    let (ship_on, arrive_on) = (content.ship_on, content.arrive_on);
    if ship_on > arrive_on {
        findings.push(Finding::stops(
            "ship_on",
            "ships_after_arrival",
            format!("The ship date {} is after the arrival date {}. Goods arrive on the day they leave at the earliest: change one of the two.", day(ship_on), day(arrive_on)),
        ));
    }
    for (at, what, date) in [("ship_on", "ship date", ship_on), ("arrive_on", "arrival date", arrive_on)] {
        if (date - facts.today).num_days().abs() > FURTHEST_DAYS {
            findings.push(Finding::stops(
                at,
                "date_too_far",
                format!("The {what} {} is more than two years from today. Check the year.", day(date)),
            ));
        }
    }
    if arrive_on < facts.today && (facts.today - arrive_on).num_days() <= FURTHEST_DAYS {
        findings.push(Finding::warns(
            "arrive_on",
            "arrival_in_past",
            format!(
                "The arrival date {} is in the past; today is {}. If the goods are still to come, change it.",
                day(arrive_on),
                day(facts.today)
            ),
        ));
    }
}

fn too_long(at: &str, what: &str, text: &str, most: usize, findings: &mut Vec<Finding>) {
    let length = text.chars().count();
    if length > most {
        findings.push(Finding::stops(
            at,
            "too_long",
            format!("The {what} has {length} characters; the most is {most}. Shorten it."),
        ));
    }
}

fn lines(content: &ShipContent, facts: &ShipFacts, findings: &mut Vec<Finding>) {
    if content.lines.is_empty() {
        findings.push(Finding::stops(
            "lines",
            "no_lines",
            "Nothing is shipped yet. Enter a quantity for at least one line.",
        ));
        return;
    }
    let lots: usize = content.lines.iter().map(|line| line.lots.len()).sum();
    if content.lines.len() > MOST_LINES || lots > MOST_LOTS {
        findings.push(Finding::stops(
            "lines",
            "too_many_lines",
            format!(
                "{} lines and {lots} lots are more than one ship notice holds ({MOST_LINES} lines, {MOST_LOTS} lots). Split it.",
                content.lines.len()
            ),
        ));
    }
    let mut seen = HashSet::new();
    let first = content.lines.iter().find_map(|line| facts.line(line.schedule_line_id));
    for (index, line) in content.lines.iter().enumerate() {
        let at = format!("lines.{index}");
        let Some(known) = facts.line(line.schedule_line_id) else {
            findings.push(Finding::stops(
                at,
                "line_unknown",
                "This line does not belong to any of your orders. Take it out and choose it again from the order.",
            ));
            continue;
        };
        if !seen.insert(line.schedule_line_id) {
            findings.push(Finding::stops(
                at.clone(),
                "line_twice",
                format!("{} is in this ship notice twice. Keep one of them and enter the whole quantity there; several lots go under one line.", known.name()),
            ));
        }
        if let Some(first) = first
            && (first.supplier_id, first.plant_id, first.connection_id)
                != (known.supplier_id, known.plant_id, known.connection_id)
        {
            findings.push(Finding::stops(
                at.clone(),
                "other_plant",
                format!("{} is for another plant or supplier than {}. A ship notice goes to one plant: make a second one for it.", known.name(), first.name()),
            ));
        }
        still_open(&at, known, findings);
        quantity(&at, line, known, findings);
        check_lots(&at, line, known, content.ship_on, content.arrive_on, findings);
    }
}

fn still_open(at: &str, known: &Shippable, findings: &mut Vec<Finding>) {
    let name = known.name();
    let why = match (known.order_status, known.state) {
        (OrderStatus::Closed | OrderStatus::Cancelled, _) => {
            Some(("order_not_open", format!("Order {} is {} in the ERP", known.order, known.order_status)))
        }
        (_, Negotiation::Cancelled) => Some(("line_not_open", format!("{name} was cancelled by the buyer"))),
        (_, Negotiation::Declined) => Some(("line_not_open", format!("{name} was declined by you"))),
        _ => None,
    };
    if let Some((rule, why)) = why {
        findings.push(Finding::stops(
            at,
            rule,
            format!("{why}; only open lines can be shipped. Take the line out, or ask the buyer to reopen it."),
        ));
    } else if known.promise.is_none() {
        findings.push(Finding::stops(
            at,
            "not_confirmed",
            format!("{name} is {}; only confirmed lines can be shipped. Answer the order first.", known.state.words()),
        ));
    } else if known.state != Negotiation::Accepted {
        findings.push(Finding::warns(
            at,
            "promise_in_question",
            format!(
                "{name} is {}: what was promised before still counts here, but the buyer may want something else.",
                known.state.words()
            ),
        ));
    }
}

fn decimals(at: &str, quantity: Decimal, unit: &Unit, findings: &mut Vec<Finding>) {
    let most = unit.decimals();
    if quantity.normalize().scale() > most {
        let limit = match most {
            0 => format!("{unit} is counted in whole numbers"),
            _ => format!("{unit} has at most {most} decimals"),
        };
        findings.push(Finding::stops(
            at,
            "too_many_decimals",
            format!("{} has too many decimals: {limit}. Round it.", grouped(quantity, 0)),
        ));
    }
}

fn quantity(at: &str, line: &LineContent, known: &Shippable, findings: &mut Vec<Finding>) {
    let (at, unit) = (format!("{at}.quantity"), &known.unit);
    if line.quantity <= Decimal::ZERO {
        findings.push(Finding::stops(
            at,
            "quantity_not_positive",
            format!("{}: enter a quantity above 0 {unit}, or take the line out.", known.name()),
        ));
        return;
    }
    decimals(&at, line.quantity, unit, findings);
    let (limit, source) = known.over();
    let most = known.most();
    if line.quantity > most {
        let shipped = match known.shipped.is_zero() {
            true => String::new(),
            false => {
                format!(", {} {unit} of it already in other ship notices", grouped(known.shipped, 0))
            }
        };
        findings.push(Finding::stops(
            at,
            "quantity_above_open",
            format!(
                "{}: {} {unit} is more than is open. Ordered {}, confirmed {}{shipped}; over-delivery allowed by {}: {} %. Enter {} {unit} or less, or ask the buyer for over-delivery.",
                known.name(),
                grouped(line.quantity, 0),
                grouped(known.ordered, 0),
                grouped(known.promised(), 0),
                source.words(),
                grouped(limit.up_to, 0),
                grouped(most, 0),
            ),
        ));
    } else if known.promise.is_some() && line.quantity > known.open() {
        findings.push(Finding::warns(
            at,
            "quantity_above_confirmed",
            format!(
                "{}: {} {unit} is more than the {} {unit} that are confirmed and not yet shipped; it is still allowed (up to {} {unit}).",
                known.name(),
                grouped(line.quantity, 0),
                grouped(known.open(), 0),
                grouped(most, 0)
            ),
        ));
    }
}

fn check_lots(
    at: &str,
    line: &LineContent,
    known: &Shippable,
    ship_on: NaiveDate,
    arrive_on: NaiveDate,
    findings: &mut Vec<Finding>,
) {
    let unit = &known.unit;
    if line.lots.is_empty() {
        if known.rules.lots {
            findings.push(Finding::stops(
                format!("{at}.lots"),
                "lot_missing",
                format!(
                    "{}: item {} is kept by lot. Enter at least one lot with its quantity.",
                    known.name(),
                    known.item
                ),
            ));
        }
        return;
    }
    let mut seen = HashSet::new();
    let mut sum = Decimal::ZERO;
    for (index, lot) in line.lots.iter().enumerate() {
        let at = format!("{at}.lots.{index}");
        let name = lot.lot.trim();
        if name.is_empty() {
            findings.push(Finding::stops(
                format!("{at}.lot"),
                "lot_unnamed",
                format!("{}: enter the lot or heat number, or take this row out.", known.name()),
            ));
        } else if !seen.insert(name) {
            findings.push(Finding::stops(
                format!("{at}.lot"),
                "lot_twice",
                format!(
                    "{}: lot {name} is there twice. Keep one of the rows with the whole quantity of the lot.",
                    known.name()
                ),
            ));
        }
        too_long(&format!("{at}.lot"), "lot", name, LONGEST_WORD, findings);
        if lot.quantity <= Decimal::ZERO {
            findings.push(Finding::stops(
                format!("{at}.quantity"),
                "quantity_not_positive",
                format!("Lot {name}: enter a quantity above 0 {unit}, or take this row out."),
            ));
        }
        decimals(&format!("{at}.quantity"), lot.quantity, unit, findings);
        sum = sum.saturating_add(lot.quantity);
        dates(&at, lot, known, ship_on, arrive_on, findings);
        if let Some(origin) = lot.origin.as_deref()
            && !is_country(origin)
        {
            findings.push(Finding::stops(
                format!("{at}.origin"),
                "origin_unknown",
                format!(
                    "“{}” is not a country code. Enter the two letters of ISO 3166, e.g. DE, CN or US.",
                    origin.chars().take(20).collect::<String>()
                ),
            ));
        }
    }
    if sum != line.quantity {
        let (left, way) = match line.quantity > sum {
            true => (line.quantity - sum, "missing"),
            false => (sum - line.quantity, "too many"),
        };
        findings.push(Finding::stops(
            format!("{at}.quantity"),
            "lots_do_not_add_up",
            format!(
                "{}: the lots add up to {} {unit}, the line says {} {unit}: {} {unit} {way}. Change a lot or the line.",
                known.name(),
                grouped(sum, 0),
                grouped(line.quantity, 0),
                grouped(left, 0)
            ),
        ));
    }
}

fn dates(
    at: &str,
    lot: &ShippedLot,
    known: &Shippable,
    ship_on: NaiveDate,
    arrive_on: NaiveDate,
    findings: &mut Vec<Finding>,
) {
    let name = lot.lot.trim();
    if let Some(produced) = lot.produced_on {
        if produced > ship_on {
            findings.push(Finding::stops(
                format!("{at}.produced_on"),
                "produced_after_shipping",
                format!(
                    "Lot {name}: produced on {} is after the ship date {}. Correct one of the two.",
                    day(produced),
                    day(ship_on)
                ),
            ));
        }
        if let Some(expires) = lot.expires_on
            && produced > expires
        {
            findings.push(Finding::stops(
                format!("{at}.expires_on"),
                "expires_before_production",
                format!(
                    "Lot {name}: the last day of use {} is before the day of production {}. Correct one of the two.",
                    day(expires),
                    day(produced)
                ),
            ));
        }
    }
    match lot.expires_on {
        None => {
            if let Some(days) = known.rules.shelf_life_days {
                let hint = lot
                    .produced_on
                    .and_then(|produced| produced.checked_add_days(chrono::Days::new(u64::from(days))))
                    .map(|expires| format!(" With {days} days from production it would be {}.", day(expires)))
                    .unwrap_or_default();
                findings.push(Finding::stops(
                    format!("{at}.expires_on"),
                    "expiry_missing",
                    format!(
                        "Lot {name}: item {} has a shelf life of {days} days. Enter the last day of use.{hint}",
                        known.item
                    ),
                ));
            }
        }
        Some(expires) => {
            let left = (expires - arrive_on).num_days();
            let needed = i64::from(known.rules.days_left_on_arrival.unwrap_or(0));
            if left < needed {
                findings.push(Finding::stops(
                    format!("{at}.expires_on"),
                    "shelf_life_too_short",
                    match needed {
                        0 => format!("Lot {name}: its last day of use {} is before the arrival on {}. Ship another lot, or correct the date.", day(expires), day(arrive_on)),
                        _ => format!("Lot {name}: {} days are left on arrival on {} (last day of use {}); item {} needs {needed}. Ship a fresher lot, arrive earlier, or ask the buyer.", left.max(0), day(arrive_on), day(expires), known.item),
                    },
                ));
            }
        }
    }
}

fn serials(content: &ShipContent, facts: &ShipFacts, findings: &mut Vec<Finding>) {
    let taken: HashMap<(ItemId, &str), &str> = facts
        .taken_serials
        .iter()
        .map(|taken| ((taken.item_id, taken.serial.as_str()), taken.notice.as_str()))
        .collect();
    let mut seen: HashSet<(ItemId, &str)> = HashSet::new();
    let mut total = 0;
    for (index, line) in content.lines.iter().enumerate() {
        let Some(known) = facts.line(line.schedule_line_id) else { continue };
        let by_lot = line.lots.iter().enumerate().map(|(lot_index, lot)| {
            (format!("lines.{index}.lots.{lot_index}.serials"), format!("Lot {}", lot.lot), lot.quantity, &lot.serials)
        });
        let on_line = (line.lots.is_empty() || !line.serials.is_empty()).then(|| {
            let quantity = if line.lots.is_empty() { line.quantity } else { Decimal::ZERO };
            (format!("lines.{index}.serials"), known.name(), quantity, &line.serials)
        });
        for (at, name, quantity, serials) in by_lot.chain(on_line) {
            total += serials.len();
            let count = Decimal::from(serials.len());
            if known.rules.serials && count != quantity {
                findings.push(Finding::stops(
                    at.clone(),
                    "serials_do_not_match",
                    format!(
                        "{name}: {} {} need as many serials, {} are given. Item {} is kept by serial: enter each, or ranges like A0001-A0120.",
                        grouped(quantity, 0),
                        known.unit,
                        serials.len(),
                        known.item
                    ),
                ));
            } else if !known.rules.serials && !serials.is_empty() && count > quantity {
                findings.push(Finding::stops(
                    at.clone(),
                    "serials_do_not_match",
                    format!(
                        "{name}: {} serials are more than the {} {} shipped. Take some out.",
                        serials.len(),
                        grouped(quantity, 0),
                        known.unit
                    ),
                ));
            }
            let mut twice = Vec::new();
            let mut elsewhere = Vec::new();
            for serial in serials {
                let serial = serial.as_str();
                if serial.trim().is_empty() || serial.chars().count() > LONGEST_SERIAL {
                    findings.push(Finding::stops(
                        at.clone(),
                        "serial_unreadable",
                        format!(
                            "{name}: a serial has 1 to {LONGEST_SERIAL} characters. Correct “{}”.",
                            serial.chars().take(20).collect::<String>()
                        ),
                    ));
                }
                if !seen.insert((known.item_id, serial)) {
                    twice.push(serial);
                }
                if let Some(notice) = taken.get(&(known.item_id, serial)) {
                    elsewhere.push(format!("{serial} ({notice})"));
                }
            }
            if !twice.is_empty() {
                findings.push(Finding::stops(
                    at.clone(),
                    "serial_twice",
                    format!("{name}: each serial of item {} can be shipped once; here twice: {}. Take out the repeated ones.", known.item, some(&twice)),
                ));
            }
            if !elsewhere.is_empty() {
                findings.push(Finding::stops(
                    at,
                    "serial_used",
                    format!("{name}: already announced in another ship notice: {}. Correct the serials, or amend that notice.", some(&elsewhere)),
                ));
            }
        }
    }
    if total > MOST_SERIALS {
        findings.push(Finding::stops(
            "lines",
            "too_many_serials",
            format!("{total} serials are more than one ship notice holds ({MOST_SERIALS}). Split it."),
        ));
    }
}

/// The first few of many, and how many more there are.
fn some<T: AsRef<str>>(all: &[T]) -> String {
    const SHOWN: usize = 5;
    let mut words = all.iter().take(SHOWN).map(AsRef::as_ref).collect::<Vec<_>>().join(", ");
    if all.len() > SHOWN {
        words.push_str(&format!(" and {} more", all.len() - SHOWN));
    }
    words
}

fn certificates(content: &ShipContent, facts: &ShipFacts, findings: &mut Vec<Finding>) {
    for covered in facts.certificates.iter().filter(|covered| !covered.coverage.lets_ship()) {
        let need = &covered.need;
        let mut place = None;
        for (index, line) in content.lines.iter().enumerate() {
            let Some(known) = facts.line(line.schedule_line_id).filter(|known| known.item_id == need.item_id) else {
                continue;
            };
            let lot = need.lot.as_ref().map(|wanted| line.lots.iter().position(|lot| lot.lot.trim() == wanted));
            match lot {
                Some(None) => {}
                Some(Some(lot)) => place = Some((format!("lines.{index}.lots.{lot}.lot"), known)),
                None => place = Some((format!("lines.{index}"), known)),
            }
            if place.is_some() {
                break;
            }
        }
        let (at, item) = match place {
            Some((at, known)) => (at, format!("item {}", known.item)),
            None => ("lines".to_owned(), "an item of it".to_owned()),
        };
        let of = match (&need.lot, need.per) {
            (Some(lot), _) => format!("lot {lot} of {item}"),
            (None, CertificatePer::Delivery) => format!("{item} in delivery {}", content.delivery_note.trim()),
            (None, _) => item,
        };
        let why = match covered.coverage {
            Coverage::Rejected => "was rejected by the buyer's quality engineer",
            Coverage::Expired => "has expired",
            _ => "is missing",
        };
        findings.push(Finding::stops(
            at,
            "certificate_missing",
            format!(
                "The {} for {of} {why}; it is required for shipping. Hand one in, or ask the buyer to waive it.",
                certificate_words(need.kind)
            ),
        ));
    }
}

/// A certificate type as people say it.
const fn certificate_words(kind: CertificateKind) -> &'static str {
    match kind {
        CertificateKind::Coc => "certificate of conformity",
        CertificateKind::Coa => "certificate of analysis",
        CertificateKind::En21 => "certificate EN 10204 2.1",
        CertificateKind::En22 => "certificate EN 10204 2.2",
        CertificateKind::En31 => "certificate EN 10204 3.1",
        CertificateKind::En32 => "certificate EN 10204 3.2",
    }
}
