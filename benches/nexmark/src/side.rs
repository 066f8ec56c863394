//! The table of q13.
use crate::row::mix;

/// It has a row for each key below this.
pub const SIDE_ROWS: u64 = 10_000;

/// The value of a key.
pub fn side_input(key: u64) -> u64 {
    mix(key) >> 32
}
