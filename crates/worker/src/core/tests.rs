//! Stories of one owner, told input by input. What happens when everything goes wrong at once is in `tests/simulation.rs`.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::*;
use crate::retry::Backoff;

/// An owner at its desk, and the clock on the wall.
struct Desk {
    core: Core<()>,
    now: DateTime<Utc>,
    /// What was decided and not looked at yet.
    sends: Vec<Task<()>>,
    request: Option<Request>,
}

fn settings() -> Settings {
    let backoff = Backoff { spread_percent: 0, tries: 3, ..Backoff::default() };
    let circuit = CircuitSettings { backoff, ..CircuitSettings::default() };
    Settings { window: 10, page: 4, max_in_flight: 2, backoff, circuit, ..Settings::default() }
}

fn start(gate: Gate) -> Start {
    Start {
        fence: Fence(7),
        cursor: Position(0),
        gaps: vec![],
        troubled: vec![],
        settled: std::collections::HashSet::new(),
        circuit: None,
        gate,
        seed: 1,
    }
}

fn event(position: i64, subject: u128, version: i64) -> Event<()> {
    let event_id = Uuid::from_u128(0xe0 + position.unsigned_abs() as u128);
    Event { position: Position(position), event_id, subject: Uuid::from_u128(subject), version, cargo: () }
}

fn stored(row: u128, event: Event<()>, standing: Standing) -> StoredDelivery<()> {
    StoredDelivery { delivery_id: Uuid::from_u128(row), event, attempts: 1, by_person: false, standing }
}

fn accepted() -> Answer {
    Answer::Accepted { their_ref: Some("4711".into()) }
}

fn temporary() -> Answer {
    Answer::Temporary { after: None, reason: "locked by a user".into() }
}

fn down() -> Answer {
    Answer::Down { after: None, reason: "connection refused".into() }
}

impl Desk {
    fn new(start: Start) -> Self {
        let now = DateTime::from_timestamp(1_800_000_000, 0).expect("a time in range");
        let mut desk = Self { core: Core::start(settings(), start, now), now, sends: vec![], request: None };
        desk.hear(Input::Tick);
        desk
    }

    fn hear(&mut self, input: Input<()>) {
        for decision in self.core.step(input, self.now) {
            match decision {
                Decision::Send(task) => self.sends.push(task),
                Decision::Ask(request) => assert!(self.request.replace(request).is_none(), "one request at a time"),
            }
        }
    }

    fn wait(&mut self, millis: i64) {
        self.now += TimeDelta::milliseconds(millis);
        self.hear(Input::Tick);
    }

    /// Answers what the store is asked, with nothing new, until it is asked to write; that batch.
    fn written(&mut self) -> Batch {
        for _ in 0..20 {
            match self.request.take() {
                Some(Request::Write(batch)) => {
                    self.hear(Input::Written);
                    return batch;
                }
                other => self.nothing_for(other),
            }
        }
        panic!("nothing was written");
    }

    fn nothing_for(&mut self, request: Option<Request>) {
        match request {
            Some(Request::Read { .. }) => self.page(&[], &[]),
            Some(Request::Due { .. }) => self.hear(Input::Due(vec![])),
            Some(Request::Lanes { .. }) => self.hear(Input::Lanes(vec![])),
            Some(Request::Write(batch)) => panic!("it was to be written: {batch:?}"),
            None => self.wait(1_100),
        }
    }

    /// Waits for a request of a kind, answering all others with nothing.
    fn asked(&mut self, is_it: impl Fn(&Request) -> bool) -> Request {
        for _ in 0..20 {
            match self.request.take() {
                Some(request) if is_it(&request) => return request,
                Some(Request::Write(_)) => self.hear(Input::Written),
                other => self.nothing_for(other),
            }
        }
        panic!("it was not asked for");
    }

    fn page(&mut self, found: &[Event<()>], beyond: &[Event<()>]) {
        let rows = |events: &[Event<()>]| {
            events.iter().map(|event| LogRow { position: event.position, wanted: Some(event.clone()) }).collect()
        };
        let snapshot = Snapshot { xmin: 50, horizon: 60 };
        self.hear(Input::Page(Page { found: rows(found), beyond: rows(beyond), snapshot }));
    }

    /// Lets the log show these events.
    fn log(&mut self, events: &[Event<()>]) {
        self.asked(|request| matches!(request, Request::Read { .. }));
        self.page(&[], events);
    }

    fn due(&mut self, rows: Vec<StoredDelivery<()>>) {
        self.asked(|request| matches!(request, Request::Due { .. }));
        self.hear(Input::Due(rows));
    }

    /// The positions that were sent since the last look, with their tickets.
    fn sent(&mut self) -> Vec<i64> {
        self.sends.iter().map(|task| task.event.position.0).collect()
    }

    fn answer(&mut self, position: i64, answer: Answer) {
        let index = self.sends.iter().position(|task| task.event.position.0 == position).expect("it was sent");
        let ticket = self.sends.remove(index).ticket;
        self.hear(Input::Answered { ticket, answer, took: TimeDelta::milliseconds(12) });
    }
}

fn verdicts(batch: &Batch) -> Vec<(i64, &'static str)> {
    let word = |verdict: &Verdict| match verdict {
        Verdict::Delivered { .. } => "delivered",
        Verdict::Retrying { .. } => "retrying",
        Verdict::Parked { .. } => "parked",
        Verdict::Held => "held",
    };
    batch.outcomes.iter().map(|outcome| (outcome.position.0, word(&outcome.verdict))).collect()
}

#[test]
fn a_delivery_and_the_cursor_that_passes_it_are_written_together() {
    let mut desk = Desk::new(start(Gate::Open));
    desk.log(&[event(1, 1, 1)]);
    assert_eq!(desk.sent(), [1]);
    desk.answer(1, accepted());
    let batch = desk.written();
    assert_eq!((batch.fence, batch.cursor, batch.gaps.len()), (Fence(7), Position(1), 0));
    assert_eq!(verdicts(&batch), [(1, "delivered")]);
    assert_eq!(batch.outcomes[0].delivery_id, None, "a new row");
    assert_eq!(desk.core.load(), (0, 0));
}

#[test]
fn what_nobody_subscribed_to_only_moves_the_cursor_and_that_now_and_then() {
    let mut desk = Desk::new(start(Gate::Open));
    desk.asked(|request| matches!(request, Request::Read { .. }));
    let rows = vec![LogRow { position: Position(1), wanted: None }];
    let snapshot = Snapshot { xmin: 1, horizon: 1 };
    desk.hear(Input::Page(Page { found: vec![], beyond: rows, snapshot }));
    assert!(!matches!(desk.request, Some(Request::Write(_))), "not at once");
    let batch = desk.written();
    assert_eq!((batch.cursor, batch.outcomes.len()), (Position(1), 0));
}

#[test]
fn a_poke_while_the_log_is_being_read_makes_it_read_once_more() {
    let mut desk = Desk::new(start(Gate::Open));
    desk.asked(|request| matches!(request, Request::Read { .. }));
    desk.hear(Input::Poke);
    desk.page(&[], &[]);
    let asked: Vec<bool> = (0..2)
        .map(|_| {
            let request = desk.request.take();
            let is_read = matches!(request, Some(Request::Read { .. }));
            desk.nothing_for(request);
            is_read
        })
        .collect();
    assert!(asked.contains(&true), "at once, not with the next poll");
    assert!(desk.request.is_none(), "and then no more");
}

#[test]
fn one_subject_goes_one_by_one_and_others_go_beside_it_up_to_the_limit() {
    let mut desk = Desk::new(start(Gate::Open));
    desk.log(&[event(1, 1, 1), event(2, 1, 2), event(3, 2, 1), event(4, 3, 1)]);
    assert_eq!(desk.sent(), [1, 3], "two at once, and not two of a subject");
    desk.answer(1, accepted());
    assert_eq!(desk.sent(), [3, 4], "the lanes have their turns");
    desk.answer(3, accepted());
    assert_eq!(desk.sent(), [4, 2]);
}

#[test]
fn a_failed_delivery_holds_what_is_behind_it_and_nobody_else() {
    let mut desk = Desk::new(start(Gate::Open));
    desk.log(&[event(1, 1, 1), event(2, 1, 2), event(3, 2, 1)]);
    desk.answer(1, temporary());
    let batch = desk.written();
    assert_eq!(verdicts(&batch), [(1, "retrying"), (2, "held")]);
    assert_eq!(batch.outcomes[0].failure.as_ref().map(|failure| failure.fault.class), Some(FaultClass::Temporary));
    desk.log(&[event(4, 1, 3), event(5, 2, 2)]);
    desk.answer(3, accepted());
    assert_eq!(desk.sent(), [5], "subject 2 goes on, subject 1 waits");
    assert_eq!(verdicts(&desk.written()), [(4, "held")]);
    assert_eq!(verdicts(&desk.written()), [(3, "delivered")], "what happened during a write makes the next one");
}

#[test]
fn held_rows_are_loaded_in_batches_and_a_lane_with_none_left_is_healthy_again() {
    let subject = Uuid::from_u128(1);
    let mut desk = Desk::new(Start { troubled: vec![subject], ..start(Gate::Open) });
    desk.due(vec![stored(11, event(1, 1, 1), Standing::Due)]);
    desk.answer(1, accepted());
    assert_eq!(desk.written().outcomes[0].delivery_id, Some(Uuid::from_u128(11)));
    desk.asked(|request| matches!(request, Request::Lanes { subjects, .. } if subjects == &[subject]));
    desk.hear(Input::Lanes(vec![
        stored(12, event(2, 1, 2), Standing::Due),
        stored(13, event(3, 1, 3), Standing::Held),
        stored(14, event(4, 1, 4), Standing::Held),
    ]));
    for position in [2, 3, 4] {
        assert_eq!(desk.sent(), [position]);
        desk.answer(position, accepted());
    }
    desk.asked(|request| matches!(request, Request::Lanes { .. }));
    desk.hear(Input::Lanes(vec![]));
    desk.log(&[event(5, 1, 5)]);
    assert_eq!(desk.sent(), [5], "no row is needed any more");
}

#[test]
fn when_a_batch_fails_in_its_middle_memory_lets_go_of_the_rest() {
    let mut desk = Desk::new(Start { troubled: vec![Uuid::from_u128(1)], ..start(Gate::Open) });
    desk.due(vec![stored(11, event(1, 1, 1), Standing::Due)]);
    desk.answer(1, accepted());
    desk.asked(|request| matches!(request, Request::Lanes { .. }));
    desk.hear(Input::Lanes(vec![
        stored(12, event(2, 1, 2), Standing::Due),
        stored(13, event(3, 1, 3), Standing::Held),
    ]));
    desk.answer(2, Answer::Refused { reason: "the line is deleted".into() });
    assert_eq!(verdicts(&desk.written()), [(2, "parked")], "row 13 is held already");
    assert_eq!((desk.sent(), desk.core.load()), (vec![], (0, 0)));
}

#[test]
fn a_lane_whose_first_row_is_parked_or_waits_for_its_time_stays_as_it_is() {
    let subject = Uuid::from_u128(1);
    let mut desk = Desk::new(Start { troubled: vec![subject], ..start(Gate::Open) });
    desk.due(vec![StoredDelivery { by_person: true, ..stored(11, event(1, 1, 1), Standing::Due) }]);
    desk.answer(1, accepted());
    desk.asked(|request| matches!(request, Request::Lanes { .. }));
    desk.hear(Input::Lanes(vec![
        stored(12, event(2, 1, 2), Standing::Waiting),
        stored(13, event(3, 1, 3), Standing::Held),
    ]));
    assert_eq!((desk.sent(), desk.core.load()), (vec![], (0, 0)));
    desk.log(&[event(4, 1, 4)]);
    assert_eq!(verdicts(&desk.written()), [(4, "held")]);
}

#[test]
fn due_rows_that_are_in_hand_already_are_not_asked_for_again_and_again() {
    let mut desk = Desk::new(start(Gate::Open));
    let rows = || (0..256).map(|row| stored(100 + row, event(1, 1, 1), Standing::Due)).collect::<Vec<_>>();
    desk.due(rows().into_iter().take(255).collect());
    desk.wait(60);
    desk.due(rows());
    assert_eq!(desk.core.load().1, 256);
    assert!(!matches!(desk.request, Some(Request::Due { .. })), "there is enough in hand");
}

#[test]
fn the_last_try_parks() {
    let mut desk = Desk::new(start(Gate::Open));
    let row = StoredDelivery { attempts: 2, ..stored(11, event(1, 1, 1), Standing::Due) };
    desk.due(vec![row]);
    assert_eq!(desk.sends[0].attempt, 3);
    desk.answer(1, Answer::Pending { reason: "no answer".into() });
    let batch = desk.written();
    assert_eq!(verdicts(&batch), [(1, "parked")]);
    assert_eq!(batch.outcomes[0].attempts, 3);
}

#[test]
fn a_system_that_is_down_costs_no_try_and_no_row_and_is_probed_by_one() {
    let mut desk = Desk::new(start(Gate::Open));
    desk.log(&[event(1, 1, 1), event(2, 2, 1), event(3, 3, 1)]);
    desk.answer(1, down());
    desk.answer(2, down());
    let batch = desk.written();
    assert_eq!((verdicts(&batch), batch.cursor), (vec![], Position(2)), "two are taken along, the third stops it");
    let until = desk.now + TimeDelta::seconds(5);
    assert_eq!(batch.circuit.map(|note| note.state), Some(CircuitState::Open { until }));
    desk.wait(4_900);
    assert_eq!(desk.sent(), [] as [i64; 0]);
    desk.log(&[]);
    desk.wait(200);
    assert_eq!(desk.sent(), [2], "exactly one; the one put back last is the first");
    assert_eq!(desk.sends[0].attempt, 1);
    desk.answer(2, accepted());
    assert_eq!(desk.sent(), [1], "one for one at first");
}

#[test]
fn an_unclear_answer_during_maintenance_is_not_held_against_the_delivery() {
    let mut desk = Desk::new(start(Gate::Open));
    desk.log(&[event(1, 1, 1)]);
    desk.hear(Input::Gate(Gate::Maintenance));
    desk.answer(1, temporary());
    assert_eq!(desk.sent(), [] as [i64; 0], "nothing is sent");
    assert!(desk.core.is_quiet() || !matches!(desk.request, Some(Request::Write(_))), "and nothing written");
    desk.hear(Input::Gate(Gate::Open));
    assert_eq!((desk.sent(), desk.sends[0].attempt), (vec![1], 1));
}

#[test]
fn what_a_person_sends_again_goes_through_the_lane_and_never_holds_it() {
    let mut desk = Desk::new(start(Gate::Open));
    desk.log(&[event(5, 1, 5)]);
    desk.due(vec![StoredDelivery { by_person: true, ..stored(11, event(1, 1, 1), Standing::Due) }]);
    assert_eq!(desk.sent(), [5], "not beside another one of its subject");
    desk.log(&[event(6, 1, 6)]);
    desk.answer(5, accepted());
    assert_eq!(desk.sent(), [1]);
    desk.answer(1, Answer::Refused { reason: "too old".into() });
    assert_eq!(desk.sent(), [6], "the refused resend is parked, and the lane goes on");
}

#[test]
fn a_due_row_of_a_lane_thought_healthy_means_trouble() {
    let mut desk = Desk::new(start(Gate::Open));
    desk.due(vec![stored(11, event(1, 1, 1), Standing::Due)]);
    desk.log(&[event(2, 1, 2)]);
    desk.answer(1, accepted());
    assert_eq!(verdicts(&desk.written()), [(2, "held")]);
    assert_eq!(verdicts(&desk.written()), [(1, "delivered")]);
}

#[test]
fn one_slow_answer_does_not_keep_the_cursor_back() {
    let mut desk = Desk::new(start(Gate::Open));
    desk.log(&[event(1, 1, 1), event(2, 2, 1), event(3, 2, 2), event(4, 2, 3)]);
    for position in 2..=4 {
        desk.answer(position, accepted());
    }
    let batch = std::iter::repeat_with(|| desk.written()).find(|batch| batch.cursor == Position(4)).expect("it moves");
    assert_eq!(batch.gaps, [Gap::seen(Position(1))], "the slow one is taken along");
}

#[test]
fn a_next_owner_looks_at_the_gaps_again_and_does_not_repeat_what_has_a_row() {
    let gap = Gap { first: Position(1), last: Position(1), horizon: 55 };
    let settled = std::collections::HashSet::from([event(4, 1, 2).event_id]);
    let mut desk = Desk::new(Start { cursor: Position(3), gaps: vec![gap], settled, ..start(Gate::Open) });
    let request = desk.asked(|request| matches!(request, Request::Read { .. }));
    let Request::Read { after, gaps, .. } = request else { unreachable!("just matched") };
    assert_eq!((after, gaps), (Position(3), vec![gap]));
    desk.page(&[event(1, 1, 1)], &[event(4, 1, 2), event(5, 1, 3)]);
    assert_eq!(desk.sent(), [1]);
    desk.answer(1, accepted());
    assert_eq!(desk.sent(), [5]);
}

#[test]
fn a_page_cut_off_inside_the_gaps_hands_on_nothing_beyond_them() {
    let gaps = vec![Gap { first: Position(1), last: Position(9), horizon: 55 }];
    let mut desk = Desk::new(Start { cursor: Position(9), gaps, ..start(Gate::Open) });
    desk.asked(|request| matches!(request, Request::Read { .. }));
    let first: Vec<_> = (1..=4).map(|number| event(number, 1, number)).collect();
    desk.page(&first, &[event(10, 1, 10)]);
    let cut_off_at = desk.now;
    let request = desk.asked(|request| matches!(request, Request::Read { .. }));
    let Request::Read { after, .. } = request else { unreachable!("just matched") };
    assert_eq!(after, Position(9), "event 10 is read again, after 5 to 9");
    assert_eq!(desk.now, cut_off_at, "and at once");
}

#[test]
fn a_full_window_reads_no_more_but_still_asks_whether_it_is_the_owner() {
    let mut desk = Desk::new(start(Gate::Paused));
    for first in [1, 5, 9] {
        let page: Vec<_> = (first..first + 4).map(|number| event(number, 1, number)).collect();
        desk.log(&page);
    }
    let request = desk.asked(|request| matches!(request, Request::Read { limit: 0, .. }));
    assert!(matches!(request, Request::Read { fence: Fence(7), .. }));
    assert_eq!(desk.core.load().0, 12, "a page more than the window, at most");
}

#[test]
fn an_owner_that_was_frozen_asks_before_it_sends() {
    let mut desk = Desk::new(start(Gate::Open));
    desk.log(&[event(1, 1, 1), event(2, 1, 2)]);
    desk.wait(60_000);
    desk.answer(1, accepted());
    assert_eq!(desk.sent(), [] as [i64; 0], "it has not heard from the store for a minute");
    desk.written();
    assert_eq!(desk.sent(), [2], "the write was asked for after it awoke, and landed");
}

#[test]
fn a_deposed_owner_decides_nothing_any_more() {
    let mut desk = Desk::new(start(Gate::Open));
    desk.log(&[event(1, 1, 1), event(2, 1, 2)]);
    desk.hear(Input::Fenced);
    desk.request = None;
    desk.answer(1, accepted());
    desk.hear(Input::Poke);
    desk.wait(100_000);
    assert_eq!((desk.sent(), desk.request.is_none(), desk.core.is_deposed()), (vec![], true, true));
    assert_eq!(desk.core.wake_at(), None);
}

#[test]
fn a_paused_owner_finishes_what_is_on_its_way_and_is_quiet() {
    let mut desk = Desk::new(start(Gate::Open));
    desk.log(&[event(1, 1, 1), event(2, 1, 2)]);
    desk.hear(Input::Gate(Gate::Paused));
    desk.answer(1, accepted());
    assert_eq!(verdicts(&desk.written()), [(1, "delivered")]);
    assert_eq!(desk.sent(), [] as [i64; 0]);
    if let Some(request) = desk.request.take() {
        desk.nothing_for(Some(request));
    }
    assert!(desk.core.is_quiet());
}
