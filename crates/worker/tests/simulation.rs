//! The delivery core in virtual time: thousands of small worlds in which everything goes wrong that can, each from one
//! seed, each judged by an independent checker.
//!
//! ```text
//! INTERLOCK_SIM_SCHEDULES=1000000 cargo nextest run -p worker schedules     # many
//! INTERLOCK_SIM_SEED=4711 INTERLOCK_SIM_SCHEDULES=1 cargo nextest run …      # one
//! ```
//! `INTERLOCK_SIM_TRACE=1` prints every input and decision. A failing seed is printed and kept in `tests/simulation/failing_seeds.txt`, which is always run first.

mod simulation {
    pub mod checker;
    pub mod dice;
    pub mod flaws;
    pub mod history;
    pub mod log;
    pub mod receiver;
    pub mod seeds;
    pub mod tables;
    pub mod workers;
    pub mod world;
}

use simulation::flaws::Flaw;
use simulation::seeds;

#[test]
fn seeds_that_once_failed_do_not_fail_again() {
    for seed in seeds::kept() {
        let (wrong, _) = seeds::faults_of(seed, Flaw::None);
        assert!(wrong.is_empty(), "seed {seed}:\n{}", wrong.join("\n"));
    }
}

#[test]
fn all_schedules_keep_the_invariants() {
    let asked = seeds::asked_for();
    let begun = std::time::Instant::now();
    let (failed, seen) = seeds::run_all(asked.clone());
    let (schedules, millis) = (asked.end - asked.start, begun.elapsed().as_millis().max(1));
    println!("{schedules} schedules in {millis} ms, {} a second", u128::from(schedules) * 1000 / millis);
    println!("{:?}", seen.all());
    if let Some((seed, wrong)) = failed {
        seeds::keep(seed, wrong.first().map_or("", String::as_str));
        panic!("seed {seed} (INTERLOCK_SIM_SEED={seed} INTERLOCK_SIM_SCHEDULES=1):\n{}", wrong.join("\n"));
    }
    if schedules >= 1_000 {
        for (what, times) in seen.all() {
            assert!(times >= schedules / 100, "{what} happened only {times} times in {schedules} schedules");
        }
    }
}

#[test]
fn the_same_seed_is_the_same_schedule() {
    for seed in 0..50 {
        let (one, other) = (simulation::world::run(seed, Flaw::None), simulation::world::run(seed, Flaw::None));
        assert_eq!(format!("{one:?}"), format!("{other:?}"), "seed {seed}");
    }
}

#[test]
fn the_checker_catches_every_planted_bug() {
    for flaw in Flaw::ALL {
        let caught =
            (0..5_000).find_map(|seed| seeds::faults_of(seed, flaw).0.into_iter().next().map(|why| (seed, why)));
        let (seed, why) = caught.unwrap_or_else(|| panic!("{flaw:?} was not caught in 5000 schedules"));
        let sound = seeds::faults_of(seed, Flaw::None).0;
        assert!(sound.is_empty(), "{flaw:?}: seed {seed} fails without the bug too: {sound:?}");
        println!("{flaw:?}: caught after {} schedules: {why}", seed + 1);
    }
}
