//! The connectors in use: one per connection, built from its row and built anew when its settings change.
//!
//! The loops share them with the door for pushed messages, so that a connection has one HTTP client however many use it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use connectors::settings::{Secrets, SettingsProblem};
use connectors::{Connector, registry};
use domain::id::ConnectionId;
use store::connections::Connection;

/// A connector and the version of the settings that it was built from.
type Built = (i32, Arc<dyn Connector>);

/// Builds connectors and keeps them.
pub struct Systems {
    secrets: Arc<dyn Secrets>,
    built: Mutex<HashMap<ConnectionId, Built>>,
}

impl std::fmt::Debug for Systems {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Systems").finish_non_exhaustive()
    }
}

impl Systems {
    /// None yet; secrets are read when a connector is built.
    pub fn new(secrets: Arc<dyn Secrets>) -> Self {
        Self { secrets, built: Mutex::default() }
    }

    /// The connector for a connection as it is configured now. A problem is not remembered: a secret that was missing may
    /// be there the next time.
    pub fn connector(&self, connection: &Connection) -> Result<Arc<dyn Connector>, SettingsProblem> {
        let known = self.built.lock().unwrap_or_else(PoisonError::into_inner).get(&connection.connection_id).cloned();
        if let Some((version, connector)) = known
            && version == connection.settings_version
        {
            return Ok(connector);
        }
        let kind = registry::kind(&connection.kind).ok_or_else(|| {
            let known: Vec<&str> = registry::KINDS.iter().map(|kind| kind.name).collect();
            let problem =
                format!("This version knows no system of kind {:?}; it knows {}.", connection.kind, known.join(", "));
            SettingsProblem::new("kind", problem)
        })?;
        let connector: Arc<dyn Connector> = Arc::from((kind.build)(&connection.configured.settings, &*self.secrets)?);
        let entry = (connection.settings_version, Arc::clone(&connector));
        self.built.lock().unwrap_or_else(PoisonError::into_inner).insert(connection.connection_id, entry);
        Ok(connector)
    }
}
