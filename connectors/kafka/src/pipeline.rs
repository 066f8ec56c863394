//! The types of source and sink `kafka`, in pipelines.
use crate::sink::{KafkaSink, Oversized};
use crate::{End, Kafka, KafkaRecord, KafkaSource, Start};
use millstream_pipeline::event::write_plain;
use millstream_pipeline::json::Val;
use millstream_pipeline::{
    Event, EventFormat, Expression, Naming, Registry, Result, SinkKind, SinkNode, SourceKind, SourceNode, Stream, Wrong,
};
use millstream_runtime::data::Bytes;
use millstream_runtime::sink::Delivery;
use millstream_runtime::source::Received;
use millstream_runtime::time::Timestamp;
use serde::{Deserialize, Deserializer, de};
use std::collections::BTreeMap;

/// Adds them.
pub fn register(registry: &mut Registry) {
    registry.source::<Input>("kafka");
    registry.sink::<Output>("kafka");
}

/// Topics of one cluster.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    bootstrap_servers: String,
    topics: Vec<String>,
    #[serde(default)]
    start: StartAt,
    #[serde(default)]
    end: EndAt,
    /// A consumer group that positions are committed to, for monitoring.
    group: Option<String>,
    /// Handed to librdkafka as they are.
    #[serde(default)]
    options: BTreeMap<String, String>,
}

/// `earliest`, `latest`, or a time.
struct StartAt(Start);

impl Default for StartAt {
    fn default() -> Self {
        Self(Start::Earliest)
    }
}

impl<'de> Deserialize<'de> for StartAt {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        let wrong = |_| de::Error::custom(format!("{text:?} is no start: earliest, latest, or 2015-05-17T10:05:00Z"));
        Ok(Self(match text.as_str() {
            "earliest" => Start::Earliest,
            "latest" => Start::Latest,
            time => Start::At(time.parse::<Timestamp>().map_err(wrong)?),
        }))
    }
}

/// `never` or `latest`.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum EndAt {
    #[default]
    Never,
    Latest,
}

impl Input {
    fn source(&self) -> Option<KafkaSource> {
        let (first, others) = self.topics.split_first()?;
        let end = match self.end {
            EndAt::Never => End::Never,
            EndAt::Latest => End::Latest,
        };
        let source = Kafka::read(&self.bootstrap_servers, first).start(self.start.0.clone()).end(end);
        let source = others.iter().fold(source, |source, topic| source.and_topic(topic));
        let source = self.options.iter().fold(source, |source, (name, value)| source.option(name, value));
        Some(match &self.group {
            Some(group) => source.group(group),
            None => source,
        })
    }
}

impl SourceKind for Input {
    fn naming(&self) -> Naming {
        Naming::Topic
    }

    fn is_timed(&self) -> bool {
        true
    }

    fn check(&self) -> Vec<Wrong> {
        let wrong = match self.source() {
            None => Some(Wrong::new("topics", "are none: name at least one")),
            Some(source) => source.check().err().map(|e| Wrong::new("options", e)),
        };
        wrong.into_iter().collect()
    }

    fn open(&self, node: &SourceNode<'_>) -> Result<Stream<Received<Bytes>>> {
        Ok(node.read(self.source().ok_or("no topic")?))
    }
}

/// One topic.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Output {
    bootstrap_servers: String,
    topic: String,
    /// Without it, records keep the key that they came with.
    key: Option<Expression>,
    /// A topic for records that are too large for this one; without it, the first one stops the job.
    oversized: Option<String>,
    /// How many transactions run side by side.
    lanes: Option<u32>,
    /// Handed to librdkafka as they are.
    #[serde(default)]
    options: BTreeMap<String, String>,
}

impl Output {
    fn sink(&self, delivery: Delivery) -> KafkaSink<KafkaRecord> {
        let mut sink = Kafka::records(&self.bootstrap_servers, &self.topic);
        sink = self.options.iter().fold(sink, |sink, (name, value)| sink.option(name, value));
        if let Some(topic) = &self.oversized {
            sink = sink.oversized(Oversized::DeadLetter(topic.clone()));
        }
        if let Some(lanes) = self.lanes {
            sink = sink.lanes(lanes);
        }
        match delivery {
            Delivery::Best => sink,
            Delivery::ExactlyOnce => sink.exactly_once(),
            Delivery::AtLeastOnce => sink.at_least_once(),
        }
    }
}

impl SinkKind for Output {
    fn check(&self) -> Vec<Wrong> {
        let mut wrong: Vec<Wrong> = vec![];
        if self.topic.is_empty() {
            wrong.push(Wrong::new("topic", "is empty: name the topic"));
        }
        if self.lanes == Some(0) {
            wrong.push(Wrong::new("lanes", "is 0: at least one transaction must run"));
        }
        wrong.extend(self.sink(Delivery::Best).check().err().map(|e| Wrong::new("options", e)));
        wrong
    }

    fn write(&self, input: Stream<Event>, node: &SinkNode<'_>) -> Result<()> {
        let (mut format, key) = (node.format(), self.key.clone());
        let records = input.try_flat_map(move |mut event: Event, out| {
            let made = record(&mut format, key.as_ref(), &mut event);
            out.push(made.map_err(|reason| event.letter(reason))?);
            Ok(())
        });
        node.node().settle(records).sink(node.node().uid(), self.sink(node.delivery()));
        Ok(())
    }
}

/// Key, headers and timestamp stay those that came in; the value is what the format makes of the payload.
fn record(format: &mut EventFormat, key: Option<&Expression>, event: &mut Event) -> Result<KafkaRecord, String> {
    let key = match key {
        Some(key) => key_of(&key.one(event)?),
        None => event.meta.key.clone(),
    };
    let value = if event.meta.tombstone { None } else { Some(format.take(event)?) };
    let timestamp = Some(event.meta.timestamp).filter(|at| *at != Timestamp::MIN);
    let headers = std::mem::take(&mut event.meta.headers);
    Ok(KafkaRecord { topic: None, partition: None, timestamp, key, value, headers })
}

/// A text without its quotes, JSON of anything else; `null` is no key.
fn key_of(value: &Val) -> Option<Bytes> {
    let mut key = vec![];
    match value {
        Val::Null => None,
        value => {
            write_plain(value, &mut key);
            Some(key)
        }
    }
}
