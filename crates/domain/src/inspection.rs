//! Inspection of what came: which lots are looked at, what their measured values mean, and what becomes of the quantity.
//!
//! The plan is a pure function over the history of an item from one supplier, so that it can be asked in a dry run, when a
//! lot arrives and in a test. The usage decision splits the inspected quantity into parts that must add up to the whole.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::certificate::Measured;
use crate::certificate::check::{Row, Verdict, compare_values};
use crate::certificate::specification::Specification;
use crate::lot::{StatusMove, StockStatus};
use crate::quantity::{Unit, grouped};
use crate::refusal::Finding;
use crate::text::text_enum;

text_enum! {
    /// Where an inspection stands.
    pub enum InspectionState {
        /// Somebody has to look.
        Due = "due",
        /// Somebody looked and decided.
        Decided = "decided",
        /// The plan let it go.
        Skipped = "skipped",
    }
}

text_enum! {
    /// What an inspection came to.
    pub enum InspectionResult {
        /// Everything as it should be.
        Passed = "passed",
        /// Something was not; counts against the supplier in the plan, whatever became of the quantity.
        Failed = "failed",
    }
}

/// Which lots are inspected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "plan", rename_all = "snake_case")]
pub enum Plan {
    /// Every one.
    Every,
    /// After so many good ones in a row, so many are let go and the next one is inspected; one bad one begins anew.
    SkipLot {
        /// Good ones in a row before any is let go.
        good_before_skip: u32,
        /// How many are let go between two inspected ones.
        skip: u32,
    },
    /// None.
    None,
}

/// One earlier lot of the same item and supplier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Earlier {
    /// Waits for its inspection: neither good nor bad yet.
    Due,
    /// Inspected and good.
    Passed,
    /// Inspected and bad.
    Failed,
    /// Let go.
    Skipped,
}

/// What the plan says about the next lot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Look at it; it lies in inspection stock until then.
    Inspect,
    /// Let it go, and remember that it was let go.
    Skip,
    /// The item is not inspected at all.
    Nothing,
}

impl Plan {
    /// What becomes of the next lot, given the earlier ones, the newest first.
    pub fn next(self, earlier: &[Earlier]) -> Next {
        match self {
            Self::Every => Next::Inspect,
            Self::None => Next::Nothing,
            Self::SkipLot { good_before_skip, skip } => {
                let skipped = earlier.iter().take_while(|one| **one == Earlier::Skipped).count();
                let good = earlier
                    .iter()
                    .take_while(|one| **one != Earlier::Failed)
                    .filter(|one| **one == Earlier::Passed)
                    .count();
                if good >= good_before_skip as usize && skipped < skip as usize { Next::Skip } else { Next::Inspect }
            }
        }
    }

    /// How many earlier lots [`Plan::next`] has to see, at the most.
    pub const fn looks_back(self) -> u32 {
        match self {
            Self::Every | Self::None => 0,
            Self::SkipLot { good_before_skip, skip } => {
                good_before_skip.saturating_mul(skip.saturating_add(1)).saturating_add(skip)
            }
        }
    }
}

/// The most good lots in a row, and the most lots let go between two inspected ones, that a plan may ask for.
pub const MOST_IN_A_ROW: u32 = 100;

/// The longest reason for a plan.
pub const LONGEST_REASON: usize = 500;

/// Checks what somebody wants of a plan (none: that it ends) and why. Empty: it may be set.
pub fn check_plan(plan: Option<Plan>, reason: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(Plan::SkipLot { good_before_skip, skip }) = plan {
        for (at, value) in [("good_before_skip", good_before_skip), ("skip", skip)] {
            if !(1..=MOST_IN_A_ROW).contains(&value) {
                let message = format!("Enter a whole number from 1 to {MOST_IN_A_ROW}.");
                findings.push(Finding::stops(at, "out_of_range", message));
            }
        }
    }
    findings.extend(check_reason(reason));
    findings
}

/// A rule is changed with a reason, for whoever asks later why a lot was let go.
pub(crate) fn check_reason(reason: &str) -> Option<Finding> {
    let length = reason.trim().chars().count();
    match length {
        0 => {
            Some(Finding::stops("reason", "reason_missing", "Say why: it stays with the version and in the audit log."))
        }
        1..=LONGEST_REASON => None,
        _ => {
            let message = format!("The reason has {length} characters; the most is {LONGEST_REASON}.");
            Some(Finding::stops("reason", "reason_too_long", message))
        }
    }
}

/// What the measured values of one lot say against its item's specification: the rows to show, and a finding for each value
/// that is out of its limits or cannot be compared. Only a value out of limits stops a plain release; a missing or unclear
/// one warns, because the engineer stands before the part and the specification is of paper too.
pub fn check_values(measured: &[Measured], specification: &Specification) -> (Vec<Row>, Vec<Finding>) {
    let rows = compare_values(measured, &[], specification);
    let findings = rows.iter().filter_map(finding).collect();
    (rows, findings)
}

fn finding(row: &Row) -> Option<Finding> {
    let at = row.index.map_or_else(|| "values".to_owned(), |index| format!("values.{index}.value"));
    let unit = row.unit.as_deref().map(|unit| format!(" {unit}")).unwrap_or_default();
    let number = |value: Option<Decimal>| value.map(|value| value.normalize().to_string()).unwrap_or_default();
    let name = &row.characteristic;
    match row.verdict {
        Verdict::Below => {
            let message =
                format!("{name}: {}{unit} is below the lower limit {}{unit}.", number(row.value), number(row.lower));
            Some(Finding::stops(at, "below_limit", message))
        }
        Verdict::Above => {
            let message =
                format!("{name}: {}{unit} is above the upper limit {}{unit}.", number(row.value), number(row.upper));
            Some(Finding::stops(at, "above_limit", message))
        }
        Verdict::Missing => Some(Finding::warns(at, "value_missing", format!("{name} was not measured."))),
        Verdict::Unclear => {
            let message = format!("{name} cannot be compared: write its unit as the specification does{unit}.");
            Some(Finding::warns(at, "value_unclear", message))
        }
        Verdict::Within | Verdict::NotGiven | Verdict::NotAsked => None,
    }
}

/// One part of a usage decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Where it goes.
    pub to: StockStatus,
    /// How much.
    pub quantity: Decimal,
}

/// Splits a quantity that lies in status `from`, most often in inspection. The parts go to unrestricted, restricted or
/// blocked, and add up to the whole: nothing is left in inspection, nothing appears or disappears. Parts of zero are left
/// out. Anything that does not go to unrestricted takes a reason.
pub fn split(
    from: StockStatus,
    whole: Decimal,
    unit: &Unit,
    parts: &[Part],
    reason: &str,
) -> Result<Vec<StatusMove>, Vec<Finding>> {
    let mut findings = Vec::new();
    let shown = |value: Decimal| format!("{} {unit}", grouped(value, 0));
    if whole <= Decimal::ZERO {
        findings.push(Finding::stops("", "nothing_to_decide", "Nothing of this lot waits for a decision any more."));
    }
    let mut sum = Decimal::ZERO;
    for part in parts {
        let at = part.to.as_str();
        if part.to == StockStatus::Inspection {
            let message = "A decision ends the inspection: choose unrestricted, restricted or blocked.";
            findings.push(Finding::stops(at, "decision_leaves_inspection", message));
        }
        if part.quantity < Decimal::ZERO {
            findings.push(Finding::stops(at, "quantity_negative", "Enter 0 or more."));
        }
        if part.quantity.normalize().scale() > unit.decimals() {
            let message = format!("{unit} has at most {} decimals; {} has more.", unit.decimals(), part.quantity);
            findings.push(Finding::stops(at, "too_many_decimals", message));
        }
        match sum.checked_add(part.quantity) {
            Some(more) => sum = more,
            None => findings.push(Finding::stops(at, "number_too_large", "This number is too large.")),
        }
    }
    if findings.is_empty() && sum != whole {
        let (word, by) = if sum < whole { ("less", whole - sum) } else { ("more", sum - whole) };
        let message = format!(
            "The parts add up to {}, {} {word} than the {} to decide on. They must add up to the whole.",
            shown(sum),
            shown(by),
            shown(whole)
        );
        findings.push(Finding::stops(StockStatus::Unrestricted.as_str(), "parts_do_not_add_up", message));
    }
    let all_free = parts.iter().all(|part| part.to == StockStatus::Unrestricted || part.quantity.is_zero());
    if !all_free && reason.trim().is_empty() {
        let message = "Say why not all of it may be used: the supplier and the next shift read it.";
        findings.push(Finding::stops("reason", "reason_missing", message));
    }
    if !findings.is_empty() {
        return Err(findings);
    }
    Ok(parts
        .iter()
        .filter(|part| !part.quantity.is_zero())
        .map(|part| StatusMove { from, to: part.to, quantity: part.quantity })
        .collect())
}
