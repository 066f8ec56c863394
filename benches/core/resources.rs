//! What a job takes from the machine: processor while it idles, memory while its sink sleeps.
use crate::usage::{processor_seconds, resident_mib};
use crate::{ours, table};
use millstream::Result;
use millstream::connectors::generate;
use millstream::data::Data;
use millstream::prelude::*;
use millstream::runtime::run::Pace;
use millstream::sink::{Sink, Staging, Writer, now};
use millstream::source::Batch;
use std::time::Instant;

/// The lines of resources.
pub fn lines() {
    for workers in [1, 2] {
        idle(workers);
    }
    asleep("a sink that sleeps, 2 workers: memory it adds", true);
    asleep("a sink that sleeps on one of 2: memory it adds", false);
}

/// Follows a folder in which nothing happens.
fn idle(workers: usize) {
    let what = format!("idle job, {workers} worker(s): of one core");
    if !table::is_asked_for(&what) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder for input");
    std::fs::write(folder.path().join("log.txt"), "one line\n").expect("a file");
    let path = folder.path().to_string_lossy().into_owned();
    let build =
        move |job: &Job| job.source("log", Files::lines([&path]).follow(true)).sink("out", crate::forget::Forget);
    let used = ours::run_beside(workers, build, |_| {
        std::thread::sleep(secs(3)); // until it has noticed that it is idle
        let (before, began) = (processor_seconds(), Instant::now());
        std::thread::sleep(secs(10));
        (processor_seconds() - before) / began.elapsed().as_secs_f64()
    });
    table::most(&what, used * 100.0, 2.0, "%", "10 s, following a folder");
}

/// For how long records flow before the sink sleeps, and how long it is watched then.
const AWAKE: Duration = secs(3);
const ASLEEP: Duration = secs(10);

/// What a record takes while it waits: with its key and hash before the count, or with its count behind it.
const RECORD_BYTES: f64 = 24.0 + 16.0;
/// The four open epochs may each bring twice what was usual: see `docs/back-pressure.md`.
const SLICES: f64 = 8.0;

/// A fast source into a sink that falls asleep: on each worker, where the sources of its worker sleep with it, or on one
/// alone, where those of the other go on.
fn asleep(what: &str, on_each: bool) {
    if !table::is_asked_for(what) {
        return;
    }
    let began = Instant::now();
    let build = move |job: &Job| {
        let numbers = job.source("numbers", generate(u64::MAX, |n| n).splits(4));
        let counted = numbers.key_by(|n| *n % 1000).process_fn("count", |_, count: &mut u64, event, out| {
            if let Event::Record(n) = event {
                *count += 1;
                out.emit((n, *count));
            }
        });
        counted.sink("bed", Bed { from: began + AWAKE, on_each });
    };
    let (records, resident) = ours::run_beside(2, build, |status| {
        std::thread::sleep(AWAKE);
        let records = status.progress().read as f64;
        let mut seen = vec![resident_mib()];
        while began.elapsed() < AWAKE + ASLEEP {
            std::thread::sleep(millis(100));
            seen.push(resident_mib());
        }
        (records, seen)
    });
    let (awake, third) = (resident[0], resident.len() / 3);
    let most = |part: &[f64]| part.iter().copied().fold(0.0, f64::max) - awake;
    let (early, late) = (most(&resident[..third]), most(&resident[third..]));
    let note = format!("{awake:.0} MiB awake; first third {early:+.0}, then {late:+.0}");
    let a_slice = records / AWAKE.as_secs_f64() * Pace::default().slice.as_secs_f64();
    table::most(what, early.max(late), a_slice * SLICES * RECORD_BYTES / f64::from(1 << 20), "MiB", &note);
}

/// Sleeps before each batch, from some moment on.
#[derive(Clone, Copy)]
struct Bed {
    from: Instant,
    on_each: bool,
}

impl<T: Data> Sink<T> for Bed {
    type Writer = Bed;
    fn open(&self, worker: usize, _: &[u64]) -> Result<Bed> {
        let from = if self.on_each || worker == 1 { self.from } else { self.from + mins(60) };
        Ok(Bed { from, ..*self })
    }
    fn commit(&self, _: u64) -> Staging<()> {
        now(Ok(()))
    }
}

impl<T: Data> Writer<T> for Bed {
    type Committable = u64;
    fn write(&mut self, batch: &mut Batch<T>) -> Result<()> {
        if Instant::now() > self.from {
            std::thread::sleep(millis(1));
        }
        batch.drain().for_each(drop);
        Ok(())
    }
    fn prepare(&mut self, _: u64) -> Staging<Vec<u64>> {
        now(Ok(vec![]))
    }
}
