//! Settings of a connection: typed, validated, with secrets only by reference.

use serde::de::DeserializeOwned;
use serde_json::Value;

/// One setting, for the form on the page and the generated documentation.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// The key in the settings, e.g. `base_url`.
    pub key: &'static str,
    /// Its label.
    pub label: &'static str,
    /// What it is for, with an example.
    pub help: &'static str,
    /// Must be there.
    pub required: bool,
    /// Names a secret instead of holding it: `env:NAME` or `file:PATH`.
    pub secret: bool,
}

/// Where secrets come from. The server reads them from the environment or from files; nothing else can.
pub trait Secrets: Send + Sync {
    /// The secret behind a reference such as `env:ERP_KEY` or `file:/run/secrets/erp`.
    fn read(&self, reference: &str) -> Result<String, SettingsProblem>;
}

/// What is wrong with the settings of a connection; says which key and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {problem}")]
pub struct SettingsProblem {
    /// The key.
    pub key: String,
    /// What is wrong and how to mend it.
    pub problem: String,
}

/// Reads typed settings; unknown keys are refused by name (`#[serde(deny_unknown_fields)]` on the type).
pub fn read<T: DeserializeOwned>(settings: &Value) -> Result<T, SettingsProblem> {
    serde_json::from_value(settings.clone())
        .map_err(|error| SettingsProblem { key: "settings".to_owned(), problem: error.to_string() })
}
