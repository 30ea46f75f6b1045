//! How the simulated ERP misbehaves: rules that a test or a person sets, each for so many requests or until it is taken
//! away. With the same seed and the same requests it misbehaves the same way.

use serde::{Deserialize, Serialize};

use super::wire::Confirmation;
use crate::dice::Dice;

/// The protocol's doors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Door {
    /// `GET /health`.
    Health,
    /// `GET /orders`.
    Orders,
    /// `POST /confirmations`.
    Confirmations,
    /// `PUT /inbound-deliveries/…`, its cancellation and its milestones.
    InboundDeliveries,
    /// `POST /receipts`, and their reversals.
    Receipts,
    /// `POST /lot-decisions`.
    LotDecisions,
    /// `PUT /holds/…`, and their releases.
    Holds,
    /// `POST /production/…`.
    Postings,
    /// `PUT /work-orders/…` and their ends, at a shop floor.
    WorkOrders,
    /// `GET /stock`: a question.
    Stock,
    /// `GET /work-orders`, `GET /receipts`, `GET /milestones`, `GET /stock/changes`.
    Changes,
}

impl Door {
    /// Something is told or asked there, which can be answered with a no.
    const fn answers(self) -> bool {
        !matches!(self, Self::Health | Self::Orders | Self::Changes)
    }
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum Fault {
    /// Answers after so many milliseconds.
    Slow { ms: u64 },
    /// Breaks every connection off, without effect.
    Down,
    /// 503 with `Retry-After`.
    Maintenance {
        #[serde(default = "thirty")]
        retry_after: u64,
    },
    /// 429 with `Retry-After`.
    RateLimit {
        #[serde(default = "one")]
        retry_after: u64,
    },
    /// 500, without effect.
    ServerError,
    /// 400, without effect.
    BadRequest,
    /// 401, whatever the key.
    WrongCredentials,
    /// 409 `locked`, as if somebody had the order open.
    Locked,
    /// Takes the request and never answers; without effect.
    Hang,
    /// Breaks the connection off before anything happens.
    LoseRequests,
    /// Does what is asked, then does not say so.
    LoseAnswers {
        #[serde(default)]
        how: Loss,
    },
    /// Lists each order twice.
    Duplicate,
    /// Lists orders in another sequence.
    Reorder,
    /// Says no; to everything, or to confirmations of an order, or of a line of it.
    Refuse {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        order: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        line: Option<String>,
        reason: String,
    },
    /// Says yes and keeps nothing.
    Forget,
    /// 200 with an error inside, without effect.
    #[serde(rename = "error_body_with_200")]
    ErrorBodyWith200,
    /// 200 with a status that is not in the protocol, without effect.
    UnknownStatus,
}

/// How an answer gets lost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// The connection breaks off.
    #[default]
    Drop,
    /// 500.
    Error,
    /// Silence.
    Hang,
}

const fn one() -> u64 {
    1
}

const fn thirty() -> u64 {
    30
}

impl Fault {
    /// Where it makes sense.
    fn fits(&self, door: Door, confirmation: Option<&Confirmation>) -> bool {
        match self {
            Self::Duplicate | Self::Reorder => door == Door::Orders,
            Self::Forget | Self::ErrorBodyWith200 | Self::UnknownStatus | Self::Locked | Self::LoseAnswers { .. } => {
                door.answers()
            }
            Self::Refuse { order: None, line: None, .. } => door.answers(),
            Self::Refuse { order, line, .. } => confirmation.is_some_and(|confirmation| {
                order.as_ref().is_none_or(|order| *order == confirmation.order)
                    && line
                        .as_ref()
                        .is_none_or(|line| confirmation.lines.iter().any(|confirmed| confirmed.line == *line))
            }),
            _ => true,
        }
    }
}

/// A fault with how long it lasts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// What goes wrong.
    #[serde(flatten)]
    pub fault: Fault,
    /// For so many requests; none: until it is taken away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// Only at this door.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<Door>,
    /// For so many requests in a hundred, picked by the seed; none: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<u8>,
}

impl From<Fault> for Rule {
    fn from(fault: Fault) -> Self {
        Self { fault, count: None, on: None, percent: None }
    }
}

impl Rule {
    /// For the next `count` requests that it fits.
    pub fn times(fault: Fault, count: u32) -> Self {
        Self { count: Some(count), ..fault.into() }
    }

    /// Only at this door.
    pub const fn at(mut self, door: Door) -> Self {
        self.on = Some(door);
        self
    }
}

/// A rule with its number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Numbered {
    /// To take it away again.
    pub id: u64,
    /// The rule.
    #[serde(flatten)]
    pub rule: Rule,
}

/// The rules in force.
#[derive(Debug)]
pub struct Faults {
    rules: Vec<Numbered>,
    last_id: u64,
    dice: Dice,
}

impl Faults {
    /// None yet.
    pub fn new(seed: u64) -> Self {
        Self { rules: Vec::new(), last_id: 0, dice: Dice::new(seed) }
    }

    /// Adds a rule; gives its number.
    pub fn add(&mut self, rule: Rule) -> u64 {
        self.last_id += 1;
        self.rules.push(Numbered { id: self.last_id, rule });
        self.last_id
    }

    /// Takes one rule away.
    pub fn remove(&mut self, id: u64) -> bool {
        let before = self.rules.len();
        self.rules.retain(|known| known.id != id);
        self.rules.len() < before
    }

    /// Takes all away.
    pub fn clear(&mut self) {
        self.rules.clear();
    }

    /// The rules in force.
    pub fn rules(&self) -> &[Numbered] {
        &self.rules
    }

    /// What goes wrong with this request; uses up what is counted.
    pub fn strike(&mut self, door: Door, confirmation: Option<&Confirmation>) -> Vec<Fault> {
        let mut struck = Vec::new();
        for known in &mut self.rules {
            let rule = &mut known.rule;
            let fits = rule.count != Some(0)
                && rule.on.is_none_or(|on| on == door)
                && rule.fault.fits(door, confirmation)
                && rule.percent.is_none_or(|percent| self.dice.below(100) < u64::from(percent));
            if fits {
                rule.count = rule.count.map(|left| left - 1);
                struck.push(rule.fault.clone());
            }
        }
        self.rules.retain(|known| known.rule.count != Some(0));
        struck
    }

    /// Puts a list into another sequence.
    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for index in (1..list.len()).rev() {
            let other = self.dice.below(index as u64 + 1);
            list.swap(index, usize::try_from(other).unwrap_or(index));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counted_fault_strikes_so_often_and_only_where_it_fits() {
        let mut faults = Faults::new(1);
        faults.add(Rule::times(Fault::Duplicate, 2));
        assert!(faults.strike(Door::Health, None).is_empty());
        assert_eq!(faults.strike(Door::Orders, None), [Fault::Duplicate]);
        assert_eq!(faults.strike(Door::Orders, None), [Fault::Duplicate]);
        assert!(faults.strike(Door::Orders, None).is_empty());
        assert!(faults.rules().is_empty());
    }

    #[test]
    fn the_same_seed_misbehaves_the_same_way() {
        let struck = |seed| {
            let mut faults = Faults::new(seed);
            faults.add(Rule { percent: Some(30), ..Fault::Down.into() });
            (0..200).map(|_| !faults.strike(Door::Health, None).is_empty()).collect::<Vec<_>>()
        };
        assert_eq!(struck(7), struck(7));
        assert_ne!(struck(7), struck(8));
        let share = struck(7).iter().filter(|hit| **hit).count();
        assert!((40..=80).contains(&share), "{share} of 200");
    }

    #[test]
    fn rules_are_written_as_the_documentation_says() {
        for (text, rule) in [
            (r#"{"fault":"slow","ms":800,"count":3}"#, Rule::times(Fault::Slow { ms: 800 }, 3)),
            (r#"{"fault":"down"}"#, Fault::Down.into()),
            (r#"{"fault":"maintenance"}"#, Fault::Maintenance { retry_after: 30 }.into()),
            (
                r#"{"fault":"lose_answers","how":"error","on":"confirmations"}"#,
                Rule::from(Fault::LoseAnswers { how: Loss::Error }).at(Door::Confirmations),
            ),
            (r#"{"fault":"error_body_with_200"}"#, Fault::ErrorBodyWith200.into()),
            (
                r#"{"fault":"refuse","order":"4500012345","reason":"Period is closed."}"#,
                Fault::Refuse {
                    order: Some("4500012345".to_owned()),
                    line: None,
                    reason: "Period is closed.".to_owned(),
                }
                .into(),
            ),
        ] {
            assert_eq!(serde_json::from_str::<Rule>(text).expect(text), rule);
        }
    }
}
