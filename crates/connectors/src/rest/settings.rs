//! What a connection to a system with our own protocol needs to know.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::settings::{self, BaseUrl, Secret, Secrets, Setting, SettingsProblem};

/// The settings, for the form and the documentation.
pub const SETTINGS: &[Setting] = &[
    Setting {
        key: "base_url",
        label: "Address",
        help: "Where the protocol is served, e.g. https://erp.example.com/interlock.",
        required: true,
        secret: false,
    },
    Setting {
        key: "api_key",
        label: "API key",
        help: "Names the key that we send, e.g. env:INTERLOCK_SECRET_ERP.",
        required: true,
        secret: true,
    },
    Setting {
        key: "system",
        label: "System",
        help: "What it is: erp or wms. A warehouse system has no orders and is told of no promises. Empty: erp.",
        required: false,
        secret: false,
    },
    Setting {
        key: "plant",
        label: "Plant",
        help: "Take orders, receipts and stock of this plant only, by its code, e.g. DE10. Empty: all plants.",
        required: false,
        secret: false,
    },
    Setting {
        key: "push_secret",
        label: "Push secret",
        help: "Names the secret that signs what the system pushes to us, e.g. env:INTERLOCK_SECRET_ERP_PUSH. Empty: \
               pushes are refused.",
        required: false,
        secret: true,
    },
    Setting {
        key: "timeout_ms",
        label: "Time-out",
        help: "How long a call may take, in milliseconds. Empty: 10000.",
        required: false,
        secret: false,
    },
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    base_url: BaseUrl,
    api_key: String,
    #[serde(default)]
    system: System,
    plant: Option<String>,
    push_secret: Option<String>,
    #[serde(default, deserialize_with = "settings::milliseconds")]
    timeout_ms: Option<Duration>,
}

/// What kind of system speaks the protocol.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum System {
    /// Orders, and everything that follows from them.
    #[default]
    Erp,
    /// A warehouse system: what comes, what came, what is held.
    Wms,
}

/// The settings, checked, with their secrets.
#[derive(Debug, Clone)]
pub struct RestSettings {
    /// Where the protocol is served.
    pub base_url: BaseUrl,
    /// Sent with each call.
    pub api_key: Secret,
    /// What it is.
    pub system: System,
    /// Only orders of this plant.
    pub plant: Option<String>,
    /// Signs pushes; none refuses them.
    pub push_secret: Option<Secret>,
    /// For a whole call.
    pub timeout: Option<Duration>,
}

impl RestSettings {
    /// Reads and checks; problems name their key.
    pub fn read(settings: &Value, secrets: &dyn Secrets) -> Result<Self, SettingsProblem> {
        let given: Given = settings::read(settings, SETTINGS)?;
        Ok(Self {
            base_url: given.base_url,
            api_key: Secret::read(secrets, "api_key", &given.api_key)?,
            system: given.system,
            plant: given.plant.map(|code| code.trim().to_owned()),
            push_secret: given
                .push_secret
                .map(|reference| Secret::read(secrets, "push_secret", &reference))
                .transpose()?,
            timeout: given.timeout_ms,
        })
    }
}
