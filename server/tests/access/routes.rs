//! Every page and every server function there is, read from the route table: a new one is tested the day it is written.

use http::{StatusCode, header};
use leptos::server_fn::axum::server_fn_paths;
use reqwest::Method;

use crate::portal::{PASSWORD, Portal, location};

/// Pages for strangers. A link that does not work is not found.
const FOR_STRANGERS: [(&str, StatusCode); 3] = [
    ("/sign-in", StatusCode::OK),
    ("/password/:token", StatusCode::NOT_FOUND),
    ("/set-up/:token", StatusCode::NOT_FOUND),
];
/// Server functions that strangers may call and that answer without being told anything.
const OPEN_FUNCTIONS: [&str; 1] = ["/do/load-sign-in"];

fn pages() -> Vec<String> {
    leptos_axum::generate_route_list(app::App).into_iter().map(|route| route.path().to_owned()).collect()
}

fn functions() -> Vec<&'static str> {
    let functions: Vec<_> = server_fn_paths().collect();
    assert!(
        functions.iter().all(|(_, method)| *method == Method::POST),
        "a server function that answers GET can be called by a link"
    );
    let functions: Vec<&'static str> = functions.into_iter().map(|(path, _)| path).collect();
    assert!(functions.len() > 10, "the server functions are linked into this test");
    functions
}

/// The pattern with something in place of its parameters.
fn filled(pattern: &str) -> String {
    let fill = |part: &str| {
        if part.starts_with([':', '*', '{']) {
            "01890000-0000-7000-8000-000000000000".to_owned()
        } else {
            part.to_owned()
        }
    };
    let path = pattern.split('/').map(fill).collect::<Vec<_>>().join("/");
    if path.is_empty() { "/".to_owned() } else { path }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_page_asks_a_stranger_to_sign_in_and_leads_back() {
    let portal = Portal::open().await;
    let mut stranger = portal.browser();
    for pattern in pages() {
        let named = pattern.replace('{', ":").replace('}', "");
        let path = filled(&pattern);
        let answer = stranger.get(&path).await;
        match FOR_STRANGERS.iter().find(|(open, _)| *open == named) {
            Some((_, status)) => assert_eq!(answer.status(), *status, "{pattern}"),
            None => {
                let back = if path == "/" { "/sign-in".to_owned() } else { format!("/sign-in?next={path}") };
                assert_eq!((answer.status(), location(&answer)), (StatusCode::SEE_OTHER, back.as_str()), "{pattern}");
            }
        }
    }
    portal.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_server_function_refuses_strangers_other_sites_other_content_and_too_much() {
    let portal = Portal::open().await;
    portal.add_ines().await;
    let mut ines = portal.browser();
    ines.sign_in("ines@brennholt.example", PASSWORD).await;
    let before = portal.fingerprint().await;
    let form = "application/x-www-form-urlencoded";
    let too_much = "x".repeat(1024 * 1024 + 1);
    for path in functions() {
        assert!(path.starts_with("/do/"), "{path}: forms live below /do");
        // Signed in, so that only the guard in question can be what refuses.
        for (site, content, body, status) in [
            ("cross-site", form, "a=b", StatusCode::FORBIDDEN),
            ("same-origin", "text/plain", "a=b", StatusCode::UNSUPPORTED_MEDIA_TYPE),
            ("same-origin", form, too_much.as_str(), StatusCode::PAYLOAD_TOO_LARGE),
        ] {
            let request =
                ines.request(Method::POST, path).header("sec-fetch-site", site).header(header::CONTENT_TYPE, content);
            let answer = ines.send(request.body(body.to_owned())).await;
            assert_eq!(answer.status(), status, "{path} from {site} as {content}");
        }
        let opened = ines.get(path).await;
        assert_eq!(opened.status(), StatusCode::METHOD_NOT_ALLOWED, "{path} as a link");
    }
    assert_eq!(portal.fingerprint().await, before, "nothing was changed by any of it");

    for path in functions() {
        let mut stranger = portal.browser();
        let answer = stranger.post(path, &[]).await;
        let status = answer.status();
        assert!(!status.is_server_error(), "{path}: {status}");
        assert!(!status.is_success() || OPEN_FUNCTIONS.contains(&path), "{path} answers a stranger");
        assert!(!location(&answer).contains("__err"), "{path}: an error in the address");
    }
    portal.close().await;
}
