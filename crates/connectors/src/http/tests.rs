//! The client against a server that answers whatever a test wants.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use serde_json::json;
use tokio::net::TcpListener;

use super::*;

const SHORT: Limits = Limits { connect: Duration::from_millis(300), total: Duration::from_millis(300), answer: 1000 };

/// A server that answers everything with `answer`; gives its address.
async fn serving<F>(answer: F) -> BaseUrl
where
    F: Fn(Request<Body>) -> Response<Body> + Clone + Send + Sync + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("its address");
    let router = Router::new().fallback(move |request: Request<Body>| std::future::ready(answer(request)));
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}/api").parse().expect("an address")
}

fn answering(status: u16, headers: &'static [(&'static str, &'static str)], body: &'static str) -> Response<Body> {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(Body::from(body)).expect("a response")
}

fn client(base: &BaseUrl) -> Http {
    Http::new("test", base, SHORT).expect("a client")
}

#[tokio::test]
async fn each_status_means_the_same_for_everybody() {
    for (status, class) in [
        (200, None),
        (204, None),
        (409, None),
        (422, None),
        (302, Some("contract")),
        (400, Some("permanent")),
        (401, Some("credentials")),
        (403, Some("credentials")),
        (404, Some("contract")),
        (405, Some("contract")),
        (410, Some("contract")),
        (413, Some("permanent")),
        (415, Some("contract")),
        (423, Some("temporary")),
        (429, Some("temporary")),
        (500, Some("temporary")),
        (502, Some("temporary")),
        (503, Some("down")),
        (504, Some("temporary")),
    ] {
        let base = serving(move |_| answering(status, &[("location", "http://127.0.0.1:1/")], "")).await;
        let answer = client(&base).send(Call::get("/x")).await.expect("an answer");
        let fault = answer.check().err().map(|fault| fault.class().as_str());
        assert_eq!(fault, class, "{status}");
    }
}

#[tokio::test]
async fn a_wait_in_seconds_or_as_a_date_is_read_and_has_an_end() {
    for (headers, wait) in [
        (&[("retry-after", "7")][..], Some(7)),
        (&[("retry-after", "99999999999999")][..], Some(86_400)),
        (&[("date", "Mon, 23 Nov 2026 10:00:00 GMT"), ("retry-after", "Mon, 23 Nov 2026 10:02:00 GMT")][..], Some(120)),
        (&[("date", "Mon, 23 Nov 2026 10:00:00 GMT"), ("retry-after", "Mon, 23 Nov 2026 09:00:00 GMT")][..], Some(0)),
        (&[("retry-after", "soon")][..], None),
        (&[][..], None),
    ] {
        let base = serving(move |_| answering(429, headers, "")).await;
        let answer = client(&base).send(Call::get("/x")).await.expect("an answer");
        let Err(Fault::Temporary { after, .. }) = answer.check() else { panic!("429 is temporary") };
        assert_eq!(after, wait.map(Duration::from_secs), "{headers:?}");
    }
}

#[tokio::test]
async fn nobody_there_is_down_and_silence_is_temporary() {
    let nobody: BaseUrl = "http://127.0.0.1:9".parse().expect("an address");
    let fault = client(&nobody).send(Call::get("/x")).await.expect_err("nobody listens");
    assert!(matches!(fault, Fault::Down { .. }), "{fault:?}");

    let unknown: BaseUrl = "http://nowhere.invalid".parse().expect("an address");
    let fault = client(&unknown).send(Call::get("/x")).await.expect_err("no such host");
    assert!(matches!(fault, Fault::Down { .. }), "{fault:?}");

    // Takes the connection and never answers.
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let silent: BaseUrl = format!("http://{}", listener.local_addr().expect("address")).parse().expect("an address");
    let holding = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            held.push(stream);
        }
    });
    let fault = client(&silent).send(Call::get("/x")).await.expect_err("silence");
    assert!(matches!(fault, Fault::Temporary { .. }), "{fault:?}");
    holding.abort();

    // Takes the connection and drops it.
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let rude: BaseUrl = format!("http://{}", listener.local_addr().expect("address")).parse().expect("an address");
    let dropping = tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    let fault = client(&rude).send(Call::get("/x")).await.expect_err("dropped");
    assert!(matches!(fault, Fault::Down { .. }), "{fault:?}");
    dropping.abort();
}

#[tokio::test]
async fn an_endless_answer_is_not_read_to_its_end() {
    let base = serving(|_| Response::new(Body::from("x".repeat(1_000_000)))).await;
    let fault = client(&base).send(Call::get("/x")).await.expect_err("too large");
    assert!(matches!(&fault, Fault::Contract { message } if message.contains("1000 bytes")), "{fault:?}");
}

#[tokio::test]
async fn paths_and_queries_are_escaped_below_the_address() {
    let base = serving(|request| Response::new(Body::from(request.uri().to_string()))).await;
    let call = Call::get("/orders/a b?c").query("changed_since", "2026-11-23T10:00:00+01:00");
    let answer = client(&base).send(call).await.expect("an answer");
    assert_eq!(answer.body, "/api/orders/a%20b%3Fc?changed_since=2026-11-23T10%3A00%3A00%2B01%3A00");
    let answer = client(&base).send(Call::post("/rpc/")).await.expect("an answer");
    assert_eq!(answer.body, "/api/rpc/", "a slash at the end stays");
}

#[tokio::test]
async fn a_secret_that_comes_back_is_blotted_out() {
    let base = serving(|request| {
        let told = request.headers().get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
        Response::builder().status(400).body(Body::from(format!("no: {told}"))).expect("a response")
    })
    .await;
    let http = client(&base).bearer("api_key", &Secret::new("s3cret-s3cret")).expect("a log-in");
    assert!(!format!("{http:?}").contains("s3cret-s3cret"), "{http:?}");
    let fault = http.send(Call::get("/x")).await.expect("an answer").check().expect_err("400");
    assert_eq!(fault.to_string(), "GET /x: 400 Bad Request: no: [secret]");
    let answer = http.send(Call::get("/x").json(json!({}))).await.expect("an answer");
    assert!(!format!("{:?}", answer.headers).contains("s3cret"));
}

#[test]
fn a_secret_no_header_can_carry_is_refused_by_its_key() {
    let base: BaseUrl = "http://127.0.0.1:9".parse().expect("an address");
    let problem = client(&base).bearer("api_key", &Secret::new("a\nb")).expect_err("a line break");
    assert_eq!(problem.key, "api_key");
}
