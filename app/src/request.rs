//! The request behind a page or a server function: who is looking, and the transaction to look with. Server only.
//!
//! The doors (`server`) put three things in place before any page runs: [`House`] in the context of leptos; the session and
//! the correlation id among the request's extensions; and the network address of the caller beside them.

use std::sync::Arc;

use domain::id::CorrelationId;
use http::{HeaderValue, StatusCode, header, request::Parts};
use leptos::prelude::use_context;
use leptos_axum::ResponseOptions;
use store::sessions::SignedIn;
use store::{Store, StoreError, Tx, Who};
use tower_sessions::Session;

use crate::access::Doors;
use crate::error::AppError;
use crate::viewer::Viewer;

/// What every page may use.
#[derive(Clone)]
pub struct House {
    /// The database.
    pub store: Store,
    /// Signing in, and what protects it.
    pub doors: Arc<Doors>,
}

/// Where the request came from: the peer, or what a trusted proxy says of it.
#[derive(Debug, Clone)]
pub struct Address(pub String);

/// The house, where a page is being made.
pub fn house() -> Result<House, AppError> {
    use_context::<House>().ok_or_else(|| {
        tracing::error!("A page was asked for outside a request");
        AppError::Internal { correlation: correlation().to_string() }
    })
}

/// The database.
pub fn store() -> Result<Store, AppError> {
    Ok(house()?.store)
}

/// What this request belongs to; on every response as `x-correlation-id`.
pub fn correlation() -> CorrelationId {
    from_request::<CorrelationId>().unwrap_or_else(|| CorrelationId(uuid::Uuid::now_v7()))
}

/// Where the request came from.
pub fn address() -> Option<String> {
    from_request::<Address>().map(|address| address.0)
}

/// One of the request's headers, where it is text.
pub fn header(name: header::HeaderName) -> Option<String> {
    use_context::<Parts>()?.headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// Where this portal is reached, as the reader's own browser reached it: `https://portal.example`.
pub fn origin() -> Result<String, AppError> {
    let scheme = if house()?.doors.settings.secure { "https" } else { "http" };
    Ok(header(header::HOST).map(|host| format!("{scheme}://{host}")).unwrap_or_default())
}

/// The session of this browser; empty until something is put into it.
pub fn session() -> Result<Session, AppError> {
    from_request::<Session>().ok_or_else(|| AppError::Internal { correlation: correlation().to_string() })
}

/// Who is looking. Roles, scope and whether the person may still be here were read with this request.
pub async fn viewer() -> Result<Viewer, AppError> {
    let person = session()?.get::<SignedIn>(store::sessions::PERSON).await.map_err(session_failed)?;
    person.map(Viewer::from).ok_or(AppError::NotSignedIn)
}

/// Begins a transaction that can change something, as the person signed in and within his scope.
pub async fn begin() -> Result<Tx, AppError> {
    Ok(store()?.begin(who().await?).await?)
}

/// Begins a transaction that can only read, as the person signed in and within his scope.
pub async fn reader() -> Result<Tx, AppError> {
    Ok(store()?.read(who().await?).await?)
}

/// The person signed in, as one who acts.
pub async fn who() -> Result<Who, AppError> {
    let viewer = viewer().await?;
    Ok(Who { actor: viewer.actor(), scope: viewer.scope, correlation: correlation(), address: address() })
}

/// One of our own doors, where nobody is signed in yet: sees everything.
pub fn as_program(name: &str) -> Who {
    Who { address: address(), ..Who::program(name, correlation()) }
}

/// Makes the session this person's, after its id was changed.
pub async fn begin_session(session: &Session, person: &SignedIn) -> Result<(), AppError> {
    session.insert(store::sessions::PERSON, person).await.map_err(session_failed)?;
    note_browser(session).await
}

/// Notes on a new session's row where it is used, for the list of the own sessions.
pub async fn note_browser(session: &Session) -> Result<(), AppError> {
    let agent = header(header::USER_AGENT).map(|agent| agent.chars().take(200).collect::<String>());
    session.insert(store::sessions::ADDRESS, address()).await.map_err(session_failed)?;
    session.insert(store::sessions::AGENT, agent).await.map_err(session_failed)
}

/// Keeps the look in a cookie, so that the first byte of a page has it; none follows the device.
pub fn set_theme_cookie(theme: Option<&str>) -> Result<(), AppError> {
    let secure = if house()?.doors.settings.secure { "; Secure" } else { "" };
    let cookie = match theme {
        Some(theme) => format!("theme={theme}; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly{secure}"),
        None => format!("theme=; Path=/; Max-Age=0; SameSite=Lax; HttpOnly{secure}"),
    };
    if let (Some(response), Ok(cookie)) = (use_context::<ResponseOptions>(), HeaderValue::from_str(&cookie)) {
        response.append_header(header::SET_COOKIE, cookie);
    }
    Ok(())
}

/// Answers with 303 and this path. Only paths of ours: anything else goes to the start page.
pub fn see_other(path: &str) {
    let Some(response) = use_context::<ResponseOptions>() else { return };
    let path = if own_path(path) { path } else { "/" };
    response.set_status(StatusCode::SEE_OTHER);
    response.insert_header(header::LOCATION, HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/")));
}

/// Lets the browser load this page again after so many seconds, for news that are a moment away.
///
/// Names the page's address: without it Chromium stays where it is when the address it has ends in a fragment (`#test`).
pub fn look_again(seconds: u32) {
    let here = use_context::<Parts>().and_then(|parts| parts.uri.path_and_query().map(ToString::to_string));
    let Some(here) = here.filter(|here| own_path(here)) else { return };
    let value = HeaderValue::from_str(&format!("{seconds};url={here}"));
    if let (Some(response), Ok(value)) = (use_context::<ResponseOptions>(), value) {
        response.insert_header(header::REFRESH, value);
    }
}

/// Sets the status of an error; who is not signed in is sent to sign in and comes back.
pub fn answer_with(error: &AppError) {
    if *error == AppError::NotSignedIn {
        let here = use_context::<Parts>().filter(|parts| parts.method == http::Method::GET);
        let here = here.and_then(|parts| parts.uri.path_and_query().map(ToString::to_string));
        return see_other(&sign_in_path(here.as_deref().unwrap_or("/")));
    }
    if let (Some(response), Ok(status)) = (use_context::<ResponseOptions>(), StatusCode::from_u16(error.status())) {
        response.set_status(status);
        if let AppError::TooMany { seconds } = error {
            response.insert_header(header::RETRY_AFTER, HeaderValue::from(*seconds));
        }
    }
}

/// The sign-in page that leads back to `next`.
pub fn sign_in_path(next: &str) -> String {
    if next == "/" { "/sign-in".to_owned() } else { format!("/sign-in?next={}", percent_encoded(next)) }
}

/// A path of this portal, and no way to another host (`//host`, `/\host`).
pub fn own_path(path: &str) -> bool {
    path.starts_with('/')
        && !path.starts_with("//")
        && !path.contains('\\')
        && path.chars().all(|letter| !letter.is_control())
}

const NOTICE: &str = "notice";

/// Keeps a sentence for the next page.
pub async fn keep_notice(notice: &str) -> Result<(), AppError> {
    session()?.insert(NOTICE, notice).await.map_err(session_failed)
}

/// The sentence kept for this page, once. Looked for first: taking it away, even where there is none, makes the session be
/// written, and with it a commit for every page that anybody looks at.
pub async fn take_notice() -> Option<String> {
    let session = session().ok()?;
    session.get_value(NOTICE).await.ok().flatten()?;
    session.remove(NOTICE).await.ok().flatten()
}

/// The session could not be read or written.
pub fn session_failed(error: tower_sessions::session::Error) -> AppError {
    let correlation = correlation();
    tracing::error!(error = &error as &dyn std::error::Error, correlation.id = %correlation, "A session could not be read or written");
    AppError::Unavailable { correlation: correlation.to_string() }
}

/// A form or page failed for a reason of ours that is none of the database's.
pub fn internal(what: &'static str, error: &(dyn std::error::Error + 'static)) -> AppError {
    AppError::from(StoreError::unreadable(what, error))
}

fn from_request<T: Clone + Send + Sync + 'static>() -> Option<T> {
    use_context::<Parts>()?.extensions.get::<T>().cloned()
}

/// For a value in a query.
fn percent_encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

impl From<SignedIn> for Viewer {
    fn from(person: SignedIn) -> Self {
        Self {
            person_id: person.person_id,
            email: person.email,
            name: person.name,
            roles: person.roles,
            scope: person.scope,
            zone: person.zone,
            theme: person.theme,
            suppliers: person.suppliers,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{own_path, sign_in_path};

    #[test]
    fn only_paths_of_this_portal_are_gone_to() {
        for (path, ours) in [
            ("/orders/1?x=2", true),
            ("//evil.example", false),
            ("https://evil.example", false),
            ("/\\evil.example", false),
            ("/a\r\nb", false),
            ("", false),
        ] {
            assert_eq!(own_path(path), ours, "{path}");
        }
    }

    #[test]
    fn the_way_back_survives_in_the_address_of_the_sign_in_page() {
        assert_eq!(sign_in_path("/orders?state=open&x=ä"), "/sign-in?next=/orders%3Fstate%3Dopen%26x%3D%C3%A4");
        assert_eq!(sign_in_path("/"), "/sign-in");
    }
}
