//! The contract of a sink connector: write, prepare, commit.
use crate::Result;
use crate::batch::Batch;
use crate::data::State;
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
