//! The formats, as their users see them.
#![allow(clippy::unwrap_used, reason = "a test may panic, its helpers too")]
#[cfg(feature = "avro")]
mod ahead;
#[cfg(feature = "avro")]
mod avro;
mod combined_log;
mod confluent;
mod csv;
mod plain;
#[cfg(feature = "protobuf")]
mod protobuf;
#[cfg(feature = "registry")]
mod registry;
#[cfg(feature = "registry")]
mod server;
