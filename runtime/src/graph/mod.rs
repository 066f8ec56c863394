//! The graph that a build function draws. It is judged as a whole, printed, hashed, and then assembled on each worker.
//! Rust jobs, pipelines in TOML and tests build the same graph, so its sentences are written once.

mod above;
pub(crate) mod assemble;
mod fit;
mod judge;
mod node;
mod plan;
mod source_build;

pub(crate) use node::Build;
pub use node::{At, DelayingBuild, Graph, Make, OperatorBuild, OperatorInit, Rule};
pub use plan::Against;
pub(crate) use source_build::Enumerator;
