//! `cargo xtask with-postgres [--durable] <command> [args…]`: a throw-away PostgreSQL cluster for the length of a command.
//!
//! The command finds the cluster in `DATABASE_URL`; nothing is kept, and nothing is synced to disk unless it is to be
//! durable, as measurements need it. Its exit code is
//! passed on. Ctrl-C goes to the command; we wait for it and clean up. Killed, we leave a directory that the next
//! run sweeps, while PostgreSQL goes by itself (see [`crate::cluster`]).

use std::ffi::OsString;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::cluster::{Cluster, ClusterSettings};
use crate::environment;

const PREFIX: &str = "interlock-pg-";

pub fn run(mut arguments: impl Iterator<Item = OsString>) -> Result<ExitCode> {
    let mut program = arguments.next().context("with-postgres wants a command to run")?;
    let durable = program == "--durable";
    if durable {
        program = arguments.next().context("with-postgres --durable wants a command to run")?;
    }
    sweep(&std::env::temp_dir());
    let data_dir = std::env::temp_dir().join(format!("{PREFIX}{}", std::process::id()));
    let cluster = Cluster::start(ClusterSettings { data_dir: data_dir.clone(), durable })?;

    outlive_interruption();
    let status = environment::command(&program).args(arguments).env("DATABASE_URL", cluster.url("interlock")).status();
    cluster.stop();
    fs::remove_dir_all(&data_dir).with_context(|| format!("remove {}", data_dir.display()))?;

    let status = status.with_context(|| format!("run {}", program.display()))?;
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}

/// Ctrl-C at the terminal reaches the command as well; ours is the tidying up after it.
fn outlive_interruption() {
    extern "C" fn noted(_signal: libc::c_int) {}
    let handler = noted as extern "C" fn(libc::c_int);
    // SAFETY: the handler does nothing. A handler, unlike "ignore", is not inherited by the command.
    unsafe { libc::signal(libc::SIGINT, handler as libc::sighandler_t) };
}

/// Removes the clusters of runs that were killed. What cannot be removed is somebody else's.
fn sweep(directory: &Path) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.strip_prefix(PREFIX)) else { continue };
        let used = |pid: &str| Path::new("/proc").join(pid).exists();
        let postmaster = fs::read_to_string(entry.path().join("data/postmaster.pid")).unwrap_or_default();
        if pid.parse::<u32>().is_ok() && !used(pid) && !postmaster.lines().next().is_some_and(used) {
            let _somebody_elses = fs::remove_dir_all(entry.path());
        }
    }
}
