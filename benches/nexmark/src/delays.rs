//! How long after its cause a row comes: events are generated at a fixed rate, and a row's event time says which event
//! caused it.
use crate::events::{BASE, EVENTS_A_MS};
use millstream::time::Timestamp;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

/// Delays are counted in steps of so many nanoseconds; what is beyond the last counts as the last.
const STEP: u64 = 20_000;
const STEPS: usize = 50_000;

/// Nothing counts that was generated in the first second: tables still grow.
const WARM_UP: u64 = 1_000_000_000;

/// Clones of it count together.
#[derive(Clone)]
pub struct Lateness {
    began: Arc<OnceLock<Instant>>,
    /// Events a second.
    rate: u64,
    counts: Arc<Mutex<Vec<u64>>>,
}

impl Lateness {
    pub fn at_rate(rate: u64) -> Self {
        Self { began: Arc::default(), rate, counts: Arc::new(Mutex::new(vec![0; STEPS])) }
    }

    /// Called when the first event is generated.
    pub fn begin(&self) {
        self.began.get_or_init(Instant::now);
    }

    /// When the first event was generated.
    pub fn began(&self) -> Option<Instant> {
        self.began.get().copied()
    }

    /// Rows of these event times have come now. What the end of the input gives before its time is no measure.
    pub fn note(&self, times: &[Timestamp]) {
        let Some(began) = self.began.get() else { return };
        let now = began.elapsed().as_nanos() as u64;
        let mut counts = self.counts();
        for time in times {
            let caused = self.generated(*time);
            if (WARM_UP..=now).contains(&caused) {
                counts[((now - caused) / STEP).min(STEPS as u64 - 1) as usize] += 1;
            }
        }
    }

    /// When the first event of this time was due, in nanoseconds since the beginning.
    pub fn generated(&self, time: Timestamp) -> u64 {
        let event = time.0.saturating_sub(BASE as i64).max(0) as u128 * u128::from(EVENTS_A_MS);
        u64::try_from(event * 1_000_000_000 / u128::from(self.rate.max(1))).unwrap_or(u64::MAX)
    }

    /// Milliseconds within which so great a part of the rows came; none where nothing was measured.
    pub fn quantile(&self, part: f64) -> Option<f64> {
        let counts = self.counts();
        let wanted = (counts.iter().sum::<u64>() as f64 * part).ceil() as u64;
        let mut seen = 0;
        let step = counts.iter().position(|count| {
            seen += count;
            seen >= wanted && wanted > 0
        });
        step.map(|step| (step + 1) as f64 * STEP as f64 / 1e6)
    }

    fn counts(&self) -> MutexGuard<'_, Vec<u64>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
