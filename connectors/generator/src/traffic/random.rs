//! Numbers that look random and are a function of a seed: splitmix64.

/// A sequence of numbers.
pub(super) struct Random(u64);

impl Random {
    /// The sequence of one line.
    pub(super) fn new(seed: u64, line: u64) -> Self {
        Self(mix(seed) ^ line.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// Any number.
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// Below `limit`, which is not 0.
    pub(super) fn below(&mut self, limit: u32) -> u32 {
        (((self.next() >> 32) * u64::from(limit)) >> 32) as u32
    }
}

/// Spreads a number over 64 bits.
pub(super) fn mix(n: u64) -> u64 {
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}
