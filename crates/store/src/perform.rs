//! From a command to its function: the one place that lists them.
//!
//! Used by whatever turns messages into commands. It runs in the transaction of the message, so that the message is
//! applied and its effects are there, or neither. Everything here may be asked for twice and then has one effect.

use domain::command::Command;
use domain::event::{Event, EventKind};
use domain::id::ConnectionId;
use domain::revision::Mirrored;

use crate::error::CommandError;
use crate::tx::Tx;
use crate::{availability, events, orders, receipts, reference, ship_notices};

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
    }
}

fn told(mirrored: &Mirrored) -> String {
    match mirrored {
        Mirrored::Unchanged => "nothing new for the supplier".to_owned(),
        Mirrored::Stale => "ignored, older than what is known".to_owned(),
        Mirrored::Changed(events) => {
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
