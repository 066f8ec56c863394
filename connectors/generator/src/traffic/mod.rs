//! Made-up web traffic: lines of a combined log.
mod line;
mod random;

use crate::pace::{Next, Pace, check};
use crate::traffic::line::Site;
use millstream_runtime::Result;
use millstream_runtime::data::Bytes;
use millstream_runtime::source::{Batch, Meta, Progress, Reader, Received, Source, Splits};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The splits are part of what a seed means, so their number is fixed.
const SPLITS: u32 = 8;

/// Made-up web traffic as combined log lines: a function of the seed alone. Ten a second of event time, from
/// 2015-05-17T10:00:00Z on; at most half a minute out of order; one in 10,000 is broken.
#[derive(Clone, Debug, clap::Args, Serialize, Deserialize)]
#[serde(default)]
pub struct Traffic {
    /// How many lines of made-up traffic.
    #[arg(long, default_value_t = 1_000_000)]
    pub records: u64,
    /// The same seed makes the same lines.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Records a second, at least one; without it as fast as possible.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    pub rate: Option<u64>,
}

impl Default for Traffic {
    fn default() -> Self {
        Self { records: 1_000_000, seed: 1, rate: None }
    }
}

impl Traffic {
    /// So many lines, of this seed, as fast as possible.
    pub fn new(records: u64, seed: u64) -> Self {
        Self { records, seed, rate: None }
    }

    /// So many a second over all splits, at least one.
    pub fn rate(mut self, records_a_second: u64) -> Self {
        self.rate = Some(records_a_second);
        self
    }
}

impl Source for Traffic {
    type Split = u32;
    type Reader = TrafficReader;

    fn splits(&mut self) -> Result<Splits<u32>> {
        check(self.rate)?;
        Ok(Splits::Fixed((0..SPLITS).map(Into::into).collect()))
    }

    fn open(&self, split: &u32, from: Option<u64>) -> Result<TrafficReader> {
        let pace = Pace::new(*split, SPLITS, self.records, from.unwrap_or(0), self.rate);
        Ok(TrafficReader { pace, site: Site::new(self.seed), name: "traffic".into() })
    }
}

/// Makes the lines of one split. Its offset is how many it has made.
pub struct TrafficReader {
    pace: Pace,
    site: Site,
    name: Arc<str>,
}

impl Reader for TrafficReader {
    type Item = Received<Bytes>;
    type Offset = u64;

    fn read(&mut self, batch: &mut Batch<Received<Bytes>>) -> Result<Progress> {
        let due = self.pace.due();
        while !batch.is_full() {
            let (numbers, then) = self.pace.take(due, 1);
            for n in numbers {
                let received = Received { value: self.site.line(n), meta: Meta::of(Arc::clone(&self.name), n) };
                let bytes = received.value.len() + size_of_val(&received);
                batch.push_sized(received, bytes);
            }
            match then {
                Next::More => {}
                Next::Wait => return Ok(Progress::Idle),
                Next::End => return Ok(Progress::Ended),
            }
        }
        Ok(Progress::More)
    }

    fn offset(&self) -> u64 {
        self.pace.taken()
    }
}
