//! Certificates that machines hand in with their files: all of a call is kept, or nothing, and files are looked at as at the door
//! for people.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use domain::document::LARGEST_FILE;
use http::StatusCode;
use serde_json::{Value, json};
use store::api_keys::Owner;

use crate::machines::{Machines, json_of};

const PATH: &str = "/api/v1/certificates";
const PDF: &[u8] = b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n";

struct Scene {
    machines: Machines,
    data: tempfile::TempDir,
    key: String,
}

impl Scene {
    async fn open(settings: &[(&'static str, &str)]) -> Self {
        let data = tempfile::tempdir().expect("a folder");
        let folder = data.path().to_string_lossy().into_owned();
        let all: Vec<_> = std::iter::once(("data_dir", folder.as_str())).chain(settings.iter().copied()).collect();
        let machines = Machines::open_with(&all).await;
        let key = machines.full(Owner::Supplier(machines.a)).await;
        Self { machines, data, key }
    }

    /// Hands in (or tries, by the query) under this name of the call.
    async fn hand_in(&self, query: &str, name: &str, body: &Value) -> (StatusCode, Value) {
        let path = format!("{PATH}{query}");
        let answer = self.machines.send(self.machines.call_as("POST", &path, &self.key, name).json(body)).await;
        (answer.status(), json_of(answer).await)
    }

    /// How many contents, documents and certificates there are.
    async fn kept(&self) -> (usize, i64, i64) {
        let documents = self.machines.portal.count("select count(*) from document").await;
        let certificates = self.machines.portal.count("select count(*) from certificate").await;
        (contents(&self.data.path().join("files")), documents, certificates)
    }
}

fn contents(folder: &std::path::Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.map(|path| if path.is_dir() { contents(&path) } else { 1 }).sum()
}

fn certificate(files: &[(&str, &[u8])]) -> Value {
    let files = files.iter().map(|(name, content)| json!({"name": name, "content": BASE64_STANDARD.encode(content)}));
    json!({
        "number": "Z-1", "kind": "coc", "per": "lot", "item": "4711", "lots": ["H1"], "issuer": "Mill",
        "issued_on": "2026-11-20", "confirmed": true, "files": files.collect::<Vec<_>>()
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_certificate_is_tried_handed_in_once_with_its_files_and_read_with_them() {
    let scene = Scene::open(&[]).await;
    let body = certificate(&[("../../etc/Zeugnis.pdf", PDF), ("again.pdf", PDF)]);
    let (status, tried) = scene.hand_in("?dry_run=true", "x", &body).await;
    assert_eq!(status, StatusCode::OK, "{tried}");
    assert!(tried["findings"].as_array().is_some_and(|all| all.iter().all(|it| it["stops"] == false)), "{tried}");
    assert_eq!(scene.kept().await, (0, 0, 0), "a dry run keeps nothing");

    let mut ids = Vec::new();
    for expected in [StatusCode::CREATED, StatusCode::OK] {
        let (status, taken) = scene.hand_in("", "z-1", &body).await;
        assert_eq!(status, expected, "{taken}");
        ids.push(taken["certificate_id"].as_str().expect("an id").to_owned());
        assert_eq!(scene.kept().await, (1, 2, 1), "the same content is kept once");
    }
    assert_eq!(ids[0], ids[1]);
    let read = scene.machines.call_as("GET", &format!("{PATH}/{}", ids[0]), &scene.key, "");
    let read = json_of(scene.machines.send(read).await).await;
    let documents = read["documents"].as_array().expect("documents");
    let names: Vec<&str> = documents.iter().filter_map(|it| it["name"].as_str()).collect();
    assert_eq!(names, ["Zeugnis.pdf", "again.pdf"], "a name is text without a way");
    assert_eq!((&documents[0]["media_type"], &documents[0]["size"]), (&json!("application/pdf"), &json!(PDF.len())));
    assert_eq!(documents[0]["sha256"], store::files::sha256(PDF));

    let (status, other) = scene.hand_in("", "z-1", &certificate(&[("other.pdf", PDF)])).await;
    assert_eq!((status, &other["findings"][0]["rule"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("key_used")));
    scene.machines.portal.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_file_that_is_not_taken_is_named_and_nothing_of_the_call_is_kept() {
    let scene = Scene::open(&[("files_quota_mb", "1")]).await;
    let filler = vec![b' '; 1024 * 1024];
    let large = [b"%PDF-1.7\n", filler.as_slice(), b"\n%%EOF\n"].concat();
    for (name, content, rule, words) in [
        ("report.pdf", &b"MZ\x90\x00 program"[..], "file_not_taken", "no PDF, PNG or JPEG"),
        ("empty.pdf", b"", "file_not_taken", "The file is empty"),
        ("large.pdf", &large, "file_no_room", "no room"),
    ] {
        for query in ["", "?dry_run=true"] {
            let body = certificate(&[("good.pdf", PDF), (name, content)]);
            let (status, problem) = scene.hand_in(query, name, &body).await;
            assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{name}: {problem}");
            let finding = &problem["findings"][0];
            assert_eq!((&finding["rule"], &finding["at"]), (&json!(rule), &json!("files.1.content")), "{problem}");
            assert!(finding["message"].as_str().is_some_and(|it| it.contains(words)), "{problem}");
        }
    }
    let mut crooked = certificate(&[]);
    crooked["files"] = json!([{"name": "a.pdf", "content": "not base64!"}]);
    let (status, problem) = scene.hand_in("", "crooked", &crooked).await;
    assert_eq!(
        (status, &problem["findings"][0]["rule"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("file_not_base64"))
    );

    // What the certificate says stops it: its file is not kept either.
    let mut untrue = certificate(&[("good.pdf", PDF)]);
    untrue["item"] = json!("nothing that was ordered");
    assert_eq!(scene.hand_in("", "untrue", &untrue).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(scene.kept().await, (0, 0, 0));
    scene.machines.portal.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_largest_file_fits_and_one_byte_more_is_told_from_it() {
    let scene = Scene::open(&[]).await;
    let (head, tail) = (b"%PDF-1.7\n", b"\n%%EOF\n");
    for (size, expected) in [(LARGEST_FILE, StatusCode::CREATED), (LARGEST_FILE + 1, StatusCode::UNPROCESSABLE_ENTITY)]
    {
        let filler = vec![b' '; size - head.len() - tail.len()];
        let content = [&head[..], &filler, tail].concat();
        let (status, answer) = scene.hand_in("", &size.to_string(), &certificate(&[("scan.pdf", &content)])).await;
        assert_eq!(status, expected, "{size} bytes: {answer}");
    }
    assert_eq!(scene.kept().await, (1, 1, 1));
    scene.machines.portal.close().await;
}
