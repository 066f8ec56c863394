//! The randomized crash test of the protocol: a job with every kind of edge, killed at random places and started again
//! with another number of workers, gives what the plain computation gives; and a planted bug is found. Splits appear
//! while it runs, some after others have ended, and in every second trial requests to the state store fail at random.
//!
//! `MILLSTREAM_SEEDS=1000` runs more seeds.
#[path = "protocol/cells.rs"]
mod cells;
#[path = "checkpoint/faulty.rs"]
#[allow(dead_code, clippy::unwrap_used, reason = "it is a helper of the tests of checkpoints, too")]
mod faulty;
#[path = "protocol/job.rs"]
mod job;
#[path = "protocol/operators.rs"]
mod operators;
#[path = "protocol/outside.rs"]
mod outside;
#[path = "protocol/records.rs"]
mod records;
#[path = "protocol/trial.rs"]
mod trial;

use millstream_runtime::run::Plant;
use trial::{Verdict, Watchdog, trial, trial_that_may_hang, trial_untimed};

fn seeds(default: u64) -> u64 {
    std::env::var("MILLSTREAM_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn output_is_that_of_the_plain_computation_whatever_dies() {
    let (watchdog, mut all) = (Watchdog::start(), Verdict::default());
    for seed in 0..seeds(40) {
        watchdog.watch("no bug", seed);
        let verdict = trial(seed, Plant::None);
        assert_eq!(verdict.wrong, None, "seed {seed}");
        all.attempts += verdict.attempts;
        all.kills += verdict.kills;
        all.stops += verdict.stops;
        all.checkpoints += verdict.checkpoints;
        all.in_time += verdict.in_time;
        all.faults += verdict.faults;
        all.failures += verdict.failures;
        all.appeared += verdict.appeared;
    }
    println!("{all:?}");
    let happened = [all.kills, all.stops, all.checkpoints, all.in_time, all.faults, all.appeared];
    assert!(happened.iter().all(|count| *count > 0), "the test tests nothing: {all:?}");
}

#[test]
fn calls_without_event_time_end_after_their_last_answer() {
    let watchdog = Watchdog::start();
    for seed in 0..seeds(10) {
        watchdog.watch("no event time", seed);
        assert_eq!(trial_untimed(seed).wrong, None, "seed {seed}");
    }
}

#[test]
fn each_planted_bug_is_found() {
    let watchdog = Watchdog::start();
    let plants = [Plant::FirstSlice, Plant::EarlyWatermark, Plant::NoInbox, Plant::NoWait, Plant::AsyncAhead];
    for plant in plants {
        let found = (0..200).find_map(|seed| {
            watchdog.watch(&format!("{plant:?}"), seed);
            trial_that_may_hang(seed, plant).wrong.map(|wrong| (seed, wrong))
        });
        println!("{plant:?}: {found:?}");
        assert!(found.is_some(), "{plant:?} is not found");
    }
}
