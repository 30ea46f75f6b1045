//! Configuration: defaults, then the file, then the environment, then flags. The later wins.
//!
//! Everything stands in one table ([`KEYS`]); a key is the same word in the file (`session_idle_minutes`), in the
//! environment (`INTERLOCK_SESSION_IDLE_MINUTES`) and, where there is one, as a flag. All mistakes are reported together,
//! each with where it was said, what was said, and what would be right.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use chrono::TimeDelta;
use store::sessions::Lifetimes;

use crate::telemetry::LogFormat;

/// One thing that can be configured.
#[derive(Debug)]
pub struct Key {
    /// Its name in the file.
    pub name: &'static str,
    /// What holds when nobody says anything; empty for none.
    pub default: &'static str,
    /// For `--help` and the example file.
    pub help: &'static str,
}

const fn key(name: &'static str, default: &'static str, help: &'static str) -> Key {
    Key { name, default, help }
}

/// All of it.
pub const KEYS: &[Key] = &[
    key(
        "database_url",
        "",
        "PostgreSQL, e.g. postgres://interlock@db/interlock. Without it: a private cluster in data_dir. Also DATABASE_URL.",
    ),
    key(
        "data_dir",
        "",
        "Where the private cluster lives. Default: $XDG_DATA_HOME/interlock, as root /var/lib/interlock.",
    ),
    key(
        "secrets_dir",
        "",
        "Directory with files that connections may name as secrets (file:NAME). Default: data_dir/secrets.",
    ),
    key(
        "files",
        "",
        "Where documents are kept: a folder, or s3://bucket/prefix with the AWS_ variables. Default: data_dir/files.",
    ),
    key("files_quota_mb", "2048", "Megabytes of documents that one supplier may keep (1 to 1000000)."),
    key("virus_scanner", "", "Address of a clamd that looks at every file, e.g. 127.0.0.1:3310; empty for none."),
    key("database_connections", "16", "Connections to the database that one process holds at most (2 to 200)."),
    key("listen", "127.0.0.1:3000", "Address and port to listen on; port 0 takes a free one."),
    key(
        "public_url",
        "",
        "How browsers reach the portal. With https:// cookies are for HTTPS only. Default: http://<listen>.",
    ),
    key("trusted_proxies", "", "Addresses of reverse proxies whose X-Forwarded-For is believed, separated by commas."),
    key(
        "site_root",
        "",
        "Directory with the stylesheet, fonts and islands. Default: `site` beside the program's directory.",
    ),
    key("organisation", "Norvik Antriebe", "The buyer's name, on the sign-in page."),
    key("help_email", "supplier-help@norvik.example", "Where suppliers ask for help; empty for none."),
    key("session_idle_minutes", "480", "A session ends after this long without use (5 to 1440)."),
    key("session_absolute_hours", "24", "A session ends this long after the sign-in (1 to 720)."),
    key(
        "requests_per_second",
        "100",
        "Pages and forms per second and network address, with four times as much at once; 0 for no limit.",
    ),
    key("log_filter", "info,sqlx=warn,tower_sessions_core=error", "What is logged, as tracing's directives."),
    key("log_format", "human", "human or json."),
];

/// The configuration, understood.
#[derive(Debug, Clone)]
pub struct Config {
    /// A PostgreSQL of somebody else's; none for a private cluster.
    pub database_url: Option<String>,
    /// Where the private cluster lives.
    pub data_dir: PathBuf,
    /// Where files lie that connections may name as secrets; none for the data directory.
    pub secrets_dir: Option<PathBuf>,
    /// Where documents are kept; none for the data directory.
    pub files: Option<String>,
    /// Bytes of documents that one supplier may keep.
    pub files_quota: u64,
    /// A clamd that looks at every file.
    pub virus_scanner: Option<String>,
    /// Connections of this process.
    pub database_connections: u32,
    /// Where to listen.
    pub listen: SocketAddr,
    /// How browsers reach us, without a slash at the end; none until the port is known.
    pub public_url: Option<String>,
    /// Whose X-Forwarded-For is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// Files for browsers.
    pub site_root: PathBuf,
    /// The buyer's name.
    pub organisation: String,
    /// Where suppliers ask for help.
    pub help_email: Option<String>,
    /// How long sessions last.
    pub lifetimes: Lifetimes,
    /// Per address; none for no limit.
    pub requests_per_second: Option<u32>,
    /// Tracing's directives.
    pub log_filter: String,
    /// How log lines look.
    pub log_format: LogFormat,
}

impl Config {
    /// Browsers come over HTTPS.
    pub fn secure(&self) -> bool {
        self.public_url.as_deref().is_some_and(|url| url.starts_with("https://"))
    }

    /// Where files lie that connections may name as secrets.
    pub fn secrets_dir(&self) -> PathBuf {
        self.secrets_dir.clone().unwrap_or_else(|| self.data_dir.join("secrets"))
    }
}

/// Everything that is wrong with the configuration.
#[derive(Debug, thiserror::Error)]
pub struct ConfigError(Vec<String>);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.len();
        write!(f, "the configuration has {count} {}:", if count == 1 { "mistake" } else { "mistakes" })?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  - {problem}"))
    }
}

/// Where a value was said.
type Said = BTreeMap<&'static str, (String, String)>;

/// Reads file, environment and flags. `file`: the one named by `--config`; without it `interlock.toml` is read if it is
/// there. `environment`: pairs as the system has them. `flags`: (key, value).
pub fn read(
    file: Option<PathBuf>,
    environment: impl IntoIterator<Item = (String, String)>,
    flags: Vec<(&'static str, String)>,
) -> Result<Config, ConfigError> {
    let mut problems = Vec::new();
    let mut said: Said = KEYS
        .iter()
        .filter(|key| !key.default.is_empty())
        .map(|key| (key.name, (key.default.to_owned(), "default".to_owned())))
        .collect();
    read_file(file, &mut said, &mut problems);
    read_environment(environment, &mut said, &mut problems);
    for (name, value) in flags {
        said.insert(name, (value, format!("flag --{}", name.replace('_', "-"))));
    }
    let config = Reader { said: &said, problems: &mut problems }.config();
    if problems.is_empty() { Ok(config) } else { Err(ConfigError(problems)) }
}

fn read_file(file: Option<PathBuf>, said: &mut Said, problems: &mut Vec<String>) {
    let path = match file {
        Some(path) => path,
        None => {
            let usual = PathBuf::from("interlock.toml");
            if !usual.exists() {
                return;
            }
            usual
        }
    };
    let read = config::Config::builder()
        .add_source(config::File::from(path.clone()).format(config::FileFormat::Toml))
        .build()
        .and_then(config::Config::try_deserialize::<BTreeMap<String, config::Value>>);
    match read {
        Err(error) => problems.push(format!("{} cannot be read: {error}", path.display())),
        Ok(values) => {
            for (name, value) in values {
                let Some(key) = KEYS.iter().find(|key| key.name == name) else {
                    problems.push(format!("{}: there is no key `{name}`{}", path.display(), did_you_mean(&name)));
                    continue;
                };
                match value.into_string() {
                    Ok(value) => drop(said.insert(key.name, (value, path.display().to_string()))),
                    Err(_) => {
                        problems.push(format!("{}: `{name}` takes one value, not a table or list", path.display()))
                    }
                }
            }
        }
    }
}

fn read_environment(
    environment: impl IntoIterator<Item = (String, String)>,
    said: &mut Said,
    problems: &mut Vec<String>,
) {
    let mut ours = false;
    for (variable, value) in environment {
        if variable == "DATABASE_URL" && !ours && !value.is_empty() {
            said.insert("database_url", (value, variable));
            continue;
        }
        let Some(name) = variable.strip_prefix("INTERLOCK_").map(str::to_lowercase) else { continue };
        match KEYS.iter().find(|key| key.name == name) {
            Some(key) => {
                ours |= key.name == "database_url";
                said.insert(key.name, (value, variable));
            }
            // Connections name their secrets env:INTERLOCK_…, and tests have variables of their own: only what is nearly
            // a key is a mistake.
            None => {
                let hint = did_you_mean(&name);
                if !hint.is_empty() {
                    problems.push(format!("{variable}: there is no such setting{hint}"));
                }
            }
        }
    }
}

/// The nearest key, where one is near.
fn did_you_mean(name: &str) -> String {
    let near = KEYS.iter().map(|key| (distance(name, key.name), key.name)).min().filter(|(distance, _)| *distance <= 3);
    near.map(|(_, key)| format!("; did you mean `{key}`?")).unwrap_or_default()
}

/// Edits between two words (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, other) in b.iter().enumerate() {
            let change = diagonal + usize::from(letter != *other);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

/// Reads one value after another and collects what is wrong.
struct Reader<'a> {
    said: &'a Said,
    problems: &'a mut Vec<String>,
}

impl Reader<'_> {
    fn config(&mut self) -> Config {
        let listen = self
            .value("listen", "an address and a port such as 127.0.0.1:3000")
            .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0)));
        let idle = self.number("session_idle_minutes", 5, 1_440);
        let absolute = self.number("session_absolute_hours", 1, 720);
        Config {
            database_url: self.database_url(),
            data_dir: self.text("data_dir").map_or_else(default_data_dir, PathBuf::from),
            secrets_dir: self.text("secrets_dir").map(PathBuf::from),
            files: self.text("files"),
            files_quota: u64::try_from(self.number("files_quota_mb", 1, 1_000_000)).unwrap_or(1) * 1024 * 1024,
            virus_scanner: self.text("virus_scanner"),
            database_connections: u32::try_from(self.number("database_connections", 2, 200)).unwrap_or(16),
            listen,
            public_url: self.public_url(),
            trusted_proxies: self.trusted_proxies(),
            site_root: self.text("site_root").map_or_else(default_site_root, PathBuf::from),
            organisation: self.text("organisation").unwrap_or_default(),
            help_email: self.text("help_email"),
            lifetimes: Lifetimes {
                idle: TimeDelta::minutes(idle),
                absolute: TimeDelta::hours(absolute),
                ..Lifetimes::default()
            },
            requests_per_second: u32::try_from(self.number("requests_per_second", 0, 100_000))
                .ok()
                .filter(|rate| *rate > 0),
            log_filter: self.log_filter(),
            log_format: self.value("log_format", "human or json").unwrap_or_default(),
        }
    }

    /// None where nothing, or nothing but blanks, was said.
    fn text(&self, name: &str) -> Option<String> {
        self.said.get(name).map(|(value, _)| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    fn wrong(&mut self, name: &str, right: &str) {
        let (value, whence) = self.said.get(name).cloned().unwrap_or_default();
        // An address of a database holds its password.
        let shown = if name == "database_url" { "what is given".to_owned() } else { format!("“{value}”") };
        self.problems.push(format!("{name} ({whence}): {shown} is not {right}"));
    }

    fn value<T: std::str::FromStr>(&mut self, name: &str, right: &str) -> Option<T> {
        let parsed = self.text(name)?.parse().ok();
        if parsed.is_none() {
            self.wrong(name, right);
        }
        parsed
    }

    fn number(&mut self, name: &str, from: i64, to: i64) -> i64 {
        let right = format!("a whole number from {from} to {to}");
        match self.text(name).map(|text| text.parse::<i64>()) {
            Some(Ok(number)) if (from..=to).contains(&number) => number,
            _ => {
                self.wrong(name, &right);
                from
            }
        }
    }

    fn database_url(&mut self) -> Option<String> {
        let url = self.text("database_url")?;
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            self.wrong("database_url", "an address like postgres://user@host/database");
        }
        Some(url)
    }

    fn public_url(&mut self) -> Option<String> {
        let url = self.text("public_url")?;
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        match rest {
            Some(host) if !host.is_empty() && !host.trim_end_matches('/').contains('/') => {
                Some(url.trim_end_matches('/').to_owned())
            }
            _ => {
                self.wrong("public_url", "an address like https://portal.company.example, without a path");
                None
            }
        }
    }

    fn trusted_proxies(&mut self) -> Vec<IpAddr> {
        let text = self.text("trusted_proxies").unwrap_or_default();
        let parsed: Result<Vec<IpAddr>, _> =
            text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::parse).collect();
        parsed.unwrap_or_else(|_| {
            self.wrong("trusted_proxies", "a list of addresses such as 10.0.0.1, 10.0.0.2");
            Vec::new()
        })
    }

    fn log_filter(&mut self) -> String {
        let filter = self.text("log_filter").unwrap_or_default();
        if tracing_subscriber::EnvFilter::try_new(&filter).is_err() {
            self.wrong("log_filter", "a list of directives such as info,store=debug");
        }
        filter
    }
}

/// Root's home is closed to the account that PostgreSQL runs as when root starts it.
fn default_data_dir() -> PathBuf {
    // SAFETY: geteuid cannot fail and touches nothing.
    let root = unsafe { libc::geteuid() } == 0;
    let named = |variable: &str| std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    match (named("XDG_DATA_HOME"), named("HOME")) {
        (Some(data), _) => data.join("interlock"),
        (None, Some(home)) if !root => home.join(".local/share/interlock"),
        _ => PathBuf::from("/var/lib/interlock"),
    }
}

/// Where `cargo xtask build` puts it: beside the directory of the programs.
fn default_site_root() -> PathBuf {
    let program = std::env::current_exe().ok();
    program
        .as_deref()
        .and_then(std::path::Path::parent)
        .and_then(std::path::Path::parent)
        .map_or_else(|| PathBuf::from("site"), |target| target.join("site"))
}

#[cfg(test)]
mod tests {
    use super::{Config, ConfigError, read};

    fn from(environment: &[(&str, &str)], flags: Vec<(&'static str, String)>) -> Result<Config, ConfigError> {
        read(None, environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())), flags)
    }

    #[test]
    fn the_later_source_wins() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("house.toml");
        std::fs::write(&file, "listen = \"127.0.0.1:1000\"\norganisation = \"File\"\nsession_idle_minutes = 30\n")
            .expect("written");
        let environment = [
            ("INTERLOCK_LISTEN".to_owned(), "127.0.0.1:2000".to_owned()),
            ("INTERLOCK_ORGANISATION".to_owned(), "Environment".to_owned()),
        ];
        let config = read(Some(file), environment, vec![("listen", "127.0.0.1:3001".to_owned())]).expect("right");
        assert_eq!(config.listen.port(), 3001);
        assert_eq!(config.organisation, "Environment");
        assert_eq!(config.lifetimes.idle.num_minutes(), 30);
        assert_eq!(config.lifetimes.absolute.num_hours(), 24);
    }

    #[test]
    fn all_mistakes_are_reported_together_with_key_value_and_remedy() {
        let wrong = from(
            &[
                ("INTERLOCK_LISTEN", "everywhere"),
                ("INTERLOCK_SESSION_IDLE_MINUTES", "0"),
                ("INTERLOCK_SESION_IDLE_MINUTES", "30"),
                ("DATABASE_URL", "mysql://root:secret@db/x"),
                ("INTERLOCK_TRYTON_KEY", "not ours"),
            ],
            vec![("log_format", "loud".to_owned())],
        );
        let said = wrong.expect_err("five mistakes").to_string();
        for part in [
            "5 mistakes",
            "listen (INTERLOCK_LISTEN): “everywhere” is not an address and a port",
            "session_idle_minutes (INTERLOCK_SESSION_IDLE_MINUTES): “0” is not a whole number from 5 to 1440",
            "INTERLOCK_SESION_IDLE_MINUTES: there is no such setting; did you mean `session_idle_minutes`?",
            "log_format (flag --log-format): “loud” is not human or json",
            "database_url (DATABASE_URL): what is given is not an address like postgres://",
        ] {
            assert!(said.contains(part), "{part}\nis missing in\n{said}");
        }
        assert!(!said.contains("secret"));
    }

    #[test]
    fn the_example_file_names_every_key() {
        let example = include_str!("../../.env.example");
        for key in super::KEYS {
            let variable = format!("#INTERLOCK_{}=", key.name.to_uppercase());
            assert!(example.contains(&variable), "{variable} is missing in .env.example");
        }
    }

    #[test]
    fn https_makes_cookies_secure() {
        assert!(from(&[("INTERLOCK_PUBLIC_URL", "https://portal.example/")], Vec::new()).expect("right").secure());
        assert!(!from(&[], Vec::new()).expect("right").secure());
    }
}
