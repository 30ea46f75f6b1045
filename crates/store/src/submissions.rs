//! One sending of a form or a call, so that sending it twice has one effect and one answer.
//!
//! A command looks for its first outcome after it has locked what it changes, because whoever waited for that lock may have
//! waited for his own first click; and it keeps its outcome in the same transaction as the change.

use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::error::{CommandError, StoreError, constraint};
use crate::orders::read_json;
use crate::tx::Tx;

/// One sending: what it was for is part of its key, so that a key used again for something else is never answered with
/// foreign news.
pub(crate) struct Sent {
    /// The key that came with the form or call.
    pub submission: Uuid,
    /// What it asked for, e.g. `order.confirm`.
    pub action: &'static str,
    /// Of which object. For something that did not exist yet, whatever it is made from or for.
    pub object: Uuid,
}

impl Sent {
    fn kind(&self) -> String {
        format!("{}/{}", self.action, self.object)
    }
}

/// What the same sending came to the first time; none when this is the first. The same key for something else is refused.
pub(crate) async fn first_outcome<T: DeserializeOwned>(tx: &mut Tx, sent: &Sent) -> Result<Option<T>, CommandError> {
    let known = sqlx::query!("select kind, outcome from submission where submission_id = $1", sent.submission)
        .fetch_optional(tx.sql())
        .await?;
    match known {
        None => Ok(None),
        Some(known) if known.kind == sent.kind() => Ok(Some(read_json("submission outcome", known.outcome)?)),
        Some(_) => Err(used_before()),
    }
}

/// The answer to a key that was used for something else, or by somebody else.
pub(crate) fn used_before() -> CommandError {
    CommandError::Invalid("This was sent before, for something else. Reload the page and send it again; a machine takes a new key for each call.".to_owned())
}

/// Keeps what it came to, for the next time it is sent.
pub(crate) async fn keep_outcome<T: Serialize + Sync>(
    tx: &mut Tx,
    sent: &Sent,
    outcome: &T,
) -> Result<(), CommandError> {
    let outcome = serde_json::to_value(outcome).map_err(|error| StoreError::unreadable("submission outcome", error))?;
    let (person, now) = (tx.actor().sender(), tx.now());
    sqlx::query!(
        "insert into submission (submission_id, kind, person_id, at, outcome) values ($1, $2, $3, $4, $5)",
        sent.submission,
        sent.kind(),
        person,
        now,
        outcome
    )
    .execute(tx.sql())
    .await
    .map_err(|error| match constraint(&error) {
        // Somebody else's key, which this scope cannot see.
        Some("submission_pkey") => used_before(),
        _ => error.into(),
    })?;
    Ok(())
}
