//! The kinds of systems that can be connected, as the server tells the pages: `app` cannot see the connectors, so `server`
//! hands their names, settings and feeds into the context of every page as [`Offers`].

use std::sync::Arc;

use domain::event::EventKind;
use leptos::prelude::use_context;

/// All kinds, in the order of the form.
#[derive(Debug, Clone, Default)]
pub struct Offers(pub Arc<[Offer]>);

/// A kind of system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The word in the tables, e.g. `tryton`.
    pub kind: String,
    /// For people, e.g. `Tryton ERP`.
    pub title: String,
    /// The events it is told of.
    pub carries: Vec<EventKind>,
    /// The names of what is polled.
    pub feeds: Vec<String>,
    /// The settings it takes.
    pub settings: Vec<OfferedSetting>,
}

/// A setting of a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedSetting {
    /// The key in the settings.
    pub key: String,
    /// Its label.
    pub label: String,
    /// What it is for, with an example.
    pub help: String,
    /// Must be there.
    pub required: bool,
    /// Names a secret instead of holding it.
    pub secret: bool,
}

/// All kinds; none where the server did not say.
pub fn offers() -> Arc<[Offer]> {
    use_context::<Offers>().unwrap_or_default().0
}

/// One kind.
pub fn offer(kind: &str) -> Option<Offer> {
    offers().iter().find(|offer| offer.kind == kind).cloned()
}

/// The events that a kind is told of. Promises where the server did not say: they are what every ERP is told.
pub fn carried(kind: &str) -> Vec<EventKind> {
    offer(kind).map_or_else(|| vec![EventKind::PromiseMade], |offer| offer.carries)
}

/// The kind's name for people.
pub fn title(kind: &str) -> String {
    offer(kind).map_or_else(|| kind.to_owned(), |offer| offer.title)
}
