//! `cargo bench --bench collections`: incremental collections with and without checkpoints, against differential dataflow by
//! hand, in the same run; then what they keep in memory while the same records are replaced again and again.
//!
//! Ratios are what counts: millions of changes for each second of the processor, the median over alternating runs of both.
//! A word behind `--` picks lines.
mod contents;
mod hand;
#[path = "../shared/launch.rs"]
mod launch;
mod memory;
mod ours;
#[path = "../core/table.rs"]
mod table;
#[path = "../shared/usage.rs"]
mod usage;
#[path = "../shared/yardstick.rs"]
mod yardstick;

#[path = "../shared/forget.rs"]
mod forget;

use contents::CHANGES;
use std::time::Duration;
use table::line;
use usage::processor_seconds;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const EACH_SECOND: Option<Duration> = Some(Duration::from_secs(1));

fn main() {
    table::head("by hand", "millstream");
    for (workers, interval) in [(1, None), (1, EACH_SECOND), (2, EACH_SECOND)] {
        let row = |verb: &str, hand: fn(usize) -> f64, draw: fn(&millstream::job::Job)| {
            let checkpoints = if interval.is_some() { "1 s" } else { "off" };
            let what = format!("{verb}, {workers} worker(s), {checkpoints}");
            let ours = || cpu(|| launch::run(workers, interval, draw).0);
            line(&what, CHANGES, 0.7, || cpu(|| hand(workers)), ours);
        };
        row("reduce: greatest of ten", hand::reduce, ours::reduce);
        row("distinct", hand::distinct, ours::distinct);
        row("top_k: three of ten", hand::top_k, ours::top_k);
        row("join", hand::join, ours::join);
    }
    table::head_of_limits();
    memory::lines();
}

/// Seconds of the processor.
fn cpu(run: impl FnOnce() -> f64) -> f64 {
    let before = processor_seconds();
    run();
    processor_seconds() - before
}
