//! The private cluster against real PostgreSQL programs. Run by root, one test also runs as an ordinary user.

use super::*;
use std::io::BufRead;

/// A directory that PostgreSQL's account may pass, with room for a cluster in it.
fn room() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).expect("open it for PostgreSQL's account");
    let home = directory.path().join("pg");
    (directory, home)
}

fn start(home: &Path) -> Cluster {
    Cluster::start(ClusterSettings { data_dir: home.to_owned(), durable: false }).expect("a cluster")
}

fn refusal(home: &Path) -> String {
    match Cluster::start(ClusterSettings { data_dir: home.to_owned(), durable: false }) {
        Ok(_) => panic!("a cluster started in {}", home.display()),
        Err(error) => error.to_string(),
    }
}

/// The one value that a statement answers with.
fn ask(cluster: &Cluster, sql: &str) -> String {
    let mut psql = Command::new(cluster.place.bin.join("psql"));
    psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql]).arg(cluster.url(DATABASE));
    let output = psql.output().expect("psql");
    assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn we_are_root() -> bool {
    fs::metadata("/proc/self").expect("/proc").uid() == 0
}

#[test]
fn a_first_start_makes_a_database_that_answers_on_its_socket_alone() {
    let (_directory, home) = room();
    let cluster = start(&home);
    assert_eq!(ask(&cluster, "SELECT current_database() || ' of ' || current_user"), "interlock of interlock_owner");
    assert_eq!(ask(&cluster, "SHOW listen_addresses"), "");
    assert_eq!(ask(&cluster, "SHOW server_encoding"), "UTF8");
    assert_eq!(fs::metadata(&home).expect("its directory").mode() & 0o777, 0o700);
}

#[test]
fn only_throw_away_clusters_trade_durability_for_speed() {
    let (_directory, home) = room();
    assert_eq!(ask(&start(&home), "SHOW fsync"), "off");
    let durable = Cluster::start(ClusterSettings { data_dir: home, durable: true }).expect("a durable start");
    for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
        assert_eq!(ask(&durable, &format!("SHOW {setting}")), "on", "{setting}");
    }
}

#[test]
fn a_second_start_adopts_the_running_cluster_and_leaves_it_running() {
    let (_directory, home) = room();
    let first = start(&home);
    let second = start(&home);
    assert_eq!(ask(&first, "SELECT pg_postmaster_start_time()"), ask(&second, "SELECT pg_postmaster_start_time()"));
    second.stop();
    assert_eq!(ask(&first, "SELECT 1"), "1");
}

#[test]
fn two_starts_at_once_end_with_one_cluster() {
    let (_directory, home) = room();
    // The cluster goes when the thread that started it does, so both stay until both have one.
    let both_done = std::sync::Barrier::new(2);
    let start_and_wait = || {
        let started = Cluster::start(ClusterSettings { data_dir: home.clone(), durable: false });
        both_done.wait();
        started.expect("a cluster").child.is_some()
    };
    let owned = std::thread::scope(|scope| {
        [scope.spawn(start_and_wait), scope.spawn(start_and_wait)].map(|thread| thread.join().expect("a start"))
    });
    assert_ne!(owned[0], owned[1], "one start owns the cluster, the other adopted it");
}

#[test]
fn what_was_committed_is_there_after_a_stop_and_a_start() {
    let (_directory, home) = room();
    let cluster = start(&home);
    ask(&cluster, "CREATE TABLE kept AS SELECT 42 AS answer");
    cluster.stop();
    assert!(!home.join(SOCKET_NAME).exists(), "a stopped cluster leaves no socket");
    assert_eq!(ask(&start(&home), "SELECT answer FROM kept"), "42");
}

#[test]
fn a_dropped_database_is_made_again() {
    let (_directory, home) = room();
    let cluster = start(&home);
    let drop = ["--host", home.to_str().expect("plain path"), "--port=5432", "--username", OWNER, DATABASE];
    cluster.place.run("dropdb", &drop.map(OsStr::new)).expect("dropdb");
    cluster.stop();
    assert_eq!(ask(&start(&home), "SELECT current_database()"), DATABASE);
}

/// Not a test of its own: the process that the next test kills. Says when its cluster stands, and waits for its end.
#[test]
#[ignore = "the process that another test starts and kills"]
fn hold_a_cluster_until_killed() {
    let home = std::env::var_os("INTERLOCK_TEST_HOME").expect("started by a test");
    let cluster = start(Path::new(&home));
    ask(&cluster, "CREATE TABLE kept AS SELECT 42 AS answer");
    println!("\nstands");
    loop {
        std::thread::park();
    }
}

#[test]
fn after_kill_9_of_its_owner_the_cluster_goes_by_itself_and_the_next_start_has_all_data() {
    let (_directory, home) = room();
    let mut owner = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "cluster::tests::hold_a_cluster_until_killed", "--ignored", "--nocapture"])
        .env("INTERLOCK_TEST_HOME", &home)
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program again");
    let said = io::BufReader::new(owner.stdout.take().expect("its output"));
    assert!(said.lines().any(|line| line.is_ok_and(|line| line == "stands")), "the owner's cluster stands");

    owner.kill().expect("kill -9");
    owner.wait().expect("its end");
    // At once: PostgreSQL may still be answering, on its way out. It must not be adopted.
    let cluster = start(&home);
    assert!(cluster.child.is_some(), "the dying cluster was not adopted");
    assert_eq!(ask(&cluster, "SELECT answer FROM kept"), "42");
}

#[test]
fn a_cluster_that_was_only_half_made_is_swept() {
    let (_directory, home) = room();
    start(&home).stop();
    fs::rename(home.join("data"), home.join("data.new")).expect("as if killed during initdb");
    assert_eq!(ask(&start(&home), "SELECT 1"), "1");
    assert!(!home.join("data.new").exists());
}

#[test]
fn a_pid_file_whose_number_is_now_another_program_does_not_stop_the_start() {
    let (_directory, home) = room();
    start(&home).stop();
    let mut other = Command::new("sleep").arg("60").spawn().expect("another program");
    let left_behind = format!("{}\n{}\n1\n5432\n\n\n\nready\n", other.id(), home.join("data").display());
    fs::write(home.join("data/postmaster.pid"), left_behind).expect("a stale pid file");
    assert_eq!(ask(&start(&home), "SELECT 1"), "1");
    other.kill().expect("end it");
    other.wait().expect("its end");
}

#[test]
fn a_path_with_odd_characters_works_and_one_too_long_is_refused_with_its_length() {
    let (directory, _) = room();
    assert_eq!(ask(&start(&directory.path().join("a \"b\" & ü%")), "SELECT 1"), "1");
    assert!(refusal(&directory.path().join("a,b")).contains("comma"));
    let said = refusal(&directory.path().join("x".repeat(100)));
    assert!(said.contains("too long for a socket") && said.contains("107"), "{said}");
}

#[test]
fn data_of_a_release_that_is_not_installed_names_the_package_to_install() {
    let (_directory, home) = room();
    start(&home).stop();
    fs::write(home.join("data/PG_VERSION"), "9\n").expect("pretend");
    let said = refusal(&home);
    assert!(said.contains("postgresql-9") || std::env::var_os("PG_BINDIR").is_some(), "{said}");
}

#[test]
fn as_root_a_directory_that_postgres_cannot_reach_or_own_is_refused_by_name() {
    if !we_are_root() {
        return;
    }
    let (directory, home) = room();
    fs::create_dir_all(&home).expect("a directory of root's");
    fs::write(home.join("notes.txt"), "root's own").expect("with something in it");
    assert!(refusal(&home).contains("belongs to user id 0"), "{}", refusal(&home));

    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o700)).expect("close the parent");
    let said = refusal(&directory.path().join("other"));
    assert!(said.contains("cannot reach") && said.contains(&*directory.path().to_string_lossy()), "{said}");
}

#[test]
fn an_ordinary_user_needs_nobodys_help_and_may_not_take_anothers_directory() {
    if !we_are_root() {
        return; // then all the other tests have shown it
    }
    let (directory, home) = room();
    start(&home).stop();
    // The program may lie below a closed home.
    let program = directory.path().join("tests");
    fs::copy(std::env::current_exe().expect("this program"), &program).expect("a copy of it");
    let as_nobody = |test: &str| {
        let mut setpriv = Command::new("setpriv");
        setpriv.args(["--reuid=nobody", "--regid=nogroup", "--clear-groups"]).arg(&program).arg("--include-ignored");
        setpriv.args(["--exact", &format!("cluster::tests::{test}")]).env("INTERLOCK_TEST_HOME", &home);
        let output = setpriv.current_dir(directory.path()).output().expect("setpriv");
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    for test in [
        "a_first_start_makes_a_database_that_answers_on_its_socket_alone",
        "after_kill_9_of_its_owner_the_cluster_goes_by_itself_and_the_next_start_has_all_data",
    ] {
        let (passed, said) = as_nobody(test);
        assert!(passed, "as nobody, {test}: {said}");
    }
    let (passed, said) = as_nobody("hold_a_cluster_until_killed");
    assert!(!passed && said.contains("WrongOwner"), "{said}");
}
