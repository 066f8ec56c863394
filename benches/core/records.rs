//! What the benchmarks read: pure functions of a number.
use millstream::runtime::run::mix;
use serde::{Deserialize, Serialize};

/// 64 bytes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Wide {
    pub key: u64,
    pub at: u64,
    pub values: [u64; 6],
}

pub const KEYS: u64 = 1_000_000;

pub fn wide(n: u64) -> Wide {
    Wide { key: mix(n), at: n, values: [n; 6] }
}

pub fn number(n: u64) -> u64 {
    mix(n) % KEYS
}

/// First each key once, then a tenth of them.
pub fn warm(n: u64) -> u64 {
    if n < KEYS { n } else { mix(n) % (KEYS / 10) }
}

pub fn text(n: u64) -> String {
    format!("user-{:010}", mix(n) % KEYS)
}

/// One step of the chain of maps.
pub fn step(mut w: Wide) -> Wide {
    w.values[0] = w.values[0].wrapping_mul(31).wrapping_add(w.key);
    w
}
