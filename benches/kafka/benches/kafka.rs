//! `cargo bench --bench kafka`: from topic to topic on a real broker, beside plain loops over librdkafka as yardsticks.
//!
//! Ratios count, in one run on one broker: of the medians of some rounds, since a machine may be slower in one moment than
//! in the next. `MILLSTREAM_BENCH_RECORDS` sets how many records a row copies, `MILLSTREAM_BENCH_ROUNDS` how many rounds
//! there are; `MILLSTREAM_BENCH_ONLY` picks rows by a part of their name.
use kafka_bench::topics::Topics;
use kafka_bench::{latency, rounds};
use std::path::Path;
use std::time::Duration;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let Some(brokers) = millstream::testkit::service("kafka") else { return };
    let only = std::env::var("MILLSTREAM_BENCH_ONLY").unwrap_or_default();
    let topics = Topics::new(&brokers);
    rounds::run(&topics, Path::new(env!("CARGO_BIN_EXE_kafka-plain")), &only);
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
