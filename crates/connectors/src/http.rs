//! The one HTTP client that all connectors share.
