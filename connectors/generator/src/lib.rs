//! Made-up input: deterministic sources for demonstrations, tests and benchmarks.
//!
//! [`Traffic`] is a web server's log, a function of its seed; [`generate`] makes any record of its number.

mod generate;
mod pace;
#[cfg(feature = "pipeline")]
pub mod pipeline;
mod traffic;

pub use crate::generate::{Generate, GenerateReader, generate};
pub use crate::traffic::{Traffic, TrafficReader};
