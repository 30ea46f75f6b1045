//! The list of connectors: one line per kind.

use domain::event::EventKind;
use serde_json::Value;

use crate::settings::{Secrets, SettingsProblem};
use crate::{Connector, Feed};

/// Builds a connector from a connection's settings.
pub type Build = fn(&Value, &dyn Secrets) -> Result<Box<dyn Connector>, SettingsProblem>;

/// What is known of a kind of system before one is configured.
#[derive(Clone, Copy)]
pub struct Kind {
    /// The word in tables and URLs, e.g. `tryton`.
    pub name: &'static str,
    /// For people, e.g. `Tryton ERP`.
    pub title: &'static str,
    /// The events it can deliver.
    pub carries: &'static [EventKind],
    /// What can be polled.
    pub feeds: &'static [Feed],
    /// The settings it takes, for the form on the page.
    pub settings: &'static [crate::settings::Setting],
    /// Builds a connector from a connection's settings; refuses unknown and missing keys by name.
    pub build: Build,
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kind").field("name", &self.name).finish_non_exhaustive()
    }
}

/// All kinds.
pub const KINDS: &[Kind] = &[crate::mes_http::KIND, crate::rest::KIND, crate::tryton::KIND];

/// The kind by its word.
pub fn kind(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}
