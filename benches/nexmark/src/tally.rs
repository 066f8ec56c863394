//! The sink of a query: what its rows add up to, exactly once, and how late they came.
use crate::delays::Lateness;
use crate::row::{Row, Total};
use crate::stopwatch::Stopwatch;
use millstream::prelude::*;
use millstream::sink::{Sink, Staging, Writer, now};
use millstream::source::Batch;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Clones of it count together, also those of a later attempt.
#[derive(Clone, Default)]
pub struct Tally {
    committed: Arc<Mutex<BTreeMap<Part, Total>>>,
    stopwatch: Stopwatch,
    lateness: Option<Lateness>,
}

/// The number of the interval, and the worker.
type Part = (u64, u64);

impl Tally {
    /// Stops this watch with each commit.
    pub fn stopping(stopwatch: Stopwatch) -> Self {
        Self { stopwatch, ..Self::default() }
    }

    /// Notes how long after its cause each row comes.
    pub fn measuring(lateness: Lateness) -> Self {
        Self { lateness: Some(lateness), ..Self::default() }
    }

    /// What is committed.
    pub fn total(&self) -> Total {
        let mut total = Total::default();
        self.locked().values().for_each(|part| total.merge(*part));
        total
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, BTreeMap<Part, Total>> {
        self.committed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink<Row> for Tally {
    type Writer = Counting;

    fn open(&self, worker: usize, _: &[(Part, Total)]) -> Result<Counting> {
        Ok(Counting { worker: worker as u64, total: Total::default(), lateness: self.lateness.clone() })
    }

    fn commit(&self, (part, total): (Part, Total)) -> Staging<()> {
        self.locked().insert(part, total);
        self.stopwatch.stop();
        now(Ok(()))
    }

    fn delivery(&self) -> Delivery {
        Delivery::ExactlyOnce
    }
}

/// One worker's end of it.
pub struct Counting {
    worker: u64,
    total: Total,
    lateness: Option<Lateness>,
}

impl Writer<Row> for Counting {
    type Committable = (Part, Total);

    fn write(&mut self, batch: &mut Batch<Row>) -> Result<()> {
        if let Some(lateness) = &self.lateness {
            lateness.note(batch.times());
        }
        batch.drain().for_each(|row| self.total.add(row));
        Ok(())
    }

    fn prepare(&mut self, n: u64) -> Staging<Vec<(Part, Total)>> {
        let total = std::mem::take(&mut self.total);
        now(Ok(if total == Total::default() { vec![] } else { vec![((n, self.worker), total)] }))
    }
}
