//! The world around the core in virtual time: writers, tables, network, receiver, worker processes that crash, freeze
//! and compete, and people. It drives the real [`Core`] as a shell would, and writes the [`History`].
//!
//! A schedule has three acts. In the first everything goes wrong that can. Then the faults stop, but refused documents
//! are still refused: the backlog has to come to rest. Then people mend and retry what is parked, and all has to arrive.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use worker::core::{CircuitSettings, Core, Event, Gate, Input, Request, Settings, Task, Ticket};
use worker::retry::Backoff;

use super::dice::Dice;
use super::flaws::Flaw;
use super::history::{History, Logged, Millis, State};
use super::log::Log;
use super::receiver::{Mood, Poison, Receiver};
use super::tables::Tables;

/// How long the backlog may take to come to rest once the faults have stopped (the waits in [`settings`] are short).
const BOUND: Millis = 30_000;
/// After this a send is given up, and its outcome is unknown.
pub(super) const TIME_LIMIT: Millis = 400;

/// Something that will happen at a time.
pub(super) enum Happening {
    Writer(usize),
    /// A transaction that has nothing to do with the log ends.
    StrangerEnds(u64),
    StrangerBegins,
    Acquire {
        worker: usize,
        process: u64,
    },
    Input {
        worker: usize,
        life: u64,
        input: Input<()>,
    },
    AtStore {
        worker: usize,
        life: u64,
        request: Request,
    },
    AtReceiver {
        worker: usize,
        life: u64,
        sent_at: Millis,
        answered: bool,
        task: Task<()>,
    },
    LockFreed {
        worker: usize,
        process: u64,
    },
    Crash {
        worker: usize,
    },
    Restart {
        worker: usize,
    },
    Freeze {
        worker: usize,
    },
    Thaw {
        worker: usize,
    },
    Mood(Mood),
    Gate(Gate),
    Person,
    FaultsStop,
    Look,
}

pub(super) struct Writer {
    tx: Option<u64>,
    appends: Vec<u128>,
    events_left: usize,
}

#[derive(Default)]
pub(super) struct Worker {
    /// Counts the processes, and the cores, so that what belongs to a former one is not given to the next.
    pub(super) process: u64,
    pub(super) life: u64,
    pub(super) up: bool,
    pub(super) frozen: bool,
    pub(super) core: Option<Core<()>>,
    pub(super) tick_at: Option<Millis>,
    pub(super) fence: i64,
    /// What it has sent and not heard of.
    pub(super) on_their_way: HashMap<Ticket, Event<()>>,
    pub(super) inbox: Vec<(u64, Input<()>)>,
}

pub struct World {
    pub(super) dice: Dice,
    pub(super) flaw: Flaw,
    pub(super) now: Millis,
    pub(super) queue: BinaryHeap<Reverse<(Millis, u64, usize)>>,
    pub(super) happenings: Vec<Option<Happening>>,
    pub(super) free: Vec<usize>,
    pub(super) sequence: u64,

    pub(super) log: Log,
    pub(super) tables: Tables,
    pub(super) receiver: Receiver,
    pub(super) lock: Option<(usize, u64)>,
    pub(super) gate: Gate,
    pub(super) writers: Vec<Writer>,
    pub(super) workers: Vec<Worker>,
    pub(super) subjects: u128,
    pub(super) unwanted_percent: u64,
    pub(super) poison_percent: u64,
    pub(super) crash_percent: u64,
    pub(super) settings: Settings,
    pub(super) chaos: bool,
    pub(super) mending: bool,
    pub(super) deadline: Millis,
    /// `INTERLOCK_SIM_TRACE=1` prints every input and decision.
    pub(super) trace: bool,
    pub history: History,
}

/// Runs one schedule to its end.
pub fn run(seed: u64, flaw: Flaw) -> History {
    let mut world = World::new(seed, flaw);
    world.play();
    world.history
}

fn settings(dice: &mut Dice, flaw: Flaw) -> Settings {
    let millis = TimeDelta::milliseconds;
    let backoff =
        Backoff { first: millis(100), ceiling: millis(800), tries: dice.size(2, 5) as u32, spread_percent: 20 };
    Settings {
        window: dice.size(1, 12),
        page: dice.size(1, 8),
        max_in_flight: dice.size(1, 4),
        due: dice.size(1, 6),
        lanes: dice.size(1, 3),
        lane_rows: dice.size(1, 4),
        poll: if flaw == Flaw::NotifyOnly { TimeDelta::days(1) } else { millis(dice.between(50, 300)) },
        cursor_after: millis(dice.between(0, 400)),
        trust: millis(dice.between(800, 2000)),
        backoff,
        circuit: CircuitSettings {
            backoff: Backoff { ceiling: millis(1000), ..backoff },
            slow: millis(1500),
            streak: dice.size(2, 5),
        },
    }
}

impl World {
    fn new(seed: u64, flaw: Flaw) -> Self {
        let mut dice = Dice::new(seed);
        let writers = dice.size(1, 4);
        let events = dice.size(5, 30);
        let settings = settings(&mut dice, flaw);
        let history = History {
            most_on_their_way: settings.max_in_flight,
            trust: settings.trust.num_milliseconds(),
            ..History::default()
        };
        Self {
            flaw,
            now: 0,
            queue: BinaryHeap::new(),
            happenings: Vec::new(),
            free: Vec::new(),
            sequence: 0,
            log: Log::default(),
            tables: Tables::new(flaw),
            receiver: Receiver::new(flaw),
            lock: None,
            gate: Gate::Open,
            writers: (0..writers)
                .map(|_| Writer { tx: None, appends: Vec::new(), events_left: events.div_ceil(writers) })
                .collect(),
            workers: (0..dice.size(1, 3)).map(|_| Worker::default()).collect(),
            subjects: dice.size(1, 5) as u128,
            unwanted_percent: if dice.chance(50) { 25 } else { 0 },
            poison_percent: if dice.chance(60) { 8 } else { 0 },
            crash_percent: if dice.chance(60) { 1 } else { 0 },
            settings,
            chaos: true,
            mending: false,
            deadline: Millis::MAX,
            trace: std::env::var_os("INTERLOCK_SIM_TRACE").is_some(),
            history,
            dice,
        }
    }

    pub(super) fn clock(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_800_000_000_000 + self.now).unwrap_or_default()
    }

    pub(super) fn after(&mut self, wait: Millis, happening: Happening) {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.happenings.push(None);
            self.happenings.len() - 1
        });
        self.happenings[slot] = Some(happening);
        self.sequence += 1;
        self.queue.push(Reverse((self.now + wait.max(0), self.sequence, slot)));
    }

    fn play(&mut self) {
        self.plan();
        while let Some(Reverse((at, _, slot))) = self.queue.pop() {
            self.now = at;
            let Some(happening) = self.happenings[slot].take() else { continue };
            self.free.push(slot);
            self.history.seen.steps += 1;
            if !self.happen(happening) {
                break;
            }
        }
        // What is still under way in the network arrives at last.
        while let Some(Reverse((at, _, slot))) = self.queue.pop() {
            self.now = at;
            if let Some(Happening::AtReceiver { worker, life, sent_at, task, .. }) = self.happenings[slot].take() {
                self.at_receiver(worker, life, sent_at, false, task);
            }
        }
    }

    /// The whole plan of the first act.
    fn plan(&mut self) {
        let length = self.dice.between(1_500, 4_000);
        for writer in 0..self.writers.len() {
            let wait = self.dice.between(0, 200);
            self.after(wait, Happening::Writer(writer));
        }
        for worker in 0..self.workers.len() {
            let wait = self.dice.between(0, 100);
            self.after(wait, Happening::Restart { worker });
        }
        let worker = self.dice.size(0, self.workers.len() - 1);
        for _ in 0..self.dice.size(0, 3) {
            let at = self.dice.between(0, length);
            let freeze = self.dice.chance(50);
            self.after(at, if freeze { Happening::Freeze { worker } } else { Happening::Crash { worker } });
        }
        for _ in 0..self.dice.size(0, 2) {
            let at = self.dice.between(0, length);
            let moods = [Mood::Down, Mood::Down, Mood::WrongSecret, Mood::WrongEndpoint, Mood::Overloaded];
            let mood = self.dice.pick(&moods).copied().unwrap_or(Mood::Down);
            let lasts = self.dice.between(50, 1_000);
            self.after(at, Happening::Mood(mood));
            self.after(at + lasts, Happening::Mood(Mood::Well));
        }
        if self.dice.chance(25) {
            let at = self.dice.between(0, length);
            let lasts = self.dice.between(50, 1_000);
            let gate = if self.dice.chance(50) { Gate::Paused } else { Gate::Maintenance };
            self.after(at, Happening::Gate(gate));
            self.after(at + lasts, Happening::Gate(Gate::Open));
        }
        for _ in 0..self.dice.size(0, 4) {
            let at = self.dice.between(300, length);
            self.after(at, Happening::Person);
        }
        for _ in 0..self.dice.size(0, 2) {
            let at = self.dice.between(0, length);
            self.after(at, Happening::StrangerBegins);
        }
        self.after(length, Happening::FaultsStop);
    }

    /// False when the schedule is over.
    fn happen(&mut self, happening: Happening) -> bool {
        match happening {
            Happening::Writer(writer) => self.writer(writer),
            Happening::StrangerBegins => {
                let tx = self.log.begin();
                let wait = self.dice.between(1, 1_500);
                self.after(wait, Happening::StrangerEnds(tx));
            }
            Happening::StrangerEnds(tx) => self.log.end(tx, true, self.now, &mut self.history),
            Happening::Acquire { worker, process } => self.acquire(worker, process),
            Happening::Input { worker, life, input } => self.input(worker, life, input),
            Happening::AtStore { worker, life, request } => self.at_store(worker, life, request),
            Happening::AtReceiver { worker, life, sent_at, answered, task } => {
                self.at_receiver(worker, life, sent_at, answered, task);
            }
            Happening::LockFreed { worker, process } => {
                if self.lock == Some((worker, process)) {
                    self.lock = None;
                }
            }
            Happening::Crash { worker } => self.crash(worker),
            Happening::Restart { worker } => self.restart(worker),
            Happening::Freeze { worker } => self.freeze(worker),
            Happening::Thaw { worker } => self.thaw(worker),
            Happening::Mood(mood) => self.receiver.mood = mood,
            Happening::Gate(gate) => self.set_gate(gate),
            Happening::Person => self.person(),
            Happening::FaultsStop => self.stop_faults(),
            Happening::Look => return self.look(),
        }
        true
    }

    // ---- writers -----------------------------------------------------------------------------------------------

    fn writer(&mut self, index: usize) {
        let wait = self.dice.between(1, 60);
        let Some(tx) = self.writers[index].tx else {
            if self.writers[index].events_left > 0 {
                self.begin(index);
                self.after(wait, Happening::Writer(index));
            }
            return;
        };
        if let Some(subject) = self.writers[index].appends.pop() {
            let wanted = !self.dice.chance(self.unwanted_percent);
            self.log.append(tx, subject, wanted, &mut self.history);
            if self.dice.chance(self.poison_percent) {
                let poisons = [Poison::Refused, Poison::Permanent, Poison::Stubborn];
                let event = self.history.logged.last().map_or(0, |row| row.event);
                self.receiver.poison.extend(self.dice.pick(&poisons).map(|poison| (event, *poison)));
            }
            // Some stay open long after they have taken their positions.
            let wait = if self.dice.chance(12) { self.dice.between(100, 1_500) } else { wait };
            self.after(wait, Happening::Writer(index));
            return;
        }
        let commit = !self.dice.chance(12);
        let highest = self.log.highest_position();
        let late = self.history.logged.iter().rev().take_while(|row| row.tx == tx).all(|row| row.position < highest);
        self.history.seen.late_commits += u64::from(commit && late);
        self.history.seen.rollbacks += u64::from(!commit);
        self.log.end(tx, commit, self.now, &mut self.history);
        self.writers[index].tx = None;
        self.after(wait, Happening::Writer(index));
        if self.dice.chance(50) {
            self.poke();
        }
    }

    fn begin(&mut self, index: usize) {
        let free: Vec<u128> = (1..=self.subjects).filter(|subject| !self.log.is_locked(*subject)).collect();
        let Some(&first) = self.dice.pick(&free) else { return };
        let tx = self.log.begin();
        let mut appends = Vec::new();
        let mut subjects = BTreeSet::from([first]);
        if self.dice.chance(30) {
            subjects.extend(self.dice.pick(&free).copied());
        }
        for &subject in &subjects {
            self.log.lock(tx, subject);
            appends.extend(std::iter::repeat_n(subject, self.dice.size(1, 3)));
        }
        let writer = &mut self.writers[index];
        writer.events_left = writer.events_left.saturating_sub(appends.len());
        writer.tx = Some(tx);
        writer.appends = appends;
    }

    // ---- people and the end -------------------------------------------------------------------------------------

    fn person(&mut self) {
        let (now, clock) = (self.now, self.clock());
        let state = *self
            .dice
            .pick(&[State::Parked, State::Parked, State::Delivered, State::Retrying])
            .unwrap_or(&State::Parked);
        let rows = self.tables.rows_in(state);
        let Some(&row) = self.dice.pick(&rows) else { return };
        match state {
            State::Delivered => self.tables.resend(row, now, clock, &mut self.history),
            State::Parked if self.dice.chance(50) => self.tables.retry(row, now, clock, &mut self.history),
            _ => self.tables.skip(row, now, clock, &mut self.history),
        }
        if self.dice.chance(50) {
            self.poke();
        }
    }

    fn stop_faults(&mut self) {
        self.chaos = false;
        self.receiver.calm = true;
        self.receiver.mood = Mood::Well;
        self.set_gate(Gate::Open);
        for worker in 0..self.workers.len() {
            self.thaw(worker);
            self.restart(worker);
        }
        self.deadline = self.now + BOUND;
        self.after(200, Happening::Look);
    }

    /// Looks whether the backlog has come to rest; the checker judges what it finds then.
    fn look(&mut self) -> bool {
        let (now, clock) = (self.now, self.clock());
        let handled = |row: &Logged| !row.wanted || !self.log.visible(row) || self.tables.has_row(row.event);
        let late_faults = self.queue.iter().any(|Reverse((_, _, slot))| {
            matches!(self.happenings[*slot], Some(Happening::Mood(_) | Happening::Gate(_) | Happening::Person))
        });
        let written = self.writers.iter().all(|writer| writer.events_left == 0) && self.log.nothing_runs();
        let at_rest = written && !late_faults && self.tables.at_rest() && self.history.logged.iter().all(handled);
        if !at_rest && now < self.deadline {
            self.after(100, Happening::Look);
            return true;
        }
        if self.mending {
            return false;
        }
        self.history.drained_at = now;
        self.history.drained_effects = self.history.effects.len();
        self.mending = true;
        self.deadline = now + BOUND;
        self.receiver.poison.clear();
        let parked = self.tables.rows_in(State::Parked);
        for row in &parked {
            self.tables.retry(*row, now, clock, &mut self.history);
        }
        self.poke();
        self.after(if parked.is_empty() { 0 } else { 100 }, Happening::Look);
        true
    }
}
