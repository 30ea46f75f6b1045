//! What the commands that we start see of the environment: the caller's, without what `cargo run` put in for us.
//!
//! Otherwise a cargo below us would find other `CARGO_…` variables than the same cargo typed by hand. Build scripts
//! watch them (`ring`'s does), and half of the server would be built anew at every change between the two.

use std::ffi::OsStr;
use std::process::Command;

/// A command in the caller's environment.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(put_in_by_cargo) {
            command.env_remove(name);
        }
    }
    command
}

fn put_in_by_cargo(name: &str) -> bool {
    name == "CARGO" || name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
}
