//! Usage decisions on lots. Where the connection's settings name locations for inspection or for blocked stock, a decision
//! moves the lot between them and the storage zone; a status that has no location of its own is not carried, and the answer
//! says so.
//!
//! Restricted stock lies in the storage zone: Tryton has nothing that could say what it may be used for.

use domain::lot::{LotRef, StatusMove, StockStatus};
use domain::quantity::Unit;
use rust_decimal::Decimal;

use super::hold::hold_location;
use super::lot;
use super::relocation::{Moved, Piece, Relocation, Way};
use super::settings::{Places, TrytonSettings};
use super::stock::{self, Product, Warehouse};
use super::wire::{Trouble, Wire};
use crate::Outgoing;
use crate::outcome::Outcome;

/// Where stock of a status lies by the settings.
#[derive(Debug, PartialEq, Eq)]
enum Zone {
    /// The storage zone, with its bins.
    Storage,
    /// The location with this code.
    At(String),
    /// Nowhere of its own.
    Nowhere(&'static str),
}

fn zone(places: &Places, plant: &str, status: StockStatus) -> Zone {
    let of = |code: Option<String>, name| code.map_or(Zone::Nowhere(name), Zone::At);
    match status {
        StockStatus::Unrestricted | StockStatus::Restricted => Zone::Storage,
        StockStatus::Inspection => of(places.inspection(plant), "stock in inspection"),
        StockStatus::Blocked => of(places.blocked(plant), "blocked stock"),
    }
}

/// A decision as it is about to be carried out in one warehouse.
struct Job<'a> {
    wire: &'a Wire,
    places: &'a Places,
    warehouse: Warehouse,
    product: Product,
    lot: i64,
    /// A hold keeps the lot: what may be used by decision waits in the hold location all the same.
    held: bool,
    today: chrono::NaiveDate,
}

/// Moves what was decided.
pub async fn carry_out(
    wire: &Wire,
    settings: &TrytonSettings,
    delivery: &Outgoing,
    lot: &LotRef,
    moves: &[StatusMove],
) -> Result<Outcome, Trouble> {
    let Some(code) = &delivery.plant else { return Ok(words("not carried: the lot lies in no plant")) };
    let places = &settings.places;
    let (mut ways, mut missing) = (Vec::new(), Vec::new());
    for (index, change) in moves.iter().enumerate() {
        match (zone(places, code, change.from), zone(places, code, change.to)) {
            // Where the one has no location, the stock lies with the other already.
            (from, to) if from == to => {}
            (Zone::Nowhere(_), Zone::Storage) => {}
            (_, Zone::Nowhere(name)) => missing.push(name),
            (from, to) => ways.push((index, change, from, to)),
        }
    }
    missing.dedup();
    if ways.is_empty() {
        return Ok(words(&if missing.is_empty() {
            "not carried: in Tryton the lot lies where it may be used, before and after".to_owned()
        } else {
            format!("not carried: no location for {} is set for this connection", missing.join(" and "))
        }));
    }
    let Some(product) = stock::product(wire, &lot.item).await? else { return Ok(words("nothing of it is there")) };
    if Unit::new(&product.symbol) != lot.unit {
        return Err(Trouble::Refused(format!(
            "{} is kept in {} in Tryton, not in {}.",
            lot.item,
            Unit::new(&product.symbol).code(),
            lot.unit.code()
        )));
    }
    let mut id = lot::known(wire, product.id, &lot.lot).await?;
    if let (None, Some(number)) = (id, &lot.supplier_lot) {
        id = lot::known(wire, product.id, number).await?;
    }
    let Some(id) = id else { return Ok(words("nothing of it is there")) };
    let warehouse = stock::plant(wire, code).await?;
    let held = lot::holds(wire, &[id].into()).await?.kept_by(id, "").is_some();
    let job = Job { wire, places, warehouse, product, lot: id, held, today: delivery.now.date_naive() };
    let (mut refs, mut already) = (Vec::new(), true);
    for (index, change, from, to) in ways {
        // One reference for each move of each decision: a try that comes again finds what it has done.
        let reference = format!("Decision {}.{}", delivery.envelope.event_id.0.simple(), index + 1);
        let relocation = Relocation::new(wire, settings.company, reference, job.today);
        let moved = job.carry(&relocation, change.quantity, &from, &to).await?;
        already &= moved.already;
        refs.extend(moved.their_refs());
    }
    let mut said = if refs.is_empty() { "nothing of it lies elsewhere".to_owned() } else { refs.join(", ") };
    if !missing.is_empty() {
        said = format!("{said}; not carried: no location for {} is set", missing.join(" and "));
    }
    Ok(Outcome::accepted(Some(said), already))
}

impl Job<'_> {
    async fn carry(
        &self,
        relocation: &Relocation<'_>,
        quantity: Decimal,
        from: &Zone,
        to: &Zone,
    ) -> Result<Moved, Trouble> {
        let mut moved = relocation.go_on().await?;
        let mut left = quantity - moved.quantity();
        let target = match to {
            Zone::At(code) => self.at(code).await?,
            _ if self.held => hold_location(self.wire, self.places, &self.warehouse).await?,
            _ => self.warehouse.storage_location,
        };
        for source in self.sources(from, to).await? {
            if left <= Decimal::ZERO {
                break;
            }
            if source == target {
                continue;
            }
            let there = stock::lots(self.wire, self.product.id, source, self.today).await?;
            let found = there.iter().find(|found| found.lot == self.lot).map_or(Decimal::ZERO, |found| found.quantity);
            let quantity = found.min(left);
            if quantity > Decimal::ZERO {
                let (product, unit) = (self.product.id, self.product.unit);
                let piece = Piece { product, unit, lot: self.lot, quantity };
                relocation.carry(Way { from: source, to: target }, &[piece], &mut moved).await?;
                left -= quantity;
            }
        }
        Ok(moved)
    }

    /// Where what was decided may lie, the likeliest first. Goods that were put straight into the storage zone are there, not
    /// where they wait for their inspection.
    async fn sources(&self, from: &Zone, to: &Zone) -> Result<Vec<i64>, Trouble> {
        let mut sources = Vec::new();
        if let Zone::At(code) = from {
            sources.push(self.at(code).await?);
        }
        if *to == Zone::Storage {
            return Ok(sources);
        }
        let plant = self.warehouse.name();
        let aside = [self.places.inspection(&plant), self.places.blocked(&plant)];
        let places = stock::places(self.wire, &self.warehouse, &self.product, self.today).await?;
        let free = places.iter().filter(|place| place.code.is_none() || !aside.contains(&place.code));
        let free = free.map(|place| place.id).filter(|id| *id != self.warehouse.input_location);
        sources.extend(free);
        Ok(sources)
    }

    async fn at(&self, code: &str) -> Result<i64, Trouble> {
        let plant = self.warehouse.name();
        stock::location(self.wire, &self.warehouse, code).await?.ok_or_else(|| {
            Trouble::Refused(format!(
                "There is no storage location {code} in warehouse {plant}. Make one in Tryton beside the storage zone, or \
                 name another one in the connection's settings."
            ))
        })
    }
}

/// Taken note of, and nothing to do.
fn words(said: &str) -> Outcome {
    Outcome::accepted(Some(said.to_owned()), true)
}
