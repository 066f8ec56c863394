//! Keyed state: values, lists, maps and timers of each key, snapshots of what changed, and their restore.
//!
//! A key is found once for each record and gives a dense [`Slot`]; columns are slabs by slot. The unit of a snapshot is
//! the cell (key group, key, column, sub-key).
//!
//! ```
//! use millstream_runtime::{KeyedState, codec::KeyHasher, state::*, time::Timestamp};
//!
//! #[derive(KeyedState)]
//! struct Visits {
//!     count: Value<u64>,
//!     #[state(ttl = "7d")]
//!     pages: Map<String, u64>,
//! }
//!
//! let cursor = Cursor::new();
//! cursor.set_now(Timestamp(0));
//! let mut visits = Visits::open(&mut StateSpace::new(&cursor));
//! let mut users = Memory::<u64>::new(&cursor);
//!
//! for user in [7, 8, 7] {
//!     let slot = users.resolve(KeyHasher::default().hash(&user), &user);
//!     cursor.enter(slot);
//!     *visits.count.get_mut() += 1;
//!     visits.pages.insert(format!("/{}", visits.count.get().unwrap()), user);
//! }
//! assert_eq!((visits.count.get(), visits.pages.len()), (Some(&2), 2));
//! cursor.leave();
//! users.settle(&mut visits.columns()).unwrap();
//! assert_eq!(users.len(), 2);
//! ```
mod agenda;
mod backend;
mod births;
mod cell;
mod cells;
mod changes;
mod column;
pub mod conformance;
mod cursor;
mod disk;
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

pub use crate::checkpoint::Entry;
pub use backend::{Backend, Columns, EntrySink};
pub use changes::Changes;
pub use column::{CellSink, Column, Kind, StoredColumn};
pub use cursor::{Cursor, Slot};
pub use disk::{Disk, Scratch, StateBackend};
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
