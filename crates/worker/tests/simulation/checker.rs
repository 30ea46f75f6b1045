//! The independent checker: reads the logs of the writers, of the tables, of the receiver and of the people, and says
//! what is wrong. It knows nothing of the core, not even its types.
//!
//! It proves those of the exchange's invariants that concern delivery:
//! 1. every committed wanted event takes effect exactly once, unless a person skipped it or it is parked;
//! 2. none of a transaction that was rolled back ever does, nor one that nobody subscribed to, nor one that was refused;
//! 3. per subject effects come 1, 2, 3 … without gap or swap, but for what a person skipped;
//! 5. after the faults have stopped the backlog comes to rest, and what is parked can be repaired;
//! 6. fence numbers are monotone, and no write of a deposed owner lands.
//!
//! And what the parts promise each other: one row per event, the rule of a lane, a cursor that passes nothing unfinished;
//! an owner sends one at a time per subject and no more than its limit at once, sends nothing that was finished when it
//! began or that it heard to be accepted (unless a person asks), and falls silent soon after it was replaced.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::history::{Effect, History, Logged, Millis, RowAfter, State, Table, Traffic};

/// All that is wrong with a schedule, in words; empty when nothing is.
pub fn check(history: &History) -> Vec<String> {
    let mut checker = Checker::new(history);
    checker.effects();
    checker.tables();
    checker.traffic();
    checker.end();
    checker.wrong
}

struct Checker<'a> {
    history: &'a History,
    /// When each transaction was committed.
    committed: HashMap<u64, Millis>,
    by_event: HashMap<u128, &'a Logged>,
    /// Committed wanted events per subject, by version.
    wanted: BTreeMap<u128, BTreeMap<i64, &'a Logged>>,
    /// The same by position.
    expected: BTreeMap<i64, &'a Logged>,
    took_effect: HashMap<u128, Vec<&'a Effect>>,
    table: BTreeMap<u64, RowAfter>,
    /// Per owner: what was finished when it began.
    finished: BTreeMap<i64, (Millis, HashSet<u128>)>,
    wrong: Vec<String>,
}

impl<'a> Checker<'a> {
    fn new(history: &'a History) -> Self {
        let committed: HashMap<u64, Millis> =
            history.ended.iter().filter(|end| end.committed).map(|end| (end.tx, end.at)).collect();
        let mut wanted: BTreeMap<u128, BTreeMap<i64, &Logged>> = BTreeMap::new();
        let mut expected = BTreeMap::new();
        for row in history.logged.iter().filter(|row| row.wanted && committed.contains_key(&row.tx)) {
            wanted.entry(row.subject).or_default().insert(row.version, row);
            expected.insert(row.position, row);
        }
        let mut took_effect: HashMap<u128, Vec<&Effect>> = HashMap::new();
        for effect in &history.effects {
            took_effect.entry(effect.event).or_default().push(effect);
        }
        let by_event = history.logged.iter().map(|row| (row.event, row)).collect();
        let (table, finished, wrong) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        Self { history, committed, by_event, wanted, expected, took_effect, table, finished, wrong }
    }

    fn skipped_before(&self, event: u128, at: Millis) -> bool {
        self.history.skips.iter().any(|skip| skip.event == event && skip.at <= at)
    }

    // ---- 1, 2, 3: what the receiver saw -------------------------------------------------------------------------

    fn effects(&mut self) {
        let mut done: HashMap<u128, HashSet<i64>> = HashMap::new();
        for effect in &self.history.effects {
            let Effect { at, event, subject, version } = *effect;
            let Some(logged) = self.by_event.get(&event) else {
                self.wrong.push(format!("an effect of an event that nobody wrote: {event:x}"));
                continue;
            };
            if logged.subject != subject || logged.version != version || !logged.wanted {
                self.wrong.push(format!("a wrong event took effect: {logged:?}"));
            }
            if self.committed.get(&logged.tx).is_none_or(|committed| *committed > at) {
                self.wrong.push(format!("an effect of an uncommitted event: {logged:?} at {at}"));
            }
            let before = done.entry(subject).or_default();
            let skipped_itself = self.skipped_before(event, at);
            if let Some(later) = before.iter().find(|done| **done > version)
                && !skipped_itself
            {
                self.wrong.push(format!("swap in subject {subject}: {version} after {later} at {at}"));
            }
            before.insert(version);
            let before = &done[&subject];
            let earlier = self.wanted.get(&subject).into_iter().flat_map(|versions| versions.range(..version));
            for (missing, logged) in earlier {
                if !before.contains(missing) && !self.skipped_before(logged.event, at) {
                    self.wrong
                        .push(format!("gap in subject {subject}: {version} took effect before {missing} at {at}"));
                }
            }
        }
        for (event, effects) in &self.took_effect {
            if effects.len() > 1 {
                self.wrong.push(format!("event {event:x} took effect {} times", effects.len()));
            }
        }
    }

    // ---- 6 and the tables ---------------------------------------------------------------------------------------

    fn tables(&mut self) {
        let (mut fence, mut cursor) = (0, 0);
        let mut rested = false;
        for (at, entry) in &self.history.tables {
            if !rested && *at >= self.history.drained_at && matches!(entry, Table::Person { .. }) {
                // The first act of the people who mend.
                rested = true;
                self.rest("after the faults stopped", false);
            }
            match entry {
                Table::Taken { fence: taken, rows } => {
                    if *taken <= fence {
                        self.wrong.push(format!("fence went from {fence} to {taken} at {at}"));
                    }
                    fence = *taken;
                    self.change(*at, rows);
                    let done =
                        |row: &&RowAfter| matches!(row.state, State::Delivered | State::Skipped) && !row.by_person;
                    let finished = self.table.values().filter(done).map(|row| row.event).collect();
                    self.finished.insert(fence, (*at, finished));
                }
                Table::Write { fence: writer, landed, cursor: moved, gaps, rows } => {
                    if *landed && *writer != fence {
                        self.wrong.push(format!("a write of owner {writer} landed at {at}, the owner is {fence}"));
                    }
                    if *landed {
                        self.change(*at, rows);
                        if *moved < cursor {
                            self.wrong.push(format!("the cursor went back from {cursor} to {moved} at {at}"));
                        }
                        cursor = *moved;
                        self.cursor(*at, cursor, gaps);
                    }
                }
                Table::Person { rows } => self.change(*at, rows),
            }
        }
        if !rested {
            self.rest("after the faults stopped", false);
        }
    }

    /// Takes over the changed rows and looks at their lanes.
    fn change(&mut self, at: Millis, rows: &[RowAfter]) {
        for row in rows {
            let before = self.table.insert(row.row, row.clone());
            if before.is_some_and(|before| before.state == State::Delivered && row.state != State::Delivered) {
                self.wrong.push(format!("a delivered row became {:?} at {at}", row.state));
            }
            let twin = |other: &&RowAfter| other.event == row.event && !other.by_person && other.row != row.row;
            if !row.by_person && self.table.values().any(|other| twin(&other)) {
                self.wrong.push(format!("two rows for event {:x} at {at}", row.event));
            }
        }
        let subjects: HashSet<u128> = rows.iter().map(|row| row.subject).collect();
        for subject in subjects {
            let unfinished = |row: &&RowAfter| {
                row.subject == subject && matches!(row.state, State::Retrying | State::Parked | State::Held)
            };
            let mut lane: Vec<&RowAfter> = self.table.values().filter(unfinished).collect();
            lane.sort_by_key(|row| (row.by_person, row.position, row.row));
            let head = lane.first().filter(|row| !row.by_person).map(|row| row.row);
            for row in lane {
                let is_head = head == Some(row.row);
                let right = match row.state {
                    State::Held => !is_head && head.is_some(),
                    State::Parked => is_head || row.by_person,
                    _ => is_head || head.is_none(),
                };
                if !right {
                    self.wrong.push(format!("lane {subject} at {at}: {row:?}, head is row {head:?}"));
                }
            }
        }
    }

    /// Nothing at or below the cursor may be without a row, unless it is in a gap.
    fn cursor(&mut self, at: Millis, cursor: i64, gaps: &[(i64, i64)]) {
        let rows: HashSet<u128> = self.table.values().filter(|row| !row.by_person).map(|row| row.event).collect();
        for (position, logged) in self.expected.range(..=cursor) {
            let in_gap = gaps.iter().any(|(first, last)| (first..=last).contains(&position));
            if !in_gap && !rows.contains(&logged.event) {
                self.wrong.push(format!("the cursor {cursor} passed position {position} at {at}"));
            }
        }
    }

    // ---- what owners send ---------------------------------------------------------------------------------------

    fn traffic(&mut self) {
        let mut on_their_way: HashMap<i64, HashSet<u128>> = HashMap::new();
        for (at, traffic) in &self.history.traffic {
            match *traffic {
                Traffic::Sent { fence, event, subject, by_person } => {
                    let lanes = on_their_way.entry(fence).or_default();
                    if !lanes.insert(subject) {
                        self.wrong.push(format!("owner {fence} sent two of subject {subject} at once at {at}"));
                    }
                    if lanes.len() > self.history.most_on_their_way {
                        self.wrong.push(format!("owner {fence} sent {} at once at {at}", lanes.len()));
                    }
                    let replaced = self.finished.range(fence + 1..).next().map(|(_, (replaced, _))| *replaced);
                    // One that has been replaced may see rows that its successor wrote; the receiver's key is for that.
                    let finished = self.finished.get(&fence).is_some_and(|(_, finished)| finished.contains(&event));
                    if finished && !by_person && replaced.is_none_or(|replaced| *at < replaced) {
                        self.wrong.push(format!("owner {fence} repeated the finished event {event:x} at {at}"));
                    }
                    if replaced.is_some_and(|replaced| *at > replaced + self.history.trust) {
                        self.wrong.push(format!("owner {fence} still sent at {at}, replaced at {replaced:?}"));
                    }
                }
                Traffic::Heard { fence, event, subject, accepted } => {
                    on_their_way.entry(fence).or_default().remove(&subject);
                    if let Some((_, finished)) = self.finished.get_mut(&fence).filter(|_| accepted) {
                        finished.insert(event);
                    }
                }
            }
        }
    }

    // ---- 5 and 1: how it ended ----------------------------------------------------------------------------------

    fn end(&mut self) {
        self.rest("after everything parked was repaired", true);
    }

    fn rest(&mut self, when: &str, repaired: bool) {
        let rows: HashMap<u128, &RowAfter> =
            self.table.values().filter(|row| !row.by_person).map(|row| (row.event, row)).collect();
        let until = if repaired { self.history.effects.len() } else { self.history.drained_effects };
        let happened: HashSet<u128> = self.history.effects[..until].iter().map(|effect| effect.event).collect();
        for row in self.table.values().filter(|row| row.by_person) {
            let resting = matches!(row.state, State::Delivered | State::Skipped)
                || (!repaired && matches!(row.state, State::Parked | State::Held));
            if !resting {
                self.wrong.push(format!("{when}: backlog: {row:?}"));
            }
        }
        for logged in self.expected.values() {
            let effect = happened.contains(&logged.event);
            let wrong = match rows.get(&logged.event).map(|row| (row.state, row.refused)) {
                None => Some("lost: it has no row"),
                Some((State::Delivered, _)) if !effect => Some("lost: delivered without effect"),
                Some((State::Delivered | State::Skipped, _)) => None,
                Some((State::Retrying, _)) => Some("backlog: still retrying"),
                Some((State::Parked | State::Held, _)) if repaired => Some("backlog: not repaired"),
                Some((State::Parked, true)) if effect => Some("refused, and took effect"),
                Some((State::Parked | State::Held, _)) => None,
            };
            if let Some(wrong) = wrong {
                self.wrong.push(format!("{when}: {wrong}: {logged:?}"));
            }
        }
    }
}
