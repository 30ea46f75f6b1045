//! What the simulated system remembers: its orders, what it accepted, and its material ([`super::inbound`]). No I/O besides
//! the journal, no faults: this is the part of it that always tells the truth.

use std::collections::{BTreeMap, HashMap};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::Path;

use anyhow::Context;
use chrono::{DateTime, TimeDelta, Utc};
use domain::order::OrderStatus;
use serde::{Deserialize, Serialize};

use super::Role;
use super::inbound::{self, Inbound};
use super::material::{Count, Figure, Head, OwnReceipt, Seen, Told};
use super::production::WorkOrder;
use super::wire::{Accepted, Change, Confirmation, Order};

/// The first document number.
const FIRST_DOCUMENT: u64 = 5_000_123;

/// One line of the journal.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Entry {
    Order(Order),
    WorkOrder(WorkOrder),
    Accepted(Accepted),
    Repeated(String),
    Material(inbound::Entry),
}

/// What becomes of a confirmation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It took effect, now or when it came first.
    Accepted { document: String, already: bool },
    /// The ERP's rules say no.
    Refused { reason: String, code: &'static str },
    /// The key was used for something else.
    KeyReused,
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// By the time of their last change.
    pub list: Vec<T>,
    /// Goes on behind the last one.
    pub next: Option<String>,
}

/// The orders and what was accepted for them.
#[derive(Debug, Default)]
pub struct Book {
    orders: BTreeMap<String, Order>,
    work_orders: BTreeMap<String, WorkOrder>,
    accepted: Vec<Accepted>,
    by_key: HashMap<String, usize>,
    last_sequence: HashMap<String, i64>,
    last_change: DateTime<Utc>,
    material: Inbound,
    journal: Option<File>,
}

/// What a caller wants of a list.
#[derive(Debug, Clone, Default)]
pub struct Wanted<'a> {
    /// Changed at or after.
    pub since: Option<DateTime<Utc>>,
    /// Behind the place that this token names.
    pub after: Option<&'a str>,
    /// Of this plant only.
    pub plant: Option<&'a str>,
    /// At most so many.
    pub limit: usize,
}

/// Sorts a list by change, and cuts the wanted part out. `place` gives when, which, and of which plant.
fn page<T>(
    all: impl Iterator<Item = T>,
    wanted: &Wanted<'_>,
    place: impl Fn(&T) -> (DateTime<Utc>, String, String),
) -> Page<T> {
    let after = wanted.after.and_then(|token| {
        let (micros, name) = token.split_once('-')?;
        Some((micros.parse::<i64>().ok()?, name.to_owned()))
    });
    let mut found: Vec<((i64, String), T)> = all
        .filter_map(|one| {
            let (changed_at, name, plant) = place(&one);
            let at = (changed_at.timestamp_micros(), name);
            let fits = wanted.since.is_none_or(|since| changed_at >= since)
                && wanted.plant.is_none_or(|code| plant == code)
                && after.as_ref().is_none_or(|after| at > *after);
            fits.then_some((at, one))
        })
        .collect();
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    let more = found.len() > wanted.limit;
    found.truncate(wanted.limit);
    let next = found.last().filter(|_| more).map(|((micros, name), _)| format!("{micros}-{name}"));
    Page { list: found.into_iter().map(|(_, one)| one).collect(), next }
}

impl Book {
    /// A book that lives as long as the process.
    pub fn in_memory() -> Self {
        Self::default()
    }

    /// A book that is written along, one JSON line for each change, and read again at the next start. A last line that a
    /// crash cut off never took effect for anybody, because answers come after the line; it is removed.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(path)
            .with_context(|| format!("open the simulator's state {}", path.display()))?;
        let mut book = Self::default();
        let mut whole = 0;
        let mut reader = BufReader::new(&file);
        let mut line = String::new();
        while reader.read_line(&mut line).context("read the simulator's state")? > 0 {
            if !line.ends_with('\n') {
                break;
            }
            let entry = serde_json::from_str(&line)
                .with_context(|| format!("{} is not a state of this simulator", path.display()))?;
            book.enter(entry);
            whole += line.len() as u64;
            line.clear();
        }
        file.set_len(whole).context("cut off an unfinished line")?;
        file.seek(SeekFrom::End(0)).context("go to the end of the state")?;
        book.journal = Some(file);
        Ok(book)
    }

    fn enter(&mut self, entry: Entry) {
        match entry {
            Entry::Order(order) => {
                self.last_change = self.last_change.max(order.changed_at);
                self.material.know(&order);
                self.orders.insert(order.number.clone(), order);
            }
            Entry::WorkOrder(order) => {
                self.last_change = self.last_change.max(order.changed_at);
                self.material.know_work_order(&order);
                self.work_orders.insert(order.number.clone(), order);
            }
            Entry::Accepted(accepted) => {
                let last = self.last_sequence.entry(accepted.confirmation.order.clone()).or_default();
                *last = accepted.confirmation.sequence.max(*last);
                self.by_key.insert(accepted.idempotency_key.clone(), self.accepted.len());
                self.accepted.push(accepted);
            }
            Entry::Repeated(key) => {
                if let Some(accepted) = self.by_key.get(&key).and_then(|&index| self.accepted.get_mut(index)) {
                    accepted.repeats += 1;
                }
            }
            Entry::Material(entry) => {
                let at = match &entry {
                    inbound::Entry::Taken(taken) => Some(taken.accepted_at),
                    inbound::Entry::Receipt(receipt) => Some(receipt.changed_at),
                    inbound::Entry::Seen(seen) => Some(seen.changed_at),
                    inbound::Entry::Opening(opening) => Some(opening.since),
                    inbound::Entry::Repeated(_) => None,
                };
                self.last_change = self.last_change.max(at.unwrap_or_default());
                self.material.enter(entry);
            }
        }
    }

    /// Never the same instant twice, so that a listing by it has one order.
    fn tick(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        now.max(self.last_change + TimeDelta::microseconds(1))
    }

    /// Written first, then true, then answered.
    fn record(&mut self, entry: Entry) -> anyhow::Result<()> {
        if let Some(file) = &mut self.journal {
            let mut line = serde_json::to_string(&entry).context("write the simulator's state")?;
            line.push('\n');
            file.write_all(line.as_bytes()).context("write the simulator's state")?;
        }
        self.enter(entry);
        Ok(())
    }

    /// Puts an order in, new or instead of the one with its number, as a new version.
    pub fn put(&mut self, mut order: Order, now: DateTime<Utc>) -> anyhow::Result<Order> {
        order.version = self.orders.get(&order.number).map_or(1, |known| known.version + 1);
        order.changed_at = self.tick(now);
        self.record(Entry::Order(order.clone()))?;
        Ok(order)
    }

    /// Puts a work order in, new or instead of the one with its number, as a new version.
    pub fn put_work_order(&mut self, mut order: WorkOrder, now: DateTime<Utc>) -> anyhow::Result<WorkOrder> {
        order.version = self.work_orders.get(&order.number).map_or(1, |known| known.version + 1);
        order.changed_at = self.tick(now);
        self.record(Entry::WorkOrder(order.clone()))?;
        Ok(order)
    }

    /// All work orders by number.
    pub const fn work_orders(&self) -> &BTreeMap<String, WorkOrder> {
        &self.work_orders
    }

    /// A part of the work orders, oldest change first.
    pub fn work_order_page(&self, wanted: &Wanted<'_>) -> Page<WorkOrder> {
        page(self.work_orders.values().cloned(), wanted, |order| {
            (order.changed_at, order.number.clone(), order.plant.code.clone())
        })
    }

    /// Changes schedule lines of an order.
    pub fn change(&mut self, number: &str, changes: &[Change], now: DateTime<Utc>) -> anyhow::Result<Order> {
        let mut order = self.orders.get(number).with_context(|| format!("there is no order {number}"))?.clone();
        for change in changes {
            let index = order
                .lines
                .iter()
                .position(|line| line.number == change.line)
                .with_context(|| format!("order {number} has no line {}", change.line))?;
            let line = &mut order.lines[index];
            line.price = change.price.or(line.price);
            let Some(wanted) = change.schedule else {
                if change.remove {
                    order.lines.remove(index);
                }
                continue;
            };
            let place = line
                .schedule
                .iter()
                .position(|schedule| schedule.number == wanted)
                .with_context(|| format!("line {} of order {number} has no schedule line {wanted}", change.line))?;
            if change.remove {
                line.schedule.remove(place);
                continue;
            }
            let schedule = &mut line.schedule[place];
            schedule.quantity = change.quantity.unwrap_or(schedule.quantity);
            schedule.requested_on = change.requested_on.unwrap_or(schedule.requested_on);
        }
        self.put(order, now)
    }

    /// Cancels, closes or opens an order again.
    pub fn set_status(&mut self, number: &str, status: OrderStatus, now: DateTime<Utc>) -> anyhow::Result<Order> {
        let mut order = self.orders.get(number).with_context(|| format!("there is no order {number}"))?.clone();
        order.status = status;
        self.put(order, now)
    }

    /// All orders by number.
    pub fn orders(&self) -> impl Iterator<Item = &Order> {
        self.orders.values()
    }

    /// One order.
    pub fn order(&self, number: &str) -> Option<&Order> {
        self.orders.get(number)
    }

    /// Everything that took effect, in order.
    pub fn accepted(&self) -> &[Accepted] {
        &self.accepted
    }

    /// A part of the orders, oldest change first.
    pub fn page(&self, wanted: &Wanted<'_>) -> Page<Order> {
        page(self.orders.values().cloned(), wanted, |order| {
            (order.changed_at, order.number.clone(), order.plant.code.clone())
        })
    }

    /// A part of the own receipts.
    pub fn receipts(&self, wanted: &Wanted<'_>) -> Page<OwnReceipt> {
        page(self.material.receipts().iter().cloned(), wanted, |receipt| {
            (receipt.changed_at, receipt.number.clone(), receipt.plant.clone())
        })
    }

    /// A part of the own milestones.
    pub fn milestones(&self, wanted: &Wanted<'_>) -> Page<Seen> {
        page(self.material.seen().iter().cloned(), wanted, |seen| {
            (seen.changed_at, seen.number.clone(), seen.plant.clone())
        })
    }

    /// A part of the stock figures.
    pub fn stock(&self, wanted: &Wanted<'_>) -> Page<Figure> {
        page(self.material.figures(), wanted, |figure| (figure.as_of, figure.item.clone(), figure.plant.clone()))
    }

    /// What is known of material.
    pub const fn material(&self) -> &Inbound {
        &self.material
    }

    /// Puts what is there at the beginning into the stock.
    pub fn open_stock(&mut self, opening: super::OpeningStock) -> anyhow::Result<()> {
        self.record(Entry::Material(inbound::Entry::Opening(opening)))
    }

    /// Takes a message about material, once for each key.
    pub fn take(&mut self, role: Role, key: &str, told: (Head, Told), now: DateTime<Utc>) -> anyhow::Result<Verdict> {
        let (entry, verdict) = self.material.judge(role, (&self.orders, &self.work_orders), key, told, self.tick(now));
        if let Some(entry) = entry {
            self.record(Entry::Material(entry))?;
        }
        Ok(verdict)
    }

    /// Receives a ship notice here.
    pub fn receive(
        &mut self,
        role: Role,
        notice: &str,
        counts: &[Count],
        complete: bool,
        now: DateTime<Utc>,
    ) -> anyhow::Result<OwnReceipt> {
        let entry = self.material.receive(role, notice, counts, complete, self.tick(now));
        self.post(entry)
    }

    /// Takes an own receipt back.
    pub fn reverse(&mut self, role: Role, number: &str, now: DateTime<Utc>) -> anyhow::Result<OwnReceipt> {
        let entry = self.material.reverse(role, number, self.tick(now));
        self.post(entry)
    }

    fn post(&mut self, entry: Result<inbound::Entry, String>) -> anyhow::Result<OwnReceipt> {
        self.record(Entry::Material(entry.map_err(|reason| anyhow::anyhow!(reason))?))?;
        self.material.receipts().last().cloned().context("no receipt was posted")
    }

    /// Notes a milestone.
    pub fn see(&mut self, seen: Seen, now: DateTime<Utc>) -> anyhow::Result<()> {
        let entry = self.material.see(seen, self.tick(now)).map_err(|reason| anyhow::anyhow!(reason))?;
        self.record(Entry::Material(entry))
    }

    /// Takes a confirmation, once for each key. A refusal is not remembered: the same key may succeed once its cause is
    /// gone.
    pub fn confirm(&mut self, key: &str, confirmation: Confirmation, now: DateTime<Utc>) -> anyhow::Result<Verdict> {
        if let Some(known) = self.by_key.get(key).and_then(|&index| self.accepted.get(index)) {
            // The sender may have learned our key of the order between two tries.
            let same =
                Confirmation { order_ref: known.confirmation.order_ref.clone(), ..confirmation } == known.confirmation;
            let document = known.document.clone();
            if !same {
                return Ok(Verdict::KeyReused);
            }
            self.record(Entry::Repeated(key.to_owned()))?;
            return Ok(Verdict::Accepted { document, already: true });
        }
        if let Err(reason) = self.check(&confirmation) {
            return Ok(Verdict::Refused { reason, code: "refused" });
        }
        let position = self.accepted.len() as u64 + 1;
        let document = (FIRST_DOCUMENT + position - 1).to_string();
        let in_order = self.last_sequence.get(&confirmation.order).is_none_or(|last| confirmation.sequence > *last);
        self.record(Entry::Accepted(Accepted {
            position,
            document: document.clone(),
            accepted_at: now,
            idempotency_key: key.to_owned(),
            in_order,
            repeats: 0,
            confirmation,
        }))?;
        Ok(Verdict::Accepted { document, already: false })
    }

    fn check(&self, confirmation: &Confirmation) -> Result<(), String> {
        let number = &confirmation.order;
        let order = self.orders.get(number).ok_or_else(|| format!("Order {number} does not exist."))?;
        if order.status != OrderStatus::Open {
            return Err(format!("Order {number} is {}.", order.status));
        }
        if let Some(other) = confirmation.supplier.as_ref().filter(|supplier| **supplier != order.supplier.number) {
            return Err(format!("Order {number} is with supplier {}, not {other}.", order.supplier.number));
        }
        for promised in &confirmation.lines {
            let line = order
                .lines
                .iter()
                .find(|line| line.number == promised.line)
                .ok_or_else(|| format!("Line {} of order {number} was deleted.", promised.line))?;
            if !line.schedule.iter().any(|schedule| schedule.number == promised.schedule) {
                return Err(format!(
                    "Schedule line {} of line {} of order {number} was deleted.",
                    promised.schedule, promised.line
                ));
            }
            if line.unit != promised.unit {
                return Err(format!(
                    "Line {} of order {number} is in {}, not {}.",
                    line.number, line.unit, promised.unit
                ));
            }
        }
        Ok(())
    }
}
