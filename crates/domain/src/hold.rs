//! Quality holds: one object for everybody that says what may not be used, why, and who has heard of it.

use serde::{Deserialize, Serialize};

use crate::access::{Action, Actor, may};
use crate::id::{HoldId, ItemId, LotId, PlantId, SupplierId};
use crate::inspection::check_reason;
use crate::lot::LotRef;
use crate::refusal::Finding;
use crate::text::text_enum;

/// What a hold covers. Lots that arrive later and fall under it are held from their arrival.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "scope", rename_all = "snake_case")]
pub enum HoldScope {
    /// One lot.
    Lot {
        /// Which.
        lot_id: LotId,
    },
    /// One serial of a lot.
    Serial {
        /// Of which lot.
        lot_id: LotId,
        /// Which.
        serial: String,
    },
    /// Everything of an item from one supplier, in every plant.
    SupplierItem {
        /// From whom.
        supplier_id: SupplierId,
        /// What.
        item_id: ItemId,
    },
    /// Everything of an item in one plant.
    PlantItem {
        /// Where.
        plant_id: PlantId,
        /// What.
        item_id: ItemId,
    },
}

text_enum! {
    /// Why material is held.
    pub enum HoldReason {
        /// A measured value is outside its limits.
        OutOfLimits = "out_of_limits",
        /// A certificate is missing or wrong.
        Certificate = "certificate",
        /// Damaged on the way.
        Damage = "damage",
        /// Found on the shop floor.
        ProductionFinding = "production_finding",
        /// The supplier warned of it.
        SupplierNotice = "supplier_notice",
        /// A customer complained.
        CustomerComplaint = "customer_complaint",
        /// Identity or origin not clear.
        Identity = "identity",
        /// Something else; said in the note.
        Other = "other",
    }
}

text_enum! {
    /// What becomes of the material when a hold ends.
    pub enum Disposition {
        /// Use it as it is.
        UseAsIs = "use_as_is",
        /// Mend it.
        Rework = "rework",
        /// Pick out what is good.
        Sort = "sort",
        /// Throw it away.
        Scrap = "scrap",
        /// Send it back.
        Return = "return",
    }
}

text_enum! {
    /// Where a hold stands.
    pub enum HoldState {
        /// Nothing under it may be used.
        Active = "active",
        /// One person wants to release it; a second one must.
        ReleaseRequested = "release_requested",
        /// Ended.
        Released = "released",
    }
}

/// A hold in full: self-contained, for whoever is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Our id.
    pub hold_id: HoldId,
    /// Our number, e.g. `QH-000003`. Unique.
    pub number: String,
    /// What it covers.
    #[serde(flatten)]
    pub scope: HoldScope,
    /// The item's number.
    pub item: String,
    /// Why.
    pub reason: HoldReason,
    /// In words.
    pub note: String,
    /// The lots under it at this moment.
    pub lots: Vec<LotRef>,
}

/// The longest note of a hold.
pub const LONGEST_NOTE: usize = 2000;

impl HoldReason {
    /// As people call it.
    pub const fn words(self) -> &'static str {
        match self {
            Self::OutOfLimits => "value out of limits",
            Self::Certificate => "certificate missing or wrong",
            Self::Damage => "damaged on the way",
            Self::ProductionFinding => "found in production",
            Self::SupplierNotice => "the supplier warned of it",
            Self::CustomerComplaint => "a customer complained",
            Self::Identity => "identity or origin not clear",
            Self::Other => "other, see the note",
        }
    }
}

impl Disposition {
    /// As people call it.
    pub const fn words(self) -> &'static str {
        match self {
            Self::UseAsIs => "use as it is",
            Self::Rework => "rework",
            Self::Sort => "sort",
            Self::Scrap => "scrap",
            Self::Return => "return to the supplier",
        }
    }
}

/// Checks what somebody wants to hold, before anything is looked up.
pub fn check_placing(reason: Option<HoldReason>, note: &str) -> Result<HoldReason, Vec<Finding>> {
    let mut findings = Vec::new();
    if reason.is_none() {
        findings.push(Finding::stops("reason", "reason_missing", "Choose a reason: everybody who is told reads it."));
    }
    if note.trim().is_empty() {
        let message = "Say what was found, so that the next shift knows what to look for.";
        findings.push(Finding::stops("note", "note_missing", message));
    }
    findings.extend(too_long("note", note));
    match reason {
        Some(reason) if findings.is_empty() => Ok(reason),
        _ => Err(findings),
    }
}

fn too_long(at: &str, text: &str) -> Option<Finding> {
    let length = text.chars().count();
    (length > LONGEST_NOTE).then(|| {
        Finding::stops(at, "note_too_long", format!("The note has {length} characters; the most is {LONGEST_NOTE}."))
    })
}

/// Checks what somebody wants of the policy of a plant: whether a hold with this reason (none: with any reason that has no
/// policy of its own) takes two persons to end. `two_persons` none ends the policy of one reason; the one for any reason
/// cannot end, because something must count.
pub fn check_policy(about: Option<HoldReason>, two_persons: Option<bool>, reason: &str) -> Result<(), Vec<Finding>> {
    let mut findings = Vec::new();
    if about.is_none() && two_persons.is_none() {
        findings.push(Finding::stops("persons", "persons_missing", "Choose one person or two."));
    }
    findings.extend(check_reason(reason));
    if findings.is_empty() { Ok(()) } else { Err(findings) }
}

/// How a hold stands for whoever wants to end it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Where it stands.
    pub state: HoldState,
    /// It takes two persons to end it, by the policy in force when it was placed.
    pub two_persons: bool,
    /// Who asked for the release, while it waits for a second person.
    pub requested_by: Option<Actor>,
}

/// What a step towards the end of a hold came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A second person must say yes.
    Requested,
    /// Ended.
    Released,
}

/// One person wants to end a hold. With two persons by policy this only asks, and a later wish takes the place of an
/// earlier one: whoever disagrees with the disposition asks for another, and the first person may say yes to it.
pub fn request_release(
    hold: &Standing,
    actor: &Actor,
    disposition: Option<Disposition>,
    reason: &str,
) -> Result<Step, Vec<Finding>> {
    let mut findings: Vec<Finding> = not_ended(hold).into_iter().chain(not_allowed(actor)).collect();
    if disposition.is_none() {
        let message = "Choose what becomes of the material.";
        findings.push(Finding::stops("disposition", "disposition_missing", message));
    }
    if reason.trim().is_empty() {
        let message = "Say what makes it right to end the hold: it stays in the history.";
        findings.push(Finding::stops("reason", "reason_missing", message));
    }
    findings.extend(too_long("reason", reason));
    if !findings.is_empty() {
        return Err(findings);
    }
    Ok(if hold.two_persons { Step::Requested } else { Step::Released })
}

/// The second person says yes to a release that somebody else asked for.
pub fn release(hold: &Standing, actor: &Actor) -> Result<Step, Vec<Finding>> {
    let mut findings: Vec<Finding> = not_ended(hold).into_iter().chain(not_allowed(actor)).collect();
    if hold.state == HoldState::Active {
        let message = "Nobody has asked for the release of this hold yet. Ask for it first.";
        findings.push(Finding::stops("", "not_requested", message));
    }
    if hold.state == HoldState::ReleaseRequested && !is_second_person(hold, actor) {
        let name = hold.requested_by.as_ref().map_or("the one who asked", Actor::name);
        let message =
            format!("This hold takes two persons: {name} asked for the release, somebody else must confirm it.");
        findings.push(Finding::stops("", "second_person_needed", message));
    }
    if findings.is_empty() { Ok(Step::Released) } else { Err(findings) }
}

/// Two persons are two people who signed in: never one twice, never a machine.
fn is_second_person(hold: &Standing, actor: &Actor) -> bool {
    if !hold.two_persons {
        return true;
    }
    let first = hold.requested_by.as_ref().and_then(Actor::person);
    matches!((first, actor.person()), (Some(first), Some(second)) if first != second)
}

fn not_ended(hold: &Standing) -> Option<Finding> {
    (hold.state == HoldState::Released)
        .then(|| Finding::stops("", "already_released", "This hold has been released already. Reload the page."))
}

fn not_allowed(actor: &Actor) -> Option<Finding> {
    may(actor, Action::ManageHolds).err().map(|denied| Finding::stops("", "not_allowed", denied.to_string()))
}
