//! What a machine is told when something cannot be done: a problem document (RFC 9457) with the findings of the same checks
//! that a page shows, each with its place and its rule.

use axum::response::{IntoResponse, Response};
use domain::confirmation::Refusal;
use domain::id::CorrelationId;
use domain::refusal::{Field, Finding, Weight};
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use store::{CommandError, StoreError};
use utoipa::ToSchema;

/// Why a call was not carried out. Nothing was changed.
#[derive(Debug, Clone)]
pub struct Refused {
    /// The HTTP status.
    pub status: StatusCode,
    /// In words.
    pub detail: String,
    /// Place by place, where checks stopped it.
    pub findings: Vec<Finding>,
    /// Seconds to wait before it is worth trying again.
    pub retry_after: Option<u64>,
}

/// A problem document, RFC 9457.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Always `about:blank`: the status and the rules of the findings say what it is.
    #[serde(rename = "type")]
    kind: String,
    /// The status in words.
    title: String,
    /// The HTTP status.
    status: u16,
    /// What is wrong and how to mend it.
    detail: String,
    /// To be named to support; also in the header x-correlation-id.
    correlation_id: String,
    /// What checks found, place by place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    findings: Vec<FindingOut>,
}

/// What a check has to say: what the rule was and how to mend it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct FindingOut {
    /// Where in the body, e.g. `lines.1.quantity`; empty when it is about the whole.
    pub at: String,
    /// The rule in one word. Never renamed.
    pub rule: String,
    /// In words.
    pub message: String,
    /// Whether it stops the sending, or only warns.
    pub stops: bool,
}

impl From<Finding> for FindingOut {
    fn from(finding: Finding) -> Self {
        let stops = finding.weight == Weight::Stops;
        Self { at: finding.at, rule: finding.rule, message: finding.message, stops }
    }
}

impl Refused {
    /// With that status and these words.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), findings: Vec::new(), retry_after: None }
    }

    /// As a document; also for whoever reads only headers.
    pub fn told(self, correlation: CorrelationId) -> Response {
        let document = Problem {
            kind: "about:blank".to_owned(),
            title: self.status.canonical_reason().unwrap_or("Refused").to_owned(),
            status: self.status.as_u16(),
            detail: self.detail,
            correlation_id: correlation.to_string(),
            findings: self.findings.into_iter().map(FindingOut::from).collect(),
        };
        let body = serde_json::to_string(&document).unwrap_or_default();
        let kind = [(header::CONTENT_TYPE, "application/problem+json")];
        let mut response = (self.status, kind, body).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// Carried to [`super::call::admit`], which knows the correlation id.
impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<CommandError> for Refused {
    fn from(error: CommandError) -> Self {
        let detail = error.to_string();
        match error {
            CommandError::Refused { problems } => {
                let old =
                    |refusal: &Refusal| matches!(refusal, Refusal::OldRevision { .. } | Refusal::StaleLine { .. });
                let denied = problems.iter().any(|problem| matches!(problem.refusal, Refusal::NotAllowed(_)));
                let status = match problems.iter().any(|problem| old(&problem.refusal)) {
                    true => StatusCode::PRECONDITION_FAILED,
                    false if denied => StatusCode::FORBIDDEN,
                    false => StatusCode::UNPROCESSABLE_ENTITY,
                };
                let findings = problems.into_iter().map(|problem| {
                    let line = problem.schedule_line_id.map(|id| format!("answers.{id}"));
                    let at = match (line, problem.field) {
                        (None, _) => String::new(),
                        (Some(line), Field::Answer | Field::Reason | Field::Note) => {
                            format!("{line}.{}", word(&problem.field))
                        }
                        (Some(line), field) => format!("{line}.parts.{}.{}", problem.part, word(&field)),
                    };
                    Finding::stops(at, &snake(&word(&problem.refusal)), problem.refusal.to_string())
                });
                Self { findings: findings.collect(), ..Self::new(status, detail) }
            }
            CommandError::Stopped { findings } => {
                let old = findings.iter().any(|finding| finding.rule == "old_version");
                let status = if old { StatusCode::PRECONDITION_FAILED } else { StatusCode::UNPROCESSABLE_ENTITY };
                Self { findings, ..Self::new(status, detail) }
            }
            CommandError::NotFound { what } => {
                Self::new(StatusCode::NOT_FOUND, format!("There is no such {what}, or it is not for this key to see."))
            }
            CommandError::Invalid(message) => Self::new(StatusCode::UNPROCESSABLE_ENTITY, message),
            CommandError::NotYet { .. } => Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail),
            CommandError::Denied(why) => Self::new(StatusCode::FORBIDDEN, why),
            CommandError::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        if error.is_about_the_data() {
            let words =
                "A value is of a kind that cannot be stored, e.g. a number that is too large or a zero character.";
            return Self::new(StatusCode::UNPROCESSABLE_ENTITY, words);
        }
        tracing::error!(error = &error as &dyn std::error::Error, "A call of a machine could not be answered");
        let (status, retry_after) = match error.is_transient() {
            true => (StatusCode::SERVICE_UNAVAILABLE, Some(5)),
            false => (StatusCode::INTERNAL_SERVER_ERROR, None),
        };
        let words =
            "The portal could not carry this out. Nothing was changed. Try again with the same Idempotency-Key.";
        Self { retry_after, ..Self::new(status, words) }
    }
}

/// The name of a variant, as it is written in JSON.
fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(serde_json::Value::Object(one)) => one.into_iter().next().map(|(word, _)| word).unwrap_or_default(),
        _ => String::new(),
    }
}

fn snake(word: &str) -> String {
    let mut snake = String::new();
    for letter in word.chars() {
        if letter.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}
