//! `cargo bench --bench kafka`: from topic to topic on a real broker, beside plain loops over librdkafka as yardsticks.
//!
//! Ratios count, in one run on one broker. `MILLSTREAM_BENCH_RECORDS` sets how many records; `MILLSTREAM_BENCH_ONLY` picks
//! rows by a part of their name.

mod cpu;
mod latency;
mod ours;
mod plain;
mod topics;

use std::time::{Duration, Instant};
use topics::Topics;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The bytes of a record's value.
const RECORD: usize = 200;

fn main() {
    let Some(brokers) = millstream::testkit::service("kafka") else { return };
    let number = |name: &str, default: u64| std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(default);
    let records = number("MILLSTREAM_BENCH_RECORDS", 2_000_000);
    let only = std::env::var("MILLSTREAM_BENCH_ONLY").unwrap_or_default();
    let topics = Topics::new(&brokers);
    let input = topics.make("bench-in", 4);
    topics.fill(&input, records);
    println!("{records} records of {RECORD} bytes, 4 partitions\n");
    println!("| what | records/s | client CPU s | broker CPU s |\n|---|---|---|---|");
    type Run = fn(&str, &str, &str, u64);
    let rows: [(&str, Run); 4] = [
        ("plain, at least once", plain::at_least_once),
        ("bridge, at least once", ours::at_least_once),
        ("plain, a transaction each second", plain::transactions),
        ("bridge, exactly once, 1 s", ours::exactly_once),
    ];
    for (name, run) in rows.into_iter().filter(|(name, _)| name.contains(&only)) {
        let output = topics.make("bench-out", 4);
        let (client, broker, began) = (cpu::own(), cpu::broker(), Instant::now());
        run(&brokers, &input, &output, records);
        let rate = records as f64 / began.elapsed().as_secs_f64();
        println!("| {name} | {rate:.0} | {:.2} | {:.2} |", cpu::own() - client, cpu::broker() - broker);
        assert_eq!(topics.count(&output), records, "{name}");
        topics.delete(&output);
    }
    topics.delete(&input);
    if "latency at 40,000 records/s, straight".contains(&only) {
        println!("latency at 40,000 records/s, straight: {}", latency::straight(&topics));
    }
    for interval in [Duration::from_secs(1), Duration::from_millis(200)] {
        let name = format!("latency at 40,000 records/s, {interval:?}");
        if name.contains(&only) {
            println!("{name}: {}", latency::measure(&topics, interval));
        }
    }
}
