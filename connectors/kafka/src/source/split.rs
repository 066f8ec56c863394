//! A partition of a topic: what one worker reads in order.
use millstream_runtime::State;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A partition of a topic. Its offset in a checkpoint is that of the next record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, State)]
pub struct TopicPartition {
    /// The topic.
    pub topic: String,
    /// The number of the partition.
    pub partition: i32,
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.topic, self.partition)
    }
}
