//! Life in the demo: what suppliers other than the visitor's own do in the course of a day. Every now and then one of them
//! answers an order, or announces what he ships; the simulated ERP and warehouse then let trucks leave, arrive and be
//! unloaded. Everything goes through the same commands as a person's click.
//!
//! Only with `serve --demo --alive`. What it does is marked as done by *demo suppliers*.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::Context as _;
use chrono::{DateTime, Days, Utc};
use domain::Decimal;
use domain::access::{Actor, Scope};
use domain::confirmation::{Channel, ConfirmLines};
use domain::refusal::Finding;
use domain::shipment::content::{LineContent, PackedContent, SendShipNotice, ShipContent, UnitContent};
use domain::shipment::{PackageKind, ShippedLot};
use store::order_list::{self, Bucket, Filter, Page};
use store::ship_notice_facts::{self, Candidate, Due};
use store::{CommandError, Store, Tx, Who, orders, ship_notices};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The supplier whom the visitor plays; nobody answers for him.
const VISITOR: &str = "100234";
/// Between two acts; the first ones come quickly, so that there is something to see.
const QUICK: Duration = Duration::from_secs(3);
const PACE: Duration = Duration::from_secs(40);
/// So many acts are quick.
const AT_FIRST: u32 = 16;
/// What is promised up to so many days from now is shipped.
const SHIPS_AHEAD: Days = Days::new(30);
/// Waiting for the ERP's first orders.
const PATIENCE: Duration = Duration::from_secs(1);

/// The demo's suppliers at work; they stop when asked.
#[derive(Debug)]
pub struct Life {
    stop: CancellationToken,
    loops: JoinHandle<()>,
}

impl Life {
    /// Lets them begin.
    pub fn start(store: Store) -> Self {
        let stop = CancellationToken::new();
        let loops = tokio::spawn(live(store, stop.clone()));
        Self { stop, loops }
    }

    /// Ends it after the act under way.
    pub async fn stop(self) {
        self.stop.cancel();
        if self.loops.await.is_err() {
            tracing::warn!("The demo's suppliers broke off");
        }
    }
}

fn suppliers(store: &Store) -> Who {
    Who {
        actor: Actor::Loop { name: "demo suppliers".to_owned() },
        scope: Scope::All,
        correlation: store.new_correlation(),
        address: None,
    }
}

async fn live(store: Store, stop: CancellationToken) {
    let mut acts = 0_u32;
    // Orders that cannot be shipped as they are, e.g. because a certificate is missing: left to people.
    let mut left = HashSet::new();
    loop {
        let done = act(&store, acts, &mut left).await;
        if let Err(problem) = &done {
            tracing::warn!(error = %format!("{problem:#}"), "A supplier of the demo could not do what he wanted");
        }
        let wait = match done {
            Ok(true) => {
                acts += 1;
                if acts < AT_FIRST { QUICK } else { PACE }
            }
            Ok(false) if acts == 0 => PATIENCE,
            _ => PACE,
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Answers an order or announces a shipment, in turn; whatever there is to do. False when there is nothing.
async fn act(store: &Store, acts: u32, left: &mut HashSet<String>) -> anyhow::Result<bool> {
    let ships_first = acts % 2 == 1;
    if ships_first && ship(store, acts, left).await? {
        return Ok(true);
    }
    if answer(store, left).await? {
        return Ok(true);
    }
    if ships_first { Ok(false) } else { ship(store, acts, left).await }
}

/// Confirms the order that is due first, as requested; lines asked for in the past stay open for a person.
async fn answer(store: &Store, left: &mut HashSet<String>) -> anyhow::Result<bool> {
    let mut tx = store.begin(suppliers(store)).await?;
    let filter = Filter { buckets: vec![Bucket::NeedsSupplier], ..Filter::default() };
    let rows = order_list::page(&mut tx, &filter, &Page { size: 500, ..Page::default() }).await?;
    let next = rows.into_iter().find(|row| row.supplier.0 != VISITOR && !left.contains(&row.order));
    let Some(next) = next else { return Ok(false) };
    let record = orders::get(&mut tx, &next.order).await?;
    let answers = record.order.as_requested(record.today(tx.now()));
    if answers.is_empty() {
        left.insert(next.order);
        return Ok(true);
    }
    let (revision, submission) = (record.order.revision, tx.new_id());
    let command = ConfirmLines { revision, answers, channel: Channel::Api, submission };
    orders::confirm(&mut tx, &next.order, &command).await?;
    tx.commit().await?;
    tracing::info!(order.number = next.order, "A supplier of the demo confirmed an order");
    Ok(true)
}

/// Announces the order that is promised first, packed and with lots where its items have them.
async fn ship(store: &Store, acts: u32, left: &mut HashSet<String>) -> anyhow::Result<bool> {
    let mut tx = store.begin(suppliers(store)).await?;
    let now = tx.now();
    let until = now.date_naive().checked_add_days(SHIPS_AHEAD);
    let due = ship_notice_facts::due(&mut tx, &Due { until, ..Due::default() }, 200).await?;
    let of_others = |one: &&Candidate| one.supplier.0 != VISITOR && !left.contains(&one.line.order);
    let Some(first) = due.iter().find(of_others).map(|one| one.line.order.clone()) else { return Ok(false) };
    let lines: Vec<&Candidate> = due.iter().filter(|one| one.line.order == first).take(4).collect();
    let content = content(&mut tx, &first, &lines, now, acts)?;
    let findings = ship_notices::dry_run(&mut tx, &content).await?;
    if Finding::any_stops(&findings) {
        left.insert(first);
        return Ok(true);
    }
    let command = SendShipNotice { content, submission: tx.new_id() };
    match ship_notices::send(&mut tx, &command).await {
        Ok(taken) => {
            tx.commit().await?;
            tracing::info!(
                shipment.number = taken.number,
                order.number = first,
                "A supplier of the demo announced a shipment"
            );
        }
        Err(CommandError::Store(problem)) => return Err(problem).context("announce a shipment"),
        Err(refused) => {
            tracing::info!(order.number = first, reason = %refused, "A supplier of the demo may not ship this order");
            left.insert(first);
        }
    }
    Ok(true)
}

fn content(
    tx: &mut Tx,
    order: &str,
    lines: &[&Candidate],
    now: DateTime<Utc>,
    acts: u32,
) -> anyhow::Result<ShipContent> {
    let today = lines.first().map(|one| domain::calendar::today(now, one.zone.0)).context("an order has lines")?;
    let promised = lines.iter().filter_map(|one| one.line.promised_on()).min().unwrap_or(today);
    let mut units = vec![UnitContent {
        number: 1,
        kind: PackageKind::Pallet,
        parent: None,
        gross_kg: None,
        sscc: None,
        contents: Vec::new(),
    }];
    let mut shipped = Vec::with_capacity(lines.len());
    for (place, one) in lines.iter().enumerate() {
        let line = line_content(one, order, place, today);
        let parts: Vec<(Option<String>, Decimal)> = match line.lots.as_slice() {
            [] => vec![(None, line.quantity)],
            lots => lots.iter().map(|lot| (Some(lot.lot.clone()), lot.quantity)).collect(),
        };
        for (lot, quantity) in parts {
            units.push(UnitContent {
                number: i32::try_from(units.len() + 1)?,
                kind: PackageKind::Carton,
                parent: Some(1),
                gross_kg: None,
                sscc: None,
                contents: vec![PackedContent { schedule_line_id: line.schedule_line_id, lot, quantity }],
            });
        }
        shipped.push(line);
    }
    let haulers = ["Spedition Halm", "Nordtrans", "Alpen Cargo"];
    let note = tx.new_id().simple().to_string();
    Ok(ShipContent {
        delivery_note: format!("LS-{}", note.get(20..).unwrap_or(&note).to_uppercase()),
        ship_on: today,
        // Some today, so that there is something to do at the dock.
        arrive_on: promised.clamp(today, today.checked_add_days(Days::new(u64::from(acts % 3))).unwrap_or(today)),
        carrier: haulers.get(acts as usize % haulers.len()).map(|name| (*name).to_owned()),
        tracking: None,
        bill_of_lading: None,
        note: None,
        lines: shipped,
        units,
    })
}

fn line_content(one: &Candidate, order: &str, place: usize, today: domain::NaiveDate) -> LineContent {
    let (rules, quantity) = (&one.line.rules, one.line.open());
    let piece = |number: usize| {
        format!("{}-{}-{number:04}", order.get(order.len().saturating_sub(4)..).unwrap_or(order), place + 1)
    };
    let count = usize::try_from(quantity.trunc().mantissa()).unwrap_or_default();
    let serials: Vec<String> = if rules.serials { (1..=count).map(piece).collect() } else { Vec::new() };
    let expires_on = rules.shelf_life_days.and_then(|days| today.checked_add_days(Days::new(u64::from(days))));
    let lots = if rules.lots {
        // Two lots where the quantity can be halved in its unit.
        let half = (quantity / Decimal::TWO).trunc_with_scale(one.line.unit.decimals());
        let parts = if half.is_zero() || rules.serials { vec![quantity] } else { vec![half, quantity - half] };
        parts
            .into_iter()
            .enumerate()
            .map(|(number, quantity)| ShippedLot {
                lot: format!("{}{}-{}", today.format("%y%m"), piece(place + 1), number + 1),
                quantity,
                expires_on,
                produced_on: Some(today),
                origin: Some("DE".to_owned()),
                serials: serials.clone(),
            })
            .collect()
    } else {
        Vec::new()
    };
    let serials = if lots.is_empty() { serials } else { Vec::new() };
    LineContent { schedule_line_id: one.line.schedule_line_id, quantity, lots, serials }
}
