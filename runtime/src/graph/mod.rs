//! The graph that a build function draws. It is judged as a whole, printed, hashed, and then assembled on each worker.
//! Rust jobs, pipelines in TOML and tests build the same graph, so its sentences are written once.

pub(crate) mod assemble;
mod judge;
mod node;
mod plan;

pub(crate) use node::Enumerator;
pub use node::{At, Build, Graph, OperatorBuild, OperatorInit, Rule, SourceBuild};
pub use plan::Against;
