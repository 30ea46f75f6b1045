//! Files at the door: what is taken, what is not, and that nobody gets another's.

use std::path::Path;

use domain::access::Role;
use domain::command::SupplierSnapshot;
use http::{StatusCode, header};
use reqwest::{Method, Response};
use store::passwords::Passwords;
use store::people::{self, NewPerson};
use store::reference;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::portal::{Browser, PASSWORD, Portal, location, said};

pub const BOUNDARY: &str = "----a-boundary";
pub const DOOR: &str = "/do/upload-files";
const PDF: &[u8] = b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n";

fn form(fields: &[(&str, &str)], files: &[(&str, &[u8])]) -> Vec<u8> {
    let files: Vec<_> = files.iter().map(|(name, content)| ("files", *name, *content)).collect();
    form_with(fields, &files)
}

/// The form with files, each the name of its input, its own name and its content.
pub fn form_with(fields: &[(&str, &str)], files: &[(&str, &str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, text) in fields {
        body.extend(
            format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n").bytes(),
        );
    }
    for (input, name, content) in files {
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{input}\"; filename=\"{name}\"\r\nContent-Type: application/pdf\r\n\r\n"
        );
        body.extend(head.bytes());
        body.extend_from_slice(content);
        body.extend(b"\r\n");
    }
    body.extend(format!("--{BOUNDARY}--\r\n").bytes());
    body
}

const TYPED: [(&str, &str); 4] =
    [("upload_form", "certificate.new"), ("upload_object", ""), ("f[number]", "Z-4711"), ("submission", "x")];

async fn attach(browser: &mut Browser, files: &[(&str, &[u8])]) -> Response {
    let request = browser
        .request(Method::POST, DOOR)
        .header("sec-fetch-site", "same-origin")
        .header(header::CONTENT_TYPE, format!("multipart/form-data; boundary={BOUNDARY}"))
        .body(form(&TYPED, files));
    browser.send(request).await
}

async fn page(browser: &mut Browser) -> String {
    browser.get("/certificates/new").await.text().await.expect("a page")
}

/// The address of the only document on a page.
pub fn document(page: &str) -> String {
    let at = page.find("/documents/").expect("a document is named");
    page[at..at + "/documents/".len() + 36].to_owned()
}

fn count(folder: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries.map(|entry| entry.expect("an entry").path()).map(|path| if path.is_dir() { count(&path) } else { 1 }).sum()
}

struct Scene {
    portal: Portal,
    data: tempfile::TempDir,
    ines: Browser,
}

impl Scene {
    async fn open(settings: &[(&'static str, &str)]) -> Self {
        let data = tempfile::tempdir().expect("a folder");
        let folder = data.path().to_string_lossy().into_owned();
        let all: Vec<(&'static str, &str)> =
            std::iter::once(("data_dir", folder.as_str())).chain(settings.iter().copied()).collect();
        let portal = Portal::open_with(&all).await;
        portal.add_ines().await;
        let mut ines = portal.browser();
        ines.sign_in("ines@brennholt.example", PASSWORD).await;
        Self { portal, data, ines }
    }

    fn objects(&self) -> usize {
        count(&self.data.path().join("files"))
    }

    async fn paul(&self) -> Browser {
        let mut tx = self.portal.store.begin(self.portal.who()).await.expect("a transaction");
        let wehrle = SupplierSnapshot { number: "100251".to_owned(), name: "Wehrle Hydraulik".to_owned() };
        let supplier = reference::mirror_supplier(&mut tx, &wehrle).await.expect("a supplier");
        let new = NewPerson {
            email: "paul@wehrle.example".to_owned(),
            name: "Paul Wehrle".to_owned(),
            roles: vec![Role::Supplier],
            suppliers: vec![supplier],
            plants: Vec::new(),
        };
        let person = people::add(&mut tx, &new).await.expect("a person");
        let hash = Passwords::new(1).expect("randomness").hash(PASSWORD.to_owned()).await.expect("a hash");
        people::save_password(&mut tx, person, &hash).await.expect("saved");
        tx.commit().await.expect("committed");
        let mut paul = self.portal.browser();
        paul.sign_in("paul@wehrle.example", PASSWORD).await;
        paul
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_file_is_kept_once_given_back_harmless_and_only_to_its_own() {
    let mut scene = Scene::open(&[]).await;
    let sent = attach(&mut scene.ines, &[("../../etc/Zeugnis.pdf", PDF)]).await;
    assert_eq!((sent.status(), location(&sent)), (StatusCode::SEE_OTHER, "/certificates/new"));
    let shown = page(&mut scene.ines).await;
    assert!(shown.contains("Zeugnis.pdf") && !shown.contains("../"), "the name is text without a way");
    assert!(shown.contains("value=\"Z-4711\""), "what was typed is there again");
    let path = document(&shown);

    let given = scene.ines.get(&path).await;
    assert_eq!(given.status(), StatusCode::OK);
    for (name, value) in [
        ("content-type", "application/pdf"),
        ("content-disposition", "attachment; filename=\"Zeugnis.pdf\"; filename*=UTF-8''Zeugnis.pdf"),
        ("content-security-policy", "sandbox; default-src 'none'"),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "private, no-store"),
    ] {
        assert_eq!(said(&given, name), value, "{name}");
    }
    assert_eq!(given.bytes().await.expect("the content"), PDF);

    let mut paul = scene.paul().await;
    let (theirs, none) = (paul.get(&path).await, paul.get("/documents/01890000-0000-7000-8000-000000000000").await);
    assert_eq!((theirs.status(), none.status()), (StatusCode::NOT_FOUND, StatusCode::NOT_FOUND));
    let mut stranger = scene.portal.browser();
    assert_eq!(location(&stranger.get(&path).await), format!("/sign-in?next={path}"));
    assert_eq!(attach(&mut stranger, &[("a.pdf", PDF)]).await.status(), StatusCode::SEE_OTHER);

    // The same content by another supplier is the same object and another document.
    attach(&mut paul, &[("own.pdf", PDF)]).await;
    let own = document(&page(&mut paul).await);
    assert_ne!(own, path);
    assert_eq!(scene.objects(), 1);
    scene.portal.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_file_sent_many_times_at_once_is_one_object_and_one_document() {
    let mut scene = Scene::open(&[]).await;
    let cookie = scene.ines.cookie.clone();
    let sendings = (0..8).map(|_| {
        let mut browser = scene.portal.browser();
        browser.cookie.clone_from(&cookie);
        tokio::spawn(async move { attach(&mut browser, &[("same.pdf", PDF)]).await.status() })
    });
    for sending in sendings.collect::<Vec<_>>() {
        assert_eq!(sending.await.expect("an answer"), StatusCode::SEE_OTHER);
    }
    assert_eq!(scene.objects(), 1);
    let shown = page(&mut scene.ines).await;
    assert_eq!(shown.matches("href=\"/documents/").count(), 1, "{shown}");
    scene.portal.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_no_document_is_refused_on_the_form_and_not_kept() {
    let mut scene = Scene::open(&[]).await;
    let zip: Vec<u8> = [&b"PK\x03\x04x"[..], b"PK\x05\x06", &[0; 18]].concat();
    let polyglot = [PDF, &zip].concat();
    let late = [b"<script>alert(1)</script>", PDF].concat();
    for (name, content, words) in [
        ("report.pdf", &b"MZ\x90\x00 program"[..], "no PDF, PNG or JPEG"),
        ("page.pdf", b"<html><script>alert(1)</script></html>", "no PDF, PNG or JPEG"),
        ("bomb.pdf", &zip, "no PDF, PNG or JPEG"),
        ("both.pdf", &polyglot, "carries something else"),
        ("late.pdf", &late, "carries something else"),
        ("half.pdf", &PDF[..20], "is damaged"),
        ("empty.pdf", b"", "The file is empty"),
    ] {
        let sent = attach(&mut scene.ines, &[(name, content)]).await;
        assert_eq!(sent.status(), StatusCode::SEE_OTHER, "{name}");
        let shown = page(&mut scene.ines).await;
        assert!(shown.contains(words), "{name}: {words}");
        assert!(!shown.contains("href=\"/documents/"), "{name} was kept");
    }
    assert_eq!(scene.objects(), 0);
    scene.portal.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_suppliers_room_is_limited() {
    let mut scene = Scene::open(&[("files_quota_mb", "1")]).await;
    let filler = vec![b' '; 1024 * 1024];
    let large = [b"%PDF-1.7\n", filler.as_slice(), b"\n%%EOF\n"].concat();
    attach(&mut scene.ines, &[("large.pdf", &large)]).await;
    let shown = page(&mut scene.ines).await;
    assert!(shown.contains("There is no room for this file"), "{shown}");
    assert_eq!(scene.objects(), 0);
    scene.portal.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_door_refuses_other_sites_other_content_and_forms_it_does_not_know() {
    let mut scene = Scene::open(&[]).await;
    let multipart = format!("multipart/form-data; boundary={BOUNDARY}");
    let unknown = form(&[("upload_form", "person.edit")], &[("a.pdf", PDF)]);
    let good = form(&TYPED, &[("a.pdf", PDF)]);
    for (site, content, body, status) in [
        ("cross-site", multipart.as_str(), &good, StatusCode::FORBIDDEN),
        ("same-origin", "text/plain", &good, StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("same-origin", "application/x-www-form-urlencoded", &good, StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("same-origin", multipart.as_str(), &unknown, StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        let request =
            scene.ines.request(Method::POST, DOOR).header("sec-fetch-site", site).header(header::CONTENT_TYPE, content);
        let answer = scene.ines.send(request.body(body.clone())).await;
        assert_eq!(answer.status(), status, "{site} as {content}");
    }
    assert_eq!(scene.ines.get(DOOR).await.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(scene.objects(), 0);
    scene.portal.close().await;
}

/// Sends a file that never ends, in chunks of unknown number, and gives the status line and how much was sent by then.
async fn endless(scene: &Scene, announced: Option<u64>) -> (String, usize) {
    const MOST: usize = 1024 * 1024 * 1024;
    let host = scene.portal.address.trim_start_matches("http://").to_owned();
    let stream = TcpStream::connect(&host).await.expect("the door");
    let (mut reading, mut writing) = stream.into_split();
    let length =
        announced.map_or_else(|| "Transfer-Encoding: chunked".to_owned(), |length| format!("Content-Length: {length}"));
    let cookie = scene.ines.cookie.clone().expect("a session");
    let head = format!(
        "POST {DOOR} HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\nSec-Fetch-Site: same-origin\r\nAccept: text/html\r\nContent-Type: multipart/form-data; boundary={BOUNDARY}\r\n{length}\r\n\r\n"
    );
    writing.write_all(head.as_bytes()).await.expect("the head");
    let answer = tokio::spawn(async move {
        let mut answer = vec![0; 12];
        reading.read_exact(&mut answer).await.expect("an answer");
        String::from_utf8_lossy(&answer).into_owned()
    });
    let mut piece = form(&TYPED, &[]);
    piece.truncate(piece.len() - BOUNDARY.len() - 6);
    piece.extend(
        format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"files\"; filename=\"x.pdf\"\r\n\r\n%PDF-1.7\n")
            .bytes(),
    );
    let mut sent = 0;
    while sent < MOST && !answer.is_finished() {
        let framed = if announced.is_some() {
            piece.clone()
        } else {
            [format!("{:x}\r\n", piece.len()).as_bytes(), &piece, b"\r\n"].concat()
        };
        if writing.write_all(&framed).await.is_err() {
            break;
        }
        sent += piece.len();
        piece = vec![b' '; 256 * 1024];
    }
    (answer.await.expect("an answer"), sent)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_gigabyte_is_cut_off_at_the_limit_and_leaves_nothing_behind() {
    let scene = Scene::open(&[]).await;
    let (status, sent) = endless(&scene, None).await;
    assert_eq!(status, "HTTP/1.1 413");
    assert!(sent < 256 * 1024 * 1024, "{sent} bytes were taken before the answer");
    let (status, sent) = endless(&scene, Some(1024 * 1024 * 1024)).await;
    assert_eq!(status, "HTTP/1.1 413");
    assert!(sent < 64 * 1024 * 1024, "an announced gigabyte is refused before it is read: {sent}");
    assert_eq!((scene.objects(), count(&scene.data.path().join("uploads"))), (0, 0));
    scene.portal.close().await;
}
