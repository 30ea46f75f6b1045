//! The processes that are measured, each on a free port of this machine, ended with us.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};

use crate::Outcomes;

/// `interlock serve` with a private cluster, without the loops.
pub struct Program {
    pub address: String,
    /// The cluster's database, as its owner.
    pub database: String,
    child: Child,
    directory: TempDir,
}

/// This binary as the bare handler.
pub struct Bare {
    pub address: String,
    child: Child,
}

impl Program {
    pub async fn start() -> Outcomes<Self> {
        let programs = std::env::var("INTERLOCK_PROGRAMS")
            .map_err(|_| "set INTERLOCK_PROGRAMS to the directory of the release build")?;
        let directory = tempfile::Builder::new().prefix("interlock-pages-").tempdir()?;
        // PostgreSQL runs as somebody else where we are root.
        fs::set_permissions(directory.path(), Permissions::from_mode(0o755))?;
        let data = directory.path().join("data");
        let mut child = Command::new(PathBuf::from(programs).join("interlock"))
            .args(["serve", "--no-work", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(&data)
            .env("INTERLOCK_REQUESTS_PER_SECOND", "0")
            .env("INTERLOCK_LOG_FILTER", "warn")
            .env_remove("DATABASE_URL")
            .env_remove("INTERLOCK_DATABASE_URL")
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let address = said(&mut child, "is ready: ").await?;
        let socket = data.join("postgres");
        let database = format!("postgres://interlock_owner@localhost/interlock?host={}", socket.display());
        Ok(Self { address, database, child, directory })
    }

    /// What of its memory is in use, without the database.
    pub fn megabytes(&self) -> Outcomes<f64> {
        let id = self.child.id().ok_or("the program has ended")?;
        let status = fs::read_to_string(format!("/proc/{id}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok((kilobytes / 102.4).round() / 10.0)
    }

    /// Asks it to end, so that its cluster ends in order, before the directory goes.
    pub fn end(mut self) -> Outcomes<()> {
        interrupt(&mut self.child)?;
        self.directory.close()?;
        Ok(())
    }
}

impl Bare {
    pub async fn start(database: &str) -> Outcomes<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["bare", database])
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        Ok(Self { address: said(&mut child, "bare: ").await?, child })
    }

    pub fn end(mut self) -> Outcomes<()> {
        interrupt(&mut self.child)
    }
}

/// The rest of the first line that has these words; whatever comes later is read and forgotten.
async fn said(child: &mut Child, words: &str) -> Outcomes<String> {
    let output: ChildStdout = child.stdout.take().ok_or("no output")?;
    let mut lines = BufReader::new(output).lines();
    let found = async {
        while let Some(line) = lines.next_line().await? {
            if let Some((_, rest)) = line.split_once(words) {
                return Ok::<_, std::io::Error>(Some(rest.trim().to_owned()));
            }
        }
        Ok(None)
    };
    let rest = tokio::time::timeout(Duration::from_secs(120), found).await??;
    let _forgotten = tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    rest.ok_or_else(|| "it ended before it was ready".into())
}

fn interrupt(child: &mut Child) -> Outcomes<()> {
    let Some(id) = child.id() else { return Ok(()) };
    // SAFETY: our own child, which has not been waited for yet.
    unsafe { libc::kill(i32::try_from(id)?, libc::SIGTERM) };
    for _ in 0..200 {
        if child.try_wait()?.is_some() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Err("a process did not end within ten seconds".into())
}
