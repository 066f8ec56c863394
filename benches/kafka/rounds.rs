//! Throughput: each way to copy a topic in turn, some rounds.
use crate::topics::Topics;
use crate::{RECORD, cpu, ours, plain};
use std::time::Instant;

type Copy = fn(&str, &str, &str, u64);

/// A way to copy a topic, and the place of the one that it is compared with.
struct Row {
    name: &'static str,
    copy: Copy,
    yardstick: Option<usize>,
}

const ROWS: [Row; 4] = [
    Row { name: "plain, at least once", copy: plain::at_least_once, yardstick: None },
    Row { name: "bridge, at least once", copy: ours::at_least_once, yardstick: Some(0) },
    Row { name: "plain, a transaction each second", copy: plain::transactions, yardstick: None },
    Row { name: "bridge, exactly once, 1 s", copy: ours::exactly_once, yardstick: Some(2) },
];

/// Prints a line for each row and round, then what the medians come to.
pub fn run(topics: &Topics, only: &str) {
    let number = |name: &str, default: u64| std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(default);
    let (records, rounds) = (number("MILLSTREAM_BENCH_RECORDS", 4_000_000), number("MILLSTREAM_BENCH_ROUNDS", 3));
    let input = topics.make("bench-in", 4);
    topics.fill(&input, records);
    println!("{records} records of {RECORD} bytes, 4 partitions, {rounds} rounds\n");
    println!("| what | records/s | client CPU s | broker CPU s |\n|---|---|---|---|");
    let mut rates = ROWS.each_ref().map(|_| vec![]);
    for _ in 0..rounds {
        let chosen = ROWS.iter().zip(&mut rates).filter(|(row, _)| row.name.contains(only));
        chosen.for_each(|(row, rates)| rates.push(measure(row, topics, &input, records)));
    }
    topics.delete(&input);
    println!();
    for (row, ours) in ROWS.iter().zip(&rates) {
        let Some((ours, plain)) = median(ours).zip(row.yardstick.and_then(|at| median(&rates[at]))) else { continue };
        println!("{}: {ours:.0} records/s in the median, {:.2} of its yardstick", row.name, ours / plain);
    }
}

/// Records each second.
fn measure(row: &Row, topics: &Topics, input: &str, records: u64) -> f64 {
    let output = topics.make("bench-out", 4);
    let (client, broker, began) = (cpu::own(), cpu::broker(), Instant::now());
    (row.copy)(&topics.brokers, input, &output, records);
    let rate = records as f64 / began.elapsed().as_secs_f64();
    println!("| {} | {rate:.0} | {:.2} | {:.2} |", row.name, cpu::own() - client, cpu::broker() - broker);
    assert_eq!(topics.count(&output), records, "{}", row.name);
    topics.delete(&output);
    rate
}

fn median(rates: &[f64]) -> Option<f64> {
    let mut rates = rates.to_vec();
    rates.sort_by(f64::total_cmp);
    rates.get(rates.len() / 2).copied()
}
