//! Coming in, staying in, and being kept out, at the real doors with a real database.

mod live;
mod machine_files;
mod machines;
mod photos;
mod portal;
mod pushes;
mod routes;
mod uploads;

use axum::body::Bytes;
use chrono::TimeDelta;
use domain::access::Role;
use http::{StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use portal::{PASSWORD, Portal, encoded, location, said};
use reqwest::Method;
use store::people::{self, LinkPurpose};

const INES: &str = "ines@brennholt.example";

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_signs_in_stays_in_and_signs_out() {
    let portal = Portal::open().await;
    portal.add_ines().await;
    let mut ines = portal.browser();

    let asked = ines.get("/profile").await;
    assert_eq!((asked.status(), location(&asked)), (StatusCode::SEE_OTHER, "/sign-in?next=/profile"));

    let signed_in = ines.sign_in(" Ines@Brennholt.example", PASSWORD).await;
    assert_eq!((signed_in.status(), location(&signed_in)), (StatusCode::SEE_OTHER, "/profile"));
    let cookie = said(&signed_in, "set-cookie");
    for part in ["interlock=", "HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(part), "{part} is missing in {cookie}");
    }
    assert!(!cookie.contains("Max-Age") && !cookie.contains("Expires"), "{cookie}");
    let page = ines.get("/profile").await;
    assert_eq!(page.status(), StatusCode::OK);
    assert!(page.text().await.expect("a page").contains("Ines Kolbe"));

    let signed_out = ines.post("/do/sign-out", &[]).await;
    assert_eq!((signed_out.status(), location(&signed_out)), (StatusCode::SEE_OTHER, "/sign-in"));
    assert_eq!(ines.get("/profile").await.status(), StatusCode::SEE_OTHER);
    assert_eq!(portal.audit().await, ["person.add", "person.password", "access.signed_in", "access.signed_out"]);
    portal.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_unknown_address_and_a_wrong_password_are_answered_the_same() {
    let portal = Portal::open().await;
    portal.add_ines().await;
    let mut pages = Vec::new();
    for email in [INES, "nobody@brennholt.example"] {
        let mut browser = portal.browser();
        let refused = browser.sign_in(email, "not the password").await;
        assert_eq!((refused.status(), location(&refused)), (StatusCode::SEE_OTHER, "/sign-in?next=/profile"));
        let page = browser.get("/sign-in?next=/profile").await.text().await.expect("a page");
        assert!(page.contains("is not right"), "{page}");
        assert!(page.contains(&format!("value=\"{email}\"")), "what was typed is kept");
        assert!(!page.contains("not the password"));
        let form = page
            .split("class=\"sign-in-form\"")
            .nth(1)
            .and_then(|rest| rest.split("</form>").next())
            .expect("the form");
        pages.push(form.replace(email, "…"));
    }
    assert_eq!(pages[0], pages[1]);
    let failures = portal.audit().await.into_iter().filter(|action| action == "access.sign_in_failed").count();
    assert_eq!(failures, 2);
    portal.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn guessing_is_throttled_and_time_lets_one_try_again() {
    let portal = Portal::open().await;
    portal.add_ines().await;
    let mut guesser = portal.browser();
    for _ in 0..10 {
        guesser.sign_in(INES, "a guess").await;
    }
    guesser.sign_in(INES, PASSWORD).await;
    let page = guesser.get("/sign-in").await.text().await.expect("a page");
    assert!(page.contains("Too many tries. Wait 31 s"), "{page}");
    portal.clock.advance(TimeDelta::seconds(31));
    assert_eq!(location(&guesser.sign_in(INES, PASSWORD).await), "/profile");
    portal.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn signing_in_changes_the_sessions_id_and_the_old_one_is_worth_nothing() {
    let portal = Portal::open().await;
    portal.add_ines().await;
    let mut ines = portal.browser();
    ines.sign_in(INES, "wrong at first").await;
    let before = ines.cookie.clone().expect("a stranger's session holds the refusal");
    ines.sign_in(INES, PASSWORD).await;
    let after = ines.cookie.clone().expect("a session");
    assert_ne!(before, after);
    let mut other = portal.browser();
    other.cookie = Some(before);
    assert_eq!(other.get("/profile").await.status(), StatusCode::SEE_OTHER);
    other.cookie = Some(after);
    assert_eq!(other.get("/profile").await.status(), StatusCode::OK);
    portal.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_is_disabled_is_out_with_the_next_request() {
    let portal = Portal::open().await;
    let person = portal.add_ines().await;
    let mut ines = portal.browser();

    ines.sign_in(INES, PASSWORD).await;
    let mut tx = portal.store.begin(portal.who()).await.expect("a transaction");
    let (suppliers, _) = people::find_memberships(&mut tx, &["100234".to_owned()], &[]).await.expect("the supplier");
    people::save_supplier_access(&mut tx, suppliers[0], false).await.expect("saved");
    tx.commit().await.expect("committed");
    assert_eq!(ines.get("/profile").await.status(), StatusCode::SEE_OTHER, "the supplier is disabled");
    assert_eq!(location(&ines.sign_in(INES, PASSWORD).await), "/sign-in?next=/profile");

    let mut tx = portal.store.begin(portal.who()).await.expect("a transaction");
    people::save_supplier_access(&mut tx, suppliers[0], true).await.expect("saved");
    tx.commit().await.expect("committed");
    assert_eq!(location(&ines.sign_in(INES, PASSWORD).await), "/profile");

    let mut tx = portal.store.begin(portal.who()).await.expect("a transaction");
    people::disable(&mut tx, person, "left the company").await.expect("disabled");
    tx.commit().await.expect("committed");
    assert_eq!(ines.get("/profile").await.status(), StatusCode::SEE_OTHER, "the person is disabled");
    assert_eq!(location(&ines.sign_in(INES, PASSWORD).await), "/sign-in?next=/profile");
    portal.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn all_sessions_of_a_person_end_at_once_and_stay_ended() {
    let portal = Portal::open().await;
    let person = portal.add_ines().await;
    let (mut phone, mut desk) = (portal.browser(), portal.browser());
    phone.sign_in(INES, PASSWORD).await;
    desk.sign_in(INES, PASSWORD).await;
    let mut tx = portal.store.begin(portal.who()).await.expect("a transaction");
    assert_eq!(people::end_sessions(&mut tx, person).await.expect("ended"), 2);
    tx.commit().await.expect("committed");
    for browser in [&mut phone, &mut desk] {
        assert_eq!(browser.get("/profile").await.status(), StatusCode::SEE_OTHER);
        assert_eq!(browser.get("/profile").await.status(), StatusCode::SEE_OTHER);
    }
    portal.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_session_ends_when_it_is_not_used_and_at_the_latest_after_its_longest_life() {
    let portal = Portal::open_with(&[("session_idle_minutes", "30"), ("session_absolute_hours", "2")]).await;
    portal.add_ines().await;
    let mut ines = portal.browser();
    ines.sign_in(INES, PASSWORD).await;
    for _ in 0..5 {
        portal.clock.advance(TimeDelta::minutes(20));
        assert_eq!(ines.get("/profile").await.status(), StatusCode::OK, "used every 20 minutes");
    }
    portal.clock.advance(TimeDelta::minutes(20));
    assert_eq!(ines.get("/profile").await.status(), StatusCode::SEE_OTHER, "two hours are over");

    ines.sign_in(INES, PASSWORD).await;
    portal.clock.advance(TimeDelta::minutes(31));
    assert_eq!(ines.get("/profile").await.status(), StatusCode::SEE_OTHER, "not used for 31 minutes");
    portal.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_other_sites_can_make_a_browser_send_is_refused() {
    let portal = Portal::open().await;
    portal.add_ines().await;
    let mut ines = portal.browser();
    ines.sign_in(INES, PASSWORD).await;
    let before = portal.fingerprint().await;
    let form = "application/x-www-form-urlencoded";
    let address = portal.address.clone();
    let foreign = [
        ("cross-site", Some("cross-site"), None::<&str>, form, StatusCode::FORBIDDEN),
        ("same-site", Some("same-site"), Some(address.as_str()), form, StatusCode::FORBIDDEN),
        ("another origin", None, Some("https://evil.example"), form, StatusCode::FORBIDDEN),
        ("no origin at all", None, Some("null"), form, StatusCode::FORBIDDEN),
        ("text", Some("same-origin"), None, "text/plain", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("JSON", Some("same-origin"), None, "application/json", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("nothing", Some("same-origin"), None, "", StatusCode::UNSUPPORTED_MEDIA_TYPE),
    ];
    for (name, site, origin, content, status) in foreign {
        let mut request = ines.request(Method::POST, "/do/sign-out").header(header::CONTENT_TYPE, content);
        if let Some(site) = site {
            request = request.header("sec-fetch-site", site);
        }
        if let Some(origin) = origin {
            request = request.header(header::ORIGIN, origin);
        }
        let refused = ines.send(request.body("x=1")).await;
        assert_eq!(refused.status(), status, "{name}");
        let correlation = said(&refused, "x-correlation-id");
        assert!(refused.text().await.expect("a page").contains(&correlation), "{name}: the page names its reference");
    }
    assert_eq!(portal.fingerprint().await, before);
    assert_eq!(ines.get("/profile").await.status(), StatusCode::OK, "still signed in");
    portal.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_too_large_is_told_so_whether_it_says_its_length_or_not() {
    let portal = Portal::open().await;
    let mut browser = portal.browser();
    let large = "x".repeat(3 * 1024 * 1024);
    let announced = browser.post("/do/sign-in", &[("email", &large), ("password", "x")]).await;
    assert_eq!(announced.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert!(announced.text().await.expect("a page").contains("larger than the 1024 KiB"));
    // Looked at frame by frame a body forgets its length, and is sent in chunks.
    let chunked = Full::new(Bytes::from(large)).map_frame(|frame| frame);
    let request = browser
        .request(Method::POST, "/do/sign-in")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(reqwest::Body::wrap(chunked));
    assert_eq!(browser.send(request).await.status(), StatusCode::PAYLOAD_TOO_LARGE);
    portal.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_broken_form_is_a_page_and_never_an_address_with_an_error_in_it() {
    let portal = Portal::open().await;
    let mut browser = portal.browser();
    let refused = browser.post("/do/sign-in", &[("mail", INES)]).await;
    assert_eq!((refused.status(), location(&refused)), (StatusCode::UNPROCESSABLE_ENTITY, ""));
    assert!(refused.text().await.expect("a page").contains("The form was not understood"));

    let request = reqwest::Client::new().post(format!("{}/do/sign-in", portal.address));
    let request =
        request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(encoded(&[("mail", INES)]));
    let refused = request.send().await.expect("an answer");
    assert_eq!(said(&refused, "content-type"), "application/problem+json");
    let problem: serde_json::Value = refused.json().await.expect("a problem document");
    assert_eq!(problem["status"], 422);
    portal.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_answer_has_the_headers_that_protect_it() {
    let portal = Portal::open().await;
    let mut browser = portal.browser();
    for (path, status) in [
        ("/sign-in", 200),
        ("/healthz", 200),
        ("/readyz", 200),
        ("/version", 200),
        ("/no/such/page", 404),
        ("/pkg/none.js", 404),
    ] {
        let answer = browser.get(path).await;
        assert_eq!(answer.status().as_u16(), status, "{path}");
        assert_eq!(said(&answer, "x-content-type-options"), "nosniff", "{path}");
        assert_eq!(said(&answer, "referrer-policy"), "same-origin", "{path}");
        assert!(said(&answer, "permissions-policy").contains("camera=()"), "{path}");
        let policy = said(&answer, "content-security-policy");
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"), "{path}: {policy}");
        assert_eq!(said(&answer, "x-correlation-id").len(), 36, "{path}");
        assert_eq!(said(&answer, "strict-transport-security"), "", "no TLS here");
    }
    let page = browser.get("/sign-in").await;
    let policy = said(&page, "content-security-policy");
    let nonce = policy.split("'nonce-").nth(1).and_then(|rest| rest.split('\'').next()).expect("a nonce").to_owned();
    let text = page.text().await.expect("a page");
    for script in text.split("<script").skip(1) {
        assert!(script.contains(&format!("nonce=\"{nonce}\"")), "a script without the nonce: {script}");
    }
    assert!(!text.contains("style=\"") && !text.contains(" onclick"), "no inline style or handler");
    portal.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn behind_tls_the_cookie_is_bound_to_the_host_and_browsers_remember_tls() {
    let portal = Portal::open_with(&[("public_url", "https://portal.example")]).await;
    portal.add_ines().await;
    let mut ines = portal.browser();
    let signed_in = ines.sign_in(INES, PASSWORD).await;
    let cookie = said(&signed_in, "set-cookie");
    assert!(cookie.starts_with("__Host-interlock=") && cookie.contains("Secure"), "{cookie}");
    assert_eq!(said(&signed_in, "strict-transport-security"), "max-age=63072000");
    portal.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_unknown_page_is_a_page_with_its_reference() {
    let portal = Portal::open().await;
    let mut browser = portal.browser();
    let answer = browser.get("/no/such/page").await;
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    let correlation = said(&answer, "x-correlation-id");
    let page = answer.text().await.expect("a page");
    assert!(page.contains("This page was not found.") && page.contains(&correlation), "{page}");
    portal.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_order_that_is_not_there_leaves_the_way_on_at_hand() {
    let portal = Portal::open().await;
    portal.add_ines().await;
    let mut ines = portal.browser();
    ines.sign_in(INES, PASSWORD).await;
    let answer = ines.get("/orders/4599999999").await;
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    let correlation = said(&answer, "x-correlation-id");
    let page = answer.text().await.expect("a page");
    assert!(page.contains(&correlation) && page.contains("href=\"/orders"), "{page}");
    assert_eq!(page.matches("<main").count(), 1, "{page}");
    portal.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn opening_an_address_changes_nothing() {
    let portal = Portal::open().await;
    let person = portal.add_ines().await;
    let token = portal.link(LinkPurpose::Password, Some(person)).await;
    let mut ines = portal.browser();
    ines.sign_in(INES, PASSWORD).await;
    ines.get("/profile").await;
    let before = portal.fingerprint().await;
    for _ in 0..3 {
        assert_eq!(ines.get(&format!("/password/{token}")).await.status(), StatusCode::OK);
    }
    for action in [
        "sign-out",
        "sign-in",
        "sign-in-demo",
        "theme",
        "change-password",
        "choose-password",
        "set-up",
        "end-my-sessions",
    ] {
        let answer = ines.get(&format!("/do/{action}?theme=dark&email={INES}&password=x&token={token}")).await;
        assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED, "{action}");
    }
    assert_eq!(portal.fingerprint().await, before);
    portal.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_first_administrator_comes_through_the_set_up_link_and_nobody_after_him() {
    let portal = Portal::open().await;
    let token = portal.link(LinkPurpose::SetUp, None).await;
    let page = format!("/set-up/{token}");
    let mut jana = portal.browser();
    let fields = |password: &'static str| {
        [
            ("token", token.clone()),
            ("name", "Jana Nováková".to_owned()),
            ("email", "jana@norvik.example".to_owned()),
            ("password", password.to_owned()),
            ("again", password.to_owned()),
        ]
    };
    let send = |fields: [(&'static str, String); 5]| fields.map(|(name, value)| (name, value));
    let weak = send(fields("jana and jana and jana"));
    let weak: Vec<(&str, &str)> = weak.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let refused = jana.post("/do/set-up", &weak).await;
    assert_eq!((refused.status(), location(&refused)), (StatusCode::SEE_OTHER, page.as_str()));
    let again = jana.get(&page).await.text().await.expect("a page");
    assert!(
        again.contains("which others know about you") && again.contains("value=\"jana@norvik.example\""),
        "{again}"
    );

    let good = send(fields(PASSWORD));
    let good: Vec<(&str, &str)> = good.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(location(&jana.post("/do/set-up", &good).await), "/sign-in");
    let page_then = jana.get("/sign-in").await.text().await.expect("a page");
    assert!(page_then.contains("You are the administrator now"), "{page_then}");
    assert_eq!(location(&jana.sign_in("jana@norvik.example", PASSWORD).await), "/profile");

    let mut late = portal.browser();
    assert_eq!(late.get(&page).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(late.post("/do/set-up", &good).await.status(), StatusCode::NOT_FOUND);
    portal.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_new_password_ends_the_other_sessions_and_its_link_works_once() {
    let portal = Portal::open().await;
    let person = portal.add_ines().await;
    let mut ines = portal.browser();
    ines.sign_in(INES, PASSWORD).await;
    let token = portal.link(LinkPurpose::Password, Some(person)).await;
    let fresh = "sixteen harbour anvil plum";
    let fields = [("token", token.as_str()), ("password", fresh), ("again", fresh)];
    let mut other = portal.browser();
    assert_eq!(location(&other.post("/do/choose-password", &fields).await), "/sign-in");
    assert_eq!(ines.get("/profile").await.status(), StatusCode::SEE_OTHER, "signed out by the new password");
    assert_eq!(location(&ines.sign_in(INES, PASSWORD).await), "/sign-in?next=/profile");
    assert_eq!(location(&ines.sign_in(INES, fresh).await), "/profile");
    assert_eq!(other.post("/do/choose-password", &fields).await.status(), StatusCode::NOT_FOUND, "used");

    let token = portal.link(LinkPurpose::Password, Some(person)).await;
    portal.clock.advance(TimeDelta::hours(25));
    assert_eq!(other.get(&format!("/password/{token}")).await.status(), StatusCode::NOT_FOUND, "too old");
    portal.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_changes_the_own_password_with_the_old_one_and_stays_in() {
    let portal = Portal::open().await;
    portal.add_ines().await;
    let (mut ines, mut phone) = (portal.browser(), portal.browser());
    ines.sign_in(INES, PASSWORD).await;
    phone.sign_in(INES, PASSWORD).await;
    let fresh = "sixteen harbour anvil plum";
    ines.post("/do/change-password", &[("current", "not it"), ("password", fresh), ("again", fresh)]).await;
    let page = ines.get("/profile").await.text().await.expect("a page");
    assert!(page.contains("The password now is not right"), "{page}");
    let done = ines.post("/do/change-password", &[("current", PASSWORD), ("password", fresh), ("again", fresh)]).await;
    assert_eq!(location(&done), "/profile");
    let page = ines.get("/profile").await.text().await.expect("a page");
    assert!(page.contains("Your password is changed"), "{page}");
    assert_eq!(phone.get("/profile").await.status(), StatusCode::SEE_OTHER);
    portal.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_is_led_away_after_signing_in() {
    let portal = Portal::open().await;
    portal.add_person("marta@norvik.example", "Marta Lindqvist", Role::Buyer).await;
    for next in ["https://evil.example/", "//evil.example", "/\\evil.example", "/sign-in"] {
        let mut marta = portal.browser();
        let fields = [("email", "marta@norvik.example"), ("password", PASSWORD), ("next", next)];
        assert_eq!(location(&marta.post("/do/sign-in", &fields).await), "/", "{next}");
    }
    portal.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_demo_log_ins_go_through_the_same_door() {
    let portal = Portal::open().await;
    server::demo::load(&portal.store, &store::passwords::Passwords::new(2).expect("randomness")).await.expect("loaded");
    server::demo::load(&portal.store, &store::passwords::Passwords::new(2).expect("randomness"))
        .await
        .expect("loaded again");
    let mut ines = portal.browser();
    let page = ines.get("/sign-in").await.text().await.expect("a page");
    assert!(page.contains("Demo log-ins") && page.contains("interlock-demo"));
    assert_eq!(location(&ines.post("/do/sign-in-demo", &[("demo", INES), ("next", "/profile")]).await), "/profile");
    let stranger = portal.browser().post("/do/sign-in-demo", &[("demo", "somebody@else.example")]).await;
    assert_eq!(stranger.status(), StatusCode::FORBIDDEN);
    portal.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_flood_from_one_address_is_told_when_to_come_back() {
    let portal = Portal::open_with(&[("requests_per_second", "1")]).await;
    let mut browser = portal.browser();
    for _ in 0..4 {
        assert_eq!(browser.get("/sign-in").await.status(), StatusCode::OK);
    }
    let refused = browser.get("/sign-in").await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(said(&refused, "retry-after"), "2");
    assert_eq!(browser.get("/healthz").await.status(), StatusCode::OK, "whoever watches is let through");
    portal.clock.advance(TimeDelta::seconds(2));
    assert_eq!(browser.get("/sign-in").await.status(), StatusCode::OK);
    portal.close().await;
}
