//! A sink that measures how long after its moment each record arrives.
use crate::load::Began;
use millstream::Result;
use millstream::data::Data;
use millstream::sink::{Sink, Staging, Writer, now};
use millstream::source::Batch;
use std::sync::{Arc, Mutex, PoisonError};

/// Delays are counted in steps of so many nanoseconds; what is beyond the last counts as the last.
const STEP: u64 = 20_000;
const STEPS: usize = 50_000;

/// Nothing counts that was due in the first two seconds: the keys' tables still grow.
const WARM_UP: u64 = 2_000_000_000;

/// How many records came after how long.
#[derive(Clone)]
pub struct Delays {
    counts: Vec<u64>,
    /// Nanoseconds.
    longest: u64,
}

impl Default for Delays {
    fn default() -> Self {
        Self { counts: vec![0; STEPS], longest: 0 }
    }
}

impl Delays {
    fn add(&mut self, delay: u64) {
        let step = usize::try_from(delay / STEP).unwrap_or(STEPS).min(STEPS - 1);
        self.counts[step] += 1;
        self.longest = self.longest.max(delay);
    }

    /// Milliseconds within which so great a part came.
    pub fn quantile(&self, part: f64) -> f64 {
        let wanted = (self.counts.iter().sum::<u64>() as f64 * part).ceil() as u64;
        let mut seen = 0;
        let step = self.counts.iter().position(|count| {
            seen += count;
            seen >= wanted
        });
        (step.unwrap_or(STEPS) + 1) as f64 * STEP as f64 / 1e6
    }

    /// Milliseconds.
    pub fn longest(&self) -> f64 {
        self.longest as f64 / 1e6
    }
}

/// Which moment of a record its delay counts from, in nanoseconds since the run began.
pub type Moment<T> = fn(&T) -> u64;

/// The sink; its clones count together.
#[derive(Clone, Default)]
pub struct Meter {
    pub began: Began,
    delays: Arc<Mutex<Delays>>,
}

impl Meter {
    /// What has been counted.
    pub fn delays(&self) -> Delays {
        self.delays.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A sink for records of one type.
    pub fn of<T>(&self, moment: Moment<T>) -> MeterSink<T> {
        MeterSink { meter: self.clone(), moment }
    }
}

pub struct MeterSink<T> {
    meter: Meter,
    moment: Moment<T>,
}

impl<T: Data> Sink<T> for MeterSink<T> {
    type Writer = Self;
    fn open(&self, _: usize, _: &[u64]) -> Result<Self> {
        Ok(self.meter.of(self.moment))
    }
    fn commit(&self, _: u64) -> Staging<()> {
        now(Ok(()))
    }
}

impl<T: Data> Writer<T> for MeterSink<T> {
    type Committable = u64;
    fn write(&mut self, batch: &mut Batch<T>) -> Result<()> {
        let now = self.meter.began.elapsed();
        let mut delays = self.meter.delays.lock().unwrap_or_else(PoisonError::into_inner);
        for record in batch.drain() {
            let moment = (self.moment)(&record);
            // What the end of the input fires before its time is no measure.
            if moment >= WARM_UP && moment <= now {
                delays.add(now - moment);
            }
        }
        Ok(())
    }
    fn prepare(&mut self, _: u64) -> Staging<Vec<u64>> {
        now(Ok(vec![]))
    }
}
