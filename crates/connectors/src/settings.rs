//! Settings of a connection: typed, validated, with secrets only by reference.
//!
//! A form on a page sends text, a configuration file sends JSON; both end here. Every problem names the key and the way
//! out, and never repeats a value that could be a secret.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use url::Url;

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

impl SettingsProblem {
    /// A problem with one key.
    pub fn new(key: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { key: key.into(), problem: problem.into() }
    }
}

/// Reads typed settings against the list that the form shows. Unknown, missing and wrong keys are refused by name; an empty
/// text counts as missing, because that is what an empty form field sends.
pub fn read<T: DeserializeOwned>(settings: &Value, known: &[Setting]) -> Result<T, SettingsProblem> {
    let Value::Object(given) = settings else {
        return Err(SettingsProblem::new("settings", "Give an object with a key for each setting."));
    };
    let mut kept = Map::new();
    for (key, value) in given {
        let Some(setting) = known.iter().find(|setting| setting.key == key) else {
            let all = known.iter().map(|setting| setting.key).collect::<Vec<_>>().join(", ");
            return Err(SettingsProblem::new(
                key.as_str(),
                format!("There is no such setting. Remove it, or use one of: {all}."),
            ));
        };
        if value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty()) {
            continue;
        }
        if setting.secret && !value.as_str().is_some_and(is_reference) {
            return Err(SettingsProblem::new(
                key.as_str(),
                "Name the secret, do not enter it: env:NAME or file:PATH. The secret itself is never stored.",
            ));
        }
        kept.insert(key.clone(), value.clone());
    }
    if let Some(missing) = known.iter().find(|setting| setting.required && !kept.contains_key(setting.key)) {
        return Err(SettingsProblem::new(missing.key, format!("Is missing. {}", missing.help)));
    }
    serde_path_to_error::deserialize(Value::Object(kept))
        .map_err(|error| SettingsProblem::new(error.path().to_string(), error.inner().to_string()))
}

fn is_reference(text: &str) -> bool {
    ["env:", "file:"].iter().any(|scheme| text.strip_prefix(scheme).is_some_and(|name| !name.is_empty()))
}

/// A secret in memory: never printed, handed out only where it is sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes the text of a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret behind the reference in the setting `key`.
    pub fn read(secrets: &dyn Secrets, key: &str, reference: &str) -> Result<Self, SettingsProblem> {
        let text = secrets
            .read(reference)
            .map_err(|problem| SettingsProblem { key: key.to_owned(), problem: problem.problem })?;
        // A file made with an editor ends in a line break that no log-in contains.
        let text = text.trim_end_matches(['\r', '\n']).to_owned();
        if text.is_empty() {
            return Err(SettingsProblem::new(key, format!("The secret behind {reference} is empty.")));
        }
        Ok(Self(text))
    }

    /// The text, for the moment of use.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[secret]")
    }
}

/// Secrets of the machine that the program runs on.
///
/// Whoever may edit a connection also chooses where its secret is sent, so references reach only what was put there for
/// connections: environment variables with one prefix, and files below one directory. Otherwise `env:DATABASE_URL` or
/// `file:/etc/shadow` could be mailed to a stranger by a test of the connection.
#[derive(Debug, Clone)]
pub struct HostSecrets {
    /// E.g. `INTERLOCK_SECRET_`.
    pub variable_prefix: String,
    /// E.g. `/run/secrets`; none switches files off.
    pub directory: Option<PathBuf>,
}

impl Secrets for HostSecrets {
    fn read(&self, reference: &str) -> Result<String, SettingsProblem> {
        let wrong = |problem: String| SettingsProblem::new("secret", problem);
        if let Some(name) = reference.strip_prefix("env:") {
            if !name.starts_with(&self.variable_prefix) {
                return Err(wrong(format!("Only variables that start with {} can be used.", self.variable_prefix)));
            }
            return std::env::var(name).map_err(|_| {
                wrong(format!("The variable {name} is not set where Interlock runs. Set it and restart."))
            });
        }
        let Some(path) = reference.strip_prefix("file:") else {
            return Err(wrong("Write env:NAME or file:PATH.".to_owned()));
        };
        let Some(directory) = &self.directory else {
            return Err(wrong("Secrets from files are switched off: no directory for them is configured.".to_owned()));
        };
        let outside = || wrong(format!("Only files below {} can be used.", directory.display()));
        let unreadable =
            |error: std::io::Error| wrong(format!("The file {path} cannot be read where Interlock runs: {error}."));
        let root = directory.canonicalize().map_err(unreadable)?;
        // Links and `..` are followed first, so that neither leads out. A path outside is refused before it is looked
        // at, or the answer would tell which files exist.
        if Path::new(path).components().any(|part| part == std::path::Component::ParentDir) {
            return Err(outside());
        }
        let asked = directory.join(path);
        if !asked.starts_with(directory) && !asked.starts_with(&root) {
            return Err(outside());
        }
        let file = asked.canonicalize().map_err(unreadable)?;
        if !file.starts_with(&root) {
            return Err(outside());
        }
        std::fs::read_to_string(file).map_err(unreadable)
    }
}

/// The address that all calls of a connection start with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl(Url);

impl BaseUrl {
    /// The address without a slash at the end.
    pub fn url(&self) -> &Url {
        &self.0
    }
}

impl std::fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

impl std::str::FromStr for BaseUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let example = "Write it like https://erp.example.com/api.";
        let mut url = Url::parse(text.trim()).map_err(|error| format!("Is not an address ({error}). {example}"))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(format!("Must start with https:// or http:// and name a host. {example}"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(format!("Must not contain a log-in; that belongs into the secret. {example}"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(format!("Must end before ? and #. {example}"));
        }
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        Ok(Self(url))
    }
}

impl<'de> Deserialize<'de> for BaseUrl {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The longest time-out somebody may set: a delivery holds its lane meanwhile.
const LONGEST: Duration = Duration::from_secs(300);

/// A time-out in milliseconds, as a number or as the text of a form field; for `#[serde(deserialize_with)]`.
pub fn milliseconds<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Given {
        Number(u64),
        Text(String),
    }
    let wrong = || serde::de::Error::custom("Enter whole milliseconds from 1 to 300000, e.g. 10000.");
    let given = match Given::deserialize(deserializer).map_err(|_| wrong())? {
        Given::Number(number) => number,
        Given::Text(text) => text.trim().parse().map_err(|_| wrong())?,
    };
    let time = Duration::from_millis(given);
    if time.is_zero() || time > LONGEST { Err(wrong()) } else { Ok(Some(time)) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const KNOWN: &[Setting] = &[
        Setting { key: "base_url", label: "Address", help: "E.g. https://x.", required: true, secret: false },
        Setting { key: "api_key", label: "Key", help: "E.g. env:KEY.", required: false, secret: true },
        Setting { key: "timeout_ms", label: "Time-out", help: "E.g. 10000.", required: false, secret: false },
    ];

    #[derive(Debug, Deserialize)]
    struct Typed {
        base_url: BaseUrl,
        api_key: Option<String>,
        #[serde(default, deserialize_with = "milliseconds")]
        timeout_ms: Option<Duration>,
    }

    fn problem(settings: Value) -> SettingsProblem {
        read::<Typed>(&settings, KNOWN).expect_err("these settings are wrong")
    }

    #[test]
    fn a_form_with_empty_fields_and_numbers_as_text_is_understood() {
        let settings = json!({"base_url": " https://erp.example.com/api/ ", "api_key": "", "timeout_ms": "1500"});
        let typed: Typed = read(&settings, KNOWN).expect("right settings");
        assert_eq!(typed.base_url.to_string(), "https://erp.example.com/api");
        assert_eq!(typed.api_key, None);
        assert_eq!(typed.timeout_ms, Some(Duration::from_millis(1500)));
    }

    #[test]
    fn each_problem_names_its_key_and_the_way_out() {
        for (settings, key, says) in [
            (json!({"base_url": "https://x", "colour": "red"}), "colour", "one of: base_url, api_key, timeout_ms"),
            (json!({}), "base_url", "Is missing. E.g. https://x."),
            (json!({"base_url": "  "}), "base_url", "Is missing"),
            (json!({"base_url": "erp.example.com"}), "base_url", "https://erp.example.com/api"),
            (json!({"base_url": "ftp://erp.example.com"}), "base_url", "https://"),
            (json!({"base_url": "https://me:pw@erp.example.com"}), "base_url", "log-in"),
            (json!({"base_url": "https://x?a=b"}), "base_url", "before ?"),
            (json!({"base_url": "https://x", "timeout_ms": "soon"}), "timeout_ms", "whole milliseconds"),
            (json!({"base_url": "https://x", "timeout_ms": 0}), "timeout_ms", "whole milliseconds"),
            (json!([1]), "settings", "object"),
        ] {
            let problem = problem(settings);
            assert_eq!(problem.key, key, "{problem}");
            assert!(problem.problem.contains(says), "{problem}");
        }
    }

    #[test]
    fn a_secret_typed_into_the_form_is_refused_and_not_repeated() {
        let problem = problem(json!({"base_url": "https://x", "api_key": "hunter2-hunter2"}));
        assert_eq!(problem.key, "api_key");
        assert!(!problem.to_string().contains("hunter2"), "{problem}");
    }

    #[test]
    fn secrets_reach_only_what_was_put_there_for_connections() {
        let room = tempfile::tempdir().expect("a directory");
        let inside = room.path().join("secrets");
        std::fs::create_dir(&inside).expect("a directory");
        std::fs::write(inside.join("erp"), "s3cret\n").expect("a file");
        std::fs::write(room.path().join("outside"), "not yours").expect("a file");
        std::os::unix::fs::symlink(room.path().join("outside"), inside.join("link")).expect("a link");
        let secrets = HostSecrets { variable_prefix: "INTERLOCK_SECRET_".to_owned(), directory: Some(inside.clone()) };

        let read = Secret::read(&secrets, "api_key", &format!("file:{}", inside.join("erp").display()));
        assert_eq!(read.expect("inside").expose(), "s3cret");
        assert_eq!(Secret::read(&secrets, "api_key", "file:erp").expect("inside").expose(), "s3cret");
        for reference in [
            "env:PATH",
            "env:INTERLOCK_SECRET_NOT_SET",
            "file:/etc/passwd",
            "file:../outside",
            "file:link",
            "file:nowhere",
            "plain",
        ] {
            let problem = Secret::read(&secrets, "api_key", reference).expect_err(reference);
            assert_eq!(problem.key, "api_key");
            assert!(!problem.problem.contains("not yours"), "{problem}");
        }
    }
}
