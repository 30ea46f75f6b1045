//! What a report does when it is taken in: to stock, to its posting, and what is odd about it. Nothing is refused because it
//! is odd: it happened.
//!
//! Stock follows one rule in whatever order messages come: what was taken counts against the *unrestricted* stock of its lot
//! as soon as there is some, the oldest first; until then it is *uncovered*. Material in inspection or blocked stays visible
//! as such until somebody decides on it, even when it is physically gone. So the end does not depend on the order: stock is
//! what came less what was taken, and what is missing is named.

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::posting::Cause;
use crate::lot::usability::{Facts, Reason, may_use};
use crate::quantity::{Unit, grouped};
use crate::refusal::Finding;
use crate::work_order::WorkOrderStatus;

/// More than asked for by no more than this is ordinary: in percent of a component's quantity.
pub const OVER_CONSUMPTION_PERCENT: u32 = 5;

/// A report that came more than this after it happened is called late.
pub const LATE_AFTER: chrono::TimeDelta = chrono::TimeDelta::hours(1);

/// Why a posting may not be sent, with words for whoever has to mend it.
pub type Stop = (Cause, String);

/// Whether the posting of a consumption may go to the ERP, as things stand now. `lot` are the facts of the lot *after* what
/// could be taken was taken, none where it did not come through us; `uncovered` is what could not be. A lot that came before
/// us, and that the plant's ERP or warehouse says is there (`elsewhere`), is theirs to judge.
pub fn stop(
    named: &str,
    lot: Option<&Facts>,
    elsewhere: bool,
    serials: &[String],
    uncovered: Decimal,
    today: NaiveDate,
) -> Option<Stop> {
    let Some(facts) = lot else {
        if elsewhere {
            return None;
        }
        return Some((
            Cause::StockMissing,
            format!("Lot {named} is not known in this plant: its receipt has not come."),
        ));
    };
    let mut words: Vec<String> = may_use(facts, Decimal::ONE, today)
        .reasons
        .iter()
        .filter(|reason| is_about_the_whole_lot(reason))
        .map(Reason::words)
        .collect();
    let held = facts.holds.iter().filter(|hold| hold.serial.as_ref().is_some_and(|serial| serials.contains(serial)));
    words.extend(held.map(|hold| {
        let serial = hold.serial.as_deref().unwrap_or_default();
        format!("Serial {serial} is under hold {}: {}.", hold.number, hold.reason.words())
    }));
    let missing = uncovered > Decimal::ZERO;
    if missing {
        let waits = [
            (facts.inspection, "wait for inspection"),
            (facts.restricted, "are restricted"),
            (facts.blocked, "are blocked"),
        ];
        let there = waits.iter().filter(|(quantity, _)| *quantity > Decimal::ZERO);
        words.extend(there.map(|(quantity, how)| format!("{} {} of it {how}.", grouped(*quantity, 0), facts.unit)));
    }
    if !words.is_empty() {
        return Some((Cause::LotBlocked, words.join(" ")));
    }
    missing.then(|| {
        let words = format!(
            "{} {} more than lot {named} has were taken: a receipt is missing, or the report names the wrong lot.",
            grouped(uncovered, 0),
            facts.unit
        );
        (Cause::StockMissing, words)
    })
}

const fn is_about_the_whole_lot(reason: &Reason) -> bool {
    matches!(
        reason,
        Reason::Expired { .. }
            | Reason::CertificateMissing { .. }
            | Reason::CertificateNotAccepted { .. }
            | Reason::CertificateRejected { .. }
            | Reason::CertificateExpired { .. }
            | Reason::Held { .. }
    )
}

/// What is known of the place of a report in its work order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place<'a> {
    /// Where the work order stood when the report was learned.
    pub status: WorkOrderStatus,
    /// When it happened.
    pub at: crate::Timestamp,
    /// When it was learned.
    pub learned_at: crate::Timestamp,
    /// The component that a consumption belongs to, with its quantity and what is consumed of it now, this report included;
    /// none where the work order asks for nothing of the item.
    pub component: Option<(&'a str, Decimal, Decimal, &'a Unit)>,
    /// A consumption, so that a component is expected.
    pub consumption: bool,
}

/// What is odd about a report. Warnings only.
pub fn remarks(place: &Place<'_>) -> Vec<Finding> {
    let mut remarks = Vec::new();
    let behind = place.learned_at - place.at;
    if behind > LATE_AFTER {
        remarks.push(Finding::warns("at", "late", format!("Learned {} after it happened.", duration(behind))));
    }
    if behind < -chrono::TimeDelta::minutes(5) {
        let words = format!("Happened {} after it was learned: the clock at the machine is ahead.", duration(-behind));
        remarks.push(Finding::warns("at", "from_the_future", words));
    }
    match place.status {
        WorkOrderStatus::Planned => remarks.push(Finding::warns(
            "work_order",
            "not_released",
            "The work order was not released when this was reported.",
        )),
        WorkOrderStatus::Closed | WorkOrderStatus::Cancelled => remarks.push(Finding::warns(
            "work_order",
            "not_open",
            format!("The work order was {} when this was reported.", place.status.words()),
        )),
        _ => {}
    }
    match place.component {
        Some((number, wanted, consumed, unit)) => {
            let most = wanted + wanted * Decimal::from(OVER_CONSUMPTION_PERCENT) / Decimal::ONE_HUNDRED;
            if consumed > most {
                let words = format!(
                    "{} {unit} of component {number} are consumed now, {} {unit} are asked for; up to {OVER_CONSUMPTION_PERCENT} % more is ordinary.",
                    grouped(consumed, 0),
                    grouped(wanted, 0)
                );
                remarks.push(Finding::warns("quantity", "over_consumption", words));
            }
        }
        None if place.consumption => {
            remarks.push(Finding::warns("item", "not_a_component", "The work order asks for nothing of this item."))
        }
        None => {}
    }
    remarks
}

fn duration(time: chrono::TimeDelta) -> String {
    match (time.num_days(), time.num_hours(), time.num_minutes()) {
        (days @ 2.., ..) => format!("{days} days"),
        (_, hours @ 2.., _) => format!("{hours} hours"),
        (.., minutes) => format!("{minutes} minutes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hold::HoldReason;
    use crate::lot::usability::UnderHold;

    fn facts() -> Facts {
        Facts {
            lot: "H-1".to_owned(),
            unit: Unit::new("PCE"),
            unrestricted: Decimal::from(50),
            inspection: Decimal::ZERO,
            restricted: Decimal::ZERO,
            blocked: Decimal::ZERO,
            expires_on: None,
            certificates: Vec::new(),
            holds: Vec::new(),
        }
    }

    fn today() -> NaiveDate {
        "2026-12-14".parse().expect("a day")
    }

    fn cause(facts: Option<&Facts>, serials: &[&str], uncovered: i64) -> Option<Cause> {
        let serials: Vec<String> = serials.iter().map(|it| (*it).to_owned()).collect();
        stop("H-1", facts, false, &serials, Decimal::from(uncovered), today()).map(|(cause, _)| cause)
    }

    #[test]
    fn a_posting_waits_for_what_forbids_its_lot_and_for_what_has_not_come() {
        let hold = |serial: Option<&str>| UnderHold {
            number: "QH-1".to_owned(),
            reason: HoldReason::Damage,
            serial: serial.map(str::to_owned),
        };
        let held = Facts { holds: vec![hold(None)], ..facts() };
        let one = Facts { holds: vec![hold(Some("S-1"))], ..facts() };
        let expired = Facts { expires_on: "2026-12-13".parse().ok(), ..facts() };
        let inspected = Facts { unrestricted: Decimal::ZERO, inspection: Decimal::from(9), ..facts() };
        for (name, facts, serials, uncovered, expected) in [
            ("all is well", Some(&facts()), &[][..], 0, None),
            ("nobody knows the lot", None, &[], 10, Some(Cause::StockMissing)),
            ("more than there is", Some(&facts()), &[], 3, Some(Cause::StockMissing)),
            ("held", Some(&held), &[], 0, Some(Cause::LotBlocked)),
            ("held and short", Some(&held), &[], 3, Some(Cause::LotBlocked)),
            ("another serial is held", Some(&one), &["S-2"], 0, None),
            ("this serial is held", Some(&one), &["S-1"], 0, Some(Cause::LotBlocked)),
            ("expired", Some(&expired), &[], 0, Some(Cause::LotBlocked)),
            ("in inspection", Some(&inspected), &[], 4, Some(Cause::LotBlocked)),
            ("in inspection, but not what was taken", Some(&inspected), &[], 0, None),
        ] {
            assert_eq!(cause(facts, serials, uncovered), expected, "{name}");
        }
    }

    #[test]
    fn a_lot_that_came_before_us_is_the_erps_to_judge() {
        assert_eq!(stop("OLD-1", None, true, &[], Decimal::TEN, today()), None);
    }

    #[test]
    fn what_is_odd_is_said_and_what_is_ordinary_is_not() {
        let unit = Unit::new("PCE");
        let at: crate::Timestamp = "2026-12-14T08:00:00Z".parse().expect("an instant");
        let place = |status, minutes, component| {
            let learned_at = at + chrono::TimeDelta::minutes(minutes);
            let found = remarks(&Place { status, at, learned_at, component, consumption: true });
            found.into_iter().map(|finding| finding.rule).collect::<Vec<_>>()
        };
        let component = |consumed: i64| Some(("0010", Decimal::from(100), Decimal::from(consumed), &unit));
        let running = WorkOrderStatus::InProcess;
        assert!(place(running, 1, component(105)).is_empty());
        assert_eq!(place(running, 1, component(106)), ["over_consumption"]);
        assert_eq!(place(running, 180, component(1)), ["late"]);
        assert_eq!(place(running, -10, component(1)), ["from_the_future"]);
        assert_eq!(place(running, 1, None), ["not_a_component"]);
        assert_eq!(place(WorkOrderStatus::Closed, 1, component(1)), ["not_open"]);
        assert_eq!(place(WorkOrderStatus::Planned, 1, component(1)), ["not_released"]);
    }
}
