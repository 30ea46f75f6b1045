//! The event log and its writers' transactions, with PostgreSQL's rules of visibility.
//!
//! A transaction takes its id when it changes the subject's state row (which it keeps locked until it ends), then, some
//! time later, positions from the sequence, and ends, some time later still, in any order with others. So the order of
//! ids, of positions and of commits are three different orders.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::history::{Ended, History, Logged, Millis};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Running,
    Committed,
    RolledBack,
}

pub struct Snapshot {
    pub xmin: u64,
    pub xmax: u64,
}

#[derive(Default)]
pub struct Log {
    /// Index = position - 1.
    rows: Vec<Logged>,
    fates: HashMap<u64, Fate>,
    running: BTreeSet<u64>,
    last_assigned: u64,
    highest_completed: u64,
    versions: HashMap<u128, i64>,
    /// Subject → the transaction that holds its state row, with the version it has reached inside.
    locks: BTreeMap<u128, (u64, i64)>,
}

impl Log {
    pub fn begin(&mut self) -> u64 {
        self.last_assigned += 1;
        self.running.insert(self.last_assigned);
        self.fates.insert(self.last_assigned, Fate::Running);
        self.last_assigned
    }

    pub fn is_locked(&self, subject: u128) -> bool {
        self.locks.contains_key(&subject)
    }

    pub fn lock(&mut self, tx: u64, subject: u128) {
        let version = self.versions.get(&subject).copied().unwrap_or(0);
        self.locks.insert(subject, (tx, version));
    }

    /// Inserts an event of a locked subject.
    pub fn append(&mut self, tx: u64, subject: u128, wanted: bool, history: &mut History) {
        let Some((owner, version)) = self.locks.get_mut(&subject) else { return };
        assert_eq!(*owner, tx, "the simulation appends only under its own lock");
        *version += 1;
        let position = self.rows.len() as i64 + 1;
        let row = Logged { tx, position, event: 0xe000_0000 + position as u128, subject, version: *version, wanted };
        history.logged.push(row.clone());
        history.seen.events += 1;
        self.rows.push(row);
    }

    pub fn end(&mut self, tx: u64, commit: bool, at: Millis, history: &mut History) {
        self.running.remove(&tx);
        self.highest_completed = self.highest_completed.max(tx);
        self.fates.insert(tx, if commit { Fate::Committed } else { Fate::RolledBack });
        history.ended.push(Ended { at, tx, committed: commit });
        let versions = &mut self.versions;
        self.locks.retain(|subject, (owner, version)| {
            if *owner == tx && commit {
                versions.insert(*subject, *version);
            }
            *owner != tx
        });
    }

    /// As PostgreSQL builds it: xmax is one past the highest *completed* id, not past the highest assigned one.
    pub fn snapshot(&self) -> Snapshot {
        let xmax = self.highest_completed + 1;
        Snapshot { xmin: self.running.first().copied().unwrap_or(xmax).min(xmax), xmax }
    }

    /// A transaction id for the statement itself, over at once.
    pub fn fresh_id(&mut self) -> u64 {
        self.last_assigned += 1;
        self.highest_completed = self.last_assigned;
        self.last_assigned
    }

    pub fn highest_position(&self) -> i64 {
        self.rows.len() as i64
    }

    pub fn row(&self, position: i64) -> Option<&Logged> {
        self.rows.get(usize::try_from(position - 1).ok()?)
    }

    pub fn visible(&self, row: &Logged) -> bool {
        self.fates.get(&row.tx) == Some(&Fate::Committed)
    }

    /// Visible rows from `first` to `last`, ascending.
    pub fn visible_between(&self, first: i64, last: i64) -> impl Iterator<Item = &Logged> {
        (first..=last.min(self.highest_position()))
            .filter_map(|position| self.row(position))
            .filter(|row| self.visible(row))
    }

    pub fn nothing_runs(&self) -> bool {
        self.running.is_empty()
    }
}
