//! The contract of a sink connector: write, prepare, commit.
use crate::Result;
use crate::batch::Batch;
use crate::data::State;
use crate::source::Waker;
pub use bytes::Bytes as Chunk;
use std::future::Future;
use std::pin::Pin;

/// A sink. Nothing outside changes for good before `commit`, which is called once the checkpoint is durable:
/// after a crash with the same committables again. Law: `commit` is idempotent.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot write `{T}`",
    label = "map the records to what it writes, or implement `Sink<{T}>` for it"
)]
pub trait Sink<T>: 'static {
    /// One worker's end of it.
    type Writer: Writer<T>;

    /// Called once, before all else: which sink of which job this is.
    fn named(&mut self, _name: &SinkName) {}

    /// Opens the writer of one worker and checks rights and reach. `staged` is what the restored checkpoint promised, of
    /// all workers: everything else that was left staged by an earlier attempt may be removed.
    ///
    /// # Errors
    /// Where the destination cannot be reached or written: stops the job before any record flows.
    fn open(&self, worker: usize, staged: &[StagedBy<Self, T>]) -> Result<Self::Writer>;

    /// Makes it visible. An error is tried again with backoff, and then stops the job; nothing is dropped.
    fn commit(&self, staged: StagedBy<Self, T>) -> Staging<()>;

    /// What it promises.
    fn delivery(&self) -> Delivery {
        Delivery::Best
    }

    /// The lanes of a sink that commits in order, such as one transaction after the other: see [`Lanes`].
    fn lanes(&self) -> Option<Lanes<T, StagedBy<Self, T>>> {
        None
    }
}

/// Which sink this is: what outside systems remember of it they keep under these names.
#[derive(Clone, Debug)]
pub struct SinkName {
    /// The job.
    pub job: String,
    /// The random id of the state folder: what was remembered under another one counts as absent.
    pub incarnation: String,
    /// The sink.
    pub uid: String,
    /// How many workers there are.
    pub workers: usize,
}

/// Lanes within which order is kept, for any number of workers: all records of a lane are written by one worker (its
/// number is that of the lane modulo the count of workers), and that worker commits what is staged for the lane one after
/// the other, also what a restored checkpoint promised.
pub struct Lanes<T, C> {
    /// The lane of a record.
    pub record: Box<dyn FnMut(&T) -> u64>,
    /// The lane of a committable.
    pub staged: fn(&C) -> u64,
}

/// What a sink stages for a checkpoint.
pub type StagedBy<S, T> = <<S as Sink<T>>::Writer as Writer<T>>::Committable;

/// One worker's end of a sink. Called on the worker: it never blocks.
pub trait Writer<T>: 'static {
    /// What is staged: a file's name, a transaction's lane. Kept in the checkpoint.
    type Committable: State;

    /// Takes the records of a batch.
    ///
    /// # Errors
    /// Where they cannot be staged: stops the attempt, which the restart policy may repeat.
    fn write(&mut self, batch: &mut Batch<T>) -> Result<()>;

    /// The end of interval `n`: resolves when everything written before this call is staged (or, at least once,
    /// acknowledged). Numbers rise and are never used twice, not even by another attempt to run the job.
    /// The future does not borrow the writer: records of the next interval go on while it is under way.
    fn prepare(&mut self, n: u64) -> Staging<Vec<Self::Committable>>;

    /// Takes the bulk out of a committable: an interval's output that is written ahead into the checkpoint. It goes to the
    /// checkpoint's file as it is, without a copy; what is left of the committable is small. None for all committables of
    /// a sink, or for none.
    fn detach(_staged: &mut Self::Committable) -> Option<Vec<Chunk>> {
        None
    }

    /// Puts the bulk back, all of it, cut into chunks in any way. Only what this worker commits gets its bulk back.
    fn attach(_staged: &mut Self::Committable, _bulk: Vec<Chunk>) {}

    /// Asked before each batch.
    fn room(&self) -> Room {
        Room::Plenty
    }

    /// Called once before the first write: the writer may call `waker` from any thread when it is no longer
    /// [`Room::Busy`].
    fn wake_by(&mut self, _waker: Waker) {}
}

/// Whether a writer takes more records: what bounds the memory of one that keeps an interval's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// It does.
    Plenty,
    /// It does, and asks for the end of the interval.
    Scarce,
    /// None in this interval, which ends as soon as it may; then it takes what belongs to it.
    Full,
    /// Not now; its waker says when.
    Busy,
}

/// Once a checkpoint, so boxed; polled on the worker, so not `Send`.
pub type Staging<T> = Pin<Box<dyn Future<Output = Result<T>>>>;

/// A [`Staging`] of code that is done at once.
pub fn now<T: 'static>(result: Result<T>) -> Staging<T> {
    Box::pin(std::future::ready(result))
}

/// A [`Staging`] of code that blocks, such as an fsync: it runs on a thread of the blocking pool.
pub fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Staging<T> {
    let task = tokio::task::spawn_blocking(work);
    Box::pin(async move { task.await.unwrap_or_else(|e| Err(format!("the staging thread died: {e}").into())) })
}

/// `Best`: exactly once where every source can be read again, else at least once; `plan` says which. The others demand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Exactly once where it can be had.
    Best,
    /// Refused where it cannot be had.
    ExactlyOnce,
    /// Duplicates after a crash are accepted.
    AtLeastOnce,
}
