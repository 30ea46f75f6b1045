//! What the ERP's word does to an order: published when new, revised where it differs.
//!
//! A revision touches only what changed: those schedule lines need a new answer and show the difference, the others keep
//! theirs. A cancelled order asks for nothing, so its lines are compared again only when it runs again. First and last
//! promise stay what they were. News older than what is known is ignored, never applied backwards.

use std::collections::HashMap;

use rust_decimal::Decimal;
use uuid::Uuid;

use crate::Timestamp;
use crate::command::{LineSnapshot, OrderSnapshot, ScheduleSnapshot};
use crate::event::{Event, RevisedLine};
use crate::id::{ConnectionId, ItemId, OrderId, PlantId, SupplierId};
use crate::negotiation::{Negotiation, Step};
use crate::order::{Change, OrderLine, OrderStatus, PurchaseOrder, ScheduleLine};
use crate::tolerance::{Agreed, Tolerances};

/// What the store resolved before an order can be built: ids instead of the ERP's numbers.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// The ERP it comes from.
    pub connection_id: ConnectionId,
    /// Who supplies.
    pub supplier_id: SupplierId,
    /// Where to.
    pub plant_id: PlantId,
    /// Items by number.
    pub items: HashMap<String, ItemId>,
    /// What was agreed with the supplier.
    pub supplier_tolerances: Tolerances,
    /// What the plant says.
    pub plant_tolerances: Tolerances,
    /// Whether answers may propose another price.
    pub may_change_price: bool,
}

/// What became of the ERP's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mirrored {
    /// Nothing that a supplier would notice.
    Unchanged,
    /// Older than what is known.
    Stale,
    /// It changed something.
    Changed(Vec<Event>),
}

impl PurchaseOrder {
    /// A new order as the supplier will see it. `new_id` makes ids for lines and schedule lines.
    pub fn publish(
        order_id: OrderId,
        snapshot: &OrderSnapshot,
        resolved: &Resolved,
        now: Timestamp,
        new_id: &mut dyn FnMut() -> Uuid,
    ) -> (Self, Vec<Event>) {
        let mut order = Self {
            order_id,
            connection_id: resolved.connection_id,
            number: snapshot.number.clone(),
            revision: 1,
            their_version: snapshot.their_version,
            supplier_id: resolved.supplier_id,
            plant_id: resolved.plant_id,
            buyer: snapshot.buyer.clone(),
            currency: snapshot.currency.clone(),
            incoterm: snapshot.incoterm.clone(),
            status: snapshot.status,
            published_at: now,
            may_change_price: resolved.may_change_price,
            lines: snapshot.lines.iter().map(|line| new_line(line, resolved, new_id)).collect(),
        };
        if order.status == OrderStatus::Cancelled {
            order.cancel_all();
        }
        let event = Event::OrderPublished { order: order.number.clone(), revision: 1, lines: order.lines.len() };
        (order, vec![event])
    }

    /// Takes the ERP's newer word on a known order.
    pub fn revise(
        &mut self,
        snapshot: &OrderSnapshot,
        resolved: &Resolved,
        new_id: &mut dyn FnMut() -> Uuid,
    ) -> Mirrored {
        if snapshot.their_version < self.their_version {
            return Mirrored::Stale;
        }
        self.their_version = snapshot.their_version;
        self.buyer.clone_from(&snapshot.buyer);
        self.incoterm.clone_from(&snapshot.incoterm);

        if snapshot.status == OrderStatus::Cancelled {
            // Nothing is asked for, so nothing is compared; ERPs tell of a cancelled order with its lines as they were.
            self.cancel_all();
            let known = std::mem::replace(&mut self.status, OrderStatus::Cancelled);
            if known == OrderStatus::Cancelled {
                return Mirrored::Unchanged;
            }
            return Mirrored::Changed(vec![Event::OrderCancelled { order: self.number.clone() }]);
        }

        // Another currency is another price for every line.
        let currency_changed = self.currency != snapshot.currency;
        self.currency.clone_from(&snapshot.currency);
        let next = self.revision + 1;
        let mut revised = Vec::new();
        for line in &snapshot.lines {
            match self.lines.iter_mut().find(|known| known.number == line.number) {
                Some(known) => {
                    let news = News { revision: next, currency_changed, open: snapshot.status == OrderStatus::Open };
                    revise_line(known, line, resolved, &news, new_id, &mut revised);
                }
                None => {
                    let mut added = new_line(line, resolved, new_id);
                    for schedule in &mut added.schedule {
                        schedule.change = Some(Change { added: true, ..Change::at(next) });
                        revised.push(told(&added.number, schedule));
                    }
                    self.lines.push(added);
                }
            }
        }
        for known in &mut self.lines {
            if !snapshot.lines.iter().any(|line| line.number == known.number) {
                for schedule in &mut known.schedule {
                    cancel(&known.number, schedule, &mut revised);
                }
            }
        }
        self.lines.sort_by(|a, b| a.number.cmp(&b.number));

        let mut events = Vec::new();
        if !revised.is_empty() {
            self.revision = next;
            events.push(Event::OrderRevised { order: self.number.clone(), revision: next, lines: revised });
        }
        if snapshot.status != self.status {
            self.status = snapshot.status;
            match snapshot.status {
                OrderStatus::Closed => events.push(Event::OrderClosed { order: self.number.clone() }),
                OrderStatus::Open if events.is_empty() => {
                    self.revision = next;
                    events.push(Event::OrderRevised { order: self.number.clone(), revision: next, lines: Vec::new() });
                }
                OrderStatus::Open | OrderStatus::Cancelled => {}
            }
        }
        if events.is_empty() { Mirrored::Unchanged } else { Mirrored::Changed(events) }
    }

    fn cancel_all(&mut self) {
        for line in &mut self.lines {
            for schedule in &mut line.schedule {
                cancel(&line.number, schedule, &mut Vec::new());
            }
        }
    }
}

impl Change {
    /// An empty difference of one revision.
    pub const fn at(revision: i32) -> Self {
        Self { revision, quantity: None, requested_on: None, price: None, item_number: None, added: false }
    }

    fn is_empty(&self) -> bool {
        *self == Self::at(self.revision)
    }
}

fn new_line(line: &LineSnapshot, resolved: &Resolved, new_id: &mut dyn FnMut() -> Uuid) -> OrderLine {
    OrderLine {
        order_line_id: new_id().into(),
        number: line.number.clone(),
        item_id: item_id(line, resolved),
        item_number: line.item.number.clone(),
        description: line.item.description.clone(),
        supplier_item: line.supplier_item.clone(),
        unit: line.unit.clone(),
        price: line.price,
        agreed: Agreed {
            line: line.tolerances.clone(),
            supplier: resolved.supplier_tolerances.clone(),
            plant: resolved.plant_tolerances.clone(),
        },
        schedule: asked_for(line).map(|schedule| new_schedule(schedule, new_id)).collect(),
    }
}

/// The schedule lines that ask for something. One of nothing, or of less (a return), is nothing a supplier could promise.
fn asked_for(line: &LineSnapshot) -> impl Iterator<Item = &ScheduleSnapshot> {
    line.schedule.iter().filter(|schedule| schedule.quantity > Decimal::ZERO)
}

fn item_id(line: &LineSnapshot, resolved: &Resolved) -> ItemId {
    // The store resolves every item of the snapshot before it calls; a nil id would fail on the foreign key.
    resolved.items.get(&line.item.number).copied().unwrap_or(ItemId(Uuid::nil()))
}

fn new_schedule(schedule: &ScheduleSnapshot, new_id: &mut dyn FnMut() -> Uuid) -> ScheduleLine {
    ScheduleLine {
        schedule_line_id: new_id().into(),
        number: schedule.number,
        quantity: schedule.quantity,
        requested_on: schedule.requested_on,
        state: Negotiation::Published,
        version: 1,
        first_promise: None,
        promise: None,
        proposal: None,
        counter: None,
        change: None,
    }
}

/// What a line has to know of the rest of the snapshot.
struct News {
    revision: i32,
    currency_changed: bool,
    open: bool,
}

fn revise_line(
    known: &mut OrderLine,
    line: &LineSnapshot,
    resolved: &Resolved,
    news: &News,
    new_id: &mut dyn FnMut() -> Uuid,
    revised: &mut Vec<RevisedLine>,
) {
    let revision = news.revision;
    let price_changed = known.price != line.price || (news.currency_changed && known.price.is_some());
    let price = price_changed.then_some(known.price).flatten();
    let unit_changed = known.unit != line.unit;
    known.unit.clone_from(&line.unit);
    let item_number = (known.item_number != line.item.number).then(|| known.item_number.clone());
    known.price = line.price;
    if item_number.is_some() {
        known.item_id = item_id(line, resolved);
        known.item_number.clone_from(&line.item.number);
    }
    known.description.clone_from(&line.item.description);
    known.supplier_item.clone_from(&line.supplier_item);
    known.agreed.line.clone_from(&line.tolerances);

    for wanted in asked_for(line) {
        let Some(schedule) = known.schedule.iter_mut().find(|schedule| schedule.number == wanted.number) else {
            let mut added = new_schedule(wanted, new_id);
            added.change = Some(Change { added: true, ..Change::at(revision) });
            revised.push(told(&known.number, &added));
            known.schedule.push(added);
            continue;
        };
        let back_again = schedule.state == Negotiation::Cancelled;
        if back_again && !news.open {
            continue; // compared again when the order runs again
        }
        let change = Change {
            quantity: (schedule.quantity != wanted.quantity).then_some(schedule.quantity),
            requested_on: (schedule.requested_on != wanted.requested_on).then_some(schedule.requested_on),
            price,
            item_number: item_number.clone(),
            ..Change::at(revision)
        };
        if change.is_empty() && !price_changed && !unit_changed && !back_again {
            continue;
        }
        schedule.quantity = wanted.quantity;
        schedule.requested_on = wanted.requested_on;
        // The table allows a revision from every state.
        schedule.state = schedule.state.step(Step::Revise).unwrap_or(Negotiation::Published);
        schedule.proposal = None;
        schedule.counter = None;
        schedule.change = Some(change);
        schedule.version += 1;
        revised.push(told(&known.number, schedule));
    }
    for schedule in &mut known.schedule {
        if !asked_for(line).any(|wanted| wanted.number == schedule.number) {
            cancel(&known.number, schedule, revised);
        }
    }
    known.schedule.sort_by_key(|schedule| schedule.number);
}

fn cancel(line: &str, schedule: &mut ScheduleLine, revised: &mut Vec<RevisedLine>) {
    let Ok(state) = schedule.state.step(Step::Cancel) else { return };
    schedule.state = state;
    schedule.proposal = None;
    schedule.counter = None;
    schedule.change = None;
    schedule.version += 1;
    revised.push(told(line, schedule));
}

fn told(line: &str, schedule: &ScheduleLine) -> RevisedLine {
    RevisedLine {
        schedule_line_id: schedule.schedule_line_id,
        line: line.to_owned(),
        schedule: schedule.number,
        change: schedule.change.clone(),
        quantity: schedule.quantity,
        requested_on: schedule.requested_on,
    }
}
