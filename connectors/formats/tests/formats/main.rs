//! What the formats promise.
#![allow(clippy::unwrap_used, reason = "a test may panic, its helpers too")]
mod combined_log;
mod csv;
mod plain;
