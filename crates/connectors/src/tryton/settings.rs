//! What a connection to Tryton needs to know.

use std::time::Duration;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::settings::{self, BaseUrl, Secret, Secrets, Setting, SettingsProblem};

/// The settings, for the form and the documentation.
pub const SETTINGS: &[Setting] = &[
    Setting {
        key: "base_url",
        label: "Address",
        help: "Where Tryton is served, without the database, e.g. https://erp.example.com.",
        required: true,
        secret: false,
    },
    Setting {
        key: "database",
        label: "Database",
        help: "The name of the database, e.g. erp.",
        required: true,
        secret: false,
    },
    Setting {
        key: "rest_key",
        label: "REST key",
        help: "Names the key of a user application for REST, e.g. env:INTERLOCK_SECRET_TRYTON. Its user needs the groups \
               Purchase, Purchase Amendment and Stock.",
        required: true,
        secret: true,
    },
    Setting {
        key: "company",
        label: "Company",
        help: "The id of the company in Tryton. Empty: 1, the first one.",
        required: false,
        secret: false,
    },
    Setting {
        key: "order_filter",
        label: "Order filter",
        help: "Take only purchases in this Tryton domain, as JSON, e.g. [[\"warehouse.code\", \"=\", \"P1\"]]. Empty: all.",
        required: false,
        secret: false,
    },
    Setting {
        key: "hold_location",
        label: "Hold location",
        help: "The code of the storage location to which lots on hold are moved, e.g. QUALITY. Empty: HOLD- and the plant's \
               code, e.g. HOLD-P1, so that each plant has its own.",
        required: false,
        secret: false,
    },
    Setting {
        key: "timeout_ms",
        label: "Time-out",
        help: "How long a call may take, in milliseconds. Empty: 30000.",
        required: false,
        secret: false,
    },
];

/// Reading 20 orders with their lines and moves takes about half a second; a busy server gets some room.
const TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    base_url: BaseUrl,
    #[serde(deserialize_with = "database")]
    database: String,
    rest_key: String,
    #[serde(default = "first", deserialize_with = "company")]
    company: i64,
    #[serde(default = "everything", deserialize_with = "domain")]
    order_filter: Value,
    hold_location: Option<String>,
    #[serde(default, deserialize_with = "settings::milliseconds")]
    timeout_ms: Option<Duration>,
}

/// The settings, checked, with their secret.
#[derive(Debug, Clone)]
pub struct TrytonSettings {
    /// Where Tryton is served.
    pub base_url: BaseUrl,
    /// The database, the first part of every path.
    pub database: String,
    /// Sent with each call.
    pub rest_key: Secret,
    /// The company whose purchases are read; also in the context of each call.
    pub company: i64,
    /// A Tryton domain that limits the purchases; `[]` for all.
    pub order_filter: Value,
    /// Where lots on hold are; none for the plant's own.
    pub hold_location: Option<String>,
    /// For a whole call.
    pub timeout: Duration,
}

impl TrytonSettings {
    /// Reads and checks; problems name their key.
    pub fn read(given: &Value, secrets: &dyn Secrets) -> Result<Self, SettingsProblem> {
        let given: Given = settings::read(given, SETTINGS)?;
        Ok(Self {
            base_url: given.base_url,
            database: given.database,
            rest_key: Secret::read(secrets, "rest_key", &given.rest_key)?,
            company: given.company,
            order_filter: given.order_filter,
            hold_location: given.hold_location.map(|code| code.trim().to_owned()),
            timeout: given.timeout_ms.unwrap_or(TIMEOUT),
        })
    }
}

const fn first() -> i64 {
    1
}

fn everything() -> Value {
    Value::Array(Vec::new())
}

/// A name that is one part of a path and nothing else.
fn database<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    let name = name.trim();
    if name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')) {
        Ok(name.to_owned())
    } else {
        Err(serde::de::Error::custom("Enter the name only: letters, digits, _ and -, e.g. erp."))
    }
}

/// A number, or its text from a form.
fn company<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let given = Value::deserialize(deserializer)?;
    let id = match &given {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_i64(),
    };
    id.filter(|id| *id > 0).ok_or_else(|| serde::de::Error::custom("Enter the company's id, a whole number, e.g. 1."))
}

/// A list, or its JSON text from a form.
fn domain<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    let given = match Value::deserialize(deserializer)? {
        Value::String(text) => serde_json::from_str(&text).unwrap_or(Value::Null),
        other => other,
    };
    if given.is_array() {
        Ok(given)
    } else {
        Err(serde::de::Error::custom("Enter a domain as JSON, e.g. [[\"warehouse.code\", \"=\", \"P1\"]]."))
    }
}
