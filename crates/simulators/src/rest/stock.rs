//! The stock of the simulated system: quantities by lot, status and place. What is held lies blocked until its hold ends.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::hold::Disposition;
use domain::lot::StockStatus;
use rust_decimal::Decimal;

use super::material::{Decided, Figure, Lot, OnHand};

/// Where goods stand that nobody has put away yet.
pub const GOODS_IN: &str = "Goods in";

/// One pile.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Pile {
    lot: Option<String>,
    status: StockStatus,
    place: Option<String>,
}

/// An item in a plant.
#[derive(Debug, Clone, Default)]
struct Shelf {
    unit: String,
    changed_at: DateTime<Utc>,
    piles: BTreeMap<Pile, Decimal>,
}

/// What a hold took out of use.
#[derive(Debug, Clone)]
struct Kept {
    plant: String,
    item: String,
    from: Pile,
    quantity: Decimal,
}

/// All shelves, and what holds keep.
#[derive(Debug, Default)]
pub struct Stock {
    shelves: BTreeMap<(String, String), Shelf>,
    held: BTreeMap<String, Vec<Kept>>,
}

impl Stock {
    /// Adds (or, below zero, takes away) a quantity. A pile that is empty is no pile.
    pub fn add(
        &mut self,
        place: (&str, &str, &str),
        lot: Option<&str>,
        status: StockStatus,
        location: Option<&str>,
        quantity: Decimal,
        now: DateTime<Utc>,
    ) {
        let (plant, item, unit) = place;
        let pile = Pile { lot: lot.map(str::to_owned), status, place: location.map(str::to_owned) };
        let shelf = self.shelves.entry((plant.to_owned(), item.to_owned())).or_default();
        if shelf.unit.is_empty() {
            unit.clone_into(&mut shelf.unit);
        }
        shelf.change(pile, quantity, now);
    }

    /// A usage decision: so much of a lot goes to another status, wherever it lies; at most what is there.
    pub fn decide(&mut self, plant: &str, lot: &Lot, moves: &[Decided], now: DateTime<Utc>) {
        let Some(shelf) = self.shelves.get_mut(&(plant.to_owned(), lot.item.clone())) else { return };
        for decided in moves {
            let mut left = decided.quantity;
            let from: Vec<(Pile, Decimal)> =
                shelf.of_lot(lot).filter(|(pile, _)| pile.status == decided.from).collect();
            for (pile, there) in from {
                let part = there.min(left);
                left -= part;
                shelf.change(Pile { status: decided.to, ..pile.clone() }, part, now);
                shelf.change(pile, -part, now);
            }
        }
    }

    /// Takes every usable pile of these lots out of use.
    pub fn hold(&mut self, hold: &str, plant: Option<&str>, lots: &[Lot], now: DateTime<Utc>) {
        let mut kept = Vec::new();
        for ((where_, item), shelf) in &mut self.shelves {
            if plant.is_some_and(|plant| plant != where_) {
                continue;
            }
            for lot in lots.iter().filter(|lot| lot.item == *item) {
                let usable: Vec<(Pile, Decimal)> =
                    shelf.of_lot(lot).filter(|(pile, _)| pile.status != StockStatus::Blocked).collect();
                for (pile, quantity) in usable {
                    shelf.change(pile.blocked(), quantity, now);
                    shelf.change(pile.clone(), -quantity, now);
                    kept.push(Kept { plant: where_.clone(), item: item.clone(), from: pile, quantity });
                }
            }
        }
        self.held.entry(hold.to_owned()).or_default().extend(kept);
    }

    /// Ends a hold: what may be used as it is goes back to where it lay, what is scrapped or sent back is gone, the rest
    /// waits for its inspection.
    pub fn release(&mut self, hold: &str, disposition: Disposition, now: DateTime<Utc>) {
        for Kept { plant, item, from, quantity } in self.held.remove(hold).unwrap_or_default() {
            let Some(shelf) = self.shelves.get_mut(&(plant, item)) else { continue };
            shelf.change(from.blocked(), -quantity, now);
            match disposition {
                Disposition::UseAsIs => shelf.change(from, quantity, now),
                Disposition::Rework | Disposition::Sort => {
                    shelf.change(Pile { status: StockStatus::Inspection, ..from }, quantity, now);
                }
                Disposition::Scrap | Disposition::Return => {}
            }
        }
    }

    /// What lies of an item, or of one lot of it, by status.
    pub fn of(&self, plant: &str, item: &str, lot: Option<&str>) -> Vec<(StockStatus, Decimal)> {
        let shelf = self.shelves.get(&(plant.to_owned(), item.to_owned()));
        let piles = shelf.iter().flat_map(|shelf| &shelf.piles);
        piles
            .filter(|(pile, _)| lot.is_none_or(|lot| pile.lot.as_deref() == Some(lot)))
            .map(|(pile, there)| (pile.status, *there))
            .collect()
    }

    /// Takes so much of what may be used, wherever it lies; below zero puts it back.
    pub fn issue(&mut self, plant: &str, item: &str, lot: Option<&str>, quantity: Decimal, now: DateTime<Utc>) {
        let Some(shelf) = self.shelves.get_mut(&(plant.to_owned(), item.to_owned())) else { return };
        let usable: Vec<(Pile, Decimal)> = shelf
            .piles
            .iter()
            .filter(|(pile, _)| {
                pile.status == StockStatus::Unrestricted && lot.is_none_or(|lot| pile.lot.as_deref() == Some(lot))
            })
            .map(|(pile, there)| (pile.clone(), *there))
            .collect();
        if quantity < Decimal::ZERO {
            let pile = usable.into_iter().next().map_or_else(
                || Pile { lot: lot.map(str::to_owned), status: StockStatus::Unrestricted, place: None },
                |(pile, _)| pile,
            );
            return shelf.change(pile, -quantity, now);
        }
        let mut left = quantity;
        for (pile, there) in usable {
            let part = there.min(left);
            left -= part;
            shelf.change(pile, -part, now);
        }
    }

    /// How much there is of an item now; none where the item is not known in the plant.
    pub fn figure(&self, plant: &str, item: &str, now: DateTime<Utc>) -> Option<Figure> {
        let shelf = self.shelves.get(&(plant.to_owned(), item.to_owned()))?;
        Some(Figure { as_of: now, ..shelf.figure(plant, item) })
    }

    /// Every figure as of its last change.
    pub fn figures(&self) -> impl Iterator<Item = Figure> {
        self.shelves.iter().map(|((plant, item), shelf)| shelf.figure(plant, item))
    }
}

impl Pile {
    fn blocked(&self) -> Self {
        Self { status: StockStatus::Blocked, ..self.clone() }
    }
}

impl Shelf {
    fn change(&mut self, pile: Pile, by: Decimal, now: DateTime<Utc>) {
        self.changed_at = self.changed_at.max(now);
        let there = self.piles.entry(pile.clone()).or_default();
        // More than a number can hold is no stock of anybody, but must not end a test of extremes.
        *there = there.saturating_add(by);
        if there.is_zero() {
            self.piles.remove(&pile);
        }
    }

    /// The piles of a lot, by the plant's number or the supplier's.
    fn of_lot<'a>(&'a self, lot: &'a Lot) -> impl Iterator<Item = (Pile, Decimal)> + 'a {
        let is_it = |number: &Option<String>| {
            number.as_ref().is_some_and(|number| *number == lot.lot || lot.supplier_lot.as_ref() == Some(number))
        };
        self.piles.iter().filter(move |(pile, _)| is_it(&pile.lot)).map(|(pile, there)| (pile.clone(), *there))
    }

    fn figure(&self, plant: &str, item: &str) -> Figure {
        let lots = self.piles.iter().map(|(pile, there)| OnHand {
            lot: pile.lot.clone(),
            status: pile.status,
            location: pile.place.clone(),
            on_hand: *there,
            reserved: Decimal::ZERO,
        });
        Figure {
            plant: plant.to_owned(),
            item: item.to_owned(),
            unit: self.unit.clone(),
            as_of: self.changed_at,
            lots: lots.collect(),
        }
    }
}
