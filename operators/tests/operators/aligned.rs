//! Splits that wait for each other: none runs too far ahead, and all come to their end.
use crate::job_world::Sum;
use millstream_operators::job::launch;
use millstream_runtime::Result;
use millstream_runtime::batch::Batch;
use millstream_runtime::run::{Options, Outcome};
use millstream_runtime::source::{Progress, Reader, Source, Splits};
use millstream_runtime::time::{Watermark, millis};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use std::time::Duration;

/// Counts time up from 0; split 0 does so slowly.
struct Uneven {
    splits: u32,
    /// Records of each split.
    records: u64,
}

struct Counter {
    next: u64,
    end: u64,
    is_slow: bool,
    turn: u64,
}

impl Source for Uneven {
    type Split = u32;
    type Reader = Counter;

    fn splits(&mut self) -> Result<Splits<u32>> {
        Ok(Splits::Fixed((0..self.splits).map(Into::into).collect()))
    }

    fn open(&self, split: &u32, from: Option<u64>) -> Result<Counter> {
        Ok(Counter { next: from.unwrap_or(0), end: self.records, is_slow: *split == 0, turn: 0 })
    }
}

impl Reader for Counter {
    type Item = u64;
    type Offset = u64;

    fn read(&mut self, batch: &mut Batch<u64>) -> Result<Progress> {
        self.turn += 1;
        if self.is_slow && !self.turn.is_multiple_of(20) {
            return Ok(Progress::Waiting);
        }
        for _ in 0..10 {
            if self.next == self.end {
                return Ok(Progress::Ended);
            }
            // Which split it is of, in the lowest bit.
            batch.push(self.next << 1 | u64::from(self.is_slow));
            self.next += 1;
        }
        Ok(Progress::More)
    }

    fn offset(&self) -> u64 {
        self.next
    }
}

/// Runs such a job to its end; gives how far a fast split was ahead of the slow one, in records.
fn most_ahead(splits: u32, records: u64, watermark: Watermark) -> i64 {
    let (slow, most, sum) = (Arc::new(AtomicI64::new(0)), Arc::new(AtomicI64::new(0)), Sum::default());
    let folder = tempfile::tempdir().unwrap();
    let mut options = Options::new("uneven", folder.path().to_str().unwrap());
    options.workers = 2;
    options.pace.slice = Duration::from_millis(1);
    let (slow_at, most_at, total) = (Arc::clone(&slow), Arc::clone(&most), sum.clone());
    let ended = launch(&options, move |job| {
        let (slow, most) = (Arc::clone(&slow_at), Arc::clone(&most_at));
        let events = job.source("uneven", Uneven { splits, records });
        let timed = events.event_time(|n| (*n >> 1) as i64, watermark).inspect(move |n| match n & 1 {
            1 => slow.store((*n >> 1) as i64, SeqCst),
            _ => {
                most.fetch_max((*n >> 1) as i64 - slow.load(SeqCst), SeqCst);
            }
        });
        timed.sink("sum", total.clone());
        Ok(())
    });
    assert_eq!(ended.unwrap(), Outcome::Finished);
    assert_eq!(sum.total().0, u64::from(splits) * records, "every record has come");
    most.load(SeqCst)
}

#[test]
fn a_split_that_runs_ahead_waits_for_the_others() {
    let free = most_ahead(3, 4_000, Watermark::ascending());
    assert!(free > 2_000, "without alignment the slow split is left behind: {free}");
    let aligned = most_ahead(3, 4_000, Watermark::ascending().aligned(millis(300)));
    assert!(aligned <= 300 + 10, "at most by a batch more than allowed: {aligned}");
}

#[test]
fn more_splits_than_may_be_open_at_once_come_to_their_end() {
    most_ahead(600, 20, Watermark::ascending().aligned(millis(1)));
}
