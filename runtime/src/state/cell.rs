//! The unit of a snapshot: one value, list element, map entry or timer, with what tells whether a snapshot needs it.
use std::num::NonZeroU32;

/// Snapshots count generations. What was restored was born in the first.
pub(super) const RESTORED: NonZeroU32 = NonZeroU32::MIN;
/// The generation in which a run begins.
pub(super) const FIRST: NonZeroU32 = NonZeroU32::MIN.saturating_add(1);
/// Not written since it was last encoded.
pub(super) const CLEAN: u32 = 0;
/// While a dirty list is tidied: the cell is in it. No generation comes so far.
pub(super) const LISTED: u32 = u32::MAX;

/// A value with its marks. A cell born before the present generation is in a snapshot.
#[derive(Debug)]
pub(super) struct Cell<V, W> {
    pub(super) value: V,
    /// The generation that made it. Not zero, so that an optional cell is no longer than a cell.
    pub(super) born: NonZeroU32,
    /// The generation that last wrote it, until a snapshot has it.
    pub(super) dirtied: u32,
    /// Processing time of the last write.
    pub(super) written: W,
}

/// Milliseconds, or nothing in columns without a TTL: a counter and its marks are 16 bytes, four to a cache line.
pub(super) trait Stamp: Copy + 'static {
    /// Whether there may be a TTL.
    const MAY_EXPIRE: bool;
    fn at(millis: i64) -> Self;
    fn millis(self) -> i64;
}

impl Stamp for i64 {
    const MAY_EXPIRE: bool = true;
    fn at(millis: i64) -> Self {
        millis
    }
    fn millis(self) -> i64 {
        self
    }
}

impl Stamp for () {
    const MAY_EXPIRE: bool = false;
    fn at(_: i64) -> Self {}
    fn millis(self) -> i64 {
        0
    }
}

/// Where a cell is in its column.
#[derive(Clone, Debug)]
pub(super) struct Address<Sub> {
    pub(super) slot: u32,
    pub(super) sub: Sub,
}
