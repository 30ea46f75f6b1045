//! A ship notice into Tryton: a draft supplier shipment with the moves of its orders, one move for each lot.
//!
//! Tryton knows no uniqueness of a delivery note, so we look before we write: by our link, else by supplier and delivery
//! note. Each try brings the shipment in line with what is announced ([`arrange`]), and what is left of a line that was
//! announced in part is an open move again ([`lines`]). What comes in at our dock goes the same way ([`super::dock`]).
//!
//! Rules, each because of how Tryton works (tried on 8.2): zones, price and currency are not filled in through the API; a
//! shipment is withdrawn by taking its moves off first; one that is cancelled is never taken up again, because Tryton does
//! not let the moves of a purchase come back.

pub mod lines;

use std::collections::BTreeMap;

use chrono::NaiveDate;
use domain::shipment::ShipNotice;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::{Value, json};
use tracing::info;

use self::lines::{Line, Wanted, balance, carry_out, commands, steps};
use super::lot;
use super::stock::Warehouse;
use super::wire::{self, Query, Trouble, Wire, day};
use crate::outcome::{Fault, Outcome};
use crate::{Link, LinkKind, Outgoing};

/// A supplier shipment.
#[derive(Debug, Clone, Deserialize)]
pub struct Shipment {
    pub id: i64,
    pub number: Option<String>,
    pub state: String,
    reference: Option<String>,
    #[serde(default, deserialize_with = "wire::date")]
    pub planned_date: Option<NaiveDate>,
    #[serde(default)]
    incoming_moves: Vec<i64>,
}

const FIELDS: &[&str] = &["number", "state", "reference", "planned_date", "incoming_moves"];

impl Shipment {
    /// What it is called by links.
    pub fn resource(&self) -> String {
        format!("stock.shipment.in,{}", self.id)
    }

    /// What people call it.
    pub fn their_ref(&self) -> String {
        self.number.clone().unwrap_or_else(|| format!("#{}", self.id))
    }
}

/// What a message says of a line and lot, in our words.
pub struct Said<'a> {
    pub order: &'a str,
    pub line: &'a str,
    pub unit: &'a str,
    pub lot: Option<&'a str>,
    pub expires_on: Option<NaiveDate>,
    pub quantity: Decimal,
}

/// What a shipment should be.
pub struct Target<'a> {
    /// The number of our ship notice, or of our receipt where there is none.
    pub key: &'a str,
    /// The delivery note.
    pub reference: &'a str,
    /// None leaves it as it is.
    pub planned: Option<NaiveDate>,
    pub said: Vec<Said<'a>>,
}

/// What is said, held against the purchase lines that it is about.
pub struct Checked<'a> {
    pub target: Target<'a>,
    /// The ids of the lines, in the order of what is said.
    ids: Vec<i64>,
    lines: Vec<Line>,
    /// The supplier, by his id.
    pub party: i64,
    pub warehouse: Warehouse,
}

/// Writes a ship notice, or a newer version of it.
pub async fn announce(wire: &Wire, company: i64, delivery: &Outgoing, notice: &ShipNotice) -> Result<Outcome, Trouble> {
    let said = notice
        .lines
        .iter()
        .flat_map(|line| {
            let said = |lot, expires_on, quantity| Said {
                order: &line.order,
                line: &line.line,
                unit: line.unit.code(),
                lot,
                expires_on,
                quantity,
            };
            if line.lots.is_empty() {
                vec![said(None, None, line.quantity)]
            } else {
                line.lots.iter().map(|lot| said(Some(lot.lot.as_str()), lot.expires_on, lot.quantity)).collect()
            }
        })
        .collect();
    let target =
        Target { key: &notice.number, reference: &notice.delivery_note, planned: Some(notice.arrive_on), said };
    let checked = checked(wire, delivery, target).await?;
    let known = find(wire, company, delivery, &notice.number, &notice.delivery_note, checked.party).await?;
    if let Some(known) = known.as_ref().filter(|known| known.state != "draft") {
        return Err(Trouble::Refused(format!(
            "Shipment {} is {} in Tryton and cannot be changed by another version of {}.",
            known.their_ref(),
            known.state,
            notice.number
        )));
    }
    let (shipment, already) = arrange(wire, company, &checked, known).await?;
    info!(notice = notice.number, delivery.already = already, "The ship notice is in Tryton.");
    Ok(accepted(&shipment, already, &[(LinkKind::Shipment, &notice.number)]))
}

/// It is there, and is what these keys of ours mean.
pub fn accepted(shipment: &Shipment, already: bool, keys: &[(LinkKind, &str)]) -> Outcome {
    let link =
        |(kind, key): &(LinkKind, &str)| Link { kind: *kind, key: (*key).to_owned(), their_ref: shipment.resource() };
    Outcome::Accepted {
        their_ref: Some(shipment.their_ref()),
        links: keys.iter().map(link).collect(),
        already,
        told: Vec::new(),
    }
}

/// Withdraws a ship notice.
pub async fn cancel(
    wire: &Wire,
    company: i64,
    delivery: &Outgoing,
    notice: &str,
    delivery_note: &str,
) -> Result<Outcome, Trouble> {
    let found = match &delivery.supplier {
        Some(supplier) => match party(wire, supplier).await? {
            Some(party) => find(wire, company, delivery, notice, delivery_note, party).await?,
            None => None,
        },
        None => linked(wire, delivery, notice).await?.filter(|known| known.state != "cancelled"),
    };
    let Some(shipment) = found else {
        // Never came here, or is cancelled already.
        return Ok(Outcome::accepted(None, true));
    };
    if shipment.state != "draft" {
        return Err(Trouble::Refused(format!(
            "Shipment {} is {} in Tryton; goods that were received cannot be withdrawn.",
            shipment.their_ref(),
            shipment.state
        )));
    }
    if !shipment.incoming_moves.is_empty() {
        let lines = lines::of_moves(wire, &shipment.incoming_moves).await?;
        let line = |id: i64| lines.iter().find(|line| line.moves.iter().any(|each| each.id == id));
        let off: Vec<Value> = shipment.incoming_moves.iter().flat_map(|id| lines::leave(*id, line(*id))).collect();
        wire.write("stock.shipment.in", shipment.id, json!({"incoming_moves": off})).await?;
    }
    wire.press("stock.shipment.in", shipment.id, "cancel").await?;
    Ok(Outcome::accepted(Some(shipment.their_ref()), false))
}

/// The supplier with this number of ours.
async fn party(wire: &Wire, number: &str) -> Result<Option<i64>, Fault> {
    let query = Query {
        model: "party.party",
        fields: &["id"],
        domain: json!([super::stock::by_code(number)]),
        order: json!([["id", "ASC"]]),
        limit: 1,
    };
    Ok(wire.list::<wire::Id>(&query).await?.pop().map(|party| party.id))
}

/// The shipment of a ship notice, as far as a link knows it.
pub async fn linked(wire: &Wire, delivery: &Outgoing, notice: &str) -> Result<Option<Shipment>, Fault> {
    let id = delivery
        .their_ref(LinkKind::Shipment, notice)
        .and_then(|link| link.strip_prefix("stock.shipment.in,"))
        .and_then(|id| id.parse::<i64>().ok());
    match id {
        Some(id) => by_id(wire, id).await,
        None => Ok(None),
    }
}

/// The shipment of a ship notice: by our link, else by supplier and delivery note.
pub async fn find(
    wire: &Wire,
    company: i64,
    delivery: &Outgoing,
    notice: &str,
    delivery_note: &str,
    party: i64,
) -> Result<Option<Shipment>, Fault> {
    if let Some(known) = linked(wire, delivery, notice).await?.filter(|known| known.state != "cancelled") {
        return Ok(Some(known));
    }
    Ok(with_note(wire, company, delivery_note, party).await?.into_iter().next())
}

/// The shipments of a supplier with a delivery note that are not cancelled, oldest first.
pub async fn with_note(wire: &Wire, company: i64, delivery_note: &str, party: i64) -> Result<Vec<Shipment>, Fault> {
    let query = Query {
        model: "stock.shipment.in",
        fields: FIELDS,
        domain: json!([
            ["company", "=", company],
            ["reference", "=", delivery_note],
            ["supplier", "=", party],
            ["state", "!=", "cancelled"]
        ]),
        order: json!([["id", "ASC"]]),
        limit: 100,
    };
    wire.list(&query).await
}

/// A shipment by its id; none where it was deleted.
pub async fn by_id(wire: &Wire, id: i64) -> Result<Option<Shipment>, Fault> {
    let query = Query {
        model: "stock.shipment.in",
        fields: FIELDS,
        domain: json!([["id", "=", id]]),
        order: json!([["id", "ASC"]]),
        limit: 1,
    };
    Ok(wire.list::<Shipment>(&query).await?.pop())
}

async fn just_written(wire: &Wire, id: i64) -> Result<Shipment, Trouble> {
    let found = by_id(wire, id).await?;
    found.ok_or_else(|| Fault::Temporary { message: format!("Shipment {id} is gone."), after: None }.into())
}

/// Reads the lines that something is said of, and refuses in words what does not go with them.
pub async fn checked<'a>(wire: &Wire, delivery: &Outgoing, target: Target<'a>) -> Result<Checked<'a>, Trouble> {
    let ids = ids(delivery, &target.said)?;
    let lines = lines::read(wire, &ids).await?;
    check(&target, &ids, &lines)?;
    let Some(first) = lines.first() else {
        return Err(Trouble::Refused(format!("{} has no lines.", target.key)));
    };
    let party = first.purchase.party.id;
    let Some(warehouse) = first.purchase.warehouse.clone() else {
        return Err(Trouble::Refused(format!("Order {} has no warehouse in Tryton.", first.order())));
    };
    Ok(Checked { target, ids, lines, party, warehouse })
}

/// Brings a draft in line with what is said of it, or makes one. Whether it was so already.
pub async fn arrange(
    wire: &Wire,
    company: i64,
    checked: &Checked<'_>,
    known: Option<Shipment>,
) -> Result<(Shipment, bool), Trouble> {
    let Checked { target, ids, lines, party, warehouse } = checked;
    let mut already = true;
    let wanted = wanted(wire, target, ids, lines).await?;
    let left = steps(lines, known.as_ref().map(Shipment::resource).as_deref(), &wanted);
    let head = head(known.as_ref(), target);
    let commands = commands(&left, lines);
    let shipment = match known {
        None => {
            already = false;
            let mut values = json!({
                "supplier": party, "company": company, "warehouse": warehouse.id,
                "warehouse_input": warehouse.input_location, "warehouse_storage": warehouse.storage_location,
                "reference": target.reference, "incoming_moves": commands,
            });
            if let Some(planned) = target.planned {
                values["planned_date"] = day(Some(planned));
            }
            let id = wire.create("stock.shipment.in", values).await?;
            just_written(wire, id).await?
        }
        Some(known) if !left.is_empty() || head.is_some() => {
            already = false;
            let mut values = head.unwrap_or_else(|| json!({}));
            if !left.is_empty() {
                values["incoming_moves"] = commands;
            }
            wire.write("stock.shipment.in", known.id, values).await?;
            just_written(wire, known.id).await?
        }
        Some(known) => known,
    };
    // What was announced in part leaves the rest open, and a rest that was counted twice goes.
    let days = lines.iter().map(|line| (line.id, line.day_of_the_rest())).collect();
    already &= level(wire, ids, &days).await?;
    let after = lines::read(wire, ids).await?;
    if !steps(&after, Some(&shipment.resource()), &wanted).is_empty() {
        return Err(Trouble::Fault(Fault::Temporary {
            message: format!("Shipment {} looks otherwise than it was written.", shipment.their_ref()),
            after: None,
        }));
    }
    Ok((shipment, already))
}

/// Brings the moves of lines back to their quantities, with the days of what is not announced. Whether they were so already.
pub async fn level(wire: &Wire, ids: &[i64], days: &BTreeMap<i64, Option<NaiveDate>>) -> Result<bool, Trouble> {
    let mut already = true;
    for line in lines::read(wire, ids).await? {
        for change in balance(&line) {
            already = false;
            let on = days.get(&line.id).copied().flatten().or_else(|| line.day_of_the_rest());
            carry_out(wire, &line, &change, on).await?;
        }
    }
    Ok(already)
}

/// The fields of the shipment itself that are to change.
fn head(known: Option<&Shipment>, target: &Target<'_>) -> Option<Value> {
    let known = known?;
    let mut values = json!({});
    // The delivery note of a shipment that Tryton knows is its own business, unless ours has another one now.
    if known.reference.as_deref() != Some(target.reference) && target.planned.is_some() {
        values["reference"] = json!(target.reference);
    }
    if target.planned.is_some() && known.planned_date != target.planned {
        values["planned_date"] = day(target.planned);
    }
    (values != json!({})).then_some(values)
}

/// The ids of the purchase lines, in the order of what is said.
fn ids(delivery: &Outgoing, said: &[Said<'_>]) -> Result<Vec<i64>, Trouble> {
    said.iter()
        .map(|said| {
            let linked = delivery.their_ref(LinkKind::OrderLine, &format!("{}/{}", said.order, said.line));
            let id = linked.and_then(|link| link.strip_prefix("purchase.line,")).unwrap_or(said.line);
            id.parse::<i64>().map_err(|_| {
                Trouble::Refused(format!("Line {} of order {} is not a line of Tryton.", said.line, said.order))
            })
        })
        .collect()
}

fn check(target: &Target<'_>, ids: &[i64], lines: &[Line]) -> Result<(), Trouble> {
    for (said, id) in target.said.iter().zip(ids) {
        let name = format!("Line {} of order {}", said.line, said.order);
        let Some(line) = lines.iter().find(|line| line.id == *id && line.order() == said.order) else {
            return Err(Trouble::Refused(format!("{name} does not exist in Tryton any more.")));
        };
        let unit = domain::quantity::Unit::new(&line.unit.symbol);
        if unit.code() != said.unit {
            return Err(Trouble::Refused(format!("{name} is in {} in Tryton, not in {}.", unit.code(), said.unit)));
        }
        if said.quantity.normalize().scale() > line.unit.digits {
            return Err(Trouble::Refused(format!(
                "Tryton keeps {} with {} decimals, so {} cannot be written.",
                unit.code(),
                line.unit.digits,
                said.quantity
            )));
        }
    }
    let parties: std::collections::BTreeSet<i64> = lines.iter().map(|line| line.purchase.party.id).collect();
    if parties.len() > 1 {
        return Err(Trouble::Refused(format!("{} is for orders of several suppliers of Tryton.", target.key)));
    }
    Ok(())
}

/// What is said, with the lots of Tryton, which are made where they are missing. One entry for each line and lot.
async fn wanted(wire: &Wire, target: &Target<'_>, ids: &[i64], lines: &[Line]) -> Result<Vec<Wanted>, Trouble> {
    let mut sums: BTreeMap<(i64, Option<i64>), Decimal> = BTreeMap::new();
    for (said, id) in target.said.iter().zip(ids) {
        let Some(line) = lines.iter().find(|line| line.id == *id) else { continue };
        let lot = match said.lot {
            Some(number) => Some(lot::make(wire, line.product.id, number, said.expires_on).await?),
            None => None,
        };
        *sums.entry((*id, lot)).or_default() += said.quantity;
    }
    let wanted = sums.into_iter().map(|((line, lot), quantity)| Wanted { line, lot, quantity });
    Ok(wanted.collect())
}
