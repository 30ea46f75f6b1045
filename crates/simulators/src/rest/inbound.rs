//! Material in the simulated system: what is announced, what came, what is held, and how much there is. Kept by
//! [`super::book`], which also writes it down; here are the rules.
//!
//! Everything that happened is an [`Entry`]; the state is what follows from entering them in order, so that a restart ends
//! where the last run did.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use domain::lot::StockStatus;
use domain::order::OrderStatus;
use domain::shipment::Milestone;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::book::Verdict;
use super::material::{
    Count, Delivery, DeliveryLine, Expected, Figure, Goods, Head, Hold, OwnReceipt, ReceivedLine, Seen, Taken, Told,
};
use super::production::{self, Movement, Posting, WorkOrder};
use super::stock::{GOODS_IN, Stock};
use super::wire::Order;
use super::{OpeningStock, Role};

/// The first number of a document about material.
const FIRST_DOCUMENT: u64 = 180_000_001;
/// The first number of an own receipt.
const FIRST_RECEIPT: u64 = 5_105_000_001;

/// Something that happened.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    Taken(Box<Taken>),
    Repeated(String),
    Receipt(Box<OwnReceipt>),
    Seen(Box<Seen>),
    Opening(OpeningStock),
}

/// What is known of material.
#[derive(Debug, Default)]
pub struct Inbound {
    taken: Vec<Taken>,
    by_key: HashMap<String, usize>,
    last_sequence: HashMap<String, i64>,
    expected: BTreeMap<String, Expected>,
    holds: BTreeMap<String, (Hold, bool)>,
    /// Receipts of the portal, for taking them back: plant and goods.
    goods: BTreeMap<String, (String, Goods)>,
    receipts: Vec<OwnReceipt>,
    seen: Vec<Seen>,
    stock: Stock,
    /// Postings by their report, as long as they are not taken back.
    booked: HashMap<String, Posting>,
    /// What each work order makes.
    made: HashMap<String, String>,
    /// What a shop floor was told to make.
    work_orders: BTreeMap<String, serde_json::Value>,
    /// Items that go into inspection on arrival, as the orders say.
    inspected: BTreeMap<String, bool>,
}

/// A document's number as this system writes it: two systems never give one number to two documents.
fn numbered(role: Role, number: u64) -> String {
    match role {
        Role::Erp => number.to_string(),
        Role::Wms => format!("W{number}"),
        Role::Mes => format!("M{number}"),
    }
}

impl Inbound {
    /// The rules of an item, for where its goods go.
    pub fn know(&mut self, order: &Order) {
        for line in &order.lines {
            let inspection = line.item.rules.as_ref().is_some_and(|rules| rules.inspection);
            self.inspected.insert(line.item.number.clone(), inspection);
        }
    }

    /// Makes an entry true.
    pub fn enter(&mut self, entry: Entry) {
        match entry {
            Entry::Taken(taken) => {
                let last = self.last_sequence.entry(taken.told.about()).or_default();
                *last = taken.head.sequence.max(*last);
                self.by_key.insert(taken.idempotency_key.clone(), self.taken.len());
                self.take_effect(&taken);
                self.taken.push(*taken);
            }
            Entry::Repeated(key) => {
                if let Some(taken) = self.by_key.get(&key).and_then(|&index| self.taken.get_mut(index)) {
                    taken.repeats += 1;
                }
            }
            Entry::Receipt(receipt) => self.received(*receipt),
            Entry::Seen(seen) => {
                if let Some(expected) = self.expected.get_mut(&seen.notice) {
                    expected.milestone = Some(seen.milestone);
                }
                self.seen.push(*seen);
            }
            Entry::Opening(opening) => self.stock.add(
                (&opening.plant, &opening.item, &opening.unit),
                opening.lot.as_deref(),
                opening.status,
                opening.location.as_deref(),
                opening.quantity,
                opening.since,
            ),
        }
    }

    fn take_effect(&mut self, taken: &Taken) {
        let (plant, now) = (taken.head.plant.clone(), taken.accepted_at);
        match &taken.told {
            Told::Delivery(delivery) => {
                let expected = self.expected.entry(delivery.notice.clone()).or_insert_with(|| Expected {
                    document: taken.document.clone(),
                    delivery: delivery.clone(),
                    plant: plant.unwrap_or_default(),
                    supplier: taken.head.supplier.clone().unwrap_or_default(),
                    milestone: None,
                    cancelled: false,
                    receipts: Vec::new(),
                    complete: false,
                });
                if delivery.version >= expected.delivery.version {
                    expected.delivery.clone_from(delivery);
                }
            }
            Told::Cancellation { notice, .. } => {
                if let Some(expected) = self.expected.get_mut(notice) {
                    expected.cancelled = true;
                }
            }
            Told::Moved { notice, milestone, arrive_on, .. } => {
                if let Some(expected) = self.expected.get_mut(notice) {
                    expected.milestone = Some(*milestone);
                    expected.delivery.arrive_on = arrive_on.unwrap_or(expected.delivery.arrive_on);
                }
            }
            Told::Receipt(goods) => {
                let plant = plant.unwrap_or_default();
                self.put_away(&plant, &goods.lines, Decimal::ONE, now);
                if let Some(expected) = goods.notice.as_ref().and_then(|notice| self.expected.get_mut(notice)) {
                    expected.receipts.push(goods.receipt.clone());
                    expected.complete = goods.complete;
                }
                self.goods.insert(goods.receipt.clone(), (plant, goods.clone()));
            }
            Told::Reversal { receipt, .. } => {
                if let Some((plant, goods)) = self.goods.remove(receipt) {
                    self.put_away(&plant, &goods.lines, Decimal::NEGATIVE_ONE, now);
                    self.forget_receipt(receipt);
                }
            }
            Told::Decision { lot, moves, .. } => {
                self.stock.decide(plant.as_deref().unwrap_or_default(), lot, moves, now);
            }
            Told::Posting(posting) => self.book(posting, plant.as_deref(), now),
            Told::WorkOrder { number, work_order } => {
                self.work_orders.insert(number.clone(), work_order.clone());
            }
            Told::WorkOrderEnds { number, .. } => {
                self.work_orders.remove(number);
            }
            Told::Hold(hold) => {
                self.stock.hold(&hold.hold, plant.as_deref(), &hold.lots, now);
                self.holds.insert(hold.hold.clone(), (hold.clone(), true));
            }
            Told::Release { hold, disposition, .. } => {
                self.stock.release(hold, *disposition, now);
                if let Some((_, active)) = self.holds.get_mut(hold) {
                    *active = false;
                }
            }
        }
    }

    /// What a posting does to the stock. A reversal undoes what was booked under its report, and nothing where nothing was.
    fn book(&mut self, posting: &Posting, plant: Option<&str>, now: DateTime<Utc>) {
        let plant = plant.unwrap_or_default();
        let (of, sign) = match posting.movement {
            Movement::Reversal => match self.booked.remove(&posting.report) {
                Some(booked) => (booked, Decimal::NEGATIVE_ONE),
                None => return,
            },
            _ => (posting.clone(), Decimal::ONE),
        };
        match (of.movement, &of.item) {
            (Movement::Consumption, Some(item)) => {
                self.stock.issue(plant, item, of.lot.as_deref(), of.quantity * sign, now);
            }
            (Movement::Completion, _) => {
                if let Some(made) = self.made.get(&of.work_order) {
                    let place = (plant, made.as_str(), of.unit.as_str());
                    self.stock.add(place, of.lot.as_deref(), StockStatus::Unrestricted, None, of.quantity * sign, now);
                }
            }
            _ => {}
        }
        if sign == Decimal::ONE {
            self.booked.insert(of.report.clone(), of);
        }
    }

    /// What a work order makes, for where its output goes.
    pub fn know_work_order(&mut self, order: &WorkOrder) {
        self.made.insert(order.number.clone(), order.item.number.clone());
    }

    /// The work orders that a shop floor was told of, by number.
    pub const fn work_orders(&self) -> &BTreeMap<String, serde_json::Value> {
        &self.work_orders
    }

    fn received(&mut self, receipt: OwnReceipt) {
        let sign = if receipt.reverses.is_some() { Decimal::NEGATIVE_ONE } else { Decimal::ONE };
        self.put_away(&receipt.plant, &receipt.lines, sign, receipt.changed_at);
        if let Some(reversed) = &receipt.reverses {
            self.forget_receipt(reversed);
        } else if let Some(expected) = receipt.notice.as_ref().and_then(|notice| self.expected.get_mut(notice)) {
            expected.receipts.push(receipt.number.clone());
            expected.complete = receipt.complete;
        }
        self.receipts.push(receipt);
    }

    fn forget_receipt(&mut self, receipt: &str) {
        for expected in self.expected.values_mut().filter(|it| it.receipts.iter().any(|one| one == receipt)) {
            expected.receipts.retain(|one| one != receipt);
            expected.complete = false;
        }
    }

    fn put_away(&mut self, plant: &str, lines: &[ReceivedLine], sign: Decimal, now: DateTime<Utc>) {
        for line in lines {
            let inspected = self.inspected.get(&line.item).copied().unwrap_or(false);
            let good = if inspected { StockStatus::Inspection } else { StockStatus::Unrestricted };
            let place = (plant, line.item.as_str(), line.unit.as_str());
            let lot = line.supplier_lot.as_deref();
            for (status, quantity) in [(good, line.accepted), (StockStatus::Blocked, line.damaged)] {
                if !quantity.is_zero() {
                    self.stock.add(place, lot, status, Some(GOODS_IN), quantity * sign, now);
                }
            }
        }
    }

    /// What becomes of a message: an entry to make first, where there is one, and the answer.
    pub fn judge(
        &self,
        role: Role,
        orders: (&BTreeMap<String, Order>, &BTreeMap<String, WorkOrder>),
        key: &str,
        (head, told): (Head, Told),
        now: DateTime<Utc>,
    ) -> (Option<Entry>, Verdict) {
        if let Some(known) = self.by_key.get(key).and_then(|&index| self.taken.get(index)) {
            if known.told != told {
                return (None, Verdict::KeyReused);
            }
            let verdict = Verdict::Accepted { document: known.document.clone(), already: true };
            return (Some(Entry::Repeated(key.to_owned())), verdict);
        }
        if let Some(known) = self.superseded(&told) {
            return (None, Verdict::Accepted { document: known.document.clone(), already: true });
        }
        if let Err(reason) = self.check(role, orders.0, &head, &told) {
            return (None, Verdict::Refused { reason, code: "refused" });
        }
        if let (Role::Erp, Told::Posting(posting)) = (role, &told)
            && let Err((code, reason)) = production::check(orders.1, &self.stock, head.plant.as_deref(), posting)
        {
            return (None, Verdict::Refused { reason, code });
        }
        let position = self.taken.len() as u64 + 1;
        let known = match &told {
            Told::Delivery(Delivery { notice, .. })
            | Told::Cancellation { notice, .. }
            | Told::Moved { notice, .. } => self.expected.get(notice).map(|expected| expected.document.clone()),
            _ => None,
        };
        let document = known.unwrap_or_else(|| numbered(role, FIRST_DOCUMENT + position - 1));
        let taken = Taken {
            position,
            document: document.clone(),
            accepted_at: now,
            idempotency_key: key.to_owned(),
            in_order: self.last_sequence.get(&told.about()).is_none_or(|last| head.sequence > *last),
            repeats: 0,
            head,
            told,
        };
        (Some(Entry::Taken(Box::new(taken))), Verdict::Accepted { document, already: false })
    }

    /// A newer version of the ship notice is known already.
    fn superseded(&self, told: &Told) -> Option<&Expected> {
        let Told::Delivery(delivery) = told else { return None };
        self.expected.get(&delivery.notice).filter(|known| known.delivery.version > delivery.version)
    }

    fn check(&self, role: Role, orders: &BTreeMap<String, Order>, head: &Head, told: &Told) -> Result<(), String> {
        match told {
            Told::Delivery(delivery) => {
                let notice = &delivery.notice;
                if head.plant.is_none() || head.supplier.is_none() {
                    return Err(format!("Inbound delivery {notice} has no plant or no supplier."));
                }
                if let Some(known) = self.expected.get(notice) {
                    if known.cancelled {
                        return Err(format!("Inbound delivery {notice} is cancelled."));
                    }
                    if let Some(receipt) = known.receipts.first() {
                        return Err(format!("Goods of inbound delivery {notice} were received with {receipt}."));
                    }
                }
                delivery.lines.iter().try_for_each(|line| check_line(role, orders, head, line))
            }
            Told::Cancellation { notice, .. } => {
                match self.expected.get(notice).and_then(|known| known.receipts.first()) {
                    Some(receipt) => Err(format!("Goods of inbound delivery {notice} were received with {receipt}.")),
                    None => Ok(()),
                }
            }
            Told::Receipt(goods) if role == Role::Erp => goods.lines.iter().try_for_each(|line| {
                let Some(order) = &line.order else { return Ok(()) };
                orders.get(order).map(|_| ()).ok_or_else(|| format!("Order {order} does not exist."))
            }),
            // What this system does not know, because it was connected later, needs nothing to be done.
            _ => Ok(()),
        }
    }

    /// An own receipt of a ship notice, as announced but for what is counted otherwise.
    pub fn receive(
        &self,
        role: Role,
        notice: &str,
        counts: &[Count],
        complete: bool,
        now: DateTime<Utc>,
    ) -> Result<Entry, String> {
        let expected = self.expected.get(notice).ok_or_else(|| format!("Inbound delivery {notice} does not exist."))?;
        if expected.cancelled {
            return Err(format!("Inbound delivery {notice} is cancelled."));
        }
        if expected.complete {
            return Err(format!("Inbound delivery {notice} was received in full."));
        }
        let lines = expected.delivery.lines.iter().flat_map(|line| arrived(line, counts)).collect();
        Ok(Entry::Receipt(Box::new(OwnReceipt {
            number: self.next_receipt(role),
            changed_at: now,
            plant: expected.plant.clone(),
            supplier: expected.supplier.clone(),
            notice: Some(notice.to_owned()),
            delivery_note: Some(expected.delivery.delivery_note.clone()),
            received_at: now,
            complete,
            reverses: None,
            lines,
        })))
    }

    /// Takes an own receipt back with another document.
    pub fn reverse(&self, role: Role, number: &str, now: DateTime<Utc>) -> Result<Entry, String> {
        let known = self
            .receipts
            .iter()
            .find(|receipt| receipt.number == number && receipt.reverses.is_none())
            .ok_or_else(|| format!("There is no receipt {number}."))?;
        if self.receipts.iter().any(|receipt| receipt.reverses.as_deref() == Some(number)) {
            return Err(format!("Receipt {number} was taken back already."));
        }
        Ok(Entry::Receipt(Box::new(OwnReceipt {
            number: self.next_receipt(role),
            changed_at: now,
            received_at: now,
            complete: false,
            reverses: Some(number.to_owned()),
            ..known.clone()
        })))
    }

    fn next_receipt(&self, role: Role) -> String {
        numbered(role, FIRST_RECEIPT + self.receipts.len() as u64)
    }

    /// A milestone of a ship notice.
    pub fn see(&self, mut seen: Seen, now: DateTime<Utc>) -> Result<Entry, String> {
        let notice = &seen.notice;
        let expected = self.expected.get(notice).ok_or_else(|| format!("Inbound delivery {notice} does not exist."))?;
        seen.plant.clone_from(&expected.plant);
        seen.number = (self.seen.len() + 1).to_string();
        seen.changed_at = now;
        Ok(Entry::Seen(Box::new(seen)))
    }

    /// Everything that took effect, in order.
    pub fn taken(&self) -> &[Taken] {
        &self.taken
    }

    /// Ship notices with what became of them.
    pub fn expected(&self) -> impl Iterator<Item = &Expected> {
        self.expected.values()
    }

    /// Holds, and whether they are active.
    pub fn holds(&self) -> impl Iterator<Item = &(Hold, bool)> {
        self.holds.values()
    }

    /// Own receipts, oldest first.
    pub fn receipts(&self) -> &[OwnReceipt] {
        &self.receipts
    }

    /// Own milestones, oldest first.
    pub fn seen(&self) -> &[Seen] {
        &self.seen
    }

    /// How much there is of an item now.
    pub fn figure(&self, plant: &str, item: &str, now: DateTime<Utc>) -> Option<Figure> {
        self.stock.figure(plant, item, now)
    }

    /// Every figure as of its last change.
    pub fn figures(&self) -> impl Iterator<Item = Figure> {
        self.stock.figures()
    }
}

fn check_line(
    role: Role,
    orders: &BTreeMap<String, Order>,
    head: &Head,
    announced: &DeliveryLine,
) -> Result<(), String> {
    let in_lots: Decimal = announced.lots.iter().map(|lot| lot.quantity).sum();
    if !announced.lots.is_empty() && in_lots != announced.quantity {
        return Err(format!("The lots of line {} are {in_lots}, not {}.", announced.number, announced.quantity));
    }
    if role == Role::Wms {
        return Ok(());
    }
    let number = &announced.order;
    let order = orders.get(number).ok_or_else(|| format!("Order {number} does not exist."))?;
    if order.status != OrderStatus::Open {
        return Err(format!("Order {number} is {}.", order.status));
    }
    if let Some(other) = head.supplier.as_ref().filter(|supplier| **supplier != order.supplier.number) {
        return Err(format!("Order {number} is with supplier {}, not {other}.", order.supplier.number));
    }
    let line = order
        .lines
        .iter()
        .find(|line| line.number == announced.line)
        .ok_or_else(|| format!("Line {} of order {number} was deleted.", announced.line))?;
    if line.item.number != announced.item {
        return Err(format!("Line {} of order {number} is for item {}.", line.number, line.item.number));
    }
    if line.unit != announced.unit {
        return Err(format!("Line {} of order {number} is in {}, not {}.", line.number, line.unit, announced.unit));
    }
    if line.item.rules.as_ref().is_some_and(|rules| rules.lots) && announced.lots.is_empty() {
        return Err(format!("Item {} is kept in lots, and line {} names none.", announced.item, announced.number));
    }
    Ok(())
}

/// What came of an announced line, lot by lot.
fn arrived(line: &DeliveryLine, counts: &[Count]) -> Vec<ReceivedLine> {
    let one = |lot: Option<&str>, quantity: Decimal, expires_on| {
        let count = counts
            .iter()
            .find(|count| count.line == line.number && (count.lot.is_none() || count.lot.as_deref() == lot));
        ReceivedLine {
            order: Some(line.order.clone()),
            line: Some(line.line.clone()),
            item: line.item.clone(),
            unit: line.unit.clone(),
            supplier_lot: lot.map(str::to_owned),
            expires_on,
            accepted: count.map_or(quantity, |count| count.accepted),
            damaged: count.map_or(Decimal::ZERO, |count| count.damaged),
            note: None,
        }
    };
    let mut lines: Vec<ReceivedLine> = if line.lots.is_empty() {
        vec![one(None, line.quantity, None)]
    } else {
        line.lots.iter().map(|lot| one(Some(&lot.lot), lot.quantity, lot.expires_on)).collect()
    };
    lines.retain(|line| !line.accepted.is_zero() || !line.damaged.is_zero());
    lines
}

/// What follows a milestone on the way to the dock; none once unloading has begun.
pub const fn next_milestone(last: Option<Milestone>) -> Option<Milestone> {
    match last {
        None => Some(Milestone::PickedUp),
        Some(Milestone::PickedUp) => Some(Milestone::Departed),
        Some(Milestone::Departed | Milestone::Delayed) => Some(Milestone::ArrivedAtGate),
        Some(Milestone::ArrivedAtGate) => Some(Milestone::Receiving),
        Some(Milestone::Receiving) => None,
    }
}
