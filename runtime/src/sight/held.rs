//! Something that is held up, for people and for monitors.
use serde::{Deserialize, Serialize};
use std::fmt;

/// What can be held up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// The oldest open epoch: records do not reach the sinks.
    Epoch,
    /// The least watermark, while records are read: windows do not end.
    Watermark,
    /// A checkpoint that is under way.
    Checkpoint,
    /// What a durable checkpoint promised is not yet visible.
    Commit,
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            What::Epoch => "epoch",
            What::Watermark => "watermark",
            What::Checkpoint => "checkpoint",
            What::Commit => "commit of checkpoint",
        })
    }
}

/// What is held up, by whom, and for how long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// What.
    pub what: What,
    /// Which one: a number, or of a watermark the time.
    pub which: String,
    /// The operator, worker, split, lane or process that holds it.
    pub by: String,
    /// For how long, in ms.
    pub ms: u64,
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Held { what, which, by, ms } = self;
        write!(f, "{what} {which} has been held for {}.{} s by {by}", ms / 1000, ms % 1000 / 100)
    }
}
