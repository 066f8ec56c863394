//! How long a job needs to be where it would be, had nobody killed it: events are due at a fixed rate whether it runs or not.
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// A split looks at the clock once in so many events.
const LOOK: u64 = 1024;

/// When events are due, and when each split has made what is due. Clones share it.
#[derive(Clone)]
pub struct Recovery {
    /// Events a second.
    rate: u64,
    due_since: Instant,
    killed: Instant,
    /// Of each split: when it first was to make an event that was not due yet.
    caught_up: Arc<[OnceLock<Instant>]>,
}

impl Recovery {
    /// Of a job that has been killed now. The first event was due at this time.
    pub fn of_killed(rate: u64, due_since: Instant, splits: u32) -> Self {
        Self { rate, due_since, killed: Instant::now(), caught_up: (0..splits).map(|_| OnceLock::new()).collect() }
    }

    /// Event `n` is about to be made; whether all splits have now caught up.
    pub fn note(&self, n: u64) -> bool {
        let splits = self.caught_up.len() as u64;
        if !(n / splits).is_multiple_of(LOOK) {
            return false;
        }
        let now = Instant::now();
        let due = (now - self.due_since).as_nanos() * u128::from(self.rate) / 1_000_000_000;
        if u128::from(n) >= due {
            self.caught_up[(n % splits) as usize].get_or_init(|| now);
        }
        self.took().is_some()
    }

    /// From the kill to the last split's catching up; none if one never did.
    pub fn took(&self) -> Option<Duration> {
        let all: Option<Vec<&Instant>> = self.caught_up.iter().map(OnceLock::get).collect();
        all?.into_iter().max().map(|last| *last - self.killed)
    }
}
