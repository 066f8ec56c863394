//! The contract of a source connector: splits, a reader, offsets, an end.
use crate::Result;
pub use crate::batch::Batch;
use crate::data::{Bytes, Data, Schema, State};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A source: splits that are read in order, each by one worker. Offsets are part of the checkpoint.
///
/// Law: reading a split from an offset gives what followed it when the offset was taken; else say `replayable: false`,
/// and no exactly-once sink can stand behind it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a source",
    label = "implement `Source` for it; of a connector, finish its builder"
)]
pub trait Source: 'static {
    /// Part of the source that is read in order: a file, a partition, a shard.
    type Split: State + Ord;
    /// Reads one split.
    type Reader: Reader;

    /// All that exist now. May block; asked again, every second, while it returns [`Splits::Growing`].
    ///
    /// # Errors
    /// Where the outside system cannot be asked: stops the attempt, which the restart policy may repeat.
    fn splits(&mut self) -> Result<Splits<Self::Split>>;

    /// Where to begin a split that no checkpoint knows; none is its start. Asked once for each, on the thread that asks for
    /// splits, so it may block. `first`: the job has just begun, and the split was not found later.
    ///
    /// # Errors
    /// As of [`Source::splits`].
    fn start(&mut self, _split: &Self::Split, _first: bool) -> Result<Option<OffsetOf<Self>>> {
        Ok(None)
    }

    /// Opens a split at its start, or at an offset out of a checkpoint.
    ///
    /// # Errors
    /// Where the split, or what followed the offset, is gone: it must not go on with a gap.
    fn open(&self, split: &Self::Split, from: Option<OffsetOf<Self>>) -> Result<Self::Reader>;

    /// Whether the law above holds.
    fn replayable(&self) -> bool {
        true
    }
}

/// What the readers of a source yield.
pub type ItemOf<S> = <<S as Source>::Reader as Reader>::Item;
/// How the readers of a source say where to go on.
pub type OffsetOf<S> = <<S as Source>::Reader as Reader>::Offset;

/// What exists, and whether to ask again.
#[derive(Debug)]
pub enum Splits<S> {
    /// No split will ever appear or end with successors.
    Fixed(Vec<Found<S>>),
    /// More may appear.
    Growing(Vec<Found<S>>),
}

/// A split, and those that must have ended before it starts (a child shard after its parents).
#[derive(Debug)]
pub struct Found<S> {
    /// The split.
    pub split: S,
    /// Its parents.
    pub after: Vec<S>,
}

impl<S> From<S> for Found<S> {
    fn from(split: S) -> Self {
        Found { split, after: vec![] }
    }
}

/// Reads one split. `read` is called on the worker: it appends what is there and returns at once.
/// A client that blocks goes behind [`Threaded`](crate::threaded::Threaded), which gives it a thread and a bounded queue.
pub trait Reader: 'static {
    /// What it yields.
    type Item: Data;
    /// Where to go on in a split.
    type Offset: State;

    /// Appends what is there, until the batch is full.
    ///
    /// # Errors
    /// Where the outside system fails: stops the attempt, which the restart policy may repeat.
    fn read(&mut self, batch: &mut Batch<Self::Item>) -> Result<Progress>;

    /// Behind the last record appended.
    fn offset(&self) -> Self::Offset;

    /// Called once before the first read: the reader may call `waker` from any thread when an idle split has records
    /// again, which spares the wait for the next poll.
    fn wake_by(&mut self, _waker: Waker) {}
}

/// Wakes the worker that reads a split.
pub type Waker = Arc<dyn Fn() + Send + Sync>;

/// What a read came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There is more, or may be: ask again at once.
    More,
    /// Nothing now: the split does not hold the watermark back.
    Idle,
    /// Nothing now, and more is on its way: the split holds the watermark back.
    Waiting,
    /// Nothing ever.
    Ended,
}

/// A value with where it came from. `.values()` drops the rest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Received<T> {
    /// The value.
    pub value: T,
    /// Where it came from.
    pub meta: Meta,
}

impl<T: State> State for Received<T> {
    const SCHEMA: Schema = Schema::new("Received", 1, "Received").with(T::SCHEMA);
}

/// Topic, file or stream; partition, shard or none; offset as the source counts. A tombstone has an empty value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Meta {
    /// Topic, file or stream.
    pub source: Arc<str>,
    /// Partition or shard; empty where there is none.
    pub split: Arc<str>,
    /// As the source counts: of a file, the byte where the record starts.
    pub offset: u64,
    /// The message's key.
    pub key: Option<Bytes>,
    /// The message's headers, in order; a value may be absent.
    pub headers: Vec<(String, Option<Bytes>)>,
    /// When the source says the record was made; [`Timestamp::MIN`] where it does not say.
    pub timestamp: Timestamp,
    /// Whether the value is absent rather than empty.
    pub tombstone: bool,
    /// Why the bytes are not the record itself: a line above the limit, of which only the head is here.
    pub fault: Option<Box<str>>,
}

impl Meta {
    /// A record of a named source at an offset, with nothing else known of it.
    pub fn at(source: &str, offset: u64) -> Self {
        Self::of(source.into(), offset)
    }

    /// The same without a copy of the name: for readers of many records.
    pub fn of(source: Arc<str>, offset: u64) -> Self {
        Meta {
            source,
            split: empty(),
            offset,
            key: None,
            headers: vec![],
            timestamp: Timestamp::MIN,
            tombstone: false,
            fault: None,
        }
    }
}

/// The empty text, made once for each thread: a record must not cost an allocation for nothing.
fn empty() -> Arc<str> {
    thread_local!(static EMPTY: Arc<str> = Arc::from(""));
    EMPTY.with(Arc::clone)
}
