//! Opens the doors; the only room that sees everything.
//!
//! The program `interlock` is one binary with roles as commands ([`commands`]). `serve` starts, in this order: the private
//! PostgreSQL cluster where no database is given ([`cluster`], before the runtime), migrations, the demo's data where asked,
//! the loops that run beside the doors ([`loops`]), and the doors themselves ([`router`]).

pub mod answers;
pub mod api;
pub mod cluster;
pub mod commands;
pub mod config;
pub mod demo;
mod demo_certificates;
pub mod demo_life;
pub mod guard;
pub mod health;
pub mod intake;
pub mod live;
pub mod loops;
pub mod offers;
pub mod print;
pub mod router;
pub mod scanner;
pub mod session;
pub mod state;
pub mod storage;
pub mod telemetry;
pub mod uploads;
