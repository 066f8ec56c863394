//! A keyed count: the backend on the disk against the one in memory, within its budget and at four times of it.
use crate::forget::Forget;
use crate::local::{options, say};
use millstream::prelude::*;
use millstream::runtime::run::mix;
use std::time::Instant;

const KEYS: u64 = 1_000_000;
const RECORDS: u64 = 10_000_000;
/// With a budget below its state each record costs a look-up on the disk, so fewer are enough.
const COLD_RECORDS: u64 = 1_500_000;
/// What a key with its count takes in memory.
const ROW: u64 = 50;
const ROUNDS: usize = 2;

pub fn measure() {
    println!("keyed count, 1 M u64 keys, 1 worker, a checkpoint each second: million records a second");
    let memory = best(RECORDS, KEYS, None);
    let within = best(RECORDS, KEYS, Some(512 << 20));
    let ratio = within / memory;
    say("in memory", format!("{memory:.2}"), "", true);
    say("on the disk, state within the budget", format!("{within:.2}"), "", true);
    say("  against memory", format!("{ratio:.2}"), ">= 0.5", ratio >= 0.5);
    let cold = best(COLD_RECORDS, KEYS, Some(KEYS * ROW / 4 * 4 / 3));
    say("on the disk, state of 4 times the budget, keys by chance", format!("{cold:.2}"), "", true);
    say("  against memory", format!("{:.3}", cold / memory), "", true);
}

/// Of some runs.
fn best(records: u64, keys: u64, memory: Option<u64>) -> f64 {
    (0..ROUNDS).map(|_| once(records, keys, memory)).fold(0.0, f64::max)
}

fn once(records: u64, keys: u64, memory: Option<u64>) -> f64 {
    let folder = tempfile::tempdir().expect("a folder");
    let began = Instant::now();
    let launched = millstream::job::launch(&options(folder.path(), 1, memory), move |job| {
        let numbers = job.source("numbers", generate(records, move |n| mix(n) % keys).splits(2));
        let counts = numbers.key_by(|n| *n).process_fn("count", |_, count: &mut u64, _, out| {
            *count += 1;
            if *count == 0 {
                out.emit(*count);
            }
        });
        counts.sink("out", Forget);
        Ok(())
    });
    launched.expect("the job runs");
    records as f64 / began.elapsed().as_secs_f64() / 1e6
}
