//! Looks whether a partition that is silent is at its end, or stalled.
use crate::client::Bounds;
use crate::source::bounds::Answer;
use std::time::{Duration, Instant};

/// See the module.
pub(crate) struct Watchdog {
    after: Duration,
    silent_since: Instant,
    asking: Option<Answer>,
    /// Up to here the partition is known to hold nothing for us: markers of transactions have offsets, too.
    empty_to: u64,
}

impl Watchdog {
    pub fn new(after: Duration) -> Self {
        Self { after, silent_since: Instant::now(), asking: None, empty_to: 0 }
    }

    /// Records came.
    pub fn fed(&mut self) {
        self.silent_since = Instant::now();
        self.asking = None;
    }

    /// Nothing came. Says where the partition ends if it has to be fetched anew. After long silence `ask` asks what it holds;
    /// the answer is looked at in a later call.
    pub fn finds_stalled(&mut self, position: u64, ask: impl FnOnce() -> Answer) -> Option<u64> {
        if self.silent_since.elapsed() < self.after {
            return None;
        }
        let Some(asking) = &self.asking else {
            self.asking = Some(ask());
            return None;
        };
        let answer = asking.get()?.clone();
        self.fed();
        let Ok(Bounds { high, .. }) = answer else { return None }; // out of reach: asked again after the next silence
        if high <= position.max(self.empty_to) {
            return None;
        }
        self.empty_to = high;
        Some(high)
    }

    pub fn after(&self) -> Duration {
        self.after
    }
}

#[cfg(test)]
mod tests {
    use crate::source::split::TopicPartition;
    use crate::{Kafka, KafkaReader};
    use millstream_runtime::batch::Batch;
    use millstream_runtime::source::{Reader, Source};
    use rdkafka::ClientConfig;
    use rdkafka::mocking::MockCluster;
    use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
    use std::time::{Duration, Instant};

    const PATIENCE: Duration = Duration::from_secs(30);

    fn send(brokers: &str, values: &[&str]) {
        let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", brokers).create().unwrap();
        for value in values {
            producer.send(BaseRecord::<(), str>::to("t").partition(0).payload(value)).unwrap();
        }
        producer.flush(PATIENCE).unwrap();
    }

    /// Reads until so many records are there, or for so long.
    fn read(reader: &mut KafkaReader, records: usize, patience: Duration) -> Vec<String> {
        let (mut all, began) = (vec![], Instant::now());
        while all.len() < records && began.elapsed() < patience {
            let mut batch = Batch::default();
            reader.read(&mut batch).unwrap();
            all.extend(batch.drain().map(|r| String::from_utf8(r.value).unwrap()));
            std::thread::sleep(Duration::from_millis(1));
        }
        all
    }

    #[test]
    fn a_stalled_partition_is_fetched_anew() {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("t", 1, 1).unwrap();
        let brokers = cluster.bootstrap_servers();
        send(&brokers, &["a", "b"]);
        let after = Duration::from_millis(500);
        let source = Kafka::read(&brokers, "t").stalled_after(after);
        let split = TopicPartition { topic: "t".into(), partition: 0 };
        let mut reader = source.open(&split, None).unwrap();
        assert_eq!(read(&mut reader, 2, PATIENCE), ["a", "b"]);
        source.fetch.get().unwrap().unassign(&split); // librdkafka has forgotten it, without a word
        send(&brokers, &["c", "d"]);
        assert!(read(&mut reader, 1, after / 2).is_empty(), "it is stalled");
        assert_eq!(read(&mut reader, 2, PATIENCE), ["c", "d"]);
    }
}
