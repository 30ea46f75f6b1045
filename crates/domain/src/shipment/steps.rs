//! Sending, amending, withdrawing and moving a ship notice: from a command and the facts to the notice and its event, or to
//! the findings that stop it.
//!
//! What is to be sent goes through [`ready`] and only then gets its numbers, so that a notice that is stopped uses up none.

use chrono::{Duration, NaiveDate};
use uuid::Uuid;

use crate::Timestamp;
use crate::calendar::day;
use crate::event::Event;
use crate::id::{ShipLineId, ShipNoticeId};
use crate::refusal::Finding;
use crate::shipment::check::{LONGEST_NOTE, check};
use crate::shipment::content::{ShipContent, ShipFacts};
use crate::shipment::packing::parents_first;
use crate::shipment::{HandlingUnit, Milestone, Moved, Packed, ShipLine, ShipNotice, ShipStatus};

/// How far a clock elsewhere may be ahead of ours before what it says is in the future.
const AHEAD: Duration = Duration::minutes(10);

impl ShipStatus {
    /// As a person would say it.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Announced => "announced",
            Self::InTransit => "in transit",
            Self::Arrived => "arrived",
            Self::PartlyReceived => "partly received",
            Self::Received => "received",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether its supplier may still change or withdraw it: until something of it is received.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Announced | Self::InTransit | Self::Arrived)
    }

    /// Whether its goods still have to come, in full or in part.
    pub const fn is_expected(self) -> bool {
        matches!(self, Self::Announced | Self::InTransit | Self::Arrived | Self::PartlyReceived)
    }
}

impl Milestone {
    /// As a person would say it.
    pub const fn words(self) -> &'static str {
        match self {
            Self::PickedUp => "picked up",
            Self::Departed => "departed",
            Self::Delayed => "delayed",
            Self::ArrivedAtGate => "arrived at the gate",
            Self::Receiving => "unloading",
        }
    }
}

impl ShipContent {
    /// The same without blanks around words, and without words that are only blanks. Lots and serials as they are written
    /// otherwise: upper and lower case differ.
    #[must_use]
    pub fn tidied(mut self) -> Self {
        let tidy = |text: &mut Option<String>| {
            *text = text.take().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        };
        self.delivery_note = self.delivery_note.trim().to_owned();
        for text in [&mut self.carrier, &mut self.tracking, &mut self.bill_of_lading, &mut self.note] {
            tidy(text);
        }
        for line in &mut self.lines {
            for lot in &mut line.lots {
                lot.lot = lot.lot.trim().to_owned();
                tidy(&mut lot.origin);
                lot.origin = lot.origin.take().map(|origin| origin.to_uppercase());
                for serial in &mut lot.serials {
                    if serial.len() != serial.trim().len() {
                        *serial = serial.trim().to_owned();
                    }
                }
            }
            for serial in &mut line.serials {
                if serial.len() != serial.trim().len() {
                    *serial = serial.trim().to_owned();
                }
            }
        }
        for unit in &mut self.units {
            for part in &mut unit.contents {
                tidy(&mut part.lot);
            }
        }
        self
    }
}

/// Content that passed the check and can be sent.
#[derive(Debug)]
pub struct Ready<'a> {
    content: &'a ShipContent,
    facts: &'a ShipFacts,
    /// What its sender should know nevertheless.
    pub warnings: Vec<Finding>,
}

/// The numbers and ids that a notice gets when it is sent.
pub struct Given<'a> {
    /// Gives a new id.
    pub new_id: &'a mut dyn FnMut() -> Uuid,
    /// One SSCC for each new package, see [`Ready::new_packages`].
    pub ssccs: Vec<String>,
}

/// Checks content; gives it back ready to be sent, or everything there is to say about it.
pub fn ready<'a>(content: &'a ShipContent, facts: &'a ShipFacts) -> Result<Ready<'a>, Vec<Finding>> {
    let findings = check(content, facts);
    if Finding::any_stops(&findings) {
        return Err(findings);
    }
    Ok(Ready { content, facts, warnings: findings })
}

impl Ready<'_> {
    /// How many packages need an SSCC.
    pub fn new_packages(&self) -> usize {
        self.content.units.iter().filter(|unit| unit.sscc.is_none()).count()
    }

    /// The first version, and what to tell.
    pub fn announce(
        &self,
        ship_notice_id: ShipNoticeId,
        number: String,
        given: Given<'_>,
    ) -> Result<(ShipNotice, Event), Vec<Finding>> {
        let notice = self.notice(ship_notice_id, number, 1, None, given)?;
        let event = Event::ShipmentAnnounced { notice: Box::new(notice.clone()) };
        Ok((notice, event))
    }

    /// The version after `before`, and what to tell.
    pub fn amend(
        &self,
        before: &ShipNotice,
        reason: Option<String>,
        given: Given<'_>,
    ) -> Result<(ShipNotice, Event), Vec<Finding>> {
        let notice =
            self.notice(before.ship_notice_id, before.number.clone(), before.version + 1, Some(before), given)?;
        let event = Event::ShipmentAmended { notice: Box::new(notice.clone()), reason };
        Ok((notice, event))
    }

    fn notice(
        &self,
        ship_notice_id: ShipNoticeId,
        number: String,
        version: i32,
        before: Option<&ShipNotice>,
        given: Given<'_>,
    ) -> Result<ShipNotice, Vec<Finding>> {
        let Given { new_id, ssccs } = given;
        let mut next = before.into_iter().flat_map(|it| &it.lines).map(|line| line.number).max().unwrap_or(0);
        let mut lines = Vec::with_capacity(self.content.lines.len());
        for line in &self.content.lines {
            let Some(known) = self.facts.line(line.schedule_line_id) else { continue };
            let old = before.and_then(|it| it.lines.iter().find(|old| old.schedule_line_id == line.schedule_line_id));
            let (ship_line_id, number) = match old {
                Some(old) => (old.ship_line_id, old.number),
                None => {
                    next += 1;
                    (ShipLineId(new_id()), next)
                }
            };
            lines.push(ShipLine {
                ship_line_id,
                number,
                order: known.order.clone(),
                order_line_id: known.order_line_id,
                line: known.line.clone(),
                schedule_line_id: known.schedule_line_id,
                schedule: known.schedule,
                item: known.item.clone(),
                description: known.description.clone(),
                unit: known.unit.clone(),
                quantity: line.quantity,
                lots: line.lots.clone(),
                serials: line.serials.clone(),
            });
        }
        lines.sort_by_key(|line| line.number);
        let line_numbers: std::collections::HashMap<_, _> =
            lines.iter().map(|line| (line.schedule_line_id, line.number)).collect();

        let mut fresh = ssccs.into_iter();
        let mut ids = std::collections::HashMap::new();
        let mut units = Vec::with_capacity(self.content.units.len());
        for unit in parents_first(&self.content.units) {
            let old = before.and_then(|it| it.units.iter().find(|old| Some(old.sscc.as_str()) == unit.sscc.as_deref()));
            let (handling_unit_id, sscc) = match old {
                Some(old) => (old.handling_unit_id, old.sscc.clone()),
                None => {
                    let Some(sscc) = fresh.next() else {
                        return Err(vec![Finding::stops(
                            "units",
                            "no_sscc",
                            "There are too few package numbers for this ship notice. Send it again.",
                        )]);
                    };
                    (new_id().into(), sscc)
                }
            };
            ids.insert(unit.number, handling_unit_id);
            units.push(HandlingUnit {
                handling_unit_id,
                sscc,
                kind: unit.kind,
                parent: unit.parent.and_then(|parent| ids.get(&parent).copied()),
                gross_kg: unit.gross_kg,
                contents: unit
                    .contents
                    .iter()
                    .filter_map(|part| {
                        Some(Packed {
                            line: *line_numbers.get(&part.schedule_line_id)?,
                            lot: part.lot.clone(),
                            quantity: part.quantity,
                        })
                    })
                    .collect(),
            });
        }
        Ok(ShipNotice {
            ship_notice_id,
            number,
            version,
            delivery_note: self.content.delivery_note.clone(),
            ship_on: self.content.ship_on,
            arrive_on: self.content.arrive_on,
            carrier: self.content.carrier.clone(),
            tracking: self.content.tracking.clone(),
            bill_of_lading: self.content.bill_of_lading.clone(),
            note: self.content.note.clone(),
            lines,
            units,
        })
    }
}

/// Whether a notice may still be changed, by its state and the version that was read.
pub fn changeable(notice: &ShipNotice, status: ShipStatus, read: i32, verb: &str) -> Result<(), Vec<Finding>> {
    if !status.is_open() {
        let way = match status {
            ShipStatus::Cancelled => "Send a new ship notice instead; “Duplicate” takes over what was in this one.",
            _ => "What differs is settled with the buyer on the receipt.",
        };
        return Err(vec![Finding::stops(
            "",
            "not_open",
            format!(
                "Ship notice {} is {} and cannot be {verb} any more; that is possible until the first receipt. {way}",
                notice.number,
                status.words()
            ),
        )]);
    }
    if read != notice.version {
        return Err(vec![Finding::stops(
            "",
            "old_version",
            format!(
                "The ship notice changed while you were editing: it is now version {}, you read version {read}. Your entries are kept. Look at what changed and send again.",
                notice.version
            ),
        )]);
    }
    Ok(())
}

/// Withdraws it. Its quantities are open again.
pub fn cancel(notice: &ShipNotice, status: ShipStatus, read: i32, reason: &str) -> Result<Event, Vec<Finding>> {
    changeable(notice, status, read, "withdrawn")?;
    let reason = reason.trim();
    let length = reason.chars().count();
    if reason.is_empty() {
        return Err(vec![Finding::stops(
            "reason",
            "reason_missing",
            "Say why in a few words: the buyer sees them beside the missing delivery.",
        )]);
    }
    if length > LONGEST_NOTE {
        return Err(vec![Finding::stops(
            "reason",
            "too_long",
            format!("The reason has {length} characters; the most is {LONGEST_NOTE}. Shorten it."),
        )]);
    }
    Ok(Event::ShipmentCancelled {
        notice: notice.number.clone(),
        version: notice.version,
        delivery_note: notice.delivery_note.clone(),
        reason: reason.to_owned(),
    })
}

/// Where the goods are after a milestone; a late message about an earlier place does not move them back.
pub fn tell(number: &str, status: ShipStatus, moved: &Moved, now: Timestamp) -> Result<ShipStatus, Vec<Finding>> {
    if matches!(status, ShipStatus::Cancelled | ShipStatus::Received) {
        return Err(vec![Finding::stops(
            "milestone",
            "not_on_its_way",
            format!(
                "Ship notice {number} is {}; nothing more happens on its way. Look whether you mean another one.",
                status.words()
            ),
        )]);
    }
    let mut findings = Vec::new();
    if moved.happened_at > now + AHEAD {
        findings.push(Finding::stops(
            "happened_at",
            "in_future",
            "It cannot have happened in the future. Enter when it happened; for what is expected, tell a delay with the new arrival date.",
        ));
    }
    if moved.milestone == Milestone::Delayed && moved.arrive_on.is_none() {
        findings.push(Finding::stops(
            "arrive_on",
            "arrival_missing",
            "A delay needs the day on which the goods are expected now. Enter it.",
        ));
    }
    if let Some(arrive_on) = moved.arrive_on {
        findings.extend(arrival_is_odd(arrive_on, now.date_naive()));
    }
    if moved.note.as_ref().is_some_and(|note| note.chars().count() > LONGEST_NOTE) {
        findings.push(Finding::stops(
            "note",
            "too_long",
            format!("The most for a note is {LONGEST_NOTE} characters. Shorten it."),
        ));
    }
    if Finding::any_stops(&findings) {
        return Err(findings);
    }
    let reached = match moved.milestone {
        Milestone::PickedUp | Milestone::Departed => ShipStatus::InTransit,
        Milestone::Delayed => status,
        Milestone::ArrivedAtGate | Milestone::Receiving => ShipStatus::Arrived,
    };
    Ok(status.max(reached))
}

/// A new arrival day more than a day ago or years ahead is a typing error.
fn arrival_is_odd(arrive_on: NaiveDate, today: NaiveDate) -> Option<Finding> {
    let days = (arrive_on - today).num_days();
    (!(-1..=2 * 366).contains(&days)).then(|| {
        Finding::stops(
            "arrive_on",
            "date_too_far",
            format!("The new arrival date {} is in the past or more than two years away. Check it.", day(arrive_on)),
        )
    })
}

impl ShipNotice {
    /// What its supplier would write to send it as it is, for an amendment. Packages keep their numbers.
    pub fn content(&self) -> ShipContent {
        use crate::shipment::content::{LineContent, PackedContent, UnitContent};
        let numbers: std::collections::HashMap<_, _> =
            self.units.iter().zip(1..).map(|(unit, number)| (unit.handling_unit_id, number)).collect();
        let line_of: std::collections::HashMap<_, _> =
            self.lines.iter().map(|line| (line.number, line.schedule_line_id)).collect();
        ShipContent {
            delivery_note: self.delivery_note.clone(),
            ship_on: self.ship_on,
            arrive_on: self.arrive_on,
            carrier: self.carrier.clone(),
            tracking: self.tracking.clone(),
            bill_of_lading: self.bill_of_lading.clone(),
            note: self.note.clone(),
            lines: self
                .lines
                .iter()
                .map(|line| LineContent {
                    schedule_line_id: line.schedule_line_id,
                    quantity: line.quantity,
                    lots: line.lots.clone(),
                    serials: line.serials.clone(),
                })
                .collect(),
            units: self
                .units
                .iter()
                .zip(1..)
                .map(|(unit, number)| UnitContent {
                    number,
                    kind: unit.kind,
                    parent: unit.parent.and_then(|parent| numbers.get(&parent).copied()),
                    gross_kg: unit.gross_kg,
                    sscc: Some(unit.sscc.clone()),
                    contents: unit
                        .contents
                        .iter()
                        .filter_map(|part| {
                            Some(PackedContent {
                                schedule_line_id: *line_of.get(&part.line)?,
                                lot: part.lot.clone(),
                                quantity: part.quantity,
                            })
                        })
                        .collect(),
                })
                .collect(),
        }
    }
}
