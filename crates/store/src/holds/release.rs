//! A hold ends: one person asks, a second one says yes, unless the policy lets one person do so.

use domain::event::Event;
use domain::hold::{self, Disposition, HoldState, Step};
use uuid::Uuid;

use super::rows::locked;
use super::{HoldOutcome, HoldRecord, note};
use crate::error::{CommandError, StoreError};
use crate::events;
use crate::submissions::{Sent, first_outcome, keep_outcome};
use crate::tx::Tx;

/// One person wants to end a hold: asks for it, or ends it where the policy lets one person do so.
pub async fn request_release(
    tx: &mut Tx,
    number: &str,
    disposition: Option<Disposition>,
    reason: &str,
    submission: Uuid,
) -> Result<HoldOutcome, CommandError> {
    let record = locked(tx, number).await?;
    let sent = Sent { submission, action: "hold.request_release", object: record.hold_id.0 };
    if let Some(first) = first_outcome::<HoldOutcome>(tx, &sent).await? {
        return Ok(HoldOutcome { already: true, ..first });
    }
    let actor = tx.actor().clone();
    let step = hold::request_release(&record.standing(), &actor, disposition, reason)?;
    let disposition = disposition.unwrap_or(Disposition::UseAsIs);
    let state = match step {
        Step::Released => {
            end(tx, &record, disposition, reason.trim()).await?;
            HoldState::Released
        }
        Step::Requested => {
            let who = serde_json::to_value(&actor).map_err(|error| StoreError::unreadable("actor", error))?;
            let now = tx.now();
            sqlx::query!(
                r#"
                update hold set state = 'release_requested', release_requested_by = $2, release_requested_at = $3,
                                disposition = $4, release_note = $5
                where hold_id = $1
                "#,
                record.hold_id.0,
                who,
                now,
                disposition.as_str(),
                reason.trim()
            )
            .execute(tx.sql())
            .await?;
            let reason = reason.trim().to_owned();
            let event = Event::HoldReleaseRequested { hold: record.number.clone(), disposition, reason };
            events::append(tx, record.about(), &[event], None).await?;
            HoldState::ReleaseRequested
        }
    };
    note(tx, &record, "hold.request_release", Some(reason.to_owned())).await?;
    let outcome = HoldOutcome { number: record.number, state, already: false };
    keep_outcome(tx, &sent, &outcome).await?;
    Ok(outcome)
}

/// The second person says yes: the hold ends as the first one asked for.
pub async fn release(tx: &mut Tx, number: &str, submission: Uuid) -> Result<HoldOutcome, CommandError> {
    let record = locked(tx, number).await?;
    let sent = Sent { submission, action: "hold.release", object: record.hold_id.0 };
    if let Some(first) = first_outcome::<HoldOutcome>(tx, &sent).await? {
        return Ok(HoldOutcome { already: true, ..first });
    }
    let actor = tx.actor().clone();
    hold::release(&record.standing(), &actor)?;
    let (disposition, reason) = (record.disposition.unwrap_or(Disposition::UseAsIs), record.release_note.clone());
    end(tx, &record, disposition, reason.as_deref().unwrap_or_default()).await?;
    note(tx, &record, "hold.release", reason).await?;
    let outcome = HoldOutcome { number: record.number, state: HoldState::Released, already: false };
    keep_outcome(tx, &sent, &outcome).await?;
    Ok(outcome)
}

/// Ends it. Unless the material may be used as it is, what lay free under it lies blocked from the same moment: the end of
/// a hold makes nothing usable by accident.
async fn end(tx: &mut Tx, record: &HoldRecord, disposition: Disposition, reason: &str) -> Result<(), CommandError> {
    let who = serde_json::to_value(tx.actor()).map_err(|error| StoreError::unreadable("actor", error))?;
    let now = tx.now();
    if disposition != Disposition::UseAsIs {
        let why = format!("Hold {} ended: {}. {reason}", record.number, disposition.words());
        sqlx::query!("select block_hold_lots($1, $2, $3, $4)", record.hold_id.0, why, who, now)
            .fetch_one(tx.sql())
            .await?;
    }
    let hold = Box::new(record.in_full(tx).await?);
    sqlx::query!(
        r#"
        update hold set state = 'released', released_by = $2, released_at = $3, disposition = $4, release_note = $5
        where hold_id = $1
        "#,
        record.hold_id.0,
        who,
        now,
        disposition.as_str(),
        reason
    )
    .execute(tx.sql())
    .await?;
    let event = Event::HoldReleased { hold, disposition, reason: reason.to_owned() };
    events::append(tx, record.about(), &[event], None).await?;
    Ok(())
}
