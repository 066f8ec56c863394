//! The Stream API: one operator, one file, one verb; jobs and their command line.
//!
//! A verb adds a node to the graph and says how its stage, or its logic, is made on a worker. No operator knows a
//! connector.

pub mod aggregate;
mod async_map;
pub mod broadcast;
mod cached;
mod calls;
pub mod checkpoints;
#[doc(hidden)]
pub mod contents;
pub mod dead_letter;
mod decode;
mod deduplicate;
mod event_time;
mod exchange;
mod failures;
pub mod fallible;
mod filter;
mod flat_map;
mod in_flight;
mod inspect;
mod interval_join;
pub mod iterate;
pub mod job;
mod join;
mod key_by;
pub mod keyed;
mod late;
mod late_log;
mod map;
pub mod pattern;
pub mod process;
pub mod process_fn;
mod process_logic;
mod route;
mod sides;
mod sink;
mod split;
mod stages;
mod store;
pub mod stream;
pub mod substitute;
pub mod supervise;
mod temporal_join;
mod try_flat_map;
mod try_map;
mod union;
mod values;
pub mod window;

pub use async_map::Calls;
pub use cached::Cached;
pub use fallible::Fallible;
pub use job::Job;
pub use keyed::Keyed;
pub use stream::{Either, Stream};

/// What fallible user code returns; any error converts.
pub use millstream_runtime::{BoxError, Result};
