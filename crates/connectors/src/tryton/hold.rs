//! Holds. Tryton has no status of a lot: what is held is moved by internal shipments to a hold location beside the storage
//! zone, where neither production nor shipping looks for it, and back when it may be used again.
//!
//! A hold of a supplier's or a plant's item is told again when lots come that fall under it; what lies there already stays as
//! it is. A hold that counts in every plant moves what lies in any warehouse. Each lot also gets a note of the hold ([`lot`]):
//! goods that come later are taken to the hold location from the dock, and a lot under two holds stays until both end.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use domain::hold::{Disposition, Hold, HoldScope};
use rust_decimal::Decimal;

use super::lot::{self, Standing};
use super::relocation::{Moved, Piece, Relocation, Way};
use super::settings::{Places, TrytonSettings};
use super::stock::{self, Product, Warehouse};
use super::wire::{Trouble, Wire};
use crate::outcome::{Fault, Outcome};
use crate::{Link, LinkKind, Outgoing};

/// Takes the lots of a hold out of the storage zones, bins and all.
pub async fn place(
    wire: &Wire,
    settings: &TrytonSettings,
    delivery: &Outgoing,
    hold: &Hold,
) -> Result<Outcome, Trouble> {
    let Some(product) = stock::product(wire, &hold.item).await? else { return Ok(not_there()) };
    if hold.lots.is_empty() {
        return Ok(not_there());
    }
    let lots = lot::all(wire, &product, &hold.lots).await?;
    let known = lot::holds(wire, &lots).await?;
    let mut noted = true;
    let mut held = BTreeSet::new();
    for id in lots {
        match known.standing(id, &hold.number) {
            // The news of its end was here before a copy of its beginning.
            Some(Standing::Free | Standing::Stays) => continue,
            Some(Standing::Held) => {}
            None => {
                let words = format!("On hold in Interlock, {}: {}. {}", hold.number, hold.reason.words(), hold.note);
                lot::note(wire, id, &hold.number, Standing::Held, &words).await?;
                noted = false;
            }
        }
        held.insert(id);
    }
    let job = relocation(wire, settings, delivery, hold.number.clone());
    let mut moved = job.go_on().await?;
    moved.already &= noted;
    let mut trouble = None;
    let gathering = Gathering {
        wire,
        places: &settings.places,
        product: &product,
        lots: &held,
        hold,
        job: &job,
        today: delivery.now.date_naive(),
    };
    for warehouse in warehouses(wire, delivery).await? {
        if let Err(problem) = gathering.in_one(&warehouse, &mut moved).await {
            // What can be moved elsewhere is moved all the same.
            trouble.get_or_insert(problem);
        }
    }
    trouble.map_or_else(|| Ok(outcome(&moved, &hold.number, "nothing of it is there")), Err)
}

/// Moves what lies of lots anywhere in a warehouse to its hold location.
struct Gathering<'a> {
    wire: &'a Wire,
    places: &'a Places,
    product: &'a Product,
    lots: &'a BTreeSet<i64>,
    hold: &'a Hold,
    job: &'a Relocation<'a>,
    today: NaiveDate,
}

impl Gathering<'_> {
    async fn in_one(&self, warehouse: &Warehouse, moved: &mut Moved) -> Result<(), Trouble> {
        let plant = warehouse.name();
        // Where nobody looks for material anyway; a decision takes it on from there.
        let aside = [Some(self.places.hold(&plant)), self.places.inspection(&plant), self.places.blocked(&plant)];
        let mut most = left(self.hold, moved);
        let mut waiting = None;
        for place in stock::places(self.wire, warehouse, self.product, self.today).await? {
            if place.code.is_some() && aside.contains(&place.code) {
                continue;
            }
            let pieces = pieces(self.wire, self.product, place.id, self.lots, &mut most, self.today).await?;
            if pieces.is_empty() {
                continue;
            }
            if place.id == warehouse.input_location {
                // Tryton has planned its put-away, which would leave less than nothing here.
                waiting = Some(place.name);
                continue;
            }
            let to = hold_location(self.wire, self.places, warehouse).await?;
            self.job.carry(Way { from: place.id, to }, &pieces, moved).await?;
        }
        match waiting {
            None => Ok(()),
            Some(zone) => Err(Trouble::Fault(Fault::Temporary {
                message: format!(
                    "Something of the lots of {} is in {zone} of {plant} in Tryton and not put away yet; it is moved once it \
                     is.",
                    self.hold.number
                ),
                after: None,
            })),
        }
    }
}

/// How much a hold or its release still moves at most. Serials are not known to Tryton: one piece of the lot stands for the
/// one that is held.
fn left(hold: &Hold, moved: &Moved) -> Decimal {
    match hold.scope {
        HoldScope::Serial { .. } => Decimal::ONE - moved.quantity(),
        _ => Decimal::MAX,
    }
}

/// What lies of lots in one place.
async fn pieces(
    wire: &Wire,
    product: &Product,
    place: i64,
    lots: &BTreeSet<i64>,
    most: &mut Decimal,
    today: NaiveDate,
) -> Result<Vec<Piece>, Trouble> {
    let mut pieces = Vec::new();
    for found in stock::lots(wire, product.id, place, today).await? {
        let quantity = found.quantity.min(*most);
        if lots.contains(&found.lot) && quantity > Decimal::ZERO {
            *most -= quantity;
            pieces.push(Piece { product: product.id, unit: product.unit, lot: found.lot, quantity });
        }
    }
    Ok(pieces)
}

/// Brings lots back where they may be used as they are and no other hold keeps them; everything else stays in the hold
/// location until somebody in Tryton does with it what was decided.
pub async fn release(
    wire: &Wire,
    settings: &TrytonSettings,
    delivery: &Outgoing,
    hold: &Hold,
    disposition: Disposition,
    reason: &str,
) -> Result<Outcome, Trouble> {
    let Some(product) = stock::product(wire, &hold.item).await? else { return Ok(not_there()) };
    let lots = lot::all(wire, &product, &hold.lots).await?;
    let known = lot::holds(wire, &lots).await?;
    let state = if disposition == Disposition::UseAsIs { Standing::Free } else { Standing::Stays };
    let mut noted = true;
    for id in &lots {
        if known.standing(*id, &hold.number) != Some(state) {
            let words = format!("Hold {} of Interlock ended: {}. {reason}", hold.number, disposition.words());
            lot::note(wire, *id, &hold.number, state, &words).await?;
            noted = false;
        }
    }
    if state == Standing::Stays {
        return Ok(Outcome::accepted(Some(format!("stays on hold: {}", disposition.words())), noted));
    }
    let kept: Vec<&str> = lots.iter().filter_map(|lot| known.kept_by(*lot, &hold.number)).collect();
    let free: BTreeSet<i64> = lots.iter().copied().filter(|lot| known.kept_by(*lot, &hold.number).is_none()).collect();
    let job = relocation(wire, settings, delivery, format!("{} release", hold.number));
    let mut moved = job.go_on().await?;
    moved.already &= noted;
    let mut most = left(hold, &moved);
    for warehouse in warehouses(wire, delivery).await? {
        let code = settings.places.hold(&warehouse.name());
        let Some(from) = stock::location(wire, &warehouse, &code).await? else { continue };
        let pieces = pieces(wire, &product, from, &free, &mut most, delivery.now.date_naive()).await?;
        job.carry(Way { from, to: warehouse.storage_location }, &pieces, &mut moved).await?;
    }
    let words = kept.first().map_or_else(|| "nothing of it is there".to_owned(), |other| format!("kept by {other}"));
    Ok(outcome(&moved, &hold.number, &words))
}

/// Lots that just came in and are under a hold do not stay in the storage zone.
pub async fn catch(
    wire: &Wire,
    settings: &TrytonSettings,
    delivery: &Outgoing,
    warehouse: &Warehouse,
    came: &[Piece],
) -> Result<(), Trouble> {
    let lots: BTreeSet<i64> = came.iter().map(|piece| piece.lot).collect();
    let holds = lot::holds(wire, &lots).await?;
    for lot in lots {
        let Some(hold) = holds.kept_by(lot, "") else { continue };
        let job = relocation(wire, settings, delivery, hold.to_owned());
        let mut moved = job.go_on().await?;
        let to = hold_location(wire, &settings.places, warehouse).await?;
        let Some(piece) = came.iter().find(|piece| piece.lot == lot) else { continue };
        let there = stock::lots(wire, piece.product, warehouse.storage_location, delivery.now.date_naive()).await?;
        let quantity = there.iter().find(|found| found.lot == lot).map_or(Decimal::ZERO, |found| found.quantity);
        if quantity > Decimal::ZERO {
            let way = Way { from: warehouse.storage_location, to };
            job.carry(way, &[Piece { quantity, ..*piece }], &mut moved).await?;
        }
    }
    Ok(())
}

/// Where a warehouse keeps what is on hold.
pub async fn hold_location(wire: &Wire, places: &Places, warehouse: &Warehouse) -> Result<i64, Trouble> {
    let (plant, code) = (warehouse.name(), places.hold(&warehouse.name()));
    stock::location(wire, warehouse, &code).await?.ok_or_else(|| {
        Trouble::Refused(format!(
            "There is no storage location {code} in warehouse {plant}. Make one in Tryton beside the storage zone, or name \
             another one in the connection's settings."
        ))
    })
}

fn relocation<'a>(wire: &'a Wire, settings: &TrytonSettings, delivery: &Outgoing, reference: String) -> Relocation<'a> {
    Relocation::new(wire, settings.company, reference, delivery.now.date_naive())
}

/// The warehouse of the plant, or all where the hold counts in every plant.
async fn warehouses(wire: &Wire, delivery: &Outgoing) -> Result<Vec<Warehouse>, Trouble> {
    Ok(match &delivery.plant {
        Some(code) => vec![stock::plant(wire, code).await?],
        None => stock::plants(wire).await?,
    })
}

/// A product that Tryton does not know cannot be used there either.
fn not_there() -> Outcome {
    Outcome::accepted(Some("nothing of it is there".to_owned()), true)
}

fn outcome(moved: &Moved, hold: &str, otherwise: &str) -> Outcome {
    let link = moved.shipments.last().map(|last| Link {
        kind: LinkKind::Hold,
        key: hold.to_owned(),
        their_ref: last.resource(),
    });
    Outcome::Accepted {
        their_ref: Some(moved.their_refs().unwrap_or_else(|| otherwise.to_owned())),
        links: link.into_iter().collect(),
        already: moved.already,
        told: Vec::new(),
    }
}
