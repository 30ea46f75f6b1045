//! A door to the ERP that closes after so many writes: what a crash between two steps looks like from the other side.

use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use reqwest::Client;

pub struct Proxy {
    pub url: String,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Clone)]
struct Door {
    to: String,
    client: Client,
    left: Arc<AtomicIsize>,
}

impl Proxy {
    /// Lets `writes` writes through; from then on nothing, reads neither. A write that is let through has its effect.
    pub async fn start(to: &str, writes: isize) -> Self {
        let client = Client::builder().no_proxy().tls_certs_only([]).build().expect("a client");
        let door = Door { to: to.to_owned(), client, left: Arc::new(AtomicIsize::new(writes)) };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let app = Router::new().fallback(pass).with_state(door);
        let task = tokio::spawn(async move { axum::serve(listener, app).await.expect("serving") });
        Self { url, task }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass(
    State(door): State<Door>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, Vec<u8>) {
    let closed = (StatusCode::SERVICE_UNAVAILABLE, Vec::new());
    if door.left.load(Ordering::SeqCst) < 0 {
        return closed;
    }
    if method != Method::GET && door.left.fetch_sub(1, Ordering::SeqCst) <= 0 {
        return closed;
    }
    let mut request = door.client.request(method, format!("{}{uri}", door.to)).body(body);
    for name in ["authorization", "x-tryton-context", "content-type"] {
        if let Some(value) = headers.get(name) {
            request = request.header(name, value);
        }
    }
    let answer = request.send().await.expect("the ERP answers");
    (answer.status(), answer.bytes().await.expect("an answer").to_vec())
}
