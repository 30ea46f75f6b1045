//! What is asked of every file before it is kept, whatever door it came through: what it is by its content
//! (`domain::document`), what a virus scanner says where one is configured, and that its supplier has room
//! (`store::documents`). Nothing is unpacked or run.
//!
//! A door looks at a file, adds its row, keeps its content and commits, in this order: whoever has no room, or may not, leaves
//! no content behind, and there is never a row without content.

use std::io;
use std::sync::Arc;

use domain::document::{MediaType, recognise};
use domain::id::{DocumentId, SupplierId};
use store::documents::{self, NewDocument};
use store::files::{Files, FilesError};
use store::{CommandError, Tx};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::scanner::{Scanned, Scanner};

/// Large contents in memory at the same time.
const AT_ONCE: usize = 3;

/// Where files are looked at and kept.
#[derive(Debug, Clone)]
pub struct Intake {
    files: Files,
    scanner: Option<Scanner>,
    /// How many bytes one supplier may keep.
    quota: u64,
    turns: Arc<Semaphore>,
}

/// A file that may be kept.
#[derive(Debug)]
pub struct Looked {
    /// What it is.
    pub media_type: MediaType,
    /// All of it.
    pub content: Vec<u8>,
}

/// Why a file was not taken.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Something about the file, in words for whoever sent it.
    #[error("{0}")]
    File(String),
    /// Nothing about the file: it may be sent again later. In words for whoever sent it.
    #[error("{0}")]
    Later(&'static str),
    /// It could not be read; what is known of it is in the log.
    #[error("the file could not be looked at")]
    Broken,
}

impl Intake {
    /// On a storage, with the limits of the configuration.
    pub fn new(files: Files, scanner: Option<Scanner>, quota: u64) -> Self {
        Self { files, scanner, quota, turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// Waits until large content may be in memory; the turn ends when this is dropped. None is never given to one who has
    /// another. None in return: the program stops.
    pub async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.turns).acquire_owned().await.ok()
    }

    /// Looks at a file. `read` gives its content, on a thread that may wait; `takes` says what kinds are taken here.
    pub async fn look(
        &self,
        read: impl FnOnce() -> io::Result<Vec<u8>> + Send + 'static,
        takes: fn(MediaType) -> Result<(), &'static str>,
    ) -> Result<Looked, Refusal> {
        let looked = tokio::task::spawn_blocking(move || {
            let content = read()?;
            let media_type = recognise(&content);
            Ok::<_, io::Error>((content, media_type))
        });
        let broken = |error: &(dyn std::error::Error + 'static)| {
            tracing::error!(error, "An upload could not be looked at");
            Refusal::Broken
        };
        let (content, media_type) = looked.await.map_err(|error| broken(&error))?.map_err(|error| broken(&error))?;
        let media_type = media_type.map_err(|why| {
            tracing::info!(why = %why, "A file was not taken");
            Refusal::File(why.to_string())
        })?;
        takes(media_type).map_err(|words| Refusal::File(words.to_owned()))?;
        self.scan(&content).await?;
        Ok(Looked { media_type, content })
    }

    async fn scan(&self, content: &[u8]) -> Result<(), Refusal> {
        let Some(scanner) = &self.scanner else { return Ok(()) };
        match scanner.look_at(content).await {
            Ok(Scanned::Clean) => Ok(()),
            Ok(Scanned::Infected(found)) => {
                tracing::warn!(found, "The virus scanner found something in an upload; it was not kept");
                Err(Refusal::File("The virus scanner does not let this file through. It was not kept.".to_owned()))
            }
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "The virus scanner could not be asked; the upload was not kept"
                );
                Err(Refusal::Later(
                    "The virus scanner does not answer, so no file is taken now. Try again in a few minutes.",
                ))
            }
        }
    }

    /// Its row, in the transaction of the caller. [`CommandError::Invalid`]: there is no room.
    pub async fn add(
        &self,
        tx: &mut Tx,
        looked: &Looked,
        name: &str,
        supplier_id: Option<SupplierId>,
    ) -> Result<DocumentId, CommandError> {
        let new = NewDocument {
            sha256: store::files::sha256(&looked.content),
            name: name.to_owned(),
            media_type: looked.media_type,
            size: looked.content.len() as u64,
            supplier_id,
        };
        documents::add(tx, &new, self.quota).await
    }

    /// Its content, before that transaction is committed.
    pub async fn keep(&self, content: Vec<u8>) -> Result<(), FilesError> {
        self.files.keep(content).await.map(drop)
    }

    /// Where the content of documents lies.
    pub const fn files(&self) -> &Files {
        &self.files
    }
}
