//! Which schedules are run, and what happens to a seed that fails.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::checker::check;
use super::flaws::Flaw;
use super::history::Seen;
use super::world;

const SCHEDULES: u64 = 20_000;

fn number(name: &str, otherwise: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.trim().parse().unwrap_or_else(|_| panic!("{name} is not a number: {text}")),
        Err(_) => otherwise,
    }
}

/// `INTERLOCK_SIM_SEED` and `INTERLOCK_SIM_SCHEDULES`, or the first 20,000.
pub fn asked_for() -> std::ops::Range<u64> {
    let first = number("INTERLOCK_SIM_SEED", 0);
    first..first.saturating_add(number("INTERLOCK_SIM_SCHEDULES", SCHEDULES))
}

fn kept_file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/simulation/failing_seeds.txt")
}

/// Seeds that once failed, from the file.
pub fn kept() -> Vec<u64> {
    let text = std::fs::read_to_string(kept_file()).unwrap_or_default();
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    lines.filter(|line| !line.is_empty()).map(|line| line.parse().expect("a seed is a number")).collect()
}

/// Writes a failing seed down, so that it is run first from now on.
pub fn keep(seed: u64, why: &str) {
    if kept().contains(&seed) {
        return;
    }
    let file = std::fs::OpenOptions::new().create(true).append(true).open(kept_file());
    let written = file.and_then(|mut file| writeln!(file, "{seed} # {why}"));
    if let Err(error) = written {
        eprintln!("could not keep seed {seed}: {error}");
    }
}

/// What is wrong with one schedule. A panic of the core is wrong too.
pub fn faults_of(seed: u64, flaw: Flaw) -> (Vec<String>, Seen) {
    match std::panic::catch_unwind(|| world::run(seed, flaw)) {
        Ok(history) => (check(&history), history.seen),
        Err(_) => (vec!["it panicked".to_owned()], Seen::default()),
    }
}

/// Runs many schedules on all cores; the first (lowest) failing seed, and what was seen.
pub fn run_all(seeds: std::ops::Range<u64>) -> (Option<(u64, Vec<String>)>, Seen) {
    let next = AtomicU64::new(seeds.start);
    let failed: Mutex<Option<(u64, Vec<String>)>> = Mutex::new(None);
    let total = Mutex::new(Seen::default());
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut seen = Seen::default();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        break;
                    }
                    let (wrong, of_this) = faults_of(seed, Flaw::None);
                    seen.add(&of_this);
                    if !wrong.is_empty() {
                        let mut failed = failed.lock().expect("no thread panics while it holds this");
                        if failed.as_ref().is_none_or(|(other, _)| seed < *other) {
                            *failed = Some((seed, wrong));
                        }
                        next.store(seeds.end, Ordering::Relaxed);
                    }
                }
                total.lock().expect("no thread panics while it holds this").add(&seen);
            });
        }
    });
    let failed = failed.into_inner().expect("no thread panics while it holds this");
    (failed, total.into_inner().expect("no thread panics while it holds this"))
}
