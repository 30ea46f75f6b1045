//! What protects signing in: the hashing pool and the throttles, made once per process.

/// Signing in, and what protects it.
#[derive(Debug)]
pub struct Doors {
    /// Offer the demo log-ins on the sign-in page.
    pub demo: bool,
}
