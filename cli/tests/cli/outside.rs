//! A real broker and a real schema registry, seen by another program than ours.
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const PATIENCE: Duration = Duration::from_secs(30);
/// Where the registry speaks Confluent's API.
const API: &str = "/apis/ccompat/v7";

/// A new topic of the broker, with one partition, and the URL of the registry.
pub struct Outside {
    pub brokers: String,
    registry: String,
    pub topic: String,
}

impl Outside {
    /// None where one of them is not up, loudly.
    pub fn up(name: &str) -> Option<Self> {
        let (brokers, registry) = (millstream_testkit::service("kafka")?, millstream_testkit::service("registry")?);
        let outside = Self { brokers, registry, topic: unique(name) };
        outside.make(&outside.topic);
        Some(outside)
    }

    /// Another topic of the same broker.
    pub fn make(&self, topic: &str) {
        let admin: AdminClient<DefaultClientContext> = self.config().create().unwrap();
        let topic = NewTopic::new(topic, 1, TopicReplication::Fixed(1));
        let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
        let made = tokio::runtime::Builder::new_current_thread().build().unwrap();
        made.block_on(admin.create_topics([&topic], &options)).unwrap()[0].as_ref().unwrap();
    }

    fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers);
        config
    }

    /// Writes a record.
    pub fn put(&self, value: &[u8]) {
        self.put_all([value]);
    }

    /// Writes records.
    pub fn put_all(&self, values: impl IntoIterator<Item = impl AsRef<[u8]>>) {
        let producer: BaseProducer = self.config().create().unwrap();
        for value in values {
            producer.send(BaseRecord::<(), [u8]>::to(&self.topic).payload(value.as_ref())).unwrap();
        }
        producer.flush(PATIENCE).unwrap();
    }

    /// The committed records of a topic: keys and values.
    pub fn read(&self, topic: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut config = self.config();
        config.set("group.id", "reader").set("isolation.level", "read_committed").set("enable.partition.eof", "true");
        let consumer: BaseConsumer = config.create().unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, 0, Offset::Beginning).unwrap();
        consumer.assign(&list).unwrap();
        let (mut all, began) = (vec![], Instant::now());
        loop {
            assert!(began.elapsed() < PATIENCE, "{topic} cannot be read to its end");
            let bytes = |part: Option<&[u8]>| part.unwrap_or_default().to_vec();
            match consumer.poll(Duration::from_millis(100)) {
                Some(Ok(record)) => all.push((bytes(record.key()), bytes(record.payload()))),
                Some(Err(KafkaError::PartitionEOF(_))) => return all,
                Some(Err(e)) => panic!("{e}"),
                None => {}
            }
        }
    }

    /// Of the registry, for pipelines.
    pub fn url(&self) -> String {
        format!("{}{API}", self.registry)
    }

    /// Adds a schema to a subject, as another program would, and gives its id.
    pub fn register(&self, subject: &str, schema: &Value) -> u32 {
        let id = self.ask("POST", &format!("subjects/{subject}/versions"), &schema.to_string())["id"].as_u64();
        id.unwrap() as u32
    }

    /// The text of a schema.
    pub fn schema(&self, id: u32) -> String {
        self.ask("GET", &format!("schemas/ids/{id}"), "")["schema"].as_str().unwrap().into()
    }

    fn ask(&self, verb: &str, path: &str, body: &str) -> Value {
        let host = self.registry.trim_start_matches("http://");
        let mut stream = TcpStream::connect(host).unwrap();
        let kind = "content-type: application/vnd.schemaregistry.v1+json";
        let length = body.len();
        // The older version of HTTP has no chunks.
        write!(
            stream,
            "{verb} {API}/{path} HTTP/1.0\r\nhost: {host}\r\n{kind}\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.split(' ').nth(1) == Some("200"), "{answer}");
        serde_json::from_str(body).unwrap()
    }
}

/// A name that nobody else has.
pub fn unique(name: &str) -> String {
    format!("{name}-{}", SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos())
}
