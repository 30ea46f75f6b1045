//! What a connection to a shop floor needs to know.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::settings::{self, BaseUrl, Secret, Secrets, Setting, SettingsProblem};

/// The settings, for the form and the documentation.
pub const SETTINGS: &[Setting] = &[
    Setting {
        key: "plant",
        label: "Plant",
        help: "The plant that it reports for, by its code, e.g. DE10. A message for another plant is not understood.",
        required: true,
        secret: false,
    },
    Setting {
        key: "report_key",
        label: "Report key",
        help: "Names the key that it sends with each report, e.g. env:INTERLOCK_SECRET_MES_DE10.",
        required: true,
        secret: true,
    },
    Setting {
        key: "base_url",
        label: "Address",
        help: "Where it takes work orders and holds, e.g. https://mes.example.com/interlock. Empty: it only reports.",
        required: false,
        secret: false,
    },
    Setting {
        key: "api_key",
        label: "API key",
        help: "Names the key that we send, e.g. env:INTERLOCK_SECRET_MES. Needed where there is an address.",
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
    plant: String,
    report_key: String,
    base_url: Option<BaseUrl>,
    api_key: Option<String>,
    #[serde(default, deserialize_with = "settings::milliseconds")]
    timeout_ms: Option<Duration>,
}

/// The settings, checked, with their secrets.
#[derive(Debug, Clone)]
pub struct MesSettings {
    /// The plant's code.
    pub plant: String,
    /// Comes with each report.
    pub report_key: Secret,
    /// Where it is told anything.
    pub out: Option<Out>,
    /// For a whole call.
    pub timeout: Option<Duration>,
}

/// Where a shop floor takes calls.
#[derive(Debug, Clone)]
pub struct Out {
    /// Its address.
    pub base_url: BaseUrl,
    /// Sent with each call.
    pub api_key: Secret,
}

impl MesSettings {
    /// Reads and checks; problems name their key.
    pub fn read(settings: &Value, secrets: &dyn Secrets) -> Result<Self, SettingsProblem> {
        let given: Given = settings::read(settings, SETTINGS)?;
        let out = match (given.base_url, given.api_key) {
            (Some(base_url), Some(key)) => Some(Out { base_url, api_key: Secret::read(secrets, "api_key", &key)? }),
            (Some(_), None) => return Err(SettingsProblem::new("api_key", "is needed where there is an address")),
            (None, _) => None,
        };
        Ok(Self {
            plant: given.plant.trim().to_owned(),
            report_key: Secret::read(secrets, "report_key", &given.report_key)?,
            out,
            timeout: given.timeout_ms,
        })
    }
}
