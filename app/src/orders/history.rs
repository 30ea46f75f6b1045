//! What happened to an order or another thing, as rows for the event list: each event in plain words, and each trip of it to
//! another system as a row of its own at the time that system answered, named by what kind of system it is.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::event::{Echo, Event, SubjectKind};
use domain::exchange::{DeliveryState, TriggeredBy};
use leptos::prelude::*;
use store::timeline::{Entry, MOST, Trip};

use crate::page::Around;
use crate::ui::copy::copy_button;
use crate::ui::empty::EmptyState;
use crate::ui::events::{EventList, EventRow, try_line};
use crate::ui::tag::stamp;
use crate::ui::time::{duration, instant, took};
use crate::ui::tone::Tone;

use super::inbound;
use super::list_query::encoded;
use super::order::OrderView;
use super::words;

/// Which rows are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    /// All.
    All,
    /// Without looks and machines.
    Business,
    /// What failed or waits.
    Trouble,
}

impl Shown {
    /// By its word in the address; all where it is not known.
    pub(crate) fn parse(word: &str) -> Self {
        match word {
            "business" => Self::Business,
            "failed" => Self::Trouble,
            _ => Self::All,
        }
    }
}

/// Of what a row names the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Naming {
    /// Nothing more: the page is about one thing, and all rows are about it.
    Own,
    /// Of what is not the order whose page it is.
    OfOrder,
    /// Of everything.
    Everything,
}

/// One thing in the story: an event, or its trip.
struct Told<'a> {
    at: DateTime<Utc>,
    entry: &'a Entry,
    trip: Option<&'a Trip>,
}

impl Told<'_> {
    fn belongs(&self, shown: Shown) -> bool {
        match (shown, self.trip) {
            (Shown::All, _) => true,
            (Shown::Business, None) => words::is_business(&self.entry.event),
            (Shown::Trouble, None) | (Shown::Business, Some(_)) => false,
            (Shown::Trouble, Some(trip)) => !trip.state.is_final(),
        }
    }
}

/// Events and their trips, the newest first.
fn told(entries: &[Entry]) -> Vec<Told<'_>> {
    let mut told: Vec<(usize, Told<'_>)> = entries
        .iter()
        .enumerate()
        .flat_map(|(place, entry)| {
            let trips = entry.deliveries.iter().map(move |trip| {
                let at = trip.finished_at.or_else(|| trip.tries.first().map(|one| one.at)).unwrap_or(entry.at);
                (place, Told { at, entry, trip: Some(trip) })
            });
            std::iter::once((place, Told { at: entry.at, entry, trip: None })).chain(trips)
        })
        .collect();
    // What happened at the same instant keeps the order of the log, trips after their event.
    told.sort_by(|(place, one), (other_place, other)| {
        other
            .at
            .cmp(&one.at)
            .then_with(|| place.cmp(other_place))
            .then_with(|| other.trip.is_some().cmp(&one.trip.is_some()))
    });
    told.into_iter().map(|(_, told)| told).collect()
}

/// The sheet on an order's page.
pub(super) fn sheet(order: &OrderView, around: &Around, shown: Shown) -> AnyView {
    let all = told(&order.history);
    let count = |shown| all.iter().filter(|told| told.belongs(shown)).count();
    let base = format!("/orders/{}", encoded(&order.record.order.number));
    let tab = |tab: Shown, words: String, word: &str| {
        let href = if word.is_empty() {
            format!("{base}#timeline-title")
        } else {
            format!("{base}?events={word}#timeline-title")
        };
        view! { <a href=href aria-current=(tab == shown).then_some("true")>{words}</a> }
    };
    let tabs = view! {
        {tab(Shown::All, "All".to_owned(), "")}
        {tab(Shown::Business, "Business only".to_owned(), "business")}
        {tab(Shown::Trouble, format!("Failed and pending {}", count(Shown::Trouble)), "failed")}
    };
    view! {
        <section class="sheet" aria-labelledby="timeline-title">
            <div class="section-head">
                <h2 id="timeline-title">"Timeline "<span>{format!("times in {}", around.reading.abbreviation(around.now()))}</span></h2>
                <nav class="toolbar" aria-label="Which events">{tabs}</nav>
            </div>
            {rows(&order.history, around, shown, Naming::OfOrder)}
        </section>
    }
    .into_any()
}

/// The rows, or what to say where there are none. On a page about several orders each row names its own.
pub(crate) fn list(entries: &[Entry], around: &Around, shown: Shown, several: bool) -> AnyView {
    rows(entries, around, shown, if several { Naming::Everything } else { Naming::Own })
}

fn rows(entries: &[Entry], around: &Around, shown: Shown, naming: Naming) -> AnyView {
    let all = told(entries);
    // Time since the one before counts all rows, so that a filter does not invent a gap.
    let mut before: HashMap<usize, DateTime<Utc>> = HashMap::new();
    for (index, pair) in all.windows(2).enumerate() {
        if let [_, older] = pair {
            before.insert(index, older.at);
        }
    }
    let rows: Vec<EventRow> = all
        .iter()
        .enumerate()
        .filter(|(_, told)| told.belongs(shown))
        .map(|(index, told)| row(told, before.get(&index).copied(), around, naming))
        .collect();
    if rows.is_empty() {
        let text = match shown {
            Shown::Trouble => "Every system took what it was told.",
            Shown::All | Shown::Business => "It begins when the ERP publishes the order.",
        };
        return view! { <EmptyState title="Nothing here" text=text/> }.into_any();
    }
    let cut = i64::try_from(entries.len()).is_ok_and(|count| count >= MOST);
    view! {
        <EventList rows=rows/>
        {cut.then(|| view! { <p class="sheet-foot">{format!("The {MOST} newest events. Older ones are kept and not shown here.")}</p> })}
    }
    .into_any()
}

fn row(told: &Told<'_>, before: Option<DateTime<Utc>>, around: &Around, naming: Naming) -> EventRow {
    let gap = before.filter(|before| *before < told.at).map(|before| format!("+{}", duration(told.at - before)));
    let when = instant(told.at, &around.reading);
    match told.trip {
        None => event_row(told.entry, when, gap, around, naming),
        Some(trip) => trip_row(told.entry, trip, when, gap, around),
    }
}

fn correlation(entry: &Entry) -> AnyView {
    let id = entry.correlation.to_string();
    view! { "corr "<a class="id" href=format!("/timeline/{id}")>{id.clone()}</a>" "{copy_button(id, "correlation id")} }
        .into_any()
}

/// The document that an event is about, with the way to it.
fn subject(entry: &Entry) -> Option<AnyView> {
    let name = inbound::document(&entry.event)?;
    let id = entry.subject_id;
    let href = match entry.subject_kind {
        SubjectKind::Certificate => format!("/certificates/{id}"),
        SubjectKind::Lot => format!("/lots/{id}"),
        _ => format!("/{}/{}", inbound::shelf(&entry.event)?, encoded(&name)),
    };
    Some(stamp(name, Some(href)))
}

fn event_row(entry: &Entry, when: AnyView, gap: Option<String>, around: &Around, naming: Naming) -> EventRow {
    let (tone, what) = words::event(&entry.event);
    // What the house calls its systems is not for suppliers.
    let who = match &entry.heard_from {
        Some(place) if around.viewer.is_supplier() => words::system_tag(place.system).to_owned(),
        _ => entry.actor.name().to_owned(),
    };
    let mut meta = vec![who.into_any()];
    if let Some(reasons) = words::reasons(&entry.event) {
        meta.push(reasons.into_any());
    }
    meta.push(correlation(entry));
    let document = match &entry.event {
        Event::OrderPublished { order, .. } => Some(stamp(order.clone(), Some(format!("/orders/{}", encoded(order))))),
        Event::ConfirmationAcknowledged { their_ref, .. } => Some(stamp(their_ref.clone(), None)),
        _ if naming == Naming::Own => None,
        event => match event.order() {
            Some(order) if naming == Naming::Everything => {
                Some(stamp(order.to_owned(), Some(format!("/orders/{}", encoded(order)))))
            }
            _ => subject(entry),
        },
    };
    EventRow {
        when,
        gap,
        system: words::system(entry),
        tone,
        what,
        quote: words::quote(&entry.event),
        meta,
        tries: None,
        document,
    }
}

/// What was carried, for a sentence: `Confirmation of 6 lines`.
fn cargo(event: &Event) -> String {
    match event {
        Event::PromiseMade { lines, .. } if lines.len() == 1 => {
            format!("Confirmation of line {}", lines.first().map(|line| line.line.as_str()).unwrap_or_default())
        }
        Event::PromiseMade { lines, .. } => format!("Confirmation of {} lines", lines.len()),
        Event::LinesConfirmed { .. } => "Answer".to_owned(),
        Event::ProbeRequested { .. } => "Connection test".to_owned(),
        other => inbound::cargo(other).unwrap_or_else(|| "Message".to_owned()),
    }
}

/// Why a system was sent nothing, as a sentence.
fn echoed(cargo: &str, echo: Echo, trip: &Trip) -> String {
    let system = words::the_system(trip.to.system);
    match echo {
        Echo::OwnNews => format!("{cargo}: told by {system}, not sent back"),
        Echo::ToldBySystem => format!("{cargo}: told by a system of the house, not sent to {system}"),
    }
}

fn trip_row(entry: &Entry, trip: &Trip, when: AnyView, gap: Option<String>, around: &Around) -> EventRow {
    let insider = !around.viewer.is_supplier();
    let cargo = cargo(&entry.event);
    let reading = &around.reading;
    let why = match (&trip.fault, trip.fault_class, insider) {
        (Some(fault), _, true) => fault.clone(),
        (_, Some(class), _) => words::fault_words(class).to_owned(),
        _ => "it could not be taken".to_owned(),
    };
    let (tone, what) = match (trip.state, trip.echo) {
        (DeliveryState::Delivered, Some(echo)) => (Tone::Neutral, echoed(&cargo, echo, trip)),
        (DeliveryState::Delivered, None) => (
            Tone::Ok,
            format!(
                "{cargo} is in {}{}",
                words::the_system(trip.to.system),
                trip.their_ref.as_deref().map(|number| format!(" as {number}")).unwrap_or_default()
            ),
        ),
        (DeliveryState::Retrying, _) => (Tone::Warn, format!("{cargo} not taken yet: {why}")),
        (DeliveryState::Held, _) => (Tone::Warn, format!("{cargo} waits behind an earlier change of this order")),
        (DeliveryState::Parked, _) => (Tone::Crit, format!("{cargo} not taken: {why}. A person looks at it")),
        (DeliveryState::Skipped, _) => (Tone::Neutral, format!("{cargo} left out by decision")),
        (DeliveryState::Superseded, _) => (Tone::Neutral, format!("{cargo} replaced by a newer one")),
    };
    let mut facts = Vec::new();
    if trip.echo.is_none() {
        facts.push(words::tries(trip.attempts.max(1)));
        facts.extend(trip.duration_ms.map(took));
    }
    if let Some(next) = trip.next_attempt_at.filter(|_| trip.state == DeliveryState::Retrying) {
        facts.push(format!("next {}", reading.short(next)));
    }
    let mut meta: Vec<AnyView> = trip.to.name.clone().into_iter().map(IntoAny::into_any).collect();
    if !facts.is_empty() {
        meta.push(facts.join(", ").into_any());
    }
    if trip.triggered_by != TriggeredBy::Event {
        meta.push("sent again by a person".into_any());
    }
    if let (Some(who), true) = (&trip.decided_by, insider) {
        let reason = trip.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
        meta.push(format!("decided by {who}{reason}").into_any());
    }
    meta.push(correlation(entry));
    let tries: Vec<String> = trip
        .tries
        .iter()
        .map(|one| {
            let what = if insider {
                format!("{}: {}", one.fault_class, one.fault)
            } else {
                words::fault_words(one.fault_class).to_owned()
            };
            try_line(&reading.seconds(one.at), &what, one.duration_ms)
        })
        .collect();
    let failed = i32::try_from(tries.len()).unwrap_or(i32::MAX);
    EventRow {
        when,
        gap,
        system: words::system_tag(trip.to.system),
        tone,
        what,
        quote: None,
        meta,
        tries: (!tries.is_empty()).then(|| (format!("{} failed", words::tries(failed)), tries)),
        document: trip.their_ref.clone().map(|number| stamp(number, None)),
    }
}
