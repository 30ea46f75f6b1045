//! One sending of a form or a call, so that sending it twice has one effect and one answer.
//!
//! A command looks for its first outcome after it has locked what it changes, because whoever waited for that lock may have
//! waited for his own first click; and it keeps its outcome in the same transaction as the change.
//!
//! A form's key is made anew with every page. A machine chooses its key (the header Idempotency-Key), so what its request
//! was is kept too ([`crate::tx::Request`]): the same key with another request is refused, as
//! draft-ietf-httpapi-idempotency-key-header has it.

use domain::refusal::Finding;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::error::{CommandError, StoreError, constraint};
use crate::orders::read_json;
use crate::tx::{Request, Tx};

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
    let known = sqlx::query!("select kind, request, outcome from submission where submission_id = $1", sent.submission)
        .fetch_optional(tx.sql())
        .await?;
    let Some(known) = known else { return Ok(None) };
    let is_other = match (tx.request(), &known.request) {
        (Some(now), Some(then)) => now.bytes() != then.as_slice(),
        // A form, or kept by a version that did not note requests yet.
        _ => false,
    };
    if is_other || known.kind != sent.kind() {
        return Err(used_before(tx));
    }
    Ok(Some(read_json("submission outcome", known.outcome)?))
}

/// The answer to a key that was used for something else, or by somebody else.
pub(crate) fn used_before(tx: &Tx) -> CommandError {
    if tx.request().is_none() {
        return CommandError::Invalid(
            "This was sent before, for something else. Reload the page and send it again.".to_owned(),
        );
    }
    let words = "This key was used for another request. Take a new key for each request; the same key again is for the same \
                 request, byte for byte.";
    vec![Finding::stops("", "key_used", words)].into()
}

/// Keeps what it came to, for the next time it is sent.
pub(crate) async fn keep_outcome<T: Serialize + Sync>(
    tx: &mut Tx,
    sent: &Sent,
    outcome: &T,
) -> Result<(), CommandError> {
    let outcome = serde_json::to_value(outcome).map_err(|error| StoreError::unreadable("submission outcome", error))?;
    let (person, now, request) = (tx.actor().sender(), tx.now(), tx.request());
    sqlx::query!(
        "insert into submission (submission_id, kind, person_id, at, request, outcome) values ($1, $2, $3, $4, $5, $6)",
        sent.submission,
        sent.kind(),
        person,
        now,
        request.as_ref().map(Request::bytes),
        outcome
    )
    .execute(tx.sql())
    .await
    .map_err(|error| match constraint(&error) {
        // Somebody else's key, which this scope cannot see.
        Some("submission_pkey") => used_before(tx),
        _ => error.into(),
    })?;
    Ok(())
}
