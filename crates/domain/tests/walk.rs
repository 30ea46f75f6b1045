//! Random walks over one order: whatever suppliers, buyers and the ERP do in whatever order, these things hold after every
//! step. The rules themselves stand in the tables beside this file; here is what must never happen.

use domain::access::{Actor, Role};
use domain::command::OrderSnapshot;
use domain::confirmation::{Answer, AnswerKind, Channel, ConfirmLines, Decision, Verdict};
use domain::event::Event;
use domain::negotiation::{Negotiation, TABLE, Turn};
use domain::order::{Commitment, OrderStatus, PurchaseOrder, Reason, ScheduleLine, total};
use domain::revision::{Mirrored, Resolved};
use domain::tolerance::{Limit, Outside, Tolerances};
use domain::{Decimal, NaiveDate};
use proptest::prelude::*;

use crate::orders::*;

/// One thing somebody does. Places are counted modulo what is there, so that most of them mean something.
#[derive(Debug, Clone)]
enum Deed {
    Answer { by: Actor, on_behalf: bool, old_revision: bool, says: Vec<Said> },
    Decide { by: Actor, says: Vec<Said>, verdicts: Vec<u8> },
    Erp { edits: Vec<(usize, Edit)>, status: OrderStatus, late: bool },
    NightFalls { days: u64 },
}

#[derive(Debug, Clone)]
struct Said {
    place: usize,
    kind: AnswerKind,
    parts: Vec<Commitment>,
    reason: Option<Reason>,
    note: Option<String>,
    stale: bool,
}

#[derive(Debug, Clone)]
enum Edit {
    Quantity(Decimal),
    Day(i64),
    Price(Option<Decimal>),
    Item(u8),
    RemoveLine,
    AddLine,
    RemoveSchedule,
    AddSchedule(Decimal, i64),
}

fn in_days(days: i64) -> NaiveDate {
    today() + chrono::Duration::days(days)
}

fn quantities() -> impl Strategy<Value = Decimal> {
    prop_oneof![
        40 => (1..=12_i64).prop_map(|tens| Decimal::from(tens * 10)),
        1 => (-1..=1_000_000_i64).prop_map(|digits| Decimal::new(digits, 3)),
        1 => Just(Decimal::MAX),
    ]
}

fn prices() -> impl Strategy<Value = Decimal> {
    prop_oneof![40 => (900..=1100_i64).prop_map(|cents| Decimal::new(cents, 2)), 1 => Just(Decimal::ZERO), 1 => Just(Decimal::MAX)]
}

fn commitments() -> impl Strategy<Value = Commitment> {
    let day = prop_oneof![19 => (3..40_i64).prop_map(|days| Some(in_days(days))), 1 => Just(None)];
    let ship = prop_oneof![19 => Just(None), 1 => (0..40_i64).prop_map(|days| Some(in_days(days)))];
    let price = prop_oneof![6 => Just(None), 1 => prices().prop_map(Some)];
    (quantities(), day, ship, price).prop_map(|(quantity, deliver_on, ship_on, price)| Commitment {
        quantity,
        deliver_on,
        ship_on,
        price,
    })
}

fn said() -> impl Strategy<Value = Said> {
    (
        0..12_usize,
        prop_oneof![
            3 => Just(AnswerKind::Accept),
            4 => Just(AnswerKind::Change),
            1 => Just(AnswerKind::Backorder),
            1 => Just(AnswerKind::Reject)
        ],
        prop::collection::vec(commitments(), 1..4),
        prop_oneof![8 => Just(Some(Reason::Capacity)), 1 => Just(None), 1 => Just(Some(Reason::Other))],
        prop_oneof![1 => Just(None), 3 => Just(Some("Furnace.".to_owned()))],
        prop::bool::weighted(0.05),
    )
        .prop_map(|(place, kind, parts, reason, note, stale)| Said { place, kind, parts, reason, note, stale })
}

fn deeds() -> impl Strategy<Value = Deed> {
    let says = || prop_oneof![5 => prop::collection::vec(said(), 1..3), 1 => prop::collection::vec(said(), 0..5)];
    let answerer = prop_oneof![8 => Just((supplier(), false)), 2 => Just((buyer(), true)), 1 => Just((buyer(), false))];
    let decider = prop_oneof![6 => Just(buyer()), 2 => Just(other_buyer()), 1 => Just(somebody(Role::PlantManager))];
    let edit = prop_oneof![
        3 => quantities().prop_map(Edit::Quantity),
        3 => (0..40_i64).prop_map(Edit::Day),
        1 => prop::option::of(prices()).prop_map(Edit::Price),
        1 => (1..9_u8).prop_map(Edit::Item),
        1 => Just(Edit::RemoveLine),
        1 => Just(Edit::AddLine),
        1 => Just(Edit::RemoveSchedule),
        1 => (quantities(), 0..40_i64).prop_map(|(quantity, day)| Edit::AddSchedule(quantity, day)),
    ];
    let status = prop_oneof![
        20 => Just(OrderStatus::Open),
        1 => Just(OrderStatus::Closed),
        1 => Just(OrderStatus::Cancelled)
    ];
    prop_oneof![
        5 => (answerer, prop::bool::weighted(0.05), says())
            .prop_map(|((by, on_behalf), old_revision, says)| Deed::Answer { by, on_behalf, old_revision, says }),
        4 => (decider, says(), prop::collection::vec(0..3_u8, 5))
            .prop_map(|(by, says, verdicts)| Deed::Decide { by, says, verdicts }),
        2 => (prop::collection::vec((0..12_usize, edit), 0..3), status, prop::bool::weighted(0.1))
            .prop_map(|(edits, status, late)| Deed::Erp { edits, status, late }),
        1 => (1..4_u64).prop_map(|days| Deed::NightFalls { days }),
    ]
}

fn limit() -> impl Strategy<Value = Option<Limit>> {
    let up_to = prop_oneof![9 => (0..20_i64).prop_map(Decimal::from), 1 => Just(Decimal::MAX)];
    let outside = prop_oneof![3 => Just(Outside::Review), 1 => Just(Outside::Refuse)];
    prop::option::of((up_to, outside).prop_map(|(up_to, outside)| Limit { up_to, outside }))
}

fn tolerances() -> impl Strategy<Value = Tolerances> {
    (limit(), limit(), limit(), limit(), limit()).prop_map(|(late, early, short, over, dearer)| Tolerances {
        late,
        early,
        short,
        over,
        dearer,
    })
}

fn orders() -> impl Strategy<Value = (OrderSnapshot, Resolved)> {
    let asked = prop::collection::vec((1..12_i64, 0..30_i64), 1..4);
    let lines = prop::collection::vec((asked, tolerances(), prop::option::weighted(0.9, prices())), 1..=4);
    (lines, tolerances(), any::<bool>()).prop_map(|(lines, supplier_tolerances, may_change_price)| {
        let asked: Vec<String> = lines
            .iter()
            .map(|(asked, ..)| {
                let parts = asked.iter().map(|(tens, day)| format!("{} on {}", tens * 10, in_days(*day)));
                parts.collect::<Vec<_>>().join(" + ")
            })
            .collect();
        let mut snapshot = snapshot(&asked.iter().map(String::as_str).collect::<Vec<_>>());
        for (line, (_, tolerances, price)) in snapshot.lines.iter_mut().zip(lines) {
            line.tolerances = tolerances;
            line.price = price;
        }
        (snapshot, Resolved { supplier_tolerances, may_change_price, ..resolved() })
    })
}

/// The order as it is, the ERP's own idea of it, and the day.
struct World {
    order: PurchaseOrder,
    erp: OrderSnapshot,
    resolved: Resolved,
    today: NaiveDate,
    fresh: u128,
}

impl World {
    fn schedule(&self, place: usize) -> &ScheduleLine {
        nth(&self.order, place % self.order.schedule_lines().count())
    }

    fn answer_of(&self, said: &Said) -> Answer {
        let schedule = self.schedule(said.place);
        let silent = matches!(said.kind, AnswerKind::Accept | AnswerKind::Reject);
        Answer {
            schedule_line_id: schedule.schedule_line_id,
            version: schedule.version - i64::from(said.stale),
            kind: said.kind,
            commitments: if silent { Vec::new() } else { said.parts.clone() },
            reason: said.reason,
            note: said.note.clone(),
        }
    }

    /// Does it and gives back what happened, after checking what must hold of this kind of deed.
    fn does(&mut self, deed: &Deed) -> Vec<Event> {
        self.fresh += 0x100;
        match deed {
            Deed::Answer { by, on_behalf, old_revision, says } => {
                let answers = says.iter().map(|said| self.answer_of(said)).collect();
                let command = ConfirmLines {
                    channel: if *on_behalf { Channel::OnBehalf } else { Channel::Portal },
                    revision: self.order.revision - i32::from(*old_revision),
                    ..sent(&self.order, answers)
                };
                self.answers(&command, by)
            }
            Deed::Decide { by, says, verdicts } => {
                let decisions: Vec<_> =
                    says.iter().zip(verdicts).map(|(said, verdict)| self.decision_of(said, *verdict)).collect();
                self.decides(&decisions, by)
            }
            Deed::Erp { edits, status, late } => {
                for (place, edit) in edits {
                    self.edit(*place, edit);
                }
                self.erp.status = *status;
                self.erp.their_version += 1;
                let mut news = self.erp.clone();
                if *late {
                    news.their_version = self.order.their_version - 1;
                }
                let before = self.order.clone();
                match self.order.revise(&news, &self.resolved, &mut ids(0x10_0000 + self.fresh)) {
                    Mirrored::Changed(events) => {
                        assert!(!events.is_empty());
                        events
                    }
                    Mirrored::Stale => {
                        assert!(*late && self.order == before, "late news touches nothing");
                        Vec::new()
                    }
                    Mirrored::Unchanged => {
                        assert!(self.order.schedule_lines().eq(before.schedule_lines().map(|(line, schedule)| {
                            // Words of a line may follow silently; what is asked for may not.
                            let now = self.order.lines.iter().find(|now| now.number == line.number);
                            (now.expect("lines never go away"), schedule)
                        })));
                        Vec::new()
                    }
                }
            }
            Deed::NightFalls { days } => {
                self.today = self.today + chrono::Days::new(*days);
                Vec::new()
            }
        }
    }

    fn decision_of(&self, said: &Said, verdict: u8) -> Decision {
        // Mostly about what waits for a decision, sometimes about anything.
        let waiting: Vec<_> = self
            .order
            .schedule_lines()
            .filter(|(_, schedule)| schedule.state.turn() == Turn::Buyer)
            .map(|(_, schedule)| schedule)
            .collect();
        let schedule = match waiting.len() {
            0 => self.schedule(said.place),
            count => waiting[said.place % count],
        };
        Decision {
            schedule_line_id: schedule.schedule_line_id,
            version: schedule.version - i64::from(said.stale),
            verdict: match verdict {
                0 => Verdict::Accept,
                1 => Verdict::Counter(said.parts.clone()),
                _ => Verdict::Reject,
            },
            note: said.note.clone(),
        }
    }

    /// What `assess` says is what `confirm` does; refused, nothing is touched.
    fn answers(&mut self, command: &ConfirmLines, by: &Actor) -> Vec<Event> {
        let before = self.order.clone();
        let said: Vec<_> = command.answers.iter().map(|answer| before.assess(answer, self.today)).collect();
        let result = self.order.confirm(command, confirmation(self.fresh), by, now(), self.today);
        let Ok(events) = result else {
            assert_eq!(self.order, before, "refused, so nothing changed");
            let unique = (1..command.answers.len()).all(|n| {
                command.answers[..n].iter().all(|other| other.schedule_line_id != command.answers[n].schedule_line_id)
            });
            let current = command.answers.iter().all(|answer| {
                before.find(answer.schedule_line_id).is_some_and(|(_, schedule)| schedule.version == answer.version)
            });
            let allowed = (command.channel == Channel::OnBehalf) == (*by == buyer());
            let foreign = command.answers.iter().all(|answer| {
                let counter = before.find(answer.schedule_line_id).and_then(|(_, schedule)| schedule.counter.as_ref());
                counter.is_none_or(|counter| counter.by.is_none() || counter.by != by.person())
            });
            let fits = before.status == OrderStatus::Open && before.revision == command.revision && !said.is_empty();
            assert!(
                !(unique && current && allowed && foreign && fits && said.iter().all(Result::is_ok)),
                "what can be assessed can be sent: {result:?}"
            );
            return Vec::new();
        };
        let Some(Event::LinesConfirmed { lines: told, .. }) = events.first() else { panic!("told what was answered") };
        assert_eq!(told.len(), command.answers.len());
        let mut binding = Vec::new();
        for ((answer, assessment), told) in command.answers.iter().zip(said).zip(told) {
            let assessment = assessment.expect("taken, so it could be assessed");
            let (_, schedule) = self.order.find(answer.schedule_line_id).expect("still there");
            assert_eq!((told.by_rule, &told.commitments), (assessment.by_rule, &assessment.commitments));
            assert_eq!(told.deviations, assessment.deviations);
            if assessment.by_rule {
                assert_eq!(
                    (schedule.state, schedule.promise.as_ref()),
                    (Negotiation::Accepted, Some(&told.commitments))
                );
                binding.push(schedule.schedule_line_id);
            } else {
                let proposal = schedule.proposal.as_ref().expect("waits for the buyer");
                assert_eq!((schedule.state, &proposal.commitments), (Negotiation::InReview, &told.commitments));
                assert_eq!(total(&proposal.commitments), total(&told.commitments));
            }
        }
        self.told_is_binding(&events, binding);
        events
    }

    fn decides(&mut self, decisions: &[Decision], by: &Actor) -> Vec<Event> {
        let before = self.order.clone();
        let Ok(events) = self.order.decide(decisions, by, now(), self.today) else {
            assert_eq!(self.order, before, "refused, so nothing changed");
            return Vec::new();
        };
        let mut binding = Vec::new();
        for decision in decisions {
            let (_, was) = before.find(decision.schedule_line_id).expect("was there");
            let (_, is) = self.order.find(decision.schedule_line_id).expect("is there");
            let proposal = was.proposal.as_ref().expect("only a proposal is decided on");
            assert!(proposal.by.is_none() || proposal.by != by.person(), "nobody decides on the own answer");
            match &decision.verdict {
                Verdict::Accept => {
                    assert_eq!(is.promise.as_ref(), Some(&proposal.commitments));
                    binding.push(is.schedule_line_id);
                }
                Verdict::Counter(parts) => assert_eq!((&is.asked(), &is.promise), (parts, &was.promise)),
                Verdict::Reject => assert_eq!(is.promise, was.promise),
            }
        }
        self.told_is_binding(&events, binding);
        events
    }

    /// Others are told the lines that became binding, all of them and no other, with all their parts.
    fn told_is_binding(&self, events: &[Event], mut binding: Vec<domain::id::ScheduleLineId>) {
        let mut told = Vec::new();
        for (id, commitments) in promised(events) {
            let (_, schedule) = self.order.find(id).expect("told of a line of the order");
            let promise = schedule.promise.as_ref().expect("binding");
            assert_eq!((total(promise), promise), (total(&commitments), &commitments));
            told.push(id);
        }
        told.sort();
        binding.sort();
        assert_eq!(told, binding);
    }

    fn edit(&mut self, place: usize, edit: &Edit) {
        let lines = &mut self.erp.lines;
        if let Edit::AddLine = edit {
            let free = (1..9).map(|n| n * 10).find(|n| lines.iter().all(|line| line.number != format!("{n:04}")));
            lines.extend(free.map(|number| line(number, "30 on 12-22")));
            return;
        }
        let count = lines.len();
        if count == 0 {
            return;
        }
        let line = &mut lines[place % count];
        let schedules = line.schedule.len();
        match edit {
            Edit::Price(price) => line.price = *price,
            Edit::Item(n) => line.item.number = format!("0012-{n}0"),
            Edit::RemoveLine => drop(lines.remove(place % count)),
            Edit::AddSchedule(quantity, day) => {
                let number = line.schedule.iter().map(|schedule| schedule.number).max().unwrap_or(0) + 1;
                let requested_on = in_days(*day);
                line.schedule.push(domain::command::ScheduleSnapshot { number, quantity: *quantity, requested_on });
            }
            Edit::Quantity(quantity) if schedules > 0 => line.schedule[place % schedules].quantity = *quantity,
            Edit::Day(day) if schedules > 0 => line.schedule[place % schedules].requested_on = in_days(*day),
            Edit::RemoveSchedule if schedules > 0 => drop(line.schedule.remove(place % schedules)),
            _ => {}
        }
    }

    /// What holds between two moments of an order, whatever happened.
    fn follows(&self, before: &PurchaseOrder) {
        let order = &self.order;
        assert!(order.revision >= before.revision && order.their_version >= before.their_version);
        for (_, was) in before.schedule_lines() {
            let (_, is) = order.find(was.schedule_line_id).expect("a schedule line never goes away");
            let step = TABLE.iter().any(|(from, _, to)| (*from, *to) == (was.state, is.state));
            assert!(step || was.state == is.state, "{} to {} is no step", was.state, is.state);
            assert!(
                is.version == was.version + 1 || (is.version == was.version && is == was),
                "changed, so counted once"
            );
            assert!(was.first_promise.is_none() || was.first_promise == is.first_promise, "the first promise stays");
        }
        for (_, line) in order.schedule_lines() {
            stands(order, line);
        }
        let json = serde_json::to_string(order).expect("JSON");
        assert_eq!(&serde_json::from_str::<PurchaseOrder>(&json).expect("read back"), order);
    }
}

/// What holds of every schedule line at every moment; the table in PostgreSQL has the same constraints.
fn stands(order: &PurchaseOrder, line: &ScheduleLine) {
    assert_eq!(line.proposal.is_some(), line.state == Negotiation::InReview, "a proposal is what the buyer decides on");
    assert_eq!(line.counter.is_some(), line.state == Negotiation::Countered, "a counter is what the supplier answers");
    assert_eq!(line.proposal.is_some(), line.state.turn() == Turn::Buyer);
    assert_eq!(line.needs_supplier(), matches!(line.state, Negotiation::Published | Negotiation::Countered));
    match line.state {
        Negotiation::Accepted => {
            let promise = line.promise.as_ref().expect("accepted is promised");
            assert!(!promise.is_empty() && line.first_promise.is_some() && line.change.is_none());
            assert!(total(promise) > Decimal::ZERO);
        }
        Negotiation::Declined => assert_eq!(line.promise, Some(Vec::new()), "declined is promised nothing"),
        _ => {}
    }
    assert!(line.version >= 1 && line.quantity > Decimal::ZERO);
    assert!(order.status != OrderStatus::Cancelled || line.state == Negotiation::Cancelled);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_people_and_systems_do_the_order_keeps_its_word(
        (erp, resolved) in orders(),
        deeds in prop::collection::vec(deeds(), 1..40),
    ) {
        let order = publish(&erp, &resolved);
        let mut world = World { order, erp, resolved, today: today(), fresh: 0 };
        for deed in &deeds {
            let before = world.order.clone();
            let events = world.does(deed);
            world.follows(&before);
            for event in events {
                let json = serde_json::to_string(&event).expect("JSON");
                prop_assert_eq!(serde_json::from_str::<Event>(&json).expect("read back"), event);
            }
        }
    }
}
