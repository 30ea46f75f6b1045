//! An order, its people and its answers in few words, so that a test reads like the sentence it stands for.
//!
//! Parts are written `60 on 12-10 + 40 on 12-14 at 10.50` (`open` for no date yet, `shipped 12-08`), limits
//! `late 2, over 10 refuse`; days are of 2026 and today is the first of December.

use std::collections::HashMap;

use domain::access::{Actor, Role};
use domain::command::{ItemSnapshot, LineSnapshot, OrderSnapshot, PlantSnapshot, ScheduleSnapshot, SupplierSnapshot};
use domain::confirmation::{Answer, AnswerKind, Channel, ConfirmLines, Decision, Problem, Verdict};
use domain::event::Event;
use domain::id::{ConfirmationId, ConnectionId, ItemId, OrderId, PersonId, PlantId, ScheduleLineId, SupplierId};
use domain::order::{Commitment, OrderStatus, PurchaseOrder, Reason, ScheduleLine};
use domain::quantity::Unit;
use domain::revision::{Mirrored, Resolved};
use domain::tolerance::{Limit, Outside, Tolerances};
use domain::{Decimal, NaiveDate, Timestamp};
use uuid::Uuid;

pub fn number(text: &str) -> Decimal {
    text.parse().unwrap_or_else(|_| panic!("{text} is no number"))
}

/// `12-10` of 2026, or a full ISO date.
pub fn date(text: &str) -> NaiveDate {
    let full = if text.len() == 5 { format!("2026-{text}") } else { text.to_owned() };
    full.parse().unwrap_or_else(|_| panic!("{text} is no day"))
}

pub fn today() -> NaiveDate {
    date("12-01")
}

pub fn now() -> Timestamp {
    "2026-12-01T09:30:00Z".parse().expect("an instant")
}

pub fn parts(text: &str) -> Vec<Commitment> {
    text.split('+').map(str::trim).filter(|part| !part.is_empty()).map(part).collect()
}

fn part(text: &str) -> Commitment {
    let mut words = text.split_whitespace();
    let quantity = number(words.next().expect("a quantity"));
    let mut part = Commitment { quantity, deliver_on: None, ship_on: None, price: None };
    while let Some(word) = words.next() {
        let mut value = || words.next().expect("a value after the word");
        match word {
            "on" => part.deliver_on = Some(date(value())),
            "shipped" => part.ship_on = Some(date(value())),
            "at" => part.price = Some(number(value())),
            "open" => part.deliver_on = None,
            other => panic!("{other} means nothing in {text}"),
        }
    }
    part
}

pub fn limits(text: &str) -> Tolerances {
    let mut limits = Tolerances::default();
    for rule in text.split(',').map(str::trim).filter(|rule| !rule.is_empty()) {
        let words: Vec<&str> = rule.split_whitespace().collect();
        let outside = if words.get(2) == Some(&"refuse") { Outside::Refuse } else { Outside::Review };
        let limit = Some(Limit { up_to: number(words[1]), outside });
        match words[0] {
            "late" => limits.late = limit,
            "early" => limits.early = limit,
            "short" => limits.short = limit,
            "over" => limits.over = limit,
            "dearer" => limits.dearer = limit,
            other => panic!("{other} has no limit"),
        }
    }
    limits
}

/// Order 4500001 with the lines `0010`, `0020` … each asked for in these parts, in pieces at 10.00.
pub fn snapshot(lines: &[&str]) -> OrderSnapshot {
    OrderSnapshot {
        number: "4500001".to_owned(),
        their_version: 1,
        their_ref: "77".to_owned(),
        supplier: SupplierSnapshot { number: "100234".to_owned(), name: "Rhein Guss".to_owned() },
        plant: PlantSnapshot { code: "DE10".to_owned(), name: "Lindau".to_owned() },
        buyer: Some("Ada Keller".to_owned()),
        currency: "EUR".to_owned(),
        incoterm: Some("DAP Lindau".to_owned()),
        status: OrderStatus::Open,
        lines: lines.iter().enumerate().map(|(index, asked)| line((index + 1) * 10, asked)).collect(),
    }
}

pub fn line(number: usize, asked: &str) -> LineSnapshot {
    let item = ItemSnapshot {
        number: format!("0012-{number:03}"),
        description: "Bearing housing".to_owned(),
        unit: Unit::new("PCE"),
        revision: None,
        rules: None,
    };
    LineSnapshot {
        number: format!("{number:04}"),
        their_ref: number.to_string(),
        item,
        supplier_item: None,
        unit: Unit::new("PCE"),
        price: Some(self::number("10.00")),
        tolerances: Tolerances::default(),
        schedule: parts(asked)
            .into_iter()
            .zip(1..)
            .map(|(part, number)| ScheduleSnapshot {
                number,
                quantity: part.quantity,
                requested_on: part.deliver_on.expect("a requested day"),
            })
            .collect(),
    }
}

pub fn resolved() -> Resolved {
    Resolved {
        connection_id: ConnectionId(Uuid::from_u128(1)),
        supplier_id: SupplierId(Uuid::from_u128(2)),
        plant_id: PlantId(Uuid::from_u128(3)),
        items: (1..10)
            .map(|n| (format!("0012-{:03}", n * 10), ItemId(Uuid::from_u128(0x100 + n))))
            .collect::<HashMap<_, _>>(),
        supplier_tolerances: Tolerances::default(),
        plant_tolerances: Tolerances::default(),
        may_change_price: true,
    }
}

/// Ids that count up from `first`.
pub fn ids(first: u128) -> impl FnMut() -> Uuid {
    let mut next = first;
    move || {
        next += 1;
        Uuid::from_u128(next)
    }
}

pub fn publish(snapshot: &OrderSnapshot, resolved: &Resolved) -> PurchaseOrder {
    PurchaseOrder::publish(OrderId(Uuid::from_u128(4)), snapshot, resolved, now(), &mut ids(0x1000)).0
}

/// An order of these lines with nothing agreed: every deviation is the buyer's to decide.
pub fn order(lines: &[&str]) -> PurchaseOrder {
    publish(&snapshot(lines), &resolved())
}

/// One line, 100 pieces on 10 December, with these limits on it.
pub fn order_within(line_limits: &str) -> PurchaseOrder {
    let mut snapshot = snapshot(&["100 on 12-10"]);
    snapshot.lines[0].tolerances = limits(line_limits);
    publish(&snapshot, &resolved())
}

fn person(id: u128, name: &str, role: Role) -> Actor {
    Actor::Person { person_id: PersonId(Uuid::from_u128(id)), name: name.to_owned(), roles: vec![role] }
}

pub fn supplier() -> Actor {
    person(0x51, "Jonas Weber", Role::Supplier)
}

pub fn buyer() -> Actor {
    person(0xb1, "Ada Keller", Role::Buyer)
}

pub fn other_buyer() -> Actor {
    person(0xb2, "Lin Chen", Role::Buyer)
}

pub fn somebody(role: Role) -> Actor {
    person(0xff, "Sam Ortiz", role)
}

/// The `index`th schedule line of the order, counted through all lines.
pub fn nth(order: &PurchaseOrder, index: usize) -> &ScheduleLine {
    order.schedule_lines().nth(index).expect("that many schedule lines").1
}

/// What is said to the `index`th schedule line, as read now: `yes`, `no`, or parts (a backorder where one is `open`).
pub fn answer(order: &PurchaseOrder, index: usize, says: &str) -> Answer {
    let schedule = nth(order, index);
    let (kind, commitments, reason) = match says {
        "yes" => (AnswerKind::Accept, Vec::new(), None),
        "no" => (AnswerKind::Reject, Vec::new(), Some(Reason::Discontinued)),
        says if says.contains("open") => (AnswerKind::Backorder, parts(says), Some(Reason::MaterialShortage)),
        says => (AnswerKind::Change, parts(says), Some(Reason::Capacity)),
    };
    let (schedule_line_id, version) = (schedule.schedule_line_id, schedule.version);
    Answer { schedule_line_id, version, kind, commitments, reason, note: None }
}

pub fn confirmation(n: u128) -> ConfirmationId {
    ConfirmationId(Uuid::from_u128(0xc000 + n))
}

/// The answers as sent from the portal against the revision in force.
pub fn sent(order: &PurchaseOrder, answers: Vec<Answer>) -> ConfirmLines {
    let submission = Uuid::from_u128(0x5b);
    ConfirmLines { revision: order.revision, answers, channel: Channel::Portal, submission }
}

/// The supplier says so, and it is taken.
pub fn says(order: &mut PurchaseOrder, index: usize, says: &str) -> Vec<Event> {
    let command = sent(order, vec![answer(order, index, says)]);
    order.confirm(&command, confirmation(1), &supplier(), now(), today()).expect("the answer is taken")
}

pub fn decision(order: &PurchaseOrder, index: usize, verdict: Verdict) -> Decision {
    let schedule = nth(order, index);
    let note = Some("We need it for the assembly line.".to_owned());
    Decision { schedule_line_id: schedule.schedule_line_id, version: schedule.version, verdict, note }
}

/// The buyer decides so, and it is taken.
pub fn decides(order: &mut PurchaseOrder, index: usize, verdict: Verdict) -> Vec<Event> {
    let decision = decision(order, index, verdict);
    order.decide(&[decision], &buyer(), now(), today()).expect("the decision is taken")
}

/// The ERP tells about the order again, one version later, after `edit`.
pub fn erp_says(
    order: &mut PurchaseOrder,
    snapshot: &mut OrderSnapshot,
    edit: impl FnOnce(&mut OrderSnapshot),
) -> Mirrored {
    snapshot.their_version += 1;
    edit(snapshot);
    order.revise(snapshot, &resolved(), &mut ids(0x9000 + 0x100 * u128::from(snapshot.their_version.unsigned_abs())))
}

/// The refusals as a person reads them.
pub fn words<T: std::fmt::Debug>(result: Result<T, Vec<Problem>>) -> Vec<String> {
    result.expect_err("it is refused").iter().map(|problem| problem.refusal.to_string()).collect()
}

/// The schedule lines of the promise that other systems are told, if there is one.
pub fn promised(events: &[Event]) -> Vec<(ScheduleLineId, Vec<Commitment>)> {
    events
        .iter()
        .filter_map(|event| match event {
            Event::PromiseMade { lines, .. } => Some(lines),
            _ => None,
        })
        .flatten()
        .map(|line| (line.schedule_line_id, line.commitments.clone()))
        .collect()
}
