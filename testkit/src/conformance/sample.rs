//! Records that a sink is given.
use millstream_runtime::data::State;

/// A type whose records a suite can make up.
pub trait Sample: State + Ord {
    /// The `n`-th record: another one for each `n`.
    fn sample(n: u64) -> Self;
}

impl Sample for u64 {
    fn sample(n: u64) -> Self {
        n
    }
}

impl Sample for String {
    fn sample(n: u64) -> Self {
        format!("record {n}")
    }
}

impl Sample for (u64, u64) {
    fn sample(n: u64) -> Self {
        (n % 3, n)
    }
}
