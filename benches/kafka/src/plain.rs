//! The yardsticks: loops over librdkafka, as short as they can be.
use crate::topics::Topics;
use rdkafka::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

/// Copies so many records with an idempotent producer.
pub fn at_least_once(brokers: &str, input: &str, output: &str, records: u64) {
    copy(brokers, input, output, records, None);
}

/// Copies so many records in transactions, one each second.
pub fn transactions(brokers: &str, input: &str, output: &str, records: u64) {
    copy(brokers, input, output, records, Some(Duration::from_secs(1)));
}

fn copy(brokers: &str, input: &str, output: &str, records: u64, each: Option<Duration>) {
    let topics = Topics::new(brokers);
    let mut config = topics.config();
    config.set("enable.idempotence", "true").set("queue.buffering.max.messages", "1000000").set("linger.ms", "5");
    if each.is_some() {
        config.set("transactional.id", output);
    }
    let producer: BaseProducer = config.create().expect("the options are right");
    let (consumer, mut copied, mut began) = (topics.consumer(input), 0, Instant::now());
    if each.is_some() {
        producer.init_transactions(PATIENCE).expect("init");
        producer.begin_transaction().expect("begin");
    }
    while copied < records {
        let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) else { continue };
        let mut record = BaseRecord::to(output).payload(message.payload().unwrap_or_default());
        record.key = message.key();
        while let Err((_, back)) = producer.send(record) {
            record = back;
            producer.poll(Duration::from_millis(1));
        }
        copied += 1;
        if copied % 1000 == 0 {
            producer.poll(Duration::ZERO);
        }
        if each.is_some_and(|each| began.elapsed() > each) {
            producer.commit_transaction(PATIENCE).expect("commit");
            producer.begin_transaction().expect("begin");
            began = Instant::now();
        }
    }
    producer.flush(PATIENCE).expect("flush");
    if each.is_some() {
        producer.commit_transaction(PATIENCE).expect("commit");
    }
}
