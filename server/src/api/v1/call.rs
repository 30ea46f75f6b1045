//! One call of a machine: who it is, what its key reaches, how often it may call, and how its body is read. No cookie, no
//! session: a key is proven with every call.

use std::sync::{Arc, OnceLock};

use app::access::throttle::Throttle;
use app::request::Address;
use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Query, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use chrono::TimeDelta;
use domain::access::Right;
use domain::document::LARGEST_FILE;
use domain::id::{CorrelationId, SupplierId};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::de::DeserializeOwned;
use store::api_keys::{self, KeyView, Owner};
use store::{Store, StoreError, Tx, Who};
use uuid::Uuid;

use super::problem::Refused;
use crate::intake::Intake;

/// The largest body, in bytes: a ship notice of two thousand lots and twenty thousand serials has about one and a half.
pub const LARGEST: usize = 4 * 1024 * 1024;
/// The largest body with files in it, in bytes: one of the largest files as base64, or some smaller ones, and what is said of
/// them.
pub const LARGEST_WITH_FILES: usize = 36 * 1024 * 1024;
const _: () = assert!(LARGEST_FILE / 3 * 4 + 1024 * 1024 < LARGEST_WITH_FILES, "the largest file has room");
/// The longest Idempotency-Key.
const LONGEST_KEY: usize = 200;
/// Calls of one machine in a row, and how fast they come back: 600 a minute.
const BURST: i32 = 120;
const REFILL: TimeDelta = TimeDelta::milliseconds(100);

/// What the doors for keys need.
#[derive(Clone)]
pub struct Desk {
    /// The database.
    pub store: Store,
    /// Calls per machine.
    pub per_machine: Arc<Throttle>,
    /// For files.
    pub intake: Intake,
}

impl Desk {
    /// With the usual rate.
    pub fn new(store: Store, intake: Intake) -> Self {
        Self { store, per_machine: Arc::new(Throttle::new(BURST, REFILL)), intake }
    }
}

/// The machine that calls.
#[derive(Debug, Clone)]
pub struct Caller {
    store: Store,
    key: KeyView,
    who: Who,
    /// What it asks for; known once [`Sent`] has read the body, which is the last that an operation takes.
    request: Arc<OnceLock<store::Request>>,
    intake: Intake,
}

impl Caller {
    /// Refuses a key without that right.
    pub fn needs(&self, right: Right) -> Result<(), Refused> {
        if self.key.rights.contains(&right) {
            return Ok(());
        }
        tracing::warn!(api_key.prefix = self.key.prefix, api_key.right = right.as_str(), "A key lacks a right");
        let words = format!("This takes a key with the right {right}. The key {} has it not.", self.key.prefix);
        Err(Refused::new(StatusCode::FORBIDDEN, words))
    }

    /// Whose machine it is, for what only a supplier does.
    pub fn supplier(&self) -> Result<SupplierId, Refused> {
        match self.key.owner {
            Owner::Supplier(supplier) => Ok(supplier),
            Owner::Plant(_) | Owner::House => {
                Err(Refused::new(StatusCode::FORBIDDEN, "This takes a key of a supplier."))
            }
        }
    }

    /// Begins a transaction that can only read, within the scope of the key.
    pub async fn read(&self) -> Result<Tx, StoreError> {
        self.store.read(self.who.clone()).await
    }

    /// Begins a transaction that can change something, within the scope of the key, for the request that was read.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        let mut tx = self.store.begin(self.who.clone()).await?;
        if let Some(request) = self.request.get() {
            tx.carries_out(*request);
        }
        Ok(tx)
    }

    /// For the files of this call.
    pub const fn intake(&self) -> &Intake {
        &self.intake
    }

    /// The key of this sending: the header Idempotency-Key in the machine's own namespace, so that two machines that count
    /// from 1 do not meet. It stays when the key is changed.
    pub fn submission(&self, headers: &HeaderMap) -> Result<Uuid, Refused> {
        let given = headers.get("idempotency-key").and_then(|value| value.to_str().ok()).map(str::trim);
        let given = given.map(|given| given.trim_matches('"')).filter(|given| !given.is_empty());
        match given {
            Some(given) if given.len() <= LONGEST_KEY => Ok(Uuid::new_v5(&self.key.machine_id.0, given.as_bytes())),
            _ => Err(Refused::new(
                StatusCode::BAD_REQUEST,
                "Send the header Idempotency-Key with up to 200 characters: the same key again is the same call and has one effect.",
            )),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Refused> {
        parts.extensions.get::<Self>().cloned().ok_or_else(unknown)
    }
}

fn unknown() -> Refused {
    Refused::new(
        StatusCode::UNAUTHORIZED,
        "Send a key that works in the header Authorization: Bearer <key>. Keys are made on the page /keys.",
    )
}

/// Lets a machine in that proves who it is and does not call too often, and puts what is refused into words.
pub async fn admit(State(desk): State<Desk>, mut request: Request, next: Next) -> Response {
    let correlation =
        request.extensions().get::<CorrelationId>().copied().unwrap_or_else(|| desk.store.new_correlation());
    let address = request.extensions().get::<Address>().map(|address| address.0.clone());
    let caller = match known(&desk, request.headers(), correlation, address).await {
        Ok(caller) => caller,
        Err(refused) => return refused.told(correlation),
    };
    let (machine, now) = (caller.key.machine_id.to_string(), desk.store.clock().now());
    let taken = desk.per_machine.take(&machine, now);
    request.extensions_mut().insert(caller);
    let mut response = match taken {
        Ok(()) => next.run(request).await,
        Err(seconds) => {
            let words = format!("This key calls too often: 600 times a minute, {BURST} at once. Wait {seconds} s.");
            let refused = Refused::new(StatusCode::TOO_MANY_REQUESTS, words);
            Refused { retry_after: Some(seconds), ..refused }.into_response()
        }
    };
    if let Some(refused) = response.extensions_mut().remove::<Refused>() {
        response = refused.told(correlation);
    }
    let (left, seconds) = desk.per_machine.left(&machine, now);
    let mut say = |name: &'static str, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    };
    say("ratelimit-policy", format!("\"key\";q={BURST};w=12"));
    say("ratelimit", format!("\"key\";r={left};t={seconds}"));
    response
}

async fn known(
    desk: &Desk,
    headers: &HeaderMap,
    correlation: CorrelationId,
    address: Option<String>,
) -> Result<Caller, Refused> {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (scheme, given) = given.split_once(' ').unwrap_or_default();
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(unknown());
    }
    let mut tx = desk.store.read(Who::program("keys", correlation)).await?;
    let key = api_keys::authenticate(&mut tx, given.trim()).await?;
    let now = tx.now();
    tx.commit().await?;
    let Some(key) = key else {
        tracing::warn!(
            client.address = address.as_deref().unwrap_or("unknown"),
            "A call with a key that does not work"
        );
        return Err(unknown());
    };
    if api_keys::is_to_be_noted(&key, now) {
        let mut tx = desk.store.begin(Who::program("keys", correlation)).await?;
        api_keys::note_use(&mut tx, key.api_key_id).await?;
        tx.commit().await?;
    }
    let who = Who { actor: key.actor(), scope: key.scope(), correlation, address };
    Ok(Caller { store: desk.store.clone(), key, who, request: Arc::default(), intake: desk.intake.clone() })
}

/// The query of a call; what is not known or not understood is refused, not ignored.
pub struct Asked<T>(pub T);

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Refused> {
        let read = Query::<T>::try_from_uri(&parts.uri);
        let Query(asked) = read.map_err(|wrong| Refused::new(StatusCode::BAD_REQUEST, wrong.body_text()))?;
        Ok(Self(asked))
    }
}

/// The JSON body of a call, of at most `MOST` bytes.
pub struct Sent<T, const MOST: usize = LARGEST>(pub T);

impl<S: Sync, T: DeserializeOwned, const MOST: usize> FromRequest<S> for Sent<T, MOST> {
    type Rejection = Refused;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Refused> {
        let (parts, body) = request.into_parts();
        let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if !kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json") {
            let words = "Send JSON, with the header content-type: application/json.";
            return Err(Refused::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, words));
        }
        let body = limited(&parts.headers, body, MOST).await?;
        if let Some(caller) = parts.extensions.get::<Caller>() {
            let path = parts.uri.path_and_query().map_or("", |path| path.as_str());
            // Read once per request, so nobody was before.
            let _first = caller.request.set(store::Request::of(parts.method.as_str(), path, &body));
        }
        let mut reader = serde_json::Deserializer::from_slice(&body);
        let read = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            let at = error.path().to_string();
            Refused::new(StatusCode::BAD_REQUEST, format!("The body is not understood at {at}: {}", error.inner()))
        })?;
        reader.end().map_err(|error| Refused::new(StatusCode::BAD_REQUEST, format!("Behind the body: {error}")))?;
        Ok(Self(read))
    }
}

async fn limited(headers: &HeaderMap, body: Body, most: usize) -> Result<axum::body::Bytes, Refused> {
    let too_large = || {
        let words = format!("The body is larger than {} MiB.", most / 1024 / 1024);
        Refused::new(StatusCode::PAYLOAD_TOO_LARGE, words)
    };
    if announced(headers).is_some_and(|length| length > most) {
        return Err(too_large());
    }
    match http_body_util::BodyExt::collect(http_body_util::Limited::new(body, most)).await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => Err(too_large()),
        Err(_) => Err(Refused::new(StatusCode::BAD_REQUEST, "The request broke off before its end.")),
    }
}

fn announced(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok())
}

/// For operations with files: a body that is large, or does not say how large it is, waits for its turn to be in memory.
pub async fn in_turn(request: Request, next: Next) -> Response {
    let is_small = announced(request.headers()).is_some_and(|length| length <= LARGEST);
    let _turn = match request.extensions().get::<Caller>().map(|caller| caller.intake.clone()) {
        Some(intake) if !is_small && request.method() != http::Method::GET => intake.turn().await,
        _ => None,
    };
    next.run(request).await
}

/// The state of a thing as an entity tag.
pub fn tag(version: i32) -> [(HeaderName, String); 1] {
    [(header::ETAG, format!("\"{version}\""))]
}

/// Which state the caller has read, from If-Match: needed for everything that changes a thing, so that nobody overwrites
/// what he has not seen.
pub fn read_version(headers: &HeaderMap) -> Result<i32, Refused> {
    let given = headers.get(header::IF_MATCH).filter(|given| !given.is_empty());
    let Some(given) = given else {
        let words = "Send the header If-Match with the ETag that you have read, so that nothing is overwritten unseen.";
        return Err(Refused::new(StatusCode::PRECONDITION_REQUIRED, words));
    };
    let version = given.to_str().ok().and_then(|text| text.trim().trim_matches('"').parse().ok());
    version.ok_or_else(|| {
        Refused::new(StatusCode::PRECONDITION_FAILED, "If-Match is no ETag of ours. Read the thing again.")
    })
}

/// Refuses where somebody was faster.
pub fn still(read: i32, now: i32) -> Result<(), Refused> {
    if read == now {
        return Ok(());
    }
    let words = format!("It is now at \"{now}\", you have read \"{read}\". Read it again and look at what changed.");
    Err(Refused::new(StatusCode::PRECONDITION_FAILED, words))
}
