//! Coming in and going out: sign-in, one-time links, passwords, sign-out.

pub mod sign_in;

#[cfg(feature = "ssr")]
mod doors;
#[cfg(feature = "ssr")]
pub use doors::Doors;
