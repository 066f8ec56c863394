//! The same work as Millstream jobs, through the public API.
use crate::forget::Forget;
pub use crate::launch::run;
use crate::records::{Wide, step};
use millstream::connectors::generate;
use millstream::prelude::*;
use millstream::runtime::run::{Options, Status};
use std::sync::Arc;

/// A run for as long as `watch` takes; what that has seen.
pub fn run_beside<S: Send>(
    workers: usize,
    build: impl Fn(&Job) + Send + Sync + 'static,
    watch: impl FnOnce(&Status) -> S + Send,
) -> S {
    let folder = tempfile::tempdir().expect("a folder for state");
    let options = Options { workers, ..Options::new("bench", folder.path().to_string_lossy()) };
    let status = Arc::clone(&options.status);
    std::thread::scope(|scope| {
        let watching = scope.spawn(move || {
            let seen = watch(&status);
            status.stop();
            seen
        });
        let launched = millstream::job::launch(&options, move |job| {
            build(job);
            Ok(())
        });
        launched.expect("the job runs");
        watching.join().expect("it is watched")
    })
}

pub const CHAIN: u64 = 30_000_000;
pub const NUMBERS: u64 = 100_000_000;
pub const WARM: u64 = 100_000_000;
pub const TEXTS: u64 = 12_000_000;

pub fn chain(job: &Job) {
    let records = job.source("records", generate(CHAIN, crate::records::wide).splits(4));
    let mapped = records.map(step).map(step).map(step).map(step).map(step).map(step).map(step).map(step);
    mapped.filter(|w: &Wide| !w.key.is_multiple_of(8)).sink("out", Forget);
}

pub fn count_numbers(job: &Job) {
    let numbers = job.source("numbers", generate(NUMBERS, crate::records::number).splits(4));
    numbers.key_by(|n| *n).process_fn("count", count_up).sink("out", Forget);
}

pub fn count_warm(job: &Job) {
    let numbers = job.source("numbers", generate(WARM, crate::records::warm).splits(4));
    numbers.key_by(|n| *n).process_fn("count", count_up).sink("out", Forget);
}

pub fn count_texts(job: &Job) {
    let texts = job.source("texts", generate(TEXTS, crate::records::text).splits(4));
    texts.key_by(String::clone).process_fn("count", count_up).sink("out", Forget);
}

fn count_up<K: Clone, T>(key: &K, count: &mut u64, event: Event<T>, out: &mut Out<(K, u64)>) {
    if let Event::Record(_) = event {
        *count += 1;
        out.emit((key.clone(), *count));
    }
}
