//! Why something cannot be done, in words for the person who tried, with the limit that was used and the way out.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::calendar::day;
use crate::confirmation::{LONGEST_NOTE, MOST_PARTS};
use crate::id::ScheduleLineId;
use crate::negotiation::IllegalStep;
use crate::order::OrderStatus;

/// Which field of an answer a refusal is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// The kind of answer.
    Answer,
    /// A quantity.
    Quantity,
    /// A delivery day.
    DeliverOn,
    /// A ship day.
    ShipOn,
    /// A price.
    Price,
    /// The reason.
    Reason,
    /// The note.
    Note,
}

/// A refusal and where it belongs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The schedule line, or none when it is about the order.
    pub schedule_line_id: Option<ScheduleLineId>,
    /// The part, from 0.
    pub part: usize,
    /// The field.
    pub field: Field,
    /// What is wrong and how to mend it.
    pub refusal: Refusal,
}

/// Why something cannot be done, in words for the person who tried, with the limit that was used and the way out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum Refusal {
    #[error("{0}")]
    NotAllowed(String),
    #[error(
        "The order changed while you were editing: it is now revision {now}, you answered revision {read}. Your entries are kept. Look at what changed and send again."
    )]
    OldRevision { read: i32, now: i32 },
    #[error(
        "This line changed while you were editing; it is now {now}. Your entry is kept. Look at what changed and send again."
    )]
    StaleLine { now: String },
    #[error("This order is {0} in the ERP and takes no more answers.")]
    OrderNotOpen(OrderStatus),
    #[error("This line does not belong to the order. Reload the page.")]
    UnknownLine,
    #[error("The same line is answered twice. Keep one of the answers.")]
    AnsweredTwice,
    #[error("Nothing was answered. Choose an answer for at least one line.")]
    NothingAnswered,
    #[error(transparent)]
    Step(#[from] IllegalStep),
    #[error("Enter a quantity and a date for at least one part.")]
    NoParts,
    #[error("A line can be split into at most {MOST_PARTS} parts; this has {0}.")]
    TooManyParts(usize),
    #[error("Enter a quantity above 0, or choose Reject if you cannot supply.")]
    QuantityNotPositive,
    #[error("{given} is more than anybody orders; the most is {most}. Check the number.")]
    NumberTooLarge { given: String, most: String },
    #[error("{unit} has at most {most} decimals; {given} has more.")]
    TooManyDecimals { given: String, unit: String, most: u32 },
    #[error(
        "Confirmed quantity {given} is more than the open quantity {open} allows ({limit} % over). Enter {most} or less, or ask the buyer for over-delivery."
    )]
    QuantityAboveOrdered { given: String, open: String, limit: String, most: String },
    #[error("{0} The agreement allows no answer beyond {1}; ask the buyer to change the order.")]
    OutsidePolicy(String, String),
    #[error("Enter a delivery date, or choose Backorder if there is none yet.")]
    NoDate,
    #[error("{} is in the past. Today is {}.", day(*.given), day(*.today))]
    DateInPast { given: NaiveDate, today: NaiveDate },
    #[error("{} is more than five years away. Check the year.", day(*.0))]
    DateTooFar(NaiveDate),
    #[error("It is asked for {}, which is in the past (today is {}). Choose Change and enter the day on which you can deliver.", day(*.given), day(*.today))]
    AskedForPast { given: NaiveDate, today: NaiveDate },
    #[error("The ship date {} is after the delivery date {}.", day(*.ship), day(*.deliver))]
    ShipsAfterDelivery { ship: NaiveDate, deliver: NaiveDate },
    #[error("Prices cannot be changed in an answer to this order. Leave the price as it is and write to the buyer.")]
    PriceNotNegotiable,
    #[error("Enter a price above 0.")]
    PriceNotPositive,
    #[error("Choose a reason: the buyer sees why before deciding.")]
    ReasonMissing,
    #[error("Say in the note what “Other” means.")]
    NoteMissing,
    #[error("The note has {0} characters; the most is {LONGEST_NOTE}.")]
    NoteTooLong(usize),
    #[error("Nobody decides on the own answer. Ask another buyer.")]
    OwnAnswer,
    #[error("Say why in a few words: the supplier sees them.")]
    ExplanationMissing,
}

/// What a check has to say about something that somebody is about to send: what the rule was and how to mend it. The same
/// for pages, the API and a dry run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Where, as a path: `lines.1.quantity`, `units.3.sscc`; empty when it is about the whole.
    pub at: String,
    /// The rule in one word for machines, e.g. `quantity_above_open`. A promise of the API: never renamed.
    pub rule: String,
    /// What is wrong, which limit was used, and how to mend it.
    pub message: String,
    /// Whether it can be sent nevertheless.
    pub weight: Weight,
}

/// Whether a finding stops a sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// Cannot be sent.
    Stops,
    /// Can be sent; the person should know.
    Warns,
}

impl Finding {
    /// Stops a sending.
    pub fn stops(at: impl Into<String>, rule: &str, message: impl Into<String>) -> Self {
        Self { at: at.into(), rule: rule.to_owned(), message: message.into(), weight: Weight::Stops }
    }

    /// Worth knowing, but does not stop it.
    pub fn warns(at: impl Into<String>, rule: &str, message: impl Into<String>) -> Self {
        Self { at: at.into(), rule: rule.to_owned(), message: message.into(), weight: Weight::Warns }
    }

    /// Whether any of them stops a sending.
    pub fn any_stops(findings: &[Self]) -> bool {
        findings.iter().any(|finding| finding.weight == Weight::Stops)
    }
}
