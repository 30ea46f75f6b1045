//! Plain forms that work without JavaScript, the same way everywhere: post, keep, see other.
//!
//! A page has `<form method="post" action=Confirm::url()>` (`use leptos::server_fn::ServerFn as _`); the server function does its work in an inner `async` block and
//! hands the outcome to [`Form::answer`]:
//!
//! ```text
//! #[server(input = PostUrl, prefix = "/do", endpoint = "confirm")]
//! pub async fn confirm(order: OrderId, note: String) -> Result<(), AppError> {
//!     let form = Form::new("confirm", order, format!("/orders/{order}/confirm"));
//!     let typed = Typed { note };
//!     let outcome = async {
//!         let mut tx = request::begin().await?;
//!         orders::confirm(&mut tx, typed.command(order)).await?;
//!         tx.commit().await?;
//!         Ok(Done::at(format!("/orders/{order}")).saying("Your answer was sent."))
//!     };
//!     form.answer(&typed, outcome.await).await
//! }
//! ```
//!
//! Done: the draft is forgotten, the notice is kept on the session for the next page, 303 to that page. Refused: what was
//! typed and what is wrong with it is kept as a draft on the server, 303 back to the form, which calls [`Form::kept`] and
//! shows both. Session gone: the same, in the anonymous session, and the person comes back to the form after signing in.
//! Nothing typed or refused ever stands in an address. Anything else is an error page with its status.
//!
//! leptos would answer with its own redirects (302, errors in the address, only for `Accept: text/html`); the status and
//! `Location` that are set here replace them.

use domain::confirmation::{Field, Problem};
use serde::{Deserialize, Serialize};

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldProblem {
    /// The input's id, to link to; empty when it is about the whole form.
    pub field: String,
    /// What is wrong and how to mend it.
    pub message: String,
}

impl FieldProblem {
    /// About one input.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

/// The id of the input that a domain problem is about: `<schedule line>-<part>-<field>`, or the field alone when it is
/// about the whole order.
pub fn field_id(problem: &Problem) -> String {
    let field = match problem.field {
        Field::Answer => "answer",
        Field::Quantity => "quantity",
        Field::DeliverOn => "deliver_on",
        Field::ShipOn => "ship_on",
        Field::Price => "price",
        Field::Reason => "reason",
        Field::Note => "note",
    };
    problem.schedule_line_id.map_or_else(|| field.to_owned(), |line| format!("{line}-{}-{field}", problem.part))
}

/// What was typed and refused, or left unsent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept<T> {
    /// The fields.
    pub typed: T,
    /// What was wrong with them; empty for a draft that nobody sent.
    pub problems: Vec<FieldProblem>,
}

impl<T> Kept<T> {
    /// The problems of one input.
    pub fn about<'a>(&'a self, field: &'a str) -> impl Iterator<Item = &'a str> {
        self.problems.iter().filter(move |problem| problem.field == field).map(|problem| problem.message.as_str())
    }
}

#[cfg(feature = "ssr")]
pub use on_the_server::{Done, Form};

#[cfg(feature = "ssr")]
mod on_the_server {
    use serde::Serialize;
    use serde::de::DeserializeOwned;
    use serde_json::Value;
    use store::{StoreError, drafts};

    use super::{FieldProblem, Kept, field_id};
    use crate::error::AppError;
    use crate::request;

    /// Where to go after success.
    #[derive(Debug, Clone)]
    pub struct Done {
        to: String,
        notice: Option<String>,
    }

    impl Done {
        /// The page to show next.
        pub fn at(to: impl Into<String>) -> Self {
            Self { to: to.into(), notice: None }
        }

        /// With a sentence for the person, shown once.
        #[must_use]
        pub fn saying(mut self, notice: impl Into<String>) -> Self {
            self.notice = Some(notice.into());
            self
        }
    }

    /// A form: its name, the object it is about, and the page it stands on.
    #[derive(Debug, Clone)]
    pub struct Form {
        name: &'static str,
        object: String,
        page: String,
    }

    impl Form {
        /// The form `name` about `object`, on the page at the path `page`.
        pub fn new(name: &'static str, object: impl ToString, page: impl Into<String>) -> Self {
            Self { name, object: object.to_string(), page: page.into() }
        }

        /// Answers the post, see the module's text.
        pub async fn answer<T: Serialize + Sync>(
            &self,
            typed: &T,
            outcome: Result<Done, AppError>,
        ) -> Result<(), AppError> {
            match outcome {
                Ok(done) => {
                    self.forget().await?;
                    if let Some(notice) = &done.notice {
                        request::keep_notice(notice).await?;
                    }
                    request::see_other(&done.to);
                    Ok(())
                }
                Err(AppError::NotSignedIn) => {
                    self.hold(typed, &[]).await?;
                    request::see_other(&request::sign_in_path(&self.page));
                    Ok(())
                }
                Err(error) => {
                    let Some(problems) = problems_of(&error) else {
                        request::answer_with(&error);
                        return Err(error);
                    };
                    self.keep(typed, &problems).await?;
                    request::see_other(&self.page);
                    Ok(())
                }
            }
        }

        /// What was typed before, if anything is kept and this version of the page still understands it.
        pub async fn kept<T: DeserializeOwned>(&self) -> Result<Option<Kept<T>>, AppError> {
            let held = request::session()?.get::<Kept<Value>>(&self.key()).await.map_err(request::session_failed)?;
            let kept = match (held, request::viewer().await) {
                (Some(held), _) => Some(held),
                (None, Ok(_)) => {
                    let mut tx = request::reader().await?;
                    drafts::get(&mut tx, self.name, &self.object).await?.map(|draft| Kept {
                        typed: draft.data,
                        problems: serde_json::from_value(draft.problems).unwrap_or_default(),
                    })
                }
                (None, Err(_)) => None,
            };
            Ok(kept.and_then(|kept| {
                Some(Kept { typed: serde_json::from_value(kept.typed).ok()?, problems: kept.problems })
            }))
        }

        /// Keeps what was typed and what is wrong with it: in the person's drafts, or on the session of a stranger.
        pub async fn keep<T: Serialize + Sync>(&self, typed: &T, problems: &[FieldProblem]) -> Result<(), AppError> {
            if request::viewer().await.is_err() {
                return self.hold(typed, problems).await;
            }
            let mut tx = request::begin().await?;
            let unreadable = |error| StoreError::unreadable("draft", error);
            let (typed, problems) =
                (serde_json::to_value(typed).map_err(unreadable)?, serde_json::to_value(problems).map_err(unreadable)?);
            drafts::keep(&mut tx, self.name, &self.object, &typed, &problems).await?;
            tx.commit().await?;
            // A draft held from before the session ended would hide this one.
            let _older: Option<Value> =
                request::session()?.remove(&self.key()).await.map_err(request::session_failed)?;
            Ok(())
        }

        /// Forgets what was kept.
        pub async fn forget(&self) -> Result<(), AppError> {
            let _held: Option<Value> =
                request::session()?.remove(&self.key()).await.map_err(request::session_failed)?;
            if request::viewer().await.is_ok() {
                let mut tx = request::begin().await?;
                drafts::forget(&mut tx, self.name, &self.object).await?;
                tx.commit().await?;
            }
            Ok(())
        }

        async fn hold<T: Serialize + Sync>(&self, typed: &T, problems: &[FieldProblem]) -> Result<(), AppError> {
            let kept = Kept { typed, problems: problems.to_vec() };
            request::session()?.insert(&self.key(), kept).await.map_err(request::session_failed)
        }

        fn key(&self) -> String {
            format!("form.{}.{}", self.name, self.object)
        }
    }

    /// What a person can mend by typing differently; anything else is an error page.
    fn problems_of(error: &AppError) -> Option<Vec<FieldProblem>> {
        match error {
            AppError::Fields { problems } => Some(problems.clone()),
            AppError::Refused { problems } => Some(
                problems
                    .iter()
                    .map(|problem| FieldProblem::new(field_id(problem), problem.refusal.to_string()))
                    .collect(),
            ),
            AppError::Invalid { .. } | AppError::Conflict { .. } | AppError::TooMany { .. } => {
                Some(vec![FieldProblem::new("", error.to_string())])
            }
            _ => None,
        }
    }
}
