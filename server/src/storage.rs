//! Where the content of documents lies, as the configuration says.

use std::path::Path;

use store::files::{Files, FilesError};

use crate::config::Config;

/// The storage of documents. One in the network is not asked yet.
///
/// # Errors
/// If the folder cannot be used, or the address is none.
pub fn open(config: &Config) -> Result<Files, FilesError> {
    match config.files.as_deref() {
        Some(address) if address.contains("://") => {
            let variables = std::env::vars_os();
            Files::at(
                address,
                variables.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
            )
        }
        Some(folder) => Files::in_folder(Path::new(folder)),
        None => Files::in_folder(&config.data_dir.join("files")),
    }
}

/// Where that is, for whoever runs the portal.
pub fn place(config: &Config) -> String {
    config.files.clone().unwrap_or_else(|| config.data_dir.join("files").display().to_string())
}
