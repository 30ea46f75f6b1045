//! Reading the event log for one connection, and the rows that are due or next in their lanes.

use std::collections::HashMap;

use domain::event::{Envelope, Event, Subject};
use domain::id::{ConnectionId, CorrelationId, DeliveryId, EventId, PlantId, SupplierId};
use domain::production::Report;
use domain::quantity::{Quantity, Unit};
use uuid::Uuid;

use super::{Gap, LogPage, LogRow, Outbound, StoredDelivery};
use crate::error::StoreError;
use crate::orders::{read_json, read_word};
use crate::tx::Tx;

/// What to read of the log.
#[derive(Debug, Clone, Default)]
pub struct ReadLog {
    /// The owner's number.
    pub fence: i64,
    /// Exclusive.
    pub after: i64,
    /// Where rows were missing.
    pub gaps: Vec<Gap>,
    /// Rows of each at the most.
    pub limit: i64,
    /// The kinds that the connection carries.
    pub kinds: Vec<String>,
}

/// Reads the log for one connection, everything in one statement and so in one snapshot.
pub async fn read_log(tx: &mut Tx, connection: ConnectionId, read: &ReadLog) -> Result<LogPage, StoreError> {
    let (firsts, lasts): (Vec<i64>, Vec<i64>) = read.gaps.iter().map(|gap| (gap.first, gap.last)).unzip();
    // The horizon is this statement's own transaction id, which is assigned after its snapshot; it is taken only when
    // positions are missing, so that a quiet reader uses up no ids.
    let rows = sqlx::query!(
        r#"
        with
        me as (
            select c.plant_id, c.takes, r.fence
            from connection c join connection_reader r using (connection_id)
            where c.connection_id = $1
        ),
        beyond as (
            select e.* from event e where e.position > $2 order by e.position limit $3
        ),
        found as (
            select e.*
            from unnest($4::bigint[], $5::bigint[]) as g (first, last)
            join event e on e.position between g.first and g.last
            order by e.position
            limit $3
        ),
        seen as (
            select true as is_beyond, * from beyond
            union all
            select false, * from found
        )
        select
            me.fence as "fence!",
            pg_snapshot_xmin(pg_current_snapshot())::text as "xmin!",
            case
                when (select max(position) - $2 > count(*) from beyond) then pg_current_xact_id()::text
            end as horizon,
            seen.is_beyond,
            seen.position as "position?",
            (seen.kind = any($6)
                and (me.takes = 'all' or coalesce(seen.home_connection_id, $1) = $1)
                and (me.plant_id is null or coalesce(seen.plant_id, me.plant_id) = me.plant_id)) as wanted,
            seen.event_id as "event_id?", seen.subject_kind as "subject_kind?", seen.subject_id as "subject_id?",
            seen.subject_version as "subject_version?", seen.plant_id, seen.supplier_id,
            seen.correlation_id as "correlation_id?", seen.causation_id,
            case when seen.kind = any($6) then seen.actor end as actor,
            seen.at as "at?",
            case when seen.kind = any($6) then seen.data end as data,
            p.code as "plant_code?", s.number as "supplier_number?"
        from me
        left join seen on true
        left join plant p on p.plant_id = seen.plant_id
        left join supplier s on s.supplier_id = seen.supplier_id
        order by seen.position
        "#,
        connection.0,
        read.after,
        read.limit,
        &firsts,
        &lasts,
        &read.kinds,
    )
    .fetch_all(tx.sql())
    .await?;
    let mut page = LogPage { found: Vec::new(), beyond: Vec::new(), xmin: 0, horizon: 0 };
    for row in rows {
        if row.fence != read.fence {
            return Err(StoreError::Deposed);
        }
        let number = |text: &str| text.parse::<u64>().map_err(|error| StoreError::unreadable("transaction id", error));
        page.xmin = number(&row.xmin)?;
        page.horizon = row.horizon.as_deref().map(number).transpose()?.unwrap_or(page.xmin);
        let Some(position) = row.position else { continue };
        let wanted = match (
            row.wanted,
            row.event_id,
            row.subject_kind,
            row.subject_id,
            row.actor,
            row.data,
            row.correlation_id,
            row.at,
        ) {
            (
                Some(true),
                Some(event_id),
                Some(kind),
                Some(id),
                Some(actor),
                Some(data),
                Some(correlation),
                Some(at),
            ) => Some(Outbound {
                position,
                envelope: Envelope {
                    event_id: EventId(event_id),
                    subject: Subject { kind: read_word("subject kind", &kind)?, id },
                    subject_version: row.subject_version.unwrap_or_default(),
                    at,
                    plant_id: row.plant_id.map(PlantId),
                    supplier_id: row.supplier_id.map(SupplierId),
                    actor: read_json("actor", actor)?,
                    correlation_id: CorrelationId(correlation),
                    causation_id: row.causation_id.map(EventId),
                    event: read_json("event", data)?,
                },
                plant: row.plant_code,
                supplier: row.supplier_number,
                links: Vec::new(),
                stop: None,
            }),
            _ => None,
        };
        let row = LogRow { position, wanted };
        if row_is_beyond(position, read.after) { page.beyond.push(row) } else { page.found.push(row) }
    }
    let outbound = page.found.iter_mut().chain(&mut page.beyond).filter_map(|row| row.wanted.as_mut());
    let mut outbound: Vec<&mut Outbound> = outbound.collect();
    add_stops(tx, &mut outbound).await?;
    add_links(tx, connection, outbound).await?;
    Ok(page)
}

const fn row_is_beyond(position: i64, after: i64) -> bool {
    position > after
}

async fn add_links(tx: &mut Tx, connection: ConnectionId, outbound: Vec<&mut Outbound>) -> Result<(), StoreError> {
    let mut documents: Vec<String> =
        outbound.iter().flat_map(|out| out.envelope.event.documents()).map(str::to_owned).collect();
    documents.sort_unstable();
    documents.dedup();
    if documents.is_empty() {
        return Ok(());
    }
    let rows = sqlx::query!(
        "select group_key, kind, key, their_ref from link where connection_id = $1 and group_key = any($2) order by group_key, kind, key",
        connection.0,
        &documents
    )
    .fetch_all(tx.sql())
    .await?;
    let mut of_document: HashMap<&str, Vec<_>> = HashMap::new();
    for row in &rows {
        of_document.entry(&row.group_key).or_default().push(row);
    }
    for out in outbound {
        let documents = out.envelope.event.documents();
        let links = documents.iter().filter_map(|document| of_document.get(document)).flatten();
        out.links = links.map(|row| (row.kind.clone(), row.key.clone(), row.their_ref.clone())).collect();
    }
    Ok(())
}

/// What of the shop floor's reports may not be posted yet, and in which unit it is posted: both may become known later than
/// the event.
async fn add_stops(tx: &mut Tx, outbound: &mut [&mut Outbound]) -> Result<(), StoreError> {
    let reports: Vec<Uuid> =
        outbound.iter().filter_map(|out| posted(&out.envelope.event)).map(|report| report.report_id.0).collect();
    if reports.is_empty() {
        return Ok(());
    }
    let rows = sqlx::query!(
        r#"
        select report_id, stop, stop_reason, stock_quantity, stock_unit from production_report where report_id = any($1)
        "#,
        &reports
    )
    .fetch_all(tx.sql())
    .await?;
    let rows: HashMap<Uuid, _> = rows.into_iter().map(|row| (row.report_id, row)).collect();
    for out in outbound {
        let (Event::MaterialConsumed { report } | Event::OutputCompleted { report }) = &mut out.envelope.event else {
            continue;
        };
        let Some(row) = rows.get(&report.report_id.0) else { continue };
        if let (None, Some(value), Some(unit)) = (&report.booked, row.stock_quantity, &row.stock_unit) {
            report.booked = Some(Quantity::new(value, Unit::new(unit)));
        }
        if let (Some(stop), Some(reason)) = (&row.stop, &row.stop_reason) {
            out.stop = Some((read_word("cause", stop)?, reason.clone()));
        }
    }
    Ok(())
}

const fn posted(event: &Event) -> Option<&Report> {
    match event {
        Event::MaterialConsumed { report } | Event::OutputCompleted { report } => Some(report),
        _ => None,
    }
}

/// Rows that are due, the longest due first.
pub async fn due(tx: &mut Tx, connection: ConnectionId, limit: i64) -> Result<Vec<StoredDelivery>, StoreError> {
    let now = tx.now();
    let ids = sqlx::query_scalar!(
        r#"
        select delivery_id from delivery
        where connection_id = $1 and state = 'retrying' and next_attempt_at <= $2
        order by next_attempt_at, event_position
        limit $3
        "#,
        connection.0,
        now,
        limit
    )
    .fetch_all(tx.sql())
    .await?;
    load(tx, connection, &ids).await
}

/// The first unfinished rows of each of these lanes, in lane order.
pub async fn lanes(
    tx: &mut Tx,
    connection: ConnectionId,
    subjects: &[Uuid],
    limit: i64,
) -> Result<Vec<StoredDelivery>, StoreError> {
    let ids = sqlx::query_scalar!(
        r#"
        select d.delivery_id
        from unnest($2::uuid[]) with ordinality as s (subject_id, number)
        cross join lateral (
            select delivery_id, event_position from delivery
            where connection_id = $1 and subject_id = s.subject_id and state in ('retrying', 'parked', 'held') and triggered_by = 'event'
            order by event_position
            limit $3
        ) d
        order by s.number, d.event_position
        "#,
        connection.0,
        subjects,
        limit
    )
    .fetch_all(tx.sql())
    .await?;
    load(tx, connection, &ids).await
}

async fn load(tx: &mut Tx, connection: ConnectionId, ids: &[Uuid]) -> Result<Vec<StoredDelivery>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let now = tx.now();
    let rows = sqlx::query!(
        r#"
        select d.delivery_id, d.triggered_by, d.state, d.attempts, coalesce(d.next_attempt_at <= $3, false) as "due!",
               e.position, e.event_id, e.subject_kind, e.subject_id, e.subject_version, e.plant_id, e.supplier_id,
               e.correlation_id, e.causation_id, e.actor, e.at, e.data,
               p.code as "plant_code?", s.number as "supplier_number?"
        from unnest($2::uuid[]) with ordinality as w (delivery_id, number)
        join delivery d on d.delivery_id = w.delivery_id
        join event e on e.position = d.event_position
        left join plant p on p.plant_id = e.plant_id
        left join supplier s on s.supplier_id = e.supplier_id
        where d.connection_id = $1
        order by w.number
        "#,
        connection.0,
        ids,
        now
    )
    .fetch_all(tx.sql())
    .await?;
    let mut loaded = rows
        .into_iter()
        .map(|row| {
            Ok(StoredDelivery {
                delivery_id: DeliveryId(row.delivery_id),
                triggered_by: read_word("trigger", &row.triggered_by)?,
                state: read_word("delivery state", &row.state)?,
                due: row.due,
                attempts: row.attempts,
                outbound: Outbound {
                    position: row.position,
                    envelope: Envelope {
                        event_id: EventId(row.event_id),
                        subject: Subject { kind: read_word("subject kind", &row.subject_kind)?, id: row.subject_id },
                        subject_version: row.subject_version,
                        at: row.at,
                        plant_id: row.plant_id.map(PlantId),
                        supplier_id: row.supplier_id.map(SupplierId),
                        actor: read_json("actor", row.actor)?,
                        correlation_id: CorrelationId(row.correlation_id),
                        causation_id: row.causation_id.map(EventId),
                        event: read_json("event", row.data)?,
                    },
                    plant: row.plant_code,
                    supplier: row.supplier_number,
                    links: Vec::new(),
                    stop: None,
                },
            })
        })
        .collect::<Result<Vec<_>, StoreError>>()?;
    let mut outbound: Vec<&mut Outbound> = loaded.iter_mut().map(|stored| &mut stored.outbound).collect();
    add_stops(tx, &mut outbound).await?;
    add_links(tx, connection, outbound).await?;
    Ok(loaded)
}
