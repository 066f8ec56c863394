//! What an operator with state is to its driver.
use super::stage::{Next, Outputs};
use crate::Result;
use crate::checkpoint::{OperatorInfo, Section};
use crate::parcel::Parcel;
use crate::sink::Room;
use crate::source::Waker;
use crate::time::Timestamp;
use std::task::{Context, Poll};

/// An operator's logic. Its driver calls it in the order of design.md: records as they arrive; at the close of an epoch
/// the watermark, timers, and at the end of an interval the snapshot.
pub trait Logic: 'static {
    /// Takes a batch of an input.
    ///
    /// # Errors
    /// Stops the attempt.
    fn on_batch(&mut self, port: usize, batch: Parcel, cx: &mut Turn<'_>) -> Result<()>;

    /// The watermark or processing time moved: fires what is due, at most a turn's worth; says whether more is due.
    ///
    /// # Errors
    /// Stops the attempt.
    fn on_time(&mut self, _cx: &mut Turn<'_>) -> Result<More> {
        Ok(More::No)
    }

    /// The end of interval `n`: fixes what the snapshot contains. Quick: encoding is for [`Logic::poll_snapshot`].
    ///
    /// # Errors
    /// Stops the attempt.
    fn freeze(&mut self, n: u64) -> Result<()>;

    /// Encodes a slice of what was frozen. Ready with the sections of this worker once all is there. Between two calls,
    /// records of the next interval come in. `hurry` asks for the whole.
    ///
    /// # Errors
    /// Stops the attempt.
    fn poll_snapshot(&mut self, task: &mut Context<'_>, hurry: bool) -> Poll<Result<Vec<Section>>>;

    /// What a checkpoint tells of the operator.
    fn info(&mut self) -> OperatorInfo;

    /// Of one that writes a broadcast state, or has a copy of it: its hash. Asked at each [`Logic::freeze`].
    fn copy_hash(&self) -> Option<CopyHash> {
        None
    }

    /// Whether it takes more records. Asked before each batch, and after each snapshot.
    fn room(&self) -> Room {
        Room::Plenty
    }

    /// Called once: the waker tells, from any thread, that it is no longer [`Room::Busy`].
    fn wake_by(&mut self, _waker: Waker) {}
}

/// The logic of an operator that waits for the world: calls in flight are state, in the snapshot like any other, and hold
/// back its own watermark only. Whatever it emits, from any of its methods, leaves in the epoch of the last tick.
pub trait Delayed: Logic {
    /// Emits results that are there, at most a turn's worth. The waker of `task` brings the next call, also from another
    /// thread.
    ///
    /// # Errors
    /// Stops the attempt.
    fn poll_results(&mut self, task: &mut Context<'_>, cx: &mut Turn<'_>) -> Result<More>;

    /// The least event time that may still be emitted for a record that was taken and not yet answered; of records
    /// without event time [`Timestamp::MIN`]. None where nothing is in flight: then the job may end.
    fn oldest_in_flight(&self) -> Option<Timestamp>;

    /// Whether no more records are to come in before results have left: the sources are then held back. Looked at before
    /// each batch, and again after [`Delayed::poll_results`].
    fn is_full(&self) -> bool {
        false
    }
}

/// The hash of a broadcast state, which is compared across workers at each checkpoint: the sum over its entries, so that
/// what the workers have written adds up to what each copy must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyHash {
    /// The operator that writes the state.
    pub uid: String,
    /// The wrapping sum of the hashes of the entries.
    pub hash: u64,
    /// Whether this is a copy: the whole, not the part that one worker has written.
    pub is_copy: bool,
}

/// Whether there is more to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum More {
    /// Call again, in another turn.
    Yes,
    /// Nothing is left.
    No,
}

/// What an operator's logic sees while it is called.
pub struct Turn<'a> {
    /// The operator's watermark.
    pub watermark: Timestamp,
    /// Processing time: of the last tick whose epoch has closed.
    pub now: Timestamp,
    /// Whether there is event time upstream.
    pub is_timed: bool,
    /// Whether the input is over. Only operators that ask for it are told.
    pub is_over: bool,
    pub(crate) next: &'a mut Next,
    pub(crate) out: &'a mut Outputs,
}

impl Turn<'_> {
    /// Hands on a batch.
    ///
    /// # Errors
    /// Where a stateless operator behind this one fails.
    pub fn emit(&mut self, batch: Parcel) -> Result<()> {
        self.next.push(batch, self.out)
    }
}
