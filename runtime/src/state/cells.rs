//! From the slots of a column to the keys and groups of a snapshot.
use super::backend::EntrySink;
use super::births::Births;
use super::column::CellSink;
use super::cursor::Slot;
use super::error::StateError;
use super::rows::RowIndex;
use crate::codec::{encode_into, key_group};
use crate::data::Key;

/// Names the cells of one column by key and group.
pub(super) struct Cells<'a, K> {
    pub(super) rows: &'a RowIndex<K>,
    pub(super) births: &'a Births,
    /// The generation that the snapshot is of.
    pub(super) generation: u32,
    pub(super) column: u16,
    pub(super) out: &'a mut dyn EntrySink,
    /// The encoded key of the slot `at`.
    pub(super) key: Vec<u8>,
    pub(super) at: Option<Slot>,
    pub(super) fault: Option<String>,
}

impl<K: Key> Cells<'_, K> {
    /// The first key that could not be encoded.
    pub(super) fn end(self) -> Result<(), StateError> {
        self.fault.map_or(Ok(()), |what| Err(StateError::Key(what)))
    }

    /// Encodes the key of a slot. Returns its group.
    fn enter(&mut self, slot: Slot) -> Option<u16> {
        if self.at != Some(slot) {
            self.key.clear();
            if let Err(what) = encode_into(self.rows.key(slot)?, &mut self.key) {
                self.fault.get_or_insert(what);
            }
            self.at = Some(slot);
        }
        Some(key_group(self.rows.hash(slot)))
    }
}

impl<K: Key> CellSink for Cells<'_, K> {
    fn put(&mut self, slot: Slot, sub: &[u8], value: &[u8]) {
        if let Some(group) = self.enter(slot) {
            self.out.put(group, self.column, &self.key, sub, value);
        }
    }

    fn delete(&mut self, slot: Slot, sub: &[u8]) {
        // The row of the cell may be gone, which the snapshot says by itself, and its slot another key's: one that was
        // born too late to have had cells in an older snapshot.
        if self.births.of(slot).is_none_or(|born| born >= self.generation) {
            return;
        }
        if let Some(group) = self.enter(slot) {
            self.out.delete(group, self.column, &self.key, sub);
        }
    }
}
