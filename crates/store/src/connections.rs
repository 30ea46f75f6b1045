//! The systems we speak with: what is configured, whether they are paused, and how their circuit stands.
//!
//! People change the configuration and pause; every such change is audited and raises the settings' version, so that the
//! loops build the connector anew. The worker alone moves the circuit. How far each inbound feed has been read is in
//! [`crate::feeds`], how far the log has been delivered in `connection_reader`.

use chrono::{DateTime, Utc};
use domain::access::{Action, may};
use domain::exchange::{CircuitState, Stage};
use domain::id::{ConnectionId, PlantId};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::error::{CommandError, StoreError, constraint};
use crate::orders::read_word;
use crate::signal::Topic;
use crate::tx::Tx;
use crate::{audit, feeds};

/// The longest name of a connection, in characters.
pub const LONGEST_NAME: usize = 80;
/// The most connections a list shows; nobody has more systems.
const MOST: i64 = 500;

/// Which events a connection is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// Those of things that live in this system: an ERP and its orders.
    Own,
    /// Every event it carries: a broker.
    All,
}

impl Takes {
    /// The word in the table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::All => "all",
        }
    }
}

impl std::str::FromStr for Takes {
    type Err = String;
    fn from_str(word: &str) -> Result<Self, String> {
        [Self::Own, Self::All]
            .into_iter()
            .find(|takes| takes.as_str() == word)
            .ok_or_else(|| format!("{word:?} is neither own nor all"))
    }
}

/// What a person configures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configured {
    /// Its name on pages and in addresses, unique.
    pub name: String,
    /// The plant it serves; none for all.
    pub plant_id: Option<PlantId>,
    /// Which events it is told of.
    pub takes: Takes,
    /// How serious it is.
    pub stage: Stage,
    /// The connector's own settings; secrets only by reference. Whoever calls has checked them with the connector.
    pub settings: Value,
    /// Deliveries under way at once, 1 to 64.
    pub in_flight_limit: i32,
}

/// A connection as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// Its id.
    pub connection_id: ConnectionId,
    /// The connector's word, see `connectors::registry`. Never changes.
    pub kind: String,
    /// What was configured.
    pub configured: Configured,
    /// Counts every change of the configuration; whoever saves names the one that was read.
    pub settings_version: i32,
    /// Paused by a person; then nothing is sent, polled or applied, and everything that comes waits.
    pub pause: Option<Pause>,
    /// Whether we call it at all.
    pub circuit: Circuit,
    /// When it last answered as it should.
    pub last_ok_at: Option<DateTime<Utc>>,
    /// Since when it is configured.
    pub created_at: DateTime<Utc>,
}

/// Who paused a connection, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// Since when.
    pub at: DateTime<Utc>,
    /// By whom.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// How the circuit of a connection stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Circuit {
    /// Closed is the good state.
    pub state: CircuitState,
    /// Since when; none while nothing ever happened.
    pub since: Option<DateTime<Utc>>,
    /// When it is tried again.
    pub retry_at: Option<DateTime<Utc>>,
    /// Why it is not closed, in words for a person.
    pub reason: Option<String>,
}

struct ConnectionRow {
    connection_id: Uuid,
    kind: String,
    name: String,
    plant_id: Option<Uuid>,
    takes: String,
    stage: String,
    settings: Value,
    settings_version: i32,
    in_flight_limit: i32,
    paused_at: Option<DateTime<Utc>>,
    paused_by: Option<String>,
    pause_reason: Option<String>,
    circuit: String,
    circuit_since: Option<DateTime<Utc>>,
    circuit_retry_at: Option<DateTime<Utc>>,
    circuit_reason: Option<String>,
    last_ok_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
}

impl TryFrom<ConnectionRow> for Connection {
    type Error = StoreError;

    fn try_from(row: ConnectionRow) -> Result<Self, StoreError> {
        let pause = row.paused_at.zip(row.paused_by).map(|(at, by)| Pause {
            at,
            by,
            reason: row.pause_reason.unwrap_or_default(),
        });
        Ok(Self {
            connection_id: ConnectionId(row.connection_id),
            kind: row.kind,
            configured: Configured {
                name: row.name,
                plant_id: row.plant_id.map(PlantId),
                takes: read_word("choice of events", &row.takes)?,
                stage: read_word("stage", &row.stage)?,
                settings: row.settings,
                in_flight_limit: row.in_flight_limit,
            },
            settings_version: row.settings_version,
            pause,
            circuit: Circuit {
                state: read_word("circuit state", &row.circuit)?,
                since: row.circuit_since,
                retry_at: row.circuit_retry_at,
                reason: row.circuit_reason,
            },
            last_ok_at: row.last_ok_at,
            created_at: row.created_at,
        })
    }
}

/// All connections within the scope, by name.
pub async fn list(tx: &mut Tx) -> Result<Vec<Connection>, CommandError> {
    may(tx.actor(), Action::SeeExchange)?;
    let rows = sqlx::query_as!(
        ConnectionRow,
        r#"
        select connection_id, kind, name, plant_id, takes, stage, settings, settings_version, in_flight_limit, paused_at,
               paused_by, pause_reason, circuit, circuit_since, circuit_retry_at, circuit_reason, last_ok_at, created_at
        from connection
        order by name
        limit $1
        "#,
        MOST
    )
    .fetch_all(tx.sql())
    .await?;
    Ok(rows.into_iter().map(Connection::try_from).collect::<Result<_, _>>()?)
}

/// One connection within the scope.
pub async fn get(tx: &mut Tx, connection_id: ConnectionId) -> Result<Connection, CommandError> {
    may(tx.actor(), Action::SeeExchange)?;
    let row = sqlx::query_as!(
        ConnectionRow,
        r#"
        select connection_id, kind, name, plant_id, takes, stage, settings, settings_version, in_flight_limit, paused_at,
               paused_by, pause_reason, circuit, circuit_since, circuit_retry_at, circuit_reason, last_ok_at, created_at
        from connection
        where connection_id = $1
        "#,
        connection_id.0
    )
    .fetch_optional(tx.sql())
    .await?
    .ok_or(CommandError::NotFound { what: "connection" })?;
    Ok(row.try_into()?)
}

/// The id of the connection with this name, within the scope.
pub async fn named(tx: &mut Tx, name: &str) -> Result<ConnectionId, CommandError> {
    sqlx::query_scalar!("select connection_id from connection where name = $1", name)
        .fetch_optional(tx.sql())
        .await?
        .map(ConnectionId)
        .ok_or(CommandError::NotFound { what: "connection" })
}

/// Adds a connection of this kind with its feeds and the place from which it is told of events: an own system from now on
/// (nothing of its own can have happened before), one that takes all from the beginning of the log.
pub async fn add(
    tx: &mut Tx,
    kind: &str,
    configured: &Configured,
    feeds: &[&str],
) -> Result<ConnectionId, CommandError> {
    may(tx.actor(), Action::ManageExchange)?;
    check(configured)?;
    let (connection_id, now) = (ConnectionId(tx.new_id()), tx.now());
    sqlx::query!(
        r#"
        insert into connection (connection_id, kind, name, plant_id, takes, stage, settings, in_flight_limit, created_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        "#,
        connection_id.0,
        kind,
        configured.name.trim(),
        configured.plant_id.map(|id| id.0),
        configured.takes.as_str(),
        configured.stage.as_str(),
        configured.settings,
        configured.in_flight_limit,
        now,
    )
    .execute(tx.sql())
    .await
    .map_err(|error| explain(error, &configured.name))?;
    sqlx::query!(
        r#"
        insert into connection_reader (connection_id, cursor_position)
        select $1, case when $2 then coalesce(max(position), 0) else 0 end from event
        "#,
        connection_id.0,
        configured.takes == Takes::Own,
    )
    .execute(tx.sql())
    .await?;
    feeds::ensure(tx, connection_id, feeds).await?;
    let after = json!({ "kind": kind, "configured": shown(configured) });
    note(tx, "connection.add", connection_id, configured, (None, Some(after)), None).await?;
    tx.wrote(Topic::Connections);
    Ok(connection_id)
}

/// Saves another configuration and gives its version. What was held back because of the old one is tried again now.
pub async fn save(
    tx: &mut Tx,
    connection_id: ConnectionId,
    read_version: i32,
    configured: &Configured,
) -> Result<i32, CommandError> {
    may(tx.actor(), Action::ManageExchange)?;
    check(configured)?;
    let before = get_locked(tx, connection_id).await?;
    if before.settings_version != read_version {
        return Err(CommandError::Invalid(
            "Somebody else changed this connection while you were editing. Reload the page, look at what changed, and save again."
                .to_owned(),
        ));
    }
    let now = tx.now();
    let version = sqlx::query_scalar!(
        r#"
        update connection
        set name = $2, plant_id = $3, takes = $4, stage = $5, settings = $6, in_flight_limit = $7,
            settings_version = settings_version + 1,
            circuit_retry_at = case when circuit = 'open' then $8 else circuit_retry_at end
        where connection_id = $1
        returning settings_version
        "#,
        connection_id.0,
        configured.name.trim(),
        configured.plant_id.map(|id| id.0),
        configured.takes.as_str(),
        configured.stage.as_str(),
        configured.settings,
        configured.in_flight_limit,
        now,
    )
    .fetch_one(tx.sql())
    .await
    .map_err(|error| explain(error, &configured.name))?;
    feeds::retry_now(tx, connection_id).await?;
    let change = (Some(shown(&before.configured)), Some(shown(configured)));
    note(tx, "connection.save", connection_id, configured, change, None).await?;
    tx.wrote(Topic::Connections);
    Ok(version)
}

/// Stops sending, polling and applying; everything waits and nothing is lost.
pub async fn pause(tx: &mut Tx, connection_id: ConnectionId, reason: &str) -> Result<(), CommandError> {
    may(tx.actor(), Action::ManageExchange)?;
    let reason = reason.trim();
    if reason.is_empty() {
        return Err(CommandError::Invalid(
            "Say why in a few words: whoever finds it paused will want to know.".to_owned(),
        ));
    }
    let before = get_locked(tx, connection_id).await?;
    if let Some(pause) = before.pause {
        return Err(CommandError::Invalid(format!("{} has paused it already: {}.", pause.by, pause.reason)));
    }
    let (by, now) = (tx.actor().name().to_owned(), tx.now());
    sqlx::query!(
        "update connection set paused_at = $2, paused_by = $3, pause_reason = $4 where connection_id = $1",
        connection_id.0,
        now,
        by,
        reason
    )
    .execute(tx.sql())
    .await?;
    let change = (Some(json!({ "paused": false })), Some(json!({ "paused": true })));
    note(tx, "connection.pause", connection_id, &before.configured, change, Some(reason.to_owned())).await?;
    tx.wrote(Topic::Connections);
    Ok(())
}

/// Goes on, with what waited first.
pub async fn resume(tx: &mut Tx, connection_id: ConnectionId, reason: Option<String>) -> Result<(), CommandError> {
    may(tx.actor(), Action::ManageExchange)?;
    let before = get_locked(tx, connection_id).await?;
    let Some(pause) = before.pause else {
        return Err(CommandError::Invalid("It is not paused.".to_owned()));
    };
    sqlx::query!(
        "update connection set paused_at = null, paused_by = null, pause_reason = null where connection_id = $1",
        connection_id.0
    )
    .execute(tx.sql())
    .await?;
    feeds::retry_now(tx, connection_id).await?;
    let was = json!({ "paused": true, "at": pause.at, "by": pause.by, "reason": pause.reason });
    let change = (Some(was), Some(json!({ "paused": false })));
    note(tx, "connection.resume", connection_id, &before.configured, change, reason).await?;
    tx.wrote(Topic::Connections);
    tx.wrote(Topic::Arrivals);
    Ok(())
}

/// A person wants an open circuit to be tried at once, and polls that failed as well.
pub async fn try_now(tx: &mut Tx, connection_id: ConnectionId, reason: &str) -> Result<(), CommandError> {
    may(tx.actor(), Action::ManageExchange)?;
    let reason = reason.trim();
    if reason.is_empty() {
        return Err(CommandError::Invalid("Say why in a few words: it goes into the audit log.".to_owned()));
    }
    let before = get_locked(tx, connection_id).await?;
    if before.pause.is_some() {
        return Err(CommandError::Invalid("It is paused. Resume it, and it is tried at once.".to_owned()));
    }
    let now = tx.now();
    sqlx::query!(
        "update connection set circuit_retry_at = $2 where connection_id = $1 and circuit = 'open'",
        connection_id.0,
        now
    )
    .execute(tx.sql())
    .await?;
    feeds::retry_now(tx, connection_id).await?;
    let change = (Some(json!({ "retry_at": before.circuit.retry_at })), Some(json!({ "retry_at": now })));
    note(tx, "connection.try_now", connection_id, &before.configured, change, Some(reason.to_owned())).await?;
    tx.wrote(Topic::Connections);
    Ok(())
}

/// Reads all feeds of a connection at once instead of waiting for their time, and says how many that are.
pub async fn read_now(tx: &mut Tx, connection_id: ConnectionId) -> Result<u64, CommandError> {
    may(tx.actor(), Action::ManageExchange)?;
    let known = get_locked(tx, connection_id).await?;
    if known.pause.is_some() {
        return Err(CommandError::Invalid("It is paused. Resume it, and it is read again.".to_owned()));
    }
    let feeds = feeds::read_now(tx, connection_id).await?;
    note(tx, "connection.read_now", connection_id, &known.configured, (None, None), None).await?;
    tx.wrote(Topic::Connections);
    Ok(feeds)
}

/// The worker's word on the circuit; `since` moves only when the state does. Every state but closed has a reason.
pub async fn save_circuit(
    tx: &mut Tx,
    connection_id: ConnectionId,
    state: CircuitState,
    reason: Option<&str>,
    retry_at: Option<DateTime<Utc>>,
) -> Result<(), StoreError> {
    let now = tx.now();
    sqlx::query!(
        r#"
        update connection
        set circuit_since = case when circuit = $2 then circuit_since else $5 end,
            circuit = $2, circuit_reason = $3, circuit_retry_at = $4
        where connection_id = $1
        "#,
        connection_id.0,
        state.as_str(),
        reason,
        retry_at,
        now,
    )
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// Notes that the system answered as it should; to ten seconds, so that a busy connection does not write a row for it with
/// every call.
pub async fn answered(tx: &mut Tx, connection_id: ConnectionId) -> Result<(), StoreError> {
    let now = tx.now();
    sqlx::query!(
        r#"
        update connection
        set last_ok_at = $2
        where connection_id = $1 and (last_ok_at is null or last_ok_at < $2::timestamptz - interval '10 seconds')
        "#,
        connection_id.0,
        now
    )
    .execute(tx.sql())
    .await?;
    Ok(())
}

async fn get_locked(tx: &mut Tx, connection_id: ConnectionId) -> Result<Connection, CommandError> {
    sqlx::query!("select connection_id from connection where connection_id = $1 for update", connection_id.0)
        .fetch_optional(tx.sql())
        .await?;
    get(tx, connection_id).await
}

fn check(configured: &Configured) -> Result<(), CommandError> {
    let length = configured.name.trim().chars().count();
    if length == 0 || length > LONGEST_NAME {
        return Err(CommandError::Invalid(format!("Give the connection a name of 1 to {LONGEST_NAME} characters.")));
    }
    if !(1..=64).contains(&configured.in_flight_limit) {
        return Err(CommandError::Invalid("Choose 1 to 64 deliveries under way at once.".to_owned()));
    }
    Ok(())
}

fn explain(error: sqlx::Error, name: &str) -> CommandError {
    match constraint(&error) {
        Some("connection_name_key") => {
            CommandError::Invalid(format!("There is already a connection called {}. Choose another name.", name.trim()))
        }
        Some("connection_plant_id_fkey") => {
            CommandError::Invalid("There is no such plant. Reload the page and choose one from the list.".to_owned())
        }
        _ => error.into(),
    }
}

fn shown(configured: &Configured) -> Value {
    json!({
        "name": configured.name.trim(), "plant_id": configured.plant_id, "takes": configured.takes.as_str(),
        "stage": configured.stage, "settings": configured.settings, "in_flight_limit": configured.in_flight_limit,
    })
}

async fn note(
    tx: &mut Tx,
    action: &str,
    connection_id: ConnectionId,
    configured: &Configured,
    (before, after): (Option<Value>, Option<Value>),
    reason: Option<String>,
) -> Result<(), StoreError> {
    audit::append(
        tx,
        audit::Entry {
            action,
            object_kind: "connection",
            object_id: connection_id.to_string(),
            before,
            after,
            reason,
            plant_id: configured.plant_id,
            supplier_id: None,
        },
    )
    .await
}
