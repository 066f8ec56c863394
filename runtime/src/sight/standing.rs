//! Where one operator of one worker stands. Written by its worker, read by the lookout; nobody waits for the other.
use crate::engine::epoch::{DONE, Epoch};
use crate::run::control::locked;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Instant;

/// What holds back a watermark: its value, and the split or what else it is.
pub(crate) type Slowest = (i64, String);

/// See the module.
pub(crate) struct Standing {
    pub uid: String,
    pub worker: usize,
    born: Instant,
    /// When the call that is under way began, in ms since `born`, plus 1; 0 between calls.
    called: AtomicU64,
    /// The least epoch that may still come in.
    frontier: AtomicU64,
    /// The least epoch that it holds itself, by records that wait or by what it has yet to do.
    holds: AtomicU64,
    /// Whether the lookout wants to know what holds the watermark: asked, since texts cost more than numbers.
    is_asked: AtomicBool,
    slowest: Mutex<Option<Slowest>>,
}

impl Standing {
    pub fn new(uid: &str, worker: usize) -> Self {
        Self {
            uid: uid.into(),
            worker,
            born: Instant::now(),
            called: AtomicU64::new(0),
            frontier: AtomicU64::new(0),
            holds: AtomicU64::new(DONE),
            is_asked: AtomicBool::new(true),
            slowest: Mutex::new(None),
        }
    }

    /// The operator runs from now on.
    pub fn enter(&self) {
        self.called.store(self.now() + 1, Relaxed);
    }

    /// It has run.
    pub fn leave(&self, frontier: Epoch, holds: Epoch) {
        self.frontier.store(frontier, Relaxed);
        self.holds.store(holds, Relaxed);
        self.called.store(0, Relaxed);
    }

    /// Notes what holds the watermark, where that was asked for.
    pub fn note_slowest(&self, slowest: impl FnOnce() -> Option<Slowest>) {
        if self.is_asked.load(Relaxed) && self.is_asked.swap(false, Relaxed) {
            *locked(&self.slowest) = slowest();
        }
    }

    /// The same, for the lookout, which asks again by it.
    pub fn slowest(&self) -> Option<Slowest> {
        let known = locked(&self.slowest).clone();
        self.is_asked.store(true, Relaxed);
        known
    }

    /// How long the call that is under way has taken, in ms.
    pub fn busy_ms(&self) -> Option<u64> {
        let called = self.called.load(Relaxed);
        (called > 0).then(|| (self.now() + 1).saturating_sub(called))
    }

    /// The epoch that it holds up itself: everything before it has passed that epoch.
    pub fn holds_up(&self) -> Option<Epoch> {
        let holds = self.holds.load(Relaxed);
        (holds < self.frontier.load(Relaxed)).then_some(holds)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX - 1)
    }
}
