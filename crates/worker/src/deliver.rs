//! The loop that takes events to one connection: the async shell around the delivery [`core`](crate::core).
//!
//! It owns nothing but a lock and a socket. The core decides; this file asks the store, calls the connector, and brings
//! both answers back. Whatever goes wrong with the store ends the core and starts over from the tables: they say what was
//! written, and what was on its way is sent again with the same key.
//!
//! ```text
//!   lock ──► fence + how things stand ──► core ◄── answers of the store (one request at a time)
//!                                          │  ◄── answers of the connector (many at a time)
//!                                          │  ◄── a wake-up after a commit, the clock, a pause
//!                                          └──► decisions: ask, send
//! ```

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use connectors::{Connector, Fault as CallFault, Link, LinkKind, Outcome as CallOutcome, Outgoing, Raw};
use domain::exchange::{CircuitState as CircuitWord, DeliveryState, TriggeredBy};
use domain::id::{ConnectionId, CorrelationId};
use domain::production::posting::Cause;
use store::arrivals::Incoming;
use store::deliveries::{self, Outbound};
use store::{Store, StoreError};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, debug, error, info, info_span, warn};
use uuid::Uuid;

use crate::core::{
    Answer, Batch, CircuitNote, CircuitState, Core, Decision, Event, Fault, Fence, Gap, Gate, Input, LogRow, Outcome,
    Page, Position, Request, Settings, Snapshot, Standing, Start, StoredDelivery, Task, Ticket, Verdict,
};

/// How often somebody who is not the owner looks whether he can be. A crashed owner's lock is free within moments.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// How often the owner makes sure that his lock's connection lives.
const CHECK_LOCK: Duration = Duration::from_secs(5);
/// A call that takes longer than this is given up; its outcome is unknown. Connectors have shorter limits of their own.
const LONGEST_CALL: Duration = Duration::from_secs(120);
/// After an error of the store.
const CATCH_BREATH: Duration = Duration::from_millis(500);

/// One connection's way out.
#[derive(Debug, Clone)]
pub struct Lane {
    /// The database.
    pub store: Store,
    /// Which connection.
    pub connection: ConnectionId,
    /// Its name, for the log.
    pub name: String,
    /// How to speak with it.
    pub connector: Arc<dyn Connector>,
    /// Limits and waits.
    pub settings: Settings,
    /// Changes whenever something was committed that may concern the way out.
    pub wake: watch::Receiver<u64>,
    /// Whether anything may be sent.
    pub gate: watch::Receiver<Gate>,
    /// A change asks an open circuit to try at once.
    pub try_now: watch::Receiver<u64>,
    /// Names this process, for the page.
    pub owner: String,
}

/// What the core carries along with an event.
#[derive(Debug, Clone)]
struct Cargo {
    outbound: Arc<Outbound>,
    probe: bool,
}

/// What an answer brought besides the outcome; written together with it.
#[derive(Debug, Default)]
struct Learned {
    /// The document that the key belongs to, kind, our key, their key.
    links: Vec<(String, String, String, String)>,
    /// Messages that the other side told in its answer.
    told: Vec<Incoming>,
    /// Why a posting was refused, by its event.
    causes: Vec<(Uuid, Cause)>,
}

impl Learned {
    fn extend(&mut self, more: Self) {
        self.links.extend(more.links);
        self.told.extend(more.told);
        self.causes.extend(more.causes);
    }
}

/// Delivers until cancelled, or until whoever opened this way out is gone (its [`Lane::gate`] is closed for good). While
/// another process owns the connection, waits for its lock.
pub async fn run(lane: Lane, cancel: CancellationToken) {
    let span = info_span!("deliver", connection.id = %lane.connection, connection.name = %lane.name);
    async {
        while !cancel.is_cancelled() && lane.gate.has_changed().is_ok() {
            match own_and_deliver(&lane, &cancel).await {
                Ok(true) => return,
                Ok(false) => sleep_unless(&cancel, LOOK_AGAIN).await,
                Err(StoreError::Deposed) => info!("another process has taken over the connection"),
                Err(problem) => {
                    warn!(error = %chain(&problem), "the way out of this connection starts over");
                    sleep_unless(&cancel, CATCH_BREATH).await;
                }
            }
        }
    }
    .instrument(span)
    .await;
}

async fn sleep_unless(cancel: &CancellationToken, wait: Duration) {
    tokio::select! {
        () = cancel.cancelled() => {}
        () = tokio::time::sleep(wait) => {}
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

/// Takes the lock and delivers until cancelled or deposed. False when somebody else has the lock.
async fn own_and_deliver(lane: &Lane, cancel: &CancellationToken) -> Result<bool, StoreError> {
    let Some(mut ownership) = deliveries::own(&lane.store, lane.connection).await? else { return Ok(false) };
    let result = deliver(lane, &mut ownership, cancel).await;
    ownership.release().await;
    result.map(|()| true)
}

async fn deliver(
    lane: &Lane,
    ownership: &mut deliveries::Ownership,
    cancel: &CancellationToken,
) -> Result<(), StoreError> {
    let clock = lane.store.clock().clone();
    let mut tx = lane.store.begin(deliveries::worker(&lane.store)).await?;
    let standing = deliveries::begin_ownership(&mut tx, lane.connection, &lane.owner).await?;
    tx.commit().await?;
    info!(reader.fence = standing.fence, reader.cursor = standing.cursor, "this process owns the connection now");

    let (mut wake, mut gate, mut try_now) = (lane.wake.clone(), lane.gate.clone(), lane.try_now.clone());
    let start = start(standing, *gate.borrow_and_update(), lane.connection);
    let mut core = Core::start(lane.settings, start, clock.now());
    let mut sends: JoinSet<(Ticket, Answer, TimeDelta, Learned)> = JoinSet::new();
    let mut asks: JoinSet<Result<Input<Cargo>, StoreError>> = JoinSet::new();
    let mut learned = Learned::default();
    let mut stopping = false;
    let mut check = tokio::time::interval(CHECK_LOCK);
    let mut input = Input::Tick;
    loop {
        for decision in core.step(input, clock.now()) {
            match decision {
                Decision::Send(task) => {
                    let _ = sends.spawn(send(lane.clone(), task).in_current_span());
                }
                Decision::Ask(request) => {
                    // What was learned travels with the write that says what it was learned from.
                    let write = matches!(request, Request::Write(_));
                    let learned = if write { std::mem::take(&mut learned) } else { Learned::default() };
                    let _ = asks.spawn(ask(lane.clone(), request, learned).in_current_span());
                }
            }
        }
        if core.is_deposed() {
            return Err(StoreError::Deposed);
        }
        if stopping && core.is_quiet() {
            return Ok(());
        }
        let wait = core.wake_at().map_or(Duration::from_secs(1), |at| (at - clock.now()).to_std().unwrap_or_default());
        input = tokio::select! {
            biased;
            Some(answered) = sends.join_next() => match answered {
                Ok((ticket, answer, took, more)) => {
                    learned.extend(more);
                    Input::Answered { ticket, answer, took }
                }
                Err(problem) => {
                    // The core still waits for this ticket; the tables know everything that matters.
                    error!(error = %problem, "a delivery broke off inside its connector");
                    return Err(StoreError::unreadable("delivery", "the connector broke off"));
                }
            },
            Some(answered) = asks.join_next() => match answered {
                Ok(result) => match result {
                    Err(StoreError::Deposed) => Input::Fenced,
                    other => other?,
                },
                Err(problem) => return Err(StoreError::unreadable("request", problem)),
            },
            // A store that is gone raises nothing more; the poll goes on.
            Ok(()) = wake.changed(), if !stopping => Input::Poke,
            changed = gate.changed(), if !stopping => {
                if changed.is_ok() {
                    Input::Gate(*gate.borrow_and_update())
                } else {
                    // Nobody is left who could pause or stop us: what is on its way is finished, nothing new is begun.
                    stopping = true;
                    Input::Gate(Gate::Paused)
                }
            }
            Ok(()) = try_now.changed(), if !stopping => Input::TryNow,
            () = cancel.cancelled(), if !stopping => {
                stopping = true;
                Input::Gate(Gate::Paused)
            }
            _ = check.tick() => {
                ownership.check().await?;
                Input::Tick
            }
            () = tokio::time::sleep(wait.min(Duration::from_secs(1))) => Input::Tick,
        };
    }
}

fn start(standing: deliveries::Standing, gate: Gate, connection: ConnectionId) -> Start {
    Start {
        fence: Fence(standing.fence),
        cursor: Position(standing.cursor),
        gaps: standing.gaps.into_iter().map(gap_in).collect(),
        troubled: standing.troubled,
        settled: standing.settled.into_iter().collect(),
        circuit: standing.circuit.map(|circuit| CircuitNote {
            state: match (circuit.state, circuit.retry_at) {
                (CircuitWord::Closed, _) => CircuitState::Closed,
                (CircuitWord::Open, Some(until)) => CircuitState::Open { until },
                _ => CircuitState::HalfOpen,
            },
            fault: circuit.class.zip(circuit.reason).map(|(class, message)| Fault { class, message }),
        }),
        gate,
        seed: connection.0.as_u64_pair().1,
    }
}

const fn gap_in(gap: deliveries::Gap) -> Gap {
    Gap { first: Position(gap.first), last: Position(gap.last), horizon: gap.horizon }
}

const fn gap_out(gap: &Gap) -> deliveries::Gap {
    deliveries::Gap { first: gap.first.0, last: gap.last.0, horizon: gap.horizon }
}

/// Executes one request of the core against the tables.
async fn ask(lane: Lane, request: Request, learned: Learned) -> Result<Input<Cargo>, StoreError> {
    let limit = |rows: usize| i64::try_from(rows).unwrap_or(i64::MAX);
    let mut tx = lane.store.begin(deliveries::worker(&lane.store)).await?;
    let input = match request {
        Request::Read { fence, after, gaps, limit: rows } => {
            let read = deliveries::ReadLog {
                fence: fence.0,
                after: after.0,
                gaps: gaps.iter().map(gap_out).collect(),
                limit: limit(rows),
                kinds: lane.connector.carries().iter().map(|kind| kind.as_str().to_owned()).collect(),
            };
            let page = deliveries::read_log(&mut tx, lane.connection, &read).await?;
            Input::Page(Page {
                found: page.found.into_iter().map(log_row).collect(),
                beyond: page.beyond.into_iter().map(log_row).collect(),
                snapshot: Snapshot { xmin: page.xmin, horizon: page.horizon },
            })
        }
        Request::Due { limit: rows } => {
            Input::Due(deliveries::due(&mut tx, lane.connection, limit(rows)).await?.into_iter().map(stored).collect())
        }
        Request::Lanes { subjects, limit: rows } => Input::Lanes(
            deliveries::lanes(&mut tx, lane.connection, &subjects, limit(rows))
                .await?
                .into_iter()
                .map(stored)
                .collect(),
        ),
        Request::Write(batch) => {
            deliveries::write(&mut tx, lane.connection, &batch_out(batch, learned)).await?;
            Input::Written
        }
    };
    tx.commit().await?;
    Ok(input)
}

fn log_row(row: deliveries::LogRow) -> LogRow<Cargo> {
    LogRow { position: Position(row.position), wanted: row.wanted.map(|outbound| event(outbound, false)) }
}

fn event(outbound: Outbound, probe: bool) -> Event<Cargo> {
    Event {
        position: Position(outbound.position),
        event_id: outbound.envelope.event_id.0,
        subject: outbound.envelope.subject.id,
        version: outbound.envelope.subject_version,
        cargo: Cargo { outbound: Arc::new(outbound), probe },
    }
}

fn stored(row: deliveries::StoredDelivery) -> StoredDelivery<Cargo> {
    StoredDelivery {
        delivery_id: row.delivery_id.0,
        attempts: u32::try_from(row.attempts).unwrap_or_default(),
        by_person: row.triggered_by != TriggeredBy::Event,
        standing: match row.state {
            DeliveryState::Retrying if row.due => Standing::Due,
            DeliveryState::Held => Standing::Held,
            _ => Standing::Waiting,
        },
        event: event(row.outbound, row.triggered_by == TriggeredBy::Probe),
    }
}

fn milliseconds(took: TimeDelta) -> i32 {
    i32::try_from(took.num_milliseconds()).unwrap_or(i32::MAX)
}

fn batch_out(batch: Batch, learned: Learned) -> deliveries::Batch {
    let subjects = batch
        .outcomes
        .iter()
        .filter(|outcome| outcome.delivery_id.is_some() || !matches!(outcome.verdict, Verdict::Delivered { .. }))
        .map(|outcome| outcome.subject)
        .collect();
    deliveries::Batch {
        fence: batch.fence.0,
        cursor: batch.cursor.0,
        gaps: batch.gaps.iter().map(gap_out).collect(),
        outcomes: batch.outcomes.into_iter().map(outcome_out).collect(),
        subjects,
        circuit: batch.circuit.map(|note| {
            let (state, retry_at) = match note.state {
                CircuitState::Closed => (CircuitWord::Closed, None),
                CircuitState::Open { until } => (CircuitWord::Open, Some(until)),
                CircuitState::HalfOpen => (CircuitWord::HalfOpen, None),
            };
            let (class, reason) = note.fault.map(|fault| (fault.class, fault.message)).unzip();
            deliveries::Circuit { state, retry_at, class, reason }
        }),
        links: learned.links,
        told: learned.told,
        causes: learned.causes,
    }
}

fn outcome_out(outcome: Outcome) -> deliveries::OutcomeRow {
    let mut row = deliveries::OutcomeRow {
        delivery_id: outcome.delivery_id,
        position: outcome.position.0,
        event_id: outcome.event_id,
        attempts: i32::try_from(outcome.attempts).unwrap_or(i32::MAX),
        at: outcome.at,
        state: DeliveryState::Held,
        next_attempt_at: None,
        fault: None,
        their_ref: None,
        duration_ms: None,
        failure: outcome
            .failure
            .map(|failure| (failure.fault.class, failure.fault.message, milliseconds(failure.took))),
    };
    match outcome.verdict {
        Verdict::Delivered { their_ref, took } => {
            row.state = DeliveryState::Delivered;
            row.their_ref = their_ref;
            row.duration_ms = Some(milliseconds(took));
        }
        Verdict::Retrying { next_attempt_at, fault } => {
            row.state = DeliveryState::Retrying;
            row.next_attempt_at = Some(next_attempt_at);
            row.fault = Some((fault.class, fault.message));
        }
        Verdict::Parked { fault } => {
            row.state = DeliveryState::Parked;
            row.fault = Some((fault.class, fault.message));
        }
        Verdict::Held => {}
    }
    row
}

/// Hands one delivery to the connector and reads the answer.
async fn send(lane: Lane, task: Task<Cargo>) -> (Ticket, Answer, TimeDelta, Learned) {
    let outbound = &task.event.cargo.outbound;
    let span = info_span!(
        "send",
        event.id = %task.event.event_id,
        event.kind = %outbound.envelope.event.kind(),
        subject.id = %task.event.subject,
        attempt.number = task.attempt,
        correlation.id = %outbound.envelope.correlation_id
    );
    let began = lane.store.clock().now();
    let call = async {
        if task.event.cargo.probe {
            return match lane.connector.probe().await {
                Ok(health) => (Answer::Accepted { their_ref: Some(health.system) }, Learned::default()),
                // A probe says what it found and is done: it does not wait for the system to come back.
                Err(fault) => (Answer::Refused { reason: fault.to_string() }, Learned::default()),
            };
        }
        if let Some((cause, reason)) = &outbound.stop {
            let learned = Learned { causes: vec![(task.event.event_id, *cause)], ..Learned::default() };
            return (Answer::Refused { reason: reason.clone() }, learned);
        }
        let outgoing = outgoing(&lane, outbound, task.attempt, began);
        match tokio::time::timeout(LONGEST_CALL, lane.connector.deliver(&outgoing)).await {
            Ok(outcome) => answer(outcome, outbound),
            Err(_) => {
                let reason = format!("no answer within {} s", LONGEST_CALL.as_secs());
                (Answer::Pending { reason }, Learned::default())
            }
        }
    };
    let (answer, learned) = call.instrument(span.clone()).await;
    let took = (lane.store.clock().now() - began).max(TimeDelta::zero());
    span.in_scope(|| match &answer {
        Answer::Accepted { their_ref } => {
            debug!(
                delivery.their_ref = their_ref.as_deref(),
                delivery.duration_ms = took.num_milliseconds(),
                "delivered"
            );
        }
        other => {
            info!(delivery.outcome = ?kind_of(other), delivery.duration_ms = took.num_milliseconds(), "not delivered")
        }
    });
    (task.ticket, answer, took, learned)
}

const fn kind_of(answer: &Answer) -> &'static str {
    match answer {
        Answer::Accepted { .. } => "accepted",
        Answer::Refused { .. } => "refused",
        Answer::Pending { .. } => "unknown",
        Answer::Temporary { .. } => "temporary",
        Answer::Down { .. } => "down",
        Answer::Credentials { .. } => "credentials",
        Answer::Contract { .. } => "contract",
        Answer::Permanent { .. } => "permanent",
    }
}

fn outgoing(lane: &Lane, outbound: &Outbound, attempt: u32, now: DateTime<Utc>) -> Outgoing {
    Outgoing {
        connection_id: lane.connection,
        envelope: outbound.envelope.clone(),
        attempt,
        links: outbound
            .links
            .iter()
            .filter_map(|(kind, key, their_ref)| {
                let kind = LinkKind::ALL.iter().copied().find(|known| known.as_str() == kind)?;
                Some(Link { kind, key: key.clone(), their_ref: their_ref.clone() })
            })
            .collect(),
        plant: outbound.plant.clone(),
        supplier: outbound.supplier.clone(),
        now,
    }
}

fn answer(outcome: Result<CallOutcome, CallFault>, outbound: &Outbound) -> (Answer, Learned) {
    let wait = |after: Option<Duration>| after.and_then(|after| TimeDelta::from_std(after).ok());
    let answer = match outcome {
        Ok(CallOutcome::Accepted { their_ref, links, already: _, told }) => {
            let documents = outbound.envelope.event.documents();
            let link = |link: Link| {
                // A key that belongs to no document of the event would never be found again.
                let document = link.kind.document(&link.key, &documents)?.to_owned();
                Some((document, link.kind.as_str().to_owned(), link.key, link.their_ref))
            };
            let correlation = outbound.envelope.correlation_id;
            let learned = Learned {
                links: links.into_iter().filter_map(link).collect(),
                told: told.into_iter().map(|raw| incoming(raw, correlation)).collect(),
                causes: Vec::new(),
            };
            return (Answer::Accepted { their_ref }, learned);
        }
        Ok(CallOutcome::Refused { reason, cause }) => {
            let causes = cause.map(|cause| (outbound.envelope.event_id.0, cause)).into_iter().collect();
            return (Answer::Refused { reason }, Learned { causes, ..Learned::default() });
        }
        Ok(CallOutcome::Pending { seen }) => Answer::Pending { reason: seen },
        Err(CallFault::Temporary { message, after }) => Answer::Temporary { after: wait(after), reason: message },
        Err(CallFault::Down { message, after }) => Answer::Down { after: wait(after), reason: message },
        Err(CallFault::Credentials { message }) => Answer::Credentials { reason: message },
        Err(CallFault::Contract { message }) => Answer::Contract { reason: message },
        Err(CallFault::Permanent { message }) => Answer::Permanent { reason: message },
    };
    (answer, Learned::default())
}

/// What was told in answer to an event belongs to whatever the event belongs to.
fn incoming(raw: Raw, correlation: CorrelationId) -> Incoming {
    Incoming {
        external_key: raw.external_key,
        subject: raw.subject,
        channel: raw.channel,
        content_type: raw.content_type,
        body: raw.body,
        correlation,
    }
}
