//! What can go wrong between a command and the database.

use domain::confirmation::Problem;
use domain::refusal::{Finding, Weight};

/// Why a command was not carried out. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// A rule says no, in words for the person who tried.
    #[error("{}", problems.first().map_or_else(|| "refused".to_owned(), |problem| problem.refusal.to_string()))]
    Refused {
        /// What is wrong, field by field.
        problems: Vec<Problem>,
    },
    /// Checks stop it, in words for the person who tried. Holds the warnings too.
    #[error("{}", findings.iter().find(|finding| finding.weight == Weight::Stops).map_or("refused", |finding| finding.message.as_str()))]
    Stopped {
        /// What is wrong, place by place.
        findings: Vec<Finding>,
    },
    /// The thing does not exist, or is not the actor's to see. Both look the same from outside.
    #[error("{what} was not found")]
    NotFound {
        /// What was looked for.
        what: &'static str,
    },
    /// It is about something that another system has not told yet. May be tried again later: messages of two systems come in
    /// any order.
    #[error("{what} is not known here yet")]
    NotYet {
        /// What is waited for.
        what: String,
    },
    /// Not understood at the edge, in words for the person who tried.
    #[error("{0}")]
    Invalid(String),
    /// The actor may not do this.
    #[error("{0}")]
    Denied(String),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Vec<Problem>> for CommandError {
    fn from(problems: Vec<Problem>) -> Self {
        Self::Refused { problems }
    }
}

impl From<Vec<Finding>> for CommandError {
    fn from(findings: Vec<Finding>) -> Self {
        Self::Stopped { findings }
    }
}

impl From<domain::access::Denied> for CommandError {
    fn from(denied: domain::access::Denied) -> Self {
        Self::Denied(denied.to_string())
    }
}

impl From<sqlx::Error> for CommandError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// The database could not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No connection, a time-out, a broken statement.
    #[error("the database did not answer as expected")]
    Database(#[from] sqlx::Error),
    /// A row holds what this version cannot read.
    #[error("a stored {what} cannot be read: {problem}")]
    Unreadable {
        /// What kind of thing.
        what: &'static str,
        /// Why.
        problem: String,
    },
    /// Another owner writes for this connection now; whoever gets this stops.
    #[error("this worker no longer owns the connection")]
    Deposed,
}

impl StoreError {
    /// A stored word or document that this version does not understand.
    pub fn unreadable(what: &'static str, problem: impl std::fmt::Display) -> Self {
        Self::Unreadable { what, problem: problem.to_string() }
    }

    /// Whether trying again at once may help: serialisation failures and deadlocks.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Database(sqlx::Error::Database(error)) => matches!(error.code().as_deref(), Some("40001" | "40P01")),
            Self::Database(sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut) => true,
            _ => false,
        }
    }

    /// Whether the rows themselves are the problem, so that the same rows will never be taken: a number that is too large,
    /// a reference that leads nowhere. A key that is taken is not: whoever took it may have been faster only this once.
    pub fn is_about_the_data(&self) -> bool {
        match self {
            Self::Database(sqlx::Error::Database(error)) => {
                error.code().is_some_and(|code| code != "23505" && (code.starts_with("22") || code.starts_with("23")))
            }
            Self::Database(sqlx::Error::Encode(_)) => true,
            _ => false,
        }
    }
}

/// The name of the constraint that refused a row, where that is what happened.
pub(crate) fn constraint(error: &sqlx::Error) -> Option<&str> {
    match error {
        sqlx::Error::Database(error) => error.constraint(),
        _ => None,
    }
}
