//! The source: topics, where to start, where to end.
pub(crate) mod bounds;
pub(crate) mod fetch;
pub(crate) mod reader;
pub(crate) mod split;
pub(crate) mod watchdog;

use crate::Kafka;
use crate::client::{ANSWER, Asker};
use crate::options::Options;
use crate::source::bounds::BoundsThread;
use crate::source::fetch::Fetch;
use crate::source::reader::KafkaReader;
use crate::source::split::TopicPartition;
use millstream_runtime::Result;
use millstream_runtime::source::{Found, Source, Splits};
use millstream_runtime::time::Timestamp;
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

/// Where a job that begins starts to read. A partition that appears later is read from its first record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// At the first record that is there.
    Earliest,
    /// Behind the last record that is there when the job begins: a number from then on, also after a restart.
    Latest,
    /// At the first record that is not older.
    At(Timestamp),
    /// At these offsets; every partition needs one.
    Offsets(BTreeMap<TopicPartition, u64>),
}

/// When a source ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Never: it waits for more, and for more partitions.
    Never,
    /// Behind the last record that was there when the process started to read: for backfills and tests.
    Latest,
}

/// Reads Kafka topics; made by [`Kafka::read`].
pub struct KafkaSource {
    pub(crate) options: Options,
    pub(crate) topics: Vec<String>,
    pub(crate) start: Start,
    pub(crate) end: End,
    pub(crate) group: Option<String>,
    pub(crate) stalled_after: Duration,
    /// Where splits are asked for.
    asker: Option<Asker>,
    /// What was listed last, with how often in a row a topic was then missing.
    listed: BTreeMap<String, Listed>,
    /// The client of a worker, which the readers of its partitions share.
    fetch: OnceCell<Rc<Fetch>>,
    bounds: OnceCell<Rc<BoundsThread>>,
}

#[derive(Clone, Copy, Default)]
struct Listed {
    partitions: i32,
    missing: u32,
}

/// A topic that is not found so often in a row is gone: a broker that has just come back may not know it yet.
const MISSING_MOST: u32 = 5;

impl Kafka {
    /// Reads a topic: keys, headers, timestamps and tombstones are in the records' [`Meta`](millstream_runtime::source::Meta).
    ///
    /// ```no_run
    /// use millstream_kafka::{Kafka, Start};
    /// let clicks = Kafka::read("localhost:9092", "clicks").start(Start::Latest);
    /// # drop(clicks);
    /// ```
    pub fn read(brokers: &str, topic: &str) -> KafkaSource {
        KafkaSource {
            options: Options::new(brokers),
            topics: vec![topic.into()],
            start: Start::Earliest,
            end: End::Never,
            group: None,
            stalled_after: Duration::from_secs(60),
            asker: None,
            listed: BTreeMap::new(),
            fetch: OnceCell::new(),
            bounds: OnceCell::new(),
        }
    }
}

impl KafkaSource {
    /// Reads another topic, too.
    pub fn and_topic(mut self, topic: &str) -> Self {
        self.topics.push(topic.into());
        self
    }

    /// Where a job that begins starts to read; [`Start::Earliest`] by default.
    pub fn start(mut self, start: Start) -> Self {
        self.start = start;
        self
    }

    /// When it ends; [`End::Never`] by default.
    pub fn end(mut self, end: End) -> Self {
        self.end = end;
        self
    }

    /// An option of librdkafka, handed on as it is: `security.protocol`, `sasl.password`, `isolation.level`.
    pub fn option(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.options = self.options.with(name, value);
        self
    }

    /// Commits positions to a consumer group, for monitoring only: a restart reads those of the checkpoint.
    pub fn group(mut self, group: &str) -> Self {
        self.group = Some(group.into());
        self
    }

    /// A partition from which nothing comes for so long though there is more is fetched anew; 60 s by default.
    pub fn stalled_after(mut self, after: Duration) -> Self {
        self.stalled_after = after;
        self
    }

    /// Whether librdkafka takes the options; asks no broker.
    ///
    /// # Errors
    /// Names the option.
    pub fn check(&self) -> Result<(), String> {
        self.options.check()
    }

    fn asker(&mut self) -> Result<&Asker> {
        if self.asker.is_none() {
            self.asker = Some(Asker::new(&self.options, &[])?);
        }
        self.asker.as_ref().ok_or_else(|| "the client was just made".into())
    }

    /// How many partitions a topic has now. What was found once is believed while the cluster is out of reach.
    fn partitions(&mut self, topic: &str) -> Result<i32> {
        let known = self.listed.get(topic).copied();
        let brokers = self.options.brokers().to_owned();
        let missing = |how: &str| format!("kafka topic {topic:?} {how} at {brokers}; make it, or correct its name");
        let asker = self.asker()?;
        let found = match known {
            None => asker.partitions_of_named(topic)?.ok_or_else(|| missing("does not exist"))?,
            Some(known) => match asker.partitions(topic) {
                Ok(Some(partitions)) if partitions < known.partitions => {
                    return Err(missing("has fewer partitions than before: it was deleted and made anew").into());
                }
                Ok(Some(partitions)) => partitions,
                Ok(None) if known.missing + 1 >= MISSING_MOST => return Err(missing("has been deleted").into()),
                Ok(None) => {
                    self.listed.insert(topic.into(), Listed { missing: known.missing + 1, ..known });
                    return Ok(known.partitions);
                }
                Err(e) => {
                    tracing::warn!("kafka topic {topic:?}: no news of its partitions: {}", crate::client::say(&e));
                    known.partitions
                }
            },
        };
        self.listed.insert(topic.into(), Listed { partitions: found, missing: 0 });
        Ok(found)
    }
}

impl Source for KafkaSource {
    type Split = TopicPartition;
    type Reader = KafkaReader;

    fn splits(&mut self) -> Result<Splits<TopicPartition>> {
        let mut all: Vec<Found<TopicPartition>> = vec![];
        for topic in self.topics.clone() {
            let partitions = self.partitions(&topic)?;
            all.extend((0..partitions).map(|partition| TopicPartition { topic: topic.clone(), partition }.into()));
        }
        Ok(if self.end == End::Latest { Splits::Fixed(all) } else { Splits::Growing(all) })
    }

    fn start(&mut self, split: &TopicPartition, first: bool) -> Result<Option<u64>> {
        let start = self.start.clone();
        let asker = self.asker()?;
        let bounds = asker.bounds(&split.topic, split.partition, ANSWER)?;
        let at = match start {
            _ if !first => bounds.low,
            Start::Earliest => bounds.low,
            Start::Latest => bounds.high,
            Start::At(time) => asker.offset_at(&split.topic, split.partition, time.0)?.unwrap_or(bounds.high),
            Start::Offsets(offsets) => {
                *offsets.get(split).ok_or_else(|| format!("{split} has no offset to start at"))?
            }
        };
        Ok(Some(at))
    }

    fn open(&self, split: &TopicPartition, from: Option<u64>) -> Result<KafkaReader> {
        let fetch = match self.fetch.get() {
            Some(fetch) => Rc::clone(fetch),
            None => {
                let fetch = Rc::new(Fetch::new(&self.options, self.group.as_deref())?);
                Rc::clone(self.fetch.get_or_init(|| fetch))
            }
        };
        let bounds = match self.bounds.get() {
            Some(bounds) => Rc::clone(bounds),
            None => {
                let thread = Rc::new(BoundsThread::start(&self.options)?);
                Rc::clone(self.bounds.get_or_init(|| thread))
            }
        };
        Ok(KafkaReader::new(split.clone(), from, self.end, self.stalled_after, fetch, bounds))
    }
}
