//! The contract of a state backend: where keys live, how their state is frozen, written, and restored.
use super::column::Column;
use super::cursor::{Cursor, Slot};
use super::error::StateError;
use super::plan::Plan;
use crate::checkpoint::{Entry, Grouped};
use std::rc::Rc;

/// Where a snapshot goes. Entries of one key must be replayed in the order in which they come.
pub trait EntrySink {
    /// The cell (column, key, sub-key) has this value.
    fn put(&mut self, group: u16, column: u16, key: &[u8], sub: &[u8], value: &[u8]);
    /// The cell is gone.
    fn delete(&mut self, group: u16, column: u16, key: &[u8], sub: &[u8]);
    /// Every cell of the key, in every column, is gone.
    fn delete_row(&mut self, group: u16, key: &[u8]);

    /// Everything that was written ahead of what follows.
    ///
    /// # Errors
    /// Where that is in a file which cannot be read.
    fn ahead(&mut self, earlier: &Grouped) -> Result<(), StateError> {
        let replay = &mut |group, entry: Entry<'_>| match entry {
            Entry::Put { column, key, sub, value } => self.put(group, column, key, sub, value),
            Entry::Delete { column, key, sub } => self.delete(group, column, key, sub),
            Entry::DeleteRow { key } => self.delete_row(group, key),
        };
        earlier.for_each(replay).map_err(|e| StateError::Changes(e.to_string()))
    }
}

/// The columns of one operator, always the same ones in the same order: those of its state, then its timers.
pub type Columns<'c, 'a> = &'c mut [&'a mut dyn Column];

/// The keys of one operator on one worker. Their state is in the columns, which are handed in.
///
/// For each batch: [`Backend::resolve_batch`] and [`Backend::load`]; for each record [`Cursor::enter`] and the user's
/// code; then [`Backend::settle`], and only then the next look-up. Slots are valid until then, also those of rows that
/// became empty; those of rows with timers are valid as long as they have some. For each checkpoint: [`Backend::freeze`], [`Backend::encode`] until it is done (with records in between), and
/// [`Backend::durable`] or [`Backend::redo`].
pub trait Backend<K> {
    /// What the handles look at.
    fn cursor(&self) -> &Rc<Cursor>;

    /// The slot of a key, new or not. `hash` is that of the key's encoding.
    fn resolve(&mut self, hash: u64, key: &K) -> Slot;

    /// The slots of a batch of keys, in order, appended to `out`.
    fn resolve_batch<'k>(&mut self, hashes: &[u64], key: &dyn Fn(usize) -> &'k K, out: &mut Vec<Slot>)
    where
        K: 'k;

    /// The slot of a key that is there.
    fn find(&mut self, hash: u64, key: &K) -> Option<Slot>;

    /// Brings the rows of these slots into memory, and those of all that were looked up since the last settling. Before
    /// the first is entered: after each look-up, and for slots that the caller remembers, as those of timers.
    ///
    /// # Errors
    /// Where a row cannot be read.
    fn load(&mut self, _columns: Columns<'_, '_>, _slots: &[Slot]) -> Result<(), StateError> {
        Ok(())
    }

    /// The key of a live slot.
    fn key(&self, slot: Slot) -> Option<&K>;

    /// How many keys there are.
    fn len(&self) -> usize;

    /// Visits the slot of every key that has one, in no order: after a restore, to make again what is derived from state.
    fn for_each_slot(&self, visit: &mut dyn FnMut(Slot)) {
        let mut left = self.len();
        let mut slots = (0..u32::MAX).map(Slot);
        while left > 0
            && let Some(slot) = slots.next()
        {
            if self.key(slot).is_some() {
                visit(slot);
                left -= 1;
            }
        }
    }

    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// After each batch, timer round or restore: rows that became empty go, and the first values are checked.
    ///
    /// # Errors
    /// Where a value does not survive its encoding.
    fn settle(&mut self, columns: Columns<'_, '_>) -> Result<(), StateError>;

    /// Removes what outlived its TTL, visiting at most about `budget` cells. Settles.
    ///
    /// # Errors
    /// As [`Backend::settle`].
    fn expire(&mut self, columns: Columns<'_, '_>, budget: usize) -> Result<(), StateError>;

    /// Begins a snapshot: the state as it is now. Cheap, whatever the amount of state. Settles.
    ///
    /// # Errors
    /// Where the snapshot before is neither durable nor abandoned; else as [`Backend::settle`].
    fn freeze(&mut self, columns: Columns<'_, '_>) -> Result<(), StateError>;

    /// Writes at most `budget` entries of the snapshot, beside those that were written ahead of it; true once it is
    /// complete.
    ///
    /// # Errors
    /// Where a key or value cannot be encoded.
    fn encode(&mut self, columns: Columns<'_, '_>, budget: usize, out: &mut dyn EntrySink) -> Result<bool, StateError>;

    /// The snapshot is durable.
    fn durable(&mut self, columns: Columns<'_, '_>);

    /// The snapshot is abandoned, complete or not: the next one contains what it would have.
    fn redo(&mut self, columns: Columns<'_, '_>);

    /// The next snapshot is complete by itself.
    ///
    /// # Errors
    /// Where a row cannot be read.
    fn rewrite(&mut self, columns: Columns<'_, '_>) -> Result<(), StateError>;

    /// Replays a stored entry; `group` is where it was found. Entries of one key come in the order in which they were
    /// written. Call [`Backend::settle`] after the last.
    ///
    /// # Errors
    /// Where the key is not of that group, or key, sub-key or value cannot be read.
    fn restore(
        &mut self,
        columns: Columns<'_, '_>,
        plan: &Plan,
        group: u16,
        change: Entry<'_>,
    ) -> Result<(), StateError>;

    /// Approximate size in memory, with that of the columns.
    fn bytes(&mut self, columns: Columns<'_, '_>) -> usize;
}
