//! Topics of a benchmark.
use crate::RECORD;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const PATIENCE: Duration = Duration::from_secs(60);

/// Makes, fills and reads topics of a broker.
pub struct Topics {
    /// Where the broker is: `host:port`.
    pub brokers: String,
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64
}

impl Topics {
    /// Of the broker there.
    pub fn new(brokers: &str) -> Self {
        Self { brokers: brokers.into() }
    }

    pub(crate) fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers);
        config
    }

    pub(crate) fn make(&self, name: &str, partitions: i32) -> String {
        let name = format!("{name}-{}", SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos());
        let admin: AdminClient<DefaultClientContext> = self.config().create().expect("the broker is up");
        let topic = NewTopic::new(&name, partitions, TopicReplication::Fixed(-1));
        let tokio = tokio::runtime::Builder::new_current_thread().build().expect("a thread is there");
        tokio.block_on(admin.create_topics([&topic], &AdminOptions::new())).expect("the broker is up");
        std::thread::sleep(Duration::from_millis(500));
        name
    }

    /// Deletes a topic: a benchmark must not fill the disk.
    pub(crate) fn delete(&self, topic: &str) {
        let admin: AdminClient<DefaultClientContext> = self.config().create().expect("the broker is up");
        let tokio = tokio::runtime::Builder::new_current_thread().build().expect("a thread is there");
        tokio.block_on(admin.delete_topics(&[topic], &AdminOptions::new())).expect("the broker is up");
    }

    pub(crate) fn fill(&self, topic: &str, records: u64) {
        let mut config = self.config();
        config.set("queue.buffering.max.messages", "1000000").set("linger.ms", "20").set("batch.size", "1000000");
        let producer: BaseProducer = config.create().expect("the options are right");
        for n in 0..records {
            let (key, value) = (format!("key {}", n % 5000), [b'x'; RECORD]);
            let mut record = BaseRecord::to(topic).key(&key).payload(&value[..]);
            while let Err((_, back)) = producer.send(record) {
                record = back;
                producer.poll(Duration::from_millis(10));
            }
        }
        producer.flush(PATIENCE).expect("the broker takes them");
    }

    /// A consumer of all committed records of a topic, with the options that make it quick.
    pub(crate) fn consumer(&self, topic: &str) -> BaseConsumer {
        let mut config = self.config();
        config.set("group.id", "bench").set("enable.auto.commit", "false").set("enable.partition.eof", "true");
        config.set("fetch.queue.backoff.ms", "5").set("queued.min.messages", "1000000").set("fetch.wait.max.ms", "10");
        let consumer: BaseConsumer = config.create().expect("the options are right");
        let mut list = TopicPartitionList::new();
        (0..4).for_each(|p| list.add_partition_offset(topic, p, Offset::Beginning).expect("0 is an offset"));
        consumer.assign(&list).expect("the list is right");
        consumer
    }

    pub(crate) fn count(&self, topic: &str) -> u64 {
        let (consumer, mut ended, mut count) = (self.consumer(topic), 0, 0);
        while ended < 4 {
            match consumer.poll(PATIENCE) {
                Some(Ok(_)) => count += 1,
                Some(Err(KafkaError::PartitionEOF(_))) => ended += 1,
                other => panic!("{topic} cannot be read: {:?}", other.map(|r| r.map(drop))),
            }
        }
        count
    }
}
