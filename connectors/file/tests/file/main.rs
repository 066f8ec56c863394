//! What the file connector promises.
#![allow(clippy::unwrap_used, reason = "a test may panic, its helpers too")]
mod common;
mod following;
mod lines;
mod restoring;
mod sink;
mod source;
