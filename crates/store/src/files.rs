//! The content of documents, kept outside the database under its SHA-256: a folder of this machine by default, an
//! S3-compatible store by configuration.
//!
//! The same content is one object, however often and by however many it is sent at once. Nothing is ever overwritten, and
//! nothing that a person called a file has a part in where it lies.
//!
//! An S3-compatible store must honour `If-None-Match: *` when something is put (Amazon S3, MinIO, Ceph, R2 and others do);
//! [`Files::try_out`] finds out. `scripts/s3.sh test` runs the tests in `tests/files_s3.rs` against one.

use std::path::Path as Folder;
use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt as _;
use futures::stream::BoxStream;
use object_store::aws::{AmazonS3Builder, S3ConditionalPut};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, PutPayload, RetryConfig};
use sha2::{Digest as _, Sha256};

/// How long a store in the network is tried; a person waits meanwhile.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where the content of documents lies.
#[derive(Debug, Clone)]
pub struct Files(Arc<dyn ObjectStore>);

/// Content could not be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// The folder cannot be made or used.
    #[error("the folder {folder} for documents cannot be used")]
    Folder {
        /// Which.
        folder: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// An address that this program cannot open.
    #[error("{0}")]
    Address(String),
    /// The storage overwrites what is there although it was told not to.
    #[error("the storage of documents overwrites what it was told to leave: it ignores If-None-Match")]
    Overwrites,
    /// What was kept came back different, or not at all.
    #[error("the storage of documents does not give back what it was given")]
    Forgets,
    /// The storage did not do it.
    #[error("the storage of documents did not answer as expected")]
    Storage(#[from] object_store::Error),
}

impl FilesError {
    /// What whoever runs the portal can do about it.
    pub fn remedy(&self) -> &'static str {
        use object_store::Error::{NotFound, PermissionDenied, Unauthenticated};
        match self {
            Self::Folder { .. } => {
                "Name a folder in `files` that this user may write to, or give him the right to this one."
            }
            Self::Address(_) => "Correct `files`, and the AWS_ variables where it is an s3:// address.",
            Self::Overwrites => "Use an S3-compatible store that knows conditional writes.",
            Self::Forgets => "Look at the bucket's life-cycle rules, and at whatever lies between it and here.",
            Self::Storage(NotFound { .. }) => {
                "Make the bucket, or correct its name in `files` and its place in AWS_REGION and AWS_ENDPOINT_URL."
            }
            Self::Storage(PermissionDenied { .. } | Unauthenticated { .. }) => {
                "Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION; the key needs GetObject, PutObject, DeleteObject and ListBucket."
            }
            Self::Storage(_) => {
                "Check AWS_ENDPOINT_URL (for one without TLS also AWS_ALLOW_HTTP=true), the keys, and the network."
            }
        }
    }
}

/// The name of content: its SHA-256 in 64 lower-case hexadecimal digits.
pub fn sha256(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Files {
    /// In a folder of this machine, made where it is missing.
    pub fn in_folder(folder: &Folder) -> Result<Self, FilesError> {
        let failed = |source| FilesError::Folder { folder: folder.display().to_string(), source };
        std::fs::create_dir_all(folder).map_err(failed)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700)).map_err(failed)?;
        }
        Ok(Self(Arc::new(LocalFileSystem::new_with_prefix(folder)?.with_fsync(true))))
    }

    /// At an address: `s3://bucket/prefix`. `settings`: variables with their values; those that begin with `AWS_` say
    /// region, endpoint and keys, as they do for Amazon's own tools. Nothing is asked of the store yet.
    pub fn at(address: &str, settings: impl IntoIterator<Item = (String, String)>) -> Result<Self, FilesError> {
        let rest = address.strip_prefix("s3://").map(|rest| rest.split_once('/').unwrap_or((rest, "")));
        let Some((bucket, prefix)) = rest.filter(|(bucket, _)| !bucket.is_empty()) else {
            let words = format!("documents are kept in a folder or at s3://bucket/prefix, not at {address}");
            return Err(FilesError::Address(words));
        };
        // The first one stays: whoever finds a provider is right to leave it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut s3 = AmazonS3Builder::new();
        for (name, value) in settings {
            let key = name.starts_with("AWS_").then(|| name.to_ascii_lowercase().parse().ok()).flatten();
            if let (Some(key), false) = (key, value.is_empty()) {
                s3 = s3.with_config(key, value);
            }
        }
        let s3 = s3
            .with_bucket_name(bucket)
            .with_conditional_put(S3ConditionalPut::ETagMatch)
            .with_retry(RetryConfig { max_retries: 3, retry_timeout: PATIENCE, ..RetryConfig::default() })
            .build()?;
        Ok(Self(Arc::new(PrefixStore::new(s3, prefix))))
    }

    /// Keeps, reads and removes something small, to find out whether the storage does what is needed of it.
    pub async fn try_out(&self) -> Result<(), FilesError> {
        let content = format!("Interlock tries its storage of documents: {}", uuid::Uuid::now_v7());
        let (place, options) = (place(&sha256(content.as_bytes())), created);
        self.0.put_opts(&place, PutPayload::from(content.clone()), options()).await?;
        let again = self.0.put_opts(&place, PutPayload::from("overwritten"), options()).await;
        let read = async { self.0.get(&place).await?.bytes().await }.await;
        self.0.delete(&place).await?;
        match again {
            Err(object_store::Error::AlreadyExists { .. }) => {}
            Err(error) => return Err(error.into()),
            Ok(_) => return Err(FilesError::Overwrites),
        }
        if read? == content.as_bytes() { Ok(()) } else { Err(FilesError::Forgets) }
    }

    /// Keeps content and gives its name. Content that is there already stays as it is.
    pub async fn keep(&self, content: Vec<u8>) -> Result<String, FilesError> {
        let name = sha256(&content);
        match self.0.put_opts(&place(&name), PutPayload::from(content), created()).await {
            Ok(_) | Err(object_store::Error::AlreadyExists { .. }) => Ok(name),
            Err(error) => Err(error.into()),
        }
    }

    /// The content under a name, in pieces; none where there is none.
    pub async fn read(
        &self,
        name: &str,
    ) -> Result<Option<(u64, BoxStream<'static, std::io::Result<Vec<u8>>>)>, FilesError> {
        match self.0.get(&place(name)).await {
            Ok(found) => {
                let size = found.meta.size;
                let pieces = found.into_stream().map_ok(|piece| piece.to_vec()).map_err(std::io::Error::other);
                Ok(Some((size, Box::pin(pieces))))
            }
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Throws the content under a name away; where there is none, nothing happens.
    pub async fn remove(&self, name: &str) -> Result<(), FilesError> {
        match self.0.delete(&place(name)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Created or not, never replaced: two who send the same at once meet here, and one of them is told that it exists.
fn created() -> PutOptions {
    PutOptions { mode: PutMode::Create, ..PutOptions::default() }
}

/// Two levels, so that no folder holds everything.
fn place(name: &str) -> Path {
    let digits: String = name.chars().filter(char::is_ascii_hexdigit).take(64).collect();
    Path::from_iter([digits.get(..2).unwrap_or("00").to_owned(), digits])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(folder: &Folder) -> usize {
        std::fs::read_dir(folder)
            .expect("a folder")
            .map(|entry| entry.expect("an entry").path())
            .map(|path| if path.is_dir() { count(&path) } else { 1 })
            .sum()
    }

    #[tokio::test]
    async fn the_same_content_sent_at_once_is_one_object() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = Files::in_folder(folder.path()).expect("storage");
        let content = vec![7_u8; 300_000];
        let sendings = (0..16).map(|_| files.keep(content.clone()));
        let names = futures::future::try_join_all(sendings).await.expect("kept");
        assert!(names.windows(2).all(|two| two[0] == two[1]));
        assert_eq!(count(folder.path()), 1);
        let (size, pieces) = files.read(&names[0]).await.expect("readable").expect("there");
        let read: Vec<Vec<u8>> = pieces.try_collect().await.expect("all of it");
        assert_eq!((size, read.concat()), (300_000, content));
    }

    #[tokio::test]
    async fn a_folder_does_what_is_needed_and_is_left_as_it_was() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = Files::in_folder(folder.path()).expect("storage");
        files.try_out().await.expect("it works");
        assert_eq!(count(folder.path()), 0);
        let name = files.keep(b"content".to_vec()).await.expect("kept");
        for _ in 0..2 {
            files.remove(&name).await.expect("removed, or gone already");
            assert!(files.read(&name).await.expect("readable").is_none());
        }
    }

    #[test]
    fn an_address_is_a_bucket() {
        for wrong in ["https://bucket.example", "s3://", "s3:///prefix", "ftp://x"] {
            let refused = Files::at(wrong, []).expect_err(wrong);
            assert!(
                matches!(&refused, FilesError::Address(words) if words.contains("s3://bucket/prefix")),
                "{refused}"
            );
        }
    }

    #[tokio::test]
    async fn a_name_leads_nowhere_else() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("secret"), "x").expect("written");
        let files = Files::in_folder(&folder.path().join("files")).expect("storage");
        for name in ["../secret", "/etc/passwd", "", "..", "zz"] {
            assert!(files.read(name).await.expect("readable").is_none(), "{name}");
        }
    }
}
