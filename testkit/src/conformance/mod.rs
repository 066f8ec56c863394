//! The suites that every connector passes.
pub(crate) mod sample;
pub(crate) mod sink;
pub(crate) mod source;

/// A split may have so many records.
const RECORDS_MOST: usize = 100_000;
