//! Keyed state: values, lists, maps and timers of each key, snapshots of what changed, and their restore.
//!
//! A key is found once for each record and gives a dense [`Slot`]; columns are slabs by slot. The unit of a snapshot is
//! the cell (key group, key, column, sub-key).
mod backend;
mod births;
mod cell;
mod cells;
mod column;
pub mod conformance;
mod cursor;
mod error;
mod keyed;
mod lines;
mod list;
mod map;
mod memory;
mod plan;
mod rows;
mod shelf;
mod snapshot;
mod sorted;
mod sweep;
mod table;
mod timers;
mod tracker;
mod value;

pub use backend::{Backend, Change, Columns, EntrySink};
pub use column::{CellSink, Column, Kind, StoredColumn};
pub use cursor::{Cursor, Slot};
pub use error::StateError;
pub use keyed::{Handle, KeyedState, StateSpace};
pub use list::List;
pub use map::{Map, MapMut};
pub use memory::Memory;
pub use plan::{Plan, StoredState, Unknown};
pub use rows::RowIndex;
pub use shelf::{read_as, read_stored};
pub use timers::{Domain, Due, Timers};
pub use value::{Value, ValueMut};
