//! The consumer of one worker: its threads fetch, each partition has a queue of its own, and polling never blocks.
use crate::client::{Context, refused, say};
use crate::options::Options;
use crate::source::split::TopicPartition;
use millstream_runtime::Result;
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::{Offset, TopicPartitionList};
use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What librdkafka's own defaults cost: with a full queue it stops fetching for a second, and the throughput is 3.5 times
/// lower. The bound in bytes holds for each partition: with more, what is read has left the processor's cache before we see it
/// (16 MiB halved the throughput of a bridge).
const DEFAULTS: [(&str, &str); 6] = [
    ("fetch.queue.backoff.ms", "5"),
    ("queued.min.messages", "1000000"),
    ("queued.max.messages.kbytes", "4096"),
    ("isolation.level", "read_committed"),
    ("group.id", "millstream"),
    ("fetch.wait.max.ms", "100"),
];

/// What the checkpoint's promise stands on: positions are ours, and what is lost is an error.
const FIXED: [(&str, &str); 4] = [
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    ("auto.offset.reset", "error"),
    ("enable.partition.eof", "true"),
];

/// How often events that belong to no partition are looked at.
const EVENTS: Duration = Duration::from_millis(100);

/// See the module.
pub(crate) struct Fetch {
    consumer: Arc<BaseConsumer<Context>>,
    looked: Cell<Instant>,
    commits: bool,
}

impl Fetch {
    pub fn new(options: &Options, group: Option<&str>) -> Result<Self> {
        let mut config = options.config(&DEFAULTS, &FIXED);
        if let Some(group) = group {
            config.set("group.id", group);
        }
        let consumer = config.create_with_context(Context).map_err(|e| refused(options, &e))?;
        Ok(Self { consumer: Arc::new(consumer), looked: Cell::new(Instant::now()), commits: group.is_some() })
    }

    /// Starts to fetch a partition. Its queue is split off before: else its first records would come out of the common one.
    pub fn assign(&self, split: &TopicPartition, position: u64) -> Result<PartitionQueue<Context>> {
        let TopicPartition { topic, partition } = split;
        let queue = self.consumer.split_partition_queue(topic, *partition);
        let queue = queue.ok_or_else(|| format!("{split}: librdkafka has no queue for it"))?;
        let list = list_of(split, position)?;
        self.consumer.incremental_assign(&list).map_err(|e| format!("{split}: cannot be fetched: {}", say(&e)))?;
        Ok(queue)
    }

    /// Stops to fetch a partition.
    pub fn unassign(&self, split: &TopicPartition) {
        let mut list = TopicPartitionList::new();
        list.add_partition(&split.topic, split.partition);
        if let Err(e) = self.consumer.incremental_unassign(&list) {
            tracing::debug!("{split}: is not fetched any more: {}", say(&e));
        }
    }

    /// Serves what belongs to no partition.
    pub fn serve_events(&self) {
        if self.looked.get().elapsed() < EVENTS {
            return;
        }
        self.looked.set(Instant::now());
        if let Some(Err(e)) = self.consumer.poll(Duration::ZERO) {
            tracing::warn!("kafka: {}", say(&e));
        }
    }

    /// Tells the consumer group a position that is durable, where the user named a group. For monitoring: a failure is no
    /// harm.
    pub fn commit(&self, split: &TopicPartition, position: u64) {
        if !self.commits {
            return;
        }
        let done = list_of(split, position).map(|list| self.consumer.commit(&list, CommitMode::Async));
        if let Ok(Err(e)) = done {
            tracing::debug!("{split}: its position is not shown in the group: {}", say(&e));
        }
    }
}

fn list_of(split: &TopicPartition, position: u64) -> Result<TopicPartitionList> {
    let mut list = TopicPartitionList::new();
    let offset = i64::try_from(position).map_err(|_| format!("{split}: {position} is no offset"))?;
    let added = list.add_partition_offset(&split.topic, split.partition, Offset::Offset(offset));
    added.map_err(|e| format!("{split}: {}", say(&e)))?;
    Ok(list)
}
