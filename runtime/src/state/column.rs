//! A column: one field of a keyed state, or the timers, as the backend sees it.
use super::cursor::Slot;
use super::error::StateError;
use crate::data::StoredSchema;
use serde::{Deserialize, Serialize};

/// What a column holds for one key. On disk, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// One value; the sub-key is empty.
    Value,
    /// A list; the sub-key is the element's index, 8 bytes, big-endian.
    List,
    /// A map; the sub-key is the encoded key.
    Map,
    /// Timers; the sub-key is domain, time and payload, the value is empty.
    Timers,
}

/// A column as a checkpoint describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredColumn {
    /// The field's name: columns are found again by it.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
    /// Whether each value begins with the processing time of its last write: 8 bytes, milliseconds, little-endian.
    pub timed: bool,
    /// The schema of the value; of a map, that of the key and that of the value.
    pub schemas: Vec<StoredSchema>,
}

/// Where a column puts what it encodes.
pub trait CellSink {
    /// A cell has this value.
    fn put(&mut self, slot: Slot, sub: &[u8], value: &[u8]);
    /// A cell is gone.
    fn delete(&mut self, slot: Slot, sub: &[u8]);
}

/// One field of a keyed state, for all keys of a worker. Implemented by what is inside `Value`, `List`, `Map` and
/// `Timers` only.
///
/// A snapshot of a column is what [`Column::encode`] writes between [`Column::freeze`] and [`Column::durable`] or
/// [`Column::redo`]: what was written since the freeze before, as it was at the freeze.
pub trait Column: sealed::Sealed {
    /// As a checkpoint describes it.
    fn describe(&self) -> StoredColumn;

    /// Whether what was stored so can be restored into this column.
    ///
    /// # Errors
    /// Says why not, and what to do.
    fn accepts(&self, stored: &StoredColumn) -> Result<(), StateError>;

    /// Brings the state of these keys near the processor, before the first is entered: many misses at once.
    fn fetch(&self, slots: &[Slot]);

    /// Whether there is nothing for this key.
    fn is_empty(&self, slot: Slot) -> bool;

    /// Forgets what there is for a key, without a trace in the next snapshot: its row goes as a whole.
    fn forget(&mut self, slot: Slot);

    /// Encodes and decodes the first value that was written; does nothing after that.
    ///
    /// # Errors
    /// Names type and column where it came back as another.
    fn check(&mut self) -> Result<(), StateError>;

    /// Removes what was not written for the TTL, visiting at most `budget` cells and counting it down.
    fn expire(&mut self, budget: &mut usize);

    /// What is dirty now belongs to the snapshot that begins.
    fn freeze(&mut self);

    /// Encodes at most `budget` cells of the frozen set, counting it down. Done where budget remains.
    ///
    /// # Errors
    /// Where a value cannot be encoded.
    fn encode(&mut self, budget: &mut usize, out: &mut dyn CellSink) -> Result<(), StateError>;

    /// The snapshot is durable.
    fn durable(&mut self);

    /// The snapshot was abandoned, encoded or not: the next one contains what it would have.
    fn redo(&mut self);

    /// Marks everything dirty: the next snapshot is complete by itself.
    fn rewrite(&mut self);

    /// Puts a stored cell in; a later one wins.
    ///
    /// # Errors
    /// Where sub-key or value cannot be read under the stored schemas.
    fn restore(&mut self, stored: &StoredColumn, slot: Slot, sub: &[u8], value: &[u8]) -> Result<(), StateError>;

    /// Takes a stored cell out.
    ///
    /// # Errors
    /// Where the sub-key cannot be read under the stored schema.
    fn restore_delete(&mut self, stored: &StoredColumn, slot: Slot, sub: &[u8]) -> Result<(), StateError>;

    /// Approximate size in memory.
    fn bytes(&self) -> usize;

    /// Approximate size of what there is for `rows` keys, without what is free, and of what a snapshot needs beside it.
    fn used(&self, rows: usize) -> usize;

    /// Encodes one of the cells that were written lately, for [`Column::used`].
    fn sample(&mut self);

    /// Encodes every cell of a key.
    ///
    /// # Errors
    /// Where a value cannot be encoded.
    fn save(&mut self, slot: Slot, out: &mut dyn CellSink) -> Result<(), StateError>;

    /// How long a cell lives that is not written, in milliseconds.
    fn ttl(&self) -> Option<i64>;

    /// Removes what was not written for the TTL for one key.
    fn expire_row(&mut self, slot: Slot);
}

pub(super) mod sealed {
    /// Only this module makes columns and handles.
    pub trait Sealed {}
}
