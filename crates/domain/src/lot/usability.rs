//! May this lot be used? One rule, with all its reasons at once (DOMAIN §3, rule 9).
//!
//! The page, the API for shop-floor systems and the dry run gather the same [`Facts`] and ask [`may_use`]. Nothing else in
//! the program decides on usage. The answer names every reason, so that whoever asks has to ask and mend once.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::calendar::day;
use crate::certificate::CertificateKind;
use crate::certificate::requirement::{Coverage, Covered};
use crate::hold::HoldReason;
use crate::id::CertificateId;
use crate::quantity::{Unit, grouped};

/// What is known about a lot when somebody wants to use it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The lot's number.
    pub lot: String,
    /// Unit of the quantities.
    pub unit: Unit,
    /// What lies in each status.
    pub unrestricted: Decimal,
    /// Waits for its inspection.
    pub inspection: Decimal,
    /// Usable only as its decision says.
    pub restricted: Decimal,
    /// Not usable.
    pub blocked: Decimal,
    /// Last day on which it may be used.
    pub expires_on: Option<NaiveDate>,
    /// The certificates that it needs, and how each stands.
    pub certificates: Vec<Needed>,
    /// The holds that it is under.
    pub holds: Vec<UnderHold>,
}

/// A certificate that a lot needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Needed {
    /// Which type.
    pub kind: CertificateKind,
    /// How it stands.
    pub standing: Standing,
}

/// How a required certificate stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "standing", rename_all = "snake_case")]
pub enum Standing {
    /// Taken, and still valid.
    Accepted,
    /// Somebody allowed it to be missing.
    Waived,
    /// Nobody handed it in.
    Missing,
    /// Handed in; nobody looked at it yet.
    Submitted {
        /// Which.
        certificate_id: CertificateId,
    },
    /// Turned away; the supplier has to replace it.
    Rejected {
        /// Which.
        certificate_id: CertificateId,
    },
    /// A standing one that ended.
    Expired {
        /// Which.
        certificate_id: CertificateId,
        /// Its last day.
        on: NaiveDate,
    },
}

impl From<&Covered> for Needed {
    /// As the one rule on certificates says.
    fn from(covered: &Covered) -> Self {
        let of = covered.certificate.as_ref().map(|(certificate_id, _)| *certificate_id);
        let standing = match (covered.coverage, of) {
            (Coverage::Accepted, _) => Standing::Accepted,
            (Coverage::Waived, _) => Standing::Waived,
            (Coverage::Submitted, Some(certificate_id)) => Standing::Submitted { certificate_id },
            (Coverage::Rejected, Some(certificate_id)) => Standing::Rejected { certificate_id },
            (Coverage::Expired, Some(certificate_id)) => match covered.valid_until {
                Some(on) => Standing::Expired { certificate_id, on },
                None => Standing::Missing,
            },
            (Coverage::Missing | Coverage::Submitted | Coverage::Rejected | Coverage::Expired, _) => Standing::Missing,
        };
        Self { kind: covered.need.kind, standing }
    }
}

/// A hold over a lot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnderHold {
    /// Its number.
    pub number: String,
    /// Why it was placed.
    pub reason: HoldReason,
    /// The serial, where only that one is held: it does not stop the rest of the lot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
}

/// Why a lot may not be used. The words of `reason` are a promise of the API: never renamed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Reason {
    /// Nothing of that name is known there.
    Unknown {
        /// As asked for.
        lot: String,
    },
    /// A quantity was asked for that makes no sense.
    QuantityNotPositive,
    /// Less is unrestricted than is wanted.
    NotEnough {
        /// What is unrestricted and not held.
        free: Decimal,
        /// What is wanted.
        wanted: Decimal,
        /// Their unit.
        unit: Unit,
    },
    /// Some or all of what is missing waits for its inspection.
    InInspection {
        /// How much.
        quantity: Decimal,
        /// Its unit.
        unit: Unit,
    },
    /// Some or all of what is missing is blocked.
    Blocked {
        /// How much.
        quantity: Decimal,
        /// Its unit.
        unit: Unit,
    },
    /// Some or all of what is missing may be used only as its decision says.
    Restricted {
        /// How much.
        quantity: Decimal,
        /// Its unit.
        unit: Unit,
    },
    /// Too old.
    Expired {
        /// Last day of use.
        on: NaiveDate,
    },
    /// A required certificate was never handed in.
    CertificateMissing {
        /// Which type.
        kind: CertificateKind,
    },
    /// A required certificate waits for the quality engineer.
    CertificateNotAccepted {
        /// Which type.
        kind: CertificateKind,
        /// Which.
        certificate_id: CertificateId,
    },
    /// A required certificate was turned away.
    CertificateRejected {
        /// Which type.
        kind: CertificateKind,
        /// Which.
        certificate_id: CertificateId,
    },
    /// A standing certificate ended.
    CertificateExpired {
        /// Which type.
        kind: CertificateKind,
        /// Which.
        certificate_id: CertificateId,
        /// Its last day.
        on: NaiveDate,
    },
    /// Under a hold.
    Held {
        /// Its number.
        hold: String,
        /// Why.
        because: HoldReason,
    },
}

/// What a reason points to, for a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Behind<'a> {
    /// The lot itself.
    Lot,
    /// A certificate.
    Certificate(CertificateId),
    /// A hold, by its number.
    Hold(&'a str),
}

impl Reason {
    /// In words for whoever stands before the material.
    pub fn words(&self) -> String {
        match self {
            Self::Unknown { lot } => format!("Lot {lot} is not known in this plant."),
            Self::QuantityNotPositive => "Ask for a quantity above 0.".to_owned(),
            Self::NotEnough { free, wanted, unit } => {
                format!("{} {unit} are free, {} {unit} are wanted.", grouped(*free, 0), grouped(*wanted, 0))
            }
            Self::InInspection { quantity, unit } => {
                format!("{} {unit} wait for inspection.", grouped(*quantity, 0))
            }
            Self::Blocked { quantity, unit } => format!("{} {unit} are blocked.", grouped(*quantity, 0)),
            Self::Restricted { quantity, unit } => {
                format!("{} {unit} are restricted: usable only as the decision says.", grouped(*quantity, 0))
            }
            Self::Expired { on } => format!("Expired: the last day of use was {}.", day(*on)),
            Self::CertificateMissing { kind } => format!("{} is missing.", certificate(*kind)),
            Self::CertificateNotAccepted { kind, .. } => {
                format!("{} was handed in and is not accepted yet.", certificate(*kind))
            }
            Self::CertificateRejected { kind, .. } => {
                format!("{} was rejected and not replaced.", certificate(*kind))
            }
            Self::CertificateExpired { kind, on, .. } => {
                format!("{} ended on {}.", certificate(*kind), day(*on))
            }
            Self::Held { hold, because } => format!("Under hold {hold}: {}.", because.words()),
        }
    }

    /// What to open to learn more.
    pub fn behind(&self) -> Behind<'_> {
        match self {
            Self::CertificateNotAccepted { certificate_id, .. }
            | Self::CertificateRejected { certificate_id, .. }
            | Self::CertificateExpired { certificate_id, .. } => Behind::Certificate(*certificate_id),
            Self::Held { hold, .. } => Behind::Hold(hold),
            _ => Behind::Lot,
        }
    }
}

/// A certificate's type at the beginning of a sentence.
fn certificate(kind: CertificateKind) -> &'static str {
    match kind {
        CertificateKind::Coc => "The certificate of conformity",
        CertificateKind::Coa => "The certificate of analysis",
        CertificateKind::En21 => "The EN 10204 2.1 declaration",
        CertificateKind::En22 => "The EN 10204 2.2 test report",
        CertificateKind::En31 => "The EN 10204 3.1 certificate",
        CertificateKind::En32 => "The EN 10204 3.2 certificate",
    }
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// It may be used, so much of it.
    pub usable: bool,
    /// Every reason why not; empty when it may.
    pub reasons: Vec<Reason>,
}

impl Verdict {
    fn because(reasons: Vec<Reason>) -> Self {
        Self { usable: reasons.is_empty(), reasons }
    }

    /// For a lot that is not known where it was asked for.
    pub fn unknown(lot: &str) -> Self {
        Self::because(vec![Reason::Unknown { lot: lot.to_owned() }])
    }
}

/// Whether `quantity` of a lot may be used on `today`, in the plant's calendar, and every reason why not.
///
/// What is not unrestricted is a reason only where the quantity does not fit without it: 10 blocked pieces of a lot with 90
/// free ones do not stop the use of 50. Expiry, certificates and holds stop all of a lot. A held serial is taken off what
/// is free (one piece) and stops nothing else.
pub fn may_use(facts: &Facts, quantity: Decimal, today: NaiveDate) -> Verdict {
    let mut reasons = Vec::new();
    let held_serials = facts.holds.iter().filter(|hold| hold.serial.is_some());
    let mut serials: Vec<&str> = held_serials.clone().filter_map(|hold| hold.serial.as_deref()).collect();
    serials.sort_unstable();
    serials.dedup();
    let free = (facts.unrestricted - Decimal::from(serials.len())).max(Decimal::ZERO);
    if quantity <= Decimal::ZERO {
        reasons.push(Reason::QuantityNotPositive);
    } else if free < quantity {
        let unit = &facts.unit;
        reasons.push(Reason::NotEnough { free, wanted: quantity, unit: unit.clone() });
        if facts.inspection > Decimal::ZERO {
            reasons.push(Reason::InInspection { quantity: facts.inspection, unit: unit.clone() });
        }
        if facts.restricted > Decimal::ZERO {
            reasons.push(Reason::Restricted { quantity: facts.restricted, unit: unit.clone() });
        }
        if facts.blocked > Decimal::ZERO {
            reasons.push(Reason::Blocked { quantity: facts.blocked, unit: unit.clone() });
        }
        reasons.extend(held_serials.map(|hold| Reason::Held { hold: hold.number.clone(), because: hold.reason }));
    }
    if let Some(on) = facts.expires_on.filter(|on| *on < today) {
        reasons.push(Reason::Expired { on });
    }
    for needed in &facts.certificates {
        let kind = needed.kind;
        match needed.standing {
            Standing::Accepted | Standing::Waived => {}
            Standing::Missing => reasons.push(Reason::CertificateMissing { kind }),
            Standing::Submitted { certificate_id } => {
                reasons.push(Reason::CertificateNotAccepted { kind, certificate_id });
            }
            Standing::Rejected { certificate_id } => reasons.push(Reason::CertificateRejected { kind, certificate_id }),
            Standing::Expired { certificate_id, on } => {
                reasons.push(Reason::CertificateExpired { kind, certificate_id, on });
            }
        }
    }
    reasons.extend(
        facts
            .holds
            .iter()
            .filter(|hold| hold.serial.is_none())
            .map(|hold| Reason::Held { hold: hold.number.clone(), because: hold.reason }),
    );
    Verdict::because(reasons)
}
