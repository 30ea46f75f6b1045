//! The worker processes of the simulated world, as a shell around the real core: they compete for the connection's lock,
//! crash, freeze and awake, carry the core's requests to the tables and its sends over a bad network to the receiver.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use uuid::Uuid;
use worker::core::{
    Answer, Batch, CircuitState, Core, Decision, Event, Gap, Gate, Input, LogRow, Page, Position, Request, Snapshot,
    Task, Verdict,
};

use super::flaws::Flaw;
use super::history::{Logged, Millis, Traffic};
use super::receiver::Message;
use super::world::{Happening, TIME_LIMIT, Worker, World};

impl World {
    pub(super) fn poke(&mut self) {
        for worker in 0..self.workers.len() {
            self.input(worker, self.workers[worker].life, Input::Poke);
        }
    }

    pub(super) fn set_gate(&mut self, gate: Gate) {
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

    pub(super) fn acquire(&mut self, index: usize, process: u64) {
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
        worker.on_their_way.clear();
        worker.fence = start.fence.0;
        worker.core = Some(Core::start(self.settings, start, clock));
        let life = worker.life;
        self.input(index, life, Input::Tick);
    }

    /// Gives one input to a core, if the one it is meant for is still there, and does what it decides.
    pub(super) fn input(&mut self, index: usize, life: u64, input: Input<()>) {
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
        if let Input::Answered { ticket, answer, .. } = &input
            && let Some(sent) = worker.on_their_way.remove(ticket)
        {
            let (event, subject) = (sent.event_id.as_u128(), sent.subject.as_u128());
            let accepted = matches!(answer, Answer::Accepted { .. });
            let heard = Traffic::Heard { fence: worker.fence, event, subject, accepted };
            self.history.traffic.push((self.now, heard));
        }
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
    pub(super) fn lose_core(&mut self, index: usize) {
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

    pub(super) fn crash(&mut self, index: usize) {
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

    pub(super) fn restart(&mut self, index: usize) {
        let worker = &mut self.workers[index];
        if !worker.up {
            worker.up = true;
            let process = worker.process;
            self.after(0, Happening::Acquire { worker: index, process });
        }
    }

    /// The process stands still; the database may take it for dead and give its lock to another. It will awake.
    pub(super) fn freeze(&mut self, index: usize) {
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

    pub(super) fn thaw(&mut self, index: usize) {
        if !self.workers[index].frozen {
            return;
        }
        self.workers[index].frozen = false;
        for (life, input) in std::mem::take(&mut self.workers[index].inbox) {
            self.input(index, life, input);
        }
    }

    // ---- the store ---------------------------------------------------------------------------------------------

    pub(super) fn at_store(&mut self, index: usize, life: u64, request: Request) {
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
    pub(super) fn store_failed(&mut self, index: usize, life: u64) {
        if self.workers[index].up && self.workers[index].life == life {
            self.lose_core(index);
        }
    }

    pub(super) fn count(&mut self, batch: &Batch) {
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
    pub(super) fn read(&mut self, after: i64, gaps: &[Gap], limit: usize) -> Page<()> {
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

    pub(super) fn send(&mut self, index: usize, life: u64, task: Task<()>) {
        self.history.seen.sends += 1;
        let worker = &mut self.workers[index];
        worker.on_their_way.insert(task.ticket, task.event.clone());
        let by_person = task.delivery_id.is_some_and(|id| self.tables.is_by_person(id));
        let (event, subject) = (task.event.event_id.as_u128(), task.event.subject.as_u128());
        self.history.traffic.push((self.now, Traffic::Sent { fence: worker.fence, event, subject, by_person }));
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

    pub(super) fn at_receiver(&mut self, index: usize, life: u64, sent_at: Millis, answered: bool, task: Task<()>) {
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
