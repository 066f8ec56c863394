//! What a run tells of itself while it goes on, and what it is asked.
use super::control::{Requests, locked};
use crate::sight::Held;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

/// A handle on a run: shared with whoever shows progress or stops it.
#[derive(Default)]
pub struct Status {
    pub(crate) requests: Arc<Requests>,
    pub(crate) numbers: Numbers,
    last_failure: Mutex<Option<String>>,
    held: Mutex<Vec<Held>>,
}

/// Counted while the run goes on.
#[derive(Default)]
pub(crate) struct Numbers {
    pub read: AtomicU64,
    pub watermark: AtomicI64,
    pub checkpoint: AtomicU64,
    pub checkpoints: AtomicU64,
    pub checkpoint_ms: AtomicU64,
    pub checkpoint_bytes: AtomicU64,
    pub attempts: AtomicU64,
}

/// A look at a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Records read by all sources of this process.
    pub read: u64,
    /// The least watermark of all origins in ms since the Unix epoch, if there is any event time.
    pub watermark: Option<i64>,
    /// The newest durable checkpoint; 0 before the first.
    pub checkpoint: u64,
    /// How many this process has made.
    pub checkpoints: u64,
    /// How long the newest took from its last part to its manifest, in ms.
    pub checkpoint_ms: u64,
    /// How many bytes the newest wrote.
    pub checkpoint_bytes: u64,
    /// Attempts so far.
    pub attempts: u64,
}

impl Status {
    /// Asks the run to stop after a last checkpoint, with everything committed.
    pub fn stop(&self) {
        self.requests.stop();
    }

    /// Whether it was asked to.
    pub fn is_stopping(&self) -> bool {
        self.requests.is_stopping()
    }

    /// Asks for a checkpoint at once.
    pub fn checkpoint_now(&self) {
        self.requests.savepoint();
    }

    /// A look at the run.
    pub fn progress(&self) -> Progress {
        let n = &self.numbers;
        let watermark = n.watermark.load(Relaxed);
        Progress {
            read: n.read.load(Relaxed),
            watermark: (watermark != 0 && watermark != i64::MIN).then_some(watermark),
            checkpoint: n.checkpoint.load(Relaxed),
            checkpoints: n.checkpoints.load(Relaxed),
            checkpoint_ms: n.checkpoint_ms.load(Relaxed),
            checkpoint_bytes: n.checkpoint_bytes.load(Relaxed),
            attempts: n.attempts.load(Relaxed),
        }
    }

    pub(crate) fn note_held(&self, held: Vec<Held>) {
        *locked(&self.held) = held;
    }

    /// What has been held up for a second or longer, and by whom: looked at each second, in process 0.
    pub fn held(&self) -> Vec<Held> {
        locked(&self.held).clone()
    }

    pub(crate) fn note_failure(&self, what: &str) {
        *locked(&self.last_failure) = Some(what.into());
    }

    /// What ended the last attempt that failed.
    pub fn last_failure(&self) -> Option<String> {
        locked(&self.last_failure).clone()
    }
}
