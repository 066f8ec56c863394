//! Processing time by hand.
use millstream_runtime::run::Clock;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use std::time::Duration;

/// A clock that stands still until it is told to advance.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows so many milliseconds since the Unix epoch.
    pub fn at(millis: i64) -> Self {
        Self(AtomicI64::new(millis))
    }

    /// Moves time on, in whole milliseconds.
    pub fn advance(&self, time: Duration) {
        let millis = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        let later = |now: i64| Some(now.saturating_add(millis));
        let _ = self.0.fetch_update(SeqCst, SeqCst, later); // `later` never refuses
    }
}

impl Clock for ManualClock {
    fn now(&self) -> i64 {
        self.0.load(SeqCst)
    }
}
