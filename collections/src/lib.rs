//! Incremental collections on differential dataflow: joins, aggregates and loops over records that come and go, kept up to
//! date as they do.
//!
//! [`ToCollection::to_collection`] begins one, [`Collection::changes`] gives what changes as a stream again. Checkpoints
//! have the contents of what [`ToCollection::to_collection`] was called on, and nothing else: `docs/collections.md` says
//! why that is enough.

mod body;
mod changes;
mod collection;
mod edge;
mod entry;
mod iterate;
mod join;
mod linear;
mod reduce;
mod row;
mod verb;

pub use collection::Collection;
pub use entry::{ChangesToCollection, ToCollection};
pub use row::{Change, Row};
