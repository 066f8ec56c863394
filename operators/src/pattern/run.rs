//! A match under way: which events it has taken, and which steps may take the next.
use millstream_runtime::State;
use millstream_runtime::time::Timestamp;
use serde::{Deserialize, Serialize};

/// An event of a match. Events of a key have indices, in the order of their times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, State)]
pub(super) struct Taken {
    pub index: u64,
    pub step: u16,
}

/// The events of a match, in order. Never empty.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, State)]
pub(super) struct Path(pub Vec<Taken>);

impl Path {
    /// The index of the first event.
    pub fn first(&self) -> u64 {
        self.0.first().map_or(0, |taken| taken.index)
    }

    /// The index of the last event.
    pub fn last(&self) -> u64 {
        self.0.last().map_or(0, |taken| taken.index)
    }
}

/// A match under way. In checkpoints: a change needs a new version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, State)]
pub(super) struct Run {
    pub path: Path,
    /// How many of the last events are of the last step.
    pub count: u32,
    /// The steps that may take the next event, a bit for each; the bit behind the last step stands for the end.
    pub open: u64,
    /// The time of the first event.
    pub start: Timestamp,
}
