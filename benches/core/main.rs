//! `cargo bench --bench core`: Millstream against hand-written timely 0.31, with the same allocator, in the same run.
//!
//! Ratios are what counts: each is the median over alternating runs of both. Numbers are millions of records a second.
mod hand;
mod ours;
mod records;

use millstream::runtime::run::mix;
use std::hash::BuildHasher;
use std::time::Duration;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How often each side runs; the first pair warms up.
const ROUNDS: usize = 4;

/// One line of the table.
fn line(what: &str, records: u64, wanted: f64, yardstick: impl Fn() -> f64, ours: impl Fn() -> f64) {
    if !is_asked_for(what) {
        return;
    }
    let mut pairs: Vec<(f64, f64)> = (0..ROUNDS).map(|_| (yardstick(), ours())).skip(1).collect();
    pairs.sort_by(|a, b| (a.0 / a.1).total_cmp(&(b.0 / b.1)));
    let (theirs, own) = pairs[pairs.len() / 2];
    let (rate, ratio) = (|seconds: f64| records as f64 / seconds / 1e6, theirs / own);
    let verdict = if ratio >= wanted { "" } else { "  BELOW" };
    println!("{what:<52} {:>8.1} {:>10.1} {ratio:>7.2} {wanted:>7.2}{verdict}", rate(theirs), rate(own));
}

/// `cargo bench --bench core -- WORD` runs the lines with that word only.
fn is_asked_for(what: &str) -> bool {
    let words: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    words.is_empty() || words.iter().any(|word| what.contains(word.as_str()))
}

fn hash_text(text: &String) -> u64 {
    foldhash::fast::FixedState::with_seed(42).hash_one(text.as_bytes())
}

fn main() {
    println!("{:<52} {:>8} {:>10} {:>7} {:>7}", "M records/s", "timely", "millstream", "ratio", "wanted");
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
