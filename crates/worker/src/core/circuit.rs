//! Whether the *system* on the other side can be spoken to at all, apart from whether one *document* is welcome.
//!
//! ```text
//!            down · credentials · contract · several subjects fail in a row
//!   closed ───────────────────────────────────────────────────────────────► open (until …)
//!     ▲                                                                       │ the time has come, or a person
//!     │  the probe was answered                                               ▼ says "try now"
//!     └──────────────────────────────────────────────────────────────── half open: exactly one delivery
//!                                      the probe failed: open again, longer ──┘
//! ```
//!
//! After closing, the number of deliveries on their way grows from one, by one for each answer, up to the connection's
//! limit: a system that has just come back is not met by a stampede. Nothing here touches the log or consumes tries.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{Answer, CircuitNote, CircuitState, Fault, FaultClass, Ticket};
use crate::retry::Backoff;

/// How patient the circuit is.
#[derive(Clone, Copy, Debug)]
pub struct CircuitSettings {
    /// How long it stays open when the system is down: 5 s, 10 s … 5 min. Its `tries` are not used.
    pub backoff: Backoff,
    /// How long it stays open for a wrong secret or a wrong endpoint, which only a person mends: 15 min.
    pub slow: TimeDelta,
    /// So many subjects failing one after the other, with no answer between them, mean that it is the system.
    pub streak: usize,
}

impl Default for CircuitSettings {
    fn default() -> Self {
        Self {
            backoff: Backoff { ceiling: TimeDelta::minutes(5), ..Backoff::default() },
            slow: TimeDelta::minutes(15),
            streak: 5,
        }
    }
}

#[derive(Debug)]
enum State {
    Closed,
    Open { until: DateTime<Utc> },
    HalfOpen { probe: Option<Ticket> },
}

#[derive(Debug)]
pub(super) struct Circuit {
    settings: CircuitSettings,
    state: State,
    /// Why it is (or was last) open.
    fault: Option<Fault>,
    /// How often it has opened without having closed since.
    openings: u32,
    /// The subjects that failed since the last answer.
    streak: HashSet<Uuid>,
    most: usize,
    /// How many may be on their way at the moment, while closed.
    ramp: usize,
    changed: bool,
}

impl Circuit {
    /// Goes on from what the table says: an open circuit stays open when its owner changes.
    pub fn resume(settings: CircuitSettings, most: usize, note: Option<CircuitNote>) -> Self {
        let (state, ramp, fault) = match note {
            None | Some(CircuitNote { state: CircuitState::Closed, .. }) => (State::Closed, most, None),
            Some(CircuitNote { state: CircuitState::Open { until }, fault }) => (State::Open { until }, 1, fault),
            Some(CircuitNote { state: CircuitState::HalfOpen, fault }) => (State::HalfOpen { probe: None }, 1, fault),
        };
        let openings = u32::from(!matches!(state, State::Closed));
        Self { settings, state, fault, openings, streak: HashSet::new(), most, ramp, changed: false }
    }

    /// The time has come to try again.
    pub fn tick(&mut self, now: DateTime<Utc>) {
        if self.opens_at().is_some_and(|until| until <= now) {
            self.turn(State::HalfOpen { probe: None });
        }
    }

    /// How many more deliveries may be sent now.
    pub fn room(&self, on_their_way: usize) -> usize {
        match self.state {
            State::Closed => self.ramp.min(self.most).saturating_sub(on_their_way),
            State::Open { .. } | State::HalfOpen { probe: Some(_) } => 0,
            State::HalfOpen { probe: None } => 1,
        }
    }

    /// A delivery has been sent; in a half-open circuit it is the probe.
    pub fn sent(&mut self, ticket: Ticket) {
        if let State::HalfOpen { probe } = &mut self.state {
            *probe = Some(ticket);
        }
    }

    /// What an answer says about the system.
    pub fn heard(&mut self, ticket: Ticket, subject: Uuid, answer: &Answer, jitter: u64, now: DateTime<Utc>) {
        let probed = matches!(self.state, State::HalfOpen { probe: Some(probe) } if probe == ticket);
        // What was sent before the circuit opened says nothing new about it.
        if !probed && !matches!(self.state, State::Closed) {
            return;
        }
        let patience = self.settings.backoff;
        match answer {
            Answer::Accepted { .. } | Answer::Refused { .. } | Answer::Permanent { .. } => {
                self.streak.clear();
                self.openings = 0;
                if probed {
                    self.ramp = 1;
                    self.turn(State::Closed);
                } else {
                    self.ramp = (self.ramp + 1).min(self.most);
                }
            }
            Answer::Pending { .. } | Answer::Temporary { .. } => {
                self.streak.insert(subject);
                if probed || self.streak.len() >= self.settings.streak {
                    let asked = if let Answer::Temporary { after, .. } = answer { *after } else { None };
                    self.open(answer, now + patience.wait(self.openings + 1, asked, jitter));
                }
            }
            Answer::Down { after, .. } => self.open(answer, now + patience.wait(self.openings + 1, *after, jitter)),
            Answer::Credentials { .. } | Answer::Contract { .. } => self.open(answer, now + self.settings.slow),
        }
    }

    /// A person says "try now": the next delivery is the probe.
    pub fn try_now(&mut self) {
        if matches!(self.state, State::Open { .. }) {
            self.turn(State::HalfOpen { probe: None });
        }
    }

    /// When an open circuit half-opens.
    pub fn opens_at(&self) -> Option<DateTime<Utc>> {
        if let State::Open { until } = self.state { Some(until) } else { None }
    }

    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Open { .. })
    }

    pub fn has_changed(&self) -> bool {
        self.changed
    }

    /// What the table and the page should say, if that is news.
    pub fn take_note(&mut self) -> Option<CircuitNote> {
        std::mem::take(&mut self.changed).then(|| CircuitNote {
            state: match self.state {
                State::Closed => CircuitState::Closed,
                State::Open { until } => CircuitState::Open { until },
                State::HalfOpen { .. } => CircuitState::HalfOpen,
            },
            fault: self.fault.clone(),
        })
    }

    fn open(&mut self, answer: &Answer, until: DateTime<Utc>) {
        self.openings += 1;
        self.streak.clear();
        self.fault = answer.fault();
        self.turn(State::Open { until });
    }

    fn turn(&mut self, state: State) {
        if matches!(state, State::Closed) {
            self.fault = None;
        }
        self.state = state;
        self.changed = true;
    }
}

impl Answer {
    /// The fault in it, as the table keeps it; `None` for an accepted delivery.
    pub(super) fn fault(&self) -> Option<Fault> {
        let (class, message) = match self {
            Self::Accepted { .. } => return None,
            Self::Refused { reason } => (FaultClass::Refused, reason),
            Self::Pending { reason } => (FaultClass::Unknown, reason),
            Self::Temporary { reason, .. } => (FaultClass::Temporary, reason),
            Self::Down { reason, .. } => (FaultClass::Down, reason),
            Self::Credentials { reason } => (FaultClass::Credentials, reason),
            Self::Contract { reason } => (FaultClass::Contract, reason),
            Self::Permanent { reason } => (FaultClass::Permanent, reason),
        };
        Some(Fault { class, message: message.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = 4;

    fn clock(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).expect("a time in range")
    }

    fn circuit() -> Circuit {
        let backoff = Backoff { spread_percent: 0, ..CircuitSettings::default().backoff };
        Circuit::resume(CircuitSettings { backoff, ..CircuitSettings::default() }, MOST, None)
    }

    fn room(circuit: &mut Circuit, on_their_way: usize, seconds: i64) -> usize {
        circuit.tick(clock(seconds));
        circuit.room(on_their_way)
    }

    fn accepted() -> Answer {
        Answer::Accepted { their_ref: None }
    }

    fn down(after: Option<i64>) -> Answer {
        Answer::Down { after: after.map(TimeDelta::seconds), reason: "connection refused".into() }
    }

    fn temporary() -> Answer {
        Answer::Temporary { after: None, reason: "locked by a user".into() }
    }

    fn subject(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    #[test]
    fn a_system_that_is_down_is_asked_again_by_one_probe_and_later_each_time() {
        let mut circuit = circuit();
        circuit.heard(Ticket(1), subject(1), &down(None), 0, clock(0));
        assert_eq!(room(&mut circuit, 0, 4), 0);
        assert_eq!(room(&mut circuit, 0, 5), 1, "half open after 5 s");
        circuit.sent(Ticket(2));
        assert_eq!(room(&mut circuit, 1, 5), 0, "exactly one probe");
        circuit.heard(Ticket(2), subject(1), &down(None), 0, clock(6));
        assert_eq!((room(&mut circuit, 0, 15), room(&mut circuit, 0, 16)), (0, 1), "10 s the second time");
    }

    #[test]
    fn the_time_the_system_asks_for_is_honoured() {
        let mut circuit = circuit();
        circuit.heard(Ticket(1), subject(1), &down(Some(120)), 0, clock(0));
        assert_eq!((room(&mut circuit, 0, 119), room(&mut circuit, 0, 120)), (0, 1));
    }

    #[test]
    fn after_an_outage_the_number_on_their_way_grows_from_one() {
        let mut circuit = circuit();
        circuit.heard(Ticket(1), subject(1), &down(None), 0, clock(0));
        room(&mut circuit, 0, 5);
        circuit.sent(Ticket(2));
        let mut rooms = vec![];
        for ticket in 2..8 {
            circuit.heard(Ticket(ticket), subject(1), &accepted(), 0, clock(6));
            rooms.push(room(&mut circuit, 0, 6));
        }
        assert_eq!(rooms, [1, 2, 3, 4, 4, 4]);
    }

    #[test]
    fn a_wrong_secret_waits_for_a_person_or_the_slow_timer() {
        let mut circuit = circuit();
        circuit.heard(Ticket(1), subject(1), &Answer::Credentials { reason: "401".into() }, 0, clock(0));
        assert_eq!((room(&mut circuit, 0, 899), room(&mut circuit, 0, 900)), (0, 1));
        let mut circuit = self::circuit();
        circuit.heard(Ticket(1), subject(1), &Answer::Contract { reason: "404 for every path".into() }, 0, clock(0));
        circuit.try_now();
        assert_eq!(room(&mut circuit, 0, 1), 1);
    }

    #[test]
    fn several_subjects_failing_in_a_row_are_the_system_and_one_alone_is_not() {
        let mut alone = circuit();
        for _ in 0..20 {
            alone.heard(Ticket(1), subject(1), &temporary(), 0, clock(0));
        }
        assert!(!alone.is_open());
        let mut several = circuit();
        for number in 1..=4 {
            several.heard(Ticket(1), subject(number), &temporary(), 0, clock(0));
        }
        assert!(!several.is_open());
        several.heard(Ticket(1), subject(5), &temporary(), 0, clock(0));
        assert!(several.is_open());
    }

    #[test]
    fn any_answer_of_the_system_between_them_ends_the_streak() {
        let mut circuit = circuit();
        for number in 1..=20 {
            circuit.heard(Ticket(1), subject(number), &temporary(), 0, clock(0));
            if number % 4 == 0 {
                circuit.heard(Ticket(1), subject(99), &Answer::Refused { reason: "line deleted".into() }, 0, clock(0));
            }
        }
        assert!(!circuit.is_open());
    }

    #[test]
    fn an_answer_to_something_sent_before_it_opened_changes_nothing() {
        let mut circuit = circuit();
        circuit.heard(Ticket(1), subject(1), &down(None), 0, clock(0));
        circuit.heard(Ticket(0), subject(2), &accepted(), 0, clock(1));
        circuit.heard(Ticket(0), subject(3), &down(None), 0, clock(4));
        assert_eq!((room(&mut circuit, 0, 4), room(&mut circuit, 0, 5)), (0, 1));
    }

    #[test]
    fn what_changed_is_told_once() {
        let mut circuit = circuit();
        assert_eq!(circuit.take_note(), None);
        circuit.heard(Ticket(1), subject(1), &down(None), 0, clock(0));
        let note = circuit.take_note().expect("it has opened");
        assert_eq!(note.state, CircuitState::Open { until: clock(5) });
        assert_eq!(note.fault.expect("a reason").class, FaultClass::Down);
        assert_eq!(circuit.take_note(), None);
        let resumed =
            Circuit::resume(CircuitSettings::default(), MOST, Some(CircuitNote { state: note.state, fault: None }));
        assert_eq!(resumed.opens_at(), Some(clock(5)), "the next owner goes on waiting");
    }
}
