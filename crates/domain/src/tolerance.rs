//! How far an answer may deviate before a person has to look, per kind of deviation.
//!
//! The limit comes from the order line, else from the supplier, else from the plant, kind by kind (DOMAIN §3 rule 3). Where
//! nobody set one, it is zero and the buyer decides.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::quantity::grouped;
use crate::text::text_enum;

text_enum! {
    /// The ways in which a promise can differ from what was asked for.
    pub enum DeviationKind {
        /// Promised later than requested, in days of the plant's calendar.
        Late = "late",
        /// Promised earlier than requested, in days.
        Early = "early",
        /// Less than requested in total, in percent.
        Short = "short",
        /// More than requested in total, in percent.
        Over = "over",
        /// Dearer than ordered, in percent.
        Dearer = "dearer",
        /// Part of it without a date yet, in percent of the quantity.
        Backordered = "backordered",
        /// Another item than ordered.
        Substitute = "substitute",
        /// No supply at all.
        Rejected = "rejected",
    }
}

impl DeviationKind {
    /// Whether a limit can be set for it. A backorder, a substitute or a rejection always needs a person.
    pub const fn has_limit(self) -> bool {
        !matches!(self, Self::Backordered | Self::Substitute | Self::Rejected)
    }

    /// Days or percent.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Late | Self::Early => "d",
            _ => "%",
        }
    }
}

text_enum! {
    /// What happens to an answer outside the limit.
    pub enum Outside {
        /// The buyer decides.
        Review = "review",
        /// It cannot be sent.
        Refuse = "refuse",
    }
}

/// A limit, in the unit of its kind, and what happens beyond it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// Days or percent; up to and including this it is accepted by rule.
    pub up_to: Decimal,
    /// Beyond it.
    pub outside: Outside,
}

/// The limits somebody set; a kind without one is left to the next level.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tolerances {
    /// Days later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub late: Option<Limit>,
    /// Days earlier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub early: Option<Limit>,
    /// Percent less.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub short: Option<Limit>,
    /// Percent more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub over: Option<Limit>,
    /// Percent dearer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dearer: Option<Limit>,
}

impl Tolerances {
    fn get(&self, kind: DeviationKind) -> Option<Limit> {
        match kind {
            DeviationKind::Late => self.late,
            DeviationKind::Early => self.early,
            DeviationKind::Short => self.short,
            DeviationKind::Over => self.over,
            DeviationKind::Dearer => self.dearer,
            // No limit makes a backorder, a substitute or a rejection harmless.
            DeviationKind::Backordered | DeviationKind::Substitute | DeviationKind::Rejected => None,
        }
    }
}

text_enum! {
    /// Who set the limit that was used.
    pub enum Source {
        /// The order line.
        Line = "line",
        /// The agreement with the supplier.
        Supplier = "supplier",
        /// The plant.
        Plant = "plant",
        /// Nobody; zero applies.
        Default = "default",
    }
}

impl Source {
    /// For "from …".
    pub const fn words(self) -> &'static str {
        match self {
            Self::Line => "the order line",
            Self::Supplier => "the supplier agreement",
            Self::Plant => "the plant",
            Self::Default => "the house rule",
        }
    }
}

/// The three levels that apply to one line.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreed {
    /// From the order line.
    pub line: Tolerances,
    /// From the supplier.
    pub supplier: Tolerances,
    /// From the plant.
    pub plant: Tolerances,
}

impl Agreed {
    /// The limit for one kind, and who set it.
    pub fn limit(&self, kind: DeviationKind) -> (Limit, Source) {
        [(&self.line, Source::Line), (&self.supplier, Source::Supplier), (&self.plant, Source::Plant)]
            .into_iter()
            .find_map(|(level, source)| level.get(kind).map(|limit| (limit, source)))
            .unwrap_or((Limit { up_to: Decimal::ZERO, outside: Outside::Review }, Source::Default))
    }

    /// The limits in one sentence for the foot of a page: `1 d late, 3 d early, quantity −5 % +5 %, price 0 %`.
    pub fn sentence(&self) -> String {
        let of = |kind| grouped(self.limit(kind).0.up_to, 0);
        format!(
            "{} d late, {} d early, quantity −{} % +{} %, price {} %",
            of(DeviationKind::Late),
            of(DeviationKind::Early),
            of(DeviationKind::Short),
            of(DeviationKind::Over),
            of(DeviationKind::Dearer)
        )
    }
}

/// One way in which an answer differs, with the rule that was used on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deviation {
    /// How.
    pub kind: DeviationKind,
    /// By how much, in days or percent.
    pub by: Decimal,
    /// Up to where it would have been accepted by rule.
    pub limit: Limit,
    /// Who set that.
    pub source: Source,
}

impl Deviation {
    /// Inside the limit, so no person has to look.
    pub fn is_within(&self) -> bool {
        self.kind.has_limit() && self.by <= self.limit.up_to
    }

    /// In few words for a tag: `3 d later`, `8 % short`, `rejected`.
    pub fn words(&self) -> String {
        let by = grouped(self.by.round_dp(1), 0);
        match self.kind {
            DeviationKind::Late => format!("{by} d later"),
            DeviationKind::Early => format!("{by} d earlier"),
            DeviationKind::Short => format!("{by} % short"),
            DeviationKind::Over => format!("{by} % over"),
            DeviationKind::Dearer => format!("price +{by} %"),
            DeviationKind::Backordered => format!("{by} % without a date"),
            DeviationKind::Substitute => "substitute".to_owned(),
            DeviationKind::Rejected => "rejected".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_level_that_says_something_wins_kind_by_kind() {
        let limit = |up_to: i64| Some(Limit { up_to: up_to.into(), outside: Outside::Review });
        let agreed = Agreed {
            line: Tolerances { late: limit(1), ..Tolerances::default() },
            supplier: Tolerances { late: limit(5), early: limit(3), ..Tolerances::default() },
            plant: Tolerances { late: limit(9), early: limit(9), over: limit(5), ..Tolerances::default() },
        };
        for (kind, up_to, source) in [
            (DeviationKind::Late, 1, Source::Line),
            (DeviationKind::Early, 3, Source::Supplier),
            (DeviationKind::Over, 5, Source::Plant),
            (DeviationKind::Short, 0, Source::Default),
            (DeviationKind::Rejected, 0, Source::Default),
        ] {
            let (limit, from) = agreed.limit(kind);
            assert_eq!((limit.up_to, from), (Decimal::from(up_to), source), "{kind}");
        }
    }
}
