//! The storage of documents on a real S3-compatible server, which `scripts/s3.sh test` starts; skipped without one, except for
//! what can be told of a store that does not answer.

use std::time::Duration;

use futures::TryStreamExt as _;
use store::files::{Files, FilesError, sha256};

/// The storage at this bucket and prefix of the running server; none without one.
fn at(address: &str) -> Option<Files> {
    let Ok(endpoint) = std::env::var("INTERLOCK_S3_ENDPOINT") else {
        println!(
            "skipped: no S3-compatible store is running (INTERLOCK_S3_ENDPOINT is not set); use scripts/s3.sh test"
        );
        return None;
    };
    Some(Files::at(address, settings(&endpoint)).expect("an address"))
}

fn settings(endpoint: &str) -> Vec<(String, String)> {
    [
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_ALLOW_HTTP", "true"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "tester"),
        ("AWS_SECRET_ACCESS_KEY", "of-no-use-elsewhere"),
        ("HOME", "/not/ours"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

async fn content(files: &Files, name: &str) -> Option<Vec<u8>> {
    let (size, pieces) = files.read(name).await.expect("readable")?;
    let pieces: Vec<Vec<u8>> = pieces.try_collect().await.expect("all of it");
    let content = pieces.concat();
    assert_eq!(size, content.len() as u64);
    Some(content)
}

#[tokio::test]
async fn content_is_kept_once_read_back_and_removed() {
    let Some(files) = at("s3://documents/once") else { return };
    let large = (0..9_000_000_u32).map(|at| at.to_le_bytes()[0]).collect::<Vec<_>>();
    let names = futures::future::try_join_all((0..4).map(|_| files.keep(large.clone()))).await.expect("kept");
    assert_eq!(names, vec![sha256(&large); 4], "sent at once, kept under one name");
    assert_eq!(content(&files, &names[0]).await, Some(large));
    let elsewhere = at("s3://documents/elsewhere").expect("the same store");
    assert_eq!(content(&elsewhere, &names[0]).await, None, "another prefix is another storage");
    for _ in 0..2 {
        files.remove(&names[0]).await.expect("removed, or gone already");
        assert_eq!(content(&files, &names[0]).await, None);
    }
}

#[tokio::test]
async fn what_is_needed_of_a_store_can_be_tried_out() {
    let Some(files) = at("s3://documents") else { return };
    files.try_out().await.expect("it does all of it");
}

#[tokio::test]
async fn a_bucket_that_is_missing_is_named_as_the_reason() {
    let Some(files) = at("s3://nowhere/at-all") else { return };
    let refused = files.try_out().await.expect_err("there is no such bucket");
    assert!(refused.remedy().contains("bucket"), "{refused:?}");
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_told_within_a_person_s_patience() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|taken| taken.local_addr()).expect("a free port");
    let files = Files::at("s3://documents", settings(&format!("http://{free}"))).expect("an address");
    let answer = tokio::time::timeout(Duration::from_secs(30), files.try_out()).await.expect("in time");
    let refused = answer.expect_err("nobody listens there");
    assert!(matches!(refused, FilesError::Storage(_)), "{refused:?}");
    assert!(refused.remedy().contains("AWS_ENDPOINT_URL"), "{refused:?}");
    assert!(!format!("{refused:?}").contains("of-no-use-elsewhere"), "secrets stay secret");
}
