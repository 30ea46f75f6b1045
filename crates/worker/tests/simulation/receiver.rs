//! The other system: keeps idempotency keys, records effects in order, and behaves badly on request.

use std::collections::{HashMap, HashSet};

use chrono::TimeDelta;
use worker::core::Answer;

use super::dice::Dice;
use super::flaws::Flaw;
use super::history::{Effect, History, Millis};

/// What is wrong with a document until a person mends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Poison {
    Refused,
    Permanent,
    /// Fails each time as if it were temporary, until the tries are used up.
    Stubborn,
}

/// How the whole system is at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    Well,
    Down,
    WrongSecret,
    WrongEndpoint,
    /// Fails every document with a temporary fault.
    Overloaded,
}

pub struct Message {
    pub event: u128,
    pub subject: u128,
    pub version: i64,
    pub attempt: u32,
}

pub struct Receiver {
    pub mood: Mood,
    pub calm: bool,
    pub poison: HashMap<u128, Poison>,
    keys: HashSet<(u128, u32)>,
    flaw: Flaw,
}

impl Receiver {
    pub fn new(flaw: Flaw) -> Self {
        Self { mood: Mood::Well, calm: false, poison: HashMap::new(), keys: HashSet::new(), flaw }
    }

    pub fn receive(&mut self, message: &Message, at: Millis, dice: &mut Dice, history: &mut History) -> Answer {
        let after = dice.chance(30).then(|| TimeDelta::milliseconds(dice.between(0, 900)));
        match self.mood {
            Mood::Well => {}
            Mood::Down => {
                history.seen.down += 1;
                return Answer::Down { after, reason: "connection refused".into() };
            }
            Mood::WrongSecret => {
                history.seen.credentials += 1;
                return Answer::Credentials { reason: "401".into() };
            }
            Mood::WrongEndpoint => return Answer::Contract { reason: "404 for the whole service".into() },
            Mood::Overloaded => return Answer::Temporary { after, reason: "503".into() },
        }
        // The key is the event; with the planted bug each try has its own.
        let key = (message.event, if self.flaw == Flaw::KeyPerTry { message.attempt } else { 0 });
        if self.flaw != Flaw::NoInboxKey && self.keys.contains(&key) {
            history.seen.repeated_keys += 1;
            return accepted(message);
        }
        match self.poison.get(&message.event) {
            Some(Poison::Refused) => {
                history.seen.refusals += 1;
                return Answer::Refused { reason: "the line is deleted".into() };
            }
            Some(Poison::Permanent) => return Answer::Permanent { reason: "not a document of this kind".into() },
            Some(Poison::Stubborn) => return Answer::Temporary { after: None, reason: "locked by a user".into() },
            None => {}
        }
        if !self.calm && dice.chance(6) {
            return Answer::Temporary { after, reason: "locked by a user".into() };
        }
        if !self.calm && dice.chance(2) {
            return Answer::Pending { reason: "queued there".into() };
        }
        self.keys.insert(key);
        let Message { event, subject, version, .. } = *message;
        history.effects.push(Effect { at, event, subject, version });
        // It has happened, and they say something else.
        if !self.calm && dice.chance(3) {
            return Answer::Temporary { after: None, reason: "502 after the fact".into() };
        }
        if !self.calm && dice.chance(2) {
            return Answer::Down { after: None, reason: "503 after the fact".into() };
        }
        accepted(message)
    }
}

fn accepted(message: &Message) -> Answer {
    Answer::Accepted { their_ref: Some(format!("D{}", message.event & 0xffff)) }
}
