//! 1 GiB of state: how long a restart takes until the first record.
use crate::forget::Forget;
use crate::local::{options, say};
use millstream::prelude::*;
use millstream::runtime::run::{Options, Outcome};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

/// Values of 1,000 bytes, one for each key. The records go round the keys until the job is stopped.
const KEYS: u64 = 1_100_000;
const VALUE: usize = 1_000;
const WORKERS: usize = 2;

/// How far a run has come.
#[derive(Default)]
struct Seen {
    records: AtomicU64,
    first: OnceLock<Instant>,
}

pub fn measure() {
    println!("\nrestart with 1 GiB of state, {WORKERS} workers, local disk: from the start to the first record");
    for (what, memory) in [("in memory", None), ("on the disk, state of 4 times the budget", Some(256 << 20))] {
        let folder = tempfile::tempdir().expect("a folder");
        run(options(folder.path(), WORKERS, memory), KEYS);
        let bytes = size(&folder.path().join("state/data"));
        let began = Instant::now();
        let seen = run(options(folder.path(), WORKERS, memory), 1);
        let took = seen.first.get().map_or(f64::INFINITY, |first| first.duration_since(began).as_secs_f64());
        let what = format!("{what}, {:.2} GiB in files", bytes as f64 / f64::from(1 << 30));
        say(&what, format!("{took:.1} s"), "< 10 s", took < 10.0);
    }
}

/// Until so many records have been counted.
fn run(options: Options, records: u64) -> Arc<Seen> {
    let (seen, status) = (Arc::new(Seen::default()), Arc::clone(&options.status));
    let shared = Arc::clone(&seen);
    let stopper = std::thread::spawn({
        let seen = Arc::clone(&seen);
        move || {
            while seen.records.load(SeqCst) < records {
                std::thread::sleep(Duration::from_millis(10));
            }
            status.stop();
        }
    });
    let launched = millstream::job::launch(&options, move |job| {
        let numbers = job.source("numbers", generate(u64::MAX, |n| n % KEYS).splits(2));
        let seen = Arc::clone(&shared);
        let kept = numbers.key_by(|n| *n).process_fn("keep", move |key, kept: &mut Vec<u8>, _, out| {
            if seen.records.fetch_add(1, SeqCst) == 0 {
                seen.first.get_or_init(Instant::now);
            }
            *kept = vec![*key as u8; VALUE];
            if kept.is_empty() {
                out.emit(*key);
            }
        });
        kept.sink("out", Forget);
        Ok(())
    });
    assert_eq!(launched.expect("the job runs"), Outcome::Stopped);
    stopper.join().expect("it ends");
    seen
}

fn size(folder: &Path) -> u64 {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    files.filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum()
}
