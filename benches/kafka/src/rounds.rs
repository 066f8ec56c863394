//! Throughput: each way to copy a topic in turn, some rounds.
use crate::topics::Topics;
use crate::{RECORD, cpu, ours, plain};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

type Copy = fn(&str, &str, &str, u64);

/// A way to copy a topic, and the places of those that it is compared with.
struct Row {
    name: &'static str,
    copy: Way,
    yardsticks: &'static [usize],
}

enum Way {
    /// In this process, which has mimalloc, for librdkafka too.
    Here(Copy),
    /// By the program `kafka-plain`, which has the system's allocator, with such an argument.
    Apart(Option<&'static str>),
}

const ROWS: [Row; 6] = [
    Row { name: "plain, at least once", copy: Way::Apart(None), yardsticks: &[] },
    Row { name: "plain with mimalloc, at least once", copy: Way::Here(plain::at_least_once), yardsticks: &[] },
    Row { name: "bridge, at least once", copy: Way::Here(ours::at_least_once), yardsticks: &[0, 1] },
    Row { name: "plain, a transaction each second", copy: Way::Apart(Some("--transactions")), yardsticks: &[] },
    Row {
        name: "plain with mimalloc, a transaction each second",
        copy: Way::Here(plain::transactions),
        yardsticks: &[],
    },
    Row { name: "bridge, exactly once, 1 s", copy: Way::Here(ours::exactly_once), yardsticks: &[3, 4] },
];

/// Prints a line for each row and round, then what the medians come to. `apart` is the program `kafka-plain`.
pub fn run(topics: &Topics, apart: &Path, only: &str) {
    if !ROWS.iter().any(|row| row.name.contains(only)) {
        return; // nothing needs a topic that is full
    }
    let number = |name: &str, default: u64| std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(default);
    let (records, rounds) = (number("MILLSTREAM_BENCH_RECORDS", 4_000_000), number("MILLSTREAM_BENCH_ROUNDS", 3));
    let input = topics.make("bench-in", 4);
    topics.fill(&input, records);
    println!("{records} records of {RECORD} bytes, 4 partitions, {rounds} rounds\n");
    warm(topics, &input, records);
    println!("| what | records/s | client CPU s | broker CPU s |\n|---|---|---|---|");
    let mut rates = ROWS.each_ref().map(|_| vec![]);
    for _ in 0..rounds {
        let chosen = ROWS.iter().zip(&mut rates).filter(|(row, _)| row.name.contains(only));
        chosen.for_each(|(row, rates)| rates.push(measure(row, apart, topics, &input, records)));
    }
    topics.delete(&input);
    println!();
    for (row, ours) in ROWS.iter().zip(&rates) {
        for at in row.yardsticks {
            let Some((ours, plain)) = median(ours).zip(median(&rates[*at])) else { continue };
            println!("{}: {ours:.0} records/s in the median, {:.2} of: {}", row.name, ours / plain, ROWS[*at].name);
        }
    }
}

/// The broker's JVM compiles what is run often, beside what runs: that is over before the first round.
fn warm(topics: &Topics, input: &str, records: u64) {
    for copy in [plain::transactions, ours::exactly_once] {
        let output = topics.make("bench-out", 4);
        copy(&topics.brokers, input, &output, records);
        topics.delete(&output);
    }
}

/// Records each second.
fn measure(row: &Row, apart: &Path, topics: &Topics, input: &str, records: u64) -> f64 {
    let output = topics.make("bench-out", 4);
    let (client, broker, began) = (cpu::clients(), cpu::broker(), Instant::now());
    match row.copy {
        Way::Here(copy) => copy(&topics.brokers, input, &output, records),
        Way::Apart(flag) => {
            let mut program = Command::new(apart);
            program.args([&topics.brokers, input, &output, &records.to_string()]).args(flag);
            assert!(program.status().expect("the program is there").success(), "{}", row.name);
        }
    }
    let rate = records as f64 / began.elapsed().as_secs_f64();
    println!("| {} | {rate:.0} | {:.2} | {:.2} |", row.name, cpu::clients() - client, cpu::broker() - broker);
    assert_eq!(topics.count(&output), records, "{}", row.name);
    topics.delete(&output);
    rate
}

fn median(rates: &[f64]) -> Option<f64> {
    let mut rates = rates.to_vec();
    rates.sort_by(f64::total_cmp);
    rates.get(rates.len() / 2).copied()
}
