//! Kafka: a source whose offsets are in the checkpoint, and a sink that is exactly once.
//!
//! [`Kafka::read`] reads topics, split by partition. [`Kafka::write`] encodes values, [`Kafka::records`] writes whole
//! [`KafkaRecord`]s, [`Kafka::copy`] writes what another topic brought. Exactly once is the sink's default: an interval's
//! output is written ahead into the checkpoint, and sent in transactions once the checkpoint is durable. `docs/kafka.md` has
//! the protocol, and the traps of Kafka with what meets them.

mod client;
mod options;
#[cfg(feature = "pipeline")]
pub mod pipeline;
mod sink;
mod source;

pub use crate::options::Options;
pub use crate::sink::direct::DirectWriter;
pub use crate::sink::output::LaneOutput;
pub use crate::sink::record::KafkaRecord;
pub use crate::sink::writer::KafkaWriter;
pub use crate::sink::{KafkaSink, Oversized};
pub use crate::source::reader::KafkaReader;
pub use crate::source::split::TopicPartition;
pub use crate::source::{End, KafkaSource, Start};

/// Kafka topics.
pub struct Kafka;
