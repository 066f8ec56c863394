//! The control messages: ticks from worker 0, reports to it, marks from it.
use super::epoch::Epoch;
use serde::{Deserialize, Serialize};

/// Opens an epoch on a worker; its capability is that epoch.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Tick {
    /// The worker it goes to.
    pub target: u64,
    /// The epoch that it opens.
    pub epoch: Epoch,
    /// Processing time, ms since the Unix epoch: monotonic, also over restarts.
    pub now: i64,
    /// How many bytes each source may read in this slice.
    pub credit: u64,
    /// Splits that start on the worker with this epoch.
    pub news: Vec<News>,
    /// By source, what each of its origins has promised; nothing of a source whose splits must not wait for each other.
    pub promised: Vec<Vec<i64>>,
}

/// A split that a worker is to read from now on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct News {
    /// The source's place among the sources of the graph.
    pub source: u32,
    /// The worker that reads it.
    pub worker: u64,
    /// The split, encoded.
    pub split: Vec<u8>,
    /// Where it begins, encoded; none is its start.
    pub start: Option<Vec<u8>>,
    /// What each origin of the source has promised so far: the split starts with these watermarks.
    pub floors: Vec<i64>,
}

/// What an instance of a source, or of a delaying operator, says at the end of an epoch.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    /// A watermark for each of its origins, in order; `i64::MAX` where nothing holds it back.
    pub marks: Vec<i64>,
    /// The same with its idle splits: what counts where nothing holds any instance back. Empty where nothing is idle.
    pub idle: Vec<i64>,
    /// Splits that ended in this epoch, encoded.
    pub ended: Vec<Vec<u8>>,
    /// How many records it has read in this epoch.
    pub read: u64,
}

/// The minimum of an origin's reports over all workers for the epoch of its capability.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Mark {
    /// The worker it goes to.
    pub target: u64,
    /// The origin.
    pub origin: u32,
    /// Its watermark.
    pub watermark: i64,
}
