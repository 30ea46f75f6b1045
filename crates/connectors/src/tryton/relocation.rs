//! Lots from one place to another inside a warehouse: an internal shipment for each pair of places.
//!
//! Tryton has no place for an idempotency key: the shipments of one thing share their reference. They are looked for before
//! another one is made, and a try that broke off is gone on with from the state that it left.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::{Value, json};

use super::wire::{self, Query, Trouble, Wire, day, quantity};
use crate::outcome::Fault;

/// So much of a lot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// The product, by its id.
    pub product: i64,
    /// The unit of the quantity, by its id.
    pub unit: i64,
    /// The lot, by its id.
    pub lot: i64,
    /// How much.
    pub quantity: Decimal,
}

/// From where to where, by the ids of locations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Way {
    pub from: i64,
    pub to: i64,
}

/// An internal shipment.
#[derive(Debug, Clone, Deserialize)]
pub struct Shipment {
    id: i64,
    number: Option<String>,
    state: String,
    #[serde(default)]
    moves: Vec<Move>,
}

#[derive(Debug, Clone, Deserialize)]
struct Move {
    #[serde(default, deserialize_with = "wire::float")]
    quantity: Option<Decimal>,
}

impl Shipment {
    /// What it is called by links.
    pub fn resource(&self) -> String {
        format!("stock.shipment.internal,{}", self.id)
    }

    /// What people call it.
    pub fn their_ref(&self) -> String {
        self.number.clone().unwrap_or_else(|| format!("#{}", self.id))
    }
}

/// What was moved for one thing.
#[derive(Debug, Default)]
pub struct Moved {
    /// All its shipments, oldest first. All are done.
    pub shipments: Vec<Shipment>,
    /// An earlier try did everything.
    pub already: bool,
}

impl Moved {
    /// How much all of them move.
    pub fn quantity(&self) -> Decimal {
        self.shipments.iter().flat_map(|shipment| &shipment.moves).filter_map(|each| each.quantity).sum()
    }

    /// The shipments by the names that people call them.
    pub fn their_refs(&self) -> Option<String> {
        let names: Vec<String> = self.shipments.iter().map(Shipment::their_ref).collect();
        (!names.is_empty()).then(|| names.join(", "))
    }
}

/// The moves of one thing, by their reference.
#[derive(Debug)]
pub struct Relocation<'a> {
    wire: &'a Wire,
    company: i64,
    reference: String,
    today: NaiveDate,
}

impl<'a> Relocation<'a> {
    pub const fn new(wire: &'a Wire, company: i64, reference: String, today: NaiveDate) -> Self {
        Self { wire, company, reference, today }
    }

    /// Finishes what an earlier try began.
    pub async fn go_on(&self) -> Result<Moved, Trouble> {
        let mut moved = Moved { already: true, ..Moved::default() };
        for known in self.known().await? {
            let done = self.finish(known, &mut moved.already).await?;
            moved.shipments.push(done);
        }
        Ok(moved)
    }

    /// Moves pieces along a way.
    pub async fn carry(&self, way: Way, pieces: &[Piece], moved: &mut Moved) -> Result<(), Trouble> {
        if pieces.is_empty() {
            return Ok(());
        }
        let moves: Vec<Value> = pieces
            .iter()
            .map(|piece| {
                json!({
                    "product": piece.product, "lot": piece.lot, "quantity": quantity(piece.quantity), "unit": piece.unit,
                    "from_location": way.from, "to_location": way.to, "company": self.company,
                })
            })
            .collect();
        let values = json!({
            "company": self.company, "from_location": way.from, "to_location": way.to, "reference": self.reference,
            "planned_date": day(Some(self.today)), "planned_start_date": day(Some(self.today)), "moves": [["create", moves]],
        });
        let id = self.wire.create("stock.shipment.internal", values).await?;
        let Some(made) = self.known().await?.into_iter().find(|known| known.id == id) else {
            return Err(gone(id).into());
        };
        let done = self.finish(made, &mut moved.already).await?;
        moved.shipments.push(done);
        Ok(())
    }

    async fn finish(&self, mut shipment: Shipment, already: &mut bool) -> Result<Shipment, Trouble> {
        for (from, button) in [("draft", "wait"), ("waiting", "assign_try"), ("assigned", "do")] {
            if shipment.state == from {
                *already = false;
                self.wire.press("stock.shipment.internal", shipment.id, button).await?;
                let now = self.known().await?.into_iter().find(|known| known.id == shipment.id);
                shipment = now.ok_or_else(|| gone(shipment.id))?;
            }
        }
        if shipment.state == "done" {
            return Ok(shipment);
        }
        Err(Trouble::Refused(format!(
            "The lots of {} could not be moved in Tryton (shipment {} is {}): something of them is reserved. Release the \
             reservation there, then retry.",
            self.reference,
            shipment.their_ref(),
            shipment.state
        )))
    }

    async fn known(&self) -> Result<Vec<Shipment>, Fault> {
        let query = Query {
            model: "stock.shipment.internal",
            fields: &["number", "state", "moves.quantity"],
            domain: json!([
                ["company", "=", self.company],
                ["reference", "=", self.reference],
                ["state", "!=", "cancelled"]
            ]),
            order: json!([["id", "ASC"]]),
            limit: 1_000,
        };
        self.wire.list(&query).await
    }
}

fn gone(id: i64) -> Fault {
    Fault::Temporary { message: format!("The internal shipment {id} is gone."), after: None }
}
