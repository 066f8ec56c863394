//! What a backend needs that keeps some of its rows elsewhere: which rows went, and which slots must wait.
use super::super::births::Births;
use super::super::cell::RESTORED;
use super::super::cursor::Slot;
use super::{Memory, bear};
use crate::data::Key;

/// The rows that went.
pub(super) struct Departed<K> {
    pub(super) rows: Vec<(Slot, K)>,
    /// Slots of stored rows that went in this generation. Columns still name their cells as gone. A row that comes back
    /// from elsewhere is as old as those, so in such a slot it would lose its own.
    pub(super) held: Vec<Slot>,
    /// The same of the outstanding snapshot.
    pub(super) frozen: Vec<Slot>,
}

impl<K> Departed<K> {
    /// What is held belongs to the snapshot that begins. It says by their keys which rows went: not by their cells.
    pub(super) fn freeze(&mut self, births: &mut Births) {
        self.frozen = std::mem::take(&mut self.held);
        self.frozen.iter().for_each(|slot| births.free(*slot));
    }

    /// The snapshot is abandoned.
    pub(super) fn redo(&mut self) {
        self.held.append(&mut self.frozen);
    }
}

impl<K: Key> Memory<K> {
    /// Remembers the rows that go, for [`Memory::take_departed`].
    pub(in crate::state) fn watch(&mut self) {
        self.departed = Some(Departed { rows: Vec::new(), held: Vec::new(), frozen: Vec::new() });
    }

    /// The rows that went since the last call. Their slots may be used again with the next look-up.
    pub(in crate::state) fn take_departed(&mut self) -> Vec<(Slot, K)> {
        self.departed.as_mut().map(|departed| std::mem::take(&mut departed.rows)).unwrap_or_default()
    }

    /// As [`Memory::resolve_all`]; `made` hears of new rows.
    #[inline]
    pub(in crate::state) fn resolve_noting<'k>(
        &mut self,
        hashes: &[u64],
        key: impl Fn(usize) -> &'k K,
        out: &mut Vec<Slot>,
        mut made: impl FnMut(Slot),
    ) where
        K: 'k,
    {
        let (births, cursor, generation) = (&mut self.births, &self.cursor, self.generation);
        self.rows.resolve_batch(hashes, key, out, |slot| {
            bear(births, cursor, generation, slot);
            made(slot);
        });
    }

    /// A snapshot has the row: when it goes, the next one says so.
    pub(in crate::state) fn mark_stored(&mut self, slot: Slot) {
        self.births.bear(slot, RESTORED.get());
    }

    /// Takes a row out that is elsewhere from now on, after its columns have forgotten it. No snapshot is outstanding.
    pub(in crate::state) fn dismiss(&mut self, slot: Slot) {
        self.unlink(slot);
        self.let_go(slot);
    }

    /// Whether a snapshot is neither durable nor abandoned.
    pub(in crate::state) fn is_outstanding(&self) -> bool {
        self.frozen.is_some()
    }

    /// Whether entries are being replayed.
    pub(in crate::state) fn is_restoring(&self) -> bool {
        self.restoring
    }

    /// Approximate bytes that a row takes, beside its columns and what its key owns.
    pub(in crate::state) fn row_bytes(&self) -> usize {
        // The key with its hash, its place in the index, and its birth.
        size_of::<K>() + 8 + 12 + 4
    }
}
