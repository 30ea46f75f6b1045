//! Quality certificates: which are required ([`requirement`]), what an item must show ([`specification`]), and whether what
//! a certificate says is within it ([`check`], with the units of [`unit`]).
//!
//! Certificates also come as files that machines can read ([`reading`]): EN 10168 ([`en10168`]), certificates of analysis
//! ([`coa`]), metals passports ([`metals`]) and pasted tables ([`pasted`]). All are read leniently into the same
//! [`reading::Transcript`]; a person looks at it before it counts.

pub mod check;
pub mod coa;
pub mod en10168;
pub mod metals;
pub mod pasted;
pub mod reading;
pub mod requirement;
pub mod specification;
pub mod unit;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::id::{CertificateId, DocumentId};
use crate::text::text_enum;

text_enum! {
    /// The types of certificates (EN 10204:2004 for 2.1 to 3.2).
    pub enum CertificateKind {
        /// Certificate of conformity.
        Coc = "coc",
        /// Certificate of analysis, with measured values.
        Coa = "coa",
        /// EN 10204 2.1: declaration of compliance with the order.
        En21 = "en_2_1",
        /// EN 10204 2.2: test report, non-specific inspection.
        En22 = "en_2_2",
        /// EN 10204 3.1: inspection certificate of the manufacturer's inspector.
        En31 = "en_3_1",
        /// EN 10204 3.2: inspection certificate, validated by the purchaser's inspector too.
        En32 = "en_3_2",
    }
}

impl CertificateKind {
    /// Whether it carries measured values of the goods themselves or of like goods, so that they can be compared with the
    /// specification. A declaration (CoC, 2.1) carries none (EN 10204:2004, table A.1).
    pub const fn has_values(self) -> bool {
        !matches!(self, Self::Coc | Self::En21)
    }

    /// Whether a certificate of this kind does where `needed` is asked for: the same kind, or a stricter one of EN 10204
    /// (3.2 over 3.1 over 2.2 over 2.1).
    pub fn serves(self, needed: Self) -> bool {
        let rank = |kind: Self| match kind {
            Self::En21 => Some(1),
            Self::En22 => Some(2),
            Self::En31 => Some(3),
            Self::En32 => Some(4),
            Self::Coc | Self::Coa => None,
        };
        self == needed || matches!((rank(self), rank(needed)), (Some(have), Some(need)) if have > need)
    }

    /// In as few letters as people need: `3.1`, `CoC`.
    pub const fn short(self) -> &'static str {
        match self {
            Self::Coc => "CoC",
            Self::Coa => "CoA",
            Self::En21 => "2.1",
            Self::En22 => "2.2",
            Self::En31 => "3.1",
            Self::En32 => "3.2",
        }
    }
}

text_enum! {
    /// What one certificate covers.
    pub enum CertificatePer {
        /// Each lot or heat.
        Lot = "lot",
        /// Each delivery.
        Delivery = "delivery",
        /// Everything until it expires.
        Standing = "standing",
    }
}

text_enum! {
    /// Where a certificate stands.
    pub enum CertificateStatus {
        /// Handed in; not looked at by the buyer's side.
        Submitted = "submitted",
        /// Taken.
        Accepted = "accepted",
        /// Turned away with a reason; can be replaced.
        Rejected = "rejected",
        /// Another one took its place.
        Replaced = "replaced",
    }
}

/// A certificate as it was handed in: self-contained, for whoever is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// Our id.
    pub certificate_id: CertificateId,
    /// Its number on the paper.
    pub number: String,
    /// Its type.
    pub kind: CertificateKind,
    /// What it covers.
    pub per: CertificatePer,
    /// The item's number.
    pub item: String,
    /// The supplier's lots or heats; empty for a standing one.
    pub lots: Vec<String>,
    /// The delivery note it belongs to, for one per delivery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery_note: Option<String>,
    /// Who issued it.
    pub issuer: String,
    /// When.
    pub issued_on: NaiveDate,
    /// Last day on which a standing one counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<NaiveDate>,
    /// The files of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<DocumentId>,
    /// What was measured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Measured>,
}

/// One measured characteristic on a certificate or in an inspection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measured {
    /// Its name, e.g. `Tensile strength` or `C`.
    pub characteristic: String,
    /// The lot or heat, where the certificate covers several with different values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lot: Option<String>,
    /// How it was measured, e.g. `ISO 6892-1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Unit as written, e.g. `MPa`, `%`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The value, exact.
    pub value: Decimal,
}
