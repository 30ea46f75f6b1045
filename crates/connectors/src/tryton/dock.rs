//! Receipts at our dock: the shipment becomes what came, and is received; a receipt that is taken back is cancelled there.
//!
//! A ship notice may come in several receipts, but Tryton receives a shipment in one go: the first receipt takes the announced
//! shipment, each further one gets a shipment of its own with the same delivery note. Which receipt a shipment stands for is a
//! note on it. A shipment that somebody received in Tryton itself has no such note, and is not received once more.
//!
//! Taken back (tried on 8.2): a done shipment can be cancelled by the group Stock Cancellation. Tryton then takes the goods
//! out of stock whether they are there or not, so we look first; its moves leave an exception on the purchase, which we settle
//! as its client does ("recreate"), so that the goods are expected again.

use std::collections::{BTreeMap, BTreeSet};

use domain::receipt::Receipt;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::relocation::Piece;
use super::settings::TrytonSettings;
use super::shipment::{self, Said, Shipment, Target, accepted, lines};
use super::wire::{self, Query, Trouble, Wire};
use super::{hold, remark, stock};
use crate::outcome::{Fault, Outcome};
use crate::{LinkKind, Outgoing};

/// Starts the line that is for us.
const MARK: &str = "interlock-receipt: ";

#[derive(Debug, Serialize, Deserialize)]
struct Record {
    /// The number of our receipt.
    receipt: String,
    /// It was taken back.
    #[serde(default)]
    taken_back: bool,
}

/// Writes a receipt at our dock.
pub async fn receive(
    wire: &Wire,
    settings: &TrytonSettings,
    delivery: &Outgoing,
    receipt: &Receipt,
) -> Result<Outcome, Trouble> {
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
    let key = receipt.notice.as_deref().unwrap_or(&receipt.number);
    let reference = receipt.delivery_note.as_deref().unwrap_or(&receipt.number);
    let target = Target { key, reference, planned: None, said };
    let checked = shipment::checked(wire, delivery, target).await?;
    let mut keys = vec![(LinkKind::Receipt, receipt.number.as_str())];
    keys.extend(receipt.notice.as_deref().map(|notice| (LinkKind::Shipment, notice)));

    let (mut shipment, mut already) =
        match stands_for(wire, settings.company, delivery, receipt, reference, checked.party).await? {
            Stands::Ours(known) if known.state != "draft" => (known, true),
            // Somebody received it in Tryton itself.
            Stands::Theirs(known) => return Ok(accepted(&known, true, &keys)),
            Stands::Ours(draft) => shipment::arrange(wire, settings.company, &checked, Some(draft)).await?,
            Stands::Free(draft) => {
                let (arranged, _) = shipment::arrange(wire, settings.company, &checked, draft).await?;
                let words = format!("Received at the dock in Interlock: {}.", receipt.number);
                let record = Record { receipt: receipt.number.clone(), taken_back: false };
                remark::write(wire, &arranged.resource(), &words, MARK, &record).await?;
                (arranged, false)
            }
        };
    for (from, button, to) in [("draft", "receive", "received"), ("received", "do", "done")] {
        if shipment.state == from {
            wire.press("stock.shipment.in", shipment.id, button).await?;
            to.clone_into(&mut shipment.state);
            already = false;
        }
    }
    let came: Vec<Piece> = moves(wire, shipment.id).await?.iter().filter_map(Move::piece).collect();
    hold::catch(wire, settings, delivery, &checked.warehouse, &came).await?;
    Ok(accepted(&shipment, already, &keys))
}

/// What a receipt finds in Tryton.
enum Stands {
    /// The shipment that is this receipt.
    Ours(Shipment),
    /// It came in without us.
    Theirs(Shipment),
    /// A draft that it can take, or none.
    Free(Option<Shipment>),
}

async fn stands_for(
    wire: &Wire,
    company: i64,
    delivery: &Outgoing,
    receipt: &Receipt,
    reference: &str,
    party: i64,
) -> Result<Stands, Trouble> {
    let mut known = match &receipt.notice {
        Some(notice) => shipment::linked(wire, delivery, notice).await?,
        None => None,
    }
    .into_iter()
    .filter(|known| known.state != "cancelled")
    .collect::<Vec<_>>();
    for other in shipment::with_note(wire, company, reference, party).await? {
        if known.iter().all(|known| known.id != other.id) {
            known.push(other);
        }
    }
    let resources: Vec<String> = known.iter().map(Shipment::resource).collect();
    let records: Vec<(String, Record)> = remark::read(wire, &resources, MARK).await?;
    let of = |shipment: &Shipment| {
        let resource = shipment.resource();
        records.iter().filter(move |(on, _)| *on == resource).map(|(_, record)| record)
    };
    if let Some(ours) = known.iter().find(|known| of(known).any(|record| record.receipt == receipt.number)) {
        return Ok(Stands::Ours(ours.clone()));
    }
    let mut unknown = known.iter().filter(|known| of(known).next().is_none());
    match unknown.clone().find(|known| known.state == "draft") {
        Some(draft) => Ok(Stands::Free(Some(draft.clone()))),
        None => Ok(unknown.next_back().map_or(Stands::Free(None), |theirs| Stands::Theirs(theirs.clone()))),
    }
}

/// Which of these shipments were received by a receipt of ours.
pub async fn stand_for_receipts(wire: &Wire, resources: &[String]) -> Result<BTreeSet<String>, Fault> {
    let records: Vec<(String, Record)> = remark::read(wire, resources, MARK).await?;
    Ok(records.into_iter().map(|(resource, _)| resource).collect())
}

#[derive(Debug, Deserialize)]
struct Moves {
    #[serde(default)]
    incoming_moves: Vec<Move>,
    #[serde(default)]
    inventory_moves: Vec<Move>,
}

#[derive(Debug, Clone, Deserialize)]
struct Move {
    id: i64,
    state: String,
    product: Product,
    lot: Option<i64>,
    to_location: i64,
    origin: Option<String>,
    /// In the product's unit.
    #[serde(default, deserialize_with = "wire::float")]
    internal_quantity: Option<Decimal>,
}

#[derive(Debug, Clone, Deserialize)]
struct Product {
    id: i64,
    default_uom: i64,
}

impl Move {
    fn piece(&self) -> Option<Piece> {
        let (product, unit) = (self.product.id, self.product.default_uom);
        Some(Piece { product, unit, lot: self.lot?, quantity: self.internal_quantity? })
    }

    fn line(&self) -> Option<i64> {
        self.origin.as_deref()?.strip_prefix("purchase.line,")?.parse().ok()
    }
}

async fn both(wire: &Wire, shipment: i64) -> Result<Moves, Trouble> {
    let query = Query {
        model: "stock.shipment.in",
        fields: &[
            "incoming_moves.state",
            "incoming_moves.product.default_uom",
            "incoming_moves.lot",
            "incoming_moves.to_location",
            "incoming_moves.origin",
            "incoming_moves.internal_quantity",
            "inventory_moves.state",
            "inventory_moves.product.default_uom",
            "inventory_moves.lot",
            "inventory_moves.to_location",
            "inventory_moves.origin",
            "inventory_moves.internal_quantity",
        ],
        domain: json!([["id", "=", shipment]]),
        order: json!([["id", "ASC"]]),
        limit: 1,
    };
    let found = wire.list::<Moves>(&query).await?.pop();
    found.ok_or_else(|| Trouble::Refused(format!("Shipment #{shipment} does not exist in Tryton any more.")))
}

async fn moves(wire: &Wire, shipment: i64) -> Result<Vec<Move>, Trouble> {
    Ok(both(wire, shipment).await?.incoming_moves)
}

/// Takes a receipt back.
pub async fn reverse(wire: &Wire, delivery: &Outgoing, receipt: &str, reason: &str) -> Result<Outcome, Trouble> {
    let Some(shipment) = of_receipt(wire, delivery, receipt).await? else {
        // Nothing of it was taken into stock there.
        return Ok(Outcome::accepted(Some(format!("not carried: {receipt} is not in Tryton")), true));
    };
    let name = shipment.their_ref();
    let moves = both(wire, shipment.id).await?;
    let mut already = true;
    match shipment.state.as_str() {
        "cancelled" => {}
        "received" | "done" => {
            still_there(wire, delivery, receipt, &name, &moves).await?;
            let resource = shipment.resource();
            let records: Vec<(String, Record)> = remark::read(wire, std::slice::from_ref(&resource), MARK).await?;
            if !records.iter().any(|(_, record)| record.taken_back) {
                let words = format!("Receipt {receipt} was taken back in Interlock: {reason}");
                let record = Record { receipt: receipt.to_owned(), taken_back: true };
                remark::write(wire, &resource, &words, MARK, &record).await?;
            }
            match wire.press("stock.shipment.in", shipment.id, "cancel").await {
                Err(Trouble::Refused(said)) => {
                    return Err(Trouble::Refused(format!(
                        "Tryton does not let shipment {name} be taken back: {said} Give the key's user the group Stock \
                         Cancellation, or cancel the shipment there yourself, then retry."
                    )));
                }
                other => other?,
            }
            already = false;
        }
        other => {
            return Err(Trouble::Refused(format!(
                "Shipment {name} is {other} in Tryton, which is not what a receipt leaves behind. Look at it there."
            )));
        }
    }
    already &= expect_again(wire, shipment.id).await?;
    Ok(Outcome::accepted(Some(format!("{name} cancelled")), already))
}

/// The shipment of one of our receipts. Only our link knows it: Tryton lets a plain user look for notes by their record, not
/// by what they say.
async fn of_receipt(wire: &Wire, delivery: &Outgoing, receipt: &str) -> Result<Option<Shipment>, Trouble> {
    let link = delivery.their_ref(LinkKind::Receipt, receipt);
    match link.and_then(|link| link.strip_prefix("stock.shipment.in,")).and_then(|id| id.parse().ok()) {
        Some(id) => Ok(shipment::by_id(wire, id).await?),
        None => Ok(None),
    }
}

/// Refuses to take out of stock what is not there any more.
async fn still_there(
    wire: &Wire,
    delivery: &Outgoing,
    receipt: &str,
    name: &str,
    moves: &Moves,
) -> Result<(), Trouble> {
    // Once goods are put away they lie where the second moves brought them.
    let put_away = moves.inventory_moves.iter().any(|each| each.state == "done");
    let last = if put_away { &moves.inventory_moves } else { &moves.incoming_moves };
    let mut needed: BTreeMap<(i64, i64, i64), Decimal> = BTreeMap::new();
    for each in last.iter().filter(|each| each.state == "done") {
        if let Some(piece) = each.piece() {
            *needed.entry((piece.product, each.to_location, piece.lot)).or_default() += piece.quantity;
        }
    }
    for ((product, location, lot), quantity) in needed {
        let lots = stock::lots(wire, product, location, delivery.now.date_naive()).await?;
        let there = lots.iter().find(|found| found.lot == lot).map_or(Decimal::ZERO, |found| found.quantity);
        if there < quantity {
            let (quantity, there) = (quantity.normalize(), there.normalize());
            return Err(Trouble::Refused(format!(
                "Of what {receipt} brought (shipment {name}), {quantity} of a lot should lie where it was put away in Tryton, \
                 but {there} do: the rest is used, on hold or elsewhere. Bring it back there, then retry."
            )));
        }
    }
    Ok(())
}

/// Has Tryton expect goods again whose receipt was cancelled. Whether it does already.
async fn expect_again(wire: &Wire, shipment: i64) -> Result<bool, Trouble> {
    let cancelled: Vec<Move> =
        moves(wire, shipment).await?.into_iter().filter(|each| each.state == "cancelled").collect();
    let ids: Vec<i64> = cancelled.iter().filter_map(Move::line).collect::<BTreeSet<_>>().into_iter().collect();
    if ids.is_empty() {
        return Ok(true);
    }
    let mut already = true;
    for line in lines::read(wire, &ids).await? {
        let of_line = cancelled.iter().filter(|each| each.line() == Some(line.id)).map(|each| each.id);
        let open: Vec<i64> = of_line.filter(|id| !line.moves_recreated.contains(id)).collect();
        if !open.is_empty() {
            wire.write("purchase.line", line.id, json!({"moves_recreated": [["add", open]]})).await?;
            already = false;
        }
    }
    already &= shipment::level(wire, &ids, &BTreeMap::new()).await?;
    let mut settled = BTreeSet::new();
    for line in lines::read(wire, &ids).await? {
        // Tryton looks at a purchase again when a move of it goes, and not when its exception is settled through the API: a
        // move that comes and goes takes the exception off the buyer's desk.
        if line.purchase.shipment_state.as_deref() == Some("exception") && settled.insert(line.purchase.id) {
            let passing = wire.create("stock.move", lines::new_move(&line, Decimal::ONE, None)).await?;
            wire.delete("stock.move", passing).await?;
            already = false;
        }
    }
    Ok(already)
}
