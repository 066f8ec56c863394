//! The runtime.

pub mod checkpoint;
