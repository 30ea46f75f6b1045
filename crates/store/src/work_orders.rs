//! Work orders as the ERP has them, with what the shop floor has done of them.
//!
//! Mirrored like purchase orders: the whole order each time, late news ignored by its version. The shop floor is told by
//! events when there is something to tell: released, changed, cancelled, closed.

use std::collections::HashMap;

use domain::Decimal;
use domain::command::{ItemSnapshot, WorkOrderSnapshot};
use domain::event::{Event, Subject, SubjectKind};
use domain::id::{ConnectionId, ItemId, PlantId, WorkOrderId};
use domain::quantity::Unit;
use domain::work_order::{Component, Operation, WorkOrder, WorkOrderStatus, differences};
use uuid::Uuid;

use crate::error::{CommandError, StoreError};
use crate::events::{self, About};
use crate::orders::{read_json, read_word};
use crate::reference;
use crate::tx::Tx;

/// A work order as it is stored, locked for a change.
#[derive(Debug, Clone)]
pub struct Known {
    /// As the shop floor is told of it.
    pub order: WorkOrder,
    /// Where.
    pub plant_id: PlantId,
    /// Its ERP.
    pub connection_id: ConnectionId,
    /// What is made.
    pub item_id: ItemId,
    /// The ERP's version that it shows.
    pub their_version: i64,
    /// The shop floor has been told of it.
    pub told: bool,
    /// The shop floor has begun.
    pub begun: bool,
    /// Good quantity reported.
    pub completed: Decimal,
    /// By component: its item, and what is consumed of it.
    pub consumed: HashMap<String, (ItemId, Decimal)>,
}

impl Known {
    /// Where its events belong. Everybody who carries their kinds is told: the shop floor of the order, the ERP of what was
    /// reported.
    pub const fn about(&self) -> About {
        About {
            subject: Subject { kind: SubjectKind::WorkOrder, id: self.order.work_order_id.0 },
            plant_id: Some(self.plant_id),
            supplier_id: None,
            home: None,
        }
    }

    /// As much was made as was asked for.
    pub fn is_complete(&self) -> bool {
        self.completed >= self.order.quantity
    }
}

/// What became of a mirrored work order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mirrored {
    /// New.
    Added,
    /// Differs from what was known.
    Changed,
    /// As known.
    Unchanged,
    /// Older than what is known.
    Stale,
}

/// Takes a work order as its ERP has it now.
pub async fn mirror(
    tx: &mut Tx,
    connection_id: ConnectionId,
    snapshot: &WorkOrderSnapshot,
) -> Result<Mirrored, CommandError> {
    if snapshot.quantity <= Decimal::ZERO {
        let words =
            format!("Work order {} asks for {}; a quantity above 0 is needed.", snapshot.number, snapshot.quantity);
        return Err(CommandError::Invalid(words));
    }
    let plant_id = reference::mirror_plant(tx, &snapshot.plant).await?;
    let mut items: Vec<&ItemSnapshot> = snapshot.components.iter().map(|component| &component.item).collect();
    items.push(&snapshot.item);
    let items = reference::mirror_items(tx, &items).await?;
    let item_id = item(&items, &snapshot.item.number)?;
    let Some(known) = find(tx, plant_id, &snapshot.number, true).await? else {
        return add(tx, connection_id, plant_id, item_id, &items, snapshot).await;
    };
    if known.connection_id != connection_id {
        let words = format!("Work order {} of this plant lives in another ERP already.", snapshot.number);
        return Err(CommandError::Invalid(words));
    }
    if snapshot.their_version < known.their_version {
        return Ok(Mirrored::Stale);
    }
    let status = known.order.status.told(snapshot.status, known.begun, known.completed >= snapshot.quantity);
    let now = shown(known.order.work_order_id, known.order.revision, status, snapshot);
    let changes = differences(&known.order, &now);
    let moved = status != known.order.status;
    let mut events = Vec::new();
    let now_told = status.is_on_the_floor();
    let now = WorkOrder { revision: now.revision + i32::from(known.told && (!changes.is_empty() || moved)), ..now };
    match status {
        WorkOrderStatus::Cancelled if moved && known.told => events.push(Event::WorkOrderCancelled {
            work_order: now.number.clone(),
            plant: now.plant.clone(),
            revision: now.revision,
        }),
        WorkOrderStatus::Closed if moved && known.told => events.push(Event::WorkOrderClosed {
            work_order: now.number.clone(),
            plant: now.plant.clone(),
            revision: now.revision,
        }),
        _ if now_told && (!known.told || (moved && !known.order.status.is_on_the_floor())) => {
            events.push(Event::WorkOrderReleased { work_order: Box::new(now.clone()) });
        }
        _ if known.told && !changes.is_empty() => {
            events.push(Event::WorkOrderChanged { work_order: Box::new(now.clone()), changes: changes.clone() });
        }
        _ => {}
    }
    save(tx, &known, item_id, &items, snapshot, &now).await?;
    learn_links(tx, connection_id, snapshot).await?;
    let causes = events::append(tx, known.about(), &events, None).await?;
    Ok(if changes.is_empty() && !moved && causes.is_empty() { Mirrored::Unchanged } else { Mirrored::Changed })
}

/// The work order as the snapshot shows it.
fn shown(
    work_order_id: WorkOrderId,
    revision: i32,
    status: WorkOrderStatus,
    snapshot: &WorkOrderSnapshot,
) -> WorkOrder {
    WorkOrder {
        work_order_id,
        number: snapshot.number.clone(),
        plant: snapshot.plant.code.clone(),
        revision,
        item: snapshot.item.number.clone(),
        description: snapshot.item.description.clone(),
        unit: snapshot.unit.clone(),
        quantity: snapshot.quantity,
        status,
        starts_at: snapshot.starts_at,
        due_at: snapshot.due_at,
        components: snapshot
            .components
            .iter()
            .map(|component| Component {
                number: component.number.clone(),
                item: component.item.number.clone(),
                description: component.item.description.clone(),
                unit: component.unit.clone(),
                quantity: component.quantity,
                backflush: component.backflush,
                operation: component.operation.clone(),
            })
            .collect(),
        operations: snapshot.operations.clone(),
    }
}

async fn add(
    tx: &mut Tx,
    connection_id: ConnectionId,
    plant_id: PlantId,
    item_id: ItemId,
    items: &HashMap<String, ItemId>,
    snapshot: &WorkOrderSnapshot,
) -> Result<Mirrored, CommandError> {
    let order = shown(WorkOrderId(tx.new_id()), 1, snapshot.status, snapshot);
    let known = Known {
        plant_id,
        connection_id,
        item_id,
        their_version: snapshot.their_version,
        told: order.status.is_on_the_floor(),
        begun: false,
        completed: Decimal::ZERO,
        consumed: HashMap::new(),
        order,
    };
    let now = tx.now();
    let operations = json(&known.order.operations)?;
    sqlx::query!(
        r#"
        insert into work_order (work_order_id, number, plant_id, connection_id, their_version, their_ref, revision, item_id,
                                item_number, unit, quantity, status, starts_at, due_at, operations, released_at, created_at,
                                changed_at)
        values ($1, $2, $3, $4, $5, $6, 1, $7, $8, $9, $10, $11, $12, $13, $14,
                case when $15 then $16::timestamptz end, $16, $16)
        "#,
        known.order.work_order_id.0,
        known.order.number,
        plant_id.0,
        connection_id.0,
        snapshot.their_version,
        snapshot.their_ref,
        item_id.0,
        known.order.item,
        known.order.unit.code(),
        known.order.quantity,
        known.order.status.as_str(),
        known.order.starts_at,
        known.order.due_at,
        operations,
        known.told,
        now
    )
    .execute(tx.sql())
    .await?;
    save_components(tx, &known, items, snapshot).await?;
    learn_links(tx, connection_id, snapshot).await?;
    if known.told {
        let event = Event::WorkOrderReleased { work_order: Box::new(known.order.clone()) };
        events::append(tx, known.about(), &[event], None).await?;
    }
    Ok(Mirrored::Added)
}

async fn save(
    tx: &mut Tx,
    known: &Known,
    item_id: ItemId,
    items: &HashMap<String, ItemId>,
    snapshot: &WorkOrderSnapshot,
    order: &WorkOrder,
) -> Result<(), CommandError> {
    let now = tx.now();
    let operations = json(&order.operations)?;
    sqlx::query!(
        r#"
        update work_order
        set their_version = $2, their_ref = $3, revision = $4, item_id = $5, item_number = $6, unit = $7, quantity = $8,
            status = $9, starts_at = $10, due_at = $11, operations = $12, changed_at = $13,
            released_at = case when $14 then coalesce(released_at, $13) else released_at end,
            finished_at = case when $9 in ('completed', 'closed') then coalesce(finished_at, $13) end
        where work_order_id = $1
        "#,
        order.work_order_id.0,
        snapshot.their_version,
        snapshot.their_ref,
        order.revision,
        item_id.0,
        order.item,
        order.unit.code(),
        order.quantity,
        order.status.as_str(),
        order.starts_at,
        order.due_at,
        operations,
        now,
        order.status.is_on_the_floor()
    )
    .execute(tx.sql())
    .await?;
    save_components(tx, known, items, snapshot).await
}

async fn save_components(
    tx: &mut Tx,
    known: &Known,
    items: &HashMap<String, ItemId>,
    snapshot: &WorkOrderSnapshot,
) -> Result<(), CommandError> {
    let list = &snapshot.components;
    let numbers: Vec<String> = list.iter().map(|it| it.number.clone()).collect();
    let refs: Vec<String> = list.iter().map(|it| it.their_ref.clone()).collect();
    let of: Vec<Uuid> = list.iter().map(|it| item(items, &it.item.number).map(|id| id.0)).collect::<Result<_, _>>()?;
    let named: Vec<String> = list.iter().map(|it| it.item.number.clone()).collect();
    let units: Vec<String> = list.iter().map(|it| it.unit.code().to_owned()).collect();
    let quantities: Vec<Decimal> = list.iter().map(|it| it.quantity).collect();
    let backflush: Vec<bool> = list.iter().map(|it| it.backflush).collect();
    let operations: Vec<Option<String>> = list.iter().map(|it| it.operation.clone()).collect();
    sqlx::query!(
        r#"
        insert into work_order_component (work_order_id, number, their_ref, item_id, item_number, unit, quantity, backflush,
                                          operation, plant_id)
        select distinct on (n.number) $1, n.number, n.their_ref, n.item_id, n.item, n.unit, n.quantity, n.backflush,
               n.operation, $10
        from unnest($2::text[], $3::text[], $4::uuid[], $5::text[], $6::text[], $7::numeric[], $8::boolean[], $9::text[])
            as n (number, their_ref, item_id, item, unit, quantity, backflush, operation)
        order by n.number
        on conflict (work_order_id, number) do update
            set their_ref = excluded.their_ref, item_id = excluded.item_id, item_number = excluded.item_number,
                unit = excluded.unit, quantity = excluded.quantity, backflush = excluded.backflush,
                operation = excluded.operation, removed = false
        "#,
        known.order.work_order_id.0,
        &numbers,
        &refs,
        &of,
        &named,
        &units,
        &quantities,
        &backflush,
        &operations as _,
        known.plant_id.0
    )
    .execute(tx.sql())
    .await?;
    sqlx::query!(
        "update work_order_component set removed = true where work_order_id = $1 and not number = any($2) and not removed",
        known.order.work_order_id.0,
        &numbers
    )
    .execute(tx.sql())
    .await?;
    Ok(())
}

async fn learn_links(tx: &mut Tx, connection_id: ConnectionId, snapshot: &WorkOrderSnapshot) -> Result<(), StoreError> {
    let mut kinds = vec!["work_order".to_owned()];
    let mut keys = vec![snapshot.number.clone()];
    let mut refs = vec![snapshot.their_ref.clone()];
    for component in &snapshot.components {
        kinds.push("component".to_owned());
        keys.push(format!("{}/{}", snapshot.number, component.number));
        refs.push(component.their_ref.clone());
    }
    reference::save_links(tx, connection_id, &snapshot.number, &kinds, &keys, &refs).await
}

/// A work order by its number in a plant; locked until the transaction ends where it is to be changed.
pub(crate) async fn find(
    tx: &mut Tx,
    plant_id: PlantId,
    number: &str,
    lock: bool,
) -> Result<Option<Known>, StoreError> {
    if lock {
        // Whoever adds it at the same moment waits here as well: there is no row to lock yet.
        sqlx::query!(
            "select pg_advisory_xact_lock(hashtextextended('work order ' || $1::text || $2::text, 0))",
            plant_id.to_string(),
            number
        )
        .fetch_one(tx.sql())
        .await?;
    }
    let row = sqlx::query!(
        r#"
        select w.work_order_id, w.number, w.plant_id, p.code as plant, w.connection_id, w.their_version, w.revision, w.item_id,
               w.item_number, i.description, w.unit, w.quantity, w.status, w.starts_at, w.due_at, w.completed, w.operations,
               w.released_at is not null as "told!", w.begun_at is not null as "begun!"
        from work_order w join plant p using (plant_id) join item i on i.item_id = w.item_id
        where w.plant_id = $1 and w.number = $2
        "#,
        plant_id.0,
        number
    )
    .fetch_optional(tx.sql())
    .await?;
    let Some(row) = row else { return Ok(None) };
    let parts = sqlx::query!(
        r#"
        select c.number, c.item_id, c.item_number, i.description, c.unit, c.quantity, c.consumed, c.backflush, c.operation,
               c.removed
        from work_order_component c join item i using (item_id)
        where c.work_order_id = $1
        order by c.number
        "#,
        row.work_order_id
    )
    .fetch_all(tx.sql())
    .await?;
    let consumed = parts.iter().map(|part| (part.number.clone(), (ItemId(part.item_id), part.consumed))).collect();
    let components = parts
        .into_iter()
        .filter(|part| !part.removed)
        .map(|part| Component {
            number: part.number,
            item: part.item_number,
            description: part.description,
            unit: Unit::new(&part.unit),
            quantity: part.quantity,
            backflush: part.backflush,
            operation: part.operation,
        })
        .collect();
    let operations: Vec<Operation> = read_json("operations", row.operations)?;
    Ok(Some(Known {
        order: WorkOrder {
            work_order_id: WorkOrderId(row.work_order_id),
            number: row.number,
            plant: row.plant,
            revision: row.revision,
            item: row.item_number,
            description: row.description,
            unit: Unit::new(&row.unit),
            quantity: row.quantity,
            status: read_word("work order status", &row.status)?,
            starts_at: row.starts_at,
            due_at: row.due_at,
            components,
            operations,
        },
        plant_id: PlantId(row.plant_id),
        connection_id: ConnectionId(row.connection_id),
        item_id: ItemId(row.item_id),
        their_version: row.their_version,
        told: row.told,
        begun: row.begun,
        completed: row.completed,
        consumed,
    }))
}

fn item(items: &HashMap<String, ItemId>, number: &str) -> Result<ItemId, CommandError> {
    items.get(number).copied().ok_or(CommandError::NotFound { what: "item" })
}

fn json(value: &impl serde::Serialize) -> Result<serde_json::Value, StoreError> {
    serde_json::to_value(value).map_err(|error| StoreError::unreadable("work order", error))
}
