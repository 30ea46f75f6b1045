//! `GET /live`: tells open pages that they are no longer the latest, as server-sent events.
//!
//! One reader per process looks at the end of the log, woken by commits of this process and once a second for those of
//! others, and only while somebody listens. Each listener is told only of what lies within the scope that his session has;
//! he is told *that* something happened to what he asked about, never what. Once a second all open sessions are looked up
//! in one statement: one that was ended, or whose person or supplier was disabled, is cut off.
//!
//! `?subject=<id>` listens to one thing (its events, and its deliveries); `?kinds=order,shipment` to all of a kind.

use std::collections::{HashMap, HashSet, VecDeque};
use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use app::error::AppError;
use axum::extract::{Query, State as Given};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use domain::access::{Actor, Scope};
use domain::event::SubjectKind;
use domain::id::CorrelationId;
use domain::text::UnknownWord;
use futures::stream::{self, Stream};
use serde::Deserialize;
use store::news::{self, News};
use store::sessions::{self, PERSON, SignedIn};
use store::signal::Topic;
use store::{Store, StoreError, Who};
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;
use tower_sessions::Session;
use uuid::Uuid;

use crate::answers::refuse;
use crate::state::State;

/// How often the log, the deliveries and the sessions are looked at, at the least.
const LOOK: Duration = Duration::from_secs(1);
/// So many commits in a row are one look.
const GATHER: Duration = Duration::from_millis(100);
/// A listener who falls further behind is told that something happened, and goes on from there.
const BEHIND: usize = 1_024;
/// Positions that are remembered, so that the overlap of two looks is told once.
const REMEMBERED: usize = 4_096;
/// Open pages of one process at the most; whoever comes later has to reload by hand.
const LISTENERS: usize = 5_000;
/// Open pages of one session at the most.
const PER_SESSION: usize = 12;
/// A proxy that hears nothing for longer may cut the line.
const ALIVE: Duration = Duration::from_secs(20);

/// Tells open pages of this process what is new.
#[derive(Debug, Clone)]
pub struct Live(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    news: broadcast::Sender<Arc<[News]>>,
    /// Moves when any delivery did.
    deliveries: watch::Sender<Option<DateTime<Utc>>>,
    listeners: Mutex<HashMap<u64, Listener>>,
    next: AtomicU64,
    stop: CancellationToken,
}

#[derive(Debug)]
struct Listener {
    /// The cookie's value of the session; only its hash is stored anywhere else.
    session: String,
    cut: CancellationToken,
}

impl Live {
    /// Starts the reader; it ends, with every line to a page, when `stop` is cancelled.
    pub fn start(store: Store, stop: CancellationToken) -> Self {
        let live = Self(Arc::new(Inner {
            news: broadcast::Sender::new(BEHIND),
            deliveries: watch::Sender::new(None),
            listeners: Mutex::default(),
            next: AtomicU64::new(0),
            stop: stop.clone(),
        }));
        tokio::spawn(read(live.clone(), store, stop));
        live
    }

    /// Ends every line to a page, so that the doors can close.
    pub fn stop(&self) {
        self.0.stop.cancel();
    }

    /// How many pages listen.
    pub fn listeners(&self) -> usize {
        self.listening().len()
    }

    fn listening(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Listener>> {
        self.0.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes room for one more, unless there are too many.
    fn admit(&self, session: String) -> Result<Seat, AppError> {
        let mut listening = self.listening();
        let own = listening.values().filter(|listener| listener.session == session).count();
        if listening.len() >= LISTENERS || own >= PER_SESSION {
            return Err(AppError::TooMany { seconds: 60 });
        }
        let (number, cut) = (self.0.next.fetch_add(1, Ordering::Relaxed), self.0.stop.child_token());
        listening.insert(number, Listener { session, cut: cut.clone() });
        Ok(Seat { live: self.clone(), number, cut })
    }
}

/// One listener's place; given back when the line is gone.
#[derive(Debug)]
struct Seat {
    live: Live,
    number: u64,
    cut: CancellationToken,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.live.listening().remove(&self.number);
    }
}

/// Looks at the log while somebody listens.
async fn read(live: Live, store: Store, stop: CancellationToken) {
    let mut written = store.signals().subscribe(Topic::Deliveries);
    let mut tail = Tail::default();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK) => {}
            changed = written.changed() => {
                if changed.is_err() {
                    return;
                }
                tokio::time::sleep(GATHER).await;
                written.mark_unchanged();
            }
        }
        if live.listeners() == 0 {
            tail = Tail::default();
            continue;
        }
        if let Err(problem) = look(&live, &store, &mut tail).await {
            tracing::warn!(error = &problem as &dyn std::error::Error, "Open pages are not told of news for a moment");
        }
    }
}

/// How far the log was seen, and what of it lately.
#[derive(Debug, Default)]
struct Tail {
    last: Option<i64>,
    seen: HashSet<i64>,
    order: VecDeque<i64>,
}

impl Tail {
    /// What of these was not seen before.
    fn fresh(&mut self, found: Vec<News>) -> Vec<News> {
        found
            .into_iter()
            .filter(|news| {
                self.last = self.last.max(Some(news.position));
                let fresh = self.seen.insert(news.position);
                if fresh {
                    self.order.push_back(news.position);
                    if self.order.len() > REMEMBERED
                        && let Some(oldest) = self.order.pop_front()
                    {
                        self.seen.remove(&oldest);
                    }
                }
                fresh
            })
            .collect()
    }
}

async fn look(live: &Live, store: &Store, tail: &mut Tail) -> Result<(), StoreError> {
    let cookies: Vec<(u64, String)> =
        live.listening().iter().map(|(number, listener)| (*number, listener.session.clone())).collect();
    let (numbers, cookies): (Vec<u64>, Vec<String>) = cookies.into_iter().unzip();
    let mut tx = store.read(Who::program("live", store.new_correlation())).await?;
    let alive = sessions::alive(&mut tx, &cookies).await?;
    let begins = tail.last.is_none();
    let from = match tail.last {
        Some(last) => last,
        None => news::end(&mut tx).await?,
    };
    let found = news::since(&mut tx, from).await?;
    let moved = news::deliveries_moved_at(&mut tx).await?;
    tx.commit().await?;

    for (number, _) in numbers.iter().zip(alive).filter(|(_, alive)| !alive) {
        if let Some(listener) = live.listening().get(number) {
            listener.cut.cancel();
        }
    }
    tail.last = tail.last.max(Some(from));
    let fresh = tail.fresh(found);
    // The first look only learns where the end is.
    if !begins && !fresh.is_empty() {
        let _ = live.0.news.send(fresh.into());
    }
    live.0.deliveries.send_if_modified(|known| std::mem::replace(known, moved) != moved);
    Ok(())
}

/// What a page listens to.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Asked {
    subject: Option<Uuid>,
    kinds: Option<String>,
}

/// What a listener wants to know, and may.
#[derive(Debug, Clone)]
struct Ear {
    scope: Scope,
    subject: Option<Uuid>,
    kinds: Vec<SubjectKind>,
}

impl Ear {
    fn hears(&self, news: &News) -> bool {
        let within = match &self.scope {
            Scope::All => true,
            Scope::Plants(plants) => news.plant_id.is_some_and(|plant| plants.iter().any(|own| own.0 == plant)),
            Scope::Suppliers(own) => news.supplier_id.is_some_and(|supplier| own.iter().any(|it| it.0 == supplier)),
        };
        let about =
            self.subject == Some(news.subject_id) || self.kinds.iter().any(|kind| kind.as_str() == news.subject_kind);
        within && about
    }
}

/// Opens a line to a page.
pub async fn listen(
    Given(state): Given<State>,
    session: Session,
    correlation: Option<axum::Extension<CorrelationId>>,
    Query(asked): Query<Asked>,
) -> Response {
    let correlation = correlation.map_or_else(|| state.house.store.new_correlation(), |given| given.0);
    match open(&state, &session, correlation, &asked).await {
        Ok(stream) => {
            let mut response = Sse::new(stream).keep_alive(KeepAlive::new().interval(ALIVE)).into_response();
            response.headers_mut().insert(http::header::CACHE_CONTROL, http::HeaderValue::from_static("no-store"));
            response
        }
        Err(error) => refuse(error),
    }
}

async fn open(
    state: &State,
    session: &Session,
    correlation: CorrelationId,
    asked: &Asked,
) -> Result<impl Stream<Item = Result<Event, Infallible>> + use<>, AppError> {
    let internal = || AppError::Internal { correlation: correlation.to_string() };
    let person = session.get::<SignedIn>(PERSON).await.map_err(|_| internal())?.ok_or(AppError::NotSignedIn)?;
    let cookie = session.id().ok_or(AppError::NotSignedIn)?.to_string();
    let kinds = asked.kinds.as_deref().unwrap_or_default().split(',').filter(|word| !word.is_empty());
    let kinds: Vec<SubjectKind> = kinds
        .map(str::parse)
        .collect::<Result<_, UnknownWord>>()
        .map_err(|problem| AppError::Malformed { status: 400, message: format!("{problem}.") })?;
    let ear = Ear { scope: person.scope.clone(), subject: asked.subject, kinds };
    let who = Who {
        actor: Actor::Person { person_id: person.person_id, name: person.name, roles: person.roles },
        scope: person.scope,
        correlation,
        address: None,
    };
    // Subscribed before the page is told that it is listened to: what happens from now on is heard.
    let line = Line {
        news: state.live.0.news.subscribe(),
        deliveries: state.live.0.deliveries.subscribe(),
        seat: state.live.admit(cookie)?,
        store: state.house.store.clone(),
        who,
        deliveries_seen: None,
        ear,
        greeted: false,
    };
    Ok(stream::unfold(line, |mut line| async move {
        let event = line.next().await?;
        Some((Ok(event), line))
    }))
}

/// One line to a page.
struct Line {
    news: broadcast::Receiver<Arc<[News]>>,
    deliveries: watch::Receiver<Option<DateTime<Utc>>>,
    seat: Seat,
    store: Store,
    who: Who,
    deliveries_seen: Option<String>,
    ear: Ear,
    greeted: bool,
}

impl Line {
    /// The next thing to say; none when the line ends.
    async fn next(&mut self) -> Option<Event> {
        if !self.greeted {
            self.greeted = true;
            self.deliveries.mark_unchanged();
            self.deliveries_seen = self.deliveries_now().await;
            return Some(Event::default().event("listening").data("0"));
        }
        loop {
            tokio::select! {
                () = self.seat.cut.cancelled() => return None,
                heard = self.news.recv() => {
                    let count = match heard {
                        Ok(news) => news.iter().filter(|news| self.ear.hears(news)).count(),
                        Err(broadcast::error::RecvError::Lagged(_)) => 1,
                        Err(broadcast::error::RecvError::Closed) => return None,
                    };
                    if count > 0 {
                        return Some(told(count));
                    }
                }
                changed = self.deliveries.changed(), if self.ear.subject.is_some() => {
                    changed.ok()?;
                    let now = self.deliveries_now().await;
                    if now.is_some() && now != self.deliveries_seen {
                        self.deliveries_seen = now;
                        return Some(told(1));
                    }
                }
            }
        }
    }

    /// What became of the deliveries of the thing, within the listener's own scope.
    async fn deliveries_now(&self) -> Option<String> {
        let subject = self.ear.subject?;
        let seen = async {
            let mut tx = self.store.read(self.who.clone()).await?;
            let seen = news::deliveries_of(&mut tx, subject).await?;
            tx.commit().await?;
            Ok::<_, StoreError>(seen)
        };
        seen.await.ok()
    }
}

fn told(count: usize) -> Event {
    Event::default().event("news").data(count.to_string())
}

#[cfg(test)]
mod tests {
    use domain::id::{PlantId, SupplierId};

    use super::*;

    fn news(position: i64, supplier: u128, subject: u128) -> News {
        News {
            position,
            subject_kind: "order".to_owned(),
            subject_id: Uuid::from_u128(subject),
            plant_id: Some(Uuid::from_u128(9)),
            supplier_id: Some(Uuid::from_u128(supplier)),
        }
    }

    #[test]
    fn a_supplier_hears_only_of_his_own_orders() {
        let ear = Ear {
            scope: Scope::Suppliers(vec![SupplierId(Uuid::from_u128(1))]),
            subject: None,
            kinds: vec![SubjectKind::Order],
        };
        assert!(ear.hears(&news(1, 1, 5)));
        assert!(!ear.hears(&news(2, 2, 6)));
        let of_another = Ear { subject: Some(Uuid::from_u128(6)), kinds: Vec::new(), ..ear };
        assert!(!of_another.hears(&news(2, 2, 6)), "not even when he knows its id");
    }

    #[test]
    fn somebody_of_a_plant_hears_only_of_that_plant_and_of_what_he_asked_for() {
        let ear = Ear {
            scope: Scope::Plants(vec![PlantId(Uuid::from_u128(9))]),
            subject: Some(Uuid::from_u128(5)),
            kinds: Vec::new(),
        };
        assert!(ear.hears(&news(1, 1, 5)));
        assert!(!ear.hears(&news(2, 1, 6)));
        let elsewhere = Ear { scope: Scope::Plants(vec![PlantId(Uuid::from_u128(8))]), ..ear };
        assert!(!elsewhere.hears(&news(1, 1, 5)));
    }

    #[test]
    fn what_two_looks_overlap_in_is_told_once() {
        let mut tail = Tail::default();
        assert_eq!(tail.fresh(vec![news(1, 1, 1), news(3, 1, 1)]).len(), 2);
        let late = tail.fresh(vec![news(1, 1, 1), news(2, 1, 1), news(3, 1, 1), news(4, 1, 1)]);
        assert_eq!(late.iter().map(|news| news.position).collect::<Vec<_>>(), [2, 4]);
        assert_eq!(tail.last, Some(4));
    }
}
