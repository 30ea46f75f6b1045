//! Pretend systems, for conformance tests, demos and end-to-end tests. Never in production: they listen on the loopback
//! address only, and every answer and log line says what they are.
//!
//! [`rest`] is an ERP, a warehouse or a shop-floor system ([`Role`]) that speaks the protocol of `docs/rest-protocol.md`. Tests start it in process
//! ([`SimulatedErp::start`]), people start the program `interlock-simulator`. It keeps what it accepted, so that a test can
//! compare both sides, and misbehaves on demand. [`floor`] lets the shop floor carry out its work orders.

mod clock;
pub mod demo;
mod dice;
pub mod floor;
pub mod rest;

pub use clock::Clock;
pub use rest::{Role, RunningErp, Settings, SimulatedErp};
