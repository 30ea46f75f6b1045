//! Sessions of browsers: tower-sessions over [`store::sessions`].
//!
//! The cookie holds 128 random bits; the table holds their SHA-256. The person is a column of the row and is read with it,
//! so that ending a session or disabling a person or supplier counts from the next request on. The times are kept by the
//! table as well, so the cookie itself ends with the browser.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value};
use store::sessions::{self, ADDRESS, AGENT, Lifetimes, NewSession, PERSON, SignedIn};
use store::{Store, StoreError, Tx, Who};
use time::OffsetDateTime;
use tower_sessions::cookie::SameSite;
use tower_sessions::session::{Id, Record};
use tower_sessions::{Expiry, SessionManagerLayer, SessionStore, session_store};

/// Use is noted at most this often, or every page would write.
const NOTED_EVERY: TimeDelta = TimeDelta::minutes(1);

/// The layer for pages and forms.
pub fn layer(store: Store, lifetimes: Lifetimes, secure: bool) -> SessionManagerLayer<Sessions> {
    SessionManagerLayer::new(Sessions { store, lifetimes })
        // The prefix makes browsers refuse the cookie from anywhere but this host, over TLS.
        .with_name(cookie_name(secure))
        .with_secure(secure)
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        .with_path("/")
        .with_expiry(Expiry::OnSessionEnd)
}

/// What the cookie is called.
pub const fn cookie_name(secure: bool) -> &'static str {
    if secure { "__Host-interlock" } else { "interlock" }
}

/// Sessions in PostgreSQL.
#[derive(Debug, Clone)]
pub struct Sessions {
    store: Store,
    lifetimes: Lifetimes,
}

impl Sessions {
    fn who(&self) -> Who {
        Who::program("sessions", self.store.new_correlation())
    }

    async fn begin(&self) -> session_store::Result<Tx> {
        self.store.begin(self.who()).await.map_err(failed)
    }
}

#[async_trait]
impl SessionStore for Sessions {
    async fn create(&self, record: &mut Record) -> session_store::Result<()> {
        let mut data: Map<String, Value> = record.data.clone().into_iter().collect();
        let person = data.remove(PERSON).and_then(|person| serde_json::from_value::<SignedIn>(person).ok());
        let mut text = |key| data.remove(key).and_then(|value| value.as_str().map(str::to_owned));
        let (address, agent) = (text(ADDRESS), text(AGENT));
        let session = NewSession { data, person_id: person.map(|person| person.person_id), address, agent };
        let mut tx = self.begin().await?;
        // An id that is taken violates the key: 2^-128 is not worth a loop, an error is right.
        sessions::add(&mut tx, &record.id.to_string(), &session, self.lifetimes).await.map_err(failed)?;
        tx.commit().await.map_err(failed)
    }

    async fn save(&self, record: &Record) -> session_store::Result<()> {
        let mut data: Map<String, Value> = record.data.clone().into_iter().collect();
        data.retain(|key, _| ![PERSON, ADDRESS, AGENT].contains(&key.as_str()));
        let mut tx = self.begin().await?;
        sessions::save(&mut tx, &record.id.to_string(), &data).await.map_err(failed)?;
        tx.commit().await.map_err(failed)
    }

    async fn load(&self, id: &Id) -> session_store::Result<Option<Record>> {
        let cookie = id.to_string();
        let mut tx = self.store.read(self.who()).await.map_err(failed)?;
        let found = sessions::get(&mut tx, &cookie).await.map_err(failed)?;
        let now = tx.now();
        tx.commit().await.map_err(failed)?;
        let Some(session) = found else { return Ok(None) };
        if session.seen_at + NOTED_EVERY < now {
            let mut tx = self.begin().await?;
            sessions::touch(&mut tx, &cookie, self.lifetimes).await.map_err(failed)?;
            tx.commit().await.map_err(failed)?;
        }
        let mut data: std::collections::HashMap<String, Value> = session.data.into_iter().collect();
        if let Some(person) = session.person {
            let person =
                serde_json::to_value(person).map_err(|error| session_store::Error::Encode(error.to_string()))?;
            data.insert(PERSON.to_owned(), person);
        }
        Ok(Some(Record { id: *id, data, expiry_date: offset(session.expires_at) }))
    }

    async fn delete(&self, id: &Id) -> session_store::Result<()> {
        let mut tx = self.begin().await?;
        sessions::end(&mut tx, &id.to_string()).await.map_err(failed)?;
        tx.commit().await.map_err(failed)
    }
}

/// Into the time of tower-sessions.
fn offset(at: DateTime<Utc>) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(at.timestamp()).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err calls")]
fn failed(error: StoreError) -> session_store::Error {
    session_store::Error::Backend(format!("{error}: {:?}", std::error::Error::source(&error).map(ToString::to_string)))
}
