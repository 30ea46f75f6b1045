//! `GET /shipments/{number}/print/labels.pdf` and `….zpl`: the logistics labels of a ship notice, for who may see it.
//! `?size=a6|a5|4x6`, and for ZPL `?dots=8|12` per millimetre.
//!
//! Files and no pages, so they are made here and not in `app`: two thousand labels take about a second of one core, on a
//! thread of their own, and never more than two lots of them at a time.

use app::error::AppError;
use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, Query, State as Given};
use axum::response::{IntoResponse, Response};
use domain::access::Actor;
use domain::id::CorrelationId;
use http::header;
use labels::LabelError;
use labels::label::{self, Party};
use labels::layout::Layout;
use labels::paper::Paper;
use labels::zpl::Dots;
use serde::Deserialize;
use store::sessions::{PERSON, SignedIn};
use store::ship_notices::{self, ShipNoticeRecord};
use store::{CommandError, Who};
use tokio::sync::Semaphore;
use tower_sessions::Session;

use crate::answers::refuse;
use crate::state::State;

/// How many print at the same time; the others wait.
static PRESSES: Semaphore = Semaphore::const_new(2);

/// What the address asks for.
#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    size: Option<String>,
    dots: Option<u8>,
}

/// The labels as PDF.
pub async fn pdf(
    Given(state): Given<State>,
    session: Session,
    correlation: Option<Extension<CorrelationId>>,
    Path(number): Path<String>,
    Query(asked): Query<Asked>,
) -> Response {
    let made = async {
        let paper = paper(&asked)?;
        let record = found(&state, &session, correlation.map(|given| given.0), &number).await?;
        let (name, from, to) = (record.notice.number.clone(), from(&record), to(&record));
        let title = format!("Labels of {name}");
        let document =
            press(move || labels::pdf::pdf(&title, label::of_notice(&record.notice, &from, &to), paper)).await?;
        Ok(file(format!("labels-{name}.pdf"), "application/pdf", document))
    };
    made.await.unwrap_or_else(refuse)
}

/// The labels for thermal printers.
pub async fn zpl(
    Given(state): Given<State>,
    session: Session,
    correlation: Option<Extension<CorrelationId>>,
    Path(number): Path<String>,
    Query(asked): Query<Asked>,
) -> Response {
    let made = async {
        let paper = paper(&asked)?;
        let dots = match asked.dots {
            None | Some(8) => Dots::Eight,
            Some(12) => Dots::Twelve,
            Some(other) => return Err(invalid(format!("{other} is no number of dots; printers have 8 or 12 per mm."))),
        };
        let record = found(&state, &session, correlation.map(|given| given.0), &number).await?;
        let (name, from, to) = (record.notice.number.clone(), from(&record), to(&record));
        let text = press(move || {
            let layout = Layout::new(paper)?;
            let labels = label::of_notice(&record.notice, &from, &to);
            labels.map(|label| labels::zpl::zpl(&layout, &label, dots)).collect::<Result<String, LabelError>>()
        });
        Ok(file(format!("labels-{name}.zpl"), "text/plain; charset=utf-8", text.await?.into_bytes()))
    };
    made.await.unwrap_or_else(refuse)
}

fn invalid(message: String) -> AppError {
    AppError::Malformed { status: 400, message }
}

fn paper(asked: &Asked) -> Result<Paper, AppError> {
    asked.size.as_deref().map_or(Ok(Paper::default()), |word| word.parse().map_err(invalid))
}

async fn found(
    state: &State,
    session: &Session,
    correlation: Option<CorrelationId>,
    number: &str,
) -> Result<ShipNoticeRecord, AppError> {
    let correlation = correlation.unwrap_or_else(|| state.house.store.new_correlation());
    let broken = |problem: &dyn std::error::Error| {
        tracing::error!(correlation.id = %correlation, error = problem.to_string(), "Labels could not be printed");
        AppError::Unavailable { correlation: correlation.to_string() }
    };
    let person = session.get::<SignedIn>(PERSON).await.map_err(|error| broken(&error))?;
    let person = person.ok_or(AppError::NotSignedIn)?;
    let actor = Actor::Person { person_id: person.person_id, name: person.name, roles: person.roles };
    let who = Who { actor, scope: person.scope, correlation, address: None };
    let read = async {
        let mut tx = state.house.store.read(who).await?;
        let record = ship_notices::get(&mut tx, number).await?;
        tx.commit().await?;
        Ok::<_, CommandError>(record)
    };
    let record = read.await.map_err(|error| match error {
        CommandError::NotFound { .. } => AppError::NotFound { what: "The ship notice".to_owned() },
        other => broken(&other),
    })?;
    if record.notice.units.is_empty() {
        let message = format!("{} says nothing of packages, so there is nothing to label.", record.notice.number);
        return Err(AppError::Invalid { message });
    }
    Ok(record)
}

async fn press<T: Send + 'static>(
    make: impl FnOnce() -> Result<T, LabelError> + Send + 'static,
) -> Result<T, AppError> {
    let internal = || AppError::Internal { correlation: String::new() };
    let _turn = PRESSES.acquire().await.map_err(|_| internal())?;
    match tokio::task::spawn_blocking(make).await {
        Ok(Ok(made)) => Ok(made),
        Ok(Err(error)) => {
            tracing::error!(error = &error as &dyn std::error::Error, "Labels could not be made");
            Err(internal())
        }
        Err(_) => Err(internal()),
    }
}

fn from(record: &ShipNoticeRecord) -> Party {
    Party { lines: vec![record.supplier.1.clone(), format!("Supplier {}", record.supplier.0)] }
}

fn to(record: &ShipNoticeRecord) -> Party {
    Party { lines: vec![record.plant.1.clone(), format!("Plant {}", record.plant.0)] }
}

/// To be saved: a browser shows no PDF under the policy that files of ours have.
fn file(name: String, media_type: &'static str, content: Vec<u8>) -> Response {
    let disposition = format!("attachment; filename=\"{name}\"");
    let headers = [(header::CONTENT_TYPE, media_type.to_owned()), (header::CONTENT_DISPOSITION, disposition)];
    (headers, Body::from(content)).into_response()
}
