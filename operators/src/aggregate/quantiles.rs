//! `quantiles`: the value below which a share of the records lies, with a bounded relative error.
use super::Aggregate;
use millstream_runtime::data::{Schema, State};
use serde::{Deserialize, Serialize};
use sketches_ddsketch::{Config, DDSketch};
use std::marker::PhantomData;

/// The relative error.
const ERROR: f64 = 0.01;
/// So many buckets at most for each sign, which is values from 1 nanosecond to 18 years, in seconds. Beyond that the least
/// ones are put together.
const BUCKETS: u32 = 2048;
/// What is nearer to zero counts as zero.
const LEAST: f64 = 1e-9;

/// See [`quantiles`].
pub struct Quantiles<T, F> {
    ranks: Vec<f64>,
    f: F,
    of: PhantomData<fn(T)>,
}

/// For each rank, 0 for the least to 1 for the greatest, the value of the record that has this rank, within 1 %; none of no
/// record. Rank `r` of `n` records is the one with `floor(r * (n - 1))` below it. What is not a number does not count.
///
/// Masson, Rim, Lee: DDSketch, a fast and fully-mergeable quantile sketch with relative-error guarantees, 2019. Buckets are
/// counters, so the same records come to the same values in whatever order; state is in the format of its authors.
///
/// ```
/// use millstream_operators::aggregate::{Aggregate, quantiles};
/// let latency = quantiles([0.5, 0.99], |ms: &u64| *ms as f64);
/// let mut all = latency.init();
/// (1..=1000).for_each(|ms| latency.add(&mut all, &ms));
/// let [Some(median), Some(p99)] = latency.finish(&all)[..] else { panic!() };
/// assert!((median - 500.0).abs() <= 5.0 && (p99 - 990.0).abs() <= 9.9);
/// ```
///
/// # Panics
/// Where a rank is not between 0 and 1.
pub fn quantiles<T, F: Fn(&T) -> f64>(ranks: impl IntoIterator<Item = f64>, f: F) -> Quantiles<T, F> {
    let ranks: Vec<f64> = ranks.into_iter().collect();
    if let Some(rank) = ranks.iter().find(|rank| !(0.0..=1.0).contains(*rank)) {
        panic!("quantiles: {rank} is no rank: 0 is the least record, 0.5 the median, 1 the greatest");
    }
    Quantiles { ranks, f, of: PhantomData }
}

/// A DDSketch.
#[derive(Clone, Serialize, Deserialize)]
#[serde(into = "Vec<u8>", try_from = "Vec<u8>")]
pub struct Buckets(DDSketch);

impl Default for Buckets {
    fn default() -> Self {
        Self(DDSketch::new(Config::new(ERROR, BUCKETS, LEAST)))
    }
}

impl State for Buckets {
    const SCHEMA: Schema = Schema::new("DDSketch", 1, "DDSketchWithExactSummaryStatistics");
}

impl From<Buckets> for Vec<u8> {
    fn from(buckets: Buckets) -> Self {
        buckets.0.to_java_bytes()
    }
}

impl TryFrom<Vec<u8>> for Buckets {
    type Error = String;
    fn try_from(bytes: Vec<u8>) -> Result<Self, String> {
        // What is read has settings of its own, with which nothing else merges: so it is merged into what has ours.
        let read = DDSketch::from_java_bytes(&bytes).map_err(|e| format!("no DDSketch: {e}"))?;
        let mut buckets = Self::default();
        buckets.0.merge(&read).map_err(|e| format!("a DDSketch with another error than {ERROR}: {e}"))?;
        Ok(buckets)
    }
}

impl<T: 'static, F: Fn(&T) -> f64 + 'static> Aggregate<T> for Quantiles<T, F> {
    type Acc = Buckets;
    type Out = Vec<Option<f64>>;
    fn init(&self) -> Buckets {
        Buckets::default()
    }
    fn add(&self, acc: &mut Buckets, record: &T) {
        let value = (self.f)(record);
        if value.is_finite() {
            acc.0.add(value);
        }
    }
    fn merge(&self, into: &mut Buckets, other: Buckets) {
        let _ = into.0.merge(&other.0); // both have our settings
    }
    fn finish(&self, acc: &Buckets) -> Vec<Option<f64>> {
        self.ranks.iter().map(|rank| acc.0.quantile(*rank).ok().flatten()).collect()
    }
    fn name(&self) -> String {
        "quantiles".into() // of any ranks: all buckets are kept
    }
}
