//! The doors for files: `POST /do/upload-files` takes them, `GET /documents/:id` gives them back.
//!
//! A form that has files is sent here as a whole, by its button "Attach": what was typed is kept as the form's draft
//! (`app::form`), the files are kept as documents and named in it, and the person is back on the form. So it works without
//! JavaScript, and nothing typed is lost.
//!
//! A file is written to an unnamed temporary file while it is read and cut off at the limit; only then is it looked at and kept
//! by its hash, see [`crate::intake`]. What is given back is always an attachment, under a policy that lets it do nothing in a browser.

use std::collections::BTreeMap;
use std::io::{Read as _, Seek as _, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use app::error::AppError;
use app::form::FieldProblem;
use app::request::{Address, own_path, sign_in_path};
use app::uploads::Known;
use app::viewer::Viewer;
use axum::Router;
use axum::body::Body;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{DefaultBodyLimit, FromRequest as _, Multipart, Path, Request, State as Given};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use domain::access::Scope;
use domain::document::{LARGEST_FILE, MediaType, NotTaken, shown_name};
use domain::id::{CorrelationId, DocumentId, SupplierId};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::Value;
use store::documents;
use store::sessions::{PERSON, SignedIn};
use store::{CommandError, Who, drafts};
use tower_sessions::Session;

use crate::answers::refuse;
use crate::intake::{Intake, Refusal};
use crate::state::State;

/// Below this path bodies are limited here, not by [`crate::guard::limited_body`].
pub const PATH: &str = "/do/upload-files";
/// How long one sending of files may take.
pub const LONGEST: Duration = Duration::from_secs(300);
/// The most files of one sending.
const MOST_FILES: usize = 10;
/// All of one sending together, in bytes.
const LARGEST_SENDING: u64 = 4 * LARGEST_FILE as u64 + 1024 * 1024;
/// All fields that are no files together, in bytes.
const LARGEST_FIELDS: usize = 1024 * 1024;
/// The most fields that are no files.
const MOST_FIELDS: usize = 10_000;

/// What the doors for files need.
#[derive(Debug, Clone)]
pub struct Uploads {
    /// What is asked of each file.
    pub intake: Intake,
    /// Where temporary files lie; unnamed, so that none is left behind.
    temporary: PathBuf,
}

impl Uploads {
    /// With a folder for what is still coming.
    pub const fn new(intake: Intake, temporary: PathBuf) -> Self {
        Self { intake, temporary }
    }
}

/// Both doors.
pub fn router(state: &State) -> Router {
    Router::new()
        .route(PATH, post(take).layer(DefaultBodyLimit::disable()))
        .route("/documents/{id}", get(give))
        .with_state(state.clone())
}

/// Whoever asks, from what the layers before left in the request.
async fn who(extensions: &http::Extensions) -> Result<(Who, Viewer), AppError> {
    let internal = || AppError::Internal { correlation: String::new() };
    let session = extensions.get::<Session>().ok_or_else(internal)?;
    let person = session.get::<SignedIn>(PERSON).await.map_err(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "A session could not be read");
        AppError::Unavailable { correlation: String::new() }
    })?;
    let viewer = Viewer::from(person.ok_or(AppError::NotSignedIn)?);
    let who = Who {
        actor: viewer.actor(),
        scope: viewer.scope.clone(),
        correlation: extensions.get::<CorrelationId>().copied().ok_or_else(internal)?,
        address: extensions.get::<Address>().map(|address| address.0.clone()),
    };
    Ok((who, viewer))
}

fn see_other(path: &str) -> Response {
    let path = if own_path(path) { path } else { "/" };
    let location = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response()
}

/// A file that was read to its end, or why it was not.
struct Sent {
    /// The id of its input.
    input: String,
    name: String,
    content: Result<std::fs::File, NotTaken>,
}

/// Everything of one sending.
#[derive(Default)]
struct Form {
    /// Names as in the form's HTML.
    fields: Vec<(String, String)>,
    files: Vec<Sent>,
}

async fn take(Given(state): Given<State>, request: Request) -> Response {
    let announced =
        request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let who = match who(request.extensions()).await {
        Ok((who, _)) => who,
        Err(AppError::NotSignedIn) => return see_other(&sign_in_path("/")),
        Err(error) => return refuse(error),
    };
    if announced.is_some_and(|length| length > LARGEST_SENDING) {
        crate::guard::swallow(request.into_body());
        return refuse(AppError::TooLarge { limit: LARGEST_SENDING });
    }
    let mut multipart = match Multipart::from_request(request, &()).await {
        Ok(multipart) => multipart,
        Err(_) => {
            return refuse(AppError::Malformed {
                status: 415,
                message: "This address takes a form with files.".to_owned(),
            });
        }
    };
    let form = match tokio::time::timeout(LONGEST, read(&mut multipart, &state.uploads.temporary)).await {
        Ok(Ok(form)) => form,
        Ok(Err(error)) => {
            swallow(multipart);
            return refuse(error);
        }
        Err(_) => {
            return refuse(AppError::Malformed {
                status: 408,
                message: "The files took too long. Send them one by one.".to_owned(),
            });
        }
    };
    match keep(&state, who, form).await {
        Ok(page) => see_other(&page),
        Err(error) => refuse(error),
    }
}

/// The id of the input that is sent as `f[id]`.
fn input_of(name: &str) -> Option<&str> {
    name.strip_prefix("f[").and_then(|rest| rest.strip_suffix(']'))
}

/// Lets what is still coming run into nothing for a while, so that the browser reads the answer.
fn swallow(mut multipart: Multipart) {
    tokio::spawn(async move {
        let rest = async {
            let mut left = 512_u64 * 1024 * 1024;
            while let Ok(Some(mut field)) = multipart.next_field().await {
                while let Ok(Some(piece)) = field.chunk().await {
                    left = left.saturating_sub(piece.len() as u64);
                    if left == 0 {
                        return;
                    }
                }
            }
        };
        let _enough = tokio::time::timeout(Duration::from_secs(20), rest).await;
    });
}

fn broke_off(_: MultipartError) -> AppError {
    AppError::Malformed { status: 400, message: "The request broke off. Nothing was kept.".to_owned() }
}

async fn read(multipart: &mut Multipart, temporary: &std::path::Path) -> Result<Form, AppError> {
    let mut form = Form::default();
    let (mut fields, mut sending) = (0, 0_u64);
    while let Some(mut field) = multipart.next_field().await.map_err(broke_off)? {
        match field.file_name().map(shown_name) {
            None => {
                let name = field.name().unwrap_or_default().to_owned();
                let mut text = Vec::new();
                while let Some(piece) = field.chunk().await.map_err(broke_off)? {
                    fields += piece.len();
                    if fields > LARGEST_FIELDS {
                        return Err(AppError::TooLarge { limit: LARGEST_FIELDS as u64 });
                    }
                    text.extend_from_slice(&piece);
                }
                if form.fields.len() >= MOST_FIELDS {
                    return Err(AppError::TooLarge { limit: LARGEST_FIELDS as u64 });
                }
                form.fields.push((name, String::from_utf8_lossy(&text).into_owned()));
            }
            Some(name) => {
                let empty_input = field.file_name() == Some("");
                if form.files.len() >= MOST_FILES && !empty_input {
                    let message = format!("Attach at most {MOST_FILES} files at once, and the others after that.");
                    return Err(AppError::Invalid { message });
                }
                let input = field.name().map(|name| input_of(name).unwrap_or(name).to_owned()).unwrap_or_default();
                let content = read_file(&mut field, temporary, &mut sending).await?;
                // A file input that nobody used sends a file without a name, and a form may have many of these.
                if !empty_input {
                    form.files.push(Sent { input, name, content });
                }
            }
        }
    }
    Ok(form)
}

/// Into a temporary file that has no name; not a byte more than the limit.
async fn read_file(
    field: &mut Field<'_>,
    temporary: &std::path::Path,
    sending: &mut u64,
) -> Result<Result<std::fs::File, NotTaken>, AppError> {
    let unavailable = |error: std::io::Error| {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "An upload could not be written to its temporary file"
        );
        AppError::Unavailable { correlation: String::new() }
    };
    let mut file = tempfile::tempfile_in(temporary).map_err(unavailable)?;
    let mut size = 0;
    while let Some(piece) = field.chunk().await.map_err(broke_off)? {
        size += piece.len();
        *sending += piece.len() as u64;
        if size > LARGEST_FILE || *sending > LARGEST_SENDING {
            return Err(AppError::TooLarge { limit: LARGEST_FILE as u64 });
        }
        // Pieces are small and the disk's cache takes them; a thread of its own per piece would cost more.
        file.write_all(&piece).map_err(unavailable)?;
    }
    if size == 0 {
        return Ok(Err(NotTaken::Empty));
    }
    file.rewind().map_err(unavailable)?;
    Ok(Ok(file))
}

/// Keeps files and form, and says which page to show.
async fn keep(state: &State, who: Who, form: Form) -> Result<String, AppError> {
    let field = |name: &str| form.fields.iter().find(|(known, _)| known == name).map(|(_, text)| text.clone());
    let name = field("upload_form").unwrap_or_default();
    let known = app::uploads::known(&name).ok_or(AppError::Invalid {
        message: "This form takes no files. Open the page again and send it from there.".to_owned(),
    })?;
    let object: String = field("upload_object").unwrap_or_default().chars().take(80).collect();
    let mut fields: BTreeMap<String, String> = BTreeMap::new();
    for (name, text) in &form.fields {
        if let Some(key) = input_of(name) {
            fields.insert(key.to_owned(), text.clone());
        }
    }
    let supplier_id = owner(&who.scope, fields.get("supplier").map(String::as_str))?;
    let mut problems = Vec::new();
    let mut attached = 0;
    for sent in form.files {
        match keep_one(state, &who, supplier_id, known, sent.content, &sent.name).await? {
            Ok((id, data)) => {
                attached += 1;
                (known.attach)(&mut fields, &sent.input, id, sent.name);
                if let Some(data) = data {
                    problems.extend((known.read_data)(&mut fields, &data));
                }
            }
            Err(words) => problems.push(FieldProblem::new(sent.input, format!("{}: {words}", sent.name))),
        }
    }
    if attached == 0 && problems.is_empty() {
        problems.push(FieldProblem::new(known.chooser, "Choose a file first, then attach it."));
    }
    let page = (known.page)(&object, &fields);
    let data = (known.draft)(fields, &form.fields);
    let problems: Value = serde_json::to_value(&problems).unwrap_or_default();
    let mut tx = state.house.store.begin(who).await.map_err(AppError::from)?;
    drafts::keep(&mut tx, known.form, &object, &data, &problems).await.map_err(AppError::from)?;
    tx.commit().await.map_err(AppError::from)?;
    Ok(page)
}

/// Whose documents they will be: of the supplier that the form names, if the person may; of the only one; or of the house.
fn owner(scope: &Scope, named: Option<&str>) -> Result<Option<SupplierId>, AppError> {
    let Scope::Suppliers(own) = scope else { return Ok(None) };
    match named.filter(|named| !named.is_empty()) {
        None => Ok(own.first().copied()),
        Some(named) => match named.parse::<SupplierId>() {
            Ok(id) if own.contains(&id) => Ok(Some(id)),
            _ => Err(AppError::NotFound { what: "The supplier".to_owned() }),
        },
    }
}

type Kept = Result<(DocumentId, Option<Vec<u8>>), String>;

/// One file: looked at and kept. The inner error is for the person; data is given where the file is some.
async fn keep_one(
    state: &State,
    who: &Who,
    supplier_id: Option<SupplierId>,
    form: &Known,
    content: Result<std::fs::File, NotTaken>,
    name: &str,
) -> Result<Kept, AppError> {
    let intake = &state.uploads.intake;
    let mut file = match content {
        Ok(file) => file,
        Err(why) => return Ok(Err(why.to_string())),
    };
    let unavailable = || AppError::Unavailable { correlation: String::new() };
    let _turn = intake.turn().await.ok_or_else(unavailable)?;
    let read = move || {
        let mut content = Vec::new();
        file.read_to_end(&mut content)?;
        Ok(content)
    };
    let looked = match intake.look(read, form.takes).await {
        Ok(looked) => looked,
        Err(Refusal::File(words)) => return Ok(Err(words)),
        Err(Refusal::Later(words)) => return Ok(Err(words.to_owned())),
        Err(Refusal::Broken) => return Err(unavailable()),
    };
    let size = looked.content.len();
    let data = (looked.media_type == MediaType::Json).then(|| looked.content.clone());
    let mut tx = state.house.store.begin(who.clone()).await.map_err(AppError::from)?;
    let id = match intake.add(&mut tx, &looked, name, supplier_id).await {
        Ok(id) => id,
        Err(CommandError::Invalid(words)) => return Ok(Err(words)),
        Err(error) => return Err(error.into()),
    };
    intake.keep(looked.content).await.map_err(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "A document could not be kept");
        unavailable()
    })?;
    tx.commit().await.map_err(AppError::from)?;
    tracing::info!(document.id = %id, document.size = size, "A document was kept");
    Ok(Ok((id, data)))
}

/// A document, as an attachment that can do nothing.
async fn give(Given(state): Given<State>, Path(id): Path<String>, request: Request) -> Response {
    let missing = || refuse(AppError::NotFound { what: "The document".to_owned() });
    let who = match who(request.extensions()).await {
        Ok((who, _)) => who,
        Err(AppError::NotSignedIn) => return see_other(&sign_in_path(&format!("/documents/{id}"))),
        Err(error) => return refuse(error),
    };
    let Ok(id) = id.parse::<DocumentId>() else { return missing() };
    let document = async {
        let mut tx = state.house.store.read(who).await?;
        documents::get(&mut tx, id).await
    };
    let document = match document.await {
        Ok(document) => document,
        Err(error) => return refuse(error.into()),
    };
    match state.uploads.intake.files().read(&document.sha256).await {
        Ok(Some((size, pieces))) => {
            let mut response = Body::from_stream(pieces).into_response();
            as_attachment(response.headers_mut(), document.media_type, &document.download_name(), size);
            response
        }
        Ok(None) => {
            tracing::error!(document.id = %id, "The content of a document is missing in its storage");
            missing()
        }
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, document.id = %id, "A document could not be read");
            refuse(AppError::Unavailable { correlation: String::new() })
        }
    }
}

fn as_attachment(headers: &mut HeaderMap, media: MediaType, name: &str, size: u64) {
    let mut say = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    // Only letters and digits in the plain form; the full name as RFC 8187 has it.
    let plain: String = name
        .chars()
        .map(|it| if it.is_ascii_alphanumeric() || matches!(it, '.' | '-' | '_') { it } else { '_' })
        .collect();
    let full = app::address::encoded(name).replace(',', "%2C");
    say(header::CONTENT_TYPE, media.as_str());
    say(header::CONTENT_LENGTH, &size.to_string());
    say(header::CONTENT_DISPOSITION, &format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{full}"));
    say(header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'");
    say(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    say(header::CACHE_CONTROL, "private, no-store");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_header() {
        let mut headers = HeaderMap::new();
        as_attachment(&mut headers, MediaType::Pdf, "Zeugnis \"3.1\"; x=ä.pdf", 5);
        assert_eq!(
            headers[header::CONTENT_DISPOSITION],
            "attachment; filename=\"Zeugnis__3.1___x__.pdf\"; filename*=UTF-8''Zeugnis%20%223.1%22%3B%20x%3D%C3%A4.pdf"
        );
        assert_eq!(headers[header::CONTENT_SECURITY_POLICY], "sandbox; default-src 'none'");
    }

    #[test]
    fn documents_belong_to_a_supplier_of_the_person_or_to_the_house() {
        let (a, b) = (SupplierId(uuid::Uuid::from_u128(1)), SupplierId(uuid::Uuid::from_u128(2)));
        let own = Scope::Suppliers(vec![a]);
        assert_eq!(owner(&own, None), Ok(Some(a)));
        assert_eq!(owner(&own, Some(&a.to_string())), Ok(Some(a)));
        assert!(owner(&own, Some(&b.to_string())).is_err());
        assert_eq!(owner(&Scope::Plants(Vec::new()), Some(&b.to_string())), Ok(None));
    }
}
