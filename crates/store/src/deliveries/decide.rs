//! What people decide on deliveries: try again, leave out, send once more, test the connection. Each with a reason, audited,
//! and through the ordinary path.

use domain::access::{Action, may};
use domain::event::{Event, Subject, SubjectKind};
use domain::exchange::{DeliveryState, TriggeredBy};
use domain::id::{ConnectionId, DeliveryId, PlantId, SupplierId};
use serde_json::{Value, json};
use uuid::Uuid;

use super::settle;
use crate::audit;
use crate::error::{CommandError, StoreError};
use crate::events::{self, About};
use crate::orders::read_word;
use crate::signal::Topic;
use crate::tx::Tx;

struct Locked {
    connection: ConnectionId,
    subject: Uuid,
    state: DeliveryState,
    before: Value,
    plant_id: Option<PlantId>,
    supplier_id: Option<SupplierId>,
    event_id: Uuid,
    event_position: i64,
    subject_kind: String,
    subject_version: i64,
}

async fn lock(tx: &mut Tx, delivery: DeliveryId) -> Result<Locked, CommandError> {
    may(tx.actor(), Action::ManageExchange)?;
    // The reader's row first, as the worker's write does: otherwise a batch that adds a row behind this one and a person
    // who skips it could miss each other, and the new row would be held behind nothing.
    sqlx::query!(
        r#"
        select r.fence from connection_reader r
        where r.connection_id = (select d.connection_id from delivery d where d.delivery_id = $1)
        for update
        "#,
        delivery.0
    )
    .fetch_optional(tx.sql())
    .await?;
    let row = sqlx::query!(
        r#"
        select connection_id, subject_id, state, attempts, fault_class, fault_message, plant_id, supplier_id, event_id, event_position,
               subject_kind, subject_version
        from delivery where delivery_id = $1 for update
        "#,
        delivery.0
    )
    .fetch_optional(tx.sql())
    .await?
    .ok_or(CommandError::NotFound { what: "delivery" })?;
    Ok(Locked {
        connection: ConnectionId(row.connection_id),
        subject: row.subject_id,
        state: read_word("delivery state", &row.state)?,
        before: json!({ "state": row.state, "attempts": row.attempts, "fault": row.fault_class, "message": row.fault_message }),
        plant_id: row.plant_id.map(PlantId),
        supplier_id: row.supplier_id.map(SupplierId),
        event_id: row.event_id,
        event_position: row.event_position,
        subject_kind: row.subject_kind,
        subject_version: row.subject_version,
    })
}

async fn note(
    tx: &mut Tx,
    action: &str,
    delivery: DeliveryId,
    locked: &Locked,
    after: Value,
    reason: &str,
) -> Result<(), StoreError> {
    tx.wrote(Topic::Deliveries);
    audit::append(
        tx,
        audit::Entry {
            action,
            object_kind: "delivery",
            object_id: delivery.to_string(),
            before: Some(locked.before.clone()),
            after: Some(after),
            reason: Some(reason.to_owned()),
            plant_id: locked.plant_id,
            supplier_id: locked.supplier_id,
        },
    )
    .await
}

fn explained(reason: &str) -> Result<&str, CommandError> {
    let reason = reason.trim();
    if reason.is_empty() {
        return Err(CommandError::Invalid("Say why in a few words; it goes into the audit log.".to_owned()));
    }
    if reason.chars().count() > 500 {
        return Err(CommandError::Invalid("Keep the reason under 500 characters.".to_owned()));
    }
    Ok(reason)
}

/// A person wants a parked or retrying delivery to be tried now. Its tries start from zero again.
pub async fn retry(tx: &mut Tx, delivery: DeliveryId, reason: &str) -> Result<(), CommandError> {
    let reason = explained(reason)?;
    let locked = lock(tx, delivery).await?;
    if !matches!(locked.state, DeliveryState::Parked | DeliveryState::Retrying) {
        return Err(CommandError::Invalid(format!(
            "This delivery is {}, so there is nothing to retry. Use “Resend” to send a finished one again.",
            locked.state
        )));
    }
    let (now, who) = (tx.now(), tx.actor().name().to_owned());
    sqlx::query!(
        "update delivery set state = 'retrying', attempts = 0, next_attempt_at = $2, decided_by = $3, reason = $4 where delivery_id = $1",
        delivery.0,
        now,
        who,
        reason
    )
    .execute(tx.sql())
    .await?;
    settle(tx, locked.connection, &[locked.subject]).await?;
    note(tx, "delivery.retry", delivery, &locked, json!({ "state": "retrying" }), reason).await?;
    Ok(())
}

/// A person leaves a delivery out. What waited behind it goes on.
pub async fn skip(tx: &mut Tx, delivery: DeliveryId, reason: &str) -> Result<(), CommandError> {
    let reason = explained(reason)?;
    let locked = lock(tx, delivery).await?;
    if locked.state.is_final() {
        return Err(CommandError::Invalid(format!("This delivery is {}; there is nothing to skip.", locked.state)));
    }
    let (now, who) = (tx.now(), tx.actor().name().to_owned());
    sqlx::query!(
        r#"
        update delivery set state = 'skipped', next_attempt_at = null, finished_at = $2, decided_by = $3, reason = $4
        where delivery_id = $1
        "#,
        delivery.0,
        now,
        who,
        reason
    )
    .execute(tx.sql())
    .await?;
    settle(tx, locked.connection, &[locked.subject]).await?;
    note(tx, "delivery.skip", delivery, &locked, json!({ "state": "skipped" }), reason).await?;
    Ok(())
}

/// What a parked delivery was to tell has been taken back, and the other side never took it: it need not be told.
pub(crate) async fn supersede(tx: &mut Tx, delivery: DeliveryId, reason: &str) -> Result<(), CommandError> {
    let locked = lock(tx, delivery).await?;
    if locked.state != DeliveryState::Parked {
        return Ok(());
    }
    let now = tx.now();
    sqlx::query!(
        "update delivery set state = 'superseded', next_attempt_at = null, finished_at = $2, reason = $3 where delivery_id = $1",
        delivery.0,
        now,
        reason
    )
    .execute(tx.sql())
    .await?;
    settle(tx, locked.connection, &[locked.subject]).await?;
    note(tx, "delivery.supersede", delivery, &locked, json!({ "state": "superseded" }), reason).await?;
    Ok(())
}

/// A person sends a finished event once more: another delivery with the same idempotency key.
pub async fn resend(tx: &mut Tx, delivery: DeliveryId, reason: &str) -> Result<DeliveryId, CommandError> {
    let reason = explained(reason)?;
    let locked = lock(tx, delivery).await?;
    if !locked.state.is_final() {
        return Err(CommandError::Invalid(format!("This delivery is still {}. Use “Retry” instead.", locked.state)));
    }
    let id = add_by_person(tx, &locked, TriggeredBy::Resend, reason).await?;
    note(tx, "delivery.resend", delivery, &locked, json!({ "delivery": id }), reason).await?;
    Ok(id)
}

async fn add_by_person(
    tx: &mut Tx,
    locked: &Locked,
    by: TriggeredBy,
    reason: &str,
) -> Result<DeliveryId, CommandError> {
    let (id, now, who) = (DeliveryId(tx.new_id()), tx.now(), tx.actor().name().to_owned());
    sqlx::query!(
        r#"
        insert into delivery
            (delivery_id, connection_id, event_position, event_id, subject_kind, subject_id, subject_version, state, triggered_by,
             decided_by, reason, created_at, plant_id, supplier_id)
        values ($1, $2, $3, $4, $5, $6, $7, 'held', $8, $9, $10, $11, $12, $13)
        "#,
        id.0,
        locked.connection.0,
        locked.event_position,
        locked.event_id,
        locked.subject_kind,
        locked.subject,
        locked.subject_version,
        by.as_str(),
        who,
        reason,
        now,
        locked.plant_id.map(|id| id.0),
        locked.supplier_id.map(|id| id.0),
    )
    .execute(tx.sql())
    .await?;
    settle(tx, locked.connection, &[locked.subject]).await?;
    Ok(id)
}

/// A person wants to know whether a connection works: a delivery like any other, answered by the connector's probe.
pub async fn probe(tx: &mut Tx, connection: ConnectionId) -> Result<DeliveryId, CommandError> {
    may(tx.actor(), Action::ManageExchange)?;
    let row = sqlx::query!("select name, plant_id from connection where connection_id = $1", connection.0)
        .fetch_optional(tx.sql())
        .await?
        .ok_or(CommandError::NotFound { what: "connection" })?;
    let plant_id = row.plant_id.map(PlantId);
    // A subject of its own, so that a probe waits for nobody and nobody waits for it.
    let subject = Subject { kind: SubjectKind::Connection, id: tx.new_id() };
    let about = About { subject, plant_id, supplier_id: None, home: Some(connection) };
    let ids = events::append(tx, about, &[Event::ProbeRequested { connection: row.name }], None).await?;
    let event_id = ids.first().map(|id| id.0).ok_or(CommandError::NotFound { what: "event" })?;
    let position =
        sqlx::query_scalar!("select position from event where event_id = $1", event_id).fetch_one(tx.sql()).await?;
    let locked = Locked {
        connection,
        subject: subject.id,
        state: DeliveryState::Held,
        before: Value::Null,
        plant_id,
        supplier_id: None,
        event_id,
        event_position: position,
        subject_kind: subject.kind.to_string(),
        subject_version: 1,
    };
    let id = add_by_person(tx, &locked, TriggeredBy::Probe, "test of the connection").await?;
    note(tx, "connection.probe", id, &locked, json!({ "connection": connection }), "test of the connection").await?;
    Ok(id)
}
