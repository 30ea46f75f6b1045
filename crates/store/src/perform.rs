//! From a command to its function: the one place that lists them.
//!
//! Used by whatever turns messages into commands. It runs in the transaction of the message, so that the message is
//! applied and its effects are there, or neither. Everything here may be asked for twice and then has one effect.

use domain::command::Command;
use domain::event::{Event, EventKind};
use domain::id::ConnectionId;
use domain::revision;

use crate::error::CommandError;
use crate::production::Taken;
use crate::tx::Tx;
use crate::work_orders::Mirrored;
use crate::{availability, events, orders, production, receipts, reference, ship_notices, work_orders};

/// Carries out what the system behind `connection_id` asks for, and says in a few words what it came to.
pub async fn perform(tx: &mut Tx, connection_id: ConnectionId, command: &Command) -> Result<String, CommandError> {
    match command {
        Command::MirrorOrder(snapshot) => {
            let mirrored = orders::mirror(tx, connection_id, snapshot).await?;
            Ok(format!("order {}: {}", snapshot.number, told(&mirrored)))
        }
        Command::MirrorSupplier(snapshot) => {
            reference::mirror_supplier(tx, snapshot).await?;
            Ok(format!("supplier {}", snapshot.number))
        }
        Command::MirrorPlant(snapshot) => {
            reference::mirror_plant(tx, snapshot).await?;
            Ok(format!("plant {}", snapshot.code))
        }
        Command::MirrorItem(snapshot) => {
            reference::mirror_items(tx, &[snapshot]).await?;
            Ok(format!("item {}", snapshot.number))
        }
        Command::ConfirmLines { order, supplier, answer } => {
            let taken = orders::confirm_for(tx, connection_id, order, supplier, answer).await?;
            let again = if taken.already { ", sent before" } else { "" };
            Ok(format!(
                "order {order}: answer {} taken, {} by rule, {} with the buyer{again}",
                taken.number, taken.by_rule, taken.in_review
            ))
        }
        Command::AcknowledgeConfirmation { order, their_ref, at } => {
            let about = orders::about_of(tx, connection_id, order).await?;
            let known =
                events::happened(tx, about.subject, EventKind::ConfirmationAcknowledged, "their_ref", their_ref);
            if known.await? {
                return Ok(format!("order {order}: acknowledgement {their_ref} known already"));
            }
            let event =
                Event::ConfirmationAcknowledged { order: order.clone(), their_ref: their_ref.clone(), their_time: *at };
            events::append(tx, about, &[event], None).await?;
            Ok(format!("order {order}: acknowledged as {their_ref}"))
        }
        Command::MoveShipment { notice, supplier, moved } => {
            let taken = ship_notices::tell_for(tx, connection_id, notice, supplier.as_deref(), moved).await?;
            let again = if taken.already { ", told before" } else { "" };
            Ok(format!("ship notice {}: {}{again}", taken.number, moved.milestone.words()))
        }
        Command::MirrorStock(snapshot) => {
            let taken = availability::mirror(tx, connection_id, snapshot).await?;
            let what = if taken { "" } else { ", ignored, older than what is known" };
            Ok(format!("stock of {} in {}{what}", snapshot.item, snapshot.plant))
        }
        Command::PostReceipt(snapshot) => receipts::mirror(tx, connection_id, snapshot).await,
        Command::MirrorWorkOrder(snapshot) => {
            let what = match work_orders::mirror(tx, connection_id, snapshot).await? {
                Mirrored::Added => "new",
                Mirrored::Changed => "changed",
                Mirrored::Unchanged => "nothing new",
                Mirrored::Stale => "ignored, older than what is known",
            };
            Ok(format!("work order {}: {what}", snapshot.number))
        }
        Command::Report(snapshot) => {
            let taken = production::report(tx, connection_id, snapshot).await?;
            Ok(format!("work order {}: {} {}", snapshot.work_order, snapshot.what.kind(), reported(&taken)))
        }
        Command::ReverseReport(snapshot) => {
            let taken = production::reverse(tx, connection_id, snapshot).await?;
            let what = match taken.report_id {
                _ if taken.already => "known already",
                Some(_) => "taken back",
                None => "will be taken back when it comes",
            };
            Ok(format!("work order {}: report {} {what}", snapshot.work_order, snapshot.of))
        }
    }
}

fn reported(taken: &Taken) -> String {
    if taken.already {
        return "known already".to_owned();
    }
    let odd = taken.remarks.iter().map(|remark| remark.message.as_str());
    let stop = taken.stop.iter().map(|(_, words)| words.as_str());
    let words: Vec<&str> = odd.chain(stop).collect();
    if words.is_empty() { "recorded".to_owned() } else { format!("recorded; {}", words.join(" ")) }
}

fn told(mirrored: &revision::Mirrored) -> String {
    match mirrored {
        revision::Mirrored::Unchanged => "nothing new for the supplier".to_owned(),
        revision::Mirrored::Stale => "ignored, older than what is known".to_owned(),
        revision::Mirrored::Changed(events) => {
            let words: Vec<String> = events
                .iter()
                .map(|event| match event {
                    Event::OrderPublished { lines, .. } => format!("published with {lines} lines"),
                    Event::OrderRevised { revision, lines, .. } => {
                        format!("revised to revision {revision}, {} schedule lines", lines.len())
                    }
                    Event::OrderCancelled { .. } => "cancelled".to_owned(),
                    Event::OrderClosed { .. } => "closed".to_owned(),
                    other => other.kind().to_string(),
                })
                .collect();
            words.join(", ")
        }
    }
}
