//! A portal with real doors on a free port and a database of its own, and browsers to knock with.

use std::sync::atomic::{AtomicU32, Ordering};

use chrono::{DateTime, TimeZone as _, Utc};
use domain::access::Role;
use domain::command::SupplierSnapshot;
use domain::id::PersonId;
use http::header;
use reqwest::{Method, RequestBuilder, Response};
use server::commands::Serving;
use server::config;
use server::state::State;
use sqlx::{Connection as _, PgConnection};
use store::passwords::Passwords;
use store::people::{self, LinkPurpose, NewPerson};
use store::{Clock, Store, Who, reference};

/// A password that can be used.
pub const PASSWORD: &str = "plum anvil harbour sixteen";

static NUMBER: AtomicU32 = AtomicU32::new(0);

pub struct Portal {
    pub store: Store,
    pub clock: Clock,
    pub address: String,
    url: String,
    admin_url: String,
    name: String,
    serving: Serving,
}

/// The cluster's database with another name.
fn database(url: &str, name: &str) -> String {
    let (address, query) = url.split_once('?').unwrap_or((url, ""));
    let start = address.find("://").map_or(0, |at| at + 3);
    let end = address[start..].find('/').map_or(address.len(), |at| start + at);
    format!("{}/{name}?{query}", &address[..end])
}

pub fn noon() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 12, 1, 12, 0, 0).single().expect("a time")
}

impl Portal {
    pub async fn open() -> Self {
        Self::open_with(&[]).await
    }

    /// With these settings besides the usual ones.
    pub async fn open_with(settings: &[(&'static str, &str)]) -> Self {
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let admin_url = std::env::var("DATABASE_URL").expect("DATABASE_URL names a server to make databases on");
        let name = format!("access_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let mut admin = PgConnection::connect(&admin_url).await.expect("the server answers");
        sqlx::raw_sql(sqlx::AssertSqlSafe(format!("create database {name}")))
            .execute(&mut admin)
            .await
            .expect("a database");
        let url = database(&admin_url, &name);
        Store::migrate(&url).await.expect("migrations");

        // Where a test that has no folder of its own would keep documents.
        let data = std::env::temp_dir().join("interlock-access-tests").to_string_lossy().into_owned();
        let mut flags =
            vec![("listen", "127.0.0.1:0".to_owned()), ("site_root", "/nonexistent".to_owned()), ("data_dir", data)];
        flags.extend(settings.iter().map(|(key, value)| (*key, (*value).to_owned())));
        let config = config::read(None, Vec::new(), flags).expect("a configuration");
        let clock = Clock::standing_at(noon());
        let store = Store::connect(&url, 8, clock.clone()).await.expect("the database answers");
        let state = State::new(&config, store.clone(), true).expect("a state");
        let serving = Serving::open(&config, &state).await.expect("doors");
        let address = format!("http://{}", serving.address);
        Self { store, clock, address, url, admin_url, name, serving }
    }

    /// Closes the doors and removes the database.
    pub async fn close(self) {
        self.serving.close().await;
        self.store.close().await;
        let mut admin = PgConnection::connect(&self.admin_url).await.expect("the server answers");
        let drop = format!("drop database {} with (force)", self.name);
        sqlx::raw_sql(sqlx::AssertSqlSafe(drop)).execute(&mut admin).await.expect("dropped");
    }

    pub fn who(&self) -> Who {
        Who::program("test", self.store.new_correlation())
    }

    /// Adds Ines of Brennholt with the usual password.
    pub async fn add_ines(&self) -> PersonId {
        self.add_person("ines@brennholt.example", "Ines Kolbe", Role::Supplier).await
    }

    pub async fn add_person(&self, email: &str, name: &str, role: Role) -> PersonId {
        let mut tx = self.store.begin(self.who()).await.expect("a transaction");
        let mut suppliers = Vec::new();
        if role.is_supplier() {
            let brennholt = SupplierSnapshot { number: "100234".to_owned(), name: "Brennholt Präzision".to_owned() };
            suppliers.push(reference::mirror_supplier(&mut tx, &brennholt).await.expect("a supplier"));
        }
        let new = NewPerson {
            email: email.to_owned(),
            name: name.to_owned(),
            roles: vec![role],
            suppliers,
            plants: Vec::new(),
        };
        let person = people::add(&mut tx, &new).await.expect("a person");
        let hash = Passwords::new(1).expect("randomness").hash(PASSWORD.to_owned()).await.expect("a hash");
        people::save_password(&mut tx, person, &hash).await.expect("saved");
        tx.commit().await.expect("committed");
        person
    }

    pub async fn link(&self, purpose: LinkPurpose, person: Option<PersonId>) -> String {
        let mut tx = self.store.begin(self.who()).await.expect("a transaction");
        let token = people::issue_link(&mut tx, purpose, person, chrono::TimeDelta::hours(24)).await.expect("a link");
        tx.commit().await.expect("committed");
        token
    }

    /// The audit log: actions in order.
    pub async fn audit(&self) -> Vec<String> {
        let mut connection = PgConnection::connect(&self.url).await.expect("the database answers");
        sqlx::query_scalar("select action from audit_entry order by position")
            .fetch_all(&mut connection)
            .await
            .expect("rows")
    }

    /// A number from the database, past all policies.
    pub async fn count(&self, sql: &'static str) -> i64 {
        let mut connection = PgConnection::connect(&self.url).await.expect("the database answers");
        sqlx::query_scalar(sql).fetch_one(&mut connection).await.expect("a count")
    }

    /// Everything that a GET must not change, as one text.
    pub async fn fingerprint(&self) -> String {
        let mut connection = PgConnection::connect(&self.url).await.expect("the database answers");
        sqlx::query_scalar(
            r#"
            select concat_ws('|',
                (select string_agg(p::text, ';' order by person_id) from person p),
                (select string_agg(t::text, ';' order by token_hash) from access_token t),
                (select string_agg(s::text, ';' order by session_id) from session s),
                (select count(*) from audit_entry), (select count(*) from event), (select count(*) from draft))
            "#,
        )
        .fetch_one(&mut connection)
        .await
        .expect("one text")
    }

    pub fn browser(&self) -> Browser {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .expect("a client");
        Browser { client, address: self.address.clone(), cookie: None }
    }
}

/// Keeps one cookie, accepts HTML, follows nothing by itself.
pub struct Browser {
    client: reqwest::Client,
    address: String,
    pub cookie: Option<String>,
}

impl Browser {
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let mut request = self
            .client
            .request(method, format!("{}{path}", self.address))
            .header(header::ACCEPT, "text/html,*/*;q=0.8");
        if let Some(cookie) = &self.cookie {
            request = request.header(header::COOKIE, cookie);
        }
        request
    }

    pub async fn get(&mut self, path: &str) -> Response {
        let request = self.request(Method::GET, path);
        self.send(request).await
    }

    /// Sends a form as a browser does without JavaScript.
    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Response {
        let request = self
            .request(Method::POST, path)
            .header("sec-fetch-site", "same-origin")
            .header(header::REFERER, format!("{}/somewhere", self.address))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(encoded(fields));
        self.send(request).await
    }

    pub async fn sign_in(&mut self, email: &str, password: &str) -> Response {
        self.post("/do/sign-in", &[("email", email), ("password", password), ("next", "/profile")]).await
    }

    pub async fn send(&mut self, request: RequestBuilder) -> Response {
        let response = request.send().await.expect("an answer");
        for cookie in response.headers().get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().expect("text");
            let pair = cookie.split(';').next().unwrap_or_default();
            if pair.split('=').next().is_some_and(|name| name.ends_with("interlock")) {
                self.cookie = (!pair.ends_with('=')).then(|| pair.to_owned());
            }
        }
        response
    }
}

pub fn encoded(fields: &[(&str, &str)]) -> String {
    let encode = |text: &str| {
        text.bytes()
            .map(
                |byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") },
            )
            .collect::<String>()
    };
    fields.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect::<Vec<_>>().join("&")
}

pub fn location(response: &Response) -> &str {
    response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

pub fn said(response: &Response, name: &str) -> String {
    response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}
