//! From the moment a record is handed to a producer to the moment a read_committed reader has it, through the bridge.
use crate::RECORD;
use crate::ours::bridge;
use crate::topics::{Topics, now_ms};
use millstream::runtime::run::Status;
use millstream_kafka::End;
use rdkafka::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use std::sync::Arc;
use std::time::{Duration, Instant};

const RATE: u64 = 40_000;
const LASTS: Duration = Duration::from_secs(12);
/// What comes at first is not counted: connections are made.
const WARM: u64 = 2 * RATE;

/// Through the bridge with so long intervals.
pub fn measure(topics: &Topics, interval: Duration) -> String {
    let (input, output, status) = (topics.make("late-in", 4), topics.make("late-out", 4), Arc::<Status>::default());
    let told = std::thread::scope(|scope| {
        scope.spawn(|| bridge(&topics.brokers, &input, &output, End::Never, true, interval, &status));
        scope.spawn(|| feed(topics, &input));
        let ages = ages(topics, &output);
        status.stop();
        told(&ages)
    });
    topics.delete(&input);
    topics.delete(&output);
    told
}

/// The yardstick: straight from the producer to the reader.
pub fn straight(topics: &Topics) -> String {
    let topic = topics.make("late-straight", 4);
    let told = std::thread::scope(|scope| {
        scope.spawn(|| feed(topics, &topic));
        told(&ages(topics, &topic))
    });
    topics.delete(&topic);
    told
}

fn told(ages: &[u64]) -> String {
    let at = |share: usize| ages.get(ages.len() * share / 100).copied().unwrap_or(0);
    format!("p50 {} ms, p99 {} ms of {} records", at(50), at(99), ages.len())
}

fn feed(topics: &Topics, input: &str) {
    let producer: BaseProducer = topics.config().set("linger.ms", "5").create().expect("the options are right");
    let (began, mut sent) = (Instant::now(), 0u64);
    while began.elapsed() < LASTS {
        while sent < (began.elapsed().as_secs_f64() * RATE as f64) as u64 {
            let mut value = [b'x'; RECORD];
            value[..8].copy_from_slice(&now_ms().to_le_bytes());
            let key = format!("key {}", sent % 5000);
            let _ = producer.send(BaseRecord::to(input).key(&key).payload(&value[..])); // a full queue is not our concern
            sent += 1;
        }
        producer.poll(Duration::from_millis(1));
    }
    producer.flush(LASTS).expect("the broker takes them");
}

/// The ages of records as they become visible, sorted.
fn ages(topics: &Topics, output: &str) -> Vec<u64> {
    let (consumer, mut ages, mut seen, began) = (topics.consumer(output), vec![], 0, Instant::now());
    while began.elapsed() < LASTS {
        let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) else { continue };
        seen += 1;
        let made = message.payload().and_then(|v| v.get(..8)).and_then(|v| v.try_into().ok()).map(u64::from_le_bytes);
        ages.extend(made.filter(|_| seen > WARM).map(|made| now_ms().saturating_sub(made)));
    }
    ages.sort_unstable();
    ages
}
