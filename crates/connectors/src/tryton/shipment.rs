//! A ship notice into Tryton: a draft supplier shipment with the moves of its orders, one move for each lot.
//!
//! Tryton knows no uniqueness of a delivery note, so we look before we write: by our link, else by supplier and delivery
//! note. Each try brings the shipment in line with what is announced, and what is left of a line that was announced in part
//! is an open move again. A receipt at our dock brings it in line with what came, and receives it.
//!
//! Rules, each because of how Tryton works (tried on 8.2): zones, price and currency are not filled in through the API; the
//! sum of a line's moves is kept at its quantity, because Tryton adds what is missing by itself when something is deleted;
//! a shipment is withdrawn by taking its moves off first.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use domain::receipt::Receipt;
use domain::shipment::ShipNotice;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::{Value, json};
use tracing::info;

use super::wire::{self, Coded, Id, Query, Trouble, Unit, Wire, day, quantity};
use crate::outcome::{Fault, Outcome};
use crate::{Link, LinkKind, Outgoing};

/// A purchase line with what a shipment needs of it.
#[derive(Debug, Clone, Deserialize)]
pub struct Line {
    pub id: i64,
    #[serde(default, deserialize_with = "wire::float")]
    pub quantity: Option<Decimal>,
    pub unit: Unit,
    pub product: Coded,
    unit_price: Value,
    from_location: i64,
    to_location: i64,
    purchase: Purchase,
    #[serde(default)]
    pub moves: Vec<Move>,
}

#[derive(Debug, Clone, Deserialize)]
struct Purchase {
    number: Option<String>,
    currency: i64,
    company: i64,
    party: Coded,
    warehouse: Option<Warehouse>,
}

/// A warehouse with its zones.
#[derive(Debug, Clone, Deserialize)]
pub struct Warehouse {
    pub id: i64,
    pub input_location: i64,
    pub storage_location: i64,
}

/// A move of a line, with its lot.
#[derive(Debug, Clone, Deserialize)]
pub struct Move {
    pub id: i64,
    #[serde(default, deserialize_with = "wire::float")]
    pub quantity: Option<Decimal>,
    pub state: String,
    pub shipment: Option<String>,
    pub lot: Option<i64>,
    #[serde(default, deserialize_with = "wire::date")]
    pub planned_date: Option<NaiveDate>,
}

const LINE_FIELDS: &[&str] = &[
    "quantity",
    "unit.symbol",
    "unit.digits",
    "product.code",
    "unit_price",
    "from_location",
    "to_location",
    "purchase.number",
    "purchase.currency",
    "purchase.company",
    "purchase.party.code",
    "purchase.warehouse.input_location",
    "purchase.warehouse.storage_location",
    "moves.quantity",
    "moves.state",
    "moves.shipment",
    "moves.lot",
    "moves.planned_date",
];

/// A supplier shipment.
#[derive(Debug, Clone, Deserialize)]
struct Shipment {
    id: i64,
    number: Option<String>,
    state: String,
    reference: Option<String>,
    #[serde(default, deserialize_with = "wire::date")]
    planned_date: Option<NaiveDate>,
    #[serde(default)]
    incoming_moves: Vec<i64>,
}

impl Shipment {
    fn resource(&self) -> String {
        format!("stock.shipment.in,{}", self.id)
    }

    fn their_ref(&self) -> String {
        self.number.clone().unwrap_or_else(|| format!("#{}", self.id))
    }
}

/// So much of a line and lot, by the ids of Tryton.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    pub line: i64,
    pub lot: Option<i64>,
    pub quantity: Decimal,
}

/// What a message says of a line and lot, in our words.
struct Said<'a> {
    order: &'a str,
    line: &'a str,
    unit: &'a str,
    lot: Option<&'a str>,
    expires_on: Option<NaiveDate>,
    quantity: Decimal,
}

/// What a shipment should be.
struct Target<'a> {
    /// The number of our ship notice, or of our receipt where there is none.
    key: &'a str,
    kind: LinkKind,
    reference: &'a str,
    /// None leaves it as it is.
    planned: Option<NaiveDate>,
    said: Vec<Said<'a>>,
}

/// One thing to do to the moves of a line for a shipment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// An open move becomes part of the shipment, or one of the shipment gets another quantity.
    Take { id: i64, wanted: Wanted },
    /// Another move is needed.
    Add(Wanted),
    /// Not announced any more.
    Leave { id: i64 },
}

/// What is left to do until the shipment holds exactly what is wanted of these lines. Pure.
pub fn steps(lines: &[Line], shipment: Option<&str>, wanted: &[Wanted]) -> Vec<Step> {
    let mut steps = Vec::new();
    for line in lines {
        let open = || line.moves.iter().filter(|each| each.state == "draft");
        let mut inside: Vec<&Move> =
            open().filter(|each| shipment.is_some() && each.shipment.as_deref() == shipment).collect();
        let mut free: Vec<&Move> = open().filter(|each| each.shipment.is_none()).collect();
        free.sort_by_key(|each| (each.planned_date.is_none(), each.planned_date, each.id));
        let mut left = Vec::new();
        for part in wanted.iter().filter(|part| part.line == line.id) {
            match inside.iter().position(|each| each.lot == part.lot) {
                Some(index) => {
                    let each = inside.remove(index);
                    if each.quantity != Some(part.quantity) {
                        steps.push(Step::Take { id: each.id, wanted: *part });
                    }
                }
                None => left.push(*part),
            }
        }
        for part in left {
            // A move of the shipment whose lot is not wanted any more is as good as an open one.
            if let Some(each) = inside.pop() {
                steps.push(Step::Take { id: each.id, wanted: part });
            } else if free.is_empty() {
                steps.push(Step::Add(part));
            } else {
                steps.push(Step::Take { id: free.remove(0).id, wanted: part });
            }
        }
        steps.extend(inside.iter().map(|each| Step::Leave { id: each.id }));
    }
    steps
}

/// What keeps the moves of a line at its quantity: what is missing is one more open move, what is too much is taken off the
/// open moves, the latest first. Pure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Balance {
    Add(Decimal),
    Shrink { id: i64, to: Decimal },
    Remove { id: i64 },
}

/// See [`Balance`].
pub fn balance(line: &Line) -> Vec<Balance> {
    let there: Decimal =
        line.moves.iter().filter(|each| each.state != "cancelled").filter_map(|each| each.quantity).sum();
    let asked = line.quantity.unwrap_or_default();
    if there < asked {
        return vec![Balance::Add(asked - there)];
    }
    let mut excess = there - asked;
    let mut free: Vec<&Move> =
        line.moves.iter().filter(|each| each.state == "draft" && each.shipment.is_none()).collect();
    free.sort_by_key(|each| std::cmp::Reverse((each.planned_date.is_none(), each.planned_date, each.id)));
    let mut found = Vec::new();
    for each in free {
        let quantity = each.quantity.unwrap_or_default();
        if excess.is_zero() {
            break;
        }
        if quantity <= excess {
            excess -= quantity;
            found.push(Balance::Remove { id: each.id });
        } else {
            found.push(Balance::Shrink { id: each.id, to: quantity - excess });
            excess = Decimal::ZERO;
        }
    }
    found
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
    let target = Target {
        key: &notice.number,
        kind: LinkKind::Shipment,
        reference: &notice.delivery_note,
        planned: Some(notice.arrive_on),
        said,
    };
    let (shipment, already) = arrange(wire, company, delivery, &target).await?;
    if shipment.state != "draft" {
        let state = &shipment.state;
        return Err(Trouble::Refused(format!(
            "Shipment {} is {state} in Tryton and cannot be changed by another version of {}.",
            shipment.their_ref(),
            notice.number
        )));
    }
    info!(notice = notice.number, delivery.already = already, "The ship notice is in Tryton.");
    Ok(accepted(&target, &shipment, already))
}

/// Writes a receipt at our dock: the shipment becomes what came, and is received.
pub async fn receive(wire: &Wire, company: i64, delivery: &Outgoing, receipt: &Receipt) -> Result<Outcome, Trouble> {
    let said: Vec<Said<'_>> = receipt
        .lines
        .iter()
        .filter(|line| !line.accepted.is_zero())
        .filter_map(|line| {
            Some(Said {
                order: line.order.as_deref()?,
                line: line.line.as_deref()?,
                unit: line.unit.code(),
                lot: line.supplier_lot.as_deref(),
                expires_on: line.expires_on,
                quantity: line.accepted,
            })
        })
        .collect();
    if said.is_empty() {
        // Nothing of an order came undamaged: there is nothing that Tryton could take into stock.
        return Ok(Outcome::accepted(None, true));
    }
    let (key, kind) = match &receipt.notice {
        Some(notice) => (notice.as_str(), LinkKind::Shipment),
        None => (receipt.number.as_str(), LinkKind::Receipt),
    };
    let reference = receipt.delivery_note.as_deref().unwrap_or(&receipt.number);
    let target = Target { key, kind, reference, planned: None, said };
    let (shipment, mut already) = arrange(wire, company, delivery, &target).await?;
    let mut state = shipment.state.clone();
    for (from, button, to) in [("draft", "receive", "received"), ("received", "do", "done")] {
        if state == from {
            wire.press("stock.shipment.in", shipment.id, button).await?;
            to.clone_into(&mut state);
            already = false;
        }
    }
    Ok(accepted(&target, &shipment, already))
}

fn accepted(target: &Target<'_>, shipment: &Shipment, already: bool) -> Outcome {
    Outcome::Accepted {
        their_ref: Some(shipment.their_ref()),
        links: vec![Link { kind: target.kind, key: target.key.to_owned(), their_ref: shipment.resource() }],
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
    let supplier = json!(["supplier.code", "=", delivery.supplier]);
    let found = find(wire, company, delivery, (LinkKind::Shipment, notice), delivery_note, supplier).await?;
    let Some(shipment) = found else {
        // Never came here, or is cancelled already.
        return Ok(Outcome::accepted(None, true));
    };
    match shipment.state.as_str() {
        "cancelled" => return Ok(Outcome::accepted(Some(shipment.their_ref()), true)),
        "draft" => {}
        other => {
            return Err(Trouble::Refused(format!(
                "Shipment {} is {other} in Tryton; goods that were received cannot be withdrawn.",
                shipment.their_ref()
            )));
        }
    }
    if !shipment.incoming_moves.is_empty() {
        let moves = &shipment.incoming_moves;
        let off = json!({"incoming_moves": [["write", moves, {"lot": null}], ["remove", moves]]});
        wire.write("stock.shipment.in", shipment.id, off).await?;
    }
    wire.press("stock.shipment.in", shipment.id, "cancel").await?;
    Ok(Outcome::accepted(Some(shipment.their_ref()), false))
}

/// The shipment of a document: by our link, else by supplier and delivery note.
async fn find(
    wire: &Wire,
    company: i64,
    delivery: &Outgoing,
    (kind, key): (LinkKind, &str),
    reference: &str,
    supplier: Value,
) -> Result<Option<Shipment>, Fault> {
    let linked = delivery
        .their_ref(kind, key)
        .and_then(|link| link.strip_prefix("stock.shipment.in,"))
        .and_then(|id| id.parse::<i64>().ok());
    let which = match linked {
        Some(id) => json!([["id", "=", id]]),
        None => json!([["reference", "=", reference], supplier, ["state", "!=", "cancelled"]]),
    };
    let query = Query {
        model: "stock.shipment.in",
        fields: &["number", "state", "reference", "planned_date", "incoming_moves"],
        domain: json!([["company", "=", company], which]),
        order: json!([["id", "ASC"]]),
        limit: 1,
    };
    Ok(wire.list::<Shipment>(&query).await?.pop())
}

/// Brings a shipment in line with what is said of it, as long as it is a draft. Whether it was so already.
async fn arrange(
    wire: &Wire,
    company: i64,
    delivery: &Outgoing,
    target: &Target<'_>,
) -> Result<(Shipment, bool), Trouble> {
    let ids = ids(delivery, &target.said)?;
    let lines = lines(wire, &ids).await?;
    check(target, &ids, &lines)?;
    let Some(first) = lines.first() else {
        return Err(Trouble::Refused(format!("{} has no lines.", target.key)));
    };
    let party = first.purchase.party.id;
    let Some(warehouse) = first.purchase.warehouse.clone() else {
        return Err(Trouble::Refused(format!("Order {} has no warehouse in Tryton.", order_of(first))));
    };
    let supplier = json!(["supplier", "=", party]);
    let known = find(wire, company, delivery, (target.kind, target.key), target.reference, supplier).await?;
    let mut already = true;
    if let Some(known) = known.as_ref().filter(|known| known.state != "draft") {
        return Ok((known.clone(), already));
    }
    let wanted = wanted(wire, target, &ids, &lines).await?;
    let left = steps(&lines, known.as_ref().map(Shipment::resource).as_deref(), &wanted);
    let head = head(known.as_ref(), target);
    let commands = commands(&left, &lines);
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
            by_id(wire, id).await?
        }
        Some(known) if !left.is_empty() || head.is_some() => {
            already = false;
            let mut values = head.unwrap_or_else(|| json!({}));
            if !left.is_empty() {
                values["incoming_moves"] = commands;
            }
            wire.write("stock.shipment.in", known.id, values).await?;
            by_id(wire, known.id).await?
        }
        Some(known) => known,
    };
    // What was announced in part leaves the rest open, and a rest that was counted twice goes.
    for line in self::lines(wire, &ids).await? {
        for change in balance(&line) {
            already = false;
            carry_out(wire, &line, &change, target.planned).await?;
        }
    }
    let after = self::lines(wire, &ids).await?;
    if !steps(&after, Some(&shipment.resource()), &wanted).is_empty() {
        return Err(Trouble::Fault(Fault::Temporary {
            message: format!("Shipment {} looks otherwise than it was written.", shipment.their_ref()),
            after: None,
        }));
    }
    Ok((shipment, already))
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

async fn by_id(wire: &Wire, id: i64) -> Result<Shipment, Trouble> {
    let query = Query {
        model: "stock.shipment.in",
        fields: &["number", "state", "reference", "planned_date", "incoming_moves"],
        domain: json!([["id", "=", id]]),
        order: json!([["id", "ASC"]]),
        limit: 1,
    };
    let found = wire.list::<Shipment>(&query).await?.pop();
    found.ok_or_else(|| Fault::Temporary { message: format!("Shipment {id} is gone."), after: None }.into())
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

async fn lines(wire: &Wire, ids: &[i64]) -> Result<Vec<Line>, Fault> {
    let query = Query {
        model: "purchase.line",
        fields: LINE_FIELDS,
        domain: json!([["id", "in", ids]]),
        order: json!([["id", "ASC"]]),
        limit: ids.len().max(1),
    };
    wire.list(&query).await
}

fn order_of(line: &Line) -> &str {
    line.purchase.number.as_deref().unwrap_or("without number")
}

fn check(target: &Target<'_>, ids: &[i64], lines: &[Line]) -> Result<(), Trouble> {
    for (said, id) in target.said.iter().zip(ids) {
        let name = format!("Line {} of order {}", said.line, said.order);
        let Some(line) = lines.iter().find(|line| line.id == *id && order_of(line) == said.order) else {
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
            Some(number) => Some(lot(wire, line.product.id, number, said.expires_on).await?),
            None => None,
        };
        *sums.entry((*id, lot)).or_default() += said.quantity;
    }
    let wanted = sums.into_iter().map(|((line, lot), quantity)| Wanted { line, lot, quantity });
    Ok(wanted.collect())
}

/// The lot of a product by its number.
pub async fn known_lot(wire: &Wire, product: i64, number: &str) -> Result<Option<i64>, Fault> {
    let query = Query {
        model: "stock.lot",
        fields: &["id"],
        domain: json!([["number", "=", number], ["product", "=", product]]),
        order: json!([["id", "ASC"]]),
        limit: 1,
    };
    Ok(wire.list::<Id>(&query).await?.pop().map(|lot| lot.id))
}

async fn lot(wire: &Wire, product: i64, number: &str, expires_on: Option<NaiveDate>) -> Result<i64, Trouble> {
    if let Some(id) = known_lot(wire, product, number).await? {
        return Ok(id);
    }
    let mut values = json!({"number": number, "product": product});
    if expires_on.is_some() {
        values["shelf_life_expiration_date"] = day(expires_on);
    }
    wire.create("stock.lot", values).await
}

/// The steps as Tryton's list of commands on the shipment's moves.
fn commands(steps: &[Step], lines: &[Line]) -> Value {
    let mut commands = Vec::new();
    for step in steps {
        match step {
            Step::Take { id, wanted } => {
                commands.push(json!(["write", [id], {"quantity": quantity(wanted.quantity), "lot": wanted.lot}]));
                commands.push(json!(["add", [id]]));
            }
            Step::Add(wanted) => {
                if let Some(line) = lines.iter().find(|line| line.id == wanted.line) {
                    commands.push(json!(["create", [new_move(line, wanted.quantity, wanted.lot)]]));
                }
            }
            Step::Leave { id } => {
                commands.push(json!(["write", [id], {"lot": null}]));
                commands.push(json!(["remove", [id]]));
            }
        }
    }
    Value::Array(commands)
}

fn new_move(line: &Line, so_much: Decimal, lot: Option<i64>) -> Value {
    json!({
        "origin": format!("purchase.line,{}", line.id), "quantity": quantity(so_much), "lot": lot,
        "product": line.product.id, "unit": line.unit.id, "company": line.purchase.company,
        "from_location": line.from_location, "to_location": line.to_location,
        "unit_price": line.unit_price, "currency": line.purchase.currency,
    })
}

async fn carry_out(wire: &Wire, line: &Line, change: &Balance, planned: Option<NaiveDate>) -> Result<(), Trouble> {
    match change {
        Balance::Add(missing) => {
            let mut values = new_move(line, *missing, None);
            // Of the rest nothing is promised but that it comes with or after what was announced.
            let latest = line.moves.iter().filter_map(|each| each.planned_date).max();
            values["planned_date"] = day(latest.or(planned));
            wire.create("stock.move", values).await.map(|_| ())
        }
        Balance::Shrink { id, to } => wire.write("stock.move", *id, json!({"quantity": quantity(*to)})).await,
        Balance::Remove { id } => wire.delete("stock.move", *id).await,
    }
}

#[cfg(test)]
mod tests;
