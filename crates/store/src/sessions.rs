//! Signed-in browsers. The id is kept as the SHA-256 of what the cookie holds; the person stands on the row.
//!
//! A session is read together with the person, his roles, suppliers and plants, in one statement: whoever is disabled, or
//! whose session was ended, is a stranger with the next request. Sessions end after a time without use (`idle`) and at
//! the latest after `absolute`, counted from the sign-in, which always makes a new row with a new id.

use chrono::{DateTime, TimeDelta, Utc};
use domain::access::{Role, Scope};
use domain::id::{PersonId, PlantId, SupplierId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::error::StoreError;
use crate::tx::Tx;

/// Under this key the session's data holds a [`SignedIn`]: filled from the person's own rows with every request, and
/// never kept with the session.
pub const PERSON: &str = "person";

/// Under these keys a new session's data holds where it is used; they become columns of its row.
pub const ADDRESS: &str = "address";
/// What the browser calls itself.
pub const AGENT: &str = "agent";

/// How long sessions last.
#[derive(Debug, Clone, Copy)]
pub struct Lifetimes {
    /// Without use.
    pub idle: TimeDelta,
    /// From the sign-in, used or not.
    pub absolute: TimeDelta,
    /// Of a browser in which nobody is signed in: long enough to try a password again.
    pub stranger: TimeDelta,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self { idle: TimeDelta::hours(8), absolute: TimeDelta::hours(24), stranger: TimeDelta::minutes(30) }
    }
}

/// The person signed in, as of this request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedIn {
    /// Who.
    pub person_id: PersonId,
    /// The name to sign in with.
    pub email: String,
    /// Full name.
    pub name: String,
    /// What he is here for.
    pub roles: Vec<Role>,
    /// What he may see.
    pub scope: Scope,
    /// IANA time zone.
    pub zone: String,
    /// `light`, `dark`, or none.
    pub theme: Option<String>,
    /// Names of the own suppliers.
    pub suppliers: Vec<String>,
}

/// What a browser's session holds.
#[derive(Debug, Clone)]
pub struct Session {
    /// Notices, held forms and the like.
    pub data: Map<String, Value>,
    /// Who is signed in.
    pub person: Option<SignedIn>,
    /// When it ends unless it is used.
    pub expires_at: DateTime<Utc>,
    /// When its use was last noted.
    pub seen_at: DateTime<Utc>,
}

/// A session to be kept.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// What it holds.
    pub data: Map<String, Value>,
    /// Who is signed in.
    pub person_id: Option<PersonId>,
    /// Where the browser is.
    pub address: Option<String>,
    /// What the browser calls itself.
    pub agent: Option<String>,
}

/// One's own session, or another's for an administrator, for a list.
#[derive(Debug, Clone)]
pub struct SessionView {
    /// The hash, as its name.
    pub session_id: String,
    /// Since when.
    pub created_at: DateTime<Utc>,
    /// Last use, to the minute.
    pub seen_at: DateTime<Utc>,
    /// Where from.
    pub address: Option<String>,
    /// The browser.
    pub agent: Option<String>,
}

/// What is kept of the cookie's value.
fn kept(cookie: &str) -> String {
    hex(&Sha256::digest(cookie.as_bytes()))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The living session behind a cookie. None where it ended, ran out, or its person may not be here any more.
pub async fn get(tx: &mut Tx, cookie: &str) -> Result<Option<Session>, StoreError> {
    let (id, now) = (kept(cookie), tx.now());
    let row = sqlx::query!(
        r#"
        select s.data, s.expires_at, s.seen_at, s.person_id,
            p.email as "email?", p.name as "name?", p.zone as "zone?", p.theme, p.disabled_at,
            array(select r.role from person_role r where r.person_id = s.person_id order by r.role) as "roles!",
            array(select l.plant_id from person_plant l where l.person_id = s.person_id) as "plants!",
            array(select l.supplier_id from person_supplier l join supplier using (supplier_id)
                where l.person_id = s.person_id and supplier.disabled_at is null order by supplier.number) as "suppliers!",
            array(select supplier.name from person_supplier l join supplier using (supplier_id)
                where l.person_id = s.person_id and supplier.disabled_at is null order by supplier.number) as "supplier_names!"
        from session s
        left join person p on p.person_id = s.person_id
        where s.session_id = $1 and s.expires_at > $2
        "#,
        id,
        now,
    )
    .fetch_optional(tx.sql())
    .await?;
    let Some(row) = row else { return Ok(None) };
    let person = match (row.person_id, row.email, row.name, row.zone) {
        (Some(person_id), Some(email), Some(name), Some(zone)) => {
            let roles = read_roles(&row.roles)?;
            let scope = scope_of(&roles, &row.suppliers, &row.plants);
            if row.disabled_at.is_some() || scope == Scope::Suppliers(Vec::new()) {
                return Ok(None);
            }
            Some(SignedIn {
                person_id: PersonId(person_id),
                email,
                name,
                roles,
                scope,
                zone,
                theme: row.theme,
                suppliers: row.supplier_names,
            })
        }
        _ => None,
    };
    let data = match row.data {
        Value::Object(data) => data,
        _ => Map::new(),
    };
    Ok(Some(Session { data, person, expires_at: row.expires_at, seen_at: row.seen_at }))
}

/// The scope that roles give. Whoever has a supplier's role sees that supplier's rows and no others, whatever else he is.
pub(crate) fn scope_of(roles: &[Role], suppliers: &[Uuid], plants: &[Uuid]) -> Scope {
    if roles.iter().any(|role| role.is_supplier()) {
        Scope::Suppliers(suppliers.iter().copied().map(SupplierId).collect())
    } else if roles.iter().any(|role| matches!(role, Role::Administrator | Role::IntegrationAdmin)) {
        Scope::All
    } else {
        Scope::Plants(plants.iter().copied().map(PlantId).collect())
    }
}

pub(crate) fn read_roles(words: &[String]) -> Result<Vec<Role>, StoreError> {
    words.iter().map(|word| word.parse().map_err(|_| StoreError::unreadable("role", word))).collect()
}

/// Which of these cookies' sessions are still alive and their people still welcome: for connections that stay open.
pub async fn alive(tx: &mut Tx, cookies: &[String]) -> Result<Vec<bool>, StoreError> {
    let ids: Vec<String> = cookies.iter().map(|cookie| kept(cookie)).collect();
    let now = tx.now();
    let rows = sqlx::query!(
        r#"
        select s.session_id
        from session s
        join person p using (person_id)
        where s.session_id = any($1) and s.expires_at > $2 and p.disabled_at is null
          and (not exists (select from person_supplier l where l.person_id = p.person_id)
               or exists (select from person_supplier l join supplier using (supplier_id)
                          where l.person_id = p.person_id and supplier.disabled_at is null))
        "#,
        &ids,
        now,
    )
    .fetch_all(tx.sql())
    .await?;
    let living: std::collections::HashSet<String> = rows.into_iter().map(|row| row.session_id).collect();
    Ok(ids.iter().map(|id| living.contains(id)).collect())
}

/// Keeps a new session.
pub async fn add(tx: &mut Tx, cookie: &str, session: &NewSession, lifetimes: Lifetimes) -> Result<(), StoreError> {
    let (id, now) = (kept(cookie), tx.now());
    let lasts = if session.person_id.is_some() { lifetimes.idle.min(lifetimes.absolute) } else { lifetimes.stranger };
    sqlx::query!(
        r#"
        insert into session (session_id, person_id, data, created_at, seen_at, expires_at, address, agent)
        values ($1, $2, $3, $4, $4, $5, $6, $7)
        "#,
        id,
        session.person_id.map(|id| id.0),
        Value::Object(session.data.clone()),
        now,
        now + lasts,
        session.address,
        session.agent,
    )
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// Saves what a session holds. One that was ended meanwhile stays ended, and nobody changes whose it is.
pub async fn save(tx: &mut Tx, cookie: &str, data: &Map<String, Value>) -> Result<(), StoreError> {
    let id = kept(cookie);
    sqlx::query!("update session set data = $2 where session_id = $1", id, Value::Object(data.clone()))
        .execute(tx.sql())
        .await?;
    Ok(())
}

/// Notes that a session is in use, and moves its end. Called at most once a minute.
pub async fn touch(tx: &mut Tx, cookie: &str, lifetimes: Lifetimes) -> Result<(), StoreError> {
    let (id, now) = (kept(cookie), tx.now());
    sqlx::query!(
        r#"
        update session
        set seen_at = $2,
            expires_at = case when person_id is null then $3 else least($4, created_at + make_interval(secs => $5)) end
        where session_id = $1
        "#,
        id,
        now,
        now + lifetimes.stranger,
        now + lifetimes.idle,
        seconds(lifetimes.absolute),
    )
    .execute(tx.sql())
    .await?;
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "an interval of days in seconds is far below 2^52")]
const fn seconds(time: TimeDelta) -> f64 {
    time.num_seconds() as f64
}

/// Ends one session.
pub async fn end(tx: &mut Tx, cookie: &str) -> Result<(), StoreError> {
    let id = kept(cookie);
    sqlx::query!("delete from session where session_id = $1", id).execute(tx.sql()).await?;
    Ok(())
}

/// Ends all sessions of a person and says how many there were.
pub async fn end_all(tx: &mut Tx, person: PersonId) -> Result<u64, StoreError> {
    Ok(sqlx::query!("delete from session where person_id = $1", person.0).execute(tx.sql()).await?.rows_affected())
}

/// The living sessions of a person, the latest used first, at most 50.
pub async fn list(tx: &mut Tx, person: PersonId) -> Result<Vec<SessionView>, StoreError> {
    let now = tx.now();
    Ok(sqlx::query_as!(
        SessionView,
        r#"
        select session_id, created_at, seen_at, address, agent
        from session
        where person_id = $1 and expires_at > $2
        order by seen_at desc
        limit 50
        "#,
        person.0,
        now,
    )
    .fetch_all(tx.sql())
    .await?)
}

/// Removes what ran out, at most 1,000 at a time, and says how many.
pub async fn sweep(tx: &mut Tx) -> Result<u64, StoreError> {
    let now = tx.now();
    let swept = sqlx::query!(
        "delete from session where session_id in (select session_id from session where expires_at <= $1 order by expires_at limit 1000 for update skip locked)",
        now
    )
    .execute(tx.sql())
    .await?;
    Ok(swept.rows_affected())
}
