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
               Purchase, Purchase Amendment, Stock, Production and, for what is taken back, Stock Cancellation.",
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
        key: "production",
        label: "Production",
        help: "Whether productions are read as work orders and what the shop floor reports is posted on them: yes or no. \
               Needs Tryton's module production. Empty: yes.",
        required: false,
        secret: false,
    },
    Setting {
        key: "work_order_filter",
        label: "Work order filter",
        help: "Take only productions in this Tryton domain, as JSON, e.g. [[\"warehouse.code\", \"=\", \"P1\"]]. Empty: all.",
        required: false,
        secret: false,
    },
    Setting {
        key: "hold_location",
        label: "Hold location",
        help: "The code of the storage location to which lots on hold are moved, e.g. QUALITY; {plant} stands for the plant's \
               code. Empty: HOLD-{plant}, e.g. HOLD-P1, so that each plant has its own.",
        required: false,
        secret: false,
    },
    Setting {
        key: "inspection_location",
        label: "Inspection location",
        help: "The code of the storage location where stock waits for its inspection, e.g. INSP-{plant}. Empty: there is none, \
               and usage decisions take nothing from it.",
        required: false,
        secret: false,
    },
    Setting {
        key: "blocked_location",
        label: "Blocked location",
        help: "The code of the storage location to which a usage decision moves what may not be used, e.g. BLOCK-{plant}. \
               Empty: there is none, and usage decisions move nothing there.",
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
    #[serde(default = "switched_on", deserialize_with = "yes_or_no")]
    production: bool,
    #[serde(default = "everything", deserialize_with = "domain")]
    work_order_filter: Value,
    hold_location: Option<String>,
    inspection_location: Option<String>,
    blocked_location: Option<String>,
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
    /// Work orders are made with it.
    pub production: bool,
    /// A Tryton domain that limits the productions; `[]` for all.
    pub work_order_filter: Value,
    /// Where lots lie that may not be used.
    pub places: Places,
    /// For a whole call.
    pub timeout: Duration,
}

/// Codes of the storage locations beside a warehouse's storage zone, where neither production nor shipping looks. `{plant}` in
/// a code stands for the warehouse's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    hold: String,
    inspection: Option<String>,
    blocked: Option<String>,
}

impl Places {
    /// For lots on hold.
    pub fn hold(&self, plant: &str) -> String {
        self.hold.replace("{plant}", plant)
    }

    /// For what waits for its inspection.
    pub fn inspection(&self, plant: &str) -> Option<String> {
        Some(self.inspection.as_ref()?.replace("{plant}", plant))
    }

    /// For what was decided against.
    pub fn blocked(&self, plant: &str) -> Option<String> {
        Some(self.blocked.as_ref()?.replace("{plant}", plant))
    }
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
            production: given.production,
            work_order_filter: given.work_order_filter,
            places: Places {
                hold: code(given.hold_location).unwrap_or_else(|| "HOLD-{plant}".to_owned()),
                inspection: code(given.inspection_location),
                blocked: code(given.blocked_location),
            },
            timeout: given.timeout_ms.unwrap_or(TIMEOUT),
        })
    }
}

fn code(given: Option<String>) -> Option<String> {
    given.map(|code| code.trim().to_owned()).filter(|code| !code.is_empty())
}

const fn first() -> i64 {
    1
}

const fn switched_on() -> bool {
    true
}

/// A word from a form, or a boolean.
fn yes_or_no<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Bool(flag) => Ok(flag),
        Value::String(word) if word.trim().eq_ignore_ascii_case("yes") => Ok(true),
        Value::String(word) if word.trim().eq_ignore_ascii_case("no") => Ok(false),
        _ => Err(serde::de::Error::custom("Enter yes or no.")),
    }
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
