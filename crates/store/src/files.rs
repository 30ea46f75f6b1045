//! The content of documents, kept outside the database under its SHA-256: a folder of this machine by default, an
//! S3-compatible store by configuration (cargo feature `s3`).
//!
//! The same content is one object, however often and by however many it is sent at once. Nothing is ever overwritten, and
//! nothing that a person called a file has a part in where it lies.

use std::path::Path as Folder;
use std::sync::Arc;

use futures::TryStreamExt as _;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, PutPayload};
use sha2::{Digest as _, Sha256};

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
    /// The storage did not do it.
    #[error("the storage of documents did not answer as expected")]
    Storage(#[from] object_store::Error),
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

    /// At an address: `s3://bucket/prefix`, with the usual `AWS_…` variables for region, endpoint and keys.
    #[cfg(feature = "s3")]
    pub fn at(address: &str) -> Result<Self, FilesError> {
        use object_store::aws::{AmazonS3Builder, S3ConditionalPut};
        use object_store::prefix::PrefixStore;

        let Some(rest) = address.strip_prefix("s3://") else {
            return Err(FilesError::Address("documents are kept in a folder or at s3://bucket/prefix".to_owned()));
        };
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let s3 = AmazonS3Builder::from_env()
            .with_bucket_name(bucket)
            .with_conditional_put(S3ConditionalPut::ETagMatch)
            .build()?;
        Ok(Self(Arc::new(PrefixStore::new(s3, prefix))))
    }

    /// This program was built without the feature that other storages need.
    #[cfg(not(feature = "s3"))]
    pub fn at(_address: &str) -> Result<Self, FilesError> {
        Err(FilesError::Address("this program was built without the feature `s3`".to_owned()))
    }

    /// Keeps content and gives its name. Content that is there already stays as it is.
    pub async fn keep(&self, content: Vec<u8>) -> Result<String, FilesError> {
        let name = sha256(&content);
        // Created or not, never replaced: two who send the same at once meet here, and one of them is told it exists.
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        match self.0.put_opts(&place(&name), PutPayload::from(content), options).await {
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
    async fn a_name_leads_nowhere_else() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("secret"), "x").expect("written");
        let files = Files::in_folder(&folder.path().join("files")).expect("storage");
        for name in ["../secret", "/etc/passwd", "", "..", "zz"] {
            assert!(files.read(name).await.expect("readable").is_none(), "{name}");
        }
    }
}
