//! Pipelines without Rust: jobs that TOML files describe, and the contract by which connectors take part in them.
//!
//! A connector registers each of its types once, in its own folder: a struct of options, which serde reads from the
//! file, and what is made of it ([`SourceKind`], [`TransformKind`], [`SinkKind`], [`FormatKind`]). The command line
//! knows none of them by name.

mod command;
mod draw;
pub mod event;
pub mod expression;
mod file;
mod format;
pub mod json;
mod kind;
mod registry;
mod transform;

pub use command::main;
pub use draw::node::{Node, SinkNode, SourceNode};
pub use event::{Event, Naming, Payload};
pub use expression::Expression;
pub use file::{Mistake, Pipeline, read};
pub use format::EventFormat;
pub use kind::{Decoder, Encoder, FormatKind, Preparing, Side, SinkKind, SourceKind, TransformKind, Wrong};
pub use registry::Registry;

/// What a connector needs of the operators to draw its part of a job.
pub use millstream_operators::{Calls, Job, Result, Stream};
