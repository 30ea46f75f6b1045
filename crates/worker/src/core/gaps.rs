//! Reading an append-only log without losing what commits late: the gap list.
//!
//! Positions are handed out when a row is inserted, but rows become visible when their transaction commits. So a reader
//! that only remembers "I am at 17" loses 16 when 16 commits after 17. Waiting for the oldest open transaction would
//! lose nothing and stop everything. Instead this list remembers the positions that were missing, lets everything else
//! pass, and looks for the missing ones again with each read:
//!
//! - **found**: its transaction has committed; the row is handed on;
//! - **dropped**: its transaction can no longer be running and the row is still not there, so it was rolled back.
//!
//! *When* can it no longer be running? Each log row takes its transaction id **before** its position. Some higher
//! position was already visible when the gap was noticed, so the missing one's id was assigned before that moment. An
//! id that the database assigns *after* that moment (the [`Snapshot::horizon`]) is therefore greater, and once every id
//! below the horizon has ended (`horizon <= xmin` of the very snapshot that looked again), the gap is an empty one.
//!
//! The snapshot's own `xmax` must **not** be used as horizon: in PostgreSQL it is "one past the highest *completed* id",
//! and the missing row's transaction may have a higher id that is still open. (Transaction 725 and 726 begin, 726 takes
//! position 1, 725 takes position 2 and commits: a reader sees xmin = xmax = 726 and would drop position 1 at once.
//! Tried on PostgreSQL 15; the simulation has it as a planted bug.)

use std::collections::BTreeMap;

use super::Position;

/// A run of positions that are missing for the same reason: noticed together, next to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gap {
    /// The first missing position.
    pub first: Position,
    /// The last missing position (inclusive; the same as `first` for a single one).
    pub last: Position,
    /// Greater than the id of every transaction that may still fill the gap.
    pub horizon: u64,
}

impl Gap {
    /// A position whose row has been seen but is not finished: whoever looks again will find it.
    pub(super) fn seen(position: Position) -> Self {
        Self { first: position, last: position, horizon: 0 }
    }
}

/// What one reading statement knew about other transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Every transaction with a lower id has ended, and the statement saw its rows if it was committed.
    pub xmin: u64,
    /// Greater than every id that had been assigned when the statement took its snapshot: the statement's own
    /// `pg_current_xact_id()`. Only looked at when the page has holes, so that a quiet reader burns no ids.
    pub horizon: u64,
}

/// Where the reader is, and what it has passed without having seen it.
#[derive(Clone, Debug)]
pub struct GapList {
    read_to: Position,
    /// By first position; runs never overlap.
    open: BTreeMap<Position, (Position, u64)>,
}

impl GapList {
    /// Goes on from what the last owner of the connection wrote down.
    pub fn resume(cursor: Position, gaps: impl IntoIterator<Item = Gap>) -> Self {
        Self { read_to: cursor, open: gaps.into_iter().map(|gap| (gap.first, (gap.last, gap.horizon))).collect() }
    }

    /// The highest position seen.
    pub fn read_to(&self) -> Position {
        self.read_to
    }

    /// The gaps that are still open, in order.
    pub fn open(&self) -> impl Iterator<Item = Gap> + '_ {
        self.open.iter().map(|(&first, &(last, horizon))| Gap { first, last, horizon })
    }

    /// How many runs are open.
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// Nothing is missing.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Takes in what one statement saw: rows at open gaps and rows beyond [`Self::read_to`], both ascending.
    ///
    /// `looked_everywhere` is false when the look into the gaps was cut off by its limit: then nothing is dropped.
    pub fn saw(&mut self, found: &[Position], beyond: &[Position], looked_everywhere: bool, snapshot: Snapshot) {
        for &position in found {
            self.close(position);
        }
        if looked_everywhere {
            self.open.retain(|_, (_, horizon)| *horizon > snapshot.xmin);
        }
        for &position in beyond {
            if position > self.read_to.next() {
                self.open.insert(self.read_to.next(), (position.before(), snapshot.horizon));
            }
            self.read_to = self.read_to.max(position);
        }
    }

    /// Takes one position out of the run it is in.
    fn close(&mut self, position: Position) {
        let Some((&first, &(last, horizon))) = self.open.range(..=position).next_back() else { return };
        if position > last {
            return;
        }
        self.open.remove(&first);
        if first < position {
            self.open.insert(first, (position.before(), horizon));
        }
        if position < last {
            self.open.insert(position.next(), (last, horizon));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn positions(numbers: &[i64]) -> Vec<Position> {
        numbers.iter().copied().map(Position).collect()
    }

    fn open(list: &GapList) -> Vec<(i64, i64, u64)> {
        list.open().map(|gap| (gap.first.0, gap.last.0, gap.horizon)).collect()
    }

    fn at(xmin: u64, horizon: u64) -> Snapshot {
        Snapshot { xmin, horizon }
    }

    #[test]
    fn missing_positions_are_noted_and_do_not_stop_the_reader() {
        let mut list = GapList::resume(Position(10), []);
        list.saw(&[], &positions(&[11, 14, 15, 17]), true, at(100, 110));
        assert_eq!(open(&list), [(12, 13, 110), (16, 16, 110)]);
        assert_eq!(list.read_to(), Position(17));
    }

    #[test]
    fn a_found_position_leaves_the_rest_of_its_run_open() {
        let mut list = GapList::resume(Position(0), [Gap { first: Position(1), last: Position(5), horizon: 50 }]);
        list.saw(&positions(&[3]), &[], true, at(40, 60));
        assert_eq!(open(&list), [(1, 2, 50), (4, 5, 50)]);
        list.saw(&positions(&[1, 2, 5]), &[], true, at(40, 60));
        assert_eq!(open(&list), [(4, 4, 50)]);
    }

    #[test]
    fn a_gap_is_dropped_only_when_everyone_who_could_fill_it_has_ended() {
        let mut list = GapList::resume(Position(0), [Gap { first: Position(1), last: Position(1), horizon: 50 }]);
        list.saw(&[], &[], true, at(49, 60));
        assert_eq!(open(&list).len(), 1, "transaction 49 may still commit it");
        list.saw(&[], &[], false, at(50, 60));
        assert_eq!(open(&list).len(), 1, "the look was cut off, so not finding it means nothing");
        list.saw(&[], &[], true, at(50, 60));
        assert_eq!(open(&list), []);
    }

    #[test]
    fn a_hole_seen_for_the_first_time_is_never_dropped_by_the_same_look() {
        let mut list = GapList::resume(Position(0), []);
        list.saw(&[], &positions(&[2]), true, at(726, 727));
        assert_eq!(open(&list), [(1, 1, 727)]);
    }

    #[test]
    fn what_was_not_missing_cannot_be_found() {
        let mut list = GapList::resume(Position(9), [Gap { first: Position(4), last: Position(5), horizon: 1 }]);
        list.saw(&positions(&[2, 6, 9]), &[], false, at(0, 0));
        assert_eq!(open(&list), [(4, 5, 1)]);
    }
}
