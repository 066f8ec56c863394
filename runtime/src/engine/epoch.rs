//! The only timely timestamp: `(interval << 32) + slice`. An interval ends with a checkpoint of the same number.
use timely::progress::frontier::MutableAntichain;

/// See the module.
pub type Epoch = u64;

/// Behind every epoch: the frontier of what has ended.
pub(crate) const DONE: Epoch = u64::MAX;

/// The epoch of a slice of an interval.
pub(crate) const fn epoch(interval: u64, slice: u64) -> Epoch {
    (interval << 32) | slice
}

/// The interval of an epoch.
pub(crate) const fn interval(epoch: Epoch) -> u64 {
    epoch >> 32
}

/// The last epoch of an interval; no slice is so long.
pub(crate) const fn end(interval: u64) -> Epoch {
    epoch(interval, u32::MAX as u64)
}

/// The least epoch that can still arrive at any of the inputs.
pub(crate) fn low(frontiers: &[MutableAntichain<Epoch>]) -> Epoch {
    frontiers.iter().filter_map(|f| f.frontier().first().copied()).min().unwrap_or(DONE)
}
