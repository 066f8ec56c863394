//! What sources and sinks ask of a cluster. Everything here may block: never called on a worker while records flow.
use crate::options::Options;
use millstream_runtime::{BoxError, Result};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::metadata::Metadata;
use rdkafka::{ClientConfig, ClientContext};
use std::future::Future;
use std::time::{Duration, Instant};

/// How long a cluster has to answer one question.
pub(crate) const ANSWER: Duration = Duration::from_secs(10);
/// A topic that is not found for so long is not there: a broker that has just come back, or another one than made it, may not
/// know it yet.
const MISSING: Duration = Duration::from_secs(5);
/// The wait between two tries.
const AGAIN: Duration = Duration::from_millis(100);

/// Logs what goes on in a client.
pub(crate) struct Context;

impl ClientContext for Context {
    fn error(&self, error: KafkaError, reason: &str) {
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::PartitionEOF) {
            tracing::warn!("kafka: {}: {reason}", say(&error));
        }
    }
}
impl ConsumerContext for Context {}

/// An error for people. Never shows the value of an option.
pub(crate) fn say(e: &KafkaError) -> String {
    match e {
        KafkaError::ClientConfig(_, what, name, _) => format!("option {name:?}: {what}"),
        other => other.to_string(),
    }
}

/// Whether the same may go well a little later.
pub(crate) fn is_passing(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as C;
    matches!(
        code,
        C::BrokerTransportFailure
            | C::AllBrokersDown
            | C::OperationTimedOut
            | C::MessageTimedOut
            | C::Resolve
            | C::RequestTimedOut
            | C::LeaderNotAvailable
            | C::NotLeaderForPartition
            | C::BrokerNotAvailable
            | C::ReplicaNotAvailable
            | C::NetworkException
            | C::CoordinatorLoadInProgress
            | C::CoordinatorNotAvailable
            | C::NotCoordinator
            | C::OffsetNotAvailable
            | C::FencedLeaderEpoch
            | C::UnknownLeaderEpoch
            | C::WaitingForCoordinator
            | C::InProgress
            | C::PreviousInProgress
    )
}

/// A client for questions.
pub(crate) struct Asker {
    options: Options,
    consumer: BaseConsumer<Context>,
}

/// The first offset that is there, and the one behind the last that may be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub low: u64,
    pub high: u64,
}

impl Asker {
    /// `above`: options that decide what it sees, such as the isolation level.
    pub fn new(options: &Options, above: &[(&str, &str)]) -> Result<Self> {
        let mut config = options.config(&[("group.id", "millstream"), ("enable.auto.commit", "false")], above);
        hush(&mut config);
        let consumer = config.create_with_context(Context).map_err(|e| refused(options, &e))?;
        Ok(Self { options: options.clone(), consumer })
    }

    pub fn consumer(&self) -> &BaseConsumer<Context> {
        &self.consumer
    }

    /// How many partitions a topic has; none where there is no such topic.
    pub fn partitions(&self, topic: &str) -> Result<Option<i32>, KafkaError> {
        let metadata = self.consumer.fetch_metadata(Some(topic), ANSWER)?;
        partitions_of(&metadata, topic)
    }

    /// The same, tried again while the cluster is out of reach, for so long.
    pub fn partitions_within(&self, topic: &str, patience: Duration) -> Result<Option<i32>> {
        self.insist(patience, || self.partitions(topic)).map_err(|e| self.say(topic, &e))
    }

    /// The same of a topic that the user names: one that was just made is unknown to some brokers for a while.
    pub fn partitions_of_named(&self, topic: &str) -> Result<Option<i32>> {
        soon_found(|| self.partitions_within(topic, ANSWER))
    }

    /// What a partition holds, as far as the client's isolation level lets it read.
    pub fn bounds(&self, topic: &str, partition: i32, patience: Duration) -> Result<Bounds> {
        let ask = || self.consumer.fetch_watermarks(topic, partition, ANSWER);
        let (low, high) = self.insist(patience, ask).map_err(|e| self.say(topic, &e))?;
        let number = |n: i64| u64::try_from(n).map_err(|_| format!("kafka topic {topic:?}: offset {n} is no number"));
        Ok(Bounds { low: number(low)?, high: number(high)? })
    }

    /// The first offset whose record is not older than a time; none where there is no such record.
    pub fn offset_at(&self, topic: &str, partition: i32, millis: i64) -> Result<Option<u64>> {
        use rdkafka::{Offset, TopicPartitionList};
        let ask = || {
            let mut list = TopicPartitionList::new();
            list.add_partition_offset(topic, partition, Offset::Offset(millis))?;
            let found = self.consumer.offsets_for_times(list, ANSWER)?;
            let element = found.find_partition(topic, partition);
            element.map_or(Ok(Offset::End), |e| e.error().map(|()| e.offset()))
        };
        match self.insist(ANSWER, ask).map_err(|e| self.say(topic, &e))? {
            Offset::Offset(n) => Ok(u64::try_from(n).ok()),
            _ => Ok(None),
        }
    }

    fn insist<T>(&self, patience: Duration, ask: impl Fn() -> Result<T, KafkaError>) -> Result<T, KafkaError> {
        let began = Instant::now();
        loop {
            match ask() {
                Err(e) if began.elapsed() < patience && e.rdkafka_error_code().is_some_and(is_passing) => {
                    std::thread::sleep(AGAIN);
                }
                done => return done,
            }
        }
    }

    fn say(&self, topic: &str, e: &KafkaError) -> BoxError {
        format!("kafka topic {topic:?} at {}: {}", self.options.brokers(), say(e)).into()
    }
}

/// Asks again for a topic that is not there, until it must be missing.
pub(crate) fn soon_found(ask: impl Fn() -> Result<Option<i32>>) -> Result<Option<i32>> {
    let began = Instant::now();
    loop {
        let found = ask()?;
        if found.is_some() || began.elapsed() > MISSING {
            return Ok(found);
        }
        std::thread::sleep(MISSING / 20);
    }
}

/// How many partitions a topic has, by an answer of the cluster; none where there is no such topic.
pub(crate) fn partitions_of(metadata: &Metadata, topic: &str) -> Result<Option<i32>, KafkaError> {
    let Some(found) = metadata.topics().iter().find(|t| t.name() == topic) else { return Ok(None) };
    match found.error().map(RDKafkaErrorCode::from) {
        None => Ok(i32::try_from(found.partitions().len()).ok().filter(|n| *n > 0)),
        Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => Ok(None),
        Some(code) => Err(KafkaError::MetadataFetch(code)),
    }
}

/// An error of a client that cannot be made.
pub(crate) fn refused(options: &Options, e: &KafkaError) -> BoxError {
    format!("kafka at {}: {}", options.brokers(), say(e)).into()
}

/// Logs errors only: a client for questions gets the options of sources and of sinks, and would warn of every one that is for
/// the other kind. It does so while it is made, for which only the option counts.
fn hush(config: &mut ClientConfig) {
    config.set("log_level", "3").set_log_level(RDKafkaLogLevel::Error);
}

fn admin(options: &Options) -> Result<AdminClient<Context>> {
    let mut config = options.config(&[], &[]);
    hush(&mut config);
    config.create_with_context(Context).map_err(|e| refused(options, &e))
}

/// Makes a topic, unless it is there.
pub(crate) fn create_topic(options: &Options, name: &str, partitions: i32, settings: &[(&str, &str)]) -> Result<()> {
    let admin = admin(options)?;
    let mut topic = NewTopic::new(name, partitions, TopicReplication::Fixed(-1)); // as the broker is set up
    for (key, value) in settings {
        topic = topic.set(key, value);
    }
    let asked = AdminOptions::new().operation_timeout(Some(ANSWER)).request_timeout(Some(ANSWER));
    let made = wait(admin.create_topics([&topic], &asked))?.map_err(|e| refused(options, &e))?;
    match made.into_iter().next() {
        Some(Err((_, code))) if code != RDKafkaErrorCode::TopicAlreadyExists => {
            Err(format!("kafka at {}: topic {name:?} cannot be made: {code}", options.brokers()).into())
        }
        _ => Ok(()),
    }
}

/// The largest batch of records that a topic takes, in bytes.
pub(crate) fn largest_message(options: &Options, topic: &str) -> Result<usize> {
    let admin = admin(options)?;
    let asked = AdminOptions::new().request_timeout(Some(ANSWER));
    let which = [ResourceSpecifier::Topic(topic)];
    let found = wait(admin.describe_configs(&which, &asked))?.map_err(|e| refused(options, &e))?;
    let resource = found.into_iter().next().and_then(std::result::Result::ok);
    let value = resource.as_ref().and_then(|r| r.get("max.message.bytes")).and_then(|entry| entry.value.clone());
    value.and_then(|text| text.parse().ok()).ok_or_else(|| {
        format!("kafka at {}: topic {topic:?} does not say its max.message.bytes", options.brokers()).into()
    })
}

/// Runs a future of the admin client, whose own thread drives it.
fn wait<T>(future: impl Future<Output = T>) -> Result<T> {
    Ok(tokio::runtime::Builder::new_current_thread().build()?.block_on(future))
}
