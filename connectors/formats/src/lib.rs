//! Formats: the same value decodes and encodes. A function `fn(&str) -> Result<T, E>` is a text format too.
//!
//! An own format implements [`Decode`], [`Encode`] or both; the contract is the runtime's. Avro and Protobuf are features,
//! `avro` and `protobuf`, as they bring libraries; so is `registry`, the client of schema registries, which both bring.

#[cfg(feature = "avro")]
mod avro;
mod combined_log;
pub mod confluent;
mod csv;
mod json;
mod look_ahead;
#[cfg(feature = "protobuf")]
mod protobuf;
#[cfg(feature = "registry")]
mod registry;
mod text;

#[cfg(feature = "avro")]
pub use crate::avro::{Avro, AvroSchema, AvroValue, apache_avro};
pub use crate::combined_log::{CombinedLog, Hit};
pub use crate::csv::Csv;
pub use crate::json::Json;
pub use crate::look_ahead::{Ahead, AheadReader, LookAhead};
#[cfg(feature = "protobuf")]
pub use crate::protobuf::{Messages, Protobuf};
#[cfg(feature = "registry")]
pub use crate::registry::{Failure, RegistryOptions, SchemaKind, SchemaRegistry, SchemaText, Subject};
pub use crate::text::{Raw, Text};
pub use millstream_runtime::format::{Decode, Encode};
