//! Millstream's runtime: epochs, the worker loop, batches, keyed state, checkpoints, and the contracts of sources and
//! sinks. It knows no operator and no connector.

extern crate self as millstream_runtime;

pub mod batch;
pub mod checkpoint;
pub mod codec;
pub mod data;
mod engine;
pub mod format;
pub mod graph;
pub mod http;
mod mesh;
#[doc(hidden)]
pub mod native;
pub mod parcel;
pub mod run;
mod sight;
pub mod sink;
pub mod source;
pub mod state;
pub mod threaded;
pub mod time;

pub use engine::logic;
pub use engine::stage;
pub use millstream_derive::{KeyedState, State};

/// What fallible user code returns; any error converts.
pub type Result<T, E = BoxError> = std::result::Result<T, E>;

/// Any error, by value.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
