//! The yardsticks: loops over librdkafka, as short as they can be.
use crate::topics::Topics;
use rdkafka::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);
/// How long to wait for a record, and for room, before another look.
const LOOK: Duration = Duration::from_millis(100);
const LOOK_FOR_ROOM: Duration = Duration::from_millis(1);

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
    // Since the last record: a broker whose disk is full would be waited for for ever. Not by a clock, which costs.
    let mut waited = Duration::ZERO;
    if each.is_some() {
        producer.init_transactions(PATIENCE).expect("init");
        producer.begin_transaction().expect("begin");
    }
    while copied < records {
        assert!(waited < PATIENCE, "{copied} of {records} records came from {input:?}, then none for {PATIENCE:?}");
        let Some(Ok(message)) = consumer.poll(LOOK) else {
            waited += LOOK;
            continue;
        };
        let mut record = BaseRecord::to(output).payload(message.payload().unwrap_or_default());
        record.key = message.key();
        while let Err((_, back)) = producer.send(record) {
            record = back;
            producer.poll(LOOK_FOR_ROOM);
            waited += LOOK_FOR_ROOM;
            assert!(waited < PATIENCE, "{output:?} took {copied} of {records} records, then none for {PATIENCE:?}");
        }
        (copied, waited) = (copied + 1, Duration::ZERO);
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
