//! Formats: the same value decodes and encodes. A function `fn(&str) -> Result<T, E>` is a text format too.
//!
//! An own format implements [`Decode`], [`Encode`] or both; the contract is the runtime's.

mod combined_log;
mod csv;
mod json;
mod text;

pub use crate::combined_log::{CombinedLog, Hit};
pub use crate::csv::Csv;
pub use crate::json::Json;
pub use crate::text::{Raw, Text};
pub use millstream_runtime::format::{Decode, Encode};
