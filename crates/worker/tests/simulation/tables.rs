//! The tables of the exchange as the core is promised them: `delivery`, `connection_reader` with cursor, gaps, circuit
//! and fence, and the owner's lock. Each function here is one transaction.
//!
//! This is also the model for the SQL: what `settle`, `write`, `due` and `lanes` do here, the store's statements do.

use std::collections::{BTreeSet, HashSet};

use chrono::{DateTime, Utc};
use uuid::Uuid;
use worker::core::{
    Batch, CircuitNote, Event, FaultClass, Fence, Gap, Gate, Outcome, Position, Standing, Start, StoredDelivery,
    Verdict,
};

use super::flaws::Flaw;
use super::history::{History, Millis, RowAfter, Skip, State, Table};
use super::log::Log;

pub struct Row {
    pub id: u64,
    pub event: u128,
    pub subject: u128,
    pub position: i64,
    pub version: i64,
    pub by_person: bool,
    pub state: State,
    pub attempts: u32,
    pub next_attempt_at: DateTime<Utc>,
    pub class: Option<FaultClass>,
}

impl Row {
    fn unfinished(&self) -> bool {
        matches!(self.state, State::Retrying | State::Parked | State::Held)
    }

    fn stored(&self, now: DateTime<Utc>) -> StoredDelivery<()> {
        StoredDelivery {
            delivery_id: Uuid::from_u128(self.id.into()),
            event: Event {
                position: Position(self.position),
                event_id: Uuid::from_u128(self.event),
                subject: Uuid::from_u128(self.subject),
                version: self.version,
                cargo: (),
            },
            attempts: self.attempts,
            by_person: self.by_person,
            standing: match self.state {
                State::Retrying if self.next_attempt_at <= now => Standing::Due,
                State::Held => Standing::Held,
                _ => Standing::Waiting,
            },
        }
    }
}

pub struct Tables {
    pub flaw: Flaw,
    pub rows: Vec<Row>,
    pub fence: i64,
    pub cursor: i64,
    pub gaps: Vec<Gap>,
    pub circuit: Option<CircuitNote>,
}

impl Tables {
    pub fn new(flaw: Flaw) -> Self {
        Self { flaw, rows: Vec::new(), fence: 0, cursor: 0, gaps: Vec::new(), circuit: None }
    }

    /// A new owner: raise the fence, settle, load. One transaction.
    pub fn take(
        &mut self,
        gate: Gate,
        seed: u64,
        log: &Log,
        at: Millis,
        now: DateTime<Utc>,
        history: &mut History,
    ) -> Start {
        self.fence += 1;
        let troubled: BTreeSet<u128> =
            self.rows.iter().filter(|row| row.unfinished() && !row.by_person).map(|row| row.subject).collect();
        let mut changed = BTreeSet::new();
        for &subject in &troubled {
            self.settle(subject, now, &mut changed);
        }
        history.tables.push((at, Table::Taken { fence: self.fence, rows: self.after(&changed) }));
        history.seen.takeovers += 1;
        let above = |row: &&Row| {
            let in_gap = |gap: &Gap| (gap.first.0..=gap.last.0).contains(&row.position);
            !row.by_person && (row.position > self.cursor || self.gaps.iter().any(in_gap))
        };
        let settled: HashSet<Uuid> = self.rows.iter().filter(above).map(|row| Uuid::from_u128(row.event)).collect();
        let troubled: Vec<Uuid> = troubled.into_iter().map(Uuid::from_u128).collect();
        let gaps = if self.flaw == Flaw::ForgottenGaps { Vec::new() } else { self.gaps.clone() };
        debug_assert!(log.highest_position() >= self.cursor);
        Start {
            fence: Fence(self.fence),
            cursor: Position(self.cursor),
            gaps,
            troubled: if self.flaw == Flaw::ForgottenTrouble { Vec::new() } else { troubled },
            settled,
            circuit: self.circuit.clone(),
            gate,
            seed,
        }
    }

    /// One batch, if the fence allows it. `torn` is where a planted bug lets it break off.
    pub fn write(
        &mut self,
        batch: &Batch,
        torn: Option<usize>,
        at: Millis,
        now: DateTime<Utc>,
        history: &mut History,
    ) -> bool {
        let gaps: Vec<(i64, i64)> = batch.gaps.iter().map(|gap| (gap.first.0, gap.last.0)).collect();
        let landed = batch.fence.0 == self.fence || self.flaw == Flaw::IgnoredFence;
        let mut changed = BTreeSet::new();
        if landed {
            self.cursor = batch.cursor.0;
            self.gaps.clone_from(&batch.gaps);
            if let Some(note) = &batch.circuit {
                self.circuit = Some(note.clone());
            }
            let mut touched = BTreeSet::new();
            for outcome in batch.outcomes.iter().take(torn.unwrap_or(usize::MAX)) {
                self.finish(outcome, &mut changed);
                touched.insert(outcome.subject.as_u128());
            }
            for subject in touched {
                self.settle(subject, now, &mut changed);
            }
        } else {
            history.seen.writes_fenced += 1;
        }
        let rows = self.after(&changed);
        let (fence, cursor) = (batch.fence.0, batch.cursor.0);
        history.tables.push((at, Table::Write { fence, landed, cursor, gaps, rows }));
        landed
    }

    /// `on conflict do nothing` for a new row, `where state in (unfinished)` for an old one: only a success is written
    /// over what a person has decided meanwhile.
    fn finish(&mut self, outcome: &Outcome, changed: &mut BTreeSet<u64>) {
        let id = match outcome.delivery_id {
            Some(id) => id.as_u128() as u64,
            None => {
                let event = outcome.event_id.as_u128();
                if self.rows.iter().any(|row| row.event == event && !row.by_person) && self.flaw != Flaw::IgnoredFence {
                    return;
                }
                self.add(event, outcome.subject.as_u128(), outcome.position.0, outcome.version, false)
            }
        };
        let Some(row) = self.row_mut(id) else { return };
        let delivered = matches!(outcome.verdict, Verdict::Delivered { .. });
        if !row.unfinished() && !delivered {
            return;
        }
        row.attempts = outcome.attempts;
        match &outcome.verdict {
            Verdict::Delivered { .. } => row.state = State::Delivered,
            Verdict::Retrying { next_attempt_at, fault } => {
                row.state = State::Retrying;
                row.next_attempt_at = *next_attempt_at;
                row.class = Some(fault.class);
            }
            Verdict::Parked { fault } => {
                row.state = State::Parked;
                row.class = Some(fault.class);
            }
            Verdict::Held => row.state = State::Held,
        }
        changed.insert(id);
    }

    /// The one rule of a lane: its first unfinished row from the log is retrying or parked, all others are held; rows of
    /// people wait as long as there is one, and are due otherwise.
    fn settle(&mut self, subject: u128, now: DateTime<Utc>, changed: &mut BTreeSet<u64>) {
        let parked_passes = self.flaw == Flaw::ParkedLetsPass;
        let counts = |row: &&Row| {
            row.subject == subject
                && !row.by_person
                && row.unfinished()
                && !(parked_passes && row.state == State::Parked)
        };
        let head = self.rows.iter().filter(counts).min_by_key(|row| row.position).map(|row| row.id);
        let promotes = self.flaw != Flaw::NoPromotion;
        for row in self.rows.iter_mut().filter(|row| row.subject == subject && row.unfinished()) {
            let waits = if row.by_person { head.is_some() } else { head != Some(row.id) };
            match row.state {
                State::Held if !waits && promotes => {
                    row.state = State::Retrying;
                    row.next_attempt_at = now;
                }
                State::Retrying if waits => row.state = State::Held,
                State::Parked if waits && !row.by_person && !parked_passes => row.state = State::Held,
                _ => continue,
            }
            changed.insert(row.id);
        }
    }

    pub fn due(&self, limit: usize, now: DateTime<Utc>) -> Vec<StoredDelivery<()>> {
        let is_due = |row: &&Row| row.state == State::Retrying && row.next_attempt_at <= now;
        let mut due: Vec<&Row> = self.rows.iter().filter(is_due).collect();
        due.sort_by_key(|row| (row.next_attempt_at, row.id));
        due.into_iter().take(limit).map(|row| row.stored(now)).collect()
    }

    pub fn lanes(&self, subjects: &[Uuid], limit: usize, now: DateTime<Utc>) -> Vec<StoredDelivery<()>> {
        let mut found = Vec::new();
        for subject in subjects {
            let in_lane = |row: &&Row| row.subject == subject.as_u128() && !row.by_person && row.unfinished();
            let mut lane: Vec<&Row> = self.rows.iter().filter(in_lane).collect();
            lane.sort_by_key(|row| row.position);
            if self.flaw == Flaw::ParkedLetsPass {
                lane.retain(|row| row.state != State::Parked);
            }
            found.extend(lane.into_iter().take(limit).map(|row| row.stored(now)));
        }
        found
    }

    // ---- people ------------------------------------------------------------------------------------------------

    pub fn retry(&mut self, id: u64, at: Millis, now: DateTime<Utc>, history: &mut History) {
        let Some(row) = self.row_mut(id).filter(|row| row.state == State::Parked) else { return };
        row.state = State::Retrying;
        row.next_attempt_at = now;
        row.attempts = 0;
        history.seen.retries += 1;
        self.acted(id, at, now, history);
    }

    pub fn skip(&mut self, id: u64, at: Millis, now: DateTime<Utc>, history: &mut History) {
        let Some(row) = self.row_mut(id).filter(|row| row.unfinished()) else { return };
        row.state = State::Skipped;
        if !row.by_person {
            let event = row.event;
            history.skips.push(Skip { at, event });
        }
        history.seen.skips += 1;
        self.acted(id, at, now, history);
    }

    /// Another trip for an event that has been delivered.
    pub fn resend(&mut self, id: u64, at: Millis, now: DateTime<Utc>, history: &mut History) {
        let Some(row) = self.row_mut(id).filter(|row| row.state == State::Delivered) else { return };
        let (event, subject, position, version) = (row.event, row.subject, row.position, row.version);
        let id = self.add(event, subject, position, version, true);
        history.seen.resends += 1;
        self.acted(id, at, now, history);
    }

    fn acted(&mut self, id: u64, at: Millis, now: DateTime<Utc>, history: &mut History) {
        let mut changed = BTreeSet::from([id]);
        if let Some(subject) = self.row_mut(id).map(|row| row.subject) {
            self.settle(subject, now, &mut changed);
        }
        history.tables.push((at, Table::Person { rows: self.after(&changed) }));
    }

    // ---- rows --------------------------------------------------------------------------------------------------

    fn add(&mut self, event: u128, subject: u128, position: i64, version: i64, by_person: bool) -> u64 {
        let id = self.rows.len() as u64 + 1;
        let next_attempt_at = DateTime::UNIX_EPOCH;
        let state = State::Held;
        self.rows.push(Row {
            id,
            event,
            subject,
            position,
            version,
            by_person,
            state,
            attempts: 0,
            next_attempt_at,
            class: None,
        });
        id
    }

    fn row_mut(&mut self, id: u64) -> Option<&mut Row> {
        self.rows.get_mut(usize::try_from(id.checked_sub(1)?).ok()?)
    }

    fn after(&self, changed: &BTreeSet<u64>) -> Vec<RowAfter> {
        let changed = changed.iter().filter_map(|id| self.rows.get(*id as usize - 1));
        changed
            .map(|row| RowAfter {
                row: row.id,
                event: row.event,
                subject: row.subject,
                position: row.position,
                by_person: row.by_person,
                state: row.state,
                refused: matches!(row.class, Some(FaultClass::Refused | FaultClass::Permanent)),
            })
            .collect()
    }

    pub fn is_by_person(&self, id: Uuid) -> bool {
        self.rows.iter().any(|row| u128::from(row.id) == id.as_u128() && row.by_person)
    }

    pub fn has_row(&self, event: u128) -> bool {
        self.rows.iter().any(|row| row.event == event && !row.by_person)
    }

    /// Nothing left but what is delivered, decided, parked, or held behind something parked.
    pub fn at_rest(&self) -> bool {
        self.rows.iter().all(|row| row.state != State::Retrying)
    }

    pub fn rows_in(&self, state: State) -> Vec<u64> {
        self.rows.iter().filter(|row| row.state == state).map(|row| row.id).collect()
    }
}
