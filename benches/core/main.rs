//! `cargo bench --bench core`: Millstream against hand-written timely 0.31, with the same allocator, in the same run.
//!
//! Ratios are what counts: each is the median over alternating runs of both. Numbers are millions of records a second.
//! Then come the limits: of latency, processor and memory.
#[path = "../shared/forget.rs"]
mod forget;
mod hand;
mod latency;
#[path = "../shared/launch.rs"]
mod launch;
mod load;
mod meter;
mod ours;
mod records;
mod resources;
mod table;
#[path = "../shared/usage.rs"]
mod usage;
#[path = "../shared/yardstick.rs"]
mod yardstick;

use millstream::runtime::run::mix;
use std::hash::BuildHasher;
use std::time::Duration;
use table::line;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn hash_text(text: &String) -> u64 {
    foldhash::fast::FixedState::with_seed(42).hash_one(text.as_bytes())
}

fn main() {
    table::head("timely", "millstream");
    ratios();
    table::head_of_limits();
    latency::lines();
    resources::lines();
}

fn ratios() {
    let chain = || ours::run(1, None, ours::chain).0;
    let wide = records::wide;
    line(
        "8 maps, filter: an operator each, 1 worker",
        ours::CHAIN,
        3.0,
        || hand::chain_of_operators(1, ours::CHAIN, wide),
        chain,
    );
    line(
        "8 maps, filter: in one operator, 1 worker",
        ours::CHAIN,
        0.6,
        || hand::chain_in_one(1, ours::CHAIN, wide),
        chain,
    );
    for workers in [1, 2] {
        let numbers = move || hand::keyed_count(workers, ours::NUMBERS, records::number, |k| mix(*k));
        let what = format!("keyed count, 1 M u64 keys, {workers} worker(s)");
        line(&what, ours::NUMBERS, 0.7, numbers, move || ours::run(workers, None, ours::count_numbers).0);
    }
    for workers in [1, 2] {
        let texts = move || hand::keyed_count(workers, ours::TEXTS, records::text, hash_text);
        let what = format!("keyed count, 1 M String keys, {workers} worker(s)");
        line(&what, ours::TEXTS, 0.9, texts, move || ours::run(workers, None, ours::count_texts).0);
    }
    let without = || ours::run(1, None, ours::count_warm).0;
    let each_second = || ours::run(1, Some(Duration::from_secs(1)), ours::count_warm).0;
    line("checkpoints (off, 1 s): 1 M keys, a tenth touched", ours::WARM, 0.9, without, each_second);
}
