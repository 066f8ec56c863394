//! Topics of a test: made, filled, read.
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, Headers, OwnedHeaders};
use rdkafka::metadata::Metadata;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

pub const PATIENCE: Duration = Duration::from_secs(30);
/// How long one question may take.
const ANSWER: Duration = Duration::from_secs(3);

/// A record as a test sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seen {
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(String, Option<Vec<u8>>)>,
    pub timestamp: i64,
    pub partition: i32,
}

#[derive(Clone)]
pub struct Cluster {
    pub brokers: String,
}

impl Cluster {
    /// The broker that is up, or none, loudly.
    pub fn up() -> Option<Self> {
        millstream_testkit::service("kafka").map(|brokers| Self { brokers })
    }

    pub fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers);
        config
    }

    /// A new topic.
    pub fn topic(&self, name: &str, partitions: i32) -> String {
        self.topic_with(name, partitions, &[])
    }

    pub fn topic_with(&self, name: &str, partitions: i32, settings: &[(&str, &str)]) -> String {
        let name = unique(name);
        let topic = NewTopic::new(&name, partitions, TopicReplication::Fixed(-1));
        self.make(settings.iter().fold(topic, |topic, (key, value)| topic.set(key, value)));
        name
    }

    /// A topic whose partitions are all at these brokers, led by the first.
    pub fn topic_at(&self, name: &str, partitions: usize, brokers: &[i32]) -> String {
        let name = unique(name);
        self.make(NewTopic::new(&name, partitions as i32, TopicReplication::Variable(&vec![brokers; partitions])));
        name
    }

    pub fn make(&self, topic: NewTopic<'_>) {
        let made = wait(self.admin().create_topics([&topic], &AdminOptions::new())).unwrap();
        made[0].as_ref().unwrap();
        let began = Instant::now();
        while self.partitions(topic.name) < topic.num_partitions {
            assert!(began.elapsed() < PATIENCE, "{} does not appear", topic.name);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Deletes a topic, and waits until the cluster does not know it any more.
    pub fn delete(&self, topic: &str) {
        wait(self.admin().delete_topics(&[topic], &AdminOptions::new())).unwrap();
        let began = Instant::now();
        while self.partitions(topic) > 0 {
            assert!(began.elapsed() < PATIENCE, "{topic} does not disappear");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.config().create().unwrap()
    }

    pub fn partitions(&self, topic: &str) -> i32 {
        let metadata = self.metadata(Some(topic));
        metadata.topics()[0].partitions().len() as i32
    }

    /// Of a topic, or of all.
    pub fn metadata(&self, topic: Option<&str>) -> Metadata {
        patiently(&self.config(), |consumer| consumer.fetch_metadata(topic, ANSWER))
    }

    /// Sends records to the partitions they name, in order.
    pub fn fill(&self, topic: &str, records: &[Seen]) {
        let producer: BaseProducer = self.config().set("enable.idempotence", "true").create().unwrap();
        send_all(&producer, topic, records);
        producer.flush(PATIENCE).unwrap();
    }

    /// Everything committed, partition by partition.
    pub fn read(&self, topic: &str) -> Vec<Seen> {
        let (mut all, mut waiting) = (vec![], BTreeSet::new());
        let consumer: BaseConsumer = self
            .config()
            .set("group.id", "reader")
            .set("enable.partition.eof", "true")
            .set("auto.offset.reset", "earliest")
            .set("isolation.level", "read_committed")
            .set("fetch.wait.max.ms", "10")
            .create()
            .unwrap();
        let mut list = TopicPartitionList::new();
        for partition in 0..self.partitions(topic) {
            list.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
            waiting.insert(partition);
        }
        consumer.assign(&list).unwrap();
        let began = Instant::now();
        while !waiting.is_empty() {
            assert!(began.elapsed() < PATIENCE, "{topic} cannot be read to its end");
            match consumer.poll(Duration::from_millis(100)) {
                Some(Ok(message)) => all.push(seen(&message)),
                Some(Err(KafkaError::PartitionEOF(at))) => drop(waiting.remove(&at)),
                Some(Err(e)) => panic!("{e}"),
                None => {}
            }
        }
        all.sort_by_key(|r: &Seen| r.partition); // stable: keeps the order of each
        all
    }

    /// The last stable offset and the high watermark, of all partitions together.
    pub fn ends(&self, topic: &str) -> (i64, i64) {
        let end = |level: &str| -> i64 {
            let high =
                |p| patiently(self.config().set("isolation.level", level), |c| c.fetch_watermarks(topic, p, ANSWER));
            (0..self.partitions(topic)).map(|p| high(p).1).sum()
        };
        (end("read_committed"), end("read_uncommitted"))
    }
}

/// Asks again where a broker has just died, by a new client: one that knows the old leader waits for it.
fn patiently<T>(config: &ClientConfig, ask: impl Fn(&BaseConsumer) -> Result<T, KafkaError>) -> T {
    let began = Instant::now();
    loop {
        match ask(&config.create().unwrap()) {
            Ok(answer) => return answer,
            Err(e) => assert!(began.elapsed() < PATIENCE, "{e}"),
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

pub fn send_all(producer: &BaseProducer, topic: &str, records: &[Seen]) {
    for record in records {
        let mut headers = OwnedHeaders::new();
        for (key, value) in &record.headers {
            headers = headers.insert(Header { key, value: value.as_ref() });
        }
        let mut message: BaseRecord<'_, Vec<u8>, Vec<u8>> = BaseRecord::to(topic).headers(headers);
        message.partition = Some(record.partition);
        message.timestamp = Some(record.timestamp);
        (message.key, message.payload) = (record.key.as_ref(), record.value.as_ref());
        while let Err((e, back)) = producer.send(message) {
            assert_eq!(e.rdkafka_error_code(), Some(rdkafka::error::RDKafkaErrorCode::QueueFull));
            message = back;
            producer.poll(Duration::from_millis(50));
        }
    }
}

fn seen(message: &rdkafka::message::BorrowedMessage<'_>) -> Seen {
    let headers = message.headers().map(|all| {
        let header = |h: Header<'_, &[u8]>| (h.key.to_owned(), h.value.map(<[u8]>::to_vec));
        all.iter().map(header).collect()
    });
    Seen {
        key: message.key().map(<[u8]>::to_vec),
        value: message.payload().map(<[u8]>::to_vec),
        headers: headers.unwrap_or_default(),
        timestamp: message.timestamp().to_millis().unwrap_or(-1),
        partition: message.partition(),
    }
}

/// Records with all that Kafka lets be: no key, an empty one, tombstones, repeated headers and headers without a value.
pub fn records(count: u64, partitions: i32) -> Vec<Seen> {
    let record = |n: u64| Seen {
        key: (!n.is_multiple_of(13)).then(|| format!("key {}", n % 17).into_bytes()),
        value: (!n.is_multiple_of(11)).then(|| vec![n as u8; (n * 7 % 90) as usize]),
        headers: match n % 5 {
            0 => vec![("id".into(), Some(n.to_string().into_bytes())), ("none".into(), None)],
            _ => vec![("id".into(), Some(n.to_string().into_bytes())), ("id".into(), Some(vec![]))],
        },
        timestamp: 1_760_000_000_000 + n as i64,
        partition: (n % 17) as i32 % partitions,
    };
    (0..count).map(record).collect()
}

/// A name that nobody else has.
pub fn unique(name: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    format!("{name}-{}-{now}-{}", std::process::id(), COUNT.fetch_add(1, Relaxed))
}

pub fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}
