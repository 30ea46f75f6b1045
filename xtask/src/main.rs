//! What cargo alone cannot do for this repository: `cargo xtask <task>`.
//!
//! * [`build`](build::build): the WebAssembly module, the programs, the stylesheet and the static files, named and
//!   packed as the server serves them. Nothing is downloaded and no tool is needed beside cargo.
//! * [`with-postgres`](postgres::run): a command with a throw-away PostgreSQL cluster in `DATABASE_URL`.

mod build;
// The server's own file: tests run on the same clusters as the program, made by the same code.
#[path = "../../server/src/cluster.rs"]
mod cluster;
mod environment;
mod pack;
mod postgres;
mod stylesheet;

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::{Result, bail};

const USAGE: &str = "\
cargo xtask build [--release] [--site <dir>]   build everything that `interlock serve` needs
                                               (site: default <target directory>/site)
cargo xtask with-postgres [--durable] <command> [args…]
                                               run a command with DATABASE_URL set to a throw-away cluster";

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let task = arguments.next().unwrap_or_default();
    let outcome = match task.to_str() {
        Some("build") => {
            build_options(arguments).and_then(|options| build::build(&options)).map(|()| ExitCode::SUCCESS)
        }
        Some("with-postgres") => postgres::run(arguments),
        Some("help" | "--help" | "-h") => {
            println!("{USAGE}");
            Ok(ExitCode::SUCCESS)
        }
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("xtask: {error:#}");
        ExitCode::FAILURE
    })
}

fn build_options(mut arguments: impl Iterator<Item = OsString>) -> Result<build::Options> {
    let mut options = build::Options::default();
    while let Some(argument) = arguments.next() {
        match argument.to_str() {
            Some("--release") => options.release = true,
            Some("--site") => match arguments.next() {
                Some(directory) => options.site = Some(directory.into()),
                None => bail!("--site wants a directory"),
            },
            _ => bail!("unknown option {}\n{USAGE}", argument.display()),
        }
    }
    Ok(options)
}
