//! A source that keeps a pace, with the moment when each record was due in the record.
use millstream::Result;
use millstream::source::{Batch, OffsetOf, Progress, Reader, Source, Splits};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

/// Splits of the load: two for each of two workers.
const SPLITS: u64 = 4;

/// When the run began: the first reader says it.
#[derive(Clone, Default)]
pub struct Began(Arc<OnceLock<Instant>>);

impl Began {
    /// Nanoseconds since then.
    pub fn elapsed(&self) -> u64 {
        self.0.get_or_init(Instant::now).elapsed().as_nanos() as u64
    }
}

/// A record that knows when it was due.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Due {
    pub key: u64,
    /// Nanoseconds since the run began.
    pub at: u64,
}

/// `count` records, at a rate over all splits, or each due when it is read.
#[derive(Clone)]
pub struct Load {
    pub began: Began,
    pub count: u64,
    pub a_second: Option<u64>,
    pub key: fn(u64) -> u64,
}

impl Source for Load {
    type Split = u64;
    type Reader = LoadReader;

    fn splits(&mut self) -> Result<Splits<u64>> {
        Ok(Splits::Fixed((0..SPLITS).map(Into::into).collect()))
    }

    fn open(&self, split: &u64, from: Option<OffsetOf<Self>>) -> Result<LoadReader> {
        Ok(LoadReader { load: self.clone(), next: from.unwrap_or(*split) })
    }
}

/// Reads one split. It wakes nobody: the source asks it again.
pub struct LoadReader {
    load: Load,
    next: u64,
}

impl LoadReader {
    fn due(&self, now: u64) -> u64 {
        let at = |rate: u64| u128::from(self.next) * 1_000_000_000 / u128::from(rate);
        self.load.a_second.map_or(now, |rate| at(rate) as u64)
    }
}

impl Reader for LoadReader {
    type Item = Due;
    type Offset = u64;

    fn read(&mut self, batch: &mut Batch<Due>) -> Result<Progress> {
        let now = self.load.began.elapsed();
        while !batch.is_full() {
            if self.next >= self.load.count {
                return Ok(Progress::Ended);
            }
            let at = self.due(now);
            if at > now {
                return Ok(Progress::Idle);
            }
            batch.push(Due { key: (self.load.key)(self.next), at });
            self.next += SPLITS;
        }
        Ok(Progress::More)
    }

    fn offset(&self) -> u64 {
        self.next
    }
}
