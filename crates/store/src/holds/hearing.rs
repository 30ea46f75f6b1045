//! Who has heard of a hold: each system that carries holds, with each piece of news.

use chrono::{DateTime, Utc};
use domain::access::{Action, may};
use domain::event::EventKind;
use domain::exchange::DeliveryState;
use domain::id::{ConnectionId, HoldId};

use crate::error::CommandError;
use crate::orders::read_word;
use crate::tx::Tx;

/// What one system made of a hold's placing or release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// Which system.
    pub connection_id: ConnectionId,
    /// Its name.
    pub system: String,
    /// Its kind, e.g. `tryton`.
    pub kind: String,
    /// The news: [`EventKind::HoldPlaced`] or [`EventKind::HoldReleased`].
    pub news: EventKind,
    /// When the news happened: it waits since then.
    pub since: DateTime<Utc>,
    /// How far it is.
    pub how: Hearing,
}

/// How far one piece of news is with one system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hearing {
    /// It said that it has it.
    Confirmed {
        /// When.
        at: DateTime<Utc>,
        /// Its document.
        their_ref: Option<String>,
    },
    /// Not told yet: the log has not been read that far, or the system cannot be reached.
    Waiting {
        /// Why, where something is known.
        why: Option<String>,
    },
    /// Tried and tried again.
    Retrying {
        /// Tries so far.
        attempts: i32,
        /// Next try.
        next_at: Option<DateTime<Utc>>,
        /// What came back, for insiders.
        fault: Option<String>,
    },
    /// A person has to look.
    Refused {
        /// What came back, for insiders.
        fault: Option<String>,
    },
    /// Left out: by a decision, or because the connection takes only what is its own.
    NotTold,
}

/// Which systems have heard of a hold: one row per connection that carries holds (`carriers` are their kinds) and piece of
/// news. For the house only; the caller has loaded the hold in his own scope.
pub async fn confirmations(tx: &mut Tx, hold_id: HoldId, carriers: &[String]) -> Result<Vec<Heard>, CommandError> {
    may(tx.actor(), Action::SeeQuality)?;
    let rows = sqlx::query!(
        r#"
        select connection_id as "connection_id!", name as "name!", kind as "kind!", event_kind as "event_kind!",
               told_at as "told_at!", state, finished_at, their_ref, attempts, next_attempt_at, fault,
               is_behind as "is_behind!", paused_at, circuit as "circuit!"
        from hold_hearers($1, $2)
        "#,
        hold_id.0,
        carriers
    )
    .fetch_all(tx.sql())
    .await?;
    rows.into_iter()
        .map(|row| {
            let state: Option<DeliveryState> =
                row.state.as_deref().map(|word| read_word("delivery state", word)).transpose()?;
            let how = match state {
                Some(DeliveryState::Delivered) => {
                    Hearing::Confirmed { at: row.finished_at.unwrap_or(row.told_at), their_ref: row.their_ref }
                }
                Some(DeliveryState::Retrying) => Hearing::Retrying {
                    attempts: row.attempts.unwrap_or_default(),
                    next_at: row.next_attempt_at,
                    fault: row.fault,
                },
                Some(DeliveryState::Parked) => Hearing::Refused { fault: row.fault },
                Some(DeliveryState::Held) => {
                    Hearing::Waiting { why: Some("behind an earlier message of this hold".to_owned()) }
                }
                Some(DeliveryState::Skipped | DeliveryState::Superseded) => Hearing::NotTold,
                None if !row.is_behind => Hearing::NotTold,
                None => Hearing::Waiting {
                    why: match (row.paused_at, row.circuit.as_str()) {
                        (Some(_), _) => Some("the connection is paused".to_owned()),
                        (None, "open") => Some("the system cannot be reached".to_owned()),
                        _ => None,
                    },
                },
            };
            Ok(Heard {
                connection_id: ConnectionId(row.connection_id),
                system: row.name,
                kind: row.kind,
                news: read_word("event kind", &row.event_kind)?,
                since: row.told_at,
                how,
            })
        })
        .collect()
}
