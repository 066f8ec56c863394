//! How long an operator runs before the others get their turn: scheduling on a worker is cooperative.
use crate::engine::pace::Jitter;
use std::time::{Duration, Instant};

/// So long, unless a test says otherwise.
pub(crate) const SLICE_OF_WORK: Duration = Duration::from_micros(300);

/// What is left of a turn.
pub(crate) enum Fuel {
    Until(Instant),
    Batches(u64),
}

impl Fuel {
    /// A full turn; under jitter none to two batches.
    pub fn full(jitter: &mut Option<Jitter>) -> Self {
        match jitter {
            Some(jitter) => Fuel::Batches(jitter.below(3)),
            None => Fuel::Until(Instant::now() + SLICE_OF_WORK),
        }
    }

    /// Whether there is time for another batch.
    pub fn burn(&mut self) -> bool {
        match self {
            Fuel::Until(end) => Instant::now() < *end,
            Fuel::Batches(0) => false,
            Fuel::Batches(left) => {
                *left -= 1;
                true
            }
        }
    }
}
