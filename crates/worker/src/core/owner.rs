//! The owner of one connection: takes in what happened, decides what to send and what to write.
//!
//! Read it top down: [`Core::step`] is the whole life. First the input is taken in, then the lanes that are ready are
//! given what room there is, then, if no request is out, the store is asked for the next thing, in turn: write what
//! happened, load the next rows of lanes that were drained, load what is due, read the log.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::circuit::{Circuit, CircuitSettings};
use super::lane::Lane;
use super::{
    Answer, Batch, Decision, Delivery, Event, Failure, Fault, Fence, Gap, GapList, Gate, Input, LogRow, Outcome, Page,
    Position, Request, RowInHand, Standing, Start, StoredDelivery, Task, Ticket, Verdict,
};
use crate::retry::{Backoff, scatter};

/// How much one owner takes on at a time, and how patient it is.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Events from the log held in memory at most (a page more for a moment).
    pub window: usize,
    /// Log rows read at a time.
    pub page: usize,
    /// Deliveries on their way at once: the connection's limit.
    pub max_in_flight: usize,
    /// Stored rows held in memory at most before more due ones are loaded.
    pub due: usize,
    /// Lanes loaded at a time.
    pub lanes: usize,
    /// Rows of each lane loaded at a time.
    pub lane_rows: usize,
    /// How often to look into the log and among the due rows when nobody pokes.
    pub poll: TimeDelta,
    /// How long a moved cursor may stay unwritten when there is nothing else to write.
    pub cursor_after: TimeDelta,
    /// How long the store may be silent before nothing more is sent.
    pub trust: TimeDelta,
    /// When a failed delivery is tried again.
    pub backoff: Backoff,
    /// When a failing system is tried again.
    pub circuit: CircuitSettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            window: 8192,
            page: 2048,
            max_in_flight: 8,
            due: 256,
            lanes: 64,
            lane_rows: 64,
            poll: TimeDelta::milliseconds(50),
            cursor_after: TimeDelta::seconds(1),
            trust: TimeDelta::seconds(10),
            backoff: Backoff::default(),
            circuit: CircuitSettings::default(),
        }
    }
}

/// The store request that is out.
#[derive(Debug)]
enum Asked {
    Write {
        /// Lanes that this write allows to go on with their next rows.
        drained: Vec<Uuid>,
        /// Rows that memory may forget when it has landed.
        rows: Vec<Uuid>,
    },
    Lanes {
        subjects: Vec<Uuid>,
    },
    Due {
        limit: usize,
    },
    Read {
        limit: usize,
    },
}

/// The kinds of request, in the order of their turns: write, lanes, due, read. See [`Core::ask_for_lanes`] for why lanes
/// come right after writing.
const TURNS: usize = 4;

/// The one owner of one connection. `P` is what the shell needs to send an event; see [`Event`].
#[derive(Debug)]
pub struct Core<P> {
    settings: Settings,
    fence: Fence,
    deposed: bool,
    gate: Gate,
    circuit: Circuit,
    seed: u64,

    gaps: GapList,
    /// Events from the log that are in memory and have neither an outcome nor a row.
    pending: BTreeSet<Position>,
    /// Events that had a row before this owner began.
    settled: HashSet<Uuid>,
    /// As last written, or being written.
    cursor: Position,
    /// The cursor or the gaps may have moved since.
    moved: bool,

    lanes: HashMap<Uuid, Lane<P>>,
    /// Lanes that may send, in turn.
    ready: VecDeque<Uuid>,
    on_their_way: HashMap<Ticket, Uuid>,
    tickets: u64,
    /// Rows in memory: queued, on their way, or with an outcome that is not written yet.
    rows: HashSet<Uuid>,

    outcomes: Vec<Outcome>,
    /// Lanes in trouble that were drained by an outcome that is not written yet.
    drained: Vec<Uuid>,
    /// The same, written: the next rows can be loaded.
    to_load: VecDeque<Uuid>,

    asked: Option<Asked>,
    asked_at: DateTime<Utc>,
    /// Whose turn it was last.
    turn: usize,
    /// When the last question was asked to which the store said that the fence is still ours.
    trusted_at: DateTime<Utc>,
    written_at: DateTime<Utc>,
    /// When to look into the log, and among the due rows.
    read_at: DateTime<Utc>,
    due_at: DateTime<Utc>,
    /// The last page was full, so there is more.
    more: bool,
    /// Somebody poked while a look was under way, which may have been too early to see what he meant.
    look_again: bool,
}

impl<P: Clone> Core<P> {
    /// A new owner, just after it has taken the connection and loaded how things stand.
    pub fn start(settings: Settings, start: Start, now: DateTime<Utc>) -> Self {
        let Start { fence, cursor, gaps, troubled, settled, circuit, gate, seed } = start;
        Self {
            settings,
            fence,
            deposed: false,
            gate,
            circuit: Circuit::resume(settings.circuit, settings.max_in_flight, circuit),
            seed,
            gaps: GapList::resume(cursor, gaps),
            pending: BTreeSet::new(),
            settled,
            cursor,
            moved: false,
            lanes: troubled.into_iter().map(|subject| (subject, Lane::in_trouble())).collect(),
            ready: VecDeque::new(),
            on_their_way: HashMap::new(),
            tickets: 0,
            rows: HashSet::new(),
            outcomes: Vec::new(),
            drained: Vec::new(),
            to_load: VecDeque::new(),
            asked: None,
            asked_at: now,
            turn: 0,
            trusted_at: now,
            written_at: now,
            read_at: now,
            due_at: now,
            more: false,
            look_again: false,
        }
    }

    /// Takes in one thing that happened, and decides what to do now.
    pub fn step(&mut self, input: Input<P>, now: DateTime<Utc>) -> Vec<Decision<P>> {
        let mut decisions = Vec::new();
        if !self.deposed {
            self.take(input, now);
        }
        if !self.deposed {
            self.circuit.tick(now);
            self.send(now, &mut decisions);
            decisions.extend(self.ask(now).map(Decision::Ask));
        }
        decisions
    }

    /// When to step with [`Input::Tick`] if nothing else happens before. `None`: not before something else happens.
    pub fn wake_at(&self) -> Option<DateTime<Utc>> {
        if self.deposed {
            return None;
        }
        let store = [
            Some(self.read_at),
            self.wants_due().then_some(self.due_at),
            self.moved.then_some(self.written_at + self.settings.cursor_after),
        ];
        let store = store.into_iter().flatten().min().filter(|_| self.asked.is_none());
        store.into_iter().chain(self.circuit.opens_at()).min()
    }

    /// Somebody else owns the connection; this core will never decide anything again.
    pub fn is_deposed(&self) -> bool {
        self.deposed
    }

    /// Nothing on its way, nothing to write, no request out: a paused owner may let go of the connection.
    pub fn is_quiet(&self) -> bool {
        self.on_their_way.is_empty() && self.asked.is_none() && !self.has_news()
    }

    /// How many deliveries are in memory: events from the log, and stored rows.
    pub fn load(&self) -> (usize, usize) {
        (self.pending.len(), self.rows.len())
    }

    fn take(&mut self, input: Input<P>, now: DateTime<Utc>) {
        match input {
            Input::Tick => {}
            Input::Poke => {
                self.read_at = now;
                self.due_at = now;
                self.look_again = matches!(self.asked, Some(Asked::Read { .. } | Asked::Due { .. }));
            }
            Input::Page(page) => {
                if let Some(Asked::Read { limit }) = self.asked.take() {
                    self.trusted_at = self.asked_at;
                    self.take_page(page, limit, now);
                }
            }
            Input::Due(rows) => {
                if let Some(Asked::Due { limit }) = self.asked.take() {
                    self.take_due(rows, limit, now);
                }
            }
            Input::Lanes(rows) => {
                if let Some(Asked::Lanes { subjects }) = self.asked.take() {
                    self.take_lanes(subjects, rows);
                }
            }
            Input::Written => {
                if let Some(Asked::Write { drained, rows }) = self.asked.take() {
                    self.trusted_at = self.asked_at;
                    self.take_written(drained, &rows, now);
                }
            }
            Input::Fenced => self.step_down(),
            Input::Answered { ticket, answer, took } => self.take_answer(ticket, answer, took, now),
            Input::Gate(gate) => self.gate = gate,
            Input::TryNow => self.circuit.try_now(),
        }
    }

    fn step_down(&mut self) {
        self.deposed = true;
        self.lanes.clear();
        self.ready.clear();
        self.on_their_way.clear();
        self.outcomes.clear();
        self.asked = None;
    }

    // ---- from the log ------------------------------------------------------------------------------------------

    fn take_page(&mut self, mut page: Page<P>, limit: usize, now: DateTime<Utc>) {
        let positions = |rows: &[LogRow<P>]| rows.iter().map(|row| row.position).collect::<Vec<_>>();
        let cut_off = page.found.len() >= limit;
        if cut_off {
            // A gap may still hide an earlier event of the same subject: nothing beyond is taken before all are seen.
            page.beyond.clear();
        }
        let gaps_before = self.gaps.len();
        self.gaps.saw(&positions(&page.found), &positions(&page.beyond), !cut_off, page.snapshot);
        self.moved |= !page.found.is_empty() || !page.beyond.is_empty() || self.gaps.len() != gaps_before;
        self.more = cut_off || page.beyond.len() >= limit;
        self.read_at = self.next_look(now);
        for event in page.found.into_iter().chain(page.beyond).filter_map(|row| row.wanted) {
            if !self.settled.remove(&event.event_id) {
                self.take_event(event, now);
            }
        }
    }

    fn take_event(&mut self, event: Event<P>, now: DateTime<Utc>) {
        let subject = event.subject;
        let delivery = Delivery { event, row: None };
        if self.lanes.get(&subject).is_some_and(|lane| lane.troubled) {
            self.conclude(&delivery, 0, Verdict::Held, None, now);
        } else {
            self.pending.insert(delivery.event.position);
            self.lanes.entry(subject).or_default().queue.push_back(delivery);
            self.make_ready(subject);
        }
    }

    // ---- from the table ----------------------------------------------------------------------------------------

    fn take_due(&mut self, rows: Vec<StoredDelivery<P>>, limit: usize, now: DateTime<Utc>) {
        let full = rows.len() >= limit;
        let mut taken = false;
        for stored in rows {
            let subject = stored.event.subject;
            if !self.rows.insert(stored.delivery_id) {
                continue;
            }
            // A due row from the log is the first unfinished one of its subject, and every earlier event has a row, so
            // it may go. If nobody told us of trouble in this lane, the table knows better.
            let lane = self.lanes.entry(subject).or_default();
            lane.troubled |= !stored.by_person;
            lane.queue.push_back(Delivery::from(stored));
            self.make_ready(subject);
            taken = true;
        }
        let next = self.next_look(now);
        self.due_at = if full && taken { now } else { next };
    }

    fn next_look(&mut self, now: DateTime<Utc>) -> DateTime<Utc> {
        if std::mem::take(&mut self.look_again) { now } else { now + self.settings.poll }
    }

    fn take_lanes(&mut self, subjects: Vec<Uuid>, rows: Vec<StoredDelivery<P>>) {
        let mut by_subject: HashMap<Uuid, Vec<StoredDelivery<P>>> = HashMap::new();
        for stored in rows {
            by_subject.entry(stored.event.subject).or_default().push(stored);
        }
        for subject in subjects {
            let rows = by_subject.remove(&subject).unwrap_or_default();
            let Some(lane) = self.lanes.get_mut(&subject).filter(|lane| lane.is_idle()) else { continue };
            lane.troubled = !rows.is_empty();
            let mut expected = Standing::Due;
            for stored in rows {
                // A row that is in memory has an outcome which is not written yet; it will ask for the next ones itself.
                if stored.standing != expected || !self.rows.insert(stored.delivery_id) {
                    break;
                }
                expected = Standing::Held;
                lane.queue.push_back(Delivery::from(stored));
            }
            self.make_ready(subject);
            self.forget_if_idle(subject);
        }
    }

    fn take_written(&mut self, drained: Vec<Uuid>, rows: &[Uuid], now: DateTime<Utc>) {
        self.written_at = now;
        self.to_load.extend(drained);
        for row in rows {
            self.rows.remove(row);
        }
    }

    // ---- from the other system ---------------------------------------------------------------------------------

    fn take_answer(&mut self, ticket: Ticket, answer: Answer, took: TimeDelta, now: DateTime<Utc>) {
        let Some(subject) = self.on_their_way.remove(&ticket) else { return };
        let Some((_, delivery)) = self.lanes.get_mut(&subject).and_then(|lane| lane.sending.take()) else { return };
        let jitter = scatter(self.seed ^ ticket.0);
        self.circuit.heard(ticket, subject, &answer, jitter, now);

        let tries = delivery.row.map_or(0, |row| row.attempts) + 1;
        let excused = self.gate == Gate::Maintenance;
        let fault = answer.fault();
        let failure = fault.clone().map(|fault| Failure { at: now, took, fault });
        let verdict = match (answer, fault) {
            (Answer::Accepted { their_ref }, _) => Verdict::Delivered { their_ref, took },
            (Answer::Refused { .. } | Answer::Permanent { .. }, Some(fault)) => Verdict::Parked { fault },
            (Answer::Temporary { after, .. }, Some(fault)) if !excused => self.retry(tries, after, jitter, fault, now),
            (Answer::Pending { .. }, Some(fault)) if !excused => self.retry(tries, None, jitter, fault, now),
            _ => return self.put_back(subject, delivery),
        };
        let delivered = matches!(verdict, Verdict::Delivered { .. });
        let by_person = delivery.row.is_some_and(|row| row.by_person);
        self.conclude(&delivery, tries, verdict, failure, now);
        if delivered || by_person {
            self.go_on(subject);
        } else {
            self.hold(subject, now);
        }
    }

    fn retry(&self, tries: u32, asked: Option<TimeDelta>, jitter: u64, fault: Fault, now: DateTime<Utc>) -> Verdict {
        match self.settings.backoff.after(tries, asked, jitter) {
            Some(wait) => Verdict::Retrying { next_attempt_at: now + wait, fault },
            None => Verdict::Parked { fault },
        }
    }

    /// Notes what became of a delivery. It is in memory until that is written.
    fn conclude(
        &mut self,
        delivery: &Delivery<P>,
        tries: u32,
        verdict: Verdict,
        failure: Option<Failure>,
        now: DateTime<Utc>,
    ) {
        if delivery.row.is_none() {
            self.pending.remove(&delivery.event.position);
        }
        let row = delivery.row.map(|row| row.delivery_id);
        let Event { position, event_id, subject, version, .. } = delivery.event;
        let attempts = tries;
        self.outcomes.push(Outcome {
            delivery_id: row,
            position,
            event_id,
            subject,
            version,
            attempts,
            at: now,
            verdict,
            failure,
        });
    }

    /// The system could not be spoken to: as if it had not been sent.
    fn put_back(&mut self, subject: Uuid, delivery: Delivery<P>) {
        if let Some(lane) = self.lanes.get_mut(&subject) {
            lane.queue.push_front(delivery);
            lane.listed = true;
            self.ready.push_front(subject);
        }
    }

    /// The next of the lane may go. A drained lane in trouble asks the table what comes next.
    fn go_on(&mut self, subject: Uuid) {
        self.make_ready(subject);
        if self.lanes.get(&subject).is_some_and(|lane| lane.is_idle() && lane.troubled) {
            self.drained.push(subject);
        }
        self.forget_if_idle(subject);
    }

    /// The head of the lane is in trouble: what is behind it gets held rows, and memory lets go of it.
    fn hold(&mut self, subject: Uuid, now: DateTime<Utc>) {
        let Some(lane) = self.lanes.get_mut(&subject) else { return };
        lane.troubled = true;
        for delivery in std::mem::take(&mut lane.queue) {
            match delivery.row {
                Some(row) => {
                    self.rows.remove(&row.delivery_id);
                }
                None => self.conclude(&delivery, 0, Verdict::Held, None, now),
            }
        }
    }

    fn make_ready(&mut self, subject: Uuid) {
        if let Some(lane) = self.lanes.get_mut(&subject)
            && lane.is_ready()
            && !lane.listed
        {
            lane.listed = true;
            self.ready.push_back(subject);
        }
    }

    fn forget_if_idle(&mut self, subject: Uuid) {
        if self.lanes.get(&subject).is_some_and(|lane| lane.is_idle() && !lane.troubled) {
            self.lanes.remove(&subject);
        }
    }

    // ---- decisions ---------------------------------------------------------------------------------------------

    fn send(&mut self, now: DateTime<Utc>, decisions: &mut Vec<Decision<P>>) {
        if self.gate != Gate::Open || now - self.trusted_at > self.settings.trust {
            return;
        }
        while self.circuit.room(self.on_their_way.len()) > 0 {
            let Some(subject) = self.ready.pop_front() else { return };
            let Some(lane) = self.lanes.get_mut(&subject) else { continue };
            debug_assert!(lane.is_ready(), "nothing but sending takes from a listed lane");
            lane.listed = false;
            let Some(delivery) = lane.queue.pop_front() else { continue };
            self.tickets += 1;
            let ticket = Ticket(self.tickets);
            decisions.push(Decision::Send(Task {
                ticket,
                event: delivery.event.clone(),
                delivery_id: delivery.row.map(|row| row.delivery_id),
                attempt: delivery.row.map_or(0, |row| row.attempts) + 1,
            }));
            lane.sending = Some((ticket, delivery));
            self.on_their_way.insert(ticket, subject);
            self.circuit.sent(ticket);
        }
    }

    /// The next request to the store, if none is out: each kind has its turn, so that a busy one starves no other.
    fn ask(&mut self, now: DateTime<Utc>) -> Option<Request> {
        if self.asked.is_some() {
            return None;
        }
        for turn in (self.turn + 1..=self.turn + TURNS).map(|turn| turn % TURNS) {
            let asked = match turn {
                0 => self.ask_to_write(now),
                1 => self.ask_for_lanes(),
                2 => self.ask_for_due(now),
                _ => self.ask_to_read(now),
            };
            if let Some((asked, request)) = asked {
                self.turn = turn;
                self.asked = Some(asked);
                self.asked_at = now;
                return Some(request);
            }
        }
        None
    }

    fn has_news(&self) -> bool {
        !self.outcomes.is_empty() || self.circuit.has_changed()
    }

    /// Writes what happened at once (what happens meanwhile makes the next batch), a mere cursor only now and then.
    fn ask_to_write(&mut self, now: DateTime<Utc>) -> Option<(Asked, Request)> {
        let overdue = self.moved && self.written_at + self.settings.cursor_after <= now;
        if !self.has_news() && !overdue {
            return None;
        }
        let outcomes = std::mem::take(&mut self.outcomes);
        let rows = outcomes.iter().filter_map(|outcome| outcome.delivery_id).collect();
        let drained = std::mem::take(&mut self.drained);
        let gaps = self.move_cursor();
        let circuit = self.circuit.take_note();
        let batch = Batch { fence: self.fence, cursor: self.cursor, gaps, outcomes, circuit };
        Some((Asked::Write { drained, rows }, Request::Write(batch)))
    }

    /// Moves the cursor as far as it may go and says what it passes unfinished: open gaps, and the few events on their
    /// way that it takes along (their horizon is 0: they have been seen, so the next owner will find them).
    fn move_cursor(&mut self) -> Vec<Gap> {
        self.moved = false;
        let stop = self.pending.iter().nth(self.settings.max_in_flight);
        self.cursor = self.cursor.max(stop.map_or(self.gaps.read_to(), |position| position.before()));
        let missing = self.gaps.open().filter(|gap| gap.first <= self.cursor);
        let taken_along = self.pending.range(..=self.cursor).map(|&position| Gap::seen(position));
        let mut gaps: Vec<Gap> = missing.chain(taken_along).collect();
        gaps.sort_unstable();
        gaps
    }

    /// What a page has added to a lane is written by now, because writing comes right before this in the turns: so a lane
    /// that the table shows to be empty is healthy.
    fn ask_for_lanes(&mut self) -> Option<(Asked, Request)> {
        let subjects: Vec<Uuid> = self.to_load.drain(..self.settings.lanes.min(self.to_load.len())).collect();
        let held = |out: &Outcome| out.verdict == Verdict::Held && subjects.contains(&out.subject);
        debug_assert!(!self.outcomes.iter().any(held), "what a page has added is written");
        let request = Request::Lanes { subjects: subjects.clone(), limit: self.settings.lane_rows };
        (!subjects.is_empty()).then_some((Asked::Lanes { subjects }, request))
    }

    fn wants_due(&self) -> bool {
        self.gate == Gate::Open && !self.circuit.is_open() && self.rows.len() < self.settings.due
    }

    fn ask_for_due(&self, now: DateTime<Utc>) -> Option<(Asked, Request)> {
        let limit = self.settings.due;
        (self.wants_due() && self.due_at <= now).then_some((Asked::Due { limit }, Request::Due { limit }))
    }

    /// Also when the window is full: the read is how a frozen owner hears that it is none any more.
    fn ask_to_read(&self, now: DateTime<Utc>) -> Option<(Asked, Request)> {
        let free = self.settings.window.saturating_sub(self.pending.len());
        let hungry = self.more && free > 0 && free >= self.settings.page.min(self.settings.window / 2);
        let limit = free.min(self.settings.page);
        let (fence, after, gaps) = (self.fence, self.gaps.read_to(), self.gaps.open().collect());
        (hungry || self.read_at <= now).then_some((Asked::Read { limit }, Request::Read { fence, after, gaps, limit }))
    }
}

impl<P> From<StoredDelivery<P>> for Delivery<P> {
    fn from(stored: StoredDelivery<P>) -> Self {
        let StoredDelivery { delivery_id, event, attempts, by_person, .. } = stored;
        Self { event, row: Some(RowInHand { delivery_id, attempts, by_person }) }
    }
}
