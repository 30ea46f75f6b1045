//! The one HTTP client that all connectors share.
//!
//! It decides once, for everybody, what a call must never do: wait without end, follow a redirect to another host, take an
//! endless answer, or let a secret into an error or a log line. What an answer means is the connector's to say; for the
//! statuses that mean the same everywhere it asks [`Answer::check`].
//!
//! Every call is one span `call` with `connection.kind`, `http.method`, `http.path` (never the query), `http.status` and
//! `duration_ms`.

use std::time::{Duration, Instant, SystemTime};

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::header::{AUTHORIZATION, DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Method, redirect};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tracing::{Instrument, Span, debug, info_span};
use url::Url;

use crate::outcome::Fault;
use crate::settings::{BaseUrl, Secret, SettingsProblem};

/// Nobody asks us to stay away for longer than a day.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);
/// How much of an error's text is kept, in characters: enough to recognise it, too little to be a payload.
const EXCERPT: usize = 200;

/// How long and how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// For the connection and its TLS handshake.
    pub connect: Duration,
    /// For the whole call, answer included.
    pub total: Duration,
    /// The largest answer, unpacked, in bytes.
    pub answer: usize,
}

impl Limits {
    /// The usual limits, with another total time-out where the settings have one.
    pub fn with_total(total: Option<Duration>) -> Self {
        let usual = Self::default();
        let total = total.unwrap_or(usual.total);
        Self { connect: usual.connect.min(total), total, ..usual }
    }
}

impl Default for Limits {
    /// 3 s to connect, 10 s in all, 4 MiB.
    fn default() -> Self {
        Self { connect: Duration::from_secs(3), total: Duration::from_secs(10), answer: 4 * 1024 * 1024 }
    }
}

/// A client for one connection.
#[derive(Debug, Clone)]
pub struct Http {
    kind: &'static str,
    base: Url,
    client: Client,
    headers: HeaderMap,
    secrets: Vec<Secret>,
    limits: Limits,
}

impl Http {
    /// A client for the system at `base`; `kind` is the connector's word in the registry.
    pub fn new(kind: &'static str, base: &BaseUrl, limits: Limits) -> Result<Self, SettingsProblem> {
        // The first one stays: a second call, or one by the server itself, finds a provider and is right to leave it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = Client::builder()
            .user_agent(concat!("Interlock/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(limits.connect)
            .timeout(limits.total)
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .pool_idle_timeout(Duration::from_secs(30))
            // A connection goes where its setting says, whatever the environment of the process says.
            .no_proxy();
        // Without TLS no certificates are needed, and a slim machine has none: loading them would be an error there.
        let builder = if base.url().scheme() == "http" { builder.tls_certs_only([]) } else { builder };
        let client = builder
            .build()
            .map_err(|error| SettingsProblem::new("base_url", format!("No client can be made: {}", chain(&error))))?;
        Ok(Self { kind, base: base.url().clone(), client, headers: HeaderMap::new(), secrets: Vec::new(), limits })
    }

    /// Logs in with `Authorization: Bearer …` on every call; `key` is the setting that holds the secret.
    pub fn bearer(self, key: &str, secret: &Secret) -> Result<Self, SettingsProblem> {
        let value = Secret::new(format!("Bearer {}", secret.expose()));
        self.hiding(secret.clone()).secret_header(key, AUTHORIZATION, &value)
    }

    /// Sends a secret in a header on every call; `key` is the setting that holds it.
    pub fn secret_header(mut self, key: &str, name: HeaderName, secret: &Secret) -> Result<Self, SettingsProblem> {
        let mut value = HeaderValue::from_str(secret.expose())
            .map_err(|_| SettingsProblem::new(key, "The secret contains characters that no header can carry."))?;
        value.set_sensitive(true);
        self.headers.insert(name, value);
        Ok(self.hiding(secret.clone()))
    }

    /// Blots this text out of everything that comes back.
    pub fn hiding(mut self, secret: Secret) -> Self {
        if !secret.expose().is_empty() {
            self.secrets.push(secret);
            // The longest first, so that a secret inside another one leaves no rest.
            self.secrets.sort_by_key(|secret| std::cmp::Reverse(secret.expose().len()));
        }
        self
    }

    /// The text without any of the connection's secrets.
    pub fn redact(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret.expose(), "[secret]"))
    }

    /// Makes a call and reads the whole answer, whatever its status. Only a call that brought no answer is a fault here.
    pub async fn send(&self, call: Call<'_>) -> Result<Answer, Fault> {
        let span = info_span!(
            "call",
            connection.kind = self.kind,
            http.method = %call.method,
            http.path = call.path,
            http.status = tracing::field::Empty,
            duration_ms = tracing::field::Empty,
        );
        let started = Instant::now();
        async {
            let result = self.exchange(&call).await;
            let span = Span::current();
            span.record("duration_ms", u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX));
            match &result {
                Ok(answer) => {
                    span.record("http.status", answer.status);
                    debug!(answer.bytes = answer.body.len(), "The other system answered.");
                }
                Err(fault) => debug!(fault.class = %fault.class(), "The other system did not answer."),
            }
            result
        }
        .instrument(span)
        .await
    }

    async fn exchange(&self, call: &Call<'_>) -> Result<Answer, Fault> {
        let asked = format!("{} {}", call.method, call.path);
        let mut request = self.client.request(call.method.clone(), self.url(call)).headers(self.headers.clone());
        for (name, value) in &call.headers {
            request = request.header(*name, value);
        }
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        let mut response = request.send().await.map_err(|error| self.unanswered(&asked, error))?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let mut bytes = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if bytes.len() + chunk.len() > self.limits.answer => {
                    return Err(Fault::Contract {
                        message: format!(
                            "{asked}: the answer is larger than {} bytes. Is this the right address?",
                            self.limits.answer
                        ),
                    });
                }
                Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
                Ok(None) => break,
                Err(error) => {
                    let what = if error.is_timeout() { "took too long" } else { "broke off" };
                    return Err(Fault::Temporary {
                        message: format!("{asked}: the answer {what} ({}).", self.redact(&chain(&error.without_url()))),
                        after: None,
                    });
                }
            }
        }
        Ok(Answer {
            asked,
            status,
            headers,
            body: String::from_utf8_lossy(&bytes).into_owned(),
            secrets: self.secrets.clone(),
        })
    }

    fn url(&self, call: &Call<'_>) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(call.path.split('/').filter(|segment| !segment.is_empty()));
            // Some servers tell `/rpc/` from `/rpc`, and a redirect is not followed.
            if call.path.len() > 1 && call.path.ends_with('/') {
                segments.push("");
            }
        }
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        url
    }

    /// No answer came: whether the other side is down, slow, or not who it should be.
    fn unanswered(&self, asked: &str, error: reqwest::Error) -> Fault {
        let (timeout, connect, dns, certificate) =
            (error.is_timeout(), error.is_connect(), error.is_dns(), is_about_tls(&error));
        let why = self.redact(&chain(&error.without_url()));
        let host = self.base.host_str().unwrap_or_default();
        if certificate {
            return Fault::Contract { message: format!("{asked}: the identity of {host} is not proven ({why}).") };
        }
        if dns {
            return Fault::Down { message: format!("{asked}: the host {host} is not known ({why})."), after: None };
        }
        if connect {
            return Fault::Down { message: format!("{asked}: {host} cannot be reached ({why})."), after: None };
        }
        if timeout {
            let message = format!("{asked}: no answer within {} ms.", self.limits.total.as_millis());
            return Fault::Temporary { message, after: None };
        }
        Fault::Down { message: format!("{asked}: {host} broke the connection off ({why})."), after: None }
    }
}

/// One call to make.
#[derive(Debug, Clone)]
pub struct Call<'a> {
    method: Method,
    path: &'a str,
    query: Vec<(&'a str, String)>,
    headers: Vec<(&'static str, String)>,
    body: Option<Value>,
}

impl<'a> Call<'a> {
    /// A call with any method. The path is relative to the connection's address; it is escaped and appears in spans, so it
    /// must not hold a secret.
    pub const fn new(method: Method, path: &'a str) -> Self {
        Self { method, path, query: Vec::new(), headers: Vec::new(), body: None }
    }

    /// Reads.
    pub const fn get(path: &'a str) -> Self {
        Self::new(Method::GET, path)
    }

    /// Sends.
    pub const fn post(path: &'a str) -> Self {
        Self::new(Method::POST, path)
    }

    /// Adds `name=value` after the question mark, escaped; not part of any span.
    pub fn query(mut self, name: &'a str, value: impl ToString) -> Self {
        self.query.push((name, value.to_string()));
        self
    }

    /// Adds a header that is no secret.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Names the delivery, so that a second try has no second effect (HTTP `Idempotency-Key`).
    pub fn idempotency_key(self, key: impl Into<String>) -> Self {
        self.header("idempotency-key", key)
    }

    /// Sends a JSON body.
    pub fn json(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    /// Sends a typed value as a JSON body; a value that JSON cannot say is our own mistake and will fail each time.
    pub fn body<T: Serialize>(self, body: &T) -> Result<Self, Fault> {
        serde_json::to_value(body)
            .map(|body| self.json(body))
            .map_err(|error| Fault::Permanent { message: format!("The message cannot be written as JSON: {error}.") })
    }
}

/// What came back, whatever its status.
#[derive(Debug, Clone)]
pub struct Answer {
    asked: String,
    /// The HTTP status.
    pub status: u16,
    headers: HeaderMap,
    /// The whole body, unpacked.
    pub body: String,
    secrets: Vec<Secret>,
}

impl Answer {
    /// A header by its lower case name, where it is there and readable.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// 2xx.
    pub const fn is_success(&self) -> bool {
        matches!(self.status, 200..=299)
    }

    /// How long to stay away, from `Retry-After`: seconds, or a date counted from the answer's own `Date` so that a wrong
    /// clock on either side does not matter. At most a day.
    pub fn retry_after(&self) -> Option<Duration> {
        let text = self.header(RETRY_AFTER.as_str())?.trim();
        let wait = match text.parse::<u64>() {
            Ok(seconds) => Duration::from_secs(seconds),
            Err(_) => {
                let from = self.date().unwrap_or_else(now);
                (http_date(text)? - from).to_std().unwrap_or_default()
            }
        };
        Some(wait.min(LONGEST_WAIT))
    }

    /// Their clock when they answered.
    pub fn date(&self) -> Option<DateTime<Utc>> {
        self.header(DATE.as_str()).and_then(http_date)
    }

    /// Their clock minus ours, to the second.
    pub fn clock_skew(&self) -> Option<TimeDelta> {
        self.date().map(|date| TimeDelta::seconds((date - now()).num_seconds()))
    }

    /// Reads the body as JSON; a body that is not what was agreed is a broken contract.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        let mut reader = serde_json::Deserializer::from_str(&self.body);
        serde_path_to_error::deserialize(&mut reader).map_err(|error| Fault::Contract {
            message: self.redact(&format!(
                "{}: the answer is not as agreed: at {}: {}.",
                self.asked,
                error.path(),
                error.inner()
            )),
        })
    }

    /// The statuses that mean the same for every system. What is left over is for the connector to read: success, and
    /// 409 and 422, which may be a refusal, a lock or a duplicate.
    pub fn check(self) -> Result<Self, Fault> {
        let after = self.retry_after();
        let message = || self.says();
        match self.status {
            200..=299 | 409 | 422 => Ok(self),
            401 | 403 => Err(Fault::Credentials { message: message() }),
            // A redirect is not followed: it could carry the log-in to a stranger.
            300..=399 | 404 | 405 | 406 | 410 | 415 | 501 | 505 => Err(Fault::Contract { message: message() }),
            503 => Err(Fault::Down { message: message(), after }),
            // 423 is a document that somebody has open.
            408 | 423 | 425 | 429 | 500..=599 => Err(Fault::Temporary { message: message(), after }),
            _ => Err(Fault::Permanent { message: message() }),
        }
    }

    /// What was asked and what came back, in one line without secrets: for faults.
    pub fn says(&self) -> String {
        // Blotted out before it is cut: half a secret is still one.
        let text = excerpt(&self.redact(&self.body));
        let known = reqwest::StatusCode::from_u16(self.status).ok().and_then(|status| status.canonical_reason());
        let status = known.map_or_else(|| self.status.to_string(), |words| format!("{} {words}", self.status));
        if text.is_empty() { format!("{}: {status}.", self.asked) } else { format!("{}: {status}: {text}", self.asked) }
    }

    /// The text without any of the connection's secrets.
    pub fn redact(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret.expose(), "[secret]"))
    }
}

/// Our clock, to compare with theirs: the only place of this crate that looks at it.
pub(crate) fn now() -> DateTime<Utc> {
    DateTime::from(SystemTime::now())
}

fn http_date(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc2822(text.trim()).ok().map(|date| date.to_utc())
}

/// The beginning of a body in one line; a page of HTML says nothing to anybody.
fn excerpt(body: &str) -> String {
    if body.trim_start().starts_with('<') {
        return String::new();
    }
    let line = body.split_whitespace().collect::<Vec<_>>().join(" ");
    let cut: String = line.chars().take(EXCERPT).collect();
    if cut.len() < line.len() { format!("{cut} …") } else { cut }
}

/// An error with all its causes in one line, each said once.
fn chain(error: &dyn std::error::Error) -> String {
    let mut words = vec![error.to_string()];
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !words.iter().any(|said| said.contains(&text)) {
            words.push(text);
        }
        next = cause.source();
    }
    words.join(": ")
}

fn is_about_tls(error: &reqwest::Error) -> bool {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(cause) = next {
        // An io::Error hides the error that it wraps from `source`.
        let wrapped = cause.downcast_ref::<std::io::Error>().and_then(|io| io.get_ref());
        if cause.is::<rustls::Error>() || wrapped.is_some_and(|inner| inner.is::<rustls::Error>()) {
            return true;
        }
        next = cause.source();
    }
    false
}

#[cfg(test)]
#[path = "http/tests.rs"]
mod tests;
