//! The private PostgreSQL cluster: makes, starts and stops a database server of our own, so that the first
//! start asks for nothing. With a `DATABASE_URL` none of this is used.
//!
//! ```text
//! <data_dir>/                mode 0700, of the account that PostgreSQL runs as
//!   data/                    the cluster (PGDATA)
//!   data.new/                a cluster being made; renamed when whole, swept when not
//!   .s.PGSQL.5432            the socket, the only way in: no port is opened, the directory's mode is the lock
//!   postgres.log  .log.1     what PostgreSQL said since this start, and the one before
//!   lock  owner.pid          one start at a time; the process that stops it again
//! ```
//!
//! **Start it in `main`, before the tokio runtime.** PostgreSQL is told to shut down when its parent dies
//! (`PR_SET_PDEATHSIG`), and Linux takes the *thread* that forked for the parent: forked from a pool thread,
//! the database would go when that thread does. For the same reason the server must not be built with
//! `panic = "abort"`: unwinding runs [`Drop`], which stops the cluster in order.
//!
//! **Whatever dies, data stays.** kill -9 of the owner: PostgreSQL gets SIGINT from the kernel and shuts down; a
//! start in that moment waits for it. kill -9 of both: PostgreSQL recovers from its log. kill -9 while the cluster
//! is being made: the half is swept. A second process (`interlock work`) adopts the running cluster and leaves it
//! running; the one that started it stops it.
//!
//! **As root** PostgreSQL refuses to run: it runs as the owner of an existing data directory, else as `postgres`.
//!
//! This file depends on the standard library, `libc` and `thiserror` alone, because `xtask` includes it too
//! (`cargo xtask with-postgres`). Linux only.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, chown, fchown};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

#[cfg(test)]
#[path = "cluster/tests.rs"]
mod tests;

/// The superuser and owner of everything in a private cluster. The program works as a lesser role.
const OWNER: &str = "interlock_owner";
/// The database that every private cluster has.
const DATABASE: &str = "interlock";
/// `sun_path` holds 108 bytes with its closing zero.
const SOCKET_PATH_MAX: usize = 107;
const SOCKET_NAME: &str = ".s.PGSQL.5432";
/// Recovery of a large write-ahead log comes before "ready".
const READY_LIMIT: Duration = Duration::from_secs(300);
/// How long an orphaned but answering cluster may be on its way out before it is taken for somebody's own.
const ORPHAN_LIMIT: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(10);

/// Where the cluster lives and how much it must survive.
pub struct ClusterSettings {
    /// A directory for this cluster alone; made when missing. Its path has room for a socket name (107 bytes in all).
    pub data_dir: PathBuf,
    /// `true`: every commit is on disk before it is answered. `false`: throw-away clusters of tests, nothing is synced.
    pub durable: bool,
}

/// A running cluster. Dropping it stops PostgreSQL if this process started it.
pub struct Cluster {
    place: Place,
    /// `None` where a running cluster was adopted.
    child: Option<Child>,
}

/// Why there is no cluster, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    #[error(
        "PostgreSQL's server programs were not found in /usr/lib/postgresql/*/bin or PATH. Install them \
         (`apt-get install postgresql`), name their directory in PG_BINDIR, or give a server in DATABASE_URL"
    )]
    NoBinaries,
    #[error("PG_BINDIR is {}, which has no programs `postgres` and `initdb`. Correct it or leave it out", given.display())]
    BadBinDir { given: PathBuf },
    #[error(
        "{} was written by PostgreSQL {written_by}, which is not installed. Install `postgresql-{written_by}`, or \
         bring the data over with pg_upgrade", data.display()
    )]
    OtherVersion { data: PathBuf, written_by: String },
    #[error(
        "PostgreSQL does not run as root and there is no user `postgres` to run it as. Install Debian's package \
         `postgresql`, which makes it, or start as an ordinary user"
    )]
    NoAccount,
    #[error(
        "{} belongs to user id {owner}, but PostgreSQL would run as user id {wanted}. Start as its owner, give it \
         away (`chown -R`), or choose another data directory", path.display()
    )]
    WrongOwner { path: PathBuf, owner: u32, wanted: u32 },
    #[error(
        "{} is not open to user id {wanted}, as whom PostgreSQL runs when started by root, so it cannot reach {}. \
         Choose a data directory elsewhere, such as /var/lib/interlock", parent.display(), path.display()
    )]
    Unreachable { path: PathBuf, parent: PathBuf, wanted: u32 },
    #[error(
        "the data directory's path is too long for a socket: {} with the socket's name is {length} bytes, \
         {SOCKET_PATH_MAX} is the limit. Choose a shorter one", path.display()
    )]
    PathTooLong { path: PathBuf, length: usize },
    #[error(
        "the data directory's path {} has a comma, which PostgreSQL's clients read as the end of it. Choose another",
        path.display()
    )]
    CommaInPath { path: PathBuf },
    #[error("could not {doing} {}", path.display())]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
    #[error("{program} failed: {said}")]
    Failed { program: &'static str, said: String },
    #[error("PostgreSQL in {} was not ready after {} seconds; it said: {said}", data.display(), READY_LIMIT.as_secs())]
    NotReady { data: PathBuf, said: String },
}

impl Cluster {
    /// Makes the cluster if there is none, starts it or adopts it where it runs, and sees to the database
    /// `interlock`. Blocks until connections are answered: about a second the first time, a tenth after that.
    pub fn start(settings: ClusterSettings) -> Result<Cluster, ClusterError> {
        let (home, account) = prepare_home(&settings.data_dir)?;
        let lock = create_file(&home.join("lock"), account)?;
        lock.lock().map_err(io_error("lock", home.join("lock")))?;

        let bin = find_binaries(&home.join("data"))?;
        let place = Place { home, account, bin };
        if !place.data().join("PG_VERSION").exists() {
            place.make(settings.durable)?;
        }
        let child = if place.adoptable()? { None } else { Some(place.launch(settings.durable)?) };
        // From here on an error drops the cluster, which stops what was launched.
        let mut cluster = Cluster { place, child };
        cluster.await_ready()?;
        cluster.place.ensure_database()?;
        Ok(cluster)
    }

    /// The address of a database in this cluster, over the socket, as the superuser that owns it.
    pub fn url(&self, database: &str) -> String {
        let home = percent_encoded(self.place.home.as_os_str().as_bytes());
        // The port is part of the socket's name; said here so that no PGPORT of the caller's changes it.
        format!("postgres://{OWNER}@localhost:5432/{}?host={home}", percent_encoded(database.as_bytes()))
    }

    /// Stops the cluster in order if this process started it, and waits until it is gone.
    pub fn stop(self) {
        drop(self);
    }

    fn await_ready(&mut self) -> Result<(), ClusterError> {
        let Some(child) = &mut self.child else { return Ok(()) };
        let (place, begun) = (&self.place, Instant::now());
        loop {
            if let Some(status) = child.try_wait().map_err(io_error("wait for", place.bin.join("postgres")))? {
                self.child = None;
                return Err(ClusterError::Failed {
                    program: "postgres",
                    said: format!("{status}; {}", place.log_tail()),
                });
            }
            if place.postmaster().is_some_and(|found| found.pid == child.id() && found.ready) && place.answers() {
                return Ok(());
            }
            if begun.elapsed() > READY_LIMIT {
                return Err(ClusterError::NotReady { data: place.data(), said: place.log_tail() });
            }
            std::thread::sleep(POLL);
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        // Fast shutdown, then immediate (recovers at the next start), then by force.
        for (signal, patience) in [(libc::SIGINT, 60), (libc::SIGQUIT, 10), (libc::SIGKILL, 10)] {
            // SAFETY: the child is not reaped yet, so the id is still its own.
            unsafe { libc::kill(child.id().cast_signed(), signal) };
            let until = Instant::now() + Duration::from_secs(patience);
            while Instant::now() < until {
                if !matches!(child.try_wait(), Ok(None)) {
                    return;
                }
                std::thread::sleep(POLL);
            }
        }
    }
}

/// Who PostgreSQL runs as when we are root.
#[derive(Clone, Copy)]
struct Account {
    uid: u32,
    gid: u32,
}

/// What `postmaster.pid` says of a postmaster that is really there.
struct Postmaster {
    pid: u32,
    /// Line 8 says "ready" (not "starting" or "stopping").
    ready: bool,
}

/// A cluster's directory, with the programs and the account to work on it.
struct Place {
    home: PathBuf,
    account: Option<Account>,
    bin: PathBuf,
}

impl Place {
    fn data(&self) -> PathBuf {
        self.home.join("data")
    }

    /// One of PostgreSQL's programs, as the right account, in a known environment, gone when we are gone.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.bin.join(program));
        command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C.UTF-8").env("TZ", "UTC");
        // The caller's directory may be closed to the account; a terminal's Ctrl-C is for us to hand on.
        command.current_dir(&self.home).stdin(Stdio::null()).process_group(0);
        if let Some(Account { uid, gid }) = self.account {
            command.uid(uid).gid(gid);
        }
        let parent = std::process::id().cast_signed();
        // SAFETY: prctl and getppid are async-signal-safe; nothing is allocated between fork and exec.
        unsafe {
            command.pre_exec(move || {
                if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGINT) == -1 {
                    return Err(io::Error::last_os_error());
                }
                // The parent may have died before the line above.
                if libc::getppid() == parent { Ok(()) } else { Err(io::ErrorKind::Interrupted.into()) }
            });
        }
        command
    }

    /// Runs a program to its end; what it said is in the error.
    fn run(&self, program: &'static str, arguments: &[&OsStr]) -> Result<(), ClusterError> {
        let output = self.command(program).args(arguments).output().map_err(io_error("run", self.bin.join(program)))?;
        if output.status.success() {
            return Ok(());
        }
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        Err(ClusterError::Failed { program, said: said.trim().to_owned() })
    }

    fn make(&self, durable: bool) -> Result<(), ClusterError> {
        let half = self.home.join("data.new");
        if half.exists() {
            fs::remove_dir_all(&half).map_err(io_error("remove", &half))?;
        }
        let options = ["--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--username", OWNER];
        let mut arguments = options.map(OsStr::new).to_vec();
        arguments.push(OsStr::new(if durable { "--data-checksums" } else { "--no-sync" }));
        arguments.extend([OsStr::new("--pgdata"), half.as_os_str()]);
        self.run("initdb", &arguments)?;
        fs::rename(&half, self.data()).map_err(io_error("move into place", &half))?;
        File::open(&self.home).and_then(|home| home.sync_all()).map_err(io_error("sync", &self.home))
    }

    /// Whether a cluster runs here that will stay. Waits for one that is on its way up or out.
    fn adoptable(&self) -> Result<bool, ClusterError> {
        let begun = Instant::now();
        while let Some(postmaster) = self.postmaster() {
            let owner = fs::read_to_string(self.home.join("owner.pid")).ok().and_then(|text| text.trim().parse().ok());
            // An orphan's owner was killed and it is about to hear of it, unless someone started it by hand.
            let will_stay = owner == parent_of(postmaster.pid) || begun.elapsed() > ORPHAN_LIMIT;
            if postmaster.ready && will_stay && self.answers() {
                return Ok(true);
            }
            if begun.elapsed() > READY_LIMIT {
                return Err(ClusterError::NotReady { data: self.data(), said: self.log_tail() });
            }
            std::thread::sleep(POLL);
        }
        Ok(false)
    }

    /// The postmaster that runs on this data directory, if one does. A pid file left behind whose number is now
    /// another program's is removed: PostgreSQL would take that program for itself and refuse to start.
    fn postmaster(&self) -> Option<Postmaster> {
        let pid_file = self.data().join("postmaster.pid");
        let text = fs::read_to_string(&pid_file).ok()?;
        let pid: u32 = text.lines().next()?.trim().parse().ok()?;
        let command_line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let ours = self.data();
        if !command_line.split(|byte| *byte == 0).any(|argument| argument == ours.as_os_str().as_bytes()) {
            // Unchanged since we read it, so no postmaster wrote its own number in between.
            if fs::read_to_string(&pid_file).is_ok_and(|again| again == text) {
                let _gone_already = fs::remove_file(&pid_file);
            }
            return None;
        }
        Some(Postmaster { pid, ready: text.lines().nth(7).is_some_and(|status| status.trim() == "ready") })
    }

    fn answers(&self) -> bool {
        UnixStream::connect(self.home.join(SOCKET_NAME)).is_ok()
    }

    fn launch(&self, durable: bool) -> Result<Child, ClusterError> {
        let log_path = self.home.join("postgres.log");
        if log_path.exists() {
            fs::rename(&log_path, self.home.join("postgres.log.1")).map_err(io_error("move aside", &log_path))?;
        }
        let log = create_file(&log_path, self.account)?;
        let also_log = log.try_clone().map_err(io_error("open", &log_path))?;
        let owner = self.home.join("owner.pid");
        write!(create_file(&owner, self.account)?, "{}", std::process::id()).map_err(io_error("write", &owner))?;

        let mut postgres = self.command("postgres");
        postgres.arg("-D").arg(self.data()).arg("-k").arg(&self.home).args(["-p", "5432"]).stdout(log).stderr(also_log);
        let on = if durable { "on" } else { "off" };
        for setting in [
            "listen_addresses=",
            "unix_socket_permissions=0700",
            "timezone=UTC",
            "log_timezone=UTC",
            // For a small machine: the portal's pools and workers fit, and short queries gain nothing from JIT.
            "max_connections=200",
            "shared_buffers=128MB",
            "jit=off",
            &format!("fsync={on}"),
            &format!("synchronous_commit={on}"),
            &format!("full_page_writes={on}"),
        ] {
            postgres.args(["-c", setting]);
        }
        postgres.spawn().map_err(io_error("start", self.bin.join("postgres")))
    }

    fn ensure_database(&self) -> Result<(), ClusterError> {
        let arguments = ["--port", "5432", "--username", OWNER, "--no-password", "--maintenance-db=postgres"];
        let mut arguments = arguments.map(OsStr::new).to_vec();
        arguments.extend([OsStr::new("--host"), self.home.as_os_str(), OsStr::new(DATABASE)]);
        match self.run("createdb", &arguments) {
            Err(ClusterError::Failed { said, .. }) if said.contains("already exists") => Ok(()),
            outcome => outcome,
        }
    }

    /// The last lines of PostgreSQL's log, for an error.
    fn log_tail(&self) -> String {
        let log = fs::read_to_string(self.home.join("postgres.log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(5)..].join(" | ")
    }
}

/// Makes the cluster's directory and decides who PostgreSQL runs as (`None`: as we are). Returns the real path.
fn prepare_home(data_dir: &Path) -> Result<(PathBuf, Option<Account>), ClusterError> {
    let asked = std::path::absolute(data_dir).map_err(io_error("find", data_dir))?;
    fs::create_dir_all(&asked).map_err(io_error("make", &asked))?;
    let home = asked.canonicalize().map_err(io_error("find", &asked))?;
    let length = home.join(SOCKET_NAME).as_os_str().len();
    if length > SOCKET_PATH_MAX {
        return Err(ClusterError::PathTooLong { path: home, length });
    }
    if home.as_os_str().as_bytes().contains(&b',') {
        return Err(ClusterError::CommaInPath { path: home });
    }

    // In this order: another start gives the directory away before it puts anything in it.
    let empty = fs::read_dir(&home).is_ok_and(|mut entries| entries.next().is_none());
    let owner = fs::metadata(&home).map_err(io_error("read", &home))?;
    let us = fs::metadata("/proc/self").map_err(io_error("read", "/proc/self"))?.uid();
    let account = match (us, owner.uid()) {
        (0, 0) => {
            let account = account_named("postgres").ok_or(ClusterError::NoAccount)?;
            if !empty {
                return Err(ClusterError::WrongOwner { path: home, owner: 0, wanted: account.uid });
            }
            Some(account)
        }
        (0, uid) => Some(Account { uid, gid: owner.gid() }),
        (us, uid) if us == uid => None,
        (wanted, owner) => return Err(ClusterError::WrongOwner { path: home, owner, wanted }),
    };
    if let Some(account) = account {
        if let Some(parent) = home.ancestors().skip(1).find(|parent| !may_pass(parent, account)) {
            return Err(ClusterError::Unreachable {
                parent: parent.to_owned(),
                path: home.clone(),
                wanted: account.uid,
            });
        }
        chown(&home, Some(account.uid), Some(account.gid)).map_err(io_error("give away", &home))?;
    }
    fs::set_permissions(&home, fs::Permissions::from_mode(0o700)).map_err(io_error("close", &home))?;
    Ok((home, account))
}

/// An empty file of the account's own. Never through a link: as root we write where a lesser account may put one.
fn create_file(path: &Path, account: Option<Account>) -> Result<File, ClusterError> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600).custom_flags(libc::O_NOFOLLOW);
    let file = options.open(path).map_err(io_error("make", path))?;
    if let Some(Account { uid, gid }) = account {
        fchown(&file, Some(uid), Some(gid)).map_err(io_error("give away", path))?;
    }
    Ok(file)
}

/// Whether the mode of a directory lets the account through (the x bit that counts for it).
fn may_pass(directory: &Path, account: Account) -> bool {
    let Ok(found) = fs::metadata(directory) else { return false };
    let bit = if found.uid() == account.uid {
        0o100
    } else if found.gid() == account.gid {
        0o010
    } else {
        0o001
    };
    found.mode() & bit != 0
}

fn account_named(name: &str) -> Option<Account> {
    let passwd = fs::read_to_string("/etc/passwd").ok()?;
    let fields: Vec<&str> = passwd.lines().map(|line| line.split(':').collect()).find(|f: &Vec<&str>| f[0] == name)?;
    Some(Account { uid: fields.get(2)?.parse().ok()?, gid: fields.get(3)?.parse().ok()? })
}

/// The directory with `postgres` and `initdb`: PG_BINDIR, else the release that wrote the data, else the newest.
fn find_binaries(data: &Path) -> Result<PathBuf, ClusterError> {
    let complete = |bin: &PathBuf| bin.join("postgres").is_file() && bin.join("initdb").is_file();
    if let Some(given) = std::env::var_os("PG_BINDIR").filter(|given| !given.is_empty()) {
        let given = PathBuf::from(given);
        return if complete(&given) { Ok(given) } else { Err(ClusterError::BadBinDir { given }) };
    }
    let mut releases: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .filter(|(_, bin)| complete(bin))
        .collect();
    releases.sort();
    if let Ok(written_by) = fs::read_to_string(data.join("PG_VERSION")) {
        let written_by = written_by.trim();
        if let Some((_, bin)) = releases.iter().find(|(release, _)| release.to_string() == written_by) {
            return Ok(bin.clone());
        }
        if !releases.is_empty() {
            return Err(ClusterError::OtherVersion { data: data.to_owned(), written_by: written_by.to_owned() });
        }
    }
    let in_path = std::env::var_os("PATH").unwrap_or_default();
    let newest = releases.pop().map(|(_, bin)| bin);
    newest.or_else(|| std::env::split_paths(&in_path).find(complete)).ok_or(ClusterError::NoBinaries)
}

/// The process that a process would report its end to (field 4 of `stat`; the name before it may hold spaces).
fn parent_of(pid: u32) -> Option<u32> {
    let mut stat = String::new();
    File::open(format!("/proc/{pid}/stat")).ok()?.read_to_string(&mut stat).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// Keeps `/`, which may stand in a query, and the unreserved characters of RFC 3986.
fn percent_encoded(bytes: &[u8]) -> String {
    let encode = |byte: &u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => char::from(*byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    bytes.iter().map(encode).collect()
}

fn io_error(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> ClusterError {
    let path = path.into();
    move |source| ClusterError::Io { doing, path, source }
}
