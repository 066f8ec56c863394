//! Millstream: a dataflow operator framework. Users compose source, operator and sink connectors into DAGs, in typed
//! Rust, and run them on timely dataflow with checkpointed state, exactly once.
//!
//! Begin with [`prelude`] and the job in the README; `examples/access_log.rs` is a whole one.

pub use millstream_operators::{BoxError, Result};
pub use millstream_runtime as runtime;
pub use millstream_runtime::data::{self, Bytes, Data, Key, Schema, State};
pub use millstream_runtime::state::{KeyedState, List, Map, Value};
pub use millstream_runtime::{KeyedState, State};
pub use millstream_runtime::{sink, source, time};
pub use millstream_testkit as testkit;

#[cfg(feature = "collections")]
pub use millstream_collections as collections;

pub use millstream_operators::{
    aggregate, broadcast, checkpoints, dead_letter, fallible, iterate, job, keyed, pattern, process, process_fn,
    stream, window,
};

/// Connectors and formats; each is a crate of its own.
pub mod connectors {
    pub use millstream_file::{Console, FileSink, FileSource, Files, Stdout};
    #[cfg(feature = "avro")]
    pub use millstream_formats::{Avro, AvroSchema};
    pub use millstream_formats::{CombinedLog, Csv, Decode, Encode, Hit, Json, Raw, Text};
    #[cfg(feature = "protobuf")]
    pub use millstream_formats::{Messages, Protobuf};
    #[cfg(any(feature = "avro", feature = "protobuf"))]
    pub use millstream_formats::{SchemaKind, SchemaRegistry, Subject};
    pub use millstream_generator::{Generate, Traffic, generate};
    #[cfg(feature = "kafka")]
    pub use millstream_kafka as kafka;
    #[cfg(feature = "kafka")]
    pub use millstream_kafka::{Kafka, KafkaRecord, KafkaSink, KafkaSource};
}

/// All that a job needs: `use millstream::prelude::*;`.
pub mod prelude {
    pub use crate::connectors::*;
    #[cfg(feature = "collections")]
    pub use millstream_collections::{Change, ChangesToCollection, Collection, ToCollection};
    pub use millstream_operators::aggregate::*;
    pub use millstream_operators::broadcast::{Broadcast, CtxWith, ProcessWith, View, Visit};
    pub use millstream_operators::dead_letter::DeadLetter;
    pub use millstream_operators::fallible::Fallible;
    pub use millstream_operators::iterate::{Round, Step};
    pub use millstream_operators::job::{Args, Job, Shared};
    pub use millstream_operators::keyed::Keyed;
    pub use millstream_operators::pattern::{AfterMatch, Matched, Pattern};
    pub use millstream_operators::process::{Context, Ctx, Ctx2, Process, Process2};
    pub use millstream_operators::process_fn::{Event, Out};
    pub use millstream_operators::stream::{Either, Stream};
    pub use millstream_operators::window::{
        Counted, Every, Fire, Fired, Group, Moment, Session, Sliding, Trigger, Tumbling, When, Windowed,
    };
    pub use millstream_operators::{Cached, Calls};
    pub use millstream_runtime::data::{Data, Key};
    pub use millstream_runtime::sink::Delivery;
    pub use millstream_runtime::source::{Meta, Received};
    pub use millstream_runtime::state::{List, Map, Value};
    pub use millstream_runtime::time::*;
    pub use millstream_runtime::{KeyedState, State};
    pub use serde::{Deserialize, Serialize};
    pub use std::path::PathBuf;
    pub use std::process::ExitCode;
    pub use std::time::Duration;

    pub use crate::Result;
}

/// The README's code, compiled and run with the documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct ReadmeDocTests;
