//! The markers: which checkpoint a lane has sent, in a compacted topic with a partition for each lane, written by the lane's
//! own transactions.
//!
//! The key is the transactional id, the value is text: `INCARNATION NUMBER`.
use crate::client::{ANSWER, Asker, create_topic, say};
use crate::options::Options;
use crate::sink::lock;
use millstream_runtime::Result;
use millstream_runtime::codec::hash_bytes;
use millstream_runtime::sink::SinkName;
use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError;
use rdkafka::{Message, Offset, TopicPartitionList};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// The newest marker is looked for in so many of the last offsets, then in ever more.
const TAIL: u64 = 64;
/// How long a marker may take to be read; also how long the end of an older transaction is waited for.
const PATIENCE: Duration = Duration::from_secs(20);
const AGAIN: Duration = Duration::from_millis(20);
/// The longest name that Kafka gives a topic.
const NAME_MOST: usize = 249;

/// What a lane has sent last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Marker {
    /// Of the state folder.
    pub incarnation: String,
    /// Of the checkpoint.
    pub number: u64,
}

impl Marker {
    pub fn encode(&self) -> String {
        format!("{} {}", self.incarnation, self.number)
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (incarnation, number) = std::str::from_utf8(bytes).ok()?.split_once(' ')?;
        Some(Self { incarnation: incarnation.into(), number: number.parse().ok()? })
    }

    /// Whether the checkpoint is sent already. What another state folder has sent counts as absent.
    pub fn covers(&self, incarnation: &str, number: u64) -> bool {
        self.incarnation == incarnation && self.number >= number
    }
}

/// The marker topic of a sink.
pub(crate) struct Markers {
    pub topic: String,
    lanes: u32,
    /// Reads what is committed, one lane at a time.
    committed: Mutex<Asker>,
    /// Sees open transactions, too.
    all: Asker,
    patience: Duration,
}

impl Markers {
    /// Finds the topic, or makes it.
    pub fn open(options: &Options, name: &SinkName, lanes: u32) -> Result<Self> {
        let topic = topic_name(&name.job, &name.uid);
        let all = Asker::new(options, &[("isolation.level", "read_uncommitted")])?;
        let committed = [
            ("isolation.level", "read_committed"),
            ("enable.partition.eof", "true"),
            ("auto.offset.reset", "earliest"),
            ("fetch.wait.max.ms", "10"),
        ];
        let committed = Asker::new(options, &committed)?;
        let found = match all.partitions_within(&topic, ANSWER)? {
            Some(found) => found,
            None => make(options, &all, &topic, lanes)?,
        };
        let found = u32::try_from(found)?;
        if found < lanes {
            let why = "a sink's lanes may become fewer, not more";
            return Err(format!("kafka topic {topic:?} has markers of {found} lanes, not {lanes}: {why}").into());
        }
        Ok(Self { topic, lanes: found, committed: Mutex::new(committed), all, patience: PATIENCE })
    }

    pub fn lanes(&self) -> u32 {
        self.lanes
    }

    /// The newest marker of a lane. To be called after the lane's `init_transactions`: then none of its older transactions is
    /// open, and no older producer can commit any more.
    pub fn read(&self, lane: u32) -> Result<Option<Marker>> {
        let partition = i32::try_from(lane)?;
        let high = self.all.bounds(&self.topic, partition, PATIENCE)?.high;
        let committed = lock(&self.committed);
        let low = self.wait_for_end(&committed, partition, high)?;
        let mut tail = TAIL;
        loop {
            let from = high.saturating_sub(tail).max(low);
            let found = if from < high { self.scan(&committed, partition, from)? } else { None };
            if found.is_some() || from <= low {
                return Ok(found);
            }
            tail = tail.saturating_mul(8);
        }
    }

    /// Waits until nothing is open below `high`, and gives the first offset.
    fn wait_for_end(&self, committed: &Asker, partition: i32, high: u64) -> Result<u64> {
        let began = Instant::now();
        loop {
            let bounds = committed.bounds(&self.topic, partition, PATIENCE)?;
            if bounds.high >= high {
                return Ok(bounds.low);
            }
            if began.elapsed() > self.patience {
                return Err(format!(
                    "kafka topic {:?} [{partition}]: a transaction hangs open at offset {}, though its producer is fenced: the \
                     broker has lost its abort marker. Abort it with `kafka-transactions.sh abort` in every topic of this \
                     sink before the job goes on, or its records become visible with the next commit",
                    self.topic, bounds.high
                )
                .into());
            }
            std::thread::sleep(AGAIN);
        }
    }

    /// The last marker from an offset on.
    fn scan(&self, committed: &Asker, partition: i32, from: u64) -> Result<Option<Marker>> {
        let failed = |e: KafkaError| format!("kafka topic {:?} [{partition}]: {}", self.topic, say(&e));
        let consumer = committed.consumer();
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&self.topic, partition, Offset::Offset(i64::try_from(from)?)).map_err(failed)?;
        consumer.assign(&list).map_err(failed)?;
        let (began, mut newest) = (Instant::now(), None);
        loop {
            match consumer.poll(Duration::from_millis(100)) {
                Some(Ok(message)) if message.partition() == partition => {
                    let marker = message.payload().and_then(Marker::decode);
                    let broken = || format!("kafka topic {:?}: offset {} is no marker", self.topic, message.offset());
                    newest = Some(marker.ok_or_else(broken)?);
                }
                Some(Err(KafkaError::PartitionEOF(at))) if at == partition => break,
                Some(Err(e)) => tracing::debug!("{}", failed(e)),
                Some(Ok(_)) | None => {}
            }
            if began.elapsed() > PATIENCE {
                return Err(format!("kafka topic {:?} [{partition}] cannot be read to its end", self.topic).into());
            }
        }
        consumer.unassign().map_err(failed)?;
        Ok(newest)
    }
}

/// Makes the topic, and waits until it can be seen. Segments are small, so that compaction keeps it short.
fn make(options: &Options, asker: &Asker, topic: &str, lanes: u32) -> Result<i32> {
    let settings = [("cleanup.policy", "compact"), ("segment.bytes", "1048576"), ("min.cleanable.dirty.ratio", "0.1")];
    create_topic(options, topic, i32::try_from(lanes)?, &settings)?;
    let began = Instant::now();
    loop {
        match asker.partitions_within(topic, ANSWER)? {
            Some(found) if found >= i32::try_from(lanes)? => return Ok(found),
            _ if began.elapsed() > ANSWER => {
                return Err(format!("kafka topic {topic:?} was made, and is not there").into());
            }
            _ => std::thread::sleep(AGAIN),
        }
    }
}

/// `millstream.JOB.UID.markers`; what Kafka allows in no name becomes `_`, and a hash keeps the name unique. Frozen.
fn topic_name(job: &str, uid: &str) -> String {
    let whole = format!("millstream.{job}.{uid}.markers");
    let is_legal = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '_' || c == '-';
    if whole.chars().all(is_legal) && whole.len() <= NAME_MOST {
        return whole;
    }
    let legal: String = whole.chars().map(|c| if is_legal(c) { c } else { '_' }).take(NAME_MOST - 17).collect();
    format!("{legal}.{:016x}", hash_bytes(whole.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

    #[test]
    fn names_are_legal_and_stay_apart() {
        assert_eq!(topic_name("job", "out"), "millstream.job.out.markers");
        let (a, b) = (topic_name("jöb", "out"), topic_name("jäb", "out"));
        assert_ne!(a, b);
        assert!(a.is_ascii() && topic_name(&"x".repeat(400), "u").len() <= NAME_MOST);
    }

    #[test]
    fn a_marker_of_another_incarnation_counts_as_absent() {
        let marker = Marker { incarnation: "a".into(), number: 7 };
        assert_eq!(Marker::decode(marker.encode().as_bytes()), Some(marker.clone()));
        assert!(marker.covers("a", 7) && marker.covers("a", 6));
        assert!(!marker.covers("a", 8) && !marker.covers("b", 7));
        assert_eq!(Marker::decode(b"a seven"), None);
    }

    #[test]
    fn a_transaction_that_hangs_open_is_an_error_that_says_what_to_do() {
        let Some(brokers) = millstream_testkit::service("kafka") else { return };
        let made = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
        let (job, options) = (format!("hangs-{made}"), Options::new(&brokers));
        let name = SinkName { job: job.clone(), incarnation: "a".into(), uid: "out".into(), workers: 1 };
        let markers = Markers { patience: Duration::from_millis(500), ..Markers::open(&options, &name, 1).unwrap() };
        assert_eq!(markers.read(0).unwrap(), None);
        // Another id's transaction stands for one of ours whose abort marker was lost: no init of ours ends it.
        let other: BaseProducer = options.config(&[], &[("transactional.id", &job)]).create().unwrap();
        other.init_transactions(PATIENCE).unwrap();
        other.begin_transaction().unwrap();
        other.send(BaseRecord::to(&markers.topic).partition(0).key("k").payload("a 1")).unwrap();
        other.flush(PATIENCE).unwrap();
        let says = markers.read(0).unwrap_err().to_string();
        assert!(says.contains("hangs open") && says.contains("kafka-transactions.sh abort"), "{says}");
        other.abort_transaction(PATIENCE).unwrap();
        assert_eq!(markers.read(0).unwrap(), None);
    }
}
