//! The suites that every connector passes.
pub(crate) mod sample;
pub(crate) mod sink;
pub(crate) mod source;

/// So many records, and so many reads without a record, end the reading of a split.
const RECORDS_MOST: usize = 100_000;
