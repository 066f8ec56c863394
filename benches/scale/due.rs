//! A source whose records are due at fixed times: what was missed while the job stood still comes at once.
use millstream::connectors::generate;
use millstream::prelude::*;
use millstream::source::{Batch, Progress, Reader, Source, Splits};
use std::time::{SystemTime, UNIX_EPOCH};

/// So many splits.
const SPLITS: u32 = 4;

/// Numbers from 0 on, so many a second since `began`.
pub struct Due {
    pub began_ms: u64,
    pub rate: u64,
}

/// Split s has s, s + 4, s + 8, ..
pub struct DueReader {
    next: u64,
    taken: u64,
    began_ms: u64,
    rate: u64,
    lags: bool,
}

impl Source for Due {
    type Split = u32;
    type Reader = DueReader;

    fn splits(&mut self) -> Result<Splits<u32>> {
        Ok(Splits::Fixed((0..SPLITS).map(Into::into).collect()))
    }

    fn open(&self, split: &u32, from: Option<u64>) -> Result<DueReader> {
        let taken = from.unwrap_or(0);
        let next = u64::from(*split) + taken * u64::from(SPLITS);
        Ok(DueReader { next, taken, began_ms: self.began_ms, rate: self.rate, lags: taken > 0 })
    }
}

impl Reader for DueReader {
    type Item = u64;
    type Offset = u64;

    fn read(&mut self, batch: &mut Batch<u64>) -> Result<Progress> {
        let due = (now_ms().saturating_sub(self.began_ms)) * self.rate / 1000;
        while !batch.is_full() {
            if self.next >= due {
                if std::mem::take(&mut self.lags) {
                    eprintln!("caught up");
                }
                return Ok(Progress::Idle);
            }
            batch.push(self.next);
            self.next += u64::from(SPLITS);
            self.taken += 1;
        }
        Ok(Progress::More)
    }

    fn offset(&self) -> u64 {
        self.taken
    }
}

/// Milliseconds since the Unix epoch.
pub fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64)
}

/// The numbers below `count` as fast as possible.
pub fn all(count: u64) -> impl Source<Reader: Reader<Item = u64>> {
    generate(count, |n| n).splits(SPLITS)
}
