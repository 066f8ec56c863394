//! HTTP: functions behind a URL that transform records, by the contract of AWS Lambda transforms.
mod batches;
mod client;
mod contract;
#[cfg(feature = "pipeline")]
pub mod pipeline;

pub use batches::Batches;
pub use client::Function;
pub use contract::{Answer, MOST_BYTES};
