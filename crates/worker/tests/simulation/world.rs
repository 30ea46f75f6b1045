//! The world around the core in virtual time: writers, tables, network, receiver, worker processes that crash, freeze
//! and compete, and people. It drives the real [`Core`] as a shell would, and writes the [`History`].
//!
//! A schedule has three acts. In the first everything goes wrong that can. Then the faults stop, but refused documents
//! are still refused: the backlog has to come to rest. Then people mend and retry what is parked, and all has to arrive.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;
use worker::core::{
    Answer, CircuitSettings, CircuitState, Core, Decision, Event, Gate, Input, LogRow, Page, Position, Request,
    Settings, Snapshot, Task, Verdict,
};
use worker::retry::Backoff;

use super::dice::Dice;
use super::flaws::Flaw;
use super::history::{History, Logged, Millis, State};
use super::log::Log;
use super::receiver::{Message, Mood, Poison, Receiver};
use super::tables::Tables;

/// How long the backlog may take to come to rest once the faults have stopped (the waits in [`settings`] are short).
const BOUND: Millis = 30_000;
/// After this a send is given up, and its outcome is unknown.
const TIME_LIMIT: Millis = 400;

/// Something that will happen at a time.
enum Happening {
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

struct Writer {
    tx: Option<u64>,
    appends: Vec<u128>,
    events_left: usize,
}

#[derive(Default)]
struct Worker {
    /// Counts the processes, and the cores, so that what belongs to a former one is not given to the next.
    process: u64,
    life: u64,
    up: bool,
    frozen: bool,
    core: Option<Core<()>>,
    tick_at: Option<Millis>,
    inbox: Vec<(u64, Input<()>)>,
}

pub struct World {
    dice: Dice,
    flaw: Flaw,
    now: Millis,
    queue: BinaryHeap<Reverse<(Millis, u64, usize)>>,
    happenings: Vec<Option<Happening>>,
    free: Vec<usize>,
    sequence: u64,

    log: Log,
    tables: Tables,
    receiver: Receiver,
    lock: Option<(usize, u64)>,
    gate: Gate,
    writers: Vec<Writer>,
    workers: Vec<Worker>,
    subjects: u128,
    unwanted_percent: u64,
    poison_percent: u64,
    crash_percent: u64,
    settings: Settings,
    chaos: bool,
    mending: bool,
    deadline: Millis,
    /// `INTERLOCK_SIM_TRACE=1` prints every input and decision.
    trace: bool,
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
            history: History::default(),
            dice,
        }
    }

    fn clock(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_800_000_000_000 + self.now).unwrap_or_default()
    }

    fn after(&mut self, wait: Millis, happening: Happening) {
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

    // ---- workers -----------------------------------------------------------------------------------------------

    fn poke(&mut self) {
        for worker in 0..self.workers.len() {
            self.input(worker, self.workers[worker].life, Input::Poke);
        }
    }

    fn set_gate(&mut self, gate: Gate) {
        self.gate = gate;
        match gate {
            Gate::Open => {}
            Gate::Paused => self.history.seen.pauses += 1,
            Gate::Maintenance => self.history.seen.maintenances += 1,
        }
        for worker in 0..self.workers.len() {
            self.input(worker, self.workers[worker].life, Input::Gate(gate));
        }
    }

    fn acquire(&mut self, index: usize, process: u64) {
        let worker = &self.workers[index];
        if !worker.up || worker.process != process || worker.core.is_some() {
            return;
        }
        if worker.frozen || self.lock.is_some() {
            let wait = self.dice.between(10, 120);
            return self.after(wait, Happening::Acquire { worker: index, process });
        }
        self.lock = Some((index, process));
        let (now, clock) = (self.now, self.clock());
        let start = self.tables.take(self.gate, self.dice.number(), &self.log, now, clock, &mut self.history);
        let worker = &mut self.workers[index];
        worker.life += 1;
        worker.tick_at = None;
        worker.core = Some(Core::start(self.settings, start, clock));
        let life = worker.life;
        self.input(index, life, Input::Tick);
    }

    /// Gives one input to a core, if the one it is meant for is still there, and does what it decides.
    fn input(&mut self, index: usize, life: u64, input: Input<()>) {
        let clock = self.clock();
        let worker = &mut self.workers[index];
        if worker.life != life || !worker.up {
            return;
        }
        if worker.frozen {
            worker.inbox.push((life, input));
            return;
        }
        if matches!(input, Input::Tick) {
            worker.tick_at = None;
        }
        let fenced = matches!(input, Input::Fenced);
        let Some(core) = &mut worker.core else { return };
        if self.trace {
            eprintln!("{:>5} worker {index}/{life} hears {input:?}", self.now);
        }
        let decisions = core.step(input, clock);
        if self.trace {
            decisions
                .iter()
                .for_each(|decision| eprintln!("{:>5} worker {index}/{life} decides {decision:?}", self.now));
        }
        let wake_at = core.wake_at().map(|wake| (wake - clock).num_milliseconds().max(1) + self.now);
        if fenced {
            assert!(core.is_deposed() && decisions.is_empty(), "a deposed core decides nothing");
            return self.lose_core(index);
        }
        if self.chaos && self.crash_percent > 0 && self.dice.number() % 400 < self.crash_percent {
            return self.crash(index);
        }
        for decision in decisions {
            match decision {
                Decision::Send(task) => self.send(index, life, task),
                Decision::Ask(request) => {
                    let wait = if self.chaos && self.dice.chance(3) { 150 } else { self.dice.between(0, 4) };
                    self.after(wait, Happening::AtStore { worker: index, life, request });
                }
            }
        }
        if let Some(at) = wake_at
            && self.workers[index].tick_at.is_none_or(|planned| at < planned)
        {
            self.workers[index].tick_at = Some(at);
            self.after(at - self.now, Happening::Input { worker: index, life, input: Input::Tick });
        }
    }

    /// The shell gives up this core (an error, or deposed) and goes for the lock again.
    fn lose_core(&mut self, index: usize) {
        let worker = &mut self.workers[index];
        worker.core = None;
        worker.life += 1;
        worker.inbox.clear();
        let process = worker.process;
        if self.lock == Some((index, process)) {
            self.lock = None;
        }
        let wait = self.dice.between(5, 60);
        self.after(wait, Happening::Acquire { worker: index, process });
    }

    fn crash(&mut self, index: usize) {
        let worker = &mut self.workers[index];
        if !worker.up {
            return;
        }
        let process = worker.process;
        *worker = Worker { process: process + 1, life: worker.life + 1, ..Worker::default() };
        self.history.seen.crashes += 1;
        let (freed, restarted) = (self.dice.between(16, 51), self.dice.between(10, 500));
        self.after(freed, Happening::LockFreed { worker: index, process });
        self.after(restarted, Happening::Restart { worker: index });
    }

    fn restart(&mut self, index: usize) {
        let worker = &mut self.workers[index];
        if !worker.up {
            worker.up = true;
            let process = worker.process;
            self.after(0, Happening::Acquire { worker: index, process });
        }
    }

    /// The process stands still; the database may take it for dead and give its lock to another. It will awake.
    fn freeze(&mut self, index: usize) {
        if !self.workers[index].up || self.workers[index].frozen {
            return;
        }
        self.workers[index].frozen = true;
        self.history.seen.freezes += 1;
        let process = self.workers[index].process;
        if self.dice.chance(75) {
            let wait = self.dice.between(20, 300);
            self.after(wait, Happening::LockFreed { worker: index, process });
        }
        let wait = self.dice.between(20, 2_500);
        self.after(wait, Happening::Thaw { worker: index });
    }

    fn thaw(&mut self, index: usize) {
        if !self.workers[index].frozen {
            return;
        }
        self.workers[index].frozen = false;
        for (life, input) in std::mem::take(&mut self.workers[index].inbox) {
            self.input(index, life, input);
        }
    }

    // ---- the store ---------------------------------------------------------------------------------------------

    fn at_store(&mut self, index: usize, life: u64, request: Request) {
        let clock = self.clock();
        let fails = self.chaos && self.dice.chance(1);
        if fails && self.dice.chance(50) {
            self.history.seen.store_errors += 1;
            return self.store_failed(index, life);
        }
        let answer = match request {
            Request::Read { fence, after, gaps, limit } => {
                if fence.0 == self.tables.fence || self.flaw == Flaw::IgnoredFence {
                    let page = self.read(after.0, &gaps, limit);
                    if self.flaw == Flaw::AcknowledgeBeforeCommit {
                        let read_to = page.beyond.last().map_or(after.0, |row| row.position.0);
                        self.tables.cursor = self.tables.cursor.max(read_to);
                    }
                    Input::Page(page)
                } else {
                    self.history.seen.reads_fenced += 1;
                    Input::Fenced
                }
            }
            Request::Due { limit } => Input::Due(self.tables.due(limit, clock)),
            Request::Lanes { subjects, limit } => Input::Lanes(self.tables.lanes(&subjects, limit, clock)),
            Request::Write(batch) => {
                self.count(&batch);
                let torn = (self.flaw == Flaw::TornBatch && self.chaos && self.dice.chance(10))
                    .then(|| self.dice.size(0, batch.outcomes.len()));
                let landed = self.tables.write(&batch, torn, self.now, clock, &mut self.history);
                if torn.is_some() {
                    return self.crash(index);
                }
                if landed { Input::Written } else { Input::Fenced }
            }
        };
        if fails {
            self.history.seen.commits_unknown += 1;
            return self.store_failed(index, life);
        }
        let wait = self.dice.between(0, 3);
        self.after(wait, Happening::Input { worker: index, life, input: answer });
    }

    /// The shell cannot know whether its request was executed: it drops the core and begins again from the tables.
    fn store_failed(&mut self, index: usize, life: u64) {
        if self.workers[index].up && self.workers[index].life == life {
            self.lose_core(index);
        }
    }

    fn count(&mut self, batch: &worker::core::Batch) {
        let seen = &mut self.history.seen;
        for outcome in &batch.outcomes {
            match outcome.verdict {
                Verdict::Delivered { .. } => seen.delivered += 1,
                Verdict::Retrying { .. } => seen.retrying += 1,
                Verdict::Parked { .. } => seen.parked += 1,
                Verdict::Held => seen.held += 1,
            }
        }
        let opened = batch.circuit.as_ref().is_some_and(|note| matches!(note.state, CircuitState::Open { .. }));
        seen.circuit_opened += u64::from(opened);
    }

    /// One reading statement.
    fn read(&mut self, after: i64, gaps: &[worker::core::Gap], limit: usize) -> Page<()> {
        let snapshot = self.log.snapshot();
        let below = |row: &&Logged| self.flaw != Flaw::XminCursor || row.tx < snapshot.xmin;
        let rows = self.log.visible_between(after + 1, i64::MAX).filter(below).take(limit);
        let mut beyond: Vec<LogRow<()>> = rows.map(log_row).collect();
        let in_gaps = gaps.iter().flat_map(|gap| self.log.visible_between(gap.first.0, gap.last.0));
        let found: Vec<LogRow<()>> = in_gaps.take(limit).map(log_row).collect();
        let last = beyond.last().map_or(after, |row| row.position.0);
        let holes = last - after - beyond.len() as i64;
        if holes > 0 {
            self.history.seen.gaps_noted += 1;
        }
        if matches!(self.flaw, Flaw::IdCursor | Flaw::XminCursor) {
            // Such a reader does not see that something is missing.
            let seen: BTreeSet<i64> = beyond.iter().map(|row| row.position.0).collect();
            let missing = (after + 1..=last).filter(|position| !seen.contains(position));
            beyond.extend(missing.map(|position| LogRow { position: Position(position), wanted: None }));
            beyond.sort_by_key(|row| row.position);
        }
        let horizon = match self.flaw {
            Flaw::XmaxAsHorizon => snapshot.xmax,
            Flaw::ImpatientGap => 0,
            _ if holes > 0 => self.log.fresh_id(),
            _ => 0,
        };
        Page { found, beyond, snapshot: Snapshot { xmin: snapshot.xmin, horizon } }
    }

    // ---- the network and the receiver ---------------------------------------------------------------------------

    fn send(&mut self, index: usize, life: u64, task: Task<()>) {
        self.history.seen.sends += 1;
        let unknown = || Answer::Pending { reason: "no answer within the time limit".into() };
        let give_up = |ticket| Input::Answered { ticket, answer: unknown(), took: TimeDelta::milliseconds(TIME_LIMIT) };
        let ticket = task.ticket;
        let sent_at = self.now;
        let mut wait = self.dice.between(0, 6);
        let mut answered = true;
        if self.chaos {
            match self.dice.between(0, 99) {
                0..=4 => {
                    self.history.seen.lost_requests += 1;
                    return self.after(TIME_LIMIT, Happening::Input { worker: index, life, input: give_up(ticket) });
                }
                5..=9 => {
                    self.history.seen.lost_answers += 1;
                    answered = false;
                }
                10..=13 => {
                    self.history.seen.late_requests += 1;
                    answered = false;
                    wait = self.dice.between(TIME_LIMIT, 3_000);
                }
                14..=18 => {
                    self.history.seen.duplicates += 1;
                    let later = self.dice.between(0, 2_000);
                    let task = task.clone();
                    let again = Happening::AtReceiver { worker: index, life, sent_at, answered: false, task };
                    self.after(later, again);
                }
                19..=30 => wait = self.dice.between(20, 300),
                _ => {}
            }
        }
        if !answered {
            self.after(TIME_LIMIT, Happening::Input { worker: index, life, input: give_up(ticket) });
        }
        self.after(wait, Happening::AtReceiver { worker: index, life, sent_at, answered, task });
    }

    fn at_receiver(&mut self, index: usize, life: u64, sent_at: Millis, answered: bool, task: Task<()>) {
        let Event { event_id, subject, version, .. } = task.event;
        let message = Message { event: event_id.as_u128(), subject: subject.as_u128(), version, attempt: task.attempt };
        let answer = self.receiver.receive(&message, self.now, &mut self.dice, &mut self.history);
        if answered {
            let wait = self.dice.between(0, 6);
            let took = TimeDelta::milliseconds(self.now + wait - sent_at);
            let input = Input::Answered { ticket: task.ticket, answer, took };
            self.after(wait, Happening::Input { worker: index, life, input });
        }
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

fn log_row(row: &Logged) -> LogRow<()> {
    let position = Position(row.position);
    let wanted = row.wanted.then(|| Event {
        position,
        event_id: Uuid::from_u128(row.event),
        subject: Uuid::from_u128(row.subject),
        version: row.version,
        cargo: (),
    });
    LogRow { position, wanted }
}
