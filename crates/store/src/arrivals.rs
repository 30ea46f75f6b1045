//! The one way in: every message of another system, kept raw before anybody tries to understand it.
//!
//! A message is known by (connection, external key) and stored once; when it comes again it is counted and gets the first
//! outcome. The same key with other content is not the same message: it is kept under a key of its own and waits for a
//! person. Messages about one subject are applied in the order in which they came.
//!
//! ```text
//!   accept ──► received ──lease──► applied · refused · not understood
//!                 ▲  │                │            │          │
//!                 │  └──► retrying    └──── reapply by a person, with a reason
//!                 │        (ours)                  │
//!                 └────────────────────────────────┘
//! ```
//!
//! A lease is the row's lock: it lasts as long as the transaction that applies the message, is gone when its worker dies,
//! and while it lasts nobody else applies anything about the same subject.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::access::{Action, may};
use domain::exchange::ArrivalState;
use domain::id::{ArrivalId, ConnectionId, CorrelationId};
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::audit;
use crate::error::{CommandError, StoreError};
use crate::orders::read_word;
use crate::signal::Topic;
use crate::tx::Tx;

/// The longest key and subject that are kept as they are, in bytes; of a longer one the beginning and a hash.
const LONGEST_KEY: usize = 800;

/// A message as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incoming {
    /// Identifies this content at its sender.
    pub external_key: String,
    /// What it is about at its sender; messages about one thing are applied in order.
    pub subject: String,
    /// Which feed or push channel it came through.
    pub channel: String,
    /// E.g. `application/json`.
    pub content_type: String,
    /// As received.
    pub body: String,
    /// What everything that follows from it will belong to.
    pub correlation: CorrelationId,
}

/// Where a message is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Its row; for a repeat, that of the first one.
    pub arrival_id: ArrivalId,
    /// It came for the first time.
    pub is_new: bool,
    /// What became of it so far.
    pub state: ArrivalState,
    /// The same in words, once it is known.
    pub outcome: Option<String>,
    /// The arrival that had its key before, with other content.
    pub conflicts_with: Option<ArrivalId>,
}

/// Stores messages, in their order, and gives for each where it is. What came before is counted, not stored again.
pub async fn accept(
    tx: &mut Tx,
    connection_id: ConnectionId,
    messages: &[Incoming],
) -> Result<Vec<Accepted>, StoreError> {
    let messages: Vec<Incoming> = messages.iter().map(storable).collect();
    let mut hashes = Vec::with_capacity(messages.len());
    // One statement cannot touch a row twice: what is twice in this batch is sorted out first.
    let mut first_of_key: HashMap<&str, usize> = HashMap::new();
    let mut again = vec![0_i32; messages.len()];
    let mut stored_as = vec![None; messages.len()];
    for (index, message) in messages.iter().enumerate() {
        hashes.push(hash(message));
        match first_of_key.get(message.external_key.as_str()) {
            None => {
                first_of_key.insert(&message.external_key, index);
                stored_as[index] = Some(index);
            }
            Some(&first) if hashes[first] == hashes[index] => {
                again[first] += 1;
                stored_as[index] = Some(first);
            }
            Some(_) => {}
        }
    }
    let firsts: Vec<usize> = (0..messages.len()).filter(|index| stored_as[*index] == Some(*index)).collect();
    let mut accepted: Vec<Option<Accepted>> = vec![None; messages.len()];
    for (index, one) in insert(tx, connection_id, &messages, &hashes, &again, &firsts).await? {
        accepted[index] = Some(one);
    }
    for index in 0..messages.len() {
        if accepted[index].is_some() {
            continue;
        }
        let earlier = stored_as[index].filter(|first| *first < index).and_then(|first| accepted[first].clone());
        accepted[index] = Some(match earlier {
            Some(first) => Accepted { is_new: false, ..first },
            None => conflict(tx, connection_id, &messages[index], &hashes[index]).await?,
        });
    }
    tx.wrote(Topic::Arrivals);
    Ok(accepted.into_iter().flatten().collect())
}

/// As PostgreSQL can keep it: its text has no zero character, and an index entry has an end. A sender's oddity must not
/// keep the rest of its feed from being stored.
fn storable(message: &Incoming) -> Incoming {
    let text = |text: &str| text.replace('\0', "\u{fffd}");
    let key = |given: &str| {
        let given = text(given);
        if given.len() <= LONGEST_KEY {
            return given;
        }
        let beginning: String = given.chars().take(LONGEST_KEY / 8).collect();
        format!("{beginning}…{}", short(&Sha256::digest(&given)))
    };
    Incoming {
        external_key: key(&message.external_key),
        subject: key(&message.subject),
        channel: text(&message.channel),
        content_type: text(&message.content_type),
        body: text(&message.body),
        correlation: message.correlation,
    }
}

fn short(digest: &[u8]) -> String {
    digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

fn hash(message: &Incoming) -> Vec<u8> {
    let mut digest = Sha256::new();
    digest.update(message.content_type.as_bytes());
    digest.update([0]);
    digest.update(message.body.as_bytes());
    digest.finalize().to_vec()
}

/// Gives the rows of those that are new or came before with the same content; the others have a key that is taken.
async fn insert(
    tx: &mut Tx,
    connection_id: ConnectionId,
    messages: &[Incoming],
    hashes: &[Vec<u8>],
    again: &[i32],
    chosen: &[usize],
) -> Result<Vec<(usize, Accepted)>, StoreError> {
    let now = tx.now();
    let ids: Vec<Uuid> = chosen.iter().map(|_| tx.new_id()).collect();
    let text = |field: fn(&Incoming) -> &String| {
        chosen.iter().map(|index| field(&messages[*index]).clone()).collect::<Vec<_>>()
    };
    let (keys, subjects, channels) = (text(|it| &it.external_key), text(|it| &it.subject), text(|it| &it.channel));
    let (types, bodies) = (text(|it| &it.content_type), text(|it| &it.body));
    let correlations: Vec<Uuid> = chosen.iter().map(|index| messages[*index].correlation.0).collect();
    let contents: Vec<Vec<u8>> = chosen.iter().map(|index| hashes[*index].clone()).collect();
    let repeats: Vec<i32> = chosen.iter().map(|index| again[*index]).collect();
    let rows = sqlx::query!(
        r#"
        insert into arrival
            (arrival_id, connection_id, external_key, subject, channel, content_type, body, content_hash, received_at, repeats,
             state, correlation_id)
        select n.id, $1, n.key, n.subject, n.channel, n.type, n.body, n.hash, $2, n.again, 'received', n.correlation
        from unnest($3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bytea[], $10::integer[], $11::uuid[])
             with ordinality as n (id, key, subject, channel, type, body, hash, again, correlation, number)
        order by n.number
        on conflict (connection_id, external_key) do update
            set repeats = arrival.repeats + 1 + excluded.repeats
            where arrival.content_hash = excluded.content_hash
        returning arrival_id, external_key, state, outcome
        "#,
        connection_id.0,
        now,
        &ids,
        &keys,
        &subjects,
        &channels,
        &types,
        &bodies,
        &contents,
        &repeats,
        &correlations,
    )
    .fetch_all(tx.sql())
    .await?;
    let place: HashMap<&str, usize> =
        chosen.iter().map(|index| (messages[*index].external_key.as_str(), *index)).collect();
    rows.into_iter()
        .filter_map(|row| place.get(row.external_key.as_str()).map(|index| (*index, row)))
        .map(|(index, row)| {
            let one = Accepted {
                arrival_id: ArrivalId(row.arrival_id),
                is_new: ids.contains(&row.arrival_id),
                state: read_word("arrival state", &row.state)?,
                outcome: row.outcome,
                conflicts_with: None,
            };
            Ok((index, one))
        })
        .collect()
}

/// Keeps a message whose key is taken by another content, under a key of its own; nobody applies it unasked.
async fn conflict(
    tx: &mut Tx,
    connection_id: ConnectionId,
    message: &Incoming,
    content: &[u8],
) -> Result<Accepted, StoreError> {
    let other = sqlx::query_scalar!(
        "select arrival_id from arrival where connection_id = $1 and external_key = $2",
        connection_id.0,
        message.external_key
    )
    .fetch_one(tx.sql())
    .await?;
    let (id, now) = (tx.new_id(), tx.now());
    let outcome = format!("same key, other content than arrival {other}");
    let row = sqlx::query!(
        r#"
        insert into arrival
            (arrival_id, connection_id, external_key, subject, channel, content_type, body, content_hash, received_at, state,
             finished_at, outcome, correlation_id)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'not_understood', $9, $10, $11)
        on conflict (connection_id, external_key) do update set repeats = arrival.repeats + 1
        returning arrival_id, state, outcome
        "#,
        id,
        connection_id.0,
        format!("{}#{}", message.external_key, short(content)),
        message.subject,
        message.channel,
        message.content_type,
        message.body,
        content,
        now,
        outcome,
        message.correlation.0,
    )
    .fetch_one(tx.sql())
    .await?;
    Ok(Accepted {
        arrival_id: ArrivalId(row.arrival_id),
        is_new: row.arrival_id == id,
        state: read_word("arrival state", &row.state)?,
        outcome: row.outcome,
        conflicts_with: Some(ArrivalId(other)),
    })
}

/// A message that is ours to apply until the transaction ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// Its id.
    pub arrival_id: ArrivalId,
    /// Where it came from.
    pub connection_id: ConnectionId,
    /// See [`Incoming`].
    pub external_key: String,
    /// See [`Incoming`].
    pub subject: String,
    /// See [`Incoming`].
    pub channel: String,
    /// See [`Incoming`].
    pub content_type: String,
    /// See [`Incoming`].
    pub body: String,
    /// What everything that follows from it belongs to.
    pub correlation: CorrelationId,
    /// Tries before this one.
    pub attempts: u32,
}

/// Connections that are not paused and have messages to apply.
pub async fn waiting(tx: &mut Tx) -> Result<Vec<ConnectionId>, StoreError> {
    let now = tx.now();
    let ids = sqlx::query_scalar!(
        r#"
        select c.connection_id
        from connection c
        where c.paused_at is null
          and exists (
              select from arrival a
              where a.connection_id = c.connection_id and a.state in ('received', 'retrying')
                and (a.next_attempt_at is null or a.next_attempt_at <= $1)
          )
        order by c.connection_id
        limit 500
        "#,
        now
    )
    .fetch_all(tx.sql())
    .await?;
    Ok(ids.into_iter().map(ConnectionId).collect())
}

/// Subjects whose next message is due, the longest waiting first. A subject whose next one is tried again later is not
/// among them, whatever waits behind it.
pub async fn due(tx: &mut Tx, connection_id: ConnectionId, most: i64) -> Result<Vec<String>, StoreError> {
    let now = tx.now();
    Ok(sqlx::query_scalar!(
        r#"
        select a.subject
        from arrival a
        where a.connection_id = $1 and a.state in ('received', 'retrying')
          and (a.next_attempt_at is null or a.next_attempt_at <= $2)
          and not exists (
              select from arrival earlier
              where earlier.connection_id = a.connection_id and earlier.subject = a.subject
                and earlier.state in ('received', 'retrying') and earlier.sequence < a.sequence
          )
        order by a.sequence
        limit $3
        "#,
        connection_id.0,
        now,
        most
    )
    .fetch_all(tx.sql())
    .await?)
}

/// Takes the next message of a subject. None: there is none that is due, or somebody else is at it.
///
/// From here on the transaction belongs to the message's correlation, so that whatever follows from it does too.
pub async fn lease(tx: &mut Tx, connection_id: ConnectionId, subject: &str) -> Result<Option<Arrival>, StoreError> {
    let now = tx.now();
    // The first one is found before it is locked: `skip locked` on the whole lane would skip it and take the second.
    let row = sqlx::query!(
        r#"
        select arrival_id, external_key, subject, channel, content_type, body, correlation_id, attempts
        from arrival
        where arrival_id = (
                select arrival_id from arrival
                where connection_id = $1 and subject = $2 and state in ('received', 'retrying')
                order by sequence
                limit 1
            )
          and state in ('received', 'retrying') and (next_attempt_at is null or next_attempt_at <= $3)
        for update skip locked
        "#,
        connection_id.0,
        subject,
        now
    )
    .fetch_optional(tx.sql())
    .await?;
    if let Some(row) = &row {
        tx.belongs_to(CorrelationId(row.correlation_id));
    }
    Ok(row.map(|row| Arrival {
        arrival_id: ArrivalId(row.arrival_id),
        connection_id,
        external_key: row.external_key,
        subject: row.subject,
        channel: row.channel,
        content_type: row.content_type,
        body: row.body,
        correlation: CorrelationId(row.correlation_id),
        attempts: u32::try_from(row.attempts).unwrap_or(0),
    }))
}

/// What a try to apply a message came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// Understood and done.
    Applied(String),
    /// Understood, and a rule says no.
    Refused(String),
    /// Not understood; kept, to be applied again after a fix.
    NotUnderstood(String),
    /// Failed for a reason of ours.
    Retrying {
        /// When it is tried again.
        at: DateTime<Utc>,
        /// What happened.
        why: String,
    },
}

/// Writes down what a try came to. False: somebody else has finished it meanwhile, and that stands.
pub async fn finish(tx: &mut Tx, arrival_id: ArrivalId, end: &End) -> Result<bool, StoreError> {
    let now = tx.now();
    let (state, outcome, next) = match end {
        End::Applied(outcome) => (ArrivalState::Applied, outcome, None),
        End::Refused(why) => (ArrivalState::Refused, why, None),
        End::NotUnderstood(why) => (ArrivalState::NotUnderstood, why, None),
        End::Retrying { at, why } => (ArrivalState::Retrying, why, Some(*at)),
    };
    let done = sqlx::query!(
        r#"
        update arrival
        set state = $2, outcome = $3, next_attempt_at = $4, attempts = attempts + 1,
            finished_at = case when $4::timestamptz is null then $5::timestamptz end
        where arrival_id = $1 and state in ('received', 'retrying')
        "#,
        arrival_id.0,
        state.as_str(),
        outcome,
        next,
        now
    )
    .execute(tx.sql())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Sends a message through the ordinary path again, because a person says so: what could not be understood after a fix, or
/// what was applied once more. It keeps its place in the order of its subject.
pub async fn reapply(tx: &mut Tx, arrival_id: ArrivalId, reason: &str) -> Result<(), CommandError> {
    may(tx.actor(), Action::ManageExchange)?;
    let reason = reason.trim();
    if reason.is_empty() {
        return Err(CommandError::Invalid("Say why in a few words: it is kept with the message.".to_owned()));
    }
    let known =
        sqlx::query!("select state, outcome, attempts from arrival where arrival_id = $1 for update", arrival_id.0)
            .fetch_optional(tx.sql())
            .await?
            .ok_or(CommandError::NotFound { what: "arrival" })?;
    let state: ArrivalState = read_word("arrival state", &known.state)?;
    if state == ArrivalState::Received {
        return Err(CommandError::Invalid("This message waits to be applied already.".to_owned()));
    }
    sqlx::query!(
        r#"
        update arrival
        set state = 'received', attempts = 0, next_attempt_at = null, finished_at = null, outcome = null
        where arrival_id = $1
        "#,
        arrival_id.0
    )
    .execute(tx.sql())
    .await?;
    audit::append(
        tx,
        audit::Entry {
            action: "arrival.reapply",
            object_kind: "arrival",
            object_id: arrival_id.to_string(),
            before: Some(json!({ "state": state, "outcome": known.outcome, "attempts": known.attempts })),
            after: Some(json!({ "state": ArrivalState::Received })),
            reason: Some(reason.to_owned()),
            plant_id: None,
            supplier_id: None,
        },
    )
    .await?;
    tx.wrote(Topic::Arrivals);
    Ok(())
}
