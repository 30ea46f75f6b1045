//! Orders as rows: what [`crate::orders`] has decided is written here, many rows in one statement.
//!
//! Nothing is decided and nothing is read that could be decided on.

use chrono::NaiveDate;
use domain::confirmation::ConfirmLines;
use domain::event::Event;
use domain::id::{ConfirmationId, EventId};
use domain::negotiation::Negotiation;
use domain::order::{OrderLine, PurchaseOrder, ScheduleLine, last_day, total};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::error::{CommandError, StoreError, constraint};
use crate::orders::OrderRecord;
use crate::submissions::used_before;
use crate::tx::Tx;

/// Writes one version of the answer with its parts, and gives its number.
pub(crate) async fn add_confirmation(
    tx: &mut Tx,
    record: &OrderRecord,
    command: &ConfirmLines,
    confirmation_id: ConfirmationId,
    happened: &[Event],
) -> Result<i32, CommandError> {
    let order = &record.order;
    let actor = serde_json::to_value(tx.actor()).map_err(|error| StoreError::unreadable("actor", error))?;
    let now = tx.now();
    let number = sqlx::query_scalar!(
        r#"
        insert into confirmation (confirmation_id, order_id, number, revision, channel, submission_id, actor, at, supplier_id, plant_id)
        select $1, $2, coalesce(max(number), 0) + 1, $3, $4, $5, $6, $7, $8, $9 from confirmation where order_id = $2
        returning number
        "#,
        confirmation_id.0,
        order.order_id.0,
        order.revision,
        command.channel.as_str(),
        command.submission,
        actor,
        now,
        order.supplier_id.0,
        order.plant_id.0,
    )
    .fetch_one(tx.sql())
    .await
    .map_err(|error| match constraint(&error) {
        Some("confirmation_submission_key") => used_before(tx),
        _ => error.into(),
    })?;
    let Some(answered) = happened.iter().find_map(|event| match event {
        Event::LinesConfirmed { lines, .. } => Some(lines),
        _ => None,
    }) else {
        return Ok(number);
    };
    let unit_of = |line: &str| {
        order
            .lines
            .iter()
            .find(|known| known.number == line)
            .map(|known| known.unit.code().to_owned())
            .unwrap_or_default()
    };
    let mut answers = (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut parts = (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for line in answered {
        answers.0.push(line.schedule_line_id.0);
        answers.1.push(line.kind.to_string());
        answers.2.push(line.reason.map(|reason| reason.to_string()));
        answers.3.push(line.note.clone());
        answers
            .4
            .push(serde_json::to_value(&line.deviations).map_err(|error| StoreError::unreadable("deviations", error))?);
        answers.5.push(line.by_rule);
        for (part, commitment) in (1_i32..).zip(&line.commitments) {
            parts.0.push(line.schedule_line_id.0);
            parts.1.push(part);
            parts.2.push(commitment.quantity);
            parts.3.push(unit_of(&line.line));
            parts.4.push(commitment.deliver_on);
            parts.5.push(commitment.ship_on);
            parts.6.push(commitment.price);
        }
    }
    sqlx::query!(
        r#"
        insert into confirmation_answer (confirmation_id, schedule_line_id, kind, reason, note, deviations, by_rule, supplier_id, plant_id)
        select $1, a.schedule_line_id, a.kind, a.reason, a.note, a.deviations, a.by_rule, $2, $3
        from unnest($4::uuid[], $5::text[], $6::text[], $7::text[], $8::jsonb[], $9::boolean[])
            as a (schedule_line_id, kind, reason, note, deviations, by_rule)
        "#,
        confirmation_id.0,
        order.supplier_id.0,
        order.plant_id.0,
        &answers.0,
        &answers.1,
        &answers.2 as _,
        &answers.3 as _,
        &answers.4,
        &answers.5,
    )
    .execute(tx.sql())
    .await?;
    sqlx::query!(
        r#"
        insert into commitment (confirmation_id, schedule_line_id, part, quantity, unit, deliver_on, ship_on, price, supplier_id, plant_id)
        select $1, c.schedule_line_id, c.part, c.quantity, c.unit, c.deliver_on, c.ship_on, c.price, $2, $3
        from unnest($4::uuid[], $5::integer[], $6::numeric[], $7::text[], $8::date[], $9::date[], $10::numeric[])
            as c (schedule_line_id, part, quantity, unit, deliver_on, ship_on, price)
        "#,
        confirmation_id.0,
        order.supplier_id.0,
        order.plant_id.0,
        &parts.0,
        &parts.1,
        &parts.2,
        &parts.3,
        &parts.4 as _,
        &parts.5 as _,
        &parts.6 as _,
    )
    .execute(tx.sql())
    .await?;
    Ok(number)
}

pub(crate) async fn add_order(tx: &mut Tx, order: &PurchaseOrder) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        insert into purchase_order
            (order_id, connection_id, number, revision, their_version, supplier_id, plant_id, buyer, currency, incoterm, status, published_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        "#,
        order.order_id.0,
        order.connection_id.0,
        order.number,
        order.revision,
        order.their_version,
        order.supplier_id.0,
        order.plant_id.0,
        order.buyer,
        order.currency,
        order.incoterm,
        order.status.as_str(),
        order.published_at,
    )
    .execute(tx.sql())
    .await?;
    Ok(())
}

pub(crate) async fn save_header(tx: &mut Tx, order: &PurchaseOrder) -> Result<(), StoreError> {
    let now = tx.now();
    sqlx::query!(
        r#"
        update purchase_order
        set revised_at = case when revision <> $2 then $7 else revised_at end,
            revision = $2, their_version = $3, buyer = $4, incoterm = $5, status = $6, currency = $8
        where order_id = $1
        "#,
        order.order_id.0,
        order.revision,
        order.their_version,
        order.buyer,
        order.incoterm,
        order.status.as_str(),
        now,
        order.currency,
    )
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// Adds lines with their schedule lines.
pub(crate) async fn add_lines(tx: &mut Tx, order: &PurchaseOrder, lines: &[&OrderLine]) -> Result<(), StoreError> {
    for line in lines {
        let tolerances =
            serde_json::to_value(&line.agreed.line).map_err(|error| StoreError::unreadable("tolerances", error))?;
        sqlx::query!(
            r#"
            insert into order_line
                (order_line_id, order_id, number, item_id, item_number, description, supplier_item, unit, price, tolerances, supplier_id, plant_id)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
            "#,
            line.order_line_id.0,
            order.order_id.0,
            line.number,
            line.item_id.0,
            line.item_number,
            line.description,
            line.supplier_item,
            line.unit.code(),
            line.price,
            tolerances,
            order.supplier_id.0,
            order.plant_id.0,
        )
        .execute(tx.sql())
        .await?;
        add_schedule(tx, order, line, &line.schedule.iter().collect::<Vec<_>>()).await?;
    }
    Ok(())
}

async fn add_schedule(
    tx: &mut Tx,
    order: &PurchaseOrder,
    line: &OrderLine,
    schedule: &[&ScheduleLine],
) -> Result<(), StoreError> {
    let ids: Vec<Uuid> = schedule.iter().map(|new| new.schedule_line_id.0).collect();
    let numbers: Vec<i32> = schedule.iter().map(|new| new.number).collect();
    let quantities: Vec<_> = schedule.iter().map(|new| new.quantity).collect();
    let days: Vec<_> = schedule.iter().map(|new| new.requested_on).collect();
    let changes: Vec<Option<Value>> =
        schedule.iter().map(|new| new.change.as_ref().map(|change| json!(change))).collect();
    sqlx::query!(
        r#"
        insert into schedule_line
            (schedule_line_id, order_line_id, order_id, number, quantity, requested_on, state, version, change, supplier_id, plant_id)
        select s.id, $1, $2, s.number, s.quantity, s.requested_on, $5, 1, s.change, $3, $4
        from unnest($6::uuid[], $7::integer[], $8::numeric[], $9::date[], $10::jsonb[]) as s (id, number, quantity, requested_on, change)
        "#,
        line.order_line_id.0,
        order.order_id.0,
        order.supplier_id.0,
        order.plant_id.0,
        Negotiation::Published.as_str(),
        &ids,
        &numbers,
        &quantities,
        &days,
        &changes as _,
    )
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// Saves lines that were there before and look different now, and schedule lines that were added to them.
pub(crate) async fn save_lines(tx: &mut Tx, before: &PurchaseOrder, after: &PurchaseOrder) -> Result<(), StoreError> {
    for line in &after.lines {
        let Some(known) = before.lines.iter().find(|known| known.order_line_id == line.order_line_id) else { continue };
        let added: Vec<&ScheduleLine> = line
            .schedule
            .iter()
            .filter(|new| !known.schedule.iter().any(|old| old.schedule_line_id == new.schedule_line_id))
            .collect();
        if !added.is_empty() {
            add_schedule(tx, after, line, &added).await?;
        }
        let unchanged = known.item_id == line.item_id
            && known.description == line.description
            && known.supplier_item == line.supplier_item
            && known.unit == line.unit
            && known.price == line.price
            && known.agreed.line == line.agreed.line;
        if unchanged {
            continue;
        }
        let tolerances =
            serde_json::to_value(&line.agreed.line).map_err(|error| StoreError::unreadable("tolerances", error))?;
        sqlx::query!(
            r#"
            update order_line
            set item_id = $2, item_number = $3, description = $4, supplier_item = $5, price = $6, tolerances = $7, unit = $8
            where order_line_id = $1
            "#,
            line.order_line_id.0,
            line.item_id.0,
            line.item_number,
            line.description,
            line.supplier_item,
            line.price,
            tolerances,
            line.unit.code(),
        )
        .execute(tx.sql())
        .await?;
    }
    Ok(())
}

/// Saves the schedule lines whose version moved, in one statement, and notes which event told other systems of a promise.
pub(crate) async fn save_schedule(
    tx: &mut Tx,
    before: &PurchaseOrder,
    after: &PurchaseOrder,
    happened: &[Event],
    event_ids: &[EventId],
) -> Result<(), StoreError> {
    let told = happened.iter().zip(event_ids).find_map(|(event, id)| match event {
        Event::PromiseMade { lines, .. } => Some((id.0, lines)),
        _ => None,
    });
    let changed: Vec<&ScheduleLine> = after
        .schedule_lines()
        .map(|(_, schedule)| schedule)
        .filter(|schedule| before.find(schedule.schedule_line_id).is_some_and(|(_, old)| old != *schedule))
        .collect();
    if changed.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = changed.iter().map(|line| line.schedule_line_id.0).collect();
    let states: Vec<String> = changed.iter().map(|line| line.state.to_string()).collect();
    let versions: Vec<i64> = changed.iter().map(|line| line.version).collect();
    let quantities: Vec<_> = changed.iter().map(|line| line.quantity).collect();
    let days: Vec<_> = changed.iter().map(|line| line.requested_on).collect();
    let first: Vec<Option<Value>> =
        changed.iter().map(|line| line.first_promise.as_ref().map(|it| json!(it))).collect();
    let promise: Vec<Option<Value>> = changed.iter().map(|line| line.promise.as_ref().map(|it| json!(it))).collect();
    let proposal: Vec<Option<Value>> = changed.iter().map(|line| line.proposal.as_ref().map(|it| json!(it))).collect();
    let counter: Vec<Option<Value>> = changed.iter().map(|line| line.counter.as_ref().map(|it| json!(it))).collect();
    let change: Vec<Option<Value>> = changed.iter().map(|line| line.change.as_ref().map(|it| json!(it))).collect();
    let first_on: Vec<Option<NaiveDate>> =
        changed.iter().map(|line| line.first_promise.as_deref().and_then(last_day)).collect();
    let last_on: Vec<Option<NaiveDate>> =
        changed.iter().map(|line| line.promise.as_deref().and_then(last_day)).collect();
    let promised: Vec<_> = changed.iter().map(|line| line.promise.as_deref().map(total)).collect();
    let reviewed: Vec<_> = changed.iter().map(|line| line.proposal.as_ref().map(|proposal| proposal.at)).collect();
    let events: Vec<Option<Uuid>> = changed
        .iter()
        .map(|line| {
            told.filter(|(_, lines)| lines.iter().any(|it| it.schedule_line_id == line.schedule_line_id))
                .map(|(id, _)| id)
        })
        .collect();
    sqlx::query!(
        r#"
        update schedule_line s
        set state = n.state, version = n.version, quantity = n.quantity, requested_on = n.requested_on,
            first_promise = n.first_promise, promise = n.promise, proposal = n.proposal, counter = n.counter, change = n.change,
            first_confirmed_on = n.first_on, last_confirmed_on = n.last_on, promised = n.promised, in_review_since = n.reviewed,
            promise_event_id = coalesce(n.event_id, s.promise_event_id)
        from unnest($1::uuid[], $2::text[], $3::bigint[], $4::numeric[], $5::date[], $6::jsonb[], $7::jsonb[], $8::jsonb[],
                    $9::jsonb[], $10::jsonb[], $11::date[], $12::date[], $13::numeric[], $14::timestamptz[], $15::uuid[])
            as n (id, state, version, quantity, requested_on, first_promise, promise, proposal, counter, change,
                  first_on, last_on, promised, reviewed, event_id)
        where s.schedule_line_id = n.id
        "#,
        &ids,
        &states,
        &versions,
        &quantities,
        &days,
        &first as _,
        &promise as _,
        &proposal as _,
        &counter as _,
        &change as _,
        &first_on as _,
        &last_on as _,
        &promised as _,
        &reviewed as _,
        &events as _,
    )
    .execute(tx.sql())
    .await?;
    Ok(())
}
